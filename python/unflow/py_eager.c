/* SPDX-License-Identifier: Apache-2.0
 *
 * py_eager.c: EagerTensor, a value that is there already.
 *
 * It owns a reference to memory that nobody writes any more, so rows are views
 * and handing a tensor to an op copies nothing. numpy() copies, as TensorFlow's
 * does. Handles of resources give the value behind them.
 *
 * What does not need to be quick (printing, slices, conversions of lists) is
 * Python: unflow._tensors adds it to the type.
 */
#include "py_eager.h"

#include <structmember.h> /* T_PYSSIZET */

static void tensor_dealloc(PyObject *object) {
  core_tensor *self = (core_tensor *)object;
  PyTypeObject *type = Py_TYPE(object);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  if (self->weak != NULL) PyObject_ClearWeakRefs(object);
  uf_tensor_release(&self->tensor);
  Py_XDECREF(self->shape);
  Py_XDECREF(self->dict);
  release(object);
  Py_DECREF(type);
}

bool core_is_eager(PyObject *object) {
  return PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) == (void *)tensor_dealloc;
}

PyObject *core_tensor_wrap(core_state *state, uf_tensor *tensor) {
  core_eager *eager = state->eager;
  core_tensor *self = (core_tensor *)eager->alloc(eager->eager_type, 0);
  if (self == NULL) {
    uf_tensor_release(tensor);
    return NULL;
  }
  self->state = state;
  self->tensor = *tensor;
  self->tensor.quant = NULL;
  return (PyObject *)self;
}

/* ---- dtypes and shapes ---- */

PyObject *core_dtype_object(core_state *state, uf_dtype dtype) {
  PyObject **known = &state->eager->dtypes[dtype];
  if (*known == NULL) {
    PyObject *module = PyImport_ImportModule("unflow._dtypes");
    if (module == NULL) return NULL;
    *known = PyObject_CallMethod(module, "by_name", "s", uf_dtype_name(dtype));
    Py_DECREF(module);
    if (*known != NULL && state->eager->dtype_class == NULL) {
      state->eager->dtype_class = (PyObject *)Py_TYPE(*known);
      Py_INCREF(state->eager->dtype_class);
    }
  }
  return *known;
}

uf_dtype core_dtype_of(core_state *state, PyObject *object) {
  PyObject *number = PyObject_GetAttrString(object, "as_datatype_enum");
  if (number == NULL) {
    PyErr_Clear();
    PyObject *module = PyImport_ImportModule("unflow._dtypes");
    if (module == NULL) return UF_INVALID;
    PyObject *dtype = PyObject_CallMethod(module, "as_dtype", "O", object);
    Py_DECREF(module);
    if (dtype == NULL) return UF_INVALID;
    number = PyObject_GetAttrString(dtype, "as_datatype_enum");
    Py_DECREF(dtype);
    if (number == NULL) return UF_INVALID;
  }
  uf_dtype dtype = uf_dtype_from_tf(PyLong_AsLong(number));
  Py_DECREF(number);
  if (dtype == UF_INVALID && !PyErr_Occurred())
    PyErr_Format(PyExc_TypeError, "expected a dtype, found %R", object);
  return dtype;
}

static PyObject *get_dtype(core_tensor *self, void *unused) {
  PyObject *dtype = core_dtype_object(self->state, self->tensor.dtype);
  Py_XINCREF(dtype);
  return dtype;
}

static PyObject *shape_of(core_tensor *self) { /* borrowed */
  core_eager *eager = self->state->eager;
  if (self->shape == NULL) {
    if (eager->shape_class == NULL) {
      PyObject *module = PyImport_ImportModule("unflow._dtypes");
      if (module == NULL) return NULL;
      eager->shape_class = PyObject_GetAttrString(module, "TensorShape");
      Py_DECREF(module);
      if (eager->shape_class == NULL) return NULL;
    }
    PyObject *dims = core_shape_tuple(self->tensor.rank, self->tensor.dims);
    if (dims == NULL) return NULL;
    self->shape = PyObject_CallFunctionObjArgs(eager->shape_class, dims, NULL);
    Py_DECREF(dims);
  }
  return self->shape;
}

static PyObject *get_shape(core_tensor *self, void *unused) {
  PyObject *shape = shape_of(self);
  Py_XINCREF(shape);
  return shape;
}

