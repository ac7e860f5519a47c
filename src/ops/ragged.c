/* SPDX-License-Identifier: Apache-2.0
 *
 * ragged.c: ragged tensors as nested row splits and flat values: ranges, rows by index, to sparse and
 * dense ones, into variants and back.
 *
 * Splits of n rows are n + 1 numbers that begin with 0 and never fall; the last is the number of rows
 * (or values) of the next level.
 */
#include "ops/move.h"
#include "ops/sparse.h"

static void put_int(uf_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT64) ((int64_t *)t->data)[i] = value;
  else ((int32_t *)t->data)[i] = (int32_t)value;
}

static bool is_index(const ufi_tensor *t) { return t->dtype == UF_INT32 || t->dtype == UF_INT64; }

/* That splits begin at 0, never fall, and end with `end`. */
static uf_status check_splits(ufi_ctx *ctx, const ufi_tensor *splits, int64_t end) {
  bool good = is_index(splits) && splits->rank == 1 && splits->count >= 1 && ufi_move_index(splits, 0) == 0;
  for (int64_t i = 1; good && i < splits->count; i++) good = ufi_move_index(splits, i) >= ufi_move_index(splits, i - 1);
  if (good && ufi_move_index(splits, splits->count - 1) == end) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Invalid ragged splits: expected '%s' to begin with 0, to be in ascending order and to end with %lld, found others", splits->name, (long long)end);
}

/* ---- ranges --------------------------------------------------------------------------------------- */

static double number(const ufi_tensor *t, int64_t i) { return t->dtype == UF_FLOAT32 ? ((const float *)t->data)[i] : ((const double *)t->data)[i]; }

