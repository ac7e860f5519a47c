/* SPDX-License-Identifier: Apache-2.0
 *
 * test_threads.c: pools, the instruction set, the kernel table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/threads.h"
#include "kernels/kernels.h"

enum { N = 1000 };

static void mark(void *context, size_t i) { atomic_fetch_add((atomic_int *)context + i, 1); }

static void mark_range(void *context, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) mark(context, i);
}

static void everything_runs_once(void **state) {
  for (int32_t threads = -1; threads <= 4; threads++) {
    ufi_pool *pool = threads < 0 ? NULL : ufi_pool_create(threads);
    assert_int_equal(ufi_pool_threads(pool), threads > 1 ? threads : 1);
    if (threads % 2) ufi_pool_start(pool); /* else on the way */
    for (size_t grain = 0; grain <= N + 1; grain = 3 * grain + 1) {
      atomic_int marks[N] = {0};
      ufi_parallel_ranges(pool, mark_range, marks, N, grain);
      for (int i = 0; i < N; i++) assert_int_equal(marks[i], 1);
    }
    atomic_int marks[N] = {0};
    ufi_parallel(pool, mark, marks, N);
    for (int i = 0; i < N; i++) assert_int_equal(marks[i], 1);
    ufi_parallel(pool, mark, NULL, 0);
    ufi_parallel_ranges(pool, mark_range, NULL, 0, 5);
    ufi_pool_release(pool);
  }
}

static void grains(void *context, size_t begin, size_t end) {
  assert_int_equal(begin % 7, 0);
  assert_true(end == 100 || end - begin == 7);
}

static void pieces_begin_at_multiples_of_the_grain(void **state) {
  ufi_pool *pool = ufi_pool_create(3);
  ufi_pool_start(pool);
  ufi_parallel_ranges(pool, grains, NULL, 100, 7);
  ufi_parallel_ranges(NULL, grains, NULL, 100, 7);
  ufi_pool_release(pool);
}

typedef struct shared_out {
  ufi_shares shares;
  atomic_int marks[N];
} shared_out;

static void take_all(void *context, size_t worker) {
  shared_out *s = context;
  for (int64_t i; (i = ufi_shares_take(&s->shares, worker)) >= 0;) mark(s->marks, (size_t)i);
}

