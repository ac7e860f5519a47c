/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.c: tensors and summaries as protobuf messages: SerializeTensor, ParseTensor, ScalarSummary,
 * HistogramSummary, TensorSummaryV2, MergeSummary (tensorflow/core/framework/tensor.proto and
 * summary.proto):
 *
 *   TensorProto     1 dtype, 2 tensor_shape {2 dim {1 size}}, 4 tensor_content, 8 string_val
 *   Summary         1 value {1 tag, 2 simple_value, 5 histo, 8 tensor, 9 metadata}
 *   HistogramProto  1 min, 2 max, 3 num, 4 sum, 5 sum_squares, 6 bucket_limit, 7 bucket
 */
#include <float.h>
#include <math.h>

#include "format/tensor_proto.h"
#include "ops/chars.h"
#include "ops/host.h"

/* ---- messages ------------------------------------------------------------------------- */

static void put_number(ufi_chars *c, uint32_t field, uint64_t value) {
  if (value == 0) return; /* as if it were not there */
  ufi_chars_varint(c, (uint64_t)field << 3);
  ufi_chars_varint(c, value);
}

static void put_double(ufi_chars *c, uint32_t field, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (bits == 0) return;
  ufi_chars_varint(c, (uint64_t)field << 3 | 1);
  ufi_chars_add(c, &value, sizeof value);
}

/* What was written since `mark` becomes a message under a field of its own. */
static void wrap(ufi_chars *c, size_t mark, uint32_t field) {
  char head[2 * UFI_VARINT_MAX];
  size_t size = c->size - mark, n = ufi_varint_put((uint8_t *)head, (uint64_t)field << 3 | 2);
  n += ufi_varint_put((uint8_t *)head + n, size);
  ufi_chars_add(c, head, n); /* for the room; then in front */
  if (c->failed) return;
  memmove(c->data + mark + n, c->data + mark, size);
  memcpy(c->data + mark, head, n);
}

static void put_tensor(ufi_chars *c, const ufi_tensor *t) {
  put_number(c, 1, (uint64_t)uf_dtype_tf(t->dtype));
  size_t shape = c->size;
  for (int32_t d = 0; d < t->rank; d++) {
    size_t dim = c->size;
    put_number(c, 1, (uint64_t)t->dims[d]);
    wrap(c, dim, 2);
  }
  wrap(c, shape, 2);
  if (t->dtype != UF_STRING && t->size) ufi_chars_field(c, 4, t->data, t->size);
  for (int64_t i = 0; t->dtype == UF_STRING && i < t->count; i++)
    ufi_chars_field(c, 8, ufi_strings(t)[i].data, ufi_strings(t)[i].size);
}

static uf_status want_plain(ufi_ctx *ctx, const ufi_tensor *t) {
  if (uf_dtype_bits(t->dtype) >= 8 && t->dtype != UF_RESOURCE && t->dtype != UF_VARIANT) return UF_OK;
  return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected numbers or strings, found %s", uf_dtype_name(t->dtype));
}

/* ---- SerializeTensor, ParseTensor ---------------------------------------------------------- */

static uf_status serialize_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(want_plain(ctx, ctx->in[0]));
  UFI_TRY(ufi_chars_begin(ctx, &c));
  put_tensor(c, ctx->in[0]);
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_SERIALIZE_TENSOR = {
  .infer = ufi_scalar_out, .prepare = ufi_chars_prepare, .eval = serialize_eval, .release = ufi_chars_release,
};

static uf_status parse_infer(ufi_ctx *ctx) { return ufi_want_one(ctx, 0, "serialized tensor", false); }

static uf_status parse_eval(ufi_ctx *ctx) {
  uf_string s = ufi_strings(ctx->in[0])[0];
  ufi_tensor_proto proto;
  uf_tensor tensor = {0};
  uf_status status = ufi_tensor_proto_parse((ufi_bytes){(const uint8_t *)s.data, s.size}, &proto, ctx->error);
  if (status == UF_OK && proto.dtype != ctx->out[0]->dtype)
    status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a tensor of dtype %s, found %s", uf_dtype_name(ctx->out[0]->dtype),
                          uf_dtype_name(proto.dtype));
  if (status == UF_OK) status = ufi_tensor_proto_decode(&proto, 0, &tensor, ctx->error);
  if (status == UF_DATA_LOSS || (status == UF_UNIMPLEMENTED && proto.dtype == UF_INVALID)) {
    if (ctx->error) ctx->error->status = UF_INVALID_ARGUMENT; /* as TensorFlow says it */
    status = UF_INVALID_ARGUMENT;
  }
  if (status == UF_OK) status = ufi_host_out_share(ctx, 0, &tensor);
  uf_tensor_release(&tensor);
  return status;
}

