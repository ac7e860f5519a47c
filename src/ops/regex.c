/* SPDX-License-Identifier: Apache-2.0
 *
 * regex.c: runs the programs of regex_parse.c, see regex.h.
 *
 * All threads of the program step through the text together, one character at a time; of two at the same
 * step of the program only the one of higher priority stays, so that there are never more threads than
 * steps. What is not UTF-8 is a byte that no step takes.
 */
#include "ops/regex.h"

#include "ops/chars.h"

typedef struct thread_list {
  int32_t *dense, *sparse;   /* a set of steps (Briggs and Torczon, 1993), in order of priority */
  int64_t *captures;         /* n_saves for each step */
  int32_t n;
} thread_list;

/* What is left to follow: a step, or (step < 0) a capture to be put back. */
typedef struct pending {
  int32_t step;
  int32_t save;
  int64_t old;
} pending;

typedef struct machine {
  thread_list lists[2];
  pending *stack;
  int64_t *captures;         /* of the thread being followed */
  int64_t *best;
} machine;

void ufi_regex_destroy(ufi_regex *re) {
  if (re == NULL) return;
  ufi_free(re->steps);
  ufi_free(re->ranges);
  ufi_arena_destroy(re->arena);
  ufi_free(re);
}

static size_t n_saves(const ufi_regex *re) { return 2 * ((size_t)re->n_groups + 1); }

static uf_status make_machine(ufi_regex *re, uf_error *error) {
  size_t n = (size_t)re->n_steps, saves = n_saves(re);
  machine *m = ufi_arena_alloc(re->arena, sizeof *m);
  if (m == NULL || n * saves > (size_t)4 << 20) return ufi_no_memory(error, n * saves);
  for (int i = 0; i < 2; i++) {
    m->lists[i].dense = ufi_arena_array(re->arena, n, sizeof(int32_t));
    m->lists[i].sparse = ufi_arena_array(re->arena, n, sizeof(int32_t));
    m->lists[i].captures = ufi_arena_array(re->arena, n * saves, sizeof(int64_t));
    if (!m->lists[i].dense || !m->lists[i].sparse || !m->lists[i].captures) return ufi_no_memory(error, n * saves * 8);
  }
  m->stack = ufi_arena_array(re->arena, 2 * n + 2, sizeof *m->stack);
  m->captures = ufi_arena_array(re->arena, saves, sizeof(int64_t));
  m->best = ufi_arena_array(re->arena, saves, sizeof(int64_t));
  re->threads = m;
  return m->stack && m->captures && m->best ? UF_OK : ufi_no_memory(error, n * sizeof *m->stack);
}

uf_status ufi_regex_compile(uf_string pattern, ufi_regex **regex_out, uf_error *error) {
  ufi_regex *re = ufi_calloc(1, sizeof *re);
  if (re == NULL) return ufi_no_memory(error, sizeof *re);
  re->arena = ufi_arena_create();
  uf_status status = re->arena ? ufi_regex_parse(pattern, re, error) : ufi_no_memory(error, 4096);
  if (status == UF_OK) status = make_machine(re, error);
  if (status == UF_OK) *regex_out = re;
  else ufi_regex_destroy(re);
  return status;
}

/* ---- conditions --------------------------------------------------------------------- */

static bool is_word(uf_string s, size_t at) {
  char c = at < s.size ? s.data[at] : ' ';
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool holds(uint32_t condition, uf_string s, size_t at) {
  switch (condition) {
    case UFI_RE_BEGIN_TEXT: return at == 0;
    case UFI_RE_END_TEXT: return at == s.size;
    case UFI_RE_BEGIN_LINE: return at == 0 || s.data[at - 1] == '\n';
    case UFI_RE_END_LINE: return at == s.size || s.data[at] == '\n';
    default: return ((at > 0 && is_word(s, at - 1)) != is_word(s, at)) == (condition == UFI_RE_WORD);
  }
}

static bool takes(const ufi_regex *re, const ufi_regex_step *step, uint32_t code) {
  if (step->op == UFI_RE_RANGE) return code >= step->x && code <= step->y;
  if (step->op != UFI_RE_CLASS) return false;
  const ufi_regex_range *r = re->ranges + step->x;
  size_t low = 0, high = step->y;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (r[middle].last < code) low = middle + 1;
    else high = middle;
  }
  return low < step->y && code >= r[low].first;
}

