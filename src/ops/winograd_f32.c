/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_f32.c: cuts a 3x3 convolution into tiles of 4x4 outputs and does it by Winograd's method.
 *
 * Tiles, numbered through all images, are done in blocks whose evaluated inputs stay in L2. For every block:
 * inputs are evaluated; then, for every block of columns (filters), 36 products and the outputs. A thread does
 * a whole block where there are enough of them; else the threads share the block, first by tiles and then by
 * columns. Every sum is the same either way.
 *
 * A tile's evaluated inputs are (36, channels) floats, its sums (36, columns of a block). What is left between
 * tiles keeps equal points of tiles that follow each other out of the same sets of the cache.
 *
 * Sums over channels are done in parts that are added up: shorter sums have smaller errors, which pays back
 * most of what the method costs in accuracy.
 *
 * Packed weights: per block of columns, per point, panels as gemm_f32.c packs them.
 */
#include "ops/winograd_f32.h"

#include <math.h>
#include <stdatomic.h>

enum {
  OUT = UFK_WINOGRAD_OUT, IN = UFK_WINOGRAD_IN, POINTS = UFK_WINOGRAD_POINTS,
  COLUMNS = 64,          /* of a block: at least a panel of any instruction set */
  GAP = 16,              /* floats between tiles */
  SUM_PART = 64,         /* longest sum over channels in one go */
  BLOCK_FLOATS = 192 * 1024, /* inputs and sums of a block of tiles: most of a usual L2 */
  TILES_MIN = 16,        /* of a block: fewer would read the weights too often */
  TILES_MAX = 96,
};

static int64_t padded(int64_t channels) { return ufi_ceil_div(channels, UFK_WINOGRAD_PAD) * UFK_WINOGRAD_PAD; }

typedef struct plan {
  const ufi_gemm_f32 *g;
  const ufi_kernels *k;
  const float *weights;            /* not packed */
  int64_t lines, width, tiles;     /* of tiles: lines and width of an image, all in all */
  int64_t block, blocks;           /* tiles in a block, blocks */
  int64_t columns, column_blocks;
  int64_t in_step, out_step;       /* floats from tile to tile of inputs and of sums */
  int64_t threads;
  bool shared;                     /* threads share a block */
  float *in, *out;                 /* scratch: inputs of `threads` blocks, or of the shared one; sums and
                                      a bin for outputs outside the image of `threads` blocks */
  int64_t first;                   /* tile of the shared block */
  atomic_size_t next;              /* block to be done */
} plan;

static void make_plan(plan *p, const ufi_gemm_f32 *g, const float *weights, int64_t threads) {
  *p = (plan){.g = g, .k = ufi_kernels_get(), .weights = weights, .threads = threads};
  p->lines = ufi_ceil_div(g->out_h, OUT);
  p->width = ufi_ceil_div(g->out_w, OUT);
  p->tiles = g->batch * p->lines * p->width;
  p->columns = UFI_MIN((int64_t)COLUMNS, ufi_gemm_f32_columns(g->n));
  p->column_blocks = ufi_ceil_div(g->n, p->columns);
  p->in_step = POINTS * padded(g->channels) + GAP;
  p->out_step = POINTS * p->columns + GAP;
  const int64_t mr = (int64_t)p->k->gemm.f32_mr;
  const int64_t fit = UFI_MIN(UFI_MAX(BLOCK_FLOATS / (p->in_step + p->out_step), (int64_t)TILES_MIN), (int64_t)TILES_MAX);
  p->blocks = UFI_MAX(ufi_ceil_div(p->tiles, fit), UFI_MIN(threads, p->tiles / mr));
  p->block = ufi_ceil_div(p->tiles, p->blocks);
  if (p->blocks > 1) p->block = UFI_MIN(ufi_ceil_div(p->block, mr) * mr, UFI_MAX(fit, mr));
  p->blocks = ufi_ceil_div(p->tiles, p->block);
  p->shared = p->blocks < threads && !g->done;
}

/* ---- tiles ----------------------------------------------------------------------- */

typedef struct tile {
  int64_t image, y, x;             /* of its first output */
} tile;

