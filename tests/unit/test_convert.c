/* SPDX-License-Identifier: Apache-2.0
 *
 * test_convert.c: dequantizing, unpacking, small floats both ways, and the loops of every instruction set.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "kernels/kernels.h"

static uf_tensor tensor(uf_dtype dtype, const void *data, size_t size, int32_t rank,
                        const int64_t *dims) {
  uf_tensor t = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data, .size = size};
  if (rank) memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
  return t;
}
#define TENSOR(dtype, data, ...) \
  tensor(dtype, data, sizeof(data), UFI_COUNT(((int64_t[]){__VA_ARGS__})), (int64_t[]){__VA_ARGS__})

static void expect(const uf_tensor *t, const float *want, size_t n) {
  float out[64] = {0};
  uf_error error = {0};
  if (uf_dequantize(t, out, &error) != UF_OK) fail_msg("%s", error.message);
  for (size_t i = 0; i < n; i++)
    if (out[i] != want[i] && !(isnan(out[i]) && isnan(want[i])))
      fail_msg("element %zu: expected %.9g, found %.9g", i, want[i], out[i]);
}
#define EXPECT(t, ...) \
  expect(t, (float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / sizeof(float))

static void per_tensor(void **state) {
  uf_quant q = {.count = 1, .scales = (float[]){0.5f}, .zero_points = (int64_t[]){3}};
  int8_t i8[] = {-128, 3, 127};
  uf_tensor t = TENSOR(UF_INT8, i8, 3);
  t.quant = &q;
  EXPECT(&t, -65.5f, 0, 62);
  uint8_t u8[] = {0, 3, 255};
  t = TENSOR(UF_UINT8, u8, 3);
  t.quant = &q;
  EXPECT(&t, -1.5f, 0, 126);
  int16_t i16[] = {-32768, 32767};
  t = TENSOR(UF_INT16, i16, 2);
  t.quant = &q;
  EXPECT(&t, -16385.5f, 16382);
  int32_t i32[] = {INT32_MIN, INT32_MAX};
  t = TENSOR(UF_INT32, i32, 2);
  t.quant = &q;
  EXPECT(&t, (float)(0.5 * -2147483651.0), (float)(0.5 * 2147483644.0));
  int64_t i64[] = {INT64_MIN, 4};
  t = TENSOR(UF_INT64, i64, 2);
  t.quant = &q;
  EXPECT(&t, -0x1p62f, 0.5f);
}

/* Zero points only a damaged file can have: no overflow, sane values. */
static void wild_zero_points(void **state) {
  uf_quant q = {.count = 1, .scales = (float[]){1}, .zero_points = (int64_t[]){INT64_MIN}};
  int8_t i8[] = {-128, 127};
  uf_tensor t = TENSOR(UF_INT8, i8, 2);
  t.quant = &q;
  EXPECT(&t, 0x1p63f, 0x1p63f);
}

static void per_channel(void **state) {
  uf_quant q = {.count = 2, .scales = (float[]){1, 10}, .zero_points = (int64_t[]){0, 1}};
  int8_t i8[] = {1, 2, 3, 4, 5, 6, 7, 8};
  uf_tensor t = TENSOR(UF_INT8, i8, 2, 4);
  t.quant = &q;
  EXPECT(&t, 1, 2, 3, 4, 40, 50, 60, 70);
  q.axis = 1;
  t = TENSOR(UF_INT8, i8, 2, 2, 2);
  t.quant = &q;
  EXPECT(&t, 1, 2, 20, 30, 5, 6, 60, 70);
  q.axis = 2;
  EXPECT(&t, 1, 10, 3, 30, 5, 50, 7, 70);
  int32_t i32[] = {1, 2, 3, 4};
  t = TENSOR(UF_INT32, i32, 2, 2);
  q.axis = 1;
  t.quant = &q;
  EXPECT(&t, 1, 10, 3, 30);
  q.axis = 3;
  float out[4];
  uf_error error = {0};
  assert_int_equal(uf_dequantize(&t, out, &error), UF_INVALID_ARGUMENT);
  q.axis = -1;
  assert_int_equal(uf_dequantize(&t, out, &error), UF_INVALID_ARGUMENT);
}

