/* SPDX-License-Identifier: Apache-2.0
 *
 * extract.c: uf_extract, from a source to a file or folder.
 *
 * An array that stays as it is passes as a view of the file in chunks: a chunk's
 * checksums (the source's, to compare; the archive's, to write) are computed while it is in the
 * processor's cache, where the system then copies it from, chunks of long arrays by several threads. So each byte is read from memory
 * once, and memory of our own is a buffer; what was written of a mapped file stops counting
 * as ours every few MiB. What is to be converted is read whole,
 * converted, and gone before the next.
 */
#include "kernels/convert.h"
#include "output/output.h"
#include "source/source.h"

typedef struct extraction {
  uf_source *source;
  const uf_output_options *options;
  ufi_pool *pool;
  bool verify;
  uint64_t done, item, total; /* bytes: of whole items, of this one, of all */
  uint64_t item_total;
  const uf_tensor *tensor;    /* whose bytes are being written */
  uint64_t passed, forgotten; /* of its bytes */
  uf_tensor written;          /* a part of a view that can be forgotten: data, size, buf */
} extraction;

enum { FORGET = 4 << 20, FORGET_AT = 64 << 20, GAP = 4096 };

/* ---- what an item becomes ----------------------------------------------------------------- */

static bool dequantizes(const uf_output_item *item) {
  return item->dequantize && item->entry->quant && item->entry->quant->count > 0;
}

static uf_dtype final_dtype(const uf_output_item *item) {
  if (item->dtype != UF_INVALID) return item->dtype;
  return dequantizes(item) ? UF_FLOAT32 : item->entry->dtype;
}

static bool is_identity(const int32_t *axes, int32_t rank) {
  for (int32_t i = 0; axes && i < rank; i++)
    if (axes[i] != i) return false;
  return true;
}

static uf_status check_axes(const uf_output_item *item, uf_error *error) {
  unsigned seen = 0;
  const uf_entry *e = item->entry;
  for (int32_t i = 0; item->axes && i < e->rank; i++) {
    bool good = item->axes[i] >= 0 && item->axes[i] < e->rank;
    if (good) good = !(seen & 1u << item->axes[i]);
    if (!good)
      return ufi_fail(error, UF_INVALID_ARGUMENT,
                      "'%s': expected axes that name each of %d dimensions once, found %d as number %d",
                      item->name, (int)e->rank, (int)item->axes[i], (int)i);
    seen |= 1u << item->axes[i];
  }
  if (is_identity(item->axes, e->rank) || e->dtype != UF_STRING) return UF_OK;
  return ufi_fail(error, UF_WRONG_TYPE, "'%s': expected numbers whose axes change places, found "
                  "strings; leave them as they are", item->name);
}

static uf_status plan_item(const uf_output_item *item, uf_tensor *plan_out, uf_error *error) {
  if (!item->name || !item->entry)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a name and an entry, found NULL");
  UFI_TRY(check_axes(item, error));
  const uf_entry *e = item->entry;
  *plan_out = (uf_tensor){.dtype = final_dtype(item), .rank = e->rank};
  for (int32_t i = 0; i < e->rank; i++)
    plan_out->dims[i] = e->dims[item->axes ? item->axes[i] : i];
  return UF_OK;
}

/* Bytes to be written, as far as known. */
static uint64_t planned_bytes(const uf_tensor *plan, const uf_entry *e) {
  int64_t count;
  if (plan->dtype == UF_STRING || !ufi_shape_count(plan->rank, plan->dims, &count)) return e->size;
  return (uint64_t)count * UFI_MAX(1u, (uint64_t)uf_dtype_bits(plan->dtype) / 8);
}

/* ---- conversions ----------------------------------------------------------------------------- */

static uf_status new_tensor(const uf_tensor *like, uf_dtype dtype, uf_tensor *out, uf_error *error) {
  *out = *like;
  out->dtype = dtype;
  return ufi_tensor_memory(out, error);
}

/* next takes the place of *t. */
static void replace(uf_tensor *t, const uf_tensor *next) {
  uf_tensor_release(t);
  *t = *next;
}

static uf_status dequantize(uf_tensor *t, uf_error *error) {
  uf_tensor out;
  UFI_TRY(new_tensor(t, UF_FLOAT32, &out, error));
  out.quant = NULL;
  uf_status status = uf_dequantize(t, out.data, error);
  if (status == UF_OK) replace(t, &out);
  else uf_tensor_release(&out);
  return status;
}

