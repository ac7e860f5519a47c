/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: CUMSUM, CUMPROD and CUMULATIVE_LOGSUMEXP: the tensor is (outer, n, inner), n the
 * dimension that the axis names; row k of the output is rows 0 to k of the input joined.
 *
 * Dtypes without loops of their own are converted in tiles: some rows, or a part of a long one.
 * float16 and bfloat16 are rounded after each row, as TensorFlow does.
 */
#include <math.h>

#include "ops/join.h"
#include "ops/move.h"

typedef enum scan_kind { SCAN_SUM, SCAN_PROD, SCAN_LOGSUMEXP } scan_kind;
typedef struct scan_attrs {
  bool exclusive, reverse;
  scan_kind kind;
} scan_attrs;

static uf_status cumsum_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  scan_attrs *a = attrs;
  a->exclusive = ufi_fb_bool(&from->options, 0, false);
  a->reverse = ufi_fb_bool(&from->options, 1, false);
  return UF_OK;
}

static uf_status scan_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  scan_attrs *a = attrs;
  a->exclusive = ufi_tf_bool(from, "exclusive");
  a->reverse = ufi_tf_bool(from, "reverse");
  a->kind = strcmp(from->op, "Cumsum") == 0 ? SCAN_SUM : strcmp(from->op, "Cumprod") == 0 ? SCAN_PROD : SCAN_LOGSUMEXP;
  return UF_OK;
}

static uf_status read_axis(ufi_ctx *ctx, int32_t *axis_out) {
  return ufi_axis(ctx, ufi_move_index(ctx->in[1], 0), ctx->in[0]->rank, axis_out);
}

static uf_status scan_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  const scan_attrs *a = ctx->attrs;
  const uf_dtype wide = x->dtype == UF_BOOL ? UF_INVALID : ufi_join_wide(x->dtype);
  char text[512];
  int32_t axis;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  if (wide == UF_INVALID || (a->kind == SCAN_LOGSUMEXP && wide != UF_FLOAT32 && wide != UF_FLOAT64))
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s to scan, found %s",
                        a->kind == SCAN_LOGSUMEXP ? "real numbers" : "numbers", ufi_tensor_text(x, text));
  UFI_TRY(ufi_want_rank(ctx, x, 1, UF_MAX_RANK));
  if (ctx->in[1]->count != 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one axis, found %s", ufi_tensor_text(ctx->in[1], text));
  if (ufi_known(ctx, 1)) UFI_TRY(read_axis(ctx, &axis));
  UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  return ufi_out_like(ctx, 0, x);
}

/* log(exp(a) + exp(b)); -inf is its neutral element. */
static double log_add(double a, double b) {
  const double low = UFI_MIN(a, b), high = UFI_MAX(a, b);
  if (a != a || b != b) return NAN;
  return high == -INFINITY ? high : log1p(exp(low - high)) + high;
}

/* A tile of k rows of m elements, in place: the input becomes the output. acc (m) goes on. */
typedef struct tile {
  int64_t k, m;
  bool exclusive, reverse;
  uf_dtype dtype;
  void *x, *acc;
} tile;

#define HALVES(v) (t->dtype == UF_FLOAT16 ? ufi_half_to_float(ufi_float_to_half(v))        \
                   : t->dtype == UF_BFLOAT16 ? ufi_bfloat_to_float(ufi_float_to_bfloat(v)) : (v))
#define SCAN(name, T, NEXT)                                                              \
  static void name(const tile *t) {                                                      \
    T *acc = t->acc;                                                                     \
    for (int64_t i = 0; i < t->k; ++i) {                                                 \
      T *x = (T *)t->x + (t->reverse ? t->k - 1 - i : i) * t->m;                         \
      for (int64_t j = 0; j < t->m; ++j) {                                               \
        const T a = acc[j], v = x[j], next = (T)(NEXT);                                  \
        x[j] = t->exclusive ? a : next;                                                  \
        acc[j] = next;                                                                   \
      }                                                                                  \
    }                                                                                    \
  }
SCAN(sum_f32, float, HALVES(a + v))
SCAN(sum_f64, double, a + v)
SCAN(sum_int, uint64_t, a + v)
SCAN(sum_i32, uint32_t, a + v)
SCAN(sum_c128, double _Complex, a + v)
SCAN(prod_f32, float, HALVES(a * v))
SCAN(prod_f64, double, a * v)
SCAN(prod_int, uint64_t, a * v)
SCAN(prod_i32, uint32_t, a * v)
SCAN(prod_c128, double _Complex, a * v)
SCAN(lse_f32, float, HALVES((float)log_add((double)a, (double)v)))
SCAN(lse_f64, double, log_add(a, v))

