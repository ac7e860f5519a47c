/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_segment.c: TensorFlow's SegmentSum and kin (rows joined by sorted ids), and the same over rows
 * that a list of indices picks (SparseSegment*).
 *
 * One segment at a time is joined in a row of the wide dtype and then converted. Segments without
 * rows are 0, of products 1. How many segments there are the last id says, or an input.
 */
#include <math.h>

#include "ops/join.h"
#include "ops/move.h"

typedef enum segment_kind { SEG_SUM, SEG_MEAN, SEG_PROD, SEG_MAX, SEG_MIN, SEG_SQRTN } segment_kind;
typedef struct segment_attrs {
  segment_kind kind;
  bool sparse, counted;
} segment_attrs;

static uf_status segment_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const words[] = {"Sum", "Mean", "Prod", "Max", "Min", "SqrtN"};
  segment_attrs *a = memory;
  a->sparse = strncmp(from->op, "Sparse", 6) == 0;
  a->counted = strstr(from->op, "WithNumSegments") != NULL;
  const char *word = from->op + (a->sparse ? strlen("SparseSegment") : strlen("Segment"));
  for (int i = 0; i < 6; i++)
    if (strncmp(word, words[i], strlen(words[i])) == 0) a->kind = (segment_kind)i;
  return UF_OK;
}

static ufi_join join_of(segment_kind kind) {
  return kind == SEG_PROD ? UFI_JOIN_MUL : kind == SEG_MAX ? UFI_JOIN_MAX : kind == SEG_MIN ? UFI_JOIN_MIN : UFI_JOIN_ADD;
}
static const ufi_tensor *ids_of(const ufi_ctx *ctx) {
  return ctx->in[((const segment_attrs *)ctx->attrs)->sparse ? 2 : 1];
}

/* Ids go up, from 0 on; gaps are fine. */
static uf_status check_ids(ufi_ctx *ctx, int64_t limit, int64_t *segments_out) {
  const ufi_tensor *ids = ids_of(ctx);
  int64_t previous = 0;
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i);
    if (id < previous || id >= limit)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids that go up, in [0, %lld), found %lld at "
                          "position %lld", (long long)limit, (long long)id, (long long)i);
    previous = id;
  }
  *segments_out = ids->count ? previous + 1 : 0;
  return UF_OK;
}

static uf_status check_inputs(ufi_ctx *ctx) {
  const segment_attrs *a = ctx->attrs;
  const ufi_tensor *data = ctx->in[0], *ids = ids_of(ctx);
  char text[512];
  uf_dtype wide = ufi_join_wide(data->dtype);
  bool real = wide == UF_FLOAT32 || wide == UF_FLOAT64;
  UFI_TRY(ufi_want_rank(ctx, data, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, ids, 1, 1));
  UFI_TRY(ufi_want_same(ctx, data, ctx->out[0]));
  for (int32_t i = 1; i < ctx->n_in; i++) UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  if (data->dtype == UF_BOOL || !ufi_join_takes(join_of(a->kind), data->dtype) ||
      (a->sparse && a->kind != SEG_SUM && !real))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype that this op joins, found %s", ufi_tensor_text(data, text));
  int64_t rows = a->sparse ? ctx->in[1]->count : data->dims[0];
  if (a->sparse) UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  if (rows != ids->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a segment id for each of %lld rows, found %lld",
                        (long long)rows, (long long)ids->count);
  return UF_OK;
}

