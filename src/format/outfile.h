/* SPDX-License-Identifier: Apache-2.0
 *
 * outfile.h: a file that appears under its name whole or not at all.
 */
#ifndef UFI_OUTFILE_H
#define UFI_OUTFILE_H

#include "base/threads.h"

typedef struct ufi_outfile ufi_outfile;

/* Makes a temporary file in the folder of path. NOT_FOUND: no such folder;
 * INVALID_ARGUMENT: path is a folder or a device. The caller commits or abandons
 * the file, either of which frees it. durable: commit waits for the disk also
 * when no older file is replaced. */
uf_status ufi_outfile_create(const char *path, bool durable, ufi_outfile **file_out,
                             uf_error *error) UF_MUST_USE;
/* A file of a folder that nobody knows yet: it has its name at once, and is removed by
 * abandon. The disk is not waited for. */
uf_status ufi_outfile_create_inside(const char *path, ufi_outfile **file_out,
                                    uf_error *error) UF_MUST_USE;
/* Appends. After a failure only abandon makes sense. */
uf_status ufi_outfile_write(ufi_outfile *file, const void *data, size_t size, uf_error *error);
uint64_t ufi_outfile_size(const ufi_outfile *file); /* bytes written so far */
/* Bytes at offset in place of those written there, or beyond the end (which does not change
 * where write goes on). */
uf_status ufi_outfile_write_at(ufi_outfile *file, uint64_t offset, const void *data, size_t size,
                               uf_error *error);

/* How a long array of bytes is written: in chunks, so that all that is done to a chunk finds it
 * in the processor's cache. */
typedef struct ufi_flow {
  bool (*step)(void *context, uint64_t bytes); /* as chunks are written, on the caller's thread;
                                             false: CANCELLED. NULL: none */
  void *context;
  uint32_t *crc32c; /* NULL, or the CRC-32C of the bytes before, brought up to date */
  ufi_pool *pool;   /* writes parts of what is long at once; NULL: one after the other */
  void (*behind)(void *context); /* on any of its threads while parts are written; NULL: none */
} ufi_flow;
enum { UFI_FLOW_CHUNK = 256 << 10 };
/* What a flow asks for (NULL: nothing) after a chunk was written. */
uf_status ufi_flow_step(const ufi_flow *flow, const void *data, size_t size, uf_error *error);
/* Appends in chunks. crc32: as ufi_flow.crc32c, of ZIP's CRC-32. */
uf_status ufi_outfile_stream(ufi_outfile *file, const void *data, size_t size, uint32_t *crc32,
                             const ufi_flow *flow, uf_error *error);
/* The same as write_at. */
uf_status ufi_outfile_stream_at(ufi_outfile *file, uint64_t offset, const void *data, size_t size,
                                const ufi_flow *flow, uf_error *error);
/* Brings all bytes to where commit has only to rename: for files that belong together, so that
 * a full disk shows before the first of them has its name. */
uf_status ufi_outfile_prepare(ufi_outfile *file, uf_error *error);
/* Puts the file under its name; on failure it is gone. Frees it either way. */
uf_status ufi_outfile_commit(ufi_outfile *file, uf_error *error);
void ufi_outfile_abandon(ufi_outfile *file); /* NULL is fine */

#endif
