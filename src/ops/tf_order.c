/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_order.c: InTopK, LowerBound, UpperBound, NthElement: ops that compare values.
 *
 * Values of any real dtype are compared as double or as int64: halves and floats fit the one,
 * integers the other (uint64 with its top bit turned, which keeps the order).
 */
#include <math.h>

#include "ops/join.h"
#include "ops/move.h"

typedef struct key {
  double real;
  int64_t whole;
} key;

static bool is_real(uf_dtype dtype) {
  return dtype == UF_FLOAT32 || dtype == UF_FLOAT64 || dtype == UF_FLOAT16 || dtype == UF_BFLOAT16;
}

static key key_at(const ufi_tensor *t, int64_t i) {
  const char *p = (const char *)t->data + (size_t)i * (size_t)uf_dtype_bits(t->dtype) / 8;
  key k = {0};
  uf_error unused;
  if (t->dtype == UF_FLOAT32) k.real = (double)((const float *)t->data)[i];
  else if (t->dtype == UF_INT32) k.whole = ((const int32_t *)t->data)[i];
  else if (t->dtype == UF_UINT64) k.whole = (int64_t)(((const uint64_t *)t->data)[i] ^ (uint64_t)1 << 63);
  else if (ufi_convert(t->dtype, p, 1, is_real(t->dtype) ? UF_FLOAT64 : UF_INT64,
                       is_real(t->dtype) ? (void *)&k.real : (void *)&k.whole, &unused) != UF_OK) return k;
  return k;
}
static bool less(key a, key b) { return a.real < b.real || (a.real == b.real && a.whole < b.whole); }

static uf_status want_real(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  if (t->dtype != UF_BOOL && ufi_join_takes(UFI_JOIN_MAX, t->dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected real numbers, found %s", ufi_tensor_text(t, text));
}

/* ---- InTopK (k an attribute), InTopKV2: predictions (batch, classes), targets, k --------------------- */

static uf_status in_top_k_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  *(int64_t *)memory = ufi_tf_int(from, "k");
  return UF_OK;
}

static uf_status in_top_k_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *targets = ctx->in[1];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, targets, 1, 1));
  if (x->dims[0] != targets->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a target for each of %lld rows, found %lld",
                        (long long)x->dims[0], (long long)targets->count);
  if (ctx->n_in > 2) UFI_TRY(ufi_want_same(ctx, targets, ctx->in[2]));
  return ufi_out_like(ctx, 0, targets);
}

/* True when fewer than k predictions are larger than the target's; never with a prediction that
 * is not finite or a target that is no class. */
static uf_status in_top_k_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *targets = ctx->in[1];
  const int64_t classes = x->dims[1];
  int64_t k = *(const int64_t *)ctx->attrs;
  if (ctx->n_in > 2) UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &k));
  for (int64_t r = 0; r < targets->count; r++) {
    const float *row = (const float *)x->data + r * classes;
    int64_t target = ufi_move_index(targets, r), more = 0;
    bool sound = target >= 0 && target < classes && isfinite(row[target]);
    for (int64_t i = 0; i < classes && sound; i++) {
      if (!isfinite(row[i])) sound = false;
      else if (row[i] > row[target]) more++;
    }
    ((uint8_t *)ctx->out[0]->data)[r] = sound && more < k;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_IN_TOP_K = {
  .attrs_size = sizeof(int64_t), .attrs_tf = in_top_k_tf, .infer = in_top_k_infer, .eval = in_top_k_eval,
};

/* ---- LowerBound, UpperBound: sorted (batch, n), values (batch, m) --------------------------------------- */

static uf_status bound_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  *(bool *)memory = strcmp(from->op, "UpperBound") == 0;
  return UF_OK;
}

static uf_status bound_infer(ufi_ctx *ctx) {
  const ufi_tensor *sorted = ctx->in[0], *values = ctx->in[1];
  UFI_TRY(want_real(ctx, sorted));
  UFI_TRY(ufi_want_same(ctx, sorted, values));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, sorted, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, values, 2, 2));
  if (sorted->dims[0] != values->dims[0])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many rows of values as of sorted ones, found %lld and "
                        "%lld", (long long)values->dims[0], (long long)sorted->dims[0]);
  return ufi_out_like(ctx, 0, values);
}

static uf_status bound_eval(ufi_ctx *ctx) {
  const ufi_tensor *sorted = ctx->in[0], *values = ctx->in[1], *out = ctx->out[0];
  const int64_t n = sorted->dims[1], m = values->dims[1];
  const bool upper = *(const bool *)ctx->attrs;
  for (int64_t i = 0; i < values->count; i++) {
    const key v = key_at(values, i);
    int64_t low = i / m * n, high = low + n;
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      key s = key_at(sorted, middle);
      if (upper ? !less(v, s) : less(s, v)) low = middle + 1;
      else high = middle;
    }
    low -= i / m * n;
    if (out->dtype == UF_INT64) ((int64_t *)out->data)[i] = low;
    else ((int32_t *)out->data)[i] = (int32_t)low;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SORTED_BOUND = {
  .attrs_size = sizeof(bool), .attrs_tf = bound_tf, .infer = bound_infer, .eval = bound_eval,
};

/* ---- NthElement: input (..., n), which: the element that would be there if the row were sorted ------------ */

static uf_status nth_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  *(bool *)memory = ufi_tf_bool(from, "reverse");
  return UF_OK;
}

static uf_status nth_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(want_real(ctx, in));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  return ufi_out_shape(ctx, 0, in->rank - 1, in->dims);
}

static uf_status nth_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)ctx->in[0]->dims[ctx->in[0]->rank - 1] * sizeof(int64_t));
  return UF_OK;
}

/* Place of the nth of a row by quickselect (Hoare), on places. */
static int64_t select_nth(const ufi_tensor *t, int64_t *places, int64_t count, int64_t nth) {
  int64_t left = 0, right = count - 1;
  while (left < right) {
    const key pivot = key_at(t, places[left + (right - left) / 2]);
    int64_t i = left, j = right;
    while (i <= j) {
      while (less(key_at(t, places[i]), pivot)) i++;
      while (less(pivot, key_at(t, places[j]))) j--;
      if (i > j) break;
      int64_t swap = places[i];
      places[i++] = places[j];
      places[j--] = swap;
    }
    if (nth <= j) right = j;
    else if (nth >= i) left = i;
    else break;
  }
  return places[nth];
}

static uf_status nth_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t n = in->dims[in->rank - 1];
  int64_t nth, *places = ctx->scratch;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &nth));
  if (nth < 0 || nth >= n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected n in [0, %lld), found %lld", (long long)n, (long long)nth);
  if (*(const bool *)ctx->attrs) nth = n - 1 - nth;
  for (int64_t r = 0; r < out->count; r++) {
    for (int64_t i = 0; i < n; i++) places[i] = r * n + i;
    ufi_move_run_flat(in->dtype, out->data, r, in->data, select_nth(in, places, n, nth), 1);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_NTH_ELEMENT = {
  .attrs_size = sizeof(bool), .attrs_tf = nth_tf, .infer = nth_infer, .prepare = nth_prepare, .eval = nth_eval,
};
