/* SPDX-License-Identifier: Apache-2.0
 *
 * sparse_math.c: arithmetic with sparse tensors: sums and maxima over dimensions, two of them added or
 * compared, one with a dense tensor, products with matrices, softmax.
 */
#include <complex.h>
#include <math.h>

#include "ops/move.h"
#include "ops/sparse.h"

static uf_status want_numbers(ufi_ctx *ctx, ufi_update update, uf_dtype dtype) {
  if (ufi_update_takes(update, dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected numbers, found %s", uf_dtype_name(dtype));
}

/* ---- over dimensions ------------------------------------------------------------------------- */

typedef struct reduce_attrs {
  ufi_update update;
  bool keep, sparse;
} reduce_attrs;

static uf_status reduce_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  reduce_attrs *a = attrs;
  a->update = strstr(from->op, "Max") ? UFI_UPDATE_MAX : UFI_UPDATE_ADD;
  a->keep = ufi_tf_bool(from, "keep_dims");
  a->sparse = strlen(from->op) > 15;
  return UF_OK;
}

/* Which dimensions go. No axes at all: all of them. */
static uf_status reduced(ufi_ctx *ctx, int32_t rank, bool *gone) {
  const ufi_tensor *axes = ctx->in[3];
  for (int32_t d = 0; d < rank; d++) gone[d] = axes->count == 0;
  for (int64_t i = 0; i < axes->count; i++) {
    int64_t axis = ufi_move_index(axes, i);
    if (axis < -rank || axis >= rank) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Invalid reduction dimension %lld, for input with %d dimensions: expected one in [%d, %d)", (long long)axis,
                          (int)rank, (int)-rank, (int)rank);
    }
    gone[axis < 0 ? axis + rank : axis] = true;
  }
  return UF_OK;
}

/* Entries in groups of equal kept coordinates, each combined in order. */
static uf_status reduce_groups(ufi_ctx *ctx, const ufi_sparse *s, const int64_t *kept, int32_t rank, ufi_sparse_out *o) {
  const reduce_attrs *a = ctx->attrs;
  size_t size = (size_t)uf_dtype_bits(s->values->dtype) / 8;
  int64_t *order;
  UFI_TRY(ufi_sparse_order(ctx, kept, s->n, rank, &order));
  for (int64_t i = 0; i < s->n; i++) {
    const int64_t *at = kept + order[i] * rank;
    const void *value = ufi_element(s->values, order[i]);
    if (i > 0 && ufi_sparse_compare(at, kept + order[i - 1] * rank, rank) == 0) {
      ufi_update_run(a->update, s->values->dtype, (char *)o->values.data + (size_t)(o->n - 1) * size, value, 1, 1);
    } else {
      int64_t *to = ufi_sparse_add(o, value);
      if (rank) memcpy(to, at, (size_t)rank * sizeof *to);
    }
  }
  ufi_free(order);
  return UF_OK;
}

static uf_status reduce_dense(ufi_ctx *ctx, const ufi_sparse_out *o, int32_t rank, const int64_t *dims) {
  uf_tensor out;
  int64_t steps[UF_MAX_RANK];
  size_t size = (size_t)uf_dtype_bits(o->values.dtype) / 8;
  UFI_TRY(ufi_new_tensor(ctx, o->values.dtype, rank, dims, &out));
  ufi_move_steps(rank, dims, steps);
  for (int64_t i = 0; i < o->n; i++) {
    int64_t at = 0;
    for (int32_t d = 0; d < rank; d++) at += ((const int64_t *)o->indices.data)[i * rank + d] * steps[d];
    memcpy((char *)out.data + (size_t)at * size, (const char *)o->values.data + (size_t)i * size, size);
  }
  return ufi_out_take(ctx, 0, &out);
}

