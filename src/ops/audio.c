/* SPDX-License-Identifier: Apache-2.0
 *
 * audio.c: AudioSpectrogram, Mfcc, DecodeWav, EncodeWav, as TensorFlow computes them: Hann windows
 * padded to a power of two, a mel filterbank whose triangles are linear in mel (1127 log(1 + f /
 * 700)), a DCT of the logarithms; WAV files of 16-bit PCM.
 */
#include <complex.h>
#include <math.h>

#include "ops/chars.h"
#include "ops/fft_any.h"
#include "ops/move.h"

/* ---- AudioSpectrogram ------------------------------------------------------------------------- */

typedef struct spectrogram_attrs {
  int64_t window, stride;
  bool squared;
} spectrogram_attrs;

static uf_status spectrogram_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  spectrogram_attrs *a = memory;
  a->window = ufi_tf_int(from, "window_size");
  a->stride = ufi_tf_int(from, "stride");
  a->squared = ufi_tf_bool(from, "magnitude_squared");
  if (a->window >= 2 && a->window <= 1 << 24 && a->stride >= 1) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a window of 2 to 2^24 and a stride of 1 or more, found %lld "
                  "and %lld", (long long)a->window, (long long)a->stride);
}

static int64_t fft_length(int64_t window) {
  int64_t n = 1;
  while (n < window) n *= 2;
  return n;
}

static uf_status spectrogram_infer(ufi_ctx *ctx) {
  const spectrogram_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
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
      to[k] = (float)(a->squared ? power : sqrt(power));
    }
  }
  ufi_fft_release(fft);
  ufi_free(from);
  ufi_free(window);
  return good ? UF_OK : ufi_no_memory(ctx->error, (size_t)n * sizeof *from);
}

const ufi_op_def ufi_op_AUDIO_SPECTROGRAM = {
  .attrs_size = sizeof(spectrogram_attrs), .attrs_tf = spectrogram_attrs_tf, .infer = spectrogram_infer,
  .eval = spectrogram_eval,
};

/* ---- Mfcc ----------------------------------------------------------------------------------------- */

typedef struct mfcc_attrs {
  double upper, lower;
  int64_t channels, coefficients;
} mfcc_attrs;

static uf_status mfcc_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  mfcc_attrs *a = memory;
  a->upper = (double)(float)ufi_tf_float(from, "upper_frequency_limit");
  a->lower = (double)(float)ufi_tf_float(from, "lower_frequency_limit");
  a->channels = ufi_tf_int(from, "filterbank_channel_count");
  a->coefficients = ufi_tf_int(from, "dct_coefficient_count");
  const bool good = a->channels >= 1 && a->channels <= 1 << 13 && a->coefficients >= 1 && a->coefficients <= 1 << 13 &&
                    a->lower >= 0 && a->upper > a->lower && isfinite(a->upper);
  if (good) return UF_OK;
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected one channel and coefficient or more and a lower limit below the "
                  "upper, found %lld, %lld, %g and %g", (long long)a->channels, (long long)a->coefficients, a->lower,
                  a->upper);
}

static uf_status mfcc_infer(ufi_ctx *ctx) {
  const mfcc_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  UFI_TRY(ufi_want_rank(ctx, in, 3, 3));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 0, 0));
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
  if (bins < 2 || rate < 1 || a->upper / (0.5 * (double)rate / (double)(bins - 1)) >= (double)bins)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a sample rate above 0 and a spectrum that reaches %g Hz, "
                        "found a rate of %d and %lld bins", a->upper, (int)rate, (long long)bins);
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
    for (int64_t c = 0; c < a->channels; c++) m.energies[c] = log(fmax(m.energies[c], 1e-12));
    for (int64_t i = 0; i < a->coefficients; i++) {
      double sum = 0;
      for (int64_t j = 0; j < a->channels; j++) sum += cosines[i * a->channels + j] * m.energies[j];
      *to++ = (float)sum;
    }
  }
  return UF_OK;
}

const ufi_op_def ufi_op_MFCC = {
  .attrs_size = sizeof(mfcc_attrs), .attrs_tf = mfcc_attrs_tf, .infer = mfcc_infer, .prepare = mfcc_prepare,
  .eval = mfcc_eval,
};

/* ---- WAV --------------------------------------------------------------------------------------------- */

typedef struct wav_attrs {
  int64_t channels, samples;
} wav_attrs;

static uf_status wav_attrs_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  wav_attrs *a = memory;
  a->channels = ufi_tf_int(from, "desired_channels");
  a->samples = ufi_tf_int(from, "desired_samples");
  return UF_OK;
}

typedef struct wav {
  const uint8_t *data;
  int64_t channels, rate, samples;
} wav;

static uf_status bad_wav(ufi_ctx *ctx, const char *what) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a WAV file of 16-bit PCM, found %s", what);
}

