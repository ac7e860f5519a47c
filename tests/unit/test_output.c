/* SPDX-License-Identifier: Apache-2.0
 *
 * test_output.c: the section "output" of unflow.h: what is written comes back, nothing partial
 * stays behind, damage is told with the tensor's name.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/zip.h"
#include "output/output.h"

enum { LARGE = 1 << 20 }; /* elements: several chunks */

static char folder[64];

static const char *at(const char *name) {
  static char paths[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
  return paths[turn];
}

static int files_in(const char *path) {
  DIR *dir = opendir(path);
  int n = 0;
  for (struct dirent *e; dir && (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  if (dir) closedir(dir);
  return n;
}

static void remove_all(const char *path) {
  char name[1024];
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(name, sizeof name, "%s/%s", path, e->d_name);
    if (unlink(name) != 0) remove_all(name);
  }
  if (dir) closedir(dir);
  rmdir(path);
}

static int set_up(void **state) {
  strcpy(folder, "/tmp/unflow-output-XXXXXX");
  return mkdtemp(folder) == NULL;
}
static int tear_down(void **state) {
  remove_all(folder);
  return 0;
}

static uf_tensor tensor(uf_dtype dtype, const void *data, size_t size, int32_t rank, const int64_t *dims) {
  uf_tensor t = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data, .size = size};
  if (rank) memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
  return t;
}

static float *large(void) {
  float *data = malloc(LARGE * sizeof *data);
  for (size_t i = 0; i < LARGE; i++) data[i] = (float)(i * 2654435761u % 1000003);
  return data;
}

/* A checkpoint with large/w, small/w, odd (int8 of 3), words. */
static void write_checkpoint(const char *prefix) {
  uf_checkpoint_writer *w = NULL;
  float *data = large(), six[6] = {0, 1, 2, 3, 4, 5};
  int8_t odd[] = {1, 2, 3};
  uf_string words[] = {{"ab", 2}, {"", 0}};
  uf_tensor t[] = {tensor(UF_INT8, odd, 3, 1, (int64_t[]){3}),
                   tensor(UF_FLOAT32, data, LARGE * 4, 2, (int64_t[]){1024, LARGE / 1024}),
                   tensor(UF_FLOAT32, six, 24, 2, (int64_t[]){2, 3}),
                   tensor(UF_STRING, words, sizeof words, 1, (int64_t[]){2})};
  static const char *const names[] = {"a_odd", "large/w", "small/w", "words"};
  assert_int_equal(uf_checkpoint_create(prefix, 1, &w, NULL), UF_OK);
  for (int i = 0; i < 4; i++) assert_int_equal(uf_checkpoint_add(w, names[i], &t[i], NULL), UF_OK);
  assert_int_equal(uf_checkpoint_finish(w, NULL), UF_OK);
  free(data);
}

static uf_source *open_checkpoint(void) {
  uf_source *source = NULL;
  uf_error error = {0};
  write_checkpoint(at("ck"));
  if (uf_source_open(at("ck"), NULL, &source, &error) != UF_OK) fail_msg("%s", error.message);
  return source;
}

static size_t all_items(uf_source *source, uf_output_item *items) {
  const uf_entry *const *entries;
  size_t n;
  assert_int_equal(uf_source_entries(source, &entries, &n, NULL), UF_OK);
  assert_true(n <= 8);
  for (size_t i = 0; i < n; i++) items[i] = (uf_output_item){.name = entries[i]->name, .entry = entries[i]};
  return n;
}

/* ---- permuting --------------------------------------------------------------------------- */

static void axes_change_places(void **state) {
  static const struct { int32_t rank, axes[4]; int64_t dims[4]; } cases[] = {
    {2, {1, 0}, {70, 45}},         {3, {2, 0, 1}, {5, 40, 33}},   {4, {3, 2, 0, 1}, {3, 3, 40, 50}},
    {4, {0, 3, 1, 2}, {2, 7, 1, 9}}, {3, {1, 0, 2}, {4, 6, 5}},    {4, {2, 3, 0, 1}, {3, 4, 5, 6}},
    {1, {0}, {9}},                  {3, {2, 1, 0}, {1, 1, 1}},     {2, {1, 0}, {0, 4}},
    {4, {3, 1, 2, 0}, {6, 5, 4, 3}}, {3, {0, 1, 2}, {3, 4, 5}},
  };
  for (size_t k = 0; k < UFI_COUNT(cases); k++)
    for (size_t item = 1; item <= 16; item *= 2) {
      int64_t n, strides[4], step = 1, to[4];
      assert_true(ufi_shape_count(cases[k].rank, cases[k].dims, &n));
      unsigned char *in = malloc((size_t)n * item + 1), *out = malloc((size_t)n * item + 1);
      for (size_t i = 0; i < (size_t)n * item; i++) in[i] = (unsigned char)(i * 131 + i / 251);
      for (int32_t i = cases[k].rank; i-- > 0; step *= cases[k].dims[i]) strides[i] = step;
      ufi_permute(in, item, cases[k].rank, cases[k].dims, cases[k].axes, out);
      for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, from = 0;
        for (int32_t d = cases[k].rank; d-- > 0;) {
          int64_t extent = cases[k].dims[cases[k].axes[d]];
          to[d] = rest % extent;
          rest /= extent;
          from += to[d] * strides[cases[k].axes[d]];
        }
        if (memcmp(out + (size_t)i * item, in + (size_t)from * item, item) != 0)
          fail_msg("case %zu, %zu bytes: element %lld", k, item, (long long)i);
      }
      free(in);
      free(out);
    }
}

