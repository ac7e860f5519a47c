/* SPDX-License-Identifier: Apache-2.0
 *
 * qdepthwise_scalar.c: the kernels of qdepthwise.h in portable C: the reference
 * of the faster sets. Entries are two int16, as for AVX2. Sums are unsigned
 * inside, where wrapping is defined.
 */
#include "kernels/qdepthwise.h"

#include "kernels/requant.h"
#include "kernels/qpool_tmpl.h"

enum { BLOCK = 8 };

#define ZIP(type, name)                                                                            \
  static void name(const ufk_q_line *lines, size_t groups, size_t width, size_t n, void *to) {     \
    int16_t *entry = to;                                                                           \
    for (size_t x = 0; x < width; x++) {                                                           \
      for (size_t g = 0; g < groups; g++, entry += 2 * BLOCK) {                                    \
        const type *p = (const type *)(lines[2 * g].at + x * lines[2 * g].step);                   \
        const type *q = (const type *)(lines[2 * g + 1].at + x * lines[2 * g + 1].step);           \
        for (size_t c = 0; c < n; c++) entry[2 * c] = p[c], entry[2 * c + 1] = q[c];               \
      }                                                                                            \
    }                                                                                              \
  }
ZIP(int8_t, zip_s8)
ZIP(uint8_t, zip_u8)

static void add_entries(uint32_t *sum, const int16_t *x, const int16_t *w) {
  for (size_t c = 0; c < BLOCK; c++) {
    sum[c] += (uint32_t)(x[2 * c] * w[2 * c]) + (uint32_t)(x[2 * c + 1] * w[2 * c + 1]);
  }
}

static void sum_pixel(const ufk_q_depthwise *d, size_t x, int32_t sum[BLOCK]) {
  const int16_t *w = d->w;
  uint32_t total[BLOCK];
  memcpy(total, d->bias, sizeof total);
  for (size_t j = 0; j < d->kernel_w; j++) {
    const int16_t *in = (const int16_t *)d->in + (x * d->stride + j * d->dilation) * d->groups * 2 * BLOCK;
    for (size_t g = 0; g < d->groups; g++, in += 2 * BLOCK, w += 2 * BLOCK) add_entries(total, in, w);
  }
  memcpy(sum, total, sizeof total);
}

#define DEPTHWISE(type, name)                                                                      \
  static void name(const ufk_q_depthwise *d, const ufk_q_scale *s, void *out, size_t out_step) {   \
    int32_t sum[BLOCK];                                                                            \
    for (size_t x = 0; x < d->width; x++) {                                                        \
      type *to = (type *)out + x * out_step;                                                       \
      sum_pixel(d, x, sum);                                                                        \
      for (size_t c = 0; c < d->n; c++) {                                                          \
        const int32_t y = ufk_requantize(sum[c], s->multiplier[c], s->shift[c]);                   \
        to[c] = (type)(ufk_clamp(y, s->min - s->zero, s->max - s->zero) + s->zero);                \
      }                                                                                            \
    }                                                                                              \
  }
DEPTHWISE(int8_t, depthwise_s8)
DEPTHWISE(uint8_t, depthwise_u8)

static void depthwise_float(const ufk_q_depthwise *d, const ufk_q_float *s, float *out, size_t out_step) {
  int32_t sum[BLOCK];
  for (size_t x = 0; x < d->width; x++, out += out_step) {
    sum_pixel(d, x, sum);
    for (size_t c = 0; c < d->n; c++) {
      float y = (float)sum[c] * (s->row[0] * s->column[c]);
      if (s->bias) y += s->bias[c];
      y = y < s->min ? s->min : y;
      out[c] = y > s->max ? s->max : y;
    }
  }
}

void ufk_qdepthwise_scalar(ufk_qdepthwise_table *table) {
  *table = (ufk_qdepthwise_table){
      .q_block = BLOCK, .narrow_taps = 2,
      .zip_narrow = zip_s8, .narrow_s8 = depthwise_s8, .narrow_float = depthwise_float,
      .zip_wide = zip_u8, .wide_u8 = depthwise_u8};
  set_pools(table);
}
