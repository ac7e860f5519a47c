/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_window.c: windows over padded, dilated and cropped tensors, and folding what they see.
 *
 * A fold goes through a nest of loops over outputs and, inside, one over what each output sees, always
 * in row-major order, so that sums of floats are those of a plain loop. Where outputs lie side by side, a
 * row of them takes each element of the window at once.
 */
#include "ops/stablehlo.h"

#include "ops/move.h"

/* ---- geometry ----------------------------------------------------------------------------- */

static bool padded_dim(const ufi_shlo_window *w, int32_t d, int64_t *out) {
  int64_t size = 0;
  const bool none = w->in[d] <= 0;
  if (!none && (__builtin_mul_overflow(w->in[d] - 1, w->base[d], &size) || __builtin_add_overflow(size, 1, &size)))
    return false;
  return !__builtin_add_overflow(size, w->low[d], &size) && !__builtin_add_overflow(size, w->high[d], out);
}

uf_status ufi_shlo_window_shape(ufi_ctx *ctx, ufi_shlo_window *w) {
  char text[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_shlo_want_range(ctx, "window_dimensions", w->window, w->rank, 1, INT32_MAX));
  UFI_TRY(ufi_shlo_want_range(ctx, "window_strides", w->stride, w->rank, 1, INT32_MAX));
  UFI_TRY(ufi_shlo_want_range(ctx, "base_dilations", w->base, w->rank, 1, INT32_MAX));
  UFI_TRY(ufi_shlo_want_range(ctx, "window_dilations", w->dilation, w->rank, 1, INT32_MAX));
  for (int32_t d = 0; d < w->rank; d++) {
    if (!padded_dim(w, d, &w->padded[d]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected padding by less than 2^63 elements, found %lld and %lld "
                          "around dimension %d of %s", (long long)w->low[d], (long long)w->high[d], (int)d,
                          ufi_shape_text(w->rank, w->in, text));
    const int64_t sees = (w->window[d] - 1) * w->dilation[d] + 1;
    w->out[d] = w->padded[d] < sees ? 0 : (w->padded[d] - sees) / w->stride[d] + 1;
  }
  return UF_OK;
}

bool ufi_shlo_window_pads(const ufi_shlo_window *w) {
  for (int32_t d = 0; d < w->rank; d++) {
    if (w->low[d] || w->high[d] || w->base[d] != 1) return true;
  }
  return false;
}

void ufi_shlo_window_pad(const ufi_shlo_window *w, uf_dtype dtype, const void *in, const void *fill, void *out) {
  int64_t in_step[UF_MAX_RANK], out_step[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_fill(dtype, out, 0, fill, ufi_move_span(w->padded, 0, w->rank));
  ufi_move_steps(w->rank, w->in, in_step);
  ufi_move_steps(w->rank, w->padded, out_step);
  for (int32_t d = 0; d < w->rank; d++) { /* elements i that come to lie at low + i * base in [0, padded) */
    const int64_t base = w->base[d], first = w->low[d] < 0 ? (-w->low[d] - 1) / base + 1 : 0;
    const int64_t room = w->padded[d] - 1 - w->low[d];
    const int64_t n = room < 0 ? 0 : UFI_MIN(w->in[d], room / base + 1) - first;
    if (n <= 0) return;
    ufi_move_dim(&move, n, in_step[d], n > 1 ? base * out_step[d] : 0);
    move.in_at += first * in_step[d];
    move.out_at += (w->low[d] + first * base) * out_step[d];
  }
  ufi_move_run(&move, dtype, out, in, NULL);
}

void ufi_shlo_window_nest(const ufi_shlo_window *w, ufi_shlo_nest *nest) {
  int64_t step[UF_MAX_RANK];
  ufi_move_steps(w->rank, w->padded, step);
  nest->rank = nest->out_rank = w->rank;
  for (int32_t d = 0; d < w->rank; d++) { /* one place: its step is never taken, and may be too large */
    nest->out_extent[d] = w->out[d];
    nest->out_step[d] = w->out[d] > 1 ? step[d] * w->stride[d] : 0;
    nest->extent[d] = w->window[d];
    nest->step[d] = w->window[d] > 1 ? step[d] * w->dilation[d] : 0;
  }
}

/* ---- folding -------------------------------------------------------------------------------- */

/* The next place of loops, row-major; *at moves along. false: past the last. */
static bool next_place(int32_t rank, const int64_t *extent, const int64_t *step, int64_t *index, int64_t *at) {
  for (int32_t d = rank - 1; d >= 0; d--) {
    *at += step[d];
    if (++index[d] < extent[d]) return true;
    *at -= extent[d] * step[d];
    index[d] = 0;
  }
  return false;
}

/* A row of outputs takes in the element that each sees at one place of its window, place by place. */
static void fold_side_by_side(const ufi_shlo_nest *s, const uint8_t *in, uint8_t *out, int64_t n, int64_t size) {
  int64_t index[UF_MAX_RANK] = {0}, at = 0;
  const int64_t step = s->out_rank ? s->out_step[s->out_rank - 1] : 0;
  do s->fold(out, 1, in + at * size, step, n);
  while (next_place(s->rank, s->extent, s->step, index, &at));
}

/* One output takes in all it sees, the innermost loop in one call. */
static void fold_one(const ufi_shlo_nest *s, const uint8_t *in, uint8_t *out, int64_t size) {
  int64_t index[UF_MAX_RANK] = {0}, at = 0;
  const int32_t last = s->rank - 1;
  do s->fold(out, 0, in + at * size, s->rank ? s->step[last] : 0, s->rank ? s->extent[last] : 1);
  while (next_place(last, s->extent, s->step, index, &at));
}

static void fold_rows(void *context, size_t begin, size_t end) {
  const ufi_shlo_nest *s = context;
  const int32_t outer = UFI_MAX(s->out_rank - 1, 0);
  const int64_t n = s->out_rank ? s->out_extent[outer] : 1, size = uf_dtype_bits(s->dtype) / 8;
  const int64_t step = s->out_rank ? s->out_step[outer] : 0, inner = s->rank ? s->extent[s->rank - 1] : 1;
  const bool side_by_side = n >= inner || (step == 1 && n >= 8);
  for (size_t row = begin; row < end; row++) {
    int64_t rest = (int64_t)row, at = 0;
    for (int32_t d = outer - 1; d >= 0; d--) {
      at += rest % s->out_extent[d] * s->out_step[d];
      rest /= s->out_extent[d];
    }
    const uint8_t *in = (const uint8_t *)s->in + at * size;
    uint8_t *out = (uint8_t *)s->out + (int64_t)row * n * size;
    ufi_move_fill(s->dtype, out, 0, s->init, n);
    if (side_by_side) fold_side_by_side(s, in, out, n, size);
    else for (int64_t i = 0; i < n; i++) fold_one(s, in + i * step * size, out + i * size, size);
  }
}

void ufi_shlo_fold_all(ufi_pool *pool, const ufi_shlo_nest *nest) {
  enum { GRAIN = 1 << 15 };
  int64_t rows = 1, work = 1;
  for (int32_t d = 0; d < nest->out_rank; d++) {
    if (nest->out_extent[d] == 0) return;
    if (d < nest->out_rank - 1) rows *= nest->out_extent[d];
    else work *= nest->out_extent[d];
  }
  bool empty = false;
  for (int32_t d = 0; d < nest->rank; d++) empty = empty || nest->extent[d] == 0;
  if (empty) {
    ufi_move_fill(nest->dtype, nest->out, 0, nest->init, rows * work);
    return;
  }
  for (int32_t d = 0; d < nest->rank && work < GRAIN; d++) work *= UFI_MIN(nest->extent[d], GRAIN);
  ufi_shlo_nest copy = *nest;
  const size_t grain = (size_t)UFI_MAX(GRAIN / UFI_MAX(work, 1), 1);
  ufi_parallel_ranges(pool, fold_rows, &copy, (size_t)rows, grain);
}

uf_status ufi_shlo_fold_by_calls(ufi_shlo_body *body, const ufi_shlo_nest *nests) {
  const ufi_shlo_nest *s = nests;
  int64_t out_index[UF_MAX_RANK] = {0}, out_at = 0, count = 1, seen = 1;
  for (int32_t d = 0; d < s->out_rank; d++) count *= s->out_extent[d];
  for (int32_t d = 0; d < s->rank; d++) seen = s->extent[d] == 0 ? 0 : seen;
  if (count == 0) return UF_OK;
  void **acc = ufi_calloc(2 * (size_t)body->n, sizeof *acc);
  const void **x = (const void **)(acc + body->n);
  uf_status status = acc ? UF_OK : ufi_no_memory(body->ctx->error, 2 * (size_t)body->n * sizeof *acc);
  for (int64_t o = 0; o < count && status == UF_OK; o++) {
    int64_t index[UF_MAX_RANK] = {0}, at = out_at;
    for (int32_t i = 0; i < body->n; i++) {
      const size_t size = body->scalars[i].size;
      acc[i] = (uint8_t *)nests[i].out + (size_t)o * size;
      memcpy(acc[i], nests[i].init, size);
    }
    bool more = seen != 0;
    while (more && status == UF_OK) {
      for (int32_t i = 0; i < body->n; i++) x[i] = (const uint8_t *)nests[i].in + at * (int64_t)body->scalars[i].size;
      status = ufi_shlo_apply(body, acc, x);
      more = next_place(s->rank, s->extent, s->step, index, &at);
    }
    next_place(s->out_rank, s->out_extent, s->out_step, out_index, &out_at);
  }
  ufi_free(acc);
  return status;
}
