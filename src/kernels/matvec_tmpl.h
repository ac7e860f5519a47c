/* SPDX-License-Identifier: Apache-2.0
 *
 * matvec_tmpl.h: the kernels of matvec.h over vectors of any width. The file that
 * includes it (matvec_<isa>.c) defines first:
 *
 *   VW                 lanes of 32 bits of a vector; vecf are floats, veci integers
 *   PV                 vectors of a panel: as many as take up the latency of f_fma and b_packed
 *   f_set1 f_add f_load f_fma(a, b, c) f_store    of floats
 *   f_load_n(p, n)     n < VW floats, zeros behind
 *   v_sum8(v, y)       y[i] += the sum of vector i, i < 8
 *   i_zero i_add i_sub i_mul i_set1 i_load i_store    of int32
 *   i_sum8(v, y)       y[i] = the sum of vector i, i < 8
 *   i_load16(p)        2 * VW int16
 *   i_widen_s8(p)      2 * VW bytes to int16
 *   i_dot(acc, a, b)   acc + sums of pairs of int16 products
 *
 * and for products of bytes, in groups of BW for each lane:
 *
 *   FLIP               what packed weights are xored with; then products are too large by b_excess(x, n)
 *   b_excess(x, n)     for n bytes x (in each lane: the vector of it is subtracted)
 *   b_spread(p)        the group at p in every lane, as b_packed wants it
 *   b_packed(acc, w, x)   acc + the products of VW packed groups at w and x
 *   HAS_FULL           b_packed does not take weights of -128; FULL_BW, full_spread and full_packed, without flip, do
 *
 * and for weights of 4 bits, four for each lane, plus 8 so that they have no sign:
 *
 *   n_load(p)          4 * VW bytes, n_set1(x) as many of x, n_spread(p) as many, of the four at p
 *   n_low(b) n_high(b) the halves of bytes
 *   n_dot(acc, w, x)   acc + sums of four products of w, 0 to 15, and signed bytes x
 *
 * ROWS rows go together, so that x is loaded once for all of them and sums do not wait for each other.
 */
#include "kernels/matvec.h"

#define ROWS 8
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* ---- float32 ------------------------------------------------------------------- */

INLINE void rows_f32(const size_t rows, size_t cols, const float *w, const float *x, float *y) {
  vecf acc[ROWS];
  size_t j = 0;
  UNROLL for (size_t r = 0; r < rows; r++) acc[r] = f_set1(0.0f);
  for (; j + VW <= cols; j += VW) {
    const vecf at = f_load(x + j);
    UNROLL for (size_t r = 0; r < rows; r++) acc[r] = f_fma(f_load(w + r * cols + j), at, acc[r]);
  }
  if (j < cols) {
    const vecf at = f_load_n(x + j, cols - j);
    UNROLL for (size_t r = 0; r < rows; r++) acc[r] = f_fma(f_load_n(w + r * cols + j, cols - j), at, acc[r]);
  }
  if (rows == ROWS) {
    v_sum8(acc, y);
    return;
  }
  float lanes[VW], sum = 0;
  f_store(lanes, acc[0]);
  for (int i = 0; i < VW; i++) sum += lanes[i];
  y[0] += sum;
}

static void matvec_f32(size_t rows, size_t cols, const float *w, const float *x, float *y) {
  size_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) rows_f32(ROWS, cols, w + r * cols, x, y + r);
  for (; r < rows; r++) rows_f32(1, cols, w + r * cols, x, y + r);
}

/* Two columns by turns, so that more of the weights are on their way. */
INLINE void panel_f32(size_t cols, const float *w, const float *x, vecf acc[PV]) {
  vecf odd[PV];
  UNROLL for (size_t v = 0; v < PV; v++) odd[v] = f_set1(0.0f);
  size_t j = 0;
  for (; j + 2 <= cols; j += 2, w += 2 * PV * VW) {
    const vecf p = f_set1(x[j]), q = f_set1(x[j + 1]);
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = f_fma(f_load(w + v * VW), p, acc[v]);
    UNROLL for (size_t v = 0; v < PV; v++) odd[v] = f_fma(f_load(w + (PV + v) * VW), q, odd[v]);
  }
  if (j < cols) {
    const vecf p = f_set1(x[j]);
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = f_fma(f_load(w + v * VW), p, acc[v]);
  }
  UNROLL for (size_t v = 0; v < PV; v++) acc[v] = f_add(acc[v], odd[v]);
}

