/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.h: names that nothing else has, for formats whose files may repeat one.
 */
#ifndef UFI_UNIQUE_H
#define UFI_UNIQUE_H

#include "base/base.h"

typedef struct ufi_unique ufi_unique;
ufi_unique *ufi_unique_create(void);
void ufi_unique_destroy(ufi_unique *unique); /* NULL is fine */
/* name[0 .. size) up to its first NUL, in the arena; NAME~2, NAME~3 ... when it was given out
 * before. NULL: out of memory. */
const char *ufi_unique_name(ufi_unique *unique, ufi_arena *arena, const char *name, size_t size);

#endif
