/* SPDX-License-Identifier: Apache-2.0
 *
 * activation.c: RELU and its kin, LEAKY_RELU, PRELU, ELU, TANH, LOGISTIC,
 * HARD_SWISH and GELU.
 *
 * Quantized forms give what TFLite's reference kernels give: RELU, LEAKY_RELU and
 * PRELU by an integer multiplier, ELU and GELU by tables, HARD_SWISH in 16-bit
 * fixed point, TANH and LOGISTIC by tables for 8 bits and by interpolation in one
 * table of the logistic function for 16 bits.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/number.h"
#include "ops/unary.h"

static uf_status no_dtype(ufi_ctx *ctx, const char *supported) {
  return ufi_no_dtype(ctx, ctx->in[0], supported);
}
static inline int32_t clamp_out(int32_t v, const ufi_unary *s) { return UFI_MIN(UFI_MAX(v, s->lo), s->hi); }
/* Quantization of input and output is sound, and symmetric for int16. */
static uf_status check_q(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  if (ctx->in[0]->dtype != UF_INT16) return UF_OK;
  UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
  return ufi_want_symmetric(ctx, ctx->out[0]);
}
static bool is_8_or_16(uf_dtype dtype) { return dtype == UF_INT8 || dtype == UF_UINT8 || dtype == UF_INT16; }
#define ACTIVATION(name, prepare_fn) \
  UFI_NUMBER_DEF(name, ufi_unary_infer, prepare_fn, ufi_unary_eval, ufi_unary_part)

/* ---- RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 ------------------------------------------------ */

static void map_clamp(const void *x, void *y, size_t n, const ufi_unary *s) {
  ufi_kernels_get()->elementwise.f32_clamp(x, y, n, s->low, s->high);
}
static int32_t q_relu(int32_t v, const ufi_unary *s) {
  return clamp_out(ufk_add_wrap(s->out_zero, ufk_scale_i32(v - s->in_zero, s->scale)), s);
}
static int32_t quantized_limit(float limit, const ufi_unary *s) {
  const float q = roundf(limit / s->out_scale);
  return s->out_zero + (int32_t)UFI_MIN(UFI_MAX(q, -1e9f), 1e9f);
}

static uf_status prepare_relu(ufi_ctx *ctx, float low, float high) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  s->low = low, s->high = high;
  s->fn = map_clamp;
  if (dtype == UF_FLOAT32) return UF_OK;
  if (!is_8_or_16(dtype)) return no_dtype(ctx, "float32, or quantized int8, uint8 or int16");
  UFI_TRY(check_q(ctx));
  s->scale = ufi_scale_from(s->in_scale / s->out_scale);
  s->lo = UFI_MAX(s->lo, quantized_limit(low, s));
  if (isfinite(high)) s->hi = UFI_MIN(s->hi, quantized_limit(high, s));
  /* The reference clamps from below first: the upper limit wins. */
  s->lo = UFI_MIN(s->lo, s->hi);
  ufi_unary_quantized(s, dtype, q_relu);
  return UF_OK;
}
static uf_status relu_prepare(ufi_ctx *ctx) { return prepare_relu(ctx, 0.0f, INFINITY); }
static uf_status relu6_prepare(ufi_ctx *ctx) { return prepare_relu(ctx, 0.0f, 6.0f); }
static uf_status relu_n1_to_1_prepare(ufi_ctx *ctx) { return prepare_relu(ctx, -1.0f, 1.0f); }
static uf_status relu_0_to_1_prepare(ufi_ctx *ctx) { return prepare_relu(ctx, 0.0f, 1.0f); }
ACTIVATION(RELU, relu_prepare);
ACTIVATION(RELU6, relu6_prepare);
ACTIVATION(RELU_N1_TO_1, relu_n1_to_1_prepare);
ACTIVATION(RELU_0_TO_1, relu_0_to_1_prepare);

