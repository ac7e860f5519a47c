/* SPDX-License-Identifier: Apache-2.0
 *
 * pad.c: PAD, PADV2 (a constant around), MIRROR_PAD (the border mirrored),
 * DILATE (a constant between).
 *
 * PAD and MIRROR_PAD walk the output once, dimension by dimension: what lies
 * before the input, the input's entries (one call down for each), what lies
 * after. Inner dimensions that are not padded count as one long element, so
 * that the innermost step is a memcpy of whole rows.
 */
#include "ops/move.h"

typedef struct pad_plan {
  uf_dtype dtype;
  int32_t rank;                       /* of the padded dimensions that are left */
  int64_t before[UF_MAX_RANK], after[UF_MAX_RANK];
  int64_t extent[UF_MAX_RANK];        /* of the input */
  int64_t in_step[UF_MAX_RANK], out_step[UF_MAX_RANK];
  int64_t unit;                       /* elements in the innermost element */
  const void *value;
  int mirror;                         /* 1 REFLECT (without the border), 0 SYMMETRIC */
  void *out;
  const void *in;
} pad_plan;

/* The paddings, (rank, 2), as two arrays; none is negative. */
static uf_status read_paddings(ufi_ctx *ctx, int64_t before[UF_MAX_RANK], int64_t after[UF_MAX_RANK]) {
  int64_t values[2 * UF_MAX_RANK];
  int32_t rank = ctx->in[0]->rank;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2 * rank, values));
  for (int32_t d = 0; d < rank; d++) {
    before[d] = values[2 * d];
    after[d] = values[2 * d + 1];
    if (before[d] < 0 || after[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings of 0 and more, found %lld and %lld "
                          "for dimension %d", (long long)before[d], (long long)after[d], d);
  }
  return UF_OK;
}

static uf_status check_paddings(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *paddings = ctx->in[1];
  char text[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INT16, UF_INT8, UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (uf_dtype_bits(in->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected elements of whole bytes, found %s",
                        uf_dtype_name(in->dtype));
  if (paddings->rank != 2 || paddings->dims[0] != in->rank || paddings->dims[1] != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings of shape (%d, 2), found %s", in->rank,
                        ufi_shape_text(paddings->rank, paddings->dims, text));
  return UF_OK;
}

static uf_status padded_shape(ufi_ctx *ctx, const int64_t *before, const int64_t *after) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  for (int32_t d = 0; d < in->rank; d++)
    if (__builtin_add_overflow(in->dims[d], before[d], &dims[d]) ||
        __builtin_add_overflow(dims[d], after[d], &dims[d]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings that leave dimension %d below 2^63, "
                          "found %lld and %lld", d, (long long)before[d], (long long)after[d]);
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

/* Fills plan from the shapes: drops the inner dimensions without padding. */
static uf_status make_plan(ufi_ctx *ctx, pad_plan *p) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  UFI_TRY(read_paddings(ctx, p->before, p->after));
  p->dtype = in->dtype;
  p->in = in->data;
  p->out = out->data;
  p->unit = 1;
  p->rank = in->rank;
  while (p->rank > 0 && p->before[p->rank - 1] == 0 && p->after[p->rank - 1] == 0)
    p->unit *= in->dims[--p->rank];
  memcpy(p->extent, in->dims, sizeof p->extent);
  ufi_move_steps(in->rank, in->dims, p->in_step);
  ufi_move_steps(out->rank, out->dims, p->out_step);
  return UF_OK;
}

/* ---- PAD, PADV2 ---------------------------------------------------------------- */

/* TFLite's: uint8 is always taken for quantized, int8 and int16 if the input is, others never. */
static bool pads_with_zero_point(const ufi_ctx *ctx) {
  uf_dtype dtype = ctx->in[0]->dtype;
  return dtype == UF_UINT8 || ((dtype == UF_INT8 || dtype == UF_INT16) && ufi_is_quantized(ctx->in[0]));
}

static uf_status pad_infer(ufi_ctx *ctx) {
  const ufi_tensor *value = ufi_in(ctx, 2);
  int64_t before[UF_MAX_RANK], after[UF_MAX_RANK];
  UFI_TRY(check_paddings(ctx));
  if (value) {
    UFI_TRY(ufi_want_same(ctx, ctx->in[0], value));
    if (value->count != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one value to pad with, found %lld",
                          (long long)value->count);
    if (pads_with_zero_point(ctx)) UFI_TRY(ufi_move_same_quant(ctx, ctx->out[0], value));
  }
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_paddings(ctx, before, after));
  return padded_shape(ctx, before, after);
}

static void pad_dimension(const pad_plan *p, int32_t d, int64_t to, int64_t from) {
  if (d == p->rank) {
    ufi_move_run_flat(p->dtype, p->out, to, p->in, from, p->unit);
    return;
  }
  int64_t step = p->out_step[d];
  ufi_move_fill(p->dtype, p->out, to, p->value, p->before[d] * step);
  to += p->before[d] * step;
  if (d == p->rank - 1)
    ufi_move_run_flat(p->dtype, p->out, to, p->in, from, p->extent[d] * step);
  else
    for (int64_t i = 0; i < p->extent[d]; i++)
      pad_dimension(p, d + 1, to + i * step, from + i * p->in_step[d]);
  ufi_move_fill(p->dtype, p->out, to + p->extent[d] * step, p->value, p->after[d] * step);
}

static uf_status pad_eval(ufi_ctx *ctx) {
  const ufi_tensor *value = ufi_in(ctx, 2);
  /* The low bytes of the zero point, little-endian, are right for int8, uint8 and int16. */
  int64_t zero[2] = {pads_with_zero_point(ctx) ? ufi_zero(ctx->out[0]) : 0, 0};
  pad_plan p = {.value = value ? value->data : zero};
  if (ctx->out[0]->count == 0) return UF_OK;
  UFI_TRY(make_plan(ctx, &p));
  pad_dimension(&p, 0, 0, 0);
  return UF_OK;
}

/* The elements around are those that count as zero. */
static bool pads_with_zeros(const ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0], *value = ufi_in(ctx, 2);
  const int64_t zero = ufi_zero(out);
  const size_t size = (size_t)uf_dtype_bits(in->dtype) / 8;
  if (size > sizeof zero || ufi_is_quantized(in) != ufi_is_quantized(out) || ufi_zero(in) != zero) return false;
  if (ufi_is_quantized(in) && ufi_scale(in) != ufi_scale(out)) return false;
  if (value) return value->is_const && memcmp(value->data, &zero, size) == 0;
  return zero == 0 || pads_with_zero_point(ctx);
}

