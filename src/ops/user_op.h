/* SPDX-License-Identifier: Apache-2.0
 *
 * user_op.h: ops that the caller of the library registered (uf_op_register), as rows like any other.
 */
#ifndef UFI_USER_OP_H
#define UFI_USER_OP_H

#include "ops/op.h"

/* The definition of that name; NULL: none (also when ops is NULL). Lives as long as ops. */
const uf_op_definition *ufi_user_op(const uf_ops *ops, const char *name);
/* The row that runs it. */
const ufi_op_row *ufi_user_op_row(const uf_op_definition *def);

/* What a node of such an op has as attributes. */
typedef struct ufi_user_attrs {
  const uf_op_definition *def;
  const uint8_t *options;     /* in the file */
  size_t options_size;
  int32_t version;
} ufi_user_attrs;

extern const ufi_op_def ufi_user_op_def;

#endif
