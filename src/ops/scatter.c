/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter.c: values put at coordinates: SCATTER_ND (which adds up what meets),
 * SPARSE_TO_DENSE (the last one stays), MATRIX_DIAG, MATRIX_SET_DIAG.
 */
#include "ops/join.h"
#include "ops/move.h"

/* A vector input that holds a shape. */
static uf_status read_shape(ufi_ctx *ctx, const ufi_tensor *t, int32_t *rank_out,
                            int64_t dims[UF_MAX_RANK]) {
  if (t->count > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape of at most %d dimensions, found %lld",
                        UF_MAX_RANK, (long long)t->count);
  *rank_out = (int32_t)t->count;
  UFI_TRY(ufi_move_ints(ctx, t, *rank_out, dims));
  for (int32_t d = 0; d < *rank_out; d++)
    if (dims[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more, found %lld for "
                          "dimension %d", (long long)dims[d], d);
  return UF_OK;
}

/* Where coordinate i, of `depth` numbers, lies in out, in elements. */
static uf_status locate(ufi_ctx *ctx, const ufi_tensor *indices, int64_t i, int32_t depth,
                        const int64_t *steps, int64_t *at_out) {
  const ufi_tensor *out = ctx->out[0];
  *at_out = 0;
  for (int32_t d = 0; d < depth; d++) {
    int64_t index = ufi_move_index(indices, i * depth + d);
    if (index < 0 || index >= out->dims[d])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates in [0, %lld) for dimension %d, found "
                          "%lld in coordinate %lld", (long long)out->dims[d], d, (long long)index,
                          (long long)i);
    *at_out += index * steps[d];
  }
  return UF_OK;
}

/* ---- SCATTER_ND: indices, updates, shape ------------------------------------------- */

typedef struct scatter_attrs {
  bool tf;                 /* a vector of indices has one number for each slice */
  bool ignore;             /* TensorFlow: coordinates outside are passed over */
} scatter_attrs;

static uf_status scatter_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const policies[] = {"", "DEFAULT", "ERROR", "IGNORE", NULL};
  int32_t policy;
  UFI_TRY(ufi_tf_choice(from, "bad_indices_policy", policies, &policy, error));
  *(scatter_attrs *)memory = (scatter_attrs){.tf = true, .ignore = policy == 3};
  return UF_OK;
}

/* Dimensions of the indices before the coordinates, and numbers in a coordinate. */
static int32_t batch_rank(const ufi_ctx *ctx, int32_t *depth_out) {
  const ufi_tensor *indices = ctx->in[0];
  const bool single = indices->rank == 1 && ((const scatter_attrs *)ctx->attrs)->tf;
  *depth_out = single ? 1 : (int32_t)UFI_MIN(indices->dims[indices->rank - 1], (int64_t)INT32_MAX);
  return single ? 1 : indices->rank - 1;
}

/* updates is (indices.shape[:-1]) + (shape[depth:]). */
static uf_status scatter_check(ufi_ctx *ctx, int32_t rank, const int64_t *dims) {
  const ufi_tensor *indices = ctx->in[0], *updates = ctx->in[1];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t expected[2 * UF_MAX_RANK];
  int32_t n = 0, depth, batch = batch_rank(ctx, &depth);
  if (depth > rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of at most %d numbers (last extent "
                        "of the indices), found %d", rank, depth);
  for (int32_t d = 0; d < batch; d++) expected[n++] = indices->dims[d];
  for (int32_t d = depth; d < rank; d++) expected[n++] = dims[d];
  if (n == updates->rank && memcmp(expected, updates->dims, (size_t)n * sizeof expected[0]) == 0)
    return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected updates of shape %s, found %s",
                      ufi_shape_text(UFI_MIN(n, UF_MAX_RANK), expected, want),
                      ufi_shape_text(updates->rank, updates->dims, found));
}

