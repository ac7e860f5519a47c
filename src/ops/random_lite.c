/* SPDX-License-Identifier: Apache-2.0
 *
 * random_lite.c: RANDOM_UNIFORM and RANDOM_STANDARD_NORMAL, TFLite's random numbers, and what its
 * MULTINOMIAL (multinomial.c) has in common with them.
 *
 * The generator is TensorFlow's (random.h), one for each node. It moves on by what was drawn, and
 * begins anew when the node is allocated anew. It is a variable of the session's store, in the
 * container "_random", so that it is saved, restored, copied and reset with all other state. Without
 * a seed it begins anywhere.
 */
#include <stdio.h>

#include "ops/host.h"
#include "ops/random.h"

uf_status ufi_random_attrs_lite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_random_attrs *a = attrs;
  char *name = ufi_arena_alloc(from->arena, 48);
  if (name == NULL) return ufi_no_memory(error, 48);
  snprintf(name, 48, "graph_%d/node_%d", (int)from->graph, (int)from->node);
  a->name = name;
  a->seed = (int32_t)ufi_fb_i64(&from->options, 0, 0); /* LiteRT keeps the lower half of each */
  a->seed2 = (int32_t)ufi_fb_i64(&from->options, 1, 0);
  a->is_lite = true;
  return UF_OK;
}

static uf_status begin(ufi_resource *r, const ufi_random_attrs *a, uf_error *error) {
  const bool seeded = a->seed != 0 || a->seed2 != 0;
  const ufi_philox gen = ufi_philox_seeded(seeded ? (uint64_t)a->seed : ufi_random_entropy(),
                                           seeded ? (uint64_t)a->seed2 : ufi_random_entropy());
  uint64_t state[3];
  ufi_philox_store(&gen, state);
  const uf_tensor value = {.dtype = UF_UINT64, .rank = 1, .dims = {3}, .data = state, .size = sizeof state};
  return ufi_variable_assign(r, &value, false, error);
}

uf_status ufi_random_declare(ufi_store *store, const ufi_random_attrs *a, uf_error *error) {
  int64_t id;
  UFI_TRY(ufi_store_declare(store, UF_STATE_VARIABLE, "_random", a->name, &id, error));
  ufi_resource *r = ufi_store_at(store, id);
  return r->initialized ? UF_OK : begin(r, a, error);
}

/* TensorFlow's nodes, which may stand in a .tflite file too (Select TF), go on where they were. */
uf_status ufi_random_restart(ufi_ctx *ctx) {
  const ufi_random_attrs *a = ctx->attrs;
  if (!a->is_lite) return UF_OK;
  ufi_store *store = ufi_host_store(ctx);
  int64_t id;
  UFI_TRY(ufi_store_declare(store, UF_STATE_VARIABLE, "_random", a->name, &id, ctx->error));
  return begin(ufi_store_at(store, id), a, ctx->error);
}

/* ---- the ops ------------------------------------------------------------------------- */

static uf_status infer(ufi_ctx *ctx) {
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT32, UF_INVALID));
  if (!ufi_known(ctx, 0)) return UF_OK;
  UFI_TRY(ufi_random_shape(ctx, 0, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status fill(ufi_ctx *ctx, ufi_random_kind kind) {
  ufi_random_fill fill = {.kind = kind, .dtype = UF_FLOAT32};
  const int64_t n = ctx->out[0]->count;
  UFI_TRY(ufi_random_reserve(ctx, ctx->attrs, (uint64_t)(n + 3) / 4, &fill.gen));
  ufi_random_run(&fill, ctx->out[0]->data, n, ctx->pool);
  return UF_OK;
}

static uf_status uniform_eval(ufi_ctx *ctx) { return fill(ctx, UFI_RANDOM_UNIFORM); }
static uf_status normal_eval(ufi_ctx *ctx) { return fill(ctx, UFI_RANDOM_NORMAL); }

extern const ufi_op_def ufi_op_RANDOM_UNIFORM, ufi_op_RANDOM_STANDARD_NORMAL;
const ufi_op_def ufi_op_RANDOM_UNIFORM = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tflite = ufi_random_attrs_lite, .infer = infer, .eval = uniform_eval,
  .restart = ufi_random_restart,
};
const ufi_op_def ufi_op_RANDOM_STANDARD_NORMAL = {
  .attrs_size = sizeof(ufi_random_attrs), .attrs_tflite = ufi_random_attrs_lite, .infer = infer, .eval = normal_eval,
  .restart = ufi_random_restart,
};
