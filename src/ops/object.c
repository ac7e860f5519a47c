/* SPDX-License-Identifier: Apache-2.0
 *
 * object.c: objects behind handles, see object.h; stacks; mutexes, which nobody ever waits for since a
 * session runs one op at a time.
 */
#include "ops/object.h"

#include "ops/host.h"
#include "ops/variable.h"

uf_status ufi_object_add(ufi_ctx *ctx, int32_t i, const ufi_object_type *type, const char *name, void *object, int64_t *id_out) {
  ufi_store *store = ufi_host_store(ctx);
  uf_tensor handle = {.dtype = UF_RESOURCE, .size = sizeof(int64_t)};
  int64_t id;
  uf_status status = ufi_store_add(store, UFI_STATE_OBJECT, name, &id, ctx->error);
  if (status != UF_OK) {
    type->release(object);
    return status;
  }
  ufi_resource *r = ufi_store_at(store, id);
  r->type = type;
  r->object = object;
  status = ufi_store_own(store, id, &handle.buf, ctx->error);
  if (status != UF_OK) {
    ufi_store_remove(store, id);
    return status;
  }
  handle.data = uf_buf_data(handle.buf);
  status = ufi_host_out_share(ctx, i, &handle);
  uf_tensor_release(&handle);
  *id_out = id;
  return status;
}

uf_status ufi_object_in(ufi_ctx *ctx, const ufi_object_type *type, void **out, ufi_resource **resource_out) {
  const ufi_tensor *handle = ctx->in[0];
  UFI_TRY(ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID));
  ufi_resource *r = handle->count == 1 ? ufi_store_at(ufi_host_store(ctx), *(const int64_t *)handle->data) : NULL;
  if (r && r->type == type && r->object) {
    *out = r->object;
    if (resource_out) *resource_out = r;
    return UF_OK;
  }
  if (r && r->type == type) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "%s '%s' has already been closed: expected an open one", type->name, r->name);
  }
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a handle of a %s in '%s', found one of %s", type->name, handle->name,
                      r ? "something else" : "something that is gone");
}

uf_tensor ufi_tensor_rows(const uf_tensor *t, int64_t at, int64_t n) {
  uf_tensor part = *t;
  size_t size = t->dims[0] ? t->size / (size_t)t->dims[0] : 0;
  part.data = (char *)t->data + (size_t)at * size;
  part.size = n < 0 ? size : (size_t)n * size;
  if (n >= 0) {
    part.dims[0] = n;
    return part;
  }
  part.rank--;
  memmove(part.dims, part.dims + 1, (size_t)part.rank * sizeof part.dims[0]);
  return part;
}

uf_status ufi_keep_in(ufi_ctx *ctx, int32_t i, uf_tensor *out) {
  uf_tensor view = ufi_view(ctx->in[i]);
  return ufi_tensor_keep(&view, ufi_may_share(ctx->in[i]), out, ctx->error);
}

/* ---- stacks ----------------------------------------------------------------------- */

typedef struct stack {
  uf_dtype dtype;
  int64_t max; /* negative: no limit */
  ufi_items items;
} stack;

static void stack_release(void *object) {
  ufi_items_release(&((stack *)object)->items);
  ufi_free(object);
}

static void *stack_clone(const void *object) {
  const stack *from = object;
  stack *s = ufi_malloc(sizeof *s);
  if (s == NULL) return NULL;
  *s = *from;
  s->items = ufi_items_copy(&from->items);
  return s;
}

static const ufi_object_type stack_type = {"stack", stack_release, stack_clone};

typedef struct stack_attrs {
  uf_dtype dtype;
  const char *name;
} stack_attrs;

static uf_status stack_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  stack_attrs *a = attrs;
  a->dtype = ufi_tf_dtype(from, "elem_type");
  a->name = ufi_tf_text(from, "stack_name");
  if (a->name[0] == 0) a->name = from->name;
  return UF_OK;
}

static uf_status handle_infer(ufi_ctx *ctx) { return ufi_out_dtype(ctx, 0, UF_RESOURCE); }

