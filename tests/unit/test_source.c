/* SPDX-License-Identifier: Apache-2.0
 *
 * test_source.c: checkpoints through the section "source" of unflow.h: what paths mean,
 * parts, copies, names, and what is said of damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/source.h"

enum { ROWS = 40, COLUMNS = 7, DEPTH = 5, COUNT = ROWS * COLUMNS * DEPTH };

static char folder[] = "/tmp/unflow-source-XXXXXX";
static float cube[COUNT];

static const char *at(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void add(uf_checkpoint_writer *w, const char *name, uf_dtype dtype, int32_t rank,
                const int64_t *dims, void *data, size_t size) {
  uf_tensor t = {.dtype = dtype, .rank = rank, .data = data, .size = size};
  for (int32_t i = 0; i < rank; i++) t.dims[i] = dims[i];
  assert_int_equal(uf_checkpoint_add(w, name, &t, NULL), UF_OK);
}

static void write_checkpoint(const char *prefix, int32_t shards) {
  uf_checkpoint_writer *w = NULL;
  const int64_t shape[] = {ROWS, COLUMNS, DEPTH}, three[] = {3};
  float one = 1;
  int8_t odd[] = {1, 2, 3};
  uf_string strings[] = {{"a", 1}, {"", 0}, {"c\0d", 3}};
  assert_int_equal(uf_checkpoint_create(prefix, shards, &w, NULL), UF_OK);
  add(w, "dense/kernel", UF_FLOAT32, 3, shape, cube, sizeof cube);
  add(w, "dense/kernel/Adam", UF_FLOAT32, 0, shape, &one, sizeof one);
  add(w, "dense/kernel/Adam_1", UF_FLOAT32, 0, shape, &one, sizeof one);
  add(w, "dense/kernel/ExponentialMovingAverage", UF_FLOAT32, 0, shape, &one, sizeof one);
  add(w, "beta1_power", UF_FLOAT32, 0, shape, &one, sizeof one);
  add(w, "global_step", UF_FLOAT32, 0, shape, &one, sizeof one);
  add(w, "odd", UF_INT8, 1, three, odd, sizeof odd);
  add(w, "words", UF_STRING, 1, three, strings, sizeof strings);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
}

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static int make_files(void **state) {
  if (!mkdtemp(folder)) return -1;
  for (int i = 0; i < COUNT; i++) cube[i] = (float)i;
  mkdir(at("named"), 0777);
  mkdir(at("alone"), 0777);
  mkdir(at("many"), 0777);
  mkdir(at("empty"), 0777);
  write_checkpoint(at("named/model.ckpt-7"), 3);
  write_text(at("named/checkpoint"), "# a comment\nmodel_checkpoint_path: \"model.ckpt-\\067\"\n"
             "all_model_checkpoint_paths: \"other\"\n");
  write_checkpoint(at("alone/only"), 1);
  write_checkpoint(at("many/a"), 1);
  write_checkpoint(at("many/b"), 1);
  return 0;
}

static int remove_files(void **state) {
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static uf_source *open_good(const char *path) {
  uf_source *source = NULL;
  uf_error error = {0};
  if (uf_source_open(path, NULL, &source, &error) != UF_OK) fail_msg("%s", error.message);
  return source;
}

/* ---- paths ------------------------------------------------------------------------ */

static void paths_that_mean_a_checkpoint(void **state) {
  const char *const paths[] = {
    "named/model.ckpt-7", "named/model.ckpt-7.index", "named/model.ckpt-7.data-00001-of-00003",
    "named", "named/", "named/checkpoint"};
  for (size_t i = 0; i < UFI_COUNT(paths); i++) {
    uf_source *source = open_good(at(paths[i]));
    uf_source_info info;
    uf_source_describe(source, &info);
    assert_string_equal(info.format, "checkpoint");
    assert_string_equal(info.details, "3 shards, little-endian");
    assert_string_equal(strrchr(info.path, '/'), "/model.ckpt-7");
    uf_source_release(source);
  }
  uf_source *source = open_good(at("alone"));
  uf_source_release(source);
}

static void refused(const char *path, uf_status status, const char *words) {
  uf_source *source = NULL;
  uf_error error = {0};
  assert_int_equal(uf_source_open(path, NULL, &source, &error), status);
  assert_null(source);
  if (!strstr(error.message, words)) fail_msg("'%s' is not in: %s", words, error.message);
}

