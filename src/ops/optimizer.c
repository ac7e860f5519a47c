/* SPDX-License-Identifier: Apache-2.0
 *
 * optimizer.c: Apply* and SparseApply*: variables moved along their gradients.
 *
 * An optimizer is a few element-wise steps over registers, which are blocks of elements, so that one
 * set of loops serves all optimizers and dtypes and each step is rounded to the dtype, as in
 * TensorFlow's expressions. Scalars are blocks of equal elements. The sparse ones do the same to
 * those rows of the variables that indices name, one after the other.
 *
 * The formulas are those of TensorFlow's training_ops.cc, which names the papers they are from.
 */
#include <complex.h>
#include <math.h>

#include "ops/move.h"
#include "ops/variable.h"

enum { BLOCK = 128 };

/* Registers: the variable and its slots, the gradient, scalars in the order of the op's inputs, what
 * setup derives from them, what comes between. */
enum { V, A, B, C, G, S0, S1, S2, S3, S4, S5, D0, D1, D2, T0, T1, T2, T3, T4, ZERO, ONE, TWO, N_REGISTERS };
typedef enum step { ADD, SUB, MUL, DIV, MAX, POW, SELECT, SQRT, RSQRT, SQUARE, SIGN, ABS, EXP, COPY } step;

typedef struct block {
  uf_dtype dtype;
  int64_t n;
  bool option;          /* use_nesterov, update_slots */
  bool by_lr;           /* multiply_linear_by_lr */
  bool positive_l1, half_power;
  void *reg[N_REGISTERS];
  float *wide;          /* half precision: three blocks */
} block;

/* ---- steps --------------------------------------------------------------------------------- */

#define LOOP(type, expression)           \
  for (int64_t i = 0; i < n; i++) {      \
    type x = a[i], y = b[i];             \
    (void)y;                             \
    out[i] = (expression);               \
  }                                      \
  break


