/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_quant.c: cuts a quantized product into tiles.
 *
 * The rows of an item of work (a stripe of the left matrix) are first brought into
 * the worker's own buffer, in one of these ways; then panels of columns go by, and tiles of
 * rows under each. The sums of a tile are finished at once.
 *
 *   in place   the kernel takes bytes where they are
 *   by lines   whole lines of the image, with borders; a row is a run of kernel_w pixels in each of kernel_h
 *              lines, so that windows that overlap share their bytes
 *   gathered   row by row, as bytes or widened to 16 bits, or quantized to bytes
 */
#include "ops/gemm_quant.h"

enum {
  ROWS_BYTES = 128 << 10, /* of a stripe: it should stay in the second cache */
  ITEM_TILES = 16,        /* tiles of rows in an item, more or less */
  MAX_TILES = 18,
  MAX_RUNS = 64,          /* gathered in one call */
  MAX_ROWS = 384,         /* of a stripe */
  UNIT_ROWS = 4,          /* stripes are even but for so many, */
  MANY_TILES = 32,        /* if there are at least so many tiles of rows for each worker */
  FEW_ROWS = 16,          /* worth a stripe, where rows are quantized on the way */
  SAFE_PRODUCTS = 510,    /* 16 x 8 bit products whose sum always fits in 32 bits; even */
  SAFE_WIDE = 256,        /* the same for weights of 9 bits */
  SMALL_WORK = 1 << 20,   /* multiplications below which threads are not worth waking */
  TILE = UFK_Q_MAX_MR * UFK_Q_MAX_NR,
};

static const int32_t no_bias[UFK_Q_MAX_NR];
static const int32_t ones[UFK_Q_MAX_NR] = {[0 ... UFK_Q_MAX_NR - 1] = 1};

typedef struct plan {
  const ufi_gemm_q *g;
  const ufk_qgemm_table *k;
  ufk_q_widen_fn widen;
  ufk_q_to_int_fn to_int;
  uint8_t flip;          /* BYTES: what makes elements bytes of rows */
  int32_t moved;         /* and what that adds to them */
  size_t element;        /* bytes of an input element */
  size_t row_element;    /* of a gathered one */
  size_t out_element;
  bool flat;             /* row r of the left matrix is at in + r * in_pixel */
  bool in_place, by_lines;
  bool line_is_run;      /* taps of one line lie side by side */
  int64_t depth, a_step; /* of a row: elements, and gathered ones (whole groups) */
  int64_t runs, steps;   /* runs of a row that are padded, groups of four (BYTES) or two in each */
  int64_t run_step;      /* elements from one to the next */
  int64_t line;          /* by lines: elements of one, with borders */
  int64_t panel;         /* bytes of a panel of columns */
  int64_t lines, width;  /* output rows, pixels in each, as far as they are regular */
  int64_t image_lines;   /* such lines in an image */
  int64_t unit;          /* rows that stay together */
  int64_t row_blocks, column_blocks;
  int64_t items, workers;
  const ufi_done *done;  /* NULL: items are no whole rows */
  ufi_shares *shares;    /* of items */
} plan;

/* Part of an item: rows of the left matrix, beginning at pixel `row`. */
typedef struct stripe {
  int64_t group, row, rows;
  bool one_zero;         /* all rows have the same zero point */
  const uint8_t *a;      /* rows a_step elements apart, unless by lines */
  const void *rows_at[MAX_ROWS]; /* each */
  int32_t terms[MAX_ROWS]; /* BYTES: with b_zero what it takes from the sums of each, else zero points that differ */
  float scales[MAX_ROWS];  /* of each, for float outputs */
  uint8_t *out;
} stripe;

/* ---- plan ---------------------------------------------------------------------- */

/* Input lines that a window reaches over. */
static int64_t line_reach(const ufi_gemm_q *g) { return (g->kernel_h - 1) * g->dilation_h + 1; }

