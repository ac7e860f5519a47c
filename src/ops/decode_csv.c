/* SPDX-License-Identifier: Apache-2.0
 *
 * decode_csv.c: DecodeCSV: records of fields (RFC 4180) to one tensor a field.
 */
#include "ops/chars.h"
#include "ops/string_number.h"

typedef struct csv_attrs {
  char delimiter;
  bool quotes;
  uf_string missing;         /* what stands for no value, besides nothing */
  const int64_t *columns;    /* those that are wanted, in order; NULL: all */
  int32_t n_columns;
} csv_attrs;

static uf_status csv_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  csv_attrs *a = attrs;
  uf_string delimiter = ufi_tf_bytes(from, "field_delim");
  a->quotes = ufi_tf_bool(from, "use_quote_delim");
  a->missing = ufi_tf_bytes(from, "na_value");
  a->columns = ufi_tf_ints(from, "select_cols", &a->n_columns);
  if (delimiter.size != 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a field_delim of one character, found %zu", delimiter.size);
  a->delimiter = delimiter.data[0];
  if (a->n_columns && a->n_columns != from->n_out)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d columns in select_cols, as there are outputs, found %d",
                    from->n_out, a->n_columns);
  for (int32_t i = 0; i < a->n_columns; i++)
    if (a->columns[i] < 0 || (i && a->columns[i] <= a->columns[i - 1]))
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected select_cols that rise from 0 on, found %lld",
                      (long long)a->columns[i]);
  return UF_OK;
}

static uf_status csv_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out; i++) {
    if (ctx->in[i + 1]->count > 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most one default for a field, found %lld for field %d",
                          (long long)ctx->in[i + 1]->count, i);
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i + 1], 0, 1));
    UFI_TRY(ufi_want_out(ctx, i, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_STRING, UF_INVALID));
    UFI_TRY(ufi_out_like(ctx, i, ctx->in[0]));
  }
  return UF_OK;
}

static uf_status put_field(ufi_ctx *ctx, int32_t f, int64_t record, uf_string field) {
  const csv_attrs *a = ctx->attrs;
  const ufi_tensor *fallback = ctx->in[f + 1], *out = ctx->out[f];
  size_t size = (size_t)uf_dtype_bits(out->dtype) / 8;
  char *to = (char *)out->data + (size_t)record * size;
  bool missing = field.size == 0 || (field.size == a->missing.size && memcmp(field.data, a->missing.data, field.size) == 0);
  if (missing && fallback->count == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected field %d, which has no default, found none in record %lld", f,
                        (long long)record);
  if (missing) memcpy(to, fallback->data, size);
  else if (out->dtype == UF_STRING) *(uf_string *)(void *)to = field;
  else if (!ufi_read_number(field, out->dtype, to))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a number (%s) as field %d of record %lld, found '%.*s'",
                        uf_dtype_name(out->dtype), f, (long long)record, (int)UFI_MIN(field.size, (size_t)60), field.data);
  return UF_OK;
}

/* A field in quotes, *at behind the first of them, into c; *at behind what separates. */
static uf_status quoted(ufi_ctx *ctx, ufi_chars *c, uf_string s, size_t *at) {
  char delimiter = ((const csv_attrs *)ctx->attrs)->delimiter;
  size_t i = *at;
  while (i + 1 < s.size && (s.data[i] != '"' || s.data[i + 1] != delimiter)) {
    if (s.data[i] == '"' && s.data[++i] != '"')
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two quotes for one inside a field, found one");
    ufi_chars_byte(c, s.data[i++]);
  }
  if (i >= s.size || s.data[i] != '"' || (i + 1 < s.size && s.data[i + 1] != delimiter))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a quote at the end of a field in quotes, found none");
  *at = i + 2;
  return UF_OK;
}

static uf_status plain(ufi_ctx *ctx, ufi_chars *c, uf_string s, size_t *at) {
  const csv_attrs *a = ctx->attrs;
  size_t i = *at;
  for (; i < s.size && s.data[i] != a->delimiter; i++) {
    if ((a->quotes && s.data[i] == '"') || s.data[i] == '\n' || s.data[i] == '\r')
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected no quotes and ends of lines in a field without quotes, found one");
    ufi_chars_byte(c, s.data[i]);
  }
  *at = i + 1;
  return UF_OK;
}

/* One record; how many of its fields were wanted goes to *n_out. */
static uf_status read_record(ufi_ctx *ctx, ufi_chars *c, int64_t record, int32_t *n_out) {
  const csv_attrs *a = ctx->attrs;
  uf_string s = ufi_strings(ctx->in[0])[record], field;
  int32_t n = 0;
  int64_t seen = 0;
  for (size_t at = 0; at < s.size && (a->n_columns == 0 || n < a->n_columns);) {
    if (s.data[at] == '\n' || s.data[at] == '\r') {
      at++;
      continue;
    }
    bool in_quotes = a->quotes && s.data[at] == '"';
    at += in_quotes;
    UFI_TRY((in_quotes ? quoted : plain)(ctx, c, s, &at));
    bool wanted = a->n_columns == 0 || a->columns[n] == seen;
    seen++;
    if (!wanted) c->size = 0;
    if (!wanted) continue;
    UFI_TRY(ufi_chars_take(ctx, c, &field));
    if (n < ctx->n_out) UFI_TRY(put_field(ctx, n, record, field));
    n++;
  }
  bool last = s.size && s.data[s.size - 1] == a->delimiter && (a->n_columns == 0 || (n < a->n_columns && a->columns[n] == seen));
  if (last && n < ctx->n_out) UFI_TRY(put_field(ctx, n, record, (uf_string){"", 0}));
  *n_out = n + last;
  return UF_OK;
}

static uf_status csv_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    int32_t n = 0;
    UFI_TRY(read_record(ctx, c, i, &n));
    if (n != ctx->n_out)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d fields, found %d in record %lld", ctx->n_out, n, (long long)i);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_DECODE_CSV = {
  .attrs_size = sizeof(csv_attrs), .attrs_tf = csv_tf, .infer = csv_infer, .prepare = ufi_chars_prepare,
  .eval = csv_eval, .release = ufi_chars_release,
};
