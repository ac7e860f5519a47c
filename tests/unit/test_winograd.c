/* SPDX-License-Identifier: Apache-2.0
 *
 * test_winograd.c: the transforms of winograd.h of every instruction set this processor has: put together
 * they must make a 3x3 convolution, computed in double, of tiles whose memory ends where a page that may
 * not be touched begins.
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

static uint32_t seed = 1;
static float noise(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(int32_t)seed / 2147483648.0f;
}

static void fill(float *data, size_t n) {
  for (size_t i = 0; i < n; i++) data[i] = noise();
}

/* ---- the kernels ------------------------------------------------------------------ */

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
  fill(g.data, floats);
  return g;
}

enum { MAX_CHANNELS = 40, COLUMNS = 16, STEP = 48 };

/* One tile, `columns` filters of `channels` channels each. */
static void check_tile(const ufk_winograd_table *k, size_t channels, size_t columns) {
  guarded pixels[36], out[16], bias = guard(columns);
  const float *in[36];
  float *outs[16];
  static float taps[9][MAX_CHANNELS][COLUMNS], inputs[36 * STEP], filters[36][COLUMNS], sums[36 * COLUMNS];
  for (size_t i = 0; i < 36; i++) in[i] = (pixels[i] = guard(channels)).data;
  for (size_t i = 0; i < 16; i++) outs[i] = (out[i] = guard(columns)).data;
  fill(&taps[0][0][0], sizeof taps / sizeof(float));
  memset(sums, 0, sizeof sums);
  k->f32_in(channels, in, inputs, STEP);
  for (size_t c = 0; c < channels; c++) {
    k->f32_filter(COLUMNS, taps[0][c], MAX_CHANNELS * COLUMNS, filters[0], COLUMNS);
    for (size_t p = 0; p < 36; p++) {
      for (size_t j = 0; j < COLUMNS; j++) sums[p * COLUMNS + j] += inputs[p * STEP + c] * filters[p][j];
    }
  }
  assert_true(k->f32_out(columns, sums, COLUMNS, bias.data, outs, -1.0f, 1.5f));
  for (size_t i = 0; i < 16; i++) {
    for (size_t j = 0; j < columns; j++) {
      double want = (double)bias.data[j];
      for (size_t t = 0; t < 9; t++) {
        for (size_t c = 0; c < channels; c++) {
          want += (double)in[(i / 4 + t / 3) * 6 + i % 4 + t % 3][c] * (double)taps[t][c][j];
        }
      }
      want = want < -1.0 ? -1.0 : want > 1.5 ? 1.5 : want;
      if (fabs(want - (double)outs[i][j]) > 4e-6 * sqrt(9.0 * (double)channels)) {
        fail_msg("%zu channels, output %zu, column %zu: expected %g, found %g", channels, i, j, want, (double)outs[i][j]);
      }
    }
  }
  for (size_t i = 0; i < 36; i++) munmap(pixels[i].map, pixels[i].size);
  for (size_t i = 0; i < 16; i++) munmap(out[i].map, out[i].size);
  munmap(bias.map, bias.size);
}

/* Every output that is not finite is told, also when the clamp hides it; what lies beyond the columns is not. */
static void not_finite(const ufk_winograd_table *k) {
  float sums[36 * COLUMNS] = {0}, bias[COLUMNS] = {0}, out[16][COLUMNS], *outs[16];
  for (size_t i = 0; i < 16; i++) outs[i] = out[i];
  for (size_t columns = 1; columns <= COLUMNS; columns++) {
    for (size_t i = 0; i < 36 * COLUMNS; i++) {
      const bool is_column = i % COLUMNS < columns;
      sums[i] = i % 2 ? INFINITY : NAN;
      assert_int_equal(k->f32_out(columns, sums, COLUMNS, bias, outs, -1.0f, 1.0f), !is_column);
      sums[i] = 0.0f;
    }
  }
}

static void run_for(int isa) {
  ufi_kernels table;
  if (!ufi_kernels_for(isa, &table)) {
    skip();
    return;
  }
  for (size_t channels = 1; channels <= MAX_CHANNELS; channels++) {
    check_tile(&table.winograd, channels, 1 + channels % COLUMNS);
  }
  not_finite(&table.winograd);
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
