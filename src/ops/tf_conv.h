/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_conv.h: the float32 side of TensorFlow's convolutions (tf_conv_f32.c) and what fused ops do
 * with the results (tf_fused.c).
 */
#ifndef UFI_TF_CONV_H
#define UFI_TF_CONV_H

#include "ops/gemm_f32.h"
#include "ops/tf_stage.h"
#include "ops/tf_window.h"

/* A float32 convolution: x and out channels last; filter as TensorFlow has it. */
typedef struct ufi_conv_tf_f32 {
  const ufi_tf_window *w;
  const float *x, *filter;
  const ufi_tensor *cached; /* filter's tensor when it is float32 itself: packed once; else NULL */
  const float *bias;        /* out_c, or NULL */
  float *out;
} ufi_conv_tf_f32;

/* Both run in two passes as tf_stage.h says: counting first. */
uf_status ufi_tf_conv_f32(ufi_ctx *ctx, ufi_bump *bump, const ufi_conv_tf_f32 *c) UF_MUST_USE;
/* Gradient of the image: x is the output's gradient. Only for what ufi_tf_conv_f32_back_takes. */
uf_status ufi_tf_conv_f32_back(ufi_ctx *ctx, ufi_bump *bump, const ufi_conv_tf_f32 *c) UF_MUST_USE;
bool ufi_tf_conv_f32_back_takes(const ufi_tf_window *w);

/* A convolution of int64 values, which wraps (tf_conv.c). */
void ufi_tf_conv_i64(ufi_pool *pool, const ufi_tf_window *w, const int64_t *x, const int64_t *filter, int64_t *out);

/* ---- fused_ops (tf_fused.c) ------------------------------------------------------- */

typedef enum ufi_fused_act {
  UFI_FUSED_NONE, UFI_FUSED_RELU, UFI_FUSED_RELU6, UFI_FUSED_ELU, UFI_FUSED_LEAKY, UFI_FUSED_TANH,
  UFI_FUSED_SIGMOID, UFI_FUSED_GELU_TANH, UFI_FUSED_GELU,
} ufi_fused_act;
typedef struct ufi_tf_fused {
  bool bias, norm;
  ufi_fused_act act;
  float epsilon, alpha;
} ufi_tf_fused;
/* Reads fused_ops, epsilon and leakyrelu_alpha of an op that has them. */
uf_status ufi_tf_fused_of(const ufi_tf_attrs *from, ufi_tf_fused *out, uf_error *error) UF_MUST_USE;
/* Checks the inputs from `first` on: a bias, or scale, offset, mean and variance, of `channels`. */
uf_status ufi_tf_fused_check(ufi_ctx *ctx, const ufi_tf_fused *f, int32_t first, int64_t channels) UF_MUST_USE;
/* Applies all of it to (rows, channels) values of dtype float32 or float64. */
void ufi_tf_fused_run(ufi_ctx *ctx, const ufi_tf_fused *f, int32_t first, uf_dtype dtype, void *values,
                      int64_t rows, int64_t channels);

#endif
