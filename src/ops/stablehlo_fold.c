/* SPDX-License-Identifier: Apache-2.0
 *
 * stablehlo_fold.c: accumulators, and the graphs that say what they do.
 *
 * A body is a graph over scalars. Most are a single op on the two operands, which is known by sight and
 * done by a loop here; any other is called once for each element.
 */
#include <complex.h>

#include "ops/stablehlo.h"

/* ---- loops ------------------------------------------------------------------------------ */

/* v and u are the accumulator and what it takes in, both of type C; elements are of type T. */
#define FOLD(name, T, C, GET, PUT, expression)                                                       \
  static void name(void *pa, int64_t sa, const void *px, int64_t sx, int64_t n) {                    \
    T *a = pa;                                                                                       \
    const T *x = px;                                                                                 \
    if (sa == 0) {                                                                                   \
      T held = *a;                                                                                   \
      for (int64_t i = 0; i < n; i++) { const C v = GET(held), u = GET(x[i * sx]); held = PUT(expression); } \
      *a = held;                                                                                     \
    } else if (sa == 1 && sx == 1) {                                                                 \
      for (int64_t i = 0; i < n; i++) { const C v = GET(a[i]), u = GET(x[i]); a[i] = PUT(expression); } \
    } else {                                                                                         \
      for (int64_t i = 0; i < n; i++) {                                                              \
        const C v = GET(a[i * sa]), u = GET(x[i * sx]);                                              \
        a[i * sa] = PUT(expression);                                                                 \
      }                                                                                              \
    }                                                                                                \
  }
#define SAME(v) (v)
#define PUT_I8(v) ((int8_t)(v))
#define PUT_U8(v) ((uint8_t)(v))
#define PUT_I16(v) ((int16_t)(v))
#define PUT_U16(v) ((uint16_t)(v))
#define PUT_I32(v) ((int32_t)(v))
#define PUT_U32(v) ((uint32_t)(v))
#define PUT_I64(v) ((int64_t)(v))
#define PUT_U64(v) ((uint64_t)(v))
#define PUT_BOOL(v) ((uint8_t)((v) != 0))
#define GET_BOOL(v) ((v) != 0)

