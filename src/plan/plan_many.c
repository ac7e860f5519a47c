/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_many.c: places many items in time that grows as their number, see plan.h.
 *
 * One walk through the steps with a heap of blocks: an item that begins takes a free block, one that
 * has ended gives its block back, and free neighbours become one. Free blocks are kept by size in bins, eight
 * for each power of two, so that a block that fits is found without a walk over all of them. At each step
 * larger items go first.
 *
 * Sizes and offsets are counted in units of UFI_PLAN_ALIGN.
 */
#include <stdlib.h>

#include "plan/plan.h"

enum { N_BINS = 512, TRIES = 16, NONE = -1 };

typedef struct block {
  size_t offset, size;
  int32_t before, after; /* by offset */
  int32_t prev, next;    /* in the bin of a free one; next: also of blocks that are none any more */
  bool is_free;
} block;

typedef struct heap {
  block *blocks;
  int32_t n, spare, last; /* blocks made; list of those to use again; the one at the end */
  int32_t bins[N_BINS];
  uint64_t filled[N_BINS / 64];
} heap;

/* ---- bins ------------------------------------------------------------------------------------ */

static int32_t bin_of(size_t size) {
  if (size < 8) return (int32_t)size;
  const int32_t high = 63 - __builtin_clzll(size);
  return (high - 2) * 8 + (int32_t)(size >> (high - 3) & 7);
}

