/* SPDX-License-Identifier: Apache-2.0
 *
 * binary.c: what ops of two broadcast operands share, and those without fused
 * activation or with one form only: maximum, minimum, squared difference, floor
 * division and modulus, power, atan2, xor and shift.
 */
#include <math.h>

#include "kernels/fixed32.h"
#include "ops/number.h"

/* ---- shared ------------------------------------------------------------------------- */

uf_status ufi_binary_infer(ufi_ctx *ctx, uf_dtype out) {
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  UFI_TRY(ufi_out_dtype(ctx, 0, out));
  UFI_TRY(ufi_broadcast(ctx, ctx->in[0], ctx->in[1], &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

ufi_binary *ufi_binary_state(ufi_ctx *ctx) {
  ufi_binary *s = ufi_ctx_state(ctx, sizeof *s);
  if (s) ufi_broadcast_make(ctx->in[0], ctx->in[1], ctx->out[0], &s->plan);
  return s;
}

static size_t element_size(uf_dtype dtype) { return (size_t)uf_dtype_bits(dtype) / 8; }

static ufi_broadcast_run_args run_args(const ufi_ctx *ctx, const void *a, const void *b, void *y) {
  const ufi_binary *s = ctx->state;
  return (ufi_broadcast_run_args){
    .plan = &s->plan, .inner = s->inner, .arg = &s->arg, .a = a, .b = b, .y = y,
    .size_a = element_size(ctx->in[0]->dtype), .size_b = element_size(ctx->in[1]->dtype),
    .size_y = element_size(ctx->out[0]->dtype)};
}

uf_status ufi_binary_eval(ufi_ctx *ctx) {
  const ufi_broadcast_run_args args = run_args(ctx, ctx->in[0]->data, ctx->in[1]->data, ctx->out[0]->data);
  ufi_broadcast_run(&args, ctx->pool);
  return UF_OK;
}

static void run_part(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  const ufi_broadcast_run_args args = run_args(ctx, in[0], in[1], out);
  ufi_broadcast_part(&args, begin, n);
}

ufi_part_fn ufi_binary_part(const ufi_ctx *ctx) {
  const ufi_binary *s = ctx->state;
  return ufi_broadcast_wants_all(&s->plan) ? NULL : run_part;
}

static void f32_inner(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  const ufi_f32_arg *f = arg;
  f->fns[mode](a, b, y, n, f->lo, f->hi);
}

/* Halves in pieces that stay in the first-level cache as floats. */
enum { PIECE = 256 };
static void half_pieces(const uint16_t *a, const uint16_t *b, uint16_t *y, size_t n, ufk_mode mode,
                        const ufi_f32_arg *f, void (*widen)(const uint16_t *, size_t, float *),
                        void (*narrow)(const float *, size_t, uint16_t *)) {
  float u[PIECE], v[PIECE];
  if (n == 0) return;
  widen(a, 1, u);
  widen(b, 1, v);
  for (size_t i = 0; i < n; i += PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)PIECE);
    if (mode != UFK_SV) widen(a + i, count, u);
    if (mode != UFK_VS) widen(b + i, count, v);
    float *out = mode == UFK_SV ? v : u;
    f->fns[mode](u, v, out, count, f->lo, f->hi);
    narrow(out, count, y + i);
  }
}
static void f16_inner(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  half_pieces(a, b, y, n, mode, arg, k->from_f16, k->to_f16);
}
static void bf16_inner(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  const ufk_convert_table *k = &ufi_kernels_get()->convert;
  half_pieces(a, b, y, n, mode, arg, k->from_bf16, k->to_bf16);
}

ufi_inner_fn ufi_binary_float(ufi_binary *state, uf_dtype dtype, ufk_f32_binary op, ufi_act act) {
  state->arg.f32.fns = ufi_kernels_get()->elementwise.f32_binary[op];
  ufi_act_range_f32(act, &state->arg.f32.lo, &state->arg.f32.hi);
  switch (dtype) {
    case UF_FLOAT32: return f32_inner;
    case UF_FLOAT16: return f16_inner;
    case UF_BFLOAT16: return bf16_inner;
    default: return NULL;
  }
}

int32_t ufi_binary_f32_of(const ufi_ctx *ctx, ufi_part_fn part) {
  const ufi_binary *s = ctx->state;
  if (part != run_part || s->inner != f32_inner) return -1;
  const ufi_f32_arg *arg = &s->arg.f32;
  if (arg->lo != -INFINITY || arg->hi != INFINITY) return -1;
  for (int32_t op = 0; op < UFK_F32_BINARY_COUNT; op++) {
    if (arg->fns == ufi_kernels_get()->elementwise.f32_binary[op]) return op;
  }
  return -1;
}

uf_status ufi_no_dtype(ufi_ctx *ctx, const ufi_tensor *t, const char *supported) {
  char text[512];
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s, found %s", supported, ufi_tensor_text(t, text));
}

#define FIND_ZERO(T)                                                       \
  for (const T *p = t->data; at < t->count && p[at] != (T)zero; ++at) {}   \
  break
uf_status ufi_want_nonzero(ufi_ctx *ctx, const ufi_tensor *t, int64_t zero) {
  int64_t at = 0;
  switch (t->dtype) {
    case UF_INT8: FIND_ZERO(int8_t);
    case UF_UINT8: FIND_ZERO(uint8_t);
    case UF_INT16: FIND_ZERO(int16_t);
    case UF_INT32: FIND_ZERO(int32_t);
    case UF_INT64: FIND_ZERO(int64_t);
    case UF_FLOAT32: FIND_ZERO(float);
    default: return UF_OK;
  }
  if (at == t->count) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected divisors other than 0, found 0 at element %lld of '%s'",
                      (long long)at, t->name);
}

