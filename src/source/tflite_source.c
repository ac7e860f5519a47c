/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_source.c: the weights of a .tflite: constants of all its graphs, by uf_model.
 *
 * Names are the tensors' own, "#12" for tensor 12 if it has none; what was there before gets
 * ~2, ~3 and so on. Values are views of the file; sparse ones come dense, in memory of
 * their own. A file that is not mapped is read whole, as models are.
 */
#include <stdio.h>

#include "source/source.h"
#include "source/unique.h"

typedef struct weight {
  uf_entry e;
  int32_t graph, value;
} weight;

static uf_status add_value(uf_source *source, ufi_unique *names, int32_t graph, int32_t i,
                           uf_error *error) {
  uf_value_info info;
  char number[16];
  UFI_TRY(uf_model_value(source->impl, graph, i, &info, error));
  if (info.kind != UF_VALUE_CONSTANT || info.dtype == UF_RESOURCE || info.dtype == UF_VARIANT)
    return UF_OK;
  weight *w = ufi_arena_alloc(source->arena, sizeof *w);
  if (!w) return ufi_no_memory(error, sizeof *w);
  const char *name = info.name && info.name[0] ? info.name : number;
  if (name == number) snprintf(number, sizeof number, "#%d", (int)i);
  w->graph = graph;
  w->value = i;
  w->e.name = ufi_unique_name(names, source->arena, name, strlen(name));
  if (!w->e.name) return ufi_no_memory(error, strlen(name));
  w->e.dtype = info.dtype;
  w->e.rank = UFI_MAX(info.rank, 0);
  memcpy(w->e.dims, info.dims, sizeof info.dims);
  w->e.n_pieces = 1;
  w->e.quant = info.quant;
  int64_t count = 0;
  size_t bytes = 0;
  if (info.dtype != UF_STRING && ufi_shape_count(w->e.rank, w->e.dims, &count) &&
      ufi_dtype_bytes(info.dtype, count, &bytes))
    w->e.size = bytes;
  return ufi_source_add(source, &w->e, error);
}

static uf_status tflite_scan(uf_source *source, uf_error *error) {
  uf_model_info model;
  uf_model_describe(source->impl, &model);
  ufi_unique *names = ufi_unique_create();
  uf_status status = names ? UF_OK : ufi_no_memory(error, 64);
  for (int32_t g = 0; g < model.n_graphs && status == UF_OK; g++) {
    uf_graph_info graph = {0};
    status = uf_model_graph(source->impl, g, &graph, error);
    for (int32_t i = 0; i < graph.n_values && status == UF_OK; i++)
      status = add_value(source, names, g, i, error);
  }
  ufi_unique_destroy(names);
  return status;
}

static uf_status copy_whole(uf_tensor *t, uf_error *error) {
  uf_buf *buf = NULL;
  if (t->dtype == UF_STRING) {
    UFI_TRY(ufi_strings_pack(t->data, uf_tensor_count(t), &buf, error));
  } else {
    buf = uf_buf_create(t->size);
    if (!buf) return ufi_no_memory(error, t->size);
    if (t->size) memcpy(uf_buf_data(buf), t->data, t->size);
  }
  uf_buf_release(t->buf);
  t->buf = buf;
  t->data = uf_buf_data(buf);
  t->read_only = false;
  return UF_OK;
}

static uf_status tflite_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                             int flags, uf_tensor *tensor_out, uf_error *error) {
  const weight *w = (const weight *)entry;
  uf_tensor t = {0}, whole = {0};
  UFI_TRY(uf_model_constant(source->impl, w->graph, w->value, &t, error));
  uf_status status = UF_OK;
  size_t width = (size_t)uf_dtype_bits(t.dtype) / 8;
  bool unaligned = t.dtype != UF_STRING && width > 1 &&
                   (uintptr_t)t.data % UFI_MIN(width, 8u) != 0 && !(flags & UF_READ_UNALIGNED);
  if (region) {
    whole = t;
    status = ufi_tensor_region(&whole, region, &t, error);
    uf_tensor_release(&whole);
  } else if ((flags & UF_READ_COPY) || unaligned || t.dtype == UF_STRING) {
    /* strings point into memory that is not theirs: whoever copies them must not need to know */
    status = copy_whole(&t, error);
    if (status != UF_OK) uf_tensor_release(&t);
  }
  if (status == UF_OK) *tensor_out = t;
  else ufi_error_prefix(error, "%.200s: '%.200s'", source->path, entry->name);
  return status;
}

static void tflite_destroy(uf_source *source) { uf_model_release(source->impl); }

static const ufi_source_ops tflite_ops = {
  .format = "tflite", .scan = tflite_scan, .read = tflite_read, .destroy = tflite_destroy};

uf_status ufi_open_tflite(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                          uf_error *error) {
  uf_buf *bytes = NULL;
  uf_model *model = NULL;
  const char *path = ufi_file_path(file);
  uf_open_options options = {.struct_size = sizeof options, .name = path};
  UFI_TRY(ufi_file_view(file, 0, ufi_file_size(file), &bytes, error));
  uf_status status = uf_model_open_buf(bytes, &options, &model, error);
  uf_buf_release(bytes);
  UFI_TRY(status);
  uf_source *source = ufi_source_create(path, fs, &tflite_ops, error);
  if (!source) {
    uf_model_release(model);
    return UF_RESOURCE_EXHAUSTED;
  }
  source->impl = model;
  *source_out = source;
  return UF_OK;
}
