/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_matmul_quant.c: BATCH_MATMUL of int8 (to int8 or int32) and int16, and of
 * float32 with int8 (hybrid: rows of x are quantized, y are weights).
 *
 * Constant right matrices are packed once; others into scratch, each just before
 * its product. A transposed x is first copied the right way round. Batches are
 * spread over threads when there are enough of them, else each product is.
 *
 * State: the struct below. Scratch: see layout_of.
 */
#include <math.h>

#include "ops/gemm_quant.h"
#include "ops/matmul_s16.h"

typedef struct bmm_state {
  const uint8_t *packed;   /* all right matrices; NULL: packed at each eval */
  int32_t workers;
  int64_t scales;          /* 1, or one for each column */
  bool has_near;           /* all have a factor and a nudge */
  int32_t multiplier[];    /* scales of them, then as many shifts */
} bmm_state;

static const int32_t *shifts(const bmm_state *s) { return s->multiplier + s->scales; }

static bool near_of(const bmm_state *s, int64_t j, float *factor_out, float *nudge_out) {
  const double real = ldexp((double)s->multiplier[j], shifts(s)[j] - 31);
  return ufk_q_near(real, -shifts(s)[j], factor_out, nudge_out);
}

/* Of scratch; packed and rows are there for each worker. */
typedef struct pieces {
  size_t x, scale, zero, packed, column, factor, nudge, multiplier, shift, rows;
  size_t packed_bytes, rows_bytes;
} pieces;

static bool is_hybrid(const ufi_bmm_geometry *g) { return g->x->dtype == UF_FLOAT32; }
static bool is_s16(const ufi_bmm_geometry *g) { return g->x->dtype == UF_INT16; }
/* Zero point of y that counts. */
static int32_t y_zero(const ufi_bmm_geometry *g) { return g->output->dtype == UF_INT8 ? ufi_zero(g->y) : 0; }
/* Products of bytes take care of it, others need it away. */
static ufi_q_kind kind_of(const ufi_bmm_geometry *g) {
  const ufi_q_kind kind = ufi_q_kind_of(g->x->dtype, false);
  return kind == UFI_Q_BYTES || y_zero(g) == 0 ? kind : UFI_Q_WIDE;
}

static ufi_q_layout layout_of(const ufi_bmm_geometry *g, const bmm_state *s, pieces *at) {
  ufi_q_layout l = {0};
  int64_t x_rows = g->k > 0 ? g->x->count / g->k : 0;
  at->packed_bytes = at->rows_bytes = 0;
  if (!ufi_gemm_q_rows_size(g->k, &at->rows_bytes) ||
      !ufi_gemm_q_packed_size(g->k, g->n, kind_of(g), &at->packed_bytes)) {
    l.overflow = true;
  }
  at->packed_bytes = (at->packed_bytes + 63) / 64 * 64;
  /* The left matrix, when it has to be turned or quantized. */
  at->x = ufi_q_take(&l, is_hybrid(g) || g->adj_x ? g->x->count : 0, is_hybrid(g) ? 5 : 1);
  at->scale = ufi_q_take(&l, UFI_MAX(x_rows, 1), sizeof(float));
  at->zero = ufi_q_take(&l, UFI_MAX(x_rows, 1), sizeof(int32_t));
  at->packed = ufi_q_take(&l, s->packed ? 0 : s->workers, at->packed_bytes);
  at->column = ufi_q_take(&l, ufi_q_padded(g->n), sizeof(float));
  at->factor = ufi_q_take(&l, ufi_q_padded(g->n), sizeof(float));
  at->nudge = ufi_q_take(&l, ufi_q_padded(g->n), sizeof(float));
  at->multiplier = ufi_q_take(&l, ufi_q_padded(g->n), sizeof(int32_t));
  at->shift = ufi_q_take(&l, ufi_q_padded(g->n), sizeof(int32_t));
  at->rows = ufi_q_take(&l, s->workers, at->rows_bytes);
  return l;
}

