/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_matmul.c: MatMul, BatchMatMul of all versions, _FusedMatMul, BiasAdd and BiasAddGrad.
 *
 * float32 products are those of BATCH_MATMUL; a matrix on the right that is a constant or a
 * variable's value is packed once. Halves go through float32, other dtypes through plain loops.
 */
#include "ops/tf_matmul.h"

#include <complex.h>
#include <math.h>

typedef struct product_loop {
  const ufi_bmm_geometry *g;
  bool conj_x, conj_y;
} product_loop;

#define MUL(a, b) ((a) * (b))
#define CONJ(a) (a)
#define T double
#define NAME(x) x##_f64
#include "ops/tf_matmul_tmpl.h"
#undef T
#undef NAME
#define T uint64_t
#define NAME(x) x##_i64
#include "ops/tf_matmul_tmpl.h"
#undef T
#undef NAME
#undef MUL
#undef CONJ
/* Without C's rules for infinities, as Eigen multiplies. */
static inline double complex multiply(double complex a, double complex b) {
  return CMPLX(creal(a) * creal(b) - cimag(a) * cimag(b), creal(a) * cimag(b) + cimag(a) * creal(b));
}
#define MUL(a, b) multiply(a, b)
#define CONJ(a) conj(a)
#define T double complex
#define NAME(x) x##_c128
#include "ops/tf_matmul_tmpl.h"

uf_status ufi_tf_product(ufi_ctx *ctx, ufi_bump *bump, uf_dtype compute, const ufi_bmm_geometry *g, bool conj_x,
                         bool conj_y, const float *packed) {
  if (compute == UF_FLOAT32) {
    size_t bytes;
    UFI_TRY(ufi_bmm_f32_want(ctx, g, false, &bytes));
    void *scratch = ufi_bump_take(bump, (int64_t)bytes, 1);
    if (bump->run) ufi_bmm_f32_run(ctx->pool, g, packed, scratch);
    return UF_OK;
  }
  if (!bump->run) return UF_OK;
  product_loop p = {g, conj_x, conj_y};
  const ufi_range_fn fn = compute == UF_FLOAT64 ? product_f64 : compute == UF_INT64 ? product_i64 : product_c128;
  ufi_share(ctx->pool, fn, &p, g->batches * g->m, g->n * g->k);
  return UF_OK;
}

/* ---- MatMul -------------------------------------------------------------------------- */

typedef enum matmul_kind { MAT_MUL, BATCH_V1, BATCH_V2, BATCH_V3, FUSED } matmul_kind;
typedef struct matmul_attrs {
  ufi_bmm_attrs bmm; /* first: ufi_bmm_geometry_of reads it */
  matmul_kind kind;
  bool adjoint;      /* what is turned is conjugated, too */
  ufi_tf_fused fused;
} matmul_attrs;

static uf_status matmul_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  matmul_attrs *a = memory;
  const char *op = from->op;
  a->kind = op[0] == '_' ? FUSED : op[0] == 'M' ? MAT_MUL : strcmp(op, "BatchMatMul") == 0 ? BATCH_V1
          : strcmp(op, "BatchMatMulV2") == 0 ? BATCH_V2 : BATCH_V3;
  a->adjoint = a->kind != FUSED && a->kind != MAT_MUL;
  a->bmm.adj_x = ufi_tf_bool(from, a->adjoint ? "adj_x" : "transpose_a");
  a->bmm.adj_y = ufi_tf_bool(from, a->adjoint ? "adj_y" : "transpose_b");
  return a->kind == FUSED ? ufi_tf_fused_of(from, &a->fused, error) : UF_OK;
}

static uf_status want_matmul(ufi_ctx *ctx, const ufi_tensor *t) {
  const matmul_attrs *a = ctx->attrs;
  if (t->dtype == UF_INT32 || t->dtype == UF_INT64) return UF_OK;
  if (t->dtype == UF_INT16 && a->adjoint) return UF_OK;
  if ((t->dtype == UF_INT8 || t->dtype == UF_UINT8) && a->kind == BATCH_V3) return UF_OK;
  return ufi_tf_want_group(ctx, t, a->kind == FUSED ? UFI_FLOATS : UFI_FLOATS | UFI_COMPLEX);
}

