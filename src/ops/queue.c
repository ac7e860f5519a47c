/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.c: queues: FIFO, padding, by priority, shuffling.
 *
 * A queue is an object of the store, by name. Its elements are tuples of tensors, one sequence of items
 * for each component, of which the first `head` are gone. A session runs one op at a time, so whoever
 * would wait for another to put something in, or to make room, waits for ever: that is an error.
 *
 * The shuffling queue takes its elements as TensorFlow does (element `random % size`, whose place the
 * last one takes), so with a seed it gives the same order.
 */
#include "ops/host.h"
#include "ops/object.h"
#include "ops/random.h"
#include "ops/variable.h"

typedef enum queue_kind { QUEUE_FIFO, QUEUE_PADDING, QUEUE_PRIORITY, QUEUE_SHUFFLE } queue_kind;
#define MAX_COMPONENTS 64

typedef struct queue_attrs {
  ufi_handle_attrs handle;
  queue_kind kind;
  int32_t n;                    /* components, the priority among them */
  uf_dtype dtypes[MAX_COMPONENTS];
  const uf_shape *shapes;       /* NULL: any */
  int64_t capacity, min_after, seed, seed2;
} queue_attrs;

typedef struct queue {
  queue_attrs copy;             /* its shapes are those below: attributes live no longer than the model */
  uf_shape *shapes;
  bool closed;
  int64_t head;
  ufi_items items[MAX_COMPONENTS];
  ufi_philox_words random;
} queue;

static int64_t queue_size(const queue *q) { return q->items[0].n - q->head; }

static void queue_release(void *object) {
  queue *q = object;
  for (int32_t k = 0; k < q->copy.n; k++) ufi_items_release(&q->items[k]);
  ufi_free(q->shapes);
  ufi_free(q);
}

static bool copy_shapes(queue *q, const uf_shape *from) {
  q->shapes = NULL;
  if (from == NULL) return true;
  q->shapes = ufi_malloc((size_t)q->copy.n * sizeof *from);
  if (q->shapes) memcpy(q->shapes, from, (size_t)q->copy.n * sizeof *from);
  return q->shapes != NULL;
}

static void *queue_clone(const void *object) {
  const queue *from = object;
  queue *q = ufi_malloc(sizeof *q);
  if (q == NULL) return NULL;
  *q = *from;
  for (int32_t k = 0; k < q->copy.n; k++) q->items[k] = ufi_items_copy(&from->items[k]);
  if (copy_shapes(q, from->shapes)) return q;
  queue_release(q);
  return NULL;
}

static const ufi_object_type queue_type = {"queue", queue_release, queue_clone};

/* ---- making -------------------------------------------------------------------------- */

/* The priority is a component of its own, an int64 scalar before the others. */
static uf_status add_priority(const ufi_tf_attrs *from, queue_attrs *a, uf_error *error) {
  uf_shape *shapes = ufi_arena_array(from->arena, (size_t)a->n + 1, sizeof *shapes);
  if (shapes == NULL) return ufi_no_memory(error, sizeof *shapes);
  shapes[0] = (uf_shape){.rank = 0};
  for (int32_t k = a->n; k > 0; k--) {
    a->dtypes[k] = a->dtypes[k - 1];
    shapes[k] = a->shapes ? a->shapes[k - 1] : (uf_shape){.rank = -1};
  }
  a->dtypes[0] = UF_INT64;
  a->shapes = shapes;
  a->n++;
  return UF_OK;
}

