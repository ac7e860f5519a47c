/* SPDX-License-Identifier: Apache-2.0
 *
 * running.c: the options that feed and run a model, and doing so.
 *
 * Random inputs come from splitmix64, a stream for each input that depends on
 * the seed and on the input's place, so the same command always gives the same
 * arrays: floats in [-1, 1), bools, the whole range for 8- and 16-bit integers,
 * 0 to 9 for wider ones (they are indices mostly), short words for strings.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const char run_options_help[] =
  "  -i, --input NAME=FILE.npy   value of one input (FILE.npy alone for a model with one)\n"
  "  -i, --input FILE.npz        values of all inputs that it has arrays named after\n"
  "                              (#12 is the name of an input without, of tensor index 12)\n"
  "      --random SEED           seeded random values for the inputs that are not given\n"
  "      --signature KEY         run this signature (default: the main graph)\n"
  "      --graph N               run this graph\n"
  "      --steps N               run N times; state is kept from run to run\n"
  "      --resize NAME=1,224,224,3   give an input another shape\n"
  "      --threads N             threads to use (default 1)\n";

run_options run_options_default(void) { return (run_options){.graph = -1, .steps = 1}; }

void run_options_free(run_options *o) {
  free(o->inputs);
  free(o->resizes);
}

static void push(char ***list, int32_t *n, const char *value) {
  *list = xrealloc(*list, (size_t)*n + 1, sizeof **list);
  (*list)[(*n)++] = (char *)(uintptr_t)value;
}

int run_option(run_options *o, const char *command, int option, const char *value) {
  int64_t n = 0;
  switch (option) {
    case 'i': push(&o->inputs, &o->n_inputs, value); break;
    case 1001:
      if (!parse_int(value, 0, INT64_MAX, &n))
        return usage(command, "--random wants a number from 0 on, not '%s'", value);
      o->random = true;
      o->seed = (uint64_t)n;
      break;
    case 1002: o->signature = value; return EXIT_OK;
    case 1003:
      if (!parse_int(value, 0, INT32_MAX, &n))
        return usage(command, "--graph wants a number from 0 on, not '%s'", value);
      o->graph = (int32_t)n;
      return EXIT_OK;
    case 1004:
      if (!parse_int(value, 1, INT32_MAX, &n))
        return usage(command, "--steps wants a number from 1 on, not '%s'", value);
      o->steps = (int32_t)n;
      break;
    case 1005: push(&o->resizes, &o->n_resizes, value); break;
    case 1006:
      if (!parse_int(value, 1, 256, &n))
        return usage(command, "--threads wants a number from 1 to 256, not '%s'", value);
      o->threads = (int32_t)n;
      return EXIT_OK;
    case 1007: break;
    default: return -1;
  }
  o->run = true; /* all of these make sense in a run only */
  return EXIT_OK;
}

/* ---- ports ----------------------------------------------------------------------------- */

static bool tensor_name(const uf_model *model, int32_t graph, int32_t value, const char **out,
                        uf_error *error) {
  uf_value_info info;
  if (uf_model_value(model, graph, value, &info, error) != UF_OK) return false;
  *out = info.name;
  return true;
}

/* names NULL: the tensors' own. */
static port *ports_of(const uf_model *model, int32_t graph, const char *const *names,
                      const int32_t *values, int32_t n, uf_error *error) {
  port *list = xcalloc((size_t)n, sizeof *list);
  for (int32_t i = 0; i < n; i++) {
    list[i].value = values[i];
    if (!tensor_name(model, graph, values[i], &list[i].tensor_name, error)) {
      free(list);
      return NULL;
    }
    snprintf(list[i].index_name, sizeof list[i].index_name, "#%d", (int)values[i]);
    list[i].name = names ? names[i] : list[i].tensor_name;
    if (!list[i].name[0]) list[i].name = list[i].index_name;
  }
  return list;
}

static bool has_value(const int32_t *values, int32_t n, int32_t value) {
  for (int32_t i = 0; i < n; i++)
    if (values[i] == value) return true;
  return false;
}

/* A signature that names every input and output of its graph. */
static bool covers(const uf_signature_info *s, const uf_graph_info *g) {
  for (int32_t i = 0; i < g->n_inputs; i++)
    if (!has_value(s->inputs, s->n_inputs, g->inputs[i])) return false;
  for (int32_t i = 0; i < g->n_outputs; i++)
    if (!has_value(s->outputs, s->n_outputs, g->outputs[i])) return false;
  return true;
}