static uf_status scatter_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  if (!ufi_join_takes(UFI_JOIN_ADD, ctx->in[1]->dtype) && ctx->in[1]->dtype != UF_STRING)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected numbers to add up, found %s", uf_dtype_name(ctx->in[1]->dtype));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[2]));
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[1]->dtype));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 1, 1));
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(read_shape(ctx, ctx->in[2], &rank, dims));
  UFI_TRY(scatter_check(ctx, rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *updates = ctx->in[1], *out = ctx->out[0];
  int32_t depth, batch = batch_rank(ctx, &depth);
  int64_t slices = ufi_move_span(indices->dims, 0, batch);
  int64_t inner = ufi_move_span(out->dims, depth, out->rank), steps[UF_MAX_RANK], at;
  int64_t size = uf_dtype_bits(out->dtype) / 8;
  const bool ignore = ((const scatter_attrs *)ctx->attrs)->ignore;
  /* Strings have no sum: the last one stays. */
  const ufi_join how = out->dtype == UF_STRING ? UFI_JOIN_SET : UFI_JOIN_ADD;
  ufi_move_steps(out->rank, out->dims, steps);
  if (out->size) memset(out->data, 0, out->size);
  for (int64_t i = 0; i < slices; i++) {
    uf_status status = locate(ctx, indices, i, depth, steps, &at);
    if (status != UF_OK && !ignore) return status;
    if (status == UF_OK)
      ufi_join_run(how, out->dtype, (char *)out->data + at * size,
                   (const char *)updates->data + i * inner * size, inner);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SCATTER_ND = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tf = scatter_attrs_tf, .infer = scatter_infer, .eval = scatter_eval,
};

/* ---- SPARSE_TO_DENSE: indices, shape, values, default ---------------------------------- */

static uf_status sparse_to_dense_infer(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *shape = ctx->in[1], *values = ctx->in[2];
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, indices, 0, 2));
  UFI_TRY(ufi_want_rank(ctx, shape, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, values, 0, 1));
  UFI_TRY(ufi_want_same(ctx, values, ctx->in[3]));
  UFI_TRY(ufi_out_dtype(ctx, 0, values->dtype));
  int64_t n = indices->rank == 2 ? indices->dims[0] : indices->count;
  int64_t depth = indices->rank == 2 ? indices->dims[1] : 1;
  if (depth != shape->count || (values->rank == 1 && values->count != n))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of %lld numbers and a value for "
                        "each, found %lld coordinates of %lld and %lld values", (long long)shape->count,
                        (long long)n, (long long)depth, (long long)values->count);
  if (ctx->in[3]->count != 1 || uf_dtype_bits(values->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one default value of whole bytes, found %lld of "
                        "%s", (long long)ctx->in[3]->count, uf_dtype_name(values->dtype));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_shape(ctx, shape, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status sparse_to_dense_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *values = ctx->in[2], *out = ctx->out[0];
  int64_t n = indices->rank == 2 ? indices->dims[0] : indices->count, steps[UF_MAX_RANK], at;
  ufi_move_steps(out->rank, out->dims, steps);
  ufi_move_fill(out->dtype, out->data, 0, ctx->in[3]->data, out->count);
  for (int64_t i = 0; i < n; i++) {
    UFI_TRY(locate(ctx, indices, i, out->rank, steps, &at));
    ufi_move_run_flat(out->dtype, out->data, at, values->data, values->rank ? i : 0, 1);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SPARSE_TO_DENSE = {.infer = sparse_to_dense_infer, .eval = sparse_to_dense_eval};

/* ---- MATRIX_DIAG, MATRIX_SET_DIAG --------------------------------------------------------- */

/* diagonal (batch, n) onto the diagonals of out (batch, rows, columns). */
static void put_diagonals(ufi_ctx *ctx, const ufi_tensor *diagonal) {
  const ufi_tensor *out = ctx->out[0];
  int64_t rows = out->dims[out->rank - 2], columns = out->dims[out->rank - 1];
  int64_t batch = ufi_move_span(out->dims, 0, out->rank - 2), n = UFI_MIN(rows, columns);
  ufi_move move = {0};
  ufi_move_dim(&move, batch, n, rows * columns);
  ufi_move_dim(&move, n, 1, columns + 1);
  ufi_move_run(&move, out->dtype, out->data, diagonal->data, ctx->pool);
}

static uf_status matrix_diag_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK - 1));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  memcpy(dims, in->dims, sizeof dims);
  dims[in->rank] = in->dims[in->rank - 1];
  return ufi_out_shape(ctx, 0, in->rank + 1, dims);
}

static uf_status matrix_diag_eval(ufi_ctx *ctx) {
  if (ctx->out[0]->size) memset(ctx->out[0]->data, 0, ctx->out[0]->size);
  put_diagonals(ctx, ctx->in[0]);
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_DIAG = {.infer = matrix_diag_infer, .eval = matrix_diag_eval};

static uf_status set_diag_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *diagonal = ctx->in[1];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_rank(ctx, in, 2, UF_MAX_RANK));
  UFI_TRY(ufi_want_same(ctx, in, diagonal));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  memcpy(dims, in->dims, sizeof dims);
  dims[in->rank - 2] = UFI_MIN(in->dims[in->rank - 2], in->dims[in->rank - 1]);
  if (diagonal->rank != in->rank - 1 ||
      memcmp(dims, diagonal->dims, (size_t)diagonal->rank * sizeof dims[0]) != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected diagonals of shape %s, found %s",
                        ufi_shape_text(in->rank - 1, dims, want),
                        ufi_shape_text(diagonal->rank, diagonal->dims, found));
  return ufi_out_like(ctx, 0, in);
}

static uf_status set_diag_eval(ufi_ctx *ctx) {
  ufi_move_all(ctx->out[0], ctx->in[0]);
  put_diagonals(ctx, ctx->in[1]);
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_SET_DIAG = {.infer = set_diag_infer, .eval = set_diag_eval};
