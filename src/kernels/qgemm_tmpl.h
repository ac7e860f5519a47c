/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm_tmpl.h: the kernels of qgemm.h over vectors of any width. The file that
 * includes it (qgemm_<isa>.c) defines first:
 *
 *   VW                   int32 lanes of a vector; veci holds them (or 2 * VW
 *                        int16), vecf as many floats
 *   MR, NV               the tile: MR rows of NV vectors
 *   TILE_ROWS(X)         X(1) X(2) ... X(MR)
 *   BYTES_MR, BYTES_ROWS(X)  with HAS_BYTES the same of products of bytes: each row takes a
 *                        register for its address besides
 *   i_load i_store i_set1 i_add i_sub i_min i_max i_zero, of int32; i_mul with HAS_BYTES
 *   i_load16(p)          2 * VW int16
 *   i_widen_s8(p), i_widen_u8(p)      2 * VW bytes to int16
 *   i_dot(acc, a, b)     acc + sums of pairs of int16 products
 *   i_dot4(acc, a, b)    acc + sums of four products of a's unsigned and b's signed
 *                        bytes (BYTES_FLIP 0x80; 0: of a's signed ones); only with
 *                        HAS_BYTES, as i_load8 i_store8(p), of 4 * VW bytes,
 *                        and i_load8_n(p, n), zeros behind n
 *   i_sub16(a, b), i_store16(p, v), i_set16(x)
 *   i_fixed(x, multiplier, left, right, half): as ufk_requantize; half is
 *                        the mask of `right` bits, halved
 *   i_low_bits(n)        (1 << n) - 1 of each lane
 *   i_real(x, p)         round(x * p[lane]) of doubles, limited to +-2^30
 *   i_put_s8(p, v, n), i_put_u8, i_put_s16, f_put(p, v, n): the first n <= VW
 *                        lanes, already in range, to memory
 *   i_pack16(a, b)       lanes of a and b to 16 bits, saturated
 *   i_adds16(a, b)       saturated
 *   i_pack_s8(a, b), i_pack_u8(a, b)  two rows so packed, of 2 * VW lanes each, to bytes,
 *                        saturated; the whole rows lie one behind the other
 *   i_min_s8 i_max_s8 i_min_u8 i_max_u8 i_set8 i_xor
 *   i_put_row(p, v, row, n)  the first n <= 2 * VW bytes of row 0 or 1 of such a pair
 *   i_put_half_row(p, v, row, n)  the same of rows 0 to 3 of VW bytes
 *   f_load f_set1 f_add f_mul f_min f_max f_from_i f_keep(x): stops the
 *                        compiler from fusing x into an fma
 *   f_load_n(p, n)       n <= VW floats, zeros behind
 *   f_lowest(v) f_highest(v): over lanes
 *   f_fma f_sub f_to_i(x): to nearest, halves to even
 *   f_signed(x, y)       y >= 0 with the sign of x
 *   f_farther(x, y)      max(x, |y|)
 *   f_is_above(x, y)     any lane of x is above that of y
 *   f_to_zero(x)         to an integer, towards zero; NaN to one below -1000
 *
 * Functions that take a size as `const size_t` are inlined into callers that
 * know it, so that accumulators become registers.
 */
#include "base/pages.h"
#include "kernels/near_tmpl.h"
#include "kernels/qgemm.h"

#define NR (VW * NV)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* ---- widening ------------------------------------------------------------- */

#define WIDEN_ONE(type, suffix)                                                      \
  INLINE int16_t *widen_run_##suffix(const type *x, size_t n, int32_t zero, int16_t *to) { \
    const veci z = i_set16((int16_t)zero);                                           \
    size_t j = 0;                                                                    \
    if (n >= 2 * VW) {                                                               \
      for (; j + 2 * VW <= n; j += 2 * VW) i_store16(to + j, i_sub16(i_widen_##suffix(x + j), z)); \
      if (j < n) { /* the rest again, together with some of what is done */          \
        j = n - 2 * VW;                                                              \
        i_store16(to + j, i_sub16(i_widen_##suffix(x + j), z));                       \
      }                                                                              \
      return to + n;                                                                 \
    }                                                                                \
    for (; j < n; j++) to[j] = (int16_t)(x[j] - zero);                                \
    return to + n;                                                                   \
  }                                                                                  \
  static void widen_##suffix(size_t runs, size_t n, const void *const *from, int32_t zero, \
                             int16_t *to) {                                          \
    for (size_t i = 0; i < runs; i++) {                                              \
      if (from[i]) {                                                                 \
        to = widen_run_##suffix(from[i], n, zero, to);                               \
      } else {                                                                       \
        memset(to, 0, n * sizeof *to);                                               \
        to += n;                                                                     \
      }                                                                              \
    }                                                                                \
  }
WIDEN_ONE(int8_t, s8)
WIDEN_ONE(uint8_t, u8)

/* ---- rows of bytes ---------------------------------------------------------- */

#ifdef HAS_BYTES
static void copy(size_t runs, size_t n, const void *const *from, uint8_t flip, uint8_t fill,
                 uint8_t *to) {
  const veci f = i_set8((char)flip), outside = i_set8((char)fill);
  for (size_t i = 0; i < runs; i++, to += n) {
    const uint8_t *x = from[i];
    size_t j = 0;
    if (x) {
      for (; j + 4 * VW <= n; j += 4 * VW) i_store8(to + j, i_xor(i_load8(x + j), f));
      if (j < n) i_store8(to + j, i_xor(i_load8_n(x + j, n - j), f));
    } else {
      for (; j < n; j += 4 * VW) i_store8(to + j, outside);
    }
  }
}
#endif

/* ---- from sums to outputs ------------------------------------------------------- */

enum put { PUT_S8, PUT_U8, PUT_S16 };

INLINE void put(const enum put type, void *out, size_t at, veci x, size_t n) {
  if (type == PUT_S8) i_put_s8((int8_t *)out + at, x, n);
  else if (type == PUT_U8) i_put_u8((uint8_t *)out + at, x, n);
  else i_put_s16((int16_t *)out + at, x, n);
}

/* Columns outside, rows inside: the parameters of a vector of columns are
 * loaded once. |x| may be anything, zero is small: a saturated sum needs no wider type. */
INLINE veci limit(veci x, const ufk_q_scale *s) {
  const veci near = i_min(i_max(x, i_set1(-(1 << 30))), i_set1(1 << 30));
  return i_min(i_max(i_add(near, i_set1(s->zero)), i_set1(s->min)), i_set1(s->max));
}

INLINE void fixed(const enum put type, size_t rows, size_t n, const int32_t *acc, size_t ld,
                  const ufk_q_scale *s, void *out, size_t out_step) {
  for (size_t j = 0; j < n; j += VW) {
    const veci multiplier = i_load(s->multiplier + j), shift = i_load(s->shift + j);
    const veci left = i_max(shift, i_zero()), right = i_max(i_sub(i_zero(), shift), i_zero());
    const veci mask = i_low_bits(right);
    const size_t width = UFI_MIN(n - j, (size_t)VW);
    for (size_t i = 0; i < rows; i++) {
      veci x = i_fixed(i_load(acc + i * ld + j), multiplier, left, right, mask);
      put(type, out, i * out_step + j, limit(x, s), width);
    }
  }
}

INLINE void real(const enum put type, size_t rows, size_t n, const int32_t *acc, size_t ld,
                 const ufk_q_scale *s, void *out, size_t out_step) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < n; j += VW) {
      veci x = i_real(i_load(acc + i * ld + j), s->real + j);
      put(type, out, i * out_step + j, limit(x, s), UFI_MIN(n - j, (size_t)VW));
    }
  }
}

