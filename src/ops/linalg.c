/* SPDX-License-Identifier: Apache-2.0
 *
 * linalg.c: decompositions. Sources: Golub and Van Loan, "Matrix computations" (LU, Cholesky,
 * Householder QR, Schur form by shifted QR steps); Hestenes 1958 and Jacobi 1846 for singular values
 * and Hermitian eigenvalues (exact to the last bits, simple, and fast enough for what graphs hold);
 * Higham, "Functions of matrices", 2008 (square root of a triangular matrix).
 *
 * Signs are those of the usual libraries where they are a convention: reflections make R's diagonal
 * entry opposite in sign to the entry that was there.
 */
#include "ops/linalg.h"

#include <float.h>
#include <math.h>

#define AT(a, n, i, j) ((a)[(i) * (n) + (j)])

static double norm2(ufi_cx x) { return creal(x) * creal(x) + cimag(x) * cimag(x); }
static double norm1(ufi_cx x) { return fabs(creal(x)) + fabs(cimag(x)); }

uf_status ufi_la_load(ufi_ctx *ctx, const ufi_tensor *t, int64_t at, int64_t n, ufi_cx *out) {
  return ufi_convert(t->dtype, (const uint8_t *)t->data + at * (uf_dtype_bits(t->dtype) / 8), n, UF_COMPLEX128, out,
                     ctx->error);
}

uf_status ufi_la_store(ufi_ctx *ctx, const ufi_tensor *t, int64_t at, int64_t n, ufi_cx *from) {
  uint8_t *to = (uint8_t *)t->data + at * (uf_dtype_bits(t->dtype) / 8);
  if (t->dtype == UF_COMPLEX64 || t->dtype == UF_COMPLEX128)
    return ufi_convert(UF_COMPLEX128, from, n, t->dtype, to, ctx->error);
  double *reals = (double *)from;
  for (int64_t i = 0; i < n; i++) reals[i] = creal(from[i]);
  return ufi_convert(UF_FLOAT64, reals, n, t->dtype, to, ctx->error);
}

void ufi_la_mul(int64_t m, int64_t k, int64_t n, const ufi_cx *a, const ufi_cx *b, ufi_cx *c) {
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) AT(c, n, i, j) = 0;
    for (int64_t l = 0; l < k; l++) {
      const ufi_cx x = AT(a, k, i, l);
      for (int64_t j = 0; j < n; j++) AT(c, n, i, j) += x * AT(b, n, l, j);
    }
  }
}

void ufi_la_adjoint(int64_t m, int64_t n, const ufi_cx *a, ufi_cx *out) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) AT(out, m, j, i) = conj(AT(a, n, i, j));
}

/* ---- triangular factors ------------------------------------------------------------------- */

static void swap_rows(ufi_cx *a, int64_t n, int64_t i, int64_t j) {
  for (int64_t k = 0; i != j && k < n; k++) {
    const ufi_cx kept = AT(a, n, i, k);
    AT(a, n, i, k) = AT(a, n, j, k);
    AT(a, n, j, k) = kept;
  }
}

bool ufi_la_lu(int64_t n, ufi_cx *a, int64_t *order, double *sign_out) {
  bool good = true;
  *sign_out = 1.0;
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t k = 0; k < n; k++) {
    int64_t best = k;
    for (int64_t i = k + 1; i < n; i++)
      if (norm2(AT(a, n, i, k)) > norm2(AT(a, n, best, k))) best = i;
    if (best != k) {
      const int64_t kept = order[k];
      order[k] = order[best];
      order[best] = kept;
      swap_rows(a, n, k, best);
      *sign_out = -*sign_out;
    }
    const ufi_cx pivot = AT(a, n, k, k);
    if (!(norm1(pivot) > 0)) {
      good = false;
      continue;
    }
    for (int64_t i = k + 1; i < n; i++) {
      const ufi_cx by = AT(a, n, i, k) /= pivot;
      for (int64_t j = k + 1; j < n; j++) AT(a, n, i, j) -= by * AT(a, n, k, j);
    }
  }
  return good;
}

