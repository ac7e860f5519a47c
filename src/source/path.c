/* SPDX-License-Identifier: Apache-2.0
 *
 * path.c: what a user's path means.
 *
 * In this order: a folder is a SavedModel (saved_model.pb), has a `checkpoint` state file,
 * holds one checkpoint, or holds .npy files. A file called `checkpoint` is a state file;
 * NAME.index and NAME.data-* belong to the checkpoint NAME; NAME.meta is a graph with the
 * checkpoint NAME beside it; any other file is told by its first and last bytes. What is
 * neither may be the prefix of a checkpoint. Otherwise the message says what is there.
 */
#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

#include "format/sstable.h"
#include "source/source.h"

enum { HEAD = 16, LISTED = 5, STATE_MAX = 1 << 20 };

typedef struct place {
  const uf_filesystem *fs;
  const char *path;
} place;

/* ---- text ------------------------------------------------------------------------- */

/* a + b in new memory, freed with ufi_free; NULL when out of memory. */
static char *joined(const char *a, size_t a_size, const char *b) {
  size_t b_size = strlen(b) + 1;
  char *text = ufi_malloc(a_size + b_size);
  if (!text) return NULL;
  memcpy(text, a, a_size);
  memcpy(text + a_size, b, b_size);
  return text;
}

static char *inside(const char *folder, const char *name) {
  size_t size = strlen(folder);
  while (size > 1 && folder[size - 1] == '/') size--;
  char *base = joined(folder, size, size == 1 && folder[0] == '/' ? "" : "/");
  char *path = base ? joined(base, strlen(base), name) : NULL;
  ufi_free(base);
  return path;
}

