/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_tmpl.h: the kernels of qdepthwise.h over vectors of any width. The
 * file that includes it (qdepthwise_<isa>.c) defines first:
 *
 *   all of simd/i32_<isa>.h, as qgemm_tmpl.h says of it
 *   DV                   vectors of a block, 1 or 2: q_block is DV * VW
 *   NARROW               taps of an entry for int8 images: 4 bytes or 2 int16
 *   i_zip4(p, n, to)     NARROW 4: entries of p[0 .. 3][0 .. q_block), + 128, to memory;
 *                        n < q_block: that many are read
 *   i_zip2_s8(p, n, to), i_zip2_u8   likewise of p[0 .. 1], to int16
 *   i_entry4(p, at)      NARROW 4, DV 1: entries of p[0 .. 3][at .. at + VW), not moved by 128
 *   i_mask, i_mask_of(n), i_entry4_part(p, mask, at)   likewise, of each line the first n, or those of its mask: others
 *                        are 0 and are not read
 *
 * Functions that take a size as `const size_t` are inlined into callers that
 * know it, so that accumulators become registers.
 */
#include "kernels/near_tmpl.h"
#include "kernels/qdepthwise.h"
#include "kernels/qpool_tmpl.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Output pixels computed together; channels of a block, and bytes of their entries. */
enum { PIXELS = 4, BLOCK = DV * VW, ENTRY = BLOCK * 4 };

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
    if (n == BLOCK) name##_n(lines, groups, width, BLOCK, to);                                    \
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

/* Sums of `pixels` output pixels from x on, of the first dv vectors of the block. */
INLINE void sum_pixels(const size_t taps, const size_t kernel_w, const size_t groups, const size_t pixels, const size_t dv,
                       const ufk_q_depthwise *d, size_t x, veci acc[PIXELS][DV]) {
  const size_t column = groups * ENTRY, step = d->stride * column;
  const uint8_t *in = (const uint8_t *)d->in + x * step;
  const int32_t *w = d->w;
  UNROLL for (size_t p = 0; p < pixels; p++) {
    UNROLL for (size_t v = 0; v < dv; v++) acc[p][v] = i_load(d->bias + v * VW);
  }
  UNROLL for (size_t j = 0; j < kernel_w; j++, in += d->dilation * column) {
    UNROLL for (size_t g = 0; g < groups; g++, w += BLOCK) {
      UNROLL for (size_t v = 0; v < dv; v++) {
        const veci weight = i_load(w + v * VW);
        const uint8_t *at = in + g * ENTRY + v * VW * 4;
        UNROLL for (size_t p = 0; p < pixels; p++) acc[p][v] = dot(taps, acc[p][v], at + p * step, weight);
      }
    }
  }
}

/* ---- to outputs ---------------------------------------------------------------- */

INLINE veci fixed(veci x, const ufk_q_scale *s, size_t at) {
  const veci shift = i_load(s->shift + at), right = i_max(i_sub(i_zero(), shift), i_zero());
  return i_fixed(x, i_load(s->multiplier + at), i_max(shift, i_zero()), right, i_low_bits(right));
}

/* The exact way of n vectors, dv to a pixel. Rare, so not inlined. */
static __attribute__((noinline)) void finish_exactly(size_t n, size_t dv, const ufk_q_scale *s, veci *sums) {
  for (size_t i = 0; i < n; i++) sums[i] = fixed(sums[i], s, i % dv * VW);
}

