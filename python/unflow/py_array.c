/* SPDX-License-Identifier: Apache-2.0
 *
 * py_array.c: uf_tensor to NumPy array.
 *
 * Out: a view's base is a capsule that holds the tensor's uf_buf, so an array
 * stays valid whatever happens to session and model. What each dtype becomes is
 * a row of the table in unflow.h: where NumPy has no dtype of its own, ml_dtypes
 * has (looked for once, at the first need); without it bfloat16 and float8 come
 * as float32, which loses nothing, and packed integers as int8 or uint8. Bits
 * come only when CORE_RAW asks for them. Strings are object arrays of bytes.
 *
 * In (a value of Python as a tensor): py_input.c.
 */
#include "_core.h"

/* ---- dtypes ---- */

/* The row of the table in unflow.h, as NumPy's type numbers. */
bool core_dtypes_set_up(core_state *state) {
  for (int i = 0; i < UF_DTYPE_COUNT; i++) {
    const char *name = uf_dtype_numpy((uf_dtype)i, &state->in_ml[i]);
    PyObject *text = PyUnicode_FromString(name[0] != 0 ? name : "object");
    PyArray_Descr *descr = NULL;
    bool ok = text != NULL && PyArray_DescrConverter(text, &descr);
    Py_XDECREF(text);
    if (!ok) return false;
    state->npy_type[i] = descr->type_num;
    Py_DECREF(descr);
  }
  return true;
}

/* An array of it is the tensor's bytes, whatever is installed. */
static bool is_numpys(const core_state *state, uf_dtype dtype) {
  return !state->in_ml[dtype] && state->npy_type[dtype] != NPY_OBJECT;
}

/* Below eight bits; float4 has a code a byte in ml_dtypes. */
static bool is_packed(uf_dtype dtype) { return uf_dtype_bits(dtype) > 0 && uf_dtype_bits(dtype) < 8; }

static bool is_small_float(const core_state *state, uf_dtype dtype) {
  return state->in_ml[dtype] && state->npy_type[dtype] == NPY_FLOAT32 && !is_packed(dtype);
}

static void load_ml_dtypes(core_state *state) {
  state->ml_asked = true;
  PyObject *module = PyImport_ImportModule("ml_dtypes");
  for (int i = 0; module != NULL && i < UF_DTYPE_COUNT; i++) {
    if (!state->in_ml[i]) continue;
    PyObject *scalar = PyObject_GetAttrString(module, uf_dtype_name((uf_dtype)i));
    if (scalar == NULL || !PyArray_DescrConverter(scalar, &state->ml_descr[i]))
      PyErr_Clear(); /* an older ml_dtypes without this one */
    Py_XDECREF(scalar);
  }
  Py_XDECREF(module);
  PyErr_Clear();
}

/* Borrowed; NULL: ml_dtypes is not there. */
static PyArray_Descr *ml_descr(core_state *state, uf_dtype dtype) {
  if (!state->ml_asked) load_ml_dtypes(state);
  return state->ml_descr[dtype];
}

bool core_has_ml(core_state *state, uf_dtype dtype) { return ml_descr(state, dtype) != NULL; }

PyArray_Descr *core_descr(core_state *state, uf_dtype dtype, int how) {
  bool as_integers = (how & CORE_LITE) && is_packed(dtype) && state->npy_type[dtype] != NPY_FLOAT32;
  PyArray_Descr *descr = state->in_ml[dtype] && !as_integers ? ml_descr(state, dtype) : NULL;
  if (descr == NULL) return PyArray_DescrFromType(state->npy_type[dtype]);
  Py_INCREF(descr);
  return descr;
}

/* ---- tensor to array ---- */

static void shape_of(const uf_tensor *tensor, npy_intp dims[UF_MAX_RANK]) {
  for (int32_t i = 0; i < tensor->rank; i++) dims[i] = (npy_intp)tensor->dims[i];
}

