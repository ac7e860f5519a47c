/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_op.c: run a model that has a custom op of its own, "Scale": y = factor * x, factor in its options.
 *
 *   cc custom_op.c $(pkg-config --cflags --libs unflow) -o custom_op
 *   ./custom_op model.tflite
 */
#include <stdio.h>
#include <unflow.h>

/* Shapes and dtypes, whenever inputs have other ones. */
static uf_status prepare(uf_op_call *call) {
  if (call->n_inputs != 1 || call->inputs[0].dtype != UF_FLOAT32) {
    return uf_op_call_fail(call, UF_WRONG_TYPE, "expected one input of dtype float32, found %d inputs", (int)call->n_inputs);
  }
  return uf_op_call_output(call, 0, UF_FLOAT32, call->inputs[0].rank, call->inputs[0].dims);
}

static uf_status eval(uf_op_call *call) {
  const float *x = call->inputs[0].data;
  float *y = call->outputs[0].data, factor = (float)uf_op_call_float(call, "factor", 1.0);
  for (int64_t i = 0, n = uf_tensor_count(&call->inputs[0]); i < n; i++) y[i] = factor * x[i];
  return UF_OK;
}

static int fail(const uf_error *error) {
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  uf_error error = {0};
  uf_model *model;
  uf_session *session;
  uf_graph_info graph;
  if (argc != 2) return fprintf(stderr, "usage: custom_op MODEL.tflite\n"), 2;
  uf_op_definition scale = {.struct_size = sizeof scale, .name = "Scale", .flags = UF_OP_PURE, .prepare = prepare, .eval = eval};
  uf_open_options options = {.struct_size = sizeof options, .ops = uf_ops_create()};
  if (!options.ops) return fprintf(stderr, "out of memory\n"), 1;
  if (uf_op_register(options.ops, &scale, &error) != UF_OK) return fail(&error);
  if (uf_model_open(argv[1], &options, &model, &error) != UF_OK) return fail(&error);
  uf_ops_release(options.ops); /* the model keeps it */
  if (uf_session_create(model, NULL, &session, &error) != UF_OK) return fail(&error);
  if (uf_session_run(session, 0, &error) != UF_OK) return fail(&error);
  if (uf_model_graph(model, 0, &graph, &error) != UF_OK) return fail(&error);
  for (int32_t i = 0; i < graph.n_outputs; i++) {
    uf_tensor value;
    if (uf_session_read(session, 0, graph.outputs[i], &value, &error) != UF_OK) return fail(&error);
    printf("output %d: %zu bytes\n", (int)i, value.size);
    uf_tensor_release(&value);
  }
  uf_session_release(session);
  uf_model_release(model);
  return 0;
}
