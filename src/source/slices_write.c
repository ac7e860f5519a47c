/* SPDX-License-Identifier: Apache-2.0
 *
 * slices_write.c: writes TensorFlow checkpoints, version 1: one sorted table of messages, as
 * tensor_slices.c says, not compressed. For graphs that still have the ops Save and SaveSlices.
 */
#include <stdlib.h>

#include "format/ordered_code.h"
#include "format/outfile.h"
#include "format/sstable.h"
#include "ops/chars.h"
#include "ops/files.h"
#include "source/source.h"

/* One slice to be written. */
typedef struct slice {
  const ufi_saved *item;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];                       /* of the whole tensor */
  int64_t start[UF_MAX_RANK], length[UF_MAX_RANK]; /* as in the key: -1: all of it */
  uint8_t *key;
  size_t key_size;
} slice;

static uf_status prepare(const ufi_saved *item, slice *s, uf_error *error) {
  uf_region region;
  const uf_tensor *t = item->tensor;
  s->item = item;
  UFI_TRY(ufi_slice_spec(item->spec, &s->rank, s->dims, &region, error));
  bool whole = s->rank < 0;
  if (whole) {
    s->rank = t->rank;
    memcpy(s->dims, t->dims, sizeof s->dims);
  }
  bool fits = t->rank == s->rank;
  for (int32_t d = 0; d < s->rank && fits; d++) {
    bool all = whole || region.extent[d] == s->dims[d];
    s->start[d] = all ? 0 : region.start[d];
    s->length[d] = all ? -1 : region.extent[d];
    fits = t->dims[d] == (all ? s->dims[d] : s->length[d]);
  }
  if (!fits)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "'%.200s': expected a tensor of the shape of its slice '%.200s'", item->name,
                    item->spec);
  s->key = ufi_slice_key(item->name, s->rank, s->start, s->length, &s->key_size);
  return s->key ? UF_OK : ufi_no_memory(error, strlen(item->name));
}

/* Slices of a name beside each other, for the meta; within it by key. */
static int by_key(const void *a, const void *b) {
  const slice *x = a, *y = b;
  int order = memcmp(x->key, y->key, UFI_MIN(x->key_size, y->key_size));
  return order ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

/* ---- messages ---------------------------------------------------------------------------- */

static void put_number(ufi_chars *c, uint32_t field, uint64_t value) {
  if (value == 0) return;
  ufi_chars_varint(c, (uint64_t)field << 3);
  ufi_chars_varint(c, value);
}

/* part becomes a field of c and is emptied. */
static void put_part(ufi_chars *c, uint32_t field, ufi_chars *part) {
  ufi_chars_field(c, field, part->data, part->size);
  c->failed |= part->failed;
  part->size = 0;
}

static void put_slice(ufi_chars *c, uint32_t field, const slice *s, ufi_chars parts[2]) {
  for (int32_t d = 0; d < s->rank; d++) {
    if (s->length[d] >= 0) {
      put_number(&parts[1], 1, (uint64_t)s->start[d]);
      put_number(&parts[1], 2, (uint64_t)s->length[d]);
    }
    put_part(&parts[0], 1, &parts[1]);
  }
  put_part(c, field, &parts[0]);
}

/* The field of a TensorProto that has values of a dtype, and how wide they are there (0: varints). */
static bool value_field(uf_dtype dtype, uint32_t *field_out, size_t *width_out) {
  *width_out = 0;
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_FLOAT32: *field_out = 5, *width_out = 4; return true;
    case UF_FLOAT64: *field_out = 6, *width_out = 8; return true;
    case UF_INT32: case UF_INT16: case UF_INT8: case UF_UINT16: case UF_UINT8: *field_out = 7; return true;
    case UF_COMPLEX64: *field_out = 9, *width_out = 4; return true;
    case UF_INT64: *field_out = 10; return true;
    case UF_BOOL: *field_out = 11; return true;
    case UF_COMPLEX128: *field_out = 12, *width_out = 8; return true;
    case UF_FLOAT16: case UF_BFLOAT16: *field_out = 13; return true;
    default: return false;
  }
}

static uint64_t integer_at(const uf_tensor *t, int64_t i) {
  switch (ufi_dtype_unquantized(t->dtype)) {
    case UF_INT8: return (uint64_t)(int64_t)((const int8_t *)t->data)[i];
    case UF_INT16: return (uint64_t)(int64_t)((const int16_t *)t->data)[i];
    case UF_INT32: return (uint64_t)(int64_t)((const int32_t *)t->data)[i];
    case UF_UINT8: case UF_BOOL: return ((const uint8_t *)t->data)[i];
    case UF_INT64: return ((const uint64_t *)t->data)[i];
    default: return ((const uint16_t *)t->data)[i];
  }
}

/* A TensorProto of values alone. */
static uf_status put_values(ufi_chars *c, const slice *s, ufi_chars *part, uf_error *error) {
  const uf_tensor *t = s->item->tensor;
  uint32_t field = 0;
  size_t width = 0;
  int64_t n = uf_tensor_count(t);
  if (t->dtype == UF_STRING) {
    for (int64_t i = 0; i < n; i++) ufi_chars_field(c, 8, ((const uf_string *)t->data)[i].data, ((const uf_string *)t->data)[i].size);
    return UF_OK;
  }
  if (!value_field(t->dtype, &field, &width))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "'%.200s': expected numbers that such checkpoints have, or strings, found %s", s->item->name, uf_dtype_name(t->dtype));
  if (width) ufi_chars_field(c, field, t->data, t->size);
  for (int64_t i = 0; width == 0 && i < n; i++) ufi_chars_varint(part, integer_at(t, i));
  if (width == 0) put_part(c, field, part);
  return UF_OK;
}

