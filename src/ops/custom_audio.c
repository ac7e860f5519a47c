/* SPDX-License-Identifier: Apache-2.0
 *
 * custom_audio.c: AudioSpectrogram and Mfcc, of TensorFlow graphs and, as custom ops, of TFLite: Hann
 * windows padded to a power of two; a mel filterbank whose triangles are linear in mel (1127 log(1 + f /
 * 700)), and a DCT of the logarithms.
 *
 * TFLite reads the frequency limits of Mfcc as integers; where a spectrum is too short for the upper one,
 * both give zeros.
 */
#include <complex.h>
#include <math.h>

#include "format/flexbuffer.h"
#include "ops/fft_any.h"
#include "ops/op.h"

static int64_t option(const ufi_flex *map, const char *key) {
  ufi_flex v = ufi_flex_get(map, key);
  return ufi_flex_int(&v, 0);
}

/* ---- AudioSpectrogram ------------------------------------------------------------------------- */

typedef struct spectrogram_attrs {
  int64_t window, stride;
  bool squared;
} spectrogram_attrs;

static uf_status check_spectrogram(const spectrogram_attrs *a, uf_error *error) {
  if (a->window >= 2 && a->window <= 1 << 24 && a->stride >= 1) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a window of 2 to 2^24 and a stride of 1 or more, found %lld "
                  "and %lld", (long long)a->window, (long long)a->stride);
}

static uf_status spectrogram_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  spectrogram_attrs *a = memory;
  a->window = ufi_tf_int(from, "window_size");
  a->stride = ufi_tf_int(from, "stride");
  a->squared = ufi_tf_bool(from, "magnitude_squared");
  return check_spectrogram(a, error);
}

static uf_status spectrogram_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  spectrogram_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  a->window = option(&map, "window_size");
  a->stride = option(&map, "stride");
  a->squared = option(&map, "magnitude_squared") != 0;
  return check_spectrogram(a, error);
}

static int64_t fft_length(int64_t window) {
  int64_t n = 1;
  while (n < window) n *= 2;
  return n;
}

static uf_status spectrogram_infer(ufi_ctx *ctx) {
  const spectrogram_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  UFI_TRY(ufi_want_rank(ctx, in, 2, 2));
  const int64_t slices = in->dims[0] < a->window ? 0 : 1 + (in->dims[0] - a->window) / a->stride;
  const int64_t dims[3] = {in->dims[1], slices, fft_length(a->window) / 2 + 1};
  return ufi_out_shape(ctx, 0, 3, dims);
}

static uf_status spectrogram_eval(ufi_ctx *ctx) {
  const spectrogram_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t n = fft_length(a->window), bins = n / 2 + 1;
  float *to = out->data;
  if (out->count == 0) return UF_OK;
  ufi_fft *fft = ufi_fft_create(n);
  double _Complex *from = ufi_calloc((size_t)(2 * n), sizeof *from);
  double *window = ufi_malloc((size_t)a->window * sizeof *window);
  const bool good = fft && from && window;
  for (int64_t i = 0; good && i < a->window; i++)
    window[i] = 0.5 - 0.5 * cos(2.0 * M_PI * (double)i / (double)a->window);
  for (int64_t row = 0; good && row < out->dims[0] * out->dims[1]; row++, to += bins) {
    const int64_t channel = row / out->dims[1], start = row % out->dims[1] * a->stride;
    for (int64_t i = 0; i < a->window; i++)
      from[i] = window[i] * (double)((const float *)in->data)[(start + i) * in->dims[1] + channel];
    ufi_fft_run(fft, false, from, from + n);
    for (int64_t k = 0; k < bins; k++) {
      const double re = creal(from[n + k]), im = cimag(from[n + k]), power = re * re + im * im;
      to[k] = a->squared ? (float)power : sqrtf((float)power);
    }
  }
  ufi_fft_release(fft);
  ufi_free(from);
  ufi_free(window);
  return good ? UF_OK : ufi_no_memory(ctx->error, (size_t)n * sizeof *from);
}

const ufi_op_def ufi_op_AUDIO_SPECTROGRAM = {
  .attrs_size = sizeof(spectrogram_attrs), .attrs_tf = spectrogram_attrs_tf, .attrs_tflite = spectrogram_attrs_tflite, .infer = spectrogram_infer,
  .eval = spectrogram_eval,
};

/* ---- Mfcc ----------------------------------------------------------------------------------------- */

typedef struct mfcc_attrs {
  double upper, lower;
  int64_t channels, coefficients;
} mfcc_attrs;

static uf_status check_mfcc(const mfcc_attrs *a, uf_error *error) {
  const bool good = a->channels >= 1 && a->channels <= 1 << 13 && a->coefficients >= 1 && a->coefficients <= 1 << 13 &&
                    a->lower >= 0 && a->upper > a->lower && isfinite(a->upper);
  if (good) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one channel and coefficient or more and a lower limit below the "
                  "upper, found %lld, %lld, %g and %g", (long long)a->channels, (long long)a->coefficients, a->lower,
                  a->upper);
}

static uf_status mfcc_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  mfcc_attrs *a = memory;
  a->upper = (double)(float)ufi_tf_float(from, "upper_frequency_limit");
  a->lower = (double)(float)ufi_tf_float(from, "lower_frequency_limit");
  a->channels = ufi_tf_int(from, "filterbank_channel_count");
  a->coefficients = ufi_tf_int(from, "dct_coefficient_count");
  return check_mfcc(a, error);
}

