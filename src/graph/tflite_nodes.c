/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_nodes.c: the operators of a subgraph become nodes.
 *
 * Lists that point outside of the subgraph fail the open. A node that merely
 * cannot run (unknown op, options its op does not take, a tensor no op can use)
 * is kept with the reason.
 */
#include "graph/tflite.h"
#include "ops/user_op.h"

static uf_status check_tensors(ufi_tflite *r, const ufi_graph *graph, const char *what,
                               const int32_t *list, int32_t n, int32_t lowest) {
  for (int32_t i = 0; i < n; i++) {
    if (list[i] < lowest || list[i] >= graph->n_values) {
      return ufi_fail(r->error, UF_DATA_LOSS, "%s %d: expected a tensor index from %d to %d, found "
                      "%d; the file is damaged", what, (int)i, (int)lowest,
                      (int)graph->n_values - 1, (int)list[i]);
    }
  }
  return UF_OK;
}

static uf_status read_lists(ufi_tflite *r, const ufi_graph *graph, ufi_node *node,
                            const ufi_fb_table *table) {
  UFI_TRY(ufi_tflite_ints(r, table, OPERATOR_INPUTS, &node->in, &node->n_in));
  UFI_TRY(ufi_tflite_ints(r, table, OPERATOR_OUTPUTS, &node->out, &node->n_out));
  UFI_TRY(ufi_tflite_ints(r, table, OPERATOR_INTERMEDIATES, &node->aux, &node->n_aux));
  UFI_TRY(check_tensors(r, graph, "input", node->in, node->n_in, -1));
  UFI_TRY(check_tensors(r, graph, "output", node->out, node->n_out, 0));
  return check_tensors(r, graph, "intermediate", node->aux, node->n_aux, 0);
}

/* Custom options lie in the FlatBuffer or, in large models, behind it. */
static uf_status read_custom(ufi_tflite *r, const ufi_fb_table *table, ufi_tflite_attrs *from) {
  ufi_fb_vector bytes = ufi_fb_vec(table, OPERATOR_CUSTOM_OPTIONS, 1);
  uint64_t offset = ufi_fb_u64(table, OPERATOR_LARGE_OFFSET, 0);
  uint64_t size = ufi_fb_u64(table, OPERATOR_LARGE_SIZE, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (bytes.data) {
    from->custom = bytes.data;
    from->custom_size = bytes.count;
  } else if (offset > 1) {
    return ufi_tflite_part(r, offset, size, &from->custom, &from->custom_size);
  }
  return UF_OK;
}

static uf_status read_options(ufi_tflite *r, const ufi_fb_table *table, ufi_tflite_attrs *from) {
  from->options = ufi_fb_sub(table, OPERATOR_OPTIONS);
  from->options_type = ufi_fb_u8(table, OPERATOR_OPTIONS_TYPE, 0);
  if (!from->options.fb) {
    from->options = ufi_fb_sub(table, OPERATOR_OPTIONS2);
    from->options_type = ufi_fb_u8(table, OPERATOR_OPTIONS2_TYPE, 0);
  }
  return read_custom(r, table, from);
}

/* The op's own struct from the file's options. An op that refuses them makes
 * the node unsupported; damage or lack of memory fails the open. */
static uf_status read_attrs(ufi_tflite *r, const ufi_graph *graph, ufi_node *node, const ufi_tflite_code *code, const ufi_fb_table *table) {
  ufi_tflite_attrs from = {
    .version = node->version, .n_in = node->n_in, .n_out = node->n_out, .arena = r->model->arena,
    .graph = (int32_t)(graph - r->model->graphs), .node = (int32_t)(node - graph->nodes),
  };
  UFI_TRY(read_options(r, table, &from));
  if (!node->op && ufi_is_flex(code)) return ufi_tflite_flex(r, graph, node, &from);
  if (!node->op) return UF_OK;
  const ufi_op_def *def = node->op->def;
  if (def->attrs_size > 0) {
    node->attrs = ufi_tflite_array(r, 1, def->attrs_size);
    if (!node->attrs) return UF_RESOURCE_EXHAUSTED;
  }
  if (code->user) {
    *(ufi_user_attrs *)node->attrs = (ufi_user_attrs){code->user, from.custom, from.custom_size, from.version};
  }
  if (!def->attrs_tflite) return UF_OK;
  uf_error refused = {0};
  uf_status status = def->attrs_tflite(&from, node->attrs, &refused);
  UFI_TRY(ufi_tflite_ok(r));
  if (status == UF_OK) return UF_OK;
  if (status == UF_RESOURCE_EXHAUSTED) return ufi_fail(r->error, status, "%s", refused.message);
  node->unsupported = ufi_tflite_text(r, "%s", refused.message);
  return node->unsupported ? UF_OK : UF_RESOURCE_EXHAUSTED;
}

static void check_blocked(const ufi_tflite *r, ufi_node *node, const int32_t *list, int32_t n) {
  for (int32_t i = 0; r->blocked && i < n && !node->unsupported; i++) {
    if (list[i] >= 0) node->unsupported = r->blocked[list[i]];
  }
}

static uf_status read_node(ufi_tflite *r, ufi_graph *graph, int32_t i, const ufi_fb_table *table) {
  ufi_node *node = &graph->nodes[i];
  uint32_t index = ufi_fb_u32(table, OPERATOR_CODE, 0);
  UFI_TRY(ufi_tflite_ok(r));
  if (index >= r->n_codes) {
    return ufi_fail(r->error, UF_DATA_LOSS, "expected an operator code below %u, found %u; the "
                    "file is damaged", r->n_codes, index);
  }
  const ufi_tflite_code *code = &r->codes[index];
  node->op = code->row;
  node->op_name = code->name;
  node->version = code->version;
  node->unsupported = code->unsupported;
  UFI_TRY(read_lists(r, graph, node, table));
  for (int32_t k = 0; k < node->n_out; k++) graph->values[node->out[k]].producer = i;
  UFI_TRY(read_attrs(r, graph, node, code, table));
  if (node->op && node->op->def->restart) graph->has_restart = true;
  check_blocked(r, node, node->in, node->n_in);
  check_blocked(r, node, node->out, node->n_out);
  check_blocked(r, node, node->aux, node->n_aux);
  return UF_OK;
}

uf_status ufi_tflite_nodes(ufi_tflite *r, ufi_graph *graph, const ufi_fb_table *subgraph) {
  ufi_fb_vector operators = ufi_fb_vec(subgraph, GRAPH_OPERATORS, 4);
  UFI_TRY(ufi_tflite_ok(r));
  if (operators.count == 0) return UF_OK;
  UFI_TRY(ufi_tflite_spend(r, operators.count));
  graph->nodes = ufi_tflite_array(r, operators.count, sizeof *graph->nodes);
  if (!graph->nodes) return UF_RESOURCE_EXHAUSTED;
  graph->n_nodes = (int32_t)operators.count;
  for (uint32_t i = 0; i < operators.count; i++) {
    ufi_fb_table table = ufi_fb_vec_table(&operators, i);
    uf_status status = read_node(r, graph, (int32_t)i, &table);
    if (status != UF_OK) {
      const char *op = graph->nodes[i].op_name;
      ufi_error_prefix(r->error, "op #%u %.64s", i, op ? op : "");
      return status;
    }
  }
  return UF_OK;
}
