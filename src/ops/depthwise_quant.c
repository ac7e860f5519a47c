/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_quant.c: DEPTHWISE_CONV_2D of quantized tensors, and of float32
 * images with integer weights (hybrid: each image is quantized asymmetrically).
 *
 * Three ways, chosen by shape and dtype alone:
 *
 *   BLOCKS   8-bit images: the kernel of qgemm.h, one pixel at a time. It takes
 *            bytes as they are: taps outside the image read a row of zero points,
 *            and zero point x sum of the weights comes off the bias. With a
 *            multiplier above 1 the image's channels are first repeated.
 *   PRODUCT  one input channel: an ordinary convolution.
 *   DIRECT   the rest (16-bit images, huge windows): plain loops.
 */
#include "ops/gemm_quant.h"

enum { MAX_TAPS = 126, PIECE = 256 }; /* PIECE: channels whose sums are kept at a time */

typedef enum way { BLOCKS, PRODUCT, DIRECT } way;

static way way_of(const ufi_conv_geometry *g) {
  if (g->input->dtype == UF_INT16) return DIRECT;
  if (g->in_c == 1) return PRODUCT;
  return g->kernel_h * g->kernel_w <= MAX_TAPS ? BLOCKS : DIRECT;
}

/* ---- packing --------------------------------------------------------------------- */

static int32_t weight_at(const ufi_q_spec *spec, const void *weights, int64_t i) {
  int32_t w = spec->filter->dtype == UF_UINT8 ? ((const uint8_t *)weights)[i]
                                              : ((const int8_t *)weights)[i];
  return w - spec->filter_zero;
}

static int64_t pairs_of(const ufi_q_spec *spec) { return (spec->depth + 1) / 2; }

static int64_t blocked_channels(const ufi_q_spec *spec) {
  int64_t block = (int64_t)ufi_kernels_get()->qdepthwise.q_block;
  return (spec->n + block - 1) / block * block;
}

/* Bytes of the blocks; the sums of each channel's weights come behind. */
static bool blocks_size(const ufi_q_spec *spec, size_t *blocks_out, size_t *all_out) {
  size_t sums = (size_t)ufi_q_padded(spec->n) * sizeof(int32_t);
  return ufi_mul_size((size_t)blocked_channels(spec), (size_t)pairs_of(spec) * 4, blocks_out) &&
         *blocks_out <= SIZE_MAX / 4 &&
         ufi_add_size((*blocks_out + 63) / 64 * 64, sums, all_out);
}

static const int32_t *sums_of(const ufi_q_spec *spec, const void *packed) {
  size_t blocks = 0, all = 0;
  (void)!blocks_size(spec, &blocks, &all);
  return (const int32_t *)(const void *)((const uint8_t *)packed + (blocks + 63) / 64 * 64);
}

static void pack_blocks(const ufi_q_spec *spec, const void *weights, void *out) {
  const int64_t block = (int64_t)ufi_kernels_get()->qdepthwise.q_block, pairs = pairs_of(spec);
  int32_t *sums = (int32_t *)(uintptr_t)sums_of(spec, out);
  for (int64_t t = 0; t < spec->depth; t++) {
    for (int64_t c = 0; c < spec->n; c++) {
      int32_t w = weight_at(spec, weights, t * spec->n + c);
      ((int16_t *)out)[((c / block * pairs + t / 2) * block + c % block) * 2 + t % 2] = (int16_t)w;
      sums[c] += w;
    }
  }
}

static void pack_product(const ufi_q_spec *spec, const void *weights, void *out) {
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  ufi_gemm_q_pack(spec->depth, spec->n, 0, spec->depth, weights, dtype, spec->n, 1,
                  spec->filter_zero, spec->wide, out);
}

static void pack_direct(const ufi_q_spec *spec, const void *weights, void *out) {
  for (int64_t i = 0; i < spec->filter->count; i++) {
    ((int16_t *)out)[i] = (int16_t)weight_at(spec, weights, i);
  }
}

