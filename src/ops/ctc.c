/* SPDX-License-Identifier: Apache-2.0
 *
 * ctc.c: CTCGreedyDecoder, CTCBeamSearchDecoder, CTCLoss and EditDistance.
 *
 * Connectionist temporal classification (Graves et al., ICML 2006; chapter 7 of Graves, "Supervised
 * sequence labelling", 2012): inputs (time, batch, classes) are logits, one class is blank, equal
 * labels next to each other are one. Probabilities are logarithms in double.
 */
#include <math.h>

#include "ops/host.h"
#include "ops/move.h"

typedef struct ctc_attrs {
  bool merge, collapse, ignore_longer, normalize;
  int64_t blank, width, paths;
} ctc_attrs;

static uf_status ctc_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  ctc_attrs *a = memory;
  a->merge = ufi_tf_bool(from, "merge_repeated") || ufi_tf_bool(from, "ctc_merge_repeated");
  a->collapse = ufi_tf_bool(from, "preprocess_collapse_repeated");
  a->ignore_longer = ufi_tf_bool(from, "ignore_longer_outputs_than_inputs");
  a->normalize = ufi_tf_bool(from, "normalize");
  a->blank = ufi_tf_int(from, "blank_index");
  a->width = ufi_tf_int(from, "beam_width");
  a->paths = ufi_tf_attr(from, "top_paths") ? ufi_tf_int(from, "top_paths") : 1;
  const bool beam = strstr(from->op, "Beam") != NULL;
  if (!beam || (a->width >= 1 && a->width <= 1 << 24 && a->paths >= 1 && a->paths <= 1 << 16)) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one path or more and a beam as wide, found %lld and %lld",
                  (long long)a->paths, (long long)a->width);
}

static double log_add(double a, double b) {
  if (a == -INFINITY) return b;
  if (b == -INFINITY) return a;
  return a > b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

static double logit(const ufi_tensor *in, int64_t i) {
  return in->dtype == UF_FLOAT64 ? ((const double *)in->data)[i] : (double)((const float *)in->data)[i];
}

/* ---- decoders ------------------------------------------------------------------------------------ */

static uf_status decode_infer(ufi_ctx *ctx) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *lengths = ctx->in[1];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 3, 3));
  UFI_TRY(ufi_want_rank(ctx, lengths, 1, 1));
  if (in->count == 0 || in->dims[2] > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected inputs (time, batch, classes), found an empty tensor");
  if (lengths->count != in->dims[1])
    return ufi_ctx_fail(ctx, UF_FAILED_PRECONDITION, "expected %lld lengths, found %lld", (long long)in->dims[1],
                        (long long)lengths->count);
  const int64_t dims[2] = {in->dims[1], a->paths};
  for (int32_t p = 0; p < a->paths; p++) UFI_TRY(ufi_out_shape(ctx, 2 * (int32_t)a->paths + p, 1, &(const int64_t){2}));
  return ufi_out_shape(ctx, 3 * (int32_t)a->paths, 2, dims);
}

static uf_status check_lengths(ufi_ctx *ctx, uf_status status, int64_t most) {
  const ufi_tensor *lengths = ctx->in[ctx->n_in - 1];
  for (int64_t b = 0; b < lengths->count; b++)
    if (((const int32_t *)lengths->data)[b] > most)
      return ufi_ctx_fail(ctx, status, "expected lengths of at most %lld, found %d", (long long)most,
                          (int)((const int32_t *)lengths->data)[b]);
  return UF_OK;
}

/* Sequences of all of the batch for one path: labels one after the other, how many each. */
typedef struct sequences {
  int64_t *labels, *counts;
  int64_t total, longest;
} sequences;

static uf_status give_sequences(ufi_ctx *ctx, int32_t p, const sequences *s, int64_t batch) {
  const int32_t paths = (int32_t)((const ctc_attrs *)ctx->attrs)->paths;
  const int64_t dims[2] = {s->total, 2};
  UFI_TRY(ufi_out_shape(ctx, p, 2, dims));
  UFI_TRY(ufi_out_shape(ctx, paths + p, 1, dims));
  int64_t *indices = ctx->out[p]->data, *shape = ctx->out[2 * paths + p]->data;
  if (s->total) memcpy(ctx->out[paths + p]->data, s->labels, (size_t)s->total * sizeof *s->labels);
  shape[0] = batch;
  shape[1] = s->longest;
  for (int64_t b = 0; b < batch; b++)
    for (int64_t t = 0; t < s->counts[b]; t++) {
      *indices++ = b;
      *indices++ = t;
    }
  return UF_OK;
}

