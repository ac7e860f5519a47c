/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_list.c: TensorList*: lists of tensors as values.
 *
 * A list is a variant (variant.h) over items that it shares with the lists it came from, so setting
 * one of n elements costs log16(n) small nodes. Elements that were never set read as zeros of the shape
 * that the list, the op and the other elements tell together. Whole lists from and to tensors are in
 * tensor_list_move.c.
 */
#include "ops/tensor_list.h"

uf_status ufi_list_attrs_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_list_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "element_shape"), *count = ufi_tf_attr(from, "num_elements");
  a->dtype = ufi_tf_dtype(from, "element_dtype");
  a->op = from->op;
  a->n_items = count && count->kind == UF_ATTR_INT ? count->i : -1;
  a->resize = ufi_tf_bool(from, "resize_if_index_out_of_bounds");
  a->shape.rank = -1;
  if (shape && shape->kind == UF_ATTR_SHAPE) a->shape = ufi_partial(shape->rank, shape->dims);
  return UF_OK;
}

/* ---- shapes --------------------------------------------------------------------- */

uf_status ufi_list_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out && !ctx->running; i++) {
    if (ctx->out[i]->dtype == UF_VARIANT) UFI_TRY(ufi_out_shape(ctx, i, 0, NULL));
  }
  return UF_OK;
}

uf_status ufi_in_list(ufi_ctx *ctx, int32_t i, uf_dtype dtype, const ufi_variant **out) {
  UFI_TRY(ufi_in_variant(ctx, i, UFI_VARIANT_LIST, out));
  if (dtype == UF_INVALID || (*out)->dtype == dtype) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a list of %s, found one of %s", uf_dtype_name(dtype),
                      uf_dtype_name((*out)->dtype));
}

uf_status ufi_list_no_match(ufi_ctx *ctx, const char *what, const uf_shape *want, int32_t rank, const int64_t *dims) {
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape %s, found %s", what,
                      want->rank < 0 ? "(any)" : ufi_shape_text(want->rank, want->dims, a), rank < 0 ? "(any)" : ufi_shape_text(rank, dims, b));
}

uf_status ufi_list_element_shape(ufi_ctx *ctx, const ufi_variant *list, int32_t input, uf_shape *shape_out) {
  if (input >= 0) UFI_TRY(ufi_in_partial(ctx, input, shape_out));
  else *shape_out = ((const ufi_list_attrs *)ctx->attrs)->shape;
  if (ufi_partial_merge(shape_out, list->rank, list->dims)) return UF_OK;
  return ufi_list_no_match(ctx, "a list with elements", shape_out, list->rank, list->dims);
}

bool ufi_list_merge_items(const ufi_variant *list, uf_shape *shape, int32_t skip_dims) {
  for (int64_t i = 0; list->items.root && i < list->items.n && !ufi_partial_known(shape); i++) {
    const uf_tensor *t = ufi_items_at(&list->items, i);
    if (t && !(t->rank >= skip_dims && ufi_partial_merge(shape, t->rank - skip_dims, t->dims + skip_dims))) return false;
  }
  return true;
}

/* Output i becomes element `at`; one that was never set zeros. */
static uf_status give_item(ufi_ctx *ctx, int32_t i, const ufi_variant *list, int64_t at, int32_t shape_input) {
  const uf_tensor *t = ufi_items_at(&list->items, at);
  uf_shape shape;
  if (t) return ufi_out_tensor(ctx, i, t);
  UFI_TRY(ufi_list_element_shape(ctx, list, shape_input, &shape));
  if (!ufi_list_merge_items(list, &shape, 0) || !ufi_partial_known(&shape)) {
    return ufi_list_no_match(ctx, "an element that was never set to be read with a shape that is known, Trying to read an uninitialized "
                             "tensor but element_shape is not fully defined: that", &shape, -1, NULL);
  }
  uf_tensor zeros;
  UFI_TRY(ufi_new_tensor(ctx, list->dtype, shape.rank, shape.dims, &zeros));
  return ufi_out_take(ctx, i, &zeros);
}

/* ---- making ----------------------------------------------------------------------- */

