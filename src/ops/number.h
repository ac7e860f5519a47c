/* SPDX-License-Identifier: Apache-2.0
 *
 * number.h: TensorFlow's elementwise ops, as functions over pieces of numbers.
 *
 * An op is one function per class of numbers: reals as double, integers as int64_t, uint64 as
 * itself, complex numbers as double complex. Elements pass through pieces of that type; results
 * are rounded (reals) or cut off (integers) to their dtype. As double has more than twice the bits
 * of float32 and float16, sums, products, quotients and roots round as if computed in the dtype
 * itself. Where a dtype has a loop or a kernel of its own, that one runs.
 *
 * Rows that TFLite has, too, come here when their node is TensorFlow's (UFI_NUMBER_DEF).
 */
#ifndef UFI_NUMBER_H
#define UFI_NUMBER_H

#include "ops/binary.h"

typedef double _Complex ufi_complex;

enum { UFI_PIECE = 256 };
typedef union ufi_piece {
  double reals[UFI_PIECE];
  int64_t ints[UFI_PIECE];
  uint64_t naturals[UFI_PIECE];
  ufi_complex complexes[UFI_PIECE];
} ufi_piece;

/* How a dtype passes through a piece. uint8 to uint32 and bool are INTS: int64_t holds them. */
typedef enum ufi_number_class { UFI_NO_NUMBER, UFI_REALS, UFI_INTS, UFI_NATURALS, UFI_COMPLEXES } ufi_number_class;
typedef struct ufi_number_type {
  ufi_number_class class;
  int32_t size, bits;
  void (*load)(const void *x, ufi_piece *out, size_t n);
  double (*round)(double v); /* reals: to the nearest of the dtype */
} ufi_number_type;
/* class UFI_NO_NUMBER for what has none: strings, handles, packed integers. */
const ufi_number_type *ufi_number_type_of(uf_dtype dtype);
/* Stores elements of a class as dtype: reals as reals, complex ones or bool (not 0), integers as
 * integers or bool, complex ones as such or by their real part. NULL: no such pair. */
typedef void (*ufi_store_fn)(const ufi_piece *in, void *y, size_t n);
ufi_store_fn ufi_number_store(ufi_number_class class, uf_dtype dtype);

struct ufi_number_op;
typedef struct ufi_number_arg {
  const struct ufi_number_op *op;
  const ufi_number_type *type;  /* of the inputs */
  ufi_store_fn store;
  size_t size_y;                /* bytes of an element of the output */
  double alpha;                 /* the op's own attribute */
  ufk_f32_unary_fn kernel;
} ufi_number_arg;

/* a becomes f(a, b); unary ones do not look at b. */
typedef struct ufi_number_op {
  const char *name;             /* TensorFlow's */
  uint64_t dtypes;              /* sets of UFI_DTYPE_BIT: those that TensorFlow's kernels take */
  void (*reals)(double *a, const double *b, size_t n, const ufi_number_arg *arg);
  void (*ints)(int64_t *a, const int64_t *b, size_t n, const ufi_number_arg *arg);
  void (*naturals)(uint64_t *a, const uint64_t *b, size_t n, const ufi_number_arg *arg); /* NULL: ints */
  void (*complexes)(ufi_complex *a, const ufi_complex *b, size_t n, const ufi_number_arg *arg);
  const ufi_inner_fn *loops;    /* two operands: by dtype, or NULL */
  int16_t kernel;               /* for float32: a ufk_f32_unary or ufk_f32_binary + 1; 0: none */
  int16_t flags;
  void (*f32)(const float *x, float *y, size_t n, const ufi_number_arg *arg); /* one operand, instead of a kernel */
} ufi_number_op;
enum {
  UFI_NUMBER_BOOL = 1,          /* the result is bool */
  UFI_NUMBER_PART = 2,          /* the result is real: a part of a complex number */
  UFI_NUMBER_SAME = 4,          /* no broadcasting: as many elements on both sides */
  UFI_NUMBER_DIVIDES = 8,       /* integers: no zero on the right */
  UFI_NUMBER_RAISES = 16,       /* integers: nothing negative on the right */
  UFI_NUMBER_SHAPES = 32,       /* attribute incompatible_shape_error: other shapes are unequal */
  UFI_NUMBER_UNEQUAL = 64,      /* and that is true */
  UFI_NUMBER_BYTE = 128,        /* the result is uint8 */
  UFI_NUMBER_SWAP = 256,        /* loops get the right operand first */
  UFI_NUMBER_TEXT = 512,        /* two operands: strings are joined */
  UFI_NUMBER_ALIKE = 1024,      /* with SAME: the shapes are equal, too */
};

