/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_quantize.c: TensorFlow's quantized values, codes with a range of floats beside them: QuantizeV2,
 * Dequantize, Requantize and its kin, Quantized* arithmetic, UniformQuantize and UniformDequantize.
 *
 * A dtype of b bits has 2^b steps; how floats become codes and back is as in TensorFlow's
 * quantization_utils.h, with its mix of float and double. Loops see codes as int64.
 */
#include <float.h>
#include <math.h>

#include "ops/tf_matmul.h"

typedef struct codes {
  int64_t low, high;
  double steps;
} codes;
static codes codes_of(uf_dtype dtype) {
  const int bits = uf_dtype_bits(dtype);
  const uf_dtype plain = ufi_dtype_unquantized(dtype);
  const bool is_signed = plain == UF_INT8 || plain == UF_INT16 || plain == UF_INT32;
  const int64_t steps = INT64_C(1) << bits;
  return (codes){is_signed ? -steps / 2 : 0, is_signed ? steps / 2 - 1 : steps - 1, (double)steps};
}

/* ---- codes and floats --------------------------------------------------------------- */

static int64_t to_code_wide(const codes *c, float v, float min, float max) {
  if (min == max) return c->low;
  const double range = (double)(max - min) * (c->steps / (c->steps - 1.0)), scale = c->steps / range;
  const double code = round((double)v * scale) - round((double)min * scale) + (double)c->low;
  return code > 9e18 ? INT64_MAX : code < -9e18 ? INT64_MIN : isnan(code) ? 0 : (int64_t)code;
}
static int64_t to_code(const codes *c, float v, float min, float max) {
  return UFI_MIN(UFI_MAX(to_code_wide(c, v, min, max), c->low), c->high);
}
static float from_code(const codes *c, int64_t code, float min, float max) {
  if (min == max) return min;
  const double range = (double)(max - min) * (c->steps / (c->steps - 1.0)), scale = range / c->steps;
  const double base = round((double)(min / (float)scale)) * (double)(float)scale;
  return (float)(base + ((double)code - (double)c->low) * scale);
}

/* The forms that TensorFlow runs over whole tensors, in float. */
typedef struct line { float scale, base; } line;
static line line_from_codes(const codes *c, float min, float max) {
  line l = {.scale = (float)((double)(max - min) / (c->steps - 1.0))};
  const float rounded = min == max ? min : roundf(min / l.scale) * l.scale;
  l.base = rounded - (float)c->low * l.scale;
  return l;
}
static line line_to_codes(const codes *c, float min, float max) {
  line l = {.scale = max == min ? 0.0f : (float)((c->steps - 1.0) / (double)(max - min))};
  l.base = roundf(min * l.scale) - (float)c->low;
  return l;
}
static int64_t code_on_line(const codes *c, const line *l, float v) {
  const float low = UFI_MAX((float)c->low, -2.147483648e9f), high = UFI_MIN((float)c->high, 2.147483520e9f);
  float code = roundf(v * l->scale) - l->base;
  code = code > low ? code : low;
  return (int64_t)(code < high ? code : high);
}

