/* SPDX-License-Identifier: Apache-2.0
 *
 * move.c: strided n-d copies.
 *
 * A move is first made small: extents of 1 are dropped, neighbouring loops
 * that walk like one become one, and an innermost loop that is contiguous on
 * both sides becomes the "run", the bytes that one memcpy takes. What is left
 * is an odometer over the outer loops around a two-dimensional kernel. If the
 * innermost loop writes consecutive elements but reads far apart, and another
 * loop reads consecutive elements, then that other loop is made the second of
 * the kernel, which is a matrix to transpose (kernels/transposed.h).
 */
#include "ops/move.h"

#include "kernels/transposed.h"

/* Copies smaller than this are not worth waking threads for. */
#define PARALLEL_BYTES (512 * 1024)
#define GRAIN_BYTES (16 * 1024)

/* Steps in bytes. */
typedef struct loop {
  int64_t extent, in, out;
} loop;

typedef struct plan {
  int32_t rank;               /* of the outer loops */
  loop outer[UFI_MOVE_RANK];
  loop second, last;          /* the kernel's two loops */
  size_t run;                 /* bytes copied at each step */
  bool tiled;
  uint8_t *to;
  const uint8_t *from;
} plan;

/* ---- kernel ---------------------------------------------------------------- */

#define COPY_LOOPS(size)                                                  \
  for (int64_t i = 0; i < second.extent; i++) {                           \
    uint8_t *t = to + i * second.out;                                     \
    const uint8_t *f = from + i * second.in;                              \
    for (int64_t j = 0; j < last.extent; j++, t += last.out, f += last.in) \
      memcpy(t, f, size);                                                 \
  }

/* A constant size lets the compiler make a load and a store of each memcpy. */
static void copy_plain(uint8_t *to, const uint8_t *from, loop second, loop last, size_t run) {
  switch (run) {
    case 1: COPY_LOOPS(1) break;
    case 2: COPY_LOOPS(2) break;
    case 3: COPY_LOOPS(3) break;
    case 4: COPY_LOOPS(4) break;
    case 8: COPY_LOOPS(8) break;
    case 12: COPY_LOOPS(12) break;
    case 16: COPY_LOOPS(16) break;
    default: COPY_LOOPS(run) break;
  }
}

/* ---- odometer --------------------------------------------------------------- */

/* The kernel for outer positions [begin, end), counted in row-major order. */
static void run_range(void *context, size_t begin, size_t end) {
  const plan *p = context;
  int64_t at[UFI_MOVE_RANK];
  uint8_t *to = p->to;
  const uint8_t *from = p->from;
  size_t rest = begin;
  for (int32_t d = p->rank - 1; d >= 0; d--) {
    at[d] = (int64_t)(rest % (size_t)p->outer[d].extent);
    rest /= (size_t)p->outer[d].extent;
    to += at[d] * p->outer[d].out;
    from += at[d] * p->outer[d].in;
  }
  for (size_t i = begin; i < end; i++) {
    if (p->tiled) ufk_transpose(p->run, p->last.extent, p->second.extent, from, p->last.in, to, p->second.out);
    else copy_plain(to, from, p->second, p->last, p->run);
    for (int32_t d = p->rank - 1; d >= 0; d--) {
      const loop *l = &p->outer[d];
      to += l->out;
      from += l->in;
      if (++at[d] < l->extent) break;
      to -= l->extent * l->out;
      from -= l->extent * l->in;
      at[d] = 0;
    }
  }
}

/* Loops of the move without those of extent 1, neighbours merged where one
 * step leads from the end of the inner to the next of the outer. Returns how
 * many, -1 when there is nothing to copy. */
static int32_t simplify(const ufi_move *move, loop *loops, int64_t unit) {
  int32_t n = 0;
  for (int32_t d = 0; d < move->rank; d++) {
    loop l = {move->extent[d], move->in_step[d] * unit, move->out_step[d] * unit};
    if (l.extent <= 0) return -1;
    if (l.extent == 1) continue;
    loop *outer = n ? &loops[n - 1] : NULL;
    if (outer && outer->in == l.in * l.extent && outer->out == l.out * l.extent)
      *outer = (loop){outer->extent * l.extent, l.in, l.out};
    else
      loops[n++] = l;
  }
  return n;
}

/* Picks the loop that reads consecutive elements when the innermost does not,
 * and moves it next to the innermost. */
