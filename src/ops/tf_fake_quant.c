/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_fake_quant.c: values rounded to the steps of a quantization that stay floats: FakeQuantWithMinMax*
 * with their gradients, and QuantizeAndDequantize of all versions.
 *
 * FakeQuant first moves the range so that zero is one of its steps ("nudges" it; TensorFlow's
 * fake_quant_ops_functor.h); QuantizeAndDequantize scales so that zero stays where it is
 * (quantize_and_dequantize_op.h). The order of float operations is theirs.
 */
#include <float.h>
#include <math.h>

#include "ops/tf_stage.h"

/* A value as (outer, channels, inner), each channel with a range of its own. */
typedef struct slices {
  int64_t outer, channels, inner;
} slices;

static slices slices_of(const ufi_tensor *t, int32_t axis) {
  slices s = {1, 1, t->count};
  if (axis < 0 || axis >= t->rank) return s;
  s = (slices){1, t->dims[axis], 1};
  for (int32_t d = 0; d < axis; d++) s.outer *= t->dims[d];
  for (int32_t d = axis + 1; d < t->rank; d++) s.inner *= t->dims[d];
  return s;
}

/* ---- FakeQuant -------------------------------------------------------------------- */

typedef struct fake_attrs {
  bool args, per_channel, gradient;
  float min, max, low, high; /* low, high: the least and the largest code */
} fake_attrs;

static uf_status fake_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  fake_attrs *a = memory;
  const int64_t bits = ufi_tf_int(from, "num_bits");
  a->args = strstr(from->op, "Args") != NULL;
  a->per_channel = strstr(from->op, "PerChannel") != NULL;
  a->gradient = strstr(from->op, "Gradient") != NULL;
  if (bits < 2 || bits > 16)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected num_bits from 2 to 16, found %lld", (long long)bits);
  a->low = ufi_tf_bool(from, "narrow_range") ? 1.0f : 0.0f;
  a->high = (float)((1 << bits) - 1);
  a->min = (float)ufi_tf_float(from, "min");
  a->max = (float)ufi_tf_float(from, "max");
  if (!a->args || a->min < a->max) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected min below max, found %g and %g", (double)a->min, (double)a->max);
}

static uf_status fake_infer(ufi_ctx *ctx) {
  const fake_attrs *a = ctx->attrs;
  const int32_t first = a->gradient ? 1 : 0;
  const ufi_tensor *x = ctx->in[first];
  for (int32_t i = 0; i < ctx->n_in; i++) UFI_TRY(ufi_tf_want(ctx, ctx->in[i], UF_FLOAT32, UF_INVALID));
  if (a->gradient && (ctx->in[0]->rank != x->rank || memcmp(ctx->in[0]->dims, x->dims, (size_t)x->rank * sizeof *x->dims) != 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected gradients and inputs of one shape, found two");
  UFI_TRY(ufi_out_like(ctx, 0, x));
  if (a->args) return UF_OK;
  if (a->per_channel) UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  const int64_t n = a->per_channel ? x->dims[x->rank - 1] : 1;
  for (int32_t i = first + 1; i < first + 3; i++) {
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], a->per_channel, a->per_channel));
    if (ctx->in[i]->count != n)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld limits, found %lld", (long long)n, (long long)ctx->in[i]->count);
  }
  for (int32_t i = 1; i < 3 && a->gradient; i++) UFI_TRY(ufi_out_shape(ctx, i, a->per_channel, &n));
  return UF_OK;
}

typedef struct nudged {
  float min, max, scale;
} nudged;
static nudged nudge(const fake_attrs *a, float min, float max) {
  nudged n = {.scale = (max - min) / (a->high - a->low)};
  const float from_min = a->low - min / n.scale;
  const float zero = from_min < a->low ? a->low : from_min > a->high ? a->high : roundf(from_min);
  n.min = (a->low - zero) * n.scale;
  n.max = (a->high - zero) * n.scale;
  return n;
}

