/* SPDX-License-Identifier: Apache-2.0
 *
 * test_elementwise.c: every kernel of elementwise.h, for every instruction set
 * that this processor has, against the scalar one.
 *
 * Rows end right before a page that cannot be read or written, and begin at
 * addresses of every alignment, so that a kernel that goes past its row dies
 * here. Lengths go around every vector width. Integer results must be equal;
 * float ones may differ by the ulps that the header states for both together.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "kernels/kernels.h"

enum { MAX_N = 1400 };

static ufi_kernels scalar, tested;

/* ---- memory with an end ------------------------------------------------------------ */

typedef struct guarded {
  uint8_t *map, *end;
  size_t size;
} guarded;

static guarded guard_create(size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  guarded g = {.size = (bytes + page - 1) / page * page + page};
  g.map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(g.map != MAP_FAILED);
  g.end = g.map + g.size - page;
  assert_int_equal(mprotect(g.end, page, PROT_NONE), 0);
  return g;
}

static void guard_destroy(guarded *g) { munmap(g->map, g->size); }

/* The last n elements before the guard page. */
static void *tail(const guarded *g, size_t n, size_t element) { return g->end - n * element; }

static guarded in_a, in_b, out_x, out_y;

static int set_up(void **state) {
  assert_true(ufi_kernels_for(UFI_ISA_SCALAR, &scalar));
  in_a = guard_create(MAX_N * 8);
  in_b = guard_create(MAX_N * 8);
  out_x = guard_create(MAX_N * 8);
  out_y = guard_create(MAX_N * 8);
  return 0;
}

static int tear_down(void **state) {
  guard_destroy(&in_a), guard_destroy(&in_b), guard_destroy(&out_x), guard_destroy(&out_y);
  return 0;
}

/* ---- values -------------------------------------------------------------------------- */

static uint32_t random_state = 12345;
static uint32_t random_u32(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}
static float random_f32(float lo, float hi) {
  return lo + (hi - lo) * (float)(random_u32() >> 8) / (float)(1 << 24);
}
static void random_bytes(void *p, size_t n) {
  uint8_t *bytes = p;
  for (size_t i = 0; i < n; ++i) bytes[i] = (uint8_t)(random_u32() >> 11);
}

static const float special[] = {
  0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -1e-40f, 3.4e38f, -3.4e38f, 0.5f, -0.5f, 1.5f,
  2.5f, -2.5f, 1e-8f, -1e-8f, 100.0f, -100.0f, 88.7f, -87.5f, 0.625f, -9.0f, 1e10f, -1e10f,
};

/* Half of the values of moderate size, the rest over all the range. */
static void fill_f32(float *x, size_t n, bool specials) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t kind = random_u32() >> 8;
    x[i] = kind % 2 ? random_f32(-4.0f, 4.0f) : random_f32(-30.0f, 30.0f);
    if (kind % 16 == 0) x[i] = ldexpf(random_f32(-1.0f, 1.0f), (int)(kind / 16 % 60) - 40);
    if (specials && kind % 8 == 2) x[i] = special[kind / 8 % UFI_COUNT(special)];
  }
}

