/* SPDX-License-Identifier: Apache-2.0
 *
 * fresh.c: copies to memory that nobody has touched yet.
 *
 * The first touch of a page makes the system find and clear one, which takes longer than the
 * copy. Huge pages (which the allocator asks for) make it one fault for 2 MiB, by far the
 * fastest where the machine has them at hand. A virtual machine whose host takes free
 * memory back has not: each huge page then waits for the host, and small pages, of which
 * some are always at hand, are several times faster, most of all when the system is asked
 * for many at once.
 *
 * Which it is shows in the speed of the copies themselves, or in the time one page takes. After
 * one that was slow, small pages are taken for a second, then huge ones are tried again.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "base/crc32c.h"
#include "base/pages.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; refused by older ones, which does no harm */
#endif

enum { PAGE = 4096, STEP = 1 << 20, HUGE_PAGE = 2 << 20, TOUCH_MIN = 64 << 10, TOUCH_MAX = 256 << 20 };
#define SECOND INT64_C(1000000000)
/* Nanoseconds for a MiB beyond which a copy to huge pages is slow: 1.3 GB/s. */
#define SLOW_PER_STEP INT64_C(800000)

static _Atomic int64_t small_until; /* CLOCK_MONOTONIC, ns */

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static bool wants_small(int64_t time) { return time < atomic_load_explicit(&small_until, memory_order_relaxed); }

static void note_slow(int64_t time) { atomic_store_explicit(&small_until, time + SECOND, memory_order_relaxed); }

/* The whole pages inside. */
static void advise(void *memory, size_t size, int advice) {
  uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
  uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(PAGE - 1);
  if (begin < end) (void)madvise((void *)begin, end - begin, advice); /* advice: may fail */
}

static uint32_t copy_small(uint32_t crc, uint8_t *to, const uint8_t *from, size_t size) {
  advise(to, size, MADV_NOHUGEPAGE);
  for (size_t n; size > 0; to += n, from += n, size -= n) {
    n = UFI_MIN(size, (size_t)STEP);
    advise(to, n, MADV_POPULATE_WRITE);
    crc = ufi_crc32c_copy(crc, to, from, n);
  }
  return crc;
}

uint32_t ufi_crc32c_copy_fresh(uint32_t crc, void *to, const void *from, size_t size) {
  if (size < STEP) return ufi_crc32c_copy(crc, to, from, size);
  int64_t begin = now(CLOCK_MONOTONIC);
  if (wants_small(begin)) return copy_small(crc, to, from, size);
  crc = ufi_crc32c_copy(crc, to, from, size);
  int64_t end = now(CLOCK_MONOTONIC);
  if (end - begin > SLOW_PER_STEP * (int64_t)(size / STEP))
    note_slow(end);
  return crc;
}

/* Has a huge page made, or small ones in its place. The time is the thread's own: one that waits
 * for a processor is not slow. */
static void make_huge(char *page) {
  int64_t begin = now(CLOCK_THREAD_CPUTIME_ID);
  advise(page, HUGE_PAGE, MADV_POPULATE_WRITE);
  if (now(CLOCK_THREAD_CPUTIME_ID) - begin > SLOW_PER_STEP * (HUGE_PAGE / STEP)) note_slow(now(CLOCK_MONOTONIC));
}

size_t ufi_fresh_ready(char *memory, size_t ready, size_t used, size_t size, bool *small) {
  while (ready < used) {
    if (!*small && wants_small(now(CLOCK_MONOTONIC))) {
      advise(memory + ready, size - ready, MADV_NOHUGEPAGE);
      *small = true;
    }
    size_t next = *small ? (used + PAGE - 1) / PAGE * PAGE : ready + HUGE_PAGE;
    if (*small) advise(memory + ready, next - ready, MADV_POPULATE_WRITE);
    else make_huge(memory + ready);
    ready = next;
  }
  return ready;
}

void ufi_fresh_touch(void *memory, size_t size) {
  char *begin = memory, *first = (char *)(((uintptr_t)memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
  size_t before = (size_t)(first - begin);
  bool small = false;
  if (size < TOUCH_MIN || size > TOUCH_MAX) return;
  if (before >= size || before >= PAGE) {
    advise(memory, UFI_MIN(before, size), MADV_POPULATE_WRITE);
    if (before >= size) return;
  }
  size_t whole = (size - before) / HUGE_PAGE * HUGE_PAGE;
  (void)ufi_fresh_ready(first, 0, whole, size - before, &small);
  if (size - before > whole) advise(first + whole, size - before - whole, MADV_POPULATE_WRITE);
}
