/* SPDX-License-Identifier: Apache-2.0
 *
 * space.c: SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND.
 *
 * All cut images into blocks. In the depth ops a block's pixels lie side by
 * side in the channels, so each op is one move with the block's rows and
 * columns as loops of their own. In the batch ops pixel (i, j) of every block
 * makes image i * block_w + j of a group, so each op is one move for each such
 * pair, over the rows and columns for which the other side has a pixel.
 */
#include "ops/move.h"

/* ---- SPACE_TO_DEPTH, DEPTH_TO_SPACE ------------------------------------------------- */

static uf_status depth_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, 0);
  return UF_OK;
}

static uf_status depth_check(ufi_ctx *ctx, int64_t *block_out) {
  *block_out = *(const int32_t *)ctx->attrs;
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 4, 4));
  if (*block_out < 1 || *block_out > 32767) /* so that its square fits */
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a block size of 1 or more, found %lld",
                        (long long)*block_out);
  return UF_OK;
}

static uf_status space_to_depth_infer(ufi_ctx *ctx) {
  const int64_t *in = ctx->in[0]->dims;
  int64_t block, channels;
  UFI_TRY(depth_check(ctx, &block));
  if (in[1] % block || in[2] % block || __builtin_mul_overflow(in[3], block * block, &channels))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a height and width that block size %lld divides, "
                        "found %lld and %lld", (long long)block, (long long)in[1], (long long)in[2]);
  int64_t dims[4] = {in[0], in[1] / block, in[2] / block, channels};
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status depth_to_space_infer(ufi_ctx *ctx) {
  const int64_t *in = ctx->in[0]->dims;
  int64_t block, dims[4];
  UFI_TRY(depth_check(ctx, &block));
  if (in[3] % (block * block) || __builtin_mul_overflow(in[1], block, &dims[1]) ||
      __builtin_mul_overflow(in[2], block, &dims[2]))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected channels that the square of block size %lld "
                        "divides, found %lld", (long long)block, (long long)in[3]);
  dims[0] = in[0];
  dims[3] = in[3] / (block * block);
  return ufi_out_shape(ctx, 0, 4, dims);
}

/* Between the wide (batch, h * b, w * b, c) and the deep (batch, h, w, b * b * c). */
static void move_depth(ufi_ctx *ctx, const ufi_tensor *wide, const ufi_tensor *deep, bool to_wide) {
  int64_t block = *(const int32_t *)ctx->attrs;
  int64_t h = deep->dims[1], w = deep->dims[2], c = wide->dims[3];
  int64_t row = w * block * c; /* elements in a row of the wide one */
  int64_t extent[5] = {deep->dims[0] * h, block, w, block, c};
  int64_t wide_step[5] = {block * row, row, block * c, c, 1};
  int64_t deep_step[5] = {w * block * block * c, block * c, block * block * c, c, 1};
  ufi_move move = {0};
  for (int i = 0; i < 5; i++)
    ufi_move_dim(&move, extent[i], to_wide ? deep_step[i] : wide_step[i],
                 to_wide ? wide_step[i] : deep_step[i]);
  ufi_move_clear(ctx->out[0]);
  ufi_move_run(&move, wide->dtype, ctx->out[0]->data, ctx->in[0]->data, ctx->pool);
}

static uf_status space_to_depth_eval(ufi_ctx *ctx) {
  move_depth(ctx, ctx->in[0], ctx->out[0], false);
  return UF_OK;
}

static uf_status depth_to_space_eval(ufi_ctx *ctx) {
  move_depth(ctx, ctx->out[0], ctx->in[0], true);
  return UF_OK;
}

const ufi_op_def ufi_op_SPACE_TO_DEPTH = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = depth_attrs_tflite, .infer = space_to_depth_infer,
  .eval = space_to_depth_eval,
};
const ufi_op_def ufi_op_DEPTH_TO_SPACE = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = depth_attrs_tflite, .infer = depth_to_space_infer,
  .eval = depth_to_space_eval,
};

/* ---- SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND: input, block shape, paddings or crops --------- */

/* With one block dimension the second is 1 and not padded. */
typedef struct batch_spec {
  int64_t block[2], edge[2][2];
} batch_spec;

static uf_status batch_check(ufi_ctx *ctx, const char *edges) {
  const ufi_tensor *in = ctx->in[0], *edge = ctx->in[2];
  char text[UFI_SHAPE_TEXT];
  uf_dtype dtype = in->dtype;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 3, 4));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (dtype == UF_UINT8 || dtype == UF_INT8 || dtype == UF_INT16)
    UFI_TRY(ufi_move_same_quant(ctx, in, ctx->out[0]));
  if (uf_dtype_bits(dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected elements of whole bytes, found %s",
                        uf_dtype_name(dtype));
  if (edge->rank != 2 || edge->dims[0] != in->rank - 2 || edge->dims[1] != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape (%d, 2), found %s", edges,
                        in->rank - 2, ufi_shape_text(edge->rank, edge->dims, text));
  return UF_OK;
}

/* Values stay below 2^31, so that sums and products of a few fit. */
static uf_status read_spec(ufi_ctx *ctx, batch_spec *s) {
  int32_t n = ctx->in[0]->rank - 2;
  *s = (batch_spec){.block = {1, 1}};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], n, s->block));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 2 * n, s->edge[0]));
  for (int i = 0; i < n; i++) {
    if (s->block[i] < 1 || s->block[i] > INT32_MAX)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected block sizes of 1 and more, found %lld for "
                          "dimension %d", (long long)s->block[i], i + 1);
    for (int j = 0; j < 2; j++)
      if (s->edge[i][j] < 0 || s->edge[i][j] > INT32_MAX)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings or crops of 0 and more, found %lld "
                            "for dimension %d", (long long)s->edge[i][j], i + 1);
  }
  return UF_OK;
}

