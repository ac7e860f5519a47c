/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_tmpl.h: the kernels of elementwise.h that add and multiply bytes,
 * over vectors of any width. The file that includes it (qelementwise_<isa>.c)
 * defines first:
 *
 *   all of simd/i32_<isa>.h, as qgemm_tmpl.h says of it; a vector is also BYTES bytes
 *   i_put(p, v) i_and i_add16
 *   i_products16(u, w, out)           int16 times int16, to two vectors of int32
 *   i_pairs16(u, w, out)              pairs of int16, one of each, to two vectors; the same elements to the same places
 *   i_shl(v, n) i_sar(v, n)           of int32, by a constant
 *   i_is_below(v, limit)              some int32 is
 *   i_raise16(v, out)                 int16, shifted left by 16, to two vectors of int32;
 *                                     the same elements to the same places
 *   i_sll16(v, n) i_sll32(v, n) i_srav32(v, n) i_sign32(v)
 *   i_scaled(v, multiplier)           v * multiplier / 2^31 to nearest, of int32
 *   i_pack(is_signed, v, zero, min, max)   4 vectors of int32, two and two as they came
 *                                     of int16, with the zero point (int16) added and
 *                                     limited (bytes), in order
 *
 * Sums and products stay in 16 bits as long as they fit. Where float32 arithmetic (of products) or fixed point (of sums)
 * tells on which side of a half a result is, it is rounded so; else 64-bit products decide.
 */
#include "kernels/elementwise.h"
#include "kernels/near_tmpl.h"

enum { BYTES = 4 * VW };

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 4")

/* ---- scaling ------------------------------------------------------------------- */

/* v * multiplier * 2^(shift - 31) as ufk_requantize, of |v| < 2^30 when it goes right. */
typedef struct scaling {
  veci multiplier, half, correct, right; /* correct: all bits, none for no shift to the right */
  int left;
} scaling;

INLINE scaling scaling_of(ufk_scale s) {
  const int right = s.shift < 0 ? -s.shift : 0;
  return (scaling){i_set1(s.multiplier), i_set1(right ? (int32_t)(UINT32_C(1) << (right - 1)) : 0),
                   i_set1(right ? -1 : 0), i_set1(right), s.shift > 0 ? s.shift : 0};
}

/* Halves away from zero: half of 2^right is added, 1 less where negative. */
INLINE veci scaled(veci v, const scaling *s) {
  if (s->left) v = i_sll32(v, s->left);
  v = i_scaled(v, s->multiplier);
  return i_srav32(i_add(v, i_add(s->half, i_and(i_sign32(v), s->correct))), s->right);
}

/* Whether the scaling can be done in float32 for results within +-257, with which factor, and how far
 * from zero the halves are moved by the first of its two roundings. */
typedef struct near_scaling {
  bool possible;
  vecf factor, nudge;
} near_scaling;

INLINE double real_of(ufk_scale s) { return s.multiplier * ufk_power_of_2(s.shift - 31); }

INLINE near_scaling near_of(ufk_scale s) {
  float factor, nudge;
  const bool possible = ufk_q_near(real_of(s), -s.shift, &factor, &nudge);
  return (near_scaling){possible, f_set1(factor), f_set1(nudge)};
}

/* Four vectors of exact integers. */
INLINE void scale_all(veci v[4], const scaling *s, const near_scaling *near) {
  if (near->possible) {
    veci whole[4];
    vecf far = f_set1(0.0f);
    UNROLL for (int i = 0; i < 4; i++) whole[i] = near_rounded(near_scaled(v[i], near->factor, near->nudge), &far);
    if (near_tells(far, UFK_Q_NEAR)) {
      UNROLL for (int i = 0; i < 4; i++) v[i] = whole[i];
      return;
    }
  }
  UNROLL for (int i = 0; i < 4; i++) v[i] = scaled(v[i], s);
}

typedef struct output {
  veci zero, min, max;
} output;

INLINE output output_of(int32_t zero, int32_t lo, int32_t hi) {
  return (output){i_set16((int16_t)zero), i_set8((char)lo), i_set8((char)hi)};
}

INLINE veci widen(const bool is_signed, const void *p, veci offset) {
  return i_add16(is_signed ? i_widen_s8(p) : i_widen_u8(p), offset);
}

/* ---- products -------------------------------------------------------------------- */

typedef struct product {
  veci a_offset, b_offset;
  scaling y;
  near_scaling near;
  output out;
} product;

/* A vector of bytes. b NULL: b_value for all, which has its offset. */
INLINE void multiply(const bool is_signed, const uint8_t *a, const uint8_t *b, veci b_value, const product *p, uint8_t *y) {
  veci v[4];
  UNROLL for (int i = 0; i < 2; i++) {
    const veci u = widen(is_signed, a + i * BYTES / 2, p->a_offset);
    const veci w = b ? widen(is_signed, b + i * BYTES / 2, p->b_offset) : b_value;
    i_products16(u, w, v + 2 * i);
  }
  scale_all(v, &p->y, &p->near);
  i_put(y, i_pack(is_signed, v, p->out.zero, p->out.min, p->out.max));
}

