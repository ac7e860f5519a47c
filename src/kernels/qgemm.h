/* SPDX-License-Identifier: Apache-2.0
 *
 * qgemm.h: integer matrix multiplication, and the way from sums back to the
 * output's type.
 *
 * Two kinds of products. Bytes: the left matrix as it lies in memory, weights in
 * bytes, four products at a time (vpdpbusd). The instruction takes unsigned bytes on the left, so
 * that signed ones have their sign bit flipped, which adds 128; this and the zero point
 * leave through the sums of the columns of weights, which are kept in front of each panel:
 *
 *   sum of (a - zero) * b = sum of a * b - zero * sum of b
 *
 * A zero point of weights leaves in the same way, through the sums of rows.
 *
 * Pairs: 16 bits x 16 bits summed in pairs into 32 bits, the one multiplication that all of x86
 * does exactly (pmaddwd): for processors without the former, and what does not fit in bytes (16-bit
 * inputs, weights whose zero point is taken out before). The left matrix is widened on the way into a small buffer
 * (widen), where zero points vanish.
 *
 * Sums wrap around at 32 bits, so results do not depend on the order.
 */
#ifndef UFI_KERNELS_QGEMM_H
#define UFI_KERNELS_QGEMM_H

#include "base/base.h"

/* The largest tile of any instruction set. Arrays with
 * one element per output column are padded to a multiple of UFK_Q_MAX_NR. */
#define UFK_Q_MAX_MR 12
#define UFK_Q_MAX_NR 32

/* to[i * n + j] = from[i][j] - zero for i < runs, j < n; zeros where from[i] is
 * NULL. */
typedef void (*ufk_q_widen_fn)(size_t runs, size_t n, const void *const *from, int32_t zero,
                               int16_t *to);

/* Rows of a panel of a product of pairs:
 *
 *   sum[i][j] = start[j] + sum over t < runs, k < 2 * pairs of a[i][t * run_step + k] * b[t][k][j]
 *
 * for i < rows and j < n <= nr. a[i] are int16; b is one packed panel, (runs, pairs, nr, 2) of int8 or (wide) int16: the
 * two rows of a pair lie next to each other. start has nr elements; NULL: sums are added to c. |a * b| may be up to
 * 2^30 - 1. */
typedef struct ufk_q_pairs {
  size_t rows, n, runs, pairs;
  const void *const *a;
  size_t run_step;       /* elements */
  const void *b;
  bool wide;
  const int32_t *start;
  int32_t *c;            /* (q_mr, ldc), ldc >= nr; without an end (rows, ldc) */
  size_t ldc;
} ufk_q_pairs;

/* to[i * n + j] = from[i][j] ^ flip for i < runs, j < n; fill where from[i] is NULL. Up to
 * UFK_Q_SLACK bytes behind are written, too. */
enum { UFK_Q_SLACK = 64 };
typedef void (*ufk_q_copy_fn)(size_t runs, size_t n, const void *const *from, uint8_t flip,
                              uint8_t fill, uint8_t *to);

/* Rows of a panel of a product of bytes:
 *
 *   sum[i][j] = start[j] - zero[i] * sums[j]
 *               + sum over t < runs, k < 4 * quads of a[i][t * run_step + k] * b[t][k][j]
 *
 * for i < rows and j < n <= nr. b is one packed panel, (runs, quads, nr, 4); start and sums have nr elements. */
typedef struct ufk_q_bytes {
  size_t rows, n, runs, quads;
  const void *const *a;  /* bytes */
  size_t run_step;
  const int8_t *b;
  const int32_t *start;
  const int32_t *zero, *sums; /* zero NULL: zeros */
  int32_t *c;            /* (q_bytes_mr, nr); one row of them may be start */
} ufk_q_bytes;

/* How sums become outputs; one element per column, padded to UFK_Q_MAX_NR. The output's zero point
 * is added with saturation. */
typedef struct ufk_q_scale {
  const int32_t *multiplier, *shift; /* fixed: as in requant.h */
  const double *real;                /* real: round(sum * real) */
  /* NULL, or how to come near either with one float32 multiplication: sum * factor, and away from
   * zero by nudge, which is where the second rounding of `fixed` has its halves (ufk_q_near in requant.h). Padding is 0. */
  const float *factor, *nudge;
  int32_t zero, min, max;            /* of the output, for both */
} ufk_q_scale;

typedef struct ufk_q_float {
  const float *column;  /* scale of each column */
  const float *bias;    /* of each column, or NULL */
  const float *row;     /* scale of each row */
  bool column_first;    /* (sum * column) * row, else sum * (column * row) */
  float min, max;
} ufk_q_float;