/* prepare of an op that has one loop per dtype and perhaps a float kernel. */
enum { NO_KERNEL = -1 };
static uf_status prepare_loops(ufi_ctx *ctx, int kernel, const ufi_inner_fn *by_dtype,
                               const char *supported) {
  ufi_binary *s = ufi_binary_state(ctx);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  const uf_dtype dtype = ctx->in[0]->dtype;
  if (kernel != NO_KERNEL) s->inner = ufi_binary_float(s, dtype, (ufk_f32_binary)kernel, UFI_ACT_NONE);
  if (!s->inner) s->inner = by_dtype[dtype];
  return s->inner ? UF_OK : ufi_no_dtype(ctx, ctx->in[0], supported);
}

static uf_status infer_same(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_same(ctx, ctx->in[0], ctx->in[1]));
  return ufi_binary_infer(ctx, ctx->in[0]->dtype);
}

/* ---- maximum, minimum ------------------------------------------------------------------ */

/* Quantized values are compared as they are: all share one scale. */
#define EXTREMES(suffix, T)                          \
  UFI_INNER_LOOPS(max_##suffix, T, T, u > v ? u : v) \
  UFI_INNER_LOOPS(min_##suffix, T, T, u < v ? u : v)
EXTREMES(i8, int8_t)
EXTREMES(u8, uint8_t)
EXTREMES(i16, int16_t)
EXTREMES(u16, uint16_t)
EXTREMES(i32, int32_t)
EXTREMES(u32, uint32_t)
EXTREMES(i64, int64_t)
EXTREMES(u64, uint64_t)
EXTREMES(f64, double)
#define EXTREME_LOOPS(op)                                                        \
  {[UF_INT8] = op##_i8, [UF_UINT8] = op##_u8, [UF_BOOL] = op##_u8,               \
   [UF_INT16] = op##_i16, [UF_UINT16] = op##_u16, [UF_INT32] = op##_i32,         \
   [UF_UINT32] = op##_u32, [UF_INT64] = op##_i64, [UF_UINT64] = op##_u64,        \
   [UF_FLOAT64] = op##_f64}
static const char numbers[] = "numbers";
const ufi_inner_fn ufi_plain_max_loops[UF_DTYPE_COUNT] = EXTREME_LOOPS(max);
const ufi_inner_fn ufi_plain_min_loops[UF_DTYPE_COUNT] = EXTREME_LOOPS(min);

/* TensorFlow's give NaN where either is one. */
#define EXTREME_FLOATS(suffix, T)                                 \
  UFI_INNER_LOOPS(max_nan_##suffix, T, T, u >= v || u != u ? u : v) \
  UFI_INNER_LOOPS(min_nan_##suffix, T, T, u <= v || u != u ? u : v)
EXTREME_FLOATS(f32, float)
EXTREME_FLOATS(f64, double)
#define EXTREME_NAN_LOOPS(op)                                                     \
  {[UF_INT32] = op##_i32, [UF_INT64] = op##_i64, [UF_UINT8] = op##_u8,            \
   [UF_UINT64] = op##_u64, [UF_FLOAT32] = op##_nan_f32, [UF_FLOAT64] = op##_nan_f64}
const ufi_inner_fn ufi_max_loops[UF_DTYPE_COUNT] = EXTREME_NAN_LOOPS(max);
const ufi_inner_fn ufi_min_loops[UF_DTYPE_COUNT] = EXTREME_NAN_LOOPS(min);

static uf_status max_prepare(ufi_ctx *ctx) {
  return prepare_loops(ctx, UFK_MAX, ufi_plain_max_loops, numbers);
}
static uf_status min_prepare(ufi_ctx *ctx) {
  return prepare_loops(ctx, UFK_MIN, ufi_plain_min_loops, numbers);
}
#define BINARY_DEF(name, prepare_fn, eval_fn, part_fn) UFI_NUMBER_DEF(name, infer_same, prepare_fn, eval_fn, part_fn)
BINARY_DEF(MAXIMUM, max_prepare, ufi_binary_eval, ufi_binary_part);
BINARY_DEF(MINIMUM, min_prepare, ufi_binary_eval, ufi_binary_part);

/* ---- squared difference ------------------------------------------------------------------ */

UFI_INNER_LOOPS(sqdiff_i32, int32_t, int32_t, ((uint32_t)u - (uint32_t)v) * ((uint32_t)u - (uint32_t)v))
UFI_INNER_LOOPS(sqdiff_i64, int64_t, int64_t, ((uint64_t)u - (uint64_t)v) * ((uint64_t)u - (uint64_t)v))

/* As a quantized difference, but squared before it is scaled to the output. */
static void q_sqdiff_s8(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  ufi_kernels_get()->elementwise.s8_sqdiff[mode](a, b, y, n, arg);
}

static uf_status sqdiff_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = {
    [UF_INT8] = q_sqdiff_s8, [UF_INT32] = sqdiff_i32, [UF_INT64] = sqdiff_i64};
  UFI_TRY(prepare_loops(ctx, UFK_SQDIFF, loops, "floats, int32, int64 or quantized int8"));
  if (ctx->in[0]->dtype != UF_INT8) return UF_OK;
  UFI_TRY(ufi_want_all_per_tensor(ctx));
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1], *y = ctx->out[0];
  const double twice = 2 * UFI_MAX(ufi_scale(a), ufi_scale(b));
  const int left = 7;
  ((ufi_binary *)ctx->state)->arg.add = (ufk_q_add){
    .left_shift = left, .a_offset = -ufi_zero(a), .b_offset = -ufi_zero(b), .y_offset = ufi_zero(y),
    .a = ufi_scale_from(ufi_scale(a) / twice), .b = ufi_scale_from(ufi_scale(b) / twice),
    .y = ufi_scale_from(twice * twice / ((float)(1 << 2 * left) * ufi_scale(y))),
    .lo = INT8_MIN, .hi = INT8_MAX, .subtract = true};
  return UF_OK;
}
BINARY_DEF(SQUARED_DIFFERENCE, sqdiff_prepare, ufi_binary_eval, ufi_binary_part);

/* ---- floor division and modulus ------------------------------------------------------------ */

/* Divisors were checked; the least integer by -1 wraps. */
#define FLOOR_INT(suffix, T)                                                                   \
  static inline T floor_div_##suffix##_one(T u, T v) {                                         \
    if (v == -1) return (T)(0u - (uint64_t)u);                                                 \
    const T q = (T)(u / v);                                                                    \
    return (T)(q - (u % v != 0 && (u < 0) != (v < 0)));                                        \
  }                                                                                            \
  static inline T floor_mod_##suffix##_one(T u, T v) {                                         \
    if (v == -1) return 0;                                                                     \
    const T rest = (T)(u % v);                                                                 \
    return (T)(rest != 0 && (rest < 0) != (v < 0) ? rest + v : rest);                          \
  }                                                                                            \
  UFI_INNER_LOOPS(floor_div_##suffix, T, T, floor_div_##suffix##_one(u, v))                    \
  UFI_INNER_LOOPS(floor_mod_##suffix, T, T, floor_mod_##suffix##_one(u, v))
FLOOR_INT(i8, int8_t)
FLOOR_INT(i16, int16_t)
FLOOR_INT(i32, int32_t)
FLOOR_INT(i64, int64_t)

static inline float floor_mod_f32_one(float u, float v) {
  const float rest = fmodf(u, v);
  return rest != 0.0f && (v < 0.0f) != (rest < 0.0f) ? rest + v : rest;
}
UFI_INNER_LOOPS(floor_div_f32, float, float, floor((double)u / (double)v))
UFI_INNER_LOOPS(floor_mod_f32, float, float, floor_mod_f32_one(u, v))

static const char floor_dtypes[] = "float32, int8, int16, int32 or int64";
static uf_status floor_div_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = floor_div_f32, [UF_INT8] = floor_div_i8, [UF_INT16] = floor_div_i16,
    [UF_INT32] = floor_div_i32, [UF_INT64] = floor_div_i64};
  return prepare_loops(ctx, NO_KERNEL, loops, floor_dtypes);
}
static uf_status floor_mod_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = floor_mod_f32, [UF_INT8] = floor_mod_i8, [UF_INT16] = floor_mod_i16,
    [UF_INT32] = floor_mod_i32, [UF_INT64] = floor_mod_i64};
  return prepare_loops(ctx, NO_KERNEL, loops, floor_dtypes);
}
/* TFLite refuses a divisor of 0 even for floats when it floors the quotient. */
static uf_status floor_div_eval(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_nonzero(ctx, ctx->in[1], 0));
  return ufi_binary_eval(ctx);
}
static uf_status floor_mod_eval(ufi_ctx *ctx) {
  if (ctx->in[1]->dtype != UF_FLOAT32) UFI_TRY(ufi_want_nonzero(ctx, ctx->in[1], 0));
  return ufi_binary_eval(ctx);
}
BINARY_DEF(FLOOR_DIV, floor_div_prepare, floor_div_eval, ufi_no_part);
BINARY_DEF(FLOOR_MOD, floor_mod_prepare, floor_mod_eval, ufi_no_part);

