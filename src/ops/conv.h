/* SPDX-License-Identifier: Apache-2.0
 *
 * conv.h: what convolution, pooling and matrix product ops share: attributes,
 * geometry, and the split between float32 and quantized code.
 *
 * Each op has three files. <op>.c owns the definition: attributes, infer, the
 * geometry, and the choice made by dtype alone (so prepare and eval choose
 * alike). <op>_f32.c computes float32 x float32. <op>_quant.c computes
 * everything else: uint8, int8, int16, and float32 inputs with integer weights
 * (hybrid); it checks dtypes and quantization in words in its prepare. FULLY_CONNECTED of one
 * row with lasting weights is in fully_connected_row.c, whatever its types.
 *
 *     op                   dispatched in          float32               others
 *     CONV_2D              conv.c                 conv_f32.c            conv_quant.c
 *     DEPTHWISE_CONV_2D    depthwise.c            depthwise_f32.c       depthwise_quant.c
 *     TRANSPOSE_CONV       transpose_conv.c       transpose_conv_f32.c  transpose_conv_quant.c
 *     FULLY_CONNECTED      fully_connected.c      fully_connected_f32.c fully_connected_quant.c
 *     BATCH_MATMUL         batch_matmul.c         batch_matmul_f32.c    batch_matmul_quant.c
 *     *_POOL_2D            pool.c                 pool_f32.c            pool_quant.c
 *
 * The state of a node (ufi_ctx_state) is one flat block that owns nothing, so
 * that no op of this family has a release function. The half that prepared a
 * node lays it out; tables go behind the struct, in the same block.
 *
 * Layouts: images are (batch, h, w, c); convolution weights (out_c, kh, kw,
 * in_c / groups); depthwise weights (1, kh, kw, out_c); transposed ones (out_c,
 * kh, kw, in_c); fully connected ones (out, in).
 */
#ifndef UFI_OPS_CONV_H
#define UFI_OPS_CONV_H

#include "ops/op.h"

/* Of CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and the pools. Values are as
 * the file has them; geometry checks them. */
typedef struct ufi_window_attrs {
  bool same;                       /* padding: SAME, else VALID */
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;  /* 1 where the op has none */
  int32_t filter_h, filter_w;      /* pools; 0 for the rest */
  ufi_act act;
  uf_dtype quantized_bias;         /* quantized_bias_type; UF_FLOAT32: not said */
} ufi_window_attrs;

enum { UFI_FC_SHUFFLED = 1 };      /* SHUFFLED4x16INT8; float weights with it lie as ever */

typedef struct ufi_fc_attrs {
  ufi_act act;
  bool keep_num_dims;
  bool asymmetric_inputs;          /* hybrid: asymmetric_quantize_inputs */
  int8_t format;                   /* of the weights: 0 or UFI_FC_SHUFFLED */
  uf_dtype quantized_bias;
} ufi_fc_attrs;

typedef struct ufi_bmm_attrs {
  bool adj_x, adj_y;
  bool asymmetric_inputs;
} ufi_bmm_attrs;

/* One axis of a sliding window: input position = out * stride - pad + tap *
 * dilation. */
typedef struct ufi_conv_geometry {
  int64_t batch;
  int64_t in_h, in_w, in_c;
  int64_t out_h, out_w, out_c;
  int64_t kernel_h, kernel_w;
  int64_t stride_h, stride_w;
  int64_t dilation_h, dilation_w;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t groups;                  /* in_c / filter's in_c; 1 for depthwise */
  int64_t multiplier;              /* depthwise: out_c / in_c; else 1 */
  bool may_be_empty;               /* a window that does not fit makes no output: pools */
  ufi_act act;
  const ufi_tensor *input, *filter, *bias; /* filter NULL: pool; bias NULL: none */
  ufi_tensor *output;
} ufi_conv_geometry;

/* Whether a position lies in an axis of the image, not in its padding: 0 <= at < size. */
static inline bool ufi_inside(int64_t at, int64_t size) { return (uint64_t)at < (uint64_t)size; }

/* (batch, in) x (out, in)^T. */
typedef struct ufi_fc_geometry {
  int64_t batch, in, out;
  ufi_act act;
  const ufi_tensor *input, *filter, *bias;
  ufi_tensor *output;
} ufi_fc_geometry;

/* out[b] = x[b] * y[b] with (m, k) * (k, n), where x is stored (k, m) if adj_x
 * and y is stored (n, k) if adj_y. */
