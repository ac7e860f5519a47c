/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce.c: SUM, MEAN, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY,
 * REDUCE_ALL and EUCLIDEAN_NORM over any axes.
 *
 * Dimensions of extent 1 are dropped, neighbours that are both kept or both
 * reduced become one group. The groups are walked in the order of memory; the
 * innermost ones are a loop: `along`, when the last is reduced (a row becomes one
 * value), `across`, when it is kept (the rows of the group before it become one row
 * of results). Results are kept in the output, or in scratch where the accumulator
 * is wider.
 *
 * Sums of many rows are made in blocks of rows, in scratch, and then added up in order: the shape alone says in which, so that
 * results do not depend on threads, each of which takes the rows that it made when it computed what is reduced.
 *
 * Nodes of TensorFlow take every number dtype. Those without loops of their own are
 * converted, some elements at a time, and their results at the end; integers wrap
 * around in their own width, means of 32 bits and less are of 64-bit sums, the least
 * and the largest of a NaN is NaN.
 */
#include <float.h>
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/broadcast.h"
#include "ops/join.h"
#include "ops/move.h"
#include "ops/qparams.h"

/* ---- the walk -------------------------------------------------------------------------- */

typedef struct reduce_run reduce_run;
/* first: acc has no value yet. Combines x[0..n) with the value acc: */
typedef void (*along_fn)(const void *x, void *acc, size_t n, bool first, const reduce_run *r);
/* Combines rows of n elements, `step` elements apart, with the n values acc: */
typedef void (*across_fn)(const void *x, size_t rows, int64_t step, void *acc, size_t n, bool first,
                          const reduce_run *r);

typedef struct reduce_loops {
  along_fn along;
  across_fn across;
  size_t size_acc;
} reduce_loops;

typedef struct group {
  int64_t size, step_x, step_acc; /* steps in elements */
  bool reduced;
} group;

struct reduce_run {
  int32_t n_groups, split;        /* split: the group that threads share, -1: none */
  group groups[UF_MAX_RANK + 1];
  int64_t reduced;                /* elements that one result comes from */
  int64_t blocks;                 /* of rows; 0: all in one */
  across_fn join;                 /* of the sums of blocks */
  char *sums;                     /* (blocks, block_size bytes) */
  size_t block_size;
  reduce_loops loops;
  size_t size_x;
  const char *x;
  char *acc;
  uf_dtype dtype, wide;           /* of x, and what it is converted to, which `wider` takes */
  reduce_loops wider;
  int32_t zero;                   /* REDUCE_PROD: zero point and scale of one factor */
  ufk_scale scale;
};

/* Elements [from, to) of the last group, which is kept, of `rows` rows. */
static void walk_rows(const reduce_run *r, size_t rows, int64_t step, int64_t from, int64_t to, int64_t x, int64_t acc,
                      bool first) {
  r->loops.across(r->x + (size_t)(x + from) * r->size_x, rows, step, r->acc + (size_t)(acc + from) * r->loops.size_acc,
                  (size_t)(to - from), first, r);
}

static void walk(const reduce_run *r, int32_t g, int64_t begin, int64_t end, int64_t x, int64_t acc, bool first) {
  const group *q = &r->groups[g], *last = &r->groups[r->n_groups - 1];
  const int64_t from = g == r->split ? begin : 0, to = g == r->split ? end : q->size;
  if (q == last && q->reduced) {
    r->loops.along(r->x + (size_t)x * r->size_x, r->acc + (size_t)acc * r->loops.size_acc, (size_t)q->size, first, r);
  } else if (q == last) {
    walk_rows(r, 1, 0, from, to, x, acc, first);
  } else if (q + 1 == last && q->reduced) {
    const bool split = r->split == g + 1;
    walk_rows(r, (size_t)q->size, q->step_x, split ? begin : 0, split ? end : last->size, x, acc, first);
  } else {
    for (int64_t i = from; i < to; ++i)
      walk(r, g + 1, begin, end, x + i * q->step_x, acc + i * q->step_acc, first && !(q->reduced && i > 0));
  }
}
static void walk_range(void *context, size_t begin, size_t end) {
  walk(context, 0, (int64_t)begin, (int64_t)end, 0, 0, true);
}

static void sum_block(void *context, size_t block) {
  const reduce_run *r = context;
  const group *rows = &r->groups[0], *row = &r->groups[1];
  const int64_t begin = ufi_part_first(rows->size, r->blocks, (int64_t)block), end = ufi_part_first(rows->size, r->blocks, (int64_t)block + 1);
  r->loops.across(r->x + (size_t)(begin * rows->step_x) * r->size_x, (size_t)(end - begin), rows->step_x,
                  r->sums + block * r->block_size, (size_t)row->size, true, r);
}

static void run_blocks(reduce_run *r, ufi_pool *pool) {
  ufi_parallel(pool, sum_block, r, (size_t)r->blocks);
  r->join(r->sums, (size_t)r->blocks, (int64_t)(r->block_size / r->loops.size_acc), r->acc, (size_t)r->groups[1].size, true, r);
}

/* Threads share the largest group that is kept; each result has one owner. Pieces of rows are whole
 * lines of the cache. */
static void run(reduce_run *r, ufi_pool *pool, int64_t count) {
  enum { LINE = 64 };
  r->split = -1;
  const int32_t threads = count >= ufi_split_least(pool, UFI_PARALLEL_MIN) ? ufi_pool_threads(pool) : 1;
  for (int32_t g = 0; g < r->n_groups && threads > 1; ++g)
    if (!r->groups[g].reduced && (r->split < 0 || r->groups[g].size > r->groups[r->split].size)) r->split = g;
  if (r->blocks) {
    run_blocks(r, threads > 1 ? pool : NULL);
    return;
  }
  if (r->split < 0) {
    walk(r, 0, 0, 0, 0, 0, true);
    return;
  }
  const size_t size = (size_t)r->groups[r->split].size;
  size_t grain = UFI_MAX(size / 16, (size_t)1);
  if (r->split == r->n_groups - 1) grain = UFI_MAX((size / (size_t)threads + LINE - 1) / LINE, (size_t)1) * LINE;
  ufi_parallel_ranges(pool, walk_range, r, size, grain);
}

