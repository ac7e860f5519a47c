/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul_s16.c: products of 16-bit numbers, and FULLY_CONNECTED with 16-bit
 * weights. Sums are 64-bit and wrap; zero points of inputs and outputs are 0.
 */
#include "ops/matmul_s16.h"

static int64_t y_at(const ufi_s16_product *p, int64_t at) {
  return p->y_is_s8 ? ((const int8_t *)p->y)[at] : ((const int16_t *)p->y)[at];
}

static int64_t bias_at(const ufi_s16_product *p, int64_t j) {
  if (!p->bias) return 0;
  return p->bias_dtype == UF_INT64 ? ((const int64_t *)p->bias)[j] : ((const int32_t *)p->bias)[j];
}

static void do_row(void *context, size_t i) {
  const ufi_s16_product *p = context;
  const int16_t *x = p->x + (int64_t)i * p->x_row;
  int16_t *out = p->out + (int64_t)i * p->n;
  for (int64_t j = 0; j < p->n; j++) {
    uint64_t sum = (uint64_t)bias_at(p, j);
    for (int64_t l = 0; l < p->k; l++) {
      sum += (uint64_t)(x[l * p->x_step] * (y_at(p, j * p->y_row + l * p->y_step) - p->y_zero));
    }
    int64_t c = p->per_tensor ? 0 : j;
    int32_t y = ufk_requantize_64((int64_t)sum, p->multiplier[c], UFI_MIN(p->shift[c], 14));
    out[j] = (int16_t)ufk_clamp(y, p->min, p->max);
  }
}

void ufi_s16_run(ufi_pool *pool, const ufi_s16_product *p) {
  if ((double)p->m * (double)p->n * (double)p->k < 1 << 16) pool = NULL;
  ufi_parallel(pool, do_row, (void *)(uintptr_t)p, (size_t)p->m);
}

/* State: multipliers, then shifts, one per output or only one. */
static int64_t factors(const ufi_fc_geometry *g) {
  return g->filter->quant->count > 1 ? g->out : 1;
}

uf_status ufi_fc_s16_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  const ufi_fc_attrs *a = ctx->attrs;
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT16, UF_INVALID));
  UFI_TRY(ufi_want_scale(ctx, "the input", g->input));
  UFI_TRY(ufi_want_scale(ctx, "the output", g->output));
  UFI_TRY(ufi_want_channel_scales(ctx, g->filter, g->out));
  UFI_TRY(ufi_want_zero_point_0(ctx, "the input", g->input));
  UFI_TRY(ufi_want_zero_point_0(ctx, "the output", g->output));
  uf_dtype bias = a->quantized_bias == UF_INT64 ? UF_INT64 : UF_INT32;
  UFI_TRY(ufi_want_bias(ctx, g->bias, bias, a->quantized_bias == UF_FLOAT32 ? UF_INT64 : bias));
  int64_t n = factors(g);
  int32_t *multiplier = ufi_ctx_state(ctx, (size_t)n * 8);
  if (!multiplier) return UF_RESOURCE_EXHAUSTED;
  for (int64_t i = 0; i < n; i++) {
    float in = ufi_scale(g->input), scale = g->filter->quant->scales[i];
    double product = n == 1 ? (double)(in * scale) : (double)in * (double)scale;
    ufi_quantize_multiplier(product / (double)ufi_scale(g->output), &multiplier[i],
                            &multiplier[n + i]);
  }
  return UF_OK;
}

uf_status ufi_fc_s16_eval(ufi_ctx *ctx, const ufi_fc_geometry *g) {
  int64_t n = factors(g);
  const int32_t *multiplier = ctx->state;
  ufi_s16_product p = {.x = g->input->data, .x_row = g->in, .x_step = 1, .y = g->filter->data,
                       .y_row = g->in, .y_step = 1, .m = g->batch, .n = g->out, .k = g->in,
                       .y_zero = n == 1 ? ufi_zero(g->filter) : 0, .multiplier = multiplier,
                       .shift = multiplier + n, .per_tensor = n == 1, .out = g->output->data};
  if (g->bias) {
    p.bias = g->bias->data;
    p.bias_dtype = g->bias->dtype;
  }
  ufi_act_range_quant(g->act, g->output, &p.min, &p.max);
  ufi_s16_run(ctx->pool, &p);
  return UF_OK;
}
