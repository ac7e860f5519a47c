/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: uf_writer, arrays one by one to a file or folder of any format that can be
 * written; and the simplest of these, .npz.
 */
#include <sys/stat.h>

#include "format/npy.h"
#include "format/zip.h"
#include "output/output.h"

struct uf_writer {
  const ufi_target *target;
  void *impl;
  char **names; /* one block */
  size_t n, next;
  bool failed;
  uf_progress_fn progress; /* for tensors that come without a flow */
  void *progress_context;
  uint64_t done, total;    /* bytes */
};

/* ---- .npz -------------------------------------------------------------------------- */

static uf_status npz_create(const char *path, int32_t level, const char *const *names,
                            const uf_tensor *plan, size_t n, void **impl_out, uf_error *error) {
  ufi_zip_writer *zip = NULL;
  UFI_TRY(ufi_zip_create(path, level, &zip, error));
  *impl_out = zip;
  return UF_OK;
}

static uf_status npz_add(void *impl, size_t i, const char *name, const uf_tensor *tensor,
                         const ufi_flow *flow, uf_error *error) {
  ufi_npy npy;
  UFI_TRY(ufi_npy_encode(tensor, &npy, error));
  size_t size = strlen(name);
  char *member = ufi_malloc(size + sizeof ".npy");
  uf_status status = UF_OK;
  if (member) {
    memcpy(member, name, size);
    memcpy(member + size, ".npy", sizeof ".npy");
    status = ufi_zip_add(impl, member, npy.header, npy.header_size, npy.body, npy.body_size, flow,
                         error);
  } else {
    status = ufi_no_memory(error, size);
  }
  ufi_free(member);
  uf_buf_release(npy.converted);
  return status;
}

static uf_status npz_finish(void *impl, uf_error *error) { return ufi_zip_finish(impl, error); }
static void npz_abandon(void *impl) { ufi_zip_abandon(impl); }

const ufi_target ufi_target_npz = {"npz", npz_create, npz_add, npz_finish, npz_abandon};

/* ---- which format --------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_folder(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0) return S_ISDIR(info.st_mode);
  return ends_with(path, "/");
}

static uf_status find_target(const char *path, const char *format, const ufi_target **target_out,
                             uf_error *error) {
  static const ufi_target *const targets[] = {&ufi_target_npz, &ufi_target_npy,
                                              &ufi_target_safetensors};
  if (!format)
    format = ends_with(path, ".npz") ? "npz" : ends_with(path, ".safetensors") ? "safetensors"
             : is_folder(path) ? "npy" : "";
  for (size_t i = 0; i < UFI_COUNT(targets); i++)
    if (strcmp(targets[i]->format, format) == 0) {
      *target_out = targets[i];
      return UF_OK;
    }
  return ufi_fail(error, UF_INVALID_ARGUMENT,
                  "expected a path that ends in .npz, .safetensors or / (a folder of .npy), found "
                  "'%s'%s%s; choose one of these", path, *format ? " and the format " : "", format);
}

/* ---- the writer ------------------------------------------------------------------------- */

/* A copy of all names in one block: the pointers, then the text. */
static char **copy_names(const char *const *names, size_t n) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; i++) bytes += sizeof(char *) + strlen(names[i]) + 1;
  char **copy = ufi_malloc(bytes + 1);
  char *text = (char *)(copy ? copy + n : NULL);
  for (size_t i = 0; copy && i < n; i++) {
    size_t size = strlen(names[i]) + 1;
    copy[i] = memcpy(text, names[i], size);
    text += size;
  }
  return copy;
}

