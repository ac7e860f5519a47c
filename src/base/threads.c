/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c: the pool over pthreadpool.
 */
#include "base/threads.h"

#include <pthreadpool.h>

struct ufi_pool {
  pthreadpool_t threads; /* NULL: this thread only */
};

ufi_pool *ufi_pool_create(int32_t n_threads) {
  ufi_pool *pool = ufi_calloc(1, sizeof *pool);
  if (pool == NULL || n_threads <= 1) return pool;
  pool->threads = pthreadpool_create((size_t)n_threads);
  if (pool->threads) return pool;
  ufi_free(pool);
  return NULL;
}

void ufi_pool_destroy(ufi_pool *pool) {
  if (pool == NULL) return;
  if (pool->threads) pthreadpool_destroy(pool->threads);
  ufi_free(pool);
}

int32_t ufi_pool_threads(const ufi_pool *pool) {
  return pool && pool->threads ? (int32_t)pthreadpool_get_threads_count(pool->threads) : 1;
}

void ufi_parallel(ufi_pool *pool, ufi_task_fn fn, void *context, size_t n) {
  if (pool && pool->threads && n > 1) {
    pthreadpool_parallelize_1d(pool->threads, fn, context, n, PTHREADPOOL_FLAG_YIELD_WORKERS);
    return;
  }
  for (size_t i = 0; i < n; i++) fn(context, i);
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
  if (pool && pool->threads && n > grain) {
    ranges r = {fn, context};
    pthreadpool_parallelize_1d_tile_1d(pool->threads, run_range, &r, n, grain, PTHREADPOOL_FLAG_YIELD_WORKERS);
    return;
  }
  for (size_t begin = 0; begin < n; begin += grain) fn(context, begin, UFI_MIN(begin + grain, n));
}