static uf_status queue_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  queue_attrs *a = attrs;
  const uf_attr *shapes = ufi_tf_attr(from, "shapes");
  int64_t dtypes[MAX_COMPONENTS];
  a->kind = strncmp(from->op, "FIFO", 4) == 0 ? QUEUE_FIFO : strncmp(from->op, "Padd", 4) == 0 ? QUEUE_PADDING
          : strncmp(from->op, "Prio", 4) == 0 ? QUEUE_PRIORITY : QUEUE_SHUFFLE;
  UFI_TRY(ufi_tf_copy_ints(from, "component_types", MAX_COMPONENTS - 1, dtypes, &a->n, error));
  for (int32_t k = 0; k < a->n; k++) a->dtypes[k] = (uf_dtype)dtypes[k];
  if (shapes && shapes->kind == UF_ATTR_SHAPES && shapes->n > 0) {
    if (shapes->n != a->n) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shape for each of %d components, found %d", (int)a->n, (int)shapes->n);
    a->shapes = shapes->shapes;
  }
  if (a->kind == QUEUE_PRIORITY) UFI_TRY(add_priority(from, a, error));
  if (a->n < 1) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a queue of at least one component, found none");
  a->capacity = ufi_tf_int(from, "capacity");
  a->min_after = ufi_tf_int(from, "min_after_dequeue");
  if (a->min_after < 0) return ufi_fail(error, UF_INVALID_ARGUMENT, "min_after_dequeue %lld must be >= 0", (long long)a->min_after);
  a->seed = ufi_tf_int(from, "seed");
  a->seed2 = ufi_tf_int(from, "seed2");
  a->handle = (ufi_handle_attrs){.kind = UFI_STATE_OBJECT, .rank = -1, .container = ufi_tf_text(from, "container"),
                                 .name = ufi_tf_text(from, "shared_name")};
  if (a->handle.name[0] == 0) a->handle.name = from->name;
  return UF_OK;
}

static uf_status queue_create(ufi_ctx *ctx, ufi_resource *r) {
  const queue_attrs *a = ctx->attrs;
  queue *q = ufi_calloc(1, sizeof *q);
  if (q == NULL) return ufi_no_memory(ctx->error, sizeof *q);
  q->copy = *a;
  q->copy.handle.container = q->copy.handle.name = "";
  q->copy.shapes = NULL;
  if (!copy_shapes(q, a->shapes)) {
    queue_release(q);
    return ufi_no_memory(ctx->error, sizeof *q);
  }
  bool seeded = a->seed || a->seed2;
  q->random = (ufi_philox_words){.used = 4};
  q->random.gen = ufi_philox_seeded(seeded ? (uint64_t)a->seed : ufi_random_entropy(), seeded ? (uint64_t)a->seed2 : ufi_random_entropy());
  r->type = &queue_type;
  r->object = q;
  return UF_OK;
}

static uf_status queue_eval(ufi_ctx *ctx) {
  const queue_attrs *a = ctx->attrs;
  int64_t id;
  UFI_TRY(ufi_handle_declare(ufi_host_store(ctx), &a->handle, &id, ctx->error));
  ufi_resource *r = ufi_store_at(ufi_host_store(ctx), id);
  if (r->object == NULL) UFI_TRY(queue_create(ctx, r));
  const queue *q = r->object;
  if (r->type != &queue_type || q->copy.n != a->n || q->copy.kind != a->kind || memcmp(q->copy.dtypes, a->dtypes, (size_t)a->n * sizeof a->dtypes[0]) != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Shared queue '%s' has component types that do not match the requested ones: expected the same", r->name);
  }
  memcpy(ctx->out[0]->data, &id, sizeof id);
  return UF_OK;
}

const ufi_op_def ufi_op_QUEUE = {.attrs_size = sizeof(queue_attrs), .attrs_tf = queue_tf, .infer = ufi_handle_infer, .eval = queue_eval};

/* ---- asking, closing ------------------------------------------------------------------ */

static uf_status queue_in(ufi_ctx *ctx, queue **out, ufi_resource **r_out) { return ufi_object_in(ctx, &queue_type, (void **)out, r_out); }

typedef struct access_attrs {
  bool many, up_to, is_closed;
} access_attrs;

static uf_status access_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  access_attrs *a = attrs;
  a->many = strstr(from->op, "Many") || strstr(from->op, "UpTo");
  a->up_to = strstr(from->op, "UpTo") != NULL;
  a->is_closed = strstr(from->op, "IsClosed") != NULL;
  return UF_OK;
}

static uf_status ask_infer(ufi_ctx *ctx) { return ufi_out_shape(ctx, 0, 0, NULL); }

