/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_f32.c: cuts a float32 product into tiles.
 *
 * Loops, from outside: items of work (group x line of output x block of rows x
 * block of columns, spread over threads); blocks of the sum, so that one panel
 * of the right matrix lies in L1 and the rows of the item in L2; panels of
 * columns; tiles of rows. Only the order of the sum decides the result, and it
 * is the same for every cut into items.
 *
 * A row of the left matrix is a list of runs of memory. In general a run is
 * one tap: `channels` floats, or zeros outside the image. With few channels
 * that would be slow, so there a run is a whole line of taps, which lie side
 * by side; only windows that cross the left or right border are copied.
 */
#include "ops/gemm_f32.h"

#include <math.h>

#include "kernels/transposed.h"

enum {
  SUM_BLOCK = 512,    /* longest sum in one go, more or less: 32 KiB of a 16-wide panel */
  LINE_BLOCK = 256,   /* the same when runs are whole lines */
  MAX_RUNS = 16,      /* per sum block */
  ITEM_TILES = 16,    /* tiles of rows in an item, more or less */
  MAX_TILES = 18,
  LINE_TILES = 4,     /* the same when runs are whole lines, which may be copied */
  MAX_ROWS = MAX_TILES * UFK_F32_MAX_MR,
  LINE_ROWS = LINE_TILES * UFK_F32_MAX_MR,
  FEW_CHANNELS = 32,
  L1_FLOATS = 4096,   /* of the right matrix: half of a usual L1 */
  FEW_TILES = 32,     /* of rows for each thread, below which these are cut as evenly as can be */
  VECTOR = 16,        /* floats: a multiple of those of any instruction set */
  AHEAD = 16,         /* rows that are fetched before they are packed */
  SMALL_WORK = 1 << 18, /* multiplications below which threads are not worth waking */
};

/* How a product is cut. */
typedef struct plan {
  const ufi_gemm_f32 *g;
  const ufk_gemm_table *k;
  bool flat;             /* row r of the left matrix is at in + r * in_pixel */
  bool whole_lines;      /* runs are lines of taps */
  int64_t runs, run;     /* per row: how many, of how many floats */
  int64_t lines, width;  /* output rows, pixels in each, as far as they are regular */
  int64_t row_blocks, column_blocks;
  bool even;             /* blocks of rows are as even as can be, not of whole tiles */
  const ufi_done *done;  /* NULL: items are no whole rows */
} plan;

/* The part of the sum that is done in one go: floats [from, from + floats) of
 * runs [first, first + runs). */
typedef struct span {
  int64_t first, runs, from, floats;
} span;

/* The rows of one item. */
typedef struct stripe {
  int64_t group, row, rows; /* row: of the whole left matrix */
  int64_t tiles, first[MAX_TILES], count[MAX_TILES];
  float *out;
} stripe;

/* ---- plan ------------------------------------------------------------------ */

static bool is_flat(const ufi_gemm_f32 *g) {
  return g->kernel_h == 1 && g->kernel_w == 1 && g->stride_h == 1 && g->stride_w == 1 &&
         g->pad_top == 0 && g->pad_left == 0 && g->in_h == g->out_h && g->in_w == g->out_w;
}

static bool has_whole_lines(int64_t kernel_w, int64_t channels) {
  return kernel_w > 1 && channels < FEW_CHANNELS && kernel_w * channels <= LINE_BLOCK;
}

