/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_node.c: what quantized convolutions and matrix products share around
 * the product itself (gemm_quant.h): types and scales in words, multipliers,
 * packed weights, float inputs quantized on the way.
 *
 * State: the struct below and behind it arrays with an element per output
 * column, padded per group. Scratch: see layout_of.
 */
#include <math.h>

#include "ops/gemm_quant.h"

typedef struct node_state {
  const void *packed;      /* NULL: weights change, packed at each eval */
  const float *blocks;     /* scales of blocks, (panel, block, q_nr) */
  int64_t columns;         /* of each array behind */
  int32_t workers;
  bool has_near;           /* all columns have a factor and a nudge */
  double real[];           /* then float column[], factor[], nudge[], int32_t multiplier[], shift[] */
} node_state;

static float *column_of(node_state *s) { return (float *)(void *)(s->real + s->columns); }
static float *factor_of(node_state *s) { return column_of(s) + s->columns; }
static float *nudge_of(node_state *s) { return factor_of(s) + s->columns; }
static int32_t *multiplier_of(node_state *s) { return (int32_t *)(void *)(nudge_of(s) + s->columns); }
static int32_t *shift_of(node_state *s) { return multiplier_of(s) + s->columns; }

/* ---- scratch -------------------------------------------------------------------- */

size_t ufi_q_take(ufi_q_layout *layout, int64_t count, size_t element) {
  size_t at = layout->size, bytes;
  if (count < 0 || !ufi_mul_size((size_t)count, element, &bytes) || bytes > SIZE_MAX / 4 ||
      at > SIZE_MAX / 4) {
    layout->overflow = true;
    return 0;
  }
  layout->size = at + (bytes + 63) / 64 * 64;
  return at;
}

uf_status ufi_q_want(ufi_ctx *ctx, const ufi_q_layout *layout) {
  if (layout->overflow) {
    return ufi_too_large(ctx);
  }
  ufi_want_scratch(ctx, layout->size);
  return UF_OK;
}

typedef struct pieces {
  size_t input, scale, zero, bias, weights, rows, extra;
} pieces;

static bool is_hybrid(const ufi_q_spec *spec) { return spec->input->dtype == UF_FLOAT32; }

static ufi_q_layout layout_of(const ufi_q_spec *spec, const node_state *s, pieces *at) {
  ufi_q_layout l = {0};
  size_t rows = 0;
  int64_t input = 0;
  if (!ufi_gemm_q_rows_size(spec->depth, &rows) ||
      __builtin_mul_overflow(spec->vectors, spec->length, &input)) {
    l.overflow = true;
  }
  at->input = ufi_q_take(&l, is_hybrid(spec) ? input : 0, 1);
  at->scale = ufi_q_take(&l, spec->vectors, sizeof(float));
  at->zero = ufi_q_take(&l, spec->vectors, sizeof(int32_t));
  at->bias = ufi_q_take(&l, spec->bias ? s->columns : 0, sizeof(int64_t));
  at->weights = ufi_q_take(&l, s->packed ? 0 : 1, spec->weights);
  at->rows = ufi_q_take(&l, s->workers, rows);
  at->extra = ufi_q_take(&l, 1, spec->extra);
  return l;
}

/* ---- types ------------------------------------------------------------------------- */

static uf_status wrong_types(ufi_ctx *ctx, const ufi_q_spec *spec) {
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                      "expected input, weights and output of types that go together (int8 with "
                      "int8 or int4 weights, uint8 with uint8, int16 with int8, float32 with int8 "
                      "or int4), found %s with %s to %s",
                      uf_dtype_name(spec->input->dtype), uf_dtype_name(spec->filter->dtype),
                      uf_dtype_name(spec->output->dtype));
}

static bool is_signed_weights(const ufi_tensor *filter, bool is_fc) {
  return filter->dtype == UF_INT8 || filter->dtype == UF_INT4 || (is_fc && filter->dtype == UF_INT2);
}

static uf_status want_blocks(ufi_ctx *ctx, const ufi_q_spec *spec, bool is_fc) {
  const uf_quant *q = spec->filter->quant;
  int64_t blocks = spec->depth / q->block_size;
  bool good = is_fc && q->block_size % 2 == 0 && spec->depth % q->block_size == 0 &&
              q->count == blocks * spec->n && q->axis == 0;
  if (!good) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                        "expected blocks of an even length along the inputs of a matrix product, "
                        "found blocks of %d, %lld scales for weights of %lldx%lld",
                        (int)q->block_size, (long long)q->count, (long long)spec->n,
                        (long long)spec->depth);
  }
  if (!spec->filter->is_lasting) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED,
                        "expected constant weights with blockwise scales, found computed ones");
  }
  for (int64_t i = 0; i < q->count; i++) {
    if (isfinite(q->scales[i])) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected finite scales of blocks, found %g",
                        (double)q->scales[i]);
  }
  return ufi_want_symmetric_weights(ctx, spec->filter);
}

