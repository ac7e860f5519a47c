/* SPDX-License-Identifier: Apache-2.0
 *
 * transposed.c: see transposed.h.
 *
 * In square tiles whose rows are as long as a cache line, so that each line that is read is used up while it is in the
 * cache, made of blocks that fit registers. Rows that are a large power of two apart share few places of the first cache:
 * a tile then goes along the rows of the source, or of the destination, whose lines are so used up block by block. Vectors of 16
 * bytes, which every processor has that has vectors.
 */
#include "kernels/transposed.h"

/* At most 64 lines of the source and 64 of the destination, which stay in the first cache. */
#define TILE_BYTES 64
/* So few rows are the columns of a panel, which is written in one go. Processors foresee what is read next of less than
 * that: they are told, AHEAD bytes before. */
enum { FEW = 64, AHEAD = 512 };

/* A square block of n elements of 16 bytes a row, transposed in registers: log2(n)
 * times, row i and row i + n/2 are interleaved into rows 2i and 2i + 1. */
#define BLOCK(name, type, n, low, high)                                                    \
  static void name(const uint8_t *from, int64_t from_row, uint8_t *to, int64_t to_row) {   \
    typedef type vector __attribute__((vector_size(16)));                                  \
    vector a[n], b[n];                                                                     \
    for (int i = 0; i < n; i++) memcpy(&a[i], from + i * from_row, 16);                    \
    for (int step = 1; step < n; step *= 2) {                                              \
      for (int i = 0; i < n / 2; i++) {                                                    \
        b[2 * i] = __builtin_shufflevector(a[i], a[i + n / 2], low);                       \
        b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + n / 2], high);                  \
      }                                                                                    \
      memcpy(a, b, sizeof a);                                                              \
    }                                                                                      \
    for (int i = 0; i < n; i++) memcpy(to + i * to_row, &a[i], 16);                        \
  }
#define LIST(...) __VA_ARGS__
BLOCK(block_1, uint8_t, 16, LIST(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
      LIST(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))
BLOCK(block_2, uint16_t, 8, LIST(0, 8, 1, 9, 2, 10, 3, 11), LIST(4, 12, 5, 13, 6, 14, 7, 15))
BLOCK(block_4, uint32_t, 4, LIST(0, 4, 1, 5), LIST(2, 6, 3, 7))
BLOCK(block_8, uint64_t, 2, LIST(0, 2), LIST(1, 3))
#undef LIST

static void block_16(const uint8_t *from, int64_t from_row, uint8_t *to, int64_t to_row) { memcpy(to, from, 16); }

/* Element by element; a constant size makes a load and a store of each memcpy. */
static inline __attribute__((always_inline)) void edge(const size_t size, int64_t rows, int64_t columns, const uint8_t *from,
                                                       int64_t from_row, uint8_t *to, int64_t to_row) {
  for (int64_t j = 0; j < columns; j++) {
    for (int64_t i = 0; i < rows; i++) memcpy(to + j * to_row + i * (int64_t)size, from + i * from_row + j * (int64_t)size, size);
  }
}

/* A tile: blocks, along the rows of the source or of the destination, and what is left at its right and lower edge. */
#define TILE(size)                                                                                              \
  static void tile_##size(bool by_rows, int64_t rows, int64_t columns, const uint8_t *from, int64_t from_row,   \
                          uint8_t *to, int64_t to_row) {                                                        \
    enum { N = 16 / size };                                                                                     \
    const int64_t whole_rows = rows - rows % N, whole_columns = columns - columns % N;                          \
    const int64_t outer = by_rows ? whole_rows : whole_columns, inner = by_rows ? whole_columns : whole_rows;   \
    const int64_t from_outer = by_rows ? from_row : size, from_inner = by_rows ? size : from_row;               \
    const int64_t to_outer = by_rows ? size : to_row, to_inner = by_rows ? to_row : size;                       \
    for (int64_t o = 0; o < outer; o += N) {                                                                    \
      for (int64_t k = 0; k < inner; k += N)                                                                    \
        block_##size(from + o * from_outer + k * from_inner, from_row, to + o * to_outer + k * to_inner, to_row); \
    }                                                                                                           \
    if (whole_rows < rows)                                                                                      \
      edge(size, rows - whole_rows, columns, from + whole_rows * from_row, from_row, to + whole_rows * size, to_row); \
    if (whole_columns < columns)                                                                                \
      edge(size, whole_rows, columns - whole_columns, from + whole_columns * size, from_row,                    \
           to + whole_columns * to_row, to_row);                                                                \
  }
TILE(1)
TILE(2)
TILE(4)
TILE(8)
TILE(16)

/* Asks for what is AHEAD of a tile of n rows of `length` bytes each, `left` of which are there from it on: in the same
 * rows or, behind their end, in those that come next. */
static inline void expect(const uint8_t *from, int64_t from_row, int64_t n, int64_t length, int64_t left) {
  const uintptr_t at = (uintptr_t)from + (uintptr_t)(left > AHEAD ? AHEAD : AHEAD + n * from_row - length);
  for (int64_t r = 0; r < n; r++) __builtin_prefetch((const void *)(at + (uintptr_t)(r * from_row)), 0, 2);
}

/* The power of two that rows are multiples of apart: the greater, the fewer places their lines have in a cache. */
static int64_t power_in(int64_t row) { return row & -row; }

void ufk_transpose(size_t size, int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row) {
  const int64_t element = (int64_t)size, side = TILE_BYTES / element, length = columns * element;
  const int64_t down = (rows + side - 1) / side, across = (columns + side - 1) / side;
  const bool few = rows <= FEW; /* read along rows, else along columns, so that what is written lies close */
  const bool by_rows = power_in(from_row) > power_in(to_row);
  for (int64_t tile = 0; tile < down * across; tile++) {
    const int64_t i = (few ? tile / across : tile % down) * side, j = (few ? tile % across : tile / down) * side;
    const uint8_t *f = (const uint8_t *)from + i * from_row + j * element;
    uint8_t *t = (uint8_t *)to + j * to_row + i * element;
    const int64_t n = UFI_MIN(side, rows - i), m = UFI_MIN(side, columns - j);
    if (few) expect(f, from_row, n, length, length - j * element);
    switch (size) {
      case 1: tile_1(by_rows, n, m, f, from_row, t, to_row); break;
      case 2: tile_2(by_rows, n, m, f, from_row, t, to_row); break;
      case 4: tile_4(by_rows, n, m, f, from_row, t, to_row); break;
      case 8: tile_8(by_rows, n, m, f, from_row, t, to_row); break;
      default: tile_16(by_rows, n, m, f, from_row, t, to_row); break;
    }
  }
}
