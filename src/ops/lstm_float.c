/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm_float.c: steps of the float LSTM, and of the hybrid one, whose weights
 * are int8 and whose activations are quantized row by row while running.
 *
 * The weights of all gates are packed one below the other, so that a step is one product with the input and one with the
 * state. Weights that change are used as they lie, gate by gate.
 */
#include <math.h>

#include "ops/gemv.h"
#include "ops/lstm.h"

#define NORM_EPSILON 1e-8f /* as TFLite's MeanStddevNormalization */

/* One matrix of a direction, those of all gates one below the other. */
typedef struct matrix {
  ufi_gemv shape;          /* rows 0: there is none */
  const void *packed;      /* NULL: as they lie in the file, gate by gate */
  size_t offset, size;     /* of what is packed for the direction */
} matrix;

struct ufi_lstm_packed {
  matrix in, aux, rec, projection;
};

/* A vector on its way through a hybrid product. */
typedef struct vector {
  const float *x;
  int8_t *codes;
  float scale;
  int32_t zero;
} vector;

/* Memory of one step. */
typedef struct step {
  const ufi_lstm_packed *w;
  float *gates[UFI_GATES]; /* (n_cell) each, one behind the other */
  float *hidden;           /* (n_cell) */
  int32_t *sums;           /* (UFI_GATES * n_cell), padded */
  int8_t *codes_x, *codes_aux, *codes_h, *codes_hidden;
  int16_t *wide;           /* codes of any, less their zero point */
  bool is_hybrid;
} step;

static bool is_hybrid(const ufi_lstm *l) { return l->gates[UFI_GATE_OUTPUT].w_in->dtype != UF_FLOAT32; }
static int first_gate(const ufi_lstm *l) { return l->has_input_gate ? UFI_GATE_INPUT : UFI_GATE_FORGET; }

static int64_t longest(const ufi_lstm *l) {
  return UFI_MAX(UFI_MAX(l->n_input, l->n_aux), UFI_MAX(l->n_output, l->n_cell));
}
static size_t sums_of(const ufi_lstm *l) {
  return (size_t)ufi_gemv_padded(UFI_MAX(UFI_GATES * l->n_cell, l->n_output));
}

static size_t scratch_of(const ufi_lstm *l) {
  return (size_t)l->n_cell * (UFI_GATES + 1) * sizeof(float) + sums_of(l) * sizeof(int32_t) +
         (size_t)longest(l) * sizeof(int16_t) + (size_t)(l->n_input + l->n_aux + l->n_output + l->n_cell);
}

static step make_step(const ufi_lstm *l, const ufi_lstm_packed *packed, void *scratch) {
  step s = {.w = packed, .is_hybrid = is_hybrid(l)};
  float *memory = scratch;
  for (int g = 0; g < UFI_GATES; g++, memory += l->n_cell) s.gates[g] = memory;
  s.hidden = memory;
  s.sums = (int32_t *)(memory + l->n_cell);
  s.wide = (int16_t *)(s.sums + sums_of(l));
  s.codes_x = (int8_t *)(s.wide + longest(l));
  s.codes_aux = s.codes_x + l->n_input;
  s.codes_h = s.codes_aux + l->n_aux;
  s.codes_hidden = s.codes_h + l->n_output;
  return s;
}

/* ---- packed weights ------------------------------------------------------------ */

enum { W_IN, W_AUX, W_REC, W_PROJECTION, MATRICES };

static matrix *matrix_of(ufi_lstm_packed *p, int which) {
  matrix *all[MATRICES] = {&p->in, &p->aux, &p->rec, &p->projection};
  return all[which];
}

/* The weights of a matrix, gate by gate; how many. */
static int32_t weights_of(const ufi_lstm *l, int which, const ufi_tensor *out[UFI_GATES]) {
  int32_t n = 0;
  if (which == W_PROJECTION) {
    out[0] = l->projection;
    return l->projection ? 1 : 0;
  }
  for (int g = first_gate(l); g < UFI_GATES; g++) {
    const ufi_lstm_gate *gate = &l->gates[g];
    const ufi_tensor *w = which == W_IN ? gate->w_in : which == W_AUX ? gate->w_aux : gate->w_rec;
    if (w && w->count > 0) out[n++] = w;
  }
  return n;
}

