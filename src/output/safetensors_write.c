/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_write.c: writes .safetensors.
 *
 * A file is the size of the header in 8 bytes (little-endian), the header (JSON: for each
 * name its dtype, its shape and where its bytes begin and end, counted from the header's
 * end), then the bytes, which must cover the rest of the file without gaps. Spaces at
 * the header's end bring the data to a multiple of 64; tensors lie in the order of their
 * elements' sizes, widest first, so that each is aligned for its elements. The header
 * comes from the plan, so each tensor can be written to its place whenever it comes.
 *
 * NumPy's strings and complex128 have no name in this format, nor have 4-bit floats a form
 * that readers agree on; these are refused with the tensor's name.
 */
#include <stdio.h>

#include "output/output.h"

enum { ALIGNMENT = 64, HEADER_MAX = 100 << 20 /* what readers take */ };

typedef struct place {
  uint64_t offset; /* in the data */
  uf_tensor plan;
  size_t size;
} place;

typedef struct safetensors {
  ufi_outfile *file;
  uint64_t data; /* where it begins in the file */
  place *places;
  size_t n;
} safetensors;

static const char *dtype_name(uf_dtype dtype) {
  switch (ufi_dtype_unquantized(dtype)) {
    case UF_BOOL: return "BOOL";
    case UF_INT2: case UF_INT4: case UF_INT8: return "I8";
    case UF_UINT2: case UF_UINT4: case UF_UINT8: return "U8";
    case UF_INT16: return "I16";
    case UF_UINT16: return "U16";
    case UF_INT32: return "I32";
    case UF_UINT32: return "U32";
    case UF_INT64: return "I64";
    case UF_UINT64: return "U64";
    case UF_FLOAT16: return "F16";
    case UF_BFLOAT16: return "BF16";
    case UF_FLOAT32: return "F32";
    case UF_FLOAT64: return "F64";
    case UF_FLOAT8_E4M3FN: return "F8_E4M3";
    case UF_FLOAT8_E5M2: return "F8_E5M2";
    default: return NULL;
  }
}

/* Bytes of an element in the file; packed ones take a byte. */
static size_t item_size(uf_dtype dtype) { return UFI_MAX((size_t)uf_dtype_bits(dtype) / 8, 1u); }

static uf_status check(const char *name, const uf_tensor *t, size_t *size_out, uf_error *error) {
  int64_t count;
  if (t->rank < 0 || t->rank > UF_MAX_RANK || !ufi_shape_count(t->rank, t->dims, &count))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "'%s': expected a shape, found none", name);
  if (!dtype_name(t->dtype))
    return ufi_fail(error, UF_WRONG_TYPE,
                    "'%s': expected a dtype that .safetensors has, found %s; %s, or write .npz",
                    name, uf_dtype_name(t->dtype),
                    t->dtype == UF_STRING || uf_dtype_bits(t->dtype) > 32 ? "leave it out"
                                                                         : "convert it to float32");
  if (strcmp(name, "__metadata__") == 0)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected the name of a tensor, found '%s', which .safetensors keeps for "
                    "itself; rename it", name);
  if (!ufi_mul_size((size_t)count, item_size(t->dtype), size_out) || *size_out > PTRDIFF_MAX)
    return ufi_no_memory(error, SIZE_MAX);
  return UF_OK;
}

/* Offsets by descending size of element, else in order; returns the sum of all. */
static uf_status set_places(safetensors *s, const char *const *names, const uf_tensor *plan,
                            uf_error *error) {
  uint64_t end = 0;
  for (size_t i = 0; i < s->n; i++) {
    s->places[i].plan = plan[i];
    UFI_TRY(check(names[i], &plan[i], &s->places[i].size, error));
  }
  for (size_t item = 8; item > 0; item /= 2)
    for (size_t i = 0; i < s->n; i++) {
      if (item_size(plan[i].dtype) != item) continue;
      s->places[i].offset = end;
      if (__builtin_add_overflow(end, s->places[i].size, &end) || end > INT64_MAX)
        return ufi_no_memory(error, SIZE_MAX);
    }
  return UF_OK;
}

