/* SPDX-License-Identifier: Apache-2.0
 *
 * difference.c: how much two arrays of one dtype and shape differ, as numpy.isclose
 * with NaN equal to NaN: |a - b| > atol + rtol * |b|.
 *
 * Equal bytes are equal values, which is found at the speed of memory. Elsewise integers are
 * compared as such, all else as double, which holds every float here exactly.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Elements of 8, 16, 32, 64 bits, or converted where the dtype is rare. */
typedef struct reader {
  uf_dtype dtype;
  const char *data; /* need not be aligned */
  void *owned;
} reader;

static bool reader_create(const uf_tensor *t, reader *out) {
  *out = (reader){t->dtype, t->data, NULL};
  switch (t->dtype) {
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT8_E4M3FN: case UF_FLOAT8_E5M2:
    case UF_FLOAT8_E4M3FNUZ: case UF_FLOAT8_E4M3B11FNUZ: case UF_FLOAT8_E5M2FNUZ:
    case UF_FLOAT4_E2M1FN: case UF_INT4: case UF_UINT4: case UF_INT2: case UF_UINT2: break;
    default: return true;
  }
  uf_tensor plain = *t;
  plain.quant = NULL;
  out->dtype = UF_FLOAT32;
  out->data = out->owned = xcalloc((size_t)uf_tensor_count(t), sizeof(float));
  return uf_dequantize(&plain, out->owned, NULL) == UF_OK;
}

#define AT(T, i) \
  ({ T v_; memcpy(&v_, r->data + (size_t)(i) * sizeof(T), sizeof(T)); v_; })

static double value(const reader *r, int64_t i) {
  switch (r->dtype) {
    case UF_INT8: case UF_QINT8: return AT(int8_t, i);
    case UF_UINT8: case UF_QUINT8: return AT(uint8_t, i);
    case UF_BOOL: return AT(uint8_t, i) != 0;
    case UF_INT16: case UF_QINT16: return AT(int16_t, i);
    case UF_UINT16: case UF_QUINT16: return AT(uint16_t, i);
    case UF_INT32: case UF_QINT32: return AT(int32_t, i);
    case UF_UINT32: return AT(uint32_t, i);
    case UF_INT64: return (double)AT(int64_t, i);
    case UF_UINT64: return (double)AT(uint64_t, i);
    case UF_FLOAT64: return AT(double, i);
    default: return AT(float, i);
  }
}

static double part(const reader *r, int64_t i) {
  return r->dtype == UF_COMPLEX128 ? AT(double, i) : (double)AT(float, i);
}

static void note_difference(difference *d, int64_t i, double abs_difference, double of) {
  if (d->count++ == 0) d->first = i;
  d->max_abs = fmax(d->max_abs, abs_difference); /* fmax passes over NaN */
  if (of != 0) d->max_rel = fmax(d->max_rel, abs_difference / fabs(of));
  else d->max_rel = INFINITY;
}

static void compare_reals(const reader *a, const reader *b, int64_t n, const tolerance *tol,
                          difference *out) {
  for (int64_t i = 0; i < n; i++) {
    double x = value(a, i), y = value(b, i);
    if (x == y || (isnan(x) && isnan(y))) continue;
    double d = fabs(x - y);
    if (d <= tol->absolute + tol->relative * fabs(y)) continue;
    note_difference(out, i, isnan(d) ? INFINITY : d, y);
  }
}

static void compare_complex(const reader *a, const reader *b, int64_t n, const tolerance *tol,
                            difference *out) {
  for (int64_t i = 0; i < n; i++) {
    double d[2], size = 0;
    for (int k = 0; k < 2; k++) {
      double x = part(a, 2 * i + k), y = part(b, 2 * i + k);
      d[k] = x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y);
      size = hypot(size, y);
    }
    double distance = hypot(d[0], d[1]);
    if (distance == 0 || distance <= tol->absolute + tol->relative * size) continue;
    note_difference(out, i, isnan(distance) ? INFINITY : distance, size);
  }
}

/* double cannot tell all of these apart. */
static void compare_wide(const reader *a, const reader *b, int64_t n, const tolerance *tol,
                         difference *out) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t x, y;
    memcpy(&x, a->data + 8 * i, 8);
    memcpy(&y, b->data + 8 * i, 8);
    if (x == y) continue;
    bool less = a->dtype == UF_INT64 ? (int64_t)x < (int64_t)y : x < y;
    double d = (double)(less ? y - x : x - y), of = value(b, i);
    if (d > tol->absolute + tol->relative * fabs(of)) note_difference(out, i, d, of);
  }
}

static void compare_strings(const uf_tensor *a, const uf_tensor *b, int64_t n, difference *out) {
  const uf_string *x = a->data, *y = b->data;
  for (int64_t i = 0; i < n; i++) {
    if (x[i].size == y[i].size && (x[i].size == 0 || memcmp(x[i].data, y[i].data, x[i].size) == 0))
      continue;
    if (out->count++ == 0) out->first = i;
  }
}

bool compare(const uf_tensor *a, const uf_tensor *b, const tolerance *tol, difference *out) {
  int64_t n = uf_tensor_count(a);
  reader ra, rb = {0};
  *out = (difference){.first = -1, .numbers = a->dtype != UF_STRING};
  if (a->dtype == UF_STRING) {
    compare_strings(a, b, n, out);
    return true;
  }
  if (a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0)) return true;
  bool good = reader_create(a, &ra) && reader_create(b, &rb);
  if (good) {
    if (ra.dtype == UF_COMPLEX64 || ra.dtype == UF_COMPLEX128) compare_complex(&ra, &rb, n, tol, out);
    else if (ra.dtype == UF_INT64 || ra.dtype == UF_UINT64) compare_wide(&ra, &rb, n, tol, out);
    else compare_reals(&ra, &rb, n, tol, out);
  }
  free(ra.owned);
  free(rb.owned);
  return good;
}