static void copy_bytes(void *to, const void *from, size_t size) {
  if (size > CORE_BIG) {
    Py_BEGIN_ALLOW_THREADS
    memcpy(to, from, size);
    Py_END_ALLOW_THREADS
  } else if (size > 0) {
    memcpy(to, from, size);
  }
}

/* A new array whose bytes are those of the tensor. Takes descr over. */
static PyObject *copied(core_state *state, const uf_tensor *tensor, PyArray_Descr *descr) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, tensor->rank, dims, NULL, NULL, 0,
                                         NULL);
  if (array == NULL) return NULL;
  if ((size_t)PyArray_NBYTES((PyArrayObject *)array) != tensor->size) {
    Py_DECREF(array);
    return core_fail(state, UF_INTERNAL, "expected a tensor of %zu bytes for its shape, found %zu",
                     (size_t)PyArray_NBYTES((PyArrayObject *)array), tensor->size);
  }
  copy_bytes(PyArray_DATA((PyArrayObject *)array), tensor->data, tensor->size);
  return array;
}

static void release_capsule(PyObject *capsule) {
  uf_buf_release(PyCapsule_GetPointer(capsule, "unflow.buf"));
}

/* An array over the tensor's own memory. Takes descr over. */
static PyObject *viewed(core_state *state, const uf_tensor *tensor, PyArray_Descr *descr,
                        bool writable) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  int flags = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | (writable ? NPY_ARRAY_WRITEABLE : 0);
  PyObject *base = PyCapsule_New(tensor->buf, "unflow.buf", NULL);
  if (base == NULL) {
    Py_DECREF(descr);
    return NULL;
  }
  PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, tensor->rank, dims, NULL,
                                         tensor->data, flags, NULL);
  if (array == NULL) {
    Py_DECREF(base);
    return NULL;
  }
  if ((size_t)PyArray_NBYTES((PyArrayObject *)array) != tensor->size) {
    Py_DECREF(base);
    Py_DECREF(array);
    return core_fail(state, UF_INTERNAL, "expected the bytes of the shape, found %zu bytes",
                     tensor->size);
  }
  uf_buf_retain(tensor->buf);
  PyCapsule_SetDestructor(base, release_capsule);
  PyArray_UpdateFlags((PyArrayObject *)array, NPY_ARRAY_ALIGNED); /* files align as they like */
  if (PyArray_SetBaseObject((PyArrayObject *)array, base) < 0) { /* takes base over, always */
    Py_DECREF(array);
    return NULL;
  }
  return array;
}

static PyObject *plain(core_state *state, const uf_tensor *tensor, PyArray_Descr *descr, int how) {
  bool own = (how & CORE_OWN) && !tensor->read_only && tensor->buf != NULL && tensor->size > 0;
  if (own) return viewed(state, tensor, descr, true);
  bool copy = (how & CORE_COPY) || tensor->buf == NULL || tensor->data == NULL || tensor->size == 0;
  return copy ? copied(state, tensor, descr) : viewed(state, tensor, descr, false);
}

static PyObject *strings(const uf_tensor *tensor) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  PyObject *array = PyArray_SimpleNew(tensor->rank, dims, NPY_OBJECT);
  if (array == NULL) return NULL;
  PyObject **to = PyArray_DATA((PyArrayObject *)array);
  const uf_string *from = tensor->data;
  int64_t n = (int64_t)PyArray_SIZE((PyArrayObject *)array);
  if (n > 0 && ((size_t)n > tensor->size / sizeof(uf_string))) n = 0;
  for (int64_t i = 0; i < n; i++) {
    PyObject *bytes = PyBytes_FromStringAndSize(from[i].data, (Py_ssize_t)from[i].size);
    if (bytes == NULL) {
      Py_DECREF(array);
      return NULL;
    }
    Py_XDECREF(to[i]); /* NumPy may fill with None */
    to[i] = bytes;
  }
  return array;
}

