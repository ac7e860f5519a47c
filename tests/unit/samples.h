/* SPDX-License-Identifier: Apache-2.0
 *
 * samples.h: small files of every format that a source can be, in memory, and a
 * uf_filesystem over them that is read by ranges.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/outfile.h"
#include "format/ordered_code.h"
#include "format/sstable.h"
#include "protowrite.h"
#include "source/source.h"

typedef struct sample_file {
  char path[128];
  uint8_t *data;
  size_t size;
} sample_file;

enum { SAMPLE_FILES_MAX = 8 };
typedef struct sample_files {
  sample_file files[SAMPLE_FILES_MAX];
  size_t n;
  uint64_t n_read; /* bytes that were asked for */
} sample_files;

static inline void sample_add(sample_files *s, const char *path, const void *data, size_t size) {
  sample_file *f = &s->files[s->n++];
  assert_true(s->n <= SAMPLE_FILES_MAX);
  snprintf(f->path, sizeof f->path, "%s", path);
  f->data = malloc(size + 1);
  memcpy(f->data, data, size);
  f->size = size;
}

/* Takes a file from the disk, which it is removed from. */
static inline void sample_take(sample_files *s, const char *path, const char *disk_path) {
  FILE *f = fopen(disk_path, "rb");
  assert_non_null(f);
  static uint8_t bytes[1 << 18];
  size_t size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  unlink(disk_path);
  sample_add(s, path, bytes, size);
}

static inline void samples_free(sample_files *s) {
  for (size_t i = 0; i < s->n; i++) free(s->files[i].data);
  *s = (sample_files){.n = 0};
}

/* ---- a file system over them ---- */

static inline sample_file *sample_find(sample_files *s, const char *path) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->files[i].path, path) == 0) return &s->files[i];
  return NULL;
}

static uf_status samples_size(void *context, const char *path, uint64_t *size_out,
                              uf_error *error) {
  sample_file *f = sample_find(context, path);
  if (!f) return ufi_fail(error, UF_NOT_FOUND, "no such file");
  *size_out = f->size;
  return UF_OK;
}

static uf_status samples_read(void *context, const char *path, uint64_t offset, size_t size,
                              void *out, uf_error *error) {
  sample_file *f = sample_find(context, path);
  if (!f || offset > f->size || size > f->size - offset)
    return ufi_fail(error, UF_UNAVAILABLE, "a read beyond the end");
  memcpy(out, f->data + offset, size);
  ((sample_files *)context)->n_read += size;
  return UF_OK;
}

static uf_status samples_list(void *context, const char *folder,
                              void (*add)(void *names, const char *name), void *names,
                              uf_error *error) {
  sample_files *s = context;
  size_t size = strlen(folder), found = 0;
  for (size_t i = 0; i < s->n; i++) {
    const char *path = s->files[i].path;
    if (strncmp(path, folder, size) != 0 || path[size] != '/' || strchr(path + size + 1, '/'))
      continue;
    add(names, path + size + 1);
    found++;
  }
  return found ? UF_OK : ufi_fail(error, UF_NOT_FOUND, "no such folder");
}

static inline uf_filesystem samples_filesystem(sample_files *s) {
  return (uf_filesystem){.struct_size = sizeof(uf_filesystem), .context = s, .size = samples_size,
                         .read = samples_read, .list = samples_list};
}

static inline uf_status samples_open(sample_files *s, const char *path, uf_source **source_out,
                                     uf_error *error) {
  uf_filesystem fs = samples_filesystem(s);
  uf_source_options options = {.struct_size = sizeof options, .filesystem = &fs};
  return uf_source_open(path, &options, source_out, error);
}

/* ---- graphs ---- */

static const int64_t sample_dims[] = {2, 3};
static const float sample_floats[] = {1, 2, 3, 4, 5, 6};