static uf_status segment_infer(ufi_ctx *ctx) {
  const segment_attrs *a = ctx->attrs;
  const int32_t ids_at = a->sparse ? 2 : 1;
  int64_t dims[UF_MAX_RANK], segments = 0, limit = INT64_MAX;
  UFI_TRY(check_inputs(ctx));
  if (a->counted) {
    if (!ufi_known(ctx, ids_at + 1)) return UF_OK;
    UFI_TRY(ufi_move_ints(ctx, ctx->in[ids_at + 1], 1, &limit));
    if (limit < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 or more segments, found %lld", (long long)limit);
  }
  if (!a->counted || ufi_known(ctx, ids_at)) {
    if (!ufi_known(ctx, ids_at)) return UF_OK;
    UFI_TRY(check_ids(ctx, limit, &segments));
  }
  memcpy(dims, ctx->in[0]->dims, sizeof dims);
  dims[0] = a->counted ? limit : segments;
  return ufi_out_shape(ctx, 0, ctx->in[0]->rank, dims);
}

static int64_t columns_of(const ufi_ctx *ctx) { return ufi_move_span(ctx->in[0]->dims, 1, ctx->in[0]->rank); }

/* A row of results, and one of a converted input. */
static uf_status segment_prepare(ufi_ctx *ctx) {
  size_t bytes;
  if (!ufi_mul_size((size_t)columns_of(ctx), 2 * 16, &bytes)) return ufi_no_memory(ctx->error, SIZE_MAX);
  ufi_want_scratch(ctx, bytes);
  return UF_OK;
}

static void divide(uf_dtype wide, void *row, int64_t n, double by) {
#define DIVIDE(T) for (int64_t i = 0; i < n; i++) ((T *)row)[i] /= (T)by; break
  switch (wide) {
    case UF_FLOAT32: DIVIDE(float);
    case UF_FLOAT64: DIVIDE(double);
    case UF_INT32: DIVIDE(int32_t);
    case UF_INT64: DIVIDE(int64_t);
    case UF_UINT64: DIVIDE(uint64_t);
    default: DIVIDE(double _Complex);
  }
#undef DIVIDE
}

typedef struct segment_run {
  segment_kind kind;
  uf_dtype dtype, wide;
  int64_t columns, rows;
  size_t row_size;
  const char *data;
  const ufi_tensor *indices; /* NULL: row i is row i */
  char *acc, *row;
} segment_run;

/* Joins rows [begin, end) into one at out. */
static uf_status join_segment(ufi_ctx *ctx, const segment_run *r, int64_t begin, int64_t end, char *out) {
  for (int64_t i = begin; i < end; i++) {
    int64_t at = r->indices ? ufi_move_index(r->indices, i) : i;
    if (at < 0 || at >= r->rows)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld), found %lld at position %lld",
                          (long long)r->rows, (long long)at, (long long)i);
    const char *from = r->data + (size_t)at * r->row_size;
    UFI_TRY(ufi_convert(r->dtype, from, r->columns, r->wide, i == begin ? r->acc : r->row, ctx->error));
    if (i > begin) ufi_join_run(join_of(r->kind), r->wide, r->acc, r->row, r->columns);
  }
  double n = (double)(end - begin);
  if (r->kind == SEG_MEAN || r->kind == SEG_SQRTN) {
    /* Narrow integers wrap around in their own width before they are divided. */
    if (r->wide == UF_INT64 && r->dtype != UF_INT64) {
      UFI_TRY(ufi_convert(r->wide, r->acc, r->columns, r->dtype, out, ctx->error));
      UFI_TRY(ufi_convert(r->dtype, out, r->columns, r->wide, r->acc, ctx->error));
    }
    divide(r->wide, r->acc, r->columns, r->kind == SEG_MEAN ? n : sqrt(n));
  }
  return ufi_convert(r->wide, r->acc, r->columns, r->dtype, out, ctx->error);
}

static uf_status segment_eval(ufi_ctx *ctx) {
  const segment_attrs *a = ctx->attrs;
  const ufi_tensor *data = ctx->in[0], *ids = ids_of(ctx), *out = ctx->out[0];
  segment_run r = {.kind = a->kind, .dtype = data->dtype, .wide = ufi_join_wide(data->dtype),
                   .columns = columns_of(ctx), .rows = data->dims[0], .data = data->data,
                   .indices = a->sparse ? ctx->in[1] : NULL, .acc = ctx->scratch};
  _Alignas(16) char empty[16];
  int64_t segments = 0;
  UFI_TRY(check_ids(ctx, out->dims[0], &segments));
  r.row_size = (size_t)r.columns * (size_t)uf_dtype_bits(r.dtype) / 8;
  r.row = r.acc + (size_t)r.columns * 16;
  ufi_join_start(a->kind == SEG_PROD ? UFI_JOIN_MUL : UFI_JOIN_ADD, r.dtype, false, empty);
  ufi_move_fill(r.dtype, out->data, 0, empty, out->count);
  for (int64_t begin = 0, end; begin < ids->count; begin = end) {
    int64_t id = ufi_move_index(ids, begin);
    for (end = begin + 1; end < ids->count && ufi_move_index(ids, end) == id; end++) {}
    UFI_TRY(join_segment(ctx, &r, begin, end, (char *)out->data + (size_t)id * r.row_size));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TF_SEGMENT = {
  .attrs_size = sizeof(segment_attrs), .attrs_tf = segment_tf, .infer = segment_infer,
  .prepare = segment_prepare, .eval = segment_eval,
};
const ufi_op_def ufi_op_SPARSE_SEGMENT = {
  .attrs_size = sizeof(segment_attrs), .attrs_tf = segment_tf, .infer = segment_infer,
  .prepare = segment_prepare, .eval = segment_eval,
};