static plan make_plan(const ufi_gemm_f32 *g, int64_t threads) {
  plan p = {.g = g, .k = &ufi_kernels_get()->gemm};
  p.flat = is_flat(g);
  p.whole_lines = has_whole_lines(g->kernel_w, g->channels) && g->dilation_w == 1 &&
                  g->in_pixel == g->channels;
  p.runs = p.whole_lines ? g->kernel_h : g->kernel_h * g->kernel_w;
  p.run = p.whole_lines ? g->kernel_w * g->channels : g->channels;
  p.lines = g->batch * g->out_h;
  p.width = g->out_w;
  if (g->out_line == g->out_w * g->out_pixel &&
      (g->batch == 1 || g->out_image == g->out_h * g->out_line)) {
    p.width *= p.lines;
    p.lines = 1;
  }
  int64_t mr = (int64_t)p.k->f32_mr, nr = (int64_t)p.k->f32_nr;
  const int64_t target = p.whole_lines ? LINE_TILES : ITEM_TILES, most = p.whole_lines ? LINE_TILES : MAX_TILES;
  const int64_t tiles = ufi_ceil_div(p.width, mr), panels = ufi_ceil_div(g->n, nr);
  p.row_blocks = ufi_parts(tiles, target, most, threads);
  p.even = threads > 1 && tiles < FEW_TILES * threads;
  /* A few panels that are no multiple of the threads would keep one of these waiting. */
  if (p.row_blocks == 1 && panels < 4 * threads && panels % threads != 0 && p.width >= threads * mr) p.row_blocks = threads;
  /* Columns are cut only when rows alone keep too few threads busy: when somebody waits for rows, any. */
  int64_t items = g->groups * p.lines * p.row_blocks;
  bool enough = threads < 2 || (g->done && items >= threads);
  p.column_blocks = enough ? 1 : UFI_MIN(panels, ufi_ceil_div(4 * threads, items));
  if (p.column_blocks == 1 && g->groups == 1 && p.lines == 1 && g->out_pixel == g->n) p.done = g->done;
  return p;
}

/* Where a block of rows begins: at whole tiles, unless one more of them would keep a thread waiting for long. */
static int64_t row_at(const plan *p, int64_t block) {
  if (p->even) return ufi_part_first(p->width, p->row_blocks, block);
  const int64_t mr = (int64_t)p->k->f32_mr;
  return UFI_MIN(ufi_part_first(ufi_ceil_div(p->width, mr), p->row_blocks, block) * mr, p->width);
}

/* Where a block of columns begins: blocks are of as many panels, or one more, in turn. */
static int64_t column_of(const plan *p, int64_t block) {
  int64_t nr = (int64_t)p->k->f32_nr, panels = ufi_ceil_div(p->g->n, nr);
  return UFI_MIN(panels * block / p->column_blocks * nr, p->g->n);
}

/* The next part of the sum after s, or the first one when s->runs is 0. False
 * at the end. */
static bool next_span(const plan *p, span *s, bool *last_out) {
  if (s->runs == 0) *s = (span){0};
  else if (s->from + s->floats < p->run) s->from += s->floats;
  else *s = (span){.first = s->first + s->runs};
  if (s->first >= p->runs) return false;
  if (p->run > SUM_BLOCK + SUM_BLOCK / 2) {
    /* Equal pieces of one long run. */
    int64_t pieces = ufi_ceil_div(p->run, SUM_BLOCK);
    int64_t piece = ufi_ceil_div(ufi_ceil_div(p->run, pieces), 8) * 8;
    s->runs = 1;
    s->floats = UFI_MIN(piece, p->run - s->from);
  } else {
    int64_t fit = UFI_MAX((p->whole_lines ? LINE_BLOCK : SUM_BLOCK) / p->run, 1);
    s->runs = UFI_MIN(UFI_MIN(fit, (int64_t)MAX_RUNS), p->runs - s->first);
    s->floats = p->run;
  }
  *last_out = s->first + s->runs >= p->runs && s->from + s->floats >= p->run;
  return true;
}

/* Cuts rows into tiles of mr, avoiding a last tile so thin that it would take
 * as long as a full one. */
static void cut_tiles(stripe *s, int64_t mr) {
  int64_t row = 0;
  for (s->tiles = 0; row < s->rows; s->tiles++) {
    int64_t left = s->rows - row;
    int64_t take = left <= mr ? left : left < mr + (mr + 2) / 4 ? (left + 1) / 2 : mr;
    s->first[s->tiles] = row;
    s->count[s->tiles] = take;
    row += take;
  }
}

