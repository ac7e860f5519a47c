/* SPDX-License-Identifier: Apache-2.0
 *
 * variable.c: variables as ops: handles, reads, assignments, counting, what frees them.
 *
 * A variable is named by (container, shared_name). Handles are ids in the session's store
 * (ops/resource.h). A reference of TensorFlow 1 is the same kind of handle: ops that take one give it
 * back as output 0, and a read stands before whatever wants the value.
 */
#include "ops/variable.h"

#include <stdio.h>

#include "ops/host.h"
#include "ops/table.h"
#include "ops/variant.h"

/* ---- handles ------------------------------------------------------------- */

static uf_status var_handle_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  a->kind = UF_STATE_VARIABLE;
  a->rank = -1;
  a->container = ufi_fb_string(&from->options, 0);
  a->name = ufi_fb_string(&from->options, 1);
  return UF_OK;
}

/* The shared_name that TensorFlow gives to variables that their handle owns. */
static const char anonymous[] = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/* Of VarHandleOp, Variable, VariableV2 and TemporaryVariable. */
static uf_status var_handle_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "shape");
  bool temporary = strcmp(from->op, "TemporaryVariable") == 0;
  a->kind = UF_STATE_VARIABLE;
  a->is_ref = strcmp(from->op, "VarHandleOp") != 0;
  a->container = temporary ? "temporary" : ufi_tf_text(from, "container");
  a->name = ufi_tf_text(from, temporary ? "var_name" : "shared_name");
  a->is_anonymous = strcmp(a->name, anonymous) == 0;
  if (a->is_anonymous) a->name = ufi_tf_text(from, "debug_name");
  if (a->name[0] == 0) a->name = from->name; /* as TensorFlow: the node's own name */
  a->dtype = ufi_tf_dtype(from, "dtype");
  a->rank = shape && shape->kind == UF_ATTR_SHAPE ? shape->rank : -1;
  /* Variable, of TensorFlow 0.x, wrote an unknown shape as one without dimensions */
  if (strcmp(from->op, "Variable") == 0 && a->rank == 0) a->rank = -1;
  for (int32_t d = 0; d < a->rank; d++) a->dims[d] = shape->dims[d];
  return UF_OK;
}

static void declare(ufi_resource *r, const ufi_handle_attrs *a) {
  if (r->dtype == UF_INVALID) r->dtype = a->dtype;
  if (r->key_dtype == UF_INVALID) r->key_dtype = a->key_dtype;
  r->is_ref = a->is_ref;
  if (r->rank < 0 && a->rank >= 0) {
    r->rank = a->rank;
    memcpy(r->dims, a->dims, sizeof r->dims);
  }
}

uf_status ufi_handle_declare(ufi_store *store, const ufi_handle_attrs *a, int64_t *id_out, uf_error *error) {
  UFI_TRY(ufi_store_declare(store, a->kind, a->container, a->name, id_out, error));
  ufi_resource *r = ufi_store_at(store, *id_out);
  declare(r, a);
  return a->kind == UF_STATE_TABLE ? ufi_table_declared(r, a->dtype, a->key_dtype, a->table_kind, error) : UF_OK;
}

uf_status ufi_handle_infer(ufi_ctx *ctx) {
  const ufi_handle_attrs *a = ctx->attrs;
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_RESOURCE));
  int64_t one = 1; /* files say shape () or (1) for a variable's handle */
  return ufi_out_shape(ctx, 0, a->is_vector || ctx->out[0]->rank == 1 ? 1 : 0, &one);
}

uf_status ufi_handle_eval(ufi_ctx *ctx) {
  return ufi_handle_declare(ufi_host_store(ctx), ctx->attrs, ctx->out[0]->data, ctx->error);
}

