/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_pool_tmpl.h: pools of volumes and their gradients as plain loops over elements of type T,
 * channels last. The file that includes it defines T, NAME(x) and LOWEST first.
 */

/* What one output position sees: f(tap's pixel). */
#define EACH_TAP(w, n, od, oh, ow, pixel, ...)                                                          \
  do {                                                                                                  \
    const ufi_tf_axis *d_ = &(w)->a[0], *h_ = &(w)->a[1], *x_ = &(w)->a[2];                             \
    int64_t d0_, d1_, h0_, h1_, x0_, x1_;                                                               \
    ufi_tf_axis_taps(d_, od, &d0_, &d1_);                                                               \
    ufi_tf_axis_taps(h_, oh, &h0_, &h1_);                                                               \
    ufi_tf_axis_taps(x_, ow, &x0_, &x1_);                                                               \
    for (int64_t kd_ = d0_; kd_ < d1_; kd_++)                                                           \
      for (int64_t kh_ = h0_; kh_ < h1_; kh_++)                                                         \
        for (int64_t kx_ = x0_; kx_ < x1_; kx_++) {                                                     \
          const int64_t pixel = (((n) * d_->in + (od) * d_->stride - d_->before + kd_) * h_->in +       \
                                 (oh) * h_->stride - h_->before + kh_) * x_->in +                       \
                                (ow) * x_->stride - x_->before + kx_;                                   \
          __VA_ARGS__                                                                                   \
        }                                                                                               \
  } while (0)

/* Output pixels, counted through (batch, depth, height, width). */
static void NAME(pool)(void *context, size_t begin, size_t end) {
  const pool_loop *p = context;
  const ufi_tf_window *w = p->w;
  const int64_t c = w->in_c;
  for (int64_t at = (int64_t)begin; at < (int64_t)end; at++) {
    const int64_t ow = at % w->a[2].out, oh = at / w->a[2].out % w->a[1].out;
    const int64_t rest = at / w->a[2].out / w->a[1].out, od = rest % w->a[0].out, n = rest / w->a[0].out;
    T *out = (T *)p->out + at * c;
    int64_t *arg = p->arg ? p->arg + at * c : NULL, count = 0;
    for (int64_t i = 0; i < c; i++) out[i] = p->max ? LOWEST : 0;
    for (int64_t i = 0; arg && i < c; i++) arg[i] = -1;
    EACH_TAP(w, n, od, oh, ow, pixel, {
      const T *x = (const T *)p->x + pixel * c;
      count++;
      for (int64_t i = 0; i < c && !p->max; i++) out[i] += x[i];
      for (int64_t i = 0; i < c && p->round; i++) out[i] = (T)p->round((float)out[i]);
      for (int64_t i = 0; i < c && p->max; i++) {
        if (!(x[i] > out[i] || (arg && arg[i] < 0))) continue;
        out[i] = x[i];
        if (arg) arg[i] = pixel * c + i;
      }
    });
    for (int64_t i = 0; i < c && !p->max && count > 0; i++) out[i] /= (T)count;
  }
}

/* Maxima of `window` channels side by side. */
static void NAME(pool_channels)(const pool_loop *p, int64_t n, int64_t window) {
  for (int64_t at = 0; at < n; at++) {
    const T *x = (const T *)p->x + at * window;
    T best = x[0];
    for (int64_t i = 1; i < window; i++) best = x[i] > best ? x[i] : best;
    ((T *)p->out)[at] = best;
  }
}

/* What output pixel `at` gives to the image of a maximum: to the first of the largest, or with
 * `ties` to all of them. */
static void NAME(give_max)(const pool_loop *p, int64_t n, int64_t od, int64_t oh, int64_t ow, const T *grad) {
  const ufi_tf_window *w = p->w;
  const int64_t c = w->in_c;
  for (int64_t i = 0; i < c; i++) {
    T best = LOWEST;
    int64_t arg = -1;
    EACH_TAP(w, n, od, oh, ow, pixel, {
      const T v = ((const T *)p->x)[pixel * c + i];
      if (arg < 0 || v > best) {
        best = v;
        arg = pixel;
      }
    });
    if (arg < 0) continue;
    if (!p->ties) {
      ((T *)p->out)[arg * c + i] += grad[i];
      continue;
    }
    EACH_TAP(w, n, od, oh, ow, pixel, {
      if (((const T *)p->x)[pixel * c + i] == best) ((T *)p->out)[pixel * c + i] += grad[i];
    });
  }
}

static void NAME(give_mean)(const pool_loop *p, int64_t n, int64_t od, int64_t oh, int64_t ow, const T *grad) {
  const int64_t c = p->w->in_c;
  int64_t count = 0;
  EACH_TAP(p->w, n, od, oh, ow, pixel, { count += pixel >= 0; });
  EACH_TAP(p->w, n, od, oh, ow, pixel, {
    T *x = (T *)p->out + pixel * c;
    for (int64_t i = 0; i < c; i++) x[i] += grad[i] / (T)count;
  });
}

/* Images of the batch. */
static void NAME(pool_grad)(void *context, size_t begin, size_t end) {
  const pool_loop *p = context;
  const ufi_tf_window *w = p->w;
  const int64_t image = w->a[0].in * w->a[1].in * w->a[2].in * w->in_c;
  for (int64_t n = (int64_t)begin; n < (int64_t)end; n++) {
    const T *grad = (const T *)p->grad + n * w->a[0].out * w->a[1].out * w->a[2].out * w->in_c;
    memset((T *)p->out + n * image, 0, (size_t)image * sizeof(T));
    for (int64_t od = 0; od < w->a[0].out; od++)
      for (int64_t oh = 0; oh < w->a[1].out; oh++)
        for (int64_t ow = 0; ow < w->a[2].out; ow++, grad += w->in_c) {
          if (p->max) NAME(give_max)(p, n, od, oh, ow, grad);
          else NAME(give_mean)(p, n, od, oh, ow, grad);
        }
  }
}
#undef EACH_TAP
