/* SPDX-License-Identifier: Apache-2.0
 *
 * cast.c: CAST between all number types, and BITCAST.
 *
 * Values go through pieces of int64 (from integers and bool) or double (from
 * floats and the real part of complex numbers), both of which hold them exactly.
 * Integers become narrower integers by dropping bits, floats become integers by
 * truncation, saturated at the limits. Halves are rounded from float32, float8 as
 * TensorFlow's Cast rounds them. Pairs that are common have loops of their own.
 */
#include <math.h>

#include "ops/tf_cast.h"

enum { PIECE = 256 };

typedef struct complex_f32 { float re, im; } complex_f32;

static bool is_float(uf_dtype d) {
  return d == UF_FLOAT32 || d == UF_FLOAT16 || d == UF_BFLOAT16 || d == UF_FLOAT64 || d == UF_COMPLEX64;
}
static bool is_float8(uf_dtype d) { return d == UF_FLOAT8_E4M3FN || d == UF_FLOAT8_E5M2; }
static bool is_packed(uf_dtype d) { return d == UF_INT4 || d == UF_UINT4 || d == UF_INT2; }
static bool is_integer(uf_dtype d) {
  return d == UF_INT8 || d == UF_UINT8 || d == UF_INT16 || d == UF_UINT16 || d == UF_INT32 ||
         d == UF_UINT32 || d == UF_INT64 || d == UF_UINT64 || d == UF_BOOL || is_packed(d);
}

/* ---- reading pieces ------------------------------------------------------------------- */

/* Element i of a packed tensor, low bits first. */
static int32_t unpack(const uint8_t *p, size_t i, uf_dtype dtype) {
  if (dtype == UF_INT2) {
    const int32_t v = p[i / 4] >> (i % 4 * 2) & 3;
    return v < 2 ? v : v - 4;
  }
  const int32_t v = p[i / 2] >> (i % 2 * 4) & 15;
  return dtype == UF_UINT4 || v < 8 ? v : v - 16;
}

#define READ(T, expression)                                     \
  for (size_t i = 0; i < n; ++i) {                              \
    const T v = ((const T *)data)[at + i];                      \
    out[i] = expression;                                        \
  }                                                             \
  break
static void read_ints(const void *data, uf_dtype dtype, size_t at, int64_t *out, size_t n) {
  switch (dtype) {
    case UF_INT8: READ(int8_t, v);
    case UF_UINT8: READ(uint8_t, v);
    case UF_BOOL: READ(uint8_t, v != 0);
    case UF_INT16: READ(int16_t, v);
    case UF_UINT16: READ(uint16_t, v);
    case UF_INT32: READ(int32_t, v);
    case UF_UINT32: READ(uint32_t, v);
    case UF_INT64: READ(int64_t, v);
    case UF_UINT64: READ(uint64_t, (int64_t)v);
    default:
      for (size_t i = 0; i < n; ++i) out[i] = unpack(data, at + i, dtype);
  }
}
static void read_floats(const void *data, uf_dtype dtype, size_t at, double *out, size_t n) {
  float table[256];
  switch (dtype) {
    case UF_FLOAT8_E4M3FN: case UF_FLOAT8_E5M2:
      ufi_float8_table(dtype, table);
      READ(uint8_t, (double)table[v]);
    case UF_FLOAT32: READ(float, (double)v);
    case UF_FLOAT16: READ(uint16_t, (double)ufi_half_to_float(v));
    case UF_BFLOAT16: READ(uint16_t, (double)ufi_bfloat_to_float(v));
    case UF_COMPLEX64: READ(complex_f32, (double)v.re);
    default: READ(double, v);
  }
}

/* ---- writing pieces -------------------------------------------------------------------- */

/* Truncates; saturates where the value does not fit, NaN as the largest. */
static int64_t saturate(double v, double lo, double hi, int64_t least, int64_t largest) {
  if (v < lo) return least;
  return v < hi ? (int64_t)v : largest;
}
#define TWO_31 2147483648.0
#define TWO_63 9223372036854775808.0

#define WRITE(T, expression)                                    \
  for (size_t i = 0; i < n; ++i) ((T *)data)[at + i] = (T)(expression); \
  break
