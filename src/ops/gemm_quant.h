/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_quant.h: quantized matrix products and convolutions of any size, cut into
 * tiles for the kernels of kernels/qgemm.h, on all threads.
 *
 * Two layers. ufi_gemm_q is one product: a left matrix (an image seen through a
 * window, or plain rows), packed weights, and how sums become outputs.
 * ufi_q_node is what the ops around it share: checking types and scales,
 * packing, quantizing float inputs (hybrid), multipliers, bias, scratch.
 *
 *     input    weights            sums     output
 *     int8     int8, int4, int2   32 bit   int8 (FULLY_CONNECTED: by a double factor)
 *     uint8    uint8              32 bit   uint8 (FULLY_CONNECTED: or int16)
 *     int16    int8, int4, int2   64 bit   int16 (32 bit with a bias that is said to be int32)
 *     float32  int8, int4, int2   32 bit   float32; the input is quantized to int8 first
 *
 * Weights of float32 inputs may also be uint8 (CONV_2D, FULLY_CONNECTED): bytes of int8 under another name, as the
 * first converters wrote them and all kernels since read them.
 */
#ifndef UFI_OPS_GEMM_QUANT_H
#define UFI_OPS_GEMM_QUANT_H

#include "kernels/requant.h"
#include "ops/conv.h"
#include "ops/quantize.h"

/* ---- one product ------------------------------------------------------------ */

typedef enum ufi_q_end {
  UFI_Q_FIXED,    /* int32 sums by multiplier and shift */
  UFI_Q_REAL,     /* int32 sums by a double */
  UFI_Q_FIXED_64, /* int64 sums by multiplier and shift */
  UFI_Q_REAL_64,  /* int64 sums by a double */
  UFI_Q_FLOAT,    /* int32 sums to float32 */
  UFI_Q_BLOCKS,   /* to float32, each block of the sum with a scale of its own */
  UFI_Q_SUM,      /* int32 sums as they are */
} ufi_q_end;

/* How weights are packed, and rows with them (kernels/qgemm.h). */
typedef enum ufi_q_kind {
  UFI_Q_PAIRS,  /* weights of int8, rows of int16 */
  UFI_Q_WIDE,   /* both of int16 */
  UFI_Q_BYTES,  /* both of 8 bits */
} ufi_q_kind;
/* Of rows of dtype `in` (float32: quantized to int8) with weights of int8, or wider ones. */
ufi_q_kind ufi_q_kind_of(uf_dtype in, bool wide);

typedef struct ufi_gemm_q {
  /* Left: `batch` images of (in_h, in_w) pixels, each `channels` elements of
   * every `in_pixel`. Output pixel (y, x) of the (out_h, out_w) grid sees at
   * tap (i, j) the input pixel (y * stride_h - pad_top + i * dilation_h, ...),
   * zero points outside. Dilations may be negative. */
  uf_dtype in_dtype;
  const void *in;
  int64_t batch, in_h, in_w, in_pixel, channels;
  int64_t out_h, out_w;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  const int32_t *zero;     /* zero point of rows [i * share, (i + 1) * share) */
  const float *row_scale;  /* and their scale (float outputs) */
  int64_t share;
  /* Or rows of floats (flat ones, BYTES), each of which is quantized by itself to int8 on the way: in is not looked at,
   * zero and row_scale come of it, the latter times `scale`. NULL: no. */
  const float *floats;
  bool asymmetric;
  float scale;
  /* Right: packed (kernel_h * kernel_w * channels, n). */
  const void *b;
  ufi_q_kind kind;
  int32_t b_zero;          /* BYTES, rows of one zero point: zero point of the right matrix, still in it */
  int64_t runs;            /* sums of 32 bits: each of so many equal parts of a row is packed in whole groups (0: 1) */
  int64_t n;
  int64_t block;           /* UFI_Q_BLOCKS: length of a block, even */
  /* From sums to outputs: element [group * padded(n) + column]. */
  ufi_q_end end;
  uf_dtype out_dtype;
  const int32_t *bias;     /* NULL: zeros; here and below */
  const int64_t *bias_64;
  const float *bias_float;
  const int32_t *multiplier, *shift;
  const double *real;
  const float *factor, *nudge; /* as in ufk_q_scale, or NULL */
  const float *column;
  const float *blocks;     /* (panel, block, q_nr) */
  bool column_first;
  int32_t out_zero, out_min, out_max;
  float min, max;
  /* Output: elements between pixels, lines and images. */
  void *out;
  int64_t out_pixel, out_line, out_image;
  /* How often all this is done, each time moved on: by elements, bytes, elements. */
  int64_t groups, in_group, b_group, out_group;
  /* Scratch: ufi_gemm_q_rows_size bytes for each of `workers`. */
  void *rows;
  int32_t workers;
  void *extra;             /* as much as ufi_q_spec.extra asked for */
  const ufi_done *done;    /* NULL, or told of rows of n that are complete; of none if they are cut */
} ufi_gemm_q;

