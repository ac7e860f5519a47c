/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_nms.c: TensorFlow's NonMaxSuppression, versions 1 to 5, with given overlaps, and
 * CombinedNonMaxSuppression (all classes of a batch).
 *
 * Boxes are taken by descending score, of equal scores the first. One that overlaps a taken box by
 * more than the threshold is dropped; the soft kind (version 5 with sigma > 0) lowers its score
 * instead and puts it back (Bodla et al., "Soft-NMS", 2017). Scores and thresholds of half round to
 * half after every step, as there.
 */
#include <float.h>
#include <math.h>

#include "ops/move.h"
#include "ops/nms.h"

typedef struct nms_attrs {
  int32_t version;       /* 1 to 5; 0: with overlaps */
  float iou;             /* of version 1 */
  bool pad;
} nms_attrs;

static uf_status nms_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  nms_attrs *a = memory;
  const char last = from->op[strlen(from->op) - 1];
  a->version = strstr(from->op, "Overlaps") ? 0 : last == 'n' ? 1 : last - '0';
  a->iou = (float)ufi_tf_float(from, "iou_threshold");
  a->pad = ufi_tf_bool(from, "pad_to_max_output_size");
  return UF_OK;
}

enum { BOXES, SCORES, MOST, IOU, SCORE, SIGMA };

static uf_status want_boxes(ufi_ctx *ctx, const nms_attrs *a) {
  const ufi_tensor *boxes = ctx->in[BOXES], *scores = ctx->in[SCORES];
  UFI_TRY(ufi_want_rank(ctx, boxes, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, scores, 1, 1));
  const int64_t wide = a->version ? 4 : boxes->dims[0];
  if (boxes->dims[1] == wide && scores->count == boxes->dims[0] && scores->count < INT32_MAX) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes of %lld numbers and a score for each, found "
                      "%lld boxes of %lld and %lld scores", (long long)wide, (long long)boxes->dims[0],
                      (long long)boxes->dims[1], (long long)scores->count);
}

static uf_status read_most(ufi_ctx *ctx, int32_t i, int64_t *most) {
  UFI_TRY(ufi_move_ints(ctx, ctx->in[i], 1, most));
  if (*most >= 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 or more as the largest output size, found %lld",
                      (long long)*most);
}

static uf_status nms_infer(ufi_ctx *ctx) {
  const nms_attrs *a = ctx->attrs;
  int64_t most;
  for (int32_t i = 0; i < ctx->n_in; i++) {
    if (i == MOST) UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INVALID));
    else UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT16, UF_FLOAT32, UF_INVALID));
    if (i >= MOST) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 0, 0));
  }
  UFI_TRY(ufi_want_same(ctx, ctx->in[BOXES], ctx->in[SCORES]));
  UFI_TRY(want_boxes(ctx, a));
  if (a->version >= 4) UFI_TRY(ufi_out_shape(ctx, a->version - 3, 0, NULL));
  if (!a->pad || !ufi_known(ctx, MOST)) return UF_OK;
  UFI_TRY(read_most(ctx, MOST, &most));
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &most));
  return a->version == 5 ? ufi_out_shape(ctx, 1, 1, &most) : UF_OK;
}

typedef struct suppress {
  const nms_attrs *a;
  const float *boxes;    /* or overlaps */
  int64_t n, most;
  float iou, score, sigma, scale;
  bool half;
  ufi_nms_box *heap;
  int32_t *taken;
  float *taken_scores;
} suppress;

static float rounded(const suppress *s, float value) {
  return s->half ? ufi_half_to_float(ufi_float_to_half(value)) : value;
}

static float likeness(const suppress *s, int64_t i, int64_t j) {
  return s->a->version ? ufi_nms_overlap(s->boxes + 4 * i, s->boxes + 4 * j) : s->boxes[i * s->n + j];
}