static void panels_f32(size_t rows, size_t cols, const float *w, const float *x, const float *start, float *y) {
  vecf acc[PV];
  size_t r = 0;
  for (; r + PV * VW <= rows; r += PV * VW, w += PV * VW * cols) {
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = f_load(start + r + v * VW);
    panel_f32(cols, w, x, acc);
    UNROLL for (size_t v = 0; v < PV; v++) f_store(y + r + v * VW, acc[v]);
  }
  if (r == rows) return;
  float last[PV * VW] = {0};
  memcpy(last, start + r, (rows - r) * sizeof *last);
  UNROLL for (size_t v = 0; v < PV; v++) acc[v] = f_load(last + v * VW);
  panel_f32(cols, w, x, acc);
  UNROLL for (size_t v = 0; v < PV; v++) f_store(last + v * VW, acc[v]);
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

#ifndef HAS_FULL
#define FULL_BW BW
#define full_spread b_spread
#define full_packed b_packed
#endif

INLINE void bytes_step(const bool full, const int8_t *w, const int8_t *x, veci acc[PV]) {
  const veci at = full ? full_spread(x) : b_spread(x);
  UNROLL for (size_t v = 0; v < PV; v++) {
    acc[v] = full ? full_packed(acc[v], w + v * VW * FULL_BW, at) : b_packed(acc[v], w + v * VW * BW, at);
  }
}

INLINE void panel_bytes(const bool full, size_t cols, const int8_t *w, const int8_t *x, veci acc[PV]) {
  const size_t width = full ? FULL_BW : BW;
  size_t j = 0;
  for (; j + width <= cols; j += width, w += PV * VW * width) bytes_step(full, w, x + j, acc);
  if (j == cols) return;
  int8_t last[BW > FULL_BW ? BW : FULL_BW] = {0};
  memcpy(last, x + j, cols - j);
  bytes_step(full, w, last, acc);
}

INLINE void panels_of_bytes(const bool full, size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start,
                            int32_t times, int32_t *sums) {
  const size_t width = full ? FULL_BW : BW, panel = PV * VW * ((cols + width - 1) / width * width);
  const veci excess = i_set1(full ? 0 : b_excess(x, cols)), factor = i_set1(times);
  for (size_t r = 0; r < rows; r += PV * VW, w += panel) {
    veci acc[PV];
    UNROLL for (size_t v = 0; v < PV; v++) acc[v] = i_sub(i_mul(i_load(start + r + v * VW), factor), excess);
    panel_bytes(full, cols, w, x, acc);
    UNROLL for (size_t v = 0; v < PV; v++) i_store(sums + r + v * VW, acc[v]);
  }
}

static void panels_bytes(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t times,
                         int32_t *sums) {
  panels_of_bytes(false, rows, cols, w, x, start, times, sums);
}
#ifdef HAS_FULL
static void panels_full(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t times,
                        int32_t *sums) {
  panels_of_bytes(true, rows, cols, w, x, start, times, sums);
}
#else
#define panels_full panels_bytes
#endif

/* ---- half bytes by bytes --------------------------------------------------------------- */

/* What 8 more in each weight makes too much. */
INLINE int32_t nibbles_excess(const int8_t *x, size_t n) {
  veci sum = i_zero();
  size_t j = 0;
  for (; j + 4 * VW <= n; j += 4 * VW) sum = n_dot(sum, n_set1(8), n_load(x + j));
  uint32_t rest = 0;
  for (; j < n; j++) rest += (uint32_t)(8 * x[j]);
  return (int32_t)(rest + (uint32_t)sum_s32(sum));
}

INLINE void nibbles_step(const int8_t *w, const int8_t *x, veci even[PV], veci odd[PV]) {
  const veci p = n_spread(x), q = n_spread(x + 4);
  UNROLL for (size_t v = 0; v < PV; v++) {
    const veci both = n_load(w + v * VW * 4);
    even[v] = n_dot(even[v], n_low(both), p);
    odd[v] = n_dot(odd[v], n_high(both), q);
  }
}

static void panels_nibbles(size_t rows, size_t cols, const int8_t *w, const int8_t *x, const int32_t *start, int32_t times,
                           int32_t *sums) {
  const veci excess = i_set1(nibbles_excess(x, cols)), factor = i_set1(times);
  const size_t whole = cols / 8 * 8;
  int8_t last[8] = {0};
  memcpy(last, x + whole, cols - whole);
  for (size_t r = 0; r < rows; r += PV * VW) {
    veci even[PV], odd[PV];
    UNROLL for (size_t v = 0; v < PV; v++) {
      even[v] = i_sub(i_mul(i_load(start + r + v * VW), factor), excess);
      odd[v] = i_zero();
    }
    for (size_t j = 0; j < whole; j += 8, w += PV * VW * 4) nibbles_step(w, x + j, even, odd);
    if (whole < cols) {
      nibbles_step(w, last, even, odd);
      w += PV * VW * 4;
    }
    UNROLL for (size_t v = 0; v < PV; v++) i_store(sums + r + v * VW, i_add(even[v], odd[v]));
  }
}

static void set_matvec(ufk_matvec_table *table) {
  *table = (ufk_matvec_table){
    .f32 = matvec_f32, .s8 = matvec_s8,
    .f32_form = {PV * VW, 1, 0}, .s8_form = {PV * VW, BW, FLIP}, .s8_full_form = {PV * VW, FULL_BW, FLIP},
    .s4_form = {PV * VW, 4, 0x88}, .f32_panels = panels_f32, .s8_panels = panels_bytes, .s8_full_panels = panels_full,
    .s4_panels = panels_nibbles,
  };
}
