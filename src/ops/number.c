/* SPDX-License-Identifier: Apache-2.0
 *
 * number.c: see number.h.
 */
#include "ops/number.h"

#include <complex.h>

#include "ops/host.h"

/* ---- loading and storing pieces ------------------------------------------------------ */

typedef float _Complex complex_f32;

#define LOAD(name, T, member, expression)                              \
  static void load_##name(const void *px, ufi_piece *out, size_t n) {  \
    const T *x = px;                                                   \
    for (size_t i = 0; i < n; ++i) { const T v = x[i]; out->member[i] = expression; } \
  }
LOAD(f32, float, reals, (double)v)
LOAD(f64, double, reals, v)
LOAD(f16, uint16_t, reals, (double)ufi_half_to_float(v))
LOAD(bf16, uint16_t, reals, (double)ufi_bfloat_to_float(v))
LOAD(i8, int8_t, ints, v)
LOAD(u8, uint8_t, ints, v)
LOAD(i16, int16_t, ints, v)
LOAD(u16, uint16_t, ints, v)
LOAD(i32, int32_t, ints, v)
LOAD(u32, uint32_t, ints, v)
LOAD(i64, int64_t, ints, v)
LOAD(u64, uint64_t, naturals, v)
LOAD(bool, uint8_t, ints, v != 0)
LOAD(c64, complex_f32, complexes, v)
LOAD(c128, ufi_complex, complexes, v)

#define STORE(name, T, member, expression)                              \
  static void store_##name(const ufi_piece *in, void *py, size_t n) {   \
    T *y = py;                                                          \
    for (size_t i = 0; i < n; ++i) y[i] = (T)(expression);              \
  }
STORE(f32, float, reals, in->reals[i])
STORE(f64, double, reals, in->reals[i])
STORE(f16, uint16_t, reals, ufi_float_to_half((float)in->reals[i]))
STORE(bf16, uint16_t, reals, ufi_float_to_bfloat((float)in->reals[i]))
STORE(8, uint8_t, ints, in->ints[i])
STORE(16, uint16_t, ints, in->ints[i])
STORE(32, uint32_t, ints, in->ints[i])
STORE(64, uint64_t, ints, in->ints[i])
STORE(c64, complex_f32, complexes, in->complexes[i])
STORE(c128, ufi_complex, complexes, in->complexes[i])
STORE(part_f32, float, complexes, creal(in->complexes[i]))
STORE(part_f64, double, complexes, creal(in->complexes[i]))
STORE(complex_f32, complex_f32, reals, in->reals[i])
STORE(complex_f64, ufi_complex, reals, in->reals[i])
STORE(bool_reals, bool, reals, in->reals[i] != 0)
STORE(bool_ints, bool, ints, in->ints[i] != 0)
STORE(bool_complexes, bool, complexes, in->complexes[i] != 0)

static double round_f64(double v) { return v; }
static double round_f32(double v) { return (float)v; }
static double round_f16(double v) { return ufi_half_to_float(ufi_float_to_half((float)v)); }
static double round_bf16(double v) { return ufi_bfloat_to_float(ufi_float_to_bfloat((float)v)); }

const ufi_number_type *ufi_number_type_of(uf_dtype dtype) {
  static const ufi_number_type types[UF_DTYPE_COUNT] = {
    [UF_FLOAT32] = {UFI_REALS, 4, 32, load_f32, round_f32},
    [UF_FLOAT64] = {UFI_REALS, 8, 64, load_f64, round_f64},
    [UF_FLOAT16] = {UFI_REALS, 2, 16, load_f16, round_f16},
    [UF_BFLOAT16] = {UFI_REALS, 2, 16, load_bf16, round_bf16},
    [UF_INT8] = {UFI_INTS, 1, 8, load_i8, NULL},     [UF_UINT8] = {UFI_INTS, 1, 8, load_u8, NULL},
    [UF_INT16] = {UFI_INTS, 2, 16, load_i16, NULL},  [UF_UINT16] = {UFI_INTS, 2, 16, load_u16, NULL},
    [UF_INT32] = {UFI_INTS, 4, 32, load_i32, NULL},  [UF_UINT32] = {UFI_INTS, 4, 32, load_u32, NULL},
    [UF_INT64] = {UFI_INTS, 8, 64, load_i64, NULL},  [UF_UINT64] = {UFI_NATURALS, 8, 64, load_u64, NULL},
    [UF_BOOL] = {UFI_INTS, 1, 8, load_bool, NULL},
    [UF_COMPLEX64] = {UFI_COMPLEXES, 8, 64, load_c64, NULL},
    [UF_COMPLEX128] = {UFI_COMPLEXES, 16, 128, load_c128, NULL},
  };
  return &types[ufi_dtype_unquantized(dtype)];
}