/* Compares with the boxes taken since last time. False: dropped. */
static bool survives(const suppress *s, ufi_nms_box *box, int32_t n) {
  bool good = true;
  for (int32_t j = n - 1; good && j >= box->compared; j--) {
    const float iou = rounded(s, likeness(s, box->index, s->taken[j]));
    const float weight = s->sigma > 0.0f ? rounded(s, expf(rounded(s, rounded(s, s->scale * iou) * iou)))
                       : iou <= s->iou ? 1.0f : 0.0f;
    box->score = rounded(s, box->score * weight);
    if (!(s->sigma > 0.0f) && iou > s->iou) good = false;
    if (box->score <= s->score) break;
  }
  box->compared = n;
  return good;
}

static int32_t run_nms(suppress *s, const float *scores) {
  int64_t queued = 0;
  int32_t found = 0;
  for (int64_t i = 0; i < s->n; i++)
    if (scores[i] > s->score) ufi_nms_push(s->heap, queued++, (ufi_nms_box){(int32_t)i, scores[i], 0}, true);
  while (found < s->most && queued > 0) {
    ufi_nms_box box = ufi_nms_pop(s->heap, &queued, true);
    const float before = box.score;
    if (!survives(s, &box, found)) continue;
    if (box.score == before) {
      s->taken[found] = box.index;
      s->taken_scores[found++] = box.score;
    } else if (box.score > s->score) {
      ufi_nms_push(s->heap, queued++, box, true);
    }
  }
  return found;
}

/* A scalar of half or float32. */
static float scalar(const ufi_tensor *t) {
  return t->dtype == UF_FLOAT16 ? ufi_half_to_float(*(const uint16_t *)t->data) : *(const float *)t->data;
}

static uf_status read_limits(ufi_ctx *ctx, suppress *s) {
  const nms_attrs *a = ctx->attrs;
  UFI_TRY(read_most(ctx, MOST, &s->most));
  s->iou = a->version == 1 ? a->iou : scalar(ctx->in[IOU]);
  s->score = ctx->n_in > SCORE ? scalar(ctx->in[SCORE]) : s->half ? -65504.0f : -FLT_MAX;
  s->sigma = ctx->n_in > SIGMA ? scalar(ctx->in[SIGMA]) : 0.0f;
  if (a->version > 0 && !(s->iou >= 0.0f && s->iou <= 1.0f))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an iou_threshold in [0, 1], found %g", (double)s->iou);
  if (s->sigma < 0.0f)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sigma of 0 or more, found %g", (double)s->sigma);
  s->iou = rounded(s, s->iou);
  s->score = rounded(s, s->score);
  s->scale = s->sigma > 0.0f ? rounded(s, -0.5f / s->sigma) : 0.0f;
  return UF_OK;
}

static uf_status give_results(ufi_ctx *ctx, const suppress *s, int32_t found) {
  const nms_attrs *a = ctx->attrs;
  const int64_t n = a->pad ? s->most : found;
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &n));
  if (n) memset(ctx->out[0]->data, 0, ctx->out[0]->size);
  if (found) memcpy(ctx->out[0]->data, s->taken, (size_t)found * sizeof(int32_t));
  if (a->version >= 4) *(int32_t *)ctx->out[a->version - 3]->data = found;
  if (a->version < 5) return UF_OK;
  UFI_TRY(ufi_out_shape(ctx, 1, 1, &n));
  if (n) memset(ctx->out[1]->data, 0, ctx->out[1]->size);
  return ufi_convert(UF_FLOAT32, s->taken_scores, found, ctx->out[1]->dtype, ctx->out[1]->data, ctx->error);
}

