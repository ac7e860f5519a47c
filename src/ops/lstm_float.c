/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm_float.c: steps of the float LSTM, and of the hybrid one, whose weights
 * are int8 and whose activations are quantized row by row while running.
 */
#include <math.h>

#include "ops/lstm.h"

#define NORM_EPSILON 1e-8f /* as TFLite's MeanStddevNormalization */

/* Memory of one step. */
typedef struct step {
  float *gates[UFI_GATES]; /* (n_cell) each */
  float *hidden;           /* (n_cell) */
  int16_t *codes_x, *codes_aux, *codes_h, *codes_hidden;
  float scale_x, scale_aux, scale_h;
  bool is_hybrid;
} step;

static bool is_hybrid(const ufi_lstm *l) { return l->gates[UFI_GATE_OUTPUT].w_in->dtype != UF_FLOAT32; }

size_t ufi_lstm_float_scratch(const ufi_lstm *l) {
  return (size_t)l->n_cell * (UFI_GATES + 1) * sizeof(float) + ufi_codes_size(l->n_input) + ufi_codes_size(l->n_aux) +
         ufi_codes_size(l->n_output) + ufi_codes_size(l->n_cell);
}

static step make_step(const ufi_lstm *l, void *scratch) {
  step s = {.is_hybrid = is_hybrid(l)};
  float *memory = scratch;
  for (int g = 0; g < UFI_GATES; g++, memory += l->n_cell) s.gates[g] = memory;
  s.hidden = memory;
  char *codes = (char *)(memory + l->n_cell);
  s.codes_x = (int16_t *)codes;
  s.codes_aux = (int16_t *)(codes += ufi_codes_size(l->n_input));
  s.codes_h = (int16_t *)(codes += ufi_codes_size(l->n_aux));
  s.codes_hidden = (int16_t *)(codes + ufi_codes_size(l->n_output));
  return s;
}

/* ---- one gate ---------------------------------------------------------------- */

static void add_peephole(const ufi_tensor *w, const float *c, float *v, int64_t n) {
  if (w->dtype == UF_FLOAT32) {
    const float *p = w->data;
    for (int64_t i = 0; i < n; i++) v[i] += p[i] * c[i];
    return;
  }
  const int8_t *p = w->data;
  float scale = ufi_scale(w);
  for (int64_t i = 0; i < n; i++) v[i] += scale * (float)p[i] * c[i];
}

static void layer_norm(float *v, const float *coefficients, const float *bias, int64_t n) {
  float mean = 0, variance = 0;
  for (int64_t i = 0; i < n; i++) mean += v[i];
  mean /= (float)n;
  for (int64_t i = 0; i < n; i++) variance += (v[i] - mean) * (v[i] - mean);
  float inverse = 1.0f / sqrtf(variance / (float)n + NORM_EPSILON);
  for (int64_t i = 0; i < n; i++) v[i] = (v[i] - mean) * inverse * coefficients[i] + bias[i];
}

static void multiply(const step *s, const ufi_tensor *w, const float *x, const int16_t *codes, float scale,
                     float *v, int64_t rows, int64_t cols) {
  if (cols == 0) return;
  if (w->rank == 1) { /* a diagonal matrix */
    const float *diagonal = w->data;
    for (int64_t i = 0; i < rows; i++) v[i] += diagonal[i] * x[i];
  } else if (s->is_hybrid) {
    ufi_matvec_hybrid(w->data, codes, scale * ufi_scale(w), v, rows, cols);
  } else {
    ufi_matvec(w->data, x, v, rows, cols);
  }
}

static void compute_gate(const ufi_lstm *l, const step *s, int g, const float *x, const float *aux, const float *h,
                         const float *c) {
  const ufi_lstm_gate *gate = &l->gates[g];
  float *v = s->gates[g];
  if (gate->norm) memset(v, 0, (size_t)l->n_cell * sizeof *v);
  else memcpy(v, gate->bias->data, (size_t)l->n_cell * sizeof *v);
  multiply(s, gate->w_in, x, s->codes_x, s->scale_x, v, l->n_cell, l->n_input);
  if (aux) multiply(s, gate->w_aux, aux, s->codes_aux, s->scale_aux, v, l->n_cell, l->n_aux);
  multiply(s, gate->w_rec, h, s->codes_h, s->scale_h, v, l->n_cell, l->n_output);
  if (gate->peephole) add_peephole(gate->peephole, c, v, l->n_cell);
  if (gate->norm) layer_norm(v, gate->norm->data, gate->bias->data, l->n_cell);
  if (g == UFI_GATE_CELL) ufi_vector_act(v, l->n_cell, l->attrs->act);
  else ufi_vector_sigmoid(v, l->n_cell);
}

