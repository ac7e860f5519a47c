/* SPDX-License-Identifier: Apache-2.0
 *
 * variable.h: what a handle op says of its resource, for whoever needs the
 * resource without running the op (reading a variable before the first run).
 */
#ifndef UFI_VARIABLE_H
#define UFI_VARIABLE_H

#include "ops/op.h"
#include "ops/resource.h"

/* Attributes of VAR_HANDLE and HASHTABLE. */
typedef struct ufi_handle_attrs {
  uf_state_kind kind;
  const char *container, *name;
  uf_dtype dtype, key_dtype;  /* UF_INVALID: any */
  int32_t rank;               /* -1: any */
  int64_t dims[UF_MAX_RANK];
} ufi_handle_attrs;

extern const ufi_op_def ufi_op_VAR_HANDLE, ufi_op_HASHTABLE;

/* True for an op whose attrs are ufi_handle_attrs. */
static inline bool ufi_is_handle_op(const ufi_op_row *op) {
  return op && (op->def == &ufi_op_VAR_HANDLE || op->def == &ufi_op_HASHTABLE);
}
/* Finds or makes the resource; its id. */
uf_status ufi_handle_declare(ufi_store *store, const ufi_handle_attrs *attrs, int64_t *id_out,
                             uf_error *error);

#endif
