/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_tmpl.h: the transforms of winograd.h over vectors of any width. The file that includes it
 * gives the vocabulary of simd/f32_avx2.h, of which it needs vf, VF_LANES, vf_load, vf_store, their
 * _part, vf_set, vf_add, vf_sub, vf_mul, vf_fma, vf_fnma, vf_min, vf_max and vf_sum.
 */
#include "kernels/winograd.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The points are 0, A, -A, B, -B and infinity. */
#define A 0.625
#define B 1.5
#define A2 (A * A)
#define B2 (B * B)

/* Evaluates one line of six. */
INLINE void line_in(const vf d[6], vf v[6]) {
  const vf product = vf_set((float)(A2 * B2)), sum = vf_set((float)(A2 + B2));
  const vf a = vf_set((float)A), b = vf_set((float)B);
  const vf even_a = vf_fnma(vf_set((float)B2), d[2], d[4]), odd_a = vf_fnma(vf_set((float)B2), d[1], d[3]);
  const vf even_b = vf_fnma(vf_set((float)A2), d[2], d[4]), odd_b = vf_fnma(vf_set((float)A2), d[1], d[3]);
  v[0] = vf_fma(product, d[0], vf_fnma(sum, d[2], d[4]));
  v[1] = vf_fma(a, odd_a, even_a);
  v[2] = vf_fnma(a, odd_a, even_a);
  v[3] = vf_fma(b, odd_b, even_b);
  v[4] = vf_fnma(b, odd_b, even_b);
  v[5] = vf_fma(product, d[1], vf_fnma(sum, d[3], d[5]));
}

/* Interpolates one line of four. */
INLINE void line_out(const vf m[6], vf y[4]) {
  const vf even_a = vf_add(m[1], m[2]), odd_a = vf_sub(m[1], m[2]);
  const vf even_b = vf_add(m[3], m[4]), odd_b = vf_sub(m[3], m[4]);
  y[0] = vf_add(m[0], vf_add(even_a, even_b));
  y[1] = vf_fma(vf_set((float)A), odd_a, vf_mul(vf_set((float)B), odd_b));
  y[2] = vf_fma(vf_set((float)A2), even_a, vf_mul(vf_set((float)B2), even_b));
  y[3] = vf_fma(vf_set((float)(A2 * A)), odd_a, vf_fma(vf_set((float)(B2 * B)), odd_b, m[5]));
}

INLINE void tile_in(const float *const *in, size_t c, float *out, size_t step, size_t n) {
  vf t[6][6];
  UNROLL for (size_t x = 0; x < 6; x++) {
    vf d[6], v[6];
    UNROLL for (size_t y = 0; y < 6; y++) {
      const float *from = in[y * 6 + x] + c;
      d[y] = n == VF_LANES ? vf_load(from) : vf_load_part(from, n);
    }
    line_in(d, v);
    UNROLL for (size_t y = 0; y < 6; y++) t[y][x] = v[y];
  }
  UNROLL for (size_t y = 0; y < 6; y++) {
    vf v[6];
    line_in(t[y], v);
    UNROLL for (size_t x = 0; x < 6; x++) vf_store(out + (y * 6 + x) * step + c, v[x]);
  }
}

static void transform_in(size_t channels, const float *const *in, float *out, size_t step) {
  size_t c = 0;
  for (; c + VF_LANES <= channels; c += VF_LANES) tile_in(in, c, out, step, VF_LANES);
  if (c < channels) tile_in(in, c, out, step, channels - c);
}

/* Adds what is not 0 to check where an output is infinite or NaN. */
INLINE void tile_out(const float *in, size_t step, vf bias, float *const *out, size_t j, vf min, vf max, size_t n,
                     vf *check) {
  vf t[4][6];
  UNROLL for (size_t x = 0; x < 6; x++) {
    vf m[6], v[4];
    UNROLL for (size_t y = 0; y < 6; y++) {
      const float *from = in + (y * 6 + x) * step + j;
      m[y] = n == VF_LANES ? vf_load(from) : vf_load_part(from, n);
    }
    line_out(m, v);
    UNROLL for (size_t y = 0; y < 4; y++) t[y][x] = v[y];
  }
  UNROLL for (size_t y = 0; y < 4; y++) {
    vf v[4];
    line_out(t[y], v);
    UNROLL for (size_t x = 0; x < 4; x++) {
      *check = vf_fma(v[x], vf_set(0.0f), *check);
      const vf r = vf_min(max, vf_max(min, vf_add(v[x], bias)));
      if (n == VF_LANES) vf_store(out[y * 4 + x] + j, r);
      else vf_store_part(out[y * 4 + x] + j, r, n);
    }
  }
}

static bool transform_out(size_t columns, const float *in, size_t step, const float *bias, float *const *out,
                          float min, float max) {
  const vf low = vf_set(min), high = vf_set(max);
  vf check = vf_set(0.0f);
  size_t j = 0;
  for (; j + VF_LANES <= columns; j += VF_LANES) {
    tile_out(in, step, vf_load(bias + j), out, j, low, high, VF_LANES, &check);
  }
  if (j < columns) tile_out(in, step, vf_load_part(bias + j, columns - j), out, j, low, high, columns - j, &check);
  return vf_sum(check) == 0.0f;
}

enum { WIDE = 8 }; /* filters side by side */
typedef double wide __attribute__((vector_size(WIDE * sizeof(double))));
typedef float narrow __attribute__((vector_size(WIDE * sizeof(float))));

/* Evaluates lines of three taps, in double: done once per model, so that no error comes from here but the
 * last rounding. */
INLINE void lines_filter(const wide g[3], wide v[6]) {
  const double na = 1.0 / (2.0 * A2 * (A2 - B2)), nb = 1.0 / (2.0 * B2 * (B2 - A2));
  const wide even_a = (g[0] + A2 * g[2]) * na, odd_a = A * na * g[1];
  const wide even_b = (g[0] + B2 * g[2]) * nb, odd_b = B * nb * g[1];
  v[0] = g[0] * (1.0 / (A2 * B2));
  v[1] = even_a + odd_a;
  v[2] = even_a - odd_a;
  v[3] = even_b + odd_b;
  v[4] = even_b - odd_b;
  v[5] = g[2];
}

static void transform_filter(size_t columns, const float *taps, size_t tap_step, float *out, size_t step) {
  for (size_t at = 0; at < columns; at += WIDE, taps += WIDE, out += WIDE) {
    wide t[3][6];
    UNROLL for (size_t x = 0; x < 3; x++) {
      wide g[3];
      UNROLL for (size_t y = 0; y < 3; y++) {
        narrow tap;
        memcpy(&tap, taps + (y * 3 + x) * tap_step, sizeof tap);
        g[y] = __builtin_convertvector(tap, wide);
      }
      lines_filter(g, t[x]);
    }
    UNROLL for (size_t y = 0; y < 6; y++) {
      const wide line[3] = {t[0][y], t[1][y], t[2][y]};
      wide v[6];
      lines_filter(line, v);
      UNROLL for (size_t x = 0; x < 6; x++) {
        const narrow point = __builtin_convertvector(v[x], narrow);
        memcpy(out + (y * 6 + x) * step, &point, sizeof point);
      }
    }
  }
}

INLINE void set_winograd(ufk_winograd_table *table) {
  table->f32_in = transform_in;
  table->f32_out = transform_out;
  table->f32_filter = transform_filter;
}
