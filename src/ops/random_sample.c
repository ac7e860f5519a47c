/* SPDX-License-Identifier: Apache-2.0
 *
 * random_sample.c: TensorFlow's samplers that take more than a shape: shuffles, Gamma and Poisson
 * numbers, each from a node's generator or from seeds. Multinomial is in multinomial.c.
 *
 *   Gamma     Marsaglia and Tsang, "A simple method for generating gamma variables", 2000
 *   Poisson   below rate 10 Knuth, TAOCP volume 2; else Hormann, "The transformed rejection method
 *             for generating Poisson random variables", 1993
 *   index shuffle   Simon (Beaulieu et al., 2013) with a few rounds, walked until in range
 *
 * Constants, the order of draws and where each output's draws begin are TensorFlow's.
 */
#include <math.h>

#include "ops/move.h"
#include "ops/random.h"

/* Counters that each Gamma or Poisson number may use. */
enum { RESERVED = 256 };

/* ---- shuffles: Fisher and Yates over dimension 0 ----------------------------------------- */

static uf_status shuffle_infer(ufi_ctx *ctx) { return ufi_out_like(ctx, 0, ctx->in[0]); }

static uf_status shuffle_prepare(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  if (in->rank > 0) ufi_want_scratch(ctx, (size_t)in->dims[0] * sizeof(int64_t));
  return UF_OK;
}

static bool shuffles(const ufi_tensor *in) { return in->rank > 0 && in->count > 1 && in->dims[0] > 1; }

static uf_status shuffle_by(ufi_ctx *ctx, ufi_philox gen) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  ufi_philox_words words = {.gen = gen, .used = 4};
  int64_t *order = ctx->scratch;
  const int64_t n = in->dims[0], row = in->count / n;
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = 0; i < n - 1; i++) {
    const int64_t other = i + ufi_philox_word(&words) % (uint32_t)(n - i), kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  for (int64_t i = 0; i < n; i++) ufi_move_run_flat(in->dtype, out->data, i * row, in->data, order[i] * row, row);
  return UF_OK;
}

static uf_status shuffle_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  ufi_philox gen;
  if (!shuffles(in)) {
    ufi_move_all(ctx->out[0], in);
    return UF_OK;
  }
  UFI_TRY(ufi_random_reserve(ctx, ctx->attrs, (uint64_t)(in->dims[0] + 2) / 4, &gen));
  return shuffle_by(ctx, gen);
}

static uf_status stateless_shuffle_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  UFI_TRY(ufi_random_from_key(ctx, 1, &gen));
  if (shuffles(ctx->in[0])) return shuffle_by(ctx, gen);
  ufi_move_all(ctx->out[0], ctx->in[0]);
  return UF_OK;
}

const ufi_op_def ufi_op_RANDOM_SHUFFLE = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = ufi_random_attrs_tf, .infer = shuffle_infer,
  .prepare = shuffle_prepare, .eval = shuffle_eval,
};
const ufi_op_def ufi_op_STATELESS_SHUFFLE = {
  .infer = shuffle_infer, .prepare = shuffle_prepare, .eval = stateless_shuffle_eval,
};

/* ---- one place of a permutation that is never made ------------------------------------------ */

static uint64_t rotate(uint64_t x, int by, int width, uint64_t mask) {
  return (x << by | x >> (width - by)) & mask;
}

static uint64_t simon_round(uint64_t x, int width, uint64_t mask) {
  return (rotate(x, 1, width, mask) & rotate(x, 8, width, mask)) ^ rotate(x, 2, width, mask);
}

/* Round keys of words of `width` bits. */
static void simon_keys(const uint32_t seed[3], int rounds, int width, uint64_t mask, uint64_t *keys) {
  uint64_t z = UINT64_C(0x7369f885192c0ef5) & mask;
  for (int i = 0; i < rounds; i++) {
    if (i < 3) {
      keys[i] = seed[i] & mask;
      continue;
    }
    const uint64_t last = keys[i - 1];
    keys[i] = (UINT64_C(0xfffffffc) & mask) ^ (z & 1) ^ keys[i - 3] ^ rotate(last, width - 3, width, mask) ^
              rotate(last, width - 4, width, mask);
    z >>= 1;
  }
}