static uf_status read_format(ufi_ctx *ctx, const uint8_t *p, size_t size, wav *w) {
  if (size != 16 && size != 18) return bad_wav(ctx, "a format of another size");
  if (ufi_load16(p) != 1) return bad_wav(ctx, "another encoding");
  w->channels = ufi_load16(p + 2);
  w->rate = ufi_load32(p + 4);
  if (ufi_load16(p + 14) != 16) return bad_wav(ctx, "another number of bits");
  if (w->channels < 1 || ufi_load16(p + 12) != 2 * w->channels || ufi_load32(p + 8) != w->rate * 2 * w->channels)
    return bad_wav(ctx, "sizes that contradict each other");
  return UF_OK;
}

static uf_status read_wav(ufi_ctx *ctx, const uf_string *file, wav *w) {
  const uint8_t *p = (const uint8_t *)file->data;
  if (file->size < 36 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVEfmt ", 8) != 0)
    return bad_wav(ctx, "another header");
  const size_t format = ufi_load32(p + 16);
  if (format > file->size - 20) return bad_wav(ctx, "its end");
  UFI_TRY(read_format(ctx, p + 20, format, w));
  for (size_t at = 20 + format; file->size - at >= 8;) {
    const size_t size = ufi_load32(p + at + 4), left = file->size - at - 8;
    if (size > left) return bad_wav(ctx, "a chunk that reaches over its end");
    if (memcmp(p + at, "data", 4) == 0) {
      w->data = p + at + 8;
      w->samples = (int64_t)size / (2 * w->channels);
      return UF_OK;
    }
    at += 8 + size;
  }
  return bad_wav(ctx, "no data chunk");
}

static uf_status decode_wav_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 0, 0));
  return ufi_out_shape(ctx, 1, 0, NULL);
}

static uf_status decode_wav_eval(ufi_ctx *ctx) {
  const wav_attrs *a = ctx->attrs;
  wav w = {0};
  UFI_TRY(read_wav(ctx, ctx->in[0]->data, &w));
  const int64_t channels = a->channels < 0 ? w.channels : a->channels;
  const int64_t samples = a->samples < 0 ? w.samples : a->samples, dims[2] = {samples, channels};
  UFI_TRY(ufi_out_shape(ctx, 0, 2, dims));
  float *to = ctx->out[0]->data;
  for (int64_t i = 0; i < samples; i++)
    for (int64_t c = 0; c < channels; c++) {
      const int64_t from = UFI_MIN(c, w.channels - 1); /* the last one again and again */
      *to++ = i < w.samples ? (float)(int16_t)ufi_load16(w.data + 2 * (i * w.channels + from)) / 32768.0f : 0.0f;
    }
  *(int32_t *)ctx->out[1]->data = (int32_t)w.rate;
  return UF_OK;
}

const ufi_op_def ufi_op_DECODE_WAV = {
  .attrs_size = sizeof(wav_attrs), .attrs_tf = wav_attrs_tf, .infer = decode_wav_infer, .eval = decode_wav_eval,
};

static uf_status encode_wav_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_rank(ctx, ctx->in[0], 2, 2));
  UFI_TRY(ufi_want_rank(ctx, ctx->in[1], 0, 0));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static void put32(uint8_t *to, uint64_t value) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static void wav_header(uint8_t *to, uint64_t bytes, uint64_t rate, uint64_t channels) {
  memcpy(to, "RIFF", 4);
  put32(to + 4, bytes + 36);
  memcpy(to + 8, "WAVEfmt ", 8);
  put32(to + 16, 16);
  put32(to + 20, 1 | channels << 16);
  put32(to + 24, rate);
  put32(to + 28, rate * 2 * channels);
  put32(to + 32, 2 * channels | (uint64_t)16 << 16);
  memcpy(to + 36, "data", 4);
  put32(to + 40, bytes);
}

static uf_status encode_wav_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  const int64_t rate = *(const int32_t *)ctx->in[1]->data, channels = in->dims[1];
  const size_t bytes = (size_t)in->count * 2;
  if (channels < 1 || channels > 65535 || rate < 1 || in->count == 0 || bytes > UINT32_MAX - 64)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 1 to 65535 channels, samples and a rate above 0, found %lld "
                        "channels of %lld samples at %lld", (long long)channels, (long long)in->dims[0],
                        (long long)rate);
  ufi_chars *file;
  uint8_t header[44];
  UFI_TRY(ufi_chars_begin(ctx, &file));
  wav_header(header, bytes, (uint64_t)rate, (uint64_t)channels);
  ufi_chars_add(file, header, sizeof header);
  for (int64_t i = 0; i < in->count; i++) {
    const float x = fminf(fmaxf(roundf(((const float *)in->data)[i] * 32768.0f), -32768.0f), 32767.0f);
    const int16_t sample = (int16_t)x;
    ufi_chars_add(file, &sample, 2);
  }
  return ufi_chars_take(ctx, file, ctx->out[0]->data);
}

const ufi_op_def ufi_op_ENCODE_WAV = {
  .infer = encode_wav_infer, .prepare = ufi_chars_prepare, .eval = encode_wav_eval, .release = ufi_chars_release,
};
