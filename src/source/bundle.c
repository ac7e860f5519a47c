/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle.c: TensorFlow checkpoints, version 2 ("tensor bundles").
 *
 *   PREFIX.index                  a sorted table: "" -> BundleHeaderProto (number of shards,
 *                                 endianness, version), name -> BundleEntryProto; slices of
 *                                 tensors under keys of their own that begin with NUL
 *   PREFIX.data-00000-of-00002    the bytes, one tensor behind the other
 *
 * Opening reads the footer, the index of blocks and the header; a name that is asked for
 * costs one block. Shards are opened when a tensor in them is read. Numbers lie as in
 * memory, 4-bit and smaller ones in a byte each; strings as lengths (varints), their
 * masked checksum, and characters, where checksums are over the lengths as uint32 (uint64
 * when longer), the stored checksum and the characters.
 */
#include "source/bundle.h"

#include <stdio.h>

#include "base/crc32c.h"
#include "format/ordered_code.h"
#include "format/sstable.h"

enum { SHARDS_MAX = 1 << 20, SUFFIX_MAX = 64 };

typedef struct bundle {
  ufi_sstable *index;
  int32_t n_shards;
  bool big_endian;
  pthread_mutex_t lock; /* of files */
  ufi_file **files;     /* NULL: not opened yet */
  const char **paths;   /* NULL: not made yet; under the source's lock */
} bundle;

/* ---- shards ------------------------------------------------------------------------- */

static char *shard_path(const uf_source *source, int32_t shard, int32_t n) {
  size_t room = strlen(source->path) + SUFFIX_MAX;
  char *path = ufi_malloc(room);
  if (path) snprintf(path, room, "%s.data-%05d-of-%05d", source->path, (int)shard, (int)n);
  return path;
}

static uf_status open_shard(uf_source *source, int32_t shard, ufi_file **file_out, uf_error *error) {
  bundle *b = source->impl;
  char *path = shard_path(source, shard, b->n_shards);
  if (!path) return ufi_no_memory(error, strlen(source->path) + SUFFIX_MAX);
  uf_status status = ufi_file_open(ufi_source_fs(source), path, file_out, error);
  if (status == UF_NOT_FOUND)
    ufi_fail(error, UF_NOT_FOUND, "expected shard %d of %d of the checkpoint at '%s', found nothing "
             "there; copy all files of the checkpoint", (int)shard, (int)b->n_shards, path);
  ufi_free(path);
  return status;
}

/* The file stays the source's. */
static uf_status get_shard(uf_source *source, int32_t shard, ufi_file **file_out, uf_error *error) {
  bundle *b = source->impl;
  pthread_mutex_lock(&b->lock);
  uf_status status = UF_OK;
  if (!b->files[shard]) status = open_shard(source, shard, &b->files[shard], error);
  *file_out = b->files[shard];
  pthread_mutex_unlock(&b->lock);
  return status;
}

/* ---- entries ------------------------------------------------------------------------- */

/* Keys are C strings but for NULs in damaged or hostile files, which are shown as U+2400. */
static char *copy_name(uf_source *source, ufi_bytes key) {
  static const char symbol[] = "\xE2\x90\x80";
  size_t nuls = 0;
  for (size_t i = 0; i < key.size; i++) nuls += key.data[i] == 0;
  if (!nuls) return ufi_arena_string(source->arena, (const char *)key.data, key.size);
  char *name = ufi_arena_alloc(source->arena, key.size + 2 * nuls + 1), *to = name;
  for (size_t i = 0; name && i < key.size; i++) {
    size_t size = key.data[i] ? 1 : 3;
    memcpy(to, key.data[i] ? (const char *)key.data + i : symbol, size);
    to += size;
  }
  return name;
}

/* The path of the shard, made once. */
static uf_status set_file(uf_source *source, ufi_bundle_entry *entry, uf_error *error) {
  bundle *b = source->impl;
  if (!b->paths[entry->shard]) {
    char *path = shard_path(source, entry->shard, b->n_shards);
    if (path) b->paths[entry->shard] = ufi_arena_string(source->arena, path, strlen(path));
    ufi_free(path);
  }
  entry->e.file = b->paths[entry->shard];
  return entry->e.file ? UF_OK : ufi_no_memory(error, strlen(source->path) + SUFFIX_MAX);
}