static int64_t ordered(float v) {
  int32_t bits;
  memcpy(&bits, &v, 4);
  return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

static void check_f32(const char *what, size_t n, const float *in, const float *expected,
                      const float *found, size_t count, int64_t ulps, float tiny) {
  for (size_t i = 0; i < count; ++i) {
    if (isnan(expected[i]) && isnan(found[i])) continue;
    if (expected[i] == found[i]) continue;
    const bool near = llabs(ordered(expected[i]) - ordered(found[i])) <= ulps ||
                      fabsf(expected[i] - found[i]) <= tiny;
    if (!near)
      fail_msg("%s, n %zu, at %zu: f(%.9g) expected %.9g, found %.9g", what, n, i,
               in ? in[i] : 0.0f, expected[i], found[i]);
  }
}

static void check_bytes(const char *what, size_t n, const void *expected, const void *found,
                        size_t bytes) {
  const uint8_t *e = expected, *f = found;
  for (size_t i = 0; i < bytes; ++i)
    if (e[i] != f[i])
      fail_msg("%s, n %zu, byte %zu: expected %d, found %d", what, n, i, e[i], f[i]);
}

static const size_t lengths[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100,
                                 127, 128, 129, 255, 256, 257, 300, 511, 520, 1027, MAX_N};

/* Calls test for every instruction set but scalar. */
static void each_isa(void (*test)(const char *isa)) {
  int seen = 0;
  for (int isa = UFI_ISA_SCALAR; isa < UFI_ISA_COUNT; ++isa) {
    if (!ufi_kernels_for(isa, &tested)) continue;
    test(ufi_isa_name((ufi_isa)isa));
    ++seen;
  }
  assert_true(seen > 0);
}

/* ---- floats ---------------------------------------------------------------------------- */

static void binary_isa(const char *isa) {
  for (int op = 0; op < UFK_F32_BINARY_COUNT; ++op)
    for (int mode = 0; mode < UFK_MODE_COUNT; ++mode)
      for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
        const size_t n = lengths[k];
        const bool clamped = k % 2;
        const float lo = clamped ? 0.0f : -INFINITY, hi = clamped ? 6.0f : INFINITY;
        float *a = tail(&in_a, mode == UFK_SV ? 1 : n, 4), *b = tail(&in_b, mode == UFK_VS ? 1 : n, 4);
        float *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
        fill_f32(a, mode == UFK_SV ? 1 : n, true);
        fill_f32(b, mode == UFK_VS ? 1 : n, true);
        scalar.elementwise.f32_binary[op][mode](a, b, x, n, lo, hi);
        tested.elementwise.f32_binary[op][mode](a, b, y, n, lo, hi);
        check_f32(isa, n, NULL, x, y, n, 0, 0.0f);
      }
}
static void test_f32_binary(void **state) { each_isa(binary_isa); }

static const struct { int64_t ulps; float tiny; } unary_error[UFK_F32_UNARY_COUNT] = {
  [UFK_EXP] = {3, 0}, [UFK_TANH] = {4, 0}, [UFK_LOGISTIC] = {4, 0}, [UFK_ELU] = {5, 0}, [UFK_HARD_SWISH] = {2, 0},
  [UFK_GELU] = {256, 1e-30f}, [UFK_GELU_TANH] = {256, 1e-30f},
  [UFK_ERF] = {4, 0}, [UFK_ERFC] = {256, 1e-30f},
  [UFK_LOG] = {2, 0}, [UFK_SIN] = {2, 0}, [UFK_COS] = {2, 0},
};

static void unary_isa(const char *isa) {
  for (int op = 0; op < UFK_F32_UNARY_COUNT; ++op)
    for (size_t k = 0; k < 4 * UFI_COUNT(lengths); ++k) {
      const size_t n = lengths[k % UFI_COUNT(lengths)];
      float *a = tail(&in_a, n, 4), *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
      fill_f32(a, n, true);
      scalar.elementwise.f32_unary[op](a, x, n);
      tested.elementwise.f32_unary[op](a, y, n);
      char what[64];
      snprintf(what, sizeof what, "%s unary %d", isa, op);
      check_f32(what, n, a, x, y, n, unary_error[op].ulps, unary_error[op].tiny);
      tested.elementwise.f32_unary[op](a, a, n); /* in place */
      check_bytes(what, n, y, a, n * 4);
    }
}
static void test_f32_unary(void **state) { each_isa(unary_isa); }

static void parameter_isa(const char *isa) {
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k];
    float *a = tail(&in_a, n, 4), *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
    fill_f32(a, n, true);
    scalar.elementwise.f32_clamp(a, x, n, -1.0f, 6.0f);
    tested.elementwise.f32_clamp(a, y, n, -1.0f, 6.0f);
    check_f32(isa, n, a, x, y, n, 0, 0.0f);
    scalar.elementwise.f32_leaky_relu(a, x, n, 0.2f);
    tested.elementwise.f32_leaky_relu(a, y, n, 0.2f);
    check_f32(isa, n, a, x, y, n, 0, 0.0f);
  }
}
static void test_f32_parameter(void **state) { each_isa(parameter_isa); }

