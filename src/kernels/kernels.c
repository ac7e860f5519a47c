/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: fills the kernel table: scalar first, then each instruction set
 * that this processor has overlays what it does better.
 */
#include "kernels/kernels.h"

#include <pthread.h>

static ufi_kernels chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(ufi_kernels *table, ufi_isa isa) {
  ufk_gemm_scalar(&table->gemm);
  ufk_elementwise_scalar(&table->elementwise);
#if defined(__x86_64__)
  if (isa >= UFI_ISA_AVX2) {
    ufk_gemm_avx2(&table->gemm);
    ufk_elementwise_avx2(&table->elementwise);
  }
  if (isa >= UFI_ISA_AVX512) {
    ufk_gemm_avx512(&table->gemm);
    ufk_elementwise_avx512(&table->elementwise);
  }
#endif
}

static void choose(void) { fill(&chosen, ufi_cpu_isa()); }

const ufi_kernels *ufi_kernels_get(void) {
  pthread_once(&once, choose);
  return &chosen;
}

bool ufi_kernels_for(ufi_isa isa, ufi_kernels *table_out) {
  if (isa > ufi_cpu_isa()) return false;
  memset(table_out, 0, sizeof *table_out);
  fill(table_out, isa);
  return true;
}
