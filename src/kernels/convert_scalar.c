/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_scalar.c: the loops of convert.h in plain C: the reference.
 */
#include "kernels/convert_tmpl.h"

#define SCALED(T)                                                                                        \
  static void scaled_##T(const void *restrict x, size_t n, float scale, int32_t zero, float *restrict y) { \
    const T *restrict in = x;                                                                            \
    for (size_t i = 0; i < n; i++) y[i] = scale * (float)((int32_t)in[i] - zero);                        \
  }                                                                                                      \
  static void scaled_each_##T(const void *restrict x, size_t n, const float *restrict scales,            \
                              const float *restrict zeros, float *restrict y) {                          \
    const T *restrict in = x;                                                                            \
    for (size_t i = 0; i < n; i++) y[i] = scales[i] * ((float)in[i] - zeros[i]);                         \
  }
SCALED(int8_t)
SCALED(uint8_t)
SCALED(int16_t)
SCALED(uint16_t)

static void from_f16(const uint16_t *x, size_t n, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = ufi_half_to_float(x[i]);
}
static void to_f16(const float *x, size_t n, uint16_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = ufi_float_to_half(x[i]);
}

void ufk_convert_scalar(ufk_convert_table *table) {
  set_convert(table);
  table->scaled[UFK_S8] = scaled_int8_t, table->scaled[UFK_U8] = scaled_uint8_t;
  table->scaled[UFK_S16] = scaled_int16_t, table->scaled[UFK_U16] = scaled_uint16_t;
  table->scaled_each[UFK_S8] = scaled_each_int8_t, table->scaled_each[UFK_U8] = scaled_each_uint8_t;
  table->scaled_each[UFK_S16] = scaled_each_int16_t, table->scaled_each[UFK_U16] = scaled_each_uint16_t;
  table->from_f16 = from_f16;
  table->to_f16 = to_f16;
}
