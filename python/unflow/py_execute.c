/* SPDX-License-Identifier: Apache-2.0
 *
 * py_execute.c: one TensorFlow op, by name, on EagerTensors.
 *
 * Preparing an op (attributes, kernels) costs more than running a small one, so
 * prepared ops are remembered by name, dtypes of the inputs and attributes, as
 * bytes. As in TensorFlow, an op that is remembered keeps its state: a random
 * op with a seed goes on where it was, and tf.random.set_seed forgets them all.
 */
#include <sched.h>
#include <stdlib.h>

#include "py_eager.h"

enum { MAX_KEY = 512, MAX_KNOWN = 8192, FEW = 16 };

/* ---- the context ---- */

/* What set_threads said, or UNFLOW_THREADS, or a thread a processor that this process may use. */
static int32_t wanted_threads(const core_eager *eager) {
  const char *text = getenv("UNFLOW_THREADS");
  long n = eager->n_threads > 0 ? eager->n_threads : text != NULL ? strtol(text, NULL, 10) : 0;
  cpu_set_t set;
  if (n <= 0 && sched_getaffinity(0, sizeof(set), &set) == 0) n = CPU_COUNT(&set) < 16 ? CPU_COUNT(&set) : 16;
  return n < 1 ? 1 : n > 256 ? 256 : (int32_t)n;
}

bool core_eager_enter(core_state *state) {
  core_eager *eager = state->eager;
  if (!PyThread_acquire_lock(eager->lock, NOWAIT_LOCK)) {
    Py_BEGIN_ALLOW_THREADS
    PyThread_acquire_lock(eager->lock, WAIT_LOCK);
    Py_END_ALLOW_THREADS
  }
  if (eager->context != NULL) return true;
  CORE_ERROR(error);
  uf_session_options options = {.struct_size = sizeof(options), .n_threads = wanted_threads(eager)};
  if (uf_context_create(&options, &eager->context, &error) == UF_OK) return true;
  PyThread_release_lock(eager->lock);
  core_raise(state, &error, CORE_ANY);
  return false;
}

void core_eager_leave(core_state *state) { PyThread_release_lock(state->eager->lock); }

static void forget(core_eager *eager) {
  for (size_t i = 0; i < eager->n_places; i++) {
    if (eager->known[i].key == NULL) continue;
    PyMem_Free(eager->known[i].key);
    uf_op_release(eager->known[i].op);
    eager->known[i].key = NULL;
  }
  eager->n_known = 0;
  eager->generation++;
}

/* forget_ops(): prepared ops are gone, and with them their states. */
PyObject *core_forget_ops(PyObject *module, PyObject *unused) {
  core_state *state = core_state_of(module);
  if (!core_eager_enter(state)) return NULL;
  forget(state->eager);
  core_eager_leave(state);
  Py_RETURN_NONE;
}

/* set_threads(n): how many threads ops use, 0 for as many as processors; False: too late, ops ran. */
PyObject *core_set_threads(PyObject *module, PyObject *args) {
  core_eager *eager = core_state_of(module)->eager;
  int n;
  if (!PyArg_ParseTuple(args, "i", &n)) return NULL;
  if (eager->context != NULL && n != eager->n_threads) Py_RETURN_FALSE;
  eager->n_threads = n;
  Py_RETURN_TRUE;
}

static PyObject *share(core_state *state, PyObject *args, void (*what)(uf_context *, uf_session *)) {
  PyObject *object;
  if (!PyArg_ParseTuple(args, "O!", state->session_type, &object)) return NULL;
  core_session *session = (core_session *)object;
  if (!core_enter(session)) return NULL;
  if (core_eager_enter(state)) {
    what(state->eager->context, session->session);
    core_eager_leave(state);
  }
  core_leave(session);
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}

/* share_threads(session): the session uses the threads of eager mode. */
PyObject *core_share_threads(PyObject *module, PyObject *args) {
  return share(core_state_of(module), args, uf_context_share_threads);
}

/* share_context(session): it uses the variables and tables of eager mode, too. */
PyObject *core_share_context(PyObject *module, PyObject *args) {
  return share(core_state_of(module), args, uf_context_share);
}

