/* SPDX-License-Identifier: Apache-2.0
 *
 * table_file.c: InitializeTableFromTextFile: a static table from the lines of a file. A key or value is a
 * column of the line, the whole line (index -2) or the number of the line (index -1). Lines end with
 * \n or \r\n.
 */
#include "base/file.h"
#include "ops/chars.h"
#include "ops/string_number.h"
#include "ops/table.h"
#include "ops/variable.h"

enum { WHOLE_LINE = -2, LINE_NUMBER = -1 };

typedef struct file_attrs {
  int64_t index[2];       /* of key, of value */
  int64_t vocab_size, offset;
  char delimiter;
} file_attrs;

static uf_status file_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  file_attrs *a = attrs;
  uf_string delimiter = ufi_tf_bytes(from, "delimiter");
  a->index[0] = ufi_tf_int(from, "key_index");
  a->index[1] = ufi_tf_int(from, "value_index");
  a->vocab_size = ufi_tf_int(from, "vocab_size");
  a->offset = ufi_tf_int(from, "offset");
  a->delimiter = delimiter.size ? delimiter.data[0] : 0;
  if (delimiter.size != 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a delimiter of one character, found %zu", delimiter.size);
  if (a->index[0] < WHOLE_LINE || a->index[1] < WHOLE_LINE || a->vocab_size < -1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected indices of -2 or more and a vocab_size of -1 or more, found "
                    "%lld, %lld and %lld", (long long)a->index[0], (long long)a->index[1], (long long)a->vocab_size);
  return UF_OK;
}

static uf_status file_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  return ufi_want_one(ctx, 1, "filename", false);
}

/* What the dtype of keys or values must be for an index. */
static uf_status check_index(ufi_ctx *ctx, int64_t index, uf_dtype dtype, const char *what) {
  bool number = dtype == UF_INT32 || dtype == UF_INT64 || dtype == UF_FLOAT32 || dtype == UF_FLOAT64;
  bool fits = index == LINE_NUMBER ? dtype == UF_INT64 : index == WHOLE_LINE ? dtype == UF_STRING : number || dtype == UF_STRING;
  if (fits) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s for the %s with index %lld, found %s",
                      index == LINE_NUMBER ? "int64" : index == WHOLE_LINE ? "string" : "a number or string", what,
                      (long long)index, uf_dtype_name(dtype));
}

/* The next line; false at the end. */
static bool next_line(const char **at, const char *end, uf_string *line_out) {
  if (*at == end) return false;
  const char *newline = memchr(*at, '\n', (size_t)(end - *at));
  *line_out = (uf_string){*at, (size_t)((newline ? newline : end) - *at)};
  if (line_out->size && line_out->data[line_out->size - 1] == '\r') line_out->size--;
  *at = newline ? newline + 1 : end;
  return true;
}

/* Column `index` of a line; false: it has fewer. */
static bool column(uf_string line, char delimiter, int64_t index, uf_string *out) {
  for (;; index--) {
    const char *found = line.size ? memchr(line.data, delimiter, line.size) : NULL;
    *out = (uf_string){line.data, found ? (size_t)(found - line.data) : line.size};
    if (index == 0) return true;
    if (found == NULL) return false;
    line = (uf_string){found + 1, line.size - out->size - 1};
  }
}

static uf_status put_value(ufi_ctx *ctx, const uf_tensor *to, int64_t i, int64_t index, uf_string line) {
  const file_attrs *a = ctx->attrs;
  char *at = (char *)to->data + (size_t)i * ((size_t)uf_dtype_bits(to->dtype) / 8);
  uf_string text = line;
  if (index == LINE_NUMBER) {
    *(int64_t *)(void *)at = (int64_t)((uint64_t)i + (uint64_t)a->offset);
    return UF_OK;
  }
  if (index >= 0 && !column(line, a->delimiter, index, &text))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at least %lld columns in line %lld, found '%.*s'",
                        (long long)index + 1, (long long)i, (int)UFI_MIN(line.size, (size_t)100), line.data);
  if (to->dtype == UF_STRING) *(uf_string *)(void *)at = text;
  else if (!ufi_read_number(text, to->dtype, at))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a number (%s) in line %lld, found '%.*s'",
                        uf_dtype_name(to->dtype), (long long)i, (int)UFI_MIN(text.size, (size_t)100), text.data);
  return UF_OK;
}

