/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle_write.c: writes TensorFlow checkpoints, V2 ("tensor bundles").
 *
 * prefix.data-0000I-of-0000N hold the tensors' bytes one after the other, little-endian,
 * rows first. prefix.index is a table (sstable.h): under the key "" a BundleHeaderProto,
 * under each tensor's name a BundleEntryProto that says where it is and its checksum.
 *
 *   BundleHeaderProto  1 num_shards, 2 endianness (0: little), 3 version {1 producer}
 *   BundleEntryProto   1 dtype, 2 shape {2 dim {1 size}}, 3 shard_id, 4 offset, 5 size,
 *                      6 crc32c (fixed 32 bits, masked)
 *
 * Strings are stored as their sizes (varints), a masked checksum of the sizes as numbers of
 * 4 bytes (8 where that is too little), then the characters; the entry's checksum is that of
 * the sizes as numbers, the 4 checksum bytes and the characters. Elements below 8 bits take
 * a byte each.
 *
 * A tensor goes to the shard that has the fewest bytes and begins at a multiple of its
 * element's width, or of 64 when it is that large, so that a reader may map it; TensorFlow
 * finds it by its offset. Everything is written to temporary files; the data files get their
 * names first and the index last, so that an index never names what is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "format/outfile.h"
#include "format/sstable.h"

enum {
  SHARDS_MAX = 512,      /* each is an open file */
  ALIGNMENT = 64,
  CHUNK = 256 << 10,     /* what a checksum leaves in the cache for the write that follows */
  ENTRY_MAX = 160,       /* of BundleEntryProto with UF_MAX_RANK dims */
  NAME_MAX_BYTES = 1 << 20,
};

typedef struct written {
  const char *name;
  uf_dtype dtype;
  int32_t rank, shard;
  int64_t dims[UF_MAX_RANK];
  uint64_t offset, size;
  uint32_t crc;
} written;

struct uf_checkpoint_writer {
  char *prefix;
  int32_t n_shards;
  ufi_outfile **shards;
  ufi_outfile *index;
  ufi_arena *arena;       /* the names */
  ufi_names *names;
  written *entries;
  size_t n, capacity;
  bool failed;            /* a write went wrong: finish must not succeed */
};

/* ---- paths ---------------------------------------------------------------------- */

enum { SUFFIX_MAX = 48 };

static void data_suffix(int32_t shard, int32_t n, char out[SUFFIX_MAX]) {
  snprintf(out, SUFFIX_MAX, ".data-%05d-of-%05d", (int)shard, (int)n);
}

static char *path_of(const uf_checkpoint_writer *w, const char *suffix) {
  size_t a = strlen(w->prefix), b = strlen(suffix);
  char *path = ufi_malloc(a + b + 1);
  if (!path) return NULL;
  memcpy(path, w->prefix, a);
  memcpy(path + a, suffix, b + 1);
  return path;
}

static uf_status open_file(const uf_checkpoint_writer *w, const char *suffix, ufi_outfile **out,
                           uf_error *error) {
  char *path = path_of(w, suffix);
  if (!path) return ufi_no_memory(error, strlen(w->prefix));
  uf_status status = ufi_outfile_create(path, false, out, error);
  ufi_free(path);
  return status;
}

static uf_status open_files(uf_checkpoint_writer *w, uf_error *error) {
  char suffix[SUFFIX_MAX];
  for (int32_t i = 0; i < w->n_shards; i++) {
    data_suffix(i, w->n_shards, suffix);
    UFI_TRY(open_file(w, suffix, &w->shards[i], error));
  }
  return open_file(w, ".index", &w->index, error);
}

static uf_status check_prefix(const char *prefix, int32_t n_shards, uf_error *error) {
  size_t length = prefix ? strlen(prefix) : 0;
  if (length == 0 || prefix[length - 1] == '/')
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a checkpoint's prefix such as 'folder/model', found '%s'; "
                    "add a name for its files", prefix ? prefix : "(none)");
  if (n_shards < 0 || n_shards > SHARDS_MAX)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "%s: expected 1 to %d shards, found %d; choose a number among them", prefix,
                    SHARDS_MAX, (int)n_shards);
  return UF_OK;
}