static uf_status reduce_eval(ufi_ctx *ctx) {
  const reduce_attrs *a = ctx->attrs;
  ufi_sparse s = {0};
  ufi_sparse_out o;
  bool gone[UF_MAX_RANK];
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  UFI_TRY(want_numbers(ctx, a->update, s.values->dtype));
  UFI_TRY(ufi_sparse_check(ctx, &s));
  UFI_TRY(ufi_want_in(ctx, 3, UF_INT32, UF_INVALID));
  UFI_TRY(reduced(ctx, s.rank, gone));
  for (int32_t d = 0; d < s.rank; d++) {
    if (!gone[d] || a->keep) dims[rank++] = gone[d] ? 1 : s.dims[d];
  }
  int64_t *kept = ufi_calloc((size_t)(s.n * rank) + 1, sizeof *kept);
  if (kept == NULL) return ufi_no_memory(ctx->error, (size_t)s.n);
  for (int64_t i = 0; i < s.n; i++) {
    for (int32_t d = 0, k = 0; d < s.rank; d++) {
      if (!gone[d] || a->keep) kept[i * rank + k++] = gone[d] ? 0 : s.indices[i * s.rank + d];
    }
  }
  uf_status status = ufi_sparse_begin(ctx, &o, s.values->dtype, s.n, rank);
  if (status == UF_OK) {
    status = reduce_groups(ctx, &s, kept, rank, &o);
    if (status != UF_OK) ufi_sparse_drop(&o);
  }
  ufi_free(kept);
  UFI_TRY(status);
  if (a->sparse) return ufi_sparse_end(ctx, &o, 0, 1, 2, dims);
  status = reduce_dense(ctx, &o, rank, dims);
  ufi_sparse_drop(&o);
  return status;
}

const ufi_op_def ufi_op_SPARSE_REDUCE = {
  .attrs_size = sizeof(reduce_attrs), .attrs_tf = reduce_tf, .infer = ufi_nothing, .eval = reduce_eval,
};

/* ---- two sparse tensors ------------------------------------------------------------------------- */

typedef struct pair_attrs {
  ufi_update update;
  bool adds;
} pair_attrs;

static uf_status pair_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  pair_attrs *a = attrs;
  a->adds = strcmp(from->op, "SparseAdd") == 0;
  a->update = a->adds ? UFI_UPDATE_ADD : strstr(from->op, "Max") ? UFI_UPDATE_MAX : UFI_UPDATE_MIN;
  return UF_OK;
}

static double magnitude(uf_dtype dtype, const void *p) {
  double d = 0;
  if (dtype == UF_COMPLEX64) return cabsf(*(const float complex *)p);
  if (dtype == UF_COMPLEX128) return cabs(*(const double complex *)p);
  return ufi_convert(dtype, p, 1, UF_FLOAT64, &d, NULL) == UF_OK ? fabs(d) : 0;
}

/* A sum that is large enough to keep; what only one side has is kept anyway, as in TensorFlow. */
static bool keeps(const ufi_ctx *ctx, uf_dtype dtype, const void *value) {
  const pair_attrs *a = ctx->attrs;
  double least = 0;
  if (!a->adds) return true;
  if (ufi_convert(ctx->in[6]->dtype, ctx->in[6]->data, 1, UF_FLOAT64, &least, NULL) != UF_OK) return true;
  return least <= magnitude(dtype, value);
}

static uf_status pair_eval(ufi_ctx *ctx) {
  const pair_attrs *a = ctx->attrs;
  ufi_sparse x = {0}, y = {0};
  ufi_sparse_out o;
  char zeros[16] = {0}, sum[16];
  int64_t i = 0, k = 0;
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &x));
  UFI_TRY(ufi_sparse_in(ctx, 3, 4, 5, &y));
  UFI_TRY(want_numbers(ctx, a->update, x.values->dtype));
  UFI_TRY(ufi_want_same(ctx, x.values, y.values));
  if (x.rank != y.rank || memcmp(x.dims, y.dims, (size_t)x.rank * sizeof x.dims[0]) != 0 || (a->adds && ctx->in[6]->count != 1)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Operands' shapes do not match: expected equal shapes and a scalar threshold, found ranks %d and %d", (int)x.rank, (int)y.rank);
  }
  uf_dtype dtype = x.values->dtype;
  size_t size = (size_t)uf_dtype_bits(dtype) / 8;
  UFI_TRY(ufi_sparse_begin(ctx, &o, dtype, x.n + y.n, x.rank));
  while (i < x.n || k < y.n) {
    int order = i == x.n ? 1 : k == y.n ? -1 : ufi_sparse_compare(x.indices + i * x.rank, y.indices + k * x.rank, x.rank);
    const int64_t *at = order <= 0 ? x.indices + i * x.rank : y.indices + k * x.rank;
    memcpy(sum, order <= 0 ? ufi_element(x.values, i) : zeros, size);
    ufi_update_run(a->update, dtype, sum, order >= 0 ? ufi_element(y.values, k) : zeros, 1, 1);
    i += order <= 0;
    k += order >= 0;
    if (order != 0 || keeps(ctx, dtype, sum)) memcpy(ufi_sparse_add(&o, sum), at, (size_t)x.rank * sizeof *at);
  }
  return ufi_sparse_end(ctx, &o, 0, 1, a->adds ? 2 : -1, x.dims);
}