/* ---- the memory of prepared ops ---- */

typedef struct key {
  char bytes[MAX_KEY];
  size_t size;
  bool whole; /* false: too long, or not to be remembered */
} key;

static void put(key *to, const void *bytes, size_t size) {
  if (to->size + size > MAX_KEY) {
    to->whole = false;
    return;
  }
  memcpy(to->bytes + to->size, bytes, size);
  to->size += size;
}

static void put_tagged(key *to, char tag, const void *bytes, size_t size) {
  put(to, &tag, 1);
  put(to, bytes, size);
}

static void put_value(core_state *state, key *to, PyObject *value) {
  if (PyLong_Check(value)) { /* bools, too */
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) to->whole = false;
    put_tagged(to, PyBool_Check(value) ? 'b' : 'i', &v, sizeof(v));
  } else if (PyFloat_Check(value)) {
    double v = PyFloat_AsDouble(value);
    put_tagged(to, 'f', &v, sizeof(v));
  } else if (PyUnicode_Check(value) || PyBytes_Check(value)) {
    Py_ssize_t size = 0;
    char *bytes = NULL;
    if (PyUnicode_Check(value)) bytes = (char *)PyUnicode_AsUTF8AndSize(value, &size);
    else PyBytes_AsStringAndSize(value, &bytes, &size);
    if (bytes == NULL) to->whole = false;
    put_tagged(to, 's', &size, sizeof(size));
    if (bytes != NULL) put(to, bytes, (size_t)size);
  } else if (value == Py_None) {
    put(to, "N", 1);
  } else if (PyTuple_Check(value) || PyList_Check(value)) {
    Py_ssize_t n = PySequence_Size(value);
    put_tagged(to, 'l', &n, sizeof(n));
    for (Py_ssize_t i = 0; i < n && to->whole; i++) {
      PyObject *item = PySequence_GetItem(value, i);
      if (item != NULL) put_value(state, to, item);
      else to->whole = false;
      Py_XDECREF(item);
    }
  } else if ((PyObject *)Py_TYPE(value) == state->eager->dtype_class) {
    put_tagged(to, 'd', &value, sizeof(value)); /* there is one object for each dtype, for ever */
  } else {
    to->whole = false; /* tensors, functions */
  }
  PyErr_Clear();
}

static uint64_t hash_of(const key *of) { /* FNV-1a */
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < of->size; i++) hash = (hash ^ (uint8_t)of->bytes[i]) * 0x100000001b3u;
  return hash;
}

static core_known_op *place(core_known_op *known, size_t n_places, const char *bytes, size_t size,
                            uint64_t hash) {
  size_t at = hash & (n_places - 1);
  while (known[at].key != NULL && (known[at].hash != hash || known[at].key_size != size ||
                                   memcmp(known[at].key, bytes, size) != 0))
    at = (at + 1) & (n_places - 1);
  return &known[at];
}

static bool grow(core_eager *eager) {
  if (eager->n_known >= MAX_KNOWN) forget(eager);
  if (eager->n_known * 2 < eager->n_places) return true;
  size_t n = eager->n_places > 0 ? eager->n_places * 2 : 64;
  core_known_op *wider = PyMem_Calloc(n, sizeof(*wider));
  if (wider == NULL) return false;
  for (size_t i = 0; i < eager->n_places; i++) {
    core_known_op *from = &eager->known[i];
    if (from->key != NULL) *place(wider, n, from->key, from->key_size, from->hash) = *from;
  }
  PyMem_Free(eager->known);
  eager->known = wider;
  eager->n_places = n;
  return true;
}

/* ---- attributes ---- */

void core_attrs_drop(core_attrs *all) {
  for (int32_t i = 0; i < all->n; i++) {
    PyMem_Free(all->memory[i]);
    core_input_drop(&all->inputs[i]);
  }
  Py_XDECREF(all->keep);
}