const ufi_op_def ufi_op_PARSE_TENSOR = {.infer = parse_infer, .eval = parse_eval};

/* ---- numbers ------------------------------------------------------------------------------------- */

static double number_at(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_FLOAT16: return ufi_half_to_float(((const uint16_t *)t->data)[i]);
    case UF_BFLOAT16: return ufi_bfloat_to_float(((const uint16_t *)t->data)[i]);
    default: break;
  }
  double value = 0;
  size_t size = (size_t)uf_dtype_bits(t->dtype) / 8;
  if (ufi_convert(t->dtype, (const char *)t->data + (size_t)i * size, 1, UF_FLOAT64, &value, NULL) != UF_OK) return 0;
  return value;
}

static uf_status want_numbers(ufi_ctx *ctx, const ufi_tensor *t) {
  switch (t->dtype) {
    case UF_FLOAT32: case UF_FLOAT64: case UF_FLOAT16: case UF_BFLOAT16: case UF_INT8: case UF_INT16: case UF_INT32:
    case UF_INT64: case UF_UINT8: case UF_UINT16: case UF_UINT32: case UF_UINT64: return UF_OK;
    default: return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected real numbers, found %s", uf_dtype_name(t->dtype));
  }
}

/* ---- ScalarSummary ---------------------------------------------------------------------------------- */

static uf_status scalar_infer(ufi_ctx *ctx) {
  const ufi_tensor *tags = ctx->in[0], *values = ctx->in[1];
  UFI_TRY(want_numbers(ctx, values));
  if (tags->rank != values->rank || (tags->rank && memcmp(tags->dims, values->dims, sizeof(int64_t) * (size_t)tags->rank) != 0))
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected tags and values of one shape, found ranks %d and %d with %lld and "
                        "%lld elements", tags->rank, values->rank, (long long)tags->count, (long long)values->count);
  return ufi_scalar_out(ctx);
}

static uf_status scalar_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int64_t i = 0; i < ctx->in[0]->count; i++) {
    size_t mark = c->size;
    uf_string tag = ufi_strings(ctx->in[0])[i];
    float value = (float)number_at(ctx->in[1], i);
    if (tag.size) ufi_chars_field(c, 1, tag.data, tag.size);
    ufi_chars_byte(c, 2 << 3 | 5);
    ufi_chars_add(c, &value, sizeof value);
    wrap(c, mark, 1);
  }
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_SCALAR_SUMMARY = {
  .infer = scalar_infer, .prepare = ufi_chars_prepare, .eval = scalar_eval, .release = ufi_chars_release,
};

/* ---- HistogramSummary ---------------------------------------------------------------------------------- */

/* Limits of buckets as TensorFlow's default ones: 1e-12 times powers of 1.1 below 1e20, DBL_MAX, the same
 * with minus, and 0 in between. */
enum { LIMITS_ROOM = 1600 };

static size_t make_limits(double limits[LIMITS_ROOM]) {
  size_t n = 0;
  for (double v = 1e-12; v < 1e20 && n < LIMITS_ROOM / 2 - 2; v *= 1.1) limits[n++] = v;
  limits[n++] = DBL_MAX;
  for (size_t i = 0; i < n; i++) limits[n + 1 + i] = limits[i];
  for (size_t i = 0; i < n; i++) limits[n - 1 - i] = -limits[n + 1 + i];
  limits[n] = 0;
  return 2 * n + 1;
}

