/* SPDX-License-Identifier: Apache-2.0
 *
 * inferred.c: shapes that a graph's outputs have for shapes of its inputs, remembered.
 *
 * A frame is planned for one set of shapes at a time. Where a graph calls another one
 * twice with different shapes, and that one the next, planning would be done anew for each
 * path through all of them: twice as often with every level. With what was found out
 * before kept, each graph is planned once for each set of shapes.
 *
 * Only for one pass: shapes may also rest on variables, which another pass may find otherwise. A pass is an
 * ufi_host_infer and all those inside it.
 *
 * Bounded: when all places are taken, the oldest goes.
 */
#include "exec/session.h"

#define MOST 64

struct ufi_inferred {
  struct {
    int64_t *key;            /* by input: rank, dims */
    ufi_tensor *results;     /* without data */
    ufi_tensor **pointers;
  } entries[MOST];
  int32_t n, next;
  uint64_t pass;
};

/* Numbers of a key; -1 when a shape is not known, and nothing is to be remembered. */
static int64_t key_size(ufi_tensor *const *in, int32_t n_in) {
  int64_t n = 0;
  for (int32_t k = 0; k < n_in; k++) {
    if (!in[k]->shape_known) return -1;
    n += 1 + in[k]->rank;
  }
  return n;
}

static bool same_key(const int64_t *key, ufi_tensor *const *in, int32_t n_in) {
  for (int32_t k = 0; k < n_in; k++) {
    if (*key++ != in[k]->rank || memcmp(key, in[k]->dims, sizeof *key * (size_t)in[k]->rank) != 0) return false;
    key += in[k]->rank;
  }
  return true;
}

static void drop_entry(ufi_inferred *m, int32_t i) {
  ufi_free(m->entries[i].key);
  ufi_free(m->entries[i].results);
  ufi_free(m->entries[i].pointers);
}

static void clear(ufi_inferred *m) {
  for (int32_t i = 0; i < m->n; i++) drop_entry(m, i);
  m->n = m->next = 0;
}

void ufi_inferred_destroy(ufi_inferred *m) {
  if (m) clear(m);
  ufi_free(m);
}

ufi_tensor *const *ufi_inferred_find(const ufi_frame *f, ufi_tensor *const *in, int32_t n_in) {
  const ufi_inferred *m = f->inferred;
  if (m == NULL || m->pass != f->session->infer_pass || key_size(in, n_in) < 0) return NULL;
  for (int32_t i = 0; i < m->n; i++) {
    if (same_key(m->entries[i].key, in, n_in)) return m->entries[i].pointers;
  }
  return NULL;
}

void ufi_inferred_keep(ufi_frame *f, ufi_tensor *const *in, int32_t n_in) {
  const int64_t size = key_size(in, n_in);
  const size_t n_out = (size_t)f->graph->n_outputs;
  if (f->inferred == NULL) f->inferred = ufi_calloc(1, sizeof *f->inferred);
  if (f->inferred == NULL || size < 0) return;
  int64_t *key = ufi_malloc(((size_t)size + 1) * sizeof *key), *at = key;
  ufi_tensor *results = ufi_malloc((n_out + 1) * sizeof *results);
  ufi_tensor **pointers = ufi_malloc((n_out + 1) * sizeof *pointers);
  if (key == NULL || results == NULL || pointers == NULL) { /* it will be found out again */
    ufi_free(key);
    ufi_free(results);
    ufi_free(pointers);
    return;
  }
  for (int32_t k = 0; k < n_in; k++) {
    *at++ = in[k]->rank;
    for (int32_t d = 0; d < in[k]->rank; d++) *at++ = in[k]->dims[d];
  }
  for (size_t i = 0; i < n_out; i++) {
    results[i] = *f->outputs[i];
    results[i].data = NULL;
    results[i].buf = NULL;
    pointers[i] = &results[i];
  }
  ufi_inferred *m = f->inferred;
  if (m->pass != f->session->infer_pass) clear(m);
  m->pass = f->session->infer_pass;
  const int32_t place = m->next;
  if (place < m->n) drop_entry(m, place);
  else m->n = place + 1;
  m->entries[place].key = key;
  m->entries[place].results = results;
  m->entries[place].pointers = pointers;
  m->next = (place + 1) % MOST;
}
