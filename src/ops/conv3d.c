/* SPDX-License-Identifier: Apache-2.0
 *
 * conv3d.c: CONV_3D and CONV_3D_TRANSPOSE, in float32 alone, as in TFLite.
 *
 * Both are sums of products of two dimensions. CONV_3D adds up, for each slice
 * of the output, the 2-D convolutions of the input slices that it sees.
 * CONV_3D_TRANSPOSE adds up, tap by tap, the product of the input's pixels and
 * that tap's weights, into output pixels stride apart; the first thing written
 * is the bias, the last a pass that clamps.
 *
 * Weights are (kd, kh, kw, in_c, out_c), transposed ones (kd, kh, kw, out_c,
 * in_c). Scratch: zeros for taps outside the image, the bias padded to whole
 * panels, and the packed weights when they are not constant.
 */
#include <math.h>

#include "ops/gemm_f32.h"

typedef struct conv3d_attrs {
  ufi_window_attrs plane; /* height and width */
  int32_t stride_d, dilation_d;
} conv3d_attrs;

/* plane: the 2-D geometry; in_d and so on: along depth. For the transposed op
 * as for ufi_transpose_conv_geometry_of. */
typedef struct volume {
  ufi_conv_geometry plane;
  int64_t in_d, out_d, kernel_d, stride_d, dilation_d, pad_front;
} volume;

/* Conv3DOptions: padding, stride_d, stride_w, stride_h,
 * fused_activation_function, dilation_d_factor, dilation_w_factor,
 * dilation_h_factor. */
static uf_status conv3d_attrs_of(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  conv3d_attrs *a = attrs;
  const ufi_fb_table *t = &from->options;
  a->stride_d = ufi_fb_i32(t, 1, 0);
  a->plane.stride_w = ufi_fb_i32(t, 2, 0);
  a->plane.stride_h = ufi_fb_i32(t, 3, 0);
  a->dilation_d = ufi_fb_i32(t, 5, 1);
  a->plane.dilation_w = ufi_fb_i32(t, 6, 1);
  a->plane.dilation_h = ufi_fb_i32(t, 7, 1);
  UFI_TRY(ufi_padding_of(ufi_fb_i8(t, 0, 0), &a->plane.same, error));
  return ufi_act_of(ufi_fb_i8(t, 4, 0), &a->plane.act, error);
}

/* ---- geometry ------------------------------------------------------------------ */

/* Shapes of input and filter, whose channel dimensions are at ic and oc. */
static uf_status volume_shapes(ufi_ctx *ctx, const ufi_tensor *input, const ufi_tensor *filter,
                               int32_t ic, int32_t oc, volume *v) {
  UFI_TRY(ufi_want_rank(ctx, input, 5, 5));
  UFI_TRY(ufi_want_rank(ctx, filter, 5, 5));
  const int64_t *in = input->dims, *f = filter->dims;
  if (in[4] != f[ic] || in[1] < 1 || in[2] < 1 || in[3] < 1 || filter->count == 0) {
    char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an input (batch, d, h, w, c) with a filter for c channels, found "
                        "%s and %s",
                        ufi_shape_text(5, in, a), ufi_shape_text(5, f, b));
  }
  v->in_d = in[1];
  v->kernel_d = f[0];
  v->plane = (ufi_conv_geometry){
      .batch = in[0], .in_h = in[2], .in_w = in[3], .in_c = in[4], .out_c = f[oc],
      .kernel_h = f[1], .kernel_w = f[2], .groups = 1, .multiplier = 1, .input = input,
      .filter = filter, .output = ctx->out[0]};
  return UF_OK;
}

/* Strides and paddings; in_d and the plane's in_h and in_w are the image that
 * the forward convolution slides over. */
static uf_status volume_window(ufi_ctx *ctx, volume *v) {
  const conv3d_attrs *a = ctx->attrs;
  int64_t after;
  v->stride_d = a->stride_d;
  v->dilation_d = a->dilation_d;
  UFI_TRY(ufi_window_geometry(ctx, &a->plane, &v->plane));
  if (!ufi_window_axis(a->plane.same, v->in_d, v->kernel_d, v->stride_d, v->dilation_d, &v->out_d,
                       &v->pad_front, &after)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected a window that fits into the depth of %lld, found %lld taps with "
                        "stride %lld and dilation %lld",
                        (long long)v->in_d, (long long)v->kernel_d, (long long)v->stride_d,
                        (long long)v->dilation_d);
  }
  return ufi_conv_bias(ctx, v->plane.bias, v->plane.out_c);
}

