/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu_avx512.c: takes the place of base/cpu.c where AVX-512 is emulated: this
 * processor has it all.
 */
#include "base/cpu.h"

ufi_isa ufi_cpu_isa(void) { return UFI_ISA_AVX512; }

const char *ufi_isa_name(ufi_isa isa) {
  static const char *const names[] = {"scalar", "avx2", "avx512"};
  return names[isa];
}

const char *uf_isa(void) { return "avx512"; }
