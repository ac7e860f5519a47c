/* SPDX-License-Identifier: Apache-2.0
 *
 * variable_math.c: what adds, multiplies, compares a value into another in place, in every dtype.
 *
 * Integers wrap around. Half precision is computed in float and rounded once, as Eigen does.
 */
#include <complex.h>

#include "ops/variable.h"

static bool is_integer(uf_dtype dtype) { return dtype >= UF_INT8 && dtype <= UF_UINT64; }
static bool is_real(uf_dtype dtype) {
  return dtype == UF_FLOAT32 || dtype == UF_FLOAT64 || dtype == UF_FLOAT16 || dtype == UF_BFLOAT16;
}

bool ufi_update_takes(ufi_update update, uf_dtype dtype) {
  if (update == UFI_UPDATE_SET) return true;
  if (dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128) return update <= UFI_UPDATE_DIV;
  return is_integer(dtype) || is_real(dtype);
}

#define EACH(type, expression)                                     \
  for (int64_t i = 0; i < n; i++) {                                \
    type a = ((type *)to)[i], b = ((const type *)from)[i * step];  \
    ((type *)to)[i] = (type)(expression);                          \
  }                                                                \
  return true

#define SIGNED(type) (b == -1 ? (type)(0 - (uint64_t)a) : (type)(a / b))
#define UNSIGNED(type) a / b
#define INTEGER(name, type, sign)                                                                                 \
  static bool name(ufi_update update, void *to, const void *from, int64_t n, int64_t step) {                  \
    switch (update) {                                                                                         \
      case UFI_UPDATE_ADD: EACH(type, (uint64_t)a + (uint64_t)b);                                             \
      case UFI_UPDATE_SUB: EACH(type, (uint64_t)a - (uint64_t)b);                                             \
      case UFI_UPDATE_MUL: EACH(type, (uint64_t)a * (uint64_t)b);                                             \
      case UFI_UPDATE_MIN: EACH(type, b < a ? b : a);                                                         \
      case UFI_UPDATE_MAX: EACH(type, a < b ? b : a);                                                         \
      default:                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                     \
          if (((const type *)from)[i * step] == 0) return false;                                              \
        }                                                                                                     \
        EACH(type, sign(type));                                                                               \
    }                                                                                                         \
  }
INTEGER(of_i8, int8_t, SIGNED)
INTEGER(of_i16, int16_t, SIGNED)
INTEGER(of_i32, int32_t, SIGNED)
INTEGER(of_i64, int64_t, SIGNED)
INTEGER(of_u8, uint8_t, UNSIGNED)
INTEGER(of_u16, uint16_t, UNSIGNED)
INTEGER(of_u32, uint32_t, UNSIGNED)
INTEGER(of_u64, uint64_t, UNSIGNED)

#define REAL(name, type)                                                                     \
  static bool name(ufi_update update, void *to, const void *from, int64_t n, int64_t step) { \
    switch (update) {                                                                        \
      case UFI_UPDATE_ADD: EACH(type, a + b);                                                \
      case UFI_UPDATE_SUB: EACH(type, a - b);                                                \
      case UFI_UPDATE_MUL: EACH(type, a * b);                                                \
      case UFI_UPDATE_MIN: EACH(type, b < a ? b : a);                                        \
      case UFI_UPDATE_MAX: EACH(type, a < b ? b : a);                                        \
      default: EACH(type, a / b);                                                            \
    }                                                                                        \
  }
REAL(of_f32, float)
REAL(of_f64, double)

#define COMPLEX(name, type)                                                                  \
  static bool name(ufi_update update, void *to, const void *from, int64_t n, int64_t step) { \
    switch (update) {                                                                        \
      case UFI_UPDATE_ADD: EACH(type, a + b);                                                \
      case UFI_UPDATE_SUB: EACH(type, a - b);                                                \
      case UFI_UPDATE_MUL: EACH(type, a * b);                                                \
      default: EACH(type, a / b);                                                            \
    }                                                                                        \
  }
COMPLEX(of_c64, float complex)
COMPLEX(of_c128, double complex)

static bool of_half(ufi_update update, uf_dtype dtype, uint16_t *to, const uint16_t *from, int64_t n, int64_t step) {
  bool brain = dtype == UF_BFLOAT16;
  for (int64_t i = 0; i < n; i++) {
    float a = brain ? ufi_bfloat_to_float(to[i]) : ufi_half_to_float(to[i]);
    float b = brain ? ufi_bfloat_to_float(from[i * step]) : ufi_half_to_float(from[i * step]);
    of_f32(update, &a, &b, 1, 1);
    to[i] = brain ? ufi_float_to_bfloat(a) : ufi_float_to_half(a);
  }
  return true;
}

bool ufi_update_run(ufi_update update, uf_dtype dtype, void *to, const void *from, int64_t n, int64_t step) {
  size_t size = (size_t)uf_dtype_bits(dtype) / 8;
  if (update == UFI_UPDATE_SET) {
    if (step && n) memcpy(to, from, (size_t)n * size);
    for (int64_t i = 0; i < n && !step; i++) memcpy((char *)to + (size_t)i * size, from, size);
    return true;
  }
  switch (dtype) {
    case UF_FLOAT32: return of_f32(update, to, from, n, step);
    case UF_FLOAT64: return of_f64(update, to, from, n, step);
    case UF_COMPLEX64: return of_c64(update, to, from, n, step);
    case UF_COMPLEX128: return of_c128(update, to, from, n, step);
    case UF_INT8: return of_i8(update, to, from, n, step);
    case UF_INT16: return of_i16(update, to, from, n, step);
    case UF_INT32: return of_i32(update, to, from, n, step);
    case UF_INT64: return of_i64(update, to, from, n, step);
    case UF_UINT8: return of_u8(update, to, from, n, step);
    case UF_UINT16: return of_u16(update, to, from, n, step);
    case UF_UINT32: return of_u32(update, to, from, n, step);
    case UF_UINT64: return of_u64(update, to, from, n, step);
    default: return of_half(update, dtype, to, from, n, step);
  }
}