static float float_at(const ufi_ctx *ctx, int32_t i, int64_t at) {
  return ((const float *)ctx->in[i]->data)[ctx->in[i]->count > 1 ? at : 0];
}
static void set_range(ufi_ctx *ctx, int32_t first, float min, float max) {
  *(float *)ctx->out[first]->data = min;
  *(float *)ctx->out[first + 1]->data = max;
}
static uf_status scalars_out(ufi_ctx *ctx, int32_t first) {
  UFI_TRY(ufi_out_shape(ctx, first, 0, NULL));
  return ufi_out_shape(ctx, first + 1, 0, NULL);
}
/* Inputs [first, end) are single floats. */
static uf_status want_ranges(ufi_ctx *ctx, int32_t first, int32_t end) {
  for (int32_t i = first; i < end; i++) {
    UFI_TRY(ufi_tf_want(ctx, ctx->in[i], UF_FLOAT32, UF_INVALID));
    if (ctx->in[i]->count != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one number in input %d, found %lld", (int)i, (long long)ctx->in[i]->count);
  }
  return UF_OK;
}

/* ---- QuantizeV2, Dequantize ---------------------------------------------------------------- */

enum { MIN_COMBINED, MIN_FIRST, SCALED };
typedef struct quantize_attrs {
  int32_t mode;
  bool half_to_even, narrow;
  int64_t axis;
  float least_range;
} quantize_attrs;

static uf_status quantize_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const modes[] = {"MIN_COMBINED", "MIN_FIRST", "SCALED", NULL};
  static const char *const rounds[] = {"HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN", NULL};
  quantize_attrs *a = memory;
  int32_t round_mode = 0;
  UFI_TRY(ufi_tf_choice(from, "mode", modes, &a->mode, error));
  if (ufi_tf_attr(from, "round_mode")) UFI_TRY(ufi_tf_choice(from, "round_mode", rounds, &round_mode, error));
  a->half_to_even = round_mode == 1;
  a->narrow = ufi_tf_bool(from, "narrow_range");
  a->axis = ufi_tf_int(from, "axis");
  a->least_range = (float)ufi_tf_float(from, "ensure_minimum_range");
  if (a->half_to_even && a->mode != SCALED)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected round_mode HALF_TO_EVEN with mode SCALED alone, found another mode");
  return a->axis >= -1 ? UF_OK : ufi_fail(error, UF_INVALID_ARGUMENT, "expected an axis of -1 or more, found %lld", (long long)a->axis);
}

static void channel_slices(const ufi_tensor *t, int64_t axis, int64_t *outer, int64_t *channels, int64_t *inner) {
  *outer = *channels = 1;
  *inner = t->count;
  if (axis < 0) return;
  *channels = t->dims[axis];
  *inner = 1;
  for (int32_t d = 0; d < axis; d++) *outer *= t->dims[d];
  for (int32_t d = (int32_t)axis + 1; d < t->rank; d++) *inner *= t->dims[d];
}

static uf_status quantize_shapes(ufi_ctx *ctx) {
  const quantize_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  int64_t outer, channels, inner;
  if (a->axis >= x->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an axis below the rank of %d, found %lld", (int)x->rank, (long long)a->axis);
  channel_slices(x, a->axis, &outer, &channels, &inner);
  if (a->axis >= 0 && a->mode == MIN_FIRST && channels != 1)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected no axis with mode MIN_FIRST, found %lld", (long long)a->axis);
  for (int32_t i = 1; i < 3; i++) {
    UFI_TRY(ufi_tf_want(ctx, ctx->in[i], UF_FLOAT32, UF_INVALID));
    if (ctx->in[i]->count != channels)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld limits, found %lld", (long long)channels, (long long)ctx->in[i]->count);
  }
  return ufi_out_like(ctx, 0, x);
}

static uf_status quantize_infer(ufi_ctx *ctx) {
  const quantize_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_tf_want(ctx, ctx->out[0], UF_QINT8, UF_QUINT8, UF_QINT16, UF_QUINT16, UF_QINT32, UF_INVALID));
  UFI_TRY(quantize_shapes(ctx));
  const int64_t channels = a->axis >= 0 ? x->dims[a->axis] : 1;
  UFI_TRY(ufi_out_shape(ctx, 1, a->axis >= 0, &channels));
  return ufi_out_shape(ctx, 2, a->axis >= 0, &channels);
}

/* The scale of mode SCALED, and the range that the codes then have. */
static float scaled(const codes *c, bool narrow, float *min, float *max) {
  const float low = (float)(c->low + (narrow ? 1 : 0)), high = (float)c->high;
  const float from_min = low * *min > 0 ? low / *min : FLT_MAX, from_max = high * *max > 0 ? high / *max : FLT_MAX;
  const float scale = UFI_MIN(from_min, from_max);
  *min = low / scale;
  *max = high / scale;
  return scale;
}