typedef struct adder {
  uf_source *source;
  ufi_bundle_entry *found; /* the last one */
} adder;

static uf_status make_entry(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  adder *a = context;
  bundle *b = a->source->impl;
  char *name = copy_name(a->source, key);
  if (!name) return ufi_no_memory(error, key.size);
  UFI_TRY(ufi_bundle_entry_parse(a->source, name, value, b->n_shards, &a->found, error));
  a->found->swapped = b->big_endian;
  if (a->found->pieces || a->found->bad != UF_OK) return UF_OK;
  return set_file(a->source, a->found, error);
}

static uf_status add_entry(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  adder *a = context;
  if (key.size == 0 || key.data[0] == 0) return UF_OK; /* the header, slices */
  UFI_TRY(make_entry(context, key, value, error));
  const uf_source *s = a->source;
  if (s->n && strcmp(s->entries[s->n - 1]->name, a->found->e.name) >= 0)
    return ufi_fail(error, UF_DATA_LOSS, "%s.index: '%s': expected names in ascending order, found it "
                    "behind '%.256s'; the index is damaged", s->path, a->found->e.name,
                    s->entries[s->n - 1]->name);
  return ufi_source_add(a->source, &a->found->e, error);
}

static uf_status bundle_scan(uf_source *source, uf_error *error) {
  bundle *b = source->impl;
  adder a = {.source = source};
  return ufi_sstable_walk(b->index, add_entry, &a, error);
}

static uf_status find_key(uf_source *source, ufi_bytes key, ufi_bundle_entry **entry_out,
                          uf_error *error) {
  bundle *b = source->impl;
  adder a = {.source = source};
  UFI_TRY(ufi_sstable_find(b->index, key, make_entry, &a, error));
  *entry_out = a.found;
  return UF_OK;
}

static uf_status bundle_find(uf_source *source, const char *name, const uf_entry **entry_out,
                             uf_error *error) {
  if (!name[0]) return UF_NOT_FOUND; /* the header */
  ufi_bundle_entry *entry;
  UFI_TRY(find_key(source, (ufi_bytes){(const uint8_t *)name, strlen(name)}, &entry, error));
  *entry_out = &entry->e;
  return UF_OK;
}

/* ---- errors ----------------------------------------------------------------------------- */

static uf_status damaged(const ufi_file *file, const ufi_bundle_entry *b, const char *what,
                         uf_error *error) {
  return ufi_fail(error, UF_DATA_LOSS, "%s: offset %llu: '%s': %s; the file is damaged or belongs to "
                  "another index", ufi_file_path(file), (unsigned long long)b->e.offset, b->e.name, what);
}

static uf_status wrong_checksum(const ufi_file *file, const ufi_bundle_entry *b, uint32_t found,
                                uf_error *error) {
  char what[96];
  snprintf(what, sizeof what, "expected the checksum %08x, found %08x", b->crc, found);
  return damaged(file, b, what, error);
}

/* True when the message has the name in quotes. */
static bool says_name(const char *message, const char *name) {
  for (const char *at = message; (at = strstr(at, name)) != NULL; at++)
    if (at > message && at[-1] == '\'' && at[strlen(name)] == '\'') return true;
  return false;
}

/* Puts the tensor's name before what a file says, unless it is said there. */
static uf_status named(const ufi_bundle_entry *b, uf_status status, uf_error *error) {
  if (status != UF_OK && error && !says_name(error->message, b->e.name)) ufi_error_prefix(error, "'%s'", b->e.name);
  return status;
}

/* ---- strings and variants ---------------------------------------------------------------- */

/* Lengths, checksum and characters of a string tensor, checked. The elements point into
 * data. */
