/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_einsum.c: Einsum of one or two operands as one batched matrix product.
 *
 * Labels of the equation, and one label for each dimension that an ellipsis stands for, fall into
 * four groups: batch (in both operands and the output), rows (in the first alone), columns (in the
 * second alone) and contracted (not in the output). A label has one stride in each tensor, the sum of
 * the strides of all its places, so that repeated labels are diagonals, and 0 where it is broadcast or
 * missing: a label of one operand alone that is summed away is contracted with a broadcast. An operand
 * whose groups lie in order is used as it is, others are copied; the product goes to the output's
 * strides in the end. A missing second operand is the number 1.
 */
#include "ops/tf_matmul.h"

enum { LETTERS = 52, LABELS = LETTERS + UF_MAX_RANK };

typedef struct einsum_attrs { const char *equation; } einsum_attrs;
static uf_status einsum_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ((einsum_attrs *)memory)->equation = ufi_tf_text(from, "equation");
  if (from->n_in >= 1 && from->n_in <= 2) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one or two operands, found %d", (int)from->n_in);
}

typedef struct term {
  int32_t n, label[UF_MAX_RANK];
} term;

/* What a label is: its extent, whether and with which stride it is in x (0), y (1) and the output (2). */
typedef struct einsum_label {
  int64_t extent, stride[3];
  bool used[3];
} einsum_label;
typedef struct einsum {
  term out;
  einsum_label labels[LABELS];
  int32_t group[4][LABELS], n[4]; /* batch, rows, columns, contracted */
  int64_t size[4];
} einsum;
enum { BATCH, ROWS, COLUMNS, CONTRACTED };

/* ---- the equation ---------------------------------------------------------------- */

static int32_t label_of(char c) { return c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? 26 + c - 'A' : -1; }

/* A term from *text up to a comma, an arrow or the end; `dots`: dimensions that its ellipsis stands for. */
static bool read_term(const char **text, int32_t dots, term *out, bool *has_dots) {
  const char *p = *text;
  out->n = 0;
  *has_dots = false;
  for (; *p && *p != ',' && *p != '-'; p++) {
    if (strncmp(p, "...", 3) == 0) {
      if (*has_dots) return false;
      *has_dots = true;
      for (int32_t i = 0; i < dots; i++) {
        if (out->n >= UF_MAX_RANK) return false;
        out->label[out->n++] = LETTERS + dots - 1 - i;
      }
      p += 2;
      continue;
    }
    const int32_t label = label_of(*p);
    if (label < 0 || out->n >= UF_MAX_RANK) return false;
    out->label[out->n++] = label;
  }
  *text = p;
  return true;
}

static uf_status bad_equation(ufi_ctx *ctx) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an equation of labels that fits the operands' ranks, found '%.128s'",
                      ((const einsum_attrs *)ctx->attrs)->equation);
}

static uf_status add_operand(ufi_ctx *ctx, einsum *e, int32_t i, const term *t) {
  const ufi_tensor *x = ctx->in[i];
  int64_t stride = 1;
  for (int32_t d = x->rank - 1; d >= 0; stride *= x->dims[d--]) {
    einsum_label *l = &e->labels[t->label[d]];
    const bool dot = t->label[d] >= LETTERS, known = l->used[0] || l->used[1];
    if (known && l->extent != x->dims[d] && !(dot && (l->extent == 1 || x->dims[d] == 1)))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected equal dimensions of a label of '%.96s', found %lld and %lld",
                          ((const einsum_attrs *)ctx->attrs)->equation, (long long)l->extent, (long long)x->dims[d]);
    if (!known || l->extent == 1) l->extent = x->dims[d];
    l->used[i] = true;
    if (x->dims[d] != 1 || !dot) l->stride[i] += stride;
  }
  return UF_OK;
}

