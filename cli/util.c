/* SPDX-License-Identifier: Apache-2.0
 *
 * util.c: memory, text and messages of the command line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* ---- memory --------------------------------------------------------------------- */

static void out_of_memory(void) {
  fputs("unflow: out of memory\n", stderr);
  exit(EXIT_FAILED);
}

void *xcalloc(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size ? size : 1);
  if (!memory) out_of_memory();
  return memory;
}

void *xrealloc(void *old, size_t count, size_t size) {
  void *memory = reallocarray(old, count ? count : 1, size);
  if (!memory) out_of_memory();
  return memory;
}

char *xstrdup(const char *s) {
  char *copy = strdup(s);
  if (!copy) out_of_memory();
  return copy;
}

/* ---- text ------------------------------------------------------------------------- */

static char *reserve(text *t, size_t more) {
  if (more >= t->capacity - t->size) {
    t->capacity = MAX(t->capacity * 2, t->size + more + 64);
    t->data = xrealloc(t->data, t->capacity, 1);
  }
  return t->data + t->size;
}

void text_add(text *t, const char *data, size_t size) {
  char *end = reserve(t, size);
  if (size) memcpy(end, data, size);
  t->size += size;
  t->data[t->size] = '\0';
}

void text_string(text *t, const char *string) { text_add(t, string, strlen(string)); }

__attribute__((nonnull)) static void text_vformat(text *t, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  if (size >= 0) vsnprintf(reserve(t, (size_t)size), (size_t)size + 1, format, again);
  if (size >= 0) t->size += (size_t)size;
  va_end(again);
}

void text_format(text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  text_vformat(t, format, args);
  va_end(args);
}

size_t utf8_length(const char *s, size_t size) {
  const unsigned char *p = (const unsigned char *)s;
  if (size == 0) return 0;
  if (p[0] < 0x80) return 1;
  size_t n = p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
             : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
  if (n == 0 || n > size) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90)) return 0; /* overlong */
  if ((p[0] == 0xED && p[1] >= 0xA0) || (p[0] == 0xF4 && p[1] >= 0x90)) return 0;
  return n;
}

/* Control characters, C1 controls and the marks that turn the writing direction
 * around (U+202A to U+202E, U+2066 to U+2069). */
static bool is_unsafe(const char *s, size_t length) {
  const unsigned char *p = (const unsigned char *)s;
  if (length == 1) return p[0] < 0x20 || p[0] == 0x7F;
  if (length == 2) return p[0] == 0xC2 && p[1] < 0xA0;
  if (length != 3 || p[0] != 0xE2) return length == 0;
  return (p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) || (p[1] == 0x81 && p[2] >= 0xA6);
}

void text_name(text *t, const char *name) {
  size_t size = strlen(name);
  if (size == 0) text_add(t, "", 0);
  while (size > 0) {
    size_t length = utf8_length(name, size), step = length ? length : 1;
    if (is_unsafe(name, length))
      for (size_t i = 0; i < step; i++) text_format(t, "\\x%02x", (unsigned char)name[i]);
    else
      text_add(t, name, step);
    name += step;
    size -= step;
  }
}

void text_shape(text *t, int32_t rank, const int64_t *dims) {
  if (rank < 0) {
    text_string(t, "?");
    return;
  }
  text_string(t, "(");
  for (int32_t i = 0; i < rank; i++) {
    if (i) text_string(t, ", ");
    if (dims[i] < 0) text_string(t, "?");
    else text_format(t, "%lld", (long long)dims[i]);
  }
  text_string(t, rank == 1 ? ",)" : ")");
}

void text_bytes(text *t, uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = (double)bytes;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < COUNT(units); unit++) value /= 1024;
  text_format(t, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void text_count(text *t, uint64_t count) {
  char digits[32];
  int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
  for (int i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0) text_string(t, ",");
    text_add(t, &digits[i], 1);
  }
}

void text_amount(text *t, uint64_t n, const char *word, uint64_t parameters, uint64_t bytes) {
  text_count(t, n);
  text_format(t, " %s%s with ", word, n == 1 ? "" : "s");
  text_count(t, parameters);
  text_format(t, " parameter%s in ", parameters == 1 ? "" : "s");
  text_bytes(t, bytes);
}

void print_field(int width, const char *label, text *value) {
  printf("%-*s %s\n", width, label, value->data ? value->data : "");
  free(value->data);
  *value = (text){0};
}

/* ---- messages ------------------------------------------------------------------------ */

/* Messages hold names from files: line by line safe for a terminal. */
static void message(const char *format, va_list args) {
  text raw = {0}, safe = {0};
  text_vformat(&raw, format, args);
  text_string(&safe, "unflow: ");
  text_name(&safe, raw.data ? raw.data : "");
  text_string(&safe, "\n");
  fflush(stdout);
  fputs(safe.data, stderr);
  free(raw.data);
  free(safe.data);
}

int fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  message(format, args);
  va_end(args);
  return EXIT_FAILED;
}

void note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  message(format, args);
  va_end(args);
}

int fail_error(const uf_error *error) {
  return fail("%s", error->message[0] ? error->message : uf_status_text(error->status));
}

int usage(const char *command, const char *format, ...) {
  text words = {0};
  va_list args;
  va_start(args, format);
  text_vformat(&words, format, args);
  va_end(args);
  fail("%s: %s; try 'unflow %s --help'", command, words.data, command);
  free(words.data);
  return EXIT_USAGE;
}

int usage_getopt(char **argv, int option) {
  const char *word = argv[optind - 1];
  if (option == ':') return usage(argv[0], "option '%s' needs a value", word);
  if (optopt && word[0] == '-' && word[1] != '-')
    return usage(argv[0], "there is no option '-%c'", optopt);
  return usage(argv[0], "there is no option '%s' of that form", word);
}

bool parse_int(const char *s, int64_t min, int64_t max, int64_t *out) {
  char *end;
  errno = 0;
  long long value = strtoll(s, &end, 10);
  if (end == s || *end || errno || value < min || value > max) return false;
  *out = value;
  return true;
}

bool colors(FILE *file) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  if (no_color && *no_color) return false;
  return term && strcmp(term, "dumb") != 0 && isatty(fileno(file));
}
