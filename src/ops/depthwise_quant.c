/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_quant.c: DEPTHWISE_CONV_2D of quantized tensors, and of float32
 * images with integer weights (hybrid: each image is quantized asymmetrically).
 *
 * Three ways, chosen by shape and dtype alone:
 *
 *   BLOCKS   8-bit images: the kernels of qdepthwise.h. They take bytes as they
 *            are: outside the image there are zero points, and zero point x sum of
 *            the weights comes off the bias. With a multiplier above 1 the image's
 *            channels are first repeated.
 *   PRODUCT  one input channel: an ordinary convolution.
 *   DIRECT   the rest (16-bit images, huge windows): plain loops.
 */
#include "ops/gemm_quant.h"
#include "ops/strips.h"

enum {
  MAX_LINES = 64,  /* of a window */
  CHUNK = 96,      /* channels, when they are cut: whole blocks */
  PIECE = 256,     /* channels whose sums DIRECT keeps at a time */
};

typedef enum way { BLOCKS, PRODUCT, DIRECT } way;

static way way_of(const ufi_conv_geometry *g) {
  if (g->input->dtype == UF_INT16) return DIRECT;
  if (g->in_c == 1) return PRODUCT;
  return g->kernel_h <= MAX_LINES ? BLOCKS : DIRECT;
}

/* ---- packing --------------------------------------------------------------------- */

static int32_t weight_at(const ufi_q_spec *spec, const void *weights, int64_t i) {
  int32_t w = spec->filter->dtype == UF_UINT8 ? ((const uint8_t *)weights)[i]
                                              : ((const int8_t *)weights)[i];
  return w - spec->filter_zero;
}

/* How BLOCKS cuts a convolution; sizes of the packed weights and of a worker's buffer (0: nothing is zipped to memory). */
typedef struct cut {
  const ufk_qdepthwise_table *k;
  bool narrow, in_registers;
  int64_t block, blocks;    /* channels in a block; blocks of all channels */
  int64_t taps, groups;     /* as in qdepthwise.h */
  int64_t lines;            /* of output, served by one zipping */
  int64_t columns;          /* zipped pixels of a line */
  size_t entry;             /* bytes of an entry of all channels of a block */
  size_t weights;           /* of one block and one of the lines */
  size_t sums;              /* where the sums of each channel's weights are, behind the weights */
  size_t all_weights, buffer;
} cut;

static bool size_of_cut(const ufi_conv_geometry *g, cut *c) {
  int64_t all;
  size_t blocks, columns, per_line = (size_t)(g->kernel_w * c->groups);
  if (__builtin_mul_overflow(g->out_w - 1, g->stride_w, &all) ||
      __builtin_add_overflow(all, (g->kernel_w - 1) * g->dilation_w + 1, &c->columns)) {
    return false;
  }
  c->columns = UFI_MAX(c->columns, 0);
  if (!ufi_mul_size(per_line, c->entry, &c->weights) ||
      !ufi_mul_size(c->weights, (size_t)(c->lines * c->blocks), &blocks) || blocks > SIZE_MAX / 4) {
    return false;
  }
  c->sums = (blocks + 63) / 64 * 64;
  if (!ufi_mul_size((size_t)c->columns, (size_t)c->groups * c->entry, &columns) || columns > SIZE_MAX / 4) return false;
  c->buffer = c->in_registers ? 0 : (columns + 63) / 64 * 64;
  return ufi_add_size(c->sums, (size_t)ufi_q_padded(g->out_c) * sizeof(int32_t), &c->all_weights);
}

static bool cut_of(const ufi_conv_geometry *g, cut *out) {
  const ufk_qdepthwise_table *k = &ufi_kernels_get()->qdepthwise;
  cut c = {.k = k, .narrow = g->input->dtype != UF_UINT8, .block = (int64_t)k->q_block};
  c.blocks = (g->out_c + c.block - 1) / c.block;
  c.taps = c.narrow ? (int64_t)k->narrow_taps : 2;
  c.groups = (g->kernel_h + c.taps - 1) / c.taps;
  c.lines = g->dilation_h > 1 ? 1 : (c.groups * c.taps - g->kernel_h) / g->stride_h + 1;
  c.entry = (size_t)c.block * 4;
  c.in_registers = c.narrow && k->window3_s8 && g->kernel_h == 3 && g->kernel_w == 3 && g->dilation_w == 1 &&
                   g->stride_w >= 1 && g->stride_w <= 2 && g->pad_left >= 0;
  *out = c;
  return size_of_cut(g, out);
}

