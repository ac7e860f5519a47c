/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_binary.c: STABLEHLO_ADD, MULTIPLY, MAXIMUM and MINIMUM of two operands
 * of one shape.
 *
 * Integers are integers, whatever their quantization, and wrap around. The sum of
 * two bools is OR, their product AND. Where a NaN is compared, or values are equal, the
 * extremes are the left operand (those of TFLite's own ops are the right one).
 */
#include <string.h>

#include "ops/binary.h"

UFI_INNER_LOOPS(bool_or, uint8_t, bool, u || v)
UFI_INNER_LOOPS(bool_and, uint8_t, bool, u && v)

static uf_status infer(ufi_ctx *ctx) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  UFI_TRY(ufi_want_same(ctx, a, b));
  UFI_TRY(ufi_out_dtype(ctx, 0, a->dtype));
  if (a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0)
    return ufi_out_like(ctx, 0, a);
  char p[512], q[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one shape, found %s and %s; StableHLO broadcasts "
                      "by an op of its own", ufi_tensor_text(a, p), ufi_tensor_text(b, q));
}

static uf_status prepare(ufi_ctx *ctx, ufk_f32_binary kernel, const ufi_inner_fn *by_dtype, ufi_inner_fn of_bool) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  s->inner = ufi_binary_float(s, dtype, kernel, UFI_ACT_NONE);
  if (s->inner) return UF_OK;
  s->inner = dtype == UF_BOOL ? of_bool : by_dtype[dtype];
  s->arg.ints.lo = INT64_MIN, s->arg.ints.hi = INT64_MAX;
  return s->inner ? UF_OK : ufi_no_dtype(ctx, ctx->in[0], "numbers or bool");
}

static uf_status add_prepare(ufi_ctx *ctx) { return prepare(ctx, UFK_ADD, ufi_add_loops, bool_or); }
static uf_status multiply_prepare(ufi_ctx *ctx) { return prepare(ctx, UFK_MUL, ufi_mul_loops, bool_and); }
static uf_status maximum_prepare(ufi_ctx *ctx) { return prepare(ctx, UFK_MAX, ufi_plain_max_loops, bool_or); }
static uf_status minimum_prepare(ufi_ctx *ctx) { return prepare(ctx, UFK_MIN, ufi_plain_min_loops, bool_and); }

/* Of the right operand and the left one: the loops give the second where neither is the extreme. */
static uf_status extreme_eval(ufi_ctx *ctx) {
  const ufi_binary *s = ctx->state;
  const ufi_tensor *a = ctx->in[1], *b = ctx->in[0], *y = ctx->out[0];
  const size_t size = (size_t)uf_dtype_bits(y->dtype) / 8;
  const ufi_broadcast_run_args args = {
    .plan = &s->plan, .inner = s->inner, .arg = &s->arg, .a = a->data, .b = b->data, .y = y->data,
    .size_a = size, .size_b = size, .size_y = size};
  ufi_broadcast_run(&args, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_STABLEHLO_ADD = {
  .infer = infer, .prepare = add_prepare, .eval = ufi_binary_eval,
  .part = ufi_binary_part,
};
const ufi_op_def ufi_op_STABLEHLO_MULTIPLY = {
  .infer = infer, .prepare = multiply_prepare, .eval = ufi_binary_eval,
  .part = ufi_binary_part,
};
const ufi_op_def ufi_op_STABLEHLO_MAXIMUM = {.infer = infer, .prepare = maximum_prepare, .eval = extreme_eval};
const ufi_op_def ufi_op_STABLEHLO_MINIMUM = {.infer = infer, .prepare = minimum_prepare, .eval = extreme_eval};
