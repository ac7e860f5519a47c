/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c.h: the checksum of TensorFlow's checkpoints and tables (CRC-32C, Castagnoli),
 * by the processor's instruction where it has one.
 */
#ifndef UFI_CRC32C_H
#define UFI_CRC32C_H

#include "base/base.h"

/* The checksum of bytes whose first part has the checksum crc (0: there is none). */
uint32_t ufi_crc32c(uint32_t crc, const void *data, size_t size);
/* The same while copying: each byte is touched once. */
uint32_t ufi_crc32c_copy(uint32_t crc, void *to, const void *from, size_t size);
/* The same to memory that nobody has touched yet (fresh.c). */
uint32_t ufi_crc32c_copy_fresh(uint32_t crc, void *to, const void *from, size_t size);
/* The checksum of A followed by B, from those of A and B. */
uint32_t ufi_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);
/* The same of ZIP's CRC-32 (which libdeflate computes). */
uint32_t ufi_crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

/* Stored checksums are masked, so that a checksum over bytes that hold checksums
 * stays a good one: rotated right by 15 bits, plus a constant. */
static inline uint32_t ufi_crc32c_mask(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}
static inline uint32_t ufi_crc32c_unmask(uint32_t masked) {
  uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

#endif
