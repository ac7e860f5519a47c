/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c: SEGMENT_SUM (rows added by sorted segment ids), the
 * UNSORTED_SEGMENT ops (any order, negative ids left out), BUCKETIZE.
 */
#include "ops/join.h"
#include "ops/move.h"

/* Joins the rows of in that ids, all checked, send to each row of the output. */
static void join_rows(ufi_ctx *ctx, ufi_join how) {
  const ufi_tensor *in = ctx->in[0], *ids = ctx->in[1], *out = ctx->out[0];
  int64_t columns = ufi_move_span(out->dims, 1, out->rank);
  const int64_t row_size = columns * uf_dtype_bits(out->dtype) / 8;
  _Alignas(16) char start[16];
  ufi_join_start(how, out->dtype, false, start);
  ufi_move_fill(out->dtype, out->data, 0, start, out->count);
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t row = ufi_move_index(ids, i);
    if (row < 0 || columns == 0) continue;
    ufi_join_run(how, out->dtype, (char *)out->data + row * row_size, (const char *)in->data + i * row_size, columns);
  }
}

/* ---- SEGMENT_SUM: data, ids ------------------------------------------------------------ */

/* Ids begin at 0 and go up by 0 or 1. */
static uf_status check_sorted(ufi_ctx *ctx, int64_t *segments_out) {
  const ufi_tensor *ids = ctx->in[1];
  int64_t previous = -1;
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i);
    if (id != previous + 1 && (i == 0 || id != previous))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids that begin at 0 and go up by 0 or "
                          "1, found %lld at position %lld", (long long)id, (long long)i);
    previous = id;
  }
  *segments_out = previous + 1;
  return UF_OK;
}

static uf_status segment_sum_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *ids = ctx->in[1];
  int64_t dims[UF_MAX_RANK], segments = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, ids, 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (ids->count != in->dims[0])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a segment id for each of %lld rows, found %lld",
                        (long long)in->dims[0], (long long)ids->count);
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(check_sorted(ctx, &segments));
  memcpy(dims, in->dims, sizeof dims);
  dims[0] = segments;
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status segment_sum_eval(ufi_ctx *ctx) {
  join_rows(ctx, UFI_JOIN_ADD); /* infer has checked the ids: the shape came from them */
  return UF_OK;
}

const ufi_op_def ufi_op_SEGMENT_SUM = {.infer = segment_sum_infer, .eval = segment_sum_eval};

/* ---- UNSORTED_SEGMENT_*: data, ids, number of segments ------------------------------------ */

static uf_status unsorted_infer(ufi_ctx *ctx, ufi_join how) {
  const ufi_tensor *in = ctx->in[0], *ids = ctx->in[1];
  int64_t dims[UF_MAX_RANK + 1], segments;
  int32_t rank = 1;
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  if (in->dtype == UF_BOOL || !ufi_join_takes(how, in->dtype))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype that this op joins, found %s", ufi_tensor_text(in, text));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  bool prefix = ids->rank <= in->rank;
  for (int32_t d = 0; prefix && d < ids->rank; d++) prefix = ids->dims[d] == in->dims[d];
  if (!prefix) {
    char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids over the first dimensions of %s, "
                        "found %s", ufi_shape_text(in->rank, in->dims, a),
                        ufi_shape_text(ids->rank, ids->dims, b));
  }
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &segments));
  if (segments < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 or more segments, found %lld",
                        (long long)segments);
  dims[0] = segments;
  for (int32_t d = ids->rank; d < in->rank; d++) dims[rank++] = in->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status unsorted_eval(ufi_ctx *ctx, ufi_join how) {
  const ufi_tensor *ids = ctx->in[1], *out = ctx->out[0];
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i);
    if (id >= out->dims[0])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids below %lld, found %lld at position %lld",
                          (long long)out->dims[0], (long long)id, (long long)i);
  }
  join_rows(ctx, how);
  return UF_OK;
}

