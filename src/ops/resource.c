/* SPDX-License-Identifier: Apache-2.0
 *
 * resource.c: the store of variables and hash tables, see resource.h.
 *
 * Resources are few (tens to thousands) and live in one growing array of
 * pointers, so that ids and addresses stay what they are. Names are looked up
 * through a map keyed "container\x1fname".
 *
 * A table is two tensors, keys and values, plus a power-of-two array of int32
 * slots (linear probing, at most half full). All three are replaced as a whole
 * and shared between clones.
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

static void clear_value(ufi_resource *r) {
  uf_tensor_release(&r->value);
  uf_tensor_release(&r->keys);
  uf_buf_release(r->index);
  r->index = NULL;
  r->initialized = false;
}

static void destroy_resource(ufi_resource *r) {
  if (r == NULL) return;
  clear_value(r);
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
  for (int32_t i = 0; i < store->n; i++) clear_value(store->items[i]);
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
static uf_status copy_tensor(const uf_tensor *from, uf_tensor *to_out, uf_error *error) {
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
    UFI_TRY(copy_tensor(t, &value, error));
  }
  uf_tensor_release(&variable->value);
  variable->value = value;
  variable->quant = t->quant;
  variable->dtype = t->dtype;
  variable->initialized = true;
  return UF_OK;
}

/* ---- tables -------------------------------------------------------------------- */

static uint64_t hash_bytes(const void *data, size_t size) { /* FNV-1a, then mixed */
  const uint8_t *p = data;
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return (h ^ (h >> 29)) * 0x9E3779B97F4A7C15u;
}

static uint64_t hash_key(uf_dtype dtype, const void *key) {
  if (dtype == UF_STRING) {
    const uf_string *s = key;
    return hash_bytes(s->data, s->size);
  }
  return hash_bytes(key, (size_t)uf_dtype_bits(dtype) / 8);
}

static bool key_equal(uf_dtype dtype, const void *a, const void *b) {
  if (dtype == UF_STRING) {
    const uf_string *x = a, *y = b;
    return x->size == y->size && (x->size == 0 || memcmp(x->data, y->data, x->size) == 0);
  }
  return memcmp(a, b, (size_t)uf_dtype_bits(dtype) / 8) == 0;
}

static const void *key_at(const uf_tensor *keys, int64_t i) {
  return (const char *)keys->data + (size_t)i * ((size_t)uf_dtype_bits(keys->dtype) / 8);
}

/* The slot of key: where it is, or the free one where it belongs. */
static int32_t *find_slot(const uf_buf *index, const uf_tensor *keys, const void *key) {
  int32_t *slots = uf_buf_data(index);
  size_t mask = uf_buf_size(index) / sizeof *slots - 1;
  size_t at = (size_t)(hash_key(keys->dtype, key) >> 20) & mask;
  while (slots[at] >= 0 && !key_equal(keys->dtype, key_at(keys, slots[at]), key)) at = (at + 1) & mask;
  return &slots[at];
}

/* All slots free, at most half full with n keys; NULL: out of memory. */
static uf_buf *empty_index(int64_t n) {
  size_t slots = 16;
  while (slots < (size_t)n * 2) slots *= 2;
  uf_buf *index = uf_buf_create(slots * sizeof(int32_t));
  if (index) memset(uf_buf_data(index), 0xFF, slots * sizeof(int32_t));
  return index;
}

static uf_status build_index(const uf_tensor *keys, uf_buf **index_out, uf_error *error) {
  int64_t n = uf_tensor_count(keys);
  uf_buf *index = empty_index(n);
  if (index == NULL) return ufi_no_memory(error, (size_t)n * sizeof(int32_t));
  for (int64_t i = 0; i < n; i++) {
    int32_t *slot = find_slot(index, keys, key_at(keys, i));
    if (*slot >= 0) {
      int other = (int)*slot;
      uf_buf_release(index);
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected keys that differ, found key %lld twice (also at %d)",
                      (long long)i, other);
    }
    *slot = (int32_t)i;
  }
  *index_out = index;
  return UF_OK;
}

/* Leaves the first entry of each key: elements move down in memory of our own. */
static uf_status drop_repeats(uf_tensor *keys, uf_tensor *values, uf_error *error) {
  size_t key_size = (size_t)uf_dtype_bits(keys->dtype) / 8, value_size = (size_t)uf_dtype_bits(values->dtype) / 8;
  int64_t n = uf_tensor_count(keys), kept = 0;
  uf_buf *index = empty_index(n);
  if (index == NULL) return ufi_no_memory(error, (size_t)n);
  for (int64_t i = 0; i < n; i++) {
    int32_t *slot = find_slot(index, keys, key_at(keys, i));
    if (*slot >= 0) continue;
    *slot = (int32_t)kept;
    memmove((char *)keys->data + (size_t)kept * key_size, key_at(keys, i), key_size);
    memmove((char *)values->data + (size_t)kept * value_size, (char *)values->data + (size_t)i * value_size, value_size);
    kept++;
  }
  uf_buf_release(index);
  if (kept == n) return UF_OK;
  keys->rank = values->rank = 1;
  keys->dims[0] = values->dims[0] = kept;
  keys->size = (size_t)kept * key_size;
  values->size = (size_t)kept * value_size;
  return UF_OK;
}

static uf_status check_import(const ufi_resource *table, const uf_tensor *keys, const uf_tensor *values,
                              uf_error *error) {
  char text[256];
  if (table->key_dtype != keys->dtype || table->dtype != values->dtype) {
    return ufi_fail(error, UF_WRONG_TYPE, "expected %s keys and %s values for %s, found %s and %s",
                    uf_dtype_name(table->key_dtype), uf_dtype_name(table->dtype), ufi_resource_text(table, text),
                    uf_dtype_name(keys->dtype), uf_dtype_name(values->dtype));
  }
  if (uf_tensor_count(keys) != uf_tensor_count(values) || uf_tensor_count(keys) > INT32_MAX / 4) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected as many values as keys for %s, found %lld keys and %lld values",
                    ufi_resource_text(table, text), (long long)uf_tensor_count(keys),
                    (long long)uf_tensor_count(values));
  }
  return UF_OK;
}

uf_status ufi_table_import(ufi_resource *table, const uf_tensor *keys, const uf_tensor *values, bool first_wins,
                           uf_error *error) {
  uf_tensor new_keys = {0}, new_values = {0};
  uf_buf *index = NULL;
  UFI_TRY(check_import(table, keys, values, error));
  uf_status status = copy_tensor(keys, &new_keys, error);
  if (status == UF_OK) status = copy_tensor(values, &new_values, error);
  if (status == UF_OK && first_wins) status = drop_repeats(&new_keys, &new_values, error);
  if (status == UF_OK) status = build_index(&new_keys, &index, error);
  if (status != UF_OK) {
    uf_tensor_release(&new_keys);
    uf_tensor_release(&new_values);
    return status;
  }
  clear_value(table);
  table->keys = new_keys;
  table->value = new_values;
  table->index = index;
  table->initialized = true;
  return UF_OK;
}

int64_t ufi_table_find(const ufi_resource *table, const void *key) {
  return table->initialized ? *find_slot(table->index, &table->keys, key) : -1;
}
