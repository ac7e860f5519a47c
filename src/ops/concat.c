/* SPDX-License-Identifier: Apache-2.0
 *
 * concat.c: CONCATENATION, PACK (tensors side by side along an axis) and
 * SPLIT, SPLIT_V, UNPACK (the way back).
 *
 * All see a tensor as (outer, axis, inner) and move one slab per small tensor.
 * CONCATENATION of uint8 is the only one that rescales, when a scale or zero
 * point differs from the output's; with 256 possible values that is a table.
 */
#include <math.h>

#include "ops/move.h"

/* The whole of a small tensor (outer, n, inner) and n entries, from `at` on, of
 * the axis of a large one (outer, total, inner): scatters or gathers them. */
static void move_slab(ufi_ctx *ctx, const ufi_tensor *to, const ufi_tensor *from, int64_t outer,
                      int64_t inner, int64_t n, int64_t total, int64_t at, bool gather) {
  ufi_move move = {0};
  ufi_move_dim(&move, outer, gather ? total * inner : n * inner, gather ? n * inner : total * inner);
  ufi_move_dim(&move, n * inner, 1, 1);
  if (gather) move.in_at = at * inner;
  else move.out_at = at * inner;
  ufi_move_run(&move, to->dtype, to->data, from->data, ctx->pool);
}

/* ---- CONCATENATION ------------------------------------------------------------------ */

typedef struct concat_attrs {
  int32_t axis;
  int8_t act;
} concat_attrs;

static uf_status concat_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  concat_attrs *a = memory;
  a->axis = ufi_fb_i32(&from->options, 0, 0);
  a->act = ufi_fb_i8(&from->options, 1, 0);
  return UF_OK;
}

/* The axis; scalars concatenate into a vector, as if each were of shape (1). */
static uf_status concat_axis(ufi_ctx *ctx, int32_t *axis_out) {
  const concat_attrs *a = ctx->attrs;
  return ufi_axis(ctx, a->axis, UFI_MAX(ctx->in[0]->rank, 1), axis_out);
}

static uf_status concat_check(ufi_ctx *ctx, const ufi_tensor *t, int32_t axis) {
  const ufi_tensor *first = ctx->in[0], *out = ctx->out[0];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_same(ctx, first, t));
  bool fits = t->rank == first->rank;
  for (int32_t d = 0; fits && d < t->rank; d++) fits = d == axis || t->dims[d] == first->dims[d];
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes that differ in dimension %d only, "
                        "found %s of '%s' and %s of '%s'", axis,
                        ufi_shape_text(first->rank, first->dims, a), first->name,
                        ufi_shape_text(t->rank, t->dims, b), t->name);
  if (t->dtype == UF_INT8) return ufi_move_same_quant(ctx, t, out);
  if (t->dtype == UF_INT16 && (ufi_zero(t) || ufi_zero(out)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected zero point 0 of int16 tensors, found %d "
                        "and %d", ufi_zero(t), ufi_zero(out));
  return UF_OK;
}

static uf_status concat_infer(ufi_ctx *ctx) {
  const concat_attrs *a = ctx->attrs;
  const ufi_tensor *first = ctx->in[0];
  int64_t dims[UF_MAX_RANK], sum = 0;
  int32_t axis;
  UFI_TRY(concat_axis(ctx, &axis));
  UFI_TRY(ufi_want_same(ctx, first, ctx->out[0]));
  if (a->act != UFI_ACT_NONE)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected no fused activation, which TFLite does not have for "
                        "this op, found %d", a->act);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    UFI_TRY(concat_check(ctx, ctx->in[i], axis));
    int64_t n = first->rank ? ctx->in[i]->dims[axis] : 1;
    if (__builtin_add_overflow(sum, n, &sum))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents along axis %d whose sum fits 64 "
                          "bits", axis);
  }
  memcpy(dims, first->dims, sizeof dims);
  dims[axis] = sum;
  return ufi_out_shape(ctx, 0, UFI_MAX(first->rank, 1), dims);
}

