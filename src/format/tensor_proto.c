/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_proto.c: TensorProto to tensors.
 *
 *   1 dtype, 2 tensor_shape {2 dim {1 size}, 3 unknown_rank}, 4 tensor_content
 *   5 float_val, 6 double_val, 7 int_val, 8 string_val, 9 scomplex_val, 10 int64_val,
 *   11 bool_val, 12 dcomplex_val, 13 half_val, 16 uint32_val, 17 uint64_val, 18 float8_val
 *
 * The values are either all in tensor_content, little-endian as in memory (strings: their
 * sizes as varints, then the characters), or one by one in the field that belongs to the
 * dtype. In that field a number of 16 bits or less takes a varint, of which its low bits
 * count, and a complex one takes two. A field with fewer values than elements repeats its
 * last; an empty one means zeros. Elements below a byte take one in tensor_content and a
 * varint each elsewhere.
 *
 * A repeated value makes much memory of few bytes, which is limited to EXPANDED_MAX; all
 * else is bounded by the size of the message.
 */
#include "format/tensor_proto.h"

#define EXPANDED_MAX ((size_t)2 << 30)

/* ---- what it is ------------------------------------------------------------------ */

static uf_status damaged(uf_error *error, const char *what) {
  return ufi_fail(error, UF_DATA_LOSS, "expected %s, found damaged bytes; get the file again", what);
}

uf_status ufi_shape_proto_parse(ufi_bytes message, int32_t *rank_out, int64_t dims_out[UF_MAX_RANK],
                                uf_error *error) {
  ufi_proto p = ufi_proto_of(message.data, message.size);
  int64_t rank = 0;
  bool unknown = false;
  while (ufi_proto_next(&p)) {
    if (p.field == 3) unknown = ufi_proto_uint(&p) != 0;
    if (p.field != 2) continue;
    int64_t size = 0;
    ufi_proto dim = ufi_proto_message(&p);
    while (ufi_proto_next(&dim))
      if (dim.field == 1) size = ufi_proto_int(&dim);
    if (dim.bad || size < -1) return damaged(error, "a shape");
    if (rank < UF_MAX_RANK) dims_out[rank] = size;
    rank++;
  }
  if (p.bad) return damaged(error, "a shape");
  if (rank > UF_MAX_RANK)
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected at most %d dimensions, found %lld; "
                    "it cannot be read here", UF_MAX_RANK, (long long)rank);
  *rank_out = unknown ? -1 : (int32_t)rank;
  return UF_OK;
}

static uf_status check_shape(ufi_tensor_proto *t, uf_error *error) {
  size_t bytes;
  char shape[UFI_SHAPE_TEXT];
  if (t->rank < 0)
    return ufi_fail(error, UF_DATA_LOSS, "expected the shape of a value, found one of unknown rank; "
                    "get the file again");
  if (ufi_shape_count(t->rank, t->dims, &t->count) &&
      ufi_dtype_bytes(uf_dtype_bits(t->dtype) < 8 ? UF_INT8 : t->dtype, t->count, &bytes))
    return UF_OK;
  return ufi_fail(error, UF_DATA_LOSS, "expected a shape that fits memory, found %s; "
                  "get the file again", ufi_shape_text(t->rank, t->dims, shape));
}

static uf_status parse(ufi_tensor_proto *t, uf_error *error) {
  int64_t number = 0;
  ufi_bytes shape = {0};
  ufi_proto p = ufi_proto_of(t->message.data, t->message.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) number = ufi_proto_int(&p);
    if (p.field == 2) shape = ufi_proto_bytes(&p);
    if (p.field == 4) t->content = ufi_proto_bytes(&p);
  }
  if (p.bad) return damaged(error, "a tensor");
  t->dtype = uf_dtype_from_tf(number);
  if (t->dtype == UF_INVALID)
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected a tensor of a dtype that TensorFlow 2.21 has, "
                    "found the dtype of number %lld", (long long)number);
  UFI_TRY(ufi_shape_proto_parse(shape, &t->rank, t->dims, error));
  return check_shape(t, error);
}

