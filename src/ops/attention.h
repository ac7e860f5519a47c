/* SPDX-License-Identifier: Apache-2.0
 *
 * attention.h: two float32 products with something between them that takes rows, as one.
 *
 * out[b] = f(x[b] * y[b]) * v[b]. Of the scores x * y only some rows exist at a time, in the cache of the thread that made
 * them; what comes out is bit for bit what the products and f give one after the other.
 */
#ifndef UFI_OPS_ATTENTION_H
#define UFI_OPS_ATTENTION_H

#include "ops/conv.h"

typedef struct ufi_attention {
  ufi_bmm_geometry scores; /* x, y */
  ufi_bmm_geometry values; /* of its x nothing is read; y: v; output */
  /* Makes of `rows` rows of scores, from `row` on of all batches' one after the other, what is multiplied by v. In place. */
  void (*between)(void *context, float *scores, int64_t row, int64_t rows);
  void *context;
} ufi_attention;

/* Whether it can be computed so, and that many threads have enough to do; bytes of scratch. */
bool ufi_attention_fits(const ufi_attention *a, int64_t threads, size_t *bytes_out);
/* With as many threads as were asked about. */
void ufi_attention_run(ufi_pool *pool, const ufi_attention *a, void *scratch);

#endif
