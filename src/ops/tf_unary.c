/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_unary.c: TensorFlow's functions of one number, see number.h.
 *
 * Where TensorFlow's kernels give something of their own (NaN and -0 through Relu, 0 for the sign
 * of a complex 0, the negative axis of Bessel functions), so do these.
 */
#include <complex.h>
#include <math.h>

#include "ops/number.h"
#include "ops/tf_special.h"

/* ---- how functions are written ----------------------------------------------------------- */

/* One expression of v; ROUND rounds to the dtype where it matters that TensorFlow does. */
#define ROUND(x) arg->type->round(x)
#define REAL(name, expression)                                                                   \
  static void name##_real(double *a, const double *b, size_t n, const ufi_number_arg *arg) {        \
    for (size_t i = 0; i < n; ++i) { const double v = a[i]; a[i] = expression; }                 \
  }
#define INT(name, expression)                                                                    \
  static void name##_i(int64_t *a, const int64_t *b, size_t n, const ufi_number_arg *arg) {      \
    for (size_t i = 0; i < n; ++i) { const int64_t v = a[i]; a[i] = (int64_t)(expression); }     \
  }
#define CPLX(name, expression)                                                                    \
  static void name##_c(ufi_complex *a, const ufi_complex *b, size_t n, const ufi_number_arg *arg) { \
    for (size_t i = 0; i < n; ++i) { const ufi_complex v = a[i]; a[i] = expression; }             \
  }
#define F32(name, expression)                                                                     \
  static void name##_f(const float *x, float *y, size_t n, const ufi_number_arg *arg) {           \
    for (size_t i = 0; i < n; ++i) { const float v = x[i]; y[i] = expression; }                   \
  }

/* ---- arithmetic ------------------------------------------------------------------------------ */

REAL(abs, fabs(v))
INT(abs, v < 0 ? 0 - (uint64_t)v : (uint64_t)v)
REAL(neg, -v)
INT(neg, 0 - (uint64_t)v)
CPLX(neg, -v)
REAL(sign, v > 0 ? 1.0 : v < 0 ? -1.0 : v)
INT(sign, (v > 0) - (v < 0))
CPLX(sign, v == 0 ? 0 : v / cabs(v))
REAL(square, v * v)
INT(square, (uint64_t)v * (uint64_t)v)
CPLX(square, v * v)
REAL(sqrt, sqrt(v))
CPLX(sqrt, csqrt(v))
REAL(rsqrt, 1 / ROUND(sqrt(v)))
CPLX(rsqrt, 1 / csqrt(v))
REAL(reciprocal, 1 / v)
CPLX(reciprocal, 1 / v)
REAL(floor, floor(v))
REAL(ceil, ceil(v))
REAL(round, nearbyint(v))
INT(round, v)
REAL(is_nan, v != v)
REAL(is_inf, v == INFINITY || v == -INFINITY)
REAL(is_finite, v - v == 0)
INT(invert, ~v)
INT(not, !v)
INT(popcount, __builtin_popcountll((uint64_t)v & (~UINT64_C(0) >> (64 - arg->type->bits))))

/* ---- exponentials, logarithms, angles ------------------------------------------------------------ */

/* sinh(x / 2) keeps what 1 would hide. */
static ufi_complex expm1_complex(ufi_complex v) {
  const double re = creal(v), im = cimag(v), s = sin(im / 2);
  return CMPLX(expm1(re) * cos(im) - 2 * s * s, exp(re) * sin(im));
}
static ufi_complex log1p_complex(ufi_complex v) {
  const double re = creal(v), im = cimag(v);
  const double square = re * (2 + re) + im * im; /* |1 + v|^2 - 1 */
  return CMPLX(fabs(square) < 0.5 ? 0.5 * log1p(square) : log(hypot(1 + re, im)), atan2(im, 1 + re));
}

