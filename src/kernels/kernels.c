/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: fills the table of kernels, once, for the instruction set in use.
 */
#include "kernels/kernels.h"

#include <pthread.h>

#include "base/cpu.h"

static void fill(ufi_isa isa, ufi_kernels *table) {
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

static ufi_kernels the_table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_once(void) { fill(ufi_cpu_isa(), &the_table); }

const ufi_kernels *ufi_kernels_get(void) {
  pthread_once(&once, fill_once);
  return &the_table;
}

/* What the processor has, whatever UNFLOW_ISA says. */
static bool processor_has(ufi_isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (isa == UFI_ISA_AVX2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
  }
  if (isa == UFI_ISA_AVX512) {
    return processor_has(UFI_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  }
#endif
  return isa == UFI_ISA_SCALAR;
}

bool ufi_kernels_for(int isa, ufi_kernels *table_out) {
  if (isa < UFI_ISA_SCALAR || isa > UFI_ISA_AVX512 || !processor_has((ufi_isa)isa)) return false;
  fill((ufi_isa)isa, table_out);
  return true;
}
