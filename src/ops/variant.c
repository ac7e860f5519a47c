/* SPDX-License-Identifier: Apache-2.0
 *
 * variant.c: variants and tensors of them, see variant.h.
 */
#include "ops/variant.h"

#include "ops/host.h"

static const char *const kind_names[] = {"TensorList", "TensorMap", "ragged tensor", "optional"};

/* ---- references --------------------------------------------------------------- */

ufi_variant *ufi_variant_create(ufi_variant_kind kind, uf_dtype dtype) {
  ufi_variant *v = ufi_calloc(1, sizeof *v);
  if (v == NULL) return NULL;
  v->refs = 1;
  v->kind = kind;
  v->dtype = dtype;
  v->rank = -1;
  v->max_items = -1;
  return v;
}

ufi_variant *ufi_variant_copy(const ufi_variant *from) {
  ufi_variant *v = ufi_variant_create(from->kind, from->dtype);
  if (v == NULL) return NULL;
  *v = *from;
  v->refs = 1;
  v->items = ufi_items_copy(&from->items);
  return v;
}

ufi_variant *ufi_variant_retain(const ufi_variant *from) {
  ufi_variant *v = (ufi_variant *)from;
  if (v) __atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
  return v;
}

void ufi_variant_release(ufi_variant *v) {
  if (v == NULL || __atomic_fetch_sub(&v->refs, 1, __ATOMIC_ACQ_REL) != 1) return;
  ufi_items_release(&v->items);
  ufi_free(v);
}

/* What a buf of variants frees: how many, then the pointers. */
typedef struct pack {
  int64_t n;
  ufi_variant *elements[];
} pack;

static void release_pack(void *context) {
  pack *p = context;
  for (int64_t i = 0; i < p->n; i++) ufi_variant_release(p->elements[i]);
  ufi_free(p);
}

uf_status ufi_variants_pack(const void *elements, int64_t n, uf_buf **buf_out, uf_error *error) {
  size_t bytes = (size_t)n * sizeof(ufi_variant *);
  pack *p = ufi_malloc(sizeof *p + bytes);
  if (p == NULL) return ufi_no_memory(error, bytes);
  p->n = n;
  if (bytes) memcpy(p->elements, elements, bytes);
  *buf_out = uf_buf_wrap(p->elements, bytes, release_pack, p);
  if (*buf_out == NULL) {
    ufi_free(p);
    return ufi_no_memory(error, sizeof *p);
  }
  for (int64_t i = 0; i < n; i++) ufi_variant_retain(p->elements[i]);
  return UF_OK;
}

/* ---- items ---------------------------------------------------------------------- */

/* Variants within variants are freed by recursion, so how deep they may be is bounded. */
static uf_status note_nesting(ufi_ctx *ctx, ufi_variant *v, const uf_tensor *t) {
  if (t == NULL || t->dtype != UF_VARIANT) return UF_OK;
  int64_t n = uf_tensor_count(t);
  for (int64_t i = 0; i < n; i++) {
    const ufi_variant *inner = ((ufi_variant *const *)t->data)[i];
    if (inner) v->nesting = UFI_MAX(v->nesting, inner->nesting + 1);
  }
  if (v->nesting <= UFI_VARIANT_NESTING) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected variants nested at most %d deep, found more", UFI_VARIANT_NESTING);
}

uf_status ufi_variant_set(ufi_ctx *ctx, ufi_variant *v, int64_t i, const ufi_tensor *tensor) {
  uf_tensor view = ufi_view(tensor);
  UFI_TRY(note_nesting(ctx, v, &view));
  return ufi_items_set(&v->items, i, &view, ufi_may_share(tensor), ctx->error);
}

uf_status ufi_variant_push(ufi_ctx *ctx, ufi_variant *v, const uf_tensor *tensor, bool share) {
  UFI_TRY(note_nesting(ctx, v, tensor));
  return ufi_items_push(&v->items, tensor, share, ctx->error);
}

/* ---- values -------------------------------------------------------------------------- */

uf_status ufi_in_variant(ufi_ctx *ctx, int32_t i, ufi_variant_kind kind, const ufi_variant **out) {
  const ufi_tensor *t = ufi_in(ctx, i);
  char text[512];
  UFI_TRY(ufi_want_in(ctx, i, UF_VARIANT, UF_INVALID));
  if (t->count != 1) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d to be a scalar variant, found %s", (int)i,
                        ufi_tensor_text(t, text));
  }
  *out = *(ufi_variant *const *)t->data;
  if (*out && (*out)->kind == kind) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected input %d '%s' to be a %s, found %s", (int)i, t->name,
                      kind_names[kind], *out ? kind_names[(*out)->kind] : "a variant without a value");
}

