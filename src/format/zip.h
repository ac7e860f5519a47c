/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.h: ZIP archives, as far as .npz needs them.
 */
#ifndef UFI_ZIP_H
#define UFI_ZIP_H

#include "base/file.h"
#include "format/outfile.h"

/* ---- writing (zip_write.c) -------------------------------------------------- */

typedef struct ufi_zip_writer ufi_zip_writer;

/* level 0 stores, 1 to 12 compress. */
uf_status ufi_zip_create(const char *path, int level, ufi_zip_writer **writer_out,
                         uf_error *error) UF_MUST_USE;
/* Adds a member that is head followed by body, which passes through flow (NULL: none). A stored
 * member begins at a multiple of 64 in the file. ALREADY_EXISTS for a name used before. After a
 * failure to write, finish fails too. */
uf_status ufi_zip_add(ufi_zip_writer *writer, const char *name, const void *head, size_t head_size,
                      const void *body, size_t body_size, const ufi_flow *flow, uf_error *error);
uf_status ufi_zip_finish(ufi_zip_writer *writer, uf_error *error); /* frees the writer */
void ufi_zip_abandon(ufi_zip_writer *writer);                      /* NULL is fine */

/* What the headers say of one member. */
typedef struct ufi_zip_entry {
  const char *name;        /* in the mapping or the writer's arena; not NUL-terminated in a mapping */
  size_t name_size;
  uint64_t size;           /* unpacked */
  uint64_t packed_size;
  uint64_t header_offset;  /* of the local header */
  uint64_t data_offset;    /* of the packed bytes; 0: not looked up yet (ufi_zip_locate) */
  uint32_t crc;            /* of the unpacked bytes */
  uint16_t method;         /* 0: stored, 8: deflated */
  uint16_t flags;
} ufi_zip_entry;

enum { UFI_ZIP_HEADER_MAX = 256 }; /* without the name */

/* The headers as bytes, apart from the writer so that tests can look at
 * sizes no disk has room for. Each returns the number of bytes before (local,
 * central) the name; *extra_size_out are those that follow it, behind them in out. */
size_t ufi_zip_local_header(const ufi_zip_entry *entry, unsigned char out[UFI_ZIP_HEADER_MAX],
                            size_t *extra_size_out);
size_t ufi_zip_central_header(const ufi_zip_entry *entry, unsigned char out[UFI_ZIP_HEADER_MAX],
                              size_t *extra_size_out);
/* The end of the archive: n members whose central headers lie at [begin, end). */
size_t ufi_zip_end(uint64_t n, uint64_t begin, uint64_t end, unsigned char out[UFI_ZIP_HEADER_MAX]);

/* ---- reading (zip_read.c) --------------------------------------------------- */

typedef struct ufi_zip {
  ufi_file *file;
  uf_buf *directory;       /* its bytes, in which the names lie */
  ufi_zip_entry *entries;  /* in the order of the directory */
  size_t count;
} ufi_zip;

/* Reads and checks the directory of the archive in file, which is retained. Of a file
 * that is read by ranges only its end is read, and members' own headers are looked at
 * when they are located. The caller closes it; entries' names live as long. */
uf_status ufi_zip_open_file(ufi_file *file, ufi_zip *zip_out, uf_error *error) UF_MUST_USE;
/* The same for bytes in memory; `path` is for messages. */
uf_status ufi_zip_open(uf_buf *file, const char *path, ufi_zip *zip_out,
                       uf_error *error) UF_MUST_USE;
void ufi_zip_close(ufi_zip *zip);
const ufi_zip_entry *ufi_zip_find(const ufi_zip *zip, const char *name, size_t name_size);
/* Where a member's packed bytes begin, and the first `ahead` of them (as many as there
 * are; the caller releases them). */
uf_status ufi_zip_locate(const ufi_zip *zip, const ufi_zip_entry *entry, size_t ahead,
                         uint64_t *offset_out, uf_buf **ahead_out, uf_error *error) UF_MUST_USE;
/* The unpacked bytes of a member, checked against its CRC: a slice of the file
 * when stored, else a buf of its own. */
uf_status ufi_zip_read(const ufi_zip *zip, const ufi_zip_entry *entry, uf_buf **buf_out,
                       uf_error *error) UF_MUST_USE;
/* The first bytes of a member into out, unpacked from the first bytes of its packed ones
 * (all of them or a few KiB); how many came out. 0: it is not readable so. */
size_t ufi_zip_peek(const ufi_zip_entry *entry, const uf_buf *ahead, void *out, size_t size);

#endif
