/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_tmpl.h: the float32 kernels of gemm.h over vectors of any width. The
 * file that includes it (gemm_<isa>.c) defines first:
 *
 *   VW                 floats in a vector, of type vec
 *   MR, NV             the tile: MR rows of NV vectors; MR * NV + NV + 1
 *                      vectors must fit into the registers
 *   v_load v_store v_set1 v_zero v_add v_mul v_div v_sqrt v_fma(a, b, c): a*b+c
 *   v_max(a, b), v_min(a, b): b when either is NaN
 *   v_load_n(p, n), v_store_n(p, v, n): the first n < VW floats; the rest is
 *                      zero and is not touched in memory
 *   TILE_ROWS(X)       X(1) X(2) ... X(MR)
 *
 * Functions that take the tile's size are inlined into callers that give it as
 * a constant, so that accumulators become registers.
 */
#include <float.h>

#include "kernels/gemm.h"

#define NR (VW * NV)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vec v_clamp(vec x, vec min, vec max) { return v_min(max, v_max(min, x)); }

/* ---- matrix product ------------------------------------------------------ */

typedef struct gemm_args {
  size_t taps, kc;
  const float *const *a;
  const float *b;
  size_t panel_step;
  const float *bias;
  float *c;
  size_t ldc;
  vec min, max;
} gemm_args;

enum { PREFETCH_FLOATS = 2048 };

/* mr rows of nv vectors, which may belong to several panels; the last vector
 * holds only `last` columns. */
INLINE void gemm_tile(const size_t mr, const size_t nv, const gemm_args *g, size_t last) {
  vec acc[MR][8];
  const size_t panel_step = g->panel_step, ldc = g->ldc;
  float *c = g->c;
  UNROLL for (size_t i = 0; i < mr; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) acc[i][j] = g->bias ? v_load(g->bias + j * VW) : v_zero();
  }
  const float *b = g->b;
  const float *const *a = g->a;
  for (size_t t = g->taps; t > 0; t--, a += MR) {
    const float *row[MR];
    UNROLL for (size_t i = 0; i < mr; i++) row[i] = a[i];
    for (size_t k = 0, kc = g->kc; k < kc; k++, b += NR) {
      /* Large right matrices come from memory, and tiles of few rows wait for it. */
      if (mr > 2) UNROLL for (size_t j = 0; j < NR; j += 16) __builtin_prefetch(b + j + PREFETCH_FLOATS, 0, 2);
      vec col[8];
      UNROLL for (size_t j = 0; j < nv; j++) {
        col[j] = v_load(b + (j / NV) * panel_step + (j % NV) * VW);
      }
      UNROLL for (size_t i = 0; i < mr; i++) {
        vec x = v_set1(row[i][k]);
        UNROLL for (size_t j = 0; j < nv; j++) acc[i][j] = v_fma(x, col[j], acc[i][j]);
      }
    }
  }
  if (!g->bias) {
    UNROLL for (size_t i = 0; i < mr; i++) {
      UNROLL for (size_t j = 0; j < nv; j++) {
        const float *from = c + i * ldc + j * VW;
        acc[i][j] = v_add(j + 1 < nv || last == VW ? v_load(from) : v_load_n(from, last), acc[i][j]);
      }
    }
  }
  UNROLL for (size_t i = 0; i < mr; i++) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      float *to = c + i * ldc + j * VW;
      vec x = v_clamp(acc[i][j], g->min, g->max);
      if (j + 1 < nv || last == VW) v_store(to, x);
      else v_store_n(to, x, last);
    }
  }
}

/* One and two rows take several panels at once: a single panel would leave the
 * multipliers waiting for each other. */
#define WIDE(mr) ((mr) == 1 ? 8 / NV : (mr) == 2 ? 4 / NV : 1)

/* The next columns of a stripe of mr rows, at most left; returns how many. */
INLINE size_t gemm_step(const size_t mr, const gemm_args *g, size_t left) {
  const size_t wide = WIDE(mr) * NR;
  if (wide > NR && left >= wide) {
    gemm_tile(mr, WIDE(mr) * NV, g, VW);
    return wide;
  }
  if (left > VW * (NV - 1)) {
    gemm_tile(mr, NV, g, left >= NR ? VW : left - VW * (NV - 1));
    return UFI_MIN(left, (size_t)NR);
  }
  /* A narrow rest does not pay for a whole panel. */
  gemm_tile(mr, 1, g, left);
  return left;
}

/* A whole stripe of mr rows and n columns. */
INLINE void gemm_stripe(const size_t mr, gemm_args *g, size_t n) {
  while (n > 0) {
    size_t done = gemm_step(mr, g, n);
    n -= done;
    g->b += done / NR * g->panel_step;
    if (g->bias) g->bias += done;
    g->c += done;
  }
}

#define ROWS(mr) static void gemm_rows_##mr(gemm_args *g, size_t n) { gemm_stripe(mr, g, n); }
TILE_ROWS(ROWS)
#undef ROWS

static void gemm(size_t mr, size_t n, size_t taps, size_t kc, const float *const *a, const float *b,
                 size_t panel_step, const float *bias, float *c, size_t ldc, float min,
                 float max) {
  gemm_args g = {taps, kc, a, b, panel_step, bias, c, ldc, v_set1(min), v_set1(max)};
  switch (mr) {
#define ROWS(mr) case mr: gemm_rows_##mr(&g, n); break;
    TILE_ROWS(ROWS)
#undef ROWS
    default: break;
  }
}

/* ---- windows: depthwise convolution and pooling ---------------------------- */

enum window_kind { DEPTHWISE, MAXIMUM, MEAN, ROOT_MEAN_SQUARE };

typedef struct window_args {
  const ufk_f32_window *w;
  const float *weights;
  size_t w_row_step;
  vec min, max;
} window_args;

