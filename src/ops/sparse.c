/* SPDX-License-Identifier: Apache-2.0
 *
 * sparse.c: sparse tensors: put in order, reshaped, cut, joined, filled up, made dense.
 *
 * A result's entries are in the order that TensorFlow gives them. Coordinates are checked before
 * anything is reached by them.
 */
#include "ops/sparse.h"

#include "ops/move.h"

/* ---- what all share -------------------------------------------------------------------- */

uf_status ufi_sparse_in(ufi_ctx *ctx, int32_t i, int32_t values_input, int32_t shape_input, ufi_sparse *out) {
  const ufi_tensor *indices = ctx->in[i], *values = values_input < 0 ? NULL : ctx->in[values_input], *shape = ctx->in[shape_input];
  bool good = indices->dtype == UF_INT64 && shape->dtype == UF_INT64 && indices->rank == 2 && shape->rank == 1 &&
              shape->count == indices->dims[1] && shape->count <= UF_MAX_RANK &&
              (!values || (values->rank == 1 && values->dims[0] == indices->dims[0] && uf_dtype_bits(values->dtype) >= 8));
  if (!good) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices (n, rank), values (n) and a shape of up to %d extents, found ranks %d, %d and %d, "
                        "%lld coordinates and %lld extents", UF_MAX_RANK, (int)indices->rank, values ? (int)values->rank : 1, (int)shape->rank,
                        indices->rank > 0 ? (long long)indices->dims[0] : 0, (long long)shape->count);
  }
  *out = (ufi_sparse){.indices = indices->data, .n = indices->dims[0], .rank = (int32_t)shape->count, .values = values};
  for (int32_t d = 0; d < out->rank; d++) {
    out->dims[d] = ((const int64_t *)shape->data)[d];
    if (out->dims[d] < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more, found %lld", (long long)out->dims[d]);
  }
  return UF_OK;
}

uf_status ufi_sparse_check(ufi_ctx *ctx, const ufi_sparse *s) {
  for (int64_t i = 0; i < s->n * s->rank; i++) {
    int64_t limit = s->dims[i % s->rank];
    if (s->indices[i] >= 0 && s->indices[i] < limit) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates in [0, %lld) for dimension %d, found that %lld is out of bounds: indices[%lld]",
                        (long long)limit, (int)(i % s->rank), (long long)s->indices[i], (long long)(i / s->rank));
  }
  return UF_OK;
}

int ufi_sparse_compare(const int64_t *a, const int64_t *b, int32_t rank) {
  for (int32_t d = 0; d < rank; d++) {
    if (a[d] != b[d]) return a[d] < b[d] ? -1 : 1;
  }
  return 0;
}

/* Merge sort, bottom up: stable, and never worse than n log n. */
uf_status ufi_sparse_order(ufi_ctx *ctx, const int64_t *indices, int64_t n, int32_t rank, int64_t **order_out) {
  int64_t *order = ufi_malloc((size_t)n * 2 * sizeof *order + 1), *from = order, *to = order + n;
  if (order == NULL) return ufi_no_memory(ctx->error, (size_t)n * 2 * sizeof *order);
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * width) {
      int64_t middle = UFI_MIN(begin + width, n), end = UFI_MIN(begin + 2 * width, n), a = begin, b = middle;
      for (int64_t k = begin; k < end; k++) {
        bool left = a < middle && (b >= end || ufi_sparse_compare(indices + from[a] * rank, indices + from[b] * rank, rank) <= 0);
        to[k] = left ? from[a++] : from[b++];
      }
    }
    int64_t *swap = from;
    from = to;
    to = swap;
  }
  if (from != order) memcpy(order, from, (size_t)n * sizeof *order);
  *order_out = order;
  return UF_OK;
}

uf_status ufi_sparse_begin(ufi_ctx *ctx, ufi_sparse_out *o, uf_dtype dtype, int64_t most, int32_t rank) {
  int64_t dims[2] = {most, rank};
  *o = (ufi_sparse_out){.rank = rank};
  UFI_TRY(ufi_new_tensor(ctx, UF_INT64, 2, dims, &o->indices));
  uf_status status = ufi_new_tensor(ctx, dtype, 1, &most, &o->values);
  if (status != UF_OK) uf_tensor_release(&o->indices);
  return status;
}

