/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_simd_tmpl.h: the loops of convert.h that widen, over the vectors of simd/; compilers would widen step by step.
 *
 * Outputs larger than the caches are written past them: a line that is written whole need not be read first.
 */
enum { STREAM_FLOATS = 4 << 20 };

/* How many elements come before the first that is aligned to a vector. */
static inline size_t unaligned(const float *y) {
  const size_t bytes = VF_LANES * sizeof *y;
  return (bytes - (uintptr_t)y % bytes) % bytes / sizeof *y;
}

/* y[i + lane] = AT(i), a vector from element i on, as far as vectors reach; `i` says how far that was. ONE(i) does an
 * element. All see n, y and i. */
#define WIDEN(AT, ONE)                                                                      \
  size_t i = 0;                                                                             \
  if (n >= STREAM_FLOATS) {                                                                 \
    for (const size_t head = unaligned(y); i < head; i++) y[i] = ONE(i);                    \
    for (; i + VF_LANES <= n; i += VF_LANES) vf_stream(y + i, AT(i));                       \
    vf_stream_end();                                                                        \
  }                                                                                         \
  for (; i + 4 * VF_LANES <= n; i += 4 * VF_LANES) {                                        \
    for (size_t k = 0; k < 4 * VF_LANES; k += VF_LANES) vf_store(y + i + k, AT(i + k));     \
  }                                                                                         \
  for (; i + VF_LANES <= n; i += VF_LANES) vf_store(y + i, AT(i));                          \
  for (; i < n; i++) y[i] = ONE(i)

#define SCALED_AT(i) vf_mul(vscale, vi_to_vf(vi_sub(LOAD(in + (i)), vzero)))
#define SCALED_ONE(i) (scale * (float)((int32_t)in[i] - zero))
#define EACH_AT(i) vf_mul(vf_load(scales + (i)), vf_sub(vi_to_vf(LOAD(in + (i))), vf_load(zeros + (i))))
#define EACH_ONE(i) (scales[i] * ((float)in[i] - zeros[i]))
#define SIMD_SCALED(T)                                                                      \
  static void simd_scaled_##T(const void *x, size_t n, float scale, int32_t zero, float *y) { \
    const T *in = x;                                                                        \
    const vf vscale = vf_set(scale);                                                        \
    const vi vzero = vi_set(zero);                                                          \
    WIDEN(SCALED_AT, SCALED_ONE);                                                           \
  }                                                                                         \
  static void simd_scaled_each_##T(const void *x, size_t n, const float *scales, const float *zeros, float *y) { \
    const T *in = x;                                                                        \
    WIDEN(EACH_AT, EACH_ONE);                                                               \
  }
#define LOAD vi_load_s8
SIMD_SCALED(int8_t)
#undef LOAD
#define LOAD vi_load_u8
SIMD_SCALED(uint8_t)
#undef LOAD
#define LOAD vi_load_s16
SIMD_SCALED(int16_t)
#undef LOAD
#define LOAD vi_load_u16
SIMD_SCALED(uint16_t)
#undef LOAD

#define HALF_AT(i) vf_load_f16(x + (i))
#define HALF_ONE(i) ufi_half_to_float(x[i])
static void simd_from_f16(const uint16_t *x, size_t n, float *y) { WIDEN(HALF_AT, HALF_ONE); }

static void simd_to_f16(const float *x, size_t n, uint16_t *y) {
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) vf_store_f16(y + i, vf_load(x + i));
  for (; i < n; i++) y[i] = ufi_float_to_half(x[i]);
}

static void set_convert_simd(ufk_convert_table *t) {
  t->scaled[UFK_S8] = simd_scaled_int8_t, t->scaled[UFK_U8] = simd_scaled_uint8_t;
  t->scaled[UFK_S16] = simd_scaled_int16_t, t->scaled[UFK_U16] = simd_scaled_uint16_t;
  t->scaled_each[UFK_S8] = simd_scaled_each_int8_t, t->scaled_each[UFK_U8] = simd_scaled_each_uint8_t;
  t->scaled_each[UFK_S16] = simd_scaled_each_int16_t, t->scaled_each[UFK_U16] = simd_scaled_each_uint16_t;
  t->from_f16 = simd_from_f16, t->to_f16 = simd_to_f16;
}
