/* SPDX-License-Identifier: Apache-2.0
 *
 * oprun.h: one op run on arrays, without a model, in a session of which only
 * memory that ends with eval is used: for tests of what an op says about bad values. All inputs are known to infer.
 */
#ifndef UFI_TEST_OPRUN_H
#define UFI_TEST_OPRUN_H

#include <stdlib.h>

#include "exec/session.h"

#define OPRUN_MAX 8

typedef struct oprun {
  ufi_tensor in[OPRUN_MAX], out[OPRUN_MAX];
  ufi_tensor *in_list[OPRUN_MAX], *out_list[OPRUN_MAX];
  ufi_ctx ctx;
  uf_error error;
  uf_session session;
  ufi_frame frame;
} oprun;

static void oprun_begin(oprun *r) {
  memset(r, 0, sizeof *r);
  r->ctx.in = r->in_list;
  r->ctx.out = r->out_list;
  r->ctx.error = &r->error;
  r->ctx.frame = &r->frame;
  r->frame.session = &r->session;
  r->session.max_bytes = SIZE_MAX;
}

static ufi_tensor *oprun_in(oprun *r, uf_dtype dtype, int32_t rank, const int64_t *dims, const void *data) {
  ufi_tensor *t = r->in_list[r->ctx.n_in] = &r->in[r->ctx.n_in];
  *t = (ufi_tensor){.dtype = dtype, .rank = rank, .name = "in", .shape_known = true, .is_const = true};
  if (rank) memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
  t->data = (void *)(uintptr_t)data;
  if (!ufi_shape_count(rank, t->dims, &t->count) || !ufi_dtype_bytes(dtype, t->count, &t->size)) abort();
  r->ctx.n_in++;
  return t;
}

static ufi_tensor *oprun_out(oprun *r, uf_dtype dtype) {
  ufi_tensor *t = r->out_list[r->ctx.n_out] = &r->out[r->ctx.n_out];
  *t = (ufi_tensor){.dtype = dtype, .name = "out"};
  r->ctx.n_out++;
  return t;
}

/* infer, prepare, eval. attrs: the op's own struct. */
static uf_status oprun_go(oprun *r, const ufi_op_def *def, const void *attrs) {
  r->ctx.attrs = attrs;
  UFI_TRY(def->infer(&r->ctx));
  for (int32_t i = 0; i < r->ctx.n_out; i++)
    /* exactly the output's bytes, so that a sanitizer sees one too many */
    r->out[i].data = malloc(r->out[i].shape_known ? r->out[i].size : 4096);
  if (def->prepare) UFI_TRY(def->prepare(&r->ctx));
  r->ctx.scratch = malloc(r->ctx.scratch_size);
  return def->eval(&r->ctx);
}

static void oprun_end(oprun *r) {
  for (int32_t i = 0; i < r->ctx.n_out; i++) free(r->out[i].data);
  free(r->ctx.scratch);
  ufi_block_free(&r->session.passing);
}

#endif
