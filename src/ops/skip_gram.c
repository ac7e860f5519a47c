/* SPDX-License-Identifier: Apache-2.0
 *
 * skip_gram.c: SKIP_GRAM: sequences of words of a sentence that follow each other, or have at most
 * max_skip words between any two.
 *
 * The sentence is the first element of the input. Words end at white space. As in the reference the
 * first character always belongs to a word: a sentence that begins with a space loses its first
 * word when a space ends that, or keeps the space in it. A sentence of less than ngram_size words
 * has none, not even shorter ones.
 */
#include "ops/chars.h"

typedef struct gram_attrs {
  int32_t size, max_skip;
  bool shorter;           /* grams of less than size words, too */
} gram_attrs;

static uf_status gram_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  gram_attrs *a = memory;
  a->size = ufi_fb_i32(&from->options, 0, 0);
  a->max_skip = ufi_fb_i32(&from->options, 1, 0);
  a->shorter = ufi_fb_bool(&from->options, 2, false);
  return UF_OK;
}

/* ufi_chars, then words (starts and sizes in the sentence) and the words of the gram being made. */
typedef struct gram_state {
  ufi_chars chars;
  const char *text;
  int64_t *starts, *sizes, *stack;
  int64_t words;
} gram_state;

static void release_words(gram_state *s) {
  ufi_free(s->starts);
  s->starts = s->sizes = s->stack = NULL;
}
static void gram_release(void *state) {
  release_words(state);
  ufi_chars_release(state);
}

static uf_status gram_infer(ufi_ctx *ctx) {
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_STRING, UF_INVALID));
  if (ctx->in[0]->count < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sentence, found %s", ufi_tensor_text(ctx->in[0], text));
  return UF_OK;
}

static uf_status gram_prepare(ufi_ctx *ctx) {
  return ufi_ctx_state(ctx, sizeof(gram_state)) ? UF_OK : UF_RESOURCE_EXHAUSTED;
}

/* Finds the words, or, without room for them, how many there are. */
static void split(gram_state *s, const char *text, int64_t size) {
  int64_t begin = 0;
  s->words = 0;
  for (int64_t i = 1; i <= size; i++) {
    if (i < size && !ufi_is_space(text[i])) continue;
    const bool word = i < size ? i > begin && !ufi_is_space(text[begin]) : size > begin;
    if (word && s->starts) {
      s->starts[s->words] = begin;
      s->sizes[s->words] = i - begin;
    }
    s->words += word;
    begin = i + 1;
  }
}

static uf_status find_words(ufi_ctx *ctx, gram_state *s) {
  const uf_string sentence = ufi_strings(ctx->in[0])[0];
  s->text = sentence.data;
  split(s, sentence.data, (int64_t)sentence.size);
  const size_t n = (size_t)s->words + 1;
  s->starts = ufi_malloc(3 * n * sizeof *s->starts);
  if (!s->starts) return ufi_no_memory(ctx->error, 3 * n * sizeof *s->starts);
  s->sizes = s->starts + n;
  s->stack = s->sizes + n;
  split(s, sentence.data, (int64_t)sentence.size);
  return UF_OK;
}

static uf_status write_gram(ufi_ctx *ctx, gram_state *s, int64_t depth, uf_string *out) {
  for (int64_t k = 0; k < depth; k++) {
    if (k) ufi_chars_byte(&s->chars, ' ');
    ufi_chars_add(&s->chars, s->text + s->starts[s->stack[k]], (size_t)s->sizes[s->stack[k]]);
  }
  return ufi_chars_take(ctx, &s->chars, out);
}

/* All grams in the order of a search in depth: a gram comes behind the longer ones that it begins.
 * out NULL: only how many, up to INT32_MAX. Where words are too few to complete a gram there is
 * nothing to find, so that time is bounded by what is found. */
static uf_status list_grams(ufi_ctx *ctx, gram_state *s, uf_string *out, int64_t *n_out) {
  const gram_attrs *a = ctx->attrs;
  int64_t depth = 0, n = 0, *stack = s->stack; /* stack[depth]: the next word to try */
  *n_out = 0;
  if (a->size < 1 || s->words < a->size) return UF_OK;
  stack[0] = 0;
  while (depth >= 0 && n < INT32_MAX) {
    const int64_t next = stack[depth], left = s->words - next, missing = a->size - depth;
    bool go_on = depth < a->size && left > 0 && (a->shorter || left >= missing);
    if (depth > 0) go_on = go_on && next - stack[depth - 1] - 1 <= a->max_skip;
    if (go_on) {
      ++depth;
      stack[depth] = next + 1;
      continue;
    }
    if (depth > 0 && (depth == a->size || (a->shorter && depth < a->size))) {
      if (out) UFI_TRY(write_gram(ctx, s, depth, &out[n]));
      ++n;
    }
    if (--depth >= 0) ++stack[depth];
  }
  *n_out = n;
  return UF_OK;
}

static uf_status make_grams(ufi_ctx *ctx, gram_state *s) {
  int64_t n;
  UFI_TRY(find_words(ctx, s));
  UFI_TRY(list_grams(ctx, s, NULL, &n));
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &n));
  return list_grams(ctx, s, ufi_strings(ctx->out[0]), &n);
}

static uf_status gram_eval(ufi_ctx *ctx) {
  ufi_chars *unused;
  UFI_TRY(ufi_chars_begin(ctx, &unused));
  gram_state *s = ctx->state;
  const uf_status status = make_grams(ctx, s);
  release_words(s);
  return status;
}

const ufi_op_def ufi_op_SKIP_GRAM = {
  .attrs_size = sizeof(gram_attrs), .attrs_tflite = gram_attrs_tflite, .infer = gram_infer, .prepare = gram_prepare,
  .eval = gram_eval, .release = gram_release,
};
