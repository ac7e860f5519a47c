/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_quant.c: cuts a quantized product into tiles, and packs weights.
 *
 * The rows of an item of work (a stripe of the left matrix) are first widened
 * to 16 bits into the worker's own buffer, windows gathered and zero points
 * taken away; then panels of columns go by, and tiles of rows under each. The
 * sums of a tile are finished at once, while they are in the first cache.
 *
 * Workers take every workers-th item, so that each needs one buffer only.
 */
#include "ops/gemm_quant.h"

enum {
  ROWS_BYTES = 96 << 10,  /* of a stripe: it should stay in the second cache */
  ITEM_TILES = 16,        /* most tiles of rows in an item */
  MAX_RUNS = 64,          /* widened in one call */
  SAFE_PRODUCTS = 510,    /* 16 x 8 bit products whose sum always fits in 32 bits; even */
  SAFE_WIDE = 256,        /* the same for weights of 9 bits */
  SMALL_WORK = 1 << 18,   /* multiplications below which threads are not worth waking */
  TILE = UFK_Q_MAX_MR * UFK_Q_MAX_NR,
};

static const int32_t no_bias[UFK_Q_MAX_NR];

typedef struct plan {
  const ufi_gemm_q *g;
  const ufk_qgemm_table *k;
  ufk_q_widen_fn widen;
  ufk_q_gemm_fn gemm;
  ufk_q_to_int_fn to_int;
  size_t element;        /* bytes of an input element */
  size_t out_element;
  bool flat;             /* row r of the left matrix is at in + r * in_pixel */
  bool line_is_run;      /* taps of one line lie side by side */
  int64_t depth, a_step; /* of a row: elements, and widened ones (even) */
  int64_t lines, width;  /* output rows, pixels in each, as far as they are regular */
  int64_t rows, columns; /* of an item */
  int64_t row_blocks, column_blocks;
  int64_t items, workers;
  const ufi_done *done;  /* NULL: items are no whole rows */
} plan;

/* Part of an item: rows of the left matrix, beginning at pixel `row`. */
typedef struct stripe {
  int64_t group, row, rows;
  int16_t *a;
  uint8_t *out;
} stripe;

/* ---- plan ---------------------------------------------------------------------- */

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t stripe_rows(const ufk_qgemm_table *k, int64_t depth) {
  int64_t mr = (int64_t)k->q_mr, fit = ROWS_BYTES / 2 / UFI_MAX(depth, 1) / mr * mr;
  return UFI_MIN(UFI_MAX(fit, mr), mr * ITEM_TILES);
}

/* Also of products of fewer than depth (the phases of a transposed convolution), whose stripes have more rows: no stripe
 * is larger than ROWS_BYTES but one of a single tile. */
bool ufi_gemm_q_rows_size(int64_t depth, size_t *bytes_out) {
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  if (depth < 0 || depth > INT64_MAX / 4) return false;
  size_t step = (size_t)(depth + 1) / 2 * 2, tile, most;
  if (!ufi_mul_size(step, (size_t)k->q_mr * 2, &tile) || !ufi_mul_size(tile, ITEM_TILES, &most)) return false;
  *bytes_out = UFI_MIN(most, UFI_MAX(tile, (size_t)ROWS_BYTES));
  return *bytes_out <= SIZE_MAX / 2;
}

static bool is_flat(const ufi_gemm_q *g) {
  return g->kernel_h == 1 && g->kernel_w == 1 && g->stride_h == 1 && g->stride_w == 1 &&
         g->pad_top == 0 && g->pad_left == 0 && g->in_h == g->out_h && g->in_w == g->out_w;
}

static ufk_q_to_int_fn to_int_of(const ufk_qgemm_table *k, const ufi_gemm_q *g) {
  bool real = g->end == UFI_Q_REAL;
  switch (g->out_dtype) {
    case UF_UINT8: return real ? k->real_u8 : k->fixed_u8;
    case UF_INT16: return real ? k->real_s16 : k->fixed_s16;
    default: return real ? k->real_s8 : k->fixed_s8;
  }
}

static bool is_small(const ufi_gemm_q *g, int64_t depth) {
  double pixels = (double)(g->batch * g->out_h * g->out_w);
  return pixels * (double)depth * (double)(g->n * g->groups) < SMALL_WORK;
}