/* What sums become at once, out[i * step + j]: with scale bytes, as fixed_s8 or real_s8 makes them, with is_u8 those of u8;
 * with to_float float32, as to_float does. Neither: sums stay. */
typedef struct ufk_q_end {
  const ufk_q_scale *scale;
  bool is_u8;
  const ufk_q_float *to_float;
  void *out;
  size_t step;
} ufk_q_end;
static inline bool ufk_q_has_end(const ufk_q_end *end) { return end->scale || end->to_float; }

/* The first `made` rows have become outputs. Of the next `summed` rows, which are 0 only at the end, the sums are in
 * c, up to nr columns of it: there is nothing they should become (then gemm_pairs makes those of all rows), or no quick
 * way to it (scale has no factor, or a sum was too near to a half to tell; or the instruction set has none). */
typedef struct ufk_q_rows {
  size_t made, summed;
} ufk_q_rows;
typedef ufk_q_rows (*ufk_q_bytes_fn)(const ufk_q_bytes *tile, const ufk_q_end *end);
typedef ufk_q_rows (*ufk_q_pairs_fn)(const ufk_q_pairs *tile, const ufk_q_end *end);

/* out[i * out_step + j] from acc[i * ld + j], i < rows, j < n. acc is padded to
 * whole blocks of UFK_Q_MAX_NR columns; out is not. */
typedef void (*ufk_q_to_int_fn)(size_t rows, size_t n, const int32_t *acc, size_t ld,
                                const ufk_q_scale *scale, void *out, size_t out_step);
typedef void (*ufk_q_to_float_fn)(size_t rows, size_t n, const int32_t *acc, size_t ld,
                                  const ufk_q_float *scale, float *out, size_t out_step);

/* The least and greatest of n floats and 0; NaN are passed over. */
typedef void (*ufk_q_range_fn)(size_t n, const float *from, float *min_out, float *max_out);

/* Scale (and zero point) with which n floats are quantized to int8, and the
 * result, as TFLite does on x86 for inputs of products with int8 weights. */
typedef void (*ufk_q_quantize_fn)(size_t n, const float *from, bool asymmetric, int8_t *to,
                                  float *scale_out, int32_t *zero_out);

/* The scale, its inverse and the zero point for floats from min <= 0 to
 * max >= 0. All zeros: scale 1. */
typedef struct ufk_q_grid {
  float scale, inverse;
  int32_t zero;
} ufk_q_grid;
ufk_q_grid ufk_q_grid_of(float min, float max, bool asymmetric);

/* n floats that a grid was made for, on it, ^ flip; NaN becomes the least code. */
typedef void (*ufk_q_codes_fn)(size_t n, const float *from, const ufk_q_grid *grid, bool asymmetric,
                               uint8_t flip, int8_t *to);

typedef struct ufk_qgemm_table {
  size_t q_mr, q_nr;          /* the tile */
  uint8_t q_flip;             /* of the bytes of signed rows; for unsigned ones q_flip ^ 0x80 */
  ufk_q_copy_fn copy;
  size_t q_bytes_mr;          /* rows of a tile of bytes, <= q_mr */
  ufk_q_bytes_fn gemm_bytes;  /* NULL: not in this instruction set */
  ufk_q_pairs_fn gemm_pairs;
  bool pairs_end;             /* gemm_pairs makes outputs of sums, of weights that are not wide */
  /* Fewest channels on both sides from which the tiles of qwinograd.h of 4x4 and of 2x2 outputs, by gemm_pairs, are faster
   * than the direct way for rows of 8 bits; 0: never. */
  size_t q_tiles_4, q_tiles_2;
  ufk_q_widen_fn widen_s8, widen_u8, widen_s16; /* s16: zero is not subtracted */
  ufk_q_to_int_fn fixed_s8, fixed_u8, fixed_s16;
  ufk_q_to_int_fn real_s8, real_u8, real_s16;
  ufk_q_to_float_fn to_float;
  ufk_q_range_fn range;
  ufk_q_codes_fn codes;
  ufk_q_quantize_fn quantize; /* both */
} ufk_qgemm_table;

void ufk_qgemm_scalar(ufk_qgemm_table *table);
void ufk_qgemm_avx2(ufk_qgemm_table *table);
void ufk_qgemm_avx512(ufk_qgemm_table *table);
void ufk_qgemm_neon(ufk_qgemm_table *table);
void ufk_qgemm_neon_dot(ufk_qgemm_table *table);

#endif
