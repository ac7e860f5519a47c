/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_shape.c: StableHLO's ops that only move elements: RESHAPE, TRANSPOSE, BROADCAST_IN_DIM,
 * CONCATENATE, SLICE, DYNAMIC_SLICE, DYNAMIC_UPDATE_SLICE, PAD; and IOTA.
 *
 * All are one strided copy (move.h) or two. Elements may be of any dtype, quantized or not.
 */
#include "ops/move.h"
#include "ops/number.h"
#include "ops/stablehlo.h"

static uf_status copy_dtype(ufi_ctx *ctx, const ufi_tensor *from) { return ufi_out_dtype(ctx, 0, from->dtype); }

/* ---- RESHAPE: to the output's shape in the file ------------------------------------------- */

static uf_status reshape_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  char p[512], q[UFI_SHAPE_TEXT];
  int64_t count;
  UFI_TRY(copy_dtype(ctx, x));
  if (!ufi_shape_count(y->rank, y->dims, &count) || count != x->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many elements as the output's shape %s has, found %s; "
                        "StableHLO's shapes are fixed when a model is converted",
                        ufi_shape_text(y->rank, y->dims, q), ufi_tensor_text(x, p));
  return ufi_out_shape(ctx, 0, y->rank, y->dims);
}

static uf_status reshape_eval(ufi_ctx *ctx) {
  ufi_move_all(ctx->out[0], ctx->in[0]);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_RESHAPE = {.infer = reshape_infer, .eval = reshape_eval};

/* ---- TRANSPOSE ------------------------------------------------------------------------------ */

static uf_status transpose_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  return ufi_shlo_read(from, 0, "permutation", attrs, error);
}

static uf_status transpose_infer(ufi_ctx *ctx) {
  const ufi_shlo_list *p = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_shlo_want_count(ctx, "permutation", p->n, x->rank));
  UFI_TRY(ufi_shlo_want_dims(ctx, "permutation", p, x->rank));
  for (int32_t d = 0; d < x->rank; d++) dims[d] = x->dims[p->at[d]];
  UFI_TRY(copy_dtype(ctx, x));
  return ufi_out_shape(ctx, 0, x->rank, dims);
}

static uf_status transpose_eval(ufi_ctx *ctx) {
  const ufi_shlo_list *p = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  int64_t in[UF_MAX_RANK], out[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_steps(x->rank, x->dims, in);
  ufi_move_steps(y->rank, y->dims, out);
  for (int32_t d = 0; d < y->rank; d++) ufi_move_dim(&move, y->dims[d], in[p->at[d]], out[d]);
  ufi_move_clear(y);
  ufi_move_run(&move, y->dtype, y->data, x->data, ctx->pool);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_TRANSPOSE = {
  .attrs_size = sizeof(ufi_shlo_list), .attrs_tflite = transpose_tflite, .infer = transpose_infer,
  .eval = transpose_eval};

/* ---- BROADCAST_IN_DIM: dimension d of the operand is dimension map[d] of the output ------------ */

static uf_status broadcast_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  return ufi_shlo_read(from, 0, "broadcast_dimensions", attrs, error);
}

static uf_status broadcast_infer(ufi_ctx *ctx) {
  const ufi_shlo_list *map = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  char p[512], q[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_shlo_want_count(ctx, "broadcast_dimensions", map->n, x->rank));
  UFI_TRY(ufi_shlo_want_dims(ctx, "broadcast_dimensions", map, y->rank));
  for (int32_t d = 0; d < x->rank; d++) {
    if (x->dims[d] == 1 || x->dims[d] == y->dims[map->at[d]]) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected dimension %d of the operand to be 1 or dimension %d of the "
                        "output's shape %s, found %s", (int)d, (int)map->at[d], ufi_shape_text(y->rank, y->dims, q),
                        ufi_tensor_text(x, p));
  }
  UFI_TRY(copy_dtype(ctx, x));
  return ufi_out_shape(ctx, 0, y->rank, y->dims);
}

static uf_status broadcast_eval(ufi_ctx *ctx) {
  const ufi_shlo_list *map = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  int64_t in[UF_MAX_RANK], out[UF_MAX_RANK], step[UF_MAX_RANK] = {0};
  ufi_move move = {0};
  ufi_move_steps(x->rank, x->dims, in);
  ufi_move_steps(y->rank, y->dims, out);
  for (int32_t d = 0; d < x->rank; d++) step[map->at[d]] = x->dims[d] == 1 ? 0 : in[d];
  for (int32_t d = 0; d < y->rank; d++) ufi_move_dim(&move, y->dims[d], step[d], out[d]);
  ufi_move_clear(y);
  ufi_move_run(&move, y->dtype, y->data, x->data, ctx->pool);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_BROADCAST_IN_DIM = {
  .attrs_size = sizeof(ufi_shlo_list), .attrs_tflite = broadcast_tflite, .infer = broadcast_infer,
  .eval = broadcast_eval};

/* ---- CONCATENATE -------------------------------------------------------------------------------- */

typedef struct concat_attrs { int64_t dimension; } concat_attrs;
static uf_status concat_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((concat_attrs *)attrs)->dimension = ufi_fb_i64(&from->options, 0, 0);
  return UF_OK;
}

