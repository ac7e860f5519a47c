/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_slices.c: V1 checkpoints: slices put together, parts of them, shards, and
 * what is said of those that are lost or overlap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples.h"

static uf_source *open_good(sample_files *s, const char *path) {
  uf_source *source = NULL;
  uf_error error = {0};
  if (samples_open(s, path, &source, &error) != UF_OK) fail_msg("%s", error.message);
  return source;
}

static uf_status read_named(uf_source *source, const char *name, const uf_region *region,
                            uf_tensor *t, uf_error *error) {
  const uf_entry *e = NULL;
  assert_int_equal(uf_source_find(source, name, &e, NULL), UF_OK);
  return uf_source_read(source, e, region, 0, t, error);
}

static void expect_w(uf_source *source) {
  const uf_entry *e = NULL;
  uf_tensor t = {0};
  assert_int_equal(uf_source_find(source, "w", &e, NULL), UF_OK);
  assert_int_equal(e->n_pieces, 2);
  assert_int_equal(e->dtype, UF_FLOAT32);
  for (int64_t r0 = 0; r0 <= 4; r0++)
    for (int64_t r1 = r0; r1 <= 4; r1++)
      for (int64_t c0 = 0; c0 <= 3; c0++)
        for (int64_t c1 = c0; c1 <= 3; c1++) {
          uf_region part = {{r0, c0}, {r1 - r0, c1 - c0}};
          assert_int_equal(uf_source_read(source, e, &part, 0, &t, NULL), UF_OK);
          const float *p = t.data;
          for (int64_t r = r0; r < r1; r++)
            for (int64_t c = c0; c < c1; c++) assert_true(*p++ == (float)(r * 3 + c));
          uf_tensor_release(&t);
        }
}

static void put_together(void **state) {
  sample_files s = {.n = 0};
  sample_v1(&s, "d/v1", 0, 0, false);
  uf_source *source = open_good(&s, "d/v1");
  uf_source_info info;
  uf_source_describe(source, &info);
  assert_string_equal(info.format, "checkpoint_v1");
  assert_string_equal(info.details, "1 file");
  expect_w(source);
  uf_tensor t = {0};
  assert_int_equal(read_named(source, "x", NULL, &t, NULL), UF_OK);
  assert_memory_equal(t.data, ((int64_t[]){0, -1}), 16);
  uf_tensor_release(&t);
  uf_source_release(source);
  samples_free(&s);
}

/* The slices in two files, by the prefix, the pattern and a shard's own name. */
static void in_shards(void **state) {
  static const char *const paths[] = {"d/v1", "d/v1-?????" "-of-00002"};
  sample_files s = {.n = 0};
  sample_v1(&s, "d/v1-00000-of-00002", 2, 2, false);
  sample_v1(&s, "d/v1-00001-of-00002", 1, 1, false);
  for (size_t i = 0; i < UFI_COUNT(paths); i++) {
    uf_source *source = open_good(&s, paths[i]);
    uf_source_info info;
    uf_source_describe(source, &info);
    assert_string_equal(info.details, "2 files");
    expect_w(source);
    uf_source_release(source);
  }
  samples_free(&s);
}

/* w fails with these words; x stays readable. */
static void damaged(int without, int lost, bool twice, const char *message) {
  sample_files s = {.n = 0};
  sample_v1(&s, "v1", without, lost, twice);
  uf_source *source = open_good(&s, "v1");
  uf_tensor t = {0};
  uf_error error = {0};
  uf_status status = read_named(source, "w", NULL, &t, &error);
  assert_string_equal(error.message, message);
  assert_int_equal(status, UF_DATA_LOSS);
  assert_int_equal(read_named(source, "x", NULL, &t, NULL), UF_OK);
  uf_tensor_release(&t);
  uf_source_release(source);
  samples_free(&s);
}

static void losses(void **state) {
  damaged(1, 0, false, "v1: 'w': expected slices that make up (4, 3), found 6 of 12 elements in 1 slices; a part of "
          "the checkpoint is missing");
  damaged(0, 2, false, "v1: 'w': expected its slice at (2, 0) of shape (2, 3) in shard 0, found none; a part of the "
          "checkpoint is missing");
  damaged(0, 0, true, "v1: 'w': expected slices that do not overlap, found the slice at (2, 0) of shape (2, 3); a "
          "part of the checkpoint is from another one");
}

/* What of a tensor is there can be read where a slice is lost. */
static void a_part_that_is_there(void **state) {
  sample_files s = {.n = 0};
  sample_v1(&s, "v1", 1, 0, false);
  uf_source *source = open_good(&s, "v1");
  uf_tensor t = {0};
  uf_region second = {{2, 0}, {2, 3}};
  assert_int_equal(read_named(source, "w", &second, &t, NULL), UF_OK);
  assert_memory_equal(t.data, ((float[]){6, 7, 8, 9, 10, 11}), 24);
  uf_tensor_release(&t);
  uf_source_release(source);
  samples_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(put_together), cmocka_unit_test(in_shards), cmocka_unit_test(losses),
    cmocka_unit_test(a_part_that_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
