/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_read.c: NumPy's array files as tensors.
 *
 * npy_write.c says what a .npy is. Read are versions 1, 2 (a uint32 length) and
 * 3 (the text is UTF-8); either byte order; C and Fortran order; bool, integers,
 * floats and complex numbers, bytes ('S') and text ('U', which becomes UTF-8).
 * V2 is bfloat16 and V1 is float8_e4m3fn, as ml_dtypes writes them. Refused by
 * name are structured arrays, dates and pickled objects.
 *
 * The text is a Python literal. The small parser below takes what NumPy's
 * versions have written, in any order of keys and spacing; it never evaluates
 * anything. The file may be hostile: the shape is multiplied with overflow
 * checks and compared with the bytes that are there before memory is asked for.
 */
#include "format/npy.h"

typedef struct layout {
  char kind;          /* NumPy's: b i u f c S U V */
  size_t item;        /* bytes of an element */
  size_t swap;        /* bytes of the pieces to be reversed; 1: none */
  uf_dtype dtype;
  bool fortran;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  int64_t count;
  size_t offset, size; /* of the array */
} layout;

static uf_status bad_header(uf_error *error, const char *expected) {
  return ufi_fail(error, UF_DATA_LOSS,
                  "expected %s in the .npy header, found something else; "
                  "write the file with numpy.save", expected);
}

/* ---- the header text ----------------------------------------------------------- */

typedef struct cursor {
  const char *p, *end;
} cursor;

static void skip_spaces(cursor *c) {
  while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r')) c->p++;
}

static bool accept(cursor *c, char wanted) {
  skip_spaces(c);
  if (c->p == c->end || *c->p != wanted) return false;
  c->p++;
  return true;
}

static bool accept_word(cursor *c, const char *word) {
  skip_spaces(c);
  size_t size = strlen(word);
  if ((size_t)(c->end - c->p) < size || memcmp(c->p, word, size) != 0) return false;
  c->p += size;
  return true;
}

/* 'text' or "text" without escapes. */
static bool accept_string(cursor *c, const char **text_out, size_t *size_out) {
  char quote = accept(c, '\'') ? '\'' : accept(c, '"') ? '"' : 0;
  const char *close = quote ? memchr(c->p, quote, (size_t)(c->end - c->p)) : NULL;
  if (!close) return false;
  *text_out = c->p;
  *size_out = (size_t)(close - c->p);
  c->p = close + 1;
  return true;
}

/* A number; an L may follow, as Python 2 wrote it. */
static bool accept_number(cursor *c, int64_t *value_out) {
  skip_spaces(c);
  if (c->p == c->end || *c->p < '0' || *c->p > '9') return false;
  int64_t value = 0;
  for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, *c->p - '0', &value))
      return false;
  if (c->p < c->end && *c->p == 'L') c->p++;
  *value_out = value;
  return true;
}

/* ---- dtypes ----------------------------------------------------------------------- */

static uf_dtype dtype_of(char kind, int64_t item) {
  static const struct { char kind, item; uf_dtype dtype; } table[] = {
    {'b', 1, UF_BOOL},      {'i', 1, UF_INT8},       {'i', 2, UF_INT16},
    {'i', 4, UF_INT32},     {'i', 8, UF_INT64},      {'u', 1, UF_UINT8},
    {'u', 2, UF_UINT16},    {'u', 4, UF_UINT32},     {'u', 8, UF_UINT64},
    {'f', 1, UF_FLOAT8_E5M2}, {'f', 2, UF_FLOAT16},  {'f', 4, UF_FLOAT32},
    {'f', 8, UF_FLOAT64},   {'c', 8, UF_COMPLEX64},  {'c', 16, UF_COMPLEX128},
    {'V', 2, UF_BFLOAT16},  {'V', 1, UF_FLOAT8_E4M3FN},
  };
  if (kind == 'S' || kind == 'a' || kind == 'U') return UF_STRING;
  for (size_t i = 0; i < UFI_COUNT(table); i++)
    if (table[i].kind == kind && table[i].item == item) return table[i].dtype;
  return UF_INVALID;
}

