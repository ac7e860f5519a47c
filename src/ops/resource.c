/* SPDX-License-Identifier: Apache-2.0
 *
 * resource.c: the store of variables and hash tables, see resource.h.
 *
 * Resources are few (tens to thousands) and live in one growing array of
 * pointers, so that ids and addresses stay what they are. Names are looked up
 * through a map keyed "container\x1fname".
 */
#include "ops/resource.h"

#include <stdatomic.h>
#include <stdio.h>

struct ufi_store {
  atomic_int refs;
  ufi_resource **items;
  int32_t n, capacity;
};

/* ---- store --------------------------------------------------------------- */

ufi_store *ufi_store_create(void) {
  ufi_store *store = ufi_calloc(1, sizeof *store);
  if (store) atomic_init(&store->refs, 1);
  return store;
}

ufi_store *ufi_store_retain(ufi_store *store) {
  if (store) atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
  return store;
}

void ufi_resource_clear(ufi_resource *r) {
  uf_tensor_release(&r->value);
  uf_tensor_release(&r->keys);
  uf_buf_release(r->index);
  r->index = NULL;
  r->n_entries = 0;
  r->key_room = r->value_room = (struct ufi_table_room){0};
  r->initialized = false;
}

static void destroy_resource(ufi_resource *r) {
  if (r == NULL) return;
  ufi_resource_clear(r);
  uf_tensor_release(&r->special_keys);
  ufi_free(r->container);
  ufi_free(r->name);
  ufi_free(r);
}

void ufi_store_release(ufi_store *store) {
  if (store == NULL || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) != 1) return;
  for (int32_t i = 0; i < store->n; i++) destroy_resource(store->items[i]);
  ufi_free(store->items);
  ufi_free(store);
}

void ufi_store_reset(ufi_store *store) {
  for (int32_t i = 0; i < store->n; i++) ufi_resource_clear(store->items[i]);
}

int32_t ufi_store_count(const ufi_store *store) { return store->n; }

ufi_resource *ufi_store_at(ufi_store *store, int64_t id) {
  return id >= 0 && id < store->n ? store->items[id] : NULL;
}

int64_t ufi_store_find(const ufi_store *store, const char *container, const char *name) {
  for (int32_t i = 0; i < store->n; i++) {
    const ufi_resource *r = store->items[i];
    if (strcmp(r->name, name) == 0 && (container == NULL || strcmp(r->container, container) == 0)) return i;
  }
  return -1;
}

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = ufi_malloc(size);
  if (copy) memcpy(copy, text, size);
  return copy;
}

static bool reserve(ufi_store *store, int32_t wanted) {
  if (wanted <= store->capacity) return true;
  int32_t capacity = UFI_MAX(16, store->capacity * 2);
  while (capacity < wanted) capacity *= 2;
  ufi_resource **items = ufi_realloc(store->items, (size_t)capacity * sizeof *items);
  if (items == NULL) return false;
  store->items = items;
  store->capacity = capacity;
  return true;
}

static ufi_resource *new_resource(uf_state_kind kind, const char *container, const char *name) {
  ufi_resource *r = ufi_calloc(1, sizeof *r);
  if (r == NULL) return NULL;
  r->kind = kind;
  r->rank = -1;
  r->container = copy_text(container);
  r->name = copy_text(name);
  if (r->container && r->name) return r;
  destroy_resource(r);
  return NULL;
}

uf_status ufi_store_declare(ufi_store *store, uf_state_kind kind, const char *container, const char *name,
                            int64_t *id_out, uf_error *error) {
  int64_t id = ufi_store_find(store, container, name);
  if (id >= 0 && store->items[id]->kind != kind) {
    return ufi_fail(error, UF_ALREADY_EXISTS, "expected '%s' to name one kind of resource, found a variable and a table",
                    name);
  }
  if (id < 0) {
    ufi_resource *r = reserve(store, store->n + 1) ? new_resource(kind, container, name) : NULL;
    if (r == NULL) return ufi_no_memory(error, sizeof *r);
    id = store->n;
    store->items[store->n++] = r;
  }
  *id_out = id;
  return UF_OK;
}

static ufi_resource *clone_resource(const ufi_resource *from) {
  ufi_resource *r = new_resource(from->kind, from->container, from->name);
  if (r == NULL) return NULL;
  char *container = r->container, *name = r->name;
  *r = *from;
  r->container = container;
  r->name = name;
  uf_buf_retain(r->value.buf);
  uf_buf_retain(r->keys.buf);
  uf_buf_retain(r->index);
  uf_buf_retain(r->special_keys.buf);
  return r;
}

