/* SPDX-License-Identifier: Apache-2.0
 *
 * guarded.h: memory that ends where a page that may not be touched begins, and what to
 * fill it with, for tests of kernels. Included after cmocka.h.
 */
#ifndef UFT_GUARDED_H
#define UFT_GUARDED_H

#include <math.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
  void *map;
  size_t size;
  union {
    void *data;
    float *floats;
  };
} guarded;

static inline guarded guard(size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  guarded g = {.size = (bytes + page - 1) / page * page + page};
  g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(g.map != MAP_FAILED);
  assert_int_equal(mprotect((char *)g.map + g.size - page, page, PROT_NONE), 0);
  g.data = (char *)g.map + g.size - page - bytes;
  return g;
}

static inline void unguard(guarded *g) { munmap(g->map, g->size); }

/* ---- what is in it ---------------------------------------------------------------- */

static inline uint32_t random_bits(void) {
  static uint32_t seed = 1;
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8 | seed << 24;
}
static inline size_t below(size_t n) { return random_bits() % n; }
/* In [-1, 1). */
static inline float noise(void) { return (float)((int32_t)random_bits() / 2147483648.0); }

static inline guarded guard_floats(size_t n) {
  guarded g = guard(n * sizeof(float));
  for (size_t i = 0; i < n; i++) g.floats[i] = noise();
  return g;
}

/* Bytes at random; every third array holds the smallest and largest alone. */
static inline guarded guard_bytes(size_t bytes) {
  static const uint8_t extremes[] = {0x80, 0x7f, 0xff, 0x00};
  guarded g = guard(bytes);
  size_t style = below(3);
  for (size_t i = 0; i < bytes; i++) {
    ((uint8_t *)g.data)[i] = style == 0 ? extremes[below(4)]
                             : style == 1 && below(8) ? 0x80 : (uint8_t)random_bits();
  }
  return g;
}

/* int16 values within +-limit, often at it. */
static inline guarded guard_shorts(size_t n, int32_t limit) {
  guarded g = guard(n * 2);
  size_t style = below(3);
  for (size_t i = 0; i < n; i++) {
    int32_t x = (int32_t)below((size_t)(2 * limit + 1)) - limit;
    if (style == 0) x = limit;
    if (style == 1) x = below(2) ? limit : -limit;
    ((int16_t *)g.data)[i] = (int16_t)x;
  }
  return g;
}

static inline guarded guard_ints(size_t n) {
  guarded g = guard(n * 4);
  for (size_t i = 0; i < n; i++) {
    int32_t x = (int32_t)random_bits() >> below(31);
    ((int32_t *)g.data)[i] = below(40) ? x : below(2) ? INT32_MIN : INT32_MAX;
  }
  return g;
}

/* ---- floats beside those computed in double -------------------------------------------- */

/* Kernels may add in another order and with one rounding less. */
static inline void check_close(float expected, float found, double scale, const char *what) {
  if (fabs((double)expected - (double)found) <= 2e-6 * (scale + 1.0)) return;
  fail_msg("%s: expected %g, found %g", what, (double)expected, (double)found);
}

static inline float clamp(double x, float min, float max) {
  return (float)(x < (double)min ? (double)min : x > (double)max ? (double)max : x);
}

#endif
