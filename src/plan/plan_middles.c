/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_middles.c: places values around common middles, see plan.h.
 *
 * Values that are never alive at the same time share a lane, a range as long as the largest of them, in whose middle they
 * all lie. Largest first, each into the first lane that is free while it lives. Two threads that compute one half of each
 * value then write the same half of each lane, and more threads nearly so, whatever the sizes: no line has to be fetched
 * from another processor's cache before it is written.
 */
#include <stdlib.h>

#include "plan/plan.h"

/* More take too long, in proportion to the square of their number; and are mostly small. */
enum { MOST_ITEMS = 512 };

typedef struct choice {
  ufi_plan_item *item;
  int32_t lane;
} choice;

/* The largest first; a total order. */
static int by_size(const void *a, const void *b) {
  const ufi_plan_item *x = ((const choice *)a)->item, *y = ((const choice *)b)->item;
  if (x->size != y->size) return x->size < y->size ? 1 : -1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x < y ? -1 : x > y;
}

/* The first lane in which nobody of the n placed lives together with item. */
static int32_t free_lane(const choice *placed, int32_t n, const ufi_plan_item *item) {
  bool taken[MOST_ITEMS] = {false};
  int32_t lane = 0;
  for (int32_t i = 0; i < n; i++) {
    if (ufi_plan_meet(item, placed[i].item)) taken[placed[i].lane] = true;
  }
  while (taken[lane]) lane++;
  return lane;
}

/* Sets lanes, and where each begins; the end of the last one. An item that opens a lane is the largest in it. */
static size_t make_lanes(choice *chosen, int32_t n, size_t *base) {
  int32_t lanes = 0;
  base[0] = 0;
  for (int32_t i = 0; i < n; i++) {
    const int32_t lane = chosen[i].lane = free_lane(chosen, i, chosen[i].item);
    if (lane < lanes) continue;
    base[lane + 1] = base[lane] + ufi_plan_rounded(chosen[i].item->size);
    lanes = lane + 1;
  }
  return base[lanes];
}

uf_status ufi_plan_middles(ufi_plan_item *items, int32_t n, size_t most, size_t *total_io, uf_error *error) {
  if (n > MOST_ITEMS) return UF_OK;
  const size_t bytes = ((size_t)n + 1) * (sizeof(choice) + sizeof(size_t));
  choice *chosen = ufi_malloc(bytes);
  if (!chosen) return ufi_no_memory(error, bytes);
  size_t *base = (size_t *)(void *)(chosen + n + 1);
  for (int32_t i = 0; i < n; i++) chosen[i].item = &items[i];
  qsort(chosen, (size_t)n, sizeof *chosen, by_size);
  const size_t total = make_lanes(chosen, n, base);
  for (int32_t i = 0; i < n && total <= most; i++) {
    const int32_t lane = chosen[i].lane;
    const size_t room = base[lane + 1] - base[lane] - ufi_plan_rounded(chosen[i].item->size);
    chosen[i].item->offset = base[lane] + room / 2 / UFI_PLAN_ALIGN * UFI_PLAN_ALIGN;
  }
  if (total <= most) *total_io = total;
  ufi_free(chosen);
  return UF_OK;
}
