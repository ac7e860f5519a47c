/* SPDX-License-Identifier: Apache-2.0
 *
 * variable.c: resource variables: handles, reads, writes. TFLite and
 * TensorFlow name a variable by (container, shared_name); handles are ids in
 * the session's store (ops/resource.h). Hash tables are in table_ops.c.
 */
#include "ops/variable.h"

#include "ops/host.h"
#include "ops/table.h"

/* ---- handles ------------------------------------------------------------- */

static const char *attr_text(const ufi_tf_attrs *from, const char *name) {
  const uf_attr *attr = ufi_tf_attr(from, name);
  return attr && attr->kind == UF_ATTR_STRING && attr->s ? attr->s : "";
}

static uf_dtype attr_dtype(const ufi_tf_attrs *from, const char *name) {
  const uf_attr *attr = ufi_tf_attr(from, name);
  bool good = attr && attr->kind == UF_ATTR_DTYPE && attr->i > UF_INVALID && attr->i < UF_DTYPE_COUNT;
  return good ? (uf_dtype)attr->i : UF_INVALID;
}

static uf_status var_handle_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  a->kind = UF_STATE_VARIABLE;
  a->rank = -1;
  a->container = ufi_fb_string(&from->options, 0);
  a->name = ufi_fb_string(&from->options, 1);
  return UF_OK;
}

static uf_status var_handle_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "shape");
  a->kind = UF_STATE_VARIABLE;
  a->container = attr_text(from, "container");
  a->name = attr_text(from, "shared_name");
  if (a->name[0] == 0) a->name = from->name; /* as TensorFlow: the node's own name */
  a->dtype = attr_dtype(from, "dtype");
  a->rank = shape && shape->kind == UF_ATTR_SHAPE ? shape->rank : -1;
  for (int32_t d = 0; d < a->rank; d++) a->dims[d] = shape->dims[d];
  return UF_OK;
}

uf_status ufi_handle_declare(ufi_store *store, const ufi_handle_attrs *a, int64_t *id_out, uf_error *error) {
  UFI_TRY(ufi_store_declare(store, a->kind, a->container, a->name, id_out, error));
  ufi_resource *r = ufi_store_at(store, *id_out);
  if (r->dtype == UF_INVALID) r->dtype = a->dtype;
  if (r->key_dtype == UF_INVALID) r->key_dtype = a->key_dtype;
  if (r->rank < 0 && a->rank >= 0) {
    r->rank = a->rank;
    memcpy(r->dims, a->dims, sizeof r->dims);
  }
  return a->kind == UF_STATE_TABLE ? ufi_table_declared(r, a->dtype, a->key_dtype, a->table_kind, error) : UF_OK;
}

uf_status ufi_handle_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_RESOURCE));
  ufi_tensor *out = ctx->out[0];
  int64_t one = 1; /* files say shape () or (1) for a handle */
  return ufi_out_shape(ctx, 0, out->rank == 1 ? 1 : 0, &one);
}

uf_status ufi_handle_eval(ufi_ctx *ctx) {
  return ufi_handle_declare(ufi_host_store(ctx), ctx->attrs, ctx->out[0]->data, ctx->error);
}

const ufi_op_def ufi_op_VAR_HANDLE = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tflite = var_handle_tflite, .attrs_tf = var_handle_tf,
  .infer = ufi_handle_infer, .eval = ufi_handle_eval,
};

/* The resource that input 0 points to. */
uf_status ufi_resource_of(ufi_ctx *ctx, uf_state_kind kind, ufi_resource **out) {
  const ufi_tensor *handle = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  ufi_resource *r = handle->count == 1 ? ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data) : NULL;
  if (r && r->kind == kind) {
    *out = r;
    return UF_OK;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a handle of a %s in '%s', found %s",
                      kind == UF_STATE_TABLE ? "table" : "variable", handle->name,
                      r ? "one of the other kind" : "one that names nothing");
}

/* ---- variables ------------------------------------------------------------- */

/* The shape is the variable's own when it has a value, else what the file says
 * the output is; eval copes when the value turns out otherwise. */
static uf_status read_infer(ufi_ctx *ctx) {
  ufi_tensor *out = ctx->out[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  if (ufi_known(ctx, 0)) {
    ufi_resource *r;
    UFI_TRY(ufi_resource_of(ctx, UF_STATE_VARIABLE, &r));
    if (out->dtype == UF_INVALID) out->dtype = r->dtype;
    if (r->initialized && r->value.dtype == out->dtype && !ctx->running) {
      return ufi_out_shape(ctx, 0, r->value.rank, r->value.dims);
    }
  }
  return out->rank > 0 && !ctx->running && out->dtype != UF_INVALID ? ufi_out_like(ctx, 0, out) : UF_OK;
}

static uf_status read_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  uf_tensor value;
  char text[256];
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_VARIABLE, &r));
  UFI_TRY(ufi_variable_read(r, &value, ctx->error));
  uf_status status;
  if (ctx->out[0]->dtype != UF_INVALID && ctx->out[0]->dtype != value.dtype) {
    status = ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected %s of dtype %s as output '%s' is, found %s",
                          ufi_resource_text(r, text), uf_dtype_name(ctx->out[0]->dtype), ctx->out[0]->name,
                          uf_dtype_name(value.dtype));
  } else {
    status = ufi_host_out_share(ctx, 0, &value);
  }
  uf_tensor_release(&value);
  return status;
}

static uf_status assign_infer(ufi_ctx *ctx) { return ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID); }

static uf_status assign_eval(ufi_ctx *ctx) {
  const ufi_tensor *in = ctx->in[1];
  ufi_resource *r = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_VARIABLE, &r));
  if (in == NULL) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value to assign, found none");
  uf_tensor view = ufi_view(in);
  return ufi_variable_assign(r, &view, in->buf && !in->in_arena && !in->is_state, ctx->error);
}

static uf_status initialized_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_BOOL));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status initialized_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  UFI_TRY(ufi_resource_of(ctx, UF_STATE_VARIABLE, &r));
  *(bool *)ctx->out[0]->data = r->initialized;
  return UF_OK;
}

const ufi_op_def ufi_op_READ_VARIABLE = {.infer = read_infer, .eval = read_eval};
const ufi_op_def ufi_op_ASSIGN_VARIABLE = {.infer = assign_infer, .eval = assign_eval};
const ufi_op_def ufi_op_VAR_IS_INITIALIZED = {.infer = initialized_infer, .eval = initialized_eval};
