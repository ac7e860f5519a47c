/* SPDX-License-Identifier: Apache-2.0
 *
 * test_qgemm.c: every integer kernel of qgemm.h of every instruction set this
 * processor has, against plain loops: equal results at odd sizes and with the
 * most extreme values, in memory that ends where a page that may not be touched
 * begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"
#include "kernels/requant.h"

static size_t padded(size_t n) { return (n + UFK_Q_MAX_NR - 1) / UFK_Q_MAX_NR * UFK_Q_MAX_NR; }

/* ---- widening ------------------------------------------------------------------ */

static void check_widen(const ufk_qgemm_table *k, size_t runs, size_t n) {
  guarded in = guard_bytes(n), wide = guard(runs * n * 2);
  const void *from[8];
  for (size_t i = 0; i < runs; i++) from[i] = below(3) ? in.data : NULL;
  for (int is_signed = 0; is_signed < 2; is_signed++) {
    int32_t zero = (int32_t)below(256) - (is_signed ? 128 : 0);
    (is_signed ? k->widen_s8 : k->widen_u8)(runs, n, from, zero, wide.data);
    for (size_t i = 0; i < runs * n; i++) {
      int32_t x = is_signed ? ((int8_t *)in.data)[i % n] : ((uint8_t *)in.data)[i % n];
      assert_int_equal(((int16_t *)wide.data)[i], from[i / n] ? x - zero : 0);
    }
  }
  unguard(&in), unguard(&wide);
}

/* ---- products -------------------------------------------------------------------- */

static void check_gemm(const ufk_qgemm_table *k, size_t rows, size_t n, size_t runs, size_t pairs, bool wide) {
  const size_t nr = k->q_nr, run_step = 2 * pairs + below(3), ldc = nr + below(3), row = runs ? (runs - 1) * run_step + 2 * pairs : 0;
  guarded a[3 * UFK_Q_MAX_MR], b = wide ? guard_shorts(2 * runs * pairs * nr, 255) : guard_bytes(2 * runs * pairs * nr);
  guarded bias = guard_ints(nr), c = guard_ints((rows - 1) * ldc + nr);
  uint32_t *expected = calloc(rows * nr, sizeof *expected);
  const void *at[3 * UFK_Q_MAX_MR];
  const bool add = below(2);
  for (size_t i = 0; i < rows; i++) {
    a[i] = guard_shorts(row, wide ? 255 : 32768 - (int)below(2));
    at[i] = a[i].data;
    for (size_t j = 0; j < nr; j++) {
      uint32_t sum = (uint32_t)(add ? ((int32_t *)c.data)[i * ldc + j] : ((int32_t *)bias.data)[j]);
      for (size_t t = 0; t < 2 * runs * pairs; t++) {
        const int16_t x = ((int16_t *)a[i].data)[t / (2 * pairs) * run_step + t % (2 * pairs)];
        const size_t place = (t / 2 * nr + j) * 2 + t % 2;
        const int32_t w = wide ? ((int16_t *)b.data)[place] : ((int8_t *)b.data)[place];
        sum += (uint32_t)(x * w);
      }
      expected[i * nr + j] = sum;
    }
  }
  const ufk_q_pairs tile = {rows, n, runs, pairs, at, run_step, b.data, wide, add ? NULL : bias.data, c.data, ldc};
  const ufk_q_rows found = k->gemm_pairs(&tile, &(ufk_q_end){0});
  assert_int_equal(found.made, 0);
  assert_int_equal(found.summed, rows);
  for (size_t i = 0; i < rows * nr; i++) {
    if (i % nr < n) assert_int_equal(expected[i], ((uint32_t *)c.data)[i / nr * ldc + i % nr]);
  }
  for (size_t i = 0; i < rows; i++) unguard(&a[i]);
  free(expected);
  unguard(&b), unguard(&bias), unguard(&c);
}

/* ---- products of bytes -------------------------------------------------------------- */

