/* SPDX-License-Identifier: Apache-2.0
 *
 * astype.c: arrays of numbers from one dtype to another, as NumPy's astype.
 *
 * Floats round to the nearest, ties to even, once. Integers become other integers
 * modulo two to the power of their bits, and floats by rounding. Floats become
 * integers by dropping the fraction; where NumPy's result depends on the machine
 * (the value does not fit, or is NaN), it is the nearest that fits, and 0 for NaN.
 * Anything but 0 is true. A real number is a complex one without an imaginary part;
 * the other way is refused, since it would lose half of the data.
 *
 * Elements pass in blocks through the widest type of their class (int64_t, double),
 * from which every step is the only rounding. float16 and float8 of a double: it is first brought to
 * float32 with the lowest bit set where something was cut off ("round to odd"), so
 * that the second rounding cannot see a tie that was none. int64 to float16, bfloat16
 * and float8 go through float32, as NumPy's do. What is too large for a float8 becomes
 * its infinity, or NaN where it has none, as in ml_dtypes. float32 from and to smaller
 * floats has loops of its own (convert.h).
 */
#include "kernels/kernels.h"

enum { BLOCK = 512 };

typedef enum number_class { NO_NUMBER, SIGNED, UNSIGNED, REAL, COMPLEX } number_class;

static number_class class_of(uf_dtype dtype) {
  switch (dtype) {
    case UF_INT2: case UF_INT4: case UF_INT8: case UF_INT16: case UF_INT32: case UF_INT64:
    case UF_BOOL: return SIGNED;
    case UF_UINT2: case UF_UINT4: case UF_UINT8: case UF_UINT16: case UF_UINT32: case UF_UINT64:
      return UNSIGNED;
    case UF_FLOAT32: case UF_FLOAT64: case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT8_E4M3FN:
    case UF_FLOAT8_E5M2: case UF_FLOAT8_E4M3FNUZ: case UF_FLOAT8_E4M3B11FNUZ:
    case UF_FLOAT8_E5M2FNUZ: case UF_FLOAT4_E2M1FN: return REAL;
    case UF_COMPLEX64: case UF_COMPLEX128: return COMPLEX;
    default: return NO_NUMBER;
  }
}

/* False: it is none. */
static bool float8_of(uf_dtype dtype, ufk_float8 *out) {
  switch (dtype) {
    case UF_FLOAT8_E4M3FN: *out = (ufk_float8){4, 3, 7, 0x7F, 0x7F, 0x7E, false}; return true;
    case UF_FLOAT8_E5M2: *out = (ufk_float8){5, 2, 15, 0x7E, 0x7C, 0x7B, false}; return true;
    case UF_FLOAT8_E4M3FNUZ: *out = (ufk_float8){4, 3, 8, 0x80, 0x80, 0x7F, true}; return true;
    case UF_FLOAT8_E4M3B11FNUZ: *out = (ufk_float8){4, 3, 11, 0x80, 0x80, 0x7F, true}; return true;
    case UF_FLOAT8_E5M2FNUZ: *out = (ufk_float8){5, 2, 16, 0x80, 0x80, 0x7F, true}; return true;
    default: return false;
  }
}

static bool is_target(uf_dtype dtype) {
  if (uf_dtype_bits(dtype) < 8) return false;
  if (class_of(dtype) != REAL) return class_of(dtype) != NO_NUMBER;
  ufk_float8 type;
  return dtype == UF_FLOAT32 || dtype == UF_FLOAT64 || dtype == UF_FLOAT16 || dtype == UF_BFLOAT16 ||
         float8_of(dtype, &type);
}

/* ---- loading ---------------------------------------------------------------------- */

#define LOAD(T, out) \
  for (size_t i = 0; i < n; i++) { T v; memcpy(&v, (const char *)in + i * sizeof v, sizeof v); (out)[i] = v; }

static void load_integers(uf_dtype dtype, const void *in, size_t n, int64_t *out) {
  switch (dtype) {
    case UF_INT8: LOAD(int8_t, out) break;
    case UF_INT16: LOAD(int16_t, out) break;
    case UF_INT32: LOAD(int32_t, out) break;
    case UF_UINT8: LOAD(uint8_t, out) break;
    case UF_UINT16: LOAD(uint16_t, out) break;
    case UF_UINT32: LOAD(uint32_t, out) break;
    case UF_BOOL: for (size_t i = 0; i < n; i++) out[i] = ((const uint8_t *)in)[i] != 0; break;
    default: memcpy(out, in, n * 8); break; /* int64, uint64 as its bits */
  }
}

