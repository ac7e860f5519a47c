/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise_tmpl.h: the kernels of depthwise.h in the vector vocabulary of
 * simd/f32_<isa>.h, which depthwise_<isa>.c includes first.
 *
 * Functions that take the tile's size are inlined into callers that give it as
 * a constant, so that accumulators become registers.
 */
#include <float.h>

#include "kernels/depthwise.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

/* Pixels of the widest tile of depthwise convolution, and how many kinds there are. */
enum { TILE_PX = 7, TILE_KINDS = 4 };

/* The limits are the first operands: a NaN passes. */
INLINE vf clamp(vf x, vf min, vf max) { return vf_min(max, vf_max(min, x)); }

enum window_kind { DEPTHWISE, MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

typedef struct window_args {
  const ufk_f32_window *w;
  size_t w_row_step;     /* depthwise */
  vf min, max;
} window_args;

INLINE vf load_some(const float *p, size_t n) { return n == VF_LANES ? vf_load(p) : vf_load_part(p, n); }
INLINE void store_some(float *p, vf v, size_t n) {
  if (n == VF_LANES) vf_store(p, v);
  else vf_store_part(p, v, n);
}

INLINE vf window_add(const enum window_kind kind, vf acc, vf x, vf weight) {
  if (kind == DEPTHWISE) return vf_fma(x, weight, acc);
  if (kind == MAXIMUM) return vf_max(x, acc);
  return kind == MEAN ? vf_add(acc, x) : vf_fma(x, x, acc);
}

INLINE vf window_end(const enum window_kind kind, const window_args *g, vf acc) {
  vf count = vf_set((float)(g->w->rows * g->w->cols));
  if (kind == MEAN) acc = vf_div(acc, count);
  if (kind == ROOT_MEAN_SQUARE) acc = vf_sqrt(vf_div(acc, count));
  return clamp(acc, g->min, g->max);
}

/* px pixels of nv vectors of channels, the last of which has `last` channels. */
INLINE void window_tile(const enum window_kind kind, const size_t px, const size_t nv,
                        const window_args *g, const float *in, const float *weights,
                        const float *bias, float *out, size_t last) {
  const ufk_f32_window *w = g->w;
  vf acc[4][4];
  UNROLL for (size_t p = 0; p < px; p++) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      size_t n = j + 1 < nv ? VF_LANES : last;
      acc[p][j] = kind == DEPTHWISE ? load_some(bias + j * VF_LANES, n)
                  : kind == MAXIMUM ? vf_set(-FLT_MAX)
                                    : vf_set(0.0f);
    }
  }
  for (size_t y = 0; y < w->rows; y++) {
    const float *tap = in + (ptrdiff_t)y * w->row_step;
    const float *weight = kind == DEPTHWISE ? weights + y * g->w_row_step : NULL;
    for (size_t x = w->cols; x > 0; x--, tap += w->col_step) {
      UNROLL for (size_t j = 0; j < nv; j++) {
        size_t n = j + 1 < nv ? VF_LANES : last;
        vf k = kind == DEPTHWISE ? load_some(weight + j * VF_LANES, n) : vf_set(0.0f);
        UNROLL for (size_t p = 0; p < px; p++) {
          vf v = load_some(tap + (ptrdiff_t)p * w->in_step + j * VF_LANES, n);
          acc[p][j] = window_add(kind, acc[p][j], v, k);
        }
      }
      if (kind == DEPTHWISE) weight += w->channels;
    }
  }
  UNROLL for (size_t p = 0; p < px; p++) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      store_some(out + (ptrdiff_t)p * w->out_step + j * VF_LANES, window_end(kind, g, acc[p][j]),
                 j + 1 < nv ? VF_LANES : last);
    }
  }
}

/* One vector of channels of all pixels. */
INLINE void window_column(const enum window_kind kind, const window_args *g, const float *in,
                          const float *weights, const float *bias, float *out, size_t last) {
  size_t n = g->w->n;
  for (; n >= 4; n -= 4, in += 4 * g->w->in_step, out += 4 * g->w->out_step) {
    window_tile(kind, 4, 1, g, in, weights, bias, out, last);
  }
  for (; n > 0; n--, in += g->w->in_step, out += g->w->out_step) {
    window_tile(kind, 1, 1, g, in, weights, bias, out, last);
  }
}

