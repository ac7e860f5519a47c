/* SPDX-License-Identifier: Apache-2.0
 *
 * linalg_ops.c: TensorFlow's ops on batches of matrices (..., m, n): factors, solutions, spectra.
 * Each matrix is loaded as complex doubles, worked on by linalg.c, and stored in the op's dtype.
 */
#include <math.h>

#include "ops/linalg.h"
#include "ops/move.h"

typedef struct la_attrs {
  bool adjoint, lower, full, vectors, fast;
  int32_t op;
} la_attrs;

enum { OP_INVERSE, OP_DETERMINANT, OP_LOG_DETERMINANT, OP_CHOLESKY, OP_EXP, OP_ROOT, OP_LOG };

static uf_status la_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const names[] = {"MatrixInverse", "MatrixDeterminant", "LogMatrixDeterminant", "Cholesky",
                                      "MatrixExponential", "MatrixSquareRoot", "MatrixLogarithm"};
  la_attrs *a = memory;
  a->adjoint = ufi_tf_bool(from, "adjoint");
  a->lower = ufi_tf_bool(from, "lower");
  a->full = ufi_tf_bool(from, "full_matrices");
  a->vectors = ufi_tf_bool(from, "compute_uv") || ufi_tf_bool(from, "compute_v");
  a->fast = ufi_tf_bool(from, "fast");
  for (int32_t i = 0; i < (int32_t)UFI_COUNT(names); i++)
    if (strcmp(from->op, names[i]) == 0) a->op = i;
  return UF_OK;
}

/* ---- matrices in and out -------------------------------------------------------------------- */

static uf_status want_matrix(ufi_ctx *ctx, int32_t i, bool square) {
  const ufi_tensor *t = ctx->in[i];
  char text[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_FLOAT64, UF_COMPLEX64, UF_COMPLEX128, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, t, 2, UF_MAX_RANK));
  if (!square || t->dims[t->rank - 1] == t->dims[t->rank - 2]) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected square matrices, found %s",
                      ufi_shape_text(t->rank, t->dims, text));
}

static int64_t rows_of(const ufi_tensor *t) { return t->dims[t->rank - 2]; }
static int64_t columns_of(const ufi_tensor *t) { return t->dims[t->rank - 1]; }
static int64_t batch_of(const ufi_tensor *t) { return ufi_move_span(t->dims, 0, t->rank - 2); }

/* Output i: the batch of input 0, then `rank` more extents. */
static uf_status out_batch(ufi_ctx *ctx, int32_t i, int32_t rank, int64_t a, int64_t b) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK + 2];
  memcpy(dims, in->dims, (size_t)(in->rank - 2) * sizeof *dims);
  dims[in->rank - 2] = a;
  dims[in->rank - 2 + (rank > 1)] = rank > 1 ? b : a;
  return ufi_out_shape(ctx, i, in->rank - 2 + rank, dims);
}

static uf_status not_invertible(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an invertible matrix, found one that is not");
}

/* Room for `matrices` of side x side numbers and a few vectors. More than fits a size: more than
 * there is. Of no matrices, however large, none is needed. */
static void want_room(ufi_ctx *ctx, size_t matrices, int64_t side) {
  size_t bytes;
  if (ctx->in[0]->count == 0) side = 0;
  if (!ufi_mul_size((size_t)side + 4, (size_t)side + 4, &bytes) || !ufi_mul_size(bytes, matrices * sizeof(ufi_cx), &bytes))
    bytes = SIZE_MAX / 2;
  ufi_want_scratch(ctx, bytes);
}

/* ---- functions of one square matrix -------------------------------------------------------------- */

static uf_status square_infer(ufi_ctx *ctx) {
  const la_attrs *a = ctx->attrs;
  UFI_TRY(want_matrix(ctx, 0, true));
  if (a->op == OP_LOG) UFI_TRY(ufi_want_in(ctx, 0, UF_COMPLEX64, UF_COMPLEX128, UF_INVALID));
  if (a->op != OP_DETERMINANT && a->op != OP_LOG_DETERMINANT) return ufi_out_like(ctx, 0, ctx->in[0]);
  for (int32_t i = 0; i < ctx->n_out; i++)
    UFI_TRY(ufi_out_shape(ctx, i, ctx->in[0]->rank - 2, ctx->in[0]->dims));
  return UF_OK;
}