static uf_status quantize_run(ufi_ctx *ctx, ufi_bump *bump) {
  const quantize_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const float *x = in->data;
  int64_t *y = ufi_stage_out(bump, out, UF_INT64, false), outer, channels, inner;
  channel_slices(in, a->axis, &outer, &channels, &inner);
  const codes c = codes_of(out->dtype);
  for (int64_t k = 0; k < channels && bump->run; k++) {
    const float given_min = float_at(ctx, 1, k), given_max = float_at(ctx, 2, k);
    if (given_max < given_min)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected max_range of at least min_range, found %g and %g",
                          (double)given_max, (double)given_min);
    float min = UFI_MIN(0.0f, given_min);
    const float apart = fmaxf(1.0f, fmaxf(fabsf(given_min), fabsf(given_max))) * a->least_range;
    float max = fmaxf(0.0f, fmaxf(given_max, min + apart));
    const float half = c.low < 0 ? (float)(c.steps / 2) : 0.0f;
    const float scale = a->mode == SCALED ? scaled(&c, a->narrow, &min, &max)
                                          : (float)((double)(c.high - c.low) / (double)(max - min));
    const line l = line_to_codes(&c, min, max);
    for (int64_t i = 0; i < outer * inner; i++) {
      const int64_t at = i / inner * channels * inner + k * inner + i % inner;
      const float low = x[at] < max ? x[at] : max, v = low > min ? low : min;
      float code = v * scale;
      if (a->mode == MIN_FIRST) {
        y[at] = code_on_line(&c, &l, x[at]);
        continue;
      }
      if (a->mode == MIN_COMBINED) code = c.low < 0 ? roundf((v - min) * scale - half) : floorf((v - min) * scale + 0.5f);
      else code = a->half_to_even ? nearbyintf(code) : roundf(code);
      y[at] = code >= (float)c.high ? c.high : code <= (float)c.low ? c.low : (int64_t)code;
    }
    ((float *)ctx->out[1]->data)[k] = min;
    ((float *)ctx->out[2]->data)[k] = max;
  }
  ufi_stage_end(ctx, bump, y, out, UF_INT64, false);
  return UF_OK;
}

static uf_status dequantize_infer(ufi_ctx *ctx) {
  const quantize_attrs *a = ctx->attrs;
  UFI_TRY(ufi_tf_want_group(ctx, ctx->in[0], UFI_QUANTS));
  UFI_TRY(ufi_tf_want(ctx, ctx->out[0], UF_FLOAT32, UF_BFLOAT16, UF_INVALID));
  if (ctx->out[0]->dtype == UF_BFLOAT16 && a->mode != MIN_COMBINED)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected mode MIN_COMBINED for bfloat16, found another");
  return quantize_shapes(ctx);
}

static uf_status dequantize_run(ufi_ctx *ctx, ufi_bump *bump) {
  const quantize_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t *x = ufi_stage_in(ctx, bump, in, UF_INT64, false);
  float *y = ufi_stage_out(bump, out, UF_FLOAT32, false);
  int64_t outer, channels, inner;
  channel_slices(in, a->axis, &outer, &channels, &inner);
  const codes c = codes_of(in->dtype);
  for (int64_t k = 0; k < channels && bump->run; k++) {
    const float min = float_at(ctx, 1, k), max = float_at(ctx, 2, k);
    const float half = c.low < 0 ? (float)(c.steps / 2) : 0.0f, low = (float)(c.low + (a->narrow ? 1 : 0));
    const float step = (max - min) / ((float)c.high - (float)c.low);
    const float scale = c.low == 0 ? max / (float)c.high : fmaxf(min / low, max / (float)c.high);
    const line l = line_from_codes(&c, min, max);
    for (int64_t i = 0; i < outer * inner; i++) {
      const int64_t at = i / inner * channels * inner + k * inner + i % inner;
      const float v = (float)x[at];
      y[at] = a->mode == MIN_COMBINED ? (v + half) * step + min : a->mode == SCALED ? v * scale : l.base + v * l.scale;
    }
  }
  ufi_stage_end(ctx, bump, y, out, UF_FLOAT32, false);
  return UF_OK;
}

UFI_STAGED_DEF(QUANTIZE_V2, quantize, quantize_attrs, quantize_tf);
UFI_STAGED_DEF(TF_DEQUANTIZE, dequantize, quantize_attrs, quantize_tf);

/* ---- 32-bit sums to 8 bits -------------------------------------------------------------------- */

typedef struct down_attrs { bool range_only, requested; } down_attrs;
static uf_status down_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  down_attrs *a = memory;
  a->range_only = strcmp(from->op, "RequantizationRange") == 0;
  a->requested = strcmp(from->op, "Requantize") == 0;
  return UF_OK;
}

