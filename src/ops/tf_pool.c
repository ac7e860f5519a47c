/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_pool.c: TensorFlow's pools of images and volumes (AvgPool, MaxPool with its V2 and argmax forms,
 * 3D, quantized) and their gradients. Taps outside the image do not count.
 *
 * float32 images use the kernels of TFLite's pools; all else the loops of tf_pool_tmpl.h.
 */
#include <float.h>
#include <math.h>

#include "ops/tf_stage.h"
#include "ops/tf_window.h"
#include "ops/window.h"

typedef struct pool_attrs {
  ufi_tf_window_attrs window;
  bool max, v2, argmax, batch_in_index, quantized;
} pool_attrs;

typedef struct pool_loop {
  const ufi_tf_window *w;
  const void *x, *grad;
  void *out;
  int64_t *arg;   /* positions of the maxima, NULL: not wanted */
  bool max, ties;
  float (*round)(float); /* sums of halves: each is rounded */
} pool_loop;

static float round_half(float v) { return ufi_half_to_float(ufi_float_to_half(v)); }
static float round_bfloat(float v) { return ufi_bfloat_to_float(ufi_float_to_bfloat(v)); }

#define T float
#define NAME(x) x##_f32
#define LOWEST (-FLT_MAX)
#include "ops/tf_pool_tmpl.h"
#undef T
#undef NAME
#undef LOWEST
#define T double
#define NAME(x) x##_f64
#define LOWEST (-DBL_MAX)
#include "ops/tf_pool_tmpl.h"
#undef T
#undef NAME
#undef LOWEST
#define T int64_t
#define NAME(x) x##_i64
#define LOWEST INT64_MIN
#include "ops/tf_pool_tmpl.h"

#define LOOP(compute, name) ((compute) == UF_FLOAT32 ? name##_f32 : (compute) == UF_FLOAT64 ? name##_f64 : name##_i64)

/* ---- attributes and geometry -------------------------------------------------------- */

static uf_status pool_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  pool_attrs *a = memory;
  const char *op = from->op;
  a->quantized = strncmp(op, "Quantized", 9) == 0;
  a->max = strstr(op, "MaxPool") != NULL;
  a->v2 = strstr(op, "V2") != NULL;
  a->argmax = strstr(op, "Argmax") != NULL;
  a->batch_in_index = ufi_tf_bool(from, "include_batch_in_index");
  return ufi_tf_window_attrs_of(from, strstr(op, "3D") ? 3 : 2, &a->window, error);
}

/* The window over an image of these dims; lists: index of the inputs ksize and strides of V2 ops.
 * *channels_out: how many channels side by side are pooled, 1 mostly. */
static uf_status pool_window(ufi_ctx *ctx, const int64_t *dims, int32_t lists, ufi_tf_window *w, int64_t *channels_out) {
  const pool_attrs *a = ctx->attrs;
  ufi_tf_window_attrs wa = a->window;
  if (a->v2) {
    UFI_TRY(ufi_tf_window_list(ctx, ctx->in[lists], wa.ksize));
    UFI_TRY(ufi_tf_window_list(ctx, ctx->in[lists + 1], wa.strides));
  }
  const int32_t c = ufi_tf_channel_dim(&wa);
  int64_t kernel[3];
  bool spatial = false;
  for (int32_t i = 0; i < 3; i++) {
    const int32_t dim = ufi_tf_axis_dim(&wa, i);
    kernel[i] = dim < 0 ? 1 : wa.ksize[dim];
    spatial = spatial || kernel[i] != 1 || (dim >= 0 && wa.strides[dim] != 1);
  }
  *channels_out = wa.ksize[c];
  if (wa.ksize[0] != 1 || wa.strides[0] != 1)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected no pooling over the batch, found a window of %lld",
                        (long long)wa.ksize[0]);
  const bool deep = wa.ksize[c] != 1 || wa.strides[c] != 1;
  if (deep && (!a->max || a->argmax || a->quantized || wa.axes == 3 || spatial || lists < 0))
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected pooling over images alone, or over channels alone, found both");
  if (deep && (wa.ksize[c] != wa.strides[c] || dims[c] % wa.ksize[c] != 0))
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a window of channels that is its stride and divides them, found %lld",
                        (long long)wa.ksize[c]);
  UFI_TRY(ufi_tf_window_of(ctx, &wa, dims, kernel, w));
  for (int32_t i = 0; i < 3; i++) {
    const ufi_tf_axis *x = &w->a[i];
    if (a->window.padding == UFI_PAD_EXPLICIT && (x->before >= x->kernel || x->after >= x->kernel) && x->before + x->after > 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected paddings below the window of %lld, found %lld and %lld",
                          (long long)x->kernel, (long long)x->before, (long long)x->after);
    /* Eigen's volumes: strides beyond the window leave gaps on both sides, not behind alone. */
    const int64_t total = (x->out - 1) * x->stride + x->kernel - x->in;
    if (wa.axes == 3 && lists > 0 && wa.padding == UFI_PAD_SAME && total < 0) w->a[i].before = total / 2;
  }
  w->out_c = w->in_c / *channels_out;
  return UF_OK;
}

