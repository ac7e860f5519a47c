/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_shapes.c: shapes of a graph's values while it is made, with dimensions
 * that are not known yet.
 *
 * Ops infer shapes from shapes that are known. So a graph is inferred a few
 * times at once, each time with another number in place of all unknown
 * dimensions (a trial): dimensions that come out the same in all trials do not
 * depend on them, the others are unknown. Small integer values (Shape,
 * StridedSlice, Pack ... of shapes) are computed in each trial, so that a
 * Reshape to a computed shape is inferred as well. The numbers are 1, which
 * broadcasts to anything, and two that have many divisors.
 *
 * A trial that an op refuses says nothing when a dimension is unknown; when all
 * are known it is the error that TensorFlow raises at construction.
 */
#include "graph/tf_graph.h"

static const int64_t numbers[UFI_TRIALS] = {1, 60, 5040};

#define SMALL 128 /* elements of values that are computed */

/* ---- trials of a value ------------------------------------------------------------------ */

static void trial_from_shape(const uf_shape *shape, int32_t trial, ufi_tf_trial *out) {
  *out = (ufi_tf_trial){.known = shape->rank >= 0, .rank = UFI_MAX(shape->rank, 0)};
  for (int32_t d = 0; d < out->rank; d++) {
    out->dims[d] = shape->dims[d] < 0 ? numbers[trial] : shape->dims[d];
    out->assumed = out->assumed || shape->dims[d] < 0;
  }
}

/* What all trials agree on. */
static uf_shape agreed(const ufi_tf_trial *trials) {
  uf_shape shape = {.rank = -1};
  for (int32_t t = 0; t < UFI_TRIALS; t++) {
    if (!trials[t].known) continue;
    if (shape.rank < 0) {
      shape.rank = trials[t].rank;
      memcpy(shape.dims, trials[t].dims, sizeof shape.dims);
    } else if (shape.rank != trials[t].rank) {
      return (uf_shape){.rank = -1};
    }
    for (int32_t d = 0; d < shape.rank; d++) {
      if (shape.dims[d] != trials[t].dims[d]) shape.dims[d] = -1;
    }
  }
  return shape;
}

void ufi_builder_say_shape(uf_builder *b, int32_t value) {
  for (int32_t t = 0; t < UFI_TRIALS; t++) {
    const uf_shape *shape = &b->values[value].shape;
    ufi_tf_trial *trial = &b->values[value].trials[t];
    if (!trial->known || trial->rank != shape->rank) {
      trial_from_shape(shape, t, trial);
      continue;
    }
    for (int32_t d = 0; d < shape->rank; d++) {
      if (shape->dims[d] >= 0) trial->dims[d] = shape->dims[d];
    }
  }
}

/* ---- one node in one trial ------------------------------------------------------------------- */

typedef struct trial_run {
  uf_builder *b;
  const ufi_tf_node *node;
  int32_t trial;
  int64_t number;     /* in place of unknown dimensions, instead of the trial's; 0: none */
  ufi_tensor *tensors, **pointers;
  ufi_ctx ctx;
} trial_run;

static bool fill_input(trial_run *r, int32_t k) {
  int32_t value = r->node->in[k];
  if (value < 0) return false;
  const ufi_tf_trial *from = &r->b->values[value].trials[r->trial];
  ufi_tensor *t = &r->tensors[k];
  *t = (ufi_tensor){.dtype = ufi_builder_is_ref(r->b, value) ? UF_RESOURCE : ufi_builder_dtype(r->b, value), .rank = from->rank,
                    .name = r->b->nodes[r->b->values[value].node].name, .shape_known = from->known};
  if (r->node->in_sig && !r->node->in_sig[k].is_ref && t->dtype == UF_RESOURCE && r->node->in_sig[k].dtype != UF_RESOURCE) t->dtype = r->node->in_sig[k].dtype;
  memcpy(t->dims, from->dims, sizeof t->dims);
  if (!from->known || !ufi_shape_count(t->rank, t->dims, &t->count) || !ufi_dtype_bytes(t->dtype, t->count, &t->size)) return false;
  if (from->value) {
    t->data = (void *)(uintptr_t)from->value;
    t->is_const = true;
  }
  if (r->number == 0) return true;
  const uf_shape *shape = &r->b->values[value].shape;
  for (int32_t d = 0; d < t->rank && shape->rank == t->rank; d++) {
    if (shape->dims[d] < 0) t->dims[d] = r->number;
  }
  return ufi_shape_count(t->rank, t->dims, &t->count) && ufi_dtype_bytes(t->dtype, t->count, &t->size);
}