/* One byte for each packed element. */
static PyObject *unpacked(core_state *state, const uf_tensor *tensor, int how) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  PyArray_Descr *descr = core_descr(state, tensor->dtype, how);
  if (descr == NULL) return NULL;
  PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, tensor->rank, dims, NULL, NULL, 0,
                                         NULL);
  if (array == NULL) return NULL;
  CORE_ERROR(error);
  void *out = PyArray_DATA((PyArrayObject *)array);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_unpack(tensor, out, &error);
  Py_END_ALLOW_THREADS
  if (status == UF_OK) return array;
  Py_DECREF(array);
  return core_raise(state, &error, CORE_ANY);
}

/* Whether `value` can be given the float32 values of tensor. False: exception set. */
static bool can_take_float32(core_state *state, PyObject *value, const uf_tensor *tensor) {
  PyArrayObject *array = (PyArrayObject *)value;
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  if (!PyArray_Check(value) || PyArray_TYPE(array) != NPY_FLOAT32 || !PyArray_ISCARRAY(array) ||
      PyArray_NDIM(array) != tensor->rank || !PyArray_CompareLists(PyArray_DIMS(array), dims, tensor->rank)) {
    core_fail(state, UF_INVALID_ARGUMENT, "out: expected a writeable C-contiguous float32 array of the input's shape, found "
              "another; leave it out and a new one is made");
    return false;
  }
  uintptr_t a = (uintptr_t)PyArray_DATA(array), b = (uintptr_t)tensor->data;
  if (a < b + tensor->size && b < a + (uintptr_t)PyArray_NBYTES(array)) {
    core_fail(state, UF_INVALID_ARGUMENT, "out: expected memory apart from the input's, found memory that overlaps");
    return false;
  }
  return true;
}

/* float32 values; of the real numbers when quant is set in the tensor. given: the array to fill, or NULL. */
static PyObject *as_float32(core_state *state, const uf_tensor *tensor, PyObject *given) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(tensor, dims);
  if (given != NULL && !can_take_float32(state, given, tensor)) return NULL;
  PyObject *array = given != NULL ? Py_NewRef(given) : PyArray_SimpleNew(tensor->rank, dims, NPY_FLOAT32);
  if (array == NULL) return NULL;
  CORE_ERROR(error);
  float *out = PyArray_DATA((PyArrayObject *)array);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_dequantize(tensor, out, &error);
  Py_END_ALLOW_THREADS
  if (status == UF_OK) return array;
  Py_DECREF(array);
  return core_raise(state, &error, CORE_ANY);
}

static PyObject *small_float(core_state *state, const uf_tensor *tensor, int how) {
  PyArray_Descr *descr = ml_descr(state, tensor->dtype);
  if (descr != NULL) {
    Py_INCREF(descr);
    return plain(state, tensor, descr, how);
  }
  uf_tensor bare = *tensor;
  bare.quant = NULL;
  return as_float32(state, &bare, NULL);
}

/* The bits of what NumPy itself has no dtype for: of the tensor's shape where an element has whole
 * bytes, else all packed bytes in a row. */
static PyObject *bits_of(core_state *state, const uf_tensor *tensor, int how) {
  uf_tensor bits = *tensor;
  if (is_packed(tensor->dtype)) {
    bits.rank = 1;
    bits.dims[0] = (int64_t)tensor->size;
  }
  int type = uf_dtype_bits(tensor->dtype) == 16 ? NPY_UINT16 : NPY_UINT8;
  return plain(state, &bits, PyArray_DescrFromType(type), how);
}

PyObject *core_array(core_state *state, uf_tensor *tensor, int how) {
  PyObject *array;
  if (is_numpys(state, tensor->dtype)) {
    array = plain(state, tensor, PyArray_DescrFromType(state->npy_type[tensor->dtype]), how);
  } else if ((how & CORE_RAW) && state->in_ml[tensor->dtype]) {
    array = bits_of(state, tensor, how);
  } else if (tensor->dtype == UF_STRING) {
    array = strings(tensor);
  } else if (tensor->dtype == UF_FLOAT4_E2M1FN && ml_descr(state, tensor->dtype) == NULL) {
    array = as_float32(state, tensor, NULL);
  } else if (is_packed(tensor->dtype)) {
    array = unpacked(state, tensor, how);
  } else if (is_small_float(state, tensor->dtype)) {
    array = small_float(state, tensor, how);
  } else {
    array = core_fail(state, UF_UNIMPLEMENTED,
                      "expected a tensor with a value, found one of dtype %s, which has no NumPy "
                      "form yet",
                      uf_dtype_name(tensor->dtype));
  }
  uf_tensor_release(tensor);
  return array;
}