/* Reads the equation and gives each label its extent and strides in the operands. */
static uf_status read_equation(ufi_ctx *ctx, einsum *e) {
  const char *p = ((const einsum_attrs *)ctx->attrs)->equation;
  int32_t dots = 0;
  bool has_dots;
  memset(e, 0, sizeof *e);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    const char *again = p;
    term t;
    if (!read_term(&again, 0, &t, &has_dots)) return bad_equation(ctx);
    const int32_t own = ctx->in[i]->rank - t.n;
    if (own < 0 || (own > 0 && !has_dots)) return bad_equation(ctx);
    if (!read_term(&p, own, &t, &has_dots) || t.n != ctx->in[i]->rank) return bad_equation(ctx);
    dots = UFI_MAX(dots, own);
    UFI_TRY(add_operand(ctx, e, i, &t));
    if (i + 1 < ctx->n_in && *p++ != ',') return bad_equation(ctx);
  }
  if (p[0] != '-' || p[1] != '>') return bad_equation(ctx);
  p += 2;
  if (!read_term(&p, dots, &e->out, &has_dots) || *p) return bad_equation(ctx);
  for (int32_t d = 0; d < e->out.n; d++) {
    einsum_label *l = &e->labels[e->out.label[d]];
    if (!l->used[0] && !l->used[1]) return bad_equation(ctx);
    l->used[2] = true;
  }
  return UF_OK;
}

static uf_status einsum_infer(ufi_ctx *ctx) {
  einsum e;
  int64_t dims[UF_MAX_RANK];
  for (int32_t i = 0; i < ctx->n_in; i++) {
    if (ctx->in[i]->dtype != UF_INT64) UFI_TRY(ufi_tf_want_group(ctx, ctx->in[i], UFI_FLOATS | UFI_INT32 | UFI_COMPLEX));
    UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[i]));
  }
  UFI_TRY(read_equation(ctx, &e));
  for (int32_t d = 0; d < e.out.n; d++) dims[d] = e.labels[e.out.label[d]].extent;
  return ufi_out_shape(ctx, 0, e.out.n, dims);
}

/* ---- groups -------------------------------------------------------------------------- */

static void add_label(einsum *e, int32_t group, int32_t label) { e->group[group][e->n[group]++] = label; }

/* Labels by group, in the order in which the operands have them. */
static bool make_groups(const ufi_ctx *ctx, einsum *e) {
  /* order: by stride in the output, then in x, then in y, the largest first */
  int64_t stride = 1;
  for (int32_t d = e->out.n - 1; d >= 0; d--) {
    einsum_label *l = &e->labels[e->out.label[d]];
    l->stride[2] += stride;
    stride *= l->extent;
  }
  bool done[LABELS] = {false};
  for (int32_t tensor = 0; tensor < 3; tensor++) {
    const int32_t key = tensor == 0 ? 2 : tensor - 1;
    for (;;) { /* the label of the largest stride that is left */
      int32_t best = -1;
      for (int32_t i = 0; i < LABELS; i++) {
        if (!e->labels[i].used[key] || done[i]) continue;
        if (best < 0 || e->labels[i].stride[key] > e->labels[best].stride[key]) best = i;
      }
      if (best < 0) break;
      done[best] = true;
      const bool x = e->labels[best].used[0], y = e->labels[best].used[1];
      add_label(e, !e->labels[best].used[2] ? CONTRACTED : x && y ? BATCH : x ? ROWS : COLUMNS, best);
    }
  }
  for (int32_t g = 0; g < 4; g++) {
    e->size[g] = 1;
    for (int32_t i = 0; i < e->n[g]; i++)
      if (__builtin_mul_overflow(e->size[g], e->labels[e->group[g][i]].extent, &e->size[g])) return false;
  }
  return true;
}

/* Labels of three groups in order, and whether a tensor's memory is just that. */
static int32_t join(const einsum *e, const int32_t groups[3], int32_t labels[LABELS]) {
  int32_t n = 0;
  for (int32_t g = 0; g < 3; g++)
    for (int32_t i = 0; i < e->n[groups[g]]; i++) labels[n++] = e->group[groups[g]][i];
  return n;
}
static bool lies_so(const einsum *e, int32_t tensor, const int32_t groups[3]) {
  int32_t labels[LABELS];
  int64_t stride = 1;
  for (int32_t i = join(e, groups, labels) - 1; i >= 0; i--) {
    const einsum_label *l = &e->labels[labels[i]];
    if (l->extent != 1 && l->stride[tensor] != stride) return false;
    stride *= l->extent;
  }
  return true;
}

