/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_structure.c: ops that pass values on and check or show them: IdentityN, EnsureShape,
 * CheckNumerics, Assert, Print, PrintV2, RefSelect.
 *
 * Print and PrintV2 are the only ops that write to the process's streams, as they are asked to.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/chars.h"
#include "ops/host.h"
#include "ops/number.h"

/* ---- IdentityN ----------------------------------------------------------------------------- */

static uf_status identity_n_infer(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out; i++) {
    if (i >= ctx->n_in) return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected as many inputs as outputs, found %d", (int)ctx->n_in);
    UFI_TRY(ufi_out_dtype(ctx, i, ctx->in[i]->dtype));
    if (!ctx->running) UFI_TRY(ufi_out_like(ctx, i, ctx->in[i]));
  }
  return UF_OK;
}
static uf_status identity_n_eval(ufi_ctx *ctx) {
  for (int32_t i = 0; i < ctx->n_out; i++) UFI_TRY(ufi_host_take(ctx, ctx->out[i], ctx->in[i]));
  return UF_OK;
}
const ufi_op_def ufi_op_IDENTITY_N = {.infer = identity_n_infer, .eval = identity_n_eval};

/* Nothing to do: DisableCopyOnRead is about how TensorFlow shares memory. */
const ufi_op_def ufi_op_DISABLE_COPY_ON_READ = {.infer = ufi_nothing, .eval = ufi_nothing};

/* ---- RefSelect: one of many references, which are handles ------------------------------------------ */

static uf_status ref_select_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_in(ctx, 0, UF_INT32, UF_INVALID));
  return ufi_out_shape(ctx, 0, 0, NULL);
}
static uf_status ref_select_eval(ufi_ctx *ctx) {
  char text[512];
  if (ctx->in[0]->rank != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a scalar index, found %s", ufi_tensor_text(ctx->in[0], text));
  const int32_t index = *(const int32_t *)ctx->in[0]->data;
  if (index < 0 || index >= ctx->n_in - 1)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected an index within [0, %d), found %d", (int)ctx->n_in - 1, (int)index);
  memcpy(ctx->out[0]->data, ctx->in[index + 1]->data, ctx->out[0]->size);
  return UF_OK;
}
const ufi_op_def ufi_op_REF_SELECT = {.infer = ref_select_infer, .eval = ref_select_eval};

/* The input as it is; the executor mostly gives both the same memory. */
static uf_status pass(ufi_ctx *ctx) {
  const ufi_tensor *x = ctx->in[0];
  if (x->size && ctx->out[0]->data != x->data) memcpy(ctx->out[0]->data, x->data, x->size);
  return UF_OK;
}
static uf_status pass_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_out_dtype(ctx, 0, ctx->in[0]->dtype));
  return ufi_out_like(ctx, 0, ctx->in[0]);
}

/* ---- EnsureShape ------------------------------------------------------------------------------ */

typedef struct shape_attrs {
  int32_t rank; /* -1: any */
  int64_t dims[UF_MAX_RANK];
} shape_attrs;

static uf_status ensure_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  shape_attrs *a = attrs;
  const uf_attr *shape = ufi_tf_attr(from, "shape");
  a->rank = -1;
  if (!shape || shape->kind != UF_ATTR_SHAPE) return UF_OK;
  a->rank = shape->rank;
  memcpy(a->dims, shape->dims, sizeof a->dims);
  return UF_OK;
}
static uf_status ensure_infer(ufi_ctx *ctx) {
  const shape_attrs *a = ctx->attrs;
  const ufi_tensor *x = ctx->in[0];
  bool good = a->rank < 0 || a->rank == x->rank;
  for (int32_t d = 0; good && d < a->rank; d++) good = a->dims[d] < 0 || a->dims[d] == x->dims[d];
  if (good) return pass_infer(ctx);
  char text[UFI_SHAPE_TEXT], found[512];
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "Shape of tensor is not compatible: expected shape %s, found %s",
                      ufi_shape_text(a->rank, a->dims, text), ufi_tensor_text(x, found));
}
const ufi_op_def ufi_op_ENSURE_SHAPE = {
  .attrs_size = sizeof(shape_attrs), .attrs_tf = ensure_tf, .infer = ensure_infer, .eval = pass};

