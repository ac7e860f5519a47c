/* SPDX-License-Identifier: Apache-2.0
 *
 * recurrent.c: checks, vectors and matrices of the recurrent ops, see recurrent.h.
 *
 * Rows are short (tens to hundreds) and sequential in time, so that these are
 * matrix-vector products bound by reading the weights.
 */
#include <math.h>

#include "ops/recurrent.h"

#define CHUNK 64 /* rows whose sums are on the stack */

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
  int64_t count;
  const bool sized = ufi_shape_count(2, (int64_t[2]){rows, cols}, &count);
  if (sized && t && t->is_state && t->dtype == dtype && t->count == count) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a state tensor (is_variable) of %lld x %lld %s, found %s%s",
                      (long long)rows, (long long)cols, uf_dtype_name(dtype), ufi_tensor_text(t, text),
                      t && !t->is_state ? ", not is_variable" : "");
}

/* ---- vectors and matrices ------------------------------------------------------------ */

void ufi_vector_sigmoid(float *v, int64_t n) {
  ufi_kernels_get()->elementwise.f32_unary[UFK_LOGISTIC](v, v, (size_t)n);
}

void ufi_vector_act(float *v, int64_t n, ufi_act act) {
  float low, high;
  if (act == UFI_ACT_TANH) {
    ufi_kernels_get()->elementwise.f32_unary[UFK_TANH](v, v, (size_t)n);
    return;
  }
  if (act == UFI_ACT_SIGN_BIT) {
    for (int64_t i = 0; i < n; i++) v[i] = signbit(v[i]) ? 1.0f : 0.0f;
    return;
  }
  ufi_act_range_f32(act, &low, &high);
  for (int64_t i = 0; act != UFI_ACT_NONE && i < n; i++) v[i] = UFI_MIN(UFI_MAX(v[i], low), high);
}

void ufi_matvec(const float *w, const float *x, float *y, int64_t rows, int64_t cols) {
  ufi_kernels_get()->matvec.f32((size_t)rows, (size_t)cols, w, x, y);
}

/* ---- bytes: activations quantized row by row, as TFLite, or quantized ones ------------ */

void ufi_widen(const int8_t *x, int64_t n, int32_t zero, int16_t *to) {
  const void *from = x;
  ufi_kernels_get()->qgemm.widen_s8(1, (size_t)n, &from, zero, to);
}

float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int16_t *codes) {
  int8_t *narrow = (int8_t *)(codes + n);
  float scale;
  int32_t zero;
  ufi_kernels_get()->qgemm.quantize((size_t)n, x, asymmetric, narrow, &scale, &zero);
  ufi_widen(narrow, n, zero, codes);
  return scale;
}

void ufi_matvec_s8(const int8_t *w, const int16_t *x, int32_t *sums, int64_t rows, int64_t cols) {
  ufi_kernels_get()->matvec.s8((size_t)rows, (size_t)cols, w, x, sums);
}

void ufi_matvec_hybrid(const int8_t *w, const int16_t *codes, float scale, float *y, int64_t rows, int64_t cols) {
  int32_t sums[CHUNK];
  for (int64_t r = 0; r < rows; r += CHUNK) {
    const int64_t n = UFI_MIN(rows - r, CHUNK);
    ufi_matvec_s8(w + r * cols, codes, sums, n, cols);
    for (int64_t i = 0; i < n; i++) y[r + i] += (float)sums[i] * scale;
  }
}

/* ---- products with lasting weights ----------------------------------------------------- */

typedef struct packing {
  const ufi_tensor *const *weights;
  const ufi_weight *shapes;
  int32_t n;
} packing;

static size_t packed_size(const ufi_weight *w) {
  size_t size = 0;
  return w->shape.rows && w->shape.cols && ufi_gemv_size(&w->shape, &size) ? size : 0;
}

static uf_status fill(ufi_ctx *ctx, void *memory, void *arg) {
  const packing *p = arg;
  char *at = memory;
  for (int32_t i = 0; i < p->n; at += packed_size(&p->shapes[i++])) {
    if (packed_size(&p->shapes[i])) UFI_TRY(ufi_gemv_pack(ctx, &p->shapes[i].shape, &p->weights[i], 1, at));
  }
  return UF_OK;
}