static uf_status greedy(ufi_ctx *ctx, sequences *s, int64_t blank) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *scores = ctx->out[3];
  const int64_t batch = in->dims[1], classes = in->dims[2];
  for (int64_t b = 0; b < batch; b++) {
    int64_t previous = -1;
    double score = 0;
    float narrow = 0;
    s->counts[b] = 0;
    for (int64_t t = 0; t < ((const int32_t *)ctx->in[1]->data)[b]; t++) {
      const int64_t row = (t * batch + b) * classes;
      int64_t best = 0;
      for (int64_t c = 1; c < classes; c++)
        if (logit(in, row + c) > logit(in, row + best)) best = c;
      score -= logit(in, row + best);
      narrow -= (float)logit(in, row + best);
      if (best != blank && !(a->merge && best == previous)) s->labels[s->total++] = best, s->counts[b]++;
      previous = best;
    }
    s->longest = UFI_MAX(s->longest, s->counts[b]);
    if (scores->dtype == UF_FLOAT64) ((double *)scores->data)[b] = score;
    else ((float *)scores->data)[b] = narrow;
  }
  return give_sequences(ctx, 0, s, batch);
}

static uf_status greedy_eval(ufi_ctx *ctx) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const int64_t classes = in->dims[2], blank = a->blank < 0 ? classes + a->blank : a->blank;
  UFI_TRY(check_lengths(ctx, UF_FAILED_PRECONDITION, in->dims[0]));
  if (blank < 0 || blank >= classes)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a blank in [%lld, %lld), found %lld", -(long long)classes,
                        (long long)classes, (long long)a->blank);
  const size_t bytes = (size_t)(in->dims[0] * in->dims[1] + in->dims[1]) * sizeof(int64_t);
  sequences s = {.counts = ufi_malloc(bytes)};
  if (s.counts == NULL) return ufi_no_memory(ctx->error, bytes);
  s.labels = s.counts + in->dims[1];
  uf_status status = greedy(ctx, &s, blank);
  ufi_free(s.counts);
  return status;
}

const ufi_op_def ufi_op_CTC_GREEDY_DECODER = {
  .attrs_size = sizeof(ctc_attrs), .attrs_tf = ctc_attrs_tf, .infer = decode_infer, .eval = greedy_eval,
};

/* ---- beam search: a tree of labellings ---------------------------------------------------------------- */

typedef struct chances {
  double total, blank, label;  /* ending in blank, in the label, in any */
} chances;
static const chances no_chance = {-INFINITY, -INFINITY, -INFINITY};

typedef struct beam {
  struct beam *parent, *children; /* classes - 1 of them, or none yet */
  int64_t label;
  chances before, now;
} beam;

typedef struct search {
  ufi_arena *arena;
  int64_t classes, width, n;
  beam **leaves, **branches;      /* leaves: best first */
} search;

/* Puts a beam in its place; the last one falls out when there are too many. */
static void push(search *s, beam *b) {
  if (s->n == s->width) {
    if (!(b->now.total > s->leaves[s->n - 1]->now.total)) return;
    s->n--;
  }
  int64_t at = s->n++;
  while (at > 0 && s->leaves[at - 1]->now.total < b->now.total) {
    s->leaves[at] = s->leaves[at - 1];
    at--;
  }
  s->leaves[at] = b;
}

static bool is_candidate(const search *s, double total) {
  return total > -INFINITY && (s->n < s->width || total > s->leaves[s->n - 1]->now.total);
}

static bool grow(search *s, beam *b) {
  if (b->children) return true;
  b->children = ufi_arena_array(s->arena, (size_t)(s->classes - 1), sizeof *b->children);
  for (int64_t k = 0; b->children && k < s->classes - 1; k++)
    b->children[k] = (beam){.parent = b, .label = k, .before = no_chance, .now = no_chance};
  return b->children != NULL;
}