ufi_store_fn ufi_number_store(ufi_number_class class, uf_dtype dtype) {
  const bool c = class == UFI_COMPLEXES, r = class == UFI_REALS, i = !c && !r;
  if (class == UFI_NO_NUMBER) return NULL;
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_FLOAT32: return r ? store_f32 : c ? store_part_f32 : NULL;
    case UF_FLOAT64: return r ? store_f64 : c ? store_part_f64 : NULL;
    case UF_FLOAT16: return r ? store_f16 : NULL;
    case UF_BFLOAT16: return r ? store_bf16 : NULL;
    case UF_INT8: case UF_UINT8: return i ? store_8 : NULL;
    case UF_INT16: case UF_UINT16: return i ? store_16 : NULL;
    case UF_INT32: case UF_UINT32: return i ? store_32 : NULL;
    case UF_INT64: case UF_UINT64: return i ? store_64 : NULL;
    case UF_BOOL: return r ? store_bool_reals : c ? store_bool_complexes : store_bool_ints;
    case UF_COMPLEX64: return c ? store_c64 : r ? store_complex_f32 : NULL;
    case UF_COMPLEX128: return c ? store_c128 : r ? store_complex_f64 : NULL;
    default: return NULL;
  }
}

/* ---- one piece ------------------------------------------------------------------------- */

/* a becomes the op's result; both have n elements. */
static void apply(const ufi_number_arg *arg, ufi_piece *a, const ufi_piece *b, size_t n) {
  const ufi_number_op *op = arg->op;
  switch (arg->type->class) {
    case UFI_REALS: op->reals(a->reals, b->reals, n, arg); break;
    case UFI_COMPLEXES: op->complexes(a->complexes, b->complexes, n, arg); break;
    case UFI_NATURALS:
      if (op->naturals) op->naturals(a->naturals, b->naturals, n, arg);
      else op->ints(a->ints, b->ints, n, arg);
      break;
    default: op->ints(a->ints, b->ints, n, arg); break;
  }
}

static void map_pieces(const ufi_number_arg *arg, const char *x, char *y, size_t n) {
  ufi_piece piece;
  for (size_t i = 0; i < n; i += UFI_PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)UFI_PIECE);
    arg->type->load(x + i * (size_t)arg->type->size, &piece, count);
    apply(arg, &piece, &piece, count);
    arg->store(&piece, y + i * arg->size_y, count);
  }
}

/* Every element of a piece becomes its first one. */
static void repeat(ufi_piece *p, ufi_number_class class, size_t n) {
  for (size_t i = 1; i < n; ++i) {
    if (class == UFI_COMPLEXES) p->complexes[i] = p->complexes[0];
    else p->naturals[i] = p->naturals[0];
  }
}

static void inner_pieces(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode, const void *parg) {
  const ufi_number_arg *arg = *(const ufi_number_arg *const *)parg;
  const ufi_number_type *type = arg->type;
  const size_t size = (size_t)type->size;
  ufi_piece a, b;
  if (n == 0) return;
  if (mode == UFK_VS) {
    type->load(pb, &b, 1);
    repeat(&b, type->class, UFI_MIN(n, (size_t)UFI_PIECE));
  }
  for (size_t i = 0; i < n; i += UFI_PIECE) {
    const size_t count = UFI_MIN(n - i, (size_t)UFI_PIECE);
    if (mode == UFK_SV) { /* again each time: the op writes into it */
      type->load(pa, &a, 1);
      repeat(&a, type->class, count);
    } else {
      type->load((const char *)pa + i * size, &a, count);
    }
    if (mode != UFK_VS) type->load((const char *)pb + i * size, &b, count);
    apply(arg, &a, &b, count);
    arg->store(&a, (char *)py + i * arg->size_y, count);
  }
}

/* ---- attributes ------------------------------------------------------------------------ */

const ufi_number_op *ufi_number_in(const ufi_number_op *table, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(table[i].name, name) == 0) return &table[i];
  }
  return NULL;
}

uf_status ufi_number_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_number_attrs *a = attrs;
  const uf_attr *alpha = ufi_tf_attr(from, "alpha");
  if (!alpha) alpha = ufi_tf_attr(from, "tolerance");
  a->op = ufi_unary_op(from->op);
  if (!a->op) a->op = ufi_binary_op(from->op);
  if (!a->op) return ufi_fail(error, UF_INTERNAL, "expected an elementwise op, found %s", from->op);
  a->alpha = alpha && alpha->kind == UF_ATTR_FLOAT ? (float)alpha->f : 0;
  a->shape_error = !(a->op->flags & UFI_NUMBER_SHAPES) || ufi_tf_bool(from, "incompatible_shape_error");
  return UF_OK;
}

