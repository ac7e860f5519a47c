/* SPDX-License-Identifier: Apache-2.0
 *
 * nms.h: the queue of boxes by score and the overlap of two boxes, which TFLite's and TensorFlow's
 * ops share.
 */
#ifndef UFI_NMS_H
#define UFI_NMS_H

#include "ops/op.h"

typedef struct ufi_nms_box {
  int32_t index;
  float score;
  int32_t compared;      /* boxes taken that it was compared with */
} ufi_nms_box;

/* A heap of n boxes. by_index: of equal scores the lower index comes first; else the order is
 * what the moves of the heap make of it. */
void ufi_nms_push(ufi_nms_box *heap, int64_t n, ufi_nms_box box, bool by_index);
ufi_nms_box ufi_nms_pop(ufi_nms_box *heap, int64_t *n, bool by_index);
/* Intersection over union of (y, x, y, x). */
float ufi_nms_overlap(const float *a, const float *b);

#endif
