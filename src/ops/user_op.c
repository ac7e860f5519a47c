/* SPDX-License-Identifier: Apache-2.0
 *
 * user_op.c: ops of the caller's own, see "custom ops" in unflow.h.
 *
 * A node of such an op has in ctx->kept, from its first infer to the end of its frame, what init made
 * and room for the views that prepare and eval are given. The views of outputs are made anew whenever
 * the op says a shape. What the op does wrong (a shape that is not the one it said, a status without
 * words) becomes an error in words, as what a file does wrong.
 */
#include "ops/user_op.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "format/flexbuffer.h"
#include "ops/host.h"

struct uf_ops {
  atomic_int refs;
  pthread_mutex_t lock;
  uf_op_definition **defs;   /* pointers, which models keep */
  int32_t n, capacity;
};

/* ---- the registry -------------------------------------------------------------------- */

uf_ops *uf_ops_create(void) {
  uf_ops *ops = ufi_calloc(1, sizeof *ops);
  if (ops == NULL) return NULL;
  if (pthread_mutex_init(&ops->lock, NULL) != 0) {
    ufi_free(ops);
    return NULL;
  }
  atomic_init(&ops->refs, 1);
  return ops;
}

uf_ops *uf_ops_retain(uf_ops *ops) {
  if (ops) atomic_fetch_add_explicit(&ops->refs, 1, memory_order_relaxed);
  return ops;
}

static void release_def(uf_op_definition *def, bool with_context) {
  if (with_context && def->free_context) def->free_context(def->context);
  ufi_free((void *)(uintptr_t)def->name);
  ufi_free(def);
}

void uf_ops_release(uf_ops *ops) {
  if (!ops || atomic_fetch_sub_explicit(&ops->refs, 1, memory_order_acq_rel) != 1) return;
  for (int32_t i = 0; i < ops->n; i++) release_def(ops->defs[i], true);
  ufi_free(ops->defs);
  pthread_mutex_destroy(&ops->lock);
  ufi_free(ops);
}

static const uf_op_definition *find(const uf_ops *ops, const char *name) {
  for (int32_t i = 0; i < ops->n; i++) {
    if (strcmp(ops->defs[i]->name, name) == 0) return ops->defs[i];
  }
  return NULL;
}

const uf_op_definition *ufi_user_op(const uf_ops *ops, const char *name) {
  if (!ops || !name) return NULL;
  pthread_mutex_lock(&((uf_ops *)(uintptr_t)ops)->lock);
  const uf_op_definition *def = find(ops, name);
  pthread_mutex_unlock(&((uf_ops *)(uintptr_t)ops)->lock);
  return def;
}

static uf_status check(const uf_op_definition *def, uf_error *error) {
  size_t needed = offsetof(uf_op_definition, eval) + sizeof def->eval;
  if (def->struct_size < needed) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a definition with struct_size of at least %zu, found %zu; set it to "
                    "sizeof(uf_op_definition)", needed, def->struct_size);
  }
  if (!def->name || !def->name[0]) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a definition with a name, found none");
  if (!def->eval) return ufi_fail(error, UF_INVALID_ARGUMENT, "op '%.200s': expected a definition with eval, found none", def->name);
  for (int32_t code = 0; ufi_tflite_op_name(code); code++) {
    if (strcmp(ufi_tflite_op_name(code), def->name) != 0) continue;
    return ufi_fail(error, UF_INVALID_ARGUMENT, "op '%.200s': expected the name of a custom op, found that of a builtin of TFLite, "
                    "which cannot be replaced; choose another", def->name);
  }
  return UF_OK;
}

static uf_op_definition *copy_def(const uf_op_definition *def) {
  uf_op_definition *copy = ufi_calloc(1, sizeof *copy);
  size_t size = strlen(def->name) + 1;
  char *name = ufi_malloc(size);
  if (!copy || !name) {
    ufi_free(copy);
    ufi_free(name);
    return NULL;
  }
  memcpy(copy, def, UFI_MIN(def->struct_size, sizeof *copy));
  memcpy(name, def->name, size);
  copy->name = name;
  return copy;
}

