/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_write.c: writes ZIP archives.
 *
 * An archive is a sequence of members, each a local header, the name, extra
 * fields and the packed bytes; then the directory, which repeats the headers
 * with their offsets; then the end record, which says where the directory is.
 * All numbers are little-endian. A size, offset or count that does not fit its
 * field is written as all ones and given again in 64 bits: in an extra field
 * with id 1 for members, in an end record of its own for the archive.
 *
 * Stored bytes begin at a multiple of 64 in the file, so that a program may map
 * the archive and use an array in place. The gap is an extra field with the id
 * that Android's zipalign uses for the same purpose.
 *
 * A header holds the checksum of bytes that come behind it. Those of large stored members
 * are read only once, while they are written; the checksum is put into the header after that.
 *
 * Times are always 1980-01-01, so that equal content gives equal files.
 */
#include <libdeflate.h>

#include "format/zip.h"

enum {
  ALIGNMENT = 64,
  LOCAL_HEADER = 30, CENTRAL_HEADER = 46,
  METHOD_STORED = 0, METHOD_DEFLATED = 8,
  FLAG_UTF8 = 1 << 11,
  EXTRA_ZIP64 = 1, EXTRA_ALIGN = 0xD935,
  DOS_DATE = 1 << 5 | 1, /* 1980-01-01 */
  NAME_MAX_BYTES = 65535,
  CRC_AT = 14, /* in a local header */
};

struct ufi_zip_writer {
  ufi_outfile *file;
  int level;
  ufi_arena *arena; /* of names */
  ufi_names *names;
  ufi_zip_entry *entries;
  size_t count, capacity;
  bool broken; /* a member is there in part */
};

/* ---- headers ------------------------------------------------------------------ */

static unsigned char *put16(unsigned char *p, uint64_t v) {
  p[0] = (unsigned char)v;
  p[1] = (unsigned char)(v >> 8);
  return p + 2;
}
static unsigned char *put32(unsigned char *p, uint64_t v) { return put16(put16(p, v), v >> 16); }
static unsigned char *put64(unsigned char *p, uint64_t v) { return put32(put32(p, v), v >> 32); }

static unsigned char *put_capped(unsigned char *p, uint64_t v) {
  return put32(p, UFI_MIN(v, UINT32_MAX));
}

/* Both headers have this in the middle: flags to unpacked size. */
static unsigned char *put_common(unsigned char *p, const ufi_zip_entry *e, bool zip64) {
  p = put16(p, zip64 ? 45 : 20); /* version needed to extract */
  p = put16(p, e->flags);
  p = put16(p, e->method);
  p = put16(p, 0);
  p = put16(p, DOS_DATE);
  p = put32(p, e->crc);
  p = put_capped(p, zip64 ? UINT32_MAX : e->packed_size);
  return put_capped(p, zip64 ? UINT32_MAX : e->size);
}

static bool needs_zip64(const ufi_zip_entry *e) {
  return e->size >= UINT32_MAX || e->packed_size >= UINT32_MAX;
}

size_t ufi_zip_local_header(const ufi_zip_entry *e, unsigned char out[UFI_ZIP_HEADER_MAX],
                            size_t *extra_size_out) {
  bool zip64 = needs_zip64(e);
  size_t extra = zip64 ? 20 : 0, padding = 0;
  if (e->method == METHOD_STORED) { /* the padding field takes at least 6 bytes */
    uint64_t begin = e->header_offset + LOCAL_HEADER + e->name_size + extra + 6;
    padding = 6 + (size_t)(-begin % ALIGNMENT);
  }
  unsigned char *p = put32(out, 0x04034B50);
  p = put_common(p, e, zip64);
  p = put16(p, e->name_size);
  p = put16(p, extra + padding);
  if (zip64) {
    p = put32(p, EXTRA_ZIP64 | 16 << 16);
    p = put64(p, e->size);
    p = put64(p, e->packed_size);
  }
  if (padding) {
    p = put32(p, EXTRA_ALIGN | (uint64_t)(padding - 4) << 16);
    p = put16(p, ALIGNMENT);
    memset(p, 0, padding - 6);
  }
  *extra_size_out = extra + padding;
  return LOCAL_HEADER;
}

