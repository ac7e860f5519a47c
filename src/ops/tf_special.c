/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_special.c: special functions in double. Series, continued fractions and
 * asymptotic expansions are those of Abramowitz and Stegun (A&S), by number, unless said
 * otherwise; where each is used was chosen so that about 1e-14 of the value is left as error.
 */
#include "ops/tf_special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define EULER 0.57721566490153286061
#define PI 3.14159265358979323846
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- Bessel functions of imaginary argument --------------------------------------------- */

/* A&S 9.6.10 times exp(-x): all terms are positive. */
static double i_series(double x, int order) {
  const double q = x * x / 4;
  double term = order ? x / 2 : 1, sum = term;
  for (int k = 1; k < 500 && term > sum * 1e-17; k++) sum += term *= q / ((double)k * (k + order));
  return sum * exp(-x);
}
/* A&S 9.7.1, 9.7.2: alternate is -1 for I, 1 for K. */
static double asymptotic(double x, int order, double sign) {
  const double mu = 4.0 * order * order;
  double term = 1, sum = 1;
  for (int k = 1; k < 60; k++) {
    const double odd = 2.0 * k - 1, next = term * sign * (mu - odd * odd) / (k * 8.0 * x);
    if (fabs(next) > fabs(term) || fabs(next) < 1e-18) break;
    sum += term = next;
  }
  return sum;
}
static double i_scaled(double x, int order) {
  if (isinf(x)) return 0;
  return x < 20 ? i_series(x, order) : asymptotic(x, order, -1) / sqrt(2 * PI * x);
}
double ufi_bessel_i0e(double x) { return i_scaled(fabs(x), 0); }
double ufi_bessel_i1e(double x) { return copysign(i_scaled(fabs(x), 1), x); }

/* Near 0 A&S 9.6.13 and 9.6.11 (n = 1), then the trapezoidal rule for the integral 9.6.24, which is as
 * exact as double from a step of 1/8 on, since its integrand falls doubly exponentially. */
static double k_near_zero(double x, int order) {
  const double q = x * x / 4, log_half = log(x / 2);
  double term = 1, psi = -EULER, sum = 0;
  if (order == 0) {
    for (int k = 0; k < 30; k++) {
      sum += term * (psi - log_half);
      psi += 1.0 / (k + 1);
      term *= q / ((k + 1.0) * (k + 1.0));
    }
    return sum;
  }
  double psi_next = 1 - EULER;
  for (int k = 0; k < 30; k++) {
    sum += term * (log_half - (psi + psi_next) / 2);
    psi += 1.0 / (k + 1);
    psi_next += 1.0 / (k + 2);
    term *= q / ((k + 1.0) * (k + 2.0));
  }
  return 1 / x + x / 2 * sum;
}
static double k_scaled(double x, int order) {
  if (x != x) return x;
  if (x <= 0) return INFINITY;
  if (isinf(x)) return 0;
  if (x < 1) return k_near_zero(x, order) * exp(x);
  if (x > 40) return asymptotic(x, order, 1) * sqrt(PI / (2 * x));
  double sum = 0.5;
  for (int i = 1; i < 100; i++) {
    const double t = i / 16.0, s = sinh(t / 2);
    sum += exp(-2 * x * s * s) * (order ? cosh(t) : 1);
  }
  return sum / 16;
}
double ufi_bessel_k0e(double x) { return k_scaled(x, 0); }
double ufi_bessel_k1e(double x) { return k_scaled(x, 1); }

/* ---- integrals of exponentials ------------------------------------------------------------ */

/* G. B. Rybicki, "Dawson's integral and the sampling theorem", Computers in Physics 3 (1989): a sum of
 * Gaussians at odd multiples of a step. */
double ufi_dawson(double x) {
  const double size = fabs(x), step = 0.25;
  double sum = 0;
  if (x != x) return x;
  if (size < 0.2) { /* Taylor: x (1 - 2/3 x^2 (1 - 2/5 x^2 (...))) */
    double tail = 1;
    for (int k = 12; k >= 1; k--) tail = 1 - 2 * x * x / (2 * k + 1) * tail;
    return x * tail;
  }
  if (size > 1e7) return 1 / (2 * x);
  const double even = 2 * floor(size / (2 * step) + 0.5), rest = size - even * step;
  for (int k = -31; k <= 31; k += 2) {
    const double d = rest - k * step;
    sum += exp(-d * d) / (even + k);
  }
  return copysign(sum / sqrt(PI), x);
}