/* A new resource of this name, which the handle in output 0 owns. */
static uf_status anonymous_eval(ufi_ctx *ctx) {
  const ufi_handle_attrs *a = ctx->attrs;
  ufi_store *store = ufi_host_store(ctx);
  uf_tensor handle = {.dtype = UF_RESOURCE, .size = sizeof(int64_t)};
  int64_t id;
  UFI_TRY(ufi_store_add(store, a->kind, a->name, &id, ctx->error));
  declare(ufi_store_at(store, id), a);
  uf_status status = ufi_store_own(store, id, &handle.buf, ctx->error);
  if (status != UF_OK) {
    ufi_store_remove(store, id);
    return status;
  }
  handle.data = uf_buf_data(handle.buf);
  status = ufi_host_out_share(ctx, 0, &handle);
  uf_tensor_release(&handle);
  return status;
}

static uf_status var_handle_eval(ufi_ctx *ctx) {
  const ufi_handle_attrs *a = ctx->attrs;
  return a->is_anonymous ? anonymous_eval(ctx) : ufi_handle_eval(ctx);
}

/* One that is made anew each time must not look like a constant. */
static uf_status var_handle_infer(ufi_ctx *ctx) {
  const ufi_handle_attrs *a = ctx->attrs;
  return a->is_anonymous ? ufi_out_dtype(ctx, 0, UF_RESOURCE) : ufi_handle_infer(ctx);
}

const ufi_op_def ufi_op_VAR_HANDLE = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tflite = var_handle_tflite, .attrs_tf = var_handle_tf,
  .infer = var_handle_infer, .eval = var_handle_eval,
};

/* Several at once: _VarHandlesOp. */
typedef struct handles_attrs {
  int32_t n;
  ufi_handle_attrs *each;
} handles_attrs;

static uf_status var_handles_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  handles_attrs *a = attrs;
  const uf_attr *containers = ufi_tf_attr(from, "containers"), *names = ufi_tf_attr(from, "shared_names");
  const uf_attr *shapes = ufi_tf_attr(from, "shapes");
  int32_t n_dtypes;
  const int64_t *dtypes = ufi_tf_ints(from, "dtypes", &n_dtypes);
  a->n = (int32_t)ufi_tf_int(from, "N");
  bool good = containers && names && shapes && containers->n == a->n && names->n == a->n && shapes->n == a->n &&
              n_dtypes == a->n && a->n >= 0;
  if (!good) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %d containers, names, shapes and dtypes, found others", (int)a->n);
  a->each = ufi_arena_array(from->arena, (size_t)a->n + 1, sizeof *a->each);
  if (a->each == NULL) return ufi_no_memory(error, sizeof *a->each);
  for (int32_t i = 0; i < a->n; i++) {
    ufi_handle_attrs *h = &a->each[i];
    *h = (ufi_handle_attrs){.kind = UF_STATE_VARIABLE, .container = containers->strings[i].data,
                            .name = names->strings[i].data, .dtype = (uf_dtype)dtypes[i], .rank = shapes->shapes[i].rank};
    memcpy(h->dims, shapes->shapes[i].dims, sizeof h->dims);
  }
  return UF_OK;
}

static uf_status var_handles_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out; i++) {
    UFI_TRY(ufi_out_dtype(ctx, i, UF_RESOURCE));
    UFI_TRY(ufi_out_shape(ctx, i, 0, NULL));
  }
  return UF_OK;
}

static uf_status var_handles_eval(ufi_ctx *ctx) {
  const handles_attrs *a = ctx->attrs;
  for (int32_t i = 0; i < ctx->n_out && i < a->n; i++) {
    UFI_TRY(ufi_handle_declare(ufi_host_store(ctx), &a->each[i], ctx->out[i]->data, ctx->error));
  }
  return UF_OK;
}

const ufi_op_def ufi_op_VAR_HANDLES = {
  .attrs_size = sizeof(handles_attrs), .attrs_tf = var_handles_tf, .infer = var_handles_infer, .eval = var_handles_eval,
};

