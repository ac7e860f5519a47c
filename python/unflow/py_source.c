/* SPDX-License-Identifier: Apache-2.0
 *
 * py_source.c: named arrays of a file (the section "source" of unflow.h).
 *
 * Every call into a source gives the GIL up: a source whose files are read through a Python
 * object takes it again for each range, from whatever thread reads.
 */
#include "_core.h"

/* ---- a filesystem in Python ---- */

/* The exception at hand as words. Files that are not there are NOT_FOUND. */
static uf_status python_failed(const char *path, uf_error *error) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  bool missing = type != NULL && (PyErr_GivenExceptionMatches(type, PyExc_FileNotFoundError) ||
                                  PyErr_GivenExceptionMatches(type, PyExc_NotADirectoryError) ||
                                  PyErr_GivenExceptionMatches(type, PyExc_IsADirectoryError));
  bool refused = type != NULL && PyErr_GivenExceptionMatches(type, PyExc_PermissionError);
  uf_status status = missing ? UF_NOT_FOUND : refused ? UF_PERMISSION_DENIED : UF_UNAVAILABLE;
  PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
  PyObject *bytes = text != NULL ? PyUnicode_AsEncodedString(text, "utf-8", "replace") : NULL;
  const char *words = bytes != NULL ? PyBytes_AsString(bytes) : NULL;
  if (error != NULL) {
    error->status = status;
    PyOS_snprintf(error->message, sizeof(error->message), "%.500s: expected to read it, found: %.900s",
                  path, words != NULL ? words : "an exception");
  }
  PyErr_Clear();
  Py_XDECREF(bytes);
  Py_XDECREF(text);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return status;
}

static uf_status fs_size(void *context, const char *path, uint64_t *size_out, uf_error *error) {
  PyGILState_STATE gil = PyGILState_Ensure();
  uf_status status = UF_OK;
  PyObject *result = PyObject_CallMethod(context, "size", "N", core_text(path));
  unsigned long long size = result != NULL ? PyLong_AsUnsignedLongLong(result) : 0;
  if (result == NULL || PyErr_Occurred()) status = python_failed(path, error);
  else *size_out = size;
  Py_XDECREF(result);
  PyGILState_Release(gil);
  return status;
}

static uf_status fs_read(void *context, const char *path, uint64_t offset, size_t size, void *out,
                         uf_error *error) {
  PyGILState_STATE gil = PyGILState_Ensure();
  uf_status status = UF_OK;
  char *data = NULL;
  Py_ssize_t found = 0;
  PyObject *result = PyObject_CallMethod(context, "read", "NKn", core_text(path),
                                         (unsigned long long)offset, (Py_ssize_t)size);
  if (result == NULL || PyBytes_AsStringAndSize(result, &data, &found) < 0) {
    status = python_failed(path, error);
  } else if ((size_t)found != size) {
    status = UF_DATA_LOSS;
    if (error != NULL) {
      error->status = status;
      PyOS_snprintf(error->message, sizeof(error->message),
                    "%.500s: offset %llu: expected %zu bytes, found %zd", path,
                    (unsigned long long)offset, size, found);
    }
  } else {
    memcpy(out, data, size);
  }
  Py_XDECREF(result);
  PyGILState_Release(gil);
  return status;
}

static uf_status fs_list(void *context, const char *folder,
                         void (*add)(void *names, const char *name), void *names, uf_error *error) {
  PyGILState_STATE gil = PyGILState_Ensure();
  uf_status status = UF_OK;
  PyObject *result = PyObject_CallMethod(context, "list", "N", core_text(folder));
  Py_ssize_t n = result != NULL ? PySequence_Size(result) : -1;
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(result, i), *keep = NULL;
    const char *text = item != NULL ? core_text_of(item, &keep) : NULL;
    if (text != NULL) add(names, text);
    else n = -1;
    Py_XDECREF(keep);
    Py_XDECREF(item);
  }
  if (n < 0) status = python_failed(folder, error);
  Py_XDECREF(result);
  PyGILState_Release(gil);
  return status;
}

static void fs_free(void *context) {
  if (!Py_IsInitialized()) return;
  PyGILState_STATE gil = PyGILState_Ensure();
  Py_DECREF((PyObject *)context);
  PyGILState_Release(gil);
}

/* ---- opening ---- */

static void source_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  uf_source_release(((core_source *)object)->source);
  PyObject_Free(object);
  Py_DECREF(type);
}

static PyObject *source_wrap(core_state *state, uf_source *source) {
  core_source *self = PyObject_New(core_source, state->source_type);
  if (self == NULL) {
    uf_source_release(source);
    return NULL;
  }
  self->state = state;
  self->source = source;
  return (PyObject *)self;
}

