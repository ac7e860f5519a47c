/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_text.c: the custom ops with which TensorFlow Text prepares words in .tflite files
 * (TensorFlow Lite Support, custom_ops/kernel).
 *
 *   tftext:WhitespaceTokenizer   strings to tokens: one output, padded with empty strings to the longest
 *                                row; or values and the row splits of each dimension of the input
 *   tftext:Ngrams                runs of `width` tokens joined: of a dense tensor along its last dimension,
 *                                or of values by their innermost row splits
 */
#include "format/flexbuffer.h"
#include "ops/chars.h"

/* ---- WhitespaceTokenizer --------------------------------------------------------------------------- */

/* Unicode's property White_Space. */
static bool is_white(uint32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* The next token of *rest, which is cut. Text ends where it is no UTF-8, or has U+FFFD, which stands for that. */
static bool next_token(uf_string *rest, uf_string *token) {
  const char *start = NULL, *at = rest->data, *end = at + rest->size;
  while (at < end) {
    size_t length;
    uint32_t code = ufi_utf8_take(at, (size_t)(end - at), &length);
    if (code == UFI_NOT_UTF8 || code == 0xFFFD) {
      end = at;
      break;
    }
    if (is_white(code) && start) break;
    if (!is_white(code) && !start) start = at;
    at += length;
  }
  *rest = (uf_string){at, (size_t)(end - at)};
  *token = (uf_string){start, start ? (size_t)(at - start) : 0};
  return start != NULL;
}

static uf_status token_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_STRING, UF_INVALID));
  if (ctx->n_out == 1) return ufi_want_rank(ctx, in, 0, UF_MAX_RANK - 1);
  if (in->rank != ctx->n_out - 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected row splits for each of %d dimensions, found %d outputs of them", in->rank,
                        (int)ctx->n_out - 1);
  }
  int64_t rows = 1;
  for (int32_t d = 0; d < in->rank; d++) {
    UFI_TRY(ufi_want_out(ctx, d + 1, UF_INT64, UF_INVALID));
    rows *= in->dims[d]; /* a divisor of the input's count, or 0 */
    UFI_TRY(ufi_out_shape(ctx, d + 1, 1, (int64_t[]){rows + 1}));
  }
  return UF_OK;
}

/* How many tokens there are in all, and in the row that has most. */
static int64_t count_tokens(const ufi_tensor *in, int64_t *most_out) {
  int64_t total = 0;
  *most_out = 0;
  for (int64_t i = 0; i < in->count; i++) {
    uf_string rest = ufi_strings(in)[i], token;
    int64_t n = 0;
    while (next_token(&rest, &token)) n++;
    total += n;
    *most_out = UFI_MAX(*most_out, n);
  }
  return total;
}

static void write_splits(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  for (int32_t d = 0; d + 1 < in->rank; d++) {
    int64_t *splits = ctx->out[d + 1]->data;
    for (int64_t i = 0; i < ctx->out[d + 1]->count; i++) splits[i] = i * in->dims[d + 1];
  }
}

static uf_status token_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const bool padded = ctx->n_out == 1;
  int64_t most, total = count_tokens(in, &most), dims[UF_MAX_RANK], at = 0;
  memcpy(dims, in->dims, sizeof dims);
  dims[padded ? in->rank : 0] = padded ? most : total;
  UFI_TRY(ufi_out_shape(ctx, 0, padded ? in->rank + 1 : 1, dims));
  uf_string *out = ctx->out[0]->data;
  int64_t *splits = padded ? NULL : ctx->out[in->rank]->data;
  if (!padded) write_splits(ctx);
  for (int64_t i = 0; i < in->count; i++) {
    uf_string rest = ufi_strings(in)[i], token;
    if (!padded) splits[i] = at;
    while (next_token(&rest, &token)) out[at++] = token;
    while (padded && at < (i + 1) * most) out[at++] = (uf_string){0};
  }
  if (!padded) splits[in->count] = at;
  return UF_OK;
}

const ufi_op_def ufi_op_TFTEXT_WHITESPACE_TOKENIZER = {.infer = token_infer, .eval = token_eval};

/* ---- Ngrams ---------------------------------------------------------------------------------------- */

typedef struct ngrams_attrs {
  int64_t width;
  uf_string separator;
} ngrams_attrs;

