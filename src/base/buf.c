/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.c: memory with a reference count, what every array is a view of.
 *
 * A buf made by uf_buf_create lies in one aligned block with its bytes: 64
 * bytes of bookkeeping, then the data. A wrapped one points elsewhere and calls
 * its free function at the end. A slice is a wrapped buf that holds a reference
 * to its owner, which it lets go at the end.
 *
 * Order: dropping a reference releases, the last drop acquires, so that what
 * any thread wrote before letting go is done before the memory is freed, or
 * written by one that found itself alone.
 */
#include <stdatomic.h>

#include "base/base.h"

enum { HEADER = 64 };

struct uf_buf {
  atomic_size_t refs;
  void *data;
  size_t size;
  uf_free_fn free_fn;
  void *context;
  uf_buf *owner;  /* slices */
  bool in_block;  /* made by uf_buf_create */
};
_Static_assert(sizeof(uf_buf) <= HEADER, "the data must stay 64-byte aligned");

uf_buf *uf_buf_create(size_t size) {
  size_t total;
  if (!ufi_add_size(size, HEADER, &total)) return NULL;
  uf_buf *buf = ufi_malloc_aligned(total);
  if (!buf) return NULL;
  memset(buf, 0, sizeof *buf);
  atomic_init(&buf->refs, 1);
  buf->data = (char *)buf + HEADER;
  buf->size = size;
  buf->in_block = true;
  return buf;
}

uf_buf *uf_buf_wrap(void *data, size_t size, uf_free_fn free_fn, void *context) {
  uf_buf *buf = ufi_calloc(1, sizeof *buf);
  if (!buf) return NULL;
  atomic_init(&buf->refs, 1);
  buf->data = data;
  buf->size = size;
  buf->free_fn = free_fn;
  buf->context = context;
  return buf;
}

uf_buf *ufi_buf_slice(uf_buf *owner, void *data, size_t size) {
  uf_buf *buf = uf_buf_wrap(data, size, NULL, NULL);
  if (buf) buf->owner = uf_buf_retain(owner);
  return buf;
}

uf_buf *uf_buf_retain(uf_buf *buf) {
  if (buf) atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
  return buf;
}

/* A loop instead of recursion: slices of slices may be many. */
void uf_buf_release(uf_buf *buf) {
  while (buf && atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1) {
    uf_buf *owner = buf->owner;
    if (buf->free_fn) buf->free_fn(buf->context);
    if (buf->in_block) ufi_free_aligned(buf);
    else ufi_free(buf);
    buf = owner;
  }
}

void *uf_buf_data(const uf_buf *buf) { return buf ? buf->data : NULL; }
size_t uf_buf_size(const uf_buf *buf) { return buf ? buf->size : 0; }

/* A slice is alone with its bytes only if its owner is too. */
bool ufi_buf_is_unique(const uf_buf *buf) {
  for (; buf; buf = buf->owner)
    if (atomic_load_explicit(&buf->refs, memory_order_acquire) != 1) return false;
  return true;
}

const uf_buf *ufi_buf_root(const uf_buf *buf) {
  while (buf && buf->owner) buf = buf->owner;
  return buf;
}

bool ufi_buf_is_freed_by(const uf_buf *buf, uf_free_fn free_fn) {
  buf = ufi_buf_root(buf);
  return buf && buf->free_fn == free_fn;
}
