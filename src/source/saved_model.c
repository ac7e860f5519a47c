/* SPDX-License-Identifier: Apache-2.0
 *
 * saved_model.c: a graph and the checkpoint beside it, as one source.
 *
 * The checkpoint's entries come first, under their keys; then the graph's constants, under
 * their nodes' names, where one that a key has already gets ~2, ~3 and so on. Since the
 * checkpoint's come first, what it says of its variables holds here, indices included. Every
 * entry remembers the source that it comes from, which reads it.
 *
 * A SavedModel's own object graph is not needed for names: whatever saves variables/variables
 * puts the same objects into the checkpoint (_CHECKPOINTABLE_OBJECT_GRAPH).
 */
#include <stdio.h>

#include "source/source.h"
#include "source/unique.h"

typedef struct member {
  uf_entry e;             /* of this source: another name, maybe */
  const uf_entry *entry;  /* of the source that */
  uf_source *from;        /* it is in */
} member;

typedef struct joined {
  uf_source *graph, *checkpoint; /* checkpoint NULL: none */
  size_t n_saved;                /* entries of the checkpoint, once scanned */
} joined;

static uf_status add_entries(uf_source *source, uf_source *from, ufi_unique *names,
                             uf_error *error) {
  const uf_entry *const *entries = NULL;
  size_t n = 0;
  UFI_TRY(uf_source_entries(from, &entries, &n, error));
  for (size_t i = 0; i < n; i++) {
    member *m = ufi_arena_alloc(source->arena, sizeof *m);
    if (!m) return ufi_no_memory(error, sizeof *m);
    *m = (member){.e = *entries[i], .entry = entries[i], .from = from};
    m->e.name = ufi_unique_name(names, source->arena, m->e.name, strlen(m->e.name));
    if (!m->e.name) return ufi_no_memory(error, sizeof *m);
    UFI_TRY(ufi_source_add(source, &m->e, error));
  }
  return UF_OK;
}

static uf_status joined_scan(uf_source *source, uf_error *error) {
  joined *j = source->impl;
  ufi_unique *names = ufi_unique_create();
  if (!names) return ufi_no_memory(error, 64);
  uf_status status = j->checkpoint ? add_entries(source, j->checkpoint, names, error) : UF_OK;
  j->n_saved = source->n;
  if (status == UF_OK) status = add_entries(source, j->graph, names, error);
  ufi_unique_destroy(names);
  return status;
}

static uf_status joined_read(uf_source *source, const uf_entry *entry, const uf_region *region,
                             int flags, uf_tensor *tensor_out, uf_error *error) {
  const member *m = (const member *)entry;
  return m->from->ops->read(m->from, m->entry, region, flags, tensor_out, error);
}

static uf_status joined_verify(uf_source *source, const uf_entry *entry, uf_error *error) {
  const member *m = (const member *)entry;
  return uf_source_verify(m->from, m->entry, error);
}

static bool joined_crc32c(const uf_entry *entry, uint32_t *crc_out) {
  const member *m = (const member *)entry;
  const ufi_source_ops *ops = m->from->ops;
  return ops->crc32c && ops->crc32c(m->entry, crc_out);
}

/* A constant may be called what a variable is: names stay unique. */
static uf_status name_constants(uf_source *source, uf_variable *variables, size_t n,
                                uf_error *error) {
  joined *j = source->impl;
  ufi_unique *names = ufi_unique_create();
  bool good = names != NULL;
  for (size_t i = 0; i < n && good; i++) {
    uf_variable *v = &variables[i];
    const char *name = ufi_unique_name(names, source->arena, v->name, strlen(v->name));
    good = name != NULL;
    if (i < j->n_saved) continue;
    v->role = UF_ROLE_CONSTANT;
    v->name = name;
  }
  ufi_unique_destroy(names);
  return good ? UF_OK : ufi_no_memory(error, n * sizeof *variables);
}

static uf_status joined_variables(uf_source *source, uf_variable *variables, size_t n,
                                  uf_error *error) {
  joined *j = source->impl;
  const uf_variable *saved = NULL;
  size_t n_saved = 0;
  if (j->checkpoint) UFI_TRY(uf_source_variables(j->checkpoint, &saved, &n_saved, error));
  for (size_t i = 0; i < n_saved && i < n; i++) {
    const uf_entry *entry = variables[i].entry;
    variables[i] = saved[i];
    variables[i].entry = entry;
  }
  return name_constants(source, variables, n, error);
}

static uf_status joined_node(uf_source *source, size_t i, uf_graph_node *node_out,
                             uf_error *error) {
  return uf_source_node(((joined *)source->impl)->graph, i, node_out, error);
}

static uf_status joined_attr(uf_source *source, size_t i, int32_t j, int32_t at, uf_attr *attr_out,
                             uf_tensor *tensor_out, int32_t *n_out, uf_error *error) {
  return uf_source_attr(((joined *)source->impl)->graph, i, j, at, attr_out, tensor_out, n_out,
                        error);
}

static void joined_destroy(uf_source *source) {
  joined *j = source->impl;
  uf_source_release(j->graph);
  uf_source_release(j->checkpoint);
  ufi_free(j);
}

#define OPS(name)                                                                                \
  {.format = name, .scan = joined_scan, .read = joined_read, .verify = joined_verify,            \
   .crc32c = joined_crc32c, .variables = joined_variables, .node = joined_node,                  \
   .attr = joined_attr, .destroy = joined_destroy}
static const ufi_source_ops saved_model_ops = OPS("saved_model"), meta_graph_ops = OPS("meta_graph");

static const char *describe(uf_source *source, const joined *j) {
  uf_source_info info;
  char text[256];
  if (!j->checkpoint) return "without a checkpoint";
  uf_source_describe(j->checkpoint, &info);
  int size = snprintf(text, sizeof text, "with a %s%s%s",
                      strcmp(info.format, "checkpoint_v1") == 0 ? "V1 checkpoint" : "checkpoint",
                      info.details[0] ? " of " : "", info.details);
  const char *copy = ufi_arena_string(source->arena, text, UFI_MIN((size_t)size, sizeof text - 1));
  return copy ? copy : "";
}

uf_status ufi_open_saved_model(const char *path, const char *format, uf_source *graph,
                               uf_source *checkpoint, uf_source **source_out, uf_error *error) {
  bool is_saved_model = strcmp(format, "saved_model") == 0;
  uf_source *source = ufi_source_create(path, ufi_source_fs(graph),
                                        is_saved_model ? &saved_model_ops : &meta_graph_ops, error);
  joined *j = source ? ufi_calloc(1, sizeof *j) : NULL;
  if (!j) {
    uf_source_release(graph);
    uf_source_release(checkpoint);
    uf_source_release(source);
    return ufi_no_memory(error, sizeof *j);
  }
  *j = (joined){.graph = graph, .checkpoint = checkpoint};
  source->impl = j;
  source->details = describe(source, j);
  *source_out = source;
  return UF_OK;
}
