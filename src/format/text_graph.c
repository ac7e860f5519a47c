/* SPDX-License-Identifier: Apache-2.0
 *
 * text_graph.c: protobuf's text format to the wire format, for graphs.
 *
 *   message := field*
 *   field   := name (":" value | ":"? "{" message "}" | ":"? "<" message ">") (";" | ",")?
 *   value   := scalar | "[" scalar ("," scalar)* "]"      (messages in lists, too)
 *
 * with # comments, strings in " or ' that follow each other joined, numbers in decimal,
 * hexadecimal or octal, and names for enums. The tables below know the fields that
 * graphdef.c reads; any other is parsed and left out. A message is written behind the text of
 * its field, then moved to make room for its length. Depth is bounded; the output is at most
 * a few times as long as the text.
 */
#include "format/text_graph.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "format/protobuf.h"

enum { DEPTH_MAX = 64, NUMBER_MAX = 64 };

/* ---- what the messages are -------------------------------------------------------- */

typedef enum type { T_BYTES, T_INT, T_BOOL, T_FLOAT, T_DOUBLE, T_DTYPE, T_MESSAGE } type;
typedef enum message_type {
  M_UNKNOWN, M_TOP, M_GRAPH, M_NODE, M_PAIR, M_VALUE, M_LIST, M_FUNC, M_TENSOR, M_SHAPE, M_DIM,
  M_LIBRARY, M_FUNCTION, M_SIGNATURE, M_ARG, M_TEXTS, M_VERSIONS, M_META, M_META_INFO,
} message_type;

typedef struct field {
  message_type in;
  const char *name;
  uint8_t number;
  type type;
  message_type message;
} field;

static const field fields[] = {
  {M_GRAPH, "node", 1, T_MESSAGE, M_NODE},       {M_GRAPH, "library", 2, T_MESSAGE, M_LIBRARY},
  {M_GRAPH, "version", 3, T_INT, 0},             {M_GRAPH, "versions", 4, T_MESSAGE, M_VERSIONS},
  {M_META, "meta_info_def", 1, T_MESSAGE, M_META_INFO},
  {M_META, "graph_def", 2, T_MESSAGE, M_GRAPH},
  {M_META_INFO, "tags", 4, T_BYTES, 0},          {M_META_INFO, "tensorflow_version", 5, T_BYTES, 0},
  {M_VERSIONS, "producer", 1, T_INT, 0},         {M_VERSIONS, "min_consumer", 2, T_INT, 0},
  {M_NODE, "name", 1, T_BYTES, 0},               {M_NODE, "op", 2, T_BYTES, 0},
  {M_NODE, "input", 3, T_BYTES, 0},              {M_NODE, "device", 4, T_BYTES, 0},
  {M_NODE, "attr", 5, T_MESSAGE, M_PAIR},
  {M_PAIR, "key", 1, T_BYTES, 0},                {M_PAIR, "value", 2, T_MESSAGE, M_VALUE},
  {M_VALUE, "list", 1, T_MESSAGE, M_LIST},       {M_VALUE, "s", 2, T_BYTES, 0},
  {M_VALUE, "i", 3, T_INT, 0},                   {M_VALUE, "f", 4, T_FLOAT, 0},
  {M_VALUE, "b", 5, T_BOOL, 0},                  {M_VALUE, "type", 6, T_DTYPE, 0},
  {M_VALUE, "shape", 7, T_MESSAGE, M_SHAPE},     {M_VALUE, "tensor", 8, T_MESSAGE, M_TENSOR},
  {M_VALUE, "placeholder", 9, T_BYTES, 0},       {M_VALUE, "func", 10, T_MESSAGE, M_FUNC},
  {M_LIST, "s", 2, T_BYTES, 0},                  {M_LIST, "i", 3, T_INT, 0},
  {M_LIST, "f", 4, T_FLOAT, 0},                  {M_LIST, "b", 5, T_BOOL, 0},
  {M_LIST, "type", 6, T_DTYPE, 0},               {M_LIST, "shape", 7, T_MESSAGE, M_SHAPE},
  {M_LIST, "tensor", 8, T_MESSAGE, M_TENSOR},    {M_LIST, "func", 9, T_MESSAGE, M_FUNC},
  {M_FUNC, "name", 1, T_BYTES, 0},               {M_FUNC, "attr", 2, T_MESSAGE, M_PAIR},
  {M_SHAPE, "dim", 2, T_MESSAGE, M_DIM},         {M_SHAPE, "unknown_rank", 3, T_BOOL, 0},
  {M_DIM, "size", 1, T_INT, 0},                  {M_DIM, "name", 2, T_BYTES, 0},
  {M_TENSOR, "dtype", 1, T_DTYPE, 0},            {M_TENSOR, "tensor_shape", 2, T_MESSAGE, M_SHAPE},
  {M_TENSOR, "version_number", 3, T_INT, 0},     {M_TENSOR, "tensor_content", 4, T_BYTES, 0},
  {M_TENSOR, "float_val", 5, T_FLOAT, 0},        {M_TENSOR, "double_val", 6, T_DOUBLE, 0},
  {M_TENSOR, "int_val", 7, T_INT, 0},            {M_TENSOR, "string_val", 8, T_BYTES, 0},
  {M_TENSOR, "scomplex_val", 9, T_FLOAT, 0},     {M_TENSOR, "int64_val", 10, T_INT, 0},
  {M_TENSOR, "bool_val", 11, T_BOOL, 0},         {M_TENSOR, "dcomplex_val", 12, T_DOUBLE, 0},
  {M_TENSOR, "half_val", 13, T_INT, 0},          {M_TENSOR, "uint32_val", 16, T_INT, 0},
  {M_TENSOR, "uint64_val", 17, T_INT, 0},        {M_TENSOR, "float8_val", 18, T_BYTES, 0},
  {M_LIBRARY, "function", 1, T_MESSAGE, M_FUNCTION},
  {M_FUNCTION, "signature", 1, T_MESSAGE, M_SIGNATURE},
  {M_FUNCTION, "node_def", 3, T_MESSAGE, M_NODE},
  {M_FUNCTION, "ret", 4, T_MESSAGE, M_TEXTS},    {M_FUNCTION, "control_ret", 6, T_MESSAGE, M_TEXTS},
  {M_TEXTS, "key", 1, T_BYTES, 0},               {M_TEXTS, "value", 2, T_BYTES, 0},
  {M_SIGNATURE, "name", 1, T_BYTES, 0},          {M_SIGNATURE, "input_arg", 2, T_MESSAGE, M_ARG},
  {M_SIGNATURE, "output_arg", 3, T_MESSAGE, M_ARG},
  {M_ARG, "name", 1, T_BYTES, 0},                {M_ARG, "type", 3, T_DTYPE, 0},
  {M_ARG, "type_attr", 4, T_BYTES, 0},           {M_ARG, "number_attr", 5, T_BYTES, 0},
  {M_ARG, "type_list_attr", 6, T_BYTES, 0},
};

