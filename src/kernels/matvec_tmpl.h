/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_tmpl.h: the kernels of matvec.h over vectors of any width. The file that
 * includes it (matvec_<isa>.c) defines first:
 *
 *   VW                 lanes of 32 bits of a vector; vec are floats, veci integers
 *   PV                 vectors of a panel: as many as take up the latency of v_fma and b_packed
 *   v_zero v_set1 v_add v_load v_fma(a, b, c) v_store    of floats
 *   v_load_n(p, n)     n < VW floats, zeros behind
 *   v_sum8(v, y)       y[i] += the sum of vector i, i < 8
 *   i_zero i_sub i_set1 i_load i_store    of int32
 *   i_sum8(v, y)       y[i] = the sum of vector i, i < 8
 *   i_load16(p)        2 * VW int16
 *   i_widen_s8(p)      2 * VW bytes to int16
 *   i_dot(acc, a, b)   acc + sums of pairs of int16 products
 *
 * and for products of bytes, in groups of BW for each lane:
 *
 *   FLIP               what packed weights are xored with; then products are too large by b_excess(x, n)
 *   b_excess(x, n)     for n bytes x (in each lane: the vector of it is subtracted)
 *   b_spread(p)        the group at p in every lane, as b_dot wants it
 *   b_packed(acc, w, x)   acc + the products of VW packed groups at w and x
 *
 * ROWS rows go together, so that x is loaded once for all of them and sums do not wait for each other.
 */
#include "kernels/matvec.h"

#define ROWS 8
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* ---- float32 ------------------------------------------------------------------- */

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
  if (rows == ROWS) {
    v_sum8(acc, y);
    return;
  }
  float lanes[VW], sum = 0;
  v_store(lanes, acc[0]);
  for (int i = 0; i < VW; i++) sum += lanes[i];
  y[0] += sum;
}

static void matvec_f32(size_t rows, size_t cols, const float *w, const float *x, float *y) {
  size_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) rows_f32(ROWS, cols, w + r * cols, x, y + r);
  for (; r < rows; r++) rows_f32(1, cols, w + r * cols, x, y + r);
}

/* Two columns by turns, so that more of the weights are on their way. */
INLINE void panel_f32(size_t cols, const float *w, const float *x, vec acc[PV]) {
  vec odd[PV];
  UNROLL for (size_t v = 0; v < PV; v++) odd[v] = v_zero();
  size_t j = 0;
  for (; j + 2 <= cols; j += 2, w += 2 * PV * VW) {
    const vec p = v_set1(x[j]), q = v_set1(x[j + 1]);
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = v_fma(v_load(w + v * VW), p, acc[v]);
    UNROLL for (size_t v = 0; v < PV; v++) odd[v] = v_fma(v_load(w + (PV + v) * VW), q, odd[v]);
  }
  if (j < cols) {
    const vec p = v_set1(x[j]);
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = v_fma(v_load(w + v * VW), p, acc[v]);
  }
  UNROLL for (size_t v = 0; v < PV; v++) acc[v] = v_add(acc[v], odd[v]);
}

static void panels_f32(size_t rows, size_t cols, const float *w, const float *x, const float *start, float *y) {
  vec acc[PV];
  size_t r = 0;
  for (; r + PV * VW <= rows; r += PV * VW, w += PV * VW * cols) {
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = v_load(start + r + v * VW);
    panel_f32(cols, w, x, acc);
    UNROLL for (size_t v = 0; v < PV; v++) v_store(y + r + v * VW, acc[v]);
  }
  if (r == rows) return;
  float last[PV * VW] = {0};
  memcpy(last, start + r, (rows - r) * sizeof *last);
  UNROLL for (size_t v = 0; v < PV; v++) acc[v] = v_load(last + v * VW);
  panel_f32(cols, w, x, acc);
  UNROLL for (size_t v = 0; v < PV; v++) v_store(last + v * VW, acc[v]);
  memcpy(y + r, last, (rows - r) * sizeof *last);
}

/* ---- bytes by widened bytes ------------------------------------------------------ */

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
  if (rows == ROWS) i_sum8(acc, sums);
  else sums[0] = sum_s32(acc[0]);
  for (; j < cols; j++) {
    for (size_t r = 0; r < rows; r++) sums[r] = (int32_t)((uint32_t)sums[r] + (uint32_t)(w[r * cols + j] * x[j]));
  }
}

static void matvec_s8(size_t rows, size_t cols, const int8_t *w, const int16_t *x, int32_t *sums) {
  size_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) rows_s8(ROWS, cols, w + r * cols, x, sums + r);
  for (; r < rows; r++) rows_s8(1, cols, w + r * cols, x, sums + r);
}

/* ---- bytes by bytes ----------------------------------------------------------------- */

INLINE void panel_bytes(size_t cols, const int8_t *w, const int8_t *x, veci acc[PV]) {
  size_t j = 0;
  for (; j + BW <= cols; j += BW, w += PV * VW * BW) {
    const veci at = b_spread(x + j);
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = b_packed(acc[v], w + v * VW * BW, at);
  }
  if (j == cols) return;
  int8_t last[BW] = {0};
  memcpy(last, x + j, cols - j);
  const veci at = b_spread(last);
  UNROLL for (size_t v = 0; v < PV; v++) acc[v] = b_packed(acc[v], w + v * VW * BW, at);
}

static void panels_bytes(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t *sums) {
  const veci excess = i_set1(b_excess(x, cols));
  const size_t panel = PV * VW * ((cols + BW - 1) / BW * BW);
  for (size_t r = 0; r < rows; r += PV * VW, w += panel) {
    veci acc[PV];
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = i_sub(start ? i_load(start + r + v * VW) : i_zero(), excess);
    panel_bytes(cols, w, x, acc);
    UNROLL for (size_t v = 0; v < PV; v++) i_store(sums + r + v * VW, acc[v]);
  }
}

static void set_matvec(ufk_matvec_table *table) {
  *table = (ufk_matvec_table){
    .f32 = matvec_f32, .s8 = matvec_s8,
    .f32_form = {PV * VW, 1, 0}, .s8_form = {PV * VW, BW, FLIP},
    .f32_panels = panels_f32, .s8_panels = panels_bytes,
  };
}