typedef void (*scan_fn)(const tile *t);
static scan_fn loop_of(scan_kind kind, uf_dtype wide) {
  const int i = (int)kind;
  switch (wide) {
    case UF_FLOAT32: return (const scan_fn[]){sum_f32, prod_f32, lse_f32}[i];
    case UF_FLOAT64: return (const scan_fn[]){sum_f64, prod_f64, lse_f64}[i];
    case UF_INT32: return i ? prod_i32 : sum_i32;
    case UF_COMPLEX128: return i ? prod_c128 : sum_c128;
    default: return i ? prod_int : sum_int;
  }
}

enum { TILE = 512 };

/* Elements [from, from + m) of all rows of one (n, inner) part. */
static uf_status scan_columns(ufi_ctx *ctx, const char *x, char *y, int64_t n, int64_t inner, int64_t m) {
  const scan_attrs *a = ctx->attrs;
  const uf_dtype dtype = ctx->in[0]->dtype, wide = ufi_join_wide(dtype);
  const int64_t size = uf_dtype_bits(dtype) / 8, wide_size = uf_dtype_bits(wide) / 8;
  const int64_t rows = m == inner ? UFI_MAX(TILE / m, (int64_t)1) : 1;
  const scan_fn loop = loop_of(a->kind, wide);
  const float low_f32 = -INFINITY;
  const double low_f64 = -INFINITY;
  _Alignas(16) char values[TILE * 16], acc[TILE * 16];
  tile t = {.m = m, .exclusive = a->exclusive, .reverse = a->reverse, .dtype = dtype, .x = values, .acc = acc};
  for (int64_t j = 0; j < m; ++j) {
    void *to = acc + j * wide_size;
    if (a->kind != SCAN_LOGSUMEXP) ufi_join_start(a->kind == SCAN_PROD ? UFI_JOIN_MUL : UFI_JOIN_ADD, wide, true, to);
    else if (wide == UF_FLOAT32) memcpy(to, &low_f32, sizeof low_f32);
    else memcpy(to, &low_f64, sizeof low_f64);
  }
  for (int64_t done = 0; done < n; done += t.k) {
    t.k = UFI_MIN(rows, n - done);
    const int64_t at = (a->reverse ? n - done - t.k : done) * inner * size;
    UFI_TRY(ufi_convert(dtype, x + at, t.k * m, wide, values, ctx->error));
    loop(&t);
    UFI_TRY(ufi_convert(wide, values, t.k * m, dtype, y + at, ctx->error));
  }
  return UF_OK;
}

static uf_status scan_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  const int64_t size = uf_dtype_bits(x->dtype) / 8;
  int64_t outer = 1, inner = 1;
  int32_t axis;
  UFI_TRY(read_axis(ctx, &axis));
  if (x->count == 0) return UF_OK;
  for (int32_t d = 0; d < axis; ++d) outer *= x->dims[d];
  for (int32_t d = axis + 1; d < x->rank; ++d) inner *= x->dims[d];
  const int64_t n = x->dims[axis], width = UFI_MIN(inner, (int64_t)TILE);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t j = 0; j < inner; j += width) {
      const int64_t at = (o * n * inner + j) * size;
      UFI_TRY(scan_columns(ctx, (const char *)x->data + at, (char *)y->data + at, n, inner, UFI_MIN(width, inner - j)));
    }
  return UF_OK;
}

const ufi_op_def ufi_op_CUMSUM = {
  .attrs_size = sizeof(scan_attrs), .attrs_tflite = cumsum_tflite, .attrs_tf = scan_tf, .infer = scan_infer,
  .eval = scan_eval,
};
const ufi_op_def ufi_op_CUMPROD = {
  .attrs_size = sizeof(scan_attrs), .attrs_tf = scan_tf, .infer = scan_infer, .eval = scan_eval,
};
const ufi_op_def ufi_op_CUMULATIVE_LOGSUMEXP = {
  .attrs_size = sizeof(scan_attrs), .attrs_tf = scan_tf, .infer = scan_infer, .eval = scan_eval,
};
