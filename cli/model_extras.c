/* SPDX-License-Identifier: Apache-2.0
 *
 * model_extras.c: what a .tflite carries besides the model: metadata and packed files.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The decoded description, a line of JSON a line; a damaged one is said to be so. */
static void print_description(const uf_model *model) {
  uf_buf *written = NULL;
  uf_error error = {0};
  uf_status status = uf_model_metadata_json(model, &written, &error);
  if (status != UF_OK) {
    if (status != UF_NOT_FOUND) note("%s", error.message);
    return;
  }
  const char *at = uf_buf_data(written), *end = at + uf_buf_size(written);
  puts("\ndescription (TFLITE_METADATA)");
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    text raw = {0}, line = {0};
    text_format(&raw, "%.*s", (int)(stop - at), at);
    text_name(&line, raw.data ? raw.data : "");
    printf("  %s\n", line.data);
    free(raw.data);
    free(line.data);
    at = stop + 1;
  }
  uf_buf_release(written);
}

/* A packed file's name; the caller frees the text. */
static text file_name(uf_model *model, int32_t i, uint64_t *size_out) {
  const char *name;
  size_t size;
  text raw = {0};
  if (uf_model_file(model, i, &name, &size, size_out, NULL) == UF_OK) text_format(&raw, "%.*s", (int)size, name);
  return raw;
}

static int32_t count_files(uf_model *model) {
  int32_t n = 0;
  uf_error error = {0};
  if (uf_model_file_count(model, &n, &error) != UF_OK) note("%s", error.message);
  return n;
}

void print_extras(uf_model *model, const uf_model_info *info) {
  if (info->n_metadata) puts("\nmetadata");
  for (int32_t i = 0; i < info->n_metadata; i++) {
    const char *name;
    const void *data;
    size_t size;
    if (uf_model_metadata(model, i, &name, &data, &size, NULL) != UF_OK) continue;
    text t = {0};
    text_name(&t, name);
    printf("  %s: %zu bytes\n", t.data, size);
    free(t.data);
  }
  print_description(model);
  int32_t n = count_files(model);
  if (n) puts("\npacked files (unflow show MODEL --file NAME)");
  for (int32_t i = 0; i < n; i++) {
    uint64_t size = 0;
    text raw = file_name(model, i, &size), name = {0};
    text_name(&name, raw.data ? raw.data : "");
    printf("  %s: %llu bytes\n", name.data, (unsigned long long)size);
    free(raw.data);
    free(name.data);
  }
}

void json_extras(json *j, uf_model *model, const uf_model_info *info) {
  json_array(j, "metadata", false);
  for (int32_t i = 0; i < info->n_metadata; i++) {
    const char *name;
    const void *data;
    size_t size;
    if (uf_model_metadata(model, i, &name, &data, &size, NULL) != UF_OK) continue;
    json_object(j, NULL, true);
    json_string(j, "name", name);
    json_uint(j, "bytes", size);
    json_end(j, '}');
  }
  json_end(j, ']');
  uf_buf *description = NULL;
  if (uf_model_metadata_json(model, &description, NULL) == UF_OK)
    json_raw(j, "model_metadata", uf_buf_data(description), uf_buf_size(description));
  uf_buf_release(description);
  json_array(j, "files", false);
  int32_t n = count_files(model);
  for (int32_t i = 0; i < n; i++) {
    uint64_t size = 0;
    text name = file_name(model, i, &size);
    json_object(j, NULL, true);
    json_string(j, "name", name.data ? name.data : "");
    json_uint(j, "bytes", size);
    json_end(j, '}');
    free(name.data);
  }
  json_end(j, ']');
}

int show_file(uf_model *model, const char *wanted) {
  uf_error error = {0};
  int32_t n;
  if (uf_model_file_count(model, &n, &error) != UF_OK) return fail_error(&error);
  for (int32_t i = 0; i < n; i++) {
    uint64_t size;
    text name = file_name(model, i, &size);
    bool same = name.data && strcmp(name.data, wanted) == 0;
    free(name.data);
    if (!same) continue;
    uf_buf *bytes = NULL;
    if (uf_model_file_read(model, i, &bytes, &error) != UF_OK) return fail_error(&error);
    bool written = fwrite(uf_buf_data(bytes), 1, uf_buf_size(bytes), stdout) == uf_buf_size(bytes) && fflush(stdout) == 0;
    uf_buf_release(bytes);
    return written ? EXIT_OK : fail("standard output: could not write");
  }
  uf_model_info info;
  uf_model_describe(model, &info);
  return fail("%s: expected a packed file '%s', found none of that name among %d; unflow info lists them", info.path,
              wanted, (int)n);
}
