/* SPDX-License-Identifier: Apache-2.0
 *
 * sstable.h: sorted tables of keys and values, the format of checkpoint indices
 * (LevelDB's table format as TensorFlow keeps it).
 *
 *   data blocks, a meta index block, an index block, footer of 48 bytes
 *   block:   entries (shared, unshared, value size as varints; key tail; value), restart
 *            offsets as uint32, their number; then 1 byte compression and masked CRC-32C
 *   index:   a block whose keys are >= all keys of a data block, values (offset, size)
 *   footer:  two block handles, padding, magic 0xdb4775248b80fb57
 */
#ifndef UFI_SSTABLE_H
#define UFI_SSTABLE_H

#include "base/file.h"
#include "format/protobuf.h"

typedef struct ufi_sstable ufi_sstable;

/* True when the last bytes are a table's. */
bool ufi_sstable_is(ufi_file *file);
/* Reads footer and index block. INVALID_ARGUMENT: no table; DATA_LOSS: damaged. Retains the
 * file. Look-ups keep the block they were in, so one thread at a time. */
uf_status ufi_sstable_open(ufi_file *file, ufi_sstable **table_out, uf_error *error) UF_MUST_USE;
void ufi_sstable_close(ufi_sstable *table); /* NULL is fine */

/* Called for each pair; the bytes are valid during the call only. Not UF_OK stops the
 * walk. */
typedef uf_status (*ufi_sstable_fn)(void *context, ufi_bytes key, ufi_bytes value, uf_error *error);
/* All pairs in order of key. Every block is checked against its CRC; DATA_LOSS names file
 * and offset, and pairs of blocks before the damaged one were given. */
uf_status ufi_sstable_walk(ufi_sstable *table, ufi_sstable_fn fn, void *context, uf_error *error);
/* Calls fn for the pair of that key, in one block read. NOT_FOUND (without a message). */
uf_status ufi_sstable_find(ufi_sstable *table, ufi_bytes key, ufi_sstable_fn fn, void *context,
                           uf_error *error);

/* ---- writing (sstable_write.c) ---- */

typedef struct ufi_sstable_writer ufi_sstable_writer;
struct ufi_outfile;
/* Appends to an outfile that stays the caller's. */
ufi_sstable_writer *ufi_sstable_writer_create(struct ufi_outfile *file);
/* Keys strictly ascending. */
uf_status ufi_sstable_writer_add(ufi_sstable_writer *writer, ufi_bytes key, ufi_bytes value,
                                 uf_error *error);
uf_status ufi_sstable_writer_finish(ufi_sstable_writer *writer, uf_error *error); /* frees it */
void ufi_sstable_writer_abandon(ufi_sstable_writer *writer); /* NULL is fine */

#endif
