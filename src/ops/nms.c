/* SPDX-License-Identifier: Apache-2.0
 *
 * nms.c: NON_MAX_SUPPRESSION_V4 (hard) and V5 (soft, Gaussian).
 *
 * Boxes (y1, x1, y2, x2) are taken by descending score. One that overlaps a
 * box already taken by iou_threshold or more is dropped; in the soft version a
 * smaller overlap multiplies its score by exp(-iou^2 / (2 sigma)), and it goes
 * back into the queue. After Bodla et al., "Soft-NMS" (2017).
 *
 * Boxes of equal score come out of TFLite's queue in the order its heap leaves
 * them, which is part of its result. The heap here therefore makes the same
 * moves: push sifts up; pop moves the hole down to a leaf along the larger
 * children, then sifts the last entry up from there.
 */
#include <math.h>

#include "ops/move.h"
#include "ops/nms.h"

enum { BOXES, SCORES, MAX_OUT, IOU, SCORE, SIGMA };

/* ---- the queue ------------------------------------------------------------------------ */

static bool before(ufi_nms_box a, ufi_nms_box b, bool by_index) {
  return a.score < b.score || (by_index && a.score == b.score && a.index > b.index);
}

static void sift_up(ufi_nms_box *heap, int64_t hole, ufi_nms_box value, bool by_index) {
  while (hole > 0 && before(heap[(hole - 1) / 2], value, by_index)) {
    heap[hole] = heap[(hole - 1) / 2];
    hole = (hole - 1) / 2;
  }
  heap[hole] = value;
}

void ufi_nms_push(ufi_nms_box *heap, int64_t n, ufi_nms_box box, bool by_index) { sift_up(heap, n, box, by_index); }

ufi_nms_box ufi_nms_pop(ufi_nms_box *heap, int64_t *n, bool by_index) {
  ufi_nms_box top = heap[0], moved = heap[--*n];
  int64_t hole = 0, child;
  while ((child = 2 * hole + 2) < *n) {
    if (before(heap[child], heap[child - 1], by_index)) child--;
    heap[hole] = heap[child];
    hole = child;
  }
  if (child == *n) { /* a last parent with one child */
    heap[hole] = heap[child - 1];
    hole = child - 1;
  }
  if (*n > 0) sift_up(heap, hole, moved, by_index);
  return top;
}

/* ---- overlap ----------------------------------------------------------------------------- */

/* Comparisons as std::min and std::max of (a, b). */
static float lesser(float a, float b) { return b < a ? b : a; }
static float greater(float a, float b) { return a < b ? b : a; }

float ufi_nms_overlap(const float *a, const float *b) {
  float ay0 = lesser(a[0], a[2]), ay1 = greater(a[0], a[2]), ax0 = lesser(a[1], a[3]);
  float ax1 = greater(a[1], a[3]), by0 = lesser(b[0], b[2]), by1 = greater(b[0], b[2]);
  float bx0 = lesser(b[1], b[3]), bx1 = greater(b[1], b[3]);
  float area_a = (ay1 - ay0) * (ax1 - ax0), area_b = (by1 - by0) * (bx1 - bx0);
  if (area_a <= 0 || area_b <= 0) return 0.0f;
  float height = greater(lesser(ay1, by1) - greater(ay0, by0), 0.0f);
  float width = greater(lesser(ax1, bx1) - greater(ax0, bx0), 0.0f);
  float both = height * width;
  return both / (area_a + area_b - both);
}

/* ---- the op ---------------------------------------------------------------------------------- */

