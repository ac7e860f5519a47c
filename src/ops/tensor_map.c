/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_map.c: TensorMap*: maps from tensors to tensors as values. Few keys: they are compared one by
 * one. A map's items are key, value, key, value ...; a new key comes last.
 */
#include "ops/variant.h"

static uf_status map_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out && !ctx->running; i++) {
    if (ctx->out[i]->dtype == UF_VARIANT) UFI_TRY(ufi_out_shape(ctx, i, 0, NULL));
  }
  return UF_OK;
}

static bool same_value(const uf_tensor *a, const ufi_tensor *b) {
  if (a->dtype != b->dtype || a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) != 0) return false;
  if (a->dtype != UF_STRING) return a->size == 0 || memcmp(a->data, b->data, a->size) == 0;
  const uf_string *x = a->data, *y = b->data;
  for (int64_t i = 0; i < b->count; i++) {
    if (x[i].size != y[i].size || (x[i].size && memcmp(x[i].data, y[i].data, x[i].size) != 0)) return false;
  }
  return true;
}

static uf_status map_in(ufi_ctx *ctx, const ufi_variant **out) { return ufi_in_variant(ctx, 0, UFI_VARIANT_MAP, out); }

/* Position of the key in input 1, -1: none. */
static int64_t find(const ufi_ctx *ctx, const ufi_variant *map) {
  for (int64_t i = 0; i < map->items.n; i += 2) {
    if (same_value(ufi_items_at(&map->items, i), ctx->in[1])) return i;
  }
  return -1;
}

static uf_status no_key(ufi_ctx *ctx) {
  char text[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Trying to lookup non-existent key: expected one of the map's, found %s", ufi_tensor_text(ctx->in[1], text));
}

static uf_status empty_eval(ufi_ctx *ctx) { return ufi_out_variant(ctx, 0, ufi_variant_create(UFI_VARIANT_MAP, UF_INVALID)); }

static uf_status insert_eval(ufi_ctx *ctx) {
  const ufi_variant *from;
  UFI_TRY(map_in(ctx, &from));
  ufi_variant *map = ufi_variant_copy(from);
  if (map == NULL) return ufi_no_memory(ctx->error, sizeof *map);
  int64_t at = find(ctx, from);
  uf_tensor key = ufi_view(ctx->in[1]), value = ufi_view(ctx->in[2]);
  uf_status status;
  if (at >= 0) {
    status = ufi_variant_set(ctx, map, at + 1, ctx->in[2]);
  } else {
    status = ufi_variant_push(ctx, map, &key, ufi_may_share(ctx->in[1]));
    if (status == UF_OK) status = ufi_variant_push(ctx, map, &value, ufi_may_share(ctx->in[2]));
  }
  if (status == UF_OK) return ufi_out_variant(ctx, 0, map);
  ufi_variant_release(map);
  return status;
}

static uf_status erase_eval(ufi_ctx *ctx) {
  const ufi_variant *from;
  UFI_TRY(map_in(ctx, &from));
  int64_t at = find(ctx, from), n = from->items.n;
  if (at < 0) return no_key(ctx);
  ufi_variant *map = ufi_variant_copy(from);
  if (map == NULL) return ufi_no_memory(ctx->error, sizeof *map);
  uf_status status = UF_OK;
  for (int64_t i = at; status == UF_OK && i + 2 < n; i++) status = ufi_items_set(&map->items, i, ufi_items_at(&from->items, i + 2), true, ctx->error);
  if (status == UF_OK) status = ufi_items_resize(&map->items, n - 2, ctx->error);
  if (status == UF_OK) return ufi_out_variant(ctx, 0, map);
  ufi_variant_release(map);
  return status;
}

static uf_status lookup_eval(ufi_ctx *ctx) {
  const ufi_variant *map;
  UFI_TRY(map_in(ctx, &map));
  int64_t at = find(ctx, map);
  if (at < 0) return no_key(ctx);
  const uf_tensor *value = ufi_items_at(&map->items, at + 1);
  if (value->dtype == ctx->out[0]->dtype) return ufi_out_tensor(ctx, 0, value);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of %s, found %s", uf_dtype_name(ctx->out[0]->dtype), uf_dtype_name(value->dtype));
}

static uf_status scalar_infer(ufi_ctx *ctx) { return ufi_out_shape(ctx, 0, 0, NULL); }

static uf_status has_eval(ufi_ctx *ctx) {
  const ufi_variant *map;
  UFI_TRY(map_in(ctx, &map));
  *(bool *)ctx->out[0]->data = find(ctx, map) >= 0;
  return UF_OK;
}

static uf_status size_eval(ufi_ctx *ctx) {
  const ufi_variant *map;
  UFI_TRY(map_in(ctx, &map));
  *(int32_t *)ctx->out[0]->data = (int32_t)(map->items.n / 2);
  return UF_OK;
}

static uf_status keys_eval(ufi_ctx *ctx) {
  const ufi_variant *map;
  uf_tensor out;
  int64_t dims[UF_MAX_RANK + 1] = {0};
  UFI_TRY(map_in(ctx, &map));
  const uf_tensor *first = ufi_items_at(&map->items, 0);
  int64_t n = dims[0] = map->items.n / 2;
  if (first == NULL) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "TensorMapStackKeys cannot be called on empty map: expected a key, found none");
  memcpy(dims + 1, first->dims, (size_t)first->rank * sizeof dims[0]);
  for (int64_t i = 0; i < n; i++) {
    const uf_tensor *key = ufi_items_at(&map->items, 2 * i);
    if (key->dtype == ctx->out[0]->dtype && key->rank == first->rank && memcmp(key->dims, first->dims, (size_t)first->rank * sizeof dims[0]) == 0) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Key does not match requested dtype or shape: expected %s keys of one shape", uf_dtype_name(ctx->out[0]->dtype));
  }
  UFI_TRY(ufi_new_tensor(ctx, first->dtype, first->rank + 1, dims, &out));
  for (int64_t i = 0; i < n && first->size; i++) memcpy((char *)out.data + (size_t)i * first->size, ufi_items_at(&map->items, 2 * i)->data, first->size);
  return ufi_out_take(ctx, 0, &out);
}

const ufi_op_def ufi_op_EMPTY_TENSOR_MAP = {.infer = map_infer, .eval = empty_eval};
const ufi_op_def ufi_op_TENSOR_MAP_INSERT = {.infer = map_infer, .eval = insert_eval};
const ufi_op_def ufi_op_TENSOR_MAP_ERASE = {.infer = map_infer, .eval = erase_eval};
const ufi_op_def ufi_op_TENSOR_MAP_LOOKUP = {.infer = map_infer, .eval = lookup_eval};
const ufi_op_def ufi_op_TENSOR_MAP_HAS_KEY = {.infer = scalar_infer, .eval = has_eval};
const ufi_op_def ufi_op_TENSOR_MAP_SIZE = {.infer = scalar_infer, .eval = size_eval};
const ufi_op_def ufi_op_TENSOR_MAP_STACK_KEYS = {.infer = map_infer, .eval = keys_eval};
