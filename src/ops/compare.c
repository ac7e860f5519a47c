/* SPDX-License-Identifier: Apache-2.0
 *
 * compare.c: comparisons and logic of two broadcast operands; the result is bool.
 *
 * Quantized operands may have different scales. As TFLite does, both are shifted
 * left by 8 bits, scaled by their own scale to one fixed-point format and then
 * compared, so values nearer than that resolution count as equal. Scales of 1 and
 * more, which the reference gets wrong, are halved together until they are below 1.
 * An ordering of int16 compares the stored numbers. Strings know equality only.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/number.h"

/* ---- loops ------------------------------------------------------------------------ */

static inline int32_t q_a(int32_t v, const void *arg) {
  const ufk_q_add *p = arg;
  return ufk_scale_i32((v + p->a_offset) * (1 << p->left_shift), p->a);
}
static inline int32_t q_b(int32_t v, const void *arg) {
  const ufk_q_add *p = arg;
  return ufk_scale_i32((v + p->b_offset) * (1 << p->left_shift), p->b);
}

#define F16(x) ufi_half_to_float(x)
#define BF16(x) ufi_bfloat_to_float(x)
#define COMPARE(op, C)                                                              \
  UFI_INNER_LOOPS(op##_f32, float, bool, u C v)                                     \
  UFI_INNER_LOOPS(op##_f64, double, bool, u C v)                                    \
  UFI_INNER_LOOPS(op##_f16, uint16_t, bool, F16(u) C F16(v))                        \
  UFI_INNER_LOOPS(op##_bf16, uint16_t, bool, BF16(u) C BF16(v))                     \
  UFI_INNER_LOOPS(op##_i8, int8_t, bool, u C v)                                     \
  UFI_INNER_LOOPS(op##_u8, uint8_t, bool, u C v)                                    \
  UFI_INNER_LOOPS(op##_i16, int16_t, bool, u C v)                                   \
  UFI_INNER_LOOPS(op##_i32, int32_t, bool, u C v)                                   \
  UFI_INNER_LOOPS(op##_i64, int64_t, bool, u C v)                                   \
  UFI_INNER_LOOPS(op##_q_i8, int8_t, bool, q_a(u, arg) C q_b(v, arg))               \
  UFI_INNER_LOOPS(op##_q_u8, uint8_t, bool, q_a(u, arg) C q_b(v, arg))
COMPARE(equal, ==)
COMPARE(not_equal, !=)
COMPARE(less, <)
COMPARE(less_equal, <=)
UFI_INNER_LOOPS(equal_q_i16, int16_t, bool, q_a(u, arg) == q_b(v, arg))
UFI_INNER_LOOPS(not_equal_q_i16, int16_t, bool, q_a(u, arg) != q_b(v, arg))

static inline bool string_equal(const uf_string *u, const uf_string *v) {
  return u->size == v->size && (u->size == 0 || memcmp(u->data, v->data, u->size) == 0);
}
#define STRING_LOOPS(name, expression)                                                    \
  static void name(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode,     \
                   const void *arg) {                                                     \
    const uf_string *a = pa, *b = pb;                                                     \
    bool *y = py;                                                                         \
    for (size_t i = 0; i < n; ++i) {                                                      \
      const uf_string *u = a + (mode == UFK_SV ? 0 : i), *v = b + (mode == UFK_VS ? 0 : i); \
      y[i] = expression;                                                                  \
    }                                                                                     \
  }
STRING_LOOPS(equal_string, string_equal(u, v))
STRING_LOOPS(not_equal_string, !string_equal(u, v))

/* ---- prepare ------------------------------------------------------------------------ */

typedef struct compare_loops {
  const ufi_inner_fn *by_dtype;
  ufi_inner_fn q_i8, q_u8, q_i16; /* q_i16 NULL: int16 compares as stored */
  bool swap;                      /* a > b is b < a */
  const char *supported;
} compare_loops;
static const char equal_dtypes[] = "floats, int8, uint8, int16, int32, int64, bool or strings";
static const char order_dtypes[] = "floats, int8, uint8, int16, int32 or int64";

#define ORDER_LOOPS(op)                                                                    \
  [UF_FLOAT32] = op##_f32, [UF_FLOAT64] = op##_f64, [UF_FLOAT16] = op##_f16,               \
  [UF_BFLOAT16] = op##_bf16, [UF_INT8] = op##_i8, [UF_UINT8] = op##_u8,                    \
  [UF_INT16] = op##_i16, [UF_INT32] = op##_i32, [UF_INT64] = op##_i64

const ufi_inner_fn ufi_equal_loops[UF_DTYPE_COUNT] = {
  ORDER_LOOPS(equal), [UF_BOOL] = equal_u8, [UF_STRING] = equal_string};
const ufi_inner_fn ufi_not_equal_loops[UF_DTYPE_COUNT] = {
  ORDER_LOOPS(not_equal), [UF_BOOL] = not_equal_u8, [UF_STRING] = not_equal_string};
const ufi_inner_fn ufi_less_loops[UF_DTYPE_COUNT] = {ORDER_LOOPS(less)};
const ufi_inner_fn ufi_less_equal_loops[UF_DTYPE_COUNT] = {ORDER_LOOPS(less_equal)};

typedef struct compare_state {
  ufi_binary binary;
  bool swap;
} compare_state;

static ufi_inner_fn quantized_loop(const compare_loops *loops, uf_dtype dtype) {
  return dtype == UF_INT8 ? loops->q_i8 : dtype == UF_UINT8 ? loops->q_u8
       : dtype == UF_INT16 ? loops->q_i16 : NULL;
}

/* Both scales times one power of two that keeps them below 1. */
static void fill_scales(const ufi_tensor *a, const ufi_tensor *b, ufk_q_add *p) {
  int bits = 0;
  frexpf(UFI_MAX(ufi_scale(a), ufi_scale(b)), &bits);
  const int down = -UFI_MAX(bits, 0);
  *p = (ufk_q_add){
    .left_shift = 8, .a_offset = -ufi_zero(a), .b_offset = -ufi_zero(b),
    .a = ufi_scale_from(ldexp((double)ufi_scale(a), down)),
    .b = ufi_scale_from(ldexp((double)ufi_scale(b), down))};
}

static uf_status compare_prepare(ufi_ctx *ctx, const compare_loops *loops) {
  compare_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->swap = loops->swap;
  const ufi_tensor *a = ctx->in[s->swap], *b = ctx->in[!s->swap];
  ufi_broadcast_make(a, b, ctx->out[0], &s->binary.plan);
  s->binary.inner = loops->by_dtype[a->dtype];
  /* As in the reference, the left operand of two int16 decides. */
  const bool quantized = ufi_is_quantized(a) || (a->dtype != UF_INT16 && ufi_is_quantized(b));
  if (quantized && quantized_loop(loops, a->dtype)) {
    UFI_TRY(ufi_want_per_tensor(ctx, a));
    UFI_TRY(ufi_want_per_tensor(ctx, b));
    s->binary.inner = quantized_loop(loops, a->dtype);
    fill_scales(a, b, &s->binary.arg.add);
  }
  return s->binary.inner ? UF_OK : ufi_no_dtype(ctx, a, loops->supported);
}

static uf_status equal_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {
    ufi_equal_loops, equal_q_i8, equal_q_u8, equal_q_i16, false, equal_dtypes};
  return compare_prepare(ctx, &loops);
}
static uf_status not_equal_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {
    ufi_not_equal_loops, not_equal_q_i8, not_equal_q_u8, not_equal_q_i16, false, equal_dtypes};
  return compare_prepare(ctx, &loops);
}
static uf_status less_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {ufi_less_loops, less_q_i8, less_q_u8, NULL, false, order_dtypes};
  return compare_prepare(ctx, &loops);
}
static uf_status less_equal_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {
    ufi_less_equal_loops, less_equal_q_i8, less_equal_q_u8, NULL, false, order_dtypes};
  return compare_prepare(ctx, &loops);
}
static uf_status greater_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {ufi_less_loops, less_q_i8, less_q_u8, NULL, true, order_dtypes};
  return compare_prepare(ctx, &loops);
}
static uf_status greater_equal_prepare(ufi_ctx *ctx) {
  static const compare_loops loops = {
    ufi_less_equal_loops, less_equal_q_i8, less_equal_q_u8, NULL, true, order_dtypes};
  return compare_prepare(ctx, &loops);
}

/* ---- infer, eval ----------------------------------------------------------------------- */

static uf_status compare_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  return ufi_binary_infer(ctx, UF_BOOL);
}

static uf_status compare_eval(ufi_ctx *ctx) {
  const compare_state *s = ctx->state;
  const ufi_tensor *a = ctx->in[s->swap], *b = ctx->in[!s->swap];
  const size_t size = (size_t)uf_dtype_bits(a->dtype) / 8;
  const ufi_broadcast_run_args args = {
    .plan = &s->binary.plan, .inner = s->binary.inner, .arg = &s->binary.arg, .a = a->data,
    .b = b->data, .y = ctx->out[0]->data, .size_a = size, .size_b = size, .size_y = 1};
  ufi_broadcast_run(&args, ctx->pool);
  return UF_OK;
}

#define COMPARE_DEF(name, prepare_fn) UFI_NUMBER_DEF(name, compare_infer, prepare_fn, compare_eval, ufi_no_part)
COMPARE_DEF(EQUAL, equal_prepare);
COMPARE_DEF(NOT_EQUAL, not_equal_prepare);
COMPARE_DEF(LESS, less_prepare);
COMPARE_DEF(LESS_EQUAL, less_equal_prepare);
COMPARE_DEF(GREATER, greater_prepare);
COMPARE_DEF(GREATER_EQUAL, greater_equal_prepare);

/* ---- logic -------------------------------------------------------------------------------- */

/* The bytes of a bool tensor from a file or a user may be any; nonzero is true. */
UFI_INNER_LOOPS(logical_and, uint8_t, bool, u && v)
UFI_INNER_LOOPS(logical_or, uint8_t, bool, u || v)

static uf_status logic_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_BOOL, UF_INVALID));
  return ufi_binary_infer(ctx, UF_BOOL);
}
static uf_status logic_prepare(ufi_ctx *ctx, ufi_inner_fn inner) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->inner = inner;
  return UF_OK;
}
static uf_status and_prepare(ufi_ctx *ctx) { return logic_prepare(ctx, logical_and); }
static uf_status or_prepare(ufi_ctx *ctx) { return logic_prepare(ctx, logical_or); }
UFI_NUMBER_DEF(LOGICAL_AND, logic_infer, and_prepare, ufi_binary_eval, ufi_binary_part);
UFI_NUMBER_DEF(LOGICAL_OR, logic_infer, or_prepare, ufi_binary_eval, ufi_binary_part);