static tile tile_at(const plan *p, int64_t index) {
  const int64_t line = index / p->width;
  return (tile){line / p->lines, line % p->lines * OUT, index % p->width * OUT};
}

/* The pixels that a tile sees. */
static void point_inputs(const ufi_gemm_f32 *g, const tile t, const float *in[POINTS]) {
  for (int64_t i = 0; i < IN; i++) {
    const int64_t y = t.y - g->pad_top + i, x0 = t.x - g->pad_left;
    const bool inside = ufi_inside(y, g->in_h);
    const float *line = g->in + (t.image * g->in_h + (inside ? y : 0)) * g->in_w * g->in_pixel;
    for (int64_t j = 0; j < IN; j++) {
      const int64_t x = x0 + j;
      in[i * IN + j] = inside && ufi_inside(x, g->in_w) ? line + x * g->in_pixel : g->zeros;
    }
  }
}

static void evaluate(const plan *p, int64_t index, float *out) {
  const float *in[POINTS];
  point_inputs(p->g, tile_at(p, index), in);
  p->k->winograd.f32_in((size_t)p->g->channels, in, out, (size_t)padded(p->g->channels));
}

static float dot(const float *a, const float *b, int64_t n) {
  enum { LANES = 16 };
  float sums[LANES] = {0}, sum = 0.0f;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int64_t j = 0; j < LANES; j++) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < n; i++) sums[0] += a[i] * b[i];
  for (int64_t j = 0; j < LANES; j++) sum += sums[j];
  return sum;
}

/* Direct sums: infinities and NaN go no further than the windows that see them. */
static void sum_directly(const plan *p, int64_t index, int64_t column, int64_t n, float *const *out) {
  const ufi_gemm_f32 *g = p->g;
  const float *in[POINTS];
  point_inputs(g, tile_at(p, index), in);
  for (int64_t i = 0; i < OUT * OUT; i++) {
    for (int64_t j = 0; j < n; j++) {
      float sum = g->bias[column + j];
      for (int64_t tap = 0; tap < 9; tap++) {
        sum += dot(in[(i / OUT + tap / 3) * IN + i % OUT + tap % 3],
                   p->weights + ((column + j) * 9 + tap) * g->channels, g->channels);
      }
      sum = sum < g->min ? g->min : sum;
      out[i][j] = sum > g->max ? g->max : sum;
    }
  }
}

/* Columns [column, column + n) of one tile. bin: where outputs outside the image go. */
static void interpolate(const plan *p, int64_t index, int64_t column, int64_t n, const float *sums, float *bin) {
  const ufi_gemm_f32 *g = p->g;
  const tile t = tile_at(p, index);
  float *image = g->out + t.image * g->out_image + column, *out[OUT * OUT];
  for (int64_t i = 0; i < OUT; i++) {
    for (int64_t j = 0; j < OUT; j++) {
      const int64_t y = t.y + i, x = t.x + j;
      out[i * OUT + j] = y < g->out_h && x < g->out_w ? image + y * g->out_line + x * g->out_pixel : bin;
    }
  }
  const bool finite = p->k->winograd.f32_out((size_t)n, sums, (size_t)p->columns, g->bias + column, out, g->min, g->max);
  if (!finite) sum_directly(p, index, column, n, out);
}

/* Channels [from, from + n) of the sums of one point and one panel. */
static void multiply_part(const plan *p, int64_t tiles, const float *in, const float *b, int64_t columns, int64_t from,
                          int64_t n, float *sums) {
  static const float zeros[UFK_F32_MAX_NR] = {0};
  const ufk_gemm_table *k = &p->k->gemm;
  const int64_t mr = (int64_t)k->f32_mr;
  for (int64_t first = 0, rows; first < tiles; first += rows) {
    const float *a[UFK_F32_MAX_MR];
    const int64_t left = tiles - first;
    rows = left <= mr ? left : left < 2 * mr ? (left + 1) / 2 : mr;
    for (int64_t i = 0; i < rows; i++) a[i] = in + (first + i) * p->in_step + from;
    k->f32_gemm((size_t)rows, (size_t)columns, 1, (size_t)n, a, b, 0, from == 0 ? zeros : NULL,
                sums + first * p->out_step, (size_t)p->out_step, -INFINITY, INFINITY);
  }
}

