/* SPDX-License-Identifier: Apache-2.0
 *
 * test_protobuf.c: the wire format, whole and damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/protobuf.h"

#define MESSAGE(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void fields(void **state) {
  ufi_proto p = ufi_proto_of(MESSAGE(0x08, 0x96, 0x01,             /* 1: 150 */
                                     0x12, 0x02, 'h', 'i',         /* 2: "hi" */
                                     0x1D, 0x00, 0x00, 0x80, 0x3F, /* 3: 1.0f */
                                     0x21, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, /* 4: 1.0 */
                                     0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01));
  assert_true(ufi_proto_next(&p));
  assert_int_equal(p.field, 1);
  assert_int_equal(ufi_proto_uint(&p), 150);
  assert_true(ufi_proto_next(&p));
  assert_true(ufi_bytes_equal(ufi_proto_bytes(&p), "hi"));
  assert_true(ufi_proto_next(&p));
  assert_true(ufi_proto_float(&p) == 1.0f);
  assert_true(ufi_proto_next(&p));
  assert_true(ufi_proto_double(&p) == 1.0);
  assert_true(ufi_proto_next(&p));
  assert_true(ufi_proto_int(&p) == -1);
  assert_false(ufi_proto_next(&p));
  assert_false(p.bad);
}

static void packed_or_not(void **state) {
  ufi_proto p = ufi_proto_of(MESSAGE(0x0A, 0x04, 0x01, 0x96, 0x01, 0x03, /* 1: [1, 150, 3] */
                                     0x08, 0x07,                         /* 1: 7 */
                                     0x0A, 0x00));                       /* 1: [] */
  uint64_t sum = 0, n = 0, v;
  while (ufi_proto_next(&p)) {
    ufi_bytes rest = {0};
    while (ufi_proto_packed(&p, 0, &rest, &v)) {
      sum += v;
      n++;
    }
  }
  assert_int_equal(sum, 161);
  assert_int_equal(n, 4);
  assert_false(p.bad);
}

static void is_bad(const uint8_t *data, size_t size) {
  ufi_proto p = ufi_proto_of(data, size);
  while (ufi_proto_next(&p)) {}
  assert_true(p.bad);
  assert_false(ufi_proto_next(&p));
}

static void damage(void **state) {
  is_bad(MESSAGE(0x08));                                    /* no value */
  is_bad(MESSAGE(0x12, 0x05, 'h', 'i'));                    /* longer than there is */
  is_bad(MESSAGE(0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01));
  is_bad(MESSAGE(0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02)); /* 65 bits */
  is_bad(MESSAGE(0x1D, 1, 2, 3));
  is_bad(MESSAGE(0x21, 1, 2, 3));
  is_bad(MESSAGE(0x00, 0x01));                              /* field 0 */
  is_bad(MESSAGE(0x0E, 0x01));                              /* wire type 6 */
  is_bad(MESSAGE(0x0B, 0x08, 0x01));                        /* a group without an end */
  ufi_proto p = ufi_proto_of(MESSAGE(0x08, 0x01, 0x08, 0x02));
  assert_true(ufi_proto_next(&p));
  assert_int_equal(ufi_proto_bytes(&p).size, 0); /* it is a number */
  assert_true(p.bad);
  assert_false(ufi_proto_next(&p));
}

static void groups_are_skipped(void **state) {
  ufi_proto p = ufi_proto_of(MESSAGE(0x0B, 0x08, 0x01, 0x13, 0x14, 0x0C, 0x10, 0x05));
  assert_true(ufi_proto_next(&p));
  assert_int_equal(p.field, 2);
  assert_int_equal(ufi_proto_uint(&p), 5);
  assert_false(ufi_proto_next(&p));
  uint8_t deep[200];
  memset(deep, 0x0B, sizeof deep);
  is_bad(deep, sizeof deep);
}

static void varints_round_trip(void **state) {
  for (int bit = 0; bit < 64; bit++) {
    uint64_t value = (uint64_t)1 << bit, back = 0;
    uint8_t bytes[UFI_VARINT_MAX];
    ufi_bytes rest = {bytes, ufi_varint_put(bytes, value)};
    assert_true(ufi_varint_take(&rest, &back));
    assert_true(back == value);
    assert_int_equal(rest.size, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(fields), cmocka_unit_test(packed_or_not), cmocka_unit_test(damage),
    cmocka_unit_test(groups_are_skipped), cmocka_unit_test(varints_round_trip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
