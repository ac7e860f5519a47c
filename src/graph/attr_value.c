/* SPDX-License-Identifier: Apache-2.0
 *
 * attr_value.c: AttrValue messages as attributes, whole; format/attr_walk.h reads them.
 */
#include "graph/attr_value.h"

#include "format/attr_walk.h"
#include "format/tensor_proto.h"

char *ufi_bytes_text(ufi_arena *arena, ufi_bytes b) {
  return ufi_arena_string(arena, b.size ? (const char *)b.data : "", b.size);
}

/* ---- lists ---------------------------------------------------------------------------- */

typedef struct list_room {
  ufi_arena *arena;
  uint32_t field;
  int64_t *ints;
  double *floats;
  uf_string *strings;
  uf_shape *shapes;
  uf_status status;
  uf_error *error;
} list_room;

static bool make_room(list_room *room, size_t n) {
  size_t count = n + 1;
  switch (room->field) {
    case UFI_ATTR_FLOAT: return (room->floats = ufi_arena_array(room->arena, count, sizeof *room->floats)) != NULL;
    case UFI_ATTR_SHAPE: return (room->shapes = ufi_arena_array(room->arena, count, sizeof *room->shapes)) != NULL;
    case UFI_ATTR_STRING:
    case UFI_ATTR_TENSOR:
    case UFI_ATTR_FUNC: return (room->strings = ufi_arena_array(room->arena, count, sizeof *room->strings)) != NULL;
    default: return (room->ints = ufi_arena_array(room->arena, count, sizeof *room->ints)) != NULL;
  }
}

static uf_status put_text(list_room *room, int32_t i, ufi_bytes text) {
  room->strings[i] = (uf_string){.data = ufi_bytes_text(room->arena, text), .size = text.size};
  return room->strings[i].data ? UF_OK : ufi_no_memory(room->error, text.size);
}

static uf_status put(list_room *room, int32_t i, const ufi_attr_element *e) {
  switch (room->field) {
    case UFI_ATTR_INT: room->ints[i] = (int64_t)e->number; return UF_OK;
    case UFI_ATTR_BOOL: room->ints[i] = e->number != 0; return UF_OK;
    case UFI_ATTR_TYPE: room->ints[i] = uf_dtype_from_tf((int64_t)e->number); return UF_OK;
    case UFI_ATTR_FLOAT: room->floats[i] = ufi_attr_float(e->number); return UF_OK;
    case UFI_ATTR_SHAPE: return ufi_shape_proto_parse(e->bytes, &room->shapes[i].rank, room->shapes[i].dims, room->error);
    default: return put_text(room, i, room->field == UFI_ATTR_FUNC ? ufi_attr_function_name(e->bytes) : e->bytes);
  }
}

static bool put_next(void *context, int32_t i, const ufi_attr_element *e) {
  list_room *room = context;
  room->status = put(room, i, e);
  return room->status == UF_OK;
}

static uf_attr_kind list_kind(uint32_t field) {
  switch (field) {
    case UFI_ATTR_STRING: return UF_ATTR_STRINGS;
    case UFI_ATTR_FLOAT: return UF_ATTR_FLOATS;
    case UFI_ATTR_BOOL: return UF_ATTR_BOOLS;
    case UFI_ATTR_TYPE: return UF_ATTR_DTYPES;
    case UFI_ATTR_SHAPE: return UF_ATTR_SHAPES;
    case UFI_ATTR_FUNC: return UF_ATTR_FUNCS;
    default: return UF_ATTR_INTS;
  }
}

static uf_status read_list(const ufi_attr_elements *all, ufi_arena *arena, uf_attr *out, uf_error *error) {
  list_room room = {.arena = arena, .field = all->field, .status = UF_OK, .error = error};
  if (!make_room(&room, (size_t)all->count)) return ufi_no_memory(error, (size_t)all->count * 16);
  ufi_attr_walk(all, put_next, &room);
  out->kind = list_kind(all->field);
  out->n = (int32_t)all->count;
  out->ints = room.ints;
  out->floats = room.floats;
  out->strings = room.strings;
  out->shapes = room.shapes;
  return room.status;
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

static bool keep(void *context, int32_t i, const ufi_attr_element *e) {
  *(ufi_attr_element *)context = *e;
  return false;
}

static uf_status read_one(const ufi_attr_elements *all, ufi_arena *arena, uf_attr *out, uf_error *error) {
  ufi_attr_element e = {0};
  ufi_attr_walk(all, keep, &e);
  switch (all->field) {
    case UFI_ATTR_INT: *out = (uf_attr){.kind = UF_ATTR_INT, .i = (int64_t)e.number}; return UF_OK;
    case UFI_ATTR_FLOAT: *out = (uf_attr){.kind = UF_ATTR_FLOAT, .f = ufi_attr_float(e.number)}; return UF_OK;
    case UFI_ATTR_BOOL: *out = (uf_attr){.kind = UF_ATTR_BOOL, .i = e.number != 0}; return UF_OK;
    case UFI_ATTR_TYPE: *out = (uf_attr){.kind = UF_ATTR_DTYPE, .i = uf_dtype_from_tf((int64_t)e.number)}; return UF_OK;
    case UFI_ATTR_SHAPE:
      out->kind = UF_ATTR_SHAPE;
      return ufi_shape_proto_parse(e.bytes, &out->rank, out->dims, error);
    case UFI_ATTR_TENSOR: return read_tensor(e.bytes, arena, out, error);
    case UFI_ATTR_FUNC: return read_text(ufi_attr_function_name(e.bytes), arena, UF_ATTR_FUNC, out, error);
    default: return read_text(e.bytes, arena, UF_ATTR_STRING, out, error);
  }
}

uf_status ufi_attr_value(ufi_bytes message, ufi_arena *arena, uf_attr *attr, bool *has_value, uf_error *error) {
  ufi_attr_elements all;
  *attr = (uf_attr){.kind = UF_ATTR_INTS};
  if (!ufi_attr_elements_of(message, &all)) {
    return ufi_fail(error, UF_DATA_LOSS, "expected an attribute's value, found damaged bytes; get the file again");
  }
  *has_value = all.value.data != NULL && all.field != UFI_ATTR_PLACEHOLDER;
  if (!*has_value) return UF_OK;
  return all.alone ? read_one(&all, arena, attr, error) : read_list(&all, arena, attr, error);
}
