/* SPDX-License-Identifier: Apache-2.0
 *
 * string_number.c: numbers as text and back: AsString, StringToNumber, StringFormat, and the reading of
 * numbers that DecodeCSV shares (string_number.h).
 */
#include "ops/string_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/chars.h"
#include "ops/move.h"

/* ---- reading ---------------------------------------------------------------------- */

static uf_string stripped(uf_string s) {
  for (; s.size && ufi_is_space(s.data[s.size - 1]); s.size--) continue;
  for (; s.size && ufi_is_space(s.data[0]); s.size--) s.data++;
  return s;
}

/* strtod takes what Abseil's SimpleAtod takes, once there is no space inside. */
static bool read_float(uf_string s, bool is_double, void *out) {
  char small[128], *copy = s.size < sizeof small ? small : ufi_malloc(s.size + 1), *end = NULL;
  s = stripped(s);
  if (s.size == 0 || copy == NULL) {
    if (copy != small) ufi_free(copy);
    return false;
  }
  memcpy(copy, s.data, s.size);
  copy[s.size] = 0;
  size_t sign = s.data[0] == '+' || s.data[0] == '-';
  bool good = !ufi_is_space(copy[sign]);
  if (good && is_double) *(double *)out = strtod(copy, &end);
  else if (good) *(float *)out = strtof(copy, &end);
  good = good && end == copy + s.size;
  if (copy != small) ufi_free(copy);
  return good;
}

/* A magnitude of at most limit (one more when negative), or none below zero. */
static bool read_integer(uf_string s, uint64_t limit, bool is_signed, uint64_t *out) {
  s = stripped(s);
  bool negative = s.size && s.data[0] == '-';
  if (negative && !is_signed) return false;
  if (s.size && (negative || s.data[0] == '+')) s = (uf_string){s.data + 1, s.size - 1};
  uint64_t value = 0;
  limit += negative;
  for (size_t i = 0; i < s.size; i++) {
    unsigned digit = (unsigned)(s.data[i] - '0');
    if (digit > 9 || value > (limit - digit) / 10 || digit > limit) return false;
    value = value * 10 + digit;
  }
  *out = negative ? 0 - value : value;
  return s.size > 0;
}

bool ufi_read_number(uf_string s, uf_dtype dtype, void *out) {
  uint64_t value = 0;
  bool good = false;
  switch (dtype) {
    case UF_FLOAT32: return read_float(s, false, out);
    case UF_FLOAT64: return read_float(s, true, out);
    case UF_INT32: good = read_integer(s, INT32_MAX, true, &value); break;
    case UF_UINT32: good = read_integer(s, UINT32_MAX, false, &value); break;
    case UF_INT64: good = read_integer(s, INT64_MAX, true, &value); break;
    case UF_UINT64: good = read_integer(s, UINT64_MAX, false, &value); break;
    default: return false;
  }
  memcpy(out, &value, (size_t)uf_dtype_bits(dtype) / 8); /* little-endian */
  return good;
}

static uf_status to_number_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_out(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_UINT32, UF_UINT64, UF_INVALID));
  return ufi_like_input(ctx);
}

static uf_status to_number_eval(ufi_ctx *ctx) {
  ufi_tensor *out = ctx->out[0];
  size_t size = (size_t)uf_dtype_bits(out->dtype) / 8;
  for (int64_t i = 0; i < out->count; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i];
    if (!ufi_read_number(s, out->dtype, (char *)out->data + (size_t)i * size))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected the text of a number (%s), found '%.*s'",
                          uf_dtype_name(out->dtype), (int)UFI_MIN(s.size, (size_t)60), s.data);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_TO_NUMBER = {.infer = to_number_infer, .eval = to_number_eval};

/* ---- elements of any dtype ------------------------------------------------------------ */

typedef enum element_kind { OTHER, SIGNED, UNSIGNED, REAL, COMPLEX } element_kind;

