/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_gather.c: StableHLO's GATHER and SCATTER.
 *
 * Both move windows between a tensor and a batch of them. A vector of indices, along index_vector_dim of
 * the indices, says where in the large tensor a window begins: its i-th number in the dimension that a map
 * gives for i. The window's own dimensions are some of the batch's (offset_dims, update_window_dims), the
 * others count the windows. Dimensions of the large tensor in which windows have no extent are left out
 * of the batch (collapsed_slice_dims, inserted_window_dims).
 *
 * GATHER pushes windows back into the tensor; SCATTER leaves out what lies outside.
 */
#include "ops/move.h"
#include "ops/stablehlo.h"

/* What both have in their options. */
typedef struct window_map {
  ufi_shlo_list window_dims;  /* of the batch */
  ufi_shlo_list dropped;      /* of the large tensor */
  ufi_shlo_list starts;       /* number of the vector to dimension of the large tensor */
  int64_t vector_dim;         /* of the indices; their rank: each index is a vector of one */
} window_map;

typedef struct map_names { const char *window, *dropped, *starts; } map_names;

/* ---- shapes -------------------------------------------------------------------------------- */

static int64_t vector_size(const window_map *m, const ufi_tensor *indices) {
  return m->vector_dim < indices->rank ? indices->dims[m->vector_dim] : 1;
}
static int32_t batch_rank(const window_map *m, const ufi_tensor *indices) {
  return indices->rank - (m->vector_dim < indices->rank);
}

static uf_status check_map(ufi_ctx *ctx, const window_map *m, const map_names *names, const ufi_tensor *x) {
  const ufi_tensor *indices = ctx->in[1];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INT8, UF_UINT8, UF_INT16, UF_INVALID));
  UFI_TRY(ufi_shlo_want_range(ctx, "index_vector_dim", &m->vector_dim, 1, 0, indices->rank));
  UFI_TRY(ufi_shlo_want_dims(ctx, names->dropped, &m->dropped, x->rank));
  UFI_TRY(ufi_shlo_want_dims(ctx, names->starts, &m->starts, x->rank));
  if (vector_size(m, indices) < m->starts.n) /* LiteRT passes over more */
    return ufi_shlo_want_count(ctx, names->starts, m->starts.n, (int32_t)UFI_MIN(vector_size(m, indices), INT32_MAX));
  UFI_TRY(ufi_shlo_want_count(ctx, names->window, m->window_dims.n, x->rank - m->dropped.n));
  return ufi_shlo_want_dims(ctx, names->window, &m->window_dims, batch_rank(m, indices) + m->window_dims.n);
}

/* ---- walking over the windows ---------------------------------------------------------------- */

/* A batch's dimensions that count windows, and where each window begins. */
typedef struct windows {
  int32_t rank;                    /* of the counting dimensions */
  int64_t dims[UF_MAX_RANK], index[UF_MAX_RANK];
  int64_t batch_step[UF_MAX_RANK]; /* in the batch, elements */
  int64_t index_step[UF_MAX_RANK]; /* in the indices */
  int64_t vector_step;
  int64_t batch_at, index_at;
  /* of a window, by dimension of the large tensor; dropped ones have extent 1 and step 0 in the batch */
  int64_t extent[UF_MAX_RANK], x_step[UF_MAX_RANK], window_step[UF_MAX_RANK];
} windows;

/* batch: the gathered output or the updates; x: the large tensor. */
static void open_windows(const window_map *m, const ufi_tensor *x, const ufi_tensor *indices, const ufi_tensor *batch,
                         windows *w) {
  int64_t batch_step[UF_MAX_RANK], index_step[UF_MAX_RANK];
  int32_t from = 0, window = 0;
  *w = (windows){0};
  ufi_move_steps(batch->rank, batch->dims, batch_step);
  ufi_move_steps(indices->rank, indices->dims, index_step);
  ufi_move_steps(x->rank, x->dims, w->x_step);
  if (m->vector_dim < indices->rank) w->vector_step = index_step[m->vector_dim];
  for (int32_t d = 0; d < x->rank; d++) w->extent[d] = 1;
  for (int32_t d = 0; d < batch->rank; d++) {
    if (ufi_shlo_has(&m->window_dims, d)) {
      while (window < x->rank && ufi_shlo_has(&m->dropped, window)) window++;
      w->extent[window] = batch->dims[d];
      w->window_step[window++] = batch_step[d];
      continue;
    }
    if (from == m->vector_dim) from++;
    w->dims[w->rank] = batch->dims[d];
    w->batch_step[w->rank] = batch_step[d];
    w->index_step[w->rank++] = index_step[from++];
  }
}

