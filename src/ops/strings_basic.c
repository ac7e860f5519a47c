/* SPDX-License-Identifier: Apache-2.0
 *
 * strings_basic.c: strings joined, measured, cut and stripped: StringJoin, ReduceJoin,
 * UnsortedSegmentJoin, StringLength, StringStrip, Substr.
 */
#include "ops/chars.h"
#include "ops/move.h"

/* ---- StringJoin ------------------------------------------------------------------ */

typedef struct join_attrs {
  uf_string separator;
  bool keep_dims;
} join_attrs;

static uf_status join_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  *(join_attrs *)attrs = (join_attrs){ufi_tf_bytes(from, "separator"), ufi_tf_bool(from, "keep_dims")};
  return UF_OK;
}

/* Scalars go with every element of the others, which have one shape. */
static uf_status join_infer(ufi_ctx *ctx) {
  const ufi_tensor *whole = NULL;
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  for (int32_t i = 0; i < ctx->n_in; i++) {
    const ufi_tensor *t = ctx->in[i];
    if (t->rank == 0) continue;
    bool same = !whole || (whole->rank == t->rank && memcmp(whole->dims, t->dims, sizeof(int64_t) * (size_t)t->rank) == 0);
    if (!same)
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected strings of one shape, or scalars, found %s and %s",
                          ufi_shape_text(whole->rank, whole->dims, a), ufi_shape_text(t->rank, t->dims, b));
    whole = t;
  }
  return whole ? ufi_out_like(ctx, 0, whole) : ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status join_eval(ufi_ctx *ctx) {
  const join_attrs *a = ctx->attrs;
  const ufi_tensor *out = ctx->out[0];
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t e = 0; e < out->count; e++) {
    for (int32_t i = 0; i < ctx->n_in; i++) {
      if (i) ufi_chars_string(c, a->separator);
      ufi_chars_string(c, ufi_strings(ctx->in[i])[ctx->in[i]->rank ? e : 0]);
    }
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(out)[e]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_JOIN = {
  .attrs_size = sizeof(join_attrs), .attrs_tf = join_tf, .infer = join_infer, .prepare = ufi_chars_prepare,
  .eval = join_eval, .release = ufi_chars_release,
};

/* ---- ReduceJoin ---------------------------------------------------------------------- */

/* The axes, the one given last first: the first one given runs fastest when elements are joined. */
static uf_status reduce_axes(ufi_ctx *ctx, int32_t *axes_out, int32_t *n_out, bool reduced[UF_MAX_RANK]) {
  const ufi_tensor *in = ctx->in[0];
  int64_t axes[UF_MAX_RANK];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INVALID));
  if (ctx->in[1]->count > in->rank)
    return ufi_ctx_fail(ctx, ctx->in[1]->count > 1 && in->rank ? UF_INVALID_ARGUMENT : UF_OUT_OF_RANGE,
                        "expected at most %d axes, found %lld", in->rank, (long long)ctx->in[1]->count);
  UFI_TRY(ufi_read_ints(ctx, ctx->in[1], axes, UF_MAX_RANK, n_out));
  for (int32_t i = 0; i < *n_out; i++) {
    int32_t *axis = &axes_out[*n_out - 1 - i];
    if (axes[i] < -in->rank || axes[i] >= in->rank)
      return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "expected axes in [-%d, %d), found %lld", in->rank, in->rank,
                          (long long)axes[i]);
    *axis = (int32_t)(axes[i] < 0 ? axes[i] + in->rank : axes[i]);
    if (reduced[*axis])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected axes that differ, found axis %lld twice",
                          (long long)axes[i]);
    reduced[*axis] = true;
  }
  return UF_OK;
}

static uf_status reduce_infer(ufi_ctx *ctx) {
  const join_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0];
  int32_t axes[UF_MAX_RANK], n = 0, rank = 0;
  bool reduced[UF_MAX_RANK] = {false};
  int64_t dims[UF_MAX_RANK];
  if (!ufi_known(ctx, 1)) return UF_OK;
  UFI_TRY(reduce_axes(ctx, axes, &n, reduced));
  for (int32_t d = 0; d < in->rank; d++) {
    if (!reduced[d]) dims[rank++] = in->dims[d];
    else if (a->keep_dims) dims[rank++] = 1;
  }
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* Where element i of the part of a shape that some axes make lies. */
static int64_t place_of(int64_t i, const int32_t *axes, int32_t n, const int64_t *dims, const int64_t *steps) {
  int64_t at = 0;
  for (int32_t k = n - 1; k >= 0; k--) {
    at += i % dims[axes[k]] * steps[axes[k]];
    i /= dims[axes[k]];
  }
  return at;
}

