/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.c: a bar on stderr for long work, and what Ctrl-C does.
 *
 * The bar appears after a third of a second and is redrawn ten times a second
 * at most; it is erased at the end, so that a terminal keeps results only.
 */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

enum { BAR = 30 };

/* One bar and one program: the only globals of the command line. */
static struct {
  const char *what;
  uint64_t total, done;
  double started, drawn;
  bool visible;
} bar;
static volatile sig_atomic_t interrupt_seen;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_start(const char *what, uint64_t total) {
  bar.what = isatty(STDERR_FILENO) ? what : NULL;
  bar.total = total ? total : 1;
  bar.done = 0;
  bar.visible = false;
  bar.started = bar.drawn = now();
}

static void draw(double time) {
  double share = (double)bar.done / (double)bar.total;
  int filled = (int)(share * BAR);
  double left = share > 0.05 ? (time - bar.started) * (1 - share) / share : -1;
  fprintf(stderr, "\r%s [%.*s%*s] %3.0f %%", bar.what, filled, "##############################",
          BAR - filled, "", share * 100);
  if (left >= 1) fprintf(stderr, "  %.0f s left ", left);
  else fputs("            ", stderr);
  fflush(stderr);
  bar.visible = true;
  bar.drawn = time;
}

void progress_add(uint64_t n) {
  bar.done = MIN(bar.done + n, bar.total);
  if (!bar.what) return;
  double time = now();
  if (time - bar.started > 0.3 && time - bar.drawn > 0.1) draw(time);
}

bool progress_bytes(void *context, uint64_t done, uint64_t total) {
  bar.total = total ? total : 1;
  if (done > bar.done) progress_add(done - bar.done);
  return !interrupted();
}

void progress_end(void) {
  if (bar.visible) fputs("\r\033[K", stderr);
  bar.what = NULL;
  bar.visible = false;
}

static void on_interrupt(int signal_number) {
  (void)signal_number;
  interrupt_seen = 1;
}

void interrupt_catch(void) {
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void) { return interrupt_seen; }