static uf_status check_sigma(ufi_ctx *ctx) {
  const float sigma = *(const float *)ctx->in[SIGMA]->data;
  if (!(sigma < 0.0f)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sigma of 0 or more, found %g", (double)sigma);
}

static uf_status nms_infer(ufi_ctx *ctx) {
  const ufi_tensor *boxes = ctx->in[BOXES], *scores = ctx->in[SCORES];
  bool soft = ctx->n_in > SIGMA;
  int64_t most;
  for (int32_t i = 0; i < ctx->n_in; i++) {
    if (i == MAX_OUT) UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INVALID));
    else UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_INVALID));
    if (i >= MAX_OUT) UFI_TRY(ufi_want_rank(ctx, ctx->in[i], 0, 0));
  }
  if (soft && ufi_known(ctx, SIGMA)) UFI_TRY(check_sigma(ctx));
  UFI_TRY(ufi_want_rank(ctx, boxes, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, scores, 1, 1));
  if (boxes->dims[1] != 4 || scores->count != boxes->dims[0] || scores->count > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes of 4 numbers and a score for each, found "
                        "%lld boxes of %lld and %lld scores", (long long)boxes->dims[0],
                        (long long)boxes->dims[1], (long long)scores->count);
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_INT32));
  UFI_TRY(ufi_out_dtype(ctx, soft ? 2 : 1, UF_INT32));
  if (soft) UFI_TRY(ufi_out_dtype(ctx, 1, UF_FLOAT32));
  UFI_TRY(ufi_out_shape(ctx, soft ? 2 : 1, 0, NULL));
  if (!ufi_known(ctx, MAX_OUT)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[MAX_OUT], 1, &most));
  if (most < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 0 or more as the largest output size, found %lld",
                        (long long)most);
  UFI_TRY(ufi_out_shape(ctx, 0, 1, &most));
  return soft ? ufi_out_shape(ctx, 1, 1, &most) : UF_OK;
}

static uf_status nms_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)(ctx->in[SCORES]->count + 1) * sizeof(ufi_nms_box));
  return UF_OK;
}

typedef struct limits {
  float iou, score, sigma, scale;
} limits;

/* Compares c with the boxes taken since last time. False: dropped. */
static bool survives(ufi_nms_box *c, const limits *l, const float *boxes, const int32_t *taken, int32_t n) {
  for (int32_t j = n - 1; j >= c->compared; j--) {
    float iou = ufi_nms_overlap(boxes + 4 * (int64_t)c->index, boxes + 4 * (int64_t)taken[j]);
    if (iou >= l->iou) return false;
    if (l->sigma > 0.0f) c->score = c->score * expf(l->scale * iou * iou);
    if (c->score <= l->score) break;
  }
  c->compared = n;
  return true;
}

static int32_t run(const limits *l, const float *boxes, const float *scores, int64_t count, int64_t most,
                   ufi_nms_box *heap, int32_t *taken, float *taken_scores) {
  int64_t n = 0;
  int32_t found = 0;
  for (int64_t i = 0; i < count; i++)
    if (scores[i] > l->score) ufi_nms_push(heap, n++, (ufi_nms_box){(int32_t)i, scores[i], 0}, false);
  most = UFI_MIN(most, n);
  while (found < most && n > 0) {
    ufi_nms_box c = ufi_nms_pop(heap, &n, false);
    float before = c.score;
    if (!survives(&c, l, boxes, taken, found)) continue;
    if (c.score == before) {
      taken[found] = c.index;
      if (taken_scores) taken_scores[found] = c.score;
      found++;
    }
    if (c.score > l->score) ufi_nms_push(heap, n++, c, false);
  }
  return found;
}

static uf_status nms_eval(ufi_ctx *ctx) {
  bool soft = ctx->n_in > SIGMA;
  const ufi_tensor *out = ctx->out[0];
  limits l = {.iou = *(const float *)ctx->in[IOU]->data, .score = *(const float *)ctx->in[SCORE]->data};
  if (soft) {
    UFI_TRY(check_sigma(ctx));
    l.sigma = *(const float *)ctx->in[SIGMA]->data;
  }
  l.scale = l.sigma > 0.0f ? (float)(-0.5 / (double)l.sigma) : 0.0f;
  int32_t *taken = out->data;
  float *scores = soft ? ctx->out[1]->data : NULL;
  int32_t n = run(&l, ctx->in[BOXES]->data, ctx->in[SCORES]->data, ctx->in[SCORES]->count, out->count,
                  ctx->scratch, taken, scores);
  for (int64_t i = n; i < out->count; i++) {
    taken[i] = 0;
    if (soft) scores[i] = 0.0f;
  }
  *(int32_t *)ctx->out[soft ? 2 : 1]->data = n;
  return UF_OK;
}

const ufi_op_def ufi_op_NON_MAX_SUPPRESSION_V4 = {
  .infer = nms_infer, .prepare = nms_prepare, .eval = nms_eval,
};
const ufi_op_def ufi_op_NON_MAX_SUPPRESSION_V5 = {
  .infer = nms_infer, .prepare = nms_prepare, .eval = nms_eval,
};