static uf_status conv3d_volume(ufi_ctx *ctx, volume *v_out) {
  volume v = {0};
  UFI_TRY(volume_shapes(ctx, ufi_in(ctx, 0), ufi_in(ctx, 1), 3, 4, &v));
  v.plane.bias = ufi_in(ctx, 2);
  UFI_TRY(volume_window(ctx, &v));
  *v_out = v;
  return UF_OK;
}

static uf_status transpose_volume(ufi_ctx *ctx, volume *v_out) {
  volume v = {0};
  UFI_TRY(volume_shapes(ctx, ufi_in(ctx, 2), ufi_in(ctx, 1), 4, 3, &v));
  v.plane.bias = ufi_in(ctx, 3);
  int64_t dims[5] = {0};
  int32_t n = 0;
  UFI_TRY(ufi_read_ints(ctx, ctx->in[0], dims, 5, &n));
  const int64_t in[3] = {v.in_d, v.plane.in_h, v.plane.in_w};
  bool ok = n == 5 && dims[0] == v.plane.batch && dims[4] == v.plane.out_c && dims[1] >= 0 &&
            dims[2] >= 0 && dims[3] >= 0;
  if (ok) {
    v.in_d = dims[1];
    v.plane.in_h = dims[2];
    v.plane.in_w = dims[3];
    UFI_TRY(volume_window(ctx, &v));
    ok = v.out_d == in[0] && v.plane.out_h == in[1] && v.plane.out_w == in[2];
  }
  if (!ok) {
    char text[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an output shape (%lld, d, h, w, %lld) from which the convolution "
                        "makes an input of %lldx%lldx%lld, found %s",
                        (long long)v.plane.batch, (long long)v.plane.out_c, (long long)in[0],
                        (long long)in[1], (long long)in[2], ufi_shape_text(n, dims, text));
  }
  v.in_d = in[0];
  v.plane.in_h = in[1];
  v.plane.in_w = in[2];
  v.out_d = dims[1];
  v.plane.out_h = dims[2];
  v.plane.out_w = dims[3];
  *v_out = v;
  return UF_OK;
}

static uf_status volume_infer(ufi_ctx *ctx, const volume *v) {
  const ufi_conv_geometry *p = &v->plane;
  return ufi_out_shape(ctx, 0, 5, (int64_t[]){p->batch, v->out_d, p->out_h, p->out_w, p->out_c});
}

/* ---- weights --------------------------------------------------------------------- */

typedef struct volume_state {
  const float *packed; /* NULL: weights change, packed at each eval */
} volume_state;

/* How weights are packed: `parts` matrices of (depth, out_c). */
typedef struct volume_pack {
  int64_t parts, depth, k_step, n_step, out_c;
  size_t part;  /* floats of one, packed */
  size_t zeros, bias, weights;
  const ufi_tensor *filter;
} volume_pack;

static uf_status volume_pack_of(ufi_ctx *ctx, const volume *v, bool transpose, volume_pack *p_out) {
  const ufi_conv_geometry *g = &v->plane;
  int64_t taps = g->kernel_h * g->kernel_w;
  volume_pack p = {.out_c = g->out_c, .filter = g->filter};
  p.parts = transpose ? v->kernel_d * taps : v->kernel_d;
  p.depth = transpose ? g->in_c : taps * g->in_c;
  p.k_step = transpose ? 1 : g->out_c;
  p.n_step = transpose ? g->in_c : 1;
  p.zeros = (ufi_gemm_f32_zeros(g->kernel_w, g->in_c) + 15) / 16 * 16;
  p.bias = (size_t)ufi_gemm_f32_columns(g->out_c);
  if (!ufi_gemm_f32_packed_size(p.depth, g->out_c, &p.part) ||
      !ufi_mul_size(p.part, (size_t)p.parts, &p.weights) || p.weights > SIZE_MAX / 16) {
    return ufi_too_large(ctx);
  }
  *p_out = p;
  return UF_OK;
}

static void pack_parts(const volume_pack *p, ufi_pool *pool, float *out) {
  const float *from = p->filter->data;
  for (int64_t i = 0; i < p->parts; i++) {
    ufi_gemm_f32_pack(pool, p->depth, p->out_c, from + i * p->depth * p->out_c, p->k_step,
                      p->n_step, out + (size_t)i * p->part);
  }
}

static uf_status volume_fill(ufi_ctx *ctx, void *memory, void *arg) {
  pack_parts(arg, NULL, memory);
  return UF_OK;
}

