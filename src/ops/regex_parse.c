/* SPDX-License-Identifier: Apache-2.0
 *
 * regex_parse.c: patterns in RE2's syntax (github.com/google/re2/wiki/Syntax) to programs.
 *
 * The pattern becomes a tree of nodes, the tree a program. Depth of parentheses, repeat counts and the
 * length of the program are bounded, so that hostile patterns cost little.
 */
#include "ops/chars.h"
#include "ops/regex.h"
#include "ops/unicode.h"

#include <stdlib.h>

enum { DEPTH_MAX = 200, REPEAT_MAX = 1000, STEPS_MAX = 100000, CODE_MAX = 0x10FFFF, FOLDED_MAX = 4 << 20 };

typedef enum node_kind { EMPTY, CLASS, ASSERT, CAT, ALT, REPEAT, GROUP } node_kind;
typedef struct node {
  node_kind kind;
  struct node *child, *next;   /* the first inside, the one behind */
  int32_t x, y;                /* CLASS: ranges; ASSERT: which; REPEAT: least and most (-1: any); GROUP: index */
  bool lazy;
} node;

enum { FOLD = 1, LINES = 2, DOT_ALL = 4, SWAP_LAZY = 8 };

typedef struct parser {
  ufi_regex *re;
  const char *at, *end;
  int flags, depth;
  ufi_regex_range *set;        /* the class being read */
  int32_t n_set, set_room, n_ranges, range_room;
  int32_t steps_room, folded;  /* characters whose other cases were asked for */
  uf_error *error;
  uf_status status;
} parser;

static void *fail(parser *p, const char *what) {
  if (p->status == UF_OK)
    p->status = ufi_fail(p->error, UF_INVALID_ARGUMENT, "expected a regular expression, found %s before its last %zu bytes",
                         what, (size_t)(p->end - p->at));
  return NULL;
}

static void *no_memory(parser *p) {
  if (p->status == UF_OK) p->status = ufi_no_memory(p->error, 64);
  return NULL;
}

static node *new_node(parser *p, node_kind kind, int32_t x, int32_t y) {
  node *n = ufi_arena_alloc(p->re->arena, sizeof *n);
  if (n == NULL) return no_memory(p);
  n->kind = kind;
  n->x = x;
  n->y = y;
  return n;
}

/* ---- sets of characters -------------------------------------------------------------- */

static bool grow_ranges(ufi_regex_range **ranges, int32_t *room, int32_t wanted) {
  if (wanted <= *room) return true;
  int32_t larger = UFI_MAX(wanted, *room * 2 + 16);
  ufi_regex_range *grown = ufi_realloc(*ranges, (size_t)larger * sizeof **ranges);
  if (grown == NULL) return false;
  *ranges = grown;
  *room = larger;
  return true;
}

static void add_range(parser *p, uint32_t first, uint32_t last) {
  if (!grow_ranges(&p->set, &p->set_room, p->n_set + 1)) no_memory(p);
  else p->set[p->n_set++] = (ufi_regex_range){first, last};
}

/* Pairs that fold together though the simple mappings do not lead from the second to the first. */
static const uint16_t folds[][2] = {
  {0x212A, 'k'}, {0x17F, 's'}, {0x212B, 0xE5}, {0x2126, 0x3C9}, {0x1E9E, 0xDF}, {0xB5, 0x3BC}, {0x3C2, 0x3C3},
  {0x3D0, 0x3B2}, {0x3D1, 0x3B8}, {0x3F4, 0x3B8}, {0x3D5, 0x3C6}, {0x3D6, 0x3C0}, {0x3F0, 0x3BA}, {0x3F1, 0x3C1},
  {0x3F5, 0x3B5}, {0x1E9B, 0x1E61}, {0x1FBE, 0x3B9}, {0x345, 0x3B9},
};

static void fold_code(parser *p, uint32_t code) {
  uint32_t lower = ufi_unicode_lower(code), upper = ufi_unicode_upper(code);
  if (lower != code) add_range(p, lower, lower);
  if (upper != code) add_range(p, upper, upper);
  if (ufi_unicode_lower(upper) != lower) add_range(p, ufi_unicode_lower(upper), ufi_unicode_lower(upper));
  lower = ufi_unicode_lower(upper);
  for (size_t i = 0; i < UFI_COUNT(folds); i++)
    if (folds[i][1] == lower || folds[i][0] == code) {
      uint32_t top = ufi_unicode_upper(folds[i][1]);
      add_range(p, folds[i][0], folds[i][0]);
      add_range(p, folds[i][1], folds[i][1]);
      add_range(p, top, top);
    }
}