/* source_open(path): a local path. */
PyObject *core_source_open(PyObject *module, PyObject *args) {
  PyObject *path;
  if (!PyArg_ParseTuple(args, "O&", PyUnicode_FSConverter, &path)) return NULL;
  CORE_ERROR(error);
  uf_source *source = NULL;
  const char *text = PyBytes_AsString(path);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_open(text, NULL, &source, &error);
  Py_END_ALLOW_THREADS
  Py_DECREF(path);
  if (status != UF_OK) return core_raise(core_state_of(module), &error, CORE_FILE);
  return source_wrap(core_state_of(module), source);
}

/* source_open_fs(path, fs): files through fs.size(path), fs.read(path, offset, size) and
 * fs.list(folder). */
PyObject *core_source_open_fs(PyObject *module, PyObject *args) {
  PyObject *path, *fs, *keep;
  if (!PyArg_ParseTuple(args, "OO", &path, &fs)) return NULL;
  const char *text = core_text_of(path, &keep);
  if (text == NULL) return NULL;
  CORE_ERROR(error);
  uf_filesystem files = {.struct_size = sizeof(files), .context = fs, .size = fs_size,
                         .read = fs_read, .list = fs_list, .free = fs_free};
  uf_source_options options = {.struct_size = sizeof(options), .filesystem = &files};
  uf_source *source = NULL;
  uf_status status;
  Py_INCREF(fs);
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_open(text, &options, &source, &error);
  Py_END_ALLOW_THREADS
  Py_DECREF(keep);
  if (status == UF_OK) return source_wrap(core_state_of(module), source);
  Py_DECREF(fs);
  return core_raise(core_state_of(module), &error, CORE_FILE);
}

/* source_open_buffer(buffer, name): the content of one file. */
PyObject *core_source_open_buffer(PyObject *module, PyObject *args) {
  PyObject *object;
  const char *name = NULL;
  if (!PyArg_ParseTuple(args, "O|z", &object, &name)) return NULL;
  uf_buf *buf = core_buf_of(object);
  if (buf == NULL) return NULL;
  CORE_ERROR(error);
  uf_source_options options = {.struct_size = sizeof(options), .name = name};
  uf_source *source = NULL;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_open_buf(buf, &options, &source, &error);
  Py_END_ALLOW_THREADS
  uf_buf_release(buf); /* the source has its own reference */
  if (status != UF_OK) return core_raise(core_state_of(module), &error, CORE_ANY);
  return source_wrap(core_state_of(module), source);
}

/* ---- entries ---- */

static PyObject *source_info(core_source *self, PyObject *unused) {
  uf_source_info info;
  uf_source_describe(self->source, &info);
  return Py_BuildValue("{s:N,s:N,s:N}", "path", core_text(info.path), "format",
                       core_text(info.format), "details", core_text(info.details));
}

static bool all_entries(core_source *self, const uf_entry *const **entries, size_t *n) {
  CORE_ERROR(error);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_entries(self->source, entries, n, &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) core_raise(self->state, &error, CORE_ANY);
  return status == UF_OK;
}

/* names(): all keys, in order. */
static PyObject *source_names(core_source *self, PyObject *unused) {
  const uf_entry *const *entries;
  size_t n;
  if (!all_entries(self, &entries, &n)) return NULL;
  PyObject *list = PyList_New((Py_ssize_t)n);
  for (size_t i = 0; list != NULL && i < n; i++) {
    PyObject *name = core_text(entries[i]->name);
    if (name == NULL || PyList_SetItem(list, (Py_ssize_t)i, name) < 0) Py_CLEAR(list);
  }
  return list;
}

static PyObject *entry_tuple(const uf_entry *e) {
  PyObject *file = Py_None;
  if (e->file != NULL) file = core_text(e->file);
  else Py_INCREF(file);
  return Py_BuildValue("NsNKNKiN", core_text(e->name), uf_dtype_name(e->dtype),
                       core_shape_tuple(e->rank, e->dims), (unsigned long long)e->size, file,
                       (unsigned long long)e->offset, (int)e->n_pieces, core_quant_tuple(e->quant));
}

/* entries(): a tuple as entry() gives for each, in order. */
static PyObject *source_entries(core_source *self, PyObject *unused) {
  const uf_entry *const *entries;
  size_t n;
  if (!all_entries(self, &entries, &n)) return NULL;
  PyObject *list = PyList_New((Py_ssize_t)n);
  for (size_t i = 0; list != NULL && i < n; i++) {
    PyObject *tuple = entry_tuple(entries[i]);
    if (tuple == NULL || PyList_SetItem(list, (Py_ssize_t)i, tuple) < 0) Py_CLEAR(list);
  }
  return list;
}

