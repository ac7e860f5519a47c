/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h: front door of src/plan/, where in one block of memory each value
 * lies so that values alive at the same time never overlap.
 *
 * The caller knows lifetimes: first and last step at which a value is in use.
 * Largest first, each into the best-fitting gap between those already placed
 * that are alive at the same time; if that does not come to the lower bound, in some
 * other orders, of which the best is taken: the bound itself on most networks. That
 * takes time in proportion to the square of their number, so that hundreds go by
 * plan_many.c, in the order of steps, if that comes near the bound, and more than
 * UFI_PLAN_FEW always.
 *
 * Where threads share the work it may be worth more memory that each keeps to its own (plan_middles.c).
 */
#ifndef UFI_PLAN_H
#define UFI_PLAN_H

#include "base/base.h"

#define UFI_PLAN_ALIGN 64
#define UFI_PLAN_FEW 2048

typedef struct ufi_plan_item {
  int32_t first, last;  /* steps, both inclusive */
  size_t size;          /* bytes, > 0 */
  size_t offset;        /* out: multiple of UFI_PLAN_ALIGN */
} ufi_plan_item;

/* Bytes that an item of that size takes. */
static inline size_t ufi_plan_rounded(size_t size) { return (size + UFI_PLAN_ALIGN - 1) / UFI_PLAN_ALIGN * UFI_PLAN_ALIGN; }
/* Alive at the same time. */
static inline bool ufi_plan_meet(const ufi_plan_item *a, const ufi_plan_item *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* Sets every offset. *total_out: bytes of the block; *bound_out: the largest
 * sum of sizes alive at one step, below which no plan can go.
 * RESOURCE_EXHAUSTED when memory is short or the sum does not fit in size_t. */
uf_status ufi_plan(ufi_plan_item *items, int32_t n, size_t *total_out, size_t *bound_out, uf_error *error);
/* The same without bound and checks, for many items. */
uf_status ufi_plan_many(ufi_plan_item *items, int32_t n, size_t *total_out, uf_error *error) UF_MUST_USE;

/* Places items of a plan anew, so that the middles of those that share memory coincide, if that takes at most `most` bytes
 * and they are not too many; else items and *total_io stay what they are. The sum of sizes fits in size_t (ufi_plan). */
uf_status ufi_plan_middles(ufi_plan_item *items, int32_t n, size_t most, size_t *total_io, uf_error *error) UF_MUST_USE;

#endif
