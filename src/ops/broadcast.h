/* SPDX-License-Identifier: Apache-2.0
 *
 * broadcast.h: runs an inner loop over two tensors as NumPy broadcasts them.
 *
 * Dimensions of extent 1 are dropped and neighbours that repeat alike become one,
 * so that most nodes are one loop: rows of both, a row and one value, or a few
 * outer dimensions around such a row.
 */
#ifndef UFI_BROADCAST_H
#define UFI_BROADCAST_H

#include "ops/op.h"

/* An inner loop: n elements of y from a and b; arg is the op's own. */
typedef void (*ufi_inner_fn)(const void *a, const void *b, void *y, size_t n, ufk_mode mode,
                             const void *arg);

typedef struct ufi_broadcast_plan {
  int32_t rank;                       /* of the loops around the inner one */
  int64_t dims[UF_MAX_RANK];          /* outermost first */
  int64_t step_a[UF_MAX_RANK];        /* elements to the next index; 0: repeated */
  int64_t step_b[UF_MAX_RANK];
  int64_t row;                        /* elements of the inner loop */
  ufk_mode mode;
  int64_t count;                      /* elements of the output */
  bool a_is_whole, b_is_whole;        /* has as many elements as the output: none is repeated */
} ufi_broadcast_plan;

/* a and b broadcast to y, which infer checked. */
void ufi_broadcast_make(const ufi_tensor *a, const ufi_tensor *b, const ufi_tensor *y,
                        ufi_broadcast_plan *plan_out);

typedef struct ufi_broadcast_run_args {
  const ufi_broadcast_plan *plan;
  ufi_inner_fn inner;
  const void *arg;
  const void *a, *b;
  void *y;
  size_t size_a, size_b, size_y;      /* bytes per element */
} ufi_broadcast_run_args;
/* Over all elements; on several threads when there is enough to do. */
void ufi_broadcast_run(const ufi_broadcast_run_args *args, ufi_pool *pool);

/* The same for elements [begin, begin + n), with a, b and y as a ufi_part_fn has them. */
void ufi_broadcast_part(const ufi_broadcast_run_args *args, size_t begin, size_t n);
/* By ufi_broadcast_run it is faster. */
bool ufi_broadcast_wants_all(const ufi_broadcast_plan *plan);

/* Elements below which waking threads does not pay (ufi_split_least), and of one piece of the work. */
enum { UFI_PARALLEL_MIN = 65536, UFI_PARALLEL_GRAIN = 4096 };
/* ufi_parallel_ranges over n elements, or one call of fn when n is small. */
void ufi_elements(ufi_pool *pool, ufi_range_fn fn, void *context, size_t n);

/* Loops with one expression of u and v (type T) for each element of y (type R). */
#define UFI_INNER_LOOPS(name, T, R, expression)                                           \
  static void name(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode,     \
                   const void *arg) {                                                     \
    const T *a = pa, *b = pb;                                                             \
    R *y = py;                                                                            \
    (void)arg;                                                                            \
    if (n == 0) return;                                                                   \
    if (mode == UFK_VV)                                                                   \
      for (size_t i = 0; i < n; ++i) { const T u = a[i], v = b[i]; y[i] = (R)(expression); } \
    else if (mode == UFK_SV) {                                                            \
      const T u = a[0];                                                                   \
      for (size_t i = 0; i < n; ++i) { const T v = b[i]; y[i] = (R)(expression); }        \
    } else {                                                                              \
      const T v = b[0];                                                                   \
      for (size_t i = 0; i < n; ++i) { const T u = a[i]; y[i] = (R)(expression); }        \
    }                                                                                     \
  }

#endif
