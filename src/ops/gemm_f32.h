/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_f32.h: float32 matrix products and convolutions of any size, cut into
 * tiles for the kernels of kernels/gemm.h, on all threads.
 *
 * The left matrix is never copied. Its row r is what the window of output pixel
 * r sees of an image; a plain matrix is an image of one line, one tap. The
 * right matrix is packed once by ufi_gemm_f32_pack.
 */
#ifndef UFI_OPS_GEMM_F32_H
#define UFI_OPS_GEMM_F32_H

#include "ops/conv.h"

typedef struct ufi_gemm_f32 {
  /* Left: `batch` images of (in_h, in_w) pixels, each `channels` floats of
   * every `in_pixel`. Output pixel (y, x) of the (out_h, out_w) grid sees at
   * tap (i, j) the input pixel (y * stride_h - pad_top + i * dilation_h, ...),
   * zeros outside. Steps may be negative. */
  const float *in;
  int64_t batch, in_h, in_w, in_pixel, channels;
  int64_t out_h, out_w;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  /* Right: packed (kernel_h * kernel_w * channels, n), and what is added. */
  const float *b;
  const float *bias;     /* n, padded to whole vectors (ufi_gemm_f32_bias) */
  int64_t n;
  /* Output: floats between pixels, lines and images. */
  float *out;
  int64_t out_pixel, out_line, out_image;
  float min, max;
  bool add;              /* start from what out holds; bias is not read */
  /* How often all this is done, each time with pointers moved on (groups). */
  int64_t groups;
  int64_t in_group, b_group, bias_group, out_group;
  const float *zeros;    /* ufi_gemm_f32_zeros floats of 0.0 */
  const ufi_done *done;  /* NULL, or told of rows of n that are complete; of none if they are cut */
} ufi_gemm_f32;

/* Runs it. Results do not depend on the pool. */
void ufi_gemm_f32_run(ufi_pool *pool, const ufi_gemm_f32 *g);
/* out (m, n) = a (m, k) * b + bias, with rows of a and out that many floats apart. */
void ufi_gemm_f32_plain(ufi_gemm_f32 *g_out, int64_t m, int64_t n, int64_t k, const float *a,
                        int64_t a_step, const float *b, const float *bias, float *out,
                        int64_t out_step);

/* Floats of zeros that windows with these taps need. */
size_t ufi_gemm_f32_zeros(int64_t kernel_w, int64_t channels);
/* n rounded up to whole panels. */
int64_t ufi_gemm_f32_columns(int64_t n);
/* Floats of k x n packed; false on overflow. */
bool ufi_gemm_f32_packed_size(int64_t k, int64_t n, size_t *floats_out);
/* Packs element (i, j) = from[i * k_step + j * n_step]. */
void ufi_gemm_f32_pack(ufi_pool *pool, int64_t k, int64_t n, const float *from, int64_t k_step,
                       int64_t n_step, float *out);
/* Like pack, for one panel of columns, when k is not one run: rows
 * [k0, k0 + rows) of the packed matrix of k rows. */
void ufi_gemm_f32_pack_rows(int64_t k, int64_t n, int64_t k0, int64_t rows, const float *from,
                            int64_t k_step, int64_t n_step, float *out);

/* In eval: runs g with a weight of (groups, n, depth), which it packs: to stay, or, while it is not kept, some columns at a
 * time where they do not leave the cache before they are used (ufi_packed_weight says when; slot as there). */
uf_status ufi_gemm_f32_weight(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g) UF_MUST_USE;
/* Sets g->b to that weight, which lasts, packed and kept from now on. */
uf_status ufi_gemm_f32_keep(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g) UF_MUST_USE;

/* A transposed convolution (transpose_conv_f32.c) of g's geometry: element (k, n) of a tap's matrix is
 * weights[tap * tap_step + n * n_step + k]. Packed floats: those of (taps * in_c, out_c). zeros:
 * ufi_gemm_f32_zeros(1, in_c); bias: out_c, padded. */
void ufi_transpose_f32_pack(const ufi_conv_geometry *g, const float *weights, int64_t tap_step, int64_t n_step,
                            float *out);
void ufi_transpose_f32_run(ufi_pool *pool, const ufi_conv_geometry *g, const float *in, const float *packed,
                           const float *bias, const float *zeros, float *out);

/* The bias of n columns of each group for ufi_gemm_f32: itself where it can be read by whole vectors, so that no thread waits
 * for a copy in another's cache; else, and zeros for NULL, in room for whole panels of each group. */
const float *ufi_gemm_f32_bias(const ufi_tensor *bias, int64_t groups, int64_t n, float *room);
/* A fused activation that is no clamp, applied in place: of FULLY_CONNECTED only, as in TFLite, whose other
 * kernels of this family pass over TANH and SIGN_BIT. */
void ufi_act_apply_f32(ufi_act act, float *data, int64_t count);

#endif
