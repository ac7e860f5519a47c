/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c: pools of threads, over pthreadpool.
 *
 * pthreadpool's workers watch for new work (some 10 ms) after each call unless told to yield,
 * which is: to sleep in the kernel. A library inside somebody's program must not burn its
 * processors between runs; but within a run, which is a hundred calls with next to nothing between
 * them, going to sleep and being woken takes longer than the shorter calls. So workers watch only
 * between begin and end of a run, and the end sends them to sleep with an empty call.
 *
 * They never watch when that would keep somebody from working: only while all threads of all
 * pools that are in a run together are no more than the processors that this process may use, and
 * this process's threads did not lately have their processors taken away again and again, which says that others want
 * them. (One that watched then would have used up its time when work comes, and the rest wait for it.)
 *
 * pthreadpool_create returns when all workers have begun, and watches for that. A worker that the system
 * placed on the caller's processor then waits for some milliseconds, longer than many a model takes for
 * everything. So it is called on a thread of its own, the starter, which stays away from the caller's processor;
 * meanwhile calls run on the caller's thread. Of two processors, that leaves one for the starter and the worker he waits for:
 * the caller lets him wait on his own, for as long as that takes. The workers stay away from there for a while longer: a
 * process that began just now often has threads of other libraries that watch for work and keep the other processors from
 * looking idle (those of NumPy's OpenBLAS do for up to 100 ms), so that the system wakes a worker beside the caller, who
 * watches for its end in vain until its time is up. Where all other processors are taken so, threads begin later.
 */
#include <fcntl.h>
#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/threads.h"

struct ufi_pool {
  atomic_int refs;
  int32_t n_threads;
  atomic_int process;             /* whose threads these are: forks before it */
  atomic_bool is_starting;        /* or has started: somebody has split something */
  atomic_bool has_started;
  pthread_t starter;              /* if has_starter */
  bool has_starter;
  int caller;                     /* the processor of whoever has the starter start them, or -1 */
  _Atomic int64_t placed_until;   /* milliseconds: workers stay away from there; 0: they do not */
  cpu_set_t allowed, elsewhere;   /* where they may be then, and before */
  int threads_expected;           /* of the process, once the workers are made */
  atomic_bool is_placed;          /* the starter may begin */
  atomic_int starter_id;          /* the system's, once he has; 0: nobody may help him */
  _Atomic int64_t asked, looked;  /* milliseconds: when threads were first wanted, and last looked whether there is room */
  _Atomic(pthreadpool_t) threads; /* NULL: not started yet, or there are none to be had */
  atomic_int runs;                /* in progress */
  atomic_bool watching;           /* the last call left the workers watching */
};

static atomic_int running_threads; /* of all pools that are in a run */

enum { PROCESSORS_MAX = 16, PLACED_MS = 50, CROWDED_MS = 40, WINDOW_MS = 8, MANY = 2 };

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- forks ----------------------------------------------------------------------- */

/* A child has none of its parent's threads: pools start new ones in it. */
static atomic_int forks; /* how many lie between this process and the one that made the first pool */

static void count_fork(void) {
  atomic_fetch_add(&forks, 1);
  atomic_store(&running_threads, 0);
}

static void watch_forks(void) { (void)pthread_atfork(NULL, NULL, count_fork); }

/* Forgets threads that stayed in the parent. */
static void take_over(ufi_pool *pool) {
  enum { BUSY = -1 };
  const int now = atomic_load_explicit(&forks, memory_order_relaxed);
  int of = atomic_load_explicit(&pool->process, memory_order_acquire);
  while (of != now) {
    if (of == BUSY || !atomic_compare_exchange_weak(&pool->process, &of, BUSY)) {
      of = atomic_load_explicit(&pool->process, memory_order_acquire);
      continue;
    }
    atomic_store(&pool->threads, NULL);
    pool->has_starter = false;
    atomic_store(&pool->is_placed, false);
    atomic_store(&pool->starter_id, 0);
    atomic_store(&pool->asked, 0);
    atomic_store(&pool->has_started, false);
    atomic_store(&pool->watching, false);
    atomic_store(&pool->placed_until, 0);
    atomic_store(&pool->is_starting, false);
    atomic_store_explicit(&pool->process, now, memory_order_release);
    of = now;
  }
}

/* ---- processors ------------------------------------------------------------------ */

/* That this process may use. */
static int usable_processors(void) {
  static atomic_int known;
  int n = atomic_load_explicit(&known, memory_order_relaxed);
  if (n) return n;
  cpu_set_t set;
  n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  atomic_store_explicit(&known, n, memory_order_relaxed);
  return n;
}

/* Threads of the machine that run or want to, besides `ours`: the fourth word of /proc/loadavg is how many do, of how many
 * there are (man 5 proc). -1: not known, or about other processors than this process may use. */
static int count_others(int ours) {
  char text[64];
  int running = 0;
  const int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  text[UFI_MAX(size, 0)] = '\0';
  if (sscanf(text, "%*s %*s %*s %d", &running) != 1 || usable_processors() < sysconf(_SC_NPROCESSORS_ONLN)) return -1;
  return UFI_MAX(running - ours, 0);
}

/* ---- pools ----------------------------------------------------------------------- */

ufi_pool *ufi_pool_create(int32_t n_threads) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, watch_forks);
  ufi_pool *pool = ufi_calloc(1, sizeof *pool);
  if (!pool) return NULL;
  atomic_init(&pool->refs, 1);
  atomic_init(&pool->process, atomic_load(&forks));
  pool->caller = -1;
  pool->n_threads = UFI_MAX(1, UFI_MIN(n_threads, UFI_MAX_THREADS));
  return pool;
}

