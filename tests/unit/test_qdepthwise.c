/* SPDX-License-Identifier: Apache-2.0
 *
 * test_qdepthwise.c: every kernel of qdepthwise.h of every instruction set this
 * processor has, against plain loops: equal results at odd sizes and with the
 * most extreme values, in memory that ends where a page that may not be touched
 * begins.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "each_isa.h"
#include "guarded.h"
#include "kernels/requant.h"

/* ---- depthwise and pools -------------------------------------------------------- */

/* A line of output of n channels; the image's lines lie in guarded memory each for itself. */
typedef struct window {
  const ufk_qdepthwise_table *k;
  bool narrow;
  size_t taps, groups, kernel_w, stride, dilation, width, columns, n;
  ufk_q_line lines[64];
  guarded memory[64];
  guarded zipped, w, bias;
} window;

static window make_window(const ufk_qdepthwise_table *k, bool narrow) {
  window t = {.k = k, .narrow = narrow, .taps = narrow ? k->narrow_taps : 2, .groups = 1 + below(3),
              .kernel_w = below(2) ? 3 : 1 + below(6), .stride = 1 + below(3), .dilation = 1 + below(2),
              .width = 1 + below(12), .n = below(2) ? k->q_block : 1 + below(k->q_block)};
  if (below(3) == 0) t.kernel_w = 5, t.groups = (5 + t.taps - 1) / t.taps;
  if (below(3) == 0) t.kernel_w = 3, t.groups = (3 + t.taps - 1) / t.taps;
  t.columns = (t.width - 1) * t.stride + (t.kernel_w - 1) * t.dilation + 1;
  for (size_t i = 0; i < t.groups * t.taps; i++) {
    const size_t step = below(4) ? t.n + below(9) : 0;
    t.memory[i] = guard_bytes((t.columns - 1) * step + t.n);
    t.lines[i] = (ufk_q_line){t.memory[i].data, step};
  }
  const size_t entries = t.kernel_w * t.groups * k->q_block;
  t.zipped = guard(t.columns * t.groups * k->q_block * 4);
  t.w = t.taps == 4 ? guard_bytes(entries * 4) : guard_shorts(entries * 2, narrow ? 128 : 255);
  t.bias = guard_ints(k->q_block);
  return t;
}

static void free_window(window *t) {
  for (size_t i = 0; i < t->groups * t->taps; i++) unguard(&t->memory[i]);
  unguard(&t->zipped), unguard(&t->w), unguard(&t->bias);
}

static int32_t expected_sum(const window *t, size_t x, size_t c) {
  uint32_t sum = (uint32_t)((int32_t *)t->bias.data)[c];
  for (size_t j = 0; j < t->kernel_w; j++) {
    const size_t column = x * t->stride + j * t->dilation;
    for (size_t i = 0; i < t->groups * t->taps; i++) {
      const uint8_t byte = t->lines[i].at[column * t->lines[i].step + c];
      const int32_t value = t->narrow ? (int8_t)byte + t->k->narrow_offset : byte;
      const size_t at = (((j * t->groups + i / t->taps) * t->k->q_block) + c) * t->taps + i % t->taps;
      const int32_t w = t->taps == 4 ? ((int8_t *)t->w.data)[at] : ((int16_t *)t->w.data)[at];
      sum += (uint32_t)(value * w);
    }
  }
  return (int32_t)sum;
}

typedef struct scale_memory {
  guarded multiplier, shift, factor, nudge;
} scale_memory;

