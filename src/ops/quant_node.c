/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_node.c: what quantized convolutions and matrix products share around
 * the product itself (gemm_quant.h): types and scales in words, multipliers,
 * packed weights, float inputs quantized on the way.
 *
 * State: the struct below and behind it arrays with an element per output
 * column, padded per group: those that the way from sums to outputs takes.
 * Scratch: see layout_of.
 */
#include <math.h>

#include "ops/winograd_quant.h"

typedef struct node_state {
  const float *blocks;     /* scales of blocks, (panel, block, q_nr) */
  int64_t columns;         /* of each array behind */
  int32_t workers;
  bool has_near;           /* all columns have a factor and a nudge */
  double *real;            /* here and below NULL: not needed */
  float *column, *factor, *nudge;
  int32_t *multiplier, *shift;
  void *bias;              /* a lasting one */
  ufi_q_spec spec;         /* as prepared; tensors and geometry aside, which may move */
  double arrays[];
} node_state;

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
  size_t input, scale, zero, bias, rows, extra;
} pieces;

static bool is_hybrid(const ufi_q_spec *spec) { return spec->input->dtype == UF_FLOAT32; }

/* Rows are quantized as the product reads them. */
static bool on_the_way(const ufi_q_spec *spec) {
  return is_hybrid(spec) && spec->by_rows && spec->kind == UFI_Q_BYTES && spec->end == UFI_Q_FLOAT;
}

static bool has_64(const ufi_q_spec *spec) { return spec->end == UFI_Q_FIXED_64 || spec->end == UFI_Q_REAL_64; }

/* Of all columns of all groups, those that have a scale and a bias of their own. */
static int64_t channels_of(const ufi_q_spec *spec) { return spec->repeats ? spec->repeats : spec->groups * spec->n; }

static int64_t channel_of(const ufi_q_spec *spec, int64_t group, int64_t column) {
  return spec->repeats ? column % spec->repeats : group * spec->n + column;
}

/* Padded once, in the state. */
static bool has_lasting_bias(const ufi_q_spec *spec) { return spec->bias && spec->bias->is_lasting && !has_64(spec); }