static uf_status ask_eval(ufi_ctx *ctx) {
  const access_attrs *a = ctx->attrs;
  queue *q = NULL;
  UFI_TRY(queue_in(ctx, &q, NULL));
  if (a->is_closed) *(bool *)ctx->out[0]->data = q->closed;
  else *(int32_t *)ctx->out[0]->data = (int32_t)queue_size(q);
  return UF_OK;
}

static uf_status handle_infer(ufi_ctx *ctx) { return ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID); }

static uf_status close_eval(ufi_ctx *ctx) {
  queue *q = NULL;
  UFI_TRY(queue_in(ctx, &q, NULL));
  q->closed = true;
  return UF_OK;
}

const ufi_op_def ufi_op_QUEUE_ASK = {.attrs_size = sizeof(access_attrs), .attrs_tf = access_tf, .infer = ask_infer, .eval = ask_eval};
const ufi_op_def ufi_op_QUEUE_CLOSE = {.infer = handle_infer, .eval = close_eval};

/* ---- putting in ------------------------------------------------------------------------- */

static uf_status check_component(ufi_ctx *ctx, const queue *q, int32_t k, bool many) {
  const ufi_tensor *t = ctx->in[k + 1];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (t->dtype != q->copy.dtypes[k]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Type mismatch in tuple component %d. Expected %s, got %s", (int)k, uf_dtype_name(q->copy.dtypes[k]),
                        uf_dtype_name(t->dtype));
  }
  if (many && (t->rank < 1 || t->dims[0] != ctx->in[1]->dims[0] || uf_dtype_bits(t->dtype) < 8)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "All input tensors must have the same size in the 0th dimension: expected rows in component %d", (int)k);
  }
  int32_t skip = many;
  uf_shape shape = q->shapes ? q->shapes[k] : (uf_shape){.rank = -1};
  if (ufi_partial_merge(&shape, t->rank - skip, t->dims + skip)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Shape mismatch in tuple component %d. Expected %s, got %s", (int)k,
                      ufi_shape_text(shape.rank, shape.dims, want), ufi_shape_text(t->rank - skip, t->dims + skip, found));
}

static uf_status put(ufi_ctx *ctx, queue *q, int32_t k, int64_t n, bool many) {
  uf_tensor t;
  uf_status status = UF_OK;
  UFI_TRY(ufi_keep_in(ctx, k + 1, &t));
  for (int64_t i = 0; status == UF_OK && i < n; i++) {
    uf_tensor row = many ? ufi_tensor_rows(&t, i, -1) : t;
    status = ufi_items_push(&q->items[k], &row, true, ctx->error);
  }
  uf_tensor_release(&t);
  return status;
}

static uf_status enqueue_eval(ufi_ctx *ctx) {
  const access_attrs *a = ctx->attrs;
  queue *q = NULL;
  ufi_resource *r = NULL;
  UFI_TRY(queue_in(ctx, &q, &r));
  if (ctx->n_in - 1 != q->copy.n) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Wrong number of components in tuple. Expected %d, got %d", (int)q->copy.n, (int)ctx->n_in - 1);
  }
  for (int32_t k = 0; k < q->copy.n; k++) UFI_TRY(check_component(ctx, q, k, a->many));
  int64_t n = a->many ? ctx->in[1]->dims[0] : 1, room = q->copy.capacity < 0 ? INT64_MAX : q->copy.capacity - queue_size(q);
  if (q->closed) return ufi_ctx_fail(ctx, UF_CANCELLED, "Queue '%s' is closed: expected an open one", r->name);
  if (n > room) {
    return ufi_ctx_fail(ctx, UF_CANCELLED, "expected room for %lld elements in queue '%s', found it full but for %lld, which would mean to wait for ever",
                        (long long)n, r->name, (long long)UFI_MAX(room, (int64_t)0));
  }
  int64_t before = q->items[0].n;
  uf_status status = UF_OK;
  for (int32_t k = 0; status == UF_OK && k < q->copy.n; k++) status = put(ctx, q, k, n, a->many);
  for (int32_t k = 0; status != UF_OK && k < q->copy.n; k++) { /* all or nothing */
    if (ufi_items_resize(&q->items[k], before, NULL) != UF_OK) break;
  }
  return status;
}

