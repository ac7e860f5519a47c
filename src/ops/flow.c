/* SPDX-License-Identifier: Apache-2.0
 *
 * flow.c: TensorFlow's control flow that is not If, While or a call: Case, For,
 * and that of version 1: Switch, Merge and loops.
 *
 * In a graph with Switch nodes a value may be dead: it is in a branch that
 * this run does not take. The executor keeps nodes with dead inputs from
 * running (exec/run.c); here is where values become dead, and live again. The
 * frames of version 1 loops have become LOOP nodes (graph/tf_loop.c).
 */
#include "ops/control.h"
#include "ops/host.h"

/* ---- Switch and Merge ------------------------------------------------------------------- */

static uf_status switch_infer(ufi_ctx *ctx) {
  char text[512];
  if (ctx->in[1]->dtype != UF_BOOL) return ufi_want_in(ctx, 1, UF_BOOL, UF_INVALID);
  if (ctx->in[1]->shape_known && ctx->in[1]->count != 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one bool to choose a branch by, found %s", ufi_tensor_text(ctx->in[1], text));
  }
  if (ctx->running) return UF_OK;
  for (int32_t k = 0; k < 2; k++) {
    UFI_TRY(ufi_out_dtype(ctx, k, ctx->in[0]->dtype));
    UFI_TRY(ufi_out_like(ctx, k, ctx->in[0]));
  }
  return UF_OK;
}

static uf_status switch_eval(ufi_ctx *ctx) {
  int32_t taken = *(const uint8_t *)ctx->in[1]->data != 0;
  ctx->out[1 - taken]->is_dead = true;
  ctx->out[1 - taken]->shape_known = true;
  ctx->out[taken]->dtype = ctx->in[0]->dtype;
  return ufi_host_take(ctx, ctx->out[taken], ctx->in[0]);
}

static bool same_shape(const ufi_tensor *a, const ufi_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) == 0;
}

static uf_status merge_infer(ufi_ctx *ctx) {
  bool same = true;
  if (ctx->running) return UF_OK;
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  UFI_TRY(ufi_out_dtype(ctx, 1, UF_INT32));
  for (int32_t k = 0; k < ctx->n_in; k++) same = same && ctx->in[k]->shape_known && same_shape(ctx->in[k], ctx->in[0]);
  UFI_TRY(ufi_out_shape(ctx, 1, 0, NULL));
  return same ? ufi_out_like(ctx, 0, ctx->in[0]) : UF_OK;
}

static uf_status merge_eval(ufi_ctx *ctx) {
  int32_t k = 0;
  while (k < ctx->n_in - 1 && ctx->in[k]->is_dead) k++;
  ctx->out[0]->dtype = ctx->in[k]->dtype;
  UFI_TRY(ufi_host_take(ctx, ctx->out[0], ctx->in[k]));
  uf_tensor index = {.dtype = UF_INT32, .data = &k, .size = sizeof k};
  return ufi_host_out_share(ctx, 1, &index);
}

const ufi_op_def ufi_op_SWITCH = {.infer = switch_infer, .eval = switch_eval};
const ufi_op_def ufi_op_MERGE = {.infer = merge_infer, .eval = merge_eval};
const ufi_op_def ufi_op_CONTROL_TRIGGER = {.infer = ufi_nothing, .eval = ufi_nothing};

/* ---- loops ---------------------------------------------------------------------------------- */

/* What goes into an iteration: the values of Enters, then those of NextIterations. */
typedef struct loop_state {
  ufi_tensor *tensors;
  ufi_tensor **pointers;
  int32_t n;
} loop_state;

static void drop_loop(loop_state *s) {
  for (int32_t i = 0; s->tensors && i < s->n; i++) uf_buf_release(s->tensors[i].buf);
  ufi_free(s->tensors);
  ufi_free(s->pointers);
}

