/* SPDX-License-Identifier: Apache-2.0
 *
 * protowrite.h: protobuf messages by hand, for tests.
 */
#ifndef PROTOWRITE_H
#define PROTOWRITE_H

#include <assert.h>

#include "format/protobuf.h"

typedef struct pw {
  uint8_t data[8192];
  size_t size;
} pw;

static inline void pw_varint(pw *m, uint64_t value) {
  m->size += ufi_varint_put(m->data + m->size, value);
}
static inline void pw_int(pw *m, uint32_t field, int64_t value) {
  pw_varint(m, field << 3);
  pw_varint(m, (uint64_t)value);
}
static inline void pw_bytes(pw *m, uint32_t field, const void *data, size_t size) {
  pw_varint(m, field << 3 | 2);
  pw_varint(m, size);
  assert(size <= sizeof m->data - m->size);
  if (size) memcpy(m->data + m->size, data, size);
  m->size += size;
}
static inline void pw_text(pw *m, uint32_t field, const char *text) {
  pw_bytes(m, field, text, strlen(text));
}
static inline void pw_message(pw *m, uint32_t field, const pw *inner) {
  pw_bytes(m, field, inner->data, inner->size);
}
static inline void pw_float(pw *m, uint32_t field, float value) {
  pw_varint(m, field << 3 | 5);
  memcpy(m->data + m->size, &value, 4);
  m->size += 4;
}
static inline void pw_double(pw *m, uint32_t field, double value) {
  pw_varint(m, field << 3 | 1);
  memcpy(m->data + m->size, &value, 8);
  m->size += 8;
}
/* A TensorShapeProto. */
static inline void pw_shape(pw *m, uint32_t field, int rank, const int64_t *dims) {
  pw shape = {.size = 0};
  for (int i = 0; i < rank; i++) {
    pw dim = {.size = 0};
    pw_int(&dim, 1, dims[i]);
    pw_message(&shape, 2, &dim);
  }
  pw_message(m, field, &shape);
}
/* The head of a TensorProto. */
static inline pw pw_tensor(int data_type, int rank, const int64_t *dims) {
  pw t = {.size = 0};
  pw_int(&t, 1, data_type);
  pw_shape(&t, 2, rank, dims);
  return t;
}
/* An attribute of a NodeDef: value is an AttrValue. */
static inline void pw_attr(pw *node, const char *name, const pw *value) {
  pw pair = {.size = 0};
  pw_text(&pair, 1, name);
  pw_message(&pair, 2, value);
  pw_message(node, 5, &pair);
}
static inline pw pw_node(const char *name, const char *op) {
  pw node = {.size = 0};
  pw_text(&node, 1, name);
  pw_text(&node, 2, op);
  return node;
}
/* A Const node with that TensorProto, into field 1 of a graph (3 of a function). */
static inline void pw_const(pw *graph, uint32_t field, const char *name, const pw *tensor) {
  pw node = pw_node(name, "Const"), value = {.size = 0};
  pw_message(&value, 8, tensor);
  pw_attr(&node, "value", &value);
  pw_message(graph, field, &node);
}

#endif