static uf_status hybrid_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc) {
  const bool taken = is_signed_weights(spec->filter, is_fc) ||
                     (spec->takes_bytes && spec->filter->dtype == UF_UINT8);
  if (!taken || spec->output->dtype != UF_FLOAT32) return wrong_types(ctx, spec);
  UFI_TRY(ufi_want_bias(ctx, spec->bias, UF_FLOAT32, UF_FLOAT32));
  spec->end = UFI_Q_FLOAT;
  if (ufi_is_quantized(spec->filter) && spec->filter->quant->block_size > 0) {
    spec->end = UFI_Q_BLOCKS;
    return want_blocks(ctx, spec, is_fc);
  }
  return ufi_want_channel_scales(ctx, spec->filter, spec->groups * spec->n);
}

static uf_status int16_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc, uf_dtype quantized_bias) {
  UFI_TRY(ufi_want_zero_point_0(ctx, "the input", spec->input));
  UFI_TRY(ufi_want_zero_point_0(ctx, "the output", spec->output));
  if (quantized_bias == UF_INT32) {
    spec->end = is_fc ? UFI_Q_REAL : UFI_Q_FIXED;
    return ufi_want_bias(ctx, spec->bias, UF_INT32, UF_INT32);
  }
  spec->end = is_fc ? UFI_Q_REAL_64 : UFI_Q_FIXED_64;
  return ufi_want_bias(ctx, spec->bias, UF_INT64, quantized_bias == UF_INT64 ? UF_INT64 : UF_INT32);
}

static uf_status int_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc, uf_dtype quantized_bias) {
  const uf_dtype in = spec->input->dtype, out = spec->output->dtype;
  const bool is_u8 = in == UF_UINT8;
  bool good = is_u8 ? spec->filter->dtype == UF_UINT8 : is_signed_weights(spec->filter, is_fc);
  good = good && (out == in || (is_u8 && is_fc && out == UF_INT16));
  if (!good) return wrong_types(ctx, spec);
  UFI_TRY(ufi_want_scale(ctx, "the input", spec->input));
  UFI_TRY(ufi_want_scale(ctx, "the output", spec->output));
  UFI_TRY(ufi_want_channel_scales(ctx, spec->filter, is_u8 ? 1 : spec->groups * spec->n));
  /* Weights with a scale per channel are symmetric by definition; so are the
   * signed weights of convolutions. */
  if (is_u8 || (is_fc && spec->filter->quant->count == 1)) spec->filter_zero = ufi_zero(spec->filter);
  if (is_u8 || spec->filter_zero != 0) spec->kind = UFI_Q_WIDE;
  spec->float_product = is_u8 && !is_fc;
  if (in == UF_INT16) return int16_types(ctx, spec, is_fc, quantized_bias);
  spec->end = is_fc ? UFI_Q_REAL : UFI_Q_FIXED;
  return ufi_want_bias(ctx, spec->bias, UF_INT32, UF_INT32);
}

uf_status ufi_q_spec_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc, uf_dtype quantized_bias) {
  switch (spec->input->dtype) {
    case UF_FLOAT32: UFI_TRY(hybrid_types(ctx, spec, is_fc)); break;
    case UF_INT8:
    case UF_UINT8:
    case UF_INT16: UFI_TRY(int_types(ctx, spec, is_fc, quantized_bias)); break;
    default: return wrong_types(ctx, spec);
  }
  if (!spec->weights) { /* the same for all groups; an op may have counted itself, with loops of its own */
    if (spec->end != UFI_Q_BLOCKS) spec->kind = ufi_q_kind_of(spec->input->dtype, spec->kind == UFI_Q_WIDE);
    bool fits = ufi_gemm_q_packed_size(spec->depth, spec->n, spec->kind, &spec->weights) &&
                ufi_mul_size(spec->weights, (size_t)spec->groups, &spec->weights);
    if (!fits || spec->weights > SIZE_MAX / 4) {
      return ufi_too_large(ctx);
    }
  }
  return UF_OK;
}

/* ---- prepare ------------------------------------------------------------------------ */

/* Into zeroed memory. */
static uf_status pack_weights(ufi_ctx *ctx, const ufi_q_spec *spec, void *out) {
  const void *data;
  void *owned;
  UFI_TRY(ufi_unpacked_weights(ctx, spec->filter, &data, &owned));
  spec->pack(spec, data, out);
  ufi_free(owned);
  return UF_OK;
}

static uf_status fill_weights(ufi_ctx *ctx, void *memory, void *arg) {
  return pack_weights(ctx, arg, memory);
}