/* ---- where rows lie ----------------------------------------------------------- */

/* A position in the output grid. */
typedef struct pixel {
  int64_t image, y, x;
} pixel;

static pixel pixel_at(const ufi_gemm_f32 *g, int64_t row) {
  int64_t line = row / g->out_w;
  return (pixel){line / g->out_h, line % g->out_h, row % g->out_w};
}

static void next_line(const ufi_gemm_f32 *g, pixel *p) {
  if (++p->y < g->out_h) return;
  p->y = 0;
  p->image++;
}

/* Finds the runs of windows side by side. What depends on the output line
 * alone is kept until the next line. Addresses are integers, since those of
 * taps outside the image wrap round. */
typedef struct cursor {
  const plan *p;
  const span *s;
  const float *in;
  int64_t tap_y[MAX_RUNS], tap_x[MAX_RUNS]; /* seen from the window's origin */
  int64_t inner, inner_end;                 /* output pixels of a line with all taps inside the width */
  uintptr_t base[MAX_RUNS];                 /* address at origin x 0; zeros outside */
  uintptr_t step[MAX_RUNS];                 /* bytes from there per x; 0 outside */
} cursor;

static void cursor_start(cursor *c, const plan *p, const span *s, const float *in) {
  const ufi_gemm_f32 *g = p->g;
  c->p = p;
  c->s = s;
  c->in = in;
  for (int64_t t = 0; t < s->runs; t++) {
    int64_t run = s->first + t;
    c->tap_y[t] = (p->whole_lines ? run : run / g->kernel_w) * g->dilation_h;
    c->tap_x[t] = (p->whole_lines ? 0 : run % g->kernel_w) * g->dilation_w;
  }
  const int64_t reach = (g->kernel_w - 1) * g->dilation_w;
  const int64_t before = g->pad_left - UFI_MIN(reach, 0);                /* pixel x begins at x * stride_w - before */
  const int64_t after = g->in_w + g->pad_left - UFI_MAX(reach, 0);       /* its last tap lies inside below that */
  c->inner = before > 0 ? ufi_ceil_div(before, g->stride_w) : 0;
  c->inner_end = after > 0 ? UFI_MIN(ufi_ceil_div(after, g->stride_w), g->out_w) : 0;
}

static void cursor_line(cursor *c, pixel at) {
  const ufi_gemm_f32 *g = c->p->g;
  int64_t y0 = at.y * g->stride_h - g->pad_top;
  for (int64_t t = 0; t < c->s->runs; t++) {
    int64_t y = y0 + c->tap_y[t];
    bool is_in = ufi_inside(y, g->in_h);
    uint64_t line = (uint64_t)(at.image * g->in_h + y) * (uint64_t)g->in_w;
    uint64_t floats = (line + (uint64_t)c->tap_x[t]) * (uint64_t)g->in_pixel + (uint64_t)c->s->from;
    c->base[t] = is_in ? (uintptr_t)c->in + floats * sizeof(float) : (uintptr_t)g->zeros;
    c->step[t] = is_in ? (uintptr_t)g->in_pixel * sizeof(float) : 0;
  }
}

/* A line of taps of which only some are inside the image, copied. */
static const float *copy_line(const ufi_gemm_f32 *g, uintptr_t line, int64_t x0, float *to) {
  for (int64_t j = 0; j < g->kernel_w; j++) {
    bool is_in = ufi_inside(x0 + j, g->in_w);
    const float *from = is_in ? (const float *)line + (x0 + j) * g->in_pixel : g->zeros;
    for (int64_t c = 0; c < g->channels; c++) to[j * g->channels + c] = from[c];
  }
  return to;
}

/* Pointers of at most `most` rows from pixel x of the line on, a row's mr apart; of how many.
 * copy: room for the runs of a row, when they are lines. */
