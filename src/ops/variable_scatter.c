/* SPDX-License-Identifier: Apache-2.0
 *
 * variable_scatter.c: rows and slices of variables, by index: updated (Scatter*, ScatterNd*), read
 * (ResourceGather, ResourceGatherNd).
 *
 * All indices are checked before anything is changed.
 */
#include "ops/move.h"
#include "ops/variable.h"

typedef struct scatter_attrs {
  ufi_update update;
  bool skip_bad;        /* bad_indices_policy IGNORE */
} scatter_attrs;

static uf_status scatter_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const words[] = {"Update", "Add", "Sub", "Mul", "Div", "Min", "Max"};
  static const char *const policies[] = {"", "DEFAULT", "ERROR", "IGNORE", NULL};
  scatter_attrs *a = attrs;
  size_t length = strlen(from->op);
  for (size_t k = 0; k < UFI_COUNT(words); k++) {
    size_t size = strlen(words[k]);
    if (length > size && strcmp(from->op + length - size, words[k]) == 0) a->update = (ufi_update)k;
  }
  if (ufi_tf_attr(from, "bad_indices_policy")) {
    int32_t policy;
    UFI_TRY(ufi_tf_choice(from, "bad_indices_policy", policies, &policy, error));
    a->skip_bad = policy == 3;
  }
  return UF_OK;
}

static uf_status scatter_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  return ufi_handle_pass_infer(ctx);
}

/* The variable of input 0, with dtype and update checked. */
static uf_status scatter_variable(ufi_ctx *ctx, ufi_resource **out) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *updates = ctx->in[2];
  ufi_resource *r = NULL;
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  if (r->value.dtype != updates->dtype || !ufi_update_takes(a->update, updates->dtype) || uf_dtype_bits(updates->dtype) < 8) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected updates of %s for %s, found %s", uf_dtype_name(r->value.dtype),
                        ufi_resource_text(r, text), uf_dtype_name(updates->dtype));
  }
  if (r->value.rank < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of rank 1 or more, found a scalar", ufi_resource_text(r, text));
  }
  *out = r;
  return UF_OK;
}

static uf_status bad_updates(ufi_ctx *ctx, int32_t rank, const int64_t *dims) {
  const ufi_tensor *updates = ctx->in[2];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected updates of shape %s (indices' and the rest of the variable's), found %s",
                      ufi_shape_text(UFI_MIN(rank, UF_MAX_RANK), dims, want),
                      ufi_shape_text(updates->rank, updates->dims, found));
}

/* A place to update: n_slices runs of `inner` elements that begin at starts[i] (elements), -1: skipped. */
static uf_status apply(ufi_ctx *ctx, ufi_resource *r, const int64_t *starts, int64_t n, int64_t inner, bool scalar) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *updates = ctx->in[2];
  size_t size = (size_t)uf_dtype_bits(updates->dtype) / 8;
  uf_tensor *value;
  UFI_TRY(ufi_variable_writable(r, &value, ctx->error));
  for (int64_t i = 0; i < n; i++) {
    if (starts[i] < 0) continue;
    const char *from = (const char *)updates->data + (scalar ? 0 : (size_t)(i * inner) * size);
    bool good = ufi_update_run(a->update, updates->dtype, (char *)value->data + (size_t)starts[i] * size, from, inner, scalar ? 0 : 1);
    if (!good) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected divisors other than 0, found 0 among the updates");
  }
  return UF_OK;
}

