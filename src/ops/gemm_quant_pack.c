/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm_quant_pack.c: weights in the order that the kernels of kernels/qgemm.h read
 * them, panels of q_nr columns one behind the other:
 *
 *   PAIRS, WIDE   (depth / 2, q_nr, 2) of int8 or int16
 *   BYTES         q_nr sums of columns (int32), then (depth / 4, q_nr, 4) of int8
 *
 * Columns and rows that fill up the last panel and group are zero.
 */
#include "ops/gemm_quant.h"

#include "kernels/transposed.h"

ufi_q_kind ufi_q_kind_of(uf_dtype in, bool wide) {
  if (wide) return UFI_Q_WIDE;
  return in != UF_INT16 && ufi_kernels_get()->qgemm.gemm_bytes ? UFI_Q_BYTES : UFI_Q_PAIRS;
}

bool ufi_gemm_q_packed_size(int64_t depth, int64_t n, ufi_q_kind kind, size_t *bytes_out) {
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, group = ufi_q_group(kind);
  if (depth < 0 || n < 0 || depth > INT64_MAX / 8 || n > INT64_MAX / 8) return false;
  const int64_t rows = ufi_ceil_div(depth, group) * group + (kind == UFI_Q_BYTES ? 4 : 0);
  return ufi_mul_size((size_t)rows, (size_t)(ufi_ceil_div(n, nr) * nr), bytes_out) &&
         ufi_mul_size(*bytes_out, kind == UFI_Q_WIDE ? 2 : 1, bytes_out) && *bytes_out <= SIZE_MAX / 2;
}

typedef struct packing {
  ufi_q_kind kind;
  int64_t depth, n, k0, rows;
  const void *from;
  uf_dtype dtype;
  int64_t k_step, n_step;
  int32_t zero;
  uint8_t *out;
  int64_t nr, panel;     /* columns, bytes */
} packing;

static int32_t element_at(const packing *p, int64_t i) {
  return p->dtype == UF_UINT8   ? ((const uint8_t *)p->from)[i]
         : p->dtype == UF_INT16 ? ((const int16_t *)p->from)[i]
                                : ((const int8_t *)p->from)[i];
}

/* Rows [i0, i1) of column j of a panel whose first column is column0. */
static void pack_column(const packing *p, int64_t i0, int64_t i1, int64_t column0, int64_t j,
                        uint8_t *to) {
  const int64_t group = ufi_q_group(p->kind), step = p->nr * group, at = (column0 + j) * p->n_step;
  for (int64_t i = i0; i < i1; i++) {
    const int64_t row = p->k0 + i, place = row / group * step + j * group + row % group;
    const int32_t x = element_at(p, at + i * p->k_step) - p->zero;
    if (p->kind == UFI_Q_WIDE) ((int16_t *)(void *)to)[place] = (int16_t)x;
    else ((int8_t *)to)[place] = (int8_t)x;
  }
}

/* Columns that are runs of memory: whole groups of rows. */
static void pack_runs(const packing *p, int64_t groups, int64_t column0, uint8_t *to) {
  const int64_t n = UFI_MIN(p->nr, p->n - column0), group = ufi_q_group(p->kind);
  const int8_t *from = (const int8_t *)p->from + column0 * p->n_step;
  to += p->k0 * p->nr;
  ufk_transpose((size_t)group, n, groups, from, p->n_step, to, p->nr * group);
}

/* Columns of BYTES that lie side by side: whole groups of rows. */
static void pack_lines(const packing *p, int64_t groups, int64_t column0, uint8_t *to) {
  const int64_t n = UFI_MIN(p->nr, p->n - column0);
  const uint8_t *from = (const uint8_t *)p->from + column0;
  uint32_t *out = (uint32_t *)(void *)(to + p->k0 * p->nr);
  for (int64_t i = 0; i < groups; i++, from += 4 * p->k_step, out += p->nr) {
    const uint8_t *r0 = from, *r1 = r0 + p->k_step, *r2 = r1 + p->k_step, *r3 = r2 + p->k_step;
    for (int64_t j = 0; j < n; j++) {
      out[j] = r0[j] | (uint32_t)r1[j] << 8 | (uint32_t)r2[j] << 16 | (uint32_t)r3[j] << 24;
    }
  }
}

/* Sums of columns are their products with ones. */
static void sum_columns(const packing *p, int32_t *sums, const int8_t *b) {
  enum { QUADS = 64 };
  const ufk_qgemm_table *k = &ufi_kernels_get()->qgemm;
  uint8_t ones[4 * QUADS];
  const void *row = ones;
  memset(ones, 1, sizeof ones);
  memset(sums, 0, (size_t)p->nr * sizeof *sums);
  for (int64_t left = ufi_ceil_div(p->depth, 4); left > 0; left -= QUADS, b += QUADS * 4 * p->nr) {
    const size_t quads = (size_t)UFI_MIN(left, (int64_t)QUADS);
    const ufk_q_bytes tile = {.rows = 1, .n = (size_t)p->nr, .runs = 1, .quads = quads, .a = &row, .b = b, .start = sums, .c = sums};
    (void)k->gemm_bytes(&tile, &(ufk_q_end){0});
  }
}

/* One panel; what there is no quick way for in chunks of rows that stay in cache while columns go by. */
static void pack_panel(void *context, size_t index) {
  enum { CHUNK = 128 };
  const packing *p = context;
  const int64_t column0 = (int64_t)index * p->nr;
  uint8_t *panel = p->out + (int64_t)index * p->panel;
  uint8_t *to = panel + (p->kind == UFI_Q_BYTES ? p->nr * 4 : 0);
  const int64_t group = ufi_q_group(p->kind);
  int64_t packed = 0; /* rows that there is a quick way for */
  const bool runs = p->kind != UFI_Q_WIDE && p->k_step == 1, lines = p->kind == UFI_Q_BYTES && p->n_step == 1;
  if ((runs || lines) && p->k0 % group == 0) {
    packed = p->rows / group * group;
    (runs ? pack_runs : pack_lines)(p, packed / group, column0, to);
  }
  for (int64_t i = packed; i < p->rows; i += CHUNK) {
    for (int64_t j = 0; j < p->nr && column0 + j < p->n; j++) {
      pack_column(p, i, UFI_MIN(i + CHUNK, p->rows), column0, j, to);
    }
  }
  if (p->kind == UFI_Q_BYTES && p->k0 + p->rows > p->depth - 4) { /* the last ones */
    sum_columns(p, (int32_t *)(void *)panel, (const int8_t *)to);
  }
}

void ufi_gemm_q_pack(ufi_pool *pool, ufi_q_kind kind, int64_t depth, int64_t n, int64_t k0,
                     int64_t rows, const void *from, uf_dtype dtype, int64_t k_step, int64_t n_step,
                     int32_t zero, void *out) {
  const int64_t nr = (int64_t)ufi_kernels_get()->qgemm.q_nr, group = ufi_q_group(kind);
  packing p = {kind, depth, n, k0, rows, from, dtype, k_step, n_step, zero, out, nr, 0};
  p.panel = (ufi_ceil_div(depth, group) * group + (kind == UFI_Q_BYTES ? 4 : 0)) * nr *
            (kind == UFI_Q_WIDE ? 2 : 1);
  if (rows * n < 1 << 16) pool = NULL;
  ufi_parallel(pool, pack_panel, &p, (size_t)ufi_ceil_div(n, nr));
}
