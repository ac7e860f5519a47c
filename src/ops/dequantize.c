/* SPDX-License-Identifier: Apache-2.0
 *
 * dequantize.c: QUANTIZE (floats to integers, and integers to integers of another
 * scale), DEQUANTIZE, the custom NumericVerify and FAKE_QUANT.
 *
 * Per-channel parameters belong to one dimension: the tensor is then rows of all
 * that follows it, each with its own scale and zero point. So are blocks of the
 * last dimension. Packed integers go through int8 in pieces of a row.
 */
#include <math.h>

#include "format/flexbuffer.h"
#include "kernels/fixed32.h"
#include "ops/broadcast.h"
#include "ops/unary.h"

/* ---- rows ------------------------------------------------------------------------------- */

/* How a tensor falls into rows of one scale. */
typedef struct channel_rows {
  size_t channels, row; /* row: elements that share a scale */
} channel_rows;

static uf_status find_rows(ufi_ctx *ctx, const ufi_tensor *t, const ufi_tensor *shape, channel_rows *out) {
  const uf_quant *q = t->quant;
  char text[512];
  *out = (channel_rows){1, (size_t)shape->count};
  if (!ufi_is_quantized(t)) return UF_OK;
  for (int64_t i = 0; i < q->count; ++i)
    if (!isfinite(q->scales[i]) || q->zero_points[i] < INT32_MIN / 4 ||
        q->zero_points[i] > INT32_MAX / 4)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected finite scales and zero points of 30 bits, found %g and %lld in %s",
                          (double)q->scales[i], (long long)q->zero_points[i], ufi_tensor_text(t, text));
  if (q->block_size > 0) { /* the open checked that blocks fill the constant's last dimension */
    *out = (channel_rows){(size_t)q->count, (size_t)q->block_size};
    return UF_OK;
  }
  if (q->count == 1) return UF_OK;
  if (q->axis < 0 || q->axis >= shape->rank || shape->dims[q->axis] != q->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld channels in dimension %d, found %s",
                        (long long)q->count, q->axis, ufi_tensor_text(shape, text));
  out->channels = (size_t)q->count;
  out->row = 1;
  for (int32_t d = q->axis + 1; d < shape->rank; ++d) out->row *= (size_t)shape->dims[d];
  return UF_OK;
}

/* One piece of one row: n elements from element `at` on. */
typedef struct quant_run quant_run;
struct quant_run {
  const ufi_tensor *x, *y;
  channel_rows rows;
  const float *scales;
  const int64_t *zeros;
  void (*piece)(const quant_run *r, size_t at, size_t n, float scale, int32_t zero);
};

static void run_rows(void *context, size_t begin, size_t end) {
  const quant_run *r = context;
  while (begin < end) {
    const size_t row = begin / r->rows.row, channel = row % r->rows.channels;
    const size_t n = UFI_MIN((row + 1) * r->rows.row, end) - begin;
    r->piece(r, begin, n, r->scales[channel], (int32_t)r->zeros[channel]);
    begin += n;
  }
}

static const float one = 1.0f;
static const int64_t none = 0;
static uf_status run_quant(ufi_ctx *ctx, const ufi_tensor *quantized,
                           void (*piece)(const quant_run *, size_t, size_t, float, int32_t)) {
  quant_run r = {.x = ctx->in[0], .y = ctx->out[0], .scales = &one, .zeros = &none, .piece = piece};
  UFI_TRY(find_rows(ctx, quantized, ctx->in[0], &r.rows));
  if (ufi_is_quantized(quantized)) r.scales = quantized->quant->scales, r.zeros = quantized->quant->zero_points;
  ufi_elements(ctx->pool, run_rows, &r, (size_t)r.x->count);
  return UF_OK;
}

enum { PIECE = 256 };

/* ---- DEQUANTIZE --------------------------------------------------------------------------- */

static void unpack_piece(const ufi_tensor *t, size_t at, int8_t *out, size_t n) {
  const uint8_t *p = t->data;
  for (size_t i = at; i < at + n; ++i) {
    if (t->dtype == UF_INT2) {
      const int v = p[i / 4] >> (i % 4 * 2) & 3;
      out[i - at] = (int8_t)(v < 2 ? v : v - 4);
    } else {
      const int v = p[i / 2] >> (i % 2 * 4) & 15;
      out[i - at] = (int8_t)(v < 8 || t->dtype == UF_UINT4 ? v : v - 16);
    }
  }
}