static void check_copy(const ufk_qgemm_table *k, size_t runs, size_t n) {
  guarded in = guard_bytes(n), out = guard(runs * n + UFK_Q_SLACK);
  const void *from[8];
  const uint8_t flip = below(2) ? 0x80 : 0, fill = (uint8_t)random_bits();
  for (size_t i = 0; i < runs; i++) from[i] = below(3) ? in.data : NULL;
  k->copy(runs, n, from, flip, fill, out.data);
  for (size_t i = 0; i < runs * n; i++) {
    uint8_t expected = from[i / n] ? ((uint8_t *)in.data)[i % n] ^ flip : fill;
    assert_int_equal(((uint8_t *)out.data)[i], expected);
  }
  unguard(&in), unguard(&out);
}

static void check_gemm_bytes(const ufk_qgemm_table *k, size_t rows, size_t n, size_t runs, size_t quads) {
  const size_t nr = k->q_nr, run_step = 4 * quads + below(9), row = runs ? (runs - 1) * run_step + 4 * quads : 0;
  guarded a[UFK_Q_MAX_MR], b = guard_bytes(4 * runs * quads * nr);
  guarded start = guard_ints(nr), sums = guard_ints(nr), zero = guard_ints(rows), c = guard_ints(rows * nr);
  uint32_t *expected = calloc(rows * nr, sizeof *expected);
  const void *at[UFK_Q_MAX_MR];
  const bool zeros = below(2);
  for (size_t i = 0; i < rows; i++) {
    a[i] = guard_bytes(row);
    at[i] = a[i].data;
    for (size_t j = 0; j < nr; j++) {
      uint32_t sum = ((uint32_t *)start.data)[j];
      if (zeros) sum -= ((uint32_t *)zero.data)[i] * ((uint32_t *)sums.data)[j];
      for (size_t t = 0; t < 4 * runs * quads; t++) {
        const uint8_t byte = ((const uint8_t *)at[i])[t / (4 * quads) * run_step + t % (4 * quads)];
        int32_t x = k->q_flip ? byte : (int8_t)byte;
        sum += (uint32_t)(x * ((int8_t *)b.data)[(t / 4 * nr + j) * 4 + t % 4]);
      }
      expected[i * nr + j] = sum;
    }
  }
  const ufk_q_bytes tile = {rows, n, runs, quads, at, run_step, b.data, start.data, zeros ? zero.data : NULL, sums.data,
                            c.data};
  const ufk_q_rows found = k->gemm_bytes(&tile, &(ufk_q_end){0});
  assert_int_equal(found.made, 0);
  assert_int_equal(found.summed, rows);
  for (size_t i = 0; i < rows * nr; i++) {
    if (i % nr < n) assert_int_equal(expected[i], ((uint32_t *)c.data)[i]);
  }
  for (size_t i = 0; i < rows; i++) unguard(&a[i]);
  free(expected);
  unguard(&b), unguard(&start), unguard(&sums), unguard(&zero), unguard(&c);
}

/* ---- from sums to outputs ----------------------------------------------------------- */

typedef struct outputs {
  size_t rows, n, ld, step;
  guarded acc, multiplier, shift, real, out;
  ufk_q_scale scale;
} outputs;

static outputs make_outputs(size_t rows, size_t n, size_t bytes) {
  outputs o = {.rows = rows, .n = n, .ld = padded(n), .step = n + below(3)};
  o.acc = guard_ints(rows * o.ld);
  o.multiplier = guard(o.ld * 4);
  o.shift = guard(o.ld * 4);
  o.real = guard(o.ld * 8);
  o.out = guard(((rows - 1) * o.step + n) * bytes);
  for (size_t j = 0; j < o.ld; j++) {
    ((int32_t *)o.multiplier.data)[j] = below(9) ? (1 << 30) + (int32_t)below(1 << 30) : 0;
    ((int32_t *)o.shift.data)[j] = (int32_t)below(50) - 31;
    ((double *)o.real.data)[j] = below(4) ? ldexp((double)random_bits(), -40) : 0.5;
  }
  int32_t limit = bytes == 2 ? 32767 : 127;
  o.scale = (ufk_q_scale){.multiplier = o.multiplier.data, .shift = o.shift.data, .real = o.real.data,
                          .zero = (int32_t)below(100) - 50, .min = below(2) ? 0 : -limit - 1,
                          .max = below(2) ? limit : limit / 2};
  return o;
}