/* Values that are worth computing: small, and of ops that only look at memory. */
static bool is_computed(const ufi_tf_node *node) {
  static const char *const names[] = {
    "Shape", "ShapeN", "Size", "Rank", "StridedSlice", "Slice", "Pack", "Unpack", "Concat", "ConcatV2", "Cast", "Add", "AddV2",
    "Sub", "Mul", "FloorDiv", "FloorMod", "Maximum", "Minimum", "Neg", "Gather", "GatherV2", "Range", "Squeeze", "ExpandDims",
    "Reshape", "Prod", "Sum", "Max", "Min", "Identity", "Fill", "Split", "BroadcastArgs", "ConcatOffset", "Equal", "Select", "SelectV2", "ZerosLike", "OnesLike",
  };
  for (size_t i = 0; i < UFI_COUNT(names); i++) {
    if (strcmp(names[i], node->op) == 0) return true;
  }
  return false;
}

static bool has_small_values(const trial_run *r) {
  bool shape_only = r->node->row->flags & UFI_SHAPE_ONLY;
  if (!is_computed(r->node)) return false;
  for (int32_t k = 0; k < r->node->n_in; k++) {
    if (!shape_only && r->tensors[k].data == NULL && r->tensors[k].count > 0) return false;
  }
  for (int32_t k = 0; k < r->node->n_out; k++) {
    const ufi_tensor *t = r->ctx.out[k];
    bool is_number = t->dtype == UF_INT32 || t->dtype == UF_INT64 || t->dtype == UF_BOOL || t->dtype == UF_FLOAT32;
    if (!t->shape_known || t->count > SMALL || !is_number) return false;
  }
  return true;
}

/* Evaluates the node and keeps its small values in the builder's arena. */
static void compute(trial_run *r) {
  const ufi_op_def *def = r->node->row->def;
  void *room[UFI_TRIAL_OUTPUTS] = {NULL};
  if (r->node->n_out > UFI_TRIAL_OUTPUTS) return;
  for (int32_t k = 0; k < r->node->n_out; k++) {
    room[k] = ufi_arena_alloc(r->b->arena, UFI_MAX(r->ctx.out[k]->size, (size_t)16));
    if (!room[k]) return;
    r->ctx.out[k]->data = room[k];
  }
  bool good = def->prepare == NULL || def->prepare(&r->ctx) == UF_OK;
  void *scratch = good && r->ctx.scratch_size ? ufi_malloc_aligned(r->ctx.scratch_size) : NULL;
  r->ctx.scratch = scratch;
  r->ctx.running = true;
  if (good && (scratch || r->ctx.scratch_size == 0)) good = def->eval(&r->ctx) == UF_OK;
  for (int32_t k = 0; k < r->node->n_out; k++) {
    const ufi_tensor *t = r->ctx.out[k];
    if (good && t->data == room[k]) r->b->values[r->node->first_value + k].trials[r->trial].value = room[k];
    uf_buf_release(t->buf); /* memory that eval asked for instead */
  }
  if (r->ctx.state && def->release) def->release(r->ctx.state);
  ufi_free(r->ctx.state);
  ufi_free_aligned(scratch);
}

static uf_status try_once(trial_run *r, uf_error *error) {
  const ufi_tf_node *node = r->node;
  bool all = true;
  for (int32_t k = 0; k < node->n_in; k++) all = fill_input(r, k) && all;
  for (int32_t k = 0; k < node->n_out; k++) {
    r->tensors[node->n_in + k] = (ufi_tensor){.dtype = node->out[k].is_ref ? UF_RESOURCE : node->out[k].dtype, .name = node->name};
  }
  if (!all) return UF_OK;
  r->ctx.error = error;
  UFI_TRY(node->row->def->infer(&r->ctx));
  for (int32_t k = 0; k < node->n_out; k++) {
    const ufi_tensor *t = r->ctx.out[k];
    ufi_tf_trial *to = &r->b->values[node->first_value + k].trials[r->trial];
    to->known = t->shape_known;
    to->rank = t->rank;
    memcpy(to->dims, t->dims, sizeof to->dims);
    for (int32_t i = 0; i < node->n_in; i++) to->assumed = to->assumed || r->b->values[node->in[i]].trials[r->trial].assumed;
  }
  if (has_small_values(r)) compute(r);
  return UF_OK;
}