REAL(exp, exp(v))
CPLX(exp, cexp(v))
REAL(expm1, expm1(v))
CPLX(expm1, expm1_complex(v))
REAL(log, log(v))
CPLX(log, clog(v))
REAL(log1p, log1p(v))
CPLX(log1p, log1p_complex(v))
REAL(sin, sin(v))
CPLX(sin, csin(v))
REAL(cos, cos(v))
CPLX(cos, ccos(v))
REAL(tan, tan(v))
CPLX(tan, ctan(v))
REAL(asin, asin(v))
CPLX(asin, casin(v))
REAL(acos, acos(v))
CPLX(acos, cacos(v))
REAL(atan, atan(v))
CPLX(atan, catan(v))
REAL(sinh, sinh(v))
CPLX(sinh, csinh(v))
REAL(cosh, cosh(v))
CPLX(cosh, ccosh(v))
REAL(tanh, tanh(v))
CPLX(tanh, ctanh(v))
REAL(asinh, asinh(v))
CPLX(asinh, casinh(v))
REAL(acosh, acosh(v))
CPLX(acosh, cacosh(v))
REAL(atanh, atanh(v))
CPLX(atanh, catanh(v))
F32(expm1, expm1f(v))
F32(log1p, log1pf(v))
F32(tan, tanf(v))

/* ---- activations -------------------------------------------------------------------------------- */

#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.7580993408473768599402175208123 /* times the scale */

REAL(sigmoid, 1 / (1 + exp(-v)))
CPLX(sigmoid, 1 / (1 + cexp(-v)))
REAL(softplus, v > 40 ? v : log1p(exp(v)))
F32(softplus, v > 20 ? v : log1pf(expf(v)))
REAL(softsign, v / (1 + fabs(v)))
F32(softsign, v / (1 + fabsf(v)))
REAL(relu, v < 0 ? 0 : v)
INT(relu, v < 0 ? 0 : v)
REAL(relu6, v < 0 ? 0 : v > 6 ? 6 : v)
INT(relu6, v < 0 ? 0 : v > 6 ? 6 : v)
REAL(leaky, v > 0 ? v : v * ROUND(arg->alpha))
REAL(elu, v < 0 ? expm1(v) : v)
REAL(selu, v < 0 ? ROUND(SELU_ALPHA) * ROUND(ROUND(exp(v)) - 1) : ROUND(SELU_SCALE) * v)
F32(selu, v < 0 ? (float)SELU_ALPHA * (expf(v) - 1) : (float)SELU_SCALE * v)

static void relu_f(const float *x, float *y, size_t n, const ufi_number_arg *arg) {
  ufi_kernels_get()->elementwise.f32_clamp(x, y, n, 0.0f, INFINITY);
}
static void relu6_f(const float *x, float *y, size_t n, const ufi_number_arg *arg) {
  ufi_kernels_get()->elementwise.f32_clamp(x, y, n, 0.0f, 6.0f);
}
static void leaky_f(const float *x, float *y, size_t n, const ufi_number_arg *arg) {
  ufi_kernels_get()->elementwise.f32_leaky_relu(x, y, n, (float)arg->alpha);
}
static void relu_u(uint64_t *a, const uint64_t *b, size_t n, const ufi_number_arg *arg) {}
static void relu6_u(uint64_t *a, const uint64_t *b, size_t n, const ufi_number_arg *arg) {
  for (size_t i = 0; i < n; ++i) a[i] = a[i] > 6 ? 6 : a[i];
}

/* ---- special functions ----------------------------------------------------------------------------- */