const uf_entry *core_source_find(core_source *self, PyObject *name) {
  PyObject *keep;
  const char *text = core_text_of(name, &keep);
  if (text == NULL) return NULL;
  CORE_ERROR(error);
  const uf_entry *entry = NULL;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_find(self->source, text, &entry, &error);
  Py_END_ALLOW_THREADS
  Py_DECREF(keep);
  if (status == UF_OK) return entry;
  core_raise(self->state, &error, CORE_NAME);
  return NULL;
}

static PyObject *shape_list(const uf_entry *e) {
  PyObject *list = PyList_New(e->rank);
  for (int32_t i = 0; list != NULL && i < e->rank; i++) {
    PyObject *dim = PyLong_FromLongLong(e->dims[i]);
    if (dim == NULL || PyList_SetItem(list, i, dim) < 0) Py_CLEAR(list);
  }
  return list;
}

/* shapes(): {name: shape as a list}, what tf.train's readers give. */
static PyObject *source_shapes(core_source *self, PyObject *unused) {
  const uf_entry *const *entries;
  size_t n;
  if (!all_entries(self, &entries, &n)) return NULL;
  PyObject *dict = PyDict_New();
  for (size_t i = 0; dict != NULL && i < n; i++) {
    PyObject *name = core_text(entries[i]->name), *shape = shape_list(entries[i]);
    if (name == NULL || shape == NULL || PyDict_SetItem(dict, name, shape) < 0) Py_CLEAR(dict);
    Py_XDECREF(name);
    Py_XDECREF(shape);
  }
  return dict;
}

/* entry(name): (name, dtype, shape, size, file, offset, n_pieces, quant). */
static PyObject *source_entry(core_source *self, PyObject *name) {
  const uf_entry *entry = core_source_find(self, name);
  return entry != NULL ? entry_tuple(entry) : NULL;
}

/* has(name): without words for what is not there. */
static PyObject *source_has(core_source *self, PyObject *name) {
  PyObject *keep;
  const char *text = core_text_of(name, &keep);
  if (text == NULL) return NULL;
  const uf_entry *entry;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_find(self->source, text, &entry, NULL);
  Py_END_ALLOW_THREADS
  Py_DECREF(keep);
  return PyBool_FromLong(status == UF_OK);
}

/* ---- reading ---- */

/* region: a sequence of (start, extent), one for each dimension. */
static bool take_region(core_source *self, PyObject *sequence, const uf_entry *entry,
                        uf_region *region) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0) return false;
  if (n != entry->rank) {
    core_fail(self->state, UF_INVALID_ARGUMENT, "'%s': expected a part of %d dimensions, found %zd",
              entry->name, (int)entry->rank, n);
    return false;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *pair = PySequence_GetItem(sequence, i);
    long long start = 0, extent = 0;
    bool good = pair != NULL && PyTuple_Check(pair) && PyArg_ParseTuple(pair, "LL", &start, &extent);
    if (!good && !PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "expected (start, extent)");
    Py_XDECREF(pair);
    if (!good) return false;
    region->start[i] = start;
    region->extent[i] = extent;
  }
  return true;
}

/* read(name, copy=False, verify=False, region=None) -> array: read-only view, or a writable
 * copy. */
static PyObject *source_read(core_source *self, PyObject *args) {
  PyObject *name, *part = Py_None;
  int copy = 0, verify = 0;
  if (!PyArg_ParseTuple(args, "O|ppO", &name, &copy, &verify, &part)) return NULL;
  const uf_entry *entry = core_source_find(self, name);
  if (entry == NULL) return NULL;
  uf_region region;
  if (part != Py_None && !take_region(self, part, entry, &region)) return NULL;
  int flags = UF_READ_UNALIGNED | (copy ? UF_READ_COPY : 0) | (verify ? UF_READ_VERIFY : 0);
  CORE_ERROR(error);
  uf_tensor tensor;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_read(self->source, entry, part != Py_None ? &region : NULL, flags, &tensor,
                          &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) return core_raise(self->state, &error, CORE_FILE);
  return core_array(self->state, &tensor, copy ? CORE_OWN : CORE_VIEW);
}

