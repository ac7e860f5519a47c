/* SPDX-License-Identifier: Apache-2.0
 *
 * hadamard.c: the custom op aeq.hadamard_rotation, which quantizers put around
 * matrix products: each run of hadamard_size values of the last dimension is
 * multiplied with the Hadamard matrix of that size over the root of the size.
 *
 * By the fast Walsh-Hadamard transform: for h = 1, 2, 4 ... values h apart become
 * their sum and their difference. The signs in the options (random_binary_vector)
 * are applied by nobody.
 */
#include <math.h>
#include <string.h>

#include "format/flexbuffer.h"
#include "ops/broadcast.h"

typedef struct hadamard_attrs { int64_t size; } hadamard_attrs;

static uf_status hadamard_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  hadamard_attrs *a = attrs;
  const ufi_flex map = ufi_flex_root(from->custom, from->custom_size), size = ufi_flex_get(&map, "hadamard_size");
  a->size = ufi_flex_int(&size, 0);
  if (a->size > 0 && a->size <= INT32_MAX && (a->size & (a->size - 1)) == 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected option hadamard_size to be a power of two, found %lld",
                  (long long)a->size);
}

static uf_status hadamard_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  const int64_t size = ((const hadamard_attrs *)ctx->attrs)->size;
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 2, 3));
  if (x->dims[x->rank - 1] % size != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a last dimension that is a multiple of hadamard_size %lld, "
                        "found %s", (long long)size, ufi_tensor_text(x, text));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return ufi_out_like(ctx, 0, x);
}

static void transform(float *y, size_t size) {
  for (size_t h = 1; h < size; h *= 2) {
    for (size_t i = 0; i < size; i += 2 * h) {
      for (size_t j = i; j < i + h; ++j) {
        const float u = y[j], v = y[j + h];
        y[j] = u + v;
        y[j + h] = u - v;
      }
    }
  }
  const float factor = 1.0f / (float)sqrt((double)size);
  for (size_t i = 0; i < size; ++i) y[i] *= factor;
}

typedef struct hadamard_run { float *y; size_t size; } hadamard_run;
static void transform_runs(void *context, size_t begin, size_t end) {
  const hadamard_run *r = context;
  for (size_t i = begin; i < end; ++i) transform(r->y + i * r->size, r->size);
}

static uf_status hadamard_eval(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  hadamard_run r = {y->data, (size_t)((const hadamard_attrs *)ctx->attrs)->size};
  if (y->size && y->data != x->data) memcpy(y->data, x->data, y->size);
  const size_t n = (size_t)y->count / r.size;
  if (y->count < ufi_split_least(ctx->pool, UFI_PARALLEL_MIN)) transform_runs(&r, 0, n);
  else ufi_parallel_ranges(ctx->pool, transform_runs, &r, n, UFI_MAX(UFI_PARALLEL_GRAIN / r.size, (size_t)1));
  return UF_OK;
}

const ufi_op_def ufi_op_HADAMARD_ROTATION = {
  .attrs_size = sizeof(hadamard_attrs), .attrs_tflite = hadamard_tflite, .infer = hadamard_infer, .eval = hadamard_eval,
};
