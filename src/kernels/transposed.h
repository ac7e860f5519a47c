/* SPDX-License-Identifier: Apache-2.0
 *
 * transposed.h: matrices of small elements, transposed: what moves data, and what packs weights into panels.
 */
#ifndef UFI_KERNELS_TRANSPOSED_H
#define UFI_KERNELS_TRANSPOSED_H

#include "base/base.h"

/* Element (i, j) of `from`, i < rows, j < columns, becomes element (j, i) of `to`. Elements are of `size` bytes, 1, 2, 4,
 * 8 or 16, and lie side by side within a row; rows are from_row and to_row bytes apart, of any alignment. */
void ufk_transpose(size_t size, int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row);

#endif