REAL(erf, erf(v))
REAL(erfc, erfc(v))
REAL(erfinv, ufi_erfinv(v))
REAL(ndtri, ufi_ndtri(v))
REAL(lgamma, ufi_lgamma(v))
REAL(digamma, ufi_digamma(v))
/* Unscaled ones of infinity are infinity times 0 in TensorFlow. */
REAL(i0, isinf(v) ? NAN : exp(fabs(v)) * ufi_bessel_i0e(v))
REAL(i1, isinf(v) ? NAN : exp(fabs(v)) * ufi_bessel_i1e(v))
REAL(i0e, ufi_bessel_i0e(v))
REAL(i1e, ufi_bessel_i1e(v))
REAL(j0, isinf(v) ? NAN : j0(v))
REAL(j1, isinf(v) ? NAN : j1(v))
REAL(y0, v <= 0 ? -INFINITY : isinf(v) ? NAN : y0(v))
REAL(y1, v <= 0 ? -INFINITY : isinf(v) ? NAN : y1(v))
REAL(k0, v > 0 ? exp(-v) * ufi_bessel_k0e(v) : ufi_bessel_k0e(v))
REAL(k1, v > 0 ? exp(-v) * ufi_bessel_k1e(v) : ufi_bessel_k1e(v))
REAL(k0e, ufi_bessel_k0e(v))
REAL(k1e, ufi_bessel_k1e(v))
REAL(dawson, ufi_dawson(v))
REAL(expint, ufi_expint(v))
REAL(spence, ufi_spence(v))
static void fresnel_sin_real(double *a, const double *b, size_t n, const ufi_number_arg *arg) {
  double other;
  for (size_t i = 0; i < n; ++i) ufi_fresnel(a[i], &a[i], &other);
}
static void fresnel_cos_real(double *a, const double *b, size_t n, const ufi_number_arg *arg) {
  double other;
  for (size_t i = 0; i < n; ++i) ufi_fresnel(a[i], &other, &a[i]);
}

/* ---- parts of complex numbers -------------------------------------------------------------------------- */

CPLX(real, creal(v))
CPLX(imag, cimag(v))
CPLX(conj, conj(v))
CPLX(angle, carg(v))
CPLX(modulus, cabs(v))

/* ---- the table --------------------------------------------------------------------------------------------- */