#define REAL_STEPS(name, type, f)                                                    \
  static void name(step s, type *out, const type *a, const type *b, int64_t n) {     \
    switch (s) {                                                                     \
      case ADD: LOOP(type, x + y);                                                   \
      case SUB: LOOP(type, x - y);                                                   \
      case MUL: LOOP(type, x * y);                                                   \
      case DIV: LOOP(type, x / y);                                                   \
      case MAX: LOOP(type, x < y ? y : x);                                           \
      case POW: LOOP(type, pow##f(x, y));                                            \
      case SELECT: LOOP(type, x > y ? out[i] : 0);                                   \
      case SQRT: LOOP(type, sqrt##f(x));                                             \
      case RSQRT: LOOP(type, 1 / sqrt##f(x));                                        \
      case SQUARE: LOOP(type, x * x);                                                \
      case SIGN: LOOP(type, x > 0 ? 1 : x < 0 ? -1 : x);                             \
      case ABS: LOOP(type, fabs##f(x));                                              \
      case EXP: LOOP(type, exp##f(x));                                               \
      default: LOOP(type, x);                                                        \
    }                                                                                \
  }
REAL_STEPS(step_f32, float, f)
REAL_STEPS(step_f64, double, )

#define COMPLEX_STEPS(name, type, f)                                                 \
  static void name(step s, type *out, const type *a, const type *b, int64_t n) {     \
    switch (s) {                                                                     \
      case ADD: LOOP(type, x + y);                                                   \
      case SUB: LOOP(type, x - y);                                                   \
      case MUL: LOOP(type, x * y);                                                   \
      case DIV: LOOP(type, x / y);                                                   \
      case SQRT: LOOP(type, csqrt##f(x));                                            \
      case RSQRT: LOOP(type, 1 / csqrt##f(x));                                       \
      case SQUARE: LOOP(type, x * x);                                                \
      default: LOOP(type, x);                                                        \
    }                                                                                \
  }
COMPLEX_STEPS(step_c64, float complex, f)
COMPLEX_STEPS(step_c128, double complex, )

static void widen(uf_dtype dtype, const uint16_t *from, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = dtype == UF_FLOAT16 ? ufi_half_to_float(from[i]) : ufi_bfloat_to_float(from[i]);
}

static void step_half(const block *k, step s, uint16_t *out, const uint16_t *a, const uint16_t *b) {
  float *x = k->wide, *y = x + BLOCK, *z = y + BLOCK;
  widen(k->dtype, a, x, k->n);
  widen(k->dtype, b, y, k->n);
  if (s == SELECT) widen(k->dtype, out, z, k->n);
  step_f32(s, z, x, y, k->n);
  for (int64_t i = 0; i < k->n; i++) out[i] = k->dtype == UF_FLOAT16 ? ufi_float_to_half(z[i]) : ufi_float_to_bfloat(z[i]);
}

/* Register out = a <step> b. SELECT: out stays where a > b and becomes 0 elsewhere. */
static void run(const block *k, step s, int out, int a, int b) {
  void *to = k->reg[out];
  const void *x = k->reg[a], *y = k->reg[b];
  switch (k->dtype) {
    case UF_FLOAT32: step_f32(s, to, x, y, k->n); break;
    case UF_FLOAT64: step_f64(s, to, x, y, k->n); break;
    case UF_COMPLEX64: step_c64(s, to, x, y, k->n); break;
    case UF_COMPLEX128: step_c128(s, to, x, y, k->n); break;
    default: step_half(k, s, to, x, y); break;
  }
}
static void run1(const block *k, step s, int out, int a) { run(k, s, out, a, a); }

/* x += (target - x) * (1 - decay), with 1 - decay in register rest. */
static void approach(const block *k, int x, int target, int rest) {
  run(k, SUB, T4, target, x);
  run(k, MUL, T4, T4, rest);
  run(k, ADD, x, x, T4);
}
/* x = x * decay + add */
static void decay(const block *k, int x, int factor, int add) {
  run(k, MUL, T4, x, factor);
  run(k, ADD, x, T4, add);
}

/* ---- optimizers ------------------------------------------------------------------------------ */

static void gradient_descent(const block *k) {
  run(k, MUL, T0, G, S0);
  run(k, SUB, V, V, T0);
}

/* lr, rho, epsilon; D0 1 - rho */
static void setup_rest1(const block *k) { run(k, SUB, D0, ONE, S1); }
static void adadelta(const block *k) {
  run1(k, SQUARE, T0, G);
  run(k, MUL, T0, T0, D0);
  decay(k, A, S1, T0);
  run(k, ADD, T0, B, S2);
  run1(k, SQRT, T0, T0);
  run(k, ADD, T1, A, S2);
  run1(k, RSQRT, T1, T1);
  run(k, MUL, T0, T0, T1);
  run(k, MUL, T0, T0, G);
  run(k, MUL, T1, T0, S0);
  run(k, SUB, V, V, T1);
  run1(k, SQUARE, T0, T0);
  run(k, MUL, T0, T0, D0);
  decay(k, B, S1, T0);
}

/* V shrinks towards 0 by the rate in `rate`: l1 in S1, l2 in S2. */
static void proximal(const block *k, int rate) {
  run(k, MUL, T1, rate, S2);
  run(k, ADD, T1, ONE, T1);
  if (k->positive_l1) {
    run1(k, SIGN, T2, V);
    run1(k, ABS, T3, V);
    run(k, MUL, T4, rate, S1);
    run(k, SUB, T3, T3, T4);
    run(k, MAX, T3, T3, ZERO);
    run(k, MUL, V, T2, T3);
  }
  run(k, DIV, V, V, T1);
}
static void proximal_descent(const block *k) {
  gradient_descent(k);
  proximal(k, S0);
}
static void proximal_adagrad(const block *k) {
  run1(k, SQUARE, T0, G);
  run(k, ADD, A, A, T0);
  run1(k, RSQRT, T0, A);
  run(k, MUL, T0, S0, T0);
  run(k, MUL, T1, G, T0);
  run(k, SUB, V, V, T1);
  proximal(k, T0);
}

/* lr, l1, l2, step */
static void adagrad_da(const block *k) {
  run(k, ADD, A, A, G);
  run1(k, SQUARE, T0, G);
  run(k, ADD, B, B, T0);
  run(k, MUL, T0, S3, S0);
  run(k, MUL, T0, S2, T0);
  run1(k, SQRT, T1, B);
  run(k, ADD, T0, T0, T1);
  run(k, SUB, T1, ZERO, S0);
  if (k->positive_l1) {
    run1(k, SIGN, T2, A);
    run(k, MUL, T1, T1, T2);
    run1(k, ABS, T2, A);
    run(k, MUL, T3, S3, S1);
    run(k, SUB, T2, T2, T3);
    run(k, MAX, T2, T2, ZERO);
    run(k, MUL, T1, T1, T2);
  } else {
    run(k, MUL, T1, T1, A);
  }
  run(k, DIV, V, T1, T0);
}

static void adagrad(const block *k) {
  run1(k, SQUARE, T0, G);
  if (k->option) run(k, ADD, A, A, T0);
  run1(k, RSQRT, T0, A);
  run(k, MUL, T1, G, S0);
  run(k, MUL, T1, T1, T0);
  run(k, SUB, V, V, T1);
}
static void adagrad_v2(const block *k) {
  run1(k, SQUARE, T0, G);
  if (k->option) run(k, ADD, A, A, T0);
  run1(k, SQRT, T0, A);
  run(k, ADD, T0, T0, S1);
  run(k, MUL, T1, G, S0);
  run(k, DIV, T1, T1, T0);
  run(k, SUB, V, V, T1);
}

static void momentum(const block *k) {
  decay(k, A, S1, G);
  run(k, MUL, T0, A, S0);
  if (k->option) {
    run(k, MUL, T0, A, S1);
    run(k, MUL, T0, T0, S0);
    run(k, MUL, T1, G, S0);
    run(k, ADD, T0, T1, T0);
  }
  run(k, SUB, V, V, T0);
}
static void keras_momentum(const block *k) {
  run(k, MUL, T0, G, S0);
  run(k, MUL, T1, A, S1);
  run(k, SUB, A, T1, T0);
  run(k, MUL, T1, A, S1);
  run(k, SUB, T1, T1, T0);
  run(k, ADD, V, V, k->option ? T1 : A);
}

/* beta1_power, beta2_power, lr, beta1, beta2, epsilon; D0 alpha, D1 and D2 1 - beta1 and 1 - beta2 */
static void setup_adam(const block *k) {
  run(k, SUB, D0, ONE, S1);
  run1(k, SQRT, D0, D0);
  run(k, MUL, D0, S2, D0);
  run(k, SUB, D1, ONE, S0);
  run(k, DIV, D0, D0, D1);
  run(k, SUB, D1, ONE, S3);
  run(k, SUB, D2, ONE, S4);
}
static void adam_with(const block *k, int largest) {
  approach(k, A, G, D1);
  run1(k, SQUARE, T0, G);
  approach(k, B, T0, D2);
  if (largest != B) run(k, MAX, largest, largest, B);
  run1(k, SQRT, T0, largest);
  run(k, ADD, T0, T0, S5);
  run(k, MUL, T1, A, D0);
  if (k->option) {
    run(k, MUL, T1, G, D1);
    run(k, MUL, T2, S3, A);
    run(k, ADD, T1, T1, T2);
    run(k, MUL, T1, T1, D0);
  }
  run(k, DIV, T1, T1, T0);
  run(k, SUB, V, V, T1);
}
static void adam(const block *k) { adam_with(k, B); }
static void amsgrad(const block *k) { adam_with(k, C); }

/* beta1_power, lr, beta1, beta2, epsilon; D0 1 - beta1, D1 lr / (1 - beta1_power) */
static void setup_adamax(const block *k) {
  run(k, SUB, D0, ONE, S2);
  run(k, SUB, D1, ONE, S0);
  run(k, DIV, D1, S1, D1);
}
static void adamax(const block *k) {
  approach(k, A, G, D0);
  run(k, MUL, T0, S3, B);
  run1(k, ABS, T1, G);
  run(k, MAX, B, T0, T1);
  run(k, ADD, T0, B, S4);
  run(k, DIV, T0, A, T0);
  run(k, MUL, T0, D1, T0);
  run(k, SUB, V, V, T0);
}

/* lr, rho, momentum, epsilon; D0 1 - rho. The slot in `moment` moves by G * lr / sqrt(T0). */
static void rms_tail(const block *k, int moment) {
  run1(k, SQRT, T0, T0);
  run(k, MUL, T1, G, S0);
  run(k, DIV, T1, T1, T0);
  decay(k, moment, S2, T1);
  run(k, SUB, V, V, moment);
}
static void rms_prop(const block *k) {
  run1(k, SQUARE, T0, G);
  approach(k, A, T0, D0);
  run(k, ADD, T0, A, S3);
  rms_tail(k, B);
}
static void centered_rms_prop(const block *k) {
  run1(k, SQUARE, T0, G);
  approach(k, B, T0, D0);
  approach(k, A, G, D0);
  run1(k, SQUARE, T0, A);
  run(k, SUB, T0, B, T0);
  run(k, ADD, T0, T0, S3);
  rms_tail(k, C);
}
/* The sparse kernels write the same another way, which rounds otherwise. */
static void sparse_rms_tail(const block *k, int moment) {
  run1(k, RSQRT, T0, T0);
  run(k, MUL, T0, T0, S0);
  run(k, MUL, T0, T0, G);
  decay(k, moment, S2, T0);
  run(k, SUB, V, V, moment);
}
static void sparse_mean(const block *k, int x, int of) {
  run(k, MUL, T0, of, D0);
  decay(k, x, S1, T0);
}
static void sparse_rms_prop(const block *k) {
  run1(k, SQUARE, T1, G);
  sparse_mean(k, A, T1);
  run(k, ADD, T0, A, S3);
  sparse_rms_tail(k, B);
}
static void sparse_centered_rms_prop(const block *k) {
  run1(k, SQUARE, T1, G);
  sparse_mean(k, B, T1);
  sparse_mean(k, A, G);
  run1(k, SQUARE, T0, A);
  run(k, SUB, T0, B, T0);
  run(k, ADD, T0, T0, S3);
  sparse_rms_tail(k, C);
}

/* lr, alpha or logbase, sign_decay, beta; D0 1 - beta. T0 becomes sign(G) * sign(A). */
static void setup_sign(const block *k) { run(k, SUB, D0, ONE, S3); }
static void sign_step(const block *k) {
  run(k, MUL, T0, G, D0);
  decay(k, A, S3, T0);
  run1(k, SIGN, T0, G);
  run1(k, SIGN, T1, A);
  run(k, MUL, T0, T0, T1);
}
static void add_sign(const block *k) {
  sign_step(k);
  run(k, MUL, T0, S2, T0);
  run(k, ADD, T0, S1, T0);
  run(k, MUL, T0, S0, T0);
  run(k, MUL, T0, T0, G);
  run(k, SUB, V, V, T0);
}
static void power_sign(const block *k) {
  sign_step(k);
  run(k, MUL, T1, S1, S2);
  run(k, MUL, T0, T1, T0);
  run1(k, EXP, T0, T0);
  run(k, MUL, T0, S0, T0);
  run(k, MUL, T0, T0, G);
  run(k, SUB, V, V, T0);
}

/* lr, l1, l2, l2_shrinkage, lr_power; D0 -lr_power, D1 l1 (* lr), D2 2 * l2 (* lr) */
static void setup_ftrl(const block *k) {
  run(k, SUB, D0, ZERO, S4);
  run1(k, COPY, D1, S1);
  run(k, MUL, D2, TWO, S2);
  if (!k->by_lr) return;
  run(k, MUL, D1, S1, S0);
  run(k, MUL, D2, D2, S0);
}
static void ftrl_power(const block *k, int out, int of) {
  if (k->half_power) run1(k, SQRT, out, of);
  else run(k, POW, out, of, D0);
}
static void ftrl(const block *k) {
  run(k, MUL, T0, TWO, S3);
  run(k, MUL, T0, T0, V);
  run(k, ADD, T0, G, T0); /* with shrinkage, which is 0 for the op without */
  run1(k, SQUARE, T1, G);
  run(k, ADD, T1, A, T1); /* the new accumulator */
  ftrl_power(k, T2, T1);
  ftrl_power(k, T3, A);
  run(k, SUB, T3, T2, T3);
  if (k->by_lr) run(k, MUL, T0, T0, S0);
  else run(k, DIV, T3, T3, S0);
  run(k, MUL, T3, T3, V);
  run(k, SUB, T3, T0, T3);
  run(k, ADD, B, B, T3);
  if (!k->by_lr) run(k, DIV, T2, T2, S0);
  run(k, ADD, T2, T2, D2);
  run1(k, SIGN, T0, B);
  run(k, MUL, T0, D1, T0);
  run(k, SUB, T0, T0, B);
  run(k, DIV, V, T0, T2);
  run1(k, ABS, T0, B);
  run(k, SELECT, V, T0, D1);
  run1(k, COPY, A, T1);
}

typedef struct optimizer {
  const char *name;
  int32_t n_vars;       /* the variable and its slots */
  const char *inputs;   /* behind them: s a scalar, g the gradient, i indices, t a step count */
  void (*setup)(const block *k);
  void (*run)(const block *k);
  bool is_complex;
} optimizer;

static const optimizer optimizers[] = {
  {"ApplyGradientDescent", 1, "sg", NULL, gradient_descent, true},
  {"ApplyAdadelta", 3, "sssg", setup_rest1, adadelta, true},
  {"SparseApplyAdadelta", 3, "sssgi", setup_rest1, adadelta, true},
  {"ApplyProximalGradientDescent", 1, "sssg", NULL, proximal_descent, false},
  {"ApplyProximalAdagrad", 2, "sssg", NULL, proximal_adagrad, false},
  {"ApplyAdagradDA", 3, "gssst", NULL, adagrad_da, false},
  {"ApplyAdagrad", 2, "sg", NULL, adagrad, true},
  {"SparseApplyAdagrad", 2, "sgi", NULL, adagrad, true},
  {"ApplyAdagradV2", 2, "ssg", NULL, adagrad_v2, true},
  {"SparseApplyAdagradV2", 2, "ssgi", NULL, adagrad_v2, true},
  {"ApplyMomentum", 2, "sgs", NULL, momentum, true},
  {"SparseApplyMomentum", 2, "sgis", NULL, momentum, true},
  {"ApplyKerasMomentum", 2, "sgs", NULL, keras_momentum, true},
  {"SparseApplyKerasMomentum", 2, "sgis", NULL, keras_momentum, true},
  {"ApplyAdam", 3, "ssssssg", setup_adam, adam, true},
  {"ApplyAdamWithAmsgrad", 4, "ssssssg", setup_adam, amsgrad, false},
  {"ApplyAdaMax", 3, "sssssg", setup_adamax, adamax, false},
  {"ApplyRMSProp", 3, "ssssg", setup_rest1, rms_prop, true},
  {"SparseApplyRMSProp", 3, "ssssgi", setup_rest1, sparse_rms_prop, true},
  {"ApplyCenteredRMSProp", 4, "ssssg", setup_rest1, centered_rms_prop, true},
  {"SparseApplyCenteredRMSProp", 4, "ssssgi", setup_rest1, sparse_centered_rms_prop, true},
  {"ApplyAddSign", 2, "ssssg", setup_sign, add_sign, false},
  {"ApplyPowerSign", 2, "ssssg", setup_sign, power_sign, false},
  {"ApplyFtrl", 3, "gsss0s", setup_ftrl, ftrl, false},
  {"ApplyFtrlV2", 3, "gsssss", setup_ftrl, ftrl, false},
  {"SparseApplyFtrl", 3, "gisss0s", setup_ftrl, ftrl, false},
  {"SparseApplyFtrlV2", 3, "gisssss", setup_ftrl, ftrl, false},
};

/* ---- the op ---------------------------------------------------------------------------------- */

typedef struct optimizer_attrs {
  const optimizer *kind;
  bool option, by_lr;
} optimizer_attrs;

static uf_status optimizer_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  optimizer_attrs *a = attrs;
  const char *name = strncmp(from->op, "Resource", 8) == 0 ? from->op + 8 : from->op;
  for (size_t i = 0; i < UFI_COUNT(optimizers); i++) {
    if (strcmp(optimizers[i].name, name) == 0) a->kind = &optimizers[i];
  }
  if (a->kind == NULL) return ufi_fail(error, UF_UNIMPLEMENTED, "expected a known optimizer, found '%s'", from->op);
  a->by_lr = ufi_tf_bool(from, "multiply_linear_by_lr");
  a->option = ufi_tf_bool(from, "use_nesterov") || ufi_tf_bool(from, "update_slots");
  if (a->kind->run == adagrad_v2 || a->kind->run == adagrad) a->option = !ufi_tf_attr(from, "update_slots") || a->option;
  return UF_OK;
}

static uf_status optimizer_infer(ufi_ctx *ctx) {
  const optimizer_attrs *a = ctx->attrs;
  for (int32_t i = 0; i < a->kind->n_vars; i++) UFI_TRY(ufi_want_in(ctx, i, UF_RESOURCE, UF_INVALID));
  return ufi_handle_pass_infer(ctx);
}

static uf_status optimizer_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, (size_t)N_REGISTERS * BLOCK * 16 + 3 * BLOCK * sizeof(float));
  return UF_OK;
}

static double scalar_of(const ufi_tensor *t) {
  switch (t->dtype) {
    case UF_FLOAT32: return *(const float *)t->data;
    case UF_FLOAT64: return *(const double *)t->data;
    case UF_FLOAT16: return ufi_half_to_float(*(const uint16_t *)t->data);
    case UF_BFLOAT16: return ufi_bfloat_to_float(*(const uint16_t *)t->data);
    case UF_INT64: return (double)*(const int64_t *)t->data;
    case UF_COMPLEX64: return crealf(*(const float complex *)t->data);
    default: return creal(*(const double complex *)t->data);
  }
}

static void fill(const block *k, int reg, const void *one) {
  size_t size = (size_t)uf_dtype_bits(k->dtype) / 8;
  for (int64_t i = 0; i < BLOCK; i++) memcpy((char *)k->reg[reg] + (size_t)i * size, one, size);
}

static void fill_number(const block *k, int reg, double value) {
  float f = (float)value;
  uint16_t h = k->dtype == UF_BFLOAT16 ? ufi_float_to_bfloat(f) : ufi_float_to_half(f);
  float complex c = f;
  double complex z = value;
  const void *one = k->dtype == UF_FLOAT32 ? (const void *)&f : k->dtype == UF_FLOAT64 ? (const void *)&value
                  : k->dtype == UF_COMPLEX64 ? (const void *)&c : k->dtype == UF_COMPLEX128 ? (const void *)&z : (const void *)&h;
  fill(k, reg, one);
}

typedef struct job {
  block k;
  const ufi_tensor *grad, *indices;
  uf_tensor *vars[4];
} job;

/* Registers in scratch, scalars in their blocks. */
static uf_status load(ufi_ctx *ctx, job *j) {
  const optimizer_attrs *a = ctx->attrs;
  block *k = &j->k;
  char *memory = ctx->scratch;
  int32_t in = a->kind->n_vars, scalar = S0;
  double values[8] = {0};
  *k = (block){.dtype = ctx->in[in]->dtype, .n = BLOCK, .option = a->option, .by_lr = a->by_lr};
  for (int r = 0; r < N_REGISTERS; r++) k->reg[r] = memory + (size_t)r * BLOCK * 16;
  k->wide = (float *)(memory + (size_t)N_REGISTERS * BLOCK * 16);
  fill_number(k, ZERO, 0);
  fill_number(k, ONE, 1);
  fill_number(k, TWO, 2);
  for (const char *what = a->kind->inputs; *what; what++) {
    const ufi_tensor *t = *what == '0' ? NULL : ctx->in[in];
    in += *what != '0';
    bool counts = *what == 't' && t->dtype == UF_INT64, index = *what == 'i' && (t->dtype == UF_INT32 || t->dtype == UF_INT64);
    if (t && t->dtype != k->dtype && !counts && !index) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d of %s, found %s", (int)in - 1, uf_dtype_name(k->dtype), uf_dtype_name(t->dtype));
    }
    if (*what == 'g') {
      j->grad = t;
    } else if (*what == 'i') {
      j->indices = t;
    } else if (t && t->rank != 0) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d to be a scalar, found '%s' is not a scalar: rank %d", (int)in - 1, t->name, (int)t->rank);
    } else {
      values[scalar - S0] = t ? scalar_of(t) : 0;
      if (*what == 's') fill(k, scalar, t->data);
      else fill_number(k, scalar, values[scalar - S0]);
      scalar++;
    }
  }
  k->positive_l1 = values[1] > 0;
  k->half_power = values[4] == -0.5;
  return UF_OK;
}

static uf_status check_rate(ufi_ctx *ctx, const job *j) {
  const optimizer_attrs *a = ctx->attrs;
  if (a->kind->setup != setup_ftrl || j->indices == NULL) return UF_OK; /* only the sparse kernels check */
  double lr = scalar_of(ctx->in[a->kind->n_vars + (j->indices ? 2 : 1)]), power = scalar_of(ctx->in[ctx->n_in - 1]);
  double l1 = scalar_of(ctx->in[a->kind->n_vars + (j->indices ? 3 : 2)]), l2 = scalar_of(ctx->in[a->kind->n_vars + (j->indices ? 4 : 3)]);
  if ((lr > 0 || (a->by_lr && lr >= 0)) && power <= 0 && l1 >= 0 && l2 >= 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected lr to be positive, l1 and l2 non-negative, lr_power non-positive, found lr %g, l1 %g, l2 %g, "
                      "lr_power %g", lr, l1, l2, power);
}

static uf_status check_shapes(ufi_ctx *ctx, const job *j, int32_t n_vars) {
  const uf_tensor *v = j->vars[0];
  const ufi_tensor *g = j->grad;
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  int32_t skip = j->indices ? 1 : 0;
  bool good = v->rank == g->rank && v->rank >= skip &&
              (v->rank == skip || memcmp(v->dims + skip, g->dims + skip, (size_t)(v->rank - skip) * sizeof v->dims[0]) == 0);
  if (j->indices) good = good && j->indices->rank == 1 && g->dims[0] == j->indices->dims[0];
  if (!good) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "var and grad do not have the same shape%s: expected %s, found %s", skip ? " but for the first dimension, which is that of the indices" : "",
                        ufi_shape_text(v->rank, v->dims, a), ufi_shape_text(g->rank, g->dims, b));
  }
  for (int32_t i = 1; i < n_vars; i++) {
    const uf_tensor *s = j->vars[i];
    if (s->rank == v->rank && (s->rank == 0 || memcmp(s->dims, v->dims, (size_t)s->rank * sizeof s->dims[0]) == 0)) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "var and accum do not have the same shape: expected %s for variable %d, found %s",
                        ufi_shape_text(v->rank, v->dims, a), (int)i, ufi_shape_text(s->rank, s->dims, b));
  }
  return UF_OK;
}

