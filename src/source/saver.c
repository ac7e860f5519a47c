/* SPDX-License-Identifier: Apache-2.0
 *
 * saver.c: what the nodes of a graph's saver ask for (ops/files.h): checkpoints written, read, merged.
 *
 * A merge copies tensors into a new checkpoint, where TensorFlow renames data files and joins indexes:
 * the result is the same and needs no knowledge of slices. The old files go when the new ones are there.
 */
#include "ops/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source.h"

/* ---- shapes and slices ----------------------------------------------------------------- */

/* What spec says: the whole shape and a region of it. "" leaves *rank_out at -1. */
uf_status ufi_slice_spec(const char *spec, int32_t *rank_out, int64_t *dims_out, uf_region *region_out,
                         uf_error *error) {
  int32_t rank = 0;
  char *end;
  *rank_out = -1;
  if (spec[0] == 0) return UF_OK;
  const char *slice = strrchr(spec, ' '), *at = spec;
  if (slice++ == NULL) goto bad;
  for (; at < slice; at = end + 1, rank++) {
    dims_out[UFI_MIN(rank, UF_MAX_RANK - 1)] = strtoll(at, &end, 10);
    if (end == at || *end != ' ' || rank == UF_MAX_RANK) goto bad;
  }
  for (int32_t d = 0; d < rank; d++) {
    region_out->start[d] = 0;
    region_out->extent[d] = dims_out[d];
    if (slice[0] == '-') end = (char *)slice + 1;
    else {
      region_out->start[d] = strtoll(slice, &end, 10);
      if (end == slice || *end != ',') goto bad;
      slice = end + 1;
      region_out->extent[d] = strtoll(slice, &end, 10);
      if (end == slice || region_out->extent[d] == 0) goto bad;
    }
    if (*end != (d + 1 < rank ? ':' : 0) || dims_out[d] < 0 || region_out->start[d] < 0 ||
        region_out->extent[d] < 0 || region_out->start[d] > dims_out[d] - region_out->extent[d])
      goto bad;
    slice = end + 1;
  }
  *rank_out = rank;
  return UF_OK;
bad:
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shape and a slice of it, as '10 20 0,5:-', found '%.200s'", spec);
}

static bool is_whole(int32_t rank, const int64_t *dims, const uf_region *region) {
  for (int32_t d = 0; d < rank; d++)
    if (region->extent[d] != dims[d]) return false;
  return true;
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* The folder of path; "" when it names none. NULL: out of memory. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t size = slash ? (size_t)(slash - path) : 0;
  char *folder = ufi_malloc(size + 1);
  if (folder == NULL) return NULL;
  memcpy(folder, path, size);
  folder[size] = 0;
  return folder;
}

uf_status ufi_make_folder(const char *prefix, uf_error *error) {
  char *folder = folder_of(prefix);
  if (folder == NULL) return ufi_no_memory(error, strlen(prefix));
  bool failed = folder[0] && mkdir(folder, 0777) != 0 && errno != EEXIST;
  uf_status status = failed ? ufi_fail(error, errno == ENOENT ? UF_NOT_FOUND : UF_PERMISSION_DENIED,
                                       "expected a folder '%.500s' that can be made, found %s", folder,
                                       errno == ENOENT ? "that its parent is not there" : "that it cannot")
                            : UF_OK;
  ufi_free(folder);
  return status;
}

/* A failure under the status that TensorFlow gives it. */
static uf_status invalid(uf_error *error) {
  if (error) error->status = UF_INVALID_ARGUMENT;
  return UF_INVALID_ARGUMENT;
}

/* Puts the slices of a name, from items[at] on, together, for a checkpoint of version 2 holds whole tensors as
 * well as slices. UNIMPLEMENTED when they are not all there. */