static int64_t cursor_point(const cursor *c, int64_t x, int64_t most, float *copy, const float **a) {
  const ufi_gemm_f32 *g = c->p->g;
  const size_t mr = c->p->k->f32_mr;
  const int64_t x0 = x * g->stride_w - g->pad_left;
  if (x >= c->inner && x < c->inner_end) {
    const int64_t rows = UFI_MIN(most, c->inner_end - x);
    for (int64_t t = 0; t < c->s->runs; t++, a += mr) {
      uintptr_t at = c->base[t] + (uintptr_t)x0 * c->step[t];
      const uintptr_t step = (uintptr_t)g->stride_w * c->step[t];
      for (int64_t i = 0; i < rows; i++, at += step) a[i] = (const float *)at;
    }
    return rows;
  }
  for (int64_t t = 0; t < c->s->runs; t++, a += mr) {
    if (c->step[t] == 0) {
      *a = g->zeros;
    } else if (c->p->whole_lines) {
      *a = copy_line(g, c->base[t], x0, copy + t * c->p->run);
    } else {
      bool is_in = ufi_inside(x0 + c->tap_x[t], g->in_w);
      *a = is_in ? (const float *)(c->base[t] + (uintptr_t)x0 * c->step[t]) : g->zeros;
    }
  }
  return 1;
}

/* Pointers of all rows of the stripe: (tile, run, mr). */
static void point_flat(const plan *p, const span *s, const stripe *rows, const float **a) {
  const ufi_gemm_f32 *g = p->g;
  const float *in = g->in + rows->group * g->in_group + rows->row * g->in_pixel + s->from;
  for (int64_t tile = 0; tile < rows->tiles; tile++, a += p->k->f32_mr) {
    for (int64_t i = 0; i < rows->count[tile]; i++) {
      a[i] = in + (rows->first[tile] + i) * g->in_pixel;
    }
  }
}

static void point_rows(const plan *p, const span *s, const stripe *rows, float *copies,
                       const float **a) {
  const ufi_gemm_f32 *g = p->g;
  const int64_t mr = (int64_t)p->k->f32_mr;
  cursor c;
  cursor_start(&c, p, s, g->in + rows->group * g->in_group);
  pixel at = pixel_at(g, rows->row);
  cursor_line(&c, at);
  for (int64_t tile = 0; tile < rows->tiles; tile++, a += s->runs * mr) {
    for (int64_t i = 0, n; i < rows->count[tile]; i += n) {
      n = cursor_point(&c, at.x, rows->count[tile] - i, copies, a + i);
      if (copies) copies += s->runs * p->run;
      if ((at.x += n) < g->out_w) continue;
      at.x = 0;
      next_line(g, &at);
      cursor_line(&c, at);
    }
  }
}

/* ---- one item --------------------------------------------------------------------- */

/* Columns [column, column + n) of one part of the sum. */
static void do_span(const plan *p, const span *s, bool last, const stripe *rows,
                    const float *const *a, int64_t column, int64_t n) {
  const ufi_gemm_f32 *g = p->g;
  const int64_t nr = (int64_t)p->k->f32_nr, mr = (int64_t)p->k->f32_mr;
  const bool first = s->first == 0 && s->from == 0;
  const int64_t depth = p->runs * p->run, panel = depth * nr;
  const float *b = g->b + rows->group * g->b_group + column / nr * panel +
                   (s->first * p->run + s->from) * nr;
  const float *bias = first && !g->add ? g->bias + rows->group * g->bias_group + column : NULL;
  float *out = rows->out + column;
  float min = last ? g->min : -INFINITY, max = last ? g->max : INFINITY;
  /* A single tile takes all columns in one go, several at a time; and so do all
   * while the right matrix is so small that it stays in L1. */
  int64_t step = rows->tiles == 1 || s->runs * s->floats * n <= L1_FLOATS ? n : nr;
  for (int64_t j = 0; j < n; j += step) {
    int64_t width = UFI_MIN(step, n - j);
    for (int64_t tile = 0; tile < rows->tiles; tile++) {
      p->k->f32_gemm((size_t)rows->count[tile], (size_t)width, (size_t)s->runs, (size_t)s->floats,
                     a + tile * s->runs * mr, b + j / nr * panel, (size_t)panel,
                     bias ? bias + j : NULL, out + rows->first[tile] * g->out_pixel + j,
                     (size_t)g->out_pixel, min, max);
    }
  }
}