static PyObject *arrays_of(core_source *self, uf_tensor *tensors, size_t n) {
  PyObject *list = PyList_New((Py_ssize_t)n);
  for (size_t i = 0; i < n; i++) { /* each tensor is released, whatever happens */
    PyObject *array = list != NULL ? core_array(self->state, &tensors[i], CORE_OWN) : NULL;
    if (list == NULL) uf_tensor_release(&tensors[i]);
    else if (array == NULL || PyList_SetItem(list, (Py_ssize_t)i, array) < 0) Py_CLEAR(list);
  }
  return list;
}

/* read_all(names, threads=0) -> list of writable arrays. */
static PyObject *source_read_all(core_source *self, PyObject *args) {
  PyObject *names, *result = NULL;
  int threads = 0;
  if (!PyArg_ParseTuple(args, "O|i", &names, &threads)) return NULL;
  Py_ssize_t n = PySequence_Size(names);
  if (n < 0) return NULL;
  const uf_entry **entries = PyMem_Calloc((size_t)n + 1, sizeof(*entries));
  uf_tensor *tensors = PyMem_Calloc((size_t)n + 1, sizeof(*tensors));
  if (entries == NULL || tensors == NULL) {
    PyErr_NoMemory();
    goto done;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *name = PySequence_GetItem(names, i);
    entries[i] = name != NULL ? core_source_find(self, name) : NULL;
    Py_XDECREF(name);
    if (entries[i] == NULL) goto done;
  }
  CORE_ERROR(error);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_read_all(self->source, entries, (size_t)n, threads, tensors, &error);
  Py_END_ALLOW_THREADS
  result = status == UF_OK ? arrays_of(self, tensors, (size_t)n)
                           : core_raise(self->state, &error, CORE_FILE);
done:
  PyMem_Free(entries);
  PyMem_Free(tensors);
  return result;
}

/* verify(name): None, or raises what is wrong. */
static PyObject *source_verify(core_source *self, PyObject *name) {
  const uf_entry *entry = core_source_find(self, name);
  if (entry == NULL) return NULL;
  CORE_ERROR(error);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_verify(self->source, entry, &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) return core_raise(self->state, &error, CORE_FILE);
  Py_RETURN_NONE;
}

/* ---- names ---- */

static PyObject *text_or_none(const char *text) {
  if (text != NULL) return core_text(text);
  Py_RETURN_NONE;
}

static PyObject *variable_tuple(const uf_variable *v) {
  PyObject *aliases = core_text_tuple(v->aliases, v->n_aliases);
  if (aliases == NULL) return NULL;
  return Py_BuildValue("NNNNsNii", core_text(v->name), core_text(v->entry->name),
                       text_or_none(v->path), aliases, uf_role_name(v->role),
                       text_or_none(v->slot), (int)v->of, (int)v->average);
}

