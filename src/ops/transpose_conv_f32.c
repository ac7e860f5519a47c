/* SPDX-License-Identifier: Apache-2.0
 *
 * transpose_conv_f32.c: TRANSPOSE_CONV in float32, without scattering.
 *
 * With stride s, output lines that leave the same rest r = (y + pad) mod s see
 * the same filter lines r, r + s, r + 2s ... and consecutive input lines: for
 * y = s * q + p the tap j is filter line r + s * j and input line
 * q + (p + pad - r) / s - j. So the stride_h * stride_w phases of the output
 * are each an ordinary convolution of stride 1 that goes through the image
 * backwards (dilation -1), written to every stride-th pixel. Phases whose rest
 * is beyond the filter have no taps and are the bias alone.
 *
 * Where filters are as large as strides and lie side by side, each input pixel makes a tile of the output by itself, and what
 * it makes of one line of it lies in one piece: all is one product, with a column for each tap of a line and channel, and a
 * group for each line.
 *
 * Scratch: zeros, the bias padded to whole panels, and the packed weights when
 * they are not constant. Weights are packed by rest, rests in order, so that
 * they do not depend on padding and shapes.
 */
#include "ops/gemm_f32.h"

#include "kernels/transposed.h"

enum { PHASES, TILES }; /* slots of packed weights */

typedef struct transpose_state {
  const float *packed; /* NULL: weights change, packed at each eval */
} transpose_state;

/* Filter lines of rest r: r, r + stride, ... below kernel. */
static int64_t taps_of(int64_t kernel, int64_t stride, int64_t rest) {
  return rest < kernel ? (kernel - rest + stride - 1) / stride : 0;
}

static size_t zeros_of(const ufi_conv_geometry *g) { return (ufi_gemm_f32_zeros(1, g->in_c) + 15) / 16 * 16; }

/* Columns of the product that makes one line of tiles. */
static int64_t tile_columns(const ufi_conv_geometry *g) { return g->kernel_w * g->out_c; }

static uf_status sizes_of(ufi_ctx *ctx, const ufi_conv_geometry *g, size_t *head_out,
                          size_t *weights_out) {
  /* Tiles take no more room than phases. */
  if (!ufi_gemm_f32_packed_size(g->kernel_h * g->kernel_w * g->in_c, g->out_c, weights_out) ||
      *weights_out > SIZE_MAX / 8 || g->out_c > INT32_MAX || g->in_c > INT32_MAX) {
    return ufi_too_large(ctx);
  }
  *head_out = zeros_of(g) + (size_t)ufi_gemm_f32_columns(ufi_transpose_is_tiled(g) ? tile_columns(g) : g->out_c);
  return UF_OK;
}

/* Packs the taps of rests (ry, rx) at out. */
static void pack_phase(const ufi_conv_geometry *g, const float *weights, int64_t tap_step, int64_t n_step,
                       int64_t ry, int64_t rx, float *out) {
  int64_t lines = taps_of(g->kernel_h, g->stride_h, ry);
  int64_t cols = taps_of(g->kernel_w, g->stride_w, rx);
  int64_t depth = lines * cols * g->in_c;
  for (int64_t t = 0; t < lines * cols; t++) {
    int64_t y = ry + t / cols * g->stride_h, x = rx + t % cols * g->stride_w;
    ufi_gemm_f32_pack_rows(depth, g->out_c, t * g->in_c, g->in_c,
                           weights + (y * g->kernel_w + x) * tap_step, 1, n_step, out);
  }
}

/* Floats of packed weights before those of rests (ry, rx). */
static int64_t phase_at(const ufi_conv_geometry *g, int64_t ry, int64_t rx) {
  int64_t taps = 0;
  for (int64_t r = 0; r < UFI_MIN(ry, g->kernel_h); r++) taps += taps_of(g->kernel_h, g->stride_h, r) * g->kernel_w;
  int64_t lines = taps_of(g->kernel_h, g->stride_h, ry);
  for (int64_t r = 0; r < UFI_MIN(rx, g->kernel_w); r++) taps += lines * taps_of(g->kernel_w, g->stride_w, r);
  return taps * g->in_c * ufi_gemm_f32_columns(g->out_c);
}

