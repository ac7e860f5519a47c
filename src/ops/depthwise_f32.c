/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_f32.c: DEPTHWISE_CONV_2D in float32, run by run (window.h).
 *
 * With a multiplier above 1 the image's channels are first repeated into
 * scratch, after which the multiplier is 1. Weights need no packing: they lie
 * as the kernel reads them.
 *
 * Scratch: the bias, or zeros; then the repeated image.
 */
#include "ops/gemm_f32.h"
#include "ops/window.h"

typedef struct depthwise_args {
  const ufi_conv_geometry *g;
  ufk_f32_depthwise_fn kernel;
  const float *in;       /* (batch, in_h, in_w, out_c) */
  const float *weights;  /* (kernel_h, kernel_w, out_c) */
  const float *bias;
  float *out, min, max;
} depthwise_args;

static bool depthwise_sizes(const ufi_conv_geometry *g, size_t *bias_out, size_t *image_out) {
  size_t image = 0;
  *bias_out = ((size_t)g->out_c + 15) / 16 * 16;
  if (g->multiplier > 1 &&
      !ufi_mul_size((size_t)g->input->count, (size_t)g->multiplier, &image)) {
    return false;
  }
  *image_out = image;
  return image <= SIZE_MAX / 8 && *bias_out <= SIZE_MAX / 8;
}

uf_status ufi_depthwise_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  size_t bias, image;
  if (!depthwise_sizes(g, &bias, &image)) {
    return ufi_too_large(ctx);
  }
  ufi_want_scratch(ctx, (bias + image) * sizeof(float));
  return UF_OK;
}

/* ---- repeating channels -------------------------------------------------------- */

typedef struct repeat_args {
  const float *in;
  float *out;
  size_t times;
} repeat_args;

static void repeat(void *context, size_t begin, size_t end) {
  const repeat_args *a = context;
  float *out = a->out + begin * a->times;
  for (size_t i = begin; i < end; i++) {
    for (size_t j = 0; j < a->times; j++) *out++ = a->in[i];
  }
}

/* ---- eval ------------------------------------------------------------------------ */

static void depthwise_run(void *context, const ufi_window_run *r) {
  const depthwise_args *a = context;
  const ufi_conv_geometry *g = a->g;
  const ptrdiff_t c = (ptrdiff_t)g->out_c, line = (ptrdiff_t)g->in_w * c;
  /* Steps that nothing takes could be beyond any memory: those are 0. */
  ufk_f32_window w = {(size_t)r->n, (size_t)c, (size_t)r->rows, (size_t)r->cols,
                      r->rows > 1 ? g->dilation_h * line : 0, r->cols > 1 ? g->dilation_w * c : 0,
                      r->n > 1 ? g->stride_w * c : 0, c};
  const float *in = a->in, *weights = a->weights;
  if (r->rows > 0 && r->cols > 0) {
    in += (r->image * g->in_h + r->in_y) * line + r->in_x * c;
    weights += (r->tap_y * g->kernel_w + r->tap_x) * c;
  } else {
    w.rows = w.cols = 0;
  }
  float *out = a->out + ((r->image * g->out_h + r->out_y) * g->out_w + r->out_x) * c;
  a->kernel(&w, in, weights, (size_t)(g->kernel_w * c), a->bias, out, a->min, a->max);
}

static void depthwise_lines(void *context, size_t begin, size_t end) {
  const depthwise_args *a = context;
  for (size_t line = begin; line < end; line++) {
    ufi_window_line(a->g, (int64_t)line, depthwise_run, context);
  }
}

uf_status ufi_depthwise_f32_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  size_t bias_size, image_size;
  if (!depthwise_sizes(&g, &bias_size, &image_size)) return UF_INTERNAL;
  float *bias = ctx->scratch, *image = bias + bias_size;
  memset(bias, 0, bias_size * sizeof *bias);
  if (g.bias) memcpy(bias, g.bias->data, (size_t)g.out_c * sizeof *bias);
  depthwise_args args = {.g = &g, .kernel = ufi_kernels_get()->depthwise.f32_depthwise,
                         .in = g.input->data, .weights = g.filter->data, .bias = bias,
                         .out = g.output->data};
  ufi_act_range_f32(g.act, &args.min, &args.max);
  if (g.multiplier > 1) {
    repeat_args r = {args.in, image, (size_t)g.multiplier};
    ufi_parallel_ranges(ctx->pool, repeat, &r, (size_t)g.input->count, 4096);
    args.in = image;
  }
  ufi_parallel_ranges(ctx->pool, depthwise_lines, &args, (size_t)(g.batch * g.out_h), 4);
  return UF_OK;
}
