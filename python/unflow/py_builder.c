/* SPDX-License-Identifier: Apache-2.0
 *
 * py_builder.c: a graph made call by call (tf.Graph is its face).
 */
#include "_core.h"

#define MAX_ATTRS 16

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
  PyTypeObject *type = Py_TYPE(object);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  if (((core_builder *)object)->builder != NULL)
    uf_builder_release(((core_builder *)object)->builder);
  release(object);
  Py_DECREF(type);
}

/* What the attributes of one node borrow from. */
typedef struct node_attrs {
  uf_attr attrs[MAX_ATTRS];
  core_input tensors[MAX_ATTRS];
  PyObject *texts[2 * MAX_ATTRS];
  int32_t n, n_texts;
} node_attrs;

static void attrs_drop(node_attrs *all) {
  for (int32_t i = 0; i < all->n_texts; i++) Py_DECREF(all->texts[i]);
  for (int32_t i = 0; i < all->n; i++) core_input_drop(&all->tensors[i]);
}

static const char *attr_text(node_attrs *all, PyObject *object) {
  PyObject *keep;
  const char *text = core_text_of(object, &keep);
  if (text != NULL) all->texts[all->n_texts++] = keep;
  return text;
}

/* One attribute, given as (kind, value). */
static bool attr_value(core_state *state, node_attrs *all, const char *kind, PyObject *value) {
  uf_attr *attr = &all->attrs[all->n];
  if (strcmp(kind, "int") == 0 || strcmp(kind, "bool") == 0) {
    attr->kind = kind[0] == 'i' ? UF_ATTR_INT : UF_ATTR_BOOL;
    attr->i = PyLong_AsLongLong(value);
  } else if (strcmp(kind, "float") == 0) {
    attr->kind = UF_ATTR_FLOAT;
    attr->f = PyFloat_AsDouble(value);
  } else if (strcmp(kind, "string") == 0) {
    attr->kind = UF_ATTR_STRING;
    attr->s = attr_text(all, value);
  } else if (strcmp(kind, "dtype") == 0) {
    const char *name = attr_text(all, value);
    attr->kind = UF_ATTR_DTYPE;
    attr->i = name == NULL ? UF_INVALID : uf_dtype_from_name(name);
  } else if (strcmp(kind, "shape") == 0) {
    attr->kind = UF_ATTR_SHAPE;
    attr->rank = value == Py_None ? -1 : core_dims_of(state, value, UF_MAX_RANK, attr->dims);
  } else if (strcmp(kind, "tensor") == 0) {
    attr->kind = UF_ATTR_TENSOR;
    if (!core_input_take(state, value, UF_INVALID, false, &all->tensors[all->n])) return false;
    attr->tensor = &all->tensors[all->n].tensor;
  } else {
    PyErr_Format(PyExc_TypeError, "no attribute kind '%s'", kind);
  }
  return !PyErr_Occurred();
}

static bool attrs_take(core_state *state, PyObject *dict, node_attrs *all) {
  PyObject *key, *item;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &item)) {
    const char *kind;
    PyObject *value;
    if (all->n == MAX_ATTRS) {
      PyErr_SetString(PyExc_ValueError, "a node has too many attributes");
      return false;
    }
    if (!PyArg_ParseTuple(item, "sO", &kind, &value)) return false;
    if ((all->attrs[all->n].name = attr_text(all, key)) == NULL) return false;
    bool ok = attr_value(state, all, kind, value);
    all->n++;
    if (!ok) return false;
  }
  return true;
}

static int32_t *ints_of(PyObject *sequence, int32_t *n_out) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0) return NULL;
  int32_t *out = PyMem_Malloc(n > 0 ? (size_t)n * sizeof(int32_t) : 1);
  if (out == NULL) return (int32_t *)PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    out[i] = item == NULL ? -1 : (int32_t)PyLong_AsLong(item);
    Py_XDECREF(item);
    if (PyErr_Occurred()) {
      PyMem_Free(out);
      return NULL;
    }
  }
  *n_out = (int32_t)n;
  return out;
}

/* add(op, name, inputs, controls, attrs): (node index, first output value or -1). */
static PyObject *builder_add(core_builder *self, PyObject *args) {
  const char *op, *name;
  PyObject *inputs_object, *controls_object, *dict, *result = NULL;
  if (!PyArg_ParseTuple(args, "ssOOO!", &op, &name, &inputs_object, &controls_object,
                        &PyDict_Type, &dict))
    return NULL;
  int32_t n_inputs = 0, n_controls = 0, node = -1, value = -1;
  int32_t *inputs = ints_of(inputs_object, &n_inputs);
  int32_t *controls = inputs == NULL ? NULL : ints_of(controls_object, &n_controls);
  node_attrs *all = PyMem_Calloc(1, sizeof(*all));
  if (controls != NULL && all != NULL && attrs_take(self->state, dict, all)) {
    CORE_ERROR(error);
    uf_status status = uf_builder_add(self->builder, op, name, inputs, n_inputs, controls,
                                      n_controls, all->attrs, all->n, &node, &value, &error);
    result = status == UF_OK ? Py_BuildValue("ii", node, value)
                             : core_raise(self->state, &error, CORE_ANY);
  } else if (all == NULL) {
    PyErr_NoMemory();
  }
  if (all != NULL) attrs_drop(all);
  PyMem_Free(all);
  PyMem_Free(inputs);
  PyMem_Free(controls);
  return result;
}

static PyObject *builder_model(core_builder *self, PyObject *unused) {
  CORE_ERROR(error);
  uf_model *model = NULL;
  if (uf_builder_model(self->builder, NULL, &model, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return core_model_wrap(self->state, model);
}

static PyMethodDef methods[] = {
  {"add", (PyCFunction)builder_add, METH_VARARGS, NULL},
  {"model", (PyCFunction)builder_model, METH_NOARGS, NULL},
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
