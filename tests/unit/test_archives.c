/* SPDX-License-Identifier: Apache-2.0
 *
 * test_archives.c: .npz, .npy, folders of .npy and .safetensors as sources, from memory
 * and by ranges; the JSON that goes with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/json_read.h"
#include "samples.h"

static uf_source *open_good(sample_files *s, const char *path) {
  uf_source *source = NULL;
  uf_error error = {0};
  if (samples_open(s, path, &source, &error) != UF_OK) fail_msg("%s", error.message);
  return source;
}

static uf_source *open_mapped(const sample_file *f) {
  uf_source *source = NULL;
  uf_error error = {0};
  uf_buf *buf = uf_buf_create(f->size);
  memcpy(uf_buf_data(buf), f->data, f->size);
  uf_source_options options = {.struct_size = sizeof options, .name = f->path};
  if (uf_source_open_buf(buf, &options, &source, &error) != UF_OK) fail_msg("%s", error.message);
  uf_buf_release(buf);
  return source;
}

static void expect_floats(uf_source *source, const char *name) {
  uf_region part = {{0, 1}, {2, 2}};
  for (int flags = 0; flags < 2; flags++) {
    uf_tensor t = sample_read(source, name, NULL, flags);
    assert_int_equal(t.dtype, UF_FLOAT32);
    assert_int_equal(t.rank, 2);
    assert_int_equal(t.size, 24);
    assert_memory_equal(t.data, sample_floats, 24);
    uf_tensor_release(&t);
    t = sample_read(source, name, &part, flags);
    assert_memory_equal(t.data, ((float[]){2, 3, 5, 6}), 16);
    uf_tensor_release(&t);
  }
}

static void fails(sample_files *s, const char *path, const char *name, uf_status status,
                  const char *message) {
  uf_source *source = NULL;
  const uf_entry *e = NULL;
  uf_tensor t;
  uf_error error = {0};
  uf_status got = samples_open(s, path, &source, &error);
  if (got == UF_OK) got = uf_source_find(source, name, &e, &error);
  if (got == UF_OK) got = uf_source_read(source, e, NULL, UF_READ_COPY, &t, &error);
  assert_string_equal(error.message, message);
  assert_int_equal(got, status);
  uf_source_release(source);
  samples_free(s);
}

/* ---- .npz ---- */

static void npz(void **state) {
  for (int level = 0; level < 7; level += 6) {
    sample_files s = {.n = 0};
    sample_npz(&s, "a.npz", level);
    uf_source *by_ranges = open_good(&s, "a.npz"), *mapped = open_mapped(&s.files[0]);
    uf_source *both[] = {by_ranges, mapped};
    for (int i = 0; i < 2; i++) {
      expect_floats(both[i], "a/b");
      uf_tensor t = sample_read(both[i], "s", NULL, 0);
      assert_int_equal(t.dtype, UF_STRING);
      assert_memory_equal(((uf_string *)t.data)[0].data, "ab", 2);
      uf_tensor_release(&t);
      uf_source_release(both[i]);
    }
    samples_free(&s);
  }
}

/* Views share the file's bytes; copies and checked views look at the checksum. */
static void npz_checksums(void **state) {
  sample_files s = {.n = 0};
  sample_npz(&s, "a.npz", 0);
  sample_file *f = &s.files[0];
  uint8_t *data = memmem(f->data, f->size, sample_floats, 24);
  assert_non_null(data);
  data[5] ^= 1;
  uf_source *source = open_mapped(f);
  uf_tensor t = sample_read(source, "a/b", NULL, 0);
  assert_true(t.read_only);
  uf_tensor_release(&t);
  uf_error error = {0};
  const uf_entry *e = NULL;
  assert_int_equal(uf_source_find(source, "a/b", &e, NULL), UF_OK);
  assert_int_equal(uf_source_verify(source, e, &error), UF_DATA_LOSS);
  assert_non_null(strstr(error.message, "a.npz: 'a/b': expected bytes with checksum"));
  assert_int_equal(uf_source_read(source, e, NULL, UF_READ_COPY, &t, NULL), UF_DATA_LOSS);
  assert_int_equal(uf_source_read_all(source, &e, 1, 1, &t, NULL), UF_DATA_LOSS);
  uf_source_release(source);
  samples_free(&s);
}