/* ---- LEAKY_RELU -------------------------------------------------------------------------------- */

typedef struct leaky_attrs {
  ufi_number_attrs number; /* of TensorFlow's nodes */
  float alpha;
} leaky_attrs;
static uf_status leaky_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((leaky_attrs *)attrs)->alpha = ufi_fb_f32(&from->options, 0, 0.0f);
  return UF_OK;
}
static void map_leaky(const void *x, void *y, size_t n, const ufi_unary *s) {
  ufi_kernels_get()->elementwise.f32_leaky_relu(x, y, n, s->alpha);
}
static int32_t q_leaky(int32_t v, const ufi_unary *s) {
  const int32_t d = v - s->in_zero;
  int32_t y = ufk_scale_i32(d, d >= 0 ? s->scale : s->negative);
  if (d < 0 && s->flip) y = -y;
  return clamp_out(ufk_add_wrap(s->out_zero, y), s);
}
static uf_status leaky_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  s->alpha = ((const leaky_attrs *)ctx->attrs)->alpha;
  s->fn = map_leaky;
  if (dtype == UF_FLOAT32) return UF_OK;
  if (!is_8_or_16(dtype)) return no_dtype(ctx, "float32, or quantized int8, uint8 or int16");
  UFI_TRY(check_q(ctx));
  const double slope = s->in_scale * s->alpha / s->out_scale;
  s->flip = slope < 0.0;
  s->negative = ufi_scale_from(fabs(slope));
  s->scale = ufi_scale_from(s->in_scale / s->out_scale);
  ufi_unary_quantized(s, dtype, q_leaky);
  return UF_OK;
}
UFI_NUMBER_STEPS(LEAKY_RELU, ufi_unary_infer, leaky_prepare, ufi_unary_eval, ufi_unary_part)
const ufi_op_def ufi_op_LEAKY_RELU = {
  .attrs_size = sizeof(leaky_attrs), .attrs_tflite = leaky_tflite, .attrs_tf = ufi_number_tf,
  .infer = LEAKY_RELU_infer_either, .prepare = LEAKY_RELU_prepare_either, .eval = LEAKY_RELU_eval_either,
  .part = LEAKY_RELU_part_either,
};

/* ---- PRELU ---------------------------------------------------------------------------------------- */

typedef struct prelu_arg {
  int32_t a_offset, b_offset, y_offset, lo, hi;
  ufk_scale y, alpha; /* of values >= 0, and of products with alpha */
} prelu_arg;
static inline int32_t q_prelu(int32_t v, int32_t alpha, const void *arg) {
  const prelu_arg *p = arg;
  const int32_t d = v + p->a_offset;
  const int32_t y = d >= 0 ? ufk_scale_i32(d, p->y) : ufk_scale_i32(d * (alpha + p->b_offset), p->alpha);
  return UFI_MIN(p->hi, UFI_MAX(p->lo, ufk_add_wrap(y, p->y_offset)));
}
UFI_INNER_LOOPS(prelu_s8, int8_t, int8_t, q_prelu(u, v, arg))
UFI_INNER_LOOPS(prelu_u8, uint8_t, uint8_t, q_prelu(u, v, arg))
/* 16-bit values have slopes of 8 bits. */
static void prelu_s16(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode, const void *arg) {
  const int16_t *a = pa;
  const int8_t *b = pb;
  int16_t *y = py;
  for (size_t i = 0; i < n; ++i)
    y[i] = (int16_t)q_prelu(a[mode == UFK_SV ? 0 : i], b[mode == UFK_VS ? 0 : i], arg);
}