static void dequantize_piece(const quant_run *r, size_t at, size_t n, float scale, int32_t zero) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  float *y = (float *)r->y->data + at;
  int8_t piece[PIECE];
  float table[256];
  switch (r->x->dtype) {
    case UF_INT8: k->scaled[UFK_S8]((const int8_t *)r->x->data + at, n, scale, zero, y); return;
    case UF_UINT8: k->scaled[UFK_U8]((const uint8_t *)r->x->data + at, n, scale, zero, y); return;
    case UF_INT16: k->scaled[UFK_S16]((const int16_t *)r->x->data + at, n, scale, zero, y); return;
    case UF_FLOAT16: k->from_f16((const uint16_t *)r->x->data + at, n, y); return;
    case UF_BFLOAT16:
      k->from_bf16((const uint16_t *)r->x->data + at, n, y);
      return;
    case UF_FLOAT8_E4M3FN: case UF_FLOAT8_E5M2:
      ufi_float8_table(r->x->dtype, table);
      k->from_codes((const uint8_t *)r->x->data + at, n, table, y);
      return;
    default:
      for (size_t i = 0; i < n; i += PIECE) {
        const size_t count = UFI_MIN(n - i, (size_t)PIECE);
        unpack_piece(r->x, at + i, piece, count);
        k->scaled[UFK_S8](piece, count, scale, zero, y + i);
      }
  }
}

static uf_status dequantize_infer(ufi_ctx *ctx) {
  channel_rows rows;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT8, UF_UINT8, UF_INT16, UF_FLOAT16, UF_BFLOAT16, UF_INT4, UF_UINT4,
                      UF_INT2, UF_FLOAT8_E4M3FN, UF_FLOAT8_E5M2, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  UFI_TRY(find_rows(ctx, ctx->in[0], ctx->in[0], &rows));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}
static uf_status dequantize_eval(ufi_ctx *ctx) { return run_quant(ctx, ctx->in[0], dequantize_piece); }
const ufi_op_def ufi_op_DEQUANTIZE = {.infer = dequantize_infer, .eval = dequantize_eval};

/* ---- NumericVerify: values that are quantized, the floats they stand for -------------------- */

typedef struct verify_attrs {
  float tolerance; /* in steps of the scale */
  bool fails;      /* when a difference is larger */
} verify_attrs;

static uf_status verify_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  verify_attrs *a = attrs;
  const ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  const ufi_flex tolerance = ufi_flex_get(&map, "tolerance"), fails = ufi_flex_get(&map, "log_if_failed");
  a->tolerance = (float)ufi_flex_float(&tolerance, 0);
  /* Below a tenth the reference only writes statistics. */
  a->fails = ufi_flex_int(&fails, 0) != 0 && (double)a->tolerance >= 0.1;
  return UF_OK;
}

static uf_status verify_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *reference = ctx->in[1];
  channel_rows rows;
  char p[512], q[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT8, UF_UINT8, UF_INT16, UF_FLOAT16, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  UFI_TRY(find_rows(ctx, x, x, &rows));
  if (reference->count != x->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many floats as quantized values, found %s and %s",
                        ufi_tensor_text(reference, p), ufi_tensor_text(x, q));
  return ufi_out_like(ctx, 0, x);
}

/* y = x - reference. */
static uf_status verify_eval(ufi_ctx *ctx) {
  const verify_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  UFI_TRY(run_quant(ctx, x, dequantize_piece));
  const float *reference = ctx->in[1]->data;
  const float scale = ufi_is_quantized(x) && x->quant->count == 1 ? x->quant->scales[0] : 0.0f;
  float *out = y->data;
  for (int64_t i = 0; i < y->count; ++i) {
    const float real = out[i];
    out[i] = real - reference[i];
    if (a->fails && fabsf(out[i]) > a->tolerance * scale)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %g within %g of %g, found a difference of %g at "
                          "element %lld of '%s'", (double)real, (double)(a->tolerance * scale),
                          (double)reference[i], (double)out[i], (long long)i, x->name);
  }
  return UF_OK;
}
const ufi_op_def ufi_op_NUMERIC_VERIFY = {
  .attrs_size = sizeof(verify_attrs), .attrs_tflite = verify_tflite, .infer = verify_infer, .eval = verify_eval,
};

