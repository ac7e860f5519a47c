/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: statuses, messages, dtypes, shapes.
 */
#include <stdio.h>

#include "base/base.h"

static const char *const status_texts[] = {
#define X(name, text, exception) text,
  UF_STATUS_LIST(X)
#undef X
};
static const char *const status_exceptions[] = {
#define X(name, text, exception) exception,
  UF_STATUS_LIST(X)
#undef X
};

const char *uf_status_text(uf_status status) {
  return (unsigned)status < UF_STATUS_COUNT ? status_texts[status] : "unknown status";
}

const char *uf_status_exception(uf_status status) {
  return (unsigned)status < UF_STATUS_COUNT ? status_exceptions[status] : "UnknownError";
}

const char *uf_version(void) { return UF_VERSION; }

uf_status ufi_fail(uf_error *error, uf_status status, const char *format, ...) {
  if (error == NULL) return status;
  va_list list;
  va_start(list, format);
  error->status = status;
  vsnprintf(error->message, sizeof error->message, format, list);
  va_end(list);
  return status;
}

void ufi_error_prefix(uf_error *error, const char *format, ...) {
  char words[512];
  va_list list;
  if (error == NULL) return;
  va_start(list, format);
  vsnprintf(words, sizeof words, format, list);
  va_end(list);
  size_t room = sizeof error->message, front = strlen(words), old = strlen(error->message);
  if (front + 2 + old >= room) old = room - front - 3; /* the end of the message goes */
  memmove(error->message + front + 2, error->message, old);
  memcpy(error->message, words, front);
  memcpy(error->message + front, ": ", 2);
  error->message[front + 2 + old] = 0;
}

uf_status ufi_no_memory(uf_error *error, size_t bytes) {
  return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected %zu bytes of memory, found none left", bytes);
}

const char *ufi_shape_text(int32_t rank, const int64_t *dims, char out[UFI_SHAPE_TEXT]) {
  size_t used = 0;
  out[used++] = '(';
  for (int32_t d = 0; d < rank && used + 24 < UFI_SHAPE_TEXT; d++) {
    const char *comma = d + 1 < rank ? ", " : rank == 1 ? "," : "";
    if (dims[d] < 0) used += (size_t)snprintf(out + used, UFI_SHAPE_TEXT - used, "?%s", comma);
    else used += (size_t)snprintf(out + used, UFI_SHAPE_TEXT - used, "%lld%s", (long long)dims[d], comma);
  }
  out[used++] = ')';
  out[used] = 0;
  return out;
}

/* ---- dtypes ------------------------------------------------------------------ */

typedef struct dtype_row {
  const char *name;
  int bits;
} dtype_row;

static const dtype_row dtypes[] = {
#define X(name, text, bits, tflite, tf) {text, bits},
  UF_DTYPE_LIST(X)
#undef X
};

const char *uf_dtype_name(uf_dtype dtype) {
  return (unsigned)dtype < UF_DTYPE_COUNT ? dtypes[dtype].name : "invalid";
}

int uf_dtype_bits(uf_dtype dtype) { return (unsigned)dtype < UF_DTYPE_COUNT ? dtypes[dtype].bits : 0; }

uf_dtype uf_dtype_from_name(const char *name) {
  for (int i = 1; i < UF_DTYPE_COUNT; i++) {
    if (strcmp(dtypes[i].name, name) == 0) return (uf_dtype)i;
  }
  return UF_INVALID;
}

/* ---- sizes ---------------------------------------------------------------------- */

bool ufi_shape_count(int32_t rank, const int64_t *dims, int64_t *count_out) {
  int64_t count = 1;
  bool is_empty = false;
  for (int32_t d = 0; d < rank; d++) {
    if (dims[d] < 0) return false;
    if (dims[d] == 0) is_empty = true; /* others must not overflow all the same */
    else if (__builtin_mul_overflow(count, dims[d], &count)) return false;
  }
  *count_out = is_empty ? 0 : count;
  return true;
}

bool ufi_dtype_bytes(uf_dtype dtype, int64_t count, size_t *bytes_out) {
  size_t bits, n = (size_t)count;
  if (count < 0 || !ufi_mul_size(n, (size_t)uf_dtype_bits(dtype), &bits) || bits > SIZE_MAX - 7) return false;
  *bytes_out = (bits + 7) / 8;
  return true;
}