int64_t *ufi_sparse_add(ufi_sparse_out *o, const void *value) {
  size_t size = (size_t)uf_dtype_bits(o->values.dtype) / 8;
  if (value) memcpy((char *)o->values.data + (size_t)o->n * size, value, size);
  return (int64_t *)o->indices.data + o->n++ * o->rank;
}

void ufi_sparse_drop(ufi_sparse_out *o) {
  uf_tensor_release(&o->indices);
  uf_tensor_release(&o->values);
}

uf_status ufi_sparse_end(ufi_ctx *ctx, ufi_sparse_out *o, int32_t i, int32_t i_values, int32_t i_shape, const int64_t *dims) {
  uf_tensor shape;
  int64_t rank = o->rank;
  o->indices.dims[0] = o->values.dims[0] = o->n;
  o->indices.size = (size_t)o->n * (size_t)rank * sizeof(int64_t);
  o->values.size = (size_t)o->n * ((size_t)uf_dtype_bits(o->values.dtype) / 8);
  uf_status status = ufi_out_take(ctx, i, &o->indices);
  if (status == UF_OK && i_values >= 0) status = ufi_out_take(ctx, i_values, &o->values);
  uf_tensor_release(&o->values);
  if (status != UF_OK || i_shape < 0) return status;
  UFI_TRY(ufi_new_tensor(ctx, UF_INT64, 1, &rank, &shape));
  if (rank) memcpy(shape.data, dims, (size_t)rank * sizeof *dims);
  return ufi_out_take(ctx, i_shape, &shape);
}

#define SPARSE_OP(run) {.infer = ufi_nothing, .eval = run}

static uf_status read_vector(ufi_ctx *ctx, int32_t i, int32_t n, int64_t *out) {
  int32_t found;
  UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
  if (ctx->in[i]->count != n) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d numbers in input %d, found %lld", (int)n, (int)i, (long long)ctx->in[i]->count);
  }
  return ufi_read_ints(ctx, ctx->in[i], out, n, &found);
}

/* ---- order ------------------------------------------------------------------------------- */

static uf_status reorder_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  ufi_sparse_out o;
  int64_t *order;
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  UFI_TRY(ufi_sparse_order(ctx, s.indices, s.n, s.rank, &order));
  uf_status status = ufi_sparse_begin(ctx, &o, s.values->dtype, s.n, s.rank);
  for (int64_t i = 0; status == UF_OK && i < s.n; i++) {
    memcpy(ufi_sparse_add(&o, ufi_element(s.values, order[i])), s.indices + order[i] * s.rank, (size_t)s.rank * sizeof(int64_t));
  }
  ufi_free(order);
  return status == UF_OK ? ufi_sparse_end(ctx, &o, 0, 1, -1, NULL) : status;
}

const ufi_op_def ufi_op_SPARSE_REORDER = SPARSE_OP(reorder_eval);

/* ---- shape --------------------------------------------------------------------------------- */

/* A new shape of `total` elements, with one -1 filled in. */
static uf_status new_shape(ufi_ctx *ctx, int64_t total, int32_t rank, int64_t *dims) {
  int64_t known = 1;
  int32_t open = -1;
  for (int32_t d = 0; d < rank; d++) {
    if (dims[d] == -1 && open < 0) {
      open = d;
    } else if (dims[d] < 0 || __builtin_mul_overflow(known, dims[d], &known)) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more and at most one -1, found %lld", (long long)dims[d]);
    }
  }
  if (open >= 0 && known > 0 && total % known == 0) {
    dims[open] = total / known;
    known *= dims[open];
  }
  if (known == total && (open < 0 || dims[open] >= 0)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input to reshape is a SparseTensor with %lld dense values: expected a shape of as many, found another",
                      (long long)total);
}

static uf_status reshape_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  ufi_sparse_out o;
  int64_t dims[UF_MAX_RANK], total;
  int32_t rank;
  UFI_TRY(ufi_sparse_in(ctx, 0, -1, 1, &s));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 1, 1));
  UFI_TRY(ufi_read_ints(ctx, ctx->in[2], dims, UF_MAX_RANK, &rank));
  if (!ufi_shape_count(s.rank, s.dims, &total)) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape whose extents multiply to less than 2^63, found more");
  UFI_TRY(new_shape(ctx, total, rank, dims));
  UFI_TRY(ufi_sparse_check(ctx, &s));
  UFI_TRY(ufi_sparse_begin(ctx, &o, UF_INT8, s.n, rank));
  for (int64_t i = 0; i < s.n; i++) {
    int64_t at = 0, *to = ufi_sparse_add(&o, NULL);
    for (int32_t d = 0; d < s.rank; d++) at = at * s.dims[d] + s.indices[i * s.rank + d];
    for (int32_t d = rank - 1; d >= 0; d--) {
      to[d] = at % dims[d];
      at /= dims[d];
    }
  }
  return ufi_sparse_end(ctx, &o, 0, -1, 1, dims);
}

