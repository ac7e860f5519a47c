/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_many.c: elementwise ops that do not fit into tables of one or two operands: AddN,
 * ClipByValue, Betainc, Complex, Cross, OnesLike and ZerosLike.
 */
#include <complex.h>
#include <math.h>

#include "ops/number.h"
#include "ops/tf_special.h"
#include "ops/variant.h"

/* ---- ADD_N: AddN, AccumulateNV2 ------------------------------------------------------------- */

#define SUMMED (UFI_REALS_ALL | UFI_COMPLEX)

static uf_status add_n_infer(ufi_ctx *ctx) {
  if (ctx->in[0]->dtype == UF_VARIANT) return ufi_variant_math_infer(ctx);
  const ufi_tensor *first = ctx->in[0];
  UFI_TRY(ufi_want_dtype(ctx, 0, SUMMED));
  for (int32_t i = 1; i < ctx->n_in; ++i) {
    UFI_TRY(ufi_want_same(ctx, first, ctx->in[i]));
    if (ufi_same_shape(ctx->in[i], first)) continue;
    char p[512], q[512];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected inputs of one shape, found %s and %s",
                        ufi_tensor_text(first, p), ufi_tensor_text(ctx->in[i], q));
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, first->dtype));
  return ufi_out_like(ctx, 0, first);
}

static uf_status add_n_eval(ufi_ctx *ctx) {
  if (ctx->in[0]->dtype == UF_VARIANT) return ufi_variant_math_eval(ctx, false);
  const ufi_tensor *y = ctx->out[0];
  const ufi_number_attrs sum = {.op = ufi_binary_op("AddV2")};
  ufi_number_loop loop = {0};
  if (y->count == 0) return UF_OK;
  ufi_number_choose(&loop, &sum, y->dtype, y->dtype);
  memcpy(y->data, ctx->in[0]->data, y->size);
  for (int32_t k = 1; k < ctx->n_in; ++k)
    loop.binary.inner(y->data, ctx->in[k]->data, y->data, (size_t)y->count, UFK_VV, &loop.binary.arg);
  return UF_OK;
}
const ufi_op_def ufi_op_ADD_N = {.infer = add_n_infer, .eval = add_n_eval};

/* ---- three operands, each of one shape or a scalar --------------------------------------------- */

typedef void (*ternary_fn)(ufi_piece *a, const ufi_piece *b, const ufi_piece *c, size_t n, ufi_number_class class);

static void run_ternary(ufi_ctx *ctx, ternary_fn fn) {
  const ufi_tensor *y = ctx->out[0];
  const ufi_number_type *type = ufi_number_type_of(y->dtype);
  const ufi_store_fn store = ufi_number_store(type->class, y->dtype);
  ufi_piece p[3];
  for (int64_t at = 0; at < y->count; at += UFI_PIECE) {
    const size_t n = (size_t)UFI_MIN(y->count - at, (int64_t)UFI_PIECE);
    for (int32_t k = 0; k < 3; ++k) {
      const ufi_tensor *x = ctx->in[k];
      const bool moves = x->count == y->count;
      if (moves) type->load((const char *)x->data + at * type->size, &p[k], n);
      for (size_t i = 0; !moves && i < n; ++i) { /* one value, again and again */
        if (i == 0) type->load(x->data, &p[k], 1);
        else if (type->class == UFI_COMPLEXES) p[k].complexes[i] = p[k].complexes[0];
        else p[k].naturals[i] = p[k].naturals[0];
      }
    }
    fn(&p[0], &p[1], &p[2], n, type->class);
    store(&p[0], (char *)y->data + at * type->size, n);
  }
}

/* NaN limits do not count. Complex numbers are clipped by parts. */
#define CLIP(a, lo, hi) (a = (hi) < (a) ? (hi) : (a), a = (a) < (lo) ? (lo) : (a))
static void clip(ufi_piece *a, const ufi_piece *lo, const ufi_piece *hi, size_t n, ufi_number_class class) {
  for (size_t i = 0; i < n; ++i) {
    if (class == UFI_REALS) {
      CLIP(a->reals[i], lo->reals[i], hi->reals[i]);
    } else if (class == UFI_COMPLEXES) {
      double re = creal(a->complexes[i]), im = cimag(a->complexes[i]);
      CLIP(re, creal(lo->complexes[i]), creal(hi->complexes[i]));
      CLIP(im, cimag(lo->complexes[i]), cimag(hi->complexes[i]));
      a->complexes[i] = CMPLX(re, im);
    } else {
      CLIP(a->ints[i], lo->ints[i], hi->ints[i]);
    }
  }
}

static uf_status clip_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_FLOATS | UFI_SIGNED | UFI_COMPLEX | UFI_DTYPE_BIT(UINT8) | UFI_DTYPE_BIT(UINT16)));
  for (int32_t k = 1; k < 3; ++k) {
    UFI_TRY(ufi_want_same(ctx, x, ctx->in[k]));
    if (ctx->in[k]->rank == 0 || ufi_same_shape(ctx->in[k], x)) continue;
    char p[512], q[512];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected limits that are scalars or of the shape of %s, found %s",
                        ufi_tensor_text(x, p), ufi_tensor_text(ctx->in[k], q));
  }
  return ufi_out_like(ctx, 0, x);
}
static uf_status clip_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *lo = ctx->in[1], *hi = ctx->in[2], *y = ctx->out[0];
  if (x->dtype == UF_FLOAT32 && lo->rank == 0 && hi->rank == 0 && y->count) {
    const float l = *(const float *)lo->data, h = *(const float *)hi->data;
    if (l <= h) {
      ufi_kernels_get()->elementwise.f32_clamp(x->data, y->data, (size_t)y->count, l, h);
      return UF_OK;
    }
  }
  run_ternary(ctx, clip);
  return UF_OK;
}
const ufi_op_def ufi_op_CLIP_BY_VALUE = {.infer = clip_infer, .eval = clip_eval};

