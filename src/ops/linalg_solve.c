/* SPDX-License-Identifier: Apache-2.0
 *
 * linalg_solve.c: TensorFlow's solvers: MatrixSolve, MatrixTriangularSolve, BandedTriangularSolve,
 * MatrixSolveLs, TridiagonalSolve and TridiagonalMatMul. Matrices are complex doubles while they are
 * worked on (linalg.h).
 */
#include <math.h>

#include "ops/linalg.h"
#include "ops/move.h"

enum { SOLVE, TRIANGULAR, BANDED, LEAST_SQUARES, TRIDIAGONAL };

typedef struct solve_attrs {
  int32_t op;
  bool lower, adjoint, fast, pivoting;
} solve_attrs;

static uf_status solve_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  solve_attrs *a = memory;
  a->op = strstr(from->op, "Banded") ? BANDED : strstr(from->op, "Triangular") ? TRIANGULAR
        : strstr(from->op, "Tridiagonal") ? TRIDIAGONAL : strstr(from->op, "Ls") ? LEAST_SQUARES : SOLVE;
  a->lower = ufi_tf_bool(from, "lower");
  a->adjoint = ufi_tf_bool(from, "adjoint");
  a->fast = ufi_tf_bool(from, "fast");
  a->pivoting = ufi_tf_bool(from, "partial_pivoting");
  if (!ufi_tf_bool(from, "perturb_singular")) return UF_OK;
  return ufi_fail(error, UF_UNIMPLEMENTED, "expected perturb_singular false, found true");
}

static uf_status want_numbers(ufi_ctx *ctx, int32_t i) {
  UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_FLOAT64, UF_COMPLEX64, UF_COMPLEX128, UF_INVALID));
  return ufi_want_rank(ctx, ctx->in[i], 2, UF_MAX_RANK);
}

static int64_t rows_of(const ufi_tensor *t) { return t->dims[t->rank - 2]; }
static int64_t columns_of(const ufi_tensor *t) { return t->dims[t->rank - 1]; }

static uf_status bad_shapes(ufi_ctx *ctx, const char *what) {
  char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s, found %s and %s", what,
                      ufi_shape_text(ctx->in[0]->rank, ctx->in[0]->dims, p),
                      ufi_shape_text(ctx->in[1]->rank, ctx->in[1]->dims, q));
}

/* Batches broadcast for the triangular ones; the others want them equal. */
static uf_status solve_infer(ufi_ctx *ctx) {
  const solve_attrs *a = ctx->attrs;
  const ufi_tensor *m = ctx->in[0], *rhs = ctx->in[1];
  for (int32_t i = 0; i < 2; i++) UFI_TRY(want_numbers(ctx, i));
  UFI_TRY(ufi_want_same(ctx, m, rhs));
  if ((a->op == SOLVE || a->op == TRIANGULAR) && rows_of(m) != columns_of(m))
    return bad_shapes(ctx, "square matrices and right-hand sides");
  if (a->op == BANDED && (m->count == 0 || rhs->count == 0)) return bad_shapes(ctx, "tensors that are not empty");
  const bool fits = a->op == TRIDIAGONAL ? rows_of(m) == 3 && columns_of(m) == rows_of(rhs)
                  : a->op == BANDED ? rows_of(m) > 0 && columns_of(m) == rows_of(rhs) && rows_of(m) <= columns_of(m)
                                    : rows_of(m) == rows_of(rhs);
  if (!fits) return bad_shapes(ctx, "a matrix with as many rows as the right-hand side");
  int64_t dims[UF_MAX_RANK];
  int32_t rank = rhs->rank - 2;
  ufi_tensor first = *m, second = *rhs;
  first.rank -= 2, second.rank -= 2;
  if (a->op == TRIANGULAR || a->op == BANDED) {
    UFI_TRY(ufi_broadcast(ctx, &first, &second, &rank, dims));
  } else {
    if (m->rank != rhs->rank || memcmp(m->dims, rhs->dims, (size_t)rank * sizeof *dims) != 0)
      return bad_shapes(ctx, "equal batches");
    memcpy(dims, rhs->dims, (size_t)rank * sizeof *dims);
  }
  dims[rank] = a->op == LEAST_SQUARES ? columns_of(m) : rows_of(rhs);
  dims[rank + 1] = columns_of(rhs);
  return ufi_out_shape(ctx, 0, rank + 2, dims);
}

