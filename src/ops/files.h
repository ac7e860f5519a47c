/* SPDX-License-Identifier: Apache-2.0
 *
 * files.h: what ops ask of checkpoints, which src/source/saver.c answers (ops stand below sources).
 */
#ifndef UFI_FILES_H
#define UFI_FILES_H

#include "base/base.h"

/* A tensor of a checkpoint as graphs name it: spec is "" (all of it) or a shape and a slice of it,
 * "10 20 0,5:-" (rows 0 to 4 of 10, all of 20). */
typedef struct ufi_saved {
  const char *name, *spec;
  const uf_tensor *tensor;
} ufi_saved;

/* Writes a checkpoint of version 2, all or nothing; makes its folder. UNIMPLEMENTED: slices that
 * are not a whole tensor together. */
uf_status ufi_saver_write(const char *prefix, const ufi_saved *items, int32_t n, uf_error *error) UF_MUST_USE;

/* Writes a checkpoint of version 1, one file; slices are fine. */
uf_status ufi_saver_write_v1(const char *path, const ufi_saved *items, int32_t n, uf_error *error) UF_MUST_USE;

/* A checkpoint of version 1 or 2, by its prefix (or a pattern of version 1's files). */
uf_status ufi_saver_open(const char *prefix, uf_source **source_out, uf_error *error) UF_MUST_USE;
/* Reads one; the caller releases it. NOT_FOUND, INVALID_ARGUMENT: of another dtype or shape. */
uf_status ufi_saver_read(uf_source *source, const char *name, const char *spec, uf_dtype dtype,
                         uf_tensor *tensor_out, uf_error *error) UF_MUST_USE;

/* Makes one checkpoint of several, whose files go away. Those that are not there are left out when
 * allow_missing, else NOT_FOUND. */
uf_status ufi_saver_merge(const char *const *prefixes, int32_t n, const char *destination, bool delete_folders,
                          bool allow_missing, uf_error *error) UF_MUST_USE;

#endif