static uf_status square_prepare(ufi_ctx *ctx) {
  const int64_t n = columns_of(ctx->in[0]);
  want_room(ctx, 8, n); /* what stands over has room for 2 n indices and more */
  return UF_OK;
}

/* What a function works with: its matrix a and seven more of that size. */
typedef struct square {
  int64_t n;
  ufi_cx *a, *t[7];
  int64_t *order;
} square;

static bool invert(const square *s, const ufi_cx *a, ufi_cx *lu, ufi_cx *unit, ufi_cx *out) {
  double sign;
  memcpy(lu, a, (size_t)(s->n * s->n) * sizeof *lu);
  if (!ufi_la_lu(s->n, lu, s->order, &sign)) return false;
  for (int64_t i = 0; i < s->n * s->n; i++) unit[i] = i / s->n == i % s->n;
  ufi_la_lu_solve(s->n, lu, s->order, s->n, unit, out);
  return true;
}

/* Padé approximant of order 13 of a matrix that is halved until it is small (Higham, 2005). */
static bool exponential(const square *s) {
  static const double b[] = {64764752532480000., 32382376266240000., 7771770303897600., 1187353796428800.,
                             129060195264000., 10559470521600., 670442572800., 33522128640., 1323241920.,
                             40840800., 960960., 16380., 182., 1.};
  const int64_t n = s->n, all = n * n;
  double norm = 0;
  int halvings = 0;
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += cabs(s->a[i * n + j]);
    norm = fmax(norm, sum);
  }
  if (!isfinite(norm)) return false;
  if (norm > 5.37) frexp(norm / 5.37, &halvings);
  for (int64_t i = 0; i < all; i++) s->a[i] *= ldexp(1.0, -halvings);
  ufi_cx *a2 = s->t[0], *a4 = s->t[1], *a6 = s->t[2], *u = s->t[3], *v = s->t[4], *w = s->t[5];
  ufi_la_mul(n, n, n, s->a, s->a, a2);
  ufi_la_mul(n, n, n, a2, a2, a4);
  ufi_la_mul(n, n, n, a4, a2, a6);
  for (int64_t i = 0; i < all; i++) u[i] = b[13] * a6[i] + b[11] * a4[i] + b[9] * a2[i];
  ufi_la_mul(n, n, n, a6, u, w);
  for (int64_t i = 0; i < all; i++) w[i] += b[7] * a6[i] + b[5] * a4[i] + b[3] * a2[i] + (i / n == i % n ? b[1] : 0);
  ufi_la_mul(n, n, n, s->a, w, u);
  for (int64_t i = 0; i < all; i++) w[i] = b[12] * a6[i] + b[10] * a4[i] + b[8] * a2[i];
  ufi_la_mul(n, n, n, a6, w, v);
  for (int64_t i = 0; i < all; i++) v[i] += b[6] * a6[i] + b[4] * a4[i] + b[2] * a2[i] + (i / n == i % n ? b[0] : 0);
  for (int64_t i = 0; i < all; i++) a2[i] = v[i] - u[i], a4[i] = v[i] + u[i];
  double sign;
  if (!ufi_la_lu(n, a2, s->order, &sign)) return false;
  ufi_la_lu_solve(n, a2, s->order, n, a4, s->a);
  for (int k = 0; k < halvings; k++) {
    ufi_la_mul(n, n, n, s->a, s->a, a6);
    memcpy(s->a, a6, (size_t)all * sizeof *a6);
  }
  return true;
}

