/* SPDX-License-Identifier: Apache-2.0
 *
 * object.h: what the ops of tensor arrays, stacks, queues and mutexes share: objects of the store
 * behind handles (resource.h).
 */
#ifndef UFI_OBJECT_H
#define UFI_OBJECT_H

#include "ops/resource.h"
#include "ops/variant.h"

/* Makes a nameless resource with this content, which is taken (released on failure); output i becomes
 * the handle that owns it. */
uf_status ufi_object_add(ufi_ctx *ctx, int32_t i, const ufi_object_type *type, const char *name, void *object,
                         int64_t *id_out) UF_MUST_USE;
/* The content of the object of that type that input 0 names. INVALID_ARGUMENT: none, or closed. */
uf_status ufi_object_in(ufi_ctx *ctx, const ufi_object_type *type, void **out, ufi_resource **resource_out) UF_MUST_USE;
/* Rows [at, at + n) of a tensor, n -1: row at without its dimension. Borrowed. */
uf_tensor ufi_tensor_rows(const uf_tensor *tensor, int64_t at, int64_t n);
/* Input i in memory that lasts, retained. */
uf_status ufi_keep_in(ufi_ctx *ctx, int32_t i, uf_tensor *out) UF_MUST_USE;

#endif
