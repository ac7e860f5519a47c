/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_stage.c: values on their way into the dtypes and the layout that loops exist for.
 */
#include "ops/tf_stage.h"

#include <stdarg.h>

/* ---- scratch ---------------------------------------------------------------- */

void *ufi_bump_take(ufi_bump *bump, int64_t count, size_t size) {
  enum { LINE = 64 };
  size_t bytes;
  if (count < 0 || !ufi_mul_size((size_t)count, size, &bytes) || bytes > SIZE_MAX - LINE ||
      !ufi_add_size(bump->used, (bytes + LINE - 1) / LINE * LINE, &bytes)) {
    bump->overflow = true;
    return NULL;
  }
  void *at = bump->run ? bump->base + bump->used : NULL;
  bump->used = bytes;
  return at;
}

uf_status ufi_bump_want(ufi_ctx *ctx, const ufi_bump *bump) {
  if (bump->overflow) return ufi_no_memory(ctx->error, SIZE_MAX);
  ufi_want_scratch(ctx, bump->used);
  return UF_OK;
}

/* ---- dtypes ------------------------------------------------------------------ */

uf_dtype ufi_compute_dtype(uf_dtype dtype) {
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_FLOAT16: case UF_BFLOAT16: case UF_FLOAT32: return UF_FLOAT32;
    case UF_FLOAT64: return UF_FLOAT64;
    case UF_INT8: case UF_INT16: case UF_INT32: case UF_INT64:
    case UF_UINT8: case UF_UINT16: case UF_UINT32: case UF_UINT64: return UF_INT64;
    case UF_COMPLEX64: case UF_COMPLEX128: return UF_COMPLEX128;
    default: return UF_INVALID;
  }
}

static uf_status refuse(ufi_ctx *ctx, const ufi_tensor *t) {
  char text[512];
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a dtype that TensorFlow computes this op in, found %s",
                      ufi_tensor_text(t, text));
}

uf_status ufi_tf_want(ufi_ctx *ctx, const ufi_tensor *t, ...) {
  va_list list;
  bool good = false;
  va_start(list, t);
  for (int dtype; t && (dtype = va_arg(list, int)) != UF_INVALID;) good = good || t->dtype == (uf_dtype)dtype;
  va_end(list);
  return good ? UF_OK : refuse(ctx, t);
}

uf_status ufi_tf_want_group(ufi_ctx *ctx, const ufi_tensor *t, unsigned groups) {
  const bool quantized = t && ufi_dtype_unquantized(t->dtype) != t->dtype;
  unsigned group = 0;
  switch (t ? ufi_compute_dtype(t->dtype) : UF_INVALID) {
    case UF_FLOAT32: case UF_FLOAT64: group = UFI_FLOATS; break;
    case UF_INT64: group = quantized ? UFI_QUANTS : t->dtype == UF_INT32 ? UFI_INT32 | UFI_INTS : UFI_INTS; break;
    case UF_COMPLEX128: group = UFI_COMPLEX; break;
    default: break;
  }
  return group & groups ? UF_OK : refuse(ctx, t);
}

double ufi_load_real(uf_dtype dtype, const void *data, int64_t i) {
  double value = 0.0;
  (void)ufi_convert(dtype, (const uint8_t *)data + (size_t)i * ufi_dtype_size(dtype), 1, UF_FLOAT64, &value, NULL);
  return value;
}

void ufi_store_real(uf_dtype dtype, void *data, int64_t i, double value) {
  (void)ufi_convert(UF_FLOAT64, &value, 1, dtype, (uint8_t *)data + (size_t)i * ufi_dtype_size(dtype), NULL);
}

/* ---- layout -------------------------------------------------------------------- */

typedef struct turn_args {
  const uint8_t *from;
  uint8_t *to;
  int64_t rows, columns;
  size_t size;
} turn_args;

#define TURN(type)                                                                             \
  for (int64_t i = i0; i < i1; i++)                                                            \
    for (int64_t j = j0; j < j1; j++) ((type *)to)[j * t->rows + i] = ((const type *)from)[i * t->columns + j]

/* Rows of blocks that fit into the cache lines of both sides. */
static void turn_rows(void *context, size_t begin, size_t end) {
  enum { BLOCK = 16 };
  typedef struct wide { uint64_t half[2]; } wide;
  const turn_args *t = context;
  const int64_t blocks = (t->rows + BLOCK - 1) / BLOCK;
  for (size_t item = begin; item < end; item++) {
    const int64_t batch = (int64_t)item / blocks, i0 = (int64_t)item % blocks * BLOCK;
    const int64_t i1 = UFI_MIN(i0 + BLOCK, t->rows);
    const size_t at = (size_t)(batch * t->rows * t->columns) * t->size;
    const uint8_t *from = t->from + at;
    uint8_t *to = t->to + at;
    for (int64_t j0 = 0; j0 < t->columns; j0 += BLOCK) {
      const int64_t j1 = UFI_MIN(j0 + BLOCK, t->columns);
      switch (t->size) {
        case 1: TURN(uint8_t); break;
        case 2: TURN(uint16_t); break;
        case 4: TURN(uint32_t); break;
        case 8: TURN(uint64_t); break;
        default: TURN(wide); break;
      }
    }
  }
}

