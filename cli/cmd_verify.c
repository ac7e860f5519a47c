/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_verify.c: `unflow verify`, every checksum of every tensor.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow verify [OPTION...] SOURCE...\n"
  "\n"
  "Reads every tensor of checkpoints, SavedModels, graphs, .npz and other files and checks what\n"
  "checksums they have (formats without: that the bytes are all there). Damaged tensors are\n"
  "listed with file, offset and what is wrong. The exit code is 1 if there is one.\n"
  "\n"
  "      --quiet   print nothing; the exit code tells\n"
  "      --json    print JSON\n"
  "\n"
  "examples:\n"
  "  unflow verify ckpt/model.ckpt-1000\n"
  "  unflow verify saved_model/ weights.npz --json\n";

typedef struct damage {
  const uf_entry *entry; /* NULL: of the whole source */
  char *what;
} damage;

typedef struct report {
  const char *path;
  uf_source *source;
  uf_source_info info;
  const uf_entry *const *entries;
  size_t n, checked;
  uint64_t bytes;
  damage *damages;
  size_t n_damages;
} report;

static void add_damage(report *r, const uf_entry *entry, const char *what) {
  r->damages = xrealloc(r->damages, r->n_damages + 1, sizeof *r->damages);
  r->damages[r->n_damages++] = (damage){entry, xstrdup(what)};
}

static void check_entries(report *r) {
  uint64_t total = 0;
  for (size_t i = 0; i < r->n; i++) total += r->entries[i]->size + 1;
  progress_start(r->path, total);
  for (size_t i = 0; i < r->n && !interrupted(); i++) {
    uf_error error = {0};
    const uf_entry *e = r->entries[i];
    if (uf_source_verify(r->source, e, &error) != UF_OK) add_damage(r, e, error.message);
    r->checked++;
    r->bytes += e->size;
    progress_add(e->size + 1);
  }
  progress_end();
}

static report check(const char *path) {
  report r = {.path = path};
  uf_error error = {0};
  if (uf_source_open(path, NULL, &r.source, &error) == UF_OK) {
    uf_source_describe(r.source, &r.info);
    if (uf_source_entries(r.source, &r.entries, &r.n, &error) == UF_OK) check_entries(&r);
  }
  if (error.message[0]) add_damage(&r, NULL, error.message);
  return r;
}

static void print_text(const report *r) {
  static const char *const headers[] = {"NAME", "FILE", "OFFSET", "WHAT"};
  text line = {0};
  text_name(&line, r->path);
  text_string(&line, ": ");
  text_count(&line, r->checked);
  text_format(&line, " tensor%s, ", r->checked == 1 ? "" : "s");
  text_bytes(&line, r->bytes);
  if (r->n_damages) text_format(&line, ", %zu damaged", r->n_damages);
  else text_string(&line, ", all good");
  puts(line.data);
  free(line.data);
  if (!r->n_damages) return;
  table *t = table_create(headers, "llrl");
  for (size_t i = 0; i < r->n_damages; i++) {
    const uf_entry *e = r->damages[i].entry;
    text cell = {0};
    text_name(&cell, e ? e->name : "-");
    table_text(t, &cell);
    text_name(&cell, e && e->file ? e->file : "-");
    table_text(t, &cell);
    if (e && e->file) table_cell(t, "%llu", (unsigned long long)e->offset);
    else table_cell(t, "-");
    text_name(&cell, r->damages[i].what);
    table_text(t, &cell);
  }
  table_print(t, stdout);
}

static void print_json(json *j, const report *r) {
  json_object(j, NULL, false);
  json_string(j, "path", r->path);
  if (r->info.format) json_string(j, "format", r->info.format);
  json_uint(j, "tensors", r->checked);
  json_uint(j, "bytes", r->bytes);
  json_array(j, "damaged", false);
  for (size_t i = 0; i < r->n_damages; i++) {
    const uf_entry *e = r->damages[i].entry;
    json_object(j, NULL, true);
    if (e) json_string(j, "name", e->name);
    else json_null(j, "name");
    if (e && e->file) json_string(j, "file", e->file);
    if (e && e->file) json_uint(j, "offset", e->offset);
    json_string(j, "what", r->damages[i].what);
    json_end(j, '}');
  }
  json_end(j, ']');
  json_end(j, '}');
}

static void report_free(report *r) {
  for (size_t i = 0; i < r->n_damages; i++) free(r->damages[i].what);
  free(r->damages);
  uf_source_release(r->source);
}

static int verify_all(char **paths, int n, bool quiet, bool as_json) {
  json j = {.out = stdout};
  int code = EXIT_OK;
  interrupt_catch();
  if (as_json) json_array(&j, NULL, false);
  for (int i = 0; i < n && !interrupted(); i++) {
    report r = check(paths[i]);
    if (r.n_damages) code = EXIT_FAILED;
    bool whole = !interrupted();
    if (as_json) print_json(&j, &r);
    else if (!quiet && whole && !r.source) fail("%s", r.damages[0].what);
    else if (!quiet && whole) print_text(&r);
    report_free(&r);
  }
  if (as_json) json_end(&j, ']');
  return interrupted() ? EXIT_INTERRUPTED : code;
}

int cmd_verify(int argc, char **argv) {
  static const struct option options[] = {
    {"json", no_argument, NULL, 'j'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
  bool as_json = false, quiet = false;
  for (int c; (c = getopt_long(argc, argv, ":hjq", options, NULL)) != -1;) {
    if (c == 'h') return fputs(help, stdout) < 0;
    if (c == 'j') as_json = true;
    else if (c == 'q') quiet = true;
    else return usage_getopt(argv, c);
  }
  if (optind == argc) return usage("verify", "which source?");
  return verify_all(argv + optind, argc - optind, quiet, as_json && !quiet);
}
