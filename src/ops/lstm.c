/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm.c: LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM and BIDIRECTIONAL_SEQUENCE_LSTM:
 * options, checks, dispatch. See lstm.h for the numbering of the inputs.
 */
#include "ops/lstm.h"

#define MAX_CELLS ((1 << 20) - 1) /* the integer form divides 2^20 by their number */

/* ---- options -------------------------------------------------------------------- */

static uf_status common_attrs(const ufi_tflite_attrs *from, ufi_lstm_attrs *a, uf_error *error) {
  a->act = (ufi_act)ufi_fb_i8(&from->options, 0, 0);
  a->cell_clip = ufi_fb_f32(&from->options, 1, 0);
  a->proj_clip = ufi_fb_f32(&from->options, 2, 0);
  if (a->act < UFI_ACT_NONE || a->act > UFI_ACT_SIGN_BIT || !(a->cell_clip >= 0) || !(a->proj_clip >= 0)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a fused activation from 0 to %d and clips of 0 and more, "
                    "found activation %d, clips %g and %g",
                    UFI_ACT_SIGN_BIT, (int)a->act, (double)a->cell_clip, (double)a->proj_clip);
  }
  return UF_OK;
}

static uf_status sequence_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_lstm_attrs *a = attrs;
  a->is_sequence = true;
  a->time_major = ufi_fb_bool(&from->options, 3, false);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 4, false);
  return common_attrs(from, a, error);
}

static uf_status both_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_lstm_attrs *a = attrs;
  a->is_sequence = a->is_both = true;
  a->merge_outputs = ufi_fb_bool(&from->options, 3, false);
  a->time_major = ufi_fb_bool(&from->options, 4, true);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 5, false);
  return common_attrs(from, a, error);
}

static uf_status lstm_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_lstm_attrs *a = attrs;
  int8_t kernel = ufi_fb_i8(&from->options, 3, 0);
  a->time_major = true; /* one step: (batch, input) */
  a->is_basic = kernel == 1;
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 4, false);
  if (kernel == 0 || kernel == 1) return common_attrs(from, a, error);
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected kernel type 0 (full) or 1 (basic), found %d", (int)kernel);
}

/* ---- the tensors of one direction ----------------------------------------------------- */

/* Where a direction's inputs begin. */
typedef struct layout {
  int weights, aux, state;
} layout;

static void collect_gates(const ufi_ctx *ctx, const layout *at, ufi_lstm *l) {
  static const int peephole[UFI_GATES] = {8, 9, -1, 10};
  for (int g = 0; g < UFI_GATES; g++) {
    l->gates[g] = (ufi_lstm_gate){
      .w_in = ufi_in(ctx, at->weights + g), .w_rec = ufi_in(ctx, at->weights + 4 + g),
      .peephole = peephole[g] < 0 ? NULL : ufi_in(ctx, at->weights + peephole[g]),
      .bias = ufi_in(ctx, at->weights + 11 + g), .norm = at->aux ? NULL : ufi_in(ctx, 20 + g),
      .w_aux = at->aux ? ufi_in(ctx, at->aux + g) : NULL,
    };
  }
  l->has_input_gate = l->gates[UFI_GATE_INPUT].w_in != NULL;
}

static void collect(const ufi_ctx *ctx, int direction, ufi_lstm *l) {
  static const layout layouts[] = {{1, 0, 18}, {1, 40, 35}, {18, 44, 37}};
  const ufi_lstm_attrs *a = ctx->attrs;
  const layout *at = &layouts[a->is_both ? 1 + direction : 0];
  *l = (ufi_lstm){.attrs = a, .time_major = a->time_major, .input = ufi_in(ctx, 0), .is_backward = direction == 1};
  collect_gates(ctx, at, l);
  l->projection = ufi_in(ctx, at->weights + 15);
  l->projection_bias = ufi_in(ctx, at->weights + 16);
  l->h = ufi_in(ctx, at->state);
  l->c = ufi_in(ctx, at->state + 1);
  l->output = ctx->out[direction && !a->merge_outputs ? UFI_MIN(1, ctx->n_out - 1) : 0];
  const ufi_tensor *aux = a->is_both ? ufi_in(ctx, 39) : NULL;
  if (l->gates[UFI_GATE_FORGET].w_aux) l->aux = aux;
  else if (aux && l->is_backward) l->input = aux;
}

