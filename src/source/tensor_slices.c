/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_slices.c: TensorFlow checkpoints, version 1 ("tensor slices").
 *
 * One file, or several shards PREFIX-0000I-of-0000N; each is a sorted table (sstable.h,
 * blocks packed by Snappy) of SavedTensorSlices messages (saved_tensor_slice.proto):
 *
 *   key ""             1 meta { 1 tensor { 1 name, 2 shape, 3 type,
 *                                          4 slice { 1 extent { 1 start, 2 length } } } }
 *   a slice's key      2 data { 1 name, 2 slice, 3 data (a TensorProto) }
 *   (ordered_code.h)
 *
 * A tensor may be saved in slices, and those may lie in several shards. Opening reads the
 * meta messages, which list everything; a value is looked up when it is read, of a region
 * only the slices that it touches. Slices must not overlap and must fill what is read: a tensor
 * with too few or too many is listed as the others and fails alone.
 *
 * TensorProtos in slices have values but neither dtype nor shape; the meta has them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "format/ordered_code.h"
#include "format/sstable.h"
#include "format/tensor_proto.h"
#include "source/source.h"

enum {
  PIECES_MAX = 8192,   /* of one tensor: comparing them may take n * n steps */
  PER_BYTE_MAX = 32,   /* elements in a byte of a file: Snappy unpacks to 22 bytes at most */
};

typedef struct piece {
  int64_t start[UF_MAX_RANK], length[UF_MAX_RANK]; /* as in the key: -1: all of it */
  uf_region region;                                /* the same in numbers */
  size_t shard;
  struct piece *next;
} piece;

typedef struct tensor {
  uf_entry e;
  piece *first, *last;
  uf_status bad;       /* not UF_OK: why it cannot be read, with */
  const char *why;     /* these words */
  bool checked;        /* that its pieces do not overlap; under the source's lock */
} tensor;

typedef struct slices {
  ufi_sstable **tables;
  size_t n_tables;
  uint64_t n_bytes;    /* of all files */
  ufi_names *names;    /* to tensors */
  tensor **tensors;
  size_t n, capacity;
} slices;

/* ---- the meta messages -------------------------------------------------------------- */

static void set_bad(tensor *t, uf_status status, const char *why) {
  if (t->bad != UF_OK) return;
  t->bad = status;
  t->why = why;
}

static void parse_extent(tensor *t, ufi_proto p, int32_t d, piece *s) {
  int64_t start = 0, length = -1, size = t->e.dims[d];
  while (ufi_proto_next(&p)) {
    if (p.field == 1) start = ufi_proto_int(&p);
    if (p.field == 2) length = ufi_proto_int(&p);
  }
  int64_t extent = length == -1 ? size : length;
  if (p.bad || start < 0 || extent < 0 || start > size || extent > size - start ||
      (length == -1 && start != 0))
    set_bad(t, UF_DATA_LOSS, "expected slices inside its shape, found one that is not");
  s->start[d] = start;
  s->length[d] = length;
  s->region.start[d] = start;
  s->region.extent[d] = extent;
}

static uf_status parse_piece(uf_source *source, tensor *t, ufi_proto p, size_t shard,
                             uf_error *error) {
  piece *s = ufi_arena_alloc(source->arena, sizeof *s);
  if (!s) return ufi_no_memory(error, sizeof *s);
  s->shard = shard;
  int32_t d = 0;
  while (ufi_proto_next(&p)) {
    if (p.field != 1) continue;
    if (d < t->e.rank) parse_extent(t, ufi_proto_message(&p), d, s);
    d = UFI_MIN(d, UF_MAX_RANK) + 1;
  }
  if (p.bad || d != t->e.rank)
    set_bad(t, UF_DATA_LOSS, "expected slices of its rank, found another");
  if (t->last) t->last->next = s;
  else t->first = s;
  t->last = s;
  if (t->e.n_pieces++ == PIECES_MAX)
    set_bad(t, UF_UNIMPLEMENTED, "expected at most 8192 slices, found more");
  return UF_OK;
}

