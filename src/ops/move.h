/* SPDX-License-Identifier: Apache-2.0
 *
 * move.h: strided n-d copies, what every op that only moves data is made of.
 *
 * A ufi_move is a loop nest: for each dimension an extent and two steps, one
 * through the source and one through the destination, counted in elements.
 * Step 0 in the source repeats (broadcast, tile), a negative one walks
 * backwards (reverse), exchanged steps transpose, an offset crops or
 * concatenates. An op describes its copy by adding dimensions, outermost of
 * the OUTPUT first; ufi_move_run drops and merges dimensions, copies what is
 * contiguous in both with memcpy, transposes in cache-sized tiles and shares
 * large copies among the threads. It knows element sizes only, so every dtype
 * goes through it; 2- and 4-bit elements take a slower path.
 *
 * Bounds are the caller's: a move never checks a step against a tensor.
 */
#ifndef UFI_MOVE_H
#define UFI_MOVE_H

#include "ops/op.h"

/* Twice the rank of a tensor: a tile or a block takes two loops a dimension. */
#define UFI_MOVE_RANK (2 * UF_MAX_RANK)

typedef struct ufi_move {
  int32_t rank;
  int64_t extent[UFI_MOVE_RANK];
  int64_t in_step[UFI_MOVE_RANK];
  int64_t out_step[UFI_MOVE_RANK];
  int64_t in_at, out_at;             /* first element */
} ufi_move;

/* Adds the next inner dimension. */
static inline void ufi_move_dim(ufi_move *move, int64_t extent, int64_t in_step, int64_t out_step) {
  move->extent[move->rank] = extent;
  move->in_step[move->rank] = in_step;
  move->out_step[move->rank] = out_step;
  move->rank++;
}
/* in and out must not overlap. pool may be NULL. */
void ufi_move_run(const ufi_move *move, uf_dtype dtype, void *out, const void *in, ufi_pool *pool);
/* n elements from in[in_at...] to out[out_at...]. */
void ufi_move_run_flat(uf_dtype dtype, void *out, int64_t out_at, const void *in, int64_t in_at,
                       int64_t n);
/* n elements out[out_at...] become the one at value. Not for sub-byte types. */
void ufi_move_fill(uf_dtype dtype, void *out, int64_t out_at, const void *value, int64_t n);
/* Zeroes a sub-byte output, whose last byte may have bits that no element
 * fills. Call it before moving into such a tensor. */
void ufi_move_clear(const ufi_tensor *out);
/* The whole of in to out (same size); nothing when they are one. */
void ufi_move_all(const ufi_tensor *out, const ufi_tensor *in);

/* in to out (same shape) with the dimensions that flip says reversed. */
void ufi_move_flip(const ufi_tensor *out, const ufi_tensor *in, const bool *flip, ufi_pool *pool);

/* Row-major steps of a shape, in elements. A part of a shape may overflow
 * although the whole, with a 0 in it, does not: then it is 0, here and below. */
void ufi_move_steps(int32_t rank, const int64_t *dims, int64_t *steps_out);
/* Product of dims[begin..end), part of a checked shape. */
int64_t ufi_move_span(const int64_t *dims, int32_t begin, int32_t end);

/* The n integers (any integer type, or bool) of a known tensor; INVALID_ARGUMENT
 * when it has another number of elements. */
uf_status ufi_move_ints(ufi_ctx *ctx, const ufi_tensor *t, int32_t n, int64_t *out) UF_MUST_USE;
/* Both tensors have one scale and zero point, since the op does not rescale. */
uf_status ufi_move_same_quant(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) UF_MUST_USE;
/* Element i of an int8, uint8, int16, int32 or int64 tensor with data. */
int64_t ufi_move_index(const ufi_tensor *t, int64_t i);

#endif