static uf_status scalar_int(ufi_ctx *ctx, int32_t i, int64_t *out) {
  int32_t n;
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  if (ctx->in[i]->count == 1) return ufi_read_ints(ctx, ctx->in[i], out, 1, &n);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d to be a scalar, found %lld elements", (int)i, (long long)ctx->in[i]->count);
}

/* An empty list with the element shape in input i. */
uf_status ufi_list_create(ufi_ctx *ctx, int32_t i, ufi_variant **out) {
  const ufi_list_attrs *a = ctx->attrs;
  uf_shape shape;
  UFI_TRY(ufi_in_partial(ctx, i, &shape));
  *out = ufi_variant_create(UFI_VARIANT_LIST, a->dtype);
  if (*out == NULL) return ufi_no_memory(ctx->error, sizeof **out);
  (*out)->rank = shape.rank;
  memcpy((*out)->dims, shape.dims, sizeof shape.dims);
  return UF_OK;
}

static uf_status empty_eval(ufi_ctx *ctx) {
  ufi_variant *list = NULL;
  int64_t max;
  UFI_TRY(scalar_int(ctx, 1, &max));
  UFI_TRY(ufi_list_create(ctx, 0, &list));
  list->max_items = max;
  return ufi_out_variant(ctx, 0, list);
}

static uf_status reserve_eval(ufi_ctx *ctx) {
  ufi_variant *list = NULL;
  int64_t n;
  UFI_TRY(scalar_int(ctx, 1, &n));
  if (n < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "The num_elements to reserve must be a non negative number: expected 0 or more, found %lld", (long long)n);
  UFI_TRY(ufi_list_create(ctx, 0, &list));
  uf_status status = ufi_items_resize(&list->items, n, ctx->error);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

const ufi_op_def ufi_op_EMPTY_TENSOR_LIST = UFI_LIST_OP(empty_eval);
const ufi_op_def ufi_op_TENSOR_LIST_RESERVE = UFI_LIST_OP(reserve_eval);

/* ---- asking -------------------------------------------------------------------------- */

static uf_status length_infer(ufi_ctx *ctx) { return ufi_out_shape(ctx, 0, 0, NULL); }

static uf_status length_eval(ufi_ctx *ctx) {
  const ufi_variant *list;
  UFI_TRY(ufi_in_list(ctx, 0, UF_INVALID, &list));
  *(int32_t *)ctx->out[0]->data = (int32_t)list->items.n;
  return UF_OK;
}

static uf_status element_shape_infer(ufi_ctx *ctx) { return ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID); }

static uf_status element_shape_eval(ufi_ctx *ctx) {
  const ufi_variant *list;
  UFI_TRY(ufi_in_list(ctx, 0, UF_INVALID, &list));
  int64_t rank = list->rank;
  UFI_TRY(ufi_out_shape(ctx, 0, rank < 0 ? 0 : 1, &rank));
  for (int64_t d = 0; d < UFI_MAX(rank, rank < 0); d++) {
    int64_t dim = rank < 0 ? -1 : list->dims[d];
    if (ctx->out[0]->dtype == UF_INT64) ((int64_t *)ctx->out[0]->data)[d] = dim;
    else ((int32_t *)ctx->out[0]->data)[d] = (int32_t)dim;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TENSOR_LIST_LENGTH = {.infer = length_infer, .eval = length_eval};
const ufi_op_def ufi_op_TENSOR_LIST_ELEMENT_SHAPE = {.infer = element_shape_infer, .eval = element_shape_eval};

/* ---- single elements ------------------------------------------------------------------ */

static uf_status check_item(ufi_ctx *ctx, const ufi_variant *list, int32_t rank, const int64_t *dims, uf_dtype dtype) {
  uf_shape shape = ufi_partial(list->rank, list->dims);
  if (dtype != list->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an element of %s, found %s", uf_dtype_name(list->dtype), uf_dtype_name(dtype));
  }
  if (ufi_partial_merge(&shape, rank, dims)) return UF_OK;
  return ufi_list_no_match(ctx, "an element", &shape, rank, dims);
}

static uf_status push_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_variant *from;
  const ufi_tensor *in = ctx->in[1];
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &from));
  UFI_TRY(check_item(ctx, from, in->rank, in->dims, in->dtype));
  if (from->max_items >= 0 && from->items.n >= from->max_items) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Tried to push item into a full list: expected at most %lld elements, found more",
                        (long long)from->max_items);
  }
  ufi_variant *list = ufi_variant_copy(from);
  if (list == NULL) return ufi_no_memory(ctx->error, sizeof *list);
  uf_tensor view = ufi_view(in);
  uf_status status = ufi_variant_push(ctx, list, &view, ufi_may_share(in));
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

