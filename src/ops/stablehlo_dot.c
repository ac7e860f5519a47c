/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_dot.c: StableHLO's DOT_GENERAL and CONVOLUTION, as batched matrix products.
 *
 * Operands become dense matrices of the dtype that is computed in (tf_stage.h), by one strided copy where
 * they do not lie so already. A convolution's left matrix has a row for each place of the window: what it
 * sees, put together for some rows at a time. The output's dtype is the file's: results of int8 may be
 * int32.
 */
#include "ops/move.h"
#include "ops/stablehlo.h"
#include "ops/tf_matmul.h"

/* ---- dtypes ------------------------------------------------------------------------------------ */

/* 1: floats, 2: integers, 3: complex numbers, 0: others. */
static int kind_of(uf_dtype dtype) {
  const uf_dtype compute = ufi_compute_dtype(dtype);
  return compute == UF_FLOAT32 || compute == UF_FLOAT64 ? 1
       : compute == UF_INT64 ? 2 : compute == UF_COMPLEX128 ? 3 : 0;
}

static uf_status check_dtypes(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1], *out = ctx->out[0];
  char text[512];
  UFI_TRY(ufi_want_same(ctx, x, y));
  for (int32_t i = 0; i < 2; i++) {
    if (kind_of(x->dtype) == 0)
      return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected operands that can be multiplied, found %s",
                          ufi_tensor_text(x, text));
    if (ufi_is_quantized(ctx->in[i]))
      return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected operands that are not quantized, found %s; dequantize "
                          "them first", ufi_tensor_text(ctx->in[i], text));
  }
  if (kind_of(out->dtype) == kind_of(x->dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected an output of the operands' kind, %s, found %s",
                      uf_dtype_name(x->dtype), ufi_tensor_text(out, text));
}

/* float64 when the operands or the output are. */
static uf_dtype compute_of(const ufi_ctx *ctx) {
  const uf_dtype in = ufi_compute_dtype(ctx->in[0]->dtype), out = ufi_compute_dtype(ctx->out[0]->dtype);
  return in == UF_FLOAT64 ? in : out;
}

/* ---- DOT_GENERAL ---------------------------------------------------------------------------------- */

typedef struct dot_attrs { ufi_shlo_list batch[2], contract[2]; } dot_attrs;
static uf_status dot_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  dot_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, "lhs_batching_dimensions", &a->batch[0], error));
  UFI_TRY(ufi_shlo_read(from, 1, "rhs_batching_dimensions", &a->batch[1], error));
  UFI_TRY(ufi_shlo_read(from, 2, "lhs_contracting_dimensions", &a->contract[0], error));
  return ufi_shlo_read(from, 3, "rhs_contracting_dimensions", &a->contract[1], error);
}

/* An operand's dimensions by role: batch, own, contracted. */
typedef struct roles {
  int32_t order[3][UF_MAX_RANK], n[3];
  int64_t size[3];
} roles;
enum { BATCH, OWN, CONTRACTED };

static void add_role(roles *r, int role, int32_t d, const ufi_tensor *t) {
  r->order[role][r->n[role]++] = d;
  r->size[role] *= t->dims[d];
}

static void roles_of(const dot_attrs *a, int side, const ufi_tensor *t, roles *r) {
  *r = (roles){.size = {1, 1, 1}};
  for (int32_t i = 0; i < a->batch[side].n; i++) add_role(r, BATCH, (int32_t)a->batch[side].at[i], t);
  for (int32_t i = 0; i < a->contract[side].n; i++) add_role(r, CONTRACTED, (int32_t)a->contract[side].at[i], t);
  for (int32_t d = 0; d < t->rank; d++) {
    if (!ufi_shlo_has(&a->batch[side], d) && !ufi_shlo_has(&a->contract[side], d)) add_role(r, OWN, d, t);
  }
}