static bool make_tiled(loop *loops, int32_t n, size_t run) {
  loop *last = &loops[n - 1];
  if (run > 16 || (run & (run - 1)) || last->out != (int64_t)run || last->in == (int64_t)run)
    return false;
  for (int32_t d = n - 2; d >= 0; d--) {
    if (loops[d].in != (int64_t)run || loops[d].extent < 4 || last->extent < 4) continue;
    loop chosen = loops[d];
    for (; d < n - 2; d++) loops[d] = loops[d + 1];
    loops[n - 2] = chosen;
    return true;
  }
  return false;
}

/* Steps [begin, end) of the kernel's outer loop, where that is all there is: of `second`, or else of `last`. */
static void run_part(void *context, size_t begin, size_t end) {
  plan p = *(const plan *)context;
  loop *l = p.second.extent > 1 ? &p.second : &p.last;
  l->extent = (int64_t)(end - begin);
  p.to += (int64_t)begin * l->out;
  p.from += (int64_t)begin * l->in;
  run_range(&p, 0, 1);
}

/* In even parts: nodes before and behind are cut so, too. */
static void run_plan(plan *p, ufi_pool *pool) {
  size_t count = 1;
  for (int32_t d = 0; d < p->rank; d++) count *= (size_t)p->outer[d].extent;
  const size_t inner = (size_t)p->second.extent * (size_t)p->last.extent * p->run;
  if (!pool || count * inner == p->run || count * inner < (size_t)ufi_split_least(pool, PARALLEL_BYTES)) {
    run_range(p, 0, count);
  } else if (count == 1) {
    const size_t steps = (size_t)(p->second.extent > 1 ? p->second.extent : p->last.extent);
    ufi_parallel_even(pool, run_part, p, steps, 1, UFI_MAX(GRAIN_BYTES / (inner / steps), (size_t)1));
  } else {
    ufi_parallel_even(pool, run_range, p, count, 1, UFI_MAX(GRAIN_BYTES / inner, (size_t)1));
  }
}

static void run_bytes(const ufi_move *move, size_t size, void *out, const void *in, ufi_pool *pool) {
  loop loops[UFI_MOVE_RANK];
  int32_t n = simplify(move, loops, (int64_t)size);
  if (n < 0) return;
  plan p = {.run = size, .second = {1, 0, 0}, .last = {1, 0, 0}};
  p.to = (uint8_t *)out + move->out_at * (int64_t)size;
  p.from = (const uint8_t *)in + move->in_at * (int64_t)size;
  if (n > 0 && loops[n - 1].in == (int64_t)size && loops[n - 1].out == (int64_t)size)
    p.run = size * (size_t)loops[--n].extent;
  if (n > 1) p.tiled = make_tiled(loops, n, p.run);
  if (n > 0) p.last = loops[--n];
  /* Few but long inner loops are left to the odometer, which threads share. */
  if (n > 0 && (p.tiled || (size_t)p.last.extent * p.run < GRAIN_BYTES)) p.second = loops[--n];
  p.rank = n;
  memcpy(p.outer, loops, (size_t)n * sizeof(loop));
  run_plan(&p, pool);
}

/* ---- 2- and 4-bit elements ------------------------------------------------------ */

static void put_bits(uint8_t *out, int64_t at, int bits, unsigned value) {
  int64_t bit = at * bits;
  unsigned shift = (unsigned)(bit & 7), mask = ((1u << bits) - 1) << shift;
  out[bit >> 3] = (uint8_t)((out[bit >> 3] & ~mask) | ((value << shift) & mask));
}

static unsigned get_bits(const uint8_t *in, int64_t at, int bits) {
  int64_t bit = at * bits;
  return (unsigned)(in[bit >> 3] >> (bit & 7)) & ((1u << bits) - 1);
}

static void run_bits(const ufi_move *move, int bits, uint8_t *out, const uint8_t *in) {
  int64_t at[UFI_MOVE_RANK] = {0};
  int64_t to = move->out_at, from = move->in_at;
  for (int32_t d = 0; d < move->rank; d++)
    if (move->extent[d] <= 0) return;
  for (;;) {
    put_bits(out, to, bits, get_bits(in, from, bits));
    int32_t d = move->rank - 1;
    for (; d >= 0; d--) {
      to += move->out_step[d];
      from += move->in_step[d];
      if (++at[d] < move->extent[d]) break;
      to -= move->extent[d] * move->out_step[d];
      from -= move->extent[d] * move->in_step[d];
      at[d] = 0;
    }
    if (d < 0) return;
  }
}

/* ---- the front door ---------------------------------------------------------------- */

void ufi_move_run(const ufi_move *move, uf_dtype dtype, void *out, const void *in, ufi_pool *pool) {
  int bits = uf_dtype_bits(dtype);
  if (bits < 8) run_bits(move, bits, out, in);
  else run_bytes(move, (size_t)bits / 8, out, in, pool);
}