static void blockwise(void **state) {
  /* Rows of 5 in blocks of 2: 2, 2 and 1 elements. */
  uf_quant q = {.count = 6, .block_size = 2, .scales = (float[]){1, 2, 3, 4, 5, 6},
                .zero_points = (int64_t[]){0, 0, 0, 1, 1, 1}};
  uint8_t packed[] = {0x21, 0x43, 0xF5, 0x87, 0x09}; /* 1 2 3 4 5 -1 7 -8 -7 0 */
  uf_tensor t = TENSOR(UF_INT4, packed, 2, 5);
  t.quant = &q;
  EXPECT(&t, 1, 2, 6, 8, 15, -8, 24, -45, -40, -6);
  q.count = 5;
  float out[10];
  uf_error error = {0};
  assert_int_equal(uf_dequantize(&t, out, &error), UF_INVALID_ARGUMENT);
}

static void packed(void **state) {
  uint8_t bytes[] = {0x8F, 0x07};
  int8_t out[8];
  uf_tensor t = TENSOR(UF_INT4, bytes, 3);
  assert_int_equal(uf_unpack(&t, out, NULL), UF_OK);
  assert_memory_equal(out, ((int8_t[]){-1, -8, 7}), 3);
  t.dtype = UF_UINT4;
  assert_int_equal(uf_unpack(&t, out, NULL), UF_OK);
  assert_memory_equal(out, ((uint8_t[]){15, 8, 7}), 3);
  t = TENSOR(UF_INT2, bytes, 6); /* 11 11 00 10 | 11 01 */
  assert_int_equal(uf_unpack(&t, out, NULL), UF_OK);
  assert_memory_equal(out, ((int8_t[]){-1, -1, 0, -2, -1, 1}), 6);
  EXPECT(&t, -1, -1, 0, -2, -1, 1);
  t.dtype = UF_INT8;
  assert_int_equal(uf_unpack(&t, out, NULL), UF_INVALID_ARGUMENT); /* 2 bytes for 6 */
  t.dims[0] = 2;
  assert_int_equal(uf_unpack(&t, out, NULL), UF_WRONG_TYPE);
}

static void casts(void **state) {
  uf_quant q = {.count = 1, .scales = (float[]){7}, .zero_points = (int64_t[]){7}};
  float f32[] = {1.5f, -INFINITY};
  uf_tensor t = TENSOR(UF_FLOAT32, f32, 2);
  t.quant = &q; /* means nothing for floats */
  EXPECT(&t, 1.5f, -INFINITY);
  double f64[] = {0.1, 1e300};
  t = TENSOR(UF_FLOAT64, f64, 2);
  EXPECT(&t, 0.1f, INFINITY);
  uint16_t half[] = {0x3C00, 0x8001, 0x7C00, 0x7E00, 0xC000};
  t = TENSOR(UF_FLOAT16, half, 5);
  EXPECT(&t, 1, -0x1p-24f, INFINITY, NAN, -2);
  uint16_t bfloat[] = {0x3F80, 0xC040};
  t = TENSOR(UF_BFLOAT16, bfloat, 2);
  EXPECT(&t, 1, -3);
  uint8_t e4m3[] = {0x38, 0x7E, 0x7F, 0x01, 0x88};
  t = TENSOR(UF_FLOAT8_E4M3FN, e4m3, 5);
  EXPECT(&t, 1, 448, NAN, 0x1p-9f, -0x1p-6f);
  uint8_t e5m2[] = {0x3C, 0x7B, 0x7C, 0x01};
  t = TENSOR(UF_FLOAT8_E5M2, e5m2, 4);
  EXPECT(&t, 1, 57344, INFINITY, 0x1p-16f);
  uint64_t u64[] = {UINT64_MAX, 3};
  t = TENSOR(UF_UINT64, u64, 2);
  EXPECT(&t, 0x1p64f, 3);
  uint8_t bools[] = {0, 1, 2};
  t = TENSOR(UF_BOOL, bools, 3);
  EXPECT(&t, 0, 1, 1);
  uf_error error = {0};
  float out[2];
  uf_string strings[1] = {{"a", 1}};
  t = TENSOR(UF_STRING, strings, 1);
  assert_int_equal(uf_dequantize(&t, out, &error), UF_WRONG_TYPE);
  t = TENSOR(UF_COMPLEX64, f32, 1);
  assert_int_equal(uf_dequantize(&t, out, &error), UF_WRONG_TYPE);
  t = tensor(UF_INT4, NULL, 0, 2, (int64_t[]){0, 3});
  assert_int_equal(uf_dequantize(&t, out, &error), UF_OK);
}

