/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tf_damage.c: the graphs of the fuzzer's corpus, cut off and with bytes
 * changed, through all that fuzz_tfgraph.c does with them. Nothing may crash;
 * under sanitizers, nothing may be read outside of memory or leak.
 *
 *   test_tf_damage fuzz/corpus/tfgraph
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define TRIES 150 /* of a file: cuts and changes, spread over its length */

static const char *folder_path;

static void damage(const uint8_t *bytes, size_t size) {
  static const uint8_t masks[] = {0x01, 0x80, 0x7F, 0xFF, 0x08};
  size_t step = size / TRIES + 1;
  uint8_t *copy = malloc(size + 1);
  assert_non_null(copy);
  for (size_t at = 0; at < size; at += step) {
    LLVMFuzzerTestOneInput(bytes, at);
    memcpy(copy, bytes, size);
    copy[at] ^= masks[at % UFI_COUNT(masks)];
    LLVMFuzzerTestOneInput(copy, size);
  }
  free(copy);
}

static void damaged_graphs(void **state) {
  DIR *folder = opendir(folder_path);
  int files = 0;
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[4096];
    uf_buf *file = NULL;
    if (!strstr(entry->d_name, ".pb")) continue;
    snprintf(path, sizeof path, "%s/%s", folder_path, entry->d_name);
    assert_int_equal(ufi_map_file(path, &file, NULL), UF_OK);
    damage(uf_buf_data(file), uf_buf_size(file));
    uf_buf_release(file);
    files++;
  }
  closedir(folder);
  assert_true(files > 0);
}

int main(int argc, char **argv) {
  folder_path = argc > 1 ? argv[1] : "fuzz/corpus/tfgraph";
  const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_graphs)};
  return cmocka_run_group_tests_name("tf_damage", tests, NULL, NULL);
}