/* ---- attributes, shapes ------------------------------------------------------------------- */

typedef enum reduction { R_SUM, R_MEAN, R_PROD, R_MAX, R_MIN, R_NORM, REDUCTIONS } reduction;
typedef struct reduce_attrs {
  bool keep_dims;
  bool tf;                        /* a node of TensorFlow, which does this: */
  reduction what;
} reduce_attrs;
static bool is_tf(const ufi_ctx *ctx) { return ((const reduce_attrs *)ctx->attrs)->tf; }

static uf_status reduce_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ((reduce_attrs *)attrs)->keep_dims = ufi_fb_bool(&from->options, 0, false);
  return UF_OK;
}
static uf_status reduce_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const names[REDUCTIONS] = {"Sum", "Mean", "Prod", "Max", "Min", "EuclideanNorm"};
  reduce_attrs *a = attrs;
  a->keep_dims = ufi_tf_bool(from, "keep_dims");
  a->tf = true;
  for (int32_t i = 0; i < REDUCTIONS; ++i) /* All and Any need no name */
    if (strcmp(names[i], from->op) == 0) a->what = (reduction)i;
  return UF_OK;
}

static uf_status want_once_tf(ufi_ctx *ctx, bool named, int32_t axis) {
  if (!named || !is_tf(ctx)) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected each axis once, found %d twice", (int)axis);
}

/* Which dimensions input 1 names; repeats are fine in TFLite, and any axes of a scalar. */
static uf_status read_axes(ufi_ctx *ctx, bool reduced[UF_MAX_RANK]) {
  int32_t axis;
  const int32_t rank = ctx->in[0]->rank;
  const ufi_tensor *axes = ctx->in[1];
  memset(reduced, 0, UF_MAX_RANK * sizeof *reduced);
  for (int64_t i = 0; i < axes->count && (rank > 0 || is_tf(ctx)); ++i) {
    UFI_TRY(ufi_axis(ctx, ufi_move_index(axes, i), rank, &axis));
    UFI_TRY(want_once_tf(ctx, reduced[axis], axis));
    reduced[axis] = true;
  }
  return UF_OK;
}

static uf_status reduce_infer(ufi_ctx *ctx) {
  bool reduced[UF_MAX_RANK];
  int64_t dims[UF_MAX_RANK];
  int32_t rank = 0;
  const reduce_attrs *attrs = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  if (!is_tf(ctx))
    UFI_TRY(ufi_want_in(ctx, 0, UF_FLOAT32, UF_FLOAT64, UF_INT32, UF_INT64, UF_INT8, UF_UINT8, UF_INT16,
                        UF_BOOL, UF_INVALID));
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, x->dtype));
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(read_axes(ctx, reduced));
  for (int32_t d = 0; d < x->rank; ++d) {
    if (!reduced[d]) dims[rank++] = x->dims[d];
    else if (attrs->keep_dims) dims[rank++] = 1;
  }
  return ufi_out_shape(ctx, 0, rank, dims);
}

static void make_groups(const ufi_tensor *x, const bool *reduced, reduce_run *r) {
  int64_t step_x = 1, step_acc = 1;
  group reverse[UF_MAX_RANK + 1];
  int32_t n = 0;
  r->reduced = 1;
  for (int32_t d = x->rank - 1; d >= 0; --d) {
    const int64_t size = x->dims[d];
    if (reduced[d]) r->reduced *= size;
    if (size == 1) continue;
    if (n > 0 && reverse[n - 1].reduced == reduced[d]) reverse[n - 1].size *= size;
    else reverse[n++] = (group){size, step_x, reduced[d] ? 0 : step_acc, reduced[d]};
    step_x *= size;
    if (!reduced[d]) step_acc *= size;
  }
  if (n == 0) reverse[n++] = (group){1, 1, 1, false};
  r->n_groups = n;
  for (int32_t i = 0; i < n; ++i) r->groups[i] = reverse[n - 1 - i];
}

/* ---- loops ------------------------------------------------------------------------------------ */

/* acc = STEP(acc, v), with v itself the first acc. T: elements, A: accumulators. */
#define LOOPS(name, T, A, FIRST, STEP)                                                               \
  static void name##_along(const void *px, void *pa, size_t n, bool first, const reduce_run *r) {    \
    const T *x = px;                                                                                 \
    A a = *(A *)pa;                                                                                  \
    size_t i = 0;                                                                                    \
    if (first && n) { const T v = x[i++]; a = FIRST; }                                               \
    for (; i < n; ++i) { const T v = x[i]; a = STEP; }                                               \
    *(A *)pa = a;                                                                                    \
  }                                                                                                  \
  static void name##_across(const void *px, size_t rows, int64_t step, void *pa, size_t n,          \
                            bool first, const reduce_run *r) {                                       \
    const T *x = px;                                                                                 \
    A *acc = pa;                                                                                     \
    for (; rows > 0; --rows, x += step, first = false) {                                             \
      if (first)                                                                                     \
        for (size_t i = 0; i < n; ++i) { const T v = x[i]; acc[i] = FIRST; }                         \
      else                                                                                           \
        for (size_t i = 0; i < n; ++i) { const T v = x[i]; const A a = acc[i]; acc[i] = STEP; }      \
    }                                                                                                \
  }
#define LOOPS_OF(name, A) {name##_along, name##_across, sizeof(A)}

