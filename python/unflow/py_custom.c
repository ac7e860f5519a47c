/* SPDX-License-Identifier: Apache-2.0
 *
 * py_custom.c: custom ops that are Python functions.
 *
 * Each name becomes a uf_op_definition whose context holds a callable of _custom.py, which takes (inputs,
 * options, number of outputs, op, version) and returns a tuple of values. Inputs are read-only views that
 * keep their memory; what is returned is copied into the outputs, of which only the dtype is checked: shapes
 * are what the function gives.
 *
 * An exception of the function waits in the thread's dictionary while the error travels up through the
 * library, and is raised again, with a note of where, by core_raise.
 */
#include <stdio.h>

#include "_core.h"

#define PENDING "unflow.custom_op"

typedef struct custom {
  core_state *state;
  PyObject *module;        /* keeps state alive */
  PyObject *function;
} custom;

/* ---- exceptions ----------------------------------------------------------------------- */

static void forget_pending(void) {
  PyObject *dict = PyThreadState_GetDict(); /* borrowed; NULL without an exception */
  PyObject *found = dict ? PyDict_GetItemString(dict, PENDING) : NULL;
  if (found && PyDict_DelItemString(dict, PENDING) < 0) PyErr_Clear();
}

/* "ValueError: words", of what was raised. */
static void exception_text(PyObject *exception, char *out, size_t size) {
  PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(exception), "__name__");
  PyObject *words = PyObject_Str(exception);
  const char *a = name ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
  const char *b = words ? PyUnicode_AsUTF8AndSize(words, NULL) : NULL;
  snprintf(out, size, "%s%s%.800s", a ? a : "an exception", b && b[0] ? ": " : "", b ? b : "");
  PyErr_Clear();
  Py_XDECREF(name);
  Py_XDECREF(words);
}

/* The exception that is set becomes the op's failure. */
static uf_status keep_exception(uf_op_call *call) {
  PyObject *type, *value, *trace;
  char text[1024];
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (value && trace) PyException_SetTraceback(value, trace);
  exception_text(value, text, sizeof text);
  PyObject *dict = PyThreadState_GetDict(), *words = PyUnicode_FromString(text);
  PyObject *pair = words && value ? PyTuple_Pack(2, value, words) : NULL;
  if (dict && pair && PyDict_SetItemString(dict, PENDING, pair) < 0) PyErr_Clear();
  PyErr_Clear();
  Py_XDECREF(words);
  Py_XDECREF(pair);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return uf_op_call_fail(call, UF_UNKNOWN, "%s", text);
}

/* Where the error arose: its message without the exception's own words at the end. */
static void add_note(PyObject *exception, const char *message, size_t size) {
  while (size > 0 && (message[size - 1] == ' ' || message[size - 1] == ':')) size--;
  PyObject *note = PyUnicode_DecodeUTF8(message, (Py_ssize_t)size, "replace");
  PyObject *text = note ? PyUnicode_FromFormat("in %U", note) : NULL;
  PyObject *done = text ? PyObject_CallMethod(exception, "add_note", "O", text) : NULL; /* Python 3.11 */
  PyErr_Clear();
  Py_XDECREF(note);
  Py_XDECREF(text);
  Py_XDECREF(done);
}

bool core_custom_raise(const uf_error *error) {
  PyObject *dict = error->status == UF_UNKNOWN ? PyThreadState_GetDict() : NULL;
  PyObject *pair = dict ? PyDict_GetItemString(dict, PENDING) : NULL;
  if (pair == NULL) return false;
  PyObject *exception = PyTuple_GetItem(pair, 0), *words = PyTuple_GetItem(pair, 1);
  const char *text = PyUnicode_AsUTF8AndSize(words, NULL);
  size_t size = strlen(error->message), end = text ? strlen(text) : size + 1;
  if (end > size || strcmp(error->message + size - end, text) != 0) { /* another failure */
    PyErr_Clear();
    return false;
  }
  Py_INCREF(exception);
  forget_pending();
  add_note(exception, error->message, size - end);
  PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
  Py_DECREF(exception);
  return true;
}

/* ---- values ------------------------------------------------------------------------------ */

static PyObject *input_array(const custom *c, const uf_tensor *from) {
  if (from->dtype == UF_INVALID) Py_RETURN_NONE; /* omitted */
  uf_tensor tensor = *from;
  uf_buf_retain(tensor.buf);
  return core_array(c->state, &tensor, tensor.buf ? CORE_VIEW : CORE_COPY);
}

static PyObject *input_arrays(const custom *c, const uf_op_call *call) {
  PyObject *tuple = PyTuple_New(call->n_inputs);
  for (int32_t i = 0; tuple != NULL && i < call->n_inputs; i++) {
    PyObject *array = input_array(c, &call->inputs[i]);
    if (array == NULL || PyTuple_SetItem(tuple, i, array) < 0) Py_CLEAR(tuple);
  }
  return tuple;
}

/* One value into output i; false: exception set, or (status not OK) the library's error. */
static bool give(const custom *c, uf_op_call *call, int32_t i, PyObject *value, core_input *kept, uf_status *status) {
  uf_dtype want = call->outputs[i].dtype;
  if (!core_input_take(c->state, value, want, true, kept)) return false;
  if (kept->tensor.dtype != want) {
    core_fail(c->state, UF_WRONG_TYPE, "expected output %d of dtype %s, as the file says, found %s", (int)i, uf_dtype_name(want),
              uf_dtype_name(kept->tensor.dtype));
    return false;
  }
  *status = uf_op_call_output(call, i, UF_INVALID, kept->tensor.rank, kept->tensor.dims);
  if (*status != UF_OK) return false;
  size_t size = kept->tensor.size < call->outputs[i].size ? kept->tensor.size : call->outputs[i].size;
  if (size > 0) memcpy(call->outputs[i].data, kept->tensor.data, size);
  if (want != UF_STRING) core_input_drop(kept);
  return true;
}