/* "<f4": byte order (optional), kind, bytes per element (U: characters). */
static uf_status parse_descr(const char *text, size_t size, layout *l, uf_error *error) {
  cursor c = {text, text + size};
  bool big = accept(&c, '>');
  if (!big && !accept(&c, '<') && !accept(&c, '|')) accept(&c, '=');
  int64_t item = 0;
  l->kind = c.p < c.end ? *c.p++ : 0;
  bool good = accept_number(&c, &item) && c.p == c.end;
  if (l->kind == '?' && c.p == c.end) {
    l->kind = 'b';
    item = 1;
    good = true;
  }
  l->dtype = good ? dtype_of(l->kind, item) : UF_INVALID;
  if (l->dtype == UF_INVALID || item > INT32_MAX)
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected an array of numbers, bools or strings, found NumPy dtype '%.*s'; "
                    "convert it before saving", (int)UFI_MIN(size, 40), text);
  l->item = (size_t)item * (l->kind == 'U' ? 4 : 1);
  l->swap = !big ? 1 : l->kind == 'U' ? 4 : l->kind == 'c' ? l->item / 2 : l->item;
  if (l->kind == 'S' || l->kind == 'a' || l->kind == 'b') l->swap = 1;
  return UF_OK;
}

static uf_status parse_descr_value(cursor *c, layout *l, uf_error *error) {
  const char *text;
  size_t size;
  if (accept(c, '['))
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected an array of one dtype, found a structured one; "
                    "save its fields one by one");
  if (!accept_string(c, &text, &size)) return bad_header(error, "a dtype");
  return parse_descr(text, size, l, error);
}

static uf_status parse_shape(cursor *c, layout *l, uf_error *error) {
  if (!accept(c, '(')) return bad_header(error, "a shape");
  l->rank = 0;
  while (!accept(c, ')')) {
    int64_t dim;
    if (!accept_number(c, &dim)) return bad_header(error, "an extent");
    if (l->rank == UF_MAX_RANK)
      return ufi_fail(error, UF_UNIMPLEMENTED,
                      "expected at most %d dimensions, found more; reshape the array", UF_MAX_RANK);
    l->dims[l->rank++] = dim;
    if (accept(c, ',')) continue;
    if (!accept(c, ')')) return bad_header(error, "a shape");
    break;
  }
  return UF_OK;
}

static uf_status parse_dict(cursor *c, layout *l, uf_error *error) {
  bool descr = false, order = false, shape = false;
  if (!accept(c, '{')) return bad_header(error, "a dict");
  while (!accept(c, '}')) {
    const char *key = NULL;
    size_t size = 0;
    if (!accept_string(c, &key, &size) || !accept(c, ':')) return bad_header(error, "a key");
    if (!descr && size == 5 && memcmp(key, "descr", 5) == 0) {
      UFI_TRY(parse_descr_value(c, l, error));
      descr = true;
    } else if (!order && size == 13 && memcmp(key, "fortran_order", 13) == 0) {
      l->fortran = accept_word(c, "True");
      if (!l->fortran && !accept_word(c, "False")) return bad_header(error, "True or False");
      order = true;
    } else if (!shape && size == 5 && memcmp(key, "shape", 5) == 0) {
      UFI_TRY(parse_shape(c, l, error));
      shape = true;
    } else {
      return bad_header(error, "only descr, fortran_order and shape");
    }
    if (accept(c, ',')) continue;
    if (!accept(c, '}')) return bad_header(error, "the end of the dict");
    break;
  }
  return descr && order && shape ? UF_OK : bad_header(error, "descr, fortran_order and shape");
}

uint64_t ufi_npy_header_size(const unsigned char p[UFI_NPY_PREFIX]) {
  if (memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1) return 0;
  return p[6] == 1 ? 10u + ufi_load16(p + 8) : 12u + (uint64_t)ufi_load32(p + 8);
}

