/* SPDX-License-Identifier: Apache-2.0
 *
 * audio.c: DecodeWav and EncodeWav: WAV files of 16-bit PCM. Spectrograms are in custom_audio.c.
 */
#include <math.h>

#include "ops/chars.h"
#include "ops/move.h"

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
