/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors.c: .safetensors files.
 *
 *   8 bytes      size of the header, little-endian
 *   the header   JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
 *                "__metadata__": {"KEY": "TEXT"}}
 *   the arrays   little-endian, rows first; offsets count from here
 *
 * The header is read and checked at open. A name twice, or arrays that share bytes,
 * make the file ambiguous and are refused; an array whose numbers do not fit each other, or whose
 * dtype we do not have, is listed as dtype "invalid" and fails alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "format/json_read.h"
#include "source/source.h"

enum { PREFIX = 8, HEADER_MAX = 100 << 20 /* as the format has it */, DETAILS_MAX = 512 };

typedef struct array {
  uf_entry e;
  uint64_t begin, end; /* from the header's end */
  uf_status bad;
  const char *why;
} array;

typedef struct safetensors {
  ufi_file *file;
  uint64_t data; /* where the arrays begin */
} safetensors;

static uf_dtype dtype_of(const char *name) {
  static const struct { const char *name; uf_dtype dtype; } table[] = {
    {"BOOL", UF_BOOL}, {"U8", UF_UINT8}, {"I8", UF_INT8}, {"U16", UF_UINT16}, {"I16", UF_INT16},
    {"U32", UF_UINT32}, {"I32", UF_INT32}, {"U64", UF_UINT64}, {"I64", UF_INT64},
    {"F16", UF_FLOAT16}, {"BF16", UF_BFLOAT16}, {"F32", UF_FLOAT32}, {"F64", UF_FLOAT64},
    {"F8_E4M3", UF_FLOAT8_E4M3FN}, {"F8_E5M2", UF_FLOAT8_E5M2}, {"C64", UF_COMPLEX64},
  };
  for (size_t i = 0; i < UFI_COUNT(table); i++)
    if (strcmp(table[i].name, name) == 0) return table[i].dtype;
  return UF_INVALID;
}

static void set_bad(array *a, uf_status status, const char *why) {
  if (a->bad != UF_OK) return;
  a->bad = status;
  a->why = why;
}

/* ---- the header -------------------------------------------------------------------- */

static void parse_shape(ufi_json *j, array *a) {
  for (bool more = ufi_json_open(j, '['); more; more = ufi_json_more(j, ']')) {
    int64_t dim = 0;
    if (ufi_json_int(j, &dim) && dim < 0) set_bad(a, UF_DATA_LOSS, "a shape without negative extents");
    if (a->e.rank == UF_MAX_RANK) set_bad(a, UF_UNIMPLEMENTED, "at most 8 dimensions");
    else a->e.dims[a->e.rank++] = dim;
  }
}

static void parse_offsets(ufi_json *j, array *a) {
  int64_t ends[2] = {0, 0};
  int n = 0;
  for (bool more = ufi_json_open(j, '['); more; more = ufi_json_more(j, ']'), n++) {
    int64_t value = 0;
    ufi_json_int(j, &value);
    if (n < 2) ends[n] = value;
  }
  if (n != 2 || ends[0] < 0 || ends[1] < ends[0])
    set_bad(a, UF_DATA_LOSS, "data_offsets of a begin and an end behind it");
  a->begin = (uint64_t)ends[0];
  a->end = (uint64_t)ends[1];
}

static void check(array *a) {
  int64_t count;
  size_t bytes;
  if (a->bad == UF_OK && (!ufi_shape_count(a->e.rank, a->e.dims, &count) ||
                          !ufi_dtype_bytes(a->e.dtype, count, &bytes) || bytes != a->end - a->begin))
    set_bad(a, UF_DATA_LOSS, "data_offsets of as many bytes as its dtype and shape take");
  if (a->bad == UF_OK) return;
  a->e.dtype = UF_INVALID;
  a->e.rank = 0;
}

