/* SPDX-License-Identifier: Apache-2.0
 *
 * string_split.c: strings taken apart: StringSplit, StringSplitV2 (sparse results: indices, values,
 * dense shape), and put together again in runs: StringNGrams.
 */
#include "ops/chars.h"
#include "ops/move.h"

/* ---- StringSplit, StringSplitV2 ------------------------------------------------------------ */

typedef struct split_attrs {
  bool v2, skip_empty;
  int64_t max_split;
} split_attrs;

static uf_status split_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  split_attrs *a = attrs;
  a->v2 = strcmp(from->op, "StringSplitV2") == 0;
  a->skip_empty = ufi_tf_bool(from, "skip_empty");
  a->max_split = a->v2 ? ufi_tf_int(from, "maxsplit") : -1;
  return UF_OK;
}

/* Pieces of a string, one call after the other. */
typedef struct pieces {
  uf_string rest, separator;
  const split_attrs *a;
  int64_t left;      /* separators that may still be used; -1: any number */
  bool ended;
} pieces;

/* V1: any one character of the separator separates; an empty one makes pieces of one byte. An empty string has
 * no pieces. */
static bool next_v1(pieces *p, uf_string *out) {
  while (!p->ended) {
    if (p->separator.size == 0) {
      p->ended = p->rest.size == 0;
      *out = (uf_string){p->rest.data, 1};
      if (!p->ended) p->rest = (uf_string){p->rest.data + 1, p->rest.size - 1};
      return !p->ended;
    }
    size_t n = 0;
    while (n < p->rest.size && !memchr(p->separator.data, p->rest.data[n], p->separator.size)) n++;
    *out = (uf_string){p->rest.data, n};
    p->ended = n == p->rest.size;
    if (!p->ended) p->rest = (uf_string){p->rest.data + n + 1, p->rest.size - n - 1};
    if (n > 0 || !p->a->skip_empty) return true;
  }
  return false;
}

/* Runs of white space separate when there is no separator, as in Python's str.split; what is left after
 * maxsplit pieces is one, even when it is empty. */
static bool next_space(pieces *p, uf_string *out) {
  uf_string *r = &p->rest;
  if (p->ended) return false;
  for (; r->size && ufi_is_space(r->data[0]) && (p->left || p->a->max_split > 0); r->size--) r->data++;
  *out = *r;
  if (p->left == 0) return p->ended = true;
  if (r->size == 0) return false;
  size_t n = 0;
  while (n < r->size && !ufi_is_space(r->data[n])) n++;
  *out = (uf_string){r->data, n};
  if (p->left > 0) p->left--;
  *r = (uf_string){r->data + n, r->size - n};
  return true;
}

static bool next_v2(pieces *p, uf_string *out) {
  if (p->separator.size == 0) return next_space(p, out);
  if (p->ended) return false;
  const char *found = p->left == 0 || p->rest.size == 0
                        ? NULL : memmem(p->rest.data, p->rest.size, p->separator.data, p->separator.size);
  p->ended = found == NULL;
  *out = (uf_string){p->rest.data, found ? (size_t)(found - p->rest.data) : p->rest.size};
  if (found) p->rest = (uf_string){found + p->separator.size, p->rest.size - out->size - p->separator.size};
  if (p->left > 0) p->left--;
  return true;
}

static bool next_piece(pieces *p, uf_string *out) { return p->a->v2 ? next_v2(p, out) : next_v1(p, out); }

static uf_status split_infer(ufi_ctx *ctx) {
  int64_t two = 2;
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 1, 1));
  UFI_TRY(ufi_want_one(ctx, 1, "separator", false));
  return ufi_out_shape(ctx, 2, 1, &two);
}

static uf_status split_eval(ufi_ctx *ctx) {
  const split_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  uf_string piece;
  int64_t total = 0, widest = 0;
  int64_t *indices = NULL;
  uf_string *values = NULL;
  for (int pass = 0; pass < 2; pass++) { /* counting, then writing */
    int64_t at = 0;
    for (int64_t i = 0; i < in->count; i++) {
      pieces p = {ufi_strings(in)[i], ufi_strings(ctx->in[1])[0], a, UFI_MAX(a->max_split, -1), false};
      p.ended = !a->v2 && p.rest.size == 0;
      int64_t k = 0;
      for (; next_piece(&p, &piece); k++, at++) {
        if (pass == 0) continue;
        indices[2 * at] = i;
        indices[2 * at + 1] = k;
        values[at] = piece;
      }
      widest = UFI_MAX(widest, k);
    }
    total = at;
    if (pass) break;
    UFI_TRY(ufi_out_shape(ctx, 0, 2, (int64_t[]){total, 2}));
    UFI_TRY(ufi_out_shape(ctx, 1, 1, &total));
    indices = ctx->out[0]->data;
    values = ctx->out[1]->data;
  }
  int64_t *shape = ctx->out[2]->data;
  shape[0] = in->count;
  shape[1] = widest;
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_SPLIT = {
  .attrs_size = sizeof(split_attrs), .attrs_tf = split_tf, .infer = split_infer, .eval = split_eval,
};

/* ---- StringNGrams -------------------------------------------------------------------------------- */

typedef struct ngram_attrs {
  uf_string separator, left, right;
  const int64_t *widths;
  int32_t n_widths;
  int64_t pad;
  bool keep_short;
} ngram_attrs;

static uf_status ngram_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ngram_attrs *a = attrs;
  a->separator = ufi_tf_bytes(from, "separator");
  a->left = ufi_tf_bytes(from, "left_pad");
  a->right = ufi_tf_bytes(from, "right_pad");
  a->widths = ufi_tf_ints(from, "ngram_widths", &a->n_widths);
  a->pad = ufi_tf_int(from, "pad_width");
  a->keep_short = ufi_tf_bool(from, "preserve_short_sequences");
  return UF_OK;
}