static bool text_is(const ufi_flex *value, const char *text) {
  size_t size = 0;
  const uint8_t *bytes = ufi_flex_bytes(value, &size);
  return bytes && size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static uf_status ngrams_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ngrams_attrs *a = attrs;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  ufi_flex width = ufi_flex_get(&map, "width"), axis = ufi_flex_get(&map, "axis");
  ufi_flex reduction = ufi_flex_get(&map, "reduction_type"), separator = ufi_flex_get(&map, "string_separator");
  size_t size = 0;
  const char *bytes = (const char *)ufi_flex_bytes(&separator, &size);
  char *kept = ufi_arena_string(from->arena, bytes ? bytes : "", bytes ? size : 0);
  if (!kept) return ufi_no_memory(error, size);
  *a = (ngrams_attrs){ufi_flex_int(&width, 0), {kept, bytes ? size : 0}};
  if (!text_is(&reduction, "STRING_JOIN") || ufi_flex_int(&axis, 0) != -1 || a->width < 1 || a->width > INT32_MAX) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected the reduction STRING_JOIN of axis -1 and a width of 1 or more, found others (axis "
                    "%lld, width %lld)", (long long)ufi_flex_int(&axis, 0), (long long)a->width);
  }
  return UF_OK;
}

static uf_status ngrams_infer(ufi_ctx *ctx) {
  const ngrams_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_STRING, UF_INVALID));
  if (ctx->n_out != ctx->n_in) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many outputs as inputs, found %d and %d", (int)ctx->n_out, (int)ctx->n_in);
  }
  for (int32_t i = 1; i < ctx->n_in; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_out(ctx, i, UF_INT64, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 1, 1));
    UFI_TRY(ufi_out_shape(ctx, i, 1, ctx->in[i]->dims));
  }
  if (ctx->n_in > 1) return ufi_want_rank(ctx, in, 1, 1);
  UFI_TRY(ufi_want_rank(ctx, in, 1, UF_MAX_RANK));
  int64_t dims[UF_MAX_RANK];
  memcpy(dims, in->dims, sizeof dims);
  dims[in->rank - 1] = UFI_MAX(dims[in->rank - 1] - a->width + 1, 0);
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

/* Tokens [begin, end) to as many strings as there are runs, at out. */
static uf_status join(ufi_ctx *ctx, ufi_chars *chars, int64_t begin, int64_t end, uf_string *out) {
  const ngrams_attrs *a = ctx->attrs;
  const uf_string *tokens = ufi_strings(ctx->in[0]);
  for (; begin + a->width <= end; begin++) {
    for (int64_t k = 0; k < a->width; k++) {
      if (k) ufi_chars_string(chars, a->separator);
      ufi_chars_string(chars, tokens[begin + k]);
    }
    UFI_TRY(ufi_chars_take(ctx, chars, out++));
  }
  return UF_OK;
}

/* The innermost splits of the output; the last is how many strings it has. */
static uf_status new_splits(ufi_ctx *ctx, const ufi_tensor *in, ufi_tensor *out) {
  const ngrams_attrs *a = ctx->attrs;
  const int64_t *from = in->data, count = ctx->in[0]->count;
  int64_t *to = out->data, total = 0;
  for (int64_t i = 0; i < in->count; i++) {
    if (from[i] < 0 || from[i] > count || (i && from[i] < from[i - 1])) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected row splits that ascend from 0 up to %lld values, found %lld at position %lld",
                          (long long)count, (long long)from[i], (long long)i);
    }
    if (i) total += UFI_MAX(from[i] - from[i - 1] - a->width + 1, 0);
    to[i] = total;
  }
  return UF_OK;
}

static uf_status ngrams_ragged(ufi_ctx *ctx, ufi_chars *chars) {
  const int32_t last = ctx->n_in - 1;
  const ufi_tensor *splits = ctx->in[last];
  for (int32_t i = 1; i < last; i++)
    if (ctx->in[i]->size) memcpy(ctx->out[i]->data, ctx->in[i]->data, ctx->in[i]->size);
  UFI_TRY(new_splits(ctx, splits, ctx->out[last]));
  const int64_t *from = splits->data, *to = ctx->out[last]->data, rows = splits->count - 1;
  UFI_TRY(ufi_out_shape(ctx, 0, 1, (int64_t[]){rows >= 0 ? to[rows] : 0}));
  uf_string *out = ctx->out[0]->data;
  for (int64_t i = 0; i < rows; i++) UFI_TRY(join(ctx, chars, from[i], from[i + 1], out + to[i]));
  return UF_OK;
}

static uf_status ngrams_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  ufi_chars *chars;
  UFI_TRY(ufi_chars_begin(ctx, &chars));
  if (ctx->n_in > 1) return ngrams_ragged(ctx, chars);
  const int64_t row = in->dims[in->rank - 1], made = out->dims[out->rank - 1], rows = row ? in->count / row : 0;
  for (int64_t i = 0; i < rows; i++) UFI_TRY(join(ctx, chars, i * row, (i + 1) * row, (uf_string *)out->data + i * made));
  return UF_OK;
}

const ufi_op_def ufi_op_TFTEXT_NGRAMS = {
  .attrs_size = sizeof(ngrams_attrs), .attrs_tflite = ngrams_tflite, .infer = ngrams_infer, .prepare = ufi_chars_prepare,
  .eval = ngrams_eval, .release = ufi_chars_release,
};
