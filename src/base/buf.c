/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.c: reference-counted memory, and tensors as views of it.
 */
#include <stdatomic.h>

#include "base/base.h"

struct uf_buf {
  atomic_int refs;
  void *data;
  size_t size;
  uf_free_fn free_fn; /* NULL: nothing to free */
  void *context;
};

uf_buf *uf_buf_wrap(void *data, size_t size, uf_free_fn free_fn, void *context) {
  uf_buf *buf = ufi_malloc(sizeof *buf);
  if (buf == NULL) return NULL;
  atomic_init(&buf->refs, 1);
  buf->data = data;
  buf->size = size;
  buf->free_fn = free_fn;
  buf->context = context;
  return buf;
}

uf_buf *uf_buf_create(size_t size) {
  void *data = ufi_malloc_aligned(size ? size : 1);
  if (data == NULL) return NULL;
  uf_buf *buf = uf_buf_wrap(data, size, ufi_free_aligned, data);
  if (buf == NULL) ufi_free_aligned(data);
  return buf;
}

uf_buf *uf_buf_retain(uf_buf *buf) {
  if (buf) atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
  return buf;
}

void uf_buf_release(uf_buf *buf) {
  if (buf == NULL || atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) != 1) return;
  if (buf->free_fn) buf->free_fn(buf->context);
  ufi_free(buf);
}

void *uf_buf_data(const uf_buf *buf) { return buf->data; }
size_t uf_buf_size(const uf_buf *buf) { return buf->size; }

bool ufi_buf_is_unique(const uf_buf *buf) {
  return atomic_load_explicit(&buf->refs, memory_order_acquire) == 1;
}

static void release_owner(void *owner) { uf_buf_release(owner); }

uf_buf *ufi_buf_slice(uf_buf *owner, void *data, size_t size) {
  uf_buf *slice = uf_buf_wrap(data, size, release_owner, owner);
  if (slice) uf_buf_retain(owner);
  return slice;
}

/* ---- tensors ------------------------------------------------------------------ */

void uf_tensor_release(uf_tensor *tensor) {
  if (tensor == NULL) return;
  uf_buf_release(tensor->buf);
  tensor->buf = NULL;
  tensor->data = NULL;
}

int64_t uf_tensor_count(const uf_tensor *tensor) {
  int64_t count = 1;
  for (int32_t d = 0; d < tensor->rank; d++) count *= tensor->dims[d];
  return count;
}
