/* SPDX-License-Identifier: Apache-2.0
 *
 * table_ops.c: hash tables as ops: handles, filling, finding, removing, export. TFLite names a table
 * by a number, which becomes the name "table_<number>"; TensorFlow by container and shared_name.
 * Tables filled from text files are in table_file.c, the content is kept by table.c.
 */
#include "ops/table.h"

#include <stdio.h>

#include "ops/host.h"
#include "ops/items.h"
#include "ops/variable.h"

/* ---- handles ------------------------------------------------------------------------- */

static uf_status hashtable_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  char *name = ufi_arena_alloc(from->arena, 32);
  if (name == NULL) return ufi_no_memory(error, 32);
  snprintf(name, 32, "table_%d", (int)ufi_fb_i32(&from->options, 0, 0));
  a->kind = UF_STATE_TABLE;
  a->rank = -1;
  a->container = "";
  a->name = name;
  a->is_vector = true;
  a->key_dtype = ufi_dtype_from_tflite(ufi_fb_i8(&from->options, 1, 0));
  a->dtype = ufi_dtype_from_tflite(ufi_fb_i8(&from->options, 2, 0));
  bool key = a->key_dtype == UF_STRING || a->key_dtype == UF_INT64 || a->key_dtype == UF_INT32;
  bool value = a->dtype == UF_FLOAT32 || a->dtype == UF_INT32 || a->dtype == UF_INT64 || a->dtype == UF_STRING ||
               a->dtype == UF_FLOAT64;
  if (key && value) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected a table from strings or integers to strings or numbers, found "
                  "one from type %d to type %d",
                  ufi_fb_i8(&from->options, 1, 0), ufi_fb_i8(&from->options, 2, 0));
}

static bool has_word(const char *op, const char *word) { return strstr(op, word) != NULL; }

/* Of all table handles, with names or anonymous. */
static uf_status hashtable_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "value_shape");
  a->kind = UF_STATE_TABLE;
  a->container = ufi_tf_text(from, "container");
  a->name = ufi_tf_text(from, "shared_name");
  if (a->name[0] == 0) a->name = from->name;
  a->dtype = ufi_tf_dtype(from, "value_dtype");
  a->key_dtype = ufi_tf_dtype(from, "key_dtype");
  a->rank = shape && shape->kind == UF_ATTR_SHAPE ? shape->rank : 0;
  for (int32_t d = 0; d < a->rank; d++) a->dims[d] = shape->dims[d];
  a->table_kind = has_word(from->op, "Dense")     ? UFI_TABLE_DENSE
                  : has_word(from->op, "Mutable") ? UFI_TABLE_MUTABLE
                                                  : UFI_TABLE_STATIC;
  int64_t count;
  bool of_tensors = has_word(from->op, "OfTensors");
  if ((of_tensors && a->rank != 1) || a->rank > 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a value_shape that is %sa vector, found rank %d",
                    of_tensors ? "" : "a scalar or ", a->rank);
  if (a->rank < 0 || !ufi_shape_count(a->rank, a->dims, &count) || count > INT32_MAX ||
      a->rank >= UF_MAX_RANK)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a whole value_shape of a table, found one of rank %d",
                    a->rank);
  int key_bits = uf_dtype_bits(a->key_dtype), bits = uf_dtype_bits(a->dtype);
  if (key_bits >= 8 && bits >= 8 && a->dtype != UF_VARIANT && a->dtype != UF_RESOURCE) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected a table from numbers or strings to numbers or strings, found "
                  "%s to %s", uf_dtype_name(a->key_dtype), uf_dtype_name(a->dtype));
}

const ufi_op_def ufi_op_HASHTABLE = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tflite = hashtable_tflite, .attrs_tf = hashtable_tf,
  .infer = ufi_handle_infer, .eval = ufi_handle_eval,
};

/* The two keys that a dense table keeps for itself. */
static uf_status special_keys_tf(ufi_ctx *ctx, ufi_resource *table) {
  const ufi_tensor *empty = ctx->in[0], *deleted = ctx->in[1];
  bool same_shape = empty->rank == deleted->rank && empty->rank < UF_MAX_RANK &&
                    (empty->rank == 0 || memcmp(empty->dims, deleted->dims, sizeof(int64_t) * (size_t)empty->rank) == 0);
  if (!same_shape)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected empty_key and deleted_key of one shape, found ranks %d "
                        "and %d",
                        empty->rank, deleted->rank);
  size_t size = empty->size;
  char *both = ufi_malloc(2 * size + 1);
  if (both == NULL) return ufi_no_memory(ctx->error, 2 * size);
  if (size) memcpy(both, empty->data, size);
  if (size) memcpy(both + size, deleted->data, size);
  uf_tensor special = {.dtype = empty->dtype, .rank = empty->rank + 1, .size = 2 * size, .data = both};
  special.dims[0] = 2;
  for (int32_t d = 0; d < empty->rank; d++) special.dims[d + 1] = empty->dims[d];
  uf_tensor_release(&table->special_keys);
  uf_status status = ufi_tensor_keep(&special, false, &table->special_keys, ctx->error);
  ufi_free(both);
  return status;
}

