/* SPDX-License-Identifier: Apache-2.0
 *
 * regex_ops.c: RegexFullMatch, RegexReplace and their kin with the pattern as an attribute.
 */
#include "ops/chars.h"
#include "ops/regex.h"

typedef struct regex_attrs {
  bool is_static, global;
  uf_string pattern, rewrite;
} regex_attrs;

static uf_status regex_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  regex_attrs *a = attrs;
  a->is_static = strncmp(from->op, "Static", 6) == 0;
  a->pattern = ufi_tf_bytes(from, "pattern");
  a->rewrite = ufi_tf_bytes(from, "rewrite");
  a->global = ufi_tf_bool(from, "replace_global");
  return UF_OK;
}

/* The pattern of the last eval and its program, kept for the next one. */
typedef struct regex_state {
  ufi_chars chars;
  ufi_regex *regex;
  char *pattern;
  size_t pattern_size;
} regex_state;

static void regex_release(void *memory) {
  regex_state *s = memory;
  if (s == NULL) return;
  ufi_chars_release(&s->chars);
  ufi_regex_destroy(s->regex);
  ufi_free(s->pattern);
}

static uf_status regex_prepare(ufi_ctx *ctx) {
  return ufi_ctx_state(ctx, sizeof(regex_state)) ? UF_OK : ufi_no_memory(ctx->error, sizeof(regex_state));
}

static uf_status regex_infer(ufi_ctx *ctx) {
  const regex_attrs *a = ctx->attrs;
  for (int32_t i = 1; !a->is_static && i < ctx->n_in; i++) UFI_TRY(ufi_want_one(ctx, i, i == 1 ? "pattern" : "rewrite", false));
  return ufi_like_input(ctx);
}

static uf_status compiled(ufi_ctx *ctx, ufi_regex **regex_out) {
  const regex_attrs *a = ctx->attrs;
  regex_state *s = ctx->state;
  uf_string pattern = a->is_static ? a->pattern : ufi_strings(ctx->in[1])[0];
  bool same = s->regex && s->pattern_size == pattern.size && (pattern.size == 0 || memcmp(s->pattern, pattern.data, pattern.size) == 0);
  if (!same) {
    char *copy = ufi_malloc(pattern.size + 1);
    if (copy == NULL) return ufi_no_memory(ctx->error, pattern.size);
    if (pattern.size) memcpy(copy, pattern.data, pattern.size);
    ufi_free(s->pattern);
    ufi_regex_destroy(s->regex);
    *s = (regex_state){.chars = s->chars, .pattern = copy, .pattern_size = pattern.size};
    UFI_TRY(ufi_regex_compile(pattern, &s->regex, ctx->error));
  }
  *regex_out = s->regex;
  return UF_OK;
}

static uf_status full_match_eval(ufi_ctx *ctx) {
  ufi_regex *regex;
  bool *out = ctx->out[0]->data;
  UFI_TRY(compiled(ctx, &regex));
  for (int64_t i = 0; i < ctx->in[0]->count; i++)
    out[i] = ufi_regex_match(regex, ufi_strings(ctx->in[0])[i], 0, true, NULL, 0);
  return UF_OK;
}

const ufi_op_def ufi_op_REGEX_FULL_MATCH = {
  .attrs_size = sizeof(regex_attrs), .attrs_tf = regex_tf, .infer = regex_infer, .prepare = regex_prepare,
  .eval = full_match_eval, .release = regex_release,
};

/* ---- RegexReplace --------------------------------------------------------------------------- */

/* The highest group that a rewrite names. */
static int32_t max_group(uf_string rewrite) {
  int32_t most = 0;
  for (size_t i = 0; i + 1 < rewrite.size; i++)
    if (rewrite.data[i] == '\\') {
      i++;
      if (rewrite.data[i] >= '0' && rewrite.data[i] <= '9') most = UFI_MAX(most, rewrite.data[i] - '0');
    }
  return most;
}

/* Ends at the first backslash before something else than a digit or a backslash, as RE2. */
static bool put_rewrite(ufi_chars *c, uf_string rewrite, uf_string s, const int64_t *groups) {
  for (size_t i = 0; i < rewrite.size; i++) {
    char x = rewrite.data[i];
    if (x != '\\') {
      ufi_chars_byte(c, x);
      continue;
    }
    x = ++i < rewrite.size ? rewrite.data[i] : 0;
    if (x == '\\') ufi_chars_byte(c, x);
    else if (x < '0' || x > '9') return false;
    else if (groups[2 * (x - '0')] >= 0)
      ufi_chars_add(c, s.data + groups[2 * (x - '0')], (size_t)(groups[2 * (x - '0') + 1] - groups[2 * (x - '0')]));
  }
  return true;
}

/* False: nothing was replaced, c has nothing of use. */
static bool replace_all(ufi_chars *c, ufi_regex *regex, uf_string s, uf_string rewrite) {
  int64_t groups[20];
  size_t at = 0, last = SIZE_MAX;
  bool any = false;
  while (at <= s.size && ufi_regex_match(regex, s, at, false, groups, 9)) {
    size_t begin = (size_t)groups[0], end = (size_t)groups[1];
    ufi_chars_add(c, s.data + at, begin - at);
    at = begin;
    if (begin == end && begin == last) { /* no empty match right behind the last one: a character goes over */
      size_t length = at < s.size ? 1 : 0;
      if (length && ufi_utf8_take(s.data + at, s.size - at, &length) == UFI_NOT_UTF8) length = 1;
      ufi_chars_add(c, s.data + at, length);
      at += length ? length : 1;
      continue;
    }
    put_rewrite(c, rewrite, s, groups);
    at = last = end;
    any = true;
  }
  if (any && at < s.size) ufi_chars_add(c, s.data + at, s.size - at);
  return any;
}

static bool replace_first(ufi_chars *c, ufi_regex *regex, uf_string s, uf_string rewrite) {
  int64_t groups[20];
  if (!ufi_regex_match(regex, s, 0, false, groups, 9)) return false;
  ufi_chars_add(c, s.data, (size_t)groups[0]);
  if (!put_rewrite(c, rewrite, s, groups)) return false;
  ufi_chars_add(c, s.data + groups[1], s.size - (size_t)groups[1]);
  return true;
}

static uf_status replace_eval(ufi_ctx *ctx) {
  const regex_attrs *a = ctx->attrs;
  ufi_regex *regex;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(compiled(ctx, &regex));
  uf_string rewrite = a->is_static ? a->rewrite : ufi_strings(ctx->in[2])[0];
  bool possible = max_group(rewrite) <= regex->n_groups;
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i], *out = &ufi_strings(ctx->out[0])[i];
    if (possible && (a->global ? replace_all : replace_first)(c, regex, s, rewrite)) {
      UFI_TRY(ufi_chars_take(ctx, c, out));
    } else {
      c->size = 0;
      *out = s;
    }
  }
  return UF_OK;
}

const ufi_op_def ufi_op_REGEX_REPLACE = {
  .attrs_size = sizeof(regex_attrs), .attrs_tf = regex_tf, .infer = regex_infer, .prepare = regex_prepare,
  .eval = replace_eval, .release = regex_release,
};