/* Elements that point elsewhere are changed in a plain copy, so that a failure leaves the value whole. */
static uf_status scatter_apply(ufi_ctx *ctx, ufi_resource *r, const int64_t *starts, int64_t n, int64_t inner, bool scalar) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *updates = ctx->in[2];
  uf_dtype dtype = updates->dtype;
  if (dtype != UF_STRING && dtype != UF_VARIANT) return apply(ctx, r, starts, n, inner, scalar);
  size_t size = (size_t)uf_dtype_bits(dtype) / 8;
  uf_tensor copy = r->value;
  copy.data = ufi_malloc(copy.size + 1);
  copy.buf = NULL;
  if (copy.data == NULL) return ufi_no_memory(ctx->error, copy.size);
  if (copy.size) memcpy(copy.data, r->value.data, copy.size);
  for (int64_t i = 0; i < n; i++) {
    if (starts[i] < 0) continue;
    ufi_update_run(a->update, dtype, (char *)copy.data + (size_t)starts[i] * size,
                   (const char *)updates->data + (scalar ? 0 : (size_t)(i * inner) * size), inner, scalar ? 0 : 1);
  }
  uf_status status = ufi_variable_assign(r, &copy, false, ctx->error);
  ufi_free(copy.data);
  return status;
}

/* ---- Scatter* -------------------------------------------------------------------- */

static uf_status scatter_starts(ufi_ctx *ctx, const uf_tensor *value, int64_t inner, int64_t *starts) {
  const ufi_tensor *indices = ctx->in[1];
  for (int64_t i = 0; i < indices->count; i++) {
    int64_t index = ufi_move_index(indices, i);
    if (index < 0 || index >= value->dims[0]) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld), found indices[%lld] = %lld is not in [0, %lld)",
                          (long long)value->dims[0], (long long)i, (long long)index, (long long)value->dims[0]);
    }
    starts[i] = index * inner;
  }
  return UF_OK;
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[1], *updates = ctx->in[2];
  int64_t want[2 * UF_MAX_RANK];
  int32_t rank = 0;
  ufi_resource *r = NULL;
  UFI_TRY(scatter_variable(ctx, &r));
  const uf_tensor *value = &r->value;
  for (int32_t d = 0; d < indices->rank; d++) want[rank++] = indices->dims[d];
  for (int32_t d = 1; d < value->rank; d++) want[rank++] = value->dims[d];
  bool fits = rank == updates->rank && memcmp(want, updates->dims, (size_t)rank * sizeof want[0]) == 0;
  if (!fits && updates->rank != 0) return bad_updates(ctx, rank, want);
  int64_t inner = ufi_move_span(value->dims, 1, value->rank);
  int64_t *starts = ufi_malloc((size_t)indices->count * sizeof *starts + 1);
  if (starts == NULL) return ufi_no_memory(ctx->error, (size_t)indices->count);
  uf_status status = scatter_starts(ctx, value, inner, starts);
  if (status == UF_OK) status = scatter_apply(ctx, r, starts, indices->count, inner, !fits);
  ufi_free(starts);
  if (status == UF_OK) ufi_handle_pass(ctx);
  return status;
}

const ufi_op_def ufi_op_VARIABLE_SCATTER = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tf = scatter_tf, .infer = scatter_infer, .eval = scatter_eval,
};

/* ---- coordinates -------------------------------------------------------------------- */

/* Offsets, in elements, of the slices that n coordinates name; -1 for bad ones when skipped. */
static uf_status nd_starts(ufi_ctx *ctx, const ufi_tensor *indices, const uf_tensor *value, bool skip, int64_t *starts) {
  int64_t depth = indices->dims[indices->rank - 1], steps[UF_MAX_RANK], n = ufi_move_span(indices->dims, 0, indices->rank - 1);
  ufi_move_steps(value->rank, value->dims, steps);
  for (int64_t i = 0; i < n; i++) {
    starts[i] = 0;
    for (int64_t d = 0; d < depth; d++) {
      int64_t index = ufi_move_index(indices, i * depth + d);
      if (index >= 0 && index < value->dims[d]) {
        if (starts[i] >= 0) starts[i] += index * steps[d];
        continue;
      }
      char shape[UFI_SHAPE_TEXT];
      starts[i] = -1;
      if (skip) break;
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates within shape %s, found that indices[%lld] does not index into "
                          "it: number %lld is %lld", ufi_shape_text(value->rank, value->dims, shape), (long long)i, (long long)d,
                          (long long)index);
    }
  }
  return UF_OK;
}

