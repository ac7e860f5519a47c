/* SPDX-License-Identifier: Apache-2.0
 *
 * resource.c: variables' values: reading, assigning, writing in place, see resource.h.
 */
#include "ops/resource.h"

#include <stdio.h>

#include "ops/items.h"

const char *ufi_resource_text(const ufi_resource *r, char out[256]) {
  const char *kind = r->kind == UF_STATE_TABLE ? "table" : r->kind == UF_STATE_VARIABLE ? "variable" : r->type ? r->type->name : "object";
  if (r->container[0]) snprintf(out, 256, "%s '%.100s/%.120s'", kind, r->container, r->name);
  else snprintf(out, 256, "%s '%.200s'", kind, r->name);
  return out;
}

/* ---- variables ----------------------------------------------------------------- */

/* TensorFlow's words in front, since programs look for them. */
uf_status ufi_variable_check(const ufi_resource *variable, uf_error *error) {
  char text[256], words[400];
  if (variable->initialized) return UF_OK;
  const char *container = variable->container[0] ? variable->container : "localhost";
  if (variable->is_ref) snprintf(words, sizeof words, "Attempting to use uninitialized value %.200s", variable->name);
  else snprintf(words, sizeof words, "Error while reading resource variable %.100s from Container: %.60s. This could mean "
                "that the variable was uninitialized", variable->name, container);
  return ufi_fail(error, UF_FAILED_PRECONDITION,
                  "%s: expected %s to have a value, found it never assigned; run what initialises it, or assign it", words,
                  ufi_resource_text(variable, text));
}

uf_status ufi_variable_read(const ufi_resource *variable, uf_tensor *tensor_out, uf_error *error) {
  UFI_TRY(ufi_variable_check(variable, error));
  *tensor_out = variable->value;
  tensor_out->quant = variable->quant;
  tensor_out->read_only = true;
  uf_buf_retain(tensor_out->buf);
  return UF_OK;
}

static bool shape_fits(const ufi_resource *variable, const uf_tensor *t) {
  if (variable->rank < 0) return true;
  if (variable->rank != t->rank) return false;
  for (int32_t d = 0; d < t->rank; d++) {
    if (variable->dims[d] >= 0 && variable->dims[d] != t->dims[d]) return false;
  }
  return true;
}

static uf_status check_assign(const ufi_resource *variable, const uf_tensor *t, uf_error *error) {
  char text[256], want[UFI_SHAPE_TEXT], found[UFI_SHAPE_TEXT];
  if (variable->dtype != UF_INVALID && variable->dtype != t->dtype) {
    return ufi_fail(error, UF_WRONG_TYPE, "expected a %s value for %s, found %s", uf_dtype_name(variable->dtype),
                    ufi_resource_text(variable, text), uf_dtype_name(t->dtype));
  }
  if (!shape_fits(variable, t)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a value of shape %s for %s, found %s",
                    ufi_shape_text(variable->rank, variable->dims, want), ufi_resource_text(variable, text),
                    ufi_shape_text(t->rank, t->dims, found));
  }
  return UF_OK;
}

/* The variable's own memory may be written when nobody else can see it. */
static bool writable_in_place(const ufi_resource *variable, const uf_tensor *t) {
  return variable->initialized && t->dtype != UF_STRING && t->dtype != UF_VARIANT && variable->value.size == t->size &&
         variable->value.buf && ufi_buf_is_unique(variable->value.buf);
}

uf_status ufi_variable_assign(ufi_resource *variable, const uf_tensor *t, bool share, uf_error *error) {
  UFI_TRY(check_assign(variable, t, error));
  uf_tensor value = *t;
  if (share && t->buf) {
    uf_buf_retain(t->buf);
  } else if (writable_in_place(variable, t)) {
    memmove(variable->value.data, t->data, t->size);
    value.data = variable->value.data;
    value.buf = uf_buf_retain(variable->value.buf);
  } else {
    UFI_TRY(ufi_tensor_keep(t, false, &value, error));
  }
  uf_tensor_release(&variable->value);
  variable->value = value;
  variable->quant = t->quant;
  variable->dtype = t->dtype;
  variable->initialized = true;
  return UF_OK;
}

uf_status ufi_variable_writable(ufi_resource *variable, uf_tensor **value_out, uf_error *error) {
  uf_tensor *value = &variable->value;
  UFI_TRY(ufi_variable_check(variable, error));
  if (value->buf == NULL || !ufi_buf_is_unique(value->buf) || value->read_only) {
    uf_tensor copy;
    UFI_TRY(ufi_tensor_keep(value, false, &copy, error));
    uf_tensor_release(value);
    *value = copy;
  }
  *value_out = value;
  return UF_OK;
}
