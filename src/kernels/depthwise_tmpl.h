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
#define UNROLL _Pragma("GCC unroll 16")

/* The limits are the first operands: a NaN passes. */
INLINE vf clamp(vf x, vf min, vf max) { return vf_min(max, vf_max(min, x)); }

enum window_kind { DEPTHWISE, MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

typedef struct window_args {
  const ufk_f32_window *w;
  const float *weights;
  size_t w_row_step;
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

/* Four pixels (or one) of a 3x3 depthwise convolution whose weights stay in
 * registers. */
INLINE void depthwise_3x3_tile(const size_t px, const window_args *g, const vf weights[9],
                               const float *in, vf bias, float *out) {
  const ufk_f32_window *w = g->w;
  vf acc[4];
  UNROLL for (size_t p = 0; p < px; p++) acc[p] = bias;
  UNROLL for (size_t y = 0; y < 3; y++) {
    UNROLL for (size_t x = 0; x < 3; x++) {
      const float *tap = in + (ptrdiff_t)y * w->row_step + (ptrdiff_t)x * w->col_step;
      UNROLL for (size_t p = 0; p < px; p++) {
        acc[p] = vf_fma(vf_load(tap + (ptrdiff_t)p * w->in_step), weights[y * 3 + x], acc[p]);
      }
    }
  }
  UNROLL for (size_t p = 0; p < px; p++) {
    vf_store(out + (ptrdiff_t)p * w->out_step, clamp(acc[p], g->min, g->max));
  }
}

/* n pixels, all whole vectors of channels. */
static void depthwise_3x3(const window_args *g, const float *in, const float *bias, float *out,
                          size_t pixels, size_t channels) {
  for (size_t c = 0; c < channels; c += VF_LANES) {
    vf weights[9], b = vf_load(bias + c);
    UNROLL for (size_t t = 0; t < 9; t++) {
      weights[t] = vf_load(g->weights + t / 3 * g->w_row_step + t % 3 * g->w->channels + c);
    }
    const float *from = in + c;
    float *to = out + c;
    size_t n = pixels;
    for (; n >= 4; n -= 4, from += 4 * g->w->in_step, to += 4 * g->w->out_step) {
      depthwise_3x3_tile(4, g, weights, from, b, to);
    }
    for (; n > 0; n--, from += g->w->in_step, to += g->w->out_step) {
      depthwise_3x3_tile(1, g, weights, from, b, to);
    }
  }
}

static void depthwise(const ufk_f32_window *window, const float *in, const float *w,
                      size_t w_row_step, const float *bias, float *out, float min, float max) {
  enum { RUN = 16 };
  window_args g = {window, w, w_row_step, vf_set(min), vf_set(max)};
  size_t whole = window->channels / VF_LANES * VF_LANES;
  if (window->rows != 3 || window->cols != 3 || window->n < 4 || whole == 0) {
    window_run(DEPTHWISE, &g, in, w, bias, out);
    return;
  }
  /* Few pixels at a time, so that memory is read nearly in order; enough to
   * make up for loading the weights. */
  for (size_t p = 0; p < window->n; p += RUN) {
    depthwise_3x3(&g, in + (ptrdiff_t)p * window->in_step, bias,
                  out + (ptrdiff_t)p * window->out_step, UFI_MIN(window->n - p, (size_t)RUN), whole);
  }
  if (whole < window->channels) {
    window_column(DEPTHWISE, &g, in + whole, w + whole, bias + whole, out + whole,
                  window->channels - whole);
  }
}

#define POOL(name, kind)                                                                       \
  static void name(const ufk_f32_window *window, const float *in, float *out, float min,       \
                   float max) {                                                                 \
    window_args g = {window, NULL, 0, vf_set(min), vf_set(max)};                                \
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
