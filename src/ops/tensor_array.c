/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_array.c: TensorArray*V3: arrays of tensors, written once and read element by element or as one.
 *
 * An array is an object in the store that its handle owns. The flow values only order the ops. The
 * gradient of an array is another one, which sums what is written to an element, whose unwritten
 * elements read as zeros of the forward element's shape; it goes with the array it belongs to.
 */
#include "ops/host.h"
#include "ops/move.h"
#include "ops/object.h"
#include "ops/variable.h"

typedef struct array {
  uf_dtype dtype;
  uf_shape shape;       /* of elements, as far as known */
  bool dynamic, clear, identical, sums;
  ufi_items items;
  ufi_items shapes;     /* gradients: the forward array's elements, for their shapes */
  ufi_items marks;      /* int8 per element that was read (and cleared) */
} array;

static void array_release(void *object) {
  array *a = object;
  ufi_items_release(&a->items);
  ufi_items_release(&a->shapes);
  ufi_items_release(&a->marks);
  ufi_free(a);
}

static void *array_clone(const void *object) {
  const array *from = object;
  array *a = ufi_malloc(sizeof *a);
  if (a == NULL) return NULL;
  *a = *from;
  a->items = ufi_items_copy(&from->items);
  a->shapes = ufi_items_copy(&from->shapes);
  a->marks = ufi_items_copy(&from->marks);
  return a;
}

static const ufi_object_type array_type = {"TensorArray", array_release, array_clone};

typedef struct array_attrs {
  uf_dtype dtype;
  uf_shape shape;
  bool dynamic, clear, identical, prepends;
  const char *name, *source;
} array_attrs;

static uf_status array_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  array_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "element_shape"), *rest = ufi_tf_attr(from, "element_shape_except0");
  shape = shape ? shape : rest;
  a->dtype = ufi_tf_dtype(from, "dtype");
  a->shape.rank = -1;
  if (shape && shape->kind == UF_ATTR_SHAPE) a->shape = ufi_partial(shape->rank, shape->dims);
  a->dynamic = ufi_tf_bool(from, "dynamic_size");
  a->clear = ufi_tf_bool(from, "clear_after_read");
  a->identical = ufi_tf_bool(from, "identical_element_shapes");
  a->name = ufi_tf_text(from, "tensor_array_name");
  if (a->name[0] == 0) a->name = from->name;
  a->source = ufi_tf_text(from, "source");
  a->prepends = strcmp(from->op, "TensorArrayGradWithShape") == 0;
  return UF_OK;
}

/* ---- outputs ------------------------------------------------------------------------ */

static uf_status array_infer(ufi_ctx *ctx) { return UF_OK; }
static uf_status flow_infer(ufi_ctx *ctx) { return ctx->running ? UF_OK : ufi_out_shape(ctx, ctx->n_out - 1, 0, NULL); }

static uf_status give_flow(ufi_ctx *ctx, int32_t i) {
  uf_tensor flow;
  UFI_TRY(ufi_new_tensor(ctx, UF_FLOAT32, 0, NULL, &flow));
  return ufi_out_take(ctx, i, &flow);
}

static uf_status bad_shape(ufi_ctx *ctx, const char *what, const uf_shape *want, int32_t rank, const int64_t *dims) {
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape %s, found %s", what,
                      want->rank < 0 ? "<unknown>" : ufi_shape_text(want->rank, want->dims, a), rank < 0 ? "<unknown>" : ufi_shape_text(rank, dims, b));
}

static uf_status array_in(ufi_ctx *ctx, array **out, ufi_resource **r_out) { return ufi_object_in(ctx, &array_type, (void **)out, r_out); }

static uf_status want_dtype(ufi_ctx *ctx, const array *a, uf_dtype dtype) {
  if (a->dtype == dtype) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorArray dtype is %s but Op requests dtype %s: expected the same", uf_dtype_name(a->dtype),
                      uf_dtype_name(dtype));
}

static uf_status read_scalar(ufi_ctx *ctx, int32_t i, int64_t *out) {
  int32_t n;
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  if (ctx->in[i]->count == 1) return ufi_read_ints(ctx, ctx->in[i], out, 1, &n);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d to be a scalar, found %lld elements", (int)i, (long long)ctx->in[i]->count);
}

/* ---- making --------------------------------------------------------------------------- */

