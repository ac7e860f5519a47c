/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_warp.c: images read at other places, bilinearly: DenseImageWarp (TFLite's: places are offsets,
 * which are subtracted), Resampler (TensorFlow Addons', as MediaPipe has it: places are x and y; zeros
 * outside) and Convolution2DTransposeBias (MediaPipe's), a TRANSPOSE_CONV that works out its own shape.
 */
#include <math.h>

#include "base/threads.h"
#include "ops/conv.h"

/* ---- places for each pixel ------------------------------------------------------------ */

static uf_status warp_infer(ufi_ctx *ctx, int64_t least) {
  const ufi_tensor *in = ctx->in[0], *flow = ctx->in[1];
  char p[512], q[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, flow, 4, 4));
  if (memcmp(in->dims, flow->dims, 3 * sizeof *in->dims) != 0 || flow->dims[3] != 2) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two numbers for each pixel of the image, found %s for %s", ufi_tensor_text(flow, p),
                        ufi_tensor_text(in, q));
  }
  if (in->dims[1] < least || in->dims[2] < least) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image of at least 2x2 pixels, found %lldx%lld", (long long)in->dims[1],
                        (long long)in->dims[2]);
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_like(ctx, 0, in);
}

static uf_status dense_warp_infer(ufi_ctx *ctx) { return warp_infer(ctx, 2); }
static uf_status resampler_infer(ufi_ctx *ctx) { return warp_infer(ctx, 0); }

typedef struct warp {
  int64_t h, w, c;
  const float *image, *flow;
  float *out;
} warp;

/* The corner before a place, kept so that the one behind is in the image, too, and how far from it the place is. */
static int64_t corner(float place, int64_t last, float *part) {
  const int64_t at = place >= (float)last ? last : place >= 0.0f ? (int64_t)floorf(place) : 0;
  const float rest = place - (float)at;
  *part = rest > 0.0f ? (rest < 1.0f ? rest : 1.0f) : 0.0f;
  return at;
}

static void dense_rows(void *context, size_t begin, size_t end) {
  const warp *p = context;
  for (size_t row = begin; row < end; row++) {
    const int64_t y = (int64_t)row % p->h;
    const float *image = p->image + (int64_t)row / p->h * p->h * p->w * p->c;
    for (int64_t x = 0; x < p->w; x++) {
      const float *flow = p->flow + ((int64_t)row * p->w + x) * 2;
      float *to = p->out + ((int64_t)row * p->w + x) * p->c, part_y, part_x;
      const int64_t top = corner((float)y - flow[0], p->h - 2, &part_y), left = corner((float)x - flow[1], p->w - 2, &part_x);
      const float *a = image + (top * p->w + left) * p->c, *b = a + p->w * p->c;
      for (int64_t c = 0; c < p->c; c++) {
        const float upper = part_x * (a[p->c + c] - a[c]) + a[c], lower = part_x * (b[p->c + c] - b[c]) + b[c];
        to[c] = part_y * (lower - upper) + upper;
      }
    }
  }
}

static uf_status warp_eval(ufi_ctx *ctx, ufi_range_fn rows) {
  const ufi_tensor *in = ctx->in[0];
  warp p = {in->dims[1], in->dims[2], in->dims[3], in->data, ctx->in[1]->data, ctx->out[0]->data};
  if (in->count > 0) ufi_parallel_ranges(ctx->pool, rows, &p, (size_t)(in->dims[0] * p.h), 4);
  return UF_OK;
}

static uf_status dense_warp_eval(ufi_ctx *ctx) { return warp_eval(ctx, dense_rows); }

const ufi_op_def ufi_op_DENSE_IMAGE_WARP = {.infer = dense_warp_infer, .eval = dense_warp_eval};

/* ---- Resampler ------------------------------------------------------------------------- */

static float pixel(const warp *p, const float *image, int64_t y, int64_t x, int64_t c) {
  return x >= 0 && y >= 0 && x < p->w && y < p->h ? image[(y * p->w + x) * p->c + c] : 0.0f;
}

static void resample_rows(void *context, size_t begin, size_t end) {
  const warp *p = context;
  for (size_t i = begin * (size_t)p->w; i < end * (size_t)p->w; i++) {
    const float *image = p->image + (int64_t)i / (p->h * p->w) * p->h * p->w * p->c, x = p->flow[2 * i], y = p->flow[2 * i + 1];
    float *to = p->out + (int64_t)i * p->c;
    const bool inside = x > -1.0f && y > -1.0f && x < (float)p->w && y < (float)p->h;
    const int64_t left = inside ? (int64_t)floorf(x) : 0, top = inside ? (int64_t)floorf(y) : 0;
    const float dx = (float)(left + 1) - x, dy = (float)(top + 1) - y;
    for (int64_t c = 0; c < p->c; c++) {
      to[c] = !inside ? 0.0f
                      : dx * dy * pixel(p, image, top, left, c) + (1.0f - dx) * (1.0f - dy) * pixel(p, image, top + 1, left + 1, c) +
                            dx * (1.0f - dy) * pixel(p, image, top + 1, left, c) + (1.0f - dx) * dy * pixel(p, image, top, left + 1, c);
    }
  }
}