/* Sums to integers, by float32 arithmetic where that tells. */
INLINE void finish_int(const size_t pixels, const size_t dv, const ufk_q_scale *s, veci acc[PIXELS][DV]) {
  if (s->factor) {
    veci whole[PIXELS][DV];
    vecf far = f_set1(0.0f);
    UNROLL for (size_t v = 0; v < dv; v++) {
      const vecf factor = f_load(s->factor + v * VW), nudge = f_load(s->nudge + v * VW);
      UNROLL for (size_t p = 0; p < pixels; p++) whole[p][v] = near_rounded(near_scaled(acc[p][v], factor, nudge), &far);
    }
    if (near_tells(far, UFK_Q_NEAR)) {
      UNROLL for (size_t p = 0; p < pixels; p++) {
        UNROLL for (size_t v = 0; v < dv; v++) acc[p][v] = whole[p][v];
      }
      return;
    }
  }
  veci rare[PIXELS * DV];
  UNROLL for (size_t i = 0; i < pixels * dv; i++) rare[i] = acc[i / dv][i % dv];
  finish_exactly(pixels * dv, dv, s, rare);
  UNROLL for (size_t i = 0; i < pixels * dv; i++) acc[i / dv][i % dv] = rare[i];
}

/* What outputs are limited to. */
typedef struct limits {
  veci zero, min, max;     /* zero: int16, the others bytes */
} limits;

/* Four vectors, less the zero point, to bytes. */
INLINE veci to_bytes(const bool is_signed, veci a, veci b, veci c, veci d, const limits *l) {
  const veci low = i_adds16(i_pack16(a, b), l->zero), high = i_adds16(i_pack16(c, d), l->zero);
  return is_signed ? i_min_s8(i_max_s8(i_pack_s8(low, high), l->min), l->max)
                   : i_min_u8(i_max_u8(i_pack_u8(low, high), l->min), l->max);
}

/* n <= dv * VW bytes of each of `pixels` pixels, `step` apart. */
INLINE void put_bytes_of(const bool is_signed, const size_t pixels, const size_t dv, veci v[PIXELS][DV], size_t n,
                         const limits *l, uint8_t *out, size_t step) {
  if (dv == 1) {
    const size_t last = pixels - 1;
    const veci bytes = to_bytes(is_signed, v[0][0], v[UFI_MIN(1, last)][0], v[UFI_MIN(2, last)][0], v[UFI_MIN(3, last)][0], l);
    UNROLL for (size_t p = 0; p < pixels; p++) i_put_half_row(out + p * step, bytes, (int)p, n);
    return;
  }
  UNROLL for (size_t p = 0; p < pixels; p += 2) {
    const size_t q = UFI_MIN(p + 1, pixels - 1);
    const veci bytes = to_bytes(is_signed, v[p][0], v[p][dv - 1], v[q][0], v[q][dv - 1], l);
    i_put_row(out + p * step, bytes, 0, n);
    if (q > p) i_put_row(out + q * step, bytes, 1, n);
  }
}

/* The last pixels of a line are computed together with some that are done. */
INLINE void line_int(const size_t taps, const size_t kernel_w, const size_t groups, const size_t dv, const bool is_signed,
                     const ufk_q_depthwise *d, const ufk_q_scale *s, uint8_t *out, size_t out_step) {
  const limits l = {i_set16((int16_t)s->zero), i_set8((char)s->min), i_set8((char)s->max)};
  veci acc[PIXELS][DV];
  size_t x = 0;
  for (; d->width >= PIXELS && x < d->width; x += PIXELS) {
    x = UFI_MIN(x, d->width - PIXELS);
    sum_pixels(taps, kernel_w, groups, PIXELS, dv, d, x, acc);
    finish_int(PIXELS, dv, s, acc);
    put_bytes_of(is_signed, PIXELS, dv, acc, d->n, &l, out + x * out_step, out_step);
  }
  for (; x < d->width; x++) {
    sum_pixels(taps, kernel_w, groups, 1, dv, d, x, acc);
    finish_int(1, dv, s, acc);
    put_bytes_of(is_signed, 1, dv, acc, d->n, &l, out + x * out_step, out_step);
  }
}

/* Few channels need one vector. */
INLINE void block_int(const size_t taps, const size_t kernel_w, const size_t groups, const bool is_signed,
                      const ufk_q_depthwise *d, const ufk_q_scale *s, uint8_t *out, size_t step) {
  if (DV > 1 && d->n > VW) line_int(taps, kernel_w, groups, DV, is_signed, d, s, out, step);
  else line_int(taps, kernel_w, groups, 1, is_signed, d, s, out, step);
}