uf_status ufi_out_tensor(ufi_ctx *ctx, int32_t i, const uf_tensor *tensor) {
  return ufi_host_out_share(ctx, i, tensor);
}

uf_status ufi_out_variants(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims, ufi_variant *const *elements) {
  uf_tensor t = {.dtype = UF_VARIANT, .rank = rank};
  if (rank) memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
  int64_t n = uf_tensor_count(&t);
  UFI_TRY(ufi_variants_pack(elements, n, &t.buf, ctx->error));
  t.data = uf_buf_data(t.buf);
  t.size = (size_t)n * sizeof *elements;
  uf_status status = ufi_host_out_share(ctx, i, &t);
  uf_tensor_release(&t);
  return status;
}

uf_status ufi_out_variant(ufi_ctx *ctx, int32_t i, ufi_variant *variant) {
  if (variant == NULL) return ufi_no_memory(ctx->error, sizeof *variant);
  uf_status status = ufi_out_variants(ctx, i, 0, NULL, &variant);
  ufi_variant_release(variant);
  return status;
}

uf_status ufi_new_tensor(ufi_ctx *ctx, uf_dtype dtype, int32_t rank, const int64_t *dims, uf_tensor *out) {
  char text[UFI_SHAPE_TEXT];
  int64_t count;
  size_t bytes;
  bool good = rank >= 0 && rank <= UF_MAX_RANK && ufi_shape_count(rank, dims, &count) && ufi_dtype_bytes(dtype, count, &bytes);
  if (!good) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a result of at most %d dimensions that fits in memory, found shape %s",
                        UF_MAX_RANK, ufi_shape_text(UFI_MIN(rank, UF_MAX_RANK), dims, text));
  }
  if (bytes > ufi_host_max_bytes(ctx)) {
    return ufi_ctx_fail(ctx, UF_RESOURCE_EXHAUSTED, "expected a result of at most %zu bytes, found shape %s", ufi_host_max_bytes(ctx),
                        ufi_shape_text(rank, dims, text));
  }
  *out = (uf_tensor){.dtype = dtype, .rank = rank};
  for (int32_t d = 0; d < rank; d++) out->dims[d] = dims[d];
  UFI_TRY(ufi_tensor_memory(out, ctx->error));
  if (out->size) memset(out->data, 0, out->size);
  return UF_OK;
}

uf_status ufi_out_take(ufi_ctx *ctx, int32_t i, uf_tensor *tensor) {
  uf_status status = ufi_tensor_settle(tensor, ctx->error);
  if (status == UF_OK) status = ufi_host_out_share(ctx, i, tensor);
  uf_tensor_release(tensor);
  return status;
}

/* ---- shapes that are known in part ---------------------------------------------------- */

uf_shape ufi_partial(int32_t rank, const int64_t *dims) {
  uf_shape shape = {.rank = rank};
  for (int32_t d = 0; d < rank; d++) shape.dims[d] = dims[d];
  return shape;
}

uf_status ufi_in_partial(ufi_ctx *ctx, int32_t i, uf_shape *out) {
  const ufi_tensor *t = ctx->in[i];
  int32_t n;
  *out = (uf_shape){.rank = -1};
  UFI_TRY(ufi_want_in(ctx, i, UF_INT32, UF_INT64, UF_INVALID));
  UFI_TRY(ufi_want_rank(ctx, t, 0, 1));
  UFI_TRY(ufi_read_ints(ctx, t, out->dims, UF_MAX_RANK, &n));
  if (t->rank == 0 && out->dims[0] == -1) return UF_OK;
  for (int32_t d = 0; d < n; d++) {
    if (out->dims[d] >= -1 && t->rank == 1) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape as a vector of extents from -1 on, or the scalar -1, found %lld",
                        (long long)out->dims[d]);
  }
  out->rank = n;
  return UF_OK;
}

bool ufi_partial_known(const uf_shape *shape) {
  for (int32_t d = 0; d < shape->rank; d++) {
    if (shape->dims[d] < 0) return false;
  }
  return shape->rank >= 0;
}

bool ufi_partial_merge(uf_shape *shape, int32_t rank, const int64_t *dims) {
  if (rank < 0) return true;
  if (shape->rank < 0) {
    *shape = ufi_partial(rank, dims);
    return true;
  }
  if (shape->rank != rank) return false;
  for (int32_t d = 0; d < rank; d++) {
    if (shape->dims[d] >= 0 && dims[d] >= 0 && shape->dims[d] != dims[d]) return false;
  }
  for (int32_t d = 0; d < rank; d++) {
    if (shape->dims[d] < 0) shape->dims[d] = dims[d];
  }
  return true;
}
