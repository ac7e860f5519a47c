/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle.h: the entries of a V2 checkpoint, shared by bundle.c and bundle_entry.c.
 */
#ifndef UFI_BUNDLE_H
#define UFI_BUNDLE_H

#include "format/protobuf.h"
#include "source/source.h"

typedef struct ufi_bundle_entry ufi_bundle_entry;

/* One slice that a tensor is saved in; whole dimensions have length -1 in the file. */
typedef struct ufi_piece {
  int64_t start[UF_MAX_RANK], length[UF_MAX_RANK]; /* as the key has them */
  uf_region region;                                /* the same in numbers */
  ufi_bundle_entry *found;                         /* where it is; NULL: not looked up yet */
} ufi_piece;

struct ufi_bundle_entry {
  uf_entry e;
  int32_t shard;
  uint32_t crc;       /* unmasked */
  bool has_crc;
  bool swapped;       /* big-endian in the file */
  uf_status bad;      /* not UF_OK: why it cannot be read, with */
  const char *why;    /* these words */
  ufi_piece *pieces;  /* e.n_pieces of them when saved in slices; else NULL */
};

/* A BundleEntryProto in source's arena. Fails when out of memory only: a damaged proto gives
 * an entry that is bad. name lies in the arena. n_shards bounds the shard. */
uf_status ufi_bundle_entry_parse(uf_source *source, const char *name, ufi_bytes proto,
                                 int32_t n_shards, ufi_bundle_entry **entry_out, uf_error *error);
/* That the pieces fill the tensor and none overlaps another. DATA_LOSS. */
uf_status ufi_pieces_check(const char *path, const ufi_bundle_entry *entry, uf_error *error);

#endif