/* Dimensions of one side that are named for a role: the extents are those of the other side's. */
static uf_status match_dims(ufi_ctx *ctx, const char *role, const ufi_shlo_list *left, const ufi_shlo_list *right) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1];
  char p[512], q[512];
  bool fits = left->n == right->n;
  for (int32_t i = 0; fits && i < left->n; i++) fits = x->dims[left->at[i]] == y->dims[right->at[i]];
  if (fits) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s dimensions of equal extents in both operands, found %s "
                      "and %s", role, ufi_tensor_text(x, p), ufi_tensor_text(y, q));
}

static uf_status dot_infer(ufi_ctx *ctx) {
  static const char *const batch[2] = {"lhs_batching_dimensions", "rhs_batching_dimensions"};
  static const char *const contract[2] = {"lhs_contracting_dimensions", "rhs_contracting_dimensions"};
  const dot_attrs *a = ctx->attrs;
  int64_t dims[2 * UF_MAX_RANK];
  int32_t rank = 0;
  UFI_TRY(check_dtypes(ctx));
  for (int side = 0; side < 2; side++) {
    UFI_TRY(ufi_shlo_want_dims(ctx, batch[side], &a->batch[side], ctx->in[side]->rank));
    UFI_TRY(ufi_shlo_want_dims(ctx, contract[side], &a->contract[side], ctx->in[side]->rank));
    for (int32_t i = 0; i < a->batch[side].n; i++) {
      if (ufi_shlo_has(&a->contract[side], a->batch[side].at[i]))
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected dimensions to be in %s or %s, found %lld in both",
                            batch[side], contract[side], (long long)a->batch[side].at[i]);
    }
  }
  UFI_TRY(match_dims(ctx, "batching", &a->batch[0], &a->batch[1]));
  UFI_TRY(match_dims(ctx, "contracting", &a->contract[0], &a->contract[1]));
  for (int side = 0; side < 2; side++) {
    roles r;
    roles_of(a, side, ctx->in[side], &r);
    for (int32_t i = 0; side == 0 && i < r.n[BATCH]; i++) dims[rank++] = ctx->in[0]->dims[r.order[BATCH][i]];
    for (int32_t i = 0; i < r.n[OWN]; i++) dims[rank++] = ctx->in[side]->dims[r.order[OWN][i]];
  }
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* True when the operand's dimensions are in this order of roles. */
static bool lies_so(const roles *r, const int order[3]) {
  int32_t d = 0;
  for (int g = 0; g < 3; g++) {
    for (int32_t i = 0; i < r->n[order[g]]; i++) {
      if (r->order[order[g]][i] != d++) return false;
    }
  }
  return true;
}

static const void *dense(ufi_ctx *ctx, ufi_bump *bump, const ufi_tensor *t, const roles *r, uf_dtype compute,
                         const int order[3], const void *data) {
  int64_t step[UF_MAX_RANK], out = 1;
  ufi_move move = {0};
  if (lies_so(r, order)) return data;
  void *to = ufi_bump_take(bump, t->count, ufi_dtype_size(compute));
  if (!to || t->count == 0) return to;
  ufi_move_steps(t->rank, t->dims, step);
  int64_t left = t->count;
  for (int g = 0; g < 3; g++) {
    for (int32_t i = 0; i < r->n[order[g]]; i++) {
      const int32_t d = r->order[order[g]][i];
      left /= t->dims[d];
      out = left;
      ufi_move_dim(&move, t->dims[d], step[d], out);
    }
  }
  ufi_move_run(&move, compute, to, data, ctx->pool);
  return to;
}

