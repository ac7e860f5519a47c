/* SPDX-License-Identifier: Apache-2.0
 *
 * topk.c: TOPK_V2 and UNIQUE.
 *
 * Both first turn an element into a 64-bit key with the order (or identity)
 * that counts: floats by their bits, rearranged so that integers compare like
 * them, -0 like 0 and every NaN below all numbers.
 */
#include "ops/move.h"

static inline int64_t float_key(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  int64_t size = bits & 0x7fffffffu; /* of the number; as integers these compare alike */
  if (size > 0x7f800000) return INT64_MIN;
  return bits >> 31 ? -size : size;
}

static inline int64_t double_key(double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  int64_t size = (int64_t)(bits & 0x7fffffffffffffffu);
  if (size > 0x7ff0000000000000) return INT64_MIN;
  return bits >> 63 ? -size : size;
}

static int64_t key_of(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_FLOAT32: return float_key(((const float *)t->data)[i]);
    case UF_INT8: return ((const int8_t *)t->data)[i];
    case UF_UINT8: return ((const uint8_t *)t->data)[i];
    case UF_INT16: return ((const int16_t *)t->data)[i];
    case UF_INT32: return ((const int32_t *)t->data)[i];
    case UF_FLOAT64: return double_key(((const double *)t->data)[i]);
    case UF_FLOAT16: return float_key(ufi_half_to_float(((const uint16_t *)t->data)[i]));
    case UF_BFLOAT16: return float_key(ufi_bfloat_to_float(((const uint16_t *)t->data)[i]));
    case UF_UINT16: return ((const uint16_t *)t->data)[i];
    case UF_UINT32: return ((const uint32_t *)t->data)[i];
    case UF_UINT64: return (int64_t)(((const uint64_t *)t->data)[i] ^ (uint64_t)1 << 63);
    default: return ((const int64_t *)t->data)[i];
  }
}

/* ---- TOPK_V2: values, k ------------------------------------------------------------------ */

typedef struct entry {
  int64_t key;
  int32_t index;
} entry;

/* Larger keys come first, equal ones in the order of their indices. */
static bool before(entry a, entry b) { return a.key != b.key ? a.key > b.key : a.index < b.index; }

/* Sinks the entry at `at` in a heap of n with the last in order on top. */
static void sink(entry *heap, int64_t n, int64_t at) {
  entry moved = heap[at];
  for (int64_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && before(heap[child], heap[child + 1])) child++;
    if (!before(moved, heap[child])) break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

typedef struct topk_attrs {
  bool tf;                 /* a negative k is an error */
  bool k_is_attr;          /* TensorFlow's first TopK */
  int64_t k;
} topk_attrs;

static uf_status topk_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  topk_attrs *a = memory;
  a->tf = true; /* results are sorted, whether or not they need be */
  a->k_is_attr = strcmp(from->op, "TopK") == 0;
  a->k = ufi_tf_int(from, "k");
  return UF_OK;
}

static uf_status topk_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t k, dims[UF_MAX_RANK];
  const topk_attrs *a = ctx->attrs;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INT32, UF_INT64, UF_FLOAT64,
                      UF_FLOAT16, UF_BFLOAT16, UF_UINT16, UF_UINT32, UF_UINT64, UF_INVALID));
  if (!a->k_is_attr) UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT16, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  UFI_TRY(ufi_want_out(ctx, 1, UF_INT32, UF_INT16, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  int64_t row = in->dims[in->rank - 1], most = ctx->out[1]->dtype == UF_INT16 ? INT16_MAX : INT32_MAX;
  if (row > most)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected rows whose indices fit %s, found %lld entries",
                        uf_dtype_name(ctx->out[1]->dtype), (long long)row);
  if (!a->k_is_attr && !ufi_known(ctx, 1)) return UF_OK;
  k = a->k;
  if (!a->k_is_attr) UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 1, &k));
  if (k > row || (k < 0 && a->tf))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected k from 0 up to the last extent %lld, found %lld",
                        (long long)row, (long long)k);
  memcpy(dims, in->dims, sizeof dims);
  dims[in->rank - 1] = UFI_MAX(k, 0);
  UFI_TRY(ufi_out_shape(ctx, 0, in->rank, dims));
  return ufi_out_shape(ctx, 1, in->rank, dims);
}

static uf_status topk_prepare(ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  ufi_want_scratch(ctx, (size_t)out->dims[out->rank - 1] * sizeof(entry));
  return UF_OK;
}

/* The k first of a row, in order, into heap. One loop for each dtype, since for
 * most elements there is nothing to do but to compare. */
#define SCAN(name, type, KEY)                                                     \
  static void name(const type *row, int64_t n, int64_t k, entry *heap) {          \
    for (int64_t i = 0; i < k; i++) heap[i] = (entry){KEY(row[i]), (int32_t)i};   \
    for (int64_t i = k / 2; i-- > 0;) sink(heap, k, i);                           \
    for (int64_t i = k; i < n; i++) {                                             \
      int64_t key = KEY(row[i]);                                                  \
      if (key <= heap[0].key) continue; /* an equal one comes later */            \
      heap[0] = (entry){key, (int32_t)i};                                         \
      sink(heap, k, 0);                                                           \
    }                                                                             \
  }