static PyObject *shape_method(core_tensor *self, PyObject *unused) {
  return get_shape(self, NULL);
}

static PyObject *get_ndim(core_tensor *self, void *unused) {
  return PyLong_FromLong(self->tensor.rank);
}

/* ---- values ---- */

/* The tensor's value, retained: of a handle what it stands for. */
static bool value_of(core_tensor *self, uf_tensor *out) {
  if (self->tensor.dtype == UF_RESOURCE) {
    CORE_ERROR(error);
    if (!core_eager_enter(self->state)) return false;
    uf_status status = uf_context_read(self->state->eager->context, &self->tensor, out, &error);
    core_eager_leave(self->state);
    if (status == UF_OK) return true;
    core_raise(self->state, &error, CORE_ANY);
    return false;
  }
  *out = self->tensor;
  uf_buf_retain(out->buf);
  return true;
}

static PyObject *array_of(core_tensor *self, int how) {
  uf_tensor value;
  return value_of(self, &value) ? core_array(self->state, &value, how) : NULL;
}

static PyObject *tensor_numpy(core_tensor *self, PyObject *unused) {
  PyObject *array = array_of(self, CORE_COPY);
  return array == NULL ? NULL : PyArray_Return((PyArrayObject *)array);
}

/* numpy_array(): the value as an array, also of rank 0; a read-only view where it can be. */
static PyObject *tensor_view(core_tensor *self, PyObject *unused) {
  return array_of(self, CORE_VIEW);
}

/* __array__(dtype=None, copy=None) */
static PyObject *tensor_array(core_tensor *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"dtype", "copy", NULL};
  PyObject *dtype = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", names, &dtype, &copy)) return NULL;
  PyObject *array = array_of(self, copy == Py_False ? CORE_VIEW : CORE_COPY);
  if (array == NULL || dtype == Py_None) return array;
  PyArray_Descr *descr = NULL;
  PyObject *result = NULL;
  if (PyArray_DescrConverter(dtype, &descr))
    result = PyArray_FromAny(array, descr, 0, 0, NPY_ARRAY_FORCECAST, NULL);
  Py_DECREF(array);
  return result;
}

/* value(): of a handle, the tensor behind it; of any other tensor itself. */
static PyObject *tensor_value(core_tensor *self, PyObject *unused) {
  if (self->tensor.dtype != UF_RESOURCE) {
    Py_INCREF(self);
    return (PyObject *)self;
  }
  uf_tensor value;
  return value_of(self, &value) ? core_tensor_wrap(self->state, &value) : NULL;
}

/* _alias(): another object for the same tensor. */
static PyObject *tensor_alias(core_tensor *self, PyObject *unused) {
  uf_tensor same = self->tensor;
  uf_buf_retain(same.buf);
  return core_tensor_wrap(self->state, &same);
}

static int tensor_bool(core_tensor *self) {
  const uf_tensor *t = &self->tensor;
  if (uf_tensor_count(t) == 1 && t->data != NULL) {
    if (t->dtype == UF_BOOL) return *(const uint8_t *)t->data != 0;
    if (t->dtype == UF_INT32) return *(const int32_t *)t->data != 0;
    if (t->dtype == UF_FLOAT32) return *(const float *)t->data != 0;
  }
  PyObject *array = array_of(self, CORE_VIEW);
  if (array == NULL) return -1;
  int truth = PyObject_IsTrue(array);
  Py_DECREF(array);
  return truth;
}

/* One element as NumPy's scalar; TypeError when there are more. */
static PyObject *one_element(core_tensor *self) {
  if (self->tensor.rank != 0) {
    PyErr_SetString(PyExc_TypeError, "only 0-dimensional arrays can be converted to Python scalars");
    return NULL;
  }
  PyObject *array = array_of(self, CORE_VIEW);
  PyObject *item = array == NULL ? NULL : PyObject_CallMethod(array, "item", NULL);
  Py_XDECREF(array);
  return item;
}

static PyObject *converted(core_tensor *self, PyObject *(*convert)(PyObject *)) {
  PyObject *item = one_element(self);
  PyObject *result = item == NULL ? NULL : convert(item);
  Py_XDECREF(item);
  return result;
}
static PyObject *tensor_int(core_tensor *self) { return converted(self, PyNumber_Long); }
static PyObject *tensor_float(core_tensor *self) { return converted(self, PyNumber_Float); }

