/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle_entry.c: what a checkpoint's index says of one tensor (BundleEntryProto of
 * tensorflow/core/protobuf/tensor_bundle.proto).
 *
 *   1 dtype   2 shape   3 shard_id   4 offset   5 size   6 crc32c (masked)   7 slices
 *
 * A damaged entry is listed as every other and fails when it is read, so that its
 * neighbours stay readable.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "source/bundle.h"

static void set_bad(ufi_bundle_entry *b, uf_status status, const char *why) {
  if (b->bad != UF_OK) return;
  b->bad = status;
  b->why = why;
}

static void parse_shape(ufi_bundle_entry *b, ufi_proto shape) {
  int64_t rank = 0;
  while (ufi_proto_next(&shape)) {
    if (shape.field == 3 && ufi_proto_uint(&shape))
      set_bad(b, UF_DATA_LOSS, "expected a shape, found one of unknown rank");
    if (shape.field != 2) continue;
    int64_t size = 0;
    ufi_proto dim = ufi_proto_message(&shape);
    while (ufi_proto_next(&dim))
      if (dim.field == 1) size = ufi_proto_int(&dim);
    if (dim.bad || size < 0) set_bad(b, UF_DATA_LOSS, "expected a shape, found a damaged dimension");
    if (rank < UF_MAX_RANK) b->e.dims[rank] = UFI_MAX(size, 0);
    rank++;
  }
  if (shape.bad) set_bad(b, UF_DATA_LOSS, "expected a shape, found damaged bytes");
  if (rank > UF_MAX_RANK)
    set_bad(b, UF_UNIMPLEMENTED, "expected at most 8 dimensions, found more; it cannot be read here");
  b->e.rank = (int32_t)UFI_MIN(rank, (int64_t)UF_MAX_RANK);
}

/* An Extent: 1 start, 2 length (left out: the whole dimension). */
static bool parse_extent(ufi_proto extent, int64_t *start_out, int64_t *length_out) {
  *start_out = 0;
  *length_out = -1;
  while (ufi_proto_next(&extent)) {
    if (extent.field == 1) *start_out = ufi_proto_int(&extent);
    if (extent.field == 2) *length_out = ufi_proto_int(&extent);
  }
  return !extent.bad && *start_out >= 0 && *length_out >= -1;
}

static void parse_piece(ufi_bundle_entry *b, ufi_proto slice, ufi_piece *piece) {
  int32_t d = 0;
  while (ufi_proto_next(&slice)) {
    if (slice.field != 1) continue;
    if (d >= b->e.rank || !parse_extent(ufi_proto_message(&slice), &piece->start[d], &piece->length[d])) {
      set_bad(b, UF_DATA_LOSS, "expected slices of its shape, found a damaged one");
      return;
    }
    int64_t start = piece->start[d], length = piece->length[d], size = b->e.dims[d];
    bool whole = length == -1;
    if (start > size || (!whole && length > size - start) || (whole && start != 0))
      set_bad(b, UF_DATA_LOSS, "expected slices inside its shape, found one that is not");
    piece->region.start[d] = start;
    piece->region.extent[d] = whole ? size : length;
    d++;
  }
  if (slice.bad || d != b->e.rank)
    set_bad(b, UF_DATA_LOSS, "expected slices of its rank, found a damaged one");
}

static uf_status parse_pieces(uf_source *source, ufi_bundle_entry *b, ufi_bytes proto,
                              uf_error *error) {
  b->pieces = ufi_arena_array(source->arena, (size_t)b->e.n_pieces, sizeof *b->pieces);
  if (!b->pieces) return ufi_no_memory(error, (size_t)b->e.n_pieces * sizeof *b->pieces);
  ufi_piece *piece = b->pieces;
  ufi_proto p = ufi_proto_of(proto.data, proto.size);
  while (b->bad == UF_OK && ufi_proto_next(&p))
    if (p.field == 7) parse_piece(b, ufi_proto_message(&p), piece++);
  return UF_OK;
}

/* What is in conflict with itself, whatever the data file holds. */
static void check_numbers(ufi_bundle_entry *b, int64_t shard, int64_t offset, int64_t size,
                          int32_t n_shards) {
  int64_t count;
  size_t bytes;
  if (b->e.dtype == UF_INVALID)
    set_bad(b, UF_DATA_LOSS, "expected the number of a dtype, found one that is none");
  else if (!ufi_shape_count(b->e.rank, b->e.dims, &count) ||
           !ufi_dtype_bytes(uf_dtype_bits(b->e.dtype) < 8 ? UF_INT8 : b->e.dtype, count, &bytes))
    set_bad(b, UF_DATA_LOSS, "expected a shape that fits memory, found one that overflows");
  if (shard < 0 || shard >= n_shards)
    set_bad(b, UF_DATA_LOSS, "expected the number of a shard, found one that is none");
  if (offset < 0 || size < 0 || offset > INT64_MAX - size)
    set_bad(b, UF_DATA_LOSS, "expected its place in a shard, found one that no file has");
}

