/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_diff.c: `unflow diff`, two sources tensor by tensor.
 *
 * Both lists of names are sorted and gone through side by side; values are in memory for one
 * pair at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
  "usage: unflow diff [OPTION...] A B [GLOB...]\n"
  "\n"
  "Compares the arrays of two sources of any format (checkpoint, SavedModel, GraphDef, .tflite,\n"
  ".npz, .safetensors ...) by name: which only one has, where dtypes or shapes differ, and where\n"
  "values do, by how much. The exit code is 0 for none of it, 1 for differences, 2 if one\n"
  "cannot be read.\n"
  "\n"
  "      --rtol R, --atol A   values differ where |a - b| > A + R * |b| (default 0; NaN is\n"
  "                           equal to NaN)\n"
  "      --names WHICH        variable (the default), key or path: the names to compare\n"
  "      --rename PATTERN=NEW, --rename-file FILE   change the names of A, as in 'unflow extract'\n"
  "      --glob GLOB, --exclude GLOB   only these names, not these; may be repeated\n"
  "      --no-slots           without what optimizers keep\n"
  "      --role LIST          only these: value, constant, slot, optimizer, average, meta\n"
  "      --all                also what no model has: the object graph, save_counter ...\n"
  "      --json               print JSON\n"
  "\n"
  "examples:\n"
  "  unflow diff ckpt-1000 ckpt-2000 --no-slots\n"
  "  unflow diff model.ckpt weights.npz --rtol 1e-6\n"
  "  unflow diff old/ new.safetensors --rename '/=.' 'encoder*'\n";

typedef struct request {
  selection s;
  naming naming;
  tolerance tolerance;
  bool as_json;
} request;

typedef struct side {
  const char *path;
  uf_source *source;
  taken_list taken;
  taken *sorted;
} side;

typedef enum outcome { EQUAL, ONLY_A, ONLY_B, OTHER_DTYPE, OTHER_SHAPE, OTHER_VALUES, UNREADABLE } outcome;
static const char *const outcome_names[] = {"equal", "only in A", "only in B", "dtype", "shape", "values",
                                            "unreadable"};

typedef struct pair {
  outcome outcome;
  const taken *a, *b;
  difference difference;
  char *why; /* UNREADABLE */
} pair;

typedef struct findings {
  pair *list;
  size_t n, counts[UNREADABLE + 1];
} findings;

/* ---- comparing ----------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
  return strcmp(((const taken *)a)->name, ((const taken *)b)->name);
}

static bool side_open(side *s, const char *path, const request *r, bool renamed) {
  naming n = r->naming;
  if (!renamed) n.rules = NULL;
  s->path = path;
  s->source = open_source(path);
  if (!s->source || !take(s->source, &r->s, &n, &s->taken)) return false;
  s->sorted = xcalloc(s->taken.n, sizeof *s->sorted);
  if (s->taken.n) memcpy(s->sorted, s->taken.list, s->taken.n * sizeof *s->sorted);
  qsort(s->sorted, s->taken.n, sizeof *s->sorted, by_name);
  return true;
}

static void side_close(side *s) {
  if (s->taken.list) taken_free(&s->taken);
  free(s->sorted);
  uf_source_release(s->source);
}

static bool same_shape(const uf_entry *a, const uf_entry *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

static void compare_values(const side *sa, const side *sb, const request *r, pair *p) {
  uf_error error = {0};
  uf_tensor a = {0}, b = {0};
  uf_status status = uf_source_read(sa->source, p->a->entry, NULL, UF_READ_UNALIGNED | UF_READ_VERIFY,
                                    &a, &error);
  if (status == UF_OK)
    status = uf_source_read(sb->source, p->b->entry, NULL, UF_READ_UNALIGNED | UF_READ_VERIFY, &b, &error);
  bool good = status == UF_OK && compare(&a, &b, &r->tolerance, &p->difference);
  uf_tensor_release(&a);
  uf_tensor_release(&b);
  if (good) {
    p->outcome = p->difference.count ? OTHER_VALUES : EQUAL;
    return;
  }
  p->outcome = UNREADABLE;
  p->why = xstrdup(status == UF_OK ? "values that cannot be compared" : error.message);
}

static void compare_pair(const side *a, const side *b, const request *r, pair *p) {
  const uf_entry *x = p->a->entry, *y = p->b->entry;
  if (x->dtype != y->dtype) p->outcome = OTHER_DTYPE;
  else if (!same_shape(x, y)) p->outcome = OTHER_SHAPE;
  else if (x->dtype == UF_RESOURCE || x->dtype == UF_VARIANT) p->outcome = EQUAL; /* no values */
  else compare_values(a, b, r, p);
}

