/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_list.h: what the files of TensorList ops share.
 */
#ifndef UFI_TENSOR_LIST_H
#define UFI_TENSOR_LIST_H

#include "ops/variant.h"

typedef struct ufi_list_attrs {
  const char *op;
  uf_dtype dtype;      /* element_dtype */
  uf_shape shape;      /* element_shape, of ops that have it as an attribute */
  int64_t n_items;     /* num_elements, -1: any */
  bool resize;         /* resize_if_index_out_of_bounds */
} ufi_list_attrs;
uf_status ufi_list_attrs_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error);
/* Lists in the outputs are scalars. */
uf_status ufi_list_infer(ufi_ctx *ctx);
#define UFI_LIST_OP(run) \
  {.attrs_size = sizeof(ufi_list_attrs), .attrs_tf = ufi_list_attrs_tf, .infer = ufi_list_infer, .eval = run}

/* Input i as a list whose elements have that dtype (UF_INVALID: any). */
uf_status ufi_in_list(ufi_ctx *ctx, int32_t i, uf_dtype dtype, const ufi_variant **out) UF_MUST_USE;
/* An empty list of the attribute's dtype with the element shape in input i. */
uf_status ufi_list_create(ufi_ctx *ctx, int32_t i, ufi_variant **out) UF_MUST_USE;
/* What input (-1: the attribute) and list tell of an element's shape. */
uf_status ufi_list_element_shape(ufi_ctx *ctx, const ufi_variant *list, int32_t input, uf_shape *shape_out) UF_MUST_USE;
/* Adds what the elements tell of all but their first skip_dims dimensions, until all is known; false:
 * they contradict it. */
bool ufi_list_merge_items(const ufi_variant *list, uf_shape *shape, int32_t skip_dims);
uf_status ufi_list_no_match(ufi_ctx *ctx, const char *what, const uf_shape *want, int32_t rank, const int64_t *dims);

#endif
