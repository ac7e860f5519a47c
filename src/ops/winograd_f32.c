/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_f32.c: Winograd's method F(4x4, 3x3) in float32.
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

#include "ops/winograd_tiles.h"

enum {
  OUT = UFK_WINOGRAD_OUT, IN = UFK_WINOGRAD_IN, POINTS = UFK_WINOGRAD_POINTS,
  COLUMNS = 64,          /* of a block: at least a panel of any instruction set */
  GAP = 16,              /* floats between tiles */
  SUM_PART = 64,         /* longest sum over channels in one go */
  PASSING = 1 << 18,     /* floats of packed weights that are not kept, at a time, more or less, for one thread */
};

static int64_t padded(int64_t channels) { return ufi_ceil_div(channels, UFK_WINOGRAD_PAD) * UFK_WINOGRAD_PAD; }

typedef struct plan {
  ufi_winograd cut;
  const ufi_gemm_f32 *g;
  const ufi_kernels *k;
  const float *weights;            /* not packed */
  int64_t in_step, out_step;       /* floats from tile to tile of inputs and of sums */
} plan;

static void evaluate(const ufi_winograd *w, int64_t index, void *out);
static void multiply(const ufi_winograd *w, int64_t first, int64_t tiles, int64_t column, const void *in, void *sums);

static void make_plan(plan *p, const ufi_gemm_f32 *g, const float *weights, int64_t threads) {
  *p = (plan){.g = g, .k = ufi_kernels_get(), .weights = weights};
  const int64_t columns = UFI_MIN((int64_t)COLUMNS, ufi_gemm_f32_columns(g->n));
  p->in_step = POINTS * padded(g->channels) + GAP;
  p->out_step = POINTS * columns + GAP;
  p->cut = (ufi_winograd){
      .batch = g->batch, .out_h = g->out_h, .out_w = g->out_w, .n = g->n, .side = OUT, .columns = columns,
      .in_bytes = (size_t)p->in_step * sizeof(float), .out_bytes = (size_t)p->out_step * sizeof(float),
      .bin_bytes = (size_t)p->out_step * sizeof(float), .threads = threads,
      .done = g->done, .evaluate = evaluate, .multiply = multiply};
  ufi_winograd_cut(&p->cut);
}

/* ---- tiles ----------------------------------------------------------------------- */

