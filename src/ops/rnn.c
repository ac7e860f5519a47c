/* SPDX-License-Identifier: Apache-2.0
 *
 * rnn.c: RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN, the
 * plain recurrent layer:
 *
 *   h' = y = act(W x + A a + R h + b)
 *
 * Inputs of one direction: weights W (units, input), recurrent weights R (units,
 * units), bias (units), hidden state (batch, units), which is_variable. The
 * first two ops have x and one direction; the third has a forward and a backward
 * one, then an auxiliary input a and its weights A for each direction. With
 * weights both directions add A a; without, a is what the backward direction
 * reads in place of x. Its outputs are apart, or joined along the last dimension.
 *
 * Float weights, or int8 ones (uint8 read as such) with activations that are
 * quantized row by row, as in the other hybrid ops.
 */
#include "ops/recurrent.h"

typedef struct rnn_attrs {
  ufi_act act;
  bool is_sequence, is_both, time_major, merge_outputs, asymmetric_inputs;
} rnn_attrs;

/* One direction. */
typedef struct rnn_cell {
  const ufi_tensor *x, *w, *rec, *bias, *aux_w; /* aux_w NULL: no auxiliary input */
  ufi_tensor *h;
  int64_t n_units;
} rnn_cell;

typedef struct rnn {
  const rnn_attrs *attrs;
  rnn_cell cells[2];       /* forward, backward */
  int n_cells;
  const ufi_tensor *x, *aux;
  int64_t n_batch, n_time, n_input, n_aux;
} rnn;

/* ---- options -------------------------------------------------------------------- */

static uf_status check_act(rnn_attrs *a, int8_t act, uf_error *error) {
  a->act = (ufi_act)act;
  if (act >= UFI_ACT_NONE && act <= UFI_ACT_SIGN_BIT) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a fused activation from 0 to %d, found %d", UFI_ACT_SIGN_BIT, (int)act);
}

static uf_status step_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  rnn_attrs *a = attrs;
  a->time_major = true; /* one step: (batch, input) */
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 1, false);
  return check_act(a, ufi_fb_i8(&from->options, 0, 0), error);
}

static uf_status sequence_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  rnn_attrs *a = attrs;
  a->is_sequence = true;
  a->time_major = ufi_fb_bool(&from->options, 0, false);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 2, false);
  return check_act(a, ufi_fb_i8(&from->options, 1, 0), error);
}

static uf_status both_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  rnn_attrs *a = attrs;
  UFI_TRY(sequence_attrs(from, attrs, error));
  a->is_both = true;
  a->merge_outputs = ufi_fb_bool(&from->options, 2, false);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 3, false);
  return UF_OK;
}

/* ---- checks ----------------------------------------------------------------------- */

static void collect(const ufi_ctx *ctx, rnn *r) {
  *r = (rnn){.attrs = ctx->attrs, .x = ufi_in(ctx, 0), .n_cells = 1};
  r->n_cells = r->attrs->is_both ? 2 : 1;
  r->aux = ufi_in(ctx, 9);
  for (int c = 0; c < r->n_cells; c++) {
    int first = 1 + 4 * c;
    r->cells[c] = (rnn_cell){.x = r->x, .w = ufi_in(ctx, first), .rec = ufi_in(ctx, first + 1),
                             .bias = ufi_in(ctx, first + 2), .h = ufi_in(ctx, first + 3)};
    if (r->attrs->is_both) r->cells[c].aux_w = ufi_in(ctx, 10 + c);
  }
  if (r->n_cells == 2 && r->aux && r->cells[0].aux_w == NULL) r->cells[1].x = r->aux;
}

