/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_dilation.c: Dilation2D, the largest sum of a window and a filter for each channel, with its two
 * gradients, and the fractional pools, whose windows are of two sizes in an order drawn by chance
 * (B. Graham, "Fractional max-pooling", 2014).
 */
#include <float.h>
#include <math.h>

#include "ops/random.h"
#include "ops/tf_stage.h"
#include "ops/tf_window.h"

typedef enum dilation_kind { DILATE, TO_IMAGE, TO_FILTER } dilation_kind;
typedef struct dilation {
  const ufi_tf_window *w;
  dilation_kind what;
  const void *image, *filter, *grad;
  void *out;
} dilation;

#define T float
#define NAME(x) x##_f32
#define LOWEST (-FLT_MAX)
#include "ops/tf_dilation_tmpl.h"
#undef T
#undef NAME
#undef LOWEST
#define T double
#define NAME(x) x##_f64
#define LOWEST (-DBL_MAX)
#include "ops/tf_dilation_tmpl.h"
#undef T
#undef NAME
#undef LOWEST
#define T int64_t
#define NAME(x) x##_i64
#define LOWEST INT64_MIN
#include "ops/tf_dilation_tmpl.h"

typedef struct dilation_attrs {
  ufi_tf_window_attrs window;
  dilation_kind what;
} dilation_attrs;
static uf_status dilation_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  dilation_attrs *a = memory;
  a->what = strstr(from->op, "BackpropInput") ? TO_IMAGE : strstr(from->op, "BackpropFilter") ? TO_FILTER : DILATE;
  UFI_TRY(ufi_tf_window_attrs_of(from, 2, &a->window, error));
  const int64_t *s = a->window.strides, *r = a->window.dilations;
  if (s[0] == 1 && s[3] == 1 && r[0] == 1 && r[3] == 1) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected strides and rates of 1 for batch and channels, found others");
}

static uf_status dilation_window(ufi_ctx *ctx, ufi_tf_window *w) {
  const dilation_attrs *a = ctx->attrs;
  const ufi_tensor *image = ctx->in[0], *filter = ctx->in[1];
  UFI_TRY(ufi_want_rank(ctx, image, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, filter, 3, 3));
  if (image->dims[3] != filter->dims[2])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a filter of %lld channels, found %lld", (long long)image->dims[3],
                        (long long)filter->dims[2]);
  return ufi_tf_window_of(ctx, &a->window, image->dims, (int64_t[]){1, filter->dims[0], filter->dims[1]}, w);
}

static uf_status dilation_infer(ufi_ctx *ctx) {
  const dilation_attrs *a = ctx->attrs;
  ufi_tf_window w;
  for (int32_t i = 0; i < ctx->n_in; i++) {
    UFI_TRY(ufi_tf_want_group(ctx, ctx->in[i], UFI_FLOATS | UFI_INTS));
    UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[i]));
  }
  UFI_TRY(dilation_window(ctx, &w));
  const int64_t dims[4] = {w.batch, w.a[1].out, w.a[2].out, w.in_c};
  if (a->what == DILATE) return ufi_out_shape(ctx, 0, 4, dims);
  UFI_TRY(ufi_want_rank(ctx, ctx->in[2], 4, 4));
  if (memcmp(dims, ctx->in[2]->dims, sizeof dims) != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected out_backprop of the dilation's shape, found another");
  return ufi_out_like(ctx, 0, ctx->in[a->what == TO_IMAGE ? 0 : 1]);
}

typedef struct dilation_lines {
  const dilation *d;
  uf_dtype compute;
} dilation_lines;
static void dilate_lines(void *context, size_t begin, size_t end) {
  const dilation_lines *l = context;
  for (int64_t line = (int64_t)begin; line < (int64_t)end; line++) {
    if (l->compute == UF_FLOAT32) dilate_f32(l->d, line);
    else if (l->compute == UF_FLOAT64) dilate_f64(l->d, line);
    else dilate_i64(l->d, line);
  }
}

static uf_status dilation_run(ufi_ctx *ctx, ufi_bump *bump) {
  const dilation_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  ufi_tf_window w;
  UFI_TRY(dilation_window(ctx, &w));
  dilation d = {.w = &w, .what = a->what};
  d.image = ufi_stage_in(ctx, bump, ctx->in[0], compute, false);
  d.filter = ufi_stage_in(ctx, bump, ctx->in[1], compute, false);
  if (a->what != DILATE) d.grad = ufi_stage_in(ctx, bump, ctx->in[2], compute, false);
  d.out = ufi_stage_out(bump, out, compute, false);
  if (bump->run && out->count > 0) {
    dilation_lines lines = {&d, compute};
    const int64_t n = w.batch * w.a[1].out;
    if (a->what == DILATE) {
      ufi_share(ctx->pool, dilate_lines, &lines, n, w.a[2].out * w.in_c * w.a[1].kernel * w.a[2].kernel);
    } else {
      memset(d.out, 0, (size_t)out->count * ufi_dtype_size(compute));
      dilate_lines(&lines, 0, (size_t)n);
    }
  }
  ufi_stage_end(ctx, bump, d.out, out, compute, false);
  return UF_OK;
}
UFI_STAGED_DEF(DILATION_2D, dilation, dilation_attrs, dilation_tf);

/* ---- fractional pools ------------------------------------------------------------------------ */

