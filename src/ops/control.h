/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h: the attributes of ops that call other graphs of the model.
 */
#ifndef UFI_CONTROL_H
#define UFI_CONTROL_H

#include "ops/op.h"

typedef struct ufi_call_attrs {
  int32_t n;
  const int32_t *graphs; /* IF: then, else; WHILE: condition, body; STABLEHLO_CASE: its branches */
  int32_t first;     /* the input that the graph's inputs begin with */
  bool is_tf;        /* conditions may be other than a bool; a branch that is not taken may be wrong */
} ufi_call_attrs;

/* A frame of TensorFlow 1 (Enter ... Exit) as a graph that runs once for each iteration. Its inputs:
 * one for each Enter, then one for each NextIteration; its outputs: what each NextIteration
 * takes, then what each Exit takes. */
typedef struct ufi_loop_attrs {
  int32_t graph, n_enter, n_next, n_exit;
  const bool *is_constant;  /* by Enter: the value stays through all iterations */
  const int32_t *first_of;  /* by NextIteration: the Enter that its Merge takes first, -1: unknown */
} ufi_loop_attrs;

/* TensorFlow's If and While take numbers and strings, too: true when not zero and not empty; of other
 * shapes than a scalar when it has elements. */
uf_status ufi_truth(ufi_ctx *ctx, const ufi_tensor *t, bool is_tf, bool *out) UF_MUST_USE;
/* The graph of the function that an attribute names; NOT_FOUND. */
uf_status ufi_tf_graph(const ufi_tf_attrs *from, const char *function, int32_t *graph_out, uf_error *error) UF_MUST_USE;

extern const ufi_op_def ufi_op_CALL_ONCE, ufi_op_CONTROL_TRIGGER, ufi_op_LOOP, ufi_op_MERGE,
    ufi_op_SWITCH;

#endif