uf_status uf_checkpoint_create(const char *prefix, int32_t n_shards,
                               uf_checkpoint_writer **writer_out, uf_error *error) {
  UFI_TRY(check_prefix(prefix, n_shards, error));
  uf_checkpoint_writer *w = ufi_calloc(1, sizeof *w);
  if (!w) return ufi_no_memory(error, sizeof *w);
  w->n_shards = n_shards ? n_shards : 1;
  w->arena = ufi_arena_create();
  w->names = ufi_names_create(64);
  w->prefix = w->arena ? ufi_arena_string(w->arena, prefix, strlen(prefix)) : NULL;
  w->shards = ufi_calloc((size_t)w->n_shards, sizeof *w->shards);
  uf_status status = w->names && w->prefix && w->shards ? open_files(w, error)
                                                        : ufi_no_memory(error, strlen(prefix));
  if (status == UF_OK) *writer_out = w;
  else uf_checkpoint_abandon(w);
  return status;
}

void uf_checkpoint_abandon(uf_checkpoint_writer *w) {
  if (!w) return;
  for (int32_t i = 0; w->shards && i < w->n_shards; i++) ufi_outfile_abandon(w->shards[i]);
  ufi_outfile_abandon(w->index);
  ufi_free(w->shards);
  ufi_free(w->entries);
  ufi_names_destroy(w->names);
  ufi_arena_destroy(w->arena);
  ufi_free(w);
}

/* ---- tensors -------------------------------------------------------------------- */

static uf_status check_tensor(const uf_tensor *t, int64_t *count_out, uf_error *error) {
  if (t->dtype == UF_RESOURCE || t->dtype == UF_VARIANT)
    return ufi_fail(error, UF_WRONG_TYPE,
                    "expected numbers or strings, found dtype %s, which no checkpoint can hold; "
                    "write the value it refers to", uf_dtype_name(t->dtype));
  return ufi_tensor_check(t, count_out, error);
}

static int32_t emptiest_shard(const uf_checkpoint_writer *w) {
  int32_t best = 0;
  for (int32_t i = 1; i < w->n_shards; i++)
    if (ufi_outfile_size(w->shards[i]) < ufi_outfile_size(w->shards[best])) best = i;
  return best;
}

/* Each chunk is in the processor's cache when the system takes it: memory is read once. */
static uf_status write_bytes(ufi_outfile *file, const void *data, size_t size, uint32_t *crc_io,
                             uf_error *error) {
  const uint8_t *p = data;
  while (size > 0) {
    size_t n = UFI_MIN(size, (size_t)CHUNK);
    *crc_io = ufi_crc32c(*crc_io, p, n);
    UFI_TRY(ufi_outfile_write(file, p, n, error));
    p += n;
    size -= n;
  }
  return UF_OK;
}

static uf_status write_packed(ufi_outfile *file, const uf_tensor *t, int64_t count, uint32_t *crc,
                              uf_error *error) {
  uint8_t bytes[4096];
  int per_byte = 8 / uf_dtype_bits(t->dtype);
  for (int64_t i = 0; i < count;) {
    int64_t n = UFI_MIN(count - i, (int64_t)sizeof bytes);
    ufi_unpack_bytes(t->dtype, (const uint8_t *)t->data + i / per_byte, n, bytes);
    UFI_TRY(write_bytes(file, bytes, (size_t)n, crc, error));
    i += n;
  }
  return UF_OK;
}

static uf_status write_strings(ufi_outfile *file, const uf_tensor *t, int64_t count, uint32_t *crc,
                               uf_error *error) {
  const uf_string *strings = t->data;
  uint8_t text[UFI_VARINT_MAX];
  for (int64_t i = 0; i < count; i++) {
    uint64_t size = strings[i].size; /* little-endian: the low half is the 32-bit number */
    *crc = ufi_crc32c(*crc, &size, size <= UINT32_MAX ? 4 : 8);
    UFI_TRY(ufi_outfile_write(file, text, ufi_varint_put(text, size), error));
  }
  uint32_t masked = ufi_crc32c_mask(*crc);
  UFI_TRY(write_bytes(file, &masked, sizeof masked, crc, error));
  for (int64_t i = 0; i < count; i++)
    UFI_TRY(write_bytes(file, strings[i].data, strings[i].size, crc, error));
  return UF_OK;
}

static uf_status write_padding(ufi_outfile *file, const uf_tensor *t, uf_error *error) {
  static const uint8_t zeros[ALIGNMENT];
  int bits = uf_dtype_bits(t->dtype);
  uint64_t step = t->dtype == UF_STRING || bits < 8 ? 1 : (uint64_t)bits / 8;
  if (step > 1 && t->size >= ALIGNMENT) step = ALIGNMENT;
  return ufi_outfile_write(file, zeros, (size_t)(-ufi_outfile_size(file) & (step - 1)), error);
}