const ufi_op_def ufi_op_SPARSE_PAIR = {
  .attrs_size = sizeof(pair_attrs), .attrs_tf = pair_tf, .infer = ufi_nothing, .eval = pair_eval,
};

/* ---- with a dense tensor --------------------------------------------------------------------------- */

static uf_status dense_add_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *values = ctx->in[1], *shape = ctx->in[2], *b = ctx->in[3];
  int64_t dims[UF_MAX_RANK], steps[UF_MAX_RANK];
  int32_t rank;
  uf_tensor view = ufi_view(b), out;
  UFI_TRY(want_numbers(ctx, UFI_UPDATE_ADD, b->dtype));
  UFI_TRY(ufi_want_rank(ctx, indices, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, values, 1, 1));
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_read_ints(ctx, shape, dims, UF_MAX_RANK, &rank));
  if (rank != b->rank || memcmp(dims, b->dims, (size_t)rank * sizeof dims[0]) != 0 || indices->dims[1] != rank || indices->dims[0] != values->count || values->dtype != b->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Dimensions of the sparse and the dense tensor do not match: expected equal shapes, found ranks %d and %d", (int)rank, (int)b->rank);
  }
  UFI_TRY(ufi_tensor_keep(&view, false, &out, ctx->error));
  ufi_move_steps(rank, dims, steps);
  size_t size = (size_t)uf_dtype_bits(b->dtype) / 8;
  for (int64_t i = 0; i < values->count; i++) {
    int64_t at = 0;
    for (int32_t d = 0; d < rank; d++) {
      int64_t index = ufi_move_index(indices, i * rank + d);
      if (index < 0 || index >= dims[d]) {
        uf_tensor_release(&out);
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Sparse tensor has some invalid index on dimension %d: expected [0, %lld), found %lld", (int)d, (long long)dims[d], (long long)index);
      }
      at += index * steps[d];
    }
    ufi_update_run(UFI_UPDATE_ADD, b->dtype, (char *)out.data + (size_t)at * size, ufi_element(values, i), 1, 1);
  }
  return ufi_out_take(ctx, 0, &out);
}

const ufi_op_def ufi_op_SPARSE_TENSOR_DENSE_ADD = {.infer = ufi_nothing, .eval = dense_add_eval};

static uf_status cwise_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  pair_attrs *a = attrs;
  a->update = strstr(from->op, "Add") ? UFI_UPDATE_ADD : strstr(from->op, "Mul") ? UFI_UPDATE_MUL : UFI_UPDATE_DIV;
  return UF_OK;
}

/* The dense side is broadcast to the sparse one's shape. */
static uf_status cwise_eval(ufi_ctx *ctx) {
  const pair_attrs *a = ctx->attrs;
  const ufi_tensor *dense = ctx->in[3];
  ufi_sparse s = {0};
  int64_t steps[UF_MAX_RANK];
  uf_tensor out;
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  UFI_TRY(want_numbers(ctx, a->update, s.values->dtype));
  UFI_TRY(ufi_sparse_check(ctx, &s));
  bool fits = dense->rank <= s.rank && dense->dtype == s.values->dtype;
  for (int32_t d = 0; fits && d < dense->rank; d++) fits = dense->dims[d] == 1 || dense->dims[d] == s.dims[d + s.rank - dense->rank];
  if (!fits) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: expected ones that fit");
  ufi_move_steps(dense->rank, dense->dims, steps);
  UFI_TRY(ufi_new_tensor(ctx, s.values->dtype, 1, &s.n, &out));
  size_t size = (size_t)uf_dtype_bits(out.dtype) / 8;
  for (int64_t i = 0; i < s.n; i++) {
    int64_t at = 0;
    void *to = (char *)out.data + (size_t)i * size;
    for (int32_t d = 0; d < dense->rank; d++) {
      if (dense->dims[d] != 1) at += s.indices[i * s.rank + d + s.rank - dense->rank] * steps[d];
    }
    memcpy(to, ufi_element(s.values, i), size);
    if (ufi_update_run(a->update, out.dtype, to, ufi_element(dense, at), 1, 1)) continue;
    uf_tensor_release(&out);
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected divisors other than 0, found 0");
  }
  return ufi_out_take(ctx, 0, &out);
}

