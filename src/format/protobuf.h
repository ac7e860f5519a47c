/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf.h: the protobuf wire format, read field by field in place.
 *
 *   ufi_proto p = ufi_proto_of(data, size);
 *   while (ufi_proto_next(&p))
 *     switch (p.field) {
 *       case 1: name = ufi_proto_bytes(&p); break;
 *       case 2: dtype = ufi_proto_int(&p); break;
 *     }
 *   if (p.bad) ... damaged
 *
 * Fields whose wire type is not the one asked for read as zero or nothing and set bad, as
 * any damage does; ufi_proto_next then ends. Nothing is copied or allocated, nothing
 * beyond `end` is read.
 */
#ifndef UFI_PROTOBUF_H
#define UFI_PROTOBUF_H

#include "base/base.h"

/* Bytes in the message; not NUL-terminated. */
typedef struct ufi_bytes {
  const uint8_t *data;
  size_t size;
} ufi_bytes;

typedef struct ufi_proto {
  const uint8_t *at, *end;
  const uint8_t *begin;  /* of the message, for offsets in messages to users */
  uint32_t field;        /* of the field at hand */
  uint8_t wire;          /* 0 varint, 1 64 bits, 2 bytes, 5 32 bits (groups are skipped) */
  bool bad;
  uint64_t value;        /* wire 0, 1, 5 */
  ufi_bytes bytes;       /* wire 2 */
} ufi_proto;

ufi_proto ufi_proto_of(const void *data, size_t size);
/* To the next field; false at the end or when the message is damaged (p->bad). */
bool ufi_proto_next(ufi_proto *p);

/* The field at hand as ... */
uint64_t ufi_proto_uint(ufi_proto *p);   /* varint */
int64_t ufi_proto_int(ufi_proto *p);     /* varint, two's complement */
uint32_t ufi_proto_fixed32(ufi_proto *p);
uint64_t ufi_proto_fixed64(ufi_proto *p);
float ufi_proto_float(ufi_proto *p);
double ufi_proto_double(ufi_proto *p);
ufi_bytes ufi_proto_bytes(ufi_proto *p);
ufi_proto ufi_proto_message(ufi_proto *p); /* a message inside */

/* An entry of a map, {1 key, 2 value}, whose parts are bytes; what is not there is empty. false: damaged, the parts
 * before that are given. */
bool ufi_proto_pair(ufi_proto pair, ufi_bytes *key_out, ufi_bytes *value_out);

/* A repeated number, packed or not: calls of ufi_proto_packed give its elements one by
 * one; *rest starts as {0} with each field. width: 0 varint, 4 or 8 bytes.
 *   ufi_bytes rest = {0}; uint64_t v; while (ufi_proto_packed(&p, 0, &rest, &v)) ... */
bool ufi_proto_packed(ufi_proto *p, int width, ufi_bytes *rest, uint64_t *value_out);

/* One varint at the front of *bytes, which it is taken from; false: damaged. */
bool ufi_varint_take(ufi_bytes *bytes, uint64_t *value_out);

static inline bool ufi_bytes_equal(ufi_bytes b, const char *text) {
  return b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
}

/* ---- writing ---- */

enum { UFI_VARINT_MAX = 10 };
/* Bytes written to out. */
size_t ufi_varint_put(uint8_t out[UFI_VARINT_MAX], uint64_t value);

#endif
