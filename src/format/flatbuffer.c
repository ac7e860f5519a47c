/* SPDX-License-Identifier: Apache-2.0
 *
 * flatbuffer.c: the bounded FlatBuffers reader of flatbuffer.h.
 *
 * Every offset is turned into a size_t sum and compared with the size before a
 * byte is touched, so nothing here can overflow or read outside. A reader with
 * an error behaves as if everything were absent.
 *
 * Texts given to ufi_fb_fail say `expected A, found B`; ufi_fb_status puts the
 * byte offset in front.
 */
#include "format/flatbuffer.h"

#include <inttypes.h>

/* Positions are kept in 32 bits, as all offsets of the format are. What lies
 * behind 4 GiB (external buffers of large models) is not FlatBuffer. */
void ufi_fb_init(ufi_fb *fb, const void *data, size_t size) {
  *fb = (ufi_fb){.data = data, .size = UFI_MIN(size, (size_t)UINT32_MAX)};
}

void ufi_fb_fail(ufi_fb *fb, size_t where, const char *what) {
  if (fb->what) return;
  fb->what = what;
  fb->where = where;
}

uf_status ufi_fb_status(const ufi_fb *fb, const char *file, uf_error *error) {
  if (!fb->what) return UF_OK;
  if (file) {
    return ufi_fail(error, UF_DATA_LOSS, "%s: byte %zu: %s; the file is damaged", file, fb->where,
                    fb->what);
  }
  return ufi_fail(error, UF_DATA_LOSS, "byte %zu: %s; the file is damaged", fb->where, fb->what);
}

/* True when [at, at + size) is inside; fails the reader otherwise. */
static bool inside(ufi_fb *fb, size_t at, size_t size, const char *what) {
  if (fb->what) return false;
  if (at <= fb->size && size <= fb->size - at) return true;
  ufi_fb_fail(fb, at, what);
  return false;
}

/* The position that the uint32 offset stored at `at` points to; 0 on failure
 * (nothing can be there, the root offset is). */
static size_t follow(ufi_fb *fb, size_t at) {
  if (!inside(fb, at, 4, "expected an offset of 4 bytes, found the end of the file")) return 0;
  return at + ufi_load32(fb->data + at);
}

static ufi_fb_table table_at(ufi_fb *fb, size_t at) {
  ufi_fb_table none = {0};
  if (!inside(fb, at, 4, "expected a table, found the end of the file")) return none;
  int64_t vtable = (int64_t)at - (int32_t)ufi_load32(fb->data + at);
  if (vtable < 0) {
    ufi_fb_fail(fb, at, "expected the offset of a vtable, found one before the file's first byte");
    return none;
  }
  if (!inside(fb, (size_t)vtable, 4, "expected a vtable, found the end of the file")) return none;
  uint16_t vtable_size = ufi_load16(fb->data + vtable);
  uint16_t table_size = ufi_load16(fb->data + vtable + 2);
  if (vtable_size < 4 || vtable_size % 2 != 0 || table_size < 4) {
    ufi_fb_fail(fb, (size_t)vtable, "expected a vtable with an even size of 4 bytes or more, "
                                    "found impossible sizes");
    return none;
  }
  if (!inside(fb, (size_t)vtable, vtable_size,
              "expected a whole vtable, found the end of the file") ||
      !inside(fb, at, table_size, "expected a whole table, found the end of the file")) {
    return none;
  }
  return (ufi_fb_table){fb, (uint32_t)at, (uint32_t)vtable, vtable_size, table_size};
}

ufi_fb_table ufi_fb_root(ufi_fb *fb) {
  size_t at = follow(fb, 0);
  return fb->what ? (ufi_fb_table){0} : table_at(fb, at);
}

/* Position of a field of `size` bytes; 0 when absent or damaged. */
static size_t field_at(const ufi_fb_table *table, int field, size_t size) {
  if (!table->fb || table->fb->what) return 0;
  size_t slot = 4 + 2 * (size_t)field;
  if (slot + 2 > table->vtable_size) return 0;
  uint16_t offset = ufi_load16(table->fb->data + table->vtable + slot);
  if (offset == 0) return 0;
  if (offset < 4 || offset + size > table->table_size) {
    ufi_fb_fail(table->fb, table->vtable + slot,
                "expected a field inside its table, found an offset outside of it");
    return 0;
  }
  return table->at + offset;
}