/* The kind that the signature gives an attribute, as text up to '=' or blank; NULL: it has none. */
static const char *kind_of(const char *attrs, const char *name, size_t *size_out) {
  size_t length = strlen(name);
  for (const char *at = attrs; *at; at++) {
    if (strncmp(at, name, length) == 0 && at[length] == ':') {
      *size_out = strcspn(at + length + 1, "= ");
      return at + length + 1;
    }
    at += strcspn(at, " ");
    if (!*at) break;
  }
  return NULL;
}

static bool text_value(core_attrs *all, PyObject *value, const char **text_out, size_t *size_out) {
  PyObject *bytes = PyUnicode_Check(value)
                        ? PyUnicode_AsEncodedString(value, "utf-8", "surrogateescape") : value;
  if (bytes == NULL) return false;
  if (bytes == value) Py_INCREF(bytes);
  char *text;
  Py_ssize_t size;
  bool ok = PyBytes_AsStringAndSize(bytes, &text, &size) == 0 &&
            PyList_Append(all->keep, bytes) == 0;
  Py_DECREF(bytes);
  *text_out = text;
  *size_out = ok ? (size_t)size : 0;
  return ok;
}

static bool int_value(PyObject *value, int64_t *out) {
  PyObject *index = PyNumber_Index(value);
  if (index == NULL) return false;
  *out = PyLong_AsLongLong(index);
  Py_DECREF(index);
  return !(*out == -1 && PyErr_Occurred());
}

static bool shape_value(core_state *state, PyObject *value, int32_t *rank_out, int64_t *dims) {
  *rank_out = -1;
  if (value == Py_None) return true;
  Py_ssize_t n = PySequence_Size(value); /* of an unknown TensorShape: ValueError */
  if (n < 0) {
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return false;
    PyErr_Clear();
    return true;
  }
  if (n > UF_MAX_RANK) {
    core_fail(state, UF_INVALID_ARGUMENT, "expected at most %d dimensions, found %zd", UF_MAX_RANK,
              n);
    return false;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(value, i);
    bool ok = item != NULL;
    dims[i] = -1;
    if (ok && item != Py_None) ok = int_value(item, &dims[i]);
    Py_XDECREF(item);
    if (!ok) return false;
  }
  *rank_out = (int32_t)n;
  return true;
}

static bool list_value(core_state *state, core_attrs *all, char kind, PyObject *value) {
  uf_attr *attr = &all->attrs[all->n];
  Py_ssize_t n = PySequence_Size(value);
  if (n < 0) return false;
  size_t each = kind == 's' || kind == 'h' ? (kind == 'h' ? sizeof(uf_shape) : sizeof(uf_string)) : 8;
  void *memory = all->memory[all->n] = PyMem_Calloc(n > 0 ? (size_t)n : 1, each);
  if (memory == NULL) return PyErr_NoMemory() != NULL;
  attr->n = (int32_t)n;
  if (kind == 'f') attr->floats = memory;
  else if (kind == 'h') attr->shapes = memory;
  else if (kind == 's') attr->strings = memory;
  else attr->ints = memory;
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(value, i);
    if (item == NULL) return false;
    bool ok = true;
    if (kind == 'i') {
      ok = int_value(item, (int64_t *)memory + i);
    } else if (kind == 'b') {
      ((int64_t *)memory)[i] = PyObject_IsTrue(item);
    } else if (kind == 't') {
      uf_dtype dtype = core_dtype_of(state, item);
      ((int64_t *)memory)[i] = dtype;
      ok = dtype != UF_INVALID;
    } else if (kind == 'f') {
      ((double *)memory)[i] = PyFloat_AsDouble(item);
      ok = !PyErr_Occurred();
    } else if (kind == 'h') {
      uf_shape *shape = (uf_shape *)memory + i;
      ok = shape_value(state, item, &shape->rank, shape->dims);
    } else {
      uf_string *text = (uf_string *)memory + i;
      ok = text_value(all, item, &text->data, &text->size);
    }
    Py_DECREF(item);
    if (!ok) return false;
  }
  return true;
}

static bool is_kind(const char *kind, size_t size, const char *word) {
  return size == strlen(word) && memcmp(kind, word, size) == 0;
}