/* table[q] is the value of q, quantized like `in`, in the quantization of
 * `out`. In float32 and with these steps, since the results must be TFLite's. */
static void make_table(const ufi_tensor *in, const ufi_tensor *out, uint8_t table[256]) {
  float inverse = 1.0f / ufi_scale(out);
  float scale = ufi_scale(in) * inverse;
  float bias = (float)-ufi_zero(in) * scale;
  for (int q = 0; q < 256; q++) {
    float value = roundf((float)q * scale + bias);
    if (!(value > -1e9f)) value = -1e9f;
    if (value > 1e9f) value = 1e9f;
    int64_t moved = (int64_t)value + ufi_zero(out);
    table[q] = (uint8_t)UFI_MAX(0, UFI_MIN(255, moved));
  }
}

/* Maps what move_slab has put into the output. */
static void apply_table(const ufi_tensor *out, const uint8_t table[256], int64_t outer, int64_t inner,
                        int64_t n, int64_t total, int64_t at) {
  for (int64_t o = 0; o < outer; o++) {
    uint8_t *row = (uint8_t *)out->data + (o * total + at) * inner;
    for (int64_t i = 0; i < n * inner; i++) row[i] = table[row[i]];
  }
}

/* Inputs [begin, end) into the output, one behind the other along axis. */
static void join(ufi_ctx *ctx, int32_t begin, int32_t end, int32_t axis) {
  const ufi_tensor *out = ctx->out[0];
  int64_t at = 0;
  if (out->count == 0) return;
  int64_t outer = ufi_move_span(out->dims, 0, axis), inner = ufi_move_span(out->dims, axis + 1, out->rank);
  ufi_move_clear(out);
  for (int32_t i = begin; i < end; i++) {
    int64_t n = ctx->in[i]->dims[axis];
    move_slab(ctx, out, ctx->in[i], outer, inner, n, out->dims[axis], at, false);
    at += n;
  }
}

static uf_status concat_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  int32_t axis;
  int64_t at = 0;
  uint8_t table[256];
  UFI_TRY(concat_axis(ctx, &axis));
  if (out->count == 0) return UF_OK;
  int64_t outer = ufi_move_span(out->dims, 0, axis);
  int64_t inner = ufi_move_span(out->dims, axis + 1, out->rank);
  ufi_move_clear(out);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    const ufi_tensor *in = ctx->in[i];
    int64_t n = in->rank ? in->dims[axis] : 1;
    move_slab(ctx, out, in, outer, inner, n, out->dims[axis], at, false);
    if (in->dtype == UF_UINT8 &&
        (ufi_scale(in) != ufi_scale(out) || ufi_zero(in) != ufi_zero(out))) {
      make_table(in, out, table);
      apply_table(out, table, outer, inner, n, out->dims[axis], at);
    }
    at += n;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_CONCATENATION = {
  .attrs_size = sizeof(concat_attrs), .attrs_tflite = concat_attrs_tflite, .infer = concat_infer,
  .eval = concat_eval,
};

/* ---- TensorFlow's Concat (axis first) and ConcatV2 (axis last) --------------------------- */

typedef struct tf_concat_attrs {
  bool axis_first;
} tf_concat_attrs;

static uf_status tf_concat_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ((tf_concat_attrs *)memory)->axis_first = strcmp(from->op, "Concat") == 0;
  return UF_OK;
}

/* Inputs [*begin_out, *end_out) are the values; the axis, when known. */
static uf_status tf_concat_axis(ufi_ctx *ctx, int32_t *begin_out, int32_t *end_out, int32_t *axis_out) {
  const tf_concat_attrs *a = ctx->attrs;
  int32_t at = a->axis_first ? 0 : ctx->n_in - 1;
  int64_t value;
  *begin_out = a->axis_first;
  *end_out = ctx->n_in - 1 + a->axis_first;
  *axis_out = -1;
  UFI_TRY(ufi_want_in(ctx, at, UF_INT32, UF_INT64, UF_INVALID));
  if (!ufi_known(ctx, at)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[at], 1, &value));
  return ufi_axis(ctx, value, ctx->in[*begin_out]->rank, axis_out);
}