static uf_status solve_prepare(ufi_ctx *ctx) {
  const ufi_tensor *m = ctx->in[0], *rhs = ctx->in[1];
  const size_t n = (size_t)UFI_MAX(rows_of(m), columns_of(m)), side = UFI_MAX(n, (size_t)rows_of(rhs));
  size_t square, right;
  if (ctx->out[0]->count == 0) return UF_OK;
  const bool fits = ufi_mul_size(n, n, &square) && ufi_mul_size(square, 4 * sizeof(ufi_cx), &square) &&
                    ufi_mul_size(side + 1, (size_t)columns_of(rhs) + 2, &right) &&
                    ufi_mul_size(right, 4 * sizeof(ufi_cx), &right) && ufi_add_size(square, right, &square);
  ufi_want_scratch(ctx, fits ? square : SIZE_MAX / 2);
  return UF_OK;
}

/* One system: matrix a (r, c), right-hand sides b (rows, k), results x. */
typedef struct system {
  int64_t r, c, k, rows;
  ufi_cx *a, *b, *x, *room;
  int64_t *order;
} system_t;

static bool solve_plain(const system_t *s, bool adjoint) {
  double sign;
  if (adjoint) {
    ufi_la_adjoint(s->r, s->r, s->a, s->room);
    memcpy(s->a, s->room, (size_t)(s->r * s->r) * sizeof *s->a);
  }
  if (!ufi_la_lu(s->r, s->a, s->order, &sign)) return false;
  ufi_la_lu_solve(s->r, s->a, s->order, s->k, s->b, s->x);
  return true;
}

/* Band d of a lower matrix holds entry (i, i - d) at column i; of an upper one, counted from the
 * last band, (i, i + d). */
static bool solve_banded(const system_t *s, bool lower, bool adjoint) {
  const int64_t bands = s->r, n = s->c;
  memset(s->room, 0, (size_t)(n * n) * sizeof *s->room);
  for (int64_t d = 0; d < bands; d++)
    for (int64_t i = lower ? d : 0; i < (lower ? n : n - d); i++)
      s->room[i * n + (lower ? i - d : i + d)] = s->a[(lower ? d : bands - 1 - d) * n + i];
  memcpy(s->x, s->b, (size_t)(s->rows * s->k) * sizeof *s->x);
  return ufi_la_triangular(n, s->room, lower, adjoint, s->k, s->x);
}

/* Normal equations of the shorter side, with the regularizer on the diagonal. */
static bool solve_normal(const system_t *s, double l2) {
  const int64_t p = UFI_MIN(s->r, s->c);
  ufi_cx *adjoint = s->room, *gram = adjoint + s->r * s->c, *y = s->r >= s->c ? s->x : s->b;
  ufi_la_adjoint(s->r, s->c, s->a, adjoint);
  if (s->r >= s->c) ufi_la_mul(s->c, s->r, s->c, adjoint, s->a, gram);
  else ufi_la_mul(s->r, s->c, s->r, s->a, adjoint, gram);
  for (int64_t i = 0; i < p; i++) gram[i * p + i] += l2;
  if (!ufi_la_cholesky(p, gram)) return false;
  if (s->r >= s->c) ufi_la_mul(s->c, s->r, s->k, adjoint, s->b, s->x);
  if (!ufi_la_triangular(p, gram, true, false, s->k, y) || !ufi_la_triangular(p, gram, true, true, s->k, y)) return false;
  if (s->r < s->c) ufi_la_mul(s->c, s->r, s->k, adjoint, y, s->x);
  return true;
}

