/* SPDX-License-Identifier: Apache-2.0
 *
 * select.c: SELECT, SELECT_V2 (one of two values, by a condition) and WHERE
 * (the coordinates of what is not zero).
 */
#include "ops/move.h"

/* ---- SELECT, SELECT_V2: condition, x, y ------------------------------------------------ */

static uf_status select_check(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, ctx->in[1], ctx->in[2]));
  UFI_TRY(ufi_want_same(ctx, ctx->in[1], ctx->out[0]));
  if (uf_dtype_bits(ctx->in[1]->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected values of whole bytes, found %s",
                        uf_dtype_name(ctx->in[1]->dtype));
  return UF_OK;
}

typedef struct select_attrs { bool tf; } select_attrs;
static uf_status select_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((select_attrs *)attrs)->tf = true;
  return UF_OK;
}

/* One value of each: TFLite leaves the output the shape that the file gives it, whatever its rank. */
static bool keeps_shape(const ufi_ctx *ctx) {
  const ufi_tensor *out = ctx->out[0];
  int64_t count;
  if (((const select_attrs *)ctx->attrs)->tf) return false;
  for (int32_t i = 0; i < 3; i++) {
    if (ctx->in[i]->count != 1) return false;
  }
  return ufi_shape_count(out->rank, out->dims, &count) && count == 1;
}

