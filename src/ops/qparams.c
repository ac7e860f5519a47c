/* SPDX-License-Identifier: Apache-2.0
 *
 * qparams.c: see qparams.h.
 */
#include "ops/qparams.h"

#include <math.h>

#include "ops/quantize.h"

void ufi_dtype_limits(uf_dtype dtype, int32_t *lo_out, int32_t *hi_out) {
  switch (dtype) {
    case UF_INT4: *lo_out = -8, *hi_out = 7; return;
    case UF_UINT4: *lo_out = 0, *hi_out = 15; return;
    case UF_INT2: *lo_out = -2, *hi_out = 1; return;
    case UF_INT8: *lo_out = INT8_MIN, *hi_out = INT8_MAX; return;
    case UF_UINT8: *lo_out = 0, *hi_out = UINT8_MAX; return;
    case UF_INT16: *lo_out = INT16_MIN, *hi_out = INT16_MAX; return;
    case UF_UINT16: *lo_out = 0, *hi_out = UINT16_MAX; return;
    default: *lo_out = INT32_MIN, *hi_out = INT32_MAX; return;
  }
}

uf_status ufi_want_per_tensor(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  if (!ufi_is_quantized(t)) return UF_OK;
  if (t->quant->count != 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected one quantization scale for the whole tensor, found %lld in %s",
                        (long long)t->quant->count, ufi_tensor_text(t, text));
  const float scale = t->quant->scales[0];
  int32_t lo, hi;
  ufi_dtype_limits(t->dtype, &lo, &hi);
  const int64_t zero = t->quant->zero_points[0];
  if (isfinite(scale) && scale > 0.0f && zero >= lo && zero <= hi) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected a positive scale and a zero point in [%d, %d], found scale %g and "
                      "zero point %lld in %s",
                      lo, hi, (double)scale, (long long)zero, ufi_tensor_text(t, text));
}

uf_status ufi_want_all_per_tensor(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_in; ++i)
    if (ctx->in[i]) UFI_TRY(ufi_want_per_tensor(ctx, ctx->in[i]));
  for (int32_t i = 0; i < ctx->n_out; ++i) UFI_TRY(ufi_want_per_tensor(ctx, ctx->out[i]));
  return UF_OK;
}

uf_status ufi_want_symmetric(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  if (ufi_zero(t) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a zero point of 0, found %d in %s",
                      ufi_zero(t), ufi_tensor_text(t, text));
}

ufk_scale ufi_scale_from(double real) {
  ufk_scale s;
  ufi_quantize_multiplier(real, &s.multiplier, &s.shift);
  return s;
}

/* By the kernel of products. */
void ufi_scale_many(const int32_t *sums, int32_t less, ufk_scale scale, const ufi_tensor *y) {
  enum { MANY = UFK_Q_MAX_NR };
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  const ufk_q_to_int_fn to_int = y->dtype == UF_INT16 ? k->fixed_s16 : y->dtype == UF_UINT8 ? k->fixed_u8 : k->fixed_s8;
  const size_t size = y->dtype == UF_INT16 ? 2 : 1;
  int32_t multiplier[MANY], shift[MANY], sum[MANY] = {0};
  ufk_q_scale to = {.multiplier = multiplier, .shift = shift, .zero = ufi_zero(y)};
  for (int32_t i = 0; i < MANY; ++i) multiplier[i] = scale.multiplier, shift[i] = scale.shift;
  ufi_dtype_limits(y->dtype, &to.min, &to.max);
  for (int64_t i = 0; i < y->count; i += MANY) {
    const int64_t n = UFI_MIN(y->count - i, (int64_t)MANY);
    for (int64_t j = 0; j < n; ++j) sum[j] = sums[i + j] - less;
    to_int(1, (size_t)n, sum, MANY, &to, (char *)y->data + (size_t)i * size, MANY);
  }
}

bool ufi_log2_of_scale(float scale, int32_t *log2_out) {
  const float log2 = logf(scale) * (1.0f / logf(2.0f));
  const float whole = roundf(log2);
  *log2_out = (int32_t)whole;
  return fabsf(log2 - whole) < 1e-3f;
}