/* n elements from `at` of the variables, with those from `from` of the gradient. */
static void run_range(job *j, const optimizer *kind, int64_t at, int64_t from, int64_t n) {
  block *k = &j->k;
  size_t size = (size_t)uf_dtype_bits(k->dtype) / 8;
  for (int64_t i = 0; i < n; i += BLOCK) {
    k->n = UFI_MIN(n - i, (int64_t)BLOCK);
    for (int32_t s = 0; s < kind->n_vars; s++) k->reg[V + s] = (char *)j->vars[s]->data + (size_t)(at + i) * size;
    k->reg[G] = (char *)j->grad->data + (size_t)(from + i) * size;
    kind->run(k);
  }
}

static uf_status find_variables(ufi_ctx *ctx, job *j, const optimizer *kind) {
  ufi_resource *r[4];
  char text[256];
  for (int32_t i = 0; i < kind->n_vars; i++) {
    UFI_TRY(ufi_variable_in(ctx, i, &r[i]));
    UFI_TRY(ufi_variable_check(r[i], ctx->error));
    j->vars[i] = &r[i]->value;
    if (r[i]->value.dtype == j->k.dtype) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of %s, found %s", ufi_resource_text(r[i], text), uf_dtype_name(j->k.dtype),
                        uf_dtype_name(r[i]->value.dtype));
  }
  UFI_TRY(check_shapes(ctx, j, kind->n_vars));
  for (int64_t i = 0; j->indices && i < j->indices->count; i++) {
    int64_t index = ufi_move_index(j->indices, i);
    if (index >= 0 && index < j->vars[0]->dims[0]) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected indices in [0, %lld), found that index %lld at offset %lld in indices is out of range",
                        (long long)j->vars[0]->dims[0], (long long)index, (long long)i);
  }
  for (int32_t i = 0; i < kind->n_vars; i++) UFI_TRY(ufi_variable_writable(r[i], &j->vars[i], ctx->error));
  return UF_OK;
}