typedef struct ufi_bmm_geometry {
  int64_t m, n, k;
  bool adj_x, adj_y;
  int64_t batches;                 /* of the output: product of batch_dims */
  int32_t batch_rank;
  int64_t batch_dims[UF_MAX_RANK];
  int64_t x_stride[UF_MAX_RANK];   /* elements between batches; 0: broadcast */
  int64_t y_stride[UF_MAX_RANK];
  int64_t x_row, y_row, y_column;  /* elements between rows, and columns, of matrices as they lie (x's columns: 1); 0: dense */
  const ufi_tensor *x, *y;
  ufi_tensor *output;
  const void *x_data, *y_data;     /* theirs, or what stands for them */
  void *out_data;
} ufi_bmm_geometry;

/* Element offsets of batch i of the output in x and y. */
void ufi_bmm_offsets(const ufi_bmm_geometry *g, int64_t i, int64_t *x_out, int64_t *y_out);

/* The geometry of this node from its inputs' shapes and its attributes, with
 * every check on shapes and attributes (not on dtypes); fails in words.
 * Cheap; infer, prepare and eval may each call it. */
uf_status ufi_conv_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) UF_MUST_USE;
uf_status ufi_depthwise_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) UF_MUST_USE;
/* Pads are those of the forward convolution that maps output to input:
 * output position = in * stride - pad + tap. Needs the shape input known. */
uf_status ufi_transpose_conv_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) UF_MUST_USE;
/* Filters lie side by side in the output: each of its pixels sees one input pixel, by one tap. */
static inline bool ufi_transpose_is_tiled(const ufi_conv_geometry *g) {
  return g->kernel_h == g->stride_h && g->kernel_w == g->stride_w && g->pad_top == 0 && g->pad_left == 0 &&
         g->out_h / g->kernel_h == g->in_h && g->out_h % g->kernel_h == 0 && g->out_w / g->kernel_w == g->in_w &&
         g->out_w % g->kernel_w == 0;
}
uf_status ufi_pool_geometry_of(ufi_ctx *ctx, ufi_conv_geometry *g_out) UF_MUST_USE;
uf_status ufi_fc_geometry_of(ufi_ctx *ctx, ufi_fc_geometry *g_out) UF_MUST_USE;
uf_status ufi_bmm_geometry_of(ufi_ctx *ctx, ufi_bmm_geometry *g_out) UF_MUST_USE;

/* Sees: input 0, padded, where the kernels take such pads; g as geometry_of has it. */
bool ufi_conv_sees(ufi_conv_geometry g, int32_t k);
/* In eval: the image is what the input is seen of, if it is, and what lies around it padding. */
void ufi_conv_see(ufi_conv_geometry *g);

/* Output extent and leading and trailing padding of one axis. VALID has no
 * padding; SAME splits what is needed, the odd one behind. False when the
 * sizes make no sense (kernel, stride or dilation below 1, overflow). */
bool ufi_window_axis(bool same, int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                     int64_t *out, int64_t *before, int64_t *after);

/* ---- pieces of the above, and of attribute readers (conv.c) ----------------- */

/* Strides, dilations, output extents and pads from a and the rest of g. */
uf_status ufi_window_geometry(ufi_ctx *ctx, const ufi_window_attrs *a,
                              ufi_conv_geometry *g) UF_MUST_USE;
