/* SPDX-License-Identifier: Apache-2.0
 *
 * transpose_conv_quant.c: TRANSPOSE_CONV of quantized tensors and hybrid, cut into
 * the same phases as transpose_conv_f32.c: each is an ordinary convolution that
 * goes through the image backwards. Integer sums do not mind the order. Tiles are
 * one product as there.
 *
 * Packed weights: by rest (ry, rx) in order, each phase at phase_at bytes.
 */
#include "ops/gemm_quant.h"

/* Filter lines of rest r: r, r + stride, ... below kernel. */
static int64_t taps_of(int64_t kernel, int64_t stride, int64_t rest) {
  return rest < kernel ? (kernel - rest + stride - 1) / stride : 0;
}

typedef struct phase {
  int64_t ry, rx, lines, cols;
} phase;

static phase phase_of(const ufi_conv_geometry *g, int64_t ry, int64_t rx) {
  phase p = {ry, rx, taps_of(g->kernel_h, g->stride_h, ry), taps_of(g->kernel_w, g->stride_w, rx)};
  if (p.lines == 0 || p.cols == 0) p.lines = p.cols = 0;
  return p;
}

static size_t phase_bytes(const ufi_conv_geometry *g, const phase *p, ufi_q_kind kind) {
  size_t bytes = 0;
  (void)!ufi_gemm_q_packed_size(p->lines * p->cols * g->in_c, g->out_c, kind, &bytes);
  return bytes;
}

/* Phases of one axis: the first `more` rests have `taps` filter lines, the rest one
 * less. */
typedef struct axis {
  int64_t rests, more, taps;
} axis;

static axis axis_of(int64_t kernel, int64_t stride) {
  return (axis){UFI_MIN(stride, kernel), (kernel - 1) % stride + 1, (kernel - 1) / stride + 1};
}

/* Bytes of the phases of rests 0 to rx of one line of rests with `lines` filter
 * lines each. */
static size_t line_bytes(const ufi_conv_geometry *g, int64_t lines, int64_t rx, ufi_q_kind kind) {
  axis a = axis_of(g->kernel_w, g->stride_w);
  phase more = {0, 0, lines, a.taps}, less = {0, 0, lines, a.taps - 1};
  return (size_t)UFI_MIN(rx, a.more) * phase_bytes(g, &more, kind) +
         (size_t)UFI_MAX(rx - a.more, 0) * phase_bytes(g, &less, kind);
}

/* Bytes of packed weights before those of rests (ry, rx). */
static size_t phase_at(const ufi_conv_geometry *g, int64_t ry, int64_t rx, ufi_q_kind kind) {
  axis a = axis_of(g->kernel_h, g->stride_h), w = axis_of(g->kernel_w, g->stride_w);
  size_t more = line_bytes(g, a.taps, w.rests, kind);
  size_t less = line_bytes(g, a.taps - 1, w.rests, kind);
  return (size_t)UFI_MIN(ry, a.more) * more + (size_t)UFI_MAX(ry - a.more, 0) * less +
         line_bytes(g, ry < a.more ? a.taps : a.taps - 1, rx, kind);
}

static void pack_phase(const ufi_q_spec *spec, const ufi_conv_geometry *g, const phase *p,
                       const int8_t *weights, void *out) {
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  const int64_t depth = p->lines * p->cols * g->in_c, filter = g->kernel_h * g->kernel_w * g->in_c;
  for (int64_t t = 0; t < p->lines * p->cols; t++) {
    int64_t y = p->ry + t / p->cols * g->stride_h, x = p->rx + t % p->cols * g->stride_w;
    ufi_gemm_q_pack(NULL, spec->kind, depth, g->out_c, t * g->in_c, g->in_c,
                    weights + (y * g->kernel_w + x) * g->in_c, dtype, 1, filter,
                    spec->filter_zero, out);
  }
}

static void pack_all(const ufi_q_spec *spec, const void *weights, void *out) {
  const ufi_conv_geometry *g = spec->geometry;
  uint8_t *to = out;
  for (int64_t ry = 0; ry < UFI_MIN(g->stride_h, g->kernel_h); ry++) {
    for (int64_t rx = 0; rx < UFI_MIN(g->stride_w, g->kernel_w); rx++) {
      phase p = phase_of(g, ry, rx);
      pack_phase(spec, g, &p, weights, to);
      to += phase_bytes(g, &p, spec->kind);
    }
  }
}

/* Panel by panel, some rows of columns of any taps put side by side. */
static void pack_tiles(const ufi_q_spec *spec, const void *weights, void *out) {
  enum { ROWS = 64 };
  const ufi_conv_geometry *g = spec->geometry;
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, taps = g->kernel_h * g->kernel_w;
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  uint8_t *panel = out;
  size_t size = 0;
  if (!ufi_gemm_q_packed_size(spec->depth, nr, spec->kind, &size)) return; /* it is part of spec->weights */
  for (int64_t line = 0; line < spec->groups; line++) {
    for (int64_t first = 0; first < spec->n; first += nr, panel += size) {
      const int64_t n = UFI_MIN(nr, spec->n - first);
      for (int64_t k = 0, rows; k < spec->depth; k += rows) {
        int8_t columns[UFK_Q_MAX_NR][ROWS];
        rows = UFI_MIN(spec->depth - k, (int64_t)ROWS);
        for (int64_t j = 0; j < n; j++) {
          const int64_t c = (first + j) % g->out_c, tap = line * g->kernel_w + (first + j) / g->out_c;
          memcpy(columns[j], (const int8_t *)weights + (c * taps + tap) * g->in_c + k, (size_t)rows);
        }
        ufi_gemm_q_pack(NULL, spec->kind, spec->depth, n, k, rows, columns, dtype, 1, ROWS, spec->filter_zero, panel);
      }
    }
  }
}

