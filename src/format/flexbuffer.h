/* SPDX-License-Identifier: Apache-2.0
 *
 * flexbuffer.h: a bounded reader of FlexBuffers, the form in which TFLite keeps
 * the options of custom ops: mostly a map from names to numbers.
 *
 * A FlexBuffer is read from its end. The last byte is the root's width, the one
 * before it the root's type, and before these lies the root. Widths are 1, 2, 4
 * or 8 bytes. A type byte holds the kind in its upper 6 bits and, in the lower
 * 2, the logarithm of the width inside what it refers to. Numbers are stored
 * where they are used, in the width of what holds them; everything else there
 * is a distance back to where it begins. A map has its values in a row, a type
 * byte for each behind the row, and before it the length, and the distance to
 * and the width of a row of distances to the keys, which end in NUL. A vector is a map without
 * keys; one of a single kind has no type bytes either. A text or blob has its length before it.
 *
 * Nothing outside [data, data + size) is read; what is damaged reads as absent.
 */
#ifndef UFI_FLEXBUFFER_H
#define UFI_FLEXBUFFER_H

#include "base/base.h"

typedef struct ufi_flex {
  const uint8_t *data;
  size_t size;
  size_t at;        /* of the value or of its distance */
  uint8_t width;    /* bytes there */
  uint8_t type;     /* type byte; 0: null, which is also what is absent */
} ufi_flex;

ufi_flex ufi_flex_root(const void *data, size_t size);
/* The value of a key; null when map is none or does not have it. */
ufi_flex ufi_flex_get(const ufi_flex *map, const char *key);
/* Elements of a vector (of anything, of one kind, or a map's values); 0: it is none. */
size_t ufi_flex_count(const ufi_flex *vector);
/* Element i; null past the end. */
ufi_flex ufi_flex_at(const ufi_flex *vector, size_t i);
/* The key of a map's value i; NULL when map is none or damaged. Ends in NUL. */
const char *ufi_flex_key(const ufi_flex *map, size_t i);
/* The bytes of a text, key or blob; NULL: it is none. */
const uint8_t *ufi_flex_bytes(const ufi_flex *value, size_t *size_out);
static inline bool ufi_flex_is_null(const ufi_flex *value) { return value->type >> 2 == 0; }
/* Numbers and bools, converted; fallback for anything else. */
int64_t ufi_flex_int(const ufi_flex *value, int64_t fallback);
double ufi_flex_float(const ufi_flex *value, double fallback);

#endif