uf_status ufi_tensor_proto_parse(ufi_bytes message, ufi_tensor_proto *proto_out, uf_error *error) {
  ufi_tensor_proto t = {.message = message};
  uf_status status = parse(&t, error);
  *proto_out = status == UF_OK ? t : (ufi_tensor_proto){.message = message};
  return status;
}

static bool has_no_value(uf_dtype dtype) {
  return dtype == UF_INVALID || dtype == UF_RESOURCE || dtype == UF_VARIANT;
}

bool ufi_tensor_proto_is_plain(const ufi_tensor_proto *t) {
  size_t bytes;
  return !has_no_value(t->dtype) && t->dtype != UF_STRING && uf_dtype_bits(t->dtype) >= 8 &&
         t->content.size > 0 && ufi_dtype_bytes(t->dtype, t->count, &bytes) &&
         bytes == t->content.size;
}

/* ---- the field with the values ------------------------------------------------------ */

typedef struct field {
  uint32_t number;
  int width;       /* in the message: 0 varint, 4, 8 bytes; -1: bytes */
  size_t piece;    /* in memory; two make a complex number */
} field;

static field field_of(uf_dtype dtype) {
  size_t item = (size_t)UFI_MAX(uf_dtype_bits(dtype), 8) / 8;
  switch (dtype) {
    case UF_FLOAT32: return (field){5, 4, 4};
    case UF_FLOAT64: return (field){6, 8, 8};
    case UF_COMPLEX64: return (field){9, 4, 4};
    case UF_COMPLEX128: return (field){12, 8, 8};
    case UF_FLOAT16:
    case UF_BFLOAT16: return (field){13, 0, 2};
    case UF_INT64: return (field){10, 0, 8};
    case UF_UINT32: return (field){16, 0, 4};
    case UF_UINT64: return (field){17, 0, 8};
    case UF_BOOL: return (field){11, 0, 1};
    case UF_FLOAT8_E4M3FN:
    case UF_FLOAT8_E5M2:
    case UF_FLOAT8_E4M3FNUZ:
    case UF_FLOAT8_E4M3B11FNUZ:
    case UF_FLOAT8_E5M2FNUZ:
    case UF_FLOAT4_E2M1FN: return (field){18, -1, 1};
    default: return (field){7, 0, item};
  }
}

/* Pieces of the field at hand to out, at most room of them; how many. */
static size_t take_pieces(ufi_proto *p, const field *f, bool is_bool, uint8_t *out, size_t room) {
  if (f->width != 0 && p->wire == 2) { /* as in memory: float8, packed floats */
    ufi_bytes bytes = ufi_proto_bytes(p);
    size_t n = UFI_MIN(bytes.size / f->piece, room);
    if (bytes.size % f->piece) p->bad = true;
    if (n) memcpy(out, bytes.data, n * f->piece);
    return n;
  }
  ufi_bytes rest = {0};
  uint64_t value;
  size_t n = 0;
  while (ufi_proto_packed(p, f->width < 0 ? 0 : f->width, &rest, &value)) {
    if (n == room) continue; /* damage behind them counts, too */
    if (is_bool) value = value != 0;
    memcpy(out + n++ * f->piece, &value, f->piece); /* little-endian: the low bytes */
  }
  return n;
}

/* All values given, as far as there is room for n pieces. */
static uf_status take_values(const ufi_tensor_proto *t, const field *f, uint8_t *out, size_t n,
                             size_t *got_out, uf_error *error) {
  size_t got = 0;
  ufi_proto p = ufi_proto_of(t->message.data, t->message.size);
  while (ufi_proto_next(&p))
    if (p.field == f->number)
      got += take_pieces(&p, f, t->dtype == UF_BOOL, out + got * f->piece, n - got);
  if (p.bad) return damaged(error, "a tensor's values");
  *got_out = got;
  return UF_OK;
}

