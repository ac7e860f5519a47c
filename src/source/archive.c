/* SPDX-License-Identifier: Apache-2.0
 *
 * archive.c: NumPy's files as sources: .npz, .npy and folders of .npy files.
 *
 * An entry is a .npy: a member of the archive (its name without .npy), the file, or a file
 * of the folder. Listing reads the headers alone; of a compressed member as much is unpacked
 * as the header takes. Arrays that lie in a file as in memory are views of it or read by
 * ranges. What needs work (compressed, big-endian or Fortran order, strings) is unpacked whole
 * when it is read. An entry whose header cannot be read is listed as dtype "invalid" and
 * says why when it is read.
 *
 * A folder's index.json, which `unflow extract` writes, says which tensor each file is, and
 * its dtype where NumPy has none of that kind; without it names are those of the files, %XX
 * undone.
 */
#include "format/json_read.h"
#include "format/npy.h"
#include "format/zip.h"
#include "source/source.h"
#include "source/unique.h"

enum { AHEAD = 4096 /* bytes in which most headers end */, INDEX_MAX = 256 << 20 };

typedef struct array {
  uf_entry e;
  ufi_npy_info info;         /* offset: in the file; dtype UF_INVALID: not readable */
  const ufi_zip_entry *zip;  /* of an archive */
  bool in_place;             /* its bytes lie in the file as in memory */
} array;

typedef struct archive {
  ufi_file *file;            /* NULL: a folder */
  ufi_zip zip;
  array **members;           /* by index in zip; NULL: not asked for yet */
} archive;

static const char npy_ending[] = ".npy";
enum { ENDING = sizeof npy_ending - 1 };

static bool is_npy(const char *name, size_t size) {
  return size >= ENDING && memcmp(name + size - ENDING, npy_ending, ENDING) == 0;
}

/* The entry of a .npy whose header was read, or of which nothing is known. */
static void set_entry(array *a, const char *name, const char *file) {
  a->e.name = name;
  a->e.dtype = a->info.dtype;
  a->e.rank = a->info.rank;
  memcpy(a->e.dims, a->info.dims, sizeof a->e.dims);
  a->e.n_pieces = 1;
  a->e.size = a->info.size;
  if (!a->in_place) return;
  a->e.file = file;
  a->e.offset = a->info.offset;
}

/* The header of a .npy that is the whole file. Failures are for the read to tell. */
static void inspect_file(ufi_file *file, array *a) {
  uint64_t total = ufi_file_size(file), size = UFI_MIN(total, (uint64_t)AHEAD);
  uf_buf *head = NULL;
  if (ufi_file_view(file, 0, size, &head, NULL) != UF_OK) return;
  uint64_t needed = size < UFI_NPY_PREFIX ? 0 : ufi_npy_header_size(uf_buf_data(head));
  if (needed > size && needed <= total) {
    uf_buf_release(head);
    head = NULL;
    if (ufi_file_view(file, 0, needed, &head, NULL) != UF_OK) return;
  }
  if (ufi_npy_inspect(uf_buf_data(head), uf_buf_size(head), total, &a->info, NULL) != UF_OK)
    a->info = (ufi_npy_info){.dtype = UF_INVALID};
  a->in_place = a->info.plain;
  uf_buf_release(head);
}

/* ---- reading ------------------------------------------------------------------------ */

static uf_status cut(uf_tensor *whole, const uf_region *region, uf_tensor *tensor_out,
                     uf_error *error) {
  if (!region) {
    *tensor_out = *whole;
    return UF_OK;
  }
  uf_status status = ufi_tensor_region(whole, region, tensor_out, error);
  uf_tensor_release(whole);
  return status;
}

/* A .npy in memory, of which it is known that nobody else has it, or not. */
static uf_status decode(uf_buf *npy, bool own, const array *a, const uf_region *region,
                        uf_tensor *tensor_out, uf_error *error) {
  uf_tensor whole = {0};
  UFI_TRY(ufi_npy_decode(npy, own, &whole, error));
  bool known = whole.rank == a->e.rank &&
               uf_dtype_bits(whole.dtype) == uf_dtype_bits(a->e.dtype) &&
               memcmp(whole.dims, a->e.dims, sizeof(int64_t) * (size_t)whole.rank) == 0;
  if (known) {
    whole.dtype = a->e.dtype; /* as an index says */
    return cut(&whole, region, tensor_out, error);
  }
  uf_tensor_release(&whole);
  return ufi_fail(error, UF_DATA_LOSS, "expected the array that the header says, found another; "
                  "get the file again");
}