static uf_status dot_run(ufi_ctx *ctx, ufi_bump *bump) {
  static const int x_order[3] = {BATCH, OWN, CONTRACTED}, y_order[3] = {BATCH, CONTRACTED, OWN};
  const dot_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *y = ctx->in[1], *out = ctx->out[0];
  const uf_dtype compute = compute_of(ctx);
  roles left, right;
  if (out->count == 0) return UF_OK;
  roles_of(a, 0, x, &left);
  roles_of(a, 1, y, &right);
  ufi_bmm_geometry g = {.m = left.size[OWN], .n = right.size[OWN], .k = left.size[CONTRACTED],
                        .batches = left.size[BATCH], .batch_rank = 1, .batch_dims = {left.size[BATCH]}};
  g.x_stride[0] = g.m * g.k;
  g.y_stride[0] = g.k * g.n;
  g.adj_y = lies_so(&right, x_order);
  g.x_data = dense(ctx, bump, x, &left, compute, x_order, ufi_stage_in(ctx, bump, x, compute, false));
  g.y_data = dense(ctx, bump, y, &right, compute, g.adj_y ? x_order : y_order,
                   ufi_stage_in(ctx, bump, y, compute, false));
  g.out_data = ufi_stage_out(bump, out, compute, false);
  if (g.k == 0) {
    if (bump->run) memset(out->data, 0, out->size);
    return UF_OK;
  }
  UFI_TRY(ufi_tf_product(ctx, bump, compute, &g, false, false, NULL));
  ufi_stage_end(ctx, bump, g.out_data, out, compute, false);
  return UF_OK;
}

#define STAGED(NAME, name, type)                                                                             \
  UFI_STAGED(name)                                                                                           \
  const ufi_op_def ufi_op_STABLEHLO_##NAME = {.attrs_size = sizeof(type), .attrs_tflite = name##_tflite,     \
                                              .infer = name##_infer, .prepare = name##_prepare, .eval = name##_eval}
STAGED(DOT_GENERAL, dot, dot_attrs);

/* ---- CONVOLUTION ------------------------------------------------------------------------------------- */

/* Where a tensor of a convolution has its dimensions. first, second: batch and feature of images, input
 * and output feature of kernels. */
typedef struct layout {
  int64_t first, second;
  ufi_shlo_list spatial;
} layout;
typedef struct conv_attrs {
  ufi_shlo_list stride, base, dilation;
  int64_t padding[2 * UF_MAX_RANK];
  int32_t n_padding;
  bool reversal[UF_MAX_RANK];
  layout input, kernel, output;
  int64_t feature_groups, batch_groups;
} conv_attrs;

static uf_status read_layout(const ufi_tflite_attrs *from, int field, const char *name, layout *out, uf_error *error) {
  out->first = ufi_fb_i64(&from->options, field, 0);
  out->second = ufi_fb_i64(&from->options, field + 1, 0);
  return ufi_shlo_read(from, field + 2, name, &out->spatial, error);
}

static uf_status conv_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  conv_attrs *a = attrs;
  UFI_TRY(ufi_shlo_read(from, 0, "window_strides", &a->stride, error));
  UFI_TRY(ufi_shlo_read_into(from, 1, "padding", 2 * UF_MAX_RANK, a->padding, &a->n_padding, error));
  UFI_TRY(ufi_shlo_read(from, 2, "lhs_dilation", &a->base, error));
  UFI_TRY(ufi_shlo_read(from, 3, "rhs_dilation", &a->dilation, error));
  const ufi_fb_vector reversal = ufi_fb_vec(&from->options, 4, 1);
  for (uint32_t i = 0; i < reversal.count && i < UF_MAX_RANK; i++) a->reversal[i] = reversal.data[i] != 0;
  UFI_TRY(read_layout(from, 5, "input_spatial_dimensions", &a->input, error));
  UFI_TRY(read_layout(from, 8, "kernel_spatial_dimensions", &a->kernel, error));
  UFI_TRY(read_layout(from, 11, "output_spatial_dimensions", &a->output, error));
  a->feature_groups = ufi_fb_i64(&from->options, 14, 0);
  a->batch_groups = ufi_fb_i64(&from->options, 15, 0);
  return UF_OK;
}

