/* SPDX-License-Identifier: Apache-2.0
 *
 * unicode_ops.c: UnicodeDecode, UnicodeDecodeWithOffsets, UnicodeEncode, UnicodeTranscode between UTF-8,
 * UTF-16, UTF-32, ASCII and Latin-1. TensorFlow takes whatever ICU can read; other encodings are
 * refused by name.
 */
#include "ops/chars.h"
#include "ops/move.h"

typedef enum encoding { UTF8, UTF16, UTF16_BE, UTF16_LE, UTF32, UTF32_BE, UTF32_LE, ASCII, LATIN1 } encoding;
enum { REPLACE, IGNORE, STRICT };

typedef struct unicode_attrs {
  encoding from, to;
  int32_t policy;
  uint32_t replacement;
  bool controls;          /* control characters are replaced, too */
} unicode_attrs;

/* Names differ in case, '-' and '_' only, as ICU compares them. */
static bool same_name(const char *a, const char *b) {
  for (;;) {
    while (*a == '-' || *a == '_' || *a == ' ') a++;
    while (*b == '-') b++;
    char x = *a >= 'a' && *a <= 'z' ? (char)(*a - 32) : *a;
    if (x != *b) return false;
    if (x == 0) return true;
    a++;
    b++;
  }
}

static uf_status read_encoding(const char *name, encoding *out, uf_error *error) {
  static const struct {
    const char *name;
    encoding value;
  } names[] = {{"UTF8", UTF8}, {"UTF16", UTF16}, {"UTF16BE", UTF16_BE}, {"UTF16LE", UTF16_LE}, {"UTF32", UTF32},
               {"UTF32BE", UTF32_BE}, {"UTF32LE", UTF32_LE}, {"USASCII", ASCII}, {"ASCII", ASCII}, {"ISO88591", LATIN1},
               {"LATIN1", LATIN1}};
  for (size_t i = 0; i < UFI_COUNT(names); i++)
    if (same_name(name, names[i].name)) {
      *out = names[i].value;
      return UF_OK;
    }
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an encoding of UTF-8, UTF-16, UTF-32, US-ASCII and ISO-8859-1, "
                  "found '%.60s'", name);
}

static uf_status unicode_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const policies[] = {"replace", "ignore", "strict", NULL};
  unicode_attrs *a = attrs;
  int64_t replacement = ufi_tf_int(from, "replacement_char");
  UFI_TRY(ufi_tf_choice(from, "errors", policies, &a->policy, error));
  a->controls = ufi_tf_bool(from, "replace_control_characters");
  if (replacement < 0 || replacement > 0x10FFFF)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a replacement_char up to 0x10FFFF, found %lld", (long long)replacement);
  a->replacement = (uint32_t)replacement;
  if (ufi_tf_attr(from, "input_encoding")) UFI_TRY(read_encoding(ufi_tf_text(from, "input_encoding"), &a->from, error));
  if (ufi_tf_attr(from, "output_encoding")) UFI_TRY(read_encoding(ufi_tf_text(from, "output_encoding"), &a->to, error));
  if (a->to == UTF8 || a->to == UTF16_BE || a->to == UTF32_BE) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected output_encoding UTF-8, UTF-16-BE or UTF-32-BE, found '%.60s'",
                  ufi_tf_text(from, "output_encoding"));
}

/* ---- reading ---------------------------------------------------------------------------- */

static uint32_t unit(const char *s, size_t size, bool big) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; i++) value |= (uint32_t)(uint8_t)s[i] << 8 * (big ? size - 1 - i : i);
  return value;
}

/* One with a byte order mark, of so many bytes, or without it: big-endian. What the first string of a
 * tensor says holds for all of them, as in TensorFlow. */