PyObject *core_array_live(core_state *state, uf_tensor *tensor) {
  PyObject *array;
  if (!is_numpys(state, tensor->dtype) && !(is_small_float(state, tensor->dtype) &&
                                            ml_descr(state, tensor->dtype) != NULL)) {
    array = core_fail(state, UF_UNIMPLEMENTED,
                      "expected a dtype that NumPy can write in place, found %s; use set_tensor",
                      uf_dtype_name(tensor->dtype));
  } else if (tensor->buf == NULL || tensor->data == NULL || tensor->size == 0) {
    array = copied(state, tensor, core_descr(state, tensor->dtype, 0));
  } else {
    array = viewed(state, tensor, core_descr(state, tensor->dtype, 0), !tensor->read_only);
  }
  uf_tensor_release(tensor);
  return array;
}

PyObject *core_array_zeros(core_state *state, const uf_tensor *shape) {
  npy_intp dims[UF_MAX_RANK];
  shape_of(shape, dims);
  PyArray_Descr *descr = core_descr(state, shape->dtype, CORE_LITE);
  if (descr == NULL) return NULL;
  PyObject *array = PyArray_Zeros(shape->rank, dims, descr, 0); /* takes descr over */
  if (array == NULL || shape->dtype != UF_STRING) return array;
  PyObject **to = PyArray_DATA((PyArrayObject *)array);
  for (npy_intp i = 0, n = PyArray_SIZE((PyArrayObject *)array); i < n; i++) {
    PyObject *empty = PyBytes_FromStringAndSize("", 0);
    Py_XDECREF(to[i]);
    to[i] = empty;
  }
  return array;
}

/* ---- small things ---- */

PyObject *core_int32_array(const int32_t *values, int64_t n) {
  npy_intp size = (npy_intp)n;
  PyObject *array = PyArray_SimpleNew(1, &size, NPY_INT32);
  if (array != NULL && n > 0)
    memcpy(PyArray_DATA((PyArrayObject *)array), values, (size_t)n * sizeof(int32_t));
  return array;
}

