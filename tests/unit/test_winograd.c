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

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"

static void fill(float *data, size_t n) {
  for (size_t i = 0; i < n; i++) data[i] = noise();
}

/* ---- the kernels ------------------------------------------------------------------ */

enum { MAX_CHANNELS = 40, COLUMNS = 16, STEP = 48 };

/* One tile, `columns` filters of `channels` channels each. */
static void check_tile(const ufk_winograd_table *k, size_t channels, size_t columns) {
  guarded pixels[36], out[16], bias = guard_floats(columns);
  const float *in[36];
  float *outs[16];
  static float taps[9][MAX_CHANNELS][COLUMNS], inputs[36 * STEP], filters[36][COLUMNS], sums[36 * COLUMNS];
  for (size_t i = 0; i < 36; i++) in[i] = (pixels[i] = guard_floats(channels)).floats;
  for (size_t i = 0; i < 16; i++) outs[i] = (out[i] = guard_floats(columns)).floats;
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
      double want = (double)bias.floats[j];
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

static void check_kernels(const ufi_kernels *kernels) {
  for (size_t channels = 1; channels <= MAX_CHANNELS; channels++) {
    check_tile(&kernels->winograd, channels, 1 + channels % COLUMNS);
  }
  not_finite(&kernels->winograd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
