/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h: the bytes of a file, wherever it is: mapped when local, else read by
 * ranges through a uf_filesystem.
 */
#ifndef UFI_FILE_H
#define UFI_FILE_H

#include "base/base.h"

typedef struct ufi_file ufi_file;

/* fs NULL: a local file, mapped. NOT_FOUND, PERMISSION_DENIED. What fs's
 * functions are given as context must outlive the file. */
uf_status ufi_file_open(const uf_filesystem *fs, const char *path, ufi_file **file_out,
                        uf_error *error) UF_MUST_USE;
/* Memory as a file; buf is retained. path is for messages. */
uf_status ufi_file_of_buf(uf_buf *buf, const char *path, ufi_file **file_out,
                          uf_error *error) UF_MUST_USE;
ufi_file *ufi_file_retain(ufi_file *file);
void ufi_file_release(ufi_file *file); /* NULL is fine */
uint64_t ufi_file_size(const ufi_file *file);
const char *ufi_file_path(const ufi_file *file);

/* The mapped bytes, NULL for a file that is read by ranges. */
uf_buf *ufi_file_mapping(const ufi_file *file);

/* size bytes from offset on: a slice of the mapping, or memory of its own. DATA_LOSS,
 * with path and offset, when the file has not so many. The caller releases the buf. */
uf_status ufi_file_view(ufi_file *file, uint64_t offset, uint64_t size, uf_buf **buf_out,
                        uf_error *error) UF_MUST_USE;
/* The same copied to out. */
uf_status ufi_file_read(ufi_file *file, uint64_t offset, uint64_t size, void *out,
                        uf_error *error) UF_MUST_USE;

/* Names in a folder, sorted. NOT_FOUND when there is no such folder. */
typedef struct ufi_folder {
  char **names;
  size_t count;
} ufi_folder;
uf_status ufi_folder_list(const uf_filesystem *fs, const char *path, ufi_folder *folder_out,
                          uf_error *error) UF_MUST_USE;
void ufi_folder_free(ufi_folder *folder);
bool ufi_folder_has(const ufi_folder *folder, const char *name);
/* True when a file (not a folder) is there. */
bool ufi_file_exists(const uf_filesystem *fs, const char *path);

#endif
