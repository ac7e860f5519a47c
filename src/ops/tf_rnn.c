/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_rnn.c: LSTMBlockCell, BlockLSTM, BlockLSTMV2 and GRUBlockCell.
 *
 *   LSTM   [i, c, f, o] = [x, h] w + b (the second version has [i, f, c, o]), then
 *          i = sigmoid(i + wci cs), c = tanh(c), f = sigmoid(f + forget_bias + wcf cs),
 *          cs = c i + cs f clipped, o = sigmoid(o + wco cs), h = o tanh(cs)
 *   GRU    [r, u] = sigmoid([x, h] w_ru + b_ru), c = tanh([x, h r] w_c + b_c), h = u h + (1 - u) c
 *
 * (Hochreiter and Schmidhuber 1997 with Gers' peepholes; Cho et al. 2014.) Weights are packed once for
 * as long as a variable keeps its value; halves go through float32.
 */
#include <math.h>

#include "ops/tf_matmul.h"

static float sigmoid(float v) { return 1.0f / (1.0f + expf(-v)); }

/* (m, k) times a weight of (k, n), packed. */
typedef struct product {
  ufi_bmm_geometry g;
  const float *packed;
} product;

static uf_status pack_fill(ufi_ctx *ctx, void *memory, void *arg) {
  ufi_bmm_f32_pack(ctx->pool, arg, memory);
  return UF_OK;
}

static uf_status product_of(ufi_ctx *ctx, ufi_bump *bump, int32_t slot, const ufi_tensor *weight, int64_t m, product *p) {
  const void *memory = NULL;
  size_t floats = 0;
  *p = (product){.g = {.m = m, .k = weight->dims[0], .n = weight->dims[1], .batches = 1}};
  p->g.y_data = ufi_stage_in(ctx, bump, weight, UF_FLOAT32, false);
  if (!ufi_bmm_f32_shared(&p->g, &floats)) return UF_OK; /* empty */
  if (weight->dtype == UF_FLOAT32) {
    if (bump->run) UFI_TRY(ufi_packed_for(ctx, slot, weight, floats * sizeof(float), pack_fill, &p->g, &memory));
  } else {
    float *own = ufi_bump_take(bump, (int64_t)floats, sizeof *own);
    if (bump->run) ufi_bmm_f32_pack(ctx->pool, &p->g, own);
    memory = own;
  }
  p->packed = memory;
  return UF_OK;
}

/* out = rows of [x, h], which are put together in joint, times the weight. */
static uf_status multiply(ufi_ctx *ctx, ufi_bump *bump, product *p, const float *x, int64_t inputs, const float *h,
                          int64_t cells, float *joint, float *out) {
  for (int64_t i = 0; i < p->g.m && bump->run; i++) {
    memcpy(joint + i * (inputs + cells), x + i * inputs, (size_t)inputs * sizeof *x);
    memcpy(joint + i * (inputs + cells) + inputs, h + i * cells, (size_t)cells * sizeof *h);
  }
  p->g.x_data = joint;
  p->g.out_data = out;
  return ufi_tf_product(ctx, bump, UF_FLOAT32, &p->g, false, false, p->packed);
}

static uf_status want_dims(ufi_ctx *ctx, int32_t i, int32_t rank, int64_t first, int64_t second) {
  const ufi_tensor *t = ctx->in[i];
  UFI_TRY(ufi_want_rank(ctx, t, rank, rank));
  if (t->dims[0] == first && (rank < 2 || t->dims[1] == second)) return UF_OK;
  const int64_t dims[2] = {first, second};
  char want[UFI_SHAPE_TEXT], text[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d of shape %s, found %s", (int)i,
                      ufi_shape_text(rank, dims, want), ufi_tensor_text(t, text));
}

/* ---- LSTM ------------------------------------------------------------------------------ */

typedef struct lstm_attrs {
  float forget_bias, clip;
  bool peephole, block, forget_first; /* forget_first: gates in the order of the second version */
} lstm_attrs;
static uf_status lstm_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) {
  lstm_attrs *a = memory;
  a->forget_bias = (float)ufi_tf_float(from, "forget_bias");
  a->clip = (float)ufi_tf_float(from, "cell_clip");
  a->peephole = ufi_tf_bool(from, "use_peephole");
  a->block = strncmp(from->op, "Block", 5) == 0;
  a->forget_first = strcmp(from->op, "BlockLSTMV2") == 0;
  return UF_OK;
}

/* Input numbers; a block has seq_len_max in front. */
enum { X, CS, H, W, WCI, WCF, WCO, B };
static const ufi_tensor *lstm_in(const ufi_ctx *ctx, int32_t i) {
  return ctx->in[i + (((const lstm_attrs *)ctx->attrs)->block ? 1 : 0)];
}

