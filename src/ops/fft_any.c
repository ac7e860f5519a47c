/* SPDX-License-Identifier: Apache-2.0
 *
 * fft_any.c: mixed radix, decimation in time (Cooley and Tukey, 1965), for lengths whose prime
 * factors are small; others as a convolution of a power of two (Bluestein, 1970).
 */
#include "ops/fft_any.h"

#include <math.h>

enum { LARGEST_PRIME = 61, MAX_FACTORS = 64 };

typedef double _Complex cx;

struct ufi_fft {
  int64_t n;
  int32_t n_factors;
  int64_t factors[MAX_FACTORS];
  cx *roots;             /* exp(-2 pi i k / n) */
  /* Bluestein's: */
  struct ufi_fft *long_one;
  cx *chirp, *filter, *room, *room2;
};

/* cexp(-2 pi i k / n), from the first octant, so that symmetric values are equal. */
static cx root_of(int64_t k, int64_t n) {
  const double turn = (double)k / (double)n;
  double s, c;
  if (4 * k == n) return CMPLX(0, -1);
  if (2 * k == n) return -1;
  if (4 * k == 3 * n) return CMPLX(0, 1);
  sincos(-2 * M_PI * turn, &s, &c);
  return CMPLX(c, s);
}

static bool find_factors(ufi_fft *f) {
  int64_t rest = f->n;
  f->n_factors = 0;
  for (int64_t p = 4; rest > 1;) {
    if (rest % p == 0) {
      f->factors[f->n_factors++] = p;
      rest /= p;
      continue;
    }
    p = p == 4 ? 2 : p == 2 ? 3 : p + 2;
    if (p > LARGEST_PRIME) return false;
  }
  return true;
}

static bool prepare_long(ufi_fft *f) {
  int64_t size = 1;
  while (size < 2 * f->n) size *= 2;
  f->long_one = ufi_fft_create(size);
  f->chirp = ufi_malloc((size_t)(f->n + 3 * size) * sizeof(cx));
  if (f->long_one == NULL || f->chirp == NULL) return false;
  f->filter = f->chirp + f->n;
  f->room = f->filter + size;
  f->room2 = f->room + size;
  for (int64_t k = 0, square = 0; k < f->n; k++) { /* square: k * k modulo 2 n */
    f->chirp[k] = root_of(square, 2 * f->n);
    square = (square + 2 * k + 1) % (2 * f->n);
  }
  memset(f->room, 0, (size_t)size * sizeof(cx));
  for (int64_t k = 0; k < f->n; k++) f->room[k] = conj(f->chirp[k]);
  for (int64_t k = 1; k < f->n; k++) f->room[size - k] = conj(f->chirp[k]);
  ufi_fft_run(f->long_one, false, f->room, f->filter);
  return true;
}

ufi_fft *ufi_fft_create(int64_t n) {
  ufi_fft *f = ufi_calloc(1, sizeof *f);
  if (f == NULL) return NULL;
  f->n = n;
  if (!find_factors(f)) {
    if (prepare_long(f)) return f;
    ufi_fft_release(f);
    return NULL;
  }
  f->roots = ufi_malloc((size_t)n * sizeof(cx));
  if (f->roots == NULL) {
    ufi_fft_release(f);
    return NULL;
  }
  for (int64_t k = 0; k < n; k++) f->roots[k] = root_of(k, n);
  return f;
}

void ufi_fft_release(ufi_fft *f) {
  if (f == NULL) return;
  ufi_fft_release(f->long_one);
  ufi_free(f->chirp);
  ufi_free(f->roots);
  ufi_free(f);
}

/* p results from p parts, `m` apart, the k-th of each; step: of roots at this level. */
static void butterfly(const ufi_fft *f, cx *out, int64_t p, int64_t m, int64_t k, int64_t step) {
  cx part[LARGEST_PRIME + 1];
  for (int64_t q = 0; q < p; q++) part[q] = out[q * m + k] * f->roots[q * k * step % f->n];
  if (p == 2) {
    out[k] = part[0] + part[1];
    out[m + k] = part[0] - part[1];
    return;
  }
  if (p == 4) {
    const cx a = part[0] + part[2], b = part[0] - part[2], c = part[1] + part[3], d = part[1] - part[3];
    const cx turned = CMPLX(cimag(d), -creal(d));
    out[k] = a + c;
    out[m + k] = b + turned;
    out[2 * m + k] = a - c;
    out[3 * m + k] = b - turned;
    return;
  }
  for (int64_t r = 0; r < p; r++) {
    cx sum = part[0];
    for (int64_t q = 1; q < p; q++) sum += part[q] * f->roots[q * r % p * (f->n / p)];
    out[r * m + k] = sum;
  }
}

static void transform(const ufi_fft *f, int32_t level, int64_t n, int64_t step, const cx *in, cx *out) {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  const int64_t p = f->factors[level], m = n / p;
  for (int64_t q = 0; q < p; q++) transform(f, level + 1, m, step * p, in + q * step, out + q * m);
  for (int64_t k = 0; k < m; k++) butterfly(f, out, p, m, k, step);
}

static void transform_long(ufi_fft *f, const cx *in, cx *out) {
  const int64_t size = f->long_one->n;
  memset(f->room, 0, (size_t)size * sizeof(cx));
  for (int64_t k = 0; k < f->n; k++) f->room[k] = in[k] * f->chirp[k];
  ufi_fft_run(f->long_one, false, f->room, f->room2);
  for (int64_t k = 0; k < size; k++) f->room2[k] = conj(f->room2[k] * f->filter[k]);
  ufi_fft_run(f->long_one, false, f->room2, f->room);
  for (int64_t k = 0; k < f->n; k++) out[k] = conj(f->room[k]) * f->chirp[k] / (double)size;
}

/* The inverse is the forward one read backwards. */
void ufi_fft_run(ufi_fft *f, bool inverse, const cx *in, cx *out) {
  if (f->long_one) transform_long(f, in, out);
  else transform(f, 0, f->n, 1, in, out);
  for (int64_t i = 1, j = f->n - 1; inverse && i < j; i++, j--) {
    const cx kept = out[i];
    out[i] = out[j];
    out[j] = kept;
  }
}
