/* SPDX-License-Identifier: Apache-2.0
 *
 * items.c: persistent sequences of tensors, see items.h.
 *
 * The tree is Bagwell's and Hickey's bit-partitioned vector: level l of the path to element i is
 * digit l of i in base 16. A subtree without elements is NULL.
 */
#include "ops/items.h"

#include <stdatomic.h>

#include "ops/variant.h"

enum { BITS = 4, WIDTH = 1 << BITS, MAX_LEVELS = 16 };

typedef struct item {
  atomic_int refs;
  uf_tensor tensor;
} item;

typedef struct ufi_items_node {
  atomic_int refs;
  void *slots[WIDTH]; /* nodes; of the lowest level items */
} node;

uf_status ufi_tensor_keep(const uf_tensor *from, bool share, uf_tensor *to_out, uf_error *error) {
  uf_tensor copy = *from;
  copy.quant = NULL;
  copy.read_only = false;
  if (share && from->buf) {
    uf_buf_retain(copy.buf);
    *to_out = copy;
    return UF_OK;
  }
  if (from->dtype == UF_STRING) {
    UFI_TRY(ufi_strings_pack(from->data, uf_tensor_count(from), &copy.buf, error));
  } else if (from->dtype == UF_VARIANT) {
    UFI_TRY(ufi_variants_pack(from->data, uf_tensor_count(from), &copy.buf, error));
  } else {
    copy.buf = uf_buf_create(from->size);
    if (copy.buf == NULL) return ufi_no_memory(error, from->size);
    if (from->size) memcpy(uf_buf_data(copy.buf), from->data, from->size);
  }
  copy.data = uf_buf_data(copy.buf);
  *to_out = copy;
  return UF_OK;
}

uf_status ufi_tensor_settle(uf_tensor *tensor, uf_error *error) {
  uf_tensor settled;
  if (tensor->dtype != UF_STRING && tensor->dtype != UF_VARIANT) return UF_OK;
  UFI_TRY(ufi_tensor_keep(tensor, false, &settled, error));
  uf_tensor_release(tensor);
  *tensor = settled;
  return UF_OK;
}

/* ---- references -------------------------------------------------------------- */

static void retain(void *slot) { /* refs comes first in both */
  if (slot) atomic_fetch_add_explicit((atomic_int *)slot, 1, memory_order_relaxed);
}

static bool let_go(void *slot) {
  return slot && atomic_fetch_sub_explicit((atomic_int *)slot, 1, memory_order_acq_rel) == 1;
}

static bool is_alone(const void *slot) {
  return atomic_load_explicit((const atomic_int *)slot, memory_order_acquire) == 1;
}

/* What a slot of a node of that level holds; level 0: an item. */
static void release(void *slot, int32_t level) {
  if (!let_go(slot)) return;
  if (level == 0) {
    uf_tensor_release(&((item *)slot)->tensor);
  } else {
    for (int32_t k = 0; k < WIDTH; k++) release(((node *)slot)->slots[k], level - 1);
  }
  ufi_free(slot);
}

ufi_items ufi_items_copy(const ufi_items *items) {
  retain(items->root);
  return *items;
}

void ufi_items_release(ufi_items *items) {
  release(items->root, items->levels);
  *items = (ufi_items){0};
}

/* ---- reading -------------------------------------------------------------------- */

static int32_t digit(int64_t i, int32_t level) { return (int32_t)(i >> (BITS * level)) & (WIDTH - 1); }

const uf_tensor *ufi_items_at(const ufi_items *items, int64_t i) {
  if (i < 0 || i >= items->n) return NULL;
  void *at = items->root;
  for (int32_t level = items->levels - 1; at && level >= 0; level--) at = ((node *)at)->slots[digit(i, level)];
  return at ? &((item *)at)->tensor : NULL;
}

/* ---- writing --------------------------------------------------------------------- */

/* The node in *slot, of that level, to be written: made, or copied unless nobody else refers to it. */
static node *own(void **slot) {
  node *old = *slot;
  if (old && is_alone(old)) return old;
  node *n = ufi_calloc(1, sizeof *n);
  if (n == NULL) return NULL;
  atomic_init(&n->refs, 1);
  for (int32_t k = 0; old && k < WIDTH; k++) {
    n->slots[k] = old->slots[k];
    retain(n->slots[k]);
  }
  return n;
}

/* Puts what own gave in place of the old one, whose slots it has references to. */
static void replace(void **slot, node *n, int32_t level) {
  if (*slot == n) return;
  release(*slot, level);
  *slot = n;
}

static bool put(ufi_items *items, int64_t i, item *value) {
  void **slot = (void **)&items->root;
  for (int32_t level = items->levels; level > 0; level--) {
    if (*slot == NULL && value == NULL) return true;
    node *n = own(slot);
    if (n == NULL) return false;
    replace(slot, n, level);
    slot = &n->slots[digit(i, level - 1)];
  }
  release(*slot, 0);
  *slot = value;
  return true;
}

uf_status ufi_items_set(ufi_items *items, int64_t i, const uf_tensor *tensor, bool share, uf_error *error) {
  item *value = NULL;
  if (tensor) {
    value = ufi_calloc(1, sizeof *value);
    if (value == NULL) return ufi_no_memory(error, sizeof *value);
    atomic_init(&value->refs, 1);
    uf_status status = ufi_tensor_keep(tensor, share, &value->tensor, error);
    if (status != UF_OK) {
      ufi_free(value);
      return status;
    }
  }
  if (put(items, i, value)) return UF_OK;
  release(value, 0);
  return ufi_no_memory(error, sizeof(node));
}

/* Drops the elements from i on in the node at *slot. */
static bool cut(void **slot, int32_t level, int64_t i) {
  if (*slot == NULL) return true;
  node *n = own(slot);
  if (n == NULL) return false;
  replace(slot, n, level);
  int32_t d = digit(i, level - 1);
  bool good = level == 1 || (i & ((1ll << (BITS * (level - 1))) - 1)) == 0 || cut(&n->slots[d], level - 1, i);
  if (level > 1 && (i & ((1ll << (BITS * (level - 1))) - 1)) != 0) d++; /* a part of this one stays */
  for (; d < WIDTH; d++) {
    release(n->slots[d], level - 1);
    n->slots[d] = NULL;
  }
  return good;
}

static int64_t room(int32_t levels) { return levels >= MAX_LEVELS - 1 ? INT64_MAX : 1ll << (BITS * levels); }

/* One level more, with the root as its first branch. */
static bool deepen(ufi_items *items) {
  if (items->root) {
    node *n = ufi_calloc(1, sizeof *n);
    if (n == NULL) return false;
    atomic_init(&n->refs, 1);
    n->slots[0] = items->root;
    items->root = n;
  }
  items->levels++;
  return true;
}

uf_status ufi_items_resize(ufi_items *items, int64_t n, uf_error *error) {
  if (n == 0) {
    ufi_items_release(items);
    return UF_OK;
  }
  while (room(items->levels) < n || items->levels == 0) {
    if (!deepen(items)) return ufi_no_memory(error, sizeof(node));
  }
  if (n < items->n && !cut((void **)&items->root, items->levels, n)) return ufi_no_memory(error, sizeof(node));
  items->n = n;
  return UF_OK;
}

uf_status ufi_items_push(ufi_items *items, const uf_tensor *tensor, bool share, uf_error *error) {
  UFI_TRY(ufi_items_resize(items, items->n + 1, error));
  uf_status status = ufi_items_set(items, items->n - 1, tensor, share, error);
  if (status != UF_OK) items->n--;
  return status;
}