static encoding settle(encoding e, uf_string s, size_t *mark) {
  *mark = 0;
  size_t width = e == UTF16 ? 2 : 4;
  if ((e != UTF16 && e != UTF32) || s.size == 0) return e;
  bool big = s.size >= width && unit(s.data, width, true) == 0xFEFF;
  bool little = s.size >= width && unit(s.data, width, false) == 0xFEFF;
  if (big || little) *mark = width;
  if (*mark == s.size) return e; /* nothing but a mark says nothing of other strings */
  if (e == UTF16) return little ? UTF16_LE : UTF16_BE;
  return little ? UTF32_LE : UTF32_BE;
}

/* The code point at s[at], UFI_NOT_UTF8 for what is none; its bytes. */
static uint32_t take(encoding e, uf_string s, size_t at, size_t *length) {
  size_t left = s.size - at;
  const char *p = s.data + at;
  *length = 1;
  if (e == UTF8) return ufi_utf8_take(p, left, length);
  if (e == ASCII || e == LATIN1) return e == LATIN1 || (uint8_t)*p < 0x80 ? (uint8_t)*p : UFI_NOT_UTF8;
  bool big = e == UTF16_BE || e == UTF32_BE;
  size_t width = e == UTF16_BE || e == UTF16_LE ? 2 : 4;
  *length = UFI_MIN(width, left);
  if (left < width) return UFI_NOT_UTF8;
  uint32_t code = unit(p, width, big);
  if (width == 4) return code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? UFI_NOT_UTF8 : code;
  if (code < 0xD800 || code >= 0xE000) return code;
  uint32_t low = code < 0xDC00 && left >= 4 ? unit(p + 2, 2, big) : 0;
  if (low < 0xDC00 || low >= 0xE000) return UFI_NOT_UTF8;
  *length = 4;
  return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/* The same, the mark counted to the first one; alone it reads as U+FFFF, as by ICU. */
static uint32_t take_marked(encoding e, uf_string s, size_t mark, size_t at, size_t *length) {
  if (at > 0 || mark == 0) return take(e, s, at, length);
  uint32_t code = s.size > mark ? take(e, s, mark, length) : 0xFFFF;
  *length = s.size > mark ? *length + mark : mark;
  return code;
}

/* The character to be written for code; false: none. */
static bool replaced(const unicode_attrs *a, uint32_t *code, bool *wrong) {
  if (*code != UFI_NOT_UTF8 && !(a->controls && *code <= 0x1F)) return true;
  *wrong = true;
  *code = a->replacement;
  return a->policy != IGNORE;
}

static void put(ufi_chars *c, encoding e, uint32_t code) {
  char bytes[4];
  if (code >= 0xD800 && code < 0xE000 && e != UTF16_BE) code = 0xFFFD;
  if (e == UTF8) {
    ufi_chars_utf8(c, code);
    return;
  }
  size_t n = e == UTF32_BE || code >= 0x10000 ? 4 : 2;
  if (e == UTF16_BE && code >= 0x10000) code = (0xD800 + ((code - 0x10000) >> 10)) << 16 | (0xDC00 + (code & 0x3FF));
  for (size_t i = 0; i < n; i++) bytes[i] = (char)(code >> 8 * (n - 1 - i));
  ufi_chars_add(c, bytes, n);
}

/* ---- UnicodeTranscode ----------------------------------------------------------------------- */

static uf_status transcode_eval(ufi_ctx *ctx) {
  const unicode_attrs *a = ctx->attrs;
  bool wrong = false;
  size_t mark, length;
  encoding e = a->from;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i];
    e = settle(e, s, &mark);
    for (size_t at = 0; at < s.size; at += length) {
      uint32_t code = take_marked(e, s, mark, at, &length);
      if (replaced(a, &code, &wrong)) put(c, a->to, code);
    }
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  if (!wrong || a->policy != STRICT) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected strings of the input encoding, found bytes that are not");
}

const ufi_op_def ufi_op_UNICODE_TRANSCODE = {
  .attrs_size = sizeof(unicode_attrs), .attrs_tf = unicode_tf, .infer = ufi_like_input, .prepare = ufi_chars_prepare,
  .eval = transcode_eval, .release = ufi_chars_release,
};