/* ---- infer ------------------------------------------------------------------------------- */

uf_status ufi_want_dtype(ufi_ctx *ctx, int32_t i, uint64_t set) {
  const uf_dtype dtype = ctx->in[i]->dtype;
  if (set >> dtype & 1) return UF_OK;
  char names[400] = "", text[512];
  size_t used = 0;
  for (int d = 1; d < UF_DTYPE_COUNT; d++) {
    const char *name = uf_dtype_name((uf_dtype)d);
    const size_t size = strlen(name);
    if (!(set >> d & 1) || used + size + 3 > sizeof names) continue;
    if (used) memcpy(names + used, ", ", 3), used += 2;
    memcpy(names + used, name, size + 1);
    used += size;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Value for attr 'T' of %s is not in the list of allowed values: expected one "
                      "of %s, found %s", uf_dtype_name(dtype), names, ufi_tensor_text(ctx->in[i], text));
}

static uf_dtype result_dtype(const ufi_number_op *op, uf_dtype in) {
  if (op->flags & UFI_NUMBER_BOOL) return UF_BOOL;
  if (op->flags & UFI_NUMBER_BYTE) return UF_UINT8;
  if (op->flags & UFI_NUMBER_PART) return in == UF_COMPLEX64 ? UF_FLOAT32 : in == UF_COMPLEX128 ? UF_FLOAT64 : in;
  return in;
}

static bool shapes_broadcast(const ufi_tensor *a, const ufi_tensor *b) {
  for (int32_t d = 1; d <= UFI_MIN(a->rank, b->rank); d++) {
    const int64_t x = a->dims[a->rank - d], y = b->dims[b->rank - d];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}
/* Operands that are unequal by their shapes alone. */
static bool is_one_answer(const ufi_ctx *ctx) {
  const ufi_number_attrs *a = ctx->attrs;
  return !a->shape_error && !shapes_broadcast(ctx->in[0], ctx->in[1]);
}

static uf_status tf_infer_same(ufi_ctx *ctx) {
  const ufi_tensor *a = ctx->in[0], *b = ctx->in[1];
  char p[512], q[512];
  const bool alike = a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
  if (ufi_number_of(ctx)->flags & UFI_NUMBER_ALIKE && !alike)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one shape, found %s and %s", ufi_tensor_text(a, p),
                        ufi_tensor_text(b, q));
  if (a->count != b->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands with the same number of elements, found %s and %s",
                        ufi_tensor_text(a, p), ufi_tensor_text(b, q));
  return ufi_out_like(ctx, 0, a);
}

uf_status ufi_tf_number_infer(ufi_ctx *ctx) {
  const ufi_number_op *op = ufi_number_of(ctx);
  const ufi_tensor *a = ctx->in[0];
  if (op == NULL) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a node of TensorFlow, found one of TFLite");
  UFI_TRY(ufi_want_dtype(ctx, 0, op->dtypes));
  UFI_TRY(ufi_out_dtype(ctx, 0, result_dtype(op, a->dtype)));
  if (ctx->n_in == 1) return ufi_out_like(ctx, 0, a);
  if (ctx->in[1]->dtype != a->dtype) {
    char p[512], q[512];
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected operands of one dtype, found %s and %s",
                        ufi_tensor_text(a, p), ufi_tensor_text(ctx->in[1], q));
  }
  if (op->flags & UFI_NUMBER_SAME) return tf_infer_same(ctx);
  if (is_one_answer(ctx)) return ufi_out_shape(ctx, 0, 0, NULL);
  return ufi_binary_infer(ctx, ctx->out[0]->dtype);
}

/* ---- prepare ------------------------------------------------------------------------------ */

static void fill_arg(ufi_number_arg *arg, const ufi_number_attrs *attrs, uf_dtype in, uf_dtype out) {
  arg->op = attrs->op;
  arg->alpha = attrs->alpha;
  arg->type = ufi_number_type_of(in);
  arg->store = ufi_number_store(arg->type->class, out);
  arg->size_y = (size_t)uf_dtype_bits(out) / 8;
}

static uf_status prepare_unary(ufi_ctx *ctx) {
  ufi_number_arg *arg = ufi_ctx_state(ctx, sizeof *arg);
  if (!arg) return UF_RESOURCE_EXHAUSTED;
  fill_arg(arg, ctx->attrs, ctx->in[0]->dtype, ctx->out[0]->dtype);
  if (ctx->in[0]->dtype == UF_FLOAT32 && arg->op->kernel)
    arg->kernel = ufi_kernels_get()->elementwise.f32_unary[arg->op->kernel - 1];
  return UF_OK;
}

