/* SPDX-License-Identifier: Apache-2.0
 *
 * strings.c: string tensors.
 *
 * A string tensor is one buf: n uf_string elements, then all characters one
 * after the other, to which the elements point. So a string tensor is kept
 * alive by one reference, like any other.
 */
#include "base/base.h"

uf_status ufi_strings_pack(const uf_string *elements, int64_t n, uf_buf **buf_out,
                           uf_error *error) {
  size_t total;
  if (n < 0 || !ufi_mul_size((size_t)n, sizeof(uf_string), &total))
    return ufi_no_memory(error, SIZE_MAX);
  for (int64_t i = 0; i < n; i++)
    if (!ufi_add_size(total, elements[i].size, &total)) return ufi_no_memory(error, SIZE_MAX);
  uf_buf *buf = uf_buf_create(total);
  if (!buf) return ufi_no_memory(error, total);
  uf_string *strings = uf_buf_data(buf);
  char *characters = (char *)(strings + n);
  for (int64_t i = 0; i < n; i++) {
    strings[i] = (uf_string){characters, elements[i].size};
    if (elements[i].size) memcpy(characters, elements[i].data, elements[i].size);
    characters += elements[i].size;
  }
  *buf_out = buf;
  return UF_OK;
}
