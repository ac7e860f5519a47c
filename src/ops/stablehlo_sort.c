/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_sort.c: StableHLO's SORT: lines along one dimension, of several tensors at once, in an order
 * that a graph decides.
 *
 * The comparator is a graph over scalars (left 0, right 0, left 1, right 1, ...) -> bool. One that only
 * compares two numbers is known by sight; any other is called for each comparison. Lines are merged from
 * runs that double, which keeps the order of equals whether or not is_stable asks for it, and ends
 * whatever the comparator answers.
 */
#include "ops/move.h"
#include "ops/number.h"
#include "ops/stablehlo.h"

typedef struct sort_attrs {
  int64_t dimension;
  int32_t graph;
} sort_attrs;

static uf_status sort_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  sort_attrs *a = attrs;
  a->dimension = ufi_fb_i64(&from->options, 0, 0);
  a->graph = ufi_fb_i32(&from->options, 2, 0);
  return UF_OK;
}
static int32_t sort_calls(const void *attrs, int32_t at) { return at == 0 ? ((const sort_attrs *)attrs)->graph : -1; }

/* ---- comparators ------------------------------------------------------------------------------ */

/* A number of the operand that is compared, as pieces hold it (number.h). */
typedef union sort_key {
  double real;
  int64_t integer;
  uint64_t natural;
} sort_key;

/* An element of a line: its key beside its place, so that runs are read in order. */
typedef struct entry {
  sort_key key; /* when the comparator is known by sight */
  int64_t at;
} entry;

typedef struct comparator {
  ufi_ctx *ctx;
  int32_t graph, n;
  ufi_tensor *scalars;      /* 2 * n */
  ufi_tensor **pointers;
  const ufi_number_op *op;  /* known by sight: what compares, of which operand, and whether right to left */
  int32_t operand;
  bool swapped;
  const ufi_number_type *type;
  int64_t line, step;       /* the line in hand: its first element, and elements from one to the next */
} comparator;

/* One node that compares both elements of one operand. */
static bool by_sight(ufi_ctx *ctx, comparator *c) {
  ufi_body_view body;
  if (!ufi_host_body(ctx, c->graph, &body) || !body.op || body.n_out != 1 || body.n_in != 2 * c->n) return false;
  const int32_t left = body.in[0], right = body.in[1];
  if (left < 0 || right < 0 || (left ^ 1) != right || strcmp(body.op->name, "STABLEHLO_COMPARE") != 0) return false;
  c->op = ((const ufi_number_attrs *)body.attrs)->op; /* first in the attributes of that row */
  c->operand = left / 2;
  c->swapped = left > right;
  c->type = ufi_number_type_of(ctx->in[c->operand]->dtype);
  const bool fits = c->op->dtypes >> ctx->in[c->operand]->dtype & 1;
  if (!fits || c->type->class == UFI_COMPLEXES) c->op = NULL;
  return c->op != NULL;
}

static uf_status open_comparator(ufi_ctx *ctx, comparator *c) {
  const sort_attrs *a = ctx->attrs;
  *c = (comparator){.ctx = ctx, .graph = a->graph, .n = ctx->n_in};
  if (by_sight(ctx, c)) return UF_OK;
  c->scalars = ufi_calloc(2 * (size_t)c->n, sizeof *c->scalars);
  c->pointers = ufi_calloc(2 * (size_t)c->n, sizeof *c->pointers);
  if (!c->scalars || !c->pointers) return ufi_no_memory(ctx->error, 2 * (size_t)c->n * sizeof *c->scalars);
  for (int32_t i = 0; i < 2 * c->n; i++) {
    const ufi_tensor *t = ctx->in[i / 2];
    c->scalars[i] = (ufi_tensor){.dtype = t->dtype, .count = 1, .size = (size_t)uf_dtype_bits(t->dtype) / 8,
                                 .name = t->name, .shape_known = true};
    c->pointers[i] = &c->scalars[i];
  }
  return UF_OK;
}

static void close_comparator(comparator *c) {
  ufi_free(c->scalars);
  ufi_free(c->pointers);
}

static bool compare_keys(const comparator *c, sort_key left, sort_key right) {
  const ufi_number_arg arg = {.op = c->op, .type = c->type};
  sort_key a = c->swapped ? right : left, b = c->swapped ? left : right;
  if (c->type->class == UFI_REALS) {
    c->op->reals(&a.real, &b.real, 1, &arg);
    return a.real != 0;
  }
  if (c->type->class == UFI_NATURALS && c->op->naturals) c->op->naturals(&a.natural, &b.natural, 1, &arg);
  else c->op->ints(&a.integer, &b.integer, 1, &arg);
  return a.integer != 0;
}

static const uint8_t *element(const comparator *c, int32_t operand, int64_t i) {
  const ufi_tensor *t = c->ctx->in[operand];
  return (const uint8_t *)t->data + (c->line + i * c->step) * (uf_dtype_bits(t->dtype) / 8);
}

static void load_line(const comparator *c, entry *line, int64_t n) {
  ufi_piece piece;
  for (int64_t i = 0; i < n; i++) {
    line[i].at = i;
    if (!c->op) continue;
    c->type->load(element(c, c->operand, i), &piece, 1);
    line[i].key.natural = piece.naturals[0]; /* whatever it is: they lie in one place */
  }
}

