/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conv_quant.c: what quantized convolutions and matrix products say about
 * types and scales that do not go together, and that results do not depend on
 * the number of threads. Values are compared with the oracle elsewhere.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oprun.h"
#include "ops/conv.h"

#define OP(name) extern const ufi_op_def ufi_op_##name
OP(CONV_2D); OP(DEPTHWISE_CONV_2D); OP(AVERAGE_POOL_2D); OP(FULLY_CONNECTED); OP(BATCH_MATMUL);

#define DIMS(...) (int64_t[]){__VA_ARGS__}

static const ufi_window_attrs same = {.same = true, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                                      .dilation_w = 1, .quantized_bias = UF_FLOAT32};

/* ---- messages -------------------------------------------------------------------- */

/* A 1x1 convolution of one pixel with two channels to two, and what may be
 * wrong with it. */
typedef struct setup {
  uf_dtype in, filter, bias, out;
  float in_scale, filter_scales[3], out_scale; /* in or out 0: not quantized */
  int64_t in_zero, filter_zeros[3], out_zero;
  int64_t filter_count;
  const char *message;
} setup;

static uf_quant quant_of(const float *scales, const int64_t *zeros, int64_t count) {
  return (uf_quant){.count = count, .scales = scales, .zero_points = zeros};
}

static void check_setup(const setup *s) {
  static const int64_t zeros[64];
  oprun r;
  oprun_begin(&r);
  uf_quant in = quant_of(&s->in_scale, &s->in_zero, 1), out = quant_of(&s->out_scale, &s->out_zero, 1);
  uf_quant filter = quant_of(s->filter_scales, s->filter_zeros, s->filter_count);
  oprun_in(&r, s->in, 4, DIMS(1, 1, 1, 2), zeros)->quant = s->in_scale != 0 ? &in : NULL;
  ufi_tensor *w = oprun_in(&r, s->filter, 4, DIMS(2, 1, 1, 2), zeros);
  w->quant = s->filter_count ? &filter : NULL;
  w->is_const = false;
  oprun_in(&r, s->bias, 1, DIMS(2), zeros);
  oprun_out(&r, s->out)->quant = s->out_scale != 0 ? &out : NULL;
  assert_int_not_equal(oprun_go(&r, &ufi_op_CONV_2D, &same), UF_OK);
  if (!strstr(r.error.message, s->message)) fail_msg("expected '%s', found '%s'", s->message, r.error.message);
  ufi_free(r.ctx.state);
  oprun_end(&r);
}

#define GOOD .in = UF_INT8, .filter = UF_INT8, .bias = UF_INT32, .out = UF_INT8, .in_scale = 1,   \
             .filter_scales = {1, 1, 1}, .out_scale = 1, .filter_count = 1
#pragma GCC diagnostic ignored "-Woverride-init"

static void test_messages(void **state) {
  const setup setups[] = {
      {GOOD, .in_scale = 0, .message = "expected a scale of the input 'in' (int8), found none"},
      {GOOD, .out_scale = 0, .message = "expected a scale of the output 'out' (int8), found none"},
      {GOOD, .in_scale = -1, .message = "expected one positive scale of the input"},
      {GOOD, .in_scale = NAN, .message = "expected one positive scale of the input"},
      {GOOD, .in_zero = 128, .message = "expected a zero point of the input 'in' within int8, found 128"},
      {GOOD, .filter_count = 3, .message = "one for each of 2 output channels, found 3"},
      {GOOD, .filter_count = 0, .message = "one for each of 2 output channels, found 0"},
      {GOOD, .filter_scales = {INFINITY}, .message = "expected finite scales of 0 and more of the weights"},
      {GOOD, .filter_zeros = {5}, .message = "expected zero points 0 of the weights 'in', found 5"},
      {GOOD, .bias = UF_FLOAT32, .message = "expected a bias 'in' of dtype int32, found float32"},
      {GOOD, .filter = UF_UINT8, .message = "found int8 with uint8 to int8"},
      {GOOD, .out = UF_INT16, .message = "found int8 with int8 to int16"},
      {GOOD, .in = UF_FLOAT32, .message = "found float32 with int8 to int8"},
      {GOOD, .in = UF_INT32, .message = "found int32 with int8 to int8"},
      {GOOD, .in = UF_INT16, .out = UF_INT16, .in_zero = 1,
       .message = "expected zero point 0 of the input 'in', as int16 tensors have, found 1"},
      {GOOD, .in = UF_UINT8, .filter = UF_UINT8, .out = UF_UINT8, .filter_count = 2,
       .message = "expected one scale of the weights 'in', found 2"},
  };
  for (size_t i = 0; i < UFI_COUNT(setups); i++) check_setup(&setups[i]);
}

/* ---- threads ----------------------------------------------------------------------- */

typedef struct job {
  const ufi_op_def *def;
  const void *attrs;
  uf_dtype dtype, weights;
  int32_t n_in, rank[2];
  int64_t dims[2][4];
} job;