INLINE void put_float(veci sum, vecf scale, const ufk_q_float *s, size_t at, float *out, size_t n) {
  vecf y = f_mul(f_from_i(sum), scale);
  f_keep(y);
  if (s->bias) y = f_add(y, f_load(s->bias + at));
  f_put(out + at, f_min(f_max(y, f_set1(s->min)), f_set1(s->max)), n);
}

INLINE void put_floats_of(const size_t pixels, const size_t dv, veci acc[PIXELS][DV], size_t n, const ufk_q_float *s, float *out,
                          size_t step) {
  UNROLL for (size_t v = 0; v < dv; v++) {
    const vecf scale = f_mul(f_set1(s->row[0]), f_load(s->column + v * VW));
    UNROLL for (size_t p = 0; p < pixels; p++) put_float(acc[p][v], scale, s, v * VW, out + p * step, UFI_MIN(n - v * VW, (size_t)VW));
  }
}

INLINE void line_float(const size_t taps, const size_t kernel_w, const size_t groups, const size_t dv,
                       const ufk_q_depthwise *d, const ufk_q_float *s, float *out, size_t out_step) {
  veci acc[PIXELS][DV];
  size_t x = 0;
  for (; d->width >= PIXELS && x < d->width; x += PIXELS) {
    x = UFI_MIN(x, d->width - PIXELS);
    sum_pixels(taps, kernel_w, groups, PIXELS, dv, d, x, acc);
    put_floats_of(PIXELS, dv, acc, d->n, s, out + x * out_step, out_step);
  }
  for (; x < d->width; x++) {
    sum_pixels(taps, kernel_w, groups, 1, dv, d, x, acc);
    put_floats_of(1, dv, acc, d->n, s, out + x * out_step, out_step);
  }
}

INLINE void block_float(const size_t taps, const size_t kernel_w, const size_t groups, const ufk_q_depthwise *d,
                        const ufk_q_float *s, float *out, size_t step) {
  if (DV > 1 && d->n > VW) line_float(taps, kernel_w, groups, DV, d, s, out, step);
  else line_float(taps, kernel_w, groups, 1, d, s, out, step);
}

/* Windows of 3x3 and 5x5 have loops of their own. */
enum { THREE = (3 + NARROW - 1) / NARROW, FIVE = (5 + NARROW - 1) / NARROW };

static void narrow_s8(const ufk_q_depthwise *d, const ufk_q_scale *s, void *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == THREE) block_int(NARROW, 3, THREE, true, d, s, out, step);
  else if (d->kernel_w == 5 && d->groups == FIVE) block_int(NARROW, 5, FIVE, true, d, s, out, step);
  else block_int(NARROW, d->kernel_w, d->groups, true, d, s, out, step);
}

static void narrow_float(const ufk_q_depthwise *d, const ufk_q_float *s, float *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == THREE) block_float(NARROW, 3, THREE, d, s, out, step);
  else if (d->kernel_w == 5 && d->groups == FIVE) block_float(NARROW, 5, FIVE, d, s, out, step);
  else block_float(NARROW, d->kernel_w, d->groups, d, s, out, step);
}

static void wide_u8(const ufk_q_depthwise *d, const ufk_q_scale *s, void *out, size_t step) {
  if (d->kernel_w == 3 && d->groups == 2) block_int(2, 3, 2, false, d, s, out, step);
  else block_int(2, d->kernel_w, d->groups, false, d, s, out, step);
}

/* ---- 3x3 in registers ------------------------------------------------------------- */

#if NARROW == 4
/* Where a block's entries come from. flip: what makes bytes unsigned, and zero points of lines that are outside. */
typedef struct source {
  const uint8_t *lines[4];
  i_mask mask[4];
  veci flip, outside;
  size_t in_w, step;
} source;