ufi_pool *ufi_pool_retain(ufi_pool *pool) {
  if (pool) atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
  return pool;
}

void ufi_pool_release(ufi_pool *pool) {
  if (!pool || atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) != 1) return;
  take_over(pool);
  if (pool->has_starter) pthread_join(pool->starter, NULL);
  pthreadpool_t threads = atomic_load(&pool->threads);
  if (threads) pthreadpool_destroy(threads);
  ufi_free(pool);
}

static void nothing(void *context, size_t i) {}

/* Sends workers to sleep that watch for work. */
static void put_to_sleep(ufi_pool *pool, pthreadpool_t threads) {
  if (!atomic_exchange(&pool->watching, false) || !threads) return;
  pthreadpool_parallelize_1d(threads, nothing, NULL, (size_t)pool->n_threads, PTHREADPOOL_FLAG_YIELD_WORKERS);
}

/* Workers inherit where this thread may run, and begin by watching for work, which in a run they may. */
static void *start(void *arg) {
  ufi_pool *pool = arg;
  while (!atomic_load(&pool->is_placed)) sched_yield();
  const bool placed = pool->caller >= 0;
  if (placed) atomic_store(&pool->starter_id, (int)syscall(SYS_gettid));
  pthreadpool_t threads = pthreadpool_create((size_t)pool->n_threads);
  atomic_store_explicit(&pool->placed_until, placed ? now_ms() + PLACED_MS : 0, memory_order_relaxed);
  atomic_store_explicit(&pool->threads, threads, memory_order_release);
  atomic_store(&pool->watching, threads != NULL);
  if (atomic_load(&pool->runs) == 0) put_to_sleep(pool, threads);
  atomic_store(&pool->starter_id, 0);
  atomic_store_explicit(&pool->has_started, true, memory_order_release);
  return NULL;
}

typedef struct roaming {
  pthread_barrier_t all_here; /* gives each thread one item */
  const ufi_pool *pool;
} roaming;

static void roam(void *context, size_t i) {
  roaming *r = context;
  pthread_barrier_wait(&r->all_here);
  if (i > 0) sched_setaffinity(0, sizeof r->pool->allowed, &r->pool->allowed);
}

/* Lets workers run anywhere when they have stayed away from the caller's processor for long enough. */
static void let_roam(ufi_pool *pool) {
  pthreadpool_t threads = atomic_load_explicit(&pool->threads, memory_order_acquire);
  const int64_t until = threads ? atomic_load_explicit(&pool->placed_until, memory_order_relaxed) : 0;
  if (until == 0 || now_ms() < until || atomic_exchange(&pool->placed_until, 0) == 0) return;
  roaming r = {.pool = pool};
  if (pthread_barrier_init(&r.all_here, NULL, (unsigned)pool->n_threads) != 0) return;
  pthreadpool_parallelize_1d(threads, roam, &r, (size_t)pool->n_threads, PTHREADPOOL_FLAG_YIELD_WORKERS);
  pthread_barrier_destroy(&r.all_here);
}

/* Sets where workers may be: anywhere, and anywhere but here. */
static void find_places(ufi_pool *pool) {
  pool->caller = sched_getcpu();
  if (pool->caller < 0) return;
  if (sched_getaffinity(0, sizeof pool->allowed, &pool->allowed) == 0) {
    pool->elsewhere = pool->allowed;
    CPU_CLR(pool->caller, &pool->elsewhere);
    if (CPU_COUNT(&pool->elsewhere) > 0) return;
  }
  pool->caller = -1;
}

