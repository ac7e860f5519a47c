/* SPDX-License-Identifier: Apache-2.0
 *
 * random_ops.c: TensorFlow's ops that fill a tensor with random numbers of one distribution:
 *
 *   legacy     RandomUniform ...: a generator per node, which goes on from run to run
 *   stateless  StatelessRandomUniform ... (from two seeds) and ...V2 (from key and counter)
 *   stateful   StatefulUniform ..., RngSkip ...: the generator is a variable, int64 of shape (3)
 *
 * TensorFlow's kernels for processors know only the algorithm Philox.
 */
#include "ops/host.h"
#include "ops/random.h"

enum { ALG_PHILOX = 1, ALG_AUTO = 3 };

/* ---- what all have in common ------------------------------------------------------------- */

/* The distribution that an op's name tells. */
static ufi_random_kind kind_of(const char *op) {
  if (strstr(op, "FullInt")) return UFI_RANDOM_FULL_INT;
  if (strstr(op, "UniformInt")) return UFI_RANDOM_INT;
  if (strstr(op, "Truncated")) return UFI_RANDOM_TRUNCATED;
  return strstr(op, "Normal") ? UFI_RANDOM_NORMAL : UFI_RANDOM_UNIFORM;
}

static uf_status kind_attrs(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  UFI_TRY(ufi_random_attrs_tf(from, memory, error));
  ((ufi_random_attrs *)memory)->op = (int32_t)kind_of(from->op);
  return UF_OK;
}

static uf_status fill_infer_at(ufi_ctx *ctx, int32_t shape) {
  const ufi_random_attrs *a = ctx->attrs;
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  if (!ufi_random_has((ufi_random_kind)a->op, ctx->out[0]->dtype))
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a result of another dtype, found %s",
                        uf_dtype_name(ctx->out[0]->dtype));
  if (!ufi_known(ctx, shape)) return UF_OK;
  UFI_TRY(ufi_random_shape(ctx, shape, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status want_scalar(ufi_ctx *ctx, int32_t i, const char *what) {
  char text[512];
  if (ctx->in[i]->rank == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of rank 0, found %s", what,
                      ufi_tensor_text(ctx->in[i], text));
}

/* Limits of UFI_RANDOM_INT from inputs i and i + 1. */
static uf_status read_limits(ufi_ctx *ctx, int32_t i, ufi_random_fill *fill) {
  int64_t limit[2];
  int32_t n;
  UFI_TRY(want_scalar(ctx, i, "minval"));
  UFI_TRY(want_scalar(ctx, i + 1, "maxval"));
  for (int k = 0; k < 2; k++) UFI_TRY(ufi_read_ints(ctx, ctx->in[i + k], &limit[k], 1, &n));
  if (limit[0] >= limit[1])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected minval < maxval, found %lld and %lld",
                        (long long)limit[0], (long long)limit[1]);
  fill->low = limit[0];
  fill->span = (uint64_t)limit[1] - (uint64_t)limit[0];
  return UF_OK;
}

static ufi_random_fill fill_of(const ufi_ctx *ctx) {
  const ufi_random_attrs *a = ctx->attrs;
  return (ufi_random_fill){.kind = (ufi_random_kind)a->op, .dtype = ctx->out[0]->dtype};
}

static uf_status run_fill(ufi_ctx *ctx, const ufi_random_fill *fill) {
  ufi_random_run(fill, ctx->out[0]->data, ctx->out[0]->count, ctx->pool);
  return UF_OK;
}

static uf_status infer_shape_0(ufi_ctx *ctx) { return fill_infer_at(ctx, 0); }
static uf_status infer_shape_2(ufi_ctx *ctx) { return fill_infer_at(ctx, 2); }

/* ---- legacy --------------------------------------------------------------------------------- */

static uf_status legacy_eval(ufi_ctx *ctx) {
  ufi_random_fill fill = fill_of(ctx);
  if (ctx->out[0]->count == 0) return UF_OK;
  if (fill.kind == UFI_RANDOM_INT) UFI_TRY(read_limits(ctx, 1, &fill));
  UFI_TRY(ufi_random_reserve(ctx, ctx->attrs, (uint64_t)ctx->out[0]->count * 256, &fill.gen));
  return run_fill(ctx, &fill);
}

const ufi_op_def ufi_op_RANDOM_FILL = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = kind_attrs, .infer = infer_shape_0, .eval = legacy_eval,
};

