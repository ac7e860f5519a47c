/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c: any numeric tensor as float32, and packed elements as bytes.
 *
 * A quantized element means scale * (q - zero_point). The products are
 * TensorFlow Lite's to the last bit: for 8- and 16-bit integers the difference
 * is exact in float32, so one float multiplication rounds once; wider ones go
 * through float64, as does a zero point that only a damaged file can have.
 *
 * Elements that share one scale are a run: the whole tensor; what lies behind
 * the quantized axis; a block. Where the axis is the last one, runs are single
 * elements, and a row of them is done at once.
 *
 * Packed types hold 2 or 4 elements a byte, the first in the lowest bits.
 */
#include "base/base.h"

/* ---- unpacking ------------------------------------------------------------------- */

uf_status uf_unpack(const uf_tensor *t, void *out, uf_error *error) {
  int64_t n = 0;
  UFI_TRY(ufi_tensor_check(t, &n, error));
  int bits = uf_dtype_bits(t->dtype);
  if (bits == 0 || bits >= 8)
    return ufi_fail(error, UF_WRONG_TYPE,
                    "expected int4, uint4, int2, uint2 or float4_e2m1fn, found %s",
                    uf_dtype_name(t->dtype));
  ufi_unpack_bytes(t->dtype, t->data, n, out);
  return UF_OK;
}

/* ---- casting ---------------------------------------------------------------------- */

uf_dtype ufi_dtype_unquantized(uf_dtype dtype) {
  switch (dtype) {
    case UF_QINT8: return UF_INT8;
    case UF_QUINT8: return UF_UINT8;
    case UF_QINT16: return UF_INT16;
    case UF_QUINT16: return UF_UINT16;
    case UF_QINT32: return UF_INT32;
    default: return dtype;
  }
}

/* float8, and float4 with a code a byte. */
static bool cast_float8(uf_dtype dtype, const uint8_t *codes, int64_t n, float *out) {
  float table[256];
  if (!ufi_float8_table(dtype, table)) return false;
  for (int64_t i = 0; i < n; i++) out[i] = table[codes[i]];
  return true;
}

#define CAST(T, expression)                      \
  do {                                           \
    const T *in = data;                          \
    for (int64_t i = 0; i < n; i++) {            \
      T v = in[i];                               \
      out[i] = (float)(expression);              \
    }                                            \
  } while (0)

/* False: dtype has no float value. */
static bool cast(uf_dtype dtype, const void *data, int64_t n, float *out) {
  switch (dtype) {
    case UF_FLOAT32: if (n) memcpy(out, data, (size_t)n * 4); break;
    case UF_FLOAT64: CAST(double, v); break;
    case UF_FLOAT16: CAST(uint16_t, ufi_half_to_float(v)); break;
    case UF_BFLOAT16: CAST(uint16_t, ufi_bfloat_to_float(v)); break;
    case UF_INT8: CAST(int8_t, v); break;
    case UF_INT16: CAST(int16_t, v); break;
    case UF_INT32: CAST(int32_t, v); break;
    case UF_INT64: CAST(int64_t, v); break;
    case UF_UINT8: CAST(uint8_t, v); break;
    case UF_UINT16: CAST(uint16_t, v); break;
    case UF_UINT32: CAST(uint32_t, v); break;
    case UF_UINT64: CAST(uint64_t, v); break;
    case UF_BOOL: CAST(uint8_t, v != 0); break;
    default: return cast_float8(dtype, data, n, out);
  }
  return true;
}

/* ---- dequantizing ------------------------------------------------------------------- */

enum { ZERO_MAX = 1 << 20 }; /* zero points up to here keep differences exact in a float */

/* n elements with one scale (step 0) or a scale each (step 1). */
typedef void (*run_fn)(const void *data, size_t begin, size_t n, const float *scales,
                       const int64_t *zeros, size_t step, float *out);

#define SMALL(T)                                                                               \
  static void run_##T(const void *data, size_t begin, size_t n, const float *scales,           \
                      const int64_t *zeros, size_t step, float *out) {                         \
    const T *in = (const T *)data + begin;                                                     \
    float scale = scales[0];                                                                   \
    int32_t zero = (int32_t)zeros[0];                                                          \
    if (step == 0)                                                                             \
      for (size_t i = 0; i < n; i++) out[i] = scale * (float)((int32_t)in[i] - zero);          \
    else                                                                                       \
      for (size_t i = 0; i < n; i++) out[i] = scales[i] * (float)(in[i] - (int32_t)zeros[i]);  \
  }
#define WIDE(T)                                                                                \
  static void wide_##T(const void *data, size_t begin, size_t n, const float *scales,          \
                       const int64_t *zeros, size_t step, float *out) {                        \
    const T *in = (const T *)data + begin;                                                     \
    for (size_t i = 0; i < n; i++)                                                             \
      out[i] = (float)((double)scales[i * step] * ((double)in[i] - (double)zeros[i * step]));  \
  }

SMALL(int8_t)
SMALL(uint8_t)
SMALL(int16_t)
SMALL(uint16_t)
WIDE(int8_t)
WIDE(uint8_t)
WIDE(int16_t)
WIDE(uint16_t)
WIDE(int32_t)
WIDE(uint32_t)
WIDE(int64_t)
WIDE(uint64_t)