static uf_status concat_infer(ufi_ctx *ctx) {
  const int64_t at = ((const concat_attrs *)ctx->attrs)->dimension;
  const ufi_tensor *first = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  char p[512], q[512];
  UFI_TRY(ufi_shlo_want_range(ctx, "dimension", &at, 1, 0, first->rank - 1));
  memcpy(dims, first->dims, sizeof dims);
  for (int32_t i = 1; i < ctx->n_in; i++) {
    const ufi_tensor *x = ctx->in[i];
    bool fits = x->rank == first->rank;
    UFI_TRY(ufi_want_same(ctx, first, x));
    for (int32_t d = 0; fits && d < x->rank; d++) fits = d == at || x->dims[d] == first->dims[d];
    if (!fits)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands that differ in dimension %d only, found %s "
                          "and %s", (int)at, ufi_tensor_text(first, p), ufi_tensor_text(x, q));
    dims[at] += x->dims[at]; /* as many as fit in memory: no overflow */
  }
  for (int32_t i = 0; i < ctx->n_in; i++) UFI_TRY(ufi_move_same_quant(ctx, ctx->in[i], ctx->out[0]));
  UFI_TRY(copy_dtype(ctx, first));
  return ufi_out_shape(ctx, 0, first->rank, dims);
}

static uf_status concat_eval(ufi_ctx *ctx) {
  const int32_t at = (int32_t)((const concat_attrs *)ctx->attrs)->dimension;
  const ufi_tensor *y = ctx->out[0];
  const int64_t inner = ufi_move_span(y->dims, at + 1, y->rank), outer = ufi_move_span(y->dims, 0, at);
  int64_t done = 0;
  ufi_move_clear(y);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    const ufi_tensor *x = ctx->in[i];
    const int64_t run = x->dims[at] * inner;
    ufi_move move = {.out_at = done};
    ufi_move_dim(&move, outer, run, y->dims[at] * inner);
    ufi_move_dim(&move, run, 1, 1);
    if (x->count) ufi_move_run(&move, y->dtype, y->data, x->data, ctx->pool);
    done += run;
  }
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_CONCATENATE = {
  .attrs_size = sizeof(concat_attrs), .attrs_tflite = concat_tflite, .infer = concat_infer, .eval = concat_eval};

/* ---- SLICE, DYNAMIC_SLICE, DYNAMIC_UPDATE_SLICE ----------------------------------------------------- */

typedef struct slice_attrs { ufi_shlo_list start, limit, stride; } slice_attrs;
static uf_status slice_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  slice_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, "start_indices", &a->start, error));
  UFI_TRY(ufi_shlo_read(from, 1, "limit_indices", &a->limit, error));
  return ufi_shlo_read(from, 2, "strides", &a->stride, error);
}

static uf_status slice_infer(ufi_ctx *ctx) {
  const slice_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_shlo_want_count(ctx, "start_indices", a->start.n, x->rank));
  UFI_TRY(ufi_shlo_want_count(ctx, "limit_indices", a->limit.n, x->rank));
  UFI_TRY(ufi_shlo_want_count(ctx, "strides", a->stride.n, x->rank));
  UFI_TRY(ufi_shlo_want_range(ctx, "strides", a->stride.at, x->rank, 1, INT64_MAX));
  for (int32_t d = 0; d < x->rank; d++) {
    const int64_t begin = a->start.at[d], end = a->limit.at[d], stride = a->stride.at[d];
    if (begin < 0 || begin > end || end > x->dims[d])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a slice within the %lld of dimension %d, found [%lld, "
                          "%lld)", (long long)x->dims[d], (int)d, (long long)begin, (long long)end);
    dims[d] = begin == end ? 0 : (end - begin - 1) / stride + 1;
  }
  UFI_TRY(copy_dtype(ctx, x));
  return ufi_out_shape(ctx, 0, x->rank, dims);
}