/* Only what it costs nothing to look at is not checked: views and parts. */
static bool wants_check(const uf_region *region, int flags) {
  return !region && (flags & (UF_READ_COPY | UF_READ_VERIFY));
}

static uf_status read_member(archive *z, const array *a, const uf_region *region, int flags,
                             uf_tensor *tensor_out, uf_error *error) {
  bool mapped = ufi_file_mapping(z->file) != NULL;
  bool in_place = a->in_place && (mapped || region);
  uf_buf *npy = NULL;
  if (!in_place || wants_check(region, flags)) {
    UFI_TRY(ufi_zip_read(&z->zip, a->zip, &npy, error)); /* checks */
    bool own = a->zip->method != 0 || !mapped;
    uf_status status = in_place ? UF_OK : decode(npy, own, a, region, tensor_out, error);
    uf_buf_release(npy);
    if (!in_place || status != UF_OK) return status;
  }
  return ufi_read_plain(z->file, a->info.offset, &a->e, region, flags, tensor_out, error);
}

static uf_status npz_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                          int flags, uf_tensor *tensor_out, uf_error *error) {
  uf_status status = read_member(source->impl, (const array *)entry, region, flags, tensor_out,
                                 error);
  if (status != UF_OK) ufi_error_prefix(error, "%.200s: '%.200s'", source->path, entry->name);
  return status;
}

static uf_status read_file(ufi_file *file, const array *a, const uf_region *region, int flags,
                           uf_tensor *tensor_out, uf_error *error) {
  if (a->in_place) return ufi_read_plain(file, a->info.offset, &a->e, region, flags, tensor_out, error);
  uf_buf *npy = NULL;
  UFI_TRY(ufi_file_view(file, 0, ufi_file_size(file), &npy, error));
  uf_status status = decode(npy, !ufi_file_mapping(file), a, region, tensor_out, error);
  uf_buf_release(npy);
  if (status != UF_OK) ufi_error_prefix(error, "%.400s", ufi_file_path(file));
  return status;
}

static uf_status npy_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                          int flags, uf_tensor *tensor_out, uf_error *error) {
  archive *z = source->impl;
  return read_file(z->file, (const array *)entry, region, flags, tensor_out, error);
}

/* The files of a folder are opened when they are read: thousands may be there. */
static uf_status folder_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                             int flags, uf_tensor *tensor_out, uf_error *error) {
  ufi_file *file = NULL;
  UFI_TRY(ufi_file_open(ufi_source_fs(source), entry->file, &file, error));
  uf_status status = read_file(file, (const array *)entry, region, flags, tensor_out, error);
  ufi_file_release(file);
  return status;
}

/* ---- .npz ------------------------------------------------------------------------------ */

/* The header of a member, from the first bytes of it. */
static uf_status inspect_member(archive *z, array *a, uf_error *error) {
  unsigned char head[AHEAD];
  uf_buf *ahead = NULL;
  uint64_t offset = 0;
  bool stored = a->zip->method == 0, mapped = ufi_file_mapping(z->file) != NULL;
  size_t wanted = mapped ? (size_t)a->zip->packed_size : 2 * AHEAD;
  UFI_TRY(ufi_zip_locate(&z->zip, a->zip, wanted, &offset, &ahead, error));
  size_t n = ufi_zip_peek(a->zip, ahead, head, sizeof head);
  uint64_t needed = n < UFI_NPY_PREFIX ? 0 : ufi_npy_header_size(head);
  const void *from = head;
  if (stored && needed > n) { /* a long header, which lies there as it is */
    from = uf_buf_data(ahead);
    n = uf_buf_size(ahead);
  }
  if (ufi_npy_inspect(from, n, a->zip->size, &a->info, NULL) != UF_OK)
    a->info = (ufi_npy_info){.dtype = UF_INVALID};
  a->in_place = stored && a->info.plain && a->info.dtype != UF_INVALID;
  a->info.offset += offset;
  uf_buf_release(ahead);
  return UF_OK;
}

