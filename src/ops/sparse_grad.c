/* SPDX-License-Identifier: Apache-2.0
 *
 * sparse_grad.c: gradients of sparse sums (SparseSegment*Grad, SparseAddGrad), and counts of sparse and
 * ragged numbers (SparseBincount, RaggedBincount).
 */
#include <math.h>

#include "ops/move.h"
#include "ops/sparse.h"

/* ---- SparseSegmentSumGrad, MeanGrad, SqrtNGrad ----------------------------------------------- */

enum { SUM, MEAN, SQRT_N };
typedef struct segment_attrs {
  int32_t kind;
} segment_attrs;

static uf_status segment_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((segment_attrs *)attrs)->kind = strstr(from->op, "Mean") ? MEAN : strstr(from->op, "Sqrt") ? SQRT_N : SUM;
  return UF_OK;
}

static uf_status segment_check(ufi_ctx *ctx, int64_t n_out) {
  const ufi_tensor *grad = ctx->in[0], *indices = ctx->in[1], *ids = ctx->in[2];
  bool real = grad->dtype == UF_FLOAT32 || grad->dtype == UF_FLOAT64 || grad->dtype == UF_FLOAT16 || grad->dtype == UF_BFLOAT16;
  if (!real) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected floating-point gradients, found %s", uf_dtype_name(grad->dtype));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  if (grad->rank < 1 || indices->rank != 1 || ids->rank != 1 || indices->count != ids->count || n_out < 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "segment_ids and indices should have same size: expected vectors of one length, found %lld and %lld", (long long)ids->count, (long long)indices->count);
  }
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i), index = ufi_move_index(indices, i);
    if (id < 0 || id >= grad->dims[0]) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Segment id %lld out of range [0, %lld): expected one within", (long long)id, (long long)grad->dims[0]);
    if (index < 0 || index >= n_out) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Index %lld out of range [0, %lld): expected one within", (long long)index, (long long)n_out);
  }
  return UF_OK;
}

static uf_status segment_eval(ufi_ctx *ctx) {
  const segment_attrs *a = ctx->attrs;
  const ufi_tensor *grad = ctx->in[0], *indices = ctx->in[1], *ids = ctx->in[2];
  int64_t n_out, dims[UF_MAX_RANK];
  int32_t one;
  uf_tensor out;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[3], &n_out, 1, &one));
  UFI_TRY(segment_check(ctx, n_out));
  int64_t inner = ufi_move_span(grad->dims, 1, grad->rank), rows = grad->dims[0];
  size_t size = (size_t)uf_dtype_bits(grad->dtype) / 8, row = (size_t)inner * size;
  memcpy(dims, grad->dims, sizeof dims);
  dims[0] = n_out;
  UFI_TRY(ufi_new_tensor(ctx, grad->dtype, grad->rank, dims, &out));
  int64_t *counts = ufi_calloc((size_t)rows + 1, sizeof *counts);
  char *scaled = ufi_malloc(row + 1);
  uf_status status = counts && scaled ? UF_OK : ufi_no_memory(ctx->error, row);
  for (int64_t i = 0; status == UF_OK && i < ids->count; i++) counts[ufi_move_index(ids, i)]++;
  for (int64_t i = 0; status == UF_OK && i < ids->count && row; i++) {
    int64_t id = ufi_move_index(ids, i);
    double scale = a->kind == SUM ? 1 : a->kind == MEAN ? 1.0 / (double)counts[id] : 1.0 / sqrt((double)counts[id]);
    char factor[8];
    memcpy(scaled, (const char *)grad->data + (size_t)id * row, row);
    status = ufi_convert(UF_FLOAT64, &scale, 1, grad->dtype, factor, ctx->error);
    if (a->kind != SUM) ufi_update_run(UFI_UPDATE_MUL, grad->dtype, scaled, factor, inner, 0);
    ufi_update_run(UFI_UPDATE_ADD, grad->dtype, (char *)out.data + (size_t)ufi_move_index(indices, i) * row, scaled, inner, 1);
  }
  ufi_free(counts);
  ufi_free(scaled);
  if (status == UF_OK) return ufi_out_take(ctx, 0, &out);
  uf_tensor_release(&out);
  return status;
}

const ufi_op_def ufi_op_SPARSE_SEGMENT_GRAD = {
  .attrs_size = sizeof(segment_attrs), .attrs_tf = segment_tf, .infer = ufi_nothing, .eval = segment_eval,
};

/* ---- SparseAddGrad --------------------------------------------------------------------------------- */

/* Gradients of one summand's values: those of the sums at its coordinates, both in order. */
static uf_status summand(ufi_ctx *ctx, int32_t input, int32_t output) {
  const ufi_tensor *grad = ctx->in[0], *own = ctx->in[input], *sums = ctx->in[3];
  int64_t n = own->dims[0], k = 0;
  int32_t rank = (int32_t)own->dims[1];
  size_t size = (size_t)uf_dtype_bits(grad->dtype) / 8;
  uf_tensor out;
  UFI_TRY(ufi_new_tensor(ctx, grad->dtype, 1, &n, &out));
  for (int64_t i = 0; i < n; i++) {
    const int64_t *at = (const int64_t *)own->data + i * rank;
    while (k < sums->dims[0] && ufi_sparse_compare((const int64_t *)sums->data + k * rank, at, rank) < 0) k++;
    bool found = k < sums->dims[0] && ufi_sparse_compare((const int64_t *)sums->data + k * rank, at, rank) == 0;
    if (found) memcpy((char *)out.data + (size_t)i * size, ufi_element(grad, k), size);
  }
  return ufi_out_take(ctx, output, &out);
}