/* The fields of a SavedModel have numbers of their own, and so has its name for a meta graph. */
static const field saved_fields[] = {
  {M_TOP, "saved_model_schema_version", 1, T_INT, 0}, {M_TOP, "meta_graphs", 2, T_MESSAGE, M_META}};

static const struct { const char *name; uint8_t number; } dtypes[] = {
  {"FLOAT", 1}, {"DOUBLE", 2}, {"INT32", 3}, {"UINT8", 4}, {"INT16", 5}, {"INT8", 6}, {"STRING", 7},
  {"COMPLEX64", 8}, {"INT64", 9}, {"BOOL", 10}, {"QINT8", 11}, {"QUINT8", 12}, {"QINT32", 13},
  {"BFLOAT16", 14}, {"QINT16", 15}, {"QUINT16", 16}, {"UINT16", 17}, {"COMPLEX128", 18},
  {"HALF", 19}, {"RESOURCE", 20}, {"VARIANT", 21}, {"UINT32", 22}, {"UINT64", 23},
  {"FLOAT8_E5M2", 24}, {"FLOAT8_E4M3FN", 25}, {"FLOAT8_E4M3FNUZ", 26},
  {"FLOAT8_E4M3B11FNUZ", 27}, {"FLOAT8_E5M2FNUZ", 28}, {"INT4", 29}, {"UINT4", 30}, {"INT2", 31},
  {"UINT2", 32}, {"FLOAT4_E2M1FN", 33},
};

/* ---- the parser ---------------------------------------------------------------------- */

typedef struct parser {
  const char *begin, *at, *end, *path;
  uint8_t *out;
  size_t size, capacity;
  int depth;
  locale_t c_locale; /* numbers have a point, whatever the user's language has */
  uf_status status;
  uf_error *error;
} parser;

/* A piece of the text. */
typedef struct word {
  const char *text;
  size_t size;
} word;