static uf_status range_size(ufi_ctx *ctx, int64_t row, int64_t *size_out) {
  const ufi_tensor *in[3] = {ctx->in[0], ctx->in[1], ctx->in[2]};
  bool whole = in[0]->dtype == UF_INT32 || in[0]->dtype == UF_INT64;
  int64_t at[3];
  double size;
  for (int k = 0; k < 3; k++) at[k] = in[k]->rank ? row : 0;
  if (whole) {
    int64_t start = ufi_move_index(in[0], at[0]), limit = ufi_move_index(in[1], at[1]), delta = ufi_move_index(in[2], at[2]);
    if (delta == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Requires delta != 0: expected another, found 0");
    __int128 span = delta > 0 ? (__int128)limit - start : (__int128)start - limit, step = delta > 0 ? delta : -(__int128)delta;
    size = span <= 0 ? 0 : (double)((span + step - 1) / step);
  } else {
    double start = number(in[0], at[0]), limit = number(in[1], at[1]), delta = number(in[2], at[2]);
    if (delta == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Requires delta != 0: expected another, found 0");
    size = (delta > 0 && start > limit) || (delta < 0 && start < limit) ? 0 : __builtin_ceil(__builtin_fabs((limit - start) / delta));
  }
  if (!(size < 2147483648.0)) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Requires ((limit - start) / delta) <= 2147483647: found more");
  *size_out = (int64_t)size;
  return UF_OK;
}

static void range_fill(const ufi_ctx *ctx, int64_t row, int64_t n, uf_tensor *out, int64_t at) {
  const ufi_tensor *start = ctx->in[0], *delta = ctx->in[2];
  int64_t s = start->rank ? row : 0, d = delta->rank ? row : 0;
  for (int64_t i = 0; i < n; i++) {
    switch (out->dtype) { /* each from the one before, as TensorFlow's loop */
      case UF_FLOAT32: ((float *)out->data)[at + i] = i ? ((float *)out->data)[at + i - 1] + ((const float *)delta->data)[d] : ((const float *)start->data)[s]; break;
      case UF_FLOAT64: ((double *)out->data)[at + i] = i ? ((double *)out->data)[at + i - 1] + ((const double *)delta->data)[d] : ((const double *)start->data)[s]; break;
      default: put_int(out, at + i, ufi_move_index(start, s) + i * ufi_move_index(delta, d)); break;
    }
  }
}

static uf_status range_eval(ufi_ctx *ctx) {
  uf_tensor splits, values;
  int64_t rows = 1, total = 0, n;
  bool vectors = false;
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  for (int k = 0; k < 3; k++) {
    const ufi_tensor *t = ctx->in[k];
    UFI_TRY(ufi_want_in(ctx, k, UF_INT32, UF_INT64, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
    UFI_TRY(ufi_want_same(ctx, t, ctx->out[1]));
    if (t->rank > 1 || (t->rank == 1 && vectors && t->count != rows)) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "starts, limits, and deltas must have the same shape: expected scalars or vectors of one length, found rank %d", (int)t->rank);
    }
    if (t->rank == 1) rows = t->count;
    vectors = vectors || t->rank == 1;
  }
  n = rows + 1;
  UFI_TRY(ufi_new_tensor(ctx, ctx->out[0]->dtype, 1, &n, &splits));
  uf_status status = UF_OK;
  for (int64_t r = 0; status == UF_OK && r < rows; r++) {
    int64_t size = 0;
    status = range_size(ctx, r, &size);
    total += size;
    put_int(&splits, r + 1, total);
  }
  if (status == UF_OK && splits.dtype == UF_INT32 && total > INT32_MAX) status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected fewer than 2^31 values, found more");
  if (status == UF_OK) status = ufi_new_tensor(ctx, ctx->out[1]->dtype, 1, &total, &values);
  for (int64_t r = 0, at = 0; status == UF_OK && r < rows; r++) {
    int64_t size = 0;
    if (range_size(ctx, r, &size) == UF_OK) range_fill(ctx, r, size, &values, at);
    at += size;
  }
  if (status == UF_OK) status = ufi_out_take(ctx, 0, &splits);
  else uf_tensor_release(&splits);
  return status == UF_OK ? ufi_out_take(ctx, 1, &values) : status;
}

const ufi_op_def ufi_op_RAGGED_RANGE = {.infer = ufi_nothing, .eval = range_eval};

/* ---- rows by index ------------------------------------------------------------------------------------ */

/* Inputs: nested splits, flat values, indices. Outputs: splits of the indices' inner shape, then of the
 * rows, then values. */
static uf_status check_nested(ufi_ctx *ctx, int32_t levels, const ufi_tensor *values) {
  if (values->rank < 1) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected flat values of rank 1 or more, found a scalar");
  for (int32_t k = 0; k < levels; k++) {
    int64_t end = k + 1 < levels ? ctx->in[k + 1]->count - 1 : values->dims[0];
    UFI_TRY(check_splits(ctx, ctx->in[k], end));
  }
  return UF_OK;
}

/* Splits of rows [begin[i], end[i]) of a level, which then names the rows of the next. */
static uf_status pick_level(ufi_ctx *ctx, const ufi_tensor *splits, int64_t n, int64_t **begin, int64_t **end, uf_tensor *out) {
  int64_t total = 0, at = 0;
  for (int64_t i = 0; i < n; i++) total += (*end)[i] - (*begin)[i];
  int64_t count = total + 1;
  UFI_TRY(ufi_new_tensor(ctx, splits->dtype, 1, &count, out));
  int64_t sum = 0;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t r = (*begin)[i]; r < (*end)[i]; r++) {
      sum += ufi_move_index(splits, r + 1) - ufi_move_index(splits, r);
      put_int(out, ++at, sum);
    }
    (*begin)[i] = ufi_move_index(splits, (*begin)[i]);
    (*end)[i] = ufi_move_index(splits, (*end)[i]);
  }
  return UF_OK;
}

