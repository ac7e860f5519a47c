/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h: what the few ops that reach outside their node (variables, tables,
 * control flow) may ask of the executor, which implements it in exec/host.c.
 */
#ifndef UFI_HOST_H
#define UFI_HOST_H

#include "ops/op.h"
#include "ops/resource.h"

/* The resources of the session that runs ctx. */
ufi_store *ufi_host_store(ufi_ctx *ctx);
/* The largest tensor that this session may make, bytes. No limit for an op that
 * is run by itself, without a session (unit tests). */
size_t ufi_host_max_bytes(const ufi_ctx *ctx);
/* Gives output i memory for the shape it has now (ufi_out_shape calls it while
 * running). */
uf_status ufi_host_give_memory(ufi_ctx *ctx, int32_t i) UF_MUST_USE;
int32_t ufi_host_graph_count(ufi_ctx *ctx);
/* What messages call the node. */
const char *ufi_host_node(const ufi_ctx *ctx);
/* The buf that keeps a tensor's memory as it is; NULL: it may change or go. */
uf_buf *ufi_host_owner(const ufi_ctx *ctx, const ufi_tensor *tensor);
/* Whether it comes to the graph that is run, not one that is called, from outside: who runs it may write to its inputs at any time. */
bool ufi_host_is_set(const ufi_ctx *ctx, const ufi_tensor *tensor);
/* How many inputs and outputs a graph has. */
void ufi_host_graph_size(ufi_ctx *ctx, int32_t graph, int32_t *n_in_out, int32_t *n_out_out);

/* What a graph does, for ops that know simple ones by sight. */
typedef struct ufi_body_view {
  int32_t n_in, n_out, n_nodes;
  const ufi_op_row *op;  /* of the only node, if its output is the graph's first; else NULL */
  const void *attrs;     /* and its own struct */
  int32_t in[2];         /* its operands, if it has two: indices of the graph's inputs; -1: something else */
  int32_t from;          /* the graph's first output is this one of its inputs, -1: none */
} ufi_body_view;
/* false: no such graph. */
bool ufi_host_body(ufi_ctx *ctx, int32_t graph, ufi_body_view *out);

/* Shapes of graph's outputs for inputs like `in` (shapes and dtypes are used,
 * data is not): NULL entries in *out never occur; an output whose shape is not
 * known has shape_known false. Valid until the graph is called again. */
uf_status ufi_host_infer(ufi_ctx *ctx, int32_t graph, ufi_tensor *const *in, int32_t n_in,
                         ufi_tensor *const **out, int32_t *n_out) UF_MUST_USE;
/* Runs graph on these inputs. Tensors that own their memory are shared, others
 * copied. *out are the graph's outputs, each with memory of its own, valid
 * until the graph is called again (take them by ufi_host_take). An input may be dead (is_dead): it
 * needs no value then, and outputs may be dead, too. */
uf_status ufi_host_call(ufi_ctx *ctx, int32_t graph, ufi_tensor *const *in, int32_t n_in,
                        ufi_tensor *const **out, int32_t *n_out) UF_MUST_USE;
/* What graph keeps between runs (state tensors, random generators) is what it was before the first. */
uf_status ufi_host_restart(ufi_ctx *ctx, int32_t graph) UF_MUST_USE;
/* Runs an initialiser graph if this session did not yet. */
uf_status ufi_host_call_once(ufi_ctx *ctx, int32_t graph) UF_MUST_USE;
/* dst becomes src: shape, dtype and memory (shared when src owns it; copied
 * into dst's memory when dst lives in the arena). */
uf_status ufi_host_take(ufi_ctx *ctx, ufi_tensor *dst, const ufi_tensor *src) UF_MUST_USE;
/* Output i takes this value: a retained view when tensor owns its memory. A
 * shape other than the planned one is fine: what follows is inferred anew. */
uf_status ufi_host_out_share(ufi_ctx *ctx, int32_t i, const uf_tensor *tensor) UF_MUST_USE;

#endif