typedef struct conv_geometry {
  ufi_shlo_window window;       /* over the spatial dimensions */
  int64_t images, channels;     /* of the input */
  int64_t in_c, out_c;          /* of a kernel, in all groups */
  int64_t groups, feature_groups, batch_groups;
  int64_t taps, pixels;         /* of the window; of an output image */
} conv_geometry;

static uf_status check_layout(ufi_ctx *ctx, const char *what, const layout *l, int32_t rank) {
  ufi_shlo_list all = {.n = l->spatial.n + 2};
  if (l->spatial.n != rank - 2)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d spatial dimensions of the %s, found %d",
                        (int)rank - 2, what, (int)l->spatial.n);
  all.at[0] = l->first;
  all.at[1] = l->second;
  for (int32_t i = 0; i < l->spatial.n; i++) all.at[2 + i] = l->spatial.at[i];
  return ufi_shlo_want_dims(ctx, what, &all, rank);
}

static uf_status want_groups(ufi_ctx *ctx, const char *what, int64_t n, int64_t groups) {
  if (n % groups == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s that %lld groups divide, found %lld", what,
                      (long long)groups, (long long)n);
}

/* Every check, and all extents. */
static uf_status geometry_of(ufi_ctx *ctx, conv_geometry *g) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *k = ctx->in[1];
  const int32_t spatial = x->rank - 2;
  char p[512], q[512];
  UFI_TRY(ufi_want_rank(ctx, x, 2, UF_MAX_RANK));
  UFI_TRY(ufi_want_rank(ctx, k, x->rank, x->rank));
  UFI_TRY(check_layout(ctx, "input", &a->input, x->rank));
  UFI_TRY(check_layout(ctx, "kernel", &a->kernel, x->rank));
  UFI_TRY(check_layout(ctx, "output", &a->output, x->rank));
  if (a->stride.n) UFI_TRY(ufi_shlo_want_count(ctx, "window_strides", a->stride.n, spatial));
  if (a->base.n) UFI_TRY(ufi_shlo_want_count(ctx, "lhs_dilation", a->base.n, spatial));
  if (a->dilation.n) UFI_TRY(ufi_shlo_want_count(ctx, "rhs_dilation", a->dilation.n, spatial));
  if (a->n_padding) UFI_TRY(ufi_shlo_want_count(ctx, "padding", a->n_padding, 2 * spatial));
  UFI_TRY(ufi_shlo_want_range(ctx, "feature_group_count", &a->feature_groups, 1, 1, INT32_MAX));
  UFI_TRY(ufi_shlo_want_range(ctx, "batch_group_count", &a->batch_groups, 1, 1,
                              a->feature_groups > 1 ? 1 : INT32_MAX));
  *g = (conv_geometry){.images = x->dims[a->input.first], .channels = x->dims[a->input.second],
                       .in_c = k->dims[a->kernel.first], .out_c = k->dims[a->kernel.second],
                       .feature_groups = a->feature_groups, .batch_groups = a->batch_groups, .taps = 1, .pixels = 1};
  g->groups = g->feature_groups * g->batch_groups;
  UFI_TRY(want_groups(ctx, "images", g->images, g->batch_groups));
  UFI_TRY(want_groups(ctx, "output features", g->out_c, g->groups));
  if (g->channels % g->feature_groups || g->channels / g->feature_groups != g->in_c)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a kernel for the input's features in %lld groups, found "
                        "input %s and kernel %s", (long long)g->feature_groups, ufi_tensor_text(x, p),
                        ufi_tensor_text(k, q));
  ufi_shlo_window *w = &g->window;
  w->rank = spatial;
  for (int32_t i = 0; i < spatial; i++) {
    w->in[i] = x->dims[a->input.spatial.at[i]];
    w->window[i] = k->dims[a->kernel.spatial.at[i]];
    w->stride[i] = a->stride.n ? a->stride.at[i] : 1;
    w->base[i] = a->base.n ? a->base.at[i] : 1;
    w->dilation[i] = a->dilation.n ? a->dilation.at[i] : 1;
    w->low[i] = a->n_padding ? a->padding[2 * i] : 0;
    w->high[i] = a->n_padding ? a->padding[2 * i + 1] : 0;
    g->taps *= w->window[i];
  }
  UFI_TRY(ufi_shlo_window_shape(ctx, w));
  for (int32_t i = 0; i < spatial; i++) {
    if (__builtin_mul_overflow(g->pixels, w->out[i], &g->pixels)) return ufi_no_memory(ctx->error, SIZE_MAX);
  }
  return UF_OK;
}

