/* SPDX-License-Identifier: Apache-2.0
 *
 * join.c: rows of numbers joined element by element. Six dtypes have loops; the others are
 * converted to one of them and back, a few elements at a time.
 */
#include "ops/join.h"

#include <float.h>
#include <math.h>

enum { CHUNK = 128 };

uf_dtype ufi_join_wide(uf_dtype dtype) {
  switch (dtype) {
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: return UF_FLOAT32;
    case UF_FLOAT64: return UF_FLOAT64;
    case UF_INT32: return UF_INT32;
    case UF_BOOL: case UF_INT8: case UF_INT16: case UF_UINT8: case UF_UINT16: case UF_UINT32:
    case UF_INT64: return UF_INT64;
    case UF_UINT64: return UF_UINT64;
    case UF_COMPLEX64: case UF_COMPLEX128: return UF_COMPLEX128;
    default: return UF_INVALID;
  }
}

bool ufi_join_takes(ufi_join how, uf_dtype dtype) {
  bool ordered = how == UFI_JOIN_MIN || how == UFI_JOIN_MAX;
  if (how == UFI_JOIN_SET) return uf_dtype_bits(dtype) >= 8;
  if (dtype == UF_BOOL) return ordered || how == UFI_JOIN_ADD;
  if (dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128) return !ordered;
  return ufi_join_wide(dtype) != UF_INVALID;
}

#define EACH(T, expression) \
  for (int64_t i = 0; i < n; i++) { const T a = x[i], b = y[i]; x[i] = (T)(expression); } \
  break
/* U: T without a sign, in which sums and products wrap around. */
#define JOIN(name, T, U, QUOTIENT)                                                    \
  static void name(ufi_join how, T *x, const T *y, int64_t n) {                       \
    switch (how) {                                                                    \
      case UFI_JOIN_ADD: EACH(T, (U)a + (U)b);                                        \
      case UFI_JOIN_SUB: EACH(T, (U)a - (U)b);                                        \
      case UFI_JOIN_MUL: EACH(T, (U)a * (U)b);                                        \
      case UFI_JOIN_DIV: EACH(T, QUOTIENT);                                           \
      case UFI_JOIN_MIN: EACH(T, b < a ? b : a);                                      \
      case UFI_JOIN_MAX: EACH(T, a < b ? b : a);                                      \
      default: break;                                                                 \
    }                                                                                 \
  }
JOIN(join_f32, float, float, a / b)
JOIN(join_f64, double, double, a / b)
JOIN(join_i32, int32_t, uint32_t, b == 0 ? 0 : b == -1 ? (int32_t)(0 - (uint32_t)a) : a / b)
JOIN(join_i64, int64_t, uint64_t, b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b)
JOIN(join_u64, uint64_t, uint64_t, b == 0 ? 0 : a / b)

static void join_c128(ufi_join how, double _Complex *x, const double _Complex *y, int64_t n) {
  switch (how) {
    case UFI_JOIN_ADD: EACH(double _Complex, a + b);
    case UFI_JOIN_SUB: EACH(double _Complex, a - b);
    case UFI_JOIN_MUL: EACH(double _Complex, a * b);
    case UFI_JOIN_DIV: EACH(double _Complex, a / b);
    default: break;
  }
}

static void join_wide(ufi_join how, uf_dtype wide, void *to, const void *from, int64_t n) {
  switch (wide) {
    case UF_FLOAT32: join_f32(how, to, from, n); break;
    case UF_FLOAT64: join_f64(how, to, from, n); break;
    case UF_INT32: join_i32(how, to, from, n); break;
    case UF_INT64: join_i64(how, to, from, n); break;
    case UF_UINT64: join_u64(how, to, from, n); break;
    default: join_c128(how, to, from, n); break;
  }
}

/* Conversions between dtypes that ufi_join_wide pairs do not fail. */
static void convert(uf_dtype from, const void *in, int64_t n, uf_dtype to, void *out) {
  uf_error unused;
  if (ufi_convert(from, in, n, to, out, &unused) != UF_OK) return;
}

void ufi_join_run(ufi_join how, uf_dtype dtype, void *to, const void *from, int64_t n) {
  const size_t size = (size_t)uf_dtype_bits(dtype) / 8;
  const uf_dtype wide = ufi_join_wide(dtype);
  _Alignas(16) char a[CHUNK * 16], b[CHUNK * 16];
  if (n <= 0) return;
  if (how == UFI_JOIN_SET) {
    memcpy(to, from, (size_t)n * size);
    return;
  }
  if (wide == dtype) {
    join_wide(how, wide, to, from, n);
    return;
  }
  for (int64_t i = 0; i < n; i += CHUNK) {
    const int64_t m = UFI_MIN(n - i, (int64_t)CHUNK);
    char *x = (char *)to + (size_t)i * size;
    convert(dtype, x, m, wide, a);
    convert(dtype, (const char *)from + (size_t)i * size, m, wide, b);
    join_wide(how, wide, a, b, m);
    convert(wide, a, m, dtype, x); /* to bool: anything but 0 is true */
  }
}

static bool is_signed(uf_dtype dtype) {
  return dtype == UF_INT8 || dtype == UF_INT16 || dtype == UF_INT32 || dtype == UF_INT64;
}

void ufi_join_start(ufi_join how, uf_dtype dtype, bool infinite, void *out) {
  const bool most = how == UFI_JOIN_MIN;
  const int bits = uf_dtype_bits(dtype);
  uint64_t limit;
  double value;
  if (how != UFI_JOIN_MIN && how != UFI_JOIN_MAX) {
    int64_t small = how == UFI_JOIN_MUL || how == UFI_JOIN_DIV;
    convert(UF_INT64, &small, 1, dtype, out);
    return;
  }
  switch (dtype) {
    case UF_FLOAT64: value = DBL_MAX; break;
    case UF_FLOAT32: value = (double)FLT_MAX; break;
    case UF_FLOAT16: value = 65504.0; break;
    case UF_BFLOAT16: value = 0x1.FEp127; break;
    case UF_BOOL: *(uint8_t *)out = most; return;
    default:
      limit = ~(uint64_t)0 >> (64 - bits); /* of unsigned ones */
      if (is_signed(dtype)) limit = most ? limit >> 1 : ~(limit >> 1);
      else if (!most) limit = 0;
      memcpy(out, &limit, (size_t)bits / 8); /* little-endian: the low bytes */
      return;
  }
  if (infinite) value = INFINITY;
  if (!most) value = -value;
  convert(UF_FLOAT64, &value, 1, dtype, out);
}