/* The entry of member i, made once. A member that cannot be found is listed, too. */
static uf_status get_member(uf_source *source, size_t i, array **array_out, uf_error *error) {
  archive *z = source->impl;
  if (!z->members[i]) {
    const ufi_zip_entry *member = &z->zip.entries[i];
    array *a = ufi_arena_alloc(source->arena, sizeof *a);
    const char *name = ufi_arena_string(source->arena, member->name, member->name_size - ENDING);
    if (!a || !name) return ufi_no_memory(error, sizeof *a);
    a->zip = member;
    uf_status status = inspect_member(z, a, error);
    if (status != UF_OK && status != UF_DATA_LOSS) return status;
    set_entry(a, name, source->path);
    z->members[i] = a;
  }
  *array_out = z->members[i];
  return UF_OK;
}

static uf_status npz_scan(uf_source *source, uf_error *error) {
  archive *z = source->impl;
  for (size_t i = 0; i < z->zip.count; i++) {
    array *a = NULL;
    if (!is_npy(z->zip.entries[i].name, z->zip.entries[i].name_size)) continue;
    UFI_TRY(get_member(source, i, &a, error));
    UFI_TRY(ufi_source_add(source, &a->e, error));
  }
  return UF_OK;
}

static uf_status npz_find(uf_source *source, const char *name, const uf_entry **entry_out,
                          uf_error *error) {
  archive *z = source->impl;
  size_t size = strlen(name);
  for (size_t i = 0; i < z->zip.count; i++) {
    const ufi_zip_entry *e = &z->zip.entries[i];
    array *a = NULL;
    if (e->name_size != size + ENDING || memcmp(e->name, name, size) != 0 ||
        !is_npy(e->name, e->name_size))
      continue;
    UFI_TRY(get_member(source, i, &a, error));
    *entry_out = &a->e;
    return UF_OK;
  }
  return UF_NOT_FOUND;
}

static void archive_destroy(uf_source *source) {
  archive *z = source->impl;
  ufi_zip_close(&z->zip);
  ufi_file_release(z->file);
  ufi_free(z->members);
  ufi_free(z);
}

static const ufi_source_ops npz_ops = {.format = "npz", .scan = npz_scan, .find = npz_find,
                                       .read = npz_read, .destroy = archive_destroy};

static uf_source *create(const char *path, const uf_filesystem *fs, const ufi_source_ops *ops,
                         ufi_file *file, uf_error *error) {
  uf_source *source = ufi_source_create(path, fs, ops, error);
  archive *z = source ? ufi_calloc(1, sizeof *z) : NULL;
  if (!z) {
    uf_source_release(source);
    ufi_no_memory(error, sizeof *z);
    return NULL;
  }
  z->file = ufi_file_retain(file);
  source->impl = z;
  return source;
}

uf_status ufi_open_npz(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                       uf_error *error) {
  uf_source *source = create(ufi_file_path(file), fs, &npz_ops, file, error);
  if (!source) return UF_RESOURCE_EXHAUSTED;
  archive *z = source->impl;
  uf_status status = ufi_zip_open_file(file, &z->zip, error);
  if (status == UF_OK) {
    z->members = ufi_calloc(z->zip.count + 1, sizeof *z->members);
    if (!z->members) status = ufi_no_memory(error, z->zip.count * sizeof *z->members);
  }
  if (status == UF_OK) *source_out = source;
  else uf_source_release(source);
  return status;
}

/* ---- .npy ------------------------------------------------------------------------------ */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static uf_status npy_scan(uf_source *source, uf_error *error) {
  archive *z = source->impl;
  const char *base = base_name(source->path);
  size_t size = strlen(base);
  if (is_npy(base, size)) size -= ENDING;
  array *a = ufi_arena_alloc(source->arena, sizeof *a);
  const char *name = ufi_arena_string(source->arena, base, size);
  if (!a || !name) return ufi_no_memory(error, sizeof *a);
  inspect_file(z->file, a);
  set_entry(a, name, source->path);
  return ufi_source_add(source, &a->e, error);
}

