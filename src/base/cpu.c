/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: the instruction set in use: what the processor has, capped by
 * UNFLOW_ISA. Read once.
 */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>

static const char *const names[] = {"scalar", "avx2", "avx512"};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ufi_isa chosen;

static ufi_isa detect(void) {
#if defined(__x86_64__)
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512vnni");
  return avx512 ? UFI_ISA_AVX512 : avx2 ? UFI_ISA_AVX2 : UFI_ISA_SCALAR;
#else
  return UFI_ISA_SCALAR;
#endif
}

static void choose(void) {
  const char *cap = getenv("UNFLOW_ISA");
  chosen = detect();
  for (int i = 0; cap && i < (int)chosen; i++) {
    if (strcmp(cap, names[i]) == 0) chosen = (ufi_isa)i;
  }
}

ufi_isa ufi_cpu_isa(void) {
  pthread_once(&once, choose);
  return chosen;
}

const char *ufi_isa_name(ufi_isa isa) { return names[isa]; }
const char *uf_isa(void) { return ufi_isa_name(ufi_cpu_isa()); }
