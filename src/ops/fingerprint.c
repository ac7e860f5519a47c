/* SPDX-License-Identifier: Apache-2.0
 *
 * fingerprint.c: hash functions, and the ops that give them: StringToHashBucket*, Fingerprint.
 *
 * Fingerprint64 is that of FarmHash (Geoff Pike, github.com/google/farmhash, which is farmhashna's
 * Hash64), Hash64 is MurmurHash64A (Austin Appleby), SipHash-2-4 follows the paper by Aumasson and
 * Bernstein (2012). All read little-endian words.
 */
#include "ops/fingerprint.h"

#include "ops/chars.h"
#include "ops/move.h"

/* ---- FarmHash --------------------------------------------------------------------- */

static const uint64_t K0 = 0xc3a5c85c97cb3127u, K1 = 0xb492b66fbe98f273u, K2 = 0x9ae16a3b2f90404fu;

static uint64_t rotate(uint64_t v, int by) { return v >> by | v << (64 - by); }
static uint64_t shift_mix(uint64_t v) { return v ^ v >> 47; }

static uint64_t mix2(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = shift_mix((u ^ v) * mul);
  return shift_mix((v ^ a) * mul) * mul;
}

static uint64_t farm_16(const uint8_t *s, size_t n) { /* n <= 16 */
  uint64_t mul = K2 + n * 2;
  if (n >= 8) {
    uint64_t a = ufi_load64(s) + K2, b = ufi_load64(s + n - 8);
    return mix2(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return mix2(n + ((uint64_t)ufi_load32(s) << 3), ufi_load32(s + n - 4), mul);
  if (n == 0) return K2;
  uint32_t y = s[0] + ((uint32_t)s[n >> 1] << 8), z = (uint32_t)n + ((uint32_t)s[n - 1] << 2);
  return shift_mix(y * K2 ^ z * K0) * K2;
}

static uint64_t farm_64(const uint8_t *s, size_t n) { /* 17 to 64 */
  bool small = n <= 32;
  uint64_t mul = K2 + n * 2, a = ufi_load64(s) * (small ? K1 : K2), b = ufi_load64(s + 8);
  uint64_t c = ufi_load64(s + n - 8) * mul, d = ufi_load64(s + n - 16) * K2;
  uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d, z = mix2(y, a + rotate(b + K2, 18) + c, mul);
  if (small) return z;
  uint64_t e = ufi_load64(s + 16) * mul, f = ufi_load64(s + 24);
  uint64_t g = (y + ufi_load64(s + n - 32)) * mul, h = (z + ufi_load64(s + n - 24)) * mul;
  return mix2(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, mul);
}

/* 32 bytes into a pair of words that starts as (a, b). */
static void farm_weak(const uint8_t *s, uint64_t a, uint64_t b, uint64_t out[2]) {
  uint64_t z = ufi_load64(s + 24), c;
  a += ufi_load64(s);
  b = rotate(b + a + z, 21);
  c = a;
  a += ufi_load64(s + 8) + ufi_load64(s + 16);
  out[0] = a + z;
  out[1] = b + rotate(a, 44) + c;
}

typedef struct farm_state {
  uint64_t x, y, z, v[2], w[2];
} farm_state;

static void farm_block(farm_state *f, const uint8_t *s, uint64_t mul, uint64_t times) {
  f->x = rotate(f->x + f->y + f->v[0] + ufi_load64(s + 8), 37) * mul;
  f->y = rotate(f->y + f->v[1] + ufi_load64(s + 48), 42) * mul;
  f->x ^= f->w[1] * times;
  f->y += f->v[0] * times + ufi_load64(s + 40);
  f->z = rotate(f->z + f->w[0], 33) * mul;
  farm_weak(s, f->v[1] * mul, f->x + f->w[0], f->v);
  farm_weak(s + 32, f->z + f->w[1], f->y + ufi_load64(s + 16), f->w);
  uint64_t z = f->z;
  f->z = f->x;
  f->x = z;
}

uint64_t ufi_fingerprint64(const void *data, size_t n) {
  const uint8_t *s = data;
  if (n <= 16) return farm_16(s, n);
  if (n <= 64) return farm_64(s, n);
  farm_state f = {.x = 81, .y = 81 * K1 + 113};
  f.z = shift_mix(f.y * K2 + 113) * K2;
  f.x = f.x * K2 + ufi_load64(s);
  size_t rest = (n - 1) & 63;
  for (const uint8_t *end = s + (n - 1 - rest); s != end; s += 64) farm_block(&f, s, K1, 1);
  uint64_t mul = K1 + ((f.z & 0xff) << 1);
  f.w[0] += rest;
  f.v[0] += f.w[0];
  f.w[0] += f.v[0];
  farm_block(&f, s + rest - 63, mul, 9);
  return mix2(mix2(f.v[0], f.w[0], mul) + shift_mix(f.y) * K0 + f.z, mix2(f.v[1], f.w[1], mul) + f.x, mul);
}

/* ---- MurmurHash64A, SipHash ------------------------------------------------------------- */

uint64_t ufi_hash64(const void *data, size_t n) {
  const uint64_t m = 0xc6a4a7935bd1e995u;
  const uint8_t *s = data;
  uint64_t h = 0xDECAFCAFFEu ^ n * m;
  for (; n >= 8; s += 8, n -= 8) {
    uint64_t k = shift_mix(ufi_load64(s) * m) * m;
    h = (h ^ k) * m;
  }
  uint64_t last = 0;
  for (size_t i = 0; i < n; i++) last |= (uint64_t)s[i] << 8 * i;
  if (n) h = (h ^ last) * m;
  return shift_mix(shift_mix(h) * m);
}

static void sip_rounds(uint64_t v[4], int n) {
  for (; n > 0; n--) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 51) ^ v[0];
    v[3] = rotate(v[3], 48) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotate(v[3], 43) ^ v[0];
    v[1] = rotate(v[1], 47) ^ v[2];
    v[2] = rotate(v[2], 32);
  }
}