INLINE void window_run(const enum window_kind kind, const window_args *g, const float *in,
                       const float *weights, const float *bias, float *out) {
  size_t c = 0, channels = g->w->channels;
  const bool depthwise = kind == DEPTHWISE;
  for (; c + 4 * VF_LANES <= channels && (g->w->n == 1 || !depthwise); c += 4 * VF_LANES) {
    const float *from = in + c;
    float *to = out + c;
    for (size_t n = g->w->n; n > 0; n--, from += g->w->in_step, to += g->w->out_step) {
      window_tile(kind, 1, 4, g, from, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  to, VF_LANES);
    }
  }
  for (; c + VF_LANES <= channels; c += VF_LANES) {
    window_column(kind, g, in + c, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  out + c, VF_LANES);
  }
  if (c < channels) {
    window_column(kind, g, in + c, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  out + c, channels - c);
  }
}

/* ---- depthwise convolution ---------------------------------------------------- */

/* One line of the output: taps of the rows that are inside the image. */
typedef struct line {
  const ufk_f32_depthwise *d;
  const float *in;       /* column 0 under the first of them */
  const float *weights;
  float *out;
  int64_t rows, row_step;
  vf min, max;
} line;

static line line_of(const ufk_f32_depthwise *d, int64_t y) {
  int64_t first, at = y * d->stride_h - d->pad_top;
  line l = {.d = d, .out = d->out + y * d->out_w * d->channels, .min = vf_set(d->min), .max = vf_set(d->max)};
  ufk_taps_inside(at, d->in_h, d->kernel_h, d->dilation_h, &first, &l.rows);
  l.weights = d->weights + (l.rows ? first * d->kernel_w * d->channels : 0);
  l.row_step = l.rows > 1 ? d->dilation_h * d->in_w * d->channels : 0; /* else it may be beyond any memory */
  l.in = d->in + (l.rows ? (at + first * d->dilation_h) * d->in_w * d->channels : 0);
  return l;
}

/* px output pixels side by side share the input pixels under them, whose columns
 * from `column` on are inside the image in [first, last); `inside`: all. */
typedef struct tile {
  int64_t column, first, last;
  float *out;
} tile;

/* Channels [begin, end), at least a vector of them: the last vector begins early rather than being a part. */
INLINE void tile_run(const int kw, const int stride, const int px, const bool inside, const line *l,
                     const tile *t, int64_t begin, int64_t end) {
  const int64_t channels = l->d->channels, row_step = l->row_step, w_step = kw * channels;
  const int64_t first = t->first, last = t->last;
  const vf min = l->min, max = l->max;
  for (int64_t at = begin; at < end; at += VF_LANES) {
    const int64_t c = UFI_MIN(at, end - VF_LANES);
    const float *in = l->in + (t->column * channels + c), *weights = l->weights + c;
    float *out = t->out + c;
    vf acc[TILE_PX];
    UNROLL for (int p = 0; p < px; p++) acc[p] = vf_load(l->d->bias + c);
    for (int64_t y = l->rows; y > 0; y--, in += row_step, weights += w_step) {
      vf weight[5];
      UNROLL for (int x = 0; x < kw; x++) weight[x] = vf_hold(vf_load(weights + x * channels));
      UNROLL for (int i = 0; i < (px - 1) * stride + kw; i++) {
        if (!inside && (i < first || i >= last)) continue;
        const vf v = vf_hold(vf_load(in + i * channels));
        UNROLL for (int p = 0; p < px; p++) {
          if (i >= p * stride && i < p * stride + kw) acc[p] = vf_fma(v, weight[i - p * stride], acc[p]);
        }
      }
    }
    UNROLL for (int p = 0; p < px; p++) vf_store(out + p * channels, clamp(acc[p], min, max));
  }
}

typedef void (*tile_fn)(const line *l, const tile *t, int64_t begin, int64_t end);

#define TILE(name, kw, stride, px, inside)                                                            \
  static void name##_##kw##_##stride(const line *l, const tile *t, int64_t begin, int64_t end) { \
    tile_run(kw, stride, px, inside, l, t, begin, end);                                          \
  }
#define TILES(kw, stride)             \
  TILE(inside_7, kw, stride, 7, true)  \
  TILE(border_7, kw, stride, 7, false) \
  TILE(border_4, kw, stride, 4, false) \
  TILE(border_1, kw, stride, 1, false)
TILES(3, 1) TILES(3, 2) TILES(5, 1) TILES(5, 2)

/* By kernel width, stride and pixels; the first is for tiles that are inside. Images of the usual
 * networks are multiples of seven pixels wide. */
