/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_diag.c: MatrixDiagV2/V3, MatrixDiagPart/V2/V3, MatrixSetDiagV2/V3 (bands of diagonals),
 * MatrixBandPart, Diag, DiagPart.
 *
 * Diagonal k of a matrix are its elements (i, i + k). A band k0..k1 is kept as rows, the diagonal
 * k1 first; those shorter than the longest are at the right or at the left, as `align` says of
 * the diagonals above (k > 0, first word) and below (second word), and of the main one "left"
 * when either word is, but a band's main diagonal is the longest, or as long as there is room.
 */
#include "ops/move.h"

typedef struct diag_attrs {
  bool right_above, right_below;   /* aligned to the right */
} diag_attrs;

static uf_status diag_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const aligns[] = {"LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT", NULL};
  diag_attrs *a = memory;
  int32_t align = 2; /* before V3: all to the left */
  if (ufi_tf_attr(from, "align")) UFI_TRY(ufi_tf_choice(from, "align", aligns, &align, error));
  a->right_above = align == 1 || align == 3;
  a->right_below = align == 0 || align == 3;
  return UF_OK;
}

typedef struct band {
  int64_t low, high;       /* diagonals, by k */
  int64_t rows, columns;   /* of a matrix */
  int64_t longest;         /* row of the packed band */
} band;

/* Input i: one k, or two. */
static uf_status read_band(ufi_ctx *ctx, int32_t i, band *b) {
  const ufi_tensor *t = ctx->in[i];
  int64_t k[2];
  int32_t n = 0;
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INVALID));
  if (t->rank > 1 || t->count < 1 || t->count > 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one or two diagonals, found %lld values", (long long)t->count);
  UFI_TRY(ufi_read_ints(ctx, t, k, 2, &n));
  b->low = k[0];
  b->high = k[n - 1];
  if (b->low > b->high)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected the lower diagonal first, found %lld and %lld",
                        (long long)b->low, (long long)b->high);
  return UF_OK;
}

static int64_t length_of(const band *b, int64_t k) {
  return UFI_MIN(b->rows + UFI_MIN(k, (int64_t)0), b->columns - UFI_MAX(k, (int64_t)0));
}

/* That the diagonals are in a matrix of the band's rows and columns. */
static uf_status check_band(ufi_ctx *ctx, band *b) {
  bool inside = (b->low > -b->rows && b->low < b->columns) || b->low == 0;
  inside = inside && ((b->high > -b->rows && b->high < b->columns) || b->high == 0);
  if (!inside)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected diagonals in (%lld, %lld), found %lld to %lld",
                        (long long)-b->rows, (long long)b->columns, (long long)b->low, (long long)b->high);
  b->longest = UFI_MIN(b->rows + UFI_MIN(b->high, (int64_t)0), b->columns - UFI_MAX(b->low, (int64_t)0));
  return UF_OK;
}

/* Moves every diagonal of `batch` matrices, from or into packed rows. */
static void move_band(ufi_ctx *ctx, const band *b, int64_t batch, const void *from, void *to, bool pack) {
  const diag_attrs *a = ctx->attrs;
  const int64_t count = b->high - b->low + 1;
  for (int64_t k = b->high; k >= b->low; k--) {
    const int64_t n = length_of(b, k);
    if (n <= 0) continue;
    const bool right = (k >= 0 && a->right_above) || (k <= 0 && a->right_below);
    const int64_t packed = (b->high - k) * b->longest + (right ? b->longest - n : 0);
    const int64_t matrix = k < 0 ? -k * b->columns : k;
    ufi_move move = {.in_at = pack ? matrix : packed, .out_at = pack ? packed : matrix};
    const int64_t matrix_size = b->rows * b->columns, packed_size = count * b->longest;
    ufi_move_dim(&move, batch, pack ? matrix_size : packed_size, pack ? packed_size : matrix_size);
    ufi_move_dim(&move, n, pack ? b->columns + 1 : 1, pack ? 1 : b->columns + 1);
    ufi_move_run(&move, ctx->out[0]->dtype, to, from, ctx->pool);
  }
}

static uf_status check_padding(ufi_ctx *ctx, int32_t i) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[i]));
  if (ctx->in[i]->count != 1 || uf_dtype_bits(ctx->in[i]->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one padding value of whole bytes, found %lld of %s",
                        (long long)ctx->in[i]->count, uf_dtype_name(ctx->in[i]->dtype));
  return UF_OK;
}