void ufi_transpose_f32_pack(const ufi_conv_geometry *g, const float *weights, int64_t tap_step, int64_t n_step,
                            float *out) {
  for (int64_t ry = 0; ry < UFI_MIN(g->stride_h, g->kernel_h); ry++) {
    for (int64_t rx = 0; rx < UFI_MIN(g->stride_w, g->kernel_w); rx++) {
      pack_phase(g, weights, tap_step, n_step, ry, rx, out + phase_at(g, ry, rx));
    }
  }
}

/* Panels of in_c rows, one after the other for each line of the filters. */
static void pack_tiles(const ufi_conv_geometry *g, const float *weights, float *out) {
  const int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr, n = tile_columns(g), taps = g->kernel_h * g->kernel_w;
  for (int64_t panel = 0; panel < g->kernel_h * ufi_ceil_div(n, nr); panel++, out += nr * g->in_c) {
    const int64_t line = panel / ufi_ceil_div(n, nr), first = panel % ufi_ceil_div(n, nr) * nr, end = UFI_MIN(first + nr, n);
    if (end - first < nr) memset(out, 0, (size_t)(nr * g->in_c) * sizeof *out);
    for (int64_t j = first, columns; j < end; j += columns) { /* of one tap */
      const int64_t c = j % g->out_c, tap = line * g->kernel_w + j / g->out_c;
      columns = UFI_MIN(end - j, g->out_c - c);
      ufk_transpose(sizeof *out, columns, g->in_c, weights + (c * taps + tap) * g->in_c, taps * g->in_c * (int64_t)sizeof *out,
                    out + (j - first), nr * (int64_t)sizeof *out);
    }
  }
}

static void pack_all(const ufi_conv_geometry *g, float *out) {
  if (ufi_transpose_is_tiled(g)) pack_tiles(g, g->filter->data, out);
  else ufi_transpose_f32_pack(g, g->filter->data, g->in_c, g->kernel_h * g->kernel_w * g->in_c, out);
}

static uf_status transpose_fill(ufi_ctx *ctx, void *memory, void *arg) {
  pack_all(arg, memory);
  return UF_OK;
}

uf_status ufi_transpose_conv_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  transpose_state *state = ufi_ctx_state(ctx, sizeof *state);
  if (!state) return UF_RESOURCE_EXHAUSTED;
  size_t head = 0, weights = 0;
  UFI_TRY(sizes_of(ctx, g, &head, &weights));
  size_t scratch = head;
  if (g->filter->is_lasting) {
    const void *packed;
    UFI_TRY(ufi_packed(ctx, ufi_transpose_is_tiled(g) ? TILES : PHASES, weights * sizeof(float), transpose_fill,
                       (void *)(uintptr_t)g, &packed));
    state->packed = packed;
  } else {
    scratch += weights;
  }
  ufi_want_scratch(ctx, scratch * sizeof(float));
  return UF_OK;
}

/* The convolution that makes output pixels (py + i * stride_h, px + j * stride_w). */
static ufi_gemm_f32 phase_gemm(const ufi_conv_geometry *g, const float *in, float *out, int64_t py,
                               int64_t px) {
  int64_t ry = (py + g->pad_top) % g->stride_h, rx = (px + g->pad_left) % g->stride_w;
  int64_t lines = taps_of(g->kernel_h, g->stride_h, ry);
  int64_t cols = taps_of(g->kernel_w, g->stride_w, rx);
  if (lines == 0 || cols == 0) lines = cols = 0;
  return (ufi_gemm_f32){
      .in = in, .batch = g->batch, .in_h = g->in_h, .in_w = g->in_w,
      .in_pixel = g->in_c, .channels = g->in_c,
      .out_h = (g->out_h - py + g->stride_h - 1) / g->stride_h,
      .out_w = (g->out_w - px + g->stride_w - 1) / g->stride_w,
      .kernel_h = lines, .kernel_w = cols, .stride_h = 1, .stride_w = 1,
      .dilation_h = -1, .dilation_w = -1,
      .pad_top = -((py + g->pad_top - ry) / g->stride_h),
      .pad_left = -((px + g->pad_left - rx) / g->stride_w),
      .n = g->out_c, .out = out + (py * g->out_w + px) * g->out_c,
      .out_pixel = g->stride_w * g->out_c, .out_line = g->stride_h * g->out_w * g->out_c,
      .out_image = g->out_h * g->out_w * g->out_c, .groups = 1};
}

