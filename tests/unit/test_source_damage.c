/* SPDX-License-Identifier: Apache-2.0
 *
 * test_source_damage.c: files of every format that a source reads, cut off at every
 * length and with every byte changed: each call gives an error in words or a value, from
 * memory and by ranges. (What it must not do, the sanitizers see.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples.h"

static unsigned long n_opened, n_read, n_refused;

static void said(uf_status status, uf_error *error) {
  if (status == UF_OK) return;
  n_refused++;
  assert_int_equal(status, error->status);
  assert_true(error->message[0] != 0);
  *error = (uf_error){.status = UF_OK};
}

static void read_entry(uf_source *source, const uf_entry *e) {
  uf_error error = {0};
  for (int flags = 0; flags < 8; flags += flags == 0 ? 1 : 3) { /* 0, 1, 4, 7 */
    uf_tensor t = {0};
    uf_status status = uf_source_read(source, e, NULL, flags, &t, &error);
    said(status, &error);
    if (status == UF_OK) n_read++;
    uf_tensor_release(&t);
  }
  uf_region part = {{0}, {0}};
  for (int32_t d = 0; d < e->rank; d++) {
    part.start[d] = e->dims[d] > 1;
    part.extent[d] = e->dims[d] > 2 ? e->dims[d] - 2 : e->dims[d] - part.start[d];
  }
  uf_tensor t = {0};
  said(uf_source_read(source, e, &part, 0, &t, &error), &error);
  uf_tensor_release(&t);
  said(uf_source_verify(source, e, &error), &error);
}

static void read_nodes(uf_source *source) {
  uf_graph_node node;
  uf_error error = {0};
  for (size_t i = 0; i < 64 && uf_source_node(source, i, &node, &error) == UF_OK; i++)
    for (int32_t j = 0; j < UFI_MIN(node.n_attrs, 32); j++) {
      uf_attr attr;
      int32_t n = 1;
      for (int32_t at = 0; at < UFI_MIN(UFI_MAX(n, 1), 8); at++) {
        uf_tensor t = {0};
        said(uf_source_attr(source, i, j, at, &attr, &t, &n, &error), &error);
        uf_tensor_release(&t);
      }
    }
}

static void use(uf_source *source) {
  const uf_entry *const *entries = NULL;
  const uf_variable *variables = NULL;
  size_t n = 0;
  uf_error error = {0};
  n_opened++;
  uf_status status = uf_source_entries(source, &entries, &n, &error);
  said(status, &error);
  for (size_t i = 0; status == UF_OK && i < n; i++) read_entry(source, entries[i]);
  uf_tensor *all = status == UF_OK ? calloc(n + 1, sizeof *all) : NULL;
  status = all ? uf_source_read_all(source, entries, n, 1, all, &error) : UF_OK;
  said(status, &error);
  for (size_t i = 0; all && status == UF_OK && i < n; i++) uf_tensor_release(&all[i]);
  free(all);
  said(uf_source_variables(source, &variables, &n, &error), &error);
  read_nodes(source);
  uf_source_release(source);
}

static void open_samples(sample_files *s, const char *path) {
  uf_source *source = NULL;
  uf_error error = {0};
  uf_status status = samples_open(s, path, &source, &error);
  said(status, &error);
  if (status == UF_OK) use(source);
}

/* One of the files as a source of its own, when it is one. */
static void open_memory(sample_file *f, size_t size) {
  uf_source *source = NULL;
  uf_error error = {0};
  uf_buf *buf = uf_buf_create(size);
  memcpy(uf_buf_data(buf), f->data, size);
  uf_source_options options = {.struct_size = sizeof options, .name = f->path};
  uf_status status = uf_source_open_buf(buf, &options, &source, &error);
  said(status, &error);
  if (status == UF_OK) use(source);
  uf_buf_release(buf);
}