/* One element a byte, as the integers (or the codes) that it holds. */
static uf_status unpack(uf_tensor *t, uf_dtype *kind_out, uf_error *error) {
  uf_tensor out;
  *kind_out = t->dtype;
  if (uf_dtype_bits(t->dtype) >= 8) return UF_OK;
  UFI_TRY(new_tensor(t, UF_UINT8, &out, error));
  uf_status status = uf_unpack(t, out.data, error);
  if (status == UF_OK) replace(t, &out);
  else uf_tensor_release(&out);
  return status;
}

static uf_status convert(uf_tensor *t, uf_dtype kind, uf_dtype dtype, uf_error *error) {
  uf_tensor out;
  UFI_TRY(new_tensor(t, dtype, &out, error));
  out.quant = NULL;
  uf_status status = ufi_convert(kind, t->data, uf_tensor_count(t), dtype, out.data, error);
  if (status == UF_OK) replace(t, &out);
  else uf_tensor_release(&out);
  return status;
}

/* Unpacked elements get packed again, since tensors of these dtypes are. */
static uf_status pack(uf_tensor *t, uf_dtype dtype, uf_error *error) {
  uf_tensor out;
  UFI_TRY(new_tensor(t, dtype, &out, error));
  ufi_pack_bytes(dtype, t->data, uf_tensor_count(t), out.data);
  replace(t, &out);
  return UF_OK;
}

/* quant_out holds the tensor's quantization with the axis in its new place. */
static uf_status permute(uf_tensor *t, const int32_t *axes, uf_quant *quant_out, uf_error *error) {
  uf_tensor like = *t, out;
  for (int32_t i = 0; i < t->rank; i++) like.dims[i] = t->dims[axes[i]];
  UFI_TRY(new_tensor(&like, t->dtype, &out, error));
  ufi_permute(t->data, (size_t)uf_dtype_bits(t->dtype) / 8, t->rank, t->dims, axes, out.data);
  if (t->quant) {
    *quant_out = *t->quant;
    for (int32_t i = 0; i < t->rank; i++)
      if (axes[i] == t->quant->axis) quant_out->axis = i;
    out.quant = quant_out;
  }
  replace(t, &out);
  return UF_OK;
}

static uf_status transform(const uf_output_item *item, uf_tensor *t, uf_quant *quant_out,
                           uf_error *error) {
  if (dequantizes(item)) UFI_TRY(dequantize(t, error));
  uf_dtype want = final_dtype(item), kind = t->dtype;
  bool moves = !is_identity(item->axes, t->rank);
  if (moves && t->quant && t->quant->block_size > 0)
    return ufi_fail(error, UF_UNIMPLEMENTED, "expected axes in their order for weights quantized in "
                    "blocks, found another; dequantize them");
  if (want != kind || moves) UFI_TRY(unpack(t, &kind, error));
  if (want != kind) UFI_TRY(convert(t, kind, want, error));
  if (moves) UFI_TRY(permute(t, item->axes, quant_out, error));
  return uf_dtype_bits(want) < 8 && t->dtype != want ? pack(t, want, error) : UF_OK;
}

/* ---- one item ----------------------------------------------------------------------------------- */

static void forget_written(extraction *x) {
  if (x->written.size) ufi_map_forget(x->written.buf, x->written.data, x->written.size);
  uf_tensor_release(&x->written);
  x->written.size = 0;
}

/* While parts are written, once it is worth a call. */
static void forget_behind(void *context) {
  extraction *x = context;
  if (x->written.size >= FORGET_AT) forget_written(x);
}

/* The pages of what was written need not stay. Arrays are mostly neighbours in their file, as
 * here, and are forgotten together. */
static void forget(extraction *x, uint64_t until) {
  const uf_tensor *t = x->tensor;
  until = UFI_MIN(until, (uint64_t)t->size);
  if (until <= x->forgotten) return;
  char *begin = (char *)t->data + x->forgotten, *end = (char *)t->data + until;
  char *old = x->written.data, *old_end = old ? old + x->written.size : NULL;
  bool near = old && ufi_buf_root(t->buf) == ufi_buf_root(x->written.buf) && begin >= old_end &&
              (size_t)(begin - old_end) < GAP;
  if (!near) forget_written(x);
  if (near) begin = old;
  uf_buf *buf = uf_buf_retain(t->buf);
  uf_buf_release(x->written.buf);
  x->written = (uf_tensor){.buf = buf, .data = begin, .size = (size_t)(end - begin)};
  x->forgotten = until;
}

static bool step(void *context, uint64_t bytes) {
  extraction *x = context;
  x->passed += bytes;
  if (x->tensor && x->passed >= x->forgotten + FORGET) forget(x, x->passed);
  x->item = UFI_MIN(x->item + bytes, x->item_total);
  if (!x->options || !x->options->progress) return true;
  return x->options->progress(x->options->progress_context, x->done + x->item, x->total);
}

