/* SPDX-License-Identifier: Apache-2.0
 *
 * attr_value.c: AttrValue messages (tensorflow/core/framework/attr_value.proto).
 *
 *   2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 placeholder, 10 func {1 name},
 *   1 list {2 s, 3 i, 4 f, 5 b, 6 type, 7 shape, 8 tensor, 9 func}
 *
 * A list has the elements of one of its fields; of a message that mixes them, which
 * TensorFlow does not write, those of the first count.
 */
#include "graph/attr_value.h"

#include "format/tensor_proto.h"

enum { LIST = 1, STRING, INT, FLOAT, BOOL, TYPE, SHAPE, TENSOR, PLACEHOLDER, FUNC, LIST_FUNC = 9 };

char *ufi_bytes_text(ufi_arena *arena, ufi_bytes b) {
  return ufi_arena_string(arena, b.size ? (const char *)b.data : "", b.size);
}

static uf_status damaged(uf_error *error) {
  return ufi_fail(error, UF_DATA_LOSS, "expected an attribute's value, found damaged bytes; get the file again");
}

static ufi_bytes function_name(ufi_bytes func) {
  ufi_bytes name = {0};
  ufi_proto p = ufi_proto_of(func.data, func.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) name = ufi_proto_bytes(&p);
  }
  return name;
}

static int width_of(uint32_t field) { return field == FLOAT ? 4 : field == INT || field == BOOL || field == TYPE ? 0 : -1; }

static double float_of(uint64_t bits) {
  uint32_t low = (uint32_t)bits;
  float f;
  memcpy(&f, &low, sizeof f);
  return f;
}

/* ---- lists ---------------------------------------------------------------------------- */

static bool count_list(ufi_proto list, uint32_t *field_out, int64_t *n_out) {
  uint32_t field = 0;
  int64_t n = 0;
  while (ufi_proto_next(&list)) {
    if (list.field < STRING || list.field > LIST_FUNC || (field && list.field != field)) continue;
    field = list.field;
    ufi_bytes rest = {0};
    uint64_t value;
    int width = width_of(field);
    if (width >= 0) {
      while (ufi_proto_packed(&list, width, &rest, &value)) n++;
    } else {
      n++;
    }
  }
  *field_out = field;
  *n_out = n;
  return !list.bad && n <= INT32_MAX;
}

typedef struct list_room {
  int64_t *ints;
  double *floats;
  uf_string *strings;
  uf_shape *shapes;
} list_room;

static bool make_room(ufi_arena *arena, uint32_t field, size_t n, list_room *room) {
  size_t count = n + 1;
  if (field == FLOAT) return (room->floats = ufi_arena_array(arena, count, sizeof *room->floats)) != NULL;
  if (field == SHAPE) return (room->shapes = ufi_arena_array(arena, count, sizeof *room->shapes)) != NULL;
  if (width_of(field) >= 0) return (room->ints = ufi_arena_array(arena, count, sizeof *room->ints)) != NULL;
  return (room->strings = ufi_arena_array(arena, count, sizeof *room->strings)) != NULL;
}

static uf_status put(ufi_arena *arena, uint32_t field, int32_t i, uint64_t number, ufi_bytes bytes, list_room *room,
                     uf_error *error) {
  switch (field) {
    case INT: room->ints[i] = (int64_t)number; return UF_OK;
    case BOOL: room->ints[i] = number != 0; return UF_OK;
    case TYPE: room->ints[i] = uf_dtype_from_tf((int64_t)number); return UF_OK;
    case FLOAT: room->floats[i] = float_of(number); return UF_OK;
    case SHAPE: return ufi_shape_proto_parse(bytes, &room->shapes[i].rank, room->shapes[i].dims, error);
    default: break;
  }
  if (field == LIST_FUNC) bytes = function_name(bytes);
  room->strings[i] = (uf_string){.data = ufi_bytes_text(arena, bytes), .size = bytes.size};
  return room->strings[i].data ? UF_OK : ufi_no_memory(error, bytes.size);
}

static uf_attr_kind list_kind(uint32_t field) {
  switch (field) {
    case STRING: return UF_ATTR_STRINGS;
    case FLOAT: return UF_ATTR_FLOATS;
    case BOOL: return UF_ATTR_BOOLS;
    case TYPE: return UF_ATTR_DTYPES;
    case SHAPE: return UF_ATTR_SHAPES;
    case LIST_FUNC: return UF_ATTR_FUNCS;
    default: return UF_ATTR_INTS;
  }
}