/* The other cases of what was added from `begin` on. */
static void fold_set(parser *p, int32_t begin) {
  for (int32_t i = begin, n = p->n_set; i < n && p->status == UF_OK; i++)
    for (uint32_t c = p->set[i].first, last = UFI_MIN(p->set[i].last, 0x1E943u); c <= last; c++) {
      if (++p->folded > FOLDED_MAX) fail(p, "one that is too large");
      if (p->status != UF_OK) return;
      fold_code(p, c);
    }
}

static int by_first(const void *a, const void *b) {
  const ufi_regex_range *x = a, *y = b;
  return (x->first > y->first) - (x->first < y->first);
}

/* Sorts and joins the ranges of the set from `begin` on; negated: all others instead. */
static void settle(parser *p, int32_t begin, bool negated) {
  if (p->status != UF_OK) return;
  ufi_regex_range *set = p->set + begin;
  int32_t n = p->n_set - begin, kept = 0;
  if (n > 1) qsort(set, (size_t)n, sizeof *set, by_first);
  for (int32_t i = 0; i < n; i++) {
    if (kept && set[i].first <= set[kept - 1].last + 1) set[kept - 1].last = UFI_MAX(set[kept - 1].last, set[i].last);
    else set[kept++] = set[i];
  }
  p->n_set = begin + kept;
  if (!negated) return;
  uint32_t next = 0;
  int32_t old = p->n_set;
  for (int32_t i = begin; i < old; i++) {
    ufi_regex_range r = p->set[i];
    if (r.first > next) add_range(p, next, r.first - 1);
    next = r.last + 1;
  }
  if (next <= CODE_MAX) add_range(p, next, CODE_MAX);
  if (p->status != UF_OK) return;
  memmove(p->set + begin, p->set + old, (size_t)(p->n_set - old) * sizeof *p->set);
  p->n_set -= old - begin;
}

/* The set as a node. */
static node *class_node(parser *p, bool negated) {
  settle(p, 0, negated);
  if (p->status != UF_OK) return NULL;
  int32_t at = p->n_ranges, n = p->n_set;
  if (!grow_ranges(&p->re->ranges, &p->range_room, at + n)) return no_memory(p);
  if (n) memcpy(p->re->ranges + at, p->set, (size_t)n * sizeof *p->set);
  p->n_ranges += n;
  p->n_set = 0;
  return new_node(p, CLASS, at, n);
}

static node *literal(parser *p, uint32_t code) {
  p->n_set = 0;
  add_range(p, code, code);
  if (p->flags & FOLD) fold_set(p, 0);
  return class_node(p, false);
}

/* ---- escapes ------------------------------------------------------------------------------- */

static uint32_t take(parser *p) {
  size_t length;
  uint32_t code = ufi_utf8_take(p->at, (size_t)(p->end - p->at), &length);
  if (code == UFI_NOT_UTF8) fail(p, "bytes that are not UTF-8");
  p->at += length;
  return code;
}
static bool next_is(const parser *p, char c) { return p->at < p->end && *p->at == c; }
static bool skip(parser *p, char c) {
  if (!next_is(p, c)) return false;
  p->at++;
  return true;
}

static const char digit_set[] = "09", space_set[] = "\t\n\f\r  ", word_set[] = "09AZ__az";

/* Pairs of ASCII characters as ranges. */
static void add_pairs(parser *p, const char *pairs, bool negated) {
  int32_t begin = p->n_set;
  for (; *pairs; pairs += 2) add_range(p, (uint8_t)pairs[0], (uint8_t)pairs[1]);
  if ((p->flags & FOLD) && !negated) fold_set(p, begin);
  settle(p, begin, negated);
}

/* \d \D \s \S \w \W; false: none of them. */
static bool perl_class(parser *p) {
  if (p->end - p->at < 2 || p->at[0] != '\\') return false;
  char c = p->at[1];
  const char *pairs = (c | 0x20) == 'd' ? digit_set : (c | 0x20) == 's' ? space_set : (c | 0x20) == 'w' ? word_set : NULL;
  if (pairs == NULL) return false;
  p->at += 2;
  add_pairs(p, pairs, c < 'a');
  return true;
}

