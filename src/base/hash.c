/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.c: a keyed hash of many bytes at the speed of memory.
 *
 * A universal hash, built as VMAC is: of each block of 128 words the sum of products
 * (m0 + k0) * (m1 + k1), with 64-bit sums and 128-bit products (NH); a polynomial over those, and the
 * length, modulo 2^127 - 1. All of it twice, with keys of its own (for NH the same ones moved on by
 * two words). Of two inputs chosen without knowledge of the key the chance that they have the same
 * hash is below 2^-100. So it tells contents apart that somebody made to collide, as a cryptographic
 * hash does, as long as the key is kept; but it takes two multiplications for 16 bytes, where SHA-256
 * takes longer than what a cache of packed weights is to save.
 */
#include "base/hash.h"

typedef unsigned __int128 wide;

static const wide prime = ((wide)1 << 127) - 1;

/* < prime, of one that is < 2^128. */
static wide reduce(wide v) {
  v = (v & prime) + (v >> 127);
  return v >= prime ? v - prime : v;
}

/* a * b modulo the prime, where 2^128 is 2. */
static wide multiply(wide a, wide b) {
  const uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
  const wide low = (wide)a0 * b0, middle = (wide)a1 * b0 + (wide)a0 * b1; /* a1, b1 < 2^63 */
  const wide sum = low + (middle << 64);
  const wide high = (wide)a1 * b1 + (middle >> 64) + (sum < low);
  return reduce(reduce(high * 2) + reduce(sum));
}

static void add_term(ufi_hasher *h, int i, wide term) {
  const wide factor = ((wide)(h->key->poly[i][1] >> 2) << 64 | h->key->poly[i][0]) | 1;
  h->sum[i] = reduce(multiply(h->sum[i], factor) + (term & (prime >> 1)));
}

static void add_block(ufi_hasher *h, const uint8_t *data) {
  const uint64_t *k = h->key->block;
  wide first = 0, second = 0;
  for (size_t i = 0; i < UFI_HASH_BLOCK; i += 2, data += 16) {
    const uint64_t m0 = ufi_load64(data), m1 = ufi_load64(data + 8);
    first += (wide)(m0 + k[i]) * (m1 + k[i + 1]);
    second += (wide)(m0 + k[i + 2]) * (m1 + k[i + 3]);
  }
  add_term(h, 0, first);
  add_term(h, 1, second);
}

void ufi_hash_begin(ufi_hasher *h, const ufi_hash_key *key) { *h = (ufi_hasher){.key = key}; }

void ufi_hash_add(ufi_hasher *h, const void *data, size_t size) {
  enum { BYTES = UFI_HASH_BLOCK * 8 };
  const uint8_t *at = data;
  h->size += size;
  for (; size >= BYTES; at += BYTES, size -= BYTES) add_block(h, at);
  if (size == 0) return;
  uint8_t rest[BYTES] = {0};
  memcpy(rest, at, size);
  add_block(h, rest);
}

ufi_hash ufi_hash_end(ufi_hasher *h) {
  ufi_hash out;
  for (int i = 0; i < 2; i++) {
    add_term(h, i, h->size);
    out.words[2 * i] = (uint64_t)h->sum[i];
    out.words[2 * i + 1] = (uint64_t)(h->sum[i] >> 64);
  }
  return out;
}

ufi_hash ufi_hash_of(const ufi_hash_key *key, const void *data, size_t size) {
  ufi_hasher h;
  ufi_hash_begin(&h, key);
  ufi_hash_add(&h, data, size);
  return ufi_hash_end(&h);
}