/* p has the first `size` of `total` bytes. */
static uf_status parse(const unsigned char *p, size_t size, uint64_t total, layout *l,
                       uf_error *error) {
  if (size < UFI_NPY_PREFIX || memcmp(p, "\x93NUMPY", 6) != 0)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a .npy file, found %llu bytes of something else; "
                    "write it with numpy.save", (unsigned long long)total);
  if (p[6] < 1 || p[6] > 3)
    return ufi_fail(error, UF_UNIMPLEMENTED,
                    "expected .npy version 1, 2 or 3, found %d; write it with numpy.save", p[6]);
  size_t prefix = p[6] == 1 ? 10 : 12;
  uint64_t header = ufi_npy_header_size(p);
  if (header > size) return bad_header(error, "a header inside the file");
  cursor c = {(const char *)p + prefix, (const char *)p + header};
  UFI_TRY(parse_dict(&c, l, error));
  l->offset = (size_t)header;
  if (!ufi_shape_count(l->rank, l->dims, &l->count) ||
      !ufi_mul_size((size_t)l->count, l->item, &l->size) || l->size > total - l->offset) {
    char shape[UFI_SHAPE_TEXT];
    return ufi_fail(error, UF_DATA_LOSS,
                    "expected %s elements of %zu bytes, found %llu bytes in all; get the file again",
                    ufi_shape_text(l->rank, l->dims, shape), l->item,
                    (unsigned long long)(total - l->offset));
  }
  /* Strings of width 0 take no bytes in the file but do in memory. */
  if (l->item == 0 && l->count > 1 << 16) return bad_header(error, "strings of at least a byte");
  return UF_OK;
}

uf_status ufi_npy_inspect(const void *head, size_t size, uint64_t total, ufi_npy_info *info_out,
                          uf_error *error) {
  layout l = {0};
  UFI_TRY(parse(head, size, total, &l, error));
  *info_out = (ufi_npy_info){
    .dtype = l.dtype, .rank = l.rank, .offset = l.offset, .size = l.size,
    .plain = l.dtype != UF_STRING && l.swap == 1 && !(l.fortran && l.rank > 1)};
  memcpy(info_out->dims, l.dims, sizeof l.dims);
  return UF_OK;
}

/* ---- the array ----------------------------------------------------------------------- */

/* out, in C order, takes what src has in Fortran order. The elements of out are
 * visited one after the other; index counts along. */
static void from_fortran(const layout *l, const unsigned char *src, unsigned char *out) {
  size_t stride[UF_MAX_RANK], at = 0, item = l->item;
  int64_t index[UF_MAX_RANK] = {0};
  for (int32_t i = 0; i < l->rank; i++)
    stride[i] = i == 0 ? item : stride[i - 1] * (size_t)l->dims[i - 1];
  for (int64_t n = 0; n < l->count; n++, out += item) {
    switch (item) {
      case 1: out[0] = src[at]; break;
      case 4: memcpy(out, src + at, 4); break;
      case 8: memcpy(out, src + at, 8); break;
      default: memcpy(out, src + at, item);
    }
    for (int32_t i = l->rank - 1; i >= 0; i--) {
      at += stride[i];
      if (++index[i] < l->dims[i]) break;
      at -= stride[i] * (size_t)l->dims[i];
      index[i] = 0;
    }
  }
}

static void swap_bytes(unsigned char *p, size_t size, size_t piece) {
  for (unsigned char *end = p + size; p < end; p += piece)
    for (size_t i = 0; i < piece / 2; i++) {
      unsigned char t = p[i];
      p[i] = p[piece - 1 - i];
      p[piece - 1 - i] = t;
    }
}

/* UTF-8 of n code points, without the NULs at the end; false: one is no
 * character. out has room for 4 * n bytes. */
static bool encode_text(const unsigned char *src, size_t n, char *out, size_t *size_out) {
  char *p = out;
  while (n > 0 && ufi_load32(src + 4 * (n - 1)) == 0) n--;
  for (size_t i = 0; i < n; i++) {
    uint32_t u = ufi_load32(src + 4 * i);
    if (u > 0x10FFFF || (u >= 0xD800 && u < 0xE000)) return false;
    if (u < 0x80) { *p++ = (char)u; continue; }
    if (u < 0x800) *p++ = (char)(0xC0 | u >> 6);
    else {
      if (u < 0x10000) *p++ = (char)(0xE0 | u >> 12);
      else { *p++ = (char)(0xF0 | u >> 18); *p++ = (char)(0x80 | (u >> 12 & 63)); }
      *p++ = (char)(0x80 | (u >> 6 & 63));
    }
    *p++ = (char)(0x80 | (u & 63));
  }
  *size_out = (size_t)(p - out);
  return true;
}

