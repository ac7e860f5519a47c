/* SPDX-License-Identifier: Apache-2.0
 *
 * guarded.h: floats that end where a page that may not be touched begins, filled
 * with noise, for tests of kernels. Included after cmocka.h.
 */
#ifndef UFT_GUARDED_H
#define UFT_GUARDED_H

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
  void *map;
  size_t size;
  float *data;
} guarded;

static guarded guard(size_t floats) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = floats * sizeof(float);
  guarded g = {.size = (bytes + page - 1) / page * page + page};
  g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(g.map != MAP_FAILED);
  assert_int_equal(mprotect((char *)g.map + g.size - page, page, PROT_NONE), 0);
  g.data = (float *)((char *)g.map + g.size - page - bytes);
  return g;
}

static void unguard(guarded *g) { munmap(g->map, g->size); }

static uint32_t seed = 1;
static float noise(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(int32_t)seed / 2147483648.0f;
}

static guarded guard_noise(size_t floats) {
  guarded g = guard(floats);
  for (size_t i = 0; i < floats; i++) g.data[i] = noise();
  return g;
}

static size_t below(size_t n) {
  noise();
  return (seed >> 8) % n;
}

/* Kernels may add in another order and with one rounding less. */
static void check_close(float expected, float found, double scale, const char *what) {
  if (fabs((double)expected - (double)found) <= 2e-6 * (scale + 1.0)) return;
  fail_msg("%s: expected %g, found %g", what, (double)expected, (double)found);
}

static float clamp(double x, float min, float max) {
  return (float)(x < (double)min ? (double)min : x > (double)max ? (double)max : x);
}

#endif