static const int tile_px[TILE_KINDS] = {7, 7, 4, 1};
#define TILE_ROW(kw, stride) \
  {inside_7_##kw##_##stride, border_7_##kw##_##stride, border_4_##kw##_##stride, border_1_##kw##_##stride}
static const tile_fn tile_fns[2][2][TILE_KINDS] = {{TILE_ROW(3, 1), TILE_ROW(3, 2)}, {TILE_ROW(5, 1), TILE_ROW(5, 2)}};

static bool has_tiles(const ufk_f32_depthwise *d) {
  return (d->kernel_w == 3 || d->kernel_w == 5) && (d->stride_w == 1 || d->stride_w == 2) && d->dilation_w == 1 &&
         d->channels >= VF_LANES;
}

/* The kind of tile for the pixels that are left of a line of `all`. */
static int tile_kind(int64_t left, int64_t all) {
  if (all >= 7 && left > 4) return 1;
  return all >= 4 && left > 1 ? 2 : 3;
}

/* Channels [begin, end) of the pixels [from, to) of a line. The last tile begins early rather than
 * being narrow. */
static void line_tiles(const line *l, int64_t from, int64_t to, int64_t begin, int64_t end) {
  const ufk_f32_depthwise *d = l->d;
  const tile_fn *fns = tile_fns[d->kernel_w == 5][d->stride_w == 2];
  for (int64_t x = from; x < to;) {
    const int kind = tile_kind(to - x, to);
    const int64_t px = tile_px[kind], at = UFI_MIN(x, to - px);
    const int64_t column = at * d->stride_w - d->pad_left, columns = (px - 1) * d->stride_w + d->kernel_w;
    const tile t = {column, UFI_MAX(-column, 0), UFI_MIN(columns, d->in_w - column), l->out + at * d->channels};
    const bool inside = kind == 1 && t.first == 0 && t.last == columns;
    fns[inside ? 0 : kind](l, &t, begin, end);
    x = at + px;
  }
}

/* The image in strips of which a window's rows stay in the first cache while the lines are walked down. */
static void depthwise_strips(const ufk_f32_depthwise *d, int64_t begin, int64_t end) {
  enum { CACHED = 6144, MOST_CHANNELS = 128 };
  for (int64_t c = 0, channels; c < d->channels; c += channels) {
    channels = d->channels - c < MOST_CHANNELS + VF_LANES ? d->channels - c : MOST_CHANNELS;
    const int64_t pixels = CACHED / channels / d->kernel_h / d->stride_w;
    const int64_t width = UFI_MAX(pixels / TILE_PX, 1) * TILE_PX;
    for (int64_t x = 0; x < d->out_w; x += width) {
      for (int64_t y = begin; y < end; y++) {
        const line l = line_of(d, y);
        line_tiles(&l, x, UFI_MIN(x + width, d->out_w), c, c + channels);
      }
    }
  }
}

/* Other windows: runs of pixels that see the same taps of a line, those whose window lies between
 * the left and the right border in one run, the others one by one. */
static void depthwise_runs(const ufk_f32_depthwise *d, int64_t y) {
  const line l = line_of(d, y);
  const int64_t c = d->channels, reach = (d->kernel_w - 1) * d->dilation_w;
  for (int64_t x = 0, n; x < d->out_w; x += n) {
    int64_t first, cols, at = x * d->stride_w - d->pad_left, room = d->in_w - 1 - reach - at;
    ufk_taps_inside(at, d->in_w, d->kernel_w, d->dilation_w, &first, &cols);
    n = cols == d->kernel_w ? UFI_MIN(room / d->stride_w + 1, d->out_w - x) : 1;
    const bool any = cols > 0 && l.rows > 0;
    const ufk_f32_window w = {(size_t)n, (size_t)c, any ? (size_t)l.rows : 0, any ? (size_t)cols : 0,
                              l.row_step, cols > 1 ? d->dilation_w * c : 0,
                              n > 1 ? d->stride_w * c : 0, c};
    const window_args g = {&w, (size_t)(d->kernel_w * c), l.min, l.max};
    window_run(DEPTHWISE, &g, any ? l.in + (at + first * d->dilation_w) * c : d->in, any ? l.weights + first * c : d->weights,
               d->bias, l.out + x * c);
  }
}

static void depthwise(const ufk_f32_depthwise *d, int64_t begin, int64_t end) {
  if (has_tiles(d)) depthwise_strips(d, begin, end);
  else
    for (int64_t y = begin; y < end; y++) depthwise_runs(d, y);
}

/* ---- pools ---------------------------------------------------------------------- */

#define POOL(name, kind)                                                                       \
  static void name(const ufk_f32_window *window, const float *in, float *out, float min,       \
                   float max) {                                                                 \
    window_args g = {window, 0, vf_set(min), vf_set(max)};                                \
    window_run(kind, &g, in, NULL, NULL, out);                                                  \
  }
POOL(max_pool, MAXIMUM)
POOL(average_pool, MEAN)
POOL(l2_pool, ROOT_MEAN_SQUARE)
#undef POOL

static void set_f32(ufk_depthwise_table *table) {
  table->f32_depthwise = depthwise;
  table->f32_max_pool = max_pool;
  table->f32_average_pool = average_pool;
  table->f32_l2_pool = l2_pool;
}
