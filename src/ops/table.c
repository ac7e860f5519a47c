/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c: the content of hash tables, see table.h.
 *
 * A column is a tensor whose buf begins with room for more entries than there are; strings have
 * their characters behind that room. What an overwritten string leaves behind is dropped when the
 * column moves. Removing an entry moves the last one into its place.
 */
#include "ops/table.h"

enum { TABLE_MAX = INT32_MAX / 4 };

/* ---- keys ------------------------------------------------------------------------ */

static int64_t width_of(int32_t rank, const int64_t *dims) {
  int64_t width = 1;
  for (int32_t d = 0; d < rank; d++) width *= dims[d];
  return width;
}

int64_t ufi_table_key_width(const ufi_resource *t) {
  return t->special_keys.rank > 1 ? width_of(t->special_keys.rank - 1, t->special_keys.dims + 1) : 1;
}
int64_t ufi_table_value_width(const ufi_resource *t) { return t->rank > 0 ? width_of(t->rank, t->dims) : 1; }

static size_t element_size(uf_dtype dtype) { return (size_t)uf_dtype_bits(dtype) / 8; }

static uint64_t hash_bytes(uint64_t h, const void *data, size_t size) { /* FNV-1a, then mixed */
  const uint8_t *p = data;
  for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return (h ^ (h >> 29)) * 0x9E3779B97F4A7C15u;
}

static uint64_t hash_key(uf_dtype dtype, const void *key, int64_t width) {
  uint64_t h = 0xcbf29ce484222325u;
  if (dtype != UF_STRING) return hash_bytes(h, key, element_size(dtype) * (size_t)width);
  const uf_string *s = key;
  for (int64_t i = 0; i < width; i++) h = hash_bytes(h, s[i].data, s[i].size);
  return h;
}

static bool entry_equal(uf_dtype dtype, const void *a, const void *b, int64_t width) {
  if (dtype != UF_STRING) return memcmp(a, b, element_size(dtype) * (size_t)width) == 0;
  const uf_string *x = a, *y = b;
  for (int64_t i = 0; i < width; i++)
    if (x[i].size != y[i].size || (x[i].size && memcmp(x[i].data, y[i].data, x[i].size) != 0)) return false;
  return true;
}

static char *entry_at(const uf_tensor *column, int64_t width, int64_t i) {
  return (char *)column->data + (size_t)(i * width) * element_size(column->dtype);
}

uf_status ufi_table_check_keys_tf(const ufi_resource *t, const void *keys, int64_t n, uf_error *error) {
  int64_t width = ufi_table_key_width(t);
  char text[256];
  for (int64_t i = 0; t->special_keys.buf && i < n; i++)
    for (int64_t k = 0; k < 2; k++) {
      const char *key = (const char *)keys + (size_t)(i * width) * element_size(t->key_dtype);
      if (entry_equal(t->key_dtype, key, entry_at(&t->special_keys, width, k), width))
        return ufi_fail(error, UF_INVALID_ARGUMENT, "expected keys of %s other than its %s, found that as key %lld",
                        ufi_resource_text(t, text), k ? "deleted_key" : "empty_key", (long long)i);
    }
  return UF_OK;
}

/* ---- the index ---------------------------------------------------------------------- */

static size_t home(const ufi_resource *t, const void *key, size_t mask) {
  return (size_t)(hash_key(t->key_dtype, key, ufi_table_key_width(t)) >> 20) & mask;
}

/* The slot of key: where it is, or the free one where it belongs. */
static int32_t *find_slot(const ufi_resource *t, const void *key) {
  int32_t *slots = uf_buf_data(t->index);
  int64_t width = ufi_table_key_width(t);
  size_t mask = uf_buf_size(t->index) / sizeof *slots - 1, at = home(t, key, mask);
  while (slots[at] >= 0 && !entry_equal(t->key_dtype, entry_at(&t->keys, width, slots[at]), key, width))
    at = (at + 1) & mask;
  return &slots[at];
}