static PyObject *tensor_index(core_tensor *self) {
  const uf_tensor *t = &self->tensor;
  bool integer = (t->dtype >= UF_INT8 && t->dtype <= UF_UINT64);
  if (!integer || t->rank != 0) {
    PyErr_SetString(PyExc_TypeError, "only integer scalar arrays can be converted to a scalar index");
    return NULL;
  }
  return converted(self, PyNumber_Index);
}

static Py_ssize_t tensor_length(core_tensor *self) {
  if (self->tensor.rank == 0) {
    PyErr_SetString(PyExc_TypeError, "Scalar tensor has no `len()`");
    return -1;
  }
  return (Py_ssize_t)self->tensor.dims[0];
}

/* Row i, a view. */
static PyObject *row(core_tensor *self, int64_t i) {
  const uf_tensor *t = &self->tensor;
  uf_tensor out = *t;
  out.rank = t->rank - 1;
  memmove(out.dims, t->dims + 1, (size_t)out.rank * sizeof(out.dims[0]));
  out.size = t->size / (size_t)t->dims[0];
  out.data = (char *)t->data + out.size * (size_t)i;
  uf_buf_retain(out.buf);
  return core_tensor_wrap(self->state, &out);
}

static PyObject *tensor_subscript(core_tensor *self, PyObject *key) {
  const uf_tensor *t = &self->tensor;
  if (PyLong_CheckExact(key) && t->rank > 0 && t->buf != NULL && uf_dtype_bits(t->dtype) >= 8) {
    long long i = PyLong_AsLongLong(key);
    if (i == -1 && PyErr_Occurred()) return NULL;
    if (i < 0) i += t->dims[0];
    if (i >= 0 && i < t->dims[0]) return row(self, i);
  }
  PyObject *module = PyImport_ImportModule("unflow._slicing");
  if (module == NULL) return NULL;
  PyObject *result = PyObject_CallMethod(module, "getitem", "OO", (PyObject *)self, key);
  Py_DECREF(module);
  return result;
}

static PyObject *get_data_id(core_tensor *self, void *unused) {
  return PyLong_FromVoidPtr(self->tensor.data);
}

static PyMethodDef methods[] = {
  {"numpy", (PyCFunction)tensor_numpy, METH_NOARGS,
   "numpy()\n\nA copy as a NumPy array; a NumPy scalar for rank 0, bytes for a string. Of a "
   "resource the value behind it."},
  {"numpy_array", (PyCFunction)tensor_view, METH_NOARGS,
   "numpy_array()\n\nThe value as an array, also for rank 0; read-only."},
  {"_alias", (PyCFunction)tensor_alias, METH_NOARGS, NULL},
  {"_value", (PyCFunction)tensor_value, METH_NOARGS, NULL},
  {"get_shape", (PyCFunction)shape_method, METH_NOARGS, "get_shape()\n\nIts shape."},
  {"__array__", (PyCFunction)(void (*)(void))tensor_array, METH_VARARGS | METH_KEYWORDS, NULL},
  {NULL},
};

static PyGetSetDef getset[] = {
  {"dtype", (getter)get_dtype, NULL, "Its tf.DType.", NULL},
  {"shape", (getter)get_shape, NULL, "Its tf.TensorShape.", NULL},
  {"ndim", (getter)get_ndim, NULL, "Number of dimensions.", NULL},
  {"_data", (getter)get_data_id, NULL, NULL, NULL},
  {NULL},
};

static PyMemberDef members[] = {
  {"__dictoffset__", T_PYSSIZET, offsetof(core_tensor, dict), READONLY, NULL},
  {"__weaklistoffset__", T_PYSSIZET, offsetof(core_tensor, weak), READONLY, NULL},
  {NULL},
};

static PyType_Slot slots[] = {
  {Py_tp_dealloc, tensor_dealloc},
  {Py_tp_methods, methods},
  {Py_tp_getset, getset},
  {Py_tp_members, members},
  {Py_nb_bool, tensor_bool},
  {Py_nb_int, tensor_int},
  {Py_nb_float, tensor_float},
  {Py_nb_index, tensor_index},
  {Py_mp_length, tensor_length},
  {Py_mp_subscript, tensor_subscript},
  {Py_tp_doc, "A value computed already. numpy() gives it."},
  {0, NULL},
};