static bool fail(parser *p, const char *expected) {
  if (p->status != UF_OK) return false;
  size_t line = 1;
  for (const char *c = p->begin; c < p->at; c++) line += *c == '\n';
  p->status = ufi_fail(p->error, UF_INVALID_ARGUMENT, "%s: line %zu: expected %s, found '%.*s'; "
                       "check that it is the text of a graph, and whole", p->path, line, expected,
                       (int)UFI_MIN((size_t)(p->end - p->at), 24u), p->at);
  return false;
}

static bool put(parser *p, const void *data, size_t size) {
  if (size > p->capacity - p->size) {
    size_t capacity = p->capacity + p->capacity / 2 + size + 4096;
    uint8_t *out = ufi_realloc(p->out, capacity);
    if (!out) {
      if (p->status == UF_OK) p->status = ufi_no_memory(p->error, capacity);
      return false;
    }
    p->out = out;
    p->capacity = capacity;
  }
  if (size) memcpy(p->out + p->size, data, size);
  p->size += size;
  return true;
}

static bool put_varint(parser *p, uint64_t value) {
  uint8_t text[UFI_VARINT_MAX];
  return put(p, text, ufi_varint_put(text, value));
}

static void skip_space(parser *p) {
  for (; p->at < p->end; p->at++) {
    if (*p->at == '#')
      while (p->at + 1 < p->end && p->at[1] != '\n') p->at++;
    else if (!isspace((unsigned char)*p->at))
      return;
  }
}

static bool accept(parser *p, char c) {
  skip_space(p);
  if (p->at == p->end || *p->at != c) return false;
  p->at++;
  return true;
}

/* Letters, digits and what numbers have; empty: something else is there. */
static word take_word(parser *p) {
  skip_space(p);
  const char *begin = p->at;
  while (p->at < p->end && (isalnum((unsigned char)*p->at) || memchr("_.+-", *p->at, 4))) p->at++;
  return (word){begin, (size_t)(p->at - begin)};
}

static bool is(word w, const char *text) {
  return w.size == strlen(text) && memcmp(w.text, text, w.size) == 0;
}

/* ---- strings --------------------------------------------------------------------------- */

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Up to max digits. */
static uint32_t take_digits(parser *p, int base, int max) {
  uint32_t value = 0;
  for (int i = 0; i < max && p->at < p->end && digit_of(*p->at) < base; i++)
    value = value * (uint32_t)base + (uint32_t)digit_of(*p->at++);
  return value;
}

static bool put_character(parser *p, uint32_t u) {
  uint8_t b[4];
  size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = n; i-- > 1; u >>= 6) b[i] = (uint8_t)(0x80 | (u & 63));
  b[0] = (uint8_t)(lead[n] | u);
  return put(p, b, n);
}

/* Behind a backslash. */
static bool put_escape(parser *p) {
  static const char from[] = "abfnrtv\\'\"?", to[] = "\a\b\f\n\r\t\v\\'\"?";
  if (p->at == p->end) return fail(p, "the end of a string");
  char c = *p->at;
  if (c >= '0' && c <= '7') {
    uint8_t byte = (uint8_t)take_digits(p, 8, 3);
    return put(p, &byte, 1);
  }
  p->at++;
  if (c == 'x' || c == 'X') {
    uint8_t byte = (uint8_t)take_digits(p, 16, 2);
    return put(p, &byte, 1);
  }
  if (c == 'u' || c == 'U') {
    uint32_t u = take_digits(p, 16, c == 'u' ? 4 : 8);
    return u <= 0x10FFFF ? put_character(p, u) : fail(p, "a character");
  }
  const char *found = memchr(from, c, sizeof from - 1);
  return found ? put(p, &to[found - from], 1) : fail(p, "an escape");
}

static bool is_quote(parser *p) {
  skip_space(p);
  return p->at < p->end && (*p->at == '"' || *p->at == '\'');
}

/* One or more strings, behind each other in out. */
static bool take_strings(parser *p) {
  if (!is_quote(p)) return fail(p, "a string");
  while (is_quote(p)) {
    char quote = *p->at++;
    for (;;) {
      const char *plain = p->at;
      while (p->at < p->end && *p->at != quote && *p->at != '\\' && *p->at != '\n') p->at++;
      if (!put(p, plain, (size_t)(p->at - plain))) return false;
      if (p->at == p->end || *p->at == '\n') return fail(p, "the end of a string");
      if (*p->at++ == quote) break;
      if (!put_escape(p)) return false;
    }
  }
  return true;
}