static uf_status special_infer(ufi_ctx *ctx) {
  if (ctx->n_in == 2) UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  return ufi_handle_infer(ctx);
}

/* Anonymous tables: each run makes a new one. */
static uf_status special_eval(ufi_ctx *ctx) {
  ufi_handle_attrs a = *(const ufi_handle_attrs *)ctx->attrs;
  ufi_store *store = ufi_host_store(ctx);
  char name[64];
  if (a.container[0] == 0 && strncmp(a.name, "//anonymous", 11) == 0) {
    snprintf(name, sizeof name, "anonymous_table_%d", (int)ufi_store_count(store));
    a.name = name;
  }
  int64_t id;
  UFI_TRY(ufi_store_declare(store, a.kind, a.container, a.name, &id, ctx->error));
  ufi_resource *table = ufi_store_at(store, id);
  if (ctx->n_in == 2 && table->special_keys.buf == NULL) UFI_TRY(special_keys_tf(ctx, table));
  *(int64_t *)ctx->out[0]->data = id;
  return ufi_handle_declare(store, &a, &id, ctx->error);
}

static uf_status special_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  UFI_TRY(hashtable_tf(from, attrs, error));
  if (has_word(from->op, "Anonymous")) a->name = "//anonymous";
  return UF_OK;
}

const ufi_op_def ufi_op_SPECIAL_HASHTABLE = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tf = special_tf, .infer = special_infer, .eval = special_eval,
};

/* The table of input 0, filled. */
static uf_status filled_table(ufi_ctx *ctx, ufi_resource **table_out) {
  char text[256];
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, table_out));
  if ((*table_out)->initialized || (*table_out)->table_kind != UFI_TABLE_STATIC) return UF_OK;
  return ufi_ctx_fail(ctx, UF_FAILED_PRECONDITION, "expected %s to be filled, found it empty; run what initialises it",
                      ufi_resource_text(*table_out, text));
}

/* ---- filling ---------------------------------------------------------------------------- */

enum { FILL_TFLITE, FILL_INITIALIZE, FILL_IMPORT, FILL_INSERT };

static uf_status fill_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(int32_t *)attrs = has_word(from->op, "Initialize") ? FILL_INITIALIZE
                      : has_word(from->op, "Import")   ? FILL_IMPORT
                                                       : FILL_INSERT;
  return UF_OK;
}

static uf_status handle_infer(ufi_ctx *ctx) { return ufi_want_handle(ctx, 0); }

/* TFLite wants what the table is made for at once, TensorFlow when it runs. */
static uf_status fill_infer(ufi_ctx *ctx) {
  const ufi_tensor *keys = ctx->in[1], *values = ctx->in[2];
  char text[512], other[512];
  UFI_TRY(ufi_want_handle(ctx, 0));
  if (*(const int32_t *)ctx->attrs != FILL_TFLITE) return UF_OK;
  if (keys->rank == values->rank && memcmp(keys->dims, values->dims, (size_t)keys->rank * sizeof *keys->dims) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected keys and values of one shape, found %s and %s",
                      ufi_tensor_text(keys, text), ufi_tensor_text(values, other));
}

uf_status ufi_table_initialize_tf(ufi_resource *table, const uf_tensor *keys, const uf_tensor *values,
                               uf_error *error) {
  char text[256];
  if (table->table_kind != UFI_TABLE_STATIC)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a table that is initialised once, found the mutable %s",
                    ufi_resource_text(table, text));
  if (!table->initialized) return ufi_table_import(table, keys, values, UFI_REPEAT_SAME, error);
  if (ufi_table_size(table) == uf_tensor_count(keys)) return UF_OK; /* TensorFlow compares no more */
  return ufi_fail(error, UF_FAILED_PRECONDITION, "expected %s to be initialised once, found %lld entries, not the "
                  "%lld of now", ufi_resource_text(table, text), (long long)ufi_table_size(table),
                  (long long)uf_tensor_count(keys));
}