#define CLASSES(r, i, c) .reals = r, .ints = i, .complexes = c
#define KERNEL(k) .kernel = (k) + 1
#define RC(name) CLASSES(name##_real, NULL, name##_c)
#define R(name) CLASSES(name##_real, NULL, NULL)
static const ufi_number_op table[] = {
  {"Abs", UFI_FLOATS | UFI_SIGNED, CLASSES(abs_real, abs_i, NULL), KERNEL(UFK_ABS)},
  {"Neg", UFI_FLOATS | UFI_SIGNED | UFI_COMPLEX, CLASSES(neg_real, neg_i, neg_c), KERNEL(UFK_NEG)},
  {"Sign", UFI_FLOATS | UFI_SIGNED | UFI_COMPLEX, CLASSES(sign_real, sign_i, sign_c), KERNEL(UFK_SIGN)},
  {"Square", UFI_REALS_ALL | UFI_COMPLEX, CLASSES(square_real, square_i, square_c), KERNEL(UFK_SQUARE)},
  {"Sqrt", UFI_FLOATS | UFI_COMPLEX, RC(sqrt), KERNEL(UFK_SQRT)},
  {"Rsqrt", UFI_FLOATS | UFI_COMPLEX, RC(rsqrt), KERNEL(UFK_RSQRT)},
  {"Reciprocal", UFI_FLOATS | UFI_COMPLEX, RC(reciprocal)},
  {"Inv", UFI_FLOATS | UFI_COMPLEX, RC(reciprocal)},
  {"Floor", UFI_FLOATS, R(floor), KERNEL(UFK_FLOOR)},
  {"Ceil", UFI_FLOATS, R(ceil), KERNEL(UFK_CEIL)},
  {"Round", UFI_FLOATS | UFI_INT_32_64, CLASSES(round_real, round_i, NULL), KERNEL(UFK_ROUND)},
  {"Rint", UFI_F32_F64, R(round), KERNEL(UFK_ROUND)},
  {"IsNan", UFI_FLOATS, R(is_nan), .flags = UFI_NUMBER_BOOL},
  {"IsInf", UFI_FLOATS, R(is_inf), .flags = UFI_NUMBER_BOOL},
  {"IsFinite", UFI_FLOATS, R(is_finite), .flags = UFI_NUMBER_BOOL},
  {"Invert", UFI_INTEGERS, CLASSES(NULL, invert_i, NULL)},
  {"LogicalNot", UFI_DTYPE_BIT(BOOL), CLASSES(NULL, not_i, NULL)},
  {"PopulationCount", UFI_INTEGERS, CLASSES(NULL, popcount_i, NULL), .flags = UFI_NUMBER_BYTE},

  {"Exp", UFI_FLOATS | UFI_COMPLEX, RC(exp), KERNEL(UFK_EXP)},
  {"Expm1", UFI_FLOATS | UFI_COMPLEX, RC(expm1), .f32 = expm1_f},
  {"Log", UFI_FLOATS | UFI_COMPLEX, RC(log), KERNEL(UFK_LOG)},
  {"Log1p", UFI_FLOATS | UFI_COMPLEX, RC(log1p), .f32 = log1p_f},
  {"Sin", UFI_FLOATS | UFI_COMPLEX, RC(sin), KERNEL(UFK_SIN)},
  {"Cos", UFI_FLOATS | UFI_COMPLEX, RC(cos), KERNEL(UFK_COS)},
  {"Tan", UFI_FLOATS | UFI_COMPLEX, RC(tan), .f32 = tan_f},
  {"Asin", UFI_FLOATS | UFI_COMPLEX, RC(asin)},
  {"Acos", UFI_FLOATS | UFI_COMPLEX, RC(acos)},
  {"Atan", UFI_FLOATS | UFI_COMPLEX, RC(atan)},
  {"Sinh", UFI_FLOATS | UFI_COMPLEX, RC(sinh)},
  {"Cosh", UFI_FLOATS | UFI_COMPLEX, RC(cosh)},
  {"Tanh", UFI_FLOATS | UFI_COMPLEX, RC(tanh), KERNEL(UFK_TANH)},
  {"Asinh", UFI_FLOATS | UFI_COMPLEX, RC(asinh)},
  {"Acosh", UFI_FLOATS | UFI_COMPLEX, RC(acosh)},
  {"Atanh", UFI_FLOATS | UFI_COMPLEX, RC(atanh)},

  {"Sigmoid", UFI_FLOATS | UFI_COMPLEX, RC(sigmoid), KERNEL(UFK_LOGISTIC)},
  {"Softplus", UFI_FLOATS, R(softplus), .f32 = softplus_f},
  {"Softsign", UFI_FLOATS, R(softsign), .f32 = softsign_f},
  {"Relu", UFI_REALS_ALL, CLASSES(relu_real, relu_i, NULL), .naturals = relu_u, .f32 = relu_f},
  {"Relu6", UFI_REALS_ALL, CLASSES(relu6_real, relu6_i, NULL), .naturals = relu6_u, .f32 = relu6_f},
  {"LeakyRelu", UFI_FLOATS, R(leaky), .f32 = leaky_f},
  {"Elu", UFI_FLOATS, R(elu), KERNEL(UFK_ELU)},
  {"Selu", UFI_FLOATS, R(selu), .f32 = selu_f},

  {"Erf", UFI_FLOATS, R(erf), KERNEL(UFK_ERF)},
  {"Erfc", UFI_FLOATS, R(erfc), KERNEL(UFK_ERFC)},
  {"Erfinv", UFI_F32_F64, R(erfinv)},
  {"Ndtri", UFI_F32_F64, R(ndtri)},
  {"Lgamma", UFI_F16_UP, R(lgamma)},
  {"Digamma", UFI_F16_UP, R(digamma)},
  {"BesselI0", UFI_F16_UP, R(i0)},
  {"BesselI1", UFI_F16_UP, R(i1)},
  {"BesselI0e", UFI_F16_UP, R(i0e)},
  {"BesselI1e", UFI_F16_UP, R(i1e)},
  {"BesselJ0", UFI_F16_UP, R(j0)},
  {"BesselJ1", UFI_F16_UP, R(j1)},
  {"BesselY0", UFI_F16_UP, R(y0)},
  {"BesselY1", UFI_F16_UP, R(y1)},
  {"BesselK0", UFI_F16_UP, R(k0)},
  {"BesselK1", UFI_F16_UP, R(k1)},
  {"BesselK0e", UFI_F16_UP, R(k0e)},
  {"BesselK1e", UFI_F16_UP, R(k1e)},
  {"Dawsn", UFI_F32_F64, R(dawson)},
  {"Expint", UFI_F32_F64, R(expint)},
  {"FresnelSin", UFI_F32_F64, R(fresnel_sin)},
  {"FresnelCos", UFI_F32_F64, R(fresnel_cos)},
  {"Spence", UFI_F32_F64, R(spence)},

  {"Real", UFI_COMPLEX, CLASSES(NULL, NULL, real_c), .flags = UFI_NUMBER_PART},
  {"Imag", UFI_COMPLEX, CLASSES(NULL, NULL, imag_c), .flags = UFI_NUMBER_PART},
  {"Angle", UFI_COMPLEX, CLASSES(NULL, NULL, angle_c), .flags = UFI_NUMBER_PART},
  {"ComplexAbs", UFI_COMPLEX, CLASSES(NULL, NULL, modulus_c), .flags = UFI_NUMBER_PART},
  {"Conj", UFI_COMPLEX, CLASSES(NULL, NULL, conj_c)},
};

