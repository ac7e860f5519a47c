/* SPDX-License-Identifier: Apache-2.0
 *
 * packing_cache.c: packed weights of models, kept in files of a folder.
 *
 * A file holds what was packed of one model by one build of this library for one instruction set,
 * and is called by a hash of these three. The hash is keyed (base/hash.h) by a file of the folder
 * that is made with the first and that only its owner may read: nobody else can make a model that
 * is taken for another. Whoever may write the folder decides what is computed with, as whoever may
 * write the model does; but no bytes of a file make reading it unsafe: lengths and places are
 * checked before they are used, and each form against its checksum when it is asked for. What is damaged is
 * packed again, and the file written anew.
 *
 * Files appear under their names whole (format/outfile.c), and are mapped, so that processes share
 * their pages. Nothing here ever fails: at worst weights are packed as if there were no cache.
 *
 *     header, table of entries, checksum of both; forms, each 64-byte aligned
 */
#include "graph/packing_cache.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "format/outfile.h"

enum { FORMAT = 1, ALIGNMENT = 64, MOST_ENTRIES = 1 << 20 };
#define HASH_STEP ((size_t)4 << 20)

typedef struct header {
  char magic[8];
  uint32_t format, n;
  uint64_t size; /* of the file */
  ufi_hash identity;
} header;

typedef struct entry {
  ufi_packed_key key;
  uint64_t offset;
  uint32_t crc, zero;
} entry;

static const char magic[8] = {'u', 'f', 'p', 'a', 'c', 'k', 'e', 'd'};

struct ufi_packing_cache {
  uf_buf *file;         /* NULL: there is none that is good */
  ufi_hash identity;
  char path[PATH_MAX];
};

/* ---- the key ------------------------------------------------------------------------- */

static bool read_whole(const char *path, void *to, size_t size) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  bool good = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == (off_t)size &&
              read(fd, to, size) == (ssize_t)size;
  close(fd);
  return good;
}

/* Makes the file of a new key under a name of its own, and gives it the name unless another process was first. */
static bool write_key(const char *path, ufi_hash_key *key) {
  char temporary[PATH_MAX];
  uint64_t random;
  if (getrandom(key, sizeof *key, 0) != (ssize_t)sizeof *key || getrandom(&random, sizeof random, 0) != sizeof random ||
      snprintf(temporary, sizeof temporary, "%s.%016llx", path, (unsigned long long)random) >= (int)sizeof temporary) {
    return false;
  }
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool good = write(fd, key, sizeof *key) == (ssize_t)sizeof *key;
  good = close(fd) == 0 && good && link(temporary, path) == 0;
  unlink(temporary);
  return good;
}

/* A key that is too short (a power cut) is replaced: files made with it are found no more. */
static bool get_key(const char *folder, ufi_hash_key *key) {
  char path[PATH_MAX];
  struct stat info;
  if (snprintf(path, sizeof path, "%s/key", folder) >= (int)sizeof path) return false;
  if (read_whole(path, key, sizeof *key)) return true;
  if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size < (off_t)sizeof *key) unlink(path);
  return write_key(path, key) || read_whole(path, key, sizeof *key);
}

/* ---- what a file is of ------------------------------------------------------------------ */

/* Read once and in order, pages given back on the way. */
static ufi_hash hash_content(const ufi_hash_key *key, const uf_buf *content) {
  const uint8_t *data = uf_buf_data(content);
  const size_t size = uf_buf_size(content);
  ufi_hasher h;
  ufi_hash_begin(&h, key);
  for (size_t at = 0, n; at < size; at += n) {
    n = UFI_MIN(size - at, HASH_STEP);
    ufi_map_expect(content, data + at, n);
    ufi_hash_add(&h, data + at, n);
    if (size > HASH_STEP) ufi_map_forget(content, data + at, n);
  }
  return ufi_hash_end(&h);
}

typedef struct code {
  const ufi_hash_key *key;
  ufi_hash hash;
} code;

/* Of the object that this function is in, the instructions: any other build has others. */
static int hash_code(struct dl_phdr_info *info, size_t size, void *context) {
  code *c = context;
  const ElfW(Addr) here = (ElfW(Addr))(uintptr_t)&magic;
  bool found = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    found |= p->p_type == PT_LOAD && here - info->dlpi_addr - p->p_vaddr < p->p_memsz;
  }
  for (int i = 0; found && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || !(p->p_flags & PF_R)) continue;
    c->hash = ufi_hash_of(c->key, (const void *)(uintptr_t)(info->dlpi_addr + p->p_vaddr), p->p_memsz);
    return 1;
  }
  return found;
}

static ufi_hash identity_of(const ufi_hash_key *key, const uf_buf *content) {
  struct {
    ufi_hash content, code;
    char isa[32];
  } all = {.content = hash_content(key, content)};
  code c = {.key = key};
  dl_iterate_phdr(hash_code, &c);
  all.code = c.hash;
  snprintf(all.isa, sizeof all.isa, "%s %d", ufi_isa_name(ufi_cpu_isa()), FORMAT);
  return ufi_hash_of(key, &all, sizeof all);
}

/* ---- reading --------------------------------------------------------------------------- */

static const entry *entries_of(const uint8_t *file) { return (const entry *)(file + sizeof(header)); }

static size_t table_end(uint32_t n) { return sizeof(header) + (size_t)n * sizeof(entry); }