static uf_status check_types(ufi_ctx *ctx, const ufi_bmm_geometry *g) {
  uf_dtype x = g->x->dtype, y = g->y->dtype, out = g->output->dtype;
  bool good = (x == UF_FLOAT32 && y == UF_INT8 && out == UF_FLOAT32) ||
              (x == UF_INT8 && y == UF_INT8 && (out == UF_INT8 || out == UF_INT32)) ||
              (x == UF_INT16 && (y == UF_INT16 || y == UF_INT8) && out == UF_INT16);
  if (!good) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                        "expected float32 or float32 with int8, int8 with int8, int16 with int16 "
                        "or int8, found %s with %s to %s",
                        uf_dtype_name(x), uf_dtype_name(y), uf_dtype_name(out));
  }
  if (out == UF_INT32) return UF_OK;
  if (x == UF_FLOAT32) return ufi_want_channel_scales(ctx, g->y, g->n);
  UFI_TRY(ufi_want_scale(ctx, "the left matrix", g->x));
  if (ufi_is_quantized(g->y) && g->y->quant->count > 1) UFI_TRY(ufi_want_channel_scales(ctx, g->y, g->n));
  else UFI_TRY(ufi_want_scale(ctx, "the right matrix", g->y));
  UFI_TRY(ufi_want_scale(ctx, "the output", g->output));
  if (x != UF_INT16) return UF_OK;
  UFI_TRY(ufi_want_zero_point_0(ctx, "the left matrix", g->x));
  UFI_TRY(ufi_want_zero_point_0(ctx, "the right matrix", g->y));
  return ufi_want_zero_point_0(ctx, "the output", g->output);
}

static void pack_right(const ufi_bmm_geometry *g, int64_t y, size_t bytes, void *out) {
  memset(out, 0, bytes);
  const ufi_q_kind kind = kind_of(g);
  ufi_gemm_q_pack(NULL, kind, g->k, g->n, 0, g->k, (const int8_t *)g->y->data + y, UF_INT8,
                  g->adj_y ? 1 : g->n, g->adj_y ? g->k : 1, kind == UFI_Q_WIDE ? y_zero(g) : 0, out);
}

typedef struct pack_args {
  const ufi_bmm_geometry *g;
  size_t bytes;
  int64_t matrices;
} pack_args;

static uf_status fill(ufi_ctx *ctx, void *memory, void *arg) {
  const pack_args *a = arg;
  for (int64_t i = 0; i < a->matrices; i++) {
    pack_right(a->g, i * a->g->k * a->g->n, a->bytes, (uint8_t *)memory + (size_t)i * a->bytes);
  }
  return UF_OK;
}

static uf_status pack_constant(ufi_ctx *ctx, const ufi_bmm_geometry *g, bmm_state *s) {
  pieces at;
  size_t all;
  if (!g->y->is_lasting || g->y->count == 0 || layout_of(g, s, &at).overflow) return UF_OK;
  pack_args args = {g, at.packed_bytes, g->y->count / (g->k * g->n)};
  if (!ufi_mul_size(args.bytes, (size_t)args.matrices, &all) || all > SIZE_MAX / 4) return UF_OK;
  const void *packed;
  UFI_TRY(ufi_packed(ctx, 0, all, fill, &args, &packed));
  s->packed = packed;
  return UF_OK;
}

uf_status ufi_bmm_quant_prepare(ufi_ctx *ctx, const ufi_bmm_geometry *g) {
  UFI_TRY(check_types(ctx, g));
  bool fixed = !is_hybrid(g) && g->output->dtype != UF_INT32;
  int64_t scales = fixed ? g->y->quant->count : 1;
  bmm_state *s = ufi_ctx_state(ctx, sizeof *s + 2 * (size_t)scales * sizeof s->multiplier[0]);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->workers = ctx->pool ? ufi_pool_threads(ctx->pool) : 1;
  s->scales = scales;
  s->has_near = fixed;
  for (int64_t j = 0; fixed && j < scales; j++) {
    double product = (double)(ufi_scale(g->x) * g->y->quant->scales[j]);
    float factor, nudge;
    ufi_quantize_multiplier(product / (double)ufi_scale(g->output), &s->multiplier[j], &s->multiplier[scales + j]);
    s->has_near = near_of(s, j, &factor, &nudge) && s->has_near;
  }
  if (is_s16(g)) return UF_OK;
  UFI_TRY(pack_constant(ctx, g, s));
  pieces at;
  ufi_q_layout layout = layout_of(g, s, &at);
  return ufi_q_want(ctx, &layout);
}

/* ---- eval -------------------------------------------------------------------------- */