size_t ufi_zip_central_header(const ufi_zip_entry *e, unsigned char out[UFI_ZIP_HEADER_MAX],
                              size_t *extra_size_out) {
  bool zip64 = needs_zip64(e), far = e->header_offset >= UINT32_MAX;
  size_t extra = (zip64 ? 16u : 0u) + (far ? 8u : 0u);
  if (extra) extra += 4;
  unsigned char *p = put32(out, 0x02014B50);
  p = put16(p, 3 << 8 | 45); /* made by: Unix, so that the permissions below count */
  p = put_common(p, e, zip64);
  p = put16(p, e->name_size);
  p = put16(p, extra);
  p = put16(p, 0);                       /* comment */
  p = put16(p, 0);                       /* disk */
  p = put16(p, 0);                       /* internal attributes */
  p = put32(p, (uint64_t)0100644 << 16); /* a regular file, rw-r--r-- */
  p = put_capped(p, e->header_offset);
  if (extra) p = put32(p, EXTRA_ZIP64 | (uint64_t)(extra - 4) << 16);
  if (zip64) p = put64(put64(p, e->size), e->packed_size);
  if (far) p = put64(p, e->header_offset);
  *extra_size_out = extra;
  return CENTRAL_HEADER;
}

size_t ufi_zip_end(uint64_t n, uint64_t begin, uint64_t end,
                   unsigned char out[UFI_ZIP_HEADER_MAX]) {
  unsigned char *p = out;
  uint64_t size = end - begin;
  if (n >= UINT16_MAX || size >= UINT32_MAX || begin >= UINT32_MAX) {
    p = put32(p, 0x06064B50);
    p = put64(p, 44); /* bytes of this record that follow */
    p = put16(p, 3 << 8 | 45);
    p = put16(p, 45);
    p = put64(p, 0); /* disks */
    p = put64(put64(p, n), n);
    p = put64(put64(p, size), begin);
    p = put32(p, 0x07064B50); /* and where it is */
    p = put32(p, 0);
    p = put64(p, end);
    p = put32(p, 1);
  }
  p = put32(p, 0x06054B50);
  p = put32(p, 0); /* disks */
  p = put16(put16(p, UFI_MIN(n, UINT16_MAX)), UFI_MIN(n, UINT16_MAX));
  p = put_capped(put_capped(p, size), begin);
  p = put16(p, 0); /* comment */
  return (size_t)(p - out);
}

/* ---- names ---------------------------------------------------------------------- */

/* Flag for a name that is UTF-8 beyond ASCII. Invalid UTF-8 gets no flag: a
 * reader then takes each byte for a character, where it would refuse the whole
 * archive otherwise. */
static uint16_t name_flags(const char *name, size_t size) {
  const unsigned char *s = (const unsigned char *)name, *end = s + size;
  bool ascii = true;
  while (s < end) {
    if (*s < 0x80) { s++; continue; }
    int more = *s >= 0xC2 && *s < 0xE0 ? 1 : *s >= 0xE0 && *s < 0xF0 ? 2
               : *s >= 0xF0 && *s < 0xF5 ? 3 : 0;
    if (more == 0 || end - s <= more) return 0;
    bool low = (*s == 0xE0 && s[1] < 0xA0) || (*s == 0xF0 && s[1] < 0x90);     /* overlong */
    bool high = (*s == 0xED && s[1] >= 0xA0) || (*s == 0xF4 && s[1] >= 0x90);  /* no characters */
    if (low || high) return 0;
    for (int i = 1; i <= more; i++)
      if ((s[i] & 0xC0) != 0x80) return 0;
    s += more + 1;
    ascii = false;
  }
  return ascii ? 0 : FLAG_UTF8;
}

