/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_random.c: StableHLO's RNG_BIT_GENERATOR: random bits by Philox4x32-10 or Threefry2x32-20
 * (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * The state is a key of 64 bits, then a counter, of which the lower 64 bits count: the upper half that
 * Philox has comes from the third number or, where there is none, is the key again. It is taken and
 * given back as uint64; the output's shape is the file's.
 */
#include "ops/random.h"
#include "ops/stablehlo.h"

typedef enum algorithm { DEFAULT, PHILOX, THREEFRY } algorithm;
typedef struct random_attrs { int32_t algorithm; } random_attrs;

static uf_status random_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  random_attrs *a = attrs;
  a->algorithm = ufi_fb_i8(&from->options, 0, DEFAULT);
  if (a->algorithm >= DEFAULT && a->algorithm <= THREEFRY) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected algorithm 0 (default), 1 (Philox) or 2 (Threefry), found %d",
                  (int)a->algorithm);
}

static uf_status random_infer(ufi_ctx *ctx) {
  const random_attrs *a = ctx->attrs;
  const ufi_tensor *state = ctx->in[0], *y = ctx->out[1];
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_UINT64, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 1, UF_INT32, UF_INT64, UF_UINT32, UF_UINT64, UF_INVALID));
  if (state->rank != 1 || (state->dims[0] != 2 && !(state->dims[0] == 3 && a->algorithm != THREEFRY)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a state of %s numbers, found %s",
                        a->algorithm == THREEFRY ? "2" : "2 or 3", ufi_tensor_text(state, text));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_UINT64));
  UFI_TRY(ufi_out_like(ctx, 0, state));
  return ufi_out_shape(ctx, 1, y->rank, y->dims);
}

static inline uint32_t rotate(uint32_t v, int by) { return v << by | v >> (32 - by); }

static void threefry(const uint32_t key[2], uint32_t x[2]) {
  static const uint8_t turns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  x[0] += keys[0];
  x[1] += keys[1];
  for (uint32_t group = 0; group < 5; group++) {
    for (int i = 0; i < 4; i++) {
      x[0] += x[1];
      x[1] = rotate(x[1], turns[group % 2][i]) ^ x[0];
    }
    x[0] += keys[(group + 1) % 3];
    x[1] += keys[(group + 2) % 3] + group + 1;
  }
}

static void block_of(algorithm which, const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
  if (which == THREEFRY) {
    memcpy(out, counter, 2 * sizeof *out);
    threefry(key, out);
    return;
  }
  ufi_philox gen = {{counter[0], counter[1], counter[2], counter[3]}, {key[0], key[1]}};
  ufi_philox_next(&gen, out);
}

static uf_status random_eval(ufi_ctx *ctx) {
  const algorithm which = ((const random_attrs *)ctx->attrs)->algorithm;
  const ufi_tensor *state = ctx->in[0], *y = ctx->out[1];
  const size_t words = y->size / sizeof(uint32_t), each = which == THREEFRY ? 2 : 4;
  uint32_t in[6] = {0}, counter[4], block[4];
  uint32_t *out = y->data;
  memcpy(in, state->data, state->size);
  memcpy(counter, in + 2, 2 * sizeof *counter);
  memcpy(counter + 2, state->dims[0] == 3 ? in + 4 : in, 2 * sizeof *counter);
  for (size_t i = 0; i < words; i += each) {
    block_of(which, in, counter, block);
    memcpy(out + i, block, UFI_MIN(each, words - i) * sizeof *block);
    if (++counter[0] == 0) ++counter[1];
  }
  memcpy(in + 2, counter, 2 * sizeof *counter);
  memcpy(ctx->out[0]->data, in, state->size);
  return UF_OK;
}
const ufi_op_def ufi_op_STABLEHLO_RNG_BIT_GENERATOR = {
  .attrs_size = sizeof(random_attrs), .attrs_tflite = random_tflite, .infer = random_infer, .eval = random_eval};
