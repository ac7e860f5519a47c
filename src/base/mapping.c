/* SPDX-License-Identifier: Apache-2.0
 *
 * mapping.c: a whole file as read-only memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

typedef struct mapping {
  void *data;
  size_t size;
} mapping;

static void unmap(void *context) {
  mapping *m = context;
  munmap(m->data, m->size);
  ufi_free(m);
}

static uf_status open_failed(const char *path, uf_error *error) {
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return ufi_fail(error, UF_NOT_FOUND, "%s: expected a file there, found nothing; check the path", path);
    case EACCES:
    case EPERM:
      return ufi_fail(error, UF_PERMISSION_DENIED, "%s: expected a file that may be read, found that it may not; check its permissions", path);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "%s: expected room for one more open file, found none: %s", path, strerror(errno));
    default:
      return ufi_fail(error, UF_UNKNOWN, "%s: expected a file that opens, found: %s", path, strerror(errno));
  }
}

static uf_status map_open_file(int fd, const char *path, uf_buf **buf_out, uf_error *error) {
  struct stat st;
  if (fstat(fd, &st) != 0) return open_failed(path, error);
  if (!S_ISREG(st.st_mode)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "%s: expected a file, found %s", path,
                    S_ISDIR(st.st_mode) ? "a folder" : "something that is no regular file");
  }
  if (st.st_size == 0) {
    *buf_out = uf_buf_create(0);
    return *buf_out ? UF_OK : ufi_no_memory(error, 0);
  }
  mapping *m = ufi_malloc(sizeof *m);
  if (m == NULL) return ufi_no_memory(error, sizeof *m);
  m->size = (size_t)st.st_size;
  m->data = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (m->data == MAP_FAILED) {
    ufi_free(m);
    return open_failed(path, error);
  }
  *buf_out = uf_buf_wrap(m->data, m->size, unmap, m);
  if (*buf_out) return UF_OK;
  unmap(m);
  return ufi_no_memory(error, sizeof *m);
}

uf_status ufi_map_file(const char *path, uf_buf **buf_out, uf_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
  if (fd < 0) return open_failed(path, error);
  uf_status status = map_open_file(fd, path, buf_out, error);
  close(fd);
  return status;
}
