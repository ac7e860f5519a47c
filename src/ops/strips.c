/* SPDX-License-Identifier: Apache-2.0
 *
 * strips.c: see strips.h.
 */
#include "ops/strips.h"

enum {
  BUFFER = 384 << 10, /* bytes of lines: they stay in a usual second cache, with what they are made of and to */
  ENOUGH = 16,        /* lines of the first, that the kernels are as fast as with more */
  FEW_WEIGHTS = 8192, /* these stay there, too */
};

void ufi_strips_set(const ufi_conv_geometry *g, int64_t element, ufi_strips *s) {
  s->batch = g->batch;
  s->in_h = g->in_h;
  s->out_h = g->out_h;
  s->out_w = g->out_w;
  s->reach = (g->kernel_h - 1) * g->dilation_h + 1;
  s->stride = g->stride_h;
  s->pad = g->pad_top;
  s->in_line = (size_t)(g->in_w * g->in_c * element);
  s->out_line = (size_t)(g->out_w * g->out_c * element);
}

bool ufi_conv_makes_lines(const ufi_conv_geometry *g) {
  const bool is_pointwise = g->kernel_h == 1 && g->kernel_w == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_top == 0 &&
                            g->pad_left == 0 && g->in_h == g->out_h && g->in_w == g->out_w;
  const bool steps = g->stride_h > 1 && g->filter->count <= FEW_WEIGHTS;
  return (is_pointwise || steps) && g->groups == 1 && g->filter->is_lasting && !g->input->seen;
}

const void *ufi_strip_image(const ufi_strips *s, const ufi_strip *strip, int64_t *in_h, int64_t *pad_top) {
  const int64_t top = strip->first * s->stride - s->pad, end = top + (strip->lines - 1) * s->stride + s->reach;
  const int64_t first = UFI_MAX(top, strip->in_first), skipped = UFI_MIN(first - strip->in_first, strip->in_lines);
  *in_h = UFI_MAX(UFI_MIN(end, strip->in_first + strip->in_lines) - (strip->in_first + skipped), (int64_t)0);
  *pad_top = strip->in_first + skipped - top;
  return (const uint8_t *)strip->in + (size_t)skipped * s->in_line;
}

bool ufi_strips_fit(const ufi_strips *from, const ufi_strips *to) {
  return from->out_line > 0 && from->out_line == to->in_line && from->out_h == to->in_h && from->batch == to->batch &&
         to->in_line <= BUFFER && to->reach <= to->in_h && to->out_h > 0 && to->stride <= to->in_h;
}

/* Lines of an image that `lines` lines of what is made of it see, at most. */
static int64_t seen_of(const ufi_strips *s, int64_t lines) { return UFI_MIN((lines - 1) * s->stride + s->reach, s->in_h); }

/* Where the buffers of a thread are, when lines of the last are made so many at a time; bytes of all. */
static size_t place(const ufi_strips *all, int32_t n, int64_t lines, size_t at[UFI_STRIPS_MAX]) {
  size_t bytes = 0;
  for (int32_t k = n - 1; k > 0; k--) {
    lines = seen_of(&all[k], lines);
    at[k - 1] = bytes;
    bytes += ((size_t)lines * all[k].in_line + 63) / 64 * 64;
  }
  return bytes;
}

/* Lines of the last that are made in one go: as many as fit, or are enough. */
static int64_t lines_of(const ufi_strips *all, int32_t n) {
  size_t at[UFI_STRIPS_MAX];
  int64_t lines = 1;
  while (lines < all[n - 1].out_h && seen_of(&all[n - 1], lines) < ENOUGH && place(all, n, lines + 1, at) <= BUFFER) lines++;
  return lines;
}

size_t ufi_strips_buffer(const ufi_strips *all, int32_t n) {
  size_t at[UFI_STRIPS_MAX];
  return place(all, n, lines_of(all, n), at);
}

typedef struct work {
  const ufi_strips *all;
  int32_t n;
  const uint8_t *in;
  uint8_t *out, *buffers;
  size_t at[UFI_STRIPS_MAX], buffer; /* in a thread's buffers; bytes of them */
  int64_t lines, parts;              /* of a strip; of an image */
  ufi_shares *shares;                /* of parts of all images */
} work;