/* False: out of memory, unless j is bad. */
static bool parse_array(ufi_json *j, ufi_arena *arena, array *a) {
  bool dtype = false, shape = false, offsets = false;
  for (bool more = ufi_json_open(j, '{'); more; more = ufi_json_more(j, '}')) {
    const char *key = ufi_json_key(j, arena);
    if (!key) return false;
    if (strcmp(key, "dtype") == 0 && !dtype) {
      const char *text = ufi_json_string(j, arena);
      if (!text) return false;
      dtype = true;
      a->e.dtype = dtype_of(text);
      if (a->e.dtype == UF_INVALID)
        set_bad(a, UF_UNIMPLEMENTED, "a dtype such as F32, BF16, I64 or BOOL");
    } else if (strcmp(key, "shape") == 0 && !shape) {
      shape = true;
      parse_shape(j, a);
    } else if (strcmp(key, "data_offsets") == 0 && !offsets) {
      offsets = true;
      parse_offsets(j, a);
    } else {
      ufi_json_skip(j);
    }
  }
  if (!dtype || !shape || !offsets) set_bad(a, UF_DATA_LOSS, "dtype, shape and data_offsets");
  check(a);
  return !j->bad;
}

/* "key: text, key: text" as details. False: out of memory, unless j is bad. */
static bool parse_metadata(ufi_json *j, uf_source *source) {
  char text[DETAILS_MAX];
  size_t used = 0;
  for (bool more = ufi_json_open(j, '{'); more; more = ufi_json_more(j, '}')) {
    const char *key = ufi_json_key(j, source->arena);
    const char *value = key ? ufi_json_string(j, source->arena) : NULL;
    if (!value) return false;
    if (used < sizeof text) {
      int n = snprintf(text + used, sizeof text - used, "%s%s: %s", used ? ", " : "", key, value);
      used += n > 0 ? (size_t)n : 0;
    }
  }
  const char *copy = ufi_arena_string(source->arena, text, UFI_MIN(used, sizeof text - 1));
  if (copy) source->details = copy;
  return copy != NULL && !j->bad;
}

static bool add_name(ufi_names *names, const char *name, size_t i, bool *twice_out) {
  *twice_out = ufi_names_find(names, name) >= 0;
  return *twice_out || ufi_names_add(names, name, (int32_t)i);
}

static uf_status damaged(const uf_source *source, uint64_t offset, const char *expected,
                         uf_error *error) {
  return ufi_fail(error, UF_DATA_LOSS, "%s: offset %llu: expected %s, found another; "
                  "get the file again", source->path, (unsigned long long)offset, expected);
}

static uf_status parse_header(uf_source *source, ufi_json *j, const char *text, ufi_names *names,
                              uf_error *error) {
  safetensors *s = source->impl;
  ufi_arena *arena = source->arena;
  for (bool more = ufi_json_open(j, '{'); more; more = ufi_json_more(j, '}')) {
    const char *name = ufi_json_key(j, arena);
    bool twice = false, good = name != NULL;
    array *a = NULL;
    if (good && strcmp(name, "__metadata__") == 0) {
      good = parse_metadata(j, source);
    } else if (good) {
      a = ufi_arena_alloc(arena, sizeof *a);
      good = a && parse_array(j, arena, a) && add_name(names, name, source->n, &twice);
    }
    if (j->bad) break;
    if (!good) return ufi_no_memory(error, sizeof *a);
    if (twice) return ufi_fail(error, UF_DATA_LOSS, "%s: expected every name once, found '%.200s' "
                               "twice; write the file anew", source->path, name);
    if (!a) continue;
    a->e.name = name;
    a->e.n_pieces = 1;
    a->e.size = a->end - a->begin;
    a->e.file = source->path;
    a->e.offset = s->data + a->begin;
    UFI_TRY(ufi_source_add(source, &a->e, error));
  }
  if (!j->bad && !ufi_json_at_end(j)) j->bad = true;
  return j->bad ? damaged(source, PREFIX + (uint64_t)(j->at - text),
                          "a header in JSON with arrays in it", error)
                : UF_OK;
}

/* ---- arrays side by side ----------------------------------------------------------------- */

static int by_begin(const void *a, const void *b) {
  const array *x = *(const array *const *)a, *y = *(const array *const *)b;
  if (x->begin != y->begin) return x->begin > y->begin ? 1 : -1;
  return (x->end > y->end) - (x->end < y->end);
}