/* Adds n weights of the type, less zero, to the sums of their channels. */
static void add_weights(const ufi_q_spec *spec, const void *weights, int64_t from, int64_t n, int32_t *sums) {
  if (spec->filter->dtype != UF_UINT8 && spec->filter_zero == 0) {
    const int8_t *w = (const int8_t *)weights + from;
    for (int64_t k = 0; k < n; k++) sums[k] += w[k];
    return;
  }
  for (int64_t k = 0; k < n; k++) sums[k] += weight_at(spec, weights, from + k);
}

/* Four taps of n channels, each a run of bytes or, where there is none, `none`. */
static void zip_bytes(const int8_t *const rows[4], int64_t n, uint32_t *out) {
  const uint8_t *r0 = (const uint8_t *)rows[0], *r1 = (const uint8_t *)rows[1], *r2 = (const uint8_t *)rows[2];
  const uint8_t *r3 = (const uint8_t *)rows[3];
  for (int64_t k = 0; k < n; k++) out[k] = r0[k] | (uint32_t)r1[k] << 8 | (uint32_t)r2[k] << 16 | (uint32_t)r3[k] << 24;
}

/* Entries of bytes of one line and block. */
static void pack_bytes(const ufi_q_spec *spec, const cut *c, const int8_t *weights, int64_t line, int64_t block, uint32_t *out) {
  enum { MOST = 128 }; /* channels in a block: two vectors */
  static const int8_t none[MOST];
  const ufi_conv_geometry *g = spec->geometry;
  const int64_t first = block * c->block, n = UFI_MIN(c->block, spec->n - first);
  for (int64_t j = 0; j < g->kernel_w; j++) {
    for (int64_t group = 0; group < c->groups; group++, out += c->block) {
      const int8_t *rows[4];
      for (int64_t r = 0; r < 4; r++) {
        const int64_t i = group * 4 + r - line * g->stride_h;
        rows[r] = ufi_inside(i, g->kernel_h) ? weights + (i * g->kernel_w + j) * spec->n + first : none;
      }
      zip_bytes(rows, n, out);
    }
  }
}

/* Entries of int16 of one line and block. */
static void pack_words(const ufi_q_spec *spec, const cut *c, const void *weights, int64_t line, int64_t block, int16_t *out) {
  const ufi_conv_geometry *g = spec->geometry;
  const int64_t first = block * c->block, n = UFI_MIN(c->block, spec->n - first);
  for (int64_t t = 0; t < spec->depth; t++) {
    const int64_t row = t / g->kernel_w + line * g->stride_h, entry = t % g->kernel_w * c->groups + row / c->taps;
    int16_t *to = out + entry * c->block * c->taps + row % c->taps;
    for (int64_t k = 0; k < n; k++) to[k * c->taps] = (int16_t)weight_at(spec, weights, t * spec->n + first + k);
  }
}

/* Weights are (line, block, kernel_w, groups, q_block, taps). */
static void pack_blocks(const ufi_q_spec *spec, const void *weights, void *out) {
  cut c = {0};
  (void)!cut_of(spec->geometry, &c);
  for (int64_t t = 0; t < spec->depth; t++) add_weights(spec, weights, t * spec->n, spec->n, (int32_t *)(void *)((uint8_t *)out + c.sums));
  for (int64_t at = 0; at < c.lines * c.blocks; at++) {
    void *to = (uint8_t *)out + (size_t)at * c.weights;
    if (c.taps == 4) pack_bytes(spec, &c, weights, at / c.blocks, at % c.blocks, to);
    else pack_words(spec, &c, weights, at / c.blocks, at % c.blocks, to);
  }
}

static void pack_product(const ufi_q_spec *spec, const void *weights, void *out) {
  const uf_dtype dtype = ufi_q_weights_dtype(spec);
  ufi_gemm_q_pack(spec->pool, spec->kind, spec->depth, spec->n, 0, spec->depth, weights, dtype, spec->n, 1,
                  spec->filter_zero, out);
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
  if (!ufi_mul_size((size_t)g->input->count, (size_t)g->multiplier, bytes_out) || *bytes_out > SIZE_MAX / 4) return false;
  *bytes_out = (*bytes_out + 63) / 64 * 64;
  return true;
}