static uf_status read_list(ufi_proto list, ufi_arena *arena, uf_attr *out, uf_error *error) {
  uint32_t field;
  int64_t n;
  int32_t i = 0;
  if (!count_list(list, &field, &n)) return damaged(error);
  list_room room = {0};
  if (!make_room(arena, field, (size_t)n, &room)) return ufi_no_memory(error, (size_t)n * 16);
  while (ufi_proto_next(&list)) {
    if (list.field != field || field == 0) continue;
    ufi_bytes rest = {0}, bytes = {0};
    uint64_t value = 0;
    int width = width_of(field);
    if (width < 0) {
      bytes = ufi_proto_bytes(&list);
      UFI_TRY(put(arena, field, i++, 0, bytes, &room, error));
    } else {
      while (i < n && ufi_proto_packed(&list, width, &rest, &value)) UFI_TRY(put(arena, field, i++, value, bytes, &room, error));
    }
  }
  out->kind = list_kind(field);
  out->n = (int32_t)n;
  out->ints = room.ints;
  out->floats = room.floats;
  out->strings = room.strings;
  out->shapes = room.shapes;
  return UF_OK;
}

/* ---- one value -------------------------------------------------------------------------- */

/* A tensor with its bytes copied once, into the arena. */
static uf_status read_tensor(ufi_bytes message, ufi_arena *arena, uf_attr *out, uf_error *error) {
  ufi_tensor_proto proto;
  UFI_TRY(ufi_tensor_proto_parse(message, &proto, error));
  uf_tensor decoded = {0}, *t = ufi_arena_alloc(arena, sizeof *t);
  if (!t) return ufi_no_memory(error, sizeof *t);
  bool plain = ufi_tensor_proto_is_plain(&proto);
  if (plain) {
    decoded = (uf_tensor){.dtype = proto.dtype, .rank = proto.rank, .data = (void *)(uintptr_t)proto.content.data, .size = proto.content.size};
    memcpy(decoded.dims, proto.dims, sizeof decoded.dims);
  } else {
    UFI_TRY(ufi_tensor_proto_decode(&proto, 0, &decoded, error));
  }
  *t = decoded;
  t->buf = NULL;
  t->quant = NULL;
  t->data = ufi_arena_alloc(arena, t->size ? t->size : 1);
  bool good = t->data != NULL;
  if (good && t->size) memcpy(t->data, decoded.data, t->size);
  if (good && t->dtype == UF_STRING) {
    uf_string *s = t->data;
    for (int64_t i = 0, n = uf_tensor_count(t); good && i < n; i++) {
      good = (s[i].data = ufi_arena_string(arena, s[i].size ? s[i].data : "", s[i].size)) != NULL;
    }
  }
  if (!plain) uf_tensor_release(&decoded);
  out->kind = UF_ATTR_TENSOR;
  out->tensor = t;
  return good ? UF_OK : ufi_no_memory(error, t->size);
}

static uf_status read_text(ufi_bytes text, ufi_arena *arena, uf_attr_kind kind, uf_attr *out, uf_error *error) {
  out->kind = kind;
  out->s_size = text.size;
  out->s = ufi_bytes_text(arena, text);
  return out->s ? UF_OK : ufi_no_memory(error, text.size);
}

static uf_status read_field(ufi_proto *p, ufi_arena *arena, uf_attr *out, uf_error *error) {
  switch (p->field) {
    case STRING: return read_text(ufi_proto_bytes(p), arena, UF_ATTR_STRING, out, error);
    case INT: *out = (uf_attr){.kind = UF_ATTR_INT, .i = ufi_proto_int(p)}; return UF_OK;
    case FLOAT: *out = (uf_attr){.kind = UF_ATTR_FLOAT, .f = ufi_proto_float(p)}; return UF_OK;
    case BOOL: *out = (uf_attr){.kind = UF_ATTR_BOOL, .i = ufi_proto_uint(p) != 0}; return UF_OK;
    case TYPE: *out = (uf_attr){.kind = UF_ATTR_DTYPE, .i = uf_dtype_from_tf(ufi_proto_int(p))}; return UF_OK;
    case SHAPE:
      out->kind = UF_ATTR_SHAPE;
      return ufi_shape_proto_parse(ufi_proto_bytes(p), &out->rank, out->dims, error);
    case TENSOR: return read_tensor(ufi_proto_bytes(p), arena, out, error);
    case FUNC: return read_text(function_name(ufi_proto_bytes(p)), arena, UF_ATTR_FUNC, out, error);
    default: return read_list(ufi_proto_message(p), arena, out, error);
  }
}

uf_status ufi_attr_value(ufi_bytes message, ufi_arena *arena, uf_attr *attr, bool *has_value, uf_error *error) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  *attr = (uf_attr){.kind = UF_ATTR_INTS};
  *has_value = false;
  while (ufi_proto_next(&p)) {
    if (p.field < LIST || p.field > FUNC || p.field == PLACEHOLDER) continue;
    UFI_TRY(read_field(&p, arena, attr, error));
    *has_value = !p.bad;
  }
  return p.bad ? damaged(error) : UF_OK;
}