void ufi_la_lu_solve(int64_t n, const ufi_cx *lu, const int64_t *order, int64_t k, const ufi_cx *b, ufi_cx *x) {
  for (int64_t i = 0; i < n; i++) {
    memcpy(x + i * k, b + order[i] * k, (size_t)k * sizeof *x);
    for (int64_t l = 0; l < i; l++)
      for (int64_t j = 0; j < k; j++) AT(x, k, i, j) -= AT(lu, n, i, l) * AT(x, k, l, j);
  }
  ufi_la_triangular(n, lu, false, false, k, x);
}

bool ufi_la_triangular(int64_t n, const ufi_cx *a, bool lower, bool adjoint, int64_t k, ufi_cx *x) {
  const bool forward = lower != adjoint;
  for (int64_t s = 0; s < n; s++) {
    const int64_t i = forward ? s : n - 1 - s;
    const ufi_cx pivot = adjoint ? conj(AT(a, n, i, i)) : AT(a, n, i, i);
    if (pivot == 0) return false;
    for (int64_t l = forward ? 0 : i + 1; l < (forward ? i : n); l++) {
      const ufi_cx by = adjoint ? conj(AT(a, n, l, i)) : AT(a, n, i, l);
      for (int64_t j = 0; j < k; j++) AT(x, k, i, j) -= by * AT(x, k, l, j);
    }
    for (int64_t j = 0; j < k; j++) AT(x, k, i, j) /= pivot;
  }
  return true;
}

bool ufi_la_cholesky(int64_t n, ufi_cx *a) {
  for (int64_t j = 0; j < n; j++) {
    double d = creal(AT(a, n, j, j));
    for (int64_t k = 0; k < j; k++) d -= norm2(AT(a, n, j, k));
    if (!(d > 0)) return false;
    d = sqrt(d);
    AT(a, n, j, j) = d;
    for (int64_t i = j + 1; i < n; i++) {
      ufi_cx sum = AT(a, n, i, j);
      for (int64_t k = 0; k < j; k++) sum -= AT(a, n, i, k) * conj(AT(a, n, j, k));
      AT(a, n, i, j) = sum / d;
      AT(a, n, j, i) = 0;
    }
  }
  return true;
}

/* ---- QR ---------------------------------------------------------------------------------------- */

/* Makes v, tau and beta of the reflection I - tau v v^H that takes column k from row k on to beta e. */
static double reflection(int64_t m, int64_t n, const ufi_cx *a, int64_t k, ufi_cx *v, ufi_cx *tau) {
  const ufi_cx first = AT(a, n, k, k);
  double tail = 0;
  for (int64_t i = k + 1; i < m; i++) tail += norm2(AT(a, n, i, k));
  v[k] = 1;
  for (int64_t i = k + 1; i < m; i++) v[i] = 0;
  *tau = 0;
  if (tail <= DBL_MIN && cimag(first) * cimag(first) <= DBL_MIN) return creal(first);
  double beta = sqrt(norm2(first) + tail);
  if (creal(first) >= 0) beta = -beta;
  for (int64_t i = k + 1; i < m; i++) v[i] = AT(a, n, i, k) / (first - beta);
  *tau = conj((beta - first) / beta);
  return beta;
}

void ufi_la_qr(int64_t m, int64_t n, ufi_cx *a, ufi_cx *q, ufi_cx *v) {
  for (int64_t i = 0; i < m * m; i++) q[i] = i / m == i % m;
  for (int64_t k = 0; k < UFI_MIN(m, n); k++) {
    ufi_cx tau;
    const double beta = reflection(m, n, a, k, v, &tau);
    for (int64_t j = k; j < n; j++) {
      ufi_cx dot = 0;
      for (int64_t i = k; i < m; i++) dot += conj(v[i]) * AT(a, n, i, j);
      for (int64_t i = k; i < m; i++) AT(a, n, i, j) -= tau * v[i] * dot;
    }
    AT(a, n, k, k) = beta;
    for (int64_t i = k + 1; i < m; i++) AT(a, n, i, k) = 0;
    for (int64_t i = 0; i < m; i++) { /* q takes the adjoint, from the right */
      ufi_cx dot = 0;
      for (int64_t j = k; j < m; j++) dot += AT(q, m, i, j) * v[j];
      for (int64_t j = k; j < m; j++) AT(q, m, i, j) -= dot * conj(tau) * conj(v[j]);
    }
  }
}

/* ---- Jacobi: Hermitian eigenvalues, singular values ------------------------------------------------ */