static void set_shape(tensor *t, int64_t type, ufi_bytes shape) {
  uf_error words = {0};
  int64_t count;
  size_t bytes;
  t->e.dtype = uf_dtype_from_tf(type);
  uf_status status = ufi_shape_proto_parse(shape, &t->e.rank, t->e.dims, &words);
  if (status != UF_OK || t->e.rank < 0) {
    t->e.rank = 0;
    set_bad(t, status == UF_UNIMPLEMENTED ? status : UF_DATA_LOSS,
            status == UF_UNIMPLEMENTED ? "expected at most 8 dimensions, found more"
                                       : "expected its shape, found damaged bytes");
  } else if (t->e.dtype == UF_INVALID || uf_dtype_bits(t->e.dtype) < 8) {
    set_bad(t, UF_DATA_LOSS, "expected a dtype that such a checkpoint has, found another");
  } else if (!ufi_shape_count(t->e.rank, t->e.dims, &count) ||
             !ufi_dtype_bytes(t->e.dtype, count, &bytes)) {
    set_bad(t, UF_DATA_LOSS, "expected a shape that fits memory, found one that does not");
  }
}

/* The tensor of that name, of which another shard may have told before. */
static uf_status get_tensor(uf_source *source, ufi_bytes name, int64_t type, ufi_bytes shape,
                            tensor **tensor_out, uf_error *error) {
  slices *s = source->impl;
  const char *text = ufi_arena_string(source->arena, name.size ? (const char *)name.data : "",
                                      name.size);
  tensor *t = ufi_arena_alloc(source->arena, sizeof *t);
  if (!text || !t) return ufi_no_memory(error, name.size);
  t->e.name = text;
  set_shape(t, type, shape);
  int32_t known = ufi_names_find(s->names, text);
  if (known >= 0) {
    tensor *old = s->tensors[known];
    if (t->e.dtype != old->e.dtype || t->e.rank != old->e.rank ||
        memcmp(t->e.dims, old->e.dims, sizeof t->e.dims) != 0)
      set_bad(old, UF_DATA_LOSS, "expected one dtype and shape in all shards, found two");
    *tensor_out = old;
    return UF_OK;
  }
  if (s->n == s->capacity) {
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    tensor **tensors = capacity <= INT32_MAX ? ufi_realloc(s->tensors, capacity * sizeof *tensors)
                                             : NULL;
    if (!tensors) return ufi_no_memory(error, capacity * sizeof *tensors);
    s->tensors = tensors;
    s->capacity = capacity;
  }
  if (!ufi_names_add(s->names, text, (int32_t)s->n)) return ufi_no_memory(error, name.size);
  s->tensors[s->n++] = *tensor_out = t;
  return UF_OK;
}

static uf_status parse_tensor(uf_source *source, ufi_proto p, size_t shard, uf_error *error) {
  ufi_bytes name = {0}, shape = {0};
  int64_t type = 0;
  tensor *t = NULL;
  for (ufi_proto q = p; ufi_proto_next(&q);) {
    if (q.field == 1) name = ufi_proto_bytes(&q);
    if (q.field == 2) shape = ufi_proto_bytes(&q);
    if (q.field == 3) type = ufi_proto_int(&q);
  }
  UFI_TRY(get_tensor(source, name, type, shape, &t, error));
  bool any = false;
  while (ufi_proto_next(&p)) {
    if (p.field != 4) continue;
    any = true;
    UFI_TRY(parse_piece(source, t, ufi_proto_message(&p), shard, error));
  }
  if (p.bad || !any) set_bad(t, UF_DATA_LOSS, "expected its slices, found damaged bytes");
  return UF_OK;
}

typedef struct meta_walk {
  uf_source *source;
  size_t shard;
} meta_walk;

static uf_status parse_meta(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  meta_walk *w = context;
  bool any = false;
  ufi_proto p = ufi_proto_of(value.data, value.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 1) continue;
    any = true;
    ufi_proto meta = ufi_proto_message(&p);
    while (ufi_proto_next(&meta))
      if (meta.field == 1)
        UFI_TRY(parse_tensor(w->source, ufi_proto_message(&meta), w->shard, error));
    p.bad |= meta.bad;
  }
  if (p.bad || !any)
    return ufi_fail(error, UF_DATA_LOSS, "expected the list of a V1 checkpoint's tensors under the "
                    "key '', found damaged bytes; get the file again");
  return UF_OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(tensor *const *)a)->e.name, (*(tensor *const *)b)->e.name);
}

static uf_status slices_scan(uf_source *source, uf_error *error) {
  slices *s = source->impl;
  for (size_t i = 0; i < s->n; i++) UFI_TRY(ufi_source_add(source, &s->tensors[i]->e, error));
  return UF_OK;
}

