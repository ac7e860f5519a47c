/* SPDX-License-Identifier: Apache-2.0
 *
 * py_input.c: a value of Python as a tensor.
 *
 * Arrays keep their dtype, and whether it fits is for the library to say (it
 * names both). Only what has no dtype yet, a Python number or list, takes the
 * one that is wanted, if its values allow. int8 goes into int4 and its like
 * packed; text and bytes become uf_string elements that point into the objects.
 */
#include <float.h>
#include <math.h>

#include "_core.h"

/* ---- dtypes ---- */

static uf_dtype sized(npy_intp size, uf_dtype one, uf_dtype two, uf_dtype four, uf_dtype eight) {
  return size == 1 ? one : size == 2 ? two : size == 4 ? four : size == 8 ? eight : UF_INVALID;
}

/* The dtype of an array of ml_dtypes, or UF_INVALID. */
static uf_dtype ml_dtype_of(core_state *state, PyArrayObject *array) {
  core_has_ml(state, UF_BFLOAT16); /* looks for all of them */
  for (int i = 0; i < UF_DTYPE_COUNT; i++)
    if (state->ml_descr[i] != NULL &&
        state->ml_descr[i]->type_num == PyArray_DESCR(array)->type_num)
      return (uf_dtype)i;
  return UF_INVALID;
}

static uf_dtype dtype_of(core_state *state, PyArrayObject *array) {
  npy_intp size = PyArray_ITEMSIZE(array);
  if (PyArray_DESCR(array)->type_num >= NPY_USERDEF) return ml_dtype_of(state, array);
  switch (PyArray_DESCR(array)->kind) {
    case 'f': return sized(size, UF_INVALID, UF_FLOAT16, UF_FLOAT32, UF_FLOAT64);
    case 'i': return sized(size, UF_INT8, UF_INT16, UF_INT32, UF_INT64);
    case 'u': return sized(size, UF_UINT8, UF_UINT16, UF_UINT32, UF_UINT64);
    case 'b': return UF_BOOL;
    case 'c': return size == 8 ? UF_COMPLEX64 : size == 16 ? UF_COMPLEX128 : UF_INVALID;
    case 'O': case 'S': case 'U': case 'T': return UF_STRING;
    default: return UF_INVALID;
  }
}

static bool is_text(PyArrayObject *array) {
  char kind = PyArray_DESCR(array)->kind;
  return kind == 'O' || kind == 'S' || kind == 'U' || kind == 'T';
}

/* ---- shapes ---- */

static bool set_shape(core_state *state, uf_tensor *tensor, PyArrayObject *array) {
  if (PyArray_NDIM(array) > UF_MAX_RANK) {
    core_fail(state, UF_INVALID_ARGUMENT, "expected at most %d dimensions, found %d", UF_MAX_RANK,
              PyArray_NDIM(array));
    return false;
  }
  tensor->rank = PyArray_NDIM(array);
  for (int32_t i = 0; i < tensor->rank; i++) tensor->dims[i] = PyArray_DIM(array, i);
  return true;
}

int32_t core_dims_of(core_state *state, PyObject *sequence, int32_t max, int64_t *out) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0) return -1;
  if (n > max) {
    core_fail(state, UF_INVALID_ARGUMENT, "expected at most %d dimensions, found %zd", (int)max, n);
    return -1;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    PyObject *index = item == NULL ? NULL : PyNumber_Index(item);
    out[i] = index == NULL ? -1 : PyLong_AsLongLong(index);
    Py_XDECREF(item);
    Py_XDECREF(index);
    if (PyErr_Occurred()) return -1;
  }
  return (int32_t)n;
}

int core_index(PyObject *object, void *out) {
  PyObject *index = PyNumber_Index(object);
  if (index == NULL) return 0;
  long long value = PyLong_AsLongLong(index);
  Py_DECREF(index);
  if (value == -1 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return 0;
    PyErr_Clear();
  }
  *(int32_t *)out = value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? -1 : (int32_t)value;
  return 1;
}

/* ---- strings ---- */

static bool string_of(core_state *state, PyObject *object, uf_string *out) {
  if (object != NULL && PyBytes_Check(object)) {
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(object, &data, &size) < 0) return false;
    *out = (uf_string){.data = data, .size = (size_t)size};
    return true;
  }
  if (object != NULL && PyUnicode_Check(object)) {
    Py_ssize_t size;
    const char *data = PyUnicode_AsUTF8AndSize(object, &size);
    if (data == NULL) return false;
    *out = (uf_string){.data = data, .size = (size_t)size};
    return true;
  }
  PyObject *type = object == NULL ? NULL : (PyObject *)Py_TYPE(object);
  PyObject *name = type == NULL ? NULL : PyObject_GetAttrString(type, "__name__");
  const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
  PyErr_Clear();
  core_fail(state, UF_WRONG_TYPE,
            "expected numbers, or str or bytes in each element of an array of objects, found %s",
            text == NULL ? "another object" : text);
  Py_XDECREF(name);
  return false;
}

