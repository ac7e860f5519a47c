/* SPDX-License-Identifier: Apache-2.0
 *
 * variable_slice.c: v[begin:end:stride, ...] = value, of variables.
 *
 * The spec is TensorFlow's: masks have a bit for each of its entries; an ellipsis stands for all
 * dimensions that no other entry takes, a new axis for none.
 */
#include "ops/move.h"
#include "ops/variable.h"

typedef struct slice_attrs {
  uint32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_mask;
} slice_attrs;

static uf_status slice_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  slice_attrs *a = attrs;
  a->begin_mask = (uint32_t)ufi_tf_int(from, "begin_mask");
  a->end_mask = (uint32_t)ufi_tf_int(from, "end_mask");
  a->ellipsis_mask = (uint32_t)ufi_tf_int(from, "ellipsis_mask");
  a->new_axis_mask = (uint32_t)ufi_tf_int(from, "new_axis_mask");
  a->shrink_mask = (uint32_t)ufi_tf_int(from, "shrink_axis_mask");
  if (a->ellipsis_mask & (a->ellipsis_mask - 1)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected at most one ellipsis, found ellipsis_mask %u", (unsigned)a->ellipsis_mask);
  }
  return UF_OK;
}

static uf_status slice_infer(ufi_ctx *ctx) {
  for (int32_t i = 1; i < 4; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
  }
  if (ctx->in[1]->count != ctx->in[2]->count || ctx->in[1]->count != ctx->in[3]->count || ctx->in[1]->count > 31) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected begin, end and strides of one length up to 31, found %lld, %lld and %lld",
                        (long long)ctx->in[1]->count, (long long)ctx->in[2]->count, (long long)ctx->in[3]->count);
  }
  return ufi_handle_pass_infer(ctx);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high) { return v < low ? low : v > high ? high : v; }

/* Entry e of the spec over a dimension of that extent: where it begins, steps and how many. */
static uf_status cut(ufi_ctx *ctx, int32_t e, int32_t d, int64_t extent, int64_t *begin_out, int64_t *stride_out, int64_t *count_out) {
  const slice_attrs *a = ctx->attrs;
  int64_t begin = ufi_move_index(ctx->in[1], e), end = ufi_move_index(ctx->in[2], e), stride = ufi_move_index(ctx->in[3], e);
  if (stride == 0 || stride < -INT32_MAX || stride > INT32_MAX) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a stride other than 0, found %lld: strides[%d] must be non-zero", (long long)stride, (int)e);
  }
  *stride_out = stride;
  if (a->shrink_mask >> e & 1) {
    int64_t at = begin < 0 ? begin + extent : begin;
    if (a->begin_mask >> e & 1) at = stride > 0 ? 0 : extent - 1;
    if (at < 0 || at >= extent || stride < 0) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index in [%lld, %lld) and a positive stride, found slice index %lld of "
                          "dimension %d out of bounds", (long long)-extent, (long long)extent, (long long)begin, (int)d);
    }
    *begin_out = at;
    *count_out = 1;
    return UF_OK;
  }
  int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? extent : extent - 1;
  begin = a->begin_mask >> e & 1 ? (stride > 0 ? low : high) : clamp(begin < 0 ? begin + extent : begin, low, high);
  end = a->end_mask >> e & 1 ? (stride > 0 ? high : low) : clamp(end < 0 ? end + extent : end, low, high);
  int64_t span = stride > 0 ? end - begin : begin - end, step = stride > 0 ? stride : -stride;
  *begin_out = begin;
  *count_out = span > 0 ? (span - 1) / step + 1 : 0;
  return UF_OK;
}

typedef struct target {
  ufi_move move;                 /* from the value to the variable */
  int32_t rank;                  /* of the slice as the value must have it */
  int64_t dims[2 * UFI_MOVE_RANK];
  int32_t axis[UF_MAX_RANK];     /* of each of the variable's dimensions: which of dims, -1: shrunk away */
} target;

