/* SPDX-License-Identifier: Apache-2.0
 *
 * random.c: the Philox generator and the distributions, in groups of one counter each (two or
 * four numbers). A truncated normal number takes as many tries as it takes: its groups begin
 * 256 words a number apart, as in TensorFlow.
 */
#include "ops/random.h"

#include <math.h>
#include <stdio.h>
#include <sys/random.h>

#include "ops/host.h"

/* ---- the generator ---------------------------------------------------------------- */

void ufi_philox_next(ufi_philox *gen, uint32_t out[4]) {
  uint32_t c[4], key0 = gen->key[0], key1 = gen->key[1];
  memcpy(c, gen->counter, sizeof c);
  for (int round = 0; round < 10; round++) {
    const uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
    c[0] = (uint32_t)(b >> 32) ^ c[1] ^ key0;
    c[1] = (uint32_t)b;
    c[2] = (uint32_t)(a >> 32) ^ c[3] ^ key1;
    c[3] = (uint32_t)a;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  memcpy(out, c, sizeof c);
  ufi_philox_skip(gen, 1);
}

void ufi_philox_skip(ufi_philox *gen, uint64_t count) {
  uint64_t low, high;
  memcpy(&low, gen->counter, 8);
  memcpy(&high, gen->counter + 2, 8);
  low += count;
  high += low < count;
  memcpy(gen->counter, &low, 8);
  memcpy(gen->counter + 2, &high, 8);
}

ufi_philox ufi_philox_load(const uint64_t state[3]) {
  ufi_philox gen;
  memcpy(gen.counter, state, 16);
  memcpy(gen.key, state + 2, 8);
  return gen;
}

void ufi_philox_store(const ufi_philox *gen, uint64_t state[3]) {
  memcpy(state, gen->counter, 16);
  memcpy(state + 2, gen->key, 8);
}

ufi_philox ufi_philox_seeded(uint64_t seed, uint64_t seed2) {
  return ufi_philox_load((const uint64_t[3]){0, seed2, seed});
}

/* The constants are TensorFlow's (stateless_random_ops). */
ufi_philox ufi_philox_scrambled(uint64_t seed, uint64_t seed2) {
  ufi_philox gen = {.key = {0x3ec8f720, 0x02461e29}};
  uint32_t mix[4];
  memcpy(gen.counter, &seed, 8);
  memcpy(gen.counter + 2, &seed2, 8);
  ufi_philox_next(&gen, mix);
  return (ufi_philox){.counter = {0, 0, mix[2], mix[3]}, .key = {mix[0], mix[1]}};
}

uint32_t ufi_philox_word(ufi_philox_words *from) {
  if (from->used == 4) {
    ufi_philox_next(&from->gen, from->words);
    from->used = 0;
  }
  return from->words[from->used++];
}

uint32_t ufi_philox_below(ufi_philox_words *from, uint32_t n) {
  if ((n & (n - 1)) == 0) return ufi_philox_word(from) & (n ? n - 1 : 0);
  const uint32_t rest = UINT32_MAX % n + 1;
  uint32_t bits;
  do bits = ufi_philox_word(from);
  while (bits < rest);
  return bits % n;
}

/* ---- numbers from bits: the mantissa of a number in [1, 2), less 1 -------------------- */

float ufi_random_float(uint32_t bits) {
  const uint32_t code = 127u << 23 | (bits & 0x7fffffu);
  float value;
  memcpy(&value, &code, 4);
  return value - 1.0f;
}

double ufi_random_double(uint32_t high, uint32_t low) {
  const uint64_t code = (uint64_t)1023 << 52 | (uint64_t)(high & 0xfffffu) << 32 | low;
  double value;
  memcpy(&value, &code, 8);
  return value - 1.0;
}

/* Exact, as these numbers have few bits. */
static uint16_t half_of(uint32_t bits) {
  return ufi_float_to_half(ufi_half_to_float((uint16_t)(15u << 10 | (bits & 0x3ffu))) - 1.0f);
}

static uint16_t bfloat_of(uint32_t bits) {
  return ufi_float_to_bfloat(ufi_bfloat_to_float((uint16_t)(127u << 7 | (bits & 0x7fu))) - 1.0f);
}

void ufi_random_normal_f32(uint32_t a, uint32_t b, float out[2]) {
  float u = ufi_random_float(a);
  if (u < 1.0e-7f) u = 1.0e-7f; /* the logarithm's limit */
  const float angle = (float)(2.0 * M_PI * (double)ufi_random_float(b)), length = sqrtf(-2.0f * logf(u));
  sincosf(angle, &out[0], &out[1]);
  out[0] *= length;
  out[1] *= length;
}

void ufi_random_normal_f64(const uint32_t w[4], double out[2]) {
  double u = ufi_random_double(w[0], w[1]);
  if (u < 1.0e-7) u = 1.0e-7;
  const double angle = 2 * M_PI * ufi_random_double(w[2], w[3]), length = sqrt(-2.0 * log(u));
  sincos(angle, &out[0], &out[1]);
  out[0] *= length;
  out[1] *= length;
}

/* ---- groups ------------------------------------------------------------------------------ */

/* A group: four numbers of 16 or 32 bits, or two of 64. */
typedef union group {
  uint16_t h[4];
  float f[4];
  double d[2];
  uint32_t u[4];
  uint64_t q[2];
} group;

static int32_t group_size(uf_dtype dtype) { return uf_dtype_bits(dtype) == 64 ? 2 : 4; }

/* A float of the dtype into place i. */
static void put_float(group *g, uf_dtype dtype, int32_t i, float value) {
  if (dtype == UF_FLOAT32) g->f[i] = value;
  else g->h[i] = dtype == UF_FLOAT16 ? ufi_float_to_half(value) : ufi_float_to_bfloat(value);
}

static void uniform_group(const ufi_random_fill *fill, const uint32_t w[4], group *g) {
  switch (fill->dtype) {
    case UF_FLOAT16: for (int i = 0; i < 4; i++) g->h[i] = half_of(w[i]); break;
    case UF_BFLOAT16: for (int i = 0; i < 4; i++) g->h[i] = bfloat_of(w[i]); break;
    case UF_FLOAT32: for (int i = 0; i < 4; i++) g->f[i] = ufi_random_float(w[i]); break;
    default: for (int i = 0; i < 2; i++) g->d[i] = ufi_random_double(w[2 * i], w[2 * i + 1]); break;
  }
}

static void normal_group(const ufi_random_fill *fill, const uint32_t w[4], group *g) {
  if (fill->dtype == UF_FLOAT64) {
    ufi_random_normal_f64(w, g->d);
    return;
  }
  for (int32_t i = 0; i < 4; i += 2) {
    float two[2];
    ufi_random_normal_f32(w[i], w[i + 1], two);
    put_float(g, fill->dtype, i, two[0]);
    put_float(g, fill->dtype, i + 1, two[1]);
  }
}

static void int_group(const ufi_random_fill *fill, const uint32_t w[4], group *g) {
  const bool full = fill->kind == UFI_RANDOM_FULL_INT, wide = group_size(fill->dtype) == 2;
  for (int i = 0; i < 4 && !wide; i++)
    g->u[i] = full ? w[i] : (uint32_t)fill->low + w[i] % (uint32_t)fill->span;
  for (int i = 0; i < 2 && wide; i++) {
    const uint64_t bits = w[2 * i] | (uint64_t)w[2 * i + 1] << 32;
    g->q[i] = full ? bits : (uint64_t)fill->low + bits % fill->span;
  }
}

static void truncated_group(const ufi_random_fill *fill, ufi_philox gen, group *g) {
  ufi_philox_words words = {.gen = gen, .used = 4};
  const int32_t size = group_size(fill->dtype);
  for (int32_t n = 0; n < size;) {
    uint32_t w[4];
    double two[2];
    float narrow[2];
    for (int i = 0; i < (size == 2 ? 4 : 2); i++) w[i] = ufi_philox_word(&words);
    if (size == 2) ufi_random_normal_f64(w, two);
    else ufi_random_normal_f32(w[0], w[1], narrow);
    for (int i = 0; i < 2 && n < size; i++) {
      if (size == 2 && fabs(two[i]) < 2.0) g->d[n++] = two[i];
      if (size == 4 && fabsf(narrow[i]) < 2.0f) put_float(g, fill->dtype, n++, narrow[i]);
    }
  }
}

typedef struct fill_work {
  const ufi_random_fill *fill;
  uint8_t *out;
  int64_t n;
} fill_work;

static void fill_groups(void *context, size_t begin, size_t end) {
  const fill_work *work = context;
  const ufi_random_fill *fill = work->fill;
  const int64_t size = group_size(fill->dtype), bytes = uf_dtype_bits(fill->dtype) / 8;
  const uint64_t step = fill->kind == UFI_RANDOM_TRUNCATED ? (uint64_t)size * 64 : 1;
  ufi_philox gen = fill->gen;
  ufi_philox_skip(&gen, begin * step);
  for (size_t at = begin; at < end; at++) {
    group g;
    uint32_t w[4];
    if (fill->kind == UFI_RANDOM_TRUNCATED) {
      truncated_group(fill, gen, &g);
      ufi_philox_skip(&gen, step);
    } else {
      ufi_philox_next(&gen, w);
      if (fill->kind == UFI_RANDOM_UNIFORM) uniform_group(fill, w, &g);
      else if (fill->kind == UFI_RANDOM_NORMAL) normal_group(fill, w, &g);
      else int_group(fill, w, &g);
    }
    const int64_t first = (int64_t)at * size;
    memcpy(work->out + first * bytes, &g, (size_t)(UFI_MIN(size, work->n - first) * bytes));
  }
}

void ufi_random_run(const ufi_random_fill *fill, void *out, int64_t n, ufi_pool *pool) {
  fill_work work = {fill, out, n};
  const int32_t size = group_size(fill->dtype);
  ufi_parallel_ranges(pool, fill_groups, &work, (size_t)((n + size - 1) / size), 4096);
}

bool ufi_random_has(ufi_random_kind kind, uf_dtype dtype) {
  if (kind == UFI_RANDOM_INT) return dtype == UF_INT32 || dtype == UF_INT64;
  if (kind == UFI_RANDOM_FULL_INT)
    return dtype == UF_INT32 || dtype == UF_INT64 || dtype == UF_UINT32 || dtype == UF_UINT64;
  return dtype == UF_FLOAT16 || dtype == UF_BFLOAT16 || dtype == UF_FLOAT32 || dtype == UF_FLOAT64;
}

/* ---- generators kept between runs ------------------------------------------------------- */

uint64_t ufi_random_entropy(void) {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) bits = (uintptr_t)&bits;
  return bits;
}

