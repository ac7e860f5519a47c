/* SPDX-License-Identifier: Apache-2.0
 *
 * test_oom.c: every allocation on the way from bytes to values fails once.
 *
 * For each seed model of the fuzzers: open, session, allocate, run, read every
 * tensor and all state, fork; with the n-th allocation failing, n = 1, 2 ...
 * until nothing fails any more. Each failure must say out of memory or be
 * made up for; under AddressSanitizer none may leak.
 *
 *   test_oom fuzz/corpus/tflite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/base.h"

#define MOST_ALLOCATIONS 5000
#define CALM 40 /* so many later failures change nothing: the sweep is through */

static const char *folder_path;

static uf_status read_all(uf_session *session, int32_t n_values, uf_error *error) {
  for (int32_t i = 0; i < n_values; i++) {
    uf_tensor tensor;
    uf_error reason = {0};
    uf_status status = uf_session_read(session, 0, i, &tensor, &reason);
    if (status == UF_OK) uf_tensor_release(&tensor);
    if (status == UF_RESOURCE_EXHAUSTED) return ufi_fail(error, status, "%s", reason.message);
  }
  int32_t n = 0;
  return uf_session_state_count(session, &n, error);
}

static void clear_inputs(uf_session *session, const uf_graph_info *graph) {
  for (int32_t i = 0; i < graph->n_inputs; i++) {
    uf_tensor tensor;
    if (uf_session_live(session, 0, graph->inputs[i], &tensor, NULL) != UF_OK) continue;
    if (tensor.data) memset(tensor.data, 0, tensor.size);
    uf_tensor_release(&tensor);
  }
}

static uf_status run_all(uf_session *session, const uf_graph_info *graph, uf_error *error) {
  UFI_TRY(uf_session_allocate(session, 0, error));
  clear_inputs(session, graph);
  UFI_TRY(uf_session_run(session, 0, error));
  UFI_TRY(read_all(session, graph->n_values, error));
  uf_session *fork = NULL;
  UFI_TRY(uf_session_fork(session, &fork, error));
  uf_status status = uf_session_run(fork, 0, error);
  uf_session_release(fork);
  return status;
}

/* The whole way, with inputs of zeros. */
static uf_status whole_way(uf_buf *file, uf_error *error) {
  uf_model *model = NULL;
  uf_session *session = NULL;
  uf_graph_info graph;
  uf_status status = uf_model_open_buf(file, NULL, &model, error);
  if (status == UF_OK) status = uf_model_graph(model, 0, &graph, error);
  if (status == UF_OK) status = uf_session_create(model, NULL, &session, error);
  if (status == UF_OK) status = run_all(session, &graph, error);
  uf_session_release(session);
  uf_model_release(model);
  return status;
}

static uf_status with_failure(uf_buf *file, int64_t n, uf_error *error) {
  *error = (uf_error){0};
  ufi_fail_allocation(n);
  uf_status status = whole_way(file, error);
  ufi_fail_allocation(0);
  return status;
}

static void sweep(const char *name, uf_buf *file) {
  uf_error expected, error;
  uf_status wanted = with_failure(file, 0, &expected);
  int calm = 0;
  for (int64_t n = 1; calm < CALM; n++) {
    assert_true(n < MOST_ALLOCATIONS);
    uf_status status = with_failure(file, n, &error);
    bool same = status == wanted && strcmp(error.message, expected.message) == 0;
    calm = same ? calm + 1 : 0;
    if (!same && status != UF_RESOURCE_EXHAUSTED) {
      fail_msg("%s: allocation %d fails: found %s: %s", name, (int)n, uf_status_text(status),
               error.message);
    }
  }
}

static uf_buf *load(const char *path) {
  uf_buf *file = NULL;
  uf_error error = {0};
  if (ufi_map_file(path, &file, &error) != UF_OK) fail_msg("%s", error.message);
  return file;
}

static void every_allocation_may_fail(void **state) {
  DIR *folder = opendir(folder_path);
  assert_non_null(folder);
  int models = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (!strstr(entry->d_name, ".tflite")) continue;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder_path, entry->d_name);
    uf_buf *file = load(path);
    sweep(entry->d_name, file);
    uf_buf_release(file);
    models++;
  }
  closedir(folder);
  assert_true(models > 0);
}

int main(int argc, char **argv) {
  folder_path = argc > 1 ? argv[1] : "fuzz/corpus/tflite";
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
