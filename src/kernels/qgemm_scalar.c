/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_scalar.c: the kernels of qgemm.h in portable C: the reference of the
 * faster sets. Sums are unsigned inside, where wrapping is defined.
 */
#include "kernels/qgemm.h"

#include <math.h>

#include "kernels/requant.h"

enum { MR = 4, NR = 8 };

/* ---- widening ------------------------------------------------------------- */

#define WIDEN(type, name)                                                               \
  static void name(size_t runs, size_t n, const void *const *from, int32_t zero,        \
                   int16_t *to) {                                                       \
    for (size_t i = 0; i < runs; i++, to += n) {                                        \
      const type *x = from[i];                                                          \
      for (size_t j = 0; j < n; j++) to[j] = x ? (int16_t)(x[j] - zero) : (int16_t)0;    \
    }                                                                                   \
  }
WIDEN(int8_t, widen_s8)
WIDEN(uint8_t, widen_u8)

static void widen_s16(size_t runs, size_t n, const void *const *from, int32_t zero, int16_t *to) {
  for (size_t i = 0; i < runs; i++, to += n) {
    if (from[i]) memcpy(to, from[i], n * sizeof *to);
    else memset(to, 0, n * sizeof *to);
  }
}

/* ---- products --------------------------------------------------------------- */

#define ROW_OF_PAIRS(type, name)                                                              \
  static void name(const int16_t *a, const ufk_q_pairs *t, uint32_t sum[NR]) {                 \
    const type *panel = t->b;                                                                 \
    for (size_t k = 0; k < t->runs * t->pairs; k++, panel += 2 * NR) {                         \
      const int16_t *pair = a + k / t->pairs * t->run_step + k % t->pairs * 2;                  \
      const int32_t x = pair[0], y = pair[1];                                                  \
      for (size_t j = 0; j < NR; j++) {                                                       \
        sum[j] += (uint32_t)(x * panel[2 * j]) + (uint32_t)(y * panel[2 * j + 1]);             \
      }                                                                                       \
    }                                                                                         \
  }
ROW_OF_PAIRS(int8_t, row_of_s8)
ROW_OF_PAIRS(int16_t, row_of_s16)

static ufk_q_rows gemm_pairs(const ufk_q_pairs *t, const ufk_q_end *end) {
  const size_t rows = ufk_q_has_end(end) ? UFI_MIN(t->rows, (size_t)MR) : t->rows; /* sums go through memory */
  for (size_t i = 0; i < rows; i++) {
    uint32_t sum[NR];
    int32_t *c = t->c + i * t->ldc;
    for (size_t j = 0; j < NR; j++) sum[j] = (uint32_t)(t->start ? t->start[j] : c[j]);
    (t->wide ? row_of_s16 : row_of_s8)(t->a[i], t, sum);
    for (size_t j = 0; j < NR; j++) c[j] = (int32_t)sum[j];
  }
  return (ufk_q_rows){0, rows};
}

static void copy(size_t runs, size_t n, const void *const *from, uint8_t flip, uint8_t fill,
                 uint8_t *to) {
  for (size_t i = 0; i < runs; i++, to += n) {
    const uint8_t *x = from[i];
    for (size_t j = 0; j < n; j++) to[j] = x ? (uint8_t)(x[j] ^ flip) : fill;
  }
}

static ufk_q_rows gemm_bytes(const ufk_q_bytes *t, const ufk_q_end *end) {
  (void)end; /* sums always go through memory */
  const size_t rows = UFI_MIN(t->rows, (size_t)MR);
  for (size_t i = 0; i < rows; i++) {
    uint32_t sum[NR];
    const int8_t *b = t->b;
    const uint32_t zero = t->zero ? (uint32_t)t->zero[i] : 0;
    for (size_t j = 0; j < NR; j++) sum[j] = (uint32_t)t->start[j] - (zero ? zero * (uint32_t)t->sums[j] : 0);
    for (size_t k = 0; k < t->runs * t->quads; k++) {
      const uint8_t *x = (const uint8_t *)t->a[i] + k / t->quads * t->run_step + k % t->quads * 4;
      for (size_t j = 0; j < NR; j++, b += 4) {
        sum[j] += (uint32_t)(x[0] * b[0] + x[1] * b[1] + x[2] * b[2] + x[3] * b[3]);
      }
    }
    for (size_t j = 0; j < NR; j++) t->c[i * NR + j] = (int32_t)sum[j];
  }
  return (ufk_q_rows){0, rows};
}

/* ---- from sums to outputs ------------------------------------------------------ */

static inline int32_t fixed(int32_t sum, const ufk_q_scale *s, size_t j) {
  const int64_t x = (int64_t)ufk_requantize(sum, s->multiplier[j], s->shift[j]) + s->zero;
  return x < s->min ? s->min : x > s->max ? s->max : (int32_t)x;
}

