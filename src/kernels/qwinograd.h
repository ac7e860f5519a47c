/* SPDX-License-Identifier: Apache-2.0
 *
 * qwinograd.h: the transforms of Winograd's convolutions F(4x4, 3x3) and F(2x2, 3x3) of bytes, exact.
 *
 * winograd.h tells of the method. Here the points are 0, +-1, +-2 (for 4x4) and infinity, where inputs and taps are
 * evaluated in integers: taps are multiplied by what makes their coefficients whole. For bytes all values fit in 16 bits
 * (inputs at most 100 * 128, taps 49 * 128), so that sums of their products are those of ufk_q_pairs, which wrap around
 * at 32 bits. Interpolating is exact, too: an output times a constant comes out, modulo 2^32, where the odd part of the
 * constant has an inverse; its power of two takes bits away, up to 6 (4x4) or 2 (2x2). So outputs must fit in 26 or 30 bits,
 * which UFK_QWINOGRAD_CHANNELS_4 or _2 channels guarantee: 9 * channels * 128 * 128 < 2^25 or 2^29.
 *
 * With 4x4 outputs, coefficients of evaluating inputs (rows of the one matrix) and taps (of the other), and the
 * constants, are, with sums of products M0 to M5:
 *
 *     4  0 -5  0  1  0      1  0  0      24 Y0 = 6 M0 - 4 (M1 + M2) + (M3 + M4)
 *     0 -4 -4  1  1  0      1  1  1      12 Y1 = -2 (M1 - M2) + (M3 - M4)
 *     0  4 -4 -1  1  0      1 -1  1       6 Y2 = -(M1 + M2) + (M3 + M4)
 *     0 -2 -1  2  1  0      1  2  4       6 Y3 = -(M1 - M2) + 2 (M3 - M4) + 6 M5
 *     0  2 -1 -2  1  0      1 -2  4
 *     0  4  0 -5  0  1      0  0  1
 *
 * and with 2x2:
 *
 *     1  0 -1  0            1  0  0       2 Y0 = 2 M0 + (M1 + M2)
 *     0  1  1  0            1  1  1       2 Y1 = (M1 - M2) - 2 M3
 *     0 -1  1  0            1 -1  1
 *     0  1  0 -1            0  0  1
 */
#ifndef UFI_KERNELS_QWINOGRAD_H
#define UFI_KERNELS_QWINOGRAD_H

#include "base/base.h"

enum {
  UFK_QWINOGRAD_SIDE = 4, UFK_QWINOGRAD_IN = 6, UFK_QWINOGRAD_POINTS = 36, /* at most */
  UFK_QWINOGRAD_PAD = 32,        /* int16 of a vector, at most */
  UFK_QWINOGRAD_CHANNELS_4 = 227, UFK_QWINOGRAD_CHANNELS_2 = 3640,
};

/* side: 4 or 2; a tile then has in = side + 2 inputs a side, and in * in points. */
typedef struct ufk_qwinograd_table {
  /* Evaluates a tile of inputs: pixel (y, x) of it at in[y * in + x]; point p of channel c to out[p * step + c].
   * step: at least the channels rounded up to UFK_QWINOGRAD_PAD, up to which the kernel writes. */
  void (*s8_in)(size_t side, size_t channels, const int8_t *const *in, int16_t *out, size_t step);
  /* Evaluates `columns` filters: tap t (0 to 8) of channel c of column j is taps[(j * 9 + t) * channels + c]; point p goes
   * to out[p * step], to (channels / 2 rounded up, nr, 2) as panels of pairs have it (qgemm.h). */
  void (*s8_filter)(size_t side, size_t columns, size_t channels, const int8_t *taps, int16_t *out, size_t step, size_t nr);
  /* Interpolates a tile of outputs: out[(y * side + x) * out_step + j] = start[j] + from the sums in[p * step + j], for
   * `columns` rounded up to a multiple of 16, up to which all arrays reach. */
  void (*s32_out)(size_t side, size_t columns, const int32_t *in, size_t step, const int32_t *start, int32_t *out,
                  size_t out_step);
} ufk_qwinograd_table;

void ufk_qwinograd_scalar(ufk_qwinograd_table *table);
void ufk_qwinograd_avx2(ufk_qwinograd_table *table);
void ufk_qwinograd_avx512(ufk_qwinograd_table *table);
void ufk_qwinograd_neon(ufk_qwinograd_table *table);

#endif
