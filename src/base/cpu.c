/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: which instruction set this process uses.
 *
 * The best set that the processor (and, for the wide registers, the system)
 * supports, capped by UNFLOW_ISA. The variable is read once, at first use; a
 * value that names no set caps nothing.
 */
#if defined(__x86_64__) && defined(__clang__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#include <pthread.h>
#include <stdlib.h>

#include "base/cpu.h"

static const char *const isa_names[] = {
  [UFI_ISA_SCALAR] = "scalar", [UFI_ISA_AVX2] = "avx2", [UFI_ISA_AVX512] = "avx512",
  [UFI_ISA_NEON] = "neon", [UFI_ISA_NEON_DOT] = "neon_dot",
};

static pthread_once_t isa_once = PTHREAD_ONCE_INIT;
static ufi_isa isa_in_use;

#if defined(__x86_64__)
/* clang 14's __builtin_cpu_supports does not know "f16c". A virtual machine's host answers cpuid, which takes long. */
static bool has_f16c(void) {
#if defined(__clang__)
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
#else
  return __builtin_cpu_supports("f16c");
#endif
}
#endif

#if defined(__aarch64__)
static bool has_dot_product(void) {
#if defined(__linux__)
  return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#elif defined(__ARM_FEATURE_DOTPROD)
  return true; /* the compiler was told so: every processor of that system has it */
#else
  return false;
#endif
}
#endif

static ufi_isa best_isa(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
    return UFI_ISA_SCALAR;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni"))
    return UFI_ISA_AVX512;
  return UFI_ISA_AVX2;
#elif defined(__aarch64__)
  return has_dot_product() ? UFI_ISA_NEON_DOT : UFI_ISA_NEON;
#else
  return UFI_ISA_SCALAR;
#endif
}

/* A processor with `best` has isa, too: each set builds on those before it. */
static bool is_part_of(int isa, ufi_isa best) {
  if (isa == UFI_ISA_SCALAR || isa == (int)best) return true;
  return (isa == UFI_ISA_AVX2 && best == UFI_ISA_AVX512) || (isa == UFI_ISA_NEON && best == UFI_ISA_NEON_DOT);
}

static void choose_isa(void) {
  isa_in_use = best_isa();
  const char *cap = getenv("UNFLOW_ISA");
  if (!cap) return;
  for (int i = 0; i < (int)UFI_COUNT(isa_names); i++)
    if (strcmp(cap, isa_names[i]) == 0 && is_part_of(i, isa_in_use)) isa_in_use = (ufi_isa)i;
}

ufi_isa ufi_cpu_isa(void) {
  pthread_once(&isa_once, choose_isa);
  return isa_in_use;
}

bool ufi_cpu_has(int isa) { return is_part_of(isa, ufi_cpu_isa()); }

bool ufi_cpu_halves_512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amdfam19h");
#else
  return false;
#endif
}

const char *ufi_isa_name(ufi_isa isa) {
  return (unsigned)isa < UFI_COUNT(isa_names) ? isa_names[isa] : "unknown";
}

const char *uf_isa(void) { return ufi_isa_name(ufi_cpu_isa()); }
