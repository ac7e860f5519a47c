/* SPDX-License-Identifier: Apache-2.0
 *
 * near.c: the names that somebody who asked for one that is not there may have meant.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/base.h"

#define NEAR_NAMES 3      /* how many a message lists */
#define NEAR_LENGTH 96    /* characters of a name that are compared */
#define NEAR_VALUES 20000 /* names that are looked at */

/* Levenshtein distance of the two names without regard to case, over their
 * last NEAR_LENGTH characters (names of one model share their beginnings). */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size) {
  size_t row[NEAR_LENGTH + 1];
  for (size_t j = 0; j <= b_size; j++) row[j] = j;
  for (size_t i = 1; i <= a_size; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_size; j++) {
      bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      size_t change = diagonal + !same;
      diagonal = row[j];
      row[j] = UFI_MIN(change, UFI_MIN(row[j], row[j - 1]) + 1);
    }
  }
  return row[b_size];
}

/* How unlike two names are; above the length of `wanted`: too unlike to list.
 * A name that contains the wanted one, or the reverse, is near. */
static size_t unlikeness(const char *wanted, const char *name) {
  if (name[0] == 0) return SIZE_MAX;
  size_t a = strlen(wanted), b = strnlen(name, 4096);
  if (b < 4096 && (strstr(name, wanted) || strstr(wanted, name))) {
    return 1 + (a > b ? a - b : b - a) / 8;
  }
  size_t a_cut = UFI_MIN(a, (size_t)NEAR_LENGTH), b_cut = UFI_MIN(b, (size_t)NEAR_LENGTH);
  size_t gap = a_cut > b_cut ? a_cut - b_cut : b_cut - a_cut;
  if (gap > 2 + a_cut / 3) return SIZE_MAX;
  size_t found = distance(wanted + a - a_cut, a_cut, name + b - b_cut, b_cut);
  return found > 1 + a_cut / 3 ? SIZE_MAX : found;
}

void ufi_near_names(const char *wanted, ufi_name_fn name_of, const void *context, size_t n,
                    char text[UFI_NEAR_TEXT]) {
  size_t score[NEAR_NAMES], best[NEAR_NAMES], found = 0;
  for (size_t i = 0; i < UFI_MIN(n, (size_t)NEAR_VALUES); i++) {
    size_t s = unlikeness(wanted, name_of(context, i));
    if (s == SIZE_MAX || (found == NEAR_NAMES && s >= score[found - 1])) continue;
    size_t at = found < NEAR_NAMES ? found++ : NEAR_NAMES - 1;
    for (; at > 0 && score[at - 1] > s; at--) {
      score[at] = score[at - 1];
      best[at] = best[at - 1];
    }
    score[at] = s;
    best[at] = i;
  }
  size_t used = 0;
  text[0] = 0;
  for (size_t k = 0; k < found && used < UFI_NEAR_TEXT; k++) {
    int written = snprintf(text + used, UFI_NEAR_TEXT - used, "%s'%.256s'",
                           k == 0 ? "; near names are " : ", ", name_of(context, best[k]));
    used += written > 0 ? (size_t)written : 0;
  }
}
