/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_code.c: the keys under which checkpoints keep slices of tensors.
 *
 *   unsigned number  a byte that says how many follow, then those, most significant first
 *   string           0x00 becomes 0x00 0xFF, 0xFF becomes 0xFF 0x00, the end is 0x00 0x01
 *   signed number    7 bits a byte in two's complement, most significant first; the first
 *                    bits say how many bytes: 10 for one, 110 for two ..., inverted for
 *                    negative numbers
 */
#include "format/ordered_code.h"

enum { NUMBER_MAX = 10 };

static uint8_t *put_unsigned(uint8_t *out, uint64_t value) {
  int n = 0;
  while (n < 8 && value >> (8 * n)) n++;
  *out++ = (uint8_t)n;
  while (n > 0) *out++ = (uint8_t)(value >> (8 * --n));
  return out;
}

static uint8_t *put_string(uint8_t *out, const char *text) {
  for (; *text; text++) {
    *out++ = (uint8_t)*text;
    if ((uint8_t)*text == 0xFF) *out++ = 0x00;
  }
  *out++ = 0x00;
  *out++ = 0x01;
  return out;
}

static uint8_t *put_signed(uint8_t *out, int64_t value) {
  uint64_t magnitude = value < 0 ? ~(uint64_t)value : (uint64_t)value;
  int bits = magnitude ? 64 - __builtin_clzll(magnitude) : 0, n = bits / 7 + 1;
  uint8_t bytes[NUMBER_MAX];
  for (int i = 0; i < NUMBER_MAX; i++) { /* sign-extended to 10 bytes, big-endian */
    int shift = 8 * (NUMBER_MAX - 1 - i);
    bytes[i] = shift >= 64 ? (value < 0 ? 0xFF : 0) : (uint8_t)((uint64_t)value >> shift);
  }
  /* n leading ones; beyond 8 they reach into the second byte. */
  unsigned header = n >= 16 ? 0xFFFFu : (0xFFFF0000u >> n) & 0xFFFFu;
  uint8_t *first = bytes + NUMBER_MAX - n;
  first[0] ^= (uint8_t)(header >> 8);
  if (n > 1) first[1] ^= (uint8_t)header;
  memcpy(out, first, (size_t)n);
  return out + n;
}

uint8_t *ufi_slice_key(const char *name, int32_t rank, const int64_t *start,
                       const int64_t *length, size_t *size_out) {
  size_t room;
  if (!ufi_mul_size(strlen(name), 2, &room) ||
      !ufi_add_size(room, 16 + 2 * NUMBER_MAX * (size_t)rank, &room))
    return NULL;
  uint8_t *key = ufi_malloc(room);
  if (!key) return NULL;
  uint8_t *end = put_unsigned(key, 0);
  end = put_string(end, name);
  end = put_unsigned(end, (uint64_t)rank);
  for (int32_t d = 0; d < rank; d++) {
    end = put_signed(end, start[d]);
    end = put_signed(end, length[d]);
  }
  *size_out = (size_t)(end - key);
  return key;
}