static bool one_value(core_state *state, core_attrs *all, const char *kind, size_t size,
                      PyObject *value) {
  uf_attr *attr = &all->attrs[all->n];
  bool ok = true;
  if (is_kind(kind, size, "int")) {
    attr->kind = UF_ATTR_INT;
    ok = int_value(value, &attr->i);
  } else if (is_kind(kind, size, "bool")) {
    attr->kind = UF_ATTR_BOOL;
    attr->i = PyObject_IsTrue(value);
  } else if (is_kind(kind, size, "float")) {
    attr->kind = UF_ATTR_FLOAT;
    attr->f = PyFloat_AsDouble(value);
  } else if (is_kind(kind, size, "string") || is_kind(kind, size, "func")) {
    attr->kind = kind[0] == 's' ? UF_ATTR_STRING : UF_ATTR_FUNC;
    ok = text_value(all, value, &attr->s, &attr->s_size);
  } else if (is_kind(kind, size, "type")) {
    attr->kind = UF_ATTR_DTYPE;
    attr->i = core_dtype_of(state, value);
  } else if (is_kind(kind, size, "shape")) {
    attr->kind = UF_ATTR_SHAPE;
    ok = shape_value(state, value, &attr->rank, attr->dims);
  } else if (is_kind(kind, size, "tensor")) {
    attr->kind = UF_ATTR_TENSOR;
    if (core_is_eager(value)) {
      attr->tensor = &((core_tensor *)value)->tensor;
      ok = PyList_Append(all->keep, value) == 0;
    } else {
      ok = core_input_take(state, value, UF_INVALID, false, &all->inputs[all->n]);
      attr->tensor = &all->inputs[all->n].tensor;
    }
  } else {
    static const struct { const char *word; char kind; uf_attr_kind list; } lists[] = {
      {"int[]", 'i', UF_ATTR_INTS}, {"float[]", 'f', UF_ATTR_FLOATS},
      {"bool[]", 'b', UF_ATTR_BOOLS}, {"string[]", 's', UF_ATTR_STRINGS},
      {"type[]", 't', UF_ATTR_DTYPES}, {"shape[]", 'h', UF_ATTR_SHAPES},
      {"func[]", 's', UF_ATTR_FUNCS}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
      if (!is_kind(kind, size, lists[i].word)) continue;
      attr->kind = lists[i].list;
      ok = list_value(state, all, lists[i].kind, value);
    }
  }
  return ok && !PyErr_Occurred();
}

/* Attributes that begin with _ are in no signature. */
static const char *kind_by_value(PyObject *value, size_t *size_out) {
  const char *kind = PyBool_Check(value) ? "bool" : PyLong_Check(value) ? "int"
                     : PyFloat_Check(value) ? "float"
                     : PyUnicode_Check(value) || PyBytes_Check(value) ? "string" : NULL;
  PyObject *first = kind == NULL && PyList_Check(value) && PyList_Size(value) > 0
                        ? PyList_GetItem(value, 0) : NULL;
  if (first != NULL)
    kind = PyLong_Check(first) ? "int[]" : PyFloat_Check(first) ? "float[]"
           : PyUnicode_Check(first) || PyBytes_Check(first) ? "string[]" : "shape[]";
  if (kind != NULL) *size_out = strlen(kind);
  return kind;
}

bool core_attrs_take(core_state *state, const char *op, PyObject *dict, core_attrs *all) {
  const char *inputs, *outputs, *attrs;
  bool stateful, runs;
  int32_t index = uf_tf_op_find(op);
  if (index < 0 || uf_tf_op(index, &inputs, &outputs, &attrs, &stateful, &runs) == NULL) return true;
  if ((all->keep = PyList_New(0)) == NULL) return false;
  PyObject *name, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &name, &value)) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (text == NULL) return false;
    size_t size;
    const char *kind = kind_of(attrs, text, &size);
    if (kind == NULL && text[0] == '_') kind = kind_by_value(value, &size);
    if (kind == NULL || all->n == CORE_MAX_ATTRS) {
      PyErr_Format(PyExc_TypeError, "%s got an unexpected attribute '%s'", op, text);
      return false;
    }
    all->attrs[all->n].name = text;
    bool ok = one_value(state, all, kind, size, value);
    all->n++;
    if (!ok) return false;
  }
  return true;
}

