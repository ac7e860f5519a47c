/* SPDX-License-Identifier: Apache-2.0
 *
 * detection.c: TFLite_Detection_PostProcess, the custom op at the end of object
 * detectors: it turns box encodings and class scores into a few detections.
 *
 * Inputs: encodings (1, boxes, 4 or more) of y, x, h, w relative to an anchor,
 * scores (1, boxes, classes, with one column more in front if there is a
 * background class), anchors (boxes, 4). Outputs: boxes (1, n, 4) as ymin,
 * xmin, ymax, xmax, classes (1, n), scores (1, n), how many there are (1).
 *
 * In both versions, one class after the other or all at once, boxes are taken
 * by descending score and those that overlap one already taken by more than
 * the threshold are dropped. The "regular" version does so for each class and
 * merges the results; the "fast" one once, by each box's best class, and then
 * reports the best classes of each box. Rows of the outputs that no detection
 * fills are zero.
 */
#include <math.h>

#include "format/flexbuffer.h"
#include "ops/move.h"

enum { ENCODINGS, SCORES, ANCHORS };

typedef struct detection_attrs {
  int32_t max_detections, classes_per_box, per_class, num_classes;
  float score_threshold, iou_threshold;
  float scale[4];          /* of y, x, h, w */
  bool regular;
} detection_attrs;

static int32_t small_int(const ufi_flex *map, const char *key, int32_t fallback) {
  ufi_flex v = ufi_flex_get(map, key);
  int64_t n = ufi_flex_is_null(&v) ? fallback : ufi_flex_int(&v, -1);
  return n < 0 || n > INT32_MAX ? -1 : (int32_t)n;
}

static float number(const ufi_flex *map, const char *key) {
  ufi_flex v = ufi_flex_get(map, key);
  return (float)ufi_flex_float(&v, 0);
}

static uf_status detection_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  static const char *const scales[] = {"y_scale", "x_scale", "h_scale", "w_scale"};
  detection_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  a->max_detections = small_int(&map, "max_detections", 0);
  a->classes_per_box = small_int(&map, "max_classes_per_detection", 0);
  a->per_class = small_int(&map, "detections_per_class", 100);
  a->num_classes = small_int(&map, "num_classes", 0);
  a->regular = small_int(&map, "use_regular_nms", 0) > 0;
  a->score_threshold = number(&map, "nms_score_threshold");
  a->iou_threshold = number(&map, "nms_iou_threshold");
  for (int i = 0; i < 4; i++) a->scale[i] = number(&map, scales[i]);
  return UF_OK;
}

static uf_status check_options(ufi_ctx *ctx) {
  const detection_attrs *a = ctx->attrs;
  const int32_t least = a->regular; /* the fast version may find nothing, and has no limit for a class */
  if (a->max_detections < least || a->classes_per_box < 1 || (a->regular && a->per_class < 1) || a->num_classes < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected options max_detections, max_classes_per_detection, "
                        "detections_per_class and num_classes of 1 and more, found %d, %d, %d and %d",
                        (int)a->max_detections, (int)a->classes_per_box, (int)a->per_class, (int)a->num_classes);
  if (a->iou_threshold > 0 && a->iou_threshold <= 1) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected option nms_iou_threshold in (0, 1], found %g",
                      (double)a->iou_threshold);
}