void ufi_number_choose(ufi_number_loop *s, const ufi_number_attrs *attrs, uf_dtype in, uf_dtype out) {
  const ufi_number_op *op = attrs->op;
  ufi_binary *b = &s->binary;
  if (op->kernel && in == UF_FLOAT32) {
    b->inner = ufi_binary_float(b, in, (ufk_f32_binary)(op->kernel - 1), UFI_ACT_NONE);
    return;
  }
  b->inner = op->loops ? op->loops[ufi_dtype_unquantized(in)] : NULL;
  if (b->inner) { /* loops of integers may clamp */
    b->arg.ints.lo = INT64_MIN, b->arg.ints.hi = INT64_MAX;
    return;
  }
  b->inner = inner_pieces;
  fill_arg(&s->number, attrs, in, out);
  b->arg.number = &s->number;
}

/* The right operand is the loops' first. Pieces are not for swapping: they know all comparisons. */
static bool swaps(const ufi_number_loop *s, const ufi_number_op *op) {
  return op->flags & UFI_NUMBER_SWAP && s->binary.inner != inner_pieces;
}

uf_status ufi_number_prepare(ufi_ctx *ctx) {
  if (ctx->n_in == 1) return prepare_unary(ctx);
  const ufi_number_op *op = ufi_number_of(ctx);
  const ufi_tensor *y = ctx->out[0];
  ufi_number_loop *s = ufi_ctx_state(ctx, sizeof *s);
  if (!s) return UF_RESOURCE_EXHAUSTED;
  if (is_one_answer(ctx)) return UF_OK;
  if (ctx->in[0]->dtype != UF_STRING || !(op->flags & UFI_NUMBER_TEXT))
    ufi_number_choose(s, ctx->attrs, ctx->in[0]->dtype, y->dtype);
  const bool swap = swaps(s, op);
  if (op->flags & UFI_NUMBER_SAME) s->binary.plan = (ufi_broadcast_plan){.row = y->count, .count = y->count};
  else ufi_broadcast_make(ctx->in[swap], ctx->in[!swap], y, &s->binary.plan);
  return UF_OK;
}

/* ---- eval ---------------------------------------------------------------------------------- */

typedef struct unary_run {
  const ufi_number_arg *arg;
  const char *x;
  char *y;
  bool is_f32;
} unary_run;

static void unary_range(void *context, size_t begin, size_t end) {
  const unary_run *r = context;
  const char *x = r->x + begin * (size_t)r->arg->type->size;
  char *y = r->y + begin * r->arg->size_y;
  const float *from = (const float *)(const void *)x;
  if (r->arg->kernel) r->arg->kernel(from, (float *)(void *)y, end - begin);
  else if (r->is_f32 && r->arg->op->f32) r->arg->op->f32(from, (float *)(void *)y, end - begin, r->arg);
  else map_pieces(r->arg, x, y, end - begin);
}

/* TensorFlow's words for what integers cannot be divided by or raised to. */
static uf_status tf_check_right(ufi_ctx *ctx, const ufi_number_op *op) {
  const ufi_tensor *b = ctx->in[1];
  const ufi_number_type *type = ufi_number_type_of(b->dtype);
  ufi_piece piece;
  if (type->class != UFI_INTS && type->class != UFI_NATURALS) return UF_OK;
  for (int64_t at = 0; at < b->count; at += UFI_PIECE) {
    const size_t n = (size_t)UFI_MIN(b->count - at, (int64_t)UFI_PIECE);
    type->load((const char *)b->data + at * type->size, &piece, n);
    for (size_t i = 0; i < n; ++i) {
      if (op->flags & UFI_NUMBER_RAISES ? piece.ints[i] >= 0 : piece.ints[i] != 0) continue;
      if (op->flags & UFI_NUMBER_RAISES)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Integers to negative integer powers are not allowed: expected "
                            "exponents >= 0, found %lld at element %lld of '%s'", (long long)piece.ints[i],
                            (long long)(at + (int64_t)i), b->name);
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Integer division by zero: expected divisors other than 0, found 0 "
                          "at element %lld of '%s'", (long long)(at + (int64_t)i), b->name);
    }
  }
  return UF_OK;
}