/* Sums and products of integers wrap around: they are computed without a sign. */
#define ORDERED(s, T, C, GET, PUT)                                 \
  FOLD(max_##s, T, C, GET, PUT, v < u ? u : v)                     \
  FOLD(min_##s, T, C, GET, PUT, u < v ? u : v)
#define INTEGERS(s, T, PUT)                                        \
  FOLD(add_##s, T, uint64_t, (uint64_t), PUT, v + u)               \
  FOLD(mul_##s, T, uint64_t, (uint64_t), PUT, v * u)               \
  ORDERED(s, T, T, SAME, PUT)                                      \
  FOLD(and_##s, T, T, SAME, PUT, v & u)                            \
  FOLD(or_##s, T, T, SAME, PUT, v | u)                             \
  FOLD(all_##s, T, T, SAME, PUT, v && u)                           \
  FOLD(any_##s, T, T, SAME, PUT, v || u)
#define FLOATS(s, T, C, GET, PUT)                                  \
  FOLD(add_##s, T, C, GET, PUT, v + u)                             \
  FOLD(mul_##s, T, C, GET, PUT, v * u)                             \
  ORDERED(s, T, C, GET, PUT)                                       \
  FOLD(max_last_##s, T, C, GET, PUT, v >= u ? v : u)               \
  FOLD(min_last_##s, T, C, GET, PUT, v <= u ? v : u)               \
  FOLD(max_nan_##s, T, C, GET, PUT, v >= u || v != v ? v : u)      \
  FOLD(min_nan_##s, T, C, GET, PUT, v <= u || v != v ? v : u)      \
  FOLD(all_##s, T, C, GET, PUT, (C)(v && u))                       \
  FOLD(any_##s, T, C, GET, PUT, (C)(v || u))
#define COMPLEXES(s, T)                                            \
  FOLD(add_##s, T, T, SAME, SAME, v + u)                           \
  FOLD(mul_##s, T, T, SAME, SAME, v * u)

INTEGERS(i8, int8_t, PUT_I8)
INTEGERS(u8, uint8_t, PUT_U8)
INTEGERS(i16, int16_t, PUT_I16)
INTEGERS(u16, uint16_t, PUT_U16)
INTEGERS(i32, int32_t, PUT_I32)
INTEGERS(u32, uint32_t, PUT_U32)
INTEGERS(i64, int64_t, PUT_I64)
INTEGERS(u64, uint64_t, PUT_U64)
FLOATS(f32, float, float, SAME, SAME)
FLOATS(f64, double, double, SAME, SAME)
FLOATS(f16, uint16_t, float, ufi_half_to_float, ufi_float_to_half)
FLOATS(bf16, uint16_t, float, ufi_bfloat_to_float, ufi_float_to_bfloat)
typedef float complex c64;
typedef double complex c128;
COMPLEXES(c64, c64)
COMPLEXES(c128, c128)
FOLD(any_bool, uint8_t, uint8_t, GET_BOOL, PUT_BOOL, v | u)
FOLD(all_bool, uint8_t, uint8_t, GET_BOOL, PUT_BOOL, v & u)

#define SET(s, T)                                                                      \
  static void set_##s(void *pa, int64_t sa, const void *px, int64_t sx, int64_t n) {   \
    T *a = pa;                                                                         \
    const T *x = px;                                                                   \
    for (int64_t i = 0; i < n; i++) a[i * sa] = x[i * sx];                             \
  }
SET(8, uint8_t)
SET(16, uint16_t)
SET(32, uint32_t)
SET(64, uint64_t)
SET(128, c128)

static ufi_fold_fn set_of(uf_dtype dtype) {
  switch (uf_dtype_bits(dtype)) {
    case 8: return set_8;
    case 16: return set_16;
    case 32: return set_32;
    case 64: return set_64;
    case 128: return set_128;
    default: return NULL;
  }
}

ufi_fold_fn ufi_fold_of(ufi_fold fold, uf_dtype dtype) {
  /* Integers have no NaN: their three kinds of maximum are one. */
#define OF_INTEGERS(s)                                                                                        \
  {add_##s, mul_##s, max_##s, min_##s, max_##s, min_##s, max_##s, min_##s, and_##s, or_##s, all_##s, any_##s}
#define OF_FLOATS(s)                                                                                          \
  {add_##s, mul_##s, max_##s, min_##s, max_last_##s, min_last_##s, max_nan_##s, min_nan_##s, NULL, NULL,      \
   all_##s, any_##s}
  static const ufi_fold_fn table[UF_DTYPE_COUNT][UFI_FOLD_SET] = {
    [UF_INT8] = OF_INTEGERS(i8), [UF_UINT8] = OF_INTEGERS(u8), [UF_INT16] = OF_INTEGERS(i16),
    [UF_UINT16] = OF_INTEGERS(u16), [UF_INT32] = OF_INTEGERS(i32), [UF_UINT32] = OF_INTEGERS(u32),
    [UF_INT64] = OF_INTEGERS(i64), [UF_UINT64] = OF_INTEGERS(u64), [UF_FLOAT32] = OF_FLOATS(f32),
    [UF_FLOAT64] = OF_FLOATS(f64), [UF_FLOAT16] = OF_FLOATS(f16), [UF_BFLOAT16] = OF_FLOATS(bf16),
    [UF_COMPLEX64] = {add_c64, mul_c64}, [UF_COMPLEX128] = {add_c128, mul_c128},
    [UF_BOOL] = {any_bool, all_bool, any_bool, all_bool, any_bool, all_bool, any_bool, all_bool, all_bool, any_bool,
                 all_bool, any_bool},
  };
  const bool number = dtype != UF_STRING && dtype != UF_RESOURCE && dtype != UF_VARIANT;
  return fold < UFI_FOLD_SET ? table[dtype][fold] : number ? set_of(dtype) : NULL;
}

/* ---- bodies ------------------------------------------------------------------------------- */

/* Ops that a body may consist of, and what REDUCE_WINDOW makes of them. */
static bool fold_of_op(const char *op, bool window, ufi_fold *out) {
  static const struct { const char *name; ufi_fold fold, window; } known[] = {
    {"STABLEHLO_ADD", UFI_FOLD_ADD, UFI_FOLD_ADD}, {"ADD", UFI_FOLD_ADD, UFI_FOLD_ADD},
    {"STABLEHLO_MULTIPLY", UFI_FOLD_MUL, UFI_FOLD_MUL}, {"MUL", UFI_FOLD_MUL, UFI_FOLD_MUL},
    {"STABLEHLO_MAXIMUM", UFI_FOLD_MAX, UFI_FOLD_MAX_LAST}, {"MAXIMUM", UFI_FOLD_MAX_LAST, UFI_FOLD_MAX_LAST},
    {"STABLEHLO_MINIMUM", UFI_FOLD_MIN, UFI_FOLD_MIN_LAST}, {"MINIMUM", UFI_FOLD_MIN_LAST, UFI_FOLD_MIN_LAST},
    {"STABLEHLO_AND", UFI_FOLD_AND, UFI_FOLD_AND}, {"STABLEHLO_OR", UFI_FOLD_OR, UFI_FOLD_OR},
    {"LOGICAL_AND", UFI_FOLD_ALL, UFI_FOLD_ALL}, {"LOGICAL_OR", UFI_FOLD_ANY, UFI_FOLD_ANY},
  };
  for (size_t i = 0; i < UFI_COUNT(known); i++) {
    if (strcmp(known[i].name, op) != 0) continue;
    *out = window ? known[i].window : known[i].fold;
    return true;
  }
  return false;
}

/* Of all these, the order of the operands only decides what becomes of a NaN; LiteRT does not look at it. */
static bool takes_both(const ufi_body_view *body) {
  return (body->in[0] == 0 && body->in[1] == 1) || (body->in[0] == 1 && body->in[1] == 0);
}

bool ufi_shlo_known_body(ufi_ctx *ctx, int32_t graph, uf_dtype dtype, bool window, ufi_fold_fn *fold_out) {
  ufi_body_view body;
  ufi_fold fold;
  *fold_out = NULL;
  if (!ufi_host_body(ctx, graph, &body) || body.n_in != 2 || body.n_out != 1) return false;
  if (body.n_nodes == 0) {
    if (body.from != 1) return false;
    *fold_out = ufi_fold_of(UFI_FOLD_SET, dtype);
  } else if (body.op && takes_both(&body) && fold_of_op(body.op->name, window, &fold)) {
    *fold_out = ufi_fold_of(fold, dtype);
  }
  return *fold_out != NULL;
}

static ufi_tensor scalar_like(const ufi_tensor *t) {
  ufi_tensor s = {.dtype = t->dtype, .count = 1, .size = (size_t)uf_dtype_bits(t->dtype) / 8, .name = t->name,
                  .shape_known = true};
  return s;
}

static uf_status check_results(ufi_ctx *ctx, int32_t n, ufi_tensor *const *results, int32_t n_results) {
  char text[512];
  if (n_results != n)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a body with %d outputs, found %d", (int)n, (int)n_results);
  for (int32_t i = 0; i < n; i++) {
    UFI_TRY(ufi_want_same(ctx, ctx->in[i], results[i]));
    if (!results[i]->shape_known || results[i]->count == 1) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a body whose outputs are one element each, found %s",
                        ufi_tensor_text(results[i], text));
  }
  return UF_OK;
}

uf_status ufi_shlo_check_body(ufi_ctx *ctx, int32_t graph, int32_t n) {
  ufi_shlo_body body;
  ufi_tensor *const *results;
  int32_t n_results;
  for (int32_t i = 0; i < n; i++) UFI_TRY(ufi_shlo_want_bytes(ctx, ctx->in[i]));
  uf_status status = ufi_shlo_open(ctx, graph, n, &body);
  if (status == UF_OK) status = ufi_host_infer(ctx, graph, body.pointers, 2 * n, &results, &n_results);
  if (status == UF_OK) status = check_results(ctx, n, results, n_results);
  ufi_shlo_close(&body);
  return status;
}

uf_status ufi_shlo_open(ufi_ctx *ctx, int32_t graph, int32_t n, ufi_shlo_body *out) {
  *out = (ufi_shlo_body){.ctx = ctx, .graph = graph, .n = n};
  out->scalars = ufi_calloc(2 * (size_t)n + 1, sizeof *out->scalars);
  out->pointers = ufi_calloc(2 * (size_t)n + 1, sizeof *out->pointers);
  if (!out->scalars || !out->pointers) return ufi_no_memory(ctx->error, 2 * (size_t)n * sizeof *out->scalars);
  for (int32_t i = 0; i < 2 * n; i++) {
    out->scalars[i] = scalar_like(ctx->in[i % n]);
    out->pointers[i] = &out->scalars[i];
  }
  return UF_OK;
}

void ufi_shlo_close(ufi_shlo_body *body) {
  ufi_free(body->scalars);
  ufi_free(body->pointers);
}

uf_status ufi_shlo_apply(ufi_shlo_body *body, void *const *acc, const void *const *x) {
  ufi_tensor *const *results;
  int32_t n_results;
  for (int32_t i = 0; i < body->n; i++) {
    body->scalars[i].data = acc[i];
    body->scalars[body->n + i].data = (void *)(uintptr_t)x[i]; /* the call copies it */
  }
  UFI_TRY(ufi_host_call(body->ctx, body->graph, body->pointers, 2 * body->n, &results, &n_results));
  UFI_TRY(check_results(body->ctx, body->n, results, n_results));
  for (int32_t i = 0; i < body->n; i++) memcpy(acc[i], results[i]->data, body->scalars[i].size);
  return UF_OK;
}
