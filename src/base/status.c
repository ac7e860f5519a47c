/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: error messages, the dtype table, and what a shape amounts to.
 *
 * Both tables are made from the X-macro lists of unflow.h, so a status or a
 * dtype is declared in one place only. Nothing here allocates: an error can
 * always be told, also when memory is gone.
 */
#include <stdio.h>

#include "base/base.h"

/* ---- status --------------------------------------------------------------- */

static const struct { const char *text, *exception; } status_table[UF_STATUS_COUNT] = {
#define X(name, text, exception) [UF_##name] = {text, exception},
  UF_STATUS_LIST(X)
#undef X
};

/* The enum may be signed or unsigned; a foreign value must not index the table. */
static bool status_is_valid(uf_status status) { return (unsigned)status < UF_STATUS_COUNT; }

const char *uf_status_text(uf_status status) {
  return status_is_valid(status) ? status_table[status].text : "unknown status";
}

const char *uf_status_exception(uf_status status) {
  return status_is_valid(status) ? status_table[status].exception : "UnknownError";
}

/* ---- error ---------------------------------------------------------------- */

/* Length of text without an incomplete UTF-8 sequence at its end, for messages
 * that were cut. Names are UTF-8 and Python decodes messages. */
static size_t whole_characters(const char *text, size_t size) {
  size_t start = size;
  while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
  if (start == 0) return size;
  unsigned char lead = (unsigned char)text[start - 1];
  size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return size - (start - 1) < want ? start - 1 : size;
}

static void set_message(uf_error *error, const char *text, int length) {
  size_t room = sizeof error->message - 1;
  size_t size = strlen(text);
  if (length < 0 || (size_t)length > room) size = whole_characters(text, UFI_MIN(size, room));
  memcpy(error->message, text, size);
  error->message[size] = '\0';
}

/* The text is made in memory of its own first: the arguments may point into
 * error->message. */
uf_status ufi_fail(uf_error *error, uf_status status, const char *format, ...) {
  if (!error) return status;
  char text[sizeof error->message];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length < 0) text[0] = '\0';
  error->status = status;
  set_message(error, text, length);
  return status;
}

void ufi_error_prefix(uf_error *error, const char *format, ...) {
  if (!error) return;
  char words[512], text[sizeof error->message + sizeof words + 2];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(words, sizeof words, format, args);
  va_end(args);
  if (length < 0) return;
  if ((size_t)length >= sizeof words) words[whole_characters(words, sizeof words - 1)] = '\0';
  length = snprintf(text, sizeof text, "%s: %s", words, error->message);
  set_message(error, text, length);
}

uf_status ufi_no_memory(uf_error *error, size_t bytes) {
  return ufi_fail(error, UF_RESOURCE_EXHAUSTED,
                  "expected %zu bytes of memory, found none; use a smaller model or batch", bytes);
}

/* ---- dtype ---------------------------------------------------------------- */

static const struct {
  const char *name, *numpy;
  int bits, tflite, tf;
  bool ml;
} dtype_table[UF_DTYPE_COUNT] = {
#define X(name, text, bits, tflite, tf, numpy, ml) [UF_##name] = {text, numpy, bits, tflite, tf, ml},
  UF_DTYPE_LIST(X)
#undef X
};

static bool dtype_is_valid(uf_dtype dtype) { return (unsigned)dtype < UF_DTYPE_COUNT; }

const char *uf_dtype_name(uf_dtype dtype) {
  return dtype_is_valid(dtype) ? dtype_table[dtype].name : "invalid";
}

int uf_dtype_bits(uf_dtype dtype) { return dtype_is_valid(dtype) ? dtype_table[dtype].bits : 0; }

uf_dtype ufi_dtype_unquantized(uf_dtype dtype) {
  switch (dtype) {
    case UF_QINT8: return UF_INT8;
    case UF_QUINT8: return UF_UINT8;
    case UF_QINT16: return UF_INT16;
    case UF_QUINT16: return UF_UINT16;
    case UF_QINT32: return UF_INT32;
    default: return dtype;
  }
}

