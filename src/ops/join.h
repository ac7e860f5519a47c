/* SPDX-License-Identifier: Apache-2.0
 *
 * join.h: to[i] = to[i] <op> from[i] over rows of any number dtype: what scatters, segments,
 * in-place updates and sparse sums do where values meet.
 */
#ifndef UFI_JOIN_H
#define UFI_JOIN_H

#include "ops/op.h"

typedef enum ufi_join {
  UFI_JOIN_SET, UFI_JOIN_ADD, UFI_JOIN_SUB, UFI_JOIN_MUL, UFI_JOIN_DIV, UFI_JOIN_MIN, UFI_JOIN_MAX,
} ufi_join;

/* SET takes every dtype of whole bytes; ADD, MIN and MAX take bool (as or, and, or); MIN and MAX
 * do not take complex numbers. */
bool ufi_join_takes(ufi_join how, uf_dtype dtype);
/* Integers wrap around, a division of integers by 0 gives 0. float16 and bfloat16 are rounded
 * after each join. Of NaN and a number, MIN and MAX keep what is in `to`. */
void ufi_join_run(ufi_join how, uf_dtype dtype, void *to, const void *from, int64_t n);
/* The value that ADD, MUL, MIN or MAX leaves alone; floats begin MIN and MAX with the largest and
 * the least finite value (TensorFlow does so in segments) or, `infinite`, with infinities. */
void ufi_join_start(ufi_join how, uf_dtype dtype, bool infinite, void *element_out);
/* The dtype that elements of dtype are computed in: float32, float64, int32, int64, uint64 and
 * complex128 are their own; UF_INVALID: no numbers. */
uf_dtype ufi_join_wide(uf_dtype dtype);

#endif