enum { MAX_ROUNDS = 64 };

static uint64_t index_shuffle(uint64_t index, const uint32_t seed[3], uint64_t max_index, int rounds) {
  uint64_t keys[MAX_ROUNDS];
  if (max_index == 0) return 0;
  int block = (int)ceil(log2((double)max_index));
  block = UFI_MIN(UFI_MAX(block + block % 2, 16), 64);
  const int width = block / 2;
  const uint64_t mask = (UINT64_C(1) << width) - 1;
  simon_keys(seed, rounds, width, mask, keys);
  do {
    uint64_t left = index >> width & mask, right = index & mask;
    for (int i = 0; i < rounds; i += 2) {
      left ^= simon_round(right, width, mask) ^ keys[i];
      right ^= simon_round(left, width, mask) ^ keys[i + 1];
    }
    index = left << width | right;
  } while (index > max_index);
  return index;
}

static uint64_t load_index(const ufi_tensor *t, int64_t i) {
  return t->dtype == UF_INT64 || t->dtype == UF_UINT64 ? ((const uint64_t *)t->data)[i]
       : t->dtype == UF_INT32 ? (uint64_t)((const int32_t *)t->data)[i]
                              : ((const uint32_t *)t->data)[i];
}

typedef struct index_attrs {
  int64_t rounds;
} index_attrs;

static uf_status index_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  index_attrs *a = memory;
  a->rounds = ufi_tf_int(from, "rounds");
  return UF_OK;
}

static uf_status index_infer(ufi_ctx *ctx) {
  const ufi_tensor *index = ctx->in[0], *seed = ctx->in[1], *max = ctx->in[2];
  const index_attrs *a = ctx->attrs;
  const int64_t n = UFI_MAX(UFI_MAX(index->count, max->count), seed->count / 3);
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_UINT32, UF_INT64, UF_UINT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_UINT32, UF_INT64, UF_UINT64, UF_INVALID));
  const bool good = (index->rank == 0 || (index->rank == 1 && index->count == n)) &&
                    (max->rank == 0 || (max->rank == 1 && max->count == n)) &&
                    ((seed->rank == 1 && seed->count == 3) ||
                     (seed->rank == 2 && seed->dims[0] == n && seed->dims[1] == 3));
  if (!good)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index, a seed of 3 and a maximum, or vectors of %lld, "
                        "found ranks %d, %d and %d", (long long)n, (int)index->rank, (int)seed->rank, (int)max->rank);
  if (a->rounds < 4 || a->rounds > MAX_ROUNDS || a->rounds % 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an even number of rounds from 4 to %d, found %lld",
                        MAX_ROUNDS, (long long)a->rounds);
  const bool single = index->rank == 0 && seed->rank == 1 && max->rank == 0;
  return ufi_out_shape(ctx, 0, single ? 0 : 1, &n);
}

static uf_status index_eval(ufi_ctx *ctx) {
  const ufi_tensor *index = ctx->in[0], *seed = ctx->in[1], *max = ctx->in[2], *out = ctx->out[0];
  const index_attrs *a = ctx->attrs;
  for (int64_t i = 0; i < out->count; i++) {
    uint32_t words[3];
    const uint64_t at = load_index(index, index->rank ? i : 0), last = load_index(max, max->rank ? i : 0);
    for (int k = 0; k < 3; k++) words[k] = (uint32_t)load_index(seed, (seed->rank == 2 ? 3 * i : 0) + k);
    if (at > last) /* the walk might never come back into range */
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %llu], found %llu",
                          (unsigned long long)last, (unsigned long long)at);
    const uint64_t found = index_shuffle(at, words, last, (int)a->rounds);
    if (uf_dtype_bits(out->dtype) == 64) ((uint64_t *)out->data)[i] = found;
    else ((uint32_t *)out->data)[i] = (uint32_t)found;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_RANDOM_INDEX_SHUFFLE = {
  .attrs_size = sizeof(index_attrs), .attrs_tf = index_attrs_tf, .infer = index_infer, .eval = index_eval,
};

