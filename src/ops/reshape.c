/* SPDX-License-Identifier: Apache-2.0
 *
 * reshape.c: RESHAPE, SQUEEZE, EXPAND_DIMS, DENSIFY, DEEP_COPY (views), SHAPE, SIZE, RANK.
 *
 * The views have the bytes of input 0 under another shape; the executor lets
 * output and input share memory where it can, and eval copies where it could
 * not. SHAPE, SIZE and RANK need no data at all.
 *
 * RESHAPE and SQUEEZE leave the output the dtype that the file gives it, if its
 * elements are as wide as the input's: TFLite copies bytes and asks no further.
 */
#include "ops/move.h"

static uf_status eval_view(ufi_ctx *ctx) {
  ufi_move_all(ctx->out[0], ctx->in[0]);
  return UF_OK;
}

/* Whether the input's bytes are elements of the output's dtype. */
static uf_status want_width(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  bool strings = in->dtype == UF_STRING || out->dtype == UF_STRING;
  bool handles = uf_dtype_bits(in->dtype) <= 0 || uf_dtype_bits(out->dtype) <= 0;
  if (!strings && !handles && uf_dtype_bits(in->dtype) == uf_dtype_bits(out->dtype)) return UF_OK;
  return ufi_want_same(ctx, in, out);
}

/* ---- RESHAPE ------------------------------------------------------------------ */

typedef struct reshape_attrs {
  int32_t rank;            /* -1: TensorFlow, where the input has the new shape, always */
  int32_t dims[UF_MAX_RANK];
} reshape_attrs;

/* A short vector of int32 in the options. */
static uf_status read_dims(const ufi_tflite_attrs *from, int field, const char *what, int32_t *n_out,
                           int32_t out[UF_MAX_RANK], uf_error *error) {
  ufi_fb_vector v = ufi_fb_vec(&from->options, field, sizeof(int32_t));
  if (v.count > UF_MAX_RANK)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected at most %d values in %s, found %u",
                    UF_MAX_RANK, what, v.count);
  *n_out = (int32_t)v.count;
  for (uint32_t i = 0; i < v.count; i++) out[i] = ufi_fb_vec_i32(&v, i);
  return UF_OK;
}

static uf_status reshape_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  reshape_attrs *a = memory;
  UFI_TRY(read_dims(from, 0, "new_shape", &a->rank, a->dims, error));
  /* How old converters wrote "a scalar", when empty vectors could not be stored. */
  if (a->rank == 1 && a->dims[0] == 0) a->rank = 0;
  return UF_OK;
}

static uf_status reshape_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ((reshape_attrs *)memory)->rank = -1;
  return UF_OK;
}

/* The one -1 becomes what is left of the elements. Zeros are extents like any
 * other; against them -1 counts the nonzero extents only, as TFLite does. */
static uf_status resolve(ufi_ctx *ctx, const ufi_tensor *in, int32_t rank, int64_t *dims) {
  char want[UFI_SHAPE_TEXT], have[UFI_SHAPE_TEXT];
  int64_t nonzero_in = 1, nonzero_out = 1;
  int32_t stretch = -1;
  bool has_zero = false;
  ufi_shape_text(rank, dims, want);
  for (int32_t d = 0; d < in->rank; d++)
    if (in->dims[d] && __builtin_mul_overflow(nonzero_in, in->dims[d], &nonzero_in)) goto mismatch;
  for (int32_t d = 0; d < rank; d++) {
    if (dims[d] == -1 && stretch >= 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most one -1 in the new shape, found %s",
                          want);
    if (dims[d] == -1) stretch = d;
    else if (dims[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more in the new shape, "
                          "found %lld in dimension %d", (long long)dims[d], d);
    else if (dims[d] == 0) has_zero = true;
    else if (__builtin_mul_overflow(nonzero_out, dims[d], &nonzero_out)) goto mismatch;
  }
  if (stretch >= 0) dims[stretch] = in->count == 0 && !has_zero ? 0 : nonzero_in / nonzero_out;
  int64_t count;
  if (ufi_shape_count(rank, dims, &count) && count == in->count) return UF_OK;
mismatch:
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected a new shape of %lld elements, as '%s' %s has, found %s",
                      (long long)in->count, in->name, ufi_shape_text(in->rank, in->dims, have), want);
}

static uf_status reshape_infer(ufi_ctx *ctx) {
  const reshape_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *shape = ufi_in(ctx, 1);
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(want_width(ctx));
  if (a->rank < 0) UFI_TRY(ufi_want_rank(ctx, shape, 0, 1));
  /* The input wins over the options, but in TFLite only a vector does. */
  if (shape && (shape->rank == 1 || a->rank < 0) && (shape->dtype == UF_INT32 || shape->dtype == UF_INT64)) {
    if (shape->count > UF_MAX_RANK)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a new shape of at most %d dimensions, "
                          "found %lld", UF_MAX_RANK, (long long)shape->count);
    if (!ufi_known(ctx, 1)) return UF_OK;
    rank = (int32_t)shape->count;
    UFI_TRY(ufi_move_ints(ctx, shape, rank, dims));
  } else {
    rank = a->rank;
    for (int32_t d = 0; d < rank; d++) dims[d] = a->dims[d];
  }
  UFI_TRY(resolve(ctx, in, rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

const ufi_op_def ufi_op_RESHAPE = {
  .attrs_size = sizeof(reshape_attrs), .attrs_tflite = reshape_attrs_tflite, .attrs_tf = reshape_attrs_tf,
  .infer = reshape_infer, .eval = eval_view,
};

/* ---- SQUEEZE ------------------------------------------------------------------- */

static uf_status squeeze_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  reshape_attrs *a = memory;
  return read_dims(from, 0, "squeeze_dims", &a->rank, a->dims, error);
}

static uf_status squeeze_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  reshape_attrs *a = memory;
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_tf_copy_ints(from, "squeeze_dims", UF_MAX_RANK, dims, &a->rank, error));
  for (int32_t i = 0; i < a->rank; i++) a->dims[i] = (int32_t)UFI_MAX(UFI_MIN(dims[i], INT32_MAX), INT32_MIN);
  return UF_OK;
}

