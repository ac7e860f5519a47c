/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_move.c: TensorFlow's ConjugateTranspose, Reverse, MirrorPadGrad, ConcatOffset,
 * InvertPermutation, LinSpace and Empty.
 */
#include "ops/join.h"
#include "ops/move.h"

/* ---- ConjugateTranspose ---------------------------------------------------------------------- */

extern const ufi_op_def ufi_op_TRANSPOSE;

static uf_status conjugate_infer(ufi_ctx *ctx) { return ufi_op_TRANSPOSE.infer(ctx); }

static uf_status conjugate_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  UFI_TRY(ufi_op_TRANSPOSE.eval(ctx));
  if (out->dtype == UF_COMPLEX64)
    for (int64_t i = 0; i < out->count; i++) ((float *)out->data)[2 * i + 1] *= -1.0f;
  if (out->dtype == UF_COMPLEX128)
    for (int64_t i = 0; i < out->count; i++) ((double *)out->data)[2 * i + 1] *= -1.0;
  return UF_OK;
}

const ufi_op_def ufi_op_CONJUGATE_TRANSPOSE = {.infer = conjugate_infer, .eval = conjugate_eval};

/* ---- Reverse: tensor, a bool for each dimension -------------------------------------------------- */

static uf_status reverse_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 1, UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  if (ctx->in[1]->count != ctx->in[0]->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a bool for each of %d dimensions, found %lld",
                        ctx->in[0]->rank, (long long)ctx->in[1]->count);
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status reverse_eval(ufi_ctx *ctx) {
  ufi_move_flip(ctx->out[0], ctx->in[0], ctx->in[1]->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_TF_REVERSE = {.infer = reverse_infer, .eval = reverse_eval};

/* ---- MirrorPadGrad: what was padded, paddings: each entry goes back to the one it mirrors ------------ */

static uf_status mirror_grad_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const modes[] = {"SYMMETRIC", "REFLECT", NULL};
  return ufi_tf_choice(from, "mode", modes, memory, error);
}

static uf_status read_paddings(ufi_ctx *ctx, int64_t paddings[2 * UF_MAX_RANK], int64_t dims[UF_MAX_RANK]) {
  const ufi_tensor *in = ctx->in[0];
  const int32_t reflect = *(const int32_t *)ctx->attrs;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2 * in->rank, paddings));
  for (int32_t d = 0; d < in->rank; d++) {
    int64_t before = paddings[2 * d], after = paddings[2 * d + 1];
    bool fits = before >= 0 && after >= 0 && before <= in->dims[d] && after <= in->dims[d] - before;
    dims[d] = fits ? in->dims[d] - before - after : 0;
    if (!fits || before > dims[d] - reflect || after > dims[d] - reflect)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings that mirror what is left of dimension %d, found "
                          "%lld and %lld of %lld", d, (long long)before, (long long)after, (long long)in->dims[d]);
  }
  return UF_OK;
}

static uf_status mirror_grad_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *paddings = ctx->in[1];
  int64_t values[2 * UF_MAX_RANK], dims[UF_MAX_RANK];
  char text[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (!ufi_join_takes(UFI_JOIN_MUL, in->dtype))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected numbers, found %s", uf_dtype_name(in->dtype));
  if (paddings->rank != 2 || paddings->dims[0] != in->rank || paddings->dims[1] != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings of shape (%d, 2), found %s", in->rank,
                        ufi_shape_text(paddings->rank, paddings->dims, text));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_paddings(ctx, values, dims));
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status mirror_grad_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t size = uf_dtype_bits(in->dtype) / 8, reflect = *(const int32_t *)ctx->attrs;
  int64_t paddings[2 * UF_MAX_RANK], dims[UF_MAX_RANK], steps[UF_MAX_RANK], at[UF_MAX_RANK] = {0};
  UFI_TRY(read_paddings(ctx, paddings, dims));
  ufi_move_steps(out->rank, out->dims, steps);
  if (out->size) memset(out->data, 0, out->size);
  for (int64_t i = 0; out->count && i < in->count; i++) {
    int64_t to = 0;
    for (int32_t d = 0; d < in->rank; d++) {
      int64_t p = at[d] - paddings[2 * d];
      if (p < 0) p = -p - 1 + reflect;
      else if (p >= dims[d]) p = 2 * dims[d] - 1 - p - reflect;
      to += p * steps[d];
    }
    ufi_join_run(UFI_JOIN_ADD, in->dtype, (char *)out->data + to * size, (const char *)in->data + i * size, 1);
    for (int32_t d = in->rank - 1; d >= 0 && ++at[d] == in->dims[d]; d--) at[d] = 0;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MIRROR_PAD_GRAD = {
  .attrs_size = sizeof(int32_t), .attrs_tf = mirror_grad_tf, .infer = mirror_grad_infer, .eval = mirror_grad_eval,
};

/* ---- ConcatOffset: axis, N shapes: where each begins in the whole --------------------------------------- */

static uf_status concat_offset_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  if (ctx->n_out != ctx->n_in - 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output for each shape, found %d", ctx->n_out);
  for (int32_t i = 1; i < ctx->n_in; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
    if (ctx->in[i]->count != ctx->in[1]->count)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes of one rank, found %lld and %lld",
                          (long long)ctx->in[1]->count, (long long)ctx->in[i]->count);
    UFI_TRY(ufi_out_like(ctx, i - 1, ctx->in[i]));
  }
  return UF_OK;
}