enum { SWEEPS = 60 };

/* The rotation [c, s; -conj(s), c] that makes [p, x; conj(x), q] diagonal. */
static void jacobi(double p, double q, ufi_cx x, double *c, ufi_cx *s) {
  const double size = cabs(x), tau = (q - p) / (2 * size);
  const double t = (tau >= 0 ? 1.0 : -1.0) / (fabs(tau) + sqrt(1 + tau * tau));
  *c = 1 / sqrt(1 + t * t);
  *s = *c * t * (x / size);
}

/* Columns p and q of a (m, n) take the rotation. */
static void rotate_columns(int64_t m, int64_t n, ufi_cx *a, int64_t p, int64_t q, double c, ufi_cx s) {
  for (int64_t i = 0; i < m; i++) {
    const ufi_cx x = AT(a, n, i, p), y = AT(a, n, i, q);
    AT(a, n, i, p) = c * x - conj(s) * y;
    AT(a, n, i, q) = s * x + c * y;
  }
}

static void rotate_rows(int64_t n, ufi_cx *a, int64_t p, int64_t q, double c, ufi_cx s) {
  for (int64_t j = 0; j < n; j++) {
    const ufi_cx x = AT(a, n, p, j), y = AT(a, n, q, j);
    AT(a, n, p, j) = c * x - s * y;
    AT(a, n, q, j) = conj(s) * x + c * y;
  }
}

static void swap_columns(int64_t m, int64_t n, ufi_cx *a, int64_t p, int64_t q) {
  for (int64_t i = 0; i < m; i++) {
    const ufi_cx kept = AT(a, n, i, p);
    AT(a, n, i, p) = AT(a, n, i, q);
    AT(a, n, i, q) = kept;
  }
}

/* Sorts values (up: ascending) with the columns of a (m, n) and v (n, n); a may be NULL. */
static void sort_columns(int64_t m, int64_t n, bool up, double *values, ufi_cx *a, ufi_cx *v) {
  for (int64_t i = 0; i < n; i++) {
    int64_t best = i;
    for (int64_t j = i + 1; j < n; j++)
      if (up ? values[j] < values[best] : values[j] > values[best]) best = j;
    if (best == i) continue;
    const double kept = values[i];
    values[i] = values[best];
    values[best] = kept;
    if (a) swap_columns(m, n, a, i, best);
    swap_columns(n, n, v, i, best);
  }
}

void ufi_la_eigh(int64_t n, ufi_cx *a, double *values, ufi_cx *v) {
  for (int64_t i = 0; i < n; i++) {
    AT(a, n, i, i) = creal(AT(a, n, i, i));
    for (int64_t j = 0; j < i; j++) AT(a, n, j, i) = conj(AT(a, n, i, j));
  }
  double largest = DBL_MIN;
  for (int64_t i = 0; i < n * n; i++) {
    v[i] = i / n == i % n;
    largest = fmax(largest, norm1(a[i]));
  }
  for (int sweep = 0, moved = 1; moved && sweep < SWEEPS; sweep++) {
    moved = 0;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        const ufi_cx x = AT(a, n, p, q);
        if (!(norm1(x) > 1e-3 * DBL_EPSILON * largest)) continue;
        double c;
        ufi_cx s;
        jacobi(creal(AT(a, n, p, p)), creal(AT(a, n, q, q)), x, &c, &s);
        rotate_columns(n, n, a, p, q, c, s);
        rotate_rows(n, a, p, q, c, s);
        rotate_columns(n, n, v, p, q, c, s);
        moved = 1;
      }
  }
  for (int64_t i = 0; i < n; i++) values[i] = creal(AT(a, n, i, i));
  sort_columns(n, n, true, values, NULL, v);
}

