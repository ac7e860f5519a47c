/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c: a map from name to index: open addressing, at most half full.
 */
#include "base/base.h"

typedef struct entry {
  const char *name; /* NULL: free */
  uint32_t hash;
  int32_t index;
} entry;

struct ufi_names {
  entry *entries;
  size_t mask, n;
};

static uint32_t hash_name(const char *name) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (; *name; name++) h = (h ^ (uint8_t)*name) * 16777619u;
  return h ^ (h >> 15);
}

ufi_names *ufi_names_create(size_t expected) {
  size_t size = 16;
  if (expected > SIZE_MAX / 64) return NULL;
  while (size < expected * 2) size *= 2;
  ufi_names *names = ufi_calloc(1, sizeof *names);
  if (names == NULL) return NULL;
  names->mask = size - 1;
  names->entries = ufi_calloc(size, sizeof *names->entries);
  if (names->entries) return names;
  ufi_free(names);
  return NULL;
}

void ufi_names_destroy(ufi_names *names) {
  if (names) ufi_free(names->entries);
  ufi_free(names);
}

static entry *find(const ufi_names *names, const char *name, uint32_t hash) {
  size_t at = hash & names->mask;
  while (names->entries[at].name &&
         (names->entries[at].hash != hash || strcmp(names->entries[at].name, name) != 0)) {
    at = (at + 1) & names->mask;
  }
  return &names->entries[at];
}

static bool grow(ufi_names *names) {
  ufi_names bigger = {.mask = names->mask * 2 + 1};
  bigger.entries = ufi_calloc(bigger.mask + 1, sizeof *bigger.entries);
  if (bigger.entries == NULL) return false;
  for (size_t i = 0; i <= names->mask; i++) {
    const entry *e = &names->entries[i];
    if (e->name) *find(&bigger, e->name, e->hash) = *e;
  }
  ufi_free(names->entries);
  names->entries = bigger.entries;
  names->mask = bigger.mask;
  return true;
}

bool ufi_names_add(ufi_names *names, const char *name, int32_t index) {
  if ((names->n + 1) * 2 > names->mask + 1 && !grow(names)) return false;
  uint32_t hash = hash_name(name);
  entry *e = find(names, name, hash);
  if (e->name) return true;
  *e = (entry){name, hash, index};
  names->n++;
  return true;
}

int32_t ufi_names_find(const ufi_names *names, const char *name) {
  const entry *e = find(names, name, hash_name(name));
  return e->name ? e->index : -1;
}