static void rows_isa(const char *isa) {
  const ufk_elementwise_table *s = &scalar.elementwise, *t = &tested.elementwise;
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k];
    float *a = tail(&in_a, n, 4), *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
    fill_f32(a, n, false);
    double size = 1e-9;
    for (size_t i = 0; i < n; ++i) size += fabsf(a[i]);
    assert_true(fabs(s->f32_sum(a, n) - t->f32_sum(a, n)) <= 1e-6 * size);
    const double squares = s->f32_sum_squares(a, n);
    assert_true(fabs(squares - t->f32_sum_squares(a, n)) <= 1e-6 * squares);
    assert_true(s->f32_max(a, n, -INFINITY) == t->f32_max(a, n, -INFINITY));
    assert_true(s->f32_min(a, n, INFINITY) == t->f32_min(a, n, INFINITY));
    if (n == 0) continue;
    const size_t width = k % 3 ? n : UFI_MIN(n, (size_t)13), rows = n / width;
    s->f32_softmax(a, x, rows, width, 1.0f);
    t->f32_softmax(a, y, rows, width, 1.0f);
    check_f32(isa, n, a, x, y, rows * width, 8, 1e-37f);
    s->f32_log_softmax(a, x, n);
    t->f32_log_softmax(a, y, n);
    check_f32(isa, n, a, x, y, n, 4, 1e-6f);
    a[n / 2] = NAN; /* passed over */
    a[0] = 1e9f;
    if (n > 1) assert_true(t->f32_max(a, n, -INFINITY) == 1e9f);
  }
}
static void test_f32_rows(void **state) { each_isa(rows_isa); }

/* Bit for bit, with and without what may be absent. */
static void norm_isa(const char *isa) {
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k];
    float *a = tail(&in_a, n, 4), *b = tail(&in_b, n, 4), *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
    fill_f32(a, n, false);
    fill_f32(b, n, false);
    for (int has = 0; has < 4; ++has) {
      const float *gamma = has & 1 ? b : NULL, *beta = has & 2 ? a : NULL;
      scalar.elementwise.f32_norm_centered(a, gamma, beta, x, n, 0.7f);
      tested.elementwise.f32_norm_centered(a, gamma, beta, y, n, 0.7f);
      check_f32(isa, n, a, x, y, n, 0, 0.0f);
      if (!gamma) continue;
      scalar.elementwise.f32_norm(a, gamma, beta, x, n, 0.7f, -1.3f);
      tested.elementwise.f32_norm(a, gamma, beta, y, n, 0.7f, -1.3f);
      check_f32(isa, n, a, x, y, n, 0, 0.0f);
    }
  }
}
static void test_f32_norm(void **state) { each_isa(norm_isa); }

/* Rows that overlap the next ones, so that few elements make many. */
static void accumulate_isa(const char *isa) {
  const int64_t step = 3;
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k], rows = (MAX_N - n) / (size_t)step;
    float *a = tail(&in_a, n + rows * (size_t)step, 4), *x = tail(&out_x, n, 4), *y = tail(&out_y, n, 4);
    fill_f32(a, n + rows * (size_t)step, false);
    for (size_t i = 0; i < n; ++i) x[i] = y[i] = (float)i;
    scalar.elementwise.f32_accumulate(a + step, rows, step, x, n);
    tested.elementwise.f32_accumulate(a + step, rows, step, y, n);
    double size = 1.0;
    for (size_t i = 0; i < n + rows * (size_t)step; ++i) size += fabsf(a[i]);
    for (size_t i = 0; i < n; ++i)
      if (fabs((double)x[i] - (double)y[i]) > 1e-6 * (size + (double)i))
        fail_msg("%s, n %zu, column %zu: expected %g, found %g", isa, n, i, (double)x[i], (double)y[i]);
  }
}
static void test_f32_accumulate(void **state) { each_isa(accumulate_isa); }

/* ---- conversion ------------------------------------------------------------------------ */

