/* SPDX-License-Identifier: Apache-2.0
 *
 * fft_any.h: discrete Fourier transforms of any length, in double. (KissFFT, which the TFLite op
 * uses, has floats of good lengths only.)
 */
#ifndef UFI_FFT_ANY_H
#define UFI_FFT_ANY_H

#include <complex.h>

#include "ops/op.h"

typedef struct ufi_fft ufi_fft;
/* For n >= 1; NULL out of memory. Freed by ufi_fft_release. */
ufi_fft *ufi_fft_create(int64_t n);
void ufi_fft_release(ufi_fft *fft); /* NULL is fine */
/* out[k] = sum in[j] exp(-+ 2 pi i j k / n); not divided by n. in and out must not overlap. */
void ufi_fft_run(ufi_fft *fft, bool inverse, const double _Complex *in, double _Complex *out);

#endif
