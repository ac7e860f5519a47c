/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c: HASHTABLE_LOOKUP (rows of a table by sorted keys), LSH_PROJECTION (bits of a locality
 * sensitive hash).
 */
#include "ops/fingerprint.h"
#include "ops/move.h"

/* ---- HASHTABLE_LOOKUP: ids, keys, values -> rows, which ids were found ----------------------- */

static uf_status table_infer(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[0], *keys = ctx->in[1], *values = ctx->in[2];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ids, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, keys, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, values, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_same(ctx, values, ctx->out[0]));
  UFI_TRY(ufi_want_out(ctx, 1, UF_UINT8, UF_INVALID));
  if (keys->count != values->dims[0])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a key for each of %lld rows of values, found %lld keys",
                        (long long)values->dims[0], (long long)keys->count);
  memcpy(dims, values->dims, sizeof dims);
  dims[0] = ids->count;
  UFI_TRY(ufi_out_shape(ctx, 0, values->rank, dims));
  return ufi_out_shape(ctx, 1, 1, &ids->count);
}

/* Halving, as bsearch does it: which of equal keys is found is part of the result. */
static int64_t find_key(const int32_t *keys, int64_t n, int32_t id) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (keys[middle] == id) return middle;
    if (id < keys[middle]) high = middle;
    else low = middle + 1;
  }
  return -1;
}

static uf_status table_eval(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[0], *keys = ctx->in[1], *values = ctx->in[2], *out = ctx->out[0];
  const int64_t columns = ufi_move_span(values->dims, 1, values->rank);
  uint8_t *hits = ctx->out[1]->data;
  if (out->dtype == UF_STRING)
    for (int64_t i = 0; i < out->count; i++) ((uf_string *)out->data)[i] = (uf_string){"", 0};
  else if (out->size) memset(out->data, 0, out->size);
  for (int64_t i = 0; i < ids->count; i++) {
    const int64_t row = find_key(keys->data, keys->count, ((const int32_t *)ids->data)[i]);
    hits[i] = row >= 0;
    if (row >= 0) ufi_move_run_flat(out->dtype, out->data, i * columns, values->data, row * columns, columns);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_HASHTABLE_LOOKUP = {.infer = table_infer, .eval = table_eval};

/* ---- LSH_PROJECTION: seeds (hashes, bits), items, weights of items --------------------------- */

enum { SPARSE = 1, DENSE };

static uf_status lsh_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  *(int32_t *)memory = ufi_fb_i8(&from->options, 0, 0);
  return UF_OK;
}

static uf_status lsh_infer(ufi_ctx *ctx) {
  const ufi_tensor *seeds = ctx->in[0], *items = ctx->in[1], *weights = ufi_in(ctx, 2);
  const int32_t type = *(const int32_t *)ctx->attrs;
  char text[512];
  if (type != SPARSE && type != DENSE)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected projection type 1 (SPARSE) or 2 (DENSE), found %d",
                        (int)type);
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, seeds, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, items, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INVALID));
  if (seeds->dims[1] > 32)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most 32 bits a hash, found %lld",
                        (long long)seeds->dims[1]);
  if ((items->dtype != UF_STRING && uf_dtype_bits(items->dtype) < 8) || items->dims[0] < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one item or more, of strings or numbers of whole bytes, "
                        "found %s", ufi_tensor_text(items, text));
  if (weights) {
    UFI_TRY(ufi_want_in(ctx, 2, UF_FLOAT32, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, weights, 1, 1));
    if (weights->count != items->dims[0])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a weight for each of %lld items, found %lld",
                          (long long)items->dims[0], (long long)weights->count);
  }
  const int64_t n = type == SPARSE ? seeds->dims[0] : seeds->count;
  return ufi_out_shape(ctx, 0, 1, &n);
}

/* What is hashed: bytes of one item after the other, each behind the seed in `key`. */
typedef struct lsh_run {
  const char *items;
  size_t n, size;
  char *key;
  const float *weights;   /* NULL: all 1 */
} lsh_run;