static uf_status array_eval(ufi_ctx *ctx) {
  const array_attrs *from = ctx->attrs;
  int64_t n, id;
  UFI_TRY(read_scalar(ctx, 0, &n));
  if (n < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Size should be >= 0: expected 0 or more, found %lld", (long long)n);
  array *a = ufi_calloc(1, sizeof *a);
  if (a == NULL) return ufi_no_memory(ctx->error, sizeof *a);
  *a = (array){.dtype = from->dtype, .shape = from->shape, .dynamic = from->dynamic, .clear = from->clear, .identical = from->identical};
  uf_status status = ufi_items_resize(&a->items, n, ctx->error);
  if (status != UF_OK) {
    array_release(a);
    return status;
  }
  UFI_TRY(ufi_object_add(ctx, 0, &array_type, from->name, a, &id));
  return give_flow(ctx, 1);
}

static uf_status size_infer(ufi_ctx *ctx) { return ufi_out_shape(ctx, 0, 0, NULL); }

static uf_status size_eval(ufi_ctx *ctx) {
  array *a = NULL;
  UFI_TRY(array_in(ctx, &a, NULL));
  *(int32_t *)ctx->out[0]->data = (int32_t)a->items.n;
  return UF_OK;
}

static uf_status close_infer(ufi_ctx *ctx) { return ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID); }

static uf_status close_eval(ufi_ctx *ctx) {
  array *a = NULL;
  ufi_resource *r = NULL;
  UFI_TRY(array_in(ctx, &a, &r));
  ufi_resource_clear(r);
  return UF_OK;
}

/* A gradient array in place of the one that is not there yet. */
static uf_status make_gradient(ufi_ctx *ctx, array *a, ufi_resource *r, int64_t *id_out) {
  const array_attrs *from = ctx->attrs;
  array *g = ufi_calloc(1, sizeof *g);
  if (g == NULL) return ufi_no_memory(ctx->error, sizeof *g);
  *g = (array){.dtype = a->dtype, .shape = a->shape, .identical = a->identical, .sums = true};
  uf_status status = UF_OK;
  if (from->prepends) { /* elements have these dimensions more in front */
    uf_shape more;
    status = ufi_in_partial(ctx, 2, &more);
    if (status == UF_OK && more.rank + g->shape.rank <= UF_MAX_RANK && g->shape.rank >= 0 && more.rank >= 0) {
      memmove(g->shape.dims + more.rank, g->shape.dims, (size_t)g->shape.rank * sizeof g->shape.dims[0]);
      memcpy(g->shape.dims, more.dims, (size_t)more.rank * sizeof more.dims[0]);
      g->shape.rank += more.rank;
    } else {
      g->shape.rank = -1;
    }
  } else {
    g->shapes = ufi_items_copy(&a->items);
  }
  a->dynamic = false; /* TensorFlow: it cannot be resized any more */
  if (status == UF_OK) status = ufi_items_resize(&g->items, a->items.n, ctx->error);
  if (status == UF_OK) status = ufi_store_add(ufi_host_store(ctx), UFI_STATE_OBJECT, from->source, id_out, ctx->error);
  if (status != UF_OK) {
    array_release(g);
    return status;
  }
  ufi_resource *made = ufi_store_at(ufi_host_store(ctx), *id_out);
  made->type = &array_type;
  made->object = g;
  made->child = r->child;
  r->child = *id_out;
  return UF_OK;
}

static uf_status gradient_eval(ufi_ctx *ctx) {
  const array_attrs *from = ctx->attrs;
  array *a = NULL;
  ufi_resource *r = NULL, *g;
  UFI_TRY(array_in(ctx, &a, &r));
  int64_t id = r->child;
  while ((g = id ? ufi_store_at(ufi_host_store(ctx), id) : NULL) && strcmp(g->name, from->source) != 0) id = g->child;
  if (g == NULL) UFI_TRY(make_gradient(ctx, a, r, &id));
  uf_tensor handle;
  UFI_TRY(ufi_new_tensor(ctx, UF_RESOURCE, 0, NULL, &handle));
  memcpy(handle.data, &id, sizeof id);
  UFI_TRY(ufi_out_take(ctx, 0, &handle));
  return give_flow(ctx, 1);
}

