/* SPDX-License-Identifier: Apache-2.0
 *
 * test_graphdef.c: graphs as sources: constants, nodes, attributes; binary and text; alone,
 * in meta graphs and SavedModels, with a checkpoint beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples.h"

static uf_source *open_bytes(const void *data, size_t size, const char *name) {
  uf_source *source = NULL;
  uf_error error = {0};
  uf_buf *buf = uf_buf_create(size);
  memcpy(uf_buf_data(buf), data, size);
  uf_source_options options = {.struct_size = sizeof options, .name = name};
  if (uf_source_open_buf(buf, &options, &source, &error) != UF_OK) fail_msg("%s", error.message);
  uf_buf_release(buf);
  return source;
}

static void refuses(const void *data, size_t size, const char *name, uf_status status,
                    const char *message) {
  uf_source *source = NULL;
  uf_error error = {0};
  uf_buf *buf = uf_buf_create(size);
  memcpy(uf_buf_data(buf), data, size);
  uf_source_options options = {.struct_size = sizeof options, .name = name};
  uf_status got = uf_source_open_buf(buf, &options, &source, &error);
  uf_buf_release(buf);
  const uf_entry *const *entries;
  size_t n;
  if (got == UF_OK) got = uf_source_entries(source, &entries, &n, &error);
  assert_string_equal(error.message, message);
  assert_int_equal(got, status);
  uf_source_release(source);
}

static const char *format_of(const uf_source *source) {
  uf_source_info info;
  uf_source_describe(source, &info);
  return info.format;
}

static void expect_floats(uf_source *source, const char *name, const float *floats, size_t n) {
  uf_tensor t = sample_read(source, name, NULL, UF_READ_UNALIGNED);
  assert_int_equal(t.dtype, UF_FLOAT32);
  assert_int_equal(t.size, 4 * n);
  assert_memory_equal(t.data, floats, 4 * n);
  uf_tensor_release(&t);
}

static void expect_names(uf_source *source, const char *const *names, size_t n) {
  const uf_entry *const *entries = NULL;
  size_t found = 0;
  assert_int_equal(uf_source_entries(source, &entries, &found, NULL), UF_OK);
  assert_int_equal(found, n);
  for (size_t i = 0; i < n; i++) assert_string_equal(entries[i]->name, names[i]);
}

static void constants(void **state) {
  static const char *const names[] = {"content", "repeated", "strings", "int4", "fn/content"};
  pw graph = sample_graph();
  uf_source *source = open_bytes(graph.data, graph.size, "g.pb");
  assert_string_equal(format_of(source), "graph_def");
  expect_names(source, names, UFI_COUNT(names));
  expect_floats(source, "content", sample_floats, 6);
  expect_floats(source, "fn/content", sample_floats, 6);
  const uf_entry *e = NULL;
  assert_int_equal(uf_source_find(source, "content", &e, NULL), UF_OK);
  assert_string_equal(e->file, "g.pb");
  assert_int_equal(e->size, 24);
  assert_memory_equal(graph.data + e->offset, sample_floats, 24);
  uf_tensor t = sample_read(source, "content", NULL, UF_READ_UNALIGNED);
  assert_true(t.read_only); /* a view of the file */
  uf_tensor_release(&t);
  t = sample_read(source, "content", NULL, UF_READ_COPY);
  assert_false(t.read_only);
  uf_tensor_release(&t);
  t = sample_read(source, "repeated", NULL, 0);
  assert_memory_equal(t.data, ((int32_t[]){7, -8, -8, -8, -8, -8}), 24);
  uf_tensor_release(&t);
  uf_region part = {{1, 1}, {1, 2}};
  t = sample_read(source, "content", &part, 0);
  assert_memory_equal(t.data, ((float[]){5, 6}), 8);
  uf_tensor_release(&t);
  t = sample_read(source, "int4", NULL, 0);
  assert_memory_equal(t.data, "\xf1\x07", 2);
  uf_tensor_release(&t);
  part = (uf_region){{1}, {2}};
  t = sample_read(source, "int4", &part, 0);
  assert_int_equal(t.size, 1);
  assert_int_equal(*(uint8_t *)t.data, 0x7f);
  uf_tensor_release(&t);
  const uf_variable *v = NULL;
  size_t n = 0;
  assert_int_equal(uf_source_variables(source, &v, &n, NULL), UF_OK);
  assert_int_equal(v[0].role, UF_ROLE_CONSTANT);
  uf_source_release(source);
}