/* ---- stateless -------------------------------------------------------------------------------- */

/* Key, counter and algorithm from inputs i to i + 2. */
uf_status ufi_random_from_key(ufi_ctx *ctx, int32_t i, ufi_philox *gen_out) {
  const ufi_tensor *key = ctx->in[i], *counter = ctx->in[i + 1], *alg = ctx->in[i + 2];
  UFI_TRY(ufi_want_in(ctx, i, UF_UINT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, i + 1, UF_UINT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, i + 2, UF_INT32, UF_INVALID));
  UFI_TRY(want_scalar(ctx, i + 2, "an algorithm"));
  if (key->rank != 1 || key->count != 1 || counter->rank != 1 || counter->count < 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a key of shape (1) and a counter of shape (2), found "
                        "%lld and %lld numbers", (long long)key->count, (long long)counter->count);
  const int32_t which = *(const int32_t *)alg->data;
  if (which != ALG_PHILOX && which != ALG_AUTO)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected algorithm 1 (Philox) or 3 (any), found %d", (int)which);
  const uint64_t *c = counter->data, state[3] = {c[0], c[1], *(const uint64_t *)key->data};
  *gen_out = ufi_philox_load(state);
  return UF_OK;
}

static uf_status stateless_eval(ufi_ctx *ctx) {
  ufi_random_fill fill = fill_of(ctx);
  UFI_TRY(ufi_random_from_seeds_tf(ctx, 1, &fill.gen));
  if (ctx->out[0]->count == 0) return UF_OK;
  if (fill.kind == UFI_RANDOM_INT) UFI_TRY(read_limits(ctx, 2, &fill));
  return run_fill(ctx, &fill);
}

static uf_status stateless_v2_eval(ufi_ctx *ctx) {
  ufi_random_fill fill = fill_of(ctx);
  UFI_TRY(ufi_random_from_key(ctx, 1, &fill.gen));
  if (ctx->out[0]->count == 0) return UF_OK;
  if (fill.kind == UFI_RANDOM_INT) UFI_TRY(read_limits(ctx, 4, &fill));
  return run_fill(ctx, &fill);
}

const ufi_op_def ufi_op_STATELESS_FILL = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = kind_attrs, .infer = infer_shape_0, .eval = stateless_eval,
};
const ufi_op_def ufi_op_STATELESS_FILL_V2 = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = kind_attrs, .infer = infer_shape_0, .eval = stateless_v2_eval,
};

/* Key (1), counter (2), algorithm (): as many as the op has. */
static uf_status key_counter_infer(ufi_ctx *ctx) {
  const int64_t sizes[2] = {1, 2};
  if (ctx->n_in == 0) return ufi_out_shape(ctx, 0, 0, NULL);
  for (int32_t i = 0; i < UFI_MIN(ctx->n_out, 2); i++) UFI_TRY(ufi_out_shape(ctx, i, 1, &sizes[i]));
  return ctx->n_out > 2 ? ufi_out_shape(ctx, 2, 0, NULL) : UF_OK;
}

static uf_status key_counter_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  uint64_t state[3];
  if (ctx->n_in == 0 || ctx->n_out > 2) *(int32_t *)ctx->out[ctx->n_in ? 2 : 0]->data = ALG_PHILOX;
  if (ctx->n_in == 0) return UF_OK;
  UFI_TRY(ufi_random_from_seeds_tf(ctx, 0, &gen));
  ufi_philox_store(&gen, state);
  *(uint64_t *)ctx->out[0]->data = state[2];
  memcpy(ctx->out[1]->data, state, 16);
  return UF_OK;
}