static void free_outputs(outputs *o) {
  unguard(&o->acc), unguard(&o->multiplier), unguard(&o->shift), unguard(&o->real);
  unguard(&o->out);
}

static int32_t expected_output(const outputs *o, bool real, int32_t sum, size_t j) {
  const ufk_q_scale *s = &o->scale;
  int32_t x = real ? ufk_round_f64(fmax(fmin(sum * s->real[j], 1e9), -1e9))
                   : ufk_requantize(sum, s->multiplier[j], s->shift[j]);
  const int64_t y = (int64_t)x + s->zero; /* saturated */
  return y < s->min ? s->min : y > s->max ? s->max : (int32_t)y;
}

/* type 0: int8, 1: uint8, 2: int16 */
static void check_outputs(const ufk_qgemm_table *k, const outputs *o, int type, bool real) {
  ufk_q_to_int_fn fn[2][3] = {{k->fixed_s8, k->fixed_u8, k->fixed_s16},
                              {k->real_s8, k->real_u8, k->real_s16}};
  fn[real][type](o->rows, o->n, o->acc.data, o->ld, &o->scale, o->out.data, o->step);
  for (size_t i = 0; i < o->rows; i++) {
    for (size_t j = 0; j < o->n; j++) {
      size_t at = i * o->step + j;
      int32_t found = type == 0   ? ((int8_t *)o->out.data)[at]
                      : type == 1 ? ((uint8_t *)o->out.data)[at]
                                  : ((int16_t *)o->out.data)[at];
      assert_int_equal(expected_output(o, real, ((int32_t *)o->acc.data)[i * o->ld + j], j), found);
    }
  }
}

static void check_to_int(const ufk_qgemm_table *k, size_t rows, size_t n, int type, bool real) {
  outputs o = make_outputs(rows, n, type == 2 ? 2 : 1);
  if (type == 1) o.scale.min = 3, o.scale.max = 255;
  check_outputs(k, &o, type, real);
  free_outputs(&o);
}

/* Rows of a panel of ones whose first elements are `first`, by either kind of product. */
typedef enum product { BYTES, NARROW_PAIRS, WIDE_PAIRS, PRODUCTS } product;
static bool has_product(const ufk_qgemm_table *k, product kind, size_t rows) {
  return kind == BYTES ? k->gemm_bytes && rows <= k->q_bytes_mr : rows <= k->q_mr;
}
static ufk_q_rows multiply_ones(const ufk_qgemm_table *k, product kind, size_t rows, size_t n, const uint8_t *first,
                                const int32_t *start, const ufk_q_end *end, int32_t *c) {
  uint8_t quads[UFK_Q_MAX_MR][4] = {{0}};
  int16_t pairs[UFK_Q_MAX_MR][2] = {{0}}, wide[2 * UFK_Q_MAX_NR];
  const void *at[UFK_Q_MAX_MR] = {NULL};
  int8_t b[4 * UFK_Q_MAX_NR];
  for (size_t i = 0; i < rows; i++) {
    at[i] = kind == BYTES ? (const void *)quads[i] : pairs[i];
    quads[i][0] = first[i], pairs[i][0] = first[i];
  }
  for (size_t i = 0; i < 2 * UFK_Q_MAX_NR; i++) wide[i] = 1;
  memset(b, 1, sizeof b);
  if (kind == BYTES) {
    return k->gemm_bytes(&(ufk_q_bytes){.rows = rows, .n = n, .runs = 1, .quads = 1, .a = at, .b = b, .start = start, .c = c}, end);
  }
  const void *panel = kind == WIDE_PAIRS ? (const void *)wide : b;
  return k->gemm_pairs(&(ufk_q_pairs){.rows = rows, .n = n, .runs = 1, .pairs = 1, .a = at, .b = panel,
                                      .wide = kind == WIDE_PAIRS, .start = start, .c = c, .ldc = k->q_nr}, end);
}

