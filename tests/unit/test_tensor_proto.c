/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tensor_proto.c: TensorProto in each of its forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/tensor_proto.h"
#include "protowrite.h"

static const int64_t dims[] = {2, 2};

static void decode(const pw *m, int flags, uf_tensor *t) {
  ufi_tensor_proto proto;
  uf_error error = {0};
  assert_int_equal(ufi_tensor_proto_parse((ufi_bytes){m->data, m->size}, &proto, &error), UF_OK);
  if (ufi_tensor_proto_decode(&proto, flags, t, &error) != UF_OK) fail_msg("%s", error.message);
}

static void expect(const pw *m, const void *bytes, size_t size) {
  uf_tensor t = {0};
  decode(m, 0, &t);
  assert_int_equal(t.size, size);
  assert_memory_equal(t.data, bytes, size);
  uf_tensor_release(&t);
}

static void refused(const pw *m, int flags, uf_status status, const char *message) {
  ufi_tensor_proto proto;
  uf_tensor t;
  uf_error error = {0};
  uf_status got = ufi_tensor_proto_parse((ufi_bytes){m->data, m->size}, &proto, &error);
  if (got == UF_OK) got = ufi_tensor_proto_decode(&proto, flags, &t, &error);
  assert_string_equal(error.message, message);
  assert_int_equal(got, status);
}

/* One value in the field, the others like it. */
static void the_last_value_repeats(void **state) {
  pw m = pw_tensor(1, 2, dims);
  expect(&m, (float[4]){0}, 16);
  pw_float(&m, 5, 1.5f);
  expect(&m, (float[]){1.5f, 1.5f, 1.5f, 1.5f}, 16);
  pw_float(&m, 5, 2);
  expect(&m, (float[]){1.5f, 2, 2, 2}, 16);
  for (int i = 0; i < 4; i++) pw_float(&m, 5, 9); /* more than there is room for */
  expect(&m, (float[]){1.5f, 2, 9, 9}, 16);
  m = pw_tensor(8, 2, dims); /* complex64: pairs, of which half a one does not count */
  for (int i = 0; i < 3; i++) pw_float(&m, 9, (float)i);
  expect(&m, (float[]){0, 1, 0, 1, 0, 1, 0, 1}, 32);
}