static uf_status header_text(const safetensors *s, const char *const *names, ufi_text *t,
                             uf_error *error) {
  ufi_text_add(t, "\0\0\0\0\0\0\0\0{", 9);
  for (size_t i = 0; i < s->n; i++) {
    const place *p = &s->places[i];
    if (i) ufi_text_add(t, ",", 1);
    if (!ufi_text_json(t, names[i]))
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "'%s': expected a name in UTF-8 for .safetensors, found other bytes; rename it",
                      names[i]);
    ufi_text_format(t, ":{\"dtype\":\"%s\",\"shape\":", dtype_name(p->plan.dtype));
    ufi_text_json_dims(t, p->plan.rank, p->plan.dims);
    ufi_text_format(t, ",\"data_offsets\":[%llu,%llu]}", (unsigned long long)p->offset,
                    (unsigned long long)(p->offset + p->size));
  }
  ufi_text_add(t, "}", 1);
  while (!t->failed && t->size % ALIGNMENT) ufi_text_add(t, " ", 1);
  if (t->failed) return ufi_no_memory(error, t->size);
  uint64_t size = t->size - 8;
  if (size > HEADER_MAX)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a header of at most %d bytes, found %llu for %zu tensors; write fewer, "
                    "or .npz", HEADER_MAX, (unsigned long long)size, s->n);
  for (int i = 0; i < 8; i++) t->data[i] = (char)(size >> 8 * i);
  return UF_OK;
}

static void safetensors_abandon(void *impl) {
  safetensors *s = impl;
  ufi_outfile_abandon(s->file);
  ufi_free(s->places);
  ufi_free(s);
}

static uf_status begin(safetensors *s, const char *path, const char *const *names,
                       const uf_tensor *plan, uf_error *error) {
  ufi_text header = {0};
  UFI_TRY(set_places(s, names, plan, error));
  uf_status status = header_text(s, names, &header, error);
  if (status == UF_OK) status = ufi_outfile_create(path, true, &s->file, error);
  if (status == UF_OK) status = ufi_outfile_write(s->file, header.data, header.size, error);
  s->data = header.size;
  ufi_free(header.data);
  return status;
}

static uf_status safetensors_create(const char *path, int32_t level, const char *const *names,
                                    const uf_tensor *plan, size_t n, void **impl_out,
                                    uf_error *error) {
  if (n > 0 && !plan)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected dtypes and shapes of all tensors for .safetensors, found none");
  safetensors *s = ufi_calloc(1, sizeof *s);
  if (!s) return ufi_no_memory(error, sizeof *s);
  s->n = n;
  s->places = ufi_calloc(n ? n : 1, sizeof *s->places);
  uf_status status = s->places ? begin(s, path, names, plan, error) : ufi_no_memory(error, n);
  if (status == UF_OK) *impl_out = s;
  else safetensors_abandon(s);
  return status;
}

static bool as_planned(const place *p, const uf_tensor *t) {
  if (t->dtype != p->plan.dtype || t->rank != p->plan.rank) return false;
  for (int32_t i = 0; i < t->rank; i++)
    if (t->dims[i] != p->plan.dims[i]) return false;
  int64_t count;
  size_t bytes;
  return ufi_shape_count(t->rank, t->dims, &count) && ufi_dtype_bytes(t->dtype, count, &bytes) &&
         t->size >= bytes && (bytes == 0 || t->data);
}

static uf_status safetensors_add(void *impl, size_t i, const char *name, const uf_tensor *t,
                                 const ufi_flow *flow, uf_error *error) {
  safetensors *s = impl;
  place *p = &s->places[i];
  char want[UFI_SHAPE_TEXT], have[UFI_SHAPE_TEXT];
  if (!as_planned(p, t))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %s %s as planned, found %s %s",
                    uf_dtype_name(p->plan.dtype), ufi_shape_text(p->plan.rank, p->plan.dims, want),
                    uf_dtype_name(t->dtype), ufi_shape_text(t->rank, t->dims, have));
  void *unpacked = NULL;
  if (uf_dtype_bits(t->dtype) < 8) {
    unpacked = ufi_malloc(p->size + 1);
    if (!unpacked) return ufi_no_memory(error, p->size);
    ufi_unpack_bytes(t->dtype, t->data, (int64_t)p->size, unpacked);
  }
  uf_status status = ufi_outfile_stream_at(s->file, s->data + p->offset, unpacked ? unpacked : t->data,
                                           p->size, flow, error);
  ufi_free(unpacked);
  return status;
}

static uf_status safetensors_finish(void *impl, uf_error *error) {
  safetensors *s = impl;
  uf_status status = ufi_outfile_commit(s->file, error);
  ufi_free(s->places);
  ufi_free(s);
  return status;
}

const ufi_target ufi_target_safetensors = {"safetensors", safetensors_create, safetensors_add,
                                           safetensors_finish, safetensors_abandon};
