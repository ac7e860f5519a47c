/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c: every allocation of the library.
 *
 * Small things come from malloc. Aligned blocks, which hold tensors, have a
 * 64-byte header in front that says how much they hold. Large ones are
 * expensive to get: the kernel clears each page at first touch, at 2 GB/s on
 * the machine this was measured on, against 16 GB/s for a warm copy. So
 *
 *   - blocks of 2 MiB and more start on a huge page and are advised to be huge
 *     pages: 512 times fewer faults;
 *   - freed blocks above 64 KiB wait in a short list for the next request
 *     of about their size. The list holds at most 16 blocks and 256 MiB, the
 *     oldest block goes when there is no room;
 *   - smaller ones, which an op in eager mode or a turn of a loop takes and gives back at once, wait in lists by size,
 *     a few of each, that are each thread's own.
 *
 * The list of large ones is process-wide, as malloc's own are. It is guarded by a mutex that
 * is only ever tried: a thread that finds it taken, or a child forked while
 * another thread held it, goes to malloc instead of waiting. With
 * AddressSanitizer nothing is recycled, so that a use after free is seen.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/pages.h"

enum {
  ALIGNMENT = 64,
  HUGE_PAGE = 2 << 20,
  RECYCLE_MIN = 64 << 10,
  RECYCLE_BLOCKS = 16,
};
#define RECYCLE_BYTES ((size_t)256 << 20)

/* ---- the funnel ------------------------------------------------------------ */

static _Atomic int64_t fail_countdown;

void ufi_fail_allocation(int64_t n) { atomic_store(&fail_countdown, n > 0 ? n : 0); }

/* True when this allocation is the one that has to fail. */
static bool must_fail(void) {
  if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0) return false;
  return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

/* No object is larger than PTRDIFF_MAX. malloc knows that too, but sanitizers stop
 * the program where malloc would return NULL. */
static bool refuses(size_t size) { return size > PTRDIFF_MAX || must_fail(); }

void *ufi_malloc(size_t size) { return refuses(size) ? NULL : malloc(size ? size : 1); }

void *ufi_calloc(size_t count, size_t size) {
  size_t total;
  if (!ufi_mul_size(count, size, &total) || refuses(total)) return NULL;
  return calloc(total ? total : 1, 1);
}

void *ufi_realloc(void *old, size_t size) {
  return refuses(size) ? NULL : realloc(old, size ? size : 1);
}

void ufi_free(void *memory) { free(memory); }

bool ufi_grow(void **array, int32_t *capacity, int32_t need, size_t size) {
  if (need <= *capacity) return true;
  int32_t more = UFI_MAX(16, need > INT32_MAX / 2 ? INT32_MAX : need * 2);
  size_t bytes;
  if (!ufi_mul_size((size_t)more, size, &bytes)) return false;
  void *moved = ufi_realloc(*array, bytes);
  if (moved == NULL) return false;
  *array = moved;
  *capacity = more;
  return true;
}

/* ---- recycled blocks --------------------------------------------------------- */

typedef struct block {
  size_t capacity; /* bytes behind the header */
} block;

static pthread_mutex_t recycled_lock = PTHREAD_MUTEX_INITIALIZER;
static block *recycled[RECYCLE_BLOCKS]; /* oldest first */
static size_t recycled_count, recycled_bytes;

static block *recycled_remove(size_t i) {
  block *b = recycled[i];
  recycled_count--;
  recycled_bytes -= b->capacity;
  memmove(recycled + i, recycled + i + 1, (recycled_count - i) * sizeof *recycled);
  return b;
}

/* The smallest waiting block that holds size bytes and wastes at most a quarter
 * of it; NULL: none. */
static block *recycled_take(size_t size) {
  if (!UFI_RECYCLE || size < RECYCLE_MIN || pthread_mutex_trylock(&recycled_lock) != 0) return NULL;
  size_t best = RECYCLE_BLOCKS;
  for (size_t i = 0; i < recycled_count; i++) {
    size_t capacity = recycled[i]->capacity;
    if (capacity < size || capacity - size > size / 4) continue;
    if (best == RECYCLE_BLOCKS || capacity < recycled[best]->capacity) best = i;
  }
  block *b = best == RECYCLE_BLOCKS ? NULL : recycled_remove(best);
  pthread_mutex_unlock(&recycled_lock);
  return b;
}