static void paths_that_mean_nothing(void **state) {
  refused("", UF_INVALID_ARGUMENT, "expected a path, found ''");
  refused(at("empty"), UF_NOT_FOUND, "found an empty one");
  refused(at("none"), UF_NOT_FOUND, "found nothing there; its folder has 'alone', 'empty', 'many', "
          "'named'");
  refused(at("none/at/all"), UF_NOT_FOUND, "found not even the folder");
  refused(at("many"), UF_INVALID_ARGUMENT, "found several .index files");
  write_text(at("empty/checkpoint"), "model_checkpoint_path: \"gone\"\n");
  refused(at("empty"), UF_NOT_FOUND, "found no 'gone.index' and no file of that name");
  write_text(at("empty/checkpoint"), "nothing of the kind\n");
  refused(at("empty"), UF_DATA_LOSS, "expected a line model_checkpoint_path");
  write_text(at("empty/x.data-00000-of-00001"), "data");
  refused(at("empty/x"), UF_NOT_FOUND, "expected 'x.index' beside 'x.data-00000-of-00001'");
  write_text(at("empty/x.index"), "no table");
  refused(at("empty/x"), UF_DATA_LOSS, "bad magic number");
}

/* ---- reading ------------------------------------------------------------------------- */

static void parts_equal_the_whole(void **state) {
  uf_source *source = open_good(at("named"));
  const uf_entry *e = NULL;
  assert_int_equal(uf_source_find(source, "dense/kernel", &e, NULL), UF_OK);
  const uf_region regions[] = {
    {{0, 0, 0}, {ROWS, COLUMNS, DEPTH}}, {{3, 0, 0}, {5, COLUMNS, DEPTH}}, {{3, 2, 0}, {1, 3, DEPTH}},
    {{3, 2, 1}, {1, 1, 2}}, {{1, 2, 1}, {9, 3, 2}}, {{0, 0, 4}, {ROWS, COLUMNS, 1}},
    {{40, 0, 0}, {0, COLUMNS, DEPTH}}, {{0, 6, 0}, {ROWS, 1, DEPTH}}};
  for (size_t k = 0; k < UFI_COUNT(regions); k++)
    for (int flags = 0; flags < 8; flags++) {
      const uf_region *r = &regions[k];
      uf_tensor t = {0};
      assert_int_equal(uf_source_read(source, e, r, flags, &t, NULL), UF_OK);
      const float *p = t.data;
      for (int64_t a = 0; a < r->extent[0]; a++)
        for (int64_t b = 0; b < r->extent[1]; b++)
          for (int64_t c = 0; c < r->extent[2]; c++)
            assert_true(*p++ == cube[((a + r->start[0]) * COLUMNS + b + r->start[1]) * DEPTH + c + r->start[2]]);
      assert_int_equal((size_t)(p - (float *)t.data) * sizeof *p, t.size);
      uf_tensor_release(&t);
    }
  uf_error error = {0};
  uf_tensor t = {0};
  const uf_region beyond = {{0, 1, 0}, {1, COLUMNS, 1}};
  assert_int_equal(uf_source_read(source, e, &beyond, 0, &t, &error), UF_OUT_OF_RANGE);
  assert_non_null(strstr(error.message, "dimension 1: expected a part of the shape (40, 7, 5), "
                         "found start 1 and extent 7"));
  uf_source_release(source);
}

/* Pieces of 7, 3 and 2 put together to any part of the cube. */
static void pieces_find_their_places(void **state) {
  const uf_region wants[] = {{{0, 0, 0}, {ROWS, COLUMNS, DEPTH}}, {{5, 2, 1}, {20, 4, 3}}, {{39, 6, 4}, {1, 1, 1}}};
  const int64_t dims[] = {ROWS, COLUMNS, DEPTH}, steps[] = {7, 3, 2};
  float out[COUNT];
  for (size_t k = 0; k < UFI_COUNT(wants); k++) {
    const uf_region *want = &wants[k];
    uf_region piece, both, inside;
    memset(out, 0xFF, sizeof out);
    for (int64_t a = 0; a < ROWS; a += steps[0])
      for (int64_t b = 0; b < COLUMNS; b += steps[1])
        for (int64_t c = 0; c < DEPTH; c += steps[2]) {
          const int64_t start[] = {a, b, c};
          for (int d = 0; d < 3; d++) {
            piece.start[d] = start[d];
            piece.extent[d] = UFI_MIN(steps[d], dims[d] - start[d]);
          }
          if (!ufi_region_intersect(&piece, want, 3, &both)) continue;
          uf_tensor whole = {.dtype = UF_FLOAT32, .rank = 3, .data = cube, .size = sizeof cube}, part, block;
          memcpy(whole.dims, dims, sizeof dims);
          assert_int_equal(ufi_tensor_region(&whole, &piece, &part, NULL), UF_OK);
          ufi_region_within(&both, &piece, 3, &inside);
          assert_int_equal(ufi_tensor_region(&part, &inside, &block, NULL), UF_OK);
          ufi_region_place(&block, &both, want, out);
          uf_tensor_release(&part);
          uf_tensor_release(&block);
        }
    const float *p = out;
    for (int64_t a = 0; a < want->extent[0]; a++)
      for (int64_t b = 0; b < want->extent[1]; b++)
        for (int64_t c = 0; c < want->extent[2]; c++)
          assert_true(*p++ == cube[((a + want->start[0]) * COLUMNS + b + want->start[1]) * DEPTH + c + want->start[2]]);
  }
}

