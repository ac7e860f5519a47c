/* SPDX-License-Identifier: Apache-2.0
 *
 * image.h: what TensorFlow's image ops share: pixels of any dtype as floats.
 */
#ifndef UFI_IMAGE_H
#define UFI_IMAGE_H

#include "ops/op.h"

/* Numbers that images may have: every integer of 8 bits or more and every float. */
bool ufi_image_dtype(uf_dtype dtype);
uf_status ufi_want_image(ufi_ctx *ctx, int32_t i) UF_MUST_USE;
/* In prepare: bytes for input i as float32, 0 when it is one already. */
size_t ufi_image_bytes(const ufi_ctx *ctx, int32_t i);
/* The elements of input i as float32: its own memory, or converted into `room`. */
uf_status ufi_image_floats(ufi_ctx *ctx, int32_t i, void *room, const float **out) UF_MUST_USE;

#endif
