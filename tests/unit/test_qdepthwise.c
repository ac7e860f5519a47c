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

/* ---- depthwise and pools -------------------------------------------------------- */

/* A line of output of n channels; the image's lines lie in guarded memory each for itself. */
typedef struct window {
  const ufk_qdepthwise_table *k;
  bool narrow;
  size_t taps, groups, kernel_w, stride, dilation, width, columns, n;
  ufk_q_line lines[64];
  guarded memory[64];
  guarded zipped, w, bias;
} window;

static window make_window(const ufk_qdepthwise_table *k, bool narrow) {
  window t = {.k = k, .narrow = narrow, .taps = narrow ? k->narrow_taps : 2, .groups = 1 + below(3),
              .kernel_w = below(2) ? 3 : 1 + below(6), .stride = 1 + below(3), .dilation = 1 + below(2),
              .width = 1 + below(12), .n = below(2) ? k->q_block : 1 + below(k->q_block)};
  if (below(3) == 0) t.kernel_w = 5, t.groups = (5 + t.taps - 1) / t.taps;
  if (below(3) == 0) t.kernel_w = 3, t.groups = (3 + t.taps - 1) / t.taps;
  t.columns = (t.width - 1) * t.stride + (t.kernel_w - 1) * t.dilation + 1;
  for (size_t i = 0; i < t.groups * t.taps; i++) {
    const size_t step = below(4) ? t.n + below(9) : 0;
    t.memory[i] = guard_bytes((t.columns - 1) * step + t.n);
    t.lines[i] = (ufk_q_line){t.memory[i].data, step};
  }
  const size_t entries = t.kernel_w * t.groups * k->q_block;
  t.zipped = guard(t.columns * t.groups * k->q_block * 4);
  t.w = t.taps == 4 ? guard_bytes(entries * 4) : guard_shorts(entries * 2, narrow ? 128 : 255);
  t.bias = guard_ints(k->q_block);
  return t;
}

static void free_window(window *t) {
  for (size_t i = 0; i < t->groups * t->taps; i++) unguard(&t->memory[i]);
  unguard(&t->zipped), unguard(&t->w), unguard(&t->bias);
}

static int32_t expected_sum(const window *t, size_t x, size_t c) {
  uint32_t sum = (uint32_t)((int32_t *)t->bias.data)[c];
  for (size_t j = 0; j < t->kernel_w; j++) {
    const size_t column = x * t->stride + j * t->dilation;
    for (size_t i = 0; i < t->groups * t->taps; i++) {
      const uint8_t byte = t->lines[i].at[column * t->lines[i].step + c];
      const int32_t value = t->narrow ? (int8_t)byte + t->k->narrow_offset : byte;
      const size_t at = (((j * t->groups + i / t->taps) * t->k->q_block) + c) * t->taps + i % t->taps;
      const int32_t w = t->taps == 4 ? ((int8_t *)t->w.data)[at] : ((int16_t *)t->w.data)[at];
      sum += (uint32_t)(value * w);
    }
  }
  return (int32_t)sum;
}

/* Shifts to the right only, which have a faster way, or any. */
static void make_scale(ufk_q_scale *s, size_t n, guarded *multiplier, guarded *shift, bool narrow) {
  *multiplier = guard(n * 4), *shift = guard(n * 4);
  const bool any = below(3) == 0;
  for (size_t c = 0; c < n; c++) {
    ((int32_t *)multiplier->data)[c] = below(9) ? (1 << 30) + (int32_t)below(1 << 30) : 0;
    ((int32_t *)shift->data)[c] = any ? (int32_t)below(50) - 31 : below(9) ? -1 - (int32_t)below(12) : -31;
  }
  const int32_t lowest = narrow ? -128 : 0;
  *s = (ufk_q_scale){.multiplier = multiplier->data, .shift = shift->data, .zero = lowest + (int32_t)below(256),
                     .min = lowest + (int32_t)below(40), .max = lowest + 255 - (int32_t)below(40)};
}

static void check_depthwise(const ufk_qdepthwise_table *k, bool narrow) {
  window t = make_window(k, narrow);
  guarded multiplier, shift;
  ufk_q_scale s;
  make_scale(&s, k->q_block, &multiplier, &shift, narrow);
  const size_t step = t.n + below(5);
  guarded out = guard((t.width - 1) * step + t.n);
  (narrow ? k->zip_narrow : k->zip_wide)(t.lines, t.groups, t.columns, t.n, t.zipped.data);
  const ufk_q_depthwise d = {t.width, t.stride, t.dilation, t.kernel_w, t.groups, t.n,
                             t.zipped.data, t.w.data, t.bias.data};
  (narrow ? k->narrow_s8 : k->wide_u8)(&d, &s, out.data, step);
  for (size_t i = 0; i < t.width * t.n; i++) {
    const size_t x = i / t.n, c = i % t.n;
    const int32_t y = ufk_requantize(expected_sum(&t, x, c), s.multiplier[c], s.shift[c]);
    const int64_t expected = UFI_MIN(UFI_MAX((int64_t)y + s.zero, s.min), s.max);
    const uint8_t *at = (const uint8_t *)out.data + x * step + c;
    assert_int_equal(expected, narrow ? (int8_t)*at : *at);
  }
  free_window(&t);
  unguard(&multiplier), unguard(&shift), unguard(&out);
}

static void check_depthwise_float(const ufk_qdepthwise_table *k) {
  window t = make_window(k, true);
  guarded column = guard(k->q_block * 4), bias = guard(k->q_block * 4);
  const size_t step = t.n + below(5);
  guarded out = guard(((t.width - 1) * step + t.n) * 4);
  float row = 1.0f / (float)(1 + below(77)), *scales = column.data, *b = bias.data;
  for (size_t c = 0; c < k->q_block; c++) scales[c] = (float)below(1000) / 777.0f, b[c] = (float)below(99) - 50;
  const ufk_q_float s = {scales, below(2) ? b : NULL, &row, false, below(2) ? 0 : -INFINITY, INFINITY};
  k->zip_narrow(t.lines, t.groups, t.columns, t.n, t.zipped.data);
  const ufk_q_depthwise d = {t.width, t.stride, t.dilation, t.kernel_w, t.groups, t.n,
                             t.zipped.data, t.w.data, t.bias.data};
  k->narrow_float(&d, &s, out.data, step);
  for (size_t i = 0; i < t.width * t.n; i++) {
    const size_t x = i / t.n, c = i % t.n;
    volatile float scale = row * scales[c], y = (float)expected_sum(&t, x, c) * scale;
    if (s.bias) y = y + b[c];
    assert_true((y < s.min ? s.min : y) == ((float *)out.data)[x * step + c]);
  }
  free_window(&t);
  unguard(&column), unguard(&bias), unguard(&out);
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
  for (int i = 0; i < 600; i++) check_depthwise(k, i % 2);
  for (int i = 0; i < 200; i++) check_depthwise_float(k);
  for (size_t channels = 1; channels < 150; channels += 1 + below(5)) {
    check_pool(k, 1 + below(20), channels, (int)below(3));
  }
}

static void test_scalar(void **state) { run_for(UFI_ISA_SCALAR); }
static void test_avx2(void **state) { run_for(UFI_ISA_AVX2); }
static void test_avx512(void **state) { run_for(UFI_ISA_AVX512); }
static void test_neon(void **state) { run_for(UFI_ISA_NEON); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scalar),
      cmocka_unit_test(test_avx2),
      cmocka_unit_test(test_avx512),
      cmocka_unit_test(test_neon),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