/* All codes of the small floats; the expected values are ml_dtypes 0.6.0's, as one
 * hash a type (FNV-1a over the bits of float32, NaNs as 0x7FC00000). */
static void small_floats(void **state) {
  static const struct { uf_dtype dtype; int codes; uint64_t hash; } types[] = {
    {UF_FLOAT8_E4M3FN, 256, 0x08993AF4628BB725u},      {UF_FLOAT8_E5M2, 256, 0x00CEE2838E6BB725u},
    {UF_FLOAT8_E4M3FNUZ, 256, 0x4065565AF2ABB725u},    {UF_FLOAT8_E4M3B11FNUZ, 256, 0x8B5AF59376ABB725u},
    {UF_FLOAT8_E5M2FNUZ, 256, 0x39969815CEABB725u},    {UF_FLOAT4_E2M1FN, 16, 0x00737516397F6465u},
  };
  for (size_t k = 0; k < UFI_COUNT(types); k++) {
    uint8_t codes[256];
    float out[256];
    for (int i = 0; i < 256; i++) codes[i] = (uint8_t)i;
    if (types[k].codes == 16) /* two codes a byte */
      for (int i = 0; i < 8; i++) codes[i] = (uint8_t)(2 * i | (2 * i + 1) << 4);
    uf_tensor t = tensor(types[k].dtype, codes, 256, 1, (int64_t[]){types[k].codes});
    assert_int_equal(uf_dequantize(&t, out, NULL), UF_OK);
    uint64_t hash = 0xCBF29CE484222325u;
    for (int i = 0; i < types[k].codes; i++) {
      uint32_t bits;
      memcpy(&bits, &out[i], 4);
      if (isnan(out[i])) bits = 0x7FC00000;
      hash = (hash ^ bits) * 0x100000001B3u;
    }
    if (hash != types[k].hash) fail_msg("%s: other values than ml_dtypes", uf_dtype_name(types[k].dtype));
  }
}

static void more_packed_and_quantized(void **state) {
  uint8_t bytes[] = {0x1B, 0x02}; /* 3 2 1 0, 2 */
  uint8_t out[8];
  uf_tensor t = TENSOR(UF_UINT2, bytes, 5);
  assert_int_equal(uf_unpack(&t, out, NULL), UF_OK);
  assert_memory_equal(out, ((uint8_t[]){3, 2, 1, 0, 2}), 5);
  EXPECT(&t, 3, 2, 1, 0, 2);
  t = TENSOR(UF_FLOAT4_E2M1FN, bytes, 3);
  assert_int_equal(uf_unpack(&t, out, NULL), UF_OK);
  assert_memory_equal(out, ((uint8_t[]){11, 1, 2}), 3);
  EXPECT(&t, -1.5f, 0.5f, 1);
  int8_t i8[] = {-128, 127};
  t = TENSOR(UF_QINT8, i8, 2);
  EXPECT(&t, -128, 127);
  t.dtype = UF_QUINT8;
  EXPECT(&t, 128, 127);
  uf_quant q = {.count = 1, .scales = (float[]){0.5f}, .zero_points = (int64_t[]){1}};
  t.quant = &q;
  EXPECT(&t, 63.5f, 63);
  int16_t i16[] = {-32768, 5};
  t = TENSOR(UF_QINT16, i16, 2);
  EXPECT(&t, -32768, 5);
  t.dtype = UF_QUINT16;
  EXPECT(&t, 32768, 5);
  int32_t i32[] = {INT32_MIN, 5};
  t = TENSOR(UF_QINT32, i32, 2);
  EXPECT(&t, -0x1p31f, 5);
}

#define CONVERT(from, to, in, ...)                                                             \
  do {                                                                                         \
    __typeof__(__VA_ARGS__) want_, got_;                                                       \
    memcpy(&want_, &(__typeof__(__VA_ARGS__)){__VA_ARGS__}, sizeof want_);                     \
    memset(&got_, 0xAA, sizeof got_);                                                          \
    assert_int_equal(ufi_convert(from, &in, 1, to, &got_, NULL), UF_OK);                       \
    assert_memory_equal(&want_, &got_, sizeof want_);                                          \
  } while (0)