uf_status ufi_want_handle(ufi_ctx *ctx, int32_t i) {
  char text[512];
  UFI_TRY(ufi_want_in(ctx, i, UF_RESOURCE, UF_INVALID));
  if (ctx->in[i]->count == 1 || !ctx->in[i]->shape_known) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a handle of one element, found %s", ufi_tensor_text(ctx->in[i], text));
}

static uf_status resource_in(ufi_ctx *ctx, int32_t i, uf_state_kind kind, ufi_resource **out) {
  const ufi_tensor *handle = ufi_in(ctx, i);
  UFI_TRY(ufi_want_in(ctx, i, UF_RESOURCE, UF_INVALID));
  ufi_resource *r = handle->count == 1 ? ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data) : NULL;
  if (r && r->kind == kind) {
    *out = r;
    return UF_OK;
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a handle of a %s in '%s', found %s",
                      kind == UF_STATE_TABLE ? "table" : "variable", handle->name,
                      r ? "one of the other kind" : "one that names nothing");
}

uf_status ufi_resource_of(ufi_ctx *ctx, uf_state_kind kind, ufi_resource **out) { return resource_in(ctx, 0, kind, out); }
uf_status ufi_variable_in(ufi_ctx *ctx, int32_t i, ufi_resource **out) { return resource_in(ctx, i, UF_STATE_VARIABLE, out); }

uf_status ufi_handle_pass_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_handle(ctx, 0));
  if (ctx->n_out == 0) return UF_OK;
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_RESOURCE));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

void ufi_handle_pass(ufi_ctx *ctx) {
  if (ctx->n_out) memcpy(ctx->out[0]->data, ctx->in[0]->data, sizeof(int64_t));
}

uf_status ufi_out_fresh(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims, void **data_out) {
  ufi_tensor *out = ctx->out[i];
  bool planned = out->shape_known && out->data && out->rank == rank &&
                 (rank == 0 || memcmp(out->dims, dims, (size_t)rank * sizeof *dims) == 0);
  if (!planned && ctx->is_dynamic) {
    UFI_TRY(ufi_out_shape(ctx, i, rank, dims));
  } else if (!planned) {
    uf_tensor t = {.dtype = out->dtype, .rank = rank};
    for (int32_t d = 0; d < rank; d++) t.dims[d] = dims[d];
    ufi_tensor probe = *out; /* the checks of ufi_out_shape, without giving memory */
    bool running = ctx->running;
    ctx->running = false;
    ctx->out[i] = &probe;
    uf_status status = ufi_out_shape(ctx, i, rank, dims);
    ctx->out[i] = out;
    ctx->running = running;
    UFI_TRY(status);
    UFI_TRY(ufi_tensor_memory(&t, ctx->error));
    status = ufi_host_out_share(ctx, i, &t);
    uf_tensor_release(&t);
    UFI_TRY(status);
  }
  *data_out = ctx->out[i]->data;
  return UF_OK;
}

/* ---- reading ------------------------------------------------------------------ */

/* The variable behind a handle that is given anew for every run: its shape is what to plan for. */
static ufi_resource *given_variable(ufi_ctx *ctx, int32_t i, uf_dtype dtype) {
  const ufi_tensor *handle = ctx->in[i];
  if (ctx->running || !handle->is_given || handle->count != 1 || !handle->data) return NULL;
  ufi_resource *r = ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data);
  return r && r->kind == UF_STATE_VARIABLE && r->initialized && r->value.dtype == dtype ? r : NULL;
}

/* The shape of output o is the variable's own when it has a value, else what the file says
 * the output is; eval copes when the value turns out otherwise. */
