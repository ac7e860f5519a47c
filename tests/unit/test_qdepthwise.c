/* SPDX-License-Identifier: Apache-2.0
 *
 * test_qdepthwise.c: every kernel of qdepthwise.h of every instruction set this
 * processor has, against plain loops: equal results at odd sizes and with the
 * most extreme values, in memory that ends where a page that may not be touched
 * begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "kernels/kernels.h"
#include "kernels/requant.h"

/* ---- memory that ends at a guard page --------------------------------------- */

typedef struct guarded {
  void *map;
  size_t size;
  void *data;
} guarded;

static guarded guard(size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  guarded g = {.size = (bytes + page - 1) / page * page + page};
  g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(g.map != MAP_FAILED);
  assert_int_equal(mprotect((char *)g.map + g.size - page, page, PROT_NONE), 0);
  g.data = (char *)g.map + g.size - page - bytes;
  return g;
}

static void unguard(guarded *g) { munmap(g->map, g->size); }

static uint32_t seed = 1;
static uint32_t noise(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8 | seed << 24;
}
static size_t below(size_t n) { return noise() % n; }

/* Bytes at random; every third array holds the smallest and largest alone. */
static guarded guard_bytes(size_t bytes) {
  static const uint8_t extremes[] = {0x80, 0x7f, 0xff, 0x00};
  guarded g = guard(bytes);
  size_t style = below(3);
  for (size_t i = 0; i < bytes; i++) {
    ((uint8_t *)g.data)[i] = style == 0 ? extremes[below(4)]
                             : style == 1 && below(8) ? 0x80 : (uint8_t)noise();
  }
  return g;
}

/* int16 values within +-limit, often at it. */
static guarded guard_shorts(size_t n, int32_t limit) {
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

static guarded guard_ints(size_t n) {
  guarded g = guard(n * 4);
  for (size_t i = 0; i < n; i++) {
    int32_t x = (int32_t)noise() >> below(31);
    ((int32_t *)g.data)[i] = below(40) ? x : below(2) ? INT32_MIN : INT32_MAX;
  }
  return g;
}

static size_t padded(size_t n) { return (n + UFK_Q_MAX_NR - 1) / UFK_Q_MAX_NR * UFK_Q_MAX_NR; }

/* ---- depthwise and pools -------------------------------------------------------- */

static void check_depthwise(const ufk_qdepthwise_table *k, size_t pairs, size_t channels,
                            bool is_signed) {
  const size_t block = k->q_block, blocks = (channels + block - 1) / block;
  guarded w = guard_shorts(blocks * block * 2 * pairs, 255), bias = guard_ints(padded(channels));
  guarded acc = guard(padded(channels) * 4), in[8];
  const void *taps[64];
  for (size_t t = 0; t < 8; t++) in[t] = guard_bytes(channels + 3);
  for (size_t t = 0; t < 2 * pairs; t++) taps[t] = in[t % 8].data;
  (is_signed ? k->depthwise_s8 : k->depthwise_u8)(pairs, channels, taps, 3, w.data, bias.data,
                                                 acc.data);
  for (size_t c = 0; c < channels; c++) {
    uint32_t sum = (uint32_t)((int32_t *)bias.data)[c];
    for (size_t t = 0; t < 2 * pairs; t++) {
      size_t at = ((c / block * pairs + t / 2) * block + c % block) * 2 + t % 2;
      const uint8_t *x = (const uint8_t *)taps[t] + 3 + c;
      sum += (uint32_t)((is_signed ? (int32_t)(int8_t)*x : *x) * ((int16_t *)w.data)[at]);
    }
    assert_int_equal((int32_t)sum, ((int32_t *)acc.data)[c]);
  }
  for (size_t t = 0; t < 8; t++) unguard(&in[t]);
  unguard(&w), unguard(&bias), unguard(&acc);
}

static void check_pool(const ufk_qdepthwise_table *k, size_t taps, size_t channels, int type) {
  ufk_q_pool_fn fn[2][3] = {{k->max_s8, k->max_u8, k->max_s16},
                            {k->average_s8, k->average_u8, k->average_s16}};
  size_t bytes = type == 2 ? 2 : 1;
  guarded in[8], out = guard(channels * bytes);
  const void *from[32];
  for (size_t t = 0; t < 8; t++) in[t] = guard_bytes((channels + 1) * bytes);
  for (size_t t = 0; t < taps; t++) from[t] = in[t % 8].data;
  for (int average = 0; average < 2; average++) {
    int32_t min = type == 0 ? -100 : 2, max = 125;
    fn[average][type](taps, channels, from, 1, min, max, out.data);
    for (size_t c = 0; c < channels; c++) {
      int32_t best = INT32_MIN, sum = 0;
      for (size_t t = 0; t < taps; t++) {
        int32_t x = type == 0   ? ((const int8_t *)from[t])[c + 1]
                    : type == 1 ? ((const uint8_t *)from[t])[c + 1]
                                : ((const int16_t *)from[t])[c + 1];
        best = UFI_MAX(best, x);
        sum += x;
      }
      int32_t mean = (int32_t)round((double)sum / (double)taps);
      int32_t found = type == 0   ? ((int8_t *)out.data)[c]
                      : type == 1 ? ((uint8_t *)out.data)[c]
                                  : ((int16_t *)out.data)[c];
      assert_int_equal(ufk_clamp(average ? mean : best, min, max), found);
    }
  }
  for (size_t t = 0; t < 8; t++) unguard(&in[t]);
  unguard(&out);
}

/* ---- all sets ---------------------------------------------------------------------------- */

static void run_for(int isa) {
  ufi_kernels table;
  if (!ufi_kernels_for(isa, &table)) {
    skip();
    return;
  }
  const ufk_qdepthwise_table *k = &table.qdepthwise;
  for (size_t channels = 1; channels < 150; channels += 1 + below(5)) {
    check_depthwise(k, below(2) ? 5 : 1 + below(20), channels, below(2));
    check_pool(k, 1 + below(20), channels, (int)below(3));
  }
}

static void test_scalar(void **state) { run_for(UFI_ISA_SCALAR); }
static void test_avx2(void **state) { run_for(UFI_ISA_AVX2); }
static void test_avx512(void **state) { run_for(UFI_ISA_AVX512); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scalar),
      cmocka_unit_test(test_avx2),
      cmocka_unit_test(test_avx512),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
