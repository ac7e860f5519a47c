/* SPDX-License-Identifier: Apache-2.0
 *
 * arith.c: ADD, SUB, MUL and DIV with broadcasting and a fused activation.
 *
 * Floats go to the kernels, halves through them; without an activation an infinity
 * stays one (TFLite's reference kernels make it the largest float). Integers wrap
 * around as in C's unsigned arithmetic and are clamped afterwards. The quantized forms follow
 * TFLite's reference kernels bit for bit:
 *
 *   a + b    both operands are shifted left (20 bits for 8-bit values, 15 for
 *            16-bit), scaled to twice the larger of their scales, added, and
 *            scaled to the output's. Older 16-bit models have scales that are
 *            powers of two and shift one operand right instead ("pot").
 *   a * b    the product of the offset values is scaled once.
 *   a / b    by the reciprocal of b in fixed point.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/number.h"

/* fused_activation_function, field 0 of the options of ADD, SUB, MUL and DIV. */
typedef struct arith_attrs {
  ufi_number_attrs number; /* of TensorFlow's nodes */
  ufi_act act;
  bool pot_scale_int16;
} arith_attrs;

/* ---- attributes ------------------------------------------------------------------ */

static uf_status arith_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  arith_attrs *a = attrs;
  const int8_t act = ufi_fb_i8(&from->options, 0, 0);
  if (act < UFI_ACT_NONE || act > UFI_ACT_RELU6)
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected a fused activation NONE, RELU, RELU_N1_TO_1 or RELU6, found number %d",
                    act);
  a->act = (ufi_act)act;
  a->pot_scale_int16 = ufi_fb_bool(&from->options, 1, true);
  return UF_OK;
}

/* ---- inner loops ------------------------------------------------------------------- */

typedef struct int_arg { int64_t lo, hi; } int_arg;
#define CLAMP(T, value) clamp_##T((T)(value), arg)
#define INT_CLAMP(T)                                                       \
  static inline T clamp_##T(T v, const void *arg) {                        \
    const int_arg *limits = arg;                                           \
    return (int64_t)v < limits->lo ? (T)limits->lo                         \
         : (int64_t)v > limits->hi ? (T)limits->hi : v;                    \
  }
INT_CLAMP(int8_t)
INT_CLAMP(uint8_t)
INT_CLAMP(int16_t)
INT_CLAMP(uint16_t)
INT_CLAMP(int32_t)
INT_CLAMP(uint32_t)
INT_CLAMP(int64_t)
/* No activation: TFLite has none for it. */
static inline uint64_t clamp_uint64_t(uint64_t v, const void *arg) { return v; }

