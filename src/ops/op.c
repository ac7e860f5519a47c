/* SPDX-License-Identifier: Apache-2.0
 *
 * op.c: what ops share: checks in words, shapes, quantization of activations.
 */
#include "ops/op.h"

#include <math.h>
#include <stdio.h>

#include "ops/host.h"

const uf_attr *ufi_tf_attr(const ufi_tf_attrs *attrs, const char *name) {
  for (int32_t i = 0; i < attrs->n; i++) {
    if (strcmp(attrs->attrs[i].name, name) == 0) return &attrs->attrs[i];
  }
  return NULL;
}

static const uf_attr *attr_of_kind(const ufi_tf_attrs *attrs, const char *name, uf_attr_kind kind) {
  const uf_attr *attr = ufi_tf_attr(attrs, name);
  return attr && attr->kind == kind ? attr : NULL;
}

bool ufi_tf_bool(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *attr = attr_of_kind(attrs, name, UF_ATTR_BOOL);
  return attr && attr->i != 0;
}

int64_t ufi_tf_int(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *attr = attr_of_kind(attrs, name, UF_ATTR_INT);
  return attr ? attr->i : 0;
}

double ufi_tf_float(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *attr = attr_of_kind(attrs, name, UF_ATTR_FLOAT);
  return attr ? attr->f : 0.0;
}

uf_dtype ufi_tf_dtype(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *attr = attr_of_kind(attrs, name, UF_ATTR_DTYPE);
  return attr && attr->i > UF_INVALID && attr->i < UF_DTYPE_COUNT ? (uf_dtype)attr->i : UF_INVALID;
}

const char *ufi_tf_text(const ufi_tf_attrs *attrs, const char *name) {
  const uf_attr *attr = ufi_tf_attr(attrs, name);
  bool good = attr && (attr->kind == UF_ATTR_STRING || attr->kind == UF_ATTR_FUNC) && attr->s;
  return good ? attr->s : "";
}

const int64_t *ufi_tf_ints(const ufi_tf_attrs *attrs, const char *name, int32_t *n_out) {
  const uf_attr *attr = ufi_tf_attr(attrs, name);
  bool good = attr && (attr->kind == UF_ATTR_INTS || attr->kind == UF_ATTR_BOOLS || attr->kind == UF_ATTR_DTYPES);
  *n_out = good ? attr->n : 0;
  return good && attr->n > 0 ? attr->ints : NULL;
}

uf_status ufi_tf_copy_ints(const ufi_tf_attrs *attrs, const char *name, int32_t max, int64_t *out, int32_t *n_out,
                           uf_error *error) {
  int32_t n;
  const int64_t *list = ufi_tf_ints(attrs, name, &n);
  if (n > max) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected at most %d numbers in '%s', found %d", (int)max, name, (int)n);
  for (int32_t i = 0; i < n; i++) out[i] = list[i];
  *n_out = n;
  return UF_OK;
}

uf_status ufi_tf_choice(const ufi_tf_attrs *attrs, const char *name, const char *const *words, int32_t *index_out,
                        uf_error *error) {
  const char *found = ufi_tf_text(attrs, name);
  char all[256] = "";
  size_t used = 0;
  for (int32_t i = 0; words[i]; i++) {
    if (strcmp(words[i], found) == 0) {
      *index_out = i;
      return UF_OK;
    }
    if (used < sizeof all) used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
  }
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected '%s' to be one of %s, found '%.64s'", name, all, found);
}

uf_status ufi_ctx_fail(ufi_ctx *ctx, uf_status status, const char *format, ...) {
  if (ctx->error == NULL) return status;
  va_list list;
  va_start(list, format);
  ctx->error->status = status;
  vsnprintf(ctx->error->message, sizeof ctx->error->message, format, list);
  va_end(list);
  return status;
}

const char *ufi_tensor_text(const ufi_tensor *tensor, char out[512]) {
  char shape[UFI_SHAPE_TEXT];
  if (tensor == NULL) return "nothing (an omitted input)";
  ufi_shape_text(tensor->rank, tensor->dims, shape);
  snprintf(out, 512, "'%.240s' %s %s", tensor->name ? tensor->name : "", uf_dtype_name(tensor->dtype),
           tensor->shape_known ? shape : "(shape not known yet)");
  return out;
}

/* ---- shapes ---------------------------------------------------------------- */

