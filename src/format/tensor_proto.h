/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_proto.h: TensorFlow's message for a tensor, as graphs and old checkpoints hold
 * constants in it (tensorflow/core/framework/tensor.proto).
 */
#ifndef UFI_TENSOR_PROTO_H
#define UFI_TENSOR_PROTO_H

#include "format/protobuf.h"

/* What a message says of its tensor; the values stay where they are. */
typedef struct ufi_tensor_proto {
  ufi_bytes message;
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  int64_t count;
  ufi_bytes content; /* tensor_content: all values as bytes; size 0: there is none */
} ufi_tensor_proto;

/* DATA_LOSS: damaged; UNIMPLEMENTED: a dtype or rank that we do not have. On failure
 * proto_out->dtype is UF_INVALID and its rank 0. */
uf_status ufi_tensor_proto_parse(ufi_bytes message, ufi_tensor_proto *proto_out, uf_error *error);
/* The shape of a TensorShapeProto: rank -1 when unknown, extents -1 where unknown.
 * DATA_LOSS, UNIMPLEMENTED: more than UF_MAX_RANK dimensions. */
uf_status ufi_shape_proto_parse(ufi_bytes message, int32_t *rank_out, int64_t dims_out[UF_MAX_RANK],
                                uf_error *error);
/* True when content holds the tensor's bytes as memory does. */
bool ufi_tensor_proto_is_plain(const ufi_tensor_proto *proto);

enum { UFI_TENSOR_PROTO_EXACT = 1 }; /* as many values as elements, as checkpoints have them */
/* The tensor in memory of its own. Without EXACT the last value given stands for all that
 * follow, and none at all for zeros, as in graphs. The caller releases it. */
uf_status ufi_tensor_proto_decode(const ufi_tensor_proto *proto, int flags, uf_tensor *tensor_out,
                                  uf_error *error) UF_MUST_USE;

#endif
