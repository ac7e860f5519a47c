/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h: hash tables in the store of resources: filling, finding, removing.
 *
 * A table is two tensors with one entry a row, keys and values, and an index of int32_t slots
 * (linear probing, at most half full; -1: free). All three may be shared with clones of the store
 * and with whoever read them, and are written in place only while nobody else refers to them; else
 * they are copied once, with room to grow. Numbers are compared byte by byte.
 */
#ifndef UFI_TABLE_H
#define UFI_TABLE_H

#include "ops/resource.h"

/* What becomes of a key that is there already. */
typedef enum ufi_table_repeat {
  UFI_REPEAT_REPLACES, /* the last one counts */
  UFI_REPEAT_IGNORED,  /* the first one counts, as in TFLite */
  UFI_REPEAT_SAME,     /* FAILED_PRECONDITION unless its value is the same, as TensorFlow's static tables */
  UFI_REPEAT_REFUSED,  /* INVALID_ARGUMENT */
} ufi_table_repeat;

static inline int64_t ufi_table_size(const ufi_resource *table) {
  return table->initialized ? table->n_entries : 0;
}
/* Makes a table that was just found or made what a handle op says it is: a mutable one is filled,
 * with nothing. INVALID_ARGUMENT: it is of other dtypes already. */
uf_status ufi_table_declared(ufi_resource *table, uf_dtype dtype, uf_dtype key_dtype, int32_t kind,
                             uf_error *error);
/* Replaces the content, which stays as it was on failure. Keys and values are copied. */
uf_status ufi_table_import(ufi_resource *table, const uf_tensor *keys, const uf_tensor *values,
                           ufi_table_repeat repeat, uf_error *error);
/* Adds entries. Those before one that fails stay. */
uf_status ufi_table_insert(ufi_resource *table, const uf_tensor *keys, const uf_tensor *values,
                           ufi_table_repeat repeat, uf_error *error);
/* Removes n keys that lie at `keys`; those that are not there are ignored. */
uf_status ufi_table_remove(ufi_resource *table, const void *keys, int64_t n, uf_error *error);
/* Position of a key (ufi_table_key_width elements) in values, -1: none. */
int64_t ufi_table_find(const ufi_resource *table, const void *key);
/* Elements of a key and of a value. */
int64_t ufi_table_key_width(const ufi_resource *table);
int64_t ufi_table_value_width(const ufi_resource *table);
/* INVALID_ARGUMENT when one of n keys is among those that a dense table keeps for itself. */
uf_status ufi_table_check_keys_tf(const ufi_resource *table, const void *keys, int64_t n, uf_error *error);

/* As TensorFlow's InitializeTable: once; again only with as many entries. FAILED_PRECONDITION. */
uf_status ufi_table_initialize_tf(ufi_resource *table, const uf_tensor *keys, const uf_tensor *values,
                               uf_error *error);

#endif
