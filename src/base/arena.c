/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c: many small things that are freed at once.
 *
 * A list of zeroed chunks, newest first, from which memory is cut off at the
 * front. Chunks grow from 4 KiB to 1 MiB as the arena grows; what is larger
 * than a quarter of the next chunk gets one of its own, put behind the newest so
 * that the rest of that one is not lost.
 */
#include "base/base.h"

enum { FIRST_CHUNK = 4 << 10, LAST_CHUNK = 1 << 20, ARENA_ALIGN = 16 };

typedef struct chunk {
  struct chunk *next;
  size_t size, used; /* of data */
  _Alignas(ARENA_ALIGN) char data[];
} chunk;

struct ufi_arena {
  chunk *chunks;
  size_t next_size; /* of the next ordinary chunk */
  size_t used;
};

ufi_arena *ufi_arena_create(void) {
  ufi_arena *arena = ufi_calloc(1, sizeof *arena);
  if (arena) arena->next_size = FIRST_CHUNK;
  return arena;
}

void ufi_arena_destroy(ufi_arena *arena) {
  if (!arena) return;
  for (chunk *c = arena->chunks; c;) {
    chunk *next = c->next;
    ufi_free(c);
    c = next;
  }
  ufi_free(arena);
}

static chunk *chunk_create(size_t size) {
  size_t total;
  if (!ufi_add_size(size, sizeof(chunk), &total)) return NULL;
  chunk *c = ufi_calloc(1, total);
  if (c) c->size = size;
  return c;
}

static chunk *chunk_for(ufi_arena *arena, size_t size) {
  chunk *newest = arena->chunks;
  if (newest && newest->size - newest->used >= size) return newest;
  bool own = size > arena->next_size / 4;
  chunk *c = chunk_create(own ? size : arena->next_size);
  if (!c) return NULL;
  if (own && newest) {
    c->next = newest->next;
    newest->next = c;
  } else {
    c->next = newest;
    arena->chunks = c;
  }
  if (!own && arena->next_size < LAST_CHUNK) arena->next_size *= 2;
  return c;
}

void *ufi_arena_alloc(ufi_arena *arena, size_t size) {
  size_t rounded;
  if (!ufi_add_size(size, ARENA_ALIGN - 1, &rounded)) return NULL;
  rounded &= ~(size_t)(ARENA_ALIGN - 1);
  chunk *c = chunk_for(arena, rounded);
  if (!c) return NULL;
  void *memory = c->data + c->used;
  c->used += rounded;
  arena->used += rounded;
  return memory;
}

void *ufi_arena_array(ufi_arena *arena, size_t count, size_t size) {
  size_t total;
  return ufi_mul_size(count, size, &total) ? ufi_arena_alloc(arena, total) : NULL;
}

char *ufi_arena_string(ufi_arena *arena, const char *text, size_t size) {
  size_t total;
  if (!ufi_add_size(size, 1, &total)) return NULL;
  char *copy = ufi_arena_alloc(arena, total);
  if (copy && size) memcpy(copy, text, size);
  return copy;
}

size_t ufi_arena_used(const ufi_arena *arena) { return arena->used; }
