/* SPDX-License-Identifier: Apache-2.0
 *
 * qelementwise_tmpl.h: the kernels of elementwise.h that add and multiply bytes,
 * over vectors of any width. The file that includes it (qelementwise_<isa>.c)
 * defines first:
 *
 *   BYTES                 bytes of a vector; veci holds them, or BYTES / 2 int16, or
 *                         BYTES / 4 int32
 *   i_store i_set8 i_set16 i_set32 i_zero i_xor i_and i_add16 i_add32 i_sub32
 *   i_mul32, the low 32 bits
 *   i_widen_s8(p), i_widen_u8(p)      BYTES / 2 bytes to int16
 *   i_mul_low16 i_mul_high16 i_sll16(v, n) i_sll32(v, n) i_srav32(v, n) i_sign32(v)
 *   i_low16(a, b) i_high16(a, b)      interleave int16, within 128 bits
 *   i_scaled(v, multiplier)           v * multiplier / 2^31 to nearest, of int32
 *   i_pack(is_signed, v, zero, min, max)   4 vectors of int32, of which 2 and 2 are
 *                         what i_low16 and i_high16 made, with the zero point (int16)
 *                         added and limited (bytes), in order
 *
 * Sums and products stay in 16 bits as long as they fit. */
#include "kernels/elementwise.h"

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
  return (scaling){i_set32(s.multiplier), i_set32(right ? (int32_t)(UINT32_C(1) << (right - 1)) : 0),
                   i_set32(right ? -1 : 0), i_set32(right), s.shift > 0 ? s.shift : 0};
}

/* Halves away from zero: half of 2^right is added, 1 less where negative. */
INLINE veci scaled(veci v, const scaling *s) {
  if (s->left) v = i_sll32(v, s->left);
  v = i_scaled(v, s->multiplier);
  return i_srav32(i_add32(v, i_add32(s->half, i_and(i_sign32(v), s->correct))), s->right);
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
  output out;
} product;

/* A vector of bytes. b NULL: b_value for all, which has its offset. */
INLINE void multiply(const bool is_signed, const uint8_t *a, const uint8_t *b, veci b_value, const product *p, uint8_t *y) {
  veci v[4];
  UNROLL for (int i = 0; i < 2; i++) {
    const veci u = widen(is_signed, a + i * BYTES / 2, p->a_offset);
    const veci w = b ? widen(is_signed, b + i * BYTES / 2, p->b_offset) : b_value;
    const veci low = i_mul_low16(u, w), high = i_mul_high16(u, w);
    v[2 * i] = scaled(i_low16(low, high), &p->y);
    v[2 * i + 1] = scaled(i_high16(low, high), &p->y);
  }
  i_store(y, i_pack(is_signed, v, p->out.zero, p->out.min, p->out.max));
}

/* one: b is one value for all. */
INLINE void multiply_row(const bool is_signed, const bool one, const uint8_t *a, const uint8_t *b, uint8_t *y, size_t n,
                         int32_t a_offset, int32_t b_offset, const ufk_q_mul *q) {
  if (n == 0) return;
  const product p = {i_set16((int16_t)a_offset), i_set16((int16_t)b_offset), scaling_of(q->y),
                     output_of(q->y_offset, q->lo, q->hi)};
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
  veci offset, negate;
  scaling scale;
  int left;        /* of int16, before another 16; less than 0: right of int32, after these */
  bool half;
} term;

INLINE term term_of(int32_t offset, ufk_scale s, int32_t left, bool negate) {
  const bool half = s.multiplier == 1 << 30 && s.shift == 0;
  return (term){i_set16((int16_t)offset), i_set32(negate ? -1 : 0), scaling_of(s), left - half - 16, half};
}

INLINE veci finish_term(veci v, const term *t) {
  if (!t->half) v = scaled(v, &t->scale);
  return i_sub32(i_xor(v, t->negate), t->negate);
}

/* From int16 with its offset: the lower and the upper halves within 128 bits. */
INLINE void spread(veci v, const term *t, veci out[2]) {
  if (t->left > 0) v = i_sll16(v, t->left);
  out[0] = i_low16(i_zero(), v);
  out[1] = i_high16(i_zero(), v);
  UNROLL for (int i = 0; i < 2; i++) {
    if (t->left < 0) out[i] = i_srav32(out[i], i_set32(-t->left));
    out[i] = finish_term(out[i], t);
  }
}

typedef struct sum {
  term a, b;
  scaling y;
  output out;
} sum;

INLINE sum sum_of(const ufk_q_add *q, bool exchanged) {
  const term a = term_of(q->a_offset, q->a, q->left_shift, false);
  const term b = term_of(q->b_offset, q->b, q->left_shift, q->subtract);
  return (sum){exchanged ? b : a, exchanged ? a : b, scaling_of(q->y), output_of(q->y_offset, q->lo, q->hi)};
}

/* The sum, or the square of what is a difference, as b is negated: squares stay below 2^30, too. */
INLINE veci join(const bool square, veci a, veci b, const scaling *y) {
  const veci v = i_add32(a, b);
  return scaled(square ? i_mul32(v, v) : v, y);
}

/* A vector of bytes. b NULL: b_value for all. */
INLINE void add(const bool is_signed, const bool square, const uint8_t *a, const uint8_t *b, const veci b_value[2], const sum *s, uint8_t *y) {
  veci v[4];
  UNROLL for (int i = 0; i < 2; i++) {
    veci u[2], w[2] = {b_value[0], b_value[1]};
    spread(widen(is_signed, a + i * BYTES / 2, s->a.offset), &s->a, u);
    if (b) spread(widen(is_signed, b + i * BYTES / 2, s->b.offset), &s->b, w);
    v[2 * i] = join(square, u[0], w[0], &s->y);
    v[2 * i + 1] = join(square, u[1], w[1], &s->y);
  }
  i_store(y, i_pack(is_signed, v, s->out.zero, s->out.min, s->out.max));
}

INLINE void add_row(const bool is_signed, const bool square, const bool one, const uint8_t *a, const uint8_t *b,
                    uint8_t *y, size_t n, const sum *s) {
  if (n == 0) return;
  veci b_value[2];
  spread(i_add16(i_set16(is_signed ? (int8_t)b[0] : b[0]), s->b.offset), &s->b, b_value);
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
#define PRODUCT_OPS(name, type, is_signed)                                                                         \
  static void name##_vv(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, false, (const void *)a, (const void *)b, (void *)y, n, q->a_offset, q->b_offset, q);   \
  }                                                                                                                \
  static void name##_vs(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, true, (const void *)a, (const void *)b, (void *)y, n, q->a_offset, q->b_offset, q);    \
  }                                                                                                                \
  static void name##_sv(const type *a, const type *b, type *y, size_t n, const ufk_q_mul *q) {               \
    multiply_row(is_signed, true, (const void *)b, (const void *)a, (void *)y, n, q->b_offset, q->a_offset, q);    \
  }
#define SUM_OPS(name, type, is_signed, square)                                                                     \
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
PRODUCT_OPS(s8_mul, int8_t, true)
PRODUCT_OPS(u8_mul, uint8_t, false)
SUM_OPS(s8_add, int8_t, true, false)
SUM_OPS(u8_add, uint8_t, false, false)
SUM_OPS(s8_sqdiff, int8_t, true, true)

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