static element_kind kind_of(uf_dtype dtype) {
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_INT8: case UF_INT16: case UF_INT32: case UF_INT64: return SIGNED;
    case UF_UINT8: case UF_UINT16: case UF_UINT32: case UF_UINT64: return UNSIGNED;
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: case UF_FLOAT64: return REAL;
    case UF_COMPLEX64: case UF_COMPLEX128: return COMPLEX;
    default: return OTHER;
  }
}

static int64_t integer_at(const ufi_tensor *t, int64_t i) {
  switch (uf_dtype_bits(t->dtype) + (kind_of(t->dtype) == SIGNED)) {
    case 8: return ((const uint8_t *)t->data)[i];
    case 9: return ((const int8_t *)t->data)[i];
    case 16: return ((const uint16_t *)t->data)[i];
    case 17: return ((const int16_t *)t->data)[i];
    case 32: return ((const uint32_t *)t->data)[i];
    case 33: return ((const int32_t *)t->data)[i];
    default: return ((const int64_t *)t->data)[i];
  }
}

/* Element i, complex ones as two. */
static double real_at(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_FLOAT16: return ufi_half_to_float(((const uint16_t *)t->data)[i]);
    case UF_BFLOAT16: return ufi_bfloat_to_float(((const uint16_t *)t->data)[i]);
    case UF_FLOAT32: case UF_COMPLEX64: return ((const float *)t->data)[i];
    default: return ((const double *)t->data)[i];
  }
}

/* ---- AsString ---------------------------------------------------------------------------- */

typedef struct as_attrs {
  bool plain;                  /* no width, flags, precision */
  char format[64];
} as_attrs;

static uf_status as_string_check(const ufi_tf_attrs *from, uf_dtype dtype, uf_error *error) {
  bool scientific = ufi_tf_bool(from, "scientific"), shortest = ufi_tf_bool(from, "shortest");
  uf_string fill = ufi_tf_bytes(from, "fill");
  element_kind kind = kind_of(dtype);
  bool exact = kind == SIGNED || kind == UNSIGNED || dtype == UF_BOOL;
  if (exact && (scientific || shortest || ufi_tf_int(from, "precision") >= 0))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected no scientific, shortest or precision for %s", uf_dtype_name(dtype));
  if (fill.size > 1 || (fill.size && !memchr(" +-0#", fill.data[0], 5)))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a fill of one of ' ', '+', '-', '0' and '#', found '%.20s'", fill.data);
  if (scientific && shortest)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one of scientific and shortest, found both");
  if (kind == OTHER && dtype != UF_BOOL && dtype != UF_STRING)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected numbers, bools or strings, found %s", uf_dtype_name(dtype));
  return UF_OK;
}

static uf_status as_string_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  as_attrs *a = attrs;
  uf_dtype dtype = ufi_tf_dtype(from, "T");
  int64_t width = ufi_tf_int(from, "width"), precision = ufi_tf_int(from, "precision");
  uf_string fill = ufi_tf_bytes(from, "fill");
  element_kind kind = kind_of(dtype);
  UFI_TRY(as_string_check(from, dtype, error));
  if (width > 1 << 24 || precision > 1 << 24)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a width and a precision of less than 16 million, found %lld "
                    "and %lld", (long long)width, (long long)precision);
  int n = snprintf(a->format, sizeof a->format, "%%");
  if (width >= 0) n += snprintf(a->format + n, sizeof a->format - (size_t)n, "%s%d", fill.size ? fill.data : "", (int)width);
  if (precision >= 0 && kind >= REAL) n += snprintf(a->format + n, sizeof a->format - (size_t)n, ".%d", (int)precision);
  const char *real = ufi_tf_bool(from, "shortest") ? "g" : ufi_tf_bool(from, "scientific") ? "e" : "f";
  const char *ending = kind == SIGNED ? "lld" : kind == UNSIGNED ? "llu" : kind >= REAL ? real : ".*s";
  snprintf(a->format + n, sizeof a->format - (size_t)n, "%s", ending);
  a->plain = width < 0;
  return UF_OK;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void as_string_one(ufi_chars *c, const as_attrs *a, const ufi_tensor *t, int64_t i) {
  switch (kind_of(t->dtype)) {
    case SIGNED: case UNSIGNED: ufi_chars_format(c, a->format, (long long)integer_at(t, i)); break;
    case REAL: ufi_chars_format(c, a->format, real_at(t, i)); break;
    case COMPLEX:
      ufi_chars_byte(c, '(');
      ufi_chars_format(c, a->format, real_at(t, 2 * i));
      ufi_chars_byte(c, ',');
      ufi_chars_format(c, a->format, real_at(t, 2 * i + 1));
      ufi_chars_byte(c, ')');
      break;
    case OTHER:
      if (t->dtype == UF_BOOL) ufi_chars_text(c, ((const bool *)t->data)[i] ? "true" : "false");
      else if (a->plain) ufi_chars_string(c, ufi_strings(t)[i]);
      else ufi_chars_format(c, a->format, (int)UFI_MIN(ufi_strings(t)[i].size, (size_t)INT32_MAX), ufi_strings(t)[i].data);
      break;
  }
}
#pragma GCC diagnostic pop

