/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: text that grows, and JSON in it.
 */
#include <stdio.h>

#include "output/output.h"

static bool reserve(ufi_text *t, size_t more) {
  size_t want;
  if (t->failed) return false;
  if (t->capacity > t->size && more < t->capacity - t->size) return true;
  t->failed = !ufi_add_size(t->size, more, &want) || want > PTRDIFF_MAX / 2;
  if (t->failed) return false;
  size_t capacity = UFI_MAX(2 * t->capacity, want + 256);
  char *data = ufi_realloc(t->data, capacity);
  t->failed = data == NULL;
  if (!data) return false;
  t->data = data;
  t->capacity = capacity;
  return true;
}

void ufi_text_add(ufi_text *t, const char *data, size_t size) {
  if (!reserve(t, size + 1)) return;
  if (size) memcpy(t->data + t->size, data, size);
  t->size += size;
  t->data[t->size] = '\0';
}

void ufi_text_format(ufi_text *t, const char *format, ...) {
  char out[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(out, sizeof out, format, args);
  va_end(args);
  if (n > 0) ufi_text_add(t, out, UFI_MIN((size_t)n, sizeof out - 1));
}

size_t ufi_utf8_length(const char *s, size_t left) {
  const unsigned char *p = (const unsigned char *)s;
  if (left == 0) return 0;
  if (p[0] < 0x80) return 1;
  size_t n = p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
             : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
  if (n == 0 || n > left) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  bool low = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);    /* overlong */
  bool high = (p[0] == 0xED && p[1] >= 0xA0) || (p[0] == 0xF4 && p[1] >= 0x90); /* no characters */
  return low || high ? 0 : n;
}

bool ufi_text_json(ufi_text *t, const char *string) {
  bool valid = true;
  size_t left = strlen(string), length;
  ufi_text_add(t, "\"", 1);
  for (const char *p = string; left > 0; p += length, left -= length) {
    unsigned char c = (unsigned char)*p;
    length = ufi_utf8_length(p, left);
    if (length == 0) {
      valid = false;
      length = 1;
      ufi_text_add(t, "\\ufffd", 6);
    } else if (c == '"' || c == '\\') {
      ufi_text_format(t, "\\%c", c);
    } else if (c < 0x20 || c == 0x7F) {
      ufi_text_format(t, "\\u%04x", c);
    } else {
      ufi_text_add(t, p, length);
    }
  }
  ufi_text_add(t, "\"", 1);
  return valid;
}

void ufi_text_json_dims(ufi_text *t, int32_t rank, const int64_t *dims) {
  ufi_text_add(t, "[", 1);
  for (int32_t i = 0; i < rank; i++)
    ufi_text_format(t, i ? ",%lld" : "%lld", (long long)dims[i]);
  ufi_text_add(t, "]", 1);
}