static uf_status set_shape(ufi_ctx *ctx, ufi_tensor *t, int32_t rank, const int64_t *dims) {
  char text[UFI_SHAPE_TEXT];
  int64_t count;
  size_t bytes;
  if (rank < 0 || rank > UF_MAX_RANK) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected output '%s' of at most %d dimensions, found %d",
                        t->name, UF_MAX_RANK, (int)rank);
  }
  if (!ufi_shape_count(rank, dims, &count) || !ufi_dtype_bytes(t->dtype, count, &bytes)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an output '%s' that fits in memory, found shape %s",
                        t->name, ufi_shape_text(rank, dims, text));
  }
  if (bytes > ufi_host_max_bytes(ctx)) {
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected an output '%s' of at most %zu bytes, found shape %s", t->name,
                        ufi_host_max_bytes(ctx), ufi_shape_text(rank, dims, text));
  }
  int64_t copy[UF_MAX_RANK] = {0}; /* dims may be t->dims itself */
  for (int32_t d = 0; d < rank; d++) copy[d] = dims[d];
  memcpy(t->dims, copy, sizeof copy);
  t->rank = rank;
  t->count = count;
  t->size = bytes;
  t->shape_known = true;
  return UF_OK;
}

uf_status ufi_out_shape(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims) {
  UFI_TRY(set_shape(ctx, ctx->out[i], rank, dims));
  return ctx->running ? ufi_host_give_memory(ctx, i) : UF_OK;
}

uf_status ufi_out_like(ufi_ctx *ctx, int32_t i, const ufi_tensor *tensor) {
  return ufi_out_shape(ctx, i, tensor->rank, tensor->dims);
}

uf_status ufi_out_dtype(ufi_ctx *ctx, int32_t i, uf_dtype dtype) {
  ctx->out[i]->dtype = dtype;
  return UF_OK;
}

uf_status ufi_broadcast(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b, int32_t *rank_out,
                        int64_t dims_out[UF_MAX_RANK]) {
  int32_t rank = UFI_MAX(a->rank, b->rank);
  for (int32_t d = 0; d < rank; d++) { /* from the last dimension on */
    int64_t x = d < a->rank ? a->dims[a->rank - 1 - d] : 1;
    int64_t y = d < b->rank ? b->dims[b->rank - 1 - d] : 1;
    if (x != y && x != 1 && y != 1) {
      char p[UFI_SHAPE_TEXT], q[UFI_SHAPE_TEXT];
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT,
                          "expected shapes that broadcast, found '%s' %s and '%s' %s", a->name,
                          ufi_shape_text(a->rank, a->dims, p), b->name,
                          ufi_shape_text(b->rank, b->dims, q));
    }
    dims_out[rank - 1 - d] = x == 1 ? y : x;
  }
  *rank_out = rank;
  return UF_OK;
}

/* ---- checks ------------------------------------------------------------------ */

static void list_dtypes(va_list list, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (int dtype; (dtype = va_arg(list, int)) != UF_INVALID && used < size;) {
    used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " or " : "",
                             uf_dtype_name((uf_dtype)dtype));
  }
}

static bool dtype_in(va_list list, uf_dtype wanted) {
  for (int dtype; (dtype = va_arg(list, int)) != UF_INVALID;) {
    if ((uf_dtype)dtype == wanted) return true;
  }
  return false;
}

static uf_status want(ufi_ctx *ctx, const char *side, int32_t i, const ufi_tensor *t, va_list list) {
  va_list copy;
  va_copy(copy, list);
  bool good = t && dtype_in(copy, t->dtype);
  va_end(copy);
  if (good) return UF_OK;
  char names[256], text[512];
  list_dtypes(list, names, sizeof names);
  return ufi_ctx_fail(ctx, t ? UF_WRONG_TYPE : UF_INVALID_ARGUMENT, "expected %s %d of dtype %s, found %s", side,
                      (int)i, names, ufi_tensor_text(t, text));
}

uf_status ufi_want_in(ufi_ctx *ctx, int32_t i, ...) {
  va_list list;
  va_start(list, i);
  uf_status status = want(ctx, "input", i, ufi_in(ctx, i), list);
  va_end(list);
  return status;
}

uf_status ufi_want_out(ufi_ctx *ctx, int32_t i, ...) {
  va_list list;
  va_start(list, i);
  uf_status status = want(ctx, "output", i, i < ctx->n_out ? ctx->out[i] : NULL, list);
  va_end(list);
  return status;
}

uf_status ufi_want_same(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) {
  if (a && b && a->dtype == b->dtype) return UF_OK;
  char p[512], q[512];
  return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected equal dtypes, found %s and %s", ufi_tensor_text(a, p),
                      ufi_tensor_text(b, q));
}

uf_status ufi_want_rank(ufi_ctx *ctx, const ufi_tensor *t, int32_t min, int32_t max) {
  if (t && t->rank >= min && t->rank <= max) return UF_OK;
  char text[512], range[48];
  if (min == max) snprintf(range, sizeof range, "%d", (int)min);
  else snprintf(range, sizeof range, "%d to %d", (int)min, (int)max);
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a tensor of rank %s, found %s", range,
                      ufi_tensor_text(t, text));
}