/* ---- nodes ---- */

static uf_attr attr_of(uf_source *source, size_t i, const char *name, int32_t at, int32_t *n_out) {
  uf_graph_node node;
  uf_attr attr;
  uf_tensor t = {0};
  assert_int_equal(uf_source_node(source, i, &node, NULL), UF_OK);
  for (int32_t j = 0; j < node.n_attrs; j++) {
    assert_int_equal(uf_source_attr(source, i, j, at, &attr, &t, n_out, NULL), UF_OK);
    if (attr.kind == UF_ATTR_TENSOR) assert_memory_equal(t.data, ((int32_t[]){7, -8}), 8);
    uf_tensor_release(&t);
    if (strcmp(attr.name, name) == 0) return attr;
    at = strcmp(attr.name, name) ? 0 : at;
  }
  fail_msg("no attribute %s", name);
  return attr;
}

static uf_attr element_of(uf_source *source, size_t i, int32_t j, int32_t at, int32_t *n_out) {
  uf_attr attr;
  assert_int_equal(uf_source_attr(source, i, j, at, &attr, NULL, n_out, NULL), UF_OK);
  return attr;
}

static void attributes(void **state) {
  enum { ALL = 4, INTS = 9, STRINGS, NONE };
  pw graph = sample_graph();
  uf_source *source = open_bytes(graph.data, graph.size, "g.pb");
  uf_graph_node node;
  int32_t n = 0;
  assert_int_equal(uf_source_node(source, ALL, &node, NULL), UF_OK);
  assert_string_equal(node.name, "all");
  assert_string_equal(node.op, "Everything");
  assert_string_equal(node.device, "/cpu:0");
  assert_int_equal(node.n_inputs, 2);
  assert_string_equal(node.inputs[1], "^repeated");
  assert_int_equal(node.n_attrs, 12);
  uf_attr a = attr_of(source, ALL, "s", 0, &n);
  assert_int_equal(n, -1);
  assert_string_equal(a.s, "text");
  assert_int_equal(a.s_size, 4);
  assert_int_equal(attr_of(source, ALL, "i", 0, &n).i, -5);
  assert_true(attr_of(source, ALL, "f", 0, &n).f == 0.5);
  a = attr_of(source, ALL, "b", 0, &n);
  assert_true(a.kind == UF_ATTR_BOOL && a.i == 1);
  a = attr_of(source, ALL, "type", 0, &n);
  assert_true(a.kind == UF_ATTR_DTYPE && a.i == UF_INT64);
  a = attr_of(source, ALL, "shape", 0, &n);
  assert_true(a.kind == UF_ATTR_SHAPE && a.rank == 2 && a.dims[0] == -1 && a.dims[1] == 4);
  assert_int_equal(attr_of(source, ALL, "tensor", 0, &n).kind, UF_ATTR_TENSOR);
  assert_string_equal(attr_of(source, ALL, "placeholder", 0, &n).s, "held");
  assert_int_equal(n, -1);
  assert_string_equal(attr_of(source, ALL, "func", 0, &n).s, "fn");
  assert_int_equal(n, -1);
  for (int i = 0; i < 3; i++) assert_int_equal(element_of(source, ALL, INTS, i, &n).i, i + 1);
  assert_int_equal(n, 3);
  assert_string_equal(element_of(source, ALL, STRINGS, 1, &n).s, "yy");
  assert_int_equal(n, 2);
  assert_null(element_of(source, ALL, STRINGS, 2, &n).s); /* beyond the end */
  assert_int_equal(n, 2);
  element_of(source, ALL, NONE, 0, &n);
  assert_int_equal(n, 0);
  assert_int_equal(uf_source_node(source, 5, &node, NULL), UF_OK);
  assert_string_equal(node.name, "fn/content");
  uf_error error = {0};
  assert_int_equal(uf_source_node(source, 6, &node, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "g.pb: expected a node below 6, found 6");
  error = (uf_error){0};
  assert_int_equal(uf_source_attr(source, ALL, 12, 0, &a, NULL, &n, &error), UF_OUT_OF_RANGE);
  assert_string_equal(error.message, "g.pb: node 'all': expected an attribute below 12, found 12");
  uf_source_release(source);
}

/* ---- what a file is ---- */

static void kinds(void **state) {
  pw graph = sample_graph(), meta = sample_meta_graph(), saved = {.size = 0}, versions = {.size = 0};
  uf_source *source = open_bytes(meta.data, meta.size, "m");
  assert_string_equal(format_of(source), "meta_graph");
  expect_floats(source, "content", sample_floats, 6);
  uf_source_release(source);
  for (int with_version = 0; with_version < 2; with_version++) {
    saved.size = 0;
    if (with_version) pw_int(&saved, 1, 1);
    pw_message(&saved, 2, &meta);
    pw_message(&saved, 2, &meta);
    source = open_bytes(saved.data, saved.size, "s");
    assert_string_equal(format_of(source), "saved_model");
    expect_floats(source, "content~2", sample_floats, 6); /* of the second meta graph */
    uf_source_release(source);
  }
  meta.size = 0; /* without meta_info_def */
  pw_message(&meta, 2, &graph);
  source = open_bytes(meta.data, meta.size, "m");
  assert_string_equal(format_of(source), "meta_graph");
  uf_source_release(source);
  pw_int(&versions, 1, 27); /* versions before the nodes */
  saved.size = 0;
  pw_message(&saved, 4, &versions);
  memcpy(saved.data + saved.size, graph.data, graph.size);
  saved.size += graph.size;
  source = open_bytes(saved.data, saved.size, "v");
  assert_string_equal(format_of(source), "graph_def");
  expect_floats(source, "content", sample_floats, 6);
  uf_source_release(source);
}

static void refusals(void **state) {
  static const char words[] = "x: expected a checkpoint, a graph (GraphDef, MetaGraphDef, SavedModel), a "
    ".tflite, .npz, .npy or .safetensors, found 5 bytes of something else; check that this is the "
    "right file, and whole";
  refuses("hello", 5, "x", UF_INVALID_ARGUMENT, words);
  pw graph = sample_graph();
  refuses(graph.data, graph.size - 1, "g.pb", UF_DATA_LOSS,
          "g.pb: offset 0: expected a graph, found damaged bytes; get the file again");
  refuses("node {", 6, "g.pbtxt", UF_INVALID_ARGUMENT,
          "g.pbtxt: line 1: expected the name of a field, found ''; check that it is the text of a graph, and whole");
  refuses("node {\n name 'x' }", 18, "g.pbtxt", UF_INVALID_ARGUMENT,
          "g.pbtxt: line 2: expected :, found ''x' }'; check that it is the text of a graph, and whole");
}

/* A damaged constant is listed, says why, and leaves the others readable. */
static void a_damaged_constant(void **state) {
  pw graph = {.size = 0}, bad = pw_tensor(1, 1, (int64_t[]){4}), good = pw_tensor(1, 1, (int64_t[]){1});
  pw_bytes(&bad, 4, "12345", 5);
  pw_float(&good, 5, 3);
  pw_const(&graph, 1, "bad", &bad);
  pw worse = pw_tensor(77, 0, NULL);
  pw_const(&graph, 1, "worse", &worse);
  pw_const(&graph, 1, "good", &good);
  uf_source *source = open_bytes(graph.data, graph.size, "g.pb");
  const uf_entry *e = NULL;
  uf_tensor t;
  uf_error error = {0};
  assert_int_equal(uf_source_find(source, "bad", &e, NULL), UF_OK);
  assert_int_equal(uf_source_read(source, e, NULL, 0, &t, &error), UF_DATA_LOSS);
  assert_string_equal(error.message, "g.pb: offset 27: 'bad': expected 16 bytes for float32 of shape (4,), "
                      "found 5; get the file again");
  assert_int_equal(uf_source_find(source, "worse", &e, NULL), UF_OK);
  assert_int_equal(e->dtype, UF_INVALID);
  assert_int_equal(uf_source_read(source, e, NULL, 0, &t, NULL), UF_UNIMPLEMENTED);
  expect_floats(source, "good", (float[]){3}, 1);
  uf_source_release(source);
}

static void text(void **state) {
  static const char *const names[] = {"c", "e"};
  uf_source *source = open_bytes(sample_text, sizeof sample_text - 1, "g.pbtxt");
  assert_string_equal(format_of(source), "graph_def");
  expect_names(source, names, 2);
  expect_floats(source, "c", (float[]){1.5f, -2, 1000, 1000}, 4);
  uf_tensor t = sample_read(source, "e", NULL, 0);
  assert_memory_equal(((uf_string *)t.data)->data, "a\001Ab", 4);
  uf_tensor_release(&t);
  uf_source_release(source);
  static const char odd[] = "meta_info_def { tags: 'x' any_info { type_url: 'y' } }\n"
    "graph_def { node { name: 'n' op: 'Const' attr { key: 'value' value { tensor {\n"
    "dtype: DT_INT32_REF tensor_shape { dim { size: 0x5 } } int_val: -0x10 int_val: 010 int_val: [1, 2] } } } } }";
  source = open_bytes(odd, sizeof odd - 1, "m.pbtxt");
  assert_string_equal(format_of(source), "meta_graph");
  t = sample_read(source, "n", NULL, 0);
  assert_memory_equal(t.data, ((int32_t[]){-16, 8, 1, 2, 2}), 20);
  uf_tensor_release(&t);
  uf_source_release(source);
  static const char reals[] = "node { name: 'n' op: 'Const' attr { key: 'value' value { tensor { dtype: DT_FLOAT\n"
    "tensor_shape { dim { size: 4 } } float_val: inf float_val: -Infinity float_val: .5 float_val: 0.25e1F } } } }";
  source = open_bytes(reals, sizeof reals - 1, "m.pbtxt");
  expect_floats(source, "n", (float[]){(float)1e300, (float)-1e300, 0.5f, 2.5f}, 4);
  uf_source_release(source);
  char deep[600] = "node ";
  for (int i = 0; i < 100; i++) strcat(deep, "{ x ");
  refuses(deep, strlen(deep), "d.pbtxt", UF_INVALID_ARGUMENT, "d.pbtxt: line 1: expected at most 64 messages "
          "in each other, found ' x { x { x { x { x { x {'; check that it is the text of a graph, and whole");
}

/* ---- with a checkpoint ---- */

static void saved_model(void **state) {
  static const char *const names[] = {"layer/kernel", "packed", "strings", "content", "repeated",
                                      "strings~2", "int4", "fn/content"};
  sample_files s = {.n = 0};
  pw saved = {.size = 0}, meta = sample_meta_graph();
  pw_int(&saved, 1, 1);
  pw_message(&saved, 2, &meta);
  sample_add(&s, "m/saved_model.pb", saved.data, saved.size);
  sample_v2(&s, "m/variables/variables", 2);
  uf_source *source = NULL;
  uf_error error = {0};
  if (samples_open(&s, "m", &source, &error) != UF_OK) fail_msg("%s", error.message);
  uf_source_info info;
  uf_source_describe(source, &info);
  assert_string_equal(info.path, "m");
  assert_string_equal(info.format, "saved_model");
  assert_string_equal(info.details, "with a checkpoint of 2 shards, little-endian");
  expect_names(source, names, UFI_COUNT(names));
  expect_floats(source, "layer/kernel", sample_floats, 6);
  expect_floats(source, "content", sample_floats, 6);
  const uf_variable *v = NULL;
  size_t n = 0;
  assert_int_equal(uf_source_variables(source, &v, &n, NULL), UF_OK);
  assert_int_equal(n, UFI_COUNT(names));
  for (size_t i = 0; i < n; i++) {
    assert_string_equal(v[i].entry->name, names[i]);
    assert_int_equal(v[i].role, i < 3 ? UF_ROLE_VALUE : UF_ROLE_CONSTANT);
  }
  uf_graph_node node;
  assert_int_equal(uf_source_node(source, 4, &node, NULL), UF_OK);
  assert_string_equal(node.name, "all");
  uf_source_release(source);
  samples_free(&s);
}

/* ---- by ranges ---- */

/* Puts a field's head before the bytes that begin at `at`, which end at *end_io. */
static void wrap(uint8_t *bytes, size_t *at_io, size_t end, uint32_t field) {
  uint8_t head[2 * UFI_VARINT_MAX];
  size_t n = ufi_varint_put(head, field << 3 | 2);
  n += ufi_varint_put(head + n, end - *at_io);
  *at_io -= n;
  memcpy(bytes + *at_io, head, n);
}

static void put_before(uint8_t *bytes, size_t *at_io, const pw *m) {
  *at_io -= m->size;
  memcpy(bytes + *at_io, m->data, m->size);
}

/* A node with a constant of `size` bytes, wrapped into `outside` (fields, inner first). */
static size_t big_graph(uint8_t *bytes, size_t room, int type, int64_t count, const uint8_t *content,
                        size_t size, const uint32_t *outside, size_t n_outside) {
  size_t end = room, at = room - size;
  memcpy(bytes + at, content, size);
  wrap(bytes, &at, end, 4);
  pw head = pw_tensor(type, 1, &count), key = {.size = 0}, node = pw_node("big", "Const");
  put_before(bytes, &at, &head);
  wrap(bytes, &at, end, 8);
  wrap(bytes, &at, end, 2);
  pw_text(&key, 1, "value");
  put_before(bytes, &at, &key);
  wrap(bytes, &at, end, 5);
  put_before(bytes, &at, &node);
  for (size_t i = 0; i < n_outside; i++) wrap(bytes, &at, end, outside[i]);
  memmove(bytes, bytes + at, end - at);
  return end - at;
}

static void large_constants_stay_away(void **state) {
  enum { SIZE = 1 << 20, ROOM = SIZE + 1024 };
  static const uint32_t graph[] = {1}, meta[] = {1, 2}, saved[] = {1, 2, 2};
  static const struct { const uint32_t *fields; size_t n; } cases[] = {{graph, 1}, {meta, 2}, {saved, 3}};
  uint8_t *content = malloc(SIZE), *bytes = malloc(ROOM);
  for (size_t i = 0; i < SIZE; i++) content[i] = (uint8_t)(i * 31 + i / 256);
  for (size_t k = 0; k < UFI_COUNT(cases); k++)
    for (int packed = 0; packed < 2; packed++) {
      sample_files s = {.n = 0};
      size_t size = big_graph(bytes, ROOM, packed ? 29 : 4, SIZE, content, SIZE, cases[k].fields, cases[k].n);
      sample_add(&s, "g.pb", bytes, size);
      uf_source *source = NULL;
      uf_error error = {0};
      if (samples_open(&s, "g.pb", &source, &error) != UF_OK) fail_msg("%s", error.message);
      uf_region part = {{SIZE - 5}, {4}};
      uf_tensor t = sample_read(source, "big", &part, 0);
      if (!packed) assert_true(s.n_read < 400000); /* blocks around its ends, four bytes */
      if (!packed) assert_memory_equal(t.data, content + SIZE - 5, 4);
      uf_tensor_release(&t);
      t = sample_read(source, "big", NULL, 0);
      if (!packed) assert_memory_equal(t.data, content, SIZE);
      for (size_t i = 0; packed && i < SIZE; i++)
        assert_int_equal(((uint8_t *)t.data)[i / 2] >> i % 2 * 4 & 15, content[i] & 15);
      uf_tensor_release(&t);
      uf_source_release(source);
      samples_free(&s);
    }
  free(content);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(constants), cmocka_unit_test(attributes), cmocka_unit_test(kinds),
    cmocka_unit_test(refusals), cmocka_unit_test(a_damaged_constant), cmocka_unit_test(text),
    cmocka_unit_test(saved_model), cmocka_unit_test(large_constants_stay_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
