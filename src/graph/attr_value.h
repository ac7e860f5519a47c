/* SPDX-License-Identifier: Apache-2.0
 *
 * attr_value.h: TensorFlow's message for an attribute's value, as a uf_attr.
 */
#ifndef UFI_ATTR_VALUE_H
#define UFI_ATTR_VALUE_H

#include "format/protobuf.h"

/* Decodes an AttrValue; what the attribute points to is the arena's. has_value: false for a
 * placeholder of a polymorphic function or an empty message. DATA_LOSS, UNIMPLEMENTED (a dtype or rank
 * that unflow does not have). */
uf_status ufi_attr_value(ufi_bytes message, ufi_arena *arena, uf_attr *attr_out, bool *has_value,
                         uf_error *error) UF_MUST_USE;
/* Bytes as a NUL-terminated text of the arena; NULL: out of memory. */
char *ufi_bytes_text(ufi_arena *arena, ufi_bytes bytes);

#endif