/* one: b is one value for all. */
INLINE void multiply_row(const bool is_signed, const bool one, const uint8_t *a, const uint8_t *b, uint8_t *y, size_t n,
                         int32_t a_offset, int32_t b_offset, const ufk_q_mul *q) {
  if (n == 0) return;
  const product p = {i_set16((int16_t)a_offset), i_set16((int16_t)b_offset), scaling_of(q->y),
                     near_of(q->y), output_of(q->y_offset, q->lo, q->hi)};
  const veci b_value = i_add16(i_set16(is_signed ? (int8_t)b[0] : b[0]), p.b_offset);
  size_t i = 0;
  for (; i + BYTES <= n; i += BYTES) multiply(is_signed, a + i, one ? NULL : b + i, b_value, &p, y + i);
  if (i == n) return;
  uint8_t u[BYTES] = {0}, w[BYTES] = {0};
  memcpy(u, a + i, n - i);
  if (!one) memcpy(w, b + i, n - i);
  multiply(is_signed, u, one ? NULL : w, b_value, &p, u);
  memcpy(y + i, u, n - i);
}

/* ---- sums ----------------------------------------------------------------------------- */

/* A scale of exactly 1/2, which the operand of the larger scale always has, is one shift
 * less to the left. Values stay below 2^30. */
typedef struct term {
  veci offset, negate, back;
  scaling scale;
  int left;        /* of int16, before another 16, */
  bool goes_back;  /* of which `back` go back */
  bool half;
} term;

INLINE term term_of(int32_t offset, ufk_scale s, int32_t left, bool negate) {
  const bool half = s.multiplier == 1 << 30 && s.shift == 0;
  const int by = left - half - 16;
  return (term){.offset = i_set16((int16_t)offset), .negate = i_set1(negate ? -1 : 0), .back = i_set1(by < 0 ? -by : 0),
                .scale = scaling_of(s), .left = by > 0 ? by : 0, .goes_back = by < 0, .half = half};
}

INLINE veci finish_term(veci v, const term *t) {
  if (t->goes_back) v = i_srav32(v, t->back);
  if (!t->half) v = scaled(v, &t->scale);
  return i_sub(i_xor(v, t->negate), t->negate);
}

/* From int16 with its offset: the lower and the upper halves within 128 bits. */
INLINE void spread(veci v, const term *t, veci out[2]) {
  i_raise16(i_sll16(v, t->left), out);
  out[0] = finish_term(out[0], t);
  out[1] = finish_term(out[1], t);
}

/* near: the sum is made in fixed point, a factor for each operand, of FRACTION bits. Products of int16 pairs take the
 * factors' upper and lower parts one after the other. */
enum { FRACTION = 21, LOWER = 7 };
typedef struct sum {
  term a, b;
  scaling y;
  output out;
  bool near;
  veci upper, lower; /* pairs of factors */
} sum;

/* The sum differs by less than 2^-12 from what the integers give: by two units of the operands' roundings, of which one is
 * at most 2^-15, and by 510 * 2^-22 of the factors. */
enum { DOUBT = 1 << (FRACTION - 12) };

INLINE veci pair_of(int32_t a, int32_t b) { return i_set1((int32_t)((uint32_t)(uint16_t)a | (uint32_t)b << 16)); }

INLINE sum sum_of(const ufk_q_add *q, bool exchanged) {
  const term a = term_of(q->a_offset, q->a, q->left_shift, false);
  const term b = term_of(q->b_offset, q->b, q->left_shift, q->subtract);
  const double y = real_of(q->y), unit = y * (double)(UINT64_C(1) << q->left_shift);
  const double u = unit * real_of(q->a), size = unit * real_of(q->b), w = q->subtract ? -size : size;
  sum s = {exchanged ? b : a, exchanged ? a : b, scaling_of(q->y), output_of(q->y_offset, q->lo, q->hi), .near = false};
  /* Factors' upper parts fit in 16 bits, sums of operands up to 255 in 10 with their sign and a half. */
  s.near = y <= 0x1p-15 && u < 1.99 && size < 1.99 && 255 * (u + size) < 1000;
  if (!s.near) return s;
  const int32_t f = ufk_round_f64((exchanged ? w : u) * (1 << FRACTION)), g = ufk_round_f64((exchanged ? u : w) * (1 << FRACTION));
  const int32_t f_upper = f >> LOWER, g_upper = g >> LOWER;
  s.upper = pair_of(f_upper, g_upper);
  s.lower = pair_of(f - f_upper * (1 << LOWER), g - g_upper * (1 << LOWER));
  return s;
}