/* Of this process. 0: not known. */
static int count_threads(void) {
  struct stat folder;
  return stat("/proc/self/task", &folder) == 0 ? (int)folder.st_nlink - 2 : 0;
}

/* Its stack stays until the pool is released. */
static void create_starter(ufi_pool *pool) {
  enum { STACK_BYTES = 256 << 10 };
  pthread_attr_t attr;
  find_places(pool);
  pool->threads_expected = count_threads() + pool->n_threads;
  if (pthread_attr_init(&attr) == 0) {
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES); /* refused: the usual one */
    pool->has_starter = pthread_create(&pool->starter, &attr, start, pool) == 0;
    pthread_attr_destroy(&attr);
  }
  if (!pool->has_starter) {
    atomic_store(&pool->has_started, true); /* without threads */
    return;
  }
  const bool away = pool->caller >= 0 && pthread_setaffinity_np(pool->starter, sizeof pool->elsewhere, &pool->elsewhere) == 0;
  if (!away) pool->caller = -1;
  atomic_store(&pool->is_placed, true);
}

/* With two processors the starter, who watches for the worker's begin, and the worker are on the same one. Once the worker is
 * made, the starter may do that in this thread's place. */
static void help_starter(ufi_pool *pool) {
  enum { PATIENCE_US = 300, STEP_US = 20 };
  cpu_set_t here;
  if (atomic_load(&pool->starter_id) == 0 || count_threads() < pool->threads_expected) return;
  const int id = atomic_exchange(&pool->starter_id, 0);
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  if (id == 0 || sched_setaffinity(id, sizeof here, &here) != 0) return;
  for (int us = 0; us < PATIENCE_US && !atomic_load(&pool->has_started); us += STEP_US) usleep(STEP_US);
  if (!atomic_load(&pool->has_started)) (void)sched_setaffinity(id, sizeof pool->elsewhere, &pool->elsewhere); /* he may be gone */
}

/* Whether there is a processor for at least one worker, who else would be in the caller's way from the start; or for long
 * enough there was none. */
static bool is_time(ufi_pool *pool) {
  enum { PATIENCE_MS = 100 };
  const int64_t now = now_ms();
  int64_t none = 0;
  (void)atomic_compare_exchange_strong(&pool->asked, &none, now);
  if (atomic_exchange_explicit(&pool->looked, now, memory_order_relaxed) == now) return false;
  return count_others(1) < usable_processors() - 1 || now - atomic_load(&pool->asked) >= PATIENCE_MS;
}

/* NULL: everything on the caller's thread. */
static pthreadpool_t threads_of(ufi_pool *pool) {
  if (!pool || pool->n_threads == 1) return NULL;
  take_over(pool);
  pthreadpool_t threads = atomic_load_explicit(&pool->threads, memory_order_acquire);
  if (threads || atomic_load_explicit(&pool->has_started, memory_order_relaxed)) return threads;
  if (atomic_load_explicit(&pool->is_starting, memory_order_relaxed)) {
    help_starter(pool);
    return atomic_load_explicit(&pool->threads, memory_order_acquire);
  }
  if (is_time(pool) && !atomic_exchange(&pool->is_starting, true)) create_starter(pool);
  return NULL;
}

void ufi_pool_start(ufi_pool *pool) {
  enum { WAIT_US = 100 };
  if (!pool || pool->n_threads == 1) return;
  take_over(pool);
  if (!atomic_exchange(&pool->is_starting, true)) create_starter(pool);
  while (!atomic_load_explicit(&pool->has_started, memory_order_acquire)) usleep(WAIT_US);
}

void ufi_pool_expect(ufi_pool *pool) { (void)threads_of(pool); }

int32_t ufi_processors(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return (int32_t)UFI_MAX(1, UFI_MIN(n, PROCESSORS_MAX));
}

int32_t ufi_pool_threads(const ufi_pool *pool) { return pool ? pool->n_threads : 1; }

/* ---- runs ------------------------------------------------------------------------ */

void ufi_pool_begin(ufi_pool *pool) {
  if (!pool || pool->n_threads == 1) return;
  take_over(pool);
  let_roam(pool);
  if (atomic_fetch_add(&pool->runs, 1) == 0) atomic_fetch_add(&running_threads, pool->n_threads);
}

void ufi_pool_end(ufi_pool *pool) {
  if (!pool || pool->n_threads == 1 || atomic_fetch_sub(&pool->runs, 1) != 1) return;
  atomic_fetch_sub(&running_threads, pool->n_threads);
  take_over(pool);
  put_to_sleep(pool, atomic_load(&pool->threads));
}