/* Shifts to the right only, which have faster ways, or any. */
static scale_memory make_scale(ufk_q_scale *s, size_t n, bool narrow) {
  scale_memory m = {guard(n * 4), guard(n * 4), guard(n * 4), guard(n * 4)};
  const bool any = below(3) == 0;
  for (size_t c = 0; c < n; c++) {
    ((int32_t *)m.multiplier.data)[c] = below(9) ? (1 << 30) + (int32_t)below(1 << 30) : 0;
    ((int32_t *)m.shift.data)[c] = any ? (int32_t)below(50) - 31 : below(9) ? -1 - (int32_t)below(12) : -31;
    const int32_t right = ((int32_t *)m.shift.data)[c];
    ((float *)m.factor.data)[c] = (float)ldexp(((int32_t *)m.multiplier.data)[c], right - 31);
    ((float *)m.nudge.data)[c] = ldexpf(0.5f, right);
  }
  const int32_t lowest = narrow ? -128 : 0;
  *s = (ufk_q_scale){.multiplier = m.multiplier.data, .shift = m.shift.data, .zero = lowest + (int32_t)below(256),
                     .min = lowest + (int32_t)below(40), .max = lowest + 255 - (int32_t)below(40)};
  if (!any && below(2)) s->factor = m.factor.data, s->nudge = m.nudge.data;
  return m;
}

/* Biases that bring a sum of each channel to where its output is a half, or next to it: which side it is on
 * is more than float32 can tell. */
static void bring_to_halves(window *t, scale_memory *m) {
  for (size_t c = 0; c < t->n; c++) {
    const int32_t right = 12 + (int32_t)below(12), multiplier = ((int32_t *)m->multiplier.data)[c];
    const double real = ldexp(multiplier, -31 - right), half = (double)below(256) - 127.5;
    ((int32_t *)m->shift.data)[c] = -right;
    ((float *)m->factor.data)[c] = (float)real;
    ((float *)m->nudge.data)[c] = ldexpf(0.5f, -right);
    if (real == 0.0) continue;
    const int32_t sum = (int32_t)fmax(fmin(half / real, 2e9), -2e9) + (int32_t)below(3) - 1;
    int32_t *bias = (int32_t *)t->bias.data + c;
    *bias = (int32_t)((uint32_t)*bias + (uint32_t)sum - (uint32_t)expected_sum(t, below(t->width), c));
  }
}

static void check_depthwise(const ufk_qdepthwise_table *k, bool narrow) {
  window t = make_window(k, narrow);
  ufk_q_scale s;
  scale_memory m = make_scale(&s, k->q_block, narrow);
  if (s.factor && below(2)) bring_to_halves(&t, &m);
  const size_t step = t.n + below(5);
  guarded out = guard((t.width - 1) * step + t.n);
  (narrow ? k->zip_narrow : k->zip_wide)(t.lines, t.groups, t.columns, t.n, t.zipped.data);
  const ufk_q_depthwise d = {t.width, t.stride, t.dilation, t.kernel_w, t.groups, t.n,
                             t.zipped.data, t.w.data, t.bias.data};
  (narrow ? k->narrow_s8 : k->wide_u8)(&d, &s, out.data, step);
  for (size_t i = 0; i < t.width * t.n; i++) {
    const size_t x = i / t.n, c = i % t.n;
    const int32_t y = ufk_requantize(expected_sum(&t, x, c), s.multiplier[c], s.shift[c]);
    const int64_t expected = UFI_MIN(UFI_MAX((int64_t)y + s.zero, s.min), s.max);
    const uint8_t *at = (const uint8_t *)out.data + x * step + c;
    assert_int_equal(expected, narrow ? (int8_t)*at : *at);
  }
  free_window(&t);
  unguard(&m.multiplier), unguard(&m.shift), unguard(&m.factor), unguard(&m.nudge), unguard(&out);
}

static void check_depthwise_float(const ufk_qdepthwise_table *k) {
  window t = make_window(k, true);
  guarded column = guard(k->q_block * 4), bias = guard(k->q_block * 4);
  const size_t step = t.n + below(5);
  guarded out = guard(((t.width - 1) * step + t.n) * 4);
  float row = 1.0f / (float)(1 + below(77)), *scales = column.data, *b = bias.data;
  for (size_t c = 0; c < k->q_block; c++) scales[c] = (float)below(1000) / 777.0f, b[c] = (float)below(99) - 50;
  const ufk_q_float s = {scales, below(2) ? b : NULL, &row, false, below(2) ? 0 : -INFINITY, INFINITY};
  k->zip_narrow(t.lines, t.groups, t.columns, t.n, t.zipped.data);
  const ufk_q_depthwise d = {t.width, t.stride, t.dilation, t.kernel_w, t.groups, t.n,
                             t.zipped.data, t.w.data, t.bias.data};
  k->narrow_float(&d, &s, out.data, step);
  for (size_t i = 0; i < t.width * t.n; i++) {
    const size_t x = i / t.n, c = i % t.n;
    volatile float scale = row * scales[c], y = (float)expected_sum(&t, x, c) * scale;
    if (s.bias) y = y + b[c];
    assert_true((y < s.min ? s.min : y) == ((float *)out.data)[x * step + c]);
  }
  free_window(&t);
  unguard(&column), unguard(&bias), unguard(&out);
}

