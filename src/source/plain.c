/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.c: arrays that lie in a file as they do in memory, and regions of them.
 *
 * A region is a set of runs: the dimensions behind the last one that is cut lie one
 * behind the other. One run is a view. Several are copied out of the mapping; from a file
 * that is read by ranges, neighbouring runs come with what is between them as long as
 * that is not much more than what is wanted, since a request costs more than bytes.
 */
#include "base/crc32c.h"
#include "source/source.h"

enum { SPAN_RATIO = 4, SPAN_SMALL = 1 << 16 };

/* ---- shapes of parts ---------------------------------------------------------------- */

void ufi_region_shape(const uf_entry *entry, const uf_region *region, uf_tensor *tensor_out) {
  *tensor_out = (uf_tensor){.dtype = entry->dtype, .rank = entry->rank, .quant = entry->quant};
  memcpy(tensor_out->dims, region ? region->extent : entry->dims,
         sizeof(int64_t) * (size_t)entry->rank);
}

bool ufi_region_intersect(const uf_region *a, const uf_region *b, int32_t rank,
                          uf_region *both_out) {
  for (int32_t d = 0; d < rank; d++) {
    int64_t begin = UFI_MAX(a->start[d], b->start[d]);
    int64_t end = UFI_MIN(a->start[d] + a->extent[d], b->start[d] + b->extent[d]);
    if (begin >= end) return false;
    both_out->start[d] = begin;
    both_out->extent[d] = end - begin;
  }
  return true;
}

void ufi_region_within(const uf_region *part, const uf_region *whole, int32_t rank,
                       uf_region *within_out) {
  for (int32_t d = 0; d < rank; d++) {
    within_out->start[d] = part->start[d] - whole->start[d];
    within_out->extent[d] = part->extent[d];
  }
}

