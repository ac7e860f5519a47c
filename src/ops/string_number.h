/* SPDX-License-Identifier: Apache-2.0
 *
 * string_number.h: text that is a number, tensors as text.
 */
#ifndef UFI_STRING_NUMBER_H
#define UFI_STRING_NUMBER_H

#include "ops/chars.h"

/* The number that text is (space around it is fine) as float32, float64, or an integer of 32 or 64
 * bits; false: it is none, or beyond the integer's limits. */
bool ufi_read_number(uf_string text, uf_dtype dtype, void *out);
/* A tensor with data as TensorFlow prints it: the first and last `summarize` entries of each
 * dimension, -1: all. */
void ufi_format_tensor(ufi_chars *chars, const ufi_tensor *tensor, int64_t summarize);

#endif