/* Nodes of every kind of attribute, constants of several kinds, a function. */
static inline pw sample_graph(void) {
  pw graph = {.size = 0};
  pw content = pw_tensor(1, 2, sample_dims), repeated = pw_tensor(3, 2, sample_dims);
  pw_bytes(&content, 4, sample_floats, sizeof sample_floats);
  pw_int(&repeated, 7, 7);
  pw_int(&repeated, 7, -8);
  pw_const(&graph, 1, "content", &content);
  pw_const(&graph, 1, "repeated", &repeated);
  pw strings = pw_tensor(7, 1, (int64_t[]){2});
  pw_bytes(&strings, 8, "a\0b", 3);
  pw_text(&strings, 8, "");
  pw_const(&graph, 1, "strings", &strings);
  pw tiny = pw_tensor(29, 1, (int64_t[]){3}); /* int4 */
  pw_bytes(&tiny, 4, "\x01\xff\x07", 3);
  pw_const(&graph, 1, "int4", &tiny);
  pw node = pw_node("all", "Everything"), v = {.size = 0}, list = {.size = 0}, func = {.size = 0};
  pw_text(&node, 3, "content");
  pw_text(&node, 3, "^repeated");
  pw_text(&node, 4, "/cpu:0");
  v.size = 0; pw_text(&v, 2, "text"); pw_attr(&node, "s", &v);
  v.size = 0; pw_int(&v, 3, -5); pw_attr(&node, "i", &v);
  v.size = 0; pw_float(&v, 4, 0.5f); pw_attr(&node, "f", &v);
  v.size = 0; pw_int(&v, 5, 1); pw_attr(&node, "b", &v);
  v.size = 0; pw_int(&v, 6, 9); pw_attr(&node, "type", &v);
  v.size = 0; pw_shape(&v, 7, 2, (int64_t[]){-1, 4}); pw_attr(&node, "shape", &v);
  v.size = 0; pw_message(&v, 8, &repeated); pw_attr(&node, "tensor", &v);
  v.size = 0; pw_text(&v, 9, "held"); pw_attr(&node, "placeholder", &v);
  pw_text(&func, 1, "fn");
  v.size = 0; pw_message(&v, 10, &func); pw_attr(&node, "func", &v);
  pw_bytes(&list, 3, "\x01\x02\x03", 3); /* packed */
  v.size = 0; pw_message(&v, 1, &list); pw_attr(&node, "ints", &v);
  list.size = 0; pw_text(&list, 2, "x"); pw_text(&list, 2, "yy");
  v.size = 0; pw_message(&v, 1, &list); pw_attr(&node, "strings", &v);
  list.size = 0; v.size = 0; pw_message(&v, 1, &list); pw_attr(&node, "none", &v);
  pw_message(&graph, 1, &node);
  pw library = {.size = 0}, function = {.size = 0}, signature = {.size = 0};
  pw_text(&signature, 1, "fn");
  pw_message(&function, 1, &signature);
  pw_const(&function, 3, "content", &content);
  pw_message(&library, 1, &function);
  pw_message(&graph, 2, &library);
  return graph;
}

static inline pw sample_meta_graph(void) {
  pw meta = {.size = 0}, info = {.size = 0}, graph = sample_graph();
  pw_text(&info, 4, "serve");
  pw_message(&meta, 1, &info);
  pw_message(&meta, 2, &graph);
  return meta;
}

static const char sample_text[] =
  "# a graph\n"
  "node { name: \"c\" op: \"Const\" attr { key: \"value\" value { tensor { dtype: DT_FLOAT\n"
  "  tensor_shape { dim { size: 2 } dim { size: 2 } } float_val: [1.5, -2, 1e3f] } } }\n"
  "  attr { key: \"dtype\" value { type: DT_FLOAT } } }\n"
  "node { name: 'e' op: 'Const' attr: < key: \"value\" value: < tensor: < dtype: DT_STRING;\n"
  "  tensor_shape {} string_val: \"a\\001\\x41\" 'b' > > > unknown { x: 1 [y.z]: 'q' } }\n"
  "versions { producer: 27 }\n";

/* ---- checkpoints ---- */

static inline void sample_slice(pw *to, uint32_t field, int rank, const int64_t *start,
                                const int64_t *length) {
  pw slice = {.size = 0};
  for (int d = 0; d < rank; d++) {
    pw extent = {.size = 0};
    if (length[d] >= 0) pw_int(&extent, 1, start[d]);
    if (length[d] >= 0) pw_int(&extent, 2, length[d]);
    pw_message(&slice, 1, &extent);
  }
  pw_message(to, field, &slice);
}

