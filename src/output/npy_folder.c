/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_folder.c: a folder of .npy files that appears whole or not at all.
 *
 * Files go to a folder with a random name beside the target, which takes the
 * target's name at the end. An empty folder there is replaced, one with content
 * is refused.
 *
 * The file of a tensor has the tensor's name, with what a file name must not or
 * should not hold as %XX, as in URLs: control characters, / \ : * ? " < > | %,
 * bytes that are not UTF-8 and a dot in front. So no name leaves the folder, and
 * urllib.parse.unquote gives it back. Names beyond 200 bytes are cut; names that are
 * then equal (case aside, for file systems that have none) get ~2, ~3 ...
 *
 * index.json says what each file is: a list of objects with file, tensor (the name),
 * dtype (unflow's, where NumPy has none of that kind), shape and quantization.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/npy.h"
#include "output/output.h"

enum { NAME_BYTES = 200, FILE_NAME_MAX = 256 };

typedef struct folder {
  char target[PATH_MAX], temporary[PATH_MAX];
  ufi_arena *arena;
  ufi_names *used;   /* lower-case file names to numbers */
  int64_t *numbers;  /* the last that was tried for each name */
  size_t n_used, capacity;
  ufi_text index;
} folder;

/* ---- names --------------------------------------------------------------------------- */

/* Whole characters, as many as fit. */
static void escape_name(const char *name, char out[FILE_NAME_MAX]) {
  size_t left = strlen(name), length, size = 0;
  for (const char *p = name; left > 0; p += length, left -= length) {
    unsigned char c = (unsigned char)*p;
    length = ufi_utf8_length(p, left);
    bool bad = length == 0 || c < 0x20 || c == 0x7F || strchr("/\\:*?\"<>|%", c) ||
               (c == '.' && p == name);
    if (length == 0) length = 1;
    if (size + (bad ? 3 : length) > NAME_BYTES) break;
    if (bad) snprintf(out + size, 4, "%%%02X", c);
    else memcpy(out + size, p, length);
    size += bad ? 3 : length;
  }
  out[size] = '\0';
  if (size == 0) strcpy(out, "unnamed");
}

/* Where the last number of a lower-case name is kept; NULL: no memory. */
static int64_t *number_of(folder *f, const char *lower, bool *new_out) {
  int32_t at = ufi_names_find(f->used, lower);
  *new_out = at < 0;
  if (at >= 0) return &f->numbers[at];
  if (f->n_used == f->capacity) {
    size_t capacity = f->capacity ? 2 * f->capacity : 64;
    int64_t *numbers = ufi_realloc(f->numbers, capacity * sizeof *numbers);
    if (!numbers) return NULL;
    f->numbers = numbers;
    f->capacity = capacity;
  }
  const char *copy = ufi_arena_string(f->arena, lower, strlen(lower));
  if (!copy || f->n_used >= INT32_MAX || !ufi_names_add(f->used, copy, (int32_t)f->n_used)) return NULL;
  f->numbers[f->n_used] = 1;
  return &f->numbers[f->n_used++];
}

/* The file name for a tensor: its escaped name, numbered if another has it. */
static uf_status file_name(folder *f, const char *name, char out[FILE_NAME_MAX], uf_error *error) {
  char lower[FILE_NAME_MAX], numbered[FILE_NAME_MAX + 24];
  bool is_new;
  escape_name(name, out);
  size_t size = strlen(out);
  for (size_t i = 0; i <= size; i++)
    lower[i] = out[i] >= 'A' && out[i] <= 'Z' ? (char)(out[i] + 32) : out[i];
  int64_t *number = number_of(f, lower, &is_new);
  if (!number) return ufi_no_memory(error, size);
  while (!is_new) {
    int64_t n = ++*number;
    snprintf(numbered, sizeof numbered, "%s~%lld", lower, (long long)n);
    size_t base = (size_t)(number - f->numbers);
    if (!number_of(f, numbered, &is_new)) return ufi_no_memory(error, size);
    number = &f->numbers[base]; /* they may have moved */
    if (is_new) snprintf(out + size, FILE_NAME_MAX - size, "~%lld", (long long)n);
  }
  strcat(out, ".npy");
  return UF_OK;
}

/* ---- the folder ----------------------------------------------------------------------- */

static void remove_folder(const char *path) {
  char name[PATH_MAX + FILE_NAME_MAX];
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(name, sizeof name, "%s/%s", path, e->d_name);
    unlink(name);
  }
  if (dir) closedir(dir);
  rmdir(path);
}

