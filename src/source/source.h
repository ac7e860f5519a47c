/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h: front door of src/source/: named arrays of any file behind one interface.
 *
 *   source.c         the section "source" of unflow.h: open, find, list, read
 *   path.c           what a user's path means: prefix, .index, folder, ...
 *   bundle.c         TensorFlow checkpoints, V2        bundle_write.c  writes them
 *   tensor_slices.c  TensorFlow checkpoints, V1           slices_write.c  writes them
 *   saver.c          what the nodes of a graph's saver ask for
 *   graphdef.c       constants of GraphDef, MetaGraph, SavedModel; graphdef_node.c their nodes,
 *                    graphdef_remote.c their bytes from elsewhere
 *   saved_model.c    a graph with the checkpoint beside it, as one source
 *   tflite_source.c  weights of a .tflite              archive.c  .npz, .npy and folders of them
 *   safetensors.c    .safetensors                      unique.c   names that nothing else has
 *   objects.c        the object graph                  variables.c  names that people know
 *   plain.c          views and regions of bytes in a file
 *   read_all.c       many copies at once, on several threads
 *
 * A format gives a ufi_source_ops and makes entries whose first member is a uf_entry.
 */
#ifndef UFI_SOURCE_H
#define UFI_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/file.h"

/* What a format does. Calls come with the source's lock held where `locked` stands. */
typedef struct ufi_source_ops {
  const char *format;
  bool sorted; /* scan adds entries in ascending order of name: no map of names is made */
  /* locked: calls ufi_source_add for every entry, in order. NULL: open did. */
  uf_status (*scan)(uf_source *source, uf_error *error);
  /* locked: one entry without a scan; NOT_FOUND without a message. NULL: scans instead. */
  uf_status (*find)(uf_source *source, const char *name, const uf_entry **entry_out, uf_error *error);
  /* As uf_source_read, with entry, region and flags checked. */
  uf_status (*read)(uf_source *source, const uf_entry *entry, const uf_region *region, int flags,
                    uf_tensor *tensor_out, uf_error *error);
  /* NULL: reading the entry is all there is to check. */
  uf_status (*verify)(uf_source *source, const uf_entry *entry, uf_error *error);
  /* The CRC-32C of the bytes that a view of the whole entry shows; false: not known. NULL: never. */
  bool (*crc32c)(const uf_entry *entry, uint32_t *crc_out);
  /* locked: names, paths and roles into variables (zeroed, n of them, entry set, name the
   * entry's, of and average -1). NULL: variables.c tells them by name. */
  uf_status (*variables)(uf_source *source, uf_variable *variables, size_t n, uf_error *error);
  uf_status (*node)(uf_source *source, size_t i, uf_graph_node *node_out, uf_error *error);
  uf_status (*attr)(uf_source *source, size_t i, int32_t j, int32_t at, uf_attr *attr_out,
                    uf_tensor *tensor_out, int32_t *n_out, uf_error *error);
  void (*destroy)(uf_source *source); /* frees impl; NULL is fine */
} ufi_source_ops;

struct uf_source {
  atomic_int refs;
  pthread_mutex_t lock;
  const ufi_source_ops *ops;
  void *impl;              /* the format's */
  char *path;
  const char *details;     /* "" or in the arena */
  uf_filesystem fs;
  bool has_fs;
  bool owns_fs;            /* its context ends with the source */
  ufi_arena *arena;        /* entries and names; under the lock */
  const uf_entry **entries;
  size_t n, capacity;      /* n: as many as were found before the scan, all of them after it */
  bool scanned;
  uf_status scan_status;   /* of a scan that failed, */
  uf_error *scan_error;    /* and its words */
  ufi_names *names;        /* to entries; NULL: not asked for yet */
  uf_variable *variables;  /* NULL: not asked for yet */
};

/* For formats' openers: an empty source (path is copied) whose filesystem, if any, is a copy
 * of fs. Its ops and impl are for the caller to set; release it on failure. */
