/* SPDX-License-Identifier: Apache-2.0
 *
 * sstable.c: sorted tables of keys and values, read. The format is in sstable.h.
 *
 * The index block stays in memory, and the block of the last look-up; others are read, checked
 * against their CRC and unpacked when they are needed, and given up again. A key is put together from the one
 * before it in a buffer that grows as far as the block allows. Every entry takes at
 * least 3 bytes, so all loops are bounded by the size of the file.
 */
#include "format/sstable.h"

#include "base/crc32c.h"
#include "format/snappy.h"

#define MAGIC UINT64_C(0xdb4775248b80fb57)
enum { FOOTER = 48, TRAILER = 5, STORED = 0, SNAPPY = 1 };
/* A block that says it unpacks to more than this is no checkpoint's. */
#define UNPACKED_MAX ((uint64_t)1 << 31)
/* Snappy's copies make 64 bytes of 3 at most. */
enum { SNAPPY_RATIO_MAX = 24 };

typedef struct handle {
  uint64_t offset, size;
} handle;

struct ufi_sstable {
  ufi_file *file;
  uf_buf *index;
  uf_buf *last; /* the block that the last look-up was in; NULL: none yet */
  uint64_t last_offset;
};

/* ---- blocks ----------------------------------------------------------------------- */

static uf_status damaged(const ufi_sstable *t, uint64_t offset, const char *what, uf_error *error) {
  return ufi_fail(error, UF_DATA_LOSS, "%s: block at offset %llu: %s; the file is damaged, copy it "
                  "again", ufi_file_path(t->file), (unsigned long long)offset, what);
}

static bool take_handle(ufi_bytes *bytes, handle *out) {
  return ufi_varint_take(bytes, &out->offset) && ufi_varint_take(bytes, &out->size);
}

static uf_status unpack(const ufi_sstable *t, handle h, ufi_bytes block, uf_buf **buf_out,
                        uf_error *error) {
  uint64_t size;
  if (!ufi_snappy_size(block, &size) || size > UNPACKED_MAX ||
      size / SNAPPY_RATIO_MAX > block.size)
    return damaged(t, h.offset, "expected a compressed block, found one with an impossible size",
                   error);
  uf_buf *out = uf_buf_create((size_t)size);
  if (!out) return ufi_no_memory(error, (size_t)size);
  if (!ufi_snappy_unpack(block, uf_buf_data(out), (size_t)size)) {
    uf_buf_release(out);
    return damaged(t, h.offset, "expected compressed bytes, found some that do not unpack", error);
  }
  *buf_out = out;
  return UF_OK;
}

/* The content of a block, checked and unpacked. */
static uf_status read_block(const ufi_sstable *t, handle h, uf_buf **buf_out, uf_error *error) {
  uint64_t whole, file_size = ufi_file_size(t->file);
  if (__builtin_add_overflow(h.size, (uint64_t)TRAILER, &whole) || whole > file_size ||
      h.offset > file_size - whole)
    return damaged(t, h.offset, "expected it inside the file, found it reaches beyond its end",
                   error);
  uf_buf *raw = NULL;
  UFI_TRY(ufi_file_view(t->file, h.offset, whole, &raw, error));
  const uint8_t *data = uf_buf_data(raw);
  uint32_t stored = ufi_crc32c_unmask(ufi_load32(data + h.size + 1));
  uf_status status = UF_OK;
  if (ufi_crc32c(0, data, (size_t)h.size + 1) != stored)
    status = damaged(t, h.offset, "expected its checksum, found another", error);
  else if (data[h.size] == SNAPPY)
    status = unpack(t, h, (ufi_bytes){data, (size_t)h.size}, buf_out, error);
  else if (data[h.size] != STORED)
    status = damaged(t, h.offset, "expected it stored or compressed by Snappy, found another kind",
                     error);
  else if (!(*buf_out = ufi_buf_slice(raw, (void *)data, (size_t)h.size)))
    status = ufi_no_memory(error, 64);
  uf_buf_release(raw);
  return status;
}

/* ---- entries of a block -------------------------------------------------------------- */

typedef struct cursor {
  const uint8_t *begin;
  ufi_bytes rest;          /* entries not read yet */
  const uint8_t *restarts; /* uint32 offsets */
  uint32_t n_restarts;
  uint8_t *key;
  size_t key_size, capacity;
  ufi_bytes value;
  bool bad, no_memory;
} cursor;

