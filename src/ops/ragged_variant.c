/* SPDX-License-Identifier: Apache-2.0
 *
 * ragged_variant.c: ragged tensors into variants, whole or row by row, and back.
 *
 * A variant holds nested splits, outermost first, then the flat values.
 */
#include "ops/move.h"
#include "ops/object.h"

typedef struct ragged_attrs {
  int64_t in_rank, out_rank;
  bool batched;
} ragged_attrs;

static uf_status ragged_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ragged_attrs *a = attrs;
  a->in_rank = ufi_tf_int(from, "input_ragged_rank");
  a->out_rank = ufi_tf_int(from, "output_ragged_rank");
  a->batched = ufi_tf_bool(from, "batched_input");
  return UF_OK;
}

static void put_int(uf_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT64) ((int64_t *)t->data)[i] = value;
  else ((int32_t *)t->data)[i] = (int32_t)value;
}

static int64_t int_at(const uf_tensor *t, int64_t i) { return t->dtype == UF_INT64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i]; }

static uf_status bad_splits(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Invalid ragged splits: expected vectors in ascending order from 0 to the rows of the next level, found others");
}

/* ---- into variants ------------------------------------------------------------------------------ */

/* Splits [begin, end] of a level, from 0 on, into the variant; begin and end become rows of the next. */
static uf_status push_splits(ufi_ctx *ctx, ufi_variant *v, const ufi_tensor *splits, int64_t *begin, int64_t *end) {
  int64_t n = *end - *begin + 1, first = ufi_move_index(splits, *begin);
  uf_tensor t;
  UFI_TRY(ufi_new_tensor(ctx, splits->dtype, 1, &n, &t));
  for (int64_t i = 0; i < n; i++) put_int(&t, i, ufi_move_index(splits, *begin + i) - first);
  uf_status status = ufi_variant_push(ctx, v, &t, true);
  uf_tensor_release(&t);
  *end = ufi_move_index(splits, *end);
  *begin = first;
  return status;
}

/* Row `row` of the outermost of `levels` levels (that of the values when there are none). */
static uf_status encode_row(ufi_ctx *ctx, int32_t levels, int64_t row, const uf_tensor *values, ufi_variant *v) {
  int64_t begin = row, end = row + 1;
  if (levels > 0) {
    end = ufi_move_index(ctx->in[0], row + 1);
    begin = ufi_move_index(ctx->in[0], row);
  }
  for (int32_t k = 1; k < levels; k++) UFI_TRY(push_splits(ctx, v, ctx->in[k], &begin, &end));
  uf_tensor part = levels ? ufi_tensor_rows(values, begin, end - begin) : ufi_tensor_rows(values, row, -1);
  return ufi_variant_push(ctx, v, &part, true);
}

static uf_status encode_rows(ufi_ctx *ctx, int32_t levels, const uf_tensor *values) {
  int64_t n = levels ? ctx->in[0]->count - 1 : values->dims[0];
  ufi_variant **made = ufi_calloc((size_t)n + 1, sizeof *made);
  uf_status status = made ? UF_OK : ufi_no_memory(ctx->error, (size_t)n * sizeof *made);
  for (int64_t i = 0; status == UF_OK && i < n; i++) {
    made[i] = ufi_variant_create(UFI_VARIANT_RAGGED, values->dtype);
    status = made[i] ? encode_row(ctx, levels, i, values, made[i]) : ufi_no_memory(ctx->error, sizeof **made);
  }
  if (status == UF_OK) status = ufi_out_variants(ctx, 0, 1, &n, made);
  for (int64_t i = 0; made && i < n; i++) ufi_variant_release(made[i]);
  ufi_free(made);
  return status;
}

static uf_status encode_eval(ufi_ctx *ctx) {
  const ragged_attrs *a = ctx->attrs;
  int32_t levels = ctx->n_in - 1;
  const ufi_tensor *flat = ctx->in[levels];
  uf_tensor values;
  if ((levels || a->batched) && (flat->rank < 1 || uf_dtype_bits(flat->dtype) < 8)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected flat values of rank 1 or more, found %d", (int)flat->rank);
  }
  for (int32_t k = 0; k < levels; k++) {
    const ufi_tensor *s = ctx->in[k];
    int64_t end = k + 1 < levels ? ctx->in[k + 1]->count - 1 : flat->dims[0];
    bool good = (s->dtype == UF_INT32 || s->dtype == UF_INT64) && s->rank == 1 && s->count >= 1 && ufi_move_index(s, 0) == 0 && ufi_move_index(s, s->count - 1) == end;
    for (int64_t i = 1; good && i < s->count; i++) good = ufi_move_index(s, i) >= ufi_move_index(s, i - 1);
    if (!good) return bad_splits(ctx);
  }
  UFI_TRY(ufi_keep_in(ctx, levels, &values));
  uf_status status;
  if (a->batched) {
    status = encode_rows(ctx, levels, &values);
  } else {
    ufi_variant *v = ufi_variant_create(UFI_VARIANT_RAGGED, values.dtype);
    status = v ? UF_OK : ufi_no_memory(ctx->error, sizeof *v);
    for (int32_t k = 0; status == UF_OK && k < levels; k++) {
      uf_tensor view = ufi_view(ctx->in[k]);
      status = ufi_variant_push(ctx, v, &view, ufi_may_share(ctx->in[k]));
    }
    if (status == UF_OK) status = ufi_variant_push(ctx, v, &values, true);
    if (status == UF_OK) status = ufi_out_variant(ctx, 0, v);
    else ufi_variant_release(v);
  }
  uf_tensor_release(&values);
  return status;
}

