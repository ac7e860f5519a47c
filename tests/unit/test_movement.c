/* SPDX-License-Identifier: Apache-2.0
 *
 * test_movement.c: what the ops that move data say about bad indices, and how
 * they treat what the oracle refuses: nothing at all, more than 5 dimensions,
 * axes that are not neighbours.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oprun.h"

#define OP(name) extern const ufi_op_def ufi_op_##name
OP(BATCH_TO_SPACE_ND); OP(BROADCAST_ARGS); OP(BROADCAST_TO); OP(CONCATENATION); OP(DILATE); OP(DYNAMIC_UPDATE_SLICE);
OP(EMBEDDING_LOOKUP); OP(EMBEDDING_LOOKUP_SPARSE); OP(EXPAND_DIMS); OP(FILL); OP(GATHER); OP(GATHER_ND);
OP(MIRROR_PAD); OP(ONE_HOT); OP(PACK); OP(PAD); OP(RANGE); OP(RESHAPE); OP(RESIZE_BILINEAR);
OP(REVERSE_SEQUENCE); OP(REVERSE_V2); OP(SCATTER_ND); OP(SEGMENT_SUM); OP(SHAPE); OP(SLICE); OP(SPACE_TO_BATCH_ND);
OP(SPARSE_TO_DENSE); OP(SPLIT_V); OP(SQUEEZE); OP(STRIDED_SLICE); OP(TILE); OP(TOPK_V2); OP(TRANSPOSE); OP(UNIQUE);
OP(UNSORTED_SEGMENT_SUM); OP(WHERE);

#define DIMS(...) (int64_t[]){__VA_ARGS__}
#define I32(...) (int32_t[]){__VA_ARGS__}
#define F32(...) (float[]){__VA_ARGS__}
static const int64_t scalar[1];

/* Attributes that are all zeros, whatever the op's struct is. */
static const int64_t zeros[16];

typedef struct input {
  uf_dtype dtype;
  int32_t rank;
  const int64_t *dims;
  const void *data;
} input;

#define INPUTS(...) (input[]){__VA_ARGS__, {0}}

/* Runs the op; out is the dtype of output 0 and 1. */
static uf_status go(oprun *r, const ufi_op_def *def, const void *attrs, const input *inputs, uf_dtype out, uf_dtype out1) {
  oprun_begin(r);
  for (; inputs->dtype; inputs++) oprun_in(r, inputs->dtype, inputs->rank, inputs->dims, inputs->data);
  oprun_out(r, out);
  if (out1) oprun_out(r, out1);
  return oprun_go(r, def, attrs);
}

static void refuse(const ufi_op_def *def, const void *attrs, const input *inputs, uf_dtype out, uf_status status,
                   const char *message) {
  oprun r;
  assert_int_equal(go(&r, def, attrs, inputs, out, UF_INVALID), status);
  assert_string_equal(r.error.message, message);
  oprun_end(&r);
}

static void expect(const ufi_op_def *def, const void *attrs, const input *inputs, uf_dtype out, int32_t rank,
                   const int64_t *dims, const void *data) {
  oprun r;
  uf_status status = go(&r, def, attrs, inputs, out, UF_INVALID);
  if (status != UF_OK) fail_msg("%s", r.error.message);
  assert_int_equal(r.out[0].rank, rank);
  for (int32_t d = 0; d < rank; d++) assert_int_equal(r.out[0].dims[d], dims[d]);
  if (r.out[0].size) assert_memory_equal(r.out[0].data, data, r.out[0].size);
  oprun_end(&r);
}

static const float six[] = {0, 1, 2, 3, 4, 5};
#define SIX {UF_FLOAT32, 2, DIMS(2, 3), six}
#define VECTOR(...) {UF_INT32, 1, DIMS((int64_t)(sizeof(I32(__VA_ARGS__)) / 4)), I32(__VA_ARGS__)}
#define EMPTY {UF_FLOAT32, 2, DIMS(0, 3), NULL}