/* A product to outputs at once: sums are 0 to 127 above the first row's. */
static void check_at_once(const ufk_qgemm_table *k, const outputs *o, product kind, bool is_u8, bool real) {
  const size_t nr = k->q_nr;
  const int32_t *start = o->acc.data;
  guarded c = guard(o->rows * nr * 4);
  uint8_t first[UFK_Q_MAX_MR];
  for (size_t i = 0; i < o->rows; i++) first[i] = (uint8_t)below(2 + i * 10);
  const ufk_q_end end = {.scale = &o->scale, .is_u8 = is_u8, .out = o->out.data, .step = o->step};
  memset(o->out.data, 99, (o->rows - 1) * o->step + o->n);
  const ufk_q_rows found = multiply_ones(k, kind, o->rows, o->n, first, start, &end, c.data);
  assert_int_equal(found.made + found.summed, o->rows);
  for (size_t i = 0; i < o->rows * o->n; i++) {
    const size_t row = i / o->n, j = i % o->n, at = row * o->step + j;
    const int32_t sum = (int32_t)((uint32_t)start[j] + first[row]);
    if (row < found.made) {
      const int32_t made = is_u8 ? ((uint8_t *)o->out.data)[at] : ((int8_t *)o->out.data)[at];
      assert_int_equal(expected_output(o, real, sum, j), made);
    } else {
      assert_int_equal(sum, ((int32_t *)c.data)[(row - found.made) * nr + j]);
    }
  }
  unguard(&c);
}

/* Many rows that start alike: tiles are made one after the other up to one that cannot be. */
static void check_many(const ufk_qgemm_table *k, size_t rows) {
  static uint8_t zeros[4];
  outputs o = make_outputs(1, k->q_nr, 1);
  const void *at[100];
  guarded c = guard(k->q_bytes_mr * k->q_nr * 4);
  int8_t *out = calloc(rows, k->q_nr);
  for (size_t i = 0; i < rows; i++) at[i] = zeros;
  const ufk_q_bytes tile = {rows, o.n, 1, 1, at, 0, c.data, o.acc.data, NULL, NULL, c.data};
  for (size_t done = 0; done < rows;) {
    ufk_q_bytes rest = tile;
    rest.rows -= done;
    const ufk_q_rows found = k->gemm_bytes(&rest, &(ufk_q_end){.out = out, .step = o.n});
    assert_int_equal(found.made, 0);
    assert_true(found.summed > 0 && found.summed <= UFI_MIN(rest.rows, k->q_bytes_mr));
    for (size_t i = 0; i < found.summed * k->q_nr; i++) {
      assert_int_equal(((int32_t *)c.data)[i], ((int32_t *)o.acc.data)[i % k->q_nr]);
    }
    done += found.summed;
  }
  float factor[UFK_Q_MAX_NR] = {0}, nudge[UFK_Q_MAX_NR] = {0};
  o.scale.factor = factor;
  o.scale.nudge = nudge;
  o.scale.zero = 7;
  o.scale.min = -128;
  const ufk_q_rows found = k->gemm_bytes(&tile, &(ufk_q_end){.scale = &o.scale, .out = out, .step = o.n});
  for (size_t i = 0; i < found.made * o.n; i++) assert_int_equal(out[i], 7);
  free(out);
  unguard(&c);
  free_outputs(&o);
}

/* Sums around halves of the output, as they are met in both roundings, and factors below 1: what the
 * float32 way gives must be the exact result, too. */