/* Moves what was written since `from` to make room for its length. */
static bool put_length(parser *p, size_t from) {
  uint8_t text[UFI_VARINT_MAX];
  size_t size = p->size - from, n = ufi_varint_put(text, size);
  if (!put(p, text, n)) return false;
  memmove(p->out + from + n, p->out + from, size);
  memcpy(p->out + from, text, n);
  return true;
}

/* ---- numbers --------------------------------------------------------------------------- */

static bool to_int(word w, uint64_t *value_out) {
  size_t i = w.size && (w.text[0] == '-' || w.text[0] == '+');
  int base = 10;
  if (w.size > i + 1 && w.text[i] == '0') {
    bool hex = w.text[i + 1] == 'x' || w.text[i + 1] == 'X';
    base = hex ? 16 : 8;
    i += hex ? 2 : 1;
  }
  uint64_t value = 0;
  bool any = false;
  for (; i < w.size; i++, any = true)
    if (digit_of(w.text[i]) >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
        __builtin_add_overflow(value, (uint64_t)digit_of(w.text[i]), &value))
      return false;
  *value_out = w.text[0] == '-' ? 0 - value : value;
  return any;
}

static bool to_double(const parser *p, word w, double *value_out) {
  char text[NUMBER_MAX], *end;
  uint64_t whole;
  if (w.size == 0 || w.size >= sizeof text) return false;
  memcpy(text, w.text, w.size);
  text[w.size] = 0;
  size_t sign = text[0] == '-' || text[0] == '+';
  bool letters = isalpha((unsigned char)text[sign]);
  if (letters) {
    for (size_t i = sign; text[i]; i++) text[i] = (char)tolower((unsigned char)text[i]);
    bool nan = strcmp(text + sign, "nan") == 0;
    if (!nan && strcmp(text + sign, "inf") != 0 && strcmp(text + sign, "infinity") != 0) return false;
    *value_out = copysign(nan ? (double)NAN : (double)INFINITY, text[0] == '-' ? -1.0 : 1.0);
    return true;
  }
  if (w.size > 1 && text[sign] == '0' && memchr("xX01234567", text[sign + 1], 10)) {
    if (!to_int(w, &whole)) return false;
    *value_out = text[0] == '-' ? -(double)(0 - whole) : (double)whole;
    return true;
  }
  char *last = text + w.size - 1;
  if (*last == 'f' || *last == 'F') *last = 0;
  *value_out = strtod_l(text, &end, p->c_locale);
  return *end == 0 && end != text;
}

static bool to_dtype(word w, uint64_t *value_out) {
  if (to_int(w, value_out)) return true;
  if (w.size <= 3 || memcmp(w.text, "DT_", 3) != 0) return false;
  word name = {w.text + 3, w.size - 3};
  uint64_t base = 0;
  if (name.size > 4 && memcmp(name.text + name.size - 4, "_REF", 4) == 0) {
    name.size -= 4;
    base = 100;
  }
  for (size_t i = 0; i < UFI_COUNT(dtypes); i++)
    if (is(name, dtypes[i].name)) {
      *value_out = base + dtypes[i].number;
      return true;
    }
  *value_out = 0; /* DT_INVALID, or one of a TensorFlow to come */
  return true;
}

static bool to_bool(word w, uint64_t *value_out) {
  bool yes = is(w, "true") || is(w, "True") || is(w, "t");
  if (yes || is(w, "false") || is(w, "False") || is(w, "f")) {
    *value_out = yes;
    return true;
  }
  return to_int(w, value_out);
}

/* ---- fields ------------------------------------------------------------------------------ */

static bool take_message(parser *p, message_type in, char close);

static bool put_number(parser *p, const field *f) {
  uint64_t value = 0;
  double real = 0;
  word w = take_word(p);
  float single;
  bool good = w.size > 0;
  if (good) switch (f->type) {
    case T_FLOAT:
    case T_DOUBLE: good = to_double(p, w, &real); break;
    case T_DTYPE: good = to_dtype(w, &value); break;
    case T_BOOL: good = to_bool(w, &value); break;
    default: good = to_int(w, &value); break;
  }
  if (!good) return fail(p, "a number");
  uint64_t tag = (uint64_t)f->number << 3 | (f->type == T_FLOAT ? 5 : f->type == T_DOUBLE ? 1 : 0);
  if (!put_varint(p, tag)) return false;
  single = (float)real;
  if (f->type == T_FLOAT) return put(p, &single, sizeof single);
  return f->type == T_DOUBLE ? put(p, &real, sizeof real) : put_varint(p, value);
}