static uf_status gather_rows(ufi_ctx *ctx, int32_t levels, int64_t *begin, int64_t *end) {
  const ufi_tensor *values = ctx->in[levels], *indices = ctx->in[levels + 1];
  int64_t n = indices->count, total = 0, dims[UF_MAX_RANK];
  int32_t extra = indices->rank - 1, at = 0;
  size_t row = values->dims[0] ? values->size / (size_t)values->dims[0] : 0;
  uf_tensor t;
  for (int32_t d = 0; d < extra; d++) { /* uniform splits of the indices' own dimensions */
    int64_t rows = ufi_move_span(indices->dims, 0, d + 1), count = rows + 1;
    UFI_TRY(ufi_new_tensor(ctx, ctx->in[0]->dtype, 1, &count, &t));
    for (int64_t r = 0; r < count; r++) put_int(&t, r, r * indices->dims[d + 1]);
    UFI_TRY(ufi_out_take(ctx, at++, &t));
  }
  for (int32_t k = 0; k < levels; k++) {
    UFI_TRY(pick_level(ctx, ctx->in[k], n, &begin, &end, &t));
    UFI_TRY(ufi_out_take(ctx, at++, &t));
  }
  for (int64_t i = 0; i < n; i++) total += end[i] - begin[i];
  memcpy(dims, values->dims, sizeof dims);
  dims[0] = total;
  UFI_TRY(ufi_new_tensor(ctx, values->dtype, values->rank, dims, &t));
  for (int64_t i = 0, to = 0; i < n && row; i++) {
    memcpy((char *)t.data + (size_t)to * row, (const char *)values->data + (size_t)begin[i] * row, (size_t)(end[i] - begin[i]) * row);
    to += end[i] - begin[i];
  }
  return ufi_out_take(ctx, at, &t);
}