static uf_status start_loop(ufi_ctx *ctx, loop_state *s) {
  const ufi_loop_attrs *a = ctx->attrs;
  s->n = a->n_enter + a->n_next;
  s->tensors = ufi_calloc((size_t)s->n + 1, sizeof *s->tensors);
  s->pointers = ufi_calloc((size_t)s->n + 1, sizeof *s->pointers);
  if (!s->tensors || !s->pointers) return ufi_no_memory(ctx->error, (size_t)s->n * sizeof *s->tensors);
  for (int32_t i = 0; i < s->n; i++) s->pointers[i] = &s->tensors[i];
  for (int32_t i = 0; i < a->n_enter; i++) {
    ufi_tensor *t = &s->tensors[i];
    t->dtype = ctx->in[i]->dtype;
    t->name = ctx->in[i]->name;
    t->is_dead = ctx->in[i]->is_dead;
    t->shape_known = true;
    if (!t->is_dead) UFI_TRY(ufi_host_take(ctx, t, ctx->in[i]));
  }
  for (int32_t i = 0; i < a->n_next; i++) { /* dead at first, of the shape that they will likely have */
    ufi_tensor *t = &s->tensors[a->n_enter + i];
    if (a->first_of[i] >= 0) {
      *t = s->tensors[a->first_of[i]];
      t->buf = NULL;
      t->data = NULL;
    }
    t->is_dead = true;
    t->shape_known = a->first_of[i] >= 0 && !s->tensors[a->first_of[i]].is_dead;
  }
  return UF_OK;
}

/* Keeps what the iteration left; false in *go_on: nothing goes into a next one. */
static uf_status end_iteration(ufi_ctx *ctx, loop_state *s, ufi_tensor *const *results, bool *go_on) {
  const ufi_loop_attrs *a = ctx->attrs;
  *go_on = false;
  for (int32_t i = 0; i < a->n_exit; i++) {
    const ufi_tensor *result = results[a->n_next + i];
    if (result->is_dead) continue;
    ctx->out[i]->dtype = result->dtype;
    ctx->out[i]->is_dead = false;
    UFI_TRY(ufi_host_take(ctx, ctx->out[i], result));
  }
  for (int32_t i = 0; i < a->n_next; i++) {
    ufi_tensor *t = &s->tensors[a->n_enter + i];
    t->is_dead = results[i]->is_dead;
    if (t->is_dead) continue;
    t->dtype = results[i]->dtype;
    t->name = results[i]->name;
    UFI_TRY(ufi_host_take(ctx, t, results[i]));
    *go_on = true;
  }
  for (int32_t i = 0; i < a->n_enter; i++) s->tensors[i].is_dead = s->tensors[i].is_dead || !a->is_constant[i];
  return UF_OK;
}

static uf_status run_loop(ufi_ctx *ctx, loop_state *s) {
  const ufi_loop_attrs *a = ctx->attrs;
  for (bool go_on = true; go_on;) {
    ufi_tensor *const *results;
    int32_t n;
    UFI_TRY(ufi_host_call(ctx, a->graph, s->pointers, s->n, &results, &n));
    if (n != a->n_next + a->n_exit) return ufi_ctx_fail(ctx, UF_INTERNAL, "expected %d results of a loop's body, found %d", (int)(a->n_next + a->n_exit), (int)n);
    UFI_TRY(end_iteration(ctx, s, results, &go_on));
  }
  return UF_OK;
}

static uf_status loop_eval(ufi_ctx *ctx) {
  loop_state state = {0};
  for (int32_t i = 0; i < ctx->n_out; i++) {
    ctx->out[i]->is_dead = true; /* until an iteration gives it a value */
    ctx->out[i]->shape_known = true;
  }
  uf_status status = start_loop(ctx, &state);
  if (status == UF_OK) status = run_loop(ctx, &state);
  drop_loop(&state);
  return status;
}

static int32_t loop_calls(const void *attrs, int32_t at) { return at == 0 ? ((const ufi_loop_attrs *)attrs)->graph : -1; }

const ufi_op_def ufi_op_LOOP = {.attrs_size = sizeof(ufi_loop_attrs), .infer = ufi_nothing, .eval = loop_eval, .calls = loop_calls};

/* ---- Case -------------------------------------------------------------------------------------- */

typedef struct case_attrs {
  int32_t n;
  const int32_t *graphs;
} case_attrs;

