/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_graph.h: a TensorFlow graph as it was made or read, before it is lowered
 * to what runs.
 *
 *   builder.c     nodes added one by one (uf_builder_*)
 *   tf_import.c   nodes of GraphDef messages added to a builder
 *   tf_lower.c    the part that some values need, calls inlined, references
 *                 read, as a graph of a uf_model
 *   tf_loop.c     frames of version 1 (Enter ... Exit) as LOOP nodes
 *
 * Values are numbered: output k of node n is value nodes[n].first_value + k.
 */
#ifndef UFI_TF_GRAPH_H
#define UFI_TF_GRAPH_H

#include "graph/graph.h"
#include "ops/tf_signature.h"

typedef struct ufi_tf_node {
  const char *op, *name, *device;
  const ufi_op_row *row;        /* NULL: unflow cannot run it */
  const ufi_sig *sig;           /* NULL: not in the table */
  int32_t *in, *controls;       /* values; nodes */
  int32_t n_in, n_controls;
  uf_attr *attrs;               /* with defaults */
  int32_t n_attrs, n_given;     /* the first n_given were given, the rest are told or defaults */
  int32_t first_value, n_out;
  ufi_sig_value *out;           /* dtypes; UF_INVALID where the op is not known */
  const ufi_sig_value *in_sig;  /* what the inputs are; NULL where the op is not known */
} ufi_tf_node;

/* A value's shape when all dimensions that are not known are a certain number (tf_shapes.c). */
enum { UFI_TRIALS = 3, UFI_TRIAL_OUTPUTS = 16 };
typedef struct ufi_tf_trial {
  bool known, assumed;          /* assumed: a dimension it depends on is not known */
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  const void *value;            /* of small integers; NULL mostly */
} ufi_tf_trial;

typedef struct ufi_tf_value {
  int32_t node, at;
  uf_shape shape;               /* as far as it is known */
  ufi_tf_trial trials[UFI_TRIALS];
} ufi_tf_value;

typedef struct ufi_tf_function {
  const char *name;
  uf_builder *body;
  int32_t *in, *out, *effects;  /* values of body; nodes that run whenever it is called */
  const char **in_names, **out_names;
  int32_t n_in, n_out, n_effects;
} ufi_tf_function;

struct uf_builder {
  atomic_int refs;              /* models hold on to it: their constants lie in its arena */
  ufi_arena *arena;
  ufi_tf_node *nodes;
  ufi_tf_value *values;
  int32_t n_nodes, node_capacity, n_values, value_capacity;
  ufi_names *names;             /* of nodes */
  ufi_tf_function *functions;
  int32_t n_functions, function_capacity;
  ufi_names *function_names;
  bool is_old;                  /* nodes come from a graph of before version 24, whose Placeholders
                                   say () for an unknown shape */
  uf_builder *library;          /* whose functions a function's body calls; NULL: its own */
};

uf_builder *ufi_builder_retain(uf_builder *b);
/* Copies attributes with all they point to; false: out of memory. */
bool ufi_attr_copy(ufi_arena *arena, const uf_attr *from, uf_attr *to);
/* A node whose inputs may come later (-1). Its arrays are copied. */
uf_status ufi_builder_add_node(uf_builder *b, const char *op, const char *name, const int32_t *in, int32_t n_in,
                               const int32_t *controls, int32_t n_controls, const uf_attr *attrs,
                               int32_t n_attrs, int32_t *node_out, uf_error *error) UF_MUST_USE;
/* A node of a file: inputs (-1) and controls (0) come later; attributes are taken as they are, without
 * a copy. n_unknown: outputs that it has when its op is not known. */
uf_status ufi_builder_add_raw(uf_builder *b, const char *op, const char *name, const char *device, int32_t n_in,
                              int32_t n_controls, const uf_attr *attrs, int32_t n_attrs, int32_t n_unknown,
                              int32_t *node_out, uf_error *error) UF_MUST_USE;
/* tf_shapes.c: finds the shapes of a node's outputs, as far as they can be known. INVALID_ARGUMENT: shapes
 * that are known do not go together. */
uf_status ufi_builder_infer(uf_builder *b, const ufi_tf_node *node, uf_error *error) UF_MUST_USE;
/* After values[value].shape was said from outside. */
void ufi_builder_say_shape(uf_builder *b, int32_t value);
static inline uf_dtype ufi_builder_dtype(const uf_builder *b, int32_t value) {
  const ufi_tf_value *v = &b->values[value];
  return b->nodes[v->node].out[v->at].dtype;
}
static inline bool ufi_builder_is_ref(const uf_builder *b, int32_t value) {
  const ufi_tf_value *v = &b->values[value];
  return b->nodes[v->node].out[v->at].is_ref;
}
const ufi_tf_function *ufi_builder_function(const uf_builder *b, const char *name); /* NULL: none */

#endif