/* One array of a large archive costs its own bytes and the directory. */
static void npz_by_ranges(void **state) {
  enum { COUNT = 20, FLOATS = 3000 };
  char disk[] = "/tmp/unflow-npz-XXXXXX", name[24];
  static float floats[FLOATS];
  close(mkstemp(disk));
  uf_npz_writer *w = NULL;
  assert_int_equal(uf_npz_create(disk, 0, &w, NULL), UF_OK);
  uf_tensor t = {.dtype = UF_FLOAT32, .rank = 1, .dims = {FLOATS}, .data = floats, .size = sizeof floats};
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "array%d", i);
    floats[7] = (float)i;
    assert_int_equal(uf_npz_add(w, name, &t, NULL), UF_OK);
  }
  assert_int_equal(uf_npz_finish(w, NULL), UF_OK);
  sample_files s = {.n = 0};
  sample_take(&s, "big.npz", disk);
  uf_source *source = open_good(&s, "big.npz");
  assert_true(s.n_read <= 66000 + 3000);
  s.n_read = 0;
  uf_region part = {{7}, {1}};
  t = sample_read(source, "array13", &part, 0);
  assert_true(*(float *)t.data == 13);
  assert_true(s.n_read < 10000); /* the header's surroundings, four bytes */
  uf_tensor_release(&t);
  uf_source_release(source);
  samples_free(&s);
}

/* ---- .npy ---- */

static void npy(void **state) {
  const float swapped[] = {1, 4, 2, 5, 3, 6}; /* columns first */
  sample_files s = {.n = 0};
  sample_npy(&s, "d/plain.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", sample_floats, 24);
  sample_npy(&s, "d/fortran.npy", "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", swapped, 24);
  uint32_t big[6];
  for (int i = 0; i < 6; i++) big[i] = __builtin_bswap32(ufi_load32(&sample_floats[i]));
  sample_npy(&s, "d/a%2fb%00.npy", "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }\n", big, 24);
  for (size_t i = 0; i < s.n; i++) {
    static const char *const names[] = {"plain", "fortran", "a%2fb%00"};
    uf_source *source = open_good(&s, s.files[i].path), *mapped = open_mapped(&s.files[i]);
    expect_floats(source, names[i]);
    expect_floats(mapped, names[i]);
    uf_source_release(source);
    uf_source_release(mapped);
  }
  uf_source *folder = open_good(&s, "d");
  expect_floats(folder, "plain");
  expect_floats(folder, "fortran");
  expect_floats(folder, "a/b%00"); /* names end at a NUL: that one stays as it is */
  uf_source_release(folder);
  samples_free(&s);
}