uf_status uf_op_register(uf_ops *ops, const uf_op_definition *def, uf_error *error) {
  UFI_TRY(check(def, error));
  uf_op_definition *copy = copy_def(def);
  if (!copy) return ufi_no_memory(error, sizeof *copy);
  pthread_mutex_lock(&ops->lock);
  bool is_there = find(ops, def->name) != NULL;
  bool added = !is_there && ufi_grow((void **)&ops->defs, &ops->capacity, ops->n + 1, sizeof *ops->defs);
  if (added) ops->defs[ops->n++] = copy;
  pthread_mutex_unlock(&ops->lock);
  if (added) return UF_OK;
  release_def(copy, false);
  if (is_there) return ufi_fail(error, UF_ALREADY_EXISTS, "op '%.200s': expected an op that is not registered yet, found it there", def->name);
  return ufi_no_memory(error, sizeof *copy);
}

/* ---- a call ----------------------------------------------------------------------------- */

/* Of one node in one session. */
typedef struct kept {
  void *state;
  uf_op_call call;
  uf_tensor *views;          /* of inputs, then outputs */
} kept;

static const uf_tensor nothing = {.dtype = UF_INVALID};

static uf_tensor view_in(ufi_ctx *ctx, int32_t i) {
  const ufi_tensor *t = ctx->in[i];
  if (!t) return nothing;
  uf_tensor view = ufi_view(t);
  view.read_only = true;
  if (!t->shape_known) view.rank = -1;
  if (!ufi_known(ctx, i)) view.data = NULL;
  view.buf = view.data ? ufi_host_owner(ctx, t) : NULL;
  return view;
}

static uf_tensor view_out(const ufi_ctx *ctx, int32_t i, bool in_eval) {
  uf_tensor view = ufi_view(ctx->out[i]);
  view.buf = NULL;
  if (!in_eval || !ctx->out[i]->shape_known) view.data = NULL;
  if (!ctx->out[i]->shape_known) view.rank = -1;
  return view;
}

static void look(ufi_ctx *ctx, kept *k, bool in_eval) {
  uf_op_call *call = &k->call;
  for (int32_t i = 0; i < ctx->n_in; i++) k->views[i] = view_in(ctx, i);
  for (int32_t i = 0; i < ctx->n_out; i++) k->views[ctx->n_in + i] = view_out(ctx, i, in_eval);
  call->in_eval = in_eval;
  call->error = ctx->error;
  call->internal = ctx;
}

/* A failure without words, or with a status that is none, gets some. */
static uf_status settle(ufi_ctx *ctx, uf_status status, const char *what) {
  if (status == UF_OK) return UF_OK;
  bool is_status = status > UF_OK && status < UF_STATUS_COUNT;
  bool has_words = ctx->error && ctx->error->status != UF_OK && ctx->error->message[0];
  if (is_status && (has_words || !ctx->error)) {
    if (ctx->error) ctx->error->status = status;
    return status;
  }
  return ufi_ctx_fail(ctx, is_status ? status : UF_UNKNOWN, "expected %s of the op to succeed, found that it failed and said nothing of "
                      "why", what);
}

static uf_status start(ufi_ctx *ctx, kept **out) {
  const ufi_user_attrs *attrs = ctx->attrs;
  *out = ctx->kept;
  if (*out) return UF_OK;
  size_t n = (size_t)ctx->n_in + (size_t)ctx->n_out + 1;
  kept *k = ufi_calloc(1, sizeof *k + n * sizeof *k->views);
  if (!k) return ufi_no_memory(ctx->error, n * sizeof *k->views);
  k->views = (uf_tensor *)(k + 1);
  k->call = (uf_op_call){.struct_size = sizeof k->call, .op = attrs->def->name, .node = ufi_host_node(ctx), .context = attrs->def->context,
                         .version = attrs->version, .options = attrs->options, .options_size = attrs->options_size,
                         .n_inputs = ctx->n_in, .n_outputs = ctx->n_out, .inputs = k->views, .outputs = k->views + ctx->n_in};
  look(ctx, k, false);
  uf_status status = attrs->def->init ? attrs->def->init(&k->call, &k->state) : UF_OK;
  status = settle(ctx, status, "init");
  if (status != UF_OK) {
    ufi_free(k);
    return status;
  }
  k->call.state = k->state;
  *out = ctx->kept = k;
  return UF_OK;
}

static void forget(const void *from, void *memory) {
  const ufi_user_attrs *attrs = from;
  kept *k = memory;
  if (attrs->def->free) attrs->def->free(attrs->def->context, k->state);
  ufi_free(k);
}

