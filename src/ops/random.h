/* SPDX-License-Identifier: Apache-2.0
 *
 * random.h: TensorFlow's random numbers: the generator Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011) and the distributions drawn from it.
 *
 * Every result is bit for bit what TensorFlow's CPU kernels give for the same key and counter. A
 * counter stands for 128 bits; outputs are made in groups, and each group knows where in the stream
 * it begins, so that results do not depend on who computes which group.
 */
#ifndef UFI_RANDOM_H
#define UFI_RANDOM_H

#include "ops/op.h"
#include "ops/resource.h"

typedef struct ufi_philox {
  uint32_t counter[4], key[2];
} ufi_philox;

/* The 128 bits at the counter, which moves on by one. */
void ufi_philox_next(ufi_philox *gen, uint32_t out[4]);
void ufi_philox_skip(ufi_philox *gen, uint64_t count);
/* From and to [counter low, counter high, key], as tf.random.Generator keeps it. */
ufi_philox ufi_philox_load(const uint64_t state[3]);
void ufi_philox_store(const ufi_philox *gen, uint64_t state[3]);
/* As the legacy ops begin: the key is seed, the counter's upper half seed2. */
ufi_philox ufi_philox_seeded(uint64_t seed, uint64_t seed2);
/* As the stateless ops begin: both seeds, scrambled. */
ufi_philox ufi_philox_scrambled(uint64_t seed, uint64_t seed2);

/* 32 bits at a time. Starts with {.gen = ..., .used = 4}. */
typedef struct ufi_philox_words {
  ufi_philox gen;
  uint32_t words[4];
  int32_t used;
} ufi_philox_words;
uint32_t ufi_philox_word(ufi_philox_words *from);
/* In [0, n) without bias: numbers that would make some more frequent are drawn anew. */
uint32_t ufi_philox_below(ufi_philox_words *from, uint32_t n);

/* [0, 1) from 23 or 52 random bits. */
float ufi_random_float(uint32_t bits);
double ufi_random_double(uint32_t high, uint32_t low);
/* Two normal numbers from two uniform ones (Box and Muller, 1958). */
void ufi_random_normal_f32(uint32_t a, uint32_t b, float out[2]);
void ufi_random_normal_f64(const uint32_t words[4], double out[2]);

typedef enum ufi_random_kind {
  UFI_RANDOM_UNIFORM,    /* floats in [0, 1) */
  UFI_RANDOM_NORMAL,
  UFI_RANDOM_TRUNCATED,  /* normal, at most two standard deviations from 0 */
  UFI_RANDOM_INT,        /* int32 or int64 in [low, high) */
  UFI_RANDOM_FULL_INT,   /* 32 or 64 bits */
} ufi_random_kind;

typedef struct ufi_random_fill {
  ufi_random_kind kind;
  uf_dtype dtype;
  ufi_philox gen;
  int64_t low;           /* of UFI_RANDOM_INT */
  uint64_t span;         /* high - low, as unsigned */
} ufi_random_fill;
/* n numbers of one of the dtypes that ufi_random_has says. */
void ufi_random_run(const ufi_random_fill *fill, void *out, int64_t n, ufi_pool *pool);
bool ufi_random_has(ufi_random_kind kind, uf_dtype dtype);

/* What a legacy op keeps between runs: a generator of its own in the session's store. */
typedef struct ufi_random_attrs {
  int64_t seed, seed2;   /* both 0: nobody knows what comes */
  const char *name;      /* of the hidden variable */
  int32_t op;            /* what else the op must know */
  bool is_lite;          /* of a TFLite node: its generator is there before the first run */
} ufi_random_attrs;
uf_status ufi_random_attrs_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) UF_MUST_USE;
/* The generator as it is now; the kept one moves on by `count` counters. */
uf_status ufi_random_reserve(ufi_ctx *ctx, const ufi_random_attrs *attrs, uint64_t count,
                             ufi_philox *gen_out) UF_MUST_USE;
uint64_t ufi_random_entropy(void);

/* random_lite.c: the same of TFLite's ops, whose attrs are ufi_random_attrs. */
uf_status ufi_random_attrs_lite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) UF_MUST_USE;
/* Makes the generator, if it is not there. */
uf_status ufi_random_declare(ufi_store *store, const ufi_random_attrs *attrs, uf_error *error) UF_MUST_USE;
uf_status ufi_random_restart(ufi_ctx *ctx) UF_MUST_USE;
/* True for a TFLite node that has a generator. */
static inline bool ufi_has_generator(const ufi_op_row *op, const void *attrs) {
  return op && op->def->restart == ufi_random_restart && ((const ufi_random_attrs *)attrs)->is_lite;
}

/* Shared by the ops: the generator of two seeds in input i. */
uf_status ufi_random_from_seeds_tf(ufi_ctx *ctx, int32_t i, ufi_philox *gen_out) UF_MUST_USE;
/* That of a key, a counter and an algorithm in inputs i to i + 2. */
uf_status ufi_random_from_key(ufi_ctx *ctx, int32_t i, ufi_philox *gen_out) UF_MUST_USE;
/* Dims from a shape tensor, input i, which is known; from rank 0 on. */
uf_status ufi_random_shape(ufi_ctx *ctx, int32_t i, int32_t *rank_out, int64_t dims[UF_MAX_RANK]) UF_MUST_USE;

#endif
