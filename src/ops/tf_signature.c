/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_signature.c: reading the rows of tf_signatures.def, see tf_signature.h.
 *
 * Rows stand in the order of strcmp, so that a name is found by halving. Their
 * text is read when a node is made: a few dozen characters, never in loops over
 * data.
 */
#include "ops/tf_signature.h"

#include <stdlib.h>

static const ufi_sig rows[] = {
#define SIGNATURE(op, inputs, outputs, attrs, flags) {op, inputs, outputs, attrs, flags},
#include "ops/tf_signatures.def"
#undef SIGNATURE
};

/* More values of one argument than any graph has. */
#define MAX_NUMBER (1 << 20)

static int compare(const void *name, const void *row) { return strcmp(name, ((const ufi_sig *)row)->op); }

const ufi_sig *ufi_sig_of(const char *op) {
  return bsearch(op, rows, UFI_COUNT(rows), sizeof *rows, compare);
}

const ufi_sig *ufi_sig_at(int32_t i) {
  return i >= 0 && i < (int32_t)UFI_COUNT(rows) ? &rows[i] : NULL;
}

/* ---- text ---------------------------------------------------------------------- */

/* Copies up to one of `ends` (or the end) into out; where it stopped. */
static const char *copy_until(const char *at, const char *ends, char out[UFI_SIG_NAME]) {
  size_t n = strcspn(at, ends), keep = UFI_MIN(n, (size_t)UFI_SIG_NAME - 1);
  memcpy(out, at, keep);
  out[keep] = 0;
  return at + n;
}

bool ufi_sig_next_arg(const char **text, ufi_sig_arg *arg) {
  const char *at = *text + strspn(*text, " ");
  if (*at == 0) return false;
  *arg = (ufi_sig_arg){.dtype = UF_INVALID};
  at = copy_until(at, ":", arg->name);
  if (*at == ':') at++;
  size_t word = strcspn(at, " "), star = strcspn(at, "*");
  if (star < word) at = copy_until(at, "*", arg->number_attr) + 1;
  char type[UFI_SIG_NAME];
  if (*at == '@') at = copy_until(at + 1, " &", arg->list_attr);
  else if (*at == '$') at = copy_until(at + 1, " &", arg->type_attr);
  else {
    at = copy_until(at, " &", type);
    arg->dtype = uf_dtype_from_name(type);
  }
  arg->is_ref = *at == '&';
  *text = at + arg->is_ref;
  return true;
}

static uf_attr_kind kind_of(const char *word) {
  static const struct { const char *word; uf_attr_kind kind; } kinds[] = {
    {"int", UF_ATTR_INT}, {"float", UF_ATTR_FLOAT}, {"bool", UF_ATTR_BOOL}, {"string", UF_ATTR_STRING},
    {"type", UF_ATTR_DTYPE}, {"shape", UF_ATTR_SHAPE}, {"tensor", UF_ATTR_TENSOR}, {"func", UF_ATTR_FUNC},
    {"int[]", UF_ATTR_INTS}, {"float[]", UF_ATTR_FLOATS}, {"bool[]", UF_ATTR_BOOLS},
    {"string[]", UF_ATTR_STRINGS}, {"type[]", UF_ATTR_DTYPES}, {"shape[]", UF_ATTR_SHAPES},
    {"func[]", UF_ATTR_FUNCS},
  };
  for (size_t i = 0; i < UFI_COUNT(kinds); i++) {
    if (strcmp(kinds[i].word, word) == 0) return kinds[i].kind;
  }
  return UF_ATTR_STRING;
}

bool ufi_sig_next_attr(const char **text, ufi_sig_attr *attr) {
  const char *at = *text + strspn(*text, " ");
  if (*at == 0) return false;
  char kind[UFI_SIG_NAME];
  *attr = (ufi_sig_attr){.fallback = NULL};
  at = copy_until(at, ":", attr->name);
  at = copy_until(at + (*at == ':'), " =", kind);
  attr->kind = kind_of(kind);
  if (*at == '=') {
    attr->fallback = at + 1;
    attr->fallback_size = strcspn(at + 1, " ");
    at += 1 + attr->fallback_size;
    if (attr->kind == UF_ATTR_TENSOR) attr->fallback = NULL; /* says nothing */
  }
  *text = at;
  return true;
}

int32_t ufi_sig_attr_count(const ufi_sig *sig) {
  ufi_sig_attr attr;
  int32_t n = 0;
  for (const char *text = sig->attrs; ufi_sig_next_attr(&text, &attr);) n++;
  return n;
}

