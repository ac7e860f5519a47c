/* SPDX-License-Identifier: Apache-2.0
 *
 * rename.c: what users say about names: rules that change them, and layouts and
 * dtypes for the arrays that have them.
 *
 * A rule is PATTERN=REPLACEMENT, split at the first = that no backslash is in front of. PATTERN is
 * a POSIX extended regular expression; every match in a name is replaced; \1 to \9 in
 * REPLACEMENT are its groups, \0 the whole match, \\ a backslash. The next rule sees the result.
 */
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { GROUPS = 10 };

typedef struct rule {
  regex_t pattern;
  char *replacement;
} rule;

struct rename_rules {
  rule *list;
  size_t n;
};

static char *split_rule(char *words) {
  for (char *p = words; *p; p++) {
    if (*p == '\\' && p[1]) p++;
    else if (*p == '=') {
      *p = '\0';
      return p + 1;
    }
  }
  return NULL;
}

/* "\=" is for us; regular expressions know no such escape. */
static void unescape_equals(char *s) {
  char *out = s;
  for (; *s; s++) {
    if (s[0] == '\\' && s[1] == '=') continue;
    if (s[0] == '\\' && s[1]) *out++ = *s++;
    *out++ = *s;
  }
  *out = '\0';
}

int rename_add(rename_rules **rules, const char *command, const char *words) {
  char *pattern = xstrdup(words), *replacement = split_rule(pattern);
  if (!replacement || !*pattern) {
    free(pattern);
    return usage(command, "a rule is PATTERN=REPLACEMENT, not '%s'", words);
  }
  rule r = {.replacement = xstrdup(replacement)};
  unescape_equals(pattern);
  int code = regcomp(&r.pattern, pattern, REG_EXTENDED);
  if (code != 0) {
    char why[128];
    regerror(code, &r.pattern, why, sizeof why);
    code = usage(command, "expected a regular expression, found '%s' (%s)", pattern, why);
    free(pattern);
    free(r.replacement);
    return code;
  }
  free(pattern);
  if (!*rules) *rules = xcalloc(1, sizeof **rules);
  (*rules)->list = xrealloc((*rules)->list, (*rules)->n + 1, sizeof r);
  (*rules)->list[(*rules)->n++] = r;
  return EXIT_OK;
}

int rename_add_file(rename_rules **rules, const char *command, const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return usage(command, "expected a file of rules, found '%s': %s", path, strerror(errno));
  char *line = NULL;
  size_t room = 0;
  int code = EXIT_OK;
  for (ssize_t n; code == EXIT_OK && (n = getline(&line, &room, file)) >= 0;) {
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = '\0';
    if (n > 0 && line[0] != '#') code = rename_add(rules, command, line);
  }
  free(line);
  fclose(file);
  return code;
}