static uf_status measure(ufi_ctx *ctx, rnn *r) {
  int32_t rank = r->attrs->is_sequence ? 3 : 2;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, r->x, rank, rank));
  r->n_input = r->x->dims[rank - 1];
  r->n_time = rank == 3 ? r->x->dims[r->attrs->time_major ? 0 : 1] : 1;
  r->n_batch = r->x->dims[rank == 3 && r->attrs->time_major ? 1 : 0];
  r->n_aux = r->aux && r->aux->rank > 0 ? r->aux->dims[r->aux->rank - 1] : 0;
  for (int c = 0; c < r->n_cells; c++) {
    UFI_TRY(ufi_want_rank(ctx, r->cells[c].w, 2, 2));
    r->cells[c].n_units = r->cells[c].w->dims[0];
  }
  return UF_OK;
}

static uf_status check_cell(ufi_ctx *ctx, const rnn *r, const rnn_cell *c) {
  const ufi_tensor *first = r->cells[0].w;
  UFI_TRY(ufi_want_dims(ctx, c->w, "weights", 2, c->n_units, r->n_input));
  UFI_TRY(ufi_want_dims(ctx, c->rec, "recurrent weights", 2, c->n_units, c->n_units));
  UFI_TRY(ufi_want_dims(ctx, c->bias, "a bias", 1, c->n_units, 0));
  UFI_TRY(ufi_want_dtype_of(ctx, c->w, first->dtype, "weights"));
  UFI_TRY(ufi_want_dtype_of(ctx, c->rec, first->dtype, "recurrent weights"));
  UFI_TRY(ufi_want_dtype_of(ctx, c->bias, UF_FLOAT32, "a bias"));
  UFI_TRY(ufi_want_one_scale(ctx, c->w));
  UFI_TRY(ufi_want_one_scale(ctx, c->rec));
  return ufi_want_state(ctx, c->h, r->n_batch, c->n_units, UF_FLOAT32);
}

static uf_status check_aux(ufi_ctx *ctx, const rnn *r) {
  const ufi_tensor *first = r->cells[0].aux_w, *second = r->cells[1].aux_w;
  if ((first == NULL) != (second == NULL) || (first && r->aux == NULL)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an auxiliary input with weights of both directions or of "
                        "none, found %s",
                        r->aux == NULL ? "no input" : "weights of one");
  }
  if (r->aux == NULL) return UF_OK;
  UFI_TRY(ufi_want_dtype_of(ctx, r->aux, UF_FLOAT32, "the auxiliary input"));
  UFI_TRY(ufi_want_dims3(ctx, r->aux, "the auxiliary input", r->x->dims[0], r->x->dims[1], first ? r->n_aux : r->n_input));
  for (int c = 0; first && c < 2; c++) {
    UFI_TRY(ufi_want_dims(ctx, r->cells[c].aux_w, "auxiliary weights", 2, r->cells[c].n_units, r->n_aux));
    UFI_TRY(ufi_want_dtype_of(ctx, r->cells[c].aux_w, r->cells[0].w->dtype, "auxiliary weights"));
    UFI_TRY(ufi_want_one_scale(ctx, r->cells[c].aux_w));
  }
  return UF_OK;
}

static uf_status check(ufi_ctx *ctx, rnn *r) {
  collect(ctx, r);
  UFI_TRY(measure(ctx, r));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT32, UF_INVALID));
  for (int c = 0; c < r->n_cells; c++) UFI_TRY(check_cell(ctx, r, &r->cells[c]));
  return r->attrs->is_both ? check_aux(ctx, r) : UF_OK;
}

/* ---- the op --------------------------------------------------------------------------- */

static uf_status infer(ufi_ctx *ctx) {
  const rnn_attrs *a = ctx->attrs;
  rnn r;
  UFI_TRY(check(ctx, &r));
  int64_t dims[3] = {r.x->dims[0], r.x->dims[1], r.cells[0].n_units};
  if (!a->is_sequence) return ufi_out_shape(ctx, 0, 2, (int64_t[2]){dims[0], dims[2]});
  int32_t n_out = a->is_both && !a->merge_outputs ? 2 : 1;
  if (ctx->n_out != n_out) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one output for each direction, or one when merge_outputs "
                        "is set, found %d",
                        (int)ctx->n_out);
  }
  if (n_out == 2) {
    UFI_TRY(ufi_want_out(ctx, 1, UF_FLOAT32, UF_INVALID));
    UFI_TRY(ufi_out_shape(ctx, 1, 3, (int64_t[3]){dims[0], dims[1], r.cells[1].n_units}));
  } else if (a->is_both) {
    dims[2] += r.cells[1].n_units;
  }
  return ufi_out_shape(ctx, 0, 3, dims);
}