typedef struct sample_pair {
  uint8_t *key;
  size_t key_size;
  pw value;
} sample_pair;

/* A V1 checkpoint: "w" of shape (4, 3) in two slices, "x" whole, as TensorFlow writes
 * them. without: slices left out of the meta (1, 2: that slice of w); lost: out of the
 * data; twice: the first slice is told to reach into the second. */
static inline void sample_v1(sample_files *s, const char *path, int without, int lost, bool twice) {
  char disk[] = "/tmp/unflow-v1-XXXXXX";
  int fd = mkstemp(disk);
  assert_true(fd >= 0);
  close(fd);
  const int64_t dims[] = {4, 3}, starts[2][2] = {{0, 0}, {2, 0}};
  int64_t lengths[2][2] = {{twice ? 3 : 2, -1}, {2, -1}};
  pw meta = {.size = 0}, tensor = {.size = 0}, top = {.size = 0};
  pw_text(&tensor, 1, "w");
  pw_shape(&tensor, 2, 2, dims);
  pw_int(&tensor, 3, 1);
  for (int i = 0; i < 2; i++)
    if (without != i + 1) sample_slice(&tensor, 4, 2, starts[i], lengths[i]);
  pw_message(&meta, 1, &tensor);
  tensor.size = 0;
  pw_text(&tensor, 1, "x");
  pw_shape(&tensor, 2, 1, (int64_t[]){2});
  pw_int(&tensor, 3, 9);
  sample_slice(&tensor, 4, 1, (int64_t[]){0}, (int64_t[]){-1});
  pw_message(&meta, 1, &tensor);
  pw_message(&top, 1, &meta);
  ufi_outfile *out = NULL;
  assert_int_equal(ufi_outfile_create(disk, false, &out, NULL), UF_OK);
  ufi_sstable_writer *table = ufi_sstable_writer_create(out);
  assert_int_equal(ufi_sstable_writer_add(table, (ufi_bytes){(const uint8_t *)"", 0},
                                          (ufi_bytes){top.data, top.size}, NULL), UF_OK);
  for (int i = 0; i < 3; i++) {
    pw value = {.size = 0}, slice = {.size = 0}, data = {.size = 0};
    size_t size;
    bool is_x = i == 2;
    int64_t zero = 0, all = -1;
    uint8_t *key = is_x ? ufi_slice_key("x", 1, &zero, &all, &size)
                        : ufi_slice_key("w", 2, starts[i], lengths[i], &size);
    int n = is_x ? 2 : (int)lengths[i][0] * 3;
    for (int k = 0; k < n; k++) {
      if (is_x) pw_int(&data, 10, -k);
      else pw_float(&data, 5, (float)(i * 6 + k));
    }
    pw_text(&slice, 1, is_x ? "x" : "w");
    if (is_x) sample_slice(&slice, 2, 1, &zero, &all);
    else sample_slice(&slice, 2, 2, starts[i], lengths[i]);
    pw_message(&slice, 3, &data);
    pw_message(&value, 2, &slice);
    if (lost != i + 1)
      assert_int_equal(ufi_sstable_writer_add(table, (ufi_bytes){key, size},
                                              (ufi_bytes){value.data, value.size}, NULL), UF_OK);
    ufi_free(key);
  }
  assert_int_equal(ufi_sstable_writer_finish(table, NULL), UF_OK);
  assert_int_equal(ufi_outfile_commit(out, NULL), UF_OK);
  sample_take(s, path, disk);
}

