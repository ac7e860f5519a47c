/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.h: a keyed hash of many bytes.
 */
#ifndef UFI_HASH_H
#define UFI_HASH_H

#include "base/base.h"

enum { UFI_HASH_BLOCK = 128 }; /* words of 8 bytes */

/* Random bytes throughout. */
typedef struct ufi_hash_key {
  uint64_t block[UFI_HASH_BLOCK + 2];
  uint64_t poly[2][2];
} ufi_hash_key;

typedef struct ufi_hash {
  uint64_t words[4];
} ufi_hash;

/* Bytes that come in parts; all parts but the last have a multiple of 1,024 bytes. */
typedef struct ufi_hasher {
  const ufi_hash_key *key;
  unsigned __int128 sum[2];
  uint64_t size;
} ufi_hasher;
void ufi_hash_begin(ufi_hasher *hasher, const ufi_hash_key *key);
void ufi_hash_add(ufi_hasher *hasher, const void *data, size_t size);
ufi_hash ufi_hash_end(ufi_hasher *hasher);

ufi_hash ufi_hash_of(const ufi_hash_key *key, const void *data, size_t size);
static inline bool ufi_hash_equal(const ufi_hash *a, const ufi_hash *b) { return memcmp(a, b, sizeof *a) == 0; }

#endif
