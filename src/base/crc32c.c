/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c.c: CRC-32C, the checksum of checkpoints.
 *
 * The polynomial 0x1EDC6F41 bit-reversed, register inverted before and after. x86 and
 * Arm have an instruction for 8 bytes of it, which takes 3 cycles but can start every
 * cycle: three streams of a block run side by side, and their registers are put together
 * by a carry-less shift: advancing a register over n zero bytes is linear, so one table
 * look-up a byte does it (tables for the two block sizes, made at first use). Elsewhere
 * eight tables take 8 bytes a step.
 *
 * Advancing over any number of bytes, to combine checksums of parts, multiplies by operators
 * of powers of two of zero bytes, 32x32 bit matrices.
 */
#include "base/crc32c.h"

#include <pthread.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define CRC_8(crc, v) _mm_crc32_u64(crc, v)
#define CRC_1(crc, v) _mm_crc32_u8((uint32_t)(crc), v)
#define HAS_HARDWARE() __builtin_cpu_supports("sse4.2")
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HARDWARE
#define CRC_8(crc, v) __crc32cd((uint32_t)(crc), v)
#define CRC_1(crc, v) __crc32cb((uint32_t)(crc), v)
#define HAS_HARDWARE() true
#endif

#define POLYNOMIAL 0x82F63B78u /* bit-reversed */
enum { LONG_BLOCK = 4096, SHORT_BLOCK = 256 }; /* bytes of each of three streams */

static struct {
  uint32_t bytes[8][256];               /* slicing by 8 */
  uint32_t skip_long[4][256], skip_short[4][256]; /* the register after that many zeros */
  bool hardware;
} tables;
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* ---- operators over zeros -------------------------------------------------------- */

static uint32_t matrix_times(const uint32_t matrix[32], uint32_t vector) {
  uint32_t sum = 0;
  for (int i = 0; vector; i++, vector >>= 1)
    if (vector & 1) sum ^= matrix[i];
  return sum;
}

static void matrix_square(const uint32_t matrix[32], uint32_t square[32]) {
  for (int i = 0; i < 32; i++) square[i] = matrix_times(matrix, matrix[i]);
}

/* The operators "2^k zero bytes" of both polynomials, made at the first combination. */
enum { CASTAGNOLI, ZIP, POWERS = 48 };
static struct { uint32_t bytes[POWERS][32]; } powers[2];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

static void make_powers(void) {
  const uint32_t polynomials[] = {[CASTAGNOLI] = POLYNOMIAL, [ZIP] = 0xEDB88320u};
  for (int p = 0; p < 2; p++) {
    uint32_t bit[32], two[32], four[32];
    bit[0] = polynomials[p]; /* one zero bit */
    for (int i = 1; i < 32; i++) bit[i] = 1u << (i - 1);
    matrix_square(bit, two);
    matrix_square(two, four);
    matrix_square(four, powers[p].bytes[0]);
    for (int k = 1; k < POWERS; k++) matrix_square(powers[p].bytes[k - 1], powers[p].bytes[k]);
  }
}

static uint32_t combine(int polynomial, uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  pthread_once(&powers_once, make_powers);
  for (int k = 0; size_b && crc_a && k < POWERS; k++, size_b >>= 1)
    if (size_b & 1) crc_a = matrix_times(powers[polynomial].bytes[k], crc_a);
  return crc_a ^ crc_b;
}

uint32_t ufi_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return combine(CASTAGNOLI, crc_a, crc_b, size_b);
}

uint32_t ufi_crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return combine(ZIP, crc_a, crc_b, size_b);
}

/* size: a power of two, of bytes; its operator is that of one zero bit, squared. */
static void make_skip(uint32_t skip[4][256], uint64_t size) {
  uint32_t bit[32], next[32];
  bit[0] = POLYNOMIAL;
  for (int i = 1; i < 32; i++) bit[i] = 1u << (i - 1);
  for (uint64_t bits = 8 * size; bits > 1; bits /= 2) {
    matrix_square(bit, next);
    memcpy(bit, next, sizeof bit);
  }
  for (int byte = 0; byte < 4; byte++)
    for (int value = 0; value < 256; value++)
      skip[byte][value] = matrix_times(bit + 8 * byte, (uint32_t)value);
}

static void make_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
    tables.bytes[0][i] = crc;
  }
  for (int k = 1; k < 8; k++)
    for (int i = 0; i < 256; i++) {
      uint32_t before = tables.bytes[k - 1][i];
      tables.bytes[k][i] = before >> 8 ^ tables.bytes[0][before & 255];
    }
  make_skip(tables.skip_long, LONG_BLOCK);
  make_skip(tables.skip_short, SHORT_BLOCK);
#ifdef HARDWARE
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  tables.hardware = HAS_HARDWARE();
#endif
}

/* ---- the register over bytes -------------------------------------------------------- */

static uint32_t step_tables(uint32_t crc, const uint8_t *p, size_t size) {
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t v = ufi_load64(p) ^ crc;
    crc = 0;
    for (int k = 0; k < 8; k++) crc ^= tables.bytes[7 - k][v >> (8 * k) & 255];
  }
  for (; size; size--) crc = crc >> 8 ^ tables.bytes[0][(crc ^ *p++) & 255];
  return crc;
}

#ifdef HARDWARE
static inline uint32_t skip(uint32_t table[4][256], uint32_t crc) {
  return table[0][crc & 255] ^ table[1][crc >> 8 & 255] ^ table[2][crc >> 16 & 255] ^
         table[3][crc >> 24];
}

/* Three streams of `block` bytes each, as often as they fit. */
HARDWARE static inline uint32_t three_streams(uint32_t crc, const uint8_t **p, size_t *size,
                                              size_t block, uint32_t table[4][256]) {
  for (; *size >= 3 * block; *size -= 3 * block, *p += 3 * block) {
    const uint8_t *q = *p;
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < block; i += 8) {
      a = CRC_8(a, ufi_load64(q + i));
      b = CRC_8(b, ufi_load64(q + block + i));
      c = CRC_8(c, ufi_load64(q + 2 * block + i));
    }
    crc = skip(table, (uint32_t)a) ^ (uint32_t)b;
    crc = skip(table, crc) ^ (uint32_t)c;
  }
  return crc;
}

HARDWARE static uint32_t step_hardware(uint32_t crc, const uint8_t *p, size_t size) {
  crc = three_streams(crc, &p, &size, LONG_BLOCK, tables.skip_long);
  crc = three_streams(crc, &p, &size, SHORT_BLOCK, tables.skip_short);
  uint64_t wide = crc;
  for (; size >= 8; size -= 8, p += 8) wide = CRC_8(wide, ufi_load64(p));
  crc = (uint32_t)wide;
  for (; size; size--) crc = CRC_1(crc, *p++);
  return crc;
}
#else
#define step_hardware step_tables
#endif

uint32_t ufi_crc32c(uint32_t crc, const void *data, size_t size) {
  pthread_once(&tables_once, make_tables);
  if (size == 0) return crc;
  return ~(tables.hardware ? step_hardware(~crc, data, size) : step_tables(~crc, data, size));
}

/* In pieces that stay in the first cache between the copy and the checksum. */
enum { COPY_PIECE = 3 * LONG_BLOCK };

uint32_t ufi_crc32c_copy(uint32_t crc, void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  while (size) {
    size_t piece = UFI_MIN(size, (size_t)COPY_PIECE);
    memcpy(out, in, piece);
    crc = ufi_crc32c(crc, out, piece);
    out += piece;
    in += piece;
    size -= piece;
  }
  return crc;
}
