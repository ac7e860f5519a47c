/* SPDX-License-Identifier: Apache-2.0
 *
 * recurrent.h: what the recurrent ops (rnn.c, gru.c, lstm.c, svdf.c) share: checks of
 * their tensors, and pieces of the float and hybrid ones.
 */
#ifndef UFI_RECURRENT_H
#define UFI_RECURRENT_H

#include "ops/gemv.h"

/* ---- checks: INVALID_ARGUMENT or WRONG_TYPE naming `what`; t may be NULL (omitted) ---- */

/* rank 1 (d0) or 2 (d0, d1). */
uf_status ufi_want_dims(ufi_ctx *ctx, const ufi_tensor *t, const char *what, int32_t rank, int64_t d0,
                        int64_t d1) UF_MUST_USE;
uf_status ufi_want_dims3(ufi_ctx *ctx, const ufi_tensor *t, const char *what, int64_t d0, int64_t d1,
                         int64_t d2) UF_MUST_USE;
uf_status ufi_want_dtype_of(ufi_ctx *ctx, const ufi_tensor *t, uf_dtype dtype, const char *what) UF_MUST_USE;
/* A tensor of 8 bits has one scale; others none or any. */
uf_status ufi_want_one_scale(ufi_ctx *ctx, const ufi_tensor *t) UF_MUST_USE;
/* An is_variable tensor of rows * cols elements, of whatever rank. */
uf_status ufi_want_state(ufi_ctx *ctx, const ufi_tensor *t, int64_t rows, int64_t cols, uf_dtype dtype) UF_MUST_USE;

/* ---- products with lasting weights ------------------------------------------------- */

/* A float or 8-bit weight (rows, cols) as a step wants it. */
typedef struct ufi_weight {
  ufi_gemv shape;
  const void *packed; /* NULL: as it lies in the file, since it may change */
} ufi_weight;

/* In prepare: n weights, of which some may be NULL, as the node's slot-th packed block (ufi_packed). */
uf_status ufi_weights_pack(ufi_ctx *ctx, int32_t slot, const ufi_tensor *const *weights, int32_t n,
                           ufi_weight *out) UF_MUST_USE;
/* Scratch of products with any of them. */
size_t ufi_weights_scratch(const ufi_weight *weights, int32_t n);
/* y += w x; for weights of 8 bits x is quantized first, with a zero point if asymmetric. */
void ufi_weight_add(const ufi_weight *weight, const ufi_tensor *w, const float *x, bool asymmetric, void *scratch, float *y);

/* The sums of w (x - zero), padded, which wrap around; they are in scratch. */
const int32_t *ufi_weight_sums(const ufi_weight *weight, const ufi_tensor *w, const int8_t *x, int32_t zero, void *scratch);

/* ---- vectors and matrices --------------------------------------------------------- */

/* Activation of a vector in place. sigmoid: the logistic function instead. */
void ufi_vector_act(float *v, int64_t n, ufi_act act);
void ufi_vector_sigmoid(float *v, int64_t n);
/* y[i] += sum_j w[i][j] x[j]; w: (rows, cols) */
void ufi_matvec(const float *w, const float *x, float *y, int64_t rows, int64_t cols);
/* Room for the codes of n numbers, bytes. */
static inline size_t ufi_codes_size(int64_t n) { return ((size_t)n * 3 + 15) & ~(size_t)7; }
/* Codes of x in [-255, 255], less their zero point if they have one (asymmetric); returns the scale. codes
 * has room for ufi_codes_size(n) bytes. */
float ufi_quantize_row(const float *x, int64_t n, bool asymmetric, int16_t *codes);
/* to[i] = x[i] - zero */
void ufi_widen(const int8_t *x, int64_t n, int32_t zero, int16_t *to);
/* sums[i] = sum_j w[i][j] x[j] */
void ufi_matvec_s8(const int8_t *w, const int16_t *x, int32_t *sums, int64_t rows, int64_t cols);
/* y[i] += scale * sum_j w[i][j] codes[j] */
void ufi_matvec_hybrid(const int8_t *w, const int16_t *codes, float scale, float *y, int64_t rows, int64_t cols);

#endif