static void add_replacement(text *out, const char *name, const regmatch_t *groups, const char *words) {
  for (const char *p = words; *p; p++) {
    if (p[0] != '\\' || !p[1]) {
      text_add(out, p, 1);
      continue;
    }
    p++;
    if (*p < '0' || *p > '9') {
      text_add(out, p, 1);
      continue;
    }
    const regmatch_t *g = &groups[*p - '0'];
    if (g->rm_so >= 0) text_add(out, name + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
  }
}

static void apply_rule(const rule *r, const char *name, text *out) {
  regmatch_t groups[GROUPS];
  for (int flags = 0; regexec(&r->pattern, name, GROUPS, groups, flags) == 0; flags = REG_NOTBOL) {
    text_add(out, name, (size_t)groups[0].rm_so);
    add_replacement(out, name, groups, r->replacement);
    name += groups[0].rm_eo;
    if (!*name) return;
    if (groups[0].rm_so == groups[0].rm_eo) text_add(out, name++, 1); /* an empty match moves on */
    if (!*name) return;
  }
  text_string(out, name);
}

void rename_apply(const rename_rules *rules, const char *name, text *out) {
  text_string(out, name);
  for (size_t i = 0; rules && i < rules->n; i++) {
    text next = {0};
    text_add(&next, "", 0);
    apply_rule(&rules->list[i], out->data, &next);
    free(out->data);
    *out = next;
  }
}

void rename_free(rename_rules *rules) {
  for (size_t i = 0; rules && i < rules->n; i++) {
    regfree(&rules->list[i].pattern);
    free(rules->list[i].replacement);
  }
  if (rules) free(rules->list);
  free(rules);
}

/* ---- layouts and dtypes ----------------------------------------------------------------- */

struct layout_rule {
  int32_t rank, axes[UF_MAX_RANK];
  const char *glob; /* NULL: all */
};

struct dtype_rule {
  uf_dtype dtype;
  const char *glob;
};

/* "HWIO:OIHW": dimension i of the result is the one that letter i of the right side names. */
static bool parse_layout(const char *value, struct layout_rule *out) {
  size_t rank = strcspn(value, ":"), right = value[rank] ? strcspn(value + rank + 1, "@") : 0;
  const char *to = value + rank + 1;
  unsigned seen = 0;
  if (rank == 0 || rank > UF_MAX_RANK || right != rank) return false;
  for (size_t i = 0; i < rank; i++) {
    const char *at = memchr(value, to[i], rank);
    if (!at || seen & 1u << (at - value)) return false;
    out->axes[i] = (int32_t)(at - value);
    seen |= 1u << (at - value);
  }
  out->rank = (int32_t)rank;
  out->glob = to[rank] ? to + rank + 1 : NULL;
  return true;
}

int layout_add(conversions *c, const char *command, const char *value) {
  struct layout_rule r = {0};
  if (!parse_layout(value, &r))
    return usage(command, "--layout wants the same letters twice, as in HWIO:OIHW or HWIO:OIHW@GLOB, "
                 "not '%s'", value);
  c->layouts = xrealloc(c->layouts, c->n_layouts + 1, sizeof r);
  c->layouts[c->n_layouts++] = r;
  return EXIT_OK;
}

static bool is_float(uf_dtype d) {
  switch (d) {
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: case UF_FLOAT64: case UF_FLOAT8_E4M3FN:
    case UF_FLOAT8_E5M2: case UF_FLOAT8_E4M3FNUZ: case UF_FLOAT8_E4M3B11FNUZ:
    case UF_FLOAT8_E5M2FNUZ: case UF_FLOAT4_E2M1FN: return true;
    default: return false;
  }
}

static bool is_complex(uf_dtype d) { return d == UF_COMPLEX64 || d == UF_COMPLEX128; }

static bool is_number(uf_dtype d) {
  return d != UF_INVALID && d != UF_STRING && d != UF_RESOURCE && d != UF_VARIANT;
}

static bool is_target(uf_dtype d) {
  if (!is_number(d) || uf_dtype_bits(d) < 8) return false;
  if (d >= UF_QINT8 && d <= UF_QINT32) return false;
  return !is_float(d) || uf_dtype_bits(d) > 8;
}

int dtype_add(conversions *c, const char *command, const char *value) {
  size_t size = strcspn(value, "@");
  char name[32] = "";
  if (size < sizeof name) memcpy(name, value, size);
  struct dtype_rule r = {uf_dtype_from_name(name), value[size] ? value + size + 1 : NULL};
  if (!is_target(r.dtype))
    return usage(command, "--dtype wants float32, float64, float16, bfloat16, an integer dtype, bool "
                 "or a complex one, not '%s'", value);
  c->dtypes = xrealloc(c->dtypes, c->n_dtypes + 1, sizeof r);
  c->dtypes[c->n_dtypes++] = r;
  return EXIT_OK;
}

static bool fits(const char *glob, const char *name) {
  return !glob || fnmatch(glob, name, 0) == 0 || strcmp(glob, name) == 0;
}

/* Without a pattern a dtype is for its own kind: floats stay floats, integers integers. */
static bool same_kind(uf_dtype a, uf_dtype b) {
  return is_float(a) == is_float(b) && is_complex(a) == is_complex(b) && (a == UF_BOOL) == (b == UF_BOOL);
}

void conversions_apply(const conversions *c, const uf_entry *e, const char *name,
                       uf_output_item *item) {
  if (!is_number(e->dtype)) return;
  uf_dtype dtype = e->dtype;
  item->dequantize = c->dequantize && e->quant && e->quant->count > 0;
  /* as for models: what NumPy has no dtype for is quantized, too */
  bool rare = is_float(dtype) && (uf_dtype_bits(dtype) <= 8 || dtype == UF_BFLOAT16);
  if (item->dequantize) dtype = UF_FLOAT32;
  else if (c->dequantize && rare) item->dtype = dtype = UF_FLOAT32;
  for (size_t i = 0; i < c->n_dtypes; i++) {
    const struct dtype_rule *r = &c->dtypes[i];
    if (!fits(r->glob, name) || !(r->glob || same_kind(dtype, r->dtype))) continue;
    if (dtype != r->dtype) item->dtype = r->dtype;
    break;
  }
  for (size_t i = 0; i < c->n_layouts; i++) {
    const struct layout_rule *r = &c->layouts[i];
    if (r->rank != e->rank || !fits(r->glob, name)) continue;
    item->axes = r->axes;
    break;
  }
}

void conversions_free(conversions *c) {
  free(c->layouts);
  free(c->dtypes);
  *c = (conversions){0};
}
