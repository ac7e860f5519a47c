/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512_emulation.h: the AVX-512 intrinsics that our kernels use, on the
 * compiler's generic vectors.
 *
 * Put in front of the *_avx512.c files (-include), it lets processors without
 * AVX-512 run these kernels against the scalar ones. It is slow and has only
 * what the kernels call: a new intrinsic is a compile error until it gets a
 * line here. Meanings are those of Intel's intrinsics guide.
 */
#ifndef UFI_AVX512_EMULATION_H
#define UFI_AVX512_EMULATION_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float e_f32 __attribute__((vector_size(64)));
typedef double e_f64 __attribute__((vector_size(64)));
typedef int8_t e_i8 __attribute__((vector_size(64)));
typedef uint8_t e_u8 __attribute__((vector_size(64)));
typedef int16_t e_i16 __attribute__((vector_size(64)));
typedef int32_t e_i32 __attribute__((vector_size(64)));
typedef uint32_t e_u32 __attribute__((vector_size(64)));
typedef int64_t e_i64 __attribute__((vector_size(64)));
typedef uint64_t e_u64 __attribute__((vector_size(64)));

/* Arithmetic that the compiler's vectors have. */
#define E_OP(name, R, V, op) \
  static inline R e_##name(R a, R b) { return (R)((V)a op (V)b); }
E_OP(add_ps, __m512, e_f32, +)
E_OP(sub_ps, __m512, e_f32, -)
E_OP(mul_ps, __m512, e_f32, *)
E_OP(div_ps, __m512, e_f32, /)
E_OP(and_ps, __m512, e_u32, &)
E_OP(or_ps, __m512, e_u32, |)
E_OP(xor_ps, __m512, e_u32, ^)
E_OP(add_pd, __m512d, e_f64, +)
E_OP(sub_pd, __m512d, e_f64, -)
E_OP(mul_pd, __m512d, e_f64, *)
E_OP(add_epi32, __m512i, e_u32, +)
E_OP(sub_epi32, __m512i, e_u32, -)
E_OP(mullo_epi32, __m512i, e_u32, *)
E_OP(add_epi64, __m512i, e_u64, +)
E_OP(sub_epi8, __m512i, e_u8, -)
E_OP(sub_epi16, __m512i, e_i16, -)
E_OP(and_si512, __m512i, e_u64, &)
E_OP(xor_si512, __m512i, e_u64, ^)
static inline __m512 e_andnot_ps(__m512 a, __m512 b) { return (__m512)(~(e_u32)a & (e_u32)b); }

/* One lane after the other. */
#define E_MAP2(name, R, V, n, expression)                              \
  static inline R e_##name(R a, R b) {                                 \
    V x = (V)a, y = (V)b, r;                                           \
    for (int i = 0; i < n; i++) r[i] = (expression);                   \
    return (R)r;                                                       \
  }
E_MAP2(min_ps, __m512, e_f32, 16, x[i] < y[i] ? x[i] : y[i])
E_MAP2(max_ps, __m512, e_f32, 16, x[i] > y[i] ? x[i] : y[i])
E_MAP2(min_pd, __m512d, e_f64, 8, x[i] < y[i] ? x[i] : y[i])
E_MAP2(max_pd, __m512d, e_f64, 8, x[i] > y[i] ? x[i] : y[i])
E_MAP2(min_epi32, __m512i, e_i32, 16, x[i] < y[i] ? x[i] : y[i])
E_MAP2(max_epi32, __m512i, e_i32, 16, x[i] > y[i] ? x[i] : y[i])
E_MAP2(sllv_epi32, __m512i, e_u32, 16, y[i] > 31 ? 0 : x[i] << y[i])
E_MAP2(srav_epi32, __m512i, e_i32, 16, x[i] >> ((uint32_t)y[i] > 31 ? 31 : y[i]))
E_MAP2(subs_epi8, __m512i, e_i8, 64,
       (int8_t)(x[i] - y[i] < -128 ? -128 : x[i] - y[i] > 127 ? 127 : x[i] - y[i]))
