/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_quant.h: 3x3 convolutions of bytes, of stride 1, with a quarter or less than half of the multiplications, bit
 * for bit what direct sums give (kernels/qwinograd.h).
 */
#ifndef UFI_OPS_WINOGRAD_QUANT_H
#define UFI_OPS_WINOGRAD_QUANT_H

#include "ops/gemm_quant.h"

/* 4 or 2, the side of a tile, where this convolution is one and faster so; else 0. Depends on shapes, types and the
 * instruction set alone. */
int64_t ufi_winograd_q_side(const ufi_conv_geometry *g);
/* Sets side, pack, form, weights and extra of the spec of that convolution; too large: as ufi_q_spec_types says. */
uf_status ufi_winograd_q_set(ufi_ctx *ctx, const ufi_conv_geometry *g, int64_t side, ufi_q_spec *spec) UF_MUST_USE;
/* Runs it, with weights packed and scratch as set. Results do not depend on the pool. */
void ufi_winograd_q_run(ufi_pool *pool, const ufi_gemm_q *g, int64_t side);

#endif