static const ufi_source_ops npy_ops = {.format = "npy", .scan = npy_scan, .read = npy_read,
                                       .destroy = archive_destroy};

uf_status ufi_open_npy(ufi_file *file, const uf_filesystem *fs, uf_source **source_out,
                       uf_error *error) {
  *source_out = create(ufi_file_path(file), fs, &npy_ops, file, error);
  return *source_out ? UF_OK : UF_RESOURCE_EXHAUSTED;
}

/* ---- folders ------------------------------------------------------------------------------ */

/* What index.json says of one file. */
typedef struct indexed {
  const char *file, *name; /* NULL: it does not say */
  uf_dtype dtype;
} indexed;

typedef struct file_index {
  ufi_names *files; /* to items */
  indexed *items;
  size_t n, capacity;
} file_index;

static char *path_in(uf_source *source, const char *name) {
  size_t size = strlen(source->path), more = strlen(name);
  while (size > 1 && source->path[size - 1] == '/') size--;
  bool root = size == 1 && source->path[0] == '/';
  char *path = ufi_arena_alloc(source->arena, size + 1 + more + 1);
  if (!path) return NULL;
  memcpy(path, source->path, size);
  if (!root) path[size++] = '/';
  memcpy(path + size, name, more);
  return path;
}

static bool is_key(const char *key, const char *a, const char *b) {
  return strcmp(key, a) == 0 || strcmp(key, b) == 0;
}

/* False: out of memory, unless j is bad. */
static bool parse_item(ufi_json *j, ufi_arena *arena, indexed *item) {
  for (bool more = ufi_json_open(j, '{'); more; more = ufi_json_more(j, '}')) {
    const char *key = ufi_json_key(j, arena), *text;
    if (!key) return false;
    bool of_use = ufi_json_peek(j) == '"' && (is_key(key, "file", "dtype") ||
                                              is_key(key, "tensor", "name"));
    if (!of_use) {
      ufi_json_skip(j);
      continue;
    }
    if (!(text = ufi_json_string(j, arena))) return false;
    if (strcmp(key, "file") == 0) item->file = text;
    else if (strcmp(key, "dtype") == 0) item->dtype = uf_dtype_from_name(text);
    else item->name = text;
  }
  return !j->bad;
}

static bool keep_item(file_index *x, const indexed *item) {
  if (!item->file) return true;
  if (x->n == x->capacity) {
    size_t capacity = x->capacity ? 2 * x->capacity : 64;
    indexed *items = capacity <= INT32_MAX ? ufi_realloc(x->items, capacity * sizeof *items) : NULL;
    if (!items) return false;
    x->items = items;
    x->capacity = capacity;
  }
  x->items[x->n] = *item;
  return ufi_names_add(x->files, item->file, (int32_t)x->n++);
}

static uf_status parse_index(uf_source *source, const uf_buf *text, file_index *x, uf_error *error) {
  ufi_json j = ufi_json_of(uf_buf_data(text), uf_buf_size(text));
  for (bool more = ufi_json_open(&j, '['); more; more = ufi_json_more(&j, ']')) {
    indexed item = {0};
    bool good = parse_item(&j, source->arena, &item) && keep_item(x, &item);
    if (!good && !j.bad) return ufi_no_memory(error, sizeof item);
  }
  if (!j.bad && ufi_json_at_end(&j)) return UF_OK;
  return ufi_fail(error, UF_DATA_LOSS, "%s/index.json: offset %zu: expected a list of the files as "
                  "`unflow extract` writes it, found something else; remove it to have the files' "
                  "own names", source->path, (size_t)(j.at - (const char *)uf_buf_data(text)));
}