/* One vector of sums to integers; *far_io: how far any was from its integer. */
INLINE veci near_vector(veci acc, vecf factor, vecf nudge, vecf *far_io) {
  return near_rounded(near_scaled(acc, factor, nudge), far_io);
}

/* Both ways of rounding by float32 arithmetic, pairs of rows of 2 * VW columns at a time. False:
 * some sum was too near to a half to tell, so that the exact way has to do all. */
INLINE bool near(const bool is_signed, size_t rows, size_t n, const int32_t *acc, size_t ld,
                 const ufk_q_scale *s, uint8_t *out, size_t out_step) {
  const veci zero = i_set16((int16_t)s->zero);
  const veci min = i_set8((char)s->min), max = i_set8((char)s->max);
  vecf far = f_set1(0.0f);
  for (size_t j = 0; j < n; j += 2 * VW) {
    const vecf f0 = f_load(s->factor + j), f1 = f_load(s->factor + j + VW);
    const vecf n0 = f_load(s->nudge + j), n1 = f_load(s->nudge + j + VW);
    const size_t width = UFI_MIN(n - j, (size_t)2 * VW);
    for (size_t i = 0; i < rows; i += 2) {
      const size_t other = i + 1 < rows ? ld : 0;
      const int32_t *c = acc + i * ld + j;
      const int32_t *d = c + other;
      veci x = i_pack16(near_vector(i_load(c), f0, n0, &far), near_vector(i_load(c + VW), f1, n1, &far));
      veci y = i_pack16(near_vector(i_load(d), f0, n0, &far), near_vector(i_load(d + VW), f1, n1, &far));
      x = i_adds16(x, zero);
      y = i_adds16(y, zero);
      if (is_signed) x = i_min_s8(i_max_s8(i_pack_s8(x, y), min), max);
      else x = i_min_u8(i_max_u8(i_pack_u8(x, y), min), max);
      i_put_row(out + i * out_step + j, x, 0, width);
      if (other) i_put_row(out + (i + 1) * out_step + j, x, 1, width);
    }
  }
  return near_tells(far, UFK_Q_NEAR);
}