void ufi_la_svd(int64_t m, int64_t n, ufi_cx *a, double *values, ufi_cx *v) {
  for (int64_t i = 0; i < n * n; i++) v[i] = i / n == i % n;
  for (int sweep = 0, moved = 1; moved && sweep < SWEEPS; sweep++) {
    moved = 0;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        double pp = 0, qq = 0;
        ufi_cx x = 0;
        for (int64_t i = 0; i < m; i++) {
          pp += norm2(AT(a, n, i, p));
          qq += norm2(AT(a, n, i, q));
          x += conj(AT(a, n, i, p)) * AT(a, n, i, q);
        }
        if (!(cabs(x) > 4 * DBL_EPSILON * sqrt(pp) * sqrt(qq)) || cabs(x) < DBL_MIN) continue;
        double c;
        ufi_cx s;
        jacobi(pp, qq, x, &c, &s);
        rotate_columns(m, n, a, p, q, c, s);
        rotate_columns(n, n, v, p, q, c, s);
        moved = 1;
      }
  }
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t i = 0; i < m; i++) sum += norm2(AT(a, n, i, j));
    values[j] = sqrt(sum);
  }
  sort_columns(m, n, false, values, a, v);
}

/* Unit vector `axis` less its parts along the first `done` columns of u, twice; its length. */
static double remainder_of(int64_t m, int64_t k, int64_t done, const ufi_cx *u, int64_t axis, ufi_cx *out) {
  double sum = 0;
  for (int64_t i = 0; i < m; i++) out[i] = i == axis;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t j = 0; j < done; j++) {
      ufi_cx dot = 0;
      for (int64_t i = 0; i < m; i++) dot += conj(AT(u, k, i, j)) * out[i];
      for (int64_t i = 0; i < m; i++) out[i] -= dot * AT(u, k, i, j);
    }
  for (int64_t i = 0; i < m; i++) sum += norm2(out[i]);
  return sqrt(sum);
}

void ufi_la_complete(int64_t m, int64_t k, int64_t done, ufi_cx *u, ufi_cx *room) {
  for (; done < k; done++) {
    int64_t best = 0;
    double longest = 0;
    for (int64_t axis = 0; axis < m && longest < 0.7; axis++) {
      const double length = remainder_of(m, k, done, u, axis, room);
      if (length > longest) longest = length, best = axis;
    }
    longest = remainder_of(m, k, done, u, best, room);
    for (int64_t i = 0; i < m; i++) AT(u, k, i, done) = room[i] / longest;
  }
}

/* ---- Schur form ------------------------------------------------------------------------------------- */

/* a becomes upper Hessenberg by reflections, which z collects. */
static void hessenberg(int64_t n, ufi_cx *a, ufi_cx *z) {
  for (int64_t k = 0; k + 2 < n; k++) {
    double tail = 0;
    for (int64_t i = k + 2; i < n; i++) tail += norm2(AT(a, n, i, k));
    const ufi_cx first = AT(a, n, k + 1, k);
    if (tail <= DBL_MIN) continue;
    double beta = sqrt(norm2(first) + tail);
    if (creal(first) >= 0) beta = -beta;
    const ufi_cx tau = conj((beta - first) / beta), by = first - beta;
    AT(a, n, k + 1, k) = beta; /* the vector lies below it until it is used up */
    for (int64_t i = k + 2; i < n; i++) AT(a, n, i, k) /= by;
    for (int64_t j = k + 1; j < n; j++) {
      ufi_cx dot = AT(a, n, k + 1, j);
      for (int64_t i = k + 2; i < n; i++) dot += conj(AT(a, n, i, k)) * AT(a, n, i, j);
      AT(a, n, k + 1, j) -= tau * dot;
      for (int64_t i = k + 2; i < n; i++) AT(a, n, i, j) -= tau * AT(a, n, i, k) * dot;
    }
    for (int pass = 0; pass < 2; pass++) {
      ufi_cx *t = pass ? z : a;
      for (int64_t i = 0; i < n; i++) {
        ufi_cx dot = AT(t, n, i, k + 1);
        for (int64_t j = k + 2; j < n; j++) dot += AT(t, n, i, j) * AT(a, n, j, k);
        AT(t, n, i, k + 1) -= conj(tau) * dot;
        for (int64_t j = k + 2; j < n; j++) AT(t, n, i, j) -= conj(tau) * dot * conj(AT(a, n, j, k));
      }
    }
    for (int64_t i = k + 2; i < n; i++) AT(a, n, i, k) = 0;
  }
}

static bool negligible(int64_t n, ufi_cx *t, int64_t i) {
  if (norm1(AT(t, n, i + 1, i)) > (norm1(AT(t, n, i, i)) + norm1(AT(t, n, i + 1, i + 1))) * DBL_EPSILON) return false;
  AT(t, n, i + 1, i) = 0;
  return true;
}

