/* SPDX-License-Identifier: Apache-2.0
 *
 * test_qwinograd.c: the transforms of qwinograd.h of every instruction set this processor has: put together they must
 * make a 3x3 convolution, exactly, of tiles whose memory ends where a page that may not be touched begins, up to as many
 * channels of the largest values as the header promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"

enum { NR = 16, COLUMNS = 32 };

typedef enum kind { ANY, LARGEST, MIXED } kind;

/* Bytes at the end of what may be touched; LARGEST: all products positive; MIXED: the largest, of any sign. */
static guarded bytes(size_t n, kind content) {
  guarded g = guard(n);
  for (size_t i = 0; i < n; i++) {
    ((int8_t *)g.data)[i] = content == LARGEST ? -128 : content == MIXED ? (below(2) ? -128 : 127) : (int8_t)below(256);
  }
  return g;
}

static int32_t sum_of(size_t side, const int8_t *const *in, const int8_t *taps, size_t channels, size_t output) {
  const size_t points = side + 2;
  uint32_t sum = 0;
  for (size_t t = 0; t < 9; t++) {
    const int8_t *from = in[(output / side + t / 3) * points + output % side + t % 3];
    for (size_t c = 0; c < channels; c++) sum += (uint32_t)(from[c] * taps[t * channels + c]);
  }
  return (int32_t)sum;
}

/* The products that ufk_q_pairs would make. */
static void multiply(size_t channels, const int16_t *a, const int16_t *b, int32_t *c, size_t columns) {
  for (size_t j = 0; j < columns; j++) {
    const int16_t *panel = b + j / NR * NR * ((channels + 1) / 2 * 2);
    uint32_t sum = 0;
    for (size_t k = 0; k < channels; k++) sum += (uint32_t)(a[k] * panel[(k / 2 * NR + j % NR) * 2 + k % 2]);
    c[j] = (int32_t)sum;
  }
}

static void check_tile(const ufk_qwinograd_table *k, size_t side, size_t channels, size_t columns, kind content) {
  const size_t points = (side + 2) * (side + 2), pad = UFK_QWINOGRAD_PAD, step = (channels + pad - 1) / pad * pad;
  const size_t panel = (channels + 1) / 2 * 2 * NR, point = (columns + NR - 1) / NR * panel;
  guarded pixels[UFK_QWINOGRAD_POINTS], taps = bytes(columns * 9 * channels, content), sums = guard(points * COLUMNS * 4);
  guarded inputs = guard(points * step * 2), filters = guard(points * point * 2), out = guard(side * side * COLUMNS * 4);
  const int8_t *in[UFK_QWINOGRAD_POINTS];
  int32_t start[COLUMNS];
  memset(filters.data, 0, points * point * 2);
  for (size_t i = 0; i < points; i++) in[i] = (pixels[i] = bytes(channels, content)).data;
  for (size_t j = 0; j < COLUMNS; j++) start[j] = (int32_t)random_bits();
  k->s8_in(side, channels, in, inputs.data, step);
  for (size_t j = 0; j < columns; j += NR) {
    k->s8_filter(side, columns - j < NR ? columns - j : NR, channels, (const int8_t *)taps.data + j * 9 * channels,
                 (int16_t *)filters.data + j / NR * panel, point, NR);
  }
  for (size_t p = 0; p < points; p++) {
    multiply(channels, (const int16_t *)inputs.data + p * step, (const int16_t *)filters.data + p * point,
             (int32_t *)sums.data + p * COLUMNS, columns);
  }
  k->s32_out(side, columns, sums.data, COLUMNS, start, out.data, COLUMNS);
  for (size_t i = 0; i < side * side; i++) {
    for (size_t j = 0; j < columns; j++) {
      const int32_t sum = sum_of(side, in, (const int8_t *)taps.data + j * 9 * channels, channels, i);
      const int32_t want = (int32_t)((uint32_t)start[j] + (uint32_t)sum), found = ((int32_t *)out.data)[i * COLUMNS + j];
      if (want != found) fail_msg("side %zu, %zu channels, output %zu, column %zu: expected %d, found %d", side, channels, i, j, want, found);
    }
  }
  for (size_t i = 0; i < points; i++) unguard(&pixels[i]);
  guarded *const all[] = {&taps, &sums, &inputs, &filters, &out};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) unguard(all[i]);
}

static void check_kernels(const ufi_kernels *kernels) {
  const ufk_qwinograd_table *k = &kernels->qwinograd;
  for (size_t side = 2; side <= 4; side += 2) {
    const size_t most = side == 4 ? UFK_QWINOGRAD_CHANNELS_4 : UFK_QWINOGRAD_CHANNELS_2;
    for (size_t channels = 1; channels <= 70; channels++) check_tile(k, side, channels, 1 + channels % COLUMNS, (kind)(channels % 3));
    for (int content = ANY; content <= MIXED; content++) check_tile(k, side, most, 3, (kind)content);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