static uf_status slice_eval(ufi_ctx *ctx) {
  const slice_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  int64_t in[UF_MAX_RANK], out[UF_MAX_RANK];
  ufi_move move = {0};
  if (y->count == 0) return UF_OK;
  ufi_move_steps(x->rank, x->dims, in);
  ufi_move_steps(y->rank, y->dims, out);
  for (int32_t d = 0; d < y->rank; d++) {
    ufi_move_dim(&move, y->dims[d], y->dims[d] > 1 ? in[d] * a->stride.at[d] : 0, out[d]);
    move.in_at += in[d] * a->start.at[d];
  }
  ufi_move_clear(y);
  ufi_move_run(&move, y->dtype, y->data, x->data, ctx->pool);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_SLICE = {
  .attrs_size = sizeof(slice_attrs), .attrs_tflite = slice_tflite, .infer = slice_infer, .eval = slice_eval};

/* Scalar indices, one for each dimension, from input `first` on. */
static uf_status want_starts(ufi_ctx *ctx, int32_t first, int32_t rank) {
  char text[512];
  if (ctx->n_in - first != rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a start index for each of %d dimensions, found %d",
                        (int)rank, (int)(ctx->n_in - first));
  for (int32_t i = first; i < ctx->n_in; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INT8, UF_INT16, UF_UINT8, UF_UINT16, UF_UINT32, UF_UINT64,
                        UF_INVALID));
    if (ctx->in[i]->count != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected start indices of one element, found %s",
                          ufi_tensor_text(ctx->in[i], text));
  }
  return UF_OK;
}

/* Where a window of these sizes begins: pushed back into the operand where it would leave it. */
static int64_t window_at(ufi_ctx *ctx, int32_t first, const ufi_tensor *x, const int64_t *sizes) {
  int64_t steps[UF_MAX_RANK], at = 0;
  ufi_move_steps(x->rank, x->dims, steps);
  for (int32_t d = 0; d < x->rank; d++) {
    const ufi_tensor *t = ctx->in[first + d];
    ufi_piece piece;
    ufi_number_type_of(t->dtype)->load(t->data, &piece, 1);
    int64_t start = t->dtype == UF_UINT64 && piece.naturals[0] > INT64_MAX ? INT64_MAX : piece.ints[0];
    start = UFI_MAX(UFI_MIN(start, x->dims[d] - sizes[d]), 0);
    at += start * steps[d];
  }
  return at;
}

static uf_status dynamic_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  return ufi_shlo_read(from, 0, "slice_sizes", attrs, error);
}

static uf_status dynamic_infer(ufi_ctx *ctx) {
  const ufi_shlo_list *sizes = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(want_starts(ctx, 1, x->rank));
  UFI_TRY(ufi_shlo_want_count(ctx, "slice_sizes", sizes->n, x->rank));
  for (int32_t d = 0; d < x->rank; d++)
    UFI_TRY(ufi_shlo_want_range(ctx, "slice_sizes", &sizes->at[d], 1, 0, x->dims[d]));
  UFI_TRY(copy_dtype(ctx, x));
  return ufi_out_shape(ctx, 0, x->rank, sizes->at);
}

static uf_status dynamic_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  int64_t in[UF_MAX_RANK], out[UF_MAX_RANK];
  ufi_move move = {0};
  if (y->count == 0) return UF_OK;
  move.in_at = window_at(ctx, 1, x, y->dims);
  ufi_move_steps(x->rank, x->dims, in);
  ufi_move_steps(y->rank, y->dims, out);
  for (int32_t d = 0; d < y->rank; d++) ufi_move_dim(&move, y->dims[d], in[d], out[d]);
  ufi_move_clear(y);
  ufi_move_run(&move, y->dtype, y->data, x->data, ctx->pool);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_DYNAMIC_SLICE = {
  .attrs_size = sizeof(ufi_shlo_list), .attrs_tflite = dynamic_tflite, .infer = dynamic_infer, .eval = dynamic_eval};

static uf_status update_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *update = ctx->in[1];
  char p[512], q[512];
  bool fits = update->rank == x->rank;
  UFI_TRY(ufi_want_same(ctx, x, update));
  UFI_TRY(want_starts(ctx, 2, x->rank));
  for (int32_t d = 0; fits && d < x->rank; d++) fits = update->dims[d] <= x->dims[d];
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an update that fits into the operand, found %s for %s",
                        ufi_tensor_text(update, p), ufi_tensor_text(x, q));
  UFI_TRY(copy_dtype(ctx, x));
  return ufi_out_like(ctx, 0, x);
}

static uf_status update_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *update = ctx->in[1], *y = ctx->out[0];
  int64_t in[UF_MAX_RANK], out[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_all(y, x);
  if (update->count == 0) return UF_OK;
  move.out_at = window_at(ctx, 2, x, update->dims);
  ufi_move_steps(update->rank, update->dims, in);
  ufi_move_steps(y->rank, y->dims, out);
  for (int32_t d = 0; d < y->rank; d++) ufi_move_dim(&move, update->dims[d], in[d], out[d]);
  ufi_move_run(&move, y->dtype, y->data, update->data, ctx->pool);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_DYNAMIC_UPDATE_SLICE = {.infer = update_infer, .eval = update_eval};

/* ---- IOTA: each element is its index along one dimension --------------------------------------------- */

typedef struct iota_attrs { int64_t dimension; } iota_attrs;
static uf_status iota_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((iota_attrs *)attrs)->dimension = ufi_fb_i64(&from->options, 0, 0);
  return UF_OK;
}