const ufi_op_def ufi_op_SPARSE_RESHAPE = SPARSE_OP(reshape_eval);

/* ---- parts ----------------------------------------------------------------------------------- */

/* The entries within [begin, begin + size), moved to 0, into outputs i, i_values, i_shape. */
static uf_status cut(ufi_ctx *ctx, const ufi_sparse *s, const int64_t *begin, const int64_t *size, int32_t i, int32_t i_values, int32_t i_shape) {
  ufi_sparse_out o;
  UFI_TRY(ufi_sparse_begin(ctx, &o, s->values->dtype, s->n, s->rank));
  for (int64_t k = 0; k < s->n; k++) {
    const int64_t *at = s->indices + k * s->rank;
    bool inside = true;
    for (int32_t d = 0; inside && d < s->rank; d++) inside = at[d] >= begin[d] && at[d] - begin[d] < size[d];
    if (!inside) continue;
    int64_t *to = ufi_sparse_add(&o, ufi_element(s->values, k));
    for (int32_t d = 0; d < s->rank; d++) to[d] = at[d] - begin[d];
  }
  return ufi_sparse_end(ctx, &o, i, i_values, i_shape, size);
}

static uf_status slice_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  int64_t begin[UF_MAX_RANK], size[UF_MAX_RANK];
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  UFI_TRY(read_vector(ctx, 3, s.rank, begin));
  UFI_TRY(read_vector(ctx, 4, s.rank, size));
  for (int32_t d = 0; d < s.rank; d++) {
    if (begin[d] < 0 || size[d] < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected start and size of 0 and more, found %lld and %lld", (long long)begin[d], (long long)size[d]);
    size[d] = UFI_MAX(UFI_MIN(size[d], s.dims[d] - begin[d]), (int64_t)0);
  }
  return cut(ctx, &s, begin, size, 0, 1, 2);
}

static uf_status split_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  int64_t axis, begin[UF_MAX_RANK] = {0}, size[UF_MAX_RANK];
  int32_t count, n = ctx->n_out / 3;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[0], &axis, 1, &count));
  UFI_TRY(ufi_sparse_in(ctx, 1, 2, 3, &s));
  if (count != 1 || axis < -s.rank || axis >= s.rank) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input split_dim should be between %d and %d: found %lld", (int)-s.rank, (int)s.rank - 1, (long long)axis);
  }
  axis += axis < 0 ? s.rank : 0;
  if (n < 1 || n > s.dims[axis]) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input num_split should be between 1 and the splitting dimension size (%lld), found %d", (long long)s.dims[axis], (int)n);
  }
  UFI_TRY(ufi_sparse_check(ctx, &s));
  memcpy(size, s.dims, sizeof size);
  for (int32_t k = 0; k < n; k++) {
    size[axis] = s.dims[axis] / n + (k < s.dims[axis] % n);
    UFI_TRY(cut(ctx, &s, begin, size, k, n + k, 2 * n + k));
    begin[axis] += size[axis];
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SPARSE_SLICE = SPARSE_OP(slice_eval);
const ufi_op_def ufi_op_SPARSE_SPLIT = SPARSE_OP(split_eval);

typedef struct concat_attrs {
  int64_t axis;
} concat_attrs;

static uf_status concat_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((concat_attrs *)attrs)->axis = ufi_tf_int(from, "concat_dim");
  return UF_OK;
}