uf_dtype uf_dtype_from_name(const char *name) {
  if (!name) return UF_INVALID;
  for (int i = 0; i < UF_DTYPE_COUNT; i++)
    if (strcmp(name, dtype_table[i].name) == 0) return (uf_dtype)i;
  return UF_INVALID;
}

enum { TF_REFERENCE = 100 }; /* added to the number of a reference type */

uf_dtype uf_dtype_from_tf(int64_t data_type) {
  if (data_type > TF_REFERENCE) data_type -= TF_REFERENCE;
  for (int i = UF_INVALID + 1; i < UF_DTYPE_COUNT && data_type > 0; i++)
    if (dtype_table[i].tf == data_type) return (uf_dtype)i;
  return UF_INVALID;
}

int32_t uf_dtype_tf(uf_dtype dtype) { return dtype_is_valid(dtype) ? dtype_table[dtype].tf : 0; }

int32_t uf_dtype_tflite(uf_dtype dtype) { return dtype_is_valid(dtype) ? dtype_table[dtype].tflite : -1; }

const char *uf_dtype_numpy(uf_dtype dtype, bool *in_ml_dtypes_out) {
  if (in_ml_dtypes_out) *in_ml_dtypes_out = dtype_is_valid(dtype) && dtype_table[dtype].ml;
  return dtype_is_valid(dtype) ? dtype_table[dtype].numpy : "";
}

/* ---- shapes --------------------------------------------------------------- */

const char *ufi_shape_text(int32_t rank, const int64_t *dims, char out[UFI_SHAPE_TEXT]) {
  if (rank < 0) return memcpy(out, "(unknown rank)", sizeof "(unknown rank)");
  size_t used = 0;
  out[used++] = '(';
  /* 8 dims of at most 20 characters and ", " fit; a larger rank is cut. */
  for (int32_t i = 0; i < rank && used + 28 < UFI_SHAPE_TEXT; i++) {
    if (i > 0) used += (size_t)snprintf(out + used, UFI_SHAPE_TEXT - used, ", ");
    if (dims[i] == -1) out[used++] = '?';
    else used += (size_t)snprintf(out + used, UFI_SHAPE_TEXT - used, "%lld", (long long)dims[i]);
  }
  snprintf(out + used, UFI_SHAPE_TEXT - used, rank == 1 ? ",)" : ")");
  return out;
}

/* Zero extents are left out of the overflow check's escape: (0, 2^40, 2^40) is
 * refused, so that strides computed from an accepted shape never overflow. */
bool ufi_shape_count(int32_t rank, const int64_t *dims, int64_t *count_out) {
  int64_t product = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; i++) {
    if (dims[i] < 0) return false;
    if (dims[i] == 0) empty = true;
    else if (__builtin_mul_overflow(product, dims[i], &product)) return false;
  }
  if (rank < 0) return false;
  *count_out = empty ? 0 : product;
  return true;
}

bool ufi_dtype_bytes(uf_dtype dtype, int64_t count, size_t *bytes_out) {
  int bits = uf_dtype_bits(dtype);
  if (bits == 0 || count < 0) return false;
  size_t bytes;
  if (bits < 8) {
    int64_t per_byte = 8 / bits;
    bytes = (size_t)(count / per_byte + (count % per_byte != 0));
  } else if (!ufi_mul_size((size_t)count, (size_t)bits / 8, &bytes)) {
    return false;
  }
  if (bytes > PTRDIFF_MAX) return false;
  *bytes_out = bytes;
  return true;
}

int64_t uf_tensor_count(const uf_tensor *tensor) {
  int64_t count = 0;
  return tensor && ufi_shape_count(tensor->rank, tensor->dims, &count) ? count : 0;
}

const char *uf_version(void) { return UF_VERSION; }