static bool find_signature(const uf_model *model, const run_options *o, int32_t graph,
                           uf_signature_info *out, uf_error *error) {
  uf_model_info info;
  uf_graph_info g;
  uf_model_describe(model, &info);
  text known = {0};
  for (int32_t i = 0; i < info.n_signatures; i++) {
    if (uf_model_signature(model, i, out, error) != UF_OK) return false;
    bool asked = o->signature && strcmp(o->signature, out->key) == 0;
    bool fits = !o->signature && out->graph == graph &&
                uf_model_graph(model, graph, &g, NULL) == UF_OK && covers(out, &g);
    if (asked || fits) {
      free(known.data);
      return true;
    }
    text_format(&known, "%s'%s'", known.size ? ", " : "", out->key);
  }
  if (o->signature)
    snprintf(error->message, sizeof error->message,
             "%s: expected a signature '%s', found %s; see 'unflow info'", info.path, o->signature,
             known.size ? known.data : "none in this model");
  free(known.data);
  return false;
}

bool ports_create(const uf_model *model, const run_options *o, ports *out, uf_error *error) {
  ports p = {.graph = MAX(o->graph, 0)};
  uf_signature_info s;
  uf_graph_info g;
  if (find_signature(model, o, p.graph, &s, error)) {
    p.graph = s.graph;
    p.n_in = s.n_inputs;
    p.n_out = s.n_outputs;
    p.in = ports_of(model, s.graph, s.input_names, s.inputs, s.n_inputs, error);
    p.out = ports_of(model, s.graph, s.output_names, s.outputs, s.n_outputs, error);
  } else {
    if (o->signature || uf_model_graph(model, p.graph, &g, error) != UF_OK) return false;
    p.n_in = g.n_inputs;
    p.n_out = g.n_outputs;
    p.in = ports_of(model, p.graph, NULL, g.inputs, g.n_inputs, error);
    p.out = ports_of(model, p.graph, NULL, g.outputs, g.n_outputs, error);
  }
  if (!p.in || !p.out) {
    ports_free(&p);
    return false;
  }
  *out = p;
  return true;
}

void ports_free(ports *p) {
  free(p->in);
  free(p->out);
  *p = (ports){0};
}

static bool is_name(const char *name, const char *word, size_t size) {
  return strlen(name) == size && memcmp(name, word, size) == 0;
}

/* -1: none of that name. The signature's names win over the tensors' own. */
static int32_t find_input(const ports *p, const char *word, size_t size) {
  for (int32_t i = 0; i < p->n_in; i++)
    if (is_name(p->in[i].name, word, size)) return i;
  for (int32_t i = 0; i < p->n_in; i++)
    if (is_name(p->in[i].tensor_name, word, size)) return i;
  for (int32_t i = 0; i < p->n_in; i++)
    if (is_name(p->in[i].index_name, word, size)) return i;
  return -1;
}

static bool fail_input(const ports *p, const char *name) {
  text known = {0};
  for (int32_t i = 0; i < p->n_in; i++)
    text_format(&known, "%s'%s'", i ? ", " : "", p->in[i].name);
  fail("expected the name of an input, found '%s'; the inputs are %s", name,
       known.data ? known.data : "none");
  free(known.data);
  return false;
}

/* Splits "NAME=REST" at the = behind a known input's name (names may have = too).
 * -1: no known name in front of any. */
static int32_t split_input(const ports *p, const char *word, const char **rest_out) {
  for (const char *eq = strchr(word, '='); eq; eq = strchr(eq + 1, '=')) {
    int32_t i = find_input(p, word, (size_t)(eq - word));
    if (i < 0) continue;
    *rest_out = eq + 1;
    return i;
  }
  return -1;
}

/* ---- inputs ------------------------------------------------------------------------------ */

typedef struct feed {
  uf_session *session;
  const ports *p;
  bool *given;
} feed;

static bool set_from(feed *f, int32_t i, const char *path, const char *member) {
  uf_tensor t;
  uf_error error = {0};
  const port *in = &f->p->in[i];
  uf_status status = uf_npy_load(path, member, &t, &error);
  if (status == UF_OK) {
    status = uf_session_set(f->session, f->p->graph, in->value, &t, true, &error);
    uf_tensor_release(&t);
  }
  f->given[i] = true;
  if (status == UF_OK) return true;
  fail("input '%s': %s", in->name, error.message);
  return false;
}

