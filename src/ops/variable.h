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
  int32_t table_kind;         /* UFI_TABLE_STATIC ... */
} ufi_handle_attrs;

extern const ufi_op_def ufi_op_VAR_HANDLE, ufi_op_HASHTABLE;

/* True for an op whose attrs are ufi_handle_attrs. */
static inline bool ufi_is_handle_op(const ufi_op_row *op) {
  return op && (op->def == &ufi_op_VAR_HANDLE || op->def == &ufi_op_HASHTABLE);
}
/* Finds or makes the resource; its id. */
uf_status ufi_handle_declare(ufi_store *store, const ufi_handle_attrs *attrs, int64_t *id_out,
                             uf_error *error);

/* infer and eval of handle ops: output 0 becomes the resource's handle. */
uf_status ufi_handle_infer(ufi_ctx *ctx);
uf_status ufi_handle_eval(ufi_ctx *ctx);
/* The resource of that kind that input 0 points to. */
uf_status ufi_resource_of(ufi_ctx *ctx, uf_state_kind kind, ufi_resource **out) UF_MUST_USE;

#endif
