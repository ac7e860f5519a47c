/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_read.c: reads ZIP archives that may be damaged or hostile.
 *
 * zip_write.c says how an archive is laid out. The end record is searched for
 * from the end of the file, since a comment may follow it. Then every entry of
 * the directory is checked once, at open, so that reading a member later needs
 * no more checks of bounds:
 *
 *   - all offsets and sizes lie inside the file, before the directory;
 *   - the local header is there and repeats the name;
 *   - no two members overlap and no two have one name (archives made to be read
 *     in two ways, or to unpack to far more than they hold, do that);
 *   - the unpacked size is at most 1032 times the packed one, the most that
 *     deflate can do, so memory use is bounded by the file's size.
 *
 * Of a file that is read by ranges, the end and the directory are fetched at open, each
 * in one piece; local headers are checked when a member is located.
 */
#include <libdeflate.h>
#include <stdlib.h>

#include "format/zip.h"

enum {
  LOCAL_HEADER = 30, CENTRAL_HEADER = 46, END_RECORD = 22,
  END64_RECORD = 56, END64_LOCATOR = 20, COMMENT_MAX = 65535,
  METHOD_STORED = 0, METHOD_DEFLATED = 8,
  FLAG_ENCRYPTED = 1, EXTRA_ZIP64 = 1, DEFLATE_RATIO_MAX = 1032,
};

static uf_status damaged(const char *path, uint64_t offset, uf_error *error, const char *expected,
                         const char *found) {
  return ufi_fail(error, UF_DATA_LOSS, "%s at byte %llu: expected %s, found %s; get the file again",
                  path, (unsigned long long)offset, expected, found);
}

/* True when [offset, offset + size) lies in the first `limit` bytes. */
static bool inside(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

/* ---- the end record -------------------------------------------------------------- */

typedef struct directory {
  uint64_t count, offset, size;
  uint64_t before; /* bytes that the archive was appended to, and its offsets do not count */
} directory;

/* A piece of the file in memory. */
typedef struct window {
  const unsigned char *data; /* of the byte at `offset` */
  uint64_t offset, size;
} window;

/* The end record in the last bytes of the file; false: there is none. */
static bool find_end(const window *w, uint64_t *at_out) {
  if (w->size < END_RECORD) return false;
  uint64_t last = w->size - END_RECORD;
  for (uint64_t at = last;; at--) {
    const unsigned char *p = w->data + at;
    if (p[0] == 'P' && ufi_load32(p) == 0x06054B50 && ufi_load16(p + 20) == last - at) {
      *at_out = at;
      return true;
    }
    if (at == 0) return false;
  }
}

/* Replaces dir by what the 64-bit end record says, if there is one. end: in the window. */
static uf_status read_end64(ufi_file *file, const window *w, uint64_t end, directory *dir,
                            uf_error *error) {
  unsigned char record[END64_RECORD];
  if (end < END64_LOCATOR || ufi_load32(w->data + end - END64_LOCATOR) != 0x07064B50)
    return UF_OK;
  uint64_t at = ufi_load64(w->data + end - END64_LOCATOR + 8);
  uint64_t limit = w->offset + end - END64_LOCATOR;
  bool good = inside(at, END64_RECORD, limit);
  if (good) UFI_TRY(ufi_file_read(file, at, sizeof record, record, error));
  if (!good || ufi_load32(record) != 0x06064B50)
    return damaged(ufi_file_path(file), limit, error, "the offset of a ZIP64 end record",
                   "none there");
  dir->count = ufi_load64(record + 32);
  dir->size = ufi_load64(record + 40);
  dir->offset = ufi_load64(record + 48);
  return UF_OK;
}

/* An archive that was made by itself and then appended to something counts from its own beginning. */
static uf_status find_beginning(ufi_file *file, uint64_t end, directory *dir, uf_error *error) {
  unsigned char mark[4];
  if (dir->count == 0 || !inside(dir->offset, dir->size, end) || dir->size < CENTRAL_HEADER) return UF_OK;
  UFI_TRY(ufi_file_read(file, dir->offset, sizeof mark, mark, error));
  uint64_t at = end - dir->size;
  if (ufi_load32(mark) == 0x02014B50 || at == dir->offset) return UF_OK;
  UFI_TRY(ufi_file_read(file, at, sizeof mark, mark, error));
  if (ufi_load32(mark) != 0x02014B50) return UF_OK;
  dir->before = at - dir->offset;
  dir->offset = at;
  return UF_OK;
}

static uf_status parse_end(ufi_file *file, const window *w, directory *dir, uf_error *error) {
  uint64_t end;
  const char *path = ufi_file_path(file);
  if (!find_end(w, &end))
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "%s: expected a ZIP archive (.npz), found no end record; "
                    "check that this is the right file, and whole", path);
  const unsigned char *p = w->data + end;
  *dir = (directory){ufi_load16(p + 10), ufi_load32(p + 16), ufi_load32(p + 12)};
  UFI_TRY(read_end64(file, w, end, dir, error));
  UFI_TRY(find_beginning(file, w->offset + end, dir, error));
  if (!inside(dir->offset, dir->size, w->offset + end))
    return damaged(path, w->offset + end, error, "a directory inside the file",
                   "one that leaves it");
  if (dir->count > dir->size / CENTRAL_HEADER)
    return damaged(path, w->offset + end, error, "a directory of that many members",
                   "a smaller one");
  return UF_OK;
}

