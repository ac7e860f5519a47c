/* SPDX-License-Identifier: Apache-2.0
 *
 * control.c: ops that run other graphs: IF, WHILE, CALL_ONCE, CALL, CASE and
 * composites; and the plainest TensorFlow nodes (Const, Identity, NoOp).
 *
 * Output shapes are planned from what the called graphs would give for inputs
 * of these shapes; when a branch or an iteration gives something else, the
 * executor infers what follows anew (ufi_host_take).
 */
#include "ops/control.h"

#include "ops/host.h"

/* ---- attributes ------------------------------------------------------------ */

/* Room for the indices of n graphs; NULL (error set) out of memory. */
static int32_t *make_graphs(ufi_arena *arena, int32_t n, ufi_call_attrs *a, uf_error *error) {
  int32_t *graphs = ufi_arena_array(arena, (size_t)n + 1, sizeof *graphs);
  if (graphs == NULL) (void)ufi_no_memory(error, (size_t)n * sizeof *graphs);
  a->n = n;
  a->graphs = graphs;
  return graphs;
}

static uf_status two_graphs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  int32_t *graphs = make_graphs(from->arena, 2, attrs, error);
  if (graphs == NULL) return UF_RESOURCE_EXHAUSTED;
  graphs[0] = ufi_fb_i32(&from->options, 0, 0);
  graphs[1] = ufi_fb_i32(&from->options, 1, 0);
  return UF_OK;
}

static uf_status graph_in_field(const ufi_tflite_attrs *from, int field, void *attrs, uf_error *error) {
  int32_t *graphs = make_graphs(from->arena, 1, attrs, error);
  if (graphs == NULL) return UF_RESOURCE_EXHAUSTED;
  graphs[0] = ufi_fb_i32(&from->options, field, 0);
  return UF_OK;
}

static uf_status one_graph(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  return graph_in_field(from, 0, attrs, error);
}

static uf_status composite_graph(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  return graph_in_field(from, 1, attrs, error);
}

static uf_status branch_graphs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_fb_vector branches = ufi_fb_vec(&from->options, 0, sizeof(int32_t));
  if (branches.count < 1 || branches.count > INT16_MAX) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected 1 to %d branches, found %u", INT16_MAX, branches.count);
  }
  int32_t *graphs = make_graphs(from->arena, (int32_t)branches.count, attrs, error);
  if (graphs == NULL) return UF_RESOURCE_EXHAUSTED;
  for (uint32_t i = 0; i < branches.count; i++) graphs[i] = ufi_fb_vec_i32(&branches, i);
  return UF_OK;
}

static int32_t called(const void *attrs, int32_t at) {
  const ufi_call_attrs *a = attrs;
  return at < a->n ? a->graphs[at] : -1;
}

uf_status ufi_tf_graph(const ufi_tf_attrs *from, const char *function, int32_t *graph_out, uf_error *error) {
  *graph_out = from->graph_of ? from->graph_of(from, function) : -1;
  if (*graph_out >= 0) return UF_OK;
  return ufi_fail(error, UF_NOT_FOUND, "expected a function '%.200s' in the graph's library, found none of that name "
                  "(or one whose types its callers decide)", function);
}

static uf_status tf_graphs(const ufi_tf_attrs *from, const char *first, const char *second, int32_t skip, void *attrs,
                           uf_error *error) {
  ufi_call_attrs *a = attrs;
  *a = (ufi_call_attrs){.first = skip, .is_tf = true};
  int32_t *graphs = make_graphs(from->arena, second ? 2 : 1, a, error);
  if (graphs == NULL) return UF_RESOURCE_EXHAUSTED;
  UFI_TRY(ufi_tf_graph(from, ufi_tf_text(from, first), &graphs[0], error));
  return second ? ufi_tf_graph(from, ufi_tf_text(from, second), &graphs[1], error) : UF_OK;
}

static uf_status if_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  return tf_graphs(from, "then_branch", "else_branch", 1, attrs, error);
}