static void extend(beam *b, const ufi_tensor *in, int64_t row, int64_t blank, double norm) {
  if (b->parent) {
    if (b->parent->now.total != -INFINITY)
      b->now.label = log_add(b->now.label, b->label == b->parent->label ? b->parent->before.blank
                                                                        : b->parent->before.total);
    b->now.label += logit(in, row + b->label) - norm;
  }
  b->now.blank = b->before.total + logit(in, row + blank) - norm;
  b->now.total = log_add(b->now.blank, b->now.label);
}

static void try_child(search *s, const beam *b, beam *c, double chance) {
  if (c->now.total != -INFINITY) return; /* already a leaf */
  c->now.blank = -INFINITY;
  c->now.label = c->now.total = chance + (c->label == b->label ? b->before.blank : b->before.total);
  if (!is_candidate(s, c->now.total)) {
    c->before = c->now = no_chance;
    return;
  }
  if (s->n == s->width) s->leaves[s->n - 1]->now = no_chance;
  push(s, c);
}

static bool step(search *s, const ufi_tensor *in, int64_t row) {
  const int64_t blank = s->classes - 1, branches = s->n;
  double top = -INFINITY, sum = 0;
  for (int64_t c = 0; c < s->classes; c++) top = fmax(top, logit(in, row + c));
  for (int64_t c = 0; c < s->classes; c++) sum += exp(logit(in, row + c) - top);
  const double norm = top + log(sum);
  memcpy(s->branches, s->leaves, (size_t)branches * sizeof *s->leaves);
  s->n = 0;
  for (int64_t i = 0; i < branches; i++) s->branches[i]->before = s->branches[i]->now;
  for (int64_t i = 0; i < branches; i++) {
    extend(s->branches[i], in, row, blank, norm);
    push(s, s->branches[i]);
  }
  for (int64_t i = 0; i < branches; i++) {
    beam *b = s->branches[i];
    if (!is_candidate(s, b->before.total)) continue;
    if (!grow(s, b)) return false;
    for (int64_t k = 0; k < blank; k++) try_child(s, b, &b->children[k], logit(in, row + k) - norm);
  }
  return true;
}

/* The labels from the root to a leaf. */
static int64_t labels_of(const beam *leaf, bool merge, int64_t *out) {
  int64_t n = 0, previous = -1;
  for (const beam *b = leaf; b->parent; b = b->parent) {
    if (!merge || b->label != previous) out[n++] = b->label;
    previous = b->label;
  }
  for (int64_t i = 0; i < n / 2; i++) {
    const int64_t kept = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = kept;
  }
  return n;
}

static uf_status search_one(ufi_ctx *ctx, search *s, int64_t b, sequences *found) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *scores = ctx->out[3 * a->paths];
  beam root = {.label = -1, .now = {0, 0, -INFINITY}, .before = no_chance};
  s->n = 0;
  push(s, &root);
  s->arena = ufi_arena_create();
  bool good = s->arena != NULL;
  for (int64_t t = 0; good && t < ((const int32_t *)ctx->in[1]->data)[b]; t++)
    good = step(s, in, (t * in->dims[1] + b) * s->classes);
  for (int64_t p = 0; good && p < a->paths && s->n >= a->paths; p++) {
    const int64_t n = labels_of(s->leaves[p], a->merge, found[p].labels + found[p].total);
    found[p].counts[b] = n;
    found[p].total += n;
    found[p].longest = UFI_MAX(found[p].longest, n);
    const double score = s->leaves[p]->now.total;
    if (scores->dtype == UF_FLOAT64) ((double *)scores->data)[b * a->paths + p] = score;
    else ((float *)scores->data)[b * a->paths + p] = (float)score;
  }
  ufi_arena_destroy(s->arena);
  if (!good) return ufi_no_memory(ctx->error, 0);
  if (s->n >= a->paths) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at least %lld labellings, found %lld", (long long)a->paths,
                      (long long)s->n);
}

