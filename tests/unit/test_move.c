/* SPDX-License-Identifier: Apache-2.0
 *
 * test_move.c: strided copies against one loop per element, for every element
 * size, with the steps of transposes, reversals, repetitions and crops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ops/move.h"

static uint64_t seed = 1;

static int64_t pick(int64_t low, int64_t high) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return low + (int64_t)((seed >> 33) % (uint64_t)(high - low + 1));
}

static unsigned get(const uint8_t *p, int64_t at, int bits) { return p[at * bits / 8] >> (at * bits % 8) & ((1u << bits) - 1); }

/* What a move means, one element at a time. */
static void naive(const ufi_move *m, int bits, uint8_t *out, const uint8_t *in, int32_t d, int64_t to, int64_t from) {
  if (d < m->rank) {
    for (int64_t i = 0; i < m->extent[d]; i++)
      naive(m, bits, out, in, d + 1, to + i * m->out_step[d], from + i * m->in_step[d]);
  } else if (bits >= 8) {
    memcpy(out + to * bits / 8, in + from * bits / 8, (size_t)bits / 8);
  } else {
    int shift = (int)(to * bits % 8);
    uint8_t *byte = out + to * bits / 8;
    *byte = (uint8_t)((*byte & ~(((1u << bits) - 1) << shift)) | get(in, from, bits) << shift);
  }
}

/* A random loop nest over an input of `size` elements and a dense output. */
static int64_t random_move(ufi_move *m, int64_t *in_count) {
  int64_t dims[6], own[6], step = 1, order[6], count = 1;
  *m = (ufi_move){0};
  int32_t rank = (int32_t)pick(0, 5);
  bool large = pick(0, 9) == 0;
  for (int32_t d = 0; d < rank; d++) {
    dims[d] = rank == 2 && large ? pick(1, 150) : pick(1, 9);
    order[d] = d;
  }
  for (int32_t d = rank - 1; d > 0; d--) { /* shuffle: the input's order of dimensions */
    int64_t other = pick(0, d), keep = order[d];
    order[d] = order[other];
    order[other] = keep;
  }
  for (int32_t k = rank - 1; k >= 0; k--) {
    int32_t d = (int32_t)order[k];
    int64_t stretch = pick(0, 3) == 0 ? 2 : 1; /* every second, sometimes */
    own[d] = step * stretch;
    step *= dims[d] * stretch;
  }
  *in_count = step;
  for (int32_t d = 0; d < rank; d++) {
    int64_t how = pick(0, 7);
    int64_t in_step = how == 0 ? 0 : how == 1 ? -own[d] : own[d], inner = 1;
    if (how == 1) m->in_at += (dims[d] - 1) * own[d];
    for (int32_t e = d + 1; e < rank; e++) inner *= dims[e];
    ufi_move_dim(m, dims[d], in_step, inner);
    count *= dims[d];
  }
  return count;
}

static void test_every_size(void **state) {
  static const uf_dtype dtypes[] = {UF_INT8, UF_INT16, UF_FLOAT32, UF_INT64, UF_STRING, UF_INT4, UF_INT2};
  for (int round = 0; round < 4000; round++) {
    uf_dtype dtype = dtypes[round % 7];
    int bits = uf_dtype_bits(dtype);
    int64_t in_count;
    ufi_move m;
    int64_t count = random_move(&m, &in_count);
    size_t in_size = (size_t)(in_count * bits + 7) / 8, size = (size_t)(count * bits + 7) / 8;
    uint8_t *in = malloc(in_size), *want = calloc(size, 1), *got = calloc(size, 1);
    for (size_t i = 0; i < in_size; i++) in[i] = (uint8_t)pick(0, 255);
    naive(&m, bits, want, in, 0, m.out_at, m.in_at);
    ufi_move_run(&m, dtype, got, in, NULL);
    assert_memory_equal(want, got, size);
    free(in);
    free(want);
    free(got);
  }
}

static void test_threads(void **state) {
  int64_t dims[3] = {7, 300, 513};
  ufi_move m = {0};
  size_t size = 7 * 300 * 513 * 4;
  uint8_t *in = malloc(size), *want = malloc(size), *got = calloc(size, 1);
  ufi_pool *pool = ufi_pool_create(3);
  ufi_pool_start(pool);
  for (size_t i = 0; i < size; i++) in[i] = (uint8_t)pick(0, 255);
  ufi_move_dim(&m, dims[0], dims[1] * dims[2], dims[1] * dims[2]);
  ufi_move_dim(&m, dims[2], 1, dims[1]);
  ufi_move_dim(&m, dims[1], dims[2], 1);
  naive(&m, 32, want, in, 0, 0, 0);
  ufi_move_run(&m, UF_FLOAT32, got, in, pool);
  assert_memory_equal(want, got, size);
  ufi_pool_release(pool);
  free(in);
  free(want);
  free(got);
}

static void test_nothing(void **state) {
  ufi_move m = {0};
  ufi_move_dim(&m, 3, 1, 1);
  ufi_move_dim(&m, 0, 1, 1);
  ufi_move_run(&m, UF_FLOAT32, NULL, NULL, NULL);
  ufi_move_run(&m, UF_INT4, NULL, NULL, NULL);
  ufi_move_run_flat(UF_FLOAT32, NULL, 0, NULL, 0, 0);
}

static void test_fill(void **state) {
  static const uf_dtype dtypes[] = {UF_INT8, UF_INT16, UF_FLOAT32, UF_INT64, UF_STRING};
  uint8_t value[16], got[16 * 3000], want[16 * 3000];
  for (int i = 0; i < 16; i++) value[i] = (uint8_t)(17 * i + 3);
  for (int k = 0; k < 5; k++) {
    size_t size = (size_t)uf_dtype_bits(dtypes[k]) / 8;
    for (int64_t n = 0; n < 2900; n += 1 + n / 3) {
      memset(got, 0, sizeof got);
      memset(want, 0, sizeof want);
      for (int64_t i = 0; i < n; i++) memcpy(want + (size_t)(i + 2) * size, value, size);
      ufi_move_fill(dtypes[k], got, 2, value, n);
      assert_memory_equal(want, got, sizeof got);
    }
  }
}

static void test_shapes(void **state) {
  int64_t dims[4] = {0, (int64_t)1 << 40, (int64_t)1 << 40, 3}, steps[4];
  ufi_move_steps(4, dims, steps);
  assert_int_equal(steps[3], 1);
  assert_int_equal(steps[2], 3);
  assert_int_equal(steps[0], 0); /* 3 * 2^80 does not fit */
  assert_int_equal(ufi_move_span(dims, 1, 4), 0);
  assert_int_equal(ufi_move_span(dims, 3, 4), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_size), cmocka_unit_test(test_threads), cmocka_unit_test(test_nothing),
    cmocka_unit_test(test_fill), cmocka_unit_test(test_shapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