static uf_status pop_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_variant *from;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &from));
  if (from->items.n == 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Trying to pop from an empty list: expected an element, found none");
  }
  UFI_TRY(give_item(ctx, 1, from, from->items.n - 1, 1));
  ufi_variant *list = ufi_variant_copy(from);
  if (list == NULL) return ufi_no_memory(ctx->error, sizeof *list);
  uf_status status = ufi_items_resize(&list->items, from->items.n - 1, ctx->error);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

static uf_status get_infer(ufi_ctx *ctx) {
  uf_shape shape;
  if (ctx->running || !ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_in_partial(ctx, 2, &shape));
  return ufi_partial_known(&shape) ? ufi_out_shape(ctx, 0, shape.rank, shape.dims) : UF_OK;
}

static uf_status get_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_variant *list;
  int64_t at;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &list));
  UFI_TRY(scalar_int(ctx, 1, &at));
  if (at >= 0 && at < list->items.n) return give_item(ctx, 0, list, at, 2);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index in [0, %lld), found: Trying to access element %lld in a list with %lld elements",
                      (long long)list->items.n, (long long)at, (long long)list->items.n);
}

static uf_status set_eval(ufi_ctx *ctx) {
  const ufi_list_attrs *a = ctx->attrs;
  const ufi_variant *from;
  const ufi_tensor *in = ctx->in[2];
  int64_t at;
  UFI_TRY(ufi_in_list(ctx, 0, a->dtype, &from));
  UFI_TRY(scalar_int(ctx, 1, &at));
  if (at < 0 || (at >= from->items.n && !a->resize)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index in [0, %lld), found: Trying to modify element %lld in a list with %lld elements",
                        (long long)from->items.n, (long long)at, (long long)from->items.n);
  }
  UFI_TRY(check_item(ctx, from, in->rank, in->dims, in->dtype));
  ufi_variant *list = ufi_variant_copy(from);
  if (list == NULL) return ufi_no_memory(ctx->error, sizeof *list);
  uf_status status = at >= list->items.n ? ufi_items_resize(&list->items, at + 1, ctx->error) : UF_OK;
  if (status == UF_OK) status = ufi_variant_set(ctx, list, at, in);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

static uf_status resize_eval(ufi_ctx *ctx) {
  const ufi_variant *from;
  int64_t n;
  UFI_TRY(ufi_in_list(ctx, 0, UF_INVALID, &from));
  UFI_TRY(scalar_int(ctx, 1, &n));
  if (n < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorListSlice expects size to be non-negative: expected 0 or more, found %lld", (long long)n);
  ufi_variant *list = ufi_variant_copy(from);
  if (list == NULL) return ufi_no_memory(ctx->error, sizeof *list);
  uf_status status = ufi_items_resize(&list->items, n, ctx->error);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, list);
  ufi_variant_release(list);
  return status;
}

const ufi_op_def ufi_op_TENSOR_LIST_PUSH_BACK = UFI_LIST_OP(push_eval);
const ufi_op_def ufi_op_TENSOR_LIST_POP_BACK = UFI_LIST_OP(pop_eval);
const ufi_op_def ufi_op_TENSOR_LIST_SET_ITEM = UFI_LIST_OP(set_eval);
const ufi_op_def ufi_op_TENSOR_LIST_RESIZE = UFI_LIST_OP(resize_eval);
const ufi_op_def ufi_op_TENSOR_LIST_GET_ITEM = {
  .attrs_size = sizeof(ufi_list_attrs), .attrs_tf = ufi_list_attrs_tf, .infer = get_infer, .eval = get_eval,
};

/* ---- many lists at once ------------------------------------------------------------------ */

static uf_status batch_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_VARIANT, UF_INVALID));
  return ctx->running ? UF_OK : ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status in_list_at(ufi_ctx *ctx, int32_t input, int64_t i, const ufi_variant **out) {
  *out = ((ufi_variant *const *)ctx->in[input]->data)[i];
  bool good = *out && (*out)->kind == UFI_VARIANT_LIST;
  return good ? UF_OK : ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d to hold lists, found another value at %lld", (int)input, (long long)i);
}

