/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_fft.c: TensorFlow's Fourier transforms: FFT, IFFT, RFFT, IRFFT over the last one, two or three
 * dimensions, or (ND) over named ones. Numbers are complex doubles meanwhile.
 *
 * An R op is given, or gives, half a spectrum along its last axis, n / 2 + 1 numbers: the others are
 * conjugates of these. Inputs longer than the transform are cropped.
 */
#include <complex.h>

#include "ops/fft_any.h"
#include "ops/move.h"

typedef double _Complex cx;

typedef struct fft_attrs {
  int32_t axes;          /* 0: named by an input */
  bool real, inverse;
} fft_attrs;

static uf_status fft_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  fft_attrs *a = memory;
  a->real = strstr(from->op, "RFFT") != NULL;
  a->inverse = from->op[0] == 'I';
  a->axes = strstr(from->op, "ND") ? 0 : strstr(from->op, "3D") ? 3 : strstr(from->op, "2D") ? 2 : 1;
  return UF_OK;
}

/* What is transformed: axes in the order given, and their lengths. */
typedef struct fft_plan {
  int32_t n;
  int32_t axes[UF_MAX_RANK];
  int64_t lengths[UF_MAX_RANK];
} fft_plan;

static uf_status plan_axes(ufi_ctx *ctx, fft_plan *p) {
  const fft_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t named[UF_MAX_RANK];
  bool used[UF_MAX_RANK] = {false};
  p->n = a->axes;
  if (a->axes == 0) UFI_TRY(ufi_read_ints(ctx, ctx->in[2], named, UF_MAX_RANK, &p->n));
  UFI_TRY(ufi_want_rank(ctx, in, UFI_MAX(p->n, 1), UF_MAX_RANK));
  for (int32_t i = 0; i < p->n; i++) {
    p->axes[i] = in->rank - p->n + i;
    if (a->axes == 0) {
      if (named[i] < -in->rank || named[i] >= in->rank || used[(named[i] + in->rank) % in->rank])
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected axes in [%d, %d), each once, found %lld",
                            (int)-in->rank, (int)in->rank, (long long)named[i]);
      p->axes[i] = (int32_t)((named[i] + in->rank) % in->rank);
      used[p->axes[i]] = true;
    }
    p->lengths[i] = in->dims[p->axes[i]];
  }
  return UF_OK;
}

static uf_status plan_lengths(ufi_ctx *ctx, fft_plan *p) {
  const fft_attrs *a = ctx->attrs;
  if (ctx->n_in < 2) return UF_OK;
  int32_t n;
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], p->lengths, UF_MAX_RANK, &n));
  if (n != p->n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d lengths, found %d", (int)p->n, (int)n);
  for (int32_t i = 0; i < n; i++) {
    const int64_t have = ctx->in[0]->dims[p->axes[i]], length = p->lengths[i];
    const int64_t need = a->real && a->inverse && i == n - 1 ? length / 2 + 1 : length;
    if (length < 0 || (have > 0 && have < need))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at least %lld numbers along axis %d for a transform of "
                          "%lld, found %lld", (long long)need, (int)p->axes[i], (long long)length, (long long)have);
  }
  return UF_OK;
}

static uf_status fft_infer(ufi_ctx *ctx) {
  const fft_attrs *a = ctx->attrs;
  const bool from_real = a->real && !a->inverse;
  fft_plan p;
  int64_t dims[UF_MAX_RANK];
  if (from_real) UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  else UFI_TRY(ufi_want_in(ctx, 0, UF_COMPLEX64, UF_COMPLEX128, UF_INVALID));
  const bool wide = ctx->in[0]->dtype == UF_FLOAT64 || ctx->in[0]->dtype == UF_COMPLEX128;
  if (a->real && a->inverse) UFI_TRY(ufi_want_out(ctx, 0, wide ? UF_FLOAT64 : UF_FLOAT32, UF_INVALID));
  else UFI_TRY(ufi_want_out(ctx, 0, wide ? UF_COMPLEX128 : UF_COMPLEX64, UF_INVALID));
  for (int32_t i = 1; i < ctx->n_in; i++)
    if (!ufi_known(ctx, i)) return UF_OK;
  UFI_TRY(plan_axes(ctx, &p));
  UFI_TRY(plan_lengths(ctx, &p));
  memcpy(dims, ctx->in[0]->dims, sizeof dims);
  for (int32_t i = 0; i < p.n; i++) dims[p.axes[i]] = p.lengths[i];
  if (from_real && p.n > 0) dims[p.axes[p.n - 1]] = p.lengths[p.n - 1] > 0 ? p.lengths[p.n - 1] / 2 + 1 : 0;
  return ufi_out_shape(ctx, 0, ctx->in[0]->rank, dims);
}