static float fake(const nudged *n, float x) {
  const float inverse = 1.0f / n->scale, zero = floorf(-n->min * inverse + 0.5f);
  const float low = x < n->max ? x : n->max, clamped = low > n->min ? low : n->min;
  return floorf((clamped - n->min) * inverse - zero + 0.5f) * n->scale;
}

static uf_status fake_run(ufi_ctx *ctx, ufi_bump *bump) {
  const fake_attrs *a = ctx->attrs;
  const int32_t first = a->gradient ? 1 : 0;
  const float *x = ctx->in[first]->data, *grad = a->gradient ? ctx->in[0]->data : NULL;
  const slices s = slices_of(ctx->in[first], a->per_channel ? ctx->in[first]->rank - 1 : -1);
  float *out = ctx->out[0]->data;
  if (!bump->run) return UF_OK;
  for (int64_t c = 0; c < s.channels; c++) {
    const float min = a->args ? a->min : ((const float *)ctx->in[first + 1]->data)[c];
    const float max = a->args ? a->max : ((const float *)ctx->in[first + 2]->data)[c];
    const bool none = min == 0.0f && max == 0.0f;
    const nudged n = none ? (nudged){0} : nudge(a, min, max);
    double below = 0.0, above = 0.0;
    for (int64_t i = 0; i < s.outer * s.inner; i++) {
      const int64_t at = i / s.inner * s.channels * s.inner + c * s.inner + i % s.inner;
      if (!a->gradient) {
        out[at] = none ? 0.0f : fake(&n, x[at]);
        continue;
      }
      const bool inside = none || (x[at] >= n.min && x[at] <= n.max);
      out[at] = inside ? grad[at] : 0.0f;
      if (!none && x[at] < n.min) below += (double)grad[at];
      if (!none && x[at] > n.max) above += (double)grad[at];
    }
    if (!a->gradient || a->args) continue;
    ((float *)ctx->out[1]->data)[c] = (float)below;
    ((float *)ctx->out[2]->data)[c] = (float)above;
  }
  return UF_OK;
}

/* ---- QuantizeAndDequantize ------------------------------------------------------------- */

typedef struct qdq_attrs {
  bool is_signed, given, narrow, half_up, v1, v3;
  int64_t bits, axis;
  double min, max;
} qdq_attrs;

static uf_status qdq_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const modes[] = {"HALF_TO_EVEN", "HALF_UP", NULL};
  qdq_attrs *a = memory;
  int32_t mode = 0;
  a->v1 = strcmp(from->op, "QuantizeAndDequantize") == 0;
  a->v3 = strcmp(from->op, "QuantizeAndDequantizeV3") == 0;
  if (ufi_tf_attr(from, "round_mode")) UFI_TRY(ufi_tf_choice(from, "round_mode", modes, &mode, error));
  a->half_up = mode == 1;
  a->is_signed = ufi_tf_bool(from, "signed_input");
  a->given = ufi_tf_bool(from, "range_given");
  a->narrow = ufi_tf_bool(from, "narrow_range");
  a->bits = ufi_tf_int(from, "num_bits");
  a->axis = ufi_tf_attr(from, "axis") ? ufi_tf_int(from, "axis") : -1;
  a->min = ufi_tf_float(from, "input_min");
  a->max = ufi_tf_float(from, "input_max");
  const int64_t least = a->is_signed ? 2 : 1;
  if (a->axis < -1) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an axis of -1 or more, found %lld", (long long)a->axis);
  if (a->v3 || (a->bits >= least && a->bits <= (a->is_signed ? 62 : 63))) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected num_bits from %lld to 62, found %lld", (long long)least, (long long)a->bits);
}

static uf_status qdq_infer(ufi_ctx *ctx) {
  const qdq_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_tf_want_group(ctx, x, UFI_FLOATS));
  if (a->axis >= x->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an axis below the rank of %d, found %lld", (int)x->rank, (long long)a->axis);
  const slices s = slices_of(x, (int32_t)a->axis);
  for (int32_t i = 1; i < 3 && a->given && !a->v1; i++) {
    UFI_TRY(ufi_want_same(ctx, x, ctx->in[i]));
    if (ctx->in[i]->count != s.channels)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld limits, found %lld", (long long)s.channels, (long long)ctx->in[i]->count);
  }
  return ufi_out_like(ctx, 0, x);
}