static int64_t load_int(const ufi_tensor *t, int64_t i) {
  switch (t->dtype) {
    case UF_INT64: return ((const int64_t *)t->data)[i];
    case UF_INT32: return ((const int32_t *)t->data)[i];
    case UF_INT16: return ((const int16_t *)t->data)[i];
    case UF_INT8: return ((const int8_t *)t->data)[i];
    case UF_UINT8: return ((const uint8_t *)t->data)[i];
    default: return ((const uint32_t *)t->data)[i];
  }
}

uf_status ufi_read_ints(ufi_ctx *ctx, const ufi_tensor *t, int64_t *out, int32_t max, int32_t *n_out) {
  char text[512];
  bool good = t && (t->dtype == UF_INT64 || t->dtype == UF_INT32 || t->dtype == UF_INT16 || t->dtype == UF_INT8 ||
                    t->dtype == UF_UINT8 || t->dtype == UF_UINT32);
  if (!good) {
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected integers, found %s", ufi_tensor_text(t, text));
  }
  if (t->count > max) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected at most %d integers, found %s", (int)max,
                        ufi_tensor_text(t, text));
  }
  for (int64_t i = 0; i < t->count; i++) out[i] = load_int(t, i);
  *n_out = (int32_t)t->count;
  return UF_OK;
}

uf_status ufi_axis(ufi_ctx *ctx, int64_t axis, int32_t rank, int32_t *axis_out) {
  if (axis >= -rank && axis < rank) {
    *axis_out = (int32_t)(axis < 0 ? axis + rank : axis);
    return UF_OK;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an axis in [%d, %d), found %lld", (int)-rank, (int)rank,
                      (long long)axis);
}

/* ---- state and scratch --------------------------------------------------------- */

void *ufi_ctx_state(ufi_ctx *ctx, size_t size) {
  ufi_free(ctx->state);
  ctx->state = ufi_calloc(1, size ? size : 1);
  if (ctx->state == NULL) ufi_no_memory(ctx->error, size);
  return ctx->state;
}

void ufi_want_scratch(ufi_ctx *ctx, size_t bytes) {
  ctx->scratch_size = UFI_MAX(ctx->scratch_size, bytes);
}

uf_tensor ufi_view(const ufi_tensor *t) {
  uf_tensor view = {.dtype = t->dtype, .rank = t->rank, .data = t->data, .size = t->size, .buf = t->buf,
                    .quant = t->quant};
  memcpy(view.dims, t->dims, sizeof view.dims);
  return view;
}

/* ---- fused activations ----------------------------------------------------------- */

void ufi_act_range_f32(ufi_act act, float *min_out, float *max_out) {
  *min_out = act == UFI_ACT_RELU || act == UFI_ACT_RELU6 ? 0.0f : act == UFI_ACT_RELU_N1_TO_1 ? -1.0f : -INFINITY;
  *max_out = act == UFI_ACT_RELU6 ? 6.0f : act == UFI_ACT_RELU_N1_TO_1 ? 1.0f : INFINITY;
}

/* The quantized code of a real value, as TFLite: round half away from zero. */
static int32_t quantize_bound(float value, const ufi_tensor *t, int32_t low, int32_t high) {
  double code = (double)ufi_zero(t) + (double)roundf(value / ufi_scale(t));
  return (int32_t)UFI_MIN(UFI_MAX(code, (double)low), (double)high);
}

void ufi_act_range_quant(ufi_act act, const ufi_tensor *t, int32_t *min_out, int32_t *max_out) {
  int32_t low = t->dtype == UF_INT8 ? -128 : t->dtype == UF_INT16 ? -32768 : 0;
  int32_t high = t->dtype == UF_INT8 ? 127 : t->dtype == UF_INT16 ? 32767 : 255;
  *min_out = low;
  *max_out = high;
  if (act == UFI_ACT_RELU || act == UFI_ACT_RELU6) *min_out = quantize_bound(0.0f, t, low, high);
  if (act == UFI_ACT_RELU6) *max_out = quantize_bound(6.0f, t, low, high);
  if (act == UFI_ACT_RELU_N1_TO_1) {
    *min_out = quantize_bound(-1.0f, t, low, high);
    *max_out = quantize_bound(1.0f, t, low, high);
  }
}

uf_status ufi_nothing(ufi_ctx *ctx) {
  (void)ctx;
  return UF_OK;
}

ufi_part_fn ufi_no_part(const ufi_ctx *ctx) {
  (void)ctx;
  return NULL;
}