typedef struct fractional_attrs {
  ufi_random_attrs random;
  float ratio[4];
  bool max, pseudo, overlap;
} fractional_attrs;
static uf_status fractional_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  fractional_attrs *a = memory;
  const uf_attr *ratio = ufi_tf_attr(from, "pooling_ratio");
  UFI_TRY(ufi_random_attrs_tf(from, &a->random, error));
  if (!ufi_tf_bool(from, "deterministic")) a->random.seed = a->random.seed2 = 0;
  a->max = strstr(from->op, "Max") != NULL;
  a->pseudo = ufi_tf_bool(from, "pseudo_random");
  a->overlap = ufi_tf_bool(from, "overlapping");
  const bool four = ratio && ratio->kind == UF_ATTR_FLOATS && ratio->n == 4;
  for (int32_t i = 0; four && i < 4; i++) a->ratio[i] = (float)ratio->floats[i];
  for (int32_t i = 0; i < 4; i++)
    if (!four || !(a->ratio[i] >= 1.0f))
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a pooling_ratio of 4 numbers of 1 or more, found others");
  if (a->ratio[0] == 1.0f && a->ratio[3] == 1.0f) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected a pooling_ratio of 1 for batch and channels, found another");
}

static uf_status fractional_infer(ufi_ctx *ctx) {
  const fractional_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  int64_t dims[4];
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 4, 4));
  for (int32_t i = 0; i < 4; i++) {
    dims[i] = (int64_t)floorf((float)x->dims[i] / a->ratio[i]);
    if (dims[i] < 1 || x->dims[i] > INT32_MAX)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an image of more than the pooling_ratio, found %lld and %g",
                          (long long)x->dims[i], (double)a->ratio[i]);
  }
  UFI_TRY(ufi_out_shape(ctx, 0, 4, dims));
  UFI_TRY(ufi_out_shape(ctx, 1, 1, (int64_t[]){dims[1] + 1}));
  return ufi_out_shape(ctx, 2, 1, (int64_t[]){dims[2] + 1});
}

/* Where windows begin: n of them over `in` positions, and the end. */
static uf_status draw_sequence(ufi_ctx *ctx, int64_t in, int64_t n, int64_t *sequence) {
  const fractional_attrs *a = ctx->attrs;
  const int64_t each = in / n;
  ufi_philox_words words = {.used = 4};
  if (a->pseudo) {
    UFI_TRY(ufi_random_reserve(ctx, &a->random, 1, &words.gen));
    const double alpha = (double)in / (double)n, most = fmin((double)(each + 2) / alpha - 1, (double)(in + 1 - each) / alpha - (double)(n - 1));
    const uint32_t high = ufi_philox_word(&words), low = ufi_philox_word(&words);
    const double u = ufi_random_double(high, low) * most;
    sequence[0] = 0;
    for (int64_t i = 1; i < n; i++) sequence[i] = (int64_t)ceil(alpha * ((double)i + u)) - 1;
    sequence[n] = in;
    return UF_OK;
  }
  UFI_TRY(ufi_random_reserve(ctx, &a->random, (uint64_t)(n + 3) / 4, &words.gen));
  int64_t *size = sequence + 1; /* first sizes, then their sums */
  for (int64_t i = 0; i < n; i++) size[i] = each + (i < in % n);
  for (int64_t i = 0; i < n - 1; i++) {
    const int64_t with = i + (int64_t)(ufi_philox_word(&words) % (uint32_t)(n - i)), kept = size[i];
    size[i] = size[with];
    size[with] = kept;
  }
  sequence[0] = 0;
  for (int64_t i = 1; i <= n; i++) sequence[i] += sequence[i - 1];
  return UF_OK;
}

#define FRACTIONAL(T)                                                                                               \
  for (int64_t i = 0; i < y->count; i++) {                                                                          \
    const int64_t ch = i % c, ow = i / c % w, oh = i / c / w % h, n = i / c / w / h;                                \
    const int64_t h1 = UFI_MIN(rows[oh + 1] + a->overlap, in_h), w1 = UFI_MIN(columns[ow + 1] + a->overlap, in_w);  \
    const int64_t h0 = UFI_MIN(UFI_MAX(rows[oh], 0), in_h - 1), w0 = UFI_MIN(UFI_MAX(columns[ow], 0), in_w - 1);    \
    T best = 0;                                                                                                     \
    int64_t count = 0;                                                                                              \
    for (int64_t r = h0; r < h1; r++) for (int64_t k = w0; k < w1; k++, count++) {                                  \
      const T v = ((const T *)x->data)[((n * in_h + r) * in_w + k) * c + ch];                                       \
      best = !a->max ? (T)(best + v) : count == 0 || v > best ? v : best;                                           \
    }                                                                                                               \
    ((T *)y->data)[i] = a->max || count == 0 ? best : (T)(best / (T)count);                                         \
  }

static uf_status fractional_eval(ufi_ctx *ctx) {
  const fractional_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  const int64_t in_h = x->dims[1], in_w = x->dims[2], h = y->dims[1], w = y->dims[2], c = y->dims[3];
  int64_t *rows = ctx->out[1]->data, *columns = ctx->out[2]->data;
  UFI_TRY(draw_sequence(ctx, in_h, h, rows));
  UFI_TRY(draw_sequence(ctx, in_w, w, columns));
  switch (y->dtype) {
    case UF_FLOAT32: FRACTIONAL(float); break;
    case UF_FLOAT64: FRACTIONAL(double); break;
    case UF_INT32: FRACTIONAL(int32_t); break;
    default: FRACTIONAL(int64_t); break;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_FRACTIONAL_POOL = {
  .attrs_size = sizeof(fractional_attrs), .attrs_tf = fractional_tf, .infer = fractional_infer, .eval = fractional_eval,
};