static bool take_strings(core_state *state, PyObject *value, core_input *out) {
  PyObject *array = PyArray_FromAny(value, PyArray_DescrFromType(NPY_OBJECT), 0, 0,
                                    NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST, NULL);
  if (array == NULL) return false;
  out->keep = array;
  int64_t n = (int64_t)PyArray_SIZE((PyArrayObject *)array);
  out->memory = PyMem_Malloc(n > 0 ? (size_t)n * sizeof(uf_string) : 1);
  if (out->memory == NULL) {
    PyErr_NoMemory();
    return false;
  }
  PyObject **from = PyArray_DATA((PyArrayObject *)array);
  for (int64_t i = 0; i < n; i++)
    if (!string_of(state, from[i], (uf_string *)out->memory + i)) return false;
  out->tensor.dtype = UF_STRING;
  out->tensor.data = out->memory;
  out->tensor.size = (size_t)n * sizeof(uf_string);
  return set_shape(state, &out->tensor, (PyArrayObject *)array);
}

/* ---- packed integers and small floats ---- */

/* Elements of one byte each, low bits first: n values of `bits` bits. */
static bool pack(core_state *state, core_input *out, uf_dtype want) {
  int bits = uf_dtype_bits(want);
  bool is_signed = want == UF_INT4 || want == UF_INT2; /* float4 is its code */
  int low = is_signed ? -(1 << (bits - 1)) : 0, high = low + (1 << bits) - 1;
  int64_t n = uf_tensor_count(&out->tensor), each = 8 / bits;
  size_t size = (size_t)((n + each - 1) / each);
  const int8_t *from = out->tensor.data;
  uint8_t *to = PyMem_Calloc(size > 0 ? size : 1, 1);
  out->memory = to;
  if (to == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (int64_t i = 0; i < n; i++) {
    int v = is_signed ? from[i] : (uint8_t)from[i];
    if (v < low || v > high) {
      core_fail(state, UF_INVALID_ARGUMENT, "expected values of %s, %d to %d, found %d",
                uf_dtype_name(want), low, high, v);
      return false;
    }
    to[i / each] |= (uint8_t)((v & ((1 << bits) - 1)) << (i % each * bits));
  }
  out->tensor.dtype = want;
  out->tensor.data = to;
  out->tensor.size = size;
  return true;
}

/* float32 to bfloat16, nearest even: the form a bfloat16 tensor takes when
 * ml_dtypes is not there. */
static bool round_to_bfloat16(core_input *out) {
  int64_t n = uf_tensor_count(&out->tensor);
  const uint32_t *from = out->tensor.data;
  uint16_t *to = PyMem_Malloc(n > 0 ? (size_t)n * 2 : 1);
  out->memory = to;
  if (to == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (int64_t i = 0; i < n; i++) {
    bool nan = (from[i] & 0x7fffffff) > 0x7f800000;
    to[i] = nan ? (uint16_t)(from[i] >> 16 | 0x40)
                : (uint16_t)((from[i] + 0x7fff + (from[i] >> 16 & 1)) >> 16);
  }
  out->tensor.dtype = UF_BFLOAT16;
  out->tensor.data = to;
  out->tensor.size = (size_t)n * 2;
  return true;
}

/* float32 to a float8, nearest even: the same for those. code: a value for each of its 256 codes, rising
 * over the first half, of which the last finite one is followed by infinity or NaN. */
static uint8_t nearest_float8(const float code[256], float v) {
  uint8_t sign = signbit(v) ? 0x80 : 0;
  if (v != v) return sign | 0x7F; /* NaN in both */
  float size = fabsf(v);
  int lo = 0, last = 0x7F;
  while (!(code[last] <= FLT_MAX)) last--;
  for (int hi = last + 1; hi - lo > 1;) { /* code[lo] <= size < code[hi] */
    int mid = (lo + hi) / 2;
    if (code[mid] <= size) lo = mid;
    else hi = mid;
  }
  double next = lo < last ? (double)code[lo + 1] : 2.0 * code[last] - code[last - 1];
  double middle = ((double)code[lo] + next) / 2;
  return sign | (uint8_t)(size > middle || (size == middle && (lo & 1)) ? lo + 1 : lo);
}

static bool round_to_float8(core_input *out, uf_dtype want) {
  int64_t n = uf_tensor_count(&out->tensor);
  uint8_t all[256];
  float code[256];
  for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
  uf_tensor codes = {.dtype = want, .rank = 1, .dims = {256}, .data = all, .size = 256};
  const float *from = out->tensor.data;
  uint8_t *to = PyMem_Malloc(n > 0 ? (size_t)n : 1);
  out->memory = to;
  if (to == NULL || uf_dequantize(&codes, code, NULL) != UF_OK) {
    PyErr_NoMemory();
    return false;
  }
  for (int64_t i = 0; i < n; i++) to[i] = nearest_float8(code, from[i]);
  out->tensor.dtype = want;
  out->tensor.data = to;
  out->tensor.size = (size_t)n;
  return true;
}

/* Converts where the array's dtype is how `want` looks in NumPy. */
static bool fit(core_state *state, core_input *out, uf_dtype want) {
  uf_dtype have = out->tensor.dtype;
  if (have != UF_INVALID && uf_dtype_bits(have) < 8) return pack(state, out, have);
  if (want == UF_UINT4 && have == UF_UINT8) return pack(state, out, want);
  if ((want == UF_INT4 || want == UF_INT2) && have == UF_INT8)
    return pack(state, out, want);
  if (have != UF_FLOAT32 || !state->in_ml[want] || core_has_ml(state, want)) return true;
  if (want == UF_BFLOAT16) return round_to_bfloat16(out);
  if (want == UF_FLOAT8_E4M3FN || want == UF_FLOAT8_E5M2) return round_to_float8(out, want);
  return true;
}

/* ---- all of it ---- */

/* A plain Python number or list as an array of the wanted dtype. */
static PyObject *convert_plain(core_state *state, PyObject *value, uf_dtype want) {
  PyObject *found = PyArray_FromAny(value, NULL, 0, 0, NPY_ARRAY_CARRAY_RO, NULL);
  if (found == NULL || want == UF_INVALID || want == UF_RESOURCE || want == UF_VARIANT)
    return found;
  PyArray_Descr *descr = core_descr(state, want, CORE_LITE);
  if (descr == NULL) {
    Py_DECREF(found);
    return NULL;
  }
  char have = PyArray_DESCR((PyArrayObject *)found)->kind, kind = descr->kind;
  bool integer = kind == 'i' || kind == 'u';
  bool lossy = (integer && have != 'i' && have != 'u' && have != 'b') ||
               (kind == 'b' && have != 'b') || (kind != 'c' && have == 'c');
  if ((lossy && PyArray_SIZE((PyArrayObject *)found) > 0) || have == 'O' || have == 'U' ||
      have == 'S') {
    Py_DECREF(descr);
    return found; /* the library says what was expected */
  }
  Py_DECREF(found);
  /* from the numbers, so that NumPy refuses those that are out of range */
  return PyArray_FromAny(value, descr, 0, 0, NPY_ARRAY_CARRAY_RO, NULL);
}

static bool has_dtype(PyObject *value) {
  return PyArray_Check(value) || PyArray_CheckScalar(value) ||
         PyObject_HasAttrString(value, "__array__") || PyObject_HasAttrString(value, "dtype");
}

static PyObject *array_of(core_state *state, PyObject *value, uf_dtype want, bool lenient) {
  if (PyArray_Check(value) && PyArray_ISCARRAY_RO((PyArrayObject *)value)) {
    Py_INCREF(value);
    return value;
  }
  if (lenient && !has_dtype(value)) return convert_plain(state, value, want);
  return PyArray_CheckFromAny(value, NULL, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED, NULL);
}

bool core_input_take(core_state *state, PyObject *value, uf_dtype want, bool lenient,
                     core_input *out) {
  memset(out, 0, sizeof(*out));
  if (want == UF_STRING && !PyArray_Check(value)) {
    if (take_strings(state, value, out)) return true;
    core_input_drop(out);
    return false;
  }
  PyObject *object = array_of(state, value, want, lenient);
  if (object == NULL) return false;
  PyArrayObject *array = (PyArrayObject *)object;
  if (is_text(array)) {
    bool ok = take_strings(state, object, out);
    Py_DECREF(object);
    if (!ok) core_input_drop(out);
    return ok;
  }
  out->keep = object;
  out->tensor.dtype = dtype_of(state, array);
  out->tensor.data = PyArray_DATA(array);
  out->tensor.size = (size_t)PyArray_NBYTES(array);
  if (out->tensor.dtype == UF_INVALID) {
    PyObject *name = PyObject_Str((PyObject *)PyArray_DESCR(array));
    const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    if (text != NULL)
      core_fail(state, UF_WRONG_TYPE, "expected an array of a TensorFlow dtype, found dtype %s",
                text);
    Py_XDECREF(name);
  } else if (set_shape(state, &out->tensor, array) && fit(state, out, want)) {
    return true;
  }
  core_input_drop(out);
  return false;
}

void core_input_drop(core_input *input) {
  Py_CLEAR(input->keep);
  PyMem_Free(input->memory);
  input->memory = NULL;
}
