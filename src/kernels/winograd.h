/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd.h: the transforms of Winograd's convolution F(4x4, 3x3).
 *
 * A tile of 4x4 outputs of a 3x3 convolution of stride 1 sees 6x6 inputs. As polynomials, both
 * are products of a line of inputs and one of taps, and a product is known from its values at six
 * points: so the inputs of a channel and its taps are each evaluated (in two dimensions: at 36
 * points), multiplied point by point, summed over channels (36 matrix products, four times fewer
 * multiplications than 4x4x9), and the outputs interpolated from the sums.
 *
 * The points are 0, +-5/8, +-3/2 and infinity. All coefficients of the transforms of inputs and
 * outputs are exact in float32. With the usual points 0, +-1, +-2 errors are over twice as large.
 * Standard deviation of the error over that of the result, in a simulation with uniform inputs and taps in
 * [-1, 1], every operation rounded, and sums over channels in parts of at most 64, as ops/winograd_f32.c does
 * them; beside direct sums:
 *
 *     channels     this     direct, one sum
 *            4   3.8e-7              1.2e-7
 *           64   7.7e-7              4.3e-7
 *          256   8.1e-7              8.6e-7
 *          512   8.1e-7              1.2e-6
 *
 * It is the same for all outputs of a tile, whatever inputs they see: next to an input a million times
 * larger than the others, what does not depend on it is lost.
 */
#ifndef UFI_KERNELS_WINOGRAD_H
#define UFI_KERNELS_WINOGRAD_H

#include "base/base.h"

enum { UFK_WINOGRAD_OUT = 4, UFK_WINOGRAD_IN = 6, UFK_WINOGRAD_POINTS = 36 };

typedef struct ufk_winograd_table {
  /* Evaluates a tile of inputs: pixel (y, x) of it at in[y * 6 + x]; point p of channel c to
   * out[p * step + c]. step: at least the channels rounded up to UFK_WINOGRAD_PAD, up to which the
   * kernel may write anything. */
  void (*f32_in)(size_t channels, const float *const *in, float *out, size_t step);
  /* Interpolates a tile of outputs from the sums in[p * step + j]: out[y * 4 + x][j] = clamp(bias[j] +
   * ...). False when one of them is infinite or NaN before it is clamped: others of its tile may be so
   * by it alone. */
  bool (*f32_out)(size_t columns, const float *in, size_t step, const float *bias,
                  float *const *out, float min, float max);
  /* Evaluates filters, columns side by side (a multiple of 8): tap t (0 to 8) of column j is
   * taps[t * tap_step + j], point p goes to out[p * step + j]. */
  void (*f32_filter)(size_t columns, const float *taps, size_t tap_step, float *out, size_t step);
} ufk_winograd_table;

#define UFK_WINOGRAD_PAD 16

void ufk_winograd_scalar(ufk_winograd_table *table);
void ufk_winograd_avx2(ufk_winograd_table *table);
void ufk_winograd_avx512(ufk_winograd_table *table);
void ufk_winograd_neon(ufk_winograd_table *table);

#endif