/* The string tensor of l's elements at src. Code points take 4 bytes in the file
 * and at most 4 in UTF-8, so the characters fit behind the elements. */
static uf_status make_strings(const layout *l, const unsigned char *src, uf_buf **buf_out,
                              uf_error *error) {
  size_t total;
  if (!ufi_mul_size((size_t)l->count, sizeof(uf_string), &total) ||
      !ufi_add_size(total, l->size, &total))
    return ufi_no_memory(error, SIZE_MAX);
  uf_buf *buf = uf_buf_create(total);
  if (!buf) return ufi_no_memory(error, total);
  uf_string *strings = uf_buf_data(buf);
  char *characters = (char *)(strings + l->count);
  for (int64_t i = 0; i < l->count; i++, src += l->item) {
    size_t size = l->item;
    if (l->kind == 'U') {
      if (!encode_text(src, l->item / 4, characters, &size)) {
        uf_buf_release(buf);
        return ufi_fail(error, UF_DATA_LOSS,
                        "expected Unicode text, found a code point that is no character; "
                        "get the file again");
      }
    } else {
      while (size > 0 && src[size - 1] == 0) size--;
      if (size) memcpy(characters, src, size);
    }
    strings[i] = (uf_string){characters, size};
    characters += size;
  }
  *buf_out = buf;
  return UF_OK;
}

/* Makes the array's bytes those of a tensor: C order, little-endian, in memory
 * that may be written. */
static uf_status make_plain(const layout *l, uf_buf *buf, bool may_share, uf_buf **buf_out,
                            uf_error *error) {
  unsigned char *src = (unsigned char *)uf_buf_data(buf) + l->offset;
  bool reorder = l->fortran && l->rank > 1;
  bool share = may_share && !reorder && (uintptr_t)src % 16 == 0;
  uf_buf *made = share ? ufi_buf_slice(buf, src, l->size) : uf_buf_create(l->size);
  if (!made) return ufi_no_memory(error, l->size);
  unsigned char *out = uf_buf_data(made);
  if (reorder) from_fortran(l, src, out);
  else if (!share && l->size) memcpy(out, src, l->size);
  if (l->swap > 1) swap_bytes(out, l->size, l->swap);
  if (l->dtype == UF_BOOL) /* any other byte in a C bool is undefined */
    for (size_t i = 0; i < l->size; i++) out[i] = out[i] != 0;
  *buf_out = made;
  return UF_OK;
}

uf_status ufi_npy_decode(uf_buf *buf, bool may_share, uf_tensor *tensor_out, uf_error *error) {
  layout l = {0};
  UFI_TRY(parse(uf_buf_data(buf), uf_buf_size(buf), uf_buf_size(buf), &l, error));
  uf_buf *made = NULL;
  bool strings = l.dtype == UF_STRING;
  bool in_place = strings && !(l.fortran && l.rank > 1) && l.swap == 1;
  if (in_place) {
    UFI_TRY(make_strings(&l, (unsigned char *)uf_buf_data(buf) + l.offset, &made, error));
  } else {
    UFI_TRY(make_plain(&l, buf, may_share, &made, error));
  }
  if (strings && !in_place) {
    uf_buf *plain = made;
    uf_status status = make_strings(&l, uf_buf_data(plain), &made, error);
    uf_buf_release(plain);
    if (status != UF_OK) return status;
  }
  uf_tensor t = {.dtype = l.dtype, .rank = l.rank, .data = uf_buf_data(made), .buf = made};
  memcpy(t.dims, l.dims, sizeof t.dims);
  t.size = strings ? (size_t)l.count * sizeof(uf_string) : l.size;
  *tensor_out = t;
  return UF_OK;
}
