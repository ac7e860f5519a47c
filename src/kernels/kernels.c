/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: fills the kernel table.
 *
 * The scalar set first, which is complete; then each faster set overlays the
 * members it has, up to the one asked for. Every table is filled once and
 * never changes afterwards.
 */
#include "kernels/kernels.h"

#include <pthread.h>

#include "base/cpu.h"

static pthread_once_t kernels_once = PTHREAD_ONCE_INIT;
static ufi_kernels kernels_in_use;

static void fill(ufi_isa isa, ufi_kernels *table) {
  ufk_gemm_scalar(&table->gemm);
  ufk_depthwise_scalar(&table->depthwise);
  ufk_qgemm_scalar(&table->qgemm);
  ufk_qdepthwise_scalar(&table->qdepthwise);
  ufk_matvec_scalar(&table->matvec);
  ufk_elementwise_scalar(&table->elementwise);
  ufk_winograd_scalar(&table->winograd);
  ufk_qwinograd_scalar(&table->qwinograd);
  ufk_convert_scalar(&table->convert);
  ufk_softmax8_scalar(&table->softmax8);
#if defined(__x86_64__)
  if (isa < UFI_ISA_AVX2) return;
  ufk_gemm_avx2(&table->gemm);
  ufk_depthwise_avx2(&table->depthwise);
  ufk_qgemm_avx2(&table->qgemm);
  ufk_qdepthwise_avx2(&table->qdepthwise);
  ufk_matvec_avx2(&table->matvec);
  ufk_elementwise_avx2(&table->elementwise);
  ufk_qelementwise_avx2(&table->elementwise);
  ufk_winograd_avx2(&table->winograd);
  ufk_qwinograd_avx2(&table->qwinograd);
  ufk_convert_avx2(&table->convert);
  ufk_softmax8_avx2(&table->softmax8);
  if (isa < UFI_ISA_AVX512) return;
  ufk_gemm_avx512(&table->gemm);
  ufk_depthwise_avx512(&table->depthwise);
  ufk_qgemm_avx512(&table->qgemm);
  ufk_qdepthwise_avx512(&table->qdepthwise);
  ufk_matvec_avx512(&table->matvec);
  ufk_elementwise_avx512(&table->elementwise);
  ufk_qelementwise_avx512(&table->elementwise);
  ufk_winograd_avx512(&table->winograd);
  ufk_qwinograd_avx512(&table->qwinograd);
  ufk_convert_avx512(&table->convert);
  ufk_softmax8_avx512(&table->softmax8);
#elif defined(__aarch64__)
  if (isa < UFI_ISA_NEON) return;
  ufk_gemm_neon(&table->gemm);
  ufk_depthwise_neon(&table->depthwise);
  ufk_qgemm_neon(&table->qgemm);
  ufk_qdepthwise_neon(&table->qdepthwise);
  ufk_matvec_neon(&table->matvec);
  ufk_elementwise_neon(&table->elementwise);
  ufk_qelementwise_neon(&table->elementwise);
  ufk_convert_neon(&table->convert);
  ufk_softmax8_neon(&table->softmax8);
  ufk_winograd_neon(&table->winograd);
  ufk_qwinograd_neon(&table->qwinograd);
  if (isa == UFI_ISA_NEON_DOT) ufk_qgemm_neon_dot(&table->qgemm);
#endif
}

static void fill_in_use(void) { fill(ufi_cpu_isa(), &kernels_in_use); }

const ufi_kernels *ufi_kernels_get(void) {
  pthread_once(&kernels_once, fill_in_use);
  return &kernels_in_use;
}

bool ufi_kernels_for(int isa, ufi_kernels *table_out) {
  if (!ufi_cpu_has(isa)) return false;
  memset(table_out, 0, sizeof *table_out);
  fill((ufi_isa)isa, table_out);
  return true;
}