/* a = z f z^H */
static void from_schur(const square *s, const ufi_cx *f, const ufi_cx *z, ufi_cx *room, ufi_cx *room2) {
  ufi_la_mul(s->n, s->n, s->n, z, f, room);
  ufi_la_adjoint(s->n, s->n, z, room2);
  ufi_la_mul(s->n, s->n, s->n, room, room2, s->a);
}

static bool square_root(const square *s) {
  if (!ufi_la_schur(s->n, s->a, s->t[0])) return false;
  ufi_la_root(s->n, s->a, s->t[1]);
  from_schur(s, s->t[1], s->t[0], s->t[2], s->t[3]);
  return true;
}

/* Nodes and weights of Gauss and Legendre on [0, 1], 8 points, the half of them; symmetric. */
static const double node8[4] = {0.019855071751231884, 0.10166676129318664, 0.2372337950418355, 0.40828267875217511};
static const double weight8[4] = {0.050614268145188130, 0.11119051722668724, 0.15685332293894363, 0.18134189168918100};

/* Roots are taken of the Schur form until it is near 1; there log(1 + x) is the integral of
 * x / (1 + t x) (Higham, chapter 11). */
static bool logarithm(const square *s) {
  const int64_t n = s->n, all = n * n;
  ufi_cx *z = s->t[0], *root = s->t[1], *sum = s->t[2], *room = s->t[3], *x = s->t[4];
  int roots = 0;
  if (!ufi_la_schur(n, s->a, z)) return false;
  for (; roots < 60; roots++) {
    double norm = 0;
    for (int64_t i = 0; i < all; i++) norm += cabs(s->a[i] - (i / n == i % n));
    if (norm < 0.1) break;
    ufi_la_root(n, s->a, root);
    memcpy(s->a, root, (size_t)all * sizeof *root);
  }
  memset(sum, 0, (size_t)all * sizeof *sum);
  for (int k = 0; k < 8; k++) {
    const double node = k < 4 ? node8[k] : 1 - node8[7 - k], weight = weight8[k < 4 ? k : 7 - k];
    for (int64_t i = 0; i < all; i++) {
      const double one = i / n == i % n;
      x[i] = s->a[i] - one;
      room[i] = one + node * x[i];
    }
    ufi_la_triangular(n, room, false, false, n, x);
    for (int64_t i = 0; i < all; i++) sum[i] += ldexp(weight, roots) * x[i];
  }
  from_schur(s, sum, z, room, x);
  return true;
}

static uf_status determinant(ufi_ctx *ctx, const square *s, int64_t b) {
  const la_attrs *a = ctx->attrs;
  double sign, log_size = 0;
  ufi_cx product, phase;
  ufi_la_lu(s->n, s->a, s->order, &sign);
  product = phase = sign;
  for (int64_t i = 0; i < s->n; i++) {
    const ufi_cx d = s->a[i * s->n + i];
    const double size = cabs(d);
    product *= d;
    phase = size == 0 ? 0 : phase * (d / size);
    log_size += log(size);
  }
  if (a->op == OP_DETERMINANT) return ufi_la_store(ctx, ctx->out[0], b, 1, &product);
  ufi_cx log_abs = log_size;
  UFI_TRY(ufi_la_store(ctx, ctx->out[0], b, 1, &phase));
  return ufi_la_store(ctx, ctx->out[1], b, 1, &log_abs);
}

static uf_status one_square(ufi_ctx *ctx, const square *s, int64_t b) {
  const la_attrs *a = ctx->attrs;
  const int64_t all = s->n * s->n;
  switch (a->op) {
    case OP_DETERMINANT: case OP_LOG_DETERMINANT: return determinant(ctx, s, b);
    case OP_INVERSE:
      if (!invert(s, s->a, s->t[0], s->t[1], s->t[2])) return not_invertible(ctx);
      if (a->adjoint) ufi_la_adjoint(s->n, s->n, s->t[2], s->a);
      else memcpy(s->a, s->t[2], (size_t)all * sizeof *s->a);
      break;
    case OP_CHOLESKY:
      if (ufi_la_cholesky(s->n, s->a)) break;
      for (int64_t i = 0; i < all; i++) s->a[i] = i % s->n > i / s->n ? 0 : NAN; /* not positive definite */
      break;
    default: {
      const bool good = a->op == OP_EXP ? exponential(s) : a->op == OP_ROOT ? square_root(s) : logarithm(s);
      for (int64_t i = 0; !good && i < all; i++) s->a[i] = NAN;
      break;
    }
  }
  return ufi_la_store(ctx, ctx->out[0], b * all, all, s->a);
}