INLINE bool is_near(const enum put type, size_t rows, size_t n, const int32_t *acc, size_t ld,
                    const ufk_q_scale *s, void *out, size_t out_step) {
  if (!s->factor || type == PUT_S16) return false;
  return near(type == PUT_S8, rows, n, acc, ld, s, out, out_step);
}

#define TO_INT(how, suffix, type)                                                              \
  static void how##_##suffix(size_t rows, size_t n, const int32_t *acc, size_t ld,             \
                             const ufk_q_scale *s, void *out, size_t out_step) {               \
    if (is_near(type, rows, n, acc, ld, s, out, out_step)) return;                             \
    how(type, rows, n, acc, ld, s, out, out_step);                                             \
  }
TO_INT(fixed, s8, PUT_S8)
TO_INT(fixed, u8, PUT_U8)
TO_INT(fixed, s16, PUT_S16)
TO_INT(real, s8, PUT_S8)
TO_INT(real, u8, PUT_U8)
TO_INT(real, s16, PUT_S16)

static void to_float(size_t rows, size_t n, const int32_t *acc, size_t ld, const ufk_q_float *s,
                     float *out, size_t out_step) {
  const vecf min = f_set1(s->min), max = f_set1(s->max);
  for (size_t j = 0; j < n; j += VW) {
    const vecf column = f_load(s->column + j);
    const size_t width = UFI_MIN(n - j, (size_t)VW);
    for (size_t i = 0; i < rows; i++) {
      vecf x = f_from_i(i_load(acc + i * ld + j)), row = f_set1(s->row[i]);
      x = s->column_first ? f_mul(f_mul(x, column), row) : f_mul(x, f_mul(row, column));
      f_keep(x);
      if (s->bias) x = f_add(x, f_load(s->bias + j));
      f_put(out + i * out_step + j, f_min(f_max(x, min), max), width);
    }
  }
}

/* ---- sums in registers ------------------------------------------------------------ */

/* A tile in registers to bytes, as in near: four vectors at a time, which are two rows, or four where
 * a row is one vector; unsigned ones as signed ones that are moved. */
