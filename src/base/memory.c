/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c: the one place where the library allocates, and arenas.
 *
 * Large aligned blocks are kept for reuse when freed: touching a fresh page for
 * the first time costs several times as much as all that is then done with it.
 * The cache holds few blocks and a bounded number of bytes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/base.h"

/* ---- the funnel ------------------------------------------------------------ */

static atomic_llong fail_at; /* 0: never */

void ufi_fail_allocation(int64_t n) { atomic_store(&fail_at, n); }

static bool must_fail(void) {
  if (atomic_load_explicit(&fail_at, memory_order_relaxed) == 0) return false;
  return atomic_fetch_sub(&fail_at, 1) == 1;
}

void *ufi_malloc(size_t size) { return must_fail() ? NULL : malloc(size); }
void *ufi_calloc(size_t count, size_t size) { return must_fail() ? NULL : calloc(count, size); }
void *ufi_realloc(void *old, size_t size) { return must_fail() ? NULL : realloc(old, size); }
void ufi_free(void *memory) { free(memory); }

/* ---- aligned blocks ---------------------------------------------------------- */

#define ALIGN ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_MIN ((size_t)64 << 10)  /* smaller ones malloc recycles well by itself */
#define CACHE_BYTES ((size_t)256 << 20)
#define CACHE_BLOCKS 16

#if defined(__SANITIZE_ADDRESS__)
#define CACHE_ON 0 /* so that use after free is seen */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHE_ON 0
#else
#define CACHE_ON 1
#endif
#else
#define CACHE_ON 1
#endif

/* In front of each block, ALIGN bytes long. */
typedef struct block {
  size_t size; /* usable bytes */
} block;

static struct {
  pthread_mutex_t lock;
  block *blocks[CACHE_BLOCKS];
  int n;
  size_t bytes;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The smallest cached block that holds size and wastes at most a quarter. */
static block *cache_take(size_t size) {
  int best = -1;
  pthread_mutex_lock(&cache.lock);
  for (int i = 0; i < cache.n; i++) {
    size_t have = cache.blocks[i]->size;
    if (have < size || have - size > size / 4) continue;
    if (best < 0 || have < cache.blocks[best]->size) best = i;
  }
  block *b = NULL;
  if (best >= 0) {
    b = cache.blocks[best];
    cache.bytes -= b->size;
    cache.blocks[best] = cache.blocks[--cache.n];
  }
  pthread_mutex_unlock(&cache.lock);
  return b;
}

static bool cache_put(block *b) {
  bool kept = false;
  pthread_mutex_lock(&cache.lock);
  if (cache.n < CACHE_BLOCKS && cache.bytes + b->size <= CACHE_BYTES) {
    cache.blocks[cache.n++] = b;
    cache.bytes += b->size;
    kept = true;
  }
  pthread_mutex_unlock(&cache.lock);
  return kept;
}

void *ufi_malloc_aligned(size_t size) {
  if (must_fail() || size > SIZE_MAX / 2) return NULL;
  if (CACHE_ON && size >= CACHE_MIN) {
    block *b = cache_take(size);
    if (b) return (char *)b + ALIGN;
  }
  void *memory;
  size_t align = size >= HUGE_PAGE ? HUGE_PAGE : ALIGN;
  if (posix_memalign(&memory, align, size + ALIGN) != 0) return NULL;
  if (size >= HUGE_PAGE) madvise(memory, size + ALIGN, MADV_HUGEPAGE);
  ((block *)memory)->size = size;
  return (char *)memory + ALIGN;
}

void ufi_free_aligned(void *memory) {
  if (memory == NULL) return;
  block *b = (block *)((char *)memory - ALIGN);
  if (CACHE_ON && b->size >= CACHE_MIN && cache_put(b)) return;
  free(b);
}

/* ---- arenas -------------------------------------------------------------------- */

#define CHUNK ((size_t)32 << 10)

typedef struct chunk {
  struct chunk *next;
  size_t used, size; /* of data */
  _Alignas(16) char data[];
} chunk;

struct ufi_arena {
  chunk *chunks; /* the first is the one being filled */
  size_t used;
};

ufi_arena *ufi_arena_create(void) { return ufi_calloc(1, sizeof(ufi_arena)); }

void ufi_arena_destroy(ufi_arena *arena) {
  if (arena == NULL) return;
  for (chunk *c = arena->chunks, *next; c; c = next) {
    next = c->next;
    ufi_free(c);
  }
  ufi_free(arena);
}

/* A chunk with room for size; a big one goes behind the one being filled. */
static chunk *add_chunk(ufi_arena *arena, size_t size) {
  size_t room = UFI_MAX(size, CHUNK);
  chunk *c = ufi_calloc(1, sizeof *c + room);
  if (c == NULL) return NULL;
  c->size = room;
  if (size > CHUNK && arena->chunks) {
    c->next = arena->chunks->next;
    arena->chunks->next = c;
  } else {
    c->next = arena->chunks;
    arena->chunks = c;
  }
  return c;
}

void *ufi_arena_alloc(ufi_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (UFI_MAX(size, (size_t)1) + 15) & ~(size_t)15;
  chunk *c = arena->chunks;
  if (c == NULL || c->size - c->used < size) c = add_chunk(arena, size);
  if (c == NULL) return NULL;
  void *memory = c->data + c->used;
  c->used += size;
  arena->used += size;
  return memory;
}

void *ufi_arena_array(ufi_arena *arena, size_t count, size_t size) {
  size_t bytes;
  return ufi_mul_size(count, size, &bytes) ? ufi_arena_alloc(arena, bytes) : NULL;
}

char *ufi_arena_string(ufi_arena *arena, const char *text, size_t size) {
  char *copy = size < SIZE_MAX ? ufi_arena_alloc(arena, size + 1) : NULL;
  if (copy && size) memcpy(copy, text, size);
  return copy;
}

size_t ufi_arena_used(const ufi_arena *arena) { return arena->used; }
