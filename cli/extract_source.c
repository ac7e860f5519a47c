/* SPDX-License-Identifier: Apache-2.0
 *
 * extract_source.c: `unflow extract` of checkpoints, graphs, archives: what uf_extract
 * does, for the arrays that were asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "extract.h"

static bool has_value(const uf_entry *e) {
  return e->dtype != UF_RESOURCE && e->dtype != UF_VARIANT && e->dtype != UF_INVALID;
}

/* Drops what no file can hold; how many is returned. */
static size_t drop_handles(taken_list *t) {
  size_t kept = 0;
  for (size_t i = 0; i < t->n; i++)
    if (has_value(t->list[i].entry)) t->list[kept++] = t->list[i];
  size_t dropped = t->n - kept;
  t->n = kept;
  return dropped;
}

static void json_item(json *j, const taken_list *t, size_t i, const uf_output_item *item) {
  const uf_entry *e = item->entry;
  int64_t dims[UF_MAX_RANK];
  uf_dtype dtype = item->dtype ? item->dtype : item->dequantize ? UF_FLOAT32 : e->dtype;
  for (int32_t k = 0; k < e->rank; k++) dims[k] = e->dims[item->axes ? item->axes[k] : k];
  json_object(j, NULL, true);
  json_string(j, "array", item->name);
  json_string(j, "key", e->name);
  json_string(j, "role", uf_role_name(t->list[i].variable->role));
  json_string(j, "dtype", uf_dtype_name(dtype));
  if (dtype != e->dtype) json_string(j, "converted_from", uf_dtype_name(e->dtype));
  json_dims(j, "shape", e->rank, dims);
  json_end(j, '}');
}

static void print_json(const extract_request *x, const taken_list *t, const uf_output_item *items,
                       size_t skipped) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_string(&j, "path", x->output);
  json_array(&j, "arrays", false);
  for (size_t i = 0; i < t->n; i++) json_item(&j, t, i, &items[i]);
  json_end(&j, ']');
  json_uint(&j, "skipped", skipped);
  json_uint(&j, "left_out", t->n_left_out);
  json_end(&j, '}');
}

static int write_taken(const extract_request *x, uf_source *source, taken_list *t, size_t skipped) {
  uf_output_item *items = xcalloc(t->n, sizeof *items);
  uf_output_options options = {.struct_size = sizeof options, .level = x->level,
                               .verify = !x->no_verify, .n_threads = x->run.threads,
                               .progress = progress_bytes};
  for (size_t i = 0; i < t->n; i++) {
    items[i] = (uf_output_item){.name = t->list[i].name, .entry = t->list[i].entry};
    conversions_apply(&x->conversions, items[i].entry, items[i].name, &items[i]);
  }
  uf_error error = {0};
  interrupt_catch();
  progress_start(x->output, 1);
  uf_status status = uf_extract(source, items, t->n, x->output, &options, &error);
  progress_end();
  int code = EXIT_OK;
  if (interrupted() && status != UF_OK) code = EXIT_INTERRUPTED;
  else if (status != UF_OK) code = fail_error(&error);
  else if (x->json) print_json(x, t, items, skipped);
  else extract_report(x, t->n);
  if (code == EXIT_FAILED && status == UF_WRONG_TYPE && ends_with(x->output, ".safetensors"))
    note("--role value leaves the constants of graphs out, --exclude NAME an array");
  free(items);
  return code;
}

/* Averages that were asked for, where there are none, are a mistake. */
static bool check_averages(const extract_request *x, const taken_list *t) {
  if (!x->naming.ema) return true;
  for (size_t i = 0; i < t->n_variables; i++)
    if (t->variables[i].average >= 0) return true;
  fail("%s: expected moving averages for --ema, found none; leave it out", x->path);
  return false;
}

int extract_source(extract_request *x) {
  taken_list t = {0};
  uf_source *source = open_source(x->path);
  if (!source) return EXIT_FAILED;
  int code = EXIT_FAILED;
  if (take(source, &x->s, &x->naming, &t) && check_averages(x, &t)) {
    size_t skipped = drop_handles(&t);
    if (t.n > 0)
      code = write_taken(x, source, &t, skipped);
    else
      fail("%s: expected tensors to write, found none%s%s; see 'unflow ls'", x->path,
           x->s.n_include ? " of these names" : "", t.n_left_out ? " that are no optimizer's" : "");
    if (skipped && code == EXIT_OK)
      note("%zu not written: handles (resource, variant) have no value in a file", skipped);
    if (t.n_left_out && code == EXIT_OK && !x->json && !x->naming.no_slots && !x->naming.ema)
      note("%zu left out that belong to no model (--all writes them)", t.n_left_out);
  }
  if (t.list) taken_free(&t);
  uf_source_release(source);
  return code;
}