static uf_status nms_eval(ufi_ctx *ctx) {
  const ufi_tensor *boxes = ctx->in[BOXES], *scores = ctx->in[SCORES];
  suppress s = {.a = ctx->attrs, .n = scores->count, .half = scores->dtype == UF_FLOAT16};
  UFI_TRY(read_limits(ctx, &s));
  const size_t n = (size_t)s.n + 1, one = sizeof(ufi_nms_box) + sizeof(int32_t) + 2 * sizeof(float);
  float *room = ufi_malloc(n * one + (size_t)boxes->count * sizeof(float) + sizeof(float));
  if (room == NULL) return ufi_no_memory(ctx->error, n * one);
  s.heap = (ufi_nms_box *)room;
  s.taken = (int32_t *)(s.heap + n);
  s.taken_scores = (float *)(s.taken + n);
  float *given = s.taken_scores + n, *corners = given + n;
  s.boxes = corners;
  uf_status status = ufi_convert(boxes->dtype, boxes->data, boxes->count, UF_FLOAT32, corners, ctx->error);
  if (status == UF_OK) status = ufi_convert(scores->dtype, scores->data, s.n, UF_FLOAT32, given, ctx->error);
  if (status == UF_OK) status = give_results(ctx, &s, run_nms(&s, given));
  ufi_free(room);
  return status;
}

const ufi_op_def ufi_op_TF_NON_MAX_SUPPRESSION = {
  .attrs_size = sizeof(nms_attrs), .attrs_tf = nms_attrs_tf, .infer = nms_infer, .eval = nms_eval,
};

/* ---- all classes of a batch --------------------------------------------------------------------- */

typedef struct combined_attrs {
  bool pad, clip;
} combined_attrs;

static uf_status combined_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  combined_attrs *a = memory;
  a->pad = ufi_tf_bool(from, "pad_per_class");
  a->clip = ufi_tf_bool(from, "clip_boxes");
  return UF_OK;
}

/* Boxes (batch, n, 1 or classes, 4), scores (batch, n, classes). */
static uf_status combined_infer(ufi_ctx *ctx) {
  const combined_attrs *a = ctx->attrs;
  const ufi_tensor *boxes = ctx->in[0], *scores = ctx->in[1];
  int64_t each, most;
  UFI_TRY(ufi_want_rank(ctx, boxes, 4, 4));
  UFI_TRY(ufi_want_rank(ctx, scores, 3, 3));
  for (int32_t i = 2; i < 6; i++) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 0, 0));
  const int64_t classes = scores->dims[2];
  if (boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[1] || boxes->dims[3] != 4 ||
      (boxes->dims[2] != 1 && boxes->dims[2] != classes) || boxes->dims[1] >= INT32_MAX || classes >= INT32_MAX) {
    char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes (batch, n, 1 or classes, 4) and scores (batch, n, "
                        "classes), found %s and %s", ufi_shape_text(4, boxes->dims, p),
                        ufi_shape_text(3, scores->dims, q));
  }
  UFI_TRY(ufi_out_shape(ctx, 3, 1, boxes->dims));
  if (!ufi_known(ctx, 2) || !ufi_known(ctx, 3)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &each));
  UFI_TRY(ufi_move_ints(ctx, ctx->in[3], 1, &most));
  if (each <= 0 || most <= 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected sizes above 0 for a class and for all, found %lld and %lld",
                        (long long)each, (long long)most);
  if (a->pad) most = UFI_MIN(most, each * classes);
  const int64_t dims[3] = {boxes->dims[0], most, 4};
  UFI_TRY(ufi_out_shape(ctx, 0, 3, dims));
  UFI_TRY(ufi_out_shape(ctx, 1, 2, dims));
  return ufi_out_shape(ctx, 2, 2, dims);
}

typedef struct result {
  float score;
  int32_t box, which;
} result;

typedef struct combined {
  const float *boxes, *scores;
  int64_t n, q, classes, each;
  float iou, score;
  ufi_nms_box *heap;
  int32_t *taken;
  result *results, *spare;
} combined;

static const float *box_of(const combined *c, int64_t box, int64_t which) {
  return c->boxes + (box * c->q + (c->q > 1 ? which : 0)) * 4;
}

