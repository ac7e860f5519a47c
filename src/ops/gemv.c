/* SPDX-License-Identifier: Apache-2.0
 *
 * gemv.c: see gemv.h.
 *
 * What is packed of bytes are the sums of rows, then the panels.
 */
#include "ops/gemv.h"

#include "kernels/transposed.h"
#include "ops/quantize.h"

enum {
  PARALLEL_LEAST = 1 << 20, /* bytes of weights from which on threads are worth waking */
  PARALLEL_GRAIN = 1 << 16, /* bytes that a thread takes at a time */
  BLOCK = 16,               /* columns that are packed at a time: the lines that they go to stay in the first cache */
};

/* Whether weights, which may be known only later, have to be taken for full ones. */
static bool is_full(const ufi_tensor *w) {
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  if (k->s8_panels == k->s8_full_panels || uf_dtype_bits(w->dtype) != 8 || w->count == 0) return false;
  return !w->is_lasting || memchr(w->data, 0x80, (size_t)w->count) != NULL;
}

ufi_gemv ufi_gemv_of(const ufi_tensor *const *weights, int32_t n) {
  ufi_gemv g = {.cols = weights[0]->dims[1], .is_float = weights[0]->dtype == UF_FLOAT32, .is_nibbles = true};
  for (int32_t i = 0; i < n; i++) {
    g.rows += weights[i]->dims[0];
    g.is_nibbles = g.is_nibbles && (weights[i]->dtype == UF_INT4 || weights[i]->dtype == UF_INT2);
    g.is_full = g.is_full || is_full(weights[i]);
  }
  return g;
}

static const ufk_matvec_form *form_of(const ufi_gemv *g) {
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  return g->is_float ? &k->f32_form : g->is_nibbles ? &k->s4_form : g->is_full ? &k->s8_full_form : &k->s8_form;
}

static size_t element_size(const ufi_gemv *g) { return g->is_float ? sizeof(float) : 1; }

/* Bytes of a panel; those of g fit when ufi_gemv_size says so. */
static size_t panel_size(const ufi_gemv *g) {
  const ufk_matvec_form *form = form_of(g);
  const size_t group = form->group, step = group * (g->is_nibbles ? 2 : 1); /* columns of a line of the panel */
  return ((size_t)g->cols + step - 1) / step * group * form->panel * element_size(g);
}

static size_t panels_of(const ufi_gemv *g) { return ((size_t)g->rows + form_of(g)->panel - 1) / form_of(g)->panel; }

/* Where panels begin. */
static size_t head_size(const ufi_gemv *g) { return g->is_float ? 0 : (size_t)ufi_gemv_padded(g->rows) * sizeof(int32_t); }

bool ufi_gemv_size(const ufi_gemv *g, size_t *bytes_out) {
  if (g->rows > INT32_MAX || g->cols > INT32_MAX) return false; /* a panel of so many columns fits in 64 bits */
  size_t panels;
  return ufi_mul_size(panels_of(g), panel_size(g), &panels) && ufi_add_size(panels, head_size(g), bytes_out) &&
         ufi_add_size(*bytes_out, 63, bytes_out) && ((*bytes_out &= ~(size_t)63), *bytes_out <= SIZE_MAX / 4);
}

/* ---- packing --------------------------------------------------------------------- */

/* Rows of a panel: groups of columns are elements of a matrix that is transposed, those of bytes in the last columns,
 * where no group is full, go one by one. */
static void pack_groups(const ufk_matvec_form *form, size_t element, int64_t rows, int64_t cols, const uint8_t *from, uint8_t *to) {
  const int64_t group = (int64_t)form->group, size = group * (int64_t)element, step = (int64_t)form->panel * size;
  const int64_t full = cols / group, groups = ufi_ceil_div(cols, group);
  ufk_transpose((size_t)size, rows, full, from, cols * (int64_t)element, to, step);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t k = full * group; k < groups * group; k++) to[full * step + r * group + k % group] = k < cols ? from[r * cols + k] : 0;
  }
  for (int64_t line = 0; form->flip && line < groups; line++) {
    for (int64_t i = 0; i < rows * size; i++) to[line * step + i] ^= form->flip;
  }
}

static void pack_nibbles(const ufk_matvec_form *form, int64_t rows, int64_t cols, const uint8_t *from, uint8_t *to) {
  const int64_t group = (int64_t)form->group, block = BLOCK * 2 * group, step = (int64_t)form->panel * group;
  for (int64_t c0 = 0; c0 < cols; c0 += block) {
    for (int64_t r = 0; r < rows; r++) {
      uint8_t *at = to + c0 / (2 * group) * step + r * group;
      for (int64_t c = c0, end = UFI_MIN(c0 + block, cols); c < end; c += 2 * group, at += step) {
        uint8_t two[8] = {0};
        memcpy(two, from + r * cols + c, (size_t)UFI_MIN(2 * group, end - c));
        for (int64_t k = 0; k < group; k++) at[k] = (uint8_t)((two[k] & 15) | two[group + k] << 4) ^ form->flip;
      }
    }
  }
}

