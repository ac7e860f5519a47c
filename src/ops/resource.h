/* SPDX-License-Identifier: Apache-2.0
 *
 * resource.h: the store of what outlives a run and is named by handles:
 * variables, hash tables, and objects (queues, stacks, tensor arrays ...).
 *
 * A handle is an int64_t id, found or made by (container, shared name); or, of a
 * resource without a name, owned: it goes when the memory of its handle goes. A variable's value is a tensor whose buf is
 * shared: reading retains it, assigning replaces it unless the store holds the
 * only reference. So a snapshot of the store is a copy of references, and a
 * value that somebody holds never changes.
 */
#ifndef UFI_RESOURCE_H
#define UFI_RESOURCE_H

#include "base/base.h"

/* What an object is, other than a variable or a table. clone gives what a snapshot of the store
 * has in its stead, NULL when out of memory; it should cost little (share what is inside). */
typedef struct ufi_object_type {
  const char *name;        /* for messages: "queue" */
  void (*release)(void *object);
  void *(*clone)(const void *object);
} ufi_object_type;
#define UFI_STATE_OBJECT ((uf_state_kind)100) /* is never listed as state */

typedef struct ufi_resource {
  uf_state_kind kind;      /* UF_STATE_VARIABLE, UF_STATE_TABLE or UFI_STATE_OBJECT */
  char *container, *name;
  uf_dtype dtype;          /* declared by the handle op, or of the first value */
  uf_dtype key_dtype;      /* tables */
  int32_t rank;            /* declared shape; -1: any */
  int64_t dims[UF_MAX_RANK];
  bool initialized;
  bool is_ref;             /* a reference variable of TensorFlow 1 */
  const ufi_object_type *type;
  void *object;            /* of that type; NULL when it is no object, or closed */
  int64_t child;           /* id of a nameless resource that goes with this one, 0: none; it may have a child, too */
  uf_tensor value;         /* variables; tables: values */
  uf_tensor keys;          /* tables */
  const uf_quant *quant;   /* of the values, from the op that assigned */
  /* tables (table.h): */
  uf_buf *index;           /* int32_t slots into keys, -1 free */
  int64_t n_entries;
  int32_t table_kind;      /* UFI_TABLE_STATIC ... */
  uf_tensor special_keys;  /* dense tables: (2, key shape), the keys that no entry can have */
  struct ufi_table_room {
    int64_t entries;       /* that buf has room for */
    size_t used, size;     /* bytes of characters behind them */
  } key_room, value_room;
} ufi_resource;

enum {
  UFI_TABLE_STATIC,  /* filled once (HashTable, and TFLite's) */
  UFI_TABLE_MUTABLE,
  UFI_TABLE_DENSE,   /* MutableDenseHashTable: keys may be tensors, two of them are special */
};

typedef struct ufi_store ufi_store; /* reference-counted */

ufi_store *ufi_store_create(void);
ufi_store *ufi_store_retain(ufi_store *store);
void ufi_store_release(ufi_store *store);
/* A new store with the same ids and the same values (by reference). */
ufi_store *ufi_store_clone(const ufi_store *store);
/* Every resource unassigned, ids kept. */
void ufi_store_reset(ufi_store *store);
/* Variables and tables that have names. */
int32_t ufi_store_count(const ufi_store *store);
/* NULL for an id that is none (ids may come from user data). */
ufi_resource *ufi_store_at(ufi_store *store, int64_t id);
/* -1: none. container NULL: any. */
int64_t ufi_store_find(const ufi_store *store, const char *container, const char *name);
/* Finds or makes (an object without anything in it). ALREADY_EXISTS when the kind differs. */
uf_status ufi_store_declare(ufi_store *store, uf_state_kind kind, const char *container,
                            const char *name, int64_t *id_out, uf_error *error);
/* Makes a resource that no name finds; its name is for messages. */
uf_status ufi_store_add(ufi_store *store, uf_state_kind kind, const char *name, int64_t *id_out,
                        uf_error *error);
/* Its content is gone and, unless it is a variable or table with a name, its id, too. */
void ufi_store_remove(ufi_store *store, int64_t id);
/* The memory of a handle (one int64_t) that removes the resource when it is released. */
uf_status ufi_store_own(ufi_store *store, int64_t id, uf_buf **buf_out, uf_error *error);

/* "variable 'w'" or "variable 'c/w'". */
const char *ufi_resource_text(const ufi_resource *resource, char out[256]);
/* FAILED_PRECONDITION with the name when unassigned. */
uf_status ufi_variable_check(const ufi_resource *variable, uf_error *error);
/* The value, retained. FAILED_PRECONDITION with the name when unassigned. */
uf_status ufi_variable_read(const ufi_resource *variable, uf_tensor *tensor_out, uf_error *error);
/* Takes the value: shares tensor->buf when it has one that is not written
 * any more (`share`), else copies. Checks dtype and declared shape. */
uf_status ufi_variable_assign(ufi_resource *variable, const uf_tensor *tensor, bool share,
                              uf_error *error);

/* The value, to be written: in memory that nobody else refers to, moved there if need be. Strings:
 * elements may be replaced by ones whose characters live elsewhere only until
 * ufi_variable_assign packs them. FAILED_PRECONDITION when unassigned. */
uf_status ufi_variable_writable(ufi_resource *variable, uf_tensor **value_out, uf_error *error);

/* Frees the value (table: the content). */
void ufi_resource_clear(ufi_resource *resource);

#endif
