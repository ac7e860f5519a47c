/* SPDX-License-Identifier: Apache-2.0
 *
 * variant_math.c: AddN and ZerosLike of lists, which gradients of loops are made of.
 */
#include "ops/variable.h"
#include "ops/variant.h"

uf_status ufi_variant_math_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_in; i++) UFI_TRY(ufi_want_in(ctx, i, UF_VARIANT, UF_INVALID));
  return ufi_out_dtype(ctx, 0, UF_VARIANT); /* without a shape: what it is depends on more than shapes */
}

static uf_status zeros_item(ufi_ctx *ctx, ufi_variant *list, int64_t i) {
  const uf_tensor *t = ufi_items_at(&list->items, i);
  uf_tensor zeros;
  if (t == NULL) return UF_OK;
  if (t->dtype == UF_VARIANT) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a list of numbers, found one of variants");
  UFI_TRY(ufi_new_tensor(ctx, t->dtype, t->rank, t->dims, &zeros));
  uf_status status = ufi_items_set(&list->items, i, &zeros, true, ctx->error);
  uf_tensor_release(&zeros);
  return status;
}

static uf_status add_item(ufi_ctx *ctx, ufi_variant *sum, const ufi_variant *other, int64_t i) {
  const uf_tensor *a = ufi_items_at(&sum->items, i), *b = ufi_items_at(&other->items, i);
  uf_tensor t;
  if (b == NULL) return UF_OK;
  if (a == NULL) return ufi_items_set(&sum->items, i, b, true, ctx->error);
  bool fits = a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
  if (!fits || !ufi_update_takes(UFI_UPDATE_ADD, a->dtype)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected lists of numbers of equal shapes to add, found others in element %lld", (long long)i);
  }
  UFI_TRY(ufi_tensor_keep(a, false, &t, ctx->error));
  ufi_update_run(UFI_UPDATE_ADD, t.dtype, t.data, b->data, uf_tensor_count(&t), 1);
  uf_status status = ufi_items_set(&sum->items, i, &t, true, ctx->error);
  uf_tensor_release(&t);
  return status;
}

/* Lists at position p of all inputs added up; or zeros like the only one. */
static uf_status make(ufi_ctx *ctx, int64_t p, bool zeros, ufi_variant **out) {
  const ufi_variant *first = ((ufi_variant *const *)ctx->in[0]->data)[p];
  if (first == NULL || first->kind != UFI_VARIANT_LIST) return ufi_ctx_fail(ctx, UF_UNIMPLEMENTED, "expected a TensorList, found another variant");
  *out = ufi_variant_copy(first);
  if (*out == NULL) return ufi_no_memory(ctx->error, sizeof **out);
  for (int64_t i = 0; zeros && first->items.root && i < first->items.n; i++) UFI_TRY(zeros_item(ctx, *out, i));
  for (int32_t k = 1; k < ctx->n_in && !zeros; k++) {
    const ufi_variant *v = ((ufi_variant *const *)ctx->in[k]->data)[p];
    if (v == NULL || v->kind != UFI_VARIANT_LIST || v->dtype != first->dtype || v->items.n != first->items.n) {
      return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Trying to add two lists of tensors of different lengths or dtypes: expected %lld elements of %s, found others",
                          (long long)first->items.n, uf_dtype_name(first->dtype));
    }
    for (int64_t i = 0; v->items.root && i < v->items.n; i++) UFI_TRY(add_item(ctx, *out, v, i));
  }
  return UF_OK;
}

uf_status ufi_variant_math_eval(ufi_ctx *ctx, bool zeros) {
  const ufi_tensor *in = ctx->in[0];
  uf_status status = UF_OK;
  for (int32_t k = 1; k < ctx->n_in; k++) {
    if (ctx->in[k]->count != in->count) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected inputs of one shape, found others");
  }
  ufi_variant **made = ufi_calloc((size_t)in->count + 1, sizeof *made);
  if (made == NULL) return ufi_no_memory(ctx->error, (size_t)in->count);
  for (int64_t p = 0; status == UF_OK && p < in->count; p++) status = make(ctx, p, zeros, &made[p]);
  if (status == UF_OK) status = ufi_out_variants(ctx, 0, in->rank, in->dims, made);
  for (int64_t p = 0; p < in->count; p++) ufi_variant_release(made[p]);
  ufi_free(made);
  return status;
}
