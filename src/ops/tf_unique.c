/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_unique.c: TensorFlow's Unique, UniqueV2 (entries of an axis), their kin with counts, and
 * ListDiff: values in the order of their first place, by a hash table of places.
 *
 * Entries are equal as their elements are: 0 and -0, strings by content; a NaN equals nothing.
 */
#include "ops/move.h"

/* (outer, n, inner): entry j is all elements [o, j, i]. */
typedef struct entries {
  uf_dtype dtype;
  size_t size;
  const char *data;
  int64_t outer, n, inner;
} entries;

static const char *element(const entries *e, int64_t j, int64_t o, int64_t i) {
  return e->data + (size_t)((o * e->n + j) * e->inner + i) * e->size;
}

static double real_of(uf_dtype dtype, const char *p) {
  double d;
  float f;
  switch (dtype) {
    case UF_FLOAT64: case UF_COMPLEX128: memcpy(&d, p, 8); return d;
    case UF_FLOAT32: case UF_COMPLEX64: memcpy(&f, p, 4); return (double)f;
    case UF_FLOAT16: return (double)ufi_half_to_float(ufi_load16(p));
    default: return (double)ufi_bfloat_to_float(ufi_load16(p));
  }
}
static bool is_real(uf_dtype dtype) {
  return dtype == UF_FLOAT64 || dtype == UF_FLOAT32 || dtype == UF_FLOAT16 || dtype == UF_BFLOAT16 ||
         dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128;
}
static bool is_complex(uf_dtype dtype) { return dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128; }

/* FNV-1a, public domain (Fowler, Noll, Vo). */
static uint64_t mix(uint64_t hash, const void *p, size_t n) {
  for (size_t i = 0; i < n; i++) hash = (hash ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
  return hash;
}

static uint64_t hash_of(const entries *e, int64_t j) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int64_t o = 0; o < e->outer; o++)
    for (int64_t i = 0; i < e->inner; i++) {
      const char *p = element(e, j, o, i);
      if (e->dtype == UF_STRING) {
        uf_string s;
        memcpy(&s, p, sizeof s);
        hash = mix(hash, s.data, s.size);
      } else if (is_real(e->dtype)) {
        double v = real_of(e->dtype, p) + 0.0; /* -0 becomes 0 */
        hash = mix(hash, &v, sizeof v);
      } else {
        hash = mix(hash, p, e->size);
      }
    }
  return hash ^ hash >> 32;
}

static bool equal_elements(uf_dtype dtype, size_t size, const char *p, const char *q) {
  uf_string s, t;
  if (is_complex(dtype))
    return real_of(dtype, p) == real_of(dtype, q) && real_of(dtype, p + size / 2) == real_of(dtype, q + size / 2);
  if (is_real(dtype)) return real_of(dtype, p) == real_of(dtype, q);
  if (dtype != UF_STRING) return memcmp(p, q, size) == 0;
  memcpy(&s, p, sizeof s);
  memcpy(&t, q, sizeof t);
  return s.size == t.size && (s.size == 0 || memcmp(s.data, t.data, s.size) == 0);
}

static bool equal(const entries *e, int64_t j, const entries *f, int64_t k) {
  for (int64_t o = 0; o < e->outer; o++)
    for (int64_t i = 0; i < e->inner; i++)
      if (!equal_elements(e->dtype, e->size, element(e, j, o, i), element(f, k, o, i))) return false;
  return true;
}

/* A power of two, at most half full. */
static int64_t slots_for(int64_t n) {
  int64_t slots = 4;
  while (slots < 2 * n) slots *= 2;
  return slots;
}

/* The slot of entry j of e in a table of entries of f by their numbers (places[number]): free, or
 * that of an equal entry. */
static int64_t find_slot(const entries *e, int64_t j, const entries *f, const int32_t *slots, int64_t mask,
                         const int32_t *places) {
  int64_t s = (int64_t)hash_of(e, j) & mask;
  while (slots[s] >= 0 && !equal(e, j, f, places[slots[s]])) s = (s + 1) & mask;
  return s;
}

static void put_index(const ufi_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT64) ((int64_t *)t->data)[i] = value;
  else ((int32_t *)t->data)[i] = (int32_t)value;
}

static uf_status check_values(ufi_ctx *ctx, const ufi_tensor *t, int64_t n) {
  char text[512];
  if (uf_dtype_bits(t->dtype) < 8 || t->dtype == UF_RESOURCE || t->dtype == UF_VARIANT)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected values that can be compared, found %s", ufi_tensor_text(t, text));
  if (n >= (int64_t)1 << 30)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected less than 2^30 values, found %lld", (long long)n);
  return UF_OK;
}

/* ---- Unique, UniqueWithCounts: x; the V2 ones: x, axis ------------------------------------------ */