/* Within each 16 bytes; an index with its high bit set gives 0. */
E_MAP2(shuffle_epi8, __m512i, e_u8, 64, y[i] & 0x80 ? 0 : x[(i & ~15) + (y[i] & 15)])
static inline __m512i e_mul_epi32(__m512i a, __m512i b) {
  e_i32 x = (e_i32)a, y = (e_i32)b;
  e_i64 r;
  for (int i = 0; i < 8; i++) r[i] = (int64_t)x[2 * i] * y[2 * i];
  return (__m512i)r;
}
static inline __m512i e_sad_epu8(__m512i a, __m512i b) {
  e_u8 x = (e_u8)a, y = (e_u8)b;
  e_u64 r = {0};
  for (int i = 0; i < 64; i++) r[i / 8] += (uint64_t)(x[i] > y[i] ? x[i] - y[i] : y[i] - x[i]);
  return (__m512i)r;
}
static inline __m512i e_dpwssd_epi32(__m512i sum, __m512i a, __m512i b) {
  e_i16 x = (e_i16)a, y = (e_i16)b;
  e_i32 r = (e_i32)sum;
  for (int i = 0; i < 16; i++) r[i] = (int32_t)((uint32_t)r[i] + (uint32_t)(x[2 * i] * y[2 * i]) + (uint32_t)(x[2 * i + 1] * y[2 * i + 1]));
  return (__m512i)r;
}
static inline __m512 e_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = fmaf(((e_f32)a)[i], ((e_f32)b)[i], ((e_f32)c)[i]);
  return (__m512)r;
}
static inline __m512 e_fnmadd_ps(__m512 a, __m512 b, __m512 c) {
  return e_fmadd_ps((__m512)((e_u32)a ^ 0x80000000u), b, c);
}
/* a * 2^n for whole n. */
static inline __m512 e_scalef_ps(__m512 a, __m512 n) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = ldexpf(((e_f32)a)[i], (int)((e_f32)n)[i]);
  return (__m512)r;
}
/* Of the 32 lanes of a and b those that the low 5 bits of k say. */
static inline __m512 e_permutex2var_ps(__m512 a, __m512i k, __m512 b) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = (((e_u32)k)[i] & 16 ? (e_f32)b : (e_f32)a)[((e_u32)k)[i] & 15];
  return (__m512)r;
}
static inline __m512 e_sqrt_ps(__m512 a) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = sqrtf(((e_f32)a)[i]);
  return (__m512)r;
}

/* Shifts by one count. */
static inline __m512i e_slli_epi32(__m512i a, unsigned n) { return (__m512i)(n > 31 ? (e_u32){0} : (e_u32)a << n); }
static inline __m512i e_srli_epi32(__m512i a, unsigned n) { return (__m512i)(n > 31 ? (e_u32){0} : (e_u32)a >> n); }
static inline __m512i e_srai_epi32(__m512i a, unsigned n) { return (__m512i)((e_i32)a >> (int)(n > 31 ? 31 : n)); }
static inline __m512i e_slli_epi64(__m512i a, unsigned n) { return (__m512i)((e_u64)a << n); }
static inline __m512i e_srli_epi64(__m512i a, unsigned n) { return (__m512i)((e_u64)a >> n); }
static inline __m512i e_sll_epi32(__m512i a, __m128i n) { return e_slli_epi32(a, (unsigned)_mm_cvtsi128_si32(n)); }
static inline __m512i e_sra_epi32(__m512i a, __m128i n) { return e_srai_epi32(a, (unsigned)_mm_cvtsi128_si32(n)); }

/* Constants, loads, stores. */
#define E_SET1(name, R, V, T, n)                   \
  static inline R e_##name(T value) {              \
    V r;                                           \
    for (int i = 0; i < n; i++) r[i] = value;      \
    return (R)r;                                   \
  }
