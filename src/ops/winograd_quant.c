/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_quant.c: Winograd's method for bytes: F(4x4, 3x3) and F(2x2, 3x3).
 *
 * Inputs are evaluated as they are, zero points and all; these leave through the sums of the columns of weights, as in
 * kernels/qgemm.h:  sum of (a - zero) * b = sum of a * b - zero * sum of b.
 *
 * A tile's evaluated inputs are (points, channels) of int16, its sums (points, columns of a block) of int32. What is left
 * between tiles keeps equal points of tiles that follow each other out of the same sets of the cache.
 *
 * Packed weights: the sums of columns (int32, padded), then per block of columns, per point, panels of pairs.
 *
 * Scratch: zero points of each image, for pixels outside it; then what winograd_tiles.h asks for.
 */
#include "ops/winograd_quant.h"

#include "ops/winograd_tiles.h"

enum {
  COLUMNS = 64,          /* of a block: at least a panel of any instruction set, and a multiple */
  GAP = 32,              /* bytes between tiles */
  OUTS = UFK_QWINOGRAD_SIDE * UFK_QWINOGRAD_SIDE,
};

typedef struct plan {
  ufi_winograd cut;
  const ufi_gemm_q *g;
  const ufi_kernels *k;
  int64_t points;                  /* of a tile */
  int64_t channels, pairs;         /* channels: padded */
  int64_t in_step, out_step;       /* int16 from tile to tile of inputs, int32 of sums */
  const int8_t *zeros;             /* of each image, channels */
} plan;

/* What a thread keeps besides sums. */
typedef struct bin {
  int32_t start[COLUMNS];
  int32_t out[OUTS * COLUMNS];
} bin;

static void evaluate(const ufi_winograd *w, int64_t index, void *out);
static void multiply(const ufi_winograd *w, int64_t first, int64_t tiles, int64_t column, const void *in, void *sums);

static int64_t padded_channels(int64_t channels) { return ufi_ceil_div(channels, UFK_QWINOGRAD_PAD) * UFK_QWINOGRAD_PAD; }

static void make_plan(plan *p, const ufi_gemm_q *g, int64_t side, int64_t threads) {
  *p = (plan){.g = g, .k = ufi_kernels_get(), .points = (side + 2) * (side + 2), .channels = padded_channels(g->channels),
              .pairs = ufi_ceil_div(g->channels, 2)};
  const int64_t columns = UFI_MIN((int64_t)COLUMNS, ufi_q_padded(g->n));
  p->in_step = p->points * p->channels + GAP / (int64_t)sizeof(int16_t);
  p->out_step = p->points * columns + GAP / (int64_t)sizeof(int32_t);
  p->cut = (ufi_winograd){
      .batch = g->batch, .out_h = g->out_h, .out_w = g->out_w, .n = g->n, .side = side, .columns = columns,
      .in_bytes = (size_t)p->in_step * sizeof(int16_t), .out_bytes = (size_t)p->out_step * sizeof(int32_t),
      .bin_bytes = sizeof(bin), .threads = threads, .done = g->done,
      .evaluate = evaluate, .multiply = multiply};
  ufi_winograd_cut(&p->cut);
}

/* Of the zero points and scales of rows, those of an image. */
static int64_t vector_of(const ufi_gemm_q *g, int64_t image) { return image * g->out_h * g->out_w / g->share; }

/* ---- tiles ----------------------------------------------------------------------- */

static void evaluate(const ufi_winograd *w, int64_t index, void *out) {
  const plan *p = (const plan *)w;
  const ufi_gemm_q *g = p->g;
  const ufi_winograd_tile t = ufi_winograd_tile_at(w, index);
  const int64_t side = w->side + 2;
  const int8_t *in[UFK_QWINOGRAD_POINTS], *image = (const int8_t *)g->in + t.image * g->in_h * g->in_w * g->in_pixel;
  for (int64_t i = 0; i < side; i++) {
    const int64_t y = t.y - g->pad_top + i;
    for (int64_t j = 0; j < side; j++) {
      const int64_t x = t.x - g->pad_left + j;
      const bool inside = ufi_inside(y, g->in_h) && ufi_inside(x, g->in_w);
      in[i * side + j] = inside ? image + (y * g->in_w + x) * g->in_pixel : p->zeros + t.image * p->channels;
    }
  }
  p->k->qwinograd.s8_in((size_t)w->side, (size_t)g->channels, in, out, (size_t)p->channels);
}

/* Where sums of columns of an image begin. */
static void set_start(const plan *p, int64_t image, int64_t column, int64_t n, int32_t *start) {
  const ufi_gemm_q *g = p->g;
  const int32_t *sums = (const int32_t *)g->b + column, *bias = g->bias ? g->bias + column : NULL;
  const uint32_t zero = (uint32_t)g->zero[vector_of(g, image)];
  for (int64_t j = 0; j < n; j++) start[j] = (int32_t)((bias ? (uint32_t)bias[j] : 0) - zero * (uint32_t)sums[j]);
}