static uf_status square_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  square s = {.n = columns_of(in), .a = ctx->scratch};
  const int64_t all = s.n * s.n, batch = batch_of(in);
  for (int k = 0; k < 7; k++) s.t[k] = s.a + (k + 1) * all;
  s.order = (int64_t *)(s.a + 8 * all);
  for (int64_t b = 0; b < batch; b++) {
    UFI_TRY(ufi_la_load(ctx, in, b * all, all, s.a));
    UFI_TRY(one_square(ctx, &s, b));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_FUNCTION = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = square_infer, .prepare = square_prepare,
  .eval = square_eval,
};

/* ---- Lu, Qr, Svd, eigenvalues ------------------------------------------------------------------------ */

static uf_status lu_infer(ufi_ctx *ctx) {
  UFI_TRY(want_matrix(ctx, 0, true));
  UFI_TRY(ufi_want_out(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_like(ctx, 0, ctx->in[0]));
  return ufi_out_shape(ctx, 1, ctx->in[0]->rank - 1, ctx->in[0]->dims);
}

static uf_status lu_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const int64_t n = columns_of(in), batch = batch_of(in);
  ufi_cx *a = ctx->scratch;
  int64_t *order = (int64_t *)(a + n * n);
  for (int64_t b = 0; b < batch; b++) {
    double sign;
    UFI_TRY(ufi_la_load(ctx, in, b * n * n, n * n, a));
    if (!ufi_la_lu(n, a, order, &sign)) return not_invertible(ctx);
    UFI_TRY(ufi_la_store(ctx, ctx->out[0], b * n * n, n * n, a));
    UFI_TRY(ufi_convert(UF_INT64, order, n, ctx->out[1]->dtype,
                        (uint8_t *)ctx->out[1]->data + b * n * (uf_dtype_bits(ctx->out[1]->dtype) / 8), ctx->error));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_LU = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = lu_infer, .prepare = square_prepare,
  .eval = lu_eval,
};

static uf_status qr_infer(ufi_ctx *ctx) {
  const la_attrs *a = ctx->attrs;
  UFI_TRY(want_matrix(ctx, 0, false));
  const int64_t m = rows_of(ctx->in[0]), n = columns_of(ctx->in[0]), k = a->full ? m : UFI_MIN(m, n);
  UFI_TRY(out_batch(ctx, 0, 2, m, k));
  return out_batch(ctx, 1, 2, k, n);
}

static uf_status qr_prepare(ufi_ctx *ctx) {
  const int64_t m = rows_of(ctx->in[0]), n = columns_of(ctx->in[0]);
  want_room(ctx, 3, UFI_MAX(m, n));
  return UF_OK;
}

static uf_status qr_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t m = rows_of(in), n = columns_of(in), k = columns_of(out), batch = batch_of(in);
  ufi_cx *a = ctx->scratch, *q = a + m * n;
  for (int64_t b = 0; b < batch; b++) {
    UFI_TRY(ufi_la_load(ctx, in, b * m * n, m * n, a));
    ufi_la_qr(m, n, a, q, q + m * m);
    for (int64_t i = 0; i < m; i++) memmove(q + i * k, q + i * m, (size_t)k * sizeof *q);
    UFI_TRY(ufi_la_store(ctx, out, b * m * k, m * k, q));
    UFI_TRY(ufi_la_store(ctx, ctx->out[1], b * k * n, k * n, a));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_QR = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = qr_infer, .prepare = qr_prepare, .eval = qr_eval,
};

/* An output that was not asked for: one number (0; in TensorFlow whatever was there). */
static uf_status out_nothing(ufi_ctx *ctx, int32_t i) { return ufi_out_shape(ctx, i, 0, NULL); }

static void clear_unwanted(const ufi_ctx *ctx) {
  for (int32_t i = 1; i < ctx->n_out; i++)
    if (ctx->out[i]->size) memset(ctx->out[i]->data, 0, ctx->out[i]->size);
}

static uf_status svd_infer(ufi_ctx *ctx) {
  const la_attrs *a = ctx->attrs;
  UFI_TRY(want_matrix(ctx, 0, false));
  const int64_t m = rows_of(ctx->in[0]), n = columns_of(ctx->in[0]), p = UFI_MIN(m, n);
  UFI_TRY(out_batch(ctx, 0, 1, p, 0));
  if (a->vectors) {
    UFI_TRY(out_batch(ctx, 1, 2, m, a->full ? m : p));
    return out_batch(ctx, 2, 2, n, a->full ? n : p);
  }
  UFI_TRY(out_nothing(ctx, 1));
  return out_nothing(ctx, 2);
}

static uf_status svd_prepare(ufi_ctx *ctx) {
  want_room(ctx, 5, UFI_MAX(rows_of(ctx->in[0]), columns_of(ctx->in[0])));
  return UF_OK;
}

/* u (m, k) from a (m, p), whose columns are u's times the values. */
static void left_vectors(int64_t m, int64_t p, int64_t k, const ufi_cx *a, const double *values, ufi_cx *u,
                         ufi_cx *room) {
  int64_t rank = 0;
  memset(u, 0, (size_t)(m * k) * sizeof *u);
  while (rank < p && values[rank] > 1e-15 * values[0]) rank++;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < rank; j++) u[i * k + j] = a[i * p + j] / values[j];
  ufi_la_complete(m, k, rank, u, room);
}