/* The shortest of the best solutions, by singular values. */
static void solve_shortest(const system_t *s) {
  const int64_t m = UFI_MAX(s->r, s->c), n = UFI_MIN(s->r, s->c);
  ufi_cx *a = s->room, *v = a + m * n;
  double *values = (double *)s->order;
  if (s->r >= s->c) memcpy(a, s->a, (size_t)(m * n) * sizeof *a);
  else ufi_la_adjoint(s->r, s->c, s->a, a);
  ufi_la_svd(m, n, a, values, v);
  memset(s->x, 0, (size_t)(s->c * s->k) * sizeof *s->x);
  for (int64_t t = 0; t < n && values[t] > 2.3e-16 * (double)m * values[0]; t++)
    for (int64_t j = 0; j < s->k; j++) {
      /* a's columns carry one factor of the value */
      const ufi_cx *left = s->r >= s->c ? a : v, *right = s->r >= s->c ? v : a;
      ufi_cx dot = 0;
      for (int64_t i = 0; i < s->r; i++) dot += conj(left[i * n + t]) * s->b[i * s->k + j];
      dot /= values[t] * values[t];
      for (int64_t i = 0; i < s->c; i++) s->x[i * s->k + j] += right[i * n + t] * dot;
    }
}

/* Rows of a: what is above the diagonal, it, what is below. Elimination fills one more band above. */
static bool solve_tridiagonal(const system_t *s, bool pivoting) {
  const int64_t n = s->c, k = s->k;
  ufi_cx *up = s->a, *mid = s->a + n, *low = s->a + 2 * n, *second = s->room, *x = s->x;
  memcpy(x, s->b, (size_t)(n * k) * sizeof *x);
  for (int64_t i = 0; i < n; i++) second[i] = 0;
  for (int64_t i = 0; i + 1 < n; i++) {
    if (pivoting && cabs(low[i + 1]) > cabs(mid[i])) { /* the next row is the better one */
      ufi_cx kept = mid[i];
      mid[i] = low[i + 1], low[i + 1] = kept;
      kept = up[i], up[i] = mid[i + 1], mid[i + 1] = kept;
      second[i] = i + 2 < n ? up[i + 1] : 0;
      up[i + 1] = 0;
      for (int64_t j = 0; j < k; j++) {
        kept = x[i * k + j];
        x[i * k + j] = x[(i + 1) * k + j], x[(i + 1) * k + j] = kept;
      }
    }
    if (mid[i] == 0) return false;
    const ufi_cx by = low[i + 1] / mid[i];
    mid[i + 1] -= by * up[i];
    if (i + 2 < n) up[i + 1] -= by * second[i];
    for (int64_t j = 0; j < k; j++) x[(i + 1) * k + j] -= by * x[i * k + j];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    if (mid[i] == 0) return false;
    for (int64_t j = 0; j < k; j++) {
      if (i + 1 < n) x[i * k + j] -= up[i] * x[(i + 1) * k + j];
      if (i + 2 < n) x[i * k + j] -= second[i] * x[(i + 2) * k + j];
      x[i * k + j] /= mid[i];
    }
  }
  return true;
}

/* TensorFlow lets what divides by 0 be no number, but for some. */
static bool solve_one(const ufi_ctx *ctx, const system_t *s) {
  const solve_attrs *a = ctx->attrs;
  bool unsolvable = false;
  switch (a->op) {
    case SOLVE: return solve_plain(s, a->adjoint);
    case BANDED: return solve_banded(s, a->lower, a->adjoint);
    case TRIDIAGONAL:
      unsolvable = !solve_tridiagonal(s, a->pivoting);
      for (int64_t i = 0; unsolvable && i < s->c * s->k; i++) s->x[i] = NAN;
      return true;
    case LEAST_SQUARES:
      if (a->fast) return solve_normal(s, *(const double *)ctx->in[2]->data);
      solve_shortest(s);
      return true;
    default:
      memcpy(s->x, s->b, (size_t)(s->rows * s->k) * sizeof *s->x);
      for (int64_t i = 0; i < s->r; i++) unsolvable = unsolvable || s->a[i * s->r + i] == 0;
      for (int64_t i = 0; unsolvable && i < s->r * s->k; i++) s->x[i] = NAN;
      return unsolvable || ufi_la_triangular(s->r, s->a, a->lower, a->adjoint, s->k, s->x);
  }
}

