/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_binary.c: TensorFlow's functions of two numbers, see number.h; the gradients of functions of
 * one, too, which take two tensors of one shape.
 */
#include <complex.h>
#include <math.h>

#include "ops/number.h"
#include "ops/tf_special.h"

/* One expression of the operands u and v. */
#define REAL(name, expression)                                                                      \
  static void name##_real(double *a, const double *b, size_t n, const ufi_number_arg *arg) {           \
    for (size_t i = 0; i < n; ++i) { const double u = a[i], v = b[i]; a[i] = expression; }          \
  }
#define INT(name, expression)                                                                       \
  static void name##_i(int64_t *a, const int64_t *b, size_t n, const ufi_number_arg *arg) {         \
    for (size_t i = 0; i < n; ++i) { const int64_t u = a[i], v = b[i]; a[i] = (int64_t)(expression); } \
  }
#define NATURAL(name, expression)                                                                   \
  static void name##_u(uint64_t *a, const uint64_t *b, size_t n, const ufi_number_arg *arg) {       \
    for (size_t i = 0; i < n; ++i) { const uint64_t u = a[i], v = b[i]; a[i] = (uint64_t)(expression); } \
  }
#define CPLX(name, expression)                                                                        \
  static void name##_c(ufi_complex *a, const ufi_complex *b, size_t n, const ufi_number_arg *arg) {    \
    for (size_t i = 0; i < n; ++i) { const ufi_complex u = a[i], v = b[i]; a[i] = expression; }        \
  }
#define ROUND(x) arg->type->round(x)

/* ---- arithmetic --------------------------------------------------------------------------------- */

REAL(add, u + v)
INT(add, (uint64_t)u + (uint64_t)v)
CPLX(add, u + v)
REAL(sub, u - v)
INT(sub, (uint64_t)u - (uint64_t)v)
CPLX(sub, u - v)
REAL(mul, u * v)
INT(mul, (uint64_t)u * (uint64_t)v)
CPLX(mul, u * v)
REAL(div, u / v)
/* Divisors were checked; the least integer over -1 wraps to itself. */
INT(div, v == -1 ? 0 - (uint64_t)u : (uint64_t)(u / v))
NATURAL(div, u / v)
CPLX(div, u / v)
REAL(mul_no_nan, v == 0 ? 0 : u * v)
CPLX(mul_no_nan, v == 0 ? 0 : u * v)
REAL(div_no_nan, v == 0 ? 0 : u / v)
CPLX(div_no_nan, v == 0 ? 0 : u / v)
REAL(truncate_div, trunc(ROUND(u / v)))
REAL(floor_div, floor(ROUND(u / v)))
static inline int64_t floor_div_int(int64_t u, int64_t v) {
  return v == -1 ? (int64_t)(0 - (uint64_t)u) : u / v - (u % v != 0 && (u < 0) != (v < 0));
}
INT(floor_div, floor_div_int(u, v))
REAL(truncate_mod, fmod(u, v))
INT(truncate_mod, v == -1 ? 0 : u % v)
NATURAL(mod, u % v)
static inline double floor_mod_one(double u, double v) {
  const double rest = fmod(u, v);
  return rest != 0 && (v < 0) != (rest < 0) ? rest + v : rest;
}
REAL(floor_mod, floor_mod_one(u, v))
static inline int64_t floor_mod_int(int64_t u, int64_t v) {
  const int64_t rest = v == -1 ? 0 : u % v;
  return rest != 0 && (rest < 0) != (v < 0) ? rest + v : rest;
}
INT(floor_mod, floor_mod_int(u, v))
REAL(max, u >= v || u != u ? u : v)
INT(max, u > v ? u : v)
NATURAL(max, u > v ? u : v)
REAL(min, u <= v || u != u ? u : v)
INT(min, u < v ? u : v)
NATURAL(min, u < v ? u : v)
static inline double square(double d) { return d * d; }
REAL(squared_difference, square(ROUND(u - v)))
INT(squared_difference, ((uint64_t)u - (uint64_t)v) * ((uint64_t)u - (uint64_t)v))
CPLX(squared_difference, conj(u - v) * (u - v))

