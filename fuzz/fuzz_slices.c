/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_slices.c: any bytes as a checkpoint of version 1, one table (see anysource.h), as a
 * file and from memory. A crash, a sanitizer report, a leak, or a minute without an answer
 * is a bug.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_slices.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include "anysource.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  size_t table_size = 0, used = 0;
  uint8_t *table = any_table(bytes, size, &table_size, &used);
  if (!table) return 0;
  any_file files[2] = {{"x", table, table_size}};
  any_open(files, "x");
  any_buf(table, table_size, "x");
  free(table);
  return 0;
}
