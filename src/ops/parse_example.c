/* SPDX-License-Identifier: Apache-2.0
 *
 * parse_example.c: ParseExample, ParseExampleV2, ParseSingleExample, ParseSingleSequenceExample.
 *
 *   Example          1 features
 *   Features         1 feature: map of {1 key, 2 Feature}
 *   Feature          1 bytes_list, 2 float_list, 3 int64_list: each {1 values}
 *   SequenceExample  1 context: Features, 2 feature_lists: {1 map of {1 key, 2 {1 Feature, for each frame}}}
 *
 * (tensorflow/core/example/example.proto, feature.proto). First each feature that is asked for is found in each
 * example and counted, then outputs get their shapes and values. Of a key given twice the last one counts.
 */
#include "format/protobuf.h"
#include "ops/chars.h"

enum { BATCH, BATCH_V2, SINGLE, SEQUENCE };

typedef struct example_attrs {
  int op;
  int32_t n_sparse, n_dense, n_ragged;     /* of SEQUENCE: of the context */
  int32_t n_list_sparse, n_list_dense;     /* of feature lists */
  const uf_shape *shapes, *list_shapes;    /* of dense ones */
  int32_t n_shapes, n_list_shapes;
  const uf_string *sparse_keys, *dense_keys; /* of SINGLE */
} example_attrs;

/* One feature of one example. */
typedef struct found {
  ufi_bytes list;
  uf_dtype dtype;  /* UF_INVALID: not there, or of no kind */
  bool present;
  int64_t count;
} found;

/* What is asked for under a key, and where it goes. */
typedef struct wanted {
  uf_string key;
  uf_dtype dtype;
  found *rows;               /* one for each example (of a feature list: each frame) */
  int64_t n_rows;
} wanted;

static int32_t list_size(const ufi_tf_attrs *from, const char *name) {
  const uf_attr *a = ufi_tf_attr(from, name);
  return a ? a->n : 0;
}

static const uf_shape *shapes_of(const ufi_tf_attrs *from, const char *name, int32_t *n_out) {
  const uf_attr *a = ufi_tf_attr(from, name);
  *n_out = a ? a->n : 0;
  return a ? a->shapes : NULL;
}

static uf_status check_shapes(const uf_shape *shapes, int32_t n, int32_t wanted_n, bool variable, uf_error *error) {
  if (n != wanted_n)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d shapes of dense features, found %d", wanted_n, n);
  for (int32_t i = 0; i < n; i++) {
    bool good = shapes[i].rank >= 0 && shapes[i].rank < UF_MAX_RANK;
    for (int32_t d = 0; good && d < shapes[i].rank; d++) good = shapes[i].dims[d] >= 0 || (variable && d == 0);
    if (!good) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected known shapes of dense features, found one (%d) that is not", i);
  }
  return UF_OK;
}

static uf_status example_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  example_attrs *a = attrs;
  bool sequence = strcmp(from->op, "ParseSingleSequenceExample") == 0;
  a->op = sequence ? SEQUENCE : strcmp(from->op, "ParseSingleExample") == 0 ? SINGLE : strcmp(from->op, "ParseExampleV2") == 0 ? BATCH_V2 : BATCH;
  a->n_sparse = (int32_t)ufi_tf_int(from, sequence ? "Ncontext_sparse" : a->op == BATCH ? "Nsparse" : "num_sparse");
  a->n_dense = list_size(from, sequence ? "Tcontext_dense" : "Tdense");
  a->n_ragged = list_size(from, "ragged_value_types");
  a->shapes = shapes_of(from, sequence ? "context_dense_shapes" : "dense_shapes", &a->n_shapes);
  if (a->op == SINGLE) {
    const uf_attr *sparse = ufi_tf_attr(from, "sparse_keys"), *dense = ufi_tf_attr(from, "dense_keys");
    if (!sparse || !dense || sparse->n != a->n_sparse || dense->n != a->n_dense)
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d sparse and %d dense keys, found %d and %d", a->n_sparse, a->n_dense,
                      sparse ? sparse->n : 0, dense ? dense->n : 0);
    a->sparse_keys = sparse->strings;
    a->dense_keys = dense->strings;
  }
  if (sequence) {
    a->n_list_sparse = (int32_t)ufi_tf_int(from, "Nfeature_list_sparse");
    a->n_list_dense = (int32_t)ufi_tf_int(from, "Nfeature_list_dense");
    a->list_shapes = shapes_of(from, "feature_list_dense_shapes", &a->n_list_shapes);
    UFI_TRY(check_shapes(a->list_shapes, a->n_list_shapes, a->n_list_dense, false, error));
  }
  if (a->n_sparse < 0 || 3 * (int64_t)a->n_sparse + a->n_dense + 2 * (int64_t)a->n_ragged + 3 * (int64_t)a->n_list_sparse + a->n_list_dense != from->n_out)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected as many outputs as features ask for, found %d", from->n_out);
  return check_shapes(a->shapes, a->n_shapes, a->n_dense, !sequence, error);
}

