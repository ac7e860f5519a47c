/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm.c: UNIDIRECTIONAL_SEQUENCE_LSTM and LSTM: options, checks, dispatch.
 * See lstm.h for the numbering of the inputs.
 */
#include "ops/lstm.h"

/* ---- options -------------------------------------------------------------------- */

static uf_status common_attrs(const ufi_tflite_attrs *from, ufi_lstm_attrs *a, uf_error *error) {
  a->act = (ufi_act)ufi_fb_i8(&from->options, 0, 0);
  a->cell_clip = ufi_fb_f32(&from->options, 1, 0);
  a->proj_clip = ufi_fb_f32(&from->options, 2, 0);
  if (a->act < UFI_ACT_NONE || a->act > UFI_ACT_TANH || !(a->cell_clip >= 0) || !(a->proj_clip >= 0)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a known activation and clips >= 0, found activation %d, clips %g and %g",
                    (int)a->act, (double)a->cell_clip, (double)a->proj_clip);
  }
  return UF_OK;
}

static uf_status sequence_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_lstm_attrs *a = attrs;
  a->time_major = ufi_fb_bool(&from->options, 3, false);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 4, false);
  return common_attrs(from, a, error);
}

static uf_status lstm_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_lstm_attrs *a = attrs;
  a->time_major = true; /* one step: (batch, input) */
  a->is_basic = ufi_fb_i8(&from->options, 3, 0) == 1;
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 4, false);
  return common_attrs(from, a, error);
}

/* ---- checks ----------------------------------------------------------------------- */

static uf_status want_shape(ufi_ctx *ctx, const ufi_tensor *t, int64_t rows, int64_t cols, const char *what) {
  char text[512];
  bool good = t && (cols < 0 ? t->rank == 1 && t->dims[0] == rows
                             : t->rank == 2 && t->dims[0] == rows && t->dims[1] == cols);
  if (good) return UF_OK;
  if (cols < 0) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape (%lld,), found %s", what, (long long)rows,
                        ufi_tensor_text(t, text));
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape (%lld, %lld), found %s", what, (long long)rows,
                      (long long)cols, ufi_tensor_text(t, text));
}

static uf_status want_dtype(ufi_ctx *ctx, const ufi_tensor *t, uf_dtype dtype, const char *what) {
  char text[512];
  if (t == NULL || t->dtype == dtype) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s of %s, found %s", what, uf_dtype_name(dtype), ufi_tensor_text(t, text));
}

static void collect(const ufi_ctx *ctx, ufi_lstm *l) {
  static const int peephole[UFI_GATES] = {9, 10, -1, 11};
  l->attrs = ctx->attrs;
  l->time_major = l->attrs->time_major;
  for (int g = 0; g < UFI_GATES; g++) {
    l->gates[g] = (ufi_lstm_gate){.w_in = ufi_in(ctx, 1 + g), .w_rec = ufi_in(ctx, 5 + g),
                                  .peephole = peephole[g] < 0 ? NULL : ufi_in(ctx, peephole[g]),
                                  .bias = ufi_in(ctx, 12 + g), .norm = ufi_in(ctx, 20 + g)};
  }
  l->input = ctx->in[0];
  l->projection = ufi_in(ctx, 16);
  l->projection_bias = ufi_in(ctx, 17);
  l->h = ufi_in(ctx, 18);
  l->c = ufi_in(ctx, 19);
  l->output = ctx->out[0];
  l->has_input_gate = l->gates[UFI_GATE_INPUT].w_in != NULL;
}

static uf_status measure(ufi_ctx *ctx, ufi_lstm *l) {
  const ufi_tensor *w = l->gates[UFI_GATE_OUTPUT].w_in, *rec = l->gates[UFI_GATE_OUTPUT].w_rec;
  UFI_TRY(ufi_want_rank(ctx, l->input, 2, 3));
  UFI_TRY(ufi_want_rank(ctx, w, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, rec, 1, 2));
  bool sequence = l->input->rank == 3;
  l->n_input = l->input->dims[l->input->rank - 1];
  l->n_time = sequence ? l->input->dims[l->time_major ? 0 : 1] : 1;
  l->n_batch = l->input->dims[sequence && l->time_major ? 1 : 0];
  l->time_major = l->time_major || !sequence;
  l->n_cell = w->dims[0];
  l->n_output = rec->dims[rec->rank - 1];
  if (l->n_cell > 0 && l->n_cell < 1 << 20 && l->n_output > 0 && (l->projection || l->n_output == l->n_cell)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many outputs as cells without a projection, found %lld cells and %lld outputs",
                      (long long)l->n_cell, (long long)l->n_output);
}

static uf_status check_gate(ufi_ctx *ctx, const ufi_lstm *l, int g) {
  const ufi_lstm_gate *gate = &l->gates[g];
  const ufi_tensor *first = l->gates[UFI_GATE_OUTPUT].w_in;
  bool is_int = l->input->dtype == UF_INT8;
  uf_dtype bias = is_int ? UF_INT32 : UF_FLOAT32, norm = is_int ? UF_INT16 : UF_FLOAT32;
  UFI_TRY(want_shape(ctx, gate->w_in, l->n_cell, l->n_input, "input weights"));
  UFI_TRY(want_dtype(ctx, gate->w_in, first->dtype, "input weights"));
  if (gate->w_rec && gate->w_rec->rank == 1 && !is_int) {
    UFI_TRY(want_shape(ctx, gate->w_rec, l->n_cell, -1, "diagonal recurrent weights"));
    UFI_TRY(want_dtype(ctx, gate->w_rec, UF_FLOAT32, "diagonal recurrent weights"));
  } else {
    UFI_TRY(want_shape(ctx, gate->w_rec, l->n_cell, l->n_output, "recurrent weights"));
    UFI_TRY(want_dtype(ctx, gate->w_rec, first->dtype, "recurrent weights"));
  }
  UFI_TRY(want_shape(ctx, gate->bias, l->n_cell, -1, "a gate's bias"));
  UFI_TRY(want_dtype(ctx, gate->bias, bias, "a gate's bias"));
  if (gate->peephole) UFI_TRY(want_shape(ctx, gate->peephole, l->n_cell, -1, "peephole weights"));
  UFI_TRY(want_dtype(ctx, gate->peephole, is_int ? UF_INT16 : first->dtype, "peephole weights"));
  if (gate->norm) UFI_TRY(want_shape(ctx, gate->norm, l->n_cell, -1, "layer normalization coefficients"));
  return want_dtype(ctx, gate->norm, norm, "layer normalization coefficients");
}