static uf_status read_one_infer(ufi_ctx *ctx, int32_t i) {
  ufi_tensor *out = ctx->out[i];
  UFI_TRY(ufi_want_handle(ctx, i));
  if (ufi_known(ctx, i)) {
    ufi_resource *r = NULL;
    UFI_TRY(ufi_variable_in(ctx, i, &r));
    if (out->dtype == UF_INVALID) out->dtype = r->dtype;
    if (r->initialized && r->value.dtype == out->dtype && !ctx->running) {
      return ufi_out_shape(ctx, i, r->value.rank, r->value.dims);
    }
  }
  const ufi_resource *given = given_variable(ctx, i, out->dtype);
  if (given) return ufi_out_shape(ctx, i, given->value.rank, given->value.dims);
  return out->rank > 0 && !ctx->running && out->dtype != UF_INVALID ? ufi_out_like(ctx, i, out) : UF_OK;
}

static uf_status read_one(ufi_ctx *ctx, int32_t i) {
  ufi_resource *r = NULL;
  uf_tensor value;
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, i, &r));
  UFI_TRY(ufi_variable_read(r, &value, ctx->error));
  uf_status status;
  if (ctx->out[i]->dtype != UF_INVALID && ctx->out[i]->dtype != value.dtype) {
    status = ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s of dtype %s as output '%s' is, found %s",
                          ufi_resource_text(r, text), uf_dtype_name(ctx->out[i]->dtype), ctx->out[i]->name,
                          uf_dtype_name(value.dtype));
  } else {
    status = ufi_host_out_share(ctx, i, &value);
  }
  uf_tensor_release(&value);
  return status;
}

static uf_status read_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out && i < ctx->n_in; i++) UFI_TRY(read_one_infer(ctx, i));
  return UF_OK;
}

static uf_status read_eval(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out && i < ctx->n_in; i++) UFI_TRY(read_one(ctx, i));
  return UF_OK;
}

static uf_status initialized_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(ufi_out_dtype(ctx, 0, UF_BOOL));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

/* A handle of a variable that is gone is one of a variable without a value. */
static uf_status initialized_eval(ufi_ctx *ctx) {
  const ufi_tensor *handle = ctx->in[0];
  const ufi_resource *r = handle->count == 1 ? ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data) : NULL;
  *(bool *)ctx->out[0]->data = r && r->initialized;
  return UF_OK;
}

static uf_status shape_infer(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  if (!ufi_known(ctx, 0) || ctx->running) return UF_OK;
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  int64_t rank = r->initialized ? r->value.rank : r->rank;
  return rank >= 0 ? ufi_out_shape(ctx, 0, 1, &rank) : UF_OK;
}

static uf_status shape_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  void *data;
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  int64_t rank = r->value.rank;
  UFI_TRY(ufi_out_fresh(ctx, 0, 1, &rank, &data));
  for (int32_t d = 0; d < rank; d++) {
    if (ctx->out[0]->dtype == UF_INT64) ((int64_t *)data)[d] = r->value.dims[d];
    else ((int32_t *)data)[d] = (int32_t)r->value.dims[d];
  }
  return UF_OK;
}

const ufi_op_def ufi_op_READ_VARIABLE = {.infer = read_infer, .eval = read_eval};
const ufi_op_def ufi_op_VAR_IS_INITIALIZED = {.infer = initialized_infer, .eval = initialized_eval};
const ufi_op_def ufi_op_VARIABLE_SHAPE = {.infer = shape_infer, .eval = shape_eval};

/* ---- assigning ----------------------------------------------------------------- */

typedef struct assign_attrs {
  bool validate_shape, is_ref, is_tf;
  ufi_update update;
} assign_attrs;

static uf_status assign_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  assign_attrs *a = attrs;
  a->is_tf = true;
  a->validate_shape = ufi_tf_bool(from, "validate_shape");
  a->is_ref = strcmp(from->op, "Assign") == 0;
  a->update = strncmp(from->op, "AssignAdd", 9) == 0 ? UFI_UPDATE_ADD : UFI_UPDATE_SUB;
  return UF_OK;
}

static uf_status assign_tflite(const ufi_tflite_attrs *from, void *attrs, uf_error *error) { return UF_OK; }

