/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_norm.c: FusedBatchNorm of all versions with its gradients, LRN and LRNGrad.
 *
 * Statistics are summed in float64. What the ops give for later (reserve spaces) is as TensorFlow's
 * kernels for the CPU leave it: the mean and the biased variance, for inference the given ones.
 */
#include <math.h>

#include "ops/tf_stage.h"

typedef struct norm_attrs {
  bool channels_first, training;
  float epsilon, factor;
} norm_attrs;

static uf_status norm_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const formats[] = {"NHWC", "NCHW", "NDHWC", "NCDHW", NULL};
  norm_attrs *a = memory;
  int32_t format = 0;
  UFI_TRY(ufi_tf_choice(from, "data_format", formats, &format, error));
  a->channels_first = format % 2 == 1;
  a->training = ufi_tf_bool(from, "is_training");
  a->epsilon = (float)ufi_tf_float(from, "epsilon");
  a->factor = ufi_tf_attr(from, "exponential_avg_factor") ? (float)ufi_tf_float(from, "exponential_avg_factor") : 1.0f;
  return UF_OK;
}

static int64_t channels_of(const ufi_ctx *ctx, const ufi_tensor *x) {
  return x->dims[((const norm_attrs *)ctx->attrs)->channels_first ? 1 : x->rank - 1];
}

/* Inputs [first, end) are vectors of one value per channel. Those that may be empty: from `empty` on. */
static uf_status want_vectors(ufi_ctx *ctx, int32_t first, int32_t end, int32_t empty, int64_t channels) {
  for (int32_t i = first; i < end; i++) {
    const ufi_tensor *t = ctx->in[i];
    UFI_TRY(ufi_tf_want(ctx, t, UF_FLOAT32, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, t, 1, 1));
    if (t->count != channels && !(i >= empty && t->count == 0))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld values, one per channel, in input %d, found %lld",
                          (long long)channels, (int)i, (long long)t->count);
  }
  return UF_OK;
}

/* ---- forward --------------------------------------------------------------------------- */

static uf_status norm_infer(ufi_ctx *ctx) {
  const norm_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 4, 5));
  const int64_t c = channels_of(ctx, x);
  UFI_TRY(want_vectors(ctx, 1, 5, a->training && a->factor == 1.0f ? 3 : 5, c));
  UFI_TRY(ufi_out_like(ctx, 0, x));
  for (int32_t i = 1; i < 5; i++) UFI_TRY(ufi_out_shape(ctx, i, 1, &c));
  return ctx->n_out > 5 ? ufi_out_shape(ctx, 5, 0, NULL) : UF_OK;
}

typedef struct norm_loop {
  const float *x, *grad, *shift, *scale, *offset;
  float *y;
  int64_t channels;
} norm_loop;

/* Pixels. */
static void normalize(void *context, size_t begin, size_t end) {
  const norm_loop *n = context;
  const int64_t c = n->channels;
  for (size_t i = begin; i < end; i++) {
    const float *restrict x = n->x + (int64_t)i * c, *restrict shift = n->shift, *restrict scale = n->scale;
    const float *restrict offset = n->offset;
    float *restrict y = n->y + (int64_t)i * c;
    for (int64_t j = 0; j < c; j++) y[j] = (x[j] - shift[j]) * scale[j] + offset[j];
  }
}

/* Mean and biased variance of each channel. */
static void statistics(const float *x, int64_t pixels, int64_t c, double *mean, double *variance) {
  memset(mean, 0, (size_t)c * sizeof *mean);
  memset(variance, 0, (size_t)c * sizeof *variance);
  for (int64_t i = 0; i < pixels; i++)
    for (int64_t j = 0; j < c; j++) mean[j] += (double)x[i * c + j];
  for (int64_t j = 0; j < c; j++) mean[j] /= (double)pixels;
  for (int64_t i = 0; i < pixels; i++)
    for (int64_t j = 0; j < c; j++) {
      const double d = (double)x[i * c + j] - mean[j];
      variance[j] += d * d;
    }
  for (int64_t j = 0; j < c; j++) variance[j] /= (double)pixels;
}

static float blend(float factor, const ufi_tensor *old, int64_t j, double value) {
  if (factor == 1.0f) return (float)value;
  return (1.0f - factor) * ((const float *)old->data)[j] + factor * (float)value;
}

