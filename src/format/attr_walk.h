/* SPDX-License-Identifier: Apache-2.0
 *
 * attr_walk.h: the elements of an AttrValue message (tensorflow/core/framework/attr_value.proto).
 *
 *   2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 placeholder, 10 func {1 name},
 *   1 list {2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 func}
 *
 * A list has the elements of one of its fields; of one that mixes them, which TensorFlow does not
 * write, those of the field that comes first count. Of several values the last counts.
 */
#ifndef UFI_ATTR_WALK_H
#define UFI_ATTR_WALK_H

#include "format/protobuf.h"

enum {
  UFI_ATTR_NONE, UFI_ATTR_STRING = 2, UFI_ATTR_INT, UFI_ATTR_FLOAT, UFI_ATTR_BOOL, UFI_ATTR_TYPE,
  UFI_ATTR_SHAPE, UFI_ATTR_TENSOR, UFI_ATTR_PLACEHOLDER, UFI_ATTR_FUNC,
};

typedef struct ufi_attr_elements {
  uint32_t field;   /* UFI_ATTR_STRING ..., the same in a list; UFI_ATTR_NONE: an empty list, or nothing */
  bool alone;       /* one value, no list */
  int64_t count;    /* of elements; 1 when alone, at most INT32_MAX */
  ufi_bytes value;  /* (for ufi_attr_next) the list, or the whole message when alone */
} ufi_attr_elements;
/* What an AttrValue holds; false: damaged. */
bool ufi_attr_elements_of(ufi_bytes message, ufi_attr_elements *out);

typedef struct ufi_attr_element {
  uint64_t number;  /* INT, BOOL, TYPE; a FLOAT's bits */
  ufi_bytes bytes;  /* of the others */
} ufi_attr_element;
/* Calls visit(context, i, element) for element i from 0 on until it returns false. */
typedef bool (*ufi_attr_visit)(void *context, int32_t i, const ufi_attr_element *element);
void ufi_attr_walk(const ufi_attr_elements *elements, ufi_attr_visit visit, void *context);

/* A FLOAT's value of its bits. */
float ufi_attr_float(uint64_t bits);
/* The name in a FUNC. */
ufi_bytes ufi_attr_function_name(ufi_bytes func);

#endif