static void folder_with_index(void **state) {
  static const char plain[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
  static const char index_json[] = " [ {\"file\": \"1.npy\", \"tensor\": \"a\\u00e9\\ud83d\\ude00/\\\"b\", \"shape\": [2, 3], "
    "\"quantization\": {\"scale\": [0.5e-3, null], \"x\": {}}},\n{\"file\":\"2.npy\",\"array\":\"x\",\"tensor\":\"same\",\"dtype\":\"qint32\"},"
    "{\"file\":\"3.npy\",\"tensor\":\"same\"}, {\"file\":\"gone.npy\",\"tensor\":\"gone\"} ] ";
  sample_files s = {.n = 0};
  sample_npy(&s, "d/1.npy", plain, sample_floats, 24);
  sample_npy(&s, "d/2.npy", "{'descr': '>i4', 'fortran_order': False, 'shape': (), }\n", "\0\0\0\1", 4);
  sample_npy(&s, "d/3.npy", plain, sample_floats, 24);
  sample_add(&s, "d/index.json", index_json, sizeof index_json - 1);
  uf_source *source = open_good(&s, "d");
  expect_floats(source, "a\xc3\xa9\xf0\x9f\x98\x80/\"b");
  expect_floats(source, "same~2");
  uf_tensor t = sample_read(source, "same", NULL, 0);
  assert_int_equal(t.dtype, UF_QINT32);
  assert_int_equal(*(int32_t *)t.data, 1);
  uf_tensor_release(&t);
  uf_source_release(source);
  samples_free(&s);
  sample_npy(&s, "d/1.npy", plain, sample_floats, 24);
  sample_add(&s, "d/index.json", "[{\"file\": \"1.npy\" \"tensor\"}]", 28);
  fails(&s, "d", "1", UF_DATA_LOSS, "d/index.json: offset 18: expected a list of the files as `unflow extract` writes it, "
        "found something else; remove it to have the files' own names");
}

static void npy_damage(void **state) {
  sample_files s = {.n = 0};
  sample_npy(&s, "x.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", sample_floats, 20);
  fails(&s, "x.npy", "x", UF_DATA_LOSS, "x.npy: expected (2, 3) elements of 4 bytes, found 20 bytes in all; get the file again");
  sample_npy(&s, "x.npy", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", sample_floats, 8);
  fails(&s, "x.npy", "x", UF_UNIMPLEMENTED, "x.npy: expected an array of one dtype, found a structured one; save its fields one by one");
  sample_npy(&s, "x.npy", "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", sample_floats, 8);
  fails(&s, "x.npy", "x", UF_UNIMPLEMENTED, "x.npy: expected an array of numbers, bools or strings, found NumPy dtype '|O'; convert it before saving");
}

/* ---- .safetensors ---- */

static void safetensors(void **state) {
  sample_files s = {.n = 0};
  sample_safetensors(&s, "m.safetensors", "{\"__metadata__\":{\"format\":\"pt\"},\"w\\n\\u00e9\":{\"shape\":[2,3],\"data_offsets\":[2,14],"
                     "\"dtype\":\"BF16\"},\"e\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[14,14]},"
                     "\"b\":{\"dtype\":\"I16\",\"shape\":[],\"data_offsets\":[0,2]}}  ", 14);
  for (int i = 0; i < 2; i++) {
    uf_source *source = i ? open_mapped(&s.files[0]) : open_good(&s, "m.safetensors");
    uf_source_info info;
    uf_source_describe(source, &info);
    assert_string_equal(info.format, "safetensors");
    assert_string_equal(info.details, "format: pt");
    uf_tensor t = sample_read(source, "w\n\xc3\xa9", NULL, UF_READ_UNALIGNED);
    assert_int_equal(t.dtype, UF_BFLOAT16);
    assert_memory_equal(t.data, "\2\3\4\5\6\7\10\11\12\13\14\15", 12);
    assert_int_equal(t.read_only, i == 1);
    uf_tensor_release(&t);
    t = sample_read(source, "b", NULL, 0);
    assert_int_equal(*(int16_t *)t.data, 0x0100);
    uf_tensor_release(&t);
    t = sample_read(source, "e", NULL, 0);
    assert_int_equal(t.size, 0);
    uf_tensor_release(&t);
    uf_source_release(source);
  }
  samples_free(&s);
}

static void safetensors_damage(void **state) {
  sample_files s = {.n = 0};
  static const char start[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":";
  char text[512];
  snprintf(text, sizeof text, "%s[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", start);
  sample_safetensors(&s, "m", text, 12);
  fails(&s, "m", "a", UF_DATA_LOSS, "m: expected arrays that do not overlap, found 'a' and 'b'; write the file anew");
  snprintf(text, sizeof text, "%s[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", start);
  sample_safetensors(&s, "m", text, 16);
  fails(&s, "m", "a", UF_DATA_LOSS, "m: expected every name once, found 'a' twice; write the file anew");
  snprintf(text, sizeof text, "%s[0,4]}}", start);
  sample_safetensors(&s, "m", text, 4);
  fails(&s, "m", "a", UF_DATA_LOSS, "m: 'a': expected data_offsets of as many bytes as its dtype and shape take, found another; get the file again");
  snprintf(text, sizeof text, "%s[4,12]}}", start);
  sample_safetensors(&s, "m", text, 8);
  fails(&s, "m", "a", UF_DATA_LOSS, "'a': m: offset 67: expected 8 bytes, found a file of 71; it was cut off or belongs to another one");
  sample_safetensors(&s, "m", "{\"a\":{\"dtype\":\"F8_E8M0\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2);
  fails(&s, "m", "a", UF_UNIMPLEMENTED, "m: 'a': expected a dtype such as F32, BF16, I64 or BOOL, found another; get the file again");
  sample_safetensors(&s, "m", "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999,99999999999],\"data_offsets\":[0,4]}}", 4);
  fails(&s, "m", "a", UF_DATA_LOSS, "m: 'a': expected data_offsets of as many bytes as its dtype and shape take, found another; get the file again");
  sample_safetensors(&s, "m", "{\"a\" {}}", 4);
  fails(&s, "m", "a", UF_DATA_LOSS, "m: offset 13: expected a header in JSON with arrays in it, found another; get the file again");
}

/* ---- JSON ---- */

static void is_json(const char *text, bool good) {
  ufi_json j = ufi_json_of(text, strlen(text));
  ufi_json_skip(&j);
  if ((!j.bad && ufi_json_at_end(&j)) != good) fail_msg("%s", text);
}

static void json(void **state) {
  static const char *const good[] = {"{}", "[]", " [1, -2.5e3, \"a\\\"\\u0041\", true, null, {\"k\": [[]]}] ", "\"\\ud800\\udc00\""};
  static const char *const bad[] = {"", "{", "[1,]", "[1 2]", "{1: 2}", "{\"a\" 1}", "{\"a\": 1,}", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"",
                                    "\"\\u12\"", "\"a", "\"\n\"", "[}", "{]", "\"\\u0000\"", "[1] 2"};
  for (size_t i = 0; i < UFI_COUNT(good); i++) is_json(good[i], true);
  for (size_t i = 0; i < UFI_COUNT(bad); i++) is_json(bad[i], false);
  char deep[200];
  memset(deep, '[', 100);
  memset(deep + 100, ']', 99);
  deep[199] = 0;
  is_json(deep, false);
  memset(deep, '[', 64);
  memset(deep + 64, ']', 64);
  deep[128] = 0;
  is_json(deep, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(npz), cmocka_unit_test(npz_checksums), cmocka_unit_test(npz_by_ranges),
    cmocka_unit_test(npy), cmocka_unit_test(folder_with_index), cmocka_unit_test(npy_damage),
    cmocka_unit_test(safetensors), cmocka_unit_test(safetensors_damage), cmocka_unit_test(json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