static uf_status beam_eval(ufi_ctx *ctx) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  const int64_t times = in->dims[0], batch = in->dims[1];
  size_t bytes = 0, part;
  UFI_TRY(check_lengths(ctx, UF_FAILED_PRECONDITION, times));
  if (a->paths > a->width)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %lld paths (the beam's width), found %lld",
                        (long long)a->width, (long long)a->paths);
  const size_t of_path = sizeof(sequences) + (size_t)(times * batch + batch) * sizeof(int64_t);
  if (!ufi_mul_size((size_t)a->paths, of_path, &part) || !ufi_add_size(part, (size_t)a->width * 2 * sizeof(beam *), &bytes))
    return ufi_no_memory(ctx->error, SIZE_MAX);
  sequences *found = ufi_calloc(bytes, 1);
  if (found == NULL) return ufi_no_memory(ctx->error, bytes);
  int64_t *room = (int64_t *)(found + a->paths);
  for (int64_t p = 0; p < a->paths; p++, room += times * batch + batch) {
    found[p].counts = room;
    found[p].labels = room + batch;
  }
  search s = {.classes = in->dims[2], .width = a->width, .leaves = (beam **)room};
  s.branches = s.leaves + a->width;
  uf_status status = UF_OK;
  for (int64_t b = 0; status == UF_OK && b < batch; b++) status = search_one(ctx, &s, b, found);
  for (int32_t p = 0; status == UF_OK && p < a->paths; p++) status = give_sequences(ctx, p, &found[p], batch);
  ufi_free(found);
  return status;
}

const ufi_op_def ufi_op_CTC_BEAM_SEARCH_DECODER = {
  .attrs_size = sizeof(ctc_attrs), .attrs_tf = ctc_attrs_tf, .infer = decode_infer, .eval = beam_eval,
};

/* ---- CTCLoss -------------------------------------------------------------------------------------------- */

static uf_status loss_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1], *values = ctx->in[2], *lengths = ctx->in[3];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 3, 3));
  UFI_TRY(ufi_want_rank(ctx, indices, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, values, 1, 1));
  UFI_TRY(ufi_want_rank(ctx, lengths, 1, 1));
  if (indices->dims[1] != 2 || indices->dims[0] != values->count || lengths->count != in->dims[1] || in->dims[1] == 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected two indices for each label and %lld lengths, found %lld "
                        "labels, %lld indices and %lld lengths", (long long)in->dims[1], (long long)values->count,
                        (long long)indices->count, (long long)lengths->count);
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &in->dims[1]));
  return ufi_out_like(ctx, 1, in);
}

/* One sequence: labels with blanks around them (u), chances over time. */
typedef struct ctc_loss {
  int64_t times, classes, u;
  int32_t *labels;               /* u of them */
  double *y, *alpha, *beta, *sums; /* (times, classes), (times, u), (times, u), classes */
} ctc_loss;

/* Normal probabilities of the logits of batch entry b. */
static void softmax_rows(const ufi_tensor *in, int64_t b, const ctc_loss *k) {
  for (int64_t t = 0; t < k->times; t++) {
    const int64_t row = (t * in->dims[1] + b) * k->classes;
    double top = -INFINITY, sum = 0, *y = k->y + t * k->classes;
    for (int64_t c = 0; c < k->classes; c++) top = fmax(top, logit(in, row + c));
    for (int64_t c = 0; c < k->classes; c++) sum += y[c] = exp(logit(in, row + c) - top);
    for (int64_t c = 0; c < k->classes; c++) y[c] /= sum;
  }
}

/* Whether label i may be followed by the one two places on, without the blank between. */
static bool may_skip(const ctc_loss *k, bool merge, int64_t i, int64_t j) {
  return k->labels[j] != k->classes - 1 && !(merge && k->labels[i] == k->labels[j]);
}

static void forward(const ctc_loss *k, bool merge) {
  const int64_t u = k->u;
  for (int64_t i = 0; i < u * k->times; i++) k->alpha[i] = -INFINITY;
  for (int64_t i = 0; i < UFI_MIN(u, 2); i++) k->alpha[i] = log(k->y[k->labels[i]]);
  for (int64_t t = 1; t < k->times; t++) {
    const double *last = k->alpha + (t - 1) * u;
    for (int64_t i = UFI_MAX(0, u - 2 * (k->times - t)); i < UFI_MIN(u, 2 * (t + 1)); i++) {
      double sum = merge || k->labels[i] == k->classes - 1 ? last[i] : -INFINITY;
      if (i > 0) sum = log_add(sum, last[i - 1]);
      if (i > 1 && may_skip(k, merge, i - 2, i)) sum = log_add(sum, last[i - 2]);
      k->alpha[t * u + i] = log(k->y[t * k->classes + k->labels[i]]) + sum;
    }
  }
}