static void test_bad_shapes(void **state) {
  refuse(&ufi_op_RESHAPE, zeros, INPUTS(SIX, VECTOR(4, 2)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected a new shape of 6 elements, as 'in' (2, 3) has, found (4, 2)");
  refuse(&ufi_op_RESHAPE, zeros, INPUTS(SIX, VECTOR(-1, -1)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected at most one -1 in the new shape, found (?, ?)");
  refuse(&ufi_op_RESHAPE, zeros, INPUTS(SIX, VECTOR(-7)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected extents of 0 and more in the new shape, found -7 in dimension 0");
  refuse(&ufi_op_RESHAPE, zeros, INPUTS(SIX, VECTOR(1, 1, 1, 1, 1, 1, 1, 6, 1)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected a new shape of at most 8 dimensions, found 9");
  refuse(&ufi_op_SQUEEZE, I32(1, 1), INPUTS(SIX), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected extent 1 in squeezed dimension 1, found 3");
  refuse(&ufi_op_EXPAND_DIMS, zeros, INPUTS(SIX, {UF_INT32, 0, scalar, I32(3)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected an axis in [-3, 3), found 3");
  refuse(&ufi_op_TRANSPOSE, zeros, INPUTS(SIX, VECTOR(0, 2)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected dimensions in [-2, 2) in the permutation, found 2 at position 1");
  refuse(&ufi_op_TRANSPOSE, zeros, INPUTS(SIX, VECTOR(1, -1)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected each dimension once in the permutation, found 1 twice");
  refuse(&ufi_op_BROADCAST_TO, zeros, INPUTS(SIX, VECTOR(3, 3)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected a shape that (2, 3) broadcasts to, found (3, 3)");
  refuse(&ufi_op_BROADCAST_ARGS, zeros, INPUTS(VECTOR(2, 3), VECTOR(4, 3)), UF_INT32, UF_INVALID_ARGUMENT,
         "expected shapes that broadcast, found extents 2 and 4 in the last dimension but 1");
  refuse(&ufi_op_FILL, zeros, INPUTS(VECTOR(2, -3), {UF_FLOAT32, 0, scalar, six}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected extents of 0 and more, found -3 for dimension 1");
  refuse(&ufi_op_TILE, zeros, INPUTS(SIX, VECTOR(2, -1)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected multiples of 0 and more with a result below 2^63, found -1 for dimension 1");
  refuse(&ufi_op_PAD, zeros, INPUTS(SIX, {UF_INT32, 2, DIMS(2, 2), I32(0, 0, -1, 2)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected paddings of 0 and more, found -1 and 2 for dimension 1");
  refuse(&ufi_op_MIRROR_PAD, I32(1), INPUTS(SIX, {UF_INT32, 2, DIMS(2, 2), I32(0, 2, 0, 0)}), UF_FLOAT32,
         UF_INVALID_ARGUMENT,
         "expected paddings of at most 1 for dimension 0, which is all there is to mirror, found 0 and 2");
  refuse(&ufi_op_DILATE, zeros, INPUTS(SIX, VECTOR(1, 0), {UF_FLOAT32, 0, scalar, six}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected dilations of 1 and more, found 0 for dimension 1");
}

static void test_bad_indices(void **state) {
  refuse(&ufi_op_GATHER, zeros, INPUTS(SIX, VECTOR(0, 2)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected indices in [0, 2) (extent of axis 0), found 2 at position 1");
  refuse(&ufi_op_GATHER, zeros, INPUTS(SIX, VECTOR(-1)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected indices in [0, 2) (extent of axis 0), found -1 at position 0");
  refuse(&ufi_op_GATHER_ND, zeros, INPUTS(SIX, {UF_INT32, 2, DIMS(1, 2), I32(1, 3)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected coordinates in [0, 3) for dimension 1, found 3 in coordinate 0");
  refuse(&ufi_op_SCATTER_ND, zeros,
         INPUTS({UF_INT32, 2, DIMS(2, 1), I32(1, 4)}, {UF_FLOAT32, 1, DIMS(2), six}, VECTOR(4)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected coordinates in [0, 4) for dimension 0, found 4 in coordinate 1");
  refuse(&ufi_op_SCATTER_ND, zeros,
         INPUTS({UF_INT32, 2, DIMS(2, 1), I32(1, 2)}, {UF_FLOAT32, 1, DIMS(3), six}, VECTOR(4)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected updates of shape (2,), found (3,)");
  refuse(&ufi_op_SPARSE_TO_DENSE, zeros,
         INPUTS(VECTOR(5), VECTOR(5), {UF_FLOAT32, 0, scalar, six}, {UF_FLOAT32, 0, scalar, six}), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected coordinates in [0, 5) for dimension 0, found 5 in coordinate 0");
  refuse(&ufi_op_SLICE, zeros, INPUTS(SIX, VECTOR(0, 4), VECTOR(1, 0)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected begin in [0, 3] for dimension 1, found 4");
  refuse(&ufi_op_SLICE, zeros, INPUTS(SIX, VECTOR(0, 2), VECTOR(1, 2)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected size in [0, 1] (or -1) for dimension 1, found 2");
  refuse(&ufi_op_STRIDED_SLICE, zeros, INPUTS(SIX, VECTOR(0, 0), VECTOR(2, 3), VECTOR(1, 0)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected a stride other than 0, found 0 for dimension 1");
  refuse(&ufi_op_STRIDED_SLICE, I32(0, 0, 0, 0, 2, 0), INPUTS(SIX, VECTOR(0, 3), VECTOR(2, 4), VECTOR(1, 1)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected an index in [-3, 3) for dimension 1, found 3");
  refuse(&ufi_op_SEGMENT_SUM, zeros, INPUTS({UF_FLOAT32, 1, DIMS(3), six}, VECTOR(0, 2, 2)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected segment ids that begin at 0 and go up by 0 or 1, found 2 at position 1");
  refuse(&ufi_op_UNSORTED_SEGMENT_SUM, zeros,
         INPUTS({UF_FLOAT32, 1, DIMS(3), six}, VECTOR(0, 3, 1), {UF_INT32, 0, scalar, I32(3)}), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected segment ids below 3, found 3 at position 1");
  refuse(&ufi_op_EMBEDDING_LOOKUP, zeros, INPUTS(VECTOR(0, 2), SIX), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected ids in [0, 2) (rows of the table), found 2 at position 1");
  refuse(&ufi_op_EMBEDDING_LOOKUP_SPARSE, zeros,
         INPUTS(VECTOR(1), {UF_INT32, 2, DIMS(1, 2), I32(3, 0)}, VECTOR(3, 1), {UF_FLOAT32, 1, DIMS(1), six}, SIX),
         UF_FLOAT32, UF_INVALID_ARGUMENT, "expected coordinates in [0, 3) for dimension 0, found 3 in coordinate 0");
  refuse(&ufi_op_REVERSE_SEQUENCE, I32(1, 0), INPUTS(SIX, VECTOR(1, 4)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected sequence lengths in [0, 3], found 4 for batch 1");
  refuse(&ufi_op_REVERSE_V2, zeros, INPUTS(SIX, VECTOR(0, -2)), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected each axis once, found 0 twice");
}

static void test_bad_sizes(void **state) {
  refuse(&ufi_op_TOPK_V2, zeros, INPUTS(SIX, {UF_INT32, 0, scalar, I32(4)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected output 1 of dtype int32 or int16 or int64, found nothing (an omitted input)");
  oprun r;
  assert_int_equal(go(&r, &ufi_op_TOPK_V2, zeros, INPUTS(SIX, {UF_INT32, 0, scalar, I32(4)}), UF_FLOAT32, UF_INT32),
                   UF_INVALID_ARGUMENT);
  assert_string_equal(r.error.message, "expected k from 0 up to the last extent 3, found 4");
  oprun_end(&r);
  refuse(&ufi_op_SPLIT_V, I32(1), INPUTS(SIX, VECTOR(4), {UF_INT32, 0, scalar, I32(1)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected sizes in [0, 3], or one -1, found 4 at position 0");
  refuse(&ufi_op_SPLIT_V, I32(1), INPUTS(SIX, VECTOR(2), {UF_INT32, 0, scalar, I32(1)}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected sizes that add up to the extent 3 of the axis, found a sum of 2");
  refuse(&ufi_op_RANGE, zeros,
         INPUTS({UF_INT32, 0, scalar, I32(0)}, {UF_INT32, 0, scalar, I32(5)}, {UF_INT32, 0, scalar, I32(0)}), UF_INT32,
         UF_INVALID_ARGUMENT, "expected a step that leads from start to limit, found start 0, limit 5, step 0");
  refuse(&ufi_op_RANGE, zeros,
         INPUTS({UF_FLOAT32, 0, scalar, F32(0)}, {UF_FLOAT32, 0, scalar, F32(1e30f)}, {UF_FLOAT32, 0, scalar, F32(1e-9f)}),
         UF_FLOAT32, UF_INVALID_ARGUMENT, "expected a range of less than 2^31 values, found inf");
  refuse(&ufi_op_RESIZE_BILINEAR, zeros, INPUTS({UF_FLOAT32, 4, DIMS(1, 2, 3, 1), six}, VECTOR(0, 4)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected a new size of 1 x 1 or more, found 0 x 4");
  refuse(&ufi_op_RESIZE_BILINEAR, zeros, INPUTS({UF_FLOAT32, 4, DIMS(1, 0, 3, 1), six}, VECTOR(4, 4)), UF_FLOAT32,
         UF_INVALID_ARGUMENT, "expected an image of 1 x 1 or more, found 0 x 3");
  refuse(&ufi_op_SPACE_TO_BATCH_ND, zeros,
         INPUTS({UF_FLOAT32, 4, DIMS(1, 2, 3, 1), six}, VECTOR(2, 2), {UF_INT32, 2, DIMS(2, 2), I32(0, 0, 0, 0)}),
         UF_FLOAT32, UF_INVALID_ARGUMENT, "expected block size 2 to divide the padded extent of dimension 2, found extent 3");
  refuse(&ufi_op_BATCH_TO_SPACE_ND, zeros,
         INPUTS({UF_FLOAT32, 4, DIMS(2, 1, 3, 1), six}, VECTOR(2, 1), {UF_INT32, 2, DIMS(2, 2), I32(0, 3, 0, 0)}),
         UF_FLOAT32, UF_INVALID_ARGUMENT, "expected crops that leave dimension 1 at 0 or more, found 0 and 3");
  refuse(&ufi_op_BATCH_TO_SPACE_ND, zeros,
         INPUTS({UF_FLOAT32, 4, DIMS(2, 1, 3, 1), six}, VECTOR(0, 1), {UF_INT32, 2, DIMS(2, 2), I32(0, 0, 0, 0)}),
         UF_FLOAT32, UF_INVALID_ARGUMENT, "expected block sizes of 1 and more, found 0 for dimension 1");
  refuse(&ufi_op_CONCATENATION, zeros, INPUTS(SIX, {UF_FLOAT32, 2, DIMS(2, 2), six}), UF_FLOAT32, UF_INVALID_ARGUMENT,
         "expected shapes that differ in dimension 0 only, found (2, 3) of 'in' and (2, 2) of 'in'");
}

static void test_empty(void **state) {
  expect(&ufi_op_REVERSE_V2, zeros, INPUTS(EMPTY, VECTOR(0)), UF_FLOAT32, 2, DIMS(0, 3), NULL);
  expect(&ufi_op_TRANSPOSE, zeros, INPUTS(EMPTY, VECTOR(1, 0)), UF_FLOAT32, 2, DIMS(3, 0), NULL);
  expect(&ufi_op_SLICE, zeros, INPUTS(SIX, VECTOR(2, 3), VECTOR(-1, 0)), UF_FLOAT32, 2, DIMS(0, 0), NULL);
  expect(&ufi_op_STRIDED_SLICE, zeros, INPUTS(SIX, VECTOR(1, 0), VECTOR(1, 3), VECTOR(1, 1)), UF_FLOAT32, 2, DIMS(0, 3), NULL);
  expect(&ufi_op_TILE, zeros, INPUTS(SIX, VECTOR(0, 2)), UF_FLOAT32, 2, DIMS(0, 6), NULL);
  expect(&ufi_op_TILE, zeros, INPUTS(EMPTY, VECTOR(3, 2)), UF_FLOAT32, 2, DIMS(0, 6), NULL);
  expect(&ufi_op_CONCATENATION, zeros, INPUTS(EMPTY, SIX, EMPTY), UF_FLOAT32, 2, DIMS(2, 3), six);
  expect(&ufi_op_PACK, I32(2, 0), INPUTS(EMPTY, EMPTY), UF_FLOAT32, 3, DIMS(2, 0, 3), NULL);
  expect(&ufi_op_GATHER, zeros, INPUTS(SIX, {UF_INT32, 1, DIMS(0), NULL}), UF_FLOAT32, 2, DIMS(0, 3), NULL);
  expect(&ufi_op_WHERE, zeros, INPUTS({UF_FLOAT32, 1, DIMS(2), F32(0, 0)}), UF_INT64, 2, DIMS(0, 1), NULL);
  expect(&ufi_op_RANGE, zeros,
         INPUTS({UF_INT32, 0, scalar, I32(3)}, {UF_INT32, 0, scalar, I32(3)}, {UF_INT32, 0, scalar, I32(-2)}), UF_INT32, 1,
         DIMS(0), NULL);
  expect(&ufi_op_SEGMENT_SUM, zeros, INPUTS(EMPTY, {UF_INT32, 1, DIMS(0), NULL}), UF_FLOAT32, 2, DIMS(0, 3), NULL);
  expect(&ufi_op_ONE_HOT, zeros,
         INPUTS(VECTOR(1), {UF_INT32, 0, scalar, I32(0)}, {UF_FLOAT32, 0, scalar, six}, {UF_FLOAT32, 0, scalar, six}),
         UF_FLOAT32, 2, DIMS(0, 1), NULL);
  expect(&ufi_op_SHAPE, zeros, INPUTS({UF_FLOAT32, 0, scalar, six}), UF_INT32, 1, DIMS(0), NULL);
  expect(&ufi_op_DILATE, zeros, INPUTS(EMPTY, VECTOR(2, 2), {UF_FLOAT32, 0, scalar, six}), UF_FLOAT32, 2, DIMS(0, 5), NULL);
  expect(&ufi_op_DYNAMIC_UPDATE_SLICE, zeros, INPUTS(SIX, EMPTY, VECTOR(0, 0)), UF_FLOAT32, 2, DIMS(2, 3), six);
  expect(&ufi_op_PAD, zeros, INPUTS(EMPTY, {UF_INT32, 2, DIMS(2, 2), I32(1, 0, 0, 0)}), UF_FLOAT32, 2, DIMS(1, 3),
         F32(0, 0, 0));
}

/* Beyond what the oracle takes. */
static void test_more(void **state) {
  expect(&ufi_op_REVERSE_V2, zeros, INPUTS({UF_FLOAT32, 3, DIMS(2, 1, 3), six}, VECTOR(2, 0)), UF_FLOAT32, 3, DIMS(2, 1, 3),
         F32(5, 4, 3, 2, 1, 0));
  expect(&ufi_op_SLICE, zeros,
         INPUTS({UF_FLOAT32, 7, DIMS(1, 1, 2, 1, 1, 3, 1), six}, VECTOR(0, 0, 1, 0, 0, 1, 0), VECTOR(1, 1, 1, 1, 1, 2, 1)),
         UF_FLOAT32, 7, DIMS(1, 1, 1, 1, 1, 2, 1), F32(4, 5));
  expect(&ufi_op_PAD, zeros,
         INPUTS({UF_INT8, 1, DIMS(2), "\1\2"}, {UF_BOOL, 2, DIMS(1, 2), "\1\1"}), UF_INT8, 1, DIMS(4), "\0\1\2\0");
  expect(&ufi_op_TILE, zeros, INPUTS({UF_INT16, 1, DIMS(2), "abcd"}, VECTOR(2)), UF_INT16, 1, DIMS(4), "abcdabcd");
  expect(&ufi_op_CONCATENATION, zeros, INPUTS({UF_FLOAT32, 0, scalar, six + 2}, {UF_FLOAT32, 0, scalar, six + 3}), UF_FLOAT32,
         1, DIMS(2), F32(2, 3));
  /* An int4 table with rows of an odd number of columns: row 1 begins inside a byte. */
  oprun r;
  float scale = 0.5f;
  int64_t zero = 0;
  uf_quant q = {.count = 1, .scales = &scale, .zero_points = &zero};
  oprun_begin(&r);
  oprun_in(&r, UF_INT32, 1, DIMS(2), I32(1, 0));
  oprun_in(&r, UF_INT4, 2, DIMS(2, 3), "\x21\xf3\xe8")->quant = &q; /* 1 2 3, -1 -8 -2 */
  oprun_out(&r, UF_FLOAT32);
  assert_int_equal(oprun_go(&r, &ufi_op_EMBEDDING_LOOKUP, zeros), UF_OK);
  assert_memory_equal(r.out[0].data, F32(-0.5f, -4, -1, 0.5f, 1, 1.5f), 24);
  oprun_end(&r);
}

/* NaN is below every number; equal numbers stay in order. */
static void test_topk_nan(void **state) {
  oprun r;
  float x[] = {1, NAN, -INFINITY, INFINITY, NAN, -0.0f, 0.0f, 2};
  assert_int_equal(go(&r, &ufi_op_TOPK_V2, zeros, INPUTS({UF_FLOAT32, 1, DIMS(8), x}, {UF_INT32, 0, scalar, I32(8)}),
                      UF_FLOAT32, UF_INT32), UF_OK);
  assert_memory_equal(r.out[1].data, I32(3, 7, 0, 5, 6, 2, 1, 4), 32);
  oprun_end(&r);
  assert_int_equal(go(&r, &ufi_op_UNIQUE, zeros, INPUTS({UF_FLOAT32, 1, DIMS(8), x}), UF_FLOAT32, UF_INT32), UF_OK);
  assert_memory_equal(r.out[1].data, I32(0, 1, 2, 3, 1, 4, 4, 5), 32);
  assert_int_equal(r.out[0].dims[0], 6);
  oprun_end(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bad_shapes), cmocka_unit_test(test_bad_indices), cmocka_unit_test(test_bad_sizes),
    cmocka_unit_test(test_empty), cmocka_unit_test(test_more), cmocka_unit_test(test_topk_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