/* An index of our own, at most half full with n entries. */
static uf_status reserve_index(ufi_resource *t, int64_t n, uf_error *error) {
  size_t slots = 16, have = t->index ? uf_buf_size(t->index) / sizeof(int32_t) : 0;
  if (have >= (size_t)n * 2 && ufi_buf_is_unique(t->index)) return UF_OK;
  while (slots < (size_t)n * 2) slots *= 2;
  uf_buf *index = uf_buf_create(slots * sizeof(int32_t));
  if (index == NULL) return ufi_no_memory(error, slots * sizeof(int32_t));
  memset(uf_buf_data(index), 0xFF, slots * sizeof(int32_t));
  uf_buf_release(t->index);
  t->index = index;
  int64_t width = ufi_table_key_width(t);
  for (int64_t i = 0; i < t->n_entries; i++) *find_slot(t, entry_at(&t->keys, width, i)) = (int32_t)i;
  return UF_OK;
}

/* Frees a slot; those behind it that it kept from their home move up (Knuth 6.4, algorithm R). */
static void free_slot(ufi_resource *t, int32_t *slot) {
  int32_t *slots = uf_buf_data(t->index);
  int64_t width = ufi_table_key_width(t);
  size_t mask = uf_buf_size(t->index) / sizeof *slots - 1, hole = (size_t)(slot - slots), at = hole;
  for (;;) {
    slots[hole] = -1;
    for (;;) {
      at = (at + 1) & mask;
      if (slots[at] < 0) return;
      size_t from = home(t, entry_at(&t->keys, width, slots[at]), mask);
      if (((at - from) & mask) >= ((at - hole) & mask)) break;
    }
    slots[hole] = slots[at];
    hole = at;
  }
}

/* ---- columns ------------------------------------------------------------------------- */

static size_t characters(const uf_tensor *t, int64_t n) {
  size_t total = 0;
  const uf_string *s = t->data;
  for (int64_t i = 0; t->dtype == UF_STRING && i < n; i++) total += s[i].size;
  return total;
}

/* Copies elements; those of strings get characters of the column's own, for which there is room. */
static void put(uf_tensor *column, struct ufi_table_room *room, int64_t width, int64_t at, const void *from,
                int64_t n) {
  size_t size = element_size(column->dtype);
  char *to = entry_at(column, width, at);
  if (column->dtype != UF_STRING) {
    memcpy(to, from, size * (size_t)(n * width));
    return;
  }
  char *area = (char *)column->data + size * (size_t)(room->entries * width);
  const uf_string *s = from;
  for (int64_t i = 0; i < n * width; i++) {
    if (s[i].size) memcpy(area + room->used, s[i].data, s[i].size);
    ((uf_string *)to)[i] = (uf_string){area + room->used, s[i].size};
    room->used += s[i].size;
  }
}

/* Makes a column writable with room for `more` entries that have so many characters. */
static uf_status reserve_column(uf_tensor *column, struct ufi_table_room *room, int64_t width, int64_t n,
                                int64_t more, size_t text, uf_error *error) {
  if (column->buf && ufi_buf_is_unique(column->buf) && n + more <= room->entries && text <= room->size - room->used)
    return UF_OK;
  struct ufi_table_room next = {.entries = n ? UFI_MAX(n + more, n + n / 2) : more};
  size_t kept = characters(column, n * width), bytes;
  if (!ufi_add_size(kept, text, &next.size) || (n && !ufi_add_size(next.size, next.size / 2, &next.size)) ||
      !ufi_mul_size((size_t)next.entries * element_size(column->dtype), (size_t)width, &bytes) ||
      !ufi_add_size(bytes, next.size, &bytes))
    return ufi_no_memory(error, SIZE_MAX);
  uf_buf *buf = uf_buf_create(bytes);
  if (buf == NULL) return ufi_no_memory(error, bytes);
  uf_tensor moved = *column;
  moved.buf = buf;
  moved.data = uf_buf_data(buf);
  if (n) put(&moved, &next, width, 0, column->data, n);
  uf_buf_release(column->buf);
  *column = moved;
  *room = next;
  return UF_OK;
}

