/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_cross_entropy.c: SoftmaxCrossEntropyWithLogits and its sparse kin: the loss of each row of
 * logits against a distribution or a class, and the gradient by the logits.
 *
 *   loss = sum of labels * (log(sum of exp(logits - max)) - (logits - max)),  gradient = softmax - labels
 *
 * Rows are computed in double, results rounded to the dtype. A label outside of its range is refused.
 */
#include <math.h>

#include "ops/number.h"

/* Element i of a row. */
static double at(const ufi_tensor *t, const ufi_number_type *type, int64_t i) {
  ufi_piece p;
  type->load((const char *)t->data + i * type->size, &p, 1);
  return p.reals[0];
}
static void put(const ufi_tensor *t, const ufi_number_type *type, ufi_store_fn store, int64_t i, double v) {
  const ufi_piece p = {.reals = {v}};
  store(&p, (char *)t->data + i * type->size, 1);
}

typedef struct row_sums { double max, log_sum; } row_sums;
static row_sums sums_of(const ufi_tensor *x, const ufi_number_type *type, int64_t first, int64_t n, int64_t step) {
  row_sums r = {-INFINITY, 0};
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double v = at(x, type, first + i * step);
    if (!(v <= r.max)) r.max = v;
  }
  for (int64_t i = 0; i < n; ++i) sum += exp(at(x, type, first + i * step) - r.max);
  r.log_sum = log(sum);
  return r;
}

/* ---- dense: the operands broadcast to (batch, classes) ------------------------------------------- */

static uf_status dense_infer(ufi_ctx *ctx) {
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_FLOATS));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_broadcast(ctx, ctx->in[0], ctx->in[1], &rank, dims));
  if (rank != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected logits and labels that broadcast to a matrix, found %d dimensions",
                        (int)rank);
  UFI_TRY(ufi_out_shape(ctx, 0, 1, dims));
  return ufi_out_shape(ctx, 1, 2, dims);
}

/* Steps of a matrix, or what broadcasts to one, along rows and columns. */
static void steps_of(const ufi_tensor *t, int64_t steps[2]) {
  const int64_t columns = t->rank > 0 ? t->dims[t->rank - 1] : 1;
  steps[0] = t->rank == 2 && t->dims[0] != 1 ? columns : 0;
  steps[1] = columns == 1 ? 0 : 1;
}

static uf_status dense_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *labels = ctx->in[1], *loss = ctx->out[0], *gradient = ctx->out[1];
  const ufi_number_type *type = ufi_number_type_of(x->dtype);
  const ufi_store_fn store = ufi_number_store(type->class, x->dtype);
  const int64_t columns = gradient->dims[1];
  int64_t sx[2], sl[2];
  steps_of(x, sx);
  steps_of(labels, sl);
  for (int64_t r = 0; r < loss->count; ++r) {
    const row_sums sums = sums_of(x, type, r * sx[0], columns, sx[1]);
    double total = 0;
    for (int64_t c = 0; c < columns; ++c) {
      const double v = at(x, type, r * sx[0] + c * sx[1]) - sums.max, label = at(labels, type, r * sl[0] + c * sl[1]);
      if (label != 0) total += label * (sums.log_sum - v);
      put(gradient, type, store, r * columns + c, exp(v - sums.log_sum) - label);
    }
    put(loss, type, store, r, total);
  }
  return UF_OK;
}
const ufi_op_def ufi_op_SOFTMAX_CROSS_ENTROPY = {.infer = dense_infer, .eval = dense_eval};

/* ---- sparse: one class for each row ------------------------------------------------------------------ */

static uf_status sparse_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *labels = ctx->in[1];
  char p[512], q[512];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_FLOATS));
  UFI_TRY(ufi_want_dtype(ctx, 1, UFI_INT_32_64));
  if (x->rank != 2 || labels->rank != 1 || labels->dims[0] != x->dims[0] || x->dims[1] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected logits (batch, classes) and labels (batch), found %s and %s",
                        ufi_tensor_text(x, p), ufi_tensor_text(labels, q));
  UFI_TRY(ufi_out_shape(ctx, 0, 1, x->dims));
  return ufi_out_like(ctx, 1, x);
}

static int64_t label_at(const ufi_tensor *t, int64_t i) {
  return t->dtype == UF_INT32 ? ((const int32_t *)t->data)[i] : ((const int64_t *)t->data)[i];
}

