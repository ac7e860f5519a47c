/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd_scalar.c: the transforms of winograd.h for any processor: one channel at a time.
 */
#include <stddef.h>

typedef float vf;

#define VF_LANES 1
static inline vf vf_load(const float *p) { return *p; }
static inline vf vf_load_part(const float *p, size_t n) { return *p; }
static inline void vf_store(float *p, vf v) { *p = v; }
static inline void vf_store_part(float *p, vf v, size_t n) { *p = v; }
static inline vf vf_set(float v) { return v; }
static inline vf vf_add(vf a, vf b) { return a + b; }
static inline vf vf_sub(vf a, vf b) { return a - b; }
static inline vf vf_mul(vf a, vf b) { return a * b; }
static inline vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf vf_fnma(vf a, vf b, vf c) { return c - a * b; }
static inline vf vf_max(vf a, vf b) { return a > b ? a : b; }
static inline vf vf_min(vf a, vf b) { return a < b ? a : b; }
static inline float vf_sum(vf v) { return v; }

#include "kernels/winograd_tmpl.h"

void ufk_winograd_scalar(ufk_winograd_table *table) { set_winograd(table); }