static source source_of(const ufk_q_window3 *d, size_t c, size_t n) {
  uint32_t flip = 0;
  const uint8_t *any = d->lines[0]; /* a line that is there: nothing is read of it, but addresses of no memory take long */
  for (int t = 1; t < 4 && !any; t++) any = d->lines[t];
  source s = {.outside = i_set8((char)(d->zero ^ -128)), .in_w = d->in_w, .step = d->channels};
  for (int t = 0; t < 4; t++) {
    s.lines[t] = d->lines[t] ? d->lines[t] + c : any ? any + c : NULL;
    s.mask[t] = i_mask_of(d->lines[t] ? n : 0);
    flip |= (uint32_t)(uint8_t)(d->lines[t] ? -128 : d->zero ^ -128) << 8 * t;
  }
  s.flip = i_set1((int32_t)flip);
  return s;
}

INLINE veci entry_at(const bool whole, const source *s, size_t x) {
  if (x >= s->in_w) return s->outside; /* in front of the line, too */
  return i_xor(whole ? i_entry4(s->lines, x * s->step) : i_entry4_part(s->lines, s->mask, x * s->step), s->flip);
}

/* Entries `from` to `to` of those from column x on; inside: all are. */
INLINE void make_entries(const bool whole, const bool inside, const size_t from, const size_t to, const source *s, size_t x, veci *e) {
  if (!inside) {
    UNROLL for (size_t k = from; k < to; k++) e[k] = entry_at(whole, s, x + k);
    return;
  }
  const size_t first = (x + from) * s->step;
  const uint8_t *lines[4] = {s->lines[0] + first, s->lines[1] + first, s->lines[2] + first, s->lines[3] + first};
  UNROLL for (size_t k = from; k < to; k++) {
    const size_t at = (k - from) % 4 * s->step;
    e[k] = i_xor(whole ? i_entry4(lines, at) : i_entry4_part(lines, s->mask, at), s->flip);
    if ((k - from) % 4 < 3) continue;
    UNROLL for (int t = 0; t < 4; t++) lines[t] += 4 * s->step;
  }
}

/* The scales of a block: integers, or floats when .column is set. */
typedef struct block_end {
  ufk_q_scale to_int;
  ufk_q_float to_float;
  limits limits;
} block_end;

/* The first `valid` of PIXELS pixels. */
INLINE void put_pixels(const bool is_float, const block_end *e, veci acc[PIXELS][DV], size_t valid, size_t n, void *out, size_t step) {
  if (is_float) {
    const vecf scale = f_mul(f_set1(e->to_float.row[0]), f_load(e->to_float.column));
    UNROLL for (size_t p = 0; p < PIXELS; p++) {
      if (p < valid) put_float(acc[p][0], scale, &e->to_float, 0, (float *)out + p * step, n);
    }
    return;
  }
  finish_int(PIXELS, 1, &e->to_int, acc);
  const veci bytes = to_bytes(true, acc[0][0], acc[1][0], acc[2][0], acc[3][0], &e->limits);
  UNROLL for (size_t p = 0; p < PIXELS; p++) {
    if (p < valid) i_put_half_row((uint8_t *)out + p * step, bytes, (int)p, n);
  }
}

/* n channels from c on of all lines of output. */
typedef struct window3_run {
  const ufk_q_window3 *d;
  const block_end *end;
  const int32_t *w;
  veci bias;
  size_t n, w_line;         /* w_line: entries' words of a line of output's weights */
  uint8_t *out;
} window3_run;

/* PIXELS pixels from x on, of which the first `valid` are wanted. */
INLINE void window3_pixels(const bool is_float, const size_t stride, const window3_run *r, const veci *e, size_t x, size_t valid) {
  const size_t element = is_float ? sizeof(float) : 1, channels = r->d->channels, line = r->d->out_w * channels * element;
  const int32_t *w = r->w;
  uint8_t *out = r->out + x * channels * element;
  for (size_t y = r->d->out_lines; y > 0; y--, w += r->w_line, out += line) {
    veci acc[PIXELS][DV];
    UNROLL for (size_t p = 0; p < PIXELS; p++) acc[p][0] = r->bias;
    UNROLL for (size_t j = 0; j < 3; j++) {
      const veci weight = i_load(w + j * BLOCK);
      UNROLL for (size_t p = 0; p < PIXELS; p++) acc[p][0] = i_dot4(acc[p][0], e[p * stride + j], weight);
    }
    put_pixels(is_float, r->end, acc, valid, r->n, out, channels);
  }
}