#define CHECK_QUANTIZE(type, to, zero)                                         \
  do {                                                                         \
    float *a = tail(&in_a, n, 4);                                              \
    type *p = tail(&in_b, n, sizeof(type)), *q = tail(&out_x, n, sizeof(type)); \
    fill_f32(a, n, true);                                                      \
    for (size_t i = 1; i < n; i += 7) a[i] = ((float)(i % 40) - 20.5f) * 0.25f; \
    scalar.elementwise.to(a, p, n, 0.25f, zero);                               \
    tested.elementwise.to(a, q, n, 0.25f, zero);                               \
    check_bytes(#to, n, p, q, n * sizeof(type));                               \
  } while (0)

static void quantize_isa(const char *isa) {
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k];
    CHECK_QUANTIZE(int8_t, f32_to_s8, -7);
    CHECK_QUANTIZE(uint8_t, f32_to_u8, 131);
    CHECK_QUANTIZE(int16_t, f32_to_s16, 12);
  }
}
static void test_quantize(void **state) { each_isa(quantize_isa); }

/* ---- 8 bits ------------------------------------------------------------------------------ */

static void bytes_isa(const char *isa) {
  const ufk_elementwise_table *s = &scalar.elementwise, *t = &tested.elementwise;
  uint8_t table[256];
  for (size_t k = 0; k < UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k];
    uint8_t *a = tail(&in_a, n, 1), *x = tail(&out_x, n, 1), *y = tail(&out_y, n, 1);
    random_bytes(a, n);
    random_bytes(table, sizeof table);
    for (size_t i = 0; i < n && i < 256; ++i) a[i] = (uint8_t)i;
    s->lut8(a, x, n, table);
    t->lut8(a, y, n, table);
    check_bytes("lut8", n, x, y, n);
    assert_int_equal(s->u8_sum(a, n), t->u8_sum(a, n));
    assert_int_equal(s->s8_sum((int8_t *)a, n), t->s8_sum((int8_t *)a, n));
    int32_t *u = tail(&out_x, n, 4), *v = tail(&out_y, n, 4);
    random_bytes(u, n * 4);
    memcpy(v, u, n * 4);
    const size_t rows = n >= 3 ? 3 : 1, m = n / rows;
    s->s8_accumulate((int8_t *)a, rows, (int64_t)m, u, m);
    t->s8_accumulate((int8_t *)a, rows, (int64_t)m, v, m);
    s->u8_accumulate(a, 1, 0, u, n);
    t->u8_accumulate(a, 1, 0, v, n);
    check_bytes("accumulate", n, u, v, n * 4);
  }
}
static void fixedpoint_isa(const char *isa) {
  for (size_t k = 0; k < 7 * UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k % UFI_COUNT(lengths)];
    const int bits = (int)(k / UFI_COUNT(lengths));
    int16_t *a = tail(&in_a, n, 2), *x = tail(&out_x, n, 2), *y = tail(&out_y, n, 2);
    for (size_t i = 0; i < n; ++i) a[i] = (int16_t)(i < 3 ? (const int[]){-32768, 32767, 0}[i] : (int)(i * 40503u));
    scalar.elementwise.s16_tanh(a, x, n, bits);
    tested.elementwise.s16_tanh(a, y, n, bits);
    check_bytes(isa, n, x, y, n * 2);
    scalar.elementwise.s16_logistic(a, x, n, bits);
    tested.elementwise.s16_logistic(a, a, n, bits); /* in place */
    check_bytes(isa, n, x, a, n * 2);
  }
}
static void test_fixedpoint(void **state) { each_isa(fixedpoint_isa); }

static void test_bytes(void **state) { each_isa(bytes_isa); }

static ufk_scale random_scale(int32_t lo, int32_t hi) {
  return (ufk_scale){(int32_t)(0x40000000u + (random_u32() >> 2)),
                     lo + (int32_t)(random_u32() >> 4) % (hi - lo + 1)};
}