/* By squaring, modulo 2^64. */
static uint64_t power(uint64_t base, uint64_t exponent) {
  uint64_t y = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) y *= base;
  return y;
}
static inline ufi_complex power_complex(ufi_complex u, ufi_complex v) {
  return u == 0 && cimag(v) == 0 && creal(v) > 0 ? 0 : cexp(v * clog(u));
}
REAL(pow, pow(u, v))
INT(pow, power((uint64_t)u, (uint64_t)v))
CPLX(pow, power_complex(u, v))
static void pow_f32(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode, const void *arg) {
  const float *a = pa, *b = pb;
  float *y = py;
  const float exponent = mode == UFK_VS && n ? b[0] : 0.0f;
  if (exponent == 2.0f)
    for (size_t i = 0; i < n; ++i) y[i] = a[i] * a[i];
  else if (exponent == 3.0f)
    for (size_t i = 0; i < n; ++i) y[i] = a[i] * a[i] * a[i];
  else
    for (size_t i = 0; i < n; ++i) y[i] = powf(a[mode == UFK_SV ? 0 : i], b[mode == UFK_VS ? 0 : i]);
}
static const ufi_inner_fn pow_loops[UF_DTYPE_COUNT] = {[UF_FLOAT32] = pow_f32};

REAL(atan2, atan2(u, v))
REAL(xdivy, u == 0 ? 0 : u / v)
CPLX(xdivy, u == 0 ? 0 : u / v)
REAL(xlogy, u == 0 ? 0 : u * log(v))
CPLX(xlogy, u == 0 ? 0 : u * clog(v))
REAL(xlog1py, u == 0 ? 0 : u * log1p(v))
CPLX(xlog1py, u == 0 ? 0 : u * clog(1 + v))
REAL(igamma, ufi_igamma(u, v))
REAL(igammac, ufi_igammac(u, v))
REAL(igamma_grad_a, ufi_igamma_grad_a(u, v))
REAL(random_gamma_grad, ufi_gamma_sample_grad(u, v))
REAL(zeta, ufi_zeta(u, v))
REAL(polygamma, ufi_polygamma(u, v))
/* The next value of float32 is not that of double. */
REAL(next_after, arg->type->size == 4 ? (double)nextafterf((float)u, (float)v) : nextafter(u, v))

/* ---- comparison, logic, bits -------------------------------------------------------------------------- */

#define COMPARE(name, C)  \
  REAL(name, u C v)       \
  INT(name, u C v)        \
  NATURAL(name, u C v)
COMPARE(equal, ==)
COMPARE(not_equal, !=)
COMPARE(less, <)
COMPARE(less_equal, <=)
COMPARE(greater, >)
COMPARE(greater_equal, >=)
REAL(near, fabs(ROUND(u - v)) <= ROUND(arg->alpha))
CPLX(equal, u == v)
CPLX(not_equal, u != v)

INT(and, u & v)
INT(or, u | v)
INT(xor, u ^ v)
/* Counts below 0 shift by 0, those past the width by all bits but one. */
static inline int64_t shift_count(int64_t v, const ufi_number_arg *arg) {
  return v < 0 ? 0 : UFI_MIN(v, arg->type->bits - 1);
}
INT(left_shift, (uint64_t)u << shift_count(v, arg))
INT(right_shift, u >> shift_count(v, arg))
static inline uint64_t shift_count_u(uint64_t v) { return v > 63 ? 63 : v; }
NATURAL(left_shift, u << shift_count_u(v))
NATURAL(right_shift, u >> shift_count_u(v))

/* ---- gradients ----------------------------------------------------------------------------------------- */

#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.7580993408473768599402175208123 /* times the scale */

/* Gradient u, feature (Elu, Selu: output) v. */
REAL(relu_grad, u * (v > 0)) /* NaN and infinite gradients show everywhere */
INT(relu_grad, v > 0 ? u : 0)
NATURAL(relu_grad, v > 0 ? u : 0)
REAL(relu6_grad, u * (v > 0 && v < 6))
INT(relu6_grad, v > 0 && v < 6 ? u : 0)
NATURAL(relu6_grad, v > 0 && v < 6 ? u : 0)
REAL(leaky_relu_grad, v > 0 ? u : u * ROUND(arg->alpha))
REAL(elu_grad, v < 0 ? (v + 1) * u : u)
REAL(selu_grad, u * (v < 0 ? ROUND(v + ROUND(SELU_ALPHA)) : ROUND(SELU_SCALE)))
REAL(softplus_grad, u / (exp(-v) + 1))
REAL(softsign_grad, u / square(ROUND(1 + fabs(v))))
/* Output u, gradient v. TensorFlow conjugates the output in the last three alone, which no infinity
 * disturbs where the gradient is 0. */
