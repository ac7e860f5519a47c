/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_matmul.c: BATCH_MATMUL: products of the last two dimensions, with the
 * ones before broadcast.
 */
#include "ops/conv.h"
#include "ops/move.h"

/* BatchMatMulOptions: adj_x, adj_y, asymmetric_quantize_inputs. */
static uf_status bmm_attrs(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_bmm_attrs *a = attrs;
  a->adj_x = ufi_fb_bool(&from->options, 0, false);
  a->adj_y = ufi_fb_bool(&from->options, 1, false);
  a->asymmetric_inputs = ufi_fb_bool(&from->options, 2, false);
  return UF_OK;
}

/* Dimension i of t's batch when it has `rank` of them, ones put in front. */
static int64_t batch_dim(const ufi_tensor *t, int32_t rank, int32_t i) {
  int32_t own = i - (rank - (t->rank - 2));
  return own < 0 ? 1 : t->dims[own];
}

/* Where the elements of t lie. */
static const ufi_tensor *place_of(const ufi_tensor *t) { return t->seen && !t->data ? t->seen : t; }

/* Elements between neighbours in each dimension. */
static void steps_of(const ufi_tensor *t, int64_t steps[UF_MAX_RANK]) {
  const ufi_tensor *place = place_of(t);
  int64_t own[UF_MAX_RANK];
  ufi_move_steps(place->rank, place->dims, own);
  for (int32_t d = 0; d < t->rank; d++) steps[d] = own[place == t ? d : t->seen_dims[d]];
}

static uf_status bmm_batches(ufi_ctx *ctx, ufi_bmm_geometry *g) {
  g->batch_rank = UFI_MAX(g->x->rank, g->y->rank) - 2;
  g->batches = 1;
  int64_t x_steps[UF_MAX_RANK], y_steps[UF_MAX_RANK];
  steps_of(g->x, x_steps);
  steps_of(g->y, y_steps);
  g->x_row = x_steps[g->x->rank - 2];
  g->y_row = y_steps[g->y->rank - 2];
  g->y_column = y_steps[g->y->rank - 1];
  for (int32_t i = g->batch_rank - 1; i >= 0; i--) {
    int64_t x = batch_dim(g->x, g->batch_rank, i), y = batch_dim(g->y, g->batch_rank, i);
    if (x != y && x != 1 && y != 1) {
      char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected shapes whose dimensions before the last two are equal or 1, "
                          "found %s and %s",
                          ufi_shape_text(g->x->rank, g->x->dims, a),
                          ufi_shape_text(g->y->rank, g->y->dims, b));
    }
    g->batch_dims[i] = x == 1 ? y : x;
    g->x_stride[i] = x == 1 ? 0 : x_steps[i - (g->batch_rank + 2 - g->x->rank)];
    g->y_stride[i] = y == 1 ? 0 : y_steps[i - (g->batch_rank + 2 - g->y->rank)];
    /* More than can be counted: infer, which comes first, refuses the output's shape. */
    if (__builtin_mul_overflow(g->batches, g->batch_dims[i], &g->batches)) g->batches = 0;
  }
  return UF_OK;
}

uf_status ufi_bmm_geometry_of(ufi_ctx *ctx, ufi_bmm_geometry *g_out) {
  const ufi_bmm_attrs *a = ctx->attrs;
  ufi_bmm_geometry g = {.x = ufi_in(ctx, 0), .y = ufi_in(ctx, 1), .output = ctx->out[0],
                        .adj_x = a->adj_x, .adj_y = a->adj_y};
  UFI_TRY(ufi_want_rank(ctx, g.x, 2, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, g.y, 2, UF_MAX_RANK));
  const int64_t *x = g.x->dims + g.x->rank - 2, *y = g.y->dims + g.y->rank - 2;
  g.m = x[a->adj_x];
  g.k = x[!a->adj_x];
  g.n = y[!a->adj_y];
  if (y[a->adj_y] != g.k) {
    char s[UFI_SHAPE_TEXT], t[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected matrices with the same inner dimension, found %s%s times %s%s",
                        ufi_shape_text(g.x->rank, g.x->dims, s), a->adj_x ? " transposed" : "",
                        ufi_shape_text(g.y->rank, g.y->dims, t), a->adj_y ? " transposed" : "");
  }
  UFI_TRY(bmm_batches(ctx, &g));
  g.x_data = place_of(g.x)->data;
  g.y_data = place_of(g.y)->data;
  g.out_data = g.output->data;
  *g_out = g;
  return UF_OK;
}

void ufi_bmm_offsets(const ufi_bmm_geometry *g, int64_t i, int64_t *x_out, int64_t *y_out) {
  *x_out = *y_out = 0;
  for (int32_t d = g->batch_rank - 1; d >= 0; d--) {
    int64_t at = i % g->batch_dims[d];
    i /= g->batch_dims[d];
    *x_out += at * g->x_stride[d];
    *y_out += at * g->y_stride[d];
  }
}

static uf_status bmm_infer(ufi_ctx *ctx) {
  ufi_bmm_geometry g = {0};
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  int64_t dims[UF_MAX_RANK];
  memcpy(dims, g.batch_dims, sizeof dims);
  dims[g.batch_rank] = g.m;
  dims[g.batch_rank + 1] = g.n;
  return ufi_out_shape(ctx, 0, g.batch_rank + 2, dims);
}

static uf_status bmm_prepare(ufi_ctx *ctx) {
  ufi_bmm_geometry g = {0};
  UFI_TRY(ufi_bmm_geometry_of(ctx, &g));
  return ufi_conv_is_f32(g.x, g.y) ? ufi_bmm_f32_prepare(ctx, &g) : ufi_bmm_quant_prepare(ctx, &g);
}

static bool bmm_sees(ufi_ctx *ctx, int32_t k) {
  ufi_bmm_geometry g = {0};
  if (!ufi_conv_is_f32(ctx->in[0], ctx->in[1]) || ufi_bmm_geometry_of(ctx, &g) != UF_OK) return false;
  return ufi_bmm_f32_sees(ctx, &g, k);
}

static bool bmm_product(ufi_ctx *ctx, ufi_bmm_geometry *g) {
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) && !ufi_bmm_f32_is_packed(ctx) && ufi_bmm_geometry_of(ctx, g) == UF_OK;
}

static uf_status bmm_eval(ufi_ctx *ctx) {
  return ufi_conv_is_f32(ctx->in[0], ctx->in[1]) ? ufi_bmm_f32_eval(ctx) : ufi_bmm_quant_eval(ctx);
}

const ufi_op_def ufi_op_BATCH_MATMUL = {
    .attrs_size = sizeof(ufi_bmm_attrs),
    .attrs_tflite = bmm_attrs,
    .infer = bmm_infer,
    .prepare = bmm_prepare,
    .eval = bmm_eval,
    .sees = bmm_sees,
    .product = bmm_product,
};