void ufi_move_run_flat(uf_dtype dtype, void *out, int64_t out_at, const void *in, int64_t in_at,
                       int64_t n) {
  int bits = uf_dtype_bits(dtype);
  if (n <= 0) return;
  if (bits >= 8) {
    int64_t size = bits / 8;
    memcpy((uint8_t *)out + out_at * size, (const uint8_t *)in + in_at * size, (size_t)(n * size));
    return;
  }
  for (int64_t i = 0; i < n; i++) put_bits(out, out_at + i, bits, get_bits(in, in_at + i, bits));
}

void ufi_move_fill(uf_dtype dtype, void *out, int64_t out_at, const void *value, int64_t n) {
  size_t size = (size_t)uf_dtype_bits(dtype) / 8, done = size;
  if (n <= 0) return;
  uint8_t *to = (uint8_t *)out + (size_t)out_at * size;
  size_t total = (size_t)n * size;
  if (size == 1) {
    memset(to, *(const uint8_t *)value, total);
    return;
  }
  memcpy(to, value, size);
  /* Doubling, until what is filled is a good block to repeat. 4096 is a
   * multiple of every element size, so each copy begins with a whole element. */
  while (done < total) {
    size_t more = UFI_MIN(UFI_MIN(done, (size_t)4096), total - done);
    memcpy(to + done, to, more);
    done += more;
  }
}

void ufi_move_clear(const ufi_tensor *out) {
  if (uf_dtype_bits(out->dtype) < 8 && out->size) memset(out->data, 0, out->size);
}

void ufi_move_flip(const ufi_tensor *out, const ufi_tensor *in, const bool *flip, ufi_pool *pool) {
  int64_t steps[UF_MAX_RANK];
  ufi_move move = {0};
  ufi_move_steps(in->rank, in->dims, steps);
  for (int32_t d = 0; d < in->rank; d++) {
    if (flip[d]) move.in_at += (in->dims[d] - 1) * steps[d];
    ufi_move_dim(&move, in->dims[d], flip[d] ? -steps[d] : steps[d], steps[d]);
  }
  ufi_move_clear(out);
  ufi_move_run(&move, in->dtype, out->data, in->data, pool);
}

void ufi_move_all(const ufi_tensor *out, const ufi_tensor *in) {
  size_t size = UFI_MIN(out->size, in->size);
  if (size && out->data != in->data) memcpy(out->data, in->data, size);
}

void ufi_move_steps(int32_t rank, const int64_t *dims, int64_t *steps_out) {
  int64_t step = 1;
  for (int32_t d = rank - 1; d >= 0; d--) {
    steps_out[d] = step;
    if (__builtin_mul_overflow(step, dims[d], &step)) step = 0;
  }
}

int64_t ufi_move_span(const int64_t *dims, int32_t begin, int32_t end) {
  int64_t n = 1;
  for (int32_t d = begin; d < end; d++)
    if (__builtin_mul_overflow(n, dims[d], &n)) n = 0;
  return n;
}

uf_status ufi_move_ints(ufi_ctx *ctx, const ufi_tensor *t, int32_t n, int64_t *out) {
  char text[512];
  int32_t found;
  if (t->count != n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d value(s) in %s, found %lld", n,
                        ufi_tensor_text(t, text), (long long)t->count);
  if (n == 0) return UF_OK;
  if (t->dtype != UF_BOOL) return ufi_read_ints(ctx, t, out, n, &found);
  for (int32_t i = 0; i < n; i++) out[i] = ((const uint8_t *)t->data)[i] != 0;
  return UF_OK;
}

uf_status ufi_move_same_quant(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) {
  bool one_a = a->quant && a->quant->count == 1, one_b = b->quant && b->quant->count == 1;
  float scale_a = one_a ? a->quant->scales[0] : 0.0f, scale_b = one_b ? b->quant->scales[0] : 0.0f;
  int64_t zero_a = one_a ? a->quant->zero_points[0] : 0;
  int64_t zero_b = one_b ? b->quant->zero_points[0] : 0;
  if (scale_a == scale_b && zero_a == zero_b) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                      "expected the scale %g and zero point %lld of '%s' on '%s' too (this op does "
                      "not rescale), found %g and %lld",
                      (double)scale_a, (long long)zero_a, a->name, b->name, (double)scale_b,
                      (long long)zero_b);
}

int64_t ufi_move_index(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_INT16: return ((const int16_t *)t->data)[i];
    case UF_INT8: return ((const int8_t *)t->data)[i];
    case UF_UINT8: return ((const uint8_t *)t->data)[i];
    case UF_INT64: return ((const int64_t *)t->data)[i];
    default: return ((const int32_t *)t->data)[i];
  }
}
