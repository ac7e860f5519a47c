/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_fused.c: what _FusedConv2D and _FusedMatMul, made by TensorFlow's graph optimizer, do with
 * their products: add a bias or normalize, then an activation.
 */
#include <math.h>

#include "ops/tf_conv.h"

static bool word_is(const uf_string *word, const char *text) {
  return word->size == strlen(text) && memcmp(word->data, text, word->size) == 0;
}

uf_status ufi_tf_fused_of(const ufi_tf_attrs *from, ufi_tf_fused *f, uf_error *error) {
  static const char *const acts[] = {"", "Relu", "Relu6", "Elu", "LeakyRelu", "Tanh", "Sigmoid", "GeluApproximate",
                                     "GeluExact"};
  const uf_attr *list = ufi_tf_attr(from, "fused_ops");
  f->epsilon = (float)ufi_tf_float(from, "epsilon");
  f->alpha = (float)ufi_tf_float(from, "leakyrelu_alpha");
  for (int32_t i = 0; list && list->kind == UF_ATTR_STRINGS && i < list->n; i++) {
    const uf_string *word = &list->strings[i];
    bool known = false;
    if (i == 0 && word_is(word, "BiasAdd")) known = f->bias = true;
    if (i == 0 && word_is(word, "FusedBatchNorm")) known = f->norm = true;
    for (int32_t a = 1; a < (int32_t)UFI_COUNT(acts) && !known && f->act == UFI_FUSED_NONE; a++) {
      if (!word_is(word, acts[a])) continue;
      f->act = (ufi_fused_act)a;
      known = true;
    }
    if (!known)
      return ufi_fail(error, UF_UNIMPLEMENTED, "expected fused_ops of BiasAdd or FusedBatchNorm and an activation, found '%.64s'",
                      word->data);
  }
  return UF_OK;
}

uf_status ufi_tf_fused_check(ufi_ctx *ctx, const ufi_tf_fused *f, int32_t first, int64_t channels) {
  const int32_t n = f->bias ? 1 : f->norm ? 4 : 0;
  if (ctx->n_in < first + n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d inputs for fused ops, found %d", (int)(first + n), (int)ctx->n_in);
  for (int32_t i = first; i < first + n; i++) {
    UFI_TRY(ufi_tf_want_group(ctx, ctx->in[i], UFI_FLOATS));
    if (ctx->in[i]->count != channels)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld values, one per channel, found %lld",
                          (long long)channels, (long long)ctx->in[i]->count);
  }
  return UF_OK;
}

static double activate(const ufi_tf_fused *f, double v) {
  switch (f->act) {
    case UFI_FUSED_RELU: return v < 0 ? 0 : v;
    case UFI_FUSED_RELU6: return v < 0 ? 0 : v > 6 ? 6 : v;
    case UFI_FUSED_ELU: return v < 0 ? expm1(v) : v;
    case UFI_FUSED_LEAKY: return v > 0 ? v : v * (double)f->alpha;
    case UFI_FUSED_TANH: return tanh(v);
    case UFI_FUSED_SIGMOID: return 1 / (1 + exp(-v));
    case UFI_FUSED_GELU_TANH: return 0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
    case UFI_FUSED_GELU: return 0.5 * v * erfc(-v * 0.7071067811865476);
    default: return v;
  }
}

typedef struct fused_args {
  const ufi_tf_fused *f;
  const ufi_ctx *ctx;
  int32_t first;
  uf_dtype dtype;
  void *values;
  int64_t channels;
} fused_args;

static double arg_at(const fused_args *a, int32_t i, int64_t c) {
  const ufi_tensor *t = a->ctx->in[a->first + i];
  return ufi_load_real(t->dtype, t->data, c);
}

/* y = x * scale + shift of a channel, from bias or from normalization. */
static void channel_line(const fused_args *a, int64_t c, double *scale, double *shift) {
  *scale = 1;
  *shift = a->f->bias ? arg_at(a, 0, c) : 0;
  if (!a->f->norm) return;
  *scale = arg_at(a, 0, c) / sqrt(arg_at(a, 3, c) + (double)a->f->epsilon);
  *shift = arg_at(a, 1, c) - arg_at(a, 2, c) * *scale;
}

/* Channels one after another, so that a channel's numbers are loaded once. */
static void run_channels(void *context, size_t begin, size_t end) {
  const fused_args *a = context;
  const bool relu = a->f->act == UFI_FUSED_NONE || a->f->act == UFI_FUSED_RELU || a->f->act == UFI_FUSED_RELU6;
  const float lo = a->f->act == UFI_FUSED_NONE ? -INFINITY : 0.0f, hi = a->f->act == UFI_FUSED_RELU6 ? 6.0f : INFINITY;
  enum { BLOCK = 64 };
  double scale[BLOCK], shift[BLOCK];
  for (int64_t c0 = 0; c0 < a->channels; c0 += BLOCK) {
    const int64_t n = UFI_MIN(a->channels - c0, (int64_t)BLOCK);
    for (int64_t c = 0; c < n; c++) channel_line(a, c0 + c, &scale[c], &shift[c]);
    for (size_t r = begin; r < end; r++) {
      const size_t at = r * (size_t)a->channels + (size_t)c0;
      if (a->dtype == UF_FLOAT64) {
        double *v = (double *)a->values + at;
        for (int64_t c = 0; c < n; c++) v[c] = activate(a->f, v[c] * scale[c] + shift[c]);
        continue;
      }
      float *v = (float *)a->values + at;
      for (int64_t c = 0; c < n && relu; c++) {
        const float y = v[c] * (float)scale[c] + (float)shift[c];
        v[c] = y < lo ? lo : y > hi ? hi : y;
      }
      for (int64_t c = 0; c < n && !relu; c++) v[c] = (float)activate(a->f, (double)v[c] * scale[c] + shift[c]);
    }
  }
}

void ufi_tf_fused_run(ufi_ctx *ctx, const ufi_tf_fused *f, int32_t first, uf_dtype dtype, void *values, int64_t rows,
                      int64_t channels) {
  if (!f->bias && !f->norm && f->act == UFI_FUSED_NONE) return;
  fused_args a = {f, ctx, first, dtype, values, channels};
  ufi_share(ctx->pool, run_channels, &a, rows, 8 * channels);
}
