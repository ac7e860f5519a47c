/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conv.c: what convolutions and matrix products say about bad shapes and
 * options; that results do not depend on the number of threads; and what the
 * oracle cannot tell: activations that it ignores, a convolution without bias,
 * broadcast transposed matrices.
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
OP(CONV_2D); OP(DEPTHWISE_CONV_2D); OP(TRANSPOSE_CONV); OP(MAX_POOL_2D); OP(AVERAGE_POOL_2D);
OP(FULLY_CONNECTED); OP(BATCH_MATMUL); OP(CONV_3D);

#define DIMS(...) (int64_t[]){__VA_ARGS__}
#define F32(...) (float[]){__VA_ARGS__}

static const ufi_window_attrs same = {.same = true, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                                      .dilation_w = 1, .quantized_bias = UF_FLOAT32};

static float noise_of(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (float)(int32_t)*seed / 2147483648.0f;
}

/* Weights that are not constant, since there is no model to pack them for. */
static float *add_noise(oprun *r, int32_t rank, const int64_t *dims) {
  static uint32_t seed = 7;
  int64_t count = 1;
  for (int32_t i = 0; i < rank; i++) count *= dims[i];
  float *data = malloc((size_t)count * sizeof *data + 1);
  for (int64_t i = 0; i < count; i++) data[i] = noise_of(&seed);
  oprun_in(r, UF_FLOAT32, rank, dims, data)->is_const = false;
  return data;
}

static void end(oprun *r) {
  for (int32_t i = 0; i < r->ctx.n_in; i++) {
    if (r->in_list[i]->dtype == UF_FLOAT32) free(r->in_list[i]->data);
  }
  ufi_free(r->ctx.state);
  oprun_end(r);
}

/* ---- one axis ------------------------------------------------------------------- */

static void check_axis(bool is_same, int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                       int64_t out, int64_t before, int64_t after) {
  int64_t found[3];
  assert_true(ufi_window_axis(is_same, in, kernel, stride, dilation, &found[0], &found[1], &found[2]));
  assert_int_equal(found[0], out);
  assert_int_equal(found[1], before);
  assert_int_equal(found[2], after);
}

static void test_axis(void **state) {
  check_axis(true, 224, 3, 2, 1, 112, 0, 1);
  check_axis(true, 7, 3, 1, 1, 7, 1, 1);
  check_axis(true, 5, 1, 3, 1, 2, 0, 0);
  check_axis(true, 10, 3, 1, 4, 10, 4, 4);
  check_axis(false, 7, 3, 2, 1, 3, 0, 0);
  check_axis(false, 3, 3, 1, 1, 1, 0, 0);
  check_axis(false, 2, 3, 1, 1, 0, 0, 0);
  check_axis(false, 2, 5, 4, 1, 0, 0, 0);
  check_axis(true, 5, 3, 40000, 1, 1, 0, 0);
  check_axis(true, 5, 2, 1, 40000, 5, 20000, 20000);
  int64_t a, b, c;
  assert_false(ufi_window_axis(false, 1, 3, 1, 1, &a, &b, &c));
  assert_false(ufi_window_axis(true, 5, 0, 1, 1, &a, &b, &c));
  assert_false(ufi_window_axis(true, 5, 3, 0, 1, &a, &b, &c));
  assert_false(ufi_window_axis(true, 5, 3, 1, 0, &a, &b, &c));
}

/* ---- messages -------------------------------------------------------------------- */

static void refuse(const ufi_op_def *def, const void *attrs, const int64_t *const *dims,
                   const int32_t *ranks, int32_t n, uf_status status, const char *message) {
  oprun r;
  oprun_begin(&r);
  for (int32_t i = 0; i < n; i++) add_noise(&r, ranks[i], dims[i]);
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, def, attrs), status);
  assert_string_equal(r.error.message, message);
  end(&r);
}

