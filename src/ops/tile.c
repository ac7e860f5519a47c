/* SPDX-License-Identifier: Apache-2.0
 *
 * tile.c: ops that make a tensor out of less: TILE, BROADCAST_TO, FILL,
 * ONE_HOT, RANGE; and BROADCAST_ARGS, which works out a shape.
 */
#include <math.h>

#include "ops/move.h"

/* ---- TILE ------------------------------------------------------------------------ */

static uf_status tile_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t times[UF_MAX_RANK], dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], in->rank, times));
  for (int32_t d = 0; d < in->rank; d++)
    if (times[d] < 0 || __builtin_mul_overflow(in->dims[d], times[d], &dims[d]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected multiples of 0 and more with a result below "
                          "2^63, found %lld for dimension %d", (long long)times[d], d);
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

/* Each dimension is two loops: how often, and through the input's entries. */
static uf_status tile_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t in_steps[UF_MAX_RANK], out_steps[UF_MAX_RANK];
  ufi_move move = {0};
  if (out->count == 0) return UF_OK;
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(out->rank, out->dims, out_steps);
  for (int32_t d = 0; d < in->rank; d++) {
    ufi_move_dim(&move, out->dims[d] / in->dims[d], 0, out_steps[d] * in->dims[d]);
    ufi_move_dim(&move, in->dims[d], in_steps[d], out_steps[d]);
  }
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_TILE = {.infer = tile_infer, .eval = tile_eval};

/* ---- BROADCAST_TO ------------------------------------------------------------------- */

/* A vector input that holds a shape: its values, if known. */
static uf_status read_shape(ufi_ctx *ctx, int32_t i, int32_t *rank_out, int64_t dims[UF_MAX_RANK]) {
  const ufi_tensor *t = ctx->in[i];
  if (t->count > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape of at most %d dimensions, found %lld",
                        UF_MAX_RANK, (long long)t->count);
  *rank_out = (int32_t)t->count;
  UFI_TRY(ufi_move_ints(ctx, t, *rank_out, dims));
  for (int32_t d = 0; d < *rank_out; d++)
    if (dims[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more, found %lld for "
                          "dimension %d", (long long)dims[d], d);
  return UF_OK;
}

static uf_status broadcast_to_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_shape(ctx, 1, &rank, dims));
  bool fits = rank >= in->rank;
  for (int32_t d = 0; fits && d < in->rank; d++)
    fits = in->dims[d] == 1 || in->dims[d] == dims[rank - in->rank + d];
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape that %s broadcasts to, found %s",
                        ufi_shape_text(in->rank, in->dims, a), ufi_shape_text(rank, dims, b));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status broadcast_to_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t in_steps[UF_MAX_RANK], out_steps[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(out->rank, out->dims, out_steps);
  for (int32_t d = 0; d < out->rank; d++) {
    int32_t s = d - (out->rank - in->rank);
    ufi_move_dim(&move, out->dims[d], s >= 0 && in->dims[s] != 1 ? in_steps[s] : 0, out_steps[d]);
  }
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_BROADCAST_TO = {.infer = broadcast_to_infer, .eval = broadcast_to_eval};

/* ---- BROADCAST_ARGS ------------------------------------------------------------------- */

static uf_status broadcast_args_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  int64_t n = UFI_MAX(ctx->in[0]->count, ctx->in[1]->count);
  return ufi_out_shape(ctx, 0, 1, &n);
}

