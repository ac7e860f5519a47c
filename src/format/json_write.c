/* SPDX-License-Identifier: Apache-2.0
 *
 * json_write.c: JSON text that grows in memory; json_write.h says how it is used.
 */
#include <math.h>
#include <stdio.h>

#include "format/json_write.h"

static void append(ufi_json_writer *w, const char *bytes, size_t size) {
  if (w->failed != UF_OK) return;
  if (size > w->most - w->size) {
    w->failed = UF_RESOURCE_EXHAUSTED;
    return;
  }
  if (size > w->capacity - w->size) {
    size_t capacity = UFI_MIN(w->most, UFI_MAX(2 * w->capacity, w->size + size + 256));
    char *text = ufi_realloc(w->text, capacity);
    if (!text) {
      w->failed = UF_RESOURCE_EXHAUSTED;
      return;
    }
    w->text = text;
    w->capacity = capacity;
  }
  memcpy(w->text + w->size, bytes, size);
  w->size += size;
}

static void append_text(ufi_json_writer *w, const char *text) { append(w, text, strlen(text)); }

/* Bytes of the UTF-8 character that s begins with, 0 when it is none (overlong forms, surrogates and what
 * lies above U+10FFFF are none). s ends with a NUL. */
static size_t character(const unsigned char *s) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xE0) == 0xC0 ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : (s[0] & 0xF8) == 0xF0 ? 4 : 0;
  if (n < 2) return n;
  uint32_t code = s[0] & (0x7Fu >> n);
  for (size_t i = 1; i < n; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
    code = code << 6 | (s[i] & 0x3Fu);
  }
  return code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : n;
}

static void append_string(ufi_json_writer *w, const char *text) {
  append(w, "\"", 1);
  for (const unsigned char *s = (const unsigned char *)text; *s;) {
    size_t n = character(s);
    char escape[8];
    if (n == 0) append_text(w, "\\ufffd");
    else if (*s == '"' || *s == '\\') append(w, (char[]){'\\', (char)*s}, 2);
    else if (*s == '\n') append_text(w, "\\n");
    else if (*s < 0x20 || *s == 0x7F) {
      snprintf(escape, sizeof escape, "\\u%04x", *s);
      append_text(w, escape);
    } else append(w, (const char *)s, n);
    s += n ? n : 1;
  }
  append(w, "\"", 1);
}

static void new_line(ufi_json_writer *w) {
  append(w, "\n", 1);
  for (int32_t i = 0; i < w->depth; i++) append(w, "  ", 2);
}

/* What stands before a value: comma, place, key. */
static void begin_value(ufi_json_writer *w, const char *key) {
  if (w->depth > 0) {
    bool flat = w->flat[w->depth - 1];
    if (w->filled[w->depth - 1]) append(w, ", ", flat ? 2 : 1);
    w->filled[w->depth - 1] = true;
    if (!flat) new_line(w);
  }
  if (!key) return;
  append_string(w, key);
  append(w, ": ", 2);
}

static void begin_level(ufi_json_writer *w, const char *key, char bracket, bool flat) {
  flat = flat || (w->depth > 0 && w->flat[w->depth - 1]);
  begin_value(w, key);
  append(w, &bracket, 1);
  if (w->depth == UFI_JSON_DEPTH) {
    w->failed = UF_RESOURCE_EXHAUSTED;
    return;
  }
  w->filled[w->depth] = false;
  w->flat[w->depth++] = flat;
}

void ufi_json_begin(ufi_json_writer *w, const char *key, char bracket) { begin_level(w, key, bracket, false); }
void ufi_json_begin_line(ufi_json_writer *w, const char *key, char bracket) { begin_level(w, key, bracket, true); }

void ufi_json_end(ufi_json_writer *w, char bracket) {
  if (w->failed != UF_OK) return; /* the depth may be another */
  w->depth--;
  if (w->filled[w->depth] && !w->flat[w->depth]) new_line(w);
  append(w, &bracket, 1);
}

void ufi_json_put_string(ufi_json_writer *w, const char *key, const char *value) {
  begin_value(w, key);
  append_string(w, value);
}

void ufi_json_put_int(ufi_json_writer *w, const char *key, int64_t value) {
  char digits[32];
  begin_value(w, key);
  snprintf(digits, sizeof digits, "%lld", (long long)value);
  append_text(w, digits);
}

void ufi_json_put_float(ufi_json_writer *w, const char *key, float value) {
  char digits[32];
  begin_value(w, key);
  /* The fewest digits that read back as the same float32. */
  for (int n = 6; n <= 9; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, (double)value);
    float back;
    if (sscanf(digits, "%f", &back) == 1 && back == value) break;
  }
  for (char *at = digits; *at; at++)
    if (*at == ',') *at = '.'; /* of the locale */
  append_text(w, isfinite(value) ? digits : "null");
}

static void free_text(void *text) { ufi_free(text); }

uf_status ufi_json_take(ufi_json_writer *w, uf_buf **text_out, uf_error *error) {
  ufi_json_writer taken = *w;
  *w = (ufi_json_writer){.most = taken.most};
  if (taken.failed == UF_OK) {
    *text_out = uf_buf_wrap(taken.text, taken.size, free_text, taken.text);
    if (*text_out) return UF_OK;
  }
  ufi_free(taken.text);
  return ufi_fail(error, UF_RESOURCE_EXHAUSTED,
                  "expected JSON text of at most %zu bytes and memory for it, found more or none", taken.most);
}
