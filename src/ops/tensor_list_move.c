/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_list_move.c: lists made of one tensor (FromTensor, Scatter, Split) and tensors made of a list
 * (Stack, Gather, Concat).
 *
 * A list made of a tensor shares that tensor's memory, in parts.
 */
#include "ops/move.h"
#include "ops/object.h"
#include "ops/tensor_list.h"

/* ---- from tensors --------------------------------------------------------------------- */

/* The input tensor in memory that lasts; elements share it. */
static uf_status whole(ufi_ctx *ctx, uf_tensor *out) {
  const ufi_tensor *in = ctx->in[0];
  uf_tensor view = ufi_view(in);
  if (in->rank < 1 || uf_dtype_bits(in->dtype) < 8) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Tensor must be at least a vector: expected rank 1 or more, found %d", (int)in->rank);
  }
  return ufi_tensor_keep(&view, ufi_may_share(in), out, ctx->error);
}

/* A list whose element shape (input shape_input) fits these dims. */
static uf_status list_for(ufi_ctx *ctx, int32_t shape_input, int32_t rank, const int64_t *dims, ufi_variant **out) {
  ufi_variant *list = NULL;
  UFI_TRY(ufi_list_create(ctx, shape_input, &list));
  uf_shape shape = ufi_partial(list->rank, list->dims);
  if (ufi_partial_merge(&shape, rank, dims)) {
    *out = list;
    return UF_OK;
  }
  ufi_variant_release(list);
  return ufi_list_no_match(ctx, "a tensor with rows", &shape, rank, dims);
}

/* Ends an op that filled a list: gives it out, or lets it go. */
static uf_status finish(ufi_ctx *ctx, uf_status status, ufi_variant *list, uf_tensor *kept) {
  uf_tensor_release(kept);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

static uf_status from_tensor_eval(ufi_ctx *ctx) {
  uf_tensor t;
  ufi_variant *list = NULL;
  UFI_TRY(whole(ctx, &t));
  uf_status status = list_for(ctx, 1, t.rank - 1, t.dims + 1, &list);
  if (status != UF_OK) {
    uf_tensor_release(&t);
    return status;
  }
  status = ufi_items_resize(&list->items, t.dims[0], ctx->error);
  for (int64_t i = 0; status == UF_OK && i < t.dims[0]; i++) {
    uf_tensor row = ufi_tensor_rows(&t, i, -1);
    status = ufi_items_set(&list->items, i, &row, true, ctx->error);
  }
  return finish(ctx, status, list, &t);
}

/* Rows of input 0 go to the places in `indices`. */
static uf_status scatter(ufi_ctx *ctx, const ufi_tensor *indices, int64_t n_least, int64_t n_limit, ufi_variant *list) {
  const ufi_tensor *in = ctx->in[0]->dtype == UF_VARIANT ? ctx->in[1] : ctx->in[0];
  uf_tensor view = ufi_view(in), t;
  int64_t highest = -1;
  if (indices->rank != 1 || in->rank < 1 || indices->dims[0] != in->dims[0]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a vector with an index for each row of the tensor, found %lld indices and rank %d",
                        (long long)indices->count, (int)in->rank);
  }
  for (int64_t i = 0; i < indices->count; i++) {
    int64_t index = ufi_move_index(indices, i);
    if (index < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Indices in TensorListScatter must all be non-negative: expected 0 or more, found %lld", (long long)index);
    highest = UFI_MAX(highest, index);
  }
  if (n_limit >= 0 && highest >= n_limit) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorListScatter: Trying to scatter at index %lld in list with size %lld: expected indices below it",
                        (long long)highest, (long long)n_limit);
  }
  UFI_TRY(ufi_tensor_keep(&view, ufi_may_share(in), &t, ctx->error));
  uf_status status = ufi_items_resize(&list->items, UFI_MAX(highest + 1, n_least), ctx->error);
  for (int64_t i = 0; status == UF_OK && i < indices->count; i++) {
    uf_tensor row = ufi_tensor_rows(&t, i, -1);
    status = ufi_items_set(&list->items, ufi_move_index(indices, i), &row, true, ctx->error);
  }
  uf_tensor_release(&t);
  return status;
}

static uf_status scatter_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  ufi_variant *list = NULL;
  uf_tensor none = {0};
  int64_t n = -1;
  int32_t count;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  if (ctx->n_in > 3) UFI_TRY(ufi_read_ints(ctx, ctx->in[3], &n, 1, &count));
  if (n < -1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorListScatter expects num_elements >= -1: found %lld", (long long)n);
  if (in->rank < 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Tensor must be at least a vector: expected rank 1 or more, found 0");
  UFI_TRY(list_for(ctx, 2, in->rank - 1, in->dims + 1, &list));
  return finish(ctx, scatter(ctx, ctx->in[1], n, n, list), list, &none);
}

static uf_status scatter_into_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[1];
  const ufi_variant *from;
  uf_tensor none = {0};
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &from));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INVALID));
  uf_shape shape = ufi_partial(from->rank, from->dims);
  if (in->rank < 1 || !ufi_partial_merge(&shape, in->rank - 1, in->dims + 1)) {
    return ufi_list_no_match(ctx, "a tensor with rows", &shape, in->rank - 1, in->dims + 1);
  }
  ufi_variant *list = ufi_variant_copy(from);
  if (list == NULL) return ufi_no_memory(ctx->error, sizeof *list);
  return finish(ctx, scatter(ctx, ctx->in[2], list->items.n, -1, list), list, &none);
}