/* Ei: A&S 5.1.10, beyond 40 the asymptotic 5.1.51. */
double ufi_expint(double x) {
  if (x == 0) return -INFINITY;
  if (!(x > 0) || isinf(x)) return NAN;
  double term = 1, sum = 0;
  if (x > 40) {
    sum = 1;
    for (int k = 1; k < 100 && term * k / x < term && term > 1e-17; k++) sum += term *= k / x;
    return exp(x) / x * sum;
  }
  for (int k = 1; k < 300; k++) {
    term *= x / k;
    sum += term / k;
    if (term < sum * 1e-17) break;
  }
  return EULER + log(x) + sum;
}

/* A&S 7.3.11 and 7.3.13 near 0; beyond, both are parts of erfc of a complex number (7.3.22), by its
 * continued fraction (7.1.14) evaluated from the front (W. J. Lentz, Applied Optics 15, 1976). */
static void fresnel_series(double x, double *sin_out, double *cos_out) {
  const double t = PI / 2 * x * x;
  double term = x, sums[2] = {x, 0};
  for (int k = 1; k < 60; k++) {
    term *= t / k;
    sums[k & 1] += (k & 2 ? -1 : 1) * term / (2 * k + 1);
    if (term < 1e-18 * x) break;
  }
  *cos_out = sums[0];
  *sin_out = sums[1];
}
static void fresnel_fraction(double x, double *sin_out, double *cos_out) {
  const double pix2 = PI * x * x;
  double _Complex b = __builtin_complex(1.0, -pix2), c = 1 / DBL_MIN, d = 1 / b, h = d;
  for (int k = 2, n = -1; k < 200; k++) {
    n += 2;
    const double a = -(double)n * (n + 1);
    b += 4;
    d = 1 / (a * d + b);
    c = b + a / c;
    const double _Complex step = c * d;
    h *= step;
    if (fabs(__real__ step - 1) + fabs(__imag__ step) < 1e-16) break;
  }
  h *= __builtin_complex(x, -x);
  const double _Complex cs = __builtin_complex(0.5, 0.5) *
    (1 - __builtin_complex(cos(pix2 / 2), sin(pix2 / 2)) * h);
  *cos_out = __real__ cs;
  *sin_out = __imag__ cs;
}
void ufi_fresnel(double x, double *sin_out, double *cos_out) {
  const double size = fabs(x);
  if (x != x) *sin_out = *cos_out = x;
  else if (size < 1.5) fresnel_series(size, sin_out, cos_out);
  else if (size > 36974) *sin_out = *cos_out = 0.5; /* where double has no bits for the waves, as Cephes says */
  else fresnel_fraction(size, sin_out, cos_out);
  *sin_out = copysign(*sin_out, x);
  *cos_out = copysign(*cos_out, x);
}

/* The dilogarithm of 1 - x: with u = -log(1 - z), Li2(z) = sum of B_n u^(n+1) / (n+1)!
 * (D. Zagier, "The dilogarithm function", 2007), z brought to [-1, 1/2] by the functional equations. */
static double dilog(double z) {
  static const double b[] = { /* B_2k / (2k + 1)! */
    1.0 / 36, -1.0 / 3600, 1.0 / 211680, -1.0 / 10886400, 1.0 / 526901760, -691.0 / (2730 * 6227020800.0),
    7.0 / (6 * 1307674368000.0), -3617.0 / (510 * 355687428096000.0), 43867.0 / (798 * 121645100408832000.0),
    -174611.0 / (330 * 51090942171709440000.0)};
  const double u = -log1p(-z), u2 = u * u;
  double power = u, sum = u - u2 / 4;
  for (int k = 0; k < COUNT(b); k++) sum += b[k] * (power *= u2);
  return sum;
}
double ufi_spence(double x) {
  if (x != x || x < 0 || isinf(x)) return NAN;
  if (x == 0) return PI * PI / 6;
  if (x == 1) return 0;
  if (x < 0.5) return PI * PI / 6 - log(x) * log1p(-x) - dilog(x);
  if (x > 2) return -0.5 * log(x) * log(x) - ufi_spence(1 / x);
  return dilog(1 - x);
}

/* ---- inverse normal distribution -------------------------------------------------------------- */