static uf_status broadcast_args_eval(ufi_ctx *ctx) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1], *out = ctx->out[0];
  for (int64_t i = 1; i <= out->count; i++) {
    int64_t x = i <= a->count ? ufi_move_index(a, a->count - i) : 1;
    int64_t y = i <= b->count ? ufi_move_index(b, b->count - i) : 1;
    if (x != y && x != 1 && y != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes that broadcast, found extents %lld and "
                          "%lld in the last dimension but %lld", (long long)x, (long long)y,
                          (long long)(i - 1));
    int64_t extent = x == 1 ? y : x;
    if (out->dtype == UF_INT64) ((int64_t *)out->data)[out->count - i] = extent;
    else ((int32_t *)out->data)[out->count - i] = (int32_t)extent;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_BROADCAST_ARGS = {.infer = broadcast_args_infer, .eval = broadcast_args_eval};

/* ---- FILL --------------------------------------------------------------------------------- */

static uf_status fill_infer(ufi_ctx *ctx) {
  const ufi_tensor *value = ctx->in[1];
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_rank(ctx, value, 0, 0));
  UFI_TRY(ufi_out_dtype(ctx, 0, value->dtype));
  UFI_TRY(ufi_move_same_quant(ctx, value, ctx->out[0]));
  if (uf_dtype_bits(value->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a value of whole bytes, found %s",
                        uf_dtype_name(value->dtype));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(read_shape(ctx, 0, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status fill_eval(ufi_ctx *ctx) {
  ufi_move_fill(ctx->out[0]->dtype, ctx->out[0]->data, 0, ctx->in[1]->data, ctx->out[0]->count);
  return UF_OK;
}

const ufi_op_def ufi_op_FILL = {.infer = fill_infer, .eval = fill_eval};

/* ---- ONE_HOT: indices, depth, on, off --------------------------------------------------------- */

static uf_status one_hot_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, 0);
  return UF_OK;
}

static uf_status one_hot_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  int64_t axis = ufi_tf_int(from, "axis");
  *(int32_t *)memory = (int32_t)UFI_MAX(UFI_MIN(axis, INT32_MAX), INT32_MIN);
  return UF_OK;
}

static uf_status one_hot_infer(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *on = ctx->in[2];
  int64_t depth, dims[UF_MAX_RANK];
  int32_t axis;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_UINT8, UF_INT8, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, indices, 0, UF_MAX_RANK - 1));
  UFI_TRY(ufi_want_same(ctx, on, ctx->in[3]));
  UFI_TRY(ufi_out_dtype(ctx, 0, on->dtype));
  UFI_TRY(ufi_axis(ctx, *(const int32_t *)ctx->attrs, indices->rank + 1, &axis));
  if (on->count != 1 || ctx->in[3]->count != 1 || uf_dtype_bits(on->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one on value and one off value, found %lld and "
                        "%lld of %s", (long long)on->count, (long long)ctx->in[3]->count,
                        uf_dtype_name(on->dtype));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &depth));
  if (depth < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a depth of 0 or more, found %lld",
                        (long long)depth);
  for (int32_t d = 0; d <= indices->rank; d++)
    dims[d] = d == axis ? depth : indices->dims[d < axis ? d : d - 1];
  return ufi_out_shape(ctx, 0, indices->rank + 1, dims);
}

/* The off value everywhere, then the on value at the indices that exist. */
static uf_status one_hot_eval(ufi_ctx *ctx) {
  const ufi_tensor *indices = ctx->in[0], *out = ctx->out[0];
  int32_t axis;
  UFI_TRY(ufi_axis(ctx, *(const int32_t *)ctx->attrs, out->rank, &axis));
  if (out->count == 0) return UF_OK;
  int64_t depth = out->dims[axis], suffix = ufi_move_span(out->dims, axis + 1, out->rank);
  ufi_move_fill(out->dtype, out->data, 0, ctx->in[3]->data, out->count);
  for (int64_t i = 0; i < indices->count; i++) {
    int64_t hot = ufi_move_index(indices, i);
    if (hot < 0 || hot >= depth) continue;
    ufi_move_run_flat(out->dtype, out->data, (i / suffix * depth + hot) * suffix + i % suffix,
                      ctx->in[2]->data, 0, 1);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_ONE_HOT = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = one_hot_attrs_tflite, .attrs_tf = one_hot_attrs_tf,
  .infer = one_hot_infer, .eval = one_hot_eval,
};

/* ---- RANGE: start, limit, delta ------------------------------------------------------------------ */

/* TensorFlow's value i is start + i * delta, each step rounded; TFLite's is its sum. */
typedef struct range_attrs {
  bool tf;
} range_attrs;

static uf_status range_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ((range_attrs *)memory)->tf = true;
  return UF_OK;
}

static uf_status range_fail(ufi_ctx *ctx, double start, double limit, double delta) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a step that leads from start to limit, found start "
                      "%g, limit %g, step %g", start, limit, delta);
}

/* The value of a scalar float32, float16 or bfloat16; and a float32 as a number of such a dtype. */
static float load_float(const ufi_tensor *t) {
  if (t->dtype == UF_FLOAT32) return *(const float *)t->data;
  uint16_t bits = *(const uint16_t *)t->data;
  return t->dtype == UF_FLOAT16 ? ufi_half_to_float(bits) : ufi_bfloat_to_float(bits);
}
static float rounded(uf_dtype dtype, float v) {
  return dtype == UF_FLOAT16 ? ufi_half_to_float(ufi_float_to_half(v))
         : dtype == UF_BFLOAT16 ? ufi_bfloat_to_float(ufi_float_to_bfloat(v)) : v;
}