static void views_share_and_copies_do_not(void **state) {
  uf_source *source = open_good(at("named"));
  const uf_entry *e = NULL;
  uf_tensor view = {0}, copy = {0};
  assert_int_equal(uf_source_find(source, "dense/kernel", &e, NULL), UF_OK);
  assert_int_equal(uf_source_read(source, e, NULL, 0, &view, NULL), UF_OK);
  assert_int_equal(uf_source_read(source, e, NULL, UF_READ_COPY, &copy, NULL), UF_OK);
  assert_true(view.read_only && !copy.read_only);
  uf_source_release(source); /* both outlive it */
  assert_memory_equal(view.data, cube, sizeof cube);
  assert_memory_equal(copy.data, cube, sizeof cube);
  uf_tensor_release(&view);
  uf_tensor_release(&copy);
}

static void strings_come_whole_and_in_parts(void **state) {
  uf_source *source = open_good(at("named"));
  const uf_entry *e = NULL;
  const uf_region last = {{2}, {1}};
  assert_int_equal(uf_source_find(source, "words", &e, NULL), UF_OK);
  for (int part = 0; part < 2; part++) {
    uf_tensor t = {0};
    assert_int_equal(uf_source_read(source, e, part ? &last : NULL, 0, &t, NULL), UF_OK);
    const uf_string *s = (const uf_string *)t.data + (part ? 0 : 2);
    assert_int_equal(s->size, 3);
    assert_memory_equal(s->data, "c\0d", 3);
    uf_tensor_release(&t);
  }
  uf_source_release(source);
}

static void everything_at_once(void **state) {
  for (int32_t threads = 0; threads < 4; threads++) {
    uf_source *source = open_good(at("named"));
    const uf_entry *const *entries;
    size_t n;
    assert_int_equal(uf_source_entries(source, &entries, &n, NULL), UF_OK);
    assert_int_equal(n, 8);
    uf_tensor tensors[8];
    assert_int_equal(uf_source_read_all(source, entries, n, threads, tensors, NULL), UF_OK);
    for (size_t i = 0; i < n; i++) {
      assert_false(tensors[i].read_only);
      if (strcmp(entries[i]->name, "dense/kernel") == 0)
        assert_memory_equal(tensors[i].data, cube, sizeof cube);
      uf_tensor_release(&tensors[i]);
    }
    uf_source_release(source);
  }
}

/* ---- names ------------------------------------------------------------------------------- */

static void entries_are_sorted_and_found(void **state) {
  uf_source *lazy = open_good(at("named")), *listed = open_good(at("named"));
  const uf_entry *const *entries, *found;
  size_t n;
  assert_int_equal(uf_source_entries(listed, &entries, &n, NULL), UF_OK);
  for (size_t i = 0; i < n; i++) {
    if (i) assert_true(strcmp(entries[i - 1]->name, entries[i]->name) < 0);
    assert_int_equal(uf_source_find(listed, entries[i]->name, &found, NULL), UF_OK);
    assert_ptr_equal(found, entries[i]);
    assert_int_equal(uf_source_find(lazy, entries[i]->name, &found, NULL), UF_OK);
    assert_int_equal(found->offset, entries[i]->offset);
    assert_string_equal(found->file, entries[i]->file);
  }
  uf_error error = {0};
  assert_int_equal(uf_source_find(lazy, "dense/kernels", &found, &error), UF_NOT_FOUND);
  assert_non_null(strstr(error.message, "found 'dense/kernels'; near names are 'dense/kernel'"));
  assert_int_equal(uf_source_find(lazy, "", &found, &error), UF_NOT_FOUND);
  uf_source_release(lazy);
  uf_source_release(listed);
}

