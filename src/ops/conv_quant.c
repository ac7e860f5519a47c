/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_quant.c: CONV_2D of quantized tensors, and of float32 images with
 * integer weights (hybrid). One product per group, as in conv_f32.c; or, where it is faster, Winograd's method
 * (winograd_quant.c).
 *
 * Hybrid: each image of the batch is quantized as a whole, symmetrically when
 * all channels have one scale and there is one group, else asymmetrically.
 */
#include "ops/strips.h"
#include "ops/winograd_quant.h"

/* Line by line of the kernel, if each is packed in whole groups. */
static void conv_pack(const ufi_q_spec *spec, const void *weights, void *out) {
  const ufi_conv_geometry *g = spec->geometry;
  const int64_t runs = UFI_MAX(spec->runs, 1), filter = g->kernel_h * g->kernel_w * (g->in_c / g->groups);
  size_t group = spec->weights / (size_t)spec->groups;
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  for (int64_t i = 0; i < spec->groups; i++) {
    for (int64_t run = 0; run < runs; run++) {
      ufi_gemm_q_pack(spec->pool, spec->kind, spec->depth, spec->n, run * (spec->depth / runs), filter / runs,
                      (const int8_t *)weights + i * spec->n * filter + run * (filter / runs), dtype, 1, filter,
                      spec->filter_zero, (uint8_t *)out + (size_t)i * group);
    }
  }
}

/* Windows are read by lines of the image, unless sums are of 64 bits. */
static void set_runs(const ufi_conv_geometry *g, ufi_q_spec *spec) {
  const uf_dtype in = g->input->dtype;
  const int64_t run = g->kernel_w * g->in_c, group = ufi_q_group(ufi_q_kind_of(in, false));
  if (in == UF_INT16 || g->groups > 1 || g->dilation_w > 1) return;
  spec->runs = g->kernel_h;
  spec->depth = g->kernel_h * (ufi_ceil_div(run, group) * group);
}

/* All scales are the same. */
static bool is_uniform(const ufi_tensor *filter) {
  const uf_quant *q = filter->quant;
  for (int64_t i = 1; q && i < q->count; i++) {
    if (q->scales[i] != q->scales[0]) return false;
  }
  return true;
}

static uf_status conv_spec(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_q_spec *spec_out) {
  const ufi_window_attrs *a = ctx->attrs;
  int64_t filter_c = g->in_c / g->groups;
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = g->groups, .n = g->out_c / g->groups,
                     .depth = g->kernel_h * g->kernel_w * filter_c, .vectors = 1,
                     .pool = ctx->pool, .pack = conv_pack, .geometry = g, .form = g->groups, .takes_zero = true};
  set_runs(g, &spec);
  if (g->input->dtype == UF_FLOAT32) {
    spec.vectors = g->batch;
    spec.length = g->in_h * g->in_w * g->in_c;
    spec.share = g->out_h * g->out_w;
    spec.takes_bytes = true;
    spec.one_scale = g->groups == 1 && (g->filter->dtype == UF_UINT8 || is_uniform(g->filter));
    spec.asymmetric = !spec.one_scale;
    spec.column_first = true;
  } else if (g->input->dtype != UF_UINT8) {
    UFI_TRY(ufi_want_symmetric_weights(ctx, g->filter));
  }
  const int64_t side = ufi_winograd_q_side(g);
  if (side) UFI_TRY(ufi_winograd_q_set(ctx, g, side, &spec));
  UFI_TRY(ufi_q_spec_types(ctx, &spec, false, a->quantized_bias));
  *spec_out = spec;
  return UF_OK;
}

uf_status ufi_conv_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  ufi_q_spec spec = {0};
  UFI_TRY(conv_spec(ctx, g, &spec));
  return ufi_q_prepare(ctx, &spec);
}

uf_status ufi_conv_quant_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  ufi_gemm_q gemm = {0};
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  ufi_conv_see(&g);
  ufi_q_spec spec = ufi_q_prepared(ctx, g.input, g.filter, g.bias, g.output, &g);
  if (spec.length > 0) spec.length = g.in_h * g.in_w * g.in_c; /* zeros around do not change how floats are quantized */
  ufi_q_begin(ctx, &spec, &gemm);
  ufi_q_window(&g, &gemm);
  gemm.done = ctx->done;
  return ufi_q_product(ctx, &spec, &gemm);
}

/* ---- in strips ------------------------------------------------------------------- */

static uf_status strips_begin(ufi_ctx *ctx, ufi_strips *s) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_conv_geometry_of(ctx, &g));
  const ufi_q_spec spec = ufi_q_prepared(ctx, g.input, g.filter, g.bias, g.output, &g);
  ufi_q_begin(ctx, &spec, s->own);
  ufi_q_window(&g, s->own);
  return ufi_q_keep(ctx, &spec, s->own);
}

static void strip_run(const ufi_strips *s, const ufi_strip *strip) {
  ufi_gemm_q gemm = *(const ufi_gemm_q *)s->own;
  gemm.in = ufi_strip_image(s, strip, &gemm.in_h, &gemm.pad_top);
  gemm.out = strip->out;
  gemm.batch = 1;
  gemm.out_h = strip->lines;
  ufi_q_alone(&gemm, strip->worker);
  ufi_gemm_q_run(NULL, &gemm);
}

bool ufi_conv_quant_strips(const ufi_conv_geometry *g, ufi_strips *s) {
  const bool bytes = g->input->dtype == UF_INT8 || g->input->dtype == UF_UINT8;
  if (!bytes || !ufi_conv_makes_lines(g)) return false;
  ufi_strips_set(g, 1, s);
  s->own_bytes = sizeof(ufi_gemm_q);
  s->begin = strips_begin;
  s->run = strip_run;
  return true;
}
