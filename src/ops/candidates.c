/* SPDX-License-Identifier: Apache-2.0
 *
 * candidates.c: TensorFlow's candidate samplers (classes to train against, with how often each is
 * expected) and ComputeAccidentalHits.
 *
 * Unique samples are drawn until there are enough; expected counts take the number of tries into
 * account. Weighted ones use the alias method (Walker, 1977). What LearnedUnigram has seen is kept in
 * the session's store, as is each node's generator.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/host.h"
#include "ops/random.h"

enum { UNIFORM, LOG_UNIFORM, LEARNED, FIXED, ALL };

typedef struct sampler_attrs {
  ufi_random_attrs random;       /* first: for ufi_random_attrs_tf */
  int32_t kind;
  bool unique;
  int64_t n_true, n_sampled, range;
  float *weights;                /* FIXED: of each class, as many as range */
  float total;
  const char *counts_name;       /* LEARNED: of the variable */
  const char *vocabulary;
  float distortion;
  int64_t reserved, shards, shard;
} sampler_attrs;

static uf_status add_weight(sampler_attrs *a, int64_t *word, int64_t *n, float weight, uf_error *error) {
  if ((*word)++ % a->shards != a->shard) return UF_OK;
  if (*n >= a->range)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected weights for a range of %lld, found more", (long long)a->range);
  const float w = powf(weight, a->distortion);
  a->total += w;
  a->weights[(*n)++] = w;
  return UF_OK;
}

/* One class a line; what stands behind the last comma is its weight. */
static uf_status read_vocabulary(sampler_attrs *a, int64_t *word, int64_t *n, uf_error *error) {
  uf_buf *buf = NULL;
  UFI_TRY(ufi_map_file(a->vocabulary, &buf, error));
  const char *at = uf_buf_data(buf), *end = at + uf_buf_size(buf);
  uf_status status = UF_OK;
  while (status == UF_OK && at < end) {
    const char *line_end = memchr(at, '\n', (size_t)(end - at)), *from = at;
    if (line_end == NULL) line_end = end;
    for (const char *p = at; p < line_end; p++)
      if (*p == ',') from = p + 1;
    char number[64] = "", *rest;
    memcpy(number, from, (size_t)UFI_MIN(line_end - from, 63));
    const float weight = strtof(number, &rest);
    if (rest == number) status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected a weight at the end of each line, found '%.40s'", number);
    else status = add_weight(a, word, n, weight, error);
    at = line_end + 1;
  }
  uf_buf_release(buf);
  return status;
}

static uf_status fixed_weights(const ufi_tf_attrs *from, sampler_attrs *a, uf_error *error) {
  const uf_attr *unigrams = ufi_tf_attr(from, "unigrams");
  const int32_t given = unigrams && unigrams->kind == UF_ATTR_FLOATS ? unigrams->n : 0;
  int64_t word = 0, n = 0;
  a->vocabulary = ufi_tf_text(from, "vocab_file");
  a->distortion = (float)ufi_tf_float(from, "distortion");
  a->reserved = ufi_tf_int(from, "num_reserved_ids");
  a->shards = ufi_tf_int(from, "num_shards");
  a->shard = ufi_tf_int(from, "shard");
  if (a->shards < 1 || a->shard < 0 || a->shard >= a->shards || a->reserved < 0 || a->range > INT32_MAX ||
      (given > 0) == (a->vocabulary[0] != 0) || a->reserved > 1 << 26)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shard of one or more, and unigrams or a vocab_file, found "
                    "shard %lld of %lld and %s", (long long)a->shard, (long long)a->shards, given ? "both" : "none");
  if (a->range > a->reserved + (given ? given : 1 << 26)) /* before memory is taken for it */
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected weights for a range of %lld, found less", (long long)a->range);
  a->weights = ufi_arena_array(from->arena, (size_t)a->range, sizeof *a->weights);
  if (a->weights == NULL) return ufi_no_memory(error, (size_t)a->range * sizeof *a->weights);
  for (int64_t i = 0; i < a->reserved && n < a->range; i++)
    if (i % a->shards == a->shard) a->weights[n++] = 0.0f;
  word = n; /* numbering goes on from the reserved ones that are here */
  for (int32_t i = 0; i < given; i++) UFI_TRY(add_weight(a, &word, &n, (float)unigrams->floats[i], error));
  if (given == 0) UFI_TRY(read_vocabulary(a, &word, &n, error));
  if (n == a->range) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected weights for a range of %lld, found %lld", (long long)a->range,
                  (long long)n);
}