void ufi_transpose_f32_run(ufi_pool *pool, const ufi_conv_geometry *g, const float *in, const float *packed,
                           const float *bias, const float *zeros, float *out) {
  for (int64_t py = 0; py < UFI_MIN(g->stride_h, g->out_h); py++) {
    for (int64_t px = 0; px < UFI_MIN(g->stride_w, g->out_w); px++) {
      ufi_gemm_f32 gemm = phase_gemm(g, in, out, py, px);
      int64_t ry = (py + g->pad_top) % g->stride_h, rx = (px + g->pad_left) % g->stride_w;
      gemm.b = gemm.kernel_h > 0 ? packed + phase_at(g, ry, rx) : packed;
      gemm.bias = bias;
      gemm.zeros = zeros;
      ufi_act_range_f32(g->act, &gemm.min, &gemm.max);
      ufi_gemm_f32_run(pool, &gemm);
    }
  }
}

static void run_tiles(ufi_pool *pool, const ufi_conv_geometry *g, const float *packed, float *bias) {
  const int64_t n = tile_columns(g), padded = ufi_gemm_f32_columns(n);
  memset(bias, 0, (size_t)padded * sizeof *bias);
  for (int64_t j = 0; g->bias && j < n; j++) bias[j] = ((const float *)g->bias->data)[j % g->out_c];
  ufi_gemm_f32 gemm = {
      .in = g->input->data, .batch = g->batch, .in_h = g->in_h, .in_w = g->in_w, .in_pixel = g->in_c, .channels = g->in_c,
      .out_h = g->in_h, .out_w = g->in_w, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
      .dilation_w = 1, .b = packed, .bias = bias, .n = n, .out = g->output->data, .out_pixel = n,
      .out_line = g->kernel_h * g->out_w * g->out_c, .out_image = g->out_h * g->out_w * g->out_c, .groups = g->kernel_h,
      .b_group = g->in_c * padded, .out_group = g->out_w * g->out_c};
  ufi_act_range_f32(g->act, &gemm.min, &gemm.max);
  ufi_gemm_f32_run(pool, &gemm);
}

uf_status ufi_transpose_conv_f32_eval(ufi_ctx *ctx) {
  const transpose_state *state = ctx->state;
  ufi_conv_geometry g = {0};
  UFI_TRY(ufi_transpose_conv_geometry_of(ctx, &g));
  size_t head = 0, size = 0;
  UFI_TRY(sizes_of(ctx, &g, &head, &size));
  const size_t zeros_size = zeros_of(&g);
  float *zeros = ctx->scratch, *weights = zeros + head;
  const float *packed = state->packed ? state->packed : weights;
  if (!state->packed) pack_all(&g, weights);
  if (ufi_transpose_is_tiled(&g)) {
    run_tiles(ctx->pool, &g, packed, zeros + zeros_size);
    return UF_OK;
  }
  const float *bias = ufi_gemm_f32_bias(g.bias, 1, g.out_c, zeros + zeros_size);
  memset(zeros, 0, zeros_size * sizeof *zeros);
  ufi_transpose_f32_run(ctx->pool, &g, g.input->data, packed, bias, zeros, g.output->data);
  return UF_OK;
}