static void betainc(ufi_piece *a, const ufi_piece *b, const ufi_piece *x, size_t n, ufi_number_class class) {
  for (size_t i = 0; i < n; ++i) a->reals[i] = ufi_betainc(a->reals[i], b->reals[i], x->reals[i]);
}
static uf_status betainc_infer(ufi_ctx *ctx) {
  const ufi_tensor *shape = ctx->in[0];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_F32_F64));
  for (int32_t k = 1; k < 3; ++k) {
    UFI_TRY(ufi_want_same(ctx, shape, ctx->in[k]));
    if (shape->rank == 0) shape = ctx->in[k];
    if (ctx->in[k]->rank == 0 || ufi_same_shape(shape, ctx->in[k])) continue;
    char p[512], q[512];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands that are scalars or of one shape, found %s and %s",
                        ufi_tensor_text(shape, p), ufi_tensor_text(ctx->in[k], q));
  }
  return ufi_out_like(ctx, 0, shape);
}
static uf_status betainc_eval(ufi_ctx *ctx) {
  run_ternary(ctx, betainc);
  return UF_OK;
}
const ufi_op_def ufi_op_BETAINC = {.infer = betainc_infer, .eval = betainc_eval};

/* ---- Complex -------------------------------------------------------------------------------------- */

#define PAIRS(name, T)                                                                                        \
  static void name(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode, const void *arg) {      \
    const T *a = pa, *b = pb;                                                                                 \
    T *y = py;                                                                                                \
    for (size_t i = 0; i < n; ++i) y[2 * i] = a[mode == UFK_SV ? 0 : i], y[2 * i + 1] = b[mode == UFK_VS ? 0 : i]; \
  }
PAIRS(pairs_f32, float)
PAIRS(pairs_f64, double)
static uf_status complex_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_F32_F64));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_out(ctx, 0, ctx->in[0]->dtype == UF_FLOAT32 ? UF_COMPLEX64 : UF_COMPLEX128, UF_INVALID));
  return ufi_binary_infer(ctx, ctx->out[0]->dtype);
}
static uf_status complex_prepare(ufi_ctx *ctx) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  s->inner = ctx->in[0]->dtype == UF_FLOAT32 ? pairs_f32 : pairs_f64;
  return UF_OK;
}
const ufi_op_def ufi_op_COMPLEX = {.infer = complex_infer, .prepare = complex_prepare, .eval = ufi_binary_eval};

/* ---- Cross: products of vectors of three ------------------------------------------------------------- */

static uf_status cross_infer(ufi_ctx *ctx) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  char p[512], q[512];
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_REALS_ALL));
  UFI_TRY(ufi_want_same(ctx, a, b));
  if (!ufi_same_shape(a, b) || a->rank < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one shape and at least one dimension, found %s and %s",
                        ufi_tensor_text(a, p), ufi_tensor_text(b, q));
  if (a->dims[a->rank - 1] != 3)
    return ufi_ctx_fail(ctx, UF_FAILED_PRECONDITION, "expected vectors of 3 elements, found %s", ufi_tensor_text(a, p));
  return ufi_out_like(ctx, 0, a);
}
/* a[1] b[2] - a[2] b[1] and so on, each step rounded to the dtype. */
static uf_status cross_eval(ufi_ctx *ctx) {
  const ufi_tensor *y = ctx->out[0];
  const ufi_number_type *type = ufi_number_type_of(y->dtype);
  const ufi_store_fn store = ufi_number_store(type->class, y->dtype);
  ufi_piece a, b, r;
  for (int64_t at = 0; at < y->count; at += 3) {
    type->load((const char *)ctx->in[0]->data + at * type->size, &a, 3);
    type->load((const char *)ctx->in[1]->data + at * type->size, &b, 3);
    for (int i = 0; i < 3; ++i) {
      const int j = (i + 1) % 3, k = (i + 2) % 3;
      if (type->class == UFI_REALS) r.reals[i] = type->round(a.reals[j] * b.reals[k]) - type->round(a.reals[k] * b.reals[j]);
      else r.naturals[i] = a.naturals[j] * b.naturals[k] - a.naturals[k] * b.naturals[j];
    }
    store(&r, (char *)y->data + at * type->size, 3);
  }
  return UF_OK;
}
const ufi_op_def ufi_op_CROSS = {.infer = cross_infer, .eval = cross_eval};

/* ---- OnesLike, ZerosLike ------------------------------------------------------------------------------- */

static uf_status ones_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_REALS_ALL | UFI_COMPLEX | UFI_DTYPE_BIT(BOOL)));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}
static uf_status ones_eval(ufi_ctx *ctx) {
  const ufi_tensor *y = ctx->out[0];
  const ufi_number_type *type = ufi_number_type_of(y->dtype);
  const ufi_store_fn store = ufi_number_store(type->class, y->dtype);
  ufi_piece one;
  const size_t n = UFI_MIN((size_t)y->count, (size_t)UFI_PIECE);
  for (size_t i = 0; i < n; ++i) {
    if (type->class == UFI_REALS) one.reals[i] = 1;
    else if (type->class == UFI_COMPLEXES) one.complexes[i] = 1;
    else one.ints[i] = 1;
  }
  for (int64_t at = 0; at < y->count; at += UFI_PIECE)
    store(&one, (char *)y->data + at * type->size, (size_t)UFI_MIN(y->count - at, (int64_t)UFI_PIECE));
  return UF_OK;
}
const ufi_op_def ufi_op_ONES_LIKE = {.infer = ones_infer, .eval = ones_eval};