static uf_status sampler_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  sampler_attrs *a = memory;
  UFI_TRY(ufi_random_attrs_tf(from, &a->random, error));
  a->kind = strstr(from->op, "Learned") || strstr(from->op, "ThreadUnsafe") ? LEARNED : strstr(from->op, "Fixed") ? FIXED
          : strstr(from->op, "All") ? ALL : strstr(from->op, "Log") ? LOG_UNIFORM : UNIFORM;
  a->unique = ufi_tf_bool(from, "unique");
  a->n_true = ufi_tf_int(from, "num_true");
  a->n_sampled = ufi_tf_int(from, "num_sampled");
  a->range = a->kind == ALL ? a->n_sampled : ufi_tf_int(from, "range_max");
  if (a->n_true < 1 || a->n_sampled < 1 || a->range < 1 || a->n_sampled > 1 << 30 || a->n_true > 1 << 30)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected numbers of 1 or more, found num_true %lld, num_sampled %lld, "
                    "range_max %lld", (long long)a->n_true, (long long)a->n_sampled, (long long)a->range);
  if (a->kind == FIXED) return fixed_weights(from, a, error);
  if (a->kind != LEARNED) return UF_OK;
  if (a->range >= INT32_MAX)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a range_max below 2^31 - 1, found %lld", (long long)a->range);
  const size_t size = strlen(a->random.name) + 8;
  char *name = ufi_arena_alloc(from->arena, size);
  if (name == NULL) return ufi_no_memory(error, size);
  snprintf(name, size, "%s/seen", a->random.name);
  a->counts_name = name;
  return UF_OK;
}

static uf_status sampler_infer(ufi_ctx *ctx) {
  const sampler_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_rank(ctx, in, 2, 2));
  if (in->dims[1] != a->n_true)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld classes in each row, found %lld", (long long)a->n_true,
                        (long long)in->dims[1]);
  if (a->unique && a->n_sampled > a->range)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %lld unique samples, found %lld", (long long)a->range,
                        (long long)a->n_sampled);
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &a->n_sampled));
  UFI_TRY(ufi_out_like(ctx, 1, in));
  return ufi_out_shape(ctx, 2, 1, &a->n_sampled);
}

/* ---- draws ------------------------------------------------------------------------------------------ */

typedef struct sampler {
  const sampler_attrs *a;
  ufi_philox_words words;
  int32_t *counts;               /* LEARNED, and their sum */
  int64_t counted;
  float *chance;                 /* FIXED: of each bucket, and where the rest of it belongs */
  int32_t *other;
} sampler;

static uint64_t word64(ufi_philox_words *w) {
  const uint64_t low = ufi_philox_word(w);
  return low | (uint64_t)ufi_philox_word(w) << 32;
}

static uint64_t below64(ufi_philox_words *w, uint64_t n) {
  if ((n & (n - 1)) == 0) return word64(w) & (n - 1);
  const uint64_t rest = UINT64_MAX % n + 1;
  uint64_t bits;
  do bits = word64(w);
  while (bits < rest);
  return bits % n;
}

static int64_t draw(sampler *s) {
  const sampler_attrs *a = s->a;
  if (a->kind == UNIFORM) return (int64_t)below64(&s->words, (uint64_t)a->range);
  if (a->kind == LOG_UNIFORM) {
    const uint32_t high = ufi_philox_word(&s->words), low = ufi_philox_word(&s->words);
    return ((int64_t)exp(ufi_random_double(high, low) * log1p((double)a->range)) - 1) % a->range;
  }
  if (a->kind == FIXED) {
    const float r = ufi_random_float(ufi_philox_word(&s->words));
    const uint32_t i = ufi_philox_below(&s->words, (uint32_t)a->range);
    return r < s->chance[i] ? (int64_t)i : s->other[i];
  }
  int64_t at = ufi_philox_below(&s->words, (uint32_t)s->counted), i = 0;
  while (at >= s->counts[i]) at -= s->counts[i++];
  return i;
}

static float chance_of(const sampler *s, int64_t value) {
  const sampler_attrs *a = s->a;
  switch (a->kind) {
    case UNIFORM: return (float)(1.0 / (double)a->range);
    case LOG_UNIFORM: return (float)(log(((double)value + 2.0) / ((double)value + 1.0)) / log1p((double)a->range));
    case FIXED: return a->weights[value] / a->total;
    default: return (float)s->counts[value] / (float)(int32_t)s->counted;
  }
}