static bool cursor_open(cursor *c, const uf_buf *block) {
  size_t size = uf_buf_size(block);
  const uint8_t *data = uf_buf_data(block);
  *c = (cursor){.begin = data};
  if (size < 4) return false;
  c->n_restarts = ufi_load32(data + size - 4);
  if (c->n_restarts > (size - 4) / 4) return false;
  size_t entries = size - 4 - 4 * (size_t)c->n_restarts;
  c->restarts = data + entries;
  c->rest = (ufi_bytes){data, entries};
  return true;
}

static void cursor_close(cursor *c) { ufi_free(c->key); }

static bool reserve(cursor *c, size_t size) {
  if (size <= c->capacity) return true;
  size_t capacity = UFI_MAX(2 * c->capacity, UFI_MAX(size, (size_t)256));
  uint8_t *key = ufi_realloc(c->key, capacity);
  if (!key) {
    c->no_memory = true;
    return false;
  }
  c->key = key;
  c->capacity = capacity;
  return true;
}

/* To the next entry; false at the end or when bad. */
static bool cursor_next(cursor *c) {
  if (c->bad || c->no_memory || c->rest.size == 0) return false;
  uint64_t shared, tail, size;
  c->bad = !ufi_varint_take(&c->rest, &shared) || !ufi_varint_take(&c->rest, &tail) ||
           !ufi_varint_take(&c->rest, &size) || shared > c->key_size || tail > c->rest.size ||
           size > c->rest.size - tail;
  if (c->bad || !reserve(c, (size_t)(shared + tail))) return false;
  if (tail) memcpy(c->key + shared, c->rest.data, (size_t)tail);
  c->key_size = (size_t)(shared + tail);
  c->value = (ufi_bytes){c->rest.data + tail, (size_t)size};
  c->rest.data += tail + size;
  c->rest.size -= (size_t)(tail + size);
  return true;
}

static int compare(ufi_bytes a, ufi_bytes b) {
  size_t n = UFI_MIN(a.size, b.size);
  int order = n ? memcmp(a.data, b.data, n) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

static ufi_bytes key_of(const cursor *c) { return (ufi_bytes){c->key, c->key_size}; }

/* To where restart i says; keys begin anew there. */
static bool jump(cursor *c, uint32_t i) {
  uint32_t at = ufi_load32(c->restarts + 4 * (size_t)i);
  size_t size = (size_t)(c->restarts - c->begin);
  if (at >= size) return false;
  c->rest = (ufi_bytes){c->begin + at, size - at};
  c->key_size = 0;
  return true;
}

/* To the first entry whose key is not below `key`: by halves over the restarts, then one
 * by one. False: there is none, or c->bad. */
static bool seek(cursor *c, ufi_bytes key) {
  uint32_t low = 0, high = c->n_restarts; /* the last restart below key is in [low, high) */
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (!jump(c, middle) || !cursor_next(c)) {
      c->bad = true;
      return false;
    }
    if (compare(key_of(c), key) < 0) low = middle;
    else high = middle;
  }
  if (c->n_restarts && c->begin != c->restarts && !jump(c, low)) {
    c->bad = true;
    return false;
  }
  while (cursor_next(c))
    if (compare(key_of(c), key) >= 0) return true;
  return false;
}

static uf_status cursor_status(const ufi_sstable *t, const cursor *c, uint64_t offset,
                               uf_error *error) {
  if (c->no_memory) return ufi_no_memory(error, c->capacity);
  if (c->bad) return damaged(t, offset, "expected keys and values, found bytes that are none", error);
  return UF_OK;
}

/* ---- the table ------------------------------------------------------------------------ */

static bool read_footer(ufi_file *file, uint8_t footer[FOOTER], uf_error *error) {
  uint64_t size = ufi_file_size(file);
  return size >= FOOTER && ufi_file_read(file, size - FOOTER, FOOTER, footer, error) == UF_OK &&
         ufi_load64(footer + FOOTER - 8) == MAGIC;
}

bool ufi_sstable_is(ufi_file *file) {
  uint8_t footer[FOOTER];
  return read_footer(file, footer, NULL);
}

