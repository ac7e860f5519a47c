/* SPDX-License-Identifier: Apache-2.0
 *
 * string_codec.c: bytes in other forms: EncodeBase64, DecodeBase64 (RFC 4648, the alphabet for URLs),
 * DecodeRaw, DecodePaddedRaw, DecodeCompressed.
 */
#include <libdeflate.h>

#include "ops/chars.h"
#include "ops/host.h"
#include "ops/move.h"

/* ---- base64 ------------------------------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uf_status encode_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(bool *)attrs = ufi_tf_bool(from, "pad");
  return UF_OK;
}

static void encode(ufi_chars *c, uf_string s, bool pad) {
  const uint8_t *p = (const uint8_t *)s.data;
  for (size_t i = 0; i < s.size; i += 3) {
    size_t n = UFI_MIN(s.size - i, (size_t)3);
    uint32_t word = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
    for (size_t k = 0; k <= n; k++) ufi_chars_byte(c, alphabet[word >> (18 - 6 * k) & 63]);
    for (size_t k = n; pad && k < 3; k++) ufi_chars_byte(c, '=');
  }
}

static uf_status encode_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    encode(c, ufi_strings(ctx->in[0])[i], *(const bool *)ctx->attrs);
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_ENCODE_BASE64 = {
  .attrs_size = sizeof(bool), .attrs_tf = encode_tf, .infer = ufi_like_input, .prepare = ufi_chars_prepare,
  .eval = encode_eval, .release = ufi_chars_release,
};

static int digit64(char c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* What is wrong, NULL: nothing. */
static const char *decode(ufi_chars *c, uf_string s) {
  if (s.size % 4 == 0 && s.size && s.data[s.size - 1] == '=') s.size -= s.data[s.size - 2] == '=' ? 2 : 1;
  if (s.size % 4 == 1) return "a length that leaves one character over";
  uint32_t word = 0;
  for (size_t i = 0; i < s.size; i++) {
    int digit = digit64(s.data[i]);
    if (digit < 0) return "a character that is not of it";
    word = word << 6 | (uint32_t)digit;
    if (i % 4 == 3)
      for (int k = 16; k >= 0; k -= 8) ufi_chars_byte(c, (char)(word >> k));
  }
  if (s.size % 4 == 2) ufi_chars_byte(c, (char)(word >> 4));
  if (s.size % 4 == 3) {
    ufi_chars_byte(c, (char)(word >> 10));
    ufi_chars_byte(c, (char)(word >> 2));
  }
  return NULL;
}

static uf_status decode_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    const char *wrong = decode(c, ufi_strings(ctx->in[0])[i]);
    if (wrong)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected web-safe base64, found %s in element %lld", wrong, (long long)i);
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(ctx->out[0])[i]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_DECODE_BASE64 = {
  .infer = ufi_like_input, .prepare = ufi_chars_prepare, .eval = decode_eval, .release = ufi_chars_release,
};

/* ---- DecodeRaw, DecodePaddedRaw ----------------------------------------------------------- */

static uf_status raw_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(bool *)attrs = !ufi_tf_bool(from, "little_endian");
  return UF_OK;
}

static uf_status raw_shape(ufi_ctx *ctx, int64_t last) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[UF_MAX_RANK + 1];
  if (in->rank >= UF_MAX_RANK)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected strings of rank below %d, found %d", UF_MAX_RANK, in->rank);
  for (int32_t d = 0; d < in->rank; d++) dims[d] = in->dims[d];
  dims[in->rank] = last;
  return ufi_out_shape(ctx, 0, in->rank + 1, dims);
}

/* Bytes of an element, and of what changes places when the order of bytes does. */
static size_t raw_size(const ufi_tensor *out, size_t *part_out) {
  size_t size = (size_t)uf_dtype_bits(out->dtype) / 8;
  *part_out = out->dtype == UF_COMPLEX64 || out->dtype == UF_COMPLEX128 ? size / 2 : size;
  return size;
}

static void swap_bytes(uint8_t *data, size_t bytes, size_t part) {
  for (uint8_t *p = data; p < data + bytes; p += part)
    for (size_t k = 0; k < part / 2; k++) {
      uint8_t x = p[k];
      p[k] = p[part - 1 - k];
      p[part - 1 - k] = x;
    }
}

