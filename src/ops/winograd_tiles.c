/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_tiles.c: see winograd_tiles.h.
 */
#include "ops/winograd_tiles.h"

enum {
  BLOCK_BYTES = 512 * 1024, /* inputs and sums of a block of tiles: half of a usual L2 */
  TILES_MIN = 16,           /* of a block: fewer would read the weights too often */
  TILES_MAX = 96,
};

/* Blocks are of nearly as many tiles, and as many for each thread. With too few tiles for that, threads share them: each
 * would have to read all weights. */
void ufi_winograd_cut(ufi_winograd *w) {
  w->lines = ufi_ceil_div(w->out_h, w->side);
  w->width = ufi_ceil_div(w->out_w, w->side);
  w->tiles = w->batch * w->lines * w->width;
  const int64_t bytes = (int64_t)(w->in_bytes + w->out_bytes);
  const int64_t fit = UFI_MIN(UFI_MAX(BLOCK_BYTES / bytes, (int64_t)TILES_MIN), (int64_t)TILES_MAX);
  const int64_t blocks = ufi_ceil_div(ufi_ceil_div(w->tiles, fit), w->threads) * w->threads;
  w->shared = !w->done && w->threads > 1 && w->tiles < blocks * TILES_MIN;
  w->blocks = w->shared ? ufi_ceil_div(w->tiles, fit) : UFI_MIN(blocks, w->tiles);
  w->block = ufi_ceil_div(w->tiles, w->blocks);
}

static size_t in_size(const ufi_winograd *w) { return (size_t)w->block * w->in_bytes; }
static size_t out_size(const ufi_winograd *w) { return (size_t)w->block * w->out_bytes + w->bin_bytes; }

bool ufi_winograd_scratch(const ufi_winograd *w, size_t *bytes_out) {
  size_t in, out;
  return ufi_mul_size((size_t)w->block, w->in_bytes, &in) && ufi_mul_size((size_t)w->block, w->out_bytes, &out) &&
         ufi_add_size(in, out, bytes_out) && ufi_add_size(*bytes_out, w->bin_bytes, bytes_out) &&
         ufi_mul_size(*bytes_out, (size_t)w->threads, bytes_out);
}

/* Tells the caller of tiles [first, first + tiles): of each line of tiles the output lines. */
static void tell(const ufi_winograd *w, int64_t first, int64_t tiles) {
  for (int64_t at = first, n; at < first + tiles; at += n) {
    const ufi_winograd_tile t = ufi_winograd_tile_at(w, at);
    n = UFI_MIN(first + tiles - at, w->width - at % w->width);
    const int64_t end = UFI_MIN(t.x + n * w->side, w->out_w);
    for (int64_t y = t.y; y < UFI_MIN(t.y + w->side, w->out_h); y++) {
      w->done->fn(w->done->context, (t.image * w->out_h + y) * w->out_w + t.x, end - t.x);
    }
  }
}

typedef struct work {
  const ufi_winograd *w;
  uint8_t *in, *out;     /* inputs of `threads` blocks, or of the shared one; sums of `threads` blocks */
  int64_t first, tiles;  /* of the shared block */
  ufi_shares *shares;    /* of blocks, or of blocks of columns of the shared one */
} work;

/* One of `threads` tasks, each of which has scratch of its own. */
static void do_blocks(void *context, size_t worker) {
  work *k = context;
  const ufi_winograd *w = k->w;
  uint8_t *in = k->in + worker * in_size(w), *sums = k->out + worker * out_size(w);
  for (int64_t i; (i = ufi_shares_take(k->shares, worker)) >= 0;) {
    const int64_t first = ufi_part_first(w->tiles, w->blocks, i), tiles = ufi_part_first(w->tiles, w->blocks, i + 1) - first;
    for (int64_t t = 0; t < tiles; t++) w->evaluate(w, first + t, in + (size_t)t * w->in_bytes);
    for (int64_t j = 0; j < w->n; j += w->columns) w->multiply(w, first, tiles, j, in, sums);
    if (w->done) tell(w, first, tiles);
  }
}

static void evaluate_shared(void *context, size_t t) {
  const work *k = context;
  k->w->evaluate(k->w, k->first + (int64_t)t, k->in + t * k->w->in_bytes);
}

static void multiply_shared(void *context, size_t worker) {
  work *k = context;
  const ufi_winograd *w = k->w;
  for (int64_t i; (i = ufi_shares_take(k->shares, worker)) >= 0;) {
    w->multiply(w, k->first, k->tiles, i * w->columns, k->in, k->out + worker * out_size(w));
  }
}

void ufi_winograd_run(ufi_pool *pool, const ufi_winograd *w, void *scratch) {
  ufi_shares shares;
  work k = {.w = w, .in = scratch, .shares = &shares};
  k.out = k.in + (size_t)(w->shared ? 1 : w->threads) * in_size(w);
  if (!w->shared) {
    ufi_shares_begin(k.shares, w->blocks, w->threads);
    ufi_parallel(pool, do_blocks, &k, (size_t)w->threads);
    return;
  }
  for (int64_t i = 0; i < w->blocks; i++) {
    k.first = ufi_part_first(w->tiles, w->blocks, i);
    k.tiles = ufi_part_first(w->tiles, w->blocks, i + 1) - k.first;
    ufi_parallel(pool, evaluate_shared, &k, (size_t)k.tiles);
    ufi_shares_begin(k.shares, ufi_ceil_div(w->n, w->columns), w->threads);
    ufi_parallel(pool, multiply_shared, &k, (size_t)w->threads);
  }
}
