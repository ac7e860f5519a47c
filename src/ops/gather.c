/* SPDX-License-Identifier: Apache-2.0
 *
 * gather.c: GATHER (entries of one axis) and GATHER_ND (slices by coordinates).
 * Negative indices are errors, as in TensorFlow.
 */
#include "ops/move.h"

/* ---- GATHER ------------------------------------------------------------------------ */

typedef struct gather_attrs {
  int32_t axis, batch_dims;
  bool axis_is_input;      /* GatherV2 */
} gather_attrs;

static uf_status gather_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  gather_attrs *a = memory;
  a->axis = ufi_fb_i32(&from->options, 0, 0);
  a->batch_dims = ufi_fb_i32(&from->options, 1, 0);
  return UF_OK;
}

static uf_status gather_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  gather_attrs *a = memory;
  int64_t batch = ufi_tf_int(from, "batch_dims"); /* Gather has none: 0 */
  a->batch_dims = (int32_t)UFI_MAX(UFI_MIN(batch, INT32_MAX), INT32_MIN);
  a->axis_is_input = strcmp(from->op, "GatherV2") == 0;
  return UF_OK;
}

/* The axis is known. */
static uf_status gather_dims(ufi_ctx *ctx, int32_t *axis_out, int32_t *batch_out) {
  const gather_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1];
  int64_t value = a->axis;
  if (a->axis_is_input) UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &value));
  UFI_TRY(ufi_axis(ctx, value, in->rank, axis_out));
  int64_t batch = a->batch_dims < 0 ? (int64_t)a->batch_dims + indices->rank : a->batch_dims;
  bool fits = batch >= 0 && batch <= *axis_out && batch <= indices->rank;
  for (int64_t d = 0; fits && d < batch; d++) fits = in->dims[d] == indices->dims[d];
  if (!fits)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected batch_dims up to axis %d, over dimensions that "
                        "input and indices share, found %d", *axis_out, a->batch_dims);
  *batch_out = (int32_t)batch;
  return UF_OK;
}

static uf_status gather_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1];
  int64_t dims[2 * UF_MAX_RANK];
  int32_t axis, batch = 0, rank = 0;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  if (((const gather_attrs *)ctx->attrs)->axis_is_input) {
    UFI_TRY(ufi_want_in(ctx, 2, UF_INT32, UF_INT64, UF_INVALID));
    if (!ufi_known(ctx, 2)) return UF_OK;
  }
  UFI_TRY(gather_dims(ctx, &axis, &batch));
  for (int32_t d = 0; d < axis; d++) dims[rank++] = in->dims[d];
  for (int32_t d = batch; d < indices->rank; d++) dims[rank++] = indices->dims[d];
  for (int32_t d = axis + 1; d < in->rank; d++) dims[rank++] = in->dims[d];
  if (rank > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions, found %d",
                        UF_MAX_RANK, rank);
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status check_indices(ufi_ctx *ctx, int64_t extent, int32_t axis) {
  const ufi_tensor *indices = ctx->in[1];
  for (int64_t i = 0; i < indices->count; i++) {
    int64_t index = ufi_move_index(indices, i);
    if (index < 0 || index >= extent)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld) (extent of axis %d), found "
                          "%lld at position %lld", (long long)extent, axis, (long long)index, (long long)i);
  }
  return UF_OK;
}

/* Byte offset of each index, or its place for sub-byte types. */
static uf_status gather_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)ctx->in[1]->count * sizeof(int64_t));
  return UF_OK;
}

#define COPY(size) for (int64_t i = 0; i < n; i++) memcpy(to + i * (size), from + offsets[i], size)

static void copy_runs(uint8_t *to, const uint8_t *from, const int64_t *offsets, int64_t n, int64_t run) {
  switch (run) {
    case 1: COPY(1); break;
    case 2: COPY(2); break;
    case 4: COPY(4); break;
    case 8: COPY(8); break;
    case 16: COPY(16); break;
    default: COPY((size_t)run); break;
  }
}