static void backward(const ctc_loss *k, bool merge) {
  const int64_t u = k->u;
  for (int64_t i = 0; i < u * k->times; i++) k->beta[i] = -INFINITY;
  for (int64_t i = UFI_MAX(0, u - 2); i < u; i++) k->beta[(k->times - 1) * u + i] = 0;
  for (int64_t t = k->times - 2; t >= 0; t--) {
    const double *next = k->beta + (t + 1) * u, *y = k->y + (t + 1) * k->classes;
    for (int64_t i = UFI_MAX(0, u - 2 * (k->times - t)); i < UFI_MIN(u, 2 * (t + 1)); i++) {
      double sum = merge || k->labels[i] == k->classes - 1 ? next[i] + log(y[k->labels[i]]) : -INFINITY;
      if (i + 1 < u) sum = log_add(sum, next[i + 1] + log(y[k->labels[i + 1]]));
      if (i + 2 < u && k->labels[i] != k->classes - 1 && may_skip(k, merge, i, i + 2))
        sum = log_add(sum, next[i + 2] + log(y[k->labels[i + 2]]));
      k->beta[t * u + i] = sum;
    }
  }
}

static void put(const ufi_tensor *out, int64_t i, double value) {
  if (out->dtype == UF_FLOAT64) ((double *)out->data)[i] = value;
  else ((float *)out->data)[i] = (float)value;
}

static void gradients(const ctc_loss *k, double log_p, int64_t b, const ufi_tensor *out) {
  for (int64_t t = 0; t < k->times; t++) {
    for (int64_t c = 0; c < k->classes; c++) k->sums[c] = -INFINITY;
    for (int64_t i = 0; i < k->u; i++)
      k->sums[k->labels[i]] = log_add(k->sums[k->labels[i]], k->alpha[t * k->u + i] + k->beta[t * k->u + i]);
    for (int64_t c = 0; c < k->classes; c++) {
      const double taken = log_p == -INFINITY ? 0 : exp(k->sums[c] - log_p);
      put(out, (t * out->dims[1] + b) * k->classes + c, k->y[t * k->classes + c] - taken);
    }
  }
}

/* The labels of batch entry b with blanks; how many labels there were goes to *given. */
static uf_status take_labels(ufi_ctx *ctx, ctc_loss *k, int64_t b, int64_t *given) {
  const ctc_attrs *a = ctx->attrs;
  const int64_t *indices = ctx->in[1]->data;
  const int32_t *values = ctx->in[2]->data, blank = (int32_t)k->classes - 1;
  bool finished = false;
  int32_t previous = 0;
  k->u = 0;
  *given = 0;
  k->labels[k->u++] = blank;
  for (int64_t i = 0; i < ctx->in[2]->count; i++) {
    if (indices[2 * i] != b) continue;
    const bool first = (*given)++ == 0, again = !first && a->collapse && values[i] == previous;
    previous = values[i];
    if (again) continue;
    if (values[i] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected labels of 0 or more, found %d", (int)values[i]);
    if (values[i] >= blank) {
      finished = true;
      continue;
    }
    if (finished)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected labels below %d before others, found %d after one",
                          (int)blank, (int)values[i]);
    k->labels[k->u++] = values[i];
    k->labels[k->u++] = blank;
  }
  if (*given > 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected labels for entry %lld of the batch, found none", (long long)b);
}

static uf_status loss_one(ufi_ctx *ctx, ctc_loss *k, int64_t b) {
  const ctc_attrs *a = ctx->attrs;
  int64_t given;
  double log_p = -INFINITY;
  k->times = ((const int32_t *)ctx->in[3]->data)[b];
  UFI_TRY(take_labels(ctx, k, b, &given));
  if (!a->ignore_longer && given > k->times)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected time for %lld labels, found %lld steps", (long long)given,
                        (long long)k->times);
  if (k->times == 0 || given > k->times) return UF_OK;
  softmax_rows(ctx->in[0], b, k);
  forward(k, a->merge);
  backward(k, a->merge);
  for (int64_t i = 0; i < k->u; i++) log_p = log_add(log_p, k->alpha[i] + k->beta[i]);
  put(ctx->out[0], b, -log_p);
  gradients(k, log_p, b, ctx->out[1]);
  return UF_OK;
}