#define ARRAY_OP(infer_fn, run) {.attrs_size = sizeof(array_attrs), .attrs_tf = array_tf, .infer = infer_fn, .eval = run}
const ufi_op_def ufi_op_TENSOR_ARRAY = ARRAY_OP(array_infer, array_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_SIZE = ARRAY_OP(size_infer, size_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_CLOSE = ARRAY_OP(close_infer, close_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_GRAD = ARRAY_OP(array_infer, gradient_eval);

/* ---- writing ----------------------------------------------------------------------------- */

static bool can_sum(uf_dtype dtype) { return dtype != UF_STRING && dtype != UF_VARIANT && dtype != UF_BOOL && dtype != UF_RESOURCE; }

/* Adds t to what element i has. */
static uf_status sum_into(ufi_ctx *ctx, array *a, int64_t i, const uf_tensor *now, const uf_tensor *t) {
  uf_tensor sum;
  uf_shape shape = ufi_partial(now->rank, now->dims);
  if (!can_sum(t->dtype) || now->rank != t->rank || !ufi_partial_merge(&shape, t->rank, t->dims)) {
    return bad_shape(ctx, "a gradient", &shape, t->rank, t->dims);
  }
  UFI_TRY(ufi_tensor_keep(now, false, &sum, ctx->error));
  ufi_update_run(UFI_UPDATE_ADD, t->dtype, sum.data, t->data, uf_tensor_count(t), 1);
  uf_status status = ufi_items_set(&a->items, i, &sum, true, ctx->error);
  uf_tensor_release(&sum);
  return status;
}

/* t lasts. */
static uf_status write_item(ufi_ctx *ctx, array *a, int64_t i, const uf_tensor *t) {
  uf_shape shape = a->shape;
  if (!ufi_partial_merge(&shape, t->rank, t->dims)) {
    return bad_shape(ctx, "a value (Could not write to TensorArray because it is incompatible with the inferred element shape)", &a->shape, t->rank, t->dims);
  }
  if (i < 0 || (i >= a->items.n && !a->dynamic)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Tried to write to index %lld but array is not resizeable and size is: %lld: expected an index below it",
                        (long long)i, (long long)a->items.n);
  }
  if (i >= INT32_MAX) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index below 2^31 - 1, found %lld", (long long)i);
  if (i >= a->items.n) UFI_TRY(ufi_items_resize(&a->items, i + 1, ctx->error));
  if (ufi_items_at(&a->marks, i)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Could not write to TensorArray index %lld because it has already been read: expected a new element", (long long)i);
  }
  const uf_tensor *now = ufi_items_at(&a->items, i);
  if (now && a->sums) return sum_into(ctx, a, i, now, t);
  if (now) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Could not write to TensorArray index %lld because it has already been written to: expected a new element", (long long)i);
  }
  if (a->identical) a->shape = shape;
  return ufi_items_set(&a->items, i, t, true, ctx->error);
}

static uf_status write_eval(ufi_ctx *ctx) {
  array *a = NULL;
  int64_t i;
  uf_tensor t;
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(read_scalar(ctx, 1, &i));
  UFI_TRY(want_dtype(ctx, a, ctx->in[2]->dtype));
  UFI_TRY(ufi_keep_in(ctx, 2, &t));
  uf_status status = write_item(ctx, a, i, &t);
  uf_tensor_release(&t);
  return status == UF_OK ? give_flow(ctx, 0) : status;
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[1], *value = ctx->in[2];
  array *a = NULL;
  uf_tensor t;
  int64_t most = -1;
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(want_dtype(ctx, a, value->dtype));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  if (indices->rank != 1 || value->rank < 1 || value->dims[0] != indices->dims[0] || uf_dtype_bits(value->dtype) < 8) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a vector with an index for each row of the value, found %lld indices and rank %d",
                        (long long)indices->count, (int)value->rank);
  }
  for (int64_t i = 0; i < indices->count; i++) most = UFI_MAX(most, ufi_move_index(indices, i));
  if (most >= a->items.n && !a->dynamic) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Max scatter index must be < array size (%lld vs. %lld)", (long long)most, (long long)a->items.n);
  }
  UFI_TRY(ufi_keep_in(ctx, 2, &t));
  uf_status status = UF_OK;
  for (int64_t i = 0; status == UF_OK && i < indices->count; i++) {
    uf_tensor row = ufi_tensor_rows(&t, i, -1);
    status = write_item(ctx, a, ufi_move_index(indices, i), &row);
  }
  uf_tensor_release(&t);
  return status == UF_OK ? give_flow(ctx, 0) : status;
}