static uf_status detection_infer(ufi_ctx *ctx) {
  const detection_attrs *a = ctx->attrs;
  UFI_TRY(check_options(ctx));
  for (int i = 0; i < 3; i++) {
    UFI_TRY(ufi_want_in(ctx, i, UF_FLOAT32, UF_UINT8, UF_INVALID));
    UFI_TRY(ufi_want_rank(ctx, ctx->in[i], i == ANCHORS ? 2 : 3, i == ANCHORS ? 2 : 3));
  }
  for (int i = 0; i < 4; i++) UFI_TRY(ufi_out_dtype(ctx, i, UF_FLOAT32));
  UFI_TRY(ufi_want_same(ctx, ctx->in[ENCODINGS], ctx->in[ANCHORS]));
  const int64_t *encodings = ctx->in[ENCODINGS]->dims, *scores = ctx->in[SCORES]->dims;
  const int64_t *anchors = ctx->in[ANCHORS]->dims;
  if (encodings[0] != 1 || scores[0] != 1 || scores[1] != encodings[1] || anchors[0] != encodings[1] ||
      encodings[2] < 4 || anchors[1] != 4 || encodings[1] > INT32_MAX)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected encodings (1, n, 4), scores (1, n, classes) and "
                        "anchors (n, 4), found (%lld, %lld, %lld), (%lld, %lld, %lld) and (%lld, %lld)",
                        (long long)encodings[0], (long long)encodings[1], (long long)encodings[2],
                        (long long)scores[0], (long long)scores[1], (long long)scores[2],
                        (long long)anchors[0], (long long)anchors[1]);
  if (scores[2] != a->num_classes && scores[2] != (int64_t)a->num_classes + 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected scores of %d classes, or of one more for the "
                        "background, found %lld", (int)a->num_classes, (long long)scores[2]);
  int64_t n = (int64_t)a->max_detections * a->classes_per_box, one = 1;
  UFI_TRY(ufi_out_shape(ctx, 0, 3, (int64_t[]){1, n, 4}));
  UFI_TRY(ufi_out_shape(ctx, 1, 2, (int64_t[]){1, n}));
  UFI_TRY(ufi_out_shape(ctx, 2, 2, (int64_t[]){1, n}));
  return ufi_out_shape(ctx, 3, 1, &one);
}

/* ---- scratch -------------------------------------------------------------------------- */

typedef struct found {
  int32_t box, class;
  float score;
} found;

typedef struct work {
  const detection_attrs *a;
  int64_t n, columns, offset;     /* boxes; columns of scores, the first of which to use */
  float *boxes;                   /* (n, 4) decoded */
  float *scores;                  /* (n, columns) */
  float *best;                    /* (n) of one class, or of the best one */
  int32_t *kept, *spare, *taken;  /* (n) */
  uint8_t *dropped;               /* (n) */
  int32_t *classes;               /* (num_classes) */
  found *found, *merged;          /* (max_detections + n) */
} work;

/* Lays the arrays out from base on (NULL: just to add up the bytes). */
static size_t lay_out(work *w, uint8_t *base) {
  size_t n = (size_t)w->n, used = 0;
#define TAKE(member, count) \
  w->member = base ? (void *)(base + used) : NULL; \
  used += ((size_t)(count) * sizeof *w->member + 63) & ~(size_t)63
  TAKE(boxes, 4 * n);
  TAKE(scores, n * (size_t)w->columns);
  TAKE(best, n);
  TAKE(kept, n);
  TAKE(spare, n);
  TAKE(taken, n);
  TAKE(dropped, n);
  TAKE(classes, w->a->num_classes);
  TAKE(found, (size_t)UFI_MIN(w->a->max_detections, w->n * w->columns) + n);
  TAKE(merged, (size_t)UFI_MIN(w->a->max_detections, w->n * w->columns) + n);
#undef TAKE
  return used;
}

static work make_work(ufi_ctx *ctx) {
  const detection_attrs *a = ctx->attrs;
  return (work){.a = a, .n = ctx->in[ENCODINGS]->dims[1], .columns = ctx->in[SCORES]->dims[2],
                .offset = ctx->in[SCORES]->dims[2] - a->num_classes};
}

static uf_status detection_prepare(ufi_ctx *ctx) {
  work w = make_work(ctx);
  ufi_want_scratch(ctx, lay_out(&w, NULL));
  return UF_OK;
}

/* ---- decoding --------------------------------------------------------------------------- */

static float value_at(const ufi_tensor *t, int64_t i) {
  if (t->dtype == UF_FLOAT32) return ((const float *)t->data)[i];
  return ((float)((const uint8_t *)t->data)[i] - (float)ufi_zero(t)) * ufi_scale(t);
}