uint64_t ufi_siphash(const uint64_t key[2], const void *data, size_t n) {
  const uint8_t *s = data;
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                   key[1] ^ 0x7465646279746573u};
  uint64_t last = (uint64_t)n << 56;
  for (; n >= 8; s += 8, n -= 8) {
    uint64_t m = ufi_load64(s);
    v[3] ^= m;
    sip_rounds(v, 2);
    v[0] ^= m;
  }
  for (size_t i = 0; i < n; i++) last |= (uint64_t)s[i] << 8 * i;
  v[3] ^= last;
  sip_rounds(v, 2);
  v[0] ^= last;
  v[2] ^= 0xff;
  sip_rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- StringToHashBucket, -Fast, -Strong ----------------------------------------------------- */

typedef struct bucket_attrs {
  int kind; /* 0: Hash64, 1: Fast, 2: Strong */
  int64_t buckets;
  uint64_t key[2];
} bucket_attrs;

static uf_status bucket_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  bucket_attrs *a = attrs;
  int64_t key[2] = {0};
  int32_t n = 0;
  a->kind = strcmp(from->op, "StringToHashBucketStrong") == 0 ? 2 : strcmp(from->op, "StringToHashBucketFast") == 0;
  a->buckets = ufi_tf_int(from, "num_buckets");
  if (a->buckets < 1)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected num_buckets of 1 or more, found %lld", (long long)a->buckets);
  if (a->kind != 2) return UF_OK;
  UFI_TRY(ufi_tf_copy_ints(from, "key", 2, key, &n, error));
  a->key[0] = (uint64_t)key[0];
  a->key[1] = (uint64_t)key[1];
  return n == 2 ? UF_OK : ufi_fail(error, UF_INVALID_ARGUMENT, "expected a key of two numbers, found %d", n);
}

static uf_status bucket_eval(ufi_ctx *ctx) {
  const bucket_attrs *a = ctx->attrs;
  int64_t *out = ctx->out[0]->data;
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i];
    uint64_t h = a->kind == 0 ? ufi_hash64(s.data, s.size) : a->kind == 1 ? ufi_fingerprint64(s.data, s.size)
                                                                          : ufi_siphash(a->key, s.data, s.size);
    out[i] = (int64_t)(h % (uint64_t)a->buckets);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_TO_HASH_BUCKET = {
  .attrs_size = sizeof(bucket_attrs), .attrs_tf = bucket_tf, .infer = ufi_like_input, .eval = bucket_eval,
};

/* ---- Fingerprint ---------------------------------------------------------------------------------- */

static uf_status fingerprint_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  int64_t dims[2] = {in->rank ? in->dims[0] : 0, 8};
  if (in->rank == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected data of rank 1 or more, found a scalar");
  UFI_TRY(ufi_want_one(ctx, 1, "method", false));
  if (in->dtype == UF_RESOURCE || in->dtype == UF_VARIANT || uf_dtype_bits(in->dtype) < 8)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected numbers or strings, found %s", uf_dtype_name(in->dtype));
  return ufi_out_shape(ctx, 0, 2, dims);
}

static uf_status fingerprint_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)ctx->in[0]->count * 8);
  return UF_OK;
}

static uf_status fingerprint_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0];
  uf_string method = ufi_strings(ctx->in[1])[0];
  if (!ufi_string_is(method, "farmhash64"))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected method farmhash64, found '%.*s'",
                        (int)UFI_MIN(method.size, (size_t)40), method.data);
  uint64_t *hashes = ctx->scratch, *out = ctx->out[0]->data;
  int64_t rows = in->dims[0], inner = rows ? in->count / rows : 0;
  const char *data = in->data;
  size_t row = (size_t)inner * (size_t)uf_dtype_bits(in->dtype) / 8;
  if (in->dtype == UF_STRING) { /* of rows of strings, the fingerprints of their fingerprints */
    for (int64_t i = 0; i < in->count; i++) hashes[i] = ufi_fingerprint64(ufi_strings(in)[i].data, ufi_strings(in)[i].size);
    data = (const char *)hashes;
    row = (size_t)inner * 8;
    if (inner == 1) {
      memcpy(out, hashes, (size_t)rows * 8);
      return UF_OK;
    }
  }
  for (int64_t i = 0; i < rows; i++) out[i] = ufi_fingerprint64(data + (size_t)i * row, row);
  return UF_OK;
}

const ufi_op_def ufi_op_FINGERPRINT = {
  .infer = fingerprint_infer, .prepare = fingerprint_prepare, .eval = fingerprint_eval,
};