static uf_status prelu_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, x->dtype == UF_INT16 ? UF_INT8 : x->dtype, UF_INVALID));
  UFI_TRY(ufi_binary_infer(ctx, x->dtype));
  const ufi_tensor *y = ctx->out[0];
  if (y->rank == x->rank && memcmp(y->dims, x->dims, (size_t)x->rank * sizeof *x->dims) == 0) return UF_OK;
  char p[512], q[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected slopes that broadcast to the input, found %s and %s",
                      ufi_tensor_text(ctx->in[1], p), ufi_tensor_text(x, q));
}
static uf_status prelu_prepare(ufi_ctx *ctx) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const ufi_tensor *x = ctx->in[0], *alpha = ctx->in[1], *y = ctx->out[0];
  s->inner = ufi_binary_float(s, x->dtype, UFK_PRELU, UFI_ACT_NONE);
  if (s->inner) return UF_OK;
  UFI_TRY(check_q(ctx));
  prelu_arg arg = {
    .a_offset = -ufi_zero(x), .b_offset = -ufi_zero(alpha), .y_offset = ufi_zero(y),
    .y = ufi_scale_from(ufi_scale(x) / ufi_scale(y)),
    .alpha = ufi_scale_from(ufi_scale(x) * ufi_scale(alpha) / ufi_scale(y))};
  ufi_dtype_limits(y->dtype, &arg.lo, &arg.hi);
  memcpy(&s->arg, &arg, sizeof arg);
  s->inner = x->dtype == UF_INT8 ? prelu_s8 : x->dtype == UF_UINT8 ? prelu_u8 : prelu_s16;
  return UF_OK;
}
const ufi_op_def ufi_op_PRELU = {
  .infer = prelu_infer, .prepare = prelu_prepare, .eval = ufi_binary_eval, .part = ufi_binary_part,
};

/* ---- ELU, GELU ---------------------------------------------------------------------------------------- */

static float real_elu(float v, const ufi_unary *s) { return v < 0.0f ? expm1f(v) : v; }
static uf_status elu_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, UFK_ELU)) return UF_OK;
  if (dtype != UF_INT8) return no_dtype(ctx, "floats or quantized int8");
  UFI_TRY(check_q(ctx));
  ufi_unary_real(s, dtype, real_elu, UFK_ELU);
  return UF_OK;
}
ACTIVATION(ELU, elu_prepare);

typedef struct gelu_attrs { bool approximate; } gelu_attrs;
static uf_status gelu_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((gelu_attrs *)attrs)->approximate = ufi_fb_bool(&from->options, 0, false);
  return UF_OK;
}
static float real_gelu(float v, const ufi_unary *s) { return 0.5f * v * erfcf(v * -(float)M_SQRT1_2); }
static float real_gelu_tanh(float v, const ufi_unary *s) {
  const float root = (float)(M_2_SQRTPI * M_SQRT1_2);
  return 0.5f * v * (1.0f + tanhf(root * (v + 0.044715f * v * v * v)));
}
static uf_status gelu_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const bool approximate = ((const gelu_attrs *)ctx->attrs)->approximate;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, approximate ? UFK_GELU_TANH : UFK_GELU)) return UF_OK;
  if (!is_8_or_16(dtype)) return no_dtype(ctx, "floats, or quantized int8, uint8 or int16");
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  ufi_unary_real(s, dtype, approximate ? real_gelu_tanh : real_gelu, approximate ? UFK_GELU_TANH : UFK_GELU);
  return UF_OK;
}
const ufi_op_def ufi_op_GELU = {
  .attrs_size = sizeof(gelu_attrs), .attrs_tflite = gelu_tflite, .infer = ufi_unary_infer,
  .prepare = gelu_prepare, .eval = ufi_unary_eval, .part = ufi_unary_part,
};

/* ---- TANH, LOGISTIC ---------------------------------------------------------------------------------------- */

static float real_tanh(float v, const ufi_unary *s) { return tanhf(v); }
static float real_logistic(float v, const ufi_unary *s) { return 1.0f / (1.0f + expf(-v)); }

