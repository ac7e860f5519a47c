/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise.h: kernels that go through memory once: arithmetic, activations,
 * conversions, reductions.
 *
 * All take dense rows and a count that may be 0. y may be the same memory as an
 * input of the same element size, unless a kernel says otherwise. No kernel
 * reads or writes past n elements. The scalar set is the reference; integer
 * kernels of all sets give the same bits, float ones the same up to the error
 * stated at the member (in units of the last place of the exact result).
 */
#ifndef UFI_KERNELS_ELEMENTWISE_H
#define UFI_KERNELS_ELEMENTWISE_H

#include "base/base.h"

/* Which operand of a binary kernel is a row and which is one value for all. */
typedef enum ufk_mode {
  UFK_VV,          /* rows a and b */
  UFK_SV,          /* value a[0], row b */
  UFK_VS,          /* row a, value b[0] */
  UFK_MODE_COUNT
} ufk_mode;

typedef enum ufk_f32_binary {
  UFK_ADD, UFK_SUB, UFK_MUL, UFK_DIV,
  UFK_MAX,         /* a > b ? a : b, so that a NaN gives b */
  UFK_MIN,         /* a < b ? a : b */
  UFK_SQDIFF,      /* (a - b)^2 */
  UFK_PRELU,       /* a >= 0 ? a : a * b */
  UFK_F32_BINARY_COUNT
} ufk_f32_binary;

typedef enum ufk_f32_unary {
  UFK_ABS, UFK_NEG, UFK_SQUARE, UFK_SQRT, UFK_RSQRT,
  UFK_FLOOR, UFK_CEIL,
  UFK_ROUND,       /* half to even */
  UFK_SIGN,        /* NaN stays */
  UFK_EXP,         /* 1 ulp */
  UFK_LOG, UFK_SIN, UFK_COS,
  UFK_TANH,        /* 2 ulp */
  UFK_LOGISTIC,    /* 3 ulp */
  UFK_ELU,         /* x < 0 ? exp(x) - 1 : x; 1 ulp */
  UFK_HARD_SWISH,  /* x * min(max(x + 3, 0), 6) / 6; 2 ulp */
  UFK_GELU,        /* x / 2 * erfc(-x / sqrt(2)) */
  UFK_GELU_TANH,   /* its tanh approximation; both lose up to 2e-5 of their (tiny) value on
                      the far left, where x is multiplied by a rounded constant first */
  UFK_ERF, UFK_ERFC, /* relative error 3e-7 */
  UFK_F32_UNARY_COUNT
} ufk_f32_unary;

/* y = min(max(f(a, b), lo), hi); a NaN stays. */
typedef void (*ufk_f32_binary_fn)(const float *a, const float *b, float *y, size_t n, float lo,
                                  float hi);
typedef void (*ufk_f32_unary_fn)(const float *x, float *y, size_t n);

/* A real factor as requant.h keeps it. */
typedef struct ufk_scale {
  int32_t multiplier;  /* 0, or in [2^30, 2^31) */
  int32_t shift;       /* > 0 left, < 0 right; in [-31, 31] */
} ufk_scale;

/* 8-bit a + b or a - b: both are shifted left, scaled to a common scale, added,
 * scaled to the output's and clamped. All roundings are TFLite's. No shift is to
 * the left, left_shift is 20 at most and operands with their offset have 9 bits. */
typedef struct ufk_q_add {
  int32_t a_offset, b_offset, y_offset; /* -zero of a, -zero of b, zero of y */
  int32_t left_shift;
  ufk_scale a, b, y;
  int32_t lo, hi;
  bool subtract;
} ufk_q_add;
/* 8-bit a * b. */
typedef struct ufk_q_mul {
  int32_t a_offset, b_offset, y_offset;
  ufk_scale y;
  int32_t lo, hi;
} ufk_q_mul;
typedef void (*ufk_s8_add_fn)(const int8_t *a, const int8_t *b, int8_t *y, size_t n,
                              const ufk_q_add *params);
typedef void (*ufk_u8_add_fn)(const uint8_t *a, const uint8_t *b, uint8_t *y, size_t n,
                              const ufk_q_add *params);
typedef void (*ufk_s8_mul_fn)(const int8_t *a, const int8_t *b, int8_t *y, size_t n,
                              const ufk_q_mul *params);
typedef void (*ufk_u8_mul_fn)(const uint8_t *a, const uint8_t *b, uint8_t *y, size_t n,
                              const ufk_q_mul *params);

