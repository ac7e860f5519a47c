/* SPDX-License-Identifier: Apache-2.0
 *
 * linalg.h: decompositions of one matrix, in complex double whatever the op's dtype is: one text
 * for four dtypes, more exact than asked for three of them. Row-major; nothing is allocated.
 */
#ifndef UFI_LINALG_H
#define UFI_LINALG_H

#include <complex.h>

#include "ops/op.h"

typedef double _Complex ufi_cx;

/* n numbers of a tensor from element `at` on. */
uf_status ufi_la_load(ufi_ctx *ctx, const ufi_tensor *t, int64_t at, int64_t n, ufi_cx *out) UF_MUST_USE;
/* And into one. Destroys `from`. */
uf_status ufi_la_store(ufi_ctx *ctx, const ufi_tensor *t, int64_t at, int64_t n, ufi_cx *from) UF_MUST_USE;

/* c (m, n) = a (m, k) b (k, n). */
void ufi_la_mul(int64_t m, int64_t k, int64_t n, const ufi_cx *a, const ufi_cx *b, ufi_cx *c);
/* (n, m) = the adjoint of a (m, n). */
void ufi_la_adjoint(int64_t m, int64_t n, const ufi_cx *a, ufi_cx *out);
/* In place, with row exchanges; order[i]: the row of a that became row i. False: a pivot is 0. */
bool ufi_la_lu(int64_t n, ufi_cx *a, int64_t *order, double *sign_out);
/* x (n, k) from the result of ufi_la_lu and b (n, k). */
void ufi_la_lu_solve(int64_t n, const ufi_cx *lu, const int64_t *order, int64_t k, const ufi_cx *b, ufi_cx *x);
/* x becomes a^-1 x for a triangular a (n, n), or its adjoint's. False: a 0 on the diagonal. */
bool ufi_la_triangular(int64_t n, const ufi_cx *a, bool lower, bool adjoint, int64_t k, ufi_cx *x);
/* The lower factor of a (its lower triangle is read), in place. False: not positive definite. */
bool ufi_la_cholesky(int64_t n, ufi_cx *a);
/* a (m, n) becomes R; q (m, m). room: m numbers. */
void ufi_la_qr(int64_t m, int64_t n, ufi_cx *a, ufi_cx *q, ufi_cx *room);
/* a (n, n), Hermitian; values ascend, v's columns are the vectors. a is destroyed. */
void ufi_la_eigh(int64_t n, ufi_cx *a, double *values, ufi_cx *v);
/* a (m, n) with m >= n becomes U's first n columns times the values (n, descending); v (n, n). */
void ufi_la_svd(int64_t m, int64_t n, ufi_cx *a, double *values, ufi_cx *v);
/* Makes columns [done, k) of u (m, k) orthonormal to those before them. room: m numbers. */
void ufi_la_complete(int64_t m, int64_t k, int64_t done, ufi_cx *u, ufi_cx *room);
/* Complex Schur form: a becomes triangular T, z the unitary Z with a = Z T Z^H. False: no end. */
bool ufi_la_schur(int64_t n, ufi_cx *a, ufi_cx *z);
/* The principal root of triangular t. */
void ufi_la_root(int64_t n, const ufi_cx *t, ufi_cx *root);

#endif