static uf_status matmul_infer(ufi_ctx *ctx) {
  const matmul_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1];
  ufi_bmm_geometry g;
  UFI_TRY(want_matmul(ctx, x));
  UFI_TRY(want_matmul(ctx, y));
  if (a->kind == BATCH_V3) {
    if (ufi_compute_dtype(x->dtype) != ufi_compute_dtype(ctx->out[0]->dtype))
      return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected Tout of the inputs' kind, found %s of %s",
                          uf_dtype_name(ctx->out[0]->dtype), uf_dtype_name(x->dtype));
  } else {
    UFI_TRY(ufi_want_same(ctx, x, y));
  }
  if (!a->adjoint) {
    UFI_TRY(ufi_want_rank(ctx, x, 2, 2));
    UFI_TRY(ufi_want_rank(ctx, y, 2, 2));
  }
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  if (a->kind == BATCH_V1 && (x->rank != y->rank || memcmp(x->dims, y->dims, (size_t)(x->rank - 2) * sizeof *x->dims) != 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected equal dimensions before the last two, found others");
  if (a->kind == FUSED) UFI_TRY(ufi_tf_fused_check(ctx, &a->fused, 2, g.n));
  int64_t dims[UF_MAX_RANK];
  memcpy(dims, g.batch_dims, sizeof dims);
  dims[g.batch_rank] = g.m;
  dims[g.batch_rank + 1] = g.n;
  return ufi_out_shape(ctx, 0, g.batch_rank + 2, dims);
}

static uf_status pack_fill(ufi_ctx *ctx, void *memory, void *arg) {
  ufi_bmm_f32_pack(ctx->pool, arg, memory);
  return UF_OK;
}

/* A matrix that does not live where activations do is a weight, and packed for as long as it stays. */
static uf_status pack_weight(ufi_ctx *ctx, const ufi_bmm_geometry *g, const float **packed) {
  size_t floats;
  const void *memory = NULL;
  const bool weight = g->y->rank == 2 && (g->y->is_const || (g->y->buf && !g->y->in_arena));
  *packed = NULL;
  if (!weight || g->y->dtype != UF_FLOAT32 || !ufi_bmm_f32_shared(g, &floats)) return UF_OK;
  UFI_TRY(ufi_packed_for(ctx, 0, g->y, floats * sizeof(float), pack_fill, (void *)(uintptr_t)g, &memory));
  *packed = memory;
  return UF_OK;
}

static uf_status matmul_run(ufi_ctx *ctx, ufi_bump *bump) {
  const matmul_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  const float *packed = NULL;
  ufi_bmm_geometry g;
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  if (out->count == 0) return UF_OK;
  g.x_data = ufi_stage_in(ctx, bump, ctx->in[0], compute, false);
  g.y_data = ufi_stage_in(ctx, bump, ctx->in[1], compute, false);
  g.out_data = ufi_stage_out(bump, out, compute, false);
  if (compute == UF_FLOAT32 && bump->run) UFI_TRY(pack_weight(ctx, &g, &packed));
  UFI_TRY(ufi_tf_product(ctx, bump, compute, &g, a->adjoint && a->bmm.adj_x, a->adjoint && a->bmm.adj_y, packed));
  if (a->kind == FUSED && bump->run) ufi_tf_fused_run(ctx, &a->fused, 2, compute, g.out_data, g.m, g.n);
  ufi_stage_end(ctx, bump, g.out_data, out, compute, false);
  return UF_OK;
}

static bool matmul_product(ufi_ctx *ctx, ufi_bmm_geometry *g) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1];
  const bool is_f32 = x->dtype == UF_FLOAT32 && y->dtype == UF_FLOAT32 && ctx->out[0]->dtype == UF_FLOAT32;
  return ctx->n_in == 2 && is_f32 && y->rank > 2 && ufi_bmm_geometry_of(ctx, g) == UF_OK; /* of rank 2: maybe a weight */
}

/* ---- BiasAdd ---------------------------------------------------------------------------- */

typedef struct bias_attrs { bool first; } bias_attrs;
static uf_status bias_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const formats[] = {"NHWC", "NCHW", NULL};
  int32_t format = 0;
  if (ufi_tf_attr(from, "data_format")) UFI_TRY(ufi_tf_choice(from, "data_format", formats, &format, error));
  ((bias_attrs *)memory)->first = format == 1;
  return UF_OK;
}

/* A value as (outer, channels, inner). */
typedef struct bias_loop {
  int64_t outer, channels, inner;
  uf_dtype compute;
  const void *x, *bias;
  void *out;
} bias_loop;

static uf_status bias_shape(ufi_ctx *ctx, bias_loop *b) {
  const ufi_tensor *x = ctx->in[0];
  const bool first = ((const bias_attrs *)ctx->attrs)->first;
  UFI_TRY(ufi_want_rank(ctx, x, 2, UF_MAX_RANK));
  const int32_t c = first ? 1 : x->rank - 1;
  b->outer = b->inner = 1;
  b->channels = x->dims[c];
  for (int32_t d = 0; d < x->rank; d++) {
    if (d < c) b->outer *= x->dims[d];
    if (d > c) b->inner *= x->dims[d];
  }
  b->compute = ufi_compute_dtype(x->dtype);
  return UF_OK;
}

static uf_status bias_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *bias = ctx->in[1];
  bias_loop b;
  UFI_TRY(ufi_tf_want_group(ctx, x, UFI_FLOATS | UFI_INTS | UFI_COMPLEX));
  UFI_TRY(ufi_want_same(ctx, x, bias));
  UFI_TRY(bias_shape(ctx, &b));
  UFI_TRY(ufi_want_rank(ctx, bias, 1, 1));
  if (bias->count != b.channels)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many biases as channels, %lld, found %lld",
                        (long long)b.channels, (long long)bias->count);
  return ufi_out_like(ctx, 0, x);
}