static uf_status while_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  return tf_graphs(from, "cond", "body", 0, attrs, error);
}

static uf_status call_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  return tf_graphs(from, "f", NULL, strcmp(from->op, "RemoteCall") == 0, attrs, error);
}

static uf_status check_graphs(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  for (int32_t i = 0; i < a->n; i++) {
    if (a->graphs[i] < 0) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a subgraph in [0, %d), found %d",
                          (int)ufi_host_graph_count(ctx), (int)a->graphs[i]);
    }
  }
  return UF_OK;
}

/* ---- shared by all calls ------------------------------------------------------ */

static uf_status check_outputs(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  if (n != ctx->n_out) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a subgraph with %d outputs, found %d", (int)ctx->n_out, (int)n);
  }
  for (int32_t i = 0; i < n; i++) {
    if (ctx->out[i]->dtype != results[i]->dtype) return ufi_want_same(ctx, ctx->out[i], results[i]);
  }
  return UF_OK;
}

/* Takes the dtypes of a graph's outputs, as TFLite: what a file says of the outputs of a call does not count. */
static uf_status take_dtypes(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  const ufi_call_attrs *a = ctx->attrs;
  for (int32_t i = 0; !a->is_tf && i < UFI_MIN(n, ctx->n_out); i++) UFI_TRY(ufi_out_dtype(ctx, i, results[i]->dtype));
  return UF_OK;
}

/* Plans the outputs like these results, where their shapes are known. */
static uf_status plan_like(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  UFI_TRY(check_outputs(ctx, results, n));
  for (int32_t i = 0; i < n; i++) {
    if (results[i]->shape_known) UFI_TRY(ufi_out_like(ctx, i, results[i]));
  }
  return UF_OK;
}

static uf_status take_all(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  UFI_TRY(check_outputs(ctx, results, n));
  for (int32_t i = 0; i < n; i++) UFI_TRY(ufi_host_take(ctx, ctx->out[i], results[i]));
  return UF_OK;
}

/* True when an element has a bit set, other than the sign of a floating zero. */
static bool is_nonzero(const ufi_tensor *t) {
  double value = 0;
  uf_error ignored = {0};
  if (t->dtype == UF_STRING) return ((const uf_string *)t->data)->size != 0;
  return ufi_convert(t->dtype, t->data, 1, UF_FLOAT64, &value, &ignored) == UF_OK && value != 0;
}

uf_status ufi_truth(ufi_ctx *ctx, const ufi_tensor *t, bool is_tf, bool *out) {
  char text[512];
  if (is_tf && t && t->rank > 0) {
    *out = t->count > 0;
    return UF_OK;
  }
  if (t == NULL || (t->dtype != UF_BOOL && !is_tf) || t->count != 1 || t->data == NULL) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a condition of one bool, found %s", ufi_tensor_text(t, text));
  }
  *out = t->dtype == UF_BOOL ? *(const uint8_t *)t->data != 0 : is_nonzero(t);
  return UF_OK;
}

/* Input 0 has one element, as far as its shape is known. */
static uf_status want_single(ufi_ctx *ctx, const char *what) {
  char text[512];
  if (ctx->in[0] && (ctx->in[0]->count == 1 || !ctx->in[0]->shape_known)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s, found %s", what, ufi_tensor_text(ctx->in[0], text));
}

/* ---- IF ------------------------------------------------------------------------ */

static bool same_plan(ufi_tensor *const *a, const ufi_tensor *b, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    if (!a[i]->shape_known || !b[i].shape_known || a[i]->rank != b[i].rank) return false;
    if (memcmp(a[i]->dims, b[i].dims, sizeof(int64_t) * (size_t)b[i].rank) != 0) return false;
  }
  return true;
}