/* ---- power, atan2 ------------------------------------------------------------------------------ */

/* One exponent for all of another shape is a case of its own in the reference: it multiplies. */
typedef struct pow_arg { bool repeated; } pow_arg;

/* Through double, as the reference; what does not fit becomes the least int32. */
static inline int32_t pow_i32_one(int32_t u, int32_t v) {
  const double p = pow(u, v);
  return p >= -2147483648.0 && p < 2147483648.0 ? (int32_t)p : INT32_MIN;
}
/* By multiplications, which wrap around. */
static inline int32_t pow_i32_wrapped(int32_t u, int32_t v) {
  uint32_t result = 1, square = (uint32_t)u;
  for (; v > 0; v >>= 1, square *= square)
    if (v & 1) result *= square;
  return (int32_t)result;
}
/* What is within 1e-5 of a natural number is that number. */
static inline float pow_exponent(float v, bool repeated) {
  const float whole = roundf(v);
  return repeated && whole >= 1.0f && whole < 2147483648.0f && fabsf(v - whole) < 1e-5f ? whole : v;
}
UFI_INNER_LOOPS(pow_f32_any, float, float, powf(u, pow_exponent(v, ((const pow_arg *)arg)->repeated)))
UFI_INNER_LOOPS(square_f32, float, float, ((void)v, u * u))
UFI_INNER_LOOPS(cube_f32, float, float, ((void)v, u * u * u))
/* Squares and cubes are what models ask for. */
static void pow_f32(const void *a, const void *b, void *y, size_t n, ufk_mode mode, const void *arg) {
  const float exponent = mode == UFK_VS && n ? pow_exponent(*(const float *)b, ((const pow_arg *)arg)->repeated) : 0.0f;
  (exponent == 2.0f ? square_f32 : exponent == 3.0f ? cube_f32 : pow_f32_any)(a, b, y, n, mode, arg);
}
UFI_INNER_LOOPS(pow_i32, int32_t, int32_t,
                ((const pow_arg *)arg)->repeated ? pow_i32_wrapped(u, v) : pow_i32_one(u, v))