/* (.., k, m) to (.., m, k), elements of 1 or 4 bytes. */
static void turn(const ufi_bmm_geometry *g, void *to) {
  const int64_t matrix = g->m * g->k, n = matrix > 0 ? g->x->count / matrix : 0;
  for (int64_t b = 0; b < n; b++) {
    for (int64_t i = 0; i < g->m; i++) {
      for (int64_t j = 0; j < g->k; j++) {
        int64_t from = b * matrix + j * g->m + i, at = b * matrix + i * g->k + j;
        if (is_hybrid(g)) ((float *)to)[at] = ((const float *)g->x->data)[from];
        else ((int8_t *)to)[at] = ((const int8_t *)g->x->data)[from];
      }
    }
  }
}

/* The left matrices as int8 rows in memory order, their zero points and scales. */
static const int8_t *left(ufi_ctx *ctx, const ufi_bmm_geometry *g, const pieces *at, float *scale,
                          int32_t *zero) {
  const ufi_bmm_attrs *a = ctx->attrs;
  uint8_t *base = ctx->scratch;
  int8_t *bytes = (int8_t *)(base + at->x);
  zero[0] = g->output->dtype == UF_INT32 ? 0 : ufi_zero(g->x);
  if (!is_hybrid(g)) {
    if (!g->adj_x) return g->x->data;
    turn(g, bytes);
    return bytes;
  }
  const float *x = g->x->data;
  if (g->adj_x) { /* floats first: they want the alignment */
    turn(g, bytes);
    x = (const float *)(const void *)bytes;
    bytes += g->x->count * 4;
  }
  int64_t rows = g->k > 0 ? g->x->count / g->k : 0;
  ufi_q_quantize(ctx->pool, x, rows, g->k, a->asymmetric_inputs, bytes, scale, zero);
  for (int64_t i = 0; i < rows && g->y->quant->count == 1; i++) scale[i] *= g->y->quant->scales[0];
  return bytes;
}

static void columns(const ufi_bmm_geometry *g, const bmm_state *s, const pieces *at, uint8_t *base,
                    ufi_gemm_q *q) {
  float *column = (float *)(void *)(base + at->column), *factor = (float *)(void *)(base + at->factor);
  float *nudge = (float *)(void *)(base + at->nudge);
  int32_t *multiplier = (int32_t *)(void *)(base + at->multiplier);
  int32_t *shift = (int32_t *)(void *)(base + at->shift);
  for (int64_t j = 0; j < ufi_q_padded(g->n); j++) {
    bool per_column = is_hybrid(g) && g->y->quant->count > 1 && j < g->n;
    const int64_t from = s->scales > 1 && j < g->n ? j : 0;
    column[j] = per_column ? g->y->quant->scales[j] : 1.0f;
    multiplier[j] = s->multiplier[from];
    shift[j] = shifts(s)[from];
    factor[j] = nudge[j] = 0.0f;
    if (s->has_near && j < g->n) near_of(s, from, &factor[j], &nudge[j]);
  }
  q->column = column;
  q->multiplier = multiplier;
  q->shift = shift;
  q->factor = s->has_near ? factor : NULL;
  q->nudge = nudge;
}

static ufi_gemm_q bmm_gemm(const ufi_bmm_geometry *g, const bmm_state *s) {
  ufi_gemm_q q = {.in_dtype = UF_INT8, .batch = 1, .in_h = 1, .in_w = g->m, .in_pixel = g->k,
                  .channels = g->k, .out_h = 1, .out_w = g->m, .kernel_h = 1, .kernel_w = 1,
                  .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
                  .share = is_hybrid(g) ? 1 : INT64_MAX, .kind = kind_of(g), .n = g->n,
                  .b_zero = kind_of(g) == UFI_Q_BYTES ? y_zero(g) : 0,
                  .out_dtype = g->output->dtype, .min = -INFINITY, .max = INFINITY,
                  .out_zero = ufi_zero(g->output), .out_min = INT8_MIN, .out_max = INT8_MAX,
                  .out_pixel = g->n, .out_line = g->m * g->n, .out_image = g->m * g->n,
                  .groups = 1, .workers = s->workers};
  q.end = is_hybrid(g) ? UFI_Q_FLOAT : q.out_dtype == UF_INT32 ? UFI_Q_SUM : UFI_Q_FIXED;
  return q;
}

