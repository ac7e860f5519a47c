/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.h: front door of src/kernels/, the table of inner loops.
 *
 * A kernel works on plain memory and knows nothing of graphs. Each family has
 * a header with a struct of function pointers, documented there; the scalar
 * set is complete and is the reference; isa_avx2.c and isa_avx512.c overlay
 * what they have. The table is filled once, at first use.
 *
 * To add a kernel: a member in its family's struct, the scalar version in
 * <family>_scalar.c, faster ones in <family>_avx2.c and so on, each of which
 * has one function ufk_<family>_<isa>(struct *) that sets its members.
 */
#ifndef UFI_KERNELS_H
#define UFI_KERNELS_H

#include "base/base.h"
#include "kernels/convert.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/matvec.h"
#include "kernels/qdepthwise.h"
#include "kernels/qgemm.h"
#include "kernels/qwinograd.h"
#include "kernels/winograd.h"
#include "kernels/softmax8.h"

typedef struct ufi_kernels {
  ufk_gemm_table gemm;
  ufk_depthwise_table depthwise;
  ufk_qgemm_table qgemm;
  ufk_qdepthwise_table qdepthwise;
  ufk_matvec_table matvec;
  ufk_elementwise_table elementwise;
  ufk_winograd_table winograd;
  ufk_qwinograd_table qwinograd;
  ufk_convert_table convert;
  ufk_softmax8_table softmax8;
} ufi_kernels;

/* The table for the instruction set in use. */
const ufi_kernels *ufi_kernels_get(void);
/* The table of one set (an ufi_isa, base/cpu.h), for tests and benchmarks; false:
 * this processor lacks it or UNFLOW_ISA excludes it. */
bool ufi_kernels_for(int isa, ufi_kernels *table_out);

#endif
