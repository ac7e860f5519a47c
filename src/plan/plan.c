/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: greedy placement by size, see plan.h.
 *
 * Placed items are kept sorted by offset. For each new item one walk over them
 * looks only at those alive at the same time and keeps the smallest gap that
 * fits; so n items cost O(n^2) in the worst case and far less in chains.
 */
#include "plan/plan.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b) {
  const ufi_plan_item *x = *(ufi_plan_item *const *)a, *y = *(ufi_plan_item *const *)b;
  if (x->size != y->size) return x->size < y->size ? 1 : -1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x < y ? -1 : x > y; /* a total order: the same plan on every machine */
}

static size_t round_up(size_t size) { return (size + UFI_PLAN_ALIGN - 1) / UFI_PLAN_ALIGN * UFI_PLAN_ALIGN; }

static bool overlap(const ufi_plan_item *a, const ufi_plan_item *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* The offset of the best gap for item among `placed` (sorted by offset). */
static size_t best_gap(const ufi_plan_item *item, ufi_plan_item *const *placed, int32_t n) {
  size_t size = round_up(item->size), end = 0, best = SIZE_MAX, best_gap_size = SIZE_MAX;
  for (int32_t i = 0; i < n; i++) {
    if (!overlap(item, placed[i])) continue;
    if (placed[i]->offset >= end && placed[i]->offset - end >= size && placed[i]->offset - end < best_gap_size) {
      best = end;
      best_gap_size = placed[i]->offset - end;
    }
    end = UFI_MAX(end, placed[i]->offset + round_up(placed[i]->size));
  }
  return best != SIZE_MAX ? best : end;
}

static void insert_sorted(ufi_plan_item **placed, int32_t n, ufi_plan_item *item) {
  int32_t low = 0, high = n;
  while (low < high) {
    int32_t middle = (low + high) / 2;
    if (placed[middle]->offset <= item->offset) low = middle + 1;
    else high = middle;
  }
  memmove(placed + low + 1, placed + low, (size_t)(n - low) * sizeof *placed);
  placed[low] = item;
}

/* Largest sum of sizes alive at a step, by a sweep over changes. */
static uf_status lower_bound(const ufi_plan_item *items, int32_t n, size_t *bound_out, uf_error *error) {
  int32_t steps = 0;
  for (int32_t i = 0; i < n; i++) steps = UFI_MAX(steps, items[i].last + 1);
  size_t *delta = ufi_calloc((size_t)steps + 1, sizeof *delta); /* wraps around on purpose */
  if (delta == NULL) return ufi_no_memory(error, (size_t)steps * sizeof *delta);
  for (int32_t i = 0; i < n; i++) {
    delta[items[i].first] += round_up(items[i].size);
    delta[items[i].last + 1] -= round_up(items[i].size);
  }
  size_t alive = 0, bound = 0;
  for (int32_t s = 0; s <= steps; s++) {
    alive += delta[s];
    bound = UFI_MAX(bound, alive);
  }
  ufi_free(delta);
  *bound_out = bound;
  return UF_OK;
}

static bool sum_fits(const ufi_plan_item *items, int32_t n) {
  size_t sum = 0;
  for (int32_t i = 0; i < n; i++) {
    if (items[i].size > SIZE_MAX / 2 || !ufi_add_size(sum, round_up(items[i].size), &sum)) return false;
  }
  return sum <= SIZE_MAX / 2;
}

uf_status ufi_plan(ufi_plan_item *items, int32_t n, size_t *total_out, size_t *bound_out, uf_error *error) {
  if (!sum_fits(items, n)) {
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected activations that fit in memory, found shapes that do not");
  }
  if (n > UFI_PLAN_FEW) {
    UFI_TRY(ufi_plan_many(items, n, total_out, error));
    return lower_bound(items, n, bound_out, error);
  }
  ufi_plan_item **order = ufi_malloc(((size_t)n + 1) * 2 * sizeof *order);
  if (order == NULL) return ufi_no_memory(error, (size_t)n * sizeof *order);
  ufi_plan_item **placed = order + n + 1;
  for (int32_t i = 0; i < n; i++) order[i] = &items[i];
  qsort(order, (size_t)n, sizeof *order, by_size);
  size_t total = 0;
  for (int32_t i = 0; i < n; i++) {
    order[i]->offset = best_gap(order[i], placed, i);
    insert_sorted(placed, i, order[i]);
    total = UFI_MAX(total, order[i]->offset + round_up(order[i]->size));
  }
  ufi_free(order);
  *total_out = total;
  return lower_bound(items, n, bound_out, error);
}