/* ---- a node ------------------------------------------------------------------------------------- */

/* Ops whose outputs' shapes an attribute says, or that say nothing. */
static bool from_attrs(uf_builder *b, const ufi_tf_node *node) {
  bool is_const = strcmp(node->op, "Const") == 0;
  bool is_shaped = strncmp(node->op, "Placeholder", 11) == 0 || strcmp(node->op, "VariableV2") == 0 || strcmp(node->op, "Variable") == 0;
  for (int32_t i = 0; (is_const || is_shaped) && i < node->n_attrs; i++) {
    const uf_attr *a = &node->attrs[i];
    uf_shape shape = {.rank = a->rank};
    if (is_shaped && a->kind == UF_ATTR_SHAPE && strcmp(a->name, "shape") == 0) {
      memcpy(shape.dims, a->dims, sizeof shape.dims);
      if (b->is_old && shape.rank == 0 && node->op[0] == 'P') shape.rank = -1;
    } else if (is_const && a->kind == UF_ATTR_TENSOR && a->tensor) {
      shape.rank = a->tensor->rank;
      memcpy(shape.dims, a->tensor->dims, sizeof shape.dims);
    } else {
      continue;
    }
    b->values[node->first_value].shape = shape;
    for (int32_t t = 0; t < UFI_TRIALS; t++) {
      ufi_tf_trial *trial = &b->values[node->first_value].trials[t];
      trial_from_shape(&shape, t, trial);
      if (is_const && uf_tensor_count(a->tensor) <= SMALL) trial->value = a->tensor->data;
    }
  }
  return is_const || is_shaped;
}

/* A value read from a variable has the shape that the handle's node says. */
static bool from_handle(uf_builder *b, const ufi_tf_node *node) {
  if (strcmp(node->op, "ReadVariableOp") != 0 || node->in[0] < 0) return false;
  const ufi_tf_node *handle = &b->nodes[b->values[node->in[0]].node];
  for (int32_t i = 0; i < handle->n_attrs; i++) {
    const uf_attr *a = &handle->attrs[i];
    if (a->kind != UF_ATTR_SHAPE || strcmp(a->name, "shape") != 0) continue;
    b->values[node->first_value].shape.rank = a->rank;
    memcpy(b->values[node->first_value].shape.dims, a->dims, sizeof a->dims);
    ufi_builder_say_shape(b, node->first_value);
  }
  return true;
}

static bool is_inferred(const ufi_tf_node *node) {
  const ufi_op_row *row = node->row;
  bool effects = row && (row->flags & (UFI_READS_RESOURCE | UFI_WRITES_RESOURCE | UFI_STATEFUL | UFI_GIVES_MEMORY));
  return row && node->in_sig && node->n_out > 0 && !row->def->calls && (!effects || strncmp(node->op, "Random", 6) == 0 || strncmp(node->op, "Truncated", 9) == 0) &&
         (row->def->attrs_size == 0 || row->def->attrs_tf);
}

/* Ops whose inputs' shapes either go together for some number in place of the unknown dimensions, or
 * never do. */
static bool is_strict(const ufi_tf_node *node) {
  static const char *const names[] = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Add", "AddV2", "Sub", "Mul", "RealDiv",
                                      "Maximum", "Minimum", "BiasAdd", "Conv2D", "DepthwiseConv2dNative"};
  for (size_t i = 0; i < UFI_COUNT(names); i++) {
    if (strcmp(names[i], node->op) == 0) return true;
  }
  return false;
}