static uf_status gather_eval(ufi_ctx *ctx) {
  int32_t levels = ctx->n_in - 2;
  const ufi_tensor *indices = ctx->in[ctx->n_in - 1];
  if (levels < 1 || indices->rank < 1 || ctx->n_out != indices->rank - 1 + levels + 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices whose rank fits OUTPUT_RAGGED_RANK, found rank %d", (int)indices->rank);
  }
  UFI_TRY(ufi_want_in(ctx, ctx->n_in - 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(check_nested(ctx, levels, ctx->in[levels]));
  int64_t n = indices->count, limit = ctx->in[0]->count - 1;
  int64_t *begin = ufi_malloc((size_t)n * 2 * sizeof *begin + 1);
  if (begin == NULL) return ufi_no_memory(ctx->error, (size_t)n * 2 * sizeof *begin);
  uf_status status = UF_OK;
  for (int64_t i = 0; status == UF_OK && i < n; i++) {
    begin[i] = ufi_move_index(indices, i);
    begin[n + i] = begin[i] + 1;
    if (begin[i] < 0 || begin[i] >= limit) {
      status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "indices[%lld] = %lld is not in [0, %lld): expected a row", (long long)i, (long long)begin[i], (long long)limit);
    }
  }
  if (status == UF_OK) status = gather_rows(ctx, levels, begin, begin + n);
  ufi_free(begin);
  return status;
}

const ufi_op_def ufi_op_RAGGED_GATHER = {.infer = ufi_nothing, .eval = gather_eval};

/* ---- to sparse ------------------------------------------------------------------------------------------ */

static uf_status to_sparse_eval(ufi_ctx *ctx) {
  int32_t levels = ctx->n_in - 1;
  const ufi_tensor *values = ctx->in[levels];
  ufi_sparse_out o;
  int64_t dims[UF_MAX_RANK], at[UF_MAX_RANK] = {0};
  if (levels < 1 || levels + values->rank > UF_MAX_RANK) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %d dimensions, found %d", UF_MAX_RANK, (int)(levels + values->rank));
  UFI_TRY(check_nested(ctx, levels, values));
  dims[0] = ctx->in[0]->count - 1;
  for (int32_t k = 0; k < levels; k++) {
    dims[k + 1] = 0;
    for (int64_t r = 1; r < ctx->in[k]->count; r++) dims[k + 1] = UFI_MAX(dims[k + 1], ufi_move_index(ctx->in[k], r) - ufi_move_index(ctx->in[k], r - 1));
  }
  memcpy(dims + levels + 1, values->dims + 1, (size_t)(values->rank - 1) * sizeof dims[0]);
  UFI_TRY(ufi_sparse_begin(ctx, &o, values->dtype, values->count, levels + values->rank));
  int64_t inner = ufi_move_span(values->dims, 1, values->rank);
  for (int64_t i = 0; i < values->dims[0]; i++) {
    int64_t row = i; /* from the innermost level outwards: at[k] is the row of level k that holds it */
    int64_t place[UF_MAX_RANK];
    for (int32_t k = levels - 1; k >= 0; k--) {
      while (ufi_move_index(ctx->in[k], at[k] + 1) <= row) at[k]++;
      place[k + 1] = row - ufi_move_index(ctx->in[k], at[k]);
      row = at[k];
    }
    place[0] = row;
    for (int64_t j = 0; j < inner; j++) {
      int64_t *to = ufi_sparse_add(&o, ufi_element(values, i * inner + j)), rest = j;
      memcpy(to, place, (size_t)(levels + 1) * sizeof *to);
      for (int32_t d = values->rank - 1; d > 0; d--) {
        to[levels + d] = rest % values->dims[d];
        rest /= values->dims[d];
      }
    }
  }
  return ufi_sparse_end(ctx, &o, 0, 1, 2, dims);
}

const ufi_op_def ufi_op_RAGGED_TENSOR_TO_SPARSE = {.infer = ufi_nothing, .eval = to_sparse_eval};

/* ---- to dense -------------------------------------------------------------------------------------------- */

enum { FIRST_DIM_SIZE, VALUE_ROWIDS, ROW_SPLITS };
typedef struct dense_attrs {
  int32_t n;
  uint8_t kind[UF_MAX_RANK];
} dense_attrs;

static uf_status dense_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const words[] = {"FIRST_DIM_SIZE", "VALUE_ROWIDS", "ROW_SPLITS"};
  dense_attrs *a = attrs;
  const uf_attr *types = ufi_tf_attr(from, "row_partition_types");
  if (!types || types->kind != UF_ATTR_STRINGS || types->n < 1 || types->n > UF_MAX_RANK) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected 1 to %d row_partition_types, found others", UF_MAX_RANK);
  a->n = types->n;
  for (int32_t i = 0; i < a->n; i++) {
    a->kind[i] = 255;
    for (uint8_t k = 0; k < 3; k++) {
      if (types->strings[i].size == strlen(words[k]) && memcmp(types->strings[i].data, words[k], strlen(words[k])) == 0) a->kind[i] = k;
    }
    bool good = a->kind[i] != 255 && (a->kind[i] != FIRST_DIM_SIZE || i == 0);
    if (!good) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected FIRST_DIM_SIZE (first only), VALUE_ROWIDS or ROW_SPLITS, found '%.40s'", types->strings[i].data);
  }
  return UF_OK;
}

/* The partitions that split rows; behind FIRST_DIM_SIZE if there is one. */
static int32_t first_partition(const dense_attrs *a) { return a->kind[0] == FIRST_DIM_SIZE ? 1 : 0; }