/* ---- QUANTIZE: from floats ------------------------------------------------------------------ */

/* Packs n int8 values; `at` is at the begin of a byte. */
static void pack_piece(const int8_t *in, uint8_t *out, size_t at, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint8_t *byte = out + (at + i) / 2;
    const unsigned code = (unsigned)in[i] & 15;
    *byte = (uint8_t)((at + i) % 2 ? (*byte & 15) | code << 4 : code);
  }
}

static void quantize_piece(const quant_run *r, size_t at, size_t n, float scale, int32_t zero) {
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  const float *x = (const float *)r->x->data + at;
  switch (r->y->dtype) {
    case UF_INT8: k->f32_to_s8(x, (int8_t *)r->y->data + at, n, scale, zero); return;
    case UF_UINT8: k->f32_to_u8(x, (uint8_t *)r->y->data + at, n, scale, zero); return;
    case UF_INT16: k->f32_to_s16(x, (int16_t *)r->y->data + at, n, scale, zero); return;
    default: break;
  }
  int32_t lo, hi;
  int8_t piece[PIECE];
  ufi_dtype_limits(r->y->dtype, &lo, &hi);
  for (size_t i = 0; i < n; i += PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)PIECE);
    k->f32_to_s8(x + i, piece, count, scale, zero);
    for (size_t j = 0; j < count; ++j) piece[j] = (int8_t)UFI_MIN(hi, UFI_MAX(lo, piece[j]));
    pack_piece(piece, r->y->data, at + i, count);
  }
}

/* ---- QUANTIZE: from integers ------------------------------------------------------------------ */

static int32_t q_requantize(int32_t v, const ufi_unary *s) {
  const int32_t y = ufk_add_wrap(ufk_scale_i32(ufk_sub_wrap(v, s->in_zero), s->scale), s->out_zero);
  return UFI_MAX(UFI_MIN(y, s->hi), s->lo);
}

#define REQUANTIZE(name, X, Y)                                                     \
  static void name(const void *px, void *py, size_t n, const ufi_unary *s) {       \
    const X *x = px;                                                               \
    Y *y = py;                                                                     \
    for (size_t i = 0; i < n; ++i) y[i] = (Y)q_requantize(x[i], s);                \
  }
REQUANTIZE(s8_to_s16, int8_t, int16_t)
REQUANTIZE(u8_to_s16, uint8_t, int16_t)
REQUANTIZE(s16_to_s8, int16_t, int8_t)
REQUANTIZE(s16_to_u8, int16_t, uint8_t)
REQUANTIZE(s16_to_s32, int16_t, int32_t)
REQUANTIZE(s32_to_s8, int32_t, int8_t)
REQUANTIZE(s32_to_s16, int32_t, int16_t)

static ufi_map_fn requantize_loop(uf_dtype from, uf_dtype to) {
  if (from == UF_INT8 && to == UF_INT16) return s8_to_s16;
  if (from == UF_UINT8 && to == UF_INT16) return u8_to_s16;
  if (from == UF_INT16 && to == UF_INT8) return s16_to_s8;
  if (from == UF_INT16 && to == UF_UINT8) return s16_to_u8;
  if (from == UF_INT16 && to == UF_INT32) return s16_to_s32;
  if (from == UF_INT32 && to == UF_INT8) return s32_to_s8;
  if (from == UF_INT32 && to == UF_INT16) return s32_to_s16;
  return NULL;
}
static bool is_8(uf_dtype dtype) { return dtype == UF_INT8 || dtype == UF_UINT8; }

static uf_status requantize_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype from = ctx->in[0]->dtype, to = ctx->out[0]->dtype;
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  if (from == UF_INT16 && to == UF_INT16) {
    UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
    UFI_TRY(ufi_want_symmetric(ctx, ctx->out[0]));
  }
  s->scale = ufi_scale_from((double)s->in_scale / (double)s->out_scale);
  s->fn = requantize_loop(from, to);
  /* Where both have 8 bits, the table; where both have 16, calls. */
  if (!s->fn) ufi_unary_quantized(s, from, q_requantize);
  return UF_OK;
}

