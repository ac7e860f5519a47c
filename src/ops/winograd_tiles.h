/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_tiles.h: how a 3x3 convolution of stride 1 is cut into tiles for Winograd's method (kernels/winograd.h), whatever
 * the type.
 *
 * Tiles of outputs, numbered through all images, are done in blocks whose evaluated inputs stay in L2. For every block:
 * inputs are evaluated; then, for every block of columns (filters), the products and the outputs. A thread does
 * a whole block where there are enough of them; else the threads share the block, first by tiles and then by
 * columns. Every sum is the same either way.
 */
#ifndef UFI_OPS_WINOGRAD_TILES_H
#define UFI_OPS_WINOGRAD_TILES_H

#include "ops/conv.h"

typedef struct ufi_winograd ufi_winograd;
struct ufi_winograd {
  /* Set by the caller, who has it as the first member of what the two functions need. */
  int64_t batch, out_h, out_w, n;  /* of the output, which has n columns */
  int64_t side;                    /* a tile has side x side outputs */
  int64_t columns;                 /* of a block */
  size_t in_bytes, out_bytes;      /* evaluated inputs of a tile, and its sums for a block of columns */
  size_t bin_bytes;                /* what a thread needs besides */
  int64_t threads;
  const ufi_done *done;            /* NULL, or told of complete rows */
  void (*evaluate)(const ufi_winograd *w, int64_t tile, void *in);
  /* Columns from `column` of tiles [first, first + tiles), whose inputs are side by side: products and outputs. */
  void (*multiply)(const ufi_winograd *w, int64_t first, int64_t tiles, int64_t column, const void *in, void *sums);

  /* Set by ufi_winograd_cut. */
  int64_t lines, width, tiles;     /* of tiles: lines and width of an image, all in all */
  int64_t block, blocks;           /* tiles in a block at most, blocks */
  bool shared;                     /* threads share a block */
};

void ufi_winograd_cut(ufi_winograd *w);
/* Bytes of scratch; false on overflow. */
bool ufi_winograd_scratch(const ufi_winograd *w, size_t *bytes_out);
/* All of it. Results do not depend on the pool, which has w->threads threads. */
void ufi_winograd_run(ufi_pool *pool, const ufi_winograd *w, void *scratch);

/* Where a tile's outputs begin. */
typedef struct ufi_winograd_tile {
  int64_t image, y, x;
} ufi_winograd_tile;

static inline ufi_winograd_tile ufi_winograd_tile_at(const ufi_winograd *w, int64_t index) {
  const int64_t line = index / w->width;
  return (ufi_winograd_tile){line / w->lines, line % w->lines * w->side, index % w->width * w->side};
}

/* Behind the sums of a block of tiles. */
static inline void *ufi_winograd_bin(const ufi_winograd *w, void *sums) {
  return (uint8_t *)sums + (size_t)w->block * w->out_bytes;
}

#endif