#define INT_ARITH(suffix, T, U)                                                     \
  UFI_INNER_LOOPS(add_##suffix, T, T, CLAMP(T, (U)u + (U)v))                        \
  UFI_INNER_LOOPS(sub_##suffix, T, T, CLAMP(T, (U)u - (U)v))                        \
  UFI_INNER_LOOPS(mul_##suffix, T, T, CLAMP(T, (U)u * (U)v))
INT_ARITH(i8, int8_t, uint32_t)
INT_ARITH(u8, uint8_t, uint32_t)
INT_ARITH(i16, int16_t, uint32_t)
INT_ARITH(u16, uint16_t, uint32_t)
INT_ARITH(i32, int32_t, uint32_t)
INT_ARITH(u32, uint32_t, uint32_t)
INT_ARITH(i64, int64_t, uint64_t)
INT_ARITH(u64, uint64_t, uint64_t)

/* The divisor was checked; the least integer over -1 wraps to itself. */
UFI_INNER_LOOPS(div_i32, int32_t, int32_t, CLAMP(int32_t, v == -1 ? (int32_t)(0u - (uint32_t)u) : u / v))
UFI_INNER_LOOPS(div_i64, int64_t, int64_t, CLAMP(int64_t, v == -1 ? (int64_t)(0u - (uint64_t)u) : u / v))

static inline double clamp_f64(double v, const void *arg) {
  const int_arg *limits = arg;
  const double lo = limits->lo == INT64_MIN ? -INFINITY : (double)limits->lo;
  const double hi = limits->hi == INT64_MAX ? INFINITY : (double)limits->hi;
  v = v < lo ? lo : v;
  return v > hi ? hi : v;
}
UFI_INNER_LOOPS(add_f64, double, double, clamp_f64(u + v, arg))
UFI_INNER_LOOPS(sub_f64, double, double, clamp_f64(u - v, arg))
UFI_INNER_LOOPS(mul_f64, double, double, clamp_f64(u * v, arg))
UFI_INNER_LOOPS(div_f64, double, double, clamp_f64(u / v, arg))

typedef struct complex_f32 { float re, im; } complex_f32;
#define COMPLEX(re, im) ((complex_f32){re, im})
/* No cast of the result: it is a struct. */
#define COMPLEX_LOOPS(name, expression)                                                   \
  static void name(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode,     \
                   const void *arg) {                                                     \
    const complex_f32 *a = pa, *b = pb;                                                   \
    complex_f32 *y = py;                                                                  \
    for (size_t i = 0; i < n; ++i) {                                                      \
      const complex_f32 u = a[mode == UFK_SV ? 0 : i], v = b[mode == UFK_VS ? 0 : i];     \
      y[i] = expression;                                                                  \
    }                                                                                     \
  }
COMPLEX_LOOPS(add_c64, COMPLEX(u.re + v.re, u.im + v.im))
COMPLEX_LOOPS(sub_c64, COMPLEX(u.re - v.re, u.im - v.im))
COMPLEX_LOOPS(mul_c64, COMPLEX(u.re * v.re - u.im * v.im, u.re * v.im + u.im * v.re))

/* ---- quantized inner loops ------------------------------------------------------------ */

static void q_add_s8(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  ufi_kernels_get()->elementwise.s8_add[mode](a, b, y, n, arg);
}
static void q_add_u8(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  ufi_kernels_get()->elementwise.u8_add[mode](a, b, y, n, arg);
}
static void q_mul_s8(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  ufi_kernels_get()->elementwise.s8_mul[mode](a, b, y, n, arg);
}
static void q_mul_u8(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  ufi_kernels_get()->elementwise.u8_mul[mode](a, b, y, n, arg);
}

static inline int32_t clamp_i32(int32_t v, int32_t lo, int32_t hi) {
  return UFI_MIN(hi, UFI_MAX(lo, v));
}
static inline int32_t q_sum(int32_t a, int32_t b, const ufk_q_add *p) {
  const int32_t left = 1 << p->left_shift;
  const int32_t u = ufk_scale_i32((a + p->a_offset) * left, p->a);
  const int32_t v = ufk_scale_i32((b + p->b_offset) * left, p->b);
  return p->subtract ? u - v : u + v;
}
static inline int32_t q_add(int32_t a, int32_t b, const void *arg) {
  const ufk_q_add *p = arg;
  return clamp_i32(ufk_add_wrap(ufk_scale_i32(q_sum(a, b, p), p->y), p->y_offset), p->lo, p->hi);
}
/* For output scales so small that the sum is scaled up, which kernels leave out (and the reference
 * gets wrong): what does not fit is at the limit. */
static inline int32_t q_add_up(int32_t a, int32_t b, const void *arg) {
  const ufk_q_add *p = arg;
  const int32_t sum = ufk_srdhm(ufk_shl_saturate(q_sum(a, b, p), UFI_MIN(p->y.shift, 30)), p->y.multiplier);
  return (int32_t)UFI_MIN(UFI_MAX((int64_t)sum + p->y_offset, p->lo), p->hi);
}
static inline int32_t q_mul(int32_t a, int32_t b, const void *arg) {
  const ufk_q_mul *p = arg;
  const int32_t product = (int32_t)((int64_t)(a + p->a_offset) * (b + p->b_offset));
  return clamp_i32(ufk_add_wrap(ufk_scale_i32(product, p->y), p->y_offset), p->lo, p->hi);
}
static inline int32_t q_div(int32_t a, int32_t b, const void *arg) {
  const ufk_q_mul *p = arg;
  const int32_t quotient = ufk_divide(a + p->a_offset, b + p->b_offset, p->y);
  return clamp_i32(ufk_add_wrap(quotient, p->y_offset), p->lo, p->hi);
}
UFI_INNER_LOOPS(q_add_s16, int16_t, int16_t, q_add(u, v, arg))
UFI_INNER_LOOPS(q_add_up_s8, int8_t, int8_t, q_add_up(u, v, arg))
UFI_INNER_LOOPS(q_add_up_u8, uint8_t, uint8_t, q_add_up(u, v, arg))
UFI_INNER_LOOPS(q_add_up_s16, int16_t, int16_t, q_add_up(u, v, arg))
UFI_INNER_LOOPS(q_mul_s16, int16_t, int16_t, q_mul(u, v, arg))
/* 16-bit operands, 8-bit output: numbers in [-1, 1), whatever their scales say. */
static inline int32_t q_mul_narrow(int32_t a, int32_t b, const void *arg) {
  const ufk_q_mul *p = arg;
  const int32_t product = UFI_MIN((a * b + (1 << 14)) >> 15, INT16_MAX);
  return clamp_i32(ufk_rdpot(product, 8) + p->y_offset, p->lo, p->hi);
}
UFI_INNER_LOOPS(q_mul_s16_s8, int16_t, int8_t, q_mul_narrow(u, v, arg))
UFI_INNER_LOOPS(q_mul_s16_u8, int16_t, uint8_t, q_mul_narrow(u, v, arg))
UFI_INNER_LOOPS(q_div_s8, int8_t, int8_t, q_div(u, v, arg))
UFI_INNER_LOOPS(q_div_u8, uint8_t, uint8_t, q_div(u, v, arg))
UFI_INNER_LOOPS(q_div_s16, int16_t, int16_t, q_div(u, v, arg))

typedef struct pot_arg { int32_t shift_a, shift_b, lo, hi; } pot_arg;
static inline int32_t pot_sum(int32_t a, int32_t b, const void *arg, int32_t sign) {
  const pot_arg *p = arg;
  const int32_t sum = ufk_rdpot(a, p->shift_a) + sign * ufk_rdpot(b, p->shift_b);
  return clamp_i32(clamp_i32(sum, INT16_MIN, INT16_MAX), p->lo, p->hi);
}
UFI_INNER_LOOPS(pot_add_s16, int16_t, int16_t, pot_sum(u, v, arg, 1))
UFI_INNER_LOOPS(pot_sub_s16, int16_t, int16_t, pot_sum(u, v, arg, -1))

/* ---- infer ---------------------------------------------------------------------------- */

static uf_status arith_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  return ufi_binary_infer(ctx, ctx->in[0]->dtype);
}

/* MUL alone has 8-bit outputs of 16-bit inputs, for LSTM cells. */
static uf_status mul_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  const uf_dtype in = ctx->in[0]->dtype, out = ctx->out[0]->dtype;
  if (in != UF_INT16 || (out != UF_INT8 && out != UF_UINT8)) return ufi_binary_infer(ctx, in);
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  if (a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0)
    return ufi_out_like(ctx, 0, a);
  char p[512], q[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one shape for an 8-bit output, found %s and %s",
                      ufi_tensor_text(a, p), ufi_tensor_text(b, q));
}

/* ---- prepare ---------------------------------------------------------------------------- */

static void int_limits(ufi_act act, ufi_binary *s) {
  s->arg.ints.lo = act == UFI_ACT_NONE ? INT64_MIN : act == UFI_ACT_RELU_N1_TO_1 ? -1 : 0;
  s->arg.ints.hi = act == UFI_ACT_RELU6 ? 6 : act == UFI_ACT_RELU_N1_TO_1 ? 1 : INT64_MAX;
}

/* Loops of one op: a float kernel, the others by dtype (NULL: it has none). */
typedef struct arith_loops {
  ufk_f32_binary f32;
  const ufi_inner_fn *by_dtype;
  const char *supported;
} arith_loops;
static const char arith_dtypes[] = "floats, integers and quantized values";
#define ARITH_LOOPS(op)                                                                       \
  {[UF_INT8] = op##_i8,   [UF_UINT8] = op##_u8,   [UF_INT16] = op##_i16,                      \
   [UF_UINT16] = op##_u16, [UF_INT32] = op##_i32, [UF_UINT32] = op##_u32,                     \
   [UF_INT64] = op##_i64, [UF_UINT64] = op##_u64, [UF_FLOAT64] = op##_f64,                    \
   [UF_COMPLEX64] = op##_c64}
const ufi_inner_fn ufi_add_loops[UF_DTYPE_COUNT] = ARITH_LOOPS(add);
const ufi_inner_fn ufi_sub_loops[UF_DTYPE_COUNT] = ARITH_LOOPS(sub);
const ufi_inner_fn ufi_mul_loops[UF_DTYPE_COUNT] = ARITH_LOOPS(mul);

static uf_status prepare_plain(ufi_ctx *ctx, ufi_binary *s, const arith_loops *loops) {
  const arith_attrs *attrs = ctx->attrs;
  const uf_dtype dtype = ctx->in[0]->dtype;
  s->inner = ufi_binary_float(s, dtype, loops->f32, attrs->act);
  if (s->inner) return UF_OK;
  if (dtype == UF_COMPLEX64 && attrs->act != UFI_ACT_NONE)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected no fused activation for complex numbers, found one");
  int_limits(attrs->act, s);
  s->inner = loops->by_dtype[dtype];
  return s->inner ? UF_OK : ufi_no_dtype(ctx, ctx->in[0], loops->supported);
}

/* Powers of two: at most one operand needs a shift, to the right. */
static bool try_pot(ufi_ctx *ctx, ufi_binary *s, bool subtract) {
  const arith_attrs *attrs = ctx->attrs;
  int32_t a, b, y;
  if (!attrs->pot_scale_int16 || !ufi_log2_of_scale(ufi_scale(ctx->in[0]), &a) ||
      !ufi_log2_of_scale(ufi_scale(ctx->in[1]), &b) ||
      !ufi_log2_of_scale(ufi_scale(ctx->out[0]), &y))
    return false;
  s->arg.pot.shift_a = y - a;
  s->arg.pot.shift_b = y - b;
  ufi_act_range_quant(attrs->act, ctx->out[0], &s->arg.pot.lo, &s->arg.pot.hi);
  s->inner = subtract ? pot_sub_s16 : pot_add_s16;
  return true;
}

static uf_status check_pot(ufi_ctx *ctx, const ufi_binary *s) {
  const int32_t a = s->arg.pot.shift_a, b = s->arg.pot.shift_b;
  if (a >= 0 && b >= 0 && a <= 31 && b <= 31 && (a == 0 || b == 0)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected power-of-two scales of which one equals the output's and none is "
                      "larger, found input scales %g and %g, output scale %g",
                      (double)ufi_scale(ctx->in[0]), (double)ufi_scale(ctx->in[1]),
                      (double)ufi_scale(ctx->out[0]));
}

static void fill_add(ufi_ctx *ctx, ufk_q_add *p, bool subtract) {
  const arith_attrs *attrs = ctx->attrs;
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1], *y = ctx->out[0];
  p->left_shift = y->dtype == UF_INT16 ? 15 : 20;
  const double twice = 2 * UFI_MAX(ufi_scale(a), ufi_scale(b));
  p->a_offset = -ufi_zero(a), p->b_offset = -ufi_zero(b), p->y_offset = ufi_zero(y);
  p->a = ufi_scale_from(ufi_scale(a) / twice);
  p->b = ufi_scale_from(ufi_scale(b) / twice);
  p->y = ufi_scale_from(twice / ((float)(1 << p->left_shift) * ufi_scale(y)));
  p->subtract = subtract;
  ufi_act_range_quant(attrs->act, y, &p->lo, &p->hi);
}

static uf_status prepare_sum(ufi_ctx *ctx, const arith_loops *loops, bool subtract) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (!ufi_is_q(ctx->in[0])) return prepare_plain(ctx, s, loops);
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  if (ctx->in[0]->dtype == UF_INT16) {
    for (int32_t i = 0; i < 2; ++i) UFI_TRY(ufi_want_symmetric(ctx, ctx->in[i]));
    UFI_TRY(ufi_want_symmetric(ctx, ctx->out[0]));
    if (try_pot(ctx, s, subtract)) return check_pot(ctx, s);
  }
  fill_add(ctx, &s->arg.add, subtract);
  const bool up = s->arg.add.y.shift > 0;
  s->inner = ctx->in[0]->dtype == UF_INT8 ? (up ? q_add_up_s8 : q_add_s8)
           : ctx->in[0]->dtype == UF_UINT8 ? (up ? q_add_up_u8 : q_add_u8) : up ? q_add_up_s16 : q_add_s16;
  return UF_OK;
}