/* ---- what is written comes back ------------------------------------------------------------- */

static void expect_large(const char *path, const char *member) {
  uf_tensor t;
  uf_error error = {0};
  float *want = large();
  if (uf_npy_load(path, member, &t, &error) != UF_OK) fail_msg("%s", error.message);
  assert_int_equal(t.size, LARGE * 4);
  assert_memory_equal(t.data, want, t.size);
  uf_tensor_release(&t);
  free(want);
}

/* Readers go by the directory; the checksum in front of the bytes is for those that cannot. */
static void local_headers_are_right(const char *path) {
  uf_buf *file = NULL;
  uf_error error = {0};
  ufi_zip zip = {0};
  assert_int_equal(ufi_map_file(path, &file, &error), UF_OK);
  if (ufi_zip_open(file, path, &zip, &error) != UF_OK) fail_msg("%s", error.message);
  assert_int_equal(zip.count, 4);
  for (size_t i = 0; i < zip.count; i++) {
    const unsigned char *header = (const unsigned char *)uf_buf_data(file) + zip.entries[i].header_offset;
    assert_int_equal(ufi_load32(header), 0x04034B50);
    assert_int_equal(ufi_load32(header + 14), zip.entries[i].crc);
    assert_int_equal(ufi_load32(header + 18), zip.entries[i].packed_size);
    assert_int_equal(ufi_load32(header + 22), zip.entries[i].size);
  }
  ufi_zip_close(&zip);
  uf_buf_release(file);
}

static void every_format_comes_back(void **state) {
  uf_source *source = open_checkpoint(), *back = NULL;
  uf_output_item items[8];
  uf_error error = {0};
  size_t n = all_items(source, items);
  static const char *const targets[] = {"x.npz", "packed.npz", "x.safetensors", "out/"};
  for (int k = 0; k < 4; k++) {
    uf_output_options o = {.struct_size = sizeof o, .verify = true, .level = k == 1 ? 6 : 0,
                           .n_threads = 3};
    size_t m = k == 2 ? n - 1 : n; /* .safetensors has no strings */
    if (uf_extract(source, items, m, at(targets[k]), &o, &error) != UF_OK) fail_msg("%s", error.message);
    if (uf_source_open(at(targets[k]), NULL, &back, &error) != UF_OK) fail_msg("%s", error.message);
    for (size_t i = 0; i < m; i++) {
      const uf_entry *e;
      uf_tensor a, b;
      if (uf_source_find(back, items[i].name, &e, &error) != UF_OK) fail_msg("%s", error.message);
      assert_int_equal(uf_source_read(source, items[i].entry, NULL, 0, &a, &error), UF_OK);
      assert_int_equal(uf_source_read(back, e, NULL, UF_READ_VERIFY, &b, &error), UF_OK);
      assert_int_equal(a.dtype, b.dtype);
      assert_int_equal(a.rank, b.rank);
      assert_memory_equal(a.dims, b.dims, (size_t)a.rank * 8);
      if (a.dtype != UF_STRING) assert_memory_equal(a.data, b.data, a.size);
      else assert_memory_equal(((uf_string *)b.data)->data, "ab", 2);
      uf_tensor_release(&a);
      uf_tensor_release(&b);
    }
    uf_source_release(back);
  }
  local_headers_are_right(at("x.npz"));
  local_headers_are_right(at("packed.npz"));
  expect_large(at("x.npz"), "large/w");
  expect_large(at("packed.npz"), "large/w");
  expect_large(at("out/large%2Fw.npy"), NULL);
  uf_source_release(source);
}