static uf_status tf_concat_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK], sum = 0;
  int32_t begin, end, axis;
  UFI_TRY(tf_concat_axis(ctx, &begin, &end, &axis));
  const ufi_tensor *first = ctx->in[begin];
  UFI_TRY(ufi_want_same(ctx, first, ctx->out[0]));
  if (axis < 0) return UF_OK;
  for (int32_t i = begin; i < end; i++) {
    const ufi_tensor *t = ctx->in[i];
    char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
    bool fits = t->rank == first->rank && !__builtin_add_overflow(sum, t->dims[axis], &sum);
    UFI_TRY(ufi_want_same(ctx, first, t));
    for (int32_t d = 0; fits && d < t->rank; d++) fits = d == axis || t->dims[d] == first->dims[d];
    if (!fits)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes that differ in dimension %d only, found "
                          "%s and, as value %d, %s", axis, ufi_shape_text(first->rank, first->dims, a),
                          i - begin, ufi_shape_text(t->rank, t->dims, b));
  }
  memcpy(dims, first->dims, sizeof dims);
  dims[axis] = sum;
  return ufi_out_shape(ctx, 0, first->rank, dims);
}

static uf_status tf_concat_eval(ufi_ctx *ctx) {
  int32_t begin, end, axis;
  UFI_TRY(tf_concat_axis(ctx, &begin, &end, &axis));
  join(ctx, begin, end, axis);
  return UF_OK;
}

const ufi_op_def ufi_op_TF_CONCAT = {
  .attrs_size = sizeof(tf_concat_attrs), .attrs_tf = tf_concat_attrs_tf, .infer = tf_concat_infer,
  .eval = tf_concat_eval,
};

/* ---- PACK, UNPACK ----------------------------------------------------------------------- */

typedef struct pack_attrs {
  int32_t count, axis;
} pack_attrs;

static uf_status pack_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  pack_attrs *a = memory;
  a->count = ufi_fb_i32(&from->options, 0, 0);
  a->axis = ufi_fb_i32(&from->options, 1, 0);
  return UF_OK;
}

/* Pack has N inputs, Unpack num outputs. */
static uf_status pack_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  pack_attrs *a = memory;
  int64_t axis = ufi_tf_int(from, "axis");
  a->count = strcmp(from->op, "Pack") == 0 ? from->n_in : from->n_out;
  a->axis = (int32_t)UFI_MAX(UFI_MIN(axis, INT32_MAX), INT32_MIN);
  return UF_OK;
}

static uf_status pack_infer(ufi_ctx *ctx) {
  const pack_attrs *a = ctx->attrs;
  const ufi_tensor *first = ctx->in[0];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t dims[UF_MAX_RANK];
  int32_t axis;
  if (a->count != ctx->n_in)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d inputs (values_count), found %d", a->count,
                        ctx->n_in);
  UFI_TRY(ufi_want_rank(ctx, first, 0, UF_MAX_RANK - 1));
  UFI_TRY(ufi_want_same(ctx, first, ctx->out[0]));
  UFI_TRY(ufi_axis(ctx, a->axis, first->rank + 1, &axis));
  for (int32_t i = 0; i < ctx->n_in; i++) {
    const ufi_tensor *t = ctx->in[i];
    UFI_TRY(ufi_want_same(ctx, first, t));
    UFI_TRY(ufi_move_same_quant(ctx, t, ctx->out[0]));
    if (t->rank != first->rank ||
        memcmp(t->dims, first->dims, (size_t)t->rank * sizeof t->dims[0]) != 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected inputs of one shape, found %s of '%s' and "
                          "%s of '%s'", ufi_shape_text(first->rank, first->dims, want), first->name,
                          ufi_shape_text(t->rank, t->dims, found), t->name);
  }
  for (int32_t d = 0; d <= first->rank; d++)
    dims[d] = d == axis ? ctx->n_in : first->dims[d < axis ? d : d - 1];
  return ufi_out_shape(ctx, 0, first->rank + 1, dims);
}

