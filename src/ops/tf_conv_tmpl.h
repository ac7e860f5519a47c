/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_conv_tmpl.h: convolutions of volumes and their two gradients as plain loops over elements of
 * type T, channels last, for what the float32 product (gemm_f32.h) does not cover. The file that
 * includes it defines T and NAME(x) first.
 *
 * Filters are (d, h, w, in_c / groups, out_c); group g reads input channels [g * ic, (g + 1) * ic)
 * and columns [g * oc, (g + 1) * oc). A depthwise filter (h, w, in_c, m) is one of in_c groups.
 */

/* out[j] += x * row[j] for every input channel of a pixel. */
static void NAME(add_pixel)(const ufi_tf_window *w, const T *x, const T *filter, T *out) {
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  for (int64_t g = 0; g < w->groups; g++, out += oc, x += ic) {
    for (int64_t i = 0; i < ic; i++) {
      const T v = x[i], *row = filter + i * w->out_c + g * oc;
      for (int64_t j = 0; j < oc; j++) out[j] += v * row[j];
    }
  }
}

/* Lines of output, counted through (batch, depth, height). */
static __attribute__((unused)) void NAME(forward)(void *context, size_t begin, size_t end) {
  const conv_loop *c = context;
  const ufi_tf_window *w = c->w;
  const ufi_tf_axis *d = &w->a[0], *h = &w->a[1], *x = &w->a[2];
  const int64_t tap = w->in_c / w->groups * w->out_c;
  for (int64_t line = (int64_t)begin; line < (int64_t)end; line++) {
    const int64_t oh = line % h->out, od = line / h->out % d->out, n = line / h->out / d->out;
    T *out = (T *)c->out + line * x->out * w->out_c;
    memset(out, 0, (size_t)(x->out * w->out_c) * sizeof(T));
    int64_t d0, d1, h0, h1, w0, w1;
    ufi_tf_axis_taps(d, od, &d0, &d1);
    ufi_tf_axis_taps(h, oh, &h0, &h1);
    for (int64_t kd = d0; kd < d1; kd++) for (int64_t kh = h0; kh < h1; kh++) {
      const int64_t id = od * d->stride - d->before + kd * d->dilation, ih = oh * h->stride - h->before + kh * h->dilation;
      const T *in = (const T *)c->image + ((n * d->in + id) * h->in + ih) * x->in * w->in_c;
      const T *filter = (const T *)c->filter + (kd * h->kernel + kh) * x->kernel * tap;
      for (int64_t ow = 0; ow < x->out; ow++) {
        ufi_tf_axis_taps(x, ow, &w0, &w1);
        for (int64_t kw = w0; kw < w1; kw++)
          NAME(add_pixel)(w, in + (ow * x->stride - x->before + kw * x->dilation) * w->in_c, filter + kw * tap,
                          out + ow * w->out_c);
      }
    }
  }
}

/* What a pixel of the output's gradient gives to a pixel of the image's. */
static void NAME(add_back)(const ufi_tf_window *w, const T *grad, const T *filter, T *x) {
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  for (int64_t g = 0; g < w->groups; g++, grad += oc, x += ic) {
    for (int64_t i = 0; i < ic; i++) {
      const T *row = filter + i * w->out_c + g * oc;
      T sum = 0;
      for (int64_t j = 0; j < oc; j++) sum += grad[j] * row[j];
      x[i] += sum;
    }
  }
}

/* Lines of the image, counted likewise. */
static void NAME(input_grad)(void *context, size_t begin, size_t end) {
  const conv_loop *c = context;
  const ufi_tf_window *w = c->w;
  const ufi_tf_axis *d = &w->a[0], *h = &w->a[1], *x = &w->a[2];
  const int64_t tap = w->in_c / w->groups * w->out_c;
  for (int64_t line = (int64_t)begin; line < (int64_t)end; line++) {
    const int64_t ih = line % h->in, id = line / h->in % d->in, n = line / h->in / d->in;
    T *out = (T *)c->out + line * x->in * w->in_c;
    memset(out, 0, (size_t)(x->in * w->in_c) * sizeof(T));
    for (int64_t kd = 0; kd < d->kernel; kd++) for (int64_t kh = 0; kh < h->kernel; kh++) {
      const int64_t od = output_of(d, id, kd), oh = output_of(h, ih, kh);
      if (od < 0 || oh < 0) continue;
      const T *grad = (const T *)c->grad + ((n * d->out + od) * h->out + oh) * x->out * w->out_c;
      const T *filter = (const T *)c->filter + (kd * h->kernel + kh) * x->kernel * tap;
      for (int64_t iw = 0; iw < x->in; iw++) for (int64_t kw = 0; kw < x->kernel; kw++) {
        const int64_t ow = output_of(x, iw, kw);
        if (ow >= 0) NAME(add_back)(w, grad + ow * w->out_c, filter + kw * tap, out + iw * w->in_c);
      }
    }
  }
}

/* Channels [i0, i1) of each group of one tap, from one pixel. */
static void NAME(add_filter)(const ufi_tf_window *w, const T *x, const T *grad, int64_t i0, int64_t i1, T *filter) {
  const int64_t ic = w->in_c / w->groups, oc = w->out_c / w->groups;
  for (int64_t g = 0; g < w->groups; g++, x += ic, grad += oc) {
    for (int64_t i = i0; i < i1; i++) {
      const T v = x[i];
      T *row = filter + i * w->out_c + g * oc;
      for (int64_t j = 0; j < oc; j++) row[j] += v * grad[j];
    }
  }
}

/* Blocks of FILTER_BLOCK input channels of the taps. */
static void NAME(filter_grad)(void *context, size_t begin, size_t end) {
  const conv_loop *c = context;
  const ufi_tf_window *w = c->w;
  const ufi_tf_axis *d = &w->a[0], *h = &w->a[1], *x = &w->a[2];
  const int64_t ic = w->in_c / w->groups, blocks = (ic + FILTER_BLOCK - 1) / FILTER_BLOCK;
  for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
    const int64_t i0 = item % blocks * FILTER_BLOCK, i1 = UFI_MIN(i0 + FILTER_BLOCK, ic), tap = item / blocks;
    const int64_t kw = tap % x->kernel, kh = tap / x->kernel % h->kernel, kd = tap / x->kernel / h->kernel;
    T *filter = (T *)c->out + tap * ic * w->out_c;
    memset(filter + i0 * w->out_c, 0, (size_t)((i1 - i0) * w->out_c) * sizeof(T));
    for (int64_t pixel = 0; pixel < w->batch * d->out * h->out * x->out; pixel++) {
      int64_t rest = pixel;
      const int64_t iw = rest % x->out * x->stride - x->before + kw * x->dilation;
      rest /= x->out;
      const int64_t ih = rest % h->out * h->stride - h->before + kh * h->dilation;
      rest /= h->out;
      const int64_t id = rest % d->out * d->stride - d->before + kd * d->dilation, n = rest / d->out;
      if (iw < 0 || iw >= x->in || ih < 0 || ih >= h->in || id < 0 || id >= d->in) continue;
      NAME(add_filter)(w, (const T *)c->image + (((n * d->in + id) * h->in + ih) * x->in + iw) * w->in_c,
                       (const T *)c->grad + pixel * w->out_c, i0, i1, filter);
    }
  }
}