/* ---- features ------------------------------------------------------------------------------ */

/* The values of a list, at most max into `to` (NULL: none); how many there are, -1: damaged. */
static int64_t read_values(ufi_bytes list, uf_dtype dtype, void *to, int64_t max) {
  ufi_proto p = ufi_proto_of(list.data, list.size);
  int64_t n = 0;
  while (ufi_proto_next(&p)) {
    if (p.field != 1) continue;
    if (dtype == UF_STRING) {
      ufi_bytes value = ufi_proto_bytes(&p);
      if (to && n < max) ((uf_string *)to)[n] = (uf_string){(const char *)value.data, value.size};
      n++;
      continue;
    }
    ufi_bytes rest = {0};
    for (uint64_t value; ufi_proto_packed(&p, dtype == UF_FLOAT32 ? 4 : 0, &rest, &value); n++) {
      if (to == NULL || n >= max) continue;
      uint32_t bits = (uint32_t)value;
      if (dtype == UF_FLOAT32) memcpy((float *)to + n, &bits, sizeof bits);
      else ((int64_t *)to)[n] = (int64_t)value;
    }
  }
  return p.bad ? -1 : n;
}

/* Counts what a Feature has; false: damaged. */
static bool look_at(ufi_bytes feature, found *f) {
  ufi_proto p = ufi_proto_of(feature.data, feature.size);
  *f = (found){.present = true};
  while (ufi_proto_next(&p)) {
    if (p.field < 1 || p.field > 3) continue;
    f->dtype = p.field == 1 ? UF_STRING : p.field == 2 ? UF_FLOAT32 : UF_INT64;
    f->list = ufi_proto_bytes(&p);
  }
  f->count = f->dtype != UF_INVALID ? read_values(f->list, f->dtype, NULL, 0) : 0;
  return !p.bad && f->count >= 0;
}

/* A map's entry: its key and value. */
static void entry_of(ufi_proto entry, ufi_bytes *key, ufi_bytes *value) {
  *key = *value = (ufi_bytes){0};
  while (ufi_proto_next(&entry)) {
    if (entry.field == 1) *key = ufi_proto_bytes(&entry);
    else if (entry.field == 2) *value = ufi_proto_bytes(&entry);
  }
}

static wanted *find_key(wanted *all, int32_t n, ufi_bytes key) {
  for (int32_t i = 0; i < n; i++)
    if (all[i].key.size == key.size && (key.size == 0 || memcmp(all[i].key.data, key.data, key.size) == 0)) return &all[i];
  return NULL;
}

/* Features into row `row` of those that are wanted; false: damaged. */
static bool read_features(ufi_proto features, wanted *all, int32_t n, int64_t row) {
  ufi_bytes key, value;
  while (ufi_proto_next(&features)) {
    if (features.field != 1) continue;
    entry_of(ufi_proto_message(&features), &key, &value);
    wanted *w = find_key(all, n, key);
    if (w && !look_at(value, &w->rows[row])) return false;
  }
  return !features.bad;
}

/* What must hold of features that were found: their dtype. */
static uf_status check_found(ufi_ctx *ctx, const wanted *w) {
  for (int64_t i = 0; i < w->n_rows; i++)
    if (w->rows[i].dtype != UF_INVALID && w->rows[i].dtype != w->dtype)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected feature '%.*s' to have dtype %s, found %s in example %lld",
                          (int)UFI_MIN(w->key.size, (size_t)100), w->key.data, uf_dtype_name(w->dtype),
                          uf_dtype_name(w->rows[i].dtype), (long long)i);
  return UF_OK;
}