/* ---- the op -------------------------------------------------------------------------------- */

/* What a node keeps: texts that it gave, until the library has copied them. */
typedef struct node_state {
  core_input *inputs;
  int32_t n;
} node_state;

static void drop_inputs(node_state *s) {
  for (int32_t i = 0; i < s->n; i++) core_input_drop(&s->inputs[i]);
}

static uf_status custom_init(uf_op_call *call, void **state_out) {
  PyGILState_STATE gil = PyGILState_Ensure();
  node_state *s = PyMem_Calloc(1, sizeof *s);
  if (s) s->inputs = PyMem_Calloc((size_t)call->n_outputs + 1, sizeof *s->inputs);
  if (s && s->inputs) s->n = call->n_outputs;
  bool good = s && s->inputs;
  if (s && !good) PyMem_Free(s);
  PyGILState_Release(gil);
  if (!good) return uf_op_call_fail(call, UF_RESOURCE_EXHAUSTED, "expected memory for a node of the op, found none");
  *state_out = s;
  return UF_OK;
}

static void custom_free(void *context, void *state) {
  if (!Py_IsInitialized()) return;
  PyGILState_STATE gil = PyGILState_Ensure();
  node_state *s = state;
  drop_inputs(s);
  PyMem_Free(s->inputs);
  PyMem_Free(s);
  PyGILState_Release(gil);
}

static PyObject *call_function(const custom *c, const uf_op_call *call) {
  PyObject *inputs = input_arrays(c, call);
  if (inputs == NULL) return NULL;
  PyObject *options = PyBytes_FromStringAndSize(call->options_size ? call->options : "", (Py_ssize_t)call->options_size);
  PyObject *op = core_text(call->op), *result = NULL;
  if (options && op) result = PyObject_CallFunction(c->function, "OOiOi", inputs, options, (int)call->n_outputs, op, (int)call->version);
  Py_DECREF(inputs);
  Py_XDECREF(options);
  Py_XDECREF(op);
  return result;
}

static uf_status eval_locked(const custom *c, uf_op_call *call) {
  node_state *s = call->state;
  uf_status status = UF_OK;
  forget_pending();
  drop_inputs(s);
  PyObject *result = call_function(c, call);
  bool good = result != NULL && PyTuple_Check(result) && PyTuple_Size(result) == call->n_outputs;
  if (result != NULL && !good) PyErr_SetString(PyExc_TypeError, "expected a tuple with a value for each output");
  for (int32_t i = 0; good && i < call->n_outputs; i++) good = give(c, call, i, PyTuple_GetItem(result, i), &s->inputs[i], &status);
  Py_XDECREF(result);
  return good ? UF_OK : status != UF_OK ? status : keep_exception(call);
}

static uf_status custom_eval(uf_op_call *call) {
  PyGILState_STATE gil = PyGILState_Ensure();
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace); /* of a caller that already failed, if any */
  uf_status status = eval_locked(call->context, call);
  PyErr_Restore(type, value, trace);
  PyGILState_Release(gil);
  return status;
}

static void free_custom(void *context) {
  custom *c = context;
  if (!Py_IsInitialized()) return;
  PyGILState_STATE gil = PyGILState_Ensure();
  Py_DECREF(c->function);
  Py_DECREF(c->module);
  PyMem_Free(c);
  PyGILState_Release(gil);
}

/* ---- registering ------------------------------------------------------------------------------ */

static bool add_one(PyObject *module, uf_ops *ops, PyObject *key, PyObject *function) {
  core_state *state = core_state_of(module);
  PyObject *keep;
  const char *name = core_text_of(key, &keep);
  custom *c = name ? PyMem_Calloc(1, sizeof *c) : NULL;
  if (name == NULL) return false;
  if (c == NULL) {
    Py_DECREF(keep);
    PyErr_NoMemory();
    return false;
  }
  *c = (custom){state, module, function};
  uf_op_definition def = {.struct_size = sizeof def, .name = name, .context = c, .free_context = free_custom, .init = custom_init,
                          .free = custom_free, .eval = custom_eval};
  CORE_ERROR(error);
  uf_status status = uf_op_register(ops, &def, &error);
  Py_DECREF(keep);
  if (status != UF_OK) {
    PyMem_Free(c);
    core_raise(state, &error, CORE_ANY);
    return false;
  }
  Py_INCREF(module);
  Py_INCREF(function);
  return true;
}

bool core_ops_of(PyObject *module, PyObject *functions, uf_ops **out) {
  PyObject *key, *function;
  Py_ssize_t at = 0;
  *out = NULL;
  if (functions == NULL || functions == Py_None) return true;
  if (!PyDict_Check(functions)) {
    PyErr_SetString(PyExc_TypeError, "expected a dict of functions");
    return false;
  }
  uf_ops *ops = uf_ops_create();
  if (ops == NULL) {
    PyErr_NoMemory();
    return false;
  }
  while (PyDict_Next(functions, &at, &key, &function)) {
    if (add_one(module, ops, key, function)) continue;
    uf_ops_release(ops);
    return false;
  }
  *out = ops;
  return true;
}