/* ---- CheckNumerics, CheckNumericsV2 -------------------------------------------------------------- */

typedef struct check_attrs {
  const char *message;
  bool signs; /* V2 tells -Inf and +Inf apart */
} check_attrs;
static uf_status check_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  check_attrs *a = attrs;
  a->message = ufi_tf_text(from, "message");
  a->signs = strcmp(from->op, "CheckNumericsV2") == 0;
  return UF_OK;
}
static uf_status check_infer(ufi_ctx *ctx) {
  UFI_TRY(ufi_want_dtype(ctx, 0, UFI_FLOATS));
  return pass_infer(ctx);
}

enum { MINUS = 1, PLUS = 2, NANS = 4 };
static int kinds_of(const ufi_tensor *x) {
  const ufi_number_type *type = ufi_number_type_of(x->dtype);
  ufi_piece piece;
  int kinds = 0;
  for (int64_t at = 0; at < x->count; at += UFI_PIECE) {
    const size_t n = (size_t)UFI_MIN(x->count - at, (int64_t)UFI_PIECE);
    type->load((const char *)x->data + at * type->size, &piece, n);
    for (size_t i = 0; i < n; i++) {
      const double v = piece.reals[i];
      if (v - v == 0) continue;
      kinds |= v != v ? NANS : v < 0 ? MINUS : PLUS;
    }
  }
  return kinds;
}
static uf_status check_eval(ufi_ctx *ctx) {
  static const char *const words[8] = {
    "", "-Inf", "+Inf", "-Inf and +Inf", "NaN", "-Inf and NaN", "+Inf and NaN", "-Inf, +Inf, and NaN"};
  static const char *const plain[8] = {"", "Inf", "Inf", "Inf", "NaN", "Inf and NaN", "Inf and NaN", "Inf and NaN"};
  const check_attrs *a = ctx->attrs;
  const int kinds = kinds_of(ctx->in[0]);
  if (kinds)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "%s : Tensor had %s values: expected finite ones in '%s'", a->message,
                        (a->signs ? words : plain)[kinds], ctx->in[0]->name);
  return pass(ctx);
}
const ufi_op_def ufi_op_CHECK_NUMERICS = {
  .attrs_size = sizeof(check_attrs), .attrs_tf = check_tf, .infer = check_infer, .eval = check_eval};

/* ---- a tensor in a few words -------------------------------------------------------------------------- */

/* As few digits as come back as the same number: 6 or 9 of float32 and less, 15 or 17 of float64. */
static void add_real(ufi_chars *chars, double v, bool wide) {
  char text[40];
  if (v != v) {
    ufi_chars_text(chars, "nan");
    return;
  }
  snprintf(text, sizeof text, "%.*g", wide ? 15 : 6, v);
  const double back = strtod(text, NULL);
  if (wide ? back != v : (float)back != (float)v) snprintf(text, sizeof text, "%.*g", wide ? 17 : 9, v);
  ufi_chars_text(chars, text);
}

/* As C writes a string, without the quotes. */
static void add_escaped(ufi_chars *chars, uf_string s) {
  for (size_t i = 0; i < s.size; i++) {
    const unsigned char c = (unsigned char)s.data[i];
    switch (c) {
      case '\n': ufi_chars_text(chars, "\\n"); break;
      case '\r': ufi_chars_text(chars, "\\r"); break;
      case '\t': ufi_chars_text(chars, "\\t"); break;
      case '"': ufi_chars_text(chars, "\\\""); break;
      case '\'': ufi_chars_text(chars, "\\'"); break;
      case '\\': ufi_chars_text(chars, "\\\\"); break;
      default:
        if (c < 32 || c > 126) ufi_chars_format(chars, "\\%03o", c);
        else ufi_chars_byte(chars, (char)c);
    }
  }
}

