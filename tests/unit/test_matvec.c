/* SPDX-License-Identifier: Apache-2.0
 *
 * test_matvec.c: the kernels of matvec.h of every instruction set this processor
 * has, against plain loops, at odd sizes, with memory that ends where a page that
 * may not be touched begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"

static void check_f32(const ufk_matvec_table *k, size_t rows, size_t cols) {
  guarded w = guard(rows * cols * 4), x = guard(cols * 4), y = guard(rows * 4);
  float *pw = w.data, *px = x.data, *py = y.data;
  for (size_t i = 0; i < rows * cols; i++) pw[i] = noise();
  for (size_t i = 0; i < cols; i++) px[i] = noise();
  for (size_t i = 0; i < rows; i++) py[i] = (float)i;
  k->f32(rows, cols, pw, px, py);
  for (size_t r = 0; r < rows; r++) {
    double want = (double)r;
    for (size_t i = 0; i < cols; i++) want += (double)pw[r * cols + i] * (double)px[i];
    if (fabs(want - (double)py[r]) > 1e-6 * (double)(cols + rows + 1)) {
      fail_msg("row %zu of (%zu, %zu): expected %g, found %g", r, rows, cols, want, (double)py[r]);
    }
  }
  unguard(&w);
  unguard(&x);
  unguard(&y);
}

/* extreme: sums that wrap around, and the largest products. */
static void check_s8(const ufk_matvec_table *k, size_t rows, size_t cols, bool extreme) {
  guarded w = guard(rows * cols), x = guard(cols * 2), y = guard(rows * 4);
  int8_t *pw = w.data;
  int16_t *px = x.data;
  int32_t *py = y.data;
  for (size_t i = 0; i < rows * cols; i++) pw[i] = extreme ? -128 : (int8_t)random_bits();
  for (size_t i = 0; i < cols; i++) px[i] = (int16_t)(extreme ? -255 : (int32_t)(random_bits() % 511) - 255);
  k->s8(rows, cols, pw, px, py);
  for (size_t r = 0; r < rows; r++) {
    uint32_t want = 0;
    for (size_t i = 0; i < cols; i++) want += (uint32_t)(pw[r * cols + i] * px[i]);
    assert_int_equal(py[r], (int32_t)want);
  }
  unguard(&w);
  unguard(&x);
  unguard(&y);
}

/* Weights (rows, cols) of `size` bytes each, packed as matvec.h says. */
static guarded pack(const ufk_matvec_form *form, size_t rows, size_t cols, size_t size, const void *from) {
  const size_t groups = (cols + form->group - 1) / form->group, panels = (rows + form->panel - 1) / form->panel;
  guarded packed = guard(panels * form->panel * groups * form->group * size);
  memset(packed.data, form->flip, panels * form->panel * groups * form->group * size);
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < cols; c++) {
      const size_t at = ((r / form->panel * groups + c / form->group) * form->panel + r % form->panel) * form->group + c % form->group;
      memcpy((char *)packed.data + at * size, (const char *)from + (r * cols + c) * size, size);
      if (size == 1) ((uint8_t *)packed.data)[at] ^= form->flip;
    }
  }
  return packed;
}

static guarded pack_nibbles(const ufk_matvec_form *form, size_t rows, size_t cols, const int8_t *from) {
  const size_t group = form->group, pairs = (cols + 2 * group - 1) / (2 * group);
  const size_t panels = (rows + form->panel - 1) / form->panel, bytes = panels * form->panel * pairs * group;
  guarded packed = guard(bytes);
  for (size_t i = 0; i < bytes; i++) ((uint8_t *)packed.data)[i] = (uint8_t)random_bits(); /* what fills up is not used */
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < cols; c++) {
      const size_t at = ((r / form->panel * pairs + c / (2 * group)) * form->panel + r % form->panel) * group + c % group;
      const int shift = c / group % 2 ? 4 : 0;
      uint8_t *byte = (uint8_t *)packed.data + at;
      *byte = (uint8_t)((*byte & ~(15 << shift)) | ((from[r * cols + c] ^ (form->flip & 15)) & 15) << shift);
    }
  }
  return packed;
}

