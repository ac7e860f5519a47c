/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.h: pools of threads, and how many there may be.
 */
#ifndef UFI_THREADS_H
#define UFI_THREADS_H

#include <stdatomic.h>

#include "base/base.h"

typedef struct ufi_pool ufi_pool;

/* n_threads 0 or 1: a pool that runs everything on the caller's thread. Threads start when there
 * is work for them; until they have begun, which takes some milliseconds, that runs on the caller's thread.
 * Several may use a pool: they wait for each other. In a process forked off threads start anew. */
ufi_pool *ufi_pool_create(int32_t n_threads);
/* Returns when the threads have begun: for who has one large call only. NULL is fine. */
void ufi_pool_start(ufi_pool *pool);
/* Has them begin in the background, as the first call that is split would. NULL is fine. */
void ufi_pool_expect(ufi_pool *pool);
ufi_pool *ufi_pool_retain(ufi_pool *pool);
void ufi_pool_release(ufi_pool *pool); /* NULL is fine */
/* How many threads are worth while where nobody said: the processors, 16 at most. */
int32_t ufi_processors(void);
int32_t ufi_pool_threads(const ufi_pool *pool);

/* Between the two, calls come one soon after the other: threads that wait for work watch out for it,
 * if there are processors for all, instead of going to sleep each time, which takes longer than most
 * calls. After the last end they sleep. Pairs may overlap, of several threads too. */
void ufi_pool_begin(ufi_pool *pool); /* NULL is fine */
void ufi_pool_end(ufi_pool *pool);

/* The least work that is worth splitting: `woken`, or a quarter of it while workers watch out and need not be woken. */
int64_t ufi_split_least(const ufi_pool *pool, int64_t woken); /* NULL is fine */

/* Calls fn(context, i) for i in [0, n), on all threads of the pool; returns
 * when all are done. Results must not depend on who ran what. pool NULL: in
 * order on this thread. */
typedef void (*ufi_task_fn)(void *context, size_t i);
void ufi_parallel(ufi_pool *pool, ufi_task_fn fn, void *context, size_t n);

/* Calls fn(context, begin, end) over [0, n) in pieces of `grain` (the last may
 * be shorter). */
typedef void (*ufi_range_fn)(void *context, size_t begin, size_t end);
void ufi_parallel_ranges(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n, size_t grain);

/* The same for n elements that take as long as each other, and next to nothing: while workers watch out, a part of whole units
 * for each thread, the same one in each call, since what he made is in his cache, and to wait for him takes less than to fetch it
 * from there. Very many of them, or when workers have to be woken, go in pieces of `grain`, a multiple of unit. */
void ufi_parallel_even(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n, size_t unit, size_t grain);

/* In how many parts n things go to threads: of about `target`, at most `most` things, as many parts for each thread. */
int64_t ufi_parts(int64_t n, int64_t target, int64_t most, int64_t threads);

/* Items [0, n) that workers (tasks of ufi_parallel with memory of their own) take one by one. Each begins with a run of
 * neighbours, the same part of all as in other calls, so that what it made or read before is in its cache; who is done with
 * them takes from the others. */
enum { UFI_MAX_THREADS = 256 };
typedef struct ufi_shares {
  int64_t n, workers;
  struct {
    _Alignas(64) _Atomic int64_t taken; /* in a line of its own: who takes of his share waits for nobody */
  } of[UFI_MAX_THREADS];
} ufi_shares;
/* Before workers begin; 1 to UFI_MAX_THREADS of them. */
void ufi_shares_begin(ufi_shares *shares, int64_t n, int64_t workers);
/* The next item for this worker; -1: none is left. */
int64_t ufi_shares_take(ufi_shares *shares, size_t worker);

#endif