/* How many pieces the message has: decides over memory before it is asked for. */
static size_t count_values(const ufi_tensor_proto *t, const field *f) {
  size_t n = 0;
  ufi_proto p = ufi_proto_of(t->message.data, t->message.size);
  while (ufi_proto_next(&p)) {
    if (p.field != f->number) continue;
    ufi_bytes rest = {0};
    uint64_t value;
    if (f->width != 0 && p.wire == 2) n += p.bytes.size / f->piece;
    else while (ufi_proto_packed(&p, f->width < 0 ? 0 : f->width, &rest, &value)) n++;
  }
  return n;
}

static uf_status check_number(size_t got, size_t wanted, size_t bytes, int flags, uf_error *error) {
  if ((flags & UFI_TENSOR_PROTO_EXACT) && got != wanted)
    return ufi_fail(error, UF_DATA_LOSS, "expected %zu values for its shape, found %zu; "
                    "get the file again", wanted, got);
  if (got < wanted && bytes > EXPANDED_MAX)
    return ufi_fail(error, UF_RESOURCE_EXHAUSTED, "expected at most %zu bytes of repeated values, "
                    "found a shape that takes %zu", EXPANDED_MAX, bytes);
  return UF_OK;
}

/* Elements from the first `got` on become what the last is; none: zero. */
static void repeat_last(uint8_t *out, size_t item, size_t got, size_t n) {
  if (got == 0) {
    memset(out, 0, item * n);
    return;
  }
  for (size_t i = got; i < n; i++) memcpy(out + i * item, out + (got - 1) * item, item);
}

/* ---- numbers -------------------------------------------------------------------------- */

static uf_status wrong_content(const ufi_tensor_proto *t, size_t bytes, uf_error *error) {
  char shape[UFI_SHAPE_TEXT];
  return ufi_fail(error, UF_DATA_LOSS, "expected %zu bytes for %s of shape %s, found %zu; "
                  "get the file again", bytes, uf_dtype_name(t->dtype),
                  ufi_shape_text(t->rank, t->dims, shape), t->content.size);
}

/* Elements of at least a byte into out, which has room for them. */
static uf_status fill_numbers(const ufi_tensor_proto *t, size_t item, uint8_t *out,
                              uf_error *error) {
  size_t n = (size_t)t->count;
  if (t->content.size) {
    memcpy(out, t->content.data, t->content.size);
    return UF_OK;
  }
  field f = field_of(t->dtype);
  size_t per_item = item / f.piece, got = 0;
  UFI_TRY(take_values(t, &f, out, n * per_item, &got, error));
  repeat_last(out, item, got / per_item, n);
  return UF_OK;
}

static uf_status decode_numbers(const ufi_tensor_proto *t, int flags, uf_tensor *tensor,
                                uf_error *error) {
  size_t item = (size_t)UFI_MAX(uf_dtype_bits(t->dtype), 8) / 8, bytes = (size_t)t->count * item;
  bool packed = uf_dtype_bits(t->dtype) < 8;
  if (t->content.size && t->content.size != bytes) return wrong_content(t, bytes, error);
  if (!t->content.size && t->count) {
    field f = field_of(t->dtype);
    UFI_TRY(check_number(count_values(t, &f) / (item / f.piece), (size_t)t->count, bytes, flags,
                         error));
  }
  uf_buf *buf = uf_buf_create(bytes);
  if (!buf) return ufi_no_memory(error, bytes);
  uf_status status = bytes ? fill_numbers(t, item, uf_buf_data(buf), error) : UF_OK;
  if (status != UF_OK) {
    uf_buf_release(buf);
    return status;
  }
  /* Packing writes no byte before it is read: it may be done in place. */
  if (packed) ufi_pack_bytes(t->dtype, uf_buf_data(buf), t->count, uf_buf_data(buf));
  tensor->buf = buf;
  return ufi_dtype_bytes(t->dtype, t->count, &tensor->size) ? UF_OK : UF_INTERNAL;
}

