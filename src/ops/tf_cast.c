/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_cast.c: TensorFlow's Cast on the CPU.
 *
 * Integers keep their low bits. Floats become integers by truncation; what does not fit becomes what
 * x86's conversions make of it: the least int32 (int64 for 64 bits), of which narrower ones keep the
 * low bits. Complex numbers lose their imaginary part. float8 are rounded to the nearest, ties to
 * even; what is too large is infinity, or NaN where there is none.
 */
#include "ops/tf_cast.h"

#include <complex.h>
#include <math.h>

#define FLOAT8 (UFI_DTYPE_BIT(FLOAT8_E4M3FN) | UFI_DTYPE_BIT(FLOAT8_E5M2) | UFI_DTYPE_BIT(FLOAT8_E4M3FNUZ) | \
                UFI_DTYPE_BIT(FLOAT8_E4M3B11FNUZ) | UFI_DTYPE_BIT(FLOAT8_E5M2FNUZ))
#define PACKED (UFI_DTYPE_BIT(INT4) | UFI_DTYPE_BIT(UINT4) | UFI_DTYPE_BIT(INT2) | UFI_DTYPE_BIT(UINT2))
static bool is_in(uf_dtype dtype, uint64_t set) { return set >> dtype & 1; }

/* ---- loading: every dtype as one of the classes ---------------------------------------------- */

static ufi_number_class load(const ufi_tensor *x, size_t at, size_t n, ufi_piece *out) {
  const ufi_number_type *type = ufi_number_type_of(x->dtype);
  if (type->class != UFI_NO_NUMBER) {
    type->load((const char *)x->data + at * (size_t)type->size, out, n);
    return type->class;
  }
  if (is_in(x->dtype, FLOAT8)) {
    float table[256];
    ufi_float8_table(x->dtype, table);
    for (size_t i = 0; i < n; ++i) out->reals[i] = table[((const uint8_t *)x->data)[at + i]];
    return UFI_REALS;
  }
  uint8_t bytes[UFI_PIECE];
  ufi_unpack_bytes(x->dtype, (const uint8_t *)x->data + at * (size_t)uf_dtype_bits(x->dtype) / 8, (int64_t)n, bytes);
  const bool is_signed = x->dtype == UF_INT4 || x->dtype == UF_INT2;
  for (size_t i = 0; i < n; ++i) out->ints[i] = is_signed ? (int8_t)bytes[i] : bytes[i];
  return UFI_INTS;
}

/* ---- changing class -------------------------------------------------------------------------------- */

static int64_t to_int(double v, uf_dtype to) {
  const int64_t least = INT64_MIN;
  if (to == UF_UINT64) return v >= 0x1p63 && v < 0x1p64 ? (int64_t)(uint64_t)v : v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : least;
  if (to == UF_INT64) return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : least;
  if (to == UF_UINT32) return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT32_MIN;
  return v > -0x1p31 - 1 && v < 0x1p31 ? (int64_t)v : INT32_MIN;
}

/* Integers are rounded once: to float32 at once where that is next. */
static double from_int(int64_t v, bool natural, bool wide) {
  if (wide) return natural ? (double)(uint64_t)v : (double)v;
  return natural ? (float)(uint64_t)v : (float)v;
}

static ufi_number_class change(ufi_piece *p, ufi_number_class from, uf_dtype to, size_t n) {
  const ufi_number_class class = is_in(to, FLOAT8) ? UFI_REALS : is_in(to, PACKED) ? UFI_INTS : ufi_number_type_of(to)->class;
  const bool wide = to == UF_FLOAT64 || to == UF_COMPLEX128;
  if (from == UFI_COMPLEXES && class != UFI_COMPLEXES) {
    for (size_t i = 0; i < n; ++i) p->reals[i] = creal(p->complexes[i]);
    from = UFI_REALS;
  }
  if (from == class || to == UF_BOOL) return from;
  if (from == UFI_REALS && class != UFI_COMPLEXES) {
    for (size_t i = 0; i < n; ++i) p->ints[i] = to_int(p->reals[i], to);
  } else if (class == UFI_REALS || class == UFI_COMPLEXES) {
    for (size_t i = 0; i < n && from != UFI_REALS; ++i) p->reals[i] = from_int(p->ints[i], from == UFI_NATURALS, wide);
    return UFI_REALS;
  }
  return UFI_INTS;
}

/* ---- storing ------------------------------------------------------------------------------------------ */