/* Runs it. Results do not depend on the pool or on workers. */
void ufi_gemm_q_run(ufi_pool *pool, const ufi_gemm_q *g);
/* Bytes of gathered rows that one worker needs for sums of length depth. */
bool ufi_gemm_q_rows_size(int64_t depth, size_t *bytes_out);

/* How sums of columns from `at` become outputs: for end FIXED and REAL, and for FLOAT. */
ufk_q_scale ufi_gemm_q_scale(const ufi_gemm_q *g, int64_t at);
ufk_q_float ufi_gemm_q_float(const ufi_gemm_q *g, int64_t at, const float *row_scales);

/* n rounded up to what arrays of one element per column are padded to. */
static inline int64_t ufi_q_padded(int64_t n) {
  return (n + UFK_Q_MAX_NR - 1) / UFK_Q_MAX_NR * UFK_Q_MAX_NR;
}
/* Bytes of depth x n packed; false on overflow. */
/* Rows of the right matrix that lie together, of the parts of one column. */
static inline int64_t ufi_q_group(ufi_q_kind kind) { return kind == UFI_Q_BYTES ? 4 : 2; }
bool ufi_gemm_q_packed_size(int64_t depth, int64_t n, ufi_q_kind kind, size_t *bytes_out);
/* Packs rows [k0, k0 + rows) of a matrix of `depth` rows: element (k0 + i, j) is
 * from[i * k_step + j * n_step] - zero. dtype: UF_INT8, UF_UINT8 or UF_INT16; not
 * wide: UF_INT8 and zero 0. Rows come in order; the memory is zero before the first. */
void ufi_gemm_q_pack(ufi_pool *pool, ufi_q_kind kind, int64_t depth, int64_t n, int64_t k0,
                     int64_t rows, const void *from, uf_dtype dtype, int64_t k_step, int64_t n_step,
                     int32_t zero, void *out);

/* ---- what nodes share --------------------------------------------------------- */

typedef struct ufi_q_spec ufi_q_spec;
struct ufi_q_spec {
  const ufi_tensor *input, *filter, *bias, *output;
  ufi_act act;
  ufi_q_end end;
  int64_t groups, n, depth;   /* groups of n columns, each a sum of depth products, as packed */
  int64_t repeats;            /* scales and biases are of so many columns, and the same for those that follow; 0: of all */
  int64_t runs;               /* as in ufi_gemm_q */
  int64_t side;               /* CONV_2D by Winograd's method: of its tiles; 0: another way */
  ufi_q_kind kind;
  ufi_pool *pool;             /* for packing; NULL: this thread alone */
  int32_t filter_zero;        /* taken from weights as they are packed */
  bool takes_zero;            /* the op runs one ufi_gemm_q of all its weights, where b_zero may do that */
  int32_t b_zero;             /* as in ufi_gemm_q */
  bool flips;                 /* uint8 weights are packed as int8, 128 less */
  bool float_product;         /* multiplier from a float32 product of scales, as for uint8 */
  bool takes_bytes;           /* of float inputs: uint8 weights, read as int8 */
  /* Float inputs: `vectors` runs of `length` floats are quantized, each for
   * itself. Other inputs: vectors is 1. */
  int64_t vectors, length;
  bool asymmetric, column_first;
  bool by_rows;               /* each row of the product is a vector, and all its columns are there */
  bool one_scale;             /* all channels have the first scale, which goes into the rows' */
  int64_t share;              /* output rows of one vector */
  /* Packs the weights (unpacked to bytes) of all groups, n columns each, into zeroed memory. */
  void (*pack)(const ufi_q_spec *spec, const void *weights, void *out);
  const void *geometry;       /* for pack */
  size_t weights;             /* bytes packed; set by ufi_q_spec_types unless it is set already */
  int64_t form;               /* tells packed weights of one node apart, see ufi_weight_form */
  size_t extra;               /* bytes of scratch that the op wants for itself */
};