static uf_status pack_eval(ufi_ctx *ctx) {
  const pack_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  int32_t axis;
  UFI_TRY(ufi_axis(ctx, a->axis, out->rank, &axis));
  if (out->count == 0) return UF_OK;
  int64_t outer = ufi_move_span(out->dims, 0, axis);
  int64_t inner = ufi_move_span(out->dims, axis + 1, out->rank);
  ufi_move_clear(out);
  for (int32_t i = 0; i < ctx->n_in; i++)
    move_slab(ctx, out, ctx->in[i], outer, inner, 1, ctx->n_in, i, false);
  return UF_OK;
}

const ufi_op_def ufi_op_PACK = {
  .attrs_size = sizeof(pack_attrs), .attrs_tflite = pack_attrs_tflite, .attrs_tf = pack_attrs_tf,
  .infer = pack_infer, .eval = pack_eval,
};

static uf_status unpack_infer(ufi_ctx *ctx) {
  const pack_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  int32_t axis, rank = 0;
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  UFI_TRY(ufi_axis(ctx, a->axis, in->rank, &axis));
  if (in->dims[axis] != a->count || a->count != ctx->n_out)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one output for each of the %lld entries of "
                        "axis %d, found num %d and %d outputs", (long long)in->dims[axis], axis,
                        a->count, ctx->n_out);
  for (int32_t d = 0; d < in->rank; d++)
    if (d != axis) dims[rank++] = in->dims[d];
  for (int32_t i = 0; i < ctx->n_out; i++) {
    UFI_TRY(ufi_want_same(ctx, in, ctx->out[i]));
    UFI_TRY(ufi_move_same_quant(ctx, in, ctx->out[i]));
    UFI_TRY(ufi_out_shape(ctx, i, rank, dims));
  }
  return UF_OK;
}

/* Cuts input `in` along axis into the outputs. */
static void cut(ufi_ctx *ctx, const ufi_tensor *in, int32_t axis, bool keeps_axis) {
  int64_t at = 0;
  if (in->count == 0) return;
  int64_t outer = ufi_move_span(in->dims, 0, axis);
  int64_t inner = ufi_move_span(in->dims, axis + 1, in->rank);
  for (int32_t i = 0; i < ctx->n_out; i++) {
    int64_t n = keeps_axis ? ctx->out[i]->dims[axis] : 1;
    ufi_move_clear(ctx->out[i]);
    move_slab(ctx, ctx->out[i], in, outer, inner, n, in->dims[axis], at, true);
    at += n;
  }
}

static uf_status unpack_eval(ufi_ctx *ctx) {
  const pack_attrs *a = ctx->attrs;
  int32_t axis;
  UFI_TRY(ufi_axis(ctx, a->axis, ctx->in[0]->rank, &axis));
  cut(ctx, ctx->in[0], axis, false);
  return UF_OK;
}

const ufi_op_def ufi_op_UNPACK = {
  .attrs_size = sizeof(pack_attrs), .attrs_tflite = pack_attrs_tflite, .attrs_tf = pack_attrs_tf,
  .infer = unpack_infer, .eval = unpack_eval,
};

/* ---- SPLIT (axis, value), SPLIT_V (value, sizes, axis) --------------------------------------- */

static uf_status split_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, 0);
  return UF_OK;
}

static uf_status split_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = from->n_out;
  return UF_OK;
}

static uf_status split_check(ufi_ctx *ctx, const ufi_tensor *in) {
  int32_t n = *(const int32_t *)ctx->attrs;
  if (n != ctx->n_out)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d outputs (num_splits), found %d", n,
                        ctx->n_out);
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_dtype(ctx, i, in->dtype));
  return UF_OK;
}

