/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c: the section "source" of unflow.h, over what each format gives.
 *
 * Entries are made when they are asked for: one by one where a format can find a name
 * without reading its whole index, all of them at the first listing. An entry found before
 * that stays valid and equal to the listed one. A listing that failed fails again with
 * the same words; names can still be looked up.
 */
#include <stdlib.h>

#include "source/source.h"

#include <stddef.h>

/* ---- life ------------------------------------------------------------------------ */

uf_source *ufi_source_create(const char *path, const uf_filesystem *fs, const ufi_source_ops *ops,
                             uf_error *error) {
  uf_source *source = ufi_calloc(1, sizeof *source);
  size_t size = strlen(path) + 1;
  if (!source) goto no_memory;
  source->path = ufi_malloc(size);
  source->arena = ufi_arena_create();
  if (!source->path || !source->arena || pthread_mutex_init(&source->lock, NULL) != 0) {
    ufi_arena_destroy(source->arena);
    ufi_free(source->path);
    ufi_free(source);
    goto no_memory;
  }
  memcpy(source->path, path, size);
  atomic_init(&source->refs, 1);
  source->ops = ops;
  source->details = "";
  source->fs = fs ? *fs : (uf_filesystem){0};
  source->has_fs = fs != NULL;
  return source;
no_memory:
  ufi_no_memory(error, sizeof *source);
  return NULL;
}

const uf_filesystem *ufi_source_fs(const uf_source *source) {
  return source->has_fs ? &source->fs : NULL;
}

uf_source *uf_source_retain(uf_source *source) {
  if (source) atomic_fetch_add_explicit(&source->refs, 1, memory_order_relaxed);
  return source;
}

void uf_source_release(uf_source *source) {
  if (!source || atomic_fetch_sub_explicit(&source->refs, 1, memory_order_acq_rel) != 1) return;
  if (source->ops->destroy && source->impl) source->ops->destroy(source);
  if (source->owns_fs && source->fs.free) source->fs.free(source->fs.context);
  ufi_names_destroy(source->names);
  ufi_free(source->entries);
  ufi_free(source->scan_error);
  ufi_free(source->variables);
  ufi_arena_destroy(source->arena);
  pthread_mutex_destroy(&source->lock);
  ufi_free(source->path);
  ufi_free(source);
}

void uf_source_describe(const uf_source *source, uf_source_info *info_out) {
  *info_out = (uf_source_info){
    .path = source->path, .format = source->ops->format, .details = source->details};
}

/* ---- entries --------------------------------------------------------------------- */

uf_status ufi_source_add(uf_source *source, const uf_entry *entry, uf_error *error) {
  if (source->n == source->capacity) {
    size_t capacity = source->capacity ? 2 * source->capacity : 64;
    const uf_entry **entries = ufi_realloc(source->entries, capacity * sizeof *entries);
    if (!entries || capacity > INT32_MAX) return ufi_no_memory(error, capacity * sizeof *entries);
    source->entries = entries;
    source->capacity = capacity;
  }
  source->entries[source->n++] = entry;
  return UF_OK;
}

/* Keeps the words of a failed scan. */
static void scan_failed(uf_source *source, uf_status status, const uf_error *error) {
  source->n = 0;
  source->scan_status = status;
  source->scan_error = error ? ufi_malloc(sizeof *error) : NULL;
  if (source->scan_error) *source->scan_error = *error;
}

/* Under the lock. */
static uf_status scan(uf_source *source, uf_error *error) {
  if (source->scan_status != UF_OK) {
    if (error && source->scan_error) *error = *source->scan_error;
    return source->scan_error || !error
               ? source->scan_status
               : ufi_fail(error, source->scan_status, "%s: expected a list of its content, found "
                          "it damaged", source->path);
  }
  if (!source->ops->scan) source->scanned = true; /* open did */
  if (source->scanned) return UF_OK;
  ufi_names_destroy(source->names);
  source->names = NULL;
  source->n = 0;
  uf_error words = {0};
  uf_status status = source->ops->scan(source, &words);
  source->scanned = status == UF_OK;
  if (status == UF_OK) return UF_OK;
  if (error) *error = words;
  if (status == UF_RESOURCE_EXHAUSTED) source->n = 0; /* may go better another time */
  else scan_failed(source, status, &words);
  return status;
}

