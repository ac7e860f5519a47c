/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c: the bytes of a file, wherever it is.
 *
 * A local file is mapped whole, which costs nothing before its pages are read; views
 * are slices of the mapping. A file of a uf_filesystem is read by the ranges that are
 * asked for, each into memory of its own; nothing is kept. Content from memory behaves
 * as a mapped file.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

struct ufi_file {
  atomic_int refs;
  uf_filesystem fs;        /* a copy: the caller's need not live so long */
  uf_buf *mapping;         /* NULL: read by ranges through fs */
  uint64_t size;
  char path[];
};

static ufi_file *file_create(const char *path, uf_error *error) {
  size_t length = strlen(path) + 1;
  ufi_file *file = ufi_calloc(1, sizeof *file + length);
  if (!file) {
    ufi_no_memory(error, sizeof *file + length);
    return NULL;
  }
  atomic_init(&file->refs, 1);
  memcpy(file->path, path, length);
  return file;
}

uf_status ufi_file_open(const uf_filesystem *fs, const char *path, ufi_file **file_out,
                        uf_error *error) {
  ufi_file *file = file_create(path, error);
  if (!file) return UF_RESOURCE_EXHAUSTED;
  if (fs) file->fs = *fs;
  uf_status status = fs ? fs->size(fs->context, path, &file->size, error)
                        : ufi_map_file(path, &file->mapping, error);
  if (status != UF_OK) {
    ufi_free(file);
    return status;
  }
  if (file->mapping) file->size = uf_buf_size(file->mapping);
  *file_out = file;
  return UF_OK;
}

uf_status ufi_file_of_buf(uf_buf *buf, const char *path, ufi_file **file_out, uf_error *error) {
  ufi_file *file = file_create(path, error);
  if (!file) return UF_RESOURCE_EXHAUSTED;
  file->mapping = uf_buf_retain(buf);
  file->size = uf_buf_size(buf);
  *file_out = file;
  return UF_OK;
}

ufi_file *ufi_file_retain(ufi_file *file) {
  if (file) atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
  return file;
}

void ufi_file_release(ufi_file *file) {
  if (!file || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1) return;
  uf_buf_release(file->mapping);
  ufi_free(file);
}

uint64_t ufi_file_size(const ufi_file *file) { return file->size; }

const char *ufi_file_path(const ufi_file *file) { return file->path; }

uf_buf *ufi_file_mapping(const ufi_file *file) { return file->mapping; }

/* ---- ranges ------------------------------------------------------------------- */

static uf_status check_range(const ufi_file *file, uint64_t offset, uint64_t size,
                             uf_error *error) {
  if (offset <= file->size && size <= file->size - offset && size <= PTRDIFF_MAX) return UF_OK;
  return ufi_fail(error, UF_DATA_LOSS,
                  "%s: offset %llu: expected %llu bytes, found a file of %llu; it was cut off or "
                  "belongs to another one", file->path, (unsigned long long)offset,
                  (unsigned long long)size, (unsigned long long)file->size);
}

static uf_status read_range(const ufi_file *file, uint64_t offset, size_t size, void *out,
                            uf_error *error) {
  if (size == 0) return UF_OK;
  return file->fs.read(file->fs.context, file->path, offset, size, out, error);
}

uf_status ufi_file_view(ufi_file *file, uint64_t offset, uint64_t size, uf_buf **buf_out,
                        uf_error *error) {
  UFI_TRY(check_range(file, offset, size, error));
  uf_buf *buf = file->mapping
                    ? ufi_buf_slice(file->mapping, (char *)uf_buf_data(file->mapping) + offset,
                                    (size_t)size)
                    : uf_buf_create((size_t)size);
  if (!buf) return ufi_no_memory(error, (size_t)size);
  uf_status status = UF_OK;
  if (!file->mapping) status = read_range(file, offset, (size_t)size, uf_buf_data(buf), error);
  if (status == UF_OK) *buf_out = buf;
  else uf_buf_release(buf);
  return status;
}

uf_status ufi_file_read(ufi_file *file, uint64_t offset, uint64_t size, void *out,
                        uf_error *error) {
  UFI_TRY(check_range(file, offset, size, error));
  if (!file->mapping) return read_range(file, offset, (size_t)size, out, error);
  if (size) memcpy(out, (const char *)uf_buf_data(file->mapping) + offset, (size_t)size);
  return UF_OK;
}

/* ---- folders --------------------------------------------------------------------- */

enum { FOLDER_MAX = 1 << 20 }; /* names; more are not looked at */

typedef struct listing {
  ufi_folder folder;
  size_t capacity;
  bool failed; /* out of memory */
} listing;

static void add_name(void *context, const char *name) {
  listing *l = context;
  if (l->failed || l->folder.count >= FOLDER_MAX) return;
  if (l->folder.count == l->capacity) {
    size_t capacity = l->capacity ? 2 * l->capacity : 32;
    char **names = ufi_realloc(l->folder.names, capacity * sizeof *names);
    if (!names) {
      l->failed = true;
      return;
    }
    l->folder.names = names;
    l->capacity = capacity;
  }
  size_t size = strlen(name) + 1;
  char *copy = ufi_malloc(size);
  if (copy) l->folder.names[l->folder.count++] = memcpy(copy, name, size);
  else l->failed = true;
}

static uf_status list_local(const char *path, listing *l, uf_error *error) {
  DIR *dir = opendir(path);
  if (!dir) {
    bool missing = errno == ENOENT || errno == ENOTDIR;
    return ufi_fail(error, missing ? UF_NOT_FOUND : UF_PERMISSION_DENIED,
                    "expected a folder at '%s', found %s", path,
                    missing ? "none; check the path"
                            : "one that may not be read; check its permissions");
  }
  for (struct dirent *e; (e = readdir(dir)) != NULL;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) add_name(l, e->d_name);
  closedir(dir);
  return UF_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

uf_status ufi_folder_list(const uf_filesystem *fs, const char *path, ufi_folder *folder_out,
                          uf_error *error) {
  listing l = {0};
  uf_status status = fs ? fs->list(fs->context, path, add_name, &l, error)
                        : list_local(path, &l, error);
  if (status == UF_OK && l.failed) status = ufi_no_memory(error, sizeof(char *));
  if (status != UF_OK) {
    ufi_folder_free(&l.folder);
    return status;
  }
  if (l.folder.count) qsort(l.folder.names, l.folder.count, sizeof(char *), compare_names);
  *folder_out = l.folder;
  return UF_OK;
}

void ufi_folder_free(ufi_folder *folder) {
  for (size_t i = 0; i < folder->count; i++) ufi_free(folder->names[i]);
  ufi_free(folder->names);
  *folder = (ufi_folder){0};
}

bool ufi_folder_has(const ufi_folder *folder, const char *name) {
  return folder->count &&
         bsearch(&name, folder->names, folder->count, sizeof(char *), compare_names) != NULL;
}

bool ufi_file_exists(const uf_filesystem *fs, const char *path) {
  uint64_t size;
  struct stat info;
  if (fs) return fs->size(fs->context, path, &size, NULL) == UF_OK;
  return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}
