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
  bool is_ref;                /* a reference variable of TensorFlow 1 */
  bool is_vector;             /* the handle is of shape (1), as of TFLite's tables */
  bool is_anonymous;          /* each run of the op makes a new resource, which its handle owns */
} ufi_handle_attrs;

extern const ufi_op_def ufi_op_VAR_HANDLE, ufi_op_HASHTABLE;

/* True for an op whose attrs are ufi_handle_attrs. */
static inline bool ufi_is_handle_op(const ufi_op_row *op) {
  return op && (op->def == &ufi_op_VAR_HANDLE || op->def == &ufi_op_HASHTABLE);
}
/* And the resource is there before the op ran. */
static inline bool ufi_is_named_handle(const ufi_op_row *op, const void *attrs) {
  return ufi_is_handle_op(op) && !((const ufi_handle_attrs *)attrs)->is_anonymous;
}
/* Finds or makes the resource; its id. */
uf_status ufi_handle_declare(ufi_store *store, const ufi_handle_attrs *attrs, int64_t *id_out,
                             uf_error *error);

/* infer and eval of handle ops: output 0 becomes the resource's handle. */
uf_status ufi_handle_infer(ufi_ctx *ctx);
uf_status ufi_handle_eval(ufi_ctx *ctx);
/* Input i is a handle: one element, as far as its shape is known. */
uf_status ufi_want_handle(ufi_ctx *ctx, int32_t i) UF_MUST_USE;
/* The resource of that kind that input 0 points to. */
uf_status ufi_resource_of(ufi_ctx *ctx, uf_state_kind kind, ufi_resource **out) UF_MUST_USE;
/* The same of input i. */
uf_status ufi_variable_in(ufi_ctx *ctx, int32_t i, ufi_resource **out) UF_MUST_USE;
/* infer and eval of output 0 of ops that give back the handle that they take, if they have one. */
uf_status ufi_handle_pass_infer(ufi_ctx *ctx) UF_MUST_USE;
void ufi_handle_pass(ufi_ctx *ctx);
/* In eval: memory for output i of that shape, which may be another than the planned one. */
uf_status ufi_out_fresh(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims, void **data_out) UF_MUST_USE;

/* ---- variable_math.c -------------------------------------------------------------- */

typedef enum ufi_update { UFI_UPDATE_SET, UFI_UPDATE_ADD, UFI_UPDATE_SUB, UFI_UPDATE_MUL, UFI_UPDATE_DIV,
                          UFI_UPDATE_MIN, UFI_UPDATE_MAX } ufi_update;
/* Whether numbers of a dtype can be updated so; SET can be done with any. */
bool ufi_update_takes(ufi_update update, uf_dtype dtype);
/* to[i] = to[i] <update> from[i * step], step 0 or 1. False: an integer divided by 0. */
bool ufi_update_run(ufi_update update, uf_dtype dtype, void *to, const void *from, int64_t n, int64_t step);

#endif
