/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd_tmpl.h: the transforms of qwinograd.h. The file that includes it defines LANES, the int16 of a vector, at
 * most UFK_QWINOGRAD_PAD. Sums, differences and shifts are all there is, so that the compiler's own vectors do.
 */
#include "kernels/qwinograd.h"
#include "kernels/transposed.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef int8_t vec8 __attribute__((vector_size(LANES)));
typedef int16_t vec16 __attribute__((vector_size(2 * LANES)));
typedef uint32_t vec32 __attribute__((vector_size(2 * LANES))); /* half as many, wrapping around */
typedef int32_t veci32 __attribute__((vector_size(2 * LANES)));

enum { LANES_32 = LANES / 2, IN_MAX = UFK_QWINOGRAD_IN, SIDE_MAX = UFK_QWINOGRAD_SIDE, POINTS_MAX = UFK_QWINOGRAD_POINTS };

/* The first n bytes of a vector, zeros behind, widened. */
INLINE vec16 load_s8(const int8_t *p, size_t n) {
  vec8 v = {0};
  if (n == LANES) memcpy(&v, p, LANES);
  else memcpy(&v, p, n);
  return __builtin_convertvector(v, vec16);
}

INLINE void line_in(const size_t side, const vec16 d[IN_MAX], vec16 v[IN_MAX]) {
  if (side == 2) {
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[1] - d[3];
    return;
  }
  const vec16 even_1 = d[4] - (d[2] << 2), odd_1 = d[3] - (d[1] << 2);
  const vec16 even_2 = d[4] - d[2], difference = d[3] - d[1], odd_2 = difference + difference;
  v[0] = ((d[0] - d[2]) << 2) + even_2;
  v[1] = even_1 + odd_1;
  v[2] = even_1 - odd_1;
  v[3] = even_2 + odd_2;
  v[4] = even_2 - odd_2;
  v[5] = d[5] - d[3] - (difference << 2);
}

INLINE void line_filter(const size_t side, const vec16 g[3], vec16 v[IN_MAX]) {
  const vec16 even = g[0] + g[2], twice = g[1] + g[1], even_2 = g[0] + (g[2] << 2);
  v[0] = g[0];
  v[1] = even + g[1];
  v[2] = even - g[1];
  if (side == 4) v[3] = even_2 + twice;
  if (side == 4) v[4] = even_2 - twice;
  v[side + 1] = g[2];
}

INLINE void line_out(const size_t side, const vec32 m[IN_MAX], vec32 y[SIDE_MAX]) {
  const vec32 even_1 = m[1] + m[2], odd_1 = m[1] - m[2];
  if (side == 2) {
    y[0] = m[0] + m[0] + even_1;
    y[1] = odd_1 - (m[3] + m[3]);
    return;
  }
  const vec32 even_2 = m[3] + m[4], odd_2 = m[3] - m[4];
  y[0] = ((m[0] + (m[0] << 1)) << 1) - (even_1 << 2) + even_2;
  y[1] = odd_2 - (odd_1 << 1);
  y[2] = even_2 - even_1;
  y[3] = (odd_2 << 1) - odd_1 + ((m[5] + (m[5] << 1)) << 1);
}

INLINE void tile_in(const size_t side, const int8_t *const *in, size_t c, int16_t *out, size_t step, size_t n) {
  const size_t points = side + 2;
  vec16 t[IN_MAX][IN_MAX];
  UNROLL for (size_t x = 0; x < points; x++) {
    vec16 d[IN_MAX], v[IN_MAX];
    UNROLL for (size_t y = 0; y < points; y++) d[y] = load_s8(in[y * points + x] + c, n);
    line_in(side, d, v);
    UNROLL for (size_t y = 0; y < points; y++) t[y][x] = v[y];
  }
  UNROLL for (size_t y = 0; y < points; y++) {
    vec16 v[IN_MAX];
    line_in(side, t[y], v);
    UNROLL for (size_t x = 0; x < points; x++) memcpy(out + (y * points + x) * step + c, &v[x], sizeof v[x]);
  }
}

INLINE void tiles_in(const size_t side, size_t channels, const int8_t *const *in, int16_t *out, size_t step) {
  size_t c = 0;
  for (; c + LANES <= channels; c += LANES) tile_in(side, in, c, out, step, LANES);
  if (c < channels) tile_in(side, in, c, out, step, channels - c);
}