static run_fn run_of(uf_dtype dtype, bool small_zeros) {
  switch (dtype) {
    case UF_INT8: return small_zeros ? run_int8_t : wide_int8_t;
    case UF_UINT8: return small_zeros ? run_uint8_t : wide_uint8_t;
    case UF_INT16: return small_zeros ? run_int16_t : wide_int16_t;
    case UF_UINT16: return small_zeros ? run_uint16_t : wide_uint16_t;
    case UF_INT32: return wide_int32_t;
    case UF_UINT32: return wide_uint32_t;
    case UF_INT64: return wide_int64_t;
    case UF_UINT64: return wide_uint64_t;
    default: return NULL;
  }
}

/* How the runs lie: outer rows, each of `groups` runs of `inner` elements; run g
 * of row r has scale r * row_scales + g. */
typedef struct runs {
  size_t outer, groups, inner, row_scales;
  size_t last; /* elements of a row's last run */
} runs;

static uf_status find_runs(const uf_tensor *t, int64_t count, runs *r, uf_error *error) {
  const uf_quant *q = t->quant;
  *r = (runs){1, 1, (size_t)count, 0, (size_t)count};
  if (q->block_size > 0) {
    int64_t row = t->rank > 0 ? t->dims[t->rank - 1] : 1;
    if (count == 0) return UF_OK;
    int64_t blocks = row / q->block_size + (row % q->block_size != 0);
    if (q->count != count / row * blocks)
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "expected %lld scales for blocks of %d, found %lld",
                      (long long)(count / row * blocks), (int)q->block_size, (long long)q->count);
    *r = (runs){(size_t)(count / row), (size_t)blocks, (size_t)q->block_size, (size_t)blocks,
                (size_t)(row - (blocks - 1) * q->block_size)};
    return UF_OK;
  }
  if (q->count == 1) return UF_OK;
  if (q->axis < 0 || q->axis >= t->rank || t->dims[q->axis] != q->count)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a dimension %d of extent %lld, one for each scale, found another "
                    "shape", (int)q->axis, (long long)q->count);
  r->groups = (size_t)q->count;
  r->inner = 1;
  for (int32_t i = 0; i < q->axis; i++) r->outer *= (size_t)t->dims[i];
  for (int32_t i = q->axis + 1; i < t->rank; i++) r->inner *= (size_t)t->dims[i];
  r->last = r->inner;
  return UF_OK;
}

static void dequantize_runs(const runs *r, run_fn run, const uf_quant *q, const void *data,
                            float *out) {
  size_t at = 0;
  for (size_t row = 0; row < r->outer; row++) {
    size_t base = row * r->row_scales;
    if (r->inner == 1 && r->last == 1) {
      run(data, at, r->groups, q->scales + base, q->zero_points + base, 1, out + at);
      at += r->groups;
      continue;
    }
    for (size_t g = 0; g < r->groups; g++) {
      size_t n = g + 1 == r->groups ? r->last : r->inner;
      run(data, at, n, q->scales + base + g, q->zero_points + base + g, 0, out + at);
      at += n;
    }
  }
}

static bool zeros_are_small(const uf_quant *q) {
  for (int64_t i = 0; i < q->count; i++)
    if (q->zero_points[i] > ZERO_MAX || q->zero_points[i] < -ZERO_MAX) return false;
  return true;
}

/* data: t's elements, one by one. */
static uf_status dequantize(const uf_tensor *t, const void *data, uf_dtype dtype, int64_t count,
                            float *out, uf_error *error) {
  const uf_quant *q = t->quant && t->quant->count > 0 ? t->quant : NULL;
  run_fn run = q ? run_of(dtype, zeros_are_small(q)) : NULL;
  if (run) {
    runs r;
    UFI_TRY(find_runs(t, count, &r, error));
    if (count > 0) dequantize_runs(&r, run, q, data, out);
    return UF_OK;
  }
  if (cast(dtype, data, count, out)) return UF_OK; /* scales of a float mean nothing */
  return ufi_fail(error, UF_WRONG_TYPE, "expected real numbers, found dtype %s",
                  uf_dtype_name(dtype));
}

uf_status uf_dequantize(const uf_tensor *t, float *out, uf_error *error) {
  int64_t count = 0;
  UFI_TRY(ufi_tensor_check(t, &count, error));
  if (uf_dtype_bits(t->dtype) >= 8)
    return dequantize(t, t->data, ufi_dtype_unquantized(t->dtype), count, out, error);
  void *bytes = ufi_malloc_aligned((size_t)count);
  if (!bytes) return ufi_no_memory(error, (size_t)count);
  uf_status status = uf_unpack(t, bytes, error);
  uf_dtype dtype = t->dtype == UF_UINT4 || t->dtype == UF_UINT2 ? UF_UINT8
                   : t->dtype == UF_FLOAT4_E2M1FN ? UF_FLOAT4_E2M1FN : UF_INT8;
  if (status == UF_OK) status = dequantize(t, bytes, dtype, count, out, error);
  ufi_free_aligned(bytes);
  return status;
}