static uf_status stack_eval(ufi_ctx *ctx) {
  const stack_attrs *a = ctx->attrs;
  int64_t max = -1, id;
  int32_t n;
  if (ctx->n_in) UFI_TRY(ufi_read_ints(ctx, ctx->in[0], &max, 1, &n));
  stack *s = ufi_calloc(1, sizeof *s);
  if (s == NULL) return ufi_no_memory(ctx->error, sizeof *s);
  s->dtype = a->dtype;
  s->max = max;
  return ufi_object_add(ctx, 0, &stack_type, a->name, s, &id);
}

static uf_status stack_push_infer(ufi_ctx *ctx) { return ctx->running ? UF_OK : ufi_out_like(ctx, 0, ctx->in[1]); }

static uf_status stack_push_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  stack *s = NULL;
  uf_tensor t;
  UFI_TRY(ufi_object_in(ctx, &stack_type, (void **)&s, &r));
  if (ctx->in[1]->dtype != s->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected elements of %s for stack '%s', found %s", uf_dtype_name(s->dtype), r->name,
                        uf_dtype_name(ctx->in[1]->dtype));
  }
  if (s->max >= 0 && s->items.n >= s->max) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Stack[%s] overflowed its max_size (%lld): expected fewer elements", r->name, (long long)s->max);
  }
  UFI_TRY(ufi_keep_in(ctx, 1, &t));
  uf_status status = ufi_items_push(&s->items, &t, true, ctx->error);
  if (status == UF_OK) status = ufi_host_out_share(ctx, 0, &t);
  uf_tensor_release(&t);
  return status;
}

static uf_status stack_pop_infer(ufi_ctx *ctx) { return ufi_want_in(ctx, 0, UF_RESOURCE, UF_INVALID); }

static uf_status stack_pop_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  stack *s = NULL;
  UFI_TRY(ufi_object_in(ctx, &stack_type, (void **)&s, &r));
  const uf_tensor *t = ufi_items_at(&s->items, s->items.n - 1);
  if (t == NULL) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Stack[%s] is empty when calling Pop(): expected an element, found none", r->name);
  if (ctx->out[0]->dtype != t->dtype) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an element of %s, found %s", uf_dtype_name(ctx->out[0]->dtype), uf_dtype_name(t->dtype));
  }
  UFI_TRY(ufi_host_out_share(ctx, 0, t));
  return ufi_items_resize(&s->items, s->items.n - 1, ctx->error);
}

static uf_status stack_close_eval(ufi_ctx *ctx) {
  ufi_resource *r = NULL;
  void *s = NULL;
  UFI_TRY(ufi_object_in(ctx, &stack_type, &s, &r));
  ufi_resource_clear(r);
  return UF_OK;
}

const ufi_op_def ufi_op_STACK = {.attrs_size = sizeof(stack_attrs), .attrs_tf = stack_tf, .infer = handle_infer, .eval = stack_eval};
const ufi_op_def ufi_op_STACK_PUSH = {.infer = stack_push_infer, .eval = stack_push_eval};
const ufi_op_def ufi_op_STACK_POP = {.infer = stack_pop_infer, .eval = stack_pop_eval};
const ufi_op_def ufi_op_STACK_CLOSE = {.infer = stack_pop_infer, .eval = stack_close_eval};

/* ---- mutexes ------------------------------------------------------------------------- */

static uf_status mutex_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ufi_handle_attrs *a = attrs;
  a->kind = UFI_STATE_OBJECT;
  a->rank = -1;
  a->container = ufi_tf_text(from, "container");
  a->name = ufi_tf_text(from, "shared_name");
  if (a->name[0] == 0) a->name = from->name;
  return UF_OK;
}

const ufi_op_def ufi_op_MUTEX = {
  .attrs_size = sizeof(ufi_handle_attrs), .attrs_tf = mutex_tf, .infer = ufi_handle_infer, .eval = ufi_handle_eval,
};