/* Row of each of the values of a level (n of them), given how many rows there are (-1: as many as named). */
static uf_status rows_of_level(ufi_ctx *ctx, int32_t p, int64_t *n_rows, int64_t **rows_out, int64_t *n_out) {
  const dense_attrs *a = ctx->attrs;
  const ufi_tensor *t = ctx->in[3 + p];
  UFI_TRY(ufi_want_rank(ctx, t, 1, 1));
  UFI_TRY(ufi_want_in(ctx, 3 + p, UF_INT32, UF_INT64, UF_INVALID));
  bool splits = a->kind[p] == ROW_SPLITS;
  if (splits) UFI_TRY(check_splits(ctx, t, t->count ? ufi_move_index(t, t->count - 1) : 0));
  int64_t n = splits ? ufi_move_index(t, t->count - 1) : t->count;
  if (n > (int64_t)1 << 40) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected fewer rows, found %lld", (long long)n);
  int64_t *rows = ufi_malloc((size_t)n * sizeof *rows + 1);
  if (rows == NULL) return ufi_no_memory(ctx->error, (size_t)n * sizeof *rows);
  if (splits) {
    for (int64_t r = 0; r + 1 < t->count; r++) {
      for (int64_t i = ufi_move_index(t, r); i < ufi_move_index(t, r + 1); i++) rows[i] = r;
    }
    if (*n_rows < 0) *n_rows = t->count - 1;
  } else {
    for (int64_t i = 0; i < n; i++) rows[i] = ufi_move_index(t, i);
    if (*n_rows < 0) *n_rows = n ? rows[n - 1] + 1 : 0;
  }
  *rows_out = rows;
  *n_out = n;
  for (int64_t i = 0; i < n; i++) {
    if (rows[i] >= 0 && rows[i] < *n_rows && (i == 0 || rows[i] >= rows[i - 1])) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected row ids in ascending order in [0, %lld), found %lld", (long long)*n_rows, (long long)rows[i]);
  }
  return UF_OK;
}

typedef struct dense_job {
  int32_t n;                     /* partitions that split */
  int64_t *rows[UF_MAX_RANK];    /* by partition */
  int64_t count[UF_MAX_RANK];    /* values of each */
  int64_t first;                 /* rows of the outermost */
  int64_t dims[UF_MAX_RANK];     /* of the result */
  int32_t rank;
} dense_job;

static uf_status read_partitions(ufi_ctx *ctx, dense_job *j) {
  const dense_attrs *a = ctx->attrs;
  int32_t skip = first_partition(a);
  int64_t n_rows = -1;
  int32_t one;
  if (skip) UFI_TRY(ufi_read_ints(ctx, ctx->in[3], &n_rows, 1, &one));
  j->first = n_rows;
  for (int32_t p = skip; p < a->n; p++) {
    int32_t k = j->n++;
    UFI_TRY(rows_of_level(ctx, p, &n_rows, &j->rows[k], &j->count[k]));
    if (k == 0) j->first = n_rows;
    n_rows = j->count[k];
  }
  return n_rows == ctx->in[1]->dims[0] ? UF_OK
       : ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many values as the last partition has, %lld, found %lld", (long long)n_rows, (long long)ctx->in[1]->dims[0]);
}

/* Extents of the result: what `shape` says, else the longest row. */
static uf_status dense_dims(ufi_ctx *ctx, dense_job *j) {
  const ufi_tensor *values = ctx->in[1];
  uf_shape want;
  UFI_TRY(ufi_in_partial(ctx, 0, &want));
  j->rank = 1 + j->n + values->rank - 1;
  if (j->rank > UF_MAX_RANK || (want.rank >= 0 && want.rank != j->rank)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape of rank %d, found %d", (int)j->rank, (int)want.rank);
  }
  j->dims[0] = j->first;
  for (int32_t k = 0; k < j->n; k++) {
    int64_t run = 0, longest = 0;
    for (int64_t i = 0; i < j->count[k]; i++) {
      run = i && j->rows[k][i] == j->rows[k][i - 1] ? run + 1 : 1;
      longest = UFI_MAX(longest, run);
    }
    j->dims[k + 1] = longest;
  }
  for (int32_t d = 1; d < values->rank; d++) j->dims[j->n + d] = values->dims[d];
  for (int32_t d = 0; d < j->rank && want.rank >= 0; d++) {
    if (want.dims[d] < 0) continue;
    if (d > j->n && want.dims[d] != j->dims[d]) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extent %lld of dimension %d, found %lld", (long long)j->dims[d], (int)d, (long long)want.dims[d]);
    j->dims[d] = want.dims[d];
  }
  return UF_OK;
}