static void write_from_ints(void *data, uf_dtype dtype, size_t at, const int64_t *in, size_t n) {
  switch (dtype) {
    case UF_INT8: case UF_UINT8: WRITE(uint8_t, in[i]);
    case UF_INT16: case UF_UINT16: WRITE(uint16_t, in[i]);
    case UF_INT32: case UF_UINT32: WRITE(uint32_t, in[i]);
    case UF_INT64: case UF_UINT64: WRITE(int64_t, in[i]);
    case UF_BOOL: WRITE(uint8_t, in[i] != 0);
    case UF_FLOAT32: WRITE(float, in[i]);
    case UF_FLOAT64: WRITE(double, in[i]);
    case UF_FLOAT16: WRITE(uint16_t, ufi_float_to_half((float)in[i]));
    case UF_BFLOAT16: WRITE(uint16_t, ufi_float_to_bfloat((float)in[i]));
    default:
      for (size_t i = 0; i < n; ++i) ((complex_f32 *)data)[at + i] = (complex_f32){(float)in[i], 0.0f};
  }
}
static void write_from_floats(void *data, uf_dtype dtype, size_t at, const double *in, size_t n) {
  switch (dtype) {
    case UF_INT8: WRITE(int8_t, saturate(in[i], -128.0, 128.0, INT8_MIN, INT8_MAX));
    case UF_UINT8: WRITE(uint8_t, saturate(in[i], 0.0, 256.0, 0, UINT8_MAX));
    case UF_INT16: WRITE(int16_t, saturate(in[i], -32768.0, 32768.0, INT16_MIN, INT16_MAX));
    case UF_UINT16: WRITE(uint16_t, saturate(in[i], 0.0, 65536.0, 0, UINT16_MAX));
    case UF_INT32: WRITE(int32_t, saturate(in[i], -TWO_31, TWO_31, INT32_MIN, INT32_MAX));
    case UF_UINT32: WRITE(uint32_t, saturate(in[i], 0.0, 2 * TWO_31, 0, UINT32_MAX));
    case UF_INT64: WRITE(int64_t, saturate(in[i], -TWO_63, TWO_63, INT64_MIN, INT64_MAX));
    case UF_UINT64: WRITE(uint64_t, in[i] < 0.0 ? 0 : in[i] < 2 * TWO_63 ? (uint64_t)in[i] : UINT64_MAX);
    case UF_BOOL: WRITE(uint8_t, in[i] != 0.0);
    case UF_FLOAT32: WRITE(float, in[i]);
    case UF_FLOAT64: WRITE(double, in[i]);
    case UF_FLOAT16: WRITE(uint16_t, ufi_float_to_half((float)in[i]));
    case UF_BFLOAT16: WRITE(uint16_t, ufi_float_to_bfloat((float)in[i]));
    default:
      for (size_t i = 0; i < n; ++i) ((complex_f32 *)data)[at + i] = (complex_f32){(float)in[i], 0.0f};
  }
}

/* float32 to packed integers: clamped (NaN as the largest), truncated. Pieces begin at whole bytes. */
static void write_packed(uint8_t *data, uf_dtype dtype, size_t at, const float *in, size_t n) {
  const int bits = dtype == UF_INT2 ? 2 : 4, per_byte = 8 / bits;
  const float lo = dtype == UF_INT2 ? -2.0f : dtype == UF_INT4 ? -8.0f : 0.0f;
  const float hi = dtype == UF_INT2 ? 1.0f : dtype == UF_INT4 ? 7.0f : 15.0f;
  for (size_t i = 0; i < n; ++i) {
    const float v = in[i] < lo ? lo : in[i] < hi ? in[i] : hi;
    const unsigned code = (unsigned)(int32_t)v & ((1u << bits) - 1);
    const size_t k = (at + i) % (size_t)per_byte;
    uint8_t *byte = data + (at + i) / (size_t)per_byte;
    *byte = (uint8_t)((k ? *byte : 0) | code << (k * (size_t)bits));
  }
}

/* ---- CAST --------------------------------------------------------------------------------- */

typedef struct cast_run {
  const ufi_tensor *x;
  ufi_tensor *y;
  bool tf, truncate;
} cast_run;

/* Loops for pairs that models have often; false: none for this one. */
static bool cast_direct(const cast_run *r, size_t begin, size_t n) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  const uf_dtype from = r->x->dtype, to = r->y->dtype;
  if (from == to && !is_packed(from)) {
    const size_t size = (size_t)uf_dtype_bits(from) / 8;
    memmove((char *)r->y->data + begin * size, (const char *)r->x->data + begin * size, n * size);
  } else if (from == UF_FLOAT16 && to == UF_FLOAT32) {
    k->from_f16((const uint16_t *)r->x->data + begin, n, (float *)r->y->data + begin);
  } else if (from == UF_FLOAT32 && to == UF_FLOAT16) {
    k->to_f16((const float *)r->x->data + begin, n, (uint16_t *)r->y->data + begin);
  } else if (from == UF_UINT8 && to == UF_FLOAT32) {
    k->scaled[UFK_U8]((const uint8_t *)r->x->data + begin, n, 1.0f, 0, (float *)r->y->data + begin);
  } else if (from == UF_INT32 && to == UF_FLOAT32) {
    const int32_t *x = (const int32_t *)r->x->data + begin;
    float *y = (float *)r->y->data + begin;
    for (size_t i = 0; i < n; ++i) y[i] = (float)x[i];
  } else {
    return false;
  }
  return true;
}