const ufi_op_def ufi_op_KEY_COUNTER = {.infer = key_counter_infer, .eval = key_counter_eval};

/* ---- generators in variables --------------------------------------------------------------- */

/* The generator in the variable that input 0 points to, which moves on by 256 words for each of
 * `numbers`. */
static uf_status advance(ufi_ctx *ctx, uint64_t numbers, ufi_philox *gen_out) {
  char text[256];
  int64_t alg[1];
  int32_t n;
  const ufi_tensor *handle = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(want_scalar(ctx, 1, "an algorithm"));
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], alg, 1, &n));
  ufi_resource *r = handle->count == 1 ? ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data) : NULL;
  if (r == NULL || r->kind != UF_STATE_VARIABLE)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a handle of a variable in '%s', found another",
                        handle->name);
  uf_tensor value;
  UFI_TRY(ufi_variable_read(r, &value, ctx->error));
  const bool good = value.dtype == UF_INT64 && value.rank == 1 && value.dims[0] >= 3;
  if (alg[0] != ALG_PHILOX && alg[0] != ALG_AUTO) {
    uf_tensor_release(&value);
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected algorithm 1 (Philox) or 3 (any), found %lld",
                        (long long)alg[0]);
  }
  if (!good) {
    uf_tensor_release(&value);
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 3 or more numbers of int64 as the generator in %s, "
                        "found another value", ufi_resource_text(r, text));
  }
  uf_tensor next = value;
  uint64_t state[3];
  *gen_out = ufi_philox_load(value.data);
  ufi_philox moved = *gen_out;
  ufi_philox_skip(&moved, numbers * 256);
  ufi_philox_store(&moved, state);
  uf_status status = ufi_tensor_memory(&next, ctx->error);
  if (status == UF_OK) {
    memcpy(next.data, value.data, value.size);
    memcpy(next.data, state, sizeof state);
    status = ufi_variable_assign(r, &next, true, ctx->error);
    uf_tensor_release(&next);
  }
  uf_tensor_release(&value);
  return status;
}

static uf_status stateful_eval(ufi_ctx *ctx) {
  ufi_random_fill fill = fill_of(ctx);
  if (fill.kind == UFI_RANDOM_INT) UFI_TRY(read_limits(ctx, 3, &fill));
  UFI_TRY(advance(ctx, (uint64_t)ctx->out[0]->count, &fill.gen));
  return run_fill(ctx, &fill);
}

const ufi_op_def ufi_op_STATEFUL_FILL = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tf = kind_attrs, .infer = infer_shape_2, .eval = stateful_eval,
};

static uf_status skip_infer(ufi_ctx *ctx) {
  const int64_t size = 3;
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  return ctx->n_out ? ufi_out_shape(ctx, 0, 1, &size) : UF_OK;
}

static uf_status skip_eval(ufi_ctx *ctx) {
  ufi_philox gen;
  uint64_t state[3], delta;
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT64, UF_UINT64, UF_INVALID));
  UFI_TRY(want_scalar(ctx, 2, "delta"));
  memcpy(&delta, ctx->in[2]->data, sizeof delta);
  UFI_TRY(advance(ctx, delta, &gen));
  ufi_philox_store(&gen, state);
  if (ctx->n_out) memcpy(ctx->out[0]->data, state, sizeof state);
  return UF_OK;
}

const ufi_op_def ufi_op_RNG_SKIP = {.infer = skip_infer, .eval = skip_eval};

static uf_status ints_infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_UINT32, UF_INT64, UF_UINT64, UF_INVALID));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(ufi_random_shape(ctx, 0, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status ints_eval(ufi_ctx *ctx) {
  ufi_random_fill fill = {.kind = UFI_RANDOM_FULL_INT, .dtype = ctx->out[0]->dtype};
  fill.gen = ufi_philox_seeded(ufi_random_entropy(), ufi_random_entropy());
  return run_fill(ctx, &fill);
}

const ufi_op_def ufi_op_NON_DETERMINISTIC_INTS = {.infer = ints_infer, .eval = ints_eval};
