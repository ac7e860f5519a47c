/* SPDX-License-Identifier: Apache-2.0
 *
 * json_read.h: JSON read token by token from memory, for headers that files carry.
 *
 *   for (bool more = ufi_json_open(&j, '{'); more; more = ufi_json_more(&j, '}')) {
 *     char *key = ufi_json_key(&j, arena);
 *     ... exactly one value: ufi_json_open, _string, _int or _skip
 *   }
 *   if (j.bad) ... damaged at j.at
 *
 * Whatever is not as asked for sets bad, and then every call fails. Depth is bounded.
 */
#ifndef UFI_JSON_READ_H
#define UFI_JSON_READ_H

#include "base/base.h"

typedef struct ufi_json {
  const char *at, *end;
  int depth;
  bool bad;
} ufi_json;

ufi_json ufi_json_of(const char *text, size_t size);
/* The first character of what comes next: { [ " or another; 0 at the end. */
char ufi_json_peek(ufi_json *j);
/* Takes { or [; true when there is an element in it. */
bool ufi_json_open(ufi_json *j, char bracket);
/* Behind an element: true when another one follows, false behind the closing bracket. */
bool ufi_json_more(ufi_json *j, char closing);
/* A string, its escapes undone, in the arena; NULL when bad or out of memory (then bad is
 * not set). A NUL inside is refused. */
char *ufi_json_string(ufi_json *j, ufi_arena *arena);
/* The same and the colon behind it. */
char *ufi_json_key(ufi_json *j, ufi_arena *arena);
bool ufi_json_int(ufi_json *j, int64_t *value_out); /* without fraction or exponent */
void ufi_json_skip(ufi_json *j);                    /* any value */
/* True when nothing but space is left. */
bool ufi_json_at_end(ufi_json *j);

#endif
