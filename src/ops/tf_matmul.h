/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_matmul.h: matrix products in any dtype that is computed in (tf_stage.h).
 */
#ifndef UFI_TF_MATMUL_H
#define UFI_TF_MATMUL_H

#include "ops/tf_conv.h"

/* The product of a geometry whose x_data, y_data and out_data are of dtype `compute`. conj: of
 * complex numbers. packed: y as ufi_bmm_f32_pack made it, or NULL. */
uf_status ufi_tf_product(ufi_ctx *ctx, ufi_bump *bump, uf_dtype compute, const ufi_bmm_geometry *g, bool conj_x,
                         bool conj_y, const float *packed) UF_MUST_USE;

#endif