static void do_rows(const plan *p, const stripe *rows, int64_t column, int64_t n, float *copies) {
  span s = {0};
  if (p->runs * p->run == 0) { /* an empty sum: the bias alone */
    const float *none = NULL;
    do_span(p, &s, true, rows, &none, column, n);
    return;
  }
  const float *a[MAX_ROWS * MAX_RUNS];
  bool last = false;
  while (next_span(p, &s, &last)) {
    if (p->flat) point_flat(p, &s, rows, a);
    else point_rows(p, &s, rows, copies, a);
    do_span(p, &s, last, rows, a, column, n);
  }
}

/* Apart, so that only those who copy lines pay for the stack. */
static __attribute__((noinline)) void do_rows_copying(const plan *p, const stripe *rows,
                                                      int64_t column, int64_t n) {
  float copies[LINE_ROWS * LINE_BLOCK];
  do_rows(p, rows, column, n, copies);
}

/* Items of the same rows follow each other, so that a thread rather computes whole rows: nodes before and after are
 * cut by rows, too, and what lies in another processor's cache comes slowly. */
static void do_item(void *context, size_t index) {
  const plan *p = context;
  const ufi_gemm_f32 *g = p->g;
  int64_t i = (int64_t)index;
  int64_t column_block = i % p->column_blocks, column = column_of(p, column_block);
  i /= p->column_blocks;
  int64_t x = row_at(p, i % p->row_blocks), line = i / p->row_blocks % p->lines;
  stripe rows = {.group = i / p->row_blocks / p->lines, .row = line * p->width + x};
  rows.rows = row_at(p, i % p->row_blocks + 1) - x;
  int64_t image = p->lines == 1 ? 0 : line / g->out_h, y = p->lines == 1 ? 0 : line % g->out_h;
  rows.out = g->out + rows.group * g->out_group + image * g->out_image + y * g->out_line +
             x * g->out_pixel;
  cut_tiles(&rows, (int64_t)p->k->f32_mr);
  int64_t n = column_of(p, column_block + 1) - column;
  if (p->whole_lines) do_rows_copying(p, &rows, column, n);
  else do_rows(p, &rows, column, n, NULL);
  if (p->done) p->done->fn(p->done->context, rows.row, rows.rows);
}

static bool is_small(const ufi_gemm_f32 *g) {
  double pixels = (double)(g->batch * g->out_h * g->out_w);
  double depth = (double)(g->kernel_h * g->kernel_w * g->channels);
  return pixels * depth * (double)(g->n * g->groups) < SMALL_WORK;
}

void ufi_gemm_f32_run(ufi_pool *pool, const ufi_gemm_f32 *g) {
  if (g->batch * g->out_h * g->out_w * g->n * g->groups == 0) return;
  if (is_small(g)) pool = NULL;
  plan p = make_plan(g, pool ? ufi_pool_threads(pool) : 1);
  int64_t items = g->groups * p.lines * p.row_blocks * p.column_blocks;
  ufi_parallel(pool, do_item, &p, (size_t)items);
}

void ufi_gemm_f32_plain(ufi_gemm_f32 *g_out, int64_t m, int64_t n, int64_t k, const float *a,
                        int64_t a_step, const float *b, const float *bias, float *out,
                        int64_t out_step) {
  *g_out = (ufi_gemm_f32){
      .in = a, .batch = 1, .in_h = 1, .in_w = m, .in_pixel = a_step, .channels = k,
      .out_h = 1, .out_w = m, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
      .dilation_h = 1, .dilation_w = 1, .b = b, .bias = bias, .n = n, .out = out,
      .out_pixel = out_step, .out_line = m * out_step, .out_image = m * out_step,
      .min = -INFINITY, .max = INFINITY, .groups = 1};
}

