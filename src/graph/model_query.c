/* SPDX-License-Identifier: Apache-2.0
 *
 * model_query.c: what a model contains, as unflow.h gives it out. Everything
 * returned lies in the model; nothing is computed but near names.
 */
#include "graph/graph.h"

void uf_model_describe(const uf_model *model, uf_model_info *info_out) {
  *info_out = (uf_model_info){
    .path = model->path,
    .format = model->format,
    .description = model->description,
    .version = model->version,
    .file_size = model->file ? uf_buf_size(model->file) : 0,
    .n_graphs = model->n_graphs,
    .n_signatures = model->n_signatures,
    .n_metadata = model->n_metadata,
    .n_unsupported = model->n_unsupported,
  };
}

/* OUT_OF_RANGE unless 0 <= i < n. */
static uf_status check_index(const uf_model *model, const char *what, int32_t i, int32_t n,
                             uf_error *error) {
  if (i >= 0 && i < n) return UF_OK;
  if (n == 0) {
    return ufi_fail(error, UF_OUT_OF_RANGE, "%s: expected no %s index, since there is none, found "
                    "%d", model->path, what, (int)i);
  }
  return ufi_fail(error, UF_OUT_OF_RANGE, "%s: expected a %s index from 0 to %d, found %d",
                  model->path, what, (int)n - 1, (int)i);
}

static uf_status get_graph(const uf_model *model, int32_t i, const ufi_graph **graph_out,
                           uf_error *error) {
  UFI_TRY(check_index(model, "subgraph", i, model->n_graphs, error));
  *graph_out = &model->graphs[i];
  return UF_OK;
}

static uf_status get_value(const uf_model *model, int32_t graph, int32_t i,
                           const ufi_value **value_out, uf_error *error) {
  const ufi_graph *g;
  UFI_TRY(get_graph(model, graph, &g, error));
  UFI_TRY(check_index(model, "tensor", i, g->n_values, error));
  *value_out = &g->values[i];
  return UF_OK;
}

uf_status uf_model_graph(const uf_model *model, int32_t graph, uf_graph_info *info_out,
                         uf_error *error) {
  const ufi_graph *g;
  UFI_TRY(get_graph(model, graph, &g, error));
  *info_out = (uf_graph_info){
    .name = g->name,
    .n_values = g->n_values,
    .n_nodes = g->n_nodes,
    .n_inputs = g->n_inputs,
    .n_outputs = g->n_outputs,
    .inputs = g->inputs,
    .outputs = g->outputs,
  };
  return UF_OK;
}

uf_status uf_model_value(const uf_model *model, int32_t graph, int32_t value,
                         uf_value_info *info_out, uf_error *error) {
  const ufi_value *v;
  UFI_TRY(get_value(model, graph, value, &v, error));
  *info_out = (uf_value_info){
    .name = v->name,
    .dtype = v->dtype,
    .kind = v->kind,
    .rank = v->rank,
    .signature_rank = v->signature_rank,
    .quant = v->quant,
    .producer = v->producer,
    .is_sparse = v->is_sparse,
    .sparsity = v->sparse ? &v->sparse->parameters : NULL,
  };
  memcpy(info_out->dims, v->dims, sizeof v->dims);
  memcpy(info_out->dims_signature, v->dims_signature, sizeof v->dims_signature);
  return UF_OK;
}

uf_status uf_model_constant(uf_model *model, int32_t graph, int32_t value, uf_tensor *tensor_out,
                            uf_error *error) {
  const ufi_value *v;
  UFI_TRY(get_value(model, graph, value, &v, error));
  if (v->kind != UF_VALUE_CONSTANT) {
    return ufi_fail(error, UF_FAILED_PRECONDITION, "%s: tensor #%d '%.256s': expected a constant, "
                    "found %s; read it from a session", model->path, (int)value, v->name,
                    v->kind == UF_VALUE_STATE ? "a state tensor" : "a tensor that is computed");
  }
  *tensor_out = (uf_tensor){
    .dtype = v->dtype,
    .rank = v->rank,
    .data = (void *)v->data, /* not written: read_only */
    .size = v->size,
    .buf = uf_buf_retain(v->buf ? v->buf : model->file),
    .quant = v->quant,
    .read_only = true,
  };
  memcpy(tensor_out->dims, v->dims, sizeof v->dims);
  return UF_OK;
}

