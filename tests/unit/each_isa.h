/* SPDX-License-Identifier: Apache-2.0
 *
 * each_isa.h: a test for every instruction set; those that this processor lacks are skipped. The file that includes it
 * defines check_kernels and lists EACH_ISA among its tests. Included after cmocka.h.
 */
#ifndef UFT_EACH_ISA_H
#define UFT_EACH_ISA_H

#include "base/cpu.h"
#include "kernels/kernels.h"

static void check_kernels(const ufi_kernels *kernels);

static void check_isa(ufi_isa isa) {
  ufi_kernels kernels;
  if (!ufi_kernels_for(isa, &kernels)) {
    skip();
    return;
  }
  check_kernels(&kernels);
}

static void test_scalar(void **state) { check_isa(UFI_ISA_SCALAR); }
static void test_avx2(void **state) { check_isa(UFI_ISA_AVX2); }
static void test_avx512(void **state) { check_isa(UFI_ISA_AVX512); }
static void test_neon(void **state) { check_isa(UFI_ISA_NEON); }
static void test_neon_dot(void **state) { check_isa(UFI_ISA_NEON_DOT); }

#define EACH_ISA                                                                                    \
  cmocka_unit_test(test_scalar), cmocka_unit_test(test_avx2), cmocka_unit_test(test_avx512),        \
      cmocka_unit_test(test_neon), cmocka_unit_test(test_neon_dot)

#endif
