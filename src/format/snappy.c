/* SPDX-License-Identifier: Apache-2.0
 *
 * snappy.c: unpacks blocks compressed by Snappy, as old checkpoints hold them.
 *
 * A block is the unpacked size as a varint (32 bits), then elements to the end. The low
 * two bits of an element's first byte, the tag, say what it is:
 *
 *   0  literal: the upper six bits are its size - 1; from 60 on, the size - 1 follows the
 *      tag in 1 to 4 bytes. The bytes themselves come next.
 *   1  copy of 4 to 11 bytes: size - 4 in bits 2 to 4, the offset's upper three bits in
 *      bits 5 to 7, its lower eight in the next byte
 *   2  copy of 1 to 64 bytes: size - 1 in the upper six bits, the offset in two bytes
 *   3  the same with the offset in four bytes
 *
 * A copy repeats what was unpacked `offset` bytes before; offsets smaller than the size
 * repeat a pattern. Every size and offset is checked before use, so nothing beyond the
 * block is read and nothing outside of out is read or written. All loops end: each
 * element takes at least one byte of the block. This is our own code since the usual
 * library brings the C++ runtime along, which is larger than all of unflow.
 */
#include "format/snappy.h"

enum { LITERAL, COPY_NEAR, COPY_MIDDLE, COPY_FAR };

bool ufi_snappy_size(ufi_bytes block, uint64_t *size_out) {
  uint64_t size;
  if (!ufi_varint_take(&block, &size) || size > UINT32_MAX) return false;
  *size_out = size;
  return true;
}

/* A little-endian number of n bytes (at most 4) from the front of *in. */
static bool take_number(ufi_bytes *in, size_t n, size_t *number_out) {
  if (in->size < n) return false;
  size_t number = 0;
  for (size_t i = 0; i < n; i++) number |= (size_t)in->data[i] << (8 * i);
  in->data += n;
  in->size -= n;
  *number_out = number;
  return true;
}

static bool take_literal(uint8_t tag, ufi_bytes *in, uint8_t *out, size_t room,
                         size_t *size_out) {
  size_t size = tag >> 2;
  if (size >= 60 && !take_number(in, size - 59, &size)) return false;
  size++; /* at most 2^32: no overflow in 64 bits */
  if (size > in->size || size > room) return false;
  memcpy(out, in->data, size);
  in->data += size;
  in->size -= size;
  *size_out = size;
  return true;
}

static bool take_copy(uint8_t tag, ufi_bytes *in, uint8_t *out, size_t done, size_t room,
                      size_t *size_out) {
  size_t size, offset;
  if ((tag & 3) == COPY_NEAR) {
    if (!take_number(in, 1, &offset)) return false;
    size = 4 + (tag >> 2 & 7);
    offset |= (size_t)(tag >> 5) << 8;
  } else {
    if (!take_number(in, (tag & 3) == COPY_MIDDLE ? 2 : 4, &offset)) return false;
    size = 1 + (tag >> 2);
  }
  if (offset == 0 || offset > done || size > room) return false;
  const uint8_t *from = out - offset;
  if (offset >= size) memcpy(out, from, size);
  else for (size_t i = 0; i < size; i++) out[i] = from[i];
  *size_out = size;
  return true;
}

bool ufi_snappy_unpack(ufi_bytes block, void *out, size_t size) {
  uint64_t stated;
  if (!ufi_varint_take(&block, &stated) || stated != size) return false;
  uint8_t *begin = out;
  size_t done = 0;
  while (block.size > 0) {
    uint8_t tag = *block.data++;
    block.size--;
    size_t n = 0;
    bool good = (tag & 3) == LITERAL
                  ? take_literal(tag, &block, begin + done, size - done, &n)
                  : take_copy(tag, &block, begin + done, done, size - done, &n);
    if (!good) return false;
    done += n;
  }
  return done == size;
}
