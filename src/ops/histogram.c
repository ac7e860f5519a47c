/* SPDX-License-Identifier: Apache-2.0
 *
 * histogram.c: Bincount, DenseBincount, HistogramFixedWidth; and L2Loss.
 */
#include "ops/join.h"
#include "ops/move.h"

/* ---- Bincount, DenseBincount: values, number of bins, weights ----------------------------------- */

typedef struct bincount_attrs {
  bool dense, binary;
} bincount_attrs;

static uf_status bincount_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  bincount_attrs *a = memory;
  a->dense = strcmp(from->op, "DenseBincount") == 0;
  a->binary = ufi_tf_bool(from, "binary_output");
  return UF_OK;
}

static uf_status bincount_infer(ufi_ctx *ctx) {
  const bincount_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *weights = ctx->in[2];
  int64_t dims[2], bins;
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, weights, ctx->out[0]));
  if (a->dense) UFI_TRY(ufi_want_rank(ctx, in, 0, 2));
  bool same = weights->rank == in->rank && memcmp(weights->dims, in->dims, (size_t)in->rank * sizeof dims[0]) == 0;
  if (weights->count && !same)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no weights or weights of shape %s, found %s",
                        ufi_shape_text(in->rank, in->dims, want), ufi_shape_text(weights->rank, weights->dims, found));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &bins));
  if (bins < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 or more bins, found %lld", (long long)bins);
  bool rows = a->dense && in->rank == 2;
  dims[0] = rows ? in->dims[0] : bins;
  dims[1] = bins;
  return ufi_out_shape(ctx, 0, rows ? 2 : 1, dims);
}

/* Values past the last bin are left out. */
static uf_status bincount_eval(ufi_ctx *ctx) {
  const bincount_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *weights = ctx->in[2], *out = ctx->out[0];
  const int64_t size = uf_dtype_bits(out->dtype) / 8, bins = out->dims[out->rank - 1];
  const int64_t row = out->rank == 2 ? in->dims[1] : UFI_MAX(in->count, (int64_t)1);
  _Alignas(16) char one[16];
  ufi_join_start(UFI_JOIN_MUL, out->dtype, false, one);
  if (out->size) memset(out->data, 0, out->size);
  for (int64_t i = 0; i < in->count; i++) {
    int64_t bin = ufi_move_index(in, i);
    if (bin < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected values of 0 and more, found %lld at position %lld",
                          (long long)bin, (long long)i);
    if (bin >= bins) continue;
    char *to = (char *)out->data + (i / row * bins + bin) * size;
    const char *weight = weights->count && !a->binary ? (const char *)weights->data + i * size : one;
    ufi_join_run(a->binary ? UFI_JOIN_SET : UFI_JOIN_ADD, out->dtype, to, weight, 1);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_BINCOUNT = {
  .attrs_size = sizeof(bincount_attrs), .attrs_tf = bincount_tf, .infer = bincount_infer, .eval = bincount_eval,
};

/* ---- HistogramFixedWidth: values, range, number of bins --------------------------------------------- */

static uf_status histogram_infer(ufi_ctx *ctx) {
  int64_t bins;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  if (ctx->in[1]->rank != 1 || ctx->in[1]->count != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range of two values, found %lld", (long long)ctx->in[1]->count);
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &bins));
  if (bins <= 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one bin or more, found %lld", (long long)bins);
  return ufi_out_shape(ctx, 0, 1, &bins);
}

/* How far value i lies above the range's begin: the difference in the values' own precision. */
static double above(const ufi_tensor *values, int64_t i, const void *range) {
#define ABOVE(T) { T v = ((const T *)values->data)[i], low = *(const T *)range; return v > low ? (double)(T)(v - low) : 0.0; }
  switch (values->dtype) {
    case UF_INT32: { int64_t v = ((const int32_t *)values->data)[i], low = *(const int32_t *)range;
      return v > low ? (double)(v - low) : 0.0; }
    case UF_INT64: { int64_t v = ((const int64_t *)values->data)[i], low = *(const int64_t *)range;
      return v > low ? (double)((uint64_t)v - (uint64_t)low) : 0.0; }
    case UF_FLOAT32: ABOVE(float)
    default: ABOVE(double)
  }
#undef ABOVE
}

static uf_status histogram_eval(ufi_ctx *ctx) {
  const ufi_tensor *values = ctx->in[0], *range = ctx->in[1], *out = ctx->out[0];
  const int64_t bins = out->count;
  ufi_tensor high = *range;
  double width = above(&high, 1, range->data);
  if (!(width > 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range that goes up, found a width of %g", width);
  const double step = width / (double)bins;
  memset(out->data, 0, out->size);
  for (int64_t i = 0; i < values->count; i++) {
    double at = above(values, i, range->data) / step;
    int64_t bin = at < (double)(bins - 1) ? (int64_t)at : bins - 1;
    if (out->dtype == UF_INT64) ((int64_t *)out->data)[bin]++;
    else ((int32_t *)out->data)[bin]++;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_HISTOGRAM_FIXED_WIDTH = {.infer = histogram_infer, .eval = histogram_eval};

/* ---- L2Loss: half the sum of squares ------------------------------------------------------------------ */

static uf_status l2_loss_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status l2_loss_eval(ufi_ctx *ctx) {
  enum { CHUNK = 256 };
  const ufi_tensor *in = ctx->in[0];
  const size_t size = (size_t)uf_dtype_bits(in->dtype) / 8;
  double values[CHUNK], sum = 0.0;
  for (int64_t i = 0; i < in->count; i += CHUNK) {
    const int64_t n = UFI_MIN((int64_t)CHUNK, in->count - i);
    UFI_TRY(ufi_convert(in->dtype, (const char *)in->data + (size_t)i * size, n, UF_FLOAT64, values, ctx->error));
    for (int64_t j = 0; j < n; j++) sum += values[j] * values[j];
  }
  sum /= 2.0;
  return ufi_convert(UF_FLOAT64, &sum, 1, in->dtype, ctx->out[0]->data, ctx->error);
}

const ufi_op_def ufi_op_L2_LOSS = {.infer = l2_loss_infer, .eval = l2_loss_eval};