/* The z with erfc(z) = q, 0 < q <= 1: a first guess (A&S 26.2.23), then Halley's method. */
static double erfc_inverse(double q) {
  const double t = sqrt(-2 * log(q / 2));
  double z = (t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))) * M_SQRT1_2;
  for (int i = 0; i < 4; i++) {
    const double slope = M_2_SQRTPI * exp(-z * z), error = (erfc(z) - q) / slope;
    if (!(slope > 0) || !isfinite(error)) break;
    z += error / (1 + z * error);
  }
  return z;
}
double ufi_erfinv(double x) {
  const double size = fabs(x);
  if (size > 1 || x != x) return NAN;
  if (size == 1) return copysign(INFINITY, x);
  if (size > 0.5) return copysign(erfc_inverse(1 - size), x);
  double z = x * (sqrt(PI) / 2);
  for (int i = 0; i < 5; i++) {
    const double error = (erf(z) - x) / (M_2_SQRTPI * exp(-z * z));
    z -= error / (1 + z * error);
  }
  return z;
}
double ufi_ndtri(double p) {
  if (p == 0) return -INFINITY;
  if (p == 1) return INFINITY;
  if (!(p > 0 && p < 1)) return NAN;
  if (p > 0.25 && p < 0.75) return M_SQRT2 * ufi_erfinv(2 * p - 1);
  return p < 0.5 ? -M_SQRT2 * erfc_inverse(2 * p) : M_SQRT2 * erfc_inverse(2 * (1 - p));
}

/* ---- the gamma function's kin --------------------------------------------------------------------- */

double ufi_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

/* A&S 6.3.18 from 12 on, recurrence 6.3.5 up to there, reflection 6.3.7 below 0. */
double ufi_digamma(double x) {
  static const double b[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12};
  if (x <= 0) {
    if (x == floor(x)) return NAN;
    const double rest = x - floor(x);
    return ufi_digamma(1 - x) - (rest == 0.5 ? 0 : PI / tan(PI * rest));
  }
  double sum = 0, tail = 0;
  for (; x < 12; x++) sum -= 1 / x;
  if (x > 1e17) return log(x);
  const double inverse = 1 / (x * x);
  for (int k = COUNT(b) - 1; k >= 0; k--) tail = (tail + b[k]) * inverse;
  return sum + log(x) - 0.5 / x - tail;
}

/* Euler and Maclaurin's formula (A&S 23.1.30) from the tenth term on. */
double ufi_zeta(double x, double q) {
  static const double b[] = { /* B_2k / (2k)! */
    1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000.0,
    1.0 / 74724249600.0, -3617.0 / 10670622842880000.0, 43867.0 / 5109094217170944000.0,
    -174611.0 / 802857662698291200000.0};
  if (x == 1) return INFINITY;
  if (!(x > 1) || q != q) return NAN;
  if (q <= 0) {
    if (q == floor(q)) return INFINITY;
    if (x != floor(x)) return NAN; /* powers of negative numbers */
  }
  double sum = pow(q, -x), a = q;
  for (int i = 0; i < 9 || a <= 9; i++) {
    const double term = pow(a += 1, -x);
    sum += term;
    if (fabs(term) < fabs(sum) * (DBL_EPSILON / 4)) return sum;
  }
  const double power = pow(a, -x);
  sum += power * a / (x - 1) - power / 2;
  double factor = x * power / a;
  for (int k = 0; k < COUNT(b); k++) {
    sum += b[k] * factor;
    factor *= (x + 2 * k + 1) * (x + 2 * k + 2) / (a * a);
  }
  return sum;
}

double ufi_polygamma(double n, double x) {
  if (n != floor(n) || n < 0) return NAN;
  if (n == 0) return ufi_digamma(x);
  return (fmod(n, 2) == 1 ? 1 : -1) * exp(ufi_lgamma(n + 1)) * ufi_zeta(n + 1, x);
}

/* x^a exp(-x) / gamma(a + 1), without cancellation for large a: log(x / a) - (x - a) / a as one. */
static double gamma_power(double a, double x) {
  if (a < 100) return exp(a * log(x) - x - ufi_lgamma(a + 1));
  const double d = (x - a) / a;
  const double inverse = 1 / (a * a), stirling = (1.0 / 12 - inverse * (1.0 / 360 - inverse / 1260)) / a;
  return exp(a * (log1p(d) - d) - stirling) / sqrt(2 * PI * a);
}

enum { MOST_TERMS = 100000 };
/* A&S 6.5.29: the lower function. */
static double igamma_series(double a, double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < MOST_TERMS && term > sum * 1e-17; k++) sum += term *= x / (a + k);
  return sum * gamma_power(a, x);
}
/* A&S 6.5.31: the upper one, by Lentz's method. */
static double igamma_fraction(double a, double x) {
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int k = 1; k < MOST_TERMS; k++) {
    const double f = -k * (k - a);
    b += 2;
    d = f * d + b;
    d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
    c = b + f / c;
    if (fabs(c) < 1e-300) c = 1e-300;
    h *= c * d;
    if (fabs(c * d - 1) < 1e-16) break;
  }
  return h * a * gamma_power(a, x);
}
static bool has_series(double a, double x) { return x <= 1 || x <= a; }