static bool ends_with(const char *text, const char *end) {
  size_t a = strlen(text), b = strlen(end);
  return a >= b && strcmp(text + a - b, end) == 0;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* "." or what comes before the last slash; freed by the caller. */
static char *folder_of(const char *path) {
  const char *name = base_name(path);
  if (name == path) return joined(".", 1, "");
  size_t size = (size_t)(name - path);
  return joined(path, size > 1 ? size - 1 : 1, "");
}

/* For names like PREFIX.data-00000-of-00002 (or PREFIX-00000-of-00002, V1): the length of
 * PREFIX, 0 for other names. */
static size_t shard_prefix(const char *path, const char *mark) {
  size_t size = strlen(path), tail = strlen("-00000-of-00000"), m = strlen(mark);
  if (size <= tail + m) return 0;
  const char *t = path + size - tail;
  int a, b, used = 0;
  if (sscanf(t, "-%5d-of-%5d%n", &a, &b, &used) != 2 || (size_t)used != tail) return 0;
  return memcmp(t - m, mark, m) == 0 ? size - tail - m : 0;
}

/* For PREFIX-?????-of-00002, as TensorFlow names the shards of a V1 checkpoint together: the
 * length of PREFIX, 0 for other names. */
static size_t pattern_prefix(const char *path) {
  enum { DIGITS = 5, TAIL = 1 + DIGITS + 4 + DIGITS };
  size_t size = strlen(path);
  if (size <= TAIL) return 0;
  const char *tail = path + size - TAIL;
  bool good = tail[0] == '-' && strspn(tail + 1, "?") == DIGITS &&
              memcmp(tail + 1 + DIGITS, "-of-", 4) == 0 &&
              strspn(tail + TAIL - DIGITS, "?0123456789") == DIGITS;
  return good ? size - TAIL : 0;
}

static uf_status no_memory(uf_error *error) { return ufi_no_memory(error, 4096); }

/* ---- checkpoints ---------------------------------------------------------------------- */

static uf_status find_index(const place *at, const char *prefix, bool *found_out, uf_error *error) {
  char *index = joined(prefix, strlen(prefix), ".index");
  if (!index) return no_memory(error);
  *found_out = ufi_file_exists(at->fs, index);
  ufi_free(index);
  return UF_OK;
}

/* The shards prefix-?????-of-?????, all of them. */
static uf_status open_sharded_slices(const place *at, const char *prefix, const ufi_folder *folder,
                                     uf_source **source_out, uf_error *error) {
  const char *name = base_name(prefix);
  size_t size = strlen(name), n = 0;
  ufi_file **files = ufi_calloc(folder->count + 1, sizeof *files);
  char *parent = folder_of(prefix);
  uf_status status = files && parent ? UF_OK : no_memory(error);
  for (size_t i = 0; i < folder->count && status == UF_OK; i++) {
    const char *found = folder->names[i];
    if (shard_prefix(found, "") != size || memcmp(found, name, size) != 0) continue;
    char *path = inside(parent, found);
    status = path ? ufi_file_open(at->fs, path, &files[n], error) : no_memory(error);
    ufi_free(path);
    if (status == UF_OK) n++;
  }
  if (status == UF_OK)
    status = n ? ufi_open_tensor_slices(prefix, at->fs, files, n, source_out, error) : UF_NOT_FOUND;
  for (size_t i = 0; i < n; i++) ufi_file_release(files[i]);
  ufi_free(files);
  ufi_free(parent);
  return status;
}

/* A checkpoint of that prefix; NOT_FOUND without a message when there is none. */
static uf_status open_prefix(const place *at, const char *prefix, uf_source **source_out,
                             uf_error *error) {
  bool has_index = false;
  UFI_TRY(find_index(at, prefix, &has_index, error));
  if (has_index) return ufi_open_bundle(prefix, at->fs, source_out, error);
  ufi_file *file = NULL;
  if (ufi_file_exists(at->fs, prefix)) {
    UFI_TRY(ufi_file_open(at->fs, prefix, &file, error));
    bool is_table = ufi_sstable_is(file);
    uf_status status = UF_NOT_FOUND;
    if (is_table) status = ufi_open_tensor_slices(prefix, at->fs, &file, 1, source_out, error);
    ufi_file_release(file);
    return status;
  }
  char *parent = folder_of(prefix);
  ufi_folder folder = {0};
  uf_status status = parent ? ufi_folder_list(at->fs, parent, &folder, NULL) : UF_RESOURCE_EXHAUSTED;
  if (status == UF_OK) status = open_sharded_slices(at, prefix, &folder, source_out, error);
  else if (status == UF_RESOURCE_EXHAUSTED) no_memory(error);
  else status = UF_NOT_FOUND;
  ufi_folder_free(&folder);
  ufi_free(parent);
  return status;
}

/* prefix is new memory, or NULL when out of it. */
static uf_status open_required(const place *at, char *prefix, const char *what,
                               uf_source **source_out, uf_error *error) {
  if (!prefix) return no_memory(error);
  uf_status status = open_prefix(at, prefix, source_out, error);
  if (status == UF_NOT_FOUND && (!error || error->status != UF_NOT_FOUND || !error->message[0]))
    status = ufi_fail(error, UF_NOT_FOUND, "%s: %s the checkpoint '%s', found no '%s.index' and no "
                      "file of that name; copy all files of the checkpoint", at->path, what, prefix,
                      base_name(prefix));
  ufi_free(prefix);
  return status;
}

/* ---- the `checkpoint` state file ---------------------------------------------------------- */

/* The string after `model_checkpoint_path:` in the text of a CheckpointState, its escapes
 * undone in place (the text is ours). NULL: there is none. */
static char *state_value(char *text) {
  static const char key[] = "model_checkpoint_path";
  char *at = text;
  for (; (at = strstr(at, key)) != NULL; at += sizeof key - 1) {
    bool starts = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
    if (starts) break;
  }
  if (!at) return NULL;
  at += sizeof key - 1;
  while (isspace((unsigned char)*at) || *at == ':') at++;
  char quote = *at;
  if (quote != '"' && quote != '\'') return NULL;
  char *value = ++at, *to = value;
  for (; *at && *at != quote; at++) {
    if (*at != '\\' || !at[1]) {
      *to++ = *at;
      continue;
    }
    unsigned code = 0;
    int digits = 0;
    while (digits < 3 && at[1 + digits] >= '0' && at[1 + digits] <= '7')
      code = code * 8 + (unsigned)(at[1 + digits++] - '0');
    *to++ = digits ? (char)code : at[1] == 'n' ? '\n' : at[1] == 't' ? '\t' : at[1];
    at += digits ? digits : 1;
  }
  bool whole = *at == quote;
  *to = 0;
  return whole && *value ? value : NULL;
}

static uf_status open_state(const place *at, const char *path, uf_source **source_out,
                            uf_error *error) {
  ufi_file *file = NULL;
  UFI_TRY(ufi_file_open(at->fs, path, &file, error));
  uint64_t size = UFI_MIN(ufi_file_size(file), (uint64_t)STATE_MAX);
  char *text = ufi_malloc((size_t)size + 1), *parent = folder_of(path);
  uf_status status = text && parent ? ufi_file_read(file, 0, size, text, error) : no_memory(error);
  ufi_file_release(file);
  if (status == UF_OK) {
    text[size] = 0;
    const char *value = state_value(text);
    if (value)
      status = open_required(at, value[0] == '/' || strstr(value, "://") ? joined(value, strlen(value), "")
                                                                         : inside(parent, value),
                             "expected", source_out, error);
    else
      status = ufi_fail(error, UF_DATA_LOSS, "%s: expected a line model_checkpoint_path: \"...\", "
                        "found none; give the checkpoint's own path", path);
  }
  ufi_free(text);
  ufi_free(parent);
  return status;
}

/* ---- folders -------------------------------------------------------------------------------- */

/* Up to LISTED names, for a message. */
static void list_names(const ufi_folder *folder, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (size_t i = 0; i < folder->count && i < LISTED; i++) {
    int n = snprintf(text + used, room - used, "%s'%.100s'", i ? ", " : "", folder->names[i]);
    if (n < 0 || (size_t)n >= room - used) return;
    used += (size_t)n;
  }
  if (folder->count > LISTED) snprintf(text + used, room - used, " and %zu more", folder->count - LISTED);
}

/* The one checkpoint in a folder, by its .index; NULL: none, or *many_out. */
static const char *only_index(const ufi_folder *folder, bool *many_out) {
  const char *found = NULL;
  *many_out = false;
  for (size_t i = 0; i < folder->count; i++) {
    if (!ends_with(folder->names[i], ".index")) continue;
    *many_out = found != NULL;
    if (found) return NULL;
    found = folder->names[i];
  }
  return found;
}

static bool has_ending(const ufi_folder *folder, const char *end) {
  for (size_t i = 0; i < folder->count; i++)
    if (ends_with(folder->names[i], end)) return true;
  return false;
}

static uf_status open_saved_model(const place *at, const char *folder, const char *file_name,
                                  uf_source **source_out, uf_error *error) {
  char *pb = inside(folder, file_name), *prefix = inside(folder, "variables/variables");
  ufi_file *file = NULL;
  uf_source *graph = NULL, *checkpoint = NULL;
  uf_status status = pb && prefix ? ufi_file_open(at->fs, pb, &file, error) : no_memory(error);
  if (status == UF_OK) status = ufi_open_graphdef(file, at->fs, &graph, error);
  if (status == UF_OK) {
    status = open_prefix(at, prefix, &checkpoint, error);
    if (status == UF_NOT_FOUND) status = UF_OK; /* a model without variables */
  }
  if (status == UF_OK)
    status = ufi_open_saved_model(folder, "saved_model", graph, checkpoint, source_out, error);
  else
    uf_source_release(graph);
  ufi_file_release(file);
  ufi_free(pb);
  ufi_free(prefix);
  return status;
}

static uf_status nothing_known(const char *path, const ufi_folder *folder, bool many,
                               uf_error *error) {
  char names[640];
  list_names(folder, names, sizeof names);
  if (many)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "%s: expected one checkpoint in the folder or a "
                    "`checkpoint` file that names one, found several .index files (%s); say which",
                    path, names);
  return ufi_fail(error, UF_NOT_FOUND, "%s: expected a folder with a `checkpoint` file, .index, "
                  "saved_model.pb or .npy files, found %s%s", path,
                  folder->count ? "" : "an empty one", names);
}

