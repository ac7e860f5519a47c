/* SPDX-License-Identifier: Apache-2.0
 *
 * pages.h: memory for many things that are made once and freed together.
 */
#ifndef UFI_PAGES_H
#define UFI_PAGES_H

#include "base/base.h"

/* With AddressSanitizer no memory is put to other use behind its back. */
#if defined(__SANITIZE_ADDRESS__)
#define UFI_RECYCLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UFI_RECYCLE 0
#endif
#endif
#ifndef UFI_RECYCLE
#define UFI_RECYCLE 1
#endif

typedef struct ufi_pages ufi_pages;

/* Behind what is given out there are pages for so many bytes more, where there is room: kernels ask for what they read
 * next so far in advance (gemm_tmpl.h), and some processors take long to find that there is no page. */
enum { UFI_PAGES_AHEAD = 8 << 10 };

/* Asks for what will be read then, `bytes` of it, for the second cache: weights of large layers come from memory. */
static inline __attribute__((always_inline)) void ufi_prefetch_ahead(const void *p, size_t bytes) {
  _Pragma("GCC unroll 8") for (size_t j = 0; j < bytes; j += 64) {
    __builtin_prefetch((const char *)p + j + UFI_PAGES_AHEAD, 0, 2);
  }
}

/* expected: bytes that will be wanted in all, as far as is known. NULL: out of memory. */
ufi_pages *ufi_pages_create(size_t expected);
void ufi_pages_destroy(ufi_pages *pages); /* NULL is fine */
/* Zeroed, 64-byte aligned; NULL when out of memory. Not thread-safe. */
void *ufi_pages_alloc(ufi_pages *pages, size_t size);

/* Memory for one use after another, each of a size of its own: it grows and keeps its pages, not what is in them. Zero
 * it before the first use. */
typedef struct ufi_block {
  char *memory;
  size_t size, capacity;
} ufi_block;

/* 64-byte aligned, with pages up to UFI_PAGES_AHEAD behind; NULL: out of memory, and the block is as it was. What was
 * taken before is no more. */
void *ufi_block_take(ufi_block *block, size_t size);
void ufi_block_free(ufi_block *block);

/* fresh.c: has the pages of [ready, used) of fresh memory made; its `size` bytes begin on a
 * huge page and are advised to be such. Returns up to where there are pages now. *small:
 * whether the rest is of small ones. */
size_t ufi_fresh_ready(char *memory, size_t ready, size_t used, size_t size, bool *small);

#endif