static uf_status check_loss(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *indices = ctx->in[1];
  UFI_TRY(check_lengths(ctx, UF_INVALID_ARGUMENT, in->dims[0]));
  for (int64_t b = 0; b < in->dims[1]; b++)
    if (((const int32_t *)ctx->in[3]->data)[b] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected lengths of 0 or more, found %d",
                          (int)((const int32_t *)ctx->in[3]->data)[b]);
  for (int64_t i = 0; i < indices->dims[0]; i++) {
    const int64_t b = ((const int64_t *)indices->data)[2 * i];
    if (b < 0 || b >= in->dims[1])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected batch indices in [0, %lld), found %lld",
                          (long long)in->dims[1], (long long)b);
  }
  return UF_OK;
}

static uf_status loss_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const int64_t times = in->dims[0], classes = in->dims[2];
  size_t most = 2 * (size_t)ctx->in[2]->count + 1, tables, bytes;
  UFI_TRY(check_loss(ctx));
  for (int32_t i = 0; i < 2; i++)
    if (ctx->out[i]->size) memset(ctx->out[i]->data, 0, ctx->out[i]->size);
  if (!ufi_mul_size(most * 2 + (size_t)classes, (size_t)times, &tables) ||
      !ufi_mul_size(tables + (size_t)classes + most, sizeof(double), &bytes))
    return ufi_no_memory(ctx->error, SIZE_MAX);
  ctc_loss k = {.classes = classes, .y = ufi_malloc(bytes)};
  if (k.y == NULL) return ufi_no_memory(ctx->error, bytes);
  k.alpha = k.y + times * classes;
  k.beta = k.alpha + (size_t)times * most;
  k.sums = k.beta + (size_t)times * most;
  k.labels = (int32_t *)(k.sums + classes);
  uf_status status = UF_OK;
  for (int64_t b = 0; status == UF_OK && b < in->dims[1]; b++) status = loss_one(ctx, &k, b);
  ufi_free(k.y);
  return status;
}

const ufi_op_def ufi_op_CTC_LOSS = {
  .attrs_size = sizeof(ctc_attrs), .attrs_tf = ctc_attrs_tf, .infer = loss_infer, .eval = loss_eval,
};

/* ---- EditDistance: Levenshtein, 1966 ---------------------------------------------------------------------- */

enum { H_INDICES, H_VALUES, H_SHAPE, T_INDICES, T_VALUES, T_SHAPE };

static uf_status distance_infer(ufi_ctx *ctx) {
  int64_t shapes[2][UF_MAX_RANK], dims[UF_MAX_RANK];
  int32_t rank[2];
  UFI_TRY(ufi_want_same(ctx, ctx->in[H_VALUES], ctx->in[T_VALUES]));
  for (int32_t i = 0; i < 2; i++) {
    const ufi_tensor *indices = ctx->in[3 * i], *values = ctx->in[3 * i + 1], *shape = ctx->in[3 * i + 2];
    UFI_TRY(ufi_want_rank(ctx, indices, 2, 2));
    UFI_TRY(ufi_want_rank(ctx, values, 1, 1));
    UFI_TRY(ufi_want_rank(ctx, shape, 1, 1));
    if (indices->dims[0] != values->count || indices->dims[1] != shape->count ||
        shape->count != ctx->in[H_SHAPE]->count || shape->count < 1 || shape->count > UF_MAX_RANK)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected sparse tensors of one rank, found %lld indices of %lld for "
                          "%lld values, and a shape of %lld", (long long)indices->dims[0], (long long)indices->dims[1],
                          (long long)values->count, (long long)shape->count);
  }
  if (!ufi_known(ctx, H_SHAPE) || !ufi_known(ctx, T_SHAPE)) return UF_OK;
  for (int32_t i = 0; i < 2; i++) UFI_TRY(ufi_read_ints(ctx, ctx->in[3 * i + 2], shapes[i], UF_MAX_RANK, &rank[i]));
  for (int32_t d = 0; d < rank[0]; d++) {
    dims[d] = UFI_MAX(shapes[0][d], shapes[1][d]);
    if (shapes[0][d] < 0 || shapes[1][d] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected extents of 0 or more, found %lld and %lld",
                          (long long)shapes[0][d], (long long)shapes[1][d]);
  }
  return ufi_out_shape(ctx, 0, rank[0] - 1, dims);
}