#define NUMBER_LOOPS(suffix, T, U)                                   \
  LOOPS(sum_##suffix, T, T, v, (T)((U)a + (U)v))                     \
  LOOPS(prod_##suffix, T, T, v, (T)((U)a * (U)v))                    \
  LOOPS(max_##suffix, T, T, v, v > a ? v : a)                        \
  LOOPS(min_##suffix, T, T, v, v < a ? v : a)
NUMBER_LOOPS(i32, int32_t, uint32_t)
NUMBER_LOOPS(i64, int64_t, uint64_t)
NUMBER_LOOPS(f64, double, double)
#define SMALL_LOOPS(suffix, T)                                       \
  LOOPS(prod_##suffix, T, T, v, (T)((uint32_t)a * (uint32_t)v))      \
  LOOPS(max_##suffix, T, T, v, v > a ? v : a)                        \
  LOOPS(min_##suffix, T, T, v, v < a ? v : a)
SMALL_LOOPS(i8, int8_t)
SMALL_LOOPS(u8, uint8_t)
SMALL_LOOPS(i16, int16_t)
LOOPS(prod_f32, float, float, v, a * v)
LOOPS(any, uint8_t, uint8_t, v != 0, v || a)
LOOPS(all, uint8_t, uint8_t, v != 0, v && a)
/* Means of integers are sums of int64, quantized sums are of int32 and wrap. */
LOOPS(wide_i32, int32_t, int64_t, v, (int64_t)((uint64_t)a + (uint64_t)v))
LOOPS(q_sum_i16, int16_t, int32_t, v, ufk_add_wrap(a, v))
/* A factor is scaled as soon as it is multiplied, to stay in range. */
LOOPS(q_prod_i8, int8_t, int32_t, v - r->zero, ufk_scale_i64((int64_t)a * (v - r->zero), r->scale))
LOOPS(q_prod_i16, int16_t, int32_t, v - r->zero, ufk_scale_i64((int64_t)a * (v - r->zero), r->scale))

static const ufk_elementwise_table *kernels(void) { return &ufi_kernels_get()->elementwise; }

static void sum_f32_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  *(float *)acc = (float)((first ? 0.0 : (double)*(float *)acc) + kernels()->f32_sum(x, n));
}
static void sum_f32_across(const void *x, size_t rows, int64_t step, void *acc, size_t n, bool first,
                           const reduce_run *r) {
  if (first) memset(acc, 0, n * sizeof(float));
  kernels()->f32_accumulate(x, rows, step, acc, n);
}
/* NaNs are passed over, as by the reference. */
static void max_f32_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  *(float *)acc = kernels()->f32_max(x, n, first ? -INFINITY : *(float *)acc);
}
static void min_f32_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  *(float *)acc = kernels()->f32_min(x, n, first ? INFINITY : *(float *)acc);
}
static inline void extreme_f32_across(ufk_f32_binary kernel, float worst, const float *x, size_t rows, int64_t step,
                                      float *acc, size_t n, bool first) {
  if (first && rows > 0) {
    kernels()->f32_binary[kernel][UFK_VS](x, &worst, acc, n, -INFINITY, INFINITY);
    --rows, x += step;
  }
  for (; rows > 0; --rows, x += step) kernels()->f32_binary[kernel][UFK_VV](x, acc, acc, n, -INFINITY, INFINITY);
}
static void max_f32_across(const void *x, size_t rows, int64_t step, void *acc, size_t n, bool first,
                           const reduce_run *r) {
  extreme_f32_across(UFK_MAX, -INFINITY, x, rows, step, acc, n, first);
}
static void min_f32_across(const void *x, size_t rows, int64_t step, void *acc, size_t n, bool first,
                           const reduce_run *r) {
  extreme_f32_across(UFK_MIN, INFINITY, x, rows, step, acc, n, first);
}

#define Q_SUM(name, sum, accumulate)                                                                   \
  static void name##_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {      \
    const int32_t row = (int32_t)(uint32_t)(uint64_t)kernels()->sum(x, n);                             \
    *(int32_t *)acc = first ? row : ufk_add_wrap(*(int32_t *)acc, row);                                \
  }                                                                                                    \
  static void name##_across(const void *px, size_t rows, int64_t step, void *acc, size_t n, bool first, \
                            const reduce_run *r) {                                                     \
    if (first) memset(acc, 0, n * sizeof(int32_t));                                                    \
    kernels()->accumulate(px, rows, step, acc, n);                                                     \
  }
Q_SUM(q_sum_i8, s8_sum, s8_accumulate)
Q_SUM(q_sum_u8, u8_sum, u8_accumulate)

/* TensorFlow: a NaN is the result. */
static float or_nan(const float *x, size_t n, float value) {
  int any = 0;
  for (size_t i = 0; i < n; ++i) any |= x[i] != x[i];
  return any ? NAN : value;
}
static void max_nan_f32_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  const float before = first ? -INFINITY : *(float *)acc, v = or_nan(x, n, kernels()->f32_max(x, n, before));
  *(float *)acc = before != before ? before : v;
}
static void min_nan_f32_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  const float before = first ? INFINITY : *(float *)acc, v = or_nan(x, n, kernels()->f32_min(x, n, before));
  *(float *)acc = before != before ? before : v;
}
#define ACROSS_LOOP(name, STEP)                                                                      \
  static void name(const void *px, size_t rows, int64_t step, void *pa, size_t n, bool first,        \
                   const reduce_run *r) {                                                            \
    const float *x = px;                                                                             \
    float *acc = pa;                                                                                 \
    for (; rows > 0; --rows, x += step, first = false) {                                             \
      if (first) memcpy(acc, x, n * sizeof *acc);                                                    \
      else                                                                                           \
        for (size_t i = 0; i < n; ++i) { const float v = x[i], a = acc[i]; acc[i] = STEP; }          \
    }                                                                                                \
  }