static uf_status add_prepare(ufi_ctx *ctx) {
  static const arith_loops loops = {UFK_ADD, ufi_add_loops, arith_dtypes};
  return prepare_sum(ctx, &loops, false);
}

static uf_status sub_prepare(ufi_ctx *ctx) {
  static const arith_loops loops = {UFK_SUB, ufi_sub_loops, arith_dtypes};
  return prepare_sum(ctx, &loops, true);
}

static void fill_mul(ufi_ctx *ctx, ufk_q_mul *p, double real) {
  const arith_attrs *attrs = ctx->attrs;
  p->a_offset = -ufi_zero(ctx->in[0]);
  p->b_offset = -ufi_zero(ctx->in[1]);
  p->y_offset = ufi_zero(ctx->out[0]);
  p->y = ufi_scale_from(real);
  ufi_act_range_quant(attrs->act, ctx->out[0], &p->lo, &p->hi);
}

/* A 16-bit multiplication is quantized when its output is. */
static bool mul_is_quantized(const ufi_ctx *ctx) {
  const uf_dtype out = ctx->out[0]->dtype;
  return out == UF_INT8 || out == UF_UINT8 || (out == UF_INT16 && ufi_is_quantized(ctx->out[0]));
}

static uf_status mul_prepare(ufi_ctx *ctx) {
  static const arith_loops loops = {UFK_MUL, ufi_mul_loops, arith_dtypes};
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (!mul_is_quantized(ctx)) return prepare_plain(ctx, s, &loops);
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  fill_mul(ctx, &s->arg.mul,
           ufi_scale(ctx->in[0]) * ufi_scale(ctx->in[1]) / ufi_scale(ctx->out[0]));
  const uf_dtype in = ctx->in[0]->dtype, out = ctx->out[0]->dtype;
  if (in == UF_INT16) {
    UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
    UFI_TRY(ufi_want_symmetric(ctx, ctx->in[1]));
    s->inner = out == UF_INT16 ? q_mul_s16 : out == UF_INT8 ? q_mul_s16_s8 : q_mul_s16_u8;
    return out == UF_INT16 ? ufi_want_symmetric(ctx, ctx->out[0]) : UF_OK;
  }
  s->inner = in == UF_INT8 ? q_mul_s8 : q_mul_u8;
  return UF_OK;
}