/* Every item once, for any number of workers and whoever comes; each begins with a part of its own. */
static void shares_are_taken_once(void **state) {
  static shared_out s;
  for (int64_t workers = 1; workers <= 9; workers++) {
    ufi_pool *pool = ufi_pool_create(3);
    ufi_pool_start(pool);
    for (int64_t n = 0; n <= N; n = 2 * n + 1) {
      memset(&s, 0, sizeof s);
      ufi_shares_begin(&s.shares, n, workers);
      ufi_parallel(pool, take_all, &s, (size_t)workers);
      for (int64_t i = 0; i < N; i++) assert_int_equal(s.marks[i], i < n);
      ufi_shares_begin(&s.shares, n, workers);
      int64_t before = -1;
      for (int64_t w = 0; w < workers && n >= workers; w++) {
        const int64_t first = ufi_shares_take(&s.shares, (size_t)w);
        assert_true(first > before && first >= w * (n / workers) && n - first >= (workers - w) * (n / workers));
        before = first;
      }
    }
    ufi_pool_release(pool);
  }
}

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double processor_seconds(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

/* Until somebody else is here, too; but not for ever. */
static void meet(void *context, size_t i) {
  atomic_int *here = context;
  atomic_fetch_add(here, 1);
  for (int k = 0; k < 2000 && atomic_load(here) < 2; k++) usleep(1000);
}

/* Calls split nothing before the threads have begun; soon they have. */
static void threads_begin_in_the_background(void **state) {
  ufi_pool *pool = ufi_pool_create(2);
  for (int k = 0; k < 2000; k++) {
    atomic_int marks[2] = {0};
    ufi_parallel(pool, mark, marks, 2);
    assert_int_equal(marks[0] + marks[1], 2);
    usleep(100);
  }
  atomic_int here = 0;
  const time_t begin = time(NULL);
  ufi_parallel(pool, meet, &here, 2);
  assert_true(time(NULL) - begin < 2); /* one after the other they would have waited */
  ufi_pool_start(pool);
  ufi_pool_start(NULL);
  ufi_pool_release(pool);
  pool = ufi_pool_create(4); /* released while they begin */
  atomic_int marks[N] = {0};
  ufi_parallel(pool, mark, marks, N);
  ufi_pool_release(pool);
}

/* A child has none of the threads and starts its own; nobody waits for what stayed in the parent. */
static void forked_off(void **state) {
  ufi_pool *pool = ufi_pool_create(2);
  ufi_pool_start(pool);
  atomic_int marks[N] = {0};
  ufi_parallel(pool, mark, marks, N);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(20);
    ufi_pool_begin(pool);
    ufi_parallel(pool, mark, marks, N);
    ufi_pool_end(pool);
    ufi_pool_start(pool);
    atomic_int here = 0;
    const time_t begin = time(NULL);
    ufi_parallel(pool, meet, &here, 2);
    ufi_pool_release(pool);
    _exit(marks[0] != 2 || marks[N - 1] != 2 || time(NULL) - begin >= 2);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  ufi_parallel(pool, mark, marks, N);
  assert_int_equal(marks[0], 2);
  ufi_pool_release(pool);
}

/* Workers stay away from the caller's processor at first; later they may run where the caller may. */
typedef struct places {
  pthread_t caller;
  cpu_set_t sets[8];
  bool is_worker[8];
} places;

static void allowed_of(void *context, size_t i) {
  places *p = context;
  sched_getaffinity(0, sizeof p->sets[i], &p->sets[i]);
  p->is_worker[i] = !pthread_equal(pthread_self(), p->caller);
  usleep(1000);
}

static void threads_may_run_where_the_caller_may(void **state) {
  cpu_set_t own;
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  ufi_pool *pool = ufi_pool_create(2);
  atomic_int marks[2] = {0};
  ufi_parallel(pool, mark, marks, 2); /* makes them begin */
  ufi_pool_start(pool);
  places p = {.caller = pthread_self()};
  const double begin = seconds_of(CLOCK_MONOTONIC);
  const int first = CPU_COUNT(&own) > 1 ? CPU_COUNT(&own) - 1 : 1; /* where workers may be at first */
  for (int late = 0; late <= 1; late++) {
    if (late) usleep(100000);
    ufi_pool_begin(pool);
    ufi_parallel(pool, allowed_of, &p, UFI_COUNT(p.sets));
    ufi_pool_end(pool);
    if (!late && seconds_of(CLOCK_MONOTONIC) - begin > 0.04) continue; /* this machine has no time for us: it is late already */
    for (size_t i = 0; i < UFI_COUNT(p.sets); i++) {
      if (late || !p.is_worker[i]) assert_true(CPU_EQUAL(&p.sets[i], &own));
      else assert_int_equal(CPU_COUNT(&p.sets[i]), first);
    }
  }
  ufi_pool_release(pool);
}

/* Workers may watch for work within a run; after its end they sleep. */
static void nothing_is_busy_after_a_run(void **state) {
  ufi_pool *pool = ufi_pool_create(2);
  ufi_pool_start(pool);
  for (int overlap = 0; overlap <= 1; overlap++) {
    atomic_int marks[N] = {0};
    ufi_pool_begin(pool);
    if (overlap) ufi_pool_begin(pool);
    for (int i = 0; i < 50; i++) ufi_parallel(pool, mark, marks, N);
    ufi_pool_end(pool);
    if (overlap) ufi_pool_end(pool);
    for (int i = 0; i < N; i++) assert_int_equal(marks[i], 50);
    double begin = processor_seconds();
    usleep(100000);
    assert_true(processor_seconds() - begin < 0.004); /* pthreadpool's workers watch for 10 ms and more */
  }
  ufi_pool_begin(pool); /* a run without calls, a pool without threads, none */
  ufi_pool_end(pool);
  ufi_pool_release(pool);
  pool = ufi_pool_create(1);
  ufi_pool_begin(pool);
  ufi_pool_end(pool);
  ufi_pool_release(pool);
  ufi_pool_begin(NULL);
  ufi_pool_end(NULL);
}

/* Where others have all processors threads wait with their begin, but not for ever. */
static void threads_begin_among_others(void **state) {
  enum { OTHERS = 16 };
  pid_t children[OTHERS];
  const int n = (int)UFI_MIN(ufi_processors(), OTHERS);
  for (int i = 0; i < n; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0) {
      alarm(20);
      for (;;) atomic_signal_fence(memory_order_seq_cst);
    }
  }
  usleep(10000);
  ufi_pool *pool = ufi_pool_create(2);
  places p = {.caller = pthread_self()};
  bool shared = false;
  for (const time_t begin = time(NULL); !shared && time(NULL) - begin < 10;) {
    ufi_parallel(pool, allowed_of, &p, UFI_COUNT(p.sets));
    for (size_t i = 0; i < UFI_COUNT(p.sets); i++) shared = shared || p.is_worker[i];
  }
  ufi_pool_release(pool);
  for (int i = 0; i < n; i++) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  assert_true(shared);
}