static void values_are_converted(void **state) {
  uf_source *source = open_checkpoint();
  uf_output_item items[8];
  uf_error error = {0};
  size_t n = all_items(source, items);
  assert_string_equal(items[2].name, "small/w");
  int32_t axes[] = {1, 0};
  items[2].axes = axes;
  items[2].dtype = UF_INT16;
  items[0].dtype = UF_FLOAT64;
  if (uf_extract(source, items, n, at("x.npz"), NULL, &error) != UF_OK) fail_msg("%s", error.message);
  uf_tensor t;
  assert_int_equal(uf_npy_load(at("x.npz"), "small/w", &t, &error), UF_OK);
  assert_int_equal(t.dtype, UF_INT16);
  assert_int_equal(t.dims[0], 3);
  assert_memory_equal(t.data, ((int16_t[]){0, 3, 1, 4, 2, 5}), 12);
  uf_tensor_release(&t);
  assert_int_equal(uf_npy_load(at("x.npz"), "a_odd", &t, &error), UF_OK);
  assert_memory_equal(t.data, ((double[]){1, 2, 3}), 24);
  uf_tensor_release(&t);
  items[3].axes = axes; /* one dimension: it has no axis 1 */
  assert_int_equal(uf_extract(source, items, n, at("y.npz"), NULL, &error), UF_INVALID_ARGUMENT);
  items[3].axes = NULL;
  items[3].dtype = UF_FLOAT32;
  assert_int_equal(uf_extract(source, items, n, at("y.npz"), NULL, &error), UF_WRONG_TYPE);
  assert_non_null(strstr(error.message, "'words'"));
  assert_int_equal(uf_extract(source, items, n, at("y/"), NULL, &error), UF_WRONG_TYPE);
  assert_int_equal(files_in(folder), 3); /* ck.index, ck.data-..., x.npz */
  uf_source_release(source);
}

static void index_json_says_what_files_are(void **state) {
  uint8_t packed[] = {0x21, 0x43, 0x65}; /* 1 2 3 / 4 5 6 */
  float scales[] = {1, 2, 3};
  int64_t zeros[] = {0, 0, 0};
  uf_quant q = {.count = 3, .scales = scales, .zero_points = zeros, .axis = 1};
  uf_tensor t = tensor(UF_INT4, packed, 3, 2, (int64_t[]){2, 3});
  t.quant = &q;
  static const char *const names[] = {"q"};
  uf_writer *w = NULL;
  assert_int_equal(uf_writer_create(at("q/"), NULL, names, &t, 1, &w, NULL), UF_OK);
  assert_int_equal(uf_writer_add(w, &t, NULL), UF_OK);
  assert_int_equal(uf_writer_finish(w, NULL), UF_OK);
  FILE *f = fopen(at("q/index.json"), "r");
  char text[512];
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  assert_string_equal(text, "[\n  {\"file\": \"q.npy\", \"tensor\": \"q\", \"dtype\": \"int4\", \"shape\": [2,3], "
                      "\"quantization\": {\"count\": 3, \"axis\": 1, \"block_size\": 0, \"scales\": [1, 2, 3], "
                      "\"zero_points\": [0, 0, 0]}}\n]\n");
}

/* ---- .safetensors ------------------------------------------------------------------------------ */

