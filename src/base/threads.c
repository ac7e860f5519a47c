/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c: pools of threads, over pthreadpool.
 *
 * pthreadpool's workers spin for new work after each call unless told to yield.
 * We always tell them: a library inside somebody's program must not burn its
 * cores between runs, and a wake-up costs microseconds.
 */
#include <pthreadpool.h>
#include <unistd.h>

#include "base/threads.h"

struct ufi_pool {
  pthreadpool_t threads; /* NULL: everything on the caller's thread */
  int32_t n_threads;
};

enum { MAX_THREADS = 256, PROCESSORS_MAX = 16 };

ufi_pool *ufi_pool_create(int32_t n_threads) {
  ufi_pool *pool = ufi_calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->n_threads = UFI_MAX(1, UFI_MIN(n_threads, MAX_THREADS));
  if (pool->n_threads == 1) return pool;
  pool->threads = pthreadpool_create((size_t)pool->n_threads);
  if (!pool->threads) {
    ufi_free(pool);
    return NULL;
  }
  return pool;
}

void ufi_pool_destroy(ufi_pool *pool) {
  if (!pool) return;
  if (pool->threads) pthreadpool_destroy(pool->threads);
  ufi_free(pool);
}

int32_t ufi_processors(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return (int32_t)UFI_MAX(1, UFI_MIN(n, PROCESSORS_MAX));
}

int32_t ufi_pool_threads(const ufi_pool *pool) { return pool ? pool->n_threads : 1; }

void ufi_parallel(ufi_pool *pool, ufi_task_fn fn, void *context, size_t n) {
  if (!pool || !pool->threads || n <= 1) {
    for (size_t i = 0; i < n; i++) fn(context, i);
    return;
  }
  pthreadpool_parallelize_1d(pool->threads, fn, context, n, PTHREADPOOL_FLAG_YIELD_WORKERS);
}

typedef struct ranges {
  ufi_range_fn fn;
  void *context;
} ranges;

static void run_range(void *context, size_t begin, size_t size) {
  const ranges *r = context;
  r->fn(r->context, begin, begin + size);
}

void ufi_parallel_ranges(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n, size_t grain) {
  if (grain == 0) grain = 1;
  if (!pool || !pool->threads || n <= grain) {
    for (size_t i = 0; i < n; i += UFI_MIN(grain, n - i)) fn(context, i, i + UFI_MIN(grain, n - i));
    return;
  }
  ranges r = {fn, context};
  pthreadpool_parallelize_1d_tile_1d(pool->threads, run_range, &r, n, grain,
                                     PTHREADPOOL_FLAG_YIELD_WORKERS);
}