INLINE bool tile_near(const size_t rows, const size_t nv, veci acc[MR][NV], size_t n, const ufk_q_scale *s,
                      bool is_u8, uint8_t *out, size_t out_step) {
  const int32_t flip = is_u8 ? 128 : 0;
  const veci zero = i_set16((int16_t)(s->zero - flip)), flips = i_set8((char)flip);
  const veci min = i_set8((char)(s->min - flip)), max = i_set8((char)(s->max - flip));
  const vecf f0 = f_load(s->factor), f1 = nv > 1 ? f_load(s->factor + VW) : f0;
  const vecf n0 = f_load(s->nudge), n1 = nv > 1 ? f_load(s->nudge + VW) : n0;
  vecf far[2] = {f_set1(0.0f), f_set1(0.0f)};
  const size_t step = 4 / nv;
  UNROLL for (size_t i = 0; i < rows; i += step) {
    veci v[4];
    UNROLL for (size_t q = 0; q < 4; q++) {
      const size_t row = i + q / nv < rows ? i + q / nv : rows - 1, j = q % nv;
      v[q] = near_vector(acc[row][j], j ? f1 : f0, j ? n1 : n0, &far[q % 2]);
    }
    const veci x = i_adds16(i_pack16(v[0], v[1]), zero), y = i_adds16(i_pack16(v[2], v[3]), zero);
    const veci bytes = i_xor(i_min_s8(i_max_s8(i_pack_s8(x, y), min), max), flips);
    UNROLL for (size_t q = 0; q < 4; q++) {
      if (q >= step || i + q >= rows) continue;
      if (nv > 1) i_put_row(out + (i + q) * out_step, bytes, (int)q, n);
      else i_put_half_row(out + (i + q) * out_step, bytes, (int)q, n);
    }
  }
  return near_tells(f_farther(far[0], far[1]), UFK_Q_NEAR);
}

/* A tile in registers to floats, as in to_float: a factor of 1 and a bias of -0 change nothing. */
INLINE void tile_float(const size_t rows, const size_t nv, veci acc[MR][NV], size_t n, const ufk_q_float *s,
                       const float *row_scale, float *out, size_t out_step) {
  const vecf min = f_set1(s->min), max = f_set1(s->max), one = f_set1(1.0f), none = f_set1(-0.0f);
  vecf column[NV], bias[NV];
  UNROLL for (size_t j = 0; j < nv; j++) {
    column[j] = f_load(s->column + j * VW);
    bias[j] = s->bias ? f_load(s->bias + j * VW) : none;
  }
  const bool column_first = s->column_first;
  UNROLL for (size_t i = 0; i < rows; i++) {
    const vecf row = f_set1(row_scale[i]), with = column_first ? one : row, after = column_first ? row : one;
    UNROLL for (size_t j = 0; j < nv; j++) {
      vecf x = f_mul(f_mul(f_from_i(acc[i][j]), f_mul(with, column[j])), after);
      f_keep(x);
      x = f_min(f_max(f_add(x, bias[j]), min), max);
      f_put(out + i * out_step + j * VW, x, UFI_MIN(n - j * VW, (size_t)VW));
    }
  }
}

/* What the sums of rows from `first` become. False: they have to go through memory. */
INLINE bool tile_end(const size_t rows, const size_t nv, veci acc[MR][NV], size_t n, size_t first, const ufk_q_end *end) {
  if (end->to_float) {
    float *out = (float *)end->out + first * end->step;
    tile_float(rows, nv, acc, n, end->to_float, end->to_float->row + first, out, end->step);
    return true;
  }
  return end->scale && end->scale->factor &&
         tile_near(rows, nv, acc, n, end->scale, end->is_u8, (uint8_t *)end->out + first * end->step, end->step);
}

/* ---- products of pairs --------------------------------------------------------------- */

/* Where there are products of bytes, and where weights are wide, these are rare: their sums go through memory. */
#ifdef HAS_BYTES
enum { PAIRS_END = false };
#else
enum { PAIRS_END = true };
#endif

INLINE veci pair_at(const int16_t *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return i_set1(pair);
}

