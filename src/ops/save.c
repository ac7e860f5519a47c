/* SPDX-License-Identifier: Apache-2.0
 *
 * save.c: ops on files: SaveV2, Save, SaveSlices, RestoreV2, MergeV2Checkpoints, Restore, RestoreSlice, ShardedFilename,
 * ShardedFilespec, ReadFile, WriteFile, MatchingFiles, and Timestamp. Checkpoints themselves are behind
 * files.h.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "ops/chars.h"
#include "ops/files.h"
#include "ops/host.h"
#include "ops/move.h"

/* A string with a NUL behind it, in the op's memory. */
static uf_status text_of(ufi_ctx *ctx, ufi_chars *c, uf_string s, const char **text_out) {
  uf_string copy;
  ufi_chars_string(c, s);
  ufi_chars_byte(c, 0);
  UFI_TRY(ufi_chars_take(ctx, c, &copy));
  *text_out = copy.data;
  return UF_OK;
}

static uf_status want_list(ufi_ctx *ctx, int32_t i, int64_t n, const char *what) {
  if (ctx->in[i]->rank == 1 && ctx->in[i]->count == n) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a list of %lld %s, found %lld elements of rank %d",
                      (long long)n, what, (long long)ctx->in[i]->count, ctx->in[i]->rank);
}

/* ---- SaveV2, Save, SaveSlices ---------------------------------------------------------------------------- */

typedef struct save_attrs {
  bool v1, has_slices;
} save_attrs;

static uf_status save_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  bool v1 = strcmp(from->op, "SaveV2") != 0;
  *(save_attrs *)attrs = (save_attrs){v1, strcmp(from->op, "Save") != 0};
  return UF_OK;
}

static uf_status save_infer(ufi_ctx *ctx) {
  const save_attrs *a = ctx->attrs;
  int32_t first = a->has_slices ? 3 : 2;
  UFI_TRY(ufi_want_one(ctx, 0, "prefix", false));
  UFI_TRY(want_list(ctx, 1, ctx->n_in - first, "tensor names"));
  return a->has_slices ? want_list(ctx, 2, ctx->n_in - first, "shapes and slices") : UF_OK;
}

static uf_status save_eval(ufi_ctx *ctx) {
  const save_attrs *a = ctx->attrs;
  int32_t first = a->has_slices ? 3 : 2, n = ctx->n_in - first;
  ufi_chars *c;
  const char *prefix;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[0])[0], &prefix));
  ufi_saved *items = ufi_arena_array(c->arena, (size_t)n + 1, sizeof *items);
  uf_tensor *views = ufi_arena_array(c->arena, (size_t)n + 1, sizeof *views);
  if (items == NULL || views == NULL) return ufi_no_memory(ctx->error, sizeof *views);
  for (int32_t i = 0; i < n; i++) {
    views[i] = ufi_view(ctx->in[i + first]);
    items[i] = (ufi_saved){.spec = "", .tensor = &views[i]};
    UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[1])[i], &items[i].name));
    if (a->has_slices) UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[2])[i], &items[i].spec));
  }
  return (a->v1 ? ufi_saver_write_v1 : ufi_saver_write)(prefix, items, n, ctx->error);
}

const ufi_op_def ufi_op_SAVE_V2 = {
  .attrs_size = sizeof(save_attrs), .attrs_tf = save_tf, .infer = save_infer, .prepare = ufi_chars_prepare, .eval = save_eval, .release = ufi_chars_release,
};

/* ---- RestoreV2, Restore, RestoreSlice -------------------------------------------------------- */

static uf_status restore_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_one(ctx, 0, "prefix", false));
  UFI_TRY(want_list(ctx, 1, ctx->n_out, "tensor names"));
  return want_list(ctx, 2, ctx->n_out, "shapes and slices");
}

static uf_status restore_one_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_one(ctx, 0, "file pattern", true));
  UFI_TRY(ufi_want_one(ctx, 1, "tensor name", true));
  return ctx->n_in > 2 ? ufi_want_one(ctx, 2, "shape and slice", true) : UF_OK;
}