static uf_status mfcc_attrs_tflite(const ufi_tflite_attrs *from, void *memory, uf_error *error) {
  mfcc_attrs *a = memory;
  ufi_flex map = ufi_flex_root(from->custom, from->custom_size);
  a->upper = (double)(float)option(&map, "upper_frequency_limit");
  a->lower = (double)(float)option(&map, "lower_frequency_limit");
  a->channels = option(&map, "filterbank_channel_count");
  a->coefficients = option(&map, "dct_coefficient_count");
  return check_mfcc(a, error);
}

static uf_status mfcc_infer(ufi_ctx *ctx) {
  const mfcc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_FLOAT32));
  UFI_TRY(ufi_want_rank(ctx, in, 3, 3));
  if (ctx->in[1]->count != 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one sample rate, found %s", ufi_tensor_text(ctx->in[1], text));
  }
  if (a->coefficients > a->channels)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %lld coefficients (channels), found %lld",
                        (long long)a->channels, (long long)a->coefficients);
  const int64_t dims[3] = {in->dims[0], in->dims[1], a->coefficients};
  return ufi_out_shape(ctx, 0, 3, dims);
}

typedef struct mel_bank {
  int64_t start, end;
  double *centers, *weights, *energies; /* channels + 1, bins, channels */
  int64_t *band;
} mel_bank;

static uf_status mfcc_prepare(ufi_ctx *ctx) {
  const mfcc_attrs *a = ctx->attrs;
  ufi_want_scratch(ctx, (size_t)(2 * (a->channels + 1) + 2 * ctx->in[0]->dims[2] + a->coefficients * a->channels) *
                        sizeof(double));
  return UF_OK;
}

static double mel_of(double hertz) { return 1127.0 * log1p(hertz / 700.0); }

static void fill_bank(const mfcc_attrs *a, int64_t bins, double rate, mel_bank *m) {
  const double low = mel_of(a->lower), spacing = (mel_of(a->upper) - low) / (double)(a->channels + 1);
  const double hertz = 0.5 * rate / (double)(bins - 1);
  int64_t channel = 0;
  for (int64_t i = 0; i <= a->channels; i++) m->centers[i] = low + spacing * (double)(i + 1);
  m->start = (int64_t)(1.5 + a->lower / hertz);
  m->end = (int64_t)fmin(a->upper / hertz, 1e15);
  for (int64_t i = 0; i < bins; i++) {
    const double mel = mel_of((double)i * hertz);
    m->band[i] = -2;
    m->weights[i] = 0;
    if (i < m->start || i > m->end) continue;
    while (channel < a->channels && m->centers[channel] < mel) channel++;
    const int64_t band = m->band[i] = channel - 1;
    m->weights[i] = band >= 0 ? (m->centers[band + 1] - mel) / (m->centers[band + 1] - m->centers[band])
                              : (m->centers[0] - mel) / (m->centers[0] - low);
  }
}

static void mel_energies(const mfcc_attrs *a, int64_t bins, const mel_bank *m, const float *power) {
  for (int64_t c = 0; c < a->channels; c++) m->energies[c] = 0;
  for (int64_t i = m->start; i <= UFI_MIN(m->end, bins - 1); i++) {
    const double value = sqrt((double)power[i]), part = value * m->weights[i];
    const int64_t band = m->band[i];
    if (band >= 0) m->energies[band] += part;
    if (band + 1 < a->channels) m->energies[band + 1] += value - part;
  }
}

static uf_status mfcc_eval(ufi_ctx *ctx) {
  const mfcc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  const int64_t bins = in->dims[2];
  const int32_t rate = *(const int32_t *)ctx->in[1]->data;
  const float *from = in->data;
  float *to = out->data;
  if (out->count == 0) return UF_OK;
  if (bins < 2 || rate < 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sample rate above 0 and a spectrum of at least 2 bins, "
                        "found a rate of %d and %lld bins", (int)rate, (long long)bins);
  if (a->upper / (0.5 * (double)rate / (double)(bins - 1)) >= (double)bins) { /* does not reach */
    memset(to, 0, out->size);
    return UF_OK;
  }
  mel_bank m = {.centers = ctx->scratch};
  m.energies = m.centers + a->channels + 1;
  m.weights = m.energies + a->channels + 1;
  m.band = (int64_t *)(m.weights + bins);
  double *cosines = (double *)(m.band + bins);
  fill_bank(a, bins, (double)rate, &m);
  for (int64_t i = 0; i < a->coefficients; i++)
    for (int64_t j = 0; j < a->channels; j++)
      cosines[i * a->channels + j] = sqrt(2.0 / (double)a->channels) *
                                     cos((double)i * M_PI / (double)a->channels * ((double)j + 0.5));
  for (int64_t r = 0; r < in->dims[0] * in->dims[1]; r++, from += bins) {
    mel_energies(a, bins, &m, from);
    for (int64_t c = 0; c < a->channels; c++) m.energies[c] = log(m.energies[c] < 1e-12 ? 1e-12 : m.energies[c]); /* NaN stays */
    for (int64_t i = 0; i < a->coefficients; i++) {
      double sum = 0;
      for (int64_t j = 0; j < a->channels; j++) sum += cosines[i * a->channels + j] * m.energies[j];
      *to++ = (float)sum;
    }
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MFCC = {
  .attrs_size = sizeof(mfcc_attrs), .attrs_tf = mfcc_attrs_tf, .attrs_tflite = mfcc_attrs_tflite, .infer = mfcc_infer, .prepare = mfcc_prepare,
  .eval = mfcc_eval,
};