/* Input extents from an image of rank 4; kernel extents from a filter of rank 4. */
uf_status ufi_conv_image(ufi_ctx *ctx, const ufi_tensor *image, ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_conv_filter(ufi_ctx *ctx, const ufi_tensor *filter, ufi_conv_geometry *g) UF_MUST_USE;
/* bias NULL or of out_c elements. */
uf_status ufi_conv_bias(ufi_ctx *ctx, const ufi_tensor *bias, int64_t out_c) UF_MUST_USE;
/* bias (may be NULL) and output are float32. */
uf_status ufi_conv_want_f32(ufi_ctx *ctx, const ufi_tensor *bias,
                            const ufi_tensor *output) UF_MUST_USE;
/* Packed weights or scratch of a size that no memory has. */
uf_status ufi_too_large(ufi_ctx *ctx);
uf_status ufi_act_of(int8_t code, ufi_act *act_out, uf_error *error) UF_MUST_USE;
uf_status ufi_padding_of(int8_t code, bool *same_out, uf_error *error) UF_MUST_USE;
uf_dtype ufi_quantized_bias_of(int8_t tensor_type);

/* The weights of this FULLY_CONNECTED lie in tiles. */
static inline bool ufi_fc_is_shuffled(const ufi_ctx *ctx) {
  return ((const ufi_fc_attrs *)ctx->attrs)->format == UFI_FC_SHUFFLED && ctx->in[1]->dtype != UF_FLOAT32;
}

/* True when the float32 half takes these inputs. */
static inline bool ufi_conv_is_f32(const ufi_tensor *input, const ufi_tensor *filter) {
  return input->dtype == UF_FLOAT32 && (!filter || filter->dtype == UF_FLOAT32);
}

/* ---- float32 halves: <op>_f32.c ------------------------------------------ */

uf_status ufi_conv_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_conv_f32_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_depthwise_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_depthwise_f32_eval(ufi_ctx *ctx) UF_MUST_USE;

/* Depthwise convolution of a batch of images with multiplier 1; image.in and image.out are the first's. */
typedef struct ufi_depthwise_f32 {
  ufk_f32_depthwise image;
  int64_t batch, out_h;
  const ufi_done *done;  /* NULL, or told of the pixels of lines that are complete */
} ufi_depthwise_f32;
/* All but pointers; no limits. in_c is out_c. */
ufi_depthwise_f32 ufi_depthwise_f32_of(const ufi_conv_geometry *g);
void ufi_depthwise_f32_run(ufi_pool *pool, const ufi_depthwise_f32 *args);

uf_status ufi_transpose_conv_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_transpose_conv_f32_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_fc_f32_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) UF_MUST_USE;
uf_status ufi_fc_f32_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_bmm_f32_prepare(ufi_ctx *ctx, const ufi_bmm_geometry *g) UF_MUST_USE;
/* Whether eval takes x (k: 0) or y (1) with whatever steps there are in g. */
bool ufi_bmm_f32_sees(const ufi_ctx *ctx, const ufi_bmm_geometry *g, int32_t k);
uf_status ufi_bmm_f32_eval(ufi_ctx *ctx) UF_MUST_USE;
/* After prepare: y is a weight, packed there. */
bool ufi_bmm_f32_is_packed(const ufi_ctx *ctx);
/* The product itself, of data as the geometry has it. packed: y packed once, NULL if it is not.
 * scratch: bytes as want says, which fails in words when there are too many. */
uf_status ufi_bmm_f32_want(ufi_ctx *ctx, const ufi_bmm_geometry *g, bool packed, size_t *bytes_out) UF_MUST_USE;
void ufi_bmm_f32_run(ufi_pool *pool, const ufi_bmm_geometry *g, const float *packed, void *scratch);
/* Packs y for all batches, when they share it; its floats. */
bool ufi_bmm_f32_shared(const ufi_bmm_geometry *g, size_t *floats_out);
void ufi_bmm_f32_pack(ufi_pool *pool, const ufi_bmm_geometry *g, float *out);

typedef enum ufi_pool_kind { UFI_POOL_AVERAGE, UFI_POOL_MAX, UFI_POOL_L2 } ufi_pool_kind;
uf_status ufi_pool_f32_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g,
                               ufi_pool_kind kind) UF_MUST_USE;
uf_status ufi_pool_f32_eval(ufi_ctx *ctx, ufi_pool_kind kind) UF_MUST_USE;

/* ---- quantized and hybrid halves: <op>_quant.c ------------------------------ */

uf_status ufi_conv_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_conv_quant_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_depthwise_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_depthwise_quant_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_transpose_conv_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g) UF_MUST_USE;
uf_status ufi_transpose_conv_quant_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_fc_quant_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) UF_MUST_USE;
uf_status ufi_fc_quant_eval(ufi_ctx *ctx) UF_MUST_USE;
/* fully_connected_row.c: of one row, decided alike in prepare and eval. */
bool ufi_fc_is_row(const ufi_ctx *ctx);
uf_status ufi_fc_row_f32_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g) UF_MUST_USE;
uf_status ufi_fc_row_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_bmm_quant_prepare(ufi_ctx *ctx, const ufi_bmm_geometry *g) UF_MUST_USE;
uf_status ufi_bmm_quant_eval(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_pool_quant_prepare(ufi_ctx *ctx, const ufi_conv_geometry *g,
                                 ufi_pool_kind kind) UF_MUST_USE; /* L2 never comes here */
uf_status ufi_pool_quant_eval(ufi_ctx *ctx, ufi_pool_kind kind) UF_MUST_USE;

#endif
