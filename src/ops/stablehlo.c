/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo.c: reading and checking the options of StableHLO's ops.
 */
#include "ops/stablehlo.h"

uf_status ufi_shlo_read_into(const ufi_tflite_attrs *from, int field, const char *name, int32_t max, int64_t *out,
                             int32_t *n_out, uf_error *error) {
  const ufi_fb_vector list = ufi_fb_vec(&from->options, field, sizeof(int64_t));
  if (list.count > (uint32_t)max)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected at most %d numbers in %s, found %u", (int)max, name,
                    (unsigned)list.count);
  for (uint32_t i = 0; i < list.count; i++) out[i] = ufi_fb_vec_i64(&list, i);
  *n_out = (int32_t)list.count;
  return UF_OK;
}

uf_status ufi_shlo_read(const ufi_tflite_attrs *from, int field, const char *name, ufi_shlo_list *out,
                        uf_error *error) {
  return ufi_shlo_read_into(from, field, name, UF_MAX_RANK, out->at, &out->n, error);
}

uf_status ufi_shlo_want_count(ufi_ctx *ctx, const char *name, int32_t found, int32_t wanted) {
  if (found == wanted) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d numbers in %s, found %d", (int)wanted, name, (int)found);
}

uf_status ufi_shlo_want_dims(ufi_ctx *ctx, const char *name, const ufi_shlo_list *list, int32_t rank) {
  uint32_t seen = 0;
  for (int32_t i = 0; i < list->n; i++) {
    const int64_t d = list->at[i];
    if (d < 0 || d >= rank)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected dimensions of %d in %s, found %lld", (int)rank, name,
                          (long long)d);
    if (seen >> d & 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected different dimensions in %s, found %lld twice", name,
                          (long long)d);
    seen |= 1u << d;
  }
  return UF_OK;
}

uf_status ufi_shlo_want_range(ufi_ctx *ctx, const char *name, const int64_t *list, int32_t n, int64_t low,
                              int64_t high) {
  for (int32_t i = 0; i < n; i++) {
    if (list[i] >= low && list[i] <= high) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected numbers from %lld to %lld in %s, found %lld",
                        (long long)low, (long long)high, name, (long long)list[i]);
  }
  return UF_OK;
}

uf_status ufi_shlo_want_same_shape(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) {
  char p[512], q[512];
  if (a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one shape, since StableHLO does not broadcast, "
                      "found %s and %s", ufi_tensor_text(a, p), ufi_tensor_text(b, q));
}

uf_status ufi_shlo_want_bytes(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  if (ufi_has_bytes(t->dtype)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected numbers of whole bytes, found %s", ufi_tensor_text(t, text));
}
