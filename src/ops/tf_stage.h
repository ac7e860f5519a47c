/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_stage.h: how TensorFlow's heavy ops do without a copy of their loops for each dtype and each
 * layout. Loops exist for a few dtypes to compute in, channels last; a value of another dtype or
 * layout goes through scratch on its way in and out.
 *
 * Scratch is laid out by one function that prepare runs to know how much, and eval runs to get
 * the places.
 */
#ifndef UFI_TF_STAGE_H
#define UFI_TF_STAGE_H

#include "ops/op.h"

typedef struct ufi_bump {
  uint8_t *base;
  size_t used;
  bool run;      /* false: only counts, and gives NULL */
  bool overflow;
} ufi_bump;

static inline ufi_bump ufi_bump_of(const ufi_ctx *ctx) { return (ufi_bump){.base = ctx->scratch, .run = true}; }

/* 64-byte aligned; NULL while counting. */
void *ufi_bump_take(ufi_bump *bump, int64_t count, size_t size);
/* Ends the counting in prepare. RESOURCE_EXHAUSTED when it overflowed. */
uf_status ufi_bump_want(ufi_ctx *ctx, const ufi_bump *bump) UF_MUST_USE;

/* float32 for the floats up to 32 bits, float64, int64 for integers (and quantized codes),
 * complex128 for complex numbers; UF_INVALID for the rest. */
uf_dtype ufi_compute_dtype(uf_dtype dtype);
static inline size_t ufi_dtype_size(uf_dtype dtype) { return (size_t)uf_dtype_bits(dtype) / 8; }

/* UNIMPLEMENTED, as from TensorFlow where it has no kernel, unless t has one of the dtypes of a
 * list that UF_INVALID ends. */
uf_status ufi_tf_want(ufi_ctx *ctx, const ufi_tensor *t, ...) UF_MUST_USE;
/* The same for the groups of dtypes that most ops take. */
enum { UFI_FLOATS = 1, UFI_INT32 = 2, UFI_INTS = 4, UFI_COMPLEX = 8, UFI_QUANTS = 16 };
uf_status ufi_tf_want_group(ufi_ctx *ctx, const ufi_tensor *t, unsigned groups) UF_MUST_USE;

/* prepare and eval of an op whose <name>_run lays out scratch and computes. */
#define UFI_STAGED(name)                                                                                 \
  static uf_status name##_prepare(ufi_ctx *ctx) {                                                        \
    ufi_bump bump = {0};                                                                                 \
    UFI_TRY(name##_run(ctx, &bump));                                                                     \
    return ufi_bump_want(ctx, &bump);                                                                    \
  }                                                                                                      \
  static uf_status name##_eval(ufi_ctx *ctx) {                                                           \
    ufi_bump bump = ufi_bump_of(ctx);                                                                    \
    return name##_run(ctx, &bump);                                                                       \
  }

/* The definition of such an op that TensorFlow names. */
#define UFI_STAGED_DEF(NAME_, name, attrs_type, attrs_fn)                                                \
  UFI_STAGED(name)                                                                                       \
  const ufi_op_def ufi_op_##NAME_ = {                                                                    \
    .attrs_size = sizeof(attrs_type), .attrs_tf = attrs_fn, .infer = name##_infer,                       \
    .prepare = name##_prepare, .eval = name##_eval,                                                      \
  }

/* A value in dtype `compute`, channels last: its own memory when it is so already, else a copy
 * from the bump. In scratch only while counting (NULL is returned then). */
const void *ufi_stage_in(ufi_ctx *ctx, ufi_bump *bump, const ufi_tensor *t, uf_dtype compute,
                         bool channels_first);
/* Memory for an output's value in dtype `compute`, channels last. */
void *ufi_stage_out(ufi_bump *bump, const ufi_tensor *t, uf_dtype compute, bool channels_first);
/* Brings what was computed there into the output; temporary memory comes from the bump. */
void ufi_stage_end(ufi_ctx *ctx, ufi_bump *bump, const void *from, const ufi_tensor *t,
                   uf_dtype compute, bool channels_first);

/* (batches, rows, columns) to (batches, columns, rows), elements of `size` bytes. */
void ufi_turn(ufi_pool *pool, const void *from, void *to, int64_t batches, int64_t rows,
              int64_t columns, size_t size);

/* One number of a real tensor as double, and a double as one. */
double ufi_load_real(uf_dtype dtype, const void *data, int64_t i);
void ufi_store_real(uf_dtype dtype, void *data, int64_t i, double value);

/* fn over [0, n) in pieces that are worth a thread: `work` operations each element. */
void ufi_share(ufi_pool *pool, ufi_range_fn fn, void *context, int64_t n, int64_t work);

#endif