ACROSS_LOOP(max_nan_f32_across, v > a || v != v ? v : a)
ACROSS_LOOP(min_nan_f32_across, v < a || v != v ? v : a)
LOOPS(max_nan_f64, double, double, v, v > a || v != v ? v : a)
LOOPS(min_nan_f64, double, double, v, v < a || v != v ? v : a)
LOOPS(max_u64, uint64_t, uint64_t, v, v > a ? v : a)
LOOPS(min_u64, uint64_t, uint64_t, v, v < a ? v : a)
typedef double _Complex complex128;
LOOPS(sum_c128, complex128, complex128, v, a + v)
LOOPS(prod_c128, complex128, complex128, v, a * v)
static double square_of(complex128 v) { return __real__ v * __real__ v + __imag__ v * __imag__ v; }
LOOPS(norm_f32, float, double, (double)v * (double)v, a + (double)v * (double)v)
LOOPS(norm_f64, double, double, v * v, a + v * v)
LOOPS(norm_u64, uint64_t, uint64_t, v * v, a + v * v)
LOOPS(norm_c128, complex128, double, square_of(v), a + square_of(v))

/* Other dtypes: converted, then joined by the loops of the wide one. */
enum { CHUNK = 256 };
static void chunks(const char *x, char *acc, size_t n, bool first, const reduce_run *r, bool along) {
  _Alignas(16) char wide[CHUNK * sizeof(complex128)];
  uf_error unused;
  for (size_t i = 0; i < n; i += CHUNK) {
    const size_t m = UFI_MIN(n - i, (size_t)CHUNK);
    if (ufi_convert(r->dtype, x + i * r->size_x, (int64_t)m, r->wide, wide, &unused) != UF_OK)
      return; /* prepare chose a pair that converts */
    if (along) r->wider.along(wide, acc, m, first && i == 0, r);
    else r->wider.across(wide, 1, 0, acc + i * r->wider.size_acc, m, first, r);
  }
}
static void chunks_along(const void *x, void *acc, size_t n, bool first, const reduce_run *r) {
  chunks(x, acc, n, first, r, true);
}
static void chunks_across(const void *x, size_t rows, int64_t step, void *acc, size_t n, bool first,
                          const reduce_run *r) {
  for (size_t row = 0; row < rows; ++row)
    chunks((const char *)x + (int64_t)row * step * (int64_t)r->size_x, acc, n, first && row == 0, r, false);
}

/* ---- one op, one dtype --------------------------------------------------------------------------- */

typedef struct reduce_state {
  reduce_run run;
  bool wide;        /* results in scratch, to be finished */
  ufk_scale scale;  /* quantized SUM, MEAN, REDUCE_PROD */
  bool by_count;    /* MEAN */
} reduce_state;

static reduce_state *start(ufi_ctx *ctx) {
  bool reduced[UF_MAX_RANK];
  reduce_state *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s || read_axes(ctx, reduced) != UF_OK) return NULL;
  make_groups(ctx->in[0], reduced, &s->run);
  s->run.size_x = (size_t)uf_dtype_bits(ctx->in[0]->dtype) / 8;
  return s;
}
#define START(s)                     \
  reduce_state *s = start(ctx);      \
  if (!s) return ctx->error && ctx->error->status != UF_OK ? ctx->error->status : UF_RESOURCE_EXHAUSTED

static across_fn join_of(const reduce_run *r) {
  if (r->loops.across == sum_f32_across) return sum_f32_across;
  const bool quantized = r->loops.across == q_sum_i8_across || r->loops.across == q_sum_u8_across || r->loops.across == q_sum_i16_across;
  return quantized ? sum_i32_across : NULL;
}

/* Where there is but one row of results: as many blocks as are worth a thread each, a power of two. */
static void set_blocks(reduce_run *r) {
  enum { ELEMENTS = 8192, MOST = 16, ROWS = 4, LINE = 64 };
  r->join = join_of(r);
  r->blocks = 0;
  if (!r->join || r->n_groups != 2 || !r->groups[0].reduced || r->groups[1].reduced) return;
  const int64_t rows = r->groups[0].size, n = r->groups[1].size;
  int64_t blocks = MOST;
  while (blocks > 1 && (rows / blocks < ROWS || rows / blocks * n < ELEMENTS)) blocks /= 2;
  if (blocks == 1) return;
  r->blocks = blocks;
  r->block_size = ((size_t)n * r->loops.size_acc + LINE - 1) / LINE * LINE;
}

static size_t results_size(const ufi_ctx *ctx, const reduce_state *s) {
  return s->wide ? ((size_t)ctx->out[0]->count * s->run.loops.size_acc + 63) / 64 * 64 : 0;
}

/* For the results, if they are wide, and the sums of blocks. */
static void want_scratch(ufi_ctx *ctx, reduce_state *s) {
  set_blocks(&s->run);
  const size_t size = results_size(ctx, s) + (size_t)s->run.blocks * s->run.block_size;
  if (size) ufi_want_scratch(ctx, size);
}

static uf_status take(ufi_ctx *ctx, reduce_state *s, const reduce_loops by_dtype[UF_DTYPE_COUNT]) {
  char text[512];
  const uf_dtype dtype = ctx->in[0]->dtype;
  s->run.loops = by_dtype[dtype];
  if (!s->run.loops.along)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype that this reduction knows, found %s",
                        ufi_tensor_text(ctx->in[0], text));
  s->wide = s->run.loops.size_acc != s->run.size_x;
  want_scratch(ctx, s);
  return UF_OK;
}