static bool same_dims(const uf_tensor *a, const ufi_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

static uf_status wrong_shape_tf(ufi_ctx *ctx, const ufi_resource *r) {
  const ufi_tensor *in = ctx->in[1];
  char text[256], want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a value of shape %s for %s, found %s",
                      ufi_shape_text(r->value.rank, r->value.dims, want), ufi_resource_text(r, text),
                      ufi_shape_text(in->rank, in->dims, found));
}

static uf_status check_value_tf(ufi_ctx *ctx, const ufi_resource *r) {
  const ufi_tensor *in = ctx->in[1];
  if (r->dtype == UF_INVALID || r->dtype == in->dtype) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Variable and value dtypes don't match; expected %s, found %s", uf_dtype_name(r->dtype),
                      uf_dtype_name(in->dtype));
}

static uf_status assign_eval(ufi_ctx *ctx) {
  const assign_attrs *a = ctx->attrs;
  const ufi_tensor *in = ufi_in(ctx, 1);
  ufi_resource *r = NULL;
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  if (a->is_tf) UFI_TRY(check_value_tf(ctx, r));
  else r->dtype = UF_INVALID; /* in TFLite, whatever is assigned */
  if (a->validate_shape && r->initialized && !same_dims(&r->value, in)) return wrong_shape_tf(ctx, r);
  if (a->is_ref && !a->validate_shape) r->rank = -1; /* as it is told: from now on any shape */
  uf_tensor view = ufi_view(in);
  UFI_TRY(ufi_variable_assign(r, &view, ufi_may_share(in), ctx->error));
  ufi_handle_pass(ctx);
  return UF_OK;
}

static uf_status assign_update_tf(ufi_ctx *ctx) {
  const assign_attrs *a = ctx->attrs;
  const ufi_tensor *in = ctx->in[1];
  ufi_resource *r = NULL;
  uf_tensor *value;
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  if (r->value.dtype != in->dtype || !ufi_update_takes(a->update, in->dtype)) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected numbers of %s for %s, found %s", uf_dtype_name(r->value.dtype),
                        ufi_resource_text(r, text), uf_dtype_name(in->dtype));
  }
  if (!same_dims(&r->value, in)) return wrong_shape_tf(ctx, r);
  UFI_TRY(ufi_variable_writable(r, &value, ctx->error));
  ufi_update_run(a->update, in->dtype, value->data, in->data, in->count, 1);
  ufi_handle_pass(ctx);
  return UF_OK;
}

const ufi_op_def ufi_op_ASSIGN_VARIABLE = {
  .attrs_size = sizeof(assign_attrs), .attrs_tflite = assign_tflite, .attrs_tf = assign_tf,
  .infer = ufi_handle_pass_infer, .eval = assign_eval,
};
const ufi_op_def ufi_op_ASSIGN_UPDATE = {
  .attrs_size = sizeof(assign_attrs), .attrs_tf = assign_tf, .infer = ufi_handle_pass_infer, .eval = assign_update_tf,
};

/* ---- counting --------------------------------------------------------------------- */

typedef struct count_attrs {
  int64_t limit;
} count_attrs;

static uf_status count_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((count_attrs *)attrs)->limit = ufi_tf_int(from, "limit");
  return UF_OK;
}

static uf_status count_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  UFI_TRY(ufi_want_out(ctx, 0, UF_INT32, UF_INT64, UF_INVALID));
  return ufi_out_shape(ctx, 0, 0, NULL);
}

