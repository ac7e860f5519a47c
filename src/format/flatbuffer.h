/* SPDX-License-Identifier: Apache-2.0
 *
 * flatbuffer.h: a bounded reader of FlatBuffers, verified while it is read.
 *
 * A FlatBuffer is little-endian. A table starts with an int32 offset back to
 * its vtable: uint16 vtable bytes, uint16 table bytes, then one uint16 per
 * field, the field's offset in the table or 0 when absent (default value).
 * Strings, vectors and sub-tables are uint32 offsets relative to where they
 * are stored; a vector begins with its uint32 length.
 *
 * The reader never touches a byte outside [data, data + size). The first thing
 * that is wrong is kept in the reader (sticky); every later read gives zeros,
 * NULL and empty vectors, so that callers may check once at the end.
 */
#ifndef UFI_FLATBUFFER_H
#define UFI_FLATBUFFER_H

#include "base/base.h"

typedef struct ufi_fb {
  const uint8_t *data;
  size_t size;
  const char *what;      /* set by the first error: what was wrong */
  size_t where;          /* and its byte offset */
} ufi_fb;

typedef struct ufi_fb_table {
  ufi_fb *fb;            /* NULL: the table is absent; all fields read as default */
  uint32_t at;           /* offset of the table */
  uint32_t vtable;       /* offset of the vtable */
  uint16_t vtable_size, table_size;
} ufi_fb_table;

typedef struct ufi_fb_vector {
  ufi_fb *fb;
  const uint8_t *data;   /* first element */
  uint32_t count;        /* 0 when absent or damaged */
  uint32_t at;           /* offset of the first element */
} ufi_fb_vector;

void ufi_fb_init(ufi_fb *fb, const void *data, size_t size);
void ufi_fb_fail(ufi_fb *fb, size_t where, const char *what); /* `what` is static text */
static inline bool ufi_fb_ok(const ufi_fb *fb) { return fb->what == NULL; }
/* Turns the sticky error into DATA_LOSS with the offset; UF_OK if there is none. */
uf_status ufi_fb_status(const ufi_fb *fb, const char *file, uf_error *error);

ufi_fb_table ufi_fb_root(ufi_fb *fb);
/* True when the field is stored (absent fields have their default value). */
bool ufi_fb_has(const ufi_fb_table *table, int field);

/* Scalar fields: `field` counts from 0 in the schema's order (a union takes
 * two: its type, then its value). */
int8_t ufi_fb_i8(const ufi_fb_table *table, int field, int8_t fallback);
uint8_t ufi_fb_u8(const ufi_fb_table *table, int field, uint8_t fallback);
bool ufi_fb_bool(const ufi_fb_table *table, int field, bool fallback);
int32_t ufi_fb_i32(const ufi_fb_table *table, int field, int32_t fallback);
uint32_t ufi_fb_u32(const ufi_fb_table *table, int field, uint32_t fallback);
int64_t ufi_fb_i64(const ufi_fb_table *table, int field, int64_t fallback);
uint64_t ufi_fb_u64(const ufi_fb_table *table, int field, uint64_t fallback);
float ufi_fb_f32(const ufi_fb_table *table, int field, float fallback);

/* Absent: a table with fb NULL. */
ufi_fb_table ufi_fb_sub(const ufi_fb_table *table, int field);
/* NUL-terminated inside the file (checked); "" when absent. */
const char *ufi_fb_string(const ufi_fb_table *table, int field);
/* A vector of elements of element_size bytes; the whole extent is checked. */
ufi_fb_vector ufi_fb_vec(const ufi_fb_table *table, int field, size_t element_size);
/* Elements; i must be below count. */
int32_t ufi_fb_vec_i32(const ufi_fb_vector *vector, uint32_t i);
int64_t ufi_fb_vec_i64(const ufi_fb_vector *vector, uint32_t i);
float ufi_fb_vec_f32(const ufi_fb_vector *vector, uint32_t i);
/* Elements of a vector of tables or strings (element_size 4). */
ufi_fb_table ufi_fb_vec_table(const ufi_fb_vector *vector, uint32_t i);
const char *ufi_fb_vec_string(const ufi_fb_vector *vector, uint32_t i);

#endif