static uf_status parse_strings(const ufi_file *file, const ufi_bundle_entry *b, ufi_bytes data,
                               bool swap, uf_string *elements, int64_t count, uf_error *error) {
  uint32_t crc = 0;
  for (int64_t i = 0; i < count; i++) {
    uint64_t length;
    if (!ufi_varint_take(&data, &length) || length > b->e.size)
      return damaged(file, b, "expected the length of a string, found one that does not fit", error);
    elements[i].size = (size_t)length;
    uint32_t narrow = swap ? __builtin_bswap32((uint32_t)length) : (uint32_t)length;
    uint64_t wide = swap ? __builtin_bswap64(length) : length;
    bool is_narrow = length <= UINT32_MAX;
    crc = ufi_crc32c(crc, is_narrow ? (void *)&narrow : (void *)&wide, is_narrow ? 4 : 8);
  }
  if (data.size < 4) return damaged(file, b, "expected a checksum of lengths, found the end", error);
  uint32_t stored = ufi_load32(data.data);
  if (ufi_crc32c_unmask(swap ? __builtin_bswap32(stored) : stored) != crc)
    return damaged(file, b, "expected the checksum of the strings' lengths, found another", error);
  crc = ufi_crc32c(crc, data.data, 4);
  data.data += 4;
  data.size -= 4;
  crc = ufi_crc32c(crc, data.data, data.size);
  for (int64_t i = 0; i < count; i++) {
    if (elements[i].size > data.size)
      return damaged(file, b, "expected the characters of all strings, found the end", error);
    elements[i].data = (const char *)data.data;
    data.data += elements[i].size;
    data.size -= elements[i].size;
  }
  if (data.size) return damaged(file, b, "expected the end of the strings, found more bytes", error);
  return b->has_crc && crc != b->crc ? wrong_checksum(file, b, crc, error) : UF_OK;
}

/* Variants: each a varint length, a serialized VariantTensorDataProto and the masked
 * checksum so far, which is over lengths as uint64, bytes and checksums. */
static uf_status parse_variants(const ufi_file *file, const ufi_bundle_entry *b, ufi_bytes data,
                                bool swap, uf_string *elements, int64_t count, uf_error *error) {
  uint32_t crc = 0;
  for (int64_t i = 0; i < count; i++) {
    uint64_t length;
    if (!ufi_varint_take(&data, &length) || length > data.size || data.size - length < 4)
      return damaged(file, b, "expected a variant, found its length does not fit", error);
    uint64_t wide = swap ? __builtin_bswap64(length) : length;
    crc = ufi_crc32c(crc, &wide, sizeof wide);
    crc = ufi_crc32c(crc, data.data, (size_t)length);
    elements[i] = (uf_string){(const char *)data.data, (size_t)length};
    uint32_t stored = ufi_load32(data.data + length);
    if (ufi_crc32c_unmask(swap ? __builtin_bswap32(stored) : stored) != crc)
      return damaged(file, b, "expected the checksum of a variant, found another", error);
    crc = ufi_crc32c(crc, &stored, sizeof stored);
    data.data += length + 4;
    data.size -= (size_t)length + 4;
  }
  if (data.size) return damaged(file, b, "expected the end of the variants, found more bytes", error);
  return b->has_crc && crc != b->crc ? wrong_checksum(file, b, crc, error) : UF_OK;
}