static uf_status split_eval(ufi_ctx *ctx) {
  const ufi_tensor *lengths = ctx->in[2];
  ufi_variant *list = NULL;
  uf_tensor t;
  int64_t at = 0, sum = 0;
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, lengths, 1, 1));
  UFI_TRY(whole(ctx, &t));
  uf_shape element = ufi_partial(t.rank, t.dims);
  element.dims[0] = -1;
  bool good = true;
  for (int64_t i = 0; i < lengths->count && good; i++) {
    int64_t n = ((const int64_t *)lengths->data)[i];
    good = n >= 0 && n <= t.dims[0] - sum;
    sum += good ? n : 0;
  }
  uf_status status = UF_OK;
  if (!good || sum != t.dims[0]) {
    status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Invalid value in lengths: expected lengths of 0 and more that add up to %lld, found others", (long long)t.dims[0]);
  }
  if (status == UF_OK) status = list_for(ctx, 1, element.rank, element.dims, &list);
  if (status != UF_OK) {
    uf_tensor_release(&t);
    return status;
  }
  status = ufi_items_resize(&list->items, lengths->count, ctx->error);
  for (int64_t i = 0; status == UF_OK && i < lengths->count; i++) {
    int64_t n = ((const int64_t *)lengths->data)[i];
    uf_tensor part = ufi_tensor_rows(&t, at, n);
    status = ufi_items_set(&list->items, i, &part, true, ctx->error);
    at += n;
  }
  return finish(ctx, status, list, &t);
}

const ufi_op_def ufi_op_TENSOR_LIST_FROM_TENSOR = UFI_LIST_OP(from_tensor_eval);
const ufi_op_def ufi_op_TENSOR_LIST_SCATTER = UFI_LIST_OP(scatter_eval);
const ufi_op_def ufi_op_TENSOR_LIST_SCATTER_INTO = UFI_LIST_OP(scatter_into_eval);
const ufi_op_def ufi_op_TENSOR_LIST_SPLIT = UFI_LIST_OP(split_eval);

/* ---- to tensors -------------------------------------------------------------------------- */

static uf_status unknown_shape(ufi_ctx *ctx, const uf_shape *shape) {
  return ufi_list_no_match(ctx, "Tried to stack elements of an empty list with non-fully-defined element_shape: expected elements", shape, -1, NULL);
}

/* Elements picks[0..n) (NULL: all) under each other. */
static uf_status stack(ufi_ctx *ctx, const ufi_variant *list, const ufi_tensor *picks, int32_t shape_input) {
  uf_shape shape;
  uf_tensor out;
  int64_t n = picks ? picks->count : list->items.n, dims[UF_MAX_RANK + 1];
  UFI_TRY(ufi_list_element_shape(ctx, list, shape_input, &shape));
  if (!ufi_list_merge_items(list, &shape, 0) || !ufi_partial_known(&shape)) return unknown_shape(ctx, &shape);
  dims[0] = n;
  memcpy(dims + 1, shape.dims, (size_t)shape.rank * sizeof dims[0]);
  UFI_TRY(ufi_new_tensor(ctx, list->dtype, shape.rank + 1, dims, &out));
  size_t size = n ? out.size / (size_t)n : 0;
  for (int64_t i = 0; i < n && list->items.root; i++) {
    const uf_tensor *t = ufi_items_at(&list->items, picks ? ufi_move_index(picks, i) : i);
    if (t == NULL) continue;
    if (t->rank != shape.rank || memcmp(t->dims, shape.dims, (size_t)t->rank * sizeof t->dims[0]) != 0) {
      uf_tensor_release(&out);
      return ufi_list_no_match(ctx, "all elements to be", &shape, t->rank, t->dims);
    }
    if (size) memcpy((char *)out.data + (size_t)i * size, t->data, size);
  }
  return ufi_out_take(ctx, 0, &out);
}

static uf_status stack_infer(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  uf_shape shape;
  int64_t dims[UF_MAX_RANK + 1] = {a->n_items};
  if (ctx->running || a->n_items < 0 || !ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_in_partial(ctx, 1, &shape));
  if (!ufi_partial_known(&shape)) return UF_OK;
  memcpy(dims + 1, shape.dims, (size_t)shape.rank * sizeof dims[0]);
  return ufi_out_shape(ctx, 0, shape.rank + 1, dims);
}