uf_status uf_model_sparse_values(uf_model *model, int32_t graph, int32_t value,
                                 uf_tensor *tensor_out, uf_error *error) {
  const ufi_value *v;
  UFI_TRY(get_value(model, graph, value, &v, error));
  if (!v->sparse) {
    return ufi_fail(error, UF_FAILED_PRECONDITION, "%s: tensor #%d '%.256s': expected a sparse "
                    "constant, found a tensor that is stored dense; read it as it is", model->path,
                    (int)value, v->name);
  }
  uf_tensor out = {.dtype = v->dtype, .rank = 1, .dims = {v->sparse->n_values},
                   .quant = v->quant, .read_only = true};
  (void)ufi_dtype_bytes(v->dtype, out.dims[0], &out.size); /* bytes that the file has */
  size_t alignment = UFI_MIN((size_t)uf_dtype_bits(v->dtype) / 8, sizeof(double));
  if (alignment > 1 && (uintptr_t)v->sparse->values % alignment != 0) {
    out.buf = uf_buf_create(out.size);
    if (!out.buf) return ufi_no_memory(error, out.size);
    out.data = uf_buf_data(out.buf);
    memcpy(out.data, v->sparse->values, out.size);
  } else {
    out.buf = uf_buf_retain(model->file);
    out.data = (void *)v->sparse->values; /* not written: read_only */
  }
  *tensor_out = out;
  return UF_OK;
}

uf_status uf_model_node(const uf_model *model, int32_t graph, int32_t node, uf_node_info *info_out,
                        uf_error *error) {
  const ufi_graph *g;
  UFI_TRY(get_graph(model, graph, &g, error));
  UFI_TRY(check_index(model, "node", node, g->n_nodes, error));
  const ufi_node *n = &g->nodes[node];
  *info_out = (uf_node_info){
    .op = n->op_name,
    .name = n->name,
    .version = n->version,
    .supported = n->unsupported == NULL,
    .n_inputs = n->n_in,
    .n_outputs = n->n_out,
    .inputs = n->in,
    .outputs = n->out,
  };
  return UF_OK;
}

const char *uf_model_unsupported(const uf_model *model, int32_t i) {
  return i >= 0 && i < model->n_unsupported ? model->unsupported[i] : NULL;
}

uf_status uf_model_signature(const uf_model *model, int32_t i, uf_signature_info *info_out,
                             uf_error *error) {
  UFI_TRY(check_index(model, "signature", i, model->n_signatures, error));
  const ufi_signature *s = &model->signatures[i];
  *info_out = (uf_signature_info){
    .key = s->key,
    .graph = s->graph,
    .n_inputs = s->n_inputs,
    .n_outputs = s->n_outputs,
    .input_names = s->input_names,
    .output_names = s->output_names,
    .inputs = s->inputs,
    .outputs = s->outputs,
  };
  return UF_OK;
}

uf_status uf_model_metadata(const uf_model *model, int32_t i, const char **name_out,
                            const void **data_out, size_t *size_out, uf_error *error) {
  UFI_TRY(check_index(model, "metadata", i, model->n_metadata, error));
  const ufi_metadata *m = &model->metadata[i];
  if (name_out) *name_out = m->name;
  if (data_out) *data_out = m->data;
  if (size_out) *size_out = m->size;
  return UF_OK;
}

/* ---- names ------------------------------------------------------------------- */

static const char *value_name(const void *graph, size_t i) {
  return ((const ufi_graph *)graph)->values[i].name;
}

uf_status uf_model_find_value(const uf_model *model, int32_t graph, const char *name,
                              int32_t *value_out, uf_error *error) {
  const ufi_graph *g;
  UFI_TRY(get_graph(model, graph, &g, error));
  int32_t found = g->names && name[0] ? ufi_names_find(g->names, name) : -1;
  if (found >= 0) {
    *value_out = found;
    return UF_OK;
  }
  char near[UFI_NEAR_TEXT];
  ufi_near_names(name, value_name, g, (size_t)g->n_values, near);
  return ufi_fail(error, UF_NOT_FOUND, "%s: expected the name of a tensor of subgraph #%d, found "
                  "'%.256s'%s", model->path, (int)graph, name, near);
}