/* ---- the table ------------------------------------------------------------------------------ */

typedef struct writing {
  ufi_sstable_writer *table;
  ufi_chars message, parts[4];
} writing;

static uf_status add(writing *w, const uint8_t *key, size_t size, uf_error *error) {
  bool failed = w->message.failed;
  for (int i = 0; i < 4; i++) failed |= w->parts[i].failed;
  if (failed) return ufi_no_memory(error, w->message.size);
  uf_status status = ufi_sstable_writer_add(w->table, (ufi_bytes){key, size},
                                            (ufi_bytes){(const uint8_t *)w->message.data, w->message.size}, error);
  w->message.size = 0;
  return status;
}

/* Under "": what tensors there are, of which slices. */
static uf_status add_meta(writing *w, const slice *slices, int32_t n, uf_error *error) {
  ufi_chars *meta = &w->parts[3], *tensor = &w->parts[2];
  for (int32_t i = 0, next; i < n; i = next) {
    const slice *s = &slices[i];
    ufi_chars_field(tensor, 1, s->item->name, strlen(s->item->name));
    for (int32_t d = 0; d < s->rank; d++) {
      put_number(&w->parts[1], 1, (uint64_t)s->dims[d]);
      put_part(&w->parts[0], 2, &w->parts[1]);
    }
    put_part(tensor, 2, &w->parts[0]);
    put_number(tensor, 3, (uint64_t)uf_dtype_tf(s->item->tensor->dtype));
    for (next = i; next < n && strcmp(slices[next].item->name, s->item->name) == 0; next++)
      put_slice(tensor, 4, &slices[next], w->parts);
    put_part(meta, 1, tensor);
  }
  put_number(tensor, 1, 1); /* the version of what writes */
  put_part(meta, 2, tensor);
  put_part(&w->message, 1, meta);
  return add(w, (const uint8_t *)"", 0, error);
}

static uf_status add_slice(writing *w, const slice *s, uf_error *error) {
  ufi_chars *data = &w->parts[3], *values = &w->parts[2];
  ufi_chars_field(data, 1, s->item->name, strlen(s->item->name));
  put_slice(data, 2, s, w->parts);
  UFI_TRY(put_values(values, s, &w->parts[0], error));
  put_part(data, 3, values);
  put_part(&w->message, 2, data);
  return add(w, s->key, s->key_size, error);
}

static uf_status write_table(ufi_outfile *file, const slice *slices, int32_t n, uf_error *error) {
  writing w = {.table = ufi_sstable_writer_create(file)};
  if (w.table == NULL) return ufi_no_memory(error, 64);
  uf_status status = add_meta(&w, slices, n, error);
  for (int32_t i = 0; i < n && status == UF_OK; i++) status = add_slice(&w, &slices[i], error);
  if (status == UF_OK) status = ufi_sstable_writer_finish(w.table, error);
  else ufi_sstable_writer_abandon(w.table);
  ufi_chars_release(&w.message);
  for (int i = 0; i < 4; i++) ufi_chars_release(&w.parts[i]);
  return status;
}

/* Slices of one name must say the same of the whole. */
static uf_status check(const slice *slices, int32_t n, uf_error *error) {
  for (int32_t i = 1; i < n; i++) {
    const slice *a = &slices[i - 1], *b = &slices[i];
    if (strcmp(a->item->name, b->item->name) != 0) continue;
    bool same = a->rank == b->rank && a->item->tensor->dtype == b->item->tensor->dtype && by_key(a, b) != 0 &&
                (a->rank == 0 || memcmp(a->dims, b->dims, sizeof(int64_t) * (size_t)a->rank) == 0);
    if (!same)
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected slices of '%.200s' of one dtype and shape that differ, found others",
                      a->item->name);
  }
  return UF_OK;
}

uf_status ufi_saver_write_v1(const char *path, const ufi_saved *items, int32_t n, uf_error *error) {
  ufi_outfile *file = NULL;
  slice *slices = ufi_calloc((size_t)n + 1, sizeof *slices);
  if (slices == NULL) return ufi_no_memory(error, (size_t)n * sizeof *slices);
  uf_status status = UF_OK;
  for (int32_t i = 0; i < n && status == UF_OK; i++) status = prepare(&items[i], &slices[i], error);
  if (status == UF_OK && n > 1) qsort(slices, (size_t)n, sizeof *slices, by_key);
  if (status == UF_OK) status = check(slices, n, error);
  if (status == UF_OK) status = ufi_outfile_create(path, false, &file, error);
  if (status == UF_OK) status = write_table(file, slices, n, error);
  if (file && status == UF_OK) status = ufi_outfile_commit(file, error);
  else ufi_outfile_abandon(file);
  for (int32_t i = 0; i < n; i++) ufi_free(slices[i].key);
  ufi_free(slices);
  return status;
}
