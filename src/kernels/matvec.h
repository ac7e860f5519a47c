/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec.h: matrices times one vector: layers that go step by step, and products of a batch of one.
 *
 * Weights are (rows, cols), a row for each output. They are used as they lie in the file, or packed in panels, so that
 * no sum across a vector is needed and memory is read in one go: a panel is `panel` rows, the last one filled up with
 * zeros, and holds for each group of `group` columns those of every row: element (row, col) is at
 *
 *   ((row / panel * groups + col / group) * panel + row % panel) * group + col % group
 *
 * where groups = cols / group, rounded up. Packed bytes are xored with `flip`.
 *
 * Weights of 4 bits stay so: the low halves of bytes are one group of columns, the high halves the next. Element (row,
 * col) is in the low half if col / group is even, of the byte at
 *
 *   ((row / panel * pairs + col / (2 * group)) * panel + row % panel) * group + col % group
 *
 * where pairs = cols / (2 * group), rounded up.
 */
#ifndef UFI_KERNELS_MATVEC_H
#define UFI_KERNELS_MATVEC_H

#include "base/base.h"

/* The largest panel of bytes; a multiple of all. */
#define UFK_MATVEC_MAX_PANEL 64

/* y[i] += sum over j < cols of w[i * cols + j] * x[j], for i < rows. */
typedef void (*ufk_f32_matvec_fn)(size_t rows, size_t cols, const float *w, const float *x, float *y);

/* y[i] = start[i] + the sum over packed w; start may be y. */
typedef void (*ufk_f32_panels_fn)(size_t rows, size_t cols, const float *w, const float *x, const float *start, float *y);

/* sums[i] = sum over j < cols of w[i * cols + j] * x[j], for i < rows; x are bytes, widened (qgemm.h),
 * less their zero point. Sums wrap around at 32 bits, here and below. */
typedef void (*ufk_s8_matvec_fn)(size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums);

/* sums[i] = start[i] * times + the sum over packed w, of bytes as they are; start and sums are for whole panels.
 * s8_panels: no weight is -128. */
typedef void (*ufk_s8_panels_fn)(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start,
                                 int32_t times, int32_t *sums);

/* The same of weights of 4 bits. */
typedef ufk_s8_panels_fn ufk_s4_panels_fn;

typedef struct ufk_matvec_form {
  size_t panel, group;
  uint8_t flip;
} ufk_matvec_form;

typedef struct ufk_matvec_table {
  ufk_f32_matvec_fn f32;
  ufk_s8_matvec_fn s8;
  ufk_matvec_form f32_form, s8_form, s8_full_form, s4_form;
  ufk_f32_panels_fn f32_panels;
  ufk_s8_panels_fn s8_panels, s8_full_panels; /* full: any weight; the same ones where there is no difference */
  ufk_s4_panels_fn s4_panels;
} ufk_matvec_table;

void ufk_matvec_scalar(ufk_matvec_table *table); /* sets all */
void ufk_matvec_avx2(ufk_matvec_table *table);
void ufk_matvec_avx512(ufk_matvec_table *table);
void ufk_matvec_neon(ufk_matvec_table *table);

#endif
