/* SPDX-License-Identifier: Apache-2.0
 *
 * regex.h: regular expressions with RE2's syntax and meaning, in time linear in the text.
 *
 * An engine of our own, for the usual library, RE2, is C++ and larger than all of unflow. As RE2: UTF-8,
 * leftmost match, earlier alternatives first, no backreferences or lookaround; what it does not have is
 * \C and scripts of \p beyond the common ones. regex_parse.c makes a program of a pattern, regex.c runs
 * it (Pike's machine: Russ Cox, "Regular Expression Matching: the Virtual Machine Approach").
 */
#ifndef UFI_REGEX_H
#define UFI_REGEX_H

#include "base/base.h"

typedef enum ufi_regex_op {
  UFI_RE_RANGE,    /* one character x to y */
  UFI_RE_CLASS,    /* one of ranges[x] to ranges[x + y - 1] */
  UFI_RE_SPLIT,    /* goes on at x and, if that fails, at y */
  UFI_RE_JUMP,     /* to x */
  UFI_RE_SAVE,     /* the place as capture x */
  UFI_RE_ASSERT,   /* x: UFI_RE_BEGIN_TEXT ... */
  UFI_RE_MATCH,
  UFI_RE_FAIL,
} ufi_regex_op;
enum { UFI_RE_BEGIN_TEXT, UFI_RE_END_TEXT, UFI_RE_BEGIN_LINE, UFI_RE_END_LINE, UFI_RE_WORD, UFI_RE_NOT_WORD };

typedef struct ufi_regex_step {
  uint32_t op, x, y;
} ufi_regex_step;
typedef struct ufi_regex_range {
  uint32_t first, last;
} ufi_regex_range;

enum { UFI_RE_GROUPS = 1000 };

typedef struct ufi_regex {
  ufi_arena *arena;          /* all below */
  ufi_regex_step *steps;
  ufi_regex_range *ranges;
  int32_t n_steps, n_groups; /* groups without the whole match */
  void *threads;             /* the machine's memory, see regex.c */
} ufi_regex;

/* INVALID_ARGUMENT: not a pattern. Not thread-safe. The caller destroys it. */
uf_status ufi_regex_compile(uf_string pattern, ufi_regex **regex_out, uf_error *error) UF_MUST_USE;
void ufi_regex_destroy(ufi_regex *regex); /* NULL is fine */
/* Looks for the pattern in text from start on (full: the match must begin there and reach the end).
 * groups_out: begin and end of the match and of the first n_groups groups, -1: not in it. False: no match. */
bool ufi_regex_match(ufi_regex *regex, uf_string text, size_t start, bool full, int64_t *groups_out,
                     int32_t n_groups);

/* For the parser: a pattern's program, without the machine. */
uf_status ufi_regex_parse(uf_string pattern, ufi_regex *regex, uf_error *error) UF_MUST_USE;

#endif