/* Branch k's outputs: those of branch 0 are copied to first, the others compared with them. */
static uf_status infer_branch(ufi_ctx *ctx, int32_t k, ufi_tensor *first, bool *same) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  uf_status status = ufi_host_infer(ctx, a->graphs[k], ctx->in + 1, ctx->n_in - 1, &results, &n);
  if (status != UF_OK) { /* in TensorFlow, is only wrong when it is taken */
    *same = false;
    return a->is_tf ? UF_OK : status;
  }
  if (k == 0) UFI_TRY(take_dtypes(ctx, results, n));
  UFI_TRY(check_outputs(ctx, results, n));
  for (int32_t i = 0; k == 0 && i < n; i++) first[i] = *results[i];
  *same = *same && same_plan(results, first, n);
  return UF_OK;
}

/* Shapes are known beforehand only if all branches agree. */
static uf_status infer_branches(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  bool same = true;
  ufi_tensor *first = ufi_calloc((size_t)ctx->n_out + 1, sizeof *first);
  if (first == NULL) return ufi_no_memory(ctx->error, (size_t)ctx->n_out * sizeof *first);
  uf_status status = UF_OK;
  for (int32_t k = 0; status == UF_OK && k < a->n; k++) status = infer_branch(ctx, k, first, &same);
  for (int32_t i = 0; same && status == UF_OK && i < ctx->n_out; i++) status = ufi_out_like(ctx, i, &first[i]);
  ufi_free(first);
  return status;
}

static uf_status if_infer(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  UFI_TRY(check_graphs(ctx));
  if (!a->is_tf) UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_INVALID));
  if (!a->is_tf) UFI_TRY(want_single(ctx, "a condition of one bool"));
  return ctx->running ? UF_OK : infer_branches(ctx);
}

/* Runs one of the graphs on inputs 1 and up. */
static uf_status run_branch(ufi_ctx *ctx, int32_t graph) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  if (!a->is_tf) UFI_TRY(ufi_host_restart(ctx, graph)); /* TFLite allocates a branch anew for each run */
  UFI_TRY(ufi_host_call(ctx, graph, ctx->in + 1, ctx->n_in - 1, &results, &n));
  return take_all(ctx, results, n);
}

static uf_status if_eval(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  bool condition = false;
  UFI_TRY(ufi_truth(ctx, ctx->in[0], a->is_tf, &condition));
  return run_branch(ctx, a->graphs[condition ? 0 : 1]);
}

/* ---- STABLEHLO_CASE --------------------------------------------------------------- */

static uf_status case_infer(ufi_ctx *ctx) {
  UFI_TRY(check_graphs(ctx));
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  UFI_TRY(want_single(ctx, "one branch index"));
  return ctx->running ? UF_OK : infer_branches(ctx);
}

/* The last branch stands for every index that there is none for. */
static uf_status case_eval(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  int32_t index = *(const int32_t *)ctx->in[0]->data;
  if (index < 0 || index >= a->n) index = a->n - 1;
  return run_branch(ctx, a->graphs[index]);
}

/* ---- WHILE ----------------------------------------------------------------------- */

/* The condition: one bool, as a scalar or a vector. */
static uf_status check_condition(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  char text[512];
  if (a->graphs[0] == a->graphs[1]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two subgraphs, a condition and a body, found #%d as both", (int)a->graphs[0]);
  }
  UFI_TRY(ufi_host_infer(ctx, a->graphs[0], ctx->in, ctx->n_in, &results, &n));
  if (n != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a condition graph with one output, found %d", (int)n);
  const ufi_tensor *t = results[0];
  if (t->dtype == UF_BOOL && (!t->shape_known || (t->count == 1 && t->rank <= 1))) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a condition of one bool, found %s", ufi_tensor_text(t, text));
}

static uf_status while_infer(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  UFI_TRY(check_graphs(ctx));
  if (ctx->n_in != ctx->n_out) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many outputs as inputs, found %d inputs and %d outputs",
                        (int)ctx->n_in, (int)ctx->n_out);
  }
  if (ctx->running) return UF_OK;
  if (!a->is_tf) UFI_TRY(check_condition(ctx));
  uf_status status = ufi_host_infer(ctx, a->graphs[1], ctx->in, ctx->n_in, &results, &n);
  if (status != UF_OK) return a->is_tf ? UF_OK : status; /* a body that never runs may be wrong */
  UFI_TRY(take_dtypes(ctx, results, n));
  UFI_TRY(check_outputs(ctx, results, n));
  for (int32_t i = 0; i < n; i++) { /* the next turn takes it in the place of the input */
    if (ctx->in[i] && ctx->in[i]->dtype != results[i]->dtype) return ufi_want_same(ctx, ctx->in[i], results[i]);
  }
  for (int32_t i = 0; i < n; i++) { /* a loop whose body keeps the shape */
    const ufi_tensor *in = ctx->in[i];
    if (in && same_plan(&results[i], in, 1)) UFI_TRY(ufi_out_like(ctx, i, in));
  }
  return UF_OK;
}