static uf_status reduce_eval(ufi_ctx *ctx) {
  const join_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  int32_t axes[UF_MAX_RANK], others[UF_MAX_RANK], n = 0, n_others = 0;
  int64_t steps[UF_MAX_RANK], joined = 1;
  bool reduced[UF_MAX_RANK] = {false};
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(reduce_axes(ctx, axes, &n, reduced));
  ufi_move_steps(in->rank, in->dims, steps);
  for (int32_t d = 0; d < in->rank; d++)
    if (!reduced[d]) others[n_others++] = d;
  for (int32_t k = 0; k < n; k++) joined *= in->dims[axes[k]];
  for (int64_t e = 0; e < out->count; e++) {
    int64_t from = place_of(e, others, n_others, in->dims, steps);
    for (int64_t j = 0; j < joined; j++) {
      if (j) ufi_chars_string(c, a->separator);
      ufi_chars_string(c, ufi_strings(in)[from + place_of(j, axes, n, in->dims, steps)]);
    }
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(out)[e]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_REDUCE_JOIN = {
  .attrs_size = sizeof(join_attrs), .attrs_tf = join_tf, .infer = reduce_infer, .prepare = ufi_chars_prepare,
  .eval = reduce_eval, .release = ufi_chars_release,
};

/* ---- UnsortedSegmentJoin ---------------------------------------------------------------- */

static uf_status segment_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *ids = ctx->in[1];
  int64_t dims[UF_MAX_RANK + 1];
  int32_t n = 0, rank = 1;
  if (!ufi_known(ctx, 2)) return UF_OK;
  UFI_TRY(ufi_want_one(ctx, 2, "number of segments", true));
  UFI_TRY(ufi_read_ints(ctx, ctx->in[2], dims, 1, &n));
  if (ids->rank == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids of rank 1 or more, found 0");
  if (ids->rank > in->rank)
    return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "expected segment ids of at most rank %d, found %d", in->rank, ids->rank);
  for (int32_t d = 0; d < ids->rank; d++)
    if (ids->dims[d] != in->dims[d])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %lld segment ids along dimension %d, found %lld",
                          (long long)in->dims[d], d, (long long)ids->dims[d]);
  if (dims[0] < 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a number of segments of 0 or more, found %lld", (long long)dims[0]);
  for (int32_t d = ids->rank; d < in->rank; d++) dims[rank++] = in->dims[d];
  return ufi_out_shape(ctx, 0, rank, dims);
}

static uf_status segment_check(ufi_ctx *ctx) {
  const ufi_tensor *ids = ctx->in[1];
  for (int64_t i = 0; i < ids->count; i++) {
    int64_t id = ufi_move_index(ids, i);
    if (id < 0 || id >= ctx->out[0]->dims[0])
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected segment ids in [0, %lld), found %lld at position %lld",
                          (long long)ctx->out[0]->dims[0], (long long)id, (long long)i);
  }
  return UF_OK;
}

/* scratch: the rows of each segment as a list: the first row of each segment, then the row after each
 * row (-1: none), so that joining takes one pass whatever the order of ids. */
static uf_status segment_prepare(ufi_ctx *ctx) {
  size_t segments = ctx->out[0]->rank ? (size_t)ctx->out[0]->dims[0] : 0;
  ufi_want_scratch(ctx, (segments + (size_t)ctx->in[1]->count) * sizeof(int64_t));
  return ufi_chars_prepare(ctx);
}