/* How many limits are not above value. */
static size_t bucket_of(const double *limits, size_t n, double value) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (limits[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* Runs of empty buckets are one. field 6: limits, 7: counts. */
static void put_buckets(ufi_chars *c, const double *limits, const double *counts, size_t n, uint32_t field) {
  size_t mark = c->size;
  for (size_t i = 0; i < n;) {
    double end = limits[i], count = counts[i++];
    for (; count <= 0 && i < n && counts[i] <= 0; i++) end = limits[i];
    ufi_chars_add(c, field == 6 ? &end : &count, sizeof end);
  }
  wrap(c, mark, field);
}

static uf_status histogram_infer(ufi_ctx *ctx) {
  UFI_TRY(want_numbers(ctx, ctx->in[1]));
  UFI_TRY(ufi_want_one(ctx, 0, "tag", false));
  return ufi_scalar_out(ctx);
}

static uf_status histogram_prepare(ufi_ctx *ctx) {
  ufi_want_scratch(ctx, 2 * LIMITS_ROOM * sizeof(double));
  return ufi_chars_prepare(ctx);
}

static uf_status histogram_eval(ufi_ctx *ctx) {
  double *limits = ctx->scratch, *counts = limits + LIMITS_ROOM, low = DBL_MAX, high = -DBL_MAX, sum = 0, squares = 0;
  size_t n = make_limits(limits);
  uf_string tag = ufi_strings(ctx->in[0])[0];
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  memset(counts, 0, n * sizeof *counts);
  for (int64_t i = 0; i < ctx->in[1]->count; i++) {
    double v = number_at(ctx->in[1], i);
    if (isnan(v) || isinf(v))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected finite values for a histogram, found %g at position %lld", v,
                          (long long)i);
    counts[UFI_MIN(bucket_of(limits, n, v), n - 1)]++;
    if (v < low) low = v;
    if (v > high) high = v;
    sum += v;
    squares += v * v;
  }
  if (tag.size) ufi_chars_field(c, 1, tag.data, tag.size);
  size_t mark = c->size;
  put_double(c, 1, low);
  put_double(c, 2, high);
  put_double(c, 3, (double)ctx->in[1]->count);
  put_double(c, 4, sum);
  put_double(c, 5, squares);
  put_buckets(c, limits, counts, n, 6);
  put_buckets(c, limits, counts, n, 7);
  wrap(c, mark, 5);
  wrap(c, 0, 1);
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_HISTOGRAM_SUMMARY = {
  .infer = histogram_infer, .prepare = histogram_prepare, .eval = histogram_eval, .release = ufi_chars_release,
};

/* ---- TensorSummaryV2 ---------------------------------------------------------------------------------------- */

static uf_status tensor_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_one(ctx, 0, "tag", false));
  UFI_TRY(ufi_want_one(ctx, 2, "metadata", false));
  return ufi_scalar_out(ctx);
}

static uf_status tensor_eval(ufi_ctx *ctx) {
  uf_string tag = ufi_strings(ctx->in[0])[0], metadata = ufi_strings(ctx->in[2])[0];
  ufi_chars *c;
  UFI_TRY(want_plain(ctx, ctx->in[1]));
  UFI_TRY(ufi_chars_begin(ctx, &c));
  if (tag.size) ufi_chars_field(c, 1, tag.data, tag.size);
  size_t mark = c->size;
  put_tensor(c, ctx->in[1]);
  wrap(c, mark, 8);
  ufi_chars_field(c, 9, metadata.data, metadata.size);
  wrap(c, 0, 1);
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_TENSOR_SUMMARY = {
  .infer = tensor_infer, .prepare = ufi_chars_prepare, .eval = tensor_eval, .release = ufi_chars_release,
};

/* ---- MergeSummary ------------------------------------------------------------------------------------------------ */

static ufi_bytes tag_of(ufi_proto value) {
  ufi_bytes tag = {0};
  while (ufi_proto_next(&value))
    if (value.field == 1) tag = ufi_proto_bytes(&value);
  return tag;
}

/* True when the tag is in what was written already. */
static bool has_tag(const ufi_chars *c, ufi_bytes tag) {
  ufi_proto p = ufi_proto_of(c->data, c->size);
  while (ufi_proto_next(&p)) {
    ufi_bytes other = tag_of(ufi_proto_message(&p));
    if (other.size == tag.size && memcmp(other.data, tag.data, tag.size) == 0) return true;
  }
  return false;
}

static uf_status merge_one(ufi_ctx *ctx, ufi_chars *c, uf_string s) {
  ufi_proto p = ufi_proto_of(s.data, s.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 1) continue;
    ufi_bytes value = ufi_proto_bytes(&p), tag = tag_of(ufi_proto_of(value.data, value.size));
    if (tag.size && has_tag(c, tag))
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected tags that differ, found '%.*s' twice",
                          (int)UFI_MIN(tag.size, (size_t)100), (const char *)tag.data);
    ufi_chars_field(c, 1, value.data, value.size);
  }
  return p.bad ? ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected summaries, found %zu bytes that are none", s.size) : UF_OK;
}

static uf_status merge_eval(ufi_ctx *ctx) {
  ufi_chars *c;
  UFI_TRY(ufi_chars_begin(ctx, &c));
  for (int32_t k = 0; k < ctx->n_in; k++)
    for (int64_t i = 0; i < ctx->in[k]->count; i++) UFI_TRY(merge_one(ctx, c, ufi_strings(ctx->in[k])[i]));
  return ufi_chars_take(ctx, c, ufi_strings(ctx->out[0]));
}

const ufi_op_def ufi_op_MERGE_SUMMARY = {
  .infer = ufi_scalar_out, .prepare = ufi_chars_prepare, .eval = merge_eval, .release = ufi_chars_release,
};