#define REFUSE(op, attrs, status, message, ranks, ...)                                      \
  refuse(&ufi_op_##op, attrs, (const int64_t *[]){__VA_ARGS__}, (const int32_t[])ranks,     \
         (int32_t)UFI_COUNT(((const int64_t *[]){__VA_ARGS__})), UF_##status, message)
#define RANKS(...) {__VA_ARGS__}

static void test_conv_messages(void **state) {
  ufi_window_attrs zero_stride = same, valid = same;
  zero_stride.stride_w = 0;
  valid.same = false;
  REFUSE(CONV_2D, &same, INVALID_ARGUMENT,
         "expected filter input channels that divide the image's, and as many groups that divide the "
         "filters, found 4 of 6 channels and 8 filters",
         RANKS(4, 4), DIMS(1, 5, 5, 6), DIMS(8, 3, 3, 4));
  REFUSE(CONV_2D, &same, INVALID_ARGUMENT,
         "expected filter input channels that divide the image's, and as many groups that divide the "
         "filters, found 2 of 6 channels and 4 filters",
         RANKS(4, 4), DIMS(1, 5, 5, 6), DIMS(4, 3, 3, 2));
  REFUSE(CONV_2D, &same, INVALID_ARGUMENT,
         "expected a bias of 4 elements, one per output channel, found 3", RANKS(4, 4, 1),
         DIMS(1, 5, 5, 2), DIMS(4, 3, 3, 2), DIMS(3));
  REFUSE(CONV_2D, &zero_stride, INVALID_ARGUMENT,
         "expected strides and dilations of 1 and more, found strides 1x0, dilations 1x1",
         RANKS(4, 4), DIMS(1, 5, 5, 2), DIMS(4, 3, 3, 2));
  REFUSE(CONV_2D, &valid, INVALID_ARGUMENT,
         "expected a window that fits into the image, found a 9x3 window with dilation 1x1 on a 5x5 "
         "image, padding VALID",
         RANKS(4, 4), DIMS(1, 5, 5, 2), DIMS(4, 9, 3, 2));
  REFUSE(CONV_2D, &same, INVALID_ARGUMENT,
         "expected a filter with elements, found shape (4, 0, 3, 2)", RANKS(4, 4),
         DIMS(1, 5, 5, 2), DIMS(4, 0, 3, 2));
  REFUSE(DEPTHWISE_CONV_2D, &same, INVALID_ARGUMENT,
         "expected a filter (1, h, w, a multiple of the image's 4 channels), found (1, 3, 3, 6)",
         RANKS(4, 4), DIMS(1, 5, 5, 4), DIMS(1, 3, 3, 6));
}

static void test_product_messages(void **state) {
  ufi_fc_attrs fc = {0}, keep = {.keep_num_dims = true}, format = {.format = 2};
  ufi_bmm_attrs bmm = {0}, adj = {.adj_y = true};
  REFUSE(FULLY_CONNECTED, &fc, INVALID_ARGUMENT, "expected a bias of 5 elements, one per output channel, found 4",
         RANKS(2, 2, 1), DIMS(2, 4), DIMS(5, 4), DIMS(4));
  REFUSE(FULLY_CONNECTED, &keep, INVALID_ARGUMENT,
         "expected an input whose last dimension is 4, as the weights', found (4, 3)", RANKS(2, 2),
         DIMS(4, 3), DIMS(5, 4));
  REFUSE(FULLY_CONNECTED, &format, INVALID_ARGUMENT,
         "expected weights format 0 or 1 (SHUFFLED4x16INT8), found 2; the file is damaged or too new",
         RANKS(2, 2), DIMS(2, 4), DIMS(5, 4));
  REFUSE(BATCH_MATMUL, &bmm, INVALID_ARGUMENT,
         "expected matrices with the same inner dimension, found (2, 3) times (2, 3)", RANKS(2, 2),
         DIMS(2, 3), DIMS(2, 3));
  REFUSE(BATCH_MATMUL, &adj, INVALID_ARGUMENT,
         "expected matrices with the same inner dimension, found (2, 3) times (3, 2) transposed",
         RANKS(2, 2), DIMS(2, 3), DIMS(3, 2));
  REFUSE(BATCH_MATMUL, &bmm, INVALID_ARGUMENT,
         "expected shapes whose dimensions before the last two are equal or 1, found (2, 1, 1) and "
         "(3, 1, 1)",
         RANKS(3, 3), DIMS(2, 1, 1), DIMS(3, 1, 1));
}

static void test_transpose_message(void **state) {
  const int32_t shape[4] = {1, 9, 9, 5};
  oprun r;
  oprun_begin(&r);
  oprun_in(&r, UF_INT32, 1, DIMS(4), shape);
  add_noise(&r, 4, DIMS(4, 3, 3, 2));
  add_noise(&r, 4, DIMS(1, 5, 5, 2));
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, &ufi_op_TRANSPOSE_CONV, &same), UF_INVALID_ARGUMENT);
  assert_string_equal(r.error.message,
                      "expected an output shape (1, height, width, 4), found (1, 9, 9, 5)");
  end(&r);
}