typedef struct packing {
  const ufi_gemv *g;
  const ufk_matvec_form *form;
  const uint8_t *from;      /* one weight's rows */
  int64_t first, rows;      /* which rows of all they are */
  int32_t *sums;
  uint8_t *to;
} packing;

/* The rows of a weight that are in these panels. */
static void pack_panels(void *context, size_t begin, size_t end) {
  const packing *p = context;
  const ufi_gemv *g = p->g;
  const int64_t panel = (int64_t)p->form->panel;
  for (size_t i = begin; i < end; i++) {
    const int64_t first = UFI_MAX(p->first, (int64_t)i * panel), last = UFI_MIN(p->first + p->rows, ((int64_t)i + 1) * panel);
    if (first >= last) continue;
    const uint8_t *from = p->from + (size_t)((first - p->first) * g->cols) * element_size(g);
    uint8_t *to = p->to + i * panel_size(g);
    to += (size_t)(first % panel) * p->form->group * element_size(g);
    if (g->is_nibbles) pack_nibbles(p->form, last - first, g->cols, from, to);
    else pack_groups(p->form, element_size(g), last - first, g->cols, from, to);
    if (g->is_float) continue;
    for (int64_t r = first; r < last; r++) {
      p->sums[r] = (int32_t)ufi_kernels_get()->elementwise.s8_sum((const int8_t *)from + (r - first) * g->cols, (size_t)g->cols);
    }
  }
}

uf_status ufi_gemv_pack(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *const *weights, int32_t n, void *out) {
  packing p = {.g = g, .form = form_of(g), .sums = out, .to = (uint8_t *)out + head_size(g)};
  const size_t grain = UFI_MAX(PARALLEL_GRAIN / panel_size(g), (size_t)1);
  if (g->rows % (int64_t)p.form->panel || g->cols % (int64_t)p.form->group) {
    memset(p.to, p.form->flip, panels_of(g) * panel_size(g));
  }
  memset(out, 0, head_size(g));
  for (int32_t i = 0; i < n; i++, p.first += p.rows) {
    const void *data = weights[i]->data;
    void *owned = NULL;
    if (!g->is_float) UFI_TRY(ufi_unpacked_weights(ctx, weights[i], &data, &owned));
    p.from = data;
    p.rows = weights[i]->dims[0];
    ufi_parallel_ranges(ctx->pool, pack_panels, &p, panels_of(g), grain);
    ufi_free(owned);
  }
  return UF_OK;
}

/* ---- products -------------------------------------------------------------------- */

typedef struct product {
  const ufi_gemv *g;
  const uint8_t *panels;
  const void *x, *start;
  int32_t times;
  void *y;
} product;

static void panels_f32(void *context, size_t begin, size_t end) {
  const product *p = context;
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  const size_t from = begin * k->f32_form.panel, to = UFI_MIN(end * k->f32_form.panel, (size_t)p->g->rows);
  k->f32_panels(to - from, (size_t)p->g->cols, (const float *)(const void *)(p->panels + begin * panel_size(p->g)), p->x,
                (const float *)p->start + from, (float *)p->y + from);
}

static void panels_s8(void *context, size_t begin, size_t end) {
  const product *p = context;
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  const size_t panel = form_of(p->g)->panel, from = begin * panel, to = UFI_MIN(end * panel, (size_t)p->g->rows);
  (p->g->is_nibbles ? k->s4_panels : p->g->is_full ? k->s8_full_panels : k->s8_panels)(
      to - from, (size_t)p->g->cols, (const int8_t *)(p->panels + begin * panel_size(p->g)), p->x,
      (const int32_t *)p->start + from, p->times, (int32_t *)p->y + from);
}

static void run(ufi_pool *pool, product *p, ufi_range_fn fn) {
  const size_t panels = panels_of(p->g), size = panel_size(p->g);
  if (panels * size < (size_t)ufi_split_least(pool, PARALLEL_LEAST)) fn(p, 0, panels);
  else ufi_parallel_ranges(pool, fn, p, panels, UFI_MAX(PARALLEL_GRAIN / size, (size_t)1));
}

void ufi_gemv_f32(ufi_pool *pool, const ufi_gemv *g, const void *packed, const float *x, const float *start, float *y) {
  product p = {.g = g, .panels = packed, .x = x, .start = start, .y = y};
  run(pool, &p, panels_f32);
}

void ufi_gemv_s8(ufi_pool *pool, const ufi_gemv *g, const void *packed, const int8_t *x, const int32_t *start, int32_t times,
                 int32_t *sums) {
  product p = {.g = g, .panels = (const uint8_t *)packed + head_size(g), .x = x, .start = start, .times = times, .y = sums};
  run(pool, &p, panels_s8);
}
