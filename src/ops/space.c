/* SPDX-License-Identifier: Apache-2.0
 *
 * space.c: SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND,
 * ExtractImagePatches.
 *
 * All cut images into blocks. In the depth ops a block's pixels lie side by
 * side in the channels, so each op is one move with the block's rows and
 * columns as loops of their own. In the batch ops pixel (i, j) of every block
 * makes image i * block_w + j of a group, so each op is one move for each such
 * pair, over the rows and columns for which the other side has a pixel; so it is
 * with any number of block dimensions, and with the pixels of patches.
 */
#include "ops/move.h"

/* ---- SPACE_TO_DEPTH, DEPTH_TO_SPACE ------------------------------------------------- */

static uf_status depth_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i32(&from->options, 0, 0);
  return UF_OK;
}

static uf_status depth_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  int64_t block = ufi_tf_int(from, "block_size");
  if (strcmp(ufi_tf_text(from, "data_format"), "NHWC") != 0)
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected data_format NHWC, which is all that TensorFlow has on "
                    "processors, found '%.32s'", ufi_tf_text(from, "data_format"));
  *(int32_t *)memory = (int32_t)UFI_MAX(UFI_MIN(block, INT32_MAX), 0);
  return UF_OK;
}

static uf_status depth_check(ufi_ctx *ctx, int64_t *block_out) {
  *block_out = *(const int32_t *)ctx->attrs;
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 4, 4));
  if (*block_out < 1 || *block_out > 32767) /* so that its square fits */
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a block size from 1 to 32767, found %lld",
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
  .attrs_size = sizeof(int32_t), .attrs_tflite = depth_attrs_tflite, .attrs_tf = depth_attrs_tf,
  .infer = space_to_depth_infer, .eval = space_to_depth_eval,
};
const ufi_op_def ufi_op_DEPTH_TO_SPACE = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = depth_attrs_tflite, .attrs_tf = depth_attrs_tf,
  .infer = depth_to_space_infer, .eval = depth_to_space_eval,
};

/* ---- SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND: input, block shape, paddings or crops --------- */

/* TensorFlow's first SpaceToBatch has one block size, an attribute, for two dimensions. */
typedef struct batch_attrs {
  int64_t block;           /* 0: input 1 has the block shape */
} batch_attrs;

static uf_status batch_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  batch_attrs *a = memory;
  if (strstr(from->op, "ND")) return UF_OK;
  a->block = ufi_tf_int(from, "block_size");
  if (a->block < 2 || a->block > INT32_MAX)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a block size of 2 or more, found %lld", (long long)a->block);
  return UF_OK;
}

typedef struct batch_spec {
  int32_t n;               /* dimensions that are cut into blocks, from the second on */
  int64_t block[UF_MAX_RANK], edge[UF_MAX_RANK][2];
} batch_spec;

static int32_t edges_at(const ufi_ctx *ctx) { return ((const batch_attrs *)ctx->attrs)->block ? 1 : 2; }
static bool batch_known(const ufi_ctx *ctx) { return ufi_known(ctx, 1) && ufi_known(ctx, edges_at(ctx)); }