/* Nodes of TensorFlow: its own loops or those of the dtype that it is converted to. */
static uf_status tf_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[REDUCTIONS][UF_DTYPE_COUNT] = {
    [R_SUM] = {[UF_FLOAT32] = LOOPS_OF(sum_f32, float), [UF_FLOAT64] = LOOPS_OF(sum_f64, double),
               [UF_INT32] = LOOPS_OF(sum_i32, int32_t), [UF_INT64] = LOOPS_OF(sum_i64, int64_t),
               [UF_UINT64] = LOOPS_OF(sum_i64, int64_t), [UF_COMPLEX128] = LOOPS_OF(sum_c128, complex128)},
    [R_MEAN] = {[UF_FLOAT32] = LOOPS_OF(sum_f32, float), [UF_FLOAT64] = LOOPS_OF(sum_f64, double),
                [UF_INT64] = LOOPS_OF(sum_i64, int64_t), [UF_UINT64] = LOOPS_OF(sum_i64, int64_t),
                [UF_COMPLEX128] = LOOPS_OF(sum_c128, complex128)},
    [R_PROD] = {[UF_FLOAT32] = LOOPS_OF(prod_f32, float), [UF_FLOAT64] = LOOPS_OF(prod_f64, double),
                [UF_INT32] = LOOPS_OF(prod_i32, int32_t), [UF_INT64] = LOOPS_OF(prod_i64, int64_t),
                [UF_UINT64] = LOOPS_OF(prod_i64, int64_t), [UF_COMPLEX128] = LOOPS_OF(prod_c128, complex128)},
    [R_MAX] = {[UF_FLOAT32] = LOOPS_OF(max_nan_f32, float), [UF_FLOAT64] = LOOPS_OF(max_nan_f64, double),
               [UF_INT32] = LOOPS_OF(max_i32, int32_t), [UF_INT64] = LOOPS_OF(max_i64, int64_t),
               [UF_UINT64] = LOOPS_OF(max_u64, uint64_t)},
    [R_MIN] = {[UF_FLOAT32] = LOOPS_OF(min_nan_f32, float), [UF_FLOAT64] = LOOPS_OF(min_nan_f64, double),
               [UF_INT32] = LOOPS_OF(min_i32, int32_t), [UF_INT64] = LOOPS_OF(min_i64, int64_t),
               [UF_UINT64] = LOOPS_OF(min_u64, uint64_t)},
    [R_NORM] = {[UF_FLOAT32] = LOOPS_OF(norm_f32, double), [UF_FLOAT64] = LOOPS_OF(norm_f64, double),
                [UF_INT64] = LOOPS_OF(norm_u64, uint64_t), [UF_UINT64] = LOOPS_OF(norm_u64, uint64_t),
                [UF_COMPLEX128] = LOOPS_OF(norm_c128, double)}};
  const reduction what = ((const reduce_attrs *)ctx->attrs)->what;
  const uf_dtype dtype = ctx->in[0]->dtype;
  char text[512];
  START(s);
  reduce_run *r = &s->run;
  s->by_count = what == R_MEAN;
  r->dtype = dtype;
  r->wide = dtype == UF_BOOL ? UF_INVALID : ufi_join_wide(dtype);
  if (r->wide == UF_INT32 && !loops[what][UF_INT32].along) r->wide = UF_INT64;
  r->wider = loops[what][r->wide];
  if (!r->wider.along)
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype that this reduction knows, found %s",
                        ufi_tensor_text(ctx->in[0], text));
  r->loops = r->wide == dtype ? r->wider : (reduce_loops){chunks_along, chunks_across, r->wider.size_acc};
  s->wide = r->wide != dtype || what == R_NORM;
  want_scratch(ctx, s);
  return UF_OK;
}

static bool is_8_or_16(uf_dtype dtype) { return dtype == UF_INT8 || dtype == UF_UINT8 || dtype == UF_INT16; }

/* Quantization is sound, symmetric for int16. */
static uf_status check_q(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_per_tensor(ctx, ctx->in[0]));
  UFI_TRY(ufi_want_per_tensor(ctx, ctx->out[0]));
  if (ctx->in[0]->dtype != UF_INT16) return UF_OK;
  UFI_TRY(ufi_want_symmetric(ctx, ctx->in[0]));
  return ufi_want_symmetric(ctx, ctx->out[0]);
}

/* One factor per reduced element, since the mean is folded into the scale. */
static ufk_scale mean_scale(ufk_scale scale, int64_t count) {
  int shift = 63 - __builtin_clzll((uint64_t)count);
  shift = UFI_MIN(UFI_MIN(shift, 32), 31 + scale.shift);
  return (ufk_scale){(int32_t)(((int64_t)scale.multiplier << shift) / count), scale.shift - shift};
}

static uf_status prepare_sum(ufi_ctx *ctx, reduce_state *s) {
  if (!is_8_or_16(ctx->in[0]->dtype)) return UF_OK;
  UFI_TRY(check_q(ctx));
  s->scale = ufi_scale_from((double)ufi_scale(ctx->in[0]) / (double)ufi_scale(ctx->out[0]));
  if (s->by_count && s->run.reduced > 0) s->scale = mean_scale(s->scale, s->run.reduced);
  return UF_OK;
}
static uf_status sum_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = LOOPS_OF(sum_f32, float), [UF_FLOAT64] = LOOPS_OF(sum_f64, double),
    [UF_INT32] = LOOPS_OF(sum_i32, int32_t), [UF_INT64] = LOOPS_OF(sum_i64, int64_t),
    [UF_INT8] = LOOPS_OF(q_sum_i8, int32_t), [UF_UINT8] = LOOPS_OF(q_sum_u8, int32_t),
    [UF_INT16] = LOOPS_OF(q_sum_i16, int32_t), [UF_BOOL] = LOOPS_OF(any, uint8_t)};
  if (is_tf(ctx)) return tf_prepare(ctx);
  START(s);
  UFI_TRY(take(ctx, s, loops));
  return prepare_sum(ctx, s);
}
static uf_status mean_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = LOOPS_OF(sum_f32, float), [UF_FLOAT64] = LOOPS_OF(sum_f64, double),
    [UF_INT32] = LOOPS_OF(wide_i32, int64_t), [UF_INT64] = LOOPS_OF(sum_i64, int64_t),
    [UF_INT8] = LOOPS_OF(q_sum_i8, int32_t), [UF_UINT8] = LOOPS_OF(q_sum_u8, int32_t),
    [UF_INT16] = LOOPS_OF(q_sum_i16, int32_t)};
  if (is_tf(ctx)) return tf_prepare(ctx);
  START(s);
  s->by_count = true;
  UFI_TRY(take(ctx, s, loops));
  return prepare_sum(ctx, s);
}

