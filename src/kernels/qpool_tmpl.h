/* SPDX-License-Identifier: Apache-2.0
 *
 * qpool_tmpl.h: the pooling kernels of qdepthwise.h in plain C, which compilers turn
 * into vectors of the instruction set that the including file is compiled for.
 * Channels go by in pieces that stay in registers: loops over whole pieces have a fixed length.
 */
enum { POOL_PIECE = 64, POOL_SMALL = 16 };

/* Stops the compiler from joining steps of a loop over taps: what is inside would not become vectors any more. */
#define POOL_KEEP_LOOP __asm__ volatile("")
/* Short loops become vectors only while they are loops. */
#define POOL_VECTORS _Pragma("GCC unroll 1")

/* name##_piece(n) for whole pieces, if large ones pay, and for what is left: a small one may begin among channels that are done. */
#define POOL_PIECES(type, name, large)                                                                  \
  static void name(const ufk_q_pool *p, void *out) {                                             \
    const size_t channels = p->channels;                                                         \
    size_t c = 0;                                                                                \
    for (; large && c + POOL_PIECE <= channels; c += POOL_PIECE) name##_piece(p, c, POOL_PIECE, out);      \
    for (; c < channels && channels >= POOL_SMALL; c += POOL_SMALL)                               \
      name##_piece(p, UFI_MIN(c, channels - POOL_SMALL), POOL_SMALL, out);                        \
    if (channels < POOL_SMALL) name##_piece(p, 0, channels, out);                                 \
  }

/* Channels [at, at + n) of all windows. */
#define MAX_POOL(type, name)                                                                     \
  static inline __attribute__((always_inline)) void name##_piece(const ufk_q_pool *p, size_t at, size_t n, type *out) { \
    for (size_t w = 0; w < p->windows; w++) {                                                    \
      type best[POOL_PIECE], *restrict y = out + w * p->channels + at;                            \
      POOL_VECTORS for (size_t c = 0; c < n; c++) best[c] = (type)p->min;                                      \
      for (size_t t = 0; t < p->taps; t++) {                                                     \
        POOL_KEEP_LOOP;                                                                          \
        const type *restrict x = (const type *)p->in[t] + w * p->step + at;                       \
        POOL_VECTORS for (size_t c = 0; c < n; c++) best[c] = x[c] > best[c] ? x[c] : best[c];                 \
      }                                                                                          \
      POOL_VECTORS for (size_t c = 0; c < n; c++) y[c] = best[c] > (type)p->max ? (type)p->max : best[c];      \
    }                                                                                            \
  }                                                                                              \
  POOL_PIECES(type, name, true)

/* (sum +- half) / count, cut. Numbers below 2^24 are divided as floats: the quotient of two such
 * integers rounds to a whole number only where it is one. */
static inline int32_t pool_mean(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

#define AVERAGE_POOL(type, limit, name)                                                          \
  static inline __attribute__((always_inline)) void name##_piece(const ufk_q_pool *p, size_t at, size_t n, type *out) { \
    const int32_t count = (int32_t)p->taps, min = p->min, max = p->max;                           \
    const float half = (float)(count / 2), divisor = (float)count;                                \
    const bool small = p->taps < (1 << 23) / (size_t)limit;                                       \
    for (size_t w = 0; w < p->windows; w++) {                                                    \
      type *restrict y = out + w * p->channels + at;                                              \
      int32_t sum[POOL_PIECE] = {0};                                                             \
      for (size_t t = 0; t < p->taps; t++) {                                                     \
        POOL_KEEP_LOOP;                                                                          \
        const type *restrict x = (const type *)p->in[t] + w * p->step + at;                       \
        POOL_VECTORS for (size_t c = 0; c < n; c++) sum[c] = (int32_t)((uint32_t)sum[c] + (uint32_t)x[c]);     \
      }                                                                                          \
      POOL_VECTORS for (size_t c = 0; small && c < n; c++) {                                                   \
        const float s = (float)sum[c];                                                           \
        y[c] = (type)ufk_clamp((int32_t)((s > 0 ? s + half : s - half) / divisor), min, max);     \
      }                                                                                          \
      POOL_VECTORS for (size_t c = 0; !small && c < n; c++) y[c] = (type)ufk_clamp(pool_mean(sum[c], count), min, max); \
    }                                                                                            \
  }                                                                                              \
  POOL_PIECES(type, name, false)

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