static uf_status want_pool(ufi_ctx *ctx, const ufi_tensor *t) {
  const pool_attrs *a = ctx->attrs;
  if (a->quantized) return ufi_tf_want(ctx, t, UF_QUINT8, UF_QINT8, UF_INVALID);
  return ufi_tf_want_group(ctx, t, a->max && a->window.axes == 2 ? UFI_FLOATS | UFI_INTS : UFI_FLOATS);
}

/* ---- pools ------------------------------------------------------------------------------ */

static uf_status pool_infer(ufi_ctx *ctx) {
  const pool_attrs *a = ctx->attrs;
  const int32_t rank = a->window.axes + 2;
  ufi_tf_window w;
  int64_t dims[5], channels;
  UFI_TRY(want_pool(ctx, ctx->in[0]));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], rank, rank));
  if (a->v2 && (!ufi_known(ctx, 1) || !ufi_known(ctx, 2))) return UF_OK;
  UFI_TRY(pool_window(ctx, ctx->in[0]->dims, 1, &w, &channels));
  ufi_tf_window_dims(&a->window, w.batch, (int64_t[]){w.a[0].out, w.a[1].out, w.a[2].out}, w.out_c, dims);
  UFI_TRY(ufi_out_shape(ctx, 0, rank, dims));
  if (a->argmax) return ufi_out_shape(ctx, 1, rank, dims);
  if (!a->quantized) return UF_OK;
  UFI_TRY(ufi_out_shape(ctx, 1, 0, NULL));
  return ufi_out_shape(ctx, 2, 0, NULL);
}

typedef struct lines {
  ufi_conv_geometry g;
  ufk_f32_pool_fn kernel;
  const float *in;
  float *out;
} lines;

static void line_run(void *context, const ufi_window_run *r) {
  const lines *a = context;
  const ufi_conv_geometry *g = &a->g;
  const ptrdiff_t c = (ptrdiff_t)g->out_c, line = (ptrdiff_t)g->in_w * c;
  ufk_f32_window w = {(size_t)r->n, (size_t)c, (size_t)r->rows, (size_t)r->cols, line, c, g->stride_w * c, c};
  a->kernel(&w, a->in + (r->image * g->in_h + r->in_y) * line + r->in_x * c,
            a->out + ((r->image * g->out_h + r->out_y) * g->out_w + r->out_x) * c, -INFINITY, INFINITY);
}
static void run_lines(void *context, size_t begin, size_t end) {
  lines *a = context;
  for (size_t line = begin; line < end; line++) ufi_window_line(&a->g, (int64_t)line, line_run, a);
}

/* Positions within an image, or in all of the batch, as TensorFlow counts them. */
static void store_args(const ufi_ctx *ctx, const ufi_tf_window *w, int64_t *arg) {
  const bool all = ((const pool_attrs *)ctx->attrs)->batch_in_index;
  const ufi_tensor *out = ctx->out[1];
  const int64_t image = w->a[1].in * w->a[2].in * w->in_c;
  for (int64_t i = 0; i < out->count; i++) {
    const int64_t v = all || arg[i] < 0 ? arg[i] : arg[i] % image;
    if (out->dtype == UF_INT64) ((int64_t *)out->data)[i] = v;
    else ((int32_t *)out->data)[i] = (int32_t)v;
  }
}