/* In float64, rounded to float32 at the same places as TFLite. */
static void decode_box(ufi_ctx *ctx, const work *w, int64_t i) {
  const ufi_tensor *in = ctx->in[ENCODINGS];
  double code[4], anchor[4];
  for (int k = 0; k < 4; k++) {
    code[k] = (double)value_at(in, i * in->dims[2] + k) / (double)w->a->scale[k];
    anchor[k] = (double)value_at(ctx->in[ANCHORS], 4 * i + k);
  }
  float y = (float)(code[0] * anchor[2] + anchor[0]), x = (float)(code[1] * anchor[3] + anchor[1]);
  float half_h = (float)(0.5 * exp(code[2]) * anchor[2]), half_w = (float)(0.5 * exp(code[3]) * anchor[3]);
  float *box = w->boxes + 4 * i;
  box[0] = y - half_h;
  box[1] = x - half_w;
  box[2] = y + half_h;
  box[3] = x + half_w;
}

static uf_status decode(ufi_ctx *ctx, const work *w) {
  for (int64_t i = 0; i < w->n; i++) {
    const float *box = w->boxes + 4 * i;
    decode_box(ctx, w, i);
    if (box[0] > box[2] || box[1] > box[3])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected boxes of positive size, found (%g, %g, %g, %g) "
                          "from encoding %lld", (double)box[0], (double)box[1], (double)box[2],
                          (double)box[3], (long long)i);
  }
  for (int64_t i = 0; i < w->n * w->columns; i++) w->scores[i] = value_at(ctx->in[SCORES], i);
  return UF_OK;
}

/* ---- suppression --------------------------------------------------------------------------- */

static float overlap(const float *a, const float *b) {
  float area_a = (a[2] - a[0]) * (a[3] - a[1]), area_b = (b[2] - b[0]) * (b[3] - b[1]);
  if (area_a <= 0 || area_b <= 0) return 0;
  float h = UFI_MIN(a[2], b[2]) - UFI_MAX(a[0], b[0]), w = UFI_MIN(a[3], b[3]) - UFI_MAX(a[1], b[1]);
  float both = UFI_MAX(h, 0.0f) * UFI_MAX(w, 0.0f);
  return both / (area_a + area_b - both);
}

/* Stable merge sort of box indices by descending score. */
static void sort_kept(work *w, int64_t n) {
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * run) {
      int64_t i = begin, middle = UFI_MIN(begin + run, n), j = middle, end = UFI_MIN(begin + 2 * run, n);
      for (int64_t k = begin; k < end; k++) {
        bool second = i == middle || (j < end && w->best[w->kept[j]] > w->best[w->kept[i]]);
        w->spare[k] = w->kept[second ? j++ : i++];
      }
    }
    int32_t *sorted = w->spare;
    w->spare = w->kept;
    w->kept = sorted;
  }
}

/* The boxes to take by the scores in w->best, into w->taken, at most `most`. */
static int64_t suppress(work *w, int64_t most) {
  int64_t kept = 0, taken = 0;
  for (int64_t i = 0; i < w->n; i++)
    if (w->best[i] >= w->a->score_threshold) w->kept[kept++] = (int32_t)i;
  sort_kept(w, kept);
  memset(w->dropped, 0, (size_t)kept);
  for (int64_t i = 0; i < kept && taken < most; i++) {
    if (w->dropped[i]) continue;
    w->taken[taken++] = w->kept[i];
    for (int64_t j = i + 1; j < kept; j++)
      if (!w->dropped[j] && overlap(w->boxes + 4 * (int64_t)w->kept[i], w->boxes + 4 * (int64_t)w->kept[j]) >
                            w->a->iou_threshold)
        w->dropped[j] = 1;
  }
  return taken;
}

static void put(ufi_ctx *ctx, const work *w, int64_t row, int32_t box, int32_t class, float score) {
  memcpy((float *)ctx->out[0]->data + 4 * row, w->boxes + 4 * (int64_t)box, 4 * sizeof(float));
  ((float *)ctx->out[1]->data)[row] = (float)class;
  ((float *)ctx->out[2]->data)[row] = score;
}

/* ---- regular: every class by itself ----------------------------------------------------------- */

/* Merges the boxes taken for a class behind the n found so far; equal scores
 * keep the order of the classes. */