E_SET1(set1_ps, __m512, e_f32, float, 16)
E_SET1(set1_pd, __m512d, e_f64, double, 8)
E_SET1(set1_epi8, __m512i, e_i8, int8_t, 64)
E_SET1(set1_epi16, __m512i, e_i16, int16_t, 32)
E_SET1(set1_epi32, __m512i, e_i32, int32_t, 16)
E_SET1(set1_epi64, __m512i, e_i64, int64_t, 8)
#define E_LOAD(R, from) R loaded; memcpy(&loaded, from, sizeof loaded); return loaded
static inline __m512 e_loadu_ps(const void *p) { E_LOAD(__m512, p); }
static inline __m512d e_loadu_pd(const void *p) { E_LOAD(__m512d, p); }
static inline __m512i e_loadu_si512(const void *p) { E_LOAD(__m512i, p); }
static inline void e_storeu_ps(void *p, __m512 v) { memcpy(p, &v, sizeof v); }
static inline void e_storeu_si512(void *p, __m512i v) { memcpy(p, &v, sizeof v); }
static inline __m512 e_maskz_loadu_ps(__mmask16 m, const void *p) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = m >> i & 1 ? ((const float *)p)[i] : 0.0f;
  return (__m512)r;
}
static inline void e_mask_storeu_ps(void *p, __mmask16 m, __m512 v) {
  for (int i = 0; i < 16; i++) {
    if (m >> i & 1) ((float *)p)[i] = ((e_f32)v)[i];
  }
}
static inline __m512i e_broadcast_i32x4(__m128i a) {
  __m512i r;
  for (int i = 0; i < 4; i++) memcpy((char *)&r + 16 * i, &a, 16);
  return r;
}

/* Comparisons and masks. */
static inline int e_compare(double x, double y, int how) {
  switch (how) {
    case _CMP_LT_OQ: return x < y;
    case _CMP_LE_OQ: return x <= y;
    case _CMP_GT_OQ: return x > y;
    case _CMP_GE_OQ: return x >= y;
    case _CMP_EQ_OQ: return x == y;
    case _CMP_UNORD_Q: return isnan(x) || isnan(y);
    default: __builtin_trap();
  }
}
static inline __mmask16 e_cmp_ps_mask(__m512 a, __m512 b, int how) {
  __mmask16 m = 0;
  for (int i = 0; i < 16; i++) m = (__mmask16)(m | e_compare(((e_f32)a)[i], ((e_f32)b)[i], how) << i);
  return m;
}
static inline __mmask8 e_cmp_pd_mask(__m512d a, __m512d b, int how) {
  __mmask8 m = 0;
  for (int i = 0; i < 8; i++) m = (__mmask8)(m | e_compare(((e_f64)a)[i], ((e_f64)b)[i], how) << i);
  return m;
}
static inline __mmask16 e_cmpgt_epi32_mask(__m512i a, __m512i b) {
  __mmask16 m = 0;
  for (int i = 0; i < 16; i++) m = (__mmask16)(m | (((e_i32)a)[i] > ((e_i32)b)[i]) << i);
  return m;
}
static inline __m512i e_movm_epi32(__mmask16 m) {
  e_i32 r;
  for (int i = 0; i < 16; i++) r[i] = m >> i & 1 ? -1 : 0;
  return (__m512i)r;
}
/* mask bit set: the second value. */
#define E_BLEND(name, R, V, M, n)                                           \
  static inline R e_##name(M m, R a, R b) {                                 \
    V r = (V)a;                                                             \
    for (int i = 0; i < n; i++) r[i] = m >> i & 1 ? ((V)b)[i] : r[i];       \
    return (R)r;                                                            \
  }
E_BLEND(mask_blend_ps, __m512, e_f32, __mmask16, 16)
E_BLEND(mask_blend_pd, __m512d, e_f64, __mmask8, 8)
E_BLEND(mask_blend_epi32, __m512i, e_i32, __mmask16, 16)
#define E_MASKED(name, blend, R, M) \
  static inline R e_mask_##name(R source, M m, R a, R b) { return e_mask_blend_##blend(m, source, e_##name(a, b)); }
E_MASKED(add_epi32, epi32, __m512i, __mmask16)
E_MASKED(sub_epi32, epi32, __m512i, __mmask16)
E_MASKED(add_pd, pd, __m512d, __mmask8)
E_MASKED(sub_pd, pd, __m512d, __mmask8)