/* ---- UnicodeDecode, UnicodeDecodeWithOffsets --------------------------------------------------- */

static void put_split(const ufi_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT32) ((int32_t *)t->data)[i] = (int32_t)value;
  else ((int64_t *)t->data)[i] = value;
}

static uf_status decode_infer(ufi_ctx *ctx) {
  int64_t n = ctx->in[0]->count + 1;
  return ufi_out_shape(ctx, 0, 1, &n);
}

static uf_status decode_eval(ufi_ctx *ctx) {
  const unicode_attrs *a = ctx->attrs;
  int64_t total = 0;
  size_t mark, length;
  for (int pass = 0; pass < 2; pass++) { /* counting, then writing */
    encoding e = a->from;
    total = 0;
    put_split(ctx->out[0], 0, 0);
    for (int64_t i = 0; i < ctx->in[0]->count; i++) {
      uf_string s = ufi_strings(ctx->in[0])[i];
      e = settle(e, s, &mark);
      for (size_t at = 0; at < s.size; at += length) {
        uint32_t code = take_marked(e, s, mark, at, &length);
        bool wrong = false;
        if (code == UFI_NOT_UTF8 && a->policy == STRICT)
          return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected strings of the input encoding, found bytes that are "
                              "not in element %lld", (long long)i);
        if (!replaced(a, &code, &wrong)) continue;
        if (pass) ((int32_t *)ctx->out[1]->data)[total] = (int32_t)code;
        if (pass && ctx->n_out > 2) ((int64_t *)ctx->out[2]->data)[total] = (int64_t)at;
        total++;
      }
      put_split(ctx->out[0], i + 1, total);
    }
    for (int32_t k = 1; k < ctx->n_out && pass == 0; k++) UFI_TRY(ufi_out_shape(ctx, k, 1, &total));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_UNICODE_DECODE = {
  .attrs_size = sizeof(unicode_attrs), .attrs_tf = unicode_tf, .infer = decode_infer, .eval = decode_eval,
};

/* ---- UnicodeEncode ---------------------------------------------------------------------------------- */

static uf_status encode_infer(ufi_ctx *ctx) {
  int64_t n = ctx->in[1]->count - 1;
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 1, 1));
  if (n < 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected splits, found none");
  return ufi_out_shape(ctx, 0, 1, &n);
}

static bool is_character(uint32_t code) { return code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000); }

static uf_status encode_eval(ufi_ctx *ctx) {
  const unicode_attrs *a = ctx->attrs;
  const uint32_t *codes = ctx->in[0]->data;
  const ufi_tensor *splits = ctx->in[1];
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < splits->count; i++) {
    int64_t split = ufi_move_index(splits, i), last = i ? ufi_move_index(splits, i - 1) : 0;
    if (split < last || split > ctx->in[0]->count || (i == 0 && split != 0) || (i + 1 == splits->count && split != ctx->in[0]->count))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected splits that rise from 0 to %lld, found %lld at position %lld",
                          (long long)ctx->in[0]->count, (long long)split, (long long)i);
  }
  for (int64_t i = 0; i + 1 < splits->count; i++) {
    for (int64_t k = ufi_move_index(splits, i); k < ufi_move_index(splits, i + 1); k++) {
      uint32_t code = codes[k];
      if (!is_character(code) && a->policy == STRICT)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected characters of Unicode, found %d at position %lld",
                            (int)code, (long long)k);
      if (!is_character(code) && a->policy == REPLACE) code = a->replacement;
      if (is_character(code)) put(c, a->to, code);
    }
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_UNICODE_ENCODE = {
  .attrs_size = sizeof(unicode_attrs), .attrs_tf = unicode_tf, .infer = encode_infer, .prepare = ufi_chars_prepare,
  .eval = encode_eval, .release = ufi_chars_release,
};