/* ---- pieces together ------------------------------------------------------------------ */

static int by_start(const void *a, const void *b) {
  const uf_region *x = &(*(piece *const *)a)->region, *y = &(*(piece *const *)b)->region;
  return (x->start[0] > y->start[0]) - (x->start[0] < y->start[0]);
}

static void fail_piece(const tensor *t, const piece *s, const char *expected, uf_error *error) {
  char start[UFI_SHAPE_TEXT], extent[UFI_SHAPE_TEXT];
  ufi_fail(error, UF_DATA_LOSS, "%s, found the slice at %s of shape %s; a part of the checkpoint is "
           "from another one", expected, ufi_shape_text(t->e.rank, s->region.start, start),
           ufi_shape_text(t->e.rank, s->region.extent, extent));
}

/* Sorted along the first dimension, a piece is compared with those that begin before it
 * ends. */
static uf_status check_apart(const tensor *t, uf_error *error) {
  size_t n = 0, bytes = (size_t)t->e.n_pieces * sizeof(piece *);
  uf_region both;
  if (t->e.n_pieces < 2) return UF_OK;
  piece **sorted = ufi_malloc(bytes);
  if (!sorted) return ufi_no_memory(error, bytes);
  for (piece *s = t->first; s; s = s->next) sorted[n++] = s;
  if (t->e.rank > 0) qsort(sorted, n, sizeof *sorted, by_start);
  bool clash = false;
  for (size_t i = 0; i < n && !clash; i++)
    for (size_t k = i + 1; k < n && !clash; k++) {
      const uf_region *a = &sorted[i]->region, *b = &sorted[k]->region;
      if (t->e.rank > 0 && b->start[0] >= a->start[0] + a->extent[0]) break;
      clash = ufi_region_intersect(a, b, t->e.rank, &both);
      if (clash) fail_piece(t, sorted[k], "expected slices that do not overlap", error);
    }
  ufi_free(sorted);
  return clash ? UF_DATA_LOSS : UF_OK;
}

static uf_status check_once(uf_source *source, tensor *t, uf_error *error) {
  pthread_mutex_lock(&source->lock);
  bool checked = t->checked;
  pthread_mutex_unlock(&source->lock);
  if (checked) return UF_OK;
  UFI_TRY(check_apart(t, error));
  pthread_mutex_lock(&source->lock);
  t->checked = true;
  pthread_mutex_unlock(&source->lock);
  return UF_OK;
}

/* That pieces cover all of what is wanted; without overlaps, their volumes say so. */
static uf_status check_cover(const tensor *t, const uf_region *want, uf_error *error) {
  int64_t wanted = 0, have = 0, part = 0;
  uf_region both;
  ufi_shape_count(t->e.rank, want->extent, &wanted);
  for (const piece *s = t->first; s; s = s->next)
    if (ufi_region_intersect(&s->region, want, t->e.rank, &both) &&
        ufi_shape_count(t->e.rank, both.extent, &part))
      have += part; /* parts of one tensor whose elements can be counted */
  if (have == wanted) return UF_OK;
  char shape[UFI_SHAPE_TEXT];
  return ufi_fail(error, UF_DATA_LOSS, "expected slices that make up %s, found %lld of %lld elements "
                  "in %d slices; a part of the checkpoint is missing",
                  ufi_shape_text(t->e.rank, t->e.dims, shape), (long long)have, (long long)wanted,
                  (int)t->e.n_pieces);
}

/* ---- one piece --------------------------------------------------------------------------- */

typedef struct lookup {
  const tensor *t;
  const piece *s;
  uf_tensor value;
} lookup;

static uf_status take_value(void *context, ufi_bytes key, ufi_bytes value, uf_error *error) {
  lookup *l = context;
  ufi_tensor_proto proto = {.dtype = l->t->e.dtype, .rank = l->t->e.rank};
  memcpy(proto.dims, l->s->region.extent, sizeof proto.dims);
  ufi_proto p = ufi_proto_of(value.data, value.size);
  while (ufi_proto_next(&p)) {
    if (p.field != 2) continue;
    ufi_proto data = ufi_proto_message(&p);
    while (ufi_proto_next(&data))
      if (data.field == 3) proto.message = ufi_proto_bytes(&data);
    p.bad |= data.bad;
  }
  ufi_proto inner = ufi_proto_of(proto.message.data, proto.message.size);
  while (ufi_proto_next(&inner))
    if (inner.field == 4) proto.content = ufi_proto_bytes(&inner);
  if (p.bad || inner.bad || !ufi_shape_count(proto.rank, proto.dims, &proto.count))
    return ufi_fail(error, UF_DATA_LOSS, "expected the values of a slice, found damaged bytes; "
                    "get the file again");
  return ufi_tensor_proto_decode(&proto, UFI_TENSOR_PROTO_EXACT, &l->value, error);
}