/* One element each; whole arrays beside NumPy are tests/python/test_cli_source.py's. */
static void converting(void **state) {
  double d = 1 + 0x1p-11 + 0x1p-40; /* above a tie of float16 that float32 would see as one */
  CONVERT(UF_FLOAT64, UF_FLOAT16, d, (uint16_t)0x3C01);
  d = 1 + 0x1p-11;
  CONVERT(UF_FLOAT64, UF_FLOAT16, d, (uint16_t)0x3C00);
  d = -(1 + 0x1p-11 + 0x1p-40);
  CONVERT(UF_FLOAT64, UF_FLOAT16, d, (uint16_t)0xBC01);
  d = 1e300;
  CONVERT(UF_FLOAT64, UF_FLOAT16, d, (uint16_t)0x7C00);
  CONVERT(UF_FLOAT64, UF_INT32, d, INT32_MAX);
  CONVERT(UF_FLOAT64, UF_UINT64, d, UINT64_MAX);
  d = -1e300;
  CONVERT(UF_FLOAT64, UF_INT64, d, INT64_MIN);
  CONVERT(UF_FLOAT64, UF_UINT8, d, (uint8_t)0);
  d = NAN;
  CONVERT(UF_FLOAT64, UF_INT8, d, (int8_t)0);
  CONVERT(UF_FLOAT64, UF_BOOL, d, (uint8_t)1);
  d = -128.9;
  CONVERT(UF_FLOAT64, UF_INT8, d, (int8_t)-128);
  int64_t i = INT64_MAX;
  CONVERT(UF_INT64, UF_FLOAT32, i, 0x1p63f);
  CONVERT(UF_INT64, UF_INT8, i, (int8_t)-1);
  i = -1;
  CONVERT(UF_UINT64, UF_FLOAT64, i, 0x1p64);
  CONVERT(UF_QINT8, UF_INT64, i, (int64_t)-1);
  uint8_t b = 2;
  CONVERT(UF_BOOL, UF_INT32, b, (int32_t)1);
  CONVERT(UF_BOOL, UF_BOOL, b, (uint8_t)1);
  float c[2] = {9, 9};
  assert_int_equal(ufi_convert(UF_INT8, &b, 1, UF_COMPLEX64, c, NULL), UF_OK);
  assert_true(c[0] == 2 && c[1] == 0);
  float pair[2] = {3, -1};
  double wide[2];
  assert_int_equal(ufi_convert(UF_COMPLEX64, pair, 1, UF_COMPLEX128, wide, NULL), UF_OK);
  assert_true(wide[0] == 3 && wide[1] == -1);
  uf_error error = {0};
  assert_int_equal(ufi_convert(UF_COMPLEX64, pair, 1, UF_FLOAT32, wide, &error), UF_WRONG_TYPE);
  assert_int_equal(ufi_convert(UF_STRING, pair, 1, UF_FLOAT32, wide, &error), UF_WRONG_TYPE);
  assert_int_equal(ufi_convert(UF_FLOAT32, pair, 1, UF_INT4, wide, &error), UF_WRONG_TYPE);
  assert_int_equal(ufi_convert(UF_FLOAT32, pair, 1, UF_FLOAT4_E2M1FN, wide, &error), UF_WRONG_TYPE);
}

/* Every half to float and back; rounding at every tie and its neighbours. */
static void halves(void **state) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    float f = ufi_half_to_float((uint16_t)h);
    uint16_t back = ufi_float_to_half(f);
    if ((h & 0x7C00) == 0x7C00 && (h & 0x3FF)) assert_true(isnan(f) && (back & 0x7C00) == 0x7C00 && (back & 0x3FF));
    else assert_int_equal(back, h);
    if ((h & 0x7FFF) >= 0x7BFF) continue;
    float next = ufi_half_to_float((uint16_t)(h + 1)), middle = f + (next - f) / 2;
    assert_int_equal(ufi_float_to_half(middle), h % 2 ? h + 1 : h);
    assert_int_equal(ufi_float_to_half(nextafterf(middle, f)), h);
    assert_int_equal(ufi_float_to_half(nextafterf(middle, next)), h + 1);
  }
  assert_int_equal(ufi_float_to_half(65519.99f), 0x7BFF);
  assert_int_equal(ufi_float_to_half(65520), 0x7C00);
  assert_int_equal(ufi_float_to_half(-1e30f), 0xFC00);
  assert_int_equal(ufi_float_to_half(1e-30f), 0);
  assert_int_equal(ufi_float_to_bfloat(1), 0x3F80);
  assert_int_equal(ufi_float_to_bfloat(0x1.01p0f), 0x3F80);
  assert_int_equal(ufi_float_to_bfloat(0x1.03p0f), 0x3F82);
  assert_int_equal(ufi_float_to_bfloat(0x1.fffffep127f), 0x7F80);
  assert_true(isnan(ufi_bfloat_to_float(ufi_float_to_bfloat(NAN))));
}

