/* SPDX-License-Identifier: Apache-2.0
 *
 * print.c: arrays as NumPy prints them, with its default options: 8 digits
 * behind the point at most, 75 characters a line, arrays of more than 1000
 * elements cut to three at each edge of each dimension.
 *
 * All shown elements are looked at first: they decide whether floats are printed
 * with an exponent (greatest 1e8 or more, 1e6 for float32, 1e3 for float16; least
 * below 1e-4; or a ratio above 1000) and how wide the columns are. Then the array is laid out by recursion
 * over its dimensions.
 *
 * A float's digits are the fewest that tell it from its neighbours in its own
 * type, so 0.1 in float16 is 0.1.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { PRECISION = 8, EDGE = 3, LINE = 75 };

/* ---- elements --------------------------------------------------------------------- */

typedef enum element_class { SIGNED, UNSIGNED, BOOLEAN, REAL, COMPLEX, BYTES, NOTHING } element_class;

/* A tensor whose elements can be read one by one. */
typedef struct elements {
  element_class class;
  uf_dtype dtype;      /* of the tensor, which decides the digits */
  int item;            /* bytes in data */
  const void *data;
  void *owned;         /* converted elements, or NULL */
  int64_t count;
} elements;

static element_class class_of(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT2: case UF_INT4: case UF_INT8: case UF_INT16: case UF_INT32: case UF_INT64:
    case UF_QINT8: case UF_QINT16: case UF_QINT32: case UF_RESOURCE: return SIGNED;
    case UF_QUINT8: case UF_QUINT16: case UF_UINT2: case UF_UINT4: case UF_UINT8: case UF_UINT16: case UF_UINT32: case UF_UINT64: return UNSIGNED;
    case UF_BOOL: return BOOLEAN;
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: case UF_FLOAT64:
    case UF_FLOAT8_E4M3FN: case UF_FLOAT8_E5M2: case UF_FLOAT8_E4M3FNUZ:
    case UF_FLOAT8_E4M3B11FNUZ: case UF_FLOAT8_E5M2FNUZ: case UF_FLOAT4_E2M1FN: return REAL;
    case UF_COMPLEX64: case UF_COMPLEX128: return COMPLEX;
    case UF_STRING: return BYTES;
    default: return NOTHING;
  }
}

static elements elements_of(const uf_tensor *t) {
  elements e = {.class = class_of(t->dtype), .dtype = t->dtype, .data = t->data,
                .item = uf_dtype_bits(t->dtype) / 8, .count = uf_tensor_count(t)};
  bool small_float = e.class == REAL && e.item < 4, packed = uf_dtype_bits(t->dtype) < 8;
  if (e.class == NOTHING || (!small_float && !packed)) return e;
  uf_tensor plain = *t;
  plain.quant = NULL;
  e.item = small_float ? 4 : 1;
  e.data = e.owned = xcalloc((size_t)e.count, (size_t)e.item);
  uf_status status = small_float ? uf_dequantize(&plain, e.owned, NULL)
                                 : uf_unpack(&plain, e.owned, NULL);
  if (status != UF_OK) e.class = NOTHING;
  return e;
}

static int64_t signed_at(const elements *e, int64_t i) {
  switch (e->item) {
    case 1: return ((const int8_t *)e->data)[i];
    case 2: return ((const int16_t *)e->data)[i];
    case 4: return ((const int32_t *)e->data)[i];
    default: return ((const int64_t *)e->data)[i];
  }
}

static uint64_t unsigned_at(const elements *e, int64_t i) {
  switch (e->item) {
    case 1: return ((const uint8_t *)e->data)[i];
    case 2: return ((const uint16_t *)e->data)[i];
    case 4: return ((const uint32_t *)e->data)[i];
    default: return ((const uint64_t *)e->data)[i];
  }
}