static uf_status add_slices(uf_checkpoint_writer *writer, const ufi_saved *items, int32_t n, int32_t at, int32_t rank,
                            const int64_t *dims, uf_error *error) {
  uf_tensor whole = {.dtype = items[at].tensor->dtype, .rank = rank};
  uf_region all = {{0}, {0}}, part;
  int64_t other[UF_MAX_RANK], covered = 0, count = 0;
  int32_t other_rank;
  memcpy(whole.dims, dims, sizeof(int64_t) * (size_t)rank);
  memcpy(all.extent, dims, sizeof(int64_t) * (size_t)rank);
  UFI_TRY(ufi_tensor_memory(&whole, error));
  uf_status status = UF_OK;
  for (int32_t i = at; i < n && status == UF_OK; i++) {
    const uf_tensor *t = items[i].tensor;
    if (strcmp(items[i].name, items[at].name) != 0) continue;
    status = ufi_slice_spec(items[i].spec, &other_rank, other, &part, error);
    bool fits = status == UF_OK && other_rank == rank && t->dtype == whole.dtype && t->rank == rank &&
                memcmp(other, dims, sizeof(int64_t) * (size_t)rank) == 0 &&
                memcmp(t->dims, part.extent, sizeof(int64_t) * (size_t)rank) == 0;
    if (status == UF_OK && !fits)
      status = ufi_fail(error, UF_INVALID_ARGUMENT, "'%.200s': expected slices of one dtype and shape, found '%.200s'",
                        items[i].name, items[i].spec);
    if (status != UF_OK) break;
    covered += uf_tensor_count(t);
    ufi_region_place(t, &part, &all, whole.data);
  }
  if (status == UF_OK && (!ufi_shape_count(rank, dims, &count) || covered != count))
    status = ufi_fail(error, UF_UNIMPLEMENTED, "'%.200s': expected all slices of a tensor to be saved at once, found %lld of %lld elements",
                      items[at].name, (long long)covered, (long long)count);
  if (status == UF_OK) status = uf_checkpoint_add(writer, items[at].name, &whole, error);
  uf_tensor_release(&whole);
  return status;
}

static uf_status add_saved(uf_checkpoint_writer *writer, const ufi_saved *items, int32_t n, int32_t at, uf_error *error) {
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  uf_region region;
  UFI_TRY(ufi_slice_spec(items[at].spec, &rank, dims, &region, error));
  if (rank < 0 || is_whole(rank, dims, &region)) return uf_checkpoint_add(writer, items[at].name, items[at].tensor, error);
  for (int32_t i = 0; i < at; i++)
    if (strcmp(items[i].name, items[at].name) == 0) return UF_OK; /* was with the first one */
  return add_slices(writer, items, n, at, rank, dims, error);
}

uf_status ufi_saver_write(const char *prefix, const ufi_saved *items, int32_t n, uf_error *error) {
  uf_checkpoint_writer *writer = NULL;
  UFI_TRY(ufi_make_folder(prefix, error));
  UFI_TRY(uf_checkpoint_create(prefix, 1, &writer, error));
  uf_status status = UF_OK;
  for (int32_t i = 0; i < n && status == UF_OK; i++) status = add_saved(writer, items, n, i, error);
  if (status == UF_ALREADY_EXISTS) status = invalid(error); /* a name given twice */
  if (status == UF_OK) return uf_checkpoint_finish(writer, error);
  uf_checkpoint_abandon(writer);
  return status;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* A pattern "p-?????-of-00003", or one shard of it, is opened as p. */
uf_status ufi_saver_open(const char *prefix, uf_source **source_out, uf_error *error) {
  uf_status status = uf_source_open(prefix, NULL, source_out, error);
  size_t size = strlen(prefix), ending = strlen("-00000-of-00000");
  if (status != UF_NOT_FOUND || size <= ending || strncmp(prefix + size - 9, "-of-", 4) != 0) return status;
  char *shorter = ufi_malloc(size);
  if (shorter == NULL) return ufi_no_memory(error, size);
  memcpy(shorter, prefix, size - ending);
  shorter[size - ending] = 0;
  status = uf_source_open(shorter, NULL, source_out, error);
  ufi_free(shorter);
  return status;
}

uf_status ufi_saver_read(uf_source *source, const char *name, const char *spec, uf_dtype dtype,
                         uf_tensor *tensor_out, uf_error *error) {
  const uf_entry *entry;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  uf_region region;
  char wanted[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_slice_spec(spec, &rank, dims, &region, error));
  UFI_TRY(uf_source_find(source, name, &entry, error));
  if (entry->dtype != dtype)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected dtype %s for '%.200s', found %s in the checkpoint",
                    uf_dtype_name(dtype), name, uf_dtype_name(entry->dtype));
  if (rank >= 0 && (rank != entry->rank || (rank && memcmp(dims, entry->dims, sizeof(int64_t) * (size_t)rank) != 0)))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected shape %s for '%.200s', found %s in the checkpoint",
                    ufi_shape_text(rank, dims, wanted), name, ufi_shape_text(entry->rank, entry->dims, found));
  bool part = rank >= 0 && !is_whole(rank, dims, &region);
  return uf_source_read(source, entry, part ? &region : NULL, UF_READ_COPY, tensor_out, error);
}