/* Resolves the spec against the variable's shape. */
static uf_status resolve(ufi_ctx *ctx, const uf_tensor *v, target *t) {
  const slice_attrs *a = ctx->attrs;
  int32_t n = (int32_t)ctx->in[1]->count, taken = 0, d = 0;
  int64_t steps[UF_MAX_RANK], extents[UF_MAX_RANK], strides[UF_MAX_RANK];
  bool seen = false;
  for (int32_t e = 0; e < n; e++) taken += !(a->ellipsis_mask >> e & 1) && !(a->new_axis_mask >> e & 1);
  if (taken > v->rank) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices for at most %d dimensions, found %d", (int)v->rank, (int)taken);
  }
  ufi_move_steps(v->rank, v->dims, steps);
  for (int32_t e = 0; e <= n; e++) {
    bool rest = e == n ? !seen : a->ellipsis_mask >> e & 1;
    if (rest) { /* all that no entry takes: at the ellipsis, else at the end */
      seen = true;
      for (int32_t k = v->rank - taken; k > 0; k--, d++) {
        t->axis[d] = t->rank;
        extents[d] = t->dims[t->rank++] = v->dims[d];
        strides[d] = 1;
      }
    } else if (e < n && (a->new_axis_mask >> e & 1)) {
      t->dims[t->rank++] = 1;
    } else if (e < n) {
      int64_t begin = 0;
      UFI_TRY(cut(ctx, e, d, v->dims[d], &begin, &strides[d], &extents[d]));
      t->move.out_at += begin * steps[d];
      t->axis[d] = a->shrink_mask >> e & 1 ? -1 : t->rank;
      if (t->axis[d] >= 0) t->dims[t->rank++] = extents[d];
      d++;
    }
  }
  t->move.rank = d;
  for (int32_t k = 0; k < d; k++) {
    t->move.extent[k] = extents[k];
    t->move.out_step[k] = strides[k] * steps[k];
  }
  return UF_OK;
}

/* The value broadcasts to the slice's shape: dimensions of 1 are repeated. */
static uf_status fit_value(ufi_ctx *ctx, target *t) {
  const ufi_tensor *in = ctx->in[4];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t in_steps[UF_MAX_RANK];
  bool fits = true;
  for (int32_t d = 0; d < in->rank; d++) {
    int32_t to = d - in->rank + t->rank;
    fits = fits && (in->dims[d] == 1 || (to >= 0 && in->dims[d] == t->dims[to]));
  }
  if (!fits) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value that broadcasts to the slice's shape %s, found %s",
                        ufi_shape_text(UFI_MIN(t->rank, UF_MAX_RANK), t->dims, want), ufi_shape_text(in->rank, in->dims, found));
  }
  ufi_move_steps(in->rank, in->dims, in_steps);
  for (int32_t k = 0; k < t->move.rank; k++) {
    int32_t d = t->axis[k] - t->rank + in->rank;
    if (t->axis[k] >= 0 && d >= 0 && in->dims[d] != 1) t->move.in_step[k] = in_steps[d];
  }
  return UF_OK;
}

static uf_status slice_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[4];
  ufi_resource *r = NULL;
  uf_tensor *value;
  target t = {0};
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  if (r->value.dtype != in->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of %s for %s, found %s", uf_dtype_name(r->value.dtype),
                        ufi_resource_text(r, text), uf_dtype_name(in->dtype));
  }
  UFI_TRY(resolve(ctx, &r->value, &t));
  UFI_TRY(fit_value(ctx, &t));
  if (in->dtype == UF_STRING || in->dtype == UF_VARIANT) { /* elements point elsewhere: change a copy, then keep it */
    uf_tensor copy = r->value;
    copy.buf = NULL;
    copy.data = ufi_malloc(copy.size + 1);
    if (copy.data == NULL) return ufi_no_memory(ctx->error, copy.size);
    if (copy.size) memcpy(copy.data, r->value.data, copy.size);
    if (in->count) ufi_move_run(&t.move, in->dtype, copy.data, in->data, NULL);
    uf_status status = ufi_variable_assign(r, &copy, false, ctx->error);
    ufi_free(copy.data);
    UFI_TRY(status);
  } else {
    UFI_TRY(ufi_variable_writable(r, &value, ctx->error));
    if (in->count) ufi_move_run(&t.move, in->dtype, value->data, in->data, NULL);
  }
  ufi_handle_pass(ctx);
  return UF_OK;
}

const ufi_op_def ufi_op_STRIDED_SLICE_ASSIGN = {
  .attrs_size = sizeof(slice_attrs), .attrs_tf = slice_tf, .infer = slice_infer, .eval = slice_eval,
};