static uf_status concat_check(ufi_ctx *ctx, int32_t n, int64_t *axis_out, ufi_sparse *total) {
  int64_t axis = ((const concat_attrs *)ctx->attrs)->axis;
  *total = (ufi_sparse){0};
  for (int32_t k = 0; k < n; k++) {
    ufi_sparse s = {0};
    UFI_TRY(ufi_sparse_in(ctx, k, n + k, 2 * n + k, &s));
    UFI_TRY(ufi_sparse_check(ctx, &s));
    if (k == 0) {
      if (axis < -s.rank || axis >= s.rank) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Concat dimension must be in range [%d, %d), got %lld", (int)-s.rank, (int)s.rank, (long long)axis);
      *total = s;
      axis += axis < 0 ? s.rank : 0;
      total->dims[axis] = 0;
      total->n = 0;
    }
    UFI_TRY(ufi_want_same(ctx, ctx->in[n], ctx->in[n + k]));
    bool fits = s.rank == total->rank && s.values->dtype == ctx->in[n]->dtype;
    for (int32_t d = 0; fits && d < s.rank; d++) fits = d == axis || s.dims[d] == total->dims[d];
    if (!fits || __builtin_add_overflow(total->dims[axis], s.dims[axis], &total->dims[axis])) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input shapes must match: expected equal shapes but for the dimension to join, found others in input %d", (int)k);
    }
    total->n += s.n;
  }
  *axis_out = axis;
  return UF_OK;
}

static uf_status concat_eval(ufi_ctx *ctx) {
  int32_t n = ctx->n_in / 3;
  ufi_sparse total;
  ufi_sparse_out o, sorted;
  int64_t axis = 0, offset = 0, *order;
  UFI_TRY(concat_check(ctx, n, &axis, &total));
  UFI_TRY(ufi_sparse_begin(ctx, &o, ctx->in[n]->dtype, total.n, total.rank));
  for (int32_t k = 0; k < n; k++) {
    const ufi_tensor *indices = ctx->in[k];
    for (int64_t i = 0; i < indices->dims[0]; i++) {
      int64_t *to = ufi_sparse_add(&o, ufi_element(ctx->in[n + k], i));
      memcpy(to, (const int64_t *)indices->data + i * total.rank, (size_t)total.rank * sizeof *to);
      to[axis] += offset;
    }
    offset += ((const int64_t *)ctx->in[2 * n + k]->data)[axis];
  }
  uf_status status = ufi_sparse_order(ctx, o.indices.data, o.n, o.rank, &order);
  if (status == UF_OK) {
    status = ufi_sparse_begin(ctx, &sorted, o.values.dtype, o.n, o.rank);
    size_t size = (size_t)uf_dtype_bits(o.values.dtype) / 8;
    for (int64_t i = 0; status == UF_OK && i < o.n; i++) {
      int64_t *to = ufi_sparse_add(&sorted, (const char *)o.values.data + (size_t)order[i] * size);
      memcpy(to, (const int64_t *)o.indices.data + order[i] * o.rank, (size_t)o.rank * sizeof *to);
    }
    ufi_free(order);
  }
  if (status == UF_OK) status = ufi_sparse_end(ctx, &sorted, 0, 1, 2, total.dims);
  ufi_sparse_drop(&o);
  return status;
}

const ufi_op_def ufi_op_SPARSE_CONCAT = {
  .attrs_size = sizeof(concat_attrs), .attrs_tf = concat_tf, .infer = ufi_nothing, .eval = concat_eval,
};

/* ---- rows without entries ----------------------------------------------------------------------- */

/* Where each entry goes so that rows follow each other, and rows without any get one place; map[n]. */
static uf_status fill_places(ufi_ctx *ctx, const int64_t *rows, int64_t step, int64_t n, int64_t n_rows, int64_t *starts, int64_t *map) {
  for (int64_t i = 0; i < n; i++) {
    int64_t row = rows[i * step];
    if (row < 0 || row >= n_rows) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "indices(%lld, 0) is invalid: expected a row in [0, %lld), found %lld", (long long)i, (long long)n_rows, (long long)row);
    }
    starts[row + 1]++;
  }
  for (int64_t r = 0; r < n_rows; r++) starts[r + 1] = starts[r] + UFI_MAX(starts[r + 1], (int64_t)1);
  int64_t *next = starts + n_rows + 2; /* places taken so far */
  memcpy(next, starts, (size_t)n_rows * sizeof *next);
  for (int64_t i = 0; i < n; i++) map[i] = next[rows[i * step]]++;
  return UF_OK;
}

