/* SPDX-License-Identifier: Apache-2.0
 *
 * attention.c: f(x * y) * v by blocks of rows.
 *
 * Work is cut into items: a batch, or an even part of its rows where there are few batches. Each worker packs y and v of the
 * batch it is at (ops/gemm_f32.h) into memory of its own, makes a block of scores there, and multiplies it by v.
 *
 * Scratch: a row of zeros as bias; then for each worker packed y, packed v, a block of scores.
 */
#include "ops/attention.h"

#include "ops/gemm_f32.h"

enum {
  BLOCK_FLOATS = 1 << 14, /* of scores at a time, more or less: an eighth of a usual L2 */
  PART_ROWS = 64,         /* of a batch at least, in an item: packing y and v again has to pay */
  LEAST_ROWS = 16,        /* of a batch: with fewer there is next to nothing to keep in the cache */
  ALIGNMENT = 16,         /* floats */
};

typedef struct sizes {
  size_t bias, keys, values, block; /* floats */
  int64_t rows;                     /* of scores in a block */
  int64_t parts, workers;
} sizes;

static size_t aligned(size_t floats) { return (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static bool sizes_of(const ufi_attention *a, int64_t threads, sizes *s_out) {
  const ufi_bmm_geometry *g = &a->scores, *v = &a->values;
  const int64_t mr = (int64_t)ufi_kernels_get()->gemm.f32_mr;
  sizes s = {.rows = UFI_MIN(UFI_MAX(BLOCK_FLOATS / g->n / mr, (int64_t)1) * mr, g->m)};
  if (!ufi_gemm_f32_packed_size(g->k, g->n, &s.keys) || !ufi_gemm_f32_packed_size(v->k, v->n, &s.values) ||
      !ufi_mul_size((size_t)s.rows, (size_t)g->n, &s.block) || s.keys > SIZE_MAX / 64 || s.values > SIZE_MAX / 64 ||
      s.block > SIZE_MAX / 64) {
    return false;
  }
  s.keys = aligned(s.keys);
  s.values = aligned(s.values);
  s.block = aligned(s.block);
  s.bias = (size_t)UFI_MAX(ufi_gemm_f32_columns(g->n), ufi_gemm_f32_columns(v->n));
  s.parts = g->batches >= 2 * threads ? 1 : UFI_MIN(ufi_ceil_div(2 * threads, g->batches), UFI_MAX(g->m / PART_ROWS, (int64_t)1));
  s.workers = UFI_MIN(threads, (int64_t)UFI_MAX_THREADS);
  *s_out = s;
  return true;
}

static bool is_possible(const ufi_attention *a) {
  const ufi_bmm_geometry *g = &a->scores, *v = &a->values;
  return !g->adj_x && !v->adj_x && g->batches > 0 && g->batches == v->batches && g->m == v->m && g->n == v->k &&
         g->m >= LEAST_ROWS && g->n > 0 && g->k > 0 && v->n > 0;
}

bool ufi_attention_fits(const ufi_attention *a, int64_t threads, size_t *bytes_out) {
  sizes s = {0};
  size_t floats;
  if (!is_possible(a) || !sizes_of(a, threads, &s)) return false;
  return a->scores.batches * s.parts >= threads && ufi_mul_size(s.keys + s.values + s.block, (size_t)s.workers, &floats) &&
         ufi_add_size(floats, s.bias, &floats) && ufi_mul_size(floats, sizeof(float), bytes_out);
}

typedef struct run {
  const ufi_attention *a;
  sizes s;
  ufi_shares shares;
  const float *bias;
  float *memory; /* of worker 0; the others' follows */
} run;

typedef struct worker {
  float *keys, *values, *block;
  int64_t batch, x_at; /* whose keys and values are there; -1: none */
} worker;

static void pack_at(const ufi_bmm_geometry *g, int64_t at, float *out) {
  ufi_bmm_geometry one = *g;
  one.y_data = (const float *)g->y_data + at;
  ufi_bmm_f32_pack(NULL, &one, out);
}

static void enter_batch(const ufi_attention *a, worker *w, int64_t batch) {
  int64_t y_at, v_at, unread;
  if (w->batch == batch) return;
  ufi_bmm_offsets(&a->scores, batch, &w->x_at, &y_at);
  ufi_bmm_offsets(&a->values, batch, &unread, &v_at);
  pack_at(&a->scores, y_at, w->keys);
  pack_at(&a->values, v_at, w->values);
  w->batch = batch;
}

/* Rows [row, row + rows) of the worker's batch. */
static void do_block(const run *r, const worker *w, int64_t row, int64_t rows) {
  const ufi_bmm_geometry *g = &r->a->scores, *v = &r->a->values;
  const int64_t x_row = g->x_row ? g->x_row : g->k, first = w->batch * g->m + row;
  ufi_gemm_f32 gemm;
  ufi_gemm_f32_plain(&gemm, rows, g->n, g->k, (const float *)g->x_data + w->x_at + row * x_row, x_row, w->keys, r->bias, w->block,
                     g->n);
  ufi_gemm_f32_run(NULL, &gemm);
  r->a->between(r->a->context, w->block, first, rows);
  ufi_gemm_f32_plain(&gemm, rows, v->n, v->k, w->block, g->n, w->values, r->bias, (float *)v->out_data + first * v->n, v->n);
  ufi_gemm_f32_run(NULL, &gemm);
}

static void work(void *context, size_t index) {
  run *r = context;
  float *memory = r->memory + index * (r->s.keys + r->s.values + r->s.block);
  worker w = {memory, memory + r->s.keys, memory + r->s.keys + r->s.values, -1, 0};
  for (int64_t i; (i = ufi_shares_take(&r->shares, index)) >= 0;) {
    const int64_t m = r->a->scores.m, part = i % r->s.parts, end = ufi_part_first(m, r->s.parts, part + 1);
    enter_batch(r->a, &w, i / r->s.parts);
    for (int64_t row = ufi_part_first(m, r->s.parts, part); row < end; row += r->s.rows) {
      do_block(r, &w, row, UFI_MIN(r->s.rows, end - row));
    }
  }
}

void ufi_attention_run(ufi_pool *pool, const ufi_attention *a, void *scratch) {
  run r = {.a = a, .bias = scratch};
  if (!sizes_of(a, ufi_pool_threads(pool), &r.s)) return; /* fits: it does not fail */
  memset(scratch, 0, r.s.bias * sizeof(float));
  r.memory = (float *)scratch + r.s.bias;
  ufi_shares_begin(&r.shares, a->scores.batches * r.s.parts, r.s.workers);
  ufi_parallel(pool, work, &r, (size_t)r.s.workers);
}