/* Rounding and conversion. */
static inline double e_round(double x, int how) {
  switch (how & 3) {
    case _MM_FROUND_TO_NEG_INF: return floor(x);
    case _MM_FROUND_TO_POS_INF: return ceil(x);
    case _MM_FROUND_TO_ZERO: return trunc(x);
    default: return nearbyint(x);
  }
}
static inline __m512 e_roundscale_ps(__m512 a, int how) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = (float)e_round(((e_f32)a)[i], how);
  return (__m512)r;
}
static inline __m512d e_roundscale_pd(__m512d a, int how) {
  e_f64 r;
  for (int i = 0; i < 8; i++) r[i] = e_round(((e_f64)a)[i], how);
  return (__m512d)r;
}
static inline int32_t e_to_i32(double x) { return x >= -2147483648.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN; }
static inline __m512i e_cvttps_epi32(__m512 a) {
  e_i32 r;
  for (int i = 0; i < 16; i++) r[i] = e_to_i32(((e_f32)a)[i]);
  return (__m512i)r;
}
static inline __m256i e_cvttpd_epi32(__m512d a) {
  int32_t r[8];
  for (int i = 0; i < 8; i++) r[i] = e_to_i32(((e_f64)a)[i]);
  return _mm256_loadu_si256((const __m256i *)(const void *)r);
}
static inline __m512 e_cvtepi32_ps(__m512i a) {
  e_f32 r;
  for (int i = 0; i < 16; i++) r[i] = (float)((e_i32)a)[i];
  return (__m512)r;
}
/* Widening of a half or quarter register. */
#define E_WIDEN(name, R, V, From, T, n)                                                \
  static inline R e_##name(From a) {                                                   \
    T from[n];                                                                         \
    V r;                                                                               \
    memcpy(from, &a, sizeof from);                                                     \
    for (int i = 0; i < n; i++) r[i] = from[i];                                        \
    return (R)r;                                                                       \
  }
E_WIDEN(cvtps_pd, __m512d, e_f64, __m256, float, 8)
E_WIDEN(cvtepi32_pd, __m512d, e_f64, __m256i, int32_t, 8)
E_WIDEN(cvtepi8_epi16, __m512i, e_i16, __m256i, int8_t, 32)
E_WIDEN(cvtepu8_epi16, __m512i, e_i16, __m256i, uint8_t, 32)
E_WIDEN(cvtepi8_epi32, __m512i, e_i32, __m128i, int8_t, 16)
E_WIDEN(cvtepu8_epi32, __m512i, e_i32, __m128i, uint8_t, 16)
E_WIDEN(cvtepi16_epi32, __m512i, e_i32, __m256i, int16_t, 16)
/* Narrowing with saturation. */
#define E_NARROW(name, V, To, T, low, high)                                            \
  static inline To e_##name(__m512i a) {                                               \
    T r[16];                                                                           \
    To to;                                                                             \
    for (int i = 0; i < 16; i++) r[i] = (T)(((V)a)[i] < low ? low : ((V)a)[i] > high ? high : ((V)a)[i]); \
    memcpy(&to, r, sizeof to);                                                         \
    return to;                                                                         \
  }
E_NARROW(cvtsepi32_epi8, e_i32, __m128i, int8_t, -128, 127)
E_NARROW(cvtusepi32_epi8, e_u32, __m128i, uint8_t, 0u, 255u)
E_NARROW(cvtsepi32_epi16, e_i32, __m256i, int16_t, -32768, 32767)
static inline void e_mask_cvtepi32_storeu_epi8(void *p, __mmask16 m, __m512i a) {
  for (int i = 0; i < 16; i++) {
    if (m >> i & 1) ((int8_t *)p)[i] = (int8_t)((e_i32)a)[i];
  }
}
static inline void e_mask_cvtepi32_storeu_epi16(void *p, __mmask16 m, __m512i a) {
  for (int i = 0; i < 16; i++) {
    if (m >> i & 1) ((int16_t *)p)[i] = (int16_t)((e_i32)a)[i];
  }
}
static inline __m512 e_cvtph_ps(__m256i a) {
  __m256 r[2] = {_mm256_cvtph_ps(_mm256_castsi256_si128(a)), _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1))};
  E_LOAD(__m512, r);
}
static inline __m256i e_cvtps_ph_nearest(__m512 a) {
  __m256 half[2];
  memcpy(half, &a, sizeof half);
  return _mm256_set_m128i(_mm256_cvtps_ph(half[1], _MM_FROUND_TO_NEAREST_INT),
                          _mm256_cvtps_ph(half[0], _MM_FROUND_TO_NEAREST_INT));
}