/* The product's scale is input scale ^ count / output scale; each factor takes
 * its root of it. */
static uf_status prod_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = LOOPS_OF(prod_f32, float), [UF_FLOAT64] = LOOPS_OF(prod_f64, double),
    [UF_INT32] = LOOPS_OF(prod_i32, int32_t), [UF_INT64] = LOOPS_OF(prod_i64, int64_t),
    [UF_INT8] = LOOPS_OF(prod_i8, int8_t), [UF_UINT8] = LOOPS_OF(prod_u8, uint8_t),
    [UF_INT16] = LOOPS_OF(prod_i16, int16_t), [UF_BOOL] = LOOPS_OF(all, uint8_t)};
  static const reduce_loops quantized[UF_DTYPE_COUNT] = {
    [UF_INT8] = LOOPS_OF(q_prod_i8, int32_t), [UF_INT16] = LOOPS_OF(q_prod_i16, int32_t)};
  if (is_tf(ctx)) return tf_prepare(ctx);
  START(s);
  const ufi_tensor *x = ctx->in[0];
  if (!ufi_is_quantized(x) || !is_8_or_16(x->dtype)) return take(ctx, s, loops);
  UFI_TRY(check_q(ctx));
  UFI_TRY(take(ctx, s, quantized));
  if (s->run.reduced == 0) return UF_OK;
  const double root = pow((double)ufi_scale(ctx->out[0]), 1.0 / (double)s->run.reduced);
  s->scale = ufi_scale_from((double)ufi_scale(x) / root);
  if (s->scale.shift >= 8) /* beyond what a 48-bit product can take */
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                        "expected an output scale in proportion to the input's, found %g and %g",
                        (double)ufi_scale(ctx->out[0]), (double)ufi_scale(x));
  s->run.zero = ufi_zero(x);
  s->run.scale = s->scale;
  return UF_OK;
}

/* The least and the largest stay what they are: scales must agree. */
static uf_status extreme_prepare(ufi_ctx *ctx, const reduce_loops *loops) {
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  if (is_tf(ctx)) return tf_prepare(ctx);
  START(s);
  if (is_8_or_16(x->dtype)) {
    UFI_TRY(check_q(ctx));
    if (ufi_scale(x) != ufi_scale(y) || ufi_zero(x) != ufi_zero(y))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected equal quantization of '%s' and '%s', found scales %g and %g, zero points %d "
                          "and %d",
                          x->name, y->name, (double)ufi_scale(x), (double)ufi_scale(y), ufi_zero(x), ufi_zero(y));
  }
  return take(ctx, s, loops);
}
static uf_status max_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = LOOPS_OF(max_f32, float), [UF_FLOAT64] = LOOPS_OF(max_f64, double),
    [UF_INT32] = LOOPS_OF(max_i32, int32_t), [UF_INT64] = LOOPS_OF(max_i64, int64_t),
    [UF_INT8] = LOOPS_OF(max_i8, int8_t), [UF_UINT8] = LOOPS_OF(max_u8, uint8_t),
    [UF_INT16] = LOOPS_OF(max_i16, int16_t), [UF_BOOL] = LOOPS_OF(any, uint8_t)};
  return extreme_prepare(ctx, loops);
}
static uf_status min_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = LOOPS_OF(min_f32, float), [UF_FLOAT64] = LOOPS_OF(min_f64, double),
    [UF_INT32] = LOOPS_OF(min_i32, int32_t), [UF_INT64] = LOOPS_OF(min_i64, int64_t),
    [UF_INT8] = LOOPS_OF(min_i8, int8_t), [UF_UINT8] = LOOPS_OF(min_u8, uint8_t),
    [UF_INT16] = LOOPS_OF(min_i16, int16_t), [UF_BOOL] = LOOPS_OF(all, uint8_t)};
  return extreme_prepare(ctx, loops);
}
static uf_status any_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {[UF_BOOL] = LOOPS_OF(any, uint8_t)};
  START(s);
  return take(ctx, s, loops);
}
static uf_status all_prepare(ufi_ctx *ctx) {
  static const reduce_loops loops[UF_DTYPE_COUNT] = {[UF_BOOL] = LOOPS_OF(all, uint8_t)};
  START(s);
  return take(ctx, s, loops);
}

/* ---- eval ------------------------------------------------------------------------------------------- */

static void store_int(const ufi_tensor *y, int64_t i, int32_t v) {
  if (y->dtype == UF_INT16) ((int16_t *)y->data)[i] = (int16_t)v;
  else ((uint8_t *)y->data)[i] = (uint8_t)v;
}

static uf_status reduce_with(ufi_ctx *ctx, void *acc) {
  reduce_state *s = ctx->state;
  s->run.x = ctx->in[0]->data;
  s->run.acc = acc;
  s->run.sums = (char *)ctx->scratch + results_size(ctx, s);
  run(&s->run, ctx->pool, ctx->in[0]->count);
  return UF_OK;
}

