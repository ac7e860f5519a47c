/* SPDX-License-Identifier: Apache-2.0
 *
 * extract_model.c: `unflow extract` of a .tflite: constants, variables, tables, state
 * and what a run gives.
 *
 * First the list of what is to be written, with a name that nothing else has, and each
 * one's dtype and shape (what has no value, such as a branch that was not taken, drops
 * out there); then one array after the other: only one is in memory at a time. Ctrl-C
 * removes what was written, as every failure does.
 */
#include <stdlib.h>
#include <string.h>

#include "extract.h"

/* One array to be written. */
typedef struct item {
  const char *name;        /* in the output */
  const char *tensor_name; /* in the model */
  const char *kind;
  int32_t graph, index;    /* a tensor, or */
  int32_t state;           /* a variable or table; -1: a tensor */
  bool keys;
  bool constant;
} item;

typedef struct extract {
  extract_request *request;
  uf_model *model;
  uf_session *session;
  name_set *names;
  item *items;
  size_t n_items, capacity;
  int32_t skipped;
  char *why;               /* of the first that was skipped */

  uf_tensor *plan;         /* dtype and shape of each item, as it will be written */
  uf_writer *writer;
  json said;               /* what was written, for --json */
} extract;

/* ---- the list ----------------------------------------------------------------------------- */

static void add_item(extract *x, item it, const char *part) {
  if (x->n_items == x->capacity) {
    x->capacity = x->capacity ? 2 * x->capacity : 256;
    x->items = xrealloc(x->items, x->capacity, sizeof *x->items);
  }
  text name = {0};
  if (it.tensor_name[0] || it.index < 0) text_format(&name, "%s%s", it.tensor_name, part);
  else text_format(&name, "#%d", (int)it.index);
  it.name = name_set_add(x->names, name.data);
  free(name.data);
  x->items[x->n_items++] = it;
}

static void skip(extract *x, const char *name, const char *why) {
  text words = {0};
  text_format(&words, "'%s': %s", name, why);
  if (x->skipped++ == 0) x->why = words.data;
  else free(words.data);
}

static bool has_file_value(kind k) { return k == KIND_CONSTANT || k == KIND_STATE; }

static bool list_graph(extract *x, int32_t graph, const ports *p) {
  uf_error error = {0};
  graph_view g;
  if (!graph_view_create(x->model, graph, &g, &error)) {
    fail_error(&error);
    return false;
  }
  for (int32_t i = 0; i < g.info.n_values; i++) {
    kind k = g.kinds[i];
    const char *name = g.values[i].name;
    if (!(x->request->s.kinds >> k & 1) || k == KIND_RESOURCE || k == KIND_UNUSED) continue;
    if (!has_file_value(k) && (!x->request->run.run || graph != p->graph)) continue;
    if (g.values[i].dtype == UF_RESOURCE || g.values[i].dtype == UF_VARIANT) continue;
    if (!selection_has(&x->request->s, name)) continue;
    add_item(x, (item){.tensor_name = name, .kind = kind_name(k), .graph = graph, .index = i,
                       .state = -1, .constant = k == KIND_CONSTANT}, "");
  }
  graph_view_free(&g);
  return true;
}

/* Variables and tables. That they cannot be had (an initialiser does not run) is
 * no reason not to write the constants. */
static void list_states(extract *x) {
  int32_t n = 0;
  uf_error error = {0};
  if (uf_session_state_count(x->session, &n, &error) != UF_OK) skip(x, "variables", error.message);
  for (int32_t i = 0; i < n; i++) {
    uf_state_info info;
    if (uf_session_state(x->session, i, &info, NULL) != UF_OK) continue;
    if (info.kind == UF_STATE_TENSOR || !selection_has(&x->request->s, info.name)) continue;
    bool is_table = info.kind == UF_STATE_TABLE;
    if (!info.initialized) {
      skip(x, info.name, is_table ? "an empty table" : "a variable that was never assigned");
      continue;
    }
    item it = {.tensor_name = info.name, .kind = is_table ? "table" : "variable", .graph = -1,
               .index = -1, .state = i};
    add_item(x, it, is_table ? "/values" : "");
    it.keys = true;
    if (is_table) add_item(x, it, "/keys");
  }
}

