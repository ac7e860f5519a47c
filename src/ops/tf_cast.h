/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_cast.h: TensorFlow's Cast, whose results differ from TFLite's where a value does not fit.
 */
#ifndef UFI_TF_CAST_H
#define UFI_TF_CAST_H

#include "ops/number.h"

/* UNIMPLEMENTED: TensorFlow knows no such cast. */
uf_status ufi_tf_cast_check(ufi_ctx *ctx, uf_dtype from, uf_dtype to) UF_MUST_USE;
/* Elements [begin, end); of packed types, begin is a whole byte. truncate: floats lose their low bits
 * instead of being rounded. */
void ufi_tf_cast(const ufi_tensor *x, const ufi_tensor *y, bool truncate, size_t begin, size_t end);

#endif