/* Results of nothing: `empty` in every element. */
static uf_status fill(ufi_ctx *ctx, double empty) {
  const ufi_tensor *y = ctx->out[0];
  for (int64_t i = 0; i < y->count; ++i) switch (y->dtype) {
      case UF_FLOAT32: ((float *)y->data)[i] = (float)empty; break;
      case UF_FLOAT64: ((double *)y->data)[i] = empty; break;
      case UF_INT32: ((int32_t *)y->data)[i] = (int32_t)empty; break;
      case UF_INT64: ((int64_t *)y->data)[i] = empty >= 9.2e18 ? INT64_MAX : (int64_t)empty; break;
      default: store_int(y, i, (int32_t)empty);
    }
  return UF_OK;
}

/* acc /= n, by the dtype that sums have. */
static void divide(uf_dtype dtype, void *acc, int64_t count, int64_t n) {
#define DIVIDE(T) for (int64_t i = 0; i < count; ++i) ((T *)acc)[i] /= (T)n; break
  switch (dtype) {
    case UF_FLOAT32: DIVIDE(float);
    case UF_FLOAT64: DIVIDE(double);
    case UF_INT64: DIVIDE(int64_t);
    case UF_UINT64: DIVIDE(uint64_t);
    default: DIVIDE(complex128);
  }
#undef DIVIDE
}

/* Square roots of the sums of squares; an integer's sum wraps around in its own width first. */
static uf_status finish_norm(ufi_ctx *ctx, const reduce_run *r) {
  const ufi_tensor *y = ctx->out[0];
  const bool whole = r->wide == UF_INT64 || r->wide == UF_UINT64;
  const size_t size = (size_t)uf_dtype_bits(y->dtype) / 8;
  if (whole) UFI_TRY(ufi_convert(r->wide, ctx->scratch, y->count, y->dtype, y->data, ctx->error));
  for (int64_t i = 0; i < y->count; ++i) {
    char *to = (char *)y->data + (size_t)i * size;
    double root = whole ? 0.0 : ((const double *)ctx->scratch)[i];
    if (whole) UFI_TRY(ufi_convert(y->dtype, to, 1, UF_FLOAT64, &root, ctx->error));
    root = sqrt(root);
    UFI_TRY(ufi_convert(UF_FLOAT64, &root, 1, y->dtype, to, ctx->error));
  }
  return UF_OK;
}

/* Results of nothing: what changes nothing when joined; means of floats are NaN. */
static uf_status fill_identity(ufi_ctx *ctx, reduction what) {
  static const ufi_join joins[REDUCTIONS] = {[R_SUM] = UFI_JOIN_ADD, [R_MEAN] = UFI_JOIN_ADD, [R_PROD] = UFI_JOIN_MUL,
                                             [R_MAX] = UFI_JOIN_MAX, [R_MIN] = UFI_JOIN_MIN, [R_NORM] = UFI_JOIN_ADD};
  const ufi_tensor *y = ctx->out[0];
  const uf_dtype wide = ufi_join_wide(y->dtype);
  _Alignas(16) char value[16];
  const double nan = NAN;
  ufi_join_start(joins[what], y->dtype, true, value);
  if (what == R_MEAN && (wide == UF_FLOAT32 || wide == UF_FLOAT64))
    UFI_TRY(ufi_convert(UF_FLOAT64, &nan, 1, y->dtype, value, ctx->error));
  ufi_move_fill(y->dtype, y->data, 0, value, y->count);
  return UF_OK;
}

static uf_status tf_eval(ufi_ctx *ctx) {
  const reduction what = ((const reduce_attrs *)ctx->attrs)->what;
  reduce_state *s = ctx->state;
  const ufi_tensor *y = ctx->out[0];
  if (ctx->in[0]->count == 0) return fill_identity(ctx, what);
  void *acc = s->wide ? ctx->scratch : y->data;
  UFI_TRY(reduce_with(ctx, acc));
  if (what == R_NORM) return finish_norm(ctx, &s->run);
  if (s->by_count) divide(s->run.wide, acc, y->count, s->run.reduced);
  return s->wide ? ufi_convert(s->run.wide, acc, y->count, y->dtype, y->data, ctx->error) : UF_OK;
}

/* Neither sums less zero points nor what they are scaled to come near the end of 32 bits, where the reference's wrap around. */
static bool is_bounded(const reduce_state *s, const ufi_tensor *x) {
  const int64_t most = x->dtype == UF_INT16 ? 1 << 16 : 1 << 8;
  return s->scale.shift <= 0 && s->run.reduced < (1 << 30) / most;
}

static uf_status sum_eval(ufi_ctx *ctx) {
  if (is_tf(ctx)) return tf_eval(ctx);
  const reduce_state *s = ctx->state;
  const ufi_tensor *x = ctx->in[0], *y = ctx->out[0];
  int32_t lo, hi;
  if (x->count == 0) return fill(ctx, 0.0);
  UFI_TRY(reduce_with(ctx, s->wide ? ctx->scratch : y->data));
  if (!s->wide) return UF_OK;
  ufi_dtype_limits(y->dtype, &lo, &hi);
  const int32_t *sums = ctx->scratch;
  if (is_bounded(s, x)) {
    ufi_scale_many(sums, ufi_zero(x) * (int32_t)s->run.reduced, s->scale, y);
    return UF_OK;
  }
  for (int64_t i = 0; i < y->count; ++i) {
    const int32_t sum = (int32_t)(uint32_t)(uint64_t)(sums[i] - ufi_zero(x) * s->run.reduced);
    const int32_t v = ufk_add_wrap(ufk_scale_i32(sum, s->scale), ufi_zero(y));
    store_int(y, i, UFI_MIN(UFI_MAX(v, lo), hi));
  }
  return UF_OK;
}

