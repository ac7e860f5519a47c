/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_reduce.c: StableHLO's REDUCE and REDUCE_WINDOW.
 *
 * Both fold what an output sees into an init value, by a body that is a graph (stablehlo_fold.c). Several
 * tensors may be reduced side by side: then the body has as many accumulators. Inputs come first, init
 * values behind them.
 */
#include "ops/move.h"
#include "ops/stablehlo.h"

/* ---- what both share ------------------------------------------------------------------------ */

typedef struct reduce_state {
  ufi_fold_fn fold; /* NULL: by calls */
} reduce_state;

static uf_status want_operands(ufi_ctx *ctx) {
  const int32_t n = ctx->n_in / 2;
  char text[512];
  if (ctx->n_in != 2 * n || ctx->n_out != n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many init values and outputs as operands, found %d "
                        "inputs and %d outputs", (int)ctx->n_in, (int)ctx->n_out);
  for (int32_t i = 0; i < n; i++) {
    UFI_TRY(ufi_shlo_want_bytes(ctx, ctx->in[i]));
    UFI_TRY(ufi_want_same(ctx, ctx->in[i], ctx->in[n + i]));
    if (i > 0) UFI_TRY(ufi_shlo_want_same_shape(ctx, ctx->in[0], ctx->in[i]));
    if (ctx->in[n + i]->count < 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an init value of one element, found %s",
                          ufi_tensor_text(ctx->in[n + i], text));
    UFI_TRY(ufi_out_dtype(ctx, i, ctx->in[i]->dtype));
  }
  return UF_OK;
}

/* A body that is not known by sight must be one that can be called. */
static uf_status want_body(ufi_ctx *ctx, int32_t graph, bool window) {
  ufi_fold_fn fold;
  const int32_t n = ctx->n_in / 2;
  if (ctx->running || (n == 1 && ufi_shlo_known_body(ctx, graph, ctx->in[0]->dtype, window, &fold))) return UF_OK;
  return ufi_shlo_check_body(ctx, graph, n);
}

static uf_status keep_fold(ufi_ctx *ctx, int32_t graph, bool window) {
  reduce_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (ctx->n_in == 2) (void)ufi_shlo_known_body(ctx, graph, ctx->in[0]->dtype, window, &s->fold);
  return UF_OK;
}

/* nests: one for each operand, but for the memory. */
static uf_status run_nests(ufi_ctx *ctx, int32_t graph, ufi_shlo_nest *nests) {
  const reduce_state *s = ctx->state;
  const int32_t n = ctx->n_in / 2;
  ufi_shlo_body body;
  for (int32_t i = 0; i < n; i++) {
    nests[i].dtype = ctx->in[i]->dtype;
    nests[i].init = ctx->in[n + i]->data;
    nests[i].out = ctx->out[i]->data;
    nests[i].fold = s->fold;
  }
  if (s->fold) {
    ufi_shlo_fold_all(ctx->pool, nests);
    return UF_OK;
  }
  uf_status status = ufi_shlo_open(ctx, graph, n, &body);
  if (status == UF_OK) status = ufi_shlo_fold_by_calls(&body, nests);
  ufi_shlo_close(&body);
  return status;
}

/* ---- REDUCE ------------------------------------------------------------------------------------ */

typedef struct reduce_attrs {
  ufi_shlo_list dimensions;
  int32_t graph;
} reduce_attrs;

static uf_status reduce_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  reduce_attrs *a = attrs;
  a->graph = ufi_fb_i32(&from->options, 1, 0);
  return ufi_shlo_read(from, 0, "dimensions", &a->dimensions, error);
}
static int32_t reduce_calls(const void *attrs, int32_t at) {
  return at == 0 ? ((const reduce_attrs *)attrs)->graph : -1;
}

static uf_status reduce_infer(ufi_ctx *ctx) {
  const reduce_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(want_operands(ctx));
  UFI_TRY(ufi_shlo_want_dims(ctx, "dimensions", &a->dimensions, x->rank));
  UFI_TRY(want_body(ctx, a->graph, false));
  for (int32_t d = 0; d < x->rank; d++) {
    if (!ufi_shlo_has(&a->dimensions, d)) dims[rank++] = x->dims[d];
  }
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_shape(ctx, i, rank, dims));
  return UF_OK;
}

