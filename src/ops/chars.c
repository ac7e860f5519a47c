/* SPDX-License-Identifier: Apache-2.0
 *
 * chars.c: strings that ops make, see chars.h.
 */
#include "ops/chars.h"

#include <stdio.h>

#include "ops/host.h"

uf_status ufi_chars_prepare(ufi_ctx *ctx) {
  return ufi_ctx_state(ctx, sizeof(ufi_chars)) ? UF_OK : ufi_no_memory(ctx->error, sizeof(ufi_chars));
}

void ufi_chars_release(void *state) {
  ufi_chars *c = state;
  if (c == NULL) return;
  ufi_arena_destroy(c->arena);
  ufi_free(c->data);
  *c = (ufi_chars){0};
}

uf_status ufi_chars_begin(ufi_ctx *ctx, ufi_chars **chars_out) {
  ufi_chars *c = ctx->state;
  ufi_arena_destroy(c->arena);
  c->arena = ufi_arena_create();
  c->size = c->total = 0;
  c->failed = false;
  *chars_out = c;
  return c->arena ? UF_OK : ufi_no_memory(ctx->error, 4096);
}

void ufi_chars_add(ufi_chars *c, const void *bytes, size_t size) {
  if (c->failed || size == 0) return;
  if (size > c->capacity - c->size) {
    size_t wanted;
    if (!ufi_add_size(c->size, size, &wanted)) wanted = SIZE_MAX / 2;
    size_t capacity = UFI_MAX(wanted, c->capacity + c->capacity / 2 + 64);
    char *grown = ufi_realloc(c->data, capacity);
    if (grown == NULL) {
      c->failed = true;
      return;
    }
    c->data = grown;
    c->capacity = capacity;
  }
  memcpy(c->data + c->size, bytes, size);
  c->size += size;
}

void ufi_chars_format(ufi_chars *c, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (size < 0) return;
  if ((size_t)size < sizeof text) {
    ufi_chars_add(c, text, (size_t)size);
    return;
  }
  char *large = ufi_malloc((size_t)size + 1);
  if (large == NULL) {
    c->failed = true;
    return;
  }
  va_start(args, format);
  vsnprintf(large, (size_t)size + 1, format, args);
  va_end(args);
  ufi_chars_add(c, large, (size_t)size);
  ufi_free(large);
}

void ufi_chars_utf8(ufi_chars *c, uint32_t code) {
  char bytes[4];
  ufi_chars_add(c, bytes, ufi_utf8_put(code, bytes));
}

void ufi_chars_varint(ufi_chars *c, uint64_t value) {
  for (; value >= 0x80; value >>= 7) ufi_chars_byte(c, (char)(value | 0x80));
  ufi_chars_byte(c, (char)value);
}

void ufi_chars_field(ufi_chars *c, uint32_t number, const void *bytes, size_t size) {
  ufi_chars_varint(c, (uint64_t)number << 3 | 2);
  ufi_chars_varint(c, size);
  ufi_chars_add(c, bytes, size);
}

uf_status ufi_chars_take(ufi_ctx *ctx, ufi_chars *c, uf_string *string_out) {
  size_t max = ufi_host_max_bytes(ctx);
  c->total += c->size;
  if (max && c->total > max)
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected strings of at most %zu bytes, found %zu", max, c->total);
  char *copy = c->failed ? NULL : ufi_arena_alloc(c->arena, UFI_MAX(c->size, (size_t)1));
  if (copy == NULL) return ufi_no_memory(ctx->error, c->size);
  if (c->size) memcpy(copy, c->data, c->size);
  *string_out = (uf_string){copy, c->size};
  c->size = 0;
  return UF_OK;
}

/* ---- UTF-8 --------------------------------------------------------------------------- */

uint32_t ufi_utf8_take(const char *s, size_t size, size_t *length_out) {
  const uint8_t *p = (const uint8_t *)s;
  uint32_t code = p[0];
  size_t trail = code < 0x80 ? 0 : code >= 0xC2 && code < 0xE0 ? 1 : (code & 0xF0) == 0xE0 ? 2 : code >= 0xF0 && code < 0xF5 ? 3 : 9;
  *length_out = 1;
  if (trail == 0) return code;
  if (trail > 3) return UFI_NOT_UTF8;
  /* what the second byte may be, so that no code is too long, a surrogate or too large */
  uint8_t low = code == 0xE0 ? 0xA0 : code == 0xF0 ? 0x90 : 0x80, high = code == 0xED ? 0x9F : code == 0xF4 ? 0x8F : 0xBF;
  code &= 0x3Fu >> trail;
  for (size_t i = 1; i <= trail; i++) {
    if (i >= size || p[i] < low || p[i] > high) return UFI_NOT_UTF8;
    code = code << 6 | (p[i] & 0x3F);
    *length_out = i + 1;
    low = 0x80;
    high = 0xBF;
  }
  return code;
}

size_t ufi_utf8_put(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)((0xF00u >> n & 0xF0) | code);
  return n;
}

/* ---- small things ------------------------------------------------------------------------ */

uf_string ufi_tf_bytes(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *a = ufi_tf_attr(attrs, name);
  if (a == NULL || a->kind != UF_ATTR_STRING || a->s == NULL) return (uf_string){"", 0};
  return (uf_string){a->s, a->s_size ? a->s_size : strlen(a->s)};
}

uf_status ufi_like_input(ufi_ctx *ctx) { return ufi_out_like(ctx, 0, ctx->in[0]); }
uf_status ufi_shape_later(ufi_ctx *ctx) { return UF_OK; }
uf_status ufi_scalar_out(ufi_ctx *ctx) { return ufi_out_shape(ctx, 0, 0, NULL); }

uf_status ufi_want_one(ufi_ctx *ctx, int32_t i, const char *what, bool vector) {
  const ufi_tensor *t = ctx->in[i];
  char text[UFI_SHAPE_TEXT];
  if (t->count == 1 && t->rank <= (vector ? 1 : 0)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a scalar %s, found shape %s", what,
                      ufi_shape_text(t->rank, t->dims, text));
}
