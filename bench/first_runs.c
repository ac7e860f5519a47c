/* SPDX-License-Identifier: Apache-2.0
 *
 * first_runs.c: what a process that has just begun pays until its first results, without Python around it.
 *
 *     bench_first_runs MODEL.tflite [threads [processes]]
 *
 * Each of `processes` (21) children opens the model, allocates and runs it a few times, with inputs of zeros. Prints the
 * median over children of each step: milliseconds, and new pages that were touched (minor faults); and the session's memory.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unflow.h>

#include "stopwatch.h"

enum { RUNS = 5, STEPS = 2 + RUNS, MOST = 1000 };

typedef struct step {
  double ms, faults;
} step;

static double faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_minflt;
}

static void must(uf_status status, const uf_error *error) {
  if (status == UF_OK) return;
  fprintf(stderr, "%s\n", error->message);
  _exit(1);
}

static step since(const step *begin) { return (step){now() * 1e3 - begin->ms, faults() - begin->faults}; }

static void print_memory(const uf_session *session) {
  uf_memory_info info;
  uf_session_memory(session, &info);
  printf("%-10s %9.3f MB (at one time alive: %.3f), inputs and outputs %.3f, packed %.3f\n", "arena", (double)info.arena * 1e-6,
         (double)info.arena_bound * 1e-6, (double)info.kept * 1e-6, (double)info.packed * 1e-6);
  fflush(stdout);
}

static void child(const char *path, int threads, bool prints, step *out) {
  uf_model *model = NULL;
  uf_session *session = NULL;
  uf_error error = {0};
  const uf_session_options options = {.struct_size = sizeof options, .n_threads = threads};
  step begin = {now() * 1e3, faults()};
  must(uf_model_open(path, NULL, &model, &error), &error);
  out[0] = since(&begin);
  begin = (step){now() * 1e3, faults()};
  must(uf_session_create(model, &options, &session, &error), &error);
  must(uf_session_allocate(session, 0, &error), &error);
  out[1] = since(&begin);
  for (int i = 0; i < RUNS; i++) {
    begin = (step){now() * 1e3, faults()};
    must(uf_session_run(session, 0, &error), &error);
    out[2 + i] = since(&begin);
  }
  if (prints) print_memory(session);
  _exit(0);
}

static int by_ms(const void *a, const void *b) {
  const double x = ((const step *)a)->ms, y = ((const step *)b)->ms;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static const char *const names[STEPS] = {"open", "allocate", "run 1", "run 2", "run 3", "run 4", "run 5"};
  const int threads = argc > 2 ? atoi(argv[2]) : 1, processes = argc > 3 ? atoi(argv[3]) : 21;
  if (argc < 2 || threads < 1 || processes < 1 || processes > MOST) {
    fprintf(stderr, "usage: %s MODEL.tflite [threads [processes, %d at most]]\n", argv[0], MOST);
    return 2;
  }
  step *all = mmap(NULL, sizeof(step[MOST][STEPS]), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return 1;
  for (int i = 0; i < processes; i++) {
    const pid_t pid = fork();
    int status = -1;
    if (pid == 0) child(argv[1], threads, i == 0, all + (long)i * STEPS);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return 1;
  }
  for (int k = 0; k < STEPS; k++) {
    step of[MOST];
    for (int i = 0; i < processes; i++) of[i] = all[(long)i * STEPS + k];
    qsort(of, (size_t)processes, sizeof *of, by_ms);
    printf("%-10s %9.3f ms %7.0f pages\n", names[k], of[processes / 2].ms, of[processes / 2].faults);
  }
  return 0;
}
