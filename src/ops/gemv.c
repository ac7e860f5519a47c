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

/* Rows of panels [begin, end). */
static size_t rows_of(const ufi_gemv *g, size_t begin, size_t end) {
  return UFI_MIN(end * form_of(g)->panel, (size_t)g->rows) - begin * form_of(g)->panel;
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

/* The rows of a weight that are in panel i, into it; sums: of its first row and those behind. */
static void pack_panel(const packing *p, size_t i, int32_t *sums, uint8_t *to) {
  const ufi_gemv *g = p->g;
  const int64_t panel = (int64_t)p->form->panel, begin = (int64_t)i * panel;
  const int64_t first = UFI_MAX(p->first, begin), last = UFI_MIN(p->first + p->rows, begin + panel);
  if (first >= last) return;
  const uint8_t *from = p->from + (size_t)((first - p->first) * g->cols) * element_size(g);
  to += (size_t)(first - begin) * p->form->group * element_size(g);
  if (g->is_nibbles) pack_nibbles(p->form, last - first, g->cols, from, to);
  else pack_groups(p->form, element_size(g), last - first, g->cols, from, to);
  for (int64_t r = first; !g->is_float && r < last; r++, from += g->cols) {
    sums[r - begin] = (int32_t)ufi_kernels_get()->elementwise.s8_sum((const int8_t *)from, (size_t)g->cols);
  }
}

static void pack_panels(void *context, size_t begin, size_t end) {
  const packing *p = context;
  for (size_t i = begin; i < end; i++) pack_panel(p, i, p->sums + i * p->form->panel, p->to + i * panel_size(p->g));
}

/* What no row or column of the weights is in: as if zeros were packed. */
static void clear(const ufi_gemv *g, size_t panels, uint8_t *to) {
  const ufk_matvec_form *form = form_of(g);
  if (g->rows % (int64_t)form->panel || g->cols % (int64_t)form->group) memset(to, form->flip, panels * panel_size(g));
}

uf_status ufi_gemv_pack(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *const *weights, int32_t n, void *out) {
  packing p = {.g = g, .form = form_of(g), .sums = out, .to = (uint8_t *)out + head_size(g)};
  const size_t grain = UFI_MAX(PARALLEL_GRAIN / panel_size(g), (size_t)1);
  clear(g, panels_of(g), p.to);
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
  const int32_t *row_sums;
  const void *x, *start;    /* start: bias of integers; NULL: zeros */
  int32_t times;
  void *y;
} product;

static void panels_f32(const product *p, size_t begin, size_t end, const uint8_t *panels) {
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  const size_t from = begin * k->f32_form.panel;
  k->f32_panels(rows_of(p->g, begin, end), (size_t)p->g->cols, (const float *)(const void *)panels, p->x,
                (const float *)p->start + from, (float *)p->y + from);
}

static void panels_s8(const product *p, size_t begin, size_t end, const uint8_t *panels, const int32_t *row_sums) {
  const ufk_matvec_table *k = &ufi_kernels_get()->matvec;
  const size_t from = begin * form_of(p->g)->panel, rows = rows_of(p->g, begin, end);
  const int32_t *bias = p->start;
  int32_t *sums = (int32_t *)p->y + from;
  if (bias) {
    for (size_t r = 0; r < rows; r++) sums[r] = (int32_t)((uint32_t)bias[from + r] + (uint32_t)row_sums[r] * (uint32_t)p->times);
    memset(sums + rows, 0, ((end - begin) * form_of(p->g)->panel - rows) * sizeof *sums);
  }
  (p->g->is_nibbles ? k->s4_panels : p->g->is_full ? k->s8_full_panels : k->s8_panels)(
      rows, (size_t)p->g->cols, (const int8_t *)panels, p->x, bias ? sums : row_sums, bias ? 1 : p->times, sums);
}

static void run_panels(void *context, size_t begin, size_t end) {
  const product *p = context;
  const uint8_t *panels = p->panels + begin * panel_size(p->g);
  if (p->g->is_float) panels_f32(p, begin, end, panels);
  else panels_s8(p, begin, end, panels, p->row_sums + begin * form_of(p->g)->panel);
}

static bool is_large(ufi_pool *pool, const ufi_gemv *g) {
  return panels_of(g) * panel_size(g) >= (size_t)ufi_split_least(pool, PARALLEL_LEAST);
}

static void run(ufi_pool *pool, product *p) {
  const size_t panels = panels_of(p->g);
  if (ufi_pool_threads(pool) == 1 || !is_large(pool, p->g)) run_panels(p, 0, panels);
  else ufi_parallel_even(pool, run_panels, p, panels, 1, UFI_MAX(PARALLEL_GRAIN / panel_size(p->g), (size_t)1));
}

void ufi_gemv_f32(ufi_pool *pool, const ufi_gemv *g, const void *packed, const float *x, const float *start, float *y) {
  product p = {.g = g, .panels = packed, .x = x, .start = start, .y = y};
  run(pool, &p);
}

void ufi_gemv_s8(ufi_pool *pool, const ufi_gemv *g, const void *packed, const int8_t *x, const int32_t *bias, int32_t times,
                 int32_t *sums) {
  product p = {.g = g, .panels = (const uint8_t *)packed + head_size(g), .row_sums = packed, .x = x, .start = bias,
               .times = times, .y = sums};
  run(pool, &p);
}

/* ---- once ------------------------------------------------------------------------ */

/* Each of `parts` threads packs one panel after the other in the same place, where it stays in the cache. */
typedef struct passage {
  packing pack;
  product product;
  const ufi_tensor *weight;
  uint8_t *memory;
  size_t parts;
} passage;

static size_t room_of(const ufi_gemv *g) { return (panel_size(g) + 63) / 64 * 64; }

static void pass_part(void *context, size_t part) {
  const passage *p = context;
  const ufi_gemv *g = p->pack.g;
  const size_t panels = panels_of(g);
  uint8_t *to = p->memory + part * room_of(g);
  clear(g, 1, to);
  for (size_t i = panels * part / p->parts; i < panels * (part + 1) / p->parts; i++) {
    int32_t row_sums[UFK_MATVEC_MAX_PANEL] = {0};
    pack_panel(&p->pack, i, row_sums, to);
    if (g->is_float) panels_f32(&p->product, i, i + 1, to);
    else panels_s8(&p->product, i, i + 1, to, row_sums);
  }
}

static uf_status pass(ufi_ctx *ctx, void *memory, void *arg) {
  passage *p = arg;
  const void *data = p->weight->data;
  void *owned = NULL;
  if (!p->pack.g->is_float) UFI_TRY(ufi_unpacked_weights(ctx, p->weight, &data, &owned));
  p->pack.from = data;
  p->memory = memory;
  ufi_parallel(ctx->pool, pass_part, p, p->parts);
  ufi_free(owned);
  return UF_OK;
}

/* A panel's size fits, and so do some of them (ufi_gemv_size). */
static uf_status run_once(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *w, product y) {
  const size_t most = is_large(ctx->pool, g) ? (size_t)ufi_pool_threads(ctx->pool) : 1;
  passage p = {.pack = {.g = g, .form = form_of(g), .rows = g->rows}, .product = y, .weight = w,
               .parts = UFI_MIN(most, panels_of(g))};
  return ufi_packed_once(ctx, p.parts * room_of(g), pass, &p);
}

uf_status ufi_gemv_f32_once(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *w, const float *x, const float *start, float *y) {
  return run_once(ctx, g, w, (product){.g = g, .x = x, .start = start, .y = y});
}

uf_status ufi_gemv_s8_once(ufi_ctx *ctx, const ufi_gemv *g, const ufi_tensor *w, const int8_t *x, const int32_t *bias,
                           int32_t times, int32_t *sums) {
  return run_once(ctx, g, w, (product){.g = g, .x = x, .start = bias, .times = times, .y = sums});
}
