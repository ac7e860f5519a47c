/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_write.c: tensors as NumPy's array files.
 *
 * A .npy of version 1 is "\x93NUMPY", the bytes 1 and 0, a little-endian uint16
 * with the length of the header text, the text, the array. The text is a
 * Python dict with exactly the keys descr (the dtype), fortran_order and shape,
 * filled with spaces and ended by a newline so that the array begins at a
 * multiple of 64. With our ranks and dtypes the text always fits version 1.
 *
 * Types that NumPy lacks: bfloat16 and float8 are written as void of their
 * width, as ml_dtypes does (a.view(ml_dtypes.bfloat16) brings them back); packed
 * elements as one byte each (float4 as void of one); quantized kinds as their integers; strings as bytes of the longest one's width, to
 * which shorter ones are filled with NULs (which NumPy strips again).
 */
#include <stdio.h>

#include "format/npy.h"

enum { PREFIX = 10, ALIGNMENT = 64 };

/* NumPy's name of dtype; NULL for strings and for what has no value. */
static const char *descr_of(uf_dtype dtype) {
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_FLOAT16: return "<f2";
    case UF_FLOAT32: return "<f4";
    case UF_FLOAT64: return "<f8";
    case UF_BFLOAT16: return "<V2";
    case UF_FLOAT8_E4M3FN:
    case UF_FLOAT8_E5M2:
    case UF_FLOAT8_E4M3FNUZ:
    case UF_FLOAT8_E4M3B11FNUZ:
    case UF_FLOAT8_E5M2FNUZ:
    case UF_FLOAT4_E2M1FN: return "<V1";
    case UF_COMPLEX64: return "<c8";
    case UF_COMPLEX128: return "<c16";
    case UF_INT2:
    case UF_INT4:
    case UF_INT8: return "|i1";
    case UF_INT16: return "<i2";
    case UF_INT32: return "<i4";
    case UF_INT64: return "<i8";
    case UF_UINT2:
    case UF_UINT4:
    case UF_UINT8: return "|u1";
    case UF_UINT16: return "<u2";
    case UF_UINT32: return "<u4";
    case UF_UINT64: return "<u8";
    case UF_BOOL: return "|b1";
    default: return NULL;
  }
}

static void write_header(ufi_npy *npy, const char *descr, const uf_tensor *t) {
  char *text = npy->header + PREFIX;
  size_t room = UFI_NPY_HEADER_MAX - PREFIX;
  size_t n = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                              descr);
  for (int32_t i = 0; i < t->rank; i++)
    n += (size_t)snprintf(text + n, room - n, i == 0 ? "%lld" : ", %lld", (long long)t->dims[i]);
  n += (size_t)snprintf(text + n, room - n, t->rank == 1 ? ",), }" : "), }");
  size_t total = (PREFIX + n + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  memset(text + n, ' ', total - PREFIX - n);
  npy->header[total - 1] = '\n';
  uint16_t length = (uint16_t)(total - PREFIX);
  memcpy(npy->header, "\x93NUMPY\x01", 8);
  npy->header[8] = (char)length;
  npy->header[9] = (char)(length >> 8);
  npy->header_size = total;
}

static uf_status convert_strings(const uf_tensor *t, int64_t count, ufi_npy *npy,
                                 size_t *width_out, uf_error *error) {
  const uf_string *strings = t->data;
  size_t width = 1; /* NumPy has no bytes arrays of width 0 */
  for (int64_t i = 0; i < count; i++) width = UFI_MAX(width, strings[i].size);
  if (!ufi_mul_size(width, (size_t)count, &npy->body_size) || npy->body_size > PTRDIFF_MAX)
    return ufi_no_memory(error, SIZE_MAX);
  npy->converted = uf_buf_create(npy->body_size);
  if (!npy->converted) return ufi_no_memory(error, npy->body_size);
  char *out = uf_buf_data(npy->converted);
  npy->body = out;
  for (int64_t i = 0; i < count; i++, out += width) {
    size_t size = strings[i].size;
    if (size) memcpy(out, strings[i].data, size);
    memset(out + size, 0, width - size);
  }
  *width_out = width;
  return UF_OK;
}

static uf_status convert_packed(const uf_tensor *t, int64_t count, ufi_npy *npy,
                                uf_error *error) {
  npy->body_size = (size_t)count;
  npy->converted = uf_buf_create(npy->body_size);
  if (!npy->converted) return ufi_no_memory(error, npy->body_size);
  npy->body = uf_buf_data(npy->converted);
  return uf_unpack(t, uf_buf_data(npy->converted), error);
}

uf_status ufi_npy_encode(const uf_tensor *t, ufi_npy *npy, uf_error *error) {
  int64_t count = 0;
  UFI_TRY(ufi_tensor_check(t, &count, error));
  *npy = (ufi_npy){.body = t->data};
  char bytes_descr[32];
  const char *descr = descr_of(t->dtype);
  uf_status status = UF_OK;
  if (t->dtype == UF_STRING) {
    size_t width = 0;
    status = convert_strings(t, count, npy, &width, error);
    snprintf(bytes_descr, sizeof bytes_descr, "|S%zu", width);
    descr = bytes_descr;
  } else if (!descr) {
    return ufi_fail(error, UF_WRONG_TYPE,
                    "expected numbers or strings, found dtype %s, which no .npy can hold; "
                    "write the value it refers to", uf_dtype_name(t->dtype));
  } else if (uf_dtype_bits(t->dtype) < 8) {
    status = convert_packed(t, count, npy, error);
  } else {
    npy->body_size = (size_t)count * (size_t)(uf_dtype_bits(t->dtype) / 8);
  }
  if (status == UF_OK) {
    write_header(npy, descr, t);
  } else {
    uf_buf_release(npy->converted);
    npy->converted = NULL;
  }
  return status;
}