static uf_status down_infer(ufi_ctx *ctx) {
  const down_attrs *a = ctx->attrs;
  UFI_TRY(ufi_tf_want(ctx, ctx->in[0], UF_QINT32, UF_INVALID));
  UFI_TRY(want_ranges(ctx, 1, ctx->n_in));
  if (a->range_only) return scalars_out(ctx, 0);
  UFI_TRY(ufi_tf_want(ctx, ctx->out[0], UF_QUINT8, UF_INVALID));
  UFI_TRY(ufi_out_like(ctx, 0, ctx->in[0]));
  return scalars_out(ctx, 1);
}

/* What the codes in use span; zero is always in. */
static void used_range(const ufi_tensor *x, float min, float max, float *min_out, float *max_out) {
  const codes c = codes_of(UF_QINT32);
  const int32_t *v = x->data;
  int64_t low = x->count > 0 ? v[0] : c.high, high = x->count > 0 ? v[0] : c.low;
  for (int64_t i = 1; i < x->count; i++) {
    low = UFI_MIN(low, v[i]);
    high = UFI_MAX(high, v[i]);
  }
  *min_out = fminf(0.0f, from_code(&c, low, min, max));
  *max_out = from_code(&c, high, min, max);
}

static int64_t whole(double v) { return v > 9e18 ? INT64_MAX : v < -9e18 ? INT64_MIN : isnan(v) ? 0 : (int64_t)v; }

/* In fixed point with 16 fraction bits. */
static void requantize(const ufi_tensor *x, float min, float max, float new_min, float new_max, uint8_t *out) {
  const float range = max - min, new_range = new_max - new_min;
  const float reciprocal = new_range == 0.0f ? 0.0f : (float)(255.0 / (double)new_range);
  const float middle = (float)((double)(min + max) / 2.0);
  const int64_t scale = new_range == 0.0f ? 0 : whole(255.0 * 65536.0 * (double)range / (double)new_range);
  const int64_t in_offset = whole((double)(middle * reciprocal * 65536.0f));
  const int64_t out_offset = new_range == 0.0f ? 0 : whole(65536.0 * ((double)new_min * 255.0) / (double)new_range);
  for (int64_t i = 0; i < x->count; i++) {
    const int64_t product = (int64_t)((uint64_t)((const int32_t *)x->data)[i] * (uint64_t)scale) >> 32;
    const int64_t code = (int64_t)((uint64_t)product + (uint64_t)in_offset - (uint64_t)out_offset + 32768u) >> 16;
    out[i] = (uint8_t)UFI_MIN(UFI_MAX(code, 0), 255);
  }
}

static uf_status down_run(ufi_ctx *ctx, ufi_bump *bump) {
  const down_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  float new_min, new_max;
  if (!bump->run) return UF_OK;
  const float min = float_at(ctx, 1, 0), max = float_at(ctx, 2, 0);
  if (a->requested) {
    new_min = float_at(ctx, 3, 0);
    new_max = float_at(ctx, 4, 0);
    if (new_min > 0.0f || new_max < new_min)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range from 0 or below upwards, found %g to %g", (double)new_min, (double)new_max);
  } else {
    used_range(x, min, max, &new_min, &new_max);
  }
  if (!a->range_only) requantize(x, min, max, new_min, new_max, ctx->out[0]->data);
  set_range(ctx, a->range_only ? 0 : 1, new_min, new_max);
  return UF_OK;
}
UFI_STAGED_DEF(REQUANTIZE, down, down_attrs, down_tf);

/* ---- products: QuantizedMatMul, QuantizedConv2D -------------------------------------------------- */

static void product_range(ufi_ctx *ctx, int32_t first, uf_dtype a, float min_a, float max_a, uf_dtype b, float min_b,
                          float max_b) {
  const codes ca = codes_of(a), cb = codes_of(b), c = codes_of(UF_QINT32);
  const float level = (max_a - min_a) / (float)(ca.high - ca.low) * ((max_b - min_b) / (float)(cb.high - cb.low));
  set_range(ctx, first, level * (float)c.low, level * (float)c.high);
}

