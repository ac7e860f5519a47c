/* SPDX-License-Identifier: Apache-2.0
 *
 * model_files.c: the files packed with a model (labels, vocabularies).
 *
 * A FlatBuffer does not mind what follows it, and a ZIP archive not what stands before it: the tools that
 * write metadata append an archive to the .tflite. It is looked at when somebody asks.
 */
#include "format/zip.h"
#include "graph/graph.h"

/* The archive of a model, opened at the first call and kept; count 0 when there is none. */
static uf_status archive_of(uf_model *model, const ufi_zip **zip_out, uf_error *error) {
  pthread_mutex_lock(&model->lock);
  uf_status status = UF_OK;
  if (!model->archive) {
    ufi_zip *zip = ufi_calloc(1, sizeof *zip);
    uf_error why = {0};
    status = !zip ? ufi_no_memory(error, sizeof *zip)
             : model->file ? ufi_zip_open(model->file, model->path, zip, &why) : UF_OK;
    if (status == UF_INVALID_ARGUMENT) status = UF_OK; /* no archive behind it */
    else if (status != UF_OK && zip) ufi_fail(error, status, "%s", why.message);
    if (status == UF_OK) model->archive = zip;
    else ufi_free(zip);
  }
  *zip_out = model->archive;
  pthread_mutex_unlock(&model->lock);
  return status;
}

void ufi_model_close_archive(uf_model *model) {
  if (model->archive) ufi_zip_close(model->archive);
  ufi_free(model->archive);
}

uf_status uf_model_file_count(uf_model *model, int32_t *n_out, uf_error *error) {
  const ufi_zip *zip;
  *n_out = 0;
  UFI_TRY(archive_of(model, &zip, error));
  *n_out = (int32_t)UFI_MIN(zip->count, INT32_MAX);
  return UF_OK;
}

static uf_status entry_at(uf_model *model, int32_t i, const ufi_zip **zip_out, const ufi_zip_entry **entry_out,
                          uf_error *error) {
  *entry_out = NULL;
  UFI_TRY(archive_of(model, zip_out, error));
  if (i < 0 || (size_t)i >= (*zip_out)->count)
    return ufi_fail(error, UF_OUT_OF_RANGE, "%s: expected a packed file below %zu, found %d", model->path,
                    (*zip_out)->count, (int)i);
  *entry_out = &(*zip_out)->entries[i];
  return UF_OK;
}

uf_status uf_model_file(uf_model *model, int32_t i, const char **name_out, size_t *name_size_out,
                        uint64_t *size_out, uf_error *error) {
  const ufi_zip *zip;
  const ufi_zip_entry *entry;
  UFI_TRY(entry_at(model, i, &zip, &entry, error));
  *name_out = entry->name;
  *name_size_out = entry->name_size;
  *size_out = entry->size;
  return UF_OK;
}

uf_status uf_model_file_read(uf_model *model, int32_t i, uf_buf **bytes_out, uf_error *error) {
  const ufi_zip *zip;
  const ufi_zip_entry *entry;
  UFI_TRY(entry_at(model, i, &zip, &entry, error));
  return ufi_zip_read(zip, entry, bytes_out, error);
}