static float expected(const sampler *s, int64_t value, int64_t tries) {
  const float p = chance_of(s, value);
  if (tries == s->a->n_sampled) return p * (float)s->a->n_sampled;
  return -expm1f((float)tries * log1pf(-p));
}

/* Buckets of the alias method: each holds one class and the excess of another. */
static void fill_buckets(sampler *s, double *part, int32_t *low, int32_t *high) {
  const int64_t n = s->a->range;
  int64_t n_low = 0, n_high = 0;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)s->a->weights[i];
  for (int64_t i = 0; i < n; i++) {
    part[i] = (double)(s->a->weights[i] * (float)n) / sum;
    if (part[i] < 1.0) low[n_low++] = (int32_t)i;
    else high[n_high++] = (int32_t)i;
  }
  while (n_low && n_high) {
    const int32_t l = low[--n_low], h = high[--n_high];
    s->other[l] = h;
    part[h] -= 1.0 - part[l];
    if (part[h] < 1.0) low[n_low++] = h;
    else high[n_high++] = h;
  }
  for (int64_t i = 0; i < n; i++) s->chance[i] = (float)part[i];
  while (n_high) s->chance[high[--n_high]] = 1.0f, s->other[high[n_high]] = high[n_high];
  while (n_low) s->chance[low[--n_low]] = 1.0f, s->other[low[n_low]] = low[n_low];
}

/* ---- a set of numbers ----------------------------------------------------------------------------------- */

typedef struct id_set {
  int64_t *slots;                /* -1: free; a power of two of them */
  size_t mask;
} id_set;

/* False: it was there. */
static bool set_add(id_set *set, int64_t id) {
  size_t at = (size_t)((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 20) & set->mask;
  for (; set->slots[at] >= 0; at = (at + 1) & set->mask)
    if (set->slots[at] == id) return false;
  set->slots[at] = id;
  return true;
}

enum { MOST_TRIES = 200000000 };

/* Draws into out; the number of tries, -1: they do not come to an end. */
static int64_t draw_all(sampler *s, id_set *set, int64_t *out) {
  const int64_t n = s->a->n_sampled;
  int64_t tries = 0;
  for (int64_t i = 0; i < n; tries++) {
    if (tries > MOST_TRIES) return -1;
    const int64_t value = draw(s);
    if (!s->a->unique || set_add(set, value)) out[i++] = value;
  }
  return tries;
}

/* ---- the op ------------------------------------------------------------------------------------------------ */

static uf_status load_counts(ufi_ctx *ctx, sampler *s, ufi_resource **kept) {
  ufi_store *store = ufi_host_store(ctx);
  int64_t id;
  UFI_TRY(ufi_store_declare(store, UF_STATE_VARIABLE, "_random", s->a->counts_name, &id, ctx->error));
  *kept = ufi_store_at(store, id);
  const bool good = (*kept)->initialized && (*kept)->value.dtype == UF_INT32 &&
                    (*kept)->value.size == (size_t)s->a->range * sizeof(int32_t);
  for (int64_t i = 0; i < s->a->range; i++) {
    s->counts[i] = good ? ((const int32_t *)(*kept)->value.data)[i] : 1;
    s->counted += s->counts[i];
  }
  return UF_OK;
}

/* What was seen counts from now on. */
static uf_status store_counts(ufi_ctx *ctx, sampler *s, ufi_resource *kept) {
  const ufi_tensor *in = ctx->in[0];
  for (int64_t i = 0; i < in->count && s->counted < INT32_MAX; i++) {
    s->counts[((const int64_t *)in->data)[i]]++;
    s->counted++;
  }
  uf_tensor value = {.dtype = UF_INT32, .rank = 1, .dims = {s->a->range}, .data = s->counts,
                     .size = (size_t)s->a->range * sizeof(int32_t)};
  return ufi_variable_assign(kept, &value, false, ctx->error);
}

static uf_status run_sampler(ufi_ctx *ctx, sampler *s, id_set *set) {
  const sampler_attrs *a = s->a;
  const ufi_tensor *in = ctx->in[0];
  int64_t *out = ctx->out[0]->data;
  float *of_true = ctx->out[1]->data, *of_sampled = ctx->out[2]->data;
  ufi_resource *kept = NULL;
  if (a->kind == LEARNED) UFI_TRY(load_counts(ctx, s, &kept));
  UFI_TRY(ufi_random_reserve(ctx, &a->random, (uint64_t)a->n_sampled * 512, &s->words.gen));
  if (a->kind == ALL) {
    for (int64_t i = 0; i < a->n_sampled; i++) out[i] = i, of_sampled[i] = 1.0f;
    for (int64_t i = 0; i < in->count; i++) of_true[i] = 1.0f;
    return UF_OK;
  }
  const int64_t tries = draw_all(s, set, out);
  if (tries < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld classes that can be drawn, found less",
                        (long long)a->n_sampled);
  for (int64_t i = 0; i < a->n_sampled; i++) of_sampled[i] = expected(s, out[i], tries);
  for (int64_t i = 0; i < in->count; i++) of_true[i] = expected(s, ((const int64_t *)in->data)[i], tries);
  return a->kind == LEARNED ? store_counts(ctx, s, kept) : UF_OK;
}

static uf_status sampler_eval(ufi_ctx *ctx) {
  sampler s = {.a = ctx->attrs, .words = {.used = 4}};
  const ufi_tensor *in = ctx->in[0];
  for (int64_t i = 0; i < in->count; i++) {
    const int64_t value = ((const int64_t *)in->data)[i];
    if (value < 0 || value >= s.a->range)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected true classes in [0, %lld), found %lld",
                          (long long)s.a->range, (long long)value);
  }
  size_t slots = 16;
  while (slots < 2 * (size_t)s.a->n_sampled) slots *= 2;
  const bool weighted = s.a->kind == FIXED || s.a->kind == LEARNED;
  const size_t range = weighted ? (size_t)s.a->range : 0, bytes = slots * 8 + range * 24;
  if (bytes > ufi_host_max_bytes(ctx)) return ufi_no_memory(ctx->error, bytes);
  id_set set = {.slots = ufi_malloc(bytes), .mask = slots - 1};
  if (set.slots == NULL) return ufi_no_memory(ctx->error, bytes);
  for (size_t i = 0; i < slots; i++) set.slots[i] = -1;
  double *part = (double *)(set.slots + slots);
  s.chance = (float *)(part + range);
  s.other = s.counts = (int32_t *)(s.chance + range);
  if (s.a->kind == FIXED) fill_buckets(&s, part, s.other + range, s.other + 2 * range);
  uf_status status = run_sampler(ctx, &s, &set);
  ufi_free(set.slots);
  return status;
}

