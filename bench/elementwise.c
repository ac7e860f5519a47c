/* SPDX-License-Identifier: Apache-2.0
 *
 * elementwise.c: how near kernels that go through memory once come to what memory can do.
 *
 *     bench_elementwise
 *
 * For each kernel and three sizes (what it reads and writes lies in the first cache, in the second, in none) prints GB/s
 * of bytes read and written, and per cent of what memcpy reached in the same run at that size. Arithmetic may be what
 * bounds them: exponentials take some 1 cycle an element. The best of many runs; UNFLOW_ISA chooses the instruction set.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/kernels.h"

#include "stopwatch.h"

static const size_t sizes[] = {24 << 10, 512 << 10, 96 << 20};
enum { N_SIZES = UFI_COUNT(sizes), MOST = 96 << 20 };

static uint8_t *a, *b, *y; /* MOST bytes each */
static const ufi_kernels *kernels;

/* ---- the kernels ---------------------------------------------------------------- */

typedef struct kernel {
  const char *name;
  int a, b, y;              /* bytes an element of each, 0: none */
  void (*run)(size_t n);
} kernel;

#define A(T) ((T *)(void *)a)
#define B(T) ((T *)(void *)b)
#define Y(T) ((T *)(void *)y)
#define E kernels->elementwise
#define C kernels->convert

static volatile double sink;
static uint8_t table[256];
static const ufk_q_add add = {.a_offset = 3, .b_offset = -5, .left_shift = 20, .a = {1 << 30, 0}, .b = {1518500250, -1},
                              .y = {1518500250, -18}, .lo = -128, .hi = 127};
static const ufk_q_mul mul = {.a_offset = 3, .b_offset = -5, .y = {1518500250, -7}, .lo = -128, .hi = 127};

static void copy(size_t n) { memcpy(y, a, n); }
static void f32_add(size_t n) { E.f32_binary[UFK_ADD][UFK_VV](A(float), B(float), Y(float), n, 0.0f, 6.0f); }
static void f32_mul(size_t n) { E.f32_binary[UFK_MUL][UFK_VS](A(float), B(float), Y(float), n, -1e30f, 1e30f); }
static void f32_hard_swish(size_t n) { E.f32_unary[UFK_HARD_SWISH](A(float), Y(float), n); }
static void f32_exp(size_t n) { E.f32_unary[UFK_EXP](A(float), Y(float), n); }
static void f32_logistic(size_t n) { E.f32_unary[UFK_LOGISTIC](A(float), Y(float), n); }
static void f32_tanh(size_t n) { E.f32_unary[UFK_TANH](A(float), Y(float), n); }
static void f32_erf(size_t n) { E.f32_unary[UFK_ERF](A(float), Y(float), n); }
static void f32_gelu(size_t n) { E.f32_unary[UFK_GELU](A(float), Y(float), n); }
static void f32_softmax(size_t n) { E.f32_softmax(A(float), Y(float), n / 128, 128, 1.0f); }
static void f32_sum(size_t n) { sink = E.f32_sum(A(float), n); }
static void s8_add(size_t n) { E.s8_add[UFK_VV](A(int8_t), B(int8_t), Y(int8_t), n, &add); }
static void s8_mul(size_t n) { E.s8_mul[UFK_VV](A(int8_t), B(int8_t), Y(int8_t), n, &mul); }
static void lut8(size_t n) { E.lut8(a, y, n, table); }
static void s8_sum(size_t n) { sink = (double)E.s8_sum(A(int8_t), n); }
static void f32_to_s8(size_t n) { E.f32_to_s8(A(float), Y(int8_t), n, 0.1f, 3); }
static void s8_scaled(size_t n) { C.scaled[UFK_S8](a, n, 0.1f, 3, Y(float)); }
static void u8_scaled(size_t n) { C.scaled[UFK_U8](a, n, 0.1f, 3, Y(float)); }
static void s16_scaled(size_t n) { C.scaled[UFK_S16](a, n, 0.1f, 3, Y(float)); }
static void s4_scaled(size_t n) { C.scaled_s4(a, n, 0.1f, 3, Y(float)); }
static void from_f16(size_t n) { C.from_f16(A(uint16_t), n, Y(float)); }
static void to_f16(size_t n) { C.to_f16(A(float), n, Y(uint16_t)); }
static void from_bf16(size_t n) { C.from_bf16(A(uint16_t), n, Y(float)); }
static void to_bf16(size_t n) { C.to_bf16(A(float), n, Y(uint16_t)); }
static void to_float8(size_t n) {
  static const ufk_float8 type = {4, 3, 7, 0x7F, 0x7F, 0x7E, false};
  C.to_float8(A(float), n, &type, y);
}