/* ---- running ---- */

static void say_op(uf_error *error, const char *name) {
  size_t length = strlen(error->message);
  if (strstr(error->message, "[Op:") == NULL && length + 64 < sizeof(error->message))
    PyOS_snprintf(error->message + length, sizeof(error->message) - length, " [Op:%s]", name);
}

bool core_run(core_state *state, uf_op *op, const uf_tensor *const *inputs, int32_t n_inputs,
              uf_tensor *out, const char *name) {
  CORE_ERROR(error);
  size_t bytes = 0;
  for (int32_t i = 0; i < n_inputs; i++) bytes += inputs[i]->size;
  if (!core_eager_enter(state)) return false;
  uf_status status;
  if (bytes > CORE_BIG / 16) {
    Py_BEGIN_ALLOW_THREADS
    status = uf_op_run(op, inputs, out, &error);
    Py_END_ALLOW_THREADS
  } else {
    status = uf_op_run(op, inputs, out, &error);
  }
  core_eager_leave(state);
  if (status == UF_OK) return true;
  say_op(&error, name);
  core_raise(state, &error, CORE_ANY);
  return false;
}

/* The name of the node. Ops with seeds have their state in the context, by this name among others:
 * another one after tf.random.set_seed lets them begin anew. */
static void node_name(core_state *state, const char *op, char out[32]) {
  const char *inputs, *outputs, *attrs;
  bool stateful, runs;
  int32_t index = uf_tf_op_find(op);
  out[0] = 0;
  if (index < 0 || uf_tf_op(index, &inputs, &outputs, &attrs, &stateful, &runs) == NULL) return;
  if (state->eager->generation > 0 && strstr(attrs, "seed2:") != NULL)
    PyOS_snprintf(out, 32, "seeded_%u", (unsigned)state->eager->generation);
}