static uf_status pool_run(ufi_ctx *ctx, ufi_bump *bump) {
  const pool_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const bool first = a->window.channels_first;
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  int64_t channels;
  UFI_TRY(pool_window(ctx, ctx->in[0]->dims, 1, &w, &channels));
  for (int32_t i = 1; i < 3 && a->quantized && bump->run; i++) *(float *)ctx->out[i]->data = *(const float *)ctx->in[i]->data;
  if (out->count == 0) return UF_OK;
  const void *x = ufi_stage_in(ctx, bump, ctx->in[0], compute, first);
  void *y = ufi_stage_out(bump, out, compute, first);
  int64_t *arg = a->argmax ? ufi_bump_take(bump, out->count, sizeof *arg) : NULL;
  const ufk_depthwise_table *k = &ufi_kernels_get()->depthwise;
  pool_loop p = {.w = &w, .x = x, .out = y, .arg = arg, .max = a->max};
  if (!a->max && out->dtype == UF_FLOAT16) p.round = round_half;
  if (!a->max && out->dtype == UF_BFLOAT16) p.round = round_bfloat;
  if (!bump->run) {
  } else if (channels > 1) {
    LOOP(compute, pool_channels)(&p, out->count, channels);
  } else if (compute == UF_FLOAT32 && !p.round && a->window.axes == 2 && !a->argmax && w.a[1].in > 0 && w.a[2].in > 0) {
    lines l = {ufi_tf_window_plane(&w), a->max ? k->f32_max_pool : k->f32_average_pool, x, y};
    ufi_share(ctx->pool, run_lines, &l, w.batch * w.a[1].out, w.a[2].out * w.in_c * w.a[1].kernel * w.a[2].kernel / 4);
  } else {
    ufi_share(ctx->pool, LOOP(compute, pool), &p, out->count / w.in_c,
              w.in_c * w.a[0].kernel * w.a[1].kernel * w.a[2].kernel);
  }
  if (bump->run && a->argmax) store_args(ctx, &w, arg);
  ufi_stage_end(ctx, bump, y, out, compute, first);
  return UF_OK;
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* MaxPoolGrad: image, output, gradient; AvgPoolGrad: the image's shape, gradient; with argmax:
 * image, gradient, argmax. */
static const ufi_tensor *grad_of(const ufi_ctx *ctx) {
  const pool_attrs *a = ctx->attrs;
  return ctx->in[a->max && !a->argmax ? 2 : 1];
}

static uf_status grad_infer(ufi_ctx *ctx) {
  const pool_attrs *a = ctx->attrs;
  const int32_t rank = a->window.axes + 2;
  const ufi_tensor *grad = grad_of(ctx);
  ufi_tf_window w;
  int64_t dims[5] = {0}, want[5], channels;
  int32_t n = rank;
  UFI_TRY(want_pool(ctx, grad));
  UFI_TRY(ufi_want_rank(ctx, grad, rank, rank));
  if ((a->v2 && (!ufi_known(ctx, 3) || !ufi_known(ctx, 4))) || (!a->max && !ufi_known(ctx, 0))) return UF_OK;
  if (a->max) {
    UFI_TRY(ufi_want_rank(ctx, ctx->in[0], rank, rank));
    memcpy(dims, ctx->in[0]->dims, (size_t)rank * sizeof *dims);
  } else {
    UFI_TRY(ufi_read_ints(ctx, ctx->in[0], dims, 5, &n));
  }
  for (int32_t i = 0; i < rank; i++)
    if (n != rank || dims[i] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image's shape of %d numbers, found %d", (int)rank, (int)n);
  UFI_TRY(pool_window(ctx, dims, a->v2 ? 3 : -1, &w, &channels));
  ufi_tf_window_dims(&a->window, w.batch, (int64_t[]){w.a[0].out, w.a[1].out, w.a[2].out}, w.out_c, want);
  const bool same = memcmp(want, grad->dims, (size_t)rank * sizeof *want) == 0;
  const bool output = !a->max || a->argmax || (ctx->in[1]->rank == rank && memcmp(want, ctx->in[1]->dims, (size_t)rank * sizeof *want) == 0);
  const bool args = !a->argmax || ctx->in[2]->count == grad->count;
  if (!same || !output || !args) {
    char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a gradient of the pool's shape %s, found %s",
                        ufi_shape_text(rank, want, p), ufi_shape_text(rank, grad->dims, q));
  }
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* The gradient goes where argmax says. */
static uf_status give_args(ufi_ctx *ctx) {
  const pool_attrs *a = ctx->attrs;
  const ufi_tensor *grad = grad_of(ctx), *args = ctx->in[2], *out = ctx->out[0];
  const int64_t batch = out->dims[0], each = batch > 0 ? grad->count / batch : 0, image = batch > 0 ? out->count / batch : 0;
  memset(out->data, 0, out->size);
  for (int64_t i = 0; i < grad->count; i++) {
    int64_t at = args->dtype == UF_INT64 ? ((const int64_t *)args->data)[i] : ((const int32_t *)args->data)[i];
    if (!a->batch_in_index && at >= 0 && at < image) at += i / each * image;
    if (at < i / each * image || at >= (i / each + 1) * image)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected argmax to lie in its image, found %lld", (long long)at);
    ufi_store_real(out->dtype, out->data, at, ufi_load_real(out->dtype, out->data, at) + ufi_load_real(grad->dtype, grad->data, i));
  }
  return UF_OK;
}

static uf_status grad_run(ufi_ctx *ctx, ufi_bump *bump) {
  const pool_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0], *grad = grad_of(ctx);
  const bool first = a->window.channels_first;
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  int64_t channels;
  if (a->argmax) return bump->run ? give_args(ctx) : UF_OK;
  UFI_TRY(pool_window(ctx, out->dims, a->v2 ? 3 : -1, &w, &channels));
  if (channels != 1) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected pooling over images, found it over channels");
  pool_loop p = {.w = &w, .max = a->max, .ties = a->window.axes == 3};
  if (a->max) p.x = ufi_stage_in(ctx, bump, ctx->in[0], compute, first);
  p.grad = ufi_stage_in(ctx, bump, grad, compute, first);
  p.out = ufi_stage_out(bump, out, compute, first);
  if (bump->run && out->count > 0)
    ufi_share(ctx->pool, LOOP(compute, pool_grad), &p, w.batch, grad->count * w.a[0].kernel * w.a[1].kernel * w.a[2].kernel);
  ufi_stage_end(ctx, bump, p.out, out, compute, first);
  return UF_OK;
}

UFI_STAGED_DEF(TF_POOL, pool, pool_attrs, pool_tf);
UFI_STAGED_DEF(POOL_GRAD, grad, pool_attrs, pool_tf);
