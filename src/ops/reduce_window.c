/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_window.c: REDUCE_WINDOW: a window slides over the tensor, and what it shows is joined with the
 * initial value. The window has gaps (dilations) and moves by strides, both of each dimension; only
 * places where all of it lies inside count.
 *
 * Elements are joined in the order of memory, as in the reference, so that sums of floats are equal.
 */
#include "ops/move.h"

enum { INPUT, START, WINDOW, STRIDES, DILATIONS };
typedef enum window_join { W_NONE, W_ADD, W_MUL, W_MIN, W_MAX, W_ALL, W_ANY, W_COUNT } window_join;

static uf_status window_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, W_NONE);
  return UF_OK;
}

/* ---- a row of a window ------------------------------------------------------------------------- */

typedef void (*row_fn)(void *acc, const void *x, int64_t n, int64_t step);
#define ROW(name, T, EXPRESSION)                                               \
  static void name(void *acc, const void *x, int64_t n, int64_t step) {        \
    const T *row = x;                                                          \
    T a = *(T *)acc;                                                           \
    for (int64_t i = 0; i < n; i++) {                                          \
      const T v = row[i * step];                                               \
      a = (T)(EXPRESSION);                                                     \
    }                                                                          \
    *(T *)acc = a;                                                             \
  }
/* U: in which sums and products wrap around. */
#define ROWS(suffix, T, U)                   \
  ROW(add_##suffix, T, (U)a + (U)v)          \
  ROW(mul_##suffix, T, (U)a * (U)v)          \
  ROW(min_##suffix, T, a <= v ? a : v)       \
  ROW(max_##suffix, T, a >= v ? a : v)       \
  ROW(all_##suffix, T, a && v)               \
  ROW(any_##suffix, T, a || v)
ROWS(i8, int8_t, uint32_t)
ROWS(u8, uint8_t, uint32_t)
ROWS(i16, int16_t, uint32_t)
ROWS(i32, int32_t, uint32_t)
ROWS(i64, int64_t, uint64_t)
ROWS(f32, float, float)
ROWS(f64, double, double)
#define ROWS_OF(suffix)                                                                      \
  {[W_ADD] = add_##suffix, [W_MUL] = mul_##suffix, [W_MIN] = min_##suffix,                   \
   [W_MAX] = max_##suffix, [W_ALL] = all_##suffix, [W_ANY] = any_##suffix}

static row_fn row_of(uf_dtype dtype, int32_t join) {
  static const row_fn rows[UF_DTYPE_COUNT][W_COUNT] = {
    [UF_BOOL] = {[W_ADD] = any_u8, [W_MUL] = all_u8, [W_MIN] = all_u8, [W_MAX] = any_u8, [W_ALL] = all_u8,
                 [W_ANY] = any_u8},
    [UF_INT8] = ROWS_OF(i8), [UF_UINT8] = ROWS_OF(u8), [UF_INT16] = ROWS_OF(i16), [UF_INT32] = ROWS_OF(i32),
    [UF_INT64] = ROWS_OF(i64), [UF_FLOAT32] = ROWS_OF(f32), [UF_FLOAT64] = ROWS_OF(f64)};
  return rows[dtype][join];
}

/* ---- shapes -------------------------------------------------------------------------------------- */

typedef struct window {
  int64_t size[UF_MAX_RANK], stride[UF_MAX_RANK], dilation[UF_MAX_RANK];
} window;

static uf_status read_window(ufi_ctx *ctx, window *w) {
  const int32_t rank = ctx->in[INPUT]->rank;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[WINDOW], rank, w->size));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[STRIDES], rank, w->stride));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[DILATIONS], rank, w->dilation));
  for (int32_t d = 0; d < rank; d++)
    if (w->size[d] < 1 || w->stride[d] < 1 || w->dilation[d] < 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a window, strides and dilations of 1 and more, found "
                          "%lld, %lld and %lld for dimension %d", (long long)w->size[d], (long long)w->stride[d],
                          (long long)w->dilation[d], (int)d);
  return UF_OK;
}

/* Places of a window in n elements. */
static int64_t places(int64_t n, int64_t size, int64_t stride, int64_t dilation) {
  if (n < 1 || size - 1 > (n - 1) / dilation) return 0;
  return (n - 1 - (size - 1) * dilation) / stride + 1;
}

static uf_status window_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[INPUT];
  const int32_t join = *(const int32_t *)ctx->attrs;
  int64_t dims[UF_MAX_RANK];
  window w;
  if (join <= W_NONE || join >= W_COUNT)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected reduce_function 1 (ADD), 2 (MUL), 3 (MINIMUM), "
                        "4 (MAXIMUM), 5 (ALL) or 6 (ANY), found %d", (int)join);
  UFI_TRY(ufi_want_in(ctx, INPUT, UF_FLOAT32, UF_FLOAT64, UF_INT8, UF_UINT8, UF_INT16, UF_INT32, UF_INT64, UF_BOOL,
                      UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, x, ctx->in[START]));
  UFI_TRY(ufi_want_same(ctx, x, ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  if (ctx->in[START]->count != 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one initial value, found %lld",
                        (long long)ctx->in[START]->count);
  for (int32_t i = WINDOW; i <= DILATIONS; i++) UFI_TRY(ufi_want_in(ctx, i, UF_INT64, UF_INVALID));
  for (int32_t i = WINDOW; i <= DILATIONS; i++)
    if (!ufi_known(ctx, i)) return UF_OK;
  UFI_TRY(read_window(ctx, &w));
  for (int32_t d = 0; d < x->rank; d++) dims[d] = places(x->dims[d], w.size[d], w.stride[d], w.dilation[d]);
  return ufi_out_shape(ctx, 0, x->rank, dims);
}

/* ---- eval ---------------------------------------------------------------------------------------- */

typedef struct window_run {
  const ufi_tensor *x, *start, *y;
  int32_t rank;
  int64_t size[UF_MAX_RANK];
  int64_t move[UF_MAX_RANK], gap[UF_MAX_RANK]; /* elements of x from place to place, within a window */
  size_t element;
  row_fn row;
} window_run;

/* The window that begins at x; dimension d and inner ones. */
static void fold(const window_run *r, void *acc, const char *x, int32_t d) {
  if (d == r->rank - 1) {
    r->row(acc, x, r->size[d], r->gap[d]);
    return;
  }
  for (int64_t i = 0; i < r->size[d]; i++) fold(r, acc, x + (size_t)(i * r->gap[d]) * r->element, d + 1);
}

static void window_range(void *context, size_t begin, size_t end) {
  const window_run *r = context;
  for (size_t i = begin; i < end; i++) {
    int64_t rest = (int64_t)i, at = 0;
    for (int32_t d = r->rank - 1; d >= 0; d--) {
      at += rest % r->y->dims[d] * r->move[d];
      rest /= r->y->dims[d];
    }
    char *acc = (char *)r->y->data + i * r->element;
    memcpy(acc, r->start->data, r->element);
    fold(r, acc, (const char *)r->x->data + (size_t)at * r->element, 0);
  }
}

static uf_status window_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[INPUT], *y = ctx->out[0];
  window_run r = {.x = x, .start = ctx->in[START], .y = y, .rank = x->rank,
                  .element = (size_t)uf_dtype_bits(x->dtype) / 8,
                  .row = row_of(x->dtype, *(const int32_t *)ctx->attrs)};
  int64_t steps[UF_MAX_RANK], shown = 1;
  window w;
  UFI_TRY(read_window(ctx, &w));
  if (y->count == 0) return UF_OK;
  ufi_move_steps(x->rank, x->dims, steps);
  for (int32_t d = 0; d < x->rank; d++) {
    r.size[d] = w.size[d];
    shown *= w.size[d]; /* at most x->count */
    r.gap[d] = w.size[d] > 1 ? steps[d] * w.dilation[d] : 0;
    r.move[d] = y->dims[d] > 1 ? steps[d] * w.stride[d] : 0;
  }
  const size_t grain = (size_t)UFI_MAX((int64_t)16384 / shown, (int64_t)1);
  ufi_parallel_ranges(ctx->pool, window_range, &r, (size_t)y->count, grain);
  return UF_OK;
}

const ufi_op_def ufi_op_REDUCE_WINDOW = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = window_attrs_tflite, .infer = window_infer, .eval = window_eval,
};