static void q_binary_isa(const char *isa) {
  const ufk_elementwise_table *s = &scalar.elementwise, *t = &tested.elementwise;
  for (size_t k = 0; k < 20 * UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k % UFI_COUNT(lengths)];
    const int mode = (int)(k / UFI_COUNT(lengths) % 3);
    const size_t na = mode == UFK_SV ? UFI_MIN(n, 1u) : n, nb = mode == UFK_VS ? UFI_MIN(n, 1u) : n;
    uint8_t *a = tail(&in_a, na, 1), *b = tail(&in_b, nb, 1);
    uint8_t *x = tail(&out_x, n, 1), *y = tail(&out_y, n, 1);
    random_bytes(a, na);
    random_bytes(b, nb);
    ufk_q_add add = {
      .a_offset = (int32_t)(random_u32() % 256) - 128, .b_offset = (int32_t)(random_u32() % 256) - 128,
      .y_offset = (int32_t)(random_u32() % 256) - 128, .left_shift = 20,
      .a = random_scale(-6, 0), .b = random_scale(-6, 0), .y = random_scale(-20, -17),
      .lo = -128 + (int32_t)(random_u32() % 20), .hi = 127 - (int32_t)(random_u32() % 20),
      .subtract = k % 2};
    /* The operand of the larger scale. */
    if (random_u32() % 2) add.a = (ufk_scale){1 << 30, 0};
    if (random_u32() % 2) add.b = (ufk_scale){1 << 30, 0};
    s->s8_add[mode]((int8_t *)a, (int8_t *)b, (int8_t *)x, n, &add);
    t->s8_add[mode]((int8_t *)a, (int8_t *)b, (int8_t *)y, n, &add);
    check_bytes("s8_add", n, x, y, n);
    ufk_q_add square = add;
    square.left_shift = 7, square.subtract = true, square.y = random_scale(-24, 1);
    s->s8_sqdiff[mode]((int8_t *)a, (int8_t *)b, (int8_t *)x, n, &square);
    t->s8_sqdiff[mode]((int8_t *)a, (int8_t *)b, (int8_t *)y, n, &square);
    check_bytes("s8_sqdiff", n, x, y, n);
    const ufk_q_mul mul = {.a_offset = add.a_offset, .b_offset = add.b_offset,
                           .y_offset = add.y_offset, .y = random_scale(-12, 2),
                           .lo = add.lo, .hi = add.hi};
    s->s8_mul[mode]((int8_t *)a, (int8_t *)b, (int8_t *)x, n, &mul);
    t->s8_mul[mode]((int8_t *)a, (int8_t *)b, (int8_t *)y, n, &mul);
    check_bytes("s8_mul", n, x, y, n);
    ufk_q_add uadd = add;
    ufk_q_mul umul = mul;
    uadd.lo += 128, uadd.hi += 128, umul.lo += 128, umul.hi += 128;
    uadd.y_offset += 128, umul.y_offset += 128;
    uadd.a_offset -= 128, uadd.b_offset -= 127;
    s->u8_add[mode](a, b, x, n, &uadd);
    t->u8_add[mode](a, b, y, n, &uadd);
    check_bytes("u8_add", n, x, y, n);
    s->u8_mul[mode](a, b, x, n, &umul);
    t->u8_mul[mode](a, b, y, n, &umul);
    check_bytes("u8_mul", n, x, y, n);
  }
}
static void test_q_binary(void **state) { each_isa(q_binary_isa); }

/* A scale near s by which x becomes a half, or what is next to it: which side it is on is more than float32
 * can tell. Rounding twice, as requant.h says, moves halves by half of 2^shift. */
static ufk_scale scale_to_half(ufk_scale s, double x) {
  const double right = ldexp(1.0, -s.shift), moved = s.shift < 0 ? 0.5 : 0.0;
  const double half = floor((fabs(x) * s.multiplier / 2147483648.0 + moved) / right) + 0.5;
  const double multiplier = x == 0.0 ? 0.0 : round((half * right - moved) * 2147483648.0 / fabs(x)) + (double)(random_u32() % 3) - 1;
  return multiplier < 1073741824.0 || multiplier > 2147483647.0 ? s : (ufk_scale){(int32_t)multiplier, s.shift};
}