#define BIAS_ROW(type)                                                                                   \
  for (int64_t i = 0; i < b->inner; i++) ((type *)b->out)[at + i] = ((const type *)b->x)[at + i] + ((const type *)b->bias)[c]

/* Rows (outer, channel) of inner values; float32 pixels of all channels when inner is 1. */
static void bias_rows(void *context, size_t begin, size_t end) {
  const bias_loop *b = context;
  const ufk_elementwise_table *k = &ufi_kernels_get()->elementwise;
  for (size_t item = begin; item < end; item++) {
    if (b->compute == UF_FLOAT32 && b->inner == 1) {
      const float *x = (const float *)b->x + (int64_t)item * b->channels;
      float *out = (float *)b->out + (int64_t)item * b->channels;
      k->f32_binary[UFK_ADD][UFK_VV](x, b->bias, out, (size_t)b->channels, -INFINITY, INFINITY);
      continue;
    }
    const int64_t c = (int64_t)item % b->channels, at = (int64_t)item * b->inner;
    switch (b->compute) {
      case UF_FLOAT32: BIAS_ROW(float); break;
      case UF_FLOAT64: BIAS_ROW(double); break;
      case UF_INT64: BIAS_ROW(uint64_t); break;
      default: BIAS_ROW(double complex); break;
    }
  }
}

static uf_status bias_run(ufi_ctx *ctx, ufi_bump *bump) {
  const ufi_tensor *out = ctx->out[0];
  bias_loop b;
  UFI_TRY(bias_shape(ctx, &b));
  b.x = ufi_stage_in(ctx, bump, ctx->in[0], b.compute, false);
  b.bias = ufi_stage_in(ctx, bump, ctx->in[1], b.compute, false);
  b.out = ufi_stage_out(bump, out, b.compute, false);
  const bool pixels = b.compute == UF_FLOAT32 && b.inner == 1;
  if (bump->run && out->count > 0)
    ufi_share(ctx->pool, bias_rows, &b, pixels ? b.outer : b.outer * b.channels, pixels ? b.channels : b.inner);
  ufi_stage_end(ctx, bump, b.out, out, b.compute, false);
  return UF_OK;
}

/* ---- BiasAddGrad -------------------------------------------------------------------------- */

static uf_status sum_infer(ufi_ctx *ctx) {
  bias_loop b;
  UFI_TRY(ufi_tf_want_group(ctx, ctx->in[0], UFI_FLOATS | UFI_INTS | UFI_COMPLEX));
  UFI_TRY(bias_shape(ctx, &b));
  return ufi_out_shape(ctx, 0, 1, &b.channels);
}

#define SUM_CHANNELS(type, sum_type)                                                                       \
  for (int64_t o = 0; o < b.outer; o++) for (int64_t c = 0; c < b.channels; c++) {                         \
    const type *x = (const type *)b.x + (o * b.channels + c) * b.inner;                                    \
    sum_type sum = 0;                                                                                      \
    for (int64_t i = 0; i < b.inner; i++) sum += (sum_type)x[i];                                           \
    ((sum_type *)sums)[c] += sum;                                                                          \
  }

static uf_status sum_run(ufi_ctx *ctx, ufi_bump *bump) {
  const ufi_tensor *out = ctx->out[0];
  bias_loop b;
  UFI_TRY(bias_shape(ctx, &b));
  const uf_dtype wide = b.compute == UF_FLOAT32 ? UF_FLOAT64 : b.compute;
  b.x = ufi_stage_in(ctx, bump, ctx->in[0], b.compute, false);
  void *sums = ufi_stage_out(bump, out, wide, false);
  if (bump->run && out->count > 0) {
    memset(sums, 0, (size_t)out->count * ufi_dtype_size(wide));
    switch (b.compute) {
      case UF_FLOAT32: SUM_CHANNELS(float, double); break;
      case UF_FLOAT64: SUM_CHANNELS(double, double); break;
      case UF_INT64: SUM_CHANNELS(uint64_t, uint64_t); break;
      default: SUM_CHANNELS(double complex, double complex); break;
    }
  }
  ufi_stage_end(ctx, bump, sums, out, wide, false);
  return UF_OK;
}

UFI_STAGED(matmul)
const ufi_op_def ufi_op_TF_MAT_MUL = {
  .attrs_size = sizeof(matmul_attrs), .attrs_tf = matmul_tf, .infer = matmul_infer,
  .prepare = matmul_prepare, .eval = matmul_eval, .product = matmul_product,
};
UFI_STAGED_DEF(BIAS_ADD, bias, bias_attrs, bias_tf);
UFI_STAGED_DEF(BIAS_ADD_GRAD, sum, bias_attrs, bias_tf);