/* table: of the 8-bit types. complex: n counts both parts. */
static void load_reals(uf_dtype dtype, const float *table, const void *in, size_t n, double *out) {
  switch (dtype) {
    case UF_FLOAT64:
    case UF_COMPLEX128: memcpy(out, in, n * 8); break;
    case UF_FLOAT32:
    case UF_COMPLEX64: LOAD(float, out) break;
    case UF_FLOAT16:
      for (size_t i = 0; i < n; i++) out[i] = ufi_half_to_float(ufi_load16((const char *)in + 2 * i));
      break;
    case UF_BFLOAT16:
      for (size_t i = 0; i < n; i++) out[i] = ufi_bfloat_to_float(ufi_load16((const char *)in + 2 * i));
      break;
    default: for (size_t i = 0; i < n; i++) out[i] = table[((const uint8_t *)in)[i]]; break;
  }
}

/* ---- storing ---------------------------------------------------------------------- */

#define STORE(T, value) \
  for (size_t i = 0; i < n; i++) { T v = (T)(value); memcpy((char *)out + i * sizeof v, &v, sizeof v); }

/* The nearest T; 0 for NaN. end is the power of two past the last T. */
#define FIT(T, v, lo, end, hi) ((v) >= (end) ? (hi) : (v) > (lo) ? (T)(v) : (v) != (v) ? 0 : (T)(lo))