/* ---- packing --------------------------------------------------------------------------- */

size_t ufi_gemm_f32_zeros(int64_t kernel_w, int64_t channels) {
  return (size_t)(has_whole_lines(kernel_w, channels) ? kernel_w * channels : channels);
}

int64_t ufi_gemm_f32_columns(int64_t n) {
  int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr;
  return ufi_ceil_div(n, nr) * nr;
}

bool ufi_gemm_f32_packed_size(int64_t k, int64_t n, size_t *floats_out) {
  if (k < 0 || n < 0 || n > INT64_MAX - UFK_F32_MAX_NR) return false;
  size_t bytes;
  return ufi_mul_size((size_t)k, (size_t)ufi_gemm_f32_columns(n), floats_out) &&
         ufi_mul_size(*floats_out, sizeof(float), &bytes);
}

typedef struct pack_args {
  int64_t k, n, k0, rows, k_step, n_step, nr;
  const float *from;
  float *out;
} pack_args;

/* A panel of a matrix that lies as the panel does, row by row. Rows that are far from each other the processor does not
 * fetch by itself. */
static void pack_straight(const pack_args *p, const float *from, int64_t width, float *out) {
  for (int64_t i = 0; i < p->rows; i++, from += p->k_step, out += p->nr) {
    if (i + AHEAD < p->rows) __builtin_prefetch(from + AHEAD * p->k_step);
    for (int64_t j = 0; j < width; j++) out[j] = from[j];
    for (int64_t j = width; j < p->nr; j++) out[j] = 0.0f;
  }
}

static void pack_one(const pack_args *p, const float *from, float *out) {
  for (int64_t i = 0; i < p->rows; i++) out[i * p->nr] = from ? from[i * p->k_step] : 0.0f;
}

static void pack_panel(void *context, size_t panel) {
  const pack_args *p = context;
  const int64_t first = (int64_t)panel * p->nr, width = UFI_MIN(p->nr, p->n - first), float_size = sizeof(float);
  float *out = p->out + (int64_t)panel * p->k * p->nr + p->k0 * p->nr;
  const float *from = p->from + first * p->n_step;
  if (p->n_step == 1) {
    pack_straight(p, from, width, out);
    return;
  }
  int64_t j = 0;
  if (p->k_step == 1) {
    ufk_transpose(sizeof(float), width, p->rows, from, p->n_step * float_size, out, p->nr * float_size);
    j = width;
  }
  for (; j < p->nr; j++) pack_one(p, j < width ? from + j * p->n_step : NULL, out + j);
}

void ufi_gemm_f32_pack(ufi_pool *pool, int64_t k, int64_t n, const float *from, int64_t k_step,
                       int64_t n_step, float *out) {
  int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr;
  pack_args args = {k, n, 0, k, k_step, n_step, nr, from, out};
  ufi_parallel(pool, pack_panel, &args, (size_t)ufi_ceil_div(n, nr));
}

void ufi_gemm_f32_pack_rows(int64_t k, int64_t n, int64_t k0, int64_t rows, const float *from,
                            int64_t k_step, int64_t n_step, float *out) {
  int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr;
  pack_args args = {k, n, k0, rows, k_step, n_step, nr, from, out};
  for (int64_t panel = 0; panel < ufi_ceil_div(n, nr); panel++) pack_panel(&args, (size_t)panel);
}

/* ---- with a weight of the graph ---------------------------------------------------------- */

enum { PASSING = 1 << 16 }; /* floats packed at a time, more or less, for one thread: a quarter of a usual L2 */

typedef struct weighted {
  ufi_gemm_f32 *g;
  const float *from;
  int64_t depth, columns; /* columns: packed at a time */
} weighted;

