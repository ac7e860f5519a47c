/* SPDX-License-Identifier: Apache-2.0
 *
 * fft.c: RFFT2D, and IRFFT2D, the custom op that undoes it.
 *
 * The transform of a real image (h, w) is w / 2 + 1 columns of h complex
 * numbers; the other columns would be their conjugates. First each row is
 * transformed (real to complex), then each column in place. Images are cropped
 * or padded with zeros to the size asked for, which is a power of two in each
 * direction: KissFFT, which does the work, needs no memory of its own then.
 * Its plans live in the node's state.
 *
 * The way back computes in double, columns first; as in NumPy and TensorFlow, what
 * half a spectrum of real numbers cannot have (imaginary parts of the first and the
 * last number of a row) does not count.
 */
#include <math.h>

#include <kiss_fftr.h>

#include "ops/fft_any.h"
#include "ops/move.h"

/* ---- RFFT2D: images, (height, width) ------------------------------------------------ */

/* Both plans, one after the other, behind this head. NULL: too short for one. */
typedef struct fft_state {
  kiss_fftr_cfg rows;
  kiss_fft_cfg columns;
} fft_state;

static bool power_of_two(int64_t n) { return n > 0 && n <= 1 << 24 && (n & (n - 1)) == 0; }

/* Both ops; a spectrum of a row of n has n / 2 + 1 numbers. */
static uf_status fft2d_infer(ufi_ctx *ctx, bool spectrum) {
  const ufi_tensor *in = ctx->in[0];
  int64_t size[2], dims[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, in, 2, UF_MAX_RANK));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(ufi_move_ints(ctx, ctx->in[1], 2, size));
  if (!power_of_two(size[0]) || !power_of_two(size[1]))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a height and width that are powers of two, found "
                        "%lld and %lld", (long long)size[0], (long long)size[1]);
  memcpy(dims, in->dims, sizeof dims);
  dims[in->rank - 2] = size[0];
  dims[in->rank - 1] = spectrum ? size[1] / 2 + 1 : size[1];
  return ufi_out_shape(ctx, 0, in->rank, dims);
}

static uf_status rfft2d_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_COMPLEX64));
  return fft2d_infer(ctx, true);
}

/* Height and width of the transform. */
static uf_status read_size(ufi_ctx *ctx, int64_t size[2]) { return ufi_move_ints(ctx, ctx->in[1], 2, size); }

static size_t round_up(size_t n) { return (n + 63) & ~(size_t)63; }

static uf_status rfft2d_prepare(ufi_ctx *ctx) {
  int64_t size[2];
  size_t head = round_up(sizeof(fft_state)), rows = 0, columns = 0;
  UFI_TRY(read_size(ctx, size));
  /* With no memory given, these only say how much they need. */
  if (size[1] >= 4) kiss_fftr_alloc((int)size[1], 0, NULL, &rows);
  if (size[0] >= 2) kiss_fft_alloc((int)size[0], 0, NULL, &columns);
  fft_state *state = ufi_ctx_state(ctx, head + round_up(rows) + columns);
  if (!state) return UF_RESOURCE_EXHAUSTED;
  uint8_t *memory = (uint8_t *)state + head;
  if (rows) state->rows = kiss_fftr_alloc((int)size[1], 0, memory, &rows);
  if (columns) state->columns = kiss_fft_alloc((int)size[0], 0, memory + round_up(rows), &columns);
  /* A padded row; a column before and after. */
  ufi_want_scratch(ctx, round_up((size_t)size[1] * sizeof(float)) +
                   2 * (size_t)size[0] * sizeof(kiss_fft_cpx));
  return UF_OK;
}

/* The transform of n real numbers into n / 2 + 1 complex ones. */
static void transform_row(const fft_state *state, int64_t n, const float *row, kiss_fft_cpx *out) {
  if (n >= 4) {
    kiss_fftr(state->rows, row, out);
  } else if (n == 2) {
    out[0] = (kiss_fft_cpx){row[0] + row[1], 0};
    out[1] = (kiss_fft_cpx){row[0] - row[1], 0};
  } else {
    out[0] = (kiss_fft_cpx){row[0], 0};
  }
}