static uf_status split_eval(ufi_ctx *ctx) {
  const ufi_tensor *value = ctx->in[1], *lengths = ctx->in[2];
  const int64_t *length = lengths->data;
  array *a = NULL;
  uf_tensor t;
  int64_t sum = 0, at = 0;
  bool good = lengths->rank == 1 && lengths->dtype == UF_INT64 && value->rank >= 1 && uf_dtype_bits(value->dtype) >= 8;
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(want_dtype(ctx, a, value->dtype));
  for (int64_t i = 0; good && i < lengths->count; i++) {
    good = length[i] >= 0 && length[i] <= value->dims[0] - sum;
    sum += good ? length[i] : 0;
  }
  if (!good || sum != value->dims[0]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Expected sum of lengths to be equal to values.shape[0], as a vector of lengths, found others");
  }
  if (lengths->count != a->items.n && !(a->dynamic && lengths->count > a->items.n)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorArray's size is not equal to the size of lengths (%lld vs. %lld), and the TensorArray is not "
                        "marked as dynamically resizeable", (long long)a->items.n, (long long)lengths->count);
  }
  UFI_TRY(ufi_keep_in(ctx, 1, &t));
  uf_status status = UF_OK;
  for (int64_t i = 0; status == UF_OK && i < lengths->count; i++) {
    uf_tensor part = ufi_tensor_rows(&t, at, length[i]);
    status = write_item(ctx, a, i, &part);
    at += length[i];
  }
  uf_tensor_release(&t);
  return status == UF_OK ? give_flow(ctx, 0) : status;
}

const ufi_op_def ufi_op_TENSOR_ARRAY_WRITE = ARRAY_OP(flow_infer, write_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_SCATTER = ARRAY_OP(flow_infer, scatter_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_SPLIT = ARRAY_OP(flow_infer, split_eval);

/* ---- reading -------------------------------------------------------------------------------- */

static const int8_t read_byte = 1;

/* Element i, retained; it is cleared if the array does that. */
static uf_status read_item(ufi_ctx *ctx, array *a, int64_t i, uf_tensor *out) {
  if (i < 0 || i >= a->items.n) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Tried to read from index %lld but array size is: %lld: expected an index below it", (long long)i,
                        (long long)a->items.n);
  }
  if (a->clear && ufi_items_at(&a->marks, i)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Could not read index %lld twice because it was cleared after a previous read (perhaps try setting "
                        "clear_after_read = false?)", (long long)i);
  }
  const uf_tensor *t = ufi_items_at(&a->items, i), *like = ufi_items_at(&a->shapes, i);
  if (t) {
    *out = *t;
    uf_buf_retain(out->buf);
  } else if (like || ufi_partial_known(&a->shape)) {
    int32_t rank = like ? like->rank : a->shape.rank;
    UFI_TRY(ufi_new_tensor(ctx, a->dtype, rank, like ? like->dims : a->shape.dims, out));
  } else {
    return bad_shape(ctx, "an element that was written (Could not read from TensorArray), or one", &a->shape, -1, NULL);
  }
  uf_tensor mark = {.dtype = UF_INT8, .data = (void *)(uintptr_t)&read_byte, .size = 1};
  uf_status status = a->marks.n < a->items.n ? ufi_items_resize(&a->marks, a->items.n, ctx->error) : UF_OK;
  if (status == UF_OK && ufi_items_at(&a->marks, i) == NULL && !a->sums) status = ufi_items_set(&a->marks, i, &mark, false, ctx->error);
  if (status == UF_OK && a->clear) status = ufi_items_set(&a->items, i, NULL, false, ctx->error);
  if (status != UF_OK) uf_tensor_release(out);
  return status;
}

static uf_status read_eval(ufi_ctx *ctx) {
  const array_attrs *from = ctx->attrs;
  array *a = NULL;
  int64_t i;
  uf_tensor t;
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(want_dtype(ctx, a, from->dtype));
  UFI_TRY(read_scalar(ctx, 1, &i));
  UFI_TRY(read_item(ctx, a, i, &t));
  uf_status status = ufi_host_out_share(ctx, 0, &t);
  uf_tensor_release(&t);
  return status;
}

/* The elements that a result is put together from. */
typedef struct parts {
  uf_tensor *t;
  int64_t n;
} parts;

static void drop_parts(parts *p) {
  for (int64_t i = 0; i < p->n; i++) uf_tensor_release(&p->t[i]);
  ufi_free(p->t);
}

/* Elements picks[0..n) or all; released by drop_parts, on failure, too. */
static uf_status read_items(ufi_ctx *ctx, array *a, const ufi_tensor *picks, parts *p) {
  int64_t n = picks ? picks->count : a->items.n;
  if ((uint64_t)n > ufi_host_max_bytes(ctx) / (2 * sizeof *p->t)) {
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected fewer elements to join, found %lld", (long long)n);
  }
  p->t = ufi_calloc((size_t)n + 1, sizeof *p->t);
  if (p->t == NULL) return ufi_no_memory(ctx->error, (size_t)n * sizeof *p->t);
  for (; p->n < n; p->n++) UFI_TRY(read_item(ctx, a, picks ? ufi_move_index(picks, p->n) : p->n, &p->t[p->n]));
  return UF_OK;
}