/* 65536 / (1 + exp(-i / 24)), rounded; TFLite's table has these entries one higher. */
static void fill_sigmoid(uint16_t table[256]) {
  static const uint64_t higher[4] = {0xc0467baefa7bd110, 0x0011009020440005, 0x80, 0x8000000000000000};
  for (int i = 0; i < 256; ++i) {
    const double exact = 65536.0 / (1.0 + exp(-i / 24.0));
    table[i] = (uint16_t)(floor(exact + 0.5) + (double)(higher[i / 64] >> (i % 64) & 1));
  }
}

/* The input in units of 1/24 / 2^(bits of the table step); at most 2^24, where the table has ended. */
static inline int32_t rescale_16(int32_t v, const ufi_unary *s) {
  const int64_t round = s->scale.shift > 0 ? INT64_C(1) << (s->scale.shift - 1) : 0;
  const int64_t x = ((int64_t)v * s->scale.multiplier + round) >> s->scale.shift;
  return (int32_t)UFI_MIN(UFI_MAX(x, -(INT64_C(1) << 24)), INT64_C(1) << 24);
}

static int32_t q_logistic_16(int32_t v, const ufi_unary *s) {
  const int32_t x = rescale_16(v, s);
  const uint32_t size = (uint32_t)(x < 0 ? -x : x), step = size >> 9;
  uint32_t y = 0x7fff << 10;
  if (step < 255)
    y = ((uint32_t)s->sigmoid[step] << 9) + (size & 0x1ff) * (uint32_t)(s->sigmoid[step + 1] - s->sigmoid[step]);
  y = x >= 0 ? y + (1 << 9) : (1u << 25) - y + (1 << 9) - 1;
  return (int16_t)(y >> 10);
}

/* tanh(x) = 2 logistic(2 x) - 1. */
static int32_t q_tanh_16(int32_t v, const ufi_unary *s) {
  const int32_t x = rescale_16(v, s);
  const uint32_t size = (uint32_t)(x < 0 ? -x : x), step = size >> 8;
  int32_t y = 0xffff << 8;
  if (step < 255)
    y = ((int32_t)s->sigmoid[step] << 8) + (int32_t)(size & 0xff) * (s->sigmoid[step + 1] - s->sigmoid[step]);
  y = x >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1;
  return (int16_t)(y >> 8);
}

/* Scales that are 2^-12 (TANH: or 2^-11) of the input need a multiplication by 3
 * only; others a 15-bit multiplier and a shift. */
static uf_status prepare_16(ufi_ctx *ctx, ufi_unary *s, int max_shift) {
  int32_t log2_in, log2_out;
  UFI_TRY(check_q(ctx));
  if (!ufi_log2_of_scale(s->out_scale, &log2_out) || log2_out != -15)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output scale of 1/32768, found %g",
                        (double)s->out_scale);
  fill_sigmoid(s->sigmoid);
  const bool pot = ufi_log2_of_scale(s->in_scale, &log2_in);
  if (pot && 12 + log2_in >= 0 && 12 + log2_in <= max_shift) {
    s->scale = (ufk_scale){3 << (12 + log2_in), 0};
    return UF_OK;
  }
  double multiplier = s->in_scale * 4096.0 * 3.0;
  while (multiplier <= 32767.0 / 2.0 && s->scale.shift <= 30) {
    s->scale.shift++;
    multiplier *= 2.0;
  }
  s->scale.multiplier = (int32_t)UFI_MIN(multiplier, (double)INT32_MAX);
  return UF_OK;
}