/* The next entry, with its name; it counts once its bytes are written. */
static uf_status new_entry(ufi_zip_writer *w, const char *name, ufi_zip_entry **entry_out,
                           uf_error *error) {
  size_t size = strlen(name);
  if (size > NAME_MAX_BYTES)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a name of at most %d bytes, found one of %zu, '%.60s...'; "
                    "rename it", NAME_MAX_BYTES, size, name);
  if (ufi_names_find(w->names, name) >= 0)
    return ufi_fail(error, UF_ALREADY_EXISTS,
                    "expected a new name, found '%s' a second time; rename one of them", name);
  if (w->count == w->capacity) {
    size_t capacity = w->capacity ? w->capacity * 2 : 64, bytes = capacity * sizeof *w->entries;
    ufi_zip_entry *entries = ufi_realloc(w->entries, bytes);
    if (!entries) return ufi_no_memory(error, bytes);
    w->entries = entries;
    w->capacity = capacity;
  }
  char *copy = ufi_arena_string(w->arena, name, size);
  if (!copy) return ufi_no_memory(error, size);
  w->entries[w->count] = (ufi_zip_entry){
    .name = copy, .name_size = size, .flags = name_flags(name, size),
    .header_offset = ufi_outfile_size(w->file)};
  *entry_out = &w->entries[w->count];
  return UF_OK;
}

/* ---- members --------------------------------------------------------------------- */

/* A deflate stream of head and body, in memory that the caller frees with
 * ufi_free_aligned; *packed_out NULL when it would not be smaller than they are.
 * The compressor wants its input in one piece, which would mean to copy the
 * body. So the head goes in as a stored block by hand (3 header bits, filled to
 * a byte, length, its complement), which leaves the stream at a whole byte,
 * where the compressor's own blocks go on. */
static uf_status deflate(int level, const void *head, size_t head_size, const void *body,
                         size_t body_size, unsigned char **packed_out, size_t *size_out,
                         uf_error *error) {
  *packed_out = NULL;
  size_t head_block = 5 + head_size, room = body_size > 16 ? body_size - 16 : 0;
  if (room == 0 || head_size > UINT16_MAX) return UF_OK;
  struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
  unsigned char *packed = ufi_malloc_aligned(head_block + room);
  if (!c || !packed) {
    libdeflate_free_compressor(c);
    ufi_free_aligned(packed);
    return ufi_no_memory(error, head_block + room);
  }
  packed[0] = 0;
  put16(put16(packed + 1, head_size), ~(uint64_t)head_size);
  memcpy(packed + 5, head, head_size);
  size_t n = libdeflate_deflate_compress(c, body, body_size, packed + head_block, room);
  libdeflate_free_compressor(c);
  if (n == 0) {
    ufi_free_aligned(packed);
    return UF_OK;
  }
  *packed_out = packed;
  *size_out = head_block + n;
  return UF_OK;
}

static uf_status write_header(ufi_outfile *file, const ufi_zip_entry *e, uf_error *error) {
  unsigned char header[UFI_ZIP_HEADER_MAX];
  size_t extra, fixed = ufi_zip_local_header(e, header, &extra);
  UFI_TRY(ufi_outfile_write(file, header, fixed, error));
  UFI_TRY(ufi_outfile_write(file, e->name, e->name_size, error));
  return ufi_outfile_write(file, header + fixed, extra, error);
}

static uf_status write_stored(ufi_outfile *file, ufi_zip_entry *e, const void *head,
                              size_t head_size, const void *body, size_t body_size,
                              const ufi_flow *flow, uf_error *error) {
  bool later = body_size > UFI_FLOW_CHUNK;
  /* libdeflate takes NULL as the request for the first value. */
  e->crc = head_size ? libdeflate_crc32(0, head, head_size) : 0;
  if (body_size && !later) e->crc = libdeflate_crc32(e->crc, body, body_size);
  UFI_TRY(write_header(file, e, error));
  UFI_TRY(ufi_outfile_write(file, head, head_size, error));
  UFI_TRY(ufi_outfile_stream(file, body, body_size, later ? &e->crc : NULL, flow, error));
  if (!later) return UF_OK;
  unsigned char crc[4];
  put32(crc, e->crc);
  return ufi_outfile_write_at(file, e->header_offset + CRC_AT, crc, sizeof crc, error);
}

/* The compressor takes the bytes at once, so they pass through flow before. */
static uf_status through_flow(const ufi_flow *flow, const char *body, size_t size, uf_error *error) {
  for (size_t n; size > 0; body += n, size -= n) {
    n = UFI_MIN(size, (size_t)UFI_FLOW_CHUNK);
    UFI_TRY(ufi_flow_step(flow, body, n, error));
  }
  return UF_OK;
}