static void cast_piece(const cast_run *r, size_t at, size_t n) {
  union { int64_t ints[PIECE]; double floats[PIECE]; } piece;
  const void *x = r->x->data;
  if (is_packed(r->y->dtype)) {
    write_packed(r->y->data, r->y->dtype, at, (const float *)x + at, n);
  } else if (is_integer(r->x->dtype)) {
    read_ints(x, r->x->dtype, at, piece.ints, n);
    write_from_ints(r->y->data, r->y->dtype, at, piece.ints, n);
  } else {
    read_floats(x, r->x->dtype, at, piece.floats, n);
    write_from_floats(r->y->data, r->y->dtype, at, piece.floats, n);
  }
}

static void cast_range(void *context, size_t begin, size_t end) {
  const cast_run *r = context;
  if (!r->truncate && cast_direct(r, begin, end - begin)) return;
  if (r->tf || is_float8(r->y->dtype)) {
    ufi_tf_cast(r->x, r->y, r->truncate, begin, end);
    return;
  }
  for (; begin < end; begin += PIECE) cast_piece(r, begin, UFI_MIN(end - begin, (size_t)PIECE));
}

typedef struct cast_attrs {
  uf_dtype out; /* UF_INVALID: as the graph says */
  bool tf, truncate;
} cast_attrs;
static uf_status cast_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) { return UF_OK; }
static uf_status cast_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  cast_attrs *a = attrs;
  a->out = ufi_tf_dtype(from, "DstT");
  a->tf = true;
  a->truncate = ufi_tf_bool(from, "Truncate");
  return UF_OK;
}

static uf_status cast_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  const uf_dtype wanted = ((const cast_attrs *)ctx->attrs)->out;
  char text[512];
  if (wanted != UF_INVALID) UFI_TRY(ufi_out_dtype(ctx, 0, wanted));
  if (((const cast_attrs *)ctx->attrs)->tf) {
    UFI_TRY(ufi_tf_cast_check(ctx, x->dtype, y->dtype));
    return ufi_out_like(ctx, 0, x);
  }
  if (!(is_float(x->dtype) || is_integer(x->dtype) || is_float8(x->dtype)))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected numbers or bool, found %s", ufi_tensor_text(x, text));
  const bool pair = is_packed(y->dtype) ? x->dtype == UF_FLOAT32
                                        : is_float(y->dtype) || is_integer(y->dtype) || is_float8(y->dtype);
  if (!pair)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected an output that %s can be cast to, found '%s' %s",
                        uf_dtype_name(x->dtype), y->name, uf_dtype_name(y->dtype));
  return ufi_out_like(ctx, 0, x);
}

static uf_status cast_eval(ufi_ctx *ctx) {
  const cast_attrs *a = ctx->attrs;
  cast_run r = {ctx->in[0], ctx->out[0], a->tf, a->truncate};
  if (r.x->dtype == r.y->dtype) { /* packed ones have no bytes of single elements */
    if (r.y->size) memmove(r.y->data, r.x->data, r.y->size);
    return UF_OK;
  }
  ufi_elements(ctx->pool, cast_range, &r, (size_t)r.y->count);
  return UF_OK;
}
const ufi_op_def ufi_op_CAST = {
  .attrs_size = sizeof(cast_attrs), .attrs_tflite = cast_tflite, .attrs_tf = cast_tf,
  .infer = cast_infer, .eval = cast_eval,
};
/* StableHLO's has no attributes in the file. */
const ufi_op_def ufi_op_STABLEHLO_CONVERT = {
  .attrs_size = sizeof(cast_attrs), .attrs_tflite = cast_tflite, .infer = cast_infer, .eval = cast_eval,
};

/* ---- BITCAST -------------------------------------------------------------------------------- */

/* The last dimension appears, goes or stays, as elements get smaller, larger or
 * keep their size. */
static uf_status bitcast_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  char text[512];
  if (!ufi_has_bytes(x->dtype) || !ufi_has_bytes(y->dtype))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected numbers of whole bytes, found %s to %s",
                        ufi_tensor_text(x, text), uf_dtype_name(y->dtype));
  const int64_t from = uf_dtype_bits(x->dtype), to = uf_dtype_bits(y->dtype);
  int64_t dims[UF_MAX_RANK + 1];
  int32_t rank = x->rank;
  for (int32_t d = 0; d < rank; ++d) dims[d] = x->dims[d];
  if (from > to) dims[rank++] = from / to;
  if (from < to) {
    if (rank == 0 || dims[rank - 1] != to / from)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a last dimension of %d, found %s",
                          (int)(to / from), ufi_tensor_text(x, text));
    --rank;
  }
  return ufi_out_shape(ctx, 0, rank, dims);
}
static uf_status bitcast_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  if (y->size && y->data != x->data) memcpy(y->data, x->data, y->size);
  return UF_OK;
}
const ufi_op_def ufi_op_BITCAST = {.infer = bitcast_infer, .eval = bitcast_eval};