/* Peephole and layer normalization are there for all gates or for none. */
static uf_status check_variant(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_lstm_gate *g = l->gates;
  int first = l->has_input_gate ? UFI_GATE_INPUT : UFI_GATE_FORGET;
  bool peephole = g[UFI_GATE_OUTPUT].peephole != NULL, norm = g[UFI_GATE_OUTPUT].norm != NULL, good = true;
  for (int i = first; i < UFI_GATES; i++) {
    good = good && (g[i].norm != NULL) == norm && (i == UFI_GATE_CELL || (g[i].peephole != NULL) == peephole);
  }
  if (good) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected peephole weights and layer normalization for all gates or for none, found some");
}

static uf_status check_state(ufi_ctx *ctx, const ufi_lstm *l) {
  bool is_int = l->input->dtype == UF_INT8;
  char text[512];
  const ufi_tensor *states[] = {l->h, l->c};
  for (int i = 0; i < 2; i++) {
    int64_t count = l->n_batch * (i ? l->n_cell : l->n_output);
    uf_dtype dtype = !is_int ? UF_FLOAT32 : i ? UF_INT16 : UF_INT8;
    if (states[i] && states[i]->is_state && states[i]->count == count && states[i]->dtype == dtype) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a state tensor (is_variable) of %lld %s, found %s",
                        (long long)count, uf_dtype_name(dtype), ufi_tensor_text(states[i], text));
  }
  return UF_OK;
}

static uf_status check_projection(ufi_ctx *ctx, const ufi_lstm *l) {
  bool is_int = l->input->dtype == UF_INT8;
  if (l->projection) UFI_TRY(want_shape(ctx, l->projection, l->n_output, l->n_cell, "projection weights"));
  UFI_TRY(want_dtype(ctx, l->projection, l->gates[UFI_GATE_OUTPUT].w_in->dtype, "projection weights"));
  if (l->projection_bias) UFI_TRY(want_shape(ctx, l->projection_bias, l->n_output, -1, "projection bias"));
  return want_dtype(ctx, l->projection_bias, is_int ? UF_INT32 : UF_FLOAT32, "projection bias");
}

static uf_status check_dtypes(ufi_ctx *ctx, const ufi_lstm *l) {
  uf_dtype x = l->input->dtype, w = l->gates[UFI_GATE_OUTPUT].w_in->dtype;
  bool good = (x == UF_FLOAT32 && (w == UF_FLOAT32 || w == UF_INT8 || w == UF_UINT8)) || (x == UF_INT8 && w == UF_INT8);
  if (!good || l->output->dtype != x) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected float32 or int8 input, output and weights, found input %s, weights %s, output %s",
                        uf_dtype_name(x), uf_dtype_name(w), uf_dtype_name(l->output->dtype));
  }
  if (x == UF_INT8 && ctx->n_aux > 5) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected five intermediate tensors (8x8_16), found %d (8x8_8)", (int)ctx->n_aux);
  }
  return UF_OK;
}

static uf_status check(ufi_ctx *ctx, ufi_lstm *l) {
  collect(ctx, l);
  UFI_TRY(measure(ctx, l));
  UFI_TRY(check_dtypes(ctx, l));
  for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATES; g++) UFI_TRY(check_gate(ctx, l, g));
  UFI_TRY(check_variant(ctx, l));
  UFI_TRY(check_projection(ctx, l));
  return check_state(ctx, l);
}

/* ---- the op --------------------------------------------------------------------------- */

static uf_status infer(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l = {0};
  if (a->is_basic) return ufi_lstm_basic_infer(ctx);
  UFI_TRY(check(ctx, &l));
  int64_t dims[3] = {l.input->dims[0], l.input->dims[1], l.n_output};
  if (l.input->rank == 2) dims[1] = l.n_output;
  return ufi_out_shape(ctx, 0, l.input->rank, dims);
}

static uf_status prepare(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l = {0};
  if (a->is_basic) return ufi_lstm_basic_prepare(ctx);
  collect(ctx, &l);
  UFI_TRY(measure(ctx, &l));
  if (l.input->dtype == UF_INT8) return ufi_lstm_int_prepare(ctx, &l);
  ufi_want_scratch(ctx, ufi_lstm_float_scratch(&l));
  return UF_OK;
}

static uf_status eval(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l = {0};
  if (a->is_basic) return ufi_lstm_basic_eval(ctx);
  collect(ctx, &l);
  UFI_TRY(measure(ctx, &l));
  if (l.input->dtype == UF_INT8) ufi_lstm_int(ctx, &l);
  else ufi_lstm_float(&l, ctx->scratch);
  return UF_OK;
}

extern const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_LSTM, ufi_op_LSTM;
const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_LSTM = {
  .attrs_size = sizeof(ufi_lstm_attrs), .attrs_tflite = sequence_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
const ufi_op_def ufi_op_LSTM = {
  .attrs_size = sizeof(ufi_lstm_attrs), .attrs_tflite = lstm_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
