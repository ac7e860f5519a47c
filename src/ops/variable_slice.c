/* SPDX-License-Identifier: Apache-2.0
 *
 * variable_slice.c: v[begin:end:stride, ...] = value, of variables. What the slice is, strided.h says.
 */
#include "ops/strided.h"
#include "ops/variable.h"

/* The move from the value, which broadcasts to the slice's shape (dimensions of 1 are repeated), into
 * the variable. */
static uf_status fit_value(ufi_ctx *ctx, const ufi_strided *s, const int64_t *dims, ufi_move *move) {
  const ufi_tensor *in = ctx->in[4];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t in_steps[UF_MAX_RANK];
  bool fits = true;
  for (int32_t d = 0; d < in->rank; d++) {
    int32_t to = d - in->rank + s->out_rank;
    fits = fits && (in->dims[d] == 1 || (to >= 0 && in->dims[d] == s->out_dims[to]));
  }
  if (!fits) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value that broadcasts to the slice's shape %s, found %s",
                        ufi_shape_text(s->out_rank, s->out_dims, want), ufi_shape_text(in->rank, in->dims, found));
  }
  ufi_strided_move(s, dims, true, move);
  ufi_move_steps(in->rank, in->dims, in_steps);
  for (int32_t k = 0; k < move->rank; k++) {
    int32_t d = s->axis[k] - s->out_rank + in->rank;
    bool is_taken = s->axis[k] >= 0 && d >= 0 && in->dims[d] != 1;
    move->in_step[k] = is_taken ? in_steps[d] : 0;
  }
  return UF_OK;
}

/* Strings and variants point elsewhere: a copy is changed, then kept. */
static uf_status assign_copy(ufi_ctx *ctx, ufi_resource *r, const ufi_move *move) {
  const ufi_tensor *in = ctx->in[4];
  uf_tensor copy = r->value;
  copy.buf = NULL;
  copy.data = ufi_malloc(copy.size + 1);
  if (copy.data == NULL) return ufi_no_memory(ctx->error, copy.size);
  if (copy.size) memcpy(copy.data, r->value.data, copy.size);
  if (in->count) ufi_move_run(move, in->dtype, copy.data, in->data, NULL);
  uf_status status = ufi_variable_assign(r, &copy, false, ctx->error);
  ufi_free(copy.data);
  return status;
}

static uf_status slice_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[4];
  ufi_resource *r = NULL;
  uf_tensor *value;
  ufi_strided slice;
  ufi_move move;
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  if (r->value.dtype != in->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of %s for %s, found %s", uf_dtype_name(r->value.dtype),
                        ufi_resource_text(r, text), uf_dtype_name(in->dtype));
  }
  UFI_TRY(ufi_strided_resolve(ctx, ctx->attrs, 1, r->value.rank, r->value.dims, &slice));
  UFI_TRY(fit_value(ctx, &slice, r->value.dims, &move));
  if (in->dtype == UF_STRING || in->dtype == UF_VARIANT) {
    UFI_TRY(assign_copy(ctx, r, &move));
  } else {
    UFI_TRY(ufi_variable_writable(r, &value, ctx->error));
    if (in->count) ufi_move_run(&move, in->dtype, value->data, in->data, NULL);
  }
  ufi_handle_pass(ctx);
  return UF_OK;
}

const ufi_op_def ufi_op_STRIDED_SLICE_ASSIGN = {
  .attrs_size = sizeof(ufi_strided_masks), .attrs_tf = ufi_strided_attrs, .infer = ufi_handle_pass_infer, .eval = slice_eval,
};