static void *many_runs(void *context) {
  ufi_pool *own = context ? NULL : ufi_pool_create(8), *pool = context ? context : own;
  ufi_pool_start(pool);
  for (int run = 0; run < 20; run++) {
    atomic_int marks[64] = {0};
    ufi_pool_begin(pool);
    for (int i = 0; i < 10; i++) ufi_parallel(pool, mark, marks, 64);
    ufi_pool_end(pool);
    for (int i = 0; i < 64; i++) assert_int_equal(marks[i], 10);
  }
  ufi_pool_release(own);
  return NULL;
}

/* More threads than processors, each with a pool of eight and all with one they share: done soon. */
static void crowds_get_through(void **state) {
  for (int shared = 0; shared <= 1; shared++) {
    ufi_pool *pool = shared ? ufi_pool_create(8) : NULL;
    pthread_t threads[6];
    for (size_t i = 0; i < UFI_COUNT(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, many_runs, pool), 0);
    for (size_t i = 0; i < UFI_COUNT(threads); i++) pthread_join(threads[i], NULL);
    ufi_pool_release(pool);
  }
}

static void instruction_sets(void **state) {
  assert_string_equal(ufi_isa_name(UFI_ISA_SCALAR), "scalar");
  assert_string_equal(ufi_isa_name((ufi_isa)77), "unknown");
  assert_string_equal(uf_isa(), ufi_isa_name(ufi_cpu_isa()));
  const char *cap = getenv("UNFLOW_ISA");
  if (cap && strcmp(cap, "scalar") == 0) assert_int_equal(ufi_cpu_isa(), UFI_ISA_SCALAR);
}

/* The scalar set is complete, so no table has holes. */
static void kernel_tables_have_no_holes(void **state) {
  ufi_kernels table;
  assert_false(ufi_kernels_for(-1, &table));
  assert_false(ufi_kernels_for(UFI_ISA_COUNT, &table));
  for (int isa = 0; isa < UFI_ISA_COUNT; isa++) assert_true(ufi_kernels_for(isa, &table) == ufi_cpu_has(isa));
  memset(&table, 0, sizeof table);
  assert_true(ufi_kernels_for((int)ufi_cpu_isa(), &table));
  assert_memory_equal(&table, ufi_kernels_get(), sizeof table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(everything_runs_once),
    cmocka_unit_test(pieces_begin_at_multiples_of_the_grain), cmocka_unit_test(threads_begin_in_the_background),
    cmocka_unit_test(threads_may_run_where_the_caller_may), cmocka_unit_test(shares_are_taken_once), cmocka_unit_test(forked_off),
    cmocka_unit_test(nothing_is_busy_after_a_run), cmocka_unit_test(threads_begin_among_others),
    cmocka_unit_test(crowds_get_through),
    cmocka_unit_test(instruction_sets), cmocka_unit_test(kernel_tables_have_no_holes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