/* variables(): (name, key, path, aliases, role, slot, of, average) of each entry, in order. */
static PyObject *source_variables(core_source *self, PyObject *unused) {
  CORE_ERROR(error);
  const uf_variable *variables;
  size_t n;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_variables(self->source, &variables, &n, &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  PyObject *list = PyList_New((Py_ssize_t)n);
  for (size_t i = 0; list != NULL && i < n; i++) {
    PyObject *tuple = variable_tuple(&variables[i]);
    if (tuple == NULL || PyList_SetItem(list, (Py_ssize_t)i, tuple) < 0) Py_CLEAR(list);
  }
  return list;
}

/* ---- graphs ---- */

/* node(i): (name, op, device, inputs, number of attributes). */
static PyObject *source_node(core_source *self, PyObject *args) {
  Py_ssize_t i;
  if (!PyArg_ParseTuple(args, "n", &i)) return NULL;
  CORE_ERROR(error);
  uf_graph_node node;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_node(self->source, i < 0 ? SIZE_MAX : (size_t)i, &node, &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  PyObject *inputs = core_text_tuple(node.inputs, node.n_inputs);
  if (inputs == NULL) return NULL;
  return Py_BuildValue("NNNNi", core_text(node.name), core_text(node.op), core_text(node.device),
                       inputs, (int)node.n_attrs);
}

static PyObject *attr_value(core_source *self, const uf_attr *attr, uf_tensor *tensor) {
  switch (attr->kind) {
    case UF_ATTR_INT: return PyLong_FromLongLong(attr->i);
    case UF_ATTR_FLOAT: return PyFloat_FromDouble(attr->f);
    case UF_ATTR_BOOL: return PyBool_FromLong(attr->i != 0);
    case UF_ATTR_STRING: return PyBytes_FromStringAndSize(attr->s, (Py_ssize_t)attr->s_size);
    case UF_ATTR_DTYPE: return core_text(uf_dtype_name((uf_dtype)attr->i));
    case UF_ATTR_SHAPE: return core_shape_tuple(attr->rank, attr->dims);
    case UF_ATTR_TENSOR: return core_array(self->state, tensor, CORE_VIEW);
    default: Py_RETURN_NONE; /* a source gives elements of lists, and functions by name */
  }
}

/* Element `at` of an attribute; *n_out as uf_source_attr. name_out: NULL, or a new reference.
 * None past the end of a list. */
static PyObject *attr_element(core_source *self, size_t i, int32_t j, int32_t at, int32_t *n_out,
                              PyObject **name_out) {
  CORE_ERROR(error);
  uf_attr attr = {0};
  uf_tensor tensor = {0};
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_source_attr(self->source, i, j, at, &attr, &tensor, n_out, &error);
  Py_END_ALLOW_THREADS
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  if (name_out != NULL) *name_out = core_text(attr.name);
  if (*n_out >= 0 && at >= *n_out) Py_RETURN_NONE;
  return attr_value(self, &attr, &tensor);
}

/* The elements behind the first, which is taken over. */
static PyObject *attr_list(core_source *self, size_t i, int32_t j, PyObject *first, int32_t n) {
  PyObject *list = PyList_New(0), *value = first;
  for (int32_t at = 0; list != NULL && at < n; at++) {
    if (at > 0) value = attr_element(self, i, j, at, &n, NULL);
    if (value == NULL || PyList_Append(list, value) < 0) Py_CLEAR(list);
    Py_CLEAR(value);
  }
  Py_XDECREF(value);
  return list;
}

/* attrs(i): a dictionary; lists as lists, strings as bytes, dtypes by name, shapes as
 * tuples, functions as their names. */
static PyObject *source_attrs(core_source *self, PyObject *args) {
  Py_ssize_t i;
  if (!PyArg_ParseTuple(args, "n", &i)) return NULL;
  CORE_ERROR(error);
  uf_graph_node node;
  if (uf_source_node(self->source, i < 0 ? SIZE_MAX : (size_t)i, &node, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  PyObject *dict = PyDict_New();
  for (int32_t j = 0; dict != NULL && j < node.n_attrs; j++) {
    PyObject *name = NULL;
    int32_t n = -1;
    PyObject *value = attr_element(self, (size_t)i, j, 0, &n, &name);
    if (value != NULL && n >= 0) value = attr_list(self, (size_t)i, j, value, n);
    if (name == NULL || value == NULL || PyDict_SetItem(dict, name, value) < 0) Py_CLEAR(dict);
    Py_XDECREF(name);
    Py_XDECREF(value);
  }
  return dict;
}

static PyMethodDef methods[] = {
  {"info", (PyCFunction)source_info, METH_NOARGS, "info() -> dict: path, format, details"},
  {"names", (PyCFunction)source_names, METH_NOARGS, "names() -> list of str"},
  {"entries", (PyCFunction)source_entries, METH_NOARGS, "entries() -> list of tuples as entry()"},
  {"shapes", (PyCFunction)source_shapes, METH_NOARGS, "shapes() -> dict: name to list of int"},
  {"entry", (PyCFunction)source_entry, METH_O,
   "entry(name) -> (name, dtype, shape, size, file, offset, n_pieces, quant)"},
  {"has", (PyCFunction)source_has, METH_O, "has(name) -> bool"},
  {"read", (PyCFunction)source_read, METH_VARARGS,
   "read(name, copy=False, verify=False, region=None) -> array"},
  {"read_all", (PyCFunction)source_read_all, METH_VARARGS,
   "read_all(names, threads=0) -> list of arrays"},
  {"verify", (PyCFunction)source_verify, METH_O, "verify(name): raises what is wrong"},
  {"extract", (PyCFunction)core_source_extract, METH_VARARGS,
   "extract(items, path, format, level, verify, threads, progress)"},
  {"variables", (PyCFunction)source_variables, METH_NOARGS,
   "variables() -> list of (name, key, path, aliases, role, slot, of, average)"},
  {"node", (PyCFunction)source_node, METH_VARARGS, "node(i) -> (name, op, device, inputs, n_attrs)"},
  {"attrs", (PyCFunction)source_attrs, METH_VARARGS, "attrs(i) -> dict"},
  {NULL},
};

static PyType_Slot slots[] = {
  {Py_tp_dealloc, source_dealloc},
  {Py_tp_methods, methods},
  {Py_tp_doc, "Named arrays of a file."},
  {0, NULL},
};

PyType_Spec core_source_spec = {
  .name = "unflow._core.Source",
  .basicsize = sizeof(core_source),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
  .slots = slots,
};
