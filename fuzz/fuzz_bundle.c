/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_bundle.c: any bytes as a checkpoint of version 2: the index (see anysource.h), then
 * its only shard. A crash, a sanitizer report, a leak, or a minute without an answer is a
 * bug.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_bundle.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include "anysource.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  size_t table_size = 0, used = 0;
  uint8_t *table = any_table(bytes, size, &table_size, &used);
  if (!table) return 0;
  any_file files[2] = {{"x.index", table, table_size},
                       {"x.data-00000-of-00001", bytes + used, size - used}};
  any_open(files, "x");
  free(table);
  return 0;
}
