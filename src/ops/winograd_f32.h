/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_f32.h: 3x3 convolutions of stride 1 in float32 with about a quarter of the multiplications
 * (kernels/winograd.h says how, and what it does to errors).
 */
#ifndef UFI_OPS_WINOGRAD_F32_H
#define UFI_OPS_WINOGRAD_F32_H

#include "ops/gemm_f32.h"

/* True when this convolution is one, and faster so. Depends on shapes and the instruction set alone. */
bool ufi_winograd_f32_wins(const ufi_conv_geometry *g);
/* Floats of packed weights, four times those of the taps; false on overflow. */
bool ufi_winograd_f32_packed_size(int64_t channels, int64_t n, size_t *floats_out);
/* Packs (n, 3, 3, channels). */
void ufi_winograd_f32_pack(ufi_pool *pool, int64_t channels, int64_t n, const float *from, float *out);
/* Floats of scratch for g's shape; false on overflow. */
bool ufi_winograd_f32_scratch(const ufi_gemm_f32 *g, int64_t threads, size_t *floats_out);
/* Runs it, with b packed as above from weights, and channels zeros. Results do not depend on the pool, which
 * has as many threads as scratch is for. */
void ufi_winograd_f32_run(ufi_pool *pool, const ufi_gemm_f32 *g, const float *weights, float *scratch);

/* In eval: runs it with a weight of (n, 3, 3, channels), which it packs: to stay, or, while it is not kept, some columns at a
 * time (ufi_packed_weight says when; slot as there). scratch: as for the run. */
uf_status ufi_winograd_f32_weight(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, ufi_gemm_f32 *g,
                                  float *scratch) UF_MUST_USE;

#endif
