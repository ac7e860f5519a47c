/* SPDX-License-Identifier: Apache-2.0
 *
 * binary.h: what the ops of two broadcast operands share (arith.c, binary.c,
 * compare.c). prepare chooses an inner loop and fills its arguments into a
 * ufi_binary; eval runs it.
 */
#ifndef UFI_BINARY_H
#define UFI_BINARY_H

#include "ops/broadcast.h"
#include "ops/qparams.h"

/* Floats by a kernel of the table; halves go through it in float32. */
typedef struct ufi_f32_arg {
  const ufk_f32_binary_fn *fns; /* one per ufk_mode */
  float lo, hi;
} ufi_f32_arg;

typedef struct ufi_binary {
  ufi_broadcast_plan plan;
  ufi_inner_fn inner;
  union {
    ufi_f32_arg f32;
    const struct ufi_number_arg *number;
    struct { int64_t lo, hi; } ints;
    ufk_q_add add;
    ufk_q_mul mul;
    struct { int32_t shift_a, shift_b, lo, hi; } pot;
    struct { int32_t a_offset, b_offset, y_offset, lo, hi; ufk_scale y, alpha; } prelu;
  } arg;
  char *text;                 /* TensorFlow's sums of strings: their characters */
} ufi_binary;

/* Inputs 0 and 1 broadcast to output 0, which gets this dtype. */
uf_status ufi_binary_infer(ufi_ctx *ctx, uf_dtype out) UF_MUST_USE;
/* The state with its plan, the rest zero; NULL (error set) out of memory. */
ufi_binary *ufi_binary_state(ufi_ctx *ctx);
uf_status ufi_binary_eval(ufi_ctx *ctx);
ufi_part_fn ufi_binary_part(const ufi_ctx *ctx); /* of ops whose eval that is */
/* The inner loop of a float kernel for float32, float16 or bfloat16; NULL for
 * another dtype. Fills arg.f32. */
ufi_inner_fn ufi_binary_float(ufi_binary *state, uf_dtype dtype, ufk_f32_binary op, ufi_act act);
/* Which kernel of float32 a node of any op is, with nothing after it, whose part that is; -1: none. */
int32_t ufi_binary_f32_of(const ufi_ctx *ctx, ufi_part_fn part);
/* INVALID_ARGUMENT naming the first zero among the integers of t. */
uf_status ufi_want_nonzero(ufi_ctx *ctx, const ufi_tensor *t, int64_t zero) UF_MUST_USE;
/* WRONG_TYPE: this op has nothing for the dtype of t. */
uf_status ufi_no_dtype(ufi_ctx *ctx, const ufi_tensor *t, const char *supported) UF_MUST_USE;

/* Loops of plain numbers, NULL where a dtype has none; those of arithmetic clamp to arg.ints. Of
 * values one of which is NaN, plain_max and plain_min give the second, max and min NaN. */
extern const ufi_inner_fn ufi_add_loops[UF_DTYPE_COUNT], ufi_sub_loops[UF_DTYPE_COUNT],
  ufi_mul_loops[UF_DTYPE_COUNT], ufi_max_loops[UF_DTYPE_COUNT], ufi_min_loops[UF_DTYPE_COUNT],
  ufi_equal_loops[UF_DTYPE_COUNT], ufi_not_equal_loops[UF_DTYPE_COUNT], ufi_less_loops[UF_DTYPE_COUNT],
  ufi_less_equal_loops[UF_DTYPE_COUNT], ufi_plain_max_loops[UF_DTYPE_COUNT],
  ufi_plain_min_loops[UF_DTYPE_COUNT];

#endif
