/* SPDX-License-Identifier: Apache-2.0
 *
 * filled.h: floats to compute with.
 */
#ifndef UFI_BENCH_FILLED_H
#define UFI_BENCH_FILLED_H

#include <stdlib.h>

#include "base/pages.h"

static inline float *filled(size_t floats) {
  enum { AHEAD = 2 * UFI_PAGES_AHEAD / sizeof(float) }; /* pages.h */
  float *data = ufi_malloc_aligned((floats + AHEAD) * sizeof *data);
  if (!data) exit(1);
  for (size_t i = 0; i < floats + AHEAD; i++) data[i] = (float)(i * 7 % 13) * 0.1f - 0.5f;
  return data;
}

#endif