static void set_tiles(const ufi_conv_geometry *g, ufi_q_spec *spec) {
  spec->groups = g->kernel_h;
  spec->n = g->kernel_w * g->out_c;
  spec->repeats = g->out_c;
  spec->depth = g->in_c;
  spec->pack = pack_tiles;
  spec->form = -1; /* strides are those of the weight */
}

static uf_status transpose_spec(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_q_spec *spec_out) {
  const ufi_window_attrs *a = ctx->attrs;
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = 1, .n = g->out_c,
                     .depth = g->kernel_h * g->kernel_w * g->in_c, .vectors = 1, .pack = pack_all,
                     .geometry = g, .form = (int64_t)((uint64_t)g->stride_h << 32 | (uint64_t)g->stride_w)};
  const bool is_tiled = ufi_transpose_is_tiled(g) && g->out_c <= INT32_MAX;
  if (is_tiled) set_tiles(g, &spec);
  if (g->input->dtype == UF_FLOAT32) {
    spec.vectors = g->batch;
    spec.length = g->in_h * g->in_w * g->in_c;
    spec.asymmetric = spec.column_first = true;
  }
  /* The largest it can be: each phase with rows that fill up its last group, and sums. */
  size_t most;
  int64_t rests = UFI_MIN(g->stride_h, g->kernel_h) * UFI_MIN(g->stride_w, g->kernel_w);
  if (!ufi_gemm_q_packed_size(spec.depth + 8 * rests, spec.n, UFI_Q_WIDE, &most)) {
    return ufi_too_large(ctx);
  }
  UFI_TRY(ufi_q_spec_types(ctx, &spec, false, a->quantized_bias));
  if (!is_tiled) spec.weights = phase_at(g, UFI_MIN(g->stride_h, g->kernel_h), 0, spec.kind);
  *spec_out = spec;
  return UF_OK;
}

uf_status ufi_transpose_conv_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  ufi_q_spec spec = {0};
  UFI_TRY(transpose_spec(ctx, g, &spec));
  return ufi_q_prepare(ctx, &spec);
}

/* Makes output pixels (py + i * stride_h, px + j * stride_w). */
static void run_phase(ufi_pool *pool, const ufi_conv_geometry *g, const ufi_gemm_q *all,
                      int64_t py, int64_t px) {
  ufi_gemm_q q = *all;
  phase p = phase_of(g, (py + g->pad_top) % g->stride_h, (px + g->pad_left) % g->stride_w);
  q.out_h = (g->out_h - py + g->stride_h - 1) / g->stride_h;
  q.out_w = (g->out_w - px + g->stride_w - 1) / g->stride_w;
  q.kernel_h = p.lines;
  q.kernel_w = p.cols;
  q.pad_top = -((py + g->pad_top - p.ry) / g->stride_h);
  q.pad_left = -((px + g->pad_left - p.rx) / g->stride_w);
  if (q.row_scale) q.share = q.out_h * q.out_w;
  if (p.lines > 0) q.b = (const uint8_t *)all->b + phase_at(g, p.ry, p.rx, all->kind);
  size_t element = (size_t)uf_dtype_bits(q.out_dtype) / 8;
  q.out = (uint8_t *)all->out + (size_t)((py * g->out_w + px) * g->out_c) * element;
  ufi_gemm_q_run(pool, &q);
}

static void run_tiles(ufi_pool *pool, const ufi_conv_geometry *g, ufi_gemm_q *q) {
  q->out_h = g->in_h;
  q->out_w = g->in_w;
  q->kernel_h = q->kernel_w = q->dilation_h = q->dilation_w = 1;
  q->out_group = g->out_w * g->out_c;
  if (q->row_scale) q->share = q->out_h * q->out_w;
  ufi_gemm_q_run(pool, q);
}

uf_status ufi_transpose_conv_quant_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  ufi_gemm_q gemm = {0};
  UFI_TRY(ufi_transpose_conv_geometry_of(ctx, &g));
  const ufi_q_spec spec = ufi_q_prepared(ctx, g.input, g.filter, g.bias, g.output, &g);
  ufi_q_begin(ctx, &spec, &gemm);
  UFI_TRY(ufi_q_weights(ctx, &spec, &gemm));
  gemm.batch = g.batch;
  gemm.in_h = g.in_h;
  gemm.in_w = g.in_w;
  gemm.in_pixel = gemm.channels = g.in_c;
  gemm.stride_h = gemm.stride_w = 1;
  gemm.dilation_h = gemm.dilation_w = -1;
  gemm.out_pixel = g.stride_w * g.out_c;
  gemm.out_line = g.stride_h * g.out_w * g.out_c;
  gemm.out_image = g.out_h * g.out_w * g.out_c;
  if (spec.repeats) {
    run_tiles(ctx->pool, &g, &gemm);
    return UF_OK;
  }
  for (int64_t py = 0; py < UFI_MIN(g.stride_h, g.out_h); py++) {
    for (int64_t px = 0; px < UFI_MIN(g.stride_w, g.out_w); px++) {
      run_phase(ctx->pool, &g, &gemm, py, px);
    }
  }
  return UF_OK;
}