/* ---- outputs ------------------------------------------------------------------------------------ */

static char *element(const ufi_tensor *t, int64_t i) {
  return (char *)t->data + (size_t)i * ((size_t)uf_dtype_bits(t->dtype) / 8);
}

static int64_t total_of(const wanted *w, int64_t *most_out) {
  int64_t total = 0;
  *most_out = 0;
  for (int64_t i = 0; i < w->n_rows; i++) {
    total += w->rows[i].count;
    *most_out = UFI_MAX(*most_out, w->rows[i].count);
  }
  return total;
}

static void put_values(const ufi_tensor *out, const wanted *w) {
  int64_t at = 0;
  for (int64_t i = 0; i < w->n_rows; at += w->rows[i++].count)
    if (w->rows[i].count) read_values(w->rows[i].list, w->dtype, element(out, at), w->rows[i].count);
}

/* Outputs `indices`, `values` and `shape`; scalar: without a dimension of examples. */
static uf_status put_sparse(ufi_ctx *ctx, const wanted *w, int32_t indices, int32_t values, int32_t shape, bool scalar) {
  int64_t most, total = total_of(w, &most), columns = scalar ? 1 : 2;
  UFI_TRY(check_found(ctx, w));
  UFI_TRY(ufi_out_shape(ctx, indices, 2, (int64_t[]){total, columns}));
  UFI_TRY(ufi_out_shape(ctx, values, 1, &total));
  UFI_TRY(ufi_out_shape(ctx, shape, 1, &columns));
  int64_t *to = ctx->out[indices]->data, *dense = ctx->out[shape]->data;
  for (int64_t i = 0; i < w->n_rows; i++)
    for (int64_t k = 0; k < w->rows[i].count; k++) {
      if (!scalar) *to++ = i;
      *to++ = k;
    }
  if (!scalar) *dense++ = w->n_rows;
  *dense = most;
  put_values(ctx->out[values], w);
  return UF_OK;
}

static uf_status put_ragged(ufi_ctx *ctx, const wanted *w, int32_t values, int32_t splits, bool scalar) {
  int64_t most, total = total_of(w, &most), n = scalar ? 0 : w->n_rows + 1, at = 0;
  UFI_TRY(check_found(ctx, w));
  UFI_TRY(ufi_out_shape(ctx, values, 1, &total));
  UFI_TRY(ufi_out_shape(ctx, splits, 1, &n));
  for (int64_t i = 0; i < n; i++) {
    if (ctx->out[splits]->dtype == UF_INT32) ((int32_t *)ctx->out[splits]->data)[i] = (int32_t)at;
    else ((int64_t *)ctx->out[splits]->data)[i] = at;
    if (i < w->n_rows) at += w->rows[i].count;
  }
  put_values(ctx->out[values], w);
  return UF_OK;
}

/* Each row has `each` elements; where it is missing, those of fallback, or (fill) its one element. */
static uf_status put_rows(ufi_ctx *ctx, const wanted *w, int32_t o, int64_t each, const ufi_tensor *fallback, bool fill) {
  const ufi_tensor *out = ctx->out[o];
  size_t size = (size_t)uf_dtype_bits(out->dtype) / 8;
  for (int64_t i = 0; i < w->n_rows; i++) {
    int64_t n = w->rows[i].count;
    if (w->rows[i].dtype != UF_INVALID) read_values(w->rows[i].list, w->dtype, element(out, i * each), each);
    if (fill) {
      for (; n < each; n++) memcpy(element(out, i * each + n), fallback->data, size);
    } else if (w->rows[i].dtype == UF_INVALID && each) {
      memcpy(element(out, i * each), fallback->data, size * (size_t)each);
    }
  }
  return UF_OK;
}