static uf_status conv_infer(ufi_ctx *ctx) {
  const conv_attrs *a = ctx->attrs;
  conv_geometry g;
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(check_dtypes(ctx));
  UFI_TRY(geometry_of(ctx, &g));
  dims[a->output.first] = g.images / g.batch_groups;
  dims[a->output.second] = g.out_c;
  for (int32_t i = 0; i < g.window.rank; i++) dims[a->output.spatial.at[i]] = g.window.out[i];
  return ufi_out_shape(ctx, 0, g.window.rank + 2, dims);
}

/* A tensor in its own layout as (images, spatial, features). */
static void move_images(ufi_ctx *ctx, const layout *l, const ufi_tensor *t, uf_dtype compute, const void *from,
                        void *to) {
  int64_t step[UF_MAX_RANK], dense = t->count;
  ufi_move move = {0};
  ufi_move_steps(t->rank, t->dims, step);
  for (int32_t i = -1; i <= l->spatial.n; i++) {
    const int64_t d = i < 0 ? l->first : i < l->spatial.n ? l->spatial.at[i] : l->second;
    dense /= t->dims[d];
    ufi_move_dim(&move, t->dims[d], step[d], dense);
  }
  ufi_move_run(&move, compute, to, from, ctx->pool);
}

/* The kernel as (groups, taps, in_c, out_c of a group), reversed where the options say so. */
static void move_kernel(ufi_ctx *ctx, const conv_geometry *g, uf_dtype compute, const void *from, void *to) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *k = ctx->in[1];
  const int64_t each = g->out_c / g->groups;
  int64_t step[UF_MAX_RANK], dense = k->count / g->groups;
  ufi_move move = {0};
  ufi_move_steps(k->rank, k->dims, step);
  ufi_move_dim(&move, g->groups, each * step[a->kernel.second], dense);
  for (int32_t i = 0; i < g->window.rank; i++) {
    const int64_t d = a->kernel.spatial.at[i], n = k->dims[d];
    dense /= n;
    ufi_move_dim(&move, n, a->reversal[i] ? -step[d] : step[d], dense);
    if (a->reversal[i]) move.in_at += (n - 1) * step[d];
  }
  ufi_move_dim(&move, g->in_c, step[a->kernel.first], each);
  ufi_move_dim(&move, each, step[a->kernel.second], 1);
  ufi_move_run(&move, compute, to, from, ctx->pool);
}

/* Some rows of the left matrix in hand: what the window of a group sees at places of the output. */
typedef struct patch {
  int64_t image, place[UF_MAX_RANK];
} patch;
typedef struct conv_walk {
  ufi_ctx *ctx;
  ufi_bump *bump;
  const conv_geometry *g;
  uf_dtype compute;
  size_t size, used;       /* of an element; of the scratch before each product's own */
  const uint8_t *images, *kernel;
  uint8_t *left, *product, *converted;
  patch *patches, next;    /* next: the place in hand */
  int64_t n, most, group;
} conv_walk;

/* The input's index along dimension d that tap `tap` of the window at `place` sees; -1: padding, or between pixels. */
static int64_t index_at(const ufi_shlo_window *w, int32_t d, int64_t place, int64_t tap) {
  const int64_t i = place * w->stride[d] + tap * w->dilation[d] - w->low[d];
  return i < 0 || i % w->base[d] || i / w->base[d] >= w->in[d] ? -1 : i / w->base[d];
}

