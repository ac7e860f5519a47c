/* SPDX-License-Identifier: Apache-2.0
 *
 * sparse_cross.c: SparseCross: for each row all combinations of one feature of each column, the last
 * column changing fastest, joined as text ("a_X_b") or hashed into buckets.
 */
#include <stdio.h>

#include "ops/fingerprint.h"
#include "ops/sparse.h"

#define MAX_COLUMNS 64

typedef struct cross_attrs {
  bool hashed, text_only;  /* internal_type string: features must be texts */
  int64_t n, buckets;
  uint64_t key;
} cross_attrs;

static uf_status cross_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  cross_attrs *a = attrs;
  a->hashed = ufi_tf_bool(from, "hashed_output");
  a->text_only = ufi_tf_dtype(from, "internal_type") == UF_STRING;
  a->n = ufi_tf_int(from, "N");
  a->buckets = ufi_tf_int(from, "num_buckets");
  a->key = (uint64_t)ufi_tf_int(from, "hash_key");
  if (ufi_tf_dtype(from, "out_type") != (a->hashed ? UF_INT64 : UF_STRING)) {
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected int64 when hashed and string when not, found out_type %s", uf_dtype_name(ufi_tf_dtype(from, "out_type")));
  }
  return a->buckets < 0 ? ufi_fail(error, UF_INVALID_ARGUMENT, "expected num_buckets of 0 or more, found %lld", (long long)a->buckets) : UF_OK;
}

typedef struct column {
  const ufi_tensor *values;
  const int64_t *rows;     /* of each value (every second number), NULL: dense */
  int64_t n, at;           /* sparse: values, and where the current row's begin */
  int64_t width;           /* features of the current row */
} column;

typedef struct job {
  column c[MAX_COLUMNS];
  int32_t n;
  int64_t batch, most;     /* rows; features of the fullest */
  char *text;              /* joined so far */
  size_t size, room;
} job;

static uf_status load(ufi_ctx *ctx, job *j) {
  const cross_attrs *a = ctx->attrs;
  int32_t n = (int32_t)a->n, dense = ctx->n_in - 3 * n;
  if (n < 0 || dense < 0 || n + dense < 1 || n + dense > MAX_COLUMNS) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected 1 to %d columns, found %d", MAX_COLUMNS, (int)(n + dense));
  j->n = n + dense;
  for (int32_t k = 0; k < j->n; k++) {
    column *c = &j->c[k];
    int64_t batch;
    if (k < n) {
      ufi_sparse s = {0};
      UFI_TRY(ufi_sparse_in(ctx, k, n + k, 2 * n + k, &s));
      if (s.rank != 2) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "shape should imply a 2D tensor, found rank %d", (int)s.rank);
      for (int64_t i = 0; i < s.n; i++) {
        bool good = s.indices[2 * i] >= 0 && s.indices[2 * i] < s.dims[0] && (i == 0 || s.indices[2 * i] >= s.indices[2 * i - 2]);
        if (!good) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected rows in ascending order within the batch, found %lld", (long long)s.indices[2 * i]);
      }
      *c = (column){.values = s.values, .rows = s.indices, .n = s.n};
      batch = s.dims[0];
    } else {
      c->values = ctx->in[2 * n + k];
      UFI_TRY(ufi_want_rank(ctx, c->values, 2, 2));
      c->width = c->values->dims[1];
      batch = c->values->dims[0];
    }
    if (c->values->dtype != UF_INT64 && c->values->dtype != UF_STRING) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected int64 or string features, found %s", uf_dtype_name(c->values->dtype));
    if (a->text_only && c->values->dtype != UF_STRING) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Input values should be of internal type string, found %s", uf_dtype_name(c->values->dtype));
    if (k > 0 && batch != j->batch) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Expected batch size %lld, found %lld in column %d", (long long)j->batch, (long long)batch, (int)k);
    j->batch = batch;
  }
  return UF_OK;
}

/* Moves on to a row; how many crosses it has, INT64_MAX when too many. */
static int64_t go_to(job *j, int64_t row) {
  int64_t total = 1;
  for (int32_t k = 0; k < j->n; k++) {
    column *c = &j->c[k];
    if (c->rows) {
      c->at = row == 0 ? 0 : c->at + c->width;
      for (c->width = 0; c->at + c->width < c->n && c->rows[2 * (c->at + c->width)] == row;) c->width++;
    } else {
      c->at = row * c->width;
    }
    if (__builtin_mul_overflow(total, c->width, &total)) return INT64_MAX;
  }
  return total;
}

static uint64_t mix(uint64_t v) { return v ^ (v >> 47); }