/* keys (..., key shape), values (..., value shape) */
static uf_status check_shapes_tf(ufi_ctx *ctx, const ufi_resource *t, const ufi_tensor *keys, const ufi_tensor *values) {
  int32_t key_rank = UFI_MAX(0, t->special_keys.rank - 1), rank = UFI_MAX(0, t->rank), outer = keys->rank - key_rank;
  bool fits = outer >= 0 && values->rank == outer + rank;
  for (int32_t d = 0; fits && d < outer; d++) fits = keys->dims[d] == values->dims[d];
  for (int32_t d = 0; fits && d < key_rank; d++) fits = keys->dims[outer + d] == t->special_keys.dims[1 + d];
  for (int32_t d = 0; fits && d < rank; d++) fits = values->dims[outer + d] == t->dims[d];
  char text[256], key_text[UFI_SHAPE_TEXT], value_text[UFI_SHAPE_TEXT];
  if (fits) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected keys and values of fitting shapes for %s, found %s and %s",
                      ufi_resource_text(t, text), ufi_shape_text(keys->rank, keys->dims, key_text),
                      ufi_shape_text(values->rank, values->dims, value_text));
}

static uf_status check_dtypes(ufi_ctx *ctx, const ufi_resource *t, const ufi_tensor *keys, const ufi_tensor *values) {
  char text[256];
  if (t->key_dtype == keys->dtype && (values == NULL || t->dtype == values->dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s keys and %s values for %s, found %s and %s",
                      uf_dtype_name(t->key_dtype), uf_dtype_name(t->dtype), ufi_resource_text(t, text),
                      uf_dtype_name(keys->dtype), values ? uf_dtype_name(values->dtype) : "no values");
}

static uf_status fill_tf_eval(ufi_ctx *ctx, ufi_resource *table, const uf_tensor *keys, const uf_tensor *values) {
  int32_t mode = *(const int32_t *)ctx->attrs;
  char text[256];
  if (mode == FILL_INSERT && table->table_kind == UFI_TABLE_STATIC)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a mutable table to insert into, found %s",
                        ufi_resource_text(table, text));
  UFI_TRY(check_dtypes(ctx, table, ctx->in[1], ctx->in[2]));
  UFI_TRY(check_shapes_tf(ctx, table, ctx->in[1], ctx->in[2]));
  if (mode == FILL_INITIALIZE && keys->size == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected keys and values to initialise %s, found none",
                        ufi_resource_text(table, text));
  if (mode == FILL_INITIALIZE || table->table_kind == UFI_TABLE_STATIC)
    return ufi_table_initialize_tf(table, keys, values, ctx->error);
  if (mode == FILL_INSERT) return ufi_table_insert(table, keys, values, UFI_REPEAT_REPLACES, ctx->error);
  return ufi_table_import(table, keys, values, UFI_REPEAT_REPLACES, ctx->error);
}

static uf_status fill_eval(ufi_ctx *ctx) {
  ufi_resource *table = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, &table));
  uf_tensor keys = ufi_view(ctx->in[1]), values = ufi_view(ctx->in[2]);
  if (*(const int32_t *)ctx->attrs != FILL_TFLITE) return fill_tf_eval(ctx, table, &keys, &values);
  UFI_TRY(check_dtypes(ctx, table, ctx->in[1], ctx->in[2]));
  if (table->initialized) return UF_OK; /* TFLite's tables are static: a second import is ignored */
  return ufi_table_import(table, &keys, &values, UFI_REPEAT_IGNORED, ctx->error);
}

const ufi_op_def ufi_op_HASHTABLE_IMPORT = {
  .attrs_size = sizeof(int32_t), .attrs_tf = fill_tf, .infer = fill_infer, .eval = fill_eval,
};

static uf_status remove_tf(ufi_ctx *ctx) {
  ufi_resource *table = NULL;
  char text[256];
  UFI_TRY(filled_table(ctx, &table));
  if (table->table_kind == UFI_TABLE_STATIC)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a mutable table to remove from, found %s",
                        ufi_resource_text(table, text));
  UFI_TRY(check_dtypes(ctx, table, ctx->in[1], NULL));
  int64_t width = ufi_table_key_width(table);
  if (width == 0 || ctx->in[1]->count % width)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected keys of %lld elements, found %lld elements",
                        (long long)width, (long long)ctx->in[1]->count);
  return ufi_table_remove(table, ctx->in[1]->data, ctx->in[1]->count / width, ctx->error);
}

const ufi_op_def ufi_op_LOOKUP_TABLE_REMOVE = {.infer = handle_infer, .eval = remove_tf};

/* ---- finding ------------------------------------------------------------------------------ */

static uf_status find_attrs_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(bool *)attrs = true;
  return UF_OK;
}

