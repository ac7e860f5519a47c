/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_scatter.c: TensorScatterUpdate and kin (slices of a tensor joined with updates at
 * coordinates), InplaceUpdate and kin (the same by rows), DynamicPartition, DynamicStitch.
 */
#include "ops/join.h"
#include "ops/move.h"

/* ---- TensorScatter*, ScatterNdNonAliasingAdd: tensor, indices, updates ------------------------- */

typedef struct scatter_attrs {
  ufi_join how;
  bool ignore;             /* coordinates outside are passed over */
} scatter_attrs;

static uf_status scatter_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const policies[] = {"", "DEFAULT", "ERROR", "IGNORE", NULL};
  static const struct { const char *word; ufi_join how; } words[] = {
    {"Update", UFI_JOIN_SET}, {"Sub", UFI_JOIN_SUB}, {"Max", UFI_JOIN_MAX}, {"Min", UFI_JOIN_MIN}};
  scatter_attrs *a = memory;
  int32_t policy;
  a->how = UFI_JOIN_ADD;
  for (size_t i = 0; i < UFI_COUNT(words); i++)
    if (strstr(from->op, words[i].word)) a->how = words[i].how;
  if (ufi_tf_attr(from, "bad_indices_policy") == NULL) return UF_OK;
  UFI_TRY(ufi_tf_choice(from, "bad_indices_policy", policies, &policy, error));
  a->ignore = policy == 3;
  return UF_OK;
}

/* Numbers in a coordinate; a vector of indices has one number for each slice. */
static int64_t depth_of(const ufi_tensor *indices) {
  return indices->rank > 1 ? indices->dims[indices->rank - 1] : 1;
}
static int32_t batch_rank(const ufi_tensor *indices) { return UFI_MAX(indices->rank - 1, 1); }

static uf_status scatter_infer(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *t = ctx->in[0], *indices = ctx->in[1], *updates = ctx->in[2];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT], text[512];
  int64_t expected[2 * UF_MAX_RANK];
  int32_t n = 0;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, t, updates));
  UFI_TRY(ufi_want_same(ctx, t, ctx->out[0]));
  if (!ufi_join_takes(a->how, t->dtype))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype that this op joins, found %s", ufi_tensor_text(t, text));
  UFI_TRY(ufi_want_rank(ctx, t, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, indices, 1, UF_MAX_RANK));
  int64_t depth = depth_of(indices);
  if (depth > t->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of at most %d numbers (last extent of the "
                        "indices), found %lld", t->rank, (long long)depth);
  for (int32_t d = 0; d < batch_rank(indices); d++) expected[n++] = indices->dims[d];
  for (int32_t d = (int32_t)depth; d < t->rank; d++) expected[n++] = t->dims[d];
  if (n != updates->rank || memcmp(expected, updates->dims, (size_t)n * sizeof expected[0]) != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected updates of shape %s, found %s",
                        ufi_shape_text(UFI_MIN(n, UF_MAX_RANK), expected, want),
                        ufi_shape_text(updates->rank, updates->dims, found));
  return ufi_out_like(ctx, 0, t);
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *indices = ctx->in[1], *updates = ctx->in[2], *out = ctx->out[0];
  int32_t depth = (int32_t)depth_of(indices);
  int64_t slices = ufi_move_span(indices->dims, 0, batch_rank(indices)), steps[UF_MAX_RANK];
  int64_t inner = ufi_move_span(out->dims, depth, out->rank), size = uf_dtype_bits(out->dtype) / 8;
  ufi_move_steps(out->rank, out->dims, steps);
  ufi_move_all(out, ctx->in[0]);
  for (int64_t i = 0; i < slices; i++) {
    int64_t at = 0;
    bool inside = true;
    for (int32_t d = 0; d < depth && inside; d++) {
      int64_t index = ufi_move_index(indices, i * depth + d);
      inside = index >= 0 && index < out->dims[d];
      if (!inside && !a->ignore)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates in [0, %lld) for dimension %d, found "
                            "%lld in coordinate %lld", (long long)out->dims[d], d, (long long)index, (long long)i);
      at += index * steps[d];
    }
    if (inside)
      ufi_join_run(a->how, out->dtype, (char *)out->data + at * size, (const char *)updates->data + i * inner * size, inner);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TENSOR_SCATTER = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tf = scatter_tf, .infer = scatter_infer, .eval = scatter_eval,
};

/* ---- InplaceUpdate, InplaceAdd, InplaceSub: x, rows, v ------------------------------------------- */

static uf_status inplace_infer(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *rows = ctx->in[1], *v = ctx->in[2];
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, x, v));
  UFI_TRY(ufi_want_same(ctx, x, ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, rows, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, v, x->rank, x->rank));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  bool fits = v->dims[0] == rows->count;
  for (int32_t d = 1; d < x->rank; d++) fits = fits && v->dims[d] == x->dims[d];
  if (!fits || !ufi_join_takes(a->how, x->dtype))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a row of numbers of the first input for each of %lld "
                        "indices, found %s", (long long)rows->count, ufi_tensor_text(v, text));
  return ufi_out_like(ctx, 0, x);
}

