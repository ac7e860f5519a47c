/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h: the attributes of ops that call other graphs of the model.
 */
#ifndef UFI_CONTROL_H
#define UFI_CONTROL_H

#include "ops/op.h"

typedef struct ufi_call_attrs {
  int32_t n;
  int32_t graphs[2]; /* IF: then, else; WHILE: condition, body */
} ufi_call_attrs;

extern const ufi_op_def ufi_op_CALL_ONCE;

#endif
