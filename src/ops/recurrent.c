/* SPDX-License-Identifier: Apache-2.0
 *
 * recurrent.c: checks, vectors and matrices of the recurrent ops, see recurrent.h.
 *
 * Rows are short (tens to hundreds) and sequential in time, so that these are
 * matrix-vector products bound by reading the weights. Sums run in eight lanes,
 * which compilers turn into vectors and which keeps their error small.
 */
#include <math.h>

#include "ops/recurrent.h"

#define LANES 8

/* ---- checks ------------------------------------------------------------------------ */

static uf_status want_shape(ufi_ctx *ctx, const ufi_tensor *t, const char *what, int32_t rank, const int64_t *dims) {
  char text[512], shape[UFI_SHAPE_TEXT];
  if (t && t->rank == rank && memcmp(t->dims, dims, (size_t)rank * sizeof *dims) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape %s, found %s", what, ufi_shape_text(rank, dims, shape),
                      ufi_tensor_text(t, text));
}

uf_status ufi_want_dims(ufi_ctx *ctx, const ufi_tensor *t, const char *what, int32_t rank, int64_t d0, int64_t d1) {
  return want_shape(ctx, t, what, rank, (int64_t[2]){d0, d1});
}

uf_status ufi_want_dims3(ufi_ctx *ctx, const ufi_tensor *t, const char *what, int64_t d0, int64_t d1, int64_t d2) {
  return want_shape(ctx, t, what, 3, (int64_t[3]){d0, d1, d2});
}

uf_status ufi_want_dtype_of(ufi_ctx *ctx, const ufi_tensor *t, uf_dtype dtype, const char *what) {
  char text[512];
  if (t == NULL || t->dtype == dtype) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s of %s, found %s", what, uf_dtype_name(dtype), ufi_tensor_text(t, text));
}

uf_status ufi_want_one_scale(ufi_ctx *ctx, const ufi_tensor *t) {
  if (t == NULL || uf_dtype_bits(t->dtype) != 8 || (t->quant && t->quant->count == 1 && t->quant->scales[0] > 0)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 8-bit tensor '%s' to have one scale, found %d", t->name,
                      t->quant ? (int)t->quant->count : 0);
}

uf_status ufi_want_state(ufi_ctx *ctx, const ufi_tensor *t, int64_t rows, int64_t cols, uf_dtype dtype) {
  char text[512];
  if (t && t->is_state && t->dtype == dtype && t->count == rows * cols) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a state tensor (is_variable) of %lld x %lld %s, found %s%s",
                      (long long)rows, (long long)cols, uf_dtype_name(dtype), ufi_tensor_text(t, text),
                      t && !t->is_state ? ", not is_variable" : "");
}

/* ---- vectors and matrices ------------------------------------------------------------ */

void ufi_vector_sigmoid(float *v, int64_t n) {
  for (int64_t i = 0; i < n; i++) v[i] = 1.0f / (1.0f + expf(-v[i]));
}

void ufi_vector_act(float *v, int64_t n, ufi_act act) {
  float low, high;
  if (act == UFI_ACT_TANH) {
    for (int64_t i = 0; i < n; i++) v[i] = tanhf(v[i]);
    return;
  }
  if (act == UFI_ACT_SIGN_BIT) {
    for (int64_t i = 0; i < n; i++) v[i] = signbit(v[i]) ? 1.0f : 0.0f;
    return;
  }
  ufi_act_range_f32(act, &low, &high);
  for (int64_t i = 0; act != UFI_ACT_NONE && i < n; i++) v[i] = UFI_MIN(UFI_MAX(v[i], low), high);
}

static float dot(const float *a, const float *b, int64_t n) {
  float lanes[LANES] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int k = 0; k < LANES; k++) lanes[k] += a[i + k] * b[i + k];
  }
  for (; i < n; i++) lanes[0] += a[i] * b[i];
  for (int k = 0; k < LANES; k++) sum += lanes[k];
  return sum;
}

void ufi_matvec(const float *w, const float *x, float *y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; r++) y[r] += dot(w + r * cols, x, cols);
}

/* ---- hybrid: activations quantized row by row, as TFLite ------------------------ */

float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int8_t *codes, int32_t *zero_out) {
  float scale;
  ufi_kernels_get()->qgemm.quantize((size_t)n, x, asymmetric, codes, &scale, zero_out);
  return scale;
}

void ufi_matvec_hybrid(const int8_t *w, const int8_t *codes, int32_t zero, float scale, float *y, int64_t rows,
                       int64_t cols) {
  for (int64_t r = 0; r < rows; r++) {
    int32_t sum = 0, weights = 0;
    for (int64_t i = 0; i < cols; i++) {
      sum += w[r * cols + i] * codes[i];
      weights += w[r * cols + i];
    }
    y[r] += (float)(sum - zero * weights) * scale;
  }
}