/* Adds the products of one run: pairs from element `from` of rows on. */
INLINE void pairs_run(const size_t rows, const size_t nv, const bool wide, size_t pairs, const int16_t *const a[MR], size_t from,
                      const int8_t *b8, const int16_t *b16, veci acc[MR][NV]) {
  const int16_t *at[MR];
  UNROLL for (size_t i = 0; i < rows; i++) at[i] = a[i] + from;
  for (size_t k = 0; k < pairs; k++) {
    if (wide) ufi_prefetch_ahead(b16 + k * 2 * NR, 2 * NR * sizeof *b16);
    veci col[NV];
    UNROLL for (size_t j = 0; j < nv; j++) {
      col[j] = wide ? i_load16(b16 + k * 2 * NR + j * 2 * VW)
                    : i_widen_s8(b8 + k * 2 * NR + j * 2 * VW);
    }
    UNROLL for (size_t i = 0; i < rows; i++) {
      veci x = pair_at(at[i] + 2 * k);
      UNROLL for (size_t j = 0; j < nv; j++) acc[i][j] = i_dot(acc[i][j], x, col[j]);
    }
  }
}

/* Rows from `first`. */
INLINE bool pairs_tile(const size_t rows, const size_t nv, const bool wide, const ufk_q_pairs *t, size_t first, const ufk_q_end *end) {
  veci acc[MR][NV];
  int32_t *c = t->c + (ufk_q_has_end(end) ? 0 : first * t->ldc);
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) acc[i][j] = i_load((t->start ? t->start : c + i * t->ldc) + j * VW);
  }
  const int16_t *a[MR];
  UNROLL for (size_t i = 0; i < rows; i++) a[i] = t->a[first + i];
  const size_t panel = 2 * NR * t->pairs;
  for (size_t run = 0; run < t->runs; run++) {
    pairs_run(rows, nv, wide, t->pairs, a, run * t->run_step, (const int8_t *)t->b + run * panel, (const int16_t *)t->b + run * panel, acc);
  }
  if (PAIRS_END && !wide && tile_end(rows, nv, acc, t->n, first, end)) return true;
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) i_store(c + i * t->ldc + j * VW, acc[i][j]);
  }
  return false;
}

#define ROWS(rows)                                                                                                   \
  static bool pairs_rows_##rows(const ufk_q_pairs *t, size_t first, const ufk_q_end *end) {                           \
    if (t->n <= VW * (NV - 1)) return t->wide ? pairs_tile(rows, 1, true, t, first, end) : pairs_tile(rows, 1, false, t, first, end); \
    return t->wide ? pairs_tile(rows, NV, true, t, first, end) : pairs_tile(rows, NV, false, t, first, end);           \
  }
TILE_ROWS(ROWS)
#undef ROWS

static bool tile_of_pairs(size_t rows, const ufk_q_pairs *t, size_t first, const ufk_q_end *end) {
  switch (rows) {
#define ROWS(rows) case rows: return pairs_rows_##rows(t, first, end);
    TILE_ROWS(ROWS)
#undef ROWS
    default: return false;
  }
}

static ufk_q_rows gemm_pairs(const ufk_q_pairs *t, const ufk_q_end *end) {
  size_t made = 0;
  for (size_t tiles = (t->rows + MR - 1) / MR; tiles > 0; tiles--) {
    const size_t rows = (t->rows - made + tiles - 1) / tiles; /* of nearly equal height */
    if (!tile_of_pairs(rows, t, made, end) && ufk_q_has_end(end)) return (ufk_q_rows){made, rows};
    made += rows;
  }
  return ufk_q_has_end(end) ? (ufk_q_rows){made, 0} : (ufk_q_rows){0, made};
}

/* ---- products of bytes ------------------------------------------------------ */

