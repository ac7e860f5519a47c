/* SPDX-License-Identifier: Apache-2.0
 *
 * test_npz.c: .npy and .npz written and read back, in every dtype; archives that
 * lie; sizes no disk has room for; memory that runs out; files that fail to
 * appear whole.
 */
#include <dirent.h>
#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/npy.h"
#include "format/zip.h"

static char folder[64];

static const char *in_folder(const char *name) {
  static char path[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
  return path[turn];
}

static int files_in_folder(void) {
  DIR *dir = opendir(folder);
  int n = 0;
  for (struct dirent *e; (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  closedir(dir);
  return n;
}

static int set_up(void **state) {
  strcpy(folder, "/tmp/unflow-test-XXXXXX");
  return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
  DIR *dir = opendir(folder);
  for (struct dirent *e; (e = readdir(dir));) unlink(in_folder(e->d_name));
  closedir(dir);
  return rmdir(folder);
}

static uf_tensor tensor(uf_dtype dtype, const void *data, size_t size, int32_t rank,
                        const int64_t *dims) {
  uf_tensor t = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data, .size = size};
  if (rank) memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
  return t;
}

/* ---- arrays ------------------------------------------------------------------------ */

static uf_buf *npy_of(const uf_tensor *t) {
  ufi_npy npy;
  uf_error error = {0};
  if (ufi_npy_encode(t, &npy, &error) != UF_OK) fail_msg("%s", error.message);
  assert_int_equal(npy.header_size % 64, 0);
  uf_buf *buf = uf_buf_create(npy.header_size + npy.body_size);
  memcpy(uf_buf_data(buf), npy.header, npy.header_size);
  if (npy.body_size) memcpy((char *)uf_buf_data(buf) + npy.header_size, npy.body, npy.body_size);
  uf_buf_release(npy.converted);
  return buf;
}

static void all_dtypes_come_back(void **state) {
  uint8_t bytes[16 * 6];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 1);
  for (int d = 1; d < UF_DTYPE_COUNT; d++) {
    uf_dtype dtype = (uf_dtype)d;
    if (dtype == UF_STRING || dtype == UF_RESOURCE || dtype == UF_VARIANT || uf_dtype_bits(dtype) < 8) continue;
    if (dtype == UF_BOOL) for (size_t i = 0; i < 6; i++) bytes[i] &= 1;
    uf_tensor t = tensor(dtype, bytes, (size_t)uf_dtype_bits(dtype) / 8 * 6, 2, (int64_t[]){2, 3}), back;
    uf_buf *buf = npy_of(&t);
    uf_error error = {0};
    for (int share = 0; share < 2; share++) {
      assert_int_equal(ufi_npy_decode(buf, share, &back, &error), UF_OK);
      /* One void byte may be any float8; quantized kinds are written as integers. */
      float table[256];
      bool is_float8 = ufi_float8_table(dtype, table);
      assert_int_equal(back.dtype, is_float8 ? UF_FLOAT8_E4M3FN : ufi_dtype_unquantized(dtype));
      assert_int_equal(back.rank, 2);
      assert_memory_equal(back.dims, t.dims, 16);
      assert_int_equal(back.size, t.size);
      assert_memory_equal(back.data, bytes, t.size);
      uf_tensor_release(&back);
    }
    uf_buf_release(buf);
  }
}

static void headers_are_as_numpy_writes_them(void **state) {
  float f[6] = {0};
  uf_tensor t = tensor(UF_FLOAT32, f, sizeof f, 2, (int64_t[]){2, 3});
  uf_buf *buf = npy_of(&t);
  static const char text[] = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }    ";
  assert_memory_equal(uf_buf_data(buf), text, sizeof text - 1);
  assert_int_equal(((char *)uf_buf_data(buf))[127], '\n');
  uf_buf_release(buf);
  t = tensor(UF_FLOAT32, f, sizeof f, 1, (int64_t[]){6});
  buf = npy_of(&t);
  assert_memory_equal((char *)uf_buf_data(buf) + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } ", 58);
  uf_buf_release(buf);
  t = tensor(UF_FLOAT32, f, sizeof f, 0, NULL);
  buf = npy_of(&t);
  assert_memory_equal((char *)uf_buf_data(buf) + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (), } ", 56);
  uf_buf_release(buf);
  /* The longest header there is. */
  int64_t dims[8] = {0, 0, INT64_MAX, 1, 1, 1, 1, 1};
  t = tensor(UF_COMPLEX128, NULL, 0, 8, dims);
  buf = npy_of(&t);
  uf_buf_release(buf);
}