static void fill_left(void *context, size_t begin, size_t end) {
  const conv_walk *c = context;
  const conv_geometry *g = c->g;
  const ufi_shlo_window *w = &g->window;
  const int64_t channel = g->feature_groups > 1 ? c->group * g->in_c : 0;
  const size_t run = (size_t)g->in_c * c->size;
  for (size_t row = begin; row < end; row++) {
    int64_t tap[UF_MAX_RANK] = {0};
    uint8_t *to = c->left + row * (size_t)g->taps * run;
    do {
      int64_t pixel = c->patches[row].image;
      for (int32_t d = 0; d < w->rank && pixel >= 0; d++) {
        const int64_t i = index_at(w, d, c->patches[row].place[d], tap[d]);
        pixel = i < 0 ? -1 : pixel * w->in[d] + i;
      }
      if (pixel < 0) memset(to, 0, run);
      else memcpy(to, c->images + (size_t)(pixel * g->channels + channel) * c->size, run);
      to += run;
    } while (ufi_shlo_next(w->rank, w->window, tap));
  }
}

/* Rows of the product go where the output has their features. */
static void put_rows(const conv_walk *c) {
  const layout *l = &((const conv_attrs *)c->ctx->attrs)->output;
  const ufi_tensor *out = c->ctx->out[0];
  const conv_geometry *g = c->g;
  const int64_t each = g->out_c / g->groups;
  const int64_t image0 = g->batch_groups > 1 ? c->group * (g->images / g->batch_groups) : 0;
  const size_t size = ufi_dtype_size(out->dtype);
  int64_t step[UF_MAX_RANK];
  ufi_move_steps(out->rank, out->dims, step);
  for (int64_t row = 0; row < c->n; row++) {
    const patch *p = &c->patches[row];
    const uint8_t *from = c->converted + (size_t)(row * each) * size;
    int64_t at = (p->image - image0) * step[l->first] + c->group * each * step[l->second];
    for (int32_t d = 0; d < l->spatial.n; d++) at += p->place[d] * step[l->spatial.at[d]];
    uint8_t *to = (uint8_t *)out->data + (size_t)at * size;
    if (step[l->second] == 1) {
      memcpy(to, from, (size_t)each * size);
      continue;
    }
    for (int64_t i = 0; i < each; i++) memcpy(to + (size_t)(i * step[l->second]) * size, from + (size_t)i * size, size);
  }
}

/* The product of the rows in hand; while scratch is counted, of as many as there can be. */
static uf_status multiply_rows(conv_walk *c) {
  const conv_geometry *g = c->g;
  const int64_t each = g->out_c / g->groups, depth = g->taps * g->in_c, n = c->bump->run ? c->n : c->most;
  ufi_bmm_geometry m = {.m = n, .n = each, .k = depth, .batches = 1, .batch_rank = 1, .batch_dims = {1},
                        .x_data = c->left, .out_data = c->product};
  c->bump->used = c->used; /* each product's scratch is the same */
  if (c->bump->run) {
    m.y_data = c->kernel + (size_t)(c->group * depth * each) * c->size;
    ufi_share(c->ctx->pool, fill_left, c, n, depth);
  }
  UFI_TRY(ufi_tf_product(c->ctx, c->bump, c->compute, &m, false, false, NULL));
  if (!c->bump->run) return UF_OK;
  if (c->converted != c->product)
    UFI_TRY(ufi_convert(c->compute, c->product, n * each, c->ctx->out[0]->dtype, c->converted, c->ctx->error));
  put_rows(c);
  c->n = 0;
  return UF_OK;
}