static uf_status find_directory(ufi_file *file, directory *dir, uf_error *error) {
  uint64_t all = ufi_file_size(file);
  uint64_t size = UFI_MIN(all, (uint64_t)COMMENT_MAX + END_RECORD + END64_LOCATOR);
  uf_buf *tail = NULL;
  UFI_TRY(ufi_file_view(file, all - size, size, &tail, error));
  window w = {uf_buf_data(tail), all - size, size};
  uf_status status = parse_end(file, &w, dir, error);
  uf_buf_release(tail);
  return status;
}

/* ---- entries ---------------------------------------------------------------------- */

/* Takes from the ZIP64 extra field the numbers that the header left at all ones,
 * which are there in this order. False: they are not. */
static bool apply_zip64(const unsigned char *extra, size_t size, ufi_zip_entry *e) {
  uint64_t *wanted[3];
  size_t n = 0;
  if (e->size == UINT32_MAX) wanted[n++] = &e->size;
  if (e->packed_size == UINT32_MAX) wanted[n++] = &e->packed_size;
  if (e->header_offset == UINT32_MAX) wanted[n++] = &e->header_offset;
  if (n == 0) return true;
  while (size >= 4) {
    size_t id = ufi_load16(extra), length = ufi_load16(extra + 2);
    extra += 4;
    size -= 4;
    if (length > size) return false;
    if (id == EXTRA_ZIP64 && length < n * 8) return false;
    if (id == EXTRA_ZIP64) {
      for (size_t i = 0; i < n; i++) *wanted[i] = ufi_load64(extra + 8 * i);
      return true;
    }
    extra += length;
    size -= length;
  }
  return true; /* a size of exactly 2^32 - 1 */
}

/* Checks the local header, of which w has at least what the file has, against e and finds
 * where the packed bytes begin. Nothing may reach beyond limit. */
static uf_status check_local(const window *w, uint64_t limit, const char *path,
                             const ufi_zip_entry *e, uint64_t *offset_out, uf_error *error) {
  uint64_t at = e->header_offset;
  const unsigned char *p = w->data;
  if (!inside(at, LOCAL_HEADER, limit) || w->size < LOCAL_HEADER || ufi_load32(p) != 0x04034B50)
    return damaged(path, at, error, "a member's header", "none there");
  uint64_t name_size = ufi_load16(p + 26), extra_size = ufi_load16(p + 28);
  if (!inside(at + LOCAL_HEADER, name_size + extra_size, limit) || name_size != e->name_size ||
      w->size < LOCAL_HEADER + name_size ||
      memcmp(p + LOCAL_HEADER, e->name, e->name_size) != 0)
    return damaged(path, at, error, "the name that the directory gives", "another");
  *offset_out = at + LOCAL_HEADER + name_size + extra_size;
  if (!inside(*offset_out, e->packed_size, limit))
    return damaged(path, at, error, "a member inside the file", "one that leaves it");
  return UF_OK;
}