static void add(findings *f, const pair *p) {
  f->counts[p->outcome]++;
  if (p->outcome == EQUAL) return;
  f->list = xrealloc(f->list, f->n + 1, sizeof *f->list);
  f->list[f->n++] = *p;
}

static findings compare_all(const side *a, const side *b, const request *r) {
  findings f = {0};
  uint64_t total = 0;
  for (size_t i = 0; i < a->taken.n; i++) total += a->sorted[i].entry->size;
  progress_start("comparing", total);
  for (size_t i = 0, k = 0; (i < a->taken.n || k < b->taken.n) && !interrupted();) {
    int order = i == a->taken.n ? 1 : k == b->taken.n ? -1 : strcmp(a->sorted[i].name, b->sorted[k].name);
    pair p = {.outcome = order < 0 ? ONLY_A : ONLY_B};
    if (order <= 0) p.a = &a->sorted[i++];
    if (order >= 0) p.b = &b->sorted[k++];
    if (order == 0) compare_pair(a, b, r, &p);
    add(&f, &p);
    if (p.a) progress_add(p.a->entry->size);
  }
  progress_end();
  return f;
}

/* ---- telling ------------------------------------------------------------------------------ */

static void text_index(text *t, int64_t flat, const uf_entry *e) {
  int64_t index[UF_MAX_RANK];
  for (int32_t i = e->rank - 1; i >= 0; i--) {
    index[i] = flat % e->dims[i];
    flat /= e->dims[i];
  }
  text_string(t, "[");
  for (int32_t i = 0; i < e->rank; i++) text_format(t, i ? ", %lld" : "%lld", (long long)index[i]);
  text_string(t, "]");
}

static void text_details(text *t, const pair *p) {
  const uf_entry *a = p->a ? p->a->entry : NULL, *b = p->b ? p->b->entry : NULL;
  const uf_entry *e = a ? a : b;
  const difference *d = &p->difference;
  switch (p->outcome) {
    case OTHER_DTYPE: text_format(t, "%s and %s", uf_dtype_name(a->dtype), uf_dtype_name(b->dtype)); return;
    case OTHER_SHAPE:
      text_shape(t, a->rank, a->dims);
      text_string(t, " and ");
      text_shape(t, b->rank, b->dims);
      return;
    case OTHER_VALUES:
      text_count(t, d->count);
      text_format(t, " differ%s, first at ", d->count == 1 ? "s" : "");
      text_index(t, d->first, e);
      if (d->numbers) text_format(t, ", at most by %.3g (relative %.3g)", d->max_abs, d->max_rel);
      return;
    case UNREADABLE: text_name(t, p->why); return;
    default:
      text_format(t, "%s ", uf_dtype_name(e->dtype));
      text_shape(t, e->rank, e->dims);
  }
}

static void print_text(const findings *f) {
  static const char *const headers[] = {"WHAT", "NAME", "DETAILS"};
  table *t = table_create(headers, "lll");
  for (size_t i = 0; i < f->n; i++) {
    const pair *p = &f->list[i];
    text cell = {0};
    table_cell(t, "%s", outcome_names[p->outcome]);
    text_name(&cell, (p->a ? p->a : p->b)->name);
    table_text(t, &cell);
    text_details(&cell, p);
    table_text(t, &cell);
  }
  if (f->n) table_print(t, stdout);
  else table_free(t);
  size_t differ = f->counts[OTHER_DTYPE] + f->counts[OTHER_SHAPE] + f->counts[OTHER_VALUES];
  printf("%s%zu equal, %zu differ, %zu only in A, %zu only in B", f->n ? "\n" : "", f->counts[EQUAL], differ,
         f->counts[ONLY_A], f->counts[ONLY_B]);
  if (f->counts[UNREADABLE]) printf(", %zu unreadable", f->counts[UNREADABLE]);
  puts("");
}

static void json_side(json *j, const char *key, const taken *t) {
  json_object(j, key, true);
  json_string(j, "key", t->entry->name);
  json_string(j, "dtype", uf_dtype_name(t->entry->dtype));
  json_dims(j, "shape", t->entry->rank, t->entry->dims);
  json_end(j, '}');
}

static void json_pair(json *j, const pair *p) {
  char number[64];
  const difference *d = &p->difference;
  json_object(j, NULL, true);
  json_string(j, "name", (p->a ? p->a : p->b)->name);
  json_string(j, "what", outcome_names[p->outcome]);
  if (p->a) json_side(j, "a", p->a);
  if (p->b) json_side(j, "b", p->b);
  if (p->outcome == OTHER_VALUES) {
    json_uint(j, "count", d->count);
    json_int(j, "first", d->first);
    if (d->numbers) {
      number_text(d->max_abs, UF_FLOAT64, number);
      json_number(j, "max_abs", number);
      number_text(d->max_rel, UF_FLOAT64, number);
      json_number(j, "max_rel", number);
    }
  }
  if (p->why) json_string(j, "why", p->why);
  json_end(j, '}');
}