static uf_status space_to_batch_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[4];
  batch_spec s = {0};
  UFI_TRY(batch_check(ctx, "paddings"));
  if (!ufi_known(ctx, 1) || !ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  memcpy(dims, in->dims, sizeof dims);
  for (int i = 0; i < in->rank - 2; i++) {
    int64_t padded = in->dims[i + 1] + s.edge[i][0] + s.edge[i][1];
    if (padded % s.block[i] || __builtin_mul_overflow(dims[0], s.block[i], &dims[0]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected block size %lld to divide the padded extent of "
                          "dimension %d, found extent %lld", (long long)s.block[i], i + 1,
                          (long long)padded);
    dims[i + 1] = padded / s.block[i];
  }
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status batch_to_space_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[4];
  batch_spec s = {0};
  UFI_TRY(batch_check(ctx, "crops"));
  if (!ufi_known(ctx, 1) || !ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  memcpy(dims, in->dims, sizeof dims);
  for (int i = 0; i < in->rank - 2; i++) {
    int64_t whole;
    if (dims[0] % s.block[i])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected block size %lld to divide the batch, found "
                          "%lld", (long long)s.block[i], (long long)dims[0]);
    dims[0] /= s.block[i];
    if (__builtin_mul_overflow(in->dims[i + 1], s.block[i], &whole) ||
        s.edge[i][0] + s.edge[i][1] > whole)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected crops that leave dimension %d at 0 or more, "
                          "found %lld and %lld", i + 1, (long long)s.edge[i][0], (long long)s.edge[i][1]);
    dims[i + 1] = whole - s.edge[i][0] - s.edge[i][1];
  }
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

/* Entries i of [0, small) with 0 <= i * block + shift - edge < large. */
static void overlap(int64_t small, int64_t large, int64_t block, int64_t shift, int64_t edge,
                    int64_t *begin_out, int64_t *end_out) {
  int64_t low = edge - shift, high = large + edge - shift;
  *begin_out = low > 0 ? (low + block - 1) / block : 0;
  *end_out = UFI_MIN(small, high > 0 ? (high + block - 1) / block : 0);
}

/* Between the large images (n, h, w, c) and the small ones (groups of n). */
static void move_batch(ufi_ctx *ctx, const batch_spec *s, const ufi_tensor *large,
                       const ufi_tensor *small, bool to_large) {
  int32_t last = large->rank - 1;
  int64_t n = large->dims[0], c = large->dims[last];
  int64_t lh = large->dims[1], lw = last == 3 ? large->dims[2] : 1;
  int64_t sh = small->dims[1], sw = last == 3 ? small->dims[2] : 1;
  for (int64_t g = 0; g < s->block[0] * s->block[1]; g++) {
    int64_t y = g / s->block[1], x = g % s->block[1], y0, y1, x0, x1;
    overlap(sh, lh, s->block[0], y, s->edge[0][0], &y0, &y1);
    overlap(sw, lw, s->block[1], x, s->edge[1][0], &x0, &x1);
    if (y0 >= y1 || x0 >= x1) continue;
    int64_t large_at = ((y0 * s->block[0] + y - s->edge[0][0]) * lw + x0 * s->block[1] + x -
                        s->edge[1][0]) * c;
    int64_t small_at = (g * n * sh * sw + y0 * sw + x0) * c;
    int64_t extent[4] = {n, y1 - y0, x1 - x0, c};
    int64_t large_step[4] = {lh * lw * c, s->block[0] * lw * c, s->block[1] * c, 1};
    int64_t small_step[4] = {sh * sw * c, sw * c, c, 1};
    ufi_move move = {.in_at = to_large ? small_at : large_at, .out_at = to_large ? large_at : small_at};
    for (int i = 0; i < 4; i++)
      ufi_move_dim(&move, extent[i], to_large ? small_step[i] : large_step[i],
                   to_large ? large_step[i] : small_step[i]);
    ufi_move_run(&move, large->dtype, ctx->out[0]->data, ctx->in[0]->data, ctx->pool);
  }
}

static uf_status space_to_batch_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  batch_spec s = {0};
  /* TFLite pads one-byte types with the zero point; int16's is 0 by its rules. */
  int64_t zero[2] = {ufi_is_quantized(out) ? ufi_zero(out) : 0, 0};
  if (out->count == 0) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  if (out->count != in->count) ufi_move_fill(out->dtype, out->data, 0, zero, out->count);
  if (in->count) move_batch(ctx, &s, in, out, false);
  return UF_OK;
}

static uf_status batch_to_space_eval(ufi_ctx *ctx) {
  batch_spec s = {0};
  if (ctx->out[0]->count == 0) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  move_batch(ctx, &s, ctx->out[0], ctx->in[0], true);
  return UF_OK;
}

const ufi_op_def ufi_op_SPACE_TO_BATCH_ND = {.infer = space_to_batch_infer, .eval = space_to_batch_eval};
const ufi_op_def ufi_op_BATCH_TO_SPACE_ND = {.infer = batch_to_space_infer, .eval = batch_to_space_eval};