/* Weights of one direction. */
enum { W_IN, W_AUX, W_REC, WEIGHTS };

static uf_status prepare(ufi_ctx *ctx) {
  rnn r;
  collect(ctx, &r);
  UFI_TRY(measure(ctx, &r));
  ufi_weight *packed = ufi_ctx_state(ctx, 2 * WEIGHTS * sizeof *packed);
  if (packed == NULL) return UF_RESOURCE_EXHAUSTED;
  for (int c = 0; c < r.n_cells; c++) {
    const ufi_tensor *weights[WEIGHTS] = {r.cells[c].w, r.cells[c].aux_w, r.cells[c].rec};
    UFI_TRY(ufi_weights_pack(ctx, c, weights, WEIGHTS, packed + c * WEIGHTS));
  }
  ufi_want_scratch(ctx, ufi_weights_scratch(packed, r.n_cells * WEIGHTS));
  return UF_OK;
}

/* All steps of one direction; out: its first unit's place in the first row. */
static void run_cell(const ufi_ctx *ctx, const rnn *r, int cell, float *out, int64_t out_step) {
  const rnn_cell *c = &r->cells[cell];
  const ufi_weight *w = (const ufi_weight *)ctx->state + cell * WEIGHTS;
  const bool asymmetric = r->attrs->asymmetric_inputs;
  for (int64_t i = 0; c->n_units > 0 && i < r->n_time; i++) {
    int64_t t = cell == 1 ? r->n_time - 1 - i : i;
    for (int64_t b = 0; b < r->n_batch; b++) {
      int64_t row = r->attrs->time_major ? t * r->n_batch + b : b * r->n_time + t;
      float *y = out + row * out_step, *h = (float *)c->h->data + b * c->n_units;
      memcpy(y, c->bias->data, (size_t)c->n_units * sizeof *y);
      ufi_weight_add(&w[W_IN], c->w, (const float *)c->x->data + row * r->n_input, asymmetric, ctx->scratch, y);
      if (c->aux_w) ufi_weight_add(&w[W_AUX], c->aux_w, (const float *)r->aux->data + row * r->n_aux, asymmetric, ctx->scratch, y);
      ufi_weight_add(&w[W_REC], c->rec, h, asymmetric, ctx->scratch, y);
      ufi_vector_act(y, c->n_units, r->attrs->act);
      memcpy(h, y, (size_t)c->n_units * sizeof *y);
    }
  }
}

static uf_status eval(ufi_ctx *ctx) {
  rnn r;
  collect(ctx, &r);
  UFI_TRY(measure(ctx, &r));
  int64_t first = r.cells[0].n_units, second = r.cells[1].n_units;
  bool merged = r.attrs->merge_outputs;
  float *out = ctx->out[0]->data;
  run_cell(ctx, &r, 0, out, merged ? first + second : first);
  if (r.n_cells == 1) return UF_OK;
  run_cell(ctx, &r, 1, merged ? out + first : ctx->out[1]->data, merged ? first + second : second);
  return UF_OK;
}

extern const ufi_op_def ufi_op_RNN, ufi_op_UNIDIRECTIONAL_SEQUENCE_RNN, ufi_op_BIDIRECTIONAL_SEQUENCE_RNN;
const ufi_op_def ufi_op_RNN = {
  .attrs_size = sizeof(rnn_attrs), .attrs_tflite = step_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_RNN = {
  .attrs_size = sizeof(rnn_attrs), .attrs_tflite = sequence_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
const ufi_op_def ufi_op_BIDIRECTIONAL_SEQUENCE_RNN = {
  .attrs_size = sizeof(rnn_attrs), .attrs_tflite = both_attrs, .infer = infer, .prepare = prepare, .eval = eval,
};
