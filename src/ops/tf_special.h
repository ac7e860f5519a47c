/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_special.h: special functions that the C library does not have, in double.
 * What is outside of their domain is what TensorFlow's kernels give there.
 */
#ifndef UFI_TF_SPECIAL_H
#define UFI_TF_SPECIAL_H

double ufi_bessel_i0e(double x);
double ufi_bessel_i1e(double x);
double ufi_bessel_k0e(double x);
double ufi_bessel_k1e(double x);
double ufi_dawson(double x);
double ufi_expint(double x);
/* Both Fresnel integrals. */
void ufi_fresnel(double x, double *sin_out, double *cos_out);
double ufi_spence(double x);
double ufi_erfinv(double x);
double ufi_ndtri(double p);
double ufi_lgamma(double x);
double ufi_digamma(double x);
double ufi_zeta(double x, double q);
double ufi_polygamma(double n, double x);
double ufi_igamma(double a, double x);
double ufi_igammac(double a, double x);
double ufi_igamma_grad_a(double a, double x);
double ufi_gamma_sample_grad(double alpha, double sample);
double ufi_betainc(double a, double b, double x);

#endif
