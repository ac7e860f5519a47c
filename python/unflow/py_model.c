/* SPDX-License-Identifier: Apache-2.0
 *
 * py_model.c: what is in a file, as tuples and dictionaries for the Python
 * layer, which gives them names. Nothing here runs anything.
 */
#include "_core.h"

static void model_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  uf_model_release(((core_model *)object)->model);
  PyObject_Free(object);
  Py_DECREF(type);
}

PyObject *core_model_wrap(core_state *state, uf_model *model) {
  core_model *self = PyObject_New(core_model, state->model_type);
  if (self == NULL) {
    uf_model_release(model);
    return NULL;
  }
  self->state = state;
  self->model = model;
  return (PyObject *)self;
}

/* ---- opening ---- */

/* A path as bytes; NULL for None. */
static int optional_path(PyObject *object, void *out) {
  if (object != NULL && object != Py_None) return PyUnicode_FSConverter(object, out);
  Py_CLEAR(*(PyObject **)out);
  return 1;
}

PyObject *core_open_path(PyObject *module, PyObject *args) {
  PyObject *path = NULL, *functions = NULL, *cache = NULL;
  if (!PyArg_ParseTuple(args, "O&|OO&", PyUnicode_FSConverter, &path, &functions, optional_path, &cache)) return NULL;
  CORE_ERROR(error);
  uf_model *model = NULL;
  const char *text = PyBytes_AsString(path);
  uf_open_options options = {.struct_size = sizeof(options), .cache = cache ? PyBytes_AsString(cache) : NULL};
  if (!core_ops_of(module, functions, &options.ops)) {
    Py_DECREF(path);
    Py_XDECREF(cache);
    return NULL;
  }
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_model_open(text, &options, &model, &error);
  Py_END_ALLOW_THREADS
  uf_ops_release(options.ops); /* the model has its own reference */
  Py_DECREF(path);
  Py_XDECREF(cache);
  if (status != UF_OK) return core_raise(core_state_of(module), &error, CORE_FILE);
  return core_model_wrap(core_state_of(module), model);
}

static void release_object(void *object) {
  if (!Py_IsInitialized()) return;
  PyGILState_STATE gil = PyGILState_Ensure();
  Py_DECREF((PyObject *)object);
  PyGILState_Release(gil);
}

uf_buf *core_buf_of(PyObject *object) {
  char *data;
  Py_ssize_t size;
  PyObject *owner = object;
  bool fixed = PyBytes_Check(object);
  if (fixed) {
    if (PyBytes_AsStringAndSize(object, &data, &size) < 0) return NULL;
    Py_INCREF(owner);
  } else {
    owner = PyArray_FromBuffer(object, PyArray_DescrFromType(NPY_UINT8), -1, 0);
    if (owner == NULL) return NULL;
    data = PyArray_DATA((PyArrayObject *)owner);
    size = PyArray_NBYTES((PyArrayObject *)owner);
    fixed = !PyArray_ISWRITEABLE((PyArrayObject *)owner);
  }
  uf_buf *buf;
  if (fixed && (uintptr_t)data % 16 == 0) {
    buf = uf_buf_wrap(data, (size_t)size, release_object, owner);
    if (buf == NULL) Py_DECREF(owner);
  } else {
    buf = uf_buf_create((size_t)size);
    if (buf != NULL && size > 0) memcpy(uf_buf_data(buf), data, (size_t)size);
    Py_DECREF(owner);
  }
  if (buf == NULL) PyErr_NoMemory();
  return buf;
}

PyObject *core_open_buffer(PyObject *module, PyObject *args) {
  PyObject *object, *functions = NULL, *cache = NULL;
  const char *name = NULL;
  if (!PyArg_ParseTuple(args, "O|zOO&", &object, &name, &functions, optional_path, &cache)) return NULL;
  CORE_ERROR(error);
  uf_open_options options = {.struct_size = sizeof(options), .name = name,
                             .cache = cache ? PyBytes_AsString(cache) : NULL};
  uf_buf *buf = core_ops_of(module, functions, &options.ops) ? core_buf_of(object) : NULL;
  if (buf == NULL) {
    uf_ops_release(options.ops);
    Py_XDECREF(cache);
    return NULL;
  }
  uf_model *model = NULL;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_model_open_buf(buf, &options, &model, &error);
  Py_END_ALLOW_THREADS
  uf_buf_release(buf); /* the model has its own references */
  uf_ops_release(options.ops);
  Py_XDECREF(cache);
  if (status != UF_OK) return core_raise(core_state_of(module), &error, CORE_ANY);
  return core_model_wrap(core_state_of(module), model);
}

/* ---- asking ---- */

static PyObject *model_info(core_model *self, PyObject *unused) {
  uf_model_info info;
  uf_model_describe(self->model, &info);
  return Py_BuildValue(
      "{s:N,s:N,s:N,s:i,s:n,s:i,s:i,s:i,s:i}", "path", core_text(info.path), "format",
      core_text(info.format), "description", core_text(info.description), "version", info.version,
      "file_size", (Py_ssize_t)info.file_size, "n_graphs", info.n_graphs, "n_signatures",
      info.n_signatures, "n_metadata", info.n_metadata, "n_unsupported", info.n_unsupported);
}