/* Each code of a float8 comes back; between neighbours the nearest, ties to the even code; what lies beyond. */
static void float8_type(uf_dtype dtype, uint8_t beyond) {
  float table[256];
  assert_true(ufi_float8_table(dtype, table));
  for (unsigned c = 0; c < 256; c++) {
    uint8_t back[3];
    float next = c % 128 < 127 ? table[c + 1] : NAN, middle = table[c] + (next - table[c]) / 2;
    float x[3] = {table[c], middle, nextafterf(middle, next)};
    assert_int_equal(ufi_convert(UF_FLOAT32, x, 3, dtype, back, NULL), UF_OK);
    if (isnan(table[c])) assert_true(isnan(table[back[0]]));
    else assert_int_equal(back[0], c);
    if (!isfinite(next) || !isfinite(table[c])) continue;
    assert_int_equal(back[1], c % 2 ? c + 1 : c);
    assert_int_equal(back[2], c + 1);
  }
  float x[] = {1e30f, INFINITY, NAN};
  double d[] = {1.0 + 0x1p-4 + 0x1p-40, -1e300}; /* as float32 the first would be a tie of e4m3 */
  int64_t i[] = {3, -1};
  uint8_t back[3];
  assert_int_equal(ufi_convert(UF_FLOAT32, x, 3, dtype, back, NULL), UF_OK);
  assert_int_equal(back[0], beyond);
  assert_int_equal(back[1], beyond);
  assert_true(isnan(table[back[2]]));
  assert_int_equal(ufi_convert(UF_FLOAT64, d, 2, dtype, back, NULL), UF_OK);
  assert_true(table[back[0]] == (dtype == UF_FLOAT8_E5M2 || dtype == UF_FLOAT8_E5M2FNUZ ? 1.0f : 1.125f));
  assert_int_equal(back[1] & 0x7F, beyond & 0x7F);
  assert_int_equal(ufi_convert(UF_INT64, i, 2, dtype, back, NULL), UF_OK);
  assert_true(table[back[0]] == 3.0f && table[back[1]] == -1.0f);
}
static void to_float8(void **state) {
  float8_type(UF_FLOAT8_E4M3FN, 0x7F);
  float8_type(UF_FLOAT8_E5M2, 0x7C);
  float8_type(UF_FLOAT8_E4M3FNUZ, 0x80);
  float8_type(UF_FLOAT8_E4M3B11FNUZ, 0x80);
  float8_type(UF_FLOAT8_E5M2FNUZ, 0x80);
}

/* ---- each instruction set beside the plain loops ---------------------------------------------- */

enum { MOST = 300, FAR = (4 << 20) + 37 }; /* FAR: past the caches */

/* Random bytes that are no NaNs as float32, float16 or bfloat16. */
static void *bytes_of(size_t n) {
  uint8_t *p = ufi_malloc_aligned(n + 64);
  uint32_t seed = 12345;
  for (size_t i = 0; i < n; i++) {
    seed = seed * 1664525 + 1013904223;
    p[i] = (uint8_t)(i % 2 ? seed >> 24 & 0xBB : seed >> 24);
  }
  return p;
}

static void equal_floats(const char *what, const float *a, const float *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (memcmp(a + i, b + i, sizeof *a) != 0) fail_msg("%s, element %zu of %zu: expected %.9g, found %.9g", what, i, n, a[i], b[i]);
}