#define UFI_DTYPE_BIT(dtype) (UINT64_C(1) << UF_##dtype)
#define UFI_F32_F64 (UFI_DTYPE_BIT(FLOAT32) | UFI_DTYPE_BIT(FLOAT64))
#define UFI_F16_UP (UFI_F32_F64 | UFI_DTYPE_BIT(FLOAT16))
#define UFI_FLOATS (UFI_F16_UP | UFI_DTYPE_BIT(BFLOAT16))
#define UFI_COMPLEX (UFI_DTYPE_BIT(COMPLEX64) | UFI_DTYPE_BIT(COMPLEX128))
#define UFI_INT_32_64 (UFI_DTYPE_BIT(INT32) | UFI_DTYPE_BIT(INT64))
#define UFI_SIGNED (UFI_INT_32_64 | UFI_DTYPE_BIT(INT8) | UFI_DTYPE_BIT(INT16))
#define UFI_UNSIGNED (UFI_DTYPE_BIT(UINT8) | UFI_DTYPE_BIT(UINT16) | UFI_DTYPE_BIT(UINT32) | UFI_DTYPE_BIT(UINT64))
#define UFI_INTEGERS (UFI_SIGNED | UFI_UNSIGNED)
#define UFI_REALS_ALL (UFI_FLOATS | UFI_INTEGERS)

/* The op of that name among n of a table; NULL: none. */
const ufi_number_op *ufi_number_in(const ufi_number_op *table, size_t n, const char *name);
const ufi_number_op *ufi_unary_op(const char *name);  /* tf_unary.c */
const ufi_number_op *ufi_binary_op(const char *name); /* tf_binary.c */

/* First in the attributes of an op that may come here; op is NULL for TFLite's nodes. */
typedef struct ufi_number_attrs {
  const ufi_number_op *op;
  double alpha;
  bool shape_error;
} ufi_number_attrs;
uf_status ufi_number_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) UF_MUST_USE;
static inline const ufi_number_op *ufi_number_of(const ufi_ctx *ctx) {
  return ctx->attrs ? ((const ufi_number_attrs *)ctx->attrs)->op : NULL;
}
uf_status ufi_tf_number_infer(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_number_prepare(ufi_ctx *ctx) UF_MUST_USE;
uf_status ufi_number_eval(ufi_ctx *ctx) UF_MUST_USE;
ufi_part_fn ufi_number_part(const ufi_ctx *ctx); /* of float32 */
void ufi_number_release(void *state); /* of ops whose state is a ufi_binary */
/* The loop for two operands of a dtype and what it is given; s stays where it is. */
typedef struct ufi_number_loop {
  ufi_binary binary;            /* its plan is the caller's */
  ufi_number_arg number;
} ufi_number_loop;
void ufi_number_choose(ufi_number_loop *s, const ufi_number_attrs *attrs, uf_dtype in, uf_dtype out);
/* INVALID_ARGUMENT, as TensorFlow says it, when input i has a dtype that is not in the set. */
uf_status ufi_want_dtype(ufi_ctx *ctx, int32_t i, uint64_t set) UF_MUST_USE;

/* A row of TensorFlow alone. */
#define UFI_NUMBER_ROW(name)                                                                     \
  const ufi_op_def ufi_op_##name = {                                                             \
    .attrs_size = sizeof(ufi_number_attrs), .attrs_tf = ufi_number_tf,                           \
    .infer = ufi_tf_number_infer, .prepare = ufi_number_prepare, .eval = ufi_number_eval, .part = ufi_number_part}

/* The steps of a row that both formats have: TensorFlow's node here, TFLite's by the functions given;
 * part_fn is its part. */
#define UFI_NUMBER_STEPS(name, infer_fn, prepare_fn, eval_fn, part_fn)                            \
  static uf_status name##_infer_either(ufi_ctx *ctx) {                                            \
    return ufi_number_of(ctx) ? ufi_tf_number_infer(ctx) : infer_fn(ctx);                            \
  }                                                                                               \
  static uf_status name##_prepare_either(ufi_ctx *ctx) {                                          \
    return ufi_number_of(ctx) ? ufi_number_prepare(ctx) : prepare_fn(ctx);                        \
  }                                                                                               \
  static uf_status name##_eval_either(ufi_ctx *ctx) {                                             \
    return ufi_number_of(ctx) ? ufi_number_eval(ctx) : eval_fn(ctx);                              \
  }                                                                                               \
  static ufi_part_fn name##_part_either(const ufi_ctx *ctx) {                                     \
    return ufi_number_of(ctx) ? ufi_number_part(ctx) : part_fn(ctx);                              \
  }
#define UFI_NUMBER_DEF(name, infer_fn, prepare_fn, eval_fn, part_fn)                              \
  UFI_NUMBER_STEPS(name, infer_fn, prepare_fn, eval_fn, part_fn)                                  \
  const ufi_op_def ufi_op_##name = {                                                              \
    .attrs_size = sizeof(ufi_number_attrs), .attrs_tf = ufi_number_tf,                            \
    .infer = name##_infer_either, .prepare = name##_prepare_either, .eval = name##_eval_either,   \
    .part = name##_part_either}

#endif
