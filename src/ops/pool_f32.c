/* SPDX-License-Identifier: Apache-2.0
 *
 * pool_f32.c: pools in float32, run by run (window.h).
 */
#include "ops/gemm_f32.h"
#include "ops/window.h"

typedef struct pool_args {
  const ufi_conv_geometry *g;
  ufk_f32_pool_fn kernel;
  const float *in;
  float *out, min, max;
} pool_args;

uf_status ufi_pool_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_pool_kind kind) {
  return ufi_conv_want_f32(ctx, NULL, g->output);
}

static void pool_run(void *context, const ufi_window_run *r) {
  const pool_args *a = context;
  const ufi_conv_geometry *g = a->g;
  const ptrdiff_t c = (ptrdiff_t)g->out_c, line = (ptrdiff_t)g->in_w * c;
  ufk_f32_window w = {(size_t)r->n, (size_t)c, (size_t)r->rows, (size_t)r->cols,
                      line, c, r->n > 1 ? g->stride_w * c : 0, c};
  float *out = a->out + ((r->image * g->out_h + r->out_y) * g->out_w + r->out_x) * c;
  a->kernel(&w, a->in + (r->image * g->in_h + r->in_y) * line + r->in_x * c, out, a->min, a->max);
}

static void pool_lines(void *context, size_t begin, size_t end) {
  const pool_args *a = context;
  for (size_t line = begin; line < end; line++) {
    ufi_window_line(a->g, (int64_t)line, pool_run, context);
  }
}

uf_status ufi_pool_f32_eval(ufi_ctx *ctx, ufi_pool_kind kind) {
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_pool_geometry_of(ctx, &g));
  const ufk_depthwise_table *k = &ufi_kernels_get()->depthwise;
  pool_args args = {.g = &g, .in = g.input->data, .out = g.output->data};
  args.kernel = kind == UFI_POOL_MAX       ? k->f32_max_pool
                : kind == UFI_POOL_AVERAGE ? k->f32_average_pool
                                           : k->f32_l2_pool;
  ufi_act_range_f32(g.act, &args.min, &args.max);
  ufi_parallel_ranges(ctx->pool, pool_lines, &args, (size_t)(g.batch * g.out_h), 2);
  return UF_OK;
}