/* One block of columns of a block of tiles. */
static void multiply(const plan *p, int64_t first, int64_t tiles, int64_t column, const float *in, float *sums) {
  const int64_t channels = p->g->channels, n = UFI_MIN(p->columns, p->g->n - column);
  const int64_t nr = (int64_t)p->k->gemm.f32_nr;
  const int64_t parts = ufi_ceil_div(channels, SUM_PART), part = ufi_ceil_div(ufi_ceil_div(channels, parts), 8) * 8;
  const float *b = p->g->b + column * channels * POINTS; /* read in order */
  for (int64_t point = 0; point < POINTS; point++, in += padded(channels)) {
    for (int64_t j = 0; j < n; j += nr) {
      for (int64_t from = 0, floats; from < channels; from += floats, b += floats * nr) {
        floats = UFI_MIN(part, channels - from);
        multiply_part(p, tiles, in, b, UFI_MIN(nr, n - j), from, floats, sums + point * p->columns + j);
      }
    }
  }
  float *bin = sums + p->block * p->out_step;
  for (int64_t t = 0; t < tiles; t++) interpolate(p, first + t, column, n, sums + t * p->out_step, bin);
}

/* ---- blocks ------------------------------------------------------------------------ */

/* Tells the caller of tiles [first, first + tiles): of each line of tiles the output lines. */
static void tell(const plan *p, int64_t first, int64_t tiles) {
  const ufi_gemm_f32 *g = p->g;
  for (int64_t at = first, n; at < first + tiles; at += n) {
    const tile t = tile_at(p, at);
    n = UFI_MIN(first + tiles - at, p->width - at % p->width);
    const int64_t end = UFI_MIN(t.x + n * OUT, g->out_w);
    for (int64_t y = t.y; y < UFI_MIN(t.y + OUT, g->out_h); y++) {
      g->done->fn(g->done->context, (t.image * g->out_h + y) * g->out_w + t.x, end - t.x);
    }
  }
}

static int64_t in_floats(const plan *p) { return p->block * p->in_step; }
static int64_t out_floats(const plan *p) { return (p->block + 1) * p->out_step; }

static void do_block(const plan *p, int64_t first, float *in, float *sums) {
  const int64_t tiles = UFI_MIN(p->block, p->tiles - first);
  for (int64_t t = 0; t < tiles; t++) evaluate(p, first + t, in + t * p->in_step);
  for (int64_t j = 0; j < p->g->n; j += p->columns) multiply(p, first, tiles, j, in, sums);
  if (p->g->done) tell(p, first, tiles);
}

/* One of `threads` tasks, each of which has scratch of its own. */
static void do_blocks(void *context, size_t worker) {
  plan *p = context;
  float *in = p->in + (int64_t)worker * in_floats(p), *sums = p->out + (int64_t)worker * out_floats(p);
  for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < (size_t)p->blocks;) do_block(p, (int64_t)i * p->block, in, sums);
}

static void evaluate_shared(void *context, size_t t) {
  const plan *p = context;
  evaluate(p, p->first + (int64_t)t, p->in + (int64_t)t * p->in_step);
}

static void multiply_shared(void *context, size_t worker) {
  plan *p = context;
  const int64_t tiles = UFI_MIN(p->block, p->tiles - p->first);
  float *sums = p->out + (int64_t)worker * out_floats(p);
  for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < (size_t)p->column_blocks;) {
    multiply(p, p->first, tiles, (int64_t)i * p->columns, p->in, sums);
  }
}

void ufi_winograd_f32_run(ufi_pool *pool, const ufi_gemm_f32 *g, const float *weights, float *scratch) {
  plan p;
  make_plan(&p, g, weights, ufi_pool_threads(pool));
  p.in = scratch;
  p.out = scratch + (p.shared ? 1 : p.threads) * in_floats(&p);
  if (!p.shared) {
    ufi_parallel(pool, do_blocks, &p, (size_t)p.threads);
    return;
  }
  for (p.first = 0; p.first < p.tiles; p.first += p.block) {
    ufi_parallel(pool, evaluate_shared, &p, (size_t)UFI_MIN(p.block, p.tiles - p.first));
    atomic_store(&p.next, 0);
    ufi_parallel(pool, multiply_shared, &p, (size_t)p.threads);
  }
}