static bool next_window(windows *w) {
  for (int32_t d = w->rank - 1; d >= 0; d--) {
    w->batch_at += w->batch_step[d];
    w->index_at += w->index_step[d];
    if (++w->index[d] < w->dims[d]) return true;
    w->batch_at -= w->dims[d] * w->batch_step[d];
    w->index_at -= w->dims[d] * w->index_step[d];
    w->index[d] = 0;
  }
  return false;
}

static void read_start(const window_map *m, const windows *w, const ufi_tensor *indices, int64_t *start) {
  for (int32_t i = 0; i < m->starts.n; i++)
    start[m->starts.at[i]] = ufi_move_index(indices, w->index_at + i * w->vector_step);
}

/* ---- GATHER: operand, start indices ------------------------------------------------------------- */

typedef struct gather_attrs {
  window_map map;
  ufi_shlo_list sizes;
} gather_attrs;
static const map_names gather_names = {"offset_dims", "collapsed_slice_dims", "start_index_map"};

static uf_status gather_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  gather_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, gather_names.window, &a->map.window_dims, error));
  UFI_TRY(ufi_shlo_read(from, 1, gather_names.dropped, &a->map.dropped, error));
  UFI_TRY(ufi_shlo_read(from, 2, gather_names.starts, &a->map.starts, error));
  a->map.vector_dim = ufi_fb_i64(&from->options, 3, 0);
  return ufi_shlo_read(from, 4, "slice_sizes", &a->sizes, error);
}

static uf_status gather_infer(ufi_ctx *ctx) {
  const gather_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *indices = ctx->in[1];
  UFI_TRY(check_map(ctx, &a->map, &gather_names, x));
  UFI_TRY(ufi_shlo_want_count(ctx, "slice_sizes", a->sizes.n, x->rank));
  for (int32_t d = 0; d < x->rank; d++)
    UFI_TRY(ufi_shlo_want_range(ctx, "slice_sizes", &a->sizes.at[d], 1, 0, x->dims[d]));
  const int32_t rank = batch_rank(&a->map, indices) + a->map.window_dims.n;
  int64_t dims[2 * UF_MAX_RANK];
  int32_t slice = 0, from = 0;
  for (int32_t d = 0; d < rank; d++) {
    if (ufi_shlo_has(&a->map.window_dims, d)) {
      while (ufi_shlo_has(&a->map.dropped, slice)) slice++;
      dims[d] = a->sizes.at[slice++];
    } else {
      if (from == a->map.vector_dim) from++;
      dims[d] = indices->dims[from++];
    }
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status gather_eval(ufi_ctx *ctx) {
  const gather_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *indices = ctx->in[1], *y = ctx->out[0];
  int64_t start[UF_MAX_RANK] = {0};
  windows w;
  ufi_move_clear(y);
  if (y->count == 0) return UF_OK;
  open_windows(&a->map, x, indices, y, &w);
  do {
    ufi_move move = {.out_at = w.batch_at};
    read_start(&a->map, &w, indices, start);
    for (int32_t d = 0; d < x->rank; d++) {
      const int64_t at = UFI_MAX(UFI_MIN(start[d], x->dims[d] - a->sizes.at[d]), 0);
      ufi_move_dim(&move, w.extent[d], w.x_step[d], w.window_step[d]);
      move.in_at += at * w.x_step[d];
    }
    ufi_move_run(&move, y->dtype, y->data, x->data, NULL);
  } while (next_window(&w));
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_GATHER = {
  .attrs_size = sizeof(gather_attrs), .attrs_tflite = gather_tflite, .infer = gather_infer, .eval = gather_eval};

/* ---- SCATTER: operand, indices, updates ------------------------------------------------------------ */

typedef struct scatter_attrs {
  window_map map;
  int32_t graph;
} scatter_attrs;
static const map_names scatter_names = {"update_window_dims", "inserted_window_dims", "scatter_dims_to_operand_dims"};

static uf_status scatter_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  scatter_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 1, scatter_names.window, &a->map.window_dims, error));
  UFI_TRY(ufi_shlo_read(from, 2, scatter_names.dropped, &a->map.dropped, error));
  UFI_TRY(ufi_shlo_read(from, 3, scatter_names.starts, &a->map.starts, error));
  a->map.vector_dim = ufi_fb_i64(&from->options, 4, 0);
  a->graph = ufi_fb_i32(&from->options, 6, 0);
  return UF_OK;
}
static int32_t scatter_calls(const void *attrs, int32_t at) {
  return at == 0 ? ((const scatter_attrs *)attrs)->graph : -1;
}

/* The updates have a dimension for each of the indices but the vectors', of the same extent, and one for
 * each of a window's. */
