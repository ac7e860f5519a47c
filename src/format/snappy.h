/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy.h: blocks compressed by Snappy, unpacked.
 */
#ifndef UFI_SNAPPY_H
#define UFI_SNAPPY_H

#include "format/protobuf.h"

/* The size that the block says it unpacks to; false: damaged. */
bool ufi_snappy_size(ufi_bytes block, uint64_t *size_out);
/* Unpacks a block to exactly size bytes; false: damaged (never writes beyond size). */
bool ufi_snappy_unpack(ufi_bytes block, void *out, size_t size);

#endif
