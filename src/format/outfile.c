/* SPDX-License-Identifier: Apache-2.0
 *
 * outfile.c: a file that appears under its name whole or not at all.
 *
 * Bytes go to a file without a name where the system has such (then not even SIGKILL leaves
 * one behind), else with a random name, in the folder of the target: so that the rename at
 * the end stays inside one file system and is atomic. A target
 * that is a symbolic link keeps being one: what it points to is replaced. A
 * target that exists keeps its permissions; a new one gets those of the umask.
 * A device or pipe is refused, since renaming would replace it.
 *
 * Where an older file is replaced, the new bytes are brought to the disk before
 * the rename, so that a power cut leaves one or the other. A new file need not
 * wait (thousands of small ones would take minutes), unless asked to. The disk is set
 * to work early: every few MiB the system is told to begin with what was written, so that
 * at the end little is left to wait for.
 */
#include "format/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>

#include "base/crc32c.h"

enum { BUFFER = 64 << 10, EARLY = 8 << 20, WRITE_MAX = 1 << 30, NAME_TRIES = 100 };

struct ufi_outfile {
  int fd;
  bool sync, named; /* named: temporary is there */
  char target[PATH_MAX], temporary[PATH_MAX];
  uint64_t size;
  uint64_t begun; /* the disk was set to work on what lies before */
  uint64_t late_begin, late_end; /* written in parts, and the disk does not know yet */
  size_t used;    /* of buffer */
  unsigned char buffer[BUFFER];
};

static uf_status io_failed(const char *path, int code, uf_error *error) {
  const char *what = strerrordesc_np(code);
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return ufi_fail(error, UF_NOT_FOUND,
                      "expected a folder for '%s', found none; make the folder first", path);
    case EACCES:
    case EPERM:
    case EROFS:
      return ufi_fail(error, UF_PERMISSION_DENIED,
                      "expected a folder to write '%s' to, found: %s; choose another place", path,
                      what);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ufi_fail(error, UF_RESOURCE_EXHAUSTED,
                      "expected room for '%s', found: %s; free some or choose another place", path,
                      what);
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR:
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "expected the path of a file to write, found '%.200s': %s; check the path",
                      path, what);
    default:
      return ufi_fail(error, UF_UNAVAILABLE, "expected to write '%s', found: %s; try again", path,
                      what ? what : "an unknown error");
  }
}

/* Puts the path that is to be replaced into file->target, and the permissions
 * of what is there now into *mode_out (0: nothing there). */
static uf_status find_target(ufi_outfile *file, const char *path, mode_t *mode_out,
                             uf_error *error) {
  struct stat info;
  size_t length = strlen(path);
  if (length == 0 || path[length - 1] == '/') return io_failed(path, EISDIR, error);
  if (length >= sizeof file->target) return io_failed(path, ENAMETOOLONG, error);
  memcpy(file->target, path, length + 1);
  *mode_out = 0;
  if (stat(path, &info) != 0)
    return errno == ENOENT ? UF_OK : io_failed(path, errno, error);
  if (S_ISDIR(info.st_mode)) return io_failed(path, EISDIR, error);
  if (!S_ISREG(info.st_mode))
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected the path of a file to write, found the device or pipe '%s'; "
                    "write to a file and copy it there", path);
  *mode_out = info.st_mode & 07777;
  if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && !realpath(path, file->target))
    return io_failed(path, errno, error);
  return UF_OK;
}

/* A name in the folder of target that nobody has. */
static bool temporary_name(ufi_outfile *file) {
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz_-ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  unsigned char random[12];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return false;
  const char *slash = strrchr(file->target, '/');
  size_t folder = slash ? (size_t)(slash - file->target) + 1 : 0;
  char name[sizeof ".unflow-" + sizeof random] = ".unflow-";
  for (size_t i = 0; i < sizeof random; i++) name[8 + i] = digits[random[i] & 63];
  if (folder + sizeof name > sizeof file->temporary) return false;
  memcpy(file->temporary, file->target, folder);
  memcpy(file->temporary + folder, name, sizeof name);
  return true;
}

