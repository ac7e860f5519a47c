/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_window.c: REDUCE_WINDOW: a window slides over the tensor, and what it shows is joined with the
 * initial value. The window has gaps (dilations) and moves by strides, both of each dimension; only
 * places where all of it lies inside count.
 *
 * Elements are joined in the order of memory, as in the reference, so that sums of floats are equal. The loops
 * are those of StableHLO's op of this name (stablehlo_window.c), which can do more.
 */
#include "ops/move.h"
#include "ops/stablehlo.h"

enum { INPUT, START, WINDOW, STRIDES, DILATIONS };
typedef enum window_join { W_NONE, W_ADD, W_MUL, W_MIN, W_MAX, W_ALL, W_ANY, W_COUNT } window_join;

static uf_status window_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, W_NONE);
  return UF_OK;
}

static ufi_fold_fn fold_of(uf_dtype dtype, int32_t join) {
  const bool is_float = dtype == UF_FLOAT32 || dtype == UF_FLOAT64; /* where a NaN that is there gives way */
  const ufi_fold folds[W_COUNT] = {
    [W_ADD] = UFI_FOLD_ADD, [W_MUL] = UFI_FOLD_MUL, [W_MIN] = is_float ? UFI_FOLD_MIN_LAST : UFI_FOLD_MIN,
    [W_MAX] = is_float ? UFI_FOLD_MAX_LAST : UFI_FOLD_MAX, [W_ALL] = UFI_FOLD_ALL, [W_ANY] = UFI_FOLD_ANY};
  return ufi_fold_of(folds[join], dtype);
}

/* ---- shapes -------------------------------------------------------------------------------------- */

/* Places of a window in n elements. */
static int64_t places(int64_t n, int64_t size, int64_t stride, int64_t dilation) {
  if (n < 1 || size - 1 > (n - 1) / dilation) return 0;
  return (n - 1 - (size - 1) * dilation) / stride + 1;
}

/* The window over the tensor as it is: neither padded nor spread. */
static uf_status read_window(ufi_ctx *ctx, ufi_shlo_window *w) {
  const ufi_tensor *x = ctx->in[INPUT];
  const int32_t rank = x->rank;
  *w = (ufi_shlo_window){.rank = rank};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[WINDOW], rank, w->window));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[STRIDES], rank, w->stride));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[DILATIONS], rank, w->dilation));
  for (int32_t d = 0; d < rank; d++) {
    if (w->window[d] < 1 || w->stride[d] < 1 || w->dilation[d] < 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a window, strides and dilations of 1 and more, found "
                          "%lld, %lld and %lld for dimension %d", (long long)w->window[d], (long long)w->stride[d],
                          (long long)w->dilation[d], (int)d);
    w->in[d] = w->padded[d] = x->dims[d];
    w->base[d] = 1;
    w->out[d] = places(x->dims[d], w->window[d], w->stride[d], w->dilation[d]);
  }
  return UF_OK;
}

static uf_status window_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[INPUT];
  const int32_t join = *(const int32_t *)ctx->attrs;
  ufi_shlo_window w;
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
  return ufi_out_shape(ctx, 0, x->rank, w.out);
}

/* ---- eval ---------------------------------------------------------------------------------------- */

static uf_status window_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[INPUT];
  ufi_shlo_nest nest = {.dtype = x->dtype, .fold = fold_of(x->dtype, *(const int32_t *)ctx->attrs), .in = x->data,
                        .init = ctx->in[START]->data, .out = ctx->out[0]->data};
  ufi_shlo_window w;
  UFI_TRY(read_window(ctx, &w));
  if (ctx->out[0]->count == 0) return UF_OK; /* gaps may be larger than any distance */
  ufi_shlo_window_nest(&w, &nest);
  ufi_shlo_fold_all(ctx->pool, &nest);
  return UF_OK;
}

const ufi_op_def ufi_op_REDUCE_WINDOW = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = window_attrs_tflite, .infer = window_infer, .eval = window_eval,
};