/* A mapped file's headers are checked at once. */
static uf_status read_local(const ufi_zip *zip, const directory *dir, ufi_zip_entry *e,
                            uf_error *error) {
  uf_buf *mapping = ufi_file_mapping(zip->file);
  if (!inside(e->header_offset, LOCAL_HEADER + e->name_size, dir->offset) ||
      !inside(e->header_offset + LOCAL_HEADER + e->name_size, e->packed_size, dir->offset))
    return damaged(ufi_file_path(zip->file), e->header_offset, error,
                   "a member's header before the directory", "none there");
  if (!mapping) return UF_OK;
  window w = {(const unsigned char *)uf_buf_data(mapping) + e->header_offset, e->header_offset,
              dir->offset - e->header_offset};
  return check_local(&w, dir->offset, ufi_file_path(zip->file), e, &e->data_offset, error);
}

static uf_status check_sizes(const char *path, uint64_t at, const ufi_zip_entry *e,
                             uf_error *error) {
  if (e->name_size == 0 || memchr(e->name, 0, e->name_size))
    return damaged(path, at, error, "a member's name", "none, or one with a NUL");
  if (e->method == METHOD_STORED && e->size != e->packed_size)
    return damaged(path, at, error, "equal sizes of a stored member", "two");
  if (e->size > 64 && e->size / DEFLATE_RATIO_MAX > e->packed_size)
    return damaged(path, at, error, "a size that can be unpacked from the packed bytes",
                   "a larger one");
  return UF_OK;
}

/* Reads the entry at *at_io of the directory and moves on to the next. */
static uf_status read_entry(const ufi_zip *zip, const directory *dir, uint64_t *at_io,
                            ufi_zip_entry *e, uf_error *error) {
  uint64_t at = *at_io, offset = dir->offset + at;
  const char *path = ufi_file_path(zip->file);
  const unsigned char *p = (const unsigned char *)uf_buf_data(zip->directory) + at;
  if (!inside(at, CENTRAL_HEADER, dir->size) || ufi_load32(p) != 0x02014B50)
    return damaged(path, offset, error, "an entry of the directory", "none there");
  size_t name_size = ufi_load16(p + 28), extra_size = ufi_load16(p + 30);
  size_t variable = name_size + extra_size + ufi_load16(p + 32);
  if (!inside(at + CENTRAL_HEADER, variable, dir->size))
    return damaged(path, offset, error, "an entry inside the directory", "one that leaves it");
  *e = (ufi_zip_entry){
    .name = (const char *)p + CENTRAL_HEADER, .name_size = name_size,
    .size = ufi_load32(p + 24), .packed_size = ufi_load32(p + 20),
    .header_offset = ufi_load32(p + 42), .crc = ufi_load32(p + 16),
    .method = ufi_load16(p + 10), .flags = ufi_load16(p + 8)};
  if (!apply_zip64(p + CENTRAL_HEADER + name_size, extra_size, e))
    return damaged(path, offset, error, "64-bit sizes in an extra field", "a shorter one");
  if (__builtin_add_overflow(e->header_offset, dir->before, &e->header_offset))
    return damaged(path, offset, error, "a member inside the file", "one that leaves it");
  UFI_TRY(check_sizes(path, offset, e, error));
  UFI_TRY(read_local(zip, dir, e, error));
  *at_io = at + CENTRAL_HEADER + variable;
  return UF_OK;
}

/* Where a member ends, at the earliest when its own header was not read yet. */
static uint64_t end_of(const ufi_zip_entry *e) {
  uint64_t begin = e->data_offset ? e->data_offset : e->header_offset + LOCAL_HEADER + e->name_size;
  return begin + e->packed_size;
}

static int by_offset(const void *a, const void *b) {
  const ufi_zip_entry *x = *(ufi_zip_entry *const *)a, *y = *(ufi_zip_entry *const *)b;
  return (x->header_offset > y->header_offset) - (x->header_offset < y->header_offset);
}

static int compare_names(const ufi_zip_entry *x, const char *name, size_t size) {
  int order = memcmp(x->name, name, UFI_MIN(x->name_size, size));
  return order ? order : (x->name_size > size) - (x->name_size < size);
}

static int by_name(const void *a, const void *b) {
  const ufi_zip_entry *x = *(ufi_zip_entry *const *)a, *y = *(ufi_zip_entry *const *)b;
  return compare_names(x, y->name, y->name_size);
}