void ufi_turn(ufi_pool *pool, const void *from, void *to, int64_t batches, int64_t rows, int64_t columns,
              size_t size) {
  turn_args t = {from, to, rows, columns, size};
  ufi_share(pool, turn_rows, &t, batches * ((rows + 15) / 16), 16 * columns);
}

/* Batches, channels and positions of a tensor whose channels come first. */
static void split(const ufi_tensor *t, int64_t *batches, int64_t *channels, int64_t *positions) {
  *batches = t->rank > 0 ? t->dims[0] : 1;
  *channels = t->rank > 1 ? t->dims[1] : 1;
  *positions = *batches * *channels == 0 ? 0 : t->count / (*batches * *channels);
}

/* ---- conversion ------------------------------------------------------------------- */

typedef struct convert_args {
  uf_dtype from, to;
  const uint8_t *in;
  uint8_t *out;
} convert_args;

/* Lists of at most 4096 elements, so that threads share them. */
enum { PIECE = 4096 };

static void convert_piece(void *context, size_t begin, size_t end) {
  const convert_args *c = context;
  (void)ufi_convert(c->from, c->in + begin * ufi_dtype_size(c->from), (int64_t)(end - begin), c->to,
                    c->out + begin * ufi_dtype_size(c->to), NULL);
}

static void convert_all(ufi_pool *pool, uf_dtype from, const void *in, int64_t n, uf_dtype to, void *out) {
  convert_args c = {from, to, in, out};
  if (n > 2 * PIECE) ufi_parallel_ranges(pool, convert_piece, &c, (size_t)n, PIECE);
  else convert_piece(&c, 0, (size_t)n);
}

const void *ufi_stage_in(ufi_ctx *ctx, ufi_bump *bump, const ufi_tensor *t, uf_dtype compute, bool channels_first) {
  const void *data = t->data;
  int64_t batches, channels, positions;
  if (channels_first) {
    void *turned = ufi_bump_take(bump, t->count, ufi_dtype_size(t->dtype));
    split(t, &batches, &channels, &positions);
    if (turned) ufi_turn(ctx->pool, data, turned, batches, channels, positions, ufi_dtype_size(t->dtype));
    data = turned;
  }
  if (t->dtype == compute) return data;
  void *converted = ufi_bump_take(bump, t->count, ufi_dtype_size(compute));
  if (converted) convert_all(ctx->pool, ufi_dtype_unquantized(t->dtype), data, t->count, compute, converted);
  return converted;
}

void *ufi_stage_out(ufi_bump *bump, const ufi_tensor *t, uf_dtype compute, bool channels_first) {
  if (t->dtype == compute && !channels_first) return t->data;
  return ufi_bump_take(bump, t->count, ufi_dtype_size(compute));
}

void ufi_stage_end(ufi_ctx *ctx, ufi_bump *bump, const void *from, const ufi_tensor *t, uf_dtype compute,
                   bool channels_first) {
  const uf_dtype plain = ufi_dtype_unquantized(t->dtype);
  int64_t batches, channels, positions;
  if (!channels_first) {
    if (t->dtype != compute && from) convert_all(ctx->pool, compute, from, t->count, plain, t->data);
    return;
  }
  if (t->dtype != compute) {
    void *converted = ufi_bump_take(bump, t->count, ufi_dtype_size(plain));
    if (converted) convert_all(ctx->pool, compute, from, t->count, plain, converted);
    from = converted;
  }
  split(t, &batches, &channels, &positions);
  if (from) ufi_turn(ctx->pool, from, t->data, batches, positions, channels, ufi_dtype_size(t->dtype));
}

void ufi_share(ufi_pool *pool, ufi_range_fn fn, void *context, int64_t n, int64_t work) {
  enum { GRAIN = 1 << 15 }; /* operations that pay for handing them to a thread */
  if (n <= 0) return;
  const int64_t grain = UFI_MAX(GRAIN / UFI_MAX(work, 1), 1);
  if (n <= grain) fn(context, 0, (size_t)n);
  else ufi_parallel_ranges(pool, fn, context, (size_t)n, (size_t)grain);
}