uf_status ufi_bundle_entry_parse(uf_source *source, const char *name, ufi_bytes proto,
                                 int32_t n_shards, ufi_bundle_entry **entry_out, uf_error *error) {
  ufi_bundle_entry *b = ufi_arena_alloc(source->arena, sizeof *b);
  if (!b) return ufi_no_memory(error, sizeof *b);
  int64_t shard = 0, offset = 0, size = 0;
  int32_t n_slices = 0;
  b->e.name = name;
  ufi_proto p = ufi_proto_of(proto.data, proto.size);
  while (ufi_proto_next(&p)) {
    switch (p.field) {
      case 1: b->e.dtype = uf_dtype_from_tf(ufi_proto_int(&p)); break;
      case 2: parse_shape(b, ufi_proto_message(&p)); break;
      case 3: shard = ufi_proto_int(&p); break;
      case 4: offset = ufi_proto_int(&p); break;
      case 5: size = ufi_proto_int(&p); break;
      case 6: b->crc = ufi_crc32c_unmask(ufi_proto_fixed32(&p)); b->has_crc = true; break;
      case 7: n_slices++; break;
      default: break;
    }
  }
  if (p.bad) set_bad(b, UF_DATA_LOSS, "expected what the index says of it, found damaged bytes");
  check_numbers(b, shard, offset, size, n_shards);
  if (b->bad == UF_OK) {
    b->shard = (int32_t)shard;
    b->e.offset = (uint64_t)offset;
    b->e.size = (uint64_t)size;
  }
  b->e.n_pieces = UFI_MAX(n_slices, 1);
  *entry_out = b;
  return n_slices && b->bad == UF_OK ? parse_pieces(source, b, proto, error) : UF_OK;
}

/* ---- pieces together ------------------------------------------------------------------ */

static int compare_starts(const void *a, const void *b) {
  const uf_region *x = *(const uf_region *const *)a, *y = *(const uf_region *const *)b;
  return (x->start[0] > y->start[0]) - (x->start[0] < y->start[0]);
}

static bool overlap(const uf_region *a, const uf_region *b, int32_t rank) {
  for (int32_t d = 0; d < rank; d++)
    if (a->start[d] >= b->start[d] + b->extent[d] || b->start[d] >= a->start[d] + a->extent[d])
      return false;
  return true;
}

static uf_status not_filled(const char *path, const ufi_bundle_entry *b, const char *what,
                            uf_error *error) {
  char shape[UFI_SHAPE_TEXT];
  return ufi_fail(error, UF_DATA_LOSS, "%s: '%s': expected slices that make up the shape %s, found "
                  "%d of which %s; a part of the checkpoint is missing or from another one", path,
                  b->e.name, ufi_shape_text(b->e.rank, b->e.dims, shape), (int)b->e.n_pieces, what);
}

/* Sorted along the first dimension, a piece is compared with those that begin before it
 * ends. Without overlaps, volumes that add up fill the tensor. */
uf_status ufi_pieces_check(const char *path, const ufi_bundle_entry *b, uf_error *error) {
  size_t n = (size_t)b->e.n_pieces;
  int64_t total = 0, count = 0;
  for (size_t i = 0; i < n; i++) {
    int64_t part = 0;
    if (!ufi_shape_count(b->e.rank, b->pieces[i].region.extent, &part) ||
        __builtin_add_overflow(total, part, &total))
      return not_filled(path, b, "the sizes overflow", error);
  }
  if (!ufi_shape_count(b->e.rank, b->e.dims, &count) || total < count)
    return not_filled(path, b, "some are missing", error);
  if (b->e.rank == 0 || count == 0) return UF_OK;
  if (total > count) return not_filled(path, b, "some overlap", error);
  const uf_region **sorted = ufi_malloc(n * sizeof *sorted);
  if (!sorted) return ufi_no_memory(error, n * sizeof *sorted);
  for (size_t i = 0; i < n; i++) sorted[i] = &b->pieces[i].region;
  qsort(sorted, n, sizeof *sorted, compare_starts);
  bool clash = false;
  for (size_t i = 0; i < n && !clash; i++)
    for (size_t j = i + 1; j < n && sorted[j]->start[0] < sorted[i]->start[0] + sorted[i]->extent[0]; j++)
      if ((clash = overlap(sorted[i], sorted[j], b->e.rank))) break;
  ufi_free(sorted);
  return clash ? not_filled(path, b, "some overlap", error) : UF_OK;
}