uf_source *ufi_source_create(const char *path, const uf_filesystem *fs, const ufi_source_ops *ops,
                             uf_error *error);
/* NULL: local files. */
const uf_filesystem *ufi_source_fs(const uf_source *source);
/* Appends an entry that lies in the arena (or lives as long as the source). */
uf_status ufi_source_add(uf_source *source, const uf_entry *entry, uf_error *error);

/* Openers. Each takes a reference to the file; it stays the caller's otherwise. */
uf_status ufi_open_bundle(const char *prefix, const uf_filesystem *fs, uf_source **source_out,
                          uf_error *error);
/* files: the shards of a V1 checkpoint. */
uf_status ufi_open_tensor_slices(const char *prefix, const uf_filesystem *fs, ufi_file *const *files,
                                 size_t n_files, uf_source **source_out, uf_error *error);
/* GraphDef, MetaGraphDef or SavedModel, told apart by content; binary, or text where the name ends in
 * .pbtxt. INVALID_ARGUMENT: none. */
uf_status ufi_open_graphdef(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                            uf_error *error);
/* graph's entries and those of checkpoint (NULL: none) as one. Takes over both, also on failure. format:
 * "saved_model" or "meta_graph". */
uf_status ufi_open_saved_model(const char *path, const char *format, uf_source *graph,
                               uf_source *checkpoint, uf_source **source_out, uf_error *error);
uf_status ufi_open_tflite(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error);
uf_status ufi_open_npz(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error);
uf_status ufi_open_npy(ufi_file *file, const uf_filesystem *fs, uf_source **source_out, uf_error *error);
uf_status ufi_open_npy_folder(const char *path, const uf_filesystem *fs, uf_source **source_out,
                              uf_error *error);
uf_status ufi_open_safetensors(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                               uf_error *error);

/* The TrackableObjectGraph that explains a checkpoint's keys, for ops->variables. */
uf_status ufi_objects_name(uf_source *source, const void *message, size_t size,
                           uf_variable *variables, size_t n, uf_error *error);
/* Roles of those that have none by their names: x/Adam, x/ExponentialMovingAverage, beta1_power
 * ... (variables.c) */
uf_status ufi_variables_by_name(uf_source *source, uf_variable *variables, size_t n, uf_error *error);

/* What "10 20 0,5:-" says: a shape and a region of it. "" leaves *rank_out at -1. (saver.c) */
uf_status ufi_slice_spec(const char *spec, int32_t *rank_out, int64_t *dims_out, uf_region *region_out,
                         uf_error *error);
/* Makes the folder that a path or prefix is in, if it has one. */
uf_status ufi_make_folder(const char *path, uf_error *error);

/* ---- for formats whose arrays lie in files as they are in memory ---- */

/* dtype, rank, dims and quant of what a read gives; no data. */
void ufi_region_shape(const uf_entry *entry, const uf_region *region, uf_tensor *tensor_out);
/* A region of a tensor in memory, copied (strings too). */
uf_status ufi_tensor_region(const uf_tensor *whole, const uf_region *region, uf_tensor *tensor_out,
                            uf_error *error);
/* The part of a that b has, too. False: none. */
bool ufi_region_intersect(const uf_region *a, const uf_region *b, int32_t rank,
                          uf_region *both_out);
/* part, which lies in whole, counted from where whole begins. */
void ufi_region_within(const uf_region *part, const uf_region *whole, int32_t rank,
                       uf_region *within_out);
/* Copies the elements of `from`, which is what `part` has of an array, to their places in `to`,
 * which is what `want` has of it. */
void ufi_region_place(const uf_tensor *from, const uf_region *part, const uf_region *want, void *to);
/* A tensor over size bytes at offset, or a region of it, as uf_source_read: a view when
 * flags allow and the bytes are aligned for dtype, else copied. Strings are not for it. */
uf_status ufi_read_plain(ufi_file *file, uint64_t offset, const uf_entry *entry,
                         const uf_region *region, int flags, uf_tensor *tensor_out, uf_error *error);

#endif