static uf_status restore_output(ufi_ctx *ctx, ufi_chars *c, uf_source *source, int32_t i) {
  const char *name, *spec = "";
  uf_tensor tensor = {0};
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[1])[i], &name));
  if (ctx->n_in > 2) UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[2])[i], &spec));
  UFI_TRY(ufi_saver_read(source, name, spec, ctx->out[i]->dtype, &tensor, ctx->error));
  uf_status status = ufi_host_out_share(ctx, i, &tensor);
  uf_tensor_release(&tensor);
  return status;
}

static uf_status restore_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  const char *prefix;
  uf_source *source = NULL;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[0])[0], &prefix));
  UFI_TRY(ufi_saver_open(prefix, &source, ctx->error));
  uf_status status = UF_OK;
  for (int32_t i = 0; i < ctx->n_out && status == UF_OK; i++) status = restore_output(ctx, c, source, i);
  uf_source_release(source);
  return status;
}

const ufi_op_def ufi_op_RESTORE_V2 = {
  .infer = restore_infer, .prepare = ufi_chars_prepare, .eval = restore_eval, .release = ufi_chars_release,
};
const ufi_op_def ufi_op_RESTORE = {
  .infer = restore_one_infer, .prepare = ufi_chars_prepare, .eval = restore_eval, .release = ufi_chars_release,
};

/* ---- MergeV2Checkpoints -------------------------------------------------------------------------- */

typedef struct merge_attrs {
  bool delete_folders, allow_missing;
} merge_attrs;

static uf_status merge_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(merge_attrs *)attrs = (merge_attrs){ufi_tf_bool(from, "delete_old_dirs"), ufi_tf_bool(from, "allow_missing_files")};
  return UF_OK;
}

static uf_status merge_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  return ufi_want_one(ctx, 1, "destination", false);
}

static uf_status merge_eval(ufi_ctx *ctx) {
  const merge_attrs *a = ctx->attrs;
  int32_t n = (int32_t)UFI_MIN(ctx->in[0]->count, (int64_t)INT32_MAX);
  ufi_chars *c;
  const char *destination;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  const char **prefixes = ufi_arena_array(c->arena, (size_t)n + 1, sizeof *prefixes);
  if (prefixes == NULL) return ufi_no_memory(ctx->error, sizeof *prefixes);
  for (int32_t i = 0; i < n; i++) UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[0])[i], &prefixes[i]));
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[1])[0], &destination));
  return ufi_saver_merge(prefixes, n, destination, a->delete_folders, a->allow_missing, ctx->error);
}

const ufi_op_def ufi_op_MERGE_V2_CHECKPOINTS = {
  .attrs_size = sizeof(merge_attrs), .attrs_tf = merge_tf, .infer = merge_infer, .prepare = ufi_chars_prepare,
  .eval = merge_eval, .release = ufi_chars_release,
};

/* ---- ShardedFilename, ShardedFilespec ---------------------------------------------------------------- */

static uf_status sharded_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_in; i++) UFI_TRY(ufi_want_one(ctx, i, "input", false));
  return ufi_scalar_out(ctx);
}

static uf_status sharded_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  int last = *(const int32_t *)ctx->in[ctx->n_in - 1]->data;
  ufi_chars_string(c, ufi_strings(ctx->in[0])[0]);
  if (ctx->n_in == 3) ufi_chars_format(c, "-%05d-of-%05d", *(const int32_t *)ctx->in[1]->data, last);
  else ufi_chars_format(c, "-\?\?\?\?\?-of-%05d", last);
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_SHARDED_FILENAME = {
  .infer = sharded_infer, .prepare = ufi_chars_prepare, .eval = sharded_eval, .release = ufi_chars_release,
};

/* ---- ReadFile, WriteFile ------------------------------------------------------------------------------ */

static uf_status read_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_one(ctx, 0, "filename", false));
  return ufi_scalar_out(ctx);
}