const ufi_op_def ufi_op_QUEUE_ENQUEUE = {.attrs_size = sizeof(access_attrs), .attrs_tf = access_tf, .infer = handle_infer, .eval = enqueue_eval};

/* ---- taking out --------------------------------------------------------------------------- */

/* Which of the elements comes next. */
static int64_t next_of(queue *q) {
  int64_t n = queue_size(q), best = q->head;
  if (q->copy.kind == QUEUE_SHUFFLE) return q->head + (int64_t)(ufi_philox_word(&q->random) % (uint64_t)n);
  if (q->copy.kind != QUEUE_PRIORITY) return q->head;
  for (int64_t i = q->head; i < q->items[0].n; i++) {
    if (*(const int64_t *)ufi_items_at(&q->items[0], i)->data < *(const int64_t *)ufi_items_at(&q->items[0], best)->data) best = i;
  }
  return best;
}

/* Element `at` goes: its place takes the last one (shuffled), or all before it move on by one. */
static uf_status remove_at(queue *q, int32_t k, int64_t at, uf_error *error) {
  ufi_items *items = &q->items[k];
  if (q->copy.kind == QUEUE_SHUFFLE) {
    if (at != items->n - 1) UFI_TRY(ufi_items_set(items, at, ufi_items_at(items, items->n - 1), true, error));
    return ufi_items_resize(items, items->n - 1, error);
  }
  for (int64_t i = at; i > q->head; i--) UFI_TRY(ufi_items_set(items, i, ufi_items_at(items, i - 1), true, error));
  return ufi_items_set(items, q->head, NULL, false, error);
}

/* Places of elements that are gone are given back when they are the most. */
static uf_status tidy(queue *q, uf_error *error) {
  int64_t n = queue_size(q);
  if (q->head < 64 || q->head < n) return UF_OK;
  ufi_items fresh[MAX_COMPONENTS] = {0};
  uf_status status = UF_OK;
  for (int32_t k = 0; k < q->copy.n; k++) {
    for (int64_t i = 0; status == UF_OK && i < n; i++) {
      status = ufi_items_push(&fresh[k], ufi_items_at(&q->items[k], q->head + i), true, error);
    }
  }
  for (int32_t k = 0; k < q->copy.n; k++) {
    ufi_items_release(status == UF_OK ? &q->items[k] : &fresh[k]);
    if (status == UF_OK) q->items[k] = fresh[k];
  }
  if (status == UF_OK) q->head = 0;
  return status;
}

/* The next n elements, n for each component one after the other, retained. */
static uf_status take(ufi_ctx *ctx, queue *q, int64_t n, uf_tensor *out) {
  for (int64_t i = 0; i < n; i++) {
    int64_t at = next_of(q);
    for (int32_t k = 0; k < q->copy.n; k++) {
      uf_tensor *t = &out[k * n + i];
      *t = *ufi_items_at(&q->items[k], at);
      uf_buf_retain(t->buf);
      UFI_TRY(remove_at(q, k, at, ctx->error));
    }
    if (q->copy.kind != QUEUE_SHUFFLE) q->head++;
  }
  if (queue_size(q) > 0) return UF_OK;
  q->head = 0;
  for (int32_t k = 0; k < q->copy.n; k++) ufi_items_release(&q->items[k]);
  return UF_OK;
}

/* One part into its place in a batch of larger rows: the rest of the row stays zeros (padding). */
static void place(uf_tensor *batch, int64_t row, const uf_tensor *t) {
  size_t size = (size_t)uf_dtype_bits(t->dtype) / 8;
  uf_tensor to = ufi_tensor_rows(batch, row, -1);
  int64_t runs = 1, index[UF_MAX_RANK] = {0};
  int32_t last = t->rank - 1;
  if (t->size == 0) return;
  for (int32_t d = 0; d < last; d++) runs *= t->dims[d];
  size_t run = t->rank ? (size_t)t->dims[last] * size : size;
  for (int64_t i = 0; i < runs; i++) {
    size_t at = 0;
    for (int32_t d = 0; d < t->rank; d++) at = at * (size_t)to.dims[d] + (size_t)(d < last ? index[d] : 0);
    memcpy((char *)to.data + at * size, (const char *)t->data + (size_t)i * run, run);
    for (int32_t d = last - 1; d >= 0 && ++index[d] == t->dims[d]; d--) index[d] = 0;
  }
}