/* Element i of reals; part 1 of a complex number is its imaginary part. */
static double real_at(const elements *e, int64_t i, int part) {
  bool is_complex = e->class == COMPLEX;
  int item = is_complex ? e->item / 2 : e->item;
  int64_t at = is_complex ? 2 * i + part : i;
  return item == 4 ? (double)((const float *)e->data)[at] : ((const double *)e->data)[at];
}

/* ---- digits -------------------------------------------------------------------------- */

/* A finite value as d.ddd * 10^exponent without zeros at the end. */
typedef struct decimal {
  bool negative;
  char digits[24];
  int count, exponent;
} decimal;

/* Whether s, a decimal near v, is nearer to v than to v's neighbours. */
static bool reads_back(const char *s, double v, uf_dtype dtype) {
  int fraction_bits, least_exponent;
  switch (dtype) {
    case UF_FLOAT16: fraction_bits = 10; least_exponent = -14; break;
    case UF_BFLOAT16: fraction_bits = 7; least_exponent = -126; break;
    case UF_FLOAT8_E4M3FN: fraction_bits = 3; least_exponent = -6; break;
    case UF_FLOAT8_E5M2: fraction_bits = 2; least_exponent = -14; break;
    case UF_FLOAT8_E4M3FNUZ: fraction_bits = 3; least_exponent = -7; break;
    case UF_FLOAT8_E4M3B11FNUZ: fraction_bits = 3; least_exponent = -10; break;
    case UF_FLOAT8_E5M2FNUZ: fraction_bits = 2; least_exponent = -15; break;
    case UF_FLOAT4_E2M1FN: fraction_bits = 1; least_exponent = 0; break;
    case UF_FLOAT64:
    case UF_COMPLEX128: return strtod(s, NULL) == v;
    default: return strtof(s, NULL) == (float)v;
  }
  int exponent = v == 0 ? least_exponent : MAX(ilogb(v), least_exponent);
  double half = ldexp(0.5, exponent - fraction_bits), error = fabs(strtod(s, NULL)) - fabs(v);
  if (error < 0 && fabs(v) == ldexp(1, exponent)) half /= 2; /* nearer neighbour below */
  return fabs(error) < half;
}

static decimal decimal_of(double v, uf_dtype dtype) {
  char s[40];
  int precision = 6, step = 0;
  for (;;) { /* from 6 digits down while they do, or up until they do */
    snprintf(s, sizeof s, "%.*e", precision - 1, v);
    bool good = precision >= 17 || reads_back(s, v, dtype);
    if (good && step == 1) break;
    if (good && precision == 1) break;
    if (!good && step == -1) {
      snprintf(s, sizeof s, "%.*e", precision, v);
      break;
    }
    step = step ? step : good ? -1 : 1;
    precision += step;
  }
  decimal d = {.negative = signbit(v) != 0};
  const char *p = s + (*s == '-');
  for (; *p != 'e'; p++)
    if (*p != '.') d.digits[d.count++] = *p;
  while (d.count > 1 && d.digits[d.count - 1] == '0') d.count--;
  d.digits[d.count] = '\0';
  d.exponent = atoi(p + 1);
  return d;
}

/* "-12.5", "3." with the digits it has, no more than PRECISION behind the point;
 * returns how many are. */
static int positional(double v, uf_dtype dtype, char *out, size_t room) {
  decimal d = decimal_of(v, dtype);
  int behind = MAX(d.count - 1 - d.exponent, 0);
  if (behind > PRECISION) { /* rounded, not cut */
    int n = snprintf(out, room, "%.*f", PRECISION, v);
    behind = PRECISION;
    while (behind > 0 && out[n - 1] == '0') { out[--n] = '\0'; behind--; }
    return behind;
  }
  char *p = out;
  if (d.negative) *p++ = '-';
  for (int i = 0; i <= MAX(d.exponent, 0); i++) { /* in front of the point */
    int digit = d.exponent < 0 ? -1 : i;
    *p++ = digit >= 0 && digit < d.count ? d.digits[digit] : '0';
  }
  *p++ = '.';
  for (int i = 1; i <= behind; i++) {
    int digit = d.exponent + i;
    *p++ = digit >= 0 && digit < d.count ? d.digits[digit] : '0';
  }
  *p = '\0';
  return behind;
}