static void folder_free(folder *f) {
  ufi_arena_destroy(f->arena);
  ufi_names_destroy(f->used);
  ufi_free(f->numbers);
  ufi_free(f->index.data);
  ufi_free(f);
}

static void folder_abandon(void *impl) {
  folder *f = impl;
  remove_folder(f->temporary);
  folder_free(f);
}

static bool is_empty_folder(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return false;
  int n = 0;
  for (struct dirent *e; (e = readdir(dir)) && n <= 2;) n++;
  closedir(dir);
  return n <= 2; /* . and .. */
}

static uf_status failed(const char *path, const char *what, uf_error *error) {
  int code = errno;
  uf_status status = code == ENOENT || code == ENOTDIR ? UF_NOT_FOUND
                     : code == EACCES || code == EPERM || code == EROFS ? UF_PERMISSION_DENIED
                     : code == ENOSPC || code == EDQUOT || code == EFBIG ? UF_RESOURCE_EXHAUSTED
                     : code == ENOTEMPTY || code == EEXIST ? UF_ALREADY_EXISTS : UF_UNAVAILABLE;
  return ufi_fail(error, status, "expected to %s '%s', found: %s; choose another place", what, path,
                  strerrordesc_np(code));
}

static uf_status make_temporary(folder *f, const char *path, uf_error *error) {
  struct stat info;
  size_t size = strlen(path);
  if (size + sizeof ".unflow-XXXXXX" > sizeof f->target)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a shorter path, found '%.200s...'", path);
  if (stat(path, &info) == 0 && !is_empty_folder(path))
    return ufi_fail(error, UF_ALREADY_EXISTS,
                    "expected no file, or an empty folder, at '%s', found one with content; "
                    "remove it or choose another name", path);
  memcpy(f->target, path, size + 1);
  while (size > 1 && f->target[size - 1] == '/') f->target[--size] = '\0';
  const char *slash = strrchr(f->target, '/');
  size_t before = slash ? (size_t)(slash - f->target) + 1 : 0;
  memcpy(f->temporary, f->target, before);
  memcpy(f->temporary + before, ".unflow-XXXXXX", sizeof ".unflow-XXXXXX");
  return mkdtemp(f->temporary) ? UF_OK : failed(path, "make the folder", error);
}

static uf_status folder_create(const char *path, int32_t level, const char *const *names,
                               const uf_tensor *plan, size_t n, void **impl_out, uf_error *error) {
  folder *f = ufi_calloc(1, sizeof *f);
  if (!f) return ufi_no_memory(error, sizeof *f);
  f->arena = ufi_arena_create();
  f->used = ufi_names_create(n);
  uf_status status = f->arena && f->used ? make_temporary(f, path, error)
                                         : ufi_no_memory(error, sizeof *f);
  if (status == UF_OK) *impl_out = f;
  else folder_free(f);
  return status;
}

static uf_status write_file(const char *path, const void *head, size_t head_size, const void *body,
                            size_t body_size, const ufi_flow *flow, uf_error *error) {
  ufi_outfile *file = NULL;
  UFI_TRY(ufi_outfile_create_inside(path, &file, error));
  uf_status status = ufi_outfile_write(file, head, head_size, error);
  if (status == UF_OK) status = ufi_outfile_stream(file, body, body_size, NULL, flow, error);
  if (status == UF_OK) return ufi_outfile_commit(file, error);
  ufi_outfile_abandon(file);
  return status;
}