static bool set_from_npz(feed *f, const char *path) {
  char **names = NULL;
  int32_t n = 0;
  uf_error error = {0};
  if (uf_npz_names(path, &names, &n, &error) != UF_OK) {
    fail_error(&error);
    return false;
  }
  bool good = true;
  for (int32_t i = 0; i < n && good; i++) {
    int32_t at = find_input(f->p, names[i], strlen(names[i]));
    good = at >= 0 ? set_from(f, at, path, names[i]) : fail_input(f->p, names[i]);
  }
  free(names);
  return good;
}

bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}

static bool set_input(feed *f, const char *word) {
  const char *path = NULL;
  int32_t i = split_input(f->p, word, &path);
  if (i >= 0) return set_from(f, i, path, NULL);
  if (ends_with(word, ".npz") && (!strchr(word, '=') || access(word, R_OK) == 0))
    return set_from_npz(f, word);
  if (!strchr(word, '=') && f->p->n_in == 1) return set_from(f, 0, word, NULL);
  if (strchr(word, '=')) {
    char *name = xstrdup(word);
    *strchr(name, '=') = '\0';
    fail_input(f->p, name);
    free(name);
    return false;
  }
  fail("expected NAME=FILE.npy for a model with %d inputs, found '%s'", (int)f->p->n_in, word);
  return false;
}

static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static double next_real(uint64_t *state) {
  return (double)(next_random(state) >> 11) * 0x1p-52 - 1.0;
}

/* float16 of a value in [-1, 1) that is a multiple of 2^-10, so it is exact
 * (below 2^-14 does not occur but 0). */
static uint16_t small_half(double v) {
  float f = (float)(v < 0 ? -v : v);
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  uint32_t half = bits ? (bits - 0x38000000u) >> 13 : 0;
  return (uint16_t)(half | (v < 0 ? 0x8000u : 0));
}

static const char *const words[] = {"a", "the", "of", "un", "flow", "tensor", "seven", "blue"};

static void fill_random(uf_tensor *t, uint64_t *state) {
  int64_t n = uf_tensor_count(t);
  for (int64_t i = 0; i < n; i++) {
    uint64_t bits = next_random(state);
    switch (t->dtype) {
      case UF_FLOAT32: ((float *)t->data)[i] = (float)next_real(state); break;
      case UF_COMPLEX64:
        ((float *)t->data)[2 * i] = (float)next_real(state);
        ((float *)t->data)[2 * i + 1] = (float)next_real(state);
        break;
      case UF_FLOAT64: ((double *)t->data)[i] = next_real(state); break;
      case UF_FLOAT16:
        ((uint16_t *)t->data)[i] = small_half((double)((int64_t)(bits % 2048) - 1024) / 1024);
        break;
      case UF_BFLOAT16: { /* the upper half of a float32 */
        float f = (float)next_real(state);
        memcpy((uint16_t *)t->data + i, (char *)&f + 2, 2);
        break;
      }
      case UF_BOOL: ((uint8_t *)t->data)[i] = bits & 1; break;
      case UF_INT16:
      case UF_UINT16: ((uint16_t *)t->data)[i] = (uint16_t)bits; break;
      case UF_INT32:
      case UF_UINT32: ((uint32_t *)t->data)[i] = (uint32_t)(bits % 10); break;
      case UF_INT64:
      case UF_UINT64: ((uint64_t *)t->data)[i] = bits % 10; break;
      case UF_STRING: {
        const char *word = words[bits % COUNT(words)];
        ((uf_string *)t->data)[i] = (uf_string){word, strlen(word)};
        break;
      }
      default: ((uint8_t *)t->data)[i] = (uint8_t)bits; break;
    }
  }
}

static bool set_random(feed *f, int32_t i, uint64_t seed) {
  uf_error error = {0};
  const port *in = &f->p->in[i];
  uf_tensor t = {0};
  uf_status status = uf_session_shape(f->session, f->p->graph, in->value, &t, &error);
  if (status == UF_OK && (t.dtype == UF_RESOURCE || t.dtype == UF_VARIANT ||
                          t.dtype == UF_COMPLEX128 || uf_dtype_bits(t.dtype) < 8)) {
    fail("input '%s': expected a dtype that --random knows, found %s; give it with --input",
         in->name, uf_dtype_name(t.dtype));
    return false;
  }
  if (status == UF_OK) {
    uint64_t state = seed ^ (uint64_t)(i + 1) * 0xD1342543DE82EF95u;
    t.size = (size_t)uf_tensor_count(&t) * (size_t)(uf_dtype_bits(t.dtype) / 8);
    t.data = xcalloc(t.size, 1);
    t.buf = NULL;
    fill_random(&t, &state);
    status = uf_session_set(f->session, f->p->graph, in->value, &t, false, &error);
    free(t.data);
  }
  if (status != UF_OK) fail("input '%s': %s", in->name, error.message);
  return status == UF_OK;
}