static void check_f32_panels(const ufk_matvec_table *k, size_t rows, size_t cols) {
  guarded w = guard(rows * cols * 4), x = guard(cols * 4), y = guard(rows * 4), start = guard(rows * 4);
  float *pw = w.data, *px = x.data, *py = y.data, *ps = start.data;
  for (size_t i = 0; i < rows * cols; i++) pw[i] = noise();
  for (size_t i = 0; i < cols; i++) px[i] = noise();
  for (size_t i = 0; i < rows; i++) ps[i] = (float)i;
  guarded packed = pack(&k->f32_form, rows, cols, 4, pw);
  k->f32_panels(rows, cols, packed.data, px, ps, py);
  for (size_t r = 0; r < rows; r++) {
    double want = (double)r;
    for (size_t i = 0; i < cols; i++) want += (double)pw[r * cols + i] * (double)px[i];
    if (fabs(want - (double)py[r]) > 1e-6 * (double)(cols + rows + 1)) {
      fail_msg("row %zu of (%zu, %zu): expected %g, found %g", r, rows, cols, want, (double)py[r]);
    }
  }
  guarded *all[] = {&w, &x, &y, &start, &packed};
  for (size_t i = 0; i < UFI_COUNT(all); i++) unguard(all[i]);
}

/* Packed weights of 8 or 4 bits; full: -128 among them. */
static void check_packed(const ufk_matvec_table *k, int bits, bool full, size_t rows, size_t cols, bool extreme) {
  const ufk_matvec_form *form = bits == 4 ? &k->s4_form : full ? &k->s8_full_form : &k->s8_form;
  const size_t padded = (rows + form->panel - 1) / form->panel * form->panel;
  guarded w = guard(rows * cols), x = guard(cols), sums = guard(padded * 4), starts = guard(padded * 4);
  int8_t *pw = w.data, *px = x.data;
  const int32_t *ps = sums.data;
  for (size_t i = 0; i < rows * cols; i++) pw[i] = (int8_t)((extreme ? -128 : (int8_t)random_bits()) >> (8 - bits));
  for (size_t i = 0; i < rows * cols; i++) pw[i] = bits == 8 && !full && pw[i] == -128 ? -127 : pw[i];
  for (size_t i = 0; i < cols; i++) px[i] = extreme || !below(9) ? -128 : (int8_t)random_bits();
  for (size_t i = 0; i < rows; i++) ((int32_t *)starts.data)[i] = (int32_t)random_bits();
  guarded packed = bits == 4 ? pack_nibbles(form, rows, cols, pw) : pack(form, rows, cols, 1, pw);
  const int32_t times = (int32_t)(cols % 4) - 1;
  (bits == 4 ? k->s4_panels : full ? k->s8_full_panels : k->s8_panels)(rows, cols, packed.data, px, starts.data, times, sums.data);
  for (size_t r = 0; r < rows; r++) {
    uint32_t want = ((uint32_t *)starts.data)[r] * (uint32_t)times;
    for (size_t i = 0; i < cols; i++) want += (uint32_t)(pw[r * cols + i] * px[i]);
    assert_int_equal(ps[r], (int32_t)want);
  }
  guarded *all[] = {&w, &x, &sums, &starts, &packed};
  for (size_t i = 0; i < UFI_COUNT(all); i++) unguard(all[i]);
}

static void check_kernels(const ufi_kernels *kernels) {
  static const size_t rows[] = {1, 2, 7, 8, 9, 16, 33, 64, 70, 128};
  for (size_t r = 0; r < UFI_COUNT(rows); r++) {
    for (size_t cols = 1; cols < 100; cols += 1 + below(3)) {
      check_f32(&kernels->matvec, rows[r], cols);
      check_s8(&kernels->matvec, rows[r], cols, false);
      check_f32_panels(&kernels->matvec, rows[r], cols);
      check_packed(&kernels->matvec, 8, false, rows[r], cols, false);
      check_packed(&kernels->matvec, 8, true, rows[r], cols, false);
      check_packed(&kernels->matvec, 4, false, rows[r], cols, false);
    }
  }
  check_packed(&kernels->matvec, 8, false, 9, 140001, true);
  check_packed(&kernels->matvec, 8, true, 9, 140001, true);
  check_packed(&kernels->matvec, 4, false, 9, 140001, true);
  check_s8(&kernels->matvec, 9, 70001, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