static uf_status case_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  case_attrs *a = attrs;
  const uf_attr *branches = ufi_tf_attr(from, "branches");
  if (!branches || branches->kind != UF_ATTR_FUNCS || branches->n < 1) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one or more functions in 'branches', found none");
  }
  int32_t *graphs = ufi_arena_array(from->arena, (size_t)branches->n, sizeof *graphs);
  if (!graphs) return ufi_no_memory(error, sizeof *graphs);
  for (int32_t i = 0; i < branches->n; i++) UFI_TRY(ufi_tf_graph(from, branches->strings[i].data, &graphs[i], error));
  a->n = branches->n;
  a->graphs = graphs;
  return UF_OK;
}

static int32_t case_calls(const void *attrs, int32_t at) {
  const case_attrs *a = attrs;
  return at < a->n ? a->graphs[at] : -1;
}

static uf_status take_results(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  if (n != ctx->n_out) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a function with %d outputs, found %d", (int)ctx->n_out, (int)n);
  for (int32_t i = 0; i < n; i++) {
    UFI_TRY(ufi_want_same(ctx, ctx->out[i], results[i]));
    UFI_TRY(ufi_host_take(ctx, ctx->out[i], results[i]));
  }
  return UF_OK;
}

/* The last branch stands for every index that there is none for. */
static uf_status case_eval(ufi_ctx *ctx) {
  const case_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int64_t index;
  int32_t one, n;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[0], &index, 1, &one));
  if (one != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one branch index, found %d", (int)one);
  if (index < 0 || index >= a->n) index = a->n - 1;
  UFI_TRY(ufi_host_call(ctx, a->graphs[index], ctx->in + 1, ctx->n_in - 1, &results, &n));
  return take_results(ctx, results, n);
}

const ufi_op_def ufi_op_CASE = {.attrs_size = sizeof(case_attrs), .attrs_tf = case_tf, .infer = ufi_nothing, .eval = case_eval,
                                .calls = case_calls};

/* ---- For ---------------------------------------------------------------------------------------- */

static uf_status for_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  case_attrs *a = attrs;
  int32_t *graph = ufi_arena_array(from->arena, 1, sizeof *graph);
  if (!graph) return ufi_no_memory(error, sizeof *graph);
  a->n = 1;
  a->graphs = graph;
  return ufi_tf_graph(from, ufi_tf_text(from, "body"), graph, error);
}

static uf_status for_bounds(ufi_ctx *ctx, int64_t *start, int64_t *limit, int64_t *delta) {
  int64_t *to[3] = {start, limit, delta};
  for (int32_t k = 0; k < 3; k++) {
    int32_t n;
    UFI_TRY(ufi_read_ints(ctx, ctx->in[k], to[k], 1, &n));
    if (n != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected start, limit and delta to be one number each, found %d numbers", (int)n);
  }
  bool good = *delta != 0 && ((*delta > 0 && *start <= *limit) || (*delta < 0 && *start >= *limit));
  if (good || *start == *limit) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a delta that leads from start to limit, found %lld, %lld, %lld", (long long)*start,
                      (long long)*limit, (long long)*delta);
}

