/* SPDX-License-Identifier: Apache-2.0
 *
 * gemv.h: weights packed for products with one vector at a time (kernels/matvec.h): layers with a batch of one, and
 * recurrent layers, which go step by step.
 *
 * Weights are float32 or bytes: int8, uint8 read as such, int4, int2; all of int4 or int2 stay at 4 bits. Several of as
 * many columns may be packed one below the other, which makes one matrix of them.
 */
#ifndef UFI_GEMV_H
#define UFI_GEMV_H

#include "ops/op.h"

typedef struct ufi_gemv {
  int64_t rows, cols;
  bool is_float, is_nibbles; /* neither: bytes */
  bool is_full;              /* some byte is -128, which the quick kernel may not take */
} ufi_gemv;

/* Length of arrays with one element for each row of bytes. */
static inline int64_t ufi_gemv_padded(int64_t rows) {
  return (rows + UFK_MATVEC_MAX_PANEL - 1) / UFK_MATVEC_MAX_PANEL * UFK_MATVEC_MAX_PANEL;
}
ufi_gemv ufi_gemv_of(const ufi_tensor *const *weights, int32_t n);
/* Bytes of packed weights; a multiple of 64. false: too many. */
bool ufi_gemv_size(const ufi_gemv *g, size_t *bytes_out);
uf_status ufi_gemv_pack(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *const *weights, int32_t n, void *out) UF_MUST_USE;

/* y = start + w x; start may be y. Results do not depend on the pool. */
void ufi_gemv_f32(ufi_pool *pool, const ufi_gemv *g, const void *packed, const float *x, const float *start, float *y);
/* sums = bias + times * the sums of w's rows + w x, where times is less the zero point of x; sums are padded. bias NULL:
 * zeros. */
void ufi_gemv_s8(ufi_pool *pool, const ufi_gemv *g, const void *packed, const int8_t *x, const int32_t *bias, int32_t times,
                 int32_t *sums);
/* The same, in eval, of one weight that is not packed and whose pages are read once; y and sums are the same, too. */
uf_status ufi_gemv_f32_once(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *w, const float *x, const float *start,
                            float *y) UF_MUST_USE;
uf_status ufi_gemv_s8_once(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *w, const int8_t *x, const int32_t *bias,
                           int32_t times, int32_t *sums) UF_MUST_USE;

#endif