static void *noise(size_t bytes) {
  static uint32_t seed = 7;
  uint8_t *data = malloc(bytes + 1);
  for (size_t i = 0; i < bytes; i++) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (uint8_t)((seed >> 16) % 100); /* positive, and fine floats */
  }
  return data;
}

static void *run_job(const job *j, void *const data[2], ufi_pool *pool, size_t *size_out) {
  static const float scales[2] = {0.1f, 900.0f};
  static const int64_t zeros[2] = {3, 0};
  const uf_quant quant = quant_of(scales, zeros, 1), weights = quant_of(scales, zeros + 1, 1);
  const uf_quant out = quant_of(scales + 1, zeros + 1, 1);
  oprun r;
  oprun_begin(&r);
  r.ctx.pool = pool;
  for (int32_t i = 0; i < j->n_in; i++) {
    ufi_tensor *t = oprun_in(&r, i ? j->weights : j->dtype, j->rank[i], j->dims[i], data[i]);
    t->is_const = false;
    t->quant = i ? &weights : &quant;
  }
  oprun_out(&r, j->dtype)->quant = j->n_in == 1 ? &quant : &out;
  assert_int_equal(oprun_go(&r, j->def, j->attrs), UF_OK);
  *size_out = r.out[0].size;
  void *found = r.out[0].data;
  r.out[0].data = NULL;
  ufi_free(r.ctx.state);
  oprun_end(&r);
  return found;
}

static void check_job(const job *j) {
  void *data[2] = {NULL, NULL};
  for (int32_t i = 0; i < j->n_in; i++) {
    int64_t count = 0;
    assert_true(ufi_shape_count(j->rank[i], j->dims[i], &count));
    data[i] = noise((size_t)count * 4);
  }
  size_t size = 0;
  void *one = run_job(j, data, NULL, &size);
  for (int32_t threads = 2; threads <= 3; threads++) {
    ufi_pool *pool = ufi_pool_create(threads);
    ufi_pool_start(pool);
    void *many = run_job(j, data, pool, &size);
    assert_memory_equal(one, many, size);
    free(many);
    ufi_pool_release(pool);
  }
  free(one);
  free(data[0]);
  free(data[1]);
}

static void test_threads(void **state) {
  static const ufi_window_attrs strided = {.same = true, .stride_h = 2, .stride_w = 1,
                                           .dilation_h = 1, .dilation_w = 1, .act = UFI_ACT_RELU};
  static const ufi_window_attrs pool3 = {.same = true, .stride_h = 2, .stride_w = 2,
                                         .dilation_h = 1, .dilation_w = 1, .filter_h = 3,
                                         .filter_w = 3};
  static const ufi_fc_attrs fc = {.asymmetric_inputs = true};
  static const ufi_bmm_attrs bmm = {.adj_x = true};
  const job jobs[] = {
      {&ufi_op_CONV_2D, &strided, UF_INT8, UF_INT8, 2, {4, 4}, {{2, 30, 31, 20}, {70, 3, 3, 20}}},
      {&ufi_op_CONV_2D, &same, UF_INT8, UF_INT8, 2, {4, 4}, {{1, 7, 7, 300}, {130, 3, 3, 300}}},
      {&ufi_op_CONV_2D, &same, UF_INT8, UF_INT8, 2, {4, 4}, {{1, 20, 20, 32}, {64, 3, 3, 8}}},
      {&ufi_op_CONV_2D, &same, UF_FLOAT32, UF_INT8, 2, {4, 4}, {{2, 20, 20, 32}, {64, 3, 3, 32}}},
      {&ufi_op_DEPTHWISE_CONV_2D, &strided, UF_INT8, UF_INT8, 2, {4, 4}, {{2, 30, 31, 40}, {1, 3, 3, 40}}},
      {&ufi_op_DEPTHWISE_CONV_2D, &strided, UF_INT8, UF_INT8, 2, {4, 4}, {{2, 30, 31, 20}, {1, 3, 3, 40}}},
      {&ufi_op_AVERAGE_POOL_2D, &pool3, UF_INT8, UF_INT8, 1, {4}, {{2, 60, 61, 40}}},
      {&ufi_op_FULLY_CONNECTED, &fc, UF_INT8, UF_INT8, 2, {2, 2}, {{1, 1000}, {500, 1000}}},
      {&ufi_op_FULLY_CONNECTED, &fc, UF_FLOAT32, UF_INT8, 2, {2, 2}, {{90, 900}, {90, 900}}},
      {&ufi_op_BATCH_MATMUL, &bmm, UF_INT8, UF_INT8, 2, {3, 3}, {{2, 100, 90}, {2, 100, 80}}},
      {&ufi_op_BATCH_MATMUL, &bmm, UF_FLOAT32, UF_INT8, 2, {3, 3}, {{9, 100, 90}, {9, 100, 80}}},
  };
  for (size_t i = 0; i < UFI_COUNT(jobs); i++) check_job(&jobs[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
