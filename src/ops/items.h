/* SPDX-License-Identifier: Apache-2.0
 *
 * items.h: sequences of tensors that are cheap to copy: what lists, tensor arrays, stacks and queues
 * are made of.
 *
 * A sequence is a tree with 16 branches a node whose leaves are tensors, all of them reference-counted
 * and shared between copies. So copying one costs a reference; setting an element of n copies the
 * nodes on the way to it, log16(n) of them, and not even these when nobody else refers to them; and
 * elements that are not there cost nothing. A list that a loop changes step by step is thus never
 * copied as a whole, whoever else holds the list of an earlier step.
 */
#ifndef UFI_ITEMS_H
#define UFI_ITEMS_H

#include "base/base.h"

/* A tensor's value in memory that lasts: shared when `share` (it has a buf that nobody writes any
 * more), else copied. Variants are retained, characters copied. */
uf_status ufi_tensor_keep(const uf_tensor *from, bool share, uf_tensor *to_out, uf_error *error);
/* Elements of a string or variant tensor that were copied into its memory from elsewhere get
 * characters or references of their own. */
uf_status ufi_tensor_settle(uf_tensor *tensor, uf_error *error);

struct ufi_items_node;
typedef struct ufi_items {
  int64_t n;
  int32_t levels;              /* of the tree; 0: none */
  struct ufi_items_node *root; /* NULL: no element is there */
} ufi_items;

/* Another reference to all of it. */
ufi_items ufi_items_copy(const ufi_items *items);
void ufi_items_release(ufi_items *items); /* leaves an empty sequence */
/* NULL: that element is not there (or out of range). Borrowed. */
const uf_tensor *ufi_items_at(const ufi_items *items, int64_t i);
/* Element i, in [0, n), becomes the tensor (kept as ufi_tensor_keep does), or not there (NULL). */
uf_status ufi_items_set(ufi_items *items, int64_t i, const uf_tensor *tensor, bool share, uf_error *error);
/* n elements; new ones are not there. */
uf_status ufi_items_resize(ufi_items *items, int64_t n, uf_error *error);
uf_status ufi_items_push(ufi_items *items, const uf_tensor *tensor, bool share, uf_error *error);

#endif