/* ---- defaults -------------------------------------------------------------------- */

static int hex(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

/* Text with %XX resolved. */
static const char *decoded(ufi_arena *arena, const char *at, size_t size, size_t *size_out) {
  char *out = ufi_arena_alloc(arena, size + 1);
  size_t n = 0;
  if (!out) return NULL;
  for (size_t i = 0; i < size; i++) {
    bool escape = at[i] == '%' && size - i > 2;
    out[n++] = escape ? (char)(hex(at[i + 1]) * 16 + hex(at[i + 2])) : at[i];
    if (escape) i += 2;
  }
  *size_out = n;
  return out;
}

static void read_shape(const char *at, int32_t *rank, int64_t dims[UF_MAX_RANK]) {
  *rank = -1;
  if (*at != '[') return;
  *rank = 0;
  for (at++; *at && *at != ']' && *rank < UF_MAX_RANK; at += *at == ',') dims[(*rank)++] = strtoll(at, (char **)&at, 10);
}

static uf_dtype dtype_of(const char *at, size_t size) {
  char word[UFI_SIG_NAME];
  size = UFI_MIN(size, sizeof word - 1);
  memcpy(word, at, size);
  word[size] = 0;
  return uf_dtype_from_name(word);
}

static bool read_one(ufi_arena *arena, const char *at, size_t size, uf_attr *out) {
  switch (out->kind) {
    case UF_ATTR_INT: out->i = strtoll(at, NULL, 10); return true;
    case UF_ATTR_BOOL: out->i = *at == 't'; return true;
    case UF_ATTR_FLOAT: out->f = strtod(at, NULL); return true;
    case UF_ATTR_DTYPE: out->i = dtype_of(at, size); return true;
    case UF_ATTR_SHAPE: read_shape(at, &out->rank, out->dims); return true;
    default: return (out->s = decoded(arena, at, size, &out->s_size)) != NULL;
  }
}

static int32_t count_elements(const char *at, size_t size) {
  int32_t n = size > 2; /* {} is empty */
  for (size_t i = 0; i < size; i++) n += at[i] == ';';
  return n;
}

/* The element's kind of a list's. */
static uf_attr_kind element_kind(uf_attr_kind list) {
  switch (list) {
    case UF_ATTR_INTS: return UF_ATTR_INT;
    case UF_ATTR_FLOATS: return UF_ATTR_FLOAT;
    case UF_ATTR_BOOLS: return UF_ATTR_BOOL;
    case UF_ATTR_DTYPES: return UF_ATTR_DTYPE;
    case UF_ATTR_SHAPES: return UF_ATTR_SHAPE;
    default: return UF_ATTR_STRING;
  }
}

static bool read_list(ufi_arena *arena, const char *at, size_t size, uf_attr *out) {
  int32_t n = out->n = count_elements(at, size);
  size_t room = (size_t)n + 1;
  int64_t *ints = ufi_arena_array(arena, room, sizeof *ints);
  double *floats = ufi_arena_array(arena, room, sizeof *floats);
  uf_string *strings = ufi_arena_array(arena, room, sizeof *strings);
  uf_shape *shapes = ufi_arena_array(arena, room, sizeof *shapes);
  if (!ints || !floats || !strings || !shapes) return false;
  at++;
  for (int32_t i = 0; i < n; i++) {
    size_t length = strcspn(at, ";}");
    uf_attr one = {.kind = element_kind(out->kind)};
    if (!read_one(arena, at, length, &one)) return false;
    ints[i] = one.i;
    floats[i] = one.f;
    strings[i] = (uf_string){.data = (char *)(uintptr_t)one.s, .size = one.s_size};
    shapes[i].rank = one.rank;
    memcpy(shapes[i].dims, one.dims, sizeof one.dims);
    at += length + 1;
  }
  out->ints = ints;
  out->floats = floats;
  out->strings = strings;
  out->shapes = shapes;
  return true;
}

uf_status ufi_sig_default(const ufi_sig_attr *from, ufi_arena *arena, uf_attr *attr, uf_error *error) {
  *attr = (uf_attr){.kind = from->kind};
  attr->name = ufi_arena_string(arena, from->name, strlen(from->name));
  bool good = attr->name != NULL;
  if (good && from->fallback) {
    good = from->kind >= UF_ATTR_INTS ? read_list(arena, from->fallback, from->fallback_size, attr)
                                      : read_one(arena, from->fallback, from->fallback_size, attr);
  }
  return good ? UF_OK : ufi_no_memory(error, from->fallback_size);
}

/* ---- values of arguments ----------------------------------------------------------- */

static const uf_attr *find(const uf_attr *attrs, int32_t n, const char *name) {
  for (int32_t i = 0; i < n; i++) {
    if (strcmp(attrs[i].name, name) == 0) return &attrs[i];
  }
  return NULL;
}

static uf_status missing(const char *name, const char *what, uf_error *error) {
  return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an attribute '%s' that is %s, found none", name, what);
}

static bool is_dtype(int64_t dtype) { return dtype > UF_INVALID && dtype < UF_DTYPE_COUNT; }

/* How many values an argument has, and their dtypes by `list` when that differs. */
static uf_status measure(const ufi_sig_arg *arg, const uf_attr *attrs, int32_t n, int32_t *count,
                         uf_dtype *dtype, const int64_t **list, uf_error *error) {
  *count = 1;
  *dtype = arg->dtype;
  *list = NULL;
  if (arg->list_attr[0]) {
    const uf_attr *a = find(attrs, n, arg->list_attr);
    if (!a || (a->kind != UF_ATTR_DTYPES && a->n > 0)) return missing(arg->list_attr, "a list of dtypes", error);
    *count = a->n;
    *list = a->ints;
    return UF_OK;
  }
  if (arg->number_attr[0]) {
    const uf_attr *a = find(attrs, n, arg->number_attr);
    if (!a || a->kind != UF_ATTR_INT || a->i < 0 || a->i > MAX_NUMBER) return missing(arg->number_attr, "a number of values", error);
    *count = (int32_t)a->i;
  }
  if (arg->type_attr[0]) {
    const uf_attr *a = find(attrs, n, arg->type_attr);
    if (!a || a->kind != UF_ATTR_DTYPE || !is_dtype(a->i)) return missing(arg->type_attr, "a dtype", error);
    *dtype = (uf_dtype)a->i;
  }
  return UF_OK;
}

static uf_status total(const char *text, const uf_attr *attrs, int32_t n_attrs, int32_t *n_out, uf_error *error) {
  ufi_sig_arg arg;
  int64_t n = 0;
  while (ufi_sig_next_arg(&text, &arg)) {
    int32_t count;
    uf_dtype dtype;
    const int64_t *list;
    UFI_TRY(measure(&arg, attrs, n_attrs, &count, &dtype, &list, error));
    n += count;
  }
  if (n > MAX_NUMBER) return ufi_fail(error, UF_INVALID_ARGUMENT, "expected at most %d values, found %lld", MAX_NUMBER, (long long)n);
  *n_out = (int32_t)n;
  return UF_OK;
}

uf_status ufi_sig_expand(const char *arguments, const uf_attr *attrs, int32_t n_attrs, ufi_arena *arena,
                         ufi_sig_value **values_out, int32_t *n_out, uf_error *error) {
  int32_t n = 0, at = 0;
  UFI_TRY(total(arguments, attrs, n_attrs, &n, error));
  ufi_sig_value *values = ufi_arena_array(arena, (size_t)n + 1, sizeof *values);
  if (!values) return ufi_no_memory(error, (size_t)n * sizeof *values);
  ufi_sig_arg arg;
  const char *text = arguments;
  for (int32_t k = 0; ufi_sig_next_arg(&text, &arg); k++) {
    int32_t count;
    uf_dtype dtype;
    const int64_t *list;
    UFI_TRY(measure(&arg, attrs, n_attrs, &count, &dtype, &list, error));
    for (int32_t i = 0; i < count && at < n; i++) {
      if (list && !is_dtype(list[i])) return missing(arg.list_attr, "a list of dtypes", error);
      values[at++] = (ufi_sig_value){list ? (uf_dtype)list[i] : dtype, arg.is_ref, k, i};
    }
  }
  *values_out = values;
  *n_out = n;
  return UF_OK;
}

/* ---- completing attributes ----------------------------------------------------------- */

/* How many of the inputs' arguments can have any number of values while their attribute is
 * not given, and how many values all others have. */
static void count_open(const ufi_sig *sig, const uf_attr *attrs, int32_t n, int32_t *open, int64_t *fixed) {
  ufi_sig_arg arg;
  *open = 0;
  *fixed = 0;
  for (const char *text = sig->inputs; ufi_sig_next_arg(&text, &arg);) {
    const char *name = arg.list_attr[0] ? arg.list_attr : arg.number_attr;
    const uf_attr *a = name[0] ? find(attrs, n, name) : NULL;
    if (name[0] && !a) (*open)++;
    else *fixed += !name[0] ? 1 : arg.list_attr[0] ? a->n : a->i;
  }
}

/* Attributes that the inputs tell: T, N, Tlist. */
static uf_status learn(const ufi_sig *sig, ufi_arena *arena, uf_attr *attrs, int32_t *n, int32_t capacity,
                       const uf_dtype *dtypes, int32_t n_inputs, uf_error *error) {
  ufi_sig_arg arg;
  int32_t open, at = 0;
  int64_t fixed;
  count_open(sig, attrs, *n, &open, &fixed);
  int64_t rest = open ? (n_inputs - fixed) / open : 0;
  if (n_inputs < fixed || (open == 0 && n_inputs != fixed) || (open && (n_inputs - fixed) % open)) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected %s%lld inputs (%s), found %d", open ? "at least " : "", (long long)fixed,
                    sig->inputs, (int)n_inputs);
  }
  for (const char *text = sig->inputs; ufi_sig_next_arg(&text, &arg);) {
    const char *count_name = arg.list_attr[0] ? arg.list_attr : arg.number_attr;
    const uf_attr *a = count_name[0] ? find(attrs, *n, count_name) : NULL;
    int64_t count = !count_name[0] ? 1 : !a ? rest : arg.list_attr[0] ? a->n : a->i;
    if (count < 0 || count > n_inputs - at) return missing(count_name, "a number of values that there are", error);
    if (count_name[0] && !a && *n < capacity) {
      uf_attr *made = &attrs[(*n)++];
      *made = (uf_attr){.kind = arg.list_attr[0] ? UF_ATTR_DTYPES : UF_ATTR_INT, .i = count, .n = (int32_t)count};
      made->name = ufi_arena_string(arena, count_name, strlen(count_name));
      int64_t *list = ufi_arena_array(arena, (size_t)count + 1, sizeof *list);
      if (!made->name || !list) return ufi_no_memory(error, sizeof *list);
      for (int64_t i = 0; i < count; i++) list[i] = dtypes[at + i];
      made->ints = list;
    }
    if (arg.type_attr[0] && count > 0 && !arg.is_ref) { /* a reference is a handle and tells no dtype */
      const uf_attr *t = find(attrs, *n, arg.type_attr);
      if (!t && *n < capacity) {
        uf_attr *made = &attrs[(*n)++];
        *made = (uf_attr){.kind = UF_ATTR_DTYPE, .i = dtypes[at]};
        if (!(made->name = ufi_arena_string(arena, arg.type_attr, strlen(arg.type_attr)))) return ufi_no_memory(error, sizeof *made);
      }
    }
    at += (int32_t)count;
  }
  return UF_OK;
}