typedef struct ufk_elementwise_table {
  ufk_f32_binary_fn f32_binary[UFK_F32_BINARY_COUNT][UFK_MODE_COUNT];
  ufk_f32_unary_fn f32_unary[UFK_F32_UNARY_COUNT];
  /* min(max(x, lo), hi) */
  void (*f32_clamp)(const float *x, float *y, size_t n, float lo, float hi);
  /* x > 0 ? x : x * alpha */
  void (*f32_leaky_relu)(const float *x, float *y, size_t n, float alpha);

  /* The end of normalizing a row, from the inverse r of its deviation, bit for bit as steps of f32_binary do it:
   * y = x * g + (beta + m * g) with g = r * gamma, where beta may be NULL: y = x * g + m * g.
   * Of a row that is centered already: y = x * r * gamma + beta, where gamma and beta may be NULL, each by itself. */
  void (*f32_norm)(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r, float m);
  void (*f32_norm_centered)(const float *x, const float *gamma, const float *beta, float *y, size_t n, float r);

  /* exp(beta * (x - max)) / sum of each row, and its logarithm for beta 1. n >= 1. */
  void (*f32_softmax)(const float *x, float *y, size_t rows, size_t n, float beta);
  void (*f32_log_softmax)(const float *x, float *y, size_t n);

  /* Sums are kept in several lanes and added up in double, so that their error
   * does not grow with n. */
  double (*f32_sum)(const float *x, size_t n);
  double (*f32_sum_squares)(const float *x, size_t n);
  /* sums[i] += x[i] + x[step + i] + ... of rows; some rows are added up at a time. */
  void (*f32_accumulate)(const float *x, size_t rows, int64_t step, float *sums, size_t n);
  /* The largest (smallest) of start and x; NaNs in x are passed over. */
  float (*f32_max)(const float *x, size_t n, float start);
  float (*f32_min)(const float *x, size_t n, float start);
  int64_t (*s8_sum)(const int8_t *x, size_t n);
  int64_t (*u8_sum)(const uint8_t *x, size_t n);
  /* sums[i] += x[i] + x[step + i] + ... of rows; wraps. */
  void (*s8_accumulate)(const int8_t *x, size_t rows, int64_t step, int32_t *sums, size_t n);
  void (*u8_accumulate)(const uint8_t *x, size_t rows, int64_t step, int32_t *sums, size_t n);

  /* clamp(round(x / scale) + zero), halves away from zero; NaN gives the least value */
  void (*f32_to_s8)(const float *x, int8_t *y, size_t n, float scale, int32_t zero);
  void (*f32_to_u8)(const float *x, uint8_t *y, size_t n, float scale, int32_t zero);
  void (*f32_to_s16)(const float *x, int16_t *y, size_t n, float scale, int32_t zero);

  /* y[i] = table[x[i]]: every function of one 8-bit value. */
  void (*lut8)(const uint8_t *x, uint8_t *y, size_t n, const uint8_t table[256]);

  /* Of 16-bit fixed point, `bits` of which (0 to 6) are integer bits, to all fraction (fixedpoint.h). */
  void (*s16_tanh)(const int16_t *x, int16_t *y, size_t n, int bits);
  void (*s16_logistic)(const int16_t *x, int16_t *y, size_t n, int bits);

  ufk_s8_add_fn s8_add[UFK_MODE_COUNT];
  ufk_u8_add_fn u8_add[UFK_MODE_COUNT];
  /* (a - b)^2, squared before it is scaled to the output; left_shift is 7, subtract is set, y has any scale. */
  ufk_s8_add_fn s8_sqdiff[UFK_MODE_COUNT];
  ufk_s8_mul_fn s8_mul[UFK_MODE_COUNT];
  ufk_u8_mul_fn u8_mul[UFK_MODE_COUNT];
} ufk_elementwise_table;

void ufk_elementwise_scalar(ufk_elementwise_table *table);
void ufk_elementwise_avx2(ufk_elementwise_table *table);
void ufk_elementwise_avx512(ufk_elementwise_table *table);
void ufk_elementwise_neon(ufk_elementwise_table *table);
/* Those of bytes: lut8, sums, squared differences, products. */
void ufk_qelementwise_avx2(ufk_elementwise_table *table);
void ufk_qelementwise_avx512(ufk_elementwise_table *table);
void ufk_qelementwise_neon(ufk_elementwise_table *table);

#endif
