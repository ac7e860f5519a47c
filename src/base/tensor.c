/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor.c: a tensor's memory: whether it is there, given, let go.
 */
#include "base/base.h"

uf_status ufi_tensor_check(const uf_tensor *t, int64_t *count_out, uf_error *error) {
  size_t bytes;
  if (!t) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a tensor, found NULL");
  if (t->rank < 0 || t->rank > UF_MAX_RANK || !ufi_shape_count(t->rank, t->dims, count_out) ||
      !ufi_dtype_bytes(t->dtype, *count_out, &bytes) || t->size < bytes || (bytes && !t->data))
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a tensor with a dtype, a shape and memory for it, found %s of rank "
                    "%d with %zu bytes", uf_dtype_name(t->dtype), (int)t->rank, t->size);
  return UF_OK;
}

uf_status ufi_tensor_memory(uf_tensor *t, uf_error *error) {
  int64_t count;
  size_t bytes;
  t->buf = NULL;
  t->data = NULL;
  if (!ufi_shape_count(t->rank, t->dims, &count) || !ufi_dtype_bytes(t->dtype, count, &bytes))
    return ufi_no_memory(error, SIZE_MAX);
  t->buf = uf_buf_create(bytes);
  if (!t->buf) return ufi_no_memory(error, bytes);
  t->data = uf_buf_data(t->buf);
  t->size = bytes;
  t->read_only = false;
  return UF_OK;
}

void uf_tensor_release(uf_tensor *tensor) {
  if (!tensor) return;
  uf_buf_release(tensor->buf);
  tensor->buf = NULL;
  tensor->data = NULL;
}