static uf_status read_piece(uf_source *source, const tensor *t, const piece *s, uf_tensor *out,
                            uf_error *error) {
  slices *all = source->impl;
  size_t size;
  uint8_t *key = ufi_slice_key(t->e.name, t->e.rank, s->start, s->length, &size);
  if (!key) return ufi_no_memory(error, strlen(t->e.name));
  lookup l = {.t = t, .s = s};
  uf_status status = ufi_sstable_find(all->tables[s->shard], (ufi_bytes){key, size}, take_value, &l,
                                      error);
  ufi_free(key);
  if (status == UF_NOT_FOUND) {
    char start[UFI_SHAPE_TEXT], extent[UFI_SHAPE_TEXT];
    return ufi_fail(error, UF_DATA_LOSS, "expected its slice at %s of shape %s in shard %zu, found "
                    "none; a part of the checkpoint is missing",
                    ufi_shape_text(t->e.rank, s->region.start, start),
                    ufi_shape_text(t->e.rank, s->region.extent, extent), s->shard);
  }
  if (status == UF_OK) *out = l.value;
  return status;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The elements of a piece that are wanted. Strings stay in the piece's own memory. */
static uf_status read_part(uf_source *source, const tensor *t, const piece *s,
                           const uf_region *want, uint8_t *to, uf_tensor *keep, uf_error *error) {
  uf_region both, inside;
  if (!ufi_region_intersect(&s->region, want, t->e.rank, &both)) return UF_OK;
  uf_tensor whole = {0}, part = {0};
  UFI_TRY(read_piece(source, t, s, &whole, error));
  ufi_region_within(&both, &s->region, t->e.rank, &inside);
  uf_status status = ufi_tensor_region(&whole, &inside, &part, error);
  uf_tensor_release(&whole);
  if (status != UF_OK) return status;
  ufi_region_place(&part, &both, want, to);
  *keep = part;
  return UF_OK;
}

/* Strings of pieces into one block of memory. */
static uf_status pack_strings(uf_tensor *out, uf_error *error) {
  uf_buf *packed = NULL;
  UFI_TRY(ufi_strings_pack(out->data, uf_tensor_count(out), &packed, error));
  uf_buf_release(out->buf);
  out->buf = packed;
  out->data = uf_buf_data(packed);
  return UF_OK;
}

static uf_status merge(uf_source *source, const tensor *t, const uf_region *want, uf_tensor *out,
                       uf_error *error) {
  uf_status status = ufi_tensor_memory(out, error);
  uf_tensor *kept = ufi_calloc((size_t)t->e.n_pieces, sizeof *kept);
  if (status == UF_OK && !kept) status = ufi_no_memory(error, (size_t)t->e.n_pieces * sizeof *kept);
  size_t i = 0;
  for (const piece *s = t->first; s && out->size && status == UF_OK; s = s->next, i++) {
    status = read_part(source, t, s, want, out->data, &kept[i], error);
    if (t->e.dtype != UF_STRING) uf_tensor_release(&kept[i]);
  }
  if (status == UF_OK && t->e.dtype == UF_STRING) status = pack_strings(out, error);
  for (i = 0; kept && i < (size_t)t->e.n_pieces; i++) uf_tensor_release(&kept[i]);
  ufi_free(kept);
  if (status != UF_OK) uf_tensor_release(out);
  return status;
}

/* What the meta says against what the files can hold, before memory is asked for. */
static uf_status check_amount(const uf_source *source, const tensor *t, uf_error *error) {
  const slices *s = source->impl;
  int64_t count = 0;
  if (t->bad != UF_OK) return ufi_fail(error, t->bad, "%s; the checkpoint is damaged", t->why);
  ufi_shape_count(t->e.rank, t->e.dims, &count);
  if ((uint64_t)count / PER_BYTE_MAX <= s->n_bytes) return UF_OK;
  char shape[UFI_SHAPE_TEXT];
  return ufi_fail(error, UF_DATA_LOSS, "expected a shape whose elements fit in %llu bytes of file, "
                  "found %s; the checkpoint is damaged", (unsigned long long)s->n_bytes,
                  ufi_shape_text(t->e.rank, t->e.dims, shape));
}

static bool is_whole(const tensor *t) {
  return t->e.n_pieces == 1 &&
         memcmp(t->first->region.extent, t->e.dims, sizeof(int64_t) * (size_t)t->e.rank) == 0;
}

static uf_status read_tensor(uf_source *source, tensor *t, const uf_region *region,
                             uf_tensor *out, uf_error *error) {
  uf_region all = {.extent = {0}};
  UFI_TRY(check_amount(source, t, error));
  memcpy(all.extent, t->e.dims, sizeof all.extent);
  const uf_region *want = region ? region : &all;
  UFI_TRY(check_once(source, t, error));
  UFI_TRY(check_cover(t, want, error));
  ufi_region_shape(&t->e, region, out);
  if (!is_whole(t)) return merge(source, t, want, out, error);
  uf_tensor whole = {0};
  UFI_TRY(read_piece(source, t, t->first, &whole, error));
  if (!region) {
    *out = whole;
    return UF_OK;
  }
  uf_status status = ufi_tensor_region(&whole, region, out, error);
  uf_tensor_release(&whole);
  return status;
}

static uf_status slices_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                             int flags, uf_tensor *tensor_out, uf_error *error) {
  uf_tensor out = {0};
  uf_status status = read_tensor(source, (tensor *)(uintptr_t)entry, region, &out, error);
  if (status == UF_OK) *tensor_out = out;
  else ufi_error_prefix(error, "%.200s: '%.200s'", source->path, entry->name);
  return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void slices_destroy(uf_source *source) {
  slices *s = source->impl;
  for (size_t i = 0; i < s->n_tables; i++) ufi_sstable_close(s->tables[i]);
  ufi_free(s->tables);
  ufi_names_destroy(s->names);
  ufi_free(s->tensors);
  ufi_free(s);
}

static const ufi_source_ops slices_ops = {
  .format = "checkpoint_v1", .scan = slices_scan, .read = slices_read, .destroy = slices_destroy};

static uf_status open_tables(uf_source *source, ufi_file *const *files, size_t n, uf_error *error) {
  slices *s = source->impl;
  s->tables = ufi_calloc(n, sizeof *s->tables);
  s->names = ufi_names_create(64);
  if (!s->tables || !s->names) return ufi_no_memory(error, n * sizeof *s->tables);
  for (size_t i = 0; i < n; i++) {
    UFI_TRY(ufi_sstable_open(files[i], &s->tables[i], error));
    s->n_tables++;
    s->n_bytes += ufi_file_size(files[i]);
    meta_walk w = {source, i};
    uf_status status = ufi_sstable_find(s->tables[i], (ufi_bytes){(const uint8_t *)"", 0},
                                        parse_meta, &w, error);
    if (status == UF_NOT_FOUND)
      status = ufi_fail(error, UF_INVALID_ARGUMENT, "expected a V1 checkpoint, found a table of "
                        "something else; check that this is the right file");
    if (status != UF_OK) {
      ufi_error_prefix(error, "%.400s", ufi_file_path(files[i]));
      return status;
    }
  }
  if (s->n) qsort(s->tensors, s->n, sizeof *s->tensors, by_name);
  return UF_OK;
}

static const char *describe(uf_source *source, size_t n_files) {
  char text[64];
  int size = snprintf(text, sizeof text, "%zu file%s", n_files, n_files == 1 ? "" : "s");
  const char *copy = ufi_arena_string(source->arena, text, (size_t)size);
  return copy ? copy : "";
}

uf_status ufi_open_tensor_slices(const char *prefix, const uf_filesystem *fs,
                                 ufi_file *const *files, size_t n_files, uf_source **source_out,
                                 uf_error *error) {
  uf_source *source = ufi_source_create(prefix, fs, &slices_ops, error);
  if (!source) return UF_RESOURCE_EXHAUSTED;
  source->impl = ufi_calloc(1, sizeof(slices));
  uf_status status = source->impl ? open_tables(source, files, n_files, error)
                                  : ufi_no_memory(error, sizeof(slices));
  source->details = describe(source, n_files);
  if (status == UF_OK) *source_out = source;
  else uf_source_release(source);
  return status;
}
