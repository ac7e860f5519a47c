/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c: runs of output pixels whose windows see the same taps.
 */
#include "ops/window.h"

void ufi_window_line(const ufi_conv_geometry *g, int64_t line, ufi_window_fn fn, void *context) {
  ufi_window_run r = {.image = line / g->out_h, .out_y = line % g->out_h};
  int64_t y = r.out_y * g->stride_h - g->pad_top;
  ufk_taps_inside(y, g->in_h, g->kernel_h, g->dilation_h, &r.tap_y, &r.rows);
  r.in_y = y + r.tap_y * g->dilation_h;
  /* Pixels [whole, end) see the whole width of the window. */
  int64_t reach = (g->kernel_w - 1) * g->dilation_w;
  int64_t whole = UFI_MIN((g->pad_left + g->stride_w - 1) / g->stride_w, g->out_w);
  int64_t room = g->in_w - 1 - reach + g->pad_left;
  int64_t end = room < 0 ? whole : UFI_MIN(room / g->stride_w + 1, g->out_w);
  for (int64_t x = 0; x < g->out_w; x += r.n) {
    int64_t at = x * g->stride_w - g->pad_left;
    r.out_x = x;
    r.n = x == whole && end > whole ? end - whole : 1;
    ufk_taps_inside(at, g->in_w, g->kernel_w, g->dilation_w, &r.tap_x, &r.cols);
    r.in_x = at + r.tap_x * g->dilation_w;
    fn(context, &r);
  }
}