static const struct {
  char name[12];
  uint8_t script; /* as ICU numbers them */
} scripts[] = {
  {"Common", 0}, {"Inherited", 1}, {"Arabic", 2}, {"Armenian", 3}, {"Bengali", 4}, {"Bopomofo", 5}, {"Cherokee", 6},
  {"Coptic", 7}, {"Cyrillic", 8}, {"Devanagari", 10}, {"Ethiopic", 11}, {"Georgian", 12}, {"Gothic", 13}, {"Greek", 14},
  {"Gujarati", 15}, {"Gurmukhi", 16}, {"Han", 17}, {"Hangul", 18}, {"Hebrew", 19}, {"Hiragana", 20}, {"Kannada", 21},
  {"Katakana", 22}, {"Khmer", 23}, {"Lao", 24}, {"Latin", 25}, {"Malayalam", 26}, {"Mongolian", 27}, {"Myanmar", 28},
  {"Ogham", 29}, {"Oriya", 31}, {"Runic", 32}, {"Sinhala", 33}, {"Syriac", 34}, {"Tamil", 35}, {"Telugu", 36},
  {"Thaana", 37}, {"Thai", 38}, {"Tibetan", 39}, {"Yi", 41}, {"Braille", 46},
};

/* One letter stands for all categories that begin with it. */
static bool add_property(parser *p, const char *name, size_t size) {
  ufi_unicode_runs runs = {0};
  bool found = false, any = size == 3 && memcmp(name, "Any", 3) == 0;
  int script = -1;
  for (size_t i = 0; i < UFI_COUNT(scripts); i++)
    if (strlen(scripts[i].name) == size && memcmp(scripts[i].name, name, size) == 0) script = scripts[i].script;
  runs.scripts = script >= 0;
  if (!any && script < 0 && size > 2) return false;
  while (ufi_unicode_next(&runs) && p->status == UF_OK) {
    const char *category = runs.scripts ? "" : ufi_unicode_category_name(runs.value);
    if (any || (runs.scripts ? runs.value == script : memcmp(category, name, size) == 0 && memcmp(category, "Cn", 2) != 0)) {
      add_range(p, runs.first, runs.last);
      found = true;
    }
  }
  return found;
}