static uf_status add_grad_eval(ufi_ctx *ctx) {
  const ufi_tensor *grad = ctx->in[0];
  bool good = grad->rank == 1 && uf_dtype_bits(grad->dtype) >= 8;
  for (int32_t i = 1; i < 4; i++) UFI_TRY(ufi_want_in(ctx, i, UF_INT64, UF_INVALID));
  for (int32_t i = 1; good && i < 4; i++) good = ctx->in[i]->rank == 2 && ctx->in[i]->dims[1] == ctx->in[1]->dims[1];
  if (!good || ctx->in[3]->dims[0] != grad->count) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of one rank and a gradient for each sum, found others");
  UFI_TRY(summand(ctx, 1, 0));
  return summand(ctx, 2, 1);
}

const ufi_op_def ufi_op_SPARSE_ADD_GRAD = {.infer = ufi_nothing, .eval = add_grad_eval};

/* ---- SparseBincount, RaggedBincount ------------------------------------------------------------------ */

typedef struct count_attrs {
  bool binary, ragged;
} count_attrs;

static uf_status count_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  count_attrs *a = attrs;
  a->binary = ufi_tf_bool(from, "binary_output");
  a->ragged = strncmp(from->op, "Ragged", 6) == 0;
  return UF_OK;
}

static uf_status count_into(ufi_ctx *ctx, const ufi_tensor *values, const ufi_tensor *weights, int64_t i, int64_t row, int64_t size, uf_tensor *out) {
  const count_attrs *a = ctx->attrs;
  int64_t value = ufi_move_index(values, i);
  size_t bytes = (size_t)uf_dtype_bits(out->dtype) / 8;
  double one = 1;
  char number[8];
  if (value < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input must be non-negative: expected 0 or more, found %lld", (long long)value);
  if (value >= size) return UF_OK;
  void *to = (char *)out->data + (size_t)(row * size + value) * bytes;
  UFI_TRY(ufi_convert(UF_FLOAT64, &one, 1, out->dtype, number, ctx->error));
  if (a->binary) memcpy(to, number, bytes);
  else ufi_update_run(UFI_UPDATE_ADD, out->dtype, to, weights->count ? ufi_element(weights, i) : number, 1, 1);
  return UF_OK;
}

static uf_status count_eval(ufi_ctx *ctx) {
  const count_attrs *a = ctx->attrs;
  const ufi_tensor *values = ctx->in[1], *weights = ctx->in[a->ragged ? 3 : 4], *splits = ctx->in[0];
  int64_t size, dims[2];
  int32_t one, rank = 2;
  uf_tensor out;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[a->ragged ? 2 : 3], &size, 1, &one));
  if (size < 0 || one != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "size (%lld) must be non-negative", (long long)size);
  if (weights->count && weights->count != values->count) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "weights and values must have the same shape: expected %lld, found %lld", (long long)values->count, (long long)weights->count);
  ufi_sparse s = {0};
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, weights, ctx->out[0]));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  if (a->ragged) {
    UFI_TRY(ufi_want_in(ctx, 0, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, values, 1, 1));
    bool good = splits->rank == 1 && splits->count >= 1 && ufi_move_index(splits, 0) == 0 && ufi_move_index(splits, splits->count - 1) == values->count;
    for (int64_t r = 1; good && r < splits->count; r++) good = ufi_move_index(splits, r) >= ufi_move_index(splits, r - 1);
    if (!good) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Splits must start with 0, ascend and end with the number of values, %lld: found others", (long long)values->count);
    dims[0] = splits->count - 1;
  } else {
    UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
    UFI_TRY(ufi_sparse_check(ctx, &s));
    if (s.rank < 1 || s.rank > 2) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sparse tensor of rank 1 or 2, found %d", (int)s.rank);
    dims[0] = s.dims[0];
    rank = s.rank;
  }
  dims[rank - 1] = size;
  UFI_TRY(ufi_new_tensor(ctx, ctx->out[0]->dtype, rank, dims, &out));
  uf_status status = UF_OK;
  for (int64_t i = 0, row = 0; status == UF_OK && i < values->count; i++) {
    while (a->ragged && ufi_move_index(splits, row + 1) <= i) row++;
    int64_t at = a->ragged ? row : rank == 2 ? s.indices[2 * i] : 0;
    status = count_into(ctx, values, weights, i, at, size, &out);
  }
  if (status == UF_OK) return ufi_out_take(ctx, 0, &out);
  uf_tensor_release(&out);
  return status;
}

const ufi_op_def ufi_op_SPARSE_BINCOUNT = {
  .attrs_size = sizeof(count_attrs), .attrs_tf = count_tf, .infer = ufi_nothing, .eval = count_eval,
};