static uf_status read_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  const char *path;
  ufi_file *file = NULL;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[0])[0], &path));
  UFI_TRY(ufi_file_open(NULL, path, &file, ctx->error));
  uint64_t size = ufi_file_size(file);
  char *bytes = size < ufi_host_max_bytes(ctx) ? ufi_arena_alloc(c->arena, size ? size : 1) : NULL;
  uf_status status = bytes ? ufi_file_read(file, 0, size, bytes, ctx->error) : ufi_no_memory(ctx->error, size);
  ufi_file_release(file);
  if (status == UF_OK) ufi_strings(ctx->out[0])[0] = (uf_string){bytes, size};
  return status;
}

const ufi_op_def ufi_op_READ_FILE = {
  .infer = read_infer, .prepare = ufi_chars_prepare, .eval = read_eval, .release = ufi_chars_release,
};

static uf_status write_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_one(ctx, 0, "filename", false));
  return ufi_want_one(ctx, 1, "contents", false);
}

/* Makes the folders of a path, which is left as it was. */
static void make_folders(char *path) {
  for (char *at = strchr(path + (path[0] == '/'), '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    mkdir(path, 0777); /* what fails here shows when the file is opened */
    *at = '/';
  }
}

static uf_status write_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  const char *path;
  uf_string contents = ufi_strings(ctx->in[1])[0];
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(text_of(ctx, c, ufi_strings(ctx->in[0])[0], &path));
  make_folders((char *)path);
  FILE *file = fopen(path, "wb");
  if (file == NULL)
    return ufi_ctx_fail(ctx, errno == ENOENT ? UF_NOT_FOUND : errno == EISDIR ? UF_FAILED_PRECONDITION : UF_PERMISSION_DENIED,
                        "expected a file '%.400s' that can be written, found %s", path, strerror(errno));
  bool good = fwrite(contents.data, 1, contents.size, file) == contents.size;
  good = fclose(file) == 0 && good;
  return good ? UF_OK : ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected room for '%.400s', found none", path);
}

const ufi_op_def ufi_op_WRITE_FILE = {
  .infer = write_infer, .prepare = ufi_chars_prepare, .eval = write_eval, .release = ufi_chars_release,
};

/* ---- MatchingFiles --------------------------------------------------------------------------------------- */

static uf_status matching_infer(ufi_ctx *ctx) { return ufi_want_rank(ctx, ctx->in[0], 0, 1); }

static int by_text(const void *a, const void *b) {
  const uf_string *x = a, *y = b;
  int order = memcmp(x->data, y->data, UFI_MIN(x->size, y->size));
  return order ? order : (x->size > y->size) - (x->size < y->size);
}

static bool is_dots(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static uf_status matching_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  glob_t found = {0};
  bool appending = false;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    const char *pattern;
    uf_status status = text_of(ctx, c, ufi_strings(ctx->in[0])[i], &pattern);
    if (status != UF_OK) {
      globfree(&found);
      return status;
    }
    if (pattern[0] == 0) continue;
    glob(pattern, GLOB_PERIOD | (appending ? GLOB_APPEND : 0), NULL, &found);
    appending = true;
  }
  int64_t n = 0;
  for (size_t i = 0; i < found.gl_pathc; i++) n += !is_dots(found.gl_pathv[i]);
  uf_status status = ufi_out_shape(ctx, 0, 1, &n);
  n = 0;
  for (size_t i = 0; i < found.gl_pathc && status == UF_OK; i++) {
    if (is_dots(found.gl_pathv[i])) continue;
    ufi_chars_text(c, found.gl_pathv[i]);
    status = ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[n++]);
  }
  globfree(&found);
  if (status == UF_OK && n > 1) qsort(ctx->out[0]->data, (size_t)n, sizeof(uf_string), by_text);
  return status;
}

const ufi_op_def ufi_op_MATCHING_FILES = {
  .infer = matching_infer, .prepare = ufi_chars_prepare, .eval = matching_eval, .release = ufi_chars_release,
};

/* ---- Timestamp ---------------------------------------------------------------------------------------------- */

static uf_status timestamp_eval(ufi_ctx *ctx) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *(double *)ctx->out[0]->data = (double)now.tv_sec + (double)(now.tv_nsec / 1000) * 1e-6;
  return UF_OK;
}

const ufi_op_def ufi_op_TIMESTAMP = {.infer = ufi_scalar_out, .eval = timestamp_eval};