/* \pN \PN \p{Name} \p{^Name}; false: none of them. */
static bool property(parser *p) {
  if (p->end - p->at < 3 || p->at[0] != '\\' || (p->at[1] | 0x20) != 'p') return false;
  bool negated = p->at[1] == 'P';
  int32_t begin = p->n_set;
  const char *from = p->at;
  p->at += 2;
  const char *name = p->at, *end = p->at + 1;
  if (*name == '{') {
    name++;
    end = memchr(name, '}', (size_t)(p->end - name));
    if (end == NULL) return fail(p, "a property without its end"), true;
    if (name < end && *name == '^') negated = !negated, name++;
    p->at = end + 1;
  } else p->at = end;
  if (name == end || !add_property(p, name, (size_t)(end - name))) {
    p->at = from;
    fail(p, "a property that is not known");
    return true;
  }
  if (p->flags & FOLD) fold_set(p, begin);
  settle(p, begin, negated);
  return true;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static uint32_t hex_escape(parser *p) {
  uint32_t code = 0;
  bool braces = skip(p, '{');
  int digits = 0;
  for (; p->at < p->end && hex_digit(*p->at) >= 0 && (braces || digits < 2) && code <= CODE_MAX; digits++)
    code = code * 16 + (uint32_t)hex_digit(*p->at++);
  if (code > CODE_MAX || (braces ? digits == 0 || !skip(p, '}') : digits != 2)) fail(p, "a bad \\x");
  return code;
}

/* The character that an escape stands for; p->at is at the backslash. */
static uint32_t escape(parser *p) {
  if (++p->at == p->end) return fail(p, "a backslash at the end"), 0;
  uint32_t code = take(p);
  if (code < 0x80 && code != '_' && !(code >= '0' && code <= '9') && !((code | 0x20) >= 'a' && (code | 0x20) <= 'z'))
    return code;
  switch (code) {
    case 'a': return 7;
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case 'x': return hex_escape(p);
    default: break;
  }
  bool octal = code == '0' || (code >= '1' && code <= '7' && p->at < p->end && *p->at >= '0' && *p->at <= '7');
  if (!octal) return fail(p, "an escape that RE2 does not have"), 0;
  code -= '0';
  for (int i = 0; i < 2 && p->at < p->end && *p->at >= '0' && *p->at <= '7'; i++) code = code * 8 + (uint32_t)(*p->at++ - '0');
  return code;
}

/* ---- [classes] --------------------------------------------------------------------------------- */

static const struct {
  char name[8];
  const char *pairs;
} named[] = {
  {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", "\x01\x7F"}, {"blank", "\t\t  "}, {"cntrl", "\x01\x1F\x7F\x7F"},
  {"digit", "09"}, {"graph", "!~"}, {"lower", "az"}, {"print", " ~"}, {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
  {"upper", "AZ"}, {"word", "09AZ__az"}, {"xdigit", "09AFaf"},
};

/* [:name:]; false: not one. */
static bool named_class(parser *p) {
  if (p->end - p->at < 2 || p->at[0] != '[' || p->at[1] != ':') return false;
  const char *end = memmem(p->at + 2, (size_t)(p->end - p->at - 2), ":]", 2), *name = p->at + 2;
  if (end == NULL) return false;
  bool negated = name < end && *name == '^';
  name += negated;
  for (size_t i = 0; i < UFI_COUNT(named); i++) {
    if (strlen(named[i].name) != (size_t)(end - name) || memcmp(named[i].name, name, (size_t)(end - name)) != 0) continue;
    int32_t begin = p->n_set;
    bool with_nul = named[i].pairs[0] == 1; /* a pair cannot hold a NUL */
    if (with_nul && !negated) add_range(p, 0, 0);
    add_pairs(p, named[i].pairs, negated);
    if (with_nul && negated && p->n_set > begin && p->set[begin].first == 0) p->set[begin].first = 1;
    if (with_nul && negated && p->n_set > begin && p->set[begin].last == 0) p->set[begin] = p->set[--p->n_set];
    p->at = end + 2;
    return true;
  }
  fail(p, "a class that has no such name");
  return true;
}

static uint32_t class_code(parser *p) { return next_is(p, '\\') ? escape(p) : take(p); }

static node *bracket(parser *p) {
  bool negated = skip(p, '^');
  p->n_set = 0;
  for (bool first = true; p->status == UF_OK && (first || !next_is(p, ']')); first = false) {
    if (p->at == p->end) return fail(p, "a class without its end");
    if (named_class(p) || property(p) || perl_class(p)) continue;
    int32_t begin = p->n_set;
    uint32_t low = class_code(p), high = low;
    if (p->end - p->at >= 2 && p->at[0] == '-' && p->at[1] != ']') {
      p->at++;
      high = class_code(p);
      if (high < low) return fail(p, "a range that runs backwards");
    }
    add_range(p, low, high);
    if (p->flags & FOLD) fold_set(p, begin);
  }
  skip(p, ']');
  return class_node(p, negated);
}

/* ---- the grammar ------------------------------------------------------------------------------------ */

static node *alternation(parser *p);

/* "i", "m-s" ... up to : or ), which is not taken; what they make of the flags. */
static int read_flags(parser *p) {
  int flags = p->flags;
  bool off = false, any = false;
  for (; p->at < p->end && *p->at != ':' && *p->at != ')'; p->at++) {
    int bit = *p->at == 'i' ? FOLD : *p->at == 'm' ? LINES : *p->at == 's' ? DOT_ALL : *p->at == 'U' ? SWAP_LAZY : 0;
    if (*p->at == '-' && !off) off = true, any = false;
    else if (bit == 0) return fail(p, "flags that RE2 does not have"), flags;
    else {
      flags = off ? flags & ~bit : flags | bit;
      any = true;
    }
  }
  if (off && !any) fail(p, "no flags behind -");
  return flags;
}

static bool named_group(parser *p) {
  const char *at = p->at;
  if (at < p->end && *at == 'P') at++;
  if (at >= p->end || *at != '<') return false;
  const char *name = ++at;
  while (at < p->end && (*at == '_' || (*at >= '0' && *at <= '9') || ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z'))) at++;
  if (at == name || at == p->end || *at != '>') return fail(p, "a group with a bad name"), true;
  p->at = at + 1;
  return true;
}

/* Behind an opening parenthesis. */
static node *group(parser *p) {
  int outer = p->flags;
  bool captures = true;
  if (skip(p, '?') && !named_group(p)) {
    captures = false;
    p->flags = read_flags(p);
    if (p->status != UF_OK) return NULL;
    if (skip(p, ')')) return new_node(p, EMPTY, 0, 0); /* for the rest of the outer group */
    if (!skip(p, ':')) return fail(p, "a group without its end");
  }
  if (++p->depth > DEPTH_MAX) return fail(p, "too many parentheses inside each other");
  int32_t index = captures ? ++p->re->n_groups : 0;
  if (index > UFI_RE_GROUPS) return fail(p, "too many groups");
  node *inside = alternation(p);
  p->depth--;
  p->flags = outer;
  if (p->status != UF_OK) return NULL;
  if (!skip(p, ')')) return fail(p, "a parenthesis without its end");
  if (!captures) return inside;
  node *n = new_node(p, GROUP, index, 0);
  if (n) n->child = inside;
  return n;
}

static node *any_char(parser *p) {
  p->n_set = 0;
  if (!(p->flags & DOT_ALL)) add_range(p, '\n', '\n');
  return class_node(p, true);
}

/* \b \B \A \z and classes, then characters. */
static node *backslash(parser *p) {
  char c = p->end - p->at > 1 ? p->at[1] : 0;
  int which = c == 'b' ? UFI_RE_WORD : c == 'B' ? UFI_RE_NOT_WORD : c == 'A' ? UFI_RE_BEGIN_TEXT : c == 'z' ? UFI_RE_END_TEXT : -1;
  if (which >= 0) {
    p->at += 2;
    return new_node(p, ASSERT, which, 0);
  }
  p->n_set = 0;
  if (property(p) || perl_class(p)) return class_node(p, false);
  return literal(p, escape(p));
}

static bool number(parser *p, int32_t *out) {
  const char *from = p->at;
  for (*out = 0; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
    if (*out <= REPEAT_MAX) *out = *out * 10 + (*p->at - '0');
  return p->at > from;
}

/* {n} {n,} {n,m}; false, and nothing taken, when it is none: then { is a character. */
static bool counts(parser *p, int32_t *least, int32_t *most) {
  const char *from = p->at++;
  bool good = number(p, least);
  *most = *least;
  if (good && skip(p, ',') && !number(p, most)) *most = -1;
  if (good && skip(p, '}')) return true;
  p->at = from;
  return false;
}

static node *atom(parser *p) {
  switch (*p->at) {
    case '(': p->at++; return group(p);
    case '[': p->at++; return bracket(p);
    case '.': p->at++; return any_char(p);
    case '^': p->at++; return new_node(p, ASSERT, p->flags & LINES ? UFI_RE_BEGIN_LINE : UFI_RE_BEGIN_TEXT, 0);
    case '$': p->at++; return new_node(p, ASSERT, p->flags & LINES ? UFI_RE_END_LINE : UFI_RE_END_TEXT, 0);
    case '*': case '+': case '?': return fail(p, "nothing to repeat");
    case '\\': return backslash(p);
    case '{': {
      int32_t least, most;
      if (counts(p, &least, &most)) return fail(p, "nothing to repeat");
      return literal(p, take(p));
    }
    default: return literal(p, take(p));
  }
}

static bool repeat_op(parser *p, int32_t *least, int32_t *most) {
  if (p->at == p->end) return false;
  switch (*p->at) {
    case '*': *least = 0; *most = -1; break;
    case '+': *least = 1; *most = -1; break;
    case '?': *least = 0; *most = 1; break;
    case '{':
      if (!counts(p, least, most)) return false;
      if (*least > REPEAT_MAX || *most > REPEAT_MAX || (*most >= 0 && *most < *least)) fail(p, "a bad repeat count");
      return true;
    default: return false;
  }
  p->at++;
  return true;
}

static node *repeated(parser *p) {
  int32_t least, most;
  node *inside = atom(p);
  if (p->status != UF_OK || !repeat_op(p, &least, &most) || p->status != UF_OK) return inside;
  node *n = new_node(p, REPEAT, least, most);
  if (n == NULL) return NULL;
  n->child = inside;
  n->lazy = skip(p, '?') != ((p->flags & SWAP_LAZY) != 0);
  const char *again = p->at;
  if (repeat_op(p, &least, &most)) {
    p->at = again;
    return fail(p, "a repeat of a repeat");
  }
  return n;
}

/* \Q...\E: characters as they are. */
static node *quoted(parser *p, node **last) {
  p->at += 2;
  while (p->at < p->end && !(p->end - p->at >= 2 && p->at[0] == '\\' && p->at[1] == 'E')) {
    (*last)->next = literal(p, take(p));
    if (p->status != UF_OK) return NULL;
    *last = (*last)->next;
  }
  if (p->at < p->end) p->at += 2;
  return *last;
}

static node *sequence(parser *p) {
  node *cat = new_node(p, CAT, 0, 0), head = {0}, *last = &head;
  while (cat && p->status == UF_OK && p->at < p->end && *p->at != '|' && *p->at != ')') {
    if (p->end - p->at >= 2 && p->at[0] == '\\' && p->at[1] == 'Q') {
      quoted(p, &last);
      continue;
    }
    if (p->end - p->at >= 2 && p->at[0] == '\\' && p->at[1] == 'E') {
      p->at += 2;
      continue;
    }
    last->next = repeated(p);
    if (last->next) last = last->next;
  }
  if (p->status != UF_OK || cat == NULL) return NULL;
  cat->child = head.next;
  return cat;
}

static node *alternation(parser *p) {
  node *first = sequence(p), *last = first;
  if (p->status != UF_OK || !next_is(p, '|')) return first;
  node *alt = new_node(p, ALT, 0, 0);
  while (alt && p->status == UF_OK && skip(p, '|')) {
    last->next = sequence(p);
    if (last->next) last = last->next;
  }
  if (alt) alt->child = first;
  return alt;
}

/* ---- the program --------------------------------------------------------------------------------------- */

static uint32_t emit(parser *p, uint32_t op, uint32_t x, uint32_t y) {
  ufi_regex *re = p->re;
  if (p->status != UF_OK) return 0;
  if (re->n_steps >= STEPS_MAX) return fail(p, "one that is too large"), 0;
  if (re->n_steps == p->steps_room) {
    int32_t room = p->steps_room * 2 + 64;
    ufi_regex_step *grown = ufi_realloc(re->steps, (size_t)room * sizeof *grown);
    if (grown == NULL) return no_memory(p), 0;
    re->steps = grown;
    p->steps_room = room;
  }
  re->steps[re->n_steps] = (ufi_regex_step){op, x, y};
  return (uint32_t)re->n_steps++;
}

static uint32_t here(const parser *p) { return (uint32_t)p->re->n_steps; }

static bool nullable(const node *n) {
  switch (n->kind) {
    case CLASS: return false;
    case EMPTY: case ASSERT: return true;
    case GROUP: return nullable(n->child);
    case REPEAT: return n->x == 0 || nullable(n->child);
    case CAT:
      for (const node *c = n->child; c; c = c->next)
        if (!nullable(c)) return false;
      return true;
    default:
      for (const node *c = n->child; c; c = c->next)
        if (nullable(c)) return true;
      return false;
  }
}

static void emit_node(parser *p, const node *n);

/* A split at `at` that prefers to go on behind itself, or (lazy) at `other`. */
static void set_split(parser *p, uint32_t at, uint32_t inside, uint32_t other, bool lazy) {
  if (p->status != UF_OK) return;
  p->re->steps[at].x = lazy ? other : inside;
  p->re->steps[at].y = lazy ? inside : other;
}

static void emit_plus(parser *p, const node *n, bool lazy) {
  uint32_t begin = here(p);
  emit_node(p, n);
  uint32_t split = emit(p, UFI_RE_SPLIT, 0, 0);
  set_split(p, split, begin, here(p), lazy);
}

static void emit_repeat(parser *p, const node *n) {
  uint32_t splits[1], at;
  int32_t optional = n->y < 0 ? 0 : n->y - n->x;
  uint32_t before = here(p);
  for (int32_t i = 0; i < n->x - (n->y < 0 && n->x > 0); i++) {
    emit_node(p, n->child);
    if (here(p) == before || p->status != UF_OK) return; /* nothing, however often (or too much already) */
  }
  if (n->y < 0 && n->x > 0) emit_plus(p, n->child, n->lazy);
  if (n->y < 0 && n->x == 0) {
    at = emit(p, UFI_RE_SPLIT, 0, 0);
    uint32_t begin = here(p);
    if (nullable(n->child)) emit_plus(p, n->child, n->lazy); /* (x+)?: an empty x ends the loop, not the thread */
    else {
      emit_node(p, n->child);
      emit(p, UFI_RE_JUMP, at, 0);
    }
    set_split(p, at, begin, here(p), n->lazy);
  }
  /* x{0,3} is (x(x(x)?)?)?: all splits leave to the same place; until it is known they are a list */
  splits[0] = UINT32_MAX;
  for (int32_t i = 0; i < optional && p->status == UF_OK; i++) {
    at = emit(p, UFI_RE_SPLIT, splits[0], 0);
    splits[0] = at;
    emit_node(p, n->child);
  }
  while (p->status == UF_OK && splits[0] != UINT32_MAX) {
    at = splits[0];
    splits[0] = p->re->steps[at].x;
    set_split(p, at, at + 1, here(p), n->lazy);
  }
}

static void emit_alternatives(parser *p, const node *first) {
  uint32_t ends = UINT32_MAX; /* jumps to the end, as a list */
  for (const node *c = first; c && p->status == UF_OK; c = c->next) {
    uint32_t split = c->next ? emit(p, UFI_RE_SPLIT, here(p) + 1, 0) : 0;
    emit_node(p, c);
    if (c->next == NULL) break;
    ends = emit(p, UFI_RE_JUMP, ends, 0);
    if (p->status == UF_OK) p->re->steps[split].y = here(p);
  }
  while (p->status == UF_OK && ends != UINT32_MAX) {
    uint32_t at = ends;
    ends = p->re->steps[at].x;
    p->re->steps[at].x = here(p);
  }
}

static void emit_class(parser *p, const node *n) {
  const ufi_regex_range *r = p->re->ranges + n->x;
  if (n->y == 0) emit(p, UFI_RE_FAIL, 0, 0);
  else if (n->y == 1) emit(p, UFI_RE_RANGE, r->first, r->last);
  else emit(p, UFI_RE_CLASS, (uint32_t)n->x, (uint32_t)n->y);
}

static void emit_node(parser *p, const node *n) {
  if (p->status != UF_OK) return;
  switch (n->kind) {
    case EMPTY: break;
    case CLASS: emit_class(p, n); break;
    case ASSERT: emit(p, UFI_RE_ASSERT, (uint32_t)n->x, 0); break;
    case CAT:
      for (const node *c = n->child; c; c = c->next) emit_node(p, c);
      break;
    case ALT: emit_alternatives(p, n->child); break;
    case REPEAT: emit_repeat(p, n); break;
    case GROUP:
      emit(p, UFI_RE_SAVE, (uint32_t)n->x * 2, 0);
      emit_node(p, n->child);
      emit(p, UFI_RE_SAVE, (uint32_t)n->x * 2 + 1, 0);
      break;
  }
}

/* How often something inside is repeated by counts, at most; RE2 allows 1000. */
static int64_t repeats(const node *n) {
  int64_t most = 1, own = n->kind != REPEAT ? 1 : n->y < 0 ? n->x : n->y;
  for (const node *c = n->child; c; c = n->kind == REPEAT || n->kind == GROUP ? NULL : c->next) {
    int64_t inside = repeats(c); /* UFI_MAX would ask twice */
    if (inside > most) most = inside;
  }
  return UFI_MIN(most * UFI_MAX(own, (int64_t)1), (int64_t)REPEAT_MAX + 1);
}

uf_status ufi_regex_parse(uf_string pattern, ufi_regex *re, uf_error *error) {
  parser p = {.re = re, .at = pattern.data, .end = pattern.data + pattern.size, .error = error};
  node *all = alternation(&p);
  if (p.status == UF_OK && p.at < p.end) fail(&p, "a closing parenthesis too many");
  if (p.status == UF_OK && repeats(all) > REPEAT_MAX) fail(&p, "too large repeat counts inside each other");
  if (p.status == UF_OK) {
    emit(&p, UFI_RE_SAVE, 0, 0);
    emit_node(&p, all);
    emit(&p, UFI_RE_SAVE, 1, 0);
    emit(&p, UFI_RE_MATCH, 0, 0);
  }
  ufi_free(p.set);
  return p.status;
}