const ufi_op_def ufi_op_SPARSE_DENSE_CWISE = {
  .attrs_size = sizeof(pair_attrs), .attrs_tf = cwise_tf, .infer = ufi_nothing, .eval = cwise_eval,
};

/* ---- products --------------------------------------------------------------------------------------- */

typedef struct product_attrs {
  bool adjoint_a, adjoint_b;
} product_attrs;

static uf_status product_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  product_attrs *a = attrs;
  a->adjoint_a = ufi_tf_bool(from, "adjoint_a");
  a->adjoint_b = ufi_tf_bool(from, "adjoint_b");
  return UF_OK;
}

static void conjugate(uf_dtype dtype, void *p) {
  if (dtype == UF_COMPLEX64) *(float complex *)p = conjf(*(float complex *)p);
  if (dtype == UF_COMPLEX128) *(double complex *)p = conj(*(double complex *)p);
}

/* b as it is multiplied: rows of it, adjoint if need be. The caller frees; NULL: out of memory. */
static void *right_side(const ufi_tensor *b, bool adjoint) {
  size_t size = (size_t)uf_dtype_bits(b->dtype) / 8;
  char *to = ufi_malloc(b->size + 1);
  if (to == NULL) return NULL;
  if (!adjoint) return memcpy(to, b->size ? b->data : "", b->size);
  for (int64_t r = 0; r < b->dims[0]; r++) {
    for (int64_t c = 0; c < b->dims[1]; c++) {
      char *p = to + (size_t)(c * b->dims[0] + r) * size;
      memcpy(p, ufi_element(b, r * b->dims[1] + c), size);
      conjugate(b->dtype, p);
    }
  }
  return to;
}

/* row of out += value * row of b */
static void add_scaled(uf_dtype dtype, void *out, const void *value, const void *b, void *scratch, int64_t n) {
  if (dtype == UF_FLOAT32) {
    float v = *(const float *)value, *o = out;
    const float *x = b;
    for (int64_t i = 0; i < n; i++) o[i] += v * x[i];
    return;
  }
  size_t size = (size_t)uf_dtype_bits(dtype) / 8;
  memcpy(scratch, b, (size_t)n * size);
  ufi_update_run(UFI_UPDATE_MUL, dtype, scratch, value, n, 0);
  ufi_update_run(UFI_UPDATE_ADD, dtype, out, scratch, n, 1);
}

/* a (m, k) times b (k, n), entry after entry of a. */
static uf_status multiply(ufi_ctx *ctx, const int64_t *a_dims, int64_t n, const char *b, uf_tensor *out, char *scratch) {
  const product_attrs *p = ctx->attrs;
  const ufi_tensor *indices = ctx->in[0], *values = ctx->in[1];
  size_t size = (size_t)uf_dtype_bits(values->dtype) / 8;
  int first = p->adjoint_a ? 1 : 0;
  for (int64_t i = 0; i < values->count; i++) {
    int64_t m = ufi_move_index(indices, 2 * i + first), k = ufi_move_index(indices, 2 * i + 1 - first);
    char value[16];
    if (m < 0 || m >= a_dims[first] || k < 0 || k >= a_dims[1 - first]) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates within (%lld, %lld), found that (%lld, %lld) is out of bounds", (long long)a_dims[0],
                          (long long)a_dims[1], (long long)ufi_move_index(indices, 2 * i), (long long)ufi_move_index(indices, 2 * i + 1));
    }
    memcpy(value, ufi_element(values, i), size);
    if (p->adjoint_a) conjugate(values->dtype, value);
    if (n) add_scaled(values->dtype, (char *)out->data + (size_t)(m * n) * size, value, b + (size_t)(k * n) * size, scratch, n);
  }
  return UF_OK;
}