static bool equal_values(const ufi_tensor *a, int64_t i, const ufi_tensor *b, int64_t j) {
  const size_t size = (size_t)uf_dtype_bits(a->dtype) / 8;
  if (a->dtype != UF_STRING) return memcmp((char *)a->data + size * (size_t)i, (char *)b->data + size * (size_t)j, size) == 0;
  const uf_string x = ((const uf_string *)a->data)[i], y = ((const uf_string *)b->data)[j];
  return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

/* Between n values of the one and m of the other; rows has room for m + 1. */
static int64_t distance(const ufi_tensor *a, int64_t i, int64_t n, const ufi_tensor *b, int64_t j, int64_t m,
                        int64_t *row) {
  for (int64_t k = 0; k <= m; k++) row[k] = k;
  for (int64_t x = 1; x <= n; x++) {
    int64_t corner = row[0];
    row[0] = x;
    for (int64_t y = 1; y <= m; y++) {
      const int64_t up = row[y], change = corner + !equal_values(a, i + x - 1, b, j + y - 1);
      row[y] = UFI_MIN(change, UFI_MIN(up, row[y - 1]) + 1);
      corner = up;
    }
  }
  return row[m];
}

/* The place in the output that entry i belongs to; -1: outside. */
static int64_t group_of(const ufi_tensor *indices, int64_t i, const ufi_tensor *out) {
  const int64_t *at = (const int64_t *)indices->data + i * indices->dims[1];
  int64_t group = 0;
  for (int32_t d = 0; d < out->rank; d++) {
    if (at[d] < 0 || at[d] >= out->dims[d]) return -1;
    group = group * out->dims[d] + at[d];
  }
  return group;
}

/* First entry and number of entries of each group, one group after the other. */
static uf_status find_groups(ufi_ctx *ctx, int32_t side, int64_t *first, int64_t *count) {
  const ufi_tensor *indices = ctx->in[3 * side], *out = ctx->out[0];
  int64_t previous = -1;
  for (int64_t g = 0; g < out->count; g++) count[g] = 0;
  for (int64_t i = 0; i < indices->dims[0]; i++) {
    const int64_t g = group_of(indices, i, out);
    if (g < 0 || g < previous)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in order and within the shape, found others at "
                          "%lld", (long long)i);
    if (count[g]++ == 0) first[g] = i;
    previous = g;
  }
  return UF_OK;
}

static uf_status distances(ufi_ctx *ctx, int64_t *room) {
  const ctc_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  int64_t *h_first = room, *h_count = room + out->count, *t_first = h_count + out->count, *t_count = t_first + out->count;
  UFI_TRY(find_groups(ctx, 0, h_first, h_count));
  UFI_TRY(find_groups(ctx, 1, t_first, t_count));
  for (int64_t g = 0; g < out->count; g++) {
    const int64_t n = h_count[g], m = t_count[g];
    float d;
    if (n && m) d = (float)distance(ctx->in[H_VALUES], h_first[g], n, ctx->in[T_VALUES], t_first[g], m, t_count + out->count);
    else d = (float)UFI_MAX(n, m);
    if (a->normalize && d != 0.0f) d = m ? d / (float)m : INFINITY;
    ((float *)out->data)[g] = d;
  }
  return UF_OK;
}

static uf_status distance_eval(ufi_ctx *ctx) {
  const size_t bytes = ((size_t)ctx->out[0]->count * 4 + (size_t)ctx->in[T_VALUES]->count + 2) * sizeof(int64_t);
  int64_t *room = ufi_malloc(bytes);
  if (room == NULL) return ufi_no_memory(ctx->error, bytes);
  uf_status status = distances(ctx, room);
  ufi_free(room);
  return status;
}

const ufi_op_def ufi_op_EDIT_DISTANCE = {
  .attrs_size = sizeof(ctc_attrs), .attrs_tf = ctc_attrs_tf, .infer = distance_infer, .eval = distance_eval,
};