/* The counter and the loop's variables are the inputs of each call of the body. */
static uf_status run_for(ufi_ctx *ctx, loop_state *s, int64_t start, int64_t limit, int64_t delta) {
  const case_attrs *a = ctx->attrs;
  for (int64_t i = start; delta > 0 ? i < limit : i > limit; i += delta) {
    ufi_tensor *const *results;
    int32_t n, counter = (int32_t)i;
    s->tensors[0].data = &counter;
    UFI_TRY(ufi_host_call(ctx, a->graphs[0], s->pointers, s->n, &results, &n));
    if (n != s->n - 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a body with %d outputs, found %d", (int)s->n - 1, (int)n);
    for (int32_t k = 0; k < n; k++) UFI_TRY(ufi_host_take(ctx, s->pointers[k + 1], results[k]));
  }
  s->tensors[0].data = NULL;
  return take_results(ctx, s->pointers + 1, s->n - 1);
}

static uf_status for_eval(ufi_ctx *ctx) {
  int64_t start, limit, delta;
  UFI_TRY(for_bounds(ctx, &start, &limit, &delta));
  loop_state s = {.n = ctx->n_in - 2};
  s.tensors = ufi_calloc((size_t)s.n + 1, sizeof *s.tensors);
  s.pointers = ufi_calloc((size_t)s.n + 1, sizeof *s.pointers);
  uf_status status = s.tensors && s.pointers ? UF_OK : ufi_no_memory(ctx->error, sizeof *s.tensors);
  for (int32_t k = 0; status == UF_OK && k < s.n; k++) {
    s.pointers[k] = &s.tensors[k];
    s.tensors[k].dtype = k == 0 ? UF_INT32 : ctx->in[k + 2]->dtype;
    s.tensors[k].name = k == 0 ? "i" : ctx->in[k + 2]->name;
    s.tensors[k].shape_known = true;
    if (k == 0) s.tensors[k].count = 1, s.tensors[k].size = sizeof(int32_t);
    else status = ufi_host_take(ctx, &s.tensors[k], ctx->in[k + 2]);
  }
  if (status == UF_OK) status = run_for(ctx, &s, start, limit, delta);
  drop_loop(&s);
  return status;
}

const ufi_op_def ufi_op_FOR = {.attrs_size = sizeof(case_attrs), .attrs_tf = for_tf, .infer = ufi_nothing, .eval = for_eval, .calls = case_calls};

/* ---- nodes that pass on, or that cannot run ------------------------------------------------------- */

const ufi_op_def ufi_op_RETVAL = {.infer = ufi_nothing, .eval = ufi_nothing};

typedef struct placeholder_attrs {
  const char *name;
  uf_dtype dtype;
  uf_shape shape;
} placeholder_attrs;

static uf_status placeholder_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  placeholder_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "shape");
  a->name = from->name;
  a->dtype = ufi_tf_dtype(from, strcmp(from->op, "_Arg") == 0 ? "T" : "dtype");
  a->shape.rank = -1;
  if (shape && shape->kind == UF_ATTR_SHAPE) {
    a->shape.rank = shape->rank;
    memcpy(a->shape.dims, shape->dims, sizeof a->shape.dims);
  }
  return UF_OK;
}

static uf_status placeholder_eval(ufi_ctx *ctx) {
  const placeholder_attrs *a = ctx->attrs;
  char text[UFI_SHAPE_TEXT] = "";
  if (a->shape.rank > 0) ufi_shape_text(a->shape.rank, a->shape.dims, text);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "You must feed a value for placeholder tensor '%.200s' with dtype %s%s%s", a->name,
                      a->dtype == UF_FLOAT32 ? "float" : a->dtype == UF_FLOAT64 ? "double" : uf_dtype_name(a->dtype), text[0] ? " and shape " : "", text);
}

const ufi_op_def ufi_op_PLACEHOLDER = {.attrs_size = sizeof(placeholder_attrs), .attrs_tf = placeholder_tf, .infer = ufi_nothing,
                                       .eval = placeholder_eval};

/* A value that nobody looks at: zeros, with no elements where a dimension is not known. */
static uf_status fake_infer(ufi_ctx *ctx) {
  const placeholder_attrs *a = ctx->attrs;
  int64_t dims[UF_MAX_RANK], none = 0;
  UFI_TRY(ufi_out_dtype(ctx, 0, a->dtype));
  if (a->shape.rank < 0) return ufi_out_shape(ctx, 0, 1, &none);
  for (int32_t d = 0; d < a->shape.rank; d++) dims[d] = UFI_MAX(a->shape.dims[d], 0);
  return ufi_out_shape(ctx, 0, a->shape.rank, dims);
}

static uf_status fake_eval(ufi_ctx *ctx) {
  if (ctx->out[0]->size) memset(ctx->out[0]->data, 0, ctx->out[0]->size);
  return UF_OK;
}

const ufi_op_def ufi_op_FAKE_PARAM = {.attrs_size = sizeof(placeholder_attrs), .attrs_tf = placeholder_tf, .infer = fake_infer,
                                      .eval = fake_eval};

static uf_status abort_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(const char **)attrs = ufi_tf_bool(from, "exit_without_error") ? "the graph asked to exit" : ufi_tf_text(from, "error_msg");
  return UF_OK;
}

/* TensorFlow ends the process here; a library must not. */
static uf_status abort_eval(ufi_ctx *ctx) { return ufi_ctx_fail(ctx, UF_INTERNAL, "Abort: %.200s", *(const char *const *)ctx->attrs); }

const ufi_op_def ufi_op_ABORT = {.attrs_size = sizeof(const char *), .attrs_tf = abort_tf, .infer = ufi_nothing, .eval = abort_eval};