static ufi_q_layout layout_of(const ufi_q_spec *spec, const node_state *s, pieces *at) {
  ufi_q_layout l = {0};
  size_t rows = 0;
  int64_t input = 0;
  if (!ufi_gemm_q_rows_size(spec->depth, &rows) ||
      __builtin_mul_overflow(spec->vectors, spec->length, &input)) {
    l.overflow = true;
  }
  const bool apart = is_hybrid(spec) && !on_the_way(spec);
  at->input = ufi_q_take(&l, apart ? input : 0, 1);
  at->scale = ufi_q_take(&l, apart ? spec->vectors : 0, sizeof(float));
  at->zero = ufi_q_take(&l, apart ? spec->vectors : 1, sizeof(int32_t));
  at->bias = ufi_q_take(&l, spec->bias && !has_lasting_bias(spec) ? s->columns : 0, sizeof(int64_t));
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
  return ufi_want_channel_scales(ctx, spec->filter, channels_of(spec));
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

/* Weights with a zero point, and uint8, whose middle is 128, do not fit in bytes without it. */
static void set_weights_zero(ufi_q_spec *spec) {
  const bool is_u8 = spec->input->dtype == UF_UINT8;
  if (!is_u8 && spec->filter_zero == 0) return;
  if (!spec->takes_zero || ufi_q_kind_of(spec->input->dtype, false) != UFI_Q_BYTES) {
    spec->kind = UFI_Q_WIDE;
    return;
  }
  spec->flips = is_u8;
  spec->b_zero = spec->filter_zero - (is_u8 ? 128 : 0);
  spec->filter_zero = 0;
}

static uf_status int_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc, uf_dtype quantized_bias) {
  const uf_dtype in = spec->input->dtype, out = spec->output->dtype;
  const bool is_u8 = in == UF_UINT8;
  bool good = is_u8 ? spec->filter->dtype == UF_UINT8 : is_signed_weights(spec->filter, is_fc);
  good = good && (out == in || (is_u8 && is_fc && out == UF_INT16));
  if (!good) return wrong_types(ctx, spec);
  UFI_TRY(ufi_want_scale(ctx, "the input", spec->input));
  UFI_TRY(ufi_want_scale(ctx, "the output", spec->output));
  UFI_TRY(ufi_want_channel_scales(ctx, spec->filter, is_u8 ? 1 : channels_of(spec)));
  /* Weights with a scale per channel are symmetric by definition; so are the
   * signed weights of convolutions. */
  if (is_u8 || (is_fc && spec->filter->quant->count == 1)) spec->filter_zero = ufi_zero(spec->filter);
  set_weights_zero(spec);
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

/* ---- bias -------------------------------------------------------------------------- */

/* n biases in the type that sums have. */
static void copy_bias(const ufi_q_spec *spec, const uint8_t *from, int64_t n, uint8_t *to) {
  const size_t element = has_64(spec) ? 8 : 4;
  if ((size_t)uf_dtype_bits(spec->bias->dtype) / 8 == element) {
    memcpy(to, from, (size_t)n * element);
    return;
  }
  for (int64_t j = 0; j < n; j++) ((int64_t *)(void *)to)[j] = ((const int32_t *)(const void *)from)[j];
}

/* Padded per group. */
static void fill_bias(const ufi_q_spec *spec, uint8_t *to) {
  const int64_t n = spec->n, padded = ufi_q_padded(n), each = spec->repeats ? spec->repeats : n;
  const size_t element = has_64(spec) ? 8 : 4, has = (size_t)uf_dtype_bits(spec->bias->dtype) / 8;
  const uint8_t *from = spec->bias->data;
  for (int64_t i = 0; i < spec->groups; i++, to += (size_t)padded * element) {
    for (int64_t j = 0; j < n; j += each) {
      copy_bias(spec, from + (size_t)channel_of(spec, i, j) * has, each, to + (size_t)j * element);
    }
    memset(to + (size_t)n * element, 0, (size_t)(padded - n) * element);
  }
}

static void place_bias(const ufi_q_spec *spec, node_state *s, void *room, ufi_gemm_q *g) {
  const void *bias = s->bias ? s->bias : room;
  if (bias == room) fill_bias(spec, room);
  if (has_64(spec)) g->bias_64 = bias;
  else if (is_hybrid(spec)) g->bias_float = bias;
  else g->bias = bias;
}

/* ---- prepare ------------------------------------------------------------------------ */

/* uint8 weights less 128. */
static uf_status flipped_weights(ufi_ctx *ctx, const ufi_tensor *t, const void **data_out, void **owned_out) {
  const uint8_t *from = t->data;
  uint8_t *to = ufi_malloc((size_t)UFI_MAX(t->count, 1));
  if (!to) return ufi_no_memory(ctx->error, (size_t)t->count);
  for (int64_t i = 0; i < t->count; i++) to[i] = from[i] ^ 0x80;
  *data_out = *owned_out = to;
  return UF_OK;
}

/* As bytes; the caller frees *owned_out. */
static uf_status weights_of(ufi_ctx *ctx, const ufi_q_spec *spec, const void **data_out, void **owned_out) {
  return (spec->flips ? flipped_weights : ufi_unpacked_weights)(ctx, spec->filter, data_out, owned_out);
}

static uf_status fill_weights(ufi_ctx *ctx, void *memory, void *arg) {
  const ufi_q_spec *spec = arg;
  const void *data;
  void *owned;
  UFI_TRY(weights_of(ctx, spec, &data, &owned));
  memset(memory, 0, spec->weights);
  spec->pack(spec, data, memory);
  ufi_free(owned);
  return UF_OK;
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

static bool set_near(const ufi_q_spec *spec, node_state *s, int64_t at) {
  if (spec->end == UFI_Q_REAL) return ufk_q_near(s->real[at], 0, s->factor + at, s->nudge + at);
  const int32_t shift = s->shift[at];
  return ufk_q_near((double)s->multiplier[at] * ufk_power_of_2(shift - 31), -shift, s->factor + at, s->nudge + at);
}

/* Of weights of this scale, as the reference computes it. */
static inline double real_factor(bool float_product, float in, float scale, float out) {
  return (float_product ? (double)(in * scale) : (double)in * (double)scale) / (double)out;
}

void ufi_q_factors(const ufi_q_spec *spec, int64_t n, double *real) {
  const bool float_product = spec->float_product;
  const float in = ufi_scale(spec->input), out = ufi_scale(spec->output), *scales = spec->filter->quant->scales;
  for (int64_t c = 0; c < n; c++) real[c] = real_factor(float_product, in, scales[c], out);
}

static void set_factors(const ufi_q_spec *spec, node_state *s) {
  const int64_t padded = ufi_q_padded(spec->n);
  const float in = ufi_scale(spec->input), out = ufi_scale(spec->output);
  const bool is_one = !ufi_is_quantized(spec->filter) || spec->filter->quant->count == 1;
  const float first = ufi_channel_scale(spec->filter, 0), *scales = is_one ? NULL : spec->filter->quant->scales;
  s->has_near = s->factor != NULL;
  for (int64_t group = 0; group < spec->groups; group++) {
    for (int64_t j = 0, at = group * padded; j < spec->n; j++, at++) {
      const float scale = is_one ? first : scales[channel_of(spec, group, j)];
      if (s->column) {
        s->column[at] = spec->one_scale ? 1.0f : scale;
        continue;
      }
      const double real = real_factor(spec->float_product, in, scale, out);
      if (s->real) s->real[at] = isfinite(real) ? real : 0.0;
      else ufi_quantize_multiplier(real, s->multiplier + at, s->shift + at);
      s->has_near = s->has_near && set_near(spec, s, at);
    }
  }
}

static void *take(uint8_t *memory, size_t *used, size_t bytes) {
  void *place = memory ? memory + *used : NULL;
  *used += bytes;
  return place;
}

/* Gives arrays of s->columns their places in `memory`, NULL: to count; bytes. */
static size_t place_arrays(const ufi_q_spec *spec, node_state *s, uint8_t *memory) {
  const ufi_q_end end = spec->end;
  const size_t n = (size_t)s->columns;
  size_t used = 0;
  if (end == UFI_Q_REAL || end == UFI_Q_REAL_64) s->real = take(memory, &used, n * sizeof *s->real);
  if (end == UFI_Q_FLOAT) s->column = take(memory, &used, n * sizeof *s->column);
  if (end == UFI_Q_FIXED || end == UFI_Q_FIXED_64) {
    s->multiplier = take(memory, &used, n * sizeof *s->multiplier);
    s->shift = take(memory, &used, n * sizeof *s->shift);
  }
  if (end == UFI_Q_FIXED || end == UFI_Q_REAL) {
    s->factor = take(memory, &used, n * sizeof *s->factor);
    s->nudge = take(memory, &used, n * sizeof *s->nudge);
  }
  if (has_lasting_bias(spec)) s->bias = take(memory, &used, n * sizeof(int32_t));
  return used;
}

static uf_status make_state(ufi_ctx *ctx, const ufi_q_spec *spec, node_state **state_out) {
  node_state counted = {0};
  size_t most;
  if (__builtin_mul_overflow(spec->groups, ufi_q_padded(spec->n), &counted.columns) ||
      !ufi_mul_size((size_t)counted.columns, 64, &most) || most > SIZE_MAX / 2) { /* no column takes as many bytes */
    return ufi_too_large(ctx);
  }
  node_state *s = ufi_ctx_state(ctx, sizeof *s + place_arrays(spec, &counted, NULL));
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->columns = counted.columns;
  s->workers = ctx->pool ? ufi_pool_threads(ctx->pool) : 1;
  (void)place_arrays(spec, s, (uint8_t *)s->arrays);
  *state_out = s;
  return UF_OK;
}

uf_status ufi_q_prepare(ufi_ctx *ctx, const ufi_q_spec *spec) {
  node_state *s = NULL;
  UFI_TRY(make_state(ctx, spec, &s));
  s->spec = *spec;
  if (spec->end != UFI_Q_BLOCKS) set_factors(spec, s);
  if (s->bias) fill_bias(spec, s->bias);
  if (spec->end == UFI_Q_BLOCKS) {
    size_t bytes;
    if (!ufi_gemm_q_packed_size(2, spec->n, UFI_Q_PAIRS, &bytes)) bytes = SIZE_MAX;
    int64_t blocks = spec->depth / spec->filter->quant->block_size;
    if (!ufi_mul_size(bytes / 2 * sizeof(float), (size_t)blocks, &bytes)) {
      return ufi_no_memory(ctx->error, bytes);
    }
    const void *made;
    if (bytes > 0) UFI_TRY(ufi_packed(ctx, 1, bytes, fill_blocks, (void *)(uintptr_t)spec, &made));
    s->blocks = bytes > 0 ? made : NULL;
  }
  pieces at;
  ufi_q_layout layout = layout_of(spec, s, &at);
  return ufi_q_want(ctx, &layout);
}

/* ---- eval ---------------------------------------------------------------------------- */

enum { PART = 1 << 14, MAX_PARTS = 64 }; /* floats of one task, and most tasks of one vector */

typedef struct quantizing {
  const ufk_qgemm_table *k;
  const float *from;
  int64_t length, part;   /* of a vector, and of a part of the only one */
  bool asymmetric;
  int8_t *to;
  float *scale;
  int32_t *zero;
  ufk_q_grid grid;
  float min[MAX_PARTS], max[MAX_PARTS];
} quantizing;

static void quantize_one(void *context, size_t i) {
  const quantizing *q = context;
  const int64_t at = (int64_t)i * q->length;
  q->k->quantize((size_t)q->length, q->from + at, q->asymmetric, q->to + at, q->scale + i, q->zero + i);
}

static void range_part(void *context, size_t i) {
  quantizing *q = context;
  const int64_t at = (int64_t)i * q->part;
  q->k->range((size_t)UFI_MIN(q->part, q->length - at), q->from + at, &q->min[i], &q->max[i]);
}

static void quantize_part(void *context, size_t i) {
  const quantizing *q = context;
  const int64_t at = (int64_t)i * q->part;
  q->k->codes((size_t)UFI_MIN(q->part, q->length - at), q->from + at, &q->grid, q->asymmetric, 0, q->to + at);
}

/* One vector, in parts. */
static void quantize_parts(ufi_pool *pool, quantizing *q) {
  q->part = UFI_MAX((q->length + MAX_PARTS - 1) / MAX_PARTS, PART);
  const size_t parts = (size_t)((q->length + q->part - 1) / q->part);
  ufi_parallel(pool, range_part, q, parts);
  float min = 0.0f, max = 0.0f;
  for (size_t i = 0; i < parts; i++) {
    min = UFI_MIN(min, q->min[i]);
    max = UFI_MAX(max, q->max[i]);
  }
  q->grid = ufk_q_grid_of(min, max, q->asymmetric);
  *q->scale = q->grid.scale;
  *q->zero = q->grid.zero;
  ufi_parallel(pool, quantize_part, q, parts);
}

void ufi_q_quantize(ufi_pool *pool, const float *from, int64_t vectors, int64_t length,
                    bool asymmetric, int8_t *to, float *scale, int32_t *zero) {
  quantizing q = {.k = &ufi_kernels_get()->qgemm, .from = from, .length = length, .asymmetric = asymmetric,
                  .to = to, .scale = scale, .zero = zero};
  if (vectors * length < 1 << 16) pool = NULL;
  if (vectors == 1 && pool) quantize_parts(pool, &q);
  else ufi_parallel(pool, quantize_one, &q, (size_t)vectors);
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
  g->in_dtype = UF_INT8;
  if (on_the_way(spec)) {
    g->floats = spec->input->data;
    g->asymmetric = spec->asymmetric;
    g->scale = spec->one_scale ? spec->filter->quant->scales[0] : 1.0f;
    zero[0] = 0;
    return;
  }
  float *scale = (float *)(void *)(base + at->scale);
  ufi_q_quantize(ctx->pool, spec->input->data, spec->vectors, spec->length, spec->asymmetric,
                 (int8_t *)(base + at->input), scale, zero);
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
  g->column = s->column;
  g->multiplier = s->multiplier;
  g->shift = s->shift;
  g->factor = s->has_near ? s->factor : NULL;
  g->nudge = s->nudge;
  g->blocks = s->blocks;
  g->column_first = spec->column_first;
  if (is_hybrid(spec)) {
    ufi_act_range_f32(spec->act, &g->min, &g->max);
    return;
  }
  g->out_zero = ufi_zero(spec->output);
  ufi_act_range_quant(spec->act, spec->output, &g->out_min, &g->out_max);
}

ufi_q_spec ufi_q_prepared(ufi_ctx *ctx, const ufi_tensor *input, const ufi_tensor *filter, const ufi_tensor *bias,
                          const ufi_tensor *output, const void *geometry) {
  const node_state *s = ctx->state;
  ufi_q_spec spec = s->spec;
  spec.input = input;
  spec.filter = filter;
  spec.bias = bias;
  spec.output = output;
  spec.geometry = geometry;
  spec.pool = ctx->pool;
  return spec;
}

void ufi_q_begin(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g_out) {
  node_state *s = ctx->state;
  uint8_t *base = ctx->scratch;
  ufi_gemm_q g = {.n = spec->n, .groups = spec->groups, .kind = spec->kind, .runs = spec->runs, .workers = s->workers,
                  .b_zero = spec->b_zero};
  pieces at;
  layout_of(spec, s, &at);
  place_input(ctx, spec, base, &at, &g);
  place_output(spec, s, &g);
  if (spec->end == UFI_Q_BLOCKS) g.block = spec->filter->quant->block_size;
  if (spec->bias) place_bias(spec, s, base + at.bias, &g);
  g.b_group = (int64_t)(spec->weights / (size_t)spec->groups);
  g.rows = base + at.rows;
  g.extra = base + at.extra;
  *g_out = g;
}

void ufi_q_window(const ufi_conv_geometry *g, ufi_gemm_q *gemm) {
  gemm->batch = g->batch;
  gemm->in_h = g->in_h;
  gemm->in_w = g->in_w;
  gemm->in_pixel = g->in_c;
  gemm->channels = g->in_c / g->groups;
  gemm->out_h = g->out_h;
  gemm->out_w = g->out_w;
  gemm->kernel_h = g->kernel_h;
  gemm->kernel_w = g->kernel_w;
  gemm->stride_h = g->stride_h;
  gemm->stride_w = g->stride_w;
  gemm->dilation_h = g->dilation_h;
  gemm->dilation_w = g->dilation_w;
  gemm->pad_top = g->pad_top;
  gemm->pad_left = g->pad_left;
  gemm->out_pixel = g->out_c;
  gemm->out_line = g->out_w * g->out_c;
  gemm->out_image = g->out_h * gemm->out_line;
  gemm->in_group = gemm->channels;
  gemm->out_group = gemm->n;
}

/* ---- weights ------------------------------------------------------------------------- */

static ufi_weight_form form_of(const ufi_q_spec *spec) {
  return (ufi_weight_form){.weight = spec->filter, .size = spec->weights, .tag = spec->form};
}

uf_status ufi_q_weights(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) {
  const ufi_weight_form form = form_of(spec);
  return ufi_packed_weight(ctx, 0, &form, fill_weights, (void *)(uintptr_t)spec, &g->b);
}

uf_status ufi_q_keep(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) {
  const ufi_weight_form form = form_of(spec);
  return ufi_packed_now(ctx, 0, &form, fill_weights, (void *)(uintptr_t)spec, &g->b);
}

void ufi_q_alone(ufi_gemm_q *g, size_t worker) {
  size_t rows = 0;
  if (worker > 0 && ufi_gemm_q_rows_size(g->kernel_h * g->kernel_w * g->channels, &rows)) g->rows = (uint8_t *)g->rows + worker * rows;
  g->workers = 1;
}

/* A product whose weight is packed and used some columns at a time: by all threads, or by each thread of his own, where
 * these parts are more work than the rows that each then reads. */
typedef struct weighted {
  const ufi_q_spec *spec;
  const ufi_gemm_q *g;
  int64_t columns; /* of a part */
  size_t bytes;    /* of a packed part */
  bool alone;
  const uint8_t *from;
  uint8_t *memory;
  ufi_shares *shares; /* of parts */
} weighted;

static void run_packed(ufi_pool *pool, const ufi_q_spec *spec, const ufi_gemm_q *g) {
  if (spec->side) ufi_winograd_q_run(pool, g, spec->side);
  else ufi_gemm_q_run(pool, g);
}

/* Leaves columns before `column` out. */
static void skip_columns(ufi_gemm_q *g, int64_t column) {
  if (g->bias) g->bias += column;
  if (g->bias_64) g->bias_64 += column;
  if (g->bias_float) g->bias_float += column;
  if (g->multiplier) g->multiplier += column;
  if (g->shift) g->shift += column;
  if (g->real) g->real += column;
  if (g->factor) g->factor += column;
  if (g->nudge) g->nudge += column;
  if (g->column) g->column += column;
  g->out = (uint8_t *)g->out + column * uf_dtype_bits(g->out_dtype) / 8;
  g->n -= column;
}

/* Rows are complete with the last part. */
static void run_part(const weighted *w, ufi_pool *pool, int64_t column, size_t worker) {
  const int64_t column_bytes = w->spec->filter->count / w->spec->n;
  uint8_t *memory = w->memory + worker * w->bytes;
  ufi_gemm_q g = *w->g;
  ufi_q_spec part = *w->spec;
  skip_columns(&g, column);
  if (g.n > w->columns || w->alone) g.done = NULL;
  part.n = g.n = UFI_MIN(g.n, w->columns);
  part.pool = pool;
  g.b = memory;
  if (w->alone) ufi_q_alone(&g, worker);
  memset(memory, 0, w->bytes);
  part.pack(&part, w->from + column * column_bytes, memory);
  run_packed(pool, &part, &g);
}

static void run_parts(void *context, size_t worker) {
  weighted *w = context;
  for (int64_t i; (i = ufi_shares_take(w->shares, worker)) >= 0;) run_part(w, NULL, i * w->columns, worker);
}

static uf_status run_passing(ufi_ctx *ctx, void *memory, void *arg) {
  weighted *w = arg;
  const int64_t n = w->spec->n, workers = w->g->workers;
  const void *from;
  void *owned;
  UFI_TRY(weights_of(ctx, w->spec, &from, &owned));
  w->from = from;
  w->memory = memory;
  if (w->alone) {
    ufi_shares shares;
    ufi_shares_begin(w->shares = &shares, ufi_ceil_div(n, w->columns), workers);
    ufi_parallel(ctx->pool, run_parts, w, (size_t)workers);
  } else {
    for (int64_t column = 0; column < n; column += w->columns) run_part(w, ctx->pool, column, 0);
  }
  ufi_free(owned);
  return UF_OK;
}

/* As many columns as stay in the second cache from when they are packed until they are used; a few more where rows are put in
 * order again for each part. */
static void choose_parts(weighted *w) {
  enum { PASSING = 128 << 10, PASSING_ORDERED = 512 << 10 };
  const ufi_q_spec *spec = w->spec;
  const ufi_gemm_q *g = w->g;
  const bool in_order = g->kernel_h * g->kernel_w == 1 && spec->kind == UFI_Q_BYTES && !g->floats;
  const size_t column = (spec->weights + (size_t)spec->n - 1) / (size_t)spec->n;
  const size_t fit = (in_order ? PASSING : PASSING_ORDERED) / UFI_MAX(column, (size_t)1);
  const int64_t workers = g->workers, most = ufi_ceil_div(ufi_q_padded(spec->n) / UFK_Q_MAX_NR, workers) * UFK_Q_MAX_NR;
  w->columns = (int64_t)UFI_MAX(fit / UFK_Q_MAX_NR, (size_t)1) * UFK_Q_MAX_NR;
  w->alone = workers > 1 && !spec->side && g->batch * g->out_h * g->out_w <= spec->n;
  if (w->alone) w->columns = UFI_MIN(w->columns, most);
  else w->columns = UFI_MIN(w->columns * (in_order ? workers : 1), ufi_q_padded(spec->n));
  w->bytes = (UFI_MIN((size_t)w->columns * column, spec->weights) + 63) / 64 * 64;
}

uf_status ufi_q_product(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) {
  const ufi_weight_form form = form_of(spec);
  weighted w = {.spec = spec, .g = g};
  if (spec->groups == 1 && spec->n > 0 && spec->end != UFI_Q_BLOCKS) {
    UFI_TRY(ufi_packed_kept(ctx, 0, &form, fill_weights, (void *)(uintptr_t)spec, &g->b));
    choose_parts(&w);
    if (!g->b) return ufi_packed_once(ctx, w.bytes * (size_t)(w.alone ? g->workers : 1), run_passing, &w);
  } else {
    UFI_TRY(ufi_q_weights(ctx, spec, g));
  }
  run_packed(ctx->pool, spec, g);
  return UF_OK;
}