/* ---- MatrixDiagPart: input; V2, V3: input, k, padding --------------------------------------------- */

static uf_status part_band(ufi_ctx *ctx, band *b) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_rank(ctx, in, 2, UF_MAX_RANK));
  *b = (band){.rows = in->dims[in->rank - 2], .columns = in->dims[in->rank - 1]};
  if (ctx->n_in > 1) UFI_TRY(read_band(ctx, 1, b));
  return check_band(ctx, b);
}

static uf_status part_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  band b;
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (ctx->n_in > 1) UFI_TRY(check_padding(ctx, 2));
  if (ctx->n_in > 1 && !ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(part_band(ctx, &b));
  int32_t rank = in->rank - 2;
  memcpy(dims, in->dims, sizeof dims);
  if (b.high > b.low) dims[rank++] = b.high - b.low + 1;
  dims[rank++] = b.longest;
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status part_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  band b;
  UFI_TRY(part_band(ctx, &b));
  if (out->count == 0) return UF_OK;
  if (ctx->n_in > 1) ufi_move_fill(out->dtype, out->data, 0, ctx->in[2]->data, out->count);
  move_band(ctx, &b, ufi_move_span(in->dims, 0, in->rank - 2), in->data, out->data, true);
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_DIAG_PART = {
  .attrs_size = sizeof(diag_attrs), .attrs_tf = diag_tf, .infer = part_infer, .eval = part_eval,
};

/* ---- MatrixDiagV2, V3: diagonal, k, rows, columns, padding ------------------------------------------ */

static uf_status one_int(ufi_ctx *ctx, int32_t i, int64_t *out) {
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INVALID));
  return ufi_move_ints(ctx, ctx->in[i], 1, out);
}

/* Rows or columns that are not given (-1) become as few as the diagonals need. */
static uf_status diag_band(ufi_ctx *ctx, band *b) {
  const ufi_tensor *in = ctx->in[0];
  int64_t longest;
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  *b = (band){0};
  UFI_TRY(read_band(ctx, 1, b));
  UFI_TRY(one_int(ctx, 2, &b->rows));
  UFI_TRY(one_int(ctx, 3, &b->columns));
  longest = in->dims[in->rank - 1];
  int64_t count = b->high - b->low + 1;
  if (count > 1 && (in->rank < 2 || in->dims[in->rank - 2] != count))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld diagonals in the last but one dimension, found %lld",
                        (long long)count, (long long)(in->rank < 2 ? 1 : in->dims[in->rank - 2]));
  int64_t least_rows = longest - UFI_MIN(b->high, (int64_t)0), least_columns = longest + UFI_MAX(b->low, (int64_t)0);
  if (b->rows == -1 && b->columns == -1) b->rows = b->columns = UFI_MAX(least_rows, least_columns);
  else if (b->rows == -1) b->rows = least_rows;
  else if (b->columns == -1) b->columns = least_columns;
  bool fits = b->rows >= least_rows && b->columns >= least_columns && (b->rows == least_rows || b->columns == least_columns);
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at least %lld rows and %lld columns, and one of them exactly, "
                        "found %lld and %lld", (long long)least_rows, (long long)least_columns, (long long)b->rows,
                        (long long)b->columns);
  b->longest = longest; /* of those inside; diagonals outside the matrix are fine, and dropped */
  return UF_OK;
}

static uf_status diag_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK + 1];
  band b;
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  UFI_TRY(check_padding(ctx, 4));
  for (int32_t i = 1; i < 4; i++)
    if (!ufi_known(ctx, i)) return UF_OK;
  UFI_TRY(diag_band(ctx, &b));
  int32_t rank = in->rank - (b.high > b.low ? 2 : 1);
  memcpy(dims, in->dims, sizeof in->dims);
  dims[rank++] = b.rows;
  dims[rank++] = b.columns;
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status diag_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  band b;
  UFI_TRY(diag_band(ctx, &b));
  if (out->count == 0) return UF_OK;
  ufi_move_fill(out->dtype, out->data, 0, ctx->in[4]->data, out->count);
  if (in->count) move_band(ctx, &b, ufi_move_span(out->dims, 0, out->rank - 2), in->data, out->data, false);
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_DIAG_BAND = {
  .attrs_size = sizeof(diag_attrs), .attrs_tf = diag_tf, .infer = diag_infer, .eval = diag_eval,
};

