/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_conv_f32.c: TensorFlow's convolutions in float32, by the product of gemm_f32.h: one for
 * images; for volumes one for each output slice and depth tap, added up. One input channel per
 * group is the depthwise kernel's. Weights lie (d, h, w, in_c / groups, out_c) and are packed by
 * depth tap and group, once for as long as the variable keeps its value.
 */
#include "ops/tf_conv.h"

#include <math.h>


/* ---- weights ------------------------------------------------------------------- */

typedef struct pack_args {
  const ufi_conv_tf_f32 *c;
  size_t part;      /* floats of one packed matrix */
  ufi_pool *pool;
} pack_args;

static void pack_filter(const pack_args *p, float *out) {
  const ufi_tf_window *w = p->c->w;
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  const int64_t depth = w->a[1].kernel * w->a[2].kernel * ic;
  for (int64_t d = 0; d < w->a[0].kernel; d++) {
    for (int64_t g = 0; g < w->groups; g++, out += p->part)
      ufi_gemm_f32_pack(p->pool, depth, oc, p->c->filter + d * depth * w->out_c + g * oc, w->out_c, 1, out);
  }
}

static uf_status filter_fill(ufi_ctx *ctx, void *memory, void *arg) {
  pack_filter(arg, memory);
  return UF_OK;
}

static void pack_back(const pack_args *p, float *out) {
  const ufi_tf_window *w = p->c->w;
  ufi_conv_geometry g = {.kernel_h = w->a[1].kernel, .kernel_w = w->a[2].kernel, .stride_h = w->a[1].stride,
                         .stride_w = w->a[2].stride, .in_c = w->out_c, .out_c = w->in_c};
  ufi_transpose_f32_pack(&g, p->c->filter, w->in_c * w->out_c, w->out_c, out);
}

static uf_status back_fill(ufi_ctx *ctx, void *memory, void *arg) {
  pack_back(arg, memory);
  return UF_OK;
}

/* The packed weights; NULL while counting. */
static uf_status packed_weights(ufi_ctx *ctx, ufi_bump *bump, pack_args *p, size_t floats, bool back, const float **out) {
  const void *memory = NULL;
  *out = NULL;
  p->pool = ctx->pool;
  if (p->c->cached) {
    if (!bump->run) return UF_OK;
    UFI_TRY(ufi_packed_for(ctx, 0, p->c->cached, floats * sizeof(float), back ? back_fill : filter_fill, p, &memory));
    *out = memory;
    return UF_OK;
  }
  float *own = ufi_bump_take(bump, (int64_t)floats, sizeof *own);
  if (own && back) pack_back(p, own);
  else if (own) pack_filter(p, own);
  *out = own;
  return UF_OK;
}

static uf_status too_large(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected a smaller filter, found more than memory can hold");
}

/* ---- depthwise -------------------------------------------------------------------- */

typedef struct repeat_args {
  const float *in;
  float *out;
  int64_t times;
} repeat_args;

static void repeat(void *context, size_t begin, size_t end) {
  const repeat_args *a = context;
  float *out = a->out + (int64_t)begin * a->times;
  for (size_t i = begin; i < end; i++)
    for (int64_t j = 0; j < a->times; j++) *out++ = a->in[i];
}

static void conv_depthwise(ufi_ctx *ctx, ufi_bump *bump, const ufi_conv_tf_f32 *c) {
  const ufi_tf_window *w = c->w;
  const int64_t times = w->out_c / w->in_c, pixels = w->batch * w->a[1].in * w->a[2].in;
  float *bias = ufi_bump_take(bump, w->out_c, sizeof *bias);
  float *image = times > 1 ? ufi_bump_take(bump, pixels * w->out_c, sizeof *image) : NULL;
  if (!bump->run) return;
  memset(bias, 0, (size_t)w->out_c * sizeof *bias);
  if (c->bias) memcpy(bias, c->bias, (size_t)w->out_c * sizeof *bias);
  const ufi_conv_geometry g = ufi_tf_window_plane(w);
  ufi_depthwise_f32 a = ufi_depthwise_f32_of(&g);
  a.image.in = times > 1 ? image : c->x, a.image.weights = c->filter, a.image.bias = bias, a.image.out = c->out;
  if (times > 1) {
    repeat_args r = {c->x, image, times};
    ufi_share(ctx->pool, repeat, &r, pixels * w->in_c, times);
  }
  ufi_depthwise_f32_run(ctx->pool, &a);
}

/* ---- forward ------------------------------------------------------------------------ */

static ufi_gemm_f32 plane_gemm(const ufi_conv_tf_f32 *c, int64_t batch, size_t part) {
  const ufi_tf_window *w = c->w;
  const ufi_tf_axis *h = &w->a[1], *x = &w->a[2];
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  return (ufi_gemm_f32){
      .in = c->x, .batch = batch, .in_h = h->in, .in_w = x->in, .in_pixel = w->in_c, .channels = ic,
      .out_h = h->out, .out_w = x->out, .kernel_h = h->kernel, .kernel_w = x->kernel, .stride_h = h->stride,
      .stride_w = x->stride, .dilation_h = h->dilation, .dilation_w = x->dilation, .pad_top = h->before,
      .pad_left = x->before, .n = oc, .out = c->out, .out_pixel = w->out_c, .out_line = x->out * w->out_c,
      .out_image = h->out * x->out * w->out_c, .min = -INFINITY, .max = INFINITY, .groups = w->groups,
      .in_group = ic, .b_group = (int64_t)part, .bias_group = ufi_gemm_f32_columns(oc), .out_group = oc};
}

