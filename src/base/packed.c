/* SPDX-License-Identifier: Apache-2.0
 *
 * packed.c: elements of 2 and 4 bits, packed (as all tensors here hold them, low bits
 * first) and one a byte (as TensorFlow's files do, signed ones with their sign extended).
 */
#include "base/base.h"

void ufi_pack_bytes(uf_dtype dtype, const uint8_t *in, int64_t n, uint8_t *out) {
  int bits = uf_dtype_bits(dtype), per_byte = 8 / bits;
  uint8_t mask = (uint8_t)((1 << bits) - 1);
  for (int64_t i = 0; i < n; out++) {
    unsigned byte = 0;
    for (int k = 0; k < per_byte && i < n; k++, i++) byte |= (unsigned)(in[i] & mask) << (k * bits);
    *out = (uint8_t)byte;
  }
}

void ufi_unpack_bytes(uf_dtype dtype, const uint8_t *in, int64_t n, uint8_t *out) {
  int bits = uf_dtype_bits(dtype), per_byte = 8 / bits;
  uint8_t mask = (uint8_t)((1 << bits) - 1);
  bool is_signed = dtype == UF_INT4 || dtype == UF_INT2;
  uint8_t sign = is_signed ? (uint8_t)(1 << (bits - 1)) : 0; /* (v ^ sign) - sign extends it */
  for (int64_t i = 0; i < n; i++) {
    unsigned v = (unsigned)in[i / per_byte] >> (int)(i % per_byte) * bits & mask;
    out[i] = (uint8_t)((v ^ sign) - sign);
  }
}

uf_status uf_unpack(const uf_tensor *t, void *out, uf_error *error) {
  int64_t n = 0;
  UFI_TRY(ufi_tensor_check(t, &n, error));
  int bits = uf_dtype_bits(t->dtype);
  if (bits == 0 || bits >= 8)
    return ufi_fail(error, UF_WRONG_TYPE,
                    "expected int4, uint4, int2, uint2 or float4_e2m1fn, found %s",
                    uf_dtype_name(t->dtype));
  ufi_unpack_bytes(t->dtype, t->data, n, out);
  return UF_OK;
}