static uf_status check_apart(const uf_source *source, uf_error *error) {
  size_t n = 0, bytes = source->n * sizeof(array *);
  const array **sorted = ufi_malloc(UFI_MAX(bytes, 1u));
  if (!sorted) return ufi_no_memory(error, bytes);
  for (size_t i = 0; i < source->n; i++) {
    const array *a = (const array *)source->entries[i];
    if (a->end > a->begin && a->bad == UF_OK) sorted[n++] = a;
  }
  if (n) qsort(sorted, n, sizeof *sorted, by_begin);
  uf_status status = UF_OK;
  for (size_t i = 1; i < n && status == UF_OK; i++)
    if (sorted[i]->begin < sorted[i - 1]->end)
      status = ufi_fail(error, UF_DATA_LOSS, "%s: expected arrays that do not overlap, found '%.200s' "
                        "and '%.200s'; write the file anew", source->path, sorted[i - 1]->e.name,
                        sorted[i]->e.name);
  ufi_free(sorted);
  return status;
}

static uf_status read_header(uf_source *source, uf_error *error) {
  safetensors *s = source->impl;
  uf_buf *header = NULL;
  ufi_names *names = ufi_names_create(64);
  if (!names) return ufi_no_memory(error, 64);
  uf_status status = ufi_file_view(s->file, PREFIX, s->data - PREFIX, &header, error);
  if (status == UF_OK) {
    const char *text = uf_buf_data(header);
    ufi_json j = ufi_json_of(text, uf_buf_size(header));
    status = parse_header(source, &j, text, names, error);
  }
  if (status == UF_OK) status = check_apart(source, error);
  ufi_names_destroy(names);
  uf_buf_release(header);
  return status;
}

/* ---- the source ---------------------------------------------------------------------------- */

static uf_status safetensors_read(uf_source *source, const uf_entry *entry,
                                  const uf_region *region, int flags, uf_tensor *tensor_out,
                                  uf_error *error) {
  safetensors *s = source->impl;
  const array *a = (const array *)entry;
  if (a->bad != UF_OK)
    return ufi_fail(error, a->bad, "%s: '%.200s': expected %s, found another; get the file again",
                    source->path, entry->name, a->why);
  uf_status status = ufi_read_plain(s->file, entry->offset, entry, region, flags, tensor_out, error);
  if (status != UF_OK) ufi_error_prefix(error, "'%.200s'", entry->name); /* the path is there */
  return status;
}

static void safetensors_destroy(uf_source *source) {
  safetensors *s = source->impl;
  ufi_file_release(s->file);
  ufi_free(s);
}

static const ufi_source_ops safetensors_ops = {
  .format = "safetensors", .read = safetensors_read,
  .destroy = safetensors_destroy};

uf_status ufi_open_safetensors(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                               uf_error *error) {
  const char *path = ufi_file_path(file);
  uint8_t prefix[PREFIX];
  UFI_TRY(ufi_file_read(file, 0, PREFIX, prefix, error));
  uint64_t size = ufi_load64(prefix), room = ufi_file_size(file) - PREFIX;
  if (size > room || size > HEADER_MAX || size == 0)
    return ufi_fail(error, UF_DATA_LOSS, "%s: offset 0: expected the size of a header inside the file "
                    "and below 100 MiB, found %llu; get the file again", path,
                    (unsigned long long)size);
  uf_source *source = ufi_source_create(path, fs, &safetensors_ops, error);
  if (!source) return UF_RESOURCE_EXHAUSTED;
  safetensors *s = ufi_calloc(1, sizeof *s);
  if (!s) {
    uf_source_release(source);
    return ufi_no_memory(error, sizeof *s);
  }
  *s = (safetensors){.file = ufi_file_retain(file), .data = PREFIX + size};
  source->impl = s;
  uf_status status = read_header(source, error);
  if (status == UF_OK) *source_out = source;
  else uf_source_release(source);
  return status;
}