/* Sums of two vectors of int16 with their offsets; false: not near. */
INLINE bool add_near(const veci u[2], const veci w[2], const sum *s, veci v[4]) {
  const veci half = i_set1(1 << (FRACTION - 1 - LOWER)), bias = i_set1(INT32_MIN + (DOUBT << (32 - FRACTION)));
  veci least = i_set1(INT32_MAX);
  UNROLL for (int i = 0; i < 2; i++) {
    veci pairs[2];
    i_pairs16(u[i], w[i], pairs);
    UNROLL for (int k = 0; k < 2; k++) {
      const veci t = i_dot(i_shl(i_dot(half, pairs[k], s->upper), LOWER), pairs[k], s->lower);
      v[2 * i + k] = i_sar(t, FRACTION);
      least = i_min(least, i_add(i_shl(t, 32 - FRACTION), bias)); /* how far above a half it was */
    }
  }
  return !i_is_below(least, i_set1(INT32_MIN + (2 * DOUBT << (32 - FRACTION))));
}

/* Of squares, too, which stay below 2^30. */
INLINE veci finish_sum(veci a, veci b, const sum *s, const bool square) {
  const veci v = i_add(a, b);
  return scaled(square ? i_mul(v, v) : v, &s->y);
}

INLINE void add_exactly(const bool square, const veci a[2], const veci b[2], const sum *s, veci v[4]) {
  UNROLL for (int i = 0; i < 2; i++) {
    veci u[2], w[2];
    spread(a[i], &s->a, u);
    spread(b[i], &s->b, w);
    v[2 * i] = finish_sum(u[0], w[0], s, square);
    v[2 * i + 1] = finish_sum(u[1], w[1], s, square);
  }
}

/* A vector of bytes. b NULL: b_value for all, which has its offset. */
INLINE void add(const bool is_signed, const bool square, const uint8_t *a, const uint8_t *b, veci b_value, const sum *s,
                uint8_t *y) {
  veci u[2], w[2], v[4];
  UNROLL for (int i = 0; i < 2; i++) {
    u[i] = widen(is_signed, a + i * BYTES / 2, s->a.offset);
    w[i] = b ? widen(is_signed, b + i * BYTES / 2, s->b.offset) : b_value;
  }
  if (square || !s->near || !add_near(u, w, s, v)) add_exactly(square, u, w, s, v);
  i_put(y, i_pack(is_signed, v, s->out.zero, s->out.min, s->out.max));
}

INLINE void add_row(const bool is_signed, const bool square, const bool one, const uint8_t *a, const uint8_t *b,
                    uint8_t *y, size_t n, const sum *s) {
  if (n == 0) return;
  const veci b_value = i_add16(i_set16(is_signed ? (int8_t)b[0] : b[0]), s->b.offset);
  size_t i = 0;
  for (; i + BYTES <= n; i += BYTES) add(is_signed, square, a + i, one ? NULL : b + i, b_value, s, y + i);
  if (i == n) return;
  uint8_t u[BYTES] = {0}, w[BYTES] = {0};
  memcpy(u, a + i, n - i);
  if (!one) memcpy(w, b + i, n - i);
  add(is_signed, square, u, one ? NULL : w, b_value, s, u);
  memcpy(y + i, u, n - i);
}

/* ---- the table -------------------------------------------------------------------------- */

/* One value in front is one value behind with operands exchanged. */
#define PRODUCTS(name, type, is_signed)                                                                         \
  static void name##_vv(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, false, (const void *)a, (const void *)b, (void *)y, n, q->a_offset, q->b_offset, q);   \
  }                                                                                                                \
  static void name##_vs(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, true, (const void *)a, (const void *)b, (void *)y, n, q->a_offset, q->b_offset, q);    \
  }                                                                                                                \
  static void name##_sv(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, true, (const void *)b, (const void *)a, (void *)y, n, q->b_offset, q->a_offset, q);    \
  }

#define SUMS(name, type, is_signed, square)                                                                        \
  static void name##_vv(const type *a, const type *b, type *y, size_t n, const ufk_q_add *q) {                     \
    const sum s = sum_of(q, false);                                                                                \
    add_row(is_signed, square, false, (const void *)a, (const void *)b, (void *)y, n, &s);                         \
  }                                                                                                                \
  static void name##_vs(const type *a, const type *b, type *y, size_t n, const ufk_q_add *q) {                     \
    const sum s = sum_of(q, false);                                                                                \
    add_row(is_signed, square, true, (const void *)a, (const void *)b, (void *)y, n, &s);                          \
  }                                                                                                                \
  static void name##_sv(const type *a, const type *b, type *y, size_t n, const ufk_q_add *q) {                     \
    const sum s = sum_of(q, true);                                                                                 \
    add_row(is_signed, square, true, (const void *)b, (const void *)a, (void *)y, n, &s);                          \
  }
PRODUCTS(s8_mul, int8_t, true)
PRODUCTS(u8_mul, uint8_t, false)
SUMS(s8_add, int8_t, true, false)
SUMS(u8_add, uint8_t, false, false)
SUMS(s8_sqdiff, int8_t, true, true)

#define MODES(member, name)          \
  table->member[UFK_VV] = name##_vv; \
  table->member[UFK_SV] = name##_sv; \
  table->member[UFK_VS] = name##_vs
static void set_bytes(ufk_elementwise_table *table) {
  MODES(s8_add, s8_add);
  MODES(u8_add, u8_add);
  MODES(s8_sqdiff, s8_sqdiff);
  MODES(s8_mul, s8_mul);
  MODES(u8_mul, u8_mul);
}