static void strings_and_packed_integers(void **state) {
  const uf_string in[] = {{"ab", 2}, {"", 0}, {"c\0de", 4}};
  uf_tensor t = tensor(UF_STRING, in, sizeof in, 1, (int64_t[]){3}), back;
  uf_error error = {0};
  uf_buf *buf = npy_of(&t);
  assert_memory_equal((char *)uf_buf_data(buf) + 10, "{'descr': '|S4'", 15);
  assert_int_equal(ufi_npy_decode(buf, false, &back, &error), UF_OK);
  uf_buf_release(buf);
  for (int i = 0; i < 3; i++) {
    const uf_string *s = (const uf_string *)back.data + i;
    assert_int_equal(s->size, in[i].size);
    if (s->size) assert_memory_equal(s->data, in[i].data, s->size);
  }
  uf_tensor_release(&back);
  t = tensor(UF_STRING, NULL, 0, 1, (int64_t[]){0});
  buf = npy_of(&t);
  assert_memory_equal((char *)uf_buf_data(buf) + 10, "{'descr': '|S1'", 15);
  uf_buf_release(buf);
  uint8_t nibbles[] = {0x8F, 0x07};
  t = tensor(UF_INT4, nibbles, 2, 1, (int64_t[]){3});
  buf = npy_of(&t);
  assert_int_equal(ufi_npy_decode(buf, false, &back, &error), UF_OK);
  assert_int_equal(back.dtype, UF_INT8);
  assert_memory_equal(back.data, ((int8_t[]){-1, -8, 7}), 3);
  uf_tensor_release(&back);
  uf_buf_release(buf);
}

static void what_has_no_array_is_refused(void **state) {
  ufi_npy npy;
  uf_error error = {0};
  int64_t id = 1;
  uf_tensor t = tensor(UF_RESOURCE, &id, 8, 0, NULL);
  assert_int_equal(ufi_npy_encode(&t, &npy, &error), UF_WRONG_TYPE);
  assert_string_equal(error.message, "expected numbers or strings, found dtype resource, which no "
                      ".npy can hold; write the value it refers to");
  t = tensor(UF_FLOAT32, &id, 8, 1, (int64_t[]){3});
  assert_int_equal(ufi_npy_encode(&t, &npy, &error), UF_INVALID_ARGUMENT);
  t = tensor(UF_INVALID, &id, 8, 0, NULL);
  assert_int_equal(ufi_npy_encode(&t, &npy, &error), UF_INVALID_ARGUMENT);
}

/* A .npy from its parts. */
static uf_buf *npy_from(int version, const char *header, const void *body, size_t size) {
  size_t prefix = version == 1 ? 10 : 12, length = strlen(header);
  uf_buf *buf = uf_buf_create(prefix + length + size);
  unsigned char *p = uf_buf_data(buf);
  memcpy(p, "\x93NUMPY", 6);
  p[6] = (unsigned char)version;
  p[7] = 0;
  memset(p + 8, 0, prefix - 8);
  p[8] = (unsigned char)length;
  p[9] = (unsigned char)(length >> 8);
  memcpy(p + prefix, header, length);
  if (size) memcpy(p + prefix + length, body, size);
  return buf;
}

static uf_status decode(int version, const char *header, const void *body, size_t size,
                        uf_tensor *out, uf_error *error) {
  uf_buf *buf = npy_from(version, header, body, size);
  uf_status status = ufi_npy_decode(buf, false, out, error);
  uf_buf_release(buf);
  return status;
}

