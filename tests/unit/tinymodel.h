/* SPDX-License-Identifier: Apache-2.0
 *
 * tinymodel.h: a small .tflite model made by hand, whose every place is known,
 * so that tests can change one thing.
 *
 * Subgraph 0 'main': x (float32 1x4, input), w (float32 4, constant 1 2 3 4), y
 * (float32 1x4, output); op 0 is the custom op FancyOp(x, w) -> y. Signature
 * 'serve' (in: x, out: y); metadata 'note'; description 'a test'.
 */
#ifndef TESTS_TINYMODEL_H
#define TESTS_TINYMODEL_H

#include "fbwrite.h"
#include "unflow.h"

typedef struct tiny {
  fbw w;
  size_t model, codes, graphs, graph, buffers, tensors, nodes; /* tables and vectors */
  size_t code, tensor[3], node, buffer[3], signature, metadata;
  size_t inputs, outputs, node_in, node_out;                   /* vectors of int32 */
  size_t weights;                                              /* vector of the constant's bytes */
} tiny;

/* Layouts with every field that the tests use. */
#define TINY_TENSOR "o14oo1oo1-4"
#define TINY_NODE "4oo1oo1-o881o"
#define TINY_GRAPH "ooooo"
#define TINY_BUFFER "o88"

static inline void tiny_set(tiny *t, size_t table, size_t i, uint64_t value, size_t size) {
  fbw_put(&t->w, fbw_field(&t->w, table, i), value, size);
}
static inline void tiny_link(tiny *t, size_t table, size_t i, size_t target) {
  fbw_link(&t->w, fbw_field(&t->w, table, i), target);
}
/* What an offset field points to. */
static inline size_t tiny_target(tiny *t, size_t table, size_t i) {
  size_t at = fbw_field(&t->w, table, i);
  return at + (size_t)fbw_get(&t->w, at, 4);
}
/* The field reads as absent. */
static inline void tiny_drop(tiny *t, size_t table, size_t i) {
  fbw_drop(&t->w, table, i);
}
static inline size_t tiny_ints(tiny *t, const int32_t *list, size_t n) {
  return fbw_vector(&t->w, list, n, 4);
}

/* Fields that are offsets are linked or dropped. */
static inline size_t tiny_tensor(tiny *t, const char *name, int8_t type, const int32_t *dims,
                                 size_t rank, uint32_t buffer) {
  size_t table = fbw_table(&t->w, TINY_TENSOR);
  tiny_link(t, table, 0, tiny_ints(t, dims, rank));
  tiny_set(t, table, 1, (uint8_t)type, 1);
  tiny_set(t, table, 2, buffer, 4);
  tiny_link(t, table, 3, fbw_string(&t->w, name));
  tiny_drop(t, table, 4);
  tiny_drop(t, table, 6);
  tiny_drop(t, table, 7);
  return table;
}

static inline size_t tiny_node(tiny *t, uint32_t code, const int32_t *in, size_t n_in,
                               const int32_t *out, size_t n_out) {
  static const size_t dropped[] = {4, 5, 8, 12};
  size_t table = fbw_table(&t->w, TINY_NODE);
  for (size_t i = 0; i < 4; i++) tiny_drop(t, table, dropped[i]);
  tiny_set(t, table, 0, code, 4);
  tiny_link(t, table, 1, tiny_ints(t, in, n_in));
  tiny_link(t, table, 2, tiny_ints(t, out, n_out));
  return table;
}

static inline size_t tiny_code(tiny *t, int32_t builtin, const char *custom) {
  size_t table = fbw_table(&t->w, "1o44");
  tiny_set(t, table, 0, builtin > 127 ? 127 : (uint8_t)builtin, 1);
  tiny_set(t, table, 2, 1, 4);
  tiny_set(t, table, 3, (uint32_t)builtin, 4);
  if (custom) tiny_link(t, table, 1, fbw_string(&t->w, custom));
  else tiny_drop(t, table, 1);
  return table;
}

static inline size_t tiny_buffer(tiny *t, const void *bytes, size_t size) {
  size_t table = fbw_table(&t->w, TINY_BUFFER);
  if (bytes) tiny_link(t, table, 0, fbw_vector(&t->w, bytes, size, 1));
  else tiny_drop(t, table, 0);
  return table;
}