#ifdef HAS_BYTES
/* Quads [from, from + 4 * ways) of rows onto as many sets of sums. */
INLINE void bytes_step(const size_t rows, const size_t nv, const size_t ways, veci acc[][MR][NV],
                       const uint8_t *const a[MR], size_t from, const int8_t *b) {
  UNROLL for (size_t w = 0; w < ways; w++, from += 4, b += 4 * NR) {
    if (rows > 2) ufi_prefetch_ahead(b, 4 * NR);
    veci col[NV];
    UNROLL for (size_t j = 0; j < nv; j++) col[j] = i_load8(b + j * VW * 4);
    UNROLL for (size_t i = 0; i < rows; i++) {
      int32_t quad;
      memcpy(&quad, a[i] + from, sizeof quad);
      const veci x = i_set1(quad);
      UNROLL for (size_t j = 0; j < nv; j++) acc[w][i][j] = i_dot4(acc[w][i][j], x, col[j]);
    }
  }
}

/* Where the sums of rows from `first` start. */
INLINE void bytes_start(const size_t rows, const size_t nv, const ufk_q_bytes *t, size_t first, veci acc[MR][NV]) {
  UNROLL for (size_t j = 0; j < nv; j++) {
    const veci start = i_load(t->start + j * VW);
    UNROLL for (size_t i = 0; i < rows; i++) acc[i][j] = start;
    if (!t->zero) continue;
    const veci sums = i_load(t->sums + j * VW);
    UNROLL for (size_t i = 0; i < rows; i++) acc[i][j] = i_sub(start, i_mul(i_set1(t->zero[first + i]), sums));
  }
}

/* Rows from `first`. Tiles of few rows take quads in turn onto several sets of sums, which need not wait for each
 * other. */
INLINE bool bytes_tile(const size_t rows, const size_t nv, const ufk_q_bytes *t, size_t first, const ufk_q_end *end) {
  enum { WAYS = 4 };
  const size_t ways = rows == 1 ? WAYS : rows == 2 ? 2 : 1;
  veci acc[WAYS][MR][NV];
  bytes_start(rows, nv, t, first, acc[0]);
  UNROLL for (size_t w = 1; w < ways; w++) {
    UNROLL for (size_t i = 0; i < rows; i++) {
      UNROLL for (size_t j = 0; j < nv; j++) acc[w][i][j] = i_zero();
    }
  }
  const uint8_t *a[MR];
  UNROLL for (size_t i = 0; i < rows; i++) a[i] = t->a[first + i];
  const int8_t *b = t->b;
  for (size_t run = 0; run < t->runs; run++) {
    const size_t last = run * t->run_step + 4 * t->quads;
    size_t k = run * t->run_step;
    for (; k + 4 * ways <= last; k += 4 * ways, b += 4 * ways * NR) bytes_step(rows, nv, ways, acc, a, k, b);
    if (ways == 1) continue;
    for (; k < last; k += 4, b += 4 * NR) bytes_step(rows, nv, 1, acc, a, k, b);
  }
  UNROLL for (size_t w = 1; w < ways; w++) {
    UNROLL for (size_t i = 0; i < rows; i++) {
      UNROLL for (size_t j = 0; j < nv; j++) acc[0][i][j] = i_add(acc[0][i][j], acc[w][i][j]);
    }
  }
  if (tile_end(rows, nv, acc[0], t->n, first, end)) return true;
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) i_store(t->c + i * NR + j * VW, acc[0][i][j]);
  }
  return false;
}

#define ROWS(rows)                                                                                       \
  static bool bytes_rows_##rows(const ufk_q_bytes *t, size_t first, const ufk_q_end *end) {              \
    return t->n > VW * (NV - 1) ? bytes_tile(rows, NV, t, first, end) : bytes_tile(rows, 1, t, first, end); \
  }
BYTES_ROWS(ROWS)
#undef ROWS

static bool tile_of_bytes(size_t rows, const ufk_q_bytes *t, size_t first, const ufk_q_end *end) {
  switch (rows) {
#define ROWS(rows) case rows: return bytes_rows_##rows(t, first, end);
    BYTES_ROWS(ROWS)
#undef ROWS
    default: return false;
  }
}