/* The pixels that a tile sees. */
static void point_inputs(const ufi_gemm_f32 *g, const ufi_winograd_tile t, const float *in[POINTS]) {
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

static void evaluate(const ufi_winograd *w, int64_t index, void *out) {
  const plan *p = (const plan *)w;
  const float *in[POINTS];
  point_inputs(p->g, ufi_winograd_tile_at(w, index), in);
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
  point_inputs(g, ufi_winograd_tile_at(&p->cut, index), in);
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
  const ufi_winograd_tile t = ufi_winograd_tile_at(&p->cut, index);
  float *image = g->out + t.image * g->out_image + column, *out[OUT * OUT];
  for (int64_t i = 0; i < OUT; i++) {
    for (int64_t j = 0; j < OUT; j++) {
      const int64_t y = t.y + i, x = t.x + j;
      out[i * OUT + j] = y < g->out_h && x < g->out_w ? image + y * g->out_line + x * g->out_pixel : bin;
    }
  }
  const bool finite = p->k->winograd.f32_out((size_t)n, sums, (size_t)p->cut.columns, g->bias + column, out, g->min, g->max);
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

static void multiply(const ufi_winograd *w, int64_t first, int64_t tiles, int64_t column, const void *in, void *sums) {
  const plan *p = (const plan *)w;
  const int64_t channels = p->g->channels, n = UFI_MIN(w->columns, p->g->n - column);
  const int64_t nr = (int64_t)p->k->gemm.f32_nr;
  const int64_t parts = ufi_ceil_div(channels, SUM_PART), part = ufi_ceil_div(ufi_ceil_div(channels, parts), 8) * 8;
  const float *b = p->g->b + column * channels * POINTS, *a = in; /* b is read in order */
  float *c = sums;
  for (int64_t point = 0; point < POINTS; point++, a += padded(channels)) {
    for (int64_t j = 0; j < n; j += nr) {
      for (int64_t from = 0, floats; from < channels; from += floats, b += floats * nr) {
        floats = UFI_MIN(part, channels - from);
        multiply_part(p, tiles, a, b, UFI_MIN(nr, n - j), from, floats, c + point * w->columns + j);
      }
    }
  }
  for (int64_t t = 0; t < tiles; t++) interpolate(p, first + t, column, n, c + t * p->out_step, ufi_winograd_bin(w, sums));
}

void ufi_winograd_f32_run(ufi_pool *pool, const ufi_gemm_f32 *g, const float *weights, float *scratch) {
  plan p;
  make_plan(&p, g, weights, ufi_pool_threads(pool));
  ufi_winograd_run(pool, &p.cut, scratch);
}

static bool scratch_of(const ufi_gemm_f32 *g, int64_t n, int64_t threads, size_t *bytes_out) {
  ufi_gemm_f32 part = *g;
  plan p;
  part.n = n;
  make_plan(&p, &part, NULL, threads);
  return ufi_winograd_scratch(&p.cut, bytes_out);
}

/* Of which weights are packed at a time when they are not kept. */
static int64_t passing_columns(const ufi_gemm_f32 *g, int64_t threads) {
  const int64_t panel = (int64_t)ufi_kernels_get()->gemm.f32_nr * g->channels * POINTS;
  const int64_t panels = UFI_MAX(PASSING / panel, (int64_t)1) * threads;
  return UFI_MIN(panels * (int64_t)ufi_kernels_get()->gemm.f32_nr, g->n);
}

bool ufi_winograd_f32_scratch(const ufi_gemm_f32 *g, int64_t threads, size_t *floats_out) {
  if (g->channels > INT32_MAX / POINTS || g->n > INT32_MAX) return false;
  const int64_t columns = UFI_MAX(passing_columns(g, threads), (int64_t)1), ways[] = {g->n, columns, g->n % columns};
  *floats_out = 0;
  for (size_t i = 0; i < UFI_COUNT(ways); i++) {
    size_t bytes = 0;
    if (ways[i] > 0 && !scratch_of(g, ways[i], threads, &bytes)) return false;
    *floats_out = UFI_MAX(*floats_out, bytes / sizeof(float)); /* all its parts are floats */
  }
  return true;
}

/* ---- weights ------------------------------------------------------------------------- */

bool ufi_winograd_f32_packed_size(int64_t channels, int64_t n, size_t *floats_out) {
  return channels <= INT64_MAX / POINTS && ufi_gemm_f32_packed_size(POINTS * channels, n, floats_out);
}

typedef struct pack_args {
  int64_t channels, n, columns;
  const float *from;
  float *out;
} pack_args;

/* A panel, some channels at a time: their taps, packed as for direct sums, and points stay in the nearest caches. Panels of
 * points lie so far apart that what is written of each in one go must not be short. */
static void pack_panel(void *context, size_t index) {
  enum { CHUNK = 8, TAPS = 9 };
  const pack_args *a = context;
  const int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr, column = (int64_t)index * nr, depth = TAPS * a->channels;
  const int64_t block = column / a->columns * a->columns, n = UFI_MIN(nr, a->n - column);
  const int64_t point = a->channels * ufi_gemm_f32_columns(UFI_MIN(a->columns, a->n - block));
  float *out = a->out + block * a->channels * POINTS + (column - block) * a->channels;
  float taps[TAPS * CHUNK * UFK_F32_MAX_NR], points[POINTS * CHUNK * UFK_F32_MAX_NR];
  for (int64_t c0 = 0; c0 < a->channels; c0 += CHUNK) {
    const int64_t channels = UFI_MIN((int64_t)CHUNK, a->channels - c0);
    for (int64_t tap = 0; tap < TAPS; tap++) {
      ufi_gemm_f32_pack(NULL, channels, n, a->from + column * depth + tap * a->channels + c0, 1, depth, taps + tap * CHUNK * nr);
    }
    for (int64_t c = 0; c < channels; c++) {
      ufi_kernels_get()->winograd.f32_filter((size_t)nr, taps + c * nr, (size_t)(CHUNK * nr), points + c * nr, (size_t)(CHUNK * nr));
    }
    for (int64_t p = 0; p < POINTS; p++) {
      memcpy(out + p * point + c0 * nr, points + p * CHUNK * nr, (size_t)(channels * nr) * sizeof *out);
    }
  }
}

void ufi_winograd_f32_pack(ufi_pool *pool, int64_t channels, int64_t n, const float *from, float *out) {
  const int64_t padded_n = ufi_gemm_f32_columns(n), nr = (int64_t)ufi_kernels_get()->gemm.f32_nr;
  pack_args a = {channels, n, UFI_MIN((int64_t)COLUMNS, padded_n), from, out};
  ufi_parallel(pool, pack_panel, &a, (size_t)(padded_n / nr));
}

typedef struct weighted {
  const ufi_gemm_f32 *g;
  const float *from;
  float *scratch;
  int64_t columns; /* packed at a time */
} weighted;

static uf_status fill_weight(ufi_ctx *ctx, void *memory, void *arg) {
  const weighted *w = arg;
  ufi_winograd_f32_pack(ctx->pool, w->g->channels, w->g->n, w->from, memory);
  return UF_OK;
}

/* Inputs are evaluated for each part of the columns again, which takes less than to fetch all weights from memory. Rows are
 * complete with the last part. */
static uf_status run_passing(ufi_ctx *ctx, void *memory, void *arg) {
  const weighted *w = arg;
  for (int64_t column = 0; column < w->g->n; column += w->columns) {
    ufi_gemm_f32 g = *w->g;
    const float *from = w->from + column * 9 * g.channels;
    g.n = UFI_MIN(w->columns, g.n - column);
    g.b = memory;
    g.bias += column;
    g.out += column;
    if (column + g.n < w->g->n) g.done = NULL;
    ufi_winograd_f32_pack(ctx->pool, g.channels, g.n, from, memory);
    ufi_winograd_f32_run(ctx->pool, &g, from, w->scratch);
  }
  return UF_OK;
}

uf_status ufi_winograd_f32_weight(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g, float *scratch) {
  weighted w = {g, weight->data, scratch, passing_columns(g, ufi_pool_threads(ctx->pool))};
  size_t all, part;
  if (!ufi_winograd_f32_packed_size(g->channels, g->n, &all) || !ufi_winograd_f32_packed_size(g->channels, w.columns, &part))
    return ufi_too_large(ctx); /* prepare would have said so */
  const ufi_weight_form form = {.weight = weight, .size = all * sizeof(float)};
  const void *packed;
  UFI_TRY(ufi_packed_kept(ctx, slot, &form, fill_weight, &w, &packed));
  if (!packed) return ufi_packed_once(ctx, part * sizeof(float), run_passing, &w);
  g->b = packed;
  ufi_winograd_f32_run(ctx->pool, g, w.from, scratch);
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
