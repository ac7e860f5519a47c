/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.c: names that nothing else has. Each name remembers the number it was last given
 * out with, so that a file that repeats one name a million times costs no more than others.
 */
#include <stdio.h>

#include "source/unique.h"

struct ufi_unique {
  ufi_names *names;    /* to numbers */
  int32_t *numbers;    /* the next for that name; 2 at first */
  size_t n, capacity;
};

ufi_unique *ufi_unique_create(void) {
  ufi_unique *u = ufi_calloc(1, sizeof *u);
  if (u) u->names = ufi_names_create(64);
  if (u && u->names) return u;
  ufi_free(u);
  return NULL;
}

void ufi_unique_destroy(ufi_unique *u) {
  if (!u) return;
  ufi_names_destroy(u->names);
  ufi_free(u->numbers);
  ufi_free(u);
}

static bool add(ufi_unique *u, const char *name) {
  if (u->n == u->capacity) {
    size_t capacity = u->capacity ? 2 * u->capacity : 64;
    int32_t *numbers = ufi_realloc(u->numbers, capacity * sizeof *numbers);
    if (!numbers || capacity > INT32_MAX) return false;
    u->numbers = numbers;
    u->capacity = capacity;
  }
  u->numbers[u->n] = 2;
  return ufi_names_add(u->names, name, (int32_t)u->n++);
}

const char *ufi_unique_name(ufi_unique *u, ufi_arena *arena, const char *name, size_t size) {
  enum { NUMBER_MAX = 12 };
  const char *nul = size ? memchr(name, 0, size) : NULL;
  if (nul) size = (size_t)(nul - name);
  char *text = ufi_arena_string(arena, name, size);
  if (!text) return NULL;
  int32_t found = ufi_names_find(u->names, text);
  if (found < 0) return add(u, text) ? text : NULL;
  text = ufi_arena_alloc(arena, size + 1 + NUMBER_MAX);
  if (!text) return NULL;
  if (size) memcpy(text, name, size);
  do { /* a file may have a NAME~2 of its own */
    snprintf(text + size, 1 + NUMBER_MAX, "~%d", (int)u->numbers[found]++);
  } while (ufi_names_find(u->names, text) >= 0);
  return add(u, text) ? text : NULL;
}