static const kernel list[] = {
    {"memcpy", 1, 0, 1, copy}, {"f32 add, clamp", 4, 4, 4, f32_add}, {"f32 mul by a value", 4, 0, 4, f32_mul},
    {"f32 hard_swish", 4, 0, 4, f32_hard_swish}, {"f32 exp", 4, 0, 4, f32_exp}, {"f32 logistic", 4, 0, 4, f32_logistic},
    {"f32 tanh", 4, 0, 4, f32_tanh}, {"f32 erf", 4, 0, 4, f32_erf}, {"f32 gelu", 4, 0, 4, f32_gelu},
    {"f32 softmax, rows of 128", 4, 0, 4, f32_softmax}, {"f32 sum", 4, 0, 0, f32_sum},
    {"s8 add", 1, 1, 1, s8_add}, {"s8 mul", 1, 1, 1, s8_mul}, {"look-up of bytes", 1, 0, 1, lut8}, {"s8 sum", 1, 0, 0, s8_sum},
    {"f32 to s8", 4, 0, 1, f32_to_s8}, {"s8 to f32", 1, 0, 4, s8_scaled}, {"u8 to f32", 1, 0, 4, u8_scaled},
    {"s16 to f32", 2, 0, 4, s16_scaled}, {"s4 to f32 (packed)", 1, 0, 8, s4_scaled},
    {"f16 to f32", 2, 0, 4, from_f16}, {"f32 to f16", 4, 0, 2, to_f16}, {"bf16 to f32", 2, 0, 4, from_bf16},
    {"f32 to bf16", 4, 0, 2, to_bf16}, {"f32 to float8_e4m3fn", 4, 0, 1, to_float8},
};

/* ---- measuring ------------------------------------------------------------------------ */

/* GB/s with `size` bytes read and written altogether. */
static double measure(const kernel *k, size_t size) {
  const size_t each = (size_t)(k->a + k->b + k->y), units = size / each / 128 * 128;
  const size_t n = k->run == s4_scaled ? 2 * units : units; /* a unit is a byte of two elements */
  const int repeats = size < (1 << 20) ? 300 : 3, together = size < (1 << 20) ? (int)((4 << 20) / size) : 1;
  double best = 1e9;
  for (int i = 0; i < repeats; i++) {
    double start = now();
    for (int t = 0; t < together; t++) k->run(n);
    best = UFI_MIN(best, (now() - start) / together);
  }
  return (double)(units * each) / best * 1e-9;
}

static void fill(void) {
  float *floats = A(float);
  for (size_t i = 0; i < MOST / 4; i++) floats[i] = (float)(i * 7919 % 1000) * 0.01f - 5.0f;
  memcpy(b, a, MOST);
  memset(y, 0, MOST);
  for (int i = 0; i < 256; i++) table[i] = (uint8_t)(i * 31);
}

int main(void) {
  kernels = ufi_kernels_get();
  a = ufi_malloc_aligned(MOST), b = ufi_malloc_aligned(MOST), y = ufi_malloc_aligned(MOST);
  if (!a || !b || !y) return 1;
  fill();
  double most[N_SIZES] = {0};
  printf("%s; GB/s read and written, and per cent of memcpy\n%-28s%18s%18s%18s\n", uf_isa(), "", "first cache", "second cache",
         "memory");
  for (size_t i = 0; i < UFI_COUNT(list); i++) {
    printf("%-28s", list[i].name);
    for (size_t s = 0; s < N_SIZES; s++) {
      double rate = measure(&list[i], sizes[s]);
      if (i == 0) most[s] = rate;
      printf("%10.1f %5.0f %%", rate, 100.0 * rate / most[s]);
    }
    printf("\n");
  }
  ufi_free_aligned(a), ufi_free_aligned(b), ufi_free_aligned(y);
  return 0;
}