static uf_status check_apart(const ufi_zip *zip, const char *path, uf_error *error) {
  size_t bytes = zip->count * sizeof(ufi_zip_entry *);
  const ufi_zip_entry **sorted = ufi_malloc(bytes);
  if (!sorted) return ufi_no_memory(error, bytes);
  for (size_t i = 0; i < zip->count; i++) sorted[i] = &zip->entries[i];
  uf_status status = UF_OK;
  qsort(sorted, zip->count, sizeof *sorted, by_offset);
  for (size_t i = 1; i < zip->count && status == UF_OK; i++) {
    const ufi_zip_entry *before = sorted[i - 1];
    if (sorted[i]->header_offset < end_of(before))
      status = damaged(path, sorted[i]->header_offset, error, "members that follow each other",
                       "two that overlap");
  }
  qsort(sorted, zip->count, sizeof *sorted, by_name);
  for (size_t i = 1; i < zip->count && status == UF_OK; i++)
    if (by_name(&sorted[i - 1], &sorted[i]) == 0)
      status = damaged(path, sorted[i]->header_offset, error, "every name once", "one twice");
  ufi_free(sorted);
  return status;
}

static uf_status read_entries(ufi_zip *zip, uf_error *error) {
  directory dir = {0};
  UFI_TRY(find_directory(zip->file, &dir, error));
  UFI_TRY(ufi_file_view(zip->file, dir.offset, dir.size, &zip->directory, error));
  size_t bytes;
  if (!ufi_mul_size((size_t)dir.count, sizeof *zip->entries, &bytes))
    return ufi_no_memory(error, SIZE_MAX);
  zip->entries = ufi_malloc(bytes);
  if (!zip->entries) return ufi_no_memory(error, bytes);
  uint64_t at = 0;
  for (; zip->count < dir.count; zip->count++)
    UFI_TRY(read_entry(zip, &dir, &at, &zip->entries[zip->count], error));
  return check_apart(zip, ufi_file_path(zip->file), error);
}

uf_status ufi_zip_open_file(ufi_file *file, ufi_zip *zip_out, uf_error *error) {
  ufi_zip zip = {.file = ufi_file_retain(file)};
  uf_status status = read_entries(&zip, error);
  if (status == UF_OK) *zip_out = zip;
  else ufi_zip_close(&zip);
  return status;
}

uf_status ufi_zip_open(uf_buf *buf, const char *path, ufi_zip *zip_out, uf_error *error) {
  ufi_file *file = NULL;
  UFI_TRY(ufi_file_of_buf(buf, path, &file, error));
  uf_status status = ufi_zip_open_file(file, zip_out, error);
  ufi_file_release(file);
  return status;
}

void ufi_zip_close(ufi_zip *zip) {
  ufi_free(zip->entries);
  uf_buf_release(zip->directory);
  ufi_file_release(zip->file);
  *zip = (ufi_zip){0};
}

const ufi_zip_entry *ufi_zip_find(const ufi_zip *zip, const char *name, size_t name_size) {
  for (size_t i = 0; i < zip->count; i++)
    if (compare_names(&zip->entries[i], name, name_size) == 0) return &zip->entries[i];
  return NULL;
}

/* ---- members ------------------------------------------------------------------------ */

uf_status ufi_zip_locate(const ufi_zip *zip, const ufi_zip_entry *e, size_t ahead,
                         uint64_t *offset_out, uf_buf **ahead_out, uf_error *error) {
  enum { EXTRA_USUAL = 128 }; /* fetched with the header; more costs a second request */
  uint64_t size = UFI_MIN(ahead, e->packed_size), offset = e->data_offset;
  if (offset == 0) {
    uf_buf *head = NULL;
    uint64_t file_size = ufi_file_size(zip->file), all = 0;
    if (inside(e->header_offset, 0, file_size))
      all = UFI_MIN(file_size - e->header_offset,
                    (uint64_t)LOCAL_HEADER + e->name_size + EXTRA_USUAL + size);
    UFI_TRY(ufi_file_view(zip->file, e->header_offset, all, &head, error));
    window w = {uf_buf_data(head), e->header_offset, all};
    uf_status status = check_local(&w, file_size, ufi_file_path(zip->file), e, &offset, error);
    uint64_t skip = offset - e->header_offset;
    if (status == UF_OK && inside(skip, size, all)) {
      *ahead_out = ufi_buf_slice(head, (char *)uf_buf_data(head) + skip, (size_t)size);
      if (!*ahead_out) status = ufi_no_memory(error, 64);
    } else if (status == UF_OK) {
      status = ufi_file_view(zip->file, offset, size, ahead_out, error);
    }
    uf_buf_release(head);
    UFI_TRY(status);
  } else {
    UFI_TRY(ufi_file_view(zip->file, offset, size, ahead_out, error));
  }
  *offset_out = offset;
  return UF_OK;
}

