/* SPDX-License-Identifier: Apache-2.0
 *
 * f32_avx512.h: the vocabulary of f32_avx2.h with 16 lanes, for AVX-512 F, BW,
 * DQ and VL.
 */
#ifndef UFI_SIMD_F32_AVX512_H
#define UFI_SIMD_F32_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 16
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

static inline __mmask16 vf_part_mask(size_t n) { return (__mmask16)((1u << n) - 1); }

static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vf vf_load_part(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(vf_part_mask(n), p);
}
static inline void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline void vf_store_part(float *p, vf v, size_t n) {
  _mm512_mask_storeu_ps(p, vf_part_mask(n), v);
}
static inline void vf_stream(float *p, vf v) { _mm512_stream_ps(p, v); }
static inline void vf_stream_end(void) { _mm_sfence(); }
/* a, in a register: without it compilers load again what was loaded. */
static inline vf vf_hold(vf a) {
  __asm__("" : "+v"(a));
  return a;
}
#define vf_keep(v) __asm__("" : "+v"(v)) /* stops the compiler from fusing a product into an fma */
static inline vf vf_set(float v) { return _mm512_set1_ps(v); }

static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
static inline vf vf_floor(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
static inline vf vf_ceil(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}
static inline vf vf_rint(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_trunc(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
static inline vf vf_and(vf a, vf b) { return _mm512_and_ps(a, b); }
static inline vf vf_or(vf a, vf b) { return _mm512_or_ps(a, b); }
static inline vf vf_xor(vf a, vf b) { return _mm512_xor_ps(a, b); }
static inline vf vf_sign_bit(vf a) { return _mm512_and_ps(a, _mm512_set1_ps(-0.0f)); }
static inline vf vf_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
static inline vf vf_high_bits(vf a) {
  return _mm512_and_ps(a, _mm512_castsi512_ps(_mm512_set1_epi32((int)0xfffff000)));
}

static inline vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline vm vf_ge(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
static inline vm vf_gt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
static inline vm vf_is_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
static inline vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
static inline int vf_any(vm m) { return m != 0; }
static inline vf vf_first(size_t n, vf a, vf b) {
  return _mm512_mask_blend_ps(vf_part_mask(n), b, a);
}

static inline float vf_sum(vf v) { return _mm512_reduce_add_ps(v); }
static inline double vf_sum_double(vf v) {
  return _mm512_reduce_add_pd(_mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v)),
                                            _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))));
}
static inline float vf_max_lane(vf v) { return _mm512_reduce_max_ps(v); }
static inline float vf_min_lane(vf v) { return _mm512_reduce_min_ps(v); }

static inline vf vf_pow2(vi n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
}
static inline vi vf_to_vi(vf a) { return _mm512_cvttps_epi32(a); }
/* a * 2^n for n in [-150, 129], rounded down where it is not whole. */
static inline vf vf_scale(vf a, vf n) { return _mm512_scalef_ps(a, n); }
#define VF_SCALES /* in one instruction, whatever comes of it */
#define VF_PICK _mm512_setr_ps
/* Of 16 values the one that the lowest 4 bits say. */
static inline vf vf_pick(vf values, vi bits) { return _mm512_permutexvar_ps(bits, values); }
static inline vi vf_bits(vf a) { return _mm512_castps_si512(a); }
static inline vf vi_to_vf(vi a) { return _mm512_cvtepi32_ps(a); }

/* ---- int32 ---------------------------------------------------------------------- */

static inline vi vi_set(int32_t v) { return _mm512_set1_epi32(v); }
static inline vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void vi_store(int32_t *p, vi v) { _mm512_storeu_si512(p, v); }
static inline vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
static inline vi vi_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
static inline vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
static inline vi vi_min(vi a, vi b) { return _mm512_min_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm512_max_epi32(a, b); }
static inline vi vi_shl(vi a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
static inline vi vi_sra(vi a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
static inline vi vi_gt(vi a, vi b) { return _mm512_movm_epi32(_mm512_cmpgt_epi32_mask(a, b)); }

static inline vi vi_mul_high(vi a, vi b) {
  const __m512i half = _mm512_set1_epi64(INT64_C(1) << 30);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
  const __m512i odd = _mm512_add_epi64(
      _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), half);
  return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}

static inline vi vi_load_s8(const int8_t *p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vi vi_load_u8(const uint8_t *p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vi vi_load_s16(const int16_t *p) {
  return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline vi vi_load_u16(const uint16_t *p) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void vi_store_s8(int8_t *p, vi v) {
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtsepi32_epi8(v));
}
/* The narrowing saturates unsigned values, so negative ones go to 0 before. */
static inline void vi_store_u8(uint8_t *p, vi v) {
  const __m512i positive = _mm512_max_epi32(v, _mm512_setzero_si512());
  _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtusepi32_epi8(positive));
}
static inline void vi_store_s16(int16_t *p, vi v) {
  _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtsepi32_epi16(v));
}

/* ---- half precision --------------------------------------------------------------- */

static inline vf vf_load_f16(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void vf_store_f16(uint16_t *p, vf v) {
  _mm256_storeu_si256((__m256i *)(void *)p,
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#endif