/* The axis along which entries lie; V2 without one takes a vector, as V1 does. */
static uf_status unique_axis(ufi_ctx *ctx, int32_t *axis_out) {
  const ufi_tensor *x = ctx->in[0], *axis = ufi_in(ctx, 1);
  int64_t value = 0;
  *axis_out = 0;
  if (axis && axis->count > 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most one axis, found %lld", (long long)axis->count);
  if (axis == NULL || axis->count == 0) return ufi_want_rank(ctx, x, 1, 1);
  UFI_TRY(ufi_move_ints(ctx, axis, 1, &value));
  return ufi_axis(ctx, value, x->rank, axis_out);
}

static uf_status unique_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  int32_t axis;
  UFI_TRY(ufi_want_same(ctx, x, ctx->out[0]));
  for (int32_t i = 1; i < ctx->n_out; i++) UFI_TRY(ufi_want_out(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  if (ctx->n_in > 1) UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  if (ctx->n_in > 1 && !ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(unique_axis(ctx, &axis));
  UFI_TRY(check_values(ctx, x, x->dims[axis]));
  return ufi_out_shape(ctx, 1, 1, &x->dims[axis]);
}

static uf_status unique_prepare(ufi_ctx *ctx) {
  int32_t axis;
  UFI_TRY(unique_axis(ctx, &axis));
  int64_t n = ctx->in[0]->dims[axis];
  ufi_want_scratch(ctx, (size_t)(slots_for(n) + 2 * n) * sizeof(int32_t));
  return UF_OK;
}

static uf_status unique_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  int64_t dims[UF_MAX_RANK];
  int32_t axis, found = 0;
  UFI_TRY(unique_axis(ctx, &axis));
  const entries e = {x->dtype, (size_t)uf_dtype_bits(x->dtype) / 8, x->data, ufi_move_span(x->dims, 0, axis),
                     x->dims[axis], ufi_move_span(x->dims, axis + 1, x->rank)};
  const int64_t slot_count = slots_for(e.n);
  int32_t *slots = ctx->scratch, *places = slots + slot_count, *counts = places + e.n;
  memset(slots, -1, (size_t)slot_count * sizeof *slots);
  for (int64_t j = 0; j < e.n; j++) {
    int64_t s = find_slot(&e, j, &e, slots, slot_count - 1, places);
    if (slots[s] < 0) {
      slots[s] = found;
      places[found] = (int32_t)j;
      counts[found++] = 0;
    }
    counts[slots[s]]++;
    put_index(ctx->out[1], j, slots[s]);
  }
  memcpy(dims, x->dims, sizeof dims);
  dims[axis] = found;
  UFI_TRY(ufi_out_shape(ctx, 0, x->rank, dims));
  for (int64_t o = 0; o < e.outer; o++)
    for (int32_t k = 0; k < found; k++)
      ufi_move_run_flat(x->dtype, ctx->out[0]->data, (o * found + k) * e.inner, x->data,
                        (o * e.n + places[k]) * e.inner, e.inner);
  if (ctx->n_out < 3) return UF_OK;
  UFI_TRY(ufi_out_shape(ctx, 2, 1, &dims[axis]));
  for (int32_t k = 0; k < found; k++) put_index(ctx->out[2], k, counts[k]);
  return UF_OK;
}

const ufi_op_def ufi_op_TF_UNIQUE = {.infer = unique_infer, .prepare = unique_prepare, .eval = unique_eval};

/* ---- ListDiff: what of x is not in y, and where it was ------------------------------------------------ */

static uf_status list_diff_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  UFI_TRY(ufi_want_out(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  for (int32_t i = 0; i < 2; i++) {
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
    UFI_TRY(check_values(ctx, ctx->in[i], ctx->in[i]->count));
  }
  return UF_OK;
}

static uf_status list_diff_prepare(ufi_ctx *ctx) {
  int64_t n = ctx->in[1]->count;
  ufi_want_scratch(ctx, (size_t)(slots_for(n) + n + ctx->in[0]->count) * sizeof(int32_t));
  return UF_OK;
}

static uf_status list_diff_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1];
  const size_t size = (size_t)uf_dtype_bits(x->dtype) / 8;
  const entries e = {x->dtype, size, x->data, 1, x->count, 1}, f = {y->dtype, size, y->data, 1, y->count, 1};
  const int64_t slot_count = slots_for(f.n);
  int32_t *slots = ctx->scratch, *places = slots + slot_count, *kept = places + f.n;
  int64_t n = 0;
  memset(slots, -1, (size_t)slot_count * sizeof *slots);
  for (int64_t j = 0; j < f.n; j++) {
    places[j] = (int32_t)j;
    int64_t s = find_slot(&f, j, &f, slots, slot_count - 1, places);
    if (slots[s] < 0) slots[s] = (int32_t)j;
  }
  for (int64_t j = 0; j < e.n; j++)
    if (slots[find_slot(&e, j, &f, slots, slot_count - 1, places)] < 0) kept[n++] = (int32_t)j;
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &n));
  UFI_TRY(ufi_out_shape(ctx, 1, 1, &n));
  for (int64_t i = 0; i < n; i++) {
    ufi_move_run_flat(x->dtype, ctx->out[0]->data, i, x->data, kept[i], 1);
    put_index(ctx->out[1], i, kept[i]);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_LIST_DIFF = {.infer = list_diff_infer, .prepare = list_diff_prepare, .eval = list_diff_eval};
