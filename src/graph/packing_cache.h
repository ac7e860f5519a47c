/* SPDX-License-Identifier: Apache-2.0
 *
 * packing_cache.h: packed weights of models, kept in files of a folder.
 */
#ifndef UFI_PACKING_CACHE_H
#define UFI_PACKING_CACHE_H

#include "graph/packing.h"

typedef struct ufi_packing_cache ufi_packing_cache;

/* For a model with that content. NULL: out of memory, or a folder that cannot be used. */
ufi_packing_cache *ufi_packing_cache_open(const char *folder, const uf_buf *content);
void ufi_packing_cache_close(ufi_packing_cache *cache); /* NULL is fine */
/* Checked bytes of that form, in a mapping that lives as long as the cache; NULL: it has none. */
const void *ufi_packing_cache_find(const ufi_packing_cache *cache, const ufi_packed_key *key);
/* Writes a file of all forms that packing has, or none when that fails. */
void ufi_packing_cache_save(const ufi_packing_cache *cache, const ufi_packing *packing);

#endif