/* float32 of v whose last bit says whether anything was cut off. */
static float round_to_odd(double v) {
  float f = (float)v;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if ((double)f == v || v != v || (bits & 0x7FFFFFFF) == 0x7F800000) return f;
  bool beyond = v < 0 ? (double)f < v : (double)f > v; /* it was rounded away from 0 */
  if (beyond) bits--;
  bits |= 1;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static void store_float8(uf_dtype to, const float *in, size_t n, void *out) {
  ufk_float8 type;
  if (float8_of(to, &type)) ufi_kernels_get()->convert.to_float8(in, n, &type, out);
}

static void store_reals_float8(uf_dtype to, const double *in, size_t n, void *out) {
  float floats[2 * BLOCK];
  for (size_t i = 0; i < n; i++) floats[i] = round_to_odd(in[i]);
  store_float8(to, floats, n, out);
}

static void store_reals(uf_dtype to, const double *in, size_t n, void *out) {
  switch (to) {
    case UF_FLOAT64:
    case UF_COMPLEX128: memcpy(out, in, n * 8); break;
    case UF_FLOAT32:
    case UF_COMPLEX64: STORE(float, in[i]) break;
    case UF_FLOAT16: STORE(uint16_t, ufi_float_to_half(round_to_odd(in[i]))) break;
    case UF_BFLOAT16: STORE(uint16_t, ufi_float_to_bfloat((float)in[i])) break;
    case UF_INT8: STORE(int8_t, FIT(int8_t, in[i], -128.0, 128.0, INT8_MAX)) break;
    case UF_INT16: STORE(int16_t, FIT(int16_t, in[i], -32768.0, 32768.0, INT16_MAX)) break;
    case UF_INT32: STORE(int32_t, FIT(int32_t, in[i], -0x1p31, 0x1p31, INT32_MAX)) break;
    case UF_INT64: STORE(int64_t, FIT(int64_t, in[i], -0x1p63, 0x1p63, INT64_MAX)) break;
    case UF_UINT8: STORE(uint8_t, FIT(uint8_t, in[i], 0.0, 256.0, UINT8_MAX)) break;
    case UF_UINT16: STORE(uint16_t, FIT(uint16_t, in[i], 0.0, 65536.0, UINT16_MAX)) break;
    case UF_UINT32: STORE(uint32_t, FIT(uint32_t, in[i], 0.0, 0x1p32, UINT32_MAX)) break;
    case UF_UINT64: STORE(uint64_t, FIT(uint64_t, in[i], 0.0, 0x1p64, UINT64_MAX)) break;
    case UF_BOOL: STORE(uint8_t, in[i] != 0) break; /* NaN too */
    default: store_reals_float8(to, in, n, out); break;
  }
}

static float float_of(int64_t v, bool is_unsigned) {
  return is_unsigned ? (float)(uint64_t)v : (float)v;
}

static void store_integers_float8(uf_dtype to, const int64_t *in, bool is_unsigned, size_t n, void *out) {
  float floats[BLOCK];
  for (size_t i = 0; i < n; i++) floats[i] = float_of(in[i], is_unsigned);
  store_float8(to, floats, n, out);
}

static void store_integers(uf_dtype to, const int64_t *in, bool is_unsigned, size_t n, void *out) {
  switch (to) {
    case UF_FLOAT64: STORE(double, is_unsigned ? (double)(uint64_t)in[i] : (double)in[i]) break;
    case UF_FLOAT32: STORE(float, float_of(in[i], is_unsigned)) break;
    case UF_FLOAT16: STORE(uint16_t, ufi_float_to_half(float_of(in[i], is_unsigned))) break;
    case UF_BFLOAT16: STORE(uint16_t, ufi_float_to_bfloat(float_of(in[i], is_unsigned))) break;
    case UF_INT8: case UF_UINT8: STORE(uint8_t, in[i]) break;
    case UF_INT16: case UF_UINT16: STORE(uint16_t, in[i]) break;
    case UF_INT32: case UF_UINT32: STORE(uint32_t, in[i]) break;
    case UF_INT64: case UF_UINT64: memcpy(out, in, n * 8); break;
    case UF_BOOL: STORE(uint8_t, in[i] != 0) break;
    default: store_integers_float8(to, in, is_unsigned, n, out); break;
  }
}

/* n reals as pairs with 0, in place, from the end on. */
static void spread(double *values, size_t n) {
  for (size_t i = n; i-- > 0;) {
    values[2 * i] = values[i];
    values[2 * i + 1] = 0;
  }
}

/* ---- the loop --------------------------------------------------------------------- */

static void convert(uf_dtype from, number_class class, const char *in, size_t n, uf_dtype to,
                    char *out) {
  union { int64_t integers[BLOCK]; double reals[2 * BLOCK]; } block;
  float table[256];
  bool to_complex = class_of(to) == COMPLEX;
  size_t from_size = (size_t)uf_dtype_bits(from) / 8, to_size = (size_t)uf_dtype_bits(to) / 8;
  if (uf_dtype_bits(from) < 8) from_size = 1;
  ufi_float8_table(from, table);
  for (size_t at = 0; at < n; at += BLOCK) {
    size_t k = UFI_MIN(n - at, (size_t)BLOCK);
    const char *begin = in + at * from_size;
    if (class == COMPLEX) {
      load_reals(from, table, begin, 2 * k, block.reals);
    } else if (class == REAL) {
      load_reals(from, table, begin, k, block.reals);
    } else {
      load_integers(from, begin, k, block.integers);
      if (to_complex) store_integers(UF_FLOAT64, block.integers, class == UNSIGNED, k, block.reals);
      else store_integers(to, block.integers, class == UNSIGNED, k, out + at * to_size);
      if (!to_complex) continue;
    }
    if (to_complex && class != COMPLEX) spread(block.reals, k);
    store_reals(to, block.reals, to_complex ? 2 * k : k, out + at * to_size);
  }
}

static bool is_aligned(const void *p, uf_dtype dtype) { return (uintptr_t)p % ((size_t)uf_dtype_bits(dtype) / 8) == 0; }

/* float32 from or to a smaller float; false: another pair. */
static bool convert_small(uf_dtype from, const void *in, size_t n, uf_dtype to, void *out) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  float table[256];
  ufk_float8 type;
  if (!is_aligned(in, from) || !is_aligned(out, to)) return false;
  if (from == UF_FLOAT32 && to == UF_FLOAT16) k->to_f16(in, n, out);
  else if (from == UF_FLOAT32 && to == UF_BFLOAT16) k->to_bf16(in, n, out);
  else if (from == UF_FLOAT32 && float8_of(to, &type)) k->to_float8(in, n, &type, out);
  else if (from == UF_FLOAT16 && to == UF_FLOAT32) k->from_f16(in, n, out);
  else if (from == UF_BFLOAT16 && to == UF_FLOAT32) k->from_bf16(in, n, out);
  else if (float8_of(from, &type) && to == UF_FLOAT32 && ufi_float8_table(from, table)) k->from_codes(in, n, table, out);
  else return false;
  return true;
}

uf_status ufi_convert(uf_dtype from, const void *in, int64_t count, uf_dtype to, void *out,
                      uf_error *error) {
  uf_dtype plain = ufi_dtype_unquantized(from);
  number_class class = class_of(plain);
  if (class == NO_NUMBER || !is_target(to) || (class == COMPLEX && class_of(to) != COMPLEX))
    return ufi_fail(error, UF_WRONG_TYPE,
                    "expected numbers that become %s, found dtype %s, which does not; leave it as "
                    "it is", uf_dtype_name(to), uf_dtype_name(from));
  if (plain == UF_INT4 || plain == UF_INT2) plain = UF_INT8; /* unpacked already */
  if (plain == UF_UINT4 || plain == UF_UINT2) plain = UF_UINT8;
  if (uf_dtype_bits(plain) >= 8 && convert_small(plain, in, (size_t)count, to, out)) return UF_OK;
  if (plain == to && count > 0 && plain != UF_BOOL)
    memcpy(out, in, (size_t)count * (size_t)(uf_dtype_bits(to) / 8));
  else
    convert(plain, class, in, (size_t)count, to, out);
  return UF_OK;
}
