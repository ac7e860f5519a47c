/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax8.h: rows of TFLite's 8-bit SOFTMAX.
 *
 * exp depends on the difference of a value to the largest of its row, one of 256, so that there are tables of it. A row
 * is a sum of terms in Q12, one reciprocal, and one product for each difference or each element. Results are the
 * reference's in every bit.
 */
#ifndef UFI_KERNELS_SOFTMAX8_H
#define UFI_KERNELS_SOFTMAX8_H

#include "base/base.h"

/* By difference. */
typedef struct ufk_softmax8 {
  int32_t exp[256];        /* exp(-difference) in Q0; 0 for what counts as -infinity */
  int32_t term[256];       /* the same in Q12, from 0 to 2^19 */
  uint8_t digits[3][256];  /* the bytes of a term, lowest first */
  bool falls;              /* exp never grows with the difference */
} ufk_softmax8;
/* Fills the rest once exp is there. */
void ufk_softmax8_finish(ufk_softmax8 *tables);

/* What of a row its elements share. Bytes are made unsigned by `flip`: 0x80 or 0. n >= 1. */
uint8_t ufk_softmax8_max(const uint8_t *x, size_t n, uint8_t flip);
int32_t ufk_softmax8_sum(const ufk_softmax8 *tables, const uint8_t *x, size_t n, uint8_t flip, uint8_t max);

/* y = round(exp / sum * 256), 255 at most, flipped, of rows of n >= 1 elements that follow each other. y may be x. */
typedef void (*ufk_softmax8_fn)(const ufk_softmax8 *tables, const uint8_t *x, uint8_t *y, size_t rows, size_t n,
                                uint8_t flip);

/* The reference, element by element: also what short rows are for all sets. */
void ufk_softmax8_plain(const ufk_softmax8 *tables, const uint8_t *x, uint8_t *y, size_t rows, size_t n, uint8_t flip);

typedef struct ufk_softmax8_table {
  ufk_softmax8_fn rows;
} ufk_softmax8_table;

void ufk_softmax8_scalar(ufk_softmax8_table *table);
void ufk_softmax8_avx2(ufk_softmax8_table *table);
void ufk_softmax8_avx512(ufk_softmax8_table *table);
void ufk_softmax8_neon(ufk_softmax8_table *table);

#endif