static uf_status check_dtypes(const ufi_sig *sig, ufi_arena *arena, const uf_attr *attrs, int32_t n,
                              const uf_dtype *dtypes, int32_t n_inputs, uf_error *error) {
  ufi_sig_value *want;
  int32_t n_want;
  UFI_TRY(ufi_sig_expand(sig->inputs, attrs, n, arena, &want, &n_want, error));
  for (int32_t i = 0; i < UFI_MIN(n_want, n_inputs); i++) {
    if (want[i].dtype == dtypes[i] || want[i].is_ref) continue;
    return ufi_fail(error, UF_INVALID_ARGUMENT, "expected input %d of dtype %s, found %s", (int)i,
                    uf_dtype_name(want[i].dtype), uf_dtype_name(dtypes[i]));
  }
  return UF_OK;
}

uf_status ufi_sig_complete(const ufi_sig *sig, ufi_arena *arena, uf_attr *attrs, int32_t *n_attrs,
                           int32_t capacity, const uf_dtype *dtypes, int32_t n_inputs, uf_error *error) {
  if (dtypes) UFI_TRY(learn(sig, arena, attrs, n_attrs, capacity, dtypes, n_inputs, error));
  ufi_sig_attr attr;
  for (const char *text = sig->attrs; ufi_sig_next_attr(&text, &attr);) {
    if (find(attrs, *n_attrs, attr.name)) continue;
    if (!attr.fallback) {
      if (attr.kind == UF_ATTR_TENSOR) continue;
      return ufi_fail(error, UF_INVALID_ARGUMENT, "expected an attribute '%s', found none", attr.name);
    }
    if (*n_attrs >= capacity) return ufi_no_memory(error, sizeof *attrs);
    UFI_TRY(ufi_sig_default(&attr, arena, &attrs[*n_attrs], error));
    (*n_attrs)++;
  }
  return dtypes ? check_dtypes(sig, arena, attrs, *n_attrs, dtypes, n_inputs, error) : UF_OK;
}