/* Parts and reductions. */
static inline __m256 e_part_ps(__m512 a, int part) { E_LOAD(__m256, (const char *)&a + 32 * part); }
static inline __m256i e_part_i(__m512i a, int part) { E_LOAD(__m256i, (const char *)&a + 32 * part); }
static inline __m512i e_inserti64x4(__m512i a, __m256i b, int part) {
  memcpy((char *)&a + 32 * part, &b, sizeof b);
  return a;
}
static inline float e_reduce_add_ps(__m512 a) {
  float r = 0;
  for (int i = 0; i < 16; i++) r += ((e_f32)a)[i];
  return r;
}
static inline double e_reduce_add_pd(__m512d a) {
  double r = 0;
  for (int i = 0; i < 8; i++) r += ((e_f64)a)[i];
  return r;
}
static inline float e_reduce_max_ps(__m512 a) {
  float r = ((e_f32)a)[0];
  for (int i = 1; i < 16; i++) r = r > ((e_f32)a)[i] ? r : ((e_f32)a)[i];
  return r;
}
static inline float e_reduce_min_ps(__m512 a) {
  float r = ((e_f32)a)[0];
  for (int i = 1; i < 16; i++) r = r < ((e_f32)a)[i] ? r : ((e_f32)a)[i];
  return r;
}