SCAN(scan_f32, float, float_key)
SCAN(scan_s8, int8_t, )
SCAN(scan_u8, uint8_t, )
SCAN(scan_s16, int16_t, )
SCAN(scan_s32, int32_t, )
SCAN(scan_s64, int64_t, )

/* Rare dtypes: a key at a time. */
static void scan_any(const ufi_tensor *in, int64_t at, int64_t n, int64_t k, entry *heap) {
  for (int64_t i = 0; i < k; i++) heap[i] = (entry){key_of(in, at + i), (int32_t)i};
  for (int64_t i = k / 2; i-- > 0;) sink(heap, k, i);
  for (int64_t i = k; i < n; i++) {
    int64_t key = key_of(in, at + i);
    if (key <= heap[0].key) continue;
    heap[0] = (entry){key, (int32_t)i};
    sink(heap, k, 0);
  }
}

static void find_top(const ufi_tensor *in, int64_t at, int64_t row, int64_t k, entry *heap) {
  switch (in->dtype) {
    case UF_FLOAT32: scan_f32((const float *)in->data + at, row, k, heap); break;
    case UF_INT8: scan_s8((const int8_t *)in->data + at, row, k, heap); break;
    case UF_UINT8: scan_u8((const uint8_t *)in->data + at, row, k, heap); break;
    case UF_INT16: scan_s16((const int16_t *)in->data + at, row, k, heap); break;
    case UF_INT32: scan_s32((const int32_t *)in->data + at, row, k, heap); break;
    case UF_INT64: scan_s64((const int64_t *)in->data + at, row, k, heap); break;
    default: scan_any(in, at, row, k, heap); break;
  }
  for (int64_t n = k - 1; n > 0; n--) {
    entry last = heap[0];
    heap[0] = heap[n];
    heap[n] = last;
    sink(heap, n, 0);
  }
}

static uf_status topk_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *values = ctx->out[0], *indices = ctx->out[1];
  int64_t row = in->dims[in->rank - 1], k = values->dims[values->rank - 1];
  entry *heap = ctx->scratch;
  if (values->count == 0) return UF_OK;
  for (int64_t r = 0; r < values->count / k; r++) {
    find_top(in, r * row, row, k, heap);
    for (int64_t i = 0; i < k; i++) {
      ufi_move_run_flat(in->dtype, values->data, r * k + i, in->data, r * row + heap[i].index, 1);
      if (indices->dtype == UF_INT16) ((int16_t *)indices->data)[r * k + i] = (int16_t)heap[i].index;
      else if (indices->dtype == UF_INT64) ((int64_t *)indices->data)[r * k + i] = heap[i].index;
      else ((int32_t *)indices->data)[r * k + i] = heap[i].index;
    }
  }
  return UF_OK;
}

const ufi_op_def ufi_op_TOPK_V2 = {
  .attrs_size = sizeof(topk_attrs), .attrs_tf = topk_attrs_tf, .infer = topk_infer, .prepare = topk_prepare,
  .eval = topk_eval,
};

/* ---- UNIQUE: the values in the order of their first place, and each one's number ------------ */

/* Slots of the hash table: a power of two, at most half full. */
static int64_t slots_for(int64_t n) {
  int64_t slots = 4;
  while (slots < 2 * n) slots *= 2;
  return slots;
}

static uf_status unique_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INT8, UF_UINT8, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  UFI_TRY(ufi_want_out(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 1, 1));
  if (in->count >= (int64_t)1 << 30)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected less than 2^30 values, found %lld",
                        (long long)in->count);
  return ufi_out_like(ctx, 1, in); /* how many values there are, eval finds out */
}

/* A table of slots, then the place in the input of each value found. */
static uf_status unique_prepare(ufi_ctx *ctx) {
  int64_t n = ctx->in[0]->count;
  ufi_want_scratch(ctx, (size_t)(slots_for(n) + n) * sizeof(int32_t));
  return UF_OK;
}

/* Number of the value at i, which becomes n when it is new. */
static int32_t find_value(const ufi_tensor *in, int64_t i, int32_t *slots, int64_t mask,
                          const int32_t *places, int32_t n) {
  int64_t key = key_of(in, i);
  uint64_t hash = (uint64_t)key * 0x9e3779b97f4a7c15u;
  for (int64_t s = (int64_t)(hash >> 32) & mask;; s = (s + 1) & mask) {
    if (slots[s] < 0) return slots[s] = n;
    if (key_of(in, places[slots[s]]) == key) return slots[s];
  }
}

static uf_status unique_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *numbers = ctx->out[1];
  int64_t slot_count = slots_for(in->count);
  int32_t *slots = ctx->scratch, *places = slots + slot_count, n = 0;
  memset(slots, -1, (size_t)slot_count * sizeof *slots);
  for (int64_t i = 0; i < in->count; i++) {
    int32_t number = find_value(in, i, slots, slot_count - 1, places, n);
    if (number == n) places[n++] = (int32_t)i;
    if (numbers->dtype == UF_INT64) ((int64_t *)numbers->data)[i] = number;
    else ((int32_t *)numbers->data)[i] = number;
  }
  int64_t count = n;
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &count));
  for (int32_t i = 0; i < n; i++)
    ufi_move_run_flat(in->dtype, ctx->out[0]->data, i, in->data, places[i], 1);
  return UF_OK;
}

const ufi_op_def ufi_op_UNIQUE = {.infer = unique_infer, .prepare = unique_prepare, .eval = unique_eval};