static ufi_broadcast_run_args binary_args(const ufi_ctx *ctx) {
  const ufi_number_loop *s = ctx->state;
  const bool swap = swaps(s, ufi_number_of(ctx));
  const ufi_tensor *a = ctx->in[swap], *b = ctx->in[!swap], *y = ctx->out[0];
  const size_t size = (size_t)uf_dtype_bits(a->dtype) / 8;
  return (ufi_broadcast_run_args){
    .plan = &s->binary.plan, .inner = s->binary.inner, .arg = &s->binary.arg, .a = a->data, .b = b->data,
    .y = y->data, .size_a = size, .size_b = size, .size_y = (size_t)uf_dtype_bits(y->dtype) / 8};
}

static uf_status run_binary(ufi_ctx *ctx) {
  const ufi_broadcast_run_args args = binary_args(ctx);
  ufi_broadcast_run(&args, ctx->pool);
  return UF_OK;
}

static void binary_part(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  const bool swap = swaps(ctx->state, ufi_number_of(ctx));
  ufi_broadcast_run_args args = binary_args(ctx);
  args.a = in[swap];
  args.b = in[!swap];
  args.y = out;
  ufi_broadcast_part(&args, begin, n);
}

static void unary_part(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n) {
  unary_run r = {ctx->state, in[0], out, true};
  unary_range(&r, 0, n);
}

ufi_part_fn ufi_number_part(const ufi_ctx *ctx) {
  if (ctx->in[0]->dtype != UF_FLOAT32 || ctx->out[0]->dtype != UF_FLOAT32) return NULL;
  if (ctx->n_in == 1) return unary_part;
  const ufi_number_loop *s = ctx->state;
  return is_one_answer(ctx) || ufi_broadcast_wants_all(&s->binary.plan) ? NULL : binary_part;
}

/* Strings, one after the other. First pass (text NULL): only how long they become. */
typedef struct join { char *text; size_t used; bool overflow; } join;
static void join_inner(const void *pa, const void *pb, void *py, size_t n, ufk_mode mode, const void *arg) {
  join *j = *(join *const *)arg;
  const uf_string *a = pa, *b = pb;
  uf_string *y = py;
  for (size_t i = 0; i < n; ++i) {
    const uf_string *u = a + (mode == UFK_SV ? 0 : i), *v = b + (mode == UFK_VS ? 0 : i);
    const size_t size = u->size + v->size;
    if (j->text) {
      char *text = j->text + j->used;
      if (u->size) memcpy(text, u->data, u->size);
      if (v->size) memcpy(text + u->size, v->data, v->size);
      y[i] = (uf_string){text, size};
    }
    j->overflow = j->overflow || !ufi_add_size(j->used, size, &j->used);
  }
}

/* The characters lie in the state until the executor has given the output characters of its own. */
static uf_status tf_join_strings(ufi_ctx *ctx) {
  ufi_binary *s = ctx->state; /* first in the state */
  join j = {0}, *p = &j;
  ufi_broadcast_run_args args = {
    .plan = &s->plan, .inner = join_inner, .arg = &p, .a = ctx->in[0]->data, .b = ctx->in[1]->data,
    .y = ctx->out[0]->data, .size_a = sizeof(uf_string), .size_b = sizeof(uf_string), .size_y = sizeof(uf_string)};
  ufi_broadcast_run(&args, NULL);
  if (j.overflow || j.used > ufi_host_max_bytes(ctx))
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected strings that fit in memory, found longer ones");
  ufi_free(s->text);
  s->text = ufi_malloc(j.used + 1);
  if (s->text == NULL) return ufi_no_memory(ctx->error, j.used);
  j = (join){.text = s->text};
  ufi_broadcast_run(&args, NULL);
  return UF_OK;
}

void ufi_number_release(void *state) { ufi_free(((ufi_binary *)state)->text); }

uf_status ufi_number_eval(ufi_ctx *ctx) {
  const ufi_number_op *op = ufi_number_of(ctx);
  ufi_tensor *y = ctx->out[0];
  if (ctx->n_in == 1) {
    unary_run r = {ctx->state, ctx->in[0]->data, y->data, ctx->in[0]->dtype == UF_FLOAT32};
    ufi_elements(ctx->pool, unary_range, &r, (size_t)y->count);
    return UF_OK;
  }
  if (is_one_answer(ctx)) {
    *(bool *)y->data = (op->flags & UFI_NUMBER_UNEQUAL) != 0;
    return UF_OK;
  }
  if (y->dtype == UF_STRING) return tf_join_strings(ctx);
  /* Without a result nothing is divided. */
  if (y->count && op->flags & (UFI_NUMBER_DIVIDES | UFI_NUMBER_RAISES)) UFI_TRY(tf_check_right(ctx, op));
  return run_binary(ctx);
}