/* ---- what the oracle cannot tell ---------------------------------------------------- */

/* 2 x 3 image of one channel, 1x1 filter of weight 2, no bias. */
static void one_tap(ufi_act act, const float expected[6]) {
  ufi_window_attrs attrs = same;
  attrs.act = act;
  float image[6] = {-1.0f, 0.25f, 3.0f, -0.5f, 0.0f, 5.0f}, weight = 2.0f;
  oprun r;
  oprun_begin(&r);
  oprun_in(&r, UF_FLOAT32, 4, DIMS(1, 2, 3, 1), image);
  oprun_in(&r, UF_FLOAT32, 4, DIMS(1, 1, 1, 1), &weight)->is_const = false;
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, &ufi_op_CONV_2D, &attrs), UF_OK);
  const float *found = r.out[0].data;
  for (int i = 0; i < 6; i++) assert_float_equal(found[i], expected[i], 1e-6f);
  ufi_free(r.ctx.state);
  oprun_end(&r);
}

static void test_activations(void **state) {
  one_tap(UFI_ACT_NONE, F32(-2.0f, 0.5f, 6.0f, -1.0f, 0.0f, 10.0f));
  one_tap(UFI_ACT_RELU, F32(0.0f, 0.5f, 6.0f, 0.0f, 0.0f, 10.0f));
  one_tap(UFI_ACT_RELU_N1_TO_1, F32(-1.0f, 0.5f, 1.0f, -1.0f, 0.0f, 1.0f));
  one_tap(UFI_ACT_RELU6, F32(0.0f, 0.5f, 6.0f, 0.0f, 0.0f, 6.0f));
  /* Passed over, as by every resolver of TFLite. */
  one_tap(UFI_ACT_TANH, F32(-2.0f, 0.5f, 6.0f, -1.0f, 0.0f, 10.0f));
  one_tap(UFI_ACT_SIGN_BIT, F32(-2.0f, 0.5f, 6.0f, -1.0f, 0.0f, 10.0f));
}

/* x (5, k, m) transposed times y (1, k, n): TFLite's reference reads memory it
 * never wrote here. */
static void test_broadcast_transposed(void **state) {
  enum { B = 5, M = 3, K = 4, N = 2 };
  ufi_bmm_attrs attrs = {.adj_x = true};
  oprun r;
  oprun_begin(&r);
  const float *x = add_noise(&r, 3, DIMS(B, K, M)), *y = add_noise(&r, 3, DIMS(1, K, N));
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, &ufi_op_BATCH_MATMUL, &attrs), UF_OK);
  const float *found = r.out[0].data;
  for (int i = 0; i < B * M * N; i++) {
    int b = i / (M * N), m = i / N % M, n = i % N;
    float sum = 0.0f;
    for (int k = 0; k < K; k++) sum += x[(b * K + k) * M + m] * y[k * N + n];
    assert_float_equal(found[i], sum, 1e-6f);
  }
  end(&r);
}