static uf_status read_strings(uf_source *source, ufi_file *file, const ufi_bundle_entry *b,
                              uf_tensor *tensor, uf_error *error) {
  bundle *owner = source->impl;
  int64_t count = 0;
  uf_buf *bytes = NULL;
  uf_string *elements = NULL;
  ufi_shape_count(b->e.rank, b->e.dims, &count); /* checked when the entry was made */
  if ((uint64_t)count > b->e.size) /* each takes a byte at least */
    return damaged(file, b, "expected room for its strings, found too few bytes", error);
  UFI_TRY(ufi_file_view(file, b->e.offset, b->e.size, &bytes, error));
  uf_status status = UF_OK;
  if (!(elements = ufi_calloc((size_t)count, sizeof *elements)))
    status = ufi_no_memory(error, (size_t)count * sizeof *elements);
  ufi_bytes data = {uf_buf_data(bytes), uf_buf_size(bytes)};
  if (status == UF_OK && b->e.size)
    status = (b->e.dtype == UF_VARIANT ? parse_variants : parse_strings)(
        file, b, data, owner->big_endian, elements, count, error);
  if (status == UF_OK) status = ufi_strings_pack(elements, count, &tensor->buf, error);
  if (status == UF_OK) {
    tensor->dtype = UF_STRING;
    tensor->data = uf_buf_data(tensor->buf);
    tensor->size = (size_t)count * sizeof *elements;
  }
  ufi_free(elements);
  uf_buf_release(bytes);
  return status;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void swap_bytes(uf_tensor *t) {
  size_t width = (size_t)uf_dtype_bits(t->dtype) / 8;
  if (t->dtype == UF_COMPLEX64 || t->dtype == UF_COMPLEX128) width /= 2;
  uint8_t *p = t->data;
  for (size_t i = 0; width > 1 && i + width <= t->size; i += width)
    for (size_t k = 0; k < width / 2; k++) {
      uint8_t byte = p[i + k];
      p[i + k] = p[i + width - 1 - k];
      p[i + width - 1 - k] = byte;
    }
}

/* Elements of 2 and 4 bits, a byte each in the file, put together as uf_tensor has them. */
static uf_status pack(uf_dtype dtype, uf_tensor *t, uf_error *error) {
  int64_t count = (int64_t)t->size;
  size_t size = 0;
  uf_buf *packed = ufi_dtype_bytes(dtype, count, &size) ? uf_buf_create(size) : NULL;
  if (!packed) return ufi_no_memory(error, size);
  ufi_pack_bytes(dtype, t->data, count, uf_buf_data(packed));
  uf_tensor_release(t);
  t->buf = packed;
  t->data = uf_buf_data(packed);
  t->size = size;
  t->dtype = dtype;
  t->read_only = false;
  return UF_OK;
}

/* The entry as its bytes lie in the file. */
static uf_entry stored_entry(const ufi_bundle_entry *b) {
  uf_entry entry = b->e;
  if (uf_dtype_bits(entry.dtype) < 8) entry.dtype = UF_UINT8;
  return entry;
}

static uf_status check_size(const ufi_file *file, const ufi_bundle_entry *b, uf_error *error) {
  uf_entry stored = stored_entry(b);
  int64_t count = 0;
  size_t bytes = 0;
  ufi_shape_count(stored.rank, stored.dims, &count);
  if (ufi_dtype_bytes(stored.dtype, count, &bytes) && bytes == b->e.size) return UF_OK;
  char what[160];
  snprintf(what, sizeof what, "expected %zu bytes for its shape, found %llu in the index", bytes,
           (unsigned long long)b->e.size);
  return damaged(file, b, what, error);
}

/* A whole entry with a view's bytes copied and checked on the way. */
static uf_status read_checked(ufi_file *file, const ufi_bundle_entry *b, const uf_entry *stored,
                              int flags, uf_tensor *tensor, uf_error *error) {
  uint32_t crc = 0;
  bool copy = flags & UF_READ_COPY, mapped = ufi_file_mapping(file) != NULL;
  if (!copy || !mapped) { /* what is not mapped comes as a copy anyhow */
    UFI_TRY(ufi_read_plain(file, b->e.offset, stored, NULL, flags, tensor, error));
    if (b->has_crc) crc = ufi_crc32c(0, tensor->data, tensor->size);
  } else {
    uf_buf *view = NULL;
    UFI_TRY(ufi_file_view(file, b->e.offset, b->e.size, &view, error));
    ufi_region_shape(stored, NULL, tensor);
    uf_status status = ufi_tensor_memory(tensor, error); /* of e.size bytes: check_size */
    if (status == UF_OK)
      crc = ufi_crc32c_copy_fresh(0, tensor->data, uf_buf_data(view), tensor->size);
    uf_buf_release(view);
    UFI_TRY(status);
  }
  if (!b->has_crc || crc == b->crc) return UF_OK;
  uf_tensor_release(tensor);
  return wrong_checksum(file, b, crc, error);
}

static uf_status read_numbers(uf_source *source, ufi_file *file, const ufi_bundle_entry *b,
                              const uf_region *region, int flags, uf_tensor *tensor,
                              uf_error *error) {
  bundle *owner = source->impl;
  uf_entry stored = stored_entry(b);
  bool swap = owner->big_endian && uf_dtype_bits(stored.dtype) > 8;
  if (swap) flags |= UF_READ_COPY;
  UFI_TRY(check_size(file, b, error));
  bool check = !region && (flags & (UF_READ_COPY | UF_READ_VERIFY));
  UFI_TRY(check ? read_checked(file, b, &stored, flags, tensor, error)
                : ufi_read_plain(file, b->e.offset, &stored, region, flags, tensor, error));
  if (swap) swap_bytes(tensor);
  uf_status status = UF_OK;
  if (stored.dtype != b->e.dtype) status = pack(b->e.dtype, tensor, error);
  if (status != UF_OK) uf_tensor_release(tensor);
  return status;
}

/* ---- slices ---------------------------------------------------------------------------------- */

static uf_status missing_slice(const uf_source *source, const ufi_bundle_entry *b,
                               const ufi_piece *piece, uf_error *error) {
  char start[UFI_SHAPE_TEXT], extent[UFI_SHAPE_TEXT];
  return ufi_fail(error, UF_DATA_LOSS, "%s.index: '%s': expected its slice at %s of shape %s, found "
                  "none; a part of the checkpoint is missing", source->path, b->e.name,
                  ufi_shape_text(b->e.rank, piece->region.start, start),
                  ufi_shape_text(b->e.rank, piece->region.extent, extent));
}

/* That what lies under a piece's key is what the tensor says it is. */
static uf_status check_piece(const uf_source *source, const ufi_bundle_entry *b,
                             const ufi_piece *piece, uf_error *error) {
  const ufi_bundle_entry *found = piece->found;
  bool fits = found->bad == UF_OK && !found->pieces && found->e.dtype == b->e.dtype &&
              found->e.rank == b->e.rank;
  for (int32_t d = 0; fits && d < b->e.rank; d++)
    fits = found->e.dims[d] == piece->region.extent[d];
  return fits ? UF_OK
              : ufi_fail(error, UF_DATA_LOSS, "%s.index: '%s': expected slices of its dtype and of "
                         "the shapes it says, found another; the index is damaged", source->path,
                         b->e.name);
}

/* Looks a piece up under its own key, once. */
static uf_status find_piece(uf_source *source, const ufi_bundle_entry *b, ufi_piece *piece,
                            uf_error *error) {
  size_t size;
  uint8_t *key = ufi_slice_key(b->e.name, b->e.rank, piece->start, piece->length, &size);
  if (!key) return ufi_no_memory(error, strlen(b->e.name));
  pthread_mutex_lock(&source->lock);
  uf_status status = UF_OK;
  if (!piece->found) status = find_key(source, (ufi_bytes){key, size}, &piece->found, error);
  if (status == UF_OK) piece->found->e.name = b->e.name; /* for messages */
  pthread_mutex_unlock(&source->lock);
  ufi_free(key);
  if (status == UF_NOT_FOUND) return missing_slice(source, b, piece, error);
  UFI_TRY(status);
  return check_piece(source, b, piece, error);
}

static uf_status read_piece(uf_source *source, const ufi_bundle_entry *b, ufi_piece *piece,
                            const uf_region *want, uf_tensor *whole, uf_error *error) {
  uf_region both, part;
  if (!ufi_region_intersect(&piece->region, want, b->e.rank, &both)) return UF_OK;
  ufi_region_within(&both, &piece->region, b->e.rank, &part);
  UFI_TRY(find_piece(source, b, piece, error));
  uf_tensor block = {0};
  UFI_TRY(uf_source_read(source, &piece->found->e, &part, UF_READ_UNALIGNED | UF_READ_VERIFY,
                         &block, error));
  ufi_region_place(&block, &both, want, whole->data);
  uf_tensor_release(&block);
  return UF_OK;
}

static bool has_plain_elements(uf_dtype dtype) {
  return dtype != UF_STRING && dtype != UF_VARIANT && uf_dtype_bits(dtype) >= 8;
}

static uf_status read_pieces(uf_source *source, const ufi_bundle_entry *b, const uf_region *region,
                             uf_tensor *tensor, uf_error *error) {
  if (!has_plain_elements(b->e.dtype))
    return ufi_fail(error, UF_UNIMPLEMENTED, "%s: '%s': expected slices of numbers, found slices of "
                    "%s; they cannot be put together", source->path, b->e.name,
                    uf_dtype_name(b->e.dtype));
  UFI_TRY(ufi_pieces_check(source->path, b, error));
  uf_region all = {{0}, {0}};
  memcpy(all.extent, b->e.dims, sizeof all.extent);
  ufi_region_shape(&b->e, region, tensor);
  uf_status status = ufi_tensor_memory(tensor, error);
  for (int32_t i = 0; i < b->e.n_pieces && status == UF_OK && tensor->size; i++)
    status = read_piece(source, b, &b->pieces[i], region ? region : &all, tensor, error);
  if (status != UF_OK) uf_tensor_release(tensor);
  return status;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static uf_status read_one(uf_source *source, const ufi_bundle_entry *b, const uf_region *region,
                          int flags, uf_tensor *tensor, uf_error *error) {
  ufi_file *file = NULL;
  UFI_TRY(get_shard(source, b->shard, &file, error));
  if (b->e.dtype != UF_STRING && b->e.dtype != UF_VARIANT)
    return read_numbers(source, file, b, region, flags, tensor, error);
  ufi_region_shape(&b->e, NULL, tensor);
  UFI_TRY(read_strings(source, file, b, tensor, error));
  if (!region) return UF_OK;
  uf_tensor whole = *tensor;
  uf_status status = ufi_tensor_region(&whole, region, tensor, error);
  uf_tensor_release(&whole);
  return status;
}

static uf_status bundle_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                             int flags, uf_tensor *tensor_out, uf_error *error) {
  const ufi_bundle_entry *b = (const ufi_bundle_entry *)entry;
  if (b->bad != UF_OK)
    return ufi_fail(error, b->bad, "%s.index: '%s': %s%s", source->path, b->e.name, b->why,
                    b->bad == UF_DATA_LOSS ? "; the index is damaged" : "");
  uf_tensor tensor = {0};
  uf_status status = b->pieces ? read_pieces(source, b, region, &tensor, error)
                               : read_one(source, b, region, flags, &tensor, error);
  if (status == UF_OK) *tensor_out = tensor;
  return named(b, status, error);
}

/* Views show the file's bytes only where it is as memory is. */
static bool bundle_crc32c(const uf_entry *entry, uint32_t *crc_out) {
  const ufi_bundle_entry *b = (const ufi_bundle_entry *)entry;
  *crc_out = b->crc;
  return b->has_crc && b->bad == UF_OK && !b->pieces && has_plain_elements(b->e.dtype) && !b->swapped;
}

/* ---- names ------------------------------------------------------------------------------------- */

static const char object_graph_key[] = "_CHECKPOINTABLE_OBJECT_GRAPH";

/* Without an object graph, as in checkpoints of names, names say it all. */
static uf_status bundle_variables(uf_source *source, uf_variable *variables, size_t n,
                                  uf_error *error) {
  ufi_bundle_entry *graph = NULL;
  uf_status status = find_key(source, (ufi_bytes){(const uint8_t *)object_graph_key,
                                                  sizeof object_graph_key - 1}, &graph, error);
  if (status == UF_NOT_FOUND) return ufi_variables_by_name(source, variables, n, error);
  UFI_TRY(status);
  uf_tensor message = {0};
  if (graph->e.dtype != UF_STRING || graph->e.rank != 0)
    return ufi_fail(error, UF_DATA_LOSS, "%s: '%s': expected a string, found %s", source->path,
                    object_graph_key, uf_dtype_name(graph->e.dtype));
  UFI_TRY(bundle_read(source, &graph->e, NULL, 0, &message, error));
  const uf_string *text = message.data;
  status = ufi_objects_name(source, text->data, text->size, variables, n, error);
  uf_tensor_release(&message);
  return status;
}

/* ---- opening --------------------------------------------------------------------------------------- */

static void bundle_destroy(uf_source *source) {
  bundle *b = source->impl;
  for (int32_t i = 0; b->files && i < b->n_shards; i++) ufi_file_release(b->files[i]);
  ufi_free(b->files);
  ufi_free(b->paths);
  ufi_sstable_close(b->index);
  pthread_mutex_destroy(&b->lock);
  ufi_free(b);
}

static const ufi_source_ops bundle_ops = {
  .format = "checkpoint", .sorted = true, .scan = bundle_scan, .find = bundle_find, .read = bundle_read,
  .crc32c = bundle_crc32c, .variables = bundle_variables, .destroy = bundle_destroy};

/* BundleHeaderProto: 1 num_shards, 2 endianness (1: big), 3 version {1 producer, 2 min_consumer}. */
static uf_status parse_header(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  bundle *b = context;
  int64_t n_shards = 0, min_consumer = 0;
  ufi_proto p = ufi_proto_of(value.data, value.size);
  while (ufi_proto_next(&p)) {
    if (p.field == 1) n_shards = ufi_proto_int(&p);
    if (p.field == 2) b->big_endian = ufi_proto_uint(&p) == 1;
    if (p.field != 3) continue;
    ufi_proto version = ufi_proto_message(&p);
    while (ufi_proto_next(&version))
      if (version.field == 2) min_consumer = ufi_proto_int(&version);
  }
  if (p.bad || n_shards < 1 || n_shards > SHARDS_MAX)
    return ufi_fail(error, UF_DATA_LOSS, "expected a header with a number of shards from 1 to %d, "
                    "found %lld; the file is damaged", SHARDS_MAX, (long long)n_shards);
  if (min_consumer > 1)
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected a checkpoint of version 1, found one for "
                    "readers of version %lld and up", (long long)min_consumer);
  b->n_shards = (int32_t)n_shards;
  return UF_OK;
}