REAL(sigmoid_grad, v * u * (1 - u))
CPLX(sigmoid_grad, v * u * (1 - u))
REAL(tanh_grad, v * (1 - u * u))
CPLX(tanh_grad, v * (1 - u * u))
REAL(sqrt_grad, v == 0 ? 0 : 0.5 * v / u)
CPLX(sqrt_grad, v == 0 ? 0 : 0.5 * v / conj(u))
REAL(rsqrt_grad, v == 0 ? 0 : -0.5 * v * u * u * u)
CPLX(rsqrt_grad, v == 0 ? 0 : -0.5 * v * conj(u * u * u))
REAL(reciprocal_grad, v == 0 ? 0 : -v * u * u)
CPLX(reciprocal_grad, v == 0 ? 0 : -v * conj(u * u))
UFI_INNER_LOOPS(relu_grad_f32, float, float, u * (float)(v > 0))
UFI_INNER_LOOPS(sigmoid_grad_f32, float, float, v * u * (1 - u))
UFI_INNER_LOOPS(tanh_grad_f32, float, float, v * (1 - u * u))
static const ufi_inner_fn relu_grad_loops[UF_DTYPE_COUNT] = {[UF_FLOAT32] = relu_grad_f32};
static const ufi_inner_fn sigmoid_grad_loops[UF_DTYPE_COUNT] = {[UF_FLOAT32] = sigmoid_grad_f32};
static const ufi_inner_fn tanh_grad_loops[UF_DTYPE_COUNT] = {[UF_FLOAT32] = tanh_grad_f32};

/* ---- the table -------------------------------------------------------------------------------------------- */

#define NUMBERS (UFI_REALS_ALL | UFI_COMPLEX)
#define QUANTIZED (UFI_DTYPE_BIT(QINT8) | UFI_DTYPE_BIT(QUINT8) | UFI_DTYPE_BIT(QINT16) | UFI_DTYPE_BIT(QUINT16) | \
                   UFI_DTYPE_BIT(QINT32))
