/* SPDX-License-Identifier: Apache-2.0
 *
 * broadcast.c: see broadcast.h.
 */
#include "ops/broadcast.h"

/* Extent d counted from the last dimension, 1 beyond the first. */
static int64_t extent(const ufi_tensor *t, int32_t d) {
  return d < t->rank ? t->dims[t->rank - 1 - d] : 1;
}

/* How two operands take part in one dimension. */
typedef enum repeat { BOTH_MOVE, A_REPEATS, B_REPEATS } repeat;

void ufi_broadcast_make(const ufi_tensor *a, const ufi_tensor *b, const ufi_tensor *y,
                        ufi_broadcast_plan *plan_out) {
  int64_t dims[UF_MAX_RANK], step_a[UF_MAX_RANK], step_b[UF_MAX_RANK];
  repeat kinds[UF_MAX_RANK];
  int32_t n = 0; /* merged dimensions, innermost first */
  int64_t next_a = 1, next_b = 1;
  for (int32_t d = 0; d < y->rank; ++d) {
    const int64_t size = extent(y, d), size_a = extent(a, d), size_b = extent(b, d);
    if (size == 1) continue;
    const repeat kind = size_a == size_b ? BOTH_MOVE : size_a == 1 ? A_REPEATS : B_REPEATS;
    if (n > 0 && kinds[n - 1] == kind) {
      dims[n - 1] *= size;
    } else {
      dims[n] = size;
      kinds[n] = kind;
      step_a[n] = kind == A_REPEATS ? 0 : next_a;
      step_b[n] = kind == B_REPEATS ? 0 : next_b;
      ++n;
    }
    if (kind != A_REPEATS) next_a *= size;
    if (kind != B_REPEATS) next_b *= size;
  }
  *plan_out = (ufi_broadcast_plan){.row = n ? dims[0] : 1, .count = y->count, .rank = n ? n - 1 : 0,
                                   .a_is_whole = next_a == y->count, .b_is_whole = next_b == y->count};
  plan_out->mode = n == 0 || kinds[0] == BOTH_MOVE ? UFK_VV : kinds[0] == A_REPEATS ? UFK_SV : UFK_VS;
  for (int32_t i = 1; i < n; ++i) {
    plan_out->dims[n - 1 - i] = dims[i];
    plan_out->step_a[n - 1 - i] = step_a[i];
    plan_out->step_b[n - 1 - i] = step_b[i];
  }
}

/* Where a row of the output is in the operands. */
typedef struct position {
  int64_t index[UF_MAX_RANK];
  int64_t a, b; /* elements */
} position;

static void seek(const ufi_broadcast_plan *p, int64_t row, position *at) {
  at->a = at->b = 0;
  for (int32_t d = p->rank - 1; d >= 0; --d) {
    at->index[d] = row % p->dims[d];
    row /= p->dims[d];
    at->a += at->index[d] * p->step_a[d];
    at->b += at->index[d] * p->step_b[d];
  }
}

static void advance(const ufi_broadcast_plan *p, position *at) {
  for (int32_t d = p->rank - 1; d >= 0; --d) {
    at->a += p->step_a[d];
    at->b += p->step_b[d];
    if (++at->index[d] < p->dims[d]) return;
    at->index[d] = 0;
    at->a -= p->dims[d] * p->step_a[d];
    at->b -= p->dims[d] * p->step_b[d];
  }
}

/* Elements [begin, end) of the output; a piece may begin and end inside rows. */
static void run_range(void *context, size_t begin, size_t end) {
  const ufi_broadcast_run_args *r = context;
  const ufi_broadcast_plan *p = r->plan;
  const size_t row = (size_t)p->row;
  position at;
  size_t column = begin % row;
  seek(p, (int64_t)(begin / row), &at);
  while (begin < end) {
    const size_t n = UFI_MIN(row - column, end - begin);
    const size_t a = (size_t)at.a + (p->mode == UFK_SV ? 0 : column);
    const size_t b = (size_t)at.b + (p->mode == UFK_VS ? 0 : column);
    r->inner((const char *)r->a + a * r->size_a, (const char *)r->b + b * r->size_b,
             (char *)r->y + begin * r->size_y, n, p->mode, r->arg);
    begin += n;
    column = 0;
    advance(p, &at);
  }
}