/* ---- spec --------------------------------------------------------------------------- */

/* Bytes of the image with its channels repeated; 0 when it is taken as it is. */
static bool repeated_size(const ufi_conv_geometry *g, size_t *bytes_out) {
  *bytes_out = 0;
  if (g->multiplier == 1) return true;
  return ufi_mul_size((size_t)g->input->count, (size_t)g->multiplier, bytes_out) &&
         *bytes_out <= SIZE_MAX / 4;
}

static bool sizes(const ufi_conv_geometry *g, way how, ufi_q_spec *spec) {
  size_t blocks = 0, pad_row = 0, bias = 0, repeated = 0;
  if (how == PRODUCT) return true;
  if (how == DIRECT) return ufi_mul_size((size_t)g->filter->count, 2, &spec->weights);
  return blocks_size(spec, &blocks, &spec->weights) &&
         ufi_mul_size((size_t)spec->vectors, (size_t)(g->out_c + 63) / 64 * 64, &pad_row) &&
         ufi_mul_size((size_t)spec->vectors, (size_t)ufi_q_padded(g->out_c) * 4, &bias) &&
         ufi_add_size(pad_row, bias, &spec->extra) && repeated_size(g, &repeated) &&
         ufi_add_size(spec->extra, repeated, &spec->extra);
}

static uf_status depthwise_spec(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_q_spec *spec_out) {
  const way how = way_of(g);
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = 1, .n = g->out_c,
                     .depth = g->kernel_h * g->kernel_w, .vectors = 1, .form = how};
  spec.pack = how == BLOCKS ? pack_blocks : how == PRODUCT ? pack_product : pack_direct;
  if (g->input->dtype == UF_FLOAT32) {
    spec.vectors = g->batch;
    spec.length = g->in_h * g->in_w * g->in_c;
    spec.share = g->out_h * g->out_w;
    spec.asymmetric = true;
  }
  if (!sizes(g, how, &spec) || spec.weights > SIZE_MAX / 4 || spec.extra > SIZE_MAX / 4) {
    return ufi_too_large(ctx);
  }
  UFI_TRY(ufi_q_spec_types(ctx, &spec, false, UF_FLOAT32));
  *spec_out = spec;
  return UF_OK;
}

uf_status ufi_depthwise_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) {
  ufi_q_spec spec = {0};
  UFI_TRY(depthwise_spec(ctx, g, &spec));
  return ufi_q_prepare(ctx, &spec);
}

/* ---- what both loops see --------------------------------------------------------------- */

typedef struct job {
  const ufi_conv_geometry *g;
  const ufi_q_spec *spec;
  const ufi_gemm_q *q;
  const ufk_qgemm_table *k;
  ufk_q_depthwise_fn depthwise;
  ufk_q_to_int_fn to_int;
  int64_t pairs;
  const uint8_t *in;         /* BLOCKS: (batch, in_h, in_w, out_c) */
  const uint8_t *pad_rows;   /* zero points, pad_step bytes for each vector */
  int64_t pad_step;
  const int32_t *bias;       /* less the zero point's part, padded, for each vector */
  const ufi_done *done;      /* BLOCKS: told of lines */
} job;

static inline bool inside(int64_t at, int64_t size) { return (uint64_t)at < (uint64_t)size; }

/* Vector of image b: its own when hybrid, else the only one. */
static int64_t vector_of(const job *j, int64_t b) { return j->spec->vectors > 1 ? b : 0; }

/* ---- BLOCKS ----------------------------------------------------------------------------- */

/* Addresses of the taps of output pixel (y, x) of image b. */
static void point_taps(const job *j, int64_t b, int64_t y, int64_t x, const void *pad,
                       const void **taps) {
  const ufi_conv_geometry *g = j->g;
  const int64_t y0 = y * g->stride_h - g->pad_top, x0 = x * g->stride_w - g->pad_left;
  const uint8_t *image = j->in + b * g->in_h * g->in_w * g->out_c;
  for (int64_t i = 0; i < g->kernel_h; i++) {
    const int64_t in_y = y0 + i * g->dilation_h;
    const uint8_t *line = inside(in_y, g->in_h) ? image + in_y * g->in_w * g->out_c : NULL;
    for (int64_t t = 0; t < g->kernel_w; t++) {
      const int64_t in_x = x0 + t * g->dilation_w;
      *taps++ = line && inside(in_x, g->in_w) ? line + in_x * g->out_c : pad;
    }
  }
}