double ufi_igamma(double a, double x) {
  if (x == 0 && !(a < 0) && a == a) return 0;
  if (!(x >= 0) || !(a > 0)) return NAN;
  if (isinf(a)) return isinf(x) ? NAN : 0;
  if (isinf(x)) return 1;
  return has_series(a, x) ? igamma_series(a, x) : 1 - igamma_fraction(a, x);
}
double ufi_igammac(double a, double x) {
  if (!(x >= 0) || !(a > 0)) return NAN;
  if (isinf(a)) return isinf(x) ? NAN : 1;
  if (isinf(x)) return 0;
  return has_series(a, x) ? 1 - igamma_series(a, x) : igamma_fraction(a, x);
}

/* The derivative of the lower function by a: of its series, term by term; where x is much larger,
 * of the continued fraction. */
static double grad_series(double a, double x) {
  double term = 1, slope = 0, sum = 1, slopes = 0;
  for (int k = 1; k < MOST_TERMS; k++) {
    const double factor = x / (a + k);
    slope = factor * slope - term * factor / (a + k);
    term *= factor;
    sum += term;
    slopes += slope;
    if (fabs(slope) < fabs(slopes) * 1e-17 && term < sum * 1e-17) break;
  }
  return gamma_power(a, x) * (slopes + sum * (log(x) - ufi_digamma(a + 1)));
}
static double grad_fraction(double a, double x) {
  /* Convergents p/q and their derivatives by a, scaled down now and then. */
  double b = x + 1 - a, p0 = 0, p1 = 1, q0 = 1, q1 = b, dp0 = 0, dp1 = 0, dq0 = 0, dq1 = -1;
  double value = p1 / q1, slope = -value * dq1 / q1;
  for (int k = 1; k < MOST_TERMS; k++) {
    const double f = -k * (k - a), df = k;
    b += 2;
    const double p = b * p1 + f * p0, q = b * q1 + f * q0;
    const double dp = b * dp1 - p1 + f * dp0 + df * p0, dq = b * dq1 - q1 + f * dq0 + df * q0;
    p0 = p1, p1 = p, q0 = q1, q1 = q, dp0 = dp1, dp1 = dp, dq0 = dq1, dq1 = dq;
    const double next = p1 / q1, next_slope = (dp1 - next * dq1) / q1;
    const bool done = fabs(next_slope - slope) <= fabs(next_slope) * 1e-15 && fabs(next - value) <= fabs(next) * 1e-15;
    value = next, slope = next_slope;
    if (done) break;
    if (fabs(q1) > 1e100) {
      const double s = 1 / fabs(q1);
      p0 *= s, p1 *= s, q0 *= s, q1 *= s, dp0 *= s, dp1 *= s, dq0 *= s, dq1 *= s;
    }
  }
  const double log_power = a * log(x) - x - ufi_lgamma(a);
  return -exp(log_power) * (slope + value * (log(x) - ufi_digamma(a)));
}
double ufi_igamma_grad_a(double a, double x) {
  if (x == 0) return 0;
  if (!(x > 0) || !(a > 0)) return NAN;
  return has_series(a, x) ? grad_series(a, x) : grad_fraction(a, x);
}
/* Of a sample, by implicit differentiation: -(dP/da) / (dP/dx). */
double ufi_gamma_sample_grad(double alpha, double sample) {
  if (sample == 0) return 0;
  if (!(sample > 0) || !(alpha > 0)) return NAN;
  return -ufi_igamma_grad_a(alpha, sample) / exp((alpha - 1) * log(sample) - sample - ufi_lgamma(alpha));
}

/* The incomplete beta function: A&S 26.5.8 by Lentz's method, with the symmetry 26.5.2. */
static double beta_fraction(double a, double b, double x) {
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
  double h = d;
  for (int m = 1; m < 10000; m++) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + even * d;
    d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
    c = 1 + even / c;
    h *= c * d;
    d = 1 + odd * d;
    d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
    c = 1 + odd / c;
    h *= c * d;
    if (fabs(c * d - 1) < 1e-16) break;
  }
  return h;
}
double ufi_betainc(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return NAN;
  if (x == 0 || x == 1) return x;
  const double front = exp(a * log(x) + b * log1p(-x) + ufi_lgamma(a + b) - ufi_lgamma(a) - ufi_lgamma(b));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}