static void print_json(const side *a, const side *b, const findings *f) {
  json j = {.out = stdout};
  json_object(&j, NULL, false);
  json_string(&j, "a", a->path);
  json_string(&j, "b", b->path);
  json_array(&j, "differences", false);
  for (size_t i = 0; i < f->n; i++) json_pair(&j, &f->list[i]);
  json_end(&j, ']');
  json_uint(&j, "equal", f->counts[EQUAL]);
  json_uint(&j, "only_in_a", f->counts[ONLY_A]);
  json_uint(&j, "only_in_b", f->counts[ONLY_B]);
  json_uint(&j, "unreadable", f->counts[UNREADABLE]);
  json_end(&j, '}');
}

/* ---- the command ----------------------------------------------------------------------------- */

enum { RTOL = 2000, ATOL, NAMES, RENAME, RENAME_FILE, NO_SLOTS, ALL, ROLE };

static int parse_real(const char *option, const char *value, double *out) {
  char *end;
  *out = strtod(value, &end);
  if (end != value && !*end && *out >= 0) return EXIT_OK;
  return usage("diff", "%s wants a number from 0 on, not '%s'", option, value);
}

static int take_option(request *r, int c, char **argv) {
  switch (c) {
    case RTOL: return parse_real("--rtol", optarg, &r->tolerance.relative);
    case ATOL: return parse_real("--atol", optarg, &r->tolerance.absolute);
    case NAMES:
      if (naming_parse(&r->naming, optarg)) return EXIT_OK;
      return usage("diff", "--names wants variable, key or path, not '%s'", optarg);
    case RENAME: return rename_add(&r->naming.rules, "diff", optarg);
    case RENAME_FILE: return rename_add_file(&r->naming.rules, "diff", optarg);
    case NO_SLOTS: r->naming.no_slots = true; return EXIT_OK;
    case ALL: r->naming.all = true; return EXIT_OK;
    case ROLE:
      if (roles_parse(optarg, &r->naming.roles)) return EXIT_OK;
      return usage("diff", "--role does not know '%s'", optarg);
    case 'g': selection_include(&r->s, optarg); return EXIT_OK;
    case 'x': selection_exclude(&r->s, optarg); return EXIT_OK;
    case 'j': r->as_json = true; return EXIT_OK;
    default: return usage_getopt(argv, c);
  }
}

static int diff(const char *path_a, const char *path_b, const request *r) {
  side a = {0}, b = {0};
  int code = EXIT_USAGE;
  interrupt_catch();
  if (side_open(&a, path_a, r, true) && side_open(&b, path_b, r, false)) {
    findings f = compare_all(&a, &b, r);
    if (interrupted()) code = EXIT_INTERRUPTED;
    else code = f.counts[UNREADABLE] ? EXIT_USAGE : f.n ? EXIT_FAILED : EXIT_OK;
    if (interrupted()) f.n = 0;
    else if (r->as_json) print_json(&a, &b, &f);
    else print_text(&f);
    for (size_t i = 0; i < f.n; i++) free(f.list[i].why);
    free(f.list);
  }
  side_close(&a);
  side_close(&b);
  return code;
}

int cmd_diff(int argc, char **argv) {
  static const struct option options[] = {
    {"rtol", required_argument, NULL, RTOL},     {"atol", required_argument, NULL, ATOL},
    {"names", required_argument, NULL, NAMES},   {"rename", required_argument, NULL, RENAME},
    {"rename-file", required_argument, NULL, RENAME_FILE}, {"no-slots", no_argument, NULL, NO_SLOTS},
    {"all", no_argument, NULL, ALL},             {"role", required_argument, NULL, ROLE},
    {"glob", required_argument, NULL, 'g'},
    {"exclude", required_argument, NULL, 'x'},   {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},            {0}};
  request r = {0};
  int code = EXIT_OK;
  for (int c; code == EXIT_OK && (c = getopt_long(argc, argv, ":hj", options, NULL)) != -1;) {
    if (c == 'h') {
      code = fputs(help, stdout) < 0;
      goto done;
    }
    code = take_option(&r, c, argv);
  }
  if (code == EXIT_OK && argc - optind < 2)
    code = usage("diff", "two sources to compare, please");
  if (code == EXIT_OK) {
    for (int i = optind + 2; i < argc; i++) selection_include(&r.s, argv[i]);
    code = diff(argv[optind], argv[optind + 1], &r);
  }
done:
  selection_free(&r.s);
  rename_free(r.naming.rules);
  return code;
}
