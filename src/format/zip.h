/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.h: ZIP archives, as far as .npz needs them.
 */
#ifndef UFI_ZIP_H
#define UFI_ZIP_H

#include "base/base.h"
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
  uint64_t data_offset;    /* of the packed bytes */
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
  uf_buf *file;
  const unsigned char *data;
  size_t size;
  ufi_zip_entry *entries;  /* in the order of the directory */
  size_t count;
} ufi_zip;

/* Reads and checks the directory of the archive in file, which is retained.
 * `path` is for messages. The caller closes it; entries' names live in file. */
uf_status ufi_zip_open(uf_buf *file, const char *path, ufi_zip *zip_out,
                       uf_error *error) UF_MUST_USE;
void ufi_zip_close(ufi_zip *zip);
const ufi_zip_entry *ufi_zip_find(const ufi_zip *zip, const char *name, size_t name_size);
/* The unpacked bytes of a member, checked against its CRC: a slice of the file
 * when stored, else a buf of its own. */
uf_status ufi_zip_read(const ufi_zip *zip, const ufi_zip_entry *entry, uf_buf **buf_out,
                       uf_error *error) UF_MUST_USE;

#endif