static void cut(plan *p) {
  const ufi_gemm_q *g = p->g;
  p->lines = g->batch * g->out_h;
  p->width = g->out_w;
  if (g->out_line == g->out_w * g->out_pixel &&
      (g->batch == 1 || g->out_image == g->out_h * g->out_line)) {
    p->width *= p->lines;
    p->lines = 1;
  }
  int64_t nr = (int64_t)p->k->q_nr, mr = (int64_t)p->k->q_mr;
  int64_t most = stripe_rows(p->k, p->a_step);
  p->row_blocks = ceil_div(p->width, most);
  p->rows = ceil_div(ceil_div(p->width, p->row_blocks), mr) * mr;
  p->row_blocks = ceil_div(p->width, p->rows);
  /* Columns are cut only when rows alone keep too few workers busy. */
  int64_t panels = ceil_div(g->n, nr), items = g->groups * p->lines * p->row_blocks;
  int64_t cuts = p->workers < 2 ? 1 : UFI_MIN(panels, ceil_div(4 * p->workers, items));
  p->columns = ceil_div(panels, cuts) * nr;
  p->column_blocks = ceil_div(g->n, p->columns);
  p->items = items * p->column_blocks;
  if (p->column_blocks == 1 && g->groups == 1 && p->lines == 1 && g->out_pixel == g->n) p->done = g->done;
}

static plan make_plan(ufi_pool *pool, const ufi_gemm_q *g) {
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  plan p = {.g = g, .k = k, .flat = is_flat(g), .to_int = to_int_of(k, g)};
  p.gemm = g->wide ? k->gemm_s16 : k->gemm_s8;
  p.widen = g->in_dtype == UF_INT16   ? k->widen_s16
            : g->in_dtype == UF_UINT8 ? k->widen_u8
                                      : k->widen_s8;
  p.element = g->in_dtype == UF_INT16 ? 2 : 1;
  p.out_element = (size_t)uf_dtype_bits(g->out_dtype) / 8;
  p.line_is_run = g->dilation_w == 1 && g->in_pixel == g->channels;
  p.depth = g->kernel_h * g->kernel_w * g->channels;
  p.a_step = (p.depth + 1) / 2 * 2;
  int32_t threads = pool && !is_small(g, p.depth) ? ufi_pool_threads(pool) : 1;
  p.workers = UFI_MAX(UFI_MIN(threads, g->workers), 1);
  cut(&p);
  p.workers = UFI_MIN(p.workers, p.items);
  return p;
}

/* ---- widening rows ------------------------------------------------------------- */

/* true: 0 <= at < size */
static inline bool inside(int64_t at, int64_t size) { return (uint64_t)at < (uint64_t)size; }

/* Runs of memory on their way to `to`. */
typedef struct gather {
  const plan *p;
  int32_t zero;
  int16_t *to;
  size_t n;                 /* runs waiting */
  const void *runs[MAX_RUNS];
} gather;

static void flush(gather *w, int64_t run) {
  w->p->widen(w->n, (size_t)run, w->runs, w->zero, w->to);
  w->to += (int64_t)w->n * run;
  w->n = 0;
}

static inline void add_run(gather *w, int64_t run, const void *from) {
  if (w->n == MAX_RUNS) flush(w, run);
  w->runs[w->n++] = from;
}

/* The window at (y0, x0) of an image. */
static void gather_window(gather *w, const uint8_t *image, int64_t y0, int64_t x0) {
  const plan *p = w->p;
  const ufi_gemm_q *g = p->g;
  const int64_t pixel = g->in_pixel * (int64_t)p->element, line = g->in_w * pixel;
  const bool whole = p->line_is_run && x0 >= 0 && x0 + g->kernel_w <= g->in_w;
  const int64_t run = whole ? g->kernel_w * g->channels : g->channels;
  for (int64_t i = 0; i < g->kernel_h; i++) {
    int64_t y = y0 + i * g->dilation_h;
    const uint8_t *from = inside(y, g->in_h) ? image + y * line : NULL;
    if (whole) {
      add_run(w, run, from ? from + x0 * pixel : NULL);
      continue;
    }
    for (int64_t j = 0; j < g->kernel_w; j++) {
      int64_t x = x0 + j * g->dilation_w;
      add_run(w, run, from && inside(x, g->in_w) ? from + x * pixel : NULL);
    }
  }
  flush(w, run);
}

static int32_t zero_of(const ufi_gemm_q *g, int64_t row) { return g->zero[row / g->share]; }