static uf_status damaged(extraction *x, const uf_entry *e, uint32_t want, uint32_t have,
                         uf_error *error) {
  uf_status status = uf_source_verify(x->source, e, error); /* it has the words */
  if (status != UF_OK) return status;
  return ufi_fail(error, UF_DATA_LOSS,
                  "%s: tensor '%s' at offset %llu: expected CRC-32C %08x, found %08x; the file is "
                  "damaged or was changed meanwhile", e->file ? e->file : x->source->path, e->name,
                  (unsigned long long)e->offset, (unsigned)want, (unsigned)have);
}

/* Only bytes that are written as they are in the file can be checked while they are. */
static bool known_crc(const extraction *x, const uf_output_item *item, uint32_t *crc_out) {
  const uf_entry *e = item->entry;
  bool as_is = final_dtype(item) == e->dtype && !dequantizes(item) &&
               is_identity(item->axes, e->rank) && e->dtype != UF_STRING && uf_dtype_bits(e->dtype) >= 8;
  return as_is && x->verify && x->source->ops->crc32c && x->source->ops->crc32c(e, crc_out);
}

static uf_status extract_item(extraction *x, const uf_output_item *item, uf_writer *writer,
                              uf_error *error) {
  uint32_t want = 0, have = 0;
  uf_tensor t = {0};
  uf_quant quant;
  bool known = known_crc(x, item, &want);
  int flags = UF_READ_UNALIGNED | (x->verify && !known ? UF_READ_VERIFY : 0);
  if (dequantizes(item)) flags &= ~UF_READ_UNALIGNED;
  ufi_flow flow = {.step = step, .context = x, .crc32c = known ? &have : NULL,
                   .pool = x->pool, .behind = forget_behind};
  UFI_TRY(uf_source_read(x->source, item->entry, NULL, flags, &t, error));
  uf_status status = transform(item, &t, &quant, error);
  if (status != UF_OK) ufi_error_prefix(error, "'%s'", item->name);
  x->tensor = &t;
  x->passed = x->forgotten = 0;
  if (status == UF_OK) status = ufi_writer_add(writer, &t, &flow, error);
  if (t.size >= UFI_FLOW_CHUNK) forget(x, t.size);
  x->tensor = NULL;
  uf_tensor_release(&t);
  if (status == UF_OK && known && want != have) status = damaged(x, item->entry, want, have, error);
  return status;
}

/* ---- all ---------------------------------------------------------------------------------------- */

static uf_status write_items(extraction *x, const uf_output_item *items, const uf_tensor *plan,
                             size_t n, uf_writer *writer, uf_error *error) {
  for (size_t i = 0; i < n; i++) {
    x->item_total = planned_bytes(&plan[i], items[i].entry);
    x->item = 0;
    UFI_TRY(extract_item(x, &items[i], writer, error));
    x->done += x->item_total;
    x->item = x->item_total = 0;
    if (!step(x, 0))
      return ufi_fail(error, UF_CANCELLED, "expected to write all, found a request to stop");
  }
  return UF_OK;
}

static int32_t threads_of(const uf_output_options *options) {
  return options && options->n_threads > 0 ? options->n_threads : ufi_processors();
}

uf_status uf_extract(uf_source *source, const uf_output_item *items, size_t n, const char *path,
                     const uf_output_options *options, uf_error *error) {
  if (!source || (n > 0 && !items))
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a source and items, found NULL");
  uf_tensor *plan = ufi_calloc(n ? n : 1, sizeof *plan);
  const char **names = ufi_calloc(n ? n : 1, sizeof *names);
  uf_writer *writer = NULL;
  extraction x = {.source = source, .options = options, .verify = options && options->verify};
  uf_status status = plan && names ? UF_OK : ufi_no_memory(error, n * sizeof *plan);
  for (size_t i = 0; i < n && status == UF_OK; i++) {
    names[i] = items[i].name;
    status = plan_item(&items[i], &plan[i], error);
    if (status == UF_OK) x.total += planned_bytes(&plan[i], items[i].entry);
  }
  if (status == UF_OK && !(x.pool = ufi_pool_create(threads_of(options))))
    status = ufi_no_memory(error, sizeof(void *));
  if (status == UF_OK) status = uf_writer_create(path, options, names, plan, n, &writer, error);
  if (status == UF_OK) {
    status = write_items(&x, items, plan, n, writer, error);
    if (status == UF_OK) status = uf_writer_finish(writer, error);
    else uf_writer_abandon(writer);
  }
  forget_written(&x);
  ufi_pool_release(x.pool);
  ufi_free(plan);
  ufi_free(names);
  return status;
}