static void safetensors_are_aligned_and_dense(void **state) {
  uint8_t bytes[3] = {1, 2, 3};
  uint16_t halves[3] = {4, 5, 6};
  double doubles[2] = {7, 8};
  uf_tensor t[] = {tensor(UF_UINT8, bytes, 3, 1, (int64_t[]){3}), tensor(UF_BFLOAT16, halves, 6, 1, (int64_t[]){3}),
                   tensor(UF_FLOAT64, doubles, 16, 2, (int64_t[]){2, 1}), tensor(UF_FLOAT32, NULL, 0, 1, (int64_t[]){0})};
  static const char *const names[] = {"b\"\\\n", "h", "d", "empty"};
  uf_writer *w = NULL;
  uf_error error = {0};
  if (uf_writer_create(at("x.safetensors"), NULL, names, t, 4, &w, &error) != UF_OK) fail_msg("%s", error.message);
  for (int i = 0; i < 4; i++) assert_int_equal(uf_writer_add(w, &t[i], &error), UF_OK);
  assert_int_equal(uf_writer_finish(w, &error), UF_OK);
  unsigned char file[1024];
  FILE *f = fopen(at("x.safetensors"), "rb");
  size_t size = fread(file, 1, sizeof file, f);
  fclose(f);
  uint64_t header = ufi_load64(file);
  assert_int_equal((8 + header) % 64, 0);
  assert_int_equal(size, 8 + header + 25);
  static const char want[] =
    "{\"b\\\"\\\\\\u000a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[22,25]},"
    "\"h\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[16,22]},"
    "\"d\":{\"dtype\":\"F64\",\"shape\":[2,1],\"data_offsets\":[0,16]},"
    "\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[16,16]}}";
  assert_memory_equal(file + 8, want, sizeof want - 1);
  assert_memory_equal(file + 8 + header, doubles, 16);
  assert_memory_equal(file + 8 + header + 16, halves, 6);
  assert_memory_equal(file + 8 + header + 22, bytes, 3);
}

static void safetensors_refuse_by_name(void **state) {
  static const struct { uf_dtype dtype; const char *name, *words; uf_status status; } cases[] = {
    {UF_STRING, "s", "'s': expected a dtype that .safetensors has, found string", UF_WRONG_TYPE},
    {UF_COMPLEX64, "c", "'c': expected a dtype", UF_WRONG_TYPE},
    {UF_FLOAT8_E5M2FNUZ, "f", "convert it to float32", UF_WRONG_TYPE},
    {UF_FLOAT32, "__metadata__", "keeps for itself", UF_INVALID_ARGUMENT},
    {UF_FLOAT32, "a\xFF", "UTF-8", UF_INVALID_ARGUMENT},
  };
  for (size_t i = 0; i < UFI_COUNT(cases); i++) {
    uf_tensor t = tensor(cases[i].dtype, NULL, 0, 1, (int64_t[]){0});
    uf_writer *w = NULL;
    uf_error error = {0};
    assert_int_equal(uf_writer_create(at("x.safetensors"), NULL, &cases[i].name, &t, 1, &w, &error), cases[i].status);
    if (!strstr(error.message, cases[i].words)) fail_msg("%s", error.message);
  }
  assert_int_equal(files_in(folder), 0);
}

/* ---- nothing partial ------------------------------------------------------------------------------ */

static const char *const targets[] = {"x.npz", "x.safetensors", "x/"};

typedef struct counter { int calls, stop; uint64_t last, total; } counter;
static bool count_calls(void *context, uint64_t done, uint64_t total) {
  counter *c = context;
  assert_true(done >= c->last && done <= total);
  c->last = done;
  c->total = total;
  return ++c->calls != c->stop;
}

