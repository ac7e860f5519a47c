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
 * Which it is shows in the speed of the copies themselves. After one that was slow, small
 * pages are taken for a second, then huge ones are tried again.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "base/crc32c.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; refused by older ones, which does no harm */
#endif

enum { PAGE = 4096, STEP = 1 << 20 };
#define SECOND INT64_C(1000000000)
/* Nanoseconds for a MiB beyond which a copy to huge pages is slow: 1.3 GB/s. */
#define SLOW_PER_STEP INT64_C(800000)

static _Atomic int64_t small_until; /* CLOCK_MONOTONIC, ns */

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

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
  int64_t begin = now();
  if (begin < atomic_load_explicit(&small_until, memory_order_relaxed))
    return copy_small(crc, to, from, size);
  crc = ufi_crc32c_copy(crc, to, from, size);
  int64_t end = now();
  if (end - begin > SLOW_PER_STEP * (int64_t)(size / STEP))
    atomic_store_explicit(&small_until, end + SECOND, memory_order_relaxed);
  return crc;
}
