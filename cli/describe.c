/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c: what a model's tensors are, in words and in JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- kinds ------------------------------------------------------------------------- */

static const char *const kind_names[KIND_COUNT] = {
  [KIND_INPUT] = "input", [KIND_OUTPUT] = "output", [KIND_CONSTANT] = "constant",
  [KIND_STATE] = "state", [KIND_RESOURCE] = "resource", [KIND_INTERMEDIATE] = "intermediate",
  [KIND_UNUSED] = "unused",
};

const char *kind_name(kind k) { return kind_names[k]; }

bool kinds_parse(const char *words, unsigned *bits_out) {
  unsigned bits = 0;
  while (*words) {
    size_t size = strcspn(words, ",");
    unsigned bit = 0;
    for (int k = 0; k < KIND_COUNT; k++)
      if (strlen(kind_names[k]) == size && memcmp(kind_names[k], words, size) == 0) bit = 1u << k;
    if (size == 3 && memcmp(words, "all", 3) == 0) bit = (1u << KIND_COUNT) - 1;
    if (!bit) return false;
    bits |= bit;
    words += size + (words[size] == ',');
  }
  *bits_out = bits;
  return bits != 0;
}

static kind kind_of(const uf_value_info *v) {
  if (v->kind == UF_VALUE_CONSTANT) return KIND_CONSTANT;
  if (v->kind == UF_VALUE_STATE) return KIND_STATE;
  if (v->dtype == UF_RESOURCE) return KIND_RESOURCE;
  return v->producer >= 0 ? KIND_INTERMEDIATE : KIND_UNUSED;
}

/* ---- graphs -------------------------------------------------------------------------- */

static int64_t bytes_of(const uf_value_info *v) {
  int64_t count = 1;
  if (v->rank < 0 || v->dtype == UF_STRING || v->dtype == UF_RESOURCE || v->dtype == UF_VARIANT)
    return -1;
  for (int32_t i = 0; i < v->signature_rank; i++)
    if (v->dims_signature[i] < 0) return -1;
  for (int32_t i = 0; i < v->rank; i++)
    if (__builtin_mul_overflow(count, v->dims[i], &count)) return -1;
  int bits = uf_dtype_bits(v->dtype);
  if (bits < 8) return count / (8 / bits) + (count % (8 / bits) != 0);
  return __builtin_mul_overflow(count, bits / 8, &count) ? -1 : count;
}

static bool read_values(const uf_model *model, graph_view *g, uf_error *error) {
  for (int32_t i = 0; i < g->info.n_values; i++) {
    if (uf_model_value(model, g->index, i, &g->values[i], error) != UF_OK) return false;
    g->kinds[i] = (unsigned char)kind_of(&g->values[i]);
    g->bytes[i] = bytes_of(&g->values[i]);
  }
  /* An output that is a constant or an input stays that. */
  for (int32_t i = 0; i < g->info.n_outputs; i++) {
    int32_t v = g->info.outputs[i];
    if (v >= 0 && g->kinds[v] == KIND_INTERMEDIATE) g->kinds[v] = KIND_OUTPUT;
  }
  for (int32_t i = 0; i < g->info.n_inputs; i++) {
    int32_t v = g->info.inputs[i];
    if (v >= 0) g->kinds[v] = KIND_INPUT;
  }
  return true;
}

bool graph_view_create(const uf_model *model, int32_t graph, graph_view *out, uf_error *error) {
  graph_view g = {.index = graph};
  if (uf_model_graph(model, graph, &g.info, error) != UF_OK) return false;
  size_t n = (size_t)g.info.n_values;
  g.values = xcalloc(n, sizeof *g.values);
  g.kinds = xcalloc(n, 1);
  g.bytes = xcalloc(n, sizeof *g.bytes);
  if (!read_values(model, &g, error)) {
    graph_view_free(&g);
    return false;
  }
  *out = g;
  return true;
}

void graph_view_free(graph_view *g) {
  free(g->values);
  free(g->kinds);
  free(g->bytes);
  *g = (graph_view){0};
}

