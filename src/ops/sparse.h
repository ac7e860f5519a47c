/* SPDX-License-Identifier: Apache-2.0
 *
 * sparse.h: sparse tensors as three inputs: coordinates (n, rank), values (n), shape (rank).
 */
#ifndef UFI_SPARSE_H
#define UFI_SPARSE_H

#include "ops/variable.h"
#include "ops/variant.h"

typedef struct ufi_sparse {
  const int64_t *indices;    /* (n, rank) */
  int64_t n;
  int32_t rank;
  const ufi_tensor *values;  /* (n); NULL when read without */
  int64_t dims[UF_MAX_RANK];
} ufi_sparse;
/* Inputs i, values_input (-1: none), shape_input, checked against each other, not each coordinate. */
uf_status ufi_sparse_in(ufi_ctx *ctx, int32_t i, int32_t values_input, int32_t shape_input, ufi_sparse *out) UF_MUST_USE;
/* That all coordinates are within the shape. INVALID_ARGUMENT. */
uf_status ufi_sparse_check(ufi_ctx *ctx, const ufi_sparse *s) UF_MUST_USE;
/* Order of two coordinates, row by row. */
int ufi_sparse_compare(const int64_t *a, const int64_t *b, int32_t rank);
/* Positions of coordinates in ascending order, equal ones as they come; the caller frees. */
uf_status ufi_sparse_order(ufi_ctx *ctx, const int64_t *indices, int64_t n, int32_t rank, int64_t **order_out) UF_MUST_USE;

/* A sparse result that grows to at most n entries of that rank. */
typedef struct ufi_sparse_out {
  uf_tensor indices, values;
  int64_t n;
  int32_t rank;
} ufi_sparse_out;
uf_status ufi_sparse_begin(ufi_ctx *ctx, ufi_sparse_out *o, uf_dtype dtype, int64_t most, int32_t rank) UF_MUST_USE;
/* The next entry's coordinate, to be written, and its value (bytes, copied). */
int64_t *ufi_sparse_add(ufi_sparse_out *o, const void *value);
/* Outputs i (indices), i_values (-1: none) and i_shape (-1: none) become it; taken, on failure, too. */
uf_status ufi_sparse_end(ufi_ctx *ctx, ufi_sparse_out *o, int32_t i, int32_t i_values, int32_t i_shape, const int64_t *dims) UF_MUST_USE;
void ufi_sparse_drop(ufi_sparse_out *o);

static inline const void *ufi_element(const ufi_tensor *t, int64_t i) {
  return (const char *)t->data + (size_t)i * ((size_t)uf_dtype_bits(t->dtype) / 8);
}

#endif