static void every_field(void **state) {
  static const struct { int type; uint32_t field; uint8_t bytes[16]; size_t size; } cases[] = {
    {3, 7, {0xFE, 0xFF, 0xFF, 0xFF}, 4},    {4, 7, {0xFE}, 1},        {5, 7, {0xFE, 0xFF}, 2},
    {6, 7, {0xFE}, 1},                      {17, 7, {0xFE, 0xFF}, 2}, {11, 7, {0xFE}, 1},
    {12, 7, {0xFE}, 1},                     {15, 7, {0xFE, 0xFF}, 2}, {13, 7, {0xFE, 0xFF, 0xFF, 0xFF}, 4},
    {9, 10, {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 8},     {10, 11, {1}, 1},
    {19, 13, {0xFE, 0xFF}, 2},              {14, 13, {0xFE, 0xFF}, 2}, {22, 16, {0xFE, 0xFF, 0xFF, 0xFF}, 4},
    {23, 17, {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 8},
    {29, 7, {0x0E}, 1},                     {30, 7, {0x0E}, 1},       {31, 7, {0x02}, 1},
  };
  for (size_t i = 0; i < UFI_COUNT(cases); i++) {
    pw m = pw_tensor(cases[i].type, 0, NULL);
    pw_int(&m, cases[i].field, -2);
    expect(&m, cases[i].bytes, cases[i].size);
  }
  pw m = pw_tensor(2, 0, NULL);
  pw_double(&m, 6, 0.1);
  expect(&m, (double[]){0.1}, 8);
  m = pw_tensor(18, 0, NULL);
  pw_double(&m, 12, 0.1);
  pw_double(&m, 12, 0.2);
  expect(&m, (double[]){0.1, 0.2}, 16);
  m = pw_tensor(24, 2, dims);
  pw_bytes(&m, 18, "\x01\x02\x03", 3);
  expect(&m, "\x01\x02\x03\x03", 4);
  m = pw_tensor(1, 2, dims); /* packed */
  pw_bytes(&m, 5, (float[]){1, 2, 3, 4}, 16);
  expect(&m, (float[]){1, 2, 3, 4}, 16);
}

static void content(void **state) {
  pw m = pw_tensor(9, 1, (int64_t[]){2});
  pw_bytes(&m, 4, (int64_t[]){5, -5}, 16);
  expect(&m, (int64_t[]){5, -5}, 16);
  m = pw_tensor(29, 1, (int64_t[]){3}); /* int4: a byte each becomes half of one */
  pw_bytes(&m, 4, "\x01\xff\x07", 3);
  expect(&m, "\xf1\x07", 2);
  m = pw_tensor(1, 1, (int64_t[]){0});
  expect(&m, "", 0);
}

static void strings(void **state) {
  uf_tensor t = {0};
  pw m = pw_tensor(7, 1, (int64_t[]){3});
  pw_bytes(&m, 8, "a\0b", 3);
  pw_text(&m, 8, "xy");
  decode(&m, 0, &t);
  const uf_string *s = t.data;
  assert_int_equal(s[0].size, 3);
  assert_memory_equal(s[0].data, "a\0b", 3);
  assert_int_equal(s[2].size, 2); /* the last one again */
  assert_memory_equal(s[2].data, "xy", 2);
  uf_tensor_release(&t);
  m = pw_tensor(7, 1, (int64_t[]){2});
  pw_bytes(&m, 4, "\x02\x01" "abc", 5);
  decode(&m, 0, &t);
  s = t.data;
  assert_memory_equal(s[0].data, "ab", 2);
  assert_memory_equal(s[1].data, "c", 1);
  uf_tensor_release(&t);
}

static void refusals(void **state) {
  pw m = pw_tensor(1, 2, dims);
  pw_bytes(&m, 4, "1234567", 7);
  refused(&m, 0, UF_DATA_LOSS, "expected 16 bytes for float32 of shape (2, 2), found 7; get the file again");
  m = pw_tensor(1, 2, dims);
  pw_float(&m, 5, 1);
  refused(&m, UFI_TENSOR_PROTO_EXACT, UF_DATA_LOSS, "expected 4 values for its shape, found 1; get the file again");
  m = pw_tensor(99, 2, dims);
  refused(&m, 0, UF_UNIMPLEMENTED, "expected a tensor of a dtype that TensorFlow 2.21 has, found the dtype of number 99");
  m = pw_tensor(21, 2, dims);
  refused(&m, 0, UF_UNIMPLEMENTED, "expected numbers or strings, found a tensor of dtype variant, which holds no array");
  m = pw_tensor(1, 2, (int64_t[]){-1, 2});
  refused(&m, 0, UF_DATA_LOSS, "expected a shape that fits memory, found (?, 2); get the file again");
  m = pw_tensor(1, 2, (int64_t[]){1LL << 40, 1LL << 40});
  refused(&m, 0, UF_DATA_LOSS, "expected a shape that fits memory, found (1099511627776, 1099511627776); get the file again");
  m = pw_tensor(1, 1, (int64_t[]){1LL << 40});
  refused(&m, 0, UF_RESOURCE_EXHAUSTED, "expected at most 2147483648 bytes of repeated values, found a shape that takes 4398046511104");
  m = pw_tensor(7, 1, (int64_t[]){1 << 26}); /* few bytes that ask for many */
  pw_bytes(&m, 8, (char[64]){0}, 64);
  refused(&m, 0, UF_RESOURCE_EXHAUSTED, "expected at most 2147483648 bytes of repeated values, found a shape that takes 18446744073709551615");
  m = pw_tensor(1, 9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
  refused(&m, 0, UF_UNIMPLEMENTED, "expected at most 8 dimensions, found 9; it cannot be read here");
  m = pw_tensor(7, 1, (int64_t[]){2});
  pw_bytes(&m, 4, "\x02\x09" "abc", 5);
  refused(&m, 0, UF_DATA_LOSS, "expected 11 bytes of characters, found 3; get the file again");
  m = pw_tensor(7, 1, (int64_t[]){2});
  pw_bytes(&m, 4, "\x01\x01" "abc", 5);
  refused(&m, 0, UF_DATA_LOSS, "expected 2 bytes of characters, found 3; get the file again");
  m = pw_tensor(1, 2, dims);
  pw unknown = {.size = 0};
  pw_int(&unknown, 3, 1);
  pw_message(&m, 2, &unknown);
  refused(&m, 0, UF_DATA_LOSS, "expected the shape of a value, found one of unknown rank; get the file again");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_last_value_repeats), cmocka_unit_test(every_field),
    cmocka_unit_test(content), cmocka_unit_test(strings), cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