#define _mm512_add_ps e_add_ps
#define _mm512_sub_ps e_sub_ps
#define _mm512_mul_ps e_mul_ps
#define _mm512_div_ps e_div_ps
#define _mm512_and_ps e_and_ps
#define _mm512_or_ps e_or_ps
#define _mm512_xor_ps e_xor_ps
#define _mm512_andnot_ps e_andnot_ps
#define _mm512_add_pd e_add_pd
#define _mm512_sub_pd e_sub_pd
#define _mm512_mul_pd e_mul_pd
#define _mm512_add_epi32 e_add_epi32
#define _mm512_sub_epi32 e_sub_epi32
#define _mm512_mullo_epi32 e_mullo_epi32
#define _mm512_add_epi64 e_add_epi64
#define _mm512_sub_epi8 e_sub_epi8
#define _mm512_sub_epi16 e_sub_epi16
#define _mm512_and_si512 e_and_si512
#define _mm512_xor_si512 e_xor_si512
#define _mm512_min_ps e_min_ps
#define _mm512_max_ps e_max_ps
#define _mm512_min_pd e_min_pd
#define _mm512_max_pd e_max_pd
#define _mm512_min_epi32 e_min_epi32
#define _mm512_max_epi32 e_max_epi32
#define _mm512_sllv_epi32 e_sllv_epi32
#define _mm512_srav_epi32 e_srav_epi32
#define _mm512_subs_epi8 e_subs_epi8
#define _mm512_shuffle_epi8 e_shuffle_epi8
#define _mm512_mul_epi32 e_mul_epi32
#define _mm512_sad_epu8 e_sad_epu8
#define _mm512_dpwssd_epi32 e_dpwssd_epi32
#define _mm512_fmadd_ps e_fmadd_ps
#define _mm512_fnmadd_ps e_fnmadd_ps
#define _mm512_sqrt_ps e_sqrt_ps
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 e_slli_epi32
#undef _mm512_srli_epi32
#define _mm512_srli_epi32 e_srli_epi32
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 e_srai_epi32
#undef _mm512_slli_epi64
#define _mm512_slli_epi64 e_slli_epi64
#undef _mm512_srli_epi64
#define _mm512_srli_epi64 e_srli_epi64
#define _mm512_sll_epi32 e_sll_epi32
#define _mm512_sra_epi32 e_sra_epi32
#define _mm512_set1_ps e_set1_ps
#define _mm512_set1_pd e_set1_pd
#define _mm512_set1_epi8 e_set1_epi8
#define _mm512_set1_epi16 e_set1_epi16
#define _mm512_set1_epi32 e_set1_epi32
#define _mm512_set1_epi64 e_set1_epi64
#define _mm512_setzero_ps() e_set1_ps(0)
#define _mm512_setzero_pd() e_set1_pd(0)
#define _mm512_setzero_si512() e_set1_epi32(0)
#define _mm512_loadu_ps e_loadu_ps
#define _mm512_loadu_pd e_loadu_pd
#define _mm512_loadu_si512 e_loadu_si512
#define _mm512_storeu_ps e_storeu_ps
#define _mm512_storeu_si512 e_storeu_si512
#define _mm512_maskz_loadu_ps e_maskz_loadu_ps
#define _mm512_mask_storeu_ps e_mask_storeu_ps
#define _mm512_broadcast_i32x4 e_broadcast_i32x4
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask e_cmp_ps_mask
#undef _mm512_cmp_pd_mask
#define _mm512_cmp_pd_mask e_cmp_pd_mask
#define _mm512_cmpgt_epi32_mask e_cmpgt_epi32_mask
#define _mm512_movm_epi32 e_movm_epi32
#define _mm512_mask_blend_ps e_mask_blend_ps
#define _mm512_mask_blend_epi32 e_mask_blend_epi32
#define _mm512_mask_add_epi32 e_mask_add_epi32
#define _mm512_mask_sub_epi32 e_mask_sub_epi32
#define _mm512_mask_add_pd e_mask_add_pd
#define _mm512_mask_sub_pd e_mask_sub_pd
#undef _mm512_scalef_ps
#define _mm512_scalef_ps e_scalef_ps
#define _mm512_permutex2var_ps e_permutex2var_ps
#undef _mm512_roundscale_ps
#define _mm512_roundscale_ps e_roundscale_ps
#undef _mm512_roundscale_pd
#define _mm512_roundscale_pd e_roundscale_pd
#define _mm512_cvttps_epi32 e_cvttps_epi32
#define _mm512_cvttpd_epi32 e_cvttpd_epi32
#define _mm512_cvtepi32_ps e_cvtepi32_ps
#define _mm512_cvtps_pd e_cvtps_pd
#define _mm512_cvtepi32_pd e_cvtepi32_pd
#define _mm512_cvtepi8_epi16 e_cvtepi8_epi16
#define _mm512_cvtepu8_epi16 e_cvtepu8_epi16
#define _mm512_cvtepi8_epi32 e_cvtepi8_epi32
#define _mm512_cvtepu8_epi32 e_cvtepu8_epi32
#define _mm512_cvtepi16_epi32 e_cvtepi16_epi32
#define _mm512_cvtsepi32_epi8 e_cvtsepi32_epi8
#define _mm512_cvtusepi32_epi8 e_cvtusepi32_epi8
#define _mm512_cvtsepi32_epi16 e_cvtsepi32_epi16
#define _mm512_mask_cvtepi32_storeu_epi8 e_mask_cvtepi32_storeu_epi8
#define _mm512_mask_cvtepi32_storeu_epi16 e_mask_cvtepi32_storeu_epi16
#define _mm512_cvtph_ps e_cvtph_ps
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(a, how) e_cvtps_ph_nearest(a)
#define _mm512_castsi512_ps(a) ((__m512)(a))
#define _mm512_castps_si512(a) ((__m512i)(a))
#define _mm512_castps512_ps256(a) e_part_ps(a, 0)
#define _mm512_castsi512_si256(a) e_part_i(a, 0)
#define _mm512_castsi256_si512(a) e_inserti64x4(e_set1_epi32(0), a, 0)
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps e_part_ps
#undef _mm512_extracti64x4_epi64
#define _mm512_extracti64x4_epi64 e_part_i
#undef _mm512_inserti64x4
#define _mm512_inserti64x4 e_inserti64x4
#define _mm512_reduce_add_ps e_reduce_add_ps
#define _mm512_reduce_add_pd e_reduce_add_pd
#define _mm512_reduce_max_ps e_reduce_max_ps
#define _mm512_reduce_min_ps e_reduce_min_ps

#endif
