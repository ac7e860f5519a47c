/* SPDX-License-Identifier: Apache-2.0
 *
 * anysource.h: what the fuzzers of sources share: two files in memory behind a
 * uf_filesystem, sorted tables with right checksums around any content, and a walk over
 * everything that a source says it has.
 *
 * Inputs of the checkpoint fuzzers begin with a letter that says how a table is made:
 *   P  pairs: key size and value size as uint16, key, value; a key size of 0xFFFF ends them
 *   B  a block: its compression (one byte), its size as uint16, its bytes
 *   R  the table's file as it is: its size as uint16, its bytes
 * and what follows is the other file. With P and B each check behind the checksums is
 * reached, which changed bytes of a file never do.
 */
#ifndef ANYSOURCE_H
#define ANYSOURCE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "format/protobuf.h"
#include "unflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint32_t any_sink; /* so that reads are not optimised away */

static void any_touch(const void *bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += ((const uint8_t *)bytes)[i];
  any_sink += sum;
}

/* ---- a source, all of it ---- */

static void any_said(uf_status status, const uf_error *error) {
  if (status != UF_OK && error->message[0] == 0) __builtin_trap(); /* every failure has words */
}

static void any_tensor(uf_status status, uf_tensor *tensor, const uf_error *error) {
  any_said(status, error);
  if (status != UF_OK) return;
  any_touch(tensor->data, tensor->size);
  const uf_string *strings = tensor->data;
  for (int64_t i = 0; tensor->dtype == UF_STRING && i < uf_tensor_count(tensor); i++)
    any_touch(strings[i].data, strings[i].size);
  uf_tensor_release(tensor);
}

static void any_entry(uf_source *source, const uf_entry *entry) {
  uf_tensor tensor = {0};
  uf_error error = {0};
  const uf_entry *again = NULL;
  any_touch(entry->name, strlen(entry->name));
  if (entry->file) any_touch(entry->file, strlen(entry->file));
  any_said(uf_source_find(source, entry->name, &again, &error), &error);
  for (int flags = 0; flags < 8; flags += 3)
    any_tensor(uf_source_read(source, entry, NULL, flags, &tensor, &error), &tensor, &error);
  uf_region part = {{0}, {0}};
  for (int32_t d = 0; d < entry->rank; d++) {
    part.start[d] = entry->dims[d] / 3;
    part.extent[d] = entry->dims[d] - part.start[d] > 4 ? 4 : entry->dims[d] - part.start[d];
  }
  any_tensor(uf_source_read(source, entry, &part, UF_READ_COPY, &tensor, &error), &tensor, &error);
  any_said(uf_source_verify(source, entry, &error), &error);
}

static void any_attributes(uf_source *source, size_t i, const uf_graph_node *node) {
  for (int32_t j = 0; j < node->n_attrs && j < 40; j++) {
    int32_t n = 1;
    for (int32_t at = 0; at < n && at < 10; at++) {
      uf_attr attr = {0};
      uf_tensor tensor = {0};
      uf_error error = {0};
      uf_status status = uf_source_attr(source, i, j, at, &attr, &tensor, &n, &error);
      any_said(status, &error);
      if (status != UF_OK) break;
      any_touch(attr.name, strlen(attr.name));
      if (n >= 0 && at >= n) break;
      if (attr.kind == UF_ATTR_STRING) any_touch(attr.s, attr.s_size);
      if (attr.kind == UF_ATTR_TENSOR) any_tensor(UF_OK, &tensor, &error);
    }
  }
}

static void any_nodes(uf_source *source) {
  uf_graph_node node;
  uf_error error;
  for (size_t i = 0; i < 200 && uf_source_node(source, i, &node, &error) == UF_OK; i++) {
    any_touch(node.name, strlen(node.name));
    any_touch(node.op, strlen(node.op));
    for (int32_t k = 0; k < node.n_inputs; k++) any_touch(node.inputs[k], strlen(node.inputs[k]));
    any_attributes(source, i, &node);
  }
}