static void check_near(const ufk_qgemm_table *k, size_t rows, size_t n, int type, bool real) {
  outputs o = make_outputs(rows, n, 1);
  guarded factor = guard(o.ld * 4), nudge = guard(o.ld * 4);
  if (type == 1) o.scale.min = 3, o.scale.max = 255;
  const bool often = below(2);
  for (size_t j = 0; j < o.ld; j++) {
    const int32_t right = (int32_t)below(24), multiplier = ((int32_t *)o.multiplier.data)[j];
    const int32_t exact = below(3) ? multiplier : 1 << 30; /* a power of two: halves are hit */
    const double by = ldexp((double)exact, -31 - right);
    ((int32_t *)o.multiplier.data)[j] = j < n ? exact : 0;
    ((int32_t *)o.shift.data)[j] = -right;
    ((double *)o.real.data)[j] = by;
    ((float *)factor.data)[j] = j < n ? (float)by : 0.0f;
    ((float *)nudge.data)[j] = j < n && right > 0 && !real ? ldexpf(0.5f, -right) : 0.0f;
    for (size_t i = 0; i < rows && by > 0; i++) {
      const double half = (double)below(600) - 300 + (below(2) ? 0.5 : (double)below(1000) / 1000);
      if (often && below(8)) ((int32_t *)o.acc.data)[i * o.ld + j] = (int32_t)fmax(fmin(half / by, 2e9), -2e9) + (int32_t)below(3) - 1;
    }
  }
  o.scale.factor = factor.data;
  o.scale.nudge = nudge.data;
  check_outputs(k, &o, type, real);
  for (product kind = BYTES; kind < PRODUCTS && n <= k->q_nr; kind++) {
    if (has_product(k, kind, rows)) check_at_once(k, &o, kind, type == 1, real);
  }
  unguard(&factor), unguard(&nudge);
  free_outputs(&o);
}

/* The sums of a product at once, as of sums in memory. */
static void check_float_at_once(const ufk_qgemm_table *k, product kind, size_t rows, size_t n) {
  const size_t nr = k->q_nr, step = n + below(3), size = ((rows - 1) * step + n) * 4;
  guarded start = guard_ints(nr), row = guard(rows * 4), c = guard(k->q_mr * nr * 4);
  guarded column = guard(padded(n) * 4), bias = guard(padded(n) * 4);
  guarded out = guard(size), expected = guard(size);
  uint8_t first[UFK_Q_MAX_MR];
  for (size_t j = 0; j < padded(n); j++) {
    ((float *)column.data)[j] = (float)below(1000) / 777.0f;
    ((float *)bias.data)[j] = (float)below(99) - 50;
  }
  for (size_t i = 0; i < rows; i++) ((float *)row.data)[i] = 1.0f / (float)(1 + below(77)), first[i] = (uint8_t)below(128);
  const ufk_q_float s = {column.data, below(2) ? bias.data : NULL, row.data, below(2), below(2) ? 0 : -INFINITY, 1e9f};
  const ufk_q_end end = {.to_float = &s, .out = out.data, .step = step};
  const ufk_q_rows found = multiply_ones(k, kind, rows, n, first, start.data, &end, c.data);
  assert_int_equal(found.made + found.summed, rows);
  for (size_t i = 0; i < found.made; i++) {
    int32_t acc[2 * UFK_Q_MAX_NR];
    for (size_t j = 0; j < nr; j++) acc[j] = (int32_t)(((uint32_t *)start.data)[j] + first[i]);
    ufk_q_float one = s;
    one.row += i;
    k->to_float(1, n, acc, nr, &one, (float *)expected.data + i * step, step);
    assert_memory_equal((float *)out.data + i * step, (float *)expected.data + i * step, n * 4);
  }
  unguard(&start), unguard(&row), unguard(&column), unguard(&bias), unguard(&c), unguard(&out), unguard(&expected);
}

