/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c: a model's life: opened from a file or from memory, retained,
 * released. What it contains is asked for in model_query.c.
 */
#include "graph/graph.h"
#include "graph/packing_cache.h"

#include <stdlib.h>

uf_model *ufi_model_create(const char *path) {
  uf_model *model = ufi_calloc(1, sizeof *model);
  if (!model) return NULL;
  size_t size = strlen(path) + 1;
  model->path = ufi_malloc(size);
  model->arena = ufi_arena_create();
  if (!model->path || !model->arena || pthread_mutex_init(&model->lock, NULL) != 0) {
    ufi_arena_destroy(model->arena);
    ufi_free(model->path);
    ufi_free(model);
    return NULL;
  }
  memcpy(model->path, path, size);
  model->format = "built";
  model->description = "";
  atomic_init(&model->refs, 1);
  return model;
}

#define ARENA_BASE ((size_t)16 << 20)
#define ARENA_PER_BYTE 32

size_t ufi_model_limit(const uf_model *model) {
  size_t part;
  if (!model->file || !ufi_mul_size(uf_buf_size(model->file), ARENA_PER_BYTE, &part) ||
      !ufi_add_size(part, ARENA_BASE, &part)) {
    return SIZE_MAX;
  }
  return part;
}

uf_model *uf_model_retain(uf_model *model) {
  if (model) atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
  return model;
}

/* What a graph owns outside of the arena. */
static void release_graph(ufi_graph *graph) {
  for (int32_t i = 0; i < graph->n_values; i++) uf_buf_release(graph->values[i].buf);
  for (int32_t i = 0; i < graph->n_nodes; i++) {
    uf_buf_release(graph->nodes[i].folded);
  }
  ufi_names_destroy(graph->names);
}

void uf_model_release(uf_model *model) {
  if (!model || atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) != 1) return;
  for (int32_t g = 0; g < model->n_graphs; g++) release_graph(&model->graphs[g]);
  ufi_packing_destroy(model->packing);
  ufi_model_close_archive(model);
  uf_buf_release(model->file);
  uf_ops_release(model->ops);
  pthread_mutex_destroy(&model->lock);
  ufi_arena_destroy(model->arena);
  ufi_free(model->path);
  ufi_free(model);
}

/* ---- open ------------------------------------------------------------------- */

/* The name to use in messages. Options of an older, smaller struct lack it. */
static const char *open_name(const uf_open_options *options, const char *fallback) {
  size_t needed = offsetof(uf_open_options, name) + sizeof options->name;
  return options && options->struct_size >= needed && options->name ? options->name : fallback;
}

static uf_ops *open_ops(const uf_open_options *options) {
  size_t needed = offsetof(uf_open_options, ops) + sizeof options->ops;
  return options && options->struct_size >= needed ? options->ops : NULL;
}

/* The folder for packed weights; NULL or "": none. */
static const char *open_cache(const uf_open_options *options) {
  size_t needed = offsetof(uf_open_options, cache) + sizeof options->cache;
  const char *folder = options && options->struct_size >= needed ? options->cache : NULL;
  return folder ? folder : secure_getenv("UNFLOW_CACHE");
}

/* Remembers the folder, which is looked at when the first weights are packed. */
static uf_status keep_cache(uf_model *model, const char *folder, uf_error *error) {
  if (!folder || !*folder) return UF_OK;
  model->cache = ufi_arena_string(model->arena, folder, strlen(folder));
  return model->cache ? UF_OK : ufi_no_memory(error, strlen(folder));
}

void ufi_model_save_packed(uf_model *model) {
  if (!atomic_load_explicit(&model->unsaved, memory_order_relaxed)) return;
  pthread_mutex_lock(&model->lock);
  if (atomic_exchange(&model->unsaved, false)) ufi_packing_cache_save(model->packing->cache, model->packing);
  pthread_mutex_unlock(&model->lock);
}

static uf_status open_named(uf_buf *buf, const char *name, const uf_open_options *options, uf_model **model_out,
                            uf_error *error) {
  uf_model *model = ufi_model_create(name);
  if (!model) return ufi_no_memory(error, sizeof *model);
  model->ops = uf_ops_retain(open_ops(options));
  uf_status status = keep_cache(model, open_cache(options), error);
  if (status == UF_OK) status = ufi_model_from_tflite(model, buf, error);
  if (status == UF_OK) status = ufi_model_finish(model, error);
  if (status != UF_OK) {
    ufi_error_prefix(error, "%s", name);
    uf_model_release(model);
    return status;
  }
  *model_out = model;
  return UF_OK;
}

uf_status uf_model_open_buf(uf_buf *buf, const uf_open_options *options, uf_model **model_out,
                            uf_error *error) {
  return open_named(buf, open_name(options, "<memory>"), options, model_out, error);
}

uf_status uf_model_open(const char *path, const uf_open_options *options, uf_model **model_out,
                        uf_error *error) {
  uf_buf *buf = NULL;
  UFI_TRY(ufi_map_file(path, &buf, error));
  uf_status status = open_named(buf, open_name(options, path), options, model_out, error);
  uf_buf_release(buf); /* the model has its own reference */
  return status;
}