static void roles_by_name(void **state) {
  uf_source *source = open_good(at("named"));
  const uf_variable *v;
  size_t n;
  assert_int_equal(uf_source_variables(source, &v, &n, NULL), UF_OK);
  const struct { const char *name, *slot; uf_role role; int32_t of; } expected[] = {
    {"beta1_power", NULL, UF_ROLE_OPTIMIZER, -1}, {"dense/kernel", NULL, UF_ROLE_VALUE, -1},
    {"dense/kernel/Adam", "Adam", UF_ROLE_SLOT, 1}, {"dense/kernel/Adam_1", "Adam_1", UF_ROLE_SLOT, 1},
    {"dense/kernel/ExponentialMovingAverage", NULL, UF_ROLE_AVERAGE, 1},
    {"global_step", NULL, UF_ROLE_OPTIMIZER, -1}, {"odd", NULL, UF_ROLE_VALUE, -1},
    {"words", NULL, UF_ROLE_VALUE, -1}};
  assert_int_equal(n, UFI_COUNT(expected));
  for (size_t i = 0; i < n; i++) {
    assert_string_equal(v[i].name, expected[i].name);
    assert_int_equal(v[i].role, expected[i].role);
    assert_int_equal(v[i].of, expected[i].of);
    if (expected[i].slot) assert_string_equal(v[i].slot, expected[i].slot);
    else assert_null(v[i].slot);
  }
  assert_int_equal(v[1].average, 4);
  uf_source_release(source);
}

/* ---- damage -------------------------------------------------------------------------------- */

static void change_byte(const char *path, long offset) {
  FILE *f = fopen(path, "r+b");
  assert_non_null(f);
  fseek(f, offset, SEEK_SET);
  int c = fgetc(f);
  fseek(f, offset, SEEK_SET);
  fputc(c ^ 0xFF, f);
  fclose(f);
}

static void damage_names_the_tensor(void **state) {
  uf_source *source = open_good(at("alone"));
  const uf_entry *kernel = NULL, *odd = NULL;
  assert_int_equal(uf_source_find(source, "dense/kernel", &kernel, NULL), UF_OK);
  assert_int_equal(uf_source_find(source, "odd", &odd, NULL), UF_OK);
  change_byte(kernel->file, (long)kernel->offset + 11);
  uf_error error = {0};
  uf_tensor t = {0};
  assert_int_equal(uf_source_verify(source, kernel, &error), UF_DATA_LOSS);
  assert_non_null(strstr(error.message, "only.data-00000-of-00001: offset "));
  assert_non_null(strstr(error.message, "'dense/kernel': expected the checksum"));
  assert_int_equal(uf_source_read(source, kernel, NULL, UF_READ_COPY, &t, &error), UF_DATA_LOSS);
  assert_int_equal(uf_source_read_all(source, &kernel, 1, 2, &t, &error), UF_DATA_LOSS);
  assert_null(t.buf);
  assert_int_equal(uf_source_verify(source, odd, &error), UF_OK);
  assert_int_equal(uf_source_read(source, kernel, NULL, 0, &t, &error), UF_OK); /* a view is not checked */
  uf_tensor_release(&t);
  uf_source_release(source);
  change_byte(at("alone/only.data-00000-of-00001"), 11); /* as it was */
}

static void missing_and_short_shards(void **state) {
  uf_source *source = open_good(at("many/a"));
  const uf_entry *kernel = NULL;
  uf_tensor t = {0};
  uf_error error = {0};
  assert_int_equal(uf_source_find(source, "dense/kernel", &kernel, NULL), UF_OK);
  assert_int_equal(truncate(kernel->file, 100), 0);
  assert_int_equal(uf_source_read(source, kernel, NULL, 0, &t, &error), UF_DATA_LOSS);
  assert_non_null(strstr(error.message, "found a file of 100"));
  uf_source_release(source);
  source = open_good(at("many/b"));
  unlink(at("many/b.data-00000-of-00001"));
  assert_int_equal(uf_source_find(source, "dense/kernel", &kernel, NULL), UF_OK);
  assert_int_equal(uf_source_read(source, kernel, NULL, 0, &t, &error), UF_NOT_FOUND);
  assert_non_null(strstr(error.message, "'dense/kernel': expected shard 0 of 1 of the checkpoint at"));
  uf_source_release(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(paths_that_mean_a_checkpoint), cmocka_unit_test(paths_that_mean_nothing),
    cmocka_unit_test(parts_equal_the_whole), cmocka_unit_test(pieces_find_their_places),
    cmocka_unit_test(views_share_and_copies_do_not),
    cmocka_unit_test(strings_come_whole_and_in_parts), cmocka_unit_test(everything_at_once),
    cmocka_unit_test(entries_are_sorted_and_found), cmocka_unit_test(roles_by_name),
    cmocka_unit_test(damage_names_the_tensor), cmocka_unit_test(missing_and_short_shards)};
  return cmocka_run_group_tests(tests, make_files, remove_files);
}