const ufi_number_op *ufi_unary_op(const char *name) { return ufi_number_in(table, UFI_COUNT(table), name); }

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* Parts of complex numbers are the same in both formats. */
static uf_status part_tflite(void *attrs, const char *name) {
  ((ufi_number_attrs *)attrs)->op = ufi_unary_op(name);
  return UF_OK;
}
#define PART(row, name)                                                                                      \
  static uf_status row##_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {                \
    return part_tflite(attrs, name);                                                                         \
  }                                                                                                          \
  const ufi_op_def ufi_op_##row = {                                                                          \
    .attrs_size = sizeof(ufi_number_attrs), .attrs_tflite = row##_tflite, .attrs_tf = ufi_number_tf,         \
    .infer = ufi_tf_number_infer, .prepare = ufi_number_prepare, .eval = ufi_number_eval}
PART(REAL, "Real");
PART(IMAG, "Imag");
PART(COMPLEX_ABS, "ComplexAbs");

UFI_NUMBER_ROW(CONJ);
UFI_NUMBER_ROW(ANGLE);
UFI_NUMBER_ROW(RECIPROCAL);
UFI_NUMBER_ROW(IS_NAN);
UFI_NUMBER_ROW(IS_INF);
UFI_NUMBER_ROW(IS_FINITE);
UFI_NUMBER_ROW(INVERT);
UFI_NUMBER_ROW(POPULATION_COUNT);
UFI_NUMBER_ROW(EXPM1);
UFI_NUMBER_ROW(LOG1P);
UFI_NUMBER_ROW(TAN);
UFI_NUMBER_ROW(ASIN);
UFI_NUMBER_ROW(ACOS);
UFI_NUMBER_ROW(ATAN);
UFI_NUMBER_ROW(SINH);
UFI_NUMBER_ROW(COSH);
UFI_NUMBER_ROW(ASINH);
UFI_NUMBER_ROW(ACOSH);
UFI_NUMBER_ROW(ATANH);
UFI_NUMBER_ROW(SOFTPLUS);
UFI_NUMBER_ROW(SOFTSIGN);
UFI_NUMBER_ROW(SELU);
UFI_NUMBER_ROW(ERF);
UFI_NUMBER_ROW(ERFC);
UFI_NUMBER_ROW(ERFINV);
UFI_NUMBER_ROW(NDTRI);
UFI_NUMBER_ROW(LGAMMA);
UFI_NUMBER_ROW(DIGAMMA);
UFI_NUMBER_ROW(BESSEL_I);
UFI_NUMBER_ROW(BESSEL_J);
UFI_NUMBER_ROW(BESSEL_Y);
UFI_NUMBER_ROW(BESSEL_K);
UFI_NUMBER_ROW(DAWSN);
UFI_NUMBER_ROW(EXPINT);
UFI_NUMBER_ROW(FRESNEL);
UFI_NUMBER_ROW(SPENCE);