static void put_in_bin(heap *h, int32_t i) {
  block *b = &h->blocks[i];
  const int32_t bin = bin_of(b->size);
  b->is_free = true;
  b->prev = NONE;
  b->next = h->bins[bin];
  if (b->next != NONE) h->blocks[b->next].prev = i;
  h->bins[bin] = i;
  h->filled[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void take_from_bin(heap *h, int32_t i) {
  block *b = &h->blocks[i];
  const int32_t bin = bin_of(b->size);
  b->is_free = false;
  if (b->prev != NONE) h->blocks[b->prev].next = b->next;
  else h->bins[bin] = b->next;
  if (b->next != NONE) h->blocks[b->next].prev = b->prev;
  if (h->bins[bin] == NONE) h->filled[bin / 64] &= ~(UINT64_C(1) << bin % 64);
}

/* A free block of at least this size: of its own bin the smallest of a few, else any of the next bin that
 * has one. */
static int32_t find_free(const heap *h, size_t size) {
  const int32_t bin = bin_of(size);
  int32_t best = NONE;
  for (int32_t i = h->bins[bin], tries = 0; i != NONE && tries < TRIES; i = h->blocks[i].next, tries++) {
    const block *b = &h->blocks[i];
    if (b->size >= size && (best == NONE || b->size < h->blocks[best].size)) best = i;
    if (b->size == size) return i;
  }
  if (best != NONE) return best;
  for (int32_t word = (bin + 1) / 64; word < N_BINS / 64; word++) {
    uint64_t bits = h->filled[word];
    if (word == (bin + 1) / 64) bits &= ~UINT64_C(0) << (bin + 1) % 64;
    if (bits) return h->bins[word * 64 + __builtin_ctzll(bits)];
  }
  return NONE;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

/* A block of its own between `before` and the one behind it. */
static int32_t new_block(heap *h, int32_t before, size_t offset, size_t size) {
  int32_t i = h->spare;
  if (i != NONE) h->spare = h->blocks[i].next;
  else i = h->n++;
  const int32_t after = before == NONE ? NONE : h->blocks[before].after;
  h->blocks[i] = (block){.offset = offset, .size = size, .before = before, .after = after, .prev = NONE, .next = NONE};
  if (before != NONE) h->blocks[before].after = i;
  if (after != NONE) h->blocks[after].before = i;
  else h->last = i;
  return i;
}

/* The block behind i becomes part of it. */
static void swallow(heap *h, int32_t i) {
  block *b = &h->blocks[i];
  const int32_t gone = b->after;
  b->size += h->blocks[gone].size;
  b->after = h->blocks[gone].after;
  if (b->after != NONE) h->blocks[b->after].before = i;
  else h->last = i;
  h->blocks[gone].next = h->spare;
  h->spare = gone;
}

static int32_t take(heap *h, size_t size) {
  int32_t i = find_free(h, size);
  if (i == NONE) { /* at the end, which may be free but too small */
    const int32_t end = h->last;
    if (end == NONE) return new_block(h, NONE, 0, size);
    if (!h->blocks[end].is_free) return new_block(h, end, h->blocks[end].offset + h->blocks[end].size, size);
    take_from_bin(h, end);
    h->blocks[end].size = size;
    return end;
  }
  take_from_bin(h, i);
  const size_t rest = h->blocks[i].size - size;
  h->blocks[i].size = size;
  if (rest) put_in_bin(h, new_block(h, i, h->blocks[i].offset + size, rest));
  return i;
}

static void give(heap *h, int32_t i) {
  const int32_t before = h->blocks[i].before, after = h->blocks[i].after;
  if (after != NONE && h->blocks[after].is_free) {
    take_from_bin(h, after);
    swallow(h, i);
  }
  if (before != NONE && h->blocks[before].is_free) {
    take_from_bin(h, before);
    swallow(h, before);
    i = before;
  }
  put_in_bin(h, i);
}

/* ---- the walk ------------------------------------------------------------------------------------ */

/* An item's place in the two orders. */
typedef struct event {
  const ufi_plan_item *item;
  int32_t index;
} event;

static int by_first(const void *a, const void *b) {
  const event *x = a, *y = b;
  if (x->item->first != y->item->first) return x->item->first < y->item->first ? -1 : 1;
  if (x->item->size != y->item->size) return x->item->size < y->item->size ? 1 : -1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static int by_last(const void *a, const void *b) {
  const event *x = a, *y = b;
  if (x->item->last != y->item->last) return x->item->last < y->item->last ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static void walk(heap *h, ufi_plan_item *items, int32_t n, const event *begins, const event *ends, int32_t *block_of) {
  int32_t ended = 0;
  for (int32_t i = 0; i < n; i++) block_of[i] = NONE;
  for (int32_t i = 0; i < n; i++) {
    ufi_plan_item *item = &items[begins[i].index];
    for (; ended < n && ends[ended].item->last < item->first; ended++) {
      if (block_of[ends[ended].index] != NONE) give(h, block_of[ends[ended].index]);
    }
    const int32_t b = take(h, (item->size + UFI_PLAN_ALIGN - 1) / UFI_PLAN_ALIGN);
    block_of[begins[i].index] = b;
    item->offset = h->blocks[b].offset * UFI_PLAN_ALIGN;
  }
}

uf_status ufi_plan_many(ufi_plan_item *items, int32_t n, size_t *total_out, uf_error *error) {
  const size_t count = (size_t)n;
  heap *h = ufi_calloc(1, sizeof *h);
  event *events = ufi_malloc((2 * count + 1) * sizeof *events);
  int32_t *block_of = ufi_malloc((count + 1) * sizeof *block_of);
  /* Each take makes one block for the item and one for the rest. */
  block *blocks = ufi_malloc((2 * count + 2) * sizeof *blocks);
  uf_status status = h && events && block_of && blocks ? UF_OK : ufi_no_memory(error, 2 * count * sizeof *blocks);
  if (status == UF_OK) {
    h->blocks = blocks;
    h->spare = h->last = NONE;
    for (int32_t i = 0; i < N_BINS; i++) h->bins[i] = NONE;
    for (int32_t i = 0; i < n; i++) events[i] = events[n + i] = (event){&items[i], i};
    qsort(events, count, sizeof *events, by_first);
    qsort(events + n, count, sizeof *events, by_last);
    walk(h, items, n, events, events + n, block_of);
    *total_out = h->last == NONE ? 0 : (blocks[h->last].offset + blocks[h->last].size) * UFI_PLAN_ALIGN;
  }
  ufi_free(blocks);
  ufi_free(block_of);
  ufi_free(events);
  ufi_free(h);
  return status;
}