/* What is wrong with the splits, and widths. */
static uf_status ngram_check(ufi_ctx *ctx) {
  const ngram_attrs *a = ctx->attrs;
  const ufi_tensor *splits = ctx->in[1];
  int64_t last = 0, n = ctx->in[0]->count;
  for (int32_t i = 0; i < a->n_widths; i++)
    if (a->widths[i] <= 0 || a->widths[i] > INT32_MAX)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected positive ngram_widths, found %lld", (long long)a->widths[i]);
  for (int64_t i = 0; i < splits->count; i++) {
    int64_t split = ufi_move_index(splits, i);
    bool good = i ? split >= last && split <= n : split == 0;
    if (!good || (i + 1 == splits->count && split != n))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected splits that rise from 0 to %lld, found %lld at position "
                          "%lld", (long long)n, (long long)split, (long long)i);
    last = split;
  }
  return UF_OK;
}

static int64_t pad_of(const ngram_attrs *a, int64_t width) {
  return a->pad < 0 ? width - 1 : UFI_MIN(a->pad, width - 1);
}
static int64_t grams_of(const ngram_attrs *a, int64_t length, int64_t width) {
  return UFI_MAX((int64_t)0, length + 2 * pad_of(a, width) - width + 1);
}

static void add_gram(const ngram_attrs *a, ufi_chars *c, const uf_string *data, int64_t index, int64_t n,
                     int64_t width) {
  int64_t pad = pad_of(a, width), left = UFI_MAX((int64_t)0, pad - index);
  int64_t right = UFI_MAX((int64_t)0, pad - (n - (index + 1))), tokens = UFI_MAX((int64_t)0, width - left - right);
  int64_t from = left > 0 ? 0 : index - pad, placed = 0;
  for (int64_t k = 0; k < left + tokens + right; k++) {
    if (placed++) ufi_chars_string(c, a->separator);
    ufi_chars_string(c, k < left ? a->left : k < left + tokens ? data[from + k - left] : a->right);
  }
}

/* The n-grams of one sequence, or only how many. */
static uf_status grams_of_row(ufi_ctx *ctx, ufi_chars *c, const uf_string *data, int64_t length, uf_string *out,
                              int64_t *n_out) {
  const ngram_attrs *a = ctx->attrs;
  int64_t total = 0;
  for (int32_t w = 0; w < a->n_widths; w++) {
    int64_t n = grams_of(a, length, a->widths[w]);
    for (int64_t i = 0; out && i < n; i++) {
      add_gram(a, c, data, i, n, a->widths[w]);
      UFI_TRY(ufi_chars_take(ctx, c, &out[total + i]));
    }
    total += n;
  }
  if (total == 0 && a->keep_short && length > 0) {
    if (a->pad < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a pad_width of 0 or more to keep short sequences, found "
                          "%lld", (long long)a->pad);
    if (out) {
      add_gram(a, c, data, 0, 1, length + 2 * a->pad);
      UFI_TRY(ufi_chars_take(ctx, c, out));
    }
    total = 1;
  }
  *n_out = total;
  return UF_OK;
}

static void put_index(const ufi_tensor *t, int64_t i, int64_t value) {
  if (t->dtype == UF_INT32) ((int32_t *)t->data)[i] = (int32_t)value;
  else ((int64_t *)t->data)[i] = value;
}

static uf_status ngram_infer(ufi_ctx *ctx) { return ufi_out_like(ctx, 1, ctx->in[1]); }

static uf_status ngram_eval(ufi_ctx *ctx) {
  const ufi_tensor *data = ctx->in[0], *splits = ctx->in[1];
  int64_t total = 0, n = 0, rows = splits->count - 1;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(ngram_check(ctx));
  for (int64_t i = 0; i <= rows; i++) put_index(ctx->out[1], i, 0);
  if (data->count == 0 || splits->count == 0) return ufi_out_like(ctx, 0, data);
  for (int pass = 0; pass < 2; pass++) {
    total = 0;
    for (int64_t i = 0; i < rows; i++) {
      int64_t from = ufi_move_index(splits, i), to = ufi_move_index(splits, i + 1);
      UFI_TRY(grams_of_row(ctx, c, ufi_strings(data) + from, to - from,
                           pass ? ufi_strings(ctx->out[0]) + total : NULL, &n));
      total += n;
      put_index(ctx->out[1], i + 1, total);
    }
    if (pass == 0) UFI_TRY(ufi_out_shape(ctx, 0, 1, &total));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_N_GRAMS = {
  .attrs_size = sizeof(ngram_attrs), .attrs_tf = ngram_tf, .infer = ngram_infer, .prepare = ufi_chars_prepare,
  .eval = ngram_eval, .release = ufi_chars_release,
};