/* ---- 3x3 in registers ------------------------------------------------------------ */

/* Lines of the image end where memory does, so that no channel behind the last one may be read. */
typedef struct lines3 {
  ufk_q_window3 d;
  guarded memory[4], w, bias;
  size_t blocks;
} lines3;

static lines3 make_lines3(const ufk_qdepthwise_table *k) {
  lines3 t = {.d = {.in_w = below(30), .before = below(4), .channels = 1 + below(60), .stride = 1 + below(2), .out_w = 1 + below(25),
                    .zero = (int8_t)((int)below(256) - 128)}};
  ufk_q_window3 *d = &t.d;
  d->out_lines = d->stride == 1 ? 1 + below(2) : 1;
  t.blocks = (d->channels + k->q_block - 1) / k->q_block;
  d->first = below(2) ? 0 : below(t.blocks) * k->q_block;
  d->end = below(2) ? d->channels : d->first + 1 + below(d->channels - d->first);
  for (size_t i = 0; i < 4; i++) {
    t.memory[i] = guard_bytes(d->in_w * d->channels);
    if (below(5)) d->lines[i] = t.memory[i].data;
  }
  t.w = guard_bytes(d->out_lines * t.blocks * 3 * k->q_block * 4);
  t.bias = guard_ints(t.blocks * k->q_block);
  d->w = t.w.data;
  d->bias = t.bias.data;
  return t;
}

static void free_lines3(lines3 *t) {
  for (size_t i = 0; i < 4; i++) unguard(&t->memory[i]);
  unguard(&t->w), unguard(&t->bias);
}

static int32_t expected_sum3(const ufk_qdepthwise_table *k, const lines3 *t, size_t y, size_t x, size_t c) {
  const ufk_q_window3 *d = &t->d;
  uint32_t sum = (uint32_t)d->bias[c];
  for (size_t j = 0; j < 3; j++) {
    const size_t column = x * d->stride + j - d->before;
    for (size_t i = 0; i < 4; i++) {
      const bool inside = d->lines[i] && column < d->in_w;
      const int32_t value = inside ? (int8_t)d->lines[i][column * d->channels + c] : d->zero;
      const size_t at = ((((y * t->blocks + c / k->q_block) * 3 + j) * k->q_block) + c % k->q_block) * 4 + i;
      sum += (uint32_t)((value + k->narrow_offset) * ((const int8_t *)d->w)[at]);
    }
  }
  return (int32_t)sum;
}

static void check_window3(const ufk_qdepthwise_table *k) {
  lines3 t = make_lines3(k);
  const ufk_q_window3 *d = &t.d;
  ufk_q_scale s;
  scale_memory m = make_scale(&s, t.blocks * k->q_block, true);
  const size_t count = d->out_lines * d->out_w * d->channels;
  guarded out = guard(count);
  memset(out.data, 77, count);
  k->window3_s8(d, &s, out.data);
  for (size_t i = 0; i < count; i++) {
    const size_t c = i % d->channels, x = i / d->channels % d->out_w, y = i / d->channels / d->out_w;
    int64_t expected = 77; /* what is not wanted is not touched */
    if (c >= d->first && c < d->end) {
      const int32_t sum = ufk_requantize(expected_sum3(k, &t, y, x, c), s.multiplier[c], s.shift[c]);
      expected = UFI_MIN(UFI_MAX((int64_t)sum + s.zero, s.min), s.max);
    }
    assert_int_equal(expected, ((int8_t *)out.data)[i]);
  }
  free_lines3(&t);
  unguard(&m.multiplier), unguard(&m.shift), unguard(&m.factor), unguard(&m.nudge), unguard(&out);
}