static uf_status fill_blocks(ufi_ctx *ctx, void *memory, void *arg) {
  const ufi_q_spec *spec = arg;
  const uf_quant *q = spec->filter->quant;
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, blocks = spec->depth / q->block_size;
  float *out = memory;
  for (int64_t j0 = 0; j0 < spec->n; j0 += nr) {
    for (int64_t i = 0; i < blocks; i++) {
      for (int64_t j = j0; j < j0 + nr; j++) {
        *out++ = j < spec->n ? q->scales[j * blocks + i] : 0.0f;
      }
    }
  }
  return UF_OK;
}

bool ufi_q_near(double real, int32_t right, float *factor_out, float *nudge_out) {
  *factor_out = (float)real;
  *nudge_out = right > 0 ? ldexpf(0.5f, -right) : 0.0f;
  return real >= 0.0 && real <= 1.0 && right >= 0;
}

static bool set_near(const ufi_q_spec *spec, node_state *s, int64_t at) {
  float *factor = factor_of(s) + at, *nudge = nudge_of(s) + at;
  if (spec->end == UFI_Q_REAL) return ufi_q_near(s->real[at], 0, factor, nudge);
  const int32_t shift = shift_of(s)[at];
  return ufi_q_near(ldexp((double)multiplier_of(s)[at], shift - 31), -shift, factor, nudge);
}

double ufi_q_factor(const ufi_q_spec *spec, int64_t c) {
  const float in = ufi_scale(spec->input), scale = ufi_channel_scale(spec->filter, c);
  const double product = spec->float_product ? (double)(in * scale) : (double)in * (double)scale;
  return product / (double)ufi_scale(spec->output);
}

static void set_factors(const ufi_q_spec *spec, node_state *s) {
  const int64_t padded = ufi_q_padded(spec->n);
  s->has_near = true;
  for (int64_t c = 0; c < spec->groups * spec->n; c++) {
    const int64_t at = c / spec->n * padded + c % spec->n;
    const double real = ufi_q_factor(spec, c);
    s->real[at] = isfinite(real) ? real : 0.0;
    column_of(s)[at] = spec->one_scale ? 1.0f : ufi_channel_scale(spec->filter, c);
    ufi_quantize_multiplier(real, multiplier_of(s) + at, shift_of(s) + at);
    s->has_near = set_near(spec, s, at) && s->has_near;
  }
}

static uf_status make_state(ufi_ctx *ctx, const ufi_q_spec *spec, node_state **state_out) {
  int64_t columns;
  size_t bytes;
  if (__builtin_mul_overflow(spec->groups, ufi_q_padded(spec->n), &columns) ||
      !ufi_mul_size((size_t)columns, sizeof(double) + 3 * sizeof(float) + 2 * sizeof(int32_t), &bytes) ||
      bytes > SIZE_MAX / 2) {
    return ufi_too_large(ctx);
  }
  node_state *s = ufi_ctx_state(ctx, sizeof *s + bytes);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->columns = columns;
  s->workers = ctx->pool ? ufi_pool_threads(ctx->pool) : 1;
  *state_out = s;
  return UF_OK;
}

uf_status ufi_q_prepare(ufi_ctx *ctx, const ufi_q_spec *spec) {
  node_state *s = NULL;
  UFI_TRY(make_state(ctx, spec, &s));
  if (spec->end != UFI_Q_BLOCKS) set_factors(spec, s);
  void *arg = (void *)(uintptr_t)spec;
  const void *made;
  if (spec->filter->is_lasting && spec->weights > 0) {
    UFI_TRY(ufi_packed_form(ctx, 0, spec->filter, spec->weights, spec->form, fill_weights, arg, &made));
    s->packed = made;
  }
  if (spec->end == UFI_Q_BLOCKS) {
    size_t bytes;
    if (!ufi_gemm_q_packed_size(2, spec->n, UFI_Q_PAIRS, &bytes)) bytes = SIZE_MAX;
    int64_t blocks = spec->depth / spec->filter->quant->block_size;
    if (!ufi_mul_size(bytes / 2 * sizeof(float), (size_t)blocks, &bytes)) {
      return ufi_no_memory(ctx->error, bytes);
    }
    if (bytes > 0) UFI_TRY(ufi_packed(ctx, 1, bytes, fill_blocks, arg, &made));
    s->blocks = bytes > 0 ? made : NULL;
  }
  pieces at;
  ufi_q_layout layout = layout_of(spec, s, &at);
  return ufi_q_want(ctx, &layout);
}

/* ---- eval ---------------------------------------------------------------------------- */

typedef struct quantize_args {
  ufk_q_quantize_fn fn;
  const float *from;
  int64_t length;
  bool asymmetric;
  int8_t *to;
  float *scale;
  int32_t *zero;
} quantize_args;