UFI_INNER_LOOPS(atan2_f32, float, float, atan2f(u, v))
UFI_INNER_LOOPS(atan2_f64, double, double, atan2(u, v))
UFI_INNER_LOOPS(atan2_f16, uint16_t, uint16_t,
                ufi_float_to_half(atan2f(ufi_half_to_float(u), ufi_half_to_float(v))))
UFI_INNER_LOOPS(atan2_bf16, uint16_t, uint16_t,
                ufi_float_to_bfloat(atan2f(ufi_bfloat_to_float(u), ufi_bfloat_to_float(v))))

static uf_status pow_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = {[UF_FLOAT32] = pow_f32, [UF_INT32] = pow_i32};
  UFI_TRY(prepare_loops(ctx, NO_KERNEL, loops, "float32 or int32"));
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  const bool alike = a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
  const pow_arg arg = {.repeated = b->count == 1 && !alike};
  memcpy(&((ufi_binary *)ctx->state)->arg, &arg, sizeof arg);
  return UF_OK;
}
static uf_status pow_eval(ufi_ctx *ctx) {
  const ufi_tensor *b = ctx->in[1];
  const int32_t *exponents = b->data;
  for (int64_t i = 0; b->dtype == UF_INT32 && i < b->count; ++i)
    if (exponents[i] < 0)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected exponents of integers >= 0, found %d at element %lld of '%s'",
                          exponents[i], (long long)i, b->name);
  return ufi_binary_eval(ctx);
}
BINARY_DEF(POW, pow_prepare, pow_eval, ufi_no_part);