/* Runs make for each list of input 0, whose results become output 0. */
static uf_status each_list(ufi_ctx *ctx, uf_status (*make)(ufi_ctx *ctx, int64_t i, ufi_variant *list)) {
  const ufi_tensor *in = ctx->in[0];
  int64_t n = in->count, done = 0;
  ufi_variant **made = ufi_calloc((size_t)n + 1, sizeof *made);
  uf_status status = made ? UF_OK : ufi_no_memory(ctx->error, (size_t)n);
  for (; status == UF_OK && done < n; done++) {
    const ufi_variant *from;
    status = in_list_at(ctx, 0, done, &from);
    if (status != UF_OK) break;
    made[done] = ufi_variant_copy(from);
    status = made[done] ? make(ctx, done, made[done]) : ufi_no_memory(ctx->error, sizeof *from);
  }
  if (status == UF_OK) status = ufi_out_variants(ctx, 0, in->rank, in->dims, made);
  for (int64_t i = 0; made && i < n; i++) ufi_variant_release(made[i]);
  ufi_free(made);
  return status;
}

static uf_status push_row(ufi_ctx *ctx, int64_t i, ufi_variant *list) {
  const ufi_tensor *in = ctx->in[1];
  uf_tensor row = ufi_view(in);
  UFI_TRY(check_item(ctx, list, in->rank - 1, in->dims + 1, in->dtype));
  row.rank = in->rank - 1;
  memcpy(row.dims, in->dims + 1, (size_t)row.rank * sizeof row.dims[0]);
  row.size = in->size / (size_t)in->dims[0];
  row.data = (char *)in->data + (size_t)i * row.size;
  return ufi_variant_push(ctx, list, &row, ufi_may_share(in));
}

static uf_status push_batch_eval(ufi_ctx *ctx) {
  const ufi_tensor *lists = ctx->in[0], *in = ctx->in[1];
  if (in->rank < 1 || lists->rank != 1 || in->dims[0] != lists->dims[0]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a vector of lists and a row for each, found %lld lists and rank %d",
                        (long long)lists->count, (int)in->rank);
  }
  return each_list(ctx, push_row);
}

static uf_status append_list(ufi_ctx *ctx, int64_t i, ufi_variant *list) {
  const ufi_variant *other;
  UFI_TRY(in_list_at(ctx, 1, i, &other));
  uf_shape shape = ufi_partial(list->rank, list->dims);
  if (other->dtype != list->dtype || !ufi_partial_merge(&shape, other->rank, other->dims)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected lists of one element dtype and shape, found %s and %s", uf_dtype_name(list->dtype),
                        uf_dtype_name(other->dtype));
  }
  int64_t n = list->items.n;
  if (other->items.n > INT32_MAX - n) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected fewer elements, found %lld more", (long long)other->items.n);
  UFI_TRY(ufi_items_resize(&list->items, n + other->items.n, ctx->error));
  list->nesting = UFI_MAX(list->nesting, other->nesting);
  for (int64_t k = 0; other->items.root && k < other->items.n; k++) {
    const uf_tensor *t = ufi_items_at(&other->items, k);
    if (t) UFI_TRY(ufi_items_set(&list->items, n + k, t, true, ctx->error));
  }
  return UF_OK;
}

static uf_status concat_lists_eval(ufi_ctx *ctx) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  if (a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) != 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many lists in both inputs, found %lld and %lld", (long long)a->count, (long long)b->count);
  }
  return each_list(ctx, append_list);
}

const ufi_op_def ufi_op_TENSOR_LIST_PUSH_BACK_BATCH = {
  .attrs_size = sizeof(ufi_list_attrs), .attrs_tf = ufi_list_attrs_tf, .infer = batch_infer, .eval = push_batch_eval,
};
const ufi_op_def ufi_op_TENSOR_LIST_CONCAT_LISTS = {
  .attrs_size = sizeof(ufi_list_attrs), .attrs_tf = ufi_list_attrs_tf, .infer = batch_infer, .eval = concat_lists_eval,
};