static uf_status stack_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_variant *list;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &list));
  if (a->n_items >= 0 && a->n_items != list->items.n) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Operation expected a list with %lld elements but got a list with %lld elements",
                        (long long)a->n_items, (long long)list->items.n);
  }
  return stack(ctx, list, NULL, 1);
}

static uf_status gather_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_tensor *picks = ctx->in[1];
  const ufi_variant *list;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &list));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  for (int64_t i = 0; i < picks->count; i++) {
    int64_t index = ufi_move_index(picks, i);
    if (index >= 0 && index < list->items.n) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld), found %lld", (long long)list->items.n, (long long)index);
  }
  return stack(ctx, list, picks, 2);
}

/* How many rows element i has, what follows them checked; -1: error set. */
static int64_t rows_of(ufi_ctx *ctx, const ufi_variant *list, int64_t i, const uf_shape *rest, const ufi_tensor *leading) {
  const uf_tensor *t = ufi_items_at(&list->items, i);
  if (t == NULL && leading && i < leading->count) return UFI_MAX(((const int64_t *)leading->data)[i], (int64_t)0);
  if (t == NULL) {
    ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Concating lists with uninitialized tensors is not supported without leading_dims: expected one for element %lld, found none", (long long)i);
    return -1;
  }
  if (t->rank == rest->rank + 1 && memcmp(t->dims + 1, rest->dims, (size_t)rest->rank * sizeof t->dims[0]) == 0) return t->dims[0];
  ufi_list_no_match(ctx, "all elements to have, behind their first dimension, rows", rest, t->rank - 1, t->dims + 1);
  return -1;
}

/* The shape of all but the first dimension. */
static uf_status concat_rest(ufi_ctx *ctx, const ufi_variant *list, uf_shape *rest) {
  uf_shape shape;
  UFI_TRY(ufi_list_element_shape(ctx, list, ctx->n_in > 1 ? 1 : -1, &shape));
  if (shape.rank == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Concat requires elements to be at least vectors, found scalars instead");
  *rest = shape.rank < 0 ? shape : ufi_partial(shape.rank - 1, shape.dims + 1);
  if (!ufi_list_merge_items(list, rest, 1)) return ufi_list_no_match(ctx, "elements that fit each other, with rows", rest, -1, NULL);
  if (ufi_partial_known(rest)) return UF_OK;
  return ufi_list_no_match(ctx, "All except the first dimension must be fully defined when concating an empty tensor list: rows", rest, -1, NULL);
}

static uf_status concat_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_tensor *leading = ufi_in(ctx, 2);
  const ufi_variant *list;
  uf_shape rest;
  uf_tensor out, lengths;
  int64_t dims[UF_MAX_RANK + 1] = {0}, at = 0;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &list));
  if (leading) UFI_TRY(ufi_want_in(ctx, 2, UF_INT64, UF_INVALID));
  UFI_TRY(concat_rest(ctx, list, &rest));
  int64_t n = list->items.n;
  UFI_TRY(ufi_new_tensor(ctx, UF_INT64, 1, &n, &lengths));
  for (int64_t i = 0; i < n; i++) {
    int64_t count = rows_of(ctx, list, i, &rest, leading);
    bool good = count >= 0 && !__builtin_add_overflow(dims[0], count, &dims[0]);
    if (!good) {
      uf_tensor_release(&lengths);
      return count < 0 ? UF_INVALID_ARGUMENT : ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected fewer rows, found more than memory has");
    }
    ((int64_t *)lengths.data)[i] = count;
  }
  memcpy(dims + 1, rest.dims, (size_t)rest.rank * sizeof dims[0]);
  uf_status status = ufi_new_tensor(ctx, list->dtype, rest.rank + 1, dims, &out);
  if (status != UF_OK) {
    uf_tensor_release(&lengths);
    return status;
  }
  size_t size = dims[0] ? out.size / (size_t)dims[0] : 0;
  for (int64_t i = 0; i < n; i++) {
    const uf_tensor *t = ufi_items_at(&list->items, i);
    if (t && t->size) memcpy((char *)out.data + (size_t)at * size, t->data, t->size);
    at += ((const int64_t *)lengths.data)[i];
  }
  status = ufi_out_take(ctx, 1, &lengths);
  if (status == UF_OK) return ufi_out_take(ctx, 0, &out);
  uf_tensor_release(&out);
  return status;
}

const ufi_op_def ufi_op_TENSOR_LIST_STACK = {
  .attrs_size = sizeof(ufi_list_attrs), .attrs_tf = ufi_list_attrs_tf, .infer = stack_infer, .eval = stack_eval,
};
const ufi_op_def ufi_op_TENSOR_LIST_GATHER = UFI_LIST_OP(gather_eval);
const ufi_op_def ufi_op_TENSOR_LIST_CONCAT = UFI_LIST_OP(concat_eval);