/* Columns [column, column + n) of one tile, line by line. */
static void interpolate(const plan *p, const ufi_winograd_tile t, int64_t column, int64_t n, const int32_t *sums, bin *b) {
  const ufi_gemm_q *g = p->g;
  const ufk_qgemm_table *k = &p->k->qgemm;
  const int64_t side = p->cut.side, columns = p->cut.columns;
  const int64_t lines = UFI_MIN(side, g->out_h - t.y), pixels = UFI_MIN(side, g->out_w - t.x);
  const bool is_float = g->end == UFI_Q_FLOAT;
  const float row = is_float ? g->row_scale[vector_of(g, t.image)] : 0.0f, rows[UFK_QWINOGRAD_SIDE] = {row, row, row, row};
  const ufk_q_scale scale = is_float ? (ufk_q_scale){0} : ufi_gemm_q_scale(g, column);
  const ufk_q_float to_float = is_float ? ufi_gemm_q_float(g, column, rows) : (ufk_q_float){0};
  p->k->qwinograd.s32_out((size_t)side, (size_t)n, sums, (size_t)columns, b->start, b->out, (size_t)columns);
  int64_t at = t.image * g->out_image + t.y * g->out_line + t.x * g->out_pixel + column;
  for (int64_t i = 0; i < lines; i++, at += g->out_line) {
    const int32_t *line = b->out + i * side * columns;
    if (is_float) k->to_float((size_t)pixels, (size_t)n, line, (size_t)columns, &to_float, (float *)g->out + at, (size_t)g->out_pixel);
    else k->fixed_s8((size_t)pixels, (size_t)n, line, (size_t)columns, &scale, (int8_t *)g->out + at, (size_t)g->out_pixel);
  }
}

/* The sums of one point and one panel. */
static void multiply_panel(const plan *p, int64_t tiles, const int16_t *a, const int16_t *b, int64_t columns, int32_t *c) {
  enum { TILES = 5 * UFK_Q_MAX_MR }; /* in one call */
  static const int32_t none[UFK_Q_MAX_NR] = {0};
  const void *at[TILES];
  for (int64_t first = 0, rows; first < tiles; first += rows) {
    rows = UFI_MIN(tiles - first, (int64_t)TILES);
    for (int64_t i = 0; i < rows; i++) at[i] = a + (first + i) * p->in_step;
    const ufk_q_pairs pairs = {.rows = (size_t)rows, .n = (size_t)columns, .runs = 1, .pairs = (size_t)p->pairs, .a = at, .b = b,
                               .wide = true, .start = none, .c = c + first * p->out_step, .ldc = (size_t)p->out_step};
    (void)p->k->qgemm.gemm_pairs(&pairs, &(ufk_q_end){0});
  }
}

/* Where the panels of a block of columns begin. */
static size_t block_at(int64_t n, int64_t points, int64_t pairs, int64_t column) {
  return (size_t)ufi_q_padded(n) * sizeof(int32_t) + (size_t)(column * points * pairs) * 2 * sizeof(int16_t);
}

static void multiply(const ufi_winograd *w, int64_t first, int64_t tiles, int64_t column, const void *in, void *sums) {
  const plan *p = (const plan *)w;
  const int64_t n = UFI_MIN(w->columns, w->n - column), nr = (int64_t)p->k->qgemm.q_nr;
  const int16_t *b = (const int16_t *)(const void *)((const uint8_t *)p->g->b + block_at(w->n, p->points, p->pairs, column));
  const int16_t *a = in;
  int32_t *c = sums;
  for (int64_t point = 0; point < p->points; point++, a += p->channels) {
    for (int64_t j = 0; j < n; j += nr, b += p->pairs * nr * 2) {
      multiply_panel(p, tiles, a, b, UFI_MIN(nr, n - j), c + point * w->columns + j);
    }
  }
  bin *own = ufi_winograd_bin(w, sums);
  for (int64_t t = 0, image = -1; t < tiles; t++) {
    const ufi_winograd_tile at = ufi_winograd_tile_at(w, first + t);
    if (at.image != image) set_start(p, image = at.image, column, n, own->start);
    interpolate(p, at, column, n, c + t * p->out_step, own);
  }
}

void ufi_winograd_q_run(ufi_pool *pool, const ufi_gemm_q *g, int64_t side) {
  if (g->batch * g->out_h * g->out_w * g->n == 0) return;
  plan p;
  make_plan(&p, g, side, g->workers);
  int8_t *zeros = g->extra;
  for (int64_t i = 0; i < g->batch; i++) memset(zeros + i * p.channels, g->zero[vector_of(g, i)], (size_t)p.channels);
  p.zeros = zeros;
  ufi_winograd_run(pool, &p.cut, zeros + ufi_ceil_div(g->batch * p.channels, 64) * 64);
}

/* ---- prepare ---------------------------------------------------------------------- */

typedef struct packing {
  int64_t side, channels, n;
  const int8_t *from;
  uint8_t *to;
} packing;