/* The taps of the next pixel of the line, when both windows are whole in x. */
static bool step_taps(const job *j, int64_t x, const void *pad, const void **taps) {
  const ufi_conv_geometry *g = j->g;
  const int64_t x0 = (x - 1) * g->stride_w - g->pad_left;
  const int64_t reach = g->stride_w + (g->kernel_w - 1) * g->dilation_w;
  if (x == 0 || x0 < 0 || x0 + reach >= g->in_w) return false;
  const int64_t step = g->stride_w * g->out_c;
  for (int64_t t = 0; t < j->spec->depth; t++) {
    if (taps[t] != pad) taps[t] = (const uint8_t *)taps[t] + step;
  }
  return true;
}

static void finish(const job *j, const int32_t *acc, int64_t c, int64_t n, const float *row,
                   int64_t pixel) {
  const ufi_gemm_q *q = j->q;
  const int64_t at = pixel * j->g->out_c + c;
  if (j->spec->end == UFI_Q_FLOAT) {
    ufk_q_float s = {q->column + c, q->bias_float ? q->bias_float + c : NULL, row, false, q->min,
                     q->max};
    j->k->to_float(1, (size_t)n, acc, 0, &s, (float *)q->out + at, 0);
    return;
  }
  ufk_q_scale s = {.multiplier = q->multiplier + c, .shift = q->shift + c, .zero = q->out_zero,
                   .min = q->out_min, .max = q->out_max};
  j->to_int(1, (size_t)n, acc, 0, &s, (uint8_t *)q->out + at, 0);
}

static void blocks_line(void *context, size_t line) {
  const job *j = context;
  const ufi_conv_geometry *g = j->g;
  const int64_t b = (int64_t)line / g->out_h, y = (int64_t)line % g->out_h;
  const int64_t vector = vector_of(j, b);
  const uint8_t *pad = j->pad_rows + vector * j->pad_step;
  const int32_t *bias = j->bias + vector * ufi_q_padded(g->out_c);
  const float *row = j->q->row_scale ? j->q->row_scale + vector : NULL;
  const void *taps[MAX_TAPS + 2];
  int32_t acc[PIECE];
  taps[2 * j->pairs - 1] = pad; /* beside an odd last tap; its weights are 0 */
  for (int64_t x = 0; x < g->out_w; x++) {
    if (!step_taps(j, x, pad, taps)) point_taps(j, b, y, x, pad, taps);
    for (int64_t c = 0; c < g->out_c; c += PIECE) {
      const int64_t n = UFI_MIN((int64_t)PIECE, g->out_c - c);
      j->depthwise((size_t)j->pairs, (size_t)n, taps, (size_t)c,
                   (const int16_t *)j->q->b + c * 2 * j->pairs, bias + c, acc);
      finish(j, acc, c, n, row, (int64_t)line * g->out_w + x);
    }
  }
  if (j->done) j->done->fn(j->done->context, (int64_t)line * g->out_w, g->out_w);
}

/* Rows of zero points and corrected bias of all vectors. */
static void place_zero_points(job *j) {
  const ufi_conv_geometry *g = j->g;
  const int32_t *sums = sums_of(j->spec, j->q->b);
  const int64_t padded = ufi_q_padded(g->out_c);
  j->pad_step = (g->out_c + 63) / 64 * 64;
  uint8_t *pad = j->q->extra;
  int32_t *bias = (int32_t *)(void *)(pad + j->spec->vectors * j->pad_step);
  j->pad_rows = pad;
  j->bias = bias;
  for (int64_t v = 0; v < j->spec->vectors; v++, pad += j->pad_step, bias += padded) {
    memset(pad, (uint8_t)j->q->zero[v], (size_t)j->pad_step);
    for (int64_t c = 0; c < padded; c++) {
      uint32_t start = j->q->bias ? (uint32_t)j->q->bias[c] : 0;
      bias[c] = (int32_t)(start - (uint32_t)j->q->zero[v] * (uint32_t)sums[c]);
    }
  }
}

