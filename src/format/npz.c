/* SPDX-License-Identifier: Apache-2.0
 *
 * npz.c: the archive section of unflow.h. A .npz is a ZIP archive whose members
 * are .npy files: an array `a/b` is the member `a/b.npy`.
 */
#include "format/npy.h"
#include "format/zip.h"

struct uf_npz_writer {
  ufi_zip_writer *zip;
};

/* ---- writing ------------------------------------------------------------------ */

uf_status uf_npz_create(const char *path, int level, uf_npz_writer **writer_out, uf_error *error) {
  uf_npz_writer *writer = ufi_malloc(sizeof *writer);
  if (!writer) return ufi_no_memory(error, sizeof *writer);
  uf_status status = ufi_zip_create(path, level, &writer->zip, error);
  if (status == UF_OK) *writer_out = writer;
  else ufi_free(writer);
  return status;
}

static char *member_name(const char *name, size_t *size_out) {
  size_t size = strlen(name);
  char *member = ufi_malloc(size + sizeof ".npy");
  if (!member) return NULL;
  memcpy(member, name, size);
  memcpy(member + size, ".npy", sizeof ".npy");
  *size_out = size + 4;
  return member;
}

uf_status uf_npz_add(uf_npz_writer *writer, const char *name, const uf_tensor *tensor,
                     uf_error *error) {
  if (!writer || !name || !tensor)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a writer, a name and a tensor, found NULL");
  ufi_npy npy;
  uf_status status = ufi_npy_encode(tensor, &npy, error);
  if (status != UF_OK) {
    ufi_error_prefix(error, "'%s'", name);
    return status;
  }
  size_t size;
  char *member = member_name(name, &size);
  status = member ? ufi_zip_add(writer->zip, member, npy.header, npy.header_size, npy.body,
                                npy.body_size, NULL, error)
                  : ufi_no_memory(error, strlen(name));
  ufi_free(member);
  uf_buf_release(npy.converted);
  return status;
}

uf_status uf_npz_finish(uf_npz_writer *writer, uf_error *error) {
  uf_status status = ufi_zip_finish(writer->zip, error);
  ufi_free(writer);
  return status;
}

void uf_npz_abandon(uf_npz_writer *writer) {
  if (!writer) return;
  ufi_zip_abandon(writer->zip);
  ufi_free(writer);
}

static uf_status write_npy(ufi_outfile *file, const ufi_npy *npy, uf_error *error) {
  UFI_TRY(ufi_outfile_write(file, npy->header, npy->header_size, error));
  return ufi_outfile_write(file, npy->body, npy->body_size, error);
}

uf_status uf_npy_save(const char *path, const uf_tensor *tensor, uf_error *error) {
  if (!tensor) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a tensor, found NULL");
  ufi_npy npy;
  UFI_TRY(ufi_npy_encode(tensor, &npy, error));
  ufi_outfile *file = NULL;
  uf_status status = ufi_outfile_create(path, false, &file, error);
  if (status == UF_OK) status = write_npy(file, &npy, error);
  if (status == UF_OK) status = ufi_outfile_commit(file, error);
  else ufi_outfile_abandon(file);
  uf_buf_release(npy.converted);
  return status;
}

/* ---- reading ------------------------------------------------------------------ */

static bool is_npy(const ufi_zip_entry *e) {
  return e->name_size >= 4 && memcmp(e->name + e->name_size - 4, ".npy", 4) == 0;
}

/* The bytes of member `name`.npy. *own_out: nobody else has them. */
static uf_status read_member(uf_buf *file, const char *path, const char *name, uf_buf **buf_out,
                             bool *own_out, uf_error *error) {
  size_t size;
  char *member = member_name(name, &size);
  if (!member) return ufi_no_memory(error, strlen(name));
  ufi_zip zip = {0};
  uf_status status = ufi_zip_open(file, path, &zip, error);
  const ufi_zip_entry *e = status == UF_OK ? ufi_zip_find(&zip, member, size) : NULL;
  if (e) {
    *own_out = e->method != 0;
    status = ufi_zip_read(&zip, e, buf_out, error);
    if (status != UF_OK) ufi_error_prefix(error, "%s: array '%s'", path, name);
  } else if (status == UF_OK) {
    status = ufi_fail(error, UF_NOT_FOUND,
                      "%s: expected an array '%s', found none among its %zu; "
                      "list them with uf_npz_names", path, name, zip.count);
  }
  ufi_zip_close(&zip);
  ufi_free(member);
  return status;
}

uf_status uf_npy_load(const char *path, const char *name, uf_tensor *tensor_out,
                      uf_error *error) {
  uf_buf *file = NULL, *bytes = NULL;
  bool own = false;
  UFI_TRY(ufi_map_file(path, &file, error));
  uf_status status = UF_OK;
  if (name) status = read_member(file, path, name, &bytes, &own, error);
  else bytes = uf_buf_retain(file);
  if (status == UF_OK) {
    status = ufi_npy_decode(bytes, own, tensor_out, error);
    if (status != UF_OK && name) ufi_error_prefix(error, "%s: array '%s'", path, name);
    else if (status != UF_OK) ufi_error_prefix(error, "%s", path);
  }
  uf_buf_release(bytes);
  uf_buf_release(file);
  return status;
}

/* One block: the pointers, then the names. */
static char **copy_names(const ufi_zip *zip, int32_t *n_out, uf_error *error) {
  size_t n = 0, bytes = sizeof(char *); /* never empty */
  for (size_t i = 0; i < zip->count; i++)
    if (is_npy(&zip->entries[i])) {
      n++;
      bytes += sizeof(char *) + zip->entries[i].name_size;
    }
  char **names = n <= INT32_MAX ? ufi_malloc(bytes) : NULL;
  if (!names) {
    ufi_no_memory(error, bytes);
    return NULL;
  }
  char *text = (char *)(names + n);
  size_t k = 0;
  for (size_t i = 0; i < zip->count; i++) {
    const ufi_zip_entry *e = &zip->entries[i];
    if (!is_npy(e)) continue;
    names[k++] = text;
    memcpy(text, e->name, e->name_size - 4);
    text += e->name_size - 4;
    *text++ = '\0';
  }
  *n_out = (int32_t)n;
  return names;
}

uf_status uf_npz_names(const char *path, char ***names_out, int32_t *n_out, uf_error *error) {
  uf_buf *file = NULL;
  UFI_TRY(ufi_map_file(path, &file, error));
  ufi_zip zip = {0};
  uf_status status = ufi_zip_open(file, path, &zip, error);
  if (status == UF_OK) {
    char **names = copy_names(&zip, n_out, error);
    if (names) *names_out = names;
    else status = UF_RESOURCE_EXHAUSTED;
  }
  ufi_zip_close(&zip);
  uf_buf_release(file);
  return status;
}