static uf_status norm_run(ufi_ctx *ctx, ufi_bump *bump) {
  const norm_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t c = channels_of(ctx, in), pixels = c > 0 ? in->count / c : 0;
  const float *x = ufi_stage_in(ctx, bump, in, UF_FLOAT32, a->channels_first);
  float *y = ufi_stage_out(bump, out, UF_FLOAT32, a->channels_first);
  double *mean = ufi_bump_take(bump, c, sizeof *mean), *variance = ufi_bump_take(bump, c, sizeof *variance);
  float *shift = ufi_bump_take(bump, c, sizeof *shift), *scale = ufi_bump_take(bump, c, sizeof *scale);
  if (bump->run) {
    const float *gamma = ctx->in[1]->data;
    float *means = ctx->out[1]->data, *variances = ctx->out[2]->data, *saved = ctx->out[3]->data, *spread = ctx->out[4]->data;
    if (a->training) statistics(x, pixels, c, mean, variance);
    const double bessel = pixels > 1 ? (double)pixels / (double)(pixels - 1) : 1.0;
    for (int64_t j = 0; j < c; j++) {
      shift[j] = saved[j] = a->training ? (float)mean[j] : ((const float *)ctx->in[3]->data)[j];
      spread[j] = a->training ? (float)variance[j] : ((const float *)ctx->in[4]->data)[j];
      means[j] = a->training ? blend(a->factor, ctx->in[3], j, mean[j]) : shift[j];
      variances[j] = a->training ? blend(a->factor, ctx->in[4], j, variance[j] * bessel) : spread[j];
      scale[j] = gamma[j] / sqrtf(spread[j] + a->epsilon);
    }
    if (ctx->n_out > 5) *(float *)ctx->out[5]->data = 0.0f;
    norm_loop n = {.x = x, .shift = shift, .scale = scale, .offset = ctx->in[2]->data, .y = y, .channels = c};
    ufi_share(ctx->pool, normalize, &n, pixels, c);
  }
  ufi_stage_end(ctx, bump, y, out, UF_FLOAT32, a->channels_first);
  return UF_OK;
}

/* ---- gradients ------------------------------------------------------------------------------ */

static uf_status norm_grad_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[1];
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, x, ctx->in[0]));
  UFI_TRY(ufi_want_rank(ctx, x, 4, 5));
  if (x->rank != ctx->in[0]->rank || memcmp(x->dims, ctx->in[0]->dims, (size_t)x->rank * sizeof *x->dims) != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected gradient and image of one shape, found two");
  const int64_t c = channels_of(ctx, x), none = 0;
  UFI_TRY(want_vectors(ctx, 2, 5, 5, c));
  UFI_TRY(ufi_out_like(ctx, 0, x));
  UFI_TRY(ufi_out_shape(ctx, 1, 1, &c));
  UFI_TRY(ufi_out_shape(ctx, 2, 1, &c));
  UFI_TRY(ufi_out_shape(ctx, 3, 1, &none));
  return ufi_out_shape(ctx, 4, 1, &none);
}

/* dx = scale * (dy - mean_dy - (x - mean) * slope): pixels. */
static void back(void *context, size_t begin, size_t end) {
  const norm_loop *n = context;
  const int64_t c = n->channels;
  const float *slope = n->offset + c; /* behind the means of dy */
  for (int64_t i = (int64_t)begin * c; i < (int64_t)end * c; i += c)
    for (int64_t j = 0; j < c; j++)
      n->y[i + j] = n->scale[j] * (n->grad[i + j] - n->offset[j] - (n->x[i + j] - n->shift[j]) * slope[j]);
}

/* d offset = sum dy; d scale = sum dy (x - mean) / sigma; d x as in back, where in training
 * slope = mean(dy (x - mean)) / sigma^2 (S. Ioffe and C. Szegedy 2015, section 3). */
static uf_status norm_grad_run(ufi_ctx *ctx, ufi_bump *bump) {
  const norm_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const int64_t c = channels_of(ctx, ctx->in[1]), pixels = c > 0 ? out->count / c : 0;
  const float *grad = ufi_stage_in(ctx, bump, ctx->in[0], UF_FLOAT32, a->channels_first);
  const float *x = ufi_stage_in(ctx, bump, ctx->in[1], UF_FLOAT32, a->channels_first);
  float *dx = ufi_stage_out(bump, out, UF_FLOAT32, a->channels_first);
  double *sums = ufi_bump_take(bump, 2 * c, sizeof *sums);
  float *lines = ufi_bump_take(bump, 3 * c, sizeof *lines), *factor = bump->run ? lines + 2 * c : NULL;
  if (bump->run) {
    const float *gamma = ctx->in[2]->data, *mean = ctx->in[3]->data, *variance = ctx->in[4]->data;
    memset(sums, 0, (size_t)(2 * c) * sizeof *sums);
    for (int64_t i = 0; i < pixels * c; i += c)
      for (int64_t j = 0; j < c; j++) {
        sums[j] += (double)grad[i + j];
        sums[c + j] += (double)grad[i + j] * (double)(x[i + j] - mean[j]);
      }
    for (int64_t j = 0; j < c; j++) {
      const double spread = (double)variance[j] + (double)a->epsilon;
      ((float *)ctx->out[1]->data)[j] = (float)(sums[c + j] / sqrt(spread));
      ((float *)ctx->out[2]->data)[j] = (float)sums[j];
      lines[j] = a->training ? (float)(sums[j] / (double)pixels) : 0.0f;
      lines[c + j] = a->training ? (float)(sums[c + j] / (double)pixels / spread) : 0.0f;
      factor[j] = (float)((double)gamma[j] / sqrt(spread));
    }
    norm_loop n = {.x = x, .grad = grad, .shift = mean, .scale = factor, .offset = lines, .y = dx, .channels = c};
    ufi_share(ctx->pool, back, &n, pixels, 4 * c);
  }
  ufi_stage_end(ctx, bump, dx, out, UF_FLOAT32, a->channels_first);
  return UF_OK;
}