static uf_status check_answer(ufi_ctx *ctx, ufi_tensor *const *results, int32_t n) {
  char text[512];
  if (n == 1 && results[0]->dtype == UF_BOOL && (!results[0]->shape_known || results[0]->count == 1)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a comparator with one output, a bool, found %d, the first %s",
                      (int)n, n ? ufi_tensor_text(results[0], text) : "missing");
}

/* Whether x goes before y. */
static uf_status goes_before(comparator *c, const entry *x, const entry *y, bool *out) {
  ufi_tensor *const *results;
  int32_t n;
  if (c->op) {
    *out = compare_keys(c, x->key, y->key);
    return UF_OK;
  }
  for (int32_t k = 0; k < c->n; k++) {
    c->scalars[2 * k].data = (void *)(uintptr_t)element(c, k, x->at); /* the call copies them */
    c->scalars[2 * k + 1].data = (void *)(uintptr_t)element(c, k, y->at);
  }
  UFI_TRY(ufi_host_call(c->ctx, c->graph, c->pointers, 2 * c->n, &results, &n));
  UFI_TRY(check_answer(c->ctx, results, n));
  *out = *(const uint8_t *)results[0]->data != 0;
  return UF_OK;
}

/* ---- the op -------------------------------------------------------------------------------------- */

static uf_status sort_infer(ufi_ctx *ctx) {
  const sort_attrs *a = ctx->attrs;
  ufi_tensor *const *results;
  comparator c;
  int32_t n, dimension;
  if (ctx->n_in != ctx->n_out)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many outputs as inputs to sort, found %d of %d",
                        (int)ctx->n_out, (int)ctx->n_in);
  for (int32_t i = 0; i < ctx->n_in; i++) {
    UFI_TRY(ufi_shlo_want_bytes(ctx, ctx->in[i]));
    UFI_TRY(ufi_shlo_want_same_shape(ctx, ctx->in[0], ctx->in[i]));
    UFI_TRY(ufi_out_dtype(ctx, i, ctx->in[i]->dtype));
  }
  UFI_TRY(ufi_axis(ctx, a->dimension, ctx->in[0]->rank, &dimension));
  if (!ctx->running) {
    uf_status status = open_comparator(ctx, &c);
    if (status == UF_OK && !c.op) status = ufi_host_infer(ctx, a->graph, c.pointers, 2 * c.n, &results, &n);
    if (status == UF_OK && !c.op) status = check_answer(ctx, results, n);
    close_comparator(&c);
    UFI_TRY(status);
  }
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_out_like(ctx, i, ctx->in[i]));
  return UF_OK;
}

/* Two sorted runs, [begin, middle) and [middle, end), become one. Of two that are equal the left goes first. */
static uf_status merge(comparator *c, const entry *from, entry *to, int64_t begin, int64_t middle, int64_t end) {
  int64_t i = begin, j = middle;
  for (int64_t k = begin; k < end; k++) {
    bool right = i == middle;
    if (i < middle && j < end) UFI_TRY(goes_before(c, &from[j], &from[i], &right));
    to[k] = right ? from[j++] : from[i++];
  }
  return UF_OK;
}

static uf_status sort_line(comparator *c, int64_t n, entry *order, entry *other, entry **sorted_out) {
  load_line(c, order, n);
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * run)
      UFI_TRY(merge(c, order, other, begin, UFI_MIN(begin + run, n), UFI_MIN(begin + 2 * run, n)));
    entry *swap = order;
    order = other;
    other = swap;
  }
  *sorted_out = order;
  return UF_OK;
}

static void put_line(const comparator *c, const entry *order, int64_t n) {
  for (int32_t k = 0; k < c->n; k++) {
    const size_t size = (size_t)uf_dtype_bits(c->ctx->in[k]->dtype) / 8;
    uint8_t *out = (uint8_t *)c->ctx->out[k]->data + (size_t)c->line * size;
    for (int64_t i = 0; i < n; i++) memcpy(out + (size_t)(i * c->step) * size, element(c, k, order[i].at), size);
  }
}

static uf_status sort_eval(ufi_ctx *ctx) {
  const sort_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  comparator c = {0};
  int32_t dimension;
  if (x->count == 0) return UF_OK;
  UFI_TRY(ufi_axis(ctx, a->dimension, x->rank, &dimension));
  const int64_t n = x->dims[dimension], step = ufi_move_span(x->dims, dimension + 1, x->rank), lines = x->count / n;
  entry *order = ufi_malloc(2 * (size_t)n * sizeof *order), *sorted = NULL;
  uf_status status = order ? open_comparator(ctx, &c) : ufi_no_memory(ctx->error, 2 * (size_t)n * sizeof *order);
  c.step = step;
  for (int64_t line = 0; line < lines && status == UF_OK; line++) {
    c.line = line / step * n * step + line % step;
    status = sort_line(&c, n, order, order + n, &sorted);
    if (status == UF_OK) put_line(&c, sorted, n);
  }
  if (order) close_comparator(&c);
  ufi_free(order);
  return status;
}
const ufi_op_def ufi_op_STABLEHLO_SORT = {
  .attrs_size = sizeof(sort_attrs), .attrs_tflite = sort_tflite, .infer = sort_infer,
  .eval = sort_eval, .calls = sort_calls};
