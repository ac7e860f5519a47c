/* SPDX-License-Identifier: Apache-2.0
 *
 * pack.c: weights in the form that kernels want, made once and kept: in the model
 * (graph/packing.h), or in the session for a weight that may change.
 */
#include "exec/session.h"
#include "graph/packing_cache.h"

/* From here on it pays to tell the system which pages of the file are read, once. */
enum { WHOLE_PAGES = 64 << 10 };

/* ---- of constants ----------------------------------------------------------------------- */

static ufi_node *node_of(const ufi_ctx *ctx) {
  return &ctx->frame->session->model->graphs[ctx->frame->index].nodes[ctx->node - ctx->frame->graph->nodes];
}

static bool is_in_file(const uf_model *model, const void *data) {
  const char *begin = uf_buf_data(model->file), *at = data;
  return begin && at && at >= begin && at < begin + uf_buf_size(model->file);
}

/* FNV-1a. */
static uint32_t number_of(const char *name) {
  uint32_t number = 2166136261u;
  for (; *name; name++) number = (number ^ (uint8_t)*name) * 16777619u;
  return number;
}

/* Which constant of the graph it is, -1: none, or not with the value that the file gives it. */
static int64_t constant_index(const ufi_frame *f, const ufi_tensor *weight) {
  if (!weight || weight < f->tensors || weight >= f->tensors + f->graph->n_values) return -1;
  const int64_t i = weight - f->tensors;
  const ufi_value *v = &f->graph->values[i];
  return v->kind == UF_VALUE_CONSTANT && v->data == weight->data ? i : -1;
}

static ufi_packed_key key_of(const ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, size_t size, int64_t tag) {
  const ufi_frame *f = ctx->frame;
  const int64_t constant = constant_index(f, weight);
  const int64_t place = constant >= 0 ? constant : ctx->node - f->graph->nodes;
  ufi_packed_key key = {.size = size, .tag = tag, .op = number_of(ctx->node->op->name), .slot = (uint16_t)slot};
  key.source = (constant >= 0 ? UFI_PACKED_CONSTANT : 0) | (uint64_t)f->index << 32 | (uint64_t)place;
  key.dtype = ctx->n_in > 0 && ctx->in[0] ? (uint16_t)ctx->in[0]->dtype : 0;
  return key;
}

/* Calls of the file's bytes that fill will read, before it does, and after. */
static void each_source(ufi_ctx *ctx, void (*call)(const uf_buf *buf, const void *data, size_t size)) {
  const uf_model *model = ctx->frame->session->model;
  for (int32_t k = 0; k < ctx->n_in; k++) {
    const ufi_tensor *t = ctx->in[k];
    if (t && t->is_lasting && t->size >= WHOLE_PAGES && is_in_file(model, t->data)) call(model->file, t->data, t->size);
  }
}

static uf_status fill_new(ufi_ctx *ctx, size_t size, ufi_fill_fn fill, void *arg, const void **out) {
  uf_model *model = ctx->frame->session->model;
  void *memory = ufi_packing_room(model->packing, size);
  if (memory == NULL) return ufi_no_memory(ctx->error, size);
  each_source(ctx, ufi_map_expect);
  UFI_TRY(fill(ctx, memory, arg));
  each_source(ctx, ufi_map_forget);
  if (model->packing->cache) atomic_store(&model->unsaved, true);
  *out = memory;
  return UF_OK;
}

static ufi_packing *make_packing(const uf_model *model) {
  ufi_packing *packing = ufi_packing_create(uf_buf_size(model->file));
  if (packing && model->cache && model->file) packing->cache = ufi_packing_cache_open(model->cache, model->file);
  return packing;
}

/* Under the model's lock. */
static uf_status find_or_fill(ufi_ctx *ctx, const ufi_packed_key *key, ufi_fill_fn fill, void *arg,
                              const ufi_packed_item **out) {
  uf_model *model = ctx->frame->session->model;
  if (model->packing == NULL) model->packing = make_packing(model);
  if (model->packing == NULL) return ufi_no_memory(ctx->error, sizeof *model->packing);
  *out = ufi_packing_find(model->packing, key);
  if (*out) return UF_OK;
  const void *memory = model->packing->cache ? ufi_packing_cache_find(model->packing->cache, key) : NULL;
  if (memory == NULL) UFI_TRY(fill_new(ctx, key->size, fill, arg, &memory));
  *out = ufi_packing_add(model->packing, key, memory);
  return *out ? UF_OK : ufi_no_memory(ctx->error, sizeof **out);
}

/* What the node keeps in that slot, made if there is nothing yet. */
static uf_status item_of(ufi_ctx *ctx, const ufi_packed_key *key, ufi_fill_fn fill, void *arg, const ufi_packed_item **out) {
  uf_model *model = ctx->frame->session->model;
  ufi_node *node = node_of(ctx);
  uf_status status = UF_OK;
  *out = atomic_load_explicit(&node->packed[key->slot], memory_order_acquire);
  if (*out) return UF_OK;
  pthread_mutex_lock(&model->lock);
  *out = atomic_load_explicit(&node->packed[key->slot], memory_order_relaxed);
  if (*out == NULL) status = find_or_fill(ctx, key, fill, arg, out);
  if (status == UF_OK) atomic_store_explicit(&node->packed[key->slot], *out, memory_order_release);
  pthread_mutex_unlock(&model->lock);
  return status;
}