uf_model *open_model(const char *path) {
  uf_model *model = NULL;
  uf_error error = {0};
  if (uf_model_open(path, NULL, &model, &error) == UF_OK) return model;
  fail_error(&error);
  return NULL;
}

/* ---- text ------------------------------------------------------------------------------ */

void text_value_shape(text *t, const uf_value_info *v) {
  bool known = v->signature_rank != v->rank || v->rank <= 0;
  text_shape(t, v->rank, known ? v->dims : v->dims_signature);
}

void text_quant(text *t, const uf_quant *q) {
  char number[64];
  if (!q || q->count == 0) {
    text_string(t, "-");
  } else if (q->block_size > 0) {
    text_format(t, "%lld scales, blocks of %d", (long long)q->count, (int)q->block_size);
  } else if (q->count > 1) {
    text_format(t, "%lld scales, axis %d", (long long)q->count, (int)q->axis);
  } else {
    number_text(q->scales[0], UF_FLOAT32, number);
    text_string(t, number);
    if (q->zero_points[0] != 0)
      text_format(t, q->zero_points[0] > 0 ? " * (q - %lld)" : " * (q + %lld)",
                  llabs((long long)q->zero_points[0]));
    else
      text_string(t, " * q");
  }
}

/* ---- JSON --------------------------------------------------------------------------------- */

void json_quant(json *j, const char *key, const uf_quant *q, bool whole) {
  if (!q || q->count == 0) {
    json_null(j, key);
    return;
  }
  json_object(j, key, true);
  json_int(j, "count", q->count);
  json_int(j, "axis", q->axis);
  json_int(j, "block_size", q->block_size);
  if (whole || q->count == 1) {
    char number[64];
    json_array(j, "scales", true);
    for (int64_t i = 0; i < q->count; i++) {
      number_text(q->scales[i], UF_FLOAT32, number);
      json_number(j, NULL, number);
    }
    json_end(j, ']');
    json_array(j, "zero_points", true);
    for (int64_t i = 0; i < q->count; i++) json_int(j, NULL, q->zero_points[i]);
    json_end(j, ']');
  }
  json_end(j, '}');
}

void json_value(json *j, const graph_view *g, int32_t i, bool whole) {
  const uf_value_info *v = &g->values[i];
  json_object(j, NULL, true);
  json_int(j, "index", i);
  json_string(j, "name", v->name);
  json_string(j, "dtype", uf_dtype_name(v->dtype));
  json_dims(j, "shape", v->rank, v->dims);
  json_dims(j, "shape_signature", v->signature_rank > 0 ? v->signature_rank : v->rank,
            v->signature_rank > 0 ? v->dims_signature : v->dims);
  json_string(j, "kind", kind_name(g->kinds[i]));
  if (g->bytes[i] >= 0) json_int(j, "bytes", g->bytes[i]);
  else json_null(j, "bytes");
  json_quant(j, "quantization", v->quant, whole);
  json_end(j, '}');
}

/* ---- look-up --------------------------------------------------------------------------------- */

/* "#12" is the tensor of that index; names may begin with # too, so they are
 * looked for first. */
static bool find_index(const uf_model *model, const char *name, int32_t graph, int32_t *value_out) {
  uf_graph_info info;
  int64_t index;
  if (name[0] != '#' || uf_model_graph(model, graph, &info, NULL) != UF_OK) return false;
  if (!parse_int(name + 1, 0, info.n_values - 1, &index)) return false;
  *value_out = (int32_t)index;
  return true;
}

bool find_value(const uf_model *model, const char *name, int32_t only_graph, int32_t *graph_out,
                int32_t *value_out, uf_error *error) {
  uf_model_info info;
  uf_model_describe(model, &info);
  int32_t first = MAX(only_graph, 0), end = only_graph >= 0 ? only_graph + 1 : info.n_graphs;
  for (int32_t g = first; g < end; g++) {
    /* The first graph's message lists near names: keep that one. */
    uf_error *where = g == first ? error : NULL;
    if (uf_model_find_value(model, g, name, value_out, where) == UF_OK) {
      *graph_out = g;
      return true;
    }
  }
  *graph_out = first;
  return find_index(model, name, first, value_out);
}
