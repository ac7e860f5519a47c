/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_ctc.c: TFLite's custom op CTCBeamSearchDecoder: TensorFlow's op of that name (ctc.c), but for
 * indices, labels and shapes, which are int32.
 *
 * The other op runs over tensors of int64 in place of this node's outputs, from which they are then copied.
 */
#include "format/flexbuffer.h"
#include "ops/op.h"

extern const ufi_op_def ufi_op_CTC_BEAM_SEARCH_DECODER;

typedef struct beam_attrs {
  uint64_t theirs[16];   /* room for the other op's */
} beam_attrs;

static uf_status beam_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  ufi_flex width = ufi_flex_get(&map, "beam_width"), paths = ufi_flex_get(&map, "top_paths"), merge = ufi_flex_get(&map, "merge_repeated");
  const uf_attr attrs[] = {
    {.name = "beam_width", .kind = UF_ATTR_INT, .i = ufi_flex_int(&width, 0)},
    {.name = "top_paths", .kind = UF_ATTR_INT, .i = ufi_flex_int(&paths, 0)},
    {.name = "merge_repeated", .kind = UF_ATTR_BOOL, .i = ufi_flex_int(&merge, 0) != 0},
  };
  const ufi_tf_attrs source = {.op = "CTCBeamSearchDecoder", .attrs = attrs, .n = 3, .name = "", .n_in = from->n_in, .n_out = from->n_out,
                               .arena = from->arena};
  if (ufi_op_CTC_BEAM_SEARCH_DECODER.attrs_size > sizeof(beam_attrs)) return ufi_no_memory(error, sizeof(beam_attrs));
  if (attrs[0].i < attrs[1].i || attrs[1].i < 1 || attrs[1].i > INT32_MAX / 4 || from->n_out != 3 * attrs[1].i + 1) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one path or more, a beam as wide, and 3 outputs for each path and one, found %lld paths, "
                    "a beam of %lld and %d outputs", (long long)attrs[1].i, (long long)attrs[0].i, (int)from->n_out);
  }
  return ufi_op_CTC_BEAM_SEARCH_DECODER.attrs_tf(&source, memory, error);
}

/* The node of the other op over this one's inputs. */
typedef struct shadow {
  ufi_ctx ctx;
  ufi_tensor *tensors;   /* outputs, then pointers to them */
} shadow;

static uf_status make_shadow(ufi_ctx *ctx, shadow *s) {
  const size_t n = (size_t)ctx->n_out;
  s->ctx = *ctx;
  s->tensors = ufi_calloc(n, sizeof *s->tensors + sizeof(ufi_tensor *));
  if (s->tensors == NULL) return ufi_no_memory(ctx->error, n * sizeof *s->tensors);
  s->ctx.out = (ufi_tensor **)(s->tensors + n);
  for (size_t i = 0; i < n; i++) {
    s->tensors[i] = (ufi_tensor){.dtype = i + 1 == n ? UF_FLOAT32 : UF_INT64, .name = ctx->out[i]->name};
    s->ctx.out[i] = &s->tensors[i];
  }
  return UF_OK;
}

static void drop_shadow(const ufi_ctx *ctx, shadow *s) {
  for (int32_t i = 0; i < ctx->n_out; i++) uf_buf_release(s->tensors[i].buf);
  ufi_free(s->tensors);
}

static uf_status beam_infer(ufi_ctx *ctx) {
  shadow s;
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_dtype(ctx, i, i + 1 == ctx->n_out ? UF_FLOAT32 : UF_INT32));
  UFI_TRY(make_shadow(ctx, &s));
  s.ctx.running = false;
  uf_status status = ufi_op_CTC_BEAM_SEARCH_DECODER.infer(&s.ctx);
  for (int32_t i = 0; status == UF_OK && i < ctx->n_out; i++) {
    if (s.tensors[i].shape_known) status = ufi_out_like(ctx, i, &s.tensors[i]);
  }
  drop_shadow(ctx, &s);
  return status;
}

static void narrow(const ufi_tensor *from, ufi_tensor *to) {
  for (int64_t i = 0; i < from->count; i++) ((int32_t *)to->data)[i] = (int32_t)((const int64_t *)from->data)[i];
}

static uf_status beam_eval(ufi_ctx *ctx) {
  shadow s;
  UFI_TRY(make_shadow(ctx, &s));
  s.ctx.running = true;
  uf_status status = ufi_op_CTC_BEAM_SEARCH_DECODER.infer(&s.ctx);
  if (status == UF_OK) status = ufi_op_CTC_BEAM_SEARCH_DECODER.eval(&s.ctx);
  for (int32_t i = 0; status == UF_OK && i < ctx->n_out; i++) {
    if (!ctx->out[i]->shape_known) status = ufi_out_like(ctx, i, &s.tensors[i]);
    if (status != UF_OK) break;
    if (i + 1 < ctx->n_out) narrow(&s.tensors[i], ctx->out[i]);
    else if (s.tensors[i].size > 0) memcpy(ctx->out[i]->data, s.tensors[i].data, s.tensors[i].size);
  }
  drop_shadow(ctx, &s);
  return status;
}

const ufi_op_def ufi_op_CTC_BEAM_SEARCH_DECODER_INT32 = {
  .attrs_size = sizeof(beam_attrs), .attrs_tflite = beam_attrs_tflite, .infer = beam_infer, .eval = beam_eval,
};