static uf_status infer(ufi_ctx *ctx) {
  const ufi_user_attrs *attrs = ctx->attrs;
  kept *k = NULL;
  for (int32_t i = 0; i < ctx->n_out; i++) {
    if (ctx->out[i]->dtype != UF_VARIANT) continue;
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected outputs of an op of one's own that are not variants, found '%s'", ctx->out[i]->name);
  }
  UFI_TRY(start(ctx, &k));
  if (!attrs->def->prepare) return UF_OK;
  look(ctx, k, false);
  return settle(ctx, attrs->def->prepare(&k->call), "prepare");
}

static uf_status eval(ufi_ctx *ctx) {
  const ufi_user_attrs *attrs = ctx->attrs;
  kept *k = ctx->kept;
  look(ctx, k, true);
  UFI_TRY(settle(ctx, attrs->def->eval(&k->call), "eval"));
  for (int32_t i = 0; i < ctx->n_out; i++) {
    if (ctx->out[i]->shape_known) continue;
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a shape for output %d from the op (uf_op_call_output), found none", (int)i);
  }
  return UF_OK;
}

const ufi_op_def ufi_user_op_def = {.attrs_size = sizeof(ufi_user_attrs), .infer = infer, .eval = eval, .forget = forget};

static const ufi_op_row plain = {"CUSTOM", &ufi_user_op_def, -1, "", "", 0, -1, 0, -1, UFI_STATEFUL | UFI_OMITTABLE | UFI_USER};
static const ufi_op_row pure = {"CUSTOM", &ufi_user_op_def, -1, "", "", 0, -1, 0, -1, UFI_PURE | UFI_OMITTABLE | UFI_USER};

const ufi_op_row *ufi_user_op_row(const uf_op_definition *def) { return def->flags & UF_OP_PURE ? &pure : &plain; }

/* ---- what an op may ask --------------------------------------------------------------------- */

uf_status uf_op_call_output(uf_op_call *call, int32_t i, uf_dtype dtype, int32_t rank, const int64_t *dims) {
  ufi_ctx *ctx = call->internal;
  char want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (i < 0 || i >= ctx->n_out) return ufi_ctx_fail(ctx, UF_OUT_OF_RANGE, "expected an output in [0, %d), found %d", (int)ctx->n_out, (int)i);
  ufi_tensor *t = ctx->out[i];
  if (dtype == UF_INVALID) dtype = t->dtype;
  if (dtype < 0 || dtype >= UF_DTYPE_COUNT || uf_dtype_bits(dtype) == 0 || dtype == UF_VARIANT) {
    return ufi_ctx_fail(ctx, UF_WRONG_TYPE, "expected a dtype for output %d that is no variant, found %s", (int)i, uf_dtype_name(dtype));
  }
  bool is_said = call->in_eval && t->shape_known; /* memory is there */
  bool is_same = dtype == t->dtype && rank == t->rank && (rank <= 0 || memcmp(dims, t->dims, sizeof *dims * (size_t)rank) == 0);
  if (is_said && !is_same) {
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected output %d as prepare said it, %s %s, found %s %s", (int)i, uf_dtype_name(t->dtype),
                        ufi_shape_text(t->rank, t->dims, want), uf_dtype_name(dtype),
                        ufi_shape_text(UFI_MIN(UFI_MAX(rank, 0), UF_MAX_RANK), dims, found));
  }
  if (!is_said) {
    UFI_TRY(ufi_out_dtype(ctx, i, dtype));
    UFI_TRY(ufi_out_shape(ctx, i, rank, dims));
  }
  call->outputs[i] = view_out(ctx, i, call->in_eval);
  return UF_OK;
}

uf_status uf_op_call_fail(uf_op_call *call, uf_status status, const char *format, ...) {
  ufi_ctx *ctx = call->internal;
  char text[sizeof ctx->error->message];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  return ufi_ctx_fail(ctx, status, "%s", text);
}

static ufi_flex option(const uf_op_call *call, const char *key) {
  ufi_flex root = ufi_flex_root(call->options, call->options_size);
  return ufi_flex_get(&root, key);
}

int64_t uf_op_call_int(const uf_op_call *call, const char *key, int64_t fallback) {
  ufi_flex v = option(call, key);
  return ufi_flex_int(&v, fallback);
}

double uf_op_call_float(const uf_op_call *call, const char *key, double fallback) {
  ufi_flex v = option(call, key);
  return ufi_flex_float(&v, fallback);
}

uf_string uf_op_call_text(const uf_op_call *call, const char *key) {
  ufi_flex v = option(call, key);
  size_t size = 0;
  const uint8_t *bytes = ufi_flex_bytes(&v, &size);
  return (uf_string){.data = (const char *)bytes, .size = bytes ? size : 0};
}