static uf_status check_counts(ufi_ctx *ctx, const wanted *w, int64_t each, const ufi_tensor *fallback) {
  for (int64_t i = 0; i < w->n_rows; i++) {
    bool missing = w->rows[i].dtype == UF_INVALID;
    if (missing && (fallback == NULL || fallback->count == 0))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected feature '%.*s', which has no default, found none in example %lld",
                          (int)UFI_MIN(w->key.size, (size_t)100), w->key.data, (long long)i);
    if (!missing && w->rows[i].count != each)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld values of feature '%.*s', found %lld in example %lld",
                          (long long)each, (int)UFI_MIN(w->key.size, (size_t)100), w->key.data, (long long)w->rows[i].count,
                          (long long)i);
  }
  return UF_OK;
}

static bool same_shape(const ufi_tensor *t, const uf_shape *shape) {
  if (t->rank != shape->rank) return false;
  for (int32_t d = 0; d < t->rank; d++)
    if (shape->dims[d] >= 0 && t->dims[d] != shape->dims[d]) return false;
  return true;
}

/* A dense feature: of a fixed shape, or as long as the longest along the first dimension. */
static uf_status put_dense(ufi_ctx *ctx, const wanted *w, int32_t o, const uf_shape *shape, const ufi_tensor *fallback, bool scalar) {
  int64_t dims[UF_MAX_RANK + 1], each = 1, most;
  int32_t rank = 0;
  bool variable = shape->rank > 0 && shape->dims[0] < 0;
  char text[UFI_SHAPE_TEXT];
  UFI_TRY(check_found(ctx, w));
  if (fallback && fallback->count && (variable ? fallback->count != 1 : !same_shape(fallback, shape)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a default of the shape of feature '%.*s', found %s",
                        (int)UFI_MIN(w->key.size, (size_t)100), w->key.data, ufi_shape_text(fallback->rank, fallback->dims, text));
  if (!scalar) dims[rank++] = w->n_rows;
  for (int32_t d = 0; d < shape->rank; d++) dims[rank++] = shape->dims[d];
  for (int32_t d = variable; d < shape->rank; d++)
    if (__builtin_mul_overflow(each, shape->dims[d], &each)) return ufi_no_memory(ctx->error, SIZE_MAX);
  if (variable) {
    total_of(w, &most);
    for (int64_t i = 0; i < w->n_rows; i++)
      if (each == 0 || w->rows[i].count % each)
        return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a multiple of %lld values of feature '%.*s', found %lld in example "
                            "%lld", (long long)each, (int)UFI_MIN(w->key.size, (size_t)100), w->key.data,
                            (long long)w->rows[i].count, (long long)i);
    if (fallback == NULL || fallback->count != 1)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected one element as default of feature '%.*s', which has any length, found none",
                          (int)UFI_MIN(w->key.size, (size_t)100), w->key.data);
    dims[scalar ? 0 : 1] = most / each;
    each = most;
  } else {
    UFI_TRY(check_counts(ctx, w, each, fallback));
  }
  UFI_TRY(ufi_out_shape(ctx, o, rank, dims));
  return put_rows(ctx, w, o, each, fallback, variable);
}

/* ---- examples -------------------------------------------------------------------------------------- */

static uf_status new_rows(ufi_ctx *ctx, ufi_arena *arena, wanted *w, int64_t n) {
  w->rows = ufi_arena_array(arena, (size_t)n + 1, sizeof *w->rows);
  w->n_rows = n;
  return w->rows ? UF_OK : ufi_no_memory(ctx->error, (size_t)n * sizeof *w->rows);
}

/* Key i of a kind: V2 has them in one tensor, V1 in one each, the single ones in attributes. */
static uf_status key_of(ufi_ctx *ctx, int32_t first, int32_t i, int32_t n, const uf_string *attr, bool listed, uf_string *out) {
  if (attr) {
    *out = attr[i];
    return UF_OK;
  }
  const ufi_tensor *t = ctx->in[listed ? first : first + i];
  if (t->count != (listed ? n : 1))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %d keys, found %lld", listed ? n : 1, (long long)t->count);
  *out = ufi_strings(t)[listed ? i : 0];
  return UF_OK;
}

static uf_status example_infer(ufi_ctx *ctx) {
  const example_attrs *a = ctx->attrs;
  for (int32_t o = 0; o < ctx->n_out; o++)
    UFI_TRY(ufi_want_out(ctx, o, UF_INT64, UF_FLOAT32, UF_STRING, UF_INT32, UF_INVALID));
  if (a->op != BATCH && a->op != BATCH_V2) return ufi_want_one(ctx, 0, "serialized example", false);
  return ufi_want_rank(ctx, ctx->in[0], a->op == BATCH ? 1 : 0, 1);
}

