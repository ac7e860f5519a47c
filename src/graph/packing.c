/* SPDX-License-Identifier: Apache-2.0
 *
 * packing.c: the table of a model's packed weights, see packing.h.
 */
#include "graph/packing.h"

#include "graph/packing_cache.h"

ufi_packing *ufi_packing_create(size_t expected) {
  ufi_packing *packing = ufi_calloc(1, sizeof *packing);
  if (!packing) return NULL;
  packing->pages = ufi_pages_create(expected);
  if (packing->pages) return packing;
  ufi_free(packing);
  return NULL;
}

void ufi_packing_destroy(ufi_packing *packing) {
  if (!packing) return;
  for (int32_t i = 0; i < UFI_PACKED_BUCKETS; i++) {
    for (ufi_packed_item *item = packing->buckets[i], *next; item; item = next) {
      next = item->next;
      ufi_free(item);
    }
  }
  ufi_packing_cache_close(packing->cache);
  ufi_pages_destroy(packing->pages);
  ufi_free(packing);
}

static uint32_t bucket_of(const ufi_packed_key *key) {
  uint64_t mixed = (key->source + (uint64_t)key->tag * 31 + key->slot) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(mixed >> 56) % UFI_PACKED_BUCKETS;
}

const ufi_packed_item *ufi_packing_find(const ufi_packing *packing, const ufi_packed_key *key) {
  const ufi_packed_item *item = packing->buckets[bucket_of(key)];
  while (item && memcmp(&item->key, key, sizeof *key) != 0) item = item->next;
  return item;
}

void *ufi_packing_room(ufi_packing *packing, size_t size) { return ufi_pages_alloc(packing->pages, size); }

const ufi_packed_item *ufi_packing_add(ufi_packing *packing, const ufi_packed_key *key, const void *memory) {
  ufi_packed_item *item = ufi_malloc(sizeof *item);
  if (!item) return NULL;
  ufi_packed_item **bucket = &packing->buckets[bucket_of(key)];
  *item = (ufi_packed_item){*bucket, *key, memory};
  *bucket = item;
  packing->bytes += key->size;
  packing->n++;
  return item;
}