/* ---- Gamma and Poisson: numbers of given parameters ---------------------------------------------- */

/* Draws of one output, taken from the last of a group to the first. */
typedef struct draws {
  ufi_philox gen;
  double uniform[2], normal[2];
  int32_t uniforms, normals;   /* left */
} draws;

static double draw_uniform(draws *d) {
  if (d->uniforms == 0) {
    uint32_t w[4];
    ufi_philox_next(&d->gen, w);
    d->uniforms = 2;
    for (int i = 0; i < 2; i++) d->uniform[i] = ufi_random_double(w[2 * i], w[2 * i + 1]);
  }
  return d->uniform[--d->uniforms];
}

static double draw_normal(draws *d) {
  if (d->normals == 0) {
    uint32_t w[4];
    ufi_philox_next(&d->gen, w);
    ufi_random_normal_f64(w, d->normal);
    d->normals = 2;
  }
  return d->normal[--d->normals];
}

static double gamma_number(draws *from, double alpha) {
  if (alpha == 1.0) return -log1p(-draw_uniform(from));
  const double d = alpha + (alpha < 1 ? 2.0 / 3 : -1.0 / 3), c = 1.0 / 3 / sqrt(d);
  if (!(d > 0) || !isfinite(d)) return NAN; /* no such distribution: no try would be taken */
  for (;;) {
    const double x = draw_normal(from);
    double v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    const double u = draw_uniform(from);
    if (u < 1 - 0.0331 * (x * x) * (x * x) || log(u) < 0.5 * x * x + d * (1 - v + log(v)))
      return alpha < 1 ? d * v * pow(draw_uniform(from), 1 / alpha) : d * v;
  }
}

/* Below rate 10, times between events are added up; else a curve above the distribution is tried. */
static double poisson_number(draws *from, double rate) {
  if (!isfinite(rate)) return NAN;
  if (rate < 10) {
    const double limit = exp(-rate);
    double product = 1, x = 0;
    for (;; x += 1) {
      product *= draw_uniform(from);
      if (product <= limit) return x;
    }
  }
  const double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b, inverse = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    const double u = draw_uniform(from) - 0.5, v = draw_uniform(from), shifted = 0.5 - fabs(u);
    const double k = floor((2 * a / shifted + b) * u + rate + 0.43);
    if (shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
    if (k < 0 || (shifted < 0.013 && v > shifted)) continue;
    if (log(v * inverse / (a / (shifted * shifted) + b)) <= -rate + k * log(rate) - lgamma(k + 1)) return k;
  }
}

enum { OP_GAMMA, OP_POISSON };

static uf_status sample_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  UFI_TRY(ufi_random_attrs_tf(from, memory, error));
  ((ufi_random_attrs *)memory)->op = strstr(from->op, "Poisson") ? OP_POISSON : OP_GAMMA;
  return UF_OK;
}

static uf_status want_parameter(ufi_ctx *ctx, int32_t i) {
  const ufi_random_attrs *a = ctx->attrs;
  if (a->op == OP_GAMMA) {
    UFI_TRY(ufi_want_same(ctx, ctx->in[i], ctx->out[0]));
    return ufi_want_in(ctx, i, UF_FLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INVALID);
  }
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_INVALID));
  return ufi_want_in(ctx, i, UF_FLOAT16, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_INVALID);
}

/* The legacy ops: as many numbers as the shape says for each parameter. */
static uf_status sample_infer(ufi_ctx *ctx) {
  const ufi_tensor *t = ctx->in[1];
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(want_parameter(ctx, 1));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(ufi_random_shape(ctx, 0, &rank, dims));
  if (rank + t->rank > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions, found %d", UF_MAX_RANK,
                        (int)(rank + t->rank));
  for (int32_t d = 0; d < t->rank; d++) dims[rank++] = t->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* The stateless ones: a shape that ends with that of the parameters. */
static uf_status stateless_sample_infer_at(ufi_ctx *ctx, int32_t i) {
  const ufi_tensor *t = ctx->in[i];
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(want_parameter(ctx, i));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(ufi_random_shape(ctx, 0, &rank, dims));
  bool good = t->rank <= rank;
  for (int32_t d = 0; good && d < t->rank; d++) good = dims[rank - t->rank + d] == t->dims[d];
  char text[512], found[UFI_SHAPE_TEXT];
  if (!good)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape that ends with that of %s, found %s",
                        ufi_tensor_text(t, text), ufi_shape_text(rank, dims, found));
  return ufi_out_shape(ctx, 0, rank, dims);
}