static uf_status squeeze_infer(ufi_ctx *ctx) {
  const reshape_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  bool drop[UF_MAX_RANK] = {false};
  int64_t dims[UF_MAX_RANK];
  int32_t axis, rank = 0;
  UFI_TRY(want_width(ctx));
  for (int32_t i = 0; i < a->rank; i++) {
    UFI_TRY(ufi_axis(ctx, a->dims[i], in->rank, &axis));
    if (in->dims[axis] != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extent 1 in squeezed dimension %d, found %lld",
                          axis, (long long)in->dims[axis]);
    drop[axis] = true;
  }
  for (int32_t d = 0; d < in->rank; d++)
    if (a->rank ? !drop[d] : in->dims[d] != 1) dims[rank++] = in->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

const ufi_op_def ufi_op_SQUEEZE = {
  .attrs_size = sizeof(reshape_attrs), .attrs_tflite = squeeze_attrs_tflite, .attrs_tf = squeeze_attrs_tf,
  .infer = squeeze_infer, .eval = eval_view,
};

/* ---- EXPAND_DIMS ---------------------------------------------------------------- */

static uf_status expand_dims_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t value, dims[UF_MAX_RANK];
  int32_t axis;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  UFI_TRY(ufi_move_same_quant(ctx, in, ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, in, 0, UF_MAX_RANK - 1));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &value));
  UFI_TRY(ufi_axis(ctx, value, in->rank + 1, &axis));
  for (int32_t d = 0; d <= in->rank; d++)
    dims[d] = d == axis ? 1 : in->dims[d < axis ? d : d - 1];
  return ufi_out_shape(ctx, 0, in->rank + 1, dims);
}

const ufi_op_def ufi_op_EXPAND_DIMS = {.infer = expand_dims_infer, .eval = eval_view};

/* ---- DENSIFY: the reader has made the constant dense ------------------------------ */

static uf_status densify_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

const ufi_op_def ufi_op_DENSIFY = {.infer = densify_infer, .eval = eval_view};

/* TensorFlow's own op for a value of its own memory: memory is the executor's business. */
const ufi_op_def ufi_op_DEEP_COPY = {.infer = densify_infer, .eval = eval_view};

/* ---- SHAPE (of each input), SIZE, RANK ------------------------------------------------- */

typedef struct shape_attrs {
  uf_dtype out_type;       /* UF_INVALID: the output's own */
} shape_attrs;

static uf_status shape_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  uf_dtype dtype = ufi_dtype_from_tflite(ufi_fb_i8(&from->options, 0, 0));
  if (dtype == UF_INT32 || dtype == UF_INT64) ((shape_attrs *)memory)->out_type = dtype;
  return UF_OK;
}

/* TensorFlow's signature has given the outputs their dtype. */
static uf_status shape_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) { return UF_OK; }

static uf_status shape_infer(ufi_ctx *ctx) {
  const shape_attrs *a = ctx->attrs;
  if (ctx->n_in != ctx->n_out)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output for each of %d inputs, found %d",
                        ctx->n_in, ctx->n_out);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    int64_t rank = ctx->in[i]->rank;
    if (a->out_type != UF_INVALID) UFI_TRY(ufi_out_dtype(ctx, i, a->out_type));
    UFI_TRY(ufi_want_out(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_out_shape(ctx, i, 1, &rank));
  }
  return UF_OK;
}

static uf_status put_extent(ufi_ctx *ctx, int32_t i, int64_t at, int64_t extent) {
  const ufi_tensor *out = ctx->out[i];
  if (out->dtype == UF_INT64) ((int64_t *)out->data)[at] = extent;
  else if (extent <= INT32_MAX) ((int32_t *)out->data)[at] = (int32_t)extent;
  else
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents that fit int32, found %lld; an output of "
                        "int64 can hold it", (long long)extent);
  return UF_OK;
}

static uf_status shape_eval(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_in; i++)
    for (int32_t d = 0; d < ctx->in[i]->rank; d++) UFI_TRY(put_extent(ctx, i, d, ctx->in[i]->dims[d]));
  return UF_OK;
}

const ufi_op_def ufi_op_SHAPE = {
  .attrs_size = sizeof(shape_attrs), .attrs_tflite = shape_attrs_tflite, .attrs_tf = shape_attrs_tf,
  .infer = shape_infer, .eval = shape_eval,
};

static uf_status size_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status size_eval(ufi_ctx *ctx) { return put_extent(ctx, 0, 0, ctx->in[0]->count); }

const ufi_op_def ufi_op_SIZE = {.infer = size_infer, .eval = size_eval};

static uf_status rank_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_INT32));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status rank_eval(ufi_ctx *ctx) {
  *(int32_t *)ctx->out[0]->data = ctx->in[0]->rank;
  return UF_OK;
}

const ufi_op_def ufi_op_RANK = {.infer = rank_infer, .eval = rank_eval};
