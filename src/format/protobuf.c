/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf.c: the protobuf wire format, read field by field in place.
 *
 * A message is a sequence of keys (field number << 3 | wire type) and values: varints (7
 * bits a byte, least first), 4 or 8 bytes, or a length and bytes. Groups (wire types 3
 * and 4, long deprecated) are skipped, nested ones too.
 */
#include "format/protobuf.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5, GROUPS_MAX = 64 };

ufi_proto ufi_proto_of(const void *data, size_t size) {
  const uint8_t *begin = data;
  return (ufi_proto){.at = begin, .begin = begin, .end = begin ? begin + size : begin};
}

bool ufi_varint_take(ufi_bytes *bytes, uint64_t *value_out) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes->size && i < UFI_VARINT_MAX; i++) {
    uint8_t byte = bytes->data[i];
    if (i == UFI_VARINT_MAX - 1 && byte > 1) return false; /* beyond 64 bits */
    value |= (uint64_t)(byte & 0x7F) << (7 * i);
    if (byte & 0x80) continue;
    *value_out = value;
    bytes->data += i + 1;
    bytes->size -= i + 1;
    return true;
  }
  return false;
}

size_t ufi_varint_put(uint8_t out[UFI_VARINT_MAX], uint64_t value) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) out[n++] = (uint8_t)(value | 0x80);
  out[n++] = (uint8_t)value;
  return n;
}

static bool damaged(ufi_proto *p) {
  p->bad = true;
  p->at = p->end;
  p->bytes = (ufi_bytes){0};
  p->value = 0;
  return false;
}

static bool take_varint(ufi_proto *p, uint64_t *out) {
  ufi_bytes rest = {p->at, (size_t)(p->end - p->at)};
  if (!ufi_varint_take(&rest, out)) return false;
  p->at = rest.data;
  return true;
}

static bool take_key(ufi_proto *p) {
  uint64_t key;
  if (!take_varint(p, &key) || key > UINT32_MAX || key >> 3 == 0) return false;
  p->field = (uint32_t)(key >> 3);
  p->wire = key & 7;
  return true;
}

static bool take_value(ufi_proto *p) {
  size_t left = (size_t)(p->end - p->at);
  switch (p->wire) {
    case VARINT: return take_varint(p, &p->value);
    case FIXED64:
      if (left < 8) return false;
      p->value = ufi_load64(p->at);
      p->at += 8;
      return true;
    case FIXED32:
      if (left < 4) return false;
      p->value = ufi_load32(p->at);
      p->at += 4;
      return true;
    case BYTES: {
      uint64_t size;
      if (!take_varint(p, &size) || size > (uint64_t)(p->end - p->at)) return false;
      p->bytes = (ufi_bytes){p->at, (size_t)size};
      p->at += size;
      return true;
    }
    default: return false;
  }
}

/* From behind a group's first key to behind its last. */
static bool skip_group(ufi_proto *p) {
  for (int depth = 1; depth > 0;) {
    if (p->at == p->end || !take_key(p)) return false;
    if (p->wire == GROUP) depth++;
    else if (p->wire == GROUP_END) depth--;
    else if (!take_value(p)) return false;
    if (depth > GROUPS_MAX) return false;
  }
  return true;
}

bool ufi_proto_next(ufi_proto *p) {
  while (!p->bad && p->at < p->end) {
    if (!take_key(p)) return damaged(p);
    if (p->wire != GROUP) return take_value(p) ? true : damaged(p);
    if (!skip_group(p)) return damaged(p);
  }
  return false;
}

/* ---- the field at hand ------------------------------------------------------------- */

static uint64_t number(ufi_proto *p, int wire) {
  if (p->wire == wire) return p->value;
  damaged(p);
  return 0;
}

uint64_t ufi_proto_uint(ufi_proto *p) { return number(p, VARINT); }
int64_t ufi_proto_int(ufi_proto *p) { return (int64_t)number(p, VARINT); }
uint32_t ufi_proto_fixed32(ufi_proto *p) { return (uint32_t)number(p, FIXED32); }
uint64_t ufi_proto_fixed64(ufi_proto *p) { return number(p, FIXED64); }

float ufi_proto_float(ufi_proto *p) {
  uint32_t bits = ufi_proto_fixed32(p);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

double ufi_proto_double(ufi_proto *p) {
  uint64_t bits = ufi_proto_fixed64(p);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

ufi_bytes ufi_proto_bytes(ufi_proto *p) {
  if (p->wire == BYTES) return p->bytes;
  damaged(p);
  return (ufi_bytes){0};
}

ufi_proto ufi_proto_message(ufi_proto *p) {
  ufi_bytes bytes = ufi_proto_bytes(p);
  return ufi_proto_of(bytes.data, bytes.size);
}

bool ufi_proto_pair(ufi_proto pair, ufi_bytes *key_out, ufi_bytes *value_out) {
  *key_out = *value_out = (ufi_bytes){0};
  while (ufi_proto_next(&pair)) {
    if (pair.field == 1) *key_out = ufi_proto_bytes(&pair);
    if (pair.field == 2) *value_out = ufi_proto_bytes(&pair);
  }
  return !pair.bad;
}

/* Inside a packed field, rest->data is not NULL; a single element leaves it at the
 * field's own end with nothing left. */
bool ufi_proto_packed(ufi_proto *p, int width, ufi_bytes *rest, uint64_t *value_out) {
  if (!rest->data) {
    if (p->wire != BYTES) { /* not packed: the element itself */
      *rest = (ufi_bytes){p->at, 0};
      *value_out = number(p, width == 0 ? VARINT : width == 4 ? FIXED32 : FIXED64);
      return !p->bad;
    }
    *rest = p->bytes;
  }
  if (rest->size == 0) return false;
  if (width == 0) return ufi_varint_take(rest, value_out) ? true : damaged(p);
  if (rest->size < (size_t)width) return damaged(p);
  *value_out = width == 4 ? ufi_load32(rest->data) : ufi_load64(rest->data);
  rest->data += width;
  rest->size -= (size_t)width;
  return true;
}