static uf_status mean_eval(ufi_ctx *ctx) {
  if (is_tf(ctx)) return tf_eval(ctx);
  const reduce_state *s = ctx->state;
  const ufi_tensor *y = ctx->out[0];
  const int64_t n = s->run.reduced;
  if (ctx->in[0]->count == 0) return fill(ctx, y->dtype == UF_FLOAT32 || y->dtype == UF_FLOAT64 ? NAN : 0.0);
  if (y->dtype == UF_INT32) {
    UFI_TRY(reduce_with(ctx, ctx->scratch));
    for (int64_t i = 0; i < y->count; ++i) ((int32_t *)y->data)[i] = (int32_t)(((int64_t *)ctx->scratch)[i] / n);
    return UF_OK;
  }
  UFI_TRY(sum_eval(ctx));
  const float divisor = (float)n;
  if (y->dtype == UF_FLOAT32)
    kernels()->f32_binary[UFK_DIV][UFK_VS](y->data, &divisor, y->data, (size_t)y->count, -INFINITY, INFINITY);
  for (int64_t i = 0; y->dtype == UF_FLOAT64 && i < y->count; ++i) ((double *)y->data)[i] /= (double)n;
  for (int64_t i = 0; y->dtype == UF_INT64 && i < y->count; ++i) ((int64_t *)y->data)[i] /= n;
  return UF_OK;
}

static uf_status prod_eval(ufi_ctx *ctx) {
  if (is_tf(ctx)) return tf_eval(ctx);
  const reduce_state *s = ctx->state;
  const ufi_tensor *y = ctx->out[0];
  int32_t lo, hi;
  if (ctx->in[0]->count == 0) return fill(ctx, ufi_is_quantized(y) ? 0.0 : 1.0);
  UFI_TRY(reduce_with(ctx, s->wide ? ctx->scratch : y->data));
  if (!s->wide) return UF_OK;
  ufi_dtype_limits(y->dtype, &lo, &hi);
  const int32_t *products = ctx->scratch;
  for (int64_t i = 0; i < y->count; ++i) {
    const int32_t v = ufk_add_wrap(ufk_scale_i64(products[i], s->scale), ufi_zero(y));
    store_int(y, i, UFI_MIN(UFI_MAX(v, lo), hi));
  }
  return UF_OK;
}

static double dtype_least(uf_dtype dtype) {
  int32_t lo, hi;
  ufi_dtype_limits(dtype, &lo, &hi);
  return dtype == UF_FLOAT32 ? (double)-FLT_MAX : dtype == UF_FLOAT64 ? -DBL_MAX
       : dtype == UF_INT64 ? -9223372036854775808.0 : dtype == UF_BOOL ? 0.0 : lo;
}
static double dtype_most(uf_dtype dtype) {
  int32_t lo, hi;
  ufi_dtype_limits(dtype, &lo, &hi);
  return dtype == UF_FLOAT32 ? (double)FLT_MAX : dtype == UF_FLOAT64 ? DBL_MAX
       : dtype == UF_INT64 ? 9223372036854775807.0 : dtype == UF_BOOL ? 1.0 : hi;
}
static uf_status plain_eval(ufi_ctx *ctx, double empty) {
  return ctx->in[0]->count == 0 ? fill(ctx, empty) : reduce_with(ctx, ctx->out[0]->data);
}
static uf_status max_eval(ufi_ctx *ctx) {
  return is_tf(ctx) ? tf_eval(ctx) : plain_eval(ctx, dtype_least(ctx->out[0]->dtype));
}
static uf_status min_eval(ufi_ctx *ctx) {
  return is_tf(ctx) ? tf_eval(ctx) : plain_eval(ctx, dtype_most(ctx->out[0]->dtype));
}
static uf_status any_eval(ufi_ctx *ctx) { return plain_eval(ctx, 0.0); }
static uf_status all_eval(ufi_ctx *ctx) { return plain_eval(ctx, 1.0); }

/* ---- rows of a chain -------------------------------------------------------------------------------- */

static void reduce_rows(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  const reduce_state *s = ctx->state;
  const size_t row = (size_t)s->run.reduced;
  float *y = out;
  for (size_t i = 0; i < n; ++i) s->run.loops.along((const float *)in[0] + i * row, y + i, row, true, &s->run);
  if (s->by_count) divide(UF_FLOAT32, y, (int64_t)n, (int64_t)row);
}

/* The last dimension alone is reduced, and a result is a float of floats. */
static ufi_part_fn reduce_rows_of(const ufi_ctx *ctx) {
  const reduce_state *s = ctx->state;
  const ufi_tensor *x = ctx->in[0];
  const reduce_run *r = &s->run;
  const bool is_float = x->dtype == UF_FLOAT32 && ctx->out[0]->dtype == UF_FLOAT32 && !s->wide;
  const bool is_last = r->n_groups == 2 && r->groups[1].reduced && x->rank > 0 && r->reduced == x->dims[x->rank - 1];
  return is_float && is_last ? reduce_rows : NULL;
}

#define REDUCE_DEF(name, prepare_fn, eval_fn)                                                     \
  const ufi_op_def ufi_op_##name = {                                                              \
    .attrs_size = sizeof(reduce_attrs), .attrs_tflite = reduce_tflite, .attrs_tf = reduce_tf,     \
    .infer = reduce_infer, .prepare = prepare_fn, .eval = eval_fn, .rows = reduce_rows_of,        \
  }
REDUCE_DEF(SUM, sum_prepare, sum_eval);
REDUCE_DEF(MEAN, mean_prepare, mean_eval);
REDUCE_DEF(REDUCE_PROD, prod_prepare, prod_eval);
REDUCE_DEF(REDUCE_MAX, max_prepare, max_eval);
REDUCE_DEF(REDUCE_MIN, min_prepare, min_eval);
REDUCE_DEF(REDUCE_ANY, any_prepare, any_eval);
REDUCE_DEF(REDUCE_ALL, all_prepare, all_eval);
REDUCE_DEF(EUCLIDEAN_NORM, tf_prepare, tf_eval);
