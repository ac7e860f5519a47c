/* SPDX-License-Identifier: Apache-2.0
 *
 * multinomial.c: Multinomial of TensorFlow and of TFLite: indices of classes, drawn by weights that
 * are given as logarithms (batch, classes); from a node's generator or from seeds.
 *
 * A class whose logarithm is not finite is never drawn; when none is finite, what comes out is the
 * number of classes. The constants and the order of draws are TensorFlow's.
 */
#include <math.h>

#include "ops/random.h"

static uf_status multinomial_infer(ufi_ctx *ctx) {
  const ufi_tensor *logits = ctx->in[0];
  int64_t dims[2];
  int32_t n;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT16, UF_BFLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, logits, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 0, 0));
  if (logits->dims[1] < 1 || logits->dims[0] > INT32_MAX || logits->dims[1] > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one class or more, found %lld", (long long)logits->dims[1]);
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], &dims[1], 1, &n));
  dims[0] = logits->dims[0];
  if (dims[1] < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 samples or more, found %lld", (long long)dims[1]);
  return ufi_out_shape(ctx, 0, 2, dims);
}

static uf_status multinomial_prepare(ufi_ctx *ctx) {
  if (ctx->in[0]->count) ufi_want_scratch(ctx, (size_t)ctx->in[0]->dims[1] * sizeof(double));
  return UF_OK;
}

/* Sums of the classes' weights up to each, in place of their logits; the sum of all. */
static double accumulate(double *weights, int64_t n) {
  double top = -INFINITY, sum = 0.0;
  for (int64_t j = 0; j < n; j++)
    if (isfinite(weights[j])) top = UFI_MAX(top, weights[j]);
  for (int64_t j = 0; j < n; j++) {
    if (isfinite(weights[j])) sum += exp(weights[j] - top);
    weights[j] = sum;
  }
  return sum;
}

/* The first class whose sum is above `at`. */
static int64_t pick(const double *sums, int64_t n, double at) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (at < sums[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* Rows in order: TensorFlow's results depend on its threads when batches are large. */
static uf_status multinomial_by(ufi_ctx *ctx, ufi_philox gen) {
  const ufi_tensor *logits = ctx->in[0], *out = ctx->out[0];
  const int64_t n = logits->dims[1], samples = out->dims[1], size = uf_dtype_bits(logits->dtype) / 8;
  ufi_philox_words words = {.gen = gen, .used = 4};
  double *sums = ctx->scratch;
  for (int64_t b = 0; b < out->dims[0]; b++) {
    UFI_TRY(ufi_convert(logits->dtype, (const uint8_t *)logits->data + b * n * size, n, UF_FLOAT64, sums, ctx->error));
    const double total = accumulate(sums, n);
    for (int64_t j = 0; j < samples; j++) {
      const uint32_t high = ufi_philox_word(&words), low = ufi_philox_word(&words);
      const int64_t found = pick(sums, n, ufi_random_double(high, low) * total);
      if (out->dtype == UF_INT64) ((int64_t *)out->data)[b * samples + j] = found;
      else ((int32_t *)out->data)[b * samples + j] = (int32_t)found;
    }
  }
  return UF_OK;
}

static uf_status multinomial_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  ufi_philox gen;
  if (out->count == 0) return UF_OK;
  const uint64_t per_row = (uint64_t)(out->dims[1] + 3) / 4 * 8;
  UFI_TRY(ufi_random_reserve(ctx, ctx->attrs, (uint64_t)out->dims[0] * per_row * 256, &gen));
  return multinomial_by(ctx, gen);
}

static uf_status stateless_multinomial_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  UFI_TRY(ufi_random_from_seeds_tf(ctx, 2, &gen));
  return ctx->out[0]->count ? multinomial_by(ctx, gen) : UF_OK;
}

const ufi_op_def ufi_op_MULTINOMIAL = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tflite = ufi_random_attrs_lite, .attrs_tf = ufi_random_attrs_tf,
  .infer = multinomial_infer, .prepare = multinomial_prepare, .eval = multinomial_eval, .restart = ufi_random_restart,
};
const ufi_op_def ufi_op_STATELESS_MULTINOMIAL = {
  .infer = multinomial_infer, .prepare = multinomial_prepare, .eval = stateless_multinomial_eval,
};
