/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_code.h: numbers and strings as bytes that sort as they do, of which the keys of
 * saved slices are made: (0, name, rank, start and length of each dimension).
 */
#ifndef UFI_ORDERED_CODE_H
#define UFI_ORDERED_CODE_H

#include "base/base.h"

/* The key of a slice. start and length are -1 ... as in the file: length -1, start 0 stands
 * for a whole dimension. NULL when out of memory; the caller frees it with ufi_free. */
uint8_t *ufi_slice_key(const char *name, int32_t rank, const int64_t *start,
                       const int64_t *length, size_t *size_out);

#endif
