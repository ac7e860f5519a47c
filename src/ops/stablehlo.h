/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo.h: what the ops of StableHLO share: options that are lists, their checks, and
 * accumulators: what REDUCE, REDUCE_WINDOW and SCATTER do with each element.
 *
 * Semantics are those of LiteRT's kernels where it has one, else of the StableHLO specification. Shapes
 * are static there: what an op cannot tell from its inputs (RESHAPE, IOTA ...) it takes from the
 * output's shape in the file.
 */
#ifndef UFI_STABLEHLO_H
#define UFI_STABLEHLO_H

#include "ops/host.h"
#include "ops/op.h"

/* ---- options (stablehlo.c) ----------------------------------------------------------- */

/* A list of the options: one number for each dimension, or some dimensions. */
typedef struct ufi_shlo_list {
  int32_t n;
  int64_t at[UF_MAX_RANK];
} ufi_shlo_list;
/* Field `field` of the options; INVALID_ARGUMENT when it has more numbers than a tensor can have
 * dimensions. An absent one is empty. */
uf_status ufi_shlo_read(const ufi_tflite_attrs *from, int field, const char *name, ufi_shlo_list *out,
                        uf_error *error) UF_MUST_USE;
/* The same into out, at most max numbers. */
uf_status ufi_shlo_read_into(const ufi_tflite_attrs *from, int field, const char *name, int32_t max, int64_t *out,
                             int32_t *n_out, uf_error *error) UF_MUST_USE;
static inline bool ufi_shlo_has(const ufi_shlo_list *list, int64_t d) {
  for (int32_t i = 0; i < list->n; i++) {
    if (list->at[i] == d) return true;
  }
  return false;
}
/* Checks while shapes are inferred; `name` is what the options call it. */
uf_status ufi_shlo_want_count(ufi_ctx *ctx, const char *name, int32_t found, int32_t wanted) UF_MUST_USE;
/* Different dimensions from 0 to rank - 1. */
uf_status ufi_shlo_want_dims(ufi_ctx *ctx, const char *name, const ufi_shlo_list *list, int32_t rank) UF_MUST_USE;
/* Every number is in [low, high]. */
uf_status ufi_shlo_want_range(ufi_ctx *ctx, const char *name, const int64_t *list, int32_t n, int64_t low,
                              int64_t high) UF_MUST_USE;
uf_status ufi_shlo_want_same_shape(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) UF_MUST_USE;
/* Elements have bytes of their own, and are numbers or bool. */
uf_status ufi_shlo_want_bytes(ufi_ctx *ctx, const ufi_tensor *t) UF_MUST_USE;
/* Next index of a shape in row-major order; false past the last. */
static inline bool ufi_shlo_next(int32_t rank, const int64_t *dims, int64_t *index) {
  for (int32_t d = rank - 1; d >= 0; d--) {
    if (++index[d] < dims[d]) return true;
    index[d] = 0;
  }
  return false;
}

/* ---- accumulators (stablehlo_fold.c) ---------------------------------------------------- */

typedef enum ufi_fold {
  UFI_FOLD_ADD, UFI_FOLD_MUL,
  UFI_FOLD_MAX, UFI_FOLD_MIN,         /* a NaN that comes is passed over, one that is there stays */
  UFI_FOLD_MAX_LAST, UFI_FOLD_MIN_LAST, /* the other way round */
  UFI_FOLD_MAX_NAN, UFI_FOLD_MIN_NAN, /* NaN where there is one */
  UFI_FOLD_AND, UFI_FOLD_OR,          /* of bits */
  UFI_FOLD_ALL, UFI_FOLD_ANY,         /* 0 or 1 */
  UFI_FOLD_SET,                       /* the newcomer */
  UFI_FOLD_COUNT
} ufi_fold;
/* n times: the number at acc takes that at x in; then both move on by their steps (elements; 0: stays). */
typedef void (*ufi_fold_fn)(void *acc, int64_t acc_step, const void *x, int64_t x_step, int64_t n);
/* NULL: none for this dtype. */
ufi_fold_fn ufi_fold_of(ufi_fold fold, uf_dtype dtype);

/* The graph that an op names as its body, (acc..., x...) -> acc... of scalars: a fold when it is known
 * by sight, else it is called for each element. */
typedef struct ufi_shlo_body {
  ufi_ctx *ctx;
  int32_t graph, n;     /* accumulators */
  ufi_fold_fn fold;     /* NULL: by calls */
  ufi_tensor *scalars;  /* 2 * n */
  ufi_tensor **pointers;
} ufi_shlo_body;
/* Which fold the graph is, for values of dtype; false: it must be called. window: as REDUCE_WINDOW
 * sees bodies. */
bool ufi_shlo_known_body(ufi_ctx *ctx, int32_t graph, uf_dtype dtype, bool window, ufi_fold_fn *fold_out);
/* In infer: the graph can be called so, for n accumulators of the dtypes of the first n inputs. */
uf_status ufi_shlo_check_body(ufi_ctx *ctx, int32_t graph, int32_t n) UF_MUST_USE;
/* Ready to call; ufi_shlo_close in any case. */
uf_status ufi_shlo_open(ufi_ctx *ctx, int32_t graph, int32_t n, ufi_shlo_body *out) UF_MUST_USE;
void ufi_shlo_close(ufi_shlo_body *body);
/* acc[i] = body(acc..., x...)[i], one element each. */
uf_status ufi_shlo_apply(ufi_shlo_body *body, void *const *acc, const void *const *x) UF_MUST_USE;

/* ---- windows (stablehlo_window.c) -------------------------------------------------------- */

/* out[o] = init folded with in[o_step . o + r_step . r] for all r in row-major order. Steps in elements. */
typedef struct ufi_shlo_nest {
  uf_dtype dtype;
  ufi_fold_fn fold;
  int32_t out_rank, rank;
  int64_t out_extent[UF_MAX_RANK], out_step[UF_MAX_RANK];
  int64_t extent[UF_MAX_RANK], step[UF_MAX_RANK];
  const void *in, *init;
  void *out;
} ufi_shlo_nest;
void ufi_shlo_fold_all(ufi_pool *pool, const ufi_shlo_nest *nest);
/* The same by calls of a body of n accumulators: nests[i] has the memory of the i-th, and all one geometry. */
uf_status ufi_shlo_fold_by_calls(ufi_shlo_body *body, const ufi_shlo_nest *nests) UF_MUST_USE;

/* A window that moves over a padded and dilated tensor. padded and out follow from the rest. */
typedef struct ufi_shlo_window {
  int32_t rank;
  int64_t in[UF_MAX_RANK], window[UF_MAX_RANK], stride[UF_MAX_RANK], base[UF_MAX_RANK], dilation[UF_MAX_RANK];
  int64_t low[UF_MAX_RANK], high[UF_MAX_RANK];
  int64_t padded[UF_MAX_RANK], out[UF_MAX_RANK];
} ufi_shlo_window;
/* Checks all but in, and computes padded and out. */
uf_status ufi_shlo_window_shape(ufi_ctx *ctx, ufi_shlo_window *w) UF_MUST_USE;
/* True when the window looks at more, or less, than the tensor itself. */
bool ufi_shlo_window_pads(const ufi_shlo_window *w);
/* in as it looks padded, dilated and cropped, holes filled with the element at fill. */
void ufi_shlo_window_pad(const ufi_shlo_window *w, uf_dtype dtype, const void *in, const void *fill, void *out);
/* What the window sees at each output, for ufi_shlo_fold_all. */
void ufi_shlo_window_nest(const ufi_shlo_window *w, ufi_shlo_nest *nest_out);

#endif