static void repeat_line(void *context, size_t line) {
  const job *j = context;
  const ufi_conv_geometry *g = j->g;
  const int64_t n = g->in_w * g->in_c;
  const uint8_t *from = (const uint8_t *)j->q->in + (int64_t)line * n;
  uint8_t *to = (uint8_t *)(uintptr_t)j->in + (int64_t)line * n * g->multiplier;
  for (int64_t i = 0; i < n; i++, to += g->multiplier) {
    memset(to, from[i], (size_t)g->multiplier);
  }
}

/* The image as BLOCKS reads it; behind the zero points and the bias. */
static void place_image(ufi_pool *pool, job *j) {
  const ufi_conv_geometry *g = j->g;
  j->in = j->q->in;
  if (g->multiplier == 1) return;
  const int64_t vectors = j->spec->vectors;
  j->in = (uint8_t *)j->q->extra + vectors * (j->pad_step + ufi_q_padded(g->out_c) * 4);
  ufi_parallel(pool, repeat_line, j, (size_t)(g->batch * g->in_h));
}

static void run_blocks(ufi_pool *pool, job *j) {
  const bool is_u8 = j->q->in_dtype == UF_UINT8;
  const ufk_qdepthwise_table *k = &ufi_kernels_get()->qdepthwise;
  j->depthwise = is_u8 ? k->depthwise_u8 : k->depthwise_s8;
  j->to_int = is_u8 ? j->k->fixed_u8 : j->k->fixed_s8;
  place_zero_points(j);
  if (j->g->output->count * j->spec->depth < 1 << 16) pool = NULL;
  place_image(pool, j);
  ufi_parallel(pool, blocks_line, j, (size_t)(j->g->batch * j->g->out_h));
}

/* ---- DIRECT ----------------------------------------------------------------------------- */

static int32_t input_at(const ufi_gemm_q *q, int64_t i) {
  return q->in_dtype == UF_INT16   ? ((const int16_t *)q->in)[i]
         : q->in_dtype == UF_UINT8 ? ((const uint8_t *)q->in)[i]
                                   : ((const int8_t *)q->in)[i];
}

/* Adds tap t, which sees the pixel at `in`, to the sums of channels from c. */
static void add_tap(const job *j, int64_t t, int64_t in, int32_t zero, int64_t c, int64_t n,
                    int64_t *sum) {
  const int16_t *w = (const int16_t *)j->q->b + t * j->g->out_c + c;
  if (j->q->in_dtype == UF_INT16 && j->g->multiplier == 1) { /* zero is 0 */
    const int16_t *x = (const int16_t *)j->q->in + in + c;
    for (int64_t i = 0; i < n; i++) sum[i] += x[i] * w[i];
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t x = input_at(j->q, in + (c + i) / j->g->multiplier) - zero;
    sum[i] += (int64_t)x * w[i];
  }
}

static void put_direct(const job *j, int64_t sum, int64_t c, float row, int64_t at) {
  const ufi_gemm_q *q = j->q;
  if (j->spec->end == UFI_Q_FLOAT) {
    float x = (float)(int32_t)sum * (row * q->column[c]) + (q->bias_float ? q->bias_float[c] : 0.0f);
    ((float *)q->out)[at] = UFI_MIN(UFI_MAX(x, q->min), q->max);
    return;
  }
  int32_t y;
  if (j->spec->end == UFI_Q_FIXED_64) {
    uint64_t all = (uint64_t)sum + (q->bias_64 ? (uint64_t)q->bias_64[c] : 0);
    y = ufk_requantize_64((int64_t)all, q->multiplier[c], UFI_MIN(q->shift[c], 14));
  } else {
    uint32_t all = (uint32_t)(uint64_t)sum + (q->bias ? (uint32_t)q->bias[c] : 0);
    y = ufk_requantize((int32_t)all, q->multiplier[c], q->shift[c]);
  }
  y = ufk_clamp((int32_t)((uint32_t)y + (uint32_t)q->out_zero), q->out_min, q->out_max);
  if (q->out_dtype == UF_INT16) ((int16_t *)q->out)[at] = (int16_t)y;
  else ((uint8_t *)q->out)[at] = (uint8_t)y;
}