static PyObject *index_tuple(const int32_t *values, int32_t n) {
  PyObject *tuple = PyTuple_New(n);
  for (int32_t i = 0; tuple != NULL && i < n; i++) {
    PyObject *value = PyLong_FromLong(values[i]);
    if (value == NULL || PyTuple_SetItem(tuple, i, value) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

PyObject *core_text_tuple(const char *const *texts, int32_t n) {
  PyObject *tuple = PyTuple_New(n);
  for (int32_t i = 0; tuple != NULL && i < n; i++) {
    PyObject *text = core_text(texts[i]);
    if (text == NULL || PyTuple_SetItem(tuple, i, text) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

/* graph(g): (name, n_values, n_nodes, inputs, outputs). */
static PyObject *model_graph(core_model *self, PyObject *args) {
  int32_t graph;
  if (!PyArg_ParseTuple(args, "O&", core_index, &graph)) return NULL;
  CORE_ERROR(error);
  uf_graph_info info;
  if (uf_model_graph(self->model, graph, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NiiNN", core_text(info.name), info.n_values, info.n_nodes,
                       index_tuple(info.inputs, info.n_inputs),
                       index_tuple(info.outputs, info.n_outputs));
}

static const char *kind_text(uf_value_kind kind) {
  return kind == UF_VALUE_CONSTANT ? "constant" : kind == UF_VALUE_STATE ? "state" : "activation";
}

/* value(g, i): (name, dtype, kind, shape, signature shape, quant, producer, is_sparse). */
static PyObject *model_value(core_model *self, PyObject *args) {
  int32_t graph, value;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &value)) return NULL;
  CORE_ERROR(error);
  uf_value_info info;
  if (uf_model_value(self->model, graph, value, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  bool has_signature = info.signature_rank > 0;
  return Py_BuildValue(
      "NssNNNiO", core_text(info.name), uf_dtype_name(info.dtype), kind_text(info.kind),
      core_shape_tuple(info.rank, info.dims),
      has_signature ? core_shape_tuple(info.signature_rank, info.dims_signature)
                    : core_shape_tuple(info.rank, info.dims),
      core_quant_tuple(info.quant), info.producer, info.is_sparse ? Py_True : Py_False);
}

/* names(g): the name of every value, in order. */
static PyObject *model_names(core_model *self, PyObject *args) {
  int32_t graph;
  if (!PyArg_ParseTuple(args, "O&", core_index, &graph)) return NULL;
  CORE_ERROR(error);
  uf_graph_info info;
  if (uf_model_graph(self->model, graph, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  PyObject *names = PyList_New(info.n_values);
  for (int32_t i = 0; names != NULL && i < info.n_values; i++) {
    uf_value_info value;
    bool ok = uf_model_value(self->model, graph, i, &value, NULL) == UF_OK;
    PyObject *name = core_text(ok ? value.name : "");
    if (name == NULL || PyList_SetItem(names, i, name) < 0) Py_CLEAR(names);
  }
  return names;
}

static PyObject *model_find_value(core_model *self, PyObject *args) {
  int32_t graph;
  PyObject *object, *keep;
  if (!PyArg_ParseTuple(args, "O&O", core_index, &graph, &object)) return NULL;
  const char *name = core_text_of(object, &keep);
  if (name == NULL) return NULL;
  CORE_ERROR(error);
  int32_t value = -1;
  uf_status status = uf_model_find_value(self->model, graph, name, &value, &error);
  Py_DECREF(keep);
  return status == UF_OK ? PyLong_FromLong(value) : core_raise(self->state, &error, CORE_NAME);
}

static PyObject *model_constant(core_model *self, PyObject *args) {
  int32_t graph, value;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &value)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  if (uf_model_constant(self->model, graph, value, &tensor, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return core_array(self->state, &tensor, CORE_VIEW);
}

/* sparse(g, i): ({traversal_order, block_map, dim_metadata}, values), None when it is not sparse. */
static PyObject *model_sparse(core_model *self, PyObject *args) {
  int32_t graph, value;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &value)) return NULL;
  CORE_ERROR(error);
  uf_value_info info;
  uf_tensor tensor;
  if (uf_model_value(self->model, graph, value, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  if (info.sparsity == NULL) Py_RETURN_NONE;
  if (uf_model_sparse_values(self->model, graph, value, &tensor, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NN", core_sparsity(info.sparsity),
                       core_array(self->state, &tensor, CORE_VIEW));
}

/* node(g, i): (op, name, version, supported, inputs, outputs). */
static PyObject *model_node(core_model *self, PyObject *args) {
  int32_t graph, node;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &node)) return NULL;
  CORE_ERROR(error);
  uf_node_info info;
  if (uf_model_node(self->model, graph, node, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NNiONN", core_text(info.op), core_text(info.name), info.version,
                       info.supported ? Py_True : Py_False,
                       index_tuple(info.inputs, info.n_inputs),
                       index_tuple(info.outputs, info.n_outputs));
}

/* signature(i): (key, graph, input names, inputs, output names, outputs). */
static PyObject *model_signature(core_model *self, PyObject *args) {
  int32_t i;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  uf_signature_info info;
  if (uf_model_signature(self->model, i, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NiNNNN", core_text(info.key), info.graph,
                       core_text_tuple(info.input_names, info.n_inputs),
                       index_tuple(info.inputs, info.n_inputs),
                       core_text_tuple(info.output_names, info.n_outputs),
                       index_tuple(info.outputs, info.n_outputs));
}

static PyObject *model_metadata(core_model *self, PyObject *args) {
  int32_t i;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  const char *name;
  const void *data;
  size_t size;
  if (uf_model_metadata(self->model, i, &name, &data, &size, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NN", core_text(name),
                       PyBytes_FromStringAndSize(size > 0 ? data : "", (Py_ssize_t)size));
}

/* A buf as bytes (copied), or as text; takes the buf. */
static PyObject *bytes_of(uf_buf *buf, bool is_text) {
  const char *data = uf_buf_size(buf) > 0 ? uf_buf_data(buf) : "";
  Py_ssize_t size = (Py_ssize_t)uf_buf_size(buf);
  PyObject *out = is_text ? PyUnicode_DecodeUTF8(data, size, NULL) : PyBytes_FromStringAndSize(data, size);
  uf_buf_release(buf);
  return out;
}

static PyObject *model_metadata_json(core_model *self, PyObject *unused) {
  CORE_ERROR(error);
  uf_buf *text;
  if (uf_model_metadata_json(self->model, &text, &error) != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return bytes_of(text, true);
}

/* files(): [(name, size)] of the files packed behind the model. */
static PyObject *model_files(core_model *self, PyObject *unused) {
  CORE_ERROR(error);
  int32_t n;
  if (uf_model_file_count(self->model, &n, &error) != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  PyObject *list = PyList_New(n);
  for (int32_t i = 0; list != NULL && i < n; i++) {
    const char *name;
    size_t name_size;
    uint64_t size;
    if (uf_model_file(self->model, i, &name, &name_size, &size, &error) != UF_OK) {
      Py_DECREF(list);
      return core_raise(self->state, &error, CORE_ANY);
    }
    PyObject *pair = Py_BuildValue("NK", PyUnicode_DecodeUTF8(name, (Py_ssize_t)name_size, "surrogateescape"),
                                   (unsigned long long)size);
    if (pair == NULL || PyList_SetItem(list, i, pair) < 0) Py_CLEAR(list);
  }
  return list;
}

static PyObject *model_file(core_model *self, PyObject *args) {
  int32_t i;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  uf_buf *bytes;
  if (uf_model_file_read(self->model, i, &bytes, &error) != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return bytes_of(bytes, false);
}

static PyObject *model_unsupported(core_model *self, PyObject *unused) {
  PyObject *list = PyList_New(0);
  const char *line;
  for (int32_t i = 0; list != NULL && (line = uf_model_unsupported(self->model, i)) != NULL; i++) {
    PyObject *text = core_text(line);
    if (text == NULL || PyList_Append(list, text) < 0) Py_CLEAR(list);
    Py_XDECREF(text);
  }
  return list;
}

static PyMethodDef methods[] = {
  {"info", (PyCFunction)model_info, METH_NOARGS, NULL},
  {"graph", (PyCFunction)model_graph, METH_VARARGS, NULL},
  {"value", (PyCFunction)model_value, METH_VARARGS, NULL},
  {"names", (PyCFunction)model_names, METH_VARARGS, NULL},
  {"find_value", (PyCFunction)model_find_value, METH_VARARGS, NULL},
  {"constant", (PyCFunction)model_constant, METH_VARARGS, NULL},
  {"sparse", (PyCFunction)model_sparse, METH_VARARGS, NULL},
  {"node", (PyCFunction)model_node, METH_VARARGS, NULL},
  {"signature", (PyCFunction)model_signature, METH_VARARGS, NULL},
  {"metadata", (PyCFunction)model_metadata, METH_VARARGS, NULL},
  {"metadata_json", (PyCFunction)model_metadata_json, METH_NOARGS, NULL},
  {"files", (PyCFunction)model_files, METH_NOARGS, NULL},
  {"file", (PyCFunction)model_file, METH_VARARGS, NULL},
  {"unsupported", (PyCFunction)model_unsupported, METH_NOARGS, NULL},
  {NULL},
};

static PyType_Slot slots[] = {
  {Py_tp_dealloc, model_dealloc},
  {Py_tp_methods, methods},
  {Py_tp_doc, "A model file, read and checked (unflow.Model is its face)."},
  {0, NULL},
};

PyType_Spec core_model_spec = {
  .name = "unflow._core.Model",
  .basicsize = sizeof(core_model),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
  .slots = slots,
};
