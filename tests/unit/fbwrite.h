/* SPDX-License-Identifier: Apache-2.0
 *
 * fbwrite.h: writes FlatBuffers by hand, front to back, right or wrong.
 *
 * A table's layout is a text with one letter for each field: '1', '2', '4', '8'
 * a scalar of that many bytes, 'o' an offset to something written later, '-' an
 * absent field. Everything is patched after it was written:
 *
 *   fbw w = {0};
 *   size_t root = fbw_root(&w, "TFL3", "4o");
 *   fbw_put(&w, fbw_field(&w, root, 0), 3, 4);
 *   fbw_link(&w, fbw_field(&w, root, 1), fbw_string(&w, "text"));
 */
#ifndef TESTS_FBWRITE_H
#define TESTS_FBWRITE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct fbw {
  uint8_t data[1 << 16];
  uint8_t first[1 << 16]; /* tables and vtables as they were first written */
  size_t n;
} fbw;

static inline size_t fbw_reserve(fbw *w, size_t size, size_t alignment) {
  while (w->n % alignment) w->n++;
  size_t at = w->n;
  w->n += size;
  if (w->n > sizeof w->data) abort(); /* a test that is too large, in release builds too */
  return at;
}

static inline void fbw_put(fbw *w, size_t at, uint64_t value, size_t size) {
  memcpy(w->data + at, &value, size); /* little-endian, as the machine */
}

static inline uint64_t fbw_get(const fbw *w, size_t at, size_t size) {
  uint64_t value = 0;
  memcpy(&value, w->data + at, size);
  return value;
}

/* The uint32 offset at `at` points to target. */
static inline void fbw_link(fbw *w, size_t at, size_t target) { fbw_put(w, at, target - at, 4); }

static inline size_t fbw_width(char letter) {
  return letter == '-' ? 0 : letter == 'o' ? 4 : (size_t)(letter - '0');
}

static inline size_t fbw_table(fbw *w, const char *layout) {
  size_t fields = strlen(layout), vtable = fbw_reserve(w, 4 + 2 * fields, 2);
  size_t table = fbw_reserve(w, 4, 8), offset = 4;
  fbw_put(w, table, table - vtable, 4);
  for (size_t i = 0; i < fields; i++) {
    size_t width = fbw_width(layout[i]);
    if (width == 0) continue;
    offset = (offset + width - 1) / width * width;
    fbw_put(w, vtable + 4 + 2 * i, offset, 2);
    offset += width;
  }
  w->n = table + offset;
  fbw_put(w, vtable, 4 + 2 * fields, 2);
  fbw_put(w, vtable + 2, offset, 2);
  memcpy(w->first + vtable, w->data + vtable, table + 4 - vtable);
  return table;
}

/* Where in the vtable the offset of field i lies. */
static inline size_t fbw_slot(const fbw *w, size_t table, size_t i) {
  uint32_t back;
  memcpy(&back, w->first + table, 4);
  return table - back + 4 + 2 * i;
}

/* Field i of a table reads as absent from now on. */
static inline void fbw_drop(fbw *w, size_t table, size_t i) {
  fbw_put(w, fbw_slot(w, table, i), 0, 2);
}

/* Where field i of a table lies; it is there again if it was dropped. */
static inline size_t fbw_field(fbw *w, size_t table, size_t i) {
  size_t slot = fbw_slot(w, table, i);
  memcpy(w->data + slot, w->first + slot, 2);
  return table + (size_t)fbw_get(w, slot, 2);
}

static inline size_t fbw_root(fbw *w, const char *identifier, const char *layout) {
  size_t head = fbw_reserve(w, 8, 8);
  memcpy(w->data + head + 4, identifier, 4);
  size_t table = fbw_table(w, layout);
  fbw_link(w, head, table);
  return table;
}

static inline size_t fbw_vector(fbw *w, const void *elements, size_t n, size_t size) {
  fbw_reserve(w, 0, 16);
  w->n += 12; /* so that the elements are aligned to 16 */
  size_t at = fbw_reserve(w, 4 + n * size, 4);
  fbw_put(w, at, n, 4);
  if (n > 0 && elements) memcpy(w->data + at + 4, elements, n * size);
  return at;
}

static inline size_t fbw_string(fbw *w, const char *text) {
  size_t at = fbw_vector(w, text, strlen(text), 1);
  fbw_reserve(w, 1, 1);
  return at;
}

/* A vector of n offsets, to be linked: element i is at fbw_element(at, i). */
static inline size_t fbw_offsets(fbw *w, size_t n) { return fbw_vector(w, NULL, n, 4); }
static inline size_t fbw_element(size_t vector, size_t i) { return vector + 4 + 4 * i; }

#endif