const ufi_op_def ufi_op_CANDIDATE_SAMPLER = {
  .attrs_size = sizeof(sampler_attrs), .attrs_tf = sampler_attrs_tf, .infer = sampler_infer, .eval = sampler_eval,
};

/* ---- ComputeAccidentalHits: samples that are true classes ---------------------------------------------------- */

typedef struct hits_attrs {
  int64_t n_true;
} hits_attrs;

static uf_status hits_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ((hits_attrs *)memory)->n_true = ufi_tf_int(from, "num_true");
  return UF_OK;
}

static uf_status hits_infer(ufi_ctx *ctx) {
  const hits_attrs *a = ctx->attrs;
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 2, 2));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  if (ctx->in[0]->dims[1] == a->n_true) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld classes in each row, found %lld", (long long)a->n_true,
                      (long long)ctx->in[0]->dims[1]);
}

/* Where a class was sampled last, -1: not at all. */
static int64_t sampled_at(const ufi_tensor *sampled, int64_t value) {
  int64_t i = sampled->count - 1;
  while (i >= 0 && ((const int64_t *)sampled->data)[i] != value) i--;
  return i;
}

static uf_status hits_eval(ufi_ctx *ctx) {
  const ufi_tensor *truth = ctx->in[0], *sampled = ctx->in[1];
  const int64_t *values = truth->data;
  int64_t n = 0;
  for (int64_t i = 0; i < truth->count; i++) n += sampled_at(sampled, values[i]) >= 0;
  for (int32_t i = 0; i < 3; i++) UFI_TRY(ufi_out_shape(ctx, i, 1, &n));
  n = 0;
  for (int64_t i = 0; i < truth->count; i++) {
    const int64_t at = sampled_at(sampled, values[i]);
    if (at < 0) continue;
    ((int32_t *)ctx->out[0]->data)[n] = (int32_t)(i / truth->dims[1]);
    ((int64_t *)ctx->out[1]->data)[n] = at;
    ((float *)ctx->out[2]->data)[n++] = -FLT_MAX;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_COMPUTE_ACCIDENTAL_HITS = {
  .attrs_size = sizeof(hits_attrs), .attrs_tf = hits_attrs_tf, .infer = hits_infer, .eval = hits_eval,
};
