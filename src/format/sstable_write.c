/* SPDX-License-Identifier: Apache-2.0
 *
 * sstable_write.c: writes sorted tables of keys and values (sstable.h has the format).
 *
 * Pairs gather in a block, each key without what it shares with the one before, except
 * at every 16th, where a reader may begin (a restart). A block of about 256 KiB goes to
 * the file, followed by a zero byte (not compressed) and its masked checksum, and the index
 * keeps its last key with where it lies. Finishing writes an empty meta index, the index
 * (a block itself) and the footer.
 *
 * TensorFlow shortens the index's keys to separators between blocks; any key from the last
 * of a block up to, and without, the first of the next serves a reader equally, and the last
 * key itself is what we write.
 */
#include "base/crc32c.h"
#include "format/outfile.h"
#include "format/sstable.h"

enum { BLOCK_SIZE = 256 << 10, RESTART_INTERVAL = 16, TRAILER = 5, FOOTER = 48 };

/* Bytes that grow. */
typedef struct bytes {
  uint8_t *data;
  size_t size, capacity;
} bytes;

typedef struct block {
  bytes content, last_key;
  uint32_t *restarts;
  size_t n_restarts, restarts_capacity;
  int since_restart;
} block;

typedef struct handle {
  uint64_t offset, size;
} handle;

struct ufi_sstable_writer {
  ufi_outfile *file;
  block data, index;
  bool any; /* a key was added */
};

static bool reserve(bytes *b, size_t more) {
  size_t needed;
  if (!ufi_add_size(b->size, more, &needed)) return false;
  if (needed <= b->capacity) return true;
  size_t capacity = UFI_MAX(needed, b->capacity + b->capacity / 2 + 256);
  uint8_t *data = ufi_realloc(b->data, capacity);
  if (!data) return false;
  b->data = data;
  b->capacity = capacity;
  return true;
}

/* Both need reserve first. */
static void put(bytes *b, const void *data, size_t size) {
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

static void put_varint(bytes *b, uint64_t value) {
  uint8_t text[UFI_VARINT_MAX];
  put(b, text, ufi_varint_put(text, value));
}

/* ---- blocks -------------------------------------------------------------------- */

static bool add_restart(block *b) {
  if (b->n_restarts == b->restarts_capacity) {
    size_t capacity = b->restarts_capacity ? 2 * b->restarts_capacity : 64;
    uint32_t *restarts = ufi_realloc(b->restarts, capacity * sizeof *restarts);
    if (!restarts) return false;
    b->restarts = restarts;
    b->restarts_capacity = capacity;
  }
  b->restarts[b->n_restarts++] = (uint32_t)b->content.size;
  b->since_restart = 0;
  return true;
}

static size_t shared_prefix(const bytes *last, ufi_bytes key) {
  size_t n = UFI_MIN(last->size, key.size), i = 0;
  while (i < n && last->data[i] == key.data[i]) i++;
  return i;
}

/* False: out of memory. */
static bool block_add(block *b, ufi_bytes key, ufi_bytes value) {
  if ((b->n_restarts == 0 || b->since_restart == RESTART_INTERVAL) && !add_restart(b))
    return false;
  size_t shared = b->since_restart == 0 ? 0 : shared_prefix(&b->last_key, key);
  size_t room;
  if (!ufi_add_size(key.size, value.size, &room) ||
      !ufi_add_size(room, 3 * UFI_VARINT_MAX, &room) || !reserve(&b->content, room))
    return false;
  b->last_key.size = 0;
  if (!reserve(&b->last_key, key.size)) return false;
  put_varint(&b->content, shared);
  put_varint(&b->content, key.size - shared);
  put_varint(&b->content, value.size);
  put(&b->content, key.data + shared, key.size - shared);
  put(&b->content, value.data, value.size);
  put(&b->last_key, key.data, key.size);
  b->since_restart++;
  return true;
}

/* Appends the block with its restarts, compression byte and checksum to the file, and
 * empties it but for its last key. */
static uf_status block_write(ufi_sstable_writer *w, block *b, handle *handle_out,
                             uf_error *error) {
  if (b->n_restarts == 0 && !add_restart(b)) return ufi_no_memory(error, 64);
  size_t more = 4 * (b->n_restarts + 1) + TRAILER;
  if (b->content.size > UINT32_MAX - more)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected keys and values below 4 GiB, found %zu bytes; use shorter names",
                    b->content.size);
  if (!reserve(&b->content, more)) return ufi_no_memory(error, more);
  uint32_t n = (uint32_t)b->n_restarts;
  put(&b->content, b->restarts, 4 * b->n_restarts);
  put(&b->content, &n, 4);
  *handle_out = (handle){ufi_outfile_size(w->file), b->content.size};
  put(&b->content, "", 1);
  uint32_t crc = ufi_crc32c_mask(ufi_crc32c(0, b->content.data, b->content.size));
  put(&b->content, &crc, 4);
  uf_status status = ufi_outfile_write(w->file, b->content.data, b->content.size, error);
  b->content.size = 0;
  b->n_restarts = 0;
  return status;
}

