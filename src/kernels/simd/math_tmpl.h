/* SPDX-License-Identifier: Apache-2.0
 *
 * math_tmpl.h: exp and what is made of it, on the vectors of f32_<isa>.h. Include
 * it once per file, after that header.
 *
 * exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2; exp(r) is a
 * polynomial of degree 6 (the coefficients of Cephes' expf). ln 2 is subtracted
 * in two parts, of which n times the first is exact.
 */
#ifndef UFI_SIMD_MATH_TMPL_H
#define UFI_SIMD_MATH_TMPL_H

#define LOG2_E 1.44269504088896341f
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

/* exp(r) - 1 for |r| a little over ln(2) / 2 at most. */
static inline vf math_expm1_reduced(vf r) {
  vf p = vf_set(1.9875691500e-4f);
  p = vf_fma(p, r, vf_set(1.3981999507e-3f));
  p = vf_fma(p, r, vf_set(8.3334519073e-3f));
  p = vf_fma(p, r, vf_set(4.1665795894e-2f));
  p = vf_fma(p, r, vf_set(1.6666665459e-1f));
  p = vf_fma(p, r, vf_set(5.0000001201e-1f));
  return vf_fma(p, vf_mul(r, r), r);
}

/* x - n ln 2 with n = round(x / ln 2). */
static inline vf math_reduce(vf x, vf *n_out) {
  const vf n = *n_out = vf_rint(vf_mul(x, vf_set(LOG2_E)));
  return vf_fnma(n, vf_set(LN2_LOW), vf_fnma(n, vf_set(LN2_HIGH), x));
}

/* exp(a + b), where a may be large and exact and b is small. */
static inline vf math_exp2(vf a, vf b) {
  const vf n = vf_rint(vf_mul(vf_add(a, b), vf_set(LOG2_E)));
  vf r = vf_add(vf_fnma(n, vf_set(LN2_HIGH), a), b);
  r = vf_fnma(n, vf_set(LN2_LOW), r);
  return vf_scale(vf_add(math_expm1_reduced(r), vf_set(1.0f)), n);
}

/* exp(x) for x in [-104, 89], beyond which it is 0 or infinite. */
static inline vf math_exp_inside(vf x) {
  vf n;
  const vf r = math_reduce(x, &n);
  return vf_scale(vf_add(math_expm1_reduced(r), vf_set(1.0f)), n);
}

/* exp(x) for x in [-87, 88], where it is a normal number: scaled in one step. */
#ifdef VF_SCALES
#define math_exp_normal math_exp_inside
#else
static inline vf math_exp_normal(vf x) {
  vf n;
  const vf r = math_reduce(x, &n), power = vf_pow2(vf_to_vi(n));
  return vf_fma(math_expm1_reduced(r), power, power);
}
#endif

/* exp(x) for x <= 0, which rarely is no normal number. */
static inline vf math_exp_negative(vf x) {
#ifndef VF_SCALES
  if (!vf_any(vf_lt(x, vf_set(-87.0f)))) return math_exp_normal(x);
#endif
  return math_exp_inside(vf_max(vf_set(-104.0f), x));
}

/* The order of the limits keeps a NaN. */
static inline vf math_exp(vf x) { return math_exp_inside(vf_max(vf_set(-104.0f), vf_min(vf_set(89.0f), x))); }

/* exp(x) for x <= 0, to 2 ulp; where a result would be no normal number it may be 0. */
#ifdef VF_PICK
/* With 2^(k / 16) of a table a short polynomial does. */
static inline vf math_exp_falling(vf x) {
  const vf powers = VF_PICK(1.0f, 1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f, 1.29683955f, 1.35425555f,
                            1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f, 1.68179283f, 1.75625216f, 1.83400809f, 1.91520656f);
  const vf whole = vf_set(786432.0f); /* 1.5 * 2^19, which rounds sums to sixteenths */
  x = vf_max(vf_set(-104.0f), x);
  const vf sum = vf_fma(x, vf_set(LOG2_E), whole), n = vf_sub(sum, whole);
  vf r = vf_fnma(n, vf_set(LN2_HIGH), x);
  r = vf_fnma(n, vf_set(LN2_LOW), r);
  const vf p = vf_fma(vf_fma(r, vf_set(1.0f / 6), vf_set(0.5f)), vf_mul(r, r), r);
  const vf power = vf_pick(powers, vf_bits(sum)); /* of the sixteenths, which are in its low bits */
  return vf_scale(vf_fma(power, p, power), n);
}
#else
static inline vf math_exp_falling(vf x) { return vf_select(vf_lt(x, vf_set(-87.0f)), vf_set(0.0f), math_exp_normal(x)); }
#endif