static uf_status gather_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1], *out = ctx->out[0];
  int32_t axis, batch_dims = 0;
  int bits = uf_dtype_bits(in->dtype);
  UFI_TRY(gather_dims(ctx, &axis, &batch_dims));
  int64_t extent = in->dims[axis], *offsets = ctx->scratch;
  UFI_TRY(check_indices(ctx, extent, axis));
  if (out->count == 0) return UF_OK;
  int64_t batches = ufi_move_span(in->dims, 0, batch_dims);
  int64_t outer = ufi_move_span(in->dims, batch_dims, axis);
  int64_t inner = ufi_move_span(in->dims, axis + 1, in->rank), size = bits < 8 ? 1 : bits / 8;
  int64_t picks = ufi_move_span(indices->dims, batch_dims, indices->rank);
  for (int64_t i = 0; i < indices->count; i++) offsets[i] = ufi_move_index(indices, i) * inner * size;
  ufi_move_clear(out);
  for (int64_t r = 0; r < batches * outer; r++) {
    const int64_t *own = offsets + r / outer * picks;
    int64_t to = r * picks * inner, from = r * extent * inner;
    if (bits >= 8)
      copy_runs((uint8_t *)out->data + to * size, (const uint8_t *)in->data + from * size, own, picks,
                inner * size);
    else
      for (int64_t i = 0; i < picks; i++)
        ufi_move_run_flat(in->dtype, out->data, to + i * inner, in->data, from + own[i], inner);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_GATHER = {
  .attrs_size = sizeof(gather_attrs), .attrs_tflite = gather_attrs_tflite, .attrs_tf = gather_attrs_tf,
  .infer = gather_infer, .prepare = gather_prepare, .eval = gather_eval,
};

/* ---- GATHER_ND ------------------------------------------------------------------------- */

typedef struct gather_nd_attrs {
  bool ignore;             /* coordinates outside give zeros */
} gather_nd_attrs;

static uf_status gather_nd_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  static const char *const policies[] = {"", "DEFAULT", "ERROR", "IGNORE", NULL};
  int32_t policy;
  UFI_TRY(ufi_tf_choice(from, "bad_indices_policy", policies, &policy, error));
  ((gather_nd_attrs *)memory)->ignore = policy == 3;
  return UF_OK;
}

static uf_status gather_nd_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1];
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT16, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, in->dtype));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, indices, 1, UF_MAX_RANK));
  int64_t depth = indices->dims[indices->rank - 1];
  if (depth > in->rank)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates of at most %d numbers (last extent "
                        "of the indices), found %lld", in->rank, (long long)depth);
  for (int32_t d = 0; d < indices->rank - 1; d++) dims[rank++] = indices->dims[d];
  for (int32_t d = (int32_t)depth; d < in->rank; d++) dims[rank++] = in->dims[d];
  if (rank > UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions, found %d",
                        UF_MAX_RANK, rank);
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status gather_nd_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1], *out = ctx->out[0];
  int32_t depth = (int32_t)indices->dims[indices->rank - 1];
  int64_t slices = ufi_move_span(indices->dims, 0, indices->rank - 1);
  int64_t inner = ufi_move_span(in->dims, depth, in->rank), steps[UF_MAX_RANK];
  const bool ignore = ((const gather_nd_attrs *)ctx->attrs)->ignore;
  ufi_move_steps(in->rank, in->dims, steps);
  if (ignore && out->size) memset(out->data, 0, out->size);
  ufi_move_clear(out);
  for (int64_t i = 0; i < slices; i++) {
    int64_t from = 0;
    bool found = true;
    for (int32_t d = 0; d < depth && found; d++) {
      int64_t index = ufi_move_index(indices, i * depth + d);
      found = index >= 0 && index < in->dims[d];
      if (!found && !ignore)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected coordinates in [0, %lld) for dimension %d, found "
                            "%lld in coordinate %lld", (long long)in->dims[d], d, (long long)index,
                            (long long)i);
      from += index * steps[d];
    }
    if (found) ufi_move_run_flat(in->dtype, out->data, i * inner, in->data, from, inner);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_GATHER_ND = {
  .attrs_size = sizeof(gather_nd_attrs), .attrs_tf = gather_nd_attrs_tf, .infer = gather_nd_infer,
  .eval = gather_nd_eval,
};