uf_status ufi_packed(ufi_ctx *ctx, int32_t slot, size_t size, ufi_fill_fn fill, void *arg, const void **out) {
  const ufi_packed_key key = key_of(ctx, slot, NULL, size, 0);
  const ufi_packed_item *item = NULL;
  UFI_TRY(item_of(ctx, &key, fill, arg, &item));
  *out = item->memory;
  return UF_OK;
}

/* ---- of weights, from the second time on ----------------------------------------------------- */

/* A model with a cache on disk keeps what it packs at once: the file is to be whole after a run. So do graphs that are
 * called, mostly in a loop. */
static bool is_first_time(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight) {
  const ufi_frame *f = ctx->frame;
  const int64_t constant = constant_index(f, weight);
  _Atomic uint8_t *asked = constant >= 0 ? &f->graph->values[constant].asked : &node_of(ctx)->asked;
  const uint8_t bit = (uint8_t)(1 << slot), before = atomic_fetch_or_explicit(asked, bit, memory_order_relaxed);
  return !(before & bit) && f->session->depth == 0 && f->session->model->cache == NULL;
}

/* *out NULL: the node keeps another form. */
static uf_status kept_form(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                           const void **out) {
  const ufi_packed_key key = key_of(ctx, slot, form->weight, form->size, form->tag);
  const ufi_packed_item *item = NULL;
  UFI_TRY(item_of(ctx, &key, fill, arg, &item));
  *out = item->key.size == form->size && item->key.tag == form->tag ? item->memory : NULL;
  return UF_OK;
}

uf_status ufi_packed_kept(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                          const void **out) {
  *out = NULL;
  if (!form->weight->is_lasting) return UF_OK;
  const bool is_kept = atomic_load_explicit(&node_of(ctx)->packed[slot], memory_order_acquire) != NULL;
  if (!is_kept && is_first_time(ctx, slot, form->weight)) return UF_OK;
  UFI_TRY(kept_form(ctx, slot, form, fill, arg, out));
  if (!is_kept) ufi_block_free(&ctx->frame->session->passing);
  return UF_OK;
}

uf_status ufi_packed_once(ufi_ctx *ctx, size_t size, ufi_fill_fn fill, void *arg) {
  void *memory = ufi_block_take(&ctx->frame->session->passing, size);
  if (memory == NULL) return ufi_no_memory(ctx->error, size);
  /* What fill_new will need again, or nobody; several threads find their pages at the same time. */
  if (ufi_pool_threads(ctx->pool) == 1) each_source(ctx, ufi_map_expect);
  return fill(ctx, memory, arg);
}

uf_status ufi_packed_weight(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                            const void **out) {
  UFI_TRY(ufi_packed_kept(ctx, slot, form, fill, arg, out));
  if (*out) return UF_OK;
  UFI_TRY(ufi_packed_once(ctx, form->size, fill, arg));
  *out = ctx->frame->session->passing.memory;
  return UF_OK;
}

/* ---- of what may change ----------------------------------------------------------------- */

/* The packed form of a weight that may change: good as long as the weight's memory is the same,
 * which the reference kept here makes sure that nobody writes. */
static uf_status repack(ufi_ctx *ctx, ufi_repacked *kept, const ufi_tensor *weight, size_t size, ufi_fill_fn fill, void *arg) {
  bool is_same = kept->memory && kept->of == weight->buf && kept->data == weight->data && kept->size == size;
  if (is_same && weight->buf) return UF_OK;
  if (kept->memory == NULL || kept->size != size) {
    ufi_free_aligned(kept->memory);
    kept->memory = ufi_malloc_aligned(size ? size : 1);
    kept->size = size;
  }
  uf_buf_release(kept->of);
  kept->of = NULL;
  if (kept->memory == NULL) return ufi_no_memory(ctx->error, size);
  UFI_TRY(fill(ctx, kept->memory, arg));
  kept->data = weight->data;
  kept->of = weight->in_arena ? NULL : uf_buf_retain(weight->buf);
  return UF_OK;
}

static uf_status packed_for_frame(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, size_t size, ufi_fill_fn fill, void *arg,
                                  const void **out) {
  ufi_frame *f = ctx->frame;
  size_t i = (size_t)(ctx->node - f->graph->nodes) * UFI_PACKED_SLOTS + (size_t)slot;
  if (f->repacked == NULL) f->repacked = ufi_calloc((size_t)f->graph->n_nodes * UFI_PACKED_SLOTS, sizeof *f->repacked);
  if (f->repacked == NULL) return ufi_no_memory(ctx->error, sizeof *f->repacked);
  UFI_TRY(repack(ctx, &f->repacked[i], weight, size, fill, arg));
  *out = f->repacked[i].memory;
  return UF_OK;
}

uf_status ufi_packed_for(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, size_t size, ufi_fill_fn fill, void *arg,
                         const void **out) {
  if (weight->is_lasting) return ufi_packed(ctx, slot, size, fill, arg, out);
  return packed_for_frame(ctx, slot, weight, size, fill, arg, out);
}

uf_status ufi_packed_now(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                         const void **out) {
  UFI_TRY(kept_form(ctx, slot, form, fill, arg, out));
  return *out ? UF_OK : packed_for_frame(ctx, slot, form->weight, form->size, fill, arg, out);
}