static uf_status unsorted_sum_infer(ufi_ctx *ctx) { return unsorted_infer(ctx, UFI_JOIN_ADD); }
static uf_status unsorted_sum_eval(ufi_ctx *ctx) { return unsorted_eval(ctx, UFI_JOIN_ADD); }
static uf_status unsorted_prod_infer(ufi_ctx *ctx) { return unsorted_infer(ctx, UFI_JOIN_MUL); }
static uf_status unsorted_prod_eval(ufi_ctx *ctx) { return unsorted_eval(ctx, UFI_JOIN_MUL); }
static uf_status unsorted_max_infer(ufi_ctx *ctx) { return unsorted_infer(ctx, UFI_JOIN_MAX); }
static uf_status unsorted_max_eval(ufi_ctx *ctx) { return unsorted_eval(ctx, UFI_JOIN_MAX); }
static uf_status unsorted_min_infer(ufi_ctx *ctx) { return unsorted_infer(ctx, UFI_JOIN_MIN); }
static uf_status unsorted_min_eval(ufi_ctx *ctx) { return unsorted_eval(ctx, UFI_JOIN_MIN); }

const ufi_op_def ufi_op_UNSORTED_SEGMENT_SUM = {.infer = unsorted_sum_infer, .eval = unsorted_sum_eval};
const ufi_op_def ufi_op_UNSORTED_SEGMENT_PROD = {.infer = unsorted_prod_infer, .eval = unsorted_prod_eval};
const ufi_op_def ufi_op_UNSORTED_SEGMENT_MAX = {.infer = unsorted_max_infer, .eval = unsorted_max_eval};
const ufi_op_def ufi_op_UNSORTED_SEGMENT_MIN = {.infer = unsorted_min_infer, .eval = unsorted_min_eval};

/* ---- BUCKETIZE ----------------------------------------------------------------------------- */

typedef struct bucketize_attrs {
  uint32_t n;
  float *boundaries;      /* in the model's arena */
} bucketize_attrs;

static uf_status bucketize_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  bucketize_attrs *a = memory;
  ufi_fb_vector v = ufi_fb_vec(&from->options, 0, sizeof(float));
  a->n = v.count;
  if (v.count == 0) return UF_OK;
  a->boundaries = ufi_arena_array(from->arena, v.count, sizeof(float));
  if (!a->boundaries) return ufi_no_memory(error, v.count * sizeof(float));
  for (uint32_t i = 0; i < v.count; i++) a->boundaries[i] = ufi_fb_vec_f32(&v, i);
  return UF_OK;
}

static uf_status bucketize_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  bucketize_attrs *a = memory;
  const uf_attr *list = ufi_tf_attr(from, "boundaries");
  int32_t n = list && list->kind == UF_ATTR_FLOATS ? list->n : 0;
  if (n == 0) return UF_OK;
  a->n = (uint32_t)n;
  a->boundaries = ufi_arena_array(from->arena, (size_t)n, sizeof(float));
  if (!a->boundaries) return ufi_no_memory(error, (size_t)n * sizeof(float));
  for (int32_t i = 0; i < n; i++) a->boundaries[i] = (float)list->floats[i];
  return UF_OK;
}

static uf_status bucketize_infer(ufi_ctx *ctx) {
  const bucketize_attrs *a = ctx->attrs;
  for (uint32_t i = 1; i < a->n; i++)
    if (a->boundaries[i] < a->boundaries[i - 1])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boundaries in ascending order, found %g after %g",
                          (double)a->boundaries[i], (double)a->boundaries[i - 1]);
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_INT32));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* Whether element i of t lies below the boundary, compared as C++ compares the
 * two types: integers as float32, float64 as float64. */
static bool below(const ufi_tensor *t, int64_t i, float boundary) {
  switch (t->dtype) {
    case UF_FLOAT32: return ((const float *)t->data)[i] < boundary;
    case UF_FLOAT64: return ((const double *)t->data)[i] < (double)boundary;
    case UF_INT32: return (float)((const int32_t *)t->data)[i] < boundary;
    default: return (float)((const int64_t *)t->data)[i] < boundary;
  }
}

static uf_status bucketize_eval(ufi_ctx *ctx) {
  const bucketize_attrs *a = ctx->attrs;
  int32_t *out = ctx->out[0]->data;
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    uint32_t low = 0, high = a->n;
    while (low < high) { /* the first boundary above the value */
      uint32_t middle = low + (high - low) / 2;
      if (below(ctx->in[0], i, a->boundaries[middle])) high = middle;
      else low = middle + 1;
    }
    out[i] = (int32_t)low;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_BUCKETIZE = {
  .attrs_size = sizeof(bucketize_attrs), .attrs_tflite = bucketize_attrs_tflite,
  .attrs_tf = bucketize_attrs_tf, .infer = bucketize_infer,
  .eval = bucketize_eval,
};
