/* SPDX-License-Identifier: Apache-2.0
 *
 * strings.c: string tensors as one block: the elements, then their characters.
 */
#include "base/base.h"

uf_status ufi_strings_pack(const uf_string *elements, int64_t n, uf_buf **buf_out, uf_error *error) {
  size_t bytes;
  if (n < 0 || !ufi_mul_size((size_t)n, sizeof *elements, &bytes)) return ufi_no_memory(error, SIZE_MAX);
  size_t front = bytes;
  for (int64_t i = 0; i < n; i++) {
    if (!ufi_add_size(bytes, elements[i].size, &bytes)) return ufi_no_memory(error, SIZE_MAX);
  }
  uf_buf *buf = uf_buf_create(bytes);
  if (buf == NULL) return ufi_no_memory(error, bytes);
  uf_string *out = uf_buf_data(buf);
  char *characters = (char *)out + front;
  for (int64_t i = 0; i < n; i++) {
    size_t size = elements[i].size;
    if (size) memcpy(characters, elements[i].data, size);
    out[i] = (uf_string){characters, size};
    characters += size;
  }
  *buf_out = buf;
  return UF_OK;
}