/* Row by row along the last dimension. */
void ufi_region_place(const uf_tensor *from, const uf_region *part, const uf_region *want, void *to) {
  size_t item = (size_t)uf_dtype_bits(from->dtype) / 8;
  int32_t last = from->rank - 1;
  if (last < 0) {
    memcpy(to, from->data, item);
    return;
  }
  int64_t index[UF_MAX_RANK] = {0};
  size_t row = (size_t)part->extent[last] * item;
  const uint8_t *source = from->data;
  for (;;) {
    size_t at = 0;
    for (int32_t d = 0; d <= last; d++)
      at = at * (size_t)want->extent[d] +
           (size_t)(part->start[d] - want->start[d] + (d < last ? index[d] : 0));
    memcpy((uint8_t *)to + at * item, source, row);
    source += row;
    int32_t d = last - 1;
    while (d >= 0 && ++index[d] == part->extent[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

/* First dimension whose rows are whole in the region: from there on bytes are
 * contiguous. */
static int32_t run_dim(const uf_entry *entry, const uf_region *region) {
  int32_t d = entry->rank;
  while (d > 0 && region->extent[d - 1] == entry->dims[d - 1]) d--;
  return d > 0 ? d - 1 : 0;
}

typedef struct part {
  const uf_entry *entry;
  const uf_region *region;
  size_t stride[UF_MAX_RANK + 1]; /* bytes of one step along each dimension of the array */
  size_t wanted[UF_MAX_RANK + 1]; /* bytes of the region in one step */
  int32_t run;                    /* what one step along it holds is contiguous */
} part;

/* Sizes were checked when the entry was made: the array's bytes fit a size_t. */
static part part_of(const uf_entry *entry, const uf_region *region) {
  part p = {.entry = entry, .region = region, .run = run_dim(entry, region)};
  size_t all = (size_t)uf_dtype_bits(entry->dtype) / 8, some = all;
  for (int32_t d = entry->rank; d-- > 0;) {
    p.stride[d] = all;
    p.wanted[d] = some;
    all *= (size_t)entry->dims[d];
    some *= (size_t)region->extent[d];
  }
  return p;
}

static size_t part_bytes(const part *p) {
  return p->entry->rank ? p->wanted[0] * (size_t)p->region->extent[0]
                        : (size_t)uf_dtype_bits(p->entry->dtype) / 8;
}

/* Copies the region of dimensions d and on out of memory. */
static uint8_t *copy_part(const part *p, int32_t d, const uint8_t *from, uint8_t *to) {
  from += p->stride[d] * (size_t)p->region->start[d];
  if (d == p->run) {
    size_t size = p->wanted[d] * (size_t)p->region->extent[d];
    memcpy(to, from, size);
    return to + size;
  }
  for (int64_t i = 0; i < p->region->extent[d]; i++, from += p->stride[d])
    to = copy_part(p, d + 1, from, to);
  return to;
}

/* From the first to behind the last byte of the region within one step of d - 1, from the
 * step's beginning. */
static void span_of(const part *p, int32_t d, size_t *begin_out, size_t *end_out) {
  size_t begin = 0, end = 0;
  for (; d < p->entry->rank; d++) {
    begin += p->stride[d] * (size_t)p->region->start[d];
    end += p->stride[d] * (size_t)(p->region->start[d] + p->region->extent[d] - 1);
  }
  *begin_out = begin;
  *end_out = end + p->stride[p->entry->rank - 1];
}

/* The same from a file read by ranges, base being the offset of this step. */
static uf_status fetch_part(const part *p, int32_t d, ufi_file *file, uint64_t base, uint8_t **to,
                            uf_error *error) {
  size_t begin, end, wanted = p->wanted[d] * (size_t)p->region->extent[d];
  span_of(p, d, &begin, &end);
  if (end - begin == wanted) {
    UFI_TRY(ufi_file_read(file, base + begin, wanted, *to, error));
    *to += wanted;
    return UF_OK;
  }
  if ((end - begin) / SPAN_RATIO <= wanted || end - begin <= SPAN_SMALL) {
    uf_buf *span = NULL;
    UFI_TRY(ufi_file_view(file, base + begin, end - begin, &span, error));
    *to = copy_part(p, d, (const uint8_t *)uf_buf_data(span) - begin, *to);
    uf_buf_release(span);
    return UF_OK;
  }
  base += p->stride[d] * (uint64_t)p->region->start[d];
  for (int64_t i = 0; i < p->region->extent[d]; i++, base += p->stride[d])
    UFI_TRY(fetch_part(p, d + 1, file, base, to, error));
  return UF_OK;
}

/* ---- reading -------------------------------------------------------------------------- */

static bool is_aligned(uf_dtype dtype, const void *data) {
  int bits = uf_dtype_bits(dtype);
  bool is_complex = dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128;
  uintptr_t size = (uintptr_t)UFI_MAX(is_complex ? bits / 16 : bits / 8, 1);
  return (uintptr_t)data % size == 0;
}

/* size bytes that lie one behind the other. */
static uf_status read_run(ufi_file *file, uint64_t offset, size_t size, int flags, uf_tensor *tensor,
                          uf_error *error) {
  uf_buf *mapping = ufi_file_mapping(file);
  bool view = mapping && !(flags & UF_READ_COPY) && offset <= uf_buf_size(mapping) &&
              ((flags & UF_READ_UNALIGNED) ||
               is_aligned(tensor->dtype, (char *)uf_buf_data(mapping) + offset));
  if (view) {
    UFI_TRY(ufi_file_view(file, offset, size, &tensor->buf, error));
    tensor->data = uf_buf_data(tensor->buf);
    tensor->size = size;
    tensor->read_only = true;
    return UF_OK;
  }
  /* Before memory is taken: the file says how much, but may be too short. */
  if (offset > ufi_file_size(file) || size > ufi_file_size(file) - offset)
    return ufi_file_read(file, offset, size, NULL, error);
  UFI_TRY(ufi_tensor_memory(tensor, error));
  uf_status status = ufi_file_read(file, offset, size, tensor->data, error);
  if (status != UF_OK) uf_tensor_release(tensor);
  return status;
}

static uf_status read_part(const part *p, ufi_file *file, uint64_t offset, uf_tensor *tensor,
                           uf_error *error) {
  size_t begin, end;
  span_of(p, 0, &begin, &end);
  if (offset > ufi_file_size(file) || end > ufi_file_size(file) - offset)
    return ufi_file_read(file, offset, end, NULL, error);
  UFI_TRY(ufi_tensor_memory(tensor, error));
  uf_buf *mapping = ufi_file_mapping(file);
  uint8_t *to = tensor->data;
  uf_status status = UF_OK;
  if (mapping) copy_part(p, 0, (const uint8_t *)uf_buf_data(mapping) + offset, to);
  else status = fetch_part(p, 0, file, offset, &to, error);
  if (status != UF_OK) uf_tensor_release(tensor);
  return status;
}

uf_status ufi_read_plain(ufi_file *file, uint64_t offset, const uf_entry *entry,
                         const uf_region *region, int flags, uf_tensor *tensor_out,
                         uf_error *error) {
  uf_tensor tensor;
  ufi_region_shape(entry, region, &tensor);
  uf_status status;
  part p = {0};
  if (region) p = part_of(entry, region);
  size_t size = region ? part_bytes(&p) : 0;
  if (!region) {
    int64_t count;
    if (!ufi_shape_count(entry->rank, entry->dims, &count) ||
        !ufi_dtype_bytes(entry->dtype, count, &size))
      return ufi_fail(error, UF_DATA_LOSS, "'%s': expected a shape that fits memory, found none",
                      entry->name);
    status = read_run(file, offset, size, flags, &tensor, error);
  } else if (size == 0) {
    status = ufi_tensor_memory(&tensor, error);
  } else if (p.run == 0 || size == p.wanted[p.run] * (size_t)region->extent[p.run]) {
    size_t begin, end;
    span_of(&p, 0, &begin, &end);
    status = read_run(file, offset + begin, size, flags, &tensor, error);
  } else {
    status = read_part(&p, file, offset, &tensor, error);
  }
  if (status == UF_OK) *tensor_out = tensor;
  return status;
}

/* ---- parts of what is in memory ----------------------------------------------------------- */

static uf_status string_region(const uf_tensor *whole, const uf_entry *entry,
                               const uf_region *region, uf_tensor *tensor, uf_error *error) {
  part p = part_of(entry, region);
  size_t size = part_bytes(&p);
  uf_string *elements = ufi_malloc(size);
  if (!elements) return ufi_no_memory(error, size);
  if (size) copy_part(&p, 0, whole->data, (uint8_t *)elements);
  int64_t count = (int64_t)(size / sizeof *elements);
  uf_status status = ufi_strings_pack(elements, count, &tensor->buf, error);
  ufi_free(elements);
  if (status != UF_OK) return status;
  tensor->data = uf_buf_data(tensor->buf);
  tensor->size = size;
  return UF_OK;
}

/* By way of one byte for each element. */
static uf_status packed_region(const uf_tensor *whole, const uf_region *region, uf_tensor *tensor,
                               uf_error *error) {
  uf_tensor bytes = *whole, cut = {0};
  int64_t count = uf_tensor_count(whole);
  bytes.dtype = UF_UINT8;
  bytes.data = ufi_malloc((size_t)count + 1);
  if (!bytes.data) return ufi_no_memory(error, (size_t)count);
  ufi_unpack_bytes(whole->dtype, whole->data, count, bytes.data);
  uf_status status = ufi_tensor_region(&bytes, region, &cut, error);
  ufi_free(bytes.data);
  UFI_TRY(status);
  ufi_pack_bytes(whole->dtype, cut.data, uf_tensor_count(&cut), cut.data); /* front to back */
  tensor->buf = cut.buf;
  tensor->data = cut.data;
  return ufi_dtype_bytes(whole->dtype, uf_tensor_count(&cut), &tensor->size) ? UF_OK : UF_INTERNAL;
}

uf_status ufi_tensor_region(const uf_tensor *whole, const uf_region *region, uf_tensor *tensor_out,
                            uf_error *error) {
  uf_entry entry = {.name = "", .dtype = whole->dtype, .rank = whole->rank, .quant = whole->quant};
  memcpy(entry.dims, whole->dims, sizeof entry.dims);
  uf_tensor tensor;
  ufi_region_shape(&entry, region, &tensor);
  if (whole->rank == 0) {
    *tensor_out = *whole;
    uf_buf_retain(whole->buf);
    return UF_OK;
  }
  if (whole->dtype == UF_STRING) {
    UFI_TRY(string_region(whole, &entry, region, &tensor, error));
  } else if (uf_dtype_bits(whole->dtype) < 8) {
    UFI_TRY(packed_region(whole, region, &tensor, error));
  } else {
    part p = part_of(&entry, region);
    UFI_TRY(ufi_tensor_memory(&tensor, error));
    if (tensor.size) copy_part(&p, 0, whole->data, tensor.data);
  }
  *tensor_out = tensor;
  return UF_OK;
}