static void any_variables(uf_source *source, size_t n) {
  const uf_variable *variables;
  uf_error error = {0};
  size_t found = 0;
  uf_status status = uf_source_variables(source, &variables, &found, &error);
  any_said(status, &error);
  if (status != UF_OK) return;
  if (found != n) __builtin_trap();
  for (size_t i = 0; i < n; i++) {
    const uf_variable *v = &variables[i];
    any_touch(v->name, strlen(v->name));
    if (v->path) any_touch(v->path, strlen(v->path));
    if (v->slot) any_touch(v->slot, strlen(v->slot));
    for (int32_t k = 0; k < v->n_aliases; k++) any_touch(v->aliases[k], strlen(v->aliases[k]));
    if (v->of >= (int32_t)n || v->average >= (int32_t)n) __builtin_trap();
  }
}

/* Everything, then releases it. */
static void any_source(uf_source *source) {
  const uf_entry *const *entries;
  const uf_entry *entry;
  uf_source_info info;
  uf_error error = {0};
  size_t n = 0;
  uf_source_describe(source, &info);
  any_touch(info.details, strlen(info.details));
  (void)uf_source_find(source, "a", &entry, &error); /* without the list */
  uf_status status = uf_source_entries(source, &entries, &n, &error);
  any_said(status, &error);
  for (size_t i = 0; status == UF_OK && i < n && i < 200; i++) any_entry(source, entries[i]);
  if (status == UF_OK) any_variables(source, n);
  any_nodes(source);
  uf_source_release(source);
}

/* One file from memory. */
static inline void any_buf(const uint8_t *bytes, size_t size, const char *name) {
  uf_buf *buf = uf_buf_create(size);
  if (!buf) return;
  if (size) memcpy(uf_buf_data(buf), bytes, size);
  uf_source_options options = {.struct_size = sizeof options, .name = name};
  uf_source *source = NULL;
  uf_error error = {0};
  uf_status status = uf_source_open_buf(buf, &options, &source, &error);
  any_said(status, &error);
  if (status == UF_OK) any_source(source);
  uf_buf_release(buf);
}

/* ---- two files ---- */

typedef struct any_file {
  const char *path;
  const uint8_t *data;
  size_t size;
} any_file;

static inline const any_file *any_find(void *context, const char *path) {
  const any_file *files = context;
  for (int i = 0; i < 2; i++)
    if (files[i].path && strcmp(files[i].path, path) == 0) return &files[i];
  return NULL;
}

static inline uf_status any_size(void *context, const char *path, uint64_t *size_out,
                                 uf_error *error) {
  const any_file *file = any_find(context, path);
  if (!file) return ufi_fail(error, UF_NOT_FOUND, "%s: expected a file, found none", path);
  *size_out = file->size;
  return UF_OK;
}

static inline uf_status any_read(void *context, const char *path, uint64_t offset, size_t size,
                                 void *out, uf_error *error) {
  const any_file *file = any_find(context, path);
  if (!file || offset > file->size || size > file->size - offset) __builtin_trap();
  if (size) memcpy(out, file->data + offset, size);
  return UF_OK;
}

static inline uf_status any_list(void *context, const char *folder,
                                 void (*add)(void *names, const char *name), void *names,
                                 uf_error *error) {
  const any_file *files = context;
  for (int i = 0; i < 2; i++)
    if (files[i].path) add(names, files[i].path);
  return UF_OK;
}

static inline void any_open(any_file files[2], const char *path) {
  uf_filesystem fs = {.struct_size = sizeof fs, .context = files, .size = any_size,
                      .read = any_read, .list = any_list};
  uf_source_options options = {.struct_size = sizeof options, .filesystem = &fs};
  uf_source *source = NULL;
  uf_error error = {0};
  uf_status status = uf_source_open(path, &options, &source, &error);
  any_said(status, &error);
  if (status == UF_OK) any_source(source);
}