static uf_status inflate(const uf_buf *packed, const ufi_zip_entry *e, uf_buf **buf_out,
                         uf_error *error) {
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
  uf_buf *buf = uf_buf_create((size_t)e->size);
  uf_status status = UF_OK;
  if (!d || !buf) {
    status = ufi_no_memory(error, (size_t)e->size);
  } else if (libdeflate_deflate_decompress(d, uf_buf_data(packed), (size_t)e->packed_size,
                                           uf_buf_data(buf), (size_t)e->size,
                                           NULL) != LIBDEFLATE_SUCCESS) {
    status = ufi_fail(error, UF_DATA_LOSS,
                      "expected compressed bytes that unpack to %llu, found damaged ones; "
                      "get the file again", (unsigned long long)e->size);
  }
  libdeflate_free_decompressor(d);
  if (status == UF_OK) *buf_out = buf;
  else uf_buf_release(buf);
  return status;
}

/* A decompressor that runs out of room or of input has written all that came before. */
size_t ufi_zip_peek(const ufi_zip_entry *e, const uf_buf *ahead, void *out, size_t size) {
  enum { LONGEST_COPY = 258 }; /* what may be missing where the room ends */
  size_t all = (size_t)UFI_MIN(e->size, (uint64_t)size), n = 0;
  if (e->flags & FLAG_ENCRYPTED) return 0;
  if (e->method == METHOD_STORED) {
    n = UFI_MIN(all, uf_buf_size(ahead));
    if (n) memcpy(out, uf_buf_data(ahead), n);
    return n;
  }
  struct libdeflate_decompressor *d =
    e->method == METHOD_DEFLATED ? libdeflate_alloc_decompressor() : NULL;
  if (!d) return 0;
  memset(out, 0, size);
  switch (libdeflate_deflate_decompress(d, uf_buf_data(ahead), uf_buf_size(ahead), out, all, &n)) {
    case LIBDEFLATE_SUCCESS: break;
    case LIBDEFLATE_INSUFFICIENT_SPACE: n = all > LONGEST_COPY ? all - LONGEST_COPY : 0; break;
    default: n = 0;
  }
  libdeflate_free_decompressor(d);
  return n;
}

static uf_status check_method(const ufi_zip_entry *e, uf_error *error) {
  if (e->flags & FLAG_ENCRYPTED)
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected a plain member, found an encrypted one; decrypt the file first");
  if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected a stored or deflated member, found compression method %d; "
                    "write the file with numpy.savez", e->method);
  return UF_OK;
}

uf_status ufi_zip_read(const ufi_zip *zip, const ufi_zip_entry *e, uf_buf **buf_out,
                       uf_error *error) {
  UFI_TRY(check_method(e, error));
  uf_buf *packed = NULL, *buf = NULL;
  uint64_t offset;
  UFI_TRY(ufi_zip_locate(zip, e, (size_t)e->packed_size, &offset, &packed, error));
  uf_status status = UF_OK;
  if (e->method == METHOD_STORED) buf = uf_buf_retain(packed);
  else status = inflate(packed, e, &buf, error);
  uf_buf_release(packed);
  UFI_TRY(status);
  uint32_t crc = e->size ? libdeflate_crc32(0, uf_buf_data(buf), (size_t)e->size) : 0;
  if (crc != e->crc) {
    uf_buf_release(buf);
    return ufi_fail(error, UF_DATA_LOSS,
                    "expected bytes with checksum %08x, found %08x; get the file again",
                    (unsigned)e->crc, (unsigned)crc);
  }
  *buf_out = buf;
  return UF_OK;
}