static void compare(const ufk_convert_table *k, const ufk_convert_table *plain, const void *in, size_t n, float *a, float *b) {
  const float *x = in;
  const ufk_float8 type = {4, 3, 7, 0x7F, 0x7F, 0x7E, false};
  float table[256], *scales = NULL, *zeros = NULL;
  ufi_float8_table(UF_FLOAT8_E5M2, table);
  for (int i = 0; i < 256; i++) if (isnan(table[i])) table[i] = 7;
  scales = ufi_malloc_aligned((n + 1) * sizeof *scales);
  zeros = ufi_malloc_aligned((n + 1) * sizeof *zeros);
  for (size_t i = 0; i < n; i++) scales[i] = 0.01f * (float)(i % 37 + 1), zeros[i] = (float)(i % 5);
#define BOTH(what, call)                            \
  do {                                              \
    memset(a, 1, (n + 1) * sizeof *a);              \
    memset(b, 1, (n + 1) * sizeof *b);              \
    { const ufk_convert_table *t = plain; float *y = a; call; } \
    { const ufk_convert_table *t = k; float *y = b; call; }     \
    equal_floats(what, a, b, n + 1); /* nothing behind is written */ \
  } while (0)
  for (int s = 0; s < UFK_SMALL_COUNT; s++) {
    BOTH("scaled", t->scaled[s](in, n, 0.37f, -11, y));
    BOTH("scaled_each", t->scaled_each[s](in, n, scales, zeros, y));
  }
  BOTH("scaled_s4", t->scaled_s4(in, n, 0.37f, 3, y));
  BOTH("scaled_u4", t->scaled_u4(in, n, 0.37f, 3, y));
  BOTH("from_f16", t->from_f16(in, n, y));
  BOTH("from_bf16", t->from_bf16(in, n, y));
  BOTH("from_codes", t->from_codes(in, n, table, y));
  if (n <= MOST) {
    BOTH("to_f16", t->to_f16(x, n, (uint16_t *)(void *)y));
    BOTH("to_bf16", t->to_bf16(x, n, (uint16_t *)(void *)y));
    BOTH("to_float8", t->to_float8(x, n, &type, (uint8_t *)(void *)y));
  }
  ufi_free_aligned(scales);
  ufi_free_aligned(zeros);
}

/* Every half, NaNs included, which only have to stay NaNs. */
static void every_half(const ufk_convert_table *k) {
  uint16_t halves[1024];
  float out[1024];
  for (uint32_t at = 0; at < 0x10000; at += 1024) {
    for (uint32_t i = 0; i < 1024; i++) halves[i] = (uint16_t)(at + i);
    k->from_f16(halves, 1024, out);
    for (uint32_t i = 0; i < 1024; i++) {
      float want = ufi_half_to_float(halves[i]);
      if (isnan(want) ? !isnan(out[i]) : memcmp(&want, &out[i], sizeof want) != 0) fail_msg("half %04x: %.9g", halves[i], out[i]);
    }
  }
}

static void instruction_sets(void **state) {
  ufi_kernels plain, tested;
  assert_true(ufi_kernels_for(UFI_ISA_SCALAR, &plain));
  void *in = bytes_of(FAR * 2);
  float *a = ufi_malloc_aligned((FAR + 2) * sizeof *a), *b = ufi_malloc_aligned((FAR + 2) * sizeof *b);
  for (int isa = UFI_ISA_SCALAR + 1; isa < UFI_ISA_COUNT; isa++) {
    if (!ufi_kernels_for(isa, &tested)) continue;
    for (size_t n = 0; n < MOST; n += n < 70 ? 1 : 13) compare(&tested.convert, &plain.convert, in, n, a, b);
    compare(&tested.convert, &plain.convert, in, FAR, a, b);
    every_half(&tested.convert);
    compare(&tested.convert, &plain.convert, in, FAR, a + 1, b + 1); /* not aligned to vectors */
  }
  ufi_free_aligned(in);
  ufi_free_aligned(a);
  ufi_free_aligned(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(per_tensor), cmocka_unit_test(wild_zero_points),
    cmocka_unit_test(per_channel), cmocka_unit_test(blockwise), cmocka_unit_test(packed),
    cmocka_unit_test(casts), cmocka_unit_test(halves), cmocka_unit_test(small_floats),
    cmocka_unit_test(more_packed_and_quantized), cmocka_unit_test(converting),
    cmocka_unit_test(to_float8), cmocka_unit_test(instruction_sets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