/* ---- a table ---- */

typedef struct any_bytes {
  uint8_t *data; /* with room for all that one input can become */
  size_t size;
} any_bytes;

static inline void any_put(any_bytes *b, const void *data, size_t size) {
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

static inline void any_varint(any_bytes *b, uint64_t value) {
  b->size += ufi_varint_put(b->data + b->size, value);
}

static inline void any_u32(any_bytes *b, uint32_t value) {
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  any_put(b, bytes, 4);
}

static inline void any_pair(any_bytes *b, const uint8_t *key, size_t key_size, const uint8_t *value,
                            size_t size) {
  any_varint(b, 0);
  any_varint(b, key_size);
  any_varint(b, size);
  any_put(b, key, key_size);
  any_put(b, value, size);
}

/* Restarts of a block of whole keys, then compression and checksum. */
static inline void any_end_block(any_bytes *b, size_t begin, int kind, bool restarts) {
  if (restarts) {
    any_u32(b, 0);
    any_u32(b, 1);
  }
  uint8_t compression = (uint8_t)kind;
  any_put(b, &compression, 1);
  any_u32(b, ufi_crc32c_mask(ufi_crc32c(0, b->data + begin, b->size - begin)));
}

static inline size_t any_u16(const uint8_t *p) { return p[0] | (size_t)p[1] << 8; }

/* Pairs from the input into the block; the bytes that were used. */
static inline size_t any_pairs(any_bytes *b, const uint8_t *p, size_t size) {
  size_t at = 0;
  while (size - at >= 4) {
    size_t key = any_u16(p + at), value = any_u16(p + at + 2);
    at += 4;
    if (key == 0xFFFF || key + value > size - at) break;
    any_pair(b, p + at, key, p + at + key, value);
    at += key + value;
  }
  return at;
}

static inline size_t any_block(any_bytes *b, const uint8_t *p, size_t size, int *kind_out) {
  if (size < 3) return size;
  *kind_out = p[0];
  size_t n = any_u16(p + 1);
  if (n > size - 3) n = size - 3;
  any_put(b, p + 3, n);
  return 3 + n;
}

/* The table's file (to be freed) and how much of the input it took; NULL: not such an input. */
static inline uint8_t *any_table(const uint8_t *p, size_t size, size_t *table_size_out,
                                 size_t *used_out) {
  if (size < 3 || !strchr("PBR", p[0])) return NULL;
  any_bytes b = {.data = malloc(9 * size + 256)};
  if (!b.data) return NULL;
  int kind = 0;
  if (p[0] == 'R') {
    size_t n = any_u16(p + 1);
    if (n > size - 3) n = size - 3;
    any_put(&b, p + 3, n);
    *used_out = 3 + n;
  } else {
    *used_out = 1 + (p[0] == 'P' ? any_pairs(&b, p + 1, size - 1) : any_block(&b, p + 1, size - 1, &kind));
    size_t block = b.size + (p[0] == 'P' ? 8 : 0);
    any_end_block(&b, 0, kind, p[0] == 'P');
    size_t meta = b.size, index, where;
    any_end_block(&b, meta, 0, true);
    uint8_t handle[2 * UFI_VARINT_MAX];
    index = b.size;
    where = ufi_varint_put(handle, 0);
    where += ufi_varint_put(handle + where, block);
    any_pair(&b, (const uint8_t *)"\xff\xff\xff\xff", 4, handle, where);
    any_end_block(&b, index, 0, true);
    size_t footer = b.size;
    any_varint(&b, meta);
    any_varint(&b, 8);
    any_varint(&b, index);
    any_varint(&b, footer - index - 5);
    while (b.size < footer + 40) any_put(&b, "", 1);
    any_put(&b, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
  }
  *table_size_out = b.size;
  return b.data;
}

#endif
