/* SPDX-License-Identifier: Apache-2.0
 *
 * py_error.c: a uf_error becomes an exception of unflow.errors.
 *
 * The class is the one that uf_status_exception names. Where a file or a name
 * was not found, NoSuchFileError or NoSuchNameError stand in for NotFoundError,
 * from which they derive.
 */
#include <stdarg.h>
#include <stdio.h>

#include "_core.h"

PyObject *core_text(const char *text) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

const char *core_text_of(PyObject *object, PyObject **keep_out) {
  *keep_out = NULL;
  if (!PyUnicode_Check(object)) {
    PyErr_SetString(PyExc_TypeError, "expected a str");
    return NULL;
  }
  PyObject *bytes = PyUnicode_AsEncodedString(object, "utf-8", "surrogateescape");
  if (bytes == NULL) return NULL;
  char *text;
  if (PyBytes_AsStringAndSize(bytes, &text, NULL) < 0) { /* refuses a NUL inside */
    Py_DECREF(bytes);
    return NULL;
  }
  *keep_out = bytes;
  return text;
}

static PyObject *errors_module(core_state *state) {
  if (state->errors == NULL) state->errors = PyImport_ImportModule("unflow.errors");
  return state->errors;
}

static const char *class_name(uf_status status, core_what what) {
  if (status == UF_NOT_FOUND && what == CORE_FILE) return "NoSuchFileError";
  if (status == UF_NOT_FOUND && what == CORE_NAME) return "NoSuchNameError";
  if (status <= UF_OK || status >= UF_STATUS_COUNT) return "UnknownError";
  return uf_status_exception(status);
}

PyObject *core_raise(core_state *state, const uf_error *error, core_what what) {
  PyObject *type = NULL, *message = NULL, *exception = NULL;
  if (core_custom_raise(error)) return NULL;
  PyObject *errors = errors_module(state);
  if (errors == NULL) goto done;
  type = PyObject_GetAttrString(errors, class_name(error->status, what));
  if (type == NULL) goto done;
  const char *text = error->message[0] ? error->message : uf_status_text(error->status);
  message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  if (message == NULL) goto done;
  exception = PyObject_CallFunction(type, "OOO", Py_None, Py_None, message);
  if (exception != NULL) PyErr_SetObject(type, exception);
done:
  Py_XDECREF(type);
  Py_XDECREF(message);
  Py_XDECREF(exception);
  return NULL;
}

PyObject *core_fail(core_state *state, uf_status status, const char *format, ...) {
  uf_error error;
  error.status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error.message, sizeof(error.message), format, arguments);
  va_end(arguments);
  return core_raise(state, &error, CORE_ANY);
}
