/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.c: SLICE, STRIDED_SLICE, DYNAMIC_UPDATE_SLICE.
 *
 * STRIDED_SLICE is NumPy's x[a:b:c, ..., newaxis, i]. Its spec (begin, end,
 * strides and five bit masks, one bit a spec entry) is first resolved against
 * the shape of the input: the ellipsis becomes as many full dimensions as are
 * missing, a new axis a dimension of extent 1. What comes out is one `cut` per
 * dimension of the input with the new axes inserted: first index, step, count,
 * and whether the result drops the dimension.
 */
#include "ops/host.h"
#include "ops/move.h"

/* ---- SLICE ---------------------------------------------------------------------- */

/* The begin and size of each dimension, checked against the input. -1 as a
 * size takes the rest. */
static uf_status read_slice(ufi_ctx *ctx, int64_t begin[UF_MAX_RANK], int64_t size[UF_MAX_RANK]) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], in->rank, begin));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], in->rank, size));
  for (int32_t d = 0; d < in->rank; d++) {
    int64_t extent = in->dims[d];
    if (begin[d] < 0 || begin[d] > extent)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected begin in [0, %lld] for dimension %d, found %lld",
                          (long long)extent, d, (long long)begin[d]);
    if (size[d] == -1) size[d] = extent - begin[d];
    if (size[d] < 0 || size[d] > extent - begin[d])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected size in [0, %lld] (or -1) for dimension %d, "
                          "found %lld", (long long)(extent - begin[d]), d, (long long)size[d]);
  }
  return UF_OK;
}

static uf_status slice_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t begin[UF_MAX_RANK], size[UF_MAX_RANK];
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  for (int32_t i = 1; i < 3; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
  }
  if (!ufi_known(ctx, 2)) return UF_OK;
  if (ufi_known(ctx, 1)) {
    UFI_TRY(read_slice(ctx, begin, size));
    return ufi_out_shape(ctx, 0, in->rank, size);
  }
  /* Sizes that are all given make the shape without the begins. */
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], in->rank, size));
  for (int32_t d = 0; d < in->rank; d++)
    if (size[d] < 0) return UF_OK;
  return ufi_out_shape(ctx, 0, in->rank, size);
}

/* Whether it lies together: whole from some dimension on, and of those before only the next takes more than one place. */
static bool is_one_run(const ufi_tensor *in, const ufi_tensor *out) {
  int32_t d = in->rank - 1;
  while (d > 0 && out->dims[d] == in->dims[d]) d--;
  for (d--; d >= 0; d--) {
    if (out->dims[d] != 1) return false;
  }
  return true;
}

/* The output of a node whose shape is known only now, as the parts of a loop's list: where it lies in the input, if that is
 * worth it and stays there. */
static uf_buf *shared_run(ufi_ctx *ctx, int64_t at) {
  enum { LEAST = 1 << 10 };
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  if (!ctx->is_dynamic || !ufi_has_bytes(in->dtype) || out->size < LEAST || !is_one_run(in, out)) return NULL;
  uf_buf *owner = ufi_host_is_set(ctx, in) ? NULL : ufi_host_owner(ctx, in);
  return owner ? ufi_buf_slice(owner, (char *)in->data + (size_t)at * (uf_dtype_bits(in->dtype) / 8), out->size) : NULL;
}

static uf_status give_run(ufi_ctx *ctx, uf_buf *run) {
  uf_tensor view = ufi_view(ctx->out[0]);
  view.data = uf_buf_data(run);
  view.buf = run;
  const uf_status status = ufi_host_out_share(ctx, 0, &view);
  uf_buf_release(run);
  return status;
}

static uf_status slice_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t begin[UF_MAX_RANK], size[UF_MAX_RANK], in_steps[UF_MAX_RANK], out_steps[UF_MAX_RANK];
  ufi_move move = {0};
  UFI_TRY(read_slice(ctx, begin, size));
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(out->rank, out->dims, out_steps);
  for (int32_t d = 0; d < in->rank; d++) {
    move.in_at += begin[d] * in_steps[d];
    ufi_move_dim(&move, out->dims[d], in_steps[d], out_steps[d]);
  }
  uf_buf *run = shared_run(ctx, move.in_at);
  if (run) return give_run(ctx, run);
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_SLICE = {.infer = slice_infer, .eval = slice_eval};

/* ---- STRIDED_SLICE ----------------------------------------------------------------- */

typedef struct strided_attrs {
  uint32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_mask;
  bool offset;             /* end counts from begin */
} strided_attrs;

