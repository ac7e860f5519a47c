/* SPDX-License-Identifier: Apache-2.0
 *
 * strided.c: TensorFlow's StridedSlice, StridedSliceGrad and TensorStridedSliceUpdate.
 *
 * A spec has an entry for each dimension, but for an ellipsis (as many whole dimensions as are
 * missing; at the end when there is none) and for new axes. An entry with a shrink bit is one
 * index, whose end and begin mask do not count. How the masks play together is told in the
 * documentation of tf.strided_slice and was checked against TensorFlow.
 */
#include "ops/strided.h"

uf_status ufi_strided_attrs(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ufi_strided_masks *m = memory;
  m->begin = (uint32_t)ufi_tf_int(from, "begin_mask");
  m->end = (uint32_t)ufi_tf_int(from, "end_mask");
  m->ellipsis = (uint32_t)ufi_tf_int(from, "ellipsis_mask");
  m->new_axis = (uint32_t)ufi_tf_int(from, "new_axis_mask");
  m->shrink = (uint32_t)ufi_tf_int(from, "shrink_axis_mask");
  return UF_OK;
}

bool ufi_strided_known(const ufi_ctx *ctx, int32_t i) {
  return ufi_known(ctx, i) && ufi_known(ctx, i + 1) && ufi_known(ctx, i + 2);
}

/* Masks have 32 bits, the last for the ellipsis that is not written. */
enum { MAX_ENTRIES = 31 };
static inline bool bit(uint32_t mask, int32_t i) { return i < 32 && mask >> i & 1; }

static uf_status check_spec(ufi_ctx *ctx, const ufi_strided_masks *m, int32_t i) {
  const ufi_tensor *begin = ctx->in[i], *end = ctx->in[i + 1], *strides = ctx->in[i + 2];
  for (int32_t j = i; j < i + 3; j++) {
    UFI_TRY(ufi_want_in(ctx, j, UF_INT32, UF_INT64, UF_INT16, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[j], 1, 1));
  }
  if (begin->count != strides->count || end->count != strides->count || begin->count > MAX_ENTRIES)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected begin, end and strides of one length up to %d, "
                        "found %lld, %lld and %lld", MAX_ENTRIES, (long long)begin->count,
                        (long long)end->count, (long long)strides->count);
  if (m->ellipsis & (m->ellipsis - 1))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most one ellipsis in the slice, found mask "
                        "0x%x", (unsigned)m->ellipsis);
  return UF_OK;
}

/* A begin or end inside [low, high], negative ones from the end. */
static int64_t place(int64_t x, int64_t extent, int64_t low, int64_t high) {
  if (x < 0) x += extent;
  return x < low ? low : x > high ? high : x;
}

/* Dimension d by entry e of the spec. */
static uf_status cut(ufi_ctx *ctx, const ufi_strided_masks *m, int32_t i, int32_t e, int32_t d,
                     int64_t extent, ufi_strided *s) {
  int64_t begin = ufi_move_index(ctx->in[i], e), end = ufi_move_index(ctx->in[i + 1], e);
  int64_t stride = ufi_move_index(ctx->in[i + 2], e);
  if (stride == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a stride other than 0, found it for dimension %d", d);
  s->stride[d] = stride;
  if (bit(m->shrink, e)) {
    s->begin[d] = begin < 0 ? begin + extent : begin;
    s->count[d] = s->stride[d] = 1;
    if (stride < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected stride 1 with a single index, found %lld for "
                          "dimension %d", (long long)stride, d);
    if (s->begin[d] < 0 || s->begin[d] >= extent)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index in [%lld, %lld) for dimension %d, found "
                          "%lld", (long long)-extent, (long long)extent, d, (long long)begin);
    return UF_OK;
  }
  int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? extent : extent - 1;
  begin = bit(m->begin, e) ? (stride > 0 ? low : high) : place(begin, extent, low, high);
  end = bit(m->end, e) ? (stride > 0 ? high : low) : place(end, extent, low, high);
  uint64_t span = stride > 0 ? (uint64_t)(end - begin) : (uint64_t)(begin - end);
  uint64_t step = stride > 0 ? (uint64_t)stride : 0 - (uint64_t)stride;
  bool empty = stride > 0 ? end <= begin : begin <= end;
  s->begin[d] = begin;
  s->count[d] = empty ? 0 : (int64_t)((span - 1) / step + 1);
  if (s->count[d] <= 1) s->stride[d] = 1; /* so that products of it fit */
  return UF_OK;
}

