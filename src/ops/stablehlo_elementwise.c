/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_elementwise.c: StableHLO's functions of one or two numbers, COMPARE, CLAMP and SELECT; but not
 * those of two that arithmetic has (ADD, MULTIPLY, MAXIMUM, MINIMUM).
 *
 * Operands have one shape: nothing broadcasts but a scalar limit or predicate. Numbers go through the
 * pieces of number.h. Those ops that LiteRT has a kernel for compute with stored integers, whatever their
 * scale; the others refuse quantized tensors. Where the specification leaves integers open, they do as
 * XLA: x / 0 is -1 and x % 0 is x.
 */
#include <complex.h>
#include <math.h>

#include "ops/number.h"
#include "ops/stablehlo.h"

extern const ufi_op_def ufi_op_SELECT_V2;

typedef struct shlo_attrs {
  ufi_number_attrs number; /* first: number.c reads it */
  bool runs_quantized;     /* LiteRT has a kernel, which computes with stored integers */
} shlo_attrs;

#define BOOL UFI_DTYPE_BIT(BOOL)

/* ---- functions of pieces ------------------------------------------------------------------ */

#define REALS(name, expression)                                                                        \
  static void name##_reals(double *a, const double *b, size_t n, const ufi_number_arg *arg) {          \
    for (size_t i = 0; i < n; i++) { const double v = a[i], u = b[i]; (void)u; a[i] = expression; }    \
  }
#define INTS(name, expression)                                                                         \
  static void name##_ints(int64_t *a, const int64_t *b, size_t n, const ufi_number_arg *arg) {         \
    for (size_t i = 0; i < n; i++) { const int64_t v = a[i], u = b[i]; (void)u; a[i] = (int64_t)(expression); } \
  }
#define NATURALS(name, expression)                                                                     \
  static void name##_naturals(uint64_t *a, const uint64_t *b, size_t n, const ufi_number_arg *arg) {   \
    for (size_t i = 0; i < n; i++) { const uint64_t v = a[i], u = b[i]; (void)u; a[i] = expression; }  \
  }
#define COMPLEXES(name, expression)                                                                    \
  static void name##_complexes(ufi_complex *a, const ufi_complex *b, size_t n, const ufi_number_arg *arg) { \
    for (size_t i = 0; i < n; i++) { const ufi_complex v = a[i], u = b[i]; (void)u; a[i] = expression; } \
  }

/* Integers wrap around: they are computed without a sign. */
REALS(subtract, v - u) INTS(subtract, (uint64_t)v - (uint64_t)u) COMPLEXES(subtract, v - u)
REALS(negate, -v) INTS(negate, 0u - (uint64_t)v) COMPLEXES(negate, -v)
REALS(abs, fabs(v)) INTS(abs, v < 0 ? 0u - (uint64_t)v : (uint64_t)v) COMPLEXES(abs, cabs(v))
INTS(and, v & u)
INTS(or, v | u)

REALS(divide, v / u) NATURALS(divide, u ? v / u : UINT64_MAX) COMPLEXES(divide, v / u)
INTS(divide, u == 0 ? -1 : u == -1 ? (int64_t)(0u - (uint64_t)v) : v / u)
REALS(remainder, fmod(v, u)) NATURALS(remainder, u ? v % u : v)
INTS(remainder, u == 0 ? v : u == -1 ? 0 : v % u)

static uint64_t power_of(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}
/* The quotient 1 / base^n, cut off. */
static int64_t inverse_power(int64_t base, int64_t exponent) {
  return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
}
REALS(power, pow(v, u)) NATURALS(power, power_of(v, u)) COMPLEXES(power, cpow(v, u))
INTS(power, u < 0 ? inverse_power(v, u) : (int64_t)power_of((uint64_t)v, (uint64_t)u))

/* Bits that are shifted out are gone, all of them when u is negative or too large. */
INTS(shift_left, u < 0 || u >= arg->type->bits ? 0 : (uint64_t)v << u)
NATURALS(shift_left, u >= 64 ? 0 : v << u)

