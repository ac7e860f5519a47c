/* SPDX-License-Identifier: Apache-2.0
 *
 * strided.h: TensorFlow's slice specs, x[a:b:c, ..., newaxis, i], resolved against a shape: what
 * the ops that read, write or assign such a slice share.
 */
#ifndef UFI_STRIDED_H
#define UFI_STRIDED_H

#include "ops/move.h"

/* One bit for each entry of a spec. */
typedef struct ufi_strided_masks {
  uint32_t begin, end, ellipsis, new_axis, shrink;
} ufi_strided_masks;
/* An attrs_tf for ops whose attributes are these masks alone. */
uf_status ufi_strided_attrs(const ufi_tf_attrs *from, void *masks_out, uf_error *error) UF_MUST_USE;

typedef struct ufi_strided {
  int32_t rank;                                 /* of what is sliced */
  int64_t begin[UF_MAX_RANK], stride[UF_MAX_RANK], count[UF_MAX_RANK];
  int32_t axis[UF_MAX_RANK];                    /* of each: which of out_dims it is, -1: shrunk away */
  int32_t out_rank;                             /* of the slice, with new axes, without shrunk ones */
  int64_t out_dims[UF_MAX_RANK];
} ufi_strided;

/* True when inputs i, i + 1 and i + 2 (begin, end, strides) may be read. */
bool ufi_strided_known(const ufi_ctx *ctx, int32_t i);
/* Resolves the spec in inputs i, i + 1 and i + 2. INVALID_ARGUMENT in words. */
uf_status ufi_strided_resolve(ufi_ctx *ctx, const ufi_strided_masks *masks, int32_t i, int32_t rank,
                              const int64_t *dims, ufi_strided *out) UF_MUST_USE;
/* The copy out of the whole, of shape dims, into the slice or, `into` it, the other way. */
void ufi_strided_move(const ufi_strided *s, const int64_t *dims, bool into, ufi_move *move_out);

#endif
