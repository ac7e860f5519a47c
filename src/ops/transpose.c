/* SPDX-License-Identifier: Apache-2.0
 *
 * transpose.c: TRANSPOSE, REVERSE_V2, REVERSE_SEQUENCE, Roll: the same elements in
 * another order, by moves with permuted or negative steps.
 */
#include "ops/move.h"

/* ---- TRANSPOSE ------------------------------------------------------------------ */

static uf_status read_permutation(ufi_ctx *ctx, int32_t rank, int32_t perm[UF_MAX_RANK]) {
  int64_t values[UF_MAX_RANK];
  bool seen[UF_MAX_RANK] = {false};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], rank, values));
  for (int32_t d = 0; d < rank; d++) {
    if (values[d] < -rank || values[d] >= rank)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected dimensions in [%d, %d) in the permutation, "
                          "found %lld at position %d", -rank, rank, (long long)values[d], d);
    perm[d] = (int32_t)(values[d] < 0 ? values[d] + rank : values[d]);
    if (seen[perm[d]])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected each dimension once in the permutation, "
                          "found %d twice", perm[d]);
    seen[perm[d]] = true;
  }
  return UF_OK;
}

static uf_status transpose_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int32_t perm[UF_MAX_RANK];
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_permutation(ctx, in->rank, perm));
  for (int32_t d = 0; d < in->rank; d++) dims[d] = in->dims[perm[d]];
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status transpose_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int32_t perm[UF_MAX_RANK];
  int64_t in_steps[UF_MAX_RANK], out_steps[UF_MAX_RANK];
  ufi_move move = {0};
  UFI_TRY(read_permutation(ctx, in->rank, perm));
  ufi_move_steps(in->rank, in->dims, in_steps);
  ufi_move_steps(out->rank, out->dims, out_steps);
  for (int32_t d = 0; d < in->rank; d++)
    ufi_move_dim(&move, out->dims[d], in_steps[perm[d]], out_steps[d]);
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  return UF_OK;
}

static bool transpose_turns(ufi_ctx *ctx, int8_t dims[UF_MAX_RANK]) {
  int32_t perm[UF_MAX_RANK];
  if (!ctx->in[1]->is_const || read_permutation(ctx, ctx->in[0]->rank, perm) != UF_OK) return false;
  for (int32_t d = 0; d < ctx->in[0]->rank; d++) dims[d] = (int8_t)perm[d];
  return true;
}

const ufi_op_def ufi_op_TRANSPOSE = {.infer = transpose_infer, .eval = transpose_eval, .turns = transpose_turns};

/* ---- REVERSE_V2 -------------------------------------------------------------------- */

static uf_status reverse_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  if (ctx->in[1]->count > ctx->in[0]->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %d axes, found %lld",
                        ctx->in[0]->rank, (long long)ctx->in[1]->count);
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

static uf_status reverse_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int32_t n = (int32_t)ctx->in[1]->count, axis;
  int64_t axes[UF_MAX_RANK];
  bool flip[UF_MAX_RANK] = {false};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], n, axes));
  for (int32_t i = 0; i < n; i++) {
    UFI_TRY(ufi_axis(ctx, axes[i], in->rank, &axis));
    if (flip[axis])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected each axis once, found %d twice", axis);
    flip[axis] = true;
  }
  ufi_move_flip(ctx->out[0], in, flip, ctx->pool);
  return UF_OK;
}

const ufi_op_def ufi_op_REVERSE_V2 = {.infer = reverse_infer, .eval = reverse_eval};

/* ---- REVERSE_SEQUENCE ------------------------------------------------------------------ */

typedef struct sequence_attrs {
  int32_t seq_dim, batch_dim;
} sequence_attrs;

static uf_status sequence_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  sequence_attrs *a = memory;
  a->seq_dim = ufi_fb_i32(&from->options, 0, 0);
  a->batch_dim = ufi_fb_i32(&from->options, 1, 0);
  return UF_OK;
}

static uf_status sequence_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  sequence_attrs *a = memory;
  int64_t seq = ufi_tf_int(from, "seq_dim"), batch = ufi_tf_int(from, "batch_dim");
  a->seq_dim = seq < 0 || seq > UF_MAX_RANK ? -1 : (int32_t)seq;
  a->batch_dim = batch < 0 || batch > UF_MAX_RANK ? -1 : (int32_t)batch;
  return UF_OK;
}

