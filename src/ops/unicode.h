/* SPDX-License-Identifier: Apache-2.0
 *
 * unicode.h: properties of characters (Unicode 13 to 14): case, general category, script.
 */
#ifndef UFI_UNICODE_H
#define UFI_UNICODE_H

#include "base/base.h"

/* One character for one; code itself where there is none. */
uint32_t ufi_unicode_lower(uint32_t code);
uint32_t ufi_unicode_upper(uint32_t code);
/* Upper case that is several characters: how many (up to 3), 0: none. */
int ufi_unicode_upper_special(uint32_t code, uint32_t out[3]);

/* All characters in runs of one category or script, in order:
 *   ufi_unicode_runs r = {.scripts = true};
 *   while (ufi_unicode_next(&r)) ... r.first, r.last, r.value */
typedef struct ufi_unicode_runs {
  bool scripts;            /* else categories */
  size_t at;
  uint32_t first, last, end;
  int value;
} ufi_unicode_runs;
bool ufi_unicode_next(ufi_unicode_runs *runs);
/* "Lu", "Nd" ... of a run's value. */
const char *ufi_unicode_category_name(int value);
/* The value of the run that code is in; *runs is where the last search ended, and zeroed at first. -1
 * for what is no code point. */
int ufi_unicode_value(ufi_unicode_runs *runs, uint32_t code);

#endif
