/* SPDX-License-Identifier: Apache-2.0
 *
 * json_write.h: JSON text written as it comes, indented by two spaces a level.
 *
 *   ufi_json_writer w = {.most = 1 << 20};
 *   ufi_json_begin(&w, NULL, '{');
 *   ufi_json_put_string(&w, "name", text);
 *   ufi_json_end(&w, '}');
 *   status = ufi_json_take(&w, &buf, error);
 *
 * What fails (memory, more than `most` bytes, more than UFI_JSON_DEPTH levels) is kept in the writer, and
 * ufi_json_take says so; until then every call is safe. Bytes that are not UTF-8 become U+FFFD and numbers
 * that JSON lacks (NaN, infinities) are null, since JSON text has no place for them.
 */
#ifndef UFI_JSON_WRITE_H
#define UFI_JSON_WRITE_H

#include "base/base.h"

enum { UFI_JSON_DEPTH = 32 };

typedef struct ufi_json_writer {
  size_t most;       /* bytes of text at most */
  char *text;
  size_t size, capacity;
  int32_t depth;
  bool filled[UFI_JSON_DEPTH], flat[UFI_JSON_DEPTH];
  uf_status failed;
} ufi_json_writer;

/* key NULL: an element of an array, or the whole. */
void ufi_json_begin(ufi_json_writer *w, const char *key, char bracket);
/* The same, all on one line. */
void ufi_json_begin_line(ufi_json_writer *w, const char *key, char bracket);
void ufi_json_end(ufi_json_writer *w, char bracket);
void ufi_json_put_string(ufi_json_writer *w, const char *key, const char *value);
void ufi_json_put_int(ufi_json_writer *w, const char *key, int64_t value);
void ufi_json_put_float(ufi_json_writer *w, const char *key, float value);
/* The text as a buf, and the writer as it was at first. RESOURCE_EXHAUSTED: out of memory, or more than
 * `most` bytes. */
uf_status ufi_json_take(ufi_json_writer *w, uf_buf **text_out, uf_error *error) UF_MUST_USE;

#endif