/* What a thread has of an image: of what all but the last make, lines [first, end). */
typedef struct held {
  size_t worker;
  int64_t image;
  struct {
    uint8_t *lines;
    int64_t first, end;
  } of[UFI_STRIPS_MAX];
} held;

static void hold(const work *w, held *h, int32_t k, int64_t first, int64_t end);

/* Lines [first, end) of what k makes. */
static void make(const work *w, held *h, int32_t k, int64_t first, int64_t end, uint8_t *out) {
  const ufi_strips *s = &w->all[k];
  ufi_strip strip = {.first = first, .lines = end - first, .out = out, .worker = h->worker};
  if (k == 0) {
    strip.in = w->in + (size_t)(h->image * s->in_h) * s->in_line;
    strip.in_lines = s->in_h;
  } else {
    const int64_t top = first * s->stride - s->pad, from = UFI_MIN(UFI_MAX(top, (int64_t)0), s->in_h);
    const int64_t below = UFI_MIN(top + (strip.lines - 1) * s->stride + s->reach, s->in_h);
    hold(w, h, k - 1, from, UFI_MAX(below, from));
    strip.in = h->of[k - 1].lines;
    strip.in_first = from;
    strip.in_lines = h->of[k - 1].end - from;
  }
  s->run(s, &strip);
  if (s->then) s->then(s->context, (h->image * s->out_h + first) * s->out_w, strip.lines * s->out_w, out);
}

/* Makes those lines of k that are not there yet, behind those that are. */
static void hold(const work *w, held *h, int32_t k, int64_t first, int64_t end) {
  const size_t line = w->all[k].out_line;
  uint8_t *lines = h->of[k].lines;
  const bool has = first >= h->of[k].first && first < h->of[k].end;
  const int64_t kept = has ? UFI_MIN(h->of[k].end, end) - first : 0;
  if (kept > 0) memmove(lines, lines + (size_t)(first - h->of[k].first) * line, (size_t)kept * line);
  if (first + kept < end) make(w, h, k, first + kept, end, lines + (size_t)kept * line);
  h->of[k].first = first;
  h->of[k].end = end;
}

static void run_part(const work *w, int64_t image, int64_t first, int64_t end, size_t worker) {
  const ufi_strips *last = &w->all[w->n - 1];
  held h = {.worker = worker, .image = image};
  for (int32_t k = 0; k < w->n - 1; k++) h.of[k].lines = w->buffers + worker * w->buffer + w->at[k];
  for (int64_t y = first; y < end; y += w->lines) {
    make(w, &h, w->n - 1, y, UFI_MIN(y + w->lines, end), w->out + (size_t)(image * last->out_h + y) * last->out_line);
  }
}

static void run_worker(void *context, size_t worker) {
  const work *w = context;
  const int64_t lines = w->all[w->n - 1].out_h;
  for (int64_t i; (i = ufi_shares_take(w->shares, worker)) >= 0;) {
    const int64_t part = i % w->parts;
    run_part(w, i / w->parts, ufi_part_first(lines, w->parts, part), ufi_part_first(lines, w->parts, part + 1), worker);
  }
}

void ufi_strips_run(ufi_pool *pool, const ufi_strips *all, int32_t n, const void *in, void *out, void *buffers) {
  const ufi_strips *last = &all[n - 1];
  const int64_t threads = ufi_pool_threads(pool);
  work w = {.all = all, .n = n, .in = in, .out = out, .buffers = buffers, .lines = lines_of(all, n)};
  w.buffer = place(all, n, w.lines, w.at);
  /* As even as can be, since who comes late with one of a few parts keeps the others waiting. */
  w.parts = UFI_MIN(threads, ufi_ceil_div(last->out_h, w.lines));
  ufi_shares shares;
  ufi_shares_begin(w.shares = &shares, last->batch * w.parts, threads);
  ufi_parallel(pool, run_worker, &w, (size_t)threads);
}