static uf_status atan2_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = atan2_f32, [UF_FLOAT64] = atan2_f64, [UF_FLOAT16] = atan2_f16,
    [UF_BFLOAT16] = atan2_bf16};
  return prepare_loops(ctx, NO_KERNEL, loops, "floats");
}
BINARY_DEF(ATAN2, atan2_prepare, ufi_binary_eval, ufi_binary_part);

/* ---- bits ------------------------------------------------------------------------------------------ */

/* Counts below 0 shift by 0, those past the width by all bits but one. */
#define BITS(suffix, T)                                                                            \
  UFI_INNER_LOOPS(xor_##suffix, T, T, u ^ v)                                                       \
  UFI_INNER_LOOPS(shift_##suffix, T, T,                                                            \
                  u >> (v < 1 ? 0 : (uint64_t)v > sizeof(T) * 8 - 1 ? sizeof(T) * 8 - 1 : (uint64_t)v))
BITS(i8, int8_t)
BITS(u8, uint8_t)
BITS(i16, int16_t)
BITS(u16, uint16_t)
BITS(i32, int32_t)
BITS(u32, uint32_t)
#define BITS_LOOPS(op)                                                                         \
  {[UF_INT8] = op##_i8, [UF_UINT8] = op##_u8, [UF_INT16] = op##_i16, [UF_UINT16] = op##_u16,   \
   [UF_INT32] = op##_i32, [UF_UINT32] = op##_u32}

static uf_status xor_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = BITS_LOOPS(xor);
  return prepare_loops(ctx, NO_KERNEL, loops, "integers of 8, 16 or 32 bits");
}
static uf_status shift_prepare(ufi_ctx *ctx) {
  static const ufi_inner_fn loops[UF_DTYPE_COUNT] = BITS_LOOPS(shift);
  return prepare_loops(ctx, NO_KERNEL, loops, "integers of 8, 16 or 32 bits");
}
BINARY_DEF(BITWISE_XOR, xor_prepare, ufi_binary_eval, ufi_binary_part);
BINARY_DEF(RIGHT_SHIFT, shift_prepare, ufi_binary_eval, ufi_binary_part);
