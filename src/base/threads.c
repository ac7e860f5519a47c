/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c: pools of threads, over pthreadpool.
 *
 * pthreadpool's workers spin for new work after each call unless told to yield.
 * We always tell them: a library inside somebody's program must not burn its
 * cores between runs, and a wake-up costs microseconds.
 */
#include <pthread.h>
#include <pthreadpool.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/threads.h"

struct ufi_pool {
  atomic_int refs;
  int32_t n_threads;
  pthread_mutex_t starting;
  _Atomic(pthreadpool_t) threads; /* NULL: not started yet, as nothing was split, or there are none to be had */
};

enum { MAX_THREADS = 256, PROCESSORS_MAX = 16 };

ufi_pool *ufi_pool_create(int32_t n_threads) {
  ufi_pool *pool = ufi_calloc(1, sizeof *pool);
  if (!pool) return NULL;
  atomic_init(&pool->refs, 1);
  pool->n_threads = UFI_MAX(1, UFI_MIN(n_threads, MAX_THREADS));
  if (pthread_mutex_init(&pool->starting, NULL) == 0) return pool;
  ufi_free(pool);
  return NULL;
}

ufi_pool *ufi_pool_retain(ufi_pool *pool) {
  if (pool) atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
  return pool;
}

void ufi_pool_release(ufi_pool *pool) {
  if (!pool || atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) != 1) return;
  pthreadpool_t threads = atomic_load(&pool->threads);
  if (threads) pthreadpool_destroy(threads);
  pthread_mutex_destroy(&pool->starting);
  ufi_free(pool);
}

/* NULL: everything on the caller's thread. */
static pthreadpool_t threads_of(ufi_pool *pool) {
  if (!pool || pool->n_threads == 1) return NULL;
  pthreadpool_t threads = atomic_load_explicit(&pool->threads, memory_order_acquire);
  if (threads) return threads;
  pthread_mutex_lock(&pool->starting);
  threads = atomic_load(&pool->threads);
  if (!threads) {
    threads = pthreadpool_create((size_t)pool->n_threads);
    atomic_store(&pool->threads, threads);
  }
  pthread_mutex_unlock(&pool->starting);
  return threads;
}

int32_t ufi_processors(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return (int32_t)UFI_MAX(1, UFI_MIN(n, PROCESSORS_MAX));
}

int32_t ufi_pool_threads(const ufi_pool *pool) { return pool ? pool->n_threads : 1; }

void ufi_parallel(ufi_pool *pool, ufi_task_fn fn, void *context, size_t n) {
  pthreadpool_t threads = n > 1 ? threads_of(pool) : NULL;
  if (!threads) {
    for (size_t i = 0; i < n; i++) fn(context, i);
    return;
  }
  pthreadpool_parallelize_1d(threads, fn, context, n, PTHREADPOOL_FLAG_YIELD_WORKERS);
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
  pthreadpool_t threads = n > grain ? threads_of(pool) : NULL;
  if (!threads) {
    for (size_t i = 0; i < n; i += UFI_MIN(grain, n - i)) fn(context, i, i + UFI_MIN(grain, n - i));
    return;
  }
  ranges r = {fn, context};
  pthreadpool_parallelize_1d_tile_1d(threads, run_range, &r, n, grain, PTHREADPOOL_FLAG_YIELD_WORKERS);
}
