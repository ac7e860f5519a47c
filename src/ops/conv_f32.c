/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_f32.c: CONV_2D in float32: one product whose left matrix is the image
 * seen through the window (gemm_f32.c), once per group; or, with constant weights
 * and where it is faster, Winograd's method (winograd_f32.c).
 *
 * Scratch: zeros for taps outside the image, the bias where it is no whole vectors,
 * and what winograd_f32.c needs.
 */
#include "ops/strips.h"
#include "ops/winograd_f32.h"

enum { DIRECT, WINOGRAD }; /* slots of packed weights */

typedef struct conv_state {
  bool by_winograd; /* else direct sums */
} conv_state;

/* Floats of each part of the scratch. */
typedef struct conv_sizes {
  size_t zeros, bias;
} conv_sizes;

static uf_status conv_sizes_of(ufi_ctx *ctx, const ufi_conv_geometry *g, conv_sizes *s_out) {
  conv_sizes s = {0};
  int64_t filter_c = g->in_c / g->groups, filters = g->out_c / g->groups;
  int64_t depth = g->kernel_h * g->kernel_w * filter_c;
  s.zeros = (ufi_gemm_f32_zeros(g->kernel_w, filter_c) + 15) / 16 * 16;
  size_t group, weights;
  if (!ufi_gemm_f32_packed_size(depth, filters, &group) ||
      !ufi_mul_size(group, (size_t)g->groups, &weights) ||
      !ufi_mul_size((size_t)ufi_gemm_f32_columns(filters), (size_t)g->groups, &s.bias) ||
      s.zeros + s.bias > SIZE_MAX / 8 || weights > SIZE_MAX / 8) {
    return ufi_too_large(ctx);
  }
  *s_out = s;
  return UF_OK;
}

/* What does not depend on scratch. */
static ufi_gemm_f32 conv_gemm(const ufi_conv_geometry *g) {
  int64_t filter_c = g->in_c / g->groups, filters = g->out_c / g->groups;
  ufi_gemm_f32 gemm = {
      .in = g->input->data, .batch = g->batch, .in_h = g->in_h, .in_w = g->in_w,
      .in_pixel = g->in_c, .channels = filter_c, .out_h = g->out_h, .out_w = g->out_w,
      .kernel_h = g->kernel_h, .kernel_w = g->kernel_w, .stride_h = g->stride_h,
      .stride_w = g->stride_w, .dilation_h = g->dilation_h, .dilation_w = g->dilation_w,
      .pad_top = g->pad_top, .pad_left = g->pad_left, .n = filters, .out = g->output->data,
      .out_pixel = g->out_c, .out_line = g->out_w * g->out_c,
      .out_image = g->out_h * g->out_w * g->out_c, .groups = g->groups, .in_group = filter_c,
      .bias_group = ufi_gemm_f32_columns(filters),
      .out_group = filters};
  ufi_act_range_f32(g->act, &gemm.min, &gemm.max);
  return gemm;
}

/* For Winograd's method; its floats of scratch. */
static uf_status winograd_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g, size_t *scratch_out) {
  const ufi_gemm_f32 gemm = conv_gemm(g);
  size_t packed;
  if (!ufi_winograd_f32_packed_size(g->in_c, g->out_c, &packed) ||
      !ufi_winograd_f32_scratch(&gemm, ufi_pool_threads(ctx->pool), scratch_out)) {
    return ufi_too_large(ctx);
  }
  ((conv_state *)ctx->state)->by_winograd = true;
  return UF_OK;
}

uf_status ufi_conv_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  conv_state *state = ufi_ctx_state(ctx, sizeof *state);
  if (!state) return UF_RESOURCE_EXHAUSTED;
  conv_sizes s = {0};
  UFI_TRY(conv_sizes_of(ctx, g, &s));
  size_t more = 0;
  if (g->filter->is_lasting && g->output->count > 0 && ufi_winograd_f32_wins(g)) UFI_TRY(winograd_prepare(ctx, g, &more));
  ufi_want_scratch(ctx, (s.zeros + s.bias + more) * sizeof(float));
  return UF_OK;
}

/* All but weights. *more_out: scratch for Winograd's method. */
static uf_status begin(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_gemm_f32 *gemm_out, float **more_out) {
  conv_sizes s = {0};
  UFI_TRY(conv_sizes_of(ctx, g, &s));
  float *zeros = ctx->scratch, *bias = zeros + s.zeros;
  memset(zeros, 0, s.zeros * sizeof *zeros);
  *gemm_out = conv_gemm(g);
  gemm_out->zeros = zeros;
  gemm_out->done = ctx->done;
  gemm_out->bias = ufi_gemm_f32_bias(g->bias, g->groups, g->out_c / g->groups, bias);
  *more_out = bias + s.bias;
  return UF_OK;
}

uf_status ufi_conv_f32_eval(ufi_ctx *ctx) {
  const conv_state *state = ctx->state;
  ufi_conv_geometry g = {0};
  ufi_gemm_f32 gemm;
  float *more;
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  ufi_conv_see(&g);
  UFI_TRY(begin(ctx, &g, &gemm, &more));
  if (state->by_winograd) return ufi_winograd_f32_weight(ctx, WINOGRAD, g.filter, &gemm, more);
  return ufi_gemm_f32_weight(ctx, DIRECT, g.filter, &gemm);
}

/* ---- in strips ------------------------------------------------------------------- */

static uf_status strips_begin(ufi_ctx *ctx, ufi_strips *s) {
  ufi_conv_geometry g = {0};
  float *more;
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  UFI_TRY(begin(ctx, &g, s->own, &more));
  return ufi_gemm_f32_keep(ctx, DIRECT, g.filter, s->own);
}

static void strip_run(const ufi_strips *s, const ufi_strip *strip) {
  ufi_gemm_f32 gemm = *(const ufi_gemm_f32 *)s->own;
  gemm.in = ufi_strip_image(s, strip, &gemm.in_h, &gemm.pad_top);
  gemm.out = strip->out;
  gemm.batch = 1;
  gemm.out_h = strip->lines;
  ufi_gemm_f32_run(NULL, &gemm);
}

bool ufi_conv_f32_strips(const ufi_conv_geometry *g, ufi_strips *s) {
  if (!ufi_conv_makes_lines(g)) return false;
  ufi_strips_set(g, sizeof(float), s);
  s->own_bytes = sizeof(ufi_gemm_f32);
  s->begin = strips_begin;
  s->run = strip_run;
  return true;
}
