/* SPDX-License-Identifier: Apache-2.0
 *
 * json_read.c: JSON (RFC 8259) read token by token. Escapes become UTF-8, surrogate pairs one
 * character; a lone surrogate, a raw control character and what follows a value without
 * a comma are damage. Bytes above 127 are taken as they are.
 */
#include "format/json_read.h"

enum { DEPTH_MAX = 64 };

ufi_json ufi_json_of(const char *text, size_t size) {
  return (ufi_json){.at = text, .end = text + size};
}

static bool fail(ufi_json *j) {
  j->bad = true;
  return false;
}

char ufi_json_peek(ufi_json *j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
    j->at++;
  return j->bad || j->at == j->end ? 0 : *j->at;
}

static bool accept(ufi_json *j, char c) {
  if (ufi_json_peek(j) != c || c == 0) return false;
  j->at++;
  return true;
}

static bool is_closing(char c) { return c == '}' || c == ']'; }

bool ufi_json_open(ufi_json *j, char bracket) {
  if (!accept(j, bracket) || j->depth == DEPTH_MAX) return fail(j);
  char next = ufi_json_peek(j);
  if (is_closing(next)) {
    j->at++;
    return next == (bracket == '{' ? '}' : ']') ? false : fail(j);
  }
  j->depth++;
  return next != 0 || fail(j);
}

bool ufi_json_more(ufi_json *j, char closing) {
  if (accept(j, ',')) return true;
  if (!accept(j, closing)) return fail(j);
  j->depth--;
  return false;
}

/* ---- strings ---------------------------------------------------------------------- */

static bool take_hex(ufi_json *j, uint32_t *value_out) {
  uint32_t value = 0;
  if (j->end - j->at < 4) return fail(j);
  for (int i = 0; i < 4; i++) {
    char c = *j->at++;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
              : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return fail(j);
    value = value * 16 + (uint32_t)digit;
  }
  *value_out = value;
  return true;
}

/* Behind \u: one character, of which the second half may follow. */
static bool take_character(ufi_json *j, uint32_t *u_out) {
  uint32_t u, low;
  if (!take_hex(j, &u)) return false;
  if (u >= 0xDC00 && u < 0xE000) return fail(j);
  if (u >= 0xD800 && u < 0xDC00) {
    if (j->end - j->at < 2 || j->at[0] != '\\' || j->at[1] != 'u') return fail(j);
    j->at += 2;
    if (!take_hex(j, &low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return fail(j);
    u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
  }
  *u_out = u;
  return u != 0 || fail(j);
}

static char *put_utf8(char *out, uint32_t u) {
  if (u < 0x80) {
    *out++ = (char)u;
    return out;
  }
  if (u < 0x800) {
    *out++ = (char)(0xC0 | u >> 6);
  } else {
    if (u < 0x10000) {
      *out++ = (char)(0xE0 | u >> 12);
    } else {
      *out++ = (char)(0xF0 | u >> 18);
      *out++ = (char)(0x80 | (u >> 12 & 63));
    }
    *out++ = (char)(0x80 | (u >> 6 & 63));
  }
  *out++ = (char)(0x80 | (u & 63));
  return out;
}

/* Behind a backslash; *out_io moves on. */
static bool take_escape(ufi_json *j, char **out_io) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (j->at == j->end) return fail(j);
  char c = *j->at++;
  uint32_t u;
  if (c == 'u') {
    if (!take_character(j, &u)) return false;
    *out_io = put_utf8(*out_io, u);
    return true;
  }
  const char *found = memchr(from, c, sizeof from - 1);
  if (!found) return fail(j);
  *(*out_io)++ = to[found - from];
  return true;
}

/* To the quote that ends the string, which is not taken; out may be NULL. An escape is at
 * least as long as what it stands for. */
static bool take_characters(ufi_json *j, char *out) {
  char scratch[8];
  while (j->at < j->end && *j->at != '"') {
    unsigned char c = (unsigned char)*j->at++;
    char *to = out ? out : scratch;
    if (c < 0x20) return fail(j);
    if (c != '\\') *to++ = (char)c;
    else if (!take_escape(j, &to)) return false;
    if (out) out = to;
  }
  return j->at < j->end || fail(j);
}

char *ufi_json_string(ufi_json *j, ufi_arena *arena) {
  if (!accept(j, '"')) {
    fail(j);
    return NULL;
  }
  ufi_json look = *j;
  if (!take_characters(&look, NULL)) {
    *j = look;
    return NULL;
  }
  char *text = ufi_arena_alloc(arena, (size_t)(look.at - j->at) + 1);
  if (!text) return NULL;
  take_characters(j, text);
  j->at++;
  return text;
}

char *ufi_json_key(ufi_json *j, ufi_arena *arena) {
  char *key = ufi_json_string(j, arena);
  if (key && !accept(j, ':')) {
    fail(j);
    return NULL;
  }
  return key;
}

/* ---- other values ------------------------------------------------------------------- */

bool ufi_json_int(ufi_json *j, int64_t *value_out) {
  char c = ufi_json_peek(j);
  bool negative = c == '-';
  int64_t value = 0;
  const char *begin = j->at += negative;
  for (; !j->bad && j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, *j->at - '0', &value))
      return fail(j);
  if (j->at == begin || (j->at < j->end && (*j->at == '.' || *j->at == 'e' || *j->at == 'E')))
    return fail(j);
  *value_out = negative ? -value : value;
  return true;
}

/* A number, true, false or null; what exactly is nobody's business here. */
static bool skip_word(ufi_json *j) {
  const char *begin = j->at;
  for (; j->at < j->end; j->at++) {
    char c = *j->at;
    bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '.' ||
                c == '+' || c == '-';
    if (!part) break;
  }
  return j->at > begin || fail(j);
}

void ufi_json_skip(ufi_json *j) {
  char c = ufi_json_peek(j);
  if (c == '"') {
    j->at++;
    if (take_characters(j, NULL)) j->at++;
  } else if (c == '{') {
    for (bool more = ufi_json_open(j, '{'); more; more = ufi_json_more(j, '}')) {
      if (ufi_json_peek(j) != '"') fail(j);
      else ufi_json_skip(j);
      if (!accept(j, ':')) fail(j);
      ufi_json_skip(j);
    }
  } else if (c == '[') {
    for (bool more = ufi_json_open(j, '['); more; more = ufi_json_more(j, ']')) ufi_json_skip(j);
  } else if (!j->bad) {
    skip_word(j);
  }
}

bool ufi_json_at_end(ufi_json *j) { return ufi_json_peek(j) == 0 && !j->bad; }