static void a_stop_in_the_middle_of_a_tensor(void **state) {
  uf_source *source = open_checkpoint();
  uf_output_item items[8];
  all_items(source, items);
  for (int k = 0; k < 3; k++) {
    counter c = {.stop = 6};
    uf_output_options o = {.struct_size = sizeof o, .n_threads = 1, .progress = count_calls,
                           .progress_context = &c};
    assert_int_equal(uf_extract(source, items, 3, at(targets[k]), &o, NULL), UF_CANCELLED);
    assert_true(c.last > 0 && c.last < c.total / 2); /* large/w has 16 chunks */
    assert_int_equal(files_in(folder), 2);
    c = (counter){.stop = 3};
    o.n_threads = 3; /* more is written between two calls */
    assert_int_equal(uf_extract(source, items, 3, at(targets[k]), &o, NULL), UF_CANCELLED);
    assert_int_equal(files_in(folder), 2);
    c = (counter){.stop = -1};
    assert_int_equal(uf_extract(source, items, 3, at(targets[k]), &o, NULL), UF_OK);
    assert_int_equal(c.last, c.total);
    remove_all(at(targets[k]));
    unlink(at(targets[k]));
  }
  uf_source_release(source);
}

static void damage_is_told_and_nothing_written(void **state) {
  write_checkpoint(at("ck"));
  int fd = open(at("ck.data-00000-of-00001"), O_RDWR);
  assert_int_equal(pwrite(fd, "!", 1, 1000000), 1); /* in large/w */
  close(fd);
  uf_source *source = NULL;
  uf_output_item items[8];
  assert_int_equal(uf_source_open(at("ck"), NULL, &source, NULL), UF_OK);
  all_items(source, items);
  for (int k = 0; k < 3; k++)
    for (int converted = 0; converted < 2; converted++) {
      uf_error error = {0};
      uf_output_options o = {.struct_size = sizeof o, .verify = true};
      items[1].dtype = converted ? UF_FLOAT64 : UF_INVALID;
      assert_int_equal(uf_extract(source, items, 3, at(targets[k]), &o, &error), UF_DATA_LOSS);
      if (!strstr(error.message, "large/w") || !strstr(error.message, "ck.data-00000-of-00001"))
        fail_msg("%s", error.message);
      assert_int_equal(files_in(folder), 2);
    }
  items[1].dtype = UF_INVALID;
  assert_int_equal(uf_extract(source, items, 3, at("x.npz"), NULL, NULL), UF_OK); /* not asked to check */
  uf_source_release(source);
}

/* Where a file may not grow beyond 1 MB it is like a full disk. */
static int extract_to_a_full_disk(const char *path) {
  uf_source *source = NULL;
  uf_output_item items[8];
  uf_error error = {0};
  struct rlimit limit = {1000000, 1000000};
  signal(SIGXFSZ, SIG_IGN);
  if (uf_source_open(at("ck"), NULL, &source, NULL) != UF_OK) return 1;
  all_items(source, items);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  uf_status status = uf_extract(source, items, 3, path, NULL, &error);
  uf_source_release(source);
  return status == UF_RESOURCE_EXHAUSTED && strstr(error.message, "expected room") ? 0 : 3;
}

static void a_full_disk_leaves_nothing(void **state) {
  write_checkpoint(at("ck"));
  for (int k = 0; k < 3; k++) {
    pid_t child = fork();
    if (child == 0) _exit(extract_to_a_full_disk(at(targets[k])));
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_int_equal(files_in(folder), 2);
  }
}