static bool is_good(const uf_buf *file, const ufi_hash *identity) {
  const uint8_t *data = uf_buf_data(file);
  const size_t size = uf_buf_size(file);
  header h;
  if (size < sizeof h) return false;
  memcpy(&h, data, sizeof h);
  if (memcmp(h.magic, magic, sizeof magic) != 0 || h.format != FORMAT || h.size != size || h.n > MOST_ENTRIES ||
      !ufi_hash_equal(&h.identity, identity) || table_end(h.n) + sizeof(uint32_t) > size) {
    return false;
  }
  return ufi_crc32c(0, data, table_end(h.n)) == ufi_load32(data + table_end(h.n));
}

ufi_packing_cache *ufi_packing_cache_open(const char *folder, const uf_buf *content) {
  ufi_hash_key key;
  ufi_packing_cache *cache = ufi_calloc(1, sizeof *cache);
  if (!cache) return NULL;
  bool good = get_key(folder, &key);
  if (good) {
    cache->identity = identity_of(&key, content);
    const uint64_t *w = cache->identity.words;
    good = snprintf(cache->path, sizeof cache->path, "%s/%016llx%016llx.packed", folder, (unsigned long long)w[0],
                    (unsigned long long)w[2]) < (int)sizeof cache->path;
  }
  if (!good) {
    ufi_free(cache);
    return NULL;
  }
  if (ufi_map_file(cache->path, &cache->file, NULL) == UF_OK && !is_good(cache->file, &cache->identity)) {
    uf_buf_release(cache->file);
    cache->file = NULL;
  }
  return cache;
}

void ufi_packing_cache_close(ufi_packing_cache *cache) {
  if (!cache) return;
  uf_buf_release(cache->file);
  ufi_free(cache);
}

const void *ufi_packing_cache_find(const ufi_packing_cache *cache, const ufi_packed_key *key) {
  if (!cache->file) return NULL;
  const uint8_t *data = uf_buf_data(cache->file);
  const uint64_t size = uf_buf_size(cache->file);
  const entry *entries = entries_of(data);
  const uint32_t n = ((const header *)data)->n;
  for (uint32_t i = 0; i < n; i++) {
    const entry *e = &entries[i];
    if (memcmp(&e->key, key, sizeof *key) != 0) continue;
    if (e->offset % ALIGNMENT != 0 || e->offset > size || key->size > size - e->offset) return NULL;
    ufi_map_expect(cache->file, data + e->offset, key->size);
    return ufi_crc32c(0, data + e->offset, key->size) == e->crc ? data + e->offset : NULL;
  }
  return NULL;
}

/* ---- writing --------------------------------------------------------------------------- */

static uint64_t round_up(uint64_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/* Header and table, with their checksum; NULL: out of memory. */
static uint8_t *make_table(const ufi_packing_cache *cache, const ufi_packing *packing, const ufi_packed_item **items) {
  const uint32_t n = (uint32_t)packing->n;
  uint8_t *table = ufi_calloc(1, table_end(n) + sizeof(uint32_t));
  if (!table) return NULL;
  entry *entries = (entry *)(table + sizeof(header));
  uint64_t at = round_up(table_end(n) + sizeof(uint32_t));
  uint32_t k = 0;
  for (int32_t i = 0; i < UFI_PACKED_BUCKETS; i++) {
    for (const ufi_packed_item *item = packing->buckets[i]; item; item = item->next, k++) {
      items[k] = item;
      entries[k] = (entry){item->key, at, ufi_crc32c(0, item->memory, item->key.size), 0};
      at = round_up(at + item->key.size);
    }
  }
  header h = {.format = FORMAT, .n = n, .size = at, .identity = cache->identity};
  memcpy(h.magic, magic, sizeof magic);
  memcpy(table, &h, sizeof h);
  uint32_t crc = ufi_crc32c(0, table, table_end(n));
  memcpy(table + table_end(n), &crc, sizeof crc);
  return table;
}

static uf_status pad(ufi_outfile *file) {
  static const char zeros[ALIGNMENT];
  const uint64_t size = ufi_outfile_size(file);
  return ufi_outfile_write(file, zeros, (size_t)(round_up(size) - size), NULL);
}

static uf_status write_all(ufi_outfile *file, const uint8_t *table, const ufi_packed_item *const *items, int32_t n) {
  UFI_TRY(ufi_outfile_write(file, table, table_end((uint32_t)n) + sizeof(uint32_t), NULL));
  for (int32_t i = 0; i < n; i++) {
    UFI_TRY(pad(file));
    UFI_TRY(ufi_outfile_write(file, items[i]->memory, items[i]->key.size, NULL));
  }
  return pad(file);
}

void ufi_packing_cache_save(const ufi_packing_cache *cache, const ufi_packing *packing) {
  if (packing->n > MOST_ENTRIES) return;
  const ufi_packed_item **items = ufi_calloc((size_t)packing->n + 1, sizeof *items);
  uint8_t *table = items ? make_table(cache, packing, items) : NULL;
  ufi_outfile *file = NULL;
  if (table && ufi_outfile_create(cache->path, false, &file, NULL) == UF_OK) {
    if (write_all(file, table, items, packing->n) == UF_OK) (void)ufi_outfile_commit(file, NULL); /* none at worst */
    else ufi_outfile_abandon(file);
  }
  ufi_free(table);
  ufi_free(items);
}