static void direct_pixel(const job *j, int64_t b, int64_t y, int64_t x, int64_t c, int64_t n) {
  const ufi_conv_geometry *g = j->g;
  const int64_t vector = vector_of(j, b);
  const float row = j->q->row_scale ? j->q->row_scale[vector] : 1.0f;
  int64_t sum[PIECE] = {0};
  for (int64_t t = 0; t < j->spec->depth; t++) {
    int64_t in_y = y * g->stride_h - g->pad_top + t / g->kernel_w * g->dilation_h;
    int64_t in_x = x * g->stride_w - g->pad_left + t % g->kernel_w * g->dilation_w;
    if (!inside(in_y, g->in_h) || !inside(in_x, g->in_w)) continue;
    add_tap(j, t, ((b * g->in_h + in_y) * g->in_w + in_x) * g->in_c, j->q->zero[vector], c, n, sum);
  }
  int64_t at = ((b * g->out_h + y) * g->out_w + x) * g->out_c + c;
  for (int64_t i = 0; i < n; i++) put_direct(j, sum[i], c + i, row, at + i);
}

static void direct_line(void *context, size_t line) {
  const job *j = context;
  const ufi_conv_geometry *g = j->g;
  for (int64_t x = 0; x < g->out_w; x++) {
    for (int64_t c = 0; c < g->out_c; c += PIECE) {
      direct_pixel(j, (int64_t)line / g->out_h, (int64_t)line % g->out_h, x, c,
                   UFI_MIN((int64_t)PIECE, g->out_c - c));
    }
  }
}

/* ---- PRODUCT and eval ------------------------------------------------------------------- */

static void run_product(ufi_pool *pool, const ufi_conv_geometry *g, ufi_gemm_q *q) {
  q->batch = g->batch;
  q->in_h = g->in_h;
  q->in_w = g->in_w;
  q->in_pixel = q->channels = 1;
  q->out_h = g->out_h;
  q->out_w = g->out_w;
  q->kernel_h = g->kernel_h;
  q->kernel_w = g->kernel_w;
  q->stride_h = g->stride_h;
  q->stride_w = g->stride_w;
  q->dilation_h = g->dilation_h;
  q->dilation_w = g->dilation_w;
  q->pad_top = g->pad_top;
  q->pad_left = g->pad_left;
  q->out_pixel = g->out_c;
  q->out_line = g->out_w * g->out_c;
  q->out_image = g->out_h * q->out_line;
  ufi_gemm_q_run(pool, q);
}

uf_status ufi_depthwise_quant_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  ufi_q_spec spec = {0};
  ufi_gemm_q q = {0};
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  UFI_TRY(depthwise_spec(ctx, &g, &spec));
  if (g.output->count == 0) return UF_OK;
  UFI_TRY(ufi_q_begin(ctx, &spec, &q));
  job j = {.g = &g, .spec = &spec, .q = &q, .k = &ufi_kernels_get()->qgemm, .pairs = pairs_of(&spec),
           .done = ctx->done};
  switch (way_of(&g)) {
    case BLOCKS: run_blocks(ctx->pool, &j); break;
    case PRODUCT: run_product(ctx->pool, &g, &q); break;
    default: ufi_parallel(ctx->pool, direct_line, &j, (size_t)(g.batch * g.out_h)); break;
  }
  return UF_OK;
}