/* ---- copies --------------------------------------------------------------------------- */

typedef struct copy_loop {
  int32_t n;
  int64_t extent[LABELS], from_step[LABELS], to_step[LABELS];
  const uint8_t *from;
  uint8_t *to;
  size_t size;
} copy_loop;

#define COPY_ROW(type)                                                                                          \
  for (int64_t i = 0; i < inner; i++) ((type *)to)[i * to_step] = ((const type *)from)[i * from_step]

static void copy_rows(void *context, size_t begin, size_t end) {
  typedef struct wide { uint64_t half[2]; } wide;
  const copy_loop *c = context;
  const int32_t last = c->n - 1;
  const int64_t inner = c->extent[last], from_step = c->from_step[last], to_step = c->to_step[last];
  for (size_t row = begin; row < end; row++) {
    int64_t rest = (int64_t)row, from_at = 0, to_at = 0;
    for (int32_t d = last - 1; d >= 0; rest /= c->extent[d--]) {
      from_at += rest % c->extent[d] * c->from_step[d];
      to_at += rest % c->extent[d] * c->to_step[d];
    }
    const uint8_t *from = c->from + (size_t)from_at * c->size;
    uint8_t *to = c->to + (size_t)to_at * c->size;
    if (from_step == 1 && to_step == 1) memcpy(to, from, (size_t)inner * c->size);
    else if (c->size == 4) COPY_ROW(uint32_t);
    else if (c->size == 8) COPY_ROW(uint64_t);
    else COPY_ROW(wide);
  }
}

/* Between a tensor (its strides) and dense memory in the order of groups. */
static void copy(ufi_pool *pool, const einsum *e, int32_t tensor, const int32_t groups[3], const void *from, void *to,
                 size_t size, bool outward) {
  copy_loop c = {.from = from, .to = to, .size = size};
  int32_t labels[LABELS];
  int64_t dense = 1, rows = 1;
  c.n = join(e, groups, labels);
  if (c.n == 0) {
    memcpy(to, from, size);
    return;
  }
  for (int32_t i = c.n - 1; i >= 0; i--) {
    const einsum_label *l = &e->labels[labels[i]];
    c.extent[i] = l->extent;
    c.from_step[i] = outward ? dense : l->stride[tensor];
    c.to_step[i] = outward ? l->stride[tensor] : dense;
    dense *= l->extent;
    if (i < c.n - 1) rows *= l->extent;
  }
  ufi_share(pool, copy_rows, &c, dense == 0 ? 0 : rows, c.extent[c.n - 1]);
}

/* ---- the product ------------------------------------------------------------------------- */

static uf_status pack_fill(ufi_ctx *ctx, void *memory, void *arg) {
  ufi_bmm_f32_pack(ctx->pool, arg, memory);
  return UF_OK;
}

/* The second operand, where it is used as it lies, does not change with x and is no activation. */
static uf_status pack_weight(ufi_ctx *ctx, const ufi_bmm_geometry *g, const float **packed) {
  const ufi_tensor *y = ufi_in(ctx, 1);
  size_t floats;
  const void *memory = NULL;
  if (!y || y->dtype != UF_FLOAT32 || g->y_data != y->data || !(y->is_const || (y->buf && !y->in_arena)) ||
      !ufi_bmm_f32_shared(g, &floats))
    return UF_OK;
  UFI_TRY(ufi_packed_for(ctx, 0, y, floats * sizeof(float), pack_fill, (void *)(uintptr_t)g, &memory));
  *packed = memory;
  return UF_OK;
}