/* The folder of target, with a "." at its end. */
static bool folder_of(const char *target, char out[PATH_MAX]) {
  const char *slash = strrchr(target, '/');
  size_t size = slash ? (size_t)(slash - target) + 1 : 0;
  if (size + 2 > PATH_MAX) return false;
  memcpy(out, target, size);
  memcpy(out + size, ".", 2);
  return true;
}

static void descriptor_path(const ufi_outfile *file, char out[32]) {
  snprintf(out, 32, "/proc/self/fd/%d", file->fd);
}

/* A file without a name, if it can be given one later (which takes /proc). */
static bool open_unnamed(ufi_outfile *file) {
#ifdef O_TMPFILE
  char folder[PATH_MAX], path[32];
  if (!folder_of(file->target, folder)) return false;
  file->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (file->fd < 0) return false;
  descriptor_path(file, path);
  if (access(path, F_OK) == 0) return true;
  close(file->fd);
#endif
  return false;
}

static uf_status give_name(ufi_outfile *file, uf_error *error) {
  char path[32];
  descriptor_path(file, path);
  for (int i = 0; i < NAME_TRIES && !file->named; i++) {
    if (!temporary_name(file)) return io_failed(file->target, ENAMETOOLONG, error);
    file->named = linkat(AT_FDCWD, path, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) == 0;
    if (!file->named && errno != EEXIST) break;
  }
  return file->named ? UF_OK : io_failed(file->target, errno, error);
}

static uf_status open_temporary(ufi_outfile *file, const char *path, uf_error *error) {
  file->named = false;
  if (open_unnamed(file)) return UF_OK;
  for (int i = 0; i < NAME_TRIES; i++) {
    if (!temporary_name(file)) return io_failed(path, ENAMETOOLONG, error);
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    file->named = file->fd >= 0;
    if (file->named) return UF_OK;
    if (errno != EEXIST) break;
  }
  return io_failed(path, errno, error);
}

uf_status ufi_outfile_create(const char *path, bool durable, ufi_outfile **file_out,
                             uf_error *error) {
  if (!path) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a path, found NULL");
  ufi_outfile *file = ufi_malloc(sizeof *file);
  if (!file) return ufi_no_memory(error, sizeof *file);
  file->size = file->begun = file->late_begin = file->late_end = 0;
  file->used = 0;
  mode_t mode = 0;
  uf_status status = find_target(file, path, &mode, error);
  if (status == UF_OK) status = open_temporary(file, path, error);
  if (status != UF_OK) {
    ufi_free(file);
    return status;
  }
  file->sync = durable || mode != 0;
  /* A file system without permissions may refuse; the file is good anyhow. */
  if (mode && fchmod(file->fd, mode) != 0) errno = 0;
  *file_out = file;
  return UF_OK;
}

uf_status ufi_outfile_create_inside(const char *path, ufi_outfile **file_out, uf_error *error) {
  size_t size = strlen(path) + 1;
  ufi_outfile *file = ufi_malloc(sizeof *file);
  if (!file) return ufi_no_memory(error, sizeof *file);
  file->size = file->begun = file->late_begin = file->late_end = 0;
  file->used = 0;
  file->sync = false;
  file->named = true;
  file->target[0] = '\0'; /* is no file */
  if (size <= sizeof file->target) memcpy(file->target, path, size);
  memcpy(file->temporary, file->target, strlen(file->target) + 1);
  file->fd = open(file->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file->fd < 0) {
    int code = errno;
    ufi_free(file);
    return io_failed(path, code, error);
  }
  *file_out = file;
  return UF_OK;
}

static uf_status write_all(ufi_outfile *file, const unsigned char *data, size_t size,
                           uf_error *error) {
  while (size > 0) {
    ssize_t n = write(file->fd, data, UFI_MIN(size, (size_t)WRITE_MAX));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_failed(file->target, n < 0 ? errno : EIO, error);
    data += n;
    size -= (size_t)n;
  }
  return UF_OK;
}

static uf_status flush(ufi_outfile *file, uf_error *error) {
  size_t size = file->used;
  file->used = 0;
  return write_all(file, file->buffer, size, error);
}

