/* SPDX-License-Identifier: Apache-2.0
 *
 * arg_reduce.c: ARG_MAX and ARG_MIN: the tensor is (outer, n, inner), n the
 * dimension that the axis names.
 *
 * Of equal values the first one counts. Among floats a NaN counts only where
 * there is nothing else.
 */
#include <math.h>

#include "ops/broadcast.h"
#include "ops/move.h"

typedef struct split { int64_t outer, n, inner; } split;

static split split_at(const ufi_tensor *t, int32_t axis) {
  split s = {1, t->dims[axis], 1};
  for (int32_t d = 0; d < axis; ++d) s.outer *= t->dims[d];
  for (int32_t d = axis + 1; d < t->rank; ++d) s.inner *= t->dims[d];
  return s;
}

/* The one axis in input 1. */
static uf_status read_axis(ufi_ctx *ctx, int32_t *axis_out) {
  return ufi_axis(ctx, ufi_move_index(ctx->in[1], 0), ctx->in[0]->rank, axis_out);
}

/* ---- ARG_MAX, ARG_MIN ---------------------------------------------------------------------- */

/* Finds for each of `inner` columns the row of x (n, inner) that wins. best holds
 * the index found so far, the value is x[best]. */
#define ARG_LOOP(name, T, BETTER)                                                   \
  static int64_t name(const void *px, int64_t n, int64_t inner) {                   \
    const T *x = px;                                                                \
    int64_t best = 0;                                                               \
    for (int64_t i = 1; i < n; ++i) {                                               \
      const T v = x[i * inner], w = x[best * inner];                                \
      if (BETTER) best = i;                                                         \
    }                                                                               \
    return best;                                                                    \
  }