static void set_count(ufi_resource *t, int64_t n) {
  t->n_entries = n;
  t->keys.rank = UFI_MAX(1, t->special_keys.rank);
  t->keys.dims[0] = t->value.dims[0] = n;
  for (int32_t d = 1; d < t->keys.rank; d++) t->keys.dims[d] = t->special_keys.dims[d];
  t->value.rank = 1 + UFI_MAX(0, t->rank);
  for (int32_t d = 1; d < t->value.rank; d++) t->value.dims[d] = t->dims[d - 1];
  t->keys.size = element_size(t->key_dtype) * (size_t)(n * ufi_table_key_width(t));
  t->value.size = element_size(t->dtype) * (size_t)(n * ufi_table_value_width(t));
  t->initialized = true;
}

static uf_status reserve(ufi_resource *t, int64_t more, size_t key_text, size_t value_text, uf_error *error) {
  t->keys.dtype = t->key_dtype;
  t->value.dtype = t->dtype;
  UFI_TRY(reserve_column(&t->keys, &t->key_room, ufi_table_key_width(t), t->n_entries, more, key_text, error));
  UFI_TRY(reserve_column(&t->value, &t->value_room, ufi_table_value_width(t), t->n_entries, more, value_text,
                         error));
  return reserve_index(t, t->n_entries + more, error);
}

/* ---- filling ---------------------------------------------------------------------------- */

static uf_status check_insert(const ufi_resource *t, const uf_tensor *keys, const uf_tensor *values,
                              int64_t *n_out, uf_error *error) {
  char text[256];
  if (t->key_dtype != keys->dtype || t->dtype != values->dtype)
    return ufi_fail(error, UF_WRONG_TYPE, "expected %s keys and %s values for %s, found %s and %s",
                    uf_dtype_name(t->key_dtype), uf_dtype_name(t->dtype), ufi_resource_text(t, text),
                    uf_dtype_name(keys->dtype), uf_dtype_name(values->dtype));
  int64_t n_keys = uf_tensor_count(keys), n_values = uf_tensor_count(values), key = ufi_table_key_width(t);
  int64_t value = ufi_table_value_width(t), n = key ? n_keys / key : 0;
  if (n * key != n_keys || n * value != n_values || n > TABLE_MAX - t->n_entries)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected as many values as keys for %s, found %lld keys and %lld values",
                    ufi_resource_text(t, text), (long long)n_keys, (long long)n_values);
  *n_out = n;
  return UF_OK;
}

static uf_status repeated_tf(const ufi_resource *t, int64_t at, int64_t other, const void *value,
                          ufi_table_repeat repeat, uf_error *error) {
  int64_t width = ufi_table_value_width(t);
  if (repeat == UFI_REPEAT_REFUSED)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected keys that differ, found key %lld twice (also at %lld)",
                    (long long)at, (long long)other);
  if (repeat == UFI_REPEAT_SAME && !entry_equal(t->dtype, entry_at(&t->value, width, other), value, width))
    return ufi_fail(error, UF_FAILED_PRECONDITION, "expected one value for a key, found key %lld twice with "
                    "different values (also at %lld)", (long long)at, (long long)other);
  return UF_OK;
}

