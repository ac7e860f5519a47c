/* SPDX-License-Identifier: Apache-2.0
 *
 * near_tmpl.h: requantization by float32 arithmetic (ufk_q_near in requant.h) in the vocabulary of simd/i32_<isa>.h,
 * for the templates that fall back on the exact way.
 */
#include "kernels/requant.h"

/* Sums on the output's scale, not rounded. */
static inline __attribute__((always_inline)) vecf near_scaled(veci sums, vecf factor, vecf nudge) {
  const vecf x = f_from_i(sums);
  return f_fma(x, factor, f_signed(x, nudge));
}

/* Rounded; *far_io: how far any was from its integer so far. */
static inline __attribute__((always_inline)) veci near_rounded(vecf x, vecf *far_io) {
  const veci whole = f_to_i(x);
  *far_io = f_farther(*far_io, f_sub(x, f_from_i(whole)));
  return whole;
}

/* None was nearer to a half than `doubt`. */
static inline __attribute__((always_inline)) bool near_tells(vecf far, float doubt) {
  return !f_is_above(far, f_set1(0.5f - doubt));
}