/* The eigenvalue of the last 2 x 2 that is nearer to its corner (Wilkinson's shift). */
static ufi_cx shift_of(int64_t n, const ufi_cx *t, int64_t last, int round) {
  if ((round == 10 || round == 20) && last > 1)
    return fabs(creal(AT(t, n, last, last - 1))) + fabs(creal(AT(t, n, last - 1, last - 2)));
  ufi_cx a = AT(t, n, last - 1, last - 1), b = AT(t, n, last - 1, last), c = AT(t, n, last, last - 1);
  ufi_cx d = AT(t, n, last, last);
  const double size = cabs(a) + cabs(b) + cabs(c) + cabs(d);
  a /= size, b /= size, c /= size, d /= size;
  const ufi_cx cross = b * c, root = csqrt((a - d) * (a - d) + 4 * cross), det = a * d - cross;
  ufi_cx one = (a + d + root) / 2, two = (a + d - root) / 2;
  if (norm1(one) > norm1(two)) two = det / one;
  else if (norm1(two) != 0) one = det / two;
  return size * (norm1(one - d) < norm1(two - d) ? one : two);
}

/* Rotates rows and columns i, i + 1 so that y below x vanishes. */
static void chase(int64_t n, ufi_cx *t, ufi_cx *z, int64_t i, int64_t last, ufi_cx x, ufi_cx y) {
  const double size = sqrt(norm2(x) + norm2(y));
  if (size == 0) return;
  const ufi_cx c = x / size, s = y / size;
  for (int64_t j = UFI_MAX(i - 1, 0); j < n; j++) {
    const ufi_cx p = AT(t, n, i, j), q = AT(t, n, i + 1, j);
    AT(t, n, i, j) = conj(c) * p + conj(s) * q;
    AT(t, n, i + 1, j) = c * q - s * p;
  }
  for (int pass = 0; pass < 2; pass++) {
    ufi_cx *to = pass ? z : t;
    const int64_t rows = pass ? n : UFI_MIN(i + 2, last) + 1;
    for (int64_t k = 0; k < rows; k++) {
      const ufi_cx p = AT(to, n, k, i), q = AT(to, n, k, i + 1);
      AT(to, n, k, i) = p * c + q * s;
      AT(to, n, k, i + 1) = q * conj(c) - p * conj(s);
    }
  }
}

bool ufi_la_schur(int64_t n, ufi_cx *t, ufi_cx *z) {
  for (int64_t i = 0; i < n * n; i++) {
    z[i] = i / n == i % n;
    if (!isfinite(creal(t[i])) || !isfinite(cimag(t[i]))) return false;
  }
  hessenberg(n, t, z);
  int64_t last = n - 1, steps = 0;
  for (int round = 0;;) {
    while (last > 0 && negligible(n, t, last - 1)) last--, round = 0;
    if (last <= 0) break;
    round++;
    if (++steps > 30 * n) return false;
    int64_t first = last - 1;
    while (first > 0 && !negligible(n, t, first - 1)) first--;
    const ufi_cx shift = shift_of(n, t, last, round);
    chase(n, t, z, first, last, AT(t, n, first, first) - shift, AT(t, n, first + 1, first));
    for (int64_t i = first + 1; i < last; i++) {
      chase(n, t, z, i, last, AT(t, n, i, i - 1), AT(t, n, i + 1, i - 1));
      AT(t, n, i + 1, i - 1) = 0;
    }
  }
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = 0; j < i; j++) AT(t, n, i, j) = 0;
  return true;
}

void ufi_la_root(int64_t n, const ufi_cx *t, ufi_cx *root) {
  memset(root, 0, (size_t)(n * n) * sizeof *root);
  for (int64_t j = 0; j < n; j++) {
    AT(root, n, j, j) = csqrt(AT(t, n, j, j));
    for (int64_t i = j - 1; i >= 0; i--) {
      ufi_cx sum = AT(t, n, i, j);
      for (int64_t k = i + 1; k < j; k++) sum -= AT(root, n, i, k) * AT(root, n, k, j);
      const ufi_cx by = AT(root, n, i, i) + AT(root, n, j, j);
      AT(root, n, i, j) = by == 0 ? 0 : sum / by;
    }
  }
}
