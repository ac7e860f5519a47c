/* SPDX-License-Identifier: Apache-2.0
 *
 * attr_walk.c: walking over the elements of AttrValue messages, see attr_walk.h.
 */
#include "format/attr_walk.h"

enum { LIST = 1, LIST_FUNC = 9 };

float ufi_attr_float(uint64_t bits) {
  uint32_t low = (uint32_t)bits;
  float f;
  memcpy(&f, &low, sizeof f);
  return f;
}

ufi_bytes ufi_attr_function_name(ufi_bytes func) {
  ufi_bytes name = {0};
  ufi_proto p = ufi_proto_of(func.data, func.size);
  while (ufi_proto_next(&p))
    if (p.field == 1) name = ufi_proto_bytes(&p);
  return name;
}

/* Of a number's field as the wire has it; -1: bytes. */
static int width_of(uint32_t field) {
  return field == UFI_ATTR_FLOAT ? 4 : field == UFI_ATTR_INT || field == UFI_ATTR_BOOL || field == UFI_ATTR_TYPE ? 0 : -1;
}

/* The elements of a list's field; field 0: of the one that comes first, which *field becomes.
 * visit NULL: they are only counted. */
static bool walk_list(ufi_proto list, uint32_t *field, int64_t *count, ufi_attr_visit visit, void *context) {
  *count = 0;
  while (ufi_proto_next(&list)) {
    if (list.field < UFI_ATTR_STRING || list.field > LIST_FUNC || (*field && list.field != *field)) continue;
    *field = list.field;
    int width = width_of(list.field);
    ufi_bytes rest = {0};
    ufi_attr_element e = {0};
    if (width < 0) {
      e.bytes = ufi_proto_bytes(&list);
      if (!list.bad && visit && !visit(context, (int32_t)*count, &e)) return true;
      *count += !list.bad;
    }
    while (width >= 0 && ufi_proto_packed(&list, width, &rest, &e.number)) {
      if (visit && !visit(context, (int32_t)*count, &e)) return true;
      (*count)++;
    }
  }
  return !list.bad;
}

bool ufi_attr_elements_of(ufi_bytes message, ufi_attr_elements *out) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  bool is_list = true;
  *out = (ufi_attr_elements){.field = UFI_ATTR_NONE};
  while (ufi_proto_next(&p)) {
    if (p.field > UFI_ATTR_FUNC) continue;
    is_list = p.field == LIST;
    *out = (ufi_attr_elements){.field = is_list ? UFI_ATTR_NONE : p.field, .alone = !is_list, .count = !is_list, .value = message};
    if (is_list) out->value = ufi_proto_bytes(&p);
    else if (width_of(p.field) < 0) ufi_proto_bytes(&p); /* bad, if the wire has it otherwise */
    else if (width_of(p.field) == 4) ufi_proto_fixed32(&p);
    else ufi_proto_uint(&p);
  }
  if (p.bad || !is_list) return !p.bad;
  if (!walk_list(ufi_proto_of(out->value.data, out->value.size), &out->field, &out->count, NULL, NULL)) return false;
  if (out->field == LIST_FUNC) out->field = UFI_ATTR_FUNC;
  return out->count <= INT32_MAX;
}

/* The last value of a message that is no list. */
static void visit_alone(const ufi_attr_elements *from, ufi_attr_visit visit, void *context) {
  ufi_proto p = ufi_proto_of(from->value.data, from->value.size);
  ufi_attr_element e = {0};
  while (ufi_proto_next(&p)) {
    if (p.field != from->field) continue;
    int width = width_of(p.field);
    if (width < 0) e.bytes = ufi_proto_bytes(&p);
    else e.number = width == 4 ? ufi_proto_fixed32(&p) : ufi_proto_uint(&p);
  }
  visit(context, 0, &e);
}

void ufi_attr_walk(const ufi_attr_elements *elements, ufi_attr_visit visit, void *context) {
  uint32_t field = elements->field == UFI_ATTR_FUNC ? LIST_FUNC : elements->field;
  int64_t count;
  if (elements->alone) visit_alone(elements, visit, context);
  else if (elements->count > 0) walk_list(ufi_proto_of(elements->value.data, elements->value.size), &field, &count, visit, context);
}