static bool list_all(extract *x, const ports *p) {
  uf_model_info info;
  uf_model_describe(x->model, &info);
  for (int32_t g = 0; g < info.n_graphs; g++)
    if ((x->request->run.graph < 0 || x->request->run.graph == g) && !list_graph(x, g, p)) return false;
  if (x->request->s.kinds >> KIND_RESOURCE & 1) list_states(x);
  if (x->n_items > 0) return true;
  fail("%s: expected tensors to write, found none%s; see 'unflow ls'", x->request->path,
       x->request->s.n_include ? " of these names" : "");
  if (x->skipped) note("not written: %s", x->why);
  return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

static uf_status read_item(extract *x, const item *it, uf_tensor *out, uf_error *error) {
  if (it->state >= 0)
    return it->keys ? uf_session_state_keys(x->session, it->state, out, error)
                    : uf_session_state_read(x->session, it->state, out, error);
  if (it->constant) return uf_model_constant(x->model, it->graph, it->index, out, error);
  return uf_session_read(x->session, it->graph, it->index, out, error);
}

/* Fills the plan and drops items that turn out to have no value. */
static bool make_plan(extract *x) {
  size_t kept = 0;
  x->plan = xcalloc(x->n_items, sizeof *x->plan);
  for (size_t i = 0; i < x->n_items; i++) {
    uf_error error = {0};
    uf_tensor t = {0};
    const item *it = &x->items[i];
    if (read_item(x, it, &t, &error) == UF_OK) {
      uf_tensor *p = &x->plan[kept];
      *p = (uf_tensor){.dtype = t.dtype, .rank = t.rank};
      memcpy(p->dims, t.dims, sizeof p->dims);
      if (x->request->conversions.dequantize && needs_dequantizing(&t)) p->dtype = UF_FLOAT32;
      x->items[kept++] = *it;
      uf_tensor_release(&t);
    } else if (!it->constant && error.status == UF_FAILED_PRECONDITION) {
      skip(x, it->name, error.message); /* a branch that was not taken has no values */
    } else {
      fail("'%s': %s", it->name, error.message);
      return false;
    }
  }
  x->n_items = kept;
  return true;
}

static void say_item(json *j, const item *it, const uf_tensor *t, const uf_quant *quant,
                     uf_dtype dtype) {
  json_object(j, NULL, true);
  json_string(j, "array", it->name);
  json_string(j, "tensor", it->tensor_name);
  json_string(j, "kind", it->kind);
  if (it->index >= 0) json_int(j, "graph", it->graph);
  if (it->index >= 0) json_int(j, "index", it->index);
  json_string(j, "dtype", uf_dtype_name(t->dtype));
  if (dtype != t->dtype) json_string(j, "dequantized_from", uf_dtype_name(dtype));
  json_dims(j, "shape", t->rank, t->dims);
  json_quant(j, "quantization", quant, true);
  json_end(j, '}');
}

/* False after a message. */
static bool write_item(extract *x, const item *it) {
  uf_error error = {0};
  uf_tensor t = {0};
  if (read_item(x, it, &t, &error) != UF_OK) {
    fail("'%s': %s", it->name, error.message);
    return false;
  }
  const uf_quant *quant = t.quant;
  uf_dtype dtype = t.dtype;
  bool good = !x->request->conversions.dequantize || dequantize(&t, it->name);
  if (good) good = uf_writer_add(x->writer, &t, &error) == UF_OK;
  if (!good && error.message[0] && !interrupted()) fail_error(&error);
  if (good && x->request->json) say_item(&x->said, it, &t, quant, dtype);
  uf_tensor_release(&t);
  return good;
}

static bool open_output(extract *x) {
  uf_error error = {0};
  uf_output_options options = {.struct_size = sizeof options, .level = x->request->level,
                               .progress = progress_bytes};
  const char **names = xcalloc(x->n_items, sizeof *names);
  for (size_t i = 0; i < x->n_items; i++) names[i] = x->items[i].name;
  uf_status status = uf_writer_create(x->request->output, &options, names, x->plan, x->n_items,
                                      &x->writer, &error);
  free(names);
  if (status != UF_OK) fail_error(&error);
  return status == UF_OK;
}

static void open_list(extract *x) {
  if (!x->request->json) return;
  x->said.out = stdout;
  json_object(&x->said, NULL, false);
  json_string(&x->said, "path", x->request->output);
  json_array(&x->said, "arrays", false);
}

static void close_list(extract *x) {
  if (!x->request->json) return;
  json_end(&x->said, ']');
  json_int(&x->said, "skipped", x->skipped);
  json_end(&x->said, '}');
}

static bool close_output(extract *x, bool good) {
  uf_error error = {0};
  if (!good) {
    uf_writer_abandon(x->writer);
    return false;
  }
  if (uf_writer_finish(x->writer, &error) == UF_OK) return true;
  fail_error(&error);
  return false;
}

static int write_all(extract *x) {
  interrupt_catch();
  if (!open_output(x)) return EXIT_FAILED;
  bool good = true;
  open_list(x);
  progress_start(x->request->output, 1);
  for (size_t i = 0; i < x->n_items && good && !interrupted(); i++) good = write_item(x, &x->items[i]);
  progress_end();
  close_list(x);
  good = close_output(x, good && !interrupted());
  if (interrupted() && !good) return EXIT_INTERRUPTED;
  return good ? EXIT_OK : EXIT_FAILED;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static int extract_from(extract *x) {
  uf_error error = {0};
  ports p = {0};
  run_options *run = &x->request->run;
  if (!ports_create(x->model, run, &p, &error)) return fail_error(&error);
  x->names = name_set_create();
  run->keep_all = x->request->s.kinds >> KIND_INTERMEDIATE & 1;
  int code = EXIT_FAILED;
  if (run_model(x->model, run, &p, &x->session) && list_all(x, &p) && make_plan(x)) code = write_all(x);
  if (code == EXIT_OK && !x->request->json) extract_report(x->request, x->n_items);
  if (code == EXIT_OK && x->skipped) note("%d not written, such as %s", (int)x->skipped, x->why);
  uf_session_release(x->session);
  ports_free(&p);
  name_set_free(x->names);
  free(x->items);
  free(x->plan);
  free(x->why);
  return code;
}

int extract_model(extract_request *request) {
  extract x = {.request = request, .model = open_model(request->path)};
  int code = x.model ? extract_from(&x) : EXIT_FAILED;
  uf_model_release(x.model);
  return code;
}