static uf_status split_axis(ufi_ctx *ctx, const ufi_tensor *t, const ufi_tensor *in, int32_t *axis_out) {
  int64_t value;
  UFI_TRY(ufi_move_ints(ctx, t, 1, &value));
  return ufi_axis(ctx, value, in->rank, axis_out);
}

static uf_status split_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[1];
  int64_t dims[UF_MAX_RANK];
  int32_t axis;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(split_check(ctx, in));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(split_axis(ctx, ctx->in[0], in, &axis));
  if (in->dims[axis] % ctx->n_out != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an extent of axis %d that %d outputs divide "
                        "evenly, found %lld", axis, ctx->n_out, (long long)in->dims[axis]);
  memcpy(dims, in->dims, sizeof dims);
  dims[axis] /= ctx->n_out;
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_shape(ctx, i, in->rank, dims));
  return UF_OK;
}

static uf_status split_eval(ufi_ctx *ctx) {
  int32_t axis;
  UFI_TRY(split_axis(ctx, ctx->in[0], ctx->in[1], &axis));
  cut(ctx, ctx->in[1], axis, true);
  return UF_OK;
}

const ufi_op_def ufi_op_SPLIT = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = split_attrs_tflite, .attrs_tf = split_attrs_tf,
  .infer = split_infer, .eval = split_eval,
};

/* Sum of the sizes that are given and the place of the one that is -1 (-1: none). */
static uf_status add_sizes(ufi_ctx *ctx, int64_t extent, int64_t *sum_out, int64_t *stretch_out) {
  const ufi_tensor *sizes = ctx->in[1];
  int64_t sum = 0, stretch = -1;
  for (int64_t i = 0; i < sizes->count; i++) {
    int64_t n = ufi_move_index(sizes, i);
    if (n < -1 || n > extent)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected sizes in [0, %lld], or one -1, found %lld at "
                          "position %lld", (long long)extent, (long long)n, (long long)i);
    if (n >= 0) sum += n; /* at most n_out * extent: no overflow, both came from shapes */
    else if (stretch >= 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most one -1 among the sizes, found "
                          "them at positions %lld and %lld", (long long)stretch, (long long)i);
    else stretch = i;
    if (sum > extent) break;
  }
  if (sum > extent || (stretch < 0 && sum != extent))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected sizes that add up to the extent %lld of the "
                        "axis, found a sum of %lld", (long long)extent, (long long)sum);
  *sum_out = sum;
  *stretch_out = stretch;
  return UF_OK;
}

static uf_status split_v_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *sizes = ctx->in[1];
  int64_t dims[UF_MAX_RANK], sum = 0, stretch = -1;
  int32_t axis;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, sizes, 1, 1));
  UFI_TRY(split_check(ctx, in));
  if (sizes->count != ctx->n_out)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size for each of %d outputs, found %lld",
                        ctx->n_out, (long long)sizes->count);
  if (!ufi_known(ctx, 1) || !ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(split_axis(ctx, ctx->in[2], in, &axis));
  UFI_TRY(add_sizes(ctx, in->dims[axis], &sum, &stretch));
  memcpy(dims, in->dims, sizeof dims);
  for (int32_t i = 0; i < ctx->n_out; i++) {
    dims[axis] = i == stretch ? in->dims[axis] - sum : ufi_move_index(sizes, i);
    UFI_TRY(ufi_out_shape(ctx, i, in->rank, dims));
  }
  return UF_OK;
}

static uf_status split_v_eval(ufi_ctx *ctx) {
  int32_t axis;
  UFI_TRY(split_axis(ctx, ctx->in[2], ctx->in[0], &axis));
  cut(ctx, ctx->in[0], axis, true);
  return UF_OK;
}

const ufi_op_def ufi_op_SPLIT_V = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = split_attrs_tflite, .attrs_tf = split_attrs_tf,
  .infer = split_v_infer, .eval = split_v_eval,
};