/* ---- threads --------------------------------------------------------------------------- */

typedef struct job {
  const ufi_op_def *def;
  const void *attrs;
  int32_t n, ranks[3];
  int64_t dims[3][5];
} job;

/* Runs it on the pool with inputs that depend on nothing but the job. */
static void *run_job(const job *j, ufi_pool *pool, size_t *size_out) {
  oprun r;
  oprun_begin(&r);
  r.ctx.pool = pool;
  uint32_t seed = 3;
  for (int32_t i = 0; i < j->n; i++) {
    float *data = add_noise(&r, j->ranks[i], j->dims[i]);
    for (int64_t k = 0; k < r.in[i].count; k++) data[k] = noise_of(&seed);
  }
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, j->def, j->attrs), UF_OK);
  *size_out = r.out[0].size;
  void *out = r.out[0].data;
  r.out[0].data = NULL;
  end(&r);
  return out;
}

static void test_threads(void **state) {
  static const ufi_window_attrs strided = {.same = true, .stride_h = 2, .stride_w = 1,
                                           .dilation_h = 1, .dilation_w = 1, .act = UFI_ACT_RELU6};
  static const ufi_window_attrs pool3 = {.same = true, .stride_h = 2, .stride_w = 2,
                                         .dilation_h = 1, .dilation_w = 1, .filter_h = 3,
                                         .filter_w = 3};
  static const ufi_fc_attrs fc;
  static const ufi_bmm_attrs bmm = {.adj_x = true};
  const job jobs[] = {
      {&ufi_op_CONV_2D, &strided, 2, {4, 4}, {{2, 30, 31, 20}, {70, 3, 3, 20}}},
      {&ufi_op_CONV_2D, &same, 2, {4, 4}, {{1, 7, 7, 300}, {130, 3, 3, 300}}},
      {&ufi_op_CONV_2D, &same, 2, {4, 4}, {{1, 40, 40, 32}, {64, 3, 3, 8}}},
      {&ufi_op_CONV_2D, &strided, 2, {4, 4}, {{1, 64, 64, 3}, {32, 3, 3, 3}}},
      {&ufi_op_DEPTHWISE_CONV_2D, &strided, 2, {4, 4}, {{2, 30, 31, 40}, {1, 3, 3, 80}}},
      {&ufi_op_AVERAGE_POOL_2D, &pool3, 1, {4}, {{2, 30, 31, 40}}},
      {&ufi_op_MAX_POOL_2D, &pool3, 1, {4}, {{2, 30, 31, 40}}},
      {&ufi_op_FULLY_CONNECTED, &fc, 2, {2, 2}, {{1, 1000}, {500, 1000}}},
      {&ufi_op_FULLY_CONNECTED, &fc, 2, {2, 2}, {{50, 700}, {90, 700}}},
      {&ufi_op_BATCH_MATMUL, &bmm, 2, {3, 3}, {{2, 100, 90}, {2, 100, 80}}},
      {&ufi_op_BATCH_MATMUL, &bmm, 2, {3, 3}, {{9, 100, 90}, {9, 100, 80}}},
  };
  for (size_t i = 0; i < UFI_COUNT(jobs); i++) {
    size_t size = 0;
    void *one = run_job(&jobs[i], NULL, &size);
    for (int32_t threads = 2; threads <= 3; threads++) {
      ufi_pool *pool = ufi_pool_create(threads);
      ufi_pool_start(pool);
      void *many = run_job(&jobs[i], pool, &size);
      assert_memory_equal(one, many, size);
      free(many);
      ufi_pool_release(pool);
    }
    free(one);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_axis),
      cmocka_unit_test(test_conv_messages),
      cmocka_unit_test(test_product_messages),
      cmocka_unit_test(test_transpose_message),
      cmocka_unit_test(test_activations),
      cmocka_unit_test(test_broadcast_transposed),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