/* ---- threads --------------------------------------------------------------------------- */

static bool has_thread(const thread_list *list, int32_t step) {
  int32_t i = list->sparse[step];
  return i < list->n && list->dense[i] == step;
}

/* Adds the threads that step leads to without a character, those it prefers first. */
static void follow(const ufi_regex *re, machine *m, thread_list *list, int32_t step, uf_string s, size_t at) {
  pending *stack = m->stack;
  size_t depth = 0, saves = n_saves(re);
  stack[depth++] = (pending){.step = step};
  while (depth) {
    pending top = stack[--depth];
    if (top.step < 0) {
      m->captures[top.save] = top.old;
      continue;
    }
    if (has_thread(list, top.step)) continue;
    list->sparse[top.step] = list->n;
    list->dense[list->n++] = top.step;
    const ufi_regex_step *now = &re->steps[top.step];
    switch (now->op) {
      case UFI_RE_JUMP: stack[depth++] = (pending){.step = (int32_t)now->x}; break;
      case UFI_RE_SPLIT:
        stack[depth++] = (pending){.step = (int32_t)now->y};
        stack[depth++] = (pending){.step = (int32_t)now->x};
        break;
      case UFI_RE_SAVE:
        stack[depth++] = (pending){.step = -1, .save = (int32_t)now->x, .old = m->captures[now->x]};
        m->captures[now->x] = (int64_t)at;
        stack[depth++] = (pending){.step = top.step + 1};
        break;
      case UFI_RE_ASSERT:
        if (holds(now->x, s, at)) stack[depth++] = (pending){.step = top.step + 1};
        break;
      default: memcpy(list->captures + (size_t)top.step * saves, m->captures, saves * sizeof(int64_t)); break;
    }
  }
}

/* One character: threads of `from` that take it go on in `to`. True when one of them has matched: those
 * behind it count no more. */
static bool advance(const ufi_regex *re, machine *m, thread_list *from, thread_list *to, uf_string s, size_t at,
                    size_t length, uint32_t code, bool full) {
  size_t saves = n_saves(re);
  to->n = 0;
  for (int32_t i = 0; i < from->n; i++) {
    int32_t step = from->dense[i];
    const ufi_regex_step *now = &re->steps[step];
    const int64_t *captures = from->captures + (size_t)step * saves;
    if (now->op == UFI_RE_MATCH && (!full || at == s.size)) {
      memcpy(m->best, captures, saves * sizeof(int64_t));
      return true;
    }
    if (length == 0 || !takes(re, now, code)) continue;
    memcpy(m->captures, captures, saves * sizeof(int64_t));
    follow(re, m, to, step + 1, s, at + length);
  }
  return false;
}

bool ufi_regex_match(ufi_regex *re, uf_string s, size_t start, bool full, int64_t *groups_out, int32_t n_groups) {
  machine *m = re->threads;
  thread_list *from = &m->lists[0], *to = &m->lists[1];
  bool matched = false;
  from->n = 0;
  for (size_t at = start, length = 0;; at += length) {
    if (!matched && (!full || at == start)) {
      for (size_t i = 0; i < n_saves(re); i++) m->captures[i] = -1;
      follow(re, m, from, 0, s, at);
    }
    if (from->n == 0 && (matched || full)) break;
    uint32_t code = UFI_NOT_UTF8;
    length = 0;
    if (at < s.size) code = ufi_utf8_take(s.data + at, s.size - at, &length);
    if (code == UFI_NOT_UTF8 && length) length = 1;
    matched = advance(re, m, from, to, s, at, length, code, full) || matched;
    if (length == 0) break;
    thread_list *swap = from;
    from = to;
    to = swap;
  }
  for (int32_t i = 0; matched && groups_out && i < 2 * (n_groups + 1); i++)
    groups_out[i] = (size_t)i < n_saves(re) ? m->best[i] : -1;
  return matched;
}