uf_status uf_source_entries(uf_source *source, const uf_entry *const **entries_out, size_t *n_out,
                            uf_error *error) {
  pthread_mutex_lock(&source->lock);
  uf_status status = scan(source, error);
  if (status == UF_OK) {
    *entries_out = source->entries;
    *n_out = source->n;
  }
  pthread_mutex_unlock(&source->lock);
  return status;
}

/* Puts entries[from ...] into the map of names. */
static uf_status map_names(uf_source *source, size_t from, uf_error *error) {
  if (!source->names) source->names = ufi_names_create(source->n);
  bool good = source->names != NULL;
  for (size_t i = from; i < source->n && good; i++)
    good = ufi_names_add(source->names, source->entries[i]->name, (int32_t)i);
  if (good) return UF_OK;
  ufi_names_destroy(source->names);
  source->names = NULL;
  return ufi_no_memory(error, source->n * sizeof(char *));
}

/* By the format's own look-up; what it finds is kept for the next time. */
static uf_status find_unscanned(uf_source *source, const char *name, const uf_entry **entry_out,
                                uf_error *error) {
  int32_t known = source->names ? ufi_names_find(source->names, name) : -1;
  if (known >= 0) {
    *entry_out = source->entries[known];
    return UF_OK;
  }
  UFI_TRY(source->ops->find(source, name, entry_out, error));
  UFI_TRY(ufi_source_add(source, *entry_out, error));
  return map_names(source, source->n - 1, error);
}

static int compare_name(const void *name, const void *entry) {
  return strcmp(name, (*(const uf_entry *const *)entry)->name);
}

static uf_status find_scanned(uf_source *source, const char *name, const uf_entry **entry_out,
                              uf_error *error) {
  UFI_TRY(scan(source, error));
  if (source->ops->sorted) {
    const uf_entry **found = source->n ? bsearch(name, source->entries, source->n, sizeof *found, compare_name)
                                       : NULL;
    if (found) *entry_out = *found;
    return found ? UF_OK : UF_NOT_FOUND;
  }
  if (!source->names) UFI_TRY(map_names(source, 0, error));
  int32_t i = ufi_names_find(source->names, name);
  if (i < 0) return UF_NOT_FOUND;
  *entry_out = source->entries[i];
  return UF_OK;
}

static const char *entry_name(const void *source, size_t i) {
  return ((const uf_source *)source)->entries[i]->name;
}

static uf_status not_found(uf_source *source, const char *name, uf_error *error) {
  if (!error) return UF_NOT_FOUND;
  char near[UFI_NEAR_TEXT] = "";
  if (scan(source, NULL) == UF_OK) ufi_near_names(name, entry_name, source, source->n, near);
  return ufi_fail(error, UF_NOT_FOUND, "%s: expected the name of a tensor in it, found '%.256s'%s",
                  source->path, name, near);
}

uf_status uf_source_find(uf_source *source, const char *name, const uf_entry **entry_out,
                         uf_error *error) {
  if (!name) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected a name, found NULL");
  pthread_mutex_lock(&source->lock);
  bool by_format = !source->scanned && source->ops->find;
  uf_status status = by_format ? find_unscanned(source, name, entry_out, error)
                               : find_scanned(source, name, entry_out, error);
  if (status == UF_NOT_FOUND) status = not_found(source, name, error);
  pthread_mutex_unlock(&source->lock);
  return status;
}

/* ---- reading ---------------------------------------------------------------------- */

static uf_status check_region(const uf_source *source, const uf_entry *entry,
                              const uf_region *region, uf_error *error) {
  for (int32_t i = 0; i < entry->rank; i++) {
    int64_t start = region->start[i], extent = region->extent[i];
    if (start >= 0 && extent >= 0 && start <= entry->dims[i] && extent <= entry->dims[i] - start)
      continue;
    char shape[UFI_SHAPE_TEXT];
    return ufi_fail(error, UF_OUT_OF_RANGE, "%s: '%s': dimension %d: expected a part of the shape "
                    "%s, found start %lld and extent %lld", source->path, entry->name, (int)i,
                    ufi_shape_text(entry->rank, entry->dims, shape), (long long)start,
                    (long long)extent);
  }
  return UF_OK;
}