#define ANY (NUMBERS | QUANTIZED | UFI_DTYPE_BIT(BOOL) | UFI_DTYPE_BIT(STRING))
#define NUMBERS_UP (UFI_F32_F64 | UFI_INT_32_64)
#define RIC(name) .reals = name##_real, .ints = name##_i, .complexes = name##_c
#define RI(name) .reals = name##_real, .ints = name##_i
#define RIN(name) .reals = name##_real, .ints = name##_i, .naturals = name##_u
#define RC(name) .reals = name##_real, .complexes = name##_c
#define R(name) .reals = name##_real
#define KERNEL(k) .kernel = (k) + 1
#define SAME UFI_NUMBER_SAME
#define ALIKE (UFI_NUMBER_SAME | UFI_NUMBER_ALIKE)
static const ufi_number_op table[] = {
  {"Add", (NUMBERS & ~(UFI_DTYPE_BIT(UINT16) | UFI_DTYPE_BIT(UINT32) | UFI_DTYPE_BIT(UINT64))) | UFI_DTYPE_BIT(STRING),
   RIC(add), .loops = ufi_add_loops, KERNEL(UFK_ADD), .flags = UFI_NUMBER_TEXT},
  {"AddV2", NUMBERS, RIC(add), .loops = ufi_add_loops, KERNEL(UFK_ADD)},
  {"Sub", NUMBERS, RIC(sub), .loops = ufi_sub_loops, KERNEL(UFK_SUB)},
  {"Mul", NUMBERS, RIC(mul), .loops = ufi_mul_loops, KERNEL(UFK_MUL)},
  {"Div", NUMBERS, RIC(div), .naturals = div_u, KERNEL(UFK_DIV), .flags = UFI_NUMBER_DIVIDES},
  {"RealDiv", UFI_FLOATS | UFI_COMPLEX, RC(div), KERNEL(UFK_DIV)},
  {"MulNoNan", UFI_FLOATS | UFI_COMPLEX, RC(mul_no_nan)},
  {"DivNoNan", UFI_FLOATS | UFI_COMPLEX, RC(div_no_nan)},
  {"TruncateDiv", UFI_REALS_ALL, .reals = truncate_div_real, .ints = div_i, .naturals = div_u, .flags = UFI_NUMBER_DIVIDES},
  {"FloorDiv", UFI_REALS_ALL, RI(floor_div), .naturals = div_u, .flags = UFI_NUMBER_DIVIDES},
  {"Mod", NUMBERS_UP, RI(truncate_mod), .flags = UFI_NUMBER_DIVIDES},
  {"TruncateMod", NUMBERS_UP, RI(truncate_mod), .flags = UFI_NUMBER_DIVIDES},
  {"FloorMod", UFI_REALS_ALL, RI(floor_mod), .naturals = mod_u, .flags = UFI_NUMBER_DIVIDES},
  {"Maximum", UFI_REALS_ALL, RIN(max), .loops = ufi_max_loops},
  {"Minimum", UFI_REALS_ALL, RIN(min), .loops = ufi_min_loops},
  {"SquaredDifference", UFI_FLOATS | UFI_INT_32_64 | UFI_COMPLEX, RIC(squared_difference), KERNEL(UFK_SQDIFF)},
  {"Pow", UFI_FLOATS | UFI_SIGNED | UFI_COMPLEX, RIC(pow), .loops = pow_loops, .flags = UFI_NUMBER_RAISES},
  {"Atan2", UFI_FLOATS, R(atan2)},
  {"Xdivy", UFI_FLOATS | UFI_COMPLEX, RC(xdivy)},
  {"Xlogy", UFI_FLOATS | UFI_COMPLEX, RC(xlogy)},
  {"Xlog1py", UFI_FLOATS | UFI_COMPLEX, RC(xlog1py)},
  {"Igamma", UFI_F32_F64, R(igamma)},
  {"Igammac", UFI_F32_F64, R(igammac)},
  {"IgammaGradA", UFI_F32_F64, R(igamma_grad_a)},
  {"RandomGammaGrad", UFI_F32_F64, R(random_gamma_grad)},
  {"Zeta", UFI_F32_F64, R(zeta)},
  {"Polygamma", UFI_F32_F64, R(polygamma)},
  {"NextAfter", UFI_F32_F64, R(next_after)},

  {"Equal", ANY, RIN(equal), .complexes = equal_c, .loops = ufi_equal_loops, .flags = UFI_NUMBER_BOOL | UFI_NUMBER_SHAPES},
  {"NotEqual", ANY, RIN(not_equal), .complexes = not_equal_c, .loops = ufi_not_equal_loops,
   .flags = UFI_NUMBER_BOOL | UFI_NUMBER_SHAPES | UFI_NUMBER_UNEQUAL},
  {"Less", UFI_REALS_ALL, RIN(less), .loops = ufi_less_loops, .flags = UFI_NUMBER_BOOL},
  {"LessEqual", UFI_REALS_ALL, RIN(less_equal), .loops = ufi_less_equal_loops, .flags = UFI_NUMBER_BOOL},
  {"Greater", UFI_REALS_ALL, RIN(greater), .loops = ufi_less_loops, .flags = UFI_NUMBER_BOOL | UFI_NUMBER_SWAP},
  {"GreaterEqual", UFI_REALS_ALL, RIN(greater_equal), .loops = ufi_less_equal_loops,
   .flags = UFI_NUMBER_BOOL | UFI_NUMBER_SWAP},
  {"ApproximateEqual", UFI_F32_F64, R(near), .flags = UFI_NUMBER_BOOL | ALIKE},
  {"LogicalAnd", UFI_DTYPE_BIT(BOOL), .ints = and_i},
  {"LogicalOr", UFI_DTYPE_BIT(BOOL), .ints = or_i},
  {"BitwiseAnd", UFI_INTEGERS, .ints = and_i},
  {"BitwiseOr", UFI_INTEGERS, .ints = or_i},
  {"BitwiseXor", UFI_INTEGERS, .ints = xor_i},
  {"LeftShift", UFI_INTEGERS, .ints = left_shift_i, .naturals = left_shift_u},
  {"RightShift", UFI_INTEGERS, .ints = right_shift_i, .naturals = right_shift_u},

  {"ReluGrad", UFI_REALS_ALL, RIN(relu_grad), .loops = relu_grad_loops, .flags = ALIKE},
  {"Relu6Grad", UFI_REALS_ALL, RIN(relu6_grad), .flags = ALIKE},
  {"LeakyReluGrad", UFI_FLOATS, R(leaky_relu_grad), .flags = ALIKE},
  {"EluGrad", UFI_FLOATS, R(elu_grad), .flags = ALIKE},
  {"SeluGrad", UFI_FLOATS, R(selu_grad), .flags = ALIKE},
  {"SoftplusGrad", UFI_FLOATS, R(softplus_grad), .flags = ALIKE},
  {"SoftsignGrad", UFI_FLOATS, R(softsign_grad), .flags = ALIKE},
  {"SigmoidGrad", UFI_FLOATS | UFI_COMPLEX, RC(sigmoid_grad), .loops = sigmoid_grad_loops, .flags = SAME},
  {"TanhGrad", UFI_FLOATS | UFI_COMPLEX, RC(tanh_grad), .loops = tanh_grad_loops, .flags = SAME},
  {"SqrtGrad", UFI_FLOATS | UFI_COMPLEX, RC(sqrt_grad), .flags = SAME},
  {"RsqrtGrad", UFI_FLOATS | UFI_COMPLEX, RC(rsqrt_grad), .flags = SAME},
  {"ReciprocalGrad", UFI_FLOATS | UFI_COMPLEX, RC(reciprocal_grad), .flags = SAME},
  {"InvGrad", UFI_FLOATS | UFI_COMPLEX, RC(reciprocal_grad), .flags = SAME},
};

