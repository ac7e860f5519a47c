/* SPDX-License-Identifier: Apache-2.0
 *
 * packing.h: a model's packed weights: what ops make once of constants, for all sessions.
 *
 * All of it is done under the model's lock.
 */
#ifndef UFI_PACKING_H
#define UFI_PACKING_H

#include "base/pages.h"

/* What a packed form is of, and how it was made. Holds no addresses: a form has the same key in
 * every process that opens the model. */
typedef struct ufi_packed_key {
  uint64_t source;      /* graph << 32 | node, or with UFI_PACKED_CONSTANT: value, for all that use it */
  uint64_t size;
  int64_t tag;          /* tells forms of one weight apart */
  uint32_t op;          /* a number of its name */
  uint16_t slot, dtype; /* dtype: of the node's first input */
} ufi_packed_key;
_Static_assert(sizeof(ufi_packed_key) == 32, "no padding: keys are compared as bytes");

#define UFI_PACKED_CONSTANT (UINT64_C(1) << 63)

typedef struct ufi_packed_item {
  struct ufi_packed_item *next;
  ufi_packed_key key;
  const void *memory;
} ufi_packed_item;

enum { UFI_PACKED_BUCKETS = 256 };

typedef struct ufi_packing {
  ufi_pages *pages;
  size_t bytes;         /* of all items */
  int32_t n;
  struct ufi_packing_cache *cache; /* of files (packing_cache.h); NULL: none */
  ufi_packed_item *buckets[UFI_PACKED_BUCKETS];
} ufi_packing;

/* expected: bytes of weights that the model has. NULL: out of memory. */
ufi_packing *ufi_packing_create(size_t expected);
void ufi_packing_destroy(ufi_packing *packing); /* NULL is fine */
/* NULL: there is none yet. */
const ufi_packed_item *ufi_packing_find(const ufi_packing *packing, const ufi_packed_key *key);
/* Zeroed memory for a form of that size; NULL: out of memory. */
void *ufi_packing_room(ufi_packing *packing, size_t size);
/* Remembers a form that is done. NULL: out of memory. */
const ufi_packed_item *ufi_packing_add(ufi_packing *packing, const ufi_packed_key *key, const void *memory);

#endif