static void quantize_one(void *context, size_t i) {
  const quantize_args *q = context;
  const int64_t at = (int64_t)i * q->length;
  q->fn((size_t)q->length, q->from + at, q->asymmetric, q->to + at, q->scale + i, q->zero + i);
}

void ufi_q_quantize(ufi_pool *pool, const float *from, int64_t vectors, int64_t length,
                    bool asymmetric, int8_t *to, float *scale, int32_t *zero) {
  quantize_args q = {ufi_kernels_get()->qgemm.quantize, from, length, asymmetric, to, scale, zero};
  if (vectors * length < 1 << 16) pool = NULL;
  ufi_parallel(pool, quantize_one, &q, (size_t)vectors);
}

/* The bias in the type that sums have, padded per group. */
static void place_bias(const ufi_q_spec *spec, void *to, ufi_gemm_q *g) {
  const bool is_64 = spec->end == UFI_Q_FIXED_64 || spec->end == UFI_Q_REAL_64;
  const bool is_float = is_hybrid(spec);
  const int64_t padded = ufi_q_padded(spec->n);
  if (is_64) g->bias_64 = to;
  else if (is_float) g->bias_float = to;
  else g->bias = to;
  memset(to, 0, (size_t)(spec->groups * padded) * (is_64 ? 8 : 4));
  for (int64_t c = 0; c < spec->groups * spec->n; c++) {
    int64_t at = c / spec->n * padded + c % spec->n;
    const void *bias = spec->bias->data;
    if (is_float) ((float *)to)[at] = ((const float *)bias)[c];
    else if (!is_64) ((int32_t *)to)[at] = ((const int32_t *)bias)[c];
    else if (spec->bias->dtype == UF_INT64) ((int64_t *)to)[at] = ((const int64_t *)bias)[c];
    else ((int64_t *)to)[at] = ((const int32_t *)bias)[c];
  }
}

static void place_input(ufi_ctx *ctx, const ufi_q_spec *spec, uint8_t *base, const pieces *at,
                        ufi_gemm_q *g) {
  int32_t *zero = (int32_t *)(void *)(base + at->zero);
  g->zero = zero;
  g->in_dtype = spec->input->dtype;
  g->in = spec->input->data;
  g->share = INT64_MAX;
  if (!is_hybrid(spec)) {
    zero[0] = ufi_zero(spec->input);
    return;
  }
  float *scale = (float *)(void *)(base + at->scale);
  ufi_q_quantize(ctx->pool, spec->input->data, spec->vectors, spec->length, spec->asymmetric,
                 (int8_t *)(base + at->input), scale, zero);
  g->in_dtype = UF_INT8;
  g->in = base + at->input;
  g->row_scale = scale;
  g->share = UFI_MAX(spec->share, 1);
  /* One scale of all weights goes into the rows' scales. */
  if (spec->end == UFI_Q_FLOAT && spec->one_scale) {
    for (int64_t i = 0; i < spec->vectors; i++) scale[i] *= spec->filter->quant->scales[0];
  }
}

static void place_output(const ufi_q_spec *spec, node_state *s, ufi_gemm_q *g) {
  g->end = spec->end;
  g->out_dtype = spec->output->dtype;
  g->out = spec->output->data;
  g->real = s->real;
  g->column = column_of(s);
  g->multiplier = multiplier_of(s);
  g->shift = shift_of(s);
  g->factor = s->has_near ? factor_of(s) : NULL;
  g->nudge = nudge_of(s);
  g->blocks = s->blocks;
  g->column_first = spec->column_first;
  if (is_hybrid(spec)) {
    ufi_act_range_f32(spec->act, &g->min, &g->max);
    return;
  }
  g->out_zero = ufi_zero(spec->output);
  ufi_act_range_quant(spec->act, spec->output, &g->out_min, &g->out_max);
}

uf_status ufi_q_begin(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g_out) {
  node_state *s = ctx->state;
  uint8_t *base = ctx->scratch;
  ufi_gemm_q g = {.n = spec->n, .groups = spec->groups, .kind = spec->kind, .runs = spec->runs, .workers = s->workers};
  pieces at;
  layout_of(spec, s, &at);
  place_input(ctx, spec, base, &at, &g);
  place_output(spec, s, &g);
  if (spec->end == UFI_Q_BLOCKS) g.block = spec->filter->quant->block_size;
  if (spec->bias) place_bias(spec, base + at.bias, &g);
  g.b = s->packed ? s->packed : base + at.weights;
  g.b_group = (int64_t)(spec->weights / (size_t)spec->groups);
  if (!s->packed) {
    memset(base + at.weights, 0, spec->weights);
    UFI_TRY(pack_weights(ctx, spec, base + at.weights));
  }
  g.rows = base + at.rows;
  g.extra = base + at.extra;
  *g_out = g;
  return UF_OK;
}