static uf_status batch(ufi_ctx *ctx, const queue *q, int32_t k, int64_t n, const uf_tensor *parts) {
  uf_shape shape = q->shapes[k];
  int64_t dims[UF_MAX_RANK + 1] = {n};
  uf_tensor out;
  for (int32_t d = 0; d < shape.rank; d++) {
    if (shape.dims[d] >= 0) continue;
    shape.dims[d] = 0;
    for (int64_t i = 0; i < n; i++) shape.dims[d] = UFI_MAX(shape.dims[d], parts[i].dims[d]);
  }
  memcpy(dims + 1, shape.dims, (size_t)UFI_MAX(shape.rank, 0) * sizeof dims[0]);
  UFI_TRY(ufi_new_tensor(ctx, q->copy.dtypes[k], shape.rank + 1, dims, &out));
  for (int64_t i = 0; i < n; i++) place(&out, i, &parts[i]);
  return ufi_out_take(ctx, k, &out);
}

static uf_status give(ufi_ctx *ctx, queue *q, int64_t n, bool many) {
  size_t count = (size_t)(n * q->copy.n);
  uf_tensor *parts = ufi_calloc(count + 1, sizeof *parts);
  if (parts == NULL) return ufi_no_memory(ctx->error, count * sizeof *parts);
  uf_status status = take(ctx, q, n, parts);
  for (int32_t k = 0; status == UF_OK && k < q->copy.n; k++) {
    status = many ? batch(ctx, q, k, n, parts + k * n) : ufi_host_out_share(ctx, k, &parts[k]);
  }
  if (status == UF_OK) status = tidy(q, ctx->error);
  for (size_t i = 0; i < count; i++) uf_tensor_release(&parts[i]);
  ufi_free(parts);
  return status;
}

static uf_status too_few(ufi_ctx *ctx, const queue *q, const ufi_resource *r, int64_t n) {
  return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "Queue '%s' %s insufficient elements (requested %lld, current size %lld)%s", r->name,
                      q->closed ? "is closed and has" : "has", (long long)n, (long long)queue_size(q), q->closed ? "" : ", to wait for more would mean to wait for ever");
}

static uf_status dequeue_eval(ufi_ctx *ctx) {
  const access_attrs *a = ctx->attrs;
  queue *q = NULL;
  ufi_resource *r = NULL;
  int64_t n = 1;
  int32_t count;
  UFI_TRY(queue_in(ctx, &q, &r));
  if (a->many) UFI_TRY(ufi_read_ints(ctx, ctx->in[1], &n, 1, &count));
  if (n < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Queue '%s': expected to dequeue 0 elements or more, found %lld", r->name, (long long)n);
  bool good = ctx->n_out == q->copy.n;
  for (int32_t k = 0; good && k < ctx->n_out; k++) good = ctx->out[k]->dtype == q->copy.dtypes[k];
  if (!good) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected the component types of queue '%s', found others", r->name);
  for (int32_t k = 0; a->many && k < q->copy.n; k++) {
    if (q->shapes && q->shapes[k].rank >= 0 && (q->copy.kind == QUEUE_PADDING || ufi_partial_known(&q->shapes[k]))) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Queue '%s': DequeueMany and DequeueUpTo require the components to have specified shapes", r->name);
  }
  int64_t there = queue_size(q) - (q->copy.kind == QUEUE_SHUFFLE && !q->closed ? q->copy.min_after : 0);
  if (a->up_to && q->closed && there > 0) n = UFI_MIN(n, there);
  if (n > there) return too_few(ctx, q, r, n);
  return give(ctx, q, n, a->many);
}

const ufi_op_def ufi_op_QUEUE_DEQUEUE = {.attrs_size = sizeof(access_attrs), .attrs_tf = access_tf, .infer = handle_infer, .eval = dequeue_eval};
