/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec.h: matrices times one vector, for layers that go step by step, where
 * the weights pass by once for each step and are used as they lie in the file.
 */
#ifndef UFI_KERNELS_MATVEC_H
#define UFI_KERNELS_MATVEC_H

#include "base/base.h"

/* y[i] += sum over j < cols of w[i * cols + j] * x[j], for i < rows. */
typedef void (*ufk_f32_matvec_fn)(size_t rows, size_t cols, const float *w, const float *x, float *y);

/* sums[i] = sum over j < cols of w[i * cols + j] * x[j], for i < rows; x are bytes, widened (qgemm.h),
 * less their zero point. Sums wrap around at 32 bits. */
typedef void (*ufk_s8_matvec_fn)(size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums);

typedef struct ufk_matvec_table {
  ufk_f32_matvec_fn f32;
  ufk_s8_matvec_fn s8;
} ufk_matvec_table;

void ufk_matvec_scalar(ufk_matvec_table *table); /* sets all */
void ufk_matvec_avx2(ufk_matvec_table *table);
void ufk_matvec_avx512(ufk_matvec_table *table);
void ufk_matvec_neon(ufk_matvec_table *table);

#endif