/* Scratch of BLOCKS: rows of zero points and corrected bias for each vector, the image with its
 * channels repeated, a buffer for each worker. */
static bool sizes_of_blocks(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_q_spec *spec) {
  const size_t workers = ctx->pool ? (size_t)ufi_pool_threads(ctx->pool) : 1;
  size_t pad_row = 0, bias = 0, repeated = 0, buffers = 0;
  cut c = {0};
  if (!cut_of(g, &c)) return false;
  spec->weights = c.all_weights;
  return ufi_mul_size((size_t)spec->vectors, (size_t)(g->out_c + 63) / 64 * 64, &pad_row) &&
         ufi_mul_size((size_t)spec->vectors, (size_t)ufi_q_padded(g->out_c) * 4, &bias) &&
         ufi_add_size(pad_row, bias, &spec->extra) && repeated_size(g, &repeated) &&
         ufi_add_size(spec->extra, repeated, &spec->extra) && ufi_mul_size(c.buffer, workers, &buffers) &&
         ufi_add_size(spec->extra, buffers, &spec->extra);
}

static bool sizes(ufi_ctx *ctx, const ufi_conv_geometry *g, way how, ufi_q_spec *spec) {
  if (how == BLOCKS) return sizes_of_blocks(ctx, g, spec);
  return how == PRODUCT || ufi_mul_size((size_t)g->filter->count, 2, &spec->weights);
}

