/* SPDX-License-Identifier: Apache-2.0
 *
 * stopwatch.h: how benchmarks of kernels take times.
 */
#ifndef UFI_BENCH_STOPWATCH_H
#define UFI_BENCH_STOPWATCH_H

#include <time.h>

/* Seconds of a clock that only goes forward. */
static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The shortest time, in seconds, that work(context) takes: of five runs at least, then of as many as fit
 * into 0.05 seconds, 10000 at most. */
static inline double best_seconds(void (*work)(void *context), void *context) {
  double best = 1e9, spent = 0.0;
  for (int i = 0; i < 5 || (spent < 0.05 && i < 10000); i++) {
    const double start = now();
    work(context);
    const double took = now() - start;
    best = took < best ? took : best;
    spent += took;
  }
  return best;
}

#endif