static uf_status measure(ufi_ctx *ctx, ufi_lstm *l) {
  const ufi_tensor *w = l->gates[UFI_GATE_OUTPUT].w_in, *rec = l->gates[UFI_GATE_OUTPUT].w_rec;
  const int32_t rank = l->attrs->is_sequence ? 3 : 2;
  UFI_TRY(ufi_want_rank(ctx, l->input, rank, rank));
  UFI_TRY(ufi_want_rank(ctx, w, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, rec, rank == 3 && !l->attrs->is_both ? 1 : 2, 2));
  l->n_input = l->input->dims[rank - 1];
  l->n_time = rank == 3 ? l->input->dims[l->time_major ? 0 : 1] : 1;
  l->n_batch = l->input->dims[rank == 3 && l->time_major ? 1 : 0];
  l->n_aux = l->aux && l->aux->rank == 3 ? l->aux->dims[2] : 0;
  l->n_cell = w->dims[0];
  l->n_output = rec->dims[rec->rank - 1];
  l->out_step = l->n_output;
  if (l->n_cell < 1 || l->n_cell > MAX_CELLS || l->n_output < 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 1 to %d cells and one output or more, found %lld and %lld",
                        MAX_CELLS, (long long)l->n_cell, (long long)l->n_output);
  }
  if (l->projection || l->n_output == l->n_cell) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many outputs as cells without a projection, found %lld "
                      "cells and %lld outputs",
                      (long long)l->n_cell, (long long)l->n_output);
}

/* The directions of a node, with their places in joined rows of output. */
static uf_status measure_all(ufi_ctx *ctx, ufi_lstm l[2]) {
  const ufi_lstm_attrs *a = ctx->attrs;
  for (int d = 0; d <= a->is_both; d++) {
    collect(ctx, d, &l[d]);
    UFI_TRY(measure(ctx, &l[d]));
  }
  if (a->merge_outputs) {
    l[0].out_step = l[1].out_step = l[0].n_output + l[1].n_output;
    l[1].out_first = l[0].n_output;
  }
  return UF_OK;
}

/* ---- checks ----------------------------------------------------------------------- */

static uf_status check_gate(ufi_ctx *ctx, const ufi_lstm *l, int g) {
  const ufi_lstm_gate *gate = &l->gates[g];
  const ufi_tensor *first = l->gates[UFI_GATE_OUTPUT].w_in;
  bool is_int = l->input->dtype == UF_INT8;
  uf_dtype bias = is_int ? UF_INT32 : UF_FLOAT32, norm = is_int ? UF_INT16 : UF_FLOAT32;
  UFI_TRY(ufi_want_dims(ctx, gate->w_in, "input weights", 2, l->n_cell, l->n_input));
  UFI_TRY(ufi_want_dtype_of(ctx, gate->w_in, first->dtype, "input weights"));
  if (gate->w_rec && gate->w_rec->rank == 1 && !is_int) {
    UFI_TRY(ufi_want_dims(ctx, gate->w_rec, "diagonal recurrent weights", 1, l->n_cell, 0));
    UFI_TRY(ufi_want_dtype_of(ctx, gate->w_rec, UF_FLOAT32, "diagonal recurrent weights"));
  } else {
    UFI_TRY(ufi_want_dims(ctx, gate->w_rec, "recurrent weights", 2, l->n_cell, l->n_output));
    UFI_TRY(ufi_want_dtype_of(ctx, gate->w_rec, first->dtype, "recurrent weights"));
  }
  UFI_TRY(ufi_want_dims(ctx, gate->bias, "a gate's bias", 1, l->n_cell, 0));
  UFI_TRY(ufi_want_dtype_of(ctx, gate->bias, bias, "a gate's bias"));
  if (gate->peephole) UFI_TRY(ufi_want_dims(ctx, gate->peephole, "peephole weights", 1, l->n_cell, 0));
  UFI_TRY(ufi_want_dtype_of(ctx, gate->peephole, is_int ? UF_INT16 : first->dtype, "peephole weights"));
  if (gate->norm) UFI_TRY(ufi_want_dims(ctx, gate->norm, "layer normalization coefficients", 1, l->n_cell, 0));
  return ufi_want_dtype_of(ctx, gate->norm, norm, "layer normalization coefficients");
}

/* Peephole, auxiliary weights and layer normalization are there for all gates or for none; without
 * weights of the input gate nothing else of it is there but a peephole, which is not used then. */
