/* SPDX-License-Identifier: Apache-2.0
 *
 * read_all.c: many entries copied at once.
 *
 * Views of the mapping are taken first, which costs nothing. Memory for all copies follows,
 * then pieces of a few MiB are copied by all threads, each byte once, with the checksum
 * computed while it is in the cache; checksums of pieces are put together at the end. What has
 * no view (files read by ranges, strings, slices) is read entry by entry.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/threads.h"
#include "source/source.h"

#define PIECE ((size_t)4 << 20)

typedef struct piece {
  size_t tensor, begin, size;
  uint32_t crc;
} piece;

typedef struct job {
  uf_source *source;
  const uf_entry *const *entries;
  uf_tensor *views, *out; /* views[i].buf NULL: out[i] is done already */
  piece *pieces;
  size_t n, n_pieces;
  pthread_mutex_t lock;   /* of what follows */
  uf_status status;
  uf_error *error;
} job;

/* Keeps the first failure. */
static void fail(job *j, uf_status status, const uf_error *words) {
  pthread_mutex_lock(&j->lock);
  if (j->status == UF_OK) {
    j->status = status;
    if (j->error) *j->error = *words;
  }
  pthread_mutex_unlock(&j->lock);
}

static void read_entry(void *context, size_t i) {
  job *j = context;
  uf_error words = {0};
  bool mapped = !j->source->has_fs;
  /* A checksum of another kind (.npz) is checked by the format, which reads the bytes twice. */
  int view = UF_READ_UNALIGNED | (j->source->ops->crc32c ? 0 : UF_READ_VERIFY);
  uf_tensor t = {0};
  if (j->status != UF_OK) return;
  uf_status status = uf_source_read(j->source, j->entries[i], NULL,
                                    mapped ? view : UF_READ_COPY, &t, &words);
  if (status != UF_OK) {
    fail(j, status, &words);
  } else if (t.read_only) {
    j->views[i] = t;
    j->out[i] = t;
    j->out[i].buf = uf_buf_create(t.size);
    if (!j->out[i].buf) fail(j, ufi_no_memory(&words, t.size), &words);
    else j->out[i].data = uf_buf_data(j->out[i].buf);
    j->out[i].read_only = false;
  } else {
    j->out[i] = t;
  }
}

static void copy_piece(void *context, size_t i) {
  job *j = context;
  piece *p = &j->pieces[i];
  p->crc = ufi_crc32c_copy_fresh(0, (char *)j->out[p->tensor].data + p->begin,
                           (const char *)j->views[p->tensor].data + p->begin, p->size);
}

static uf_status make_pieces(job *j) {
  size_t n = 0;
  for (size_t i = 0; i < j->n; i++)
    if (j->views[i].buf) n += (j->views[i].size + PIECE - 1) / PIECE;
  j->pieces = ufi_malloc((n + 1) * sizeof *j->pieces);
  if (!j->pieces) return ufi_no_memory(j->error, n * sizeof *j->pieces);
  for (size_t i = 0; i < j->n; i++)
    for (size_t at = 0; j->views[i].buf && at < j->views[i].size; at += PIECE)
      j->pieces[j->n_pieces++] = (piece){i, at, UFI_MIN(PIECE, j->views[i].size - at), 0};
  return UF_OK;
}

static uf_status check_pieces(job *j) {
  for (size_t k = 0; k < j->n_pieces;) {
    size_t i = j->pieces[k].tensor;
    uint32_t crc = 0, expected;
    for (; k < j->n_pieces && j->pieces[k].tensor == i; k++)
      crc = ufi_crc32c_combine(crc, j->pieces[k].crc, j->pieces[k].size);
    const uf_entry *e = j->entries[i];
    if (j->source->ops->crc32c && j->source->ops->crc32c(e, &expected) && crc != expected)
      return ufi_fail(j->error, UF_DATA_LOSS, "%s: offset %llu: '%s': expected the checksum %08x, "
                      "found %08x; the file is damaged or belongs to another index",
                      e->file ? e->file : j->source->path, (unsigned long long)e->offset, e->name,
                      expected, crc);
  }
  return UF_OK;
}

static uf_status run(job *j, ufi_pool *pool) {
  bool by_ranges = j->source->has_fs; /* waiting is what takes time there */
  if (by_ranges && j->n > 1) ufi_pool_start(pool);
  if (by_ranges) ufi_parallel(pool, read_entry, j, j->n);
  for (size_t i = 0; !by_ranges && i < j->n && j->status == UF_OK; i++) read_entry(j, i);
  if (j->status != UF_OK) return j->status;
  UFI_TRY(make_pieces(j));
  if (j->n_pieces > 1) ufi_pool_start(pool);
  ufi_parallel(pool, copy_piece, j, j->n_pieces);
  return check_pieces(j);
}

uf_status uf_source_read_all(uf_source *source, const uf_entry *const *entries, size_t n,
                             int32_t n_threads, uf_tensor *tensors_out, uf_error *error) {
  if (n == 0) return UF_OK;
  job j = {.source = source, .entries = entries, .n = n, .error = error, .out = tensors_out};
  for (size_t i = 0; i < n; i++) {
    tensors_out[i] = (uf_tensor){0};
    if (!entries[i]) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an entry, found NULL");
  }
  j.views = ufi_calloc(n, sizeof *j.views);
  ufi_pool *pool = ufi_pool_create(n_threads > 0 ? n_threads : ufi_processors());
  uf_status status = j.views && pool ? UF_OK : ufi_no_memory(error, n * sizeof *j.views);
  pthread_mutex_init(&j.lock, NULL);
  if (status == UF_OK) status = run(&j, pool);
  for (size_t i = 0; j.views && i < n; i++) uf_tensor_release(&j.views[i]);
  for (size_t i = 0; status != UF_OK && i < n; i++) uf_tensor_release(&tensors_out[i]);
  pthread_mutex_destroy(&j.lock);
  ufi_pool_release(pool);
  ufi_free(j.pieces);
  ufi_free(j.views);
  return status;
}