/* Op, dtypes and seeds are part of the name, since bodies of functions may have nodes of one name, and
 * ops run one by one have none: there TensorFlow, too, keeps one generator for each of these. */
uf_status ufi_random_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ufi_random_attrs *a = memory;
  a->seed = ufi_tf_int(from, "seed");
  a->seed2 = ufi_tf_int(from, "seed2");
  const char *node = from->name ? from->name : "";
  const size_t size = strlen(node) + strlen(from->op) + 64 + (size_t)from->n * 8;
  char *name = ufi_arena_alloc(from->arena, size);
  if (name == NULL) return ufi_no_memory(error, size);
  size_t used = (size_t)snprintf(name, size, "%s/%s_%lld_%lld", node, from->op, (long long)a->seed, (long long)a->seed2);
  for (int32_t i = 0; i < from->n && used < size; i++)
    if (from->attrs[i].kind == UF_ATTR_DTYPE)
      used += (size_t)snprintf(name + used, size - used, "_%d", (int)from->attrs[i].i);
  a->name = name;
  return UF_OK;
}

uf_status ufi_random_reserve(ufi_ctx *ctx, const ufi_random_attrs *a, uint64_t count, ufi_philox *gen_out) {
  ufi_store *store = ufi_host_store(ctx);
  int64_t id;
  UFI_TRY(ufi_store_declare(store, UF_STATE_VARIABLE, "_random", a->name, &id, ctx->error));
  ufi_resource *kept = ufi_store_at(store, id);
  const bool good = kept->initialized && kept->value.dtype == UF_UINT64 && kept->value.size == 24;
  if (good) *gen_out = ufi_philox_load(kept->value.data);
  else if (a->seed == 0 && a->seed2 == 0) *gen_out = ufi_philox_seeded(ufi_random_entropy(), ufi_random_entropy());
  else *gen_out = ufi_philox_seeded((uint64_t)a->seed, (uint64_t)a->seed2);
  uint64_t state[3];
  ufi_philox next = *gen_out;
  ufi_philox_skip(&next, count);
  ufi_philox_store(&next, state);
  uf_tensor value = {.dtype = UF_UINT64, .rank = 1, .dims = {3}, .data = state, .size = sizeof state};
  return ufi_variable_assign(kept, &value, false, ctx->error);
}

/* ---- inputs ----------------------------------------------------------------------------- */

uf_status ufi_random_from_seeds_tf(ufi_ctx *ctx, int32_t i, ufi_philox *gen_out) {
  const ufi_tensor *t = ctx->in[i];
  int64_t seeds[2];
  int32_t n = 0;
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  if (t->rank != 1 || t->count != 2) {
    char text[512];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a seed of shape (2), found %s", ufi_tensor_text(t, text));
  }
  UFI_TRY(ufi_read_ints(ctx, t, seeds, 2, &n));
  *gen_out = ufi_philox_scrambled((uint64_t)seeds[0], (uint64_t)seeds[1]);
  return UF_OK;
}

uf_status ufi_random_shape(ufi_ctx *ctx, int32_t i, int32_t *rank_out, int64_t dims[UF_MAX_RANK]) {
  const ufi_tensor *t = ctx->in[i];
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, t, 1, 1));
  UFI_TRY(ufi_read_ints(ctx, t, dims, UF_MAX_RANK, rank_out));
  for (int32_t d = 0; d < *rank_out; d++)
    if (dims[d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 or more in '%s', found %lld", t->name,
                          (long long)dims[d]);
  return UF_OK;
}