/* A short row that is repeated for every row of the other operand, as a bias of
 * few channels: the repeated row is laid out many times, so that the inner loop
 * is long. */
enum { TILE_BYTES = 2048, SHORT_ROW = 24, SHORT_BYTES = 512 };
static bool is_short(int64_t row, size_t size) { return row <= SHORT_ROW || (size == 1 && row <= SHORT_BYTES); }
static bool is_short_and_repeated(const ufi_broadcast_run_args *r) {
  const ufi_broadcast_plan *p = r->plan;
  return p->rank == 1 && p->mode == UFK_VV && is_short(p->row, r->size_y) && p->dims[0] >= 8 &&
         (p->step_a[0] == 0) != (p->step_b[0] == 0) && (p->step_b[0] == 0 ? r->size_b : r->size_a) <= 8;
}

typedef struct tiled_run {
  const ufi_broadcast_run_args *args;
  const void *tile;
  size_t elements; /* of the tile */
} tiled_run;

/* Pieces of whole tiles, the last one shorter. */
static void run_tiles(void *context, size_t begin, size_t end) {
  const tiled_run *t = context;
  const ufi_broadcast_run_args *r = t->args;
  const bool b_repeats = r->plan->step_b[0] == 0;
  for (size_t tile = begin; tile < end; ++tile) {
    const size_t at = tile * t->elements, n = UFI_MIN(t->elements, (size_t)r->plan->count - at);
    const void *a = b_repeats ? (const char *)r->a + at * r->size_a : t->tile;
    const void *b = b_repeats ? t->tile : (const char *)r->b + at * r->size_b;
    r->inner(a, b, (char *)r->y + at * r->size_y, n, UFK_VV, r->arg);
  }
}

static void run_tiled(const ufi_broadcast_run_args *r, ufi_pool *pool) {
  _Alignas(64) char tile[TILE_BYTES];
  const bool b_repeats = r->plan->step_b[0] == 0;
  const size_t row = (size_t)r->plan->row * (b_repeats ? r->size_b : r->size_a), copies = TILE_BYTES / row;
  for (size_t i = 0; i < copies; ++i) memcpy(tile + i * row, b_repeats ? r->b : r->a, row);
  tiled_run t = {r, tile, copies * (size_t)r->plan->row};
  const size_t n = ((size_t)r->plan->count + t.elements - 1) / t.elements;
  if (r->plan->count < ufi_split_least(pool, UFI_PARALLEL_MIN)) run_tiles(&t, 0, n);
  else ufi_parallel_even(pool, run_tiles, &t, n, 1, UFI_MAX(UFI_PARALLEL_GRAIN / t.elements, (size_t)1));
}

void ufi_broadcast_run(const ufi_broadcast_run_args *args, ufi_pool *pool) {
  if (is_short_and_repeated(args)) run_tiled(args, pool);
  else ufi_elements(pool, run_range, (void *)args, (size_t)args->plan->count);
}

bool ufi_broadcast_wants_all(const ufi_broadcast_plan *plan) { return plan->rank > 0 && plan->row <= SHORT_ROW; }

/* run_range counts from the first element, which need not be there: addresses are integers. */
void ufi_broadcast_part(const ufi_broadcast_run_args *args, size_t begin, size_t n) {
  ufi_broadcast_run_args r = *args;
  if (args->plan->a_is_whole) r.a = (const void *)((uintptr_t)r.a - begin * r.size_a);
  if (args->plan->b_is_whole) r.b = (const void *)((uintptr_t)r.b - begin * r.size_b);
  r.y = (void *)((uintptr_t)r.y - begin * r.size_y);
  run_range(&r, begin, begin + n);
}

void ufi_elements(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n) {
  if (n == 0) return;
  if ((int64_t)n < ufi_split_least(pool, UFI_PARALLEL_MIN)) fn(context, 0, n);
  else ufi_parallel_even(pool, fn, context, n, 64, UFI_PARALLEL_GRAIN);
}