/* A V2 checkpoint at PREFIX (a file in this file system) of n_shards. */
static inline void sample_v2(sample_files *s, const char *prefix, int n_shards) {
  char folder[] = "/tmp/unflow-v2-XXXXXX", disk[128], path[128];
  assert_non_null(mkdtemp(folder));
  snprintf(disk, sizeof disk, "%s/c", folder);
  uf_checkpoint_writer *w = NULL;
  assert_int_equal(uf_checkpoint_create(disk, n_shards, &w, NULL), UF_OK);
  uf_string strings[] = {{"a", 1}, {"", 0}, {"b\0c", 3}};
  uf_tensor t = {.dtype = UF_FLOAT32, .rank = 2, .dims = {2, 3}, .size = sizeof sample_floats,
                 .data = (void *)(uintptr_t)sample_floats};
  assert_int_equal(uf_checkpoint_add(w, "layer/kernel", &t, NULL), UF_OK);
  t = (uf_tensor){.dtype = UF_STRING, .rank = 1, .dims = {3}, .data = strings, .size = sizeof strings};
  assert_int_equal(uf_checkpoint_add(w, "strings", &t, NULL), UF_OK);
  t = (uf_tensor){.dtype = UF_INT4, .rank = 1, .dims = {3}, .data = "\x21\x0f", .size = 2};
  t.data = (void *)(uintptr_t)"\x21\x0f";
  assert_int_equal(uf_checkpoint_add(w, "packed", &t, NULL), UF_OK);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  snprintf(disk, sizeof disk, "%s/c.index", folder);
  snprintf(path, sizeof path, "%s.index", prefix);
  sample_take(s, path, disk);
  for (int i = 0; i < n_shards; i++) {
    snprintf(disk, sizeof disk, "%s/c.data-%05d-of-%05d", folder, i, n_shards);
    snprintf(path, sizeof path, "%s.data-%05d-of-%05d", prefix, i, n_shards);
    sample_take(s, path, disk);
  }
  assert_int_equal(rmdir(folder), 0);
}

/* ---- archives ---- */

static inline void sample_npz(sample_files *s, const char *path, int level) {
  char disk[] = "/tmp/unflow-npz-XXXXXX";
  int fd = mkstemp(disk);
  assert_true(fd >= 0);
  close(fd);
  uf_npz_writer *w = NULL;
  uf_string strings[] = {{"ab", 2}, {"", 0}};
  assert_int_equal(uf_npz_create(disk, level, &w, NULL), UF_OK);
  uf_tensor t = {.dtype = UF_FLOAT32, .rank = 2, .dims = {2, 3}, .size = sizeof sample_floats,
                 .data = (void *)(uintptr_t)sample_floats};
  assert_int_equal(uf_npz_add(w, "a/b", &t, NULL), UF_OK);
  t = (uf_tensor){.dtype = UF_STRING, .rank = 1, .dims = {2}, .data = strings, .size = sizeof strings};
  assert_int_equal(uf_npz_add(w, "s", &t, NULL), UF_OK);
  assert_int_equal(uf_npz_finish(w, NULL), UF_OK);
  sample_take(s, path, disk);
}

/* A .npy of that header text. */
static inline void sample_npy(sample_files *s, const char *path, const char *header,
                              const void *data, size_t size) {
  uint8_t bytes[512] = "\x93NUMPY\x01";
  size_t length = strlen(header);
  bytes[8] = (uint8_t)length;
  memcpy(bytes + 10, header, length);
  memcpy(bytes + 10 + length, data, size);
  sample_add(s, path, bytes, 10 + length + size);
}

static inline void sample_safetensors(sample_files *s, const char *path, const char *header,
                                      size_t data_size) {
  uint8_t bytes[2048] = {0};
  uint64_t length = strlen(header);
  memcpy(bytes, &length, 8);
  memcpy(bytes + 8, header, length);
  for (size_t i = 0; i < data_size; i++) bytes[8 + length + i] = (uint8_t)i;
  sample_add(s, path, bytes, 8 + length + data_size);
}

/* ---- reading ---- */

/* The value of an entry, or a region of it; the test fails where it cannot be had. */
static inline uf_tensor sample_read(uf_source *source, const char *name, const uf_region *region, int flags) {
  const uf_entry *e = NULL;
  uf_tensor t = {0};
  uf_error error = {0};
  if (uf_source_find(source, name, &e, &error) != UF_OK ||
      uf_source_read(source, e, region, flags, &t, &error) != UF_OK)
    fail_msg("%s: %s", name, error.message);
  return t;
}

#endif
