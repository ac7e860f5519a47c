/* SPDX-License-Identifier: Apache-2.0
 *
 * base.h: front door of src/base/, what every other folder stands on:
 * errors, checked sizes, memory, arenas, names.
 *
 * Cross-file private names begin with ufi_; kernels with ufk_.
 */
#ifndef UFI_BASE_H
#define UFI_BASE_H

#include <stdarg.h>
#include <string.h>

#include "unflow.h"

#define UFI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UFI_MIN(a, b) ((a) < (b) ? (a) : (b))
#define UFI_MAX(a, b) ((a) > (b) ? (a) : (b))
/* Of a >= 0 and b > 0 whose sum is no more than INT64_MAX. */
static inline int64_t ufi_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
/* Where part i of n things begins, when parts are as even as can be; that of part `parts` is n. */
static inline int64_t ufi_part_first(int64_t n, int64_t parts, int64_t i) {
  return i * (n / parts) + UFI_MIN(i, n % parts);
}

/* ---- errors (status.c) -------------------------------------------------- */

/* Fills error (NULL is fine) and returns status. The first failure wins: a
 * caller that knows more puts words in front with ufi_error_prefix. */
uf_status ufi_fail(uf_error *error, uf_status status, const char *format, ...) UF_PRINTF(3, 4);
/* Puts "words: " before the message. */
void ufi_error_prefix(uf_error *error, const char *format, ...) UF_PRINTF(2, 3);
uf_status ufi_no_memory(uf_error *error, size_t bytes);

#define UFI_TRY(expression)                      \
  do {                                           \
    uf_status ufi_try_status_ = (expression);    \
    if (ufi_try_status_ != UF_OK) return ufi_try_status_; \
  } while (0)

/* "(1, 224, 224, 3)" into out, which is returned. -1 prints as ?. */
#define UFI_SHAPE_TEXT 192
const char *ufi_shape_text(int32_t rank, const int64_t *dims, char out[UFI_SHAPE_TEXT]);

/* ---- checked sizes ------------------------------------------------------ */

/* *out = a * b; false on overflow. */
static inline bool ufi_mul_size(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}
static inline bool ufi_add_size(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}
/* Elements of a shape; false when a dim is negative or the product overflows. */
bool ufi_shape_count(int32_t rank, const int64_t *dims, int64_t *count_out);
/* Bytes that count elements of dtype take (sub-byte types rounded up). */
bool ufi_dtype_bytes(uf_dtype dtype, int64_t count, size_t *bytes_out);

/* ---- memory (memory.c) -------------------------------------------------- */

/* All allocation of the library goes through these, so that tests can make the
 * Nth one fail: ufi_fail_allocation(n) makes the n-th from now return NULL
 * (once; 0: never). */
void *ufi_malloc(size_t size);
void *ufi_calloc(size_t count, size_t size);
void *ufi_realloc(void *old, size_t size);
void ufi_free(void *memory);
/* Makes an array of `size` bytes an element hold `need` elements, by doubling: *array and *capacity are
 * changed. false: out of memory, nothing changed. */
bool ufi_grow(void **array, int32_t *capacity, int32_t need, size_t size);
/* 64-byte aligned; freed with ufi_free_aligned. Large blocks are advised to be
 * huge pages and recycled, since first touch costs more than all else here. */
void *ufi_malloc_aligned(size_t size);
void ufi_free_aligned(void *memory);
void ufi_fail_allocation(int64_t n);
/* Has the pages made of memory that will all be written soon, many at a time, unless it is small or
 * enormous (fresh.c). */
void ufi_fresh_touch(void *memory, size_t size);

/* Many small things freed at once. Not thread-safe. */
typedef struct ufi_arena ufi_arena;
ufi_arena *ufi_arena_create(void);
void ufi_arena_destroy(ufi_arena *arena); /* NULL is fine */
/* Zeroed, 16-byte aligned; NULL when out of memory. */
void *ufi_arena_alloc(ufi_arena *arena, size_t size);
void *ufi_arena_array(ufi_arena *arena, size_t count, size_t size); /* checked product */
char *ufi_arena_string(ufi_arena *arena, const char *text, size_t size); /* adds the NUL */
size_t ufi_arena_used(const ufi_arena *arena);

/* ---- bufs (buf.c) ------------------------------------------------------- */