typedef struct sample_work {
  ufi_ctx *ctx;
  const ufi_tensor *parameters;
  ufi_philox gen;
  int64_t each;                /* numbers for each parameter */
  bool poisson;
} sample_work;

/* Numbers [begin, end) in the order of draws: all of the first parameter, then of the second ... */
static void sample_range(void *context, size_t begin, size_t end) {
  const sample_work *work = context;
  const ufi_tensor *t = work->parameters, *out = work->ctx->out[0];
  const int64_t size = uf_dtype_bits(t->dtype) / 8, out_size = uf_dtype_bits(out->dtype) / 8;
  for (size_t i = begin; i < end; i++) {
    const int64_t p = (int64_t)i / work->each, at = (int64_t)i % work->each * t->count + p;
    draws from = {.gen = work->gen};
    double parameter = 0;
    uf_status status = ufi_convert(t->dtype, (const uint8_t *)t->data + p * size, 1, UF_FLOAT64, &parameter, NULL);
    ufi_philox_skip(&from.gen, (uint64_t)RESERVED * i);
    double number = work->poisson ? poisson_number(&from, parameter) : gamma_number(&from, parameter);
    if (isnan(number) && (out->dtype == UF_INT32 || out->dtype == UF_INT64)) number = 0;
    if (status == UF_OK)
      status = ufi_convert(UF_FLOAT64, &number, 1, out->dtype, (uint8_t *)out->data + at * out_size, NULL);
  }
}

static uf_status sample_by(ufi_ctx *ctx, int32_t i, ufi_philox gen) {
  const ufi_random_attrs *a = ctx->attrs;
  sample_work work = {ctx, ctx->in[i], gen, 0, a->op == OP_POISSON};
  work.each = ctx->out[0]->count / work.parameters->count;
  ufi_parallel_ranges(ctx->pool, sample_range, &work, (size_t)ctx->out[0]->count, 512);
  return UF_OK;
}

static uf_status sample_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  if (ctx->out[0]->count == 0) return UF_OK;
  UFI_TRY(ufi_random_reserve(ctx, ctx->attrs, (uint64_t)ctx->out[0]->count * RESERVED, &gen));
  return sample_by(ctx, 1, gen);
}

static uf_status stateless_sample_infer(ufi_ctx *ctx) { return stateless_sample_infer_at(ctx, 2); }

static uf_status stateless_sample_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  UFI_TRY(ufi_random_from_seeds_tf(ctx, 1, &gen));
  return ctx->out[0]->count ? sample_by(ctx, 2, gen) : UF_OK;
}

static uf_status stateless_sample_v3_infer(ufi_ctx *ctx) { return stateless_sample_infer_at(ctx, 4); }

static uf_status stateless_sample_v3_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  UFI_TRY(ufi_random_from_key(ctx, 1, &gen));
  return ctx->out[0]->count ? sample_by(ctx, 4, gen) : UF_OK;
}

const ufi_op_def ufi_op_RANDOM_SAMPLE = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = sample_attrs_tf, .infer = sample_infer, .eval = sample_eval,
};
const ufi_op_def ufi_op_STATELESS_SAMPLE = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = sample_attrs_tf, .infer = stateless_sample_infer,
  .eval = stateless_sample_eval,
};
const ufi_op_def ufi_op_STATELESS_SAMPLE_V3 = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = sample_attrs_tf, .infer = stateless_sample_v3_infer,
  .eval = stateless_sample_v3_eval,
};