PyType_Spec core_eager_spec = {
  .name = "unflow._core.EagerTensor",
  .basicsize = sizeof(core_tensor),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
  .slots = slots,
};

/* ---- from Python ---- */

static bool fits_int(long long v, uf_dtype dtype) {
  switch (dtype) {
    case UF_INT8: return v >= INT8_MIN && v <= INT8_MAX;
    case UF_INT16: return v >= INT16_MIN && v <= INT16_MAX;
    case UF_INT32: return v >= INT32_MIN && v <= INT32_MAX;
    case UF_INT64: return true;
    case UF_UINT8: return v >= 0 && v <= UINT8_MAX;
    case UF_UINT16: return v >= 0 && v <= UINT16_MAX;
    case UF_UINT32: return v >= 0 && v <= UINT32_MAX;
    case UF_UINT64: return v >= 0;
    default: return false;
  }
}

bool core_number(PyObject *value, uf_dtype dtype, void *out) {
  bool integer = PyLong_CheckExact(value);
  if (integer || PyFloat_CheckExact(value)) {
    if (dtype == UF_FLOAT32 || dtype == UF_FLOAT64) {
      double v = integer ? PyLong_AsDouble(value) : PyFloat_AsDouble(value);
      if (v == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return false;
      }
      if (dtype == UF_FLOAT32) *(float *)out = (float)v;
      else *(double *)out = v;
      return true;
    }
    if (!integer) return false;
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0 || !fits_int(v, dtype)) return false;
    memcpy(out, &v, (size_t)uf_dtype_bits(dtype) / 8); /* little-endian, as all that we run on */
    return true;
  }
  if (PyBool_Check(value) && dtype == UF_BOOL) {
    *(uint8_t *)out = value == Py_True;
    return true;
  }
  return false;
}

/* A scalar of a plain number; NULL without an exception: the value is something else. */
static PyObject *scalar_of(core_state *state, PyObject *value, uf_dtype want) {
  uf_dtype dtype = want != UF_INVALID ? want
                   : PyFloat_CheckExact(value) ? UF_FLOAT32
                   : PyLong_CheckExact(value) ? UF_INT32
                   : PyBool_Check(value) ? UF_BOOL : UF_INVALID;
  union { double d; int64_t i; } memory;
  if (dtype == UF_INVALID || !core_number(value, dtype, &memory)) return NULL;
  uf_tensor tensor = {.dtype = dtype, .size = (size_t)uf_dtype_bits(dtype) / 8};
  if ((tensor.buf = uf_buf_create(tensor.size)) == NULL) return PyErr_NoMemory();
  tensor.data = uf_buf_data(tensor.buf);
  memcpy(tensor.data, &memory, tensor.size);
  return core_tensor_wrap(state, &tensor);
}

/* A tensor of a flat list of plain ints or of plain floats; NULL as scalar_of. */
static PyObject *list_of(core_state *state, PyObject *value, uf_dtype want) {
  Py_ssize_t n = PySequence_Size(value);
  PyObject *first = n > 0 && n < 1024 ? PySequence_GetItem(value, 0) : NULL;
  if (first == NULL) return NULL;
  bool integer = PyLong_CheckExact(first), real = PyFloat_CheckExact(first);
  Py_DECREF(first);
  uf_dtype dtype = want != UF_INVALID ? want : integer ? UF_INT32 : UF_FLOAT32;
  if (!(integer || real) || dtype == UF_BOOL) return NULL;
  size_t each = (size_t)uf_dtype_bits(dtype) / 8;
  if (each == 0 || each > 8) return NULL;
  uf_tensor tensor = {.dtype = dtype, .rank = 1, .dims = {n}, .size = each * (size_t)n};
  if ((tensor.buf = uf_buf_create(tensor.size)) == NULL) return PyErr_NoMemory();
  tensor.data = uf_buf_data(tensor.buf);
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(value, i);
    bool fits = item != NULL && (integer ? PyLong_CheckExact(item) : PyFloat_CheckExact(item)) &&
                core_number(item, dtype, (char *)tensor.data + each * (size_t)i);
    Py_XDECREF(item);
    if (!fits) {
      uf_buf_release(tensor.buf);
      return NULL;
    }
  }
  return core_tensor_wrap(state, &tensor);
}

