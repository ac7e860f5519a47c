/* SPDX-License-Identifier: Apache-2.0
 *
 * py_state.c: what a session keeps from run to run, for the mappings
 * `variables` and `tables` and for state(), load_state() and reset().
 */
#include "_core.h"

static const char *kind_text(uf_state_kind kind) {
  return kind == UF_STATE_TABLE ? "table" : kind == UF_STATE_TENSOR ? "tensor" : "variable";
}

PyObject *core_session_state_count(core_session *self, PyObject *unused) {
  CORE_ERROR(error);
  int32_t n = 0;
  uf_status status;
  if (!core_enter(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS /* initialiser graphs may run */
  status = uf_session_state_count(self->session, &n, &error);
  Py_END_ALLOW_THREADS
  core_leave(self);
  return status == UF_OK ? PyLong_FromLong(n) : core_raise(self->state, &error, CORE_ANY);
}

/* _state_info(i): (name, container, kind, dtype, key dtype, initialized, shape,
 * graph, value). */
PyObject *core_session_state_info(core_session *self, PyObject *args) {
  int32_t i;
  if (!PyArg_ParseTuple(args, "O&", core_index, &i) || !core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_state_info info;
  uf_status status = uf_session_state(self->session, i, &info, &error);
  PyObject *name = NULL, *container = NULL;
  if (status == UF_OK) { /* the texts may go with the next call */
    name = core_text(info.name);
    container = core_text(info.container ? info.container : "");
  }
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("NNsssONii", name, container, kind_text(info.kind),
                       uf_dtype_name(info.dtype), uf_dtype_name(info.key_dtype),
                       info.initialized ? Py_True : Py_False,
                       core_shape_tuple(info.rank, info.dims), info.graph, info.value);
}

PyObject *core_session_find_state(core_session *self, PyObject *args) {
  PyObject *object, *keep;
  if (!PyArg_ParseTuple(args, "O", &object)) return NULL;
  const char *name = core_text_of(object, &keep);
  if (name == NULL) return NULL;
  CORE_ERROR(error);
  int32_t i = -1;
  uf_status status = UF_OK;
  bool entered = core_enter(self);
  if (entered) {
    Py_BEGIN_ALLOW_THREADS
    status = uf_session_find_state(self->session, name, &i, &error);
    Py_END_ALLOW_THREADS
    core_leave(self);
  }
  Py_DECREF(keep);
  if (!entered) return NULL;
  return status == UF_OK ? PyLong_FromLong(i) : core_raise(self->state, &error, CORE_NAME);
}

/* _state_read(i, keys=False, raw=False) */
PyObject *core_session_state_read(core_session *self, PyObject *args) {
  int32_t i;
  int keys = 0, raw = 0;
  if (!PyArg_ParseTuple(args, "O&|pp", core_index, &i, &keys, &raw)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  uf_status status;
  if (!core_enter(self)) return NULL;
  status = keys ? uf_session_state_keys(self->session, i, &tensor, &error)
                : uf_session_state_read(self->session, i, &tensor, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return core_array(self->state, &tensor, CORE_VIEW | (raw ? CORE_RAW : 0));
}

/* _state_write(i, keys or None, values, resize): without resize a variable that
 * has a value keeps its shape. */
PyObject *core_session_state_write(core_session *self, PyObject *args) {
  int32_t i;
  int resize;
  PyObject *keys_object, *values_object, *result = NULL;
  if (!PyArg_ParseTuple(args, "O&OOp", core_index, &i, &keys_object, &values_object, &resize))
    return NULL;
  CORE_ERROR(error);
  uf_state_info info;
  if (!core_enter(self)) return NULL;
  uf_status status = uf_session_state(self->session, i, &info, &error);
  uf_dtype want = status == UF_OK ? info.dtype : UF_INVALID;
  uf_dtype want_key = status == UF_OK ? info.key_dtype : UF_INVALID;
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  core_input keys = {0}, values = {0};
  bool table = keys_object != Py_None;
  if ((!table || core_input_take(self->state, keys_object, want_key, true, &keys)) &&
      core_input_take(self->state, values_object, want, true, &values) && core_enter(self)) {
    uf_tensor now;
    bool check = !resize && !table &&
                 uf_session_state_read(self->session, i, &now, NULL) == UF_OK;
    if (check && !core_same_shape(&now, &values.tensor)) {
      core_shape_error(&error, info.name, &now, &values.tensor);
      status = error.status;
    } else {
      status = uf_session_state_write(self->session, i, table ? &keys.tensor : NULL,
                                      &values.tensor, &error);
    }
    if (check) uf_tensor_release(&now);
    core_leave(self);
    result = status == UF_OK ? Py_None : core_raise(self->state, &error, CORE_ANY);
    if (result == Py_None) Py_INCREF(result);
  }
  core_input_drop(&keys);
  core_input_drop(&values);
  return result;
}

PyObject *core_session_reset(core_session *self, PyObject *unused) {
  if (!core_enter(self)) return NULL;
  uf_session_reset(self->session);
  core_leave(self);
  Py_RETURN_NONE;
}

PyObject *core_session_reset_state_tensors(core_session *self, PyObject *unused) {
  if (!core_enter(self)) return NULL;
  uf_session_reset_state_tensors(self->session);
  core_leave(self);
  Py_RETURN_NONE;
}

/* _share_state(other): this session uses the variables of the other one. */
PyObject *core_session_share_state(core_session *self, PyObject *args) {
  PyObject *object;
  if (!PyArg_ParseTuple(args, "O", &object) || !core_enter(self)) return NULL;
  core_leave(self); /* it is initialised */
  if (!PyObject_TypeCheck(object, self->state->session_type) || object == (PyObject *)self) {
    PyErr_SetString(PyExc_TypeError, "expected another Session");
    return NULL;
  }
  core_session *other = (core_session *)object;
  if (!core_enter(other)) return NULL;
  bool entered = core_enter(self);
  if (entered) {
    uf_session_share_state(self->session, other->session);
    core_leave(self);
  }
  core_leave(other);
  if (!entered) return NULL;
  Py_RETURN_NONE;
}
