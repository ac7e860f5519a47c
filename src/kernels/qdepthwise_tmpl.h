/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_tmpl.h: the kernels of qdepthwise.h over vectors of any width. The
 * file that includes it (qdepthwise_<isa>.c) defines first:
 *
 *   all of simd/i32_<isa>.h, as qgemm_tmpl.h says of it; q_block is VW
 *   NARROW               taps of an entry for int8 images: 4 bytes or 2 int16
 *   i_zip4(p, n, to)     NARROW 4: entries of p[0 .. 3][0 .. VW), + 128, to memory;
 *                        n < VW: that many are read
 *   i_zip2_s8(p, n, to), i_zip2_u8   likewise of p[0 .. 1], to int16
 *
 * Functions that take a size as `const size_t` are inlined into callers that
 * know it, so that accumulators become registers.
 */
#include "kernels/near_tmpl.h"
#include "kernels/qdepthwise.h"
#include "kernels/qpool_tmpl.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Output pixels computed together. */
enum { PIXELS = 4, ENTRY = VW * 4 };

/* ---- zipping ---------------------------------------------------------------- */

#define ZIP(name, taps, zip)                                                                     \
  INLINE void name##_n(const ufk_q_line *lines, size_t groups, size_t width, const size_t n, uint8_t *to) { \
    for (size_t g = 0; g < groups; g++, lines += taps, to += ENTRY) {                             \
      const uint8_t *p[taps];                                                                    \
      for (size_t t = 0; t < taps; t++) p[t] = lines[t].at;                                       \
      for (size_t x = 0; x < width; x++) {                                                       \
        zip(p, n, to + x * groups * ENTRY);                                                       \
        for (size_t t = 0; t < taps; t++) p[t] += lines[t].step;                                  \
      }                                                                                          \
    }                                                                                            \
  }                                                                                              \
  static void name(const ufk_q_line *lines, size_t groups, size_t width, size_t n, void *to) {    \
    if (n == VW) name##_n(lines, groups, width, VW, to);                                          \
    else name##_n(lines, groups, width, n, to);                                                   \
  }
#if NARROW == 4
ZIP(zip_narrow, 4, i_zip4)
#else
ZIP(zip_narrow, 2, i_zip2_s8)
#endif
ZIP(zip_wide, 2, i_zip2_u8)

/* ---- sums --------------------------------------------------------------------- */

INLINE veci dot(const size_t taps, veci acc, const uint8_t *x, veci w) {
  const veci entry = i_load((const int32_t *)(const void *)x);
#if NARROW == 4
  if (taps == 4) return i_dot4(acc, entry, w);
#endif
  return i_dot(acc, entry, w);
}

/* Sums of `pixels` output pixels from x on. */
INLINE void sum_pixels(const size_t taps, const size_t kernel_w, const size_t groups, const size_t pixels,
                       const ufk_q_depthwise *d, size_t x, veci acc[PIXELS]) {
  const size_t column = groups * ENTRY, step = d->stride * column;
  const uint8_t *in = (const uint8_t *)d->in + x * step;
  const int32_t *w = d->w;
  const veci bias = i_load(d->bias);
  UNROLL for (size_t p = 0; p < pixels; p++) acc[p] = bias;
  UNROLL for (size_t j = 0; j < kernel_w; j++, in += d->dilation * column) {
    UNROLL for (size_t g = 0; g < groups; g++, w += VW) {
      const veci weight = i_load(w);
      UNROLL for (size_t p = 0; p < pixels; p++) acc[p] = dot(taps, acc[p], in + p * step + g * ENTRY, weight);
    }
  }
}

/* ---- to outputs ---------------------------------------------------------------- */

/* ufk_requantize, and what its results are limited to. */
typedef struct fixed_scale {
  veci multiplier, left, right, mask;
  veci zero, min, max;     /* zero: int16, the others bytes */
} fixed_scale;

INLINE fixed_scale load_scale(const ufk_q_scale *s) {
  const veci shift = i_load(s->shift), right = i_max(i_sub(i_zero(), shift), i_zero());
  return (fixed_scale){.multiplier = i_load(s->multiplier), .left = i_max(shift, i_zero()), .right = right,
                       .mask = i_low_bits(right), .zero = i_set16((int16_t)s->zero),
                       .min = i_set8((char)s->min), .max = i_set8((char)s->max)};
}

INLINE veci fixed(veci x, const fixed_scale *s) { return i_fixed(x, s->multiplier, s->left, s->right, s->mask); }

/* Four vectors of sums to integers, by float32 arithmetic where that tells. */
INLINE void finish_int(const ufk_q_scale *scale, const fixed_scale *s, veci acc[PIXELS]) {
  if (scale->factor) {
    const vecf factor = f_load(scale->factor), nudge = f_load(scale->nudge);
    veci whole[PIXELS];
    vecf far = f_set1(0.0f);
    UNROLL for (size_t p = 0; p < PIXELS; p++) whole[p] = near_rounded(near_scaled(acc[p], factor, nudge), &far);
    if (near_tells(far, UFK_Q_NEAR)) {
      UNROLL for (size_t p = 0; p < PIXELS; p++) acc[p] = whole[p];
      return;
    }
  }
  UNROLL for (size_t p = 0; p < PIXELS; p++) acc[p] = fixed(acc[p], s);
}