/* ---- merging ---------------------------------------------------------------------------------------- */

static uf_status add_all(uf_checkpoint_writer *writer, const char *prefix, bool allow_missing, uf_error *error) {
  uf_source *source = NULL;
  const uf_entry *const *entries;
  size_t n = 0;
  uf_status status = uf_source_open(prefix, NULL, &source, error);
  if (status == UF_NOT_FOUND && allow_missing) return UF_OK;
  if (status == UF_OK) status = uf_source_entries(source, &entries, &n, error);
  for (size_t i = 0; i < n && status == UF_OK; i++) {
    uf_tensor tensor = {0};
    status = uf_source_read(source, entries[i], NULL, 0, &tensor, error);
    if (status == UF_OK) status = uf_checkpoint_add(writer, entries[i]->name, &tensor, error);
    uf_tensor_release(&tensor);
  }
  uf_source_release(source);
  return status;
}

/* Whether name is base with what a checkpoint's files have behind their prefix. */
static bool is_part(const char *name, const char *base) {
  size_t length = strlen(base);
  return strncmp(name, base, length) == 0 &&
         (strcmp(name + length, ".index") == 0 || strncmp(name + length, ".data-", 6) == 0);
}

/* The files of a checkpoint that was merged, and its folder if that is empty then. */
static void remove_merged(const char *prefix, const char *destination, bool delete_folder) {
  const char *slash = strrchr(prefix, '/'), *base = slash ? slash + 1 : prefix;
  char *folder = folder_of(prefix), *kept = folder_of(destination);
  ufi_folder names = {0};
  char path[4096];
  if (folder && kept && strcmp(prefix, destination) != 0 &&
      ufi_folder_list(NULL, folder[0] ? folder : ".", &names, NULL) == UF_OK) {
    for (size_t i = 0; i < names.count; i++) {
      if (!is_part(names.names[i], base)) continue;
      int size = snprintf(path, sizeof path, "%s%s%s", folder, slash ? "/" : "", names.names[i]);
      if (size > 0 && (size_t)size < sizeof path) unlink(path);
    }
    if (delete_folder && folder[0] && strcmp(folder, kept) != 0) rmdir(folder); /* stays when not empty */
  }
  ufi_folder_free(&names);
  ufi_free(folder);
  ufi_free(kept);
}

uf_status ufi_saver_merge(const char *const *prefixes, int32_t n, const char *destination, bool delete_folders,
                          bool allow_missing, uf_error *error) {
  uf_checkpoint_writer *writer = NULL;
  UFI_TRY(ufi_make_folder(destination, error));
  UFI_TRY(uf_checkpoint_create(destination, UFI_MIN(UFI_MAX(n, 1), 512), &writer, error));
  uf_status status = UF_OK;
  for (int32_t i = 0; i < n && status == UF_OK; i++) status = add_all(writer, prefixes[i], allow_missing, error);
  if (status == UF_NOT_FOUND) status = invalid(error);
  if (status != UF_OK) {
    uf_checkpoint_abandon(writer);
    return status;
  }
  UFI_TRY(uf_checkpoint_finish(writer, error));
  for (int32_t i = 0; i < n; i++) remove_merged(prefixes[i], destination, delete_folders);
  return UF_OK;
}