/* A double beyond 2^30 is beyond every output, whatever the zero point. */
static inline int32_t real(int32_t sum, const ufk_q_scale *s, size_t j) {
  const double x = sum * s->real[j];
  const int32_t near = ufk_round_f64(fmin(fmax(x, -1073741824.0), 1073741824.0));
  return ufk_clamp(near + s->zero, s->min, s->max);
}

#define TO_INT(type, how, name)                                                                 \
  static void name(size_t rows, size_t n, const int32_t *acc, size_t ld, const ufk_q_scale *s,  \
                   void *out, size_t out_step) {                                                \
    type *to = out;                                                                             \
    for (size_t i = 0; i < rows; i++, acc += ld, to += out_step) {                               \
      for (size_t j = 0; j < n; j++) to[j] = (type)how(acc[j], s, j);                            \
    }                                                                                           \
  }
TO_INT(int8_t, fixed, fixed_s8)
TO_INT(uint8_t, fixed, fixed_u8)
TO_INT(int16_t, fixed, fixed_s16)
TO_INT(int8_t, real, real_s8)
TO_INT(uint8_t, real, real_u8)
TO_INT(int16_t, real, real_s16)

static void to_float(size_t rows, size_t n, const int32_t *acc, size_t ld, const ufk_q_float *s,
                     float *out, size_t out_step) {
  for (size_t i = 0; i < rows; i++, acc += ld, out += out_step) {
    for (size_t j = 0; j < n; j++) {
      float x = (float)acc[j];
      x = s->column_first ? x * s->column[j] * s->row[i] : x * (s->row[i] * s->column[j]);
      if (s->bias) x += s->bias[j];
      x = x < s->min ? s->min : x;
      out[j] = x > s->max ? s->max : x;
    }
  }
}

/* ---- quantizing floats ------------------------------------------------------------ */

/* The zero point that lies nearer to its exact value as seen from one end of
 * the range, kept within int8. */
static int32_t zero_point(double min, double max, double scale) {
  const double from_min = -128.0 - min / scale, from_max = 127.0 - max / scale;
  const double min_error = 128.0 + fabs(min / scale), max_error = 127.0 + fabs(max / scale);
  const double zero = min_error < max_error ? from_min : from_max;
  return zero <= -128.0 ? -128 : zero >= 127.0 ? 127 : ufk_round_f64(zero);
}

ufk_q_grid ufk_q_grid_of(float min, float max, bool asymmetric) {
  if (asymmetric) {
    if (min == max) return (ufk_q_grid){1.0f, 0.0f, 0};
    const double scale = (double)(max - min) / 255.0;
    const float rounded = (float)scale;
    return (ufk_q_grid){rounded, 1.0f / rounded, zero_point((double)min, (double)max, scale)};
  }
  const float range = fabsf(min) > fabsf(max) ? fabsf(min) : fabsf(max);
  if (range == 0) return (ufk_q_grid){1.0f, 0.0f, 0};
  return (ufk_q_grid){range / 127.0f, 127.0f / range, 0};
}

/* Within +-1000 before it becomes an integer, NaN too. */
static inline int8_t quantize_one(float x, int32_t zero, int32_t min) {
  const float bounded = x > -1000.0f ? (x < 1000.0f ? x : 1000.0f) : -1000.0f;
  return (int8_t)ufk_clamp(ufk_round_f32(bounded) + zero, min, 127);
}

static void range(size_t n, const float *from, float *min_out, float *max_out) {
  float min = 0, max = 0;
  for (size_t i = 0; i < n; i++) {
    min = from[i] < min ? from[i] : min;
    max = from[i] > max ? from[i] : max;
  }
  *min_out = min;
  *max_out = max;
}

static void codes(size_t n, const float *from, const ufk_q_grid *grid, bool asymmetric, uint8_t flip, int8_t *to) {
  const int32_t low = asymmetric ? -128 : -127;
  for (size_t i = 0; i < n; i++) to[i] = (int8_t)(quantize_one(from[i] * grid->inverse, grid->zero, low) ^ (int8_t)flip);
}

static void quantize(size_t n, const float *from, bool asymmetric, int8_t *to, float *scale_out,
                     int32_t *zero_out) {
  float min, max;
  range(n, from, &min, &max);
  const ufk_q_grid grid = ufk_q_grid_of(min, max, asymmetric);
  *scale_out = grid.scale;
  *zero_out = grid.zero;
  codes(n, from, &grid, asymmetric, 0, to);
}

void ufk_qgemm_scalar(ufk_qgemm_table *table) {
  *table = (ufk_qgemm_table){
      .q_mr = MR, .q_nr = NR, .q_flip = 0x80, .copy = copy, .q_bytes_mr = MR, .gemm_bytes = gemm_bytes,
      .widen_s8 = widen_s8, .widen_u8 = widen_u8, .widen_s16 = widen_s16,
      .gemm_pairs = gemm_pairs,
      .fixed_s8 = fixed_s8, .fixed_u8 = fixed_u8, .fixed_s16 = fixed_s16,
      .real_s8 = real_s8, .real_u8 = real_u8, .real_s16 = real_s16,
      .to_float = to_float, .range = range, .codes = codes, .quantize = quantize};
}