/* Rows that are runs of memory already. */
static void widen_flat(const plan *p, const stripe *s, const uint8_t *in) {
  const ufi_gemm_q *g = p->g;
  const int64_t pixel = g->in_pixel * (int64_t)p->element;
  in += s->row * pixel;
  bool one_zero = s->row / g->share == (s->row + s->rows - 1) / g->share;
  if (g->in_pixel == p->depth && p->depth == p->a_step && one_zero) {
    const void *from = in;
    p->widen(1, (size_t)(s->rows * p->depth), &from, zero_of(g, s->row), s->a);
    return;
  }
  for (int64_t i = 0; i < s->rows; i++, in += pixel) {
    const void *from = in;
    p->widen(1, (size_t)p->depth, &from, zero_of(g, s->row + i), s->a + i * p->a_step);
  }
}

static void widen_windows(const plan *p, const stripe *s, const uint8_t *in) {
  const ufi_gemm_q *g = p->g;
  const int64_t image = g->in_h * g->in_w * g->in_pixel * (int64_t)p->element;
  int64_t line = s->row / g->out_w, x = s->row % g->out_w;
  int64_t b = line / g->out_h, y = line % g->out_h;
  gather w;
  w.p = p;
  w.n = 0;
  for (int64_t i = 0; i < s->rows; i++) {
    w.to = s->a + i * p->a_step;
    w.zero = zero_of(g, s->row + i);
    gather_window(&w, in + b * image, y * g->stride_h - g->pad_top, x * g->stride_w - g->pad_left);
    if (++x < g->out_w) continue;
    x = 0;
    if (++y < g->out_h) continue;
    y = 0;
    b++;
  }
}

static void widen_rows(const plan *p, const stripe *s) {
  const uint8_t *in = (const uint8_t *)p->g->in + s->group * p->g->in_group * (int64_t)p->element;
  if (p->flat) widen_flat(p, s, in);
  else widen_windows(p, s, in);
  if (p->depth == p->a_step) return;
  for (int64_t i = 0; i < s->rows; i++) s->a[i * p->a_step + p->depth] = 0;
}

/* ---- one tile ------------------------------------------------------------------- */

typedef struct tile {
  int64_t row, rows;       /* of the stripe */
  int64_t column, n;
  int64_t at;              /* of the arrays with an element per column */
  const int16_t *a;
  const uint8_t *b;
  uint8_t *out;
} tile;

static void tile_int(const plan *p, const tile *t) {
  const ufi_gemm_q *g = p->g;
  int32_t c[TILE];
  const size_t ld = p->k->q_nr;
  p->gemm((size_t)t->rows, (size_t)t->n, (size_t)p->a_step / 2, t->a, (size_t)p->a_step, t->b,
          g->bias ? g->bias + t->at : no_bias, c, ld);
  if (g->end == UFI_Q_SUM) {
    for (int64_t i = 0; i < t->rows; i++) {
      memcpy((int32_t *)(void *)t->out + i * g->out_pixel, c + (size_t)i * ld, (size_t)t->n * sizeof *c);
    }
    return;
  }
  ufk_q_scale scale = {.zero = g->out_zero, .min = g->out_min, .max = g->out_max};
  if (g->end == UFI_Q_REAL) {
    scale.real = g->real + t->at;
  } else {
    scale.multiplier = g->multiplier + t->at;
    scale.shift = g->shift + t->at;
  }
  p->to_int((size_t)t->rows, (size_t)t->n, c, ld, &scale, t->out, (size_t)g->out_pixel);
}

/* Scales of the rows of a tile. */
static void row_scales(const plan *p, const stripe *s, const tile *t, float *out) {
  const ufi_gemm_q *g = p->g;
  for (int64_t i = 0; i < t->rows; i++) out[i] = g->row_scale[(s->row + t->row + i) / g->share];
}

static void tile_float(const plan *p, const stripe *s, const tile *t) {
  const ufi_gemm_q *g = p->g;
  int32_t c[TILE];
  float row[UFK_Q_MAX_MR];
  row_scales(p, s, t, row);
  p->gemm((size_t)t->rows, (size_t)t->n, (size_t)p->a_step / 2, t->a, (size_t)p->a_step, t->b,
          no_bias, c, p->k->q_nr);
  ufk_q_float scale = {g->column + t->at, g->bias_float ? g->bias_float + t->at : NULL, row,
                       g->column_first, g->min, g->max};
  p->k->to_float((size_t)t->rows, (size_t)t->n, c, p->k->q_nr, &scale, (float *)(void *)t->out,
                 (size_t)g->out_pixel);
}

