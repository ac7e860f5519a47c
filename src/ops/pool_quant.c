/* SPDX-License-Identifier: Apache-2.0
 *
 * pool_quant.c: AVERAGE_POOL_2D and MAX_POOL_2D of int8, uint8 and int16. Taps
 * outside the image do not count; averages round half away from zero.
 *
 * Scratch: addresses of one window's taps for each worker, which takes line after line. Windows that reach over neither
 * side of the image go together.
 */
#include "ops/gemm_quant.h"

typedef struct pool_state {
  int32_t workers;
} pool_state;

typedef struct job {
  const ufi_conv_geometry *g;
  ufk_q_pool_fn fn;
  int64_t element;           /* bytes */
  const void **taps;         /* (workers, most) */
  int64_t most, workers;
  int32_t min, max;
  ufi_shares *shares;        /* of lines */
} job;

static int64_t most_taps(const ufi_conv_geometry *g) {
  return UFI_MIN(g->kernel_h, g->in_h) * UFI_MIN(g->kernel_w, g->in_w);
}

uf_status ufi_pool_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_pool_kind kind) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INVALID));
  pool_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->workers = ctx->pool ? ufi_pool_threads(ctx->pool) : 1;
  ufi_q_layout layout = {0};
  (void)ufi_q_take(&layout, s->workers, (size_t)most_taps(g) * sizeof(void *));
  return ufi_q_want(ctx, &layout);
}

/* How many windows of a line, from x on, go together. */
static int64_t windows_from(const ufi_conv_geometry *g, int64_t x) {
  const int64_t x0 = x * g->stride_w - g->pad_left;
  return x0 < 0 || x0 + g->kernel_w > g->in_w ? 1 : UFI_MIN((g->in_w - g->kernel_w - x0) / g->stride_w + 1, g->out_w - x);
}

/* The taps of output pixel (y, x) of image b that are in the image. */
static size_t point_taps(const job *j, int64_t b, int64_t y, int64_t x, const void **taps) {
  const ufi_conv_geometry *g = j->g;
  const int64_t y0 = y * g->stride_h - g->pad_top, x0 = x * g->stride_w - g->pad_left;
  const int64_t y1 = UFI_MIN(y0 + g->kernel_h, g->in_h), x1 = UFI_MIN(x0 + g->kernel_w, g->in_w);
  size_t n = 0;
  for (int64_t i = UFI_MAX(y0, 0); i < y1; i++) {
    for (int64_t t = UFI_MAX(x0, 0); t < x1; t++) {
      int64_t at = ((b * g->in_h + i) * g->in_w + t) * g->in_c * j->element;
      taps[n++] = (const uint8_t *)g->input->data + at;
    }
  }
  return n;
}

static void pool_line(const job *j, int64_t line, const void **taps) {
  const ufi_conv_geometry *g = j->g;
  uint8_t *out = (uint8_t *)g->output->data + line * g->out_w * g->out_c * j->element;
  for (int64_t x = 0, n; x < g->out_w; x += n, out += n * g->out_c * j->element) {
    n = windows_from(g, x);
    const ufk_q_pool p = {.taps = point_taps(j, line / g->out_h, line % g->out_h, x, taps), .windows = (size_t)n,
                          .channels = (size_t)g->in_c, .step = (size_t)(g->stride_w * g->in_c), .in = taps,
                          .min = j->min, .max = j->max};
    if (p.taps > 0) j->fn(&p, out);
    else memset(out, 0, (size_t)(n * g->out_c * j->element)); /* no window is like that */
  }
}

static void pool_lines(void *context, size_t worker) {
  job *j = context;
  for (int64_t line; (line = ufi_shares_take(j->shares, worker)) >= 0;) pool_line(j, line, j->taps + (int64_t)worker * j->most);
}

static ufk_q_pool_fn kernel_of(uf_dtype dtype, ufi_pool_kind kind) {
  const ufk_qdepthwise_table *k = &ufi_kernels_get()->qdepthwise;
  const bool max = kind == UFI_POOL_MAX;
  if (dtype == UF_INT16) return max ? k->max_s16 : k->average_s16;
  if (dtype == UF_UINT8) return max ? k->max_u8 : k->average_u8;
  return max ? k->max_s8 : k->average_s8;
}

uf_status ufi_pool_quant_eval(ufi_ctx *ctx, ufi_pool_kind kind) {
  const pool_state *s = ctx->state;
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_pool_geometry_of(ctx, &g));
  if (g.output->count == 0) return UF_OK;
  job j = {.g = &g, .fn = kernel_of(g.input->dtype, kind), .taps = ctx->scratch,
           .element = g.input->dtype == UF_INT16 ? 2 : 1, .most = most_taps(&g),
           .workers = s->workers};
  if (g.output->count * j.most < 1 << 16) j.workers = 1;
  ufi_act_range_quant(g.act, g.output, &j.min, &j.max);
  ufi_shares shares;
  ufi_shares_begin(j.shares = &shares, g.batch * g.out_h, j.workers);
  ufi_parallel(ctx->pool, pool_lines, &j, (size_t)j.workers);
  return UF_OK;
}