static uf_status lstm_infer(ufi_ctx *ctx) {
  const lstm_attrs *a = ctx->attrs;
  const int32_t at = a->block ? 1 : 0, rank = a->block ? 3 : 2;
  const ufi_tensor *x = lstm_in(ctx, X), *cs = lstm_in(ctx, CS);
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_FLOAT16, UF_BFLOAT16, UF_INVALID));
  for (int32_t i = at; i < ctx->n_in; i++) UFI_TRY(ufi_want_same(ctx, x, ctx->in[i]));
  UFI_TRY(ufi_want_rank(ctx, x, rank, rank));
  UFI_TRY(ufi_want_rank(ctx, cs, 2, 2));
  const int64_t batch = x->dims[rank - 2], inputs = x->dims[rank - 1], cells = cs->dims[1];
  UFI_TRY(want_dims(ctx, at + CS, 2, batch, cells));
  UFI_TRY(want_dims(ctx, at + H, 2, batch, cells));
  UFI_TRY(want_dims(ctx, at + W, 2, inputs + cells, 4 * cells));
  for (int32_t i = WCI; i <= WCO && a->peephole; i++) UFI_TRY(want_dims(ctx, at + i, 1, cells, 0));
  UFI_TRY(want_dims(ctx, at + B, 1, 4 * cells, 0));
  const int64_t dims[3] = {a->block ? x->dims[0] : batch, a->block ? batch : cells, cells};
  for (int32_t i = 0; i < 7; i++) UFI_TRY(ufi_out_shape(ctx, i, rank, dims));
  return UF_OK;
}

typedef struct cell_run {
  const lstm_attrs *a;
  int64_t cells;
  const float *gates, *cs_prev, *wci, *wcf, *wco, *b;
  float *out[7];     /* i, cs, f, o, ci, co, h */
} cell_run;

static void lstm_rows(void *context, size_t begin, size_t end) {
  const cell_run *r = context;
  const int64_t n = r->cells, c_at = r->a->forget_first ? 2 * n : n, f_at = r->a->forget_first ? n : 2 * n;
  for (int64_t row = (int64_t)begin; row < (int64_t)end; row++) {
    const float *gate = r->gates + row * 4 * n, *prev = r->cs_prev + row * n;
    for (int64_t j = 0; j < n; j++) {
      const int64_t at = row * n + j;
      const float wci = r->wci ? r->wci[j] * prev[j] : 0.0f, wcf = r->wcf ? r->wcf[j] * prev[j] : 0.0f;
      const float i = sigmoid(gate[j] + r->b[j] + wci), ci = tanhf(gate[c_at + j] + r->b[c_at + j]);
      const float f = sigmoid(gate[f_at + j] + r->b[f_at + j] + r->a->forget_bias + wcf);
      float cs = ci * i + prev[j] * f;
      if (r->a->clip > 0.0f) cs = cs < -r->a->clip ? -r->a->clip : cs > r->a->clip ? r->a->clip : cs;
      const float o = sigmoid(gate[3 * n + j] + r->b[3 * n + j] + (r->wco ? r->wco[j] * cs : 0.0f)), co = tanhf(cs);
      const float all[7] = {i, cs, f, o, ci, co, o * co};
      for (int32_t k = 0; k < 7; k++) r->out[k][at] = all[k];
    }
  }
}

static uf_status lstm_run(ufi_ctx *ctx, ufi_bump *bump) {
  const lstm_attrs *a = ctx->attrs;
  const ufi_tensor *in = lstm_in(ctx, X);
  const int64_t inputs = in->dims[in->rank - 1], batch = in->dims[in->rank - 2], cells = lstm_in(ctx, CS)->dims[1];
  const int64_t times = a->block ? in->dims[0] : 1;
  int64_t used = times;
  cell_run r = {.a = a, .cells = cells};
  product p;
  if (a->block && bump->run) {
    int32_t n = 0;
    UFI_TRY(ufi_read_ints(ctx, ctx->in[0], &used, 1, &n));
    if (n != 1 || used < 0 || used > times)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected seq_len_max from 0 to %lld, found %lld", (long long)times, (long long)used);
  }
  const float *x = ufi_stage_in(ctx, bump, in, UF_FLOAT32, false);
  r.cs_prev = ufi_stage_in(ctx, bump, lstm_in(ctx, CS), UF_FLOAT32, false);
  const float *h = ufi_stage_in(ctx, bump, lstm_in(ctx, H), UF_FLOAT32, false);
  r.b = ufi_stage_in(ctx, bump, lstm_in(ctx, B), UF_FLOAT32, false);
  if (a->peephole) {
    r.wci = ufi_stage_in(ctx, bump, lstm_in(ctx, WCI), UF_FLOAT32, false);
    r.wcf = ufi_stage_in(ctx, bump, lstm_in(ctx, WCF), UF_FLOAT32, false);
    r.wco = ufi_stage_in(ctx, bump, lstm_in(ctx, WCO), UF_FLOAT32, false);
  }
  float *out[7], *joint = ufi_bump_take(bump, batch * (inputs + cells), sizeof *joint);
  float *gates = ufi_bump_take(bump, batch * 4 * cells, sizeof *gates);
  for (int32_t i = 0; i < 7; i++) out[i] = ufi_stage_out(bump, ctx->out[i], UF_FLOAT32, false);
  UFI_TRY(product_of(ctx, bump, 0, lstm_in(ctx, W), batch, &p));
  r.gates = gates;
  const size_t kept = bump->used;
  size_t most = kept;
  for (int64_t t = 0; t < (bump->run ? used : 1); t++, bump->used = kept) {
    UFI_TRY(multiply(ctx, bump, &p, bump->run ? x + t * batch * inputs : NULL, inputs, h, cells, joint, gates));
    most = UFI_MAX(most, bump->used);
    if (!bump->run) continue;
    for (int32_t i = 0; i < 7; i++) r.out[i] = out[i] + t * batch * cells;
    ufi_share(ctx->pool, lstm_rows, &r, batch, 200 * cells);
    r.cs_prev = r.out[1];
    h = r.out[6];
  }
  bump->used = most;
  for (int32_t i = 0; i < 7; i++) {
    const int64_t done = used * batch * cells;
    if (bump->run && a->block && ctx->out[i]->count > done) memset(out[i] + done, 0, (size_t)(ctx->out[i]->count - done) * sizeof(float));
    ufi_stage_end(ctx, bump, out[i], ctx->out[i], UF_FLOAT32, false);
  }
  return UF_OK;
}