ufi_store *ufi_store_clone(const ufi_store *store) {
  ufi_store *clone = ufi_store_create();
  if (clone == NULL || !reserve(clone, store->n)) goto fail;
  for (; clone->n < store->n; clone->n++) {
    clone->items[clone->n] = clone_resource(store->items[clone->n]);
    if (clone->items[clone->n] == NULL) goto fail;
  }
  return clone;
fail:
  ufi_store_release(clone);
  return NULL;
}

const char *ufi_resource_text(const ufi_resource *r, char out[256]) {
  const char *kind = r->kind == UF_STATE_TABLE ? "table" : "variable";
  if (r->container[0]) snprintf(out, 256, "%s '%.100s/%.120s'", kind, r->container, r->name);
  else snprintf(out, 256, "%s '%.230s'", kind, r->name);
  return out;
}

/* ---- copies ------------------------------------------------------------------ */

/* A tensor of the same value in a buf of its own. */
uf_status ufi_resource_copy(const uf_tensor *from, uf_tensor *to_out, uf_error *error) {
  uf_tensor copy = *from;
  if (from->dtype == UF_STRING) {
    UFI_TRY(ufi_strings_pack(from->data, uf_tensor_count(from), &copy.buf, error));
  } else {
    copy.buf = uf_buf_create(from->size);
    if (copy.buf == NULL) return ufi_no_memory(error, from->size);
    if (from->size) memcpy(uf_buf_data(copy.buf), from->data, from->size);
  }
  copy.data = uf_buf_data(copy.buf);
  *to_out = copy;
  return UF_OK;
}

/* ---- variables ----------------------------------------------------------------- */

uf_status ufi_variable_read(const ufi_resource *variable, uf_tensor *tensor_out, uf_error *error) {
  char text[256];
  if (!variable->initialized) {
    return ufi_fail(error, UF_FAILED_PRECONDITION,
                    "expected %s to have a value, found it never assigned; run what initialises it, or assign it",
                    ufi_resource_text(variable, text));
  }
  *tensor_out = variable->value;
  tensor_out->quant = variable->quant;
  tensor_out->read_only = true;
  uf_buf_retain(tensor_out->buf);
  return UF_OK;
}

static bool shape_fits(const ufi_resource *variable, const uf_tensor *t) {
  if (variable->rank < 0) return true;
  if (variable->rank != t->rank) return false;
  for (int32_t d = 0; d < t->rank; d++) {
    if (variable->dims[d] >= 0 && variable->dims[d] != t->dims[d]) return false;
  }
  return true;
}

static uf_status check_assign(const ufi_resource *variable, const uf_tensor *t, uf_error *error) {
  char text[256], want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (variable->dtype != UF_INVALID && variable->dtype != t->dtype) {
    return ufi_fail(error, UF_WRONG_TYPE, "expected a %s value for %s, found %s", uf_dtype_name(variable->dtype),
                    ufi_resource_text(variable, text), uf_dtype_name(t->dtype));
  }
  if (!shape_fits(variable, t)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a value of shape %s for %s, found %s",
                    ufi_shape_text(variable->rank, variable->dims, want), ufi_resource_text(variable, text),
                    ufi_shape_text(t->rank, t->dims, found));
  }
  return UF_OK;
}

/* The variable's own memory may be written when nobody else can see it. */
static bool writable_in_place(const ufi_resource *variable, const uf_tensor *t) {
  return variable->initialized && t->dtype != UF_STRING && variable->value.size == t->size &&
         variable->value.buf && ufi_buf_is_unique(variable->value.buf);
}

uf_status ufi_variable_assign(ufi_resource *variable, const uf_tensor *t, bool share, uf_error *error) {
  UFI_TRY(check_assign(variable, t, error));
  uf_tensor value = *t;
  if (share && t->buf) {
    uf_buf_retain(t->buf);
  } else if (writable_in_place(variable, t)) {
    memmove(variable->value.data, t->data, t->size);
    value.data = variable->value.data;
    value.buf = uf_buf_retain(variable->value.buf);
  } else {
    UFI_TRY(ufi_resource_copy(t, &value, error));
  }
  uf_tensor_release(&variable->value);
  variable->value = value;
  variable->quant = t->quant;
  variable->dtype = t->dtype;
  variable->initialized = true;
  return UF_OK;
}