/* ---- state -------------------------------------------------------------------- */

static float clip(float value, float limit) {
  return limit > 0 ? UFI_MIN(UFI_MAX(value, -limit), limit) : value;
}

static void update_cell(const ufi_lstm *l, const step *s, float *c) {
  const float *forget = s->gates[UFI_GATE_FORGET], *cell = s->gates[UFI_GATE_CELL];
  const float *input = s->gates[UFI_GATE_INPUT];
  for (int64_t i = 0; i < l->n_cell; i++) {
    float in = l->has_input_gate ? input[i] : 1.0f - forget[i];
    c[i] = clip(forget[i] * c[i] + cell[i] * in, l->attrs->cell_clip);
  }
}

static void project(const ufi_lstm *l, const step *s, float *h) {
  const ufi_tensor *w = l->projection;
  if (l->projection_bias) memcpy(h, l->projection_bias->data, (size_t)l->n_output * sizeof *h);
  else memset(h, 0, (size_t)l->n_output * sizeof *h);
  if (s->is_hybrid) {
    float scale = ufi_quantize_row(s->hidden, l->n_cell, l->attrs->asymmetric_inputs, s->codes_hidden);
    ufi_matvec_hybrid(w->data, s->codes_hidden, scale * ufi_scale(w), h, l->n_output, l->n_cell);
  } else {
    ufi_matvec(w->data, s->hidden, h, l->n_output, l->n_cell);
  }
  for (int64_t i = 0; i < l->n_output; i++) h[i] = clip(h[i], l->attrs->proj_clip);
}

static void update_output(const ufi_lstm *l, const step *s, const float *c, float *h) {
  memcpy(s->hidden, c, (size_t)l->n_cell * sizeof *c);
  ufi_vector_act(s->hidden, l->n_cell, l->attrs->act);
  for (int64_t i = 0; i < l->n_cell; i++) s->hidden[i] *= s->gates[UFI_GATE_OUTPUT][i];
  if (l->projection) project(l, s, h);
  else memcpy(h, s->hidden, (size_t)l->n_output * sizeof *h);
}

static void quantize_step(const ufi_lstm *l, step *s, const float *x, const float *aux, const float *h) {
  const bool asymmetric = l->attrs->asymmetric_inputs;
  if (l->n_input) s->scale_x = ufi_quantize_row(x, l->n_input, asymmetric, s->codes_x);
  if (aux && l->n_aux) s->scale_aux = ufi_quantize_row(aux, l->n_aux, asymmetric, s->codes_aux);
  s->scale_h = ufi_quantize_row(h, l->n_output, asymmetric, s->codes_h);
}

static void run_step(const ufi_lstm *l, step *s, const float *x, const float *aux, float *h, float *c, float *out) {
  if (s->is_hybrid) quantize_step(l, s, x, aux, h);
  if (l->has_input_gate) compute_gate(l, s, UFI_GATE_INPUT, x, aux, h, c);
  compute_gate(l, s, UFI_GATE_FORGET, x, aux, h, c);
  compute_gate(l, s, UFI_GATE_CELL, x, aux, h, c);
  update_cell(l, s, c);
  compute_gate(l, s, UFI_GATE_OUTPUT, x, aux, h, c); /* its peephole sees the new cell state */
  update_output(l, s, c, h);
  memcpy(out, h, (size_t)l->n_output * sizeof *out);
}

void ufi_lstm_float(const ufi_lstm *l, void *scratch) {
  step s = make_step(l, scratch);
  for (int64_t i = 0; i < l->n_time; i++) {
    int64_t t = l->is_backward ? l->n_time - 1 - i : i;
    for (int64_t b = 0; b < l->n_batch; b++) {
      int64_t row = ufi_lstm_row(l, t, b);
      const float *aux = l->aux ? (const float *)l->aux->data + row * l->n_aux : NULL;
      run_step(l, &s, (const float *)l->input->data + row * l->n_input, aux, (float *)l->h->data + b * l->n_output,
               (float *)l->c->data + b * l->n_cell, (float *)l->output->data + row * l->out_step + l->out_first);
    }
  }
}