/* The loop's variables between two iterations: they share the memory of the
 * body's outputs. */
typedef struct loop_vars {
  ufi_tensor *tensors;
  ufi_tensor **pointers;
  int32_t n;
} loop_vars;

static void drop_vars(loop_vars *vars) {
  for (int32_t i = 0; vars->tensors && i < vars->n; i++) uf_buf_release(vars->tensors[i].buf);
  ufi_free(vars->tensors);
  ufi_free(vars->pointers);
}

static uf_status make_vars(ufi_ctx *ctx, loop_vars *vars) {
  vars->n = ctx->n_in;
  vars->tensors = ufi_calloc((size_t)vars->n + 1, sizeof *vars->tensors);
  vars->pointers = ufi_calloc((size_t)vars->n + 1, sizeof *vars->pointers);
  if (!vars->tensors || !vars->pointers) return ufi_no_memory(ctx->error, sizeof *vars->tensors);
  for (int32_t i = 0; i < vars->n; i++) {
    vars->pointers[i] = &vars->tensors[i];
    vars->tensors[i].dtype = ctx->in[i]->dtype;
    vars->tensors[i].name = ctx->in[i]->name;
    UFI_TRY(ufi_host_take(ctx, vars->pointers[i], ctx->in[i]));
  }
  return UF_OK;
}

static uf_status iterate(ufi_ctx *ctx, loop_vars *vars) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  for (;;) {
    bool go_on = false;
    UFI_TRY(ufi_host_call(ctx, a->graphs[0], vars->pointers, vars->n, &results, &n));
    if (n != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a condition graph with one output, found %d", (int)n);
    UFI_TRY(ufi_truth(ctx, results[0], a->is_tf, &go_on));
    if (!go_on) return UF_OK;
    UFI_TRY(ufi_host_call(ctx, a->graphs[1], vars->pointers, vars->n, &results, &n));
    UFI_TRY(check_outputs(ctx, results, n));
    for (int32_t i = 0; i < n; i++) UFI_TRY(ufi_host_take(ctx, vars->pointers[i], results[i]));
  }
}

static uf_status while_eval(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  loop_vars vars = {0};
  uf_status status = make_vars(ctx, &vars);
  for (int32_t k = 0; !a->is_tf && status == UF_OK && k < 2; k++) status = ufi_host_restart(ctx, a->graphs[k]);
  if (status == UF_OK) status = iterate(ctx, &vars);
  if (status == UF_OK) status = take_all(ctx, vars.pointers, vars.n);
  drop_vars(&vars);
  return status;
}

/* ---- CALL, composites, CALL_ONCE --------------------------------------------------- */

static uf_status call_infer(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  UFI_TRY(check_graphs(ctx));
  if (ctx->running) return UF_OK;
  UFI_TRY(ufi_host_infer(ctx, a->graphs[0], ctx->in + a->first, ctx->n_in - a->first, &results, &n));
  UFI_TRY(take_dtypes(ctx, results, n));
  return plan_like(ctx, results, n);
}