/* TensorFlow's FingerprintCat64. */
static uint64_t join_hash(uint64_t a, uint64_t b) {
  const uint64_t factor = 0xc6a4a7935bd1e995u;
  uint64_t h = a ^ factor;
  h ^= mix(b * factor) * factor;
  h *= factor;
  return mix(mix(h) * factor);
}

static uint64_t feature_hash(const column *c, int64_t i) {
  if (c->values->dtype == UF_INT64) return (uint64_t)((const int64_t *)c->values->data)[c->at + i];
  const uf_string *s = (const uf_string *)c->values->data + c->at + i;
  return ufi_fingerprint64(s->data, s->size);
}

static bool append(job *j, const void *text, size_t size) {
  if (j->size + size > j->room) {
    char *more = ufi_realloc(j->text, (j->size + size) * 2);
    if (more == NULL) return false;
    j->text = more;
    j->room = (j->size + size) * 2;
  }
  if (size) memcpy(j->text + j->size, text, size);
  j->size += size;
  return true;
}

static bool append_feature(job *j, const column *c, int64_t i) {
  char digits[32];
  if (c->values->dtype == UF_INT64) {
    int size = snprintf(digits, sizeof digits, "%lld", (long long)((const int64_t *)c->values->data)[c->at + i]);
    return append(j, digits, (size_t)size);
  }
  const uf_string *s = (const uf_string *)c->values->data + c->at + i;
  return append(j, s->data, s->size);
}

/* The cross of the features that `pick` names. Text stays in j->text, at an offset for now. */
static uf_status cross(ufi_ctx *ctx, job *j, const int64_t *pick, void *out) {
  const cross_attrs *a = ctx->attrs;
  uint64_t hash = a->key;
  size_t begin = j->size;
  for (int32_t k = 0; k < j->n; k++) {
    if (a->hashed) {
      hash = join_hash(hash, feature_hash(&j->c[k], pick[k]));
    } else if ((k > 0 && !append(j, "_X_", 3)) || !append_feature(j, &j->c[k], pick[k])) {
      return ufi_no_memory(ctx->error, j->size);
    }
  }
  if (a->hashed) *(int64_t *)out = (int64_t)(hash % (a->buckets > 0 ? (uint64_t)a->buckets : (uint64_t)INT64_MAX));
  else *(uf_string *)out = (uf_string){.data = (char *)(uintptr_t)begin, .size = j->size - begin};
  return UF_OK;
}

static uf_status cross_rows(ufi_ctx *ctx, job *j, ufi_sparse_out *o) {
  for (int64_t row = 0; row < j->batch; row++) {
    int64_t n = go_to(j, row), pick[MAX_COLUMNS] = {0};
    for (int64_t i = 0; i < n; i++) {
      char value[sizeof(uf_string)];
      UFI_TRY(cross(ctx, j, pick, value));
      int64_t *to = ufi_sparse_add(o, value);
      to[0] = row;
      to[1] = i;
      for (int32_t k = j->n - 1; k >= 0 && ++pick[k] == j->c[k].width; k--) pick[k] = 0;
    }
  }
  for (int64_t i = 0; o->values.dtype == UF_STRING && i < o->n; i++) { /* the text does not move any more */
    uf_string *s = (uf_string *)o->values.data + i;
    s->data = j->text + (uintptr_t)s->data;
  }
  return UF_OK;
}

static uf_status cross_infer(ufi_ctx *ctx) { return UF_OK; }

static uf_status cross_eval(ufi_ctx *ctx) {
  job j = {0};
  ufi_sparse_out o;
  int64_t total = 0;
  UFI_TRY(load(ctx, &j));
  for (int64_t row = 0; row < j.batch; row++) {
    int64_t n = go_to(&j, row);
    j.most = UFI_MAX(j.most, n);
    if (n == INT64_MAX || __builtin_add_overflow(total, n, &total)) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected fewer crosses, found more than memory has");
  }
  UFI_TRY(ufi_sparse_begin(ctx, &o, ctx->out[1]->dtype, total, 2));
  uf_status status = cross_rows(ctx, &j, &o);
  int64_t dims[2] = {j.batch, j.most};
  if (status == UF_OK) status = ufi_sparse_end(ctx, &o, 0, 1, 2, dims);
  else ufi_sparse_drop(&o);
  ufi_free(j.text);
  return status;
}

const ufi_op_def ufi_op_SPARSE_CROSS = {
  .attrs_size = sizeof(cross_attrs), .attrs_tf = cross_tf, .infer = cross_infer, .eval = cross_eval,
};