#define ARG_LOOPS(suffix, T)           \
  ARG_LOOP(max_##suffix, T, v > w)     \
  ARG_LOOP(min_##suffix, T, v < w)
ARG_LOOPS(i8, int8_t)
ARG_LOOPS(u8, uint8_t)
ARG_LOOPS(i16, int16_t)
ARG_LOOPS(i32, int32_t)
ARG_LOOPS(i64, int64_t)
ARG_LOOPS(u16, uint16_t)
ARG_LOOPS(u32, uint32_t)
ARG_LOOPS(u64, uint64_t)
ARG_LOOP(max_f64, double, v > w || (w != w && v == v))
ARG_LOOP(min_f64, double, v < w || (w != w && v == v))
/* Halves: the value that wins is kept as a float. */
#define ARG_HALF(name, TO_FLOAT, BETTER)                                            \
  static int64_t name(const void *px, int64_t n, int64_t inner) {                   \
    const uint16_t *x = px;                                                         \
    float w = TO_FLOAT(x[0]);                                                       \
    int64_t best = 0;                                                               \
    for (int64_t i = 1; i < n; ++i) {                                               \
      const float v = TO_FLOAT(x[i * inner]);                                       \
      if (BETTER || (w != w && v == v)) { best = i; w = v; }                        \
    }                                                                               \
    return best;                                                                    \
  }
ARG_HALF(max_f16, ufi_half_to_float, v > w)
ARG_HALF(min_f16, ufi_half_to_float, v < w)
ARG_HALF(max_b16, ufi_bfloat_to_float, v > w)
ARG_HALF(min_b16, ufi_bfloat_to_float, v < w)
ARG_LOOP(max_f32_column, float, v > w || (w != w && v == v))
ARG_LOOP(min_f32_column, float, v < w || (w != w && v == v))

/* Rows: the extreme by a kernel, then where it is. */
static int64_t find_f32(const float *x, int64_t n, float value) {
  for (int64_t i = 0; i < n; ++i)
    if (x[i] == value) return i;
  return 0;
}
static int64_t max_f32(const void *x, int64_t n, int64_t inner) {
  if (inner != 1) return max_f32_column(x, n, inner);
  return find_f32(x, n, ufi_kernels_get()->elementwise.f32_max(x, (size_t)n, -INFINITY));
}
static int64_t min_f32(const void *x, int64_t n, int64_t inner) {
  if (inner != 1) return min_f32_column(x, n, inner);
  return find_f32(x, n, ufi_kernels_get()->elementwise.f32_min(x, (size_t)n, INFINITY));
}

typedef int64_t (*arg_fn)(const void *x, int64_t n, int64_t inner);
#define ARG_TABLE(op)                                                                         \
  {[UF_FLOAT32] = op##_f32, [UF_INT8] = op##_i8, [UF_UINT8] = op##_u8, [UF_BOOL] = op##_u8,   \
   [UF_INT16] = op##_i16, [UF_INT32] = op##_i32, [UF_INT64] = op##_i64,                       \
   [UF_UINT16] = op##_u16, [UF_UINT32] = op##_u32, [UF_UINT64] = op##_u64,                    \
   [UF_FLOAT64] = op##_f64, [UF_FLOAT16] = op##_f16, [UF_BFLOAT16] = op##_b16}

typedef struct arg_attrs { uf_dtype out; } arg_attrs; /* of the output; UF_INVALID: as declared */

static uf_status arg_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  const uf_dtype out = ufi_dtype_from_tflite(ufi_fb_i8(&from->options, 0, 0));
  ((arg_attrs *)attrs)->out = out == UF_INT32 || out == UF_INT64 ? out : UF_INVALID;
  return UF_OK;
}
static uf_status arg_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((arg_attrs *)attrs)->out = UF_INVALID;
  return UF_OK;
}

static uf_status arg_infer(ufi_ctx *ctx) {
  const uf_dtype named = ((const arg_attrs *)ctx->attrs)->out;
  int32_t axis, rank = 0;
  int64_t dims[UF_MAX_RANK];
  char text[512];
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INT32, UF_INT64, UF_BOOL,
                      UF_UINT16, UF_UINT32, UF_UINT64, UF_FLOAT64, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INT16, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  if (named != UF_INVALID) UFI_TRY(ufi_out_dtype(ctx, 0, named));
  if (ctx->out[0]->dtype == UF_INVALID) UFI_TRY(ufi_out_dtype(ctx, 0, UF_INT64)); /* TensorFlow's default */
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INT16, UF_UINT16, UF_INVALID));
  if (ctx->in[1]->count != 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one axis, found %s", ufi_tensor_text(ctx->in[1], text));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_axis(ctx, &axis));
  if (x->dims[axis] == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected something along axis %d, found %s", axis,
                        ufi_tensor_text(x, text));
  for (int32_t d = 0; d < x->rank; ++d)
    if (d != axis) dims[rank++] = x->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

typedef struct arg_run {
  const char *x;
  const ufi_tensor *y;
  split s;
  size_t size;
  arg_fn fn;
} arg_run;

static void arg_range(void *context, size_t begin, size_t end) {
  const arg_run *r = context;
  for (size_t i = begin; i < end; ++i) {
    const size_t outer = i / (size_t)r->s.inner, inner = i % (size_t)r->s.inner;
    const size_t at = outer * (size_t)(r->s.n * r->s.inner) + inner;
    const int64_t found = r->fn(r->x + at * r->size, r->s.n, r->s.inner);
    if (r->y->dtype == UF_INT32) ((int32_t *)r->y->data)[i] = (int32_t)found;
    else if (r->y->dtype != UF_INT64) ((uint16_t *)r->y->data)[i] = (uint16_t)found;
    else ((int64_t *)r->y->data)[i] = found;
  }
}

static uf_status arg_eval(ufi_ctx *ctx, const arg_fn table[UF_DTYPE_COUNT]) {
  int32_t axis;
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(read_axis(ctx, &axis));
  arg_run r = {x->data, ctx->out[0], split_at(x, axis), (size_t)uf_dtype_bits(x->dtype) / 8, table[x->dtype]};
  const size_t count = (size_t)r.y->count;
  if (x->count < ufi_split_least(ctx->pool, UFI_PARALLEL_MIN)) arg_range(&r, 0, count);
  else ufi_parallel_ranges(ctx->pool, arg_range, &r, count, UFI_MAX(count / 16, (size_t)1));
  return UF_OK;
}
static uf_status arg_max_eval(ufi_ctx *ctx) {
  static const arg_fn table[UF_DTYPE_COUNT] = ARG_TABLE(max);
  return arg_eval(ctx, table);
}
static uf_status arg_min_eval(ufi_ctx *ctx) {
  static const arg_fn table[UF_DTYPE_COUNT] = ARG_TABLE(min);
  return arg_eval(ctx, table);
}
const ufi_op_def ufi_op_ARG_MAX = {
  .attrs_size = sizeof(arg_attrs), .attrs_tflite = arg_tflite, .attrs_tf = arg_tf, .infer = arg_infer,
  .eval = arg_max_eval,
};
const ufi_op_def ufi_op_ARG_MIN = {
  .attrs_size = sizeof(arg_attrs), .attrs_tflite = arg_tflite, .attrs_tf = arg_tf, .infer = arg_infer,
  .eval = arg_min_eval,
};