static uf_status sequence_infer(ufi_ctx *ctx) {
  const sequence_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *lengths = ctx->in[1];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, lengths, 1, 1));
  UFI_TRY(ufi_want_same(ctx, in, ctx->out[0]));
  if (a->seq_dim < 0 || a->seq_dim >= in->rank || a->batch_dim < 0 || a->batch_dim >= in->rank ||
      a->seq_dim == a->batch_dim)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two different dimensions in [0, %d) as "
                        "seq_dim and batch_dim, found %d and %d", in->rank, a->seq_dim, a->batch_dim);
  if (lengths->count != in->dims[a->batch_dim])
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld sequence lengths (extent of "
                        "batch_dim %d), found %lld", (long long)in->dims[a->batch_dim], a->batch_dim,
                        (long long)lengths->count);
  return ufi_out_like(ctx, 0, in);
}

/* Elements [begin, end) along the sequence of batch b; backwards when flip. */
static void move_sequence(ufi_ctx *ctx, int64_t b, int64_t begin, int64_t end, bool flip) {
  const sequence_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t steps[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_steps(in->rank, in->dims, steps);
  move.in_at = move.out_at = b * steps[a->batch_dim] + begin * steps[a->seq_dim];
  if (flip) move.in_at += (end - 1 - begin) * steps[a->seq_dim];
  for (int32_t d = 0; d < in->rank; d++) {
    if (d == a->batch_dim) continue;
    bool seq = d == a->seq_dim;
    ufi_move_dim(&move, seq ? end - begin : in->dims[d], seq && flip ? -steps[d] : steps[d], steps[d]);
  }
  ufi_move_run(&move, in->dtype, ctx->out[0]->data, in->data, ctx->pool);
}

static uf_status sequence_eval(ufi_ctx *ctx) {
  const sequence_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int64_t extent = in->dims[a->seq_dim];
  ufi_move_clear(ctx->out[0]);
  for (int64_t b = 0; b < in->dims[a->batch_dim]; b++) {
    int64_t length = ufi_move_index(ctx->in[1], b);
    if (length < 0 || length > extent)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected sequence lengths in [0, %lld], found %lld for "
                          "batch %lld", (long long)extent, (long long)length, (long long)b);
    move_sequence(ctx, b, 0, length, true);
    move_sequence(ctx, b, length, extent, false);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_REVERSE_SEQUENCE = {
  .attrs_size = sizeof(sequence_attrs), .attrs_tflite = sequence_attrs_tflite, .attrs_tf = sequence_attrs_tf,
  .infer = sequence_infer, .eval = sequence_eval,
};

/* ---- Roll: input, shift, axis ----------------------------------------------------------- */

static uf_status roll_infer(ufi_ctx *ctx) {
  const ufi_tensor *shift = ctx->in[1], *axis = ctx->in[2];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->out[0]));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, UF_MAX_RANK));
  if (shift->rank > 1 || axis->rank > 1 || shift->count != axis->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many shifts as axes, found %lld and %lld",
                        (long long)shift->count, (long long)axis->count);
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* Shifts of one axis add up. Each dimension falls into two pieces, so a piece of the tensor is
 * told by one bit for each dimension. */
static uf_status roll_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t by[UF_MAX_RANK] = {0}, steps[UF_MAX_RANK];
  for (int64_t i = 0; i < ctx->in[1]->count; i++) {
    int32_t axis;
    UFI_TRY(ufi_axis(ctx, ufi_move_index(ctx->in[2], i), in->rank, &axis));
    int64_t n = UFI_MAX(in->dims[axis], (int64_t)1);
    by[axis] = ((by[axis] + ufi_move_index(ctx->in[1], i) % n) % n + n) % n;
  }
  if (in->count == 0) return UF_OK;
  ufi_move_clear(out);
  ufi_move_steps(in->rank, in->dims, steps);
  for (uint32_t piece = 0; piece < 1u << in->rank; piece++) {
    ufi_move move = {0};
    for (int32_t d = 0; d < in->rank; d++) {
      bool wraps = piece >> d & 1; /* the last by[d] entries come to the front */
      int64_t kept = in->dims[d] - by[d];
      move.in_at += wraps ? kept * steps[d] : 0;
      move.out_at += wraps ? 0 : by[d] * steps[d];
      ufi_move_dim(&move, wraps ? by[d] : kept, steps[d], steps[d]);
    }
    ufi_move_run(&move, in->dtype, out->data, in->data, ctx->pool);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_ROLL = {.infer = roll_infer, .eval = roll_eval};