static void transform_image(ufi_ctx *ctx, const int64_t size[2], const float *in, kiss_fft_cpx *out) {
  const ufi_tensor *t = ctx->in[0];
  int64_t height = t->dims[t->rank - 2], width = t->dims[t->rank - 1], columns = size[1] / 2 + 1;
  int64_t used = UFI_MIN(width, size[1]);
  float *row = ctx->scratch;
  kiss_fft_cpx *before = (kiss_fft_cpx *)((uint8_t *)ctx->scratch + round_up((size_t)size[1] * sizeof(float)));
  kiss_fft_cpx *after = before + size[0];
  memset(row, 0, (size_t)size[1] * sizeof *row);
  for (int64_t y = 0; y < size[0]; y++) {
    if (y < height && used > 0) memcpy(row, in + y * width, (size_t)used * sizeof *row);
    else memset(row, 0, (size_t)size[1] * sizeof *row);
    transform_row(ctx->state, size[1], row, out + y * columns);
  }
  for (int64_t x = 0; x < columns && size[0] > 1; x++) {
    for (int64_t y = 0; y < size[0]; y++) before[y] = out[y * columns + x];
    kiss_fft(((const fft_state *)ctx->state)->columns, before, after);
    for (int64_t y = 0; y < size[0]; y++) out[y * columns + x] = after[y];
  }
}

static uf_status rfft2d_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t size[2];
  UFI_TRY(read_size(ctx, size));
  if (out->count == 0) return UF_OK;
  int64_t in_image = ufi_move_span(in->dims, in->rank - 2, in->rank);
  int64_t out_image = ufi_move_span(out->dims, out->rank - 2, out->rank);
  for (int64_t i = 0; i < out->count / out_image; i++)
    transform_image(ctx, size, (const float *)in->data + i * in_image,
                    (kiss_fft_cpx *)out->data + i * out_image);
  return UF_OK;
}

const ufi_op_def ufi_op_RFFT2D = {.infer = rfft2d_infer, .prepare = rfft2d_prepare, .eval = rfft2d_eval};

/* ---- IRFFT2D: spectra, (height, width) ------------------------------------------------ */

typedef double _Complex cx;

static uf_status irfft2d_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_COMPLEX64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  return fft2d_infer(ctx, false);
}

/* Half a spectrum; a line before and after. */
static uf_status irfft2d_prepare(ufi_ctx *ctx) {
  int64_t size[2];
  size_t numbers, bytes;
  UFI_TRY(read_size(ctx, size));
  if (!ufi_mul_size((size_t)size[0], (size_t)size[1] / 2 + 1, &numbers) ||
      !ufi_add_size(numbers, 2 * (size_t)UFI_MAX(size[0], size[1]), &numbers) ||
      !ufi_mul_size(numbers, sizeof(cx), &bytes))
    return ufi_no_memory(ctx->error, SIZE_MAX);
  ufi_want_scratch(ctx, bytes);
  return UF_OK;
}

static void irfft_image(ufi_ctx *ctx, const int64_t size[2], ufi_fft *down, ufi_fft *along, const float *in,
                        float *out) {
  const ufi_tensor *t = ctx->in[0];
  const int64_t height = t->dims[t->rank - 2], width = t->dims[t->rank - 1];
  const int64_t h = size[0], w = size[1], half = w / 2 + 1;
  cx *x = ctx->scratch, *line = x + h * half, *after = line + UFI_MAX(h, w);
  for (int64_t c = 0; c < half; c++) {
    for (int64_t r = 0; r < h; r++) {
      const float *v = in + 2 * (r * width + c);
      line[r] = r < height && c < width ? (double)v[0] + (double)v[1] * _Complex_I : 0.0;
    }
    ufi_fft_run(down, true, line, after);
    for (int64_t r = 0; r < h; r++) x[r * half + c] = after[r];
  }
  for (int64_t r = 0; r < h; r++) {
    for (int64_t c = 0; c < w; c++) line[c] = c < half ? x[r * half + c] : conj(x[r * half + w - c]);
    ufi_fft_run(along, true, line, after);
    for (int64_t c = 0; c < w; c++) out[r * w + c] = (float)(creal(after[c]) / (double)(h * w));
  }
}

static uf_status irfft2d_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int64_t size[2];
  UFI_TRY(read_size(ctx, size));
  if (out->count == 0) return UF_OK;
  const int64_t in_image = ufi_move_span(in->dims, in->rank - 2, in->rank), out_image = size[0] * size[1];
  ufi_fft *down = ufi_fft_create(size[0]), *along = ufi_fft_create(size[1]);
  for (int64_t i = 0; down && along && i < out->count / out_image; i++)
    irfft_image(ctx, size, down, along, (const float *)in->data + 2 * i * in_image, (float *)out->data + i * out_image);
  const bool ok = down && along;
  ufi_fft_release(down);
  ufi_fft_release(along);
  return ok ? UF_OK : ufi_no_memory(ctx->error, (size_t)UFI_MAX(size[0], size[1]) * sizeof(cx));
}

const ufi_op_def ufi_op_IRFFT2D = {.infer = irfft2d_infer, .prepare = irfft2d_prepare, .eval = irfft2d_eval};
