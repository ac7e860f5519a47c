/* SPDX-License-Identifier: Apache-2.0
 *
 * gru.c: the custom op UNIDIRECTIONAL_SEQUENCE_GRU, float32:
 *
 *   [r u] = sigmoid(G [x h] + g)
 *   c     = tanh(C [x (r . h)] + k)
 *   h'    = y = (1 - u) . c + u . h
 *
 * Inputs: x (time, batch, input); h (batch, n), an ordinary value; G (2n, input + n);
 * g (2n,); C (n, input + n); k (n,). Outputs: y (time, batch, n), the last h.
 */
#include <math.h>

#include "ops/recurrent.h"

typedef struct gru {
  const ufi_tensor *x, *h, *gates, *gate_bias, *candidate, *candidate_bias;
  int64_t n_time, n_batch, n_input, n;
} gru;

static uf_status measure(ufi_ctx *ctx, gru *g) {
  *g = (gru){.x = ctx->in[0], .h = ctx->in[1], .gates = ctx->in[2], .gate_bias = ctx->in[3], .candidate = ctx->in[4],
             .candidate_bias = ctx->in[5]};
  UFI_TRY(ufi_want_rank(ctx, g->x, 3, 3));
  UFI_TRY(ufi_want_rank(ctx, g->h, 2, 2));
  g->n_time = g->x->dims[0];
  g->n_batch = g->x->dims[1];
  g->n_input = g->x->dims[2];
  g->n = g->h->dims[1];
  return UF_OK;
}

static uf_status infer(ufi_ctx *ctx) {
  gru g;
  UFI_TRY(measure(ctx, &g));
  for (int32_t i = 0; i < 6; i++) UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_INVALID));
  for (int32_t i = 0; i < 2; i++) UFI_TRY(ufi_want_out(ctx, i, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_dims(ctx, g.h, "a state", 2, g.n_batch, g.n));
  UFI_TRY(ufi_want_dims(ctx, g.gates, "gate weights", 2, 2 * g.n, g.n_input + g.n));
  UFI_TRY(ufi_want_dims(ctx, g.gate_bias, "a gate bias", 1, 2 * g.n, 0));
  UFI_TRY(ufi_want_dims(ctx, g.candidate, "candidate weights", 2, g.n, g.n_input + g.n));
  UFI_TRY(ufi_want_dims(ctx, g.candidate_bias, "a candidate bias", 1, g.n, 0));
  UFI_TRY(ufi_out_shape(ctx, 0, 3, (int64_t[3]){g.n_time, g.n_batch, g.n}));
  return ufi_out_like(ctx, 1, g.h);
}

typedef struct weights {
  ufi_weight gates, candidate;
} weights;

static uf_status prepare(ufi_ctx *ctx) {
  gru g;
  UFI_TRY(measure(ctx, &g));
  weights *w = ufi_ctx_state(ctx, sizeof *w);
  if (w == NULL) return UF_RESOURCE_EXHAUSTED;
  UFI_TRY(ufi_weights_pack(ctx, 0, &g.gates, 1, &w->gates));
  UFI_TRY(ufi_weights_pack(ctx, 1, &g.candidate, 1, &w->candidate));
  ufi_want_scratch(ctx, (size_t)(g.n_input + 3 * g.n + 1) * sizeof(float));
  return UF_OK;
}

/* One step of one row; joined: (input + n), r: (2n), the reset and the update gate. */
static void step(const gru *g, const weights *w, const float *x, const float *h, float *joined, float *r, float *y) {
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  const size_t n = (size_t)g->n;
  const float *u = r + n;
  if (g->n_input) memcpy(joined, x, (size_t)g->n_input * sizeof *x);
  memcpy(joined + g->n_input, h, n * sizeof *h);
  memcpy(r, g->gate_bias->data, 2 * n * sizeof *r);
  ufi_weight_add(&w->gates, g->gates, joined, false, NULL, r);
  ufi_vector_sigmoid(r, 2 * g->n);
  k->f32_binary[UFK_MUL][UFK_VV](r, h, joined + g->n_input, n, -INFINITY, INFINITY);
  memcpy(y, g->candidate_bias->data, n * sizeof *y);
  ufi_weight_add(&w->candidate, g->candidate, joined, false, NULL, y);
  k->f32_unary[UFK_TANH](y, y, n);
  for (size_t i = 0; i < n; i++) y[i] = (1.0f - u[i]) * y[i] + u[i] * h[i];
}

static uf_status eval(ufi_ctx *ctx) {
  gru g;
  UFI_TRY(measure(ctx, &g));
  float *joined = ctx->scratch, *r = joined + g.n_input + g.n, *last = ctx->out[1]->data;
  for (int64_t t = 0; g.n > 0 && t < g.n_time; t++) {
    for (int64_t b = 0; b < g.n_batch; b++) {
      int64_t row = t * g.n_batch + b;
      float *y = (float *)ctx->out[0]->data + row * g.n;
      const float *h = t ? y - g.n_batch * g.n : (const float *)g.h->data + b * g.n;
      step(&g, ctx->state, (const float *)g.x->data + row * g.n_input, h, joined, r, y);
    }
  }
  if (ctx->out[1]->size == 0) return UF_OK;
  const float *from = g.n_time ? (const float *)ctx->out[0]->data + (g.n_time - 1) * g.n_batch * g.n : g.h->data;
  memcpy(last, from, ctx->out[1]->size);
  return UF_OK;
}

extern const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_GRU;
const ufi_op_def ufi_op_UNIDIRECTIONAL_SEQUENCE_GRU = {.infer = infer, .prepare = prepare, .eval = eval};