static bool fail_missing(const feed *f, int32_t i) {
  uf_tensor t = {0};
  text shape = {0};
  if (uf_session_shape(f->session, f->p->graph, f->p->in[i].value, &t, NULL) == UF_OK)
    text_shape(&shape, t.rank, t.dims);
  fail("expected a value for input '%s' (%s %s), found none; give --input '%s=FILE.npy' "
       "or --random SEED", f->p->in[i].name, uf_dtype_name(t.dtype), shape.data ? shape.data : "?",
       f->p->in[i].name);
  free(shape.data);
  return false;
}

/* ---- running -------------------------------------------------------------------------------- */

static bool resize(feed *f, const char *word) {
  const char *dims_text = NULL;
  int32_t i = split_input(f->p, word, &dims_text), rank = 0;
  if (i < 0 && f->p->n_in == 1 && !strchr(word, '=')) {
    i = 0;
    dims_text = word;
  }
  if (i < 0) return fail_input(f->p, word);
  int64_t dims[UF_MAX_RANK];
  char *copy = xstrdup(dims_text), *save = NULL;
  bool good = true;
  for (char *p = strtok_r(copy, ",x ()", &save); p && good; p = strtok_r(NULL, ",x ()", &save))
    good = rank < UF_MAX_RANK && parse_int(p, 0, INT64_MAX, &dims[rank++]);
  free(copy);
  if (!good) {
    fail("expected a shape like 1,224,224,3 of at most %d numbers, found '%s'", UF_MAX_RANK, dims_text);
    return false;
  }
  uf_error error = {0};
  if (uf_session_resize(f->session, f->p->graph, f->p->in[i].value, rank, dims, false, &error) == UF_OK)
    return true;
  fail_error(&error);
  return false;
}

static bool feed_all(feed *f, const run_options *o) {
  for (int32_t i = 0; i < o->n_resizes; i++)
    if (!resize(f, o->resizes[i])) return false;
  for (int32_t i = 0; i < o->n_inputs; i++)
    if (!set_input(f, o->inputs[i])) return false;
  for (int32_t i = 0; i < f->p->n_in; i++) {
    if (f->given[i]) continue;
    if (!(o->random ? set_random(f, i, o->seed) : fail_missing(f, i))) return false;
  }
  return true;
}

bool run_model(uf_model *model, const run_options *o, const ports *p, uf_session **session_out) {
  uf_error error = {0};
  uf_session_options options = {.struct_size = sizeof options, .n_threads = o->threads,
                                .keep_all = o->keep_all};
  uf_session *session = NULL;
  if (uf_session_create(model, &options, &session, &error) != UF_OK) {
    fail_error(&error);
    return false;
  }
  feed f = {session, p, xcalloc((size_t)p->n_in, sizeof(bool))};
  bool good = !o->run || feed_all(&f, o);
  for (int32_t step = 0; o->run && good && step < o->steps; step++) {
    good = uf_session_run(session, p->graph, &error) == UF_OK;
    if (!good) fail_error(&error);
  }
  free(f.given);
  if (good) *session_out = session;
  else uf_session_release(session);
  return good;
}

bool needs_dequantizing(const uf_tensor *t) {
  switch (t->dtype) {
    case UF_BFLOAT16: case UF_FLOAT8_E4M3FN: case UF_FLOAT8_E5M2: case UF_FLOAT8_E4M3FNUZ:
    case UF_FLOAT8_E4M3B11FNUZ: case UF_FLOAT8_E5M2FNUZ: case UF_FLOAT4_E2M1FN: return true;
    default: return t->quant && t->quant->count > 0 && t->dtype != UF_FLOAT32;
  }
}

bool dequantize(uf_tensor *t, const char *name) {
  if (!needs_dequantizing(t)) return true;
  size_t size = (size_t)uf_tensor_count(t) * sizeof(float);
  uf_buf *buf = uf_buf_create(size);
  uf_error error = {0};
  uf_status status = buf ? uf_dequantize(t, uf_buf_data(buf), &error) : UF_RESOURCE_EXHAUSTED;
  uf_tensor_release(t);
  if (status != UF_OK) {
    uf_buf_release(buf);
    fail("'%s': %s", name, buf ? error.message : "out of memory");
    return false;
  }
  t->dtype = UF_FLOAT32;
  t->data = uf_buf_data(buf);
  t->size = size;
  t->buf = buf;
  t->quant = NULL;
  return true;
}