/* ---- MatrixSetDiagV2, V3: input, diagonal, k --------------------------------------------------------- */

static uf_status set_band(ufi_ctx *ctx, band *b) {
  const ufi_tensor *in = ctx->in[0], *diagonal = ctx->in[1];
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_rank(ctx, in, 2, UF_MAX_RANK));
  *b = (band){.rows = in->dims[in->rank - 2], .columns = in->dims[in->rank - 1]};
  UFI_TRY(read_band(ctx, 2, b));
  UFI_TRY(check_band(ctx, b));
  int32_t rank = in->rank - 2;
  memcpy(dims, in->dims, sizeof dims);
  if (b->high > b->low) dims[rank++] = b->high - b->low + 1;
  dims[rank++] = b->longest;
  if (rank == diagonal->rank && memcmp(dims, diagonal->dims, (size_t)rank * sizeof dims[0]) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected diagonals of shape %s, found %s",
                      ufi_shape_text(rank, dims, want), ufi_shape_text(diagonal->rank, diagonal->dims, found));
}

static uf_status set_infer(ufi_ctx *ctx) {
  band b;
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  if (ufi_known(ctx, 2)) UFI_TRY(set_band(ctx, &b));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status set_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  band b;
  UFI_TRY(set_band(ctx, &b));
  ufi_move_all(out, in);
  if (out->count) move_band(ctx, &b, ufi_move_span(in->dims, 0, in->rank - 2), ctx->in[1]->data, out->data, false);
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_SET_BAND = {
  .attrs_size = sizeof(diag_attrs), .attrs_tf = diag_tf, .infer = set_infer, .eval = set_eval,
};

/* ---- MatrixBandPart: input, lower, upper: all but these many diagonals become 0 ----------------------- */

static uf_status band_part_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 2, UF_MAX_RANK));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  for (int32_t i = 1; i < 3; i++) UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status band_part_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t rows = in->dims[in->rank - 2], columns = in->dims[in->rank - 1];
  int64_t lower, upper;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &lower));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &upper));
  if (lower > rows || upper > columns)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %lld lower and %lld upper diagonals, found %lld and "
                        "%lld", (long long)rows, (long long)columns, (long long)lower, (long long)upper);
  if (out->count == 0) return UF_OK;
  memset(out->data, 0, out->size);
  const int64_t batch = ufi_move_span(in->dims, 0, in->rank - 2);
  for (int64_t i = 0; i < batch * rows; i++) {
    const int64_t row = i % rows, begin = lower < 0 ? 0 : UFI_MAX(row - lower, (int64_t)0);
    const int64_t end = upper < 0 ? columns : UFI_MIN(row + upper + 1, columns);
    ufi_move_run_flat(in->dtype, out->data, i * columns + begin, in->data, i * columns + begin, end - begin);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MATRIX_BAND_PART = {.infer = band_part_infer, .eval = band_part_eval};

/* ---- Diag (shape doubled), DiagPart (halved) ---------------------------------------------------------------- */

static uf_status tensor_diag_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK / 2));
  for (int32_t d = 0; d < 2 * in->rank; d++) dims[d] = in->dims[d % in->rank];
  return ufi_out_shape(ctx, 0, 2 * in->rank, dims);
}

static uf_status tensor_diag_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  ufi_move move = {0};
  if (out->size) memset(out->data, 0, out->size);
  ufi_move_dim(&move, in->count, 1, in->count + 1);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_DIAG = {.infer = tensor_diag_infer, .eval = tensor_diag_eval};

static uf_status tensor_part_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  char text[UFI_SHAPE_TEXT];
  const int32_t half = in->rank / 2;
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (in->rank == 0 || in->rank % 2 || memcmp(in->dims, in->dims + half, (size_t)half * sizeof in->dims[0]) != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape that is one shape twice, found %s",
                        ufi_shape_text(in->rank, in->dims, text));
  return ufi_out_shape(ctx, 0, half, in->dims);
}

static uf_status tensor_part_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  ufi_move move = {0};
  ufi_move_clear(out);
  ufi_move_dim(&move, out->count, out->count + 1, 1);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_DIAG_PART = {.infer = tensor_part_infer, .eval = tensor_part_eval};