/* The prepared op for these attributes and inputs. NULL: exception set. */
static uf_op *prepare(core_state *state, const char *name, const uf_dtype *dtypes, int32_t n,
                      PyObject *attrs) {
  if (state->eager->dtype_class == NULL && core_dtype_object(state, UF_FLOAT32) == NULL) return NULL;
  core_attrs *all = PyMem_Calloc(1, sizeof(*all));
  if (all == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  uf_op *op = NULL;
  if ((attrs == Py_None || core_attrs_take(state, name, attrs, all)) && core_eager_enter(state)) {
    CORE_ERROR(error);
    char node[32];
    node_name(state, name, node);
    uf_status status = uf_op_create(state->eager->context, name, node, all->attrs, all->n, dtypes, n,
                                    &op, &error);
    core_eager_leave(state);
    if (status != UF_OK) {
      op = NULL;
      say_op(&error, name);
      core_raise(state, &error, CORE_ANY);
    }
  }
  core_attrs_drop(all);
  PyMem_Free(all);
  return op;
}

/* As prepare, remembered. *mine_out: the caller releases it after use. */
static uf_op *prepared(core_state *state, const char *name, const uf_dtype *dtypes, int32_t n,
                       PyObject *attrs, bool *mine_out) {
  core_eager *eager = state->eager;
  key of;
  of.size = 0;
  of.whole = true;
  put(&of, name, strlen(name) + 1);
  put(&of, dtypes, (size_t)n * sizeof(*dtypes));
  PyObject *attr, *value;
  Py_ssize_t at = 0;
  while (attrs != Py_None && of.whole && PyDict_Next(attrs, &at, &attr, &value)) {
    put_value(state, &of, attr);
    put_value(state, &of, value);
  }
  *mine_out = true;
  if (n == 0) of.whole = false; /* handles, each of another name: they would fill the memory */
  if (!of.whole) return prepare(state, name, dtypes, n, attrs);
  uint64_t hash = hash_of(&of);
  if (eager->n_places > 0) {
    core_known_op *known = place(eager->known, eager->n_places, of.bytes, of.size, hash);
    if (known->key != NULL) {
      *mine_out = false;
      return known->op;
    }
  }
  uf_op *op = prepare(state, name, dtypes, n, attrs);
  if (op == NULL || !grow(eager)) return op;
  core_known_op *free_place = place(eager->known, eager->n_places, of.bytes, of.size, hash);
  char *copy = PyMem_Malloc(of.size);
  if (copy == NULL || free_place->key != NULL) {
    PyMem_Free(copy);
    return op;
  }
  memcpy(copy, of.bytes, of.size);
  *free_place = (core_known_op){.hash = hash, .key = copy, .key_size = of.size, .op = op};
  eager->n_known++;
  *mine_out = false;
  return op;
}

static PyObject *results(core_state *state, uf_tensor *out, int32_t n) {
  if (n == 0) Py_RETURN_NONE;
  if (n == 1) return core_tensor_wrap(state, out);
  PyObject *list = PyList_New(n);
  for (int32_t i = 0; i < n; i++) {
    PyObject *item = core_tensor_wrap(state, &out[i]);
    if (item == NULL || list == NULL) {
      Py_XDECREF(item);
      Py_CLEAR(list);
    } else if (PyList_SetItem(list, i, item) < 0) {
      Py_CLEAR(list);
    }
  }
  return list;
}

static PyObject *run_many(core_state *state, uf_op *op, const uf_tensor *const *inputs, int32_t n,
                          const char *name) {
  int32_t n_out = uf_op_output_count(op);
  uf_tensor few[FEW], *out = few;
  if (n_out > FEW && (out = PyMem_Calloc((size_t)n_out, sizeof(*out))) == NULL)
    return PyErr_NoMemory();
  PyObject *result = core_run(state, op, inputs, n, out, name) ? results(state, out, n_out) : NULL;
  if (out != few) PyMem_Free(out);
  return result;
}

/* execute(op, inputs, attrs=None): inputs a list or tuple of EagerTensors, attrs a dict of plain
 * values. The output; a list of several; None for none. */
PyObject *core_execute(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
  core_state *state = core_state_of(module);
  if (n_args < 2 || n_args > 4 || !PyUnicode_Check(args[0])) {
    PyErr_SetString(PyExc_TypeError, "expected execute(op, inputs, attrs=None)");
    return NULL;
  }
  const char *name = PyUnicode_AsUTF8AndSize(args[0], NULL);
  PyObject *attrs = n_args > 2 ? args[2] : Py_None;
  Py_ssize_t n = PySequence_Size(args[1]);
  if (name == NULL || n < 0) return NULL;
  if (attrs != Py_None && !PyDict_Check(attrs)) {
    PyErr_SetString(PyExc_TypeError, "expected a dict of attributes");
    return NULL;
  }
  PyObject *few[FEW];
  const uf_tensor *few_tensors[FEW];
  uf_dtype few_dtypes[FEW];
  PyObject **objects = few;
  const uf_tensor **tensors = few_tensors;
  uf_dtype *dtypes = few_dtypes;
  void *memory = NULL;
  if (n > FEW) {
    memory = PyMem_Malloc((size_t)n * (sizeof(*objects) + sizeof(*tensors) + sizeof(*dtypes)));
    if (memory == NULL) return PyErr_NoMemory();
    objects = memory;
    tensors = (const uf_tensor **)(objects + n);
    dtypes = (uf_dtype *)(tensors + n);
  }
  PyObject *result = NULL;
  Py_ssize_t taken = 0;
  while (taken < n) {
    PyObject *item = PySequence_GetItem(args[1], taken);
    if (item == NULL) goto done;
    objects[taken] = item;
    taken++;
    if (!core_is_eager(item)) {
      PyErr_Format(PyExc_TypeError, "%s: expected tensors as inputs, found %R", name, item);
      goto done;
    }
    tensors[taken - 1] = &((core_tensor *)item)->tensor;
    dtypes[taken - 1] = tensors[taken - 1]->dtype;
  }
  bool mine;
  uf_op *op = prepared(state, name, dtypes, (int32_t)n, attrs, &mine);
  if (op == NULL) goto done;
  result = run_many(state, op, tensors, (int32_t)n, name);
  if (mine) uf_op_release(op);
done:
  for (Py_ssize_t i = 0; i < taken; i++) Py_DECREF(objects[i]);
  PyMem_Free(memory);
  return result;
}

/* tf_op(name or index): (inputs, outputs, attrs, stateful, runs), with the name before them when
 * asked by index; None: no such op. */
PyObject *core_tf_op(PyObject *module, PyObject *args) {
  PyObject *which;
  if (!PyArg_ParseTuple(args, "O", &which)) return NULL;
  bool by_name = PyUnicode_Check(which);
  const char *text = by_name ? PyUnicode_AsUTF8AndSize(which, NULL) : NULL;
  int32_t index = by_name ? (text == NULL ? -1 : uf_tf_op_find(text)) : (int32_t)PyLong_AsLong(which);
  if (PyErr_Occurred()) return NULL;
  if (index < 0) Py_RETURN_NONE;
  const char *inputs, *outputs, *attrs;
  bool stateful, runs;
  const char *name = uf_tf_op(index, &inputs, &outputs, &attrs, &stateful, &runs);
  if (name == NULL) Py_RETURN_NONE;
  PyObject *s = stateful ? Py_True : Py_False, *r = runs ? Py_True : Py_False;
  return by_name ? Py_BuildValue("sssOO", inputs, outputs, attrs, s, r)
                 : Py_BuildValue("ssssOO", name, inputs, outputs, attrs, s, r);
}

/* ---- the module's part ---- */

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base) {
  PyObject *bases = base == NULL ? NULL : PyTuple_Pack(1, (PyObject *)base);
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, bases);
  Py_XDECREF(bases);
  if (type != NULL && PyModule_AddType(module, type) < 0) Py_CLEAR(type);
  return type;
}

