/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_tmpl.h: the float32 kernels of gemm.h over vectors of any width. The
 * file that includes it (gemm_<isa>.c) defines first:
 *
 *   VW                 floats in a vector, of type vec
 *   MR, NV             the tile: MR rows of NV vectors; MR * NV + NV + 1
 *                      vectors must fit into the registers
 *   v_load v_store v_set1 v_zero v_add v_fma(a, b, c): a*b+c
 *   v_max(a, b), v_min(a, b): b when either is NaN
 *   v_load_n(p, n), v_store_n(p, v, n): the first n < VW floats; the rest is
 *                      zero and is not touched in memory
 *   TILE_ROWS(X)       X(1) X(2) ... X(MR)
 *
 * and, where half a vector may take less time than a whole one, HALVES (whether it does), the type half
 * and h_load, h_store ..., which are to it what v_load, v_store ... are to vec, and
 * h_of(v), the first half of a vector.
 *
 * Functions that take the tile's size are inlined into callers that give it as
 * a constant, so that accumulators become registers.
 */
#include "base/pages.h"
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

/* mr rows of nv vectors, which may belong to several panels; the last vector
 * holds only `last` columns. */
INLINE void gemm_tile(const size_t mr, const size_t nv, const gemm_args *g, size_t last) {
  vec acc[MR][8];
  const size_t panel_step = g->panel_step, ldc = g->ldc;
  const vec min = g->min, max = g->max; /* stores to c do not change them */
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
      if (mr > 2) ufi_prefetch_ahead(b, NR * sizeof *b); /* tiles of fewer rows wait for memory anyway */
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
  /* A line after the other: compilers would keep the addresses of all of them. */
  if (!g->bias) {
    const float *from = c;
    UNROLL for (size_t i = 0; i < mr; i++, from += ldc) {
      UNROLL for (size_t j = 0; j < nv; j++) {
        vec old = j + 1 < nv || last == VW ? v_load(from + j * VW) : v_load_n(from + j * VW, last);
        acc[i][j] = v_add(old, acc[i][j]);
      }
    }
  }
  UNROLL for (size_t i = 0; i < mr; i++, c += ldc) {
    UNROLL for (size_t j = 0; j < nv; j++) {
      vec x = v_clamp(acc[i][j], min, max);
      if (j + 1 < nv || last == VW) v_store(c + j * VW, x);
      else v_store_n(c + j * VW, x, last);
    }
  }
}

#ifdef HALVES
/* mr rows of half a vector, of which `last` floats are columns. */
INLINE void gemm_half(const size_t mr, const gemm_args *g, size_t last) {
  half acc[MR];
  const half min = h_of(g->min), max = h_of(g->max);
  float *c = g->c;
  UNROLL for (size_t i = 0; i < mr; i++) acc[i] = g->bias ? h_load(g->bias) : h_zero();
  const float *b = g->b;
  const float *const *a = g->a;
  for (size_t t = g->taps; t > 0; t--, a += MR) {
    const float *row[MR];
    UNROLL for (size_t i = 0; i < mr; i++) row[i] = a[i];
    for (size_t k = 0, kc = g->kc; k < kc; k++, b += NR) {
      half col = h_load(b);
      UNROLL for (size_t i = 0; i < mr; i++) acc[i] = h_fma(h_set1(row[i][k]), col, acc[i]);
    }
  }
  UNROLL for (size_t i = 0; i < mr; i++, c += g->ldc) {
    half x = g->bias ? acc[i] : h_add(h_load_n(c, last), acc[i]);
    h_store_n(c, h_min(max, h_max(min, x)), last);
  }
}
#endif

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
#ifdef HALVES
  const bool halves = mr > MR / 2 && (HALVES); /* tiles of few rows wait for each other's sums anyway */
  if (halves && left <= VW / 2) {
    gemm_half(mr, g, left);
    return left;
  }
#else
  const bool halves = false;
#endif
  /* A narrow rest does not pay for a whole panel. */
  if (left > VW * (NV - 1) + (halves ? VW / 2 : 0)) {
    gemm_tile(mr, NV, g, left >= NR ? VW : left - VW * (NV - 1));
    return UFI_MIN(left, (size_t)NR);
  }
  const size_t last = UFI_MIN(left, (size_t)VW);
  gemm_tile(mr, 1, g, last);
  return last;
}

/* A whole stripe of mr rows and n columns. */
INLINE void gemm_stripe(const size_t mr, gemm_args *g, size_t n) {
  while (n > 0) {
    size_t done = gemm_step(mr, g, n);
    n -= done;
    g->b += done < NR ? done : done / NR * g->panel_step;
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

INLINE void set_f32(ufk_gemm_table *table) {
  table->f32_mr = MR;
  table->f32_nr = NR;
  table->f32_gemm = gemm;
}