static uf_status fill_weight(ufi_ctx *ctx, void *memory, void *arg) {
  const weighted *w = arg;
  const ufi_gemm_f32 *g = w->g;
  for (int64_t i = 0; i < g->groups; i++) {
    ufi_gemm_f32_pack(ctx->pool, w->depth, g->n, w->from + i * g->n * w->depth, 1, w->depth, (float *)memory + i * g->b_group);
  }
  return UF_OK;
}

static uf_status run_passing(ufi_ctx *ctx, void *memory, void *arg) {
  const weighted *w = arg;
  for (int64_t group = 0; group < w->g->groups; group++) {
    for (int64_t column = 0; column < w->g->n; column += w->columns) {
      ufi_gemm_f32 g = *w->g;
      g.n = UFI_MIN(w->columns, g.n - column);
      g.groups = 1;
      g.b = memory;
      g.in += group * g.in_group;
      g.out += group * g.out_group + column;
      if (g.bias) g.bias += group * g.bias_group + column;
      ufi_gemm_f32_pack(ctx->pool, w->depth, g.n, w->from + (group * w->g->n + column) * w->depth, 1, w->depth, memory);
      ufi_gemm_f32_run(ctx->pool, &g);
    }
  }
  return UF_OK;
}

/* The weight of g, which lasts, packed whole: sets what of g says so. */
static ufi_weight_form form_of(const ufi_tensor *weight, ufi_gemm_f32 *g, weighted *w) {
  *w = (weighted){.g = g, .from = weight->data, .depth = g->kernel_h * g->kernel_w * g->channels};
  g->b_group = w->depth * ufi_gemm_f32_columns(g->n);
  return (ufi_weight_form){.weight = weight, .size = (size_t)(g->groups * g->b_group) * sizeof(float), .tag = g->groups};
}

uf_status ufi_gemm_f32_keep(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g) {
  weighted w;
  const ufi_weight_form form = form_of(weight, g, &w);
  const void *packed;
  UFI_TRY(ufi_packed_now(ctx, slot, &form, fill_weight, &w, &packed));
  g->b = packed;
  return UF_OK;
}

uf_status ufi_gemm_f32_weight(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g) {
  const int64_t nr = (int64_t)ufi_kernels_get()->gemm.f32_nr, panels = ufi_gemm_f32_columns(g->n) / nr;
  weighted w;
  const ufi_weight_form form = form_of(weight, g, &w);
  const int64_t threads = ufi_pool_threads(ctx->pool), fit = PASSING / UFI_MAX(w.depth * nr, (int64_t)1);
  w.columns = UFI_MIN(UFI_MAX(fit, (int64_t)1) * threads, panels) * nr;
  const void *packed;
  UFI_TRY(ufi_packed_kept(ctx, slot, &form, fill_weight, &w, &packed));
  g->b = packed;
  if (!packed) return ufi_packed_once(ctx, (size_t)(w.depth * w.columns) * sizeof(float), run_passing, &w);
  ufi_gemm_f32_run(ctx->pool, g);
  return UF_OK;
}

const float *ufi_gemm_f32_bias(const ufi_tensor *bias, int64_t groups, int64_t n, float *room) {
  const float *from = bias ? bias->data : NULL;
  const int64_t padded = ufi_gemm_f32_columns(n);
  if (from && n % VECTOR == 0 && (groups == 1 || n == padded)) return from;
  memset(room, 0, (size_t)(groups * padded) * sizeof *room);
  for (int64_t i = 0; from && i < groups; i++) memcpy(room + i * padded, from + i * n, (size_t)n * sizeof *room);
  return room;
}

void ufi_act_apply_f32(ufi_act act, float *data, int64_t count) {
  if (act == UFI_ACT_TANH) {
    for (int64_t i = 0; i < count; i++) data[i] = tanhf(data[i]);
  } else if (act == UFI_ACT_SIGN_BIT) {
    for (int64_t i = 0; i < count; i++) data[i] = signbit(data[i]) ? 1.0f : 0.0f;
  }
}