UFI_STAGED_DEF(BLOCK_LSTM, lstm, lstm_attrs, lstm_tf);

/* ---- GRU -------------------------------------------------------------------------------- */

static uf_status gru_infer(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0], *h = ctx->in[1];
  UFI_TRY(ufi_tf_want(ctx, x, UF_FLOAT32, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, x, 2, 2));
  UFI_TRY(ufi_want_rank(ctx, h, 2, 2));
  const int64_t batch = x->dims[0], inputs = x->dims[1], cells = h->dims[1];
  UFI_TRY(want_dims(ctx, 1, 2, batch, cells));
  UFI_TRY(want_dims(ctx, 2, 2, inputs + cells, 2 * cells));
  UFI_TRY(want_dims(ctx, 3, 2, inputs + cells, cells));
  UFI_TRY(want_dims(ctx, 4, 1, 2 * cells, 0));
  UFI_TRY(want_dims(ctx, 5, 1, cells, 0));
  for (int32_t i = 0; i < 4; i++) UFI_TRY(ufi_out_like(ctx, i, h));
  return UF_OK;
}

static uf_status gru_run(ufi_ctx *ctx, ufi_bump *bump) {
  const int64_t batch = ctx->in[0]->dims[0], inputs = ctx->in[0]->dims[1], cells = ctx->in[1]->dims[1], n = batch * cells;
  const float *x = ctx->in[0]->data, *h = ctx->in[1]->data, *b_ru = ctx->in[4]->data, *b_c = ctx->in[5]->data;
  float *r = ctx->out[0]->data, *u = ctx->out[1]->data, *c = ctx->out[2]->data, *next = ctx->out[3]->data;
  float *joint = ufi_bump_take(bump, batch * (inputs + cells), sizeof *joint);
  float *ru = ufi_bump_take(bump, 2 * n, sizeof *ru), *reset = ufi_bump_take(bump, n, sizeof *reset);
  product gates, candidate;
  UFI_TRY(product_of(ctx, bump, 0, ctx->in[2], batch, &gates));
  UFI_TRY(product_of(ctx, bump, 1, ctx->in[3], batch, &candidate));
  UFI_TRY(multiply(ctx, bump, &gates, x, inputs, h, cells, joint, ru));
  for (int64_t i = 0; i < n && bump->run; i++) {
    const int64_t row = i / cells, j = i % cells;
    r[i] = sigmoid(ru[row * 2 * cells + j] + b_ru[j]);
    u[i] = sigmoid(ru[row * 2 * cells + cells + j] + b_ru[cells + j]);
    reset[i] = h[i] * r[i];
  }
  UFI_TRY(multiply(ctx, bump, &candidate, x, inputs, reset, cells, joint, c));
  for (int64_t i = 0; i < n && bump->run; i++) {
    c[i] = tanhf(c[i] + b_c[i % cells]);
    next[i] = u[i] * h[i] + (1.0f - u[i]) * c[i];
  }
  return UF_OK;
}

typedef struct gru_attrs { char none; } gru_attrs;
static uf_status gru_tf(const ufi_tf_attrs *from, void *memory, uf_error *error) { return UF_OK; }
UFI_STAGED_DEF(GRU_BLOCK_CELL, gru, gru_attrs, gru_tf);
