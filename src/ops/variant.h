/* SPDX-License-Identifier: Apache-2.0
 *
 * variant.h: what an element of a tensor of dtype VARIANT points to: a list of tensors, a map, a
 * ragged tensor, an optional value.
 *
 * A variant never changes once an op has given it out, and is shared by reference; the tensor's buf
 * holds a reference to each of its elements. An element may be NULL: no value. What changes a list
 * makes a new variant over the same items (items.h), which share all but the changed ones.
 * Ops that only move elements may copy the pointers; the executor then makes a buf that holds
 * references of its own (ufi_variants_pack), as it does with strings' characters.
 */
#ifndef UFI_VARIANT_H
#define UFI_VARIANT_H

#include "ops/items.h"
#include "ops/op.h"

typedef enum ufi_variant_kind {
  UFI_VARIANT_LIST,     /* items: the elements */
  UFI_VARIANT_MAP,      /* items: key, value, key, value ... */
  UFI_VARIANT_RAGGED,   /* items: nested row splits, outermost first, then the flat values */
  UFI_VARIANT_OPTIONAL, /* items: the values; none: empty */
} ufi_variant_kind;

typedef struct ufi_variant {
  int32_t refs;            /* atomic */
  ufi_variant_kind kind;
  uf_dtype dtype;          /* of a list's elements */
  int32_t rank;            /* shape that a list's elements have, -1: any */
  int64_t dims[UF_MAX_RANK]; /* -1: any */
  int64_t max_items;       /* -1: any number */
  int32_t nesting;         /* variants within its items, at most UFI_VARIANT_NESTING deep */
  ufi_items items;
} ufi_variant;
#define UFI_VARIANT_NESTING 64

/* Without items, rank -1; the caller's reference. NULL: out of memory. */
ufi_variant *ufi_variant_create(ufi_variant_kind kind, uf_dtype dtype);
/* A new one like it, with the same items. */
ufi_variant *ufi_variant_copy(const ufi_variant *from);
ufi_variant *ufi_variant_retain(const ufi_variant *variant);
void ufi_variant_release(ufi_variant *variant); /* NULL is fine */
/* A buf of n elements that holds a reference to each; `elements` are ufi_variant pointers. */
uf_status ufi_variants_pack(const void *elements, int64_t n, uf_buf **buf_out, uf_error *error);

/* Items of a variant under construction (nobody else has it yet). */
uf_status ufi_variant_set(ufi_ctx *ctx, ufi_variant *variant, int64_t i, const ufi_tensor *tensor) UF_MUST_USE;
uf_status ufi_variant_push(ufi_ctx *ctx, ufi_variant *variant, const uf_tensor *tensor, bool share) UF_MUST_USE;

/* True when a value's memory may be kept beyond this op, by reference. */
static inline bool ufi_may_share(const ufi_tensor *t) { return t->buf && !t->in_arena && !t->is_state; }

/* Input i as one variant of a kind. INVALID_ARGUMENT. */
uf_status ufi_in_variant(ufi_ctx *ctx, int32_t i, ufi_variant_kind kind, const ufi_variant **out) UF_MUST_USE;
/* Output i becomes a scalar that holds variant, whose reference is taken, on failure, too. */
uf_status ufi_out_variant(ufi_ctx *ctx, int32_t i, ufi_variant *variant) UF_MUST_USE;
/* Output i becomes a tensor of that shape; references stay the caller's. */
uf_status ufi_out_variants(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims,
                           ufi_variant *const *elements) UF_MUST_USE;
/* In eval of an op that gives memory: output i has this value (borrowed). */
uf_status ufi_out_tensor(ufi_ctx *ctx, int32_t i, const uf_tensor *tensor) UF_MUST_USE;
/* A tensor of that shape with memory of its own, zeroed; checked as ufi_out_shape does. */
uf_status ufi_new_tensor(ufi_ctx *ctx, uf_dtype dtype, int32_t rank, const int64_t *dims, uf_tensor *out) UF_MUST_USE;
/* Output i takes tensor, settled (items.h); the reference is taken, on failure, too. */
uf_status ufi_out_take(ufi_ctx *ctx, int32_t i, uf_tensor *tensor) UF_MUST_USE;

/* AddN (or ZerosLike) of variants, for the ops that do the same to numbers. */
uf_status ufi_variant_math_infer(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_variant_math_eval(ufi_ctx *ctx, bool zeros) UF_MUST_USE;

/* ---- shapes that are known in part ---------------------------------------------------- */

/* The one in known input i: a scalar -1 (any shape) or a vector with -1 for any extent. */
uf_status ufi_in_partial(ufi_ctx *ctx, int32_t i, uf_shape *shape_out) UF_MUST_USE;
uf_shape ufi_partial(int32_t rank, const int64_t *dims);
bool ufi_partial_known(const uf_shape *shape);
/* shape becomes what is true of both; false, and unchanged, when they contradict each other. */
bool ufi_partial_merge(uf_shape *shape, int32_t rank, const int64_t *dims);

#endif
