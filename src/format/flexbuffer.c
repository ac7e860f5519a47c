/* SPDX-License-Identifier: Apache-2.0
 *
 * flexbuffer.c: a bounded reader of FlexBuffers (see flexbuffer.h).
 */
#include "format/flexbuffer.h"

/* Kinds that are read here, numbered as in the format. */
enum {
  KIND_INT = 1, KIND_UINT = 2, KIND_FLOAT = 3, KIND_INDIRECT_INT = 6, KIND_INDIRECT_UINT = 7,
  KIND_KEY = 4, KIND_STRING = 5, KIND_INDIRECT_FLOAT = 8, KIND_MAP = 9, KIND_VECTOR = 10,
  KIND_VECTOR_INT = 11, KIND_VECTOR_KEY = 14, KIND_VECTOR_STRING = 15, KIND_VECTOR_INT2 = 16,
  KIND_VECTOR_FLOAT4 = 24, KIND_BLOB = 25, KIND_BOOL = 26, KIND_VECTOR_BOOL = 36,
};

static int kind_of(const ufi_flex *v) { return v->type >> 2; }

static bool fits(const ufi_flex *v, size_t at, size_t size) { return at <= v->size && size <= v->size - at; }

/* The unsigned number of 1, 2, 4 or 8 bytes at a place. */
static bool load(const ufi_flex *v, size_t at, size_t width, uint64_t *out) {
  *out = 0;
  if (width == 0 || !fits(v, at, width)) return false;
  memcpy(out, v->data + at, width); /* little-endian, like the format */
  return true;
}

/* Where the distance stored at a place leads. */
static bool follow(const ufi_flex *v, size_t at, size_t width, size_t *out) {
  uint64_t distance;
  if (!load(v, at, width, &distance) || distance > at) return false;
  *out = at - (size_t)distance;
  return true;
}

ufi_flex ufi_flex_root(const void *data, size_t size) {
  ufi_flex v = {.data = data, .size = size};
  if (size < 3) return v;
  uint8_t width = v.data[size - 1];
  if ((width != 1 && width != 2 && width != 4 && width != 8) || width > size - 2) return v;
  v.width = width;
  v.type = v.data[size - 2];
  v.at = size - 2 - width;
  return v;
}

/* A map's parts: the row of values, its length, the row of keys. */
typedef struct map_parts {
  size_t values, width, count, keys, key_width;
} map_parts;

static bool open_map(const ufi_flex *map, map_parts *p) {
  uint64_t count, key_width;
  p->width = (size_t)1 << (map->type & 3);
  if (kind_of(map) != KIND_MAP || !follow(map, map->at, map->width, &p->values)) return false;
  if (p->values < 3 * p->width) return false;
  if (!load(map, p->values - p->width, p->width, &count) ||
      !load(map, p->values - 2 * p->width, p->width, &key_width) ||
      !follow(map, p->values - 3 * p->width, p->width, &p->keys))
    return false;
  if (key_width != 1 && key_width != 2 && key_width != 4 && key_width != 8) return false;
  /* Values and their type bytes, and the keys, must lie inside. */
  if (count > map->size || !fits(map, p->values, (size_t)count * (p->width + 1)) ||
      !fits(map, p->keys, (size_t)count * (size_t)key_width))
    return false;
  p->count = (size_t)count;
  p->key_width = (size_t)key_width;
  return true;
}

ufi_flex ufi_flex_get(const ufi_flex *map, const char *key) {
  ufi_flex none = {.data = map->data, .size = map->size};
  map_parts p;
  size_t text, length = strlen(key) + 1; /* with the NUL */
  if (!open_map(map, &p)) return none;
  for (size_t i = 0; i < p.count; i++) {
    if (!follow(map, p.keys + i * p.key_width, p.key_width, &text)) return none;
    if (!fits(map, text, length) || memcmp(map->data + text, key, length) != 0) continue;
    return (ufi_flex){.data = map->data, .size = map->size, .at = p.values + i * p.width,
                      .width = (uint8_t)p.width, .type = map->data[p.values + p.count * p.width + i]};
  }
  return none;
}

/* ---- vectors and bytes ------------------------------------------------------------ */

typedef struct vector_parts {
  size_t values, width, count;
  uint8_t type;   /* of every element; 0: each has its own behind them */
} vector_parts;

/* Vectors of exactly 2, 3 or 4 numbers store no length. */
static bool fixed_vector(int kind, vector_parts *p) {
  if (kind < KIND_VECTOR_INT2 || kind > KIND_VECTOR_FLOAT4) return false;
  p->count = (size_t)(kind - KIND_VECTOR_INT2) / 3 + 2;
  p->type = (uint8_t)((KIND_INT + (kind - KIND_VECTOR_INT2) % 3) << 2);
  return true;
}

