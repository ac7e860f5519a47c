/* SPDX-License-Identifier: Apache-2.0
 *
 * requant.c: checks and conversion of quantization parameters (quantize.h).
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "ops/quantize.h"

void ufi_quantize_multiplier(double real, int32_t *multiplier_out, int32_t *shift_out) {
  *multiplier_out = 0;
  *shift_out = 0;
  if (!(real >= DBL_MIN) || !isfinite(real)) return;
  /* real is mantissa * 2^(shift - 53), mantissa of 53 bits, of which 31 remain. */
  uint64_t bits;
  memcpy(&bits, &real, sizeof bits);
  int32_t shift = (int32_t)(bits >> 52) - 1022;
  int64_t fixed = (int64_t)((((bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52) + (1 << 21)) >> 22);
  if (fixed == INT64_C(1) << 31) {
    fixed /= 2;
    shift++;
  }
  if (shift < -31) return;
  *multiplier_out = (int32_t)fixed;
  *shift_out = UFI_MIN(shift, 31);
}

static bool zero_point_fits(const ufi_tensor *t, int64_t zero) {
  switch (t->dtype) {
    case UF_INT8: return zero >= INT8_MIN && zero <= INT8_MAX;
    case UF_UINT8: return zero >= 0 && zero <= UINT8_MAX;
    case UF_INT16: return zero >= INT16_MIN && zero <= INT16_MAX;
    default: return zero >= INT32_MIN && zero <= INT32_MAX;
  }
}

static const char *name_of(const ufi_tensor *t) { return t->name ? t->name : ""; }

uf_status ufi_want_scale(ufi_ctx *ctx, const char *what, const ufi_tensor *t) {
  if (!ufi_is_quantized(t) || t->quant->block_size > 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a scale of %s '%s' (%s), found none; convert the model again "
                        "with full quantization", what, name_of(t), uf_dtype_name(t->dtype));
  }
  float scale = t->quant->scales[0];
  if (t->quant->count != 1 || !isfinite(scale) || scale <= 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected one positive scale of %s '%s', found %lld, the first of them %g",
                        what, name_of(t), (long long)t->quant->count, (double)scale);
  }
  if (!zero_point_fits(t, t->quant->zero_points[0])) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a zero point of %s '%s' within %s, found %lld", what,
                        name_of(t), uf_dtype_name(t->dtype),
                        (long long)t->quant->zero_points[0]);
  }
  return UF_OK;
}

/* All in one go, since there is one for each channel of a network, and nearly all are good. */
static bool are_scales(const float *scales, int64_t n) {
  int32_t bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= !(scales[i] >= 0 && scales[i] <= FLT_MAX);
  return !bad;
}

static bool are_zero(const int64_t *points, int64_t n) {
  int64_t any = 0;
  for (int64_t i = 0; i < n; i++) any |= points[i];
  return !any;
}

uf_status ufi_want_channel_scales(ufi_ctx *ctx, const ufi_tensor *t, int64_t n) {
  int64_t count = ufi_is_quantized(t) && t->quant->block_size == 0 ? t->quant->count : 0;
  if (count != 1 && count != n) {
    char more[64] = "";
    if (n > 1) snprintf(more, sizeof more, ", or one for each of %lld output channels", (long long)n);
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one scale of the weights '%s'%s, found %lld", name_of(t),
                        more, (long long)count);
  }
  const bool good = are_scales(count > 0 ? t->quant->scales : NULL, count);
  for (int64_t i = 0; i < count && !good; i++) {
    float scale = t->quant->scales[i];
    if (isfinite(scale) && scale >= 0) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected finite scales of 0 and more of the weights '%s', found %g for channel %lld",
                        name_of(t), (double)scale, (long long)i);
  }
  int64_t zero = t->quant->zero_points[0];
  if (!zero_point_fits(t, zero)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a zero point of the weights '%s' within %s, found %lld",
                        name_of(t), uf_dtype_name(t->dtype), (long long)zero);
  }
  return UF_OK;
}

uf_status ufi_want_symmetric_weights(ufi_ctx *ctx, const ufi_tensor *t) {
  if (!ufi_is_quantized(t) || are_zero(t->quant->zero_points, t->quant->count)) return UF_OK;
  for (int64_t i = 0; i < t->quant->count; i++) {
    if (t->quant->zero_points[i] == 0) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected zero points 0 of the weights '%s', found %lld for channel %lld",
                        name_of(t), (long long)t->quant->zero_points[i], (long long)i);
  }
  return UF_OK;
}

uf_status ufi_want_zero_point_0(ufi_ctx *ctx, const char *what, const ufi_tensor *t) {
  if (ufi_zero(t) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected zero point 0 of %s '%s', as %s tensors have, found %d", what,
                      name_of(t), uf_dtype_name(t->dtype), (int)ufi_zero(t));
}

uf_status ufi_want_bias(ufi_ctx *ctx, const ufi_tensor *bias, uf_dtype a, uf_dtype b) {
  if (!bias || bias->dtype == a || bias->dtype == b) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a bias '%s' of dtype %s%s%s, found %s",
                      name_of(bias), uf_dtype_name(a), a == b ? "" : " or ",
                      a == b ? "" : uf_dtype_name(b), uf_dtype_name(bias->dtype));
}

/* Elements of `bits` bits, low bits first, sign-extended. */
static void unpack(const uint8_t *from, int64_t count, int bits, int8_t *to) {
  const int per_byte = 8 / bits, up = 8 - bits;
  for (int64_t i = 0; i < count; i++) {
    int byte = from[i / per_byte] << (up - (int)(i % per_byte) * bits);
    to[i] = (int8_t)((int8_t)(uint8_t)byte >> up);
  }
}

uf_status ufi_unpacked_weights(ufi_ctx *ctx, const ufi_tensor *t, const void **data_out,
                               void **owned_out) {
  *data_out = t->data;
  *owned_out = NULL;
  if (t->dtype != UF_INT4 && t->dtype != UF_INT2) return UF_OK;
  int8_t *bytes = ufi_malloc((size_t)UFI_MAX(t->count, 1));
  if (!bytes) return ufi_no_memory(ctx->error, (size_t)t->count);
  unpack(t->data, t->count, t->dtype == UF_INT4 ? 4 : 2, bytes);
  *data_out = *owned_out = bytes;
  return UF_OK;
}