static uf_status check_variant(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_lstm_gate *g = l->gates, *in = &g[UFI_GATE_INPUT];
  int first = l->has_input_gate ? UFI_GATE_INPUT : UFI_GATE_FORGET;
  bool peephole = g[UFI_GATE_OUTPUT].peephole != NULL, norm = g[UFI_GATE_OUTPUT].norm != NULL, good = true;
  for (int i = first; i < UFI_GATES; i++) {
    good = good && (g[i].norm != NULL) == norm && (g[i].w_aux != NULL) == (l->aux != NULL) &&
           (i == UFI_GATE_CELL || (g[i].peephole != NULL) == peephole);
  }
  if (!good) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected peephole weights, auxiliary weights and layer "
                        "normalization for all gates or for none, found some");
  }
  if (l->has_input_gate || (in->w_rec == NULL && in->bias == NULL && in->norm == NULL)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no recurrent weights, bias or normalization of an input "
                      "gate without input weights, found one; "
                      "leave all of them out (CIFG) or none");
}

static uf_status check_state(ufi_ctx *ctx, const ufi_lstm *l) {
  bool is_int = l->input->dtype == UF_INT8;
  UFI_TRY(ufi_want_state(ctx, l->h, l->n_batch, l->n_output, is_int ? UF_INT8 : UF_FLOAT32));
  return ufi_want_state(ctx, l->c, l->n_batch, l->n_cell, is_int ? UF_INT16 : UF_FLOAT32);
}

static uf_status check_projection(ufi_ctx *ctx, const ufi_lstm *l) {
  bool is_int = l->input->dtype == UF_INT8;
  if (l->projection_bias && !l->projection) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a projection bias only with projection weights, found it "
                        "alone");
  }
  if (l->projection) UFI_TRY(ufi_want_dims(ctx, l->projection, "projection weights", 2, l->n_output, l->n_cell));
  UFI_TRY(ufi_want_dtype_of(ctx, l->projection, l->gates[UFI_GATE_OUTPUT].w_in->dtype, "projection weights"));
  if (l->projection_bias) UFI_TRY(ufi_want_dims(ctx, l->projection_bias, "projection bias", 1, l->n_output, 0));
  return ufi_want_dtype_of(ctx, l->projection_bias, is_int ? UF_INT32 : UF_FLOAT32, "projection bias");
}

static uf_status check_dtypes(ufi_ctx *ctx, const ufi_lstm *l) {
  uf_dtype x = l->input->dtype, w = l->gates[UFI_GATE_OUTPUT].w_in->dtype;
  bool good = (x == UF_FLOAT32 && (w == UF_FLOAT32 || w == UF_INT8 || w == UF_UINT8)) ||
              (x == UF_INT8 && w == UF_INT8 && !l->attrs->is_both);
  if (good && l->output->dtype == x) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected float32 (or, in one direction, int8) input and output, and "
                      "weights of float32 or 8 bits, found input %s, weights %s, output %s",
                      uf_dtype_name(x), uf_dtype_name(w), uf_dtype_name(l->output->dtype));
}

static uf_status check_scales(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_tensor *others[] = {l->projection, l->input, l->h, l->output};
  for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATES; g++) {
    UFI_TRY(ufi_want_one_scale(ctx, l->gates[g].w_in));
    UFI_TRY(ufi_want_one_scale(ctx, l->gates[g].w_rec));
    UFI_TRY(ufi_want_one_scale(ctx, l->gates[g].w_aux));
    if (l->gates[g].peephole) UFI_TRY(ufi_want_one_scale(ctx, l->gates[g].peephole));
  }
  for (int i = 0; i < 4; i++) UFI_TRY(ufi_want_one_scale(ctx, others[i]));
  return UF_OK;
}

static uf_status check_aux(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_tensor *aux = ufi_in(ctx, 39), *first = l->gates[UFI_GATE_OUTPUT].w_in;
  bool weights = false;
  for (int g = UFI_GATE_FORGET; g < UFI_GATES; g++) weights = weights || ufi_in(ctx, 40 + g) || ufi_in(ctx, 44 + g);
  if (weights && aux == NULL) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an auxiliary input for the auxiliary weights, found it "
                        "omitted");
  }
  if (aux == NULL) return UF_OK;
  UFI_TRY(ufi_want_dtype_of(ctx, aux, UF_FLOAT32, "the auxiliary input"));
  UFI_TRY(ufi_want_dims3(ctx, aux, "the auxiliary input", ctx->in[0]->dims[0], ctx->in[0]->dims[1],
                         l->aux ? l->n_aux : ctx->in[0]->dims[2]));
  for (int g = l->has_input_gate ? 0 : 1; l->aux && g < UFI_GATES; g++) {
    if (l->gates[g].w_aux == NULL) continue; /* check_variant says it */
    UFI_TRY(ufi_want_dims(ctx, l->gates[g].w_aux, "auxiliary weights", 2, l->n_cell, l->n_aux));
    UFI_TRY(ufi_want_dtype_of(ctx, l->gates[g].w_aux, first->dtype, "auxiliary weights"));
  }
  return UF_OK;
}