static size_t put_handle(uint8_t out[2 * UFI_VARINT_MAX], handle h) {
  size_t n = ufi_varint_put(out, h.offset);
  return n + ufi_varint_put(out + n, h.size);
}

static uf_status flush(ufi_sstable_writer *w, uf_error *error) {
  if (w->data.content.size == 0) return UF_OK;
  handle h = {0};
  UFI_TRY(block_write(w, &w->data, &h, error));
  uint8_t text[2 * UFI_VARINT_MAX];
  ufi_bytes key = {w->data.last_key.data, w->data.last_key.size};
  if (!block_add(&w->index, key, (ufi_bytes){text, put_handle(text, h)}))
    return ufi_no_memory(error, key.size);
  return UF_OK;
}

/* ---- the writer ---------------------------------------------------------------- */

ufi_sstable_writer *ufi_sstable_writer_create(struct ufi_outfile *file) {
  ufi_sstable_writer *w = ufi_calloc(1, sizeof *w);
  if (w) w->file = file;
  return w;
}

uf_status ufi_sstable_writer_add(ufi_sstable_writer *w, ufi_bytes key, ufi_bytes value,
                                 uf_error *error) {
  const bytes *last = &w->data.last_key;
  size_t n = UFI_MIN(last->size, key.size);
  int order = w->any && n ? memcmp(last->data, key.data, n) : 0;
  if (w->any && (order > 0 || (order == 0 && last->size >= key.size)))
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected keys in ascending order, found '%.*s' after '%.*s'; sort them",
                    (int)UFI_MIN(key.size, 200u), (const char *)key.data,
                    (int)UFI_MIN(last->size, 200u), (const char *)last->data);
  if (!block_add(&w->data, key, value)) return ufi_no_memory(error, value.size);
  w->any = true;
  return w->data.content.size >= BLOCK_SIZE ? flush(w, error) : UF_OK;
}

static uf_status write_footer(ufi_sstable_writer *w, handle meta, handle index, uf_error *error) {
  static const uint8_t magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
  uint8_t footer[FOOTER] = {0};
  size_t n = put_handle(footer, meta);
  put_handle(footer + n, index);
  memcpy(footer + FOOTER - sizeof magic, magic, sizeof magic);
  return ufi_outfile_write(w->file, footer, sizeof footer, error);
}

uf_status ufi_sstable_writer_finish(ufi_sstable_writer *w, uf_error *error) {
  handle meta = {0}, index = {0};
  block none = {0};
  uf_status status = flush(w, error);
  if (status == UF_OK) status = block_write(w, &none, &meta, error);
  if (status == UF_OK) status = block_write(w, &w->index, &index, error);
  if (status == UF_OK) status = write_footer(w, meta, index, error);
  ufi_free(none.content.data);
  ufi_free(none.restarts);
  ufi_sstable_writer_abandon(w);
  return status;
}

static void block_free(block *b) {
  ufi_free(b->content.data);
  ufi_free(b->last_key.data);
  ufi_free(b->restarts);
}

void ufi_sstable_writer_abandon(ufi_sstable_writer *w) {
  if (!w) return;
  block_free(&w->data);
  block_free(&w->index);
  ufi_free(w);
}