static inline double round_as(bool half_up, double v) { return half_up ? floor(v + 0.5) : nearbyint(v); }

/* One channel, in arithmetic of type T. */
#define QDQ(T, MAX)                                                                                               \
  static void qdq_##T(const qdq_attrs *a, int64_t bits, const slices *s, int64_t c, const T *x, T min, T max, T *y) { \
    const int64_t n = s->outer * s->inner;                                                                        \
    const double least = !a->is_signed ? 0.0 : -ldexp(1.0, (int)bits - 1) + (a->narrow ? 1.0 : 0.0);              \
    const double most = ldexp(1.0, (int)bits - (a->is_signed ? 1 : 0)) - 1.0;                                     \
    const T low = (T)least, high = (T)most;                                                                       \
    for (int64_t i = 0; i < n && !a->given; i++) {                                                                \
      const T v = x[i / s->inner * s->channels * s->inner + c * s->inner + i % s->inner];                         \
      min = i == 0 || v < min ? v : min;                                                                          \
      max = i == 0 || v > max ? v : max;                                                                          \
    }                                                                                                             \
    const T from_min = low * min > 0 ? low / min : MAX, from_max = high * max > 0 ? high / max : MAX;             \
    T scale = from_max, inverse = max / high;                                                                     \
    if (from_min < from_max) {                                                                                    \
      scale = from_min;                                                                                           \
      inverse = min / low;                                                                                        \
      max = high * inverse;                                                                                       \
    } else {                                                                                                      \
      min = low * inverse;                                                                                        \
    }                                                                                                             \
    for (int64_t i = 0; i < n; i++) {                                                                             \
      const int64_t at = i / s->inner * s->channels * s->inner + c * s->inner + i % s->inner;                     \
      T v = x[at];                                                                                                \
      if (a->given) v = v < max ? v : max;                                                                        \
      if (a->given) v = v > min ? v : min;                                                                        \
      y[at] = (T)round_as(a->half_up, v * scale) * inverse;                                                       \
    }                                                                                                             \
  }
QDQ(float, FLT_MAX)
QDQ(double, DBL_MAX)

static uf_status qdq_run(ufi_ctx *ctx, ufi_bump *bump) {
  const qdq_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  const slices s = slices_of(out, (int32_t)a->axis);
  const void *x = ufi_stage_in(ctx, bump, ctx->in[0], compute, false);
  void *y = ufi_stage_out(bump, out, compute, false);
  int64_t bits = a->bits;
  if (!bump->run) return ufi_stage_end(ctx, bump, y, out, compute, false), UF_OK;
  if (a->v3) {
    int32_t n = 0;
    UFI_TRY(ufi_read_ints(ctx, ctx->in[3], &bits, 1, &n));
    if (n != 1 || bits < (a->is_signed ? 2 : 1) || bits > 62)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected num_bits from 1 to 62, found %lld", (long long)bits);
  }
  for (int64_t c = 0; c < s.channels && out->count > 0; c++) {
    const bool limits = a->given && !a->v1;
    const double min = limits ? ufi_load_real(ctx->in[1]->dtype, ctx->in[1]->data, c) : a->min;
    const double max = limits ? ufi_load_real(ctx->in[2]->dtype, ctx->in[2]->data, c) : a->max;
    if (a->given && min > max)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input_min of at most input_max, found %g and %g", min, max);
    if (compute == UF_FLOAT32) qdq_float(a, bits, &s, c, x, (float)min, (float)max, y);
    else qdq_double(a, bits, &s, c, x, min, max, y);
  }
  ufi_stage_end(ctx, bump, y, out, compute, false);
  return UF_OK;
}

UFI_STAGED_DEF(FAKE_QUANT_WITH_MIN_MAX, fake, fake_attrs, fake_tf);
UFI_STAGED_DEF(QUANTIZE_AND_DEQUANTIZE, qdq, qdq_attrs, qdq_tf);