static void s8_in(size_t side, size_t channels, const int8_t *const *in, int16_t *out, size_t step) {
  if (side == 4) tiles_in(4, channels, in, out, step);
  else tiles_in(2, channels, in, out, step);
}

/* Channels from c of one filter; point p to out[p * step]. */
INLINE void filter(const size_t side, const int8_t *taps, size_t channels, size_t c, vec16 *out, size_t step) {
  const size_t points = side + 2, n = channels - c < LANES ? channels - c : LANES;
  vec16 t[IN_MAX][3];
  UNROLL for (size_t x = 0; x < 3; x++) {
    vec16 g[3], v[IN_MAX];
    UNROLL for (size_t y = 0; y < 3; y++) g[y] = load_s8(taps + (y * 3 + x) * channels + c, n);
    line_filter(side, g, v);
    UNROLL for (size_t y = 0; y < points; y++) t[y][x] = v[y];
  }
  UNROLL for (size_t y = 0; y < points; y++) {
    vec16 v[IN_MAX];
    line_filter(side, t[y], v);
    UNROLL for (size_t x = 0; x < points; x++) out[(y * points + x) * step] = v[x];
  }
}

static void s8_filter(size_t side, size_t columns, size_t channels, const int8_t *taps, int16_t *out, size_t step, size_t nr) {
  enum { COLUMNS = 8 }; /* side by side */
  vec16 made[POINTS_MAX][COLUMNS];
  const size_t points = (side + 2) * (side + 2);
  for (size_t j = 0; j < columns; j += COLUMNS) {
    const size_t n = UFI_MIN(columns - j, (size_t)COLUMNS);
    for (size_t c = 0; c < channels; c += LANES) {
      for (size_t i = 0; i < n; i++) {
        const int8_t *from = taps + (j + i) * 9 * channels;
        if (side == 4) filter(4, from, channels, c, &made[0][i], COLUMNS);
        else filter(2, from, channels, c, &made[0][i], COLUMNS);
      }
      const size_t pairs = (UFI_MIN(channels - c, (size_t)LANES) + 1) / 2;
      for (size_t p = 0; p < points; p++) {
        ufk_transpose(2 * sizeof *out, (int64_t)n, (int64_t)pairs, made[p], sizeof made[p][0],
                      out + p * step + c * nr + 2 * j, (int64_t)(2 * nr * sizeof *out));
      }
    }
  }
}

/* What an output is multiplied by when it has been interpolated, without the threes: log2(c[i]). */
INLINE int twos(const size_t side, size_t i) { return side == 2 ? 1 : i == 0 ? 3 : i == 1 ? 2 : 1; }

INLINE void tile_out(const size_t side, const int32_t *in, size_t step, const int32_t *start, int32_t *out, size_t out_step) {
  const size_t points = side + 2;
  vec32 t[SIDE_MAX][IN_MAX];
  veci32 from;
  memcpy(&from, start, sizeof from);
  UNROLL for (size_t x = 0; x < points; x++) {
    vec32 m[IN_MAX], v[SIDE_MAX];
    UNROLL for (size_t y = 0; y < points; y++) memcpy(&m[y], in + (y * points + x) * step, sizeof m[y]);
    line_out(side, m, v);
    UNROLL for (size_t y = 0; y < side; y++) t[y][x] = v[y];
  }
  UNROLL for (size_t y = 0; y < side; y++) {
    vec32 v[SIDE_MAX];
    line_out(side, t[y], v);
    UNROLL for (size_t x = 0; x < side; x++) {
      const vec32 whole = side == 4 ? v[x] * 954437177u : v[x]; /* 1/9 */
      const vec32 y_x = (vec32)((veci32)whole >> (twos(side, y) + twos(side, x))) + (vec32)from;
      memcpy(out + (y * side + x) * out_step, &y_x, sizeof y_x);
    }
  }
}

static void s32_out(size_t side, size_t columns, const int32_t *in, size_t step, const int32_t *start, int32_t *out,
                    size_t out_step) {
  for (size_t j = 0; j < columns; j += LANES_32) {
    if (side == 4) tile_out(4, in + j, step, start + j, out + j, out_step);
    else tile_out(2, in + j, step, start + j, out + j, out_step);
  }
}

INLINE void set_qwinograd(ufk_qwinograd_table *table) { *table = (ufk_qwinograd_table){s8_in, s8_filter, s32_out}; }