/* A copy of borrowed elements, of strings with their characters. */
static bool own(core_input *input, uf_tensor *out) {
  const uf_tensor *from = &input->tensor;
  size_t characters = 0;
  int64_t n = from->dtype == UF_STRING ? uf_tensor_count(from) : 0;
  const uf_string *texts = from->data;
  for (int64_t i = 0; i < n; i++) characters += texts[i].size;
  uf_buf *buf = uf_buf_create(from->size + characters > 0 ? from->size + characters : 1);
  if (buf == NULL) {
    PyErr_NoMemory();
    return false;
  }
  *out = *from;
  out->buf = buf;
  out->data = uf_buf_data(buf);
  out->quant = NULL;
  out->read_only = false;
  if (from->size > 0) memcpy(out->data, from->data, from->size);
  char *at = (char *)out->data + from->size;
  for (int64_t i = 0; i < n; i++) {
    if (texts[i].size > 0) memcpy(at, texts[i].data, texts[i].size);
    ((uf_string *)out->data)[i].data = at;
    at += texts[i].size;
  }
  return true;
}

PyObject *core_tensor_of(core_state *state, PyObject *value, uf_dtype want) {
  PyObject *scalar = scalar_of(state, value, want);
  if (scalar != NULL || PyErr_Occurred()) return scalar;
  core_input input;
  if (!core_input_take(state, value, want, true, &input)) return NULL;
  bool quantized = want == UF_QINT8 || want == UF_QUINT8 || want == UF_QINT16 ||
                   want == UF_QUINT16 || want == UF_QINT32;
  if (quantized && uf_dtype_bits(input.tensor.dtype) == uf_dtype_bits(want))
    input.tensor.dtype = want; /* qint8 is int8 in NumPy, and so on */
  if (want != UF_INVALID && input.tensor.dtype != want) {
    core_input_drop(&input);
    return PyErr_Format(PyExc_TypeError, "Cannot convert %R to EagerTensor of dtype %s", value,
                        uf_dtype_name(want));
  }
  uf_tensor tensor;
  bool ok = own(&input, &tensor);
  core_input_drop(&input);
  return ok ? core_tensor_wrap(state, &tensor) : NULL;
}

/* tensor(value, dtype=None): of a number or an array; lists are unflow._ops' matter. */
PyObject *core_tensor_make(PyObject *module, PyObject *args) {
  PyObject *value, *dtype = Py_None;
  if (!PyArg_ParseTuple(args, "O|O", &value, &dtype)) return NULL;
  core_state *state = core_state_of(module);
  uf_dtype want = dtype == Py_None ? UF_INVALID : core_dtype_of(state, dtype);
  if (want == UF_INVALID && dtype != Py_None) return NULL;
  return core_tensor_of(state, value, want);
}

/* quick(value, dtype or None): a tensor of what is frequent and plain; None: something else. */
PyObject *core_tensor_quick(PyObject *module, PyObject *const *args, Py_ssize_t n) {
  core_state *state = core_state_of(module);
  if (n != 2) {
    PyErr_SetString(PyExc_TypeError, "expected quick(value, dtype)");
    return NULL;
  }
  uf_dtype want = args[1] == Py_None ? UF_INVALID : core_dtype_of(state, args[1]);
  if (want == UF_INVALID && args[1] != Py_None) return NULL;
  PyObject *value = args[0], *result = NULL;
  if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
    result = list_of(state, value, want);
  } else if (PyArray_CheckExact(value)) {
    int type = PyArray_TYPE((PyArrayObject *)value);
    if (type >= NPY_BOOL && type <= NPY_CDOUBLE && type != NPY_LONGDOUBLE) {
      core_input input;
      uf_tensor tensor;
      if (!core_input_take(state, value, UF_INVALID, false, &input)) return NULL;
      bool fits = want == UF_INVALID || input.tensor.dtype == want;
      bool ok = fits && own(&input, &tensor);
      core_input_drop(&input);
      if (ok) return core_tensor_wrap(state, &tensor);
    }
  } else {
    result = scalar_of(state, value, want);
  }
  if (result != NULL || PyErr_Occurred()) return result;
  Py_RETURN_NONE;
}