static uf_status write_member(ufi_zip_writer *w, ufi_zip_entry *e, const void *head,
                              size_t head_size, const void *body, size_t body_size,
                              const ufi_flow *flow, uf_error *error) {
  unsigned char *packed = NULL;
  size_t packed_size = 0;
  if (w->level > 0)
    UFI_TRY(deflate(w->level, head, head_size, body, body_size, &packed, &packed_size, error));
  if (!packed) return write_stored(w->file, e, head, head_size, body, body_size, flow, error);
  e->method = METHOD_DEFLATED;
  e->packed_size = packed_size;
  e->crc = head_size ? libdeflate_crc32(0, head, head_size) : 0;
  if (body_size) e->crc = libdeflate_crc32(e->crc, body, body_size);
  uf_status status = through_flow(flow, body, body_size, error);
  if (status == UF_OK) status = write_header(w->file, e, error);
  if (status == UF_OK) status = ufi_outfile_write(w->file, packed, packed_size, error);
  ufi_free_aligned(packed);
  return status;
}

uf_status ufi_zip_add(ufi_zip_writer *w, const char *name, const void *head, size_t head_size,
                      const void *body, size_t body_size, const ufi_flow *flow, uf_error *error) {
  ufi_zip_entry *e = NULL;
  UFI_TRY(new_entry(w, name, &e, error));
  e->size = e->packed_size = (uint64_t)head_size + body_size;
  uf_status status = write_member(w, e, head, head_size, body, body_size, flow, error);
  w->broken |= status != UF_OK;
  if (status != UF_OK) return status;
  if (!ufi_names_add(w->names, e->name, (int32_t)(w->count & INT32_MAX)))
    return ufi_no_memory(error, sizeof *e);
  w->count++;
  return UF_OK;
}

/* ---- the archive ------------------------------------------------------------------ */

static void writer_free(ufi_zip_writer *w) {
  ufi_arena_destroy(w->arena);
  ufi_names_destroy(w->names);
  ufi_free(w->entries);
  ufi_free(w);
}

uf_status ufi_zip_create(const char *path, int level, ufi_zip_writer **writer_out,
                         uf_error *error) {
  if (level < 0 || level > 12)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a compression level from 0 to 12, found %d", level);
  ufi_zip_writer *w = ufi_calloc(1, sizeof *w);
  if (!w) return ufi_no_memory(error, sizeof *w);
  w->level = level;
  w->arena = ufi_arena_create();
  w->names = ufi_names_create(64);
  uf_status status = w->arena && w->names ? ufi_outfile_create(path, true, &w->file, error)
                                          : ufi_no_memory(error, sizeof *w);
  if (status != UF_OK) {
    writer_free(w);
    return status;
  }
  *writer_out = w;
  return UF_OK;
}

static uf_status write_directory(ufi_zip_writer *w, uf_error *error) {
  unsigned char header[UFI_ZIP_HEADER_MAX];
  uint64_t begin = ufi_outfile_size(w->file);
  for (size_t i = 0; i < w->count; i++) {
    const ufi_zip_entry *e = &w->entries[i];
    size_t extra, fixed = ufi_zip_central_header(e, header, &extra);
    UFI_TRY(ufi_outfile_write(w->file, header, fixed, error));
    UFI_TRY(ufi_outfile_write(w->file, e->name, e->name_size, error));
    UFI_TRY(ufi_outfile_write(w->file, header + fixed, extra, error));
  }
  size_t size = ufi_zip_end(w->count, begin, ufi_outfile_size(w->file), header);
  return ufi_outfile_write(w->file, header, size, error);
}

uf_status ufi_zip_finish(ufi_zip_writer *w, uf_error *error) {
  uf_status status = w->broken
    ? ufi_fail(error, UF_FAILED_PRECONDITION,
               "expected an archive whose members were all written, found one that failed; "
               "start again")
    : write_directory(w, error);
  if (status == UF_OK) status = ufi_outfile_commit(w->file, error);
  else ufi_outfile_abandon(w->file);
  writer_free(w);
  return status;
}

void ufi_zip_abandon(ufi_zip_writer *w) {
  if (!w) return;
  ufi_outfile_abandon(w->file);
  writer_free(w);
}