static int64_t one_class(combined *c, int64_t which, int64_t n_results) {
  int64_t queued = 0;
  int32_t found = 0;
  for (int64_t i = 0; i < c->n; i++) {
    const float score = c->scores[i * c->classes + which];
    if (score > c->score) ufi_nms_push(c->heap, queued++, (ufi_nms_box){(int32_t)i, score, 0}, false);
  }
  while (found < c->each && queued > 0) {
    const ufi_nms_box box = ufi_nms_pop(c->heap, &queued, false);
    bool good = true;
    for (int32_t j = found - 1; good && j >= 0; j--)
      good = !(ufi_nms_overlap(box_of(c, box.index, which), box_of(c, c->taken[j], which)) > c->iou);
    if (!good) continue;
    c->taken[found++] = box.index;
    c->results[n_results++] = (result){box.score, box.index, (int32_t)which};
  }
  return n_results;
}

/* By descending score, in place; equal ones keep their order. */
static void sort_results(result *r, result *spare, int64_t n) {
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t at = 0; at < n; at += 2 * run) {
      const int64_t middle = UFI_MIN(at + run, n), end = UFI_MIN(at + 2 * run, n);
      for (int64_t i = at, j = middle, k = at; k < end; k++)
        spare[k] = j >= end || (i < middle && r[i].score >= r[j].score) ? r[i++] : r[j++];
    }
    memcpy(r, spare, (size_t)n * sizeof *r);
  }
}

static void one_image(ufi_ctx *ctx, combined *c, int64_t b) {
  const combined_attrs *a = ctx->attrs;
  const int64_t most = ctx->out[1]->dims[1];
  int64_t n = 0;
  float *boxes = (float *)ctx->out[0]->data + b * most * 4, *scores = (float *)ctx->out[1]->data + b * most;
  float *which = (float *)ctx->out[2]->data + b * most;
  for (int64_t k = 0; k < c->classes; k++) n = one_class(c, k, n);
  sort_results(c->results, c->spare, n);
  n = UFI_MIN(n, most);
  ((int32_t *)ctx->out[3]->data)[b] = (int32_t)n;
  for (int64_t i = 0; i < n; i++) {
    const float *box = box_of(c, c->results[i].box, c->results[i].which);
    for (int k = 0; k < 4; k++) boxes[4 * i + k] = a->clip ? fmaxf(fminf(box[k], 1.0f), 0.0f) : box[k];
    scores[i] = c->results[i].score;
    which[i] = (float)c->results[i].which;
  }
}

static uf_status combined_eval(ufi_ctx *ctx) {
  const ufi_tensor *boxes = ctx->in[0], *scores = ctx->in[1];
  combined c = {.n = boxes->dims[1], .q = boxes->dims[2], .classes = scores->dims[2],
                .iou = *(const float *)ctx->in[4]->data, .score = *(const float *)ctx->in[5]->data};
  UFI_TRY(ufi_move_ints(ctx, ctx->in[2], 1, &c.each));
  c.each = UFI_MIN(c.each, c.n);
  if (!(c.iou >= 0.0f && c.iou <= 1.0f))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an iou_threshold in [0, 1], found %g", (double)c.iou);
  for (int32_t i = 0; i < 3; i++)
    if (ctx->out[i]->size) memset(ctx->out[i]->data, 0, ctx->out[i]->size);
  const size_t all = (size_t)(c.each * c.classes) + 1, n = (size_t)c.n + 1;
  const size_t bytes = 2 * all * sizeof(result) + n * (sizeof(ufi_nms_box) + sizeof(int32_t));
  c.results = ufi_malloc(bytes);
  if (c.results == NULL) return ufi_no_memory(ctx->error, bytes);
  c.spare = c.results + all;
  c.heap = (ufi_nms_box *)(c.spare + all);
  c.taken = (int32_t *)(c.heap + n);
  for (int64_t b = 0; b < boxes->dims[0]; b++) {
    c.boxes = (const float *)boxes->data + b * c.n * c.q * 4;
    c.scores = (const float *)scores->data + b * c.n * c.classes;
    one_image(ctx, &c, b);
  }
  ufi_free(c.results);
  return UF_OK;
}

const ufi_op_def ufi_op_COMBINED_NON_MAX_SUPPRESSION = {
  .attrs_size = sizeof(combined_attrs), .attrs_tf = combined_attrs_tf, .infer = combined_infer, .eval = combined_eval,
};