/* columns: keys and values with room for as many entries as the text can have lines. */
static uf_status read_lines(ufi_ctx *ctx, char *text, size_t size, uf_tensor columns[2]) {
  const file_attrs *a = ctx->attrs;
  const char *at = text;
  uf_string line;
  int64_t n = 0;
  for (; (a->vocab_size < 0 || n < a->vocab_size) && next_line(&at, text + size, &line); n++) {
    if (line.size == 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no empty lines, found line %lld", (long long)n);
    for (int k = 0; k < 2; k++) UFI_TRY(put_value(ctx, &columns[k], n, a->index[k], line));
  }
  if (size == 0) return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "expected lines in the file, found it empty");
  if (a->vocab_size >= 0 && n < a->vocab_size)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a file of at least %lld lines (vocab_size), found %lld",
                        (long long)a->vocab_size, (long long)n);
  for (int k = 0; k < 2; k++) {
    columns[k].rank = 1;
    columns[k].dims[0] = n;
    columns[k].size = (size_t)n * ((size_t)uf_dtype_bits(columns[k].dtype) / 8);
  }
  return UF_OK;
}

static uf_status load(ufi_ctx *ctx, ufi_chars *c, const char *path, uf_tensor columns[2]) {
  ufi_file *file = NULL;
  UFI_TRY(ufi_file_open(NULL, path, &file, ctx->error));
  size_t size = (size_t)ufi_file_size(file), lines = 1;
  char *text = ufi_arena_alloc(c->arena, size + 1);
  uf_status status = text ? ufi_file_read(file, 0, size, text, ctx->error) : ufi_no_memory(ctx->error, size);
  ufi_file_release(file);
  for (size_t i = 0; status == UF_OK && i < size; i++) lines += text[i] == '\n';
  for (int k = 0; k < 2 && status == UF_OK; k++) {
    columns[k].data = ufi_arena_array(c->arena, lines, (size_t)uf_dtype_bits(columns[k].dtype) / 8);
    if (columns[k].data == NULL) status = ufi_no_memory(ctx->error, lines);
  }
  return status == UF_OK ? read_lines(ctx, text, size, columns) : status;
}

static uf_status file_eval(ufi_ctx *ctx) {
  const file_attrs *a = ctx->attrs;
  ufi_resource *table = NULL;
  ufi_chars *c;
  uf_string path;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_TABLE, &table));
  uf_tensor columns[2] = {{.dtype = table->key_dtype}, {.dtype = table->dtype}};
  UFI_TRY(check_index(ctx, a->index[0], table->key_dtype, "keys"));
  UFI_TRY(check_index(ctx, a->index[1], table->dtype, "values"));
  ufi_chars_string(c, ufi_strings(ctx->in[1])[0]);
  ufi_chars_byte(c, 0);
  UFI_TRY(ufi_chars_take(ctx, c, &path));
  UFI_TRY(load(ctx, c, path.data, columns));
  UFI_TRY(ufi_table_initialize_tf(table, &columns[0], &columns[1], ctx->error));
  ufi_chars_release(c); /* the table has copies */
  return UF_OK;
}

const ufi_op_def ufi_op_INITIALIZE_TABLE_FROM_TEXT_FILE = {
  .attrs_size = sizeof(file_attrs), .attrs_tf = file_tf, .infer = file_infer, .prepare = ufi_chars_prepare,
  .eval = file_eval, .release = ufi_chars_release,
};
