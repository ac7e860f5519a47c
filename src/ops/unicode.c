/* SPDX-License-Identifier: Apache-2.0
 *
 * unicode.c: properties of characters, see unicode.h. The tables are made by
 * tools/unicode_tables.py: case mappings as runs that move by the same distance, categories and
 * scripts as lengths of runs in varints, 15 KB in all.
 */
#include "ops/unicode.h"

#include "ops/unicode_tables.h"

static uint32_t map_case(const case_run *runs, size_t n, uint32_t code) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (runs[middle].last < code) low = middle + 1;
    else high = middle;
  }
  if (low == n || code < runs[low].first || (code - runs[low].first) % (uint32_t)runs[low].step) return code;
  return code + (uint32_t)runs[low].delta;
}

uint32_t ufi_unicode_lower(uint32_t code) { return map_case(lower_runs, UFI_COUNT(lower_runs), code); }
uint32_t ufi_unicode_upper(uint32_t code) { return map_case(upper_runs, UFI_COUNT(upper_runs), code); }

int ufi_unicode_upper_special(uint32_t code, uint32_t out[3]) {
  if (code < upper_special[0][0]) return 0;
  for (size_t i = 0; i < UFI_COUNT(upper_special); i++) {
    if (upper_special[i][0] != code) continue;
    int n = 0;
    for (; n < 3 && upper_special[i][n + 1]; n++) out[n] = upper_special[i][n + 1];
    return n;
  }
  return 0;
}

bool ufi_unicode_next(ufi_unicode_runs *r) {
  const uint8_t *table = r->scripts ? script_runs : category_runs;
  size_t size = r->scripts ? sizeof script_runs : sizeof category_runs;
  if (r->at >= size) return false;
  uint32_t word = 0;
  int shift = 0, bits = r->scripts ? 8 : 5;
  do word |= (uint32_t)(table[r->at] & 0x7F) << shift, shift += 7;
  while (table[r->at++] & 0x80);
  r->value = (int)(word & ((1u << bits) - 1));
  r->first = r->end;
  r->end += word >> bits;
  r->last = r->end - 1;
  return true;
}

const char *ufi_unicode_category_name(int value) { return category_names[value]; }

int ufi_unicode_value(ufi_unicode_runs *r, uint32_t code) {
  if (code > 0x10FFFF) return -1;
  if (code < r->first || r->end == 0) *r = (ufi_unicode_runs){.scripts = r->scripts};
  while (code >= r->end)
    if (!ufi_unicode_next(r)) return -1;
  return r->value;
}