REALS(logistic, 1 / (1 + exp(-v))) COMPLEXES(logistic, 1 / (1 + cexp(-v)))
REALS(cosine, cos(v)) COMPLEXES(cosine, ccos(v))
REALS(exponential, exp(v)) COMPLEXES(exponential, cexp(v))
REALS(log, log(v)) COMPLEXES(log, clog(v))
REALS(tanh, tanh(v)) COMPLEXES(tanh, ctanh(v))
REALS(rsqrt, 1 / sqrt(v)) COMPLEXES(rsqrt, 1 / csqrt(v))
REALS(cbrt, cbrt(v)) COMPLEXES(cbrt, v == 0 ? v : cpow(v, 1.0 / 3))
REALS(floor, floor(v))

REALS(eq, v == u) INTS(eq, v == u) COMPLEXES(eq, v == u)
REALS(ne, v != u) INTS(ne, v != u) COMPLEXES(ne, v != u)
REALS(ge, v >= u) INTS(ge, v >= u) NATURALS(ge, v >= u)
REALS(gt, v > u) INTS(gt, v > u) NATURALS(gt, v > u)
REALS(le, v <= u) INTS(le, v <= u) NATURALS(le, v <= u)
REALS(lt, v < u) INTS(lt, v < u) NATURALS(lt, v < u)

/* The total order of IEEE 754: by sign and bits, so that -NaN < -inf < ... < -0 < 0 < ... < inf < NaN. */
static int64_t ordinal(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits < 0 ? bits ^ INT64_MAX : bits;
}
REALS(total_eq, ordinal(v) == ordinal(u))
REALS(total_ne, ordinal(v) != ordinal(u))
REALS(total_ge, ordinal(v) >= ordinal(u))
REALS(total_gt, ordinal(v) > ordinal(u))
REALS(total_le, ordinal(v) <= ordinal(u))
REALS(total_lt, ordinal(v) < ordinal(u))

/* ---- the ops -------------------------------------------------------------------------------- */

static uf_status want_dtype(ufi_ctx *ctx, const ufi_tensor *t, const ufi_number_op *op) {
  char text[512];
  if (op->dtypes >> t->dtype & 1) return UF_OK;
  const bool floats = op->dtypes & UFI_FLOATS, naturals = op->dtypes & UFI_UNSIGNED;
  const char *words = !floats ? "integers" : naturals ? (op->dtypes & UFI_COMPLEX ? "numbers" : "real numbers")
                    : op->dtypes & UFI_SIGNED ? "floats, complex numbers or signed integers"
                    : op->dtypes & UFI_COMPLEX ? "floats or complex numbers" : "floats";
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s%s, found %s", words, op->dtypes & BOOL ? " or bool" : "",
                      ufi_tensor_text(t, text));
}

static uf_status want_plain(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  if (!ufi_is_quantized(t)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected values that are not quantized, found %s; dequantize them first",
                      ufi_tensor_text(t, text));
}

static uf_dtype dtype_of_result(const ufi_number_op *op, uf_dtype in) {
  if (op->flags & UFI_NUMBER_BOOL) return UF_BOOL;
  if (op->flags & UFI_NUMBER_PART) return in == UF_COMPLEX64 ? UF_FLOAT32 : in == UF_COMPLEX128 ? UF_FLOAT64 : in;
  return in;
}

static uf_status shlo_infer(ufi_ctx *ctx) {
  const shlo_attrs *a = ctx->attrs;
  const ufi_number_op *op = a->number.op;
  UFI_TRY(want_dtype(ctx, ctx->in[0], op));
  for (int32_t i = 0; i < ctx->n_in && !a->runs_quantized; i++) UFI_TRY(want_plain(ctx, ctx->in[i]));
  if (ctx->n_in == 2) {
    UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
    UFI_TRY(ufi_shlo_want_same_shape(ctx, ctx->in[0], ctx->in[1]));
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, dtype_of_result(op, ctx->in[0]->dtype)));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

enum { BINARY = UFI_NUMBER_SAME, LITERT = 1 << 14 };
#define NUMBERS (UFI_REALS_ALL | UFI_COMPLEX)
#define FLOATING (UFI_FLOATS | UFI_COMPLEX)

