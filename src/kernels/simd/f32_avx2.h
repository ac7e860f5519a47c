/* SPDX-License-Identifier: Apache-2.0
 *
 * f32_avx2.h: the vector vocabulary that templates are written in, for AVX2 with
 * FMA and F16C: 8 lanes of float or int32. f32_avx512.h has the same names.
 *
 * vf: floats. vi: int32. vm: one condition per lane. *_part touch the first n
 * lanes only (0 <= n <= VF_LANES); loads fill the rest with 0. A comparison or a
 * min/max with a NaN behaves as the C expression in its comment.
 */
#ifndef UFI_SIMD_F32_AVX2_H
#define UFI_SIMD_F32_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 8
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

static inline __m256i vf_part_mask(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vf vf_load_part(const float *p, size_t n) {
  return _mm256_maskload_ps(p, vf_part_mask(n));
}
static inline void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline void vf_store_part(float *p, vf v, size_t n) {
  _mm256_maskstore_ps(p, vf_part_mask(n), v);
}
/* Past the caches; p is aligned to the vector. vf_stream_end before others may read. */
static inline void vf_stream(float *p, vf v) { _mm256_stream_ps(p, v); }
static inline void vf_stream_end(void) { _mm_sfence(); }
/* a, in a register: without it compilers load again what was loaded. */
static inline vf vf_hold(vf a) {
  __asm__("" : "+v"(a));
  return a;
}
#define vf_keep(v) __asm__("" : "+x"(v)) /* stops the compiler from fusing a product into an fma */
static inline vf vf_set(float v) { return _mm256_set1_ps(v); }

static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   /* a * b + c */
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a * b */
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); } /* a > b ? a : b */
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); } /* a < b ? a : b */
static inline vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
static inline vf vf_floor(vf a) { return _mm256_floor_ps(a); }
static inline vf vf_ceil(vf a) { return _mm256_ceil_ps(a); }
static inline vf vf_rint(vf a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_trunc(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
static inline vf vf_and(vf a, vf b) { return _mm256_and_ps(a, b); }
static inline vf vf_or(vf a, vf b) { return _mm256_or_ps(a, b); }
static inline vf vf_xor(vf a, vf b) { return _mm256_xor_ps(a, b); }
static inline vf vf_sign_bit(vf a) { return _mm256_and_ps(a, _mm256_set1_ps(-0.0f)); }
static inline vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
/* a with the low 12 bits of its mantissa cleared. */
static inline vf vf_high_bits(vf a) {
  return _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xfffff000)));
}

static inline vm vf_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vm vf_ge(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
static inline vm vf_gt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
static inline vm vf_is_nan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
/* m ? a : b */
static inline vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
static inline int vf_any(vm m) { return _mm256_movemask_ps(m) != 0; }
/* a in the first n lanes, b in the others. */
static inline vf vf_first(size_t n, vf a, vf b) {
  return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(vf_part_mask(n)));
}

static inline float vf_sum(vf v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline double vf_sum_double(vf v) {
  __m256d s = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(v)),
                            _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
  __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
  return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}
static inline float vf_max_lane(vf v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
static inline float vf_min_lane(vf v) {
  __m128 s = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_min_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_min_ss(s, _mm_movehdup_ps(s)));
}

/* 2^n for n in [-126, 127]. */
static inline vf vf_pow2(vi n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
static inline vi vf_to_vi(vf a) { return _mm256_cvttps_epi32(a); } /* truncates */
static inline vf vi_to_vf(vi a) { return _mm256_cvtepi32_ps(a); }
/* a * 2^n for whole n in [-150, 129]: in two steps, so that results that are denormal or infinite come out right. */
static inline vf vf_scale(vf a, vf n) {
  const vi whole = vf_to_vi(n), half = _mm256_srai_epi32(whole, 1);
  return vf_mul(vf_mul(a, vf_pow2(half)), vf_pow2(_mm256_sub_epi32(whole, half)));
}

/* ---- int32 ---------------------------------------------------------------------- */

static inline vi vi_set(int32_t v) { return _mm256_set1_epi32(v); }
static inline vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline void vi_store(int32_t *p, vi v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
static inline vi vi_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); } /* low 32 bits */
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
static inline vi vi_min(vi a, vi b) { return _mm256_min_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
static inline vi vi_shl(vi a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
static inline vi vi_sra(vi a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
/* a > b ? -1 : 0 */
static inline vi vi_gt(vi a, vi b) { return _mm256_cmpgt_epi32(a, b); }

/* floor(a * b / 2^31 + 1/2) of signed values; b >= 0. */
static inline vi vi_mul_high(vi a, vi b) {
  const __m256i half = _mm256_set1_epi64x(INT64_C(1) << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
  const __m256i odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)), half);
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}

static inline vi vi_load_s8(const int8_t *p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
static inline vi vi_load_u8(const uint8_t *p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
static inline vi vi_load_s16(const int16_t *p) {
  return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vi vi_load_u16(const uint16_t *p) {
  return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
/* Stores saturate. */
static inline __m128i vi_to_16(vi v) {
  return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
static inline void vi_store_s8(int8_t *p, vi v) {
  const __m128i w = vi_to_16(v);
  _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(w, w));
}
static inline void vi_store_u8(uint8_t *p, vi v) {
  const __m128i w = vi_to_16(v);
  _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(w, w));
}
static inline void vi_store_s16(int16_t *p, vi v) {
  _mm_storeu_si128((__m128i *)(void *)p, vi_to_16(v));
}

/* ---- half precision --------------------------------------------------------------- */

static inline vf vf_load_f16(const uint16_t *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline void vf_store_f16(uint16_t *p, vf v) {
  _mm_storeu_si128((__m128i *)(void *)p,
                   _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#endif
