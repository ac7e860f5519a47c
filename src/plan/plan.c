/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: greedy placement in some orders, of which the best is taken, see plan.h.
 *
 * Placed items are kept sorted by offset. For each new item one walk over them
 * looks only at those alive at the same time and keeps the smallest gap that
 * fits; so n items cost O(n^2) in the worst case and far less in chains.
 */
#include "plan/plan.h"

#include <stdlib.h>

/* An item, and by what it is chosen: those with more go first. */
typedef struct choice {
  ufi_plan_item *item;
  double weight;
} choice;

static int by_weight(const void *a, const void *b) {
  const choice *p = a, *q = b;
  const ufi_plan_item *x = p->item, *y = q->item;
  if (p->weight != q->weight) return p->weight < q->weight ? 1 : -1;
  if (x->size != y->size) return x->size < y->size ? 1 : -1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x < y ? -1 : x > y; /* a total order: the same plan on every machine */
}

/* The offset of the best gap for item among `placed` (sorted by offset). */
static size_t best_gap(const ufi_plan_item *item, ufi_plan_item *const *placed, int32_t n) {
  size_t size = ufi_plan_rounded(item->size), end = 0, best = SIZE_MAX, best_gap_size = SIZE_MAX;
  for (int32_t i = 0; i < n; i++) {
    if (!ufi_plan_meet(item, placed[i])) continue;
    if (placed[i]->offset >= end && placed[i]->offset - end >= size && placed[i]->offset - end < best_gap_size) {
      best = end;
      best_gap_size = placed[i]->offset - end;
    }
    end = UFI_MAX(end, placed[i]->offset + ufi_plan_rounded(placed[i]->size));
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

/* What the items alive at each step need: the sums, a step per element. */
static size_t *sums_of(const ufi_plan_item *items, int32_t n, int32_t *steps_out, uf_error *error) {
  int32_t steps = 0;
  for (int32_t i = 0; i < n; i++) steps = UFI_MAX(steps, items[i].last + 1);
  size_t *sums = ufi_calloc((size_t)steps + 1, sizeof *sums); /* changes at first, which wrap around on purpose */
  *steps_out = steps;
  if (sums == NULL) {
    (void)!ufi_no_memory(error, (size_t)steps * sizeof *sums);
    return NULL;
  }
  for (int32_t i = 0; i < n; i++) {
    sums[items[i].first] += ufi_plan_rounded(items[i].size);
    sums[items[i].last + 1] -= ufi_plan_rounded(items[i].size);
  }
  for (int32_t s = 1; s <= steps; s++) sums[s] += sums[s - 1];
  return sums;
}

static bool sum_fits(const ufi_plan_item *items, int32_t n) {
  size_t sum = 0;
  for (int32_t i = 0; i < n; i++) {
    if (items[i].size > SIZE_MAX / 2 || !ufi_add_size(sum, ufi_plan_rounded(items[i].size), &sum)) return false;
  }
  return sum <= SIZE_MAX / 2;
}

/* ---- orders ------------------------------------------------------------------------ */

/* From here on placing all takes long. */
enum { MANY = 512 };

/* How often all are placed at most. */
static int32_t rounds_of(int32_t n) { return n <= MANY ? 24 : 2; }

/* The largest sum among the steps of an item. */
static size_t crowd(const ufi_plan_item *item, const size_t *sums) {
  size_t most = 0;
  for (int32_t s = item->first; s <= item->last; s++) most = UFI_MAX(most, sums[s]);
  return most;
}

/* Places all, those with more weight first; bytes of the block. */
static size_t place(choice *chosen, int32_t n, ufi_plan_item **placed) {
  size_t total = 0;
  qsort(chosen, (size_t)n, sizeof *chosen, by_weight);
  for (int32_t i = 0; i < n; i++) {
    ufi_plan_item *item = chosen[i].item;
    item->offset = best_gap(item, placed, i);
    insert_sorted(placed, i, item);
    total = UFI_MAX(total, item->offset + ufi_plan_rounded(item->size));
  }
  return total;
}

/* By size; where that is no best plan, by what is alive at the same time, then again and again with those first that
 * did not fit into the bound. */
static void weigh(choice *chosen, int32_t n, int32_t round, const size_t *sums, size_t bound) {
  for (int32_t i = 0; i < n; i++) {
    const ufi_plan_item *item = chosen[i].item;
    if (round == 0) chosen[i].weight = (double)item->size;
    else if (round == 1) chosen[i].weight = (double)crowd(item, sums);
    else if (item->offset + ufi_plan_rounded(item->size) > bound) chosen[i].weight *= 2;
  }
}

static uf_status place_best(ufi_plan_item *items, int32_t n, const size_t *sums, size_t bound, size_t *total_out,
                            uf_error *error) {
  choice *chosen = ufi_malloc(((size_t)n + 1) * (sizeof *chosen + sizeof(ufi_plan_item *) + sizeof(size_t)));
  if (chosen == NULL) return ufi_no_memory(error, (size_t)n * sizeof *chosen);
  ufi_plan_item **placed = (ufi_plan_item **)(void *)(chosen + n + 1);
  size_t best = SIZE_MAX, *offsets = (size_t *)(void *)(placed + n + 1);
  for (int32_t i = 0; i < n; i++) chosen[i].item = &items[i];
  for (int32_t round = 0; round < rounds_of(n) && best > bound; round++) {
    weigh(chosen, n, round, sums, bound);
    const size_t total = place(chosen, n, placed);
    if (total >= best) continue;
    best = total;
    for (int32_t i = 0; i < n; i++) offsets[i] = items[i].offset;
  }
  for (int32_t i = 0; i < n; i++) items[i].offset = offsets[i];
  ufi_free(chosen);
  *total_out = n > 0 ? best : 0;
  return UF_OK;
}

/* Many are placed in the order of steps if that comes near the bound, since the other way takes so much longer. */
static uf_status place_many(ufi_plan_item *items, int32_t n, const size_t *sums, size_t bound, size_t *total_out,
                            uf_error *error) {
  UFI_TRY(ufi_plan_many(items, n, total_out, error));
  if (n > UFI_PLAN_FEW || *total_out <= bound + bound / 16) return UF_OK;
  return place_best(items, n, sums, bound, total_out, error);
}

uf_status ufi_plan(ufi_plan_item *items, int32_t n, size_t *total_out, size_t *bound_out, uf_error *error) {
  if (!sum_fits(items, n)) {
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected activations that fit in memory, found shapes that do not");
  }
  int32_t steps;
  size_t bound = 0, *sums = sums_of(items, n, &steps, error);
  if (sums == NULL) return UF_RESOURCE_EXHAUSTED;
  for (int32_t s = 0; s < steps; s++) bound = UFI_MAX(bound, sums[s]);
  uf_status status = n > MANY ? place_many(items, n, sums, bound, total_out, error)
                              : place_best(items, n, sums, bound, total_out, error);
  ufi_free(sums);
  *bound_out = bound;
  return status;
}