uf_status ufi_sstable_open(ufi_file *file, ufi_sstable **table_out, uf_error *error) {
  uint8_t footer[FOOTER];
  if (!read_footer(file, footer, error))
    return ufi_fail(error, UF_DATA_LOSS,
                    "%s: expected a table of keys and values (an .index file or a V1 checkpoint), "
                    "found a file of %llu bytes that does not end as one (bad magic number); it "
                    "was cut off or is something else", ufi_file_path(file),
                    (unsigned long long)ufi_file_size(file));
  ufi_sstable *table = ufi_calloc(1, sizeof *table);
  if (!table) return ufi_no_memory(error, sizeof *table);
  table->file = ufi_file_retain(file);
  ufi_bytes rest = {footer, FOOTER - 8};
  handle meta, index;
  uf_status status = take_handle(&rest, &meta) && take_handle(&rest, &index)
                         ? read_block(table, index, &table->index, error)
                         : damaged(table, ufi_file_size(file) - FOOTER,
                                   "expected the place of the index, found no number", error);
  if (status == UF_OK) *table_out = table;
  else ufi_sstable_close(table);
  return status;
}

void ufi_sstable_close(ufi_sstable *table) {
  if (!table) return;
  uf_buf_release(table->index);
  uf_buf_release(table->last);
  ufi_file_release(table->file);
  ufi_free(table);
}

static uf_status walk_block(ufi_sstable *t, handle h, ufi_sstable_fn fn, void *context,
                            uf_error *error) {
  uf_buf *block = NULL;
  UFI_TRY(read_block(t, h, &block, error));
  cursor c;
  uf_status status = UF_OK;
  if (cursor_open(&c, block)) {
    while (status == UF_OK && cursor_next(&c)) status = fn(context, key_of(&c), c.value, error);
    if (status == UF_OK) status = cursor_status(t, &c, h.offset, error);
    cursor_close(&c);
  } else {
    status = damaged(t, h.offset, "expected a block with restarts, found none", error);
  }
  uf_buf_release(block);
  return status;
}

uf_status ufi_sstable_walk(ufi_sstable *t, ufi_sstable_fn fn, void *context, uf_error *error) {
  cursor c;
  if (!cursor_open(&c, t->index))
    return damaged(t, 0, "expected an index with restarts, found none", error);
  uf_status status = UF_OK;
  uint64_t end = 0; /* blocks lie one behind the other: none is read twice */
  while (status == UF_OK && cursor_next(&c)) {
    handle h;
    if (!take_handle(&c.value, &h) || h.offset < end ||
        __builtin_add_overflow(h.offset, h.size, &end))
      status = damaged(t, end, "expected the next block behind it, found its place is none", error);
    else
      status = walk_block(t, h, fn, context, error);
  }
  if (status == UF_OK) status = cursor_status(t, &c, 0, error);
  cursor_close(&c);
  return status;
}

/* Names that are asked for one after the other are often neighbours, and a block may have
 * to come over a network. */
static uf_status keep_block(ufi_sstable *t, handle h, uf_error *error) {
  if (t->last && t->last_offset == h.offset) return UF_OK;
  uf_buf *block = NULL;
  UFI_TRY(read_block(t, h, &block, error));
  uf_buf_release(t->last);
  t->last = block;
  t->last_offset = h.offset;
  return UF_OK;
}

static uf_status find_in_block(ufi_sstable *t, handle h, ufi_bytes key, ufi_sstable_fn fn,
                               void *context, uf_error *error) {
  UFI_TRY(keep_block(t, h, error));
  cursor c;
  uf_status status;
  if (!cursor_open(&c, t->last)) {
    status = damaged(t, h.offset, "expected a block with restarts, found none", error);
  } else {
    bool found = seek(&c, key) && compare(key_of(&c), key) == 0;
    status = cursor_status(t, &c, h.offset, error);
    if (status == UF_OK) status = found ? fn(context, key_of(&c), c.value, error) : UF_NOT_FOUND;
    cursor_close(&c);
  }
  return status;
}

uf_status ufi_sstable_find(ufi_sstable *t, ufi_bytes key, ufi_sstable_fn fn, void *context,
                           uf_error *error) {
  cursor c;
  handle h;
  if (!cursor_open(&c, t->index))
    return damaged(t, 0, "expected an index with restarts, found none", error);
  bool found = seek(&c, key);
  uf_status status = cursor_status(t, &c, 0, error);
  if (status == UF_OK && !found) status = UF_NOT_FOUND;
  if (status == UF_OK && !take_handle(&c.value, &h))
    status = damaged(t, 0, "expected the place of a block, found no number", error);
  cursor_close(&c);
  return status == UF_OK ? find_in_block(t, h, key, fn, context, error) : status;
}