static void run_s16(ufi_pool *pool, const ufi_bmm_geometry *g, const bmm_state *s) {
  ufi_s16_product p = {.x_row = g->adj_x ? 1 : g->k, .x_step = g->adj_x ? g->m : 1,
                       .y_is_s8 = g->y->dtype == UF_INT8, .y_row = g->adj_y ? g->k : 1,
                       .y_step = g->adj_y ? 1 : g->n, .m = g->m, .n = g->n, .k = g->k,
                       .multiplier = s->multiplier, .shift = shifts(s), .per_tensor = s->scales == 1,
                       .min = INT16_MIN, .max = INT16_MAX};
  for (int64_t i = 0; i < g->batches; i++) {
    int64_t x = 0, y = 0;
    ufi_bmm_offsets(g, i, &x, &y);
    p.x = (const int16_t *)g->x->data + x;
    p.y = (const uint8_t *)g->y->data + y * (p.y_is_s8 ? 1 : 2);
    p.out = (int16_t *)g->output->data + i * g->m * g->n;
    ufi_s16_run(pool, &p);
  }
}

/* A run over batches. */
typedef struct bmm_run {
  const ufi_bmm_geometry *g;
  const bmm_state *s;
  const pieces *at;
  ufi_gemm_q q;            /* but for what differs from batch to batch */
  const int8_t *x;
  uint8_t *base;
  ufi_shares *shares;      /* of batches */
} bmm_run;

/* One product; last_y: what lies packed in `packed`. */
static void run_batch(const bmm_run *r, int64_t i, ufi_gemm_q *q, uint8_t *packed, int64_t *last_y, ufi_pool *pool) {
  const ufi_bmm_geometry *g = r->g;
  int64_t x_at = 0, y_at = 0;
  ufi_bmm_offsets(g, i, &x_at, &y_at);
  q->b = packed;
  if (r->s->packed) q->b = r->s->packed + (size_t)(y_at / UFI_MAX(g->k * g->n, 1)) * r->at->packed_bytes;
  else if (y_at != *last_y) pack_right(g, y_at, r->at->packed_bytes, packed);
  *last_y = y_at;
  q->in = r->x + x_at;
  const int64_t row = is_hybrid(g) && g->k > 0 ? x_at / g->k : 0;
  q->zero = r->q.zero + row;
  q->row_scale = r->q.row_scale + row;
  q->out = (uint8_t *)g->output->data + (size_t)(i * g->m * g->n) * (size_t)uf_dtype_bits(g->output->dtype) / 8;
  ufi_gemm_q_run(pool, q);
}

/* Batches one after the other, each on this thread alone. */
static void run_worker(void *context, size_t worker) {
  bmm_run *r = context;
  ufi_gemm_q q = r->q;
  q.workers = 1;
  q.rows = r->base + r->at->rows + worker * r->at->rows_bytes;
  uint8_t *packed = r->base + r->at->packed + worker * r->at->packed_bytes;
  for (int64_t i, last_y = -1; (i = ufi_shares_take(r->shares, worker)) >= 0;) {
    run_batch(r, i, &q, packed, &last_y, NULL);
  }
}

static void run_batches(ufi_pool *pool, bmm_run *r) {
  if (r->g->batches >= r->s->workers) {
    ufi_shares shares;
    ufi_shares_begin(r->shares = &shares, r->g->batches, r->s->workers);
    ufi_parallel(pool, run_worker, r, (size_t)r->s->workers);
    return;
  }
  ufi_gemm_q q = r->q;
  q.rows = r->base + r->at->rows;
  int64_t last_y = -1;
  for (int64_t i = 0; i < r->g->batches; i++) run_batch(r, i, &q, r->base + r->at->packed, &last_y, pool);
}

uf_status ufi_bmm_quant_eval(ufi_ctx *ctx) {
  const bmm_state *s = ctx->state;
  ufi_bmm_geometry g = {0};
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  if (is_s16(&g)) {
    run_s16(ctx->pool, &g, s);
    return UF_OK;
  }
  pieces at;
  layout_of(&g, s, &at);
  bmm_run r = {.g = &g, .s = s, .at = &at, .q = bmm_gemm(&g, s), .base = ctx->scratch};
  float *scale = (float *)(void *)(r.base + at.scale);
  int32_t *zero = (int32_t *)(void *)(r.base + at.zero);
  r.x = left(ctx, &g, &at, scale, zero);
  r.q.zero = zero;
  r.q.row_scale = scale;
  columns(&g, s, &at, r.base, &r.q);
  run_batches(ctx->pool, &r);
  return UF_OK;
}