/* True when the caller holds the only reference, so that writing is safe. */
bool ufi_buf_is_unique(const uf_buf *buf);
/* A buf for a part of owner, which it retains. */
uf_buf *ufi_buf_slice(uf_buf *owner, void *data, size_t size);
/* The buf that a slice of a slice ... is of; buf itself when it is none. */
const uf_buf *ufi_buf_root(const uf_buf *buf);
/* True when free_fn is what frees buf's memory (for a slice, its owner's). */
bool ufi_buf_is_freed_by(const uf_buf *buf, uf_free_fn free_fn);

/* ---- tensors (tensor.c) ---------------------------------------------------- */

/* That a caller's tensor has a dtype, a shape and memory for it; its number of elements.
 * INVALID_ARGUMENT. */
uf_status ufi_tensor_check(const uf_tensor *tensor, int64_t *count_out, uf_error *error);
/* Gives a tensor writable memory of its own for its dtype and dims, uninitialised. On failure
 * buf and data are NULL. */
uf_status ufi_tensor_memory(uf_tensor *tensor, uf_error *error);

/* ---- file mapping (mapping.c) -------------------------------------------- */

/* The whole file, mapped read-only; the buf's release unmaps. Empty files give
 * a buf of size 0. */
uf_status ufi_map_file(const char *path, uf_buf **buf_out, uf_error *error);
/* Bytes of a mapped file that will be read right away: their pages come in together, which
 * takes a fraction of one by one. Does nothing for bytes of a buf that is no mapping. */
void ufi_map_expect(const uf_buf *buf, const void *data, size_t size);
/* Bytes of a mapped file that will not be needed soon: they no longer count as this
 * process's memory, and come again from the system's when read. Does nothing for bytes of a
 * buf that is no mapping. */
void ufi_map_forget(const uf_buf *buf, const void *data, size_t size);

/* ---- little-endian loads from unaligned file bytes ------------------------ */

static inline uint16_t ufi_load16(const void *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline uint32_t ufi_load32(const void *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint64_t ufi_load64(const void *p) { uint64_t v; memcpy(&v, p, 8); return v; }

/* ---- strings tensors (strings.c) ------------------------------------------ */

/* A buf with n uf_string elements whose characters lie behind them, copied
 * from elements that may point anywhere. */
uf_status ufi_strings_pack(const uf_string *elements, int64_t n, uf_buf **buf_out, uf_error *error);

/* ---- elements of 2 and 4 bits (packed.c) ---------------------------------- */

/* n elements of a sub-byte dtype, one a byte, to packed ones and back. In packed memory
 * the rest of the last byte is zero. */
void ufi_pack_bytes(uf_dtype dtype, const uint8_t *in, int64_t n, uint8_t *out);
void ufi_unpack_bytes(uf_dtype dtype, const uint8_t *in, int64_t n, uint8_t *out);

/* ---- hash map from name to index (names.c) -------------------------------- */

/* Names are borrowed. The first index of a name wins. */
typedef struct ufi_names ufi_names;
ufi_names *ufi_names_create(size_t expected);
void ufi_names_destroy(ufi_names *names);
bool ufi_names_add(ufi_names *names, const char *name, int32_t index); /* false: out of memory */
int32_t ufi_names_find(const ufi_names *names, const char *name); /* -1: none */

/* ---- near names (near.c) ----------------------------------------------------- */

/* Those of n names (name_of(context, i)) most like `wanted`, for a message: "; near names
 * are 'a', 'b'", or "" when none is near. */
typedef const char *(*ufi_name_fn)(const void *context, size_t i);
#define UFI_NEAR_TEXT 1024
void ufi_near_names(const char *wanted, ufi_name_fn name_of, const void *context, size_t n,
                    char text[UFI_NEAR_TEXT]);

/* ---- half precision (half.c) ------------------------------------------------ */

float ufi_half_to_float(uint16_t half);
uint16_t ufi_float_to_half(float value);      /* nearest even */
static inline float ufi_bfloat_to_float(uint16_t bits) {
  uint32_t u = (uint32_t)bits << 16; float f; memcpy(&f, &u, 4); return f;
}
uint16_t ufi_float_to_bfloat(float value);    /* nearest even */

/* ---- other floats and numbers (float8.c, status.c) --------------------------- */

/* The values of all codes of a float8 or float4 (whose codes are 0 to 15); false:
 * dtype is none. */
bool ufi_float8_table(uf_dtype dtype, float table[256]);
/* int8 for qint8 and so on; any other dtype is itself. */
uf_dtype ufi_dtype_unquantized(uf_dtype dtype);


#endif