static uf_status open_folder(const place *at, const char *path, const ufi_folder *folder,
                             uf_source **source_out, uf_error *error) {
  for (int text = 0; text < 2; text++) {
    const char *name = text ? "saved_model.pbtxt" : "saved_model.pb";
    if (ufi_folder_has(folder, name)) return open_saved_model(at, path, name, source_out, error);
  }
  bool many;
  const char *index = only_index(folder, &many);
  bool is_state = ufi_folder_has(folder, "checkpoint"), is_npy = has_ending(folder, ".npy");
  uf_status status;
  if (is_state || index) {
    char *inner = inside(path, is_state ? "checkpoint" : index);
    if (!inner) return no_memory(error);
    if (!is_state) inner[strlen(inner) - strlen(".index")] = 0;
    status = is_state ? open_state(at, inner, source_out, error)
                      : ufi_open_bundle(inner, at->fs, source_out, error);
    ufi_free(inner);
    return status;
  }
  if (is_npy && !many) return ufi_open_npy_folder(path, at->fs, source_out, error);
  return nothing_known(path, folder, many, error);
}

/* ---- files --------------------------------------------------------------------------------------- */

/* A graph, with the checkpoint beside it. */
static uf_status open_meta(const place *at, ufi_file *file, uf_source **source_out,
                           uf_error *error) {
  uf_source *graph = NULL, *checkpoint = NULL;
  UFI_TRY(ufi_open_graphdef(file, at->fs, &graph, error));
  char *prefix = joined(at->path, strlen(at->path) - strlen(".meta"), "");
  uf_status status = prefix ? open_prefix(at, prefix, &checkpoint, error) : no_memory(error);
  ufi_free(prefix);
  if (status == UF_NOT_FOUND) status = UF_OK;
  if (status == UF_OK)
    return ufi_open_saved_model(at->path, "meta_graph", graph, checkpoint, source_out, error);
  uf_source_release(graph);
  return status;
}