static uf_status depthwise_spec(ufi_ctx *ctx, const ufi_conv_geometry *g, ufi_q_spec *spec_out) {
  const way how = way_of(g);
  ufi_q_spec spec = {.input = g->input, .filter = g->filter, .bias = g->bias, .output = g->output,
                     .act = g->act, .groups = 1, .n = g->out_c,
                     .depth = g->kernel_h * g->kernel_w, .vectors = 1, .geometry = g};
  spec.form = how == BLOCKS ? g->stride_h << 8 | how : how; /* lines are packed moved on by strides */
  spec.pack = how == BLOCKS ? pack_blocks : how == PRODUCT ? pack_product : pack_direct;
  if (g->input->dtype == UF_FLOAT32) {
    spec.vectors = g->batch;
    spec.length = g->in_h * g->in_w * g->in_c;
    spec.share = g->out_h * g->out_w;
    spec.asymmetric = true;
  }
  if (!sizes(ctx, g, how, &spec) || spec.weights > SIZE_MAX / 4 || spec.extra > SIZE_MAX / 4) {
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
  cut c;                     /* BLOCKS, as the rest below */
  int64_t workers;
  int64_t parts, runs;       /* of an image, of a part: lines that share their zipping */
  int64_t chunk;             /* channels of an item */
  const uint8_t *in;         /* (batch, in_h, in_w, out_c) */
  const uint8_t *pad_rows;   /* zero points, pad_step bytes for each vector */
  int64_t pad_step;
  const int32_t *bias;       /* less the zero point's part, padded, for each vector */
  const ufi_done *done;      /* BLOCKS: told of lines */
  uint8_t *buffers;
  ufi_shares *shares;        /* of items */
} job;

/* Vector of image b: its own when hybrid, else the only one. */
static int64_t vector_of(const job *j, int64_t b) { return j->spec->vectors > 1 ? b : 0; }

/* ---- BLOCKS ----------------------------------------------------------------------------- */

/* Lines [y, y + lines) of output of image b, all channels from `from` to `to`. */
typedef struct item {
  int64_t b, y, lines, from, to;
} item;

/* The lines of the image under those of the item, from channel c on. */
static void lines_of(const job *j, const item *i, int64_t c, const uint8_t *pad, ufk_q_line lines[MAX_LINES + 4]) {
  const ufi_conv_geometry *g = j->g;
  const int64_t used = g->kernel_h + (j->c.lines - 1) * g->stride_h, pixel = g->out_c;
  for (int64_t t = 0; t < j->c.groups * j->c.taps; t++) {
    const int64_t y = i->y * g->stride_h - g->pad_top + t * g->dilation_h;
    if (t < used && ufi_inside(y, g->in_h)) {
      lines[t] = (ufk_q_line){j->in + (i->b * g->in_h + y) * g->in_w * pixel + c, (size_t)pixel};
    } else {
      lines[t] = (ufk_q_line){pad, 0};
    }
  }
}

/* Zips n channels from c on, with zero points to the left and to the right of the image. */
static void zip_lines(const job *j, const item *i, int64_t c, size_t n, uint8_t *to) {
  const ufi_conv_geometry *g = j->g;
  const ufk_q_zip_fn zip = j->c.narrow ? j->c.k->zip_narrow : j->c.k->zip_wide;
  const uint8_t *pad = j->pad_rows + vector_of(j, i->b) * j->pad_step;
  const int64_t left = UFI_MIN(g->pad_left, j->c.columns), all = left + UFI_MIN(g->in_w, j->c.columns - left);
  const size_t groups = (size_t)j->c.groups, column = groups * j->c.entry;
  ufk_q_line lines[MAX_LINES + 4], outside[MAX_LINES + 4];
  lines_of(j, i, c, pad, lines);
  for (size_t t = 0; t < groups * (size_t)j->c.taps; t++) outside[t] = (ufk_q_line){pad, 0};
  zip(outside, groups, (size_t)left, n, to);
  zip(lines, groups, (size_t)(all - left), n, to + (size_t)left * column);
  zip(outside, groups, (size_t)(j->c.columns - all), n, to + (size_t)all * column);
}

static void blocks_line(const job *j, const item *i, int64_t line, int64_t c, size_t n, const uint8_t *zipped) {
  const ufi_conv_geometry *g = j->g;
  const ufi_gemm_q *q = j->q;
  const int64_t vector = vector_of(j, i->b), block = line * j->c.blocks + c / j->c.block;
  const int64_t at = ((i->b * g->out_h + i->y + line) * g->out_w) * g->out_c + c;
  const ufk_q_depthwise d = {.width = (size_t)g->out_w, .stride = (size_t)g->stride_w, .dilation = (size_t)g->dilation_w,
                             .kernel_w = (size_t)g->kernel_w, .groups = (size_t)j->c.groups, .n = n, .in = zipped,
                             .w = (const uint8_t *)q->b + (size_t)block * j->c.weights,
                             .bias = j->bias + vector * ufi_q_padded(g->out_c) + c};
  if (j->spec->end == UFI_Q_FLOAT) {
    ufk_q_float s = {q->column + c, q->bias_float ? q->bias_float + c : NULL, q->row_scale + vector, false, q->min,
                     q->max};
    j->c.k->narrow_float(&d, &s, (float *)q->out + at, (size_t)g->out_c);
    return;
  }
  ufk_q_scale s = {.multiplier = q->multiplier + c, .shift = q->shift + c, .zero = q->out_zero,
                   .min = q->out_min, .max = q->out_max};
  if (q->factor) s.factor = q->factor + c, s.nudge = q->nudge + c;
  (j->c.narrow ? j->c.k->narrow_s8 : j->c.k->wide_u8)(&d, &s, (uint8_t *)q->out + at, (size_t)g->out_c);
}

/* All of an item at once (ufk_q_window3). */
static void run_window3(const job *j, const item *i) {
  const ufi_conv_geometry *g = j->g;
  const ufi_gemm_q *q = j->q;
  const int64_t vector = vector_of(j, i->b), at = (i->b * g->out_h + i->y) * g->out_w * g->out_c;
  ufk_q_window3 d = {.in_w = (size_t)g->in_w, .before = (size_t)g->pad_left, .channels = (size_t)g->out_c, .first = (size_t)i->from,
                     .end = (size_t)i->to, .stride = (size_t)g->stride_w, .out_lines = (size_t)i->lines, .out_w = (size_t)g->out_w,
                     .zero = (int8_t)q->zero[vector], .w = q->b, .bias = j->bias + vector * ufi_q_padded(g->out_c)};
  const int64_t used = g->kernel_h + (i->lines - 1) * g->stride_h;
  for (int64_t t = 0; t < j->c.taps; t++) { /* those that have no weights are any: with all four there is nothing to mask */
    const int64_t y = i->y * g->stride_h - g->pad_top + UFI_MIN(t, used - 1) * g->dilation_h;
    if (ufi_inside(y, g->in_h)) d.lines[t] = j->in + (i->b * g->in_h + y) * g->in_w * g->out_c;
  }
  if (j->spec->end == UFI_Q_FLOAT) {
    const ufk_q_float s = {q->column, q->bias_float, q->row_scale + vector, false, q->min, q->max};
    j->c.k->window3_float(&d, &s, (float *)q->out + at);
    return;
  }
  const ufk_q_scale s = {.multiplier = q->multiplier, .shift = q->shift, .zero = q->out_zero, .min = q->out_min,
                         .max = q->out_max, .factor = q->factor, .nudge = q->nudge};
  j->c.k->window3_s8(&d, &s, (int8_t *)q->out + at);
}

static void run_item(const job *j, const item *i, uint8_t *buffer) {
  if (j->c.in_registers) {
    run_window3(j, i);
    return;
  }
  for (int64_t c = i->from; c < i->to; c += j->c.block) {
    const size_t n = (size_t)UFI_MIN(j->c.block, i->to - c);
    zip_lines(j, i, c, n, buffer);
    for (int64_t line = 0; line < i->lines; line++) blocks_line(j, i, line, c, n, buffer);
  }
}

static int64_t chunks_of(const job *j) { return ufi_ceil_div(j->g->out_c, j->chunk); }

/* Lines of item `at`; none: the part is shorter than others. */
static item item_at(const job *j, int64_t at, int64_t chunks) {
  const int64_t run = at / chunks, part = run / j->runs % j->parts, lines = j->g->out_h;
  item i = {.b = run / (j->runs * j->parts), .from = at % chunks * j->chunk};
  i.y = ufi_part_first(lines, j->parts, part) + run % j->runs * j->c.lines;
  i.lines = UFI_MIN(j->c.lines, ufi_part_first(lines, j->parts, part + 1) - i.y);
  i.to = UFI_MIN(i.from + j->chunk, j->g->out_c);
  return i;
}

/* Items are runs of lines that share their zipping, times chunks of channels; whole lines where somebody waits for
 * them and there are enough. */
static void blocks_worker(void *context, size_t worker) {
  job *j = context;
  const ufi_conv_geometry *g = j->g;
  const bool tells = j->done && j->chunk >= g->out_c;
  const int64_t chunks = chunks_of(j);
  for (int64_t at; (at = ufi_shares_take(j->shares, worker)) >= 0;) {
    const item i = item_at(j, at, chunks);
    if (i.lines <= 0) continue;
    run_item(j, &i, j->buffers + worker * j->c.buffer);
    if (tells) j->done->fn(j->done->context, (i.b * g->out_h + i.y) * g->out_w, i.lines * g->out_w);
  }
}

/* Rows of zero points and corrected bias of all vectors. */
static void place_zero_points(job *j) {
  const ufi_conv_geometry *g = j->g;
  const int32_t *sums = (const int32_t *)(const void *)((const uint8_t *)j->q->b + j->c.sums);
  const int32_t offset = j->c.narrow ? j->c.k->narrow_offset : 0;
  const int64_t padded = ufi_q_padded(g->out_c);
  uint8_t *pad = j->q->extra;
  int32_t *bias = (int32_t *)(void *)(pad + j->spec->vectors * j->pad_step);
  for (int64_t v = 0; v < j->spec->vectors; v++, pad += j->pad_step, bias += padded) {
    const uint32_t zero = (uint32_t)(j->q->zero[v] + offset);
    if (!j->c.in_registers) memset(pad, (uint8_t)j->q->zero[v], (size_t)j->pad_step);
    for (int64_t c = 0; c < padded; c++) {
      uint32_t start = j->q->bias ? (uint32_t)j->q->bias[c] : 0;
      bias[c] = (int32_t)(start - zero * (uint32_t)sums[c]);
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

/* Where everything is in the scratch, in the order of sizes_of_blocks. */
static void place(job *j) {
  const ufi_conv_geometry *g = j->g;
  size_t repeated = 0;
  (void)!repeated_size(g, &repeated);
  j->pad_step = (g->out_c + 63) / 64 * 64;
  j->pad_rows = j->q->extra;
  uint8_t *at = (uint8_t *)j->q->extra + j->spec->vectors * j->pad_step;
  j->bias = (const int32_t *)(void *)at;
  at += j->spec->vectors * ufi_q_padded(g->out_c) * 4;
  j->in = g->multiplier == 1 ? j->q->in : at;
  j->buffers = at + repeated;
}

static bool begin_blocks(job *j) {
  if (!cut_of(j->g, &j->c)) return false; /* it was in prepare */
  place(j);
  place_zero_points(j);
  return true;
}

static void run_blocks(ufi_pool *pool, job *j) {
  const ufi_conv_geometry *g = j->g;
  if (!begin_blocks(j)) return;
  if (g->output->count * j->spec->depth < 1 << 16) pool = NULL;
  if (g->multiplier != 1) ufi_parallel(pool, repeat_line, j, (size_t)(g->batch * g->in_h));
  j->workers = pool ? UFI_MIN(ufi_pool_threads(pool), j->q->workers) : 1;
  /* The lines of one image are cut evenly, as rows of products are: a worker finds in its cache what it made. */
  j->parts = g->batch == 1 ? j->workers : 1;
  j->runs = ufi_ceil_div(ufi_ceil_div(g->out_h, j->parts), j->c.lines);
  /* Channels are cut only when lines alone keep too few workers busy. */
  const int64_t runs = g->batch * j->parts * j->runs;
  j->chunk = j->workers > 1 && runs < 4 * j->workers ? CHUNK : g->out_c;
  ufi_shares shares;
  ufi_shares_begin(j->shares = &shares, runs * chunks_of(j), j->workers);
  ufi_parallel(pool, blocks_worker, j, (size_t)j->workers);
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
    if (!ufi_inside(in_y, g->in_h) || !ufi_inside(in_x, g->in_w)) continue;
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

uf_status ufi_depthwise_quant_eval(ufi_ctx *ctx) {
  ufi_conv_geometry g = {0};
  ufi_q_spec spec = {0};
  ufi_gemm_q q = {0};
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &g));
  ufi_conv_see(&g);
  UFI_TRY(depthwise_spec(ctx, &g, &spec));
  if (g.output->count == 0) return UF_OK;
  ufi_q_begin(ctx, &spec, &q);
  UFI_TRY(ufi_q_weights(ctx, &spec, &q));
  job j = {.g = &g, .spec = &spec, .q = &q, .done = ctx->done};
  switch (way_of(&g)) {
    case BLOCKS: run_blocks(ctx->pool, &j); break;
    case PRODUCT: /* one channel: a convolution with n filters */
      ufi_q_window(&g, &q);
      ufi_gemm_q_run(ctx->pool, &q);
      break;
    default: ufi_parallel(ctx->pool, direct_line, &j, (size_t)(g.batch * g.out_h)); break;
  }
  return UF_OK;
}

/* ---- in strips ------------------------------------------------------------------------------ */

typedef struct strips_state {
  ufi_conv_geometry g;
  ufi_q_spec spec;
  ufi_gemm_q q;
  job j;
} strips_state;

static uf_status strips_begin(ufi_ctx *ctx, ufi_strips *s) {
  strips_state *k = s->own;
  UFI_TRY(ufi_depthwise_geometry_of(ctx, &k->g));
  UFI_TRY(depthwise_spec(ctx, &k->g, &k->spec));
  ufi_q_begin(ctx, &k->spec, &k->q);
  UFI_TRY(ufi_q_keep(ctx, &k->spec, &k->q));
  k->j = (job){.g = &k->g, .spec = &k->spec, .q = &k->q};
  return begin_blocks(&k->j) ? UF_OK : UF_INTERNAL;
}

/* The lines are an image of their own. */
static void strip_run(const ufi_strips *s, const ufi_strip *strip) {
  const strips_state *k = s->own;
  ufi_conv_geometry g = k->g;
  ufi_gemm_q q = k->q;
  job j = k->j;
  g.out_h = strip->lines;
  q.out = strip->out;
  j.g = &g;
  j.q = &q;
  j.in = ufi_strip_image(s, strip, &g.in_h, &g.pad_top);
  item i = {.to = g.out_c};
  for (; i.y < g.out_h; i.y += i.lines) {
    i.lines = UFI_MIN(j.c.lines, g.out_h - i.y);
    run_item(&j, &i, j.buffers + strip->worker * j.c.buffer);
  }
}

bool ufi_depthwise_quant_strips(const ufi_conv_geometry *g, ufi_strips *s) {
  if (g->input->dtype == UF_FLOAT32 || g->multiplier != 1 || way_of(g) != BLOCKS || !g->filter->is_lasting) return false;
  ufi_strips_set(g, 1, s);
  s->own_bytes = sizeof(strips_state);
  s->begin = strips_begin;
  s->run = strip_run;
  return true;
}
