/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_npz.c: reads any bytes as an archive of arrays and as a single array. A
 * crash, a sanitizer report or a leak is a bug.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_npz.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include <stdint.h>

#include "format/npy.h"
#include "format/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint32_t sink; /* so that reads are not optimised away */

static void touch(const void *bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += ((const uint8_t *)bytes)[i];
  sink += sum;
}

static void decode(uf_buf *buf, bool may_share) {
  uf_tensor t;
  uf_error error;
  if (ufi_npy_decode(buf, may_share, &t, &error) != UF_OK) {
    touch(error.message, strlen(error.message));
    return;
  }
  touch(t.data, t.size);
  const uf_string *strings = t.data;
  for (int64_t i = 0; t.dtype == UF_STRING && i < uf_tensor_count(&t); i++)
    touch(strings[i].data, strings[i].size);
  uf_tensor_release(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uf_buf *buf = uf_buf_create(size);
  if (!buf) return 0;
  if (size) memcpy(uf_buf_data(buf), bytes, size);
  ufi_zip zip;
  uf_error error;
  if (ufi_zip_open(buf, "fuzz", &zip, &error) == UF_OK) {
    for (size_t i = 0; i < zip.count; i++) {
      uf_buf *member;
      /* Changed members fail their CRC: the arrays below have none. */
      if (ufi_zip_read(&zip, &zip.entries[i], &member, &error) != UF_OK) continue;
      decode(member, zip.entries[i].method != 0);
      uf_buf_release(member);
    }
    ufi_zip_close(&zip);
  }
  decode(buf, false);
  uf_buf_release(buf);
  return 0;
}