/* Keeps b for later; false: the caller frees it. */
static bool recycled_put(block *b) {
  if (!UFI_RECYCLE || b->capacity < RECYCLE_MIN || b->capacity > RECYCLE_BYTES) return false;
  if (pthread_mutex_trylock(&recycled_lock) != 0) return false;
  block *old[RECYCLE_BLOCKS];
  size_t n_old = 0;
  while (recycled_count == RECYCLE_BLOCKS || b->capacity > RECYCLE_BYTES - recycled_bytes)
    old[n_old++] = recycled_remove(0);
  recycled[recycled_count++] = b;
  recycled_bytes += b->capacity;
  pthread_mutex_unlock(&recycled_lock);
  for (size_t i = 0; i < n_old; i++) free(old[i]); /* munmap is slow: not under the lock */
  return true;
}

/* ---- small blocks ---------------------------------------------------------------- */

/* Sizes go by quarters of powers of two, from 2^6 bytes on. */
enum { SMALL_LOG2 = 6, SMALL_CLASSES = 4 * (16 - SMALL_LOG2), SMALL_EACH = 4 };

typedef struct small_blocks {
  block *free[SMALL_CLASSES][SMALL_EACH];
  uint8_t n[SMALL_CLASSES];
  bool ready, ended;
} small_blocks;

static _Thread_local small_blocks small;
static pthread_key_t small_key;
static pthread_once_t small_once = PTHREAD_ONCE_INIT;
static bool small_has_key;

/* A thread ends. */
static void small_end(void *context) {
  small_blocks *s = context;
  s->ended = true;
  for (int c = 0; c < SMALL_CLASSES; c++) {
    while (s->n[c] > 0) free(s->free[c][--s->n[c]]);
  }
}

static void small_make_key(void) { small_has_key = pthread_key_create(&small_key, small_end) == 0; }

/* The class of a size, and how much its blocks hold; -1: not small. */
static int small_class(size_t size, size_t *capacity_out) {
  if (!UFI_RECYCLE || size > RECYCLE_MIN) return -1;
  size = UFI_MAX(size, (size_t)(1 << SMALL_LOG2) + 1);
  const int log2 = 63 - __builtin_clzll((unsigned long long)size - 1);
  const size_t quarter = (size - 1) >> (log2 - 2) & 3;
  *capacity_out = (quarter + 5) << (log2 - 2);
  return (log2 - SMALL_LOG2) * 4 + (int)quarter;
}

static block *small_take(int c) { return c >= 0 && small.n[c] > 0 ? small.free[c][--small.n[c]] : NULL; }

static bool small_put(block *b) {
  size_t capacity;
  const int c = small_class(b->capacity, &capacity);
  if (c < 0 || capacity != b->capacity || small.n[c] == SMALL_EACH || small.ended) return false;
  if (!small.ready) {
    pthread_once(&small_once, small_make_key);
    if (!small_has_key || pthread_setspecific(small_key, &small) != 0) return false;
    small.ready = true;
  }
  small.free[c][small.n[c]++] = b;
  return true;
}

/* ---- aligned blocks ------------------------------------------------------------ */

void *ufi_malloc_aligned(size_t size) {
  if (must_fail() || size > PTRDIFF_MAX - HUGE_PAGE) return NULL;
  const int c = small_class(size, &size);
  block *b = c >= 0 ? small_take(c) : recycled_take(size);
  if (!b) {
    bool huge = UFI_RECYCLE && size >= HUGE_PAGE;
    void *memory;
    if (posix_memalign(&memory, huge ? HUGE_PAGE : ALIGNMENT, size + ALIGNMENT) != 0) return NULL;
    if (huge) madvise(memory, size + ALIGNMENT, MADV_HUGEPAGE); /* advice: may fail */
    b = memory;
    b->capacity = size;
  }
  return (char *)b + ALIGNMENT;
}

void ufi_free_aligned(void *memory) {
  if (!memory) return;
  block *b = (block *)((char *)memory - ALIGNMENT);
  if (!small_put(b) && !recycled_put(b)) free(b);
}