void number_text(double v, uf_dtype dtype, char *out) {
  if (isnan(v) || isinf(v)) {
    strcpy(out, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    return;
  }
  decimal d = decimal_of(v, dtype);
  if (d.exponent < -4 || d.exponent > 15) {
    snprintf(out, 64, "%s%c%s%se%+03d", d.negative ? "-" : "", d.digits[0], d.count > 1 ? "." : "",
             d.digits + 1, d.exponent);
    return;
  }
  snprintf(out, 64, "%.*f", MAX(d.count - 1 - d.exponent, 1), v);
}

/* ---- columns --------------------------------------------------------------------------- */

/* How reals of one array are printed: digits in front of and behind the point,
 * and with exponents of how many digits (0: without). */
typedef struct real_format {
  uf_dtype dtype;
  int left, right, exponent;
  bool plus; /* imaginary parts always have a sign */
} real_format;

typedef struct format {
  const elements *e;
  int width; /* of integers and bools */
  real_format real, imaginary;
} format;

typedef void (*visit_fn)(void *context, int64_t index);

/* Calls visit for every element that is shown. */
static void visit_shown(const uf_tensor *t, int32_t axis, int64_t at, bool cut, visit_fn visit,
                        void *context) {
  if (axis == t->rank) {
    visit(context, at);
    return;
  }
  int64_t n = t->dims[axis];
  for (int64_t i = 0; i < n; i++) {
    if (cut && n > 2 * EDGE && i == EDGE) i = n - EDGE;
    visit_shown(t, axis + 1, at * n + i, cut, visit, context);
  }
}

typedef struct survey {
  const elements *e;
  format *f;
  int part;
  double least, greatest; /* of the absolute values but 0 */
  bool special;           /* nan or inf */
  int special_width;
  int precision;
} survey;

static void survey_range(void *context, int64_t i) {
  survey *s = context;
  double v = fabs(real_at(s->e, i, s->part));
  if (isnan(v) || isinf(v)) return;
  if (v == 0) return;
  s->least = s->least == 0 ? v : fmin(s->least, v);
  s->greatest = fmax(s->greatest, v);
}

/* "d.ddde-05" with at most PRECISION digits: its digits and exponent. */
static decimal scientific(double v, uf_dtype dtype) {
  decimal d = decimal_of(v, dtype);
  if (d.count <= PRECISION + 1) return d;
  char s[40];
  snprintf(s, sizeof s, "%.*e", PRECISION, v);
  const char *p = s + (*s == '-');
  for (d.count = 0; *p != 'e'; p++)
    if (*p != '.') d.digits[d.count++] = *p;
  while (d.count > 1 && d.digits[d.count - 1] == '0') d.count--;
  d.digits[d.count] = '\0';
  d.exponent = atoi(p + 1);
  return d;
}

static void survey_width(void *context, int64_t i) {
  survey *s = context;
  real_format *f = s->part ? &s->f->imaginary : &s->f->real;
  double v = real_at(s->e, i, s->part);
  bool sign = signbit(v) || f->plus;
  if (isnan(v) || isinf(v)) {
    s->special = true;
    s->special_width = MAX(s->special_width, 3 + (isinf(v) ? sign : f->plus));
    return;
  }
  if (f->exponent) {
    decimal d = scientific(v, f->dtype);
    f->left = MAX(f->left, 1 + sign);
    f->right = MAX(f->right, d.count - 1);
    f->exponent = MAX(f->exponent, abs(d.exponent) >= 100 ? 3 : 2);
    return;
  }
  char out[400];
  int behind = positional(v, f->dtype, out, sizeof out);
  f->right = MAX(f->right, behind);
  f->left = MAX(f->left, (int)(strchr(out, '.') - out) + (f->plus && !signbit(v)));
}

static void find_real_format(const uf_tensor *t, const elements *e, format *f, int part, bool cut) {
  real_format *r = part ? &f->imaginary : &f->real;
  survey s = {.e = e, .f = f, .part = part};
  *r = (real_format){.dtype = e->dtype, .plus = part == 1};
  visit_shown(t, 0, 0, cut, survey_range, &s);
  double many = e->dtype == UF_FLOAT64 || e->dtype == UF_COMPLEX128 ? 1e8
                : e->dtype == UF_FLOAT16 ? 1e3 : 1e6;
  bool exponent = s.greatest >= many || (s.greatest > 0 && (s.least < 1e-4 || s.greatest / s.least > 1000));
  r->exponent = exponent ? 2 : 0;
  visit_shown(t, 0, 0, cut, survey_width, &s);
  int behind = 1 + r->right + (r->exponent ? 2 + r->exponent : 0);
  if (s.special && s.special_width > r->left + behind) r->left = s.special_width - behind;
}

static void survey_integer(void *context, int64_t i) {
  format *f = context;
  char s[24];
  int n = f->e->class == SIGNED ? snprintf(s, sizeof s, "%lld", (long long)signed_at(f->e, i))
                                : snprintf(s, sizeof s, "%llu", (unsigned long long)unsigned_at(f->e, i));
  f->width = MAX(f->width, n);
}

static void survey_bool(void *context, int64_t i) {
  format *f = context;
  f->width = MAX(f->width, ((const uint8_t *)f->e->data)[i] ? 4 : 5);
}

static format find_format(const uf_tensor *t, const elements *e, bool cut) {
  format f = {.e = e};
  if (e->count == 0) return f;
  if (e->class == SIGNED || e->class == UNSIGNED) visit_shown(t, 0, 0, cut, survey_integer, &f);
  if (e->class == BOOLEAN) visit_shown(t, 0, 0, cut, survey_bool, &f);
  if (e->class == REAL || e->class == COMPLEX) find_real_format(t, e, &f, 0, cut);
  if (e->class == COMPLEX) find_real_format(t, e, &f, 1, cut);
  return f;
}

/* ---- one element ------------------------------------------------------------------------- */

static void add_real(text *out, const real_format *f, double v) {
  const char *sign = signbit(v) && !isnan(v) ? "-" : f->plus ? "+" : "";
  int behind = 1 + f->right + (f->exponent ? 2 + f->exponent : 0);
  if (isnan(v) || isinf(v)) {
    char s[8];
    snprintf(s, sizeof s, "%s%s", sign, isnan(v) ? "nan" : "inf");
    text_format(out, "%*s", f->left + behind, s);
    return;
  }
  if (f->exponent) {
    /* More digits than tell the value apart are its own, as NumPy has them. */
    char digits[400];
    snprintf(digits, sizeof digits, "%.*e", f->right, fabs(v));
    char *e = strchr(digits, 'e');
    *e = '\0';
    text_format(out, "%*s%s%s", f->left - 1, sign, digits, f->right == 0 ? "." : "");
    int exponent = atoi(e + 1);
    text_format(out, "e%c%0*d", exponent < 0 ? '-' : '+', f->exponent, abs(exponent));
    return;
  }
  char s[400];
  int right = positional(v, f->dtype, s, sizeof s - 1);
  if (f->plus && !signbit(v)) {
    memmove(s + 1, s, strlen(s) + 1);
    s[0] = '+';
  }
  int left = (int)(strchr(s, '.') - s);
  text_format(out, "%*s%s%*s", f->left - left, "", s, f->right - right, "");
}

static void add_complex(text *out, const format *f, int64_t i) {
  add_real(out, &f->real, real_at(f->e, i, 0));
  text imaginary = {0};
  add_real(&imaginary, &f->imaginary, real_at(f->e, i, 1));
  size_t end = imaginary.size;
  while (end > 0 && imaginary.data[end - 1] == ' ') end--;
  text_add(out, imaginary.data, end);
  text_string(out, "j");
  text_add(out, imaginary.data + end, imaginary.size - end);
  free(imaginary.data);
}

/* As Python's repr of bytes. */
static void add_bytes(text *out, const uf_string *s) {
  bool single = memchr(s->data ? s->data : "", '\'', s->size) != NULL;
  bool use_double = single && !memchr(s->data, '"', s->size);
  char quote = use_double ? '"' : '\'';
  text_format(out, "b%c", quote);
  for (size_t i = 0; i < s->size; i++) {
    unsigned char c = (unsigned char)s->data[i];
    if (c == '\\' || c == (unsigned char)quote) text_format(out, "\\%c", c);
    else if (c == '\n') text_string(out, "\\n");
    else if (c == '\r') text_string(out, "\\r");
    else if (c == '\t') text_string(out, "\\t");
    else if (c < 0x20 || c >= 0x7F) text_format(out, "\\x%02x", c);
    else text_add(out, (const char *)&c, 1);
  }
  text_add(out, &quote, 1);
}

static void add_element(text *out, const format *f, int64_t i) {
  const elements *e = f->e;
  switch (e->class) {
    case SIGNED: text_format(out, "%*lld", f->width, (long long)signed_at(e, i)); break;
    case UNSIGNED: text_format(out, "%*llu", f->width, (unsigned long long)unsigned_at(e, i)); break;
    case BOOLEAN:
      text_format(out, "%*s", f->width, ((const uint8_t *)e->data)[i] ? "True" : "False");
      break;
    case REAL: add_real(out, &f->real, real_at(e, i, 0)); break;
    case COMPLEX: add_complex(out, f, i); break;
    case BYTES: add_bytes(out, &((const uf_string *)e->data)[i]); break;
    case NOTHING: text_string(out, "?"); break;
  }
}

/* ---- layout --------------------------------------------------------------------------------- */

typedef struct layout {
  const uf_tensor *t;
  const format *f;
  bool cut;
  FILE *out;
  text line, word;
} layout;

static void trim(text *t) {
  while (t->size > 0 && t->data[t->size - 1] == ' ') t->size--;
  if (t->data) t->data[t->size] = '\0';
}

/* Adds l->word to the line, or begins another that is indented by `indent`. */
static void add_word(layout *l, int width, int indent) {
  bool wrap = (int)(l->line.size + l->word.size) > width && (int)l->line.size > indent;
  if (wrap) {
    trim(&l->line);
    fprintf(l->out, "%s\n", l->line.data);
    l->line.size = 0;
    text_format(&l->line, "%*s", indent, "");
  }
  text_add(&l->line, l->word.data, l->word.size);
  l->word.size = 0;
}

/* One row: elements at [at, at + n), in brackets; the line has been begun. */
static void print_row(layout *l, int64_t at, int64_t n, int indent, int width) {
  for (int64_t i = 0; i < n; i++) {
    if (i) text_string(&l->line, " ");
    if (l->cut && n > 2 * EDGE && i == EDGE) {
      text_string(&l->word, "...");
      add_word(l, width, indent);
      text_string(&l->line, " ");
      i = n - EDGE;
    }
    add_element(&l->word, l->f, at + i);
    add_word(l, width, indent);
  }
}

/* The part of the array whose first `axis` indices are fixed. */
static void print_level(layout *l, int32_t axis, int64_t at) {
  int64_t n = l->t->dims[axis];
  text_string(&l->line, "[");
  if (axis == l->t->rank - 1) {
    print_row(l, at * n, n, axis + 1, LINE - axis - 1);
    text_string(&l->line, "]");
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (i > 0) {
      fputs(l->line.data, l->out);
      for (int32_t k = axis; k < l->t->rank - 1; k++) putc('\n', l->out);
      l->line.size = 0;
      text_format(&l->line, "%*s", axis + 1, "");
    }
    if (l->cut && n > 2 * EDGE && i == EDGE) {
      text_string(&l->line, "...");
      i = n - EDGE - 1;
      continue;
    }
    print_level(l, axis + 1, at * n + i);
  }
  text_string(&l->line, "]");
}

void print_array(const uf_tensor *t, int64_t threshold, FILE *out) {
  elements e = elements_of(t);
  bool cut = e.count > threshold;
  format f = find_format(t, &e, cut);
  layout l = {.t = t, .f = &f, .cut = cut, .out = out};
  if (e.class == NOTHING) {
    text_string(&l.line, "(no value that can be printed)");
  } else if (e.count == 0) {
    text_string(&l.line, "[]");
  } else if (t->rank == 0) {
    char number[64];
    if (e.class == REAL) {
      number_text(real_at(&e, 0, 0), e.dtype, number);
      text_string(&l.line, number);
    } else {
      add_element(&l.line, &f, 0);
    }
  } else {
    print_level(&l, 0, 0);
  }
  fprintf(out, "%s\n", l.line.data);
  free(l.line.data);
  free(l.word.data);
  free(e.owned);
}

/* ---- JSON and summaries ------------------------------------------------------------------------ */

static void json_element(json *j, const char *key, const elements *e, int64_t i) {
  char number[64];
  switch (e->class) {
    case SIGNED: json_int(j, key, signed_at(e, i)); break;
    case UNSIGNED: json_uint(j, key, unsigned_at(e, i)); break;
    case BOOLEAN: json_bool(j, key, ((const uint8_t *)e->data)[i] != 0); break;
    case REAL:
      number_text(real_at(e, i, 0), e->dtype, number);
      json_number(j, key, number);
      break;
    case COMPLEX:
      json_array(j, key, true);
      for (int part = 0; part < 2; part++) {
        number_text(real_at(e, i, part), e->dtype, number);
        json_number(j, NULL, number);
      }
      json_end(j, ']');
      break;
    case BYTES: {
      const uf_string *s = &((const uf_string *)e->data)[i];
      json_bytes(j, key, s->data, s->size);
      break;
    }
    case NOTHING: json_null(j, key); break;
  }
}

static void json_level(json *j, const char *key, const uf_tensor *t, const elements *e,
                       int32_t axis, int64_t at) {
  if (axis == t->rank) {
    json_element(j, key, e, at);
    return;
  }
  json_array(j, key, true);
  for (int64_t i = 0; i < t->dims[axis]; i++)
    json_level(j, NULL, t, e, axis + 1, at * t->dims[axis] + i);
  json_end(j, ']');
}

void json_tensor(json *j, const char *key, const uf_tensor *t) {
  elements e = elements_of(t);
  if (e.count == 0) { /* (2^40, 0) is a shape too */
    json_array(j, key, true);
    json_end(j, ']');
  } else {
    json_level(j, key, t, &e, 0, 0);
  }
  free(e.owned);
}

bool print_range(const uf_tensor *t, text *out) {
  elements e = elements_of(t);
  double least = INFINITY, greatest = -INFINITY, sum = 0;
  bool numbers = (e.class == SIGNED || e.class == UNSIGNED || e.class == REAL) && e.count > 0 &&
                 t->dtype != UF_RESOURCE;
  int64_t specials = 0;
  for (int64_t i = 0; numbers && i < e.count; i++) {
    double v = e.class == REAL ? real_at(&e, i, 0) : e.class == SIGNED ? (double)signed_at(&e, i)
                                                                       : (double)unsigned_at(&e, i);
    if (isnan(v) || isinf(v)) { specials++; continue; }
    least = fmin(least, v);
    greatest = fmax(greatest, v);
    sum += v;
  }
  if (numbers && specials < e.count)
    text_format(out, "%.6g to %.6g, mean %.6g", least, greatest, sum / (double)(e.count - specials));
  if (numbers && specials) text_format(out, "%s%lld nan or inf", out->size ? ", " : "", (long long)specials);
  free(e.owned);
  return numbers;
}
