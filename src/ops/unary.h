/* SPDX-License-Identifier: Apache-2.0
 *
 * unary.h: what the ops of one operand share (unary.c, activation.c). prepare
 * chooses a loop and fills its arguments into a ufi_unary; eval runs it over the
 * elements.
 *
 * A quantized function is a function q of one stored integer. 8-bit tensors get a
 * table of its 256 values, once, in prepare; 16-bit ones call it per element.
 */
#ifndef UFI_UNARY_H
#define UFI_UNARY_H

#include "ops/broadcast.h"
#include "ops/qparams.h"

typedef struct ufi_unary ufi_unary;
typedef void (*ufi_map_fn)(const void *x, void *y, size_t n, const ufi_unary *s);
/* A real function for look-up tables. */
typedef float (*ufi_real_fn)(float v, const ufi_unary *s);

enum { UFI_LUT16_SIZE = 513 };

struct ufi_unary {
  ufi_map_fn fn;
  ufk_f32_unary_fn f32;
  int32_t (*q)(int32_t v, const ufi_unary *s);
  int32_t in_zero, out_zero, lo, hi; /* lo, hi: clamp of the output */
  float in_scale, out_scale;
  ufk_scale scale, negative;         /* of values >= 0 and < 0 */
  bool flip;                         /* negative is to be negated */
  float alpha, low, high;
  union {                            /* behind the struct, for stored integers */
    uint8_t *table;                  /* of 8 bits: 256 */
    int16_t *lut16;                  /* of 16 bits: UFI_LUT16_SIZE, or of the logistic function 256 */
    uint16_t *sigmoid;
  };
};

/* One input, an output of its dtype and shape. */
uf_status ufi_unary_infer(ufi_ctx *ctx) UF_MUST_USE;
/* The state with zeros, scales and limits of input 0 and output 0; NULL (error
 * set) out of memory. */
ufi_unary *ufi_unary_state(ufi_ctx *ctx);
uf_status ufi_unary_eval(ufi_ctx *ctx);
ufi_part_fn ufi_unary_part(const ufi_ctx *ctx); /* of ops whose eval that is */
/* The loop of a float kernel for float32, float16 or bfloat16; false: another dtype. */
bool ufi_unary_float(ufi_unary *s, uf_dtype dtype, ufk_f32_unary kernel);
/* The loop for quantized int8, uint8 (a table of q) or int16 (calls of q). */
void ufi_unary_quantized(ufi_unary *s, uf_dtype dtype, int32_t (*q)(int32_t v, const ufi_unary *s));
/* The same for a real function, by tables as TFLite makes them: rounded values
 * for 8 bits, 512 interpolated intervals for 16 bits. kernel: the same function within
 * a few ulp, which says all of a table but what lies near the middle between two codes. */
void ufi_unary_real(ufi_unary *s, uf_dtype dtype, ufi_real_fn f, ufk_f32_unary kernel);
/* value of an interpolated table at v. */
static inline int16_t ufi_lut16_at(const int16_t lut[UFI_LUT16_SIZE], int16_t v) {
  const int i = 256 + (v >> 7);
  const int16_t slope = (int16_t)(lut[i + 1] - lut[i]);
  return (int16_t)(lut[i] + ((slope * (v & 0x7f) + 64) >> 7));
}
/* Fills an interpolated table in double precision (int16 SOFTMAX). */
void ufi_lut16_fill(int16_t lut[UFI_LUT16_SIZE], double in_scale, int32_t in_zero, double out_scale,
                    int32_t out_zero, double (*f)(double));

#endif
