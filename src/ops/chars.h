/* SPDX-License-Identifier: Apache-2.0
 *
 * chars.h: characters that ops on strings make: memory in the op's state, which lives until the
 * next eval (the executor copies what outputs point to before that), strings built piece by piece,
 * UTF-8.
 *
 *   ufi_chars *c;
 *   UFI_TRY(ufi_chars_begin(ctx, &c));
 *   for each element: ufi_chars_add(c, ...); UFI_TRY(ufi_chars_take(ctx, c, &out[i]));
 */
#ifndef UFI_CHARS_H
#define UFI_CHARS_H

#include "ops/op.h"

typedef struct ufi_chars {
  ufi_arena *arena;      /* finished strings */
  char *data;            /* the one being built */
  size_t size, capacity;
  size_t total;          /* of finished ones */
  bool failed;           /* out of memory */
} ufi_chars;

/* prepare and release of an op whose state is, or begins with, a ufi_chars. */
uf_status ufi_chars_prepare(ufi_ctx *ctx);
void ufi_chars_release(void *state);
/* At the beginning of eval: frees what the last one made. */
uf_status ufi_chars_begin(ufi_ctx *ctx, ufi_chars **chars_out) UF_MUST_USE;

void ufi_chars_add(ufi_chars *chars, const void *bytes, size_t size);
static inline void ufi_chars_byte(ufi_chars *chars, char byte) {
  if (chars->size < chars->capacity) chars->data[chars->size++] = byte;
  else ufi_chars_add(chars, &byte, 1);
}
static inline void ufi_chars_string(ufi_chars *chars, uf_string s) { ufi_chars_add(chars, s.data, s.size); }
static inline void ufi_chars_text(ufi_chars *chars, const char *text) { ufi_chars_add(chars, text, strlen(text)); }
void ufi_chars_format(ufi_chars *chars, const char *format, ...) UF_PRINTF(2, 3);
void ufi_chars_utf8(ufi_chars *chars, uint32_t code);
/* A protobuf field: its key, then a varint, or a length and bytes. */
void ufi_chars_varint(ufi_chars *chars, uint64_t value);
void ufi_chars_field(ufi_chars *chars, uint32_t number, const void *bytes, size_t size);
/* The string that was built; the next one begins. RESOURCE_EXHAUSTED when all of them are more
 * than the session may have. */
uf_status ufi_chars_take(ufi_ctx *ctx, ufi_chars *chars, uf_string *string_out) UF_MUST_USE;

/* ---- UTF-8 ---- */

/* The code point at s[0..size), size > 0; its bytes go to *length_out. Damaged: UFI_NOT_UTF8, and as
 * many bytes as one replacement stands for (the longest part of a sequence that could go on, at
 * least 1; Unicode 3.9, best practice for U+FFFD). */
#define UFI_NOT_UTF8 0xFFFFFFFFu
uint32_t ufi_utf8_take(const char *s, size_t size, size_t *length_out);
/* Bytes written for a code point up to 0x10FFFF. */
size_t ufi_utf8_put(uint32_t code, char out[4]);
static inline bool ufi_utf8_trail(char byte) { return ((uint8_t)byte & 0xC0) == 0x80; }

/* ---- small things that ops on strings share ---- */

/* ASCII white space, as isspace in the C locale. */
static inline bool ufi_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline uf_string *ufi_strings(const ufi_tensor *t) { return t->data; }
static inline bool ufi_string_is(uf_string s, const char *text) {
  return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}
/* A text attribute with NULs in it. */
uf_string ufi_tf_bytes(const ufi_tf_attrs *attrs, const char *name);
/* infer: output 0 has the shape of input 0. */
uf_status ufi_like_input(ufi_ctx *ctx);
/* infer: nothing is known before eval. */
uf_status ufi_shape_later(ufi_ctx *ctx);
/* infer: output 0 is a scalar. */
uf_status ufi_scalar_out(ufi_ctx *ctx);
/* INVALID_ARGUMENT unless input i has one element (rank 0, or rank 1 when vector is true). */
uf_status ufi_want_one(ufi_ctx *ctx, int32_t i, const char *what, bool vector) UF_MUST_USE;

#endif