static void damage(sample_files *s, const char *path, bool from_memory) {
  static const uint8_t changes[] = {0x01, 0x80, 0xFF, 0x20};
  unsigned long before = n_read;
  open_samples(s, path);
  assert_true(n_read > before);
  for (size_t i = 0; i < s->n; i++) {
    sample_file *f = &s->files[i];
    size_t whole = f->size;
    for (size_t size = 0; size < whole; size++) {
      f->size = size;
      open_samples(s, path);
      if (from_memory) open_memory(f, size);
    }
    f->size = whole;
    for (size_t k = 0; k < whole; k++)
      for (size_t c = 0; c < UFI_COUNT(changes); c++) {
        f->data[k] ^= changes[c];
        open_samples(s, path);
        if (from_memory) open_memory(f, whole);
        f->data[k] ^= changes[c];
      }
  }
  samples_free(s);
}

static void graphs(void **state) {
  sample_files s = {.n = 0};
  pw graph = sample_graph();
  sample_add(&s, "g.pb", graph.data, graph.size);
  damage(&s, "g.pb", true);
  pw meta = sample_meta_graph();
  sample_add(&s, "m.meta", meta.data, meta.size);
  damage(&s, "m.meta", true);
  sample_add(&s, "g.pbtxt", sample_text, sizeof sample_text - 1);
  damage(&s, "g.pbtxt", true);
}

static void saved_models(void **state) {
  sample_files s = {.n = 0};
  pw saved = {.size = 0}, meta = sample_meta_graph();
  pw_int(&saved, 1, 1);
  pw_message(&saved, 2, &meta);
  sample_add(&s, "m/saved_model.pb", saved.data, saved.size);
  sample_v2(&s, "m/variables/variables", 1);
  damage(&s, "m", false);
}

static void checkpoints(void **state) {
  sample_files s = {.n = 0};
  sample_v2(&s, "d/c", 2);
  damage(&s, "d/c", false);
  sample_v1(&s, "d/v1", 0, 0, false);
  damage(&s, "d/v1", true);
}

static void archives(void **state) {
  sample_files s = {.n = 0};
  sample_npz(&s, "a.npz", 0);
  damage(&s, "a.npz", true);
  sample_npz(&s, "a.npz", 6);
  damage(&s, "a.npz", true);
  sample_npy(&s, "f.npy", "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }\n", sample_floats, 24);
  damage(&s, "f.npy", true);
  sample_npy(&s, "d/a.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", sample_floats, 24);
  static const char index_json[] = "[{\"file\": \"a.npy\", \"tensor\": \"x\\u00e9\"}]";
  sample_add(&s, "d/index.json", index_json, sizeof index_json - 1);
  damage(&s, "d", false);
  sample_safetensors(&s, "m.safetensors", "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                     "\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[24,26]}}", 26);
  damage(&s, "m.safetensors", true);
}

/* Every allocation of opening, listing and reading fails once. */
static void starve(sample_files *s, const char *path) {
  enum { ALLOCATIONS = 600 };
  for (int64_t n = 1; n <= ALLOCATIONS; n++) {
    ufi_fail_allocation(n);
    open_samples(s, path);
    ufi_fail_allocation(0);
  }
  samples_free(s);
}

static void out_of_memory(void **state) {
  sample_files s = {.n = 0};
  pw graph = sample_graph(), saved = {.size = 0}, meta = sample_meta_graph();
  sample_add(&s, "g.pb", graph.data, graph.size);
  starve(&s, "g.pb");
  sample_add(&s, "g.pbtxt", sample_text, sizeof sample_text - 1);
  starve(&s, "g.pbtxt");
  pw_message(&saved, 2, &meta);
  sample_add(&s, "m/saved_model.pb", saved.data, saved.size);
  sample_v2(&s, "m/variables/variables", 1);
  starve(&s, "m");
  sample_v1(&s, "d/v1", 0, 0, false);
  starve(&s, "d/v1");
  sample_npz(&s, "a.npz", 6);
  starve(&s, "a.npz");
  sample_npy(&s, "d/a.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", sample_floats, 24);
  sample_add(&s, "d/index.json", "[]", 2);
  starve(&s, "d");
  sample_safetensors(&s, "m.safetensors", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24);
  starve(&s, "m.safetensors");
}

static int print_counts(void **state) {
  print_message("%lu opened, %lu tensors read, %lu errors\n", n_opened, n_read, n_refused);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(graphs), cmocka_unit_test(saved_models), cmocka_unit_test(checkpoints),
    cmocka_unit_test(archives), cmocka_unit_test(out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, print_counts);
}