/* Inputs: rows by coordinates (n, rank) or (n); values; how many rows; the default. */
static uf_status fill_rows(ufi_ctx *ctx, const int64_t *rows, int32_t rank, int64_t n, const ufi_tensor *values, int64_t n_rows, bool ragged) {
  const ufi_tensor *fallback = ctx->in[3];
  uf_tensor empty, map;
  ufi_sparse_out o = {0};
  UFI_TRY(ufi_want_same(ctx, values, fallback));
  if (fallback->rank != 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "default_value must be a scalar, found rank %d", (int)fallback->rank);
  UFI_TRY(ufi_new_tensor(ctx, UF_BOOL, 1, &n_rows, &empty));
  uf_status status = ufi_new_tensor(ctx, UF_INT64, 1, &n, &map);
  if (status != UF_OK) {
    uf_tensor_release(&empty);
    return status;
  }
  int64_t *starts = ufi_calloc(2 * ((size_t)n_rows + 2), sizeof *starts), *to = map.data;
  status = starts ? fill_places(ctx, rows, rank, n, n_rows, starts, to) : ufi_no_memory(ctx->error, (size_t)n_rows);
  int64_t total = n, gaps = 0;
  bool *is_empty = empty.data;
  if (status == UF_OK) {
    memset(is_empty, 1, (size_t)n_rows);
    for (int64_t i = 0; i < n; i++) is_empty[rows[i * rank]] = false;
    for (int64_t r = 0; r < n_rows; r++) gaps += is_empty[r];
    total += gaps;
    status = ufi_sparse_begin(ctx, &o, values->dtype, total, rank);
  }
  if (status == UF_OK) {
    size_t size = (size_t)uf_dtype_bits(values->dtype) / 8;
    o.n = total;
    for (int64_t i = 0; i < n; i++) {
      memcpy((int64_t *)o.indices.data + to[i] * rank, rows + i * rank, (size_t)rank * sizeof *rows);
      memcpy((char *)o.values.data + (size_t)to[i] * size, ufi_element(values, i), size);
    }
    for (int64_t r = 0; r < n_rows; r++) {
      if (!is_empty[r]) continue;
      ((int64_t *)o.indices.data)[starts[r] * rank] = r;
      memcpy((char *)o.values.data + (size_t)starts[r] * size, fallback->data, size);
    }
    if (ragged) o.indices.rank = 1;
    status = ufi_sparse_end(ctx, &o, 0, 1, -1, NULL);
  }
  ufi_free(starts);
  if (status == UF_OK) status = ufi_out_take(ctx, 2, &empty);
  else uf_tensor_release(&empty);
  if (status == UF_OK) return ufi_out_take(ctx, 3, &map);
  uf_tensor_release(&map);
  return status;
}

static uf_status fill_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  if (s.rank < 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Dense shape cannot be empty: expected rank 1 or more, found 0");
  return fill_rows(ctx, s.indices, s.rank, s.n, s.values, s.dims[0], false);
}

static uf_status ragged_fill_eval(ufi_ctx *ctx) {
  const ufi_tensor *rows = ctx->in[0], *values = ctx->in[1], *n_rows = ctx->in[2];
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT64, UF_INVALID));
  if (rows->rank != 1 || values->rank != 1 || rows->count != values->count || n_rows->rank != 0 || *(const int64_t *)n_rows->data < 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a row for each value and their number, found %lld rows and %lld values", (long long)rows->count, (long long)values->count);
  }
  return fill_rows(ctx, rows->data, 1, rows->count, values, *(const int64_t *)n_rows->data, true);
}

static uf_status fill_grad_eval(ufi_ctx *ctx) {
  const ufi_tensor *map = ctx->in[0], *grad = ctx->in[1];
  uf_tensor d, rest;
  int64_t n = map->count;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT64, UF_INVALID));
  if (map->rank != 1 || grad->rank != 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected vectors, found ranks %d and %d", (int)map->rank, (int)grad->rank);
  if (!ufi_update_takes(UFI_UPDATE_ADD, grad->dtype)) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected numbers, found %s", uf_dtype_name(grad->dtype));
  bool *seen = ufi_calloc((size_t)grad->count + 1, 1);
  if (seen == NULL) return ufi_no_memory(ctx->error, (size_t)grad->count);
  uf_status status = ufi_new_tensor(ctx, grad->dtype, 1, &n, &d);
  size_t size = (size_t)uf_dtype_bits(grad->dtype) / 8;
  for (int64_t i = 0; status == UF_OK && i < n; i++) {
    int64_t at = ((const int64_t *)map->data)[i];
    if (at < 0 || at >= grad->count) {
      uf_tensor_release(&d);
      status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Elements in reverse index must be in [0, %lld) but got %lld", (long long)grad->count, (long long)at);
      break;
    }
    memcpy((char *)d.data + (size_t)i * size, ufi_element(grad, at), size);
    seen[at] = true;
  }
  if (status == UF_OK) status = ufi_out_take(ctx, 0, &d);
  if (status == UF_OK) status = ufi_new_tensor(ctx, grad->dtype, 0, NULL, &rest);
  for (int64_t i = 0; status == UF_OK && i < grad->count; i++) {
    if (!seen[i]) ufi_update_run(UFI_UPDATE_ADD, grad->dtype, rest.data, ufi_element(grad, i), 1, 1);
  }
  ufi_free(seen);
  return status == UF_OK ? ufi_out_take(ctx, 1, &rest) : status;
}