static uf_status optimizer_eval(ufi_ctx *ctx) {
  const optimizer_attrs *a = ctx->attrs;
  job j = {0};
  uf_dtype dtype = ctx->in[a->kind->n_vars]->dtype;
  bool is_complex = dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128;
  bool is_real = dtype == UF_FLOAT32 || dtype == UF_FLOAT64 || dtype == UF_FLOAT16 || dtype == UF_BFLOAT16;
  if (!is_real && !(is_complex && a->kind->is_complex)) {
    return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a floating-point dtype that this optimizer takes, found %s", uf_dtype_name(dtype));
  }
  UFI_TRY(load(ctx, &j));
  UFI_TRY(check_rate(ctx, &j));
  UFI_TRY(find_variables(ctx, &j, a->kind));
  if (a->kind->setup) a->kind->setup(&j.k);
  if (j.indices == NULL) {
    run_range(&j, a->kind, 0, 0, j.grad->count);
  } else {
    int64_t row = ufi_move_span(j.vars[0]->dims, 1, j.vars[0]->rank);
    for (int64_t i = 0; i < j.indices->count; i++) run_range(&j, a->kind, ufi_move_index(j.indices, i) * row, i * row, row);
  }
  ufi_handle_pass(ctx);
  return UF_OK;
}

const ufi_op_def ufi_op_APPLY_OPTIMIZER = {
  .attrs_size = sizeof(optimizer_attrs), .attrs_tf = optimizer_tf, .infer = optimizer_infer, .prepare = optimizer_prepare,
  .eval = optimizer_eval,
};