/* Keys and values may be tensors: the last dimensions of the keys, and of what is found. */
static uf_status find_shape_tf(ufi_ctx *ctx) {
  if (!ufi_known(ctx, 0)) return UF_OK;
  ufi_resource *t = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, &t));
  const ufi_tensor *keys = ctx->in[1];
  int32_t key_rank = UFI_MAX(0, t->special_keys.rank - 1), rank = UFI_MAX(0, keys->rank - key_rank);
  int64_t dims[2 * UF_MAX_RANK];
  bool fits = keys->rank >= key_rank;
  for (int32_t d = 0; fits && d < key_rank; d++) fits = keys->dims[rank + d] == t->special_keys.dims[1 + d];
  if (!fits || rank + t->rank > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected keys whose last %d dimensions are those of the table's "
                        "keys, found keys of rank %d", key_rank, keys->rank);
  for (int32_t d = 0; d < rank; d++) dims[d] = keys->dims[d];
  for (int32_t d = 0; d < t->rank; d++) dims[rank++] = t->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status find_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_handle(ctx, 0));
  UFI_TRY(ufi_want_same(ctx, ufi_in(ctx, 2), ctx->out[0]));
  return *(const bool *)ctx->attrs ? find_shape_tf(ctx) : ufi_out_like(ctx, 0, ctx->in[1]);
}

static uf_status find_eval(ufi_ctx *ctx) {
  const ufi_tensor *keys = ctx->in[1], *fallback = ctx->in[2];
  ufi_tensor *out = ctx->out[0];
  ufi_resource *table = NULL;
  UFI_TRY(filled_table(ctx, &table));
  UFI_TRY(check_dtypes(ctx, table, keys, out));
  int64_t key_width = ufi_table_key_width(table), width = ufi_table_value_width(table);
  int64_t n = width && key_width ? UFI_MIN(out->count / width, keys->count / key_width) : 0;
  bool each = *(const bool *)ctx->attrs && fallback->count == out->count; /* a default of its own for each key */
  if (!each && fallback->count < width)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a default of %lld elements, found %lld", (long long)width,
                        (long long)fallback->count);
  UFI_TRY(ufi_table_check_keys_tf(table, keys->data, n, ctx->error));
  size_t key_size = (size_t)uf_dtype_bits(keys->dtype) / 8 * (size_t)key_width;
  size_t size = (size_t)uf_dtype_bits(out->dtype) / 8 * (size_t)width;
  for (int64_t i = 0; i < n; i++) {
    int64_t at = ufi_table_find(table, (const char *)keys->data + (size_t)i * key_size);
    const char *from = at < 0 ? (const char *)fallback->data + (each ? (size_t)i * size : 0)
                              : (const char *)table->value.data + (size_t)at * size;
    memcpy((char *)out->data + (size_t)i * size, from, size);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_HASHTABLE_FIND = {
  .attrs_size = sizeof(bool), .attrs_tf = find_attrs_tf, .infer = find_infer, .eval = find_eval,
};

/* ---- size, export --------------------------------------------------------------------------- */

static uf_status size_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(bool *)attrs = true; /* a scalar; TFLite's is of shape (1) */
  return UF_OK;
}

static uf_status size_infer(ufi_ctx *ctx) {
  int64_t one = 1;
  UFI_TRY(ufi_want_handle(ctx, 0));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT64, UF_INVALID));
  return ufi_out_shape(ctx, 0, *(const bool *)ctx->attrs ? 0 : 1, &one);
}

static uf_status size_eval(ufi_ctx *ctx) {
  ufi_resource *table = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, &table));
  *(int64_t *)ctx->out[0]->data = ufi_table_size(table);
  return UF_OK;
}

const ufi_op_def ufi_op_HASHTABLE_SIZE = {
  .attrs_size = sizeof(bool), .attrs_tf = size_tf, .infer = size_infer, .eval = size_eval,
};

static uf_status export_eval(ufi_ctx *ctx) {
  ufi_resource *t = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, &t));
  UFI_TRY(check_dtypes(ctx, t, ctx->out[0], ctx->out[1]));
  if (!t->initialized || t->keys.data == NULL) { /* of no entries */
    int64_t dims[UF_MAX_RANK] = {0};
    for (int32_t d = 0; d < t->rank; d++) dims[d + 1] = t->dims[d];
    UFI_TRY(ufi_out_shape(ctx, 0, 1, dims));
    return ufi_out_shape(ctx, 1, 1 + UFI_MAX(0, t->rank), dims);
  }
  UFI_TRY(ufi_out_shape(ctx, 0, t->keys.rank, t->keys.dims));
  UFI_TRY(ufi_out_shape(ctx, 1, t->value.rank, t->value.dims));
  if (t->keys.size) memcpy(ctx->out[0]->data, t->keys.data, t->keys.size);
  if (t->value.size) memcpy(ctx->out[1]->data, t->value.data, t->value.size);
  return UF_OK;
}

const ufi_op_def ufi_op_LOOKUP_TABLE_EXPORT = {.infer = handle_infer, .eval = export_eval};
