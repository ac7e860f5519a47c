/* SPDX-License-Identifier: Apache-2.0
 *
 * qpool_tmpl.h: the pooling kernels of qdepthwise.h in plain C, which compilers turn
 * into vectors of the instruction set that the including file is compiled for.
 * Channels go by in pieces that stay in registers: loops over whole pieces have a fixed length.
 */
enum { POOL_PIECE = 64 };

/* Stops the compiler from joining steps of a loop over taps: what is inside would not become vectors any more. */
#define POOL_KEEP_LOOP __asm__ volatile("")

/* name##_piece(n) for whole pieces and for what is left. */
#define POOL_PIECES(type, name)                                                                 \
  static void name(size_t taps, size_t channels, const void *const *in, size_t from,           \
                   int32_t min, int32_t max, void *out) {                                       \
    size_t c = 0;                                                                               \
    for (; c + POOL_PIECE <= channels; c += POOL_PIECE)                                          \
      name##_piece(taps, POOL_PIECE, in, from + c, min, max, (type *)out + c);                   \
    if (c < channels) name##_piece(taps, channels - c, in, from + c, min, max, (type *)out + c); \
  }

#define MAX_POOL(type, name)                                                                    \
  static inline __attribute__((always_inline)) void name##_piece(                               \
      size_t taps, size_t n, const void *const *in, size_t from, int32_t min, int32_t max, type *restrict y) { \
    type best[POOL_PIECE];                                                                      \
    for (size_t c = 0; c < n; c++) best[c] = (type)min;                                          \
    for (size_t t = 0; t < taps; t++) {                                                         \
      POOL_KEEP_LOOP;                                                                           \
      const type *restrict x = (const type *)in[t] + from;                                       \
      for (size_t c = 0; c < n; c++) best[c] = x[c] > best[c] ? x[c] : best[c];                  \
    }                                                                                           \
    for (size_t c = 0; c < n; c++) y[c] = best[c] > (type)max ? (type)max : best[c];             \
  }                                                                                             \
  POOL_PIECES(type, name)

/* (sum +- half) / count, cut. Numbers below 2^24 are divided as floats: the quotient of two such
 * integers rounds to a whole number only where it is one. */
static inline int32_t pool_mean(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

#define AVERAGE_POOL(type, limit, name)                                                         \
  static inline __attribute__((always_inline)) void name##_piece(                               \
      size_t taps, size_t n, const void *const *in, size_t from, int32_t min, int32_t max, type *restrict y) { \
    const int32_t count = (int32_t)taps;                                                         \
    const float half = (float)(count / 2), divisor = (float)count;                               \
    const bool small = taps < (1 << 23) / (size_t)limit;                                         \
    int32_t sum[POOL_PIECE] = {0};                                                              \
    for (size_t t = 0; t < taps; t++) {                                                         \
      POOL_KEEP_LOOP;                                                                           \
      const type *restrict x = (const type *)in[t] + from;                                       \
      for (size_t c = 0; c < n; c++) sum[c] = (int32_t)((uint32_t)sum[c] + (uint32_t)x[c]);      \
    }                                                                                           \
    for (size_t c = 0; small && c < n; c++) {                                                    \
      const float s = (float)sum[c];                                                            \
      y[c] = (type)ufk_clamp((int32_t)((s > 0 ? s + half : s - half) / divisor), min, max);      \
    }                                                                                           \
    for (size_t c = 0; !small && c < n; c++) {                                                   \
      y[c] = (type)ufk_clamp(pool_mean(sum[c], count), min, max);                                \
    }                                                                                           \
  }                                                                                             \
  POOL_PIECES(type, name)

MAX_POOL(int8_t, max_s8)
MAX_POOL(uint8_t, max_u8)
MAX_POOL(int16_t, max_s16)
AVERAGE_POOL(int8_t, 128, average_s8)
AVERAGE_POOL(uint8_t, 256, average_u8)
AVERAGE_POOL(int16_t, 32768, average_s16)

static void set_pools(ufk_qdepthwise_table *table) {
  table->max_s8 = max_s8;
  table->max_u8 = max_u8;
  table->max_s16 = max_s16;
  table->average_s8 = average_s8;
  table->average_u8 = average_u8;
  table->average_s16 = average_s16;
}