static bool pad_pads(ufi_ctx *ctx, int8_t before[UF_MAX_RANK]) {
  int64_t front[UF_MAX_RANK], behind[UF_MAX_RANK];
  if (!ctx->in[1]->is_const || !pads_with_zeros(ctx) || read_paddings(ctx, front, behind) != UF_OK) return false;
  for (int32_t d = 0; d < ctx->in[0]->rank; d++) {
    if (front[d] > INT8_MAX) return false;
    before[d] = (int8_t)front[d];
  }
  return true;
}

const ufi_op_def ufi_op_PAD = {.infer = pad_infer, .eval = pad_eval, .pads = pad_pads};
const ufi_op_def ufi_op_PADV2 = {.infer = pad_infer, .eval = pad_eval, .pads = pad_pads};

/* ---- MIRROR_PAD ------------------------------------------------------------------- */

static uf_status mirror_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  int32_t *reflect = memory;
  int mode = ufi_fb_i8(&from->options, 0, 0);
  if (mode != 0 && mode != 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected mode 0 (REFLECT) or 1 (SYMMETRIC), found %d", mode);
  *reflect = mode == 0;
  return UF_OK;
}

static uf_status mirror_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const modes[] = {"SYMMETRIC", "REFLECT", NULL};
  return ufi_tf_choice(from, "mode", modes, memory, error);
}

static uf_status check_mirror(ufi_ctx *ctx, const int64_t *before, const int64_t *after) {
  int32_t reflect = *(const int32_t *)ctx->attrs;
  for (int32_t d = 0; d < ctx->in[0]->rank; d++) {
    int64_t most = ctx->in[0]->dims[d] - reflect;
    if (before[d] > most || after[d] > most)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings of at most %lld for dimension %d, "
                          "which is all there is to mirror, found %lld and %lld", (long long)most, d,
                          (long long)before[d], (long long)after[d]);
  }
  return UF_OK;
}