/* An export of a dense table by TensorFlow has special keys where nothing is: an import leaves them out. */
static uf_status insert(ufi_resource *t, const uf_tensor *keys, const uf_tensor *values, ufi_table_repeat repeat,
                        bool skip_special, uf_error *error) {
  int64_t n = 0, key_width = ufi_table_key_width(t), value_width = ufi_table_value_width(t);
  UFI_TRY(check_insert(t, keys, values, &n, error));
  if (!skip_special) UFI_TRY(ufi_table_check_keys_tf(t, keys->data, n, error));
  UFI_TRY(reserve(t, n, characters(keys, n * key_width), characters(values, n * value_width), error));
  uf_status status = UF_OK;
  for (int64_t i = 0; i < n && status == UF_OK; i++) {
    const char *key = entry_at(keys, key_width, i), *value = entry_at(values, value_width, i);
    if (skip_special && ufi_table_check_keys_tf(t, key, 1, NULL) != UF_OK) continue;
    int32_t *slot = find_slot(t, key);
    if (*slot >= 0) {
      status = repeated_tf(t, i, *slot, value, repeat, error);
      if (repeat == UFI_REPEAT_REPLACES) put(&t->value, &t->value_room, value_width, *slot, value, 1);
      continue;
    }
    put(&t->keys, &t->key_room, key_width, t->n_entries, key, 1);
    put(&t->value, &t->value_room, value_width, t->n_entries, value, 1);
    *slot = (int32_t)t->n_entries++;
  }
  set_count(t, t->n_entries);
  return status;
}

uf_status ufi_table_insert(ufi_resource *t, const uf_tensor *keys, const uf_tensor *values,
                           ufi_table_repeat repeat, uf_error *error) {
  return insert(t, keys, values, repeat, false, error);
}

uf_status ufi_table_import(ufi_resource *t, const uf_tensor *keys, const uf_tensor *values,
                           ufi_table_repeat repeat, uf_error *error) {
  ufi_resource old = *t;
  t->keys = t->value = (uf_tensor){0};
  t->index = NULL;
  t->n_entries = 0;
  t->key_room = t->value_room = (struct ufi_table_room){0};
  uf_status status = insert(t, keys, values, repeat, true, error);
  ufi_resource *gone = status == UF_OK ? &old : t; /* what was there stays on failure */
  ufi_resource_clear(gone);
  if (gone == t) *t = old;
  return status;
}

uf_status ufi_table_declared(ufi_resource *t, uf_dtype dtype, uf_dtype key_dtype, int32_t kind,
                             uf_error *error) {
  char text[256];
  if (t->dtype != dtype || t->key_dtype != key_dtype)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %s from %s to %s, as it was made, found %s to %s",
                    ufi_resource_text(t, text), uf_dtype_name(t->key_dtype), uf_dtype_name(t->dtype),
                    uf_dtype_name(key_dtype), uf_dtype_name(dtype));
  t->table_kind = kind;
  if (kind == UFI_TABLE_STATIC || t->initialized) return UF_OK;
  UFI_TRY(reserve(t, 0, 0, 0, error));
  set_count(t, 0);
  return UF_OK;
}

/* ---- removing, finding ---------------------------------------------------------------------- */

uf_status ufi_table_remove(ufi_resource *t, const void *keys, int64_t n, uf_error *error) {
  int64_t key_width = ufi_table_key_width(t), value_width = ufi_table_value_width(t);
  UFI_TRY(ufi_table_check_keys_tf(t, keys, n, error));
  if (ufi_table_size(t) == 0) return UF_OK;
  UFI_TRY(reserve(t, 0, 0, 0, error));
  for (int64_t i = 0; i < n && t->n_entries; i++) {
    int32_t *slot = find_slot(t, (const char *)keys + (size_t)(i * key_width) * element_size(t->key_dtype));
    int64_t at = *slot, last = t->n_entries - 1;
    if (at < 0) continue;
    free_slot(t, slot);
    if (at != last) {
      *find_slot(t, entry_at(&t->keys, key_width, last)) = (int32_t)at;
      memcpy(entry_at(&t->keys, key_width, at), entry_at(&t->keys, key_width, last),
             element_size(t->key_dtype) * (size_t)key_width);
      memcpy(entry_at(&t->value, value_width, at), entry_at(&t->value, value_width, last),
             element_size(t->dtype) * (size_t)value_width);
    }
    t->n_entries--;
  }
  set_count(t, t->n_entries);
  return UF_OK;
}

int64_t ufi_table_find(const ufi_resource *t, const void *key) {
  return t->initialized && t->index ? *find_slot(t, key) : -1;
}
