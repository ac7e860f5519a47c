/* SPDX-License-Identifier: Apache-2.0
 *
 * test_packing.c: memory for packed weights, and the table of a model's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "graph/packing.h"

static bool is_zero(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i]) return false;
  }
  return true;
}

/* Small pieces, one larger than what was expected, and then small ones again. */
static void pieces_are_zero_aligned_and_apart(void **state) {
  static const size_t sizes[] = {1, 64, 65, 4095, 0, 3 << 20, 100, 9 << 20, 1 << 20, 5};
  for (size_t expected = 0; expected <= 4 << 20; expected += 4 << 20) {
    ufi_pages *pages = ufi_pages_create(expected);
    uint8_t *piece[UFI_COUNT(sizes)];
    for (size_t i = 0; i < UFI_COUNT(sizes); i++) {
      piece[i] = ufi_pages_alloc(pages, sizes[i]);
      assert_non_null(piece[i]);
      assert_int_equal((uintptr_t)piece[i] % 64, 0);
      assert_true(is_zero(piece[i], sizes[i]));
      memset(piece[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < UFI_COUNT(sizes); i++) {
      for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(piece[i][k], i + 1);
    }
    ufi_pages_destroy(pages);
  }
  ufi_pages_destroy(NULL);
}

static void impossible_pieces(void **state) {
  ufi_pages *pages = ufi_pages_create(SIZE_MAX); /* what is expected is no more than a hint */
  assert_null(ufi_pages_alloc(pages, SIZE_MAX));
  assert_null(ufi_pages_alloc(pages, PTRDIFF_MAX));
  assert_non_null(ufi_pages_alloc(pages, 10));
  ufi_pages_destroy(pages);
}

/* Smaller and larger ones in turn; memory up to what is read ahead is there. */
static void blocks_grow(void **state) {
  static const size_t sizes[] = {0, 1, 70000, 100, 5 << 20, 4 << 20, 9 << 20};
  ufi_block block = {0};
  for (size_t i = 0; i < UFI_COUNT(sizes); i++) {
    uint8_t *memory = ufi_block_take(&block, sizes[i]);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 64, 0);
    memset(memory, 1, sizes[i]);
  }
  assert_null(ufi_block_take(&block, PTRDIFF_MAX));
  assert_null(ufi_block_take(&block, SIZE_MAX));
  assert_non_null(ufi_block_take(&block, 9 << 20)); /* as it was */
  ufi_block_free(&block);
  ufi_block_free(&block);
}

static void the_table_tells_keys_apart(void **state) {
  ufi_packing *packing = ufi_packing_create(1000);
  for (uint64_t i = 0; i < 1000; i++) {
    ufi_packed_key key = {.source = i % 10, .size = i, .tag = (int64_t)(i % 7) - 3, .op = (uint32_t)(i % 3), .slot = (uint16_t)(i % 4)};
    assert_null(ufi_packing_find(packing, &key));
    void *memory = ufi_packing_room(packing, i);
    assert_ptr_equal(ufi_packing_add(packing, &key, memory)->memory, memory);
    assert_ptr_equal(ufi_packing_find(packing, &key)->memory, memory);
    key.dtype = 1;
    assert_null(ufi_packing_find(packing, &key));
  }
  assert_int_equal(packing->n, 1000);
  assert_int_equal(packing->bytes, 999 * 1000 / 2);
  ufi_packing_destroy(packing);
  ufi_packing_destroy(NULL);
}

static void make_key(ufi_hash_key *key) {
  uint64_t x = 1, *words = (uint64_t *)(void *)key;
  for (size_t i = 0; i < sizeof *key / sizeof x; i++) words[i] = x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
}

/* Every bit counts, the length does, and the key; parts make the same as the whole. */
static void hashes_tell_contents_apart(void **state) {
  enum { SIZE = 3000 };
  uint8_t data[SIZE + 1] = {0};
  ufi_hash_key key;
  make_key(&key);
  for (size_t size = 0; size <= SIZE; size += 500) {
    const ufi_hash zeros = ufi_hash_of(&key, data, size), longer = ufi_hash_of(&key, data, size + 1);
    assert_false(ufi_hash_equal(&zeros, &longer));
    for (size_t bit = 0; bit < size * 8; bit += size > 1000 ? 7 : 1) {
      data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      const ufi_hash other = ufi_hash_of(&key, data, size);
      for (int i = 0; i < 4; i++) assert_true(other.words[i] != zeros.words[i]);
      data[bit / 8] = 0;
    }
  }
  for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 37);
  const ufi_hash whole = ufi_hash_of(&key, data, SIZE);
  ufi_hasher parts;
  ufi_hash_begin(&parts, &key);
  ufi_hash_add(&parts, data, 1024);
  ufi_hash_add(&parts, data + 1024, 1024);
  ufi_hash_add(&parts, data + 2048, SIZE - 2048);
  const ufi_hash joined = ufi_hash_end(&parts);
  assert_true(ufi_hash_equal(&whole, &joined));
  for (size_t i = 0; i < sizeof key / 8; i += 3) { /* all of the key is used */
    ((uint64_t *)(void *)&key)[i] ^= UINT64_C(1) << 40;
    const ufi_hash other = ufi_hash_of(&key, data, SIZE);
    assert_false(ufi_hash_equal(&whole, &other));
    ((uint64_t *)(void *)&key)[i] ^= UINT64_C(1) << 40;
  }
}

