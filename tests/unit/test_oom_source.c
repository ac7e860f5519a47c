/* SPDX-License-Identifier: Apache-2.0
 *
 * test_oom_source.c: every allocation on the way from files to arrays fails once.
 *
 * For the whole ones among the seeds of the sources' fuzzers: open, list, name, find, read
 * (views, copies, parts, all at once), verify, nodes; with the n-th allocation failing,
 * n = 1, 2 ... until nothing fails any more. Each failure must say out of memory or be made
 * up for, and the same source must give everything afterwards; under AddressSanitizer
 * nothing may leak.
 *
 *   test_oom_source fuzz/corpus
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../fuzz/anysource.h"
#include "base/base.h"

#define MOST_ALLOCATIONS 3000
#define CALM 30 /* so many later failures change nothing: the sweep is through */

static const char *corpus;

typedef struct seed {
  const char *folder, *name;
  uint8_t bytes[1 << 14];
  size_t size;
} seed;

/* The first failure of a way is kept; the way goes on. */
typedef struct report {
  uf_status status;
  uf_error error;
} report;

static void note(report *r, uf_status status, const uf_error *error) {
  if (status == UF_OK || r->status != UF_OK) return;
  r->status = status;
  r->error = *error;
}

static void read_entries(uf_source *source, const uf_entry *const *entries, size_t n, report *r) {
  uf_error error = {0};
  for (size_t i = 0; i < n; i++) {
    if (strncmp(entries[i]->name, "huge", 4) == 0) continue; /* more than any memory */
    uf_region part = {{0}, {0}};
    for (int32_t d = 0; d < entries[i]->rank; d++) part.extent[d] = entries[i]->dims[d] > 1 ? 1 : 0;
    bool packed = uf_dtype_bits(entries[i]->dtype) < 8 && entries[i]->dtype != UF_STRING;
    for (int flags = 0; flags < 8; flags += 3) {
      uf_tensor tensor = {0};
      note(r, uf_source_read(source, entries[i], NULL, flags, &tensor, &error), &error);
      uf_tensor_release(&tensor);
      tensor = (uf_tensor){0};
      if (!packed) note(r, uf_source_read(source, entries[i], &part, flags, &tensor, &error), &error);
      uf_tensor_release(&tensor);
    }
    note(r, uf_source_verify(source, entries[i], &error), &error);
  }
}

static void read_together(uf_source *source, const uf_entry *const *entries, size_t n, report *r) {
  uf_error error = {0};
  uf_tensor tensors[64] = {{0}};
  if (n > 64) n = 64;
  for (size_t i = 0; i < n; i++)
    if (strncmp(entries[i]->name, "huge", 4) == 0) return;
  uf_status status = uf_source_read_all(source, entries, n, 1, tensors, &error);
  note(r, status, &error);
  for (size_t i = 0; status == UF_OK && i < n; i++) uf_tensor_release(&tensors[i]);
}

static void read_attributes(uf_source *source, report *r) {
  uf_graph_node node;
  uf_error error = {0};
  for (size_t i = 0;; i++) {
    uf_status status = uf_source_node(source, i, &node, &error);
    if (status == UF_OUT_OF_RANGE) return;
    note(r, status, &error);
    if (status != UF_OK) return;
    for (int32_t j = 0; j < node.n_attrs; j++) {
      uf_attr attr;
      uf_tensor tensor = {0};
      int32_t count;
      if (strncmp(node.name, "huge", 4) == 0) continue;
      note(r, uf_source_attr(source, i, j, 0, &attr, &tensor, &count, &error), &error);
      uf_tensor_release(&tensor);
    }
  }
}

static void use(uf_source *source, report *r) {
  const uf_entry *entry, *const *entries = NULL;
  const uf_variable *variables;
  uf_error error = {0};
  size_t n = 0, n_variables;
  uf_status status = uf_source_find(source, "a", &entry, &error);
  if (status != UF_NOT_FOUND) note(r, status, &error);
  status = uf_source_entries(source, &entries, &n, &error);
  note(r, status, &error);
  if (status == UF_OK) read_entries(source, entries, n, r);
  if (status == UF_OK) read_together(source, entries, n, r);
  note(r, uf_source_variables(source, &variables, &n_variables, &error), &error);
  read_attributes(source, r);
}

