/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c: a hash map from name to index.
 *
 * Open addressing with linear probing in a table that is a power of two and at
 * most three quarters full. The stored hash saves most comparisons. Names come
 * from files, so the hash is seeded with random bytes: nobody can make a file
 * whose names all fall into one slot.
 */
#include <sys/random.h>

#include "base/base.h"

typedef struct slot {
  const char *name; /* NULL: free */
  uint32_t hash;
  int32_t index;
} slot;

struct ufi_names {
  slot *slots;
  size_t mask, count;
  uint64_t seed;
};

static uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply-and-fold over 8 bytes at a time. */
static uint32_t hash_name(uint64_t seed, const char *name) {
  size_t size = strlen(name);
  uint64_t h = seed ^ mix(size ^ 0x9E3779B97F4A7C15u, 0xD6E8FEB86659FD93u), word;
  for (; size >= 8; name += 8, size -= 8) {
    memcpy(&word, name, 8);
    h = mix(h ^ word, 0xA0761D6478BD642Fu ^ seed);
  }
  word = 0;
  memcpy(&word, name, size);
  h = mix(h ^ word, 0xE7037ED1A0B428DBu ^ seed);
  return (uint32_t)(h ^ (h >> 32));
}

ufi_names *ufi_names_create(size_t expected) {
  if (expected > SIZE_MAX / 64) return NULL;
  size_t capacity = 16;
  while (capacity / 4 * 3 < expected) capacity *= 2;
  ufi_names *names = ufi_calloc(1, sizeof *names);
  if (!names) return NULL;
  names->mask = capacity - 1;
  names->slots = ufi_calloc(capacity, sizeof *names->slots);
  if (!names->slots) {
    ufi_free(names);
    return NULL;
  }
  if (getrandom(&names->seed, sizeof names->seed, GRND_NONBLOCK) != (ssize_t)sizeof names->seed)
    names->seed = (uint64_t)(uintptr_t)names->slots; /* early in boot: the address will do */
  return names;
}

void ufi_names_destroy(ufi_names *names) {
  if (!names) return;
  ufi_free(names->slots);
  ufi_free(names);
}

/* The slot of that name, or the free one where it belongs. */
static slot *find_slot(const ufi_names *names, const char *name, uint32_t hash) {
  for (size_t i = hash & names->mask;; i = (i + 1) & names->mask) {
    slot *s = &names->slots[i];
    if (!s->name || (s->hash == hash && strcmp(s->name, name) == 0)) return s;
  }
}

static bool grow(ufi_names *names) {
  size_t old_capacity = names->mask + 1;
  slot *old = names->slots;
  slot *slots = ufi_calloc(old_capacity * 2, sizeof *slots);
  if (!slots) return false;
  names->slots = slots;
  names->mask = old_capacity * 2 - 1;
  for (size_t i = 0; i < old_capacity; i++)
    if (old[i].name) *find_slot(names, old[i].name, old[i].hash) = old[i];
  ufi_free(old);
  return true;
}

bool ufi_names_add(ufi_names *names, const char *name, int32_t index) {
  if (names->count >= (names->mask + 1) / 4 * 3 && !grow(names)) return false;
  uint32_t hash = hash_name(names->seed, name);
  slot *s = find_slot(names, name, hash);
  if (s->name) return true;
  *s = (slot){name, hash, index};
  names->count++;
  return true;
}

int32_t ufi_names_find(const ufi_names *names, const char *name) {
  const slot *s = find_slot(names, name, hash_name(names->seed, name));
  return s->name ? s->index : -1;
}
