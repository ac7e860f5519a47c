/* SPDX-License-Identifier: Apache-2.0
 *
 * pages.c: memory for many things that are made once and freed together, and for many that are made one after the other.
 *
 * A chunk is a range of addresses from the system, of which pages are had only as they are
 * given out: huge ones where those are quick to get, else small ones, many at a time
 * (fresh.c); of a few MiB small ones anyway, since one huge page that is slow to get costs more than
 * the others save. So a hundred small weights cost as few page faults as a large one, and no byte
 * is cleared twice, once by the system and once by the caller.
 *
 * With AddressSanitizer every piece is a block of malloc's, so that overruns are seen.
 */
#include "base/pages.h"

#include <sys/mman.h>

enum { ALIGNMENT = 64, PAGE = 4096, HUGE_PAGE = 2 << 20, LEAST = 4 << 20, MOST = 1 << 30, HUGE_FROM = 8 << 20 };

typedef struct chunk {
  struct chunk *next;
  char *memory;         /* on a huge page */
  size_t size, used;
  size_t ready;         /* pages before are there */
  bool small;           /* pages from `ready` on are small ones */
} chunk;

struct ufi_pages {
  chunk *chunks;        /* the one in use first */
  size_t expected;
};

ufi_pages *ufi_pages_create(size_t expected) {
  ufi_pages *pages = ufi_calloc(1, sizeof *pages);
  if (pages) pages->expected = expected;
  return pages;
}

static void free_chunk(chunk *c) {
  if (UFI_RECYCLE) munmap(c->memory, c->size);
  else ufi_free_aligned(c->memory);
  ufi_free(c);
}

void ufi_pages_destroy(ufi_pages *pages) {
  if (!pages) return;
  for (chunk *c = pages->chunks, *next; c; c = next) {
    next = c->next;
    free_chunk(c);
  }
  ufi_free(pages);
}

/* size bytes of addresses, a multiple of a huge page, that begin on one. */
static char *map_aligned(size_t size) {
  size_t whole;
  if (!ufi_add_size(size, HUGE_PAGE, &whole)) return NULL;
  char *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  size_t before = (size_t)(-(uintptr_t)memory & (HUGE_PAGE - 1));
  if (before) munmap(memory, before);
  munmap(memory + before + size, HUGE_PAGE - before);
  (void)madvise(memory + before, size, size < HUGE_FROM ? MADV_NOHUGEPAGE : MADV_HUGEPAGE); /* advice: may fail */
  return memory + before;
}

static size_t whole_pages(size_t size) { return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

static chunk *make_chunk(const ufi_pages *pages, size_t size) {
  chunk *c = ufi_calloc(1, sizeof *c);
  if (!c) return NULL;
  if (UFI_RECYCLE) {
    c->size = whole_pages(UFI_MAX(UFI_MAX(size, UFI_MIN(pages->expected, (size_t)MOST)), (size_t)LEAST));
    c->memory = map_aligned(c->size);
    if (!c->memory) c->memory = map_aligned(c->size = whole_pages(size)); /* addresses are scarce */
  } else {
    c->size = c->ready = size;
    c->memory = ufi_malloc_aligned(size);
    if (c->memory) memset(c->memory, 0, size);
  }
  c->small = c->size < HUGE_FROM;
  if (c->memory) return c;
  ufi_free(c);
  return NULL;
}

void *ufi_pages_alloc(ufi_pages *pages, size_t size) {
  if (size > PTRDIFF_MAX - 2 * HUGE_PAGE) return NULL;
  size = (UFI_MAX(size, (size_t)1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  chunk *c = pages->chunks;
  if (!c || c->size - c->used < size) {
    c = make_chunk(pages, size);
    if (!c) return NULL;
    c->next = pages->chunks;
    pages->chunks = c;
  }
  char *memory = c->memory + c->used;
  c->used += size;
  c->ready = ufi_fresh_ready(c->memory, c->ready, UFI_MIN(c->used + UFI_PAGES_AHEAD, c->size), c->size, &c->small);
  return memory;
}

/* ---- blocks ---------------------------------------------------------------------------- */

/* Its pages move along, which costs less than new ones. Small ones: huge ones may be slow to get (fresh.c), and advice on
 * a part would make two mappings of it, which cannot be moved at once. */
static char *stretched(const ufi_block *block, size_t capacity) {
  void *memory = block->memory ? mremap(block->memory, block->capacity, capacity, MREMAP_MAYMOVE)
                               : mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  (void)madvise(memory, capacity, MADV_NOHUGEPAGE); /* advice: may fail */
  return memory;
}

void *ufi_block_take(ufi_block *block, size_t size) {
  if (size > PTRDIFF_MAX - 2 * HUGE_PAGE) return NULL;
  if (!UFI_RECYCLE) { /* a block of malloc's each time, so that overruns and late readers are seen */
    char *memory = ufi_malloc_aligned(size);
    if (memory) {
      ufi_block_free(block);
      *block = (ufi_block){memory, size, size};
    }
    return memory;
  }
  if (block->size >= size && block->memory) return block->memory;
  const size_t capacity = (size + UFI_PAGES_AHEAD + PAGE - 1) / PAGE * PAGE;
  char *memory = stretched(block, capacity);
  if (!memory) return NULL;
  ufi_fresh_touch(memory + block->capacity, capacity - block->capacity);
  memset(memory + capacity - UFI_PAGES_AHEAD, 0, UFI_PAGES_AHEAD);
  *block = (ufi_block){memory, capacity - UFI_PAGES_AHEAD, capacity};
  return memory;
}

void ufi_block_free(ufi_block *block) {
  if (UFI_RECYCLE && block->memory) munmap(block->memory, block->capacity);
  if (!UFI_RECYCLE) ufi_free_aligned(block->memory);
  *block = (ufi_block){0};
}