static uf_status product_eval(ufi_ctx *ctx) {
  const product_attrs *p = ctx->attrs;
  const ufi_tensor *indices = ctx->in[0], *values = ctx->in[1], *shape = ctx->in[2], *b = ctx->in[3];
  uf_tensor out;
  UFI_TRY(want_numbers(ctx, UFI_UPDATE_ADD, b->dtype));
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT64, UF_INVALID));
  bool good = shape->count == 2 && b->rank == 2 && values->rank == 1 && indices->rank == 2 && indices->dims[1] == 2 && indices->dims[0] == values->count && values->dtype == b->dtype;
  const int64_t *a_dims = shape->data;
  if (!good || a_dims[0] < 0 || a_dims[1] < 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sparse matrix and a dense one, found a shape of %lld extents and a tensor of rank %d", (long long)shape->count, (int)b->rank);
  }
  int64_t inner_a = a_dims[p->adjoint_a ? 0 : 1], inner_b = b->dims[p->adjoint_b ? 1 : 0], dims[2] = {a_dims[p->adjoint_a ? 1 : 0], b->dims[p->adjoint_b ? 0 : 1]};
  if (inner_a != inner_b) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Cannot multiply A and B because inner dimension does not match: %lld vs. %lld: expected the same", (long long)inner_a, (long long)inner_b);
  }
  UFI_TRY(ufi_new_tensor(ctx, b->dtype, 2, dims, &out));
  char *right = right_side(b, p->adjoint_b), *scratch = ufi_malloc((size_t)dims[1] * 16 + 1);
  uf_status status = right && scratch ? multiply(ctx, a_dims, dims[1], right, &out, scratch) : ufi_no_memory(ctx->error, b->size);
  ufi_free(right);
  ufi_free(scratch);
  if (status == UF_OK) return ufi_out_take(ctx, 0, &out);
  uf_tensor_release(&out);
  return status;
}

const ufi_op_def ufi_op_SPARSE_TENSOR_DENSE_MATMUL = {
  .attrs_size = sizeof(product_attrs), .attrs_tf = product_tf, .infer = ufi_nothing, .eval = product_eval,
};

/* ---- softmax ---------------------------------------------------------------------------------------- */

/* Over the last dimension: entries that agree in all others. */
static uf_status softmax_eval(ufi_ctx *ctx) {
  ufi_sparse s = {0};
  uf_tensor out;
  UFI_TRY(ufi_sparse_in(ctx, 0, 1, 2, &s));
  uf_dtype dtype = s.values->dtype;
  if (dtype != UF_FLOAT32 && dtype != UF_FLOAT64 && dtype != UF_FLOAT16) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected half, float32 or float64, found %s", uf_dtype_name(dtype));
  if (s.rank < 2) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input should have rank >= 2, but received shape of rank %d", (int)s.rank);
  UFI_TRY(ufi_sparse_check(ctx, &s));
  UFI_TRY(ufi_new_tensor(ctx, dtype, 1, &s.n, &out));
  double *wide = ufi_malloc((size_t)s.n * sizeof *wide + 1);
  uf_status status = wide ? ufi_convert(dtype, s.values->data, s.n, UF_FLOAT64, wide, ctx->error) : ufi_no_memory(ctx->error, (size_t)s.n);
  for (int64_t i = 0, end; status == UF_OK && i < s.n; i = end) {
    double most = wide[i], sum = 0;
    for (end = i + 1; end < s.n && ufi_sparse_compare(s.indices + i * s.rank, s.indices + end * s.rank, s.rank - 1) == 0; end++) most = fmax(most, wide[end]);
    for (int64_t k = i; k < end; k++) sum += wide[k] = exp(wide[k] - most);
    for (int64_t k = i; k < end; k++) wide[k] /= sum;
  }
  if (status == UF_OK) status = ufi_convert(UF_FLOAT64, wide, s.n, dtype, out.data, ctx->error);
  ufi_free(wide);
  if (status == UF_OK) return ufi_out_take(ctx, 0, &out);
  uf_tensor_release(&out);
  return status;
}

const ufi_op_def ufi_op_SPARSE_SOFTMAX = {.infer = ufi_nothing, .eval = softmax_eval};