static uf_status write_tensor(uf_checkpoint_writer *w, const uf_tensor *t, int64_t count,
                              written *e, uf_error *error) {
  ufi_outfile *file = w->shards[e->shard];
  UFI_TRY(write_padding(file, t, error));
  e->offset = ufi_outfile_size(file);
  int bits = uf_dtype_bits(t->dtype);
  if (t->dtype == UF_STRING) UFI_TRY(write_strings(file, t, count, &e->crc, error));
  else if (bits < 8) UFI_TRY(write_packed(file, t, count, &e->crc, error));
  else UFI_TRY(write_bytes(file, t->data, (size_t)count * ((size_t)bits / 8), &e->crc, error));
  e->size = ufi_outfile_size(file) - e->offset;
  return UF_OK;
}

/* Room for one more entry under a name that is new; the name is copied. */
static uf_status take_name(uf_checkpoint_writer *w, const char *name, uf_error *error) {
  size_t length = strlen(name);
  if (length == 0)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a name, found ''; name the tensor");
  if (length > NAME_MAX_BYTES)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a name below 1 MiB, found %zu bytes",
                    length);
  if (ufi_names_find(w->names, name) >= 0)
    return ufi_fail(error, UF_ALREADY_EXISTS, "expected every name once, found it twice; "
                    "rename one of the tensors");
  if (w->n == INT32_MAX) return ufi_no_memory(error, SIZE_MAX);
  if (w->n == w->capacity) {
    size_t capacity = w->capacity ? 2 * w->capacity : 64;
    written *entries = ufi_realloc(w->entries, capacity * sizeof *entries);
    if (!entries) return ufi_no_memory(error, capacity * sizeof *entries);
    w->entries = entries;
    w->capacity = capacity;
  }
  char *copy = ufi_arena_string(w->arena, name, length);
  if (!copy || !ufi_names_add(w->names, copy, (int32_t)w->n)) return ufi_no_memory(error, length);
  w->entries[w->n++] = (written){.name = copy};
  return UF_OK;
}

uf_status uf_checkpoint_add(uf_checkpoint_writer *w, const char *name, const uf_tensor *t,
                            uf_error *error) {
  if (!w || !name || !t)
    return ufi_fail(error, UF_INVALID_ARGUMENT,
                    "expected a writer, a name and a tensor, found NULL");
  int64_t count = 0;
  uf_status status = check_tensor(t, &count, error);
  if (status == UF_OK) status = take_name(w, name, error);
  if (status == UF_OK) {
    written *e = &w->entries[w->n - 1];
    e->dtype = t->dtype;
    e->rank = t->rank;
    memcpy(e->dims, t->dims, sizeof e->dims);
    e->shard = emptiest_shard(w);
    status = write_tensor(w, t, count, e, error);
    w->failed |= status != UF_OK;
  }
  if (status != UF_OK) ufi_error_prefix(error, "tensor '%.200s'", name);
  return status;
}

/* ---- the index ------------------------------------------------------------------ */

typedef struct message {
  uint8_t data[ENTRY_MAX];
  size_t size;
} message;

static void put_number(message *m, uint32_t field, uint64_t value) {
  if (value == 0) return; /* as proto3 has it */
  m->size += ufi_varint_put(m->data + m->size, field << 3);
  m->size += ufi_varint_put(m->data + m->size, value);
}

static void put_message(message *m, uint32_t field, const message *inner) {
  m->size += ufi_varint_put(m->data + m->size, field << 3 | 2);
  m->size += ufi_varint_put(m->data + m->size, inner->size);
  memcpy(m->data + m->size, inner->data, inner->size);
  m->size += inner->size;
}

static void put_shape(message *m, const written *e) {
  message shape = {.size = 0};
  for (int32_t i = 0; i < e->rank; i++) {
    message dim = {.size = 0};
    put_number(&dim, 1, (uint64_t)e->dims[i]);
    put_message(&shape, 2, &dim); /* at most 8 of 13 bytes */
  }
  put_message(m, 2, &shape);
}

static uf_status add_header(const uf_checkpoint_writer *w, ufi_sstable_writer *table,
                            uf_error *error) {
  message header = {.size = 0}, version = {.size = 0};
  put_number(&header, 1, (uint64_t)w->n_shards);
  put_number(&version, 1, 1);
  put_message(&header, 3, &version);
  return ufi_sstable_writer_add(table, (ufi_bytes){(const uint8_t *)"", 0},
                                (ufi_bytes){header.data, header.size}, error);
}