static bool same_shape(const ufi_tensor *a, const ufi_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

/* Version one: x and y of one shape; the condition has it too, or is one value,
 * or a vector with an entry for each row. */
static uf_status select_infer(ufi_ctx *ctx) {
  const ufi_tensor *condition = ctx->in[0], *x = ctx->in[1], *y = ctx->in[2];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT], c[UFI_SHAPE_TEXT];
  UFI_TRY(select_check(ctx));
  if (keeps_shape(ctx)) return ufi_out_like(ctx, 0, ctx->out[0]);
  bool rows = condition->rank == 1 && x->rank >= 1 && condition->dims[0] == x->dims[0];
  bool single = condition->count == 1 && x->count == 1 && y->count == 1;
  if (single) return ufi_out_like(ctx, 0, x->rank >= y->rank ? x : y);
  if (!same_shape(x, y) || !(condition->rank == 0 || rows || same_shape(condition, x)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two values of one shape and a condition of that "
                        "shape, of its first extent or scalar, found %s, %s and condition %s",
                        ufi_shape_text(x->rank, x->dims, a), ufi_shape_text(y->rank, y->dims, b),
                        ufi_shape_text(condition->rank, condition->dims, c));
  return ufi_out_like(ctx, 0, x);
}

static uf_status select_v2_infer(ufi_ctx *ctx) {
  ufi_tensor both = {0};
  int64_t dims[UF_MAX_RANK];
  int32_t rank;
  UFI_TRY(select_check(ctx));
  if (keeps_shape(ctx)) return ufi_out_like(ctx, 0, ctx->out[0]);
  UFI_TRY(ufi_broadcast(ctx, ctx->in[1], ctx->in[2], &both.rank, both.dims));
  both.name = ctx->in[1]->name;
  UFI_TRY(ufi_broadcast(ctx, ctx->in[0], &both, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* The steps, in elements, by which each operand goes along the output's
 * dimensions: condition, x, y. Dimensions that all go alike are merged. */
typedef struct walk {
  int32_t rank;
  int64_t extent[UF_MAX_RANK], step[3][UF_MAX_RANK];
} walk;

/* A condition of fewer dimensions lines up with the last ones, or, in version
 * one, with the first. */
static void add_steps(const ufi_tensor *t, const ufi_tensor *out, bool leading, int64_t *steps) {
  int64_t own[UF_MAX_RANK];
  ufi_move_steps(t->rank, t->dims, own);
  for (int32_t d = 0; d < out->rank; d++) {
    int32_t s = leading ? d : d - (out->rank - t->rank);
    steps[d] = s >= 0 && s < t->rank && t->dims[s] != 1 ? own[s] : 0;
  }
}

static void make_walk(ufi_ctx *ctx, bool leading, walk *w) {
  const ufi_tensor *out = ctx->out[0];
  int64_t step[3][UF_MAX_RANK];
  add_steps(ctx->in[0], out, leading, step[0]);
  add_steps(ctx->in[1], out, false, step[1]);
  add_steps(ctx->in[2], out, false, step[2]);
  w->rank = 0;
  for (int32_t d = 0; d < out->rank; d++) {
    int64_t n = out->dims[d];
    int32_t last = w->rank - 1;
    if (n == 1) continue;
    bool merges = w->rank > 0;
    for (int i = 0; i < 3; i++) merges = merges && w->step[i][last] == step[i][d] * n;
    if (merges) w->extent[last] *= n;
    else w->extent[last = w->rank++] = n;
    for (int i = 0; i < 3; i++) w->step[i][last] = step[i][d];
  }
}

/* One innermost loop. Both values are loaded and blended by a mask, so that no
 * branch depends on the condition; where the steps are known, compilers make
 * vectors of it. */
#define BLEND(a, b, mask) (((a) & (mask)) | ((b) & ~(mask)))
#define LINE(name, type)                                                                          \
  static void name(type *restrict out, const uint8_t *restrict c, const type *restrict x,         \
                   const type *restrict y, int64_t n, int64_t cs, int64_t xs, int64_t ys) {       \
    type x0 = *x, y0 = *y;                                                                        \
    if (cs == 1 && xs == 1 && ys == 1)                                                            \
      for (int64_t i = 0; i < n; i++) out[i] = (type)BLEND(x[i], y[i], (type)-(type)(c[i] != 0)); \
    else if (cs == 1 && xs == 0 && ys == 1)                                                       \
      for (int64_t i = 0; i < n; i++) out[i] = (type)BLEND(x0, y[i], (type)-(type)(c[i] != 0));   \
    else if (cs == 1 && xs == 1 && ys == 0)                                                       \
      for (int64_t i = 0; i < n; i++) out[i] = (type)BLEND(x[i], y0, (type)-(type)(c[i] != 0));   \
    else                                                                                          \
      for (int64_t i = 0; i < n; i++) out[i] = c[i * cs] ? x[i * xs] : y[i * ys];                 \
  }
LINE(line_1, uint8_t)
LINE(line_2, uint16_t)
LINE(line_4, uint32_t)
LINE(line_8, uint64_t)
#undef LINE

/* complex128 and strings. */
static void line_16(uint8_t *out, const uint8_t *c, const uint8_t *x, const uint8_t *y, int64_t n, int64_t cs,
                    int64_t xs, int64_t ys) {
  for (int64_t i = 0; i < n; i++)
    memcpy(out + 16 * i, c[i * cs] ? x + 16 * i * xs : y + 16 * i * ys, 16);
}

static void select_line(uint8_t *out, const uint8_t *c, const uint8_t *x, const uint8_t *y, int64_t n,
                        int64_t cs, int64_t xs, int64_t ys, int64_t size) {
#define CALL(line, type) \
  line((type *)(void *)out, c, (const type *)(const void *)x, (const type *)(const void *)y, n, cs, xs, ys)
  if (cs == 0 && (*c ? xs : ys) == 1) {
    memcpy(out, *c ? x : y, (size_t)(n * size));
    return;
  }
  switch (size) {
    case 1: CALL(line_1, uint8_t); break;
    case 2: CALL(line_2, uint16_t); break;
    case 4: CALL(line_4, uint32_t); break;
    case 8: CALL(line_8, uint64_t); break;
    default: line_16(out, c, x, y, n, cs, xs, ys); break;
  }
#undef CALL
}

static void select_walk(const walk *w, int32_t d, uint8_t **out, const uint8_t *c, const uint8_t *x,
                        const uint8_t *y, int64_t size) {
  if (d >= w->rank - 1) {
    int64_t n = w->rank ? w->extent[d] : 1;
    select_line(*out, c, x, y, n, w->rank ? w->step[0][d] : 0, w->rank ? w->step[1][d] : 0,
                w->rank ? w->step[2][d] : 0, size);
    *out += n * size;
    return;
  }
  for (int64_t i = 0; i < w->extent[d]; i++)
    select_walk(w, d + 1, out, c + i * w->step[0][d], x + i * w->step[1][d] * size,
                y + i * w->step[2][d] * size, size);
}

static uf_status select_run(ufi_ctx *ctx, bool leading) {
  int64_t size = uf_dtype_bits(ctx->out[0]->dtype) / 8;
  uint8_t *out = ctx->out[0]->data;
  walk w;
  if (ctx->out[0]->count == 0) return UF_OK;
  make_walk(ctx, leading, &w);
  select_walk(&w, 0, &out, ctx->in[0]->data, ctx->in[1]->data, ctx->in[2]->data, size);
  return UF_OK;
}

static uf_status select_eval(ufi_ctx *ctx) { return select_run(ctx, true); }
static uf_status select_v2_eval(ufi_ctx *ctx) { return select_run(ctx, false); }

const ufi_op_def ufi_op_SELECT = {
  .attrs_size = sizeof(select_attrs), .attrs_tf = select_tf, .infer = select_infer, .eval = select_eval};
const ufi_op_def ufi_op_SELECT_V2 = {
  .attrs_size = sizeof(select_attrs), .attrs_tf = select_tf, .infer = select_v2_infer, .eval = select_v2_eval};

/* ---- WHERE -------------------------------------------------------------------------------- */

static bool is_true(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_FLOAT32: return ((const float *)t->data)[i] != 0.0f;
    case UF_INT64: return ((const int64_t *)t->data)[i] != 0;
    case UF_INT32: case UF_UINT32: return ((const int32_t *)t->data)[i] != 0;
    case UF_FLOAT64: return ((const double *)t->data)[i] != 0;
    case UF_UINT64: return ((const uint64_t *)t->data)[i] != 0;
    case UF_INT16: case UF_UINT16: return ((const uint16_t *)t->data)[i] != 0;
    case UF_FLOAT16: case UF_BFLOAT16: return (((const uint16_t *)t->data)[i] & 0x7FFF) != 0;
    case UF_COMPLEX64: return ((const float *)t->data)[2 * i] != 0 || ((const float *)t->data)[2 * i + 1] != 0;
    case UF_COMPLEX128: return ((const double *)t->data)[2 * i] != 0 || ((const double *)t->data)[2 * i + 1] != 0;
    default: return ((const uint8_t *)t->data)[i] != 0;
  }
}

static uf_status where_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t n = 0;
  UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_FLOAT32, UF_INT64, UF_INT32, UF_UINT32, UF_INT8, UF_UINT8,
                      UF_FLOAT64, UF_UINT64, UF_INT16, UF_UINT16, UF_FLOAT16, UF_BFLOAT16, UF_COMPLEX64,
                      UF_COMPLEX128, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_INT64));
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  if (!ufi_known(ctx, 0)) return UF_OK;
  for (int64_t i = 0; i < in->count; i++) n += is_true(in, i);
  int64_t dims[2] = {n, in->rank};
  return ufi_out_shape(ctx, 0, 2, dims);
}

static uf_status where_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t at[UF_MAX_RANK] = {0}, *out = ctx->out[0]->data;
  for (int64_t i = 0; i < in->count; i++) {
    if (is_true(in, i)) {
      memcpy(out, at, (size_t)in->rank * sizeof *out);
      out += in->rank;
    }
    for (int32_t d = in->rank - 1; d >= 0 && ++at[d] == in->dims[d]; d--) at[d] = 0;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_WHERE = {.infer = where_infer, .eval = where_eval};