static uf_status check_names(const char *const *names, size_t n, uf_error *error) {
  ufi_names *seen = ufi_names_create(n);
  uf_status status = seen ? UF_OK : ufi_no_memory(error, n);
  for (size_t i = 0; i < n && status == UF_OK; i++) {
    if (!names[i])
      status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected a name, found NULL");
    else if (ufi_names_find(seen, names[i]) >= 0)
      status = ufi_fail(error, UF_ALREADY_EXISTS,
                        "expected new names, found '%s' a second time; rename one of them", names[i]);
    else if (!ufi_names_add(seen, names[i], (int32_t)(i & INT32_MAX)))
      status = ufi_no_memory(error, n);
  }
  ufi_names_destroy(seen);
  return status;
}

static uint64_t planned_bytes(const uf_tensor *plan, size_t n) {
  uint64_t total = 0;
  for (size_t i = 0; i < n; i++) {
    int64_t count;
    size_t bytes;
    if (!ufi_shape_count(plan[i].rank, plan[i].dims, &count)) continue;
    if (ufi_dtype_bytes(plan[i].dtype, count, &bytes)) total += bytes;
  }
  return total;
}

static bool step(void *context, uint64_t bytes) {
  uf_writer *w = context;
  w->done += bytes;
  return w->progress(w->progress_context, w->done, UFI_MAX(w->total, w->done));
}

uf_status uf_writer_create(const char *path, const uf_output_options *options,
                           const char *const *names, const uf_tensor *plan, size_t n,
                           uf_writer **writer_out, uf_error *error) {
  const ufi_target *target = NULL;
  if (!path || (n > 0 && !names))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a path and names, found NULL");
  UFI_TRY(find_target(path, options ? options->format : NULL, &target, error));
  UFI_TRY(check_names(names, n, error));
  uf_writer *w = ufi_calloc(1, sizeof *w);
  char **copy = copy_names(names, n);
  uf_status status = w && copy ? target->create(path, options ? options->level : 0, names, plan, n,
                                                &w->impl, error)
                               : ufi_no_memory(error, sizeof *w);
  if (status != UF_OK) {
    ufi_free(copy);
    ufi_free(w);
    return status;
  }
  w->target = target;
  w->names = copy;
  w->n = n;
  w->progress = options ? options->progress : NULL;
  w->progress_context = options ? options->progress_context : NULL;
  w->total = plan ? planned_bytes(plan, n) : 0;
  *writer_out = w;
  return UF_OK;
}

uf_status ufi_writer_add(uf_writer *w, const uf_tensor *tensor, const ufi_flow *flow,
                         uf_error *error) {
  if (!w || !tensor)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a writer and a tensor, found NULL");
  if (w->next == w->n)
    return ufi_fail(error, UF_OUT_OF_RANGE,
                    "expected the %zu tensors that were planned, found another; plan it", w->n);
  size_t i = w->next++;
  uf_status status = w->target->add(w->impl, i, w->names[i], tensor, flow, error);
  if (status != UF_OK && status != UF_CANCELLED) ufi_error_prefix(error, "'%s'", w->names[i]);
  w->failed |= status != UF_OK;
  return status;
}

uf_status uf_writer_add(uf_writer *w, const uf_tensor *tensor, uf_error *error) {
  ufi_flow flow = {.step = step, .context = w};
  return ufi_writer_add(w, tensor, w && w->progress ? &flow : NULL, error);
}

static void writer_free(uf_writer *w) {
  ufi_free(w->names);
  ufi_free(w);
}

uf_status uf_writer_finish(uf_writer *w, uf_error *error) {
  if (!w) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a writer, found NULL");
  uf_status status = UF_OK;
  if (w->failed)
    status = ufi_fail(error, UF_FAILED_PRECONDITION,
                      "expected tensors that were all written, found one that failed; start again");
  else if (w->next != w->n)
    status = ufi_fail(error, UF_FAILED_PRECONDITION,
                      "expected %zu tensors as planned, found %zu; add the rest", w->n, w->next);
  if (status == UF_OK) status = w->target->finish(w->impl, error);
  else w->target->abandon(w->impl);
  writer_free(w);
  return status;
}

void uf_writer_abandon(uf_writer *w) {
  if (!w) return;
  w->target->abandon(w->impl);
  writer_free(w);
}
