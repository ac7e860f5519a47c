/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_matmul_f32.c: BATCH_MATMUL in float32.
 *
 * Each batch packs y and, when x comes transposed, turns x round. A constant y
 * that all batches share is packed once. Otherwise batches go through scratch
 * in groups that stay in cache, spread over threads by batch when there are
 * enough of them, by tiles when not.
 *
 * Scratch: a row of zeros as bias; then per batch of a group packed y, x.
 */
#include "ops/gemm_f32.h"

enum { GROUP_BYTES = 4 << 20, GROUP_MOST = 64 };

typedef struct bmm_state {
  const float *packed; /* y, when constant and shared by all batches */
} bmm_state;

/* Floats of scratch parts, and batches in a group. */
typedef struct bmm_sizes {
  size_t bias, y, x;
  int64_t group;
} bmm_sizes;


static bool bmm_sizes_of(const ufi_bmm_geometry *g, bool packed, bmm_sizes *s_out) {
  bmm_sizes s = {.bias = (size_t)ufi_gemm_f32_columns(g->n)};
  size_t y, x = 0;
  if (!ufi_gemm_f32_packed_size(g->k, g->n, &y) ||
      (g->adj_x && !ufi_mul_size((size_t)g->m, (size_t)g->k, &x)) ||
      y > SIZE_MAX / 64 || x > SIZE_MAX / 64) {
    return false;
  }
  s.y = packed ? 0 : y;
  s.x = (x + 15) / 16 * 16;
  int64_t fit = GROUP_BYTES / (int64_t)sizeof(float) / (int64_t)UFI_MAX(s.y + s.x, 1);
  s.group = UFI_MAX(UFI_MIN(UFI_MIN(fit, (int64_t)GROUP_MOST), g->batches), 1);
  *s_out = s;
  return true;
}

static int64_t x_row(const ufi_bmm_geometry *g) { return g->x_row ? g->x_row : g->k; }

static void pack_y(const ufi_bmm_geometry *g, ufi_pool *pool, const float *y, float *out) {
  const int64_t row = g->y_row ? g->y_row : g->adj_y ? g->k : g->n, column = g->y_column ? g->y_column : 1;
  ufi_gemm_f32_pack(pool, g->k, g->n, y, g->adj_y ? column : row, g->adj_y ? row : column, out);
}

bool ufi_bmm_f32_shared(const ufi_bmm_geometry *g, size_t *floats_out) {
  bool shared = ufi_gemm_f32_packed_size(g->k, g->n, floats_out) && *floats_out > 0 && *floats_out <= SIZE_MAX / 64;
  for (int32_t d = 0; d < g->batch_rank; d++) shared = shared && (g->y_stride[d] == 0 || g->batch_dims[d] == 1);
  return shared;
}

void ufi_bmm_f32_pack(ufi_pool *pool, const ufi_bmm_geometry *g, float *out) { pack_y(g, pool, g->y_data, out); }

static uf_status bmm_fill(ufi_ctx *ctx, void *memory, void *arg) {
  ufi_bmm_f32_pack(NULL, arg, memory);
  return UF_OK;
}

uf_status ufi_bmm_f32_want(ufi_ctx *ctx, const ufi_bmm_geometry *g, bool packed, size_t *bytes_out) {
  bmm_sizes s = {0};
  if (!bmm_sizes_of(g, packed, &s) || !ufi_mul_size((s.y + s.x) * sizeof(float), (size_t)s.group, bytes_out) ||
      !ufi_add_size(*bytes_out, s.bias * sizeof(float), bytes_out)) {
    return ufi_too_large(ctx);
  }
  return UF_OK;
}

uf_status ufi_bmm_f32_prepare(ufi_ctx *ctx, const ufi_bmm_geometry *g) {
  UFI_TRY(ufi_conv_want_f32(ctx, NULL, g->output));
  bmm_state *state = ufi_ctx_state(ctx, sizeof *state);
  if (!state) return UF_RESOURCE_EXHAUSTED;
  size_t floats, bytes;
  if (g->y->is_lasting && ufi_bmm_f32_shared(g, &floats)) {
    const void *packed;
    UFI_TRY(ufi_packed(ctx, 0, floats * sizeof(float), bmm_fill, (void *)(uintptr_t)g, &packed));
    state->packed = packed;
  }
  UFI_TRY(ufi_bmm_f32_want(ctx, g, state->packed != NULL, &bytes));
  ufi_want_scratch(ctx, bytes);
  return UF_OK;
}

bool ufi_bmm_f32_is_packed(const ufi_ctx *ctx) { return ((const bmm_state *)ctx->state)->packed != NULL; }

/* One row of x makes y the left matrix (one_row), whose rows are read as they lie. */
bool ufi_bmm_f32_sees(const ufi_ctx *ctx, const ufi_bmm_geometry *g, int32_t k) {
  const ufi_tensor *x = g->x;
  if (ufi_bmm_f32_is_packed(ctx) || (g->m == 1 && g->adj_y) || ctx->in[k]->seen_padded) return false;
  return k == 1 || (!g->adj_x && (!x->seen || x->seen_dims[x->rank - 1] == x->rank - 1));
}