/* The default, broadcast to the values' inner shape, everywhere. */
static uf_status dense_fill(ufi_ctx *ctx, const dense_job *j, uf_tensor *out) {
  const ufi_tensor *values = ctx->in[1], *fallback = ctx->in[2];
  int64_t inner[UF_MAX_RANK], size = (int64_t)uf_dtype_bits(out->dtype) / 8, count = ufi_move_span(values->dims, 1, values->rank);
  int32_t rank = values->rank - 1;
  bool fits = fallback->rank <= rank;
  for (int32_t d = 0; fits && d < fallback->rank; d++) fits = fallback->dims[d] == 1 || fallback->dims[d] == values->dims[d + 1 + rank - fallback->rank];
  if (!fits) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a default that broadcasts to the inner shape of the values, found rank %d", (int)fallback->rank);
  ufi_move_steps(fallback->rank, fallback->dims, inner);
  int64_t total = uf_tensor_count(out);
  for (int64_t i = 0; i < total && count; i++) {
    int64_t rest = i % count, at = 0;
    for (int32_t d = rank - 1; d >= 0; d--) {
      int64_t index = rest % values->dims[d + 1];
      int32_t to = d - (rank - fallback->rank);
      rest /= values->dims[d + 1];
      if (to >= 0 && fallback->dims[to] != 1) at += index * inner[to];
    }
    memcpy((char *)out->data + i * size, (const char *)fallback->data + at * size, (size_t)size);
  }
  return UF_OK;
}

/* Where each row of a level lies in the result, in rows of it; -1: cut off. */
static void dense_place(const dense_job *j, int32_t k, const int64_t *before, int64_t *place) {
  int64_t run = 0;
  for (int64_t i = 0; i < j->count[k]; i++) {
    int64_t row = j->rows[k][i], outer = k == 0 ? (row < j->dims[0] ? row : -1) : before[row];
    run = i && row == j->rows[k][i - 1] ? run + 1 : 0;
    place[i] = outer < 0 || run >= j->dims[k + 1] ? -1 : outer * j->dims[k + 1] + run;
  }
}

static uf_status dense_run(ufi_ctx *ctx, dense_job *j, uf_tensor *out) {
  const ufi_tensor *values = ctx->in[1];
  int64_t *place = NULL;
  for (int32_t k = 0; k < j->n; k++) {
    int64_t *next = ufi_malloc((size_t)j->count[k] * sizeof *next + 1);
    if (next) dense_place(j, k, place, next);
    ufi_free(place);
    place = next;
    if (place == NULL) return ufi_no_memory(ctx->error, (size_t)j->count[k]);
  }
  size_t row = values->dims[0] ? values->size / (size_t)values->dims[0] : 0;
  for (int64_t i = 0; i < values->dims[0] && row; i++) {
    int64_t at = place ? place[i] : i < j->dims[0] ? i : -1;
    if (at >= 0) memcpy((char *)out->data + (size_t)at * row, (const char *)values->data + (size_t)i * row, row);
  }
  ufi_free(place);
  return UF_OK;
}

static uf_status dense_eval(ufi_ctx *ctx) {
  const dense_attrs *a = ctx->attrs;
  const ufi_tensor *values = ctx->in[1];
  dense_job j = {0};
  uf_tensor out;
  if (ctx->n_in != 3 + a->n || values->rank < 1 || uf_dtype_bits(values->dtype) < 8) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d partitions and values of rank 1 or more, found rank %d", (int)a->n, (int)values->rank);
  uf_status status = read_partitions(ctx, &j);
  if (status == UF_OK) status = dense_dims(ctx, &j);
  if (status == UF_OK) status = ufi_new_tensor(ctx, values->dtype, j.rank, j.dims, &out);
  if (status == UF_OK) {
    status = dense_fill(ctx, &j, &out);
    if (status == UF_OK) status = dense_run(ctx, &j, &out);
    if (status == UF_OK) status = ufi_out_take(ctx, 0, &out);
    else uf_tensor_release(&out);
  }
  for (int32_t k = 0; k < j.n; k++) ufi_free(j.rows[k]);
  return status;
}

const ufi_op_def ufi_op_RAGGED_TENSOR_TO_TENSOR = {
  .attrs_size = sizeof(dense_attrs), .attrs_tf = dense_tf, .infer = ufi_nothing, .eval = dense_eval,
};