INLINE vec load_some(const float *p, size_t n) { return n == VW ? v_load(p) : v_load_n(p, n); }
INLINE void store_some(float *p, vec v, size_t n) {
  if (n == VW) v_store(p, v);
  else v_store_n(p, v, n);
}

INLINE vec window_add(const enum window_kind kind, vec acc, vec x, vec weight) {
  if (kind == DEPTHWISE) return v_fma(x, weight, acc);
  if (kind == MAXIMUM) return v_max(x, acc);
  return kind == MEAN ? v_add(acc, x) : v_fma(x, x, acc);
}

INLINE vec window_end(const enum window_kind kind, const window_args *g, vec acc) {
  vec count = v_set1((float)(g->w->rows * g->w->cols));
  if (kind == MEAN) acc = v_div(acc, count);
  if (kind == ROOT_MEAN_SQUARE) acc = v_sqrt(v_div(acc, count));
  return v_clamp(acc, g->min, g->max);
}

/* px pixels of nv vectors of channels, the last of which has `last` channels. */
INLINE void window_tile(const enum window_kind kind, const size_t px, const size_t nv,
                        const window_args *g, const float *in, const float *weights,
                        const float *bias, float *out, size_t last) {
  const ufk_f32_window *w = g->w;
  vec acc[4][4];
  UNROLL for (size_t p = 0; p < px; p++) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      size_t n = j + 1 < nv ? VW : last;
      acc[p][j] = kind == DEPTHWISE ? load_some(bias + j * VW, n)
                  : kind == MAXIMUM ? v_set1(-FLT_MAX)
                                    : v_zero();
    }
  }
  for (size_t y = 0; y < w->rows; y++) {
    const float *tap = in + (ptrdiff_t)y * w->row_step;
    const float *weight = kind == DEPTHWISE ? weights + y * g->w_row_step : NULL;
    for (size_t x = w->cols; x > 0; x--, tap += w->col_step) {
      UNROLL for (size_t j = 0; j < nv; j++) {
        size_t n = j + 1 < nv ? VW : last;
        vec k = kind == DEPTHWISE ? load_some(weight + j * VW, n) : v_zero();
        UNROLL for (size_t p = 0; p < px; p++) {
          vec v = load_some(tap + (ptrdiff_t)p * w->in_step + j * VW, n);
          acc[p][j] = window_add(kind, acc[p][j], v, k);
        }
      }
      if (kind == DEPTHWISE) weight += w->channels;
    }
  }
  UNROLL for (size_t p = 0; p < px; p++) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      store_some(out + (ptrdiff_t)p * w->out_step + j * VW, window_end(kind, g, acc[p][j]),
                 j + 1 < nv ? VW : last);
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
  for (; c + 4 * VW <= channels && (g->w->n == 1 || !depthwise); c += 4 * VW) {
    const float *from = in + c;
    float *to = out + c;
    for (size_t n = g->w->n; n > 0; n--, from += g->w->in_step, to += g->w->out_step) {
      window_tile(kind, 1, 4, g, from, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  to, VW);
    }
  }
  for (; c + VW <= channels; c += VW) {
    window_column(kind, g, in + c, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  out + c, VW);
  }
  if (c < channels) {
    window_column(kind, g, in + c, depthwise ? weights + c : NULL, depthwise ? bias + c : NULL,
                  out + c, channels - c);
  }
}

/* Four pixels (or one) of a 3x3 depthwise convolution whose weights stay in
 * registers. */
INLINE void depthwise_3x3_tile(const size_t px, const window_args *g, const vec weights[9],
                               const float *in, vec bias, float *out) {
  const ufk_f32_window *w = g->w;
  vec acc[4];
  UNROLL for (size_t p = 0; p < px; p++) acc[p] = bias;
  UNROLL for (size_t y = 0; y < 3; y++) {
    UNROLL for (size_t x = 0; x < 3; x++) {
      const float *tap = in + (ptrdiff_t)y * w->row_step + (ptrdiff_t)x * w->col_step;
      UNROLL for (size_t p = 0; p < px; p++) {
        acc[p] = v_fma(v_load(tap + (ptrdiff_t)p * w->in_step), weights[y * 3 + x], acc[p]);
      }
    }
  }
  UNROLL for (size_t p = 0; p < px; p++) {
    v_store(out + (ptrdiff_t)p * w->out_step, v_clamp(acc[p], g->min, g->max));
  }
}

/* n pixels, all whole vectors of channels. */
static void depthwise_3x3(const window_args *g, const float *in, const float *bias, float *out,
                          size_t pixels, size_t channels) {
  for (size_t c = 0; c < channels; c += VW) {
    vec weights[9], b = v_load(bias + c);
    UNROLL for (size_t t = 0; t < 9; t++) {
      weights[t] = v_load(g->weights + t / 3 * g->w_row_step + t % 3 * g->w->channels + c);
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
  window_args g = {window, w, w_row_step, v_set1(min), v_set1(max)};
  size_t whole = window->channels / VW * VW;
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
    window_args g = {window, NULL, 0, v_set1(min), v_set1(max)};                                \
    window_run(kind, &g, in, NULL, NULL, out);                                                  \
  }
POOL(max_pool, MAXIMUM)
POOL(average_pool, MEAN)
POOL(l2_pool, ROOT_MEAN_SQUARE)
#undef POOL

INLINE void set_f32(ufk_gemm_table *table) {
  table->f32_mr = MR;
  table->f32_nr = NR;
  table->f32_gemm = gemm;
  table->f32_depthwise = depthwise;
  table->f32_max_pool = max_pool;
  table->f32_average_pool = average_pool;
  table->f32_l2_pool = l2_pool;
}