typedef uf_status (*open_fn)(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                             uf_error *error);

static bool starts(const uint8_t *head, const char *magic, size_t size) {
  return memcmp(head, magic, size) == 0;
}

/* NULL: by no magic number that we know. */
static open_fn opener_of(const uint8_t head[HEAD], uint64_t size) {
  if (starts(head + 4, "TFL3", 4)) return ufi_open_tflite;
  if (starts(head, "PK\3\4", 4) || starts(head, "PK\5\6", 4)) return ufi_open_npz;
  if (starts(head, "\x93NUMPY", 6)) return ufi_open_npy;
  if (size >= 9 && head[8] == '{' && ufi_load64(head) <= size - 8) return ufi_open_safetensors;
  return ufi_open_graphdef;
}

static uf_status open_content(const place *at, ufi_file *file, uf_source **source_out,
                              uf_error *error) {
  uint8_t head[HEAD] = {0};
  uint64_t size = ufi_file_size(file);
  UFI_TRY(ufi_file_read(file, 0, UFI_MIN(size, (uint64_t)HEAD), head, error));
  if (starts(head, "\x89HDF\r\n", 6))
    return ufi_fail(error, UF_UNIMPLEMENTED, "%s: expected a TensorFlow, NumPy or safetensors file, "
                    "found HDF5 (Keras .h5), which the Python package reads: pip install "
                    "'unflow[h5]', then unflow.open", ufi_file_path(file));
  if (size == 0)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "%s: expected a model, checkpoint or archive, found "
                    "an empty file", ufi_file_path(file));
  if (ufi_sstable_is(file))
    return ufi_open_tensor_slices(ufi_file_path(file), at->fs, &file, 1, source_out, error);
  return opener_of(head, size)(file, at->fs, source_out, error);
}

static uf_status open_file(const place *at, uf_source **source_out, uf_error *error) {
  const char *path = at->path;
  size_t size = strlen(path), data = shard_prefix(path, ".data");
  ufi_file *file = NULL;
  if (data) return open_required(at, joined(path, data, ""), "expected a file of", source_out, error);
  if (strcmp(base_name(path), "checkpoint") == 0) return open_state(at, path, source_out, error);
  UFI_TRY(ufi_file_open(at->fs, path, &file, error));
  uf_status status;
  size_t slices = shard_prefix(path, "");
  if (ends_with(path, ".index")) {
    char *prefix = joined(path, size - strlen(".index"), "");
    status = prefix ? ufi_open_bundle(prefix, at->fs, source_out, error) : no_memory(error);
    ufi_free(prefix);
  } else if (slices && ufi_sstable_is(file)) {
    status = open_required(at, joined(path, slices, ""), "expected a file of", source_out, error);
  } else if (ends_with(path, "saved_model.pb") || ends_with(path, "saved_model.pbtxt")) {
    char *folder = folder_of(path);
    status = folder ? open_saved_model(at, folder, base_name(path), source_out, error)
                    : no_memory(error);
    ufi_free(folder);
  } else if (ends_with(path, ".meta")) {
    status = open_meta(at, file, source_out, error);
  } else {
    status = open_content(at, file, source_out, error);
  }
  ufi_file_release(file);
  return status;
}

/* ---- anything ------------------------------------------------------------------------------------------ */