static uf_status batch_check(ufi_ctx *ctx, const char *edges, batch_spec *s) {
  const ufi_tensor *in = ctx->in[0];
  char text[UFI_SHAPE_TEXT];
  uf_dtype dtype = in->dtype;
  *s = (batch_spec){.n = 2};
  if (ctx->n_in < edges_at(ctx) + 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s, found %d inputs", edges, ctx->n_in);
  for (int32_t i = 1; i <= edges_at(ctx); i++) UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  const ufi_tensor *edge = ctx->in[edges_at(ctx)];
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (edges_at(ctx) == 2) {
    UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
    s->n = (int32_t)UFI_MIN(ctx->in[1]->count, (int64_t)UF_MAX_RANK);
  } else {
    UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  }
  UFI_TRY(ufi_want_rank(ctx, in, s->n + 1, UF_MAX_RANK));
  if (dtype == UF_UINT8 || dtype == UF_INT8 || dtype == UF_INT16)
    UFI_TRY(ufi_move_same_quant(ctx, in, ctx->out[0]));
  if (uf_dtype_bits(dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected elements of whole bytes, found %s",
                        uf_dtype_name(dtype));
  if (edge->rank != 2 || edge->dims[0] != s->n || edge->dims[1] != 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of shape (%d, 2), found %s", edges,
                        s->n, ufi_shape_text(edge->rank, edge->dims, text));
  return UF_OK;
}

/* Values stay below 2^31, so that sums and products of a few fit. */
static uf_status read_spec(ufi_ctx *ctx, batch_spec *s) {
  const batch_attrs *a = ctx->attrs;
  UFI_TRY(batch_check(ctx, "paddings or crops", s));
  if (a->block) s->block[0] = s->block[1] = a->block;
  else UFI_TRY(ufi_move_ints(ctx, ctx->in[1], s->n, s->block));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[edges_at(ctx)], 2 * s->n, s->edge[0]));
  for (int i = 0; i < s->n; i++) {
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
  int64_t dims[UF_MAX_RANK];
  batch_spec s;
  UFI_TRY(batch_check(ctx, "paddings", &s));
  if (!batch_known(ctx)) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  memcpy(dims, in->dims, sizeof dims);
  for (int i = 0; i < s.n; i++) {
    int64_t padded;
    if (__builtin_add_overflow(in->dims[i + 1], s.edge[i][0] + s.edge[i][1], &padded) || padded % s.block[i] ||
        __builtin_mul_overflow(dims[0], s.block[i], &dims[0]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected block size %lld to divide the padded extent of "
                          "dimension %d, found extent %lld", (long long)s.block[i], i + 1,
                          (long long)padded);
    dims[i + 1] = padded / s.block[i];
  }
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status batch_to_space_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  batch_spec s;
  UFI_TRY(batch_check(ctx, "crops", &s));
  if (!batch_known(ctx)) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  memcpy(dims, in->dims, sizeof dims);
  for (int i = 0; i < s.n; i++) {
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

/* The images of group g, of one place in the blocks. */
static void move_group(ufi_ctx *ctx, const batch_spec *s, const ufi_tensor *large, const ufi_tensor *small,
                       int64_t g, bool to_large) {
  int64_t large_steps[UF_MAX_RANK], small_steps[UF_MAX_RANK], shift[UF_MAX_RANK];
  int64_t large_at = 0, small_at, n = large->dims[0], rest = g;
  ufi_move move = {0};
  ufi_move_steps(large->rank, large->dims, large_steps);
  ufi_move_steps(small->rank, small->dims, small_steps);
  for (int32_t i = s->n - 1; i >= 0; i--, rest /= s->block[i + 1]) shift[i] = rest % s->block[i];
  small_at = g * n * small_steps[0];
  ufi_move_dim(&move, n, to_large ? small_steps[0] : large_steps[0], to_large ? large_steps[0] : small_steps[0]);
  for (int32_t d = 1; d < large->rank; d++) {
    int64_t begin = 0, end = large->dims[d], block = 1;
    if (d <= s->n) {
      block = s->block[d - 1];
      overlap(small->dims[d], large->dims[d], block, shift[d - 1], s->edge[d - 1][0], &begin, &end);
      if (begin >= end) return;
      large_at += (begin * block + shift[d - 1] - s->edge[d - 1][0]) * large_steps[d];
      small_at += begin * small_steps[d];
    }
    int64_t large_step = block * large_steps[d];
    ufi_move_dim(&move, end - begin, to_large ? small_steps[d] : large_step, to_large ? large_step : small_steps[d]);
  }
  move.in_at = to_large ? small_at : large_at;
  move.out_at = to_large ? large_at : small_at;
  ufi_move_run(&move, large->dtype, ctx->out[0]->data, ctx->in[0]->data, ctx->pool);
}

/* Between the large images (n, h, w, ...) and the small ones (groups of n). */
static void move_batch(ufi_ctx *ctx, const batch_spec *s, const ufi_tensor *large,
                       const ufi_tensor *small, bool to_large) {
  int64_t groups = 1;
  for (int32_t i = 0; i < s->n; i++) groups *= s->block[i]; /* at most the small batch */
  for (int64_t g = 0; g < groups; g++) move_group(ctx, s, large, small, g, to_large);
}

static uf_status space_to_batch_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  batch_spec s;
  /* TFLite pads types of one and two bytes with the zero point, others with 0. */
  int64_t zero[2] = {uf_dtype_bits(out->dtype) <= 16 ? ufi_zero(out) : 0, 0};
  if (out->count == 0) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  if (out->count != in->count) ufi_move_fill(out->dtype, out->data, 0, zero, out->count);
  if (in->count) move_batch(ctx, &s, in, out, false);
  return UF_OK;
}

static uf_status batch_to_space_eval(ufi_ctx *ctx) {
  batch_spec s;
  if (ctx->out[0]->count == 0) return UF_OK;
  UFI_TRY(read_spec(ctx, &s));
  move_batch(ctx, &s, ctx->out[0], ctx->in[0], true);
  return UF_OK;
}

const ufi_op_def ufi_op_SPACE_TO_BATCH_ND = {
  .attrs_size = sizeof(batch_attrs), .attrs_tf = batch_attrs_tf, .infer = space_to_batch_infer,
  .eval = space_to_batch_eval,
};
const ufi_op_def ufi_op_BATCH_TO_SPACE_ND = {
  .attrs_size = sizeof(batch_attrs), .attrs_tf = batch_attrs_tf, .infer = batch_to_space_infer,
  .eval = batch_to_space_eval,
};

/* ---- ExtractImagePatches: windows of an image, side by side in the channels ------------------ */

typedef struct patches_attrs {
  int64_t size[2], stride[2], rate[2];
  bool same;               /* padded with zeros so that ceil(extent / stride) windows fit */
} patches_attrs;

static uf_status patches_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const names[] = {"ksizes", "strides", "rates"}, *const paddings[] = {"SAME", "VALID", NULL};
  patches_attrs *a = memory;
  int64_t *lists[] = {a->size, a->stride, a->rate}, values[4];
  int32_t n, padding;
  for (int i = 0; i < 3; i++) {
    UFI_TRY(ufi_tf_copy_ints(from, names[i], 4, values, &n, error));
    bool good = n == 4 && values[0] == 1 && values[3] == 1;
    for (int j = 0; good && j < 2; j++) good = (lists[i][j] = values[j + 1]) >= 1 && lists[i][j] <= INT32_MAX;
    if (!good)
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected '%s' to be [1, rows, columns, 1], found others", names[i]);
  }
  UFI_TRY(ufi_tf_choice(from, "padding", paddings, &padding, error));
  a->same = padding == 0;
  return UF_OK;
}

/* Number of windows along dimension i and what is padded before. */
static int64_t windows(const patches_attrs *a, int i, int64_t extent, int64_t *before_out) {
  int64_t reach = (a->size[i] - 1) * a->rate[i] + 1, stride = a->stride[i];
  *before_out = 0;
  if (!a->same) return extent < reach ? 0 : (extent - reach) / stride + 1;
  int64_t n = (extent + stride - 1) / stride;
  *before_out = UFI_MAX((n - 1) * stride + reach - extent, (int64_t)0) / 2;
  return n;
}

static uf_status tf_patches_infer(ufi_ctx *ctx) {
  const patches_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t before, dims[4];
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  dims[0] = in->dims[0];
  for (int i = 0; i < 2; i++) dims[i + 1] = windows(a, i, in->dims[i + 1], &before);
  if (__builtin_mul_overflow(a->size[0] * a->size[1], in->dims[3], &dims[3]))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected patches that fit in memory, found %lld x %lld",
                        (long long)a->size[0], (long long)a->size[1]);
  return ufi_out_shape(ctx, 0, 4, dims);
}

/* Windows [*begin, *end) for which entry `at` of the window lies inside [0, extent). */
static void inside(int64_t at, int64_t stride, int64_t extent, int64_t n, int64_t *begin, int64_t *end) {
  *begin = at < 0 ? (-at + stride - 1) / stride : 0;
  *end = extent - at > 0 ? UFI_MIN(n, (extent - at + stride - 1) / stride) : 0;
}

static uf_status patches_eval(ufi_ctx *ctx) {
  const patches_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t h = in->dims[1], w = in->dims[2], c = in->dims[3];
  int64_t before[2], out_steps[UF_MAX_RANK];
  if (out->count == 0) return UF_OK;
  memset(out->data, 0, out->size);
  for (int i = 0; i < 2; i++) windows(a, i, in->dims[i + 1], &before[i]);
  ufi_move_steps(4, out->dims, out_steps);
  for (int64_t y = 0; y < a->size[0]; y++)
    for (int64_t x = 0; x < a->size[1]; x++) {
      const int64_t at_y = y * a->rate[0] - before[0], at_x = x * a->rate[1] - before[1];
      int64_t y0, y1, x0, x1;
      inside(at_y, a->stride[0], h, out->dims[1], &y0, &y1);
      inside(at_x, a->stride[1], w, out->dims[2], &x0, &x1);
      if (y0 >= y1 || x0 >= x1) continue;
      ufi_move move = {.in_at = ((y0 * a->stride[0] + at_y) * w + x0 * a->stride[1] + at_x) * c,
                       .out_at = y0 * out_steps[1] + x0 * out_steps[2] + (y * a->size[1] + x) * c};
      ufi_move_dim(&move, in->dims[0], h * w * c, out_steps[0]);
      ufi_move_dim(&move, y1 - y0, a->stride[0] * w * c, out_steps[1]);
      ufi_move_dim(&move, x1 - x0, a->stride[1] * c, out_steps[2]);
      ufi_move_dim(&move, c, 1, 1);
      ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
    }
  return UF_OK;
}

const ufi_op_def ufi_op_EXTRACT_IMAGE_PATCHES = {
  .attrs_size = sizeof(patches_attrs), .attrs_tf = patches_attrs_tf, .infer = tf_patches_infer, .eval = patches_eval,
};