/* ---- strings ---------------------------------------------------------------------------- */

/* From tensor_content: sizes, then characters. */
static uf_status strings_of_content(const ufi_tensor_proto *t, uf_string *out, uf_error *error) {
  ufi_bytes rest = t->content;
  size_t total = 0;
  for (int64_t i = 0; i < t->count; i++) {
    uint64_t size;
    if (!ufi_varint_take(&rest, &size) || !ufi_add_size(total, (size_t)size, &total))
      return damaged(error, "the sizes of strings");
    out[i].size = (size_t)size;
  }
  if (total != rest.size)
    return ufi_fail(error, UF_DATA_LOSS, "expected %zu bytes of characters, found %zu; "
                    "get the file again", total, rest.size);
  for (int64_t i = 0; i < t->count; i++) {
    out[i].data = (const char *)rest.data;
    rest.data += out[i].size;
  }
  return UF_OK;
}

static uf_status strings_of_field(const ufi_tensor_proto *t, uf_string *out, uf_error *error) {
  size_t n = 0, last, total, count = (size_t)t->count;
  ufi_proto p = ufi_proto_of(t->message.data, t->message.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 8) continue;
    ufi_bytes b = ufi_proto_bytes(&p);
    if (n < count) out[n++] = (uf_string){(const char *)b.data, b.size};
  }
  if (p.bad) return damaged(error, "a tensor's strings");
  last = n ? out[n - 1].size : 0;
  if (!ufi_mul_size(count - n, last, &total) || total > EXPANDED_MAX)
    return check_number(n, count, SIZE_MAX, 0, error);
  for (; n < count; n++) out[n] = n ? out[n - 1] : (uf_string){"", 0};
  return UF_OK;
}

static size_t count_strings(const ufi_tensor_proto *t) {
  size_t n = 0;
  ufi_proto p = ufi_proto_of(t->message.data, t->message.size);
  while (ufi_proto_next(&p)) n += p.field == 8;
  return n;
}

static uf_status decode_strings(const ufi_tensor_proto *t, int flags, uf_tensor *tensor,
                                uf_error *error) {
  size_t bytes = (size_t)t->count * sizeof(uf_string); /* checked by parse */
  size_t given = t->content.size ? t->content.size : count_strings(t);
  if (t->content.size && given < (size_t)t->count) return damaged(error, "the sizes of strings");
  if (!t->content.size) UFI_TRY(check_number(given, (size_t)t->count, bytes, flags, error));
  uf_string *strings = ufi_malloc(UFI_MAX(bytes, 1u));
  if (!strings) return ufi_no_memory(error, bytes);
  uf_status status = t->content.size && t->count ? strings_of_content(t, strings, error)
                                                 : strings_of_field(t, strings, error);
  if (status == UF_OK) status = ufi_strings_pack(strings, t->count, &tensor->buf, error);
  ufi_free(strings);
  tensor->size = bytes;
  return status;
}

uf_status ufi_tensor_proto_decode(const ufi_tensor_proto *t, int flags, uf_tensor *tensor_out,
                                  uf_error *error) {
  if (has_no_value(t->dtype))
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected numbers or strings, found a tensor of dtype "
                    "%s, which holds no array", uf_dtype_name(t->dtype));
  uf_tensor tensor = {.dtype = t->dtype, .rank = t->rank};
  memcpy(tensor.dims, t->dims, sizeof tensor.dims);
  UFI_TRY(t->dtype == UF_STRING ? decode_strings(t, flags, &tensor, error)
                                : decode_numbers(t, flags, &tensor, error));
  tensor.data = uf_buf_data(tensor.buf);
  *tensor_out = tensor;
  return UF_OK;
}