static uf_status mirror_infer(ufi_ctx *ctx) {
  int64_t before[UF_MAX_RANK], after[UF_MAX_RANK];
  uf_dtype dtype = ctx->in[0]->dtype;
  UFI_TRY(check_paddings(ctx));
  if (dtype == UF_UINT8 || dtype == UF_INT8 || dtype == UF_INT16)
    UFI_TRY(ufi_move_same_quant(ctx, ctx->in[0], ctx->out[0]));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_paddings(ctx, before, after));
  UFI_TRY(check_mirror(ctx, before, after));
  return padded_shape(ctx, before, after);
}

/* The input's entry that output entry i of dimension d shows. */
static int64_t mirrored(const pad_plan *p, int32_t d, int64_t i) {
  if (i < p->before[d]) return p->before[d] - 1 - i + p->mirror;
  i -= p->before[d];
  if (i < p->extent[d]) return i;
  return 2 * p->extent[d] - 1 - i - p->mirror;
}

static void mirror_dimension(const pad_plan *p, int32_t d, int64_t to, int64_t from) {
  if (d == p->rank) {
    ufi_move_run_flat(p->dtype, p->out, to, p->in, from, p->unit);
    return;
  }
  int64_t total = p->before[d] + p->extent[d] + p->after[d], step = p->out_step[d];
  for (int64_t i = 0; i < total; i++) {
    if (d == p->rank - 1 && i == p->before[d]) { /* the middle in one piece */
      ufi_move_run_flat(p->dtype, p->out, to + i * step, p->in, from, p->extent[d] * step);
      i += p->extent[d];
      if (i == total) break;
    }
    mirror_dimension(p, d + 1, to + i * step, from + mirrored(p, d, i) * p->in_step[d]);
  }
}

static uf_status mirror_eval(ufi_ctx *ctx) {
  pad_plan p = {.mirror = *(const int32_t *)ctx->attrs};
  if (ctx->out[0]->count == 0) return UF_OK;
  UFI_TRY(make_plan(ctx, &p));
  UFI_TRY(check_mirror(ctx, p.before, p.after));
  mirror_dimension(&p, 0, 0, 0);
  return UF_OK;
}

const ufi_op_def ufi_op_MIRROR_PAD = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = mirror_attrs_tflite, .attrs_tf = mirror_attrs_tf,
  .infer = mirror_infer, .eval = mirror_eval,
};

/* ---- DILATE: input, dilations, the value between ------------------------------------- */

static uf_status read_dilations(ufi_ctx *ctx, int64_t dilations[UF_MAX_RANK]) {
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], ctx->in[0]->rank, dilations));
  for (int32_t d = 0; d < ctx->in[0]->rank; d++)
    if (dilations[d] < 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected dilations of 1 and more, found %lld for "
                          "dimension %d", (long long)dilations[d], d);
  return UF_OK;
}

static uf_status dilate_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *value = ctx->in[2];
  int64_t dilations[UF_MAX_RANK], dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  UFI_TRY(ufi_want_same(ctx, in, value));
  if (value->count < 1 || uf_dtype_bits(in->dtype) < 8) /* TFLite takes the first of several */
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of whole bytes to put between, found "
                        "%lld of %s", (long long)value->count, uf_dtype_name(in->dtype));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_dilations(ctx, dilations));
  for (int32_t d = 0; d < in->rank; d++) {
    if (__builtin_mul_overflow(UFI_MAX(in->dims[d] - 1, 0), dilations[d], &dims[d]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a dilation that leaves dimension %d below "
                          "2^63, found %lld", d, (long long)dilations[d]);
    dims[d] += in->dims[d] > 0;
  }
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status dilate_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t dilations[UF_MAX_RANK], in_steps[UF_MAX_RANK], out_steps[UF_MAX_RANK];
  ufi_move move = {0};
  UFI_TRY(read_dilations(ctx, dilations));
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(out->rank, out->dims, out_steps);
  if (out->count != in->count) ufi_move_fill(out->dtype, out->data, 0, ctx->in[2]->data, out->count);
  for (int32_t d = 0; d < in->rank; d++)
    ufi_move_dim(&move, in->dims[d], in_steps[d], out_steps[d] * dilations[d]);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_DILATE = {.infer = dilate_infer, .eval = dilate_eval};