/* Transforms every line along axis d of x, whose shape is dims; `line` has room for two. */
static uf_status transform_axis(ufi_ctx *ctx, cx *x, int32_t rank, const int64_t *dims, int32_t d, bool inverse,
                                cx *line) {
  const int64_t n = dims[d], inner = ufi_move_span(dims, d + 1, rank), outer = ufi_move_span(dims, 0, d);
  ufi_fft *fft = ufi_fft_create(n);
  if (fft == NULL) return ufi_no_memory(ctx->error, (size_t)n * sizeof(cx));
  for (int64_t o = 0; o < outer * inner; o++) {
    cx *at = x + o / inner * n * inner + o % inner;
    for (int64_t k = 0; k < n; k++) line[k] = at[k * inner];
    ufi_fft_run(fft, inverse, line, line + n);
    const double by = inverse ? 1.0 / (double)n : 1.0;
    for (int64_t k = 0; k < n; k++) at[k * inner] = line[n + k] * by;
  }
  ufi_fft_release(fft);
  return UF_OK;
}

/* The second half of each line along axis d: conjugates of the first. */
static void complete_spectrum(cx *x, int32_t rank, const int64_t *dims, int32_t d) {
  const int64_t n = dims[d], inner = ufi_move_span(dims, d + 1, rank), outer = ufi_move_span(dims, 0, d);
  for (int64_t o = 0; o < outer * inner; o++) {
    cx *at = x + o / inner * n * inner + o % inner;
    for (int64_t k = n / 2 + 1; k < n; k++) at[k * inner] = conj(at[(n - k) * inner]);
  }
}

/* A box of dims between two shapes, starting at 0 in both. */
static void copy_box(int32_t rank, const int64_t *dims, const int64_t *from_dims, const cx *from, const int64_t *to_dims,
                     cx *to) {
  int64_t from_steps[UF_MAX_RANK], to_steps[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_steps(rank, from_dims, from_steps);
  ufi_move_steps(rank, to_dims, to_steps);
  for (int32_t d = 0; d < rank; d++) ufi_move_dim(&move, dims[d], from_steps[d], to_steps[d]);
  ufi_move_run(&move, UF_COMPLEX128, to, from, NULL);
}

typedef struct fft_work {
  fft_plan plan;
  int64_t dims[UF_MAX_RANK]; /* of the whole transform */
  int64_t count, longest;
} fft_work;

static uf_status run_fft(ufi_ctx *ctx, const fft_work *w, cx *x, cx *given) {
  const fft_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const fft_plan *p = &w->plan;
  cx *line = x + w->count;
  int64_t box[UF_MAX_RANK];
  UFI_TRY(ufi_convert(in->dtype, in->data, in->count, UF_COMPLEX128, given, ctx->error));
  memset(x, 0, (size_t)w->count * sizeof *x);
  const int32_t last = p->n ? p->axes[p->n - 1] : 0;
  for (int32_t d = 0; d < in->rank; d++) box[d] = UFI_MIN(in->dims[d], w->dims[d]);
  if (a->real && a->inverse && p->n) box[last] = UFI_MIN(box[last], w->dims[last] / 2 + 1);
  copy_box(in->rank, box, in->dims, given, w->dims, x);
  for (int32_t i = p->n - 1; i >= 0; i--) /* of a half spectrum the last axis comes last */
    if (!(a->real && a->inverse && i == p->n - 1))
      UFI_TRY(transform_axis(ctx, x, in->rank, w->dims, p->axes[i], a->inverse, line));
  if (a->real && a->inverse && p->n) {
    complete_spectrum(x, in->rank, w->dims, last);
    UFI_TRY(transform_axis(ctx, x, in->rank, w->dims, last, true, line));
    double *reals = (double *)given;
    for (int64_t i = 0; i < w->count; i++) reals[i] = creal(x[i]);
    return ufi_convert(UF_FLOAT64, reals, w->count, out->dtype, out->data, ctx->error);
  }
  copy_box(in->rank, out->dims, w->dims, x, out->dims, given);
  return ufi_convert(UF_COMPLEX128, given, out->count, out->dtype, out->data, ctx->error);
}

static uf_status fft_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  fft_work w = {.longest = 1};
  size_t bytes, count;
  UFI_TRY(plan_axes(ctx, &w.plan));
  UFI_TRY(plan_lengths(ctx, &w.plan));
  if (out->size) memset(out->data, 0, out->size);
  if (out->count == 0 || in->count == 0) return UF_OK;
  memcpy(w.dims, in->dims, sizeof w.dims);
  for (int32_t i = 0; i < w.plan.n; i++) {
    w.dims[w.plan.axes[i]] = w.plan.lengths[i];
    w.longest = UFI_MAX(w.longest, w.plan.lengths[i]);
  }
  if (!ufi_shape_count(in->rank, w.dims, &w.count) ||
      !ufi_mul_size((size_t)(UFI_MAX(w.count, in->count) + w.longest), 2, &count) ||
      !ufi_mul_size(count, sizeof(cx), &bytes))
    return ufi_no_memory(ctx->error, SIZE_MAX);
  cx *x = ufi_malloc(bytes);
  if (x == NULL) return ufi_no_memory(ctx->error, bytes);
  uf_status status = run_fft(ctx, &w, x, x + w.count + 2 * w.longest);
  ufi_free(x);
  return status;
}

const ufi_op_def ufi_op_FFT = {
  .attrs_size = sizeof(fft_attrs), .attrs_tf = fft_attrs_tf, .infer = fft_infer, .eval = fft_eval,
};