static uf_status resampler_eval(ufi_ctx *ctx) { return warp_eval(ctx, resample_rows); }

const ufi_op_def ufi_op_RESAMPLER = {.infer = resampler_infer, .eval = resampler_eval};

/* ---- Convolution2DTransposeBias ----------------------------------------------------------- */

/* TfLiteTransposeConvParams: padding (1 SAME, 2 VALID), stride_width, stride_height. */
static uf_status transpose_bias_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  int32_t ints[3];
  if (from->custom_size < sizeof ints) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected options of at least %zu bytes, found %zu", sizeof ints, from->custom_size);
  }
  memcpy(ints, from->custom, sizeof ints);
  if (ints[1] < 1 || ints[2] < 1 || ints[1] > INT16_MAX || ints[2] > INT16_MAX) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected strides from 1 to 32767, found %dx%d", (int)ints[2], (int)ints[1]);
  }
  *(ufi_window_attrs *)attrs = (ufi_window_attrs){.same = ints[0] == 1, .stride_h = ints[2], .stride_w = ints[1], .dilation_h = 1,
                                                  .dilation_w = 1, .act = UFI_ACT_NONE, .quantized_bias = UF_FLOAT32};
  return UF_OK;
}

/* A TRANSPOSE_CONV's node over this one's: its inputs are shape, filter, image and bias. */
typedef struct shadow {
  ufi_ctx ctx;
  ufi_tensor shape;
  int32_t dims[4];
  ufi_tensor *in[4];
} shadow;

static void make_shadow(const ufi_ctx *ctx, shadow *s) {
  s->ctx = *ctx;
  for (int32_t d = 0; d < 4; d++) s->dims[d] = (int32_t)ctx->out[0]->dims[d];
  s->shape = (ufi_tensor){.dtype = UF_INT32, .rank = 1, .dims = {4}, .count = 4, .size = sizeof s->dims, .data = s->dims, .name = "shape",
                          .shape_known = true, .is_const = true};
  s->in[0] = &s->shape;
  s->in[1] = ctx->in[1];
  s->in[2] = ctx->in[0];
  s->in[3] = ctx->in[2];
  s->ctx.in = s->in;
  s->ctx.n_in = 4;
}

static int64_t upsampled(const ufi_window_attrs *a, int64_t in, int64_t stride, int64_t kernel) {
  const int64_t taken = a->same ? UFI_MAX(kernel - (in - 1) % stride - 1, 0) : 0;
  return stride * (in - 1) + kernel - taken;
}

static uf_status transpose_bias_infer(ufi_ctx *ctx) {
  const ufi_window_attrs *a = ctx->attrs;
  ufi_conv_geometry g = {0};
  for (int32_t i = 0; i < 3; i++) UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_conv_image(ctx, ctx->in[0], &g));
  UFI_TRY(ufi_conv_filter(ctx, ctx->in[1], &g));
  UFI_TRY(ufi_conv_bias(ctx, ctx->in[2], g.filter->dims[0]));
  const int64_t dims[4] = {g.batch, upsampled(a, g.in_h, a->stride_h, g.kernel_h), upsampled(a, g.in_w, a->stride_w, g.kernel_w),
                           g.filter->dims[0]};
  if (dims[1] > INT32_MAX || dims[2] > INT32_MAX) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output of at most 2^31 - 1 lines and columns, found %lldx%lld", (long long)dims[1],
                        (long long)dims[2]);
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_shape(ctx, 0, 4, dims);
}

static uf_status transpose_bias_prepare(ufi_ctx *ctx) {
  shadow s;
  ufi_conv_geometry g = {0};
  make_shadow(ctx, &s);
  uf_status status = ufi_transpose_conv_geometry_of(&s.ctx, &g);
  if (status == UF_OK) status = ufi_transpose_conv_f32_prepare(&s.ctx, &g);
  ctx->state = s.ctx.state;
  ctx->scratch_size = s.ctx.scratch_size;
  return status;
}

static uf_status transpose_bias_eval(ufi_ctx *ctx) {
  shadow s;
  make_shadow(ctx, &s);
  return ufi_transpose_conv_f32_eval(&s.ctx);
}

const ufi_op_def ufi_op_CONVOLUTION_2D_TRANSPOSE_BIAS = {
  .attrs_size = sizeof(ufi_window_attrs), .attrs_tflite = transpose_bias_attrs, .infer = transpose_bias_infer,
  .prepare = transpose_bias_prepare, .eval = transpose_bias_eval,
};