static bool is_whole(const uf_entry *entry, const uf_region *region) {
  for (int32_t i = 0; region && i < entry->rank; i++)
    if (region->extent[i] != entry->dims[i]) return false;
  return true;
}

uf_status uf_source_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                         int flags, uf_tensor *tensor_out, uf_error *error) {
  if (!entry || !tensor_out)
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an entry and a tensor, found NULL");
  if (region) UFI_TRY(check_region(source, entry, region, error));
  if (is_whole(entry, region)) region = NULL;
  return source->ops->read(source, entry, region, flags, tensor_out, error);
}

uf_status uf_source_verify(uf_source *source, const uf_entry *entry, uf_error *error) {
  if (!entry) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an entry, found NULL");
  if (source->ops->verify) return source->ops->verify(source, entry, error);
  uf_tensor tensor = {0};
  UFI_TRY(source->ops->read(source, entry, NULL, UF_READ_UNALIGNED | UF_READ_VERIFY, &tensor, error));
  uf_tensor_release(&tensor);
  return UF_OK;
}

/* ---- names ------------------------------------------------------------------------ */

static const char *const role_names[] = {
  [UF_ROLE_VALUE] = "value", [UF_ROLE_CONSTANT] = "constant", [UF_ROLE_SLOT] = "slot",
  [UF_ROLE_OPTIMIZER] = "optimizer", [UF_ROLE_AVERAGE] = "average", [UF_ROLE_META] = "meta",
};

const char *uf_role_name(uf_role role) {
  return (unsigned)role < UFI_COUNT(role_names) ? role_names[role] : "unknown";
}

static uf_status name_variables(uf_source *source, uf_error *error) {
  UFI_TRY(scan(source, error));
  uf_variable *variables = ufi_calloc(source->n + 1, sizeof *variables);
  if (!variables) return ufi_no_memory(error, source->n * sizeof *variables);
  for (size_t i = 0; i < source->n; i++)
    variables[i] = (uf_variable){.entry = source->entries[i], .name = source->entries[i]->name,
                                 .of = -1, .average = -1};
  uf_status status = source->ops->variables
                         ? source->ops->variables(source, variables, source->n, error)
                         : ufi_variables_by_name(source, variables, source->n, error);
  if (status == UF_OK) source->variables = variables;
  else ufi_free(variables);
  return status;
}

uf_status uf_source_variables(uf_source *source, const uf_variable **variables_out, size_t *n_out,
                              uf_error *error) {
  pthread_mutex_lock(&source->lock);
  uf_status status = source->variables ? UF_OK : name_variables(source, error);
  if (status == UF_OK) {
    *variables_out = source->variables;
    *n_out = source->n;
  }
  pthread_mutex_unlock(&source->lock);
  return status;
}

/* ---- graphs ------------------------------------------------------------------------- */

static uf_status no_nodes(const uf_source *source, uf_error *error) {
  return ufi_fail(error, UF_OUT_OF_RANGE, "%s: expected a graph with nodes, found a %s, which has "
                  "none", source->path, source->ops->format);
}

uf_status uf_source_node(uf_source *source, size_t i, uf_graph_node *node_out, uf_error *error) {
  if (!source->ops->node) return no_nodes(source, error);
  pthread_mutex_lock(&source->lock);
  uf_status status = source->ops->node(source, i, node_out, error);
  pthread_mutex_unlock(&source->lock);
  return status;
}

uf_status uf_source_attr(uf_source *source, size_t i, int32_t j, int32_t at, uf_attr *attr_out,
                         uf_tensor *tensor_out, int32_t *n_out, uf_error *error) {
  if (!source->ops->attr) return no_nodes(source, error);
  pthread_mutex_lock(&source->lock);
  uf_status status = source->ops->attr(source, i, j, at, attr_out, tensor_out, n_out, error);
  pthread_mutex_unlock(&source->lock);
  return status;
}