typedef struct bmm_args {
  const ufi_bmm_geometry *g;
  const bmm_sizes *s;
  const float *packed, *bias;
  float *scratch;
  int64_t first;         /* batch of the group */
  ufi_pool *pool;        /* for what one batch does; NULL when batches are spread */
} bmm_args;

/* x (k, m) as (m, k), in blocks that fit into cache lines on both sides. */
static void turn(const float *x, int64_t k, int64_t m, float *out) {
  enum { BLOCK = 16 };
  for (int64_t i0 = 0; i0 < m; i0 += BLOCK) {
    for (int64_t j0 = 0; j0 < k; j0 += BLOCK) {
      for (int64_t i = i0; i < UFI_MIN(i0 + BLOCK, m); i++) {
        for (int64_t j = j0; j < UFI_MIN(j0 + BLOCK, k); j++) out[i * k + j] = x[j * m + i];
      }
    }
  }
}

/* One row times the rows of y is a product of y and a column: no packing of y. */
static void one_row(const bmm_args *a, const float *x, const float *y, int64_t batch,
                    float *scratch) {
  const ufi_bmm_geometry *g = a->g;
  ufi_gemm_f32_pack(NULL, g->k, 1, x, 1, 1, scratch);
  ufi_gemm_f32 gemm;
  ufi_gemm_f32_plain(&gemm, g->n, 1, g->k, y, g->k, scratch, a->bias,
                     (float *)g->out_data + batch * g->n, 1);
  ufi_gemm_f32_run(a->pool, &gemm);
}

static void bmm_batch(void *context, size_t i) {
  const bmm_args *a = context;
  const ufi_bmm_geometry *g = a->g;
  int64_t batch = a->first + (int64_t)i, x_at, y_at;
  ufi_bmm_offsets(g, batch, &x_at, &y_at);
  const float *x = (const float *)g->x_data + x_at;
  float *y_packed = a->scratch + i * (a->s->y + a->s->x), *x_turned = y_packed + a->s->y;
  if (g->m == 1 && g->adj_y && !a->packed) {
    one_row(a, x, (const float *)g->y_data + y_at, batch, y_packed);
    return;
  }
  if (!a->packed) pack_y(g, a->pool, (const float *)g->y_data + y_at, y_packed);
  if (g->adj_x) turn(x, g->k, g->m, x_turned);
  ufi_gemm_f32 gemm;
  ufi_gemm_f32_plain(&gemm, g->m, g->n, g->k, g->adj_x ? x_turned : x, g->adj_x ? g->k : x_row(g),
                     a->packed ? a->packed : y_packed, a->bias,
                     (float *)g->out_data + batch * g->m * g->n, g->n);
  ufi_gemm_f32_run(a->pool, &gemm);
}

/* Batches that share a packed y and follow each other in x are one product. */
static void bmm_as_one(const bmm_args *a, ufi_pool *pool) {
  const ufi_bmm_geometry *g = a->g;
  ufi_gemm_f32 gemm;
  ufi_gemm_f32_plain(&gemm, g->batches * g->m, g->n, g->k, g->x_data, g->k, a->packed, a->bias,
                     g->out_data, g->n);
  ufi_gemm_f32_run(pool, &gemm);
}

/* x's batches follow each other: none is used twice. */
static bool is_dense(const ufi_bmm_geometry *g) {
  int64_t step = g->m * g->k;
  bool dense = true;
  for (int32_t d = g->batch_rank - 1; d >= 0; d--) {
    dense = dense && (g->batch_dims[d] == 1 || g->x_stride[d] == step);
    step *= g->batch_dims[d];
  }
  return dense;
}

void ufi_bmm_f32_run(ufi_pool *pool, const ufi_bmm_geometry *g, const float *packed, void *scratch) {
  bmm_sizes s = {0};
  if (g->batches * g->m * g->n == 0 || !bmm_sizes_of(g, packed != NULL, &s)) return;
  float *bias = scratch;
  memset(bias, 0, s.bias * sizeof *bias);
  bmm_args args = {g, &s, packed, bias, bias + s.bias, 0, NULL};
  if (packed && !g->adj_x && is_dense(g)) {
    bmm_as_one(&args, pool);
    return;
  }
  int64_t threads = pool ? ufi_pool_threads(pool) : 1;
  for (; args.first < g->batches; args.first += s.group) {
    int64_t n = UFI_MIN(s.group, g->batches - args.first);
    bool spread = n >= threads;
    args.pool = spread ? NULL : pool;
    if (spread) ufi_parallel(pool, bmm_batch, &args, (size_t)n);
    else for (int64_t i = 0; i < n; i++) bmm_batch(&args, (size_t)i);
  }
}

uf_status ufi_bmm_f32_eval(ufi_ctx *ctx) {
  const bmm_state *state = ctx->state;
  ufi_bmm_geometry g = {0};
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  ufi_bmm_f32_run(ctx->pool, &g, state->packed, ctx->scratch);
  return UF_OK;
}