static void index_quant(ufi_text *t, const uf_quant *q) {
  if (!q || q->count == 0) {
    ufi_text_format(t, "null");
    return;
  }
  ufi_text_format(t, "{\"count\": %lld, \"axis\": %d, \"block_size\": %d, \"scales\": [",
                  (long long)q->count, (int)q->axis, (int)q->block_size);
  for (int64_t i = 0; i < q->count; i++) {
    bool finite = q->scales[i] - q->scales[i] == 0; /* JSON has no other numbers */
    ufi_text_format(t, finite ? "%s%.9g" : "%s\"%g\"", i ? ", " : "", (double)q->scales[i]);
  }
  ufi_text_format(t, "], \"zero_points\": [");
  for (int64_t i = 0; i < q->count; i++)
    ufi_text_format(t, i ? ", %lld" : "%lld", (long long)q->zero_points[i]);
  ufi_text_format(t, "]}");
}

static void index_tensor(folder *f, const char *file, const char *name, const uf_tensor *t) {
  ufi_text_format(&f->index, f->index.size ? ",\n  {\"file\": " : "[\n  {\"file\": ");
  ufi_text_json(&f->index, file);
  ufi_text_format(&f->index, ", \"tensor\": ");
  ufi_text_json(&f->index, name);
  ufi_text_format(&f->index, ", \"dtype\": \"%s\", \"shape\": ", uf_dtype_name(t->dtype));
  ufi_text_json_dims(&f->index, t->rank, t->dims);
  ufi_text_format(&f->index, ", \"quantization\": ");
  index_quant(&f->index, t->quant);
  ufi_text_format(&f->index, "}");
}

static uf_status folder_add(void *impl, size_t i, const char *name, const uf_tensor *t,
                            const ufi_flow *flow, uf_error *error) {
  folder *f = impl;
  char file[FILE_NAME_MAX], path[PATH_MAX + FILE_NAME_MAX];
  ufi_npy npy;
  UFI_TRY(file_name(f, name, file, error));
  UFI_TRY(ufi_npy_encode(t, &npy, error));
  snprintf(path, sizeof path, "%s/%s", f->temporary, file);
  uf_status status = write_file(path, npy.header, npy.header_size, npy.body, npy.body_size, flow, error);
  uf_buf_release(npy.converted);
  if (status == UF_OK) index_tensor(f, file, name, t);
  return status == UF_OK && f->index.failed ? ufi_no_memory(error, f->index.size) : status;
}

static uf_status write_index(folder *f, uf_error *error) {
  char path[PATH_MAX + FILE_NAME_MAX];
  snprintf(path, sizeof path, "%s/index.json", f->temporary);
  ufi_text_format(&f->index, f->index.size ? "\n]\n" : "[]\n");
  if (f->index.failed) return ufi_no_memory(error, f->index.size);
  return write_file(path, f->index.data, f->index.size, NULL, 0, NULL, error);
}

/* mkdtemp gives a private folder; the result gets what mkdir would give. */
static void usual_permissions(const char *path) {
  mode_t mask = umask(0);
  umask(mask);
  if (chmod(path, 0777 & ~mask) != 0) errno = 0; /* the content is what counts */
}

static void sync_path(const char *path, bool whole) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  if ((whole ? syncfs(fd) : fsync(fd)) != 0) errno = 0;
  close(fd);
}

static uf_status folder_finish(void *impl, uf_error *error) {
  folder *f = impl;
  uf_status status = write_index(f, error);
  if (status == UF_OK) {
    usual_permissions(f->temporary);
    sync_path(f->temporary, true); /* once for all files, before the name shows them */
    if (rename(f->temporary, f->target) != 0) status = failed(f->target, "name the folder", error);
  }
  if (status != UF_OK) {
    folder_abandon(f);
    return status;
  }
  char *slash = strrchr(f->target, '/');
  if (slash == f->target) slash++;
  if (slash) *slash = '\0';
  sync_path(slash ? f->target : ".", false);
  folder_free(f);
  return UF_OK;
}

const ufi_target ufi_target_npy = {"npy", folder_create, folder_add, folder_finish, folder_abandon};