/* 0 when some tap of the window at `place` sees a pixel along dimension d; else so many places may be passed over. */
static int64_t gap_at(const ufi_shlo_window *w, int32_t d, int64_t place) {
  int64_t gap = w->out[d];
  for (int64_t tap = 0; tap < w->window[d] && gap > 0; tap++) {
    const int64_t i = place * w->stride[d] + tap * w->dilation[d] - w->low[d], rest = i < 0 ? 0 : i % w->base[d];
    if (i < 0) gap = UFI_MIN(gap, (-i - 1) / w->stride[d] + 1);
    else if (i / w->base[d] + (rest > 0) < w->in[d])
      gap = UFI_MIN(gap, rest == 0 ? 0 : w->stride[d] == 1 ? w->base[d] - rest : 1);
  }
  return gap;
}

/* Places along dimension d where some tap sees a pixel: between dilated pixels there may be none for long. */
static uf_status walk_places(conv_walk *c, int32_t d) {
  const ufi_shlo_window *w = &c->g->window;
  if (d == w->rank) {
    c->patches[c->n++] = c->next;
    return c->n == c->most ? multiply_rows(c) : UF_OK;
  }
  for (int64_t place = 0, gap; place < w->out[d]; place += UFI_MAX(gap, 1)) {
    gap = gap_at(w, d, place);
    if (gap > 0) continue;
    c->next.place[d] = place;
    UFI_TRY(walk_places(c, d + 1));
  }
  return UF_OK;
}

static uf_status walk_groups(conv_walk *c) {
  const conv_geometry *g = c->g;
  const int64_t images = g->images / g->batch_groups;
  for (c->group = 0; c->group < g->groups; c->group++) {
    for (int64_t i = 0; i < images; i++) {
      c->next.image = i + (g->batch_groups > 1 ? c->group * images : 0);
      UFI_TRY(walk_places(c, 0));
    }
    if (c->n) UFI_TRY(multiply_rows(c));
  }
  return UF_OK;
}

/* Rows in hand: about 4 MB of them. */
static int64_t most_rows(const conv_geometry *g, size_t size) {
  const int64_t row = UFI_MAX(g->taps * g->in_c * (int64_t)size, 1), all = g->images / g->batch_groups * g->pixels;
  return UFI_MIN(UFI_MAX(((int64_t)4 << 20) / row, 16), all);
}

static uf_status conv_run(ufi_ctx *ctx, ufi_bump *bump) {
  const conv_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0], *k = ctx->in[1], *out = ctx->out[0];
  const uf_dtype compute = compute_of(ctx);
  const size_t size = ufi_dtype_size(compute);
  conv_geometry g;
  UFI_TRY(geometry_of(ctx, &g));
  if (out->count == 0) return UF_OK;
  if (bump->run) memset(out->data, 0, out->size);
  if (x->count == 0 || k->count == 0) return UF_OK;
  conv_walk c = {.ctx = ctx, .bump = bump, .g = &g, .compute = compute, .size = size, .most = most_rows(&g, size)};
  const int64_t each = g.out_c / g.groups;
  const void *x_data = ufi_stage_in(ctx, bump, x, compute, false), *k_data = ufi_stage_in(ctx, bump, k, compute, false);
  uint8_t *images = ufi_bump_take(bump, x->count, size), *kernel = ufi_bump_take(bump, k->count, size);
  c.left = ufi_bump_take(bump, c.most * g.taps * g.in_c, size);
  c.product = ufi_bump_take(bump, c.most * each, size);
  c.converted = out->dtype == compute ? c.product : ufi_bump_take(bump, c.most * each, ufi_dtype_size(out->dtype));
  c.patches = ufi_bump_take(bump, c.most, sizeof *c.patches);
  c.images = images, c.kernel = kernel, c.used = bump->used;
  if (!bump->run) return multiply_rows(&c);
  move_images(ctx, &a->input, x, compute, x_data, images);
  move_kernel(ctx, &g, compute, k_data, kernel);
  return walk_groups(&c);
}
STAGED(CONVOLUTION, conv, conv_attrs);