/* Offsets go forwards only, so lists come before what they point to and are
 * linked afterwards. */
static inline size_t tiny_room(tiny *t, size_t table, size_t field, size_t n) {
  size_t vector = fbw_offsets(&t->w, n);
  tiny_link(t, table, field, vector);
  return vector;
}

static inline void tiny_signature(tiny *t) {
  size_t list = tiny_room(t, t->model, 7, 1);
  t->signature = fbw_table(&t->w, "ooo-4");
  fbw_link(&t->w, fbw_element(list, 0), t->signature);
  static const char *const names[] = {"in", "out"};
  for (size_t side = 0; side < 2; side++) {
    size_t map = tiny_room(t, t->signature, side, 1);
    size_t entry = fbw_table(&t->w, "o4");
    fbw_link(&t->w, fbw_element(map, 0), entry);
    tiny_set(t, entry, 1, side * 2, 4);
    tiny_link(t, entry, 0, fbw_string(&t->w, names[side]));
  }
  tiny_link(t, t->signature, 2, fbw_string(&t->w, "serve"));
}

static inline void tiny_make(tiny *t) {
  static const int32_t flat[] = {1, 4}, four[] = {4}, x[] = {0}, y[] = {2}, xw[] = {0, 1};
  static const float weights[] = {1, 2, 3, 4};
  memset(t, 0, sizeof *t);
  t->model = fbw_root(&t->w, "TFL3", "4oooo-oo-o");
  tiny_drop(t, t->model, 9);
  tiny_set(t, t->model, 0, 3, 4);
  tiny_link(t, t->model, 3, fbw_string(&t->w, "a test"));
  t->codes = tiny_room(t, t->model, 1, 1);
  fbw_link(&t->w, fbw_element(t->codes, 0), t->code = tiny_code(t, 32, "FancyOp"));

  t->buffers = tiny_room(t, t->model, 4, 3);
  fbw_link(&t->w, fbw_element(t->buffers, 0), t->buffer[0] = tiny_buffer(t, NULL, 0));
  fbw_link(&t->w, fbw_element(t->buffers, 1), t->buffer[1] = tiny_buffer(t, weights, 16));
  t->weights = tiny_target(t, t->buffer[1], 0);
  fbw_link(&t->w, fbw_element(t->buffers, 2), t->buffer[2] = tiny_buffer(t, "hello", 5));

  size_t notes = tiny_room(t, t->model, 6, 1);
  fbw_link(&t->w, fbw_element(notes, 0), t->metadata = fbw_table(&t->w, "o4"));
  tiny_link(t, t->metadata, 0, fbw_string(&t->w, "note"));
  tiny_set(t, t->metadata, 1, 2, 4);

  t->graphs = tiny_room(t, t->model, 2, 1);
  fbw_link(&t->w, fbw_element(t->graphs, 0), t->graph = fbw_table(&t->w, TINY_GRAPH));
  tiny_link(t, t->graph, 4, fbw_string(&t->w, "main"));
  t->tensors = tiny_room(t, t->graph, 0, 3);
  fbw_link(&t->w, fbw_element(t->tensors, 0), t->tensor[0] = tiny_tensor(t, "x", 0, flat, 2, 0));
  fbw_link(&t->w, fbw_element(t->tensors, 1), t->tensor[1] = tiny_tensor(t, "w", 0, four, 1, 1));
  fbw_link(&t->w, fbw_element(t->tensors, 2), t->tensor[2] = tiny_tensor(t, "y", 0, flat, 2, 0));
  tiny_link(t, t->graph, 1, t->inputs = tiny_ints(t, x, 1));
  tiny_link(t, t->graph, 2, t->outputs = tiny_ints(t, y, 1));
  t->nodes = tiny_room(t, t->graph, 3, 1);
  t->node = tiny_node(t, 0, xw, 2, y, 1);
  fbw_link(&t->w, fbw_element(t->nodes, 0), t->node);
  t->node_in = tiny_target(t, t->node, 1);
  t->node_out = tiny_target(t, t->node, 2);
  tiny_signature(t);
}

#endif