/* Bytes that strings take in a .tflite file: how many, where each begins and the last ends, characters. */
static bool file_size(const ufi_tensor *strings, size_t *size_out) {
  const uf_string *s = strings->data;
  *size_out = ((size_t)strings->count + 2) * sizeof(int32_t);
  for (int64_t i = 0; i < strings->count; i++)
    if (!ufi_add_size(*size_out, s[i].size, size_out)) return false;
  return *size_out <= INT32_MAX; /* places are int32 there */
}
static void write_file(const ufi_tensor *strings, char *out) {
  const uf_string *s = strings->data;
  int32_t at = (int32_t)(((size_t)strings->count + 2) * sizeof(int32_t)), n = (int32_t)strings->count;
  memcpy(out, &n, sizeof n);
  for (int64_t i = 0; i <= strings->count; i++) {
    memcpy(out + (size_t)(i + 1) * sizeof at, &at, sizeof at);
    if (i == strings->count) break;
    if (s[i].size) memcpy(out + at, s[i].data, s[i].size);
    at += (int32_t)s[i].size;
  }
}

/* Whether the weighted sum of the items' hashes, with this seed, is positive. Hashes count as signed. */
static uint32_t lsh_bit(const lsh_run *r, float seed) {
  double score = 0.0;
  memcpy(r->key, &seed, sizeof seed);
  for (size_t i = 0; i < r->n; i++) {
    if (r->size) memcpy(r->key + sizeof seed, r->items + i * r->size, r->size);
    const double hash = (double)(int64_t)ufi_fingerprint64(r->key, sizeof seed + r->size);
    score += r->weights ? (double)r->weights[i] * hash : hash;
  }
  return score > 0.0;
}

/* Dense: every bit. Sparse: the number that a hash's bits are, all hashes one after the other: hash i
 * begins at i * 2^bits. */
static void project(const ufi_tensor *seeds, bool sparse, const lsh_run *r, int32_t *out) {
  const int64_t bits = seeds->dims[1];
  for (int64_t i = 0; i < seeds->dims[0]; i++) {
    uint32_t number = 0;
    for (int64_t j = 0; j < bits; j++) {
      const uint32_t bit = lsh_bit(r, ((const float *)seeds->data)[i * bits + j]);
      number = number << 1 | bit;
      if (!sparse) *out++ = (int32_t)bit;
    }
    if (sparse) *out++ = (int32_t)(number + (uint32_t)((uint64_t)i << bits));
  }
}

/* Strings are hashed as the reference does it, which takes the bytes of a string tensor for those of as
 * many items of equal size. */
static uf_status lsh_eval(ufi_ctx *ctx) {
  const ufi_tensor *items = ctx->in[1], *weights = ufi_in(ctx, 2);
  const bool strings = items->dtype == UF_STRING;
  size_t size = items->size;
  if (strings && !file_size(items, &size)) return ufi_no_memory(ctx->error, size);
  lsh_run r = {.items = items->data, .n = (size_t)items->dims[0], .weights = weights ? weights->data : NULL};
  r.size = size / r.n;
  char *memory = ufi_malloc(sizeof(float) + r.size + (strings ? size : 0));
  if (!memory) return ufi_no_memory(ctx->error, r.size + size);
  r.key = memory;
  if (strings) {
    write_file(items, memory + sizeof(float) + r.size);
    r.items = memory + sizeof(float) + r.size;
  }
  project(ctx->in[0], *(const int32_t *)ctx->attrs == SPARSE, &r, ctx->out[0]->data);
  ufi_free(memory);
  return UF_OK;
}

const ufi_op_def ufi_op_LSH_PROJECTION = {
  .attrs_size = sizeof(int32_t), .attrs_tflite = lsh_attrs_tflite, .infer = lsh_infer, .eval = lsh_eval,
};