/* Indices count modulo the number of rows: that is this op's definition. */
static uf_status inplace_eval(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *rows = ctx->in[1], *v = ctx->in[2], *out = ctx->out[0];
  int64_t n = x->dims[0], inner = ufi_move_span(x->dims, 1, x->rank), size = inner * uf_dtype_bits(x->dtype) / 8;
  ufi_move_all(out, x);
  for (int64_t i = 0; n && i < rows->count; i++) {
    int64_t row = (ufi_move_index(rows, i) % n + n) % n;
    ufi_join_run(a->how, x->dtype, (char *)out->data + row * size, (const char *)v->data + i * size, inner);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_INPLACE_ROWS = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tf = scatter_tf, .infer = inplace_infer, .eval = inplace_eval,
};

/* ---- DynamicPartition: data, partitions ------------------------------------------------------------ */

static uf_status partition_check(ufi_ctx *ctx) {
  const ufi_tensor *data = ctx->in[0], *parts = ctx->in[1];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_want_same(ctx, data, ctx->out[i]));
  bool prefix = parts->rank <= data->rank && uf_dtype_bits(data->dtype) >= 8;
  for (int32_t d = 0; prefix && d < parts->rank; d++) prefix = parts->dims[d] == data->dims[d];
  if (prefix) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected partitions over the first dimensions of %s, found %s",
                      ufi_shape_text(data->rank, data->dims, a), ufi_shape_text(parts->rank, parts->dims, b));
}

static uf_status partition_infer(ufi_ctx *ctx) {
  const ufi_tensor *data = ctx->in[0], *parts = ctx->in[1];
  int64_t dims[UF_MAX_RANK + 1];
  int32_t rank = 1;
  UFI_TRY(partition_check(ctx));
  if (!ufi_known(ctx, 1)) return UF_OK;
  for (int32_t d = parts->rank; d < data->rank; d++) dims[rank++] = data->dims[d];
  for (int64_t i = 0; i < parts->count; i++) {
    int64_t part = ufi_move_index(parts, i);
    if (part < 0 || part >= ctx->n_out)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected partitions in [0, %d), found %lld at position %lld",
                          ctx->n_out, (long long)part, (long long)i);
  }
  for (int32_t p = 0; p < ctx->n_out; p++) {
    dims[0] = 0;
    for (int64_t i = 0; i < parts->count; i++) dims[0] += ufi_move_index(parts, i) == p;
    UFI_TRY(ufi_out_shape(ctx, p, rank, dims));
  }
  return UF_OK;
}

static uf_status partition_eval(ufi_ctx *ctx) {
  const ufi_tensor *data = ctx->in[0], *parts = ctx->in[1];
  int64_t inner = ufi_move_span(data->dims, parts->rank, data->rank);
  for (int32_t p = 0; p < ctx->n_out; p++)
    for (int64_t i = 0, to = 0; i < parts->count; i++)
      if (ufi_move_index(parts, i) == p)
        ufi_move_run_flat(data->dtype, ctx->out[p]->data, to++ * inner, data->data, i * inner, inner);
  return UF_OK;
}

const ufi_op_def ufi_op_DYNAMIC_PARTITION = {.infer = partition_infer, .eval = partition_eval};

/* ---- DynamicStitch, ParallelDynamicStitch: N indices, N values ------------------------------------------ */

/* Shape of what an index stands for; it is the same for all. */
static uf_status stitch_inner(ufi_ctx *ctx, int32_t *rank_out, int64_t dims[UF_MAX_RANK + 1]) {
  const int32_t n = ctx->n_in / 2;
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  for (int32_t i = 0; i < n; i++) {
    const ufi_tensor *indices = ctx->in[i], *data = ctx->in[n + i];
    int32_t rank = data->rank - indices->rank;
    UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INVALID));
    UFI_TRY(ufi_want_same(ctx, data, ctx->out[0]));
    bool fits = rank >= 0 && memcmp(indices->dims, data->dims, (size_t)indices->rank * sizeof dims[0]) == 0;
    for (int32_t d = 0; fits && i == 0 && d < rank; d++) dims[1 + d] = data->dims[indices->rank + d];
    if (i == 0) *rank_out = rank;
    fits = fits && rank == *rank_out && memcmp(dims + 1, data->dims + indices->rank, (size_t)rank * sizeof dims[0]) == 0;
    if (!fits)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected values that begin with the shape of their indices and "
                          "end alike, found indices %s with values %s as pair %d",
                          ufi_shape_text(indices->rank, indices->dims, a), ufi_shape_text(data->rank, data->dims, b), i);
  }
  return UF_OK;
}

static uf_status stitch_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK + 1], most = -1;
  int32_t rank = 0;
  if (ctx->n_in % 2 || ctx->n_in == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many values as indices, found %d inputs", ctx->n_in);
  UFI_TRY(stitch_inner(ctx, &rank, dims));
  for (int32_t i = 0; i < ctx->n_in / 2; i++) {
    if (!ufi_known(ctx, i)) return UF_OK;
    for (int64_t j = 0; j < ctx->in[i]->count; j++) {
      int64_t index = ufi_move_index(ctx->in[i], j);
      if (index < 0)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices of 0 and more, found %lld", (long long)index);
      most = UFI_MAX(most, index);
    }
  }
  dims[0] = most + 1;
  return ufi_out_shape(ctx, 0, rank + 1, dims);
}

static uf_status stitch_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  const int32_t n = ctx->n_in / 2;
  int64_t inner = ufi_move_span(out->dims, 1, out->rank);
  if (out->size) memset(out->data, 0, out->size); /* places that no index names */
  for (int32_t i = 0; i < n; i++)
    for (int64_t j = 0; j < ctx->in[i]->count; j++)
      ufi_move_run_flat(out->dtype, out->data, ufi_move_index(ctx->in[i], j) * inner, ctx->in[n + i]->data, j * inner,
                        inner);
  return UF_OK;
}

const ufi_op_def ufi_op_DYNAMIC_STITCH = {.infer = stitch_infer, .eval = stitch_eval};