static ufk_q_rows gemm_bytes(const ufk_q_bytes *t, const ufk_q_end *end) {
  size_t made = 0;
  for (size_t tiles = (t->rows + BYTES_MR - 1) / BYTES_MR; tiles > 0; tiles--) {
    const size_t rows = (t->rows - made + tiles - 1) / tiles; /* of nearly equal height */
    if (!tile_of_bytes(rows, t, made, end)) return (ufk_q_rows){made, rows};
    made += rows;
  }
  return (ufk_q_rows){made, 0};
}
#endif

/* ---- quantizing floats ------------------------------------------------------------ */

static void range(size_t n, const float *from, float *min_out, float *max_out) {
  vecf low[4], high[4];
  UNROLL for (size_t q = 0; q < 4; q++) low[q] = high[q] = f_set1(0.0f);
  size_t i = 0;
  for (; i + 4 * VW <= n; i += 4 * VW) {
    UNROLL for (size_t q = 0; q < 4; q++) {
      const vecf x = f_load(from + i + q * VW);
      low[q] = f_min(x, low[q]);
      high[q] = f_max(x, high[q]);
    }
  }
  for (; i < n; i += VW) {
    const vecf x = n - i >= VW ? f_load(from + i) : f_load_n(from + i, n - i);
    low[0] = f_min(x, low[0]);
    high[0] = f_max(x, high[0]);
  }
  *min_out = f_lowest(f_min(f_min(low[0], low[1]), f_min(low[2], low[3])));
  *max_out = f_highest(f_max(f_max(high[0], high[1]), f_max(high[2], high[3])));
}

/* To the nearest integer, halves away from zero: what is just below a half is added, and the sum
 * of floats is itself rounded. NaN becomes far less than any code. */
INLINE veci code(vecf x, vecf inverse) {
  x = f_mul(x, inverse);
  f_keep(x);
  return f_to_zero(f_add(x, f_signed(x, f_set1(0.49999997f))));
}

static void codes(size_t n, const float *from, const ufk_q_grid *grid, bool asymmetric, uint8_t flip, int8_t *to) {
  const vecf inverse = f_set1(grid->inverse);
  const veci zero = i_set16((int16_t)grid->zero), least = i_set8(asymmetric ? -128 : -127), flips = i_set8((int8_t)flip);
  for (size_t i = 0; i < n; i += 4 * VW) {
    veci v[4];
    UNROLL for (size_t q = 0; q < 4; q++) {
      const size_t at = i + q * VW;
      v[q] = code(at + VW <= n ? f_load(from + at) : f_load_n(from + UFI_MIN(at, n), n > at ? n - at : 0), inverse);
    }
    const veci x = i_adds16(i_pack16(v[0], v[1]), zero), y = i_adds16(i_pack16(v[2], v[3]), zero);
    const veci bytes = i_xor(i_max_s8(i_pack_s8(x, y), least), flips);
    i_put_row(to + i, bytes, 0, UFI_MIN(n - i, (size_t)2 * VW));
    if (n - i > 2 * VW) i_put_row(to + i + 2 * VW, bytes, 1, UFI_MIN(n - i - 2 * VW, (size_t)2 * VW));
  }
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

INLINE void set_q(ufk_qgemm_table *table) {
  table->q_mr = MR;
  table->q_nr = NR;
#ifdef HAS_BYTES
  table->q_flip = BYTES_FLIP;
  table->copy = copy;
  table->q_bytes_mr = BYTES_MR;
  table->gemm_bytes = gemm_bytes;
#else
  table->gemm_bytes = NULL;
#endif
  table->q_tiles_4 = TILES_4;
  table->q_tiles_2 = TILES_2;
  table->widen_s8 = widen_s8;
  table->widen_u8 = widen_u8;
  table->gemm_pairs = gemm_pairs;
  table->pairs_end = PAIRS_END;
  table->fixed_s8 = fixed_s8;
  table->fixed_u8 = fixed_u8;
  table->fixed_s16 = fixed_s16;
  table->real_s8 = real_s8;
  table->real_u8 = real_u8;
  table->real_s16 = real_s16;
  table->to_float = to_float;
  table->range = range;
  table->codes = codes;
  table->quantize = quantize;
}