static uf_status iota_infer(ufi_ctx *ctx) {
  const iota_attrs *a = ctx->attrs;
  const ufi_tensor *y = ctx->out[0];
  UFI_TRY(ufi_shlo_want_bytes(ctx, y));
  UFI_TRY(ufi_shlo_want_range(ctx, "iota_dimension", &a->dimension, 1, 0, y->rank - 1));
  return ufi_out_shape(ctx, 0, y->rank, y->dims);
}

static uf_status iota_eval(ufi_ctx *ctx) {
  const int32_t at = (int32_t)((const iota_attrs *)ctx->attrs)->dimension;
  const ufi_tensor *y = ctx->out[0];
  const int64_t inner = ufi_move_span(y->dims, at + 1, y->rank), outer = ufi_move_span(y->dims, 0, at), n = y->dims[at];
  const size_t size = (size_t)uf_dtype_bits(y->dtype) / 8;
  uint8_t *out = y->data;
  if (y->count == 0) return UF_OK;
  for (int64_t i = 0; i < n; i++) { /* the first block, then copies of it */
    UFI_TRY(ufi_convert(UF_INT64, &i, 1, y->dtype, out + (size_t)(i * inner) * size, ctx->error));
    ufi_move_fill(y->dtype, out, i * inner + 1, out + (size_t)(i * inner) * size, inner - 1);
  }
  for (int64_t o = 1; o < outer; o++) memcpy(out + (size_t)(o * n * inner) * size, out, (size_t)(n * inner) * size);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_IOTA = {
  .attrs_size = sizeof(iota_attrs), .attrs_tflite = iota_tflite, .infer = iota_infer, .eval = iota_eval};

/* ---- PAD: before, after and between elements; negative: crops ------------------------------------------ */

typedef struct pad_attrs { ufi_shlo_list low, high, interior; } pad_attrs;
static uf_status pad_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  pad_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, "edge_padding_low", &a->low, error));
  UFI_TRY(ufi_shlo_read(from, 1, "edge_padding_high", &a->high, error));
  UFI_TRY(ufi_shlo_read(from, 2, "interior_padding", &a->interior, error));
  if (a->low.n == a->high.n && a->low.n == a->interior.n && a->low.n > 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected as many numbers in edge_padding_low, edge_padding_high and "
                  "interior_padding, found %d, %d and %d", (int)a->low.n, (int)a->high.n, (int)a->interior.n);
}

/* The window of one element that sees everything: padding, dilation and cropping are its. LiteRT takes
 * numbers that are missing for 0 and passes over those of dimensions that are not there. */
static uf_status pad_window(ufi_ctx *ctx, ufi_shlo_window *w) {
  const pad_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  *w = (ufi_shlo_window){.rank = x->rank};
  UFI_TRY(ufi_shlo_want_range(ctx, "interior_padding", a->interior.at, UFI_MIN(a->low.n, x->rank), 0, INT32_MAX - 1));
  for (int32_t d = 0; d < x->rank; d++) {
    w->in[d] = x->dims[d];
    w->window[d] = w->stride[d] = w->dilation[d] = 1;
    w->low[d] = a->low.at[d], w->high[d] = a->high.at[d], w->base[d] = a->interior.at[d] + 1;
  }
  return ufi_shlo_window_shape(ctx, w);
}

static uf_status pad_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *value = ctx->in[1];
  ufi_shlo_window w;
  char text[512];
  UFI_TRY(ufi_shlo_want_bytes(ctx, x));
  UFI_TRY(ufi_want_same(ctx, x, value));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  if (value->count != 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a padding value of one element, found %s",
                        ufi_tensor_text(value, text));
  UFI_TRY(pad_window(ctx, &w));
  UFI_TRY(copy_dtype(ctx, x));
  for (int32_t d = 0; d < w.rank; d++) { /* as LiteRT: nothing in one dimension is nothing in all */
    if (w.padded[d] <= 0) memset(w.padded, 0, sizeof w.padded);
  }
  return ufi_out_shape(ctx, 0, w.rank, w.padded);
}

static uf_status pad_eval(ufi_ctx *ctx) {
  ufi_shlo_window w;
  const ufi_tensor *y = ctx->out[0];
  UFI_TRY(pad_window(ctx, &w));
  if (y->count) ufi_shlo_window_pad(&w, y->dtype, ctx->in[0]->data, ctx->in[1]->data, y->data);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_PAD = {
  .attrs_size = sizeof(pad_attrs), .attrs_tflite = pad_tflite, .infer = pad_infer, .eval = pad_eval};
