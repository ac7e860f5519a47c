/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c: any numeric tensor as float32.
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
#include "kernels/kernels.h"

/* ---- casting ---------------------------------------------------------------------- */

/* float8, and float4 with a code a byte. */
static bool cast_float8(uf_dtype dtype, const uint8_t *codes, int64_t n, float *out) {
  float table[256];
  if (!ufi_float8_table(dtype, table)) return false;
  ufi_kernels_get()->convert.from_codes(codes, (size_t)n, table, out);
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
    case UF_FLOAT16: ufi_kernels_get()->convert.from_f16(data, (size_t)n, out); break;
    case UF_BFLOAT16: ufi_kernels_get()->convert.from_bf16(data, (size_t)n, out); break;
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

enum {
  ZERO_MAX = 1 << 20, /* zero points up to here keep differences exact in a float */
  ROW = 512,          /* elements of a row of channels that is repeated to about as many */
  PIECE = 4096,       /* packed elements that are unpacked at a time; even */
};

/* Numbers of integers whose differences a float may not hold: by way of a double. */
typedef void (*wide_fn)(const void *data, size_t begin, size_t n, const float *scales,
                        const int64_t *zeros, size_t step, float *out);

#define WIDE(T)                                                                                \
  static void wide_##T(const void *data, size_t begin, size_t n, const float *scales,          \
                       const int64_t *zeros, size_t step, float *out) {                        \
    const T *in = (const T *)data + begin;                                                     \
    for (size_t i = 0; i < n; i++)                                                             \
      out[i] = (float)((double)scales[i * step] * ((double)in[i] - (double)zeros[i * step]));  \
  }

WIDE(int8_t)
WIDE(uint8_t)
WIDE(int16_t)
WIDE(uint16_t)
WIDE(int32_t)
WIDE(uint32_t)
WIDE(int64_t)
WIDE(uint64_t)

static wide_fn wide_of(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT8: return wide_int8_t;
    case UF_UINT8: return wide_uint8_t;
    case UF_INT16: return wide_int16_t;
    case UF_UINT16: return wide_uint16_t;
    case UF_INT32: return wide_int32_t;
    case UF_UINT32: return wide_uint32_t;
    case UF_INT64: return wide_int64_t;
    case UF_UINT64: return wide_uint64_t;
    default: return NULL;
  }
}

/* UFK_SMALL_COUNT: none of them. */
static ufk_small small_of(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT8: return UFK_S8;
    case UF_UINT8: return UFK_U8;
    case UF_INT16: return UFK_S16;
    case UF_UINT16: return UFK_U16;
    default: return UFK_SMALL_COUNT;
  }
}

/* Elements and what they mean. */
typedef struct quantized {
  const ufk_convert_table *k;
  uf_dtype dtype;      /* INT8, UINT8: also of packed elements */
  int bits;            /* 4, 2: packed */
  ufk_small small;     /* UFK_SMALL_COUNT: in doubles */
  const void *data;
  const uf_quant *quant;
} quantized;

/* Packed elements [begin, begin + n), n <= PIECE, as bytes. */
static void unpack_piece(const quantized *q, size_t begin, size_t n, uint8_t *out) {
  const uint8_t *in = q->data;
  const unsigned mask = (1u << q->bits) - 1, sign = q->dtype == UF_INT8 ? (mask + 1) / 2 : 0;
  for (size_t i = 0; i < n; i++) {
    const size_t bit = (begin + i) * (size_t)q->bits;
    const unsigned v = (unsigned)in[bit / 8] >> bit % 8 & mask;
    out[i] = (uint8_t)((v ^ sign) - sign);
  }
}

/* Packed elements with one scale. */
static void packed_run(const quantized *q, size_t begin, size_t n, float scale, int32_t zero, float *out) {
  if (q->bits == 4 && begin % 2 == 0) {
    const uint8_t *in = (const uint8_t *)q->data + begin / 2;
    (q->dtype == UF_INT8 ? q->k->scaled_s4 : q->k->scaled_u4)(in, n, scale, zero, out);
    return;
  }
  uint8_t bytes[PIECE];
  for (size_t at = 0; at < n; at += PIECE) {
    const size_t count = UFI_MIN(n - at, (size_t)PIECE);
    unpack_piece(q, begin + at, count, bytes);
    q->k->scaled[q->small](bytes, count, scale, zero, out + at);
  }
}