static uf_status count_tf_eval(ufi_ctx *ctx) {
  const count_attrs *a = ctx->attrs;
  ufi_resource *r = NULL;
  uf_tensor *value;
  char text[256];
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  UFI_TRY(ufi_variable_check(r, ctx->error));
  if (r->value.rank != 0 || r->value.dtype != ctx->out[0]->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected %s to be a scalar of %s, found one of %s and rank %d",
                        ufi_resource_text(r, text), uf_dtype_name(ctx->out[0]->dtype), uf_dtype_name(r->value.dtype), (int)r->value.rank);
  }
  bool wide = r->value.dtype == UF_INT64;
  int64_t now = wide ? *(const int64_t *)r->value.data : *(const int32_t *)r->value.data;
  if (now >= a->limit) {
    return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "Reached limit of %lld: expected %s below it, found %lld", (long long)a->limit,
                        ufi_resource_text(r, text), (long long)now);
  }
  UFI_TRY(ufi_variable_writable(r, &value, ctx->error));
  memcpy(ctx->out[0]->data, value->data, value->size);
  if (wide) *(int64_t *)value->data = now + 1;
  else *(int32_t *)value->data = (int32_t)(now + 1);
  return UF_OK;
}

const ufi_op_def ufi_op_COUNT_UP_TO = {
  .attrs_size = sizeof(count_attrs), .attrs_tf = count_tf, .infer = count_infer, .eval = count_tf_eval,
};

/* ---- making and freeing ---------------------------------------------------------------- */

/* A temporary variable has memory, and so a value, from the start; ours is zeros. */
static uf_status temporary_eval(ufi_ctx *ctx) {
  UFI_TRY(ufi_handle_eval(ctx));
  ufi_resource *r = ufi_store_at(ufi_host_store(ctx), *(const int64_t *)ctx->out[0]->data);
  uf_tensor zeros = {.dtype = r->dtype, .rank = r->rank};
  if (r->initialized || r->rank < 0) return UF_OK;
  for (int32_t d = 0; d < r->rank; d++) {
    if (r->dims[d] < 0) return UF_OK;
    zeros.dims[d] = r->dims[d];
  }
  UFI_TRY(ufi_tensor_memory(&zeros, ctx->error));
  if (zeros.size) memset(zeros.data, 0, zeros.size);
  uf_status status = ufi_variable_assign(r, &zeros, true, ctx->error);
  uf_tensor_release(&zeros);
  return status;
}

static uf_status temporary_destroy_infer(ufi_ctx *ctx) { return ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID); }

static uf_status temporary_destroy_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  UFI_TRY(read_one(ctx, 0));
  UFI_TRY(ufi_variable_in(ctx, 0, &r));
  ufi_resource_clear(r);
  return UF_OK;
}

typedef struct destroy_attrs {
  bool ignore;
} destroy_attrs;

static uf_status destroy_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((destroy_attrs *)attrs)->ignore = ufi_tf_bool(from, "ignore_lookup_error");
  return UF_OK;
}

static uf_status destroy_tf_eval(ufi_ctx *ctx) {
  const destroy_attrs *a = ctx->attrs;
  const ufi_tensor *handle = ctx->in[0];
  int64_t id = handle->count == 1 ? *(const int64_t *)handle->data : -1;
  ufi_resource *r = ufi_store_at(ufi_host_store(ctx), id);
  char text[256];
  if (r == NULL || (!r->initialized && r->object == NULL)) {
    if (a->ignore) return UF_OK;
    return ufi_ctx_fail(ctx, UF_NOT_FOUND, "expected %s to exist, found that it does not",
                        r ? ufi_resource_text(r, text) : "what the handle names");
  }
  ufi_store_remove(ufi_host_store(ctx), id);
  return UF_OK;
}

const ufi_op_def ufi_op_TEMPORARY_VARIABLE = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tf = var_handle_tf, .infer = ufi_handle_infer, .eval = temporary_eval,
};
const ufi_op_def ufi_op_DESTROY_TEMPORARY_VARIABLE = {.infer = temporary_destroy_infer, .eval = temporary_destroy_eval};
const ufi_op_def ufi_op_DESTROY_RESOURCE = {
  .attrs_size = sizeof(destroy_attrs), .attrs_tf = destroy_tf, .infer = temporary_destroy_infer, .eval = destroy_tf_eval,
};