static uf_status strided_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  strided_attrs *a = memory;
  uint32_t *masks[] = {&a->begin_mask, &a->end_mask, &a->ellipsis_mask, &a->new_axis_mask,
                       &a->shrink_mask};
  for (int i = 0; i < 5; i++) *masks[i] = (uint32_t)ufi_fb_i32(&from->options, i, 0);
  a->offset = ufi_fb_bool(&from->options, 5, false);
  return UF_OK;
}

/* A spec has at most 31 entries, one mask bit each. */
#define SPEC 31

typedef struct spec {
  int32_t n;
  int64_t begin[SPEC], end[SPEC], stride[SPEC];
} spec;

typedef struct cut {
  int64_t extent, begin, stride, count;
  bool shrink;
} cut;

static bool bit(uint32_t mask, int32_t i) { return mask >> i & 1; }

/* What kind of dimension place i of the result (before shrinking) is. */
enum { FULL, NEW, ENTRY };

static int64_t clamp(int64_t v, int64_t low, int64_t high) {
  return v < low ? low : v > high ? high : v;
}

/* x[begin:end:stride] (or x[begin]) of a dimension with `extent` entries. */
static uf_status make_cut(ufi_ctx *ctx, const spec *s, int32_t e, int32_t d, cut *c) {
  const strided_attrs *a = ctx->attrs;
  int64_t n = c->extent, stride = s->stride[e], end;
  c->stride = stride;
  c->shrink = bit(a->shrink_mask, e);
  if (stride == 0 || stride < -INT32_MAX || stride > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a stride other than 0, found %lld for "
                        "dimension %d", (long long)stride, d);
  int64_t begin = s->begin[e] < 0 ? s->begin[e] + n : s->begin[e];
  if (c->shrink) {
    if (bit(a->begin_mask, e)) begin = stride > 0 ? 0 : n - 1;
    if (begin < 0 && stride > 0) begin = 0; /* as TFLite, unlike TensorFlow */
    if (begin < 0 || begin >= n)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index in [%lld, %lld) for dimension %d, "
                          "found %lld", (long long)-n, (long long)n, d, (long long)s->begin[e]);
    c->begin = begin;
    c->count = 1;
    return UF_OK;
  }
  begin = stride > 0 ? clamp(begin, 0, n) : clamp(begin, -1, n - 1);
  if (bit(a->begin_mask, e)) begin = stride > 0 ? 0 : n - 1;
  end = a->offset ? s->end[e] + begin : s->end[e];
  if (end < 0) end += n;
  end = stride > 0 ? clamp(end, 0, n) : clamp(end, -1, n - 1);
  if (bit(a->end_mask, e)) end = stride > 0 ? n : -1;
  int64_t span = stride > 0 ? end - begin : begin - end;
  c->begin = begin;
  c->count = span > 0 ? (span - 1) / (stride > 0 ? stride : -stride) + 1 : 0;
  return UF_OK;
}

/* The kind of each of the n places, given how many the ellipsis stands for. */
static int32_t lay_out(const strided_attrs *a, int32_t rank, int32_t entries, uint8_t kind[UFI_MOVE_RANK]) {
  int32_t added = 0, expanded = 0;
  for (int32_t e = 0; e < entries; e++)
    if (!bit(a->ellipsis_mask, e) && bit(a->new_axis_mask, e)) added++;
  int32_t n = rank + added;
  if (n > UFI_MOVE_RANK) return -1;
  for (int32_t i = 0; i < n;) {
    if (bit(a->ellipsis_mask, i)) { /* the first; only one makes sense */
      int32_t stop = UFI_MAX(i + 1, UFI_MIN(i + 1 + n - entries, n));
      expanded = stop - i - 1;
      while (i < stop) kind[i++] = FULL;
      continue;
    }
    bool is_new = i >= expanded && bit(a->new_axis_mask, i - expanded);
    kind[i] = is_new ? NEW : i >= entries + expanded ? FULL : ENTRY;
    i++;
  }
  return n;
}

/* Resolves the spec against the input's shape. Returns the cuts in order. */
static uf_status resolve(ufi_ctx *ctx, const spec *s, cut cuts[UFI_MOVE_RANK], int32_t *n_out) {
  const strided_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  uint8_t kind[UFI_MOVE_RANK];
  int32_t full = 0, ellipsis = -1, source = 0;
  int32_t n = lay_out(a, in->rank, s->n, kind);
  if (n < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %d dimensions with the new axes, found "
                        "more", UFI_MOVE_RANK);
  for (int32_t i = 0; i < n; i++) {
    cut *c = &cuts[i];
    *c = (cut){.extent = 1, .stride = 1, .count = 1};
    if (kind[i] == NEW) continue;
    if (source == in->rank) goto too_long;
    c->extent = c->count = in->dims[source++];
    /* All places of the ellipsis are one entry of the spec. */
    if (kind[i] == FULL && ellipsis < 0 && bit(a->ellipsis_mask, i)) ellipsis = i;
    if (kind[i] == FULL && ellipsis >= 0) full = i - ellipsis;
    if (kind[i] != ENTRY) continue;
    if (i - full >= s->n) goto too_long;
    UFI_TRY(make_cut(ctx, s, i - full, source - 1, c));
  }
  if (source < in->rank) goto too_long;
  *n_out = n;
  return UF_OK;
too_long:
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a slice spec for %d dimensions, found %d "
                      "entries", in->rank, s->n);
}

