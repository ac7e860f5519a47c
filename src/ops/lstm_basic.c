/* SPDX-License-Identifier: Apache-2.0
 *
 * lstm_basic.c: the old form of the LSTM op: one step, one weight matrix.
 *
 * Inputs: x (batch, input); previous activation (batch, n); weights (4n,
 * input + n); biases (4n); previous state (batch, n). Outputs: activation,
 * state, the concatenation [x, activation], and the four gates before their
 * functions, in the order input, new input, forget, output. When the previous
 * activation and state are state tensors, the new values are put there, too.
 * Float, or uint8 with an int16 state of 4 integer bits.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "kernels/fixedpoint.h"
#include "ops/lstm.h"
#include "ops/qparams.h"

typedef struct basic {
  int64_t n_batch, n_input, n;
  const ufi_tensor *x, *w, *bias;
  ufi_tensor *h, *c;
} basic;

static uf_status measure(ufi_ctx *ctx, basic *b) {
  if (ctx->n_in < 5 || ctx->n_out < 4) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 5 inputs and 4 outputs, found %d and %d", (int)ctx->n_in, (int)ctx->n_out);
  }
  for (int i = 0; i < 5; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], i == 3 ? 1 : 2, i == 3 ? 1 : 2));
  *b = (basic){.x = ctx->in[0], .h = ctx->in[1], .w = ctx->in[2], .bias = ctx->in[3], .c = ctx->in[4]};
  b->n_batch = b->x->dims[0];
  b->n_input = b->x->dims[1];
  b->n = b->h->dims[1];
  bool good = b->h->dims[0] == b->n_batch && b->c->dims[0] == b->n_batch && b->c->dims[1] == b->n &&
              b->w->dims[0] == 4 * b->n && b->w->dims[1] == b->n_input + b->n && b->bias->dims[0] == 4 * b->n;
  if (good) return UF_OK;
  char text[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected weights of shape (4 n, input + n) and states (batch, n), "
                      "found weights %s",
                      ufi_tensor_text(b->w, text));
}

static bool is_float(const basic *b) { return b->x->dtype == UF_FLOAT32; }

static uf_status check_dtypes(ufi_ctx *ctx, const basic *b) {
  uf_dtype narrow = is_float(b) ? UF_FLOAT32 : UF_UINT8, wide = is_float(b) ? UF_FLOAT32 : UF_INT16;
  uf_dtype bias = is_float(b) ? UF_FLOAT32 : UF_INT32;
  bool good = b->x->dtype == narrow && b->h->dtype == narrow && b->w->dtype == narrow && b->c->dtype == wide &&
              b->bias->dtype == bias && ctx->out[0]->dtype == narrow && ctx->out[1]->dtype == wide &&
              ctx->out[2]->dtype == narrow && ctx->out[3]->dtype == wide;
  if (good) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected all float32, or uint8 with int16 state and int32 bias, found "
                      "input %s, weights %s, state %s",
                      uf_dtype_name(b->x->dtype), uf_dtype_name(b->w->dtype), uf_dtype_name(b->c->dtype));
}

uf_status ufi_lstm_basic_infer(ufi_ctx *ctx) {
  basic b;
  UFI_TRY(measure(ctx, &b));
  UFI_TRY(check_dtypes(ctx, &b));
  int64_t concat[2] = {b.n_batch, b.n_input + b.n}, gates[2] = {b.n_batch, 4 * b.n};
  UFI_TRY(ufi_out_like(ctx, 0, b.h));
  UFI_TRY(ufi_out_like(ctx, 1, b.c));
  UFI_TRY(ufi_out_shape(ctx, 2, 2, concat));
  return ufi_out_shape(ctx, 3, 2, gates);
}

uf_status ufi_lstm_basic_prepare(ufi_ctx *ctx) {
  basic b;
  UFI_TRY(measure(ctx, &b));
  if (is_float(&b)) return UF_OK;
  float log2_scale = log2f(ufi_scale(ctx->out[1]));
  if (!ufi_is_quantized(b.bias) || fabsf(log2_scale + 11.0f) > 1e-3f) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a quantized bias and a state of scale 2^-11, found state "
                        "scale %g",
                        (double)ufi_scale(ctx->out[1]));
  }
  ufk_scale *scale = ufi_ctx_state(ctx, sizeof *scale);
  if (scale == NULL) return UF_RESOURCE_EXHAUSTED;
  *scale = ufi_scale_from(4096.0 * (double)ufi_scale(b.bias));
  return UF_OK;
}

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

static void float_row(const ufi_ctx *ctx, const basic *b, int64_t row) {
  float *z = (float *)ctx->out[3]->data + row * 4 * b->n, *joined = (float *)ctx->out[2]->data + row * (b->n_input + b->n);
  const float *c = (const float *)b->c->data + row * b->n;
  memcpy(z, b->bias->data, (size_t)(4 * b->n) * sizeof *z);
  ufi_matvec(b->w->data, joined, z, 4 * b->n, b->n_input + b->n);
  for (int64_t i = 0; i < b->n; i++) {
    float state = sigmoid(z[i]) * tanhf(z[b->n + i]) + sigmoid(z[2 * b->n + i]) * c[i];
    ((float *)ctx->out[1]->data)[row * b->n + i] = state;
    ((float *)ctx->out[0]->data)[row * b->n + i] = sigmoid(z[3 * b->n + i]) * tanhf(state);
  }
}

static void quantized_gates(const ufi_ctx *ctx, const basic *b, int64_t row) {
  const ufk_scale *scale = ctx->state;
  int64_t depth = b->n_input + b->n;
  const uint8_t *joined = (const uint8_t *)ctx->out[2]->data + row * depth, *w = b->w->data;
  int16_t *z = (int16_t *)ctx->out[3]->data + row * 4 * b->n;
  int32_t zero = ufi_zero(b->w);
  for (int64_t o = 0; o < 4 * b->n; o++) {
    int32_t sum = ((const int32_t *)b->bias->data)[o];
    for (int64_t d = 0; d < depth; d++) sum += (joined[d] - 128) * (w[o * depth + d] - zero);
    z[o] = (int16_t)ufk_fx_clamp16(ufk_scale_i32(sum, *scale));
  }
}

static void quantized_row(const ufi_ctx *ctx, const basic *b, int64_t row) {
  const int16_t *z = (const int16_t *)ctx->out[3]->data + row * 4 * b->n, *c = (const int16_t *)b->c->data + row * b->n;
  for (int64_t i = 0; i < b->n; i++) {
    int16_t in = ufk_fx_mul(ufk_fx_logistic(z[i], 3), ufk_fx_tanh(z[b->n + i], 3));
    int16_t kept = ufk_fx_mul(ufk_fx_logistic(z[2 * b->n + i], 3), c[i]);
    int16_t state = (int16_t)ufk_fx_clamp16(ufk_rdpot(in, 4) + kept);
    int16_t out = ufk_fx_mul(ufk_fx_logistic(z[3 * b->n + i], 3), ufk_fx_tanh(ufk_fx_shl(state, 1), 3));
    int32_t code = UFI_MIN(UFI_MAX(ufk_rdpot(out, 8), -128), 127);
    ((int16_t *)ctx->out[1]->data)[row * b->n + i] = state;
    ((uint8_t *)ctx->out[0]->data)[row * b->n + i] = (uint8_t)(128 + code);
  }
}

static void join(const ufi_ctx *ctx, const basic *b) {
  size_t size = (size_t)uf_dtype_bits(b->x->dtype) / 8, x = (size_t)b->n_input * size, h = (size_t)b->n * size;
  for (int64_t row = 0; row < b->n_batch; row++) {
    char *to = (char *)ctx->out[2]->data + (size_t)row * (x + h);
    memcpy(to, (const char *)b->x->data + (size_t)row * x, x);
    memcpy(to + x, (const char *)b->h->data + (size_t)row * h, h);
  }
}

uf_status ufi_lstm_basic_eval(ufi_ctx *ctx) {
  basic b;
  UFI_TRY(measure(ctx, &b));
  join(ctx, &b);
  for (int64_t row = 0; row < b.n_batch; row++) {
    if (is_float(&b)) {
      float_row(ctx, &b, row);
    } else {
      quantized_gates(ctx, &b, row);
      quantized_row(ctx, &b, row);
    }
  }
  if (b.h->is_state) memcpy(b.h->data, ctx->out[0]->data, b.h->size);
  if (b.c->is_state) memcpy(b.c->data, ctx->out[1]->data, b.c->size);
  return UF_OK;
}