static uf_status svd_eval(ufi_ctx *ctx) {
  const la_attrs *at = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const int64_t m = rows_of(in), n = columns_of(in), p = UFI_MIN(m, n), tall = UFI_MAX(m, n), batch = batch_of(in);
  const int64_t k = at->full ? tall : p;
  const int32_t left = m >= n ? 1 : 2; /* which output the vectors of the longer side are */
  ufi_cx *a = ctx->scratch, *given = a + m * n, *v = given + m * n, *u = v + p * p, *room = u + tall * tall;
  double *values = (double *)(room + tall);
  clear_unwanted(ctx);
  for (int64_t b = 0; b < batch && ctx->out[0]->count; b++) {
    UFI_TRY(ufi_la_load(ctx, in, b * m * n, m * n, given));
    if (m >= n) memcpy(a, given, (size_t)(m * n) * sizeof *a);
    else ufi_la_adjoint(m, n, given, a);
    ufi_la_svd(tall, p, a, values, v);
    UFI_TRY(ufi_convert(UF_FLOAT64, values, p, in->dtype,
                        (uint8_t *)ctx->out[0]->data + b * p * (uf_dtype_bits(in->dtype) / 8), ctx->error));
    if (!at->vectors) continue;
    left_vectors(tall, p, k, a, values, u, room);
    UFI_TRY(ufi_la_store(ctx, ctx->out[left], b * tall * k, tall * k, u));
    UFI_TRY(ufi_la_store(ctx, ctx->out[3 - left], b * p * p, p * p, v));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SVD = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = svd_infer, .prepare = svd_prepare,
  .eval = svd_eval,
};

static uf_status eig_infer(ufi_ctx *ctx) {
  const la_attrs *a = ctx->attrs;
  UFI_TRY(want_matrix(ctx, 0, true));
  const int64_t n = columns_of(ctx->in[0]);
  UFI_TRY(out_batch(ctx, 0, 1, n, 0));
  return a->vectors ? out_batch(ctx, 1, 2, n, n) : out_nothing(ctx, 1);
}

static uf_status eigh_eval(ufi_ctx *ctx) {
  const la_attrs *at = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const int64_t n = columns_of(in), batch = batch_of(in);
  ufi_cx *a = ctx->scratch, *v = a + n * n;
  double *values = (double *)(v + n * n);
  clear_unwanted(ctx);
  for (int64_t b = 0; b < batch; b++) {
    UFI_TRY(ufi_la_load(ctx, in, b * n * n, n * n, a));
    ufi_la_eigh(n, a, values, v);
    UFI_TRY(ufi_convert(UF_FLOAT64, values, n, in->dtype,
                        (uint8_t *)ctx->out[0]->data + b * n * (uf_dtype_bits(in->dtype) / 8), ctx->error));
    if (at->vectors) UFI_TRY(ufi_la_store(ctx, ctx->out[1], b * n * n, n * n, v));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SELF_ADJOINT_EIG = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = eig_infer, .prepare = square_prepare,
  .eval = eigh_eval,
};

/* Columns of v: the vectors of triangular t, with 1 at their last entry. */
static void triangular_vectors(int64_t n, const ufi_cx *t, ufi_cx *v) {
  double norm = 0;
  for (int64_t i = 0; i < n * n; i++) norm += creal(t[i]) * creal(t[i]) + cimag(t[i]) * cimag(t[i]);
  norm = sqrt(norm);
  memset(v, 0, (size_t)(n * n) * sizeof *v);
  for (int64_t k = 0; k < n; k++) {
    v[k * n + k] = 1;
    for (int64_t i = k - 1; i >= 0; i--) {
      ufi_cx sum = -t[i * n + k], gap = t[i * n + i] - t[k * n + k];
      for (int64_t j = i + 1; j < k; j++) sum -= t[i * n + j] * v[j * n + k];
      if (gap == 0) gap = 2.2e-16 * norm;
      v[i * n + k] = sum / gap;
    }
  }
}

static uf_status eig_one(ufi_ctx *ctx, int64_t n, int64_t b, ufi_cx *t, ufi_cx *z, ufi_cx *x, ufi_cx *v) {
  const la_attrs *at = ctx->attrs;
  if (!ufi_la_schur(n, t, z)) {
    for (int64_t i = 0; i < n * n; i++) t[i] = z[i] = NAN;
  }
  triangular_vectors(n, t, x);
  ufi_la_mul(n, n, n, z, x, v);
  for (int64_t k = 0; k < n; k++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += creal(v[i * n + k]) * creal(v[i * n + k]) + cimag(v[i * n + k]) * cimag(v[i * n + k]);
    for (int64_t i = 0; i < n; i++) v[i * n + k] /= sqrt(sum);
    x[k] = t[k * n + k];
  }
  for (int64_t i = 0; i < n; i++) { /* by size, as TensorFlow's library has it */
    int64_t best = i;
    for (int64_t j = i + 1; j < n; j++)
      if (cabs(x[j]) < cabs(x[best])) best = j;
    const ufi_cx kept = x[i];
    x[i] = x[best], x[best] = kept;
    for (int64_t r = 0; best != i && r < n; r++) {
      const ufi_cx other = v[r * n + i];
      v[r * n + i] = v[r * n + best], v[r * n + best] = other;
    }
  }
  UFI_TRY(ufi_la_store(ctx, ctx->out[0], b * n, n, x));
  return at->vectors ? ufi_la_store(ctx, ctx->out[1], b * n * n, n * n, v) : UF_OK;
}

static uf_status eig_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const int64_t n = columns_of(in), all = n * n, batch = batch_of(in);
  ufi_cx *t = ctx->scratch;
  clear_unwanted(ctx);
  for (int64_t b = 0; b < batch; b++) {
    UFI_TRY(ufi_la_load(ctx, in, b * all, all, t));
    UFI_TRY(eig_one(ctx, n, b, t, t + all, t + 2 * all, t + 3 * all));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_EIG = {
  .attrs_size = sizeof(la_attrs), .attrs_tf = la_attrs_tf, .infer = eig_infer, .prepare = square_prepare,
  .eval = eig_eval,
};