static bool open_vector(const ufi_flex *v, vector_parts *p) {
  int kind = kind_of(v);
  uint64_t count;
  *p = (vector_parts){.width = (size_t)1 << (v->type & 3)};
  bool is_typed = (kind >= KIND_VECTOR_INT && kind <= KIND_VECTOR_STRING) || kind == KIND_VECTOR_BOOL;
  bool is_fixed = fixed_vector(kind, p);
  if (kind != KIND_MAP && kind != KIND_VECTOR && !is_typed && !is_fixed) return false;
  if (!follow(v, v->at, v->width, &p->values)) return false;
  if (is_fixed) return fits(v, p->values, p->count * p->width);
  if (p->values < p->width || !load(v, p->values - p->width, p->width, &count) || count > v->size) return false;
  p->count = (size_t)count;
  if (kind == KIND_VECTOR_BOOL) p->type = KIND_BOOL << 2;
  else if (is_typed) p->type = (uint8_t)((kind - KIND_VECTOR_INT + KIND_INT) << 2);
  return fits(v, p->values, p->count * (p->width + (p->type == 0)));
}

size_t ufi_flex_count(const ufi_flex *vector) {
  vector_parts p;
  return open_vector(vector, &p) ? p.count : 0;
}

ufi_flex ufi_flex_at(const ufi_flex *vector, size_t i) {
  vector_parts p;
  ufi_flex out = {.data = vector->data, .size = vector->size};
  if (!open_vector(vector, &p) || i >= p.count) return out;
  out.at = p.values + i * p.width;
  out.width = (uint8_t)p.width;
  out.type = p.type ? p.type : vector->data[p.values + p.count * p.width + i];
  return out;
}

const char *ufi_flex_key(const ufi_flex *map, size_t i) {
  map_parts p;
  size_t text;
  if (!open_map(map, &p) || i >= p.count) return NULL;
  if (!follow(map, p.keys + i * p.key_width, p.key_width, &text)) return NULL;
  return memchr(map->data + text, 0, map->size - text) ? (const char *)map->data + text : NULL;
}

const uint8_t *ufi_flex_bytes(const ufi_flex *value, size_t *size_out) {
  size_t at, width = (size_t)1 << (value->type & 3);
  uint64_t size;
  int kind = kind_of(value);
  if (kind != KIND_KEY && kind != KIND_STRING && kind != KIND_BLOB) return NULL;
  if (!follow(value, value->at, value->width, &at)) return NULL;
  if (kind == KIND_KEY) {
    const uint8_t *end = at < value->size ? memchr(value->data + at, 0, value->size - at) : NULL;
    *size_out = end ? (size_t)(end - (value->data + at)) : 0;
    return end ? value->data + at : NULL;
  }
  if (at < width || !load(value, at - width, width, &size) || size > value->size || !fits(value, at, (size_t)size)) return NULL;
  *size_out = (size_t)size;
  return value->data + at;
}

/* ---- numbers ---------------------------------------------------------------------- */

/* The place and width of a number, which may lie elsewhere. */
static bool find_number(const ufi_flex *v, size_t *at, size_t *width) {
  *at = v->at;
  *width = v->width;
  if (kind_of(v) < KIND_INDIRECT_INT || kind_of(v) > KIND_INDIRECT_FLOAT) return true;
  *width = (size_t)1 << (v->type & 3);
  return follow(v, v->at, v->width, at);
}

static int64_t sign_extend(uint64_t bits, size_t width) {
  unsigned shift = (unsigned)(64 - 8 * width);
  return (int64_t)(bits << shift) >> shift;
}

static bool bits_to_double(uint64_t bits, size_t width, double *out) {
  float single;
  if (width == 8) {
    memcpy(out, &bits, 8);
    return true;
  }
  if (width == 4) {
    memcpy(&single, &bits, 4);
    *out = (double)single;
    return true;
  }
  if (width != 2) return false; /* no such float */
  *out = (double)ufi_half_to_float((uint16_t)bits);
  return true;
}

int64_t ufi_flex_int(const ufi_flex *value, int64_t fallback) {
  size_t at, width;
  uint64_t bits;
  double number;
  if (!find_number(value, &at, &width) || !load(value, at, width, &bits)) return fallback;
  switch (kind_of(value)) {
    case KIND_INT: case KIND_INDIRECT_INT: return sign_extend(bits, width);
    case KIND_UINT: case KIND_INDIRECT_UINT: return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
    case KIND_BOOL: return bits != 0;
    case KIND_FLOAT: case KIND_INDIRECT_FLOAT:
      if (!bits_to_double(bits, width, &number) || !(number > -9e18 && number < 9e18)) return fallback;
      return (int64_t)number;
    default: return fallback;
  }
}

double ufi_flex_float(const ufi_flex *value, double fallback) {
  size_t at, width;
  uint64_t bits;
  double number;
  if (!find_number(value, &at, &width) || !load(value, at, width, &bits)) return fallback;
  switch (kind_of(value)) {
    case KIND_INT: case KIND_INDIRECT_INT: return (double)sign_extend(bits, width);
    case KIND_UINT: case KIND_INDIRECT_UINT: case KIND_BOOL: return (double)bits;
    case KIND_FLOAT: case KIND_INDIRECT_FLOAT: return bits_to_double(bits, width, &number) ? number : fallback;
    default: return fallback;
  }
}