/* Every number that a known dimension is, in place of the unknown ones: true when one of them works. */
static bool works_somehow(trial_run *r) {
  for (int32_t k = 0; k < r->node->n_in; k++) {
    const uf_shape *shape = &r->b->values[r->node->in[k]].shape;
    for (int32_t d = 0; d < shape->rank; d++) {
      uf_error ignored = {0};
      if (shape->dims[d] <= 0) continue;
      r->number = shape->dims[d];
      bool all = true;
      for (int32_t i = 0; i < r->node->n_in; i++) all = fill_input(r, i) && all;
      for (int32_t i = 0; i < r->node->n_out; i++) {
        r->tensors[r->node->n_in + i] = (ufi_tensor){.dtype = r->node->out[i].dtype, .name = r->node->name};
      }
      r->ctx.error = &ignored;
      if (!all || r->node->row->def->infer(&r->ctx) == UF_OK) return true;
    }
  }
  return false;
}

static bool all_ranks_known(const uf_builder *b, const ufi_tf_node *node) {
  for (int32_t k = 0; k < node->n_in; k++) {
    if (node->in[k] < 0 || b->values[node->in[k]].shape.rank < 0) return false;
  }
  return true;
}

static uf_status infer_node(uf_builder *b, const ufi_tf_node *node, uf_error *error) {
  int32_t n = node->n_in + node->n_out;
  trial_run r = {.b = b, .node = node};
  void *attrs = NULL;
  uf_error local = {0};
  if (node->row->def->attrs_size) {
    ufi_tf_attrs source = {.op = node->op, .attrs = node->attrs, .n = node->n_attrs, .name = node->name, .n_in = node->n_in,
                           .n_out = node->n_out, .arena = b->arena};
    attrs = ufi_arena_alloc(b->arena, node->row->def->attrs_size);
    if (!attrs) return ufi_no_memory(error, node->row->def->attrs_size);
    uf_status status = node->row->def->attrs_tf(&source, attrs, &local);
    if (status == UF_INVALID_ARGUMENT) return ufi_fail(error, status, "%s", local.message);
    if (status != UF_OK) return UF_OK; /* running it fails */
  }
  r.tensors = ufi_calloc((size_t)n + 1, sizeof *r.tensors);
  r.pointers = ufi_calloc((size_t)n + 1, sizeof *r.pointers);
  uf_status status = r.tensors && r.pointers ? UF_OK : ufi_no_memory(error, (size_t)n * sizeof *r.tensors);
  for (int32_t k = 0; r.pointers && k < n; k++) r.pointers[k] = &r.tensors[k];
  bool assumed = false;
  for (int32_t k = 0; k < node->n_in; k++) {
    assumed = assumed || node->in[k] < 0 || b->values[node->in[k]].trials[0].assumed || !b->values[node->in[k]].trials[0].known;
  }
  int32_t refused = 0;
  for (int32_t t = 0; status == UF_OK && t < UFI_TRIALS; t++) {
    r.trial = t;
    r.ctx = (ufi_ctx){.attrs = attrs, .n_in = node->n_in, .n_out = node->n_out, .in = r.pointers, .out = r.pointers + node->n_in};
    uf_status tried = try_once(&r, &local);
    refused += tried == UF_INVALID_ARGUMENT;
    if (tried == UF_OK || assumed || (tried != UF_INVALID_ARGUMENT && tried != UF_OUT_OF_RANGE)) continue;
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "%s", local.message);
  }
  if (status == UF_OK && refused == UFI_TRIALS && is_strict(node) && all_ranks_known(b, node) && !works_somehow(&r)) {
    status = ufi_fail(error, UF_INVALID_ARGUMENT, "%s", local.message);
  }
  ufi_free(r.tensors);
  ufi_free(r.pointers);
  return status;
}

uf_status ufi_builder_infer(uf_builder *b, const ufi_tf_node *node, uf_error *error) {
  if (from_attrs(b, node) || (node->n_out == 1 && node->n_in == 1 && from_handle(b, node))) return UF_OK;
  if (!is_inferred(node)) return UF_OK;
  UFI_TRY(infer_node(b, node, error));
  for (int32_t k = 0; k < node->n_out; k++) b->values[node->first_value + k].shape = agreed(b->values[node->first_value + k].trials);
  return UF_OK;
}