/* NOT_FOUND: there is none. An index.json that is no list is somebody else's. */
static uf_status read_index(uf_source *source, file_index *x, uf_error *error) {
  const char *path = path_in(source, "index.json");
  ufi_file *file = NULL;
  uf_buf *text = NULL;
  x->files = ufi_names_create(64);
  if (!path || !x->files) return ufi_no_memory(error, 64);
  UFI_TRY(ufi_file_open(ufi_source_fs(source), path, &file, error));
  uint64_t size = UFI_MIN(ufi_file_size(file), (uint64_t)INDEX_MAX);
  uf_status status = ufi_file_view(file, 0, size, &text, error);
  ufi_file_release(file);
  UFI_TRY(status);
  ufi_json j = ufi_json_of(uf_buf_data(text), uf_buf_size(text));
  if (ufi_json_peek(&j) == '[') status = parse_index(source, text, x, error);
  uf_buf_release(text);
  return status;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
       : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* file without .npy, %XX undone (but for a NUL), in the arena. */
static char *unescaped(uf_source *source, const char *file) {
  size_t size = strlen(file) - ENDING, n = 0;
  char *name = ufi_arena_string(source->arena, file, size);
  for (size_t i = 0; name && i < size; i++) {
    int high = i + 2 < size && name[i] == '%' ? hex_digit(name[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(name[i + 2]) : -1;
    bool escape = low >= 0 && high * 16 + low != 0;
    name[n++] = escape ? (char)(high * 16 + low) : name[i];
    if (escape) i += 2;
  }
  if (name) name[n] = 0;
  return name;
}

static uf_status add_file(uf_source *source, const char *file_name, const file_index *x,
                          ufi_unique *names, uf_error *error) {
  int32_t at = ufi_names_find(x->files, file_name);
  const indexed *item = at >= 0 ? &x->items[at] : NULL;
  const char *name = item && item->name ? item->name : unescaped(source, file_name);
  const char *path = path_in(source, file_name);
  array *a = ufi_arena_alloc(source->arena, sizeof *a);
  if (name) name = ufi_unique_name(names, source->arena, name, strlen(name));
  if (!name || !path || !a) return ufi_no_memory(error, sizeof *a);
  ufi_file *file = NULL;
  uf_status status = ufi_file_open(ufi_source_fs(source), path, &file, error);
  if (status == UF_NOT_FOUND) return UF_OK; /* a folder of that name */
  UFI_TRY(status);
  inspect_file(file, a);
  ufi_file_release(file);
  if (item && item->dtype != UF_STRING && a->info.dtype != UF_STRING &&
      uf_dtype_bits(item->dtype) >= 8 && uf_dtype_bits(item->dtype) == uf_dtype_bits(a->info.dtype))
    a->info.dtype = item->dtype;
  set_entry(a, name, path);
  a->e.file = path; /* also where it has no place in it: folder_read opens it */
  return ufi_source_add(source, &a->e, error);
}

static uf_status folder_scan(uf_source *source, uf_error *error) {
  file_index x = {0};
  ufi_folder folder = {0};
  ufi_unique *names = ufi_unique_create();
  uf_status status = names ? UF_OK : ufi_no_memory(error, 64);
  if (status == UF_OK) status = ufi_folder_list(ufi_source_fs(source), source->path, &folder, error);
  if (status == UF_OK && ufi_folder_has(&folder, "index.json")) status = read_index(source, &x, error);
  else if (status == UF_OK && !(x.files = ufi_names_create(0))) status = ufi_no_memory(error, 64);
  for (size_t i = 0; i < folder.count && status == UF_OK; i++)
    if (is_npy(folder.names[i], strlen(folder.names[i])))
      status = add_file(source, folder.names[i], &x, names, error);
  ufi_folder_free(&folder);
  ufi_names_destroy(x.files);
  ufi_free(x.items);
  ufi_unique_destroy(names);
  return status;
}

static const ufi_source_ops folder_ops = {.format = "npy_folder", .scan = folder_scan,
                                          .read = folder_read, .destroy = archive_destroy};

uf_status ufi_open_npy_folder(const char *path, const uf_filesystem *fs, uf_source **source_out,
                              uf_error *error) {
  *source_out = create(path, fs, &folder_ops, NULL, error);
  return *source_out ? UF_OK : UF_RESOURCE_EXHAUSTED;
}
