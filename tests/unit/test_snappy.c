/* SPDX-License-Identifier: Apache-2.0
 *
 * test_snappy.c: blocks of every element, and damaged ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/snappy.h"

#define BLOCK(text) ((ufi_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static void good(ufi_bytes block, const char *text, size_t size) {
  uint64_t stated = 0;
  char *out = malloc(size + 1);
  out[size] = 0x55; /* a guard */
  assert_true(ufi_snappy_size(block, &stated));
  assert_int_equal(stated, size);
  assert_true(ufi_snappy_unpack(block, out, size));
  assert_memory_equal(out, text, size);
  assert_int_equal(out[size], 0x55);
  free(out);
}

static void bad(ufi_bytes block) {
  uint64_t size = 0;
  char out[64];
  assert_true(!ufi_snappy_size(block, &size) || size > sizeof out ||
              !ufi_snappy_unpack(block, out, (size_t)size));
}

static void elements(void **state) {
  good(BLOCK("\x00"), "", 0);
  good(BLOCK("\x03\x08" "abc"), "abc", 3);
  good(BLOCK("\x08\x0c" "abcd" "\x01\x04"), "abcdabcd", 8);                 /* near copy of 4 */
  good(BLOCK("\x07\x00" "a" "\x16\x01\x00"), "aaaaaaa", 7);                 /* a pattern: 6 at offset 1 */
  good(BLOCK("\x06\x08" "abc" "\x0a\x03\x00"), "abcabc", 6);                /* middle copy */
  good(BLOCK("\x06\x08" "abc" "\x0b\x03\x00\x00\x00"), "abcabc", 6);        /* far copy */
  good(BLOCK("\x05\x04" "ab" "\x0a\x02\x00"), "ababa", 5);                  /* that overlaps itself */
}

/* Sizes of literals in 1, 2, 3 and 4 bytes behind the tag. */
static void long_literals(void **state) {
  enum { SIZE = 70000 };
  static const size_t sizes[] = {60, 61, 256, 257, 65536, SIZE};
  uint8_t *text = malloc(SIZE), *block = malloc(SIZE + 16);
  for (size_t i = 0; i < SIZE; i++) text[i] = (uint8_t)(i * 7 + i / 256);
  for (size_t k = 0; k < UFI_COUNT(sizes); k++)
    for (size_t bytes = 1; bytes <= 4; bytes++) {
      size_t size = sizes[k], last = size - 1, n = ufi_varint_put(block, size);
      if (bytes < 4 && last >> (8 * bytes)) continue;
      block[n++] = (uint8_t)((59 + bytes) << 2);
      for (size_t i = 0; i < bytes; i++) block[n++] = (uint8_t)(last >> (8 * i));
      memcpy(block + n, text, size);
      good((ufi_bytes){block, n + size}, (char *)text, size);
      bad((ufi_bytes){block, n + size - 1});
    }
  free(text);
  free(block);
}

/* Offsets above 255 use the upper bits of a near copy's tag. */
static void far_offsets(void **state) {
  uint8_t block[700], text[604];
  size_t n = ufi_varint_put(block, sizeof text);
  block[n++] = 61 << 2;
  block[n++] = 599 & 255;
  block[n++] = 599 >> 8;
  for (int i = 0; i < 600; i++) block[n++] = text[i] = (uint8_t)(i % 251);
  block[n++] = 1 | 0 << 2 | (600 >> 8) << 5; /* 4 bytes at offset 600 */
  block[n++] = 600 & 255;
  memcpy(text + 600, text, 4);
  good((ufi_bytes){block, n}, (char *)text, sizeof text);
}

static void damage(void **state) {
  bad(BLOCK(""));
  bad(BLOCK("\x80"));                           /* a size cut off */
  bad(BLOCK("\xff\xff\xff\xff\xff\x01"));       /* beyond 32 bits */
  bad(BLOCK("\x03"));                           /* nothing behind the size */
  bad(BLOCK("\x03\x08" "ab"));                  /* a literal cut off */
  bad(BLOCK("\x02\x08" "abc"));                 /* more than the size says */
  bad(BLOCK("\x04\x08" "abc"));                 /* less */
  bad(BLOCK("\x03\xf0"));                       /* a literal's size cut off */
  bad(BLOCK("\x07\xfc\xff\xff\xff\xff" "abc")); /* a literal of 4 GiB */
  bad(BLOCK("\x07\x08" "abc" "\x01"));          /* an offset cut off */
  bad(BLOCK("\x07\x08" "abc" "\x01\x00"));      /* offset 0 */
  bad(BLOCK("\x07\x08" "abc" "\x01\x04"));      /* before the beginning */
  bad(BLOCK("\x08\x08" "abc" "\x0e\x03\x00"));  /* a byte too few */
  bad(BLOCK("\x05\x08" "abc" "\x0a\x03\x00"));  /* a copy beyond the end */
  bad(BLOCK("\x06\x08" "abc" "\x0b\x03\x00\x00\x80"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements), cmocka_unit_test(long_literals), cmocka_unit_test(far_offsets),
    cmocka_unit_test(damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