static uf_status raw_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  size_t part, size = raw_size(ctx->out[0], &part), length = in->count ? ufi_strings(in)[0].size : 0;
  if (size == 0 || ctx->out[0]->dtype == UF_STRING)
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected an out_type of whole bytes, found %s", uf_dtype_name(ctx->out[0]->dtype));
  for (int64_t i = 0; i < in->count; i++)
    if (ufi_strings(in)[i].size != length)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected strings of one size, found %zu and (element %lld) %zu", length,
                          (long long)i, ufi_strings(in)[i].size);
  if (length % size)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a size that is a multiple of %zu, found %zu", size, length);
  UFI_TRY(raw_shape(ctx, (int64_t)(length / size)));
  uint8_t *to = ctx->out[0]->data;
  for (int64_t i = 0; i < in->count && length; i++, to += length) memcpy(to, ufi_strings(in)[i].data, length);
  if (*(const bool *)ctx->attrs) swap_bytes(ctx->out[0]->data, ctx->out[0]->size, part);
  return UF_OK;
}

const ufi_op_def ufi_op_DECODE_RAW = {
  .attrs_size = sizeof(bool), .attrs_tf = raw_tf, .infer = ufi_shape_later, .eval = raw_eval,
};

static uf_status padded_infer(ufi_ctx *ctx) {
  size_t part, size = raw_size(ctx->out[0], &part);
  UFI_TRY(ufi_want_one(ctx, 1, "fixed_length", false));
  if (!ufi_known(ctx, 1)) return UF_OK;
  int32_t length = *(const int32_t *)ctx->in[1]->data;
  if (size == 0 || length <= 0 || (size_t)length % size)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a positive fixed_length that is a multiple of %zu, found %d",
                        size, length);
  return raw_shape(ctx, length / (int64_t)size);
}

static uf_status padded_eval(ufi_ctx *ctx) {
  size_t part, length = (size_t)*(const int32_t *)ctx->in[1]->data;
  raw_size(ctx->out[0], &part);
  char *to = ctx->out[0]->data;
  if (ctx->out[0]->size) memset(to, 0, ctx->out[0]->size);
  for (int64_t i = 0; i < ctx->in[0]->count; i++, to += length) {
    uf_string s = ufi_strings(ctx->in[0])[i];
    if (s.size) memcpy(to, s.data, UFI_MIN(s.size, length));
  }
  if (*(const bool *)ctx->attrs) swap_bytes(ctx->out[0]->data, ctx->out[0]->size, part);
  return UF_OK;
}

const ufi_op_def ufi_op_DECODE_PADDED_RAW = {
  .attrs_size = sizeof(bool), .attrs_tf = raw_tf, .infer = padded_infer, .eval = padded_eval,
};

/* ---- DecodeCompressed ---------------------------------------------------------------------------- */

static uf_status compressed_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const kinds[] = {"", "ZLIB", "GZIP", NULL};
  return ufi_tf_choice(from, "compression_type", kinds, attrs, error);
}

/* The size is not known beforehand: tried with twice the room until it fits. */
static uf_status inflate(ufi_ctx *ctx, struct libdeflate_decompressor *d, bool gzip, ufi_chars *c, uf_string s,
                         uf_string *out) {
  size_t max = ufi_host_max_bytes(ctx), room = UFI_MAX(s.size * 4, (size_t)1024), size = 0;
  for (;; room *= 2) {
    if (room > SIZE_MAX / 4 || (max && room / 2 > max)) return ufi_no_memory(ctx->error, room);
    char *memory = ufi_arena_alloc(c->arena, room);
    if (memory == NULL) return ufi_no_memory(ctx->error, room);
    enum libdeflate_result result = gzip ? libdeflate_gzip_decompress(d, s.data, s.size, memory, room, &size)
                                         : libdeflate_zlib_decompress(d, s.data, s.size, memory, room, &size);
    *out = (uf_string){memory, size};
    if (result == LIBDEFLATE_SUCCESS) return UF_OK;
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
      return ufi_ctx_fail(ctx, UF_DATA_LOSS, "expected compressed data, found %zu bytes that are damaged", s.size);
  }
}

static uf_status compressed_eval(ufi_ctx *ctx) {
  int32_t kind = *(const int32_t *)ctx->attrs;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
  if (d == NULL) return ufi_no_memory(ctx->error, 32 << 10);
  uf_status status = UF_OK;
  for (int64_t i = 0; i < ctx->in[0]->count && status == UF_OK; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i], *out = &ufi_strings(ctx->out[0])[i];
    if (kind == 0 || s.size == 0) *out = s;
    else status = inflate(ctx, d, kind == 2, c, s, out);
  }
  libdeflate_free_decompressor(d);
  return status;
}

const ufi_op_def ufi_op_DECODE_COMPRESSED = {
  .attrs_size = sizeof(int32_t), .attrs_tf = compressed_tf, .infer = ufi_like_input, .prepare = ufi_chars_prepare,
  .eval = compressed_eval, .release = ufi_chars_release,
};