const ufi_op_def ufi_op_SPARSE_FILL_EMPTY_ROWS = SPARSE_OP(fill_eval);
const ufi_op_def ufi_op_RAGGED_FILL_EMPTY_ROWS = SPARSE_OP(ragged_fill_eval);
const ufi_op_def ufi_op_SPARSE_FILL_EMPTY_ROWS_GRAD = SPARSE_OP(fill_grad_eval);

/* ---- dense ---------------------------------------------------------------------------------------- */

typedef struct dense_attrs {
  bool validate;
} dense_attrs;

static uf_status dense_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((dense_attrs *)attrs)->validate = ufi_tf_bool(from, "validate_indices");
  return UF_OK;
}

static uf_status dense_place(ufi_ctx *ctx, const ufi_tensor *indices, int32_t rank, const int64_t *dims, int64_t i, int64_t *before, int64_t *at_out) {
  const dense_attrs *a = ctx->attrs;
  int64_t at = 0;
  for (int32_t d = 0; d < rank; d++) {
    int64_t index = ufi_move_index(indices, i * rank + d);
    if (index < 0 || index >= dims[d]) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "indices[%lld] is out of bounds: expected [0, %lld) for dimension %d, found %lld", (long long)i,
                          (long long)dims[d], (int)d, (long long)index);
    }
    at = at * dims[d] + index;
  }
  if (a->validate && at <= *before) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "indices[%lld] is %s: expected them in ascending order, found otherwise", (long long)i, at == *before ? "repeated" : "out of order");
  }
  *before = *at_out = at;
  return UF_OK;
}

static uf_status dense_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *shape = ctx->in[1], *values = ctx->in[2], *fallback = ctx->in[3];
  int64_t dims[UF_MAX_RANK], before = -1, at = 0;
  int32_t rank;
  uf_tensor out;
  UFI_TRY(ufi_want_rank(ctx, shape, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, indices, 0, 2));
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, values, fallback));
  UFI_TRY(ufi_read_ints(ctx, shape, dims, UF_MAX_RANK, &rank));
  int64_t n = indices->rank == 0 ? 1 : indices->dims[0], depth = indices->rank == 2 ? indices->dims[1] : 1;
  if (depth != rank || values->rank > 1 || (values->rank == 1 && values->count != n) || fallback->rank != 0 || uf_dtype_bits(values->dtype) < 8) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of %d numbers, a value for each (or one) and a scalar default, found %lld coordinates "
                        "of %lld, %lld values", (int)rank, (long long)n, (long long)depth, (long long)values->count);
  }
  UFI_TRY(ufi_new_tensor(ctx, values->dtype, rank, dims, &out));
  ufi_move_fill(out.dtype, out.data, 0, fallback->data, uf_tensor_count(&out));
  size_t size = (size_t)uf_dtype_bits(values->dtype) / 8;
  for (int64_t i = 0; i < n; i++) {
    uf_status status = dense_place(ctx, indices, rank, dims, i, &before, &at);
    if (status != UF_OK) {
      uf_tensor_release(&out);
      return status;
    }
    memcpy((char *)out.data + (size_t)at * size, ufi_element(values, values->rank ? i : 0), size);
  }
  return ufi_out_take(ctx, 0, &out);
}

const ufi_op_def ufi_op_TF_SPARSE_TO_DENSE = {
  .attrs_size = sizeof(dense_attrs), .attrs_tf = dense_tf, .infer = ufi_nothing, .eval = dense_eval,
};
