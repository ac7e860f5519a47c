/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.h: which instruction set this process uses.
 */
#ifndef UFI_CPU_H
#define UFI_CPU_H

#include "base/base.h"

typedef enum ufi_isa {
  UFI_ISA_SCALAR,
  UFI_ISA_AVX2,   /* with FMA and F16C */
  UFI_ISA_AVX512, /* F, BW, DQ, VL and VNNI */
  UFI_ISA_NEON,   /* of every 64-bit ARM */
  UFI_ISA_NEON_DOT, /* and its dot product of bytes */
  UFI_ISA_COUNT
} ufi_isa;

/* The best one that this processor has and UNFLOW_ISA allows. */
ufi_isa ufi_cpu_isa(void);
/* This processor has it and UNFLOW_ISA does not exclude it. */
bool ufi_cpu_has(int isa);
const char *ufi_isa_name(ufi_isa isa);
/* AVX-512 takes two steps for each instruction on floats: that of AMD's family 25 (Zen 4). */
bool ufi_cpu_halves_512(void);

#endif