bool ufi_fb_has(const ufi_fb_table *table, int field) { return field_at(table, field, 1) != 0; }

/* One reader for each scalar type: the stored bytes or the fallback. */
#define SCALAR_FIELD(suffix, type)                                                 \
  type ufi_fb_##suffix(const ufi_fb_table *table, int field, type fallback) {      \
    size_t at = field_at(table, field, sizeof(type));                              \
    if (at == 0) return fallback;                                                  \
    type value;                                                                    \
    memcpy(&value, table->fb->data + at, sizeof value);                            \
    return value;                                                                  \
  }
SCALAR_FIELD(i8, int8_t)
SCALAR_FIELD(u8, uint8_t)
SCALAR_FIELD(i32, int32_t)
SCALAR_FIELD(u32, uint32_t)
SCALAR_FIELD(i64, int64_t)
SCALAR_FIELD(u64, uint64_t)
SCALAR_FIELD(f32, float)
#undef SCALAR_FIELD

/* Any byte but 0 is true: a bool of another value would be undefined. */
bool ufi_fb_bool(const ufi_fb_table *table, int field, bool fallback) {
  return ufi_fb_u8(table, field, fallback) != 0;
}

ufi_fb_table ufi_fb_sub(const ufi_fb_table *table, int field) {
  size_t at = field_at(table, field, 4);
  return at == 0 ? (ufi_fb_table){0} : table_at(table->fb, follow(table->fb, at));
}

/* The vector at `at`, whose extent is checked. */
static ufi_fb_vector vector_at(ufi_fb *fb, size_t at, size_t element_size) {
  ufi_fb_vector none = {.fb = fb};
  if (!inside(fb, at, 4, "expected a vector, found the end of the file")) return none;
  uint32_t count = ufi_load32(fb->data + at);
  /* At most 2^32 elements of a few bytes: no overflow in 64 bits. */
  if (!inside(fb, at + 4, (size_t)count * element_size,
              "expected a vector inside the file, found one longer than the rest of it")) {
    return none;
  }
  return (ufi_fb_vector){fb, fb->data + at + 4, count, (uint32_t)(at + 4)};
}

static const char *string_at(ufi_fb *fb, size_t at) {
  ufi_fb_vector bytes = vector_at(fb, at, 1);
  if (fb->what) return "";
  if (!inside(fb, (size_t)bytes.at + bytes.count, 1,
              "expected a string that ends in a zero byte, found the end of the file")) {
    return "";
  }
  if (bytes.data[bytes.count] != 0) {
    ufi_fb_fail(fb, (size_t)bytes.at + bytes.count,
                "expected a string that ends in a zero byte, found another byte");
    return "";
  }
  return (const char *)bytes.data;
}

const char *ufi_fb_string(const ufi_fb_table *table, int field) {
  size_t at = field_at(table, field, 4);
  return at == 0 ? "" : string_at(table->fb, follow(table->fb, at));
}

ufi_fb_vector ufi_fb_vec(const ufi_fb_table *table, int field, size_t element_size) {
  size_t at = field_at(table, field, 4);
  if (at == 0) return (ufi_fb_vector){.fb = table->fb};
  return vector_at(table->fb, follow(table->fb, at), element_size);
}

int32_t ufi_fb_vec_i32(const ufi_fb_vector *vector, uint32_t i) {
  return (int32_t)ufi_load32(vector->data + 4 * (size_t)i);
}

int64_t ufi_fb_vec_i64(const ufi_fb_vector *vector, uint32_t i) {
  return (int64_t)ufi_load64(vector->data + 8 * (size_t)i);
}

float ufi_fb_vec_f32(const ufi_fb_vector *vector, uint32_t i) {
  float value;
  memcpy(&value, vector->data + 4 * (size_t)i, sizeof value);
  return value;
}

ufi_fb_table ufi_fb_vec_table(const ufi_fb_vector *vector, uint32_t i) {
  if (vector->fb->what) return (ufi_fb_table){0};
  return table_at(vector->fb, follow(vector->fb, vector->at + 4 * (size_t)i));
}

const char *ufi_fb_vec_string(const ufi_fb_vector *vector, uint32_t i) {
  if (vector->fb->what) return "";
  return string_at(vector->fb, follow(vector->fb, vector->at + 4 * (size_t)i));
}