/* Codes less the code of zero, so that products of them are products of the values. */
static const int64_t *centred(ufi_ctx *ctx, ufi_bump *bump, int32_t i, int32_t range) {
  const ufi_tensor *t = ctx->in[i];
  int64_t *x = ufi_bump_take(bump, t->count, sizeof *x);
  if (!bump->run) return x;
  const codes c = codes_of(t->dtype);
  const int64_t zero = to_code_wide(&c, 0.0f, float_at(ctx, range, 0), float_at(ctx, range + 1, 0));
  (void)ufi_convert(ufi_dtype_unquantized(t->dtype), t->data, t->count, UF_INT64, x, NULL);
  for (int64_t k = 0; k < t->count; k++) x[k] = (int64_t)((uint64_t)x[k] - (uint64_t)(int64_t)(int32_t)zero);
  return x;
}

static uf_status want_8_bits(ufi_ctx *ctx) {
  for (int32_t i = 0; i < 2; i++) UFI_TRY(ufi_tf_want(ctx, ctx->in[i], UF_QUINT8, UF_QINT8, UF_INVALID));
  UFI_TRY(ufi_tf_want(ctx, ctx->out[0], UF_QINT32, UF_INVALID));
  return want_ranges(ctx, 2, 6);
}

static uf_status qmatmul_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ufi_bmm_attrs *a = memory;
  a->adj_x = ufi_tf_bool(from, "transpose_a");
  a->adj_y = ufi_tf_bool(from, "transpose_b");
  return UF_OK;
}
static uf_status qmatmul_infer(ufi_ctx *ctx) {
  ufi_bmm_geometry g;
  UFI_TRY(want_8_bits(ctx));
  for (int32_t i = 0; i < 2; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 2, 2));
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  UFI_TRY(ufi_out_shape(ctx, 0, 2, (int64_t[]){g.m, g.n}));
  return scalars_out(ctx, 1);
}
static uf_status qmatmul_run(ufi_ctx *ctx, ufi_bump *bump) {
  ufi_bmm_geometry g;
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  g.x_data = centred(ctx, bump, 0, 2);
  g.y_data = centred(ctx, bump, 1, 4);
  g.out_data = ufi_stage_out(bump, ctx->out[0], UF_INT64, false);
  UFI_TRY(ufi_tf_product(ctx, bump, UF_INT64, &g, false, false, NULL));
  ufi_stage_end(ctx, bump, g.out_data, ctx->out[0], UF_INT64, false);
  if (bump->run)
    product_range(ctx, 1, ctx->in[0]->dtype, float_at(ctx, 2, 0), float_at(ctx, 3, 0), ctx->in[1]->dtype, float_at(ctx, 4, 0), float_at(ctx, 5, 0));
  return UF_OK;
}
UFI_STAGED_DEF(QUANTIZED_MAT_MUL, qmatmul, ufi_bmm_attrs, qmatmul_tf);

static uf_status qconv_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  return ufi_tf_window_attrs_of(from, 2, memory, error);
}
static uf_status qconv_window(ufi_ctx *ctx, ufi_tf_window *w) {
  const int64_t *filter = ctx->in[1]->dims;
  for (int32_t i = 0; i < 2; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 4, 4));
  if (filter[2] != ctx->in[0]->dims[3] || ctx->in[1]->count == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a filter of the image's %lld channels, found %lld",
                        (long long)ctx->in[0]->dims[3], (long long)filter[2]);
  UFI_TRY(ufi_tf_window_of(ctx, ctx->attrs, ctx->in[0]->dims, (int64_t[]){1, filter[0], filter[1]}, w));
  w->out_c = filter[3];
  return UF_OK;
}
static uf_status qconv_infer(ufi_ctx *ctx) {
  ufi_tf_window w;
  UFI_TRY(want_8_bits(ctx));
  UFI_TRY(qconv_window(ctx, &w));
  UFI_TRY(ufi_out_shape(ctx, 0, 4, (int64_t[]){w.batch, w.a[1].out, w.a[2].out, w.out_c}));
  return scalars_out(ctx, 1);
}
static uf_status qconv_run(ufi_ctx *ctx, ufi_bump *bump) {
  ufi_tf_window w;
  UFI_TRY(qconv_window(ctx, &w));
  const int64_t *x = centred(ctx, bump, 0, 2), *filter = centred(ctx, bump, 1, 4);
  int64_t *y = ufi_stage_out(bump, ctx->out[0], UF_INT64, false);
  if (bump->run) {
    if (ctx->out[0]->count > 0) ufi_tf_conv_i64(ctx->pool, &w, x, filter, y);
    product_range(ctx, 1, ctx->in[0]->dtype, float_at(ctx, 2, 0), float_at(ctx, 3, 0), ctx->in[1]->dtype, float_at(ctx, 4, 0), float_at(ctx, 5, 0));
  }
  ufi_stage_end(ctx, bump, y, ctx->out[0], UF_INT64, false);
  return UF_OK;
}
UFI_STAGED_DEF(QUANTIZED_CONV_2D, qconv, ufi_tf_window_attrs, qconv_tf);

