/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_graphdef.c: any bytes as a GraphDef, MetaGraph or SavedModel, binary and as text. A crash, a
 * sanitizer report, a leak, or a minute without an answer is a bug.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz/fuzz_graphdef.c
 *
 * fuzz/replay_corpus.c runs the same function over fuzz/corpus in the normal tests.
 */
#include "anysource.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  any_buf(bytes, size, "x.pb");
  any_buf(bytes, size, "x.pbtxt");
  return 0;
}