/* The code of v among those of positive numbers, which ascend with it. */
static uint8_t float8_code(const float table[256], double v, uf_dtype dtype) {
  const bool five = dtype == UF_FLOAT8_E5M2, negative = signbit(v);
  const uint8_t last = five ? 0x7B : 0x7E, sign = negative ? 0x80 : 0; /* the largest finite one */
  if (v != v) return (uint8_t)(sign | (five ? 0x7E : 0x7F));
  const double size = fabs(v);
  int low = 0, high = last;
  while (low < high) { /* the last one not above */
    const int middle = (low + high + 1) / 2;
    if (table[middle] <= size) low = middle;
    else high = middle - 1;
  }
  const double step = low == last ? table[last] - table[last - 1] : table[low + 1] - table[low];
  const double rest = size - table[low];
  const int code = rest > step / 2 || (rest == step / 2 && (low & 1)) ? low + 1 : low;
  return (uint8_t)(sign | code); /* one past the last: infinity, or NaN */
}

static void store_float8(const ufi_tensor *y, const ufi_piece *p, size_t at, size_t n) {
  float table[256];
  ufi_float8_table(y->dtype, table);
  for (size_t i = 0; i < n; ++i) ((uint8_t *)y->data)[at + i] = float8_code(table, p->reals[i], y->dtype);
}

static void store_packed(const ufi_tensor *y, const ufi_piece *p, size_t at, size_t n) {
  uint8_t bytes[UFI_PIECE];
  for (size_t i = 0; i < n; ++i) bytes[i] = (uint8_t)p->ints[i];
  ufi_pack_bytes(y->dtype, bytes, (int64_t)n, (uint8_t *)y->data + at * (size_t)uf_dtype_bits(y->dtype) / 8);
}

/* Bits of the fraction that a float of a dtype keeps. */
static int fraction_bits(uf_dtype dtype) {
  switch (dtype) {
    case UF_FLOAT64: return 52;
    case UF_FLOAT32: return 23;
    case UF_FLOAT16: return 10;
    case UF_BFLOAT16: return 7;
    case UF_FLOAT8_E4M3FN: return 3;
    default: return 2;
  }
}
static void drop_bits(ufi_piece *p, size_t n, uf_dtype from, uf_dtype to) {
  if (fraction_bits(from) <= fraction_bits(to)) return;
  const uint64_t mask = ~UINT64_C(0) << (52 - fraction_bits(to));
  for (size_t i = 0; i < n; ++i)
    if (p->reals[i] == p->reals[i]) p->naturals[i] &= mask;
}

void ufi_tf_cast(const ufi_tensor *x, const ufi_tensor *y, bool truncate, size_t begin, size_t end) {
  ufi_piece piece;
  for (size_t at = begin; at < end; at += UFI_PIECE) {
    const size_t n = UFI_MIN(end - at, (size_t)UFI_PIECE);
    ufi_number_class class = load(x, at, n, &piece);
    const bool was_real = class == UFI_REALS;
    class = change(&piece, class, y->dtype, n);
    if (truncate && was_real && class == UFI_REALS) drop_bits(&piece, n, x->dtype, y->dtype);
    if (is_in(y->dtype, FLOAT8)) store_float8(y, &piece, at, n);
    else if (is_in(y->dtype, PACKED)) store_packed(y, &piece, at, n);
    else ufi_number_store(class, y->dtype)(&piece, (char *)y->data + at * (size_t)uf_dtype_bits(y->dtype) / 8, n);
  }
}

uf_status ufi_tf_cast_check(ufi_ctx *ctx, uf_dtype from, uf_dtype to) {
  const uint64_t f8 = UFI_DTYPE_BIT(FLOAT8_E4M3FN) | UFI_DTYPE_BIT(FLOAT8_E5M2);
  const bool from_number = ufi_number_type_of(from)->class != UFI_NO_NUMBER || is_in(from, FLOAT8 | PACKED);
  const bool to_number = ufi_number_type_of(to)->class != UFI_NO_NUMBER;
  const bool good = from == to || (from_number && to_number) || (is_in(to, f8) && is_in(from, UFI_FLOATS | FLOAT8)) ||
                    (is_in(to, PACKED) && (is_in(from, UFI_INTEGERS | PACKED) || ufi_dtype_unquantized(from) != from));
  if (good) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "Cast %s to %s is not supported: expected numbers, found '%s'",
                      uf_dtype_name(from), uf_dtype_name(to), ctx->in[0]->name);
}