bool ufi_winograd_f32_scratch(const ufi_gemm_f32 *g, int64_t threads, size_t *floats_out) {
  size_t bytes;
  plan p;
  if (g->channels > INT32_MAX / POINTS || g->n > INT32_MAX) return false;
  make_plan(&p, g, NULL, threads);
  return ufi_mul_size((size_t)(in_floats(&p) + out_floats(&p)), (size_t)threads, floats_out) &&
         ufi_mul_size(*floats_out, sizeof(float), &bytes);
}

/* ---- weights ------------------------------------------------------------------------- */

bool ufi_winograd_f32_packed_size(int64_t channels, int64_t n, size_t *floats_out) {
  return channels <= INT64_MAX / POINTS && ufi_gemm_f32_packed_size(POINTS * channels, n, floats_out);
}

typedef struct pack_args {
  int64_t channels, n, columns;
  const float *from;
  float *out;
  float *taps;           /* a panel of the ordinary packing for each panel */
} pack_args;

static void pack_panel(void *context, size_t index) {
  const pack_args *a = context;
  const int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr, column = (int64_t)index * nr, depth = 9 * a->channels;
  const int64_t block = column / a->columns * a->columns;
  const int64_t point = a->channels * ufi_gemm_f32_columns(UFI_MIN(a->columns, a->n - block));
  float *taps = a->taps + column * depth;
  float *out = a->out + block * a->channels * POINTS + (column - block) * a->channels;
  ufi_gemm_f32_pack(NULL, depth, UFI_MIN(nr, a->n - column), a->from + column * depth, 1, depth, taps);
  for (int64_t c = 0; c < a->channels; c++) {
    ufi_kernels_get()->winograd.f32_filter((size_t)nr, taps + c * nr, (size_t)(a->channels * nr), out + c * nr,
                                           (size_t)point);
  }
}

uf_status ufi_winograd_f32_pack(ufi_pool *pool, int64_t channels, int64_t n, const float *from, float *out,
                                uf_error *error) {
  const int64_t padded_n = ufi_gemm_f32_columns(n), nr = (int64_t)ufi_kernels_get()->gemm.f32_nr;
  const size_t bytes = (size_t)(9 * channels * padded_n) * sizeof(float);
  pack_args a = {channels, n, UFI_MIN((int64_t)COLUMNS, padded_n), from, out, ufi_malloc_aligned(bytes)};
  if (!a.taps) return ufi_no_memory(error, bytes);
  ufi_parallel(pool, pack_panel, &a, (size_t)(padded_n / nr));
  ufi_free_aligned(a.taps);
  return UF_OK;
}

/* ---- when ------------------------------------------------------------------------------ */

/* From measurements of squares of 2 to 56 pixels and 8 to 512 channels (bench/kernels.c): with 16 channels in and
 * out it takes half the time, with 64 and more a third, less than that only where many outputs of the tiles are
 * outside the image. With few tiles the time goes into reading weights, four times as many as for direct sums. */
bool ufi_winograd_f32_wins(const ufi_conv_geometry *g) {
  enum { CHANNELS = 16, TILES = 8, WASTE = 2, FEW_FLOATS = 1 << 20 };
  const bool fits = g->kernel_h == 3 && g->kernel_w == 3 && g->stride_h == 1 && g->stride_w == 1 &&
                    g->dilation_h == 1 && g->dilation_w == 1 && g->groups == 1;
  if (!fits || g->in_c < CHANNELS || g->out_c < CHANNELS || g->in_c > INT32_MAX || g->out_c > INT32_MAX) return false;
  const double tiles = (double)g->batch * (double)ufi_ceil_div(g->out_h, OUT) * (double)ufi_ceil_div(g->out_w, OUT);
  const double outputs = (double)g->batch * (double)g->out_h * (double)g->out_w;
  const double weights = POINTS * (double)g->in_c * (double)g->out_c;
  return tiles * OUT * OUT <= outputs * WASTE && (tiles >= TILES || weights <= FEW_FLOATS) && tiles > 1;
}