/* The data of a checkpoint without its index is the most common loss. */
static uf_status nothing_there(const place *at, uf_error *error) {
  char *parent = folder_of(at->path), names[640] = "";
  ufi_folder folder = {0};
  if (!parent) return no_memory(error);
  uf_status status = ufi_folder_list(at->fs, parent, &folder, NULL);
  const char *name = base_name(at->path);
  size_t size = strlen(name);
  const char *data = NULL;
  for (size_t i = 0; i < folder.count && !data && size; i++)
    if (shard_prefix(folder.names[i], ".data") == size && memcmp(folder.names[i], name, size) == 0)
      data = folder.names[i];
  list_names(&folder, names, sizeof names);
  if (data)
    ufi_fail(error, UF_NOT_FOUND, "%s: expected '%s.index' beside '%s', found none; a checkpoint "
             "cannot be read without its index", at->path, name, data);
  else if (status == UF_OK)
    ufi_fail(error, UF_NOT_FOUND, "expected a file, a folder or the prefix of a checkpoint at '%s', "
             "found nothing there; its folder has %s", at->path,
             folder.count ? names : "no files");
  else
    ufi_fail(error, UF_NOT_FOUND, "expected a file, a folder or the prefix of a checkpoint at '%s', "
             "found not even the folder '%s'; check the path", at->path, parent);
  ufi_folder_free(&folder);
  ufi_free(parent);
  return UF_NOT_FOUND;
}

static bool is_folder(const place *at, ufi_folder *folder_out) {
  struct stat info;
  if (!at->fs && (stat(at->path, &info) != 0 || !S_ISDIR(info.st_mode))) return false;
  return ufi_folder_list(at->fs, at->path, folder_out, NULL) == UF_OK &&
         (!at->fs || folder_out->count > 0);
}

static uf_status open_pattern(const place *at, size_t size, uf_source **source_out,
                              uf_error *error) {
  char *prefix = joined(at->path, size, "");
  if (!prefix) return no_memory(error);
  uf_status status = open_prefix(at, prefix, source_out, error);
  ufi_free(prefix);
  return status == UF_NOT_FOUND ? nothing_there(at, error) : status;
}

static uf_status open_any(const place *at, uf_source **source_out, uf_error *error) {
  ufi_folder folder = {0};
  size_t pattern = pattern_prefix(at->path);
  if (pattern) return open_pattern(at, pattern, source_out, error);
  uint64_t size;
  uf_status reachable = at->fs ? at->fs->size(at->fs->context, at->path, &size, error) : UF_OK;
  if (reachable != UF_OK && reachable != UF_NOT_FOUND) return reachable;
  if (ufi_file_exists(at->fs, at->path)) return open_file(at, source_out, error);
  bool has_index = false;
  UFI_TRY(find_index(at, at->path, &has_index, error));
  if (has_index) return ufi_open_bundle(at->path, at->fs, source_out, error);
  if (is_folder(at, &folder)) {
    uf_status status = open_folder(at, at->path, &folder, source_out, error);
    ufi_folder_free(&folder);
    return status;
  }
  ufi_folder_free(&folder);
  uf_status status = open_prefix(at, at->path, source_out, error);
  return status == UF_NOT_FOUND ? nothing_there(at, error) : status;
}

static const uf_filesystem *fs_of(const uf_source_options *options) {
  size_t needed = offsetof(uf_source_options, filesystem) + sizeof options->filesystem;
  return options && options->struct_size >= needed ? options->filesystem : NULL;
}

uf_status uf_source_open(const char *path, const uf_source_options *options,
                         uf_source **source_out, uf_error *error) {
  if (!path || !path[0])
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a path, found %s", path ? "''" : "NULL");
  place at = {fs_of(options), path};
  uf_error words = {0}; /* what comes of attempts is looked at */
  uf_status status = open_any(&at, source_out, &words);
  if (status == UF_OK) (*source_out)->owns_fs = at.fs != NULL;
  else if (error) *error = words;
  return status;
}

uf_status uf_source_open_buf(uf_buf *buf, const uf_source_options *options,
                             uf_source **source_out, uf_error *error) {
  size_t needed = offsetof(uf_source_options, name) + sizeof options->name;
  bool named = options && options->struct_size >= needed && options->name;
  place at = {NULL, named ? options->name : "<memory>"};
  ufi_file *file = NULL;
  if (!buf) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a buf, found NULL");
  UFI_TRY(ufi_file_of_buf(buf, at.path, &file, error));
  uf_status status = open_content(&at, file, source_out, error);
  ufi_file_release(file);
  return status;
}
