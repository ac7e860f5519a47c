/* SPDX-License-Identifier: Apache-2.0
 *
 * mapping.c: a whole file as read-only memory.
 *
 * The mapping is private and read-only; it costs no copy and no memory of its
 * own, and pages come in when they are first read. A file that somebody
 * shortens while it is mapped cannot be read safely by anyone: the system kills
 * the reader. Replace model files by renaming, as this library's writers do.
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
  if (m->size) munmap(m->data, m->size);
  ufi_free(m);
}

static uf_status open_failed(const char *path, int code, uf_error *error) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return ufi_fail(error, UF_NOT_FOUND,
                      "expected a file at '%s', found nothing there; check the path", path);
    case EACCES:
    case EPERM:
      return ufi_fail(error, UF_PERMISSION_DENIED,
                      "expected a readable file at '%s', found one that may not be read; "
                      "check its permissions", path);
    case ENAMETOOLONG:
    case ELOOP:
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "expected a path, found '%.200s', which the system refuses (%s); "
                      "check the path", path, strerrordesc_np(code));
    default:
      return ufi_fail(error, UF_UNAVAILABLE, "expected a readable file at '%s', found: %s; "
                      "try again", path, strerrordesc_np(code));
  }
}

static uf_status check_regular(const char *path, const struct stat *info, uf_error *error) {
  if (S_ISREG(info->st_mode)) {
    if ((uint64_t)info->st_size <= PTRDIFF_MAX) return UF_OK;
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED,
                    "expected a file that fits in memory at '%s', found %lld bytes", path,
                    (long long)info->st_size);
  }
  return ufi_fail(error, UF_INVALID_ARGUMENT,
                  "expected a file at '%s', found %s; give the path of the file itself", path,
                  S_ISDIR(info->st_mode) ? "a directory" : "a device or pipe");
}

/* Maps what fd is open on into m. */
static uf_status map_fd(const char *path, int fd, mapping *m, uf_error *error) {
  struct stat info;
  if (fstat(fd, &info) != 0) return open_failed(path, errno, error);
  UFI_TRY(check_regular(path, &info, error));
  m->size = (size_t)info.st_size;
  m->data = NULL;
  if (m->size == 0) return UF_OK; /* mmap refuses empty files */
  m->data = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (m->data != MAP_FAILED) return UF_OK;
  return errno == ENOMEM ? ufi_no_memory(error, m->size) : open_failed(path, errno, error);
}

uf_status ufi_map_file(const char *path, uf_buf **buf_out, uf_error *error) {
  if (!path) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a path, found NULL");
  mapping *m = ufi_malloc(sizeof *m);
  if (!m) return ufi_no_memory(error, sizeof *m);
  /* O_NONBLOCK: opening a pipe must fail the check below, not wait for a writer. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  uf_status status = fd < 0 ? open_failed(path, errno, error) : map_fd(path, fd, m, error);
  if (fd >= 0) close(fd);
  if (status != UF_OK) {
    ufi_free(m);
    return status;
  }
  uf_buf *buf = uf_buf_wrap(m->size ? m->data : (void *)"", m->size, unmap, m);
  if (!buf) {
    unmap(m);
    return ufi_no_memory(error, sizeof(mapping));
  }
  *buf_out = buf;
  return UF_OK;
}

/* One touch maps what is at hand of the 64 KiB around (Linux's fault_around_bytes), in half the time that it takes to ask for
 * all pages with MADV_POPULATE_READ, which looks each of them up again. */
void ufi_map_expect(const uf_buf *buf, const void *data, size_t size) {
  enum { AROUND = 64 << 10 };
  const volatile char *at = data;
  if (size == 0 || !ufi_buf_is_freed_by(buf, unmap)) return;
  for (size_t i = 0; i < size; i += AROUND) (void)at[i];
}

/* Whole pages inside only: the edges may be in use. */
void ufi_map_forget(const uf_buf *buf, const void *data, size_t size) {
  if (!ufi_buf_is_freed_by(buf, unmap)) return;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t begin = ((uintptr_t)data + page - 1) / page * page, end = ((uintptr_t)data + size) / page * page;
  if (begin < end && madvise((void *)begin, end - begin, MADV_DONTNEED) != 0) errno = 0; /* advice: may fail */
}