static bool can_pack(const ufi_tensor *const *weights, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    if (!weights[i]->is_lasting || weights[i]->rank != 2) return false;
  }
  return n > 0;
}

typedef struct packing {
  const ufi_lstm *l;
  ufi_lstm_packed *packed;
} packing;

static uf_status fill(ufi_ctx *ctx, void *memory, void *arg) {
  const packing *p = arg;
  for (int i = 0; i < MATRICES; i++) {
    const ufi_tensor *weights[UFI_GATES];
    const int32_t n = weights_of(p->l, i, weights);
    const matrix *m = matrix_of(p->packed, i);
    if (m->shape.rows) UFI_TRY(ufi_gemv_pack(ctx, &m->shape, weights, n, (char *)memory + m->offset));
  }
  return UF_OK;
}

uf_status ufi_lstm_float_prepare(ufi_ctx *ctx, const ufi_lstm l[2]) {
  const int directions = l[0].attrs->is_both ? 2 : 1;
  ufi_lstm_packed *packed = ufi_ctx_state(ctx, (size_t)directions * sizeof *packed);
  if (packed == NULL) return UF_RESOURCE_EXHAUSTED;
  for (int d = 0; d < directions; d++) {
    size_t size = 0;
    const void *memory;
    for (int i = 0; i < MATRICES; i++) {
      const ufi_tensor *weights[UFI_GATES];
      const int32_t n = weights_of(&l[d], i, weights);
      matrix *m = matrix_of(&packed[d], i);
      if (!can_pack(weights, n)) continue;
      m->shape = ufi_gemv_of(weights, n);
      m->offset = size;
      if (!ufi_gemv_size(&m->shape, &m->size) || !ufi_add_size(size, m->size, &size)) return ufi_no_memory(ctx->error, SIZE_MAX);
    }
    ufi_want_scratch(ctx, scratch_of(&l[d]));
    if (size == 0) continue;
    packing p = {&l[d], &packed[d]};
    UFI_TRY(ufi_packed(ctx, d, size, fill, &p, &memory));
    for (int i = 0; i < MATRICES; i++) {
      matrix *m = matrix_of(&packed[d], i);
      if (m->shape.rows) m->packed = (const char *)memory + m->offset;
    }
  }
  return UF_OK;
}

/* ---- products ------------------------------------------------------------------ */

static vector quantized(const ufi_lstm *l, const step *s, const float *x, int64_t n, int8_t *codes) {
  vector v = {.x = x, .codes = codes};
  if (s->is_hybrid && n > 0) {
    ufi_kernels_get()->qgemm.quantize((size_t)n, x, l->attrs->asymmetric_inputs, codes, &v.scale, &v.zero);
  }
  return v;
}

/* y += w x, of one weight as it lies. */
static void multiply(const step *s, const ufi_tensor *w, const vector *v, float *y, int64_t rows, int64_t cols) {
  if (w->rank == 1) { /* a diagonal matrix */
    const float *diagonal = w->data;
    for (int64_t i = 0; i < rows; i++) y[i] += diagonal[i] * v->x[i];
  } else if (s->is_hybrid) {
    ufi_widen(v->codes, cols, v->zero, s->wide);
    ufi_matvec_hybrid(w->data, s->wide, v->scale * ufi_scale(w), y, rows, cols);
  } else {
    ufi_matvec(w->data, v->x, y, rows, cols);
  }
}