static uf_status check_depth(ufi_ctx *ctx, const uf_tensor *value) {
  const ufi_tensor *indices = ctx->in[1];
  UFI_TRY(ufi_want_rank(ctx, indices, 1, UF_MAX_RANK));
  int64_t depth = indices->dims[indices->rank - 1];
  if (depth <= value->rank) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of at most %d numbers (last extent of the indices), found %lld",
                      (int)value->rank, (long long)depth);
}

static uf_status scatter_nd_eval(ufi_ctx *ctx) {
  const scatter_attrs *a = ctx->attrs;
  const ufi_tensor *indices = ctx->in[1], *updates = ctx->in[2];
  int64_t want[2 * UF_MAX_RANK];
  int32_t rank = 0;
  ufi_resource *r = NULL;
  UFI_TRY(scatter_variable(ctx, &r));
  const uf_tensor *value = &r->value;
  UFI_TRY(check_depth(ctx, value));
  int32_t depth = (int32_t)indices->dims[indices->rank - 1];
  for (int32_t d = 0; d < indices->rank - 1; d++) want[rank++] = indices->dims[d];
  for (int32_t d = depth; d < value->rank; d++) want[rank++] = value->dims[d];
  if (rank != updates->rank || memcmp(want, updates->dims, (size_t)rank * sizeof want[0]) != 0) return bad_updates(ctx, rank, want);
  int64_t n = ufi_move_span(indices->dims, 0, indices->rank - 1), inner = ufi_move_span(value->dims, depth, value->rank);
  int64_t *starts = ufi_malloc((size_t)n * sizeof *starts + 1);
  if (starts == NULL) return ufi_no_memory(ctx->error, (size_t)n);
  uf_status status = nd_starts(ctx, indices, value, a->skip_bad, starts);
  if (status == UF_OK) status = scatter_apply(ctx, r, starts, n, inner, false);
  ufi_free(starts);
  if (status == UF_OK) ufi_handle_pass(ctx);
  return status;
}

const ufi_op_def ufi_op_VARIABLE_SCATTER_ND = {
  .attrs_size = sizeof(scatter_attrs), .attrs_tf = scatter_tf, .infer = scatter_infer, .eval = scatter_nd_eval,
};

/* ---- reading ------------------------------------------------------------------------- */

typedef struct gather_attrs {
  int64_t batch_dims;
} gather_attrs;

static uf_status gather_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((gather_attrs *)attrs)->batch_dims = ufi_tf_int(from, "batch_dims");
  return UF_OK;
}

/* Shape of the rows of a value of that shape. */
static uf_status gather_dims(ufi_ctx *ctx, int32_t rank, const int64_t *dims, int32_t *batch_out, int64_t *out, int32_t *rank_out) {
  const gather_attrs *a = ctx->attrs;
  const ufi_tensor *indices = ctx->in[1];
  int64_t batch = a->batch_dims < 0 ? a->batch_dims + indices->rank : a->batch_dims;
  int32_t n = 0;
  bool fits = batch >= 0 && batch <= indices->rank && batch < rank;
  for (int64_t d = 0; fits && d < batch; d++) fits = dims[d] == indices->dims[d];
  if (!fits || rank - 1 + indices->rank - batch > UF_MAX_RANK) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a variable of at least one dimension more than batch_dims, the same batch "
                        "dimensions in both, and a result of at most %d, found batch_dims %lld, ranks %d and %d", UF_MAX_RANK,
                        (long long)a->batch_dims, (int)rank, (int)indices->rank);
  }
  for (int32_t d = 0; d < indices->rank; d++) out[n++] = indices->dims[d];
  for (int32_t d = (int32_t)batch + 1; d < rank; d++) out[n++] = dims[d];
  *batch_out = (int32_t)batch;
  *rank_out = n;
  return UF_OK;
}