static void pack_panel(void *context, size_t index) {
  const packing *p = context;
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, points = (p->side + 2) * (p->side + 2);
  const int64_t pairs = ufi_ceil_div(p->channels, 2), panel = pairs * nr * 2;
  const int64_t column = (int64_t)index * nr, block = column / COLUMNS * COLUMNS;
  const int64_t panels = ufi_ceil_div(UFI_MIN((int64_t)COLUMNS, p->n - block), nr), n = UFI_MIN(nr, p->n - column);
  const int8_t *from = p->from + column * 9 * p->channels;
  int16_t *to = (int16_t *)(void *)(p->to + block_at(p->n, points, pairs, block)) + (column - block) / nr * panel;
  ufi_kernels_get()->qwinograd.s8_filter((size_t)p->side, (size_t)n, (size_t)p->channels, from, to, (size_t)(panels * panel),
                                         (size_t)nr);
  int32_t *sums = (int32_t *)(void *)p->to + column;
  for (int64_t j = 0; j < n; j++) {
    const int64_t depth = 9 * p->channels;
    sums[j] = (int32_t)ufi_kernels_get()->elementwise.s8_sum(from + j * depth, (size_t)depth);
  }
}

static void pack(const ufi_q_spec *spec, const void *weights, void *out) {
  const ufi_conv_geometry *g = spec->geometry;
  packing p = {spec->side, g->in_c, spec->n, weights, out};
  ufi_parallel(spec->pool, pack_panel, &p, (size_t)ufi_ceil_div(p.n, (int64_t)ufi_kernels_get()->qgemm.q_nr));
}

uf_status ufi_winograd_q_set(ufi_ctx *ctx, const ufi_conv_geometry *g, int64_t side, ufi_q_spec *spec) {
  plan p;
  const ufi_gemm_q gemm = {.batch = g->batch, .out_h = g->out_h, .out_w = g->out_w, .channels = g->in_c, .n = g->out_c};
  make_plan(&p, &gemm, side, ufi_pool_threads(ctx->pool));
  const int64_t nr = (int64_t)p.k->qgemm.q_nr;
  size_t zeros, scratch;
  if (!ufi_mul_size((size_t)g->batch, (size_t)p.channels, &zeros) || zeros > SIZE_MAX / 4 ||
      !ufi_winograd_scratch(&p.cut, &scratch) || scratch > SIZE_MAX / 4) return ufi_too_large(ctx);
  spec->weights = block_at(g->out_c, p.points, p.pairs, ufi_ceil_div(g->out_c, nr) * nr);
  spec->extra = (zeros + 63) / 64 * 64 + scratch;
  spec->pack = pack;
  spec->side = side;
  spec->form = -side; /* others are numbers of groups */
  return UF_OK;
}

/* ---- when -------------------------------------------------------------------------- */

static double tiles_of(const ufi_conv_geometry *g, int64_t side) {
  return (double)g->batch * (double)ufi_ceil_div(g->out_h, side) * (double)ufi_ceil_div(g->out_w, side);
}

static bool has_channels(const ufi_conv_geometry *g, size_t fewest, int64_t most) {
  return fewest > 0 && UFI_MIN(g->in_c, g->out_c) >= (int64_t)fewest && g->in_c <= most;
}

/* From measurements (bench/qgemm.c): beside products of pairs 4x4 takes between a third of the time of direct sums and,
 * with 16 channels, half; 2x2 between a half and four fifths. Beside products of bytes, which are twice as fast, 4x4 takes
 * between six and nine tenths. Packed weights take 8 and 3.6 times the memory of the taps, which is worth it where they
 * are few or much is done with them. */
int64_t ufi_winograd_q_side(const ufi_conv_geometry *g) {
  enum { FEW_4 = 1 << 14, MOST_4 = 1 << 16, FEW_2 = 1 << 16, MOST_2 = 1 << 18, TILES = 49, WASTE = 2 };
  const uf_dtype in = g->input->dtype;
  const bool fits = g->kernel_h == 3 && g->kernel_w == 3 && g->stride_h == 1 && g->stride_w == 1 && g->dilation_h == 1 &&
                    g->dilation_w == 1 && g->groups == 1 && (in == UF_INT8 || in == UF_FLOAT32) && g->filter->is_lasting &&
                    (g->filter->dtype == UF_INT8 || g->filter->dtype == UF_INT4);
  if (!fits || g->in_c > INT32_MAX || g->out_c > INT32_MAX || g->output->count == 0) return 0;
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  const int64_t weights = g->in_c * g->out_c;
  const bool few_4 = weights <= FEW_4 || (weights <= MOST_4 && tiles_of(g, 4) >= TILES);
  const bool few_2 = weights <= FEW_2 || (weights <= MOST_2 && tiles_of(g, 2) >= TILES);
  int64_t side = 0;
  if (few_2 && has_channels(g, k->q_tiles_2, UFK_QWINOGRAD_CHANNELS_2)) side = 2;
  if (few_4 && has_channels(g, k->q_tiles_4, UFK_QWINOGRAD_CHANNELS_4)) side = 4;
  if (side == 0 || tiles_of(g, side) <= 1) return 0;
  const double outputs = (double)g->batch * (double)g->out_h * (double)g->out_w;
  return tiles_of(g, side) * (double)(side * side) <= outputs * WASTE ? side : 0;
}