static uf_status prepare_sigmoid(ufi_ctx *ctx, ufk_f32_unary kernel, ufi_real_fn real,
                                 int32_t (*q)(int32_t v, const ufi_unary *s), int max_shift) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, kernel)) return UF_OK;
  if (!is_8_or_16(dtype)) return no_dtype(ctx, "floats, or quantized int8, uint8 or int16");
  if (dtype == UF_INT16) {
    UFI_TRY(prepare_16(ctx, s, max_shift));
    ufi_unary_quantized(s, dtype, q);
    return UF_OK;
  }
  UFI_TRY(check_q(ctx));
  ufi_unary_real(s, dtype, real, kernel);
  return UF_OK;
}
static uf_status tanh_prepare(ufi_ctx *ctx) {
  return prepare_sigmoid(ctx, UFK_TANH, real_tanh, q_tanh_16, 1);
}
static uf_status logistic_prepare(ufi_ctx *ctx) {
  return prepare_sigmoid(ctx, UFK_LOGISTIC, real_logistic, q_logistic_16, 0);
}
ACTIVATION(TANH, tanh_prepare);
ACTIVATION(LOGISTIC, logistic_prepare);

/* ---- HARD_SWISH ------------------------------------------------------------------------------------------------ */

static inline int16_t saturate_16(int64_t v) {
  return (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
}
/* a * b / 2^15, rounded. The one product that would overflow cannot occur: b is a
 * positive multiplier. */
static inline int16_t mul_high_16(int16_t a, int16_t b) { return (int16_t)((a * b + (1 << 14)) >> 15); }
/* v / 2^n, halves away from zero, in 16 bits. */
static inline int16_t divide_pow2_16(int16_t v, int n) {
  const int16_t mask = (int16_t)((INT64_C(1) << n) - 1), rest = v & mask;
  const int16_t threshold = (int16_t)((mask >> 1) + (v < 0));
  return (int16_t)((v >> n) + (rest > threshold));
}

/* x * relu6(x + 3) / 6: the second factor ("reluish") is 16-bit fixed point whose
 * range is 3 on either side, shifted to [0, 1] afterwards. */
static int32_t q_hard_swish(int32_t v, const ufi_unary *s) {
  const int16_t x = (int16_t)((v - s->in_zero) * 128);
  const int16_t on_output_scale = mul_high_16(x, (int16_t)s->scale.multiplier);
  const int exponent = s->negative.shift;
  int16_t gate = x;
  if (exponent > 0) gate = saturate_16((int64_t)gate * (INT64_C(1) << (exponent - 1)));
  gate = mul_high_16(gate, (int16_t)s->negative.multiplier);
  if (exponent > 0) gate = saturate_16((int64_t)gate * 2);
  if (exponent < 0) gate = divide_pow2_16(gate, -exponent);
  gate = (int16_t)((gate + (1 << 15)) >> 1);
  const int16_t product = (int16_t)(gate * on_output_scale / (1 << 15));
  return clamp_out((int16_t)(divide_pow2_16(product, -s->scale.shift) + s->out_zero), s);
}

static int32_t narrow_multiplier(int32_t m) { return m >= INT32_MAX - (1 << 15) ? INT16_MAX : (m + (1 << 15)) >> 16; }

static uf_status hard_swish_prepare(ufi_ctx *ctx) {
  ufi_unary *s = ufi_unary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (ufi_unary_float(s, dtype, UFK_HARD_SWISH)) return UF_OK;
  if (dtype != UF_INT8 && dtype != UF_UINT8) return no_dtype(ctx, "floats, or quantized int8 or uint8");
  UFI_TRY(check_q(ctx));
  const float fine_scale = 1.0f / 128.0f * s->in_scale;
  s->scale = ufi_scale_from(fine_scale / s->out_scale);
  s->negative = ufi_scale_from(fine_scale / (3.0f / 32768.0f));
  if (s->scale.shift > 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an output scale of at least input scale / 128, found %g and %g",
                        (double)s->out_scale, (double)s->in_scale);
  s->scale.multiplier = narrow_multiplier(s->scale.multiplier);
  s->negative.multiplier = narrow_multiplier(s->negative.multiplier);
  ufi_unary_quantized(s, dtype, q_hard_swish);
  return UF_OK;
}
ACTIVATION(HARD_SWISH, hard_swish_prepare);
