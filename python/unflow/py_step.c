/* SPDX-License-Identifier: Apache-2.0
 *
 * py_step.c: one step of a TensorFlow graph's model: arrays or EagerTensors in,
 * arrays or EagerTensors out. Session.run and restored functions end here.
 */
#include "py_eager.h"

/* The dtype that plain numbers are converted to; UF_INVALID: they have their own. */
static uf_dtype wanted(const core_session *self, int32_t value) {
  uf_value_info info;
  if (uf_model_value(core_session_model(self), 0, value, &info, NULL) != UF_OK) return UF_INVALID;
  return info.dtype == UF_RESOURCE || info.dtype == UF_VARIANT ? UF_INVALID : info.dtype;
}

/* One step of a model of a TensorFlow graph: what it is given and what it gives. */
typedef struct step {
  core_input *given;         /* arrays among the inputs */
  const uf_tensor **inputs;
  uf_tensor *results;
  int32_t n_inputs, n_results;
} step;

static bool step_take(core_session *self, PyObject *values, const uf_graph_info *info, step *s) {
  s->n_inputs = info->n_inputs;
  s->n_results = info->n_outputs;
  s->given = PyMem_Calloc((size_t)s->n_inputs + 1, sizeof(*s->given));
  s->inputs = PyMem_Calloc((size_t)s->n_inputs + 1, sizeof(*s->inputs));
  s->results = PyMem_Calloc((size_t)s->n_results + 1, sizeof(*s->results));
  if (s->given == NULL || s->inputs == NULL || s->results == NULL) {
    PyErr_NoMemory();
    return false;
  }
  if (PySequence_Size(values) != s->n_inputs) {
    PyErr_Format(PyExc_ValueError, "expected %d values, found %zd", (int)s->n_inputs,
                 PySequence_Size(values));
    return false;
  }
  for (int32_t i = 0; i < s->n_inputs; i++) {
    PyObject *value = PySequence_GetItem(values, i); /* the sequence keeps it */
    if (value == NULL) return false;
    Py_DECREF(value);
    if (core_is_eager(value)) {
      s->inputs[i] = &((core_tensor *)value)->tensor;
    } else {
      if (!core_input_take(self->state, value, wanted(self, info->inputs[i]), true, &s->given[i]))
        return false;
      s->inputs[i] = &s->given[i].tensor;
    }
  }
  return true;
}

static PyObject *step_results(core_session *self, step *s, bool eager) {
  PyObject *list = PyList_New(s->n_results);
  for (int32_t i = 0; i < s->n_results; i++) {
    uf_tensor tensor = s->results[i];
    if (list == NULL) {
      uf_tensor_release(&tensor);
      continue;
    }
    PyObject *item = eager ? core_tensor_wrap(self->state, &tensor)
                           : core_array(self->state, &tensor, CORE_COPY);
    if (item == NULL || PyList_SetItem(list, i, item) < 0) Py_CLEAR(list);
  }
  return list;
}

/* What handles among the results point to takes their place. Between enter and leave. */
static uf_status step_follow(core_session *self, step *s, const uf_graph_info *info,
                             uf_error *error) {
  uf_status status = UF_OK;
  for (int32_t i = 0; i < s->n_results && status == UF_OK; i++) {
    if (s->results[i].dtype != UF_RESOURCE) continue;
    uf_tensor value;
    status = uf_session_read(self->session, 0, info->outputs[i], &value, error);
    if (status != UF_OK) break;
    uf_tensor_release(&s->results[i]);
    s->results[i] = value;
  }
  for (int32_t i = 0; i < s->n_results && status != UF_OK; i++) uf_tensor_release(&s->results[i]);
  return status;
}

/* _step(values, eager): runs graph 0 on these arrays or EagerTensors; its outputs as a list of
 * arrays, or of EagerTensors. */
PyObject *core_session_step(core_session *self, PyObject *args) {
  PyObject *values, *result = NULL;
  int eager;
  if (!PyArg_ParseTuple(args, "Op", &values, &eager)) return NULL;
  if (!core_enter(self)) return NULL; /* open at all */
  core_leave(self);
  uf_graph_info info;
  step s = {0};
  CORE_ERROR(error);
  uf_status status = uf_model_graph(core_session_model(self), 0, &info, &error);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  if (step_take(self, values, &info, &s) && core_enter(self)) {
    Py_BEGIN_ALLOW_THREADS
    status = uf_session_call(self->session, s.inputs, s.n_inputs, s.results, s.n_results, &error);
    Py_END_ALLOW_THREADS
    if (status == UF_OK && !eager) status = step_follow(self, &s, &info, &error);
    core_leave(self);
    result = status == UF_OK ? step_results(self, &s, eager != 0)
                             : core_raise(self->state, &error, CORE_ANY);
  }
  for (int32_t i = 0; s.given != NULL && i < s.n_inputs; i++) core_input_drop(&s.given[i]);
  PyMem_Free(s.given);
  PyMem_Free(s.inputs);
  PyMem_Free(s.results);
  return result;
}