int core_eager_set_up(PyObject *module) {
  core_state *state = core_state_of(module);
  core_eager *eager = state->eager = PyMem_Calloc(1, sizeof(*eager));
  if (eager == NULL || (eager->lock = PyThread_allocate_lock()) == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  if ((eager->operand_type = add_type(module, &core_operand_spec, NULL)) == NULL ||
      (eager->tensor_type = add_type(module, &core_tensor_spec, eager->operand_type)) == NULL ||
      (eager->eager_type = add_type(module, &core_eager_spec, eager->tensor_type)) == NULL)
    return -1;
  eager->alloc = (allocfunc)PyType_GetSlot(eager->eager_type, Py_tp_alloc);
  return 0;
}

int core_eager_visit(core_state *state, visitproc visit, void *arg) {
  core_eager *eager = state->eager;
  if (eager == NULL) return 0;
  Py_VISIT(eager->operand_type);
  Py_VISIT(eager->tensor_type);
  Py_VISIT(eager->eager_type);
  Py_VISIT(eager->dtype_class);
  Py_VISIT(eager->shape_class);
  for (int i = 0; i < UF_DTYPE_COUNT; i++) Py_VISIT(eager->dtypes[i]);
  return 0;
}

void core_eager_clear(core_state *state) {
  core_eager *eager = state->eager;
  if (eager == NULL) return;
  forget(eager);
  PyMem_Free(eager->known);
  for (int i = 0; i < CORE_OPERATOR_COUNT; i++)
    for (int j = 0; j < UF_DTYPE_COUNT; j++) uf_op_release(eager->fast[i][j]);
  uf_context_release(eager->context);
  for (int i = 0; i < UF_DTYPE_COUNT; i++) Py_CLEAR(eager->dtypes[i]);
  Py_CLEAR(eager->dtype_class);
  Py_CLEAR(eager->shape_class);
  Py_CLEAR(eager->operand_type);
  Py_CLEAR(eager->tensor_type);
  Py_CLEAR(eager->eager_type);
  if (eager->lock != NULL) PyThread_free_lock(eager->lock);
  PyMem_Free(eager);
  state->eager = NULL;
}
