/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c: writes JSON as it comes. Bytes that are not UTF-8 become U+FFFD, since
 * JSON text has no place for them; numbers that JSON lacks (NaN, infinities) are
 * strings.
 */
#include <string.h>

#include "cli.h"

static void put_string(FILE *out, const char *s, size_t size) {
  putc('"', out);
  while (size > 0) {
    size_t length = utf8_length(s, size);
    unsigned char c = (unsigned char)*s;
    if (length == 0) fputs("\\ufffd", out);
    else if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
    else if (c == '\n') fputs("\\n", out);
    else if (c < 0x20 || c == 0x7F) fprintf(out, "\\u%04x", c);
    else fwrite(s, 1, length, out);
    s += length ? length : 1;
    size -= length ? length : 1;
  }
  putc('"', out);
}

static void new_line(json *j) {
  if (j->flat[j->depth]) return;
  fprintf(j->out, "\n%*s", 2 * j->depth, "");
}

/* What comes before a value: comma, place, key. */
static void begin_value(json *j, const char *key) {
  if (j->depth > 0) {
    if (j->filled[j->depth]) fputs(j->flat[j->depth] ? ", " : ",", j->out);
    new_line(j);
    j->filled[j->depth] = true;
  }
  if (!key) return;
  put_string(j->out, key, strlen(key));
  fputs(": ", j->out);
}

static void open_level(json *j, const char *key, bool flat, char open) {
  begin_value(j, key);
  putc(open, j->out);
  bool outer_flat = j->flat[j->depth];
  if (j->depth + 1 < (int)COUNT(j->filled)) j->depth++;
  j->filled[j->depth] = false;
  j->flat[j->depth] = flat || outer_flat;
}

void json_object(json *j, const char *key, bool flat) { open_level(j, key, flat, '{'); }
void json_array(json *j, const char *key, bool flat) { open_level(j, key, flat, '['); }

void json_end(json *j, char close) {
  bool filled = j->filled[j->depth], flat = j->flat[j->depth];
  j->depth--;
  if (filled && !flat) fprintf(j->out, "\n%*s", 2 * j->depth, "");
  putc(close, j->out);
  if (j->depth == 0) putc('\n', j->out);
}

void json_bytes(json *j, const char *key, const char *value, size_t size) {
  begin_value(j, key);
  put_string(j->out, value, size);
}

void json_string(json *j, const char *key, const char *value) {
  json_bytes(j, key, value, strlen(value));
}

void json_int(json *j, const char *key, int64_t value) {
  begin_value(j, key);
  fprintf(j->out, "%lld", (long long)value);
}

void json_uint(json *j, const char *key, uint64_t value) {
  begin_value(j, key);
  fprintf(j->out, "%llu", (unsigned long long)value);
}

void json_bool(json *j, const char *key, bool value) {
  begin_value(j, key);
  fputs(value ? "true" : "false", j->out);
}

void json_null(json *j, const char *key) {
  begin_value(j, key);
  fputs("null", j->out);
}

void json_number(json *j, const char *key, const char *number) {
  begin_value(j, key);
  if (strcmp(number, "nan") == 0) fputs("\"NaN\"", j->out);
  else if (strcmp(number, "inf") == 0) fputs("\"Infinity\"", j->out);
  else if (strcmp(number, "-inf") == 0) fputs("\"-Infinity\"", j->out);
  else fputs(number, j->out);
}

void json_raw(json *j, const char *key, const char *value, size_t size) {
  begin_value(j, key);
  fwrite(value, 1, size, j->out);
}

void json_dims(json *j, const char *key, int32_t rank, const int64_t *dims) {
  if (rank < 0) {
    json_null(j, key);
    return;
  }
  json_array(j, key, true);
  for (int32_t i = 0; i < rank; i++) json_int(j, NULL, dims[i]);
  json_end(j, ']');
}