/* The same of a product of nothing whose rows have zero points of their own. */
static void check_zeros_at_once(const ufk_qgemm_table *k, size_t rows, size_t n) {
  const size_t nr = k->q_nr, step = n + below(3), size = ((rows - 1) * step + n) * 4;
  guarded start = guard_ints(nr), sums = guard_ints(nr), zero = guard_ints(rows), row = guard(rows * 4);
  guarded column = guard(padded(n) * 4), bias = guard(padded(n) * 4), c = guard(k->q_bytes_mr * nr * 4);
  guarded out = guard(size), expected = guard(size);
  static const uint8_t none[4];
  const void *at[40];
  for (size_t j = 0; j < padded(n); j++) {
    ((float *)column.data)[j] = (float)below(1000) / 777.0f;
    ((float *)bias.data)[j] = (float)below(99) - 50;
  }
  for (size_t i = 0; i < rows; i++) ((float *)row.data)[i] = 1.0f / (float)(1 + below(77)), at[i] = none;
  const ufk_q_float s = {column.data, below(2) ? bias.data : NULL, row.data, below(2), below(2) ? 0 : -INFINITY, 1e9f};
  const ufk_q_bytes tile = {.rows = rows, .n = n, .a = at, .b = (const int8_t *)none, .start = start.data,
                            .zero = zero.data, .sums = sums.data, .c = c.data};
  const ufk_q_rows found = k->gemm_bytes(&tile, &(ufk_q_end){.to_float = &s, .out = out.data, .step = step});
  assert_int_equal(found.made, found.summed ? 0 : rows);
  for (size_t i = 0; i < found.made; i++) {
    int32_t acc[2 * UFK_Q_MAX_NR];
    for (size_t j = 0; j < nr; j++) {
      acc[j] = (int32_t)(((uint32_t *)start.data)[j] - ((uint32_t *)zero.data)[i] * ((uint32_t *)sums.data)[j]);
    }
    ufk_q_float one = s;
    one.row += i;
    k->to_float(1, n, acc, nr, &one, (float *)expected.data + i * step, step);
    assert_memory_equal((float *)out.data + i * step, (float *)expected.data + i * step, n * 4);
  }
  unguard(&start), unguard(&sums), unguard(&zero), unguard(&row), unguard(&column), unguard(&bias), unguard(&c);
  unguard(&out), unguard(&expected);
}

static void check_to_float(const ufk_qgemm_table *k, size_t rows, size_t n) {
  const size_t ld = padded(n);
  guarded acc = guard_ints(rows * ld), column = guard(ld * 4), bias = guard(ld * 4);
  guarded out = guard(rows * n * 4);
  float row[UFK_Q_MAX_MR], *c = column.data, *b = bias.data;
  for (size_t j = 0; j < ld; j++) c[j] = (float)below(1000) / 777.0f, b[j] = (float)below(99) - 50;
  for (size_t i = 0; i < rows; i++) row[i] = 1.0f / (float)(1 + below(77));
  bool column_first = below(2);
  ufk_q_float s = {c, below(2) ? b : NULL, row, column_first, below(2) ? 0 : -INFINITY, INFINITY};
  k->to_float(rows, n, acc.data, ld, &s, out.data, n);
  for (size_t i = 0; i < rows * n; i++) {
    volatile float x = (float)((int32_t *)acc.data)[i / n * ld + i % n];
    volatile float both = row[i / n] * c[i % n];
    x = column_first ? x * c[i % n] : x * both;
    if (column_first) x = x * row[i / n];
    if (s.bias) x = x + b[i % n];
    assert_true((x < s.min ? s.min : x) == ((float *)out.data)[i]);
  }
  unguard(&acc), unguard(&column), unguard(&bias), unguard(&out);
}

/* ---- quantization ----------------------------------------------------------- */

static void check_quantize(const ufk_qgemm_table *k, const ufk_qgemm_table *scalar, size_t n) {
  guarded in = guard(n * 4), out = guard(n), expected = guard(n);
  for (size_t i = 0; i < n; i++) {
    float x = (float)((int32_t)below(20001) - 10000) / 64.0f;
    ((float *)in.data)[i] = below(50) ? x : below(2) ? NAN : 0.0f;
  }
  for (int kind = 0; kind < 4; kind++) {
    const bool asymmetric = kind & 1;
    const uint8_t flip = kind & 2 ? 0x80 : 0;
    float scale[2];
    int32_t zero[2];
    k->quantize(n, in.data, asymmetric, out.data, &scale[0], &zero[0]);
    scalar->quantize(n, in.data, asymmetric, expected.data, &scale[1], &zero[1]);
    assert_memory_equal(out.data, expected.data, n);
    assert_true(scale[0] == scale[1]);
    assert_int_equal(zero[0], zero[1]);
    const ufk_q_grid grid = {scale[1], 1.0f / scale[1], zero[1]};
    k->codes(n, in.data, &grid, asymmetric, flip, out.data);
    scalar->codes(n, in.data, &grid, asymmetric, flip, expected.data);
    assert_memory_equal(out.data, expected.data, n);
  }
  unguard(&in), unguard(&out), unguard(&expected);
}

