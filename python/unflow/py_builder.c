/* SPDX-License-Identifier: Apache-2.0
 *
 * py_builder.c: a graph made call by call or read from a file (tf.Graph is its
 * face). Nodes, values and functions are numbers here.
 */
#define PY_SSIZE_T_CLEAN
#include "py_eager.h"

static PyObject *builder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *object = PyType_GenericNew(type, args, kwargs);
  if (object == NULL) return NULL;
  core_builder *self = (core_builder *)object;
  self->state = PyType_GetModuleState(type); /* the type is not subclassed */
  self->builder = uf_builder_create();
  if (self->state != NULL && self->builder != NULL) return object;
  Py_DECREF(object);
  return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

static void builder_dealloc(PyObject *object) {
  core_builder *self = (core_builder *)object;
  PyTypeObject *type = Py_TYPE(object);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  if (self->builder != NULL && self->owner == NULL) uf_builder_release(self->builder);
  Py_XDECREF(self->owner);
  release(object);
  Py_DECREF(type);
}

/* The body of a function: it lives as long as the builder that owns it. */
static PyObject *borrowed_builder(core_builder *owner, uf_builder *builder) {
  core_builder *self = (core_builder *)PyType_GenericNew(owner->state->builder_type, NULL, NULL);
  if (self == NULL) return NULL;
  self->state = owner->state;
  self->builder = builder;
  Py_INCREF(owner);
  self->owner = (PyObject *)owner;
  return (PyObject *)self;
}

/* ---- sequences ---- */

static int32_t *ints_of(PyObject *sequence, int32_t *n_out) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0) return NULL;
  int32_t *out = PyMem_Malloc(n > 0 ? (size_t)n * sizeof(int32_t) : 1);
  if (out == NULL) return (int32_t *)PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    bool ok = item != NULL && core_index(item, &out[i]);
    Py_XDECREF(item);
    if (!ok) {
      PyMem_Free(out);
      return NULL;
    }
  }
  *n_out = (int32_t)n;
  return out;
}