static uf_status gather_infer(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank, batch;
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  if (!ufi_known(ctx, 0) || ctx->running) return UF_OK;
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  if (!r->initialized) return UF_OK;
  UFI_TRY(gather_dims(ctx, r->value.rank, r->value.dims, &batch, dims, &rank));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status readable(ufi_ctx *ctx, ufi_resource **out) {
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, out));
  UFI_TRY(ufi_variable_check(*out, ctx->error));
  if ((*out)->value.dtype == ctx->out[0]->dtype && uf_dtype_bits(ctx->out[0]->dtype) >= 8) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of %s, found %s", ufi_resource_text(*out, text),
                      uf_dtype_name(ctx->out[0]->dtype), uf_dtype_name((*out)->value.dtype));
}

static uf_status gather_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[1];
  ufi_resource *r = NULL;
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank, batch = 0;
  void *data;
  UFI_TRY(readable(ctx, &r));
  const uf_tensor *value = &r->value;
  UFI_TRY(gather_dims(ctx, value->rank, value->dims, &batch, dims, &rank));
  int64_t limit = value->dims[batch], batches = ufi_move_span(value->dims, 0, batch);
  int64_t row = ufi_move_span(value->dims, batch + 1, value->rank);
  size_t bytes = (size_t)row * (size_t)uf_dtype_bits(value->dtype) / 8;
  int64_t per = batches ? indices->count / batches : 0;
  for (int64_t i = 0; i < indices->count; i++) {
    int64_t index = ufi_move_index(indices, i);
    if (index < 0 || index >= limit) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld), found indices[%lld] = %lld is not in [0, %lld)",
                          (long long)limit, (long long)i, (long long)index, (long long)limit);
    }
  }
  UFI_TRY(ufi_out_fresh(ctx, 0, rank, dims, &data));
  for (int64_t i = 0; i < indices->count && bytes; i++) {
    int64_t from = i / per * limit + ufi_move_index(indices, i);
    memcpy((char *)data + (size_t)i * bytes, (const char *)value->data + (size_t)from * bytes, bytes);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_RESOURCE_GATHER = {
  .attrs_size = sizeof(gather_attrs), .attrs_tf = gather_tf, .infer = gather_infer, .eval = gather_eval,
};

static uf_status gather_nd_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  return ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID);
}

static uf_status gather_nd_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[1];
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank = 0;
  ufi_resource *r = NULL;
  void *data;
  UFI_TRY(readable(ctx, &r));
  const uf_tensor *value = &r->value;
  UFI_TRY(check_depth(ctx, value));
  int32_t depth = (int32_t)indices->dims[indices->rank - 1];
  for (int32_t d = 0; d < indices->rank - 1; d++) dims[rank++] = indices->dims[d];
  for (int32_t d = depth; d < value->rank; d++) dims[rank++] = value->dims[d];
  if (rank > UF_MAX_RANK) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions, found %d", UF_MAX_RANK, (int)rank);
  int64_t n = ufi_move_span(indices->dims, 0, indices->rank - 1);
  if (n > 0 && value->size == 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Requested more than 0 entries, but params is empty: expected no coordinates, found %lld", (long long)n);
  }
  size_t size = (size_t)uf_dtype_bits(value->dtype) / 8, bytes = (size_t)ufi_move_span(value->dims, depth, value->rank) * size;
  int64_t *starts = ufi_malloc((size_t)n * sizeof *starts + 1);
  if (starts == NULL) return ufi_no_memory(ctx->error, (size_t)n);
  uf_status status = nd_starts(ctx, indices, value, false, starts);
  if (status == UF_OK) status = ufi_out_fresh(ctx, 0, rank, dims, &data);
  for (int64_t i = 0; status == UF_OK && i < n && bytes; i++) {
    memcpy((char *)data + (size_t)i * bytes, (const char *)value->data + (size_t)starts[i] * size, bytes);
  }
  ufi_free(starts);
  return status;
}

const ufi_op_def ufi_op_RESOURCE_GATHER_ND = {.infer = gather_nd_infer, .eval = gather_nd_eval};
