/* SPDX-License-Identifier: Apache-2.0
 *
 * string_case.c: StringLower, StringUpper, and UnicodeScript. With encoding "utf-8" as ICU does it with no
 * language in particular: the full mappings of Unicode, the sigma at the end of words included; what
 * is not UTF-8 becomes U+FFFD, and a string ends at its first NUL.
 */
#include "ops/chars.h"
#include "ops/unicode.h"

typedef struct case_attrs {
  bool upper, utf8;
} case_attrs;

static uf_status case_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  case_attrs *a = attrs;
  const char *encoding = ufi_tf_text(from, "encoding");
  a->upper = strcmp(from->op, "StringUpper") == 0;
  a->utf8 = encoding[0] != 0;
  if (!a->utf8 || strcmp(encoding, "utf-8") == 0) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected encoding utf-8 or '', found '%.60s'", encoding);
}

static void case_ascii(ufi_chars *c, uf_string s, bool upper) {
  for (size_t i = 0; i < s.size; i++) {
    char x = s.data[i];
    if (upper ? x >= 'a' && x <= 'z' : x >= 'A' && x <= 'Z') x = (char)(x ^ 0x20);
    ufi_chars_byte(c, x);
  }
}

/* Unicode's Cased and Case_Ignorable, which the rule for the final sigma asks for. */
enum { NEITHER, CASED, IGNORED };
static int sigma_kind(uint32_t code) {
  ufi_unicode_runs runs = {0};
  const char *category = ufi_unicode_category_name(ufi_unicode_value(&runs, code));
  static const uint32_t ignored[] = {0x27, 0x2E, 0x3A, 0xB7, 0x387, 0x55F, 0x5F4, 0x2018, 0x2019, 0x2024, 0x2027,
                                     0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
  if (strcmp(category, "Mn") == 0 || strcmp(category, "Me") == 0 || strcmp(category, "Cf") == 0 ||
      strcmp(category, "Lm") == 0 || strcmp(category, "Sk") == 0)
    return IGNORED;
  for (size_t i = 0; i < UFI_COUNT(ignored); i++)
    if (ignored[i] == code) return IGNORED;
  bool cased = strcmp(category, "Lu") == 0 || strcmp(category, "Ll") == 0 || strcmp(category, "Lt") == 0 ||
               code == 0xAA || code == 0xBA || (code >= 0x2160 && code < 0x2180) || (code >= 0x24B6 && code < 0x24EA);
  return cased ? CASED : NEITHER;
}

/* A sigma at s[at] is final when a cased letter is before it and none behind it. */
static bool is_final_sigma(uf_string s, size_t at, size_t length) {
  int kind = IGNORED;
  size_t size;
  for (size_t i = at; i > 0 && kind == IGNORED;) {
    do i--;
    while (i > 0 && ufi_utf8_trail(s.data[i]));
    uint32_t code = ufi_utf8_take(s.data + i, at - i, &size);
    kind = code == UFI_NOT_UTF8 ? NEITHER : sigma_kind(code);
  }
  if (kind != CASED) return false;
  kind = IGNORED;
  for (size_t i = at + length; i < s.size && kind == IGNORED; i += size) {
    uint32_t code = ufi_utf8_take(s.data + i, s.size - i, &size);
    kind = code == UFI_NOT_UTF8 ? NEITHER : sigma_kind(code);
  }
  return kind != CASED;
}

static void case_utf8(ufi_chars *c, uf_string s, bool upper) {
  const char *nul = s.size ? memchr(s.data, 0, s.size) : NULL;
  if (nul) s.size = (size_t)(nul - s.data);
  size_t length = 0;
  for (size_t i = 0; i < s.size; i += length) {
    uint32_t code = ufi_utf8_take(s.data + i, s.size - i, &length), several[3];
    if (code == UFI_NOT_UTF8) {
      ufi_chars_utf8(c, 0xFFFD);
      continue;
    }
    int n = upper && code >= 0x80 ? ufi_unicode_upper_special(code, several) : 0;
    for (int k = 0; k < n; k++) ufi_chars_utf8(c, several[k]);
    if (n) continue;
    if (!upper && code == 0x130) ufi_chars_text(c, "i\xCC\x87"); /* I with a dot: i and a dot */
    else if (!upper && code == 0x3A3) ufi_chars_utf8(c, is_final_sigma(s, i, length) ? 0x3C2 : 0x3C3);
    else ufi_chars_utf8(c, upper ? ufi_unicode_upper(code) : ufi_unicode_lower(code));
  }
}

static uf_status case_eval(ufi_ctx *ctx) {
  const case_attrs *a = ctx->attrs;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    (a->utf8 ? case_utf8 : case_ascii)(c, ufi_strings(ctx->in[0])[i], a->upper);
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_CASE = {
  .attrs_size = sizeof(case_attrs), .attrs_tf = case_tf, .infer = ufi_like_input, .prepare = ufi_chars_prepare,
  .eval = case_eval, .release = ufi_chars_release,
};

/* ---- UnicodeScript ------------------------------------------------------------------ */

static uf_status script_eval(ufi_ctx *ctx) {
  const int32_t *in = ctx->in[0]->data;
  int32_t *out = ctx->out[0]->data;
  ufi_unicode_runs runs = {.scripts = true};
  for (int64_t i = 0; i < ctx->in[0]->count; i++) out[i] = ufi_unicode_value(&runs, (uint32_t)in[i]);
  return UF_OK;
}

const ufi_op_def ufi_op_UNICODE_SCRIPT = {.infer = ufi_like_input, .eval = script_eval};