/* The polynomial modulo 2^127 - 1, term by term with a product made bit by bit. */
static unsigned __int128 slow_product(unsigned __int128 a, unsigned __int128 b) {
  const unsigned __int128 prime = ((unsigned __int128)1 << 127) - 1;
  unsigned __int128 sum = 0;
  for (int i = 126; i >= 0; i--) {
    sum = sum * 2 % prime;
    if (b >> i & 1) sum = (sum + a) % prime;
  }
  return sum;
}

static void the_hash_is_what_it_says(void **state) {
  enum { WORDS = 2 * UFI_HASH_BLOCK };
  const unsigned __int128 prime = ((unsigned __int128)1 << 127) - 1;
  uint64_t data[WORDS];
  ufi_hash_key key;
  make_key(&key);
  for (int extreme = 0; extreme < 3; extreme++) {
    if (extreme == 1) memset(&key, 0xff, sizeof key);
    for (int i = 0; i < WORDS; i++) data[i] = extreme == 2 ? 0 : ~UINT64_C(0) - (uint64_t)i;
    const ufi_hash hash = ufi_hash_of(&key, data, sizeof data);
    for (int pass = 0; pass < 2; pass++) {
      unsigned __int128 sum = 0, terms[3] = {0, 0, sizeof data};
      const unsigned __int128 factor = (unsigned __int128)(key.poly[pass][1] >> 2) << 64 | key.poly[pass][0] | 1;
      for (int i = 0; i < WORDS; i += 2) {
        const uint64_t *k = key.block + i % UFI_HASH_BLOCK + 2 * pass;
        terms[i / UFI_HASH_BLOCK] += (unsigned __int128)(data[i] + k[0]) * (data[i + 1] + k[1]);
      }
      for (int i = 0; i < 3; i++) sum = (slow_product(sum, factor) + (terms[i] & (prime >> 1))) % prime;
      assert_true(hash.words[2 * pass] == (uint64_t)sum && hash.words[2 * pass + 1] == (uint64_t)(sum >> 64));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_are_zero_aligned_and_apart), cmocka_unit_test(impossible_pieces), cmocka_unit_test(blocks_grow),
    cmocka_unit_test(the_table_tells_keys_apart), cmocka_unit_test(hashes_tell_contents_apart),
    cmocka_unit_test(the_hash_is_what_it_says),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("packing: %zu passed, %d failed\n", UFI_COUNT(tests) - (size_t)failed, failed);
  return failed;
}
