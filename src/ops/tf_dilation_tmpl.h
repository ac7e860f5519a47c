/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_dilation_tmpl.h: grey-scale dilation over elements of type T. The file that includes it defines T,
 * NAME(x) and LOWEST first.
 */

/* Output lines, counted through (batch, height); `what` gets a value, or the gradient goes to what made it. */
static void NAME(dilate)(const dilation *d, int64_t line) {
  const ufi_tf_axis *h = &d->w->a[1], *x = &d->w->a[2];
  const int64_t c = d->w->in_c, n = line / h->out, oh = line % h->out;
  int64_t h0, h1, w0, w1;
  ufi_tf_axis_taps(h, oh, &h0, &h1);
  for (int64_t ow = 0; ow < x->out; ow++) {
    ufi_tf_axis_taps(x, ow, &w0, &w1);
    for (int64_t i = 0; i < c; i++) {
      const int64_t to = (line * x->out + ow) * c + i;
      int64_t best_image = -1, best_tap = -1;
      T best = LOWEST;
      for (int64_t kh = h0; kh < h1; kh++) for (int64_t kw = w0; kw < w1; kw++) {
        const int64_t ih = oh * h->stride - h->before + kh * h->dilation, iw = ow * x->stride - x->before + kw * x->dilation;
        const int64_t image = ((n * h->in + ih) * x->in + iw) * c + i, tap = (kh * x->kernel + kw) * c + i;
        const T v = ((const T *)d->image)[image] + ((const T *)d->filter)[tap];
        if (!(v > best)) continue;
        best = v;
        best_image = image;
        best_tap = tap;
      }
      if (d->what == DILATE) ((T *)d->out)[to] = best;
      else if (best_image >= 0) ((T *)d->out)[d->what == TO_IMAGE ? best_image : best_tap] += ((const T *)d->grad)[to];
    }
  }
}