/* Whether threads of this process lost their processors MANY times within WINDOW_MS, less than CROWDED_MS ago, to somebody who
 * still wants them. Where that is always so, it happens at the end of each time slice; threads of the system, which take
 * some microseconds, do it on an idle machine, too. The system is asked once a millisecond: that takes as long as a short call. */
static bool is_crowded(const ufi_pool *pool) {
  static _Atomic long first = -1; /* switches when the window began; -1: not asked yet */
  static _Atomic int64_t began, until, asked;
  struct rusage usage;
  const int64_t now = now_ms();
  if (atomic_exchange_explicit(&asked, now, memory_order_relaxed) == now)
    return now < atomic_load_explicit(&until, memory_order_relaxed);
  if (getrusage(RUSAGE_SELF, &usage) != 0) return true;
  const long before = atomic_load_explicit(&first, memory_order_relaxed);
  const bool many = before >= 0 && usage.ru_nivcsw - before >= MANY;
  if (many) {
    const int others = count_others(atomic_load_explicit(&pool->watching, memory_order_relaxed) ? pool->n_threads : 1);
    const bool crowded = others < 0 || others + pool->n_threads > usable_processors();
    atomic_store_explicit(&until, crowded ? now + CROWDED_MS : 0, memory_order_relaxed);
  }
  if (before < 0 || many || now - atomic_load_explicit(&began, memory_order_relaxed) >= WINDOW_MS) {
    atomic_store_explicit(&first, usage.ru_nivcsw, memory_order_relaxed);
    atomic_store_explicit(&began, now, memory_order_relaxed);
  }
  return now < atomic_load_explicit(&until, memory_order_relaxed);
}

/* Flags for a call. */
static uint32_t waiting(ufi_pool *pool) {
  const int runs = atomic_load_explicit(&pool->runs, memory_order_relaxed);
  const bool watch = runs > 0 && atomic_load_explicit(&running_threads, memory_order_relaxed) <= usable_processors() &&
                     !is_crowded(pool);
  if (watch || runs <= 1) atomic_store(&pool->watching, watch); /* who waits for each other may do so in another order */
  return watch ? 0 : PTHREADPOOL_FLAG_YIELD_WORKERS;
}

int64_t ufi_split_least(const ufi_pool *pool, int64_t woken) {
  return pool && atomic_load_explicit(&pool->watching, memory_order_relaxed) ? woken / 4 : woken;
}

/* ---- calls ----------------------------------------------------------------------- */

void ufi_parallel(ufi_pool *pool, ufi_task_fn fn, void *context, size_t n) {
  pthreadpool_t threads = n > 1 ? threads_of(pool) : NULL;
  if (!threads) {
    for (size_t i = 0; i < n; i++) fn(context, i);
    return;
  }
  pthreadpool_parallelize_1d(threads, fn, context, n, waiting(pool));
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
  pthreadpool_parallelize_1d_tile_1d(threads, run_range, &r, n, grain, waiting(pool));
}

void ufi_parallel_even(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n, size_t unit, size_t grain) {
  enum { PIECES = 64 }; /* of a thread */
  const size_t threads = (size_t)ufi_pool_threads(pool), part = (n + threads - 1) / threads;
  const bool watching = pool && atomic_load_explicit(&pool->watching, memory_order_relaxed);
  if (watching && part <= PIECES * grain) grain = (part + unit - 1) / unit * unit;
  ufi_parallel_ranges(pool, fn, context, n, grain);
}

/* ---- shares ---------------------------------------------------------------------- */

int64_t ufi_parts(int64_t n, int64_t target, int64_t most, int64_t threads) {
  const int64_t parts = ufi_ceil_div(n, target), fewer = parts / threads * threads;
  if (parts <= 1) return parts;
  if (fewer > 0 && ufi_ceil_div(n, fewer) <= most) return fewer;
  return UFI_MIN(fewer < parts ? fewer + threads : fewer, n);
}

void ufi_shares_begin(ufi_shares *shares, int64_t n, int64_t workers) {
  shares->n = n;
  shares->workers = workers;
  for (int64_t i = 0; i < workers; i++) atomic_init(&shares->of[i].taken, 0);
}

int64_t ufi_shares_take(ufi_shares *shares, size_t worker) {
  for (int64_t k = 0; k < shares->workers; k++) {
    const int64_t of = ((int64_t)worker + k) % shares->workers;
    const int64_t first = ufi_part_first(shares->n, shares->workers, of), end = ufi_part_first(shares->n, shares->workers, of + 1);
    if (first + atomic_load_explicit(&shares->of[of].taken, memory_order_relaxed) >= end) continue;
    const int64_t item = first + atomic_fetch_add_explicit(&shares->of[of].taken, 1, memory_order_relaxed);
    if (item < end) return item;
  }
  return -1;
}