static uf_status add_entry(ufi_sstable_writer *table, const written *e, uf_error *error) {
  message m = {.size = 0};
  put_number(&m, 1, (uint64_t)uf_dtype_tf(e->dtype));
  put_shape(&m, e);
  put_number(&m, 3, (uint64_t)e->shard);
  put_number(&m, 4, e->offset);
  put_number(&m, 5, e->size);
  uint32_t masked = ufi_crc32c_mask(e->crc);
  m.data[m.size++] = 6 << 3 | 5;
  memcpy(m.data + m.size, &masked, sizeof masked);
  m.size += sizeof masked;
  return ufi_sstable_writer_add(table, (ufi_bytes){(const uint8_t *)e->name, strlen(e->name)},
                                (ufi_bytes){m.data, m.size}, error);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const written *)a)->name, ((const written *)b)->name);
}

static uf_status write_index(uf_checkpoint_writer *w, uf_error *error) {
  if (w->n) qsort(w->entries, w->n, sizeof *w->entries, by_name);
  ufi_sstable_writer *table = ufi_sstable_writer_create(w->index);
  if (!table) return ufi_no_memory(error, 64);
  uf_status status = add_header(w, table, error);
  for (size_t i = 0; i < w->n && status == UF_OK; i++)
    status = add_entry(table, &w->entries[i], error);
  if (status == UF_OK) return ufi_sstable_writer_finish(table, error);
  ufi_sstable_writer_abandon(table);
  return status;
}

/* ---- the end -------------------------------------------------------------------- */

/* Removes the data files that got their names when a later one did not. */
static void take_back(const uf_checkpoint_writer *w, int32_t n) {
  char suffix[SUFFIX_MAX];
  for (int32_t i = 0; i < n; i++) {
    data_suffix(i, w->n_shards, suffix);
    char *path = path_of(w, suffix);
    if (path) unlink(path);
    ufi_free(path);
  }
}

/* Commit frees a file either way. */
static uf_status commit(ufi_outfile **file, uf_error *error) {
  ufi_outfile *taken = *file;
  *file = NULL;
  return ufi_outfile_commit(taken, error);
}

static uf_status commit_all(uf_checkpoint_writer *w, uf_error *error) {
  for (int32_t i = 0; i < w->n_shards; i++) UFI_TRY(ufi_outfile_prepare(w->shards[i], error));
  UFI_TRY(ufi_outfile_prepare(w->index, error));
  uf_status status = UF_OK;
  int32_t done = 0;
  while (done < w->n_shards && (status = commit(&w->shards[done], error)) == UF_OK) done++;
  if (status == UF_OK) status = commit(&w->index, error);
  if (status != UF_OK) take_back(w, done);
  return status;
}

/* True for ".data-00001-of-00003" of another number of shards than n. */
static bool is_old_data(const char *suffix, int32_t n) {
  int shard, of, end = 0;
  return sscanf(suffix, ".data-%5d-of-%5d%n", &shard, &of, &end) == 2 && suffix[end] == '\0' &&
         end == (int)strlen(".data-00000-of-00000") && of != n;
}

/* A checkpoint that was there before may have had another number of data files, which
 * nothing refers to any more. That one stays is no failure. */
static void remove_old(const uf_checkpoint_writer *w) {
  const char *slash = strrchr(w->prefix, '/');
  const char *base = slash ? slash + 1 : w->prefix;
  char *folder = slash ? ufi_malloc((size_t)(base - w->prefix) + 1) : NULL;
  if (slash && !folder) return;
  if (folder) {
    memcpy(folder, w->prefix, (size_t)(base - w->prefix));
    folder[base - w->prefix] = '\0';
  }
  ufi_folder names = {0};
  size_t length = strlen(base);
  if (ufi_folder_list(NULL, folder ? folder : ".", &names, NULL) == UF_OK)
    for (size_t i = 0; i < names.count; i++) {
      if (strncmp(names.names[i], base, length) != 0) continue;
      if (!is_old_data(names.names[i] + length, w->n_shards)) continue;
      char *path = path_of(w, names.names[i] + length);
      if (path) unlink(path);
      ufi_free(path);
    }
  ufi_folder_free(&names);
  ufi_free(folder);
}

uf_status uf_checkpoint_finish(uf_checkpoint_writer *w, uf_error *error) {
  uf_status status = UF_OK;
  if (w->failed)
    status = ufi_fail(error, UF_FAILED_PRECONDITION,
                      "%s: expected tensors that could all be written, found one that was not; "
                      "see the error of that call", w->prefix);
  if (status == UF_OK) status = write_index(w, error);
  if (status == UF_OK) status = commit_all(w, error);
  if (status == UF_OK) remove_old(w);
  uf_checkpoint_abandon(w);
  return status;
}
