/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_matmul_tmpl.h: rows of matrix products as plain loops over elements of type T. The file that
 * includes it defines T, NAME(x), MUL(a, b) and CONJ(a) first.
 */

/* Rows of all batches, counted through (batch, row). */
static void NAME(product)(void *context, size_t begin, size_t end) {
  const product_loop *p = context;
  const ufi_bmm_geometry *g = p->g;
  for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
    const int64_t i = item % g->m;
    int64_t x_at, y_at;
    ufi_bmm_offsets(g, item / g->m, &x_at, &y_at);
    const T *x = (const T *)g->x_data + x_at + (g->adj_x ? i : i * g->k), *y = (const T *)g->y_data + y_at;
    const int64_t x_step = g->adj_x ? g->m : 1;
    T *out = (T *)g->out_data + item * g->n;
    memset(out, 0, (size_t)g->n * sizeof(T));
    for (int64_t k = 0; k < g->k && !g->adj_y; k++, y += g->n) {
      const T v = p->conj_x ? CONJ(x[k * x_step]) : x[k * x_step];
      if (p->conj_y) for (int64_t j = 0; j < g->n; j++) out[j] += MUL(v, CONJ(y[j]));
      else for (int64_t j = 0; j < g->n; j++) out[j] += MUL(v, y[j]);
    }
    for (int64_t j = 0; j < g->n && g->adj_y; j++, y += g->k) {
      for (int64_t k = 0; k < g->k; k++) {
        const T v = p->conj_x ? CONJ(x[k * x_step]) : x[k * x_step];
        out[j] += MUL(v, p->conj_y ? CONJ(y[k]) : y[k]);
      }
    }
  }
}