/* An entry serves all windows that it is in. */
INLINE void window3_block(const bool is_float, const bool whole, const size_t stride, const window3_run *r, const source *s) {
  enum { MOST = (PIXELS - 1) * 2 + 3 };
  const size_t kept = 3 - stride, columns = (PIXELS - 1) * stride + 3, before = r->d->before, out_w = r->d->out_w;
  veci e[MOST];
  make_entries(whole, false, 0, kept, s, 0 - before, e);
  for (size_t x = 0; x < out_w; x += PIXELS) {
    const size_t column = x * stride - before;
    if (whole && column + kept < s->in_w && column + columns <= s->in_w && x + PIXELS <= out_w) {
      make_entries(whole, true, kept, columns, s, column, e);
      window3_pixels(is_float, stride, r, e, x, PIXELS);
    } else {
      make_entries(whole, false, kept, columns, s, column, e);
      window3_pixels(is_float, stride, r, e, x, UFI_MIN(out_w - x, (size_t)PIXELS));
    }
    UNROLL for (size_t k = 0; k < kept; k++) e[k] = e[k + PIXELS * stride];
  }
}

INLINE void window3_any(const bool is_float, const ufk_q_window3 *d, size_t c, const block_end *end, uint8_t *out) {
  const size_t n = UFI_MIN(d->end - c, (size_t)BLOCK), block = 3 * BLOCK;
  const bool whole = n == BLOCK && d->lines[0] && d->lines[1] && d->lines[2] && d->lines[3];
  const source s = source_of(d, c, n);
  const window3_run r = {.d = d, .end = end, .w = (const int32_t *)d->w + c / BLOCK * block, .bias = i_load(d->bias + c),
                         .n = whole ? BLOCK : n, .w_line = (d->channels + BLOCK - 1) / BLOCK * block,
                         .out = out + c * (is_float ? sizeof(float) : 1)};
  if (d->stride == 1 && whole) window3_block(is_float, true, 1, &r, &s);
  else if (d->stride == 1) window3_block(is_float, false, 1, &r, &s);
  else if (whole) window3_block(is_float, true, 2, &r, &s);
  else window3_block(is_float, false, 2, &r, &s);
}

static void window3_s8(const ufk_q_window3 *d, const ufk_q_scale *s, int8_t *out) {
  block_end end = {.to_int = *s, .limits = {i_set16((int16_t)s->zero), i_set8((char)s->min), i_set8((char)s->max)}};
  for (size_t c = d->first; c < d->end; c += BLOCK) {
    end.to_int.multiplier = s->multiplier + c, end.to_int.shift = s->shift + c;
    if (s->factor) end.to_int.factor = s->factor + c, end.to_int.nudge = s->nudge + c;
    window3_any(false, d, c, &end, (uint8_t *)out);
  }
}

static void window3_float(const ufk_q_window3 *d, const ufk_q_float *s, float *out) {
  block_end end = {.to_float = *s};
  for (size_t c = d->first; c < d->end; c += BLOCK) {
    end.to_float.column = s->column + c;
    if (s->bias) end.to_float.bias = s->bias + c;
    window3_any(true, d, c, &end, (uint8_t *)out);
  }
}
#endif

INLINE void set_depthwise(ufk_qdepthwise_table *table) {
  table->q_block = BLOCK;
  table->narrow_taps = NARROW;
  table->narrow_offset = NARROW == 4 ? 128 : 0;
  table->zip_narrow = zip_narrow;
  table->zip_wide = zip_wide;
  table->narrow_s8 = narrow_s8;
  table->narrow_float = narrow_float;
  table->wide_u8 = wide_u8;
#if NARROW == 4
  table->window3_s8 = window3_s8;
  table->window3_float = window3_float;
#else
  table->window3_s8 = NULL;
  table->window3_float = NULL;
#endif
  set_pools(table);
}