static void tile_blocks(const plan *p, const stripe *s, const tile *t) {
  const ufi_gemm_q *g = p->g;
  const int64_t nr = (int64_t)p->k->q_nr, blocks = p->depth / g->block, columns = t->rows * nr;
  int32_t c[TILE] = {0};
  float sum[TILE] = {0}, row[UFK_Q_MAX_MR];
  row_scales(p, s, t, row);
  const float *scales = g->blocks + t->column / nr * blocks * nr;
  for (int64_t i = 0; i < blocks; i++, scales += nr) {
    p->gemm((size_t)t->rows, (size_t)t->n, (size_t)g->block / 2, t->a + i * g->block,
            (size_t)p->a_step, t->b + i * g->block * nr * (g->wide ? 2 : 1), no_bias, c, (size_t)nr);
    for (int64_t j = 0; j < columns; j++) sum[j] += (float)c[j] * scales[j % nr];
  }
  for (int64_t i = 0; i < t->rows; i++) {
    float *out = (float *)(void *)t->out + i * g->out_pixel;
    for (int64_t j = 0; j < t->n; j++) {
      float x = sum[i * nr + j] * row[i] + (g->bias_float ? g->bias_float[t->at + j] : 0.0f);
      out[j] = UFI_MIN(UFI_MAX(x, g->min), g->max);
    }
  }
}

static int32_t finish_64(const ufi_gemm_q *g, int64_t sum, int64_t at) {
  int32_t x;
  if (g->end == UFI_Q_FIXED_64) {
    x = ufk_requantize_64(sum, g->multiplier[at], UFI_MIN(g->shift[at], 14));
  } else {
    double y = (double)sum * g->real[at];
    x = ufk_round_f64(UFI_MIN(UFI_MAX(y, -1073741824.0), 1073741824.0));
  }
  return ufk_clamp((int32_t)((uint32_t)x + (uint32_t)g->out_zero), g->out_min, g->out_max);
}

static void tile_64(const plan *p, const tile *t) {
  const ufi_gemm_q *g = p->g;
  const int64_t nr = (int64_t)p->k->q_nr;
  const int64_t most = g->wide ? SAFE_WIDE : SAFE_PRODUCTS;
  int32_t c[TILE] = {0};
  int64_t sum[TILE] = {0};
  for (int64_t k = 0; k < p->a_step; k += most) {
    int64_t products = UFI_MIN(most, p->a_step - k);
    p->gemm((size_t)t->rows, (size_t)t->n, (size_t)products / 2, t->a + k, (size_t)p->a_step,
            t->b + k * nr * (g->wide ? 2 : 1), no_bias, c, (size_t)nr);
    for (int64_t j = 0; j < t->rows * nr; j++) sum[j] += c[j];
  }
  for (int64_t i = 0; i < t->rows; i++) {
    int16_t *out = (int16_t *)(void *)t->out + i * g->out_pixel;
    for (int64_t j = 0; j < t->n; j++) {
      uint64_t bias = g->bias_64 ? (uint64_t)g->bias_64[t->at + j] : 0;
      out[j] = (int16_t)finish_64(g, (int64_t)((uint64_t)sum[i * nr + j] + bias), t->at + j);
    }
  }
}

static void do_tile(const plan *p, const stripe *s, const tile *t) {
  switch (p->g->end) {
    case UFI_Q_FLOAT: tile_float(p, s, t); break;
    case UFI_Q_BLOCKS: tile_blocks(p, s, t); break;
    case UFI_Q_FIXED_64:
    case UFI_Q_REAL_64: tile_64(p, t); break;
    default: tile_int(p, t); break;
  }
}

/* ---- items ------------------------------------------------------------------------ */

static void do_columns(const plan *p, const stripe *s, int64_t column, int64_t n) {
  const ufi_gemm_q *g = p->g;
  const int64_t nr = (int64_t)p->k->q_nr, mr = (int64_t)p->k->q_mr;
  const int64_t tiles = ceil_div(s->rows, mr);
  const int64_t panel = p->a_step * nr * (g->wide ? 2 : 1);
  tile t = {0};
  for (t.column = column; t.column < column + n; t.column += nr) {
    t.n = UFI_MIN(nr, column + n - t.column);
    t.at = s->group * ufi_q_padded(g->n) + t.column;
    t.b = (const uint8_t *)g->b + s->group * g->b_group + t.column / nr * panel;
    t.row = 0;
    for (int64_t left = tiles; left > 0; left--, t.row += t.rows) {
      t.rows = ceil_div(s->rows - t.row, left); /* tiles of nearly equal height */
      t.a = s->a + t.row * p->a_step;
      t.out = s->out + (t.row * g->out_pixel + t.column) * (int64_t)p->out_element;
      do_tile(p, s, &t);
    }
  }
}