/* ---- elementwise: QuantizedAdd, QuantizedMul, QuantizedBiasAdd, QuantizedRelu, QuantizedReshape -------- */

enum { Q_ADD, Q_MUL, Q_BIAS, Q_RELU, Q_RESHAPE };
typedef struct qwise_attrs { int32_t op; } qwise_attrs;
static uf_status qwise_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const names[] = {"QuantizedAdd", "QuantizedMul", "QuantizedBiasAdd", "QuantizedRelu", "QuantizedReshape"};
  for (int32_t i = 0; i < (int32_t)UFI_COUNT(names); i++)
    if (strcmp(names[i], from->op) == 0) ((qwise_attrs *)memory)->op = i;
  return UF_OK;
}

static uf_status reshape_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK], known = 1;
  int32_t n = 0, open = -1;
  UFI_TRY(want_ranges(ctx, 2, 4));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], dims, UF_MAX_RANK, &n));
  for (int32_t i = 0; i < n; i++) {
    const bool bad = dims[i] < -1 || (dims[i] == -1 && open >= 0) || (dims[i] >= 0 && __builtin_mul_overflow(known, dims[i], &known));
    if (bad) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape with at most one -1, found %lld", (long long)dims[i]);
    if (dims[i] == -1) open = i;
  }
  if (open >= 0) dims[open] = known > 0 ? ctx->in[0]->count / known : 0;
  if (known * (open >= 0 ? dims[open] : 1) != ctx->in[0]->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape of %lld elements, found another", (long long)ctx->in[0]->count);
  UFI_TRY(ufi_out_shape(ctx, 0, n, dims));
  return scalars_out(ctx, 1);
}

static uf_status qwise_infer(ufi_ctx *ctx) {
  const int32_t op = ((const qwise_attrs *)ctx->attrs)->op;
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1];
  UFI_TRY(ufi_tf_want_group(ctx, x, UFI_QUANTS));
  if (op == Q_RESHAPE) return reshape_infer(ctx);
  if (op == Q_RELU) {
    UFI_TRY(want_ranges(ctx, 1, 3));
    UFI_TRY(ufi_want_same(ctx, x, ctx->out[0]));
    UFI_TRY(ufi_out_like(ctx, 0, x));
    return scalars_out(ctx, 1);
  }
  int32_t rank = x->rank;
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_tf_want_group(ctx, y, UFI_QUANTS));
  UFI_TRY(ufi_tf_want(ctx, ctx->out[0], UF_QINT32, UF_INVALID));
  UFI_TRY(want_ranges(ctx, 2, 6));
  if (op == Q_BIAS && (x->rank < 1 || y->rank != 1 || y->count != x->dims[x->rank - 1]))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many biases as channels, found %lld", (long long)y->count);
  UFI_TRY(ufi_broadcast(ctx, x, y, &rank, dims));
  UFI_TRY(ufi_out_shape(ctx, 0, rank, dims));
  return scalars_out(ctx, 1);
}

/* The element of t that meets element i of the broadcast output. */
static int64_t broadcast_at(const ufi_tensor *out, const ufi_tensor *t, int64_t i) {
  int64_t at = 0, step = 1;
  for (int32_t d = out->rank - 1, e = t->rank - 1; e >= 0; i /= out->dims[d--], step *= t->dims[e--])
    at += t->dims[e] == 1 ? 0 : i % out->dims[d] * step;
  return at;
}