/* Which of t's matrices belongs to matrix b of the output. */
static int64_t matrix_at(const ufi_tensor *t, const ufi_tensor *out, int64_t b) {
  int64_t at = 0, step = 1;
  for (int32_t d = 1; d <= out->rank - 2; d++) {
    const int64_t i = b % out->dims[out->rank - 2 - d];
    b /= out->dims[out->rank - 2 - d];
    if (d > t->rank - 2) continue;
    const int64_t extent = t->dims[t->rank - 2 - d];
    at += extent == 1 ? 0 : i * step;
    step *= extent;
  }
  return at;
}

static uf_status solve_eval(ufi_ctx *ctx) {
  const ufi_tensor *m = ctx->in[0], *rhs = ctx->in[1], *out = ctx->out[0];
  system_t s = {.r = rows_of(m), .c = columns_of(m), .k = columns_of(rhs), .rows = rows_of(rhs), .a = ctx->scratch};
  const int64_t n = UFI_MAX(s.r, s.c), side = UFI_MAX(n, s.rows), one = rows_of(out) * s.k;
  s.room = s.a + n * n;
  s.b = s.room + 3 * n * n;
  s.x = s.b + side * (s.k + 1);
  s.order = (int64_t *)(s.x + 2 * side * (s.k + 1));
  if (out->count == 0) return UF_OK;
  for (int64_t b = 0; b < out->count / one; b++) {
    UFI_TRY(ufi_la_load(ctx, m, matrix_at(m, out, b) * s.r * s.c, s.r * s.c, s.a));
    UFI_TRY(ufi_la_load(ctx, rhs, matrix_at(rhs, out, b) * s.rows * s.k, s.rows * s.k, s.b));
    if (!solve_one(ctx, &s))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an invertible matrix, found one that is not");
    UFI_TRY(ufi_la_store(ctx, out, b * one, one, s.x));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_SOLVE = {
  .attrs_size = sizeof(solve_attrs), .attrs_tf = solve_attrs_tf, .infer = solve_infer, .prepare = solve_prepare,
  .eval = solve_eval,
};

/* ---- TridiagonalMatMul: diagonals (..., 1, m) above, at and below; rhs (..., m, n) ----------------- */

static uf_status tridiagonal_infer(ufi_ctx *ctx) {
  const ufi_tensor *rhs = ctx->in[3];
  for (int32_t i = 0; i < 4; i++) UFI_TRY(want_numbers(ctx, i));
  for (int32_t i = 0; i < 3; i++) {
    const ufi_tensor *t = ctx->in[i];
    if (t->rank != rhs->rank || rows_of(t) != 1 || columns_of(t) != rows_of(rhs) ||
        memcmp(t->dims, rhs->dims, (size_t)(t->rank - 2) * sizeof *t->dims) != 0)
      return bad_shapes(ctx, "diagonals (..., 1, m) and a right-hand side (..., m, n)");
  }
  return ufi_out_like(ctx, 0, rhs);
}

static uf_status tridiagonal_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)(rows_of(ctx->in[3]) * (3 + 2 * columns_of(ctx->in[3]))) * sizeof(ufi_cx));
  return UF_OK;
}

static uf_status tridiagonal_eval(ufi_ctx *ctx) {
  const ufi_tensor *rhs = ctx->in[3];
  const int64_t m = rows_of(rhs), n = columns_of(rhs);
  ufi_cx *bands = ctx->scratch, *x = bands + 3 * m, *y = x + m * n;
  for (int64_t b = 0; rhs->count && b < rhs->count / (m * n); b++) {
    for (int32_t i = 0; i < 3; i++) UFI_TRY(ufi_la_load(ctx, ctx->in[i], b * m, m, bands + i * m));
    UFI_TRY(ufi_la_load(ctx, rhs, b * m * n, m * n, x));
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        ufi_cx sum = bands[m + i] * x[i * n + j];
        if (i + 1 < m) sum += bands[i] * x[(i + 1) * n + j];
        if (i > 0) sum += bands[2 * m + i] * x[(i - 1) * n + j];
        y[i * n + j] = sum;
      }
    UFI_TRY(ufi_la_store(ctx, ctx->out[0], b * m * n, m * n, y));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TRIDIAGONAL_MATMUL = {
  .infer = tridiagonal_infer, .prepare = tridiagonal_prepare, .eval = tridiagonal_eval,
};