static uf_status check_updates(ufi_ctx *ctx, const window_map *m) {
  const ufi_tensor *indices = ctx->in[1], *updates = ctx->in[2];
  char p[512], q[512];
  bool fits = updates->rank == batch_rank(m, indices) + m->window_dims.n;
  int32_t from = 0;
  for (int32_t d = 0; fits && d < updates->rank; d++) {
    if (ufi_shlo_has(&m->window_dims, d)) continue;
    if (from == m->vector_dim) from++;
    fits = updates->dims[d] == indices->dims[from++];
  }
  if (fits) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected updates with the dimensions of the indices but number %d, "
                      "and %d of a window, found updates %s and indices %s", (int)m->vector_dim, (int)m->window_dims.n,
                      ufi_tensor_text(updates, p), ufi_tensor_text(indices, q));
}

static uf_status scatter_infer(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  ufi_fold_fn fold;
  UFI_TRY(ufi_shlo_want_bytes(ctx, x));
  UFI_TRY(ufi_want_same(ctx, x, ctx->in[2]));
  UFI_TRY(check_map(ctx, &a->map, &scatter_names, x));
  UFI_TRY(check_updates(ctx, &a->map));
  if (!ctx->running && !ufi_shlo_known_body(ctx, a->graph, x->dtype, false, &fold))
    UFI_TRY(ufi_shlo_check_body(ctx, a->graph, 1));
  UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  return ufi_out_like(ctx, 0, x);
}

typedef struct scatter_state { ufi_fold_fn fold; } scatter_state;
static uf_status scatter_prepare(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  scatter_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  (void)ufi_shlo_known_body(ctx, a->graph, ctx->in[0]->dtype, false, &s->fold);
  return UF_OK;
}

/* The part of a window that lies in the operand, by dimension: [begin, end). false: nothing. */
static bool clip(const ufi_tensor *x, const windows *w, const int64_t *start, int64_t *begin, int64_t *n) {
  for (int32_t d = 0; d < x->rank; d++) {
    if (start[d] <= -w->extent[d] || start[d] >= x->dims[d]) return false;
    begin[d] = UFI_MAX(-start[d], 0);
    n[d] = UFI_MIN(w->extent[d], x->dims[d] - start[d]) - begin[d];
    if (n[d] <= 0) return false;
  }
  return true;
}

/* A window's elements in row-major order, each row by one call of the fold or element by element by the body. */
static uf_status scatter_window(const ufi_tensor *x, const windows *w, const int64_t *start, ufi_fold_fn fold,
                                ufi_shlo_body *body, uint8_t *out, const uint8_t *updates) {
  const int64_t size = uf_dtype_bits(x->dtype) / 8;
  int64_t begin[UF_MAX_RANK], n[UF_MAX_RANK], index[UF_MAX_RANK] = {0};
  if (!clip(x, w, start, begin, n)) return UF_OK;
  const int32_t last = x->rank - 1;
  do {
    int64_t to = 0, from = w->batch_at;
    for (int32_t d = 0; d < x->rank; d++) {
      const int64_t i = begin[d] + (d < last ? index[d] : 0);
      to += (start[d] + i) * w->x_step[d];
      from += i * w->window_step[d];
    }
    const int64_t row = x->rank ? n[last] : 1, x_step = x->rank ? w->x_step[last] : 1;
    const int64_t step = x->rank ? w->window_step[last] : 1;
    if (fold) {
      fold(out + to * size, row > 1 ? x_step : 0, updates + from * size, step, row);
      continue;
    }
    for (int64_t i = 0; i < row; i++) {
      void *acc = out + (to + i * x_step) * size;
      const void *update = updates + (from + i * step) * size;
      UFI_TRY(ufi_shlo_apply(body, &acc, &update));
    }
  } while (ufi_shlo_next(last, n, index));
  return UF_OK;
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const scatter_state *s = ctx->state;
  const ufi_tensor *x = ctx->in[0], *indices = ctx->in[1], *updates = ctx->in[2], *y = ctx->out[0];
  int64_t start[UF_MAX_RANK] = {0};
  ufi_shlo_body body = {0};
  windows w;
  ufi_move_all(y, x);
  if (updates->count == 0 || y->count == 0) return UF_OK;
  open_windows(&a->map, x, indices, updates, &w);
  uf_status status = s->fold ? UF_OK : ufi_shlo_open(ctx, a->graph, 1, &body);
  bool more = true;
  while (more && status == UF_OK) {
    read_start(&a->map, &w, indices, start);
    status = scatter_window(x, &w, start, s->fold, &body, y->data, updates->data);
    more = next_window(&w);
  }
  ufi_shlo_close(&body);
  return status;
}
const ufi_op_def ufi_op_STABLEHLO_SCATTER = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tflite = scatter_tflite, .infer = scatter_infer,
  .prepare = scatter_prepare, .eval = scatter_eval, .calls = scatter_calls};