const ufi_op_def ufi_op_RAGGED_TENSOR_TO_VARIANT = {
  .attrs_size = sizeof(ragged_attrs), .attrs_tf = ragged_tf, .infer = ufi_nothing, .eval = encode_eval,
};

/* ---- and back ------------------------------------------------------------------------------------- */

static const ufi_variant *component(const ufi_ctx *ctx, int64_t i) { return ((ufi_variant *const *)ctx->in[0]->data)[i]; }

static uf_status check_components(ufi_ctx *ctx, int64_t levels) {
  const uf_tensor *first = NULL;
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    const ufi_variant *v = component(ctx, i);
    if (v == NULL || v->kind != UFI_VARIANT_RAGGED || v->items.n != levels + 1) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Encoded input RaggedTensorVariant has the wrong ragged_rank: expected %lld, found %lld", (long long)levels,
                          v ? (long long)v->items.n - 1 : -1LL);
    }
    const uf_tensor *t = ufi_items_at(&v->items, levels);
    bool fits = t->dtype == ctx->out[ctx->n_out - 1]->dtype && (t->rank >= 1 || ctx->in[0]->rank == 0);
    if (first && fits) fits = t->rank == first->rank && memcmp(t->dims + 1, first->dims + 1, (size_t)(t->rank - 1) * sizeof t->dims[0]) == 0;
    for (int64_t k = 0; fits && k < levels; k++) fits = ufi_items_at(&v->items, k)->dtype == ctx->out[0]->dtype;
    if (!fits) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected values of %s with one inner shape and splits of one dtype, found others", uf_dtype_name(ctx->out[ctx->n_out - 1]->dtype));
    first = t;
  }
  return UF_OK;
}

static int64_t rows_of(const uf_tensor *t, bool splits) { return splits ? uf_tensor_count(t) - 1 : t->dims[0]; }

/* Level k of all components, one after the other: their splits, each from where the last one ended. */
static uf_status join_splits(ufi_ctx *ctx, int64_t k, int32_t out) {
  int64_t n = 1, base = 0, at = 0;
  uf_tensor t;
  for (int64_t i = 0; i < ctx->in[0]->count; i++) n += rows_of(ufi_items_at(&component(ctx, i)->items, k), true);
  UFI_TRY(ufi_new_tensor(ctx, ctx->out[out]->dtype, 1, &n, &t));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    const uf_tensor *s = ufi_items_at(&component(ctx, i)->items, k);
    int64_t rows = rows_of(s, true);
    for (int64_t r = 1; r <= rows; r++) put_int(&t, ++at, base + int_at(s, r));
    if (rows >= 0) base += int_at(s, rows);
  }
  return ufi_out_take(ctx, out, &t);
}

static uf_status join_values(ufi_ctx *ctx, int64_t levels, int32_t out) {
  int64_t dims[UF_MAX_RANK] = {0}, n = ctx->in[0]->count;
  int32_t rank = 1;
  size_t at = 0;
  uf_tensor t;
  for (int64_t i = 0; i < n; i++) {
    const uf_tensor *v = ufi_items_at(&component(ctx, i)->items, levels);
    rank = v->rank;
    memcpy(dims + 1, v->dims + 1, (size_t)(rank - 1) * sizeof dims[0]);
    dims[0] += v->dims[0];
  }
  UFI_TRY(ufi_new_tensor(ctx, ctx->out[out]->dtype, rank, dims, &t));
  for (int64_t i = 0; i < n; i++) {
    const uf_tensor *v = ufi_items_at(&component(ctx, i)->items, levels);
    if (v->size) memcpy((char *)t.data + at, v->data, v->size);
    at += v->size;
  }
  return ufi_out_take(ctx, out, &t);
}

static uf_status decode_eval(ufi_ctx *ctx) {
  const ragged_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t levels = a->in_rank < 0 ? a->out_rank - in->rank : a->in_rank;
  int32_t out = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_VARIANT, UF_INVALID));
  if (levels < 0 || levels + in->rank != a->out_rank || ctx->n_out != a->out_rank + 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "output_ragged_rank must be equal to input_ragged_rank + encoded_ragged.dims(): expected %lld, found %lld",
                        (long long)(levels + in->rank), (long long)a->out_rank);
  }
  for (int32_t k = 0; k < a->out_rank; k++) UFI_TRY(ufi_want_out(ctx, k, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(check_components(ctx, levels));
  if (in->rank == 0) {
    for (int64_t k = 0; k <= levels; k++) UFI_TRY(ufi_out_tensor(ctx, (int32_t)k, ufi_items_at(&component(ctx, 0)->items, k)));
    return UF_OK;
  }
  for (int32_t d = 0; d < in->rank; d++) { /* uniform rows of the tensor's own dimensions, then the components' rows */
    int64_t rows = ufi_move_span(in->dims, 0, d + 1), n = rows + 1, sum = 0;
    uf_tensor t;
    UFI_TRY(ufi_new_tensor(ctx, ctx->out[out]->dtype, 1, &n, &t));
    for (int64_t r = 0; r < rows; r++) {
      sum += d + 1 < in->rank ? in->dims[d + 1] : rows_of(ufi_items_at(&component(ctx, r)->items, 0), levels > 0);
      put_int(&t, r + 1, sum);
    }
    UFI_TRY(ufi_out_take(ctx, out++, &t));
  }
  for (int64_t k = 0; k < levels; k++) UFI_TRY(join_splits(ctx, k, out++));
  return join_values(ctx, levels, out);
}

const ufi_op_def ufi_op_RAGGED_TENSOR_FROM_VARIANT = {
  .attrs_size = sizeof(ragged_attrs), .attrs_tf = ragged_tf, .infer = ufi_nothing, .eval = decode_eval,
};