static void add_element(ufi_chars *chars, const ufi_tensor *t, int64_t i) {
  const ufi_number_type *type = ufi_number_type_of(t->dtype);
  ufi_piece piece;
  if (t->dtype == UF_STRING) {
    add_escaped(chars, ((const uf_string *)t->data)[i]);
    return;
  }
  if (type->class == UFI_NO_NUMBER || type->class == UFI_COMPLEXES) {
    ufi_chars_text(chars, "?"); /* as TensorFlow does */
    return;
  }
  type->load((const char *)t->data + i * type->size, &piece, 1);
  if (type->class == UFI_REALS) add_real(chars, piece.reals[0], t->dtype == UF_FLOAT64);
  else if (type->class == UFI_NATURALS) ufi_chars_format(chars, "%llu", (unsigned long long)piece.naturals[0]);
  else ufi_chars_format(chars, "%lld", (long long)piece.ints[0]);
}

/* Elements up to the limit, each row of more than one dimension in brackets. Returns the index reached. */
static int64_t add_dim(ufi_chars *chars, const ufi_tensor *t, int32_t d, int64_t at, int64_t limit) {
  for (int64_t i = 0; i < t->dims[d]; i++) {
    if (at >= limit) {
      if (d > 0 && d == t->rank - 1) ufi_chars_text(chars, "...");
      return at;
    }
    if (d == t->rank - 1) {
      if (i > 0) ufi_chars_byte(chars, ' ');
      add_element(chars, t, at++);
    } else {
      ufi_chars_byte(chars, '[');
      at = add_dim(chars, t, d + 1, at, limit);
      ufi_chars_byte(chars, ']');
    }
  }
  return at;
}

static void add_summary(ufi_chars *chars, const ufi_tensor *t, int64_t most) {
  const int64_t limit = most < 0 ? t->count : UFI_MIN(most, t->count);
  ufi_chars_byte(chars, '[');
  if (t->rank > 0) add_dim(chars, t, 0, 0, limit);
  else if (limit > 0) add_element(chars, t, 0);
  const bool silent = limit == 0 && t->dtype == UF_BOOL; /* as TensorFlow does */
  if (t->count > limit && !silent) ufi_chars_text(chars, "...");
  ufi_chars_byte(chars, ']');
}

/* ---- Assert ---------------------------------------------------------------------------------------------- */

typedef struct assert_attrs { int64_t summarize; } assert_attrs;
static uf_status assert_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  ((assert_attrs *)attrs)->summarize = ufi_tf_int(from, "summarize");
  return UF_OK;
}
static uf_status assert_infer(ufi_ctx *ctx) {
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_BOOL, UF_INVALID));
  if (ctx->in[0]->rank != 0)
    return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a scalar as input 0, found %s", ufi_tensor_text(ctx->in[0], text));
  return UF_OK;
}
static uf_status assert_eval(ufi_ctx *ctx) {
  ufi_chars *chars;
  uf_string text;
  if (*(const uint8_t *)ctx->in[0]->data) return UF_OK;
  UFI_TRY(ufi_chars_begin(ctx, &chars));
  for (int32_t i = 1; i < ctx->n_in; i++) {
    if (i > 1) ufi_chars_byte(chars, ' ');
    add_summary(chars, ctx->in[i], ((const assert_attrs *)ctx->attrs)->summarize);
  }
  UFI_TRY(ufi_chars_take(ctx, chars, &text));
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "assertion failed: %.*s", (int)UFI_MIN(text.size, (size_t)4000), text.data);
}
const ufi_op_def ufi_op_ASSERT = {
  .attrs_size = sizeof(assert_attrs), .attrs_tf = assert_tf, .infer = assert_infer, .prepare = ufi_chars_prepare,
  .eval = assert_eval, .release = ufi_chars_release};

/* ---- Print, PrintV2 ----------------------------------------------------------------------------------------- */

/* The one place that writes to the process's streams. */
static void write_out(FILE *stream, uf_string text) {
  fwrite(text.data, 1, text.size, stream);
  fflush(stream);
}