static uf_status volume_prepare(ufi_ctx *ctx, const volume *v, bool transpose) {
  const ufi_conv_geometry *g = &v->plane;
  UFI_TRY(ufi_want_in(ctx, transpose ? 2 : 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_conv_want_f32(ctx, g->bias, g->output));
  volume_state *state = ufi_ctx_state(ctx, sizeof *state);
  if (!state) return UF_RESOURCE_EXHAUSTED;
  volume_pack p = {0};
  UFI_TRY(volume_pack_of(ctx, v, transpose, &p));
  size_t scratch = p.zeros + p.bias;
  if (g->filter->is_lasting) {
    const void *packed;
    UFI_TRY(ufi_packed(ctx, 0, p.weights * sizeof(float), volume_fill, &p, &packed));
    state->packed = packed;
  } else {
    scratch += p.weights;
  }
  ufi_want_scratch(ctx, scratch * sizeof(float));
  return UF_OK;
}

/* Fills the scratch; returns the packed weights. */
static const float *volume_begin(ufi_ctx *ctx, const volume_pack *p, const ufi_tensor *bias,
                                 const float **zeros_out, const float **bias_out) {
  const volume_state *state = ctx->state;
  float *zeros = ctx->scratch, *padded = zeros + p->zeros, *weights = padded + p->bias;
  memset(zeros, 0, p->zeros * sizeof *zeros);
  *zeros_out = zeros;
  *bias_out = ufi_gemm_f32_bias(bias, 1, p->out_c, padded);
  if (state->packed) return state->packed;
  pack_parts(p, ctx->pool, weights);
  return weights;
}

/* ---- CONV_3D ------------------------------------------------------------------------ */

static uf_status conv3d_infer(ufi_ctx *ctx) {
  volume v = {0};
  UFI_TRY(conv3d_volume(ctx, &v));
  return volume_infer(ctx, &v);
}

static uf_status conv3d_prepare(ufi_ctx *ctx) {
  volume v = {0};
  UFI_TRY(conv3d_volume(ctx, &v));
  return volume_prepare(ctx, &v, false);
}

/* One slice of the output: first and end are the depth taps inside. */
static void conv3d_slice(ufi_pool *pool, const volume *v, const ufi_gemm_f32 *plane, size_t part,
                         int64_t image, int64_t z) {
  const int64_t in_slice = v->plane.in_h * v->plane.in_w * v->plane.in_c;
  int64_t at = z * v->stride_d - v->pad_front, last = -1;
  ufi_gemm_f32 g = *plane;
  g.out += (image * v->out_d + z) * plane->out_image;
  for (int64_t t = 0; t < v->kernel_d; t++) {
    int64_t from = at + t * v->dilation_d;
    if (from >= 0 && from < v->in_d) last = t;
  }
  if (last < 0) { /* nothing but padding: the bias alone */
    g.kernel_h = g.kernel_w = 0;
    ufi_gemm_f32_run(pool, &g);
    return;
  }
  for (int64_t t = 0; t <= last; t++) {
    int64_t from = at + t * v->dilation_d;
    if (from < 0 || from >= v->in_d) continue;
    g.in = plane->in + (image * v->in_d + from) * in_slice;
    g.b = plane->b + (size_t)t * part;
    g.min = t == last ? plane->min : -INFINITY;
    g.max = t == last ? plane->max : INFINITY;
    ufi_gemm_f32_run(pool, &g);
    g.add = true;
  }
}

static uf_status conv3d_eval(ufi_ctx *ctx) {
  volume v = {0};
  volume_pack p = {0};
  UFI_TRY(conv3d_volume(ctx, &v));
  UFI_TRY(volume_pack_of(ctx, &v, false, &p));
  const ufi_conv_geometry *g = &v.plane;
  ufi_gemm_f32 plane = {
      .in = g->input->data, .batch = 1, .in_h = g->in_h, .in_w = g->in_w, .in_pixel = g->in_c,
      .channels = g->in_c, .out_h = g->out_h, .out_w = g->out_w, .kernel_h = g->kernel_h,
      .kernel_w = g->kernel_w, .stride_h = g->stride_h, .stride_w = g->stride_w,
      .dilation_h = g->dilation_h, .dilation_w = g->dilation_w, .pad_top = g->pad_top,
      .pad_left = g->pad_left, .n = g->out_c, .out = g->output->data, .out_pixel = g->out_c,
      .out_line = g->out_w * g->out_c, .out_image = g->out_h * g->out_w * g->out_c, .groups = 1};
  plane.b = volume_begin(ctx, &p, g->bias, &plane.zeros, &plane.bias);
  ufi_act_range_f32(g->act, &plane.min, &plane.max);
  for (int64_t i = 0; i < g->batch * v.out_d; i++) {
    conv3d_slice(ctx->pool, &v, &plane, p.part, i / v.out_d, i % v.out_d);
  }
  return UF_OK;
}

/* ---- CONV_3D_TRANSPOSE ---------------------------------------------------------------- */

static uf_status transpose_infer(ufi_ctx *ctx) {
  if (!ufi_known(ctx, 0)) return UF_OK;
  volume v = {0};
  UFI_TRY(transpose_volume(ctx, &v));
  return volume_infer(ctx, &v);
}

static uf_status transpose_prepare(ufi_ctx *ctx) {
  volume v = {0};
  UFI_TRY(transpose_volume(ctx, &v));
  return volume_prepare(ctx, &v, true);
}

/* Input positions [first, first + n) whose output position, in * stride +
 * shift, lies in [0, out). */
static void span_inside(int64_t in, int64_t out, int64_t stride, int64_t shift, int64_t *first_out,
                        int64_t *n_out) {
  int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
  int64_t end = out - shift <= 0 ? 0 : UFI_MIN((out - shift - 1) / stride + 1, in);
  *first_out = first;
  *n_out = UFI_MAX(end - first, 0);
}

/* Adds tap (d, y, x) of one input slice. */
static void transpose_tap(ufi_pool *pool, const volume *v, const ufi_gemm_f32 *plane, int64_t y,
                          int64_t x) {
  const ufi_conv_geometry *p = &v->plane;
  int64_t dy = y * p->dilation_h - p->pad_top, dx = x * p->dilation_w - p->pad_left, y0, x0;
  ufi_gemm_f32 g = *plane;
  span_inside(p->in_h, p->out_h, p->stride_h, dy, &y0, &g.out_h);
  span_inside(p->in_w, p->out_w, p->stride_w, dx, &x0, &g.out_w);
  if (g.out_h == 0 || g.out_w == 0) return;
  g.in += (y0 * p->in_w + x0) * p->in_c;
  g.in_h = g.out_h;
  g.out += ((y0 * p->stride_h + dy) * p->out_w + x0 * p->stride_w + dx) * p->out_c;
  ufi_gemm_f32_run(pool, &g);
}

static void transpose_slices(ufi_pool *pool, const volume *v, const ufi_gemm_f32 *plane,
                             size_t part, int64_t image) {
  const ufi_conv_geometry *p = &v->plane;
  const int64_t in_slice = p->in_h * p->in_w * p->in_c;
  const int64_t taps = p->kernel_h * p->kernel_w;
  for (int64_t z = 0; z < v->in_d; z++) {
    for (int64_t t = 0; t < v->kernel_d; t++) {
      int64_t to = z * v->stride_d - v->pad_front + t * v->dilation_d;
      if (to < 0 || to >= v->out_d) continue;
      ufi_gemm_f32 g = *plane;
      g.in += (image * v->in_d + z) * in_slice;
      g.out += (image * v->out_d + to) * p->out_h * p->out_w * p->out_c;
      for (int64_t i = 0; i < taps; i++) {
        g.b = plane->b + (size_t)(t * taps + i) * part;
        transpose_tap(pool, v, &g, i / p->kernel_w, i % p->kernel_w);
      }
    }
  }
}

static uf_status transpose_eval(ufi_ctx *ctx) {
  volume v = {0};
  volume_pack p = {0};
  UFI_TRY(transpose_volume(ctx, &v));
  UFI_TRY(volume_pack_of(ctx, &v, true, &p));
  const ufi_conv_geometry *g = &v.plane;
  ufi_gemm_f32 plane = {
      .in = g->input->data, .batch = 1, .in_w = g->in_w, .in_pixel = g->in_c,
      .channels = g->in_c, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
      .dilation_h = 1, .dilation_w = 1, .n = g->out_c, .out = g->output->data,
      .out_pixel = g->stride_w * g->out_c, .out_line = g->stride_h * g->out_w * g->out_c,
      .min = -INFINITY, .max = INFINITY, .add = true, .groups = 1};
  const float *bias;
  plane.b = volume_begin(ctx, &p, g->bias, &plane.zeros, &bias);
  float *out = g->output->data, min, max;
  ufi_act_range_f32(g->act, &min, &max);
  for (int64_t i = 0; i < g->output->count; i += g->out_c) {
    memcpy(out + i, bias, (size_t)g->out_c * sizeof *out);
  }
  for (int64_t i = 0; i < g->batch; i++) transpose_slices(ctx->pool, &v, &plane, p.part, i);
  for (int64_t i = 0; i < g->output->count; i++) {
    float x = out[i] < min ? min : out[i];
    out[i] = x > max ? max : x;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_CONV_3D = {
    .attrs_size = sizeof(conv3d_attrs),
    .attrs_tflite = conv3d_attrs_of,
    .infer = conv3d_infer,
    .prepare = conv3d_prepare,
    .eval = conv3d_eval,
};

const ufi_op_def ufi_op_CONV_3D_TRANSPOSE = {
    .attrs_size = sizeof(conv3d_attrs),
    .attrs_tflite = conv3d_attrs_of,
    .infer = transpose_infer,
    .prepare = transpose_prepare,
    .eval = transpose_eval,
};