uf_status ufi_weights_pack(ufi_ctx *ctx, int32_t slot, const ufi_tensor *const *weights, int32_t n, ufi_weight *out) {
  size_t total = 0, size;
  const void *memory = NULL;
  bool all = true;
  for (int32_t i = 0; i < n; i++) {
    out[i] = (ufi_weight){0};
    if (weights[i] == NULL) continue;
    out[i].shape = ufi_gemv_of(&weights[i], 1);
    if (weights[i]->count == 0) continue;
    all = all && weights[i]->is_lasting;
    if (!ufi_gemv_size(&out[i].shape, &size) || !ufi_add_size(total, size, &total)) return ufi_no_memory(ctx->error, SIZE_MAX);
  }
  if (!all || total == 0) return UF_OK;
  packing p = {weights, out, n};
  UFI_TRY(ufi_packed(ctx, slot, total, fill, &p, &memory));
  for (int32_t i = 0; i < n; i++) {
    if (packed_size(&out[i])) out[i].packed = memory;
    memory = (const char *)memory + packed_size(&out[i]);
  }
  return UF_OK;
}

/* Sums, then codes. */
size_t ufi_weights_scratch(const ufi_weight *weights, int32_t n) {
  int64_t rows = 0, cols = 0;
  for (int32_t i = 0; i < n; i++) {
    rows = UFI_MAX(rows, ufi_gemv_padded(weights[i].shape.rows));
    cols = UFI_MAX(cols, weights[i].shape.cols);
  }
  return (size_t)rows * sizeof(int32_t) + ufi_codes_size(cols);
}

static void add_hybrid(const ufi_weight *weight, const ufi_tensor *w, const float *x, bool asymmetric, void *scratch, float *y) {
  const ufi_gemv *g = &weight->shape;
  int32_t *sums = scratch, zero;
  int8_t *codes = (int8_t *)(sums + ufi_gemv_padded(g->rows));
  float scale;
  ufi_kernels_get()->qgemm.quantize((size_t)g->cols, x, asymmetric, codes, &scale, &zero);
  ufi_gemv_s8(NULL, g, weight->packed, codes, NULL, -zero, sums);
  scale *= ufi_scale(w);
  for (int64_t r = 0; r < g->rows; r++) y[r] += (float)sums[r] * scale;
}

void ufi_weight_add(const ufi_weight *weight, const ufi_tensor *w, const float *x, bool asymmetric, void *scratch, float *y) {
  const ufi_gemv *g = &weight->shape;
  if (g->rows == 0 || g->cols == 0) return;
  if (weight->packed) {
    if (g->is_float) ufi_gemv_f32(NULL, g, weight->packed, x, y, y);
    else add_hybrid(weight, w, x, asymmetric, scratch, y);
  } else if (g->is_float) {
    ufi_matvec(w->data, x, y, g->rows, g->cols);
  } else {
    const float scale = ufi_quantize_row(x, g->cols, asymmetric, scratch);
    ufi_matvec_hybrid(w->data, scratch, scale * ufi_scale(w), y, g->rows, g->cols);
  }
}

const int32_t *ufi_weight_sums(const ufi_weight *weight, const ufi_tensor *w, const int8_t *x, int32_t zero, void *scratch) {
  const ufi_gemv *g = &weight->shape;
  int32_t *sums = scratch;
  if (g->cols == 0) {
    memset(sums, 0, (size_t)g->rows * sizeof *sums);
  } else if (weight->packed) {
    ufi_gemv_s8(NULL, g, weight->packed, x, NULL, -zero, sums);
  } else {
    int16_t *wide = (int16_t *)(sums + ufi_gemv_padded(g->rows));
    ufi_widen(x, g->cols, zero, wide);
    ufi_matvec_s8(w->data, wide, sums, g->rows, g->cols);
  }
  return sums;
}