static uf_status sparse_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *labels = ctx->in[1], *loss = ctx->out[0], *gradient = ctx->out[1];
  const ufi_number_type *type = ufi_number_type_of(x->dtype);
  const ufi_store_fn store = ufi_number_store(type->class, x->dtype);
  const int64_t columns = x->dims[1];
  for (int64_t r = 0; r < loss->count; ++r) {
    const int64_t label = label_at(labels, r);
    if (label < 0 || label >= columns)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected labels within [0, %lld), found a label value of %lld at element %lld",
                          (long long)columns, (long long)label, (long long)r);
  }
  for (int64_t r = 0; r < loss->count; ++r) {
    const row_sums sums = sums_of(x, type, r * columns, columns, 1);
    const int64_t label = label_at(labels, r);
    for (int64_t c = 0; c < columns; ++c) {
      const double v = at(x, type, r * columns + c) - sums.max;
      if (c == label) put(loss, type, store, r, sums.log_sum - v);
      put(gradient, type, store, r * columns + c, exp(v - sums.log_sum) - (c == label));
    }
  }
  return UF_OK;
}
const ufi_op_def ufi_op_SPARSE_SOFTMAX_CROSS_ENTROPY = {.infer = sparse_infer, .eval = sparse_eval};

/* ---- BroadcastGradientArgs: which dimensions to sum over ------------------------------------------------ */

/* Indices, in the broadcast shape, of the dimensions along which each operand was repeated; one that
 * is 1 in both shapes counts for both. */
static uf_status gradient_args(ufi_ctx *ctx, int64_t list[2][UF_MAX_RANK], int32_t n[2]) {
  int64_t shape[2][UF_MAX_RANK];
  int32_t rank[2];
  for (int32_t k = 0; k < 2; ++k) {
    UFI_TRY(ufi_want_rank(ctx, ctx->in[k], 1, 1));
    UFI_TRY(ufi_read_ints(ctx, ctx->in[k], shape[k], UF_MAX_RANK, &rank[k]));
  }
  const int32_t most = UFI_MAX(rank[0], rank[1]);
  const bool equal = rank[0] == rank[1] && memcmp(shape[0], shape[1], (size_t)rank[0] * sizeof shape[0][0]) == 0;
  n[0] = n[1] = 0;
  for (int32_t d = 0; d < most && !equal; ++d) {
    int64_t size[2];
    for (int32_t k = 0; k < 2; ++k) size[k] = d < most - rank[k] ? 1 : shape[k][d - (most - rank[k])];
    if (size[0] != size[1] && size[0] != 1 && size[1] != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes that broadcast, found dimensions %lld and %lld",
                          (long long)size[0], (long long)size[1]);
    for (int32_t k = 0; k < 2; ++k)
      if (size[k] == 1) list[k][n[k]++] = d;
  }
  return UF_OK;
}

static uf_status args_infer(ufi_ctx *ctx) {
  int64_t list[2][UF_MAX_RANK];
  int32_t n[2];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_INT_32_64));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  if (!ufi_known(ctx, 0) || !ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(gradient_args(ctx, list, n));
  for (int32_t k = 0; k < 2; ++k) {
    const int64_t dims[1] = {n[k]};
    UFI_TRY(ufi_out_shape(ctx, k, 1, dims));
  }
  return UF_OK;
}
static uf_status args_eval(ufi_ctx *ctx) {
  int64_t list[2][UF_MAX_RANK];
  int32_t n[2];
  UFI_TRY(gradient_args(ctx, list, n));
  for (int32_t k = 0; k < 2; ++k) {
    const int64_t dims[1] = {n[k]};
    if (!ctx->out[k]->shape_known) UFI_TRY(ufi_out_shape(ctx, k, 1, dims));
    for (int32_t i = 0; i < n[k]; ++i) {
      if (ctx->out[k]->dtype == UF_INT32) ((int32_t *)ctx->out[k]->data)[i] = (int32_t)list[k][i];
      else ((int64_t *)ctx->out[k]->data)[i] = list[k][i];
    }
  }
  return UF_OK;
}
const ufi_op_def ufi_op_BROADCAST_GRADIENT_ARGS = {.infer = args_infer, .eval = args_eval};