/* The integer form is told by the number of intermediate tensors. */
static bool is_int8_form(const ufi_ctx *ctx) { return ctx->n_aux == 12; }

static uf_status check_form(ufi_ctx *ctx, const ufi_lstm *l) {
  if (l->input->dtype != UF_INT8) return UF_OK;
  if (is_int8_form(ctx) && !l->attrs->is_sequence) return ufi_lstm_int8_check(ctx, l);
  if (ctx->n_aux == 5) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 5 intermediate tensors (8x8_16)%s, found %d",
                      l->attrs->is_sequence ? "" : " or 12 (8x8_8)", (int)ctx->n_aux);
}

static uf_status check(ufi_ctx *ctx, const ufi_lstm *l) {
  UFI_TRY(check_dtypes(ctx, l));
  for (int g = l->has_input_gate ? 0 : 1; g < UFI_GATES; g++) UFI_TRY(check_gate(ctx, l, g));
  if (l->attrs->is_both) UFI_TRY(check_aux(ctx, l));
  UFI_TRY(check_variant(ctx, l));
  UFI_TRY(check_projection(ctx, l));
  UFI_TRY(check_scales(ctx, l));
  UFI_TRY(check_state(ctx, l));
  return check_form(ctx, l);
}

/* Layer normalization came with inputs 20 to 23; older files end before them. */
static uf_status check_arity(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  if (a->is_both && ctx->n_out != (a->merge_outputs ? 1 : 2)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one output for each direction, or one when merge_outputs "
                        "is set, found %d",
                        (int)ctx->n_out);
  }
  if (a->is_both || ((ctx->n_in == 20 || ctx->n_in == 24) && ctx->n_out == 1)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 20 or 24 inputs and one output, found %d and %d", (int)ctx->n_in,
                      (int)ctx->n_out);
}

/* ---- the op --------------------------------------------------------------------------- */

static uf_status infer(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l[2];
  if (a->is_basic) return ufi_lstm_basic_infer(ctx);
  UFI_TRY(check_arity(ctx));
  UFI_TRY(measure_all(ctx, l));
  for (int d = 0; d <= a->is_both; d++) {
    UFI_TRY(check(ctx, &l[d]));
    const int32_t rank = l[d].input->rank;
    int64_t dims[3] = {l[0].input->dims[0], l[0].input->dims[1], l[d].out_step};
    dims[rank - 1] = l[d].out_step;
    UFI_TRY(ufi_out_shape(ctx, a->merge_outputs ? 0 : d, rank, dims));
  }
  return UF_OK;
}

static uf_status prepare(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l[2];
  if (a->is_basic) return ufi_lstm_basic_prepare(ctx);
  UFI_TRY(measure_all(ctx, l));
  if (l[0].input->dtype == UF_INT8) {
    return is_int8_form(ctx) ? ufi_lstm_int8_prepare(ctx, l) : ufi_lstm_int_prepare(ctx, l);
  }
  return ufi_lstm_float_prepare(ctx, l);
}

static uf_status eval(ufi_ctx *ctx) {
  const ufi_lstm_attrs *a = ctx->attrs;
  ufi_lstm l[2];
  if (a->is_basic) return ufi_lstm_basic_eval(ctx);
  UFI_TRY(measure_all(ctx, l));
  if (l[0].input->dtype == UF_INT8) {
    if (is_int8_form(ctx)) ufi_lstm_int8(ctx, l);
    else ufi_lstm_int(ctx, l);
    return UF_OK;
  }
  for (int d = 0; d <= a->is_both; d++) ufi_lstm_float(ctx, &l[d]);
  return UF_OK;
}

extern const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_LSTM, ufi_op_BIDIRECTIONAL_SEQUENCE_LSTM, ufi_op_LSTM;
const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_LSTM = {
  .attrs_size = sizeof(ufi_lstm_attrs), .attrs_tflite = sequence_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
const ufi_op_def ufi_op_BIDIRECTIONAL_SEQUENCE_LSTM = {
  .attrs_size = sizeof(ufi_lstm_attrs), .attrs_tflite = both_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
const ufi_op_def ufi_op_LSTM = {
  .attrs_size = sizeof(ufi_lstm_attrs), .attrs_tflite = lstm_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