/* ---- all sets ---------------------------------------------------------------------------- */

static void sizes(const ufk_qgemm_table *k, const ufk_qgemm_table *scalar) {
  for (size_t n = 1; n < 200; n++) {
    check_widen(k, 1 + below(8), n);
    check_copy(k, 1 + below(8), n);
  }
  for (size_t rows = 1; rows < 100 && k->gemm_bytes; rows++) {
    check_many(k, rows);
    check_zeros_at_once(k, 1 + rows % 40, 1 + below(k->q_nr));
  }
  for (size_t rows = 1; rows <= k->q_mr; rows++) {
    for (int i = 0; i < 30; i++) {
      check_gemm(k, rows, 1 + below(k->q_nr), 1, below(9) ? below(40) : below(1000), i % 2);
      check_gemm(k, rows, 1 + below(k->q_nr), below(8), 1 + below(20), i % 2);
      check_gemm(k, 1 + below(3 * k->q_mr), 1 + below(k->q_nr), 1, below(40), i % 2);
      for (product kind = BYTES; kind < PRODUCTS; kind++) {
        if (has_product(k, kind, rows)) check_float_at_once(k, kind, rows, 1 + below(k->q_nr));
      }
      if (!k->gemm_bytes || rows > k->q_bytes_mr) continue;
      check_gemm_bytes(k, rows, 1 + below(k->q_nr), 1, below(9) ? below(20) : below(1000));
      check_gemm_bytes(k, rows, 1 + below(k->q_nr), below(8), 1 + below(20));
    }
  }
  for (size_t channels = 1; channels < 150; channels += 1 + below(5)) {
    for (int type = 0; type < 6; type++) {
      check_to_int(k, 1 + below(k->q_mr), channels, type % 3, type / 3);
      check_near(k, 1 + below(k->q_mr), channels, type % 2, type / 3);
    }
    check_to_float(k, 1 + below(k->q_mr), channels);
    check_quantize(k, scalar, channels);
  }
}

static void check_kernels(const ufi_kernels *kernels) {
  ufi_kernels scalar;
  assert_true(ufi_kernels_for(UFI_ISA_SCALAR, &scalar));
  sizes(&kernels->qgemm, &scalar.qgemm);
}

static void test_requant(void **state) {
  assert_int_equal(ufk_srdhm(INT32_MIN, INT32_MIN), INT32_MAX);
  assert_int_equal(ufk_srdhm(1 << 30, 1), 1); /* a half goes up */
  assert_int_equal(ufk_srdhm(1 << 30, -1), 0);
  assert_int_equal(ufk_rdpot(5, 1), 3); /* halves away from zero */
  assert_int_equal(ufk_rdpot(-5, 1), -3);
  assert_int_equal(ufk_rdpot(-4, 3), -1);
  assert_int_equal(ufk_rdpot(INT32_MIN, 31), -1);
  assert_int_equal(ufk_requantize(1000, 1 << 30, -1), 250);
  assert_int_equal(ufk_requantize(3, 1 << 30, 3), 12);
  assert_int_equal(ufk_requantize_64(INT64_C(1) << 40, 1 << 30, -20), 1 << 19);
  assert_int_equal(ufk_requantize_64(-3, 1 << 30, 0), -1); /* -1.5 goes up */
  assert_int_equal(ufk_round_f64(-2.5), -3);
  assert_int_equal(ufk_round_f64(0.49999999999999994), 0);
  assert_int_equal(ufk_round_f64(1e300), INT32_MAX);
  assert_int_equal(ufk_round_f32(0.49999997f), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_requant),
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
