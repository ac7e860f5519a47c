/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_lower.h: a TensorFlow graph on its way to a graph that runs, for
 * tf_lower.c and tf_loop.c.
 *
 * A work graph holds copies of the nodes that are needed, those of inlined
 * functions included. Its values are numbered over all work nodes, the fed
 * ones first.
 */
#ifndef UFI_TF_LOWER_H
#define UFI_TF_LOWER_H

#include "graph/tf_graph.h"
#include "ops/control.h"

typedef struct ufi_work_node {
  const ufi_tf_node *from;      /* NULL: made here */
  const ufi_op_row *row;
  const char *op, *name;        /* with the calls that it is in: "call/inner" */
  int32_t scope;
  int32_t *in, *controls;       /* work values; work nodes */
  int32_t n_in, n_controls;
  int32_t first_value, n_out;
  const ufi_sig_value *out;
  bool gone;                    /* part of a loop's graph now */
  struct ufi_work_loop *loop;   /* a LOOP node's graph; NULL mostly */
} ufi_work_node;

typedef struct ufi_work_value {
  int32_t node, at;             /* -1: fed, or a loop's input */
  uf_dtype dtype;
  bool is_ref;
  const char *name;
  uf_shape shape;
} ufi_work_value;

/* A part that becomes a graph of the model: nodes in running order, values that come from
 * outside, values that go there. */
typedef struct ufi_work_part {
  int32_t *order, *inputs, *outputs;
  int32_t n_order, n_inputs, n_outputs;
} ufi_work_part;

/* A frame of version 1 as a graph that runs once for each iteration. Inputs: one for each Enter,
 * then one for each NextIteration; outputs: what each NextIteration takes, then what each Exit
 * takes. */
typedef struct ufi_work_loop {
  ufi_work_part part;
  int32_t n_enter, n_next, n_exit;
  bool *is_constant;            /* by Enter: its value stays through all iterations */
  int32_t *first_of;            /* by NextIteration: the Enter that its Merge takes first, -1: unknown */
  int32_t graph;                /* of the model, once it is there */
} ufi_work_loop;

typedef struct ufi_work {
  ufi_arena *arena;
  ufi_work_node *nodes;
  ufi_work_value *values;
  int32_t n_nodes, node_capacity, n_values, value_capacity;
  const char *frames_of;        /* words for messages: the graph's or function's name */
} ufi_work;

/* A node that is made here, with values of these dtypes. */
uf_status ufi_work_add(ufi_work *w, const ufi_work_node *node, int32_t *node_out, uf_error *error) UF_MUST_USE;
int32_t *ufi_work_ints(ufi_work *w, size_t n); /* zeroed; NULL: out of memory */
/* tf_loop.c: takes every Enter ... Exit frame out of the nodes and puts a LOOP node in its place. */
uf_status ufi_work_loops(ufi_work *w, uf_error *error) UF_MUST_USE;
/* Nodes in an order in which they can run: those that `roots` (nodes) need, back edges of loops
 * left out. INVALID_ARGUMENT: there is none. */
uf_status ufi_work_sort(ufi_work *w, const int32_t *roots, int32_t n_roots, int32_t **order_out, int32_t *n_out,
                        uf_error *error) UF_MUST_USE;

#endif