/* By rows of which one element is such a half. */
static void q_halves_isa(const char *isa) {
  const ufk_elementwise_table *s = &scalar.elementwise, *t = &tested.elementwise;
  enum { N = 64 };
  int8_t *a = tail(&in_a, N, 1), *b = tail(&in_b, N, 1);
  uint8_t *x = tail(&out_x, N, 1), *y = tail(&out_y, N, 1);
  for (int k = 0; k < 4000; ++k) {
    random_bytes((uint8_t *)a, N);
    random_bytes((uint8_t *)b, N);
    const size_t i = random_u32() % N;
    ufk_q_mul mul = {.a_offset = (int32_t)(random_u32() % 256) - 128, .b_offset = (int32_t)(random_u32() % 256) - 128,
                     .lo = -128, .hi = 127};
    mul.y = scale_to_half(random_scale(-9, 0), (double)(a[i] + mul.a_offset) * (b[i] + mul.b_offset));
    s->s8_mul[UFK_VV](a, b, (int8_t *)x, N, &mul);
    t->s8_mul[UFK_VV](a, b, (int8_t *)y, N, &mul);
    check_bytes(isa, (size_t)k, x, y, N);
    ufk_q_add add = {.a_offset = mul.a_offset, .b_offset = mul.b_offset, .left_shift = 20, .a = random_scale(-3, 0),
                     .b = {1 << 30, 0}, .lo = -128, .hi = 127, .subtract = k % 2};
    const double by_a = ldexp(add.a.multiplier, add.a.shift - 31), sign = k % 2 ? -1.0 : 1.0;
    const double sum = 1048576.0 * ((a[i] + add.a_offset) * by_a + sign * (b[i] + add.b_offset) * 0.5);
    add.y = scale_to_half(random_scale(-20, -17), sum);
    s->s8_add[UFK_VV](a, b, (int8_t *)x, N, &add);
    t->s8_add[UFK_VV](a, b, (int8_t *)y, N, &add);
    check_bytes(isa, (size_t)k, x, y, N);
  }
}
static void test_q_halves(void **state) { each_isa(q_halves_isa); }

/* ---- softmax of bytes ---------------------------------------------------------------------- */

/* Terms as an input of that scale would have them; some sets of them do not fall. */
static void softmax8_tables(ufk_softmax8 *t, double scale, bool falls) {
  for (int d = 0; d < 256; ++d) t->exp[d] = (int32_t)fmin(ldexp(exp(-d * scale), 31), 2147483647.0);
  if (!falls) t->exp[200] = t->exp[3];
  ufk_softmax8_finish(t);
  assert_int_equal(t->falls, falls || scale == 0.0);
}

static void softmax8_isa(const char *isa) {
  static const double scales[] = {0.0, 0.003, 0.02, 0.1, 0.7, 5.0};
  for (size_t k = 0; k < 12 * UFI_COUNT(lengths); ++k) {
    const size_t n = lengths[k % UFI_COUNT(lengths)], rows = n ? UFI_MIN(MAX_N / n, 1 + k % 40) : 0;
    const size_t kind = k / UFI_COUNT(lengths), bytes = rows * n;
    ufk_softmax8 tables;
    softmax8_tables(&tables, scales[kind % 6], kind < 6);
    uint8_t *a = tail(&in_a, bytes, 1), *x = tail(&out_x, bytes, 1), *y = tail(&out_y, bytes, 1);
    random_bytes(a, bytes);
    for (size_t i = 0; i < bytes && k % 5 == 0; ++i) a[i] = 128 + a[i] % 8;
    const uint8_t flip = k % 2 ? 0x80 : 0;
    scalar.softmax8.rows(&tables, a, x, rows, UFI_MAX(n, 1u), flip);
    tested.softmax8.rows(&tables, a, y, rows, UFI_MAX(n, 1u), flip);
    check_bytes("softmax8", n, x, y, bytes);
    tested.softmax8.rows(&tables, a, a, rows, UFI_MAX(n, 1u), flip);
    check_bytes("softmax8 in place", n, x, a, bytes);
  }
}
static void test_softmax8(void **state) { each_isa(softmax8_isa); }

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_f32_binary),    cmocka_unit_test(test_f32_unary),
    cmocka_unit_test(test_f32_parameter), cmocka_unit_test(test_f32_rows), cmocka_unit_test(test_f32_norm),
    cmocka_unit_test(test_f32_accumulate),
    cmocka_unit_test(test_quantize),      cmocka_unit_test(test_bytes),
    cmocka_unit_test(test_fixedpoint),    cmocka_unit_test(test_q_binary),
    cmocka_unit_test(test_q_halves),
    cmocka_unit_test(test_softmax8),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