static uf_status div_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn by_dtype[UF_DTYPE_COUNT] = {
    [UF_INT32] = div_i32, [UF_INT64] = div_i64, [UF_FLOAT64] = div_f64};
  static const arith_loops loops = {UFK_DIV, by_dtype, "floats, int32, int64 and quantized int8, uint8 and int16"};
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (!ufi_is_q(ctx->in[0])) return prepare_plain(ctx, s, &loops);
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  fill_mul(ctx, &s->arg.mul,
           ufi_scale(ctx->in[0]) / (ufi_scale(ctx->in[1]) * ufi_scale(ctx->out[0])));
  const uf_dtype in = ctx->in[0]->dtype;
  s->inner = in == UF_INT8 ? q_div_s8 : in == UF_UINT8 ? q_div_u8 : q_div_s16;
  return UF_OK;
}

static uf_status div_eval(ufi_ctx *ctx) {
  if (ctx->in[1]->dtype != UF_FLOAT32) UFI_TRY(ufi_want_nonzero(ctx, ctx->in[1], ufi_zero(ctx->in[1])));
  return ufi_binary_eval(ctx);
}

#define ARITH_DEF(name, infer_fn, prepare_fn, eval_fn, part_fn)                                     \
  UFI_NUMBER_STEPS(name, infer_fn, prepare_fn, eval_fn, part_fn)                                    \
  const ufi_op_def ufi_op_##name = {                                                                \
    .attrs_size = sizeof(arith_attrs), .attrs_tflite = arith_tflite, .attrs_tf = ufi_number_tf, \
    .infer = name##_infer_either, .prepare = name##_prepare_either, .eval = name##_eval_either,     \
    .part = name##_part_either, .release = ufi_number_release,                                      \
  }
ARITH_DEF(ADD, arith_infer, add_prepare, ufi_binary_eval, ufi_binary_part);
ARITH_DEF(SUB, arith_infer, sub_prepare, ufi_binary_eval, ufi_binary_part);
ARITH_DEF(MUL, mul_infer, mul_prepare, ufi_binary_eval, ufi_binary_part);
ARITH_DEF(DIV, arith_infer, div_prepare, div_eval, ufi_no_part);