static void plans_are_kept(void **state) {
  float one = 1;
  uf_tensor t = tensor(UF_FLOAT32, &one, 4, 0, NULL);
  static const char *const names[] = {"a", "b"}, *const twice[] = {"a", "a"};
  uf_tensor plan[] = {t, t};
  for (int k = 0; k < 3; k++) {
    uf_writer *w = NULL;
    uf_error error = {0};
    assert_int_equal(uf_writer_create(at(targets[k]), NULL, twice, plan, 2, &w, &error), UF_ALREADY_EXISTS);
    assert_int_equal(uf_writer_create(at(targets[k]), NULL, names, plan, 2, &w, &error), UF_OK);
    assert_int_equal(uf_writer_add(w, &t, &error), UF_OK);
    assert_int_equal(uf_writer_finish(w, &error), UF_FAILED_PRECONDITION); /* b is missing */
    assert_int_equal(uf_writer_create(at(targets[k]), NULL, names, plan, 1, &w, &error), UF_OK);
    assert_int_equal(uf_writer_add(w, &t, &error), UF_OK);
    assert_int_equal(uf_writer_add(w, &t, &error), UF_OUT_OF_RANGE);
    uf_writer_abandon(w);
    assert_int_equal(files_in(folder), 0);
  }
  uf_writer *w = NULL;
  uf_error error = {0};
  assert_int_equal(uf_writer_create(at("x.zip"), NULL, names, plan, 1, &w, &error), UF_INVALID_ARGUMENT);
  assert_int_equal(uf_writer_create(at("none/x.npz"), NULL, names, plan, 1, &w, &error), UF_NOT_FOUND);
  assert_int_equal(uf_writer_create(at("x.safetensors"), NULL, names, plan, 1, &w, &error), UF_OK);
  t.dtype = UF_INT32;
  assert_int_equal(uf_writer_add(w, &t, &error), UF_INVALID_ARGUMENT);
  assert_non_null(strstr(error.message, "as planned"));
  assert_int_equal(uf_writer_finish(w, &error), UF_FAILED_PRECONDITION);
  uf_writer_abandon(NULL);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static void names_stay_in_their_folder(void **state) {
  static const char *const names[] = {"../../x", "/etc/passwd", ".", "..", "A", "a", "a~2", "A~2", "con\n\x1b[0m", "",
                                      "\xC3\xA9", "\xE9", "index.json", "a/b", "a%2Fb", "x*?<>|\":\\", ".npy"};
  float one = 1;
  uf_tensor plan[UFI_COUNT(names)];
  for (size_t i = 0; i < UFI_COUNT(names); i++) plan[i] = tensor(UF_FLOAT32, &one, 4, 0, NULL);
  uf_writer *w = NULL;
  assert_int_equal(uf_writer_create(at("x/"), NULL, names, plan, UFI_COUNT(names), &w, NULL), UF_OK);
  for (size_t i = 0; i < UFI_COUNT(names); i++) assert_int_equal(uf_writer_add(w, &plan[i], NULL), UF_OK);
  assert_int_equal(uf_writer_finish(w, NULL), UF_OK);
  assert_int_equal(files_in(folder), 1);
  assert_int_equal(files_in(at("x")), UFI_COUNT(names) + 1); /* and index.json */
  static const char *const files[] = {"x/%2E.%2F..%2Fx.npy", "x/%2Fetc%2Fpasswd.npy", "x/A.npy", "x/a~2.npy",
                                      "x/a~2~2.npy", "x/unnamed.npy", "x/index.json.npy", "x/a%252Fb.npy"};
  for (size_t i = 0; i < UFI_COUNT(files); i++)
    if (access(at(files[i]), R_OK) != 0) fail_msg("no %s", files[i]);
}

static void every_allocation_may_fail(void **state) {
  uf_source *source = open_checkpoint();
  uf_output_item items[8];
  all_items(source, items);
  int32_t axes[] = {1, 0};
  items[2].axes = axes;
  items[2].dtype = UF_FLOAT64;
  for (int k = 0; k < 3; k++) {
    int n = 1;
    for (uf_status status = UF_RESOURCE_EXHAUSTED; status != UF_OK; n++) {
      ufi_fail_allocation(n);
      status = uf_extract(source, items, 3, at(targets[k]), NULL, NULL);
      ufi_fail_allocation(0);
      if (status == UF_OK) break;
      assert_int_equal(status, UF_RESOURCE_EXHAUSTED);
      assert_int_equal(files_in(folder), 2);
      assert_true(n < 1000);
    }
    assert_true(n > 5);
    remove_all(at(targets[k]));
    unlink(at(targets[k]));
  }
  uf_source_release(source);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST(axes_change_places), TEST(every_format_comes_back), TEST(values_are_converted),
    TEST(index_json_says_what_files_are), TEST(safetensors_are_aligned_and_dense),
    TEST(safetensors_refuse_by_name), TEST(a_stop_in_the_middle_of_a_tensor),
    TEST(damage_is_told_and_nothing_written), TEST(a_full_disk_leaves_nothing), TEST(plans_are_kept),
    TEST(names_stay_in_their_folder), TEST(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
