/* TEMPORARY stand-in until the real one is merged. */
#ifndef UFI_KERNELS_REQUANT_H
#define UFI_KERNELS_REQUANT_H
#include "base/base.h"
static inline int32_t ufk_srdhm(int32_t a, int32_t b) {
  if (a == b && a == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}
static inline int32_t ufk_rdpot(int32_t x, int exponent) {
  const int32_t mask = (int32_t)((1ll << exponent) - 1), rem = x & mask;
  return (x >> exponent) + (rem > (mask >> 1) + (x < 0));
}
static inline int32_t ufk_requantize(int32_t x, int32_t m, int32_t shift) {
  const int l = shift > 0 ? shift : 0, r = shift > 0 ? 0 : -shift;
  return ufk_rdpot(ufk_srdhm((int32_t)((uint32_t)x << l), m), r);
}
#endif