static void orders_and_spellings(void **state) {
  uf_tensor t;
  uf_error error = {0};
  const uint16_t fortran[] = {1, 4, 2, 5, 3, 6};
  static const char *const headers[] = {
    "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3), }\n",
    "{\"shape\":(2L,3L),\"fortran_order\":True,\"descr\":\"=u2\"}",
    " { 'shape' : ( 2 , 3 ) , 'descr' : 'u2', 'fortran_order' : True } \n",
  };
  for (size_t i = 0; i < UFI_COUNT(headers); i++) {
    for (int version = 1; version <= 3; version++) {
      assert_int_equal(decode(version, headers[i], fortran, 12, &t, &error), UF_OK);
      assert_memory_equal(t.data, ((uint16_t[]){1, 2, 3, 4, 5, 6}), 12);
      uf_tensor_release(&t);
    }
  }
  const uint8_t big[] = {0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE};
  assert_int_equal(decode(1, "{'descr': '>i4', 'fortran_order': False, 'shape': (2,)}", big, 8, &t, &error), UF_OK);
  assert_memory_equal(t.data, ((int32_t[]){1, -2}), 8);
  uf_tensor_release(&t);
  const uint8_t complex[] = {0x3F, 0x80, 0, 0, 0x40, 0, 0, 0};
  assert_int_equal(decode(1, "{'descr': '>c8', 'fortran_order': False, 'shape': ()}", complex, 8, &t, &error), UF_OK);
  assert_memory_equal(t.data, ((float[]){1, 2}), 8);
  uf_tensor_release(&t);
  const uint8_t bools[] = {0, 1, 7};
  assert_int_equal(decode(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", bools, 3, &t, &error), UF_OK);
  assert_memory_equal(t.data, ((uint8_t[]){0, 1, 1}), 3);
  uf_tensor_release(&t);
  const uint32_t text[] = {'a', 0, 0xE9, 0x1D11E, 0x20AC, 0};
  assert_int_equal(decode(1, "{'descr': '<U2', 'fortran_order': True, 'shape': (3,)}", text, 24, &t, &error), UF_OK);
  const uf_string *s = t.data;
  assert_int_equal(s[0].size, 1);
  assert_int_equal(s[1].size, 6);
  assert_memory_equal(s[1].data, "\xC3\xA9\xF0\x9D\x84\x9E", 6);
  assert_memory_equal(s[2].data, "\xE2\x82\xAC", 3);
  uf_tensor_release(&t);
}

static void bad_arrays_are_refused(void **state) {
  static const struct { const char *header; uf_status status; } bad[] = {
    {"", UF_DATA_LOSS},
    {"{}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", UF_UNIMPLEMENTED},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", UF_DATA_LOSS},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", UF_DATA_LOSS},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", UF_UNIMPLEMENTED},
    {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", UF_UNIMPLEMENTED},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': ()}", UF_UNIMPLEMENTED},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", UF_UNIMPLEMENTED},
    {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", UF_UNIMPLEMENTED},
    {"{'descr': '|S99999999999', 'fortran_order': False, 'shape': (0,)}", UF_UNIMPLEMENTED},
    {"{'descr': '|S0', 'fortran_order': False, 'shape': (1099511627776,)}", UF_DATA_LOSS},
    {"{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}", UF_DATA_LOSS}, /* no characters */
  };
  const uint32_t body[] = {0xD800, 0x110000};
  for (size_t i = 0; i < UFI_COUNT(bad); i++) {
    uf_tensor t;
    uf_error error = {0};
    uf_status status = decode(1, bad[i].header, body, 8, &t, &error);
    if (status != bad[i].status) fail_msg("%s: %s: %s", bad[i].header, uf_status_text(status), error.message);
    assert_int_equal(decode(3, bad[i].header, body, 8, &t, &error), bad[i].status);
  }
  uf_tensor t;
  uf_error error = {0};
  uf_buf *buf = uf_buf_create(12);
  memcpy(uf_buf_data(buf), "\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12);
  assert_int_equal(ufi_npy_decode(buf, false, &t, &error), UF_DATA_LOSS);
  memcpy(uf_buf_data(buf), "\x93NUMPY\x09", 7);
  assert_int_equal(ufi_npy_decode(buf, false, &t, &error), UF_UNIMPLEMENTED);
  memcpy(uf_buf_data(buf), "PK", 2);
  assert_int_equal(ufi_npy_decode(buf, false, &t, &error), UF_INVALID_ARGUMENT);
  assert_string_equal(error.message, "expected a .npy file, found 12 bytes of something else; write it with numpy.save");
  uf_buf_release(buf);
}

/* ---- archives ------------------------------------------------------------------------- */

static void write_archive(const char *path, int level) {
  uf_npz_writer *w = NULL;
  uf_error error = {0};
  static float zeros[5000];
  int32_t ints[] = {1, 2, 3};
  assert_int_equal(uf_npz_create(path, level, &w, &error), UF_OK);
  uf_tensor t = tensor(UF_FLOAT32, zeros, sizeof zeros, 2, (int64_t[]){50, 100});
  assert_int_equal(uf_npz_add(w, "layer/w", &t, &error), UF_OK);
  assert_int_equal(uf_npz_add(w, "layer/w", &t, &error), UF_ALREADY_EXISTS);
  t = tensor(UF_INT32, ints, sizeof ints, 1, (int64_t[]){3});
  assert_int_equal(uf_npz_add(w, "\xC3\xBC", &t, &error), UF_OK);
  assert_int_equal(uf_npz_add(w, "bad\xFF", &t, &error), UF_OK);
  assert_int_equal(uf_npz_add(w, "", &t, &error), UF_OK);
  t = tensor(UF_FLOAT32, NULL, 0, 1, (int64_t[]){0});
  assert_int_equal(uf_npz_add(w, "empty", &t, &error), UF_OK);
  t = tensor(UF_RESOURCE, ints, 8, 0, NULL);
  assert_int_equal(uf_npz_add(w, "handle", &t, &error), UF_WRONG_TYPE);
  assert_int_not_equal(access(path, F_OK), 0); /* not there before the end */
  if (uf_npz_finish(w, &error) != UF_OK) fail_msg("%s", error.message);
}

static void archives_come_back(void **state) {
  static const int levels[] = {0, 1, 6, 12};
  for (size_t k = 0; k < UFI_COUNT(levels); k++) {
    const char *path = in_folder("a.npz");
    uf_error error = {0};
    char **names = NULL;
    int32_t n = 0;
    unlink(path);
    write_archive(path, levels[k]);
    assert_int_equal(uf_npz_names(path, &names, &n, &error), UF_OK);
    assert_int_equal(n, 5);
    assert_string_equal(names[0], "layer/w");
    assert_string_equal(names[1], "\xC3\xBC");
    assert_string_equal(names[3], "");
    free(names);
    uf_tensor t;
    assert_int_equal(uf_npy_load(path, "layer/w", &t, &error), UF_OK);
    assert_int_equal(t.size, 20000);
    assert_int_equal(t.dims[1], 100);
    assert_false(t.read_only);
    memset(t.data, 1, t.size); /* memory of its own */
    uf_tensor_release(&t);
    assert_int_equal(uf_npy_load(path, "bad\xFF", &t, &error), UF_OK);
    assert_memory_equal(t.data, ((int32_t[]){1, 2, 3}), 12);
    uf_tensor_release(&t);
    assert_int_equal(uf_npy_load(path, "empty", &t, &error), UF_OK);
    assert_int_equal(uf_tensor_count(&t), 0);
    uf_tensor_release(&t);
    assert_int_equal(uf_npy_load(path, "layer", &t, &error), UF_NOT_FOUND);
    assert_int_equal(uf_npy_load(path, NULL, &t, &error), UF_INVALID_ARGUMENT);
  }
  assert_int_equal(files_in_folder(), 1);
}

static void stored_members_are_aligned(void **state) {
  write_archive(in_folder("aligned.npz"), 0);
  uf_buf *file = NULL;
  ufi_zip zip;
  assert_int_equal(ufi_map_file(in_folder("aligned.npz"), &file, NULL), UF_OK);
  assert_int_equal(ufi_zip_open(file, "a", &zip, NULL), UF_OK);
  for (size_t i = 0; i < zip.count; i++) assert_int_equal(zip.entries[i].data_offset % 64, 0);
  ufi_zip_close(&zip);
  uf_buf_release(file);
}

static void writers_leave_nothing_behind(void **state) {
  int before = files_in_folder();
  uf_npz_writer *w = NULL;
  uf_error error = {0};
  float f = 1;
  uf_tensor t = tensor(UF_FLOAT32, &f, 4, 0, NULL);
  assert_int_equal(uf_npz_create(in_folder("gone.npz"), 0, &w, &error), UF_OK);
  assert_int_equal(uf_npz_add(w, "x", &t, &error), UF_OK);
  uf_npz_abandon(w);
  uf_npz_abandon(NULL);
  assert_int_equal(files_in_folder(), before);
  assert_int_equal(uf_npz_create(in_folder("none/x.npz"), 0, &w, &error), UF_NOT_FOUND);
  assert_int_equal(uf_npz_create(in_folder("x.npz"), 13, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_npz_create(folder, 0, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_npz_create(in_folder("x/"), 0, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_npz_create("", 0, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_npz_create(NULL, 0, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_npy_save("/dev/null", &t, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(files_in_folder(), before);
}

static void targets_keep_links_and_permissions(void **state) {
  uf_error error = {0};
  struct stat info;
  float f = 1;
  uf_tensor t = tensor(UF_FLOAT32, &f, 4, 0, NULL);
  const char *real = in_folder("real.npy"), *link = in_folder("link.npy");
  mode_t mask = umask(022);
  assert_int_equal(uf_npy_save(real, &t, &error), UF_OK);
  assert_int_equal(stat(real, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0644);
  chmod(real, 0600);
  assert_int_equal(symlink("real.npy", link), 0);
  f = 2;
  assert_int_equal(uf_npy_save(link, &t, &error), UF_OK);
  assert_int_equal(lstat(link, &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  assert_int_equal(stat(real, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  uf_tensor back;
  assert_int_equal(uf_npy_load(real, NULL, &back, &error), UF_OK);
  assert_true(*(float *)back.data == 2);
  uf_tensor_release(&back);
  umask(mask);
}

/* ---- sizes beyond 4 GiB, by headers alone ------------------------------------------------ */

static uint64_t load(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
  return v;
}

static void large_members(void **state) {
  const uint64_t huge = UINT64_C(5) << 30, far = UINT64_C(7) << 32;
  ufi_zip_entry e = {.name = "x.npy", .name_size = 5, .size = huge, .packed_size = huge,
                     .header_offset = far, .crc = 0x12345678};
  unsigned char h[UFI_ZIP_HEADER_MAX];
  size_t extra, fixed = ufi_zip_local_header(&e, h, &extra);
  assert_int_equal(fixed, 30);
  assert_int_equal(load(h + 4, 2), 45);
  assert_int_equal(load(h + 14, 4), 0x12345678);
  assert_int_equal(load(h + 18, 4), UINT32_MAX);
  assert_int_equal(load(h + 22, 4), UINT32_MAX);
  assert_int_equal(load(h + 26, 2), 5);
  assert_int_equal(load(h + 28, 2), extra);
  assert_int_equal((far + fixed + 5 + extra) % 64, 0);
  assert_int_equal(load(h + 30, 2), 1);
  assert_int_equal(load(h + 32, 2), 16);
  assert_int_equal(load(h + 34, 8), huge);
  assert_int_equal(load(h + 42, 8), huge);
  fixed = ufi_zip_central_header(&e, h, &extra);
  assert_int_equal(fixed, 46);
  assert_int_equal(extra, 28);
  assert_int_equal(load(h + 42, 4), UINT32_MAX);
  assert_int_equal(load(h + 46 + 2, 2), 24);
  assert_int_equal(load(h + 46 + 4, 8), huge);
  assert_int_equal(load(h + 46 + 12, 8), huge);
  assert_int_equal(load(h + 46 + 20, 8), far);
  /* Small, but far away: the offset alone is wide. */
  e.size = e.packed_size = 100;
  ufi_zip_central_header(&e, h, &extra);
  assert_int_equal(extra, 12);
  assert_int_equal(load(h + 24, 4), 100);
  assert_int_equal(load(h + 46 + 4, 8), far);
  /* The largest sizes that fit, and the first that do not. */
  e.header_offset = 0;
  e.size = e.packed_size = UINT32_MAX - 1;
  ufi_zip_central_header(&e, h, &extra);
  assert_int_equal(extra, 0);
  e.size = UINT32_MAX;
  ufi_zip_central_header(&e, h, &extra);
  assert_int_equal(extra, 20);
}

static void all_alignments(void **state) {
  unsigned char h[UFI_ZIP_HEADER_MAX];
  for (size_t name = 0; name < 200; name++) {
    size_t extra;
    ufi_zip_entry e = {.name_size = name, .header_offset = name * 31, .size = 1, .packed_size = 1};
    size_t fixed = ufi_zip_local_header(&e, h, &extra);
    assert_int_equal((e.header_offset + fixed + name + extra) % 64, 0);
    assert_int_equal(load(h + 30 + 2, 2) + 4, extra); /* one field that fills it */
    e.method = 8;
    ufi_zip_local_header(&e, h, &extra);
    assert_int_equal(extra, 0);
  }
}

static void ends(void **state) {
  unsigned char h[UFI_ZIP_HEADER_MAX];
  assert_int_equal(ufi_zip_end(3, 1000, 1200, h), 22);
  assert_int_equal(load(h + 8, 2), 3);
  assert_int_equal(load(h + 12, 4), 200);
  assert_int_equal(load(h + 16, 4), 1000);
  const uint64_t begin = UINT64_C(9) << 32;
  assert_int_equal(ufi_zip_end(70000, begin, begin + 5000000, h), 56 + 20 + 22);
  assert_int_equal(load(h, 4), 0x06064B50);
  assert_int_equal(load(h + 24, 8), 70000);
  assert_int_equal(load(h + 32, 8), 70000);
  assert_int_equal(load(h + 40, 8), 5000000);
  assert_int_equal(load(h + 48, 8), begin);
  assert_int_equal(load(h + 56 + 8, 8), begin + 5000000);
  assert_int_equal(load(h + 76 + 8, 2), 0xFFFF);
  assert_int_equal(load(h + 76 + 16, 4), UINT32_MAX);
}

/* ---- archives that lie ------------------------------------------------------------------ */

typedef struct lie {
  size_t at;             /* in the file */
  int bytes;
  uint64_t value;
  uf_status status;      /* of opening, or of reading the first member */
} lie;

/* One stored member "a.npy" of 5 bytes: local header 0..30, name ..35, extra
 * ..64, data ..69, then the directory. */
static uf_buf *small_archive(size_t *directory_out) {
  static unsigned char b[1024];
  ufi_zip_entry e = {.name = "a.npy", .name_size = 5, .size = 5, .packed_size = 5};
  e.crc = libdeflate_crc32(0, "hello", 5);
  unsigned char h[UFI_ZIP_HEADER_MAX], *p = b;
  size_t extra, fixed = ufi_zip_local_header(&e, h, &extra);
  memcpy(p, h, fixed); p += fixed;
  memcpy(p, "a.npy", 5); p += 5;
  memcpy(p, h + fixed, extra); p += extra;
  memcpy(p, "hello", 5); p += 5;
  size_t directory = (size_t)(p - b);
  fixed = ufi_zip_central_header(&e, p, &extra);
  p += fixed;
  memcpy(p, "a.npy", 5); p += 5;
  p += ufi_zip_end(1, directory, (uint64_t)(p - b), p);
  uf_buf *buf = uf_buf_create((size_t)(p - b));
  memcpy(uf_buf_data(buf), b, (size_t)(p - b));
  *directory_out = directory;
  return buf;
}

static uf_status read_first(uf_buf *buf, uf_error *error) {
  ufi_zip zip;
  uf_buf *member = NULL;
  uf_status status = ufi_zip_open(buf, "t.npz", &zip, error);
  if (status != UF_OK) return status;
  if (zip.count > 0) status = ufi_zip_read(&zip, &zip.entries[0], &member, error);
  uf_buf_release(member);
  ufi_zip_close(&zip);
  return status;
}

static void lies_are_found(void **state) {
  size_t d;
  uf_buf *good = small_archive(&d);
  uf_error error = {0};
  assert_int_equal(d, 69);
  assert_int_equal(read_first(good, &error), UF_OK);
  const size_t end = d + 46 + 5;
  const lie lies[] = {
    {0, 4, 0, UF_DATA_LOSS},                    /* no local header */
    {26, 2, 4, UF_DATA_LOSS},                   /* another name there */
    {30, 1, 'b', UF_DATA_LOSS},
    {28, 2, 0xFFFF, UF_DATA_LOSS},              /* extra field past the end */
    {64, 1, 'H', UF_DATA_LOSS},                 /* checksum */
    {d, 4, 0, UF_DATA_LOSS},                    /* no directory entry */
    {d + 8, 2, 1, UF_UNIMPLEMENTED},            /* encrypted */
    {d + 10, 2, 12, UF_UNIMPLEMENTED},          /* bzip2 */
    {d + 10, 2, 8, UF_DATA_LOSS},               /* "hello" is no deflate stream */
    {d + 20, 4, 6, UF_DATA_LOSS},               /* sizes differ */
    {d + 24, 4, 6, UF_DATA_LOSS},
    {d + 20, 8, UINT64_C(0x0000100000001000), UF_DATA_LOSS}, /* both leave the file */
    {d + 28, 2, 0, UF_DATA_LOSS},               /* no name */
    {d + 28, 2, 0xFFFF, UF_DATA_LOSS},
    {d + 42, 4, 1, UF_DATA_LOSS},               /* offset */
    {d + 42, 4, UINT32_MAX, UF_DATA_LOSS},
    {end + 10, 2, 2, UF_DATA_LOSS},             /* more members than there are */
    {end + 12, 4, 1000, UF_DATA_LOSS},
    {end + 16, 4, 1000, UF_DATA_LOSS},
    {end + 20, 2, 1, UF_INVALID_ARGUMENT},      /* a comment that is not there */
    {end, 4, 0, UF_INVALID_ARGUMENT},
  };
  for (size_t i = 0; i < UFI_COUNT(lies); i++) {
    uf_buf *buf = uf_buf_create(uf_buf_size(good));
    unsigned char *p = uf_buf_data(buf);
    memcpy(p, uf_buf_data(good), uf_buf_size(good));
    for (int k = 0; k < lies[i].bytes; k++) p[lies[i].at + (size_t)k] = (unsigned char)(lies[i].value >> 8 * k);
    uf_status status = read_first(buf, &error);
    if (status != lies[i].status) fail_msg("lie %zu: %s", i, uf_status_text(status));
    uf_buf_release(buf);
  }
  for (size_t size = 0; size < uf_buf_size(good); size++) { /* cut off */
    uf_buf *cut = uf_buf_create(size);
    memcpy(uf_buf_data(cut), uf_buf_data(good), size);
    assert_int_not_equal(read_first(cut, &error), UF_OK);
    uf_buf_release(cut);
  }
  uf_buf_release(good);
}

/* Two directory entries over one member: read twice, or a bomb. */
static void overlaps_and_twins_are_found(void **state) {
  size_t d;
  uf_buf *good = small_archive(&d);
  const unsigned char *g = uf_buf_data(good);
  uf_buf *buf = uf_buf_create(d + 2 * 51 + 22);
  unsigned char *p = uf_buf_data(buf);
  uf_error error = {0};
  memcpy(p, g, d);
  memcpy(p + d, g + d, 51);
  memcpy(p + d + 51, g + d, 51);
  ufi_zip_end(2, d, d + 102, p + d + 102);
  assert_int_equal(read_first(buf, &error), UF_DATA_LOSS);
  assert_string_equal(error.message, "t.npz at byte 0: expected members that follow each other, "
                      "found two that overlap; get the file again");
  uf_buf_release(buf);
  /* Apart, but of one name. */
  buf = uf_buf_create(2 * d + 2 * 51 + 22);
  p = uf_buf_data(buf);
  memcpy(p, g, d);
  memcpy(p + d, g, d);
  memcpy(p + 2 * d, g + d, 51);
  memcpy(p + 2 * d + 51, g + d, 51);
  p[2 * d + 51 + 42] = (unsigned char)d;
  ufi_zip_end(2, 2 * d, 2 * d + 102, p + 2 * d + 102);
  assert_int_equal(read_first(buf, &error), UF_DATA_LOSS);
  assert_string_equal(error.message, "t.npz at byte 69: expected every name once, found one twice; "
                      "get the file again");
  uf_buf_release(buf);
  uf_buf_release(good);
}

static void a_comment_may_follow(void **state) {
  size_t d;
  uf_buf *good = small_archive(&d), *buf = uf_buf_create(uf_buf_size(good) + 3);
  unsigned char *p = uf_buf_data(buf);
  memcpy(p, uf_buf_data(good), uf_buf_size(good));
  memcpy(p + uf_buf_size(good), "hey", 3);
  p[uf_buf_size(good) - 2] = 3;
  assert_int_equal(read_first(buf, NULL), UF_OK);
  uf_buf_release(buf);
  uf_buf_release(good);
}

/* ---- memory runs out ------------------------------------------------------------------------ */

static uf_status write_and_read(const char *path, int level, uf_error *error) {
  static float zeros[2000];
  uf_tensor t = tensor(UF_FLOAT32, zeros, sizeof zeros, 1, (int64_t[]){2000}), back;
  const uf_string text[] = {{"ab", 2}};
  uf_tensor s = tensor(UF_STRING, text, sizeof text, 1, (int64_t[]){1});
  uf_npz_writer *w = NULL;
  char **names = NULL;
  int32_t n;
  UFI_TRY(uf_npz_create(path, level, &w, error));
  uf_status status = uf_npz_add(w, "x", &t, error);
  if (status == UF_OK) status = uf_npz_add(w, "s", &s, error);
  if (status != UF_OK) {
    uf_npz_abandon(w);
    return status;
  }
  UFI_TRY(uf_npz_finish(w, error));
  UFI_TRY(uf_npz_names(path, &names, &n, error));
  free(names);
  UFI_TRY(uf_npy_load(path, "x", &back, error));
  uf_tensor_release(&back);
  UFI_TRY(uf_npy_load(path, "s", &back, error));
  uf_tensor_release(&back);
  UFI_TRY(uf_npy_save(path, &s, error));
  UFI_TRY(uf_npy_load(path, NULL, &back, error));
  uf_tensor_release(&back);
  return UF_OK;
}

static void every_allocation_may_fail(void **state) {
  for (int level = 0; level < 7; level += 6) {
    int n = 1;
    for (; n < 1000; n++) {
      uf_error error = {0};
      ufi_fail_allocation(n);
      uf_status status = write_and_read(in_folder("oom.npz"), level, &error);
      ufi_fail_allocation(0);
      if (status == UF_OK) break;
      assert_int_equal(status, UF_RESOURCE_EXHAUSTED);
      assert_int_equal(error.status, status);
      unlink(in_folder("oom.npz"));
    }
    assert_in_range(n, 10, 999);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_dtypes_come_back), cmocka_unit_test(headers_are_as_numpy_writes_them),
    cmocka_unit_test(strings_and_packed_integers), cmocka_unit_test(what_has_no_array_is_refused),
    cmocka_unit_test(orders_and_spellings), cmocka_unit_test(bad_arrays_are_refused),
    cmocka_unit_test(archives_come_back), cmocka_unit_test(stored_members_are_aligned),
    cmocka_unit_test(writers_leave_nothing_behind),
    cmocka_unit_test(targets_keep_links_and_permissions), cmocka_unit_test(large_members),
    cmocka_unit_test(all_alignments), cmocka_unit_test(ends), cmocka_unit_test(lies_are_found),
    cmocka_unit_test(overlaps_and_twins_are_found), cmocka_unit_test(a_comment_may_follow),
    cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