UFI_STAGED_DEF(FUSED_BATCH_NORM, norm, norm_attrs, norm_tf);
UFI_STAGED_DEF(FUSED_BATCH_NORM_GRAD, norm_grad, norm_attrs, norm_tf);

/* ---- LRN ------------------------------------------------------------------------------------- */

typedef struct lrn_attrs {
  int64_t radius;
  float bias, alpha, beta;
} lrn_attrs;
static uf_status lrn_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  lrn_attrs *a = memory;
  a->radius = ufi_tf_int(from, "depth_radius");
  a->bias = (float)ufi_tf_float(from, "bias");
  a->alpha = (float)ufi_tf_float(from, "alpha");
  a->beta = (float)ufi_tf_float(from, "beta");
  if (a->radius >= 0 && a->radius <= INT32_MAX) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a depth_radius of 0 or more, found %lld", (long long)a->radius);
}

static uf_status lrn_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_in; i++) {
    UFI_TRY(ufi_tf_want(ctx, ctx->in[i], UF_FLOAT32, UF_FLOAT16, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 4, 4));
    if (memcmp(ctx->in[i]->dims, ctx->in[0]->dims, 4 * sizeof(int64_t)) != 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected gradients and images of one shape, found two");
  }
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

typedef struct lrn_loop {
  const lrn_attrs *a;
  int64_t depth;
  const float *x, *y, *grad;
  float *out;
} lrn_loop;

static float lrn_norm(const lrn_loop *l, const float *x, int64_t c) {
  const int64_t radius = UFI_MIN(l->a->radius, l->depth);
  float sum = 0.0f;
  for (int64_t k = UFI_MAX(0, c - radius); k < UFI_MIN(l->depth, c + radius + 1); k++) sum += x[k] * x[k];
  return l->a->bias + l->a->alpha * sum;
}

static void lrn_pixels(void *context, size_t begin, size_t end) {
  const lrn_loop *l = context;
  for (size_t i = begin; i < end; i++) {
    const float *x = l->x + (int64_t)i * l->depth;
    float *out = l->out + (int64_t)i * l->depth;
    for (int64_t c = 0; c < l->depth; c++) out[c] = x[c] * powf(lrn_norm(l, x, c), -l->a->beta);
  }
}

/* d y_c / d x_k = norm^-beta (k == c) - 2 alpha beta x_k y_c / norm, k within the radius of c. */
static void lrn_grad_pixels(void *context, size_t begin, size_t end) {
  const lrn_loop *l = context;
  const int64_t radius = UFI_MIN(l->a->radius, l->depth);
  for (size_t i = begin; i < end; i++) {
    const int64_t at = (int64_t)i * l->depth;
    const float *x = l->x + at, *y = l->y + at, *grad = l->grad + at;
    float *out = l->out + at;
    memset(out, 0, (size_t)l->depth * sizeof *out);
    for (int64_t c = 0; c < l->depth; c++) {
      const float norm = lrn_norm(l, x, c);
      for (int64_t k = UFI_MAX(0, c - radius); k < UFI_MIN(l->depth, c + radius + 1); k++) {
        float d = -2.0f * l->a->alpha * l->a->beta * x[k] * y[c] / norm;
        if (k == c) d += powf(norm, -l->a->beta);
        out[k] += d * grad[c];
      }
    }
  }
}

static uf_status lrn_run(ufi_ctx *ctx, ufi_bump *bump) {
  const ufi_tensor *out = ctx->out[0];
  lrn_loop l = {.a = ctx->attrs, .depth = out->dims[3]};
  const bool gradient = ctx->n_in == 3;
  l.x = ufi_stage_in(ctx, bump, ctx->in[gradient ? 1 : 0], UF_FLOAT32, false);
  if (gradient) l.y = ufi_stage_in(ctx, bump, ctx->in[2], UF_FLOAT32, false);
  if (gradient) l.grad = ufi_stage_in(ctx, bump, ctx->in[0], UF_FLOAT32, false);
  l.out = ufi_stage_out(bump, out, UF_FLOAT32, false);
  if (bump->run && out->count > 0)
    ufi_share(ctx->pool, gradient ? lrn_grad_pixels : lrn_pixels, &l, out->count / l.depth, 40 * l.depth);
  ufi_stage_end(ctx, bump, l.out, out, UF_FLOAT32, false);
  return UF_OK;
}

UFI_STAGED_DEF(LRN, lrn, lrn_attrs, lrn_tf);