/* All parts one after the other in a tensor of that shape. */
static uf_status join(ufi_ctx *ctx, const parts *p, uf_dtype dtype, int32_t rank, const int64_t *dims) {
  uf_tensor out;
  size_t at = 0;
  UFI_TRY(ufi_new_tensor(ctx, dtype, rank, dims, &out));
  for (int64_t i = 0; i < p->n; i++) {
    if (p->t[i].size) memcpy((char *)out.data + at, p->t[i].data, p->t[i].size);
    at += p->t[i].size;
  }
  return ufi_out_take(ctx, 0, &out);
}

static uf_status gather_parts(ufi_ctx *ctx, const array *a, const parts *p) {
  const array_attrs *from = ctx->attrs;
  uf_shape shape = a->shape;
  int64_t dims[UF_MAX_RANK + 1] = {p->n};
  if (!ufi_partial_merge(&shape, from->shape.rank, from->shape.dims)) {
    return bad_shape(ctx, "elements", &from->shape, a->shape.rank, a->shape.dims);
  }
  for (int64_t i = 0; i < p->n; i++) {
    if (!ufi_partial_merge(&shape, p->t[i].rank, p->t[i].dims)) {
      return bad_shape(ctx, "elements of one shape (TensorArray has inconsistent shapes):", &shape, p->t[i].rank, p->t[i].dims);
    }
  }
  if (!ufi_partial_known(&shape)) {
    return bad_shape(ctx, "elements (TensorArray has size zero, but element shape is not fully defined)", &shape, -1, NULL);
  }
  memcpy(dims + 1, shape.dims, (size_t)shape.rank * sizeof dims[0]);
  return join(ctx, p, a->dtype, shape.rank + 1, dims);
}

static uf_status gather_eval(ufi_ctx *ctx) {
  const array_attrs *from = ctx->attrs;
  array *a = NULL;
  parts p = {0};
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(want_dtype(ctx, a, from->dtype));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  uf_status status = read_items(ctx, a, ctx->in[1], &p);
  if (status == UF_OK) status = gather_parts(ctx, a, &p);
  drop_parts(&p);
  return status;
}

static uf_status concat_parts(ufi_ctx *ctx, const array *a, const parts *p) {
  const array_attrs *from = ctx->attrs;
  uf_shape rest = from->shape;
  uf_tensor lengths;
  int64_t dims[UF_MAX_RANK + 1] = {0};
  if (a->shape.rank > 0 && !ufi_partial_merge(&rest, a->shape.rank - 1, a->shape.dims + 1)) {
    return bad_shape(ctx, "elements with rows", &from->shape, a->shape.rank - 1, a->shape.dims + 1);
  }
  for (int64_t i = 0; i < p->n; i++) {
    const uf_tensor *t = &p->t[i];
    if (t->rank < 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Concat saw a scalar shape at index %lld but requires at least vectors", (long long)i);
    if (!ufi_partial_merge(&rest, t->rank - 1, t->dims + 1)) {
      return bad_shape(ctx, "elements with rows of one shape (TensorArray has inconsistent shapes):", &rest, t->rank - 1, t->dims + 1);
    }
    dims[0] += t->dims[0];
  }
  if (!ufi_partial_known(&rest)) return bad_shape(ctx, "elements (TensorArray has size zero, but element_shape_except0 is not fully defined)", &rest, -1, NULL);
  memcpy(dims + 1, rest.dims, (size_t)rest.rank * sizeof dims[0]);
  UFI_TRY(ufi_new_tensor(ctx, UF_INT64, 1, &p->n, &lengths));
  for (int64_t i = 0; i < p->n; i++) ((int64_t *)lengths.data)[i] = p->t[i].dims[0];
  UFI_TRY(ufi_out_take(ctx, 1, &lengths));
  return join(ctx, p, a->dtype, rest.rank + 1, dims);
}

static uf_status concat_eval(ufi_ctx *ctx) {
  const array_attrs *from = ctx->attrs;
  array *a = NULL;
  parts p = {0};
  UFI_TRY(array_in(ctx, &a, NULL));
  UFI_TRY(want_dtype(ctx, a, from->dtype));
  uf_status status = read_items(ctx, a, NULL, &p);
  if (status == UF_OK) status = concat_parts(ctx, a, &p);
  drop_parts(&p);
  return status;
}

const ufi_op_def ufi_op_TENSOR_ARRAY_READ = ARRAY_OP(array_infer, read_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_GATHER = ARRAY_OP(array_infer, gather_eval);
const ufi_op_def ufi_op_TENSOR_ARRAY_CONCAT = ARRAY_OP(array_infer, concat_eval);