typedef struct print_attrs {
  uf_string message;
  int64_t first_n, summarize;
} print_attrs;
typedef struct print_state {
  ufi_chars chars;
  int64_t times;
} print_state;
static uf_string text_attr(const ufi_tf_attrs *from, const char *name) {
  const uf_attr *attr = ufi_tf_attr(from, name);
  if (!attr || attr->kind != UF_ATTR_STRING || !attr->s) return (uf_string){"", 0};
  return (uf_string){attr->s, (size_t)(attr->s_size ? attr->s_size : strlen(attr->s))};
}
static uf_status print_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  print_attrs *a = attrs;
  a->message = text_attr(from, "message");
  a->first_n = ufi_tf_int(from, "first_n");
  a->summarize = ufi_tf_int(from, "summarize");
  return UF_OK;
}
static uf_status print_prepare(ufi_ctx *ctx) {
  return ufi_ctx_state(ctx, sizeof(print_state)) ? UF_OK : UF_RESOURCE_EXHAUSTED;
}
static uf_status print_eval(ufi_ctx *ctx) {
  const print_attrs *a = ctx->attrs;
  print_state *s = ctx->state;
  ufi_chars *chars;
  uf_string text;
  if (a->first_n < 0 || s->times < a->first_n) {
    s->times++;
    UFI_TRY(ufi_chars_begin(ctx, &chars));
    ufi_chars_string(chars, a->message);
    for (int32_t i = 1; i < ctx->n_in; i++) add_summary(chars, ctx->in[i], a->summarize);
    ufi_chars_byte(chars, '\n');
    UFI_TRY(ufi_chars_take(ctx, chars, &text));
    write_out(stderr, text);
  }
  return pass(ctx);
}
const ufi_op_def ufi_op_PRINT = {
  .attrs_size = sizeof(print_attrs), .attrs_tf = print_tf, .infer = pass_infer, .prepare = print_prepare,
  .eval = print_eval, .release = ufi_chars_release};

typedef struct print2_attrs {
  const char *stream; /* or "file://" and a path, which is added to */
  uf_string end;
} print2_attrs;
static const char file_prefix[] = "file://";
static bool is_file(const char *stream) { return strncmp(stream, file_prefix, sizeof file_prefix - 1) == 0; }

static uf_status print2_tf(const ufi_tf_attrs *from, void *attrs, uf_error *error) {
  static const char *const streams[] = {"stderr", "stdout", "log(info)", "log(warning)", "log(error)", NULL};
  print2_attrs *a = attrs;
  int32_t which;
  a->stream = ufi_tf_text(from, "output_stream");
  a->end = text_attr(from, "end");
  return is_file(a->stream) ? UF_OK : ufi_tf_choice(from, "output_stream", streams, &which, error);
}
static uf_status print2_infer(ufi_ctx *ctx) {
  char text[512];
  UFI_TRY(ufi_want_in(ctx, 0, UF_STRING, UF_INVALID));
  if (ctx->in[0]->rank == 0) return UF_OK;
  return ufi_ctx_fail(ctx, UF_INVALID_ARGUMENT, "expected a scalar, found %s", ufi_tensor_text(ctx->in[0], text));
}
static uf_status print2_eval(ufi_ctx *ctx) {
  const print2_attrs *a = ctx->attrs;
  const uf_string *line = ctx->in[0]->data;
  FILE *file = strcmp(a->stream, "stdout") == 0 ? stdout : stderr;
  if (is_file(a->stream)) {
    const char *path = a->stream + sizeof file_prefix - 1;
    file = fopen(path, "ab");
    if (!file) return ufi_ctx_fail(ctx, UF_NOT_FOUND, "expected a file that can be written, found '%.200s'", path);
  }
  write_out(file, *line);
  write_out(file, a->end);
  if (!is_file(a->stream)) fflush(file); /* a line is seen when it is printed, as with TensorFlow */
  if (is_file(a->stream) && fclose(file) != 0) return ufi_ctx_fail(ctx, UF_DATA_LOSS, "expected room for a line, found none");
  return UF_OK;
}
const ufi_op_def ufi_op_PRINT_V2 = {
  .attrs_size = sizeof(print2_attrs), .attrs_tf = print2_tf, .infer = print2_infer, .eval = print2_eval};
