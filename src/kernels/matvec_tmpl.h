/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_tmpl.h: the kernels of matvec.h over vectors of any width. The file that
 * includes it (matvec_<isa>.c) defines first:
 *
 *   VW                 lanes of 32 bits of a vector; vec are floats, veci integers
 *   v_zero v_load v_fma(a, b, c) v_store    of floats
 *   v_load_n(p, n)     n < VW floats, zeros behind
 *   i_zero i_store     of int32
 *   i_load16(p)        2 * VW int16
 *   i_widen_s8(p)      2 * VW bytes to int16
 *   i_dot(acc, a, b)   acc + sums of pairs of int16 products
 *
 * ROWS rows go together, so that x is loaded once for all of them and sums do not
 * wait for each other.
 */
#include "kernels/matvec.h"

#define ROWS 8
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

INLINE float sum_f32(vec v) {
  float lanes[VW], sum = 0;
  v_store(lanes, v);
  for (int i = 0; i < VW; i++) sum += lanes[i];
  return sum;
}

INLINE void rows_f32(const size_t rows, size_t cols, const float *w, const float *x, float *y) {
  vec acc[ROWS];
  size_t j = 0;
  UNROLL for (size_t r = 0; r < rows; r++) acc[r] = v_zero();
  for (; j + VW <= cols; j += VW) {
    const vec at = v_load(x + j);
    UNROLL for (size_t r = 0; r < rows; r++) acc[r] = v_fma(v_load(w + r * cols + j), at, acc[r]);
  }
  if (j < cols) {
    const vec at = v_load_n(x + j, cols - j);
    UNROLL for (size_t r = 0; r < rows; r++) acc[r] = v_fma(v_load_n(w + r * cols + j, cols - j), at, acc[r]);
  }
  UNROLL for (size_t r = 0; r < rows; r++) y[r] += sum_f32(acc[r]);
}

static void matvec_f32(size_t rows, size_t cols, const float *w, const float *x, float *y) {
  size_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) rows_f32(ROWS, cols, w + r * cols, x, y + r);
  for (; r < rows; r++) rows_f32(1, cols, w + r * cols, x, y + r);
}

INLINE int32_t sum_s32(veci v) {
  int32_t lanes[VW];
  uint32_t sum = 0;
  i_store(lanes, v);
  for (int i = 0; i < VW; i++) sum += (uint32_t)lanes[i];
  return (int32_t)sum;
}

INLINE void rows_s8(const size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums) {
  veci acc[ROWS];
  size_t j = 0;
  UNROLL for (size_t r = 0; r < rows; r++) acc[r] = i_zero();
  for (; j + 2 * VW <= cols; j += 2 * VW) {
    const veci at = i_load16(x + j);
    UNROLL for (size_t r = 0; r < rows; r++) acc[r] = i_dot(acc[r], i_widen_s8(w + r * cols + j), at);
  }
  UNROLL for (size_t r = 0; r < rows; r++) {
    uint32_t sum = (uint32_t)sum_s32(acc[r]);
    for (size_t i = j; i < cols; i++) sum += (uint32_t)(w[r * cols + i] * x[i]);
    sums[r] = (int32_t)sum;
  }
}

static void matvec_s8(size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums) {
  size_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) rows_s8(ROWS, cols, w + r * cols, x, sums + r);
  for (; r < rows; r++) rows_s8(1, cols, w + r * cols, x, sums + r);
}

static void set_matvec(ufk_matvec_table *table) {
  table->f32 = matvec_f32;
  table->s8 = matvec_s8;
}