/* The same of packed weights of all gates, each with n rows. */
static void multiply_packed(const step *s, const matrix *m, const ufi_tensor *const *weights, int32_t n_weights,
                            const vector *v, float *y) {
  if (!s->is_hybrid) {
    ufi_gemv_f32(NULL, &m->shape, m->packed, v->x, y, y);
    return;
  }
  ufi_gemv_s8(NULL, &m->shape, m->packed, v->codes, NULL, -v->zero, s->sums);
  const int32_t *sums = s->sums;
  for (int32_t i = 0; i < n_weights; i++) {
    const int64_t rows = weights[i]->dims[0];
    const float scale = v->scale * ufi_scale(weights[i]);
    for (int64_t r = 0; r < rows; r++) y[r] += (float)sums[r] * scale;
    y += rows;
    sums += rows;
  }
}

/* All gates take what a matrix makes of a vector. */
static void add_products(const ufi_lstm *l, const step *s, int which, const matrix *m, const vector *v, int64_t cols) {
  const ufi_tensor *weights[UFI_GATES];
  const int32_t n = weights_of(l, which, weights);
  if (n == 0 || cols == 0) return;
  if (m->packed) {
    multiply_packed(s, m, weights, n, v, s->gates[first_gate(l)]);
    return;
  }
  for (int32_t i = 0; i < n; i++) multiply(s, weights[i], v, s->gates[first_gate(l) + i], l->n_cell, cols);
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

/* What gates are before anything is added. */
static void start_gates(const ufi_lstm *l, const step *s) {
  for (int g = first_gate(l); g < UFI_GATES; g++) {
    const ufi_lstm_gate *gate = &l->gates[g];
    if (gate->norm) memset(s->gates[g], 0, (size_t)l->n_cell * sizeof(float));
    else memcpy(s->gates[g], gate->bias->data, (size_t)l->n_cell * sizeof(float));
  }
}

/* From the sum of products to the gate. */
static void finish_gate(const ufi_lstm *l, const step *s, int g, const float *c) {
  const ufi_lstm_gate *gate = &l->gates[g];
  float *v = s->gates[g];
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
  const vector v = quantized(l, s, s->hidden, l->n_cell, s->codes_hidden);
  if (s->w->projection.packed) multiply_packed(s, &s->w->projection, &w, 1, &v, h);
  else multiply(s, w, &v, h, l->n_output, l->n_cell);
  for (int64_t i = 0; i < l->n_output; i++) h[i] = clip(h[i], l->attrs->proj_clip);
}

static void update_output(const ufi_lstm *l, const step *s, const float *c, float *h) {
  memcpy(s->hidden, c, (size_t)l->n_cell * sizeof *c);
  ufi_vector_act(s->hidden, l->n_cell, l->attrs->act);
  for (int64_t i = 0; i < l->n_cell; i++) s->hidden[i] *= s->gates[UFI_GATE_OUTPUT][i];
  if (l->projection) project(l, s, h);
  else memcpy(h, s->hidden, (size_t)l->n_output * sizeof *h);
}

static void run_step(const ufi_lstm *l, const step *s, const float *x, const float *aux, float *h, float *c, float *out) {
  const vector input = quantized(l, s, x, l->n_input, s->codes_x), state = quantized(l, s, h, l->n_output, s->codes_h);
  start_gates(l, s);
  add_products(l, s, W_IN, &s->w->in, &input, l->n_input);
  if (aux) {
    const vector other = quantized(l, s, aux, l->n_aux, s->codes_aux);
    add_products(l, s, W_AUX, &s->w->aux, &other, l->n_aux);
  }
  add_products(l, s, W_REC, &s->w->rec, &state, l->n_output);
  for (int g = first_gate(l); g < UFI_GATE_OUTPUT; g++) finish_gate(l, s, g, c);
  update_cell(l, s, c);
  finish_gate(l, s, UFI_GATE_OUTPUT, c); /* its peephole sees the new cell state */
  update_output(l, s, c, h);
  memcpy(out, h, (size_t)l->n_output * sizeof *out);
}

void ufi_lstm_float(ufi_ctx *ctx, const ufi_lstm *l) {
  const ufi_lstm_packed *packed = ctx->state;
  const step s = make_step(l, &packed[l->is_backward], ctx->scratch);
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