/* n <= VW bytes of each of `pixels` pixels, `step` apart. */
INLINE void put_bytes_of(const bool is_signed, const size_t pixels, const veci v[PIXELS], size_t n, const fixed_scale *s,
                         uint8_t *out, size_t step) {
  const veci low = i_adds16(i_pack16(v[0], v[1]), s->zero), high = i_adds16(i_pack16(v[2], v[3]), s->zero);
  const veci bytes = is_signed ? i_min_s8(i_max_s8(i_pack_s8(low, high), s->min), s->max)
                               : i_min_u8(i_max_u8(i_pack_u8(low, high), s->min), s->max);
  UNROLL for (size_t p = 0; p < pixels; p++) i_put_half_row(out + p * step, bytes, (int)p, n);
}

/* The last pixels of a line are computed together with some that are done. */
INLINE void line_int(const size_t taps, const size_t kernel_w, const size_t groups, const bool is_signed,
                     const ufk_q_depthwise *d, const ufk_q_scale *scale, uint8_t *out, size_t out_step) {
  const fixed_scale s = load_scale(scale);
  veci acc[PIXELS];
  size_t x = 0;
  for (; d->width >= PIXELS && x < d->width; x += PIXELS) {
    x = UFI_MIN(x, d->width - PIXELS);
    sum_pixels(taps, kernel_w, groups, PIXELS, d, x, acc);
    finish_int(scale, &s, acc);
    put_bytes_of(is_signed, PIXELS, acc, d->n, &s, out + x * out_step, out_step);
  }
  for (; x < d->width; x++) {
    sum_pixels(taps, kernel_w, groups, 1, d, x, acc);
    const veci one = fixed(acc[0], &s), all[PIXELS] = {one, one, one, one};
    put_bytes_of(is_signed, 1, all, d->n, &s, out + x * out_step, out_step);
  }
}

INLINE void put_float(veci sum, vecf scale, const ufk_q_float *s, float *out, size_t n) {
  vecf y = f_mul(f_from_i(sum), scale);
  f_keep(y);
  if (s->bias) y = f_add(y, f_load(s->bias));
  f_put(out, f_min(f_max(y, f_set1(s->min)), f_set1(s->max)), n);
}

INLINE void line_float(const size_t taps, const size_t kernel_w, const size_t groups, const ufk_q_depthwise *d,
                       const ufk_q_float *s, float *out, size_t out_step) {
  const vecf scale = f_mul(f_set1(s->row[0]), f_load(s->column));
  veci acc[PIXELS];
  size_t x = 0;
  for (; d->width >= PIXELS && x < d->width; x += PIXELS) {
    x = UFI_MIN(x, d->width - PIXELS);
    sum_pixels(taps, kernel_w, groups, PIXELS, d, x, acc);
    UNROLL for (size_t p = 0; p < PIXELS; p++) put_float(acc[p], scale, s, out + (x + p) * out_step, d->n);
  }
  for (; x < d->width; x++) {
    sum_pixels(taps, kernel_w, groups, 1, d, x, acc);
    put_float(acc[0], scale, s, out + x * out_step, d->n);
  }
}

/* Windows of 3x3 and 5x5 have loops of their own. */
enum { THREE = (3 + NARROW - 1) / NARROW, FIVE = (5 + NARROW - 1) / NARROW };

static void narrow_s8(const ufk_q_depthwise *d, const ufk_q_scale *s, void *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == THREE) line_int(NARROW, 3, THREE, true, d, s, out, step);
  else if (d->kernel_w == 5 && d->groups == FIVE) line_int(NARROW, 5, FIVE, true, d, s, out, step);
  else line_int(NARROW, d->kernel_w, d->groups, true, d, s, out, step);
}

static void narrow_float(const ufk_q_depthwise *d, const ufk_q_float *s, float *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == THREE) line_float(NARROW, 3, THREE, d, s, out, step);
  else if (d->kernel_w == 5 && d->groups == FIVE) line_float(NARROW, 5, FIVE, d, s, out, step);
  else line_float(NARROW, d->kernel_w, d->groups, d, s, out, step);
}

static void wide_u8(const ufk_q_depthwise *d, const ufk_q_scale *s, void *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == 2) line_int(2, 3, 2, false, d, s, out, step);
  else line_int(2, d->kernel_w, d->groups, false, d, s, out, step);
}

INLINE void set_depthwise(ufk_qdepthwise_table *table) {
  table->q_block = VW;
  table->narrow_taps = NARROW;
  table->narrow_offset = NARROW == 4 ? 128 : 0;
  table->zip_narrow = zip_narrow;
  table->zip_wide = zip_wide;
  table->narrow_s8 = narrow_s8;
  table->narrow_float = narrow_float;
  table->wide_u8 = wide_u8;
  set_pools(table);
}