static uf_status read_spec(ufi_ctx *ctx, spec *s) {
  s->n = (int32_t)ctx->in[1]->count;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], s->n, s->begin));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], s->n, s->end));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[3], s->n, s->stride));
  for (int32_t i = 0; i < s->n; i++) { /* far beyond any extent, and sums stay small */
    s->begin[i] = clamp(s->begin[i], -(INT64_MAX >> 2), INT64_MAX >> 2);
    s->end[i] = clamp(s->end[i], -(INT64_MAX >> 2), INT64_MAX >> 2);
  }
  return UF_OK;
}

static uf_status strided_infer(ufi_ctx *ctx) {
  int64_t dims[UFI_MOVE_RANK];
  int32_t n = 0, rank = 0;
  spec s = {0};
  cut cuts[UFI_MOVE_RANK];
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  for (int32_t i = 1; i < 4; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
  }
  if (ctx->in[1]->count > SPEC)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %d entries in the slice spec, found "
                        "%lld", SPEC, (long long)ctx->in[1]->count);
  if (!ufi_known(ctx, 1) || !ufi_known(ctx, 2) || !ufi_known(ctx, 3)) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  UFI_TRY(resolve(ctx, &s, cuts, &n));
  for (int32_t i = 0; i < n; i++)
    if (!cuts[i].shrink) dims[rank++] = cuts[i].count;
  if (rank > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions, found %d",
                        UF_MAX_RANK, rank);
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status strided_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  spec s = {0};
  cut cuts[UFI_MOVE_RANK];
  int32_t n = 0;
  int64_t in_step = 1, out_step = 1;
  ufi_move move = {0};
  UFI_TRY(read_spec(ctx, &s));
  UFI_TRY(resolve(ctx, &s, cuts, &n));
  if (out->count == 0) return UF_OK;
  move.rank = n;
  for (int32_t i = n - 1; i >= 0; i--) {
    move.extent[i] = cuts[i].count;
    move.in_step[i] = cuts[i].stride * in_step;
    move.out_step[i] = out_step;
    move.in_at += cuts[i].begin * in_step;
    in_step *= cuts[i].extent;
    out_step *= cuts[i].count;
  }
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_STRIDED_SLICE = {
  .attrs_size = sizeof(strided_attrs), .attrs_tflite = strided_attrs_tflite, .infer = strided_infer,
  .eval = strided_eval,
};

/* ---- DYNAMIC_UPDATE_SLICE ------------------------------------------------------------- */

static uf_status update_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *update = ctx->in[1];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, update));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 1, 1));
  bool fits = update->rank == in->rank;
  for (int32_t d = 0; fits && d < in->rank; d++) fits = update->dims[d] <= in->dims[d];
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an update that fits into %s, found %s",
                        ufi_shape_text(in->rank, in->dims, a),
                        ufi_shape_text(update->rank, update->dims, b));
  if (ctx->in[2]->count != in->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d start indices, found %lld", in->rank,
                        (long long)ctx->in[2]->count);
  return ufi_out_like(ctx, 0, in);
}

/* The output may be the memory of either input (UFI_INPLACE): of the update
 * only when it is as large as the input, and then nothing else is read. */
static uf_status update_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *update = ctx->in[1], *out = ctx->out[0];
  int64_t start[UF_MAX_RANK], in_steps[UF_MAX_RANK], update_steps[UF_MAX_RANK];
  ufi_move move = {0};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], in->rank, start));
  if (update->count == in->count) {
    ufi_move_all(out, update);
    return UF_OK;
  }
  ufi_move_all(out, in);
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(update->rank, update->dims, update_steps);
  for (int32_t d = 0; d < in->rank; d++) {
    /* Clamped, not refused: that is this op's definition. */
    move.out_at += clamp(start[d], 0, in->dims[d] - update->dims[d]) * in_steps[d];
    ufi_move_dim(&move, update->dims[d], update_steps[d], in_steps[d]);
  }
  ufi_move_run(&move, in->dtype, out->data, update->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_DYNAMIC_UPDATE_SLICE = {.infer = update_infer, .eval = update_eval};