static uf_status open_table(const seed *s, any_file files[2], const uf_filesystem *fs,
                            uf_source **source_out, uf_error *error) {
  uf_source_options options = {.struct_size = sizeof options, .filesystem = fs};
  return uf_source_open("x", &options, source_out, error);
}

static uf_status open_memory(const seed *s, uf_buf *buf, uf_source **source_out, uf_error *error) {
  uf_source_options options = {.struct_size = sizeof options, .name = s->name};
  return uf_source_open_buf(buf, &options, source_out, error);
}

/* With the n-th allocation failing, then once more on the same source without. */
static report whole_way(const seed *s, int64_t n) {
  report r = {.status = UF_OK}, after = {.status = UF_OK};
  bool is_table = strcmp(s->folder, "bundle") == 0 || strcmp(s->folder, "slices") == 0;
  size_t table_size = 0, used = 0;
  uint8_t *table = is_table ? any_table(s->bytes, s->size, &table_size, &used) : NULL;
  bool v2 = strcmp(s->folder, "bundle") == 0;
  any_file files[2] = {{v2 ? "x.index" : "x", table, table_size},
                       {v2 ? "x.data-00000-of-00001" : NULL, s->bytes + used, s->size - used}};
  uf_filesystem fs = {.struct_size = sizeof fs, .context = files, .size = any_size,
                      .read = any_read, .list = any_list};
  uf_buf *buf = uf_buf_create(s->size);
  memcpy(uf_buf_data(buf), s->bytes, s->size);
  uf_source *source = NULL;
  uf_error error = {0};
  ufi_fail_allocation(n);
  uf_status status = is_table ? open_table(s, files, &fs, &source, &error)
                              : open_memory(s, buf, &source, &error);
  note(&r, status, &error);
  if (status == UF_OK) use(source, &r);
  ufi_fail_allocation(0);
  if (status == UF_OK) use(source, &after);
  if (after.status != UF_OK)
    fail_msg("%s/%s: allocation %d failed before: found %s: %s", s->folder, s->name, (int)n,
             uf_status_text(after.status), after.error.message);
  uf_source_release(source);
  uf_buf_release(buf);
  free(table);
  return r;
}

static void sweep(const seed *s) {
  report whole = whole_way(s, 0);
  if (whole.status != UF_OK) fail_msg("%s/%s: %s", s->folder, s->name, whole.error.message);
  int calm = 0, failures = 0;
  for (int64_t n = 1; calm < CALM; n++) {
    assert_true(n < MOST_ALLOCATIONS);
    report r = whole_way(s, n);
    calm = r.status == UF_OK ? calm + 1 : 0;
    failures += r.status != UF_OK;
    if (r.status != UF_OK && r.status != UF_RESOURCE_EXHAUSTED)
      fail_msg("%s/%s: allocation %d fails: found %s: %s", s->folder, s->name, (int)n,
               uf_status_text(r.status), r.error.message);
  }
  assert_true(failures > 5);
}

static void load(seed *s) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s/%s", corpus, s->folder, s->name);
  FILE *file = fopen(path, "rb");
  if (!file) fail_msg("%s: cannot be opened", path);
  s->size = fread(s->bytes, 1, sizeof s->bytes, file);
  fclose(file);
}

static void every_allocation_may_fail(void **state) {
  static const char *const seeds[][2] = {
    {"bundle", "plain.ckpt"}, {"bundle", "file.ckpt"}, {"bundle", "snappy.ckpt"},
    {"bundle", "strings.ckpt"}, {"bundle", "objects.ckpt"}, {"bundle", "slices.ckpt"},
    {"slices", "pairs.ckpt"}, {"slices", "file.ckpt"}, {"slices", "snappy.ckpt"},
    {"graphdef", "graph.pb"}, {"graphdef", "meta.pb"}, {"graphdef", "saved_model.pb"},
    {"graphdef", "graph.pbtxt"}, {"safetensors", "two.safetensors"}, {"npz", "stored.npz"},
    {"npz", "deflated.npz"},
  };
  static seed s;
  for (size_t i = 0; i < UFI_COUNT(seeds); i++) {
    s.folder = seeds[i][0];
    s.name = seeds[i][1];
    load(&s);
    sweep(&s);
  }
}

int main(int argc, char **argv) {
  corpus = argc > 1 ? argv[1] : "fuzz/corpus";
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests_name("oom_source", tests, NULL, NULL);
}