/* All that is wanted, sparse, dense, then ragged, with keys, dtypes and rows. */
static uf_status example_wanted(ufi_ctx *ctx, ufi_arena *arena, wanted *all) {
  const example_attrs *a = ctx->attrs;
  int32_t ns = a->n_sparse, nd = a->n_dense, n = ns + nd + a->n_ragged;
  bool listed = a->op == BATCH_V2;
  for (int32_t i = 0; i < n; i++) {
    int32_t dense = i - ns, ragged = dense - nd, key = i < ns ? i : dense < nd ? dense : ragged;
    int32_t first = i < ns ? 2 : dense < nd ? (listed ? 3 : 2 + ns) : 4, count = i < ns ? ns : dense < nd ? nd : a->n_ragged;
    const uf_string *attr = a->op != SINGLE ? NULL : i < ns ? a->sparse_keys : a->dense_keys;
    UFI_TRY(key_of(ctx, first, key, count, attr, listed, &all[i].key));
    all[i].dtype = ctx->out[i < ns ? ns + i : dense < nd ? 3 * ns + dense : 3 * ns + nd + ragged]->dtype;
    if (all[i].dtype == UF_INT32) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected features of int64, float32 or string, found int32");
    UFI_TRY(new_rows(ctx, arena, &all[i], ctx->in[0]->count));
  }
  return UF_OK;
}

static uf_status damaged(ufi_ctx *ctx, int64_t i) {
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected serialized examples, found bytes that are none (element %lld)", (long long)i);
}

static uf_status put_features(ufi_ctx *ctx, const wanted *all, int32_t first_default, bool scalar) {
  const example_attrs *a = ctx->attrs;
  int32_t ns = a->n_sparse, nd = a->n_dense, dense_out = 3 * ns, ragged_out = dense_out + nd;
  for (int32_t i = 0; i < ns; i++) UFI_TRY(put_sparse(ctx, &all[i], i, ns + i, 2 * ns + i, scalar));
  for (int32_t i = 0; i < nd; i++)
    UFI_TRY(put_dense(ctx, &all[ns + i], dense_out + i, &a->shapes[i], ctx->in[first_default + i], scalar));
  for (int32_t i = 0; i < a->n_ragged; i++)
    UFI_TRY(put_ragged(ctx, &all[ns + nd + i], ragged_out + i, ragged_out + a->n_ragged + i, scalar));
  return UF_OK;
}

static uf_status example_eval(ufi_ctx *ctx) {
  const example_attrs *a = ctx->attrs;
  int32_t n = a->n_sparse + a->n_dense + a->n_ragged;
  bool scalar = a->op == SINGLE || ctx->in[0]->rank == 0;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  if (a->op != SINGLE && ctx->in[1]->count != 0 && ctx->in[1]->count != ctx->in[0]->count)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld names, or none, found %lld", (long long)ctx->in[0]->count,
                        (long long)ctx->in[1]->count);
  wanted *all = ufi_arena_array(c->arena, (size_t)n + 1, sizeof *all);
  if (all == NULL) return ufi_no_memory(ctx->error, sizeof *all);
  UFI_TRY(example_wanted(ctx, c->arena, all));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    uf_string s = ufi_strings(ctx->in[0])[i];
    ufi_proto p = ufi_proto_of(s.data, s.size);
    while (ufi_proto_next(&p))
      if (p.field == 1 && !read_features(ufi_proto_message(&p), all, n, i)) return damaged(ctx, i);
    if (p.bad) return damaged(ctx, i);
  }
  return put_features(ctx, all, ctx->n_in - a->n_dense, scalar);
}

const ufi_op_def ufi_op_PARSE_EXAMPLE = {
  .attrs_size = sizeof(example_attrs), .attrs_tf = example_tf, .infer = example_infer, .prepare = ufi_chars_prepare,
  .eval = example_eval, .release = ufi_chars_release,
};

/* ---- ParseSingleSequenceExample ------------------------------------------------------------------------ */