/* Into out, but not kept. */
static bool skip_value(parser *p) {
  size_t size = p->size;
  bool good = true;
  if (accept(p, '{')) good = take_message(p, M_UNKNOWN, '}');
  else if (accept(p, '<')) good = take_message(p, M_UNKNOWN, '>');
  else if (is_quote(p)) good = take_strings(p);
  else if (take_word(p).size == 0) good = fail(p, "a value");
  p->size = size;
  return good;
}

static bool take_value(parser *p, const field *f) {
  if (!f) return skip_value(p);
  if (f->type != T_BYTES && f->type != T_MESSAGE) return put_number(p, f);
  if (!put_varint(p, (uint64_t)f->number << 3 | 2)) return false;
  size_t from = p->size;
  bool good;
  if (f->type == T_BYTES) good = take_strings(p);
  else if (accept(p, '{')) good = take_message(p, f->message, '}');
  else if (accept(p, '<')) good = take_message(p, f->message, '>');
  else good = fail(p, "{");
  return good && put_length(p, from);
}

/* One value, or those of a list. */
static bool take_values(parser *p, const field *f) {
  if (!accept(p, '[')) return take_value(p, f);
  if (accept(p, ']')) return true;
  do {
    if (!take_value(p, f)) return false;
  } while (accept(p, ','));
  return accept(p, ']') || fail(p, "]");
}

static const field *find_field(message_type in, word name) {
  const field *table = in == M_TOP ? saved_fields : fields;
  size_t n = in == M_TOP ? UFI_COUNT(saved_fields) : UFI_COUNT(fields);
  for (size_t i = 0; i < n; i++)
    if (table[i].in == in && is(name, table[i].name)) return &table[i];
  return NULL;
}

/* A field's name, also that of an extension or of a type in [ ], which no table has. */
static bool take_name(parser *p, word *name_out) {
  if (!accept(p, '[')) {
    *name_out = take_word(p);
    return name_out->size > 0 || fail(p, "the name of a field");
  }
  const char *close = memchr(p->at, ']', (size_t)(p->end - p->at));
  if (!close) return fail(p, "]");
  p->at = close + 1;
  *name_out = (word){"", 0};
  return true;
}

/* Fields up to close, which is taken; 0: up to the end. */
static bool take_message(parser *p, message_type in, char close) {
  if (p->depth == DEPTH_MAX) return fail(p, "at most 64 messages in each other");
  p->depth++;
  for (;;) {
    if (close && accept(p, close)) break;
    skip_space(p);
    if (!close && p->at == p->end) break;
    word name;
    if (!take_name(p, &name)) return false;
    bool colon = accept(p, ':');
    skip_space(p);
    if (!colon && (p->at == p->end || !memchr("{<", *p->at, 2))) return fail(p, ":");
    if (!take_values(p, find_field(in, name))) return false;
    if (!accept(p, ',')) accept(p, ';');
  }
  p->depth--;
  return true;
}

/* What the text is, by the name of its first field. */
static message_type tell_type(parser p) {
  word name = take_word(&p);
  if (find_field(M_TOP, name)) return M_TOP;
  if (find_field(M_META, name) || is(name, "saver_def") || is(name, "collection_def") ||
      is(name, "signature_def") || is(name, "asset_file_def") || is(name, "object_graph_def"))
    return M_META;
  return find_field(M_GRAPH, name) ? M_GRAPH : M_UNKNOWN;
}

uf_status ufi_text_graph(const char *text, size_t size, const char *path, uf_buf **message_out,
                         uf_error *error) {
  parser p = {.begin = text, .at = text, .end = text + size, .path = path, .error = error};
  message_type in = tell_type(p);
  p.c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!p.c_locale) return ufi_no_memory(error, sizeof p);
  if (in == M_UNKNOWN) fail(&p, "the text of a GraphDef, MetaGraphDef or SavedModel");
  else take_message(&p, in, 0);
  uf_buf *buf = p.status == UF_OK ? uf_buf_create(p.size) : NULL;
  if (p.status == UF_OK && !buf) p.status = ufi_no_memory(error, p.size);
  if (buf && p.size) memcpy(uf_buf_data(buf), p.out, p.size);
  ufi_free(p.out);
  freelocale(p.c_locale);
  if (p.status == UF_OK) *message_out = buf;
  return p.status;
}