static uf_status call_eval(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  int32_t n;
  UFI_TRY(ufi_host_call(ctx, a->graphs[0], ctx->in + a->first, ctx->n_in - a->first, &results, &n));
  return take_all(ctx, results, n);
}

static uf_status call_once_infer(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  int32_t n_in = 0, n_out = 0;
  UFI_TRY(check_graphs(ctx));
  ufi_host_graph_size(ctx, a->graphs[0], &n_in, &n_out);
  if (n_in == 0 && n_out == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an initialiser graph without inputs and outputs, found %d "
                      "and %d",
                      (int)n_in, (int)n_out);
}

static uf_status call_once_eval(ufi_ctx *ctx) {
  const ufi_call_attrs *a = ctx->attrs;
  return ufi_host_call_once(ctx, a->graphs[0]);
}

const ufi_op_def ufi_op_IF = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = two_graphs, .attrs_tf = if_tf,
                              .infer = if_infer, .eval = if_eval, .calls = called};
const ufi_op_def ufi_op_STABLEHLO_CASE = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = branch_graphs,
                                          .infer = case_infer, .eval = case_eval, .calls = called};
const ufi_op_def ufi_op_WHILE = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = two_graphs, .attrs_tf = while_tf,
                                 .infer = while_infer, .eval = while_eval, .calls = called};
const ufi_op_def ufi_op_STABLEHLO_WHILE = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = two_graphs,
                                           .infer = while_infer, .eval = while_eval, .calls = called};
const ufi_op_def ufi_op_CALL = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = one_graph, .attrs_tf = call_tf,
                                .infer = call_infer, .eval = call_eval, .calls = called};
const ufi_op_def ufi_op_STABLEHLO_COMPOSITE = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = composite_graph,
                                               .infer = call_infer, .eval = call_eval, .calls = called};
const ufi_op_def ufi_op_CALL_ONCE = {.attrs_size = sizeof(ufi_call_attrs), .attrs_tflite = one_graph,
                                     .infer = call_once_infer, .eval = call_once_eval, .calls = called};

/* ---- TensorFlow's plain nodes --------------------------------------------------------- */

typedef struct const_attrs {
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  const void *data;
  size_t size;
} const_attrs;

static uf_status const_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  const_attrs *a = attrs;
  const uf_attr *value = ufi_tf_attr(from, "value");
  if (value == NULL || value->kind != UF_ATTR_TENSOR || value->tensor == NULL) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected attribute 'value' of Const '%s' to be a tensor, found none",
                    from->name);
  }
  a->dtype = value->tensor->dtype;
  a->rank = value->tensor->rank;
  memcpy(a->dims, value->tensor->dims, sizeof a->dims);
  a->data = value->tensor->data;
  a->size = value->tensor->size;
  return UF_OK;
}

static uf_status const_infer(ufi_ctx *ctx) {
  const const_attrs *a = ctx->attrs;
  UFI_TRY(ufi_out_dtype(ctx, 0, a->dtype));
  return ufi_out_shape(ctx, 0, a->rank, a->dims);
}

static uf_status const_eval(ufi_ctx *ctx) {
  const const_attrs *a = ctx->attrs;
  if (a->size) memcpy(ctx->out[0]->data, a->data, a->size);
  return UF_OK;
}

static uf_status identity_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status identity_eval(ufi_ctx *ctx) {
  if (ctx->out[0]->data != ctx->in[0]->data && ctx->in[0]->size) {
    memcpy(ctx->out[0]->data, ctx->in[0]->data, ctx->in[0]->size);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_CONST = {.attrs_size = sizeof(const_attrs), .attrs_tf = const_tf, .infer = const_infer,
                                 .eval = const_eval};
const ufi_op_def ufi_op_IDENTITY = {.infer = identity_infer, .eval = identity_eval};
const ufi_op_def ufi_op_NO_OP = {.infer = ufi_nothing, .eval = ufi_nothing};