static uf_status open_index(const char *prefix, const uf_filesystem *fs, bundle *b,
                            uf_error *error) {
  size_t room = strlen(prefix) + SUFFIX_MAX;
  char *path = ufi_malloc(room);
  ufi_file *file = NULL;
  if (!path) return ufi_no_memory(error, room);
  snprintf(path, room, "%s.index", prefix);
  uf_status status = ufi_file_open(fs, path, &file, error);
  if (status == UF_OK) status = ufi_sstable_open(file, &b->index, error);
  if (status == UF_OK) {
    status = ufi_sstable_find(b->index, (ufi_bytes){(const uint8_t *)"", 0}, parse_header, b, error);
    if (status == UF_NOT_FOUND)
      status = ufi_fail(error, UF_DATA_LOSS, "expected the header of a checkpoint, found a table "
                        "without one; it is no checkpoint's .index");
    if (status != UF_OK) ufi_error_prefix(error, "%s", path);
  }
  ufi_file_release(file);
  ufi_free(path);
  return status;
}

static const char *describe(uf_source *source, const bundle *b) {
  char text[64];
  int size = snprintf(text, sizeof text, "%d shard%s, %s-endian", (int)b->n_shards,
                      b->n_shards == 1 ? "" : "s", b->big_endian ? "big" : "little");
  const char *copy = ufi_arena_string(source->arena, text, (size_t)size);
  return copy ? copy : "";
}

uf_status ufi_open_bundle(const char *prefix, const uf_filesystem *fs, uf_source **source_out,
                          uf_error *error) {
  uf_source *source = ufi_source_create(prefix, fs, &bundle_ops, error);
  if (!source) return UF_RESOURCE_EXHAUSTED;
  bundle *b = ufi_calloc(1, sizeof *b);
  if (!b || pthread_mutex_init(&b->lock, NULL) != 0) {
    ufi_free(b);
    uf_source_release(source);
    return ufi_no_memory(error, sizeof *b);
  }
  source->impl = b;
  uf_status status = open_index(prefix, ufi_source_fs(source), b, error);
  if (status == UF_OK && (!(b->files = ufi_calloc((size_t)b->n_shards, sizeof *b->files)) ||
                          !(b->paths = ufi_calloc((size_t)b->n_shards, sizeof *b->paths))))
    status = ufi_no_memory(error, (size_t)b->n_shards * sizeof *b->files);
  if (status != UF_OK) {
    uf_source_release(source);
    return status;
  }
  source->details = describe(source, b);
  *source_out = source;
  return UF_OK;
}
