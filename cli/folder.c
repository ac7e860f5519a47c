/* SPDX-License-Identifier: Apache-2.0
 *
 * folder.c: a folder of .npy files that appears whole or not at all.
 *
 * Files go to a folder with a random name beside the target, which takes the
 * target's name at the end. An empty folder there is replaced, one with content
 * is refused.
 *
 * The file of a tensor has the tensor's name, with what a file name must not or
 * should not hold as %XX, as in URLs: control characters, / \ : * ? " < > | %,
 * bytes that are not UTF-8 and a dot in front. So no name leaves the folder, and urllib.parse.unquote
 * gives it back. Names beyond 200 bytes are cut; names that are then equal (case
 * aside, for file systems that have none) get ~2, ~3 ...
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { NAME_BYTES = 200 };

struct folder {
  char *target, *temporary;
  name_set *used;   /* lower-case names */
  char **files;     /* for removal */
  size_t count, capacity;
};

static bool is_empty_folder(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return false;
  int n = 0;
  for (struct dirent *e; (e = readdir(dir)) && n <= 2;) n++;
  closedir(dir);
  return n <= 2; /* . and .. */
}

folder *folder_create(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0 && !is_empty_folder(path)) {
    fail("expected no file, or an empty folder, at '%s', found one with content; "
         "remove it or choose another name", path);
    return NULL;
  }
  folder *f = xcalloc(1, sizeof *f);
  f->target = xstrdup(path);
  for (size_t n = strlen(path); n > 1 && f->target[n - 1] == '/';) f->target[--n] = '\0';
  const char *slash = strrchr(f->target, '/');
  text name = {0};
  text_add(&name, f->target, slash ? (size_t)(slash - f->target) + 1 : 0);
  text_string(&name, ".unflow-XXXXXX");
  f->temporary = name.data;
  f->used = name_set_create();
  if (mkdtemp(f->temporary)) return f;
  fail("expected to make the folder '%s', found: %s", path, strerror(errno));
  free(f->temporary);
  f->temporary = NULL;
  folder_abandon(f);
  return NULL;
}

/* Whole characters, as many as fit. Invalid UTF-8 is escaped byte by byte. */
static void escape_name(text *out, const char *name) {
  size_t left = strlen(name), length;
  for (const char *p = name; left > 0; p += length, left -= length) {
    unsigned char c = (unsigned char)*p;
    length = utf8_length(p, left);
    bool bad = length == 0 || c < 0x20 || c == 0x7F || strchr("/\\:*?\"<>|%", c) ||
               (c == '.' && p == name);
    if (length == 0) length = 1;
    if (out->size + (bad ? 3 : length) > NAME_BYTES) break;
    if (bad) text_format(out, "%%%02X", c);
    else text_add(out, p, length);
  }
  if (out->size == 0) text_string(out, "unnamed");
}

/* The file name for a tensor: its escaped name, numbered if another has it. */
static char *file_name(folder *f, const char *name) {
  text escaped = {0};
  escape_name(&escaped, name);
  char *lower = xstrdup(escaped.data);
  for (char *p = lower; *p; p++) *p = (char)tolower((unsigned char)*p);
  const char *unique = name_set_add(f->used, lower);
  text_string(&escaped, unique + strlen(lower)); /* "" or "~2" */
  text_string(&escaped, ".npy");
  free(lower);
  return escaped.data;
}

static char *path_of(const folder *f, const char *file) {
  text path = {0};
  text_format(&path, "%s/%s", f->temporary, file);
  return path.data;
}

static void remember(folder *f, char *file) {
  if (f->count == f->capacity) {
    f->capacity = f->capacity ? 2 * f->capacity : 64;
    f->files = xrealloc(f->files, f->capacity, sizeof *f->files);
  }
  f->files[f->count++] = file;
}

const char *folder_add(folder *f, const char *name, const uf_tensor *tensor, uf_error *error) {
  char *file = file_name(f, name), *path = path_of(f, file);
  uf_status status = uf_npy_save(path, tensor, error);
  free(path);
  remember(f, file);
  return status == UF_OK ? file : NULL;
}

FILE *folder_open(folder *f, const char *file) {
  char *path = path_of(f, file);
  FILE *out = fopen(path, "w");
  if (!out) fail("expected to write '%s', found: %s", path, strerror(errno));
  remember(f, xstrdup(file));
  free(path);
  return out;
}

static void folder_free(folder *f) {
  for (size_t i = 0; i < f->count; i++) free(f->files[i]);
  free(f->files);
  name_set_free(f->used);
  free(f->target);
  free(f->temporary);
  free(f);
}

/* mkdtemp gives a private folder; the result gets what mkdir would give. */
static void usual_permissions(const char *path) {
  mode_t mask = umask(0);
  umask(mask);
  if (chmod(path, 0777 & ~mask) != 0) errno = 0; /* the content is what counts */
}

bool folder_finish(folder *f) {
  usual_permissions(f->temporary);
  int fd = open(f->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    syncfs(fd); /* once for all files, before the name shows them */
    close(fd);
  }
  if (rename(f->temporary, f->target) == 0) {
    folder_free(f);
    return true;
  }
  fail("expected to name the folder '%s', found: %s", f->target, strerror(errno));
  folder_abandon(f);
  return false;
}

void folder_abandon(folder *f) {
  if (!f) return;
  for (size_t i = 0; f->temporary && i < f->count; i++) {
    char *path = path_of(f, f->files[i]);
    unlink(path);
    free(path);
  }
  if (f->temporary) rmdir(f->temporary);
  folder_free(f);
}