static PyObject *ints_tuple(const int32_t *values, int32_t n) {
  PyObject *tuple = PyTuple_New(n);
  for (int32_t i = 0; tuple != NULL && i < n; i++) {
    PyObject *item = PyLong_FromLong(values[i]);
    if (item == NULL || PyTuple_SetItem(tuple, i, item) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

/* Text of a list of str; the objects are kept alive by *keep_out. */
static const char **texts_of(PyObject *sequence, int32_t *n_out, PyObject **keep_out) {
  Py_ssize_t n = PySequence_Size(sequence);
  const char **texts = n < 0 ? NULL : PyMem_Calloc((size_t)n + 1, sizeof(*texts));
  PyObject *keep = texts == NULL ? NULL : PyList_New(0);
  bool ok = keep != NULL;
  for (Py_ssize_t i = 0; ok && i < n; i++) {
    PyObject *item = PySequence_GetItem(sequence, i), *bytes = NULL;
    ok = item != NULL && (texts[i] = core_text_of(item, &bytes)) != NULL &&
         PyList_Append(keep, bytes) == 0;
    Py_XDECREF(bytes);
    Py_XDECREF(item);
  }
  *keep_out = keep;
  *n_out = (int32_t)n;
  if (ok) return texts;
  if (!PyErr_Occurred()) PyErr_NoMemory();
  PyMem_Free(texts);
  Py_CLEAR(*keep_out);
  return NULL;
}

/* ---- adding ---- */

/* add(op, name, inputs, controls, attrs): (node index, first output value or -1). */
static PyObject *builder_add(core_builder *self, PyObject *args) {
  const char *op, *name;
  PyObject *inputs_object, *controls_object, *dict, *result = NULL;
  if (!PyArg_ParseTuple(args, "ssOOO!", &op, &name, &inputs_object, &controls_object,
                        &PyDict_Type, &dict))
    return NULL;
  if (self->state->eager->dtype_class == NULL && core_dtype_object(self->state, UF_FLOAT32) == NULL)
    return NULL;
  int32_t n_inputs = 0, n_controls = 0, node = -1, value = -1;
  int32_t *inputs = ints_of(inputs_object, &n_inputs);
  int32_t *controls = inputs == NULL ? NULL : ints_of(controls_object, &n_controls);
  core_attrs *all = PyMem_Calloc(1, sizeof(*all));
  if (controls != NULL && all != NULL && core_attrs_take(self->state, op, dict, all)) {
    CORE_ERROR(error);
    uf_status status = uf_builder_add(self->builder, op, name, inputs, n_inputs, controls,
                                      n_controls, all->attrs, all->n, &node, &value, &error);
    result = status == UF_OK ? Py_BuildValue("ii", node, value)
                             : core_raise(self->state, &error, CORE_ANY);
  } else if (all == NULL) {
    PyErr_NoMemory();
  }
  if (all != NULL) core_attrs_drop(all);
  PyMem_Free(all);
  PyMem_Free(inputs);
  PyMem_Free(controls);
  return result;
}

/* set_input(node, i, value) */
static PyObject *builder_set_input(core_builder *self, PyObject *args) {
  int32_t node, i, value;
  if (!PyArg_ParseTuple(args, "O&O&O&", core_index, &node, core_index, &i, core_index, &value))
    return NULL;
  CORE_ERROR(error);
  if (uf_builder_set_input(self->builder, node, i, value, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* load(bytes, prefix, names, values): adds a GraphDef. */
static PyObject *builder_load(core_builder *self, PyObject *args) {
  const char *bytes, *prefix;
  Py_ssize_t size;
  PyObject *names_object, *values_object, *keep = NULL;
  if (!PyArg_ParseTuple(args, "y#sOO", &bytes, &size, &prefix, &names_object, &values_object))
    return NULL;
  int32_t n_names = 0, n_values = 0;
  const char **names = texts_of(names_object, &n_names, &keep);
  int32_t *values = names == NULL ? NULL : ints_of(values_object, &n_values);
  CORE_ERROR(error);
  uf_status status = UF_OK;
  if (values != NULL) {
    uf_import_options options = {.struct_size = sizeof(options), .prefix = prefix,
                                 .map_names = names, .map_values = values,
                                 .n_map = n_names < n_values ? n_names : n_values};
    status = uf_builder_import(self->builder, bytes, (size_t)size, &options, &error);
  }
  bool ok = values != NULL;
  PyMem_Free(names);
  PyMem_Free(values);
  Py_XDECREF(keep);
  if (!ok) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* ---- what is there ---- */

static PyObject *builder_count(core_builder *self, PyObject *unused) {
  return PyLong_FromLong(uf_builder_count(self->builder));
}

static PyObject *builder_find(core_builder *self, PyObject *args) {
  const char *name;
  if (!PyArg_ParseTuple(args, "s", &name)) return NULL;
  return PyLong_FromLong(uf_builder_find(self->builder, name));
}

/* node(i): (op, name, device, inputs, controls, first value, outputs, runs) */
static PyObject *builder_node(core_builder *self, PyObject *args) {
  int32_t i;
  uf_built_node node;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  if (uf_builder_node(self->builder, i, &node, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NNNNNiiN", core_text(node.op), core_text(node.name),
                       core_text(node.device ? node.device : ""),
                       ints_tuple(node.inputs, node.n_inputs),
                       ints_tuple(node.controls, node.n_controls), node.first_value,
                       node.n_outputs, PyBool_FromLong(node.runs));
}

static PyObject *bytes_of(const uf_string *text) {
  return PyBytes_FromStringAndSize(text->data, (Py_ssize_t)text->size);
}

static PyObject *list_attr(const uf_attr *attr) {
  PyObject *list = PyList_New(attr->n);
  for (int32_t i = 0; list != NULL && i < attr->n; i++) {
    PyObject *item = NULL;
    switch (attr->kind) {
      case UF_ATTR_INTS: item = PyLong_FromLongLong(attr->ints[i]); break;
      case UF_ATTR_BOOLS: item = PyBool_FromLong(attr->ints[i] != 0); break;
      case UF_ATTR_DTYPES: item = core_text(uf_dtype_name((uf_dtype)attr->ints[i])); break;
      case UF_ATTR_FLOATS: item = PyFloat_FromDouble(attr->floats[i]); break;
      case UF_ATTR_SHAPES:
        item = core_shape_tuple(attr->shapes[i].rank, attr->shapes[i].dims);
        break;
      default: item = bytes_of(&attr->strings[i]); break;
    }
    if (item == NULL || PyList_SetItem(list, i, item) < 0) Py_CLEAR(list);
  }
  return list;
}

static PyObject *attr_object(core_builder *self, const uf_attr *attr) {
  static const char *const kinds[] = {
    [UF_ATTR_INT] = "int", [UF_ATTR_FLOAT] = "float", [UF_ATTR_BOOL] = "bool",
    [UF_ATTR_STRING] = "string", [UF_ATTR_DTYPE] = "type", [UF_ATTR_SHAPE] = "shape",
    [UF_ATTR_TENSOR] = "tensor", [UF_ATTR_FUNC] = "func", [UF_ATTR_INTS] = "int[]",
    [UF_ATTR_FLOATS] = "float[]", [UF_ATTR_BOOLS] = "bool[]", [UF_ATTR_STRINGS] = "string[]",
    [UF_ATTR_DTYPES] = "type[]", [UF_ATTR_SHAPES] = "shape[]", [UF_ATTR_FUNCS] = "func[]"};
  PyObject *value = NULL;
  uf_tensor tensor;
  switch (attr->kind) {
    case UF_ATTR_INT: value = PyLong_FromLongLong(attr->i); break;
    case UF_ATTR_BOOL: value = PyBool_FromLong(attr->i != 0); break;
    case UF_ATTR_FLOAT: value = PyFloat_FromDouble(attr->f); break;
    case UF_ATTR_STRING:
    case UF_ATTR_FUNC:
      value = PyBytes_FromStringAndSize(
          attr->s, (Py_ssize_t)(attr->s == NULL ? 0 : attr->s_size ? attr->s_size : strlen(attr->s)));
      break;
    case UF_ATTR_DTYPE: value = core_text(uf_dtype_name((uf_dtype)attr->i)); break;
    case UF_ATTR_SHAPE: value = core_shape_tuple(attr->rank, attr->dims); break;
    case UF_ATTR_TENSOR:
      tensor = *attr->tensor;
      if (tensor.buf != NULL) tensor.buf = uf_buf_retain(tensor.buf);
      value = core_array(self->state, &tensor, tensor.buf != NULL ? CORE_VIEW : CORE_COPY);
      break;
    default: value = list_attr(attr); break;
  }
  return value == NULL ? NULL : Py_BuildValue("sN", kinds[attr->kind], value);
}

/* attrs(node): {name: (kind, value)} of all attributes, defaults too */
static PyObject *builder_attrs(core_builder *self, PyObject *args) {
  int32_t i;
  uf_built_node node;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  if (uf_builder_node(self->builder, i, &node, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  PyObject *dict = PyDict_New();
  for (int32_t j = 0; dict != NULL && j < node.n_attrs; j++) {
    PyObject *value = attr_object(self, &node.attrs[j]);
    if (value == NULL || PyDict_SetItemString(dict, node.attrs[j].name, value) < 0) Py_CLEAR(dict);
    Py_XDECREF(value);
  }
  return dict;
}

/* value(i): (node, which output, dtype, is a reference, shape or None, with -1 for unknown) */
static PyObject *builder_value(core_builder *self, PyObject *args) {
  int32_t i;
  uf_built_value value;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  CORE_ERROR(error);
  if (uf_builder_value(self->builder, i, &value, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("iisNN", value.node, value.at, uf_dtype_name(value.dtype),
                       PyBool_FromLong(value.is_ref),
                       core_shape_tuple(value.shape.rank, value.shape.dims));
}

/* set_shape(value, shape) */
static PyObject *builder_set_shape(core_builder *self, PyObject *args) {
  int32_t i;
  PyObject *dims;
  uf_shape shape;
  if (!PyArg_ParseTuple(args, "O&O", core_index, &i, &dims)) return NULL;
  shape.rank = dims == Py_None ? -1 : core_dims_of(self->state, dims, UF_MAX_RANK, shape.dims);
  if (PyErr_Occurred()) return NULL;
  CORE_ERROR(error);
  if (uf_builder_set_shape(self->builder, i, &shape, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* ---- functions ---- */

/* add_function(name, body, inputs, outputs, effects): the body belongs to this builder then. */
static PyObject *builder_add_function(core_builder *self, PyObject *args) {
  const char *name;
  PyObject *body_object, *objects[3];
  if (!PyArg_ParseTuple(args, "sO!OOO", &name, self->state->builder_type, &body_object, &objects[0],
                        &objects[1], &objects[2]))
    return NULL;
  core_builder *body = (core_builder *)body_object;
  if (body->owner != NULL || body == self) {
    PyErr_SetString(PyExc_ValueError, "the body belongs to a function already");
    return NULL;
  }
  int32_t *lists[3] = {NULL, NULL, NULL}, n[3] = {0, 0, 0};
  bool ok = true;
  for (int i = 0; ok && i < 3; i++) ok = (lists[i] = ints_of(objects[i], &n[i])) != NULL;
  CORE_ERROR(error);
  uf_status status = UF_OK;
  if (ok) {
    uf_function_info info = {
        .struct_size = sizeof(info), .inputs = lists[0], .n_inputs = n[0], .outputs = lists[1],
        .n_outputs = n[1], .effects = lists[2], .n_effects = n[2]};
    status = uf_builder_add_function(self->builder, name, body->builder, &info, &error);
    if (status == UF_OK) {
      Py_INCREF(self);
      body->owner = (PyObject *)self;
    }
  }
  for (int i = 0; i < 3; i++) PyMem_Free(lists[i]);
  if (!ok) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

static PyObject *builder_find_function(core_builder *self, PyObject *args) {
  const char *name;
  if (!PyArg_ParseTuple(args, "s", &name)) return NULL;
  return PyLong_FromLong(uf_builder_find_function(self->builder, name));
}

/* function(i): (name, body, inputs, outputs, effects) */
static PyObject *builder_function(core_builder *self, PyObject *args) {
  int32_t i;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i)) return NULL;
  const char *name;
  uf_builder *body;
  uf_function_info info = {.struct_size = sizeof(info)};
  CORE_ERROR(error);
  if (uf_builder_get_function(self->builder, i, &name, &body, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NNNNN", core_text(name), borrowed_builder(self, body),
                       ints_tuple(info.inputs, info.n_inputs),
                       ints_tuple(info.outputs, info.n_outputs),
                       ints_tuple(info.effects, info.n_effects));
}

/* ---- models ---- */

/* model(feeds, fetches, targets), or model(): all nodes, no inputs */
static PyObject *builder_model(core_builder *self, PyObject *args) {
  PyObject *objects[3] = {NULL, NULL, NULL};
  if (!PyArg_ParseTuple(args, "|OOO", &objects[0], &objects[1], &objects[2])) return NULL;
  int32_t *lists[3] = {NULL, NULL, NULL}, n[3] = {0, 0, 0};
  bool ok = true;
  for (int i = 0; ok && i < 3 && objects[2] != NULL; i++)
    ok = (lists[i] = ints_of(objects[i], &n[i])) != NULL;
  CORE_ERROR(error);
  uf_model *model = NULL;
  uf_status status = UF_OK;
  if (ok) {
    uf_prune what = {.struct_size = sizeof(what), .feeds = lists[0], .n_feeds = n[0],
                     .fetches = lists[1], .n_fetches = n[1], .targets = lists[2],
                     .n_targets = n[2]};
    status = uf_builder_model(self->builder, objects[2] != NULL ? &what : NULL, &model, &error);
  }
  for (int i = 0; i < 3; i++) PyMem_Free(lists[i]);
  if (!ok) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return core_model_wrap(self->state, model);
}

static PyMethodDef methods[] = {
  {"add", (PyCFunction)builder_add, METH_VARARGS, NULL},
  {"set_input", (PyCFunction)builder_set_input, METH_VARARGS, NULL},
  {"load", (PyCFunction)builder_load, METH_VARARGS, NULL},
  {"count", (PyCFunction)builder_count, METH_NOARGS, NULL},
  {"find", (PyCFunction)builder_find, METH_VARARGS, NULL},
  {"node", (PyCFunction)builder_node, METH_VARARGS, NULL},
  {"attrs", (PyCFunction)builder_attrs, METH_VARARGS, NULL},
  {"value", (PyCFunction)builder_value, METH_VARARGS, NULL},
  {"set_shape", (PyCFunction)builder_set_shape, METH_VARARGS, NULL},
  {"add_function", (PyCFunction)builder_add_function, METH_VARARGS, NULL},
  {"find_function", (PyCFunction)builder_find_function, METH_VARARGS, NULL},
  {"function", (PyCFunction)builder_function, METH_VARARGS, NULL},
  {"model", (PyCFunction)builder_model, METH_VARARGS, NULL},
  {NULL},
};

static PyType_Slot slots[] = {
  {Py_tp_new, builder_new},
  {Py_tp_dealloc, builder_dealloc},
  {Py_tp_methods, methods},
  {Py_tp_doc, "A graph made call by call, with TensorFlow's op names and attributes."},
  {0, NULL},
};

PyType_Spec core_builder_spec = {
  .name = "unflow._core.Builder",
  .basicsize = sizeof(core_builder),
  .flags = Py_TPFLAGS_DEFAULT,
  .slots = slots,
};
