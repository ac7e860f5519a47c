/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h: walks over a line of output pixels of a depthwise convolution or a
 * pool, in runs of pixels that see the same taps: those whose window lies
 * between the left and the right border in one run, the others one by one.
 * Taps outside the image are left out, so nothing needs padding.
 */
#ifndef UFI_OPS_WINDOW_H
#define UFI_OPS_WINDOW_H

#include "ops/conv.h"

typedef struct ufi_window_run {
  int64_t image;          /* of the batch */
  int64_t out_y, out_x;   /* the first output pixel */
  int64_t n;              /* pixels, side by side */
  int64_t in_y, in_x;     /* input pixel under the first tap; undefined when there is none */
  int64_t tap_y, tap_x;   /* the first tap inside the image */
  int64_t rows, cols;     /* taps inside the image; either may be 0 */
} ufi_window_run;

typedef void (*ufi_window_fn)(void *context, const ufi_window_run *run);

/* Calls fn for every run of a line; lines count through batch * out_h. */
void ufi_window_line(const ufi_conv_geometry *g, int64_t line, ufi_window_fn fn, void *context);

#endif