static uf_status as_string_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    as_string_one(c, ctx->attrs, ctx->in[0], i);
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_AS_STRING = {
  .attrs_size = sizeof(as_attrs), .attrs_tf = as_string_tf, .infer = ufi_like_input, .prepare = ufi_chars_prepare,
  .eval = as_string_eval, .release = ufi_chars_release,
};

/* ---- StringFormat: tensors as TensorFlow prints them -------------------------------------------- */

/* As few digits as give the same number again, of two choices. */
static void put_real(ufi_chars *c, double v, bool is_double) {
  char text[40];
  if (isnan(v) || isinf(v)) {
    ufi_chars_text(c, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    return;
  }
  snprintf(text, sizeof text, "%.*g", is_double ? 15 : 6, v);
  bool same = is_double ? strtod(text, NULL) == v : strtof(text, NULL) == (float)v;
  if (!same) snprintf(text, sizeof text, "%.*g", is_double ? 17 : 9, v);
  ufi_chars_text(c, text);
}

static void put_quoted(ufi_chars *c, uf_string s) {
  ufi_chars_byte(c, '"');
  for (size_t i = 0; i < s.size; i++) {
    char x = s.data[i];
    const char *plain = "\n\r\t\"'\\", *found = x ? strchr(plain, x) : NULL;
    if (found) ufi_chars_format(c, "\\%c", "nrt\"'\\"[found - plain]);
    else if ((unsigned char)x < 0x20 || x == 0x7F) ufi_chars_format(c, "\\%03o", (unsigned)(unsigned char)x);
    else ufi_chars_byte(c, x);
  }
  ufi_chars_byte(c, '"');
}

static void put_element(ufi_chars *c, const ufi_tensor *t, int64_t i) {
  switch (kind_of(t->dtype)) {
    case SIGNED: ufi_chars_format(c, "%lld", (long long)integer_at(t, i)); break;
    case UNSIGNED: ufi_chars_format(c, "%llu", (unsigned long long)integer_at(t, i)); break;
    case REAL: put_real(c, real_at(t, i), t->dtype == UF_FLOAT64); break;
    default:
      if (t->dtype == UF_BOOL) ufi_chars_byte(c, ((const bool *)t->data)[i] ? '1' : '0');
      else if (t->dtype == UF_STRING) put_quoted(c, ufi_strings(t)[i]);
      else ufi_chars_byte(c, '?');
  }
}

static void put_gap(ufi_chars *c, int32_t d, int32_t rank) {
  if (d == rank - 1) {
    ufi_chars_byte(c, ' ');
    return;
  }
  for (int32_t k = d; k < rank - 1; k++) ufi_chars_byte(c, '\n');
  for (int32_t k = 0; k <= d; k++) ufi_chars_byte(c, ' ');
}

/* Dimension d from element `at` on: `ends` entries of each end. */
static void put_dimension(ufi_chars *c, const ufi_tensor *t, int32_t d, int64_t at, int64_t ends) {
  if (d == t->rank) {
    put_element(c, t, at);
    return;
  }
  int64_t n = t->dims[d], step = ufi_move_span(t->dims, d + 1, t->rank);
  ufi_chars_byte(c, '[');
  for (int64_t i = 0; i < n && !c->failed; i++) {
    if (i == ends && n > 2 * ends) {
      put_gap(c, d, t->rank);
      ufi_chars_text(c, "...");
    }
    if (i >= ends && i < n - ends) {
      i = n - ends - 1;
      continue;
    }
    if (i) put_gap(c, d, t->rank);
    put_dimension(c, t, d + 1, at + i * step, ends);
  }
  ufi_chars_byte(c, ']');
}

/* Strings, and what has no text, are a flat list. */
static void put_list(ufi_chars *c, const ufi_tensor *t, int64_t limit) {
  if (t->rank) ufi_chars_byte(c, '[');
  for (int64_t i = 0; i < limit; i++) {
    if (i) ufi_chars_byte(c, ' ');
    put_element(c, t, i);
  }
  if (limit < t->count) ufi_chars_text(c, "...");
  if (t->rank) ufi_chars_byte(c, ']');
}

void ufi_format_tensor(ufi_chars *c, const ufi_tensor *t, int64_t summarize) {
  int64_t limit = summarize < 0 ? t->count : UFI_MIN(summarize, t->count);
  bool listed = kind_of(t->dtype) == OTHER ? t->dtype != UF_BOOL && t->dtype != UF_STRING : kind_of(t->dtype) == COMPLEX;
  if (limit == 0 && t->count && (t->rank == 0 || t->dtype == UF_BOOL)) ufi_chars_text(c, t->dtype == UF_BOOL ? "" : "...");
  else if (listed) put_list(c, t, t->rank ? limit : 1);
  else put_dimension(c, t, 0, 0, limit);
}

typedef struct format_attrs {
  uf_string text, placeholder;
  int64_t summarize;
} format_attrs;

/* Up to the next placeholder, which is taken from text; false: there is none. An empty one splits
 * between all characters. */
static bool next_part(uf_string *text, uf_string placeholder, uf_string *part) {
  const char *found = NULL;
  if (placeholder.size) found = text->size ? memmem(text->data, text->size, placeholder.data, placeholder.size) : NULL;
  else if (text->size > 1) found = text->data + 1;
  *part = (uf_string){text->data, found ? (size_t)(found - text->data) : text->size};
  if (found) *text = (uf_string){found + placeholder.size, text->size - part->size - placeholder.size};
  return found != NULL;
}

static uf_status format_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  format_attrs *a = attrs;
  *a = (format_attrs){ufi_tf_bytes(from, "template"), ufi_tf_bytes(from, "placeholder"), ufi_tf_int(from, "summarize")};
  uf_string rest = a->text, part;
  int32_t n = 0;
  while (next_part(&rest, a->placeholder, &part)) n++;
  if (n == from->n_in) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d placeholders in the template, as there are inputs, found %d",
                  from->n_in, n);
}

static uf_status format_eval(ufi_ctx *ctx) {
  const format_attrs *a = ctx->attrs;
  uf_string rest = a->text, part;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int32_t i = 0; i <= ctx->n_in; i++) {
    next_part(&rest, a->placeholder, &part);
    ufi_chars_string(c, part);
    if (i < ctx->n_in) ufi_format_tensor(c, ctx->in[i], a->summarize);
  }
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_STRING_FORMAT = {
  .attrs_size = sizeof(format_attrs), .attrs_tf = format_tf, .infer = ufi_scalar_out, .prepare = ufi_chars_prepare,
  .eval = format_eval, .release = ufi_chars_release,
};