/* The frames of a FeatureList. */
static uf_status read_frames(ufi_ctx *ctx, ufi_arena *arena, ufi_bytes list, wanted *w) {
  int64_t n = 0;
  for (int pass = 0; pass < 2; pass++) {
    ufi_proto p = ufi_proto_of(list.data, list.size);
    if (pass) UFI_TRY(new_rows(ctx, arena, w, n));
    n = 0;
    while (ufi_proto_next(&p)) {
      if (p.field != 1) continue;
      ufi_bytes feature = ufi_proto_bytes(&p);
      if (pass && !look_at(feature, &w->rows[n])) return damaged(ctx, 0);
      n++;
    }
    if (p.bad) return damaged(ctx, 0);
  }
  return UF_OK;
}

static uf_status read_lists(ufi_ctx *ctx, ufi_arena *arena, ufi_proto lists, wanted *all, int32_t n) {
  ufi_bytes key, value;
  while (ufi_proto_next(&lists)) {
    if (lists.field != 1) continue;
    entry_of(ufi_proto_message(&lists), &key, &value);
    wanted *w = find_key(all, n, key);
    if (w) UFI_TRY(read_frames(ctx, arena, value, w));
  }
  return lists.bad ? damaged(ctx, 0) : UF_OK;
}

static bool assumed_empty(const ufi_ctx *ctx, uf_string key) {
  for (int64_t i = 0; i < ctx->in[1]->count; i++) {
    uf_string s = ufi_strings(ctx->in[1])[i];
    if (s.size == key.size && memcmp(s.data, key.data, key.size) == 0) return true;
  }
  return false;
}

static uf_status put_list(ufi_ctx *ctx, wanted *w, int32_t o, const uf_shape *shape) {
  if (w->rows == NULL && !assumed_empty(ctx, w->key))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected feature list '%.*s', found none; list it in "
                        "feature_list_dense_missing_assumed_empty", (int)UFI_MIN(w->key.size, (size_t)100), w->key.data);
  return put_dense(ctx, w, o, shape, NULL, false);
}

static uf_status sequence_eval(ufi_ctx *ctx) {
  const example_attrs *a = ctx->attrs;
  int32_t ns = a->n_sparse, nd = a->n_dense, ls = a->n_list_sparse, ld = a->n_list_dense, n = ns + nd, lists = ls + ld;
  int32_t after = 3 * ns + nd; /* outputs of feature lists begin here */
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  wanted *all = ufi_arena_array(c->arena, (size_t)(n + lists) + 1, sizeof *all);
  if (all == NULL) return ufi_no_memory(ctx->error, sizeof *all);
  for (int32_t i = 0; i < n + lists; i++) {
    /* keys in order: context sparse, context dense, list sparse, list dense */
    UFI_TRY(key_of(ctx, 2, i, 1, NULL, false, &all[i].key));
    int32_t list = i - n;
    all[i].dtype = ctx->out[i < ns ? ns + i : i < n ? 3 * ns + i - ns : list < ls ? after + ls + list : after + 3 * ls + list - ls]->dtype;
    if (i < n) UFI_TRY(new_rows(ctx, c->arena, &all[i], 1));
  }
  uf_string s = ufi_strings(ctx->in[0])[0];
  ufi_proto p = ufi_proto_of(s.data, s.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1 && !read_features(ufi_proto_message(&p), all, n, 0)) return damaged(ctx, 0);
    if (p.field == 2) UFI_TRY(read_lists(ctx, c->arena, ufi_proto_message(&p), all + n, lists));
  }
  if (p.bad) return damaged(ctx, 0);
  UFI_TRY(put_features(ctx, all, 2 + n + lists, true));
  for (int32_t i = 0; i < ls; i++) UFI_TRY(put_sparse(ctx, &all[n + i], after + i, after + ls + i, after + 2 * ls + i, false));
  for (int32_t i = 0; i < ld; i++) UFI_TRY(put_list(ctx, &all[n + ls + i], after + 3 * ls + i, &a->list_shapes[i]));
  return UF_OK;
}

const ufi_op_def ufi_op_PARSE_SEQUENCE_EXAMPLE = {
  .attrs_size = sizeof(example_attrs), .attrs_tf = example_tf, .infer = example_infer, .prepare = ufi_chars_prepare,
  .eval = sequence_eval, .release = ufi_chars_release,
};