/* Units in a stripe: as many as fit, and make `tiles` tiles unless they are lines. */
static int64_t stripe_units(const plan *p, int64_t tiles) {
  const ufi_gemm_q *g = p->g;
  if (p->by_lines) {
    const int64_t lines = (ROWS_BYTES / (p->line * (int64_t)p->row_element) - line_reach(g)) / g->stride_h + 1;
    const int64_t rows = UFI_MAX(UFI_MIN(lines, MAX_ROWS / g->out_w) * g->out_w, UFI_MIN(g->out_w, (int64_t)MAX_ROWS));
    return UFI_MAX(rows / p->unit, 1);
  }
  const int64_t row = UFI_MAX(p->a_step * (int64_t)p->row_element, 1);
  int64_t most = tiles * (int64_t)p->k->q_mr / p->unit;
  /* Rows that are quantized on the way should be so once: workers share rows, not columns. */
  if (g->floats && p->workers > 1) most = UFI_MIN(most, UFI_MAX(p->width / (2 * p->workers), FEW_ROWS) / p->unit);
  return UFI_MIN(UFI_MAX(ROWS_BYTES / row / p->unit, 1), most);
}

/* No stripe is larger than ROWS_BYTES but one of a single tile. */
bool ufi_gemm_q_rows_size(int64_t depth, size_t *bytes_out) {
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  if (depth < 0 || depth > INT64_MAX / 8) return false;
  size_t step = (size_t)(depth + 3) / 4 * 4, tile;
  if (!ufi_mul_size(step, (size_t)k->q_mr * 2, &tile) || tile > SIZE_MAX / 4) return false;
  *bytes_out = (UFI_MAX(tile, (size_t)ROWS_BYTES) + UFK_Q_SLACK + 63) / 64 * 64;
  return true;
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

static bool is_small(ufi_pool *pool, const ufi_gemm_q *g, int64_t depth) {
  double pixels = (double)(g->batch * g->out_h * g->out_w);
  return pixels * (double)depth * (double)(g->n * g->groups) < (double)ufi_split_least(pool, SMALL_WORK);
}

static void cut(plan *p) {
  const ufi_gemm_q *g = p->g;
  const bool line_on_line = g->out_line == g->out_w * g->out_pixel;
  const bool all_one = line_on_line && (g->batch == 1 || g->out_image == g->out_h * g->out_line);
  p->image_lines = line_on_line ? 1 : g->out_h;
  p->lines = all_one && !p->by_lines ? 1 : g->batch * p->image_lines;
  p->width = g->batch * g->out_h * g->out_w / p->lines;
  /* Nearly equal stripes, of whole lines if they are read by lines. */
  const int64_t mr = (int64_t)p->k->q_mr, nr = (int64_t)p->k->q_nr, panels = ufi_ceil_div(g->n, nr);
  const bool few = p->width < MANY_TILES * p->workers * mr;
  p->unit = p->by_lines && p->width > g->out_w && g->out_w <= MAX_ROWS ? g->out_w : few ? 1 : UNIT_ROWS;
  p->row_blocks = ufi_parts(ufi_ceil_div(p->width, p->unit), stripe_units(p, ITEM_TILES), stripe_units(p, MAX_TILES), p->workers);
  /* A few panels that are no multiple of the workers would keep one of these waiting. */
  const bool uneven = panels < 4 * p->workers && panels % p->workers != 0;
  if (p->row_blocks == 1 && p->unit == 1 && uneven && p->width >= p->workers * mr) p->row_blocks = p->workers;
  /* Columns are cut only when rows alone keep too few workers busy. */
  const int64_t items = g->groups * p->lines * p->row_blocks;
  p->column_blocks = p->workers < 2 ? 1 : UFI_MIN(panels, ufi_ceil_div(4 * p->workers, items));
  p->items = items * p->column_blocks;
  if (p->column_blocks == 1 && g->groups == 1 && p->lines == 1 && g->out_pixel == g->n) p->done = g->done;
}

/* Where a block of rows begins. */
static int64_t row_at(const plan *p, int64_t block) {
  return UFI_MIN(ufi_part_first(ufi_ceil_div(p->width, p->unit), p->row_blocks, block) * p->unit, p->width);
}

/* Where a block of columns begins: blocks are of as many panels, or one more, in turn. */
static int64_t column_of(const plan *p, int64_t block) {
  const int64_t nr = (int64_t)p->k->q_nr, panels = ufi_ceil_div(p->g->n, nr);
  return UFI_MIN(panels * block / p->column_blocks * nr, p->g->n);
}

/* How rows become what the kernel reads. */
static void choose_rows(plan *p) {
  const ufi_gemm_q *g = p->g;
  const ufk_qgemm_table *k = p->k;
  const bool is_u8 = g->in_dtype == UF_UINT8, bytes = g->kind == UFI_Q_BYTES;
  const int64_t group = bytes ? 4 : 2;
  p->element = g->in_dtype == UF_INT16 ? 2 : 1;
  p->row_element = bytes ? 1 : 2;
  p->flat = is_flat(g);
  p->line_is_run = g->dilation_w == 1 && g->in_pixel == g->channels;
  p->depth = g->kernel_h * g->kernel_w * g->channels;
  p->runs = UFI_MAX(g->runs, 1);
  p->steps = ufi_ceil_div(p->depth / p->runs, group);
  p->run_step = p->steps * group;
  p->a_step = p->runs * p->run_step;
  if (bytes) {
    p->flip = is_u8 ? k->q_flip ^ 0x80 : k->q_flip;
    p->moved = !p->flip ? 0 : k->q_flip ? 128 : -128;
    p->panel = (4 + p->a_step) * (int64_t)k->q_nr;
    p->in_place = p->flat && !p->flip && p->a_step == p->depth && !g->floats;
    if (p->in_place) p->a_step = g->in_pixel;
  } else {
    p->widen = g->in_dtype == UF_INT16 ? k->widen_s16 : is_u8 ? k->widen_u8 : k->widen_s8;
    p->panel = p->a_step * (int64_t)k->q_nr * (g->kind == UFI_Q_WIDE ? 2 : 1);
  }
  p->line = ((g->out_w - 1) * g->stride_w + g->kernel_w) * g->channels;
  p->by_lines = g->runs == g->kernel_h && g->kernel_h * g->kernel_w > 1 && p->line_is_run && g->dilation_h > 0 &&
                g->pad_top >= 0 && g->pad_left >= 0 &&
                (double)(line_reach(g) + g->stride_h) * (double)p->line * (double)p->row_element <= ROWS_BYTES;
  if (p->by_lines) p->run_step = g->dilation_h * p->line;
}

static void make_plan(ufi_pool *pool, const ufi_gemm_q *g, plan *p) {
  *p = (plan){.g = g, .k = &ufi_kernels_get()->qgemm};
  p->to_int = to_int_of(p->k, g);
  p->out_element = (size_t)uf_dtype_bits(g->out_dtype) / 8;
  choose_rows(p);
  int32_t threads = pool && !is_small(pool, g, p->depth) ? ufi_pool_threads(pool) : 1;
  p->workers = UFI_MAX(UFI_MIN(threads, g->workers), 1);
  cut(p);
  p->workers = UFI_MIN(p->workers, p->items);
}

/* ---- gathering rows ------------------------------------------------------------- */

static int32_t zero_of(const ufi_gemm_q *g, int64_t row) { return g->zero[row / g->share]; }

/* Runs of memory on their way to `to`. */
typedef struct gather {
  const plan *p;
  int32_t zero;
  uint8_t *to;
  size_t n;                 /* runs waiting */
  const void *runs[MAX_RUNS];
} gather;

static void flush(gather *w, int64_t run) {
  const plan *p = w->p;
  if (p->row_element == 1) {
    p->k->copy(w->n, (size_t)run, w->runs, p->flip, (uint8_t)(w->zero + p->moved), w->to);
  } else {
    p->widen(w->n, (size_t)run, w->runs, w->zero, (int16_t *)(void *)w->to);
  }
  w->to += (int64_t)(w->n * p->row_element) * run;
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
  uint8_t *to = w->to;
  for (int64_t i = 0; i < g->kernel_h; i++) {
    int64_t y = y0 + i * g->dilation_h;
    const uint8_t *from = ufi_inside(y, g->in_h) ? image + y * line : NULL;
    if (whole) {
      add_run(w, run, from ? from + x0 * pixel : NULL);
    } else {
      for (int64_t j = 0; j < g->kernel_w; j++) {
        int64_t x = x0 + j * g->dilation_w;
        add_run(w, run, from && ufi_inside(x, g->in_w) ? from + x * pixel : NULL);
      }
    }
    if (p->runs <= 1) continue;
    flush(w, run); /* each line is padded to whole groups */
    w->to = to += p->run_step * (int64_t)p->row_element;
  }
  flush(w, run);
}

/* One line of the image, NULL outside, with borders of zero points. */
static void copy_line(const plan *p, const uint8_t *from, int32_t zero, uint8_t *to) {
  const ufi_gemm_q *g = p->g;
  const int64_t before = UFI_MIN(g->pad_left * g->channels, p->line);
  const int64_t copied = from ? UFI_MAX(UFI_MIN(g->in_w * g->channels, p->line - before), 0) : 0;
  const size_t size = p->row_element, behind = (size_t)(p->line - before - copied);
  const uint8_t fill = p->widen ? 0 : (uint8_t)(zero + p->moved);
  const void *run = from;
  uint8_t *at = to + (size_t)before * size;
  memset(to, fill, (size_t)before * size);
  if (copied > 0 && p->widen) p->widen(1, (size_t)copied, &run, zero, (int16_t *)(void *)at);
  else if (copied > 0) p->k->copy(1, (size_t)copied, &run, p->flip, fill, at);
  memset(at + (size_t)copied * size, fill, behind * size);
}

/* Input lines under the windows of a stripe's rows, and where each row begins in them. All rows are of one image. */
static void copy_lines(const plan *p, stripe *s, const uint8_t *in, uint8_t *a) {
  const ufi_gemm_q *g = p->g;
  const int64_t image = s->row / (g->out_h * g->out_w), first = s->row % (g->out_h * g->out_w);
  const int64_t y0 = first / g->out_w, y1 = (first + s->rows - 1) / g->out_w;
  const int64_t top = y0 * g->stride_h - g->pad_top, lines = (y1 - y0) * g->stride_h + line_reach(g);
  const int64_t line = p->line * (int64_t)p->row_element, step = g->stride_w * g->channels * (int64_t)p->row_element;
  for (int64_t i = 0; i < lines; i++) {
    const bool inside = ufi_inside(top + i, g->in_h);
    const uint8_t *from = inside ? in + (image * g->in_h + top + i) * g->in_w * g->channels : NULL;
    copy_line(p, from, zero_of(g, s->row), a + i * line);
  }
  memset(a + lines * line, 0, 4); /* the last group of the last row may reach there */
  int64_t y = 0, x = first % g->out_w;
  for (int64_t i = 0; i < s->rows; i++) {
    s->rows_at[i] = a + y * g->stride_h * line + x * step;
    if (++x < g->out_w) continue;
    x = 0;
    y++;
  }
}

static uint8_t *row_of(const plan *p, uint8_t *a, int64_t row) {
  return a + row * p->a_step * (int64_t)p->row_element;
}

/* Rows that are runs of memory already. */
static void gather_flat(const plan *p, const stripe *s, const uint8_t *in, uint8_t *a) {
  const ufi_gemm_q *g = p->g;
  const int64_t pixel = g->in_pixel * (int64_t)p->element;
  const bool one_run = g->in_pixel == p->depth && p->depth == p->a_step && s->one_zero;
  gather w = {.p = p};
  in += s->row * pixel;
  for (int64_t i = 0; i < s->rows; i++, in += pixel) {
    w.to = row_of(p, a, i);
    w.zero = zero_of(g, s->row + i);
    add_run(&w, p->depth, in);
    flush(&w, one_run ? s->rows * p->depth : p->depth);
    if (one_run) break;
  }
}

/* Rows of floats, each with a scale and zero point of its own. A few take each step together, so that their divisions
 * do not wait for each other. */
static void gather_floats(const plan *p, stripe *s, uint8_t *a) {
  enum { ROWS = 8 };
  const ufi_gemm_q *g = p->g;
  const float *in = g->floats + s->group * g->in_group + s->row * g->in_pixel;
  for (int64_t first = 0; first < s->rows; first += ROWS) {
    const int64_t end = UFI_MIN(first + ROWS, s->rows);
    float min[ROWS], max[ROWS];
    ufk_q_grid grid[ROWS];
    for (int64_t i = first; i < end; i++) p->k->range((size_t)p->depth, in + i * g->in_pixel, min + i - first, max + i - first);
    for (int64_t i = first; i < end; i++) grid[i - first] = ufk_q_grid_of(min[i - first], max[i - first], g->asymmetric);
    for (int64_t i = first; i < end; i++) {
      const ufk_q_grid *of = grid + i - first;
      uint8_t *to = row_of(p, a, i);
      p->k->codes((size_t)p->depth, in + i * g->in_pixel, of, g->asymmetric, p->flip, (int8_t *)to);
      memset(to + p->depth, 0, (size_t)(p->a_step - p->depth));
      s->scales[i] = of->scale * g->scale;
      s->terms[i] = of->zero + p->moved;
    }
  }
}

static void gather_windows(const plan *p, const stripe *s, const uint8_t *in, uint8_t *a) {
  const ufi_gemm_q *g = p->g;
  const int64_t image = g->in_h * g->in_w * g->in_pixel * (int64_t)p->element;
  int64_t line = s->row / g->out_w, x = s->row % g->out_w;
  int64_t b = line / g->out_h, y = line % g->out_h;
  gather w;
  w.p = p;
  w.n = 0;
  for (int64_t i = 0; i < s->rows; i++) {
    w.to = row_of(p, a, i);
    w.zero = zero_of(g, s->row + i);
    gather_window(&w, in + b * image, y * g->stride_h - g->pad_top, x * g->stride_w - g->pad_left);
    if (++x < g->out_w) continue;
    x = 0;
    if (++y < g->out_h) continue;
    y = 0;
    b++;
  }
}

/* (a - zero) * (b - b_zero) is (a - zero) * b, less the sum of a - zero times b_zero. */
static void set_terms(const plan *p, stripe *s) {
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  const int64_t zeros = p->depth * (zero_of(p->g, s->row) + p->moved);
  const size_t n = (size_t)(p->depth / p->runs);
  for (int64_t i = 0; i < s->rows; i++) {
    int64_t sum = 0;
    for (int64_t run = 0; run < p->runs; run++) {
      const uint8_t *at = (const uint8_t *)s->rows_at[i] + run * p->run_step;
      sum += p->k->q_flip ? k->u8_sum(at, n) : k->s8_sum((const int8_t *)at, n);
    }
    s->terms[i] = (int32_t)(uint32_t)((uint64_t)(sum - zeros) * (uint64_t)p->g->b_zero);
  }
}

/* What lies behind the last element of a run meets weights of 0; int16 is cleared all the same, as memory that
 * nobody wrote must not be read: bytes are, by the slack of the run in front. */
static void clear_ends(const plan *p, const stripe *s, int16_t *to) {
  const int64_t run = p->depth / p->runs;
  if (run == p->run_step) return;
  for (int64_t i = 0; i < s->rows * p->runs; i++) to[i * p->run_step + run] = 0;
}

static void gather_rows(const plan *p, stripe *s, uint8_t *a) {
  const uint8_t *in = (const uint8_t *)p->g->in + s->group * p->g->in_group * (int64_t)p->element;
  s->a = a;
  if (p->by_lines) {
    copy_lines(p, s, in, a);
  } else {
    if (p->g->floats) gather_floats(p, s, a);
    else if (p->in_place) s->a = in + s->row * p->g->in_pixel;
    else if (p->flat) gather_flat(p, s, in, a);
    else gather_windows(p, s, in, a);
    for (int64_t i = 0; i < s->rows; i++) s->rows_at[i] = s->a + i * p->a_step * (int64_t)p->row_element;
    if (p->widen) clear_ends(p, s, (int16_t *)(void *)a);
  }
  if (p->g->b_zero) set_terms(p, s);
}

/* ---- one tile ------------------------------------------------------------------- */

typedef struct tile {
  int64_t row, rows;       /* of the stripe */
  int64_t column, n;
  int64_t at;              /* of the arrays with an element per column */
  const uint8_t *b;
  const int32_t *start;    /* of sums */
  const int32_t *zero, *sums; /* BYTES: of rows and of columns, less their product; zero NULL: less nothing */
  uint8_t *out;
} tile;

ufk_q_scale ufi_gemm_q_scale(const ufi_gemm_q *g, int64_t at) {
  ufk_q_scale scale = {.zero = g->out_zero, .min = g->out_min, .max = g->out_max};
  if (g->end == UFI_Q_REAL) {
    scale.real = g->real + at;
  } else {
    scale.multiplier = g->multiplier + at;
    scale.shift = g->shift + at;
  }
  if (g->factor) {
    scale.factor = g->factor + at;
    scale.nudge = g->nudge + at;
  }
  return scale;
}

/* From the sums of a tile to int outputs. */
static void finish_int(const plan *p, const tile *t, const ufk_q_scale *scale, const int32_t *c) {
  const ufi_gemm_q *g = p->g;
  const size_t ld = p->k->q_nr;
  if (g->end != UFI_Q_SUM) {
    p->to_int((size_t)t->rows, (size_t)t->n, c, ld, scale, t->out, (size_t)g->out_pixel);
    return;
  }
  for (int64_t i = 0; i < t->rows; i++) {
    memcpy((int32_t *)(void *)t->out + i * g->out_pixel, c + (size_t)i * ld, (size_t)t->n * sizeof *c);
  }
}

ufk_q_float ufi_gemm_q_float(const ufi_gemm_q *g, int64_t at, const float *row_scales) {
  return (ufk_q_float){g->column + at, g->bias_float ? g->bias_float + at : NULL, row_scales, g->column_first, g->min, g->max};
}

static ufk_q_float float_of(const plan *p, const stripe *s, const tile *t) {
  return ufi_gemm_q_float(p->g, t->at, s->scales + t->row);
}

static void finish_float(const plan *p, const stripe *s, const tile *t, const int32_t *c) {
  const ufk_q_float scale = float_of(p, s, t);
  p->k->to_float((size_t)t->rows, (size_t)t->n, c, p->k->q_nr, &scale, (float *)(void *)t->out,
                 (size_t)p->g->out_pixel);
}

/* Adds `products` of tile t from column k on to sums (rows, nr). */
static void add_pairs(const plan *p, const stripe *s, const tile *t, int64_t k, int64_t products, int32_t *sums) {
  const size_t nr = p->k->q_nr, bytes = p->g->kind == UFI_Q_WIDE ? 2 : 1;
  const void *a[UFK_Q_MAX_MR];
  for (int64_t i = 0; i < t->rows; i++) a[i] = (const int16_t *)s->rows_at[t->row + i] + k;
  const ufk_q_pairs pairs = {.rows = (size_t)t->rows, .n = (size_t)t->n, .runs = 1, .pairs = (size_t)products / 2, .a = a,
                             .b = t->b + (size_t)k * nr * bytes, .wide = bytes == 2, .c = sums, .ldc = nr};
  (void)p->k->gemm_pairs(&pairs, &(ufk_q_end){0});
}

static void tile_blocks(const plan *p, const stripe *s, const tile *t) {
  const ufi_gemm_q *g = p->g;
  const int64_t nr = (int64_t)p->k->q_nr, blocks = p->depth / g->block, columns = t->rows * nr;
  float sum[TILE] = {0};
  const float *row = s->scales + t->row;
  const float *scales = g->blocks + t->column / nr * blocks * nr;
  for (int64_t i = 0; i < blocks; i++, scales += nr) {
    int32_t c[TILE] = {0};
    add_pairs(p, s, t, i * g->block, g->block, c);
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

static void tile_64(const plan *p, const stripe *s, const tile *t) {
  const ufi_gemm_q *g = p->g;
  const int64_t nr = (int64_t)p->k->q_nr;
  const int64_t most = g->kind == UFI_Q_WIDE ? SAFE_WIDE : SAFE_PRODUCTS;
  int64_t sum[TILE] = {0};
  for (int64_t k = 0; k < p->a_step; k += most) {
    int32_t c[TILE] = {0};
    add_pairs(p, s, t, k, UFI_MIN(most, p->a_step - k), c);
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

/* ---- items ------------------------------------------------------------------------ */

static uint8_t *out_of(const plan *p, const stripe *s, const tile *t) {
  return s->out + (t->row * p->g->out_pixel + t->column) * (int64_t)p->out_element;
}

/* What tiles of one panel of columns share. start: room for it. */
static void set_panel(const plan *p, const stripe *s, tile *t, int32_t *start) {
  const ufi_gemm_q *g = p->g;
  t->at = s->group * ufi_q_padded(g->n) + t->column;
  t->b = (const uint8_t *)g->b + s->group * g->b_group + t->column / (int64_t)p->k->q_nr * p->panel;
  t->start = g->bias ? g->bias + t->at : no_bias;
  if (g->kind != UFI_Q_BYTES || p->depth == 0) return;
  const int32_t *sums = (const int32_t *)(const void *)t->b;
  t->b += p->k->q_nr * sizeof *sums;
  t->zero = s->one_zero && !g->b_zero ? NULL : s->terms;
  t->sums = g->b_zero ? ones : sums;
  if (!s->one_zero) return;
  const uint32_t zero = (uint32_t)(zero_of(g, s->row) + p->moved);
  for (size_t j = 0; j < p->k->q_nr; j++) start[j] = (int32_t)((uint32_t)t->start[j] - zero * (uint32_t)sums[j]);
  t->start = start;
}

/* Tiles whose sums do not become outputs by themselves. */
static void do_tiles(const plan *p, const stripe *s, tile *t) {
  for (int64_t left = ufi_ceil_div(s->rows, (int64_t)p->k->q_mr), row = 0; left > 0; left--, row += t->rows) {
    t->rows = ufi_ceil_div(s->rows - row, left); /* tiles of nearly equal height */
    t->row = row;
    t->out = out_of(p, s, t);
    if (p->g->end == UFI_Q_BLOCKS) tile_blocks(p, s, t);
    else tile_64(p, s, t);
  }
}

/* As many of the rows from t->row on as go at once. */
static ufk_q_rows multiply_bytes(const plan *p, const stripe *s, const tile *t, const ufk_q_end *end, int32_t *c) {
  const ufk_q_bytes bytes = {.rows = (size_t)(s->rows - t->row), .n = (size_t)t->n, .runs = (size_t)p->runs,
                             .quads = (size_t)p->steps, .a = s->rows_at + t->row, .run_step = (size_t)p->run_step,
                             .b = (const int8_t *)t->b, .start = t->start, .zero = t->zero ? t->zero + t->row : NULL,
                             .sums = t->sums, .c = c};
  return p->k->gemm_bytes(&bytes, end);
}

static ufk_q_rows multiply_pairs(const plan *p, const stripe *s, const tile *t, const ufk_q_end *end, int32_t *c) {
  const size_t all = (size_t)(s->rows - t->row);
  const size_t rows = ufk_q_has_end(end) ? all : UFI_MIN(all, p->k->q_mr); /* c is for one tile */
  const ufk_q_pairs pairs = {.rows = rows, .n = (size_t)t->n, .runs = (size_t)p->runs,
                             .pairs = (size_t)p->steps, .a = s->rows_at + t->row, .run_step = (size_t)p->run_step, .b = t->b,
                             .wide = p->g->kind == UFI_Q_WIDE, .start = t->start, .c = c, .ldc = p->k->q_nr};
  return p->k->gemm_pairs(&pairs, end);
}

/* All rows under a panel. */
static void do_panel(const plan *p, const stripe *s, tile *t) {
  const ufi_gemm_q *g = p->g;
  int32_t c[TILE];
  const bool is_float = g->end == UFI_Q_FLOAT, is_int = !is_float && g->end != UFI_Q_SUM;
  const bool ends = g->kind == UFI_Q_BYTES || (g->kind == UFI_Q_PAIRS && p->k->pairs_end);
  const bool at_once = is_int && g->out_dtype != UF_INT16 && ends;
  const ufk_q_scale scale = is_int ? ufi_gemm_q_scale(p->g, t->at) : (ufk_q_scale){0};
  ufk_q_scale exact = scale;
  if (at_once) exact.factor = NULL; /* the other way has been tried */
  for (t->row = 0; t->row < s->rows; t->row += t->rows) {
    const ufk_q_float to_float = float_of(p, s, t);
    const ufk_q_end end = {.scale = at_once ? &scale : NULL, .is_u8 = g->out_dtype == UF_UINT8,
                           .to_float = is_float ? &to_float : NULL, .out = out_of(p, s, t), .step = (size_t)g->out_pixel};
    const ufk_q_rows rows = (g->kind == UFI_Q_BYTES ? multiply_bytes : multiply_pairs)(p, s, t, &end, c);
    t->row += (int64_t)rows.made;
    t->rows = (int64_t)rows.summed;
    t->out = out_of(p, s, t);
    if (t->rows == 0) break;
    if (is_float) finish_float(p, s, t, c);
    else finish_int(p, t, &exact, c);
  }
}

static void do_columns(const plan *p, const stripe *s, int64_t column, int64_t n) {
  int32_t start[UFK_Q_MAX_NR];
  const ufi_q_end end = p->g->end;
  const bool by_tiles = end == UFI_Q_BLOCKS || end == UFI_Q_FIXED_64 || end == UFI_Q_REAL_64;
  tile t = {0};
  for (t.column = column; t.column < column + n; t.column += (int64_t)p->k->q_nr) {
    t.n = UFI_MIN((int64_t)p->k->q_nr, column + n - t.column);
    set_panel(p, s, &t, start);
    if (by_tiles) do_tiles(p, s, &t);
    else do_panel(p, s, &t);
  }
}

static bool has_one_zero(const plan *p, const stripe *s) {
  const ufi_gemm_q *g = p->g;
  const int32_t *zero = g->zero + s->row / g->share, *last = g->zero + (s->row + s->rows - 1) / g->share;
  for (const int32_t *z = zero; z < last; z++) {
    if (z[1] != *zero) return false;
  }
  return true;
}

/* Scales of rows, and their zero points where these are not one. */
static void set_rows(const plan *p, stripe *s) {
  const ufi_gemm_q *g = p->g;
  for (int64_t i = 0, of = s->row / g->share, left = g->share - s->row % g->share; i < s->rows; i++, left--) {
    if (left == 0) {
      of++;
      left = g->share;
    }
    if (g->row_scale) s->scales[i] = g->row_scale[of];
    if (!s->one_zero) s->terms[i] = g->zero[of] + p->moved;
  }
}

/* Rows of item `at`, columns aside. */
static void set_stripe(const plan *p, int64_t at, stripe *s) {
  const ufi_gemm_q *g = p->g;
  const int64_t x = row_at(p, at % p->row_blocks), line = at / p->row_blocks % p->lines;
  const int64_t image = line / p->image_lines, y = line % p->image_lines;
  s->group = at / p->row_blocks / p->lines;
  s->row = line * p->width + x;
  s->rows = row_at(p, at % p->row_blocks + 1) - x;
  s->one_zero = g->floats ? !g->asymmetric : has_one_zero(p, s);
  if (!g->floats && (g->row_scale || !s->one_zero)) set_rows(p, s);
  const int64_t out = s->group * g->out_group + image * g->out_image + y * g->out_line + x * g->out_pixel;
  s->out = (uint8_t *)g->out + out * (int64_t)p->out_element;
}

/* Items that share rows follow each other, so that a worker rarely gathers the same rows again. */
static void do_worker(void *context, size_t worker) {
  plan *p = context;
  const ufi_gemm_q *g = p->g;
  size_t bytes = 0;
  if (!ufi_gemm_q_rows_size(p->depth, &bytes)) return; /* checked in prepare */
  uint8_t *rows = (uint8_t *)g->rows + worker * bytes;
  stripe s;
  for (int64_t item, held = -1; (item = ufi_shares_take(p->shares, worker)) >= 0;) {
    const int64_t at = item / p->column_blocks, block = item % p->column_blocks, column = column_of(p, block);
    if (at != held) {
      set_stripe(p, at, &s);
      gather_rows(p, &s, rows);
    }
    held = at;
    do_columns(p, &s, column, column_of(p, block + 1) - column);
    if (p->done) p->done->fn(p->done->context, s.row, s.rows);
  }
}

void ufi_gemm_q_run(ufi_pool *pool, const ufi_gemm_q *g) {
  if (g->batch * g->out_h * g->out_w * g->n * g->groups == 0) return;
  plan p;
  make_plan(pool, g, &p);
  ufi_shares shares;
  ufi_shares_begin(p.shares = &shares, p.items, p.workers);
  ufi_parallel(pool, do_worker, &p, (size_t)p.workers);
}
