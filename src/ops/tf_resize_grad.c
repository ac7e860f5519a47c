/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_resize_grad.c: ResizeBilinearGrad and ResizeNearestNeighborGrad: each value of the gradient goes
 * back to the pixels that the resized one was made of, by the same weights.
 */
#include <math.h>

#include "ops/tf_stage.h"

typedef struct resize_attrs {
  bool bilinear, align, half;
} resize_attrs;
static uf_status resize_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  resize_attrs *a = memory;
  a->bilinear = strstr(from->op, "Bilinear") != NULL;
  a->align = ufi_tf_bool(from, "align_corners");
  a->half = ufi_tf_bool(from, "half_pixel_centers");
  if (!a->align || !a->half) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected align_corners or half_pixel_centers, found both");
}

static uf_status resize_infer(ufi_ctx *ctx) {
  const resize_attrs *a = ctx->attrs;
  const ufi_tensor *grad = ctx->in[0];
  int64_t size[2] = {0};
  int32_t n = 2;
  UFI_TRY(ufi_want_rank(ctx, grad, 4, 4));
  if (a->bilinear) {
    UFI_TRY(ufi_tf_want_group(ctx, ctx->in[1], UFI_FLOATS));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 4, 4));
    memcpy(size, ctx->in[1]->dims + 1, sizeof size);
  } else {
    UFI_TRY(ufi_tf_want(ctx, grad, UF_FLOAT32, UF_FLOAT64, UF_FLOAT16, UF_BFLOAT16, UF_INT8, UF_UINT8, UF_INT32, UF_INVALID));
    if (!ufi_known(ctx, 1)) return UF_OK;
    UFI_TRY(ufi_read_ints(ctx, ctx->in[1], size, 2, &n));
  }
  const int64_t *d = grad->dims;
  if (n != 2 || size[0] <= 0 || size[1] <= 0 || d[1] <= 0 || d[2] <= 0 || size[0] > INT32_MAX || size[1] > INT32_MAX ||
      d[1] > INT32_MAX || d[2] > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected images of 1 x 1 or more, found %lld x %lld from %lld x %lld",
                        (long long)size[0], (long long)size[1], (long long)d[1], (long long)d[2]);
  return ufi_out_shape(ctx, 0, 4, (int64_t[]){d[0], size[0], size[1], d[3]});
}

/* Where position p of `out` came from: two pixels and the weight of the second. */
typedef struct tap {
  int64_t low, high;
  float weight;
} tap;

static tap tap_of(const resize_attrs *a, int64_t p, int64_t in, int64_t out) {
  const float scale = a->align && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
  tap t = {0};
  if (!a->bilinear) {
    const float at = a->half ? ((float)p + 0.5f) * scale : (float)p * scale;
    const int64_t found = (int64_t)(a->align ? roundf(at) : floorf(at));
    t.low = t.high = UFI_MAX(UFI_MIN(found, in - 1), 0);
    return t;
  }
  const float at = a->half ? ((float)p + 0.5f) * scale - 0.5f : (float)p * scale, floor = floorf(at);
  t.low = UFI_MIN(UFI_MAX((int64_t)floor, 0), in - 1);
  t.high = UFI_MIN(UFI_MAX((int64_t)ceilf(at), 0), in - 1);
  t.weight = at - floor;
  return t;
}

#define GIVE(type)                                                                                                \
  for (int64_t c = 0; c < depth; c++) {                                                                           \
    const type g = ((const type *)grad)[from + c];                                                                \
    type *image = (type *)out + n * h * w * depth + c;                                                            \
    if (!a->bilinear) {                                                                                           \
      image[(y.low * w + x.low) * depth] += g;                                                                    \
      continue;                                                                                                   \
    }                                                                                                             \
    const type ty = (type)y.weight, tx = (type)x.weight;                                                          \
    image[(y.low * w + x.low) * depth] += g * (1 - ty) * (1 - tx);                                                \
    image[(y.low * w + x.high) * depth] += g * (1 - ty) * tx;                                                     \
    image[(y.high * w + x.low) * depth] += g * ty * (1 - tx);                                                     \
    image[(y.high * w + x.high) * depth] += g * ty * tx;                                                          \
  }

static uf_status resize_run(ufi_ctx *ctx, ufi_bump *bump) {
  const resize_attrs *a = ctx->attrs;
  const ufi_tensor *t = ctx->out[0], *from_t = ctx->in[0];
  const int64_t h = t->dims[1], w = t->dims[2], depth = t->dims[3], rows = from_t->dims[1], columns = from_t->dims[2];
  const uf_dtype compute = ufi_compute_dtype(t->dtype);
  const void *grad = ufi_stage_in(ctx, bump, from_t, compute, false);
  void *out = ufi_stage_out(bump, t, compute, false);
  if (!bump->run) return ufi_stage_end(ctx, bump, out, t, compute, false), UF_OK;
  memset(out, 0, (size_t)t->count * ufi_dtype_size(compute));
  for (int64_t i = 0; i < t->dims[0] * rows * columns; i++) {
    const int64_t n = i / (rows * columns), from = i * depth;
    const tap y = tap_of(a, i / columns % rows, h, rows), x = tap_of(a, i % columns, w, columns);
    if (compute == UF_FLOAT32) GIVE(float)
    else if (compute == UF_FLOAT64) GIVE(double)
    else GIVE(int64_t)
  }
  ufi_stage_end(ctx, bump, out, t, compute, false);
  return UF_OK;
}

UFI_STAGED_DEF(RESIZE_GRAD, resize, resize_attrs, resize_tf);