static void check_window3_float(const ufk_qdepthwise_table *k) {
  lines3 t = make_lines3(k);
  const ufk_q_window3 *d = &t.d;
  const size_t count = d->out_lines * d->out_w * d->channels, padded = t.blocks * k->q_block;
  guarded column = guard(padded * 4), bias = guard(padded * 4), out = guard(count * 4);
  float row = 1.0f / (float)(1 + below(77)), *scales = column.data, *b = bias.data;
  for (size_t c = 0; c < padded; c++) scales[c] = (float)below(1000) / 777.0f, b[c] = (float)below(99) - 50;
  const ufk_q_float s = {scales, below(2) ? b : NULL, &row, false, below(2) ? 0 : -INFINITY, INFINITY};
  for (size_t i = 0; i < count; i++) out.floats[i] = 77.0f;
  k->window3_float(d, &s, out.floats);
  for (size_t i = 0; i < count; i++) {
    const size_t c = i % d->channels, x = i / d->channels % d->out_w, y = i / d->channels / d->out_w;
    volatile float scale = row * scales[c], value = (float)expected_sum3(k, &t, y, x, c) * scale;
    if (s.bias) value = value + b[c];
    const float expected = c < d->first || c >= d->end ? 77.0f : value < s.min ? s.min : value;
    assert_true(expected == out.floats[i]);
  }
  free_lines3(&t);
  unguard(&column), unguard(&bias), unguard(&out);
}

static int32_t element_of(const void *p, size_t at, int type) {
  return type == 0 ? ((const int8_t *)p)[at] : type == 1 ? ((const uint8_t *)p)[at] : ((const int16_t *)p)[at];
}

static void check_pool(const ufk_qdepthwise_table *k, size_t taps, size_t channels, int type) {
  ufk_q_pool_fn fn[2][3] = {{k->max_s8, k->max_u8, k->max_s16},
                            {k->average_s8, k->average_u8, k->average_s16}};
  const size_t bytes = type == 2 ? 2 : 1, windows = 1 + below(5), step = below(3) * channels;
  guarded in[8], out = guard(windows * channels * bytes);
  const void *from[32];
  for (size_t t = 0; t < 8; t++) in[t] = guard_bytes(((windows - 1) * step + channels) * bytes);
  for (size_t t = 0; t < taps; t++) from[t] = in[t % 8].data;
  const ufk_q_pool p = {taps, windows, channels, step, from, type == 0 ? -100 : 2, 125};
  for (int average = 0; average < 2; average++) {
    fn[average][type](&p, out.data);
    for (size_t i = 0; i < windows * channels; i++) {
      int32_t best = INT32_MIN, sum = 0;
      for (size_t t = 0; t < taps; t++) {
        const int32_t x = element_of(from[t], i / channels * step + i % channels, type);
        best = UFI_MAX(best, x);
        sum += x;
      }
      const int32_t mean = (int32_t)round((double)sum / (double)taps);
      assert_int_equal(ufk_clamp(average ? mean : best, p.min, p.max), element_of(out.data, i, type));
    }
  }
  for (size_t t = 0; t < 8; t++) unguard(&in[t]);
  unguard(&out);
}

/* ---- all sets ---------------------------------------------------------------------------- */

static void check_kernels(const ufi_kernels *kernels) {
  const ufk_qdepthwise_table *k = &kernels->qdepthwise;
  for (int i = 0; i < 600; i++) check_depthwise(k, i % 2);
  for (int i = 0; i < 200; i++) check_depthwise_float(k);
  for (int i = 0; i < 2000 && k->window3_s8; i++) check_window3(k);
  for (int i = 0; i < 500 && k->window3_s8; i++) check_window3_float(k);
  for (size_t channels = 1; channels < 150; channels += 1 + below(5)) {
    check_pool(k, 1 + below(20), channels, (int)below(3));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH_ISA,
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
