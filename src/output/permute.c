/* SPDX-License-Identifier: Apache-2.0
 *
 * permute.c: an array with its axes in another order.
 *
 * Dimensions of extent 1 are dropped and neighbours that stay neighbours are one. If
 * the last axis stays the last, rows are copied. Else the last axis of the input (whose
 * elements lie together there) and the last of the output (together here) are gone
 * through in square tiles, so that each line of memory is used whole while it is in the cache.
 */
#include "output/output.h"

enum { TILE = 32 };

/* The reduced problem: extents and input strides (in elements) in output order. */
typedef struct plan {
  int32_t rank;
  size_t extent[UF_MAX_RANK], stride[UF_MAX_RANK];
} plan;

static plan make_plan(int32_t rank, const int64_t *dims, const int32_t *axes) {
  size_t strides[UF_MAX_RANK], step = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    strides[i] = step;
    step *= (size_t)dims[i];
  }
  plan p = {0};
  for (int32_t i = 0; i < rank; i++) {
    size_t extent = (size_t)dims[axes[i]], stride = strides[axes[i]];
    if (extent == 1) continue;
    int32_t last = p.rank - 1;
    if (last >= 0 && p.stride[last] == stride * extent) { /* it goes on where that one ends */
      p.extent[last] *= extent;
      p.stride[last] = stride;
    } else {
      p.extent[p.rank] = extent;
      p.stride[p.rank++] = stride;
    }
  }
  return p;
}

/* rows x columns elements: out row by row with row_step, in with both strides. */
#define TILES(T)                                                                               \
  static void tiles_##T(const T *in, size_t rows, size_t in_row, size_t columns,               \
                        size_t in_column, size_t out_row, T *out) {                            \
    for (size_t r0 = 0; r0 < rows; r0 += TILE)                                                 \
      for (size_t c0 = 0; c0 < columns; c0 += TILE)                                            \
        for (size_t r = r0; r < UFI_MIN(r0 + TILE, rows); r++)                                 \
          for (size_t c = c0; c < UFI_MIN(c0 + TILE, columns); c++)                            \
            out[r * out_row + c] = in[r * in_row + c * in_column];                             \
  }
typedef struct u128 { uint64_t a, b; } u128;
TILES(uint8_t)
TILES(uint16_t)
TILES(uint32_t)
TILES(uint64_t)
TILES(u128)

static void tiles(const char *in, size_t item, size_t rows, size_t in_row, size_t columns,
                  size_t in_column, size_t out_row, char *out) {
  const void *from = in;
  void *to = out;
  switch (item) {
    case 1: tiles_uint8_t(from, rows, in_row, columns, in_column, out_row, to); break;
    case 2: tiles_uint16_t(from, rows, in_row, columns, in_column, out_row, to); break;
    case 4: tiles_uint32_t(from, rows, in_row, columns, in_column, out_row, to); break;
    case 8: tiles_uint64_t(from, rows, in_row, columns, in_column, out_row, to); break;
    default: tiles_u128(from, rows, in_row, columns, in_column, out_row, to); break;
  }
}

/* Calls for every place of the dimensions but the last and `row` (-1: none). */
static void walk(const plan *p, int32_t row, const char *in, size_t item, char *out) {
  size_t index[UF_MAX_RANK] = {0}, out_stride[UF_MAX_RANK], step = 1, from = 0, to = 0;
  int32_t last = p->rank - 1;
  for (int32_t i = last; i >= 0; i--) {
    out_stride[i] = step;
    step *= p->extent[i];
  }
  for (;;) {
    if (row < 0)
      memcpy(out + to * item, in + from * item, p->extent[last] * item);
    else
      tiles(in + from * item, item, p->extent[row], p->stride[row], p->extent[last],
            p->stride[last], out_stride[row], out + to * item);
    int32_t i = last - 1;
    for (; i >= 0; i--) {
      if (i == row) continue;
      from += p->stride[i];
      to += out_stride[i];
      if (++index[i] < p->extent[i]) break;
      from -= p->stride[i] * index[i];
      to -= out_stride[i] * index[i];
      index[i] = 0;
    }
    if (i < 0) return;
  }
}

void ufi_permute(const void *in, size_t item, int32_t rank, const int64_t *dims,
                 const int32_t *axes, void *out) {
  for (int32_t i = 0; i < rank; i++)
    if (dims[i] == 0) return;
  plan p = make_plan(rank, dims, axes);
  if (p.rank == 0) {
    memcpy(out, in, item);
    return;
  }
  int32_t row = -1;
  if (p.stride[p.rank - 1] != 1)
    for (int32_t i = 0; i < p.rank; i++)
      if (p.stride[i] == 1) row = i;
  walk(&p, row, in, item, out);
}