static uf_status range_count_f32(ufi_ctx *ctx, int64_t *n_out) {
  const uf_dtype dtype = ctx->out[0]->dtype;
  float start = load_float(ctx->in[0]), limit = load_float(ctx->in[1]), delta = load_float(ctx->in[2]);
  if (!((start >= limit && delta < 0) || (start <= limit && delta > 0)))
    return range_fail(ctx, (double)start, (double)limit, (double)delta);
  /* The quotient in float32, as TFLite has it. */
  float n = ceilf(fabsf(rounded(dtype, rounded(dtype, limit - start) / delta)));
  if (!(n < 2147483648.0f))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range of less than 2^31 values, found %g",
                        (double)n);
  *n_out = (int64_t)n;
  return UF_OK;
}

static uf_status range_count_f64(ufi_ctx *ctx, int64_t *n_out) {
  double start = *(const double *)ctx->in[0]->data, limit = *(const double *)ctx->in[1]->data;
  double delta = *(const double *)ctx->in[2]->data;
  if (!((start >= limit && delta < 0) || (start <= limit && delta > 0)))
    return range_fail(ctx, start, limit, delta);
  double n = ceil(fabs((limit - start) / delta));
  if (!(n < 2147483648.0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range of less than 2^31 values, found %g", n);
  *n_out = (int64_t)n;
  return UF_OK;
}

static uf_status range_count_int(ufi_ctx *ctx, int64_t *n_out) {
  int64_t start = ufi_move_index(ctx->in[0], 0), limit = ufi_move_index(ctx->in[1], 0);
  int64_t delta = ufi_move_index(ctx->in[2], 0);
  if (!((start >= limit && delta < 0) || (start <= limit && delta > 0)))
    return range_fail(ctx, (double)start, (double)limit, (double)delta);
  /* Distances of int64 values fit uint64. */
  uint64_t span = start < limit ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
  uint64_t step = delta < 0 ? 0 - (uint64_t)delta : (uint64_t)delta;
  uint64_t n = span / step + (span % step != 0);
  if (n >= (uint64_t)1 << 31)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a range of less than 2^31 values, found %llu",
                        (unsigned long long)n);
  *n_out = (int64_t)n;
  return UF_OK;
}

static uf_status range_infer(ufi_ctx *ctx) {
  int64_t n = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  for (int32_t i = 0; i < 3; i++) {
    UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[i]));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 0, 1));
    if (ctx->in[i]->count != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one value as input %d, found %lld", i,
                          (long long)ctx->in[i]->count);
  }
  for (int32_t i = 0; i < 3; i++)
    if (!ufi_known(ctx, i)) return UF_OK;
  if (ctx->in[0]->dtype != UF_FLOAT64 && ctx->in[0]->dtype != UF_INT32 && ctx->in[0]->dtype != UF_INT64)
    UFI_TRY(range_count_f32(ctx, &n));
  else if (ctx->in[0]->dtype == UF_FLOAT64) UFI_TRY(range_count_f64(ctx, &n));
  else UFI_TRY(range_count_int(ctx, &n));
  return ufi_out_shape(ctx, 0, 1, &n);
}

/* float32 of TFLite by repeated addition: its rounding is part of the result. */
static void range_floats(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  const uf_dtype dtype = out->dtype;
  const bool by_sum = !((const range_attrs *)ctx->attrs)->tf;
  const float start = load_float(ctx->in[0]), delta = load_float(ctx->in[2]);
  float sum = start;
  for (int64_t i = 0; i < out->count; i++, sum += delta) {
    float step = rounded(dtype, rounded(dtype, (float)i) * delta);
    float v = by_sum ? sum : rounded(dtype, start + step);
    if (dtype == UF_FLOAT32) ((float *)out->data)[i] = v;
    else ((uint16_t *)out->data)[i] = dtype == UF_FLOAT16 ? ufi_float_to_half(v) : ufi_float_to_bfloat(v);
  }
}

static uf_status range_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  if (out->dtype == UF_FLOAT32 || out->dtype == UF_FLOAT16 || out->dtype == UF_BFLOAT16) {
    range_floats(ctx);
    return UF_OK;
  }
  if (out->dtype == UF_FLOAT64) {
    double start = *(const double *)ctx->in[0]->data, delta = *(const double *)ctx->in[2]->data;
    for (int64_t i = 0; i < out->count; i++) ((double *)out->data)[i] = start + (double)i * delta;
    return UF_OK;
  }
  uint64_t value = (uint64_t)ufi_move_index(ctx->in[0], 0);
  uint64_t delta = (uint64_t)ufi_move_index(ctx->in[2], 0);
  for (int64_t i = 0; i < out->count; i++, value += delta) {
    if (out->dtype == UF_INT64) ((int64_t *)out->data)[i] = (int64_t)value;
    else ((int32_t *)out->data)[i] = (int32_t)value;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_RANGE = {
  .attrs_size = sizeof(range_attrs), .attrs_tf = range_attrs_tf, .infer = range_infer, .eval = range_eval,
};