typedef struct requantize_run {
  const ufi_unary *s;
  const char *x;
  char *y;
  size_t size_x, size_y;
} requantize_run;
static void requantize_range(void *context, size_t begin, size_t end) {
  const requantize_run *r = context;
  r->s->fn(r->x + begin * r->size_x, r->y + begin * r->size_y, end - begin, r->s);
}

static uf_status quantize_infer(ufi_ctx *ctx) {
  char p[512], q[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INT32, UF_INVALID));
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  const uf_dtype to = y->dtype;
  bool known = requantize_loop(x->dtype, to) || (is_8(x->dtype) && is_8(to)) ||
               (x->dtype == UF_INT16 && to == UF_INT16);
  if (x->dtype == UF_FLOAT32) known = is_8(to) || to == UF_INT16 || to == UF_INT4 || to == UF_UINT4;
  if (!known)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected dtypes between which QUANTIZE converts, found %s and %s",
                        ufi_tensor_text(x, p), uf_dtype_name(to));
  if (!ufi_is_quantized(y))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output with quantization, found none in '%s'", y->name);
  channel_rows rows;
  UFI_TRY(find_rows(ctx, y, x, &rows));
  if (y->quant->block_size > 0 || (rows.channels > 1 && uf_dtype_bits(to) < 8))
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected an output with one scale%s, found %lld scales in %s",
                        uf_dtype_bits(to) < 8 ? "" : ", or one per channel", (long long)y->quant->count,
                        ufi_tensor_text(y, q));
  return ufi_out_like(ctx, 0, x);
}
static uf_status quantize_prepare(ufi_ctx *ctx) {
  return ctx->in[0]->dtype == UF_FLOAT32 ? UF_OK : requantize_prepare(ctx);
}
static uf_status quantize_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  if (x->dtype == UF_FLOAT32) return run_quant(ctx, y, quantize_piece);
  requantize_run r = {ctx->state, x->data, y->data, (size_t)uf_dtype_bits(x->dtype) / 8,
                      (size_t)uf_dtype_bits(y->dtype) / 8};
  ufi_elements(ctx->pool, requantize_range, &r, (size_t)y->count);
  return UF_OK;
}
const ufi_op_def ufi_op_QUANTIZE = {.infer = quantize_infer, .prepare = quantize_prepare, .eval = quantize_eval};

/* ---- FAKE_QUANT ---------------------------------------------------------------------------------- */

typedef struct fake_attrs {
  float min, max;
  int32_t bits;
} fake_attrs;

static uf_status fake_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  fake_attrs *a = attrs;
  a->min = ufi_fb_f32(&from->options, 0, 0.0f);
  a->max = ufi_fb_f32(&from->options, 1, 0.0f);
  a->bits = ufi_fb_i32(&from->options, 2, 0);
  if (ufi_fb_bool(&from->options, 3, false))
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected narrow_range false, found true, which TFLite does not run");
  if (a->bits >= 1 && a->bits <= 16 && a->min <= a->max && isfinite(a->max - a->min)) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT,
                  "expected a finite min up to max and 1 to 16 bits, found min %g, max %g, %d bits",
                  (double)a->min, (double)a->max, a->bits);
}

static uf_status fake_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  return ufi_unary_infer(ctx);
}

/* Rounds to one of 2^bits values of which one is exactly 0; NaN becomes the least. */
static uf_status fake_eval(ufi_ctx *ctx) {
  const fake_attrs *a = ctx->attrs;
  const float last = (float)((1 << a->bits) - 1);
  const float scale = (a->max - a->min) / last;
  const float from_min = 0.0f - a->min / scale;
  const float zero = from_min < 0.0f ? 0.0f : from_min > last ? last : roundf(from_min);
  const float lo = (0.0f - zero) * scale, hi = (last - zero) * scale, inverse = 1.0f / scale;
  const float *x = ctx->in[0]->data;
  float *y = ctx->out[0]->data;
  for (int64_t i = 0; i < ctx->out[0]->count; ++i) {
    const float v = x[i] > lo ? x[i] < hi ? x[i] : hi : lo;
    y[i] = roundf((v - lo) * inverse) * scale + lo;
  }
  return UF_OK;
}
const ufi_op_def ufi_op_FAKE_QUANT = {
  .attrs_size = sizeof(fake_attrs), .attrs_tflite = fake_tflite, .infer = fake_infer, .eval = fake_eval,
};