/* exp(x) - 1 for x <= 0. */
static inline vf math_expm1_negative(vf x) {
  vf n;
  const vf r = math_reduce(vf_max(vf_set(-80.0f), x), &n), s = vf_pow2(vf_to_vi(n));
  return vf_fma(s, math_expm1_reduced(r), vf_sub(s, vf_set(1.0f)));
}

/* 1 / (1 + exp(-x)); exp of a negative number only, which cannot overflow. */
static inline vf math_logistic(vf x) {
  const vf one = vf_set(1.0f), e = math_exp_negative(vf_or(x, vf_set(-0.0f)));
  return vf_div(vf_select(vf_lt(x, vf_set(0.0f)), e, one), vf_add(one, e));
}

/* Near 0 an odd polynomial (Cephes' tanhf), else 1 - 2 / (exp(2 |x|) + 1) with
 * the sign of x, which is 1 from 10 on. */
static inline vf math_tanh(vf x) {
  const vf z = vf_mul(x, x), one = vf_set(1.0f);
  vf p = vf_set(-5.70498872745e-3f);
  p = vf_fma(p, z, vf_set(2.06390887954e-2f));
  p = vf_fma(p, z, vf_set(-5.37397155531e-2f));
  p = vf_fma(p, z, vf_set(1.33314422036e-1f));
  p = vf_fma(p, z, vf_set(-3.33332819422e-1f));
  const vf small = vf_fma(vf_mul(p, z), x, x);
  const vf size = vf_abs(x);
  const vf e = math_exp_normal(vf_min(vf_set(20.0f), vf_add(size, size)));
  const vf large = vf_sub(one, vf_div(vf_set(2.0f), vf_add(e, one)));
  return vf_select(vf_lt(size, vf_set(0.625f)), small, vf_or(large, vf_sign_bit(x)));
}

/* erfc(z) = t Q(t) exp(-z^2) for z >= 0 with t = 1 / (1 + z / 2): t Q(t) of 1 / t. Q is of tools/erfc_fit.py; its even and
 * its odd powers are summed side by side. Relative error, rounding included: 4e-7. */
static inline vf math_erfc_ratio(vf inverse) {
  const vf t = vf_div(vf_set(1.0f), inverse), square = vf_mul(t, t);
  vf even = vf_set(-5.938648284e-2f), odd = vf_set(2.861240616e-1f);
  even = vf_fma(even, square, vf_set(-4.904065489e-1f));
  odd = vf_fma(odd, square, vf_set(2.817334603e-1f));
  even = vf_fma(even, square, vf_set(-2.914863543e-2f));
  odd = vf_fma(odd, square, vf_set(2.037525625e-1f));
  even = vf_fma(even, square, vf_set(2.428351082e-1f));
  odd = vf_fma(odd, square, vf_set(2.824120991e-1f));
  even = vf_fma(even, square, vf_set(2.820843314e-1f));
  return vf_mul(t, vf_fma(odd, t, even));
}

/* erfc(z) for z >= 0. -z^2 is taken apart, since its rounding error would become a relative error of the result: h is z
 * without its low bits, h^2 is exact, and -z^2 = -h^2 + (h - z)(h + z). */
static inline vf math_erfc(vf z) {
  z = vf_min(vf_set(14.0f), z);
  const vf ratio = math_erfc_ratio(vf_fma(vf_set(0.5f), z, vf_set(1.0f)));
  const vf h = vf_high_bits(z);
  /* math_exp2 must not get less than -104. */
  const vf square = vf_max(vf_set(-102.0f), vf_mul(h, vf_sub(vf_set(0.0f), h)));
  return vf_mul(ratio, math_exp2(square, vf_mul(vf_sub(h, z), vf_add(h, z))));
}

/* x (1 + erf(x / sqrt(2))) / 2 as max(x, 0) - |x| erfc(|x| / sqrt(2)) / 2, the last term of which is 0 where exp(-x^2 / 2)
 * is less than normal numbers. rest is the rounding error of the square. */
static inline vf math_gelu(vf x) {
  const vf zero = vf_set(0.0f), size = vf_abs(vf_min(vf_set(14.0f), x)), half = vf_mul(size, vf_set(-0.5f));
  const vf ratio = math_erfc_ratio(vf_fma(size, vf_set((float)(M_SQRT1_2 / 2)), vf_set(1.0f)));
  const vf square = vf_mul(half, size), rest = vf_fnma(half, size, square);
  vf n;
  const vf r = vf_sub(math_reduce(square, &n), rest);
  const vf scaled = vf_mul(ratio, vf_pow2(vf_to_vi(n))), tail = vf_fma(math_expm1_reduced(r), scaled, scaled);
  return vf_fma(half, vf_select(vf_lt(vf_set(-87.0f), square), tail, zero), vf_max(zero, x));
}

#endif