/* Checks dtypes, scales and zero points of input, filter, bias and output in
 * words, and sets end, kind, filter_zero and float_product. is_fc: FULLY_CONNECTED
 * rules, which take more types and zero points of weights. quantized_bias: as
 * in the attributes. Fills in weights too. */
uf_status ufi_q_spec_types(ufi_ctx *ctx, ufi_q_spec *spec, bool is_fc,
                           uf_dtype quantized_bias) UF_MUST_USE;
/* From sums of each of the first n columns, which have a scale each, to the output, as the reference
 * computes it; it may not be finite. */
void ufi_q_factors(const ufi_q_spec *spec, int64_t n, double *real);
/* fully_connected_row.c: the same for a product of one row. */
uf_status ufi_fc_row_quant_prepare(ufi_ctx *ctx, const ufi_fc_geometry *g, const ufi_q_spec *spec) UF_MUST_USE;
/* Makes the state (multipliers), asks for scratch. */
uf_status ufi_q_prepare(ufi_ctx *ctx, const ufi_q_spec *spec) UF_MUST_USE;
/* In eval: what was prepared, of these tensors; nothing is checked again. */
ufi_q_spec ufi_q_prepared(ufi_ctx *ctx, const ufi_tensor *input, const ufi_tensor *filter, const ufi_tensor *bias,
                          const ufi_tensor *output, const void *geometry);
/* Fills all of g but weights that does not depend on geometry: in, in_dtype, zero, bias, end, rows ... quantizing a float
 * input on the way. */
void ufi_q_begin(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g_out);
/* What is left of g but weights: of a convolution of each group's channels with n filters. */
void ufi_q_window(const ufi_conv_geometry *geometry, ufi_gemm_q *g);
/* Packs the weights for g, good until the eval ends. */
uf_status ufi_q_weights(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) UF_MUST_USE;
/* The same, kept from now on, of a weight that lasts. */
uf_status ufi_q_keep(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) UF_MUST_USE;
/* For g to run on one of its workers, while others run something else. */
void ufi_q_alone(ufi_gemm_q *g, size_t worker);
/* Or packs the weights and runs the product, by Winograd's method if spec says so; weights that are not kept are packed and used some
 * columns at a time. */
uf_status ufi_q_product(ufi_ctx *ctx, const ufi_q_spec *spec, ufi_gemm_q *g) UF_MUST_USE;

/* Quantizes `vectors` runs of `length` floats in parallel. */
void ufi_q_quantize(ufi_pool *pool, const float *from, int64_t vectors, int64_t length,
                    bool asymmetric, int8_t *to, float *scale, int32_t *zero);

/* How weights lie in memory once they are unpacked: UF_UINT8 or UF_INT8. */
static inline uf_dtype ufi_q_weights_dtype(const ufi_q_spec *spec) {
  return spec->filter->dtype == UF_UINT8 && spec->input->dtype != UF_FLOAT32 && !spec->flips ? UF_UINT8 : UF_INT8;
}

/* A block of scratch laid out piece by piece, each 64-byte aligned. */
typedef struct ufi_q_layout {
  size_t size;
  bool overflow;
} ufi_q_layout;
/* Room for count elements; returns its offset. */
size_t ufi_q_take(ufi_q_layout *layout, int64_t count, size_t element);
/* ufi_want_scratch, or RESOURCE_EXHAUSTED when sizes overflowed. */
uf_status ufi_q_want(ufi_ctx *ctx, const ufi_q_layout *layout) UF_MUST_USE;

#endif