static void do_item(const plan *p, int64_t item, int16_t *a) {
  const ufi_gemm_q *g = p->g;
  int64_t block = item % p->row_blocks, rest = item / p->row_blocks;
  int64_t line = rest % p->lines;
  rest /= p->lines;
  int64_t column = rest % p->column_blocks * p->columns;
  int64_t x = block * p->rows;
  stripe s = {.group = rest / p->column_blocks, .row = line * p->width + x, .a = a};
  s.rows = UFI_MIN(p->rows, p->width - x);
  int64_t image = p->lines == 1 ? 0 : line / g->out_h, y = p->lines == 1 ? 0 : line % g->out_h;
  int64_t at = s.group * g->out_group + image * g->out_image + y * g->out_line + x * g->out_pixel;
  s.out = (uint8_t *)g->out + at * (int64_t)p->out_element;
  widen_rows(p, &s);
  do_columns(p, &s, column, UFI_MIN(p->columns, g->n - column));
  if (p->done) p->done->fn(p->done->context, s.row, s.rows);
}

static void do_worker(void *context, size_t worker) {
  const plan *p = context;
  size_t bytes = 0;
  if (!ufi_gemm_q_rows_size(p->depth, &bytes)) return; /* checked in prepare */
  int16_t *a = (int16_t *)(void *)((uint8_t *)p->g->rows + worker * bytes);
  for (int64_t item = (int64_t)worker; item < p->items; item += p->workers) do_item(p, item, a);
}

void ufi_gemm_q_run(ufi_pool *pool, const ufi_gemm_q *g) {
  if (g->batch * g->out_h * g->out_w * g->n * g->groups == 0) return;
  plan p = make_plan(pool, g);
  ufi_parallel(pool, do_worker, &p, (size_t)p.workers);
}

/* ---- packing ------------------------------------------------------------------------ */

bool ufi_gemm_q_packed_size(int64_t depth, int64_t n, bool wide, size_t *bytes_out) {
  int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr;
  if (depth < 0 || n < 0 || depth > INT64_MAX / 8 || n > INT64_MAX / 8) return false;
  return ufi_mul_size((size_t)((depth + 1) / 2 * 2), (size_t)(ceil_div(n, nr) * nr), bytes_out) &&
         ufi_mul_size(*bytes_out, wide ? 2 : 1, bytes_out) && *bytes_out <= SIZE_MAX / 2;
}

/* Where element (k, column of the panel) of a packed panel is. */
static inline int64_t packed_at(int64_t k, int64_t column, int64_t nr) {
  return (k / 2 * nr + column) * 2 + k % 2;
}

/* A column of bytes that lie side by side goes in pairs. */
static void pack_pairs(int64_t rows, const int8_t *from, int64_t nr, int8_t *to) {
  int64_t k = 0;
  for (; k + 1 < rows; k += 2, to += 2 * nr) memcpy(to, from + k, 2);
  if (k < rows) *to = from[k];
}

static int32_t element_at(const void *from, uf_dtype dtype, int64_t i) {
  return dtype == UF_UINT8   ? ((const uint8_t *)from)[i]
         : dtype == UF_INT16 ? ((const int16_t *)from)[i]
                             : ((const int8_t *)from)[i];
}

void ufi_gemm_q_pack(int64_t depth, int64_t n, int64_t k0, int64_t rows, const void *from,
                     uf_dtype dtype, int64_t k_step, int64_t n_step, int32_t zero, bool wide,
                     void *out) {
  enum { CHUNK = 128 };
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, panel = (depth + 1) / 2 * 2 * nr;
  const bool pairs = !wide && k_step == 1 && k0 % 2 == 0;
  for (int64_t j0 = 0; j0 < n; j0 += nr) {
    int8_t *to8 = (int8_t *)out + j0 / nr * panel;
    int16_t *to16 = (int16_t *)out + j0 / nr * panel;
    /* In chunks of rows that stay in cache while columns go by. */
    for (int64_t i0 = 0; i0 < rows; i0 += CHUNK) {
      int64_t i1 = UFI_MIN(i0 + CHUNK, rows);
      for (int64_t j = 0; j < nr && j0 + j < n; j++) {
        int64_t column = (j0 + j) * n_step;
        if (pairs) {
          pack_pairs(i1 - i0, (const int8_t *)from + column + i0, nr,
                     to8 + packed_at(k0 + i0, j, nr));
          continue;
        }
        for (int64_t i = i0; i < i1; i++) {
          int32_t x = element_at(from, dtype, column + i * k_step) - zero;
          if (wide) to16[packed_at(k0 + i, j, nr)] = (int16_t)x;
          else to8[packed_at(k0 + i, j, nr)] = (int8_t)x;
        }
      }
    }
  }
}