static uf_status reduce_prepare(ufi_ctx *ctx) {
  return keep_fold(ctx, ((const reduce_attrs *)ctx->attrs)->graph, false);
}

static uf_status reduce_eval(ufi_ctx *ctx) {
  const reduce_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  const int32_t n = ctx->n_in / 2;
  int64_t step[UF_MAX_RANK];
  ufi_shlo_nest one = {0}, *nests = ufi_calloc((size_t)n, sizeof *nests);
  if (!nests) return ufi_no_memory(ctx->error, (size_t)n * sizeof *nests);
  ufi_move_steps(x->rank, x->dims, step);
  for (int32_t d = 0; d < x->rank; d++) {
    const bool gone = ufi_shlo_has(&a->dimensions, d);
    const int32_t at = gone ? one.rank++ : one.out_rank++;
    (gone ? one.extent : one.out_extent)[at] = x->dims[d];
    (gone ? one.step : one.out_step)[at] = step[d];
  }
  for (int32_t i = 0; i < n; i++) {
    nests[i] = one;
    nests[i].in = ctx->in[i]->data;
  }
  uf_status status = run_nests(ctx, a->graph, nests);
  ufi_free(nests);
  return status;
}
const ufi_op_def ufi_op_STABLEHLO_REDUCE = {
  .attrs_size = sizeof(reduce_attrs), .attrs_tflite = reduce_tflite, .infer = reduce_infer, .prepare = reduce_prepare,
  .eval = reduce_eval, .calls = reduce_calls};

/* ---- REDUCE_WINDOW ------------------------------------------------------------------------------- */

typedef struct window_attrs {
  ufi_shlo_list window, stride, base, dilation;
  int64_t padding[2 * UF_MAX_RANK];
  int32_t n_padding, graph;
} window_attrs;

static uf_status want_as_many(const char *name, int32_t n, int32_t wanted, uf_error *error) {
  if (n == 0 || n == wanted) return UF_OK; /* none: the default for each dimension */
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d numbers in %s, as window_dimensions has, found %d",
                  (int)wanted, name, (int)n);
}

static uf_status window_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  window_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, "window_dimensions", &a->window, error));
  UFI_TRY(ufi_shlo_read(from, 1, "window_strides", &a->stride, error));
  UFI_TRY(ufi_shlo_read(from, 2, "base_dilations", &a->base, error));
  UFI_TRY(ufi_shlo_read(from, 3, "window_dilations", &a->dilation, error));
  UFI_TRY(ufi_shlo_read_into(from, 4, "padding", 2 * UF_MAX_RANK, a->padding, &a->n_padding, error));
  a->graph = ufi_fb_i32(&from->options, 5, 0);
  UFI_TRY(want_as_many("window_strides", a->stride.n, a->window.n, error));
  UFI_TRY(want_as_many("base_dilations", a->base.n, a->window.n, error));
  UFI_TRY(want_as_many("window_dilations", a->dilation.n, a->window.n, error));
  return want_as_many("padding", a->n_padding, 2 * a->window.n, error);
}
static int32_t window_calls(const void *attrs, int32_t at) {
  return at == 0 ? ((const window_attrs *)attrs)->graph : -1;
}

/* Numbers of dimensions that the operand does not have are passed over, as in LiteRT. */
static uf_status window_of(ufi_ctx *ctx, ufi_shlo_window *w) {
  const window_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  *w = (ufi_shlo_window){.rank = x->rank};
  if (a->window.n < x->rank) return ufi_shlo_want_count(ctx, "window_dimensions", a->window.n, x->rank);
  for (int32_t d = 0; d < x->rank; d++) {
    w->in[d] = x->dims[d];
    w->window[d] = a->window.at[d];
    w->stride[d] = a->stride.n ? a->stride.at[d] : 1;
    w->base[d] = a->base.n ? a->base.at[d] : 1;
    w->dilation[d] = a->dilation.n ? a->dilation.at[d] : 1;
    w->low[d] = a->n_padding ? a->padding[2 * d] : 0;
    w->high[d] = a->n_padding ? a->padding[2 * d + 1] : 0;
  }
  return ufi_shlo_window_shape(ctx, w);
}

