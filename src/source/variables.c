/* SPDX-License-Identifier: Apache-2.0
 *
 * variables.c: what a variable is, told by its name.
 *
 * TensorFlow 1 names what belongs to a variable `w` below it: its optimizer slots `w/Adam`,
 * `w/Adam_1`, `w/Momentum`, its moving average `w/ExponentialMovingAverage`. No variable
 * scope can have a variable's name, so `w/X` beside `w` is a slot. Keras 3 joins the
 * optimizer's name, the variable's path with _ for / and the slot: adam/dense_kernel_momentum.
 * An optimizer's own numbers have known names.
 */
#include <ctype.h>

#include "source/source.h"

typedef struct naming {
  uf_source *source;
  uf_variable *variables;
  size_t n;
  ufi_names *names;   /* variable names to indices */
  ufi_names *mangled; /* the same with _ for / */
} naming;

static const char object_graph[] = "_CHECKPOINTABLE_OBJECT_GRAPH";
static const char average[] = "ExponentialMovingAverage";

static bool ends_with(const char *text, const char *end) {
  size_t a = strlen(text), b = strlen(end);
  return a >= b && strcmp(text + a - b, end) == 0;
}

/* word, or word_1, word_2 ... */
static bool is_numbered(const char *text, const char *word) {
  size_t size = strlen(word);
  if (strncmp(text, word, size) != 0) return false;
  text += size;
  if (*text == '_') text++;
  else return *text == 0;
  if (!*text) return false;
  while (isdigit((unsigned char)*text)) text++;
  return *text == 0;
}

static bool is_optimizer_name(const char *name) {
  static const char *const words[] = {"beta1_power", "beta2_power", "global_step", "iterations",
                                      "iteration", "learning_rate", "decay", "iter"};
  const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
  bool top = strncmp(name, "beta", 4) == 0 || strncmp(name, "global_step", 11) == 0;
  for (size_t i = 0; i < UFI_COUNT(words); i++)
    /* The words of Keras are common ones: only below an optimizer's name. */
    if (is_numbered(last, words[i]) && (i < 3 || (slash && !top))) return true;
  return false;
}

/* Index of the variable called name[0 .. size); -1: none. */
static int32_t find_part(const naming *g, const ufi_names *in, const char *name, size_t size) {
  char stack[256];
  if (size < sizeof stack) {
    memcpy(stack, name, size);
    stack[size] = 0;
    return ufi_names_find(in, stack);
  }
  char *copy = ufi_malloc(size + 1);
  if (!copy) return -1;
  memcpy(copy, name, size);
  copy[size] = 0;
  int32_t found = ufi_names_find(in, copy);
  ufi_free(copy);
  return found;
}

/* x/ExponentialMovingAverage, also when x itself was not saved; x/SLOT beside x. */
static bool name_below(naming *g, size_t i) {
  uf_variable *v = &g->variables[i];
  const char *slash = strrchr(v->name, '/');
  if (!slash || slash == v->name) return false;
  int32_t of = find_part(g, g->names, v->name, (size_t)(slash - v->name));
  bool is_average = is_numbered(slash + 1, average);
  if (of < 0 && !is_average) return false;
  v->of = of;
  v->role = is_average ? UF_ROLE_AVERAGE : UF_ROLE_SLOT;
  v->slot = is_average ? NULL : slash + 1;
  if (is_average && of >= 0) g->variables[of].average = (int32_t)i;
  return true;
}

/* adam/dense_kernel_momentum: tries each _ from the right. */
static bool name_mangled(naming *g, size_t i) {
  uf_variable *v = &g->variables[i];
  const char *slash = strchr(v->name, '/');
  if (!slash) return false;
  const char *rest = slash + 1;
  for (size_t size = strlen(rest); size-- > 0;) {
    if (rest[size] != '_' || !rest[size + 1]) continue;
    int32_t of = find_part(g, g->mangled, rest, size);
    if (of < 0 || (size_t)of == i) continue;
    v->role = UF_ROLE_SLOT;
    v->of = of;
    v->slot = rest + size + 1;
    return true;
  }
  return false;
}

static char *mangle(uf_source *source, const char *name) {
  char *copy = ufi_arena_string(source->arena, name, strlen(name));
  for (char *p = copy; p && *p; p++)
    if (*p == '/') *p = '_';
  return copy;
}

static bool make_maps(naming *g) {
  bool any_optimizer = false;
  g->names = ufi_names_create(g->n);
  bool good = g->names != NULL;
  for (size_t i = 0; i < g->n && good; i++) {
    good = ufi_names_add(g->names, g->variables[i].name, (int32_t)i);
    any_optimizer |= g->variables[i].role == UF_ROLE_OPTIMIZER;
  }
  if (!good || !any_optimizer) return good;
  g->mangled = ufi_names_create(g->n);
  good = g->mangled != NULL;
  for (size_t i = 0; i < g->n && good; i++) {
    if (g->variables[i].role != UF_ROLE_VALUE) continue;
    char *name = mangle(g->source, g->variables[i].name);
    good = name && ufi_names_add(g->mangled, name, (int32_t)i);
  }
  return good;
}

uf_status ufi_variables_by_name(uf_source *source, uf_variable *variables, size_t n,
                                uf_error *error) {
  naming g = {.source = source, .variables = variables, .n = n};
  bool good = make_maps(&g);
  for (size_t i = 0; i < n && good; i++) {
    uf_variable *v = &variables[i];
    const char *key = v->entry->name;
    if (v->role == UF_ROLE_OPTIMIZER && g.mangled) name_mangled(&g, i);
    if (v->role != UF_ROLE_VALUE) continue;
    if (strcmp(key, object_graph) == 0 || strcmp(v->name, "save_counter") == 0 ||
        ends_with(key, "save_counter/.ATTRIBUTES/VARIABLE_VALUE") ||
        ends_with(key, "/.ATTRIBUTES/OBJECT_CONFIG_JSON"))
      v->role = UF_ROLE_META;
    else if (is_optimizer_name(v->name))
      v->role = UF_ROLE_OPTIMIZER;
    else
      name_below(&g, i);
  }
  ufi_names_destroy(g.names);
  ufi_names_destroy(g.mangled);
  return good ? UF_OK : ufi_no_memory(error, n * sizeof *variables);
}