static int64_t merge_found(work *w, int64_t n, int64_t taken, int32_t class) {
  int64_t i = 0, j = 0, most = UFI_MIN(n + taken, w->a->max_detections);
  for (int64_t k = 0; k < most; k++) {
    bool second = i == n || (j < taken && w->best[w->taken[j]] > w->found[i].score);
    if (second) {
      w->merged[k] = (found){w->taken[j], class, w->best[w->taken[j]]};
      j++;
    } else {
      w->merged[k] = w->found[i++];
    }
  }
  found *result = w->merged;
  w->merged = w->found;
  w->found = result;
  return most;
}

static int64_t detect_regular(ufi_ctx *ctx, work *w) {
  int64_t n = 0;
  for (int32_t class = 0; class < w->a->num_classes; class++) {
    for (int64_t i = 0; i < w->n; i++) w->best[i] = w->scores[i * w->columns + w->offset + class];
    n = merge_found(w, n, suppress(w, UFI_MIN(w->a->per_class, w->a->max_detections)), class);
  }
  for (int64_t i = 0; i < n; i++) put(ctx, w, i, w->found[i].box, w->found[i].class, w->found[i].score);
  return n;
}

/* ---- fast: once, by the best class ---------------------------------------------------------------- */

/* The heap steps of C++'s partial_sort, since it decides the order of classes
 * with equal scores: the least of the best on top. */
static void sift(int32_t *heap, int64_t n, int64_t hole, int32_t value, const float *scores) {
  int64_t top = hole, child;
  while ((child = 2 * hole + 2) < n) {
    if (scores[heap[child]] > scores[heap[child - 1]]) child--;
    heap[hole] = heap[child];
    hole = child;
  }
  if (child == n) {
    heap[hole] = heap[child - 1];
    hole = child - 1;
  }
  while (hole > top && scores[heap[(hole - 1) / 2]] > scores[value]) {
    heap[hole] = heap[(hole - 1) / 2];
    hole = (hole - 1) / 2;
  }
  heap[hole] = value;
}

/* Puts the k best of n classes, in order, at the front of `order`. */
static void best_classes(const float *scores, int32_t n, int32_t k, int32_t *order) {
  if (k == 1) {
    order[0] = 0;
    for (int32_t i = 1; i < n; i++)
      if (scores[i] > scores[order[0]]) order[0] = i;
    return;
  }
  for (int32_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = (k - 2) / 2; i >= 0; i--) sift(order, k, i, order[i], scores);
  for (int32_t i = k; i < n; i++) {
    int32_t value = order[i];
    if (!(scores[value] > scores[order[0]])) continue;
    order[i] = order[0];
    sift(order, k, 0, value, scores);
  }
  for (int32_t i = k - 1; i > 0; i--) {
    int32_t value = order[i];
    order[i] = order[0];
    sift(order, i, 0, value, scores);
  }
}

static int64_t detect_fast(ufi_ctx *ctx, work *w) {
  int32_t classes = w->a->num_classes, k = UFI_MIN(w->a->classes_per_box, classes);
  for (int64_t i = 0; i < w->n; i++) {
    const float *scores = w->scores + i * w->columns + w->offset;
    best_classes(scores, classes, k, w->classes);
    w->best[i] = scores[w->classes[0]];
  }
  int64_t taken = suppress(w, w->a->max_detections);
  for (int64_t i = 0; i < taken; i++) {
    const float *scores = w->scores + w->taken[i] * w->columns + w->offset;
    best_classes(scores, classes, k, w->classes);
    for (int32_t c = 0; c < k; c++)
      put(ctx, w, i * w->a->classes_per_box + c, w->taken[i], w->classes[c], scores[w->classes[c]]);
  }
  return taken;
}

static uf_status detection_eval(ufi_ctx *ctx) {
  work w = make_work(ctx);
  lay_out(&w, ctx->scratch);
  UFI_TRY(decode(ctx, &w));
  for (int i = 0; i < 3; i++) memset(ctx->out[i]->data, 0, ctx->out[i]->size);
  int64_t n = w.a->regular ? detect_regular(ctx, &w) : detect_fast(ctx, &w);
  *(float *)ctx->out[3]->data = (float)n;
  return UF_OK;
}

const ufi_op_def ufi_op_DETECTION_POSTPROCESS = {
  .attrs_size = sizeof(detection_attrs), .attrs_tflite = detection_attrs_tflite, .infer = detection_infer,
  .prepare = detection_prepare, .eval = detection_eval,
};