#define SHLO_DEF(NAME, row)                                                                             \
  static uf_status NAME##_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {          \
    shlo_attrs *a = attrs;                                                                              \
    a->number.op = &row;                                                                                \
    a->number.shape_error = true;                                                                       \
    a->runs_quantized = (row.flags & LITERT) != 0;                                                      \
    return UF_OK;                                                                                       \
  }                                                                                                     \
  const ufi_op_def ufi_op_STABLEHLO_##NAME = {                                                          \
    .attrs_size = sizeof(shlo_attrs), .attrs_tflite = NAME##_tflite, .infer = shlo_infer,               \
    .prepare = ufi_number_prepare, .eval = ufi_number_eval, .part = ufi_number_part}
/* Of which classes there is a function: R reals, I integers, C complex numbers; N: uint64 has its own. */
#define ROW_R(f, dtypes, kernel, flags) {#f, dtypes, f##_reals, NULL, NULL, NULL, NULL, kernel, flags, NULL}
#define ROW_RC(f, dtypes, kernel, flags) {#f, dtypes, f##_reals, NULL, NULL, f##_complexes, NULL, kernel, flags, NULL}
#define ROW_RIC(f, dtypes, kernel, flags) \
  {#f, dtypes, f##_reals, f##_ints, NULL, f##_complexes, NULL, kernel, flags, NULL}
#define ROW_RINC(f, dtypes, kernel, flags) \
  {#f, dtypes, f##_reals, f##_ints, f##_naturals, f##_complexes, NULL, kernel, flags, NULL}
#define ROW_RIN(f, dtypes, kernel, flags) \
  {#f, dtypes, f##_reals, f##_ints, f##_naturals, NULL, NULL, kernel, flags, NULL}
#define ROW_I(f, dtypes, flags) {#f, dtypes, NULL, f##_ints, NULL, NULL, NULL, 0, flags, NULL}
#define ROW_IN(f, dtypes, flags) {#f, dtypes, NULL, f##_ints, f##_naturals, NULL, NULL, 0, flags, NULL}
#define SHLO(NAME, function, ...)                            \
  static const ufi_number_op row_##function = __VA_ARGS__;   \
  SHLO_DEF(NAME, row_##function)

SHLO(SUBTRACT, subtract, ROW_RIC(subtract, NUMBERS, UFK_SUB + 1, BINARY));
SHLO(DIVIDE, divide, ROW_RINC(divide, NUMBERS, UFK_DIV + 1, BINARY));
SHLO(REMAINDER, remainder, ROW_RIN(remainder, UFI_REALS_ALL, 0, BINARY));
SHLO(POWER, power, ROW_RINC(power, NUMBERS, 0, BINARY));
SHLO(AND, and, ROW_I(and, UFI_INTEGERS | BOOL, BINARY | LITERT));
SHLO(OR, or, ROW_I(or, UFI_INTEGERS | BOOL, BINARY));
SHLO(SHIFT_LEFT, shift_left, ROW_IN(shift_left, UFI_INTEGERS, BINARY | LITERT));
SHLO(ABS, abs, ROW_RIC(abs, UFI_FLOATS | UFI_SIGNED | UFI_COMPLEX, UFK_ABS + 1, UFI_NUMBER_PART));
SHLO(NEGATE, negate, ROW_RIC(negate, NUMBERS, UFK_NEG + 1, 0));
SHLO(LOGISTIC, logistic, ROW_RC(logistic, FLOATING, UFK_LOGISTIC + 1, 0));
SHLO(COSINE, cosine, ROW_RC(cosine, FLOATING, UFK_COS + 1, 0));
SHLO(EXPONENTIAL, exponential, ROW_RC(exponential, FLOATING, UFK_EXP + 1, 0));
SHLO(LOG, log, ROW_RC(log, FLOATING, UFK_LOG + 1, 0));
SHLO(TANH, tanh, ROW_RC(tanh, FLOATING, UFK_TANH + 1, 0));
SHLO(RSQRT, rsqrt, ROW_RC(rsqrt, FLOATING, UFK_RSQRT + 1, 0));
SHLO(CBRT, cbrt, ROW_RC(cbrt, FLOATING, 0, 0));
SHLO(FLOOR, floor, ROW_R(floor, UFI_FLOATS, UFK_FLOOR + 1, 0));

/* ---- COMPARE ---------------------------------------------------------------------------------- */

enum { COMPARE_FLAGS = UFI_NUMBER_SAME | UFI_NUMBER_BOOL, DIRECTIONS = 6, FLOAT_TOTAL_ORDER = 2 };
/* In the order of the schema's directions; then the same for the total order. */
static const ufi_number_op compare_ops[2 * DIRECTIONS] = {
  ROW_RIC(eq, NUMBERS | BOOL, 0, COMPARE_FLAGS), ROW_RIC(ne, NUMBERS | BOOL, 0, COMPARE_FLAGS),
  ROW_RIN(ge, UFI_REALS_ALL | BOOL, 0, COMPARE_FLAGS), ROW_RIN(gt, UFI_REALS_ALL | BOOL, 0, COMPARE_FLAGS),
  ROW_RIN(le, UFI_REALS_ALL | BOOL, 0, COMPARE_FLAGS), ROW_RIN(lt, UFI_REALS_ALL | BOOL, 0, COMPARE_FLAGS),
  ROW_R(total_eq, UFI_FLOATS, 0, COMPARE_FLAGS), ROW_R(total_ne, UFI_FLOATS, 0, COMPARE_FLAGS),
  ROW_R(total_ge, UFI_FLOATS, 0, COMPARE_FLAGS), ROW_R(total_gt, UFI_FLOATS, 0, COMPARE_FLAGS),
  ROW_R(total_le, UFI_FLOATS, 0, COMPARE_FLAGS), ROW_R(total_lt, UFI_FLOATS, 0, COMPARE_FLAGS),
};

/* The comparison type is only of interest where floats are concerned: integers say themselves. */
static uf_status compare_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  shlo_attrs *a = attrs;
  const uint32_t direction = ufi_fb_u32(&from->options, 0, 0), type = ufi_fb_u32(&from->options, 1, 0);
  if (direction >= DIRECTIONS)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a comparison direction below %d, found %u", DIRECTIONS,
                    (unsigned)direction);
  if (type > 4)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a comparison type below 5, found %u", (unsigned)type);
  a->number.op = &compare_ops[direction + (type == FLOAT_TOTAL_ORDER ? DIRECTIONS : 0)];
  a->number.shape_error = true;
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_COMPARE = {
  .attrs_size = sizeof(shlo_attrs), .attrs_tflite = compare_tflite, .infer = shlo_infer,
  .prepare = ufi_number_prepare, .eval = ufi_number_eval,
};

/* ---- CLAMP: least, operand, largest ------------------------------------------------------------- */

static uf_status clamp_infer(ufi_ctx *ctx) {
  static const ufi_number_op ordered = {.dtypes = UFI_REALS_ALL | BOOL};
  const ufi_tensor *x = ctx->in[1];
  UFI_TRY(want_dtype(ctx, x, &ordered));
  for (int32_t i = 0; i < 3; i++) {
    UFI_TRY(want_plain(ctx, ctx->in[i]));
    UFI_TRY(ufi_want_same(ctx, x, ctx->in[i]));
    if (ctx->in[i]->rank) UFI_TRY(ufi_shlo_want_same_shape(ctx, x, ctx->in[i]));
  }
  UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  return ufi_out_like(ctx, 0, x);
}

static uf_status clamp_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[1], *y = ctx->out[0];
  if (y->count == 0) return UF_OK;
  if (y->data != x->data) memcpy(y->data, x->data, y->size);
  ufi_fold_of(UFI_FOLD_MAX_NAN, y->dtype)(y->data, 1, ctx->in[0]->data, ctx->in[0]->rank ? 1 : 0, y->count);
  ufi_fold_of(UFI_FOLD_MIN_NAN, y->dtype)(y->data, 1, ctx->in[2]->data, ctx->in[2]->rank ? 1 : 0, y->count);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_CLAMP = {.infer = clamp_infer, .eval = clamp_eval};

/* ---- SELECT: predicate, on true, on false --------------------------------------------------------- */

static uf_status select_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_shlo_want_bytes(ctx, ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[1], ctx->in[2]));
  UFI_TRY(ufi_shlo_want_same_shape(ctx, ctx->in[1], ctx->in[2]));
  if (ctx->in[0]->rank) UFI_TRY(ufi_shlo_want_same_shape(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[1]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[1]);
}
static uf_status select_eval(ufi_ctx *ctx) { return ufi_op_SELECT_V2.eval(ctx); }
const ufi_op_def ufi_op_STABLEHLO_SELECT = {.infer = select_infer, .eval = select_eval};