/* Elements [begin, begin + n), all of scale `at`. */
static void run(const quantized *q, size_t begin, size_t n, size_t at, float *out) {
  const float scale = q->quant->scales[at];
  const int64_t zero = q->quant->zero_points[at];
  if (q->small == UFK_SMALL_COUNT) {
    wide_of(q->dtype)(q->data, begin, n, q->quant->scales + at, q->quant->zero_points + at, 0, out);
  } else if (q->bits < 8) {
    packed_run(q, begin, n, scale, (int32_t)zero, out);
  } else {
    const uint8_t *in = (const uint8_t *)q->data + begin * (size_t)(q->bits / 8);
    q->k->scaled[q->small](in, n, scale, (int32_t)zero, out);
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

/* A scale each for the elements of a row, and rows one after the other: scales and zeros are repeated until they fill a
 * good piece, in `scales` and `zeros` of `length` elements each, a multiple of groups. */
static void each_rows(const quantized *q, const runs *r, const float *scales, const float *zeros, size_t length, float *out) {
  const size_t total = r->outer * r->groups, size = (size_t)q->bits / 8;
  uint8_t bytes[PIECE];
  for (size_t at = 0; at < total; at += length) {
    const size_t n = UFI_MIN(length, total - at);
    if (q->bits >= 8) {
      q->k->scaled_each[q->small]((const uint8_t *)q->data + at * size, n, scales, zeros, out + at);
      continue;
    }
    for (size_t i = 0; i < n; i += PIECE) {
      const size_t count = UFI_MIN(n - i, (size_t)PIECE);
      unpack_piece(q, at + i, count, bytes);
      q->k->scaled_each[q->small](bytes, count, scales + i, zeros + i, out + at + i);
    }
  }
}

static uf_status each(const quantized *q, const runs *r, float *out, uf_error *error) {
  if (q->small == UFK_SMALL_COUNT) {
    for (size_t row = 0; row < r->outer; row++) {
      const size_t at = row * r->groups;
      wide_of(q->dtype)(q->data, at, r->groups, q->quant->scales, q->quant->zero_points, 1, out + at);
    }
    return UF_OK;
  }
  const size_t times = UFI_MIN(UFI_MAX(ROW / r->groups, (size_t)1), r->outer), length = times * r->groups;
  size_t bytes = 0;
  if (!ufi_mul_size(length, 2 * sizeof(float), &bytes)) return ufi_no_memory(error, SIZE_MAX);
  float *scales = ufi_malloc_aligned(bytes);
  if (!scales) return ufi_no_memory(error, bytes);
  for (size_t i = 0; i < length; i++) {
    scales[i] = q->quant->scales[i % r->groups];
    scales[length + i] = (float)q->quant->zero_points[i % r->groups];
  }
  each_rows(q, r, scales, scales + length, length, out);
  ufi_free_aligned(scales);
  return UF_OK;
}

static uf_status dequantize_runs(const quantized *q, const runs *r, float *out, uf_error *error) {
  if (r->inner == 1 && r->last == 1 && r->row_scales == 0) return each(q, r, out, error);
  size_t at = 0;
  for (size_t row = 0; row < r->outer; row++) {
    for (size_t g = 0; g < r->groups; g++) {
      const size_t n = g + 1 == r->groups ? r->last : r->inner;
      run(q, at, n, row * r->row_scales + g, out + at);
      at += n;
    }
  }
  return UF_OK;
}

static bool zeros_are_small(const uf_quant *q) {
  for (int64_t i = 0; i < q->count; i++)
    if (q->zero_points[i] > ZERO_MAX || q->zero_points[i] < -ZERO_MAX) return false;
  return true;
}

/* What an element is once it has a byte or more of its own. */
static uf_dtype whole(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT4: case UF_INT2: return UF_INT8;
    case UF_UINT4: case UF_UINT2: return UF_UINT8;
    default: return ufi_dtype_unquantized(dtype);
  }
}

/* Packed elements without a scale, or with zero points that only a damaged file has: as the bytes they stand for. */
static uf_status unpacked_first(const uf_tensor *t, int64_t count, float *out, uf_error *error) {
  void *bytes = ufi_malloc_aligned((size_t)count);
  if (!bytes) return ufi_no_memory(error, (size_t)count);
  uf_status status = uf_unpack(t, bytes, error);
  uf_tensor whole_bytes = *t;
  whole_bytes.dtype = whole(t->dtype);
  whole_bytes.data = bytes;
  whole_bytes.size = (size_t)count;
  if (status == UF_OK && t->dtype == UF_FLOAT4_E2M1FN) (void)!cast(t->dtype, bytes, count, out);
  else if (status == UF_OK) status = uf_dequantize(&whole_bytes, out, error);
  ufi_free_aligned(bytes);
  return status;
}

uf_status uf_dequantize(const uf_tensor *t, float *out, uf_error *error) {
  int64_t count = 0;
  UFI_TRY(ufi_tensor_check(t, &count, error));
  const uf_dtype dtype = whole(t->dtype);
  if (t->quant && t->quant->count > 0 && wide_of(dtype)) {
    quantized q = {.k = &ufi_kernels_get()->convert, .dtype = dtype, .bits = uf_dtype_bits(t->dtype), .data = t->data,
                   .quant = t->quant, .small = small_of(dtype)};
    if (!zeros_are_small(t->quant)) q.small = UFK_SMALL_COUNT;
    if (q.bits >= 8 || q.small != UFK_SMALL_COUNT) {
      runs r;
      UFI_TRY(find_runs(t, count, &r, error));
      return count > 0 ? dequantize_runs(&q, &r, out, error) : UF_OK;
    }
  }
  if (uf_dtype_bits(t->dtype) < 8 && uf_dtype_bits(t->dtype) > 0) return unpacked_first(t, count, out, error);
  if (cast(dtype, t->data, count, out)) return UF_OK; /* scales of a float mean nothing */
  return ufi_fail(error, UF_WRONG_TYPE, "expected real numbers, found dtype %s", uf_dtype_name(dtype));
}