static void put_int(const ufi_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT64) ((int64_t *)t->data)[i] = value;
  else ((int32_t *)t->data)[i] = (int32_t)value;
}

static uf_status concat_offset_eval(ufi_ctx *ctx) {
  const ufi_tensor *first = ctx->in[1];
  int64_t value;
  uint64_t at = 0;
  int32_t axis;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[0], 1, &value));
  UFI_TRY(ufi_axis(ctx, value, (int32_t)UFI_MIN(first->count, (int64_t)INT32_MAX), &axis));
  for (int32_t i = 1; i < ctx->n_in; i++) {
    for (int64_t d = 0; d < first->count; d++) {
      int64_t want = ufi_move_index(first, d), found = ufi_move_index(ctx->in[i], d);
      if (d != axis && want != found)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected shapes that differ in dimension %d only, found %lld and "
                            "%lld in dimension %lld", axis, (long long)want, (long long)found, (long long)d);
      put_int(ctx->out[i - 1], d, d == axis ? (int64_t)at : 0);
    }
    at += (uint64_t)ufi_move_index(ctx->in[i], axis);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_CONCAT_OFFSET = {.infer = concat_offset_infer, .eval = concat_offset_eval};

/* ---- InvertPermutation ------------------------------------------------------------------------------------ */

static uf_status invert_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status invert_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  for (int64_t i = 0; i < in->count; i++) put_int(out, i, -1);
  for (int64_t i = 0; i < in->count; i++) {
    int64_t to = ufi_move_index(in, i);
    if (to < 0 || to >= in->count || ufi_move_index(out, to) != -1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected each of [0, %lld) once, found %lld at position %lld",
                          (long long)in->count, (long long)to, (long long)i);
    put_int(out, to, i);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_INVERT_PERMUTATION = {.infer = invert_infer, .eval = invert_eval};

/* ---- LinSpace: start, stop, number ----------------------------------------------------------------------------- */

static uf_status lin_space_infer(ufi_ctx *ctx) {
  int64_t n;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  for (int32_t i = 0; i < 3; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 0, 0));
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &n));
  if (n <= 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one value or more, found %lld", (long long)n);
  return ufi_out_shape(ctx, 0, 1, &n);
}

/* In the values' own precision, the last one exactly stop. */
#define LIN_SPACE(T)                                                          \
  do {                                                                        \
    T start = *(const T *)ctx->in[0]->data, stop = *(const T *)ctx->in[1]->data, *y = out->data; \
    T step = n > 1 ? (stop - start) / (T)(n - 1) : 0;                         \
    for (int64_t i = 0; i < n; i++) y[i] = start + step * (T)i;               \
    if (n > 1) y[n - 1] = stop;                                               \
  } while (0)

static uf_status lin_space_eval(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  const int64_t n = out->count;
  if (out->dtype == UF_FLOAT32) LIN_SPACE(float);
  else LIN_SPACE(double);
  return UF_OK;
}

const ufi_op_def ufi_op_LIN_SPACE = {.infer = lin_space_infer, .eval = lin_space_eval};

/* ---- Empty: shape; memory that nobody wrote, here zeros --------------------------------------------------------- */

static uf_status empty_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[0], dims, UF_MAX_RANK, &rank));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status empty_eval(ufi_ctx *ctx) {
  if (ctx->out[0]->size) memset(ctx->out[0]->data, 0, ctx->out[0]->size);
  return UF_OK;
}

const ufi_op_def ufi_op_EMPTY = {.infer = empty_infer, .eval = empty_eval};