/* An operand as matrices: as it lies, turned, or copied in the order of `plain`. */
static const void *operand(ufi_ctx *ctx, ufi_bump *bump, const einsum *e, int32_t i, uf_dtype compute,
                           const int32_t plain[3], const int32_t turned[3], bool *is_turned) {
  const void *data = NULL;
  int64_t count = 1;
  *is_turned = false;
  if (i < ctx->n_in) data = ufi_stage_in(ctx, bump, ctx->in[i], compute, false);
  if (i < ctx->n_in && lies_so(e, i, plain)) return data;
  if (i < ctx->n_in && lies_so(e, i, turned)) {
    *is_turned = true;
    return data;
  }
  for (int32_t g = 0; g < 3; g++)
    if (__builtin_mul_overflow(count, e->size[plain[g]], &count)) bump->overflow = true;
  const size_t size = ufi_dtype_size(compute);
  void *to = ufi_bump_take(bump, count, size);
  if (!bump->run || count == 0) return to;
  if (i < ctx->n_in) {
    copy(ctx->pool, e, i, plain, data, to, size, false);
  } else {
    const int64_t one = 1;
    for (int64_t k = 0; k < count; k++)
      (void)ufi_convert(UF_INT64, &one, 1, compute, (uint8_t *)to + (size_t)k * size, NULL);
  }
  return to;
}

static uf_status einsum_run(ufi_ctx *ctx, ufi_bump *bump) {
  static const int32_t x_plain[3] = {BATCH, ROWS, CONTRACTED}, x_turned[3] = {BATCH, CONTRACTED, ROWS};
  static const int32_t y_plain[3] = {BATCH, CONTRACTED, COLUMNS}, y_turned[3] = {BATCH, COLUMNS, CONTRACTED};
  static const int32_t product[3] = {BATCH, ROWS, COLUMNS};
  const ufi_tensor *out = ctx->out[0];
  const uf_dtype compute = ufi_compute_dtype(out->dtype);
  const size_t size = ufi_dtype_size(compute);
  einsum e;
  UFI_TRY(read_equation(ctx, &e));
  if (out->count == 0) return UF_OK;
  if (!make_groups(ctx, &e)) return ufi_no_memory(ctx->error, SIZE_MAX);
  void *result = ufi_stage_out(bump, out, compute, false);
  const bool straight = lies_so(&e, 2, product), one = ctx->n_in == 1 && e.n[CONTRACTED] == 0;
  void *dense = straight ? result : one ? NULL : ufi_bump_take(bump, e.size[BATCH] * e.size[ROWS] * e.size[COLUMNS], size);
  if (bump->run && !straight) memset(result, 0, (size_t)out->count * size); /* what is off a diagonal */
  if (one) { /* only moves */
    bool turned;
    const void *x = operand(ctx, bump, &e, 0, compute, x_plain, x_turned, &turned);
    if (bump->run) copy(ctx->pool, &e, 2, product, x, result, size, true);
  } else {
    ufi_bmm_geometry g = {.m = e.size[ROWS], .n = e.size[COLUMNS], .k = e.size[CONTRACTED], .batches = e.size[BATCH],
                          .batch_rank = 1, .batch_dims = {e.size[BATCH]}, .out_data = dense};
    const float *packed = NULL;
    g.x_stride[0] = g.m * g.k;
    g.y_stride[0] = g.k * g.n;
    g.x_data = operand(ctx, bump, &e, 0, compute, x_plain, x_turned, &g.adj_x);
    g.y_data = operand(ctx, bump, &e, 1, compute, y_plain, y_turned, &g.adj_y);
    if (bump->run && compute == UF_FLOAT32) UFI_TRY(pack_weight(ctx, &g, &packed));
    UFI_TRY(ufi_tf_product(ctx, bump, compute, &g, false, false, packed));
    if (bump->run && !straight) copy(ctx->pool, &e, 2, product, dense, result, size, true);
  }
  ufi_stage_end(ctx, bump, result, out, compute, false);
  return UF_OK;
}

UFI_STAGED_DEF(EINSUM, einsum, einsum_attrs, einsum_tf);