static void whole(ufi_strided *s, int32_t d, int64_t extent) {
  s->begin[d] = 0;
  s->stride[d] = 1;
  s->count[d] = extent;
}

static uf_status add_dim(ufi_ctx *ctx, ufi_strided *s, int64_t extent) {
  if (s->out_rank == UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a slice of at most %d dimensions, found more", UF_MAX_RANK);
  s->out_dims[s->out_rank++] = extent;
  return UF_OK;
}

uf_status ufi_strided_resolve(ufi_ctx *ctx, const ufi_strided_masks *m, int32_t i, int32_t rank,
                              const int64_t *dims, ufi_strided *s) {
  UFI_TRY(check_spec(ctx, m, i));
  int32_t n = (int32_t)ctx->in[i]->count, used = 0, d = 0, ellipsis = n;
  for (int32_t e = 0; e < n; e++) {
    if (bit(m->ellipsis, e)) ellipsis = e;
    else if (!bit(m->new_axis, e)) used++;
  }
  *s = (ufi_strided){.rank = rank};
  if (used > rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a slice of at most %d dimensions, found entries for "
                        "%d", rank, used);
  for (int32_t e = 0; e <= n; e++) {
    if (e == ellipsis) {
      for (int32_t k = 0; k < rank - used; k++, d++) {
        whole(s, d, dims[d]);
        s->axis[d] = s->out_rank;
        UFI_TRY(add_dim(ctx, s, dims[d]));
      }
    } else if (e == n) {
      break;
    } else if (bit(m->new_axis, e)) {
      UFI_TRY(add_dim(ctx, s, 1));
    } else {
      UFI_TRY(cut(ctx, m, i, e, d, dims[d], s));
      s->axis[d] = bit(m->shrink, e) ? -1 : s->out_rank;
      if (s->axis[d] >= 0) UFI_TRY(add_dim(ctx, s, s->count[d]));
      d++;
    }
  }
  return UF_OK;
}

void ufi_strided_move(const ufi_strided *s, const int64_t *dims, bool into, ufi_move *move) {
  int64_t steps[UF_MAX_RANK], slice_steps[UF_MAX_RANK], at = 0;
  ufi_move_steps(s->rank, dims, steps);
  ufi_move_steps(s->rank, s->count, slice_steps);
  *move = (ufi_move){0};
  for (int32_t d = 0; d < s->rank; d++) {
    at += s->begin[d] * steps[d];
    int64_t step = steps[d] * s->stride[d];
    ufi_move_dim(move, s->count[d], into ? slice_steps[d] : step, into ? step : slice_steps[d]);
  }
  if (into) move->out_at = at;
  else move->in_at = at;
}

/* ---- StridedSlice: input, begin, end, strides ---------------------------------------------- */

static uf_status slice_infer(ufi_ctx *ctx) {
  ufi_strided s;
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  if (!ufi_strided_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_strided_resolve(ctx, ctx->attrs, 1, ctx->in[0]->rank, ctx->in[0]->dims, &s));
  return ufi_out_shape(ctx, 0, s.out_rank, s.out_dims);
}

static uf_status slice_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  ufi_strided s;
  ufi_move move;
  UFI_TRY(ufi_strided_resolve(ctx, ctx->attrs, 1, in->rank, in->dims, &s));
  if (out->count == 0) return UF_OK;
  ufi_strided_move(&s, in->dims, false, &move);
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_TF_STRIDED_SLICE = {
  .attrs_size = sizeof(ufi_strided_masks), .attrs_tf = ufi_strided_attrs, .infer = slice_infer,
  .eval = slice_eval,
};

/* ---- StridedSliceGrad: shape, begin, end, strides, dy ------------------------------------------ */

static uf_status grad_shape(ufi_ctx *ctx, int32_t *rank_out, int64_t dims[UF_MAX_RANK]) {
  const ufi_tensor *shape = ctx->in[0];
  UFI_TRY(ufi_want_rank(ctx, shape, 1, 1));
  if (shape->count > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape of at most %d dimensions, found %lld",
                        UF_MAX_RANK, (long long)shape->count);
  *rank_out = (int32_t)shape->count;
  UFI_TRY(ufi_move_ints(ctx, shape, *rank_out, dims));
  for (int32_t d = 0; d < *rank_out; d++)
    if (dims[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 and more, found %lld", (long long)dims[d]);
  return UF_OK;
}

static uf_status want_slice(ufi_ctx *ctx, const ufi_strided *s, const ufi_tensor *t) {
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (t->rank == s->out_rank && memcmp(t->dims, s->out_dims, (size_t)t->rank * sizeof t->dims[0]) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of the slice's shape %s, found %s",
                      ufi_shape_text(s->out_rank, s->out_dims, want), ufi_shape_text(t->rank, t->dims, found));
}

static uf_status grad_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(ufi_want_same(ctx, ctx->in[4], ctx->out[0]));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(grad_shape(ctx, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status grad_eval(ufi_ctx *ctx) {
  const ufi_tensor *dy = ctx->in[4], *out = ctx->out[0];
  ufi_strided s;
  ufi_move move;
  UFI_TRY(ufi_strided_resolve(ctx, ctx->attrs, 1, out->rank, out->dims, &s));
  UFI_TRY(want_slice(ctx, &s, dy));
  if (out->size) memset(out->data, 0, out->size);
  if (dy->count == 0) return UF_OK;
  ufi_strided_move(&s, out->dims, true, &move);
  ufi_move_run(&move, out->dtype, out->data, dy->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_STRIDED_SLICE_GRAD = {
  .attrs_size = sizeof(ufi_strided_masks), .attrs_tf = ufi_strided_attrs, .infer = grad_infer, .eval = grad_eval,
};

/* ---- TensorStridedSliceUpdate: input, begin, end, strides, value ---------------------------------- */

static uf_status update_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[4]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status update_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *value = ctx->in[4], *out = ctx->out[0];
  int64_t value_steps[UF_MAX_RANK], spread[UF_MAX_RANK];
  ufi_tensor slice = {.name = "the slice"};
  ufi_strided s;
  ufi_move move;
  UFI_TRY(ufi_strided_resolve(ctx, ctx->attrs, 1, in->rank, in->dims, &s));
  slice.rank = s.out_rank;
  memcpy(slice.dims, s.out_dims, sizeof slice.dims);
  int32_t rank;
  UFI_TRY(ufi_broadcast(ctx, &slice, value, &rank, spread));
  slice.rank = s.out_rank;
  if (rank != s.out_rank || memcmp(spread, s.out_dims, (size_t)rank * sizeof spread[0]) != 0)
    return want_slice(ctx, &s, value);
  ufi_move_all(out, in);
  if (value->count == 0) return UF_OK;
  /* The value's steps by dimension of the slice, then of the whole: both are in one order, new
   * axes have extent 1 and shrunk dimensions count 1, so extents other than 1 line up. */
  ufi_strided_move(&s, out->dims, true, &move);
  ufi_move_steps(value->rank, value->dims, value_steps);
  int32_t from = s.out_rank - 1;
  for (int32_t d = s.rank - 1; d >= 0; d--) {
    move.in_step[d] = 0;
    if (s.count[d] == 1) continue;
    while (from >= 0 && s.out_dims[from] == 1) from--;
    int32_t v = from - (s.out_rank - value->rank);
    move.in_step[d] = v >= 0 && value->dims[v] != 1 ? value_steps[v] : 0;
    from--;
  }
  ufi_move_run(&move, out->dtype, out->data, value->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_TENSOR_STRIDED_SLICE_UPDATE = {
  .attrs_size = sizeof(ufi_strided_masks), .attrs_tf = ufi_strided_attrs, .infer = update_infer,
  .eval = update_eval,
};