/* An operand's code in the sum's range: for 8 bits the code of 0 and so many steps of that between 0 and 1,
 * for a single number beside many, and for 32 bits, each by itself. */
typedef struct addend {
  codes from, to;
  float min, max, new_min, new_max;
  bool by_steps;
  int64_t zero, step;
} addend;
static addend addend_of(const ufi_tensor *t, float min, float max, float new_min, float new_max, bool single) {
  addend a = {codes_of(t->dtype), codes_of(UF_QINT32), min, max, new_min, new_max, !single && t->dtype == UF_QUINT8, 0, 0};
  a.zero = to_code_wide(&a.to, from_code(&a.from, 0, min, max), new_min, new_max);
  a.step = (int32_t)(uint32_t)((uint64_t)to_code_wide(&a.to, from_code(&a.from, 1, min, max), new_min, new_max) - (uint64_t)a.zero);
  return a;
}
static int64_t addend_at(const addend *a, int64_t code) {
  if (!a->by_steps) return to_code(&a->to, from_code(&a->from, code, a->min, a->max), a->new_min, a->new_max);
  return UFI_MIN(UFI_MAX(a->zero + code * a->step, a->to.low), a->to.high);
}

static uf_status qwise_pair(ufi_ctx *ctx, int32_t op, const int64_t *x, const int64_t *y, int64_t *z) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1], *out = ctx->out[0];
  const float min_a = float_at(ctx, 2, 0), max_a = float_at(ctx, 3, 0), min_b = float_at(ctx, 4, 0), max_b = float_at(ctx, 5, 0);
  const codes ca = codes_of(a->dtype), cb = codes_of(b->dtype), c = codes_of(out->dtype);
  if (op != Q_BIAS && (min_a > max_a || min_b > max_b))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected minima of at most the maxima, found larger ones");
  /* Sums have room for more bits than the wider range. */
  const float room = (float)(op == Q_BIAS ? 1 << 17 : 1 << 14);
  const float max = fmaxf(max_a, fmaxf(-min_a, fmaxf(max_b, -min_b))) * room, min = -max;
  const int64_t zero_a = to_code_wide(&ca, 0.0f, min_a, max_a), zero_b = to_code_wide(&cb, 0.0f, min_b, max_b);
  const line la = line_from_codes(&ca, min_a, max_a), lb = line_from_codes(&cb, min_b, max_b), l = line_to_codes(&c, min, max);
  const addend fa = addend_of(a, min_a, max_a, min, max, a->count == 1 && b->count != 1);
  const addend fb = addend_of(b, min_b, max_b, min, max, b->count == 1);
  for (int64_t i = 0; i < out->count; i++) {
    const int64_t p = x[broadcast_at(out, a, i)], q = y[broadcast_at(out, b, i)];
    if (op == Q_MUL) z[i] = (int64_t)((uint64_t)(p - (int32_t)zero_a) * (uint64_t)(q - (int32_t)zero_b));
    else if (op == Q_BIAS) z[i] = code_on_line(&c, &l, (la.base + (float)p * la.scale) + (lb.base + (float)q * lb.scale));
    else z[i] = addend_at(&fa, p) + addend_at(&fb, q);
  }
  if (op == Q_MUL) product_range(ctx, 1, a->dtype, min_a, max_a, b->dtype, min_b, max_b);
  else set_range(ctx, 1, min, max);
  return UF_OK;
}

