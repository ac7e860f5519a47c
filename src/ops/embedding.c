/* SPDX-License-Identifier: Apache-2.0
 *
 * embedding.c: EMBEDDING_LOOKUP (rows of a table, dequantized on the way when
 * the table is quantized and the output is float) and EMBEDDING_LOOKUP_SPARSE
 * (weighted sums of rows).
 *
 * A quantized table has one scale, one for each row, or one for each block of
 * a row. Its zero point is 0. Tables of int4 and int2 are packed densely, low
 * bits first, so that a row may begin inside a byte.
 */
#include <math.h>

#include "ops/move.h"

/* ---- EMBEDDING_LOOKUP: ids, table --------------------------------------------------- */

static bool is_float(uf_dtype dtype) { return dtype == UF_FLOAT32 || dtype == UF_FLOAT16; }

static uf_status check_scales(ufi_ctx *ctx, const ufi_tensor *table) {
  const uf_quant *q = table->quant;
  int64_t columns = ufi_move_span(table->dims, 1, table->rank);
  if (!q || q->count <= 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a quantized table for a float output, found no "
                        "scale on '%s'", table->name);
  int64_t wanted = q->count == 1 ? 1 : table->dims[0];
  if (q->block_size > 0)
    wanted = columns % q->block_size ? -1 : table->dims[0] * (columns / q->block_size);
  if (q->count != wanted || (q->count > 1 && q->block_size <= 0 && q->axis != 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one scale, one a row or one a block of the "
                        "table, found %lld along axis %d", (long long)q->count, q->axis);
  if (q->zero_points[0] != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected zero point 0 of the table, found %lld",
                        (long long)q->zero_points[0]);
  return UF_OK;
}

static uf_status lookup_infer(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[0], *table = ctx->in[1], *out = ctx->out[0];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ids, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, table, 2, UF_MAX_RANK));
  if (table->dtype != out->dtype) {
    if (!is_float(out->dtype)) return ufi_want_same(ctx, table, out);
    UFI_TRY(ufi_want_in(ctx, 1, UF_INT8, UF_UINT8, UF_INT4, UF_INT2, UF_INVALID));
    UFI_TRY(check_scales(ctx, table));
  }
  memcpy(dims, table->dims, sizeof dims);
  dims[0] = ids->count;
  return ufi_out_shape(ctx, 0, table->rank, dims);
}

/* Signed value of element i. Tables marked uint8 are read as signed too: that
 * is how TFLite's hybrid models use this type, with zero point 0. */
static int load_signed(const ufi_tensor *table, int64_t i) {
  const uint8_t *data = table->data;
  if (table->dtype == UF_INT4) return (int8_t)(uint8_t)(data[i >> 1] << (i & 1 ? 0 : 4)) >> 4;
  if (table->dtype == UF_INT2) return (int8_t)(uint8_t)(data[i >> 2] << (6 - 2 * (i & 3))) >> 6;
  return (int8_t)data[i];
}

static void dequantize_row(const ufi_tensor *out, int64_t to, const ufi_tensor *table, int64_t row,
                           int64_t columns) {
  const uf_quant *q = table->quant;
  int64_t block = q->block_size > 0 ? q->block_size : columns;
  const float *scale = q->scales;
  if (q->block_size > 0) scale += row * (columns / block);
  else if (q->count > 1) scale += row;
  for (int64_t c = 0; c < columns; c++) {
    float value = (float)load_signed(table, row * columns + c) * scale[c / block];
    if (out->dtype == UF_FLOAT32) ((float *)out->data)[to + c] = value;
    else ((uint16_t *)out->data)[to + c] = ufi_float_to_half(value);
  }
}

static uf_status lookup_eval(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[0], *table = ctx->in[1], *out = ctx->out[0];
  int64_t columns = ufi_move_span(table->dims, 1, table->rank);
  ufi_move_clear(out);
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t row = ((const int32_t *)ids->data)[i];
    if (row < 0 || row >= table->dims[0])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected ids in [0, %lld) (rows of the table), found %lld at "
                          "position %lld", (long long)table->dims[0], (long long)row, (long long)i);
    if (table->dtype == out->dtype)
      ufi_move_run_flat(out->dtype, out->data, i * columns, table->data, row * columns, columns);
    else if (columns)
      dequantize_row(out, i * columns, table, row, columns);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_EMBEDDING_LOOKUP = {.infer = lookup_infer, .eval = lookup_eval};

/* ---- EMBEDDING_LOOKUP_SPARSE: ids, indices, dense shape, weights, table ------------------ */

enum { SUM, MEAN, SQRTN };