/* Not all systems can, and it is only for speed. */
static void begin_range(ufi_outfile *file, uint64_t offset, uint64_t size) {
#ifdef SYNC_FILE_RANGE_WRITE
  sync_file_range(file->fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
#endif
}

static void begin_writing_back(ufi_outfile *file) {
  uint64_t written = file->size - file->used;
  if (written < file->begun + EARLY) return;
  begin_range(file, file->begun, written - file->begun);
  file->begun = written;
}

uf_status ufi_outfile_write(ufi_outfile *file, const void *data, size_t size, uf_error *error) {
  if (size == 0) return UF_OK;
  file->size += size;
  if (size > BUFFER - file->used) {
    UFI_TRY(flush(file, error));
    begin_writing_back(file);
  }
  if (size >= BUFFER) return write_all(file, data, size, error);
  memcpy(file->buffer + file->used, data, size);
  file->used += size;
  return UF_OK;
}

/* 0, or an errno. */
static int write_part(int fd, uint64_t offset, const unsigned char *data, size_t size) {
  while (size > 0) {
    ssize_t n = pwrite(fd, data, UFI_MIN(size, (size_t)WRITE_MAX), (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    data += n;
    offset += (uint64_t)n;
    size -= (size_t)n;
  }
  return 0;
}

uf_status ufi_outfile_write_at(ufi_outfile *file, uint64_t offset, const void *data, size_t size,
                               uf_error *error) {
  UFI_TRY(flush(file, error));
  int code = write_part(file->fd, offset, data, size);
  return code ? io_failed(file->target, code, error) : UF_OK;
}

uf_status ufi_flow_step(const ufi_flow *flow, const void *data, size_t size, uf_error *error) {
  if (!flow) return UF_OK;
  if (flow->crc32c) *flow->crc32c = ufi_crc32c(*flow->crc32c, data, size);
  if (flow->step && !flow->step(flow->context, size))
    return ufi_fail(error, UF_CANCELLED, "expected to write all, found a request to stop");
  return UF_OK;
}

/* ---- parts at once ---------------------------------------------------------------- */

/* Threads take parts of a round; between rounds the caller is told. The system copies what is
 * written to one file one part after the other, and meanwhile other threads have the pages of
 * the next ones read and their checksums computed, and the disk set to work on the round before. */
enum { ROUND = 16 << 20, PART = 2 << 20, PARTS = ROUND / PART };

typedef struct written_part {
  uint32_t crc32, crc32c;
  int code; /* an errno */
} written_part;

typedef struct round {
  ufi_outfile *file;
  uint64_t offset;
  const unsigned char *data;
  size_t size, n_parts;
  const ufi_flow *flow;
  bool crc32, crc32c;
  written_part parts[PARTS];
} round;

static void begin_late(ufi_outfile *file) {
  if (file->late_begin < file->late_end)
    begin_range(file, file->late_begin, file->late_end - file->late_begin);
  file->late_begin = file->late_end = 0;
}

static size_t part_size(const round *r, size_t i) {
  return UFI_MIN((size_t)PART, r->size - i * PART);
}

/* Task 0 looks after what the round before wrote, the others write. */
static void round_task(void *context, size_t task) {
  round *r = context;
  if (task == 0) {
    begin_late(r->file);
    if (r->flow->behind) r->flow->behind(r->flow->context);
    return;
  }
  size_t i = task - 1, size = part_size(r, i);
  const unsigned char *data = r->data + i * PART;
  written_part *part = &r->parts[i];
  part->crc32 = r->crc32 ? libdeflate_crc32(0, data, size) : 0;
  part->crc32c = r->crc32c ? ufi_crc32c(0, data, size) : 0;
  part->code = write_part(r->file->fd, r->offset + i * PART, data, size);
}

static uf_status run_round(round *r, uint32_t *crc32, const ufi_flow *flow, uf_error *error) {
  r->n_parts = (r->size + PART - 1) / PART;
  ufi_parallel(flow->pool, round_task, r, r->n_parts + 1);
  for (size_t i = 0; i < r->n_parts; i++) {
    const written_part *part = &r->parts[i];
    if (part->code) return io_failed(r->file->target, part->code, error);
    if (crc32) *crc32 = ufi_crc32_combine(*crc32, part->crc32, part_size(r, i));
    if (flow->crc32c)
      *flow->crc32c = ufi_crc32c_combine(*flow->crc32c, part->crc32c, part_size(r, i));
  }
  r->file->late_begin = r->offset;
  r->file->late_end = r->offset + r->size;
  if (flow->step && !flow->step(flow->context, r->size))
    return ufi_fail(error, UF_CANCELLED, "expected to write all, found a request to stop");
  return UF_OK;
}

static uf_status stream_parts(ufi_outfile *file, uint64_t offset, const void *data, size_t size,
                              uint32_t *crc32, const ufi_flow *flow, uf_error *error) {
  round r = {.file = file, .offset = offset, .data = data, .crc32 = crc32 != NULL,
             .crc32c = flow->crc32c != NULL, .flow = flow};
  UFI_TRY(flush(file, error));
  for (; size > 0; r.data += r.size, r.offset += r.size, size -= r.size) {
    r.size = UFI_MIN(size, (size_t)ROUND);
    UFI_TRY(run_round(&r, crc32, flow, error));
  }
  return UF_OK;
}

static bool in_parts(const ufi_flow *flow, size_t size) {
  return flow && ufi_pool_threads(flow->pool) > 1 && size > PART;
}

uf_status ufi_outfile_stream(ufi_outfile *file, const void *data, size_t size, uint32_t *crc32,
                             const ufi_flow *flow, uf_error *error) {
  if (in_parts(flow, size)) {
    UFI_TRY(stream_parts(file, file->size, data, size, crc32, flow, error));
    file->begun = file->size += size;
    if (lseek(file->fd, (off_t)file->size, SEEK_SET) < 0) return io_failed(file->target, errno, error);
    return UF_OK;
  }
  const char *p = data;
  for (size_t n; size > 0; p += n, size -= n) {
    n = UFI_MIN(size, (size_t)UFI_FLOW_CHUNK);
    if (crc32) *crc32 = libdeflate_crc32(*crc32, p, n);
    UFI_TRY(ufi_outfile_write(file, p, n, error));
    UFI_TRY(ufi_flow_step(flow, p, n, error));
  }
  return UF_OK;
}

uf_status ufi_outfile_stream_at(ufi_outfile *file, uint64_t offset, const void *data, size_t size,
                                const ufi_flow *flow, uf_error *error) {
  if (in_parts(flow, size)) return stream_parts(file, offset, data, size, NULL, flow, error);
  const char *p = data;
  uint64_t begun = offset;
  for (size_t n; size > 0; p += n, size -= n, offset += n) {
    n = UFI_MIN(size, (size_t)UFI_FLOW_CHUNK);
    UFI_TRY(ufi_outfile_write_at(file, offset, p, n, error));
    UFI_TRY(ufi_flow_step(flow, p, n, error));
    if (offset + n < begun + EARLY) continue;
    begin_range(file, begun, offset + n - begun);
    begun = offset + n;
  }
  return UF_OK;
}

uint64_t ufi_outfile_size(const ufi_outfile *file) { return file->size; }

/* The rename itself reaches the disk with the folder. Not all file systems
 * allow it, and the file is whole either way, so failures do not count. */
static void sync_folder(const char *target) {
  char folder[PATH_MAX];
  int fd = folder_of(target, folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  if (fsync(fd) != 0) errno = 0;
  close(fd);
}

uf_status ufi_outfile_prepare(ufi_outfile *file, uf_error *error) {
  UFI_TRY(flush(file, error));
  if (file->sync && fsync(file->fd) != 0 && errno != EINVAL && errno != ENOTSUP)
    return io_failed(file->target, errno, error);
  return UF_OK;
}

uf_status ufi_outfile_commit(ufi_outfile *file, uf_error *error) {
  uf_status status = ufi_outfile_prepare(file, error);
  if (status == UF_OK) status = give_name(file, error);
  if (close(file->fd) != 0 && status == UF_OK) status = io_failed(file->target, errno, error);
  bool moves = strcmp(file->temporary, file->target) != 0;
  if (status == UF_OK && moves && rename(file->temporary, file->target) != 0)
    status = io_failed(file->target, errno, error);
  if (status == UF_OK && file->sync) sync_folder(file->target);
  if (status != UF_OK && file->named) unlink(file->temporary);
  ufi_free(file);
  return status;
}

void ufi_outfile_abandon(ufi_outfile *file) {
  if (!file) return;
  close(file->fd);
  if (file->named) unlink(file->temporary);
  ufi_free(file);
}