static uf_status qwise_run(ufi_ctx *ctx, ufi_bump *bump) {
  const int32_t op = ((const qwise_attrs *)ctx->attrs)->op;
  const ufi_tensor *out = ctx->out[0];
  if (op == Q_RESHAPE) {
    if (!bump->run) return UF_OK;
    if (out->size > 0) memcpy(out->data, ctx->in[0]->data, out->size);
    set_range(ctx, 1, float_at(ctx, 2, 0), float_at(ctx, 3, 0));
    return UF_OK;
  }
  const int64_t *x = ufi_stage_in(ctx, bump, ctx->in[0], UF_INT64, false);
  const int64_t *y = op == Q_RELU ? NULL : ufi_stage_in(ctx, bump, ctx->in[1], UF_INT64, false);
  int64_t *z = ufi_stage_out(bump, out, UF_INT64, false);
  if (bump->run && op == Q_RELU) {
    const codes c = codes_of(ctx->in[0]->dtype);
    const float min = float_at(ctx, 1, 0), max = float_at(ctx, 2, 0);
    const int64_t zero = to_code(&c, 0.0f, min, max);
    for (int64_t i = 0; i < out->count; i++) z[i] = UFI_MAX(x[i], zero);
    set_range(ctx, 1, min, max);
  } else if (bump->run) {
    UFI_TRY(qwise_pair(ctx, op, x, y, z));
  }
  ufi_stage_end(ctx, bump, z, out, UF_INT64, false);
  return UF_OK;
}
UFI_STAGED_DEF(QUANTIZED_ELEMENTWISE, qwise, qwise_attrs, qwise_tf);

/* ---- UniformQuantize, UniformDequantize -------------------------------------------------------------- */

typedef struct uniform_attrs {
  bool back;
  int64_t axis, low, high;
} uniform_attrs;
static uf_status uniform_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  uniform_attrs *a = memory;
  a->back = strcmp(from->op, "UniformDequantize") == 0;
  a->axis = ufi_tf_int(from, "quantization_axis");
  a->low = ufi_tf_int(from, "quantization_min_val");
  a->high = ufi_tf_int(from, "quantization_max_val");
  if (a->axis >= -1 && a->low < a->high) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an axis of -1 or more and a range of codes, found %lld and %lld to %lld",
                  (long long)a->axis, (long long)a->low, (long long)a->high);
}

static uf_status uniform_infer(ufi_ctx *ctx) {
  const uniform_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *scales = ctx->in[1], *zeros = ctx->in[2];
  UFI_TRY(ufi_tf_want(ctx, a->back ? ctx->out[0] : x, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_tf_want(ctx, a->back ? x : ctx->out[0], UF_QINT8, UF_QINT32, UF_INVALID));
  UFI_TRY(ufi_tf_want(ctx, scales, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_tf_want(ctx, zeros, UF_INT32, UF_INVALID));
  if (a->axis >= x->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an axis below the rank of %d, found %lld", (int)x->rank, (long long)a->axis);
  const int64_t n = a->axis < 0 ? 1 : x->dims[a->axis];
  if (scales->rank != (a->axis >= 0) || zeros->rank != scales->rank || scales->count != n || zeros->count != n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld scales and zero points, found %lld and %lld", (long long)n,
                        (long long)scales->count, (long long)zeros->count);
  return ufi_out_like(ctx, 0, x);
}

static uf_status uniform_run(ufi_ctx *ctx, ufi_bump *bump) {
  const uniform_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const void *x = ufi_stage_in(ctx, bump, in, a->back ? UF_INT64 : UF_FLOAT32, false);
  void *y = ufi_stage_out(bump, out, a->back ? UF_FLOAT32 : UF_INT64, false);
  int64_t outer, channels, inner;
  channel_slices(in, a->axis, &outer, &channels, &inner);
  for (int64_t i = 0; i < in->count && bump->run; i++) {
    const int64_t k = i / inner % channels;
    const float scale = ((const float *)ctx->in[1]->data)[k];
    const int64_t zero = ((const int32_t *)ctx->in[2]->data)[k];
    if (!(scale > 0.0f) || isinf(scale))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected scales above 0, found %g", (double)scale);
    if (a->back) {
      ((float *)y)[i] = (float)(((const int64_t *)x)[i] - zero) * scale;
      continue;
    }
    const double code = (double)floorf(((const float *)x)[i] * (1.0f / scale) + 0.5f) + (double)zero;
    ((int64_t *)y)[i] = code <= (double)a->low || isnan(code) ? a->low : code >= (double)a->high ? a->high : (int64_t)code;
  }
  ufi_stage_end(ctx, bump, y, out, a->back ? UF_FLOAT32 : UF_INT64, false);
  return UF_OK;
}
UFI_STAGED_DEF(UNIFORM_QUANTIZE, uniform, uniform_attrs, uniform_tf);