/* Elements of the padded tensor; fails when they do not fit in memory, or cropping leaves less than none. */
static uf_status padded_count(ufi_ctx *ctx, const ufi_shlo_window *w, int64_t *count_out) {
  char text[UFI_SHAPE_TEXT];
  size_t bytes;
  for (int32_t d = 0; d < w->rank; d++) {
    if (w->padded[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected padding that crops at most all of dimension %d, found "
                          "%lld and %lld around %s", (int)d, (long long)w->low[d], (long long)w->high[d],
                          ufi_shape_text(w->rank, w->in, text));
  }
  if (!ufi_shape_count(w->rank, w->padded, count_out) || !ufi_dtype_bytes(ctx->in[0]->dtype, *count_out, &bytes) ||
      bytes > ufi_host_max_bytes(ctx))
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected a padded operand that fits in memory, found shape %s",
                        ufi_shape_text(w->rank, w->padded, text));
  return UF_OK;
}

static uf_status window_infer(ufi_ctx *ctx) {
  const window_attrs *a = ctx->attrs;
  ufi_shlo_window w;
  int64_t count;
  UFI_TRY(want_operands(ctx));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, UF_MAX_RANK));
  UFI_TRY(window_of(ctx, &w));
  UFI_TRY(padded_count(ctx, &w, &count));
  UFI_TRY(want_body(ctx, a->graph, true));
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_shape(ctx, i, w.rank, w.out));
  return UF_OK;
}

/* A padded operand takes so many bytes of scratch, 0 when there is nothing to pad. */
static size_t padded_bytes(const ufi_tensor *x, const ufi_shlo_window *w) {
  enum { LINE = 64 };
  const size_t bytes = (size_t)ufi_move_span(w->padded, 0, w->rank) * (size_t)uf_dtype_bits(x->dtype) / 8;
  return ufi_shlo_window_pads(w) ? (bytes + LINE - 1) / LINE * LINE : 0;
}

static uf_status window_prepare(ufi_ctx *ctx) {
  ufi_shlo_window w;
  size_t bytes = 0;
  UFI_TRY(window_of(ctx, &w));
  for (int32_t i = 0; i < ctx->n_in / 2; i++) {
    if (!ufi_add_size(bytes, padded_bytes(ctx->in[i], &w), &bytes)) return ufi_no_memory(ctx->error, SIZE_MAX);
  }
  UFI_TRY(keep_fold(ctx, ((const window_attrs *)ctx->attrs)->graph, true));
  if (((const reduce_state *)ctx->state)->fold) ufi_want_scratch(ctx, bytes);
  return UF_OK;
}

/* Calls of a body use the scratch, too: then what is padded has memory of its own. */
static uf_status window_eval(ufi_ctx *ctx) {
  const window_attrs *a = ctx->attrs;
  const reduce_state *s = ctx->state;
  const int32_t n = ctx->n_in / 2;
  ufi_shlo_window w;
  uint8_t *memory = NULL, *at = ctx->scratch;
  size_t bytes = 0;
  UFI_TRY(window_of(ctx, &w));
  ufi_shlo_nest *nests = ufi_calloc((size_t)n, sizeof *nests);
  uf_status status = nests ? UF_OK : ufi_no_memory(ctx->error, (size_t)n * sizeof *nests);
  for (int32_t i = 0; i < n; i++) bytes += padded_bytes(ctx->in[i], &w);
  if (status == UF_OK && !s->fold && bytes) {
    at = memory = ufi_malloc_aligned(bytes);
    if (!memory) status = ufi_no_memory(ctx->error, bytes);
  }
  for (int32_t i = 0; i < n && status == UF_OK; i++) {
    const ufi_tensor *x = ctx->in[i];
    ufi_shlo_window_nest(&w, &nests[i]);
    nests[i].in = x->data;
    if (!ufi_shlo_window_pads(&w) || ufi_move_span(w.padded, 0, w.rank) == 0) continue;
    ufi_shlo_window_pad(&w, x->dtype, x->data, ctx->in[n + i]->data, at);
    nests[i].in = at;
    at += padded_bytes(x, &w);
  }
  if (status == UF_OK) status = run_nests(ctx, a->graph, nests);
  ufi_free_aligned(memory);
  ufi_free(nests);
  return status;
}
const ufi_op_def ufi_op_STABLEHLO_REDUCE_WINDOW = {
  .attrs_size = sizeof(window_attrs), .attrs_tflite = window_tflite, .infer = window_infer, .prepare = window_prepare,
  .eval = window_eval, .calls = window_calls};