/* Slices of a volume: the depth taps inside, added up; the bias alone where there are none. */
static void run_slices(ufi_pool *pool, const ufi_tf_window *w, const ufi_gemm_f32 *plane, size_t part) {
  const ufi_tf_axis *d = &w->a[0];
  const int64_t in_slice = w->a[1].in * w->a[2].in * w->in_c;
  for (int64_t i = 0; i < w->batch * d->out; i++) {
    const int64_t image = i / d->out, od = i % d->out;
    ufi_gemm_f32 g = *plane;
    int64_t first, end;
    ufi_tf_axis_taps(d, od, &first, &end);
    g.out += i * plane->out_image;
    if (first >= end) {
      g.kernel_h = g.kernel_w = 0;
      ufi_gemm_f32_run(pool, &g);
    }
    for (int64_t t = first; t < end; t++, g.add = true) {
      g.in = plane->in + (image * d->in + od * d->stride - d->before + t * d->dilation) * in_slice;
      g.b = plane->b + (size_t)(t * w->groups) * part;
      ufi_gemm_f32_run(pool, &g);
    }
  }
}

uf_status ufi_tf_conv_f32(ufi_ctx *ctx, ufi_bump *bump, const ufi_conv_tf_f32 *c) {
  const ufi_tf_window *w = c->w;
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  const bool flat = w->a[0].in == 1 && w->a[0].out == 1 && w->a[0].kernel == 1 && w->a[0].before == 0;
  if (flat && ic == 1 && w->groups > 1) {
    conv_depthwise(ctx, bump, c);
    return UF_OK;
  }
  pack_args p = {.c = c};
  size_t floats;
  if (!ufi_gemm_f32_packed_size(w->a[1].kernel * w->a[2].kernel * ic, oc, &p.part) ||
      !ufi_mul_size(p.part, (size_t)(w->a[0].kernel * w->groups), &floats) || floats > SIZE_MAX / 8)
    return too_large(ctx);
  const size_t n_zeros = ufi_gemm_f32_zeros(w->a[2].kernel, ic);
  float *zeros = ufi_bump_take(bump, (int64_t)n_zeros, sizeof *zeros);
  float *bias = ufi_bump_take(bump, ufi_gemm_f32_columns(oc) * w->groups, sizeof *bias);
  ufi_gemm_f32 g = plane_gemm(c, w->batch, p.part);
  UFI_TRY(packed_weights(ctx, bump, &p, floats, false, &g.b));
  if (!bump->run) return UF_OK;
  ufi_tensor given = {.data = (void *)(uintptr_t)c->bias};
  memset(zeros, 0, n_zeros * sizeof *zeros);
  g.bias = ufi_gemm_f32_bias(c->bias ? &given : NULL, w->groups, oc, bias);
  g.zeros = zeros;
  if (flat) {
    ufi_gemm_f32_run(ctx->pool, &g);
  } else {
    g.batch = 1;
    run_slices(ctx->pool, w, &g, p.part);
  }
  return UF_OK;
}

/* ---- gradient of the image -------------------------------------------------------------- */

bool ufi_tf_conv_f32_back_takes(const ufi_tf_window *w) {
  return w->groups == 1 && w->a[0].in == 1 && w->a[0].out == 1 && w->a[0].kernel == 1 && w->a[1].dilation == 1 &&
         w->a[2].dilation == 1;
}

uf_status ufi_tf_conv_f32_back(ufi_ctx *ctx, ufi_bump *bump, const ufi_conv_tf_f32 *c) {
  const ufi_tf_window *w = c->w;
  const ufi_tf_axis *h = &w->a[1], *x = &w->a[2];
  const ufi_conv_geometry g = {
      .batch = w->batch, .in_h = h->out, .in_w = x->out, .in_c = w->out_c, .out_h = h->in, .out_w = x->in,
      .out_c = w->in_c, .kernel_h = h->kernel, .kernel_w = x->kernel, .stride_h = h->stride, .stride_w = x->stride,
      .pad_top = h->before, .pad_left = x->before, .act = UFI_ACT_NONE};
  pack_args p = {.c = c};
  size_t floats;
  if (!ufi_gemm_f32_packed_size(h->kernel * x->kernel * w->out_c, w->in_c, &floats) || floats > SIZE_MAX / 8)
    return too_large(ctx);
  const size_t n_zeros = ufi_gemm_f32_zeros(1, w->out_c);
  float *zeros = ufi_bump_take(bump, (int64_t)n_zeros, sizeof *zeros);
  float *bias = ufi_bump_take(bump, ufi_gemm_f32_columns(w->in_c), sizeof *bias);
  const float *packed;
  UFI_TRY(packed_weights(ctx, bump, &p, floats, true, &packed));
  if (!bump->run) return UF_OK;
  memset(zeros, 0, n_zeros * sizeof *zeros);
  ufi_transpose_f32_run(ctx->pool, &g, c->x, packed, ufi_gemm_f32_bias(NULL, 1, w->in_c, bias), zeros, c->out);
  return UF_OK;
}