const ufi_number_op *ufi_binary_op(const char *name) { return ufi_number_in(table, UFI_COUNT(table), name); }

/* ---- rows ------------------------------------------------------------------------------------------------------ */

UFI_NUMBER_ROW(MUL_NO_NAN);
UFI_NUMBER_ROW(DIV_NO_NAN);
UFI_NUMBER_ROW(TRUNCATE_DIV);
UFI_NUMBER_ROW(TRUNCATE_MOD);
UFI_NUMBER_ROW(XDIVY);
UFI_NUMBER_ROW(XLOGY);
UFI_NUMBER_ROW(XLOG1PY);
UFI_NUMBER_ROW(IGAMMA);
UFI_NUMBER_ROW(IGAMMAC);
UFI_NUMBER_ROW(IGAMMA_GRAD_A);
UFI_NUMBER_ROW(RANDOM_GAMMA_GRAD);
UFI_NUMBER_ROW(ZETA);
UFI_NUMBER_ROW(POLYGAMMA);
UFI_NUMBER_ROW(NEXT_AFTER);
UFI_NUMBER_ROW(BITWISE_AND);
UFI_NUMBER_ROW(BITWISE_OR);
UFI_NUMBER_ROW(LEFT_SHIFT);
UFI_NUMBER_ROW(APPROXIMATE_EQUAL);
UFI_NUMBER_ROW(RELU_GRAD);
UFI_NUMBER_ROW(RELU6_GRAD);
UFI_NUMBER_ROW(LEAKY_RELU_GRAD);
UFI_NUMBER_ROW(ELU_GRAD);
UFI_NUMBER_ROW(SELU_GRAD);
UFI_NUMBER_ROW(SIGMOID_GRAD);
UFI_NUMBER_ROW(TANH_GRAD);
UFI_NUMBER_ROW(SOFTPLUS_GRAD);
UFI_NUMBER_ROW(SOFTSIGN_GRAD);
UFI_NUMBER_ROW(SQRT_GRAD);
UFI_NUMBER_ROW(RSQRT_GRAD);
UFI_NUMBER_ROW(RECIPROCAL_GRAD);