PyObject *core_shape_tuple(int32_t rank, const int64_t *dims) {
  if (rank < 0) Py_RETURN_NONE;
  PyObject *tuple = PyTuple_New(rank);
  for (int32_t i = 0; tuple != NULL && i < rank; i++) {
    PyObject *dim = PyLong_FromLongLong(dims[i]);
    if (dim == NULL || PyTuple_SetItem(tuple, i, dim) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

bool core_same_shape(const uf_tensor *a, const uf_tensor *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

/* "(2, 3)" into out. */
static void shape_text(const uf_tensor *tensor, char *out, size_t size) {
  size_t at = 0;
  const char *end = tensor->rank == 1 ? ",)" : ")";
  out[0] = 0;
  for (int32_t i = 0; i < tensor->rank && at + 24 < size; i++)
    at += (size_t)PyOS_snprintf(out + at, size - at, "%s%lld", i == 0 ? "(" : ", ",
                                (long long)tensor->dims[i]);
  PyOS_snprintf(out + at, size - at, "%s", tensor->rank == 0 ? "()" : end);
}

void core_shape_error(uf_error *error, const char *name, const uf_tensor *now,
                      const uf_tensor *found) {
  char want[200], have[200];
  shape_text(now, want, sizeof(want));
  shape_text(found, have, sizeof(have));
  error->status = UF_INVALID_ARGUMENT;
  PyOS_snprintf(error->message, sizeof(error->message),
                "variable '%s': expected shape %s, found %s; assign(value, resize=True) gives it "
                "another",
                name, want, have);
}

PyObject *core_quant_tuple(const uf_quant *quant) {
  if (quant == NULL || quant->count == 0) Py_RETURN_NONE;
  npy_intp n = (npy_intp)quant->count;
  PyObject *scales = PyArray_SimpleNew(1, &n, NPY_FLOAT32);
  PyObject *zero_points = PyArray_SimpleNew(1, &n, NPY_INT64);
  if (scales == NULL || zero_points == NULL) {
    Py_XDECREF(scales);
    Py_XDECREF(zero_points);
    return NULL;
  }
  memcpy(PyArray_DATA((PyArrayObject *)scales), quant->scales, (size_t)n * sizeof(float));
  memcpy(PyArray_DATA((PyArrayObject *)zero_points), quant->zero_points,
         (size_t)n * sizeof(int64_t));
  return Py_BuildValue("NNii", scales, zero_points, quant->axis, quant->block_size);
}

/* np_dtype(name): the NumPy dtype that arrays of a uf_dtype have. */
PyObject *core_np_dtype(PyObject *module, PyObject *args) {
  const char *name;
  if (!PyArg_ParseTuple(args, "s", &name)) return NULL;
  uf_dtype dtype = uf_dtype_from_name(name);
  if (dtype == UF_INVALID)
    return core_fail(core_state_of(module), UF_INVALID_ARGUMENT,
                     "expected the name of a dtype, found '%s'", name);
  return (PyObject *)core_descr(core_state_of(module), dtype, 0);
}

/* dtypes(): the rows of the table in unflow.h. */
PyObject *core_dtypes(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  PyObject *list = PyList_New(0);
  for (int i = UF_INVALID + 1; list != NULL && i < UF_DTYPE_COUNT; i++) {
    uf_dtype dtype = (uf_dtype)i;
    bool in_ml;
    const char *numpy = uf_dtype_numpy(dtype, &in_ml);
    PyObject *row = Py_BuildValue("(siiisO)", uf_dtype_name(dtype), uf_dtype_bits(dtype), (int)uf_dtype_tflite(dtype),
                                  (int)uf_dtype_tf(dtype), numpy, in_ml ? Py_True : Py_False);
    if (row == NULL || PyList_Append(list, row) < 0) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

/* dequantize(array, dtype or None, scales, zero_points, axis, block_size, out or None). */
PyObject *core_dequantize(PyObject *module, PyObject *args) {
  core_state *state = core_state_of(module);
  PyObject *value, *scales_value, *zeros_value, *out, *result = NULL;
  const char *name;
  int axis, block_size;
  if (!PyArg_ParseTuple(args, "OzOOiiO", &value, &name, &scales_value, &zeros_value, &axis,
                        &block_size, &out))
    return NULL;
  uf_dtype want = name == NULL ? UF_INVALID : uf_dtype_from_name(name);
  PyArrayObject *scales = (PyArrayObject *)PyArray_ContiguousFromAny(scales_value, NPY_FLOAT32, 1,
                                                                    1);
  PyArrayObject *zeros = (PyArrayObject *)PyArray_ContiguousFromAny(zeros_value, NPY_INT64, 1, 1);
  core_input input;
  if (scales == NULL || zeros == NULL || !core_input_take(state, value, want, false, &input))
    goto done;
  uf_quant quant = {.count = PyArray_SIZE(scales), .scales = PyArray_DATA(scales),
                    .zero_points = PyArray_DATA(zeros), .axis = axis, .block_size = block_size};
  if (PyArray_SIZE(zeros) != PyArray_SIZE(scales)) {
    core_fail(state, UF_INVALID_ARGUMENT, "expected one zero point for each of %lld scales, found "
              "%lld", (long long)quant.count, (long long)PyArray_SIZE(zeros));
  } else {
    input.tensor.quant = quant.count > 0 ? &quant : NULL;
    result = as_float32(state, &input.tensor, out == Py_None ? NULL : out);
  }
  core_input_drop(&input);
done:
  Py_XDECREF(scales);
  Py_XDECREF(zeros);
  return result;
}