static uf_status sparse_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i8(&from->options, 0, 0);
  return UF_OK;
}

static uf_status sparse_infer(ufi_ctx *ctx) {
  static const uf_dtype dtypes[] = {UF_INT32, UF_INT32, UF_INT32, UF_FLOAT32, UF_FLOAT32};
  static const int32_t ranks[] = {1, 2, 1, 1};
  const ufi_tensor *indices = ctx->in[1], *table = ctx->in[4];
  const int32_t combiner = *(const int32_t *)ctx->attrs;
  int64_t dims[2 * UF_MAX_RANK];
  if (combiner < SUM || combiner > SQRTN)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected combiner 0 (SUM), 1 (MEAN) or 2 (SQRTN), found %d",
                        (int)combiner);
  for (int i = 0; i < 5; i++) UFI_TRY(ufi_want_in(ctx, i, dtypes[i], UF_INVALID));
  for (int i = 0; i < 4; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], ranks[i], ranks[i]));
  UFI_TRY(ufi_want_rank(ctx, table, 2, UF_MAX_RANK));
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT32, UF_INVALID));
  int64_t n = ctx->in[0]->count, depth = indices->dims[1];
  if (indices->dims[0] != n || ctx->in[3]->count != n || ctx->in[2]->count != depth)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a coordinate and a weight for each of %lld ids, "
                        "found %lld coordinates of %lld numbers, %lld weights and a dense shape of %lld",
                        (long long)n, (long long)indices->dims[0], (long long)depth,
                        (long long)ctx->in[3]->count, (long long)ctx->in[2]->count);
  if (depth < 1 || depth - 1 + table->rank - 1 > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of 1 to %d numbers, found %lld",
                        UF_MAX_RANK + 2 - table->rank, (long long)depth);
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], (int32_t)depth, dims));
  for (int32_t d = 1; d < table->rank; d++) dims[depth - 2 + d] = table->dims[d];
  return ufi_out_shape(ctx, 0, (int32_t)depth - 1 + table->rank - 1, dims);
}

/* The output row that coordinate i belongs to: all its numbers but the last. */
static uf_status find_bucket(ufi_ctx *ctx, int64_t i, int64_t *bucket_out) {
  const ufi_tensor *indices = ctx->in[1], *out = ctx->out[0];
  int32_t depth = (int32_t)indices->dims[1];
  int64_t bucket = 0;
  for (int32_t d = 0; d < depth - 1; d++) {
    int64_t index = ufi_move_index(indices, i * depth + d);
    if (index < 0 || index >= out->dims[d])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates in [0, %lld) for dimension %d, found "
                          "%lld in coordinate %lld", (long long)out->dims[d], d, (long long)index,
                          (long long)i);
    bucket = bucket * out->dims[d] + index;
  }
  *bucket_out = bucket;
  return UF_OK;
}

typedef struct total {
  int64_t bucket, n;
  float weight, squares;
} total;

static void finish(int32_t combiner, const total *t, float *out, int64_t columns) {
  if (combiner == SUM || t->n == 0) return;
  float divisor = combiner == MEAN ? t->weight : sqrtf(t->squares);
  for (int64_t c = 0; c < columns; c++) out[t->bucket * columns + c] /= divisor;
}

/* Coordinates are sorted by bucket, as the format has them: a bucket is divided
 * when the next one begins. */
static uf_status sparse_eval(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[0], *table = ctx->in[4];
  const float *weights = ctx->in[3]->data, *rows = table->data;
  int32_t combiner = *(const int32_t *)ctx->attrs;
  int64_t columns = ufi_move_span(table->dims, 1, table->rank), bucket = 0;
  float *out = ctx->out[0]->data;
  total t = {0};
  if (ctx->out[0]->size) memset(out, 0, ctx->out[0]->size);
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i);
    if (id < 0 || id >= table->dims[0])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected ids in [0, %lld) (rows of the table), found %lld at "
                          "position %lld", (long long)table->dims[0], (long long)id, (long long)i);
    UFI_TRY(find_bucket(ctx, i, &bucket));
    if (bucket != t.bucket) {
      finish(combiner, &t, out, columns);
      t = (total){.bucket = bucket};
    }
    t.n++;
    t.weight += weights[i];
    t.squares += weights[i] * weights[i];
    for (int64_t c = 0; c < columns; c++) out[bucket * columns + c] += rows[id * columns + c] * weights[i];
  }
  finish(combiner, &t, out, columns);
  return UF_OK;
}

const ufi_op_def ufi_op_EMBEDDING_LOOKUP_SPARSE = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = sparse_attrs_tflite, .infer = sparse_infer,
  .eval = sparse_eval,
};