static uf_status segment_eval(ufi_ctx *ctx) {
  const join_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[0], *ids = ctx->in[1], *out = ctx->out[0];
  int64_t segments = out->dims[0], inner = ufi_move_span(in->dims, ids->rank, in->rank);
  int64_t *first = ctx->scratch, *next = first + segments;
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  UFI_TRY(segment_check(ctx));
  for (int64_t s = 0; s < segments; s++) first[s] = -1;
  for (int64_t i = ids->count - 1; i >= 0; i--) {
    int64_t id = ufi_move_index(ids, i);
    next[i] = first[id];
    first[id] = i;
  }
  for (int64_t e = 0; e < segments * inner; e++) {
    for (int64_t row = first[e / inner]; row >= 0; row = next[row]) {
      if (c->size) ufi_chars_string(c, a->separator); /* none behind empty strings, as TensorFlow */
      ufi_chars_string(c, ufi_strings(in)[row * inner + e % inner]);
    }
    UFI_TRY(ufi_chars_take(ctx, c, &ufi_strings(out)[e]));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_UNSORTED_SEGMENT_JOIN = {
  .attrs_size = sizeof(join_attrs), .attrs_tf = join_tf, .infer = segment_infer, .prepare = segment_prepare,
  .eval = segment_eval, .release = ufi_chars_release,
};

/* ---- StringLength -------------------------------------------------------------------------- */

static uf_status unit_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const units[] = {"BYTE", "UTF8_CHAR", NULL};
  return ufi_tf_choice(from, "unit", units, attrs, error);
}

static uf_status length_eval(ufi_ctx *ctx) {
  bool utf8 = *(const int32_t *)ctx->attrs == 1;
  int32_t *out = ctx->out[0]->data;
  for (int64_t e = 0; e < ctx->in[0]->count; e++) {
    uf_string s = ufi_strings(ctx->in[0])[e];
    int32_t n = 0;
    for (size_t i = 0; utf8 && i < s.size; i++) n += !ufi_utf8_trail(s.data[i]);
    out[e] = utf8 ? n : (int32_t)s.size;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_LENGTH = {
  .attrs_size = sizeof(int32_t), .attrs_tf = unit_tf, .infer = ufi_like_input, .eval = length_eval,
};

/* ---- StringStrip ----------------------------------------------------------------------------- */

static uf_status strip_eval(ufi_ctx *ctx) {
  for (int64_t e = 0; e < ctx->in[0]->count; e++) {
    uf_string s = ufi_strings(ctx->in[0])[e];
    for (; s.size && ufi_is_space(s.data[s.size - 1]); s.size--) continue;
    for (; s.size && ufi_is_space(s.data[0]); s.size--) s.data++;
    ufi_strings(ctx->out[0])[e] = s;
  }
  return UF_OK;
}

const ufi_op_def ufi_op_STRING_STRIP = {.infer = ufi_like_input, .eval = strip_eval};

/* ---- Substr ------------------------------------------------------------------------------------ */

static uf_status substr_infer(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[0], *pos = ctx->in[1], *len = ctx->in[2];
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  char a[UFI_SHAPE_TEXT], b[UFI_SHAPE_TEXT];
  UFI_TRY(ufi_want_in(ctx, 1, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_same(ctx, pos, len));
  if (pos->rank != len->rank || (pos->rank && memcmp(pos->dims, len->dims, sizeof(int64_t) * (size_t)pos->rank)))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected pos and len of one shape, found %s and %s",
                        ufi_shape_text(pos->rank, pos->dims, a), ufi_shape_text(len->rank, len->dims, b));
  if (pos->count == 0) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected elements in pos, found none");
  UFI_TRY(ufi_broadcast(ctx, in, pos, &rank, dims));
  return ufi_out_shape(ctx, 0, rank, dims);
}

/* Moves *at over n characters, forwards or backwards; false when there are fewer. */
static bool skip_forward(uf_string s, int64_t n, size_t *at) {
  for (; n > 0 && *at < s.size; n--)
    do ++*at;
    while (*at < s.size && ufi_utf8_trail(s.data[*at]));
  return n <= 0;
}

static bool skip_back(uf_string s, int64_t n, size_t *at) {
  for (; n > 0 && *at > 0; n--)
    do --*at;
    while (*at > 0 && ufi_utf8_trail(s.data[*at]));
  return n <= 0;
}

static bool substr_utf8(uf_string s, int64_t pos, int64_t len, uf_string *out) {
  size_t begin = 0, end = s.size;
  if (pos >= 0) {
    if (!skip_forward(s, pos, &begin)) return false;
    end = begin;
    skip_forward(s, len, &end);
  } else {
    int64_t back = pos == INT64_MIN ? INT64_MAX : -pos, behind = back > 0 && len < back ? back - UFI_MAX(len, -(INT64_MAX - back)) : 0;
    if (!skip_back(s, behind, &end)) return false;
    begin = end;
    if (!skip_back(s, back - behind, &begin)) return false;
  }
  *out = (uf_string){s.data + begin, end - begin};
  return true;
}

static bool substr_bytes(uf_string s, int64_t pos, int64_t len, uf_string *out) {
  if (pos < 0) pos += (int64_t)s.size;
  if (pos < 0 || pos > (int64_t)s.size) return false;
  size_t rest = s.size - (size_t)pos;
  /* a negative length is a large one, as in std::string_view::substr */
  *out = (uf_string){s.data + pos, len < 0 || (size_t)len > rest ? rest : (size_t)len};
  return true;
}

/* Element of a tensor that is broadcast to out, for out's element e. */
static int64_t broadcast_at(const ufi_tensor *t, const ufi_tensor *out, int64_t e) {
  int64_t at = 0, step = 1;
  for (int32_t d = out->rank - 1, k = t->rank - 1; k >= 0; d--, k--) {
    if (t->dims[k] > 1) at += e % out->dims[d] * step;
    step *= t->dims[k];
    e /= out->dims[d];
  }
  return at;
}

static uf_status substr_eval(ufi_ctx *ctx) {
  bool utf8 = *(const int32_t *)ctx->attrs == 1;
  const ufi_tensor *in = ctx->in[0], *out = ctx->out[0];
  for (int64_t e = 0; e < out->count; e++) {
    int64_t at = broadcast_at(ctx->in[1], out, e);
    int64_t pos = ufi_move_index(ctx->in[1], at), len = ufi_move_index(ctx->in[2], at);
    uf_string s = ufi_strings(in)[broadcast_at(in, out, e)];
    if (!(utf8 ? substr_utf8 : substr_bytes)(s, pos, len, &ufi_strings(out)[e]))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a position inside the string of %zu bytes at index "
                          "%lld, found %lld", s.size, (long long)e, (long long)pos);
  }
  return UF_OK;
}

const ufi_op_def ufi_op_SUBSTR = {
  .attrs_size = sizeof(int32_t), .attrs_tf = unit_tf, .infer = substr_infer, .eval = substr_eval,
};
