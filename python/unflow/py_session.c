/* SPDX-License-Identifier: Apache-2.0
 *
 * py_session.c: run, read and assign.
 *
 * Methods without an underscore are those of LiteRT's Interpreter, which
 * derives from this type: get_tensor, set_tensor and invoke stay in C, where a
 * call costs a fraction of a microsecond. The others serve unflow.Model.
 *
 * Reading an input or output costs nothing and keeps the GIL; reading an
 * intermediate may compute it again and releases it, as runs do.
 */
#include "_core.h"

/* ---- life ---- */

static bool session_start(core_session *self, PyObject *model, int n_threads, int keep_all, size_t max_bytes,
                          int64_t max_steps) {
  core_state *state = core_state_of_model(model);
  if (state == NULL) return false;
  CORE_ERROR(error);
  uf_session_options options = {
      .struct_size = sizeof(options), .n_threads = n_threads, .keep_all = keep_all != 0,
      .max_bytes = max_bytes, .max_steps = max_steps};
  uf_session *session;
  if (uf_session_create(((core_model *)model)->model, &options, &session, &error) != UF_OK) {
    core_raise(state, &error, CORE_ANY);
    return false;
  }
  self->state = state;
  self->session = session;
  Py_INCREF(model);
  self->model = model;
  return true;
}

static int session_init(PyObject *object, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"model", "num_threads", "keep_all", "max_bytes", "max_steps", NULL};
  core_session *self = (core_session *)object;
  PyObject *model;
  int n_threads = 0, keep_all = 0;
  Py_ssize_t max_bytes = 0;
  long long max_steps = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|ipnL", names, &model, &n_threads, &keep_all, &max_bytes, &max_steps))
    return -1;
  if (max_bytes < 0 || max_steps < 0) {
    PyErr_SetString(PyExc_ValueError, "expected max_bytes and max_steps of 0 (no limit) or more");
    return -1;
  }
  if (self->lock != NULL) {
    PyErr_SetString(PyExc_TypeError, "a session is initialised once");
    return -1;
  }
  if ((self->lock = PyThread_allocate_lock()) == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  return session_start(self, model, n_threads, keep_all, (size_t)max_bytes, max_steps) ? 0 : -1;
}

static void session_dealloc(PyObject *object) {
  core_session *self = (core_session *)object;
  PyTypeObject *type = Py_TYPE(object);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  uf_session_release(self->session);
  Py_XDECREF(self->model);
  if (self->lock != NULL) PyThread_free_lock(self->lock);
  release(object);
  Py_DECREF(type);
}

bool core_enter(core_session *self) {
  if (self->lock == NULL) {
    PyErr_SetString(PyExc_ValueError, "this session was not initialised");
    return false;
  }
  if (!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)) {
    if (self->owner == PyThread_get_thread_ident()) {
      core_fail(self->state, UF_FAILED_PRECONDITION, "expected a session that is not running, found that a custom op calls the one "
                "that runs it");
      return false;
    }
    Py_BEGIN_ALLOW_THREADS
    PyThread_acquire_lock(self->lock, WAIT_LOCK);
    Py_END_ALLOW_THREADS
  }
  self->owner = PyThread_get_thread_ident();
  if (self->session != NULL) return true;
  core_leave(self);
  if (self->state == NULL) /* its constructor failed */
    PyErr_SetString(PyExc_ValueError, "this session was not initialised");
  else
    core_fail(self->state, UF_FAILED_PRECONDITION, "expected an open session, found a closed one");
  return false;
}

void core_leave(core_session *self) {
  self->owner = 0;
  PyThread_release_lock(self->lock);
}

uf_model *core_session_model(const core_session *self) {
  return ((core_model *)self->model)->model;
}

static PyObject *session_close(core_session *self, PyObject *unused) {
  if (self->lock == NULL || self->session == NULL) Py_RETURN_NONE;
  if (!core_enter(self)) return NULL;
  uf_session *session = self->session;
  self->session = NULL;
  core_leave(self);
  uf_session_release(session);
  Py_RETURN_NONE;
}

static PyObject *session_fork(core_session *self, PyObject *unused) {
  CORE_ERROR(error);
  uf_session *session = NULL;
  if (!core_enter(self)) return NULL;
  uf_status status = uf_session_fork(self->session, &session, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  core_session *fork =
      (core_session *)PyType_GenericNew(self->state->session_type, NULL, NULL);
  if (fork == NULL || (fork->lock = PyThread_allocate_lock()) == NULL) {
    uf_session_release(session);
    Py_XDECREF(fork);
    return PyErr_NoMemory();
  }
  fork->state = self->state;
  fork->session = session;
  Py_INCREF(self->model);
  fork->model = self->model;
  return (PyObject *)fork;
}

static PyObject *session_get_model(PyObject *self, void *unused) {
  PyObject *model = ((core_session *)self)->model;
  if (model == NULL) model = Py_None;
  Py_INCREF(model);
  return model;
}

/* ---- arguments ---- */

/* Positional and keyword arguments of a fast call into slots; those from
 * `required` on may be missing (NULL). */
static bool arguments(const char *function, const char *const *names, Py_ssize_t required,
                      Py_ssize_t n, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                      PyObject **out) {
  for (Py_ssize_t i = 0; i < n; i++) out[i] = i < nargs ? args[i] : NULL;
  Py_ssize_t n_keywords = kwnames == NULL ? 0 : PyTuple_Size(kwnames);
  for (Py_ssize_t k = 0; k < n_keywords; k++) {
    PyObject *name = PyTuple_GetItem(kwnames, k);
    Py_ssize_t i = 0;
    while (i < n && PyUnicode_CompareWithASCIIString(name, names[i]) != 0) i++;
    if (i == n || out[i] != NULL) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected or repeated argument '%U'", function,
                   name);
      return false;
    }
    out[i] = args[nargs + k];
  }
  for (Py_ssize_t i = 0; i < required; i++)
    if (out[i] == NULL || nargs > n) {
      PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments, the first is '%s'", function,
                   required, n, names[0]);
      return false;
    }
  return true;
}

/* ---- reading ---- */

bool core_is_output(const core_session *self, int32_t graph, int32_t value) {
  uf_graph_info info;
  if (uf_model_graph(core_session_model(self), graph, &info, NULL) != UF_OK) return false;
  for (int32_t i = 0; i < info.n_outputs; i++)
    if (info.outputs[i] == value) return true;
  for (int32_t i = 0; i < info.n_inputs; i++)
    if (info.inputs[i] == value) return true;
  return false;
}

/* Between enter and leave: what LiteRT gives for a sparse constant, which is what the file stores. */
static bool read_sparse(core_session *self, int32_t graph, int32_t value, uf_tensor *tensor,
                        uf_status *status, uf_error *error) {
  uf_value_info info;
  if (uf_model_value(core_session_model(self), graph, value, &info, NULL) != UF_OK ||
      info.sparsity == NULL || info.kind != UF_VALUE_CONSTANT)
    return false;
  *status = uf_model_sparse_values(core_session_model(self), graph, value, tensor, error);
  return true;
}

/* Between enter and leave. */
static uf_status read_value(core_session *self, int32_t graph, int32_t value, bool direct,
                            uf_tensor *tensor, uf_error *error) {
  uf_status status;
  if (direct) return uf_session_read(self->session, graph, value, tensor, error);
  Py_BEGIN_ALLOW_THREADS
  status = uf_session_read(self->session, graph, value, tensor, error);
  Py_END_ALLOW_THREADS
  return status;
}

/* _read(graph, value, copy=False, raw=False) */
static PyObject *session_read(core_session *self, PyObject *args) {
  int32_t graph, value;
  int copy = 0, raw = 0;
  if (!PyArg_ParseTuple(args, "O&O&|pp", core_index, &graph, core_index, &value, &copy, &raw)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  if (!core_enter(self)) return NULL;
  uf_status status = read_value(self, graph, value, core_is_output(self, graph, value), &tensor,
                                &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return core_array(self->state, &tensor, (copy ? CORE_COPY : CORE_VIEW) | (raw ? CORE_RAW : 0));
}

/* FAILED_PRECONDITION when the value has memory only after an allocate. */
static uf_status check_allocated(core_session *self, int32_t graph, int32_t value,
                                 const char *what, uf_error *error) {
  uf_value_info info;
  uf_status status = uf_model_value(core_session_model(self), graph, value, &info, error);
  if (status != UF_OK || uf_session_is_allocated(self->session, graph)) return status;
  if (info.kind != UF_VALUE_ACTIVATION || info.dtype == UF_RESOURCE) return UF_OK;
  uf_model_info model;
  uf_model_describe(core_session_model(self), &model);
  error->status = UF_FAILED_PRECONDITION;
  PyOS_snprintf(error->message, sizeof(error->message),
                "%s: tensor %d '%s': expected allocated tensors before %s, found none; call "
                "allocate_tensors() first",
                model.path, (int)value, info.name, what);
  return UF_FAILED_PRECONDITION;
}

/* What an output holds between allocate_tensors and the first invoke: zeros,
 * with a warning. */
static PyObject *zeros_before_run(core_session *self, int32_t graph, int32_t value,
                                  const uf_error *error) {
  uf_tensor shape;
  uf_value_info info;
  if (!core_enter(self)) return NULL;
  bool known = !self->run_failed && core_is_output(self, graph, value) &&
               uf_session_is_allocated(self->session, graph) &&
               uf_model_value(core_session_model(self), graph, value, &info, NULL) == UF_OK &&
               info.kind == UF_VALUE_ACTIVATION && info.dtype != UF_RESOURCE &&
               uf_session_shape(self->session, graph, value, &shape, NULL) == UF_OK &&
               shape.rank >= 0;
  core_leave(self);
  for (int32_t i = 0; known && i < shape.rank; i++) known = shape.dims[i] >= 0;
  if (!known) return core_raise(self->state, error, CORE_ANY);
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                       "tensor %d '%s' is read before the first invoke(): it is all zeros",
                       (int)value, info.name) < 0)
    return NULL;
  return core_array_zeros(self->state, &shape);
}

PyDoc_STRVAR(get_tensor_doc,
"get_tensor($self, tensor_index, subgraph_index=0)\n--\n\n"
"The value of any tensor, as a new array that the caller owns.\n\n"
"Inputs, outputs, constants, state and intermediates of the last invoke() can\n"
"be read; a resource tensor gives the value of its variable. A tensor of rank\n"
"0 gives a NumPy scalar, strings an object array of bytes.\n\n"
"Raises OutOfRangeError (IndexError, ValueError) for an index that is none,\n"
"FailedPreconditionError (ValueError, RuntimeError) before allocate_tensors(),\n"
"before invoke() for an intermediate, or for a variable never assigned.");

static PyObject *session_get_tensor(core_session *self, PyObject *const *args, Py_ssize_t nargs,
                                    PyObject *kwnames) {
  static const char *const names[] = {"tensor_index", "subgraph_index"};
  PyObject *given[2];
  int32_t value, graph = 0;
  if (!arguments("get_tensor", names, 1, 2, args, nargs, kwnames, given)) return NULL;
  if (!core_index(given[0], &value)) return NULL;
  if (given[1] != NULL && !core_index(given[1], &graph)) return NULL;
  if (!core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  uf_status status = UF_OK;
  bool direct = core_is_output(self, graph, value);
  if (!direct || !uf_session_is_allocated(self->session, graph))
    status = check_allocated(self, graph, value, "get_tensor", &error);
  bool allocated = status == UF_OK;
  if (status == UF_OK && !read_sparse(self, graph, value, &tensor, &status, &error))
    status = read_value(self, graph, value, direct, &tensor, &error);
  core_leave(self);
  PyObject *array;
  if (status == UF_OK)
    array = core_array(self->state, &tensor, CORE_COPY | CORE_LITE);
  else if (status == UF_FAILED_PRECONDITION && direct && allocated)
    array = zeros_before_run(self, graph, value, &error);
  else
    return core_raise(self->state, &error, CORE_ANY);
  if (array == NULL || PyArray_DESCR((PyArrayObject *)array)->kind == 'O') return array;
  return PyArray_Return((PyArrayObject *)array); /* rank 0: a scalar, as LiteRT gives */
}

/* _live(graph, value): memory of an input or state tensor, writable; of
 * anything else a read-only view. */
static PyObject *session_live(core_session *self, PyObject *args) {
  int32_t graph, value;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &value)) return NULL;
  if (!core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  bool live = false;
  bool direct = core_is_output(self, graph, value);
  uf_status status = check_allocated(self, graph, value, "tensor", &error);
  bool allocated = status == UF_OK;
  if (status == UF_OK) {
    live = uf_session_live(self->session, graph, value, &tensor, NULL) == UF_OK;
    if (!live) status = read_value(self, graph, value, direct, &tensor, &error);
  }
  core_leave(self);
  if (status == UF_FAILED_PRECONDITION && direct && allocated)
    return zeros_before_run(self, graph, value, &error);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return live ? core_array_live(self->state, &tensor)
              : core_array(self->state, &tensor, CORE_VIEW | CORE_LITE);
}

/* _shape(graph, value): (dtype, shape or None) as the session has them now. */
static PyObject *session_shape(core_session *self, PyObject *args) {
  int32_t graph, value;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index, &value)) return NULL;
  if (!core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_tensor tensor;
  uf_status status = uf_session_shape(self->session, graph, value, &tensor, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("sN", uf_dtype_name(tensor.dtype),
                       core_shape_tuple(tensor.rank, tensor.dims));
}

/* ---- assigning ---- */

static uf_status write_value(core_session *self, int32_t graph, int32_t value,
                             const uf_tensor *tensor, bool resize, uf_error *error) {
  uf_status status;
  if (tensor->size <= CORE_BIG)
    return uf_session_set(self->session, graph, value, tensor, resize, error);
  Py_BEGIN_ALLOW_THREADS
  status = uf_session_set(self->session, graph, value, tensor, resize, error);
  Py_END_ALLOW_THREADS
  return status;
}

/* A variable keeps its shape when a caller writes it, unless it says so. */
static uf_status check_same_shape(core_session *self, int32_t graph, int32_t value,
                                  const uf_tensor *tensor, uf_error *error) {
  uf_value_info info;
  uf_tensor now;
  uf_status status = uf_model_value(core_session_model(self), graph, value, &info, error);
  if (status != UF_OK || info.dtype != UF_RESOURCE) return status;
  if (uf_session_read(self->session, graph, value, &now, NULL) != UF_OK) return UF_OK;
  bool same = core_same_shape(&now, tensor);
  if (!same) core_shape_error(error, info.name, &now, tensor);
  uf_tensor_release(&now);
  return same ? UF_OK : UF_INVALID_ARGUMENT;
}

/* The dtype a value has, for what needs to be told (packed, strings, plain
 * lists); UF_INVALID for an index that is none, which the library reports. */
static uf_dtype wanted(const core_session *self, int32_t graph, int32_t value) {
  uf_value_info info;
  if (uf_model_value(core_session_model(self), graph, value, &info, NULL) != UF_OK)
    return UF_INVALID;
  return info.dtype == UF_RESOURCE || info.dtype == UF_VARIANT ? UF_INVALID : info.dtype;
}

PyDoc_STRVAR(set_tensor_doc,
"set_tensor($self, tensor_index, value, subgraph_index=0)\n--\n\n"
"Copies value into an input, a state tensor or the variable of a resource.\n\n"
"Its dtype and shape must be those of the tensor (resize_tensor_input gives an\n"
"input another shape): WrongTypeError (ValueError, TypeError) and\n"
"InvalidArgumentError (ValueError) name both. FailedPreconditionError before\n"
"allocate_tensors(), OutOfRangeError for an index that is none.");

static PyObject *session_set_tensor(core_session *self, PyObject *const *args, Py_ssize_t nargs,
                                    PyObject *kwnames) {
  static const char *const names[] = {"tensor_index", "value", "subgraph_index"};
  PyObject *given[3];
  int32_t value, graph = 0;
  if (!arguments("set_tensor", names, 2, 3, args, nargs, kwnames, given)) return NULL;
  if (!core_index(given[0], &value)) return NULL;
  if (given[2] != NULL && !core_index(given[2], &graph)) return NULL;
  if (!core_enter(self)) return NULL; /* before anything is asked of the model */
  uf_dtype want = wanted(self, graph, value);
  core_leave(self);
  core_input input;
  if (!core_input_take(self->state, given[1], want, false, &input)) return NULL;
  CORE_ERROR(error);
  uf_status status = UF_FAILED_PRECONDITION;
  bool entered = core_enter(self);
  if (entered) {
    status = uf_session_is_allocated(self->session, graph)
                 ? UF_OK
                 : check_allocated(self, graph, value, "set_tensor", &error);
    if (status == UF_OK) status = check_same_shape(self, graph, value, &input.tensor, &error);
    if (status == UF_OK) status = write_value(self, graph, value, &input.tensor, false, &error);
    core_leave(self);
  }
  core_input_drop(&input);
  if (!entered) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* As wanted; for a handle the dtype of the variable's value. Between enter and leave. */
static uf_dtype wanted_of_value(core_session *self, int32_t graph, int32_t value) {
  uf_dtype want = wanted(self, graph, value);
  uf_tensor now;
  if (want != UF_INVALID || uf_session_read(self->session, graph, value, &now, NULL) != UF_OK)
    return want;
  want = now.dtype;
  uf_tensor_release(&now);
  return want;
}

/* _assign(graph, value, array, resize): as set_tensor, but plain numbers and
 * lists take the tensor's dtype, and an input its new shape; with resize a
 * variable too. */
static PyObject *session_assign(core_session *self, PyObject *args) {
  int32_t graph, value;
  int resize;
  PyObject *object;
  if (!PyArg_ParseTuple(args, "O&O&Op", core_index, &graph, core_index, &value, &object, &resize))
    return NULL;
  if (!core_enter(self)) return NULL;
  uf_dtype want = wanted_of_value(self, graph, value);
  core_leave(self);
  core_input input;
  if (!core_input_take(self->state, object, want, true, &input)) return NULL;
  CORE_ERROR(error);
  uf_status status = UF_OK;
  bool entered = core_enter(self);
  if (entered) {
    if (!resize) status = check_same_shape(self, graph, value, &input.tensor, &error);
    if (status == UF_OK) status = write_value(self, graph, value, &input.tensor, true, &error);
    core_leave(self);
  }
  core_input_drop(&input);
  if (!entered) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* ---- shapes and running ---- */

PyDoc_STRVAR(invoke_doc,
"invoke($self)\n--\n\n"
"Runs the model on the inputs as they are. The GIL is released meanwhile.\n\n"
"Raises FailedPreconditionError before allocate_tensors(); whatever else goes\n"
"wrong names the op and its tensors.");

/* Between enter and leave. */
static uf_status run_graph(core_session *self, int32_t graph, uf_error *error) {
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_session_run(self->session, graph, error);
  Py_END_ALLOW_THREADS
  self->run_failed = status != UF_OK;
  return status;
}

static PyObject *session_invoke(core_session *self, PyObject *unused) {
  if (!core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_status status = UF_OK;
  if (!uf_session_is_allocated(self->session, 0)) {
    uf_model_info model;
    uf_model_describe(core_session_model(self), &model);
    status = error.status = UF_FAILED_PRECONDITION;
    PyOS_snprintf(error.message, sizeof(error.message),
                  "%s: expected allocated tensors before invoke, found none; call "
                  "allocate_tensors() first",
                  model.path);
  }
  if (status == UF_OK) status = run_graph(self, 0, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* _run(graph) */
static PyObject *session_run(core_session *self, PyObject *args) {
  int32_t graph;
  if (!PyArg_ParseTuple(args, "O&", core_index, &graph) || !core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_status status = run_graph(self, graph, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* Indices of a Python sequence in memory of PyMem_Malloc; *n_out their number. */
static int32_t *indices_of(PyObject *sequence, int32_t *n_out) {
  Py_ssize_t n = PySequence_Size(sequence);
  if (n < 0) return NULL;
  int32_t *indices = PyMem_Malloc(n > 0 ? (size_t)n * sizeof(int32_t) : 1);
  if (indices == NULL) return (int32_t *)PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    bool ok = item != NULL && core_index(item, &indices[i]);
    Py_XDECREF(item);
    if (!ok) {
      PyMem_Free(indices);
      return NULL;
    }
  }
  *n_out = (int32_t)n;
  return indices;
}

/* _run_for(graph, values, nodes): runs only what these need. */
static PyObject *session_run_for(core_session *self, PyObject *args) {
  int32_t graph;
  PyObject *values_object, *nodes_object;
  if (!PyArg_ParseTuple(args, "O&OO", core_index, &graph, &values_object,
                        &nodes_object)) return NULL;
  int32_t n_values = 0, n_nodes = 0;
  int32_t *values = indices_of(values_object, &n_values);
  int32_t *nodes = values == NULL ? NULL : indices_of(nodes_object, &n_nodes);
  CORE_ERROR(error);
  uf_status status = UF_OK;
  bool entered = nodes != NULL && core_enter(self);
  if (entered) {
    Py_BEGIN_ALLOW_THREADS
    status = uf_session_run_for(self->session, graph, values, n_values, nodes, n_nodes, &error);
    Py_END_ALLOW_THREADS
    core_leave(self);
  }
  PyMem_Free(values);
  PyMem_Free(nodes);
  if (!entered) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* _resize(graph, value, shape, strict) */
static PyObject *session_resize(core_session *self, PyObject *args) {
  int graph, value, strict;
  PyObject *shape;
  if (!PyArg_ParseTuple(args, "O&O&Op", core_index, &graph, core_index, &value, &shape,
                        &strict)) return NULL;
  if (!core_enter(self)) return NULL;
  core_leave(self);
  int64_t dims[UF_MAX_RANK];
  int32_t rank = core_dims_of(self->state, shape, UF_MAX_RANK, dims);
  if (rank < 0 || !core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_status status = uf_session_resize(self->session, graph, value, rank, dims, strict, &error);
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* _allocate(graph) */
static PyObject *session_allocate(core_session *self, PyObject *args) {
  int32_t graph;
  if (!PyArg_ParseTuple(args, "O&", core_index, &graph) || !core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_session_allocate_anew(self->session, graph, &error);
  Py_END_ALLOW_THREADS
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

/* _capture(graph, values) */
static PyObject *session_capture(core_session *self, PyObject *args) {
  int32_t graph;
  PyObject *object;
  int32_t n = 0;
  if (!PyArg_ParseTuple(args, "O&O", core_index, &graph, &object)) return NULL;
  int32_t *values = indices_of(object, &n);
  CORE_ERROR(error);
  uf_status status = UF_OK;
  bool entered = values != NULL && core_enter(self);
  if (entered) {
    status = uf_session_capture(self->session, graph, values, n, &error);
    core_leave(self);
  }
  PyMem_Free(values);
  if (!entered) return NULL;
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  Py_RETURN_NONE;
}

static PyObject *session_memory(core_session *self, PyObject *unused) {
  if (!core_enter(self)) return NULL;
  uf_memory_info info;
  uf_session_memory(self->session, &info);
  core_leave(self);
  return Py_BuildValue("{s:n,s:n,s:n,s:n}", "arena", (Py_ssize_t)info.arena, "arena_bound",
                       (Py_ssize_t)info.arena_bound, "kept", (Py_ssize_t)info.kept, "packed",
                       (Py_ssize_t)info.packed);
}

static PyObject *session_unsupported(core_session *self, PyObject *unused) {
  if (!core_enter(self)) return NULL;
  PyObject *list = PyList_New(0);
  const char *line;
  for (int32_t i = 0; list != NULL && (line = uf_session_unsupported(self->session, i)) != NULL; i++) {
    PyObject *text = core_text(line);
    if (text == NULL || PyList_Append(list, text) < 0) Py_CLEAR(list);
    Py_XDECREF(text);
  }
  core_leave(self);
  return list;
}

/* ---- a whole call: inputs in, run, outputs out ---- */

typedef struct call {
  int32_t graph, n_inputs, n_outputs;
  bool lite;         /* as TFLite's signature runners */
  int32_t *inputs, *outputs;
  core_input *given;
  uf_tensor *results; /* of n_outputs; those up to n_results are held */
  int32_t n_results;
} call;

static void call_drop(call *c) {
  for (int32_t i = 0; c->given != NULL && i < c->n_inputs; i++) core_input_drop(&c->given[i]);
  for (int32_t i = 0; i < c->n_results; i++) uf_tensor_release(&c->results[i]);
  PyMem_Free(c->inputs);
  PyMem_Free(c->outputs);
  PyMem_Free(c->given);
  PyMem_Free(c->results);
}

/* Without the GIL. */
static uf_status call_run(core_session *self, call *c, uf_error *error) {
  uf_session *session = self->session;
  uf_status status = UF_OK;
  for (int32_t i = 0; i < c->n_inputs && status == UF_OK; i++) {
    const uf_tensor *tensor = &c->given[i].tensor;
    uf_tensor now;
    status = uf_session_shape(session, c->graph, c->inputs[i], &now, error);
    if (status == UF_OK && !core_same_shape(&now, tensor))
      status = uf_session_resize(session, c->graph, c->inputs[i], tensor->rank, tensor->dims,
                                 false, error);
  }
  if (status == UF_OK)
    status = c->lite ? uf_session_allocate_anew(session, c->graph, error)
                     : uf_session_allocate(session, c->graph, error);
  for (int32_t i = 0; i < c->n_inputs && status == UF_OK; i++)
    status = uf_session_set(session, c->graph, c->inputs[i], &c->given[i].tensor, false, error);
  if (status == UF_OK) {
    status = uf_session_run(session, c->graph, error);
    self->run_failed = status != UF_OK;
  }
  for (int32_t i = 0; i < c->n_outputs && status == UF_OK; i++) {
    status = uf_session_read(session, c->graph, c->outputs[i], &c->results[i], error);
    if (status == UF_OK) c->n_results++;
  }
  return status;
}

static bool call_take(core_session *self, call *c, PyObject *inputs, PyObject *values,
                      PyObject *outputs, bool lenient) {
  c->inputs = indices_of(inputs, &c->n_inputs);
  if (c->inputs == NULL || (c->outputs = indices_of(outputs, &c->n_outputs)) == NULL) return false;
  c->given = PyMem_Calloc((size_t)c->n_inputs + 1, sizeof(core_input));
  c->results = PyMem_Calloc((size_t)c->n_outputs + 1, sizeof(uf_tensor));
  if (c->given == NULL || c->results == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (int32_t i = 0; i < c->n_inputs; i++) {
    PyObject *value = PySequence_GetItem(values, i);
    bool ok = value != NULL && core_input_take(self->state, value,
                                               wanted(self, c->graph, c->inputs[i]), lenient,
                                               &c->given[i]);
    Py_XDECREF(value);
    if (!ok) return false;
  }
  return true;
}

static PyObject *call_results(core_session *self, call *c, int how) {
  PyObject *list = PyList_New(c->n_outputs);
  for (int32_t i = 0; list != NULL && i < c->n_outputs; i++) {
    uf_tensor tensor = c->results[i];
    c->results[i] = (uf_tensor){0}; /* core_array releases it */
    PyObject *array = core_array(self->state, &tensor, how);
    if (array != NULL && (how & CORE_LITE) && PyArray_DESCR((PyArrayObject *)array)->kind != 'O')
      array = PyArray_Return((PyArrayObject *)array);
    if (array == NULL || PyList_SetItem(list, i, array) < 0) Py_CLEAR(list);
  }
  return list;
}

/* _call(graph, inputs, values, outputs, lenient, lite): resizes, allocates,
 * sets, runs and reads, the GIL released all along; a list of new arrays. */
static PyObject *session_call(core_session *self, PyObject *args) {
  PyObject *inputs, *values, *outputs, *result = NULL;
  int lenient, lite;
  call c = {0};
  if (!PyArg_ParseTuple(args, "O&OOOpp", core_index, &c.graph, &inputs, &values, &outputs,
                        &lenient, &lite))
    return NULL;
  if (!core_enter(self)) return NULL; /* open at all */
  core_leave(self);
  c.lite = lite != 0;
  CORE_ERROR(error);
  uf_status status;
  if (call_take(self, &c, inputs, values, outputs, lenient != 0) && core_enter(self)) {
    Py_BEGIN_ALLOW_THREADS
    status = call_run(self, &c, &error);
    Py_END_ALLOW_THREADS
    core_leave(self);
    result = status == UF_OK ? call_results(self, &c, CORE_COPY | (lite ? CORE_LITE : 0))
                             : core_raise(self->state, &error, CORE_ANY);
  }
  call_drop(&c);
  return result;
}

/* ---- the type ---- */

static PyMethodDef methods[] = {
  {"get_tensor", (PyCFunction)(void (*)(void))session_get_tensor, METH_FASTCALL | METH_KEYWORDS,
   get_tensor_doc},
  {"set_tensor", (PyCFunction)(void (*)(void))session_set_tensor, METH_FASTCALL | METH_KEYWORDS,
   set_tensor_doc},
  {"invoke", (PyCFunction)session_invoke, METH_NOARGS, invoke_doc},
  {"_read", (PyCFunction)session_read, METH_VARARGS, NULL},
  {"_live", (PyCFunction)session_live, METH_VARARGS, NULL},
  {"_shape", (PyCFunction)session_shape, METH_VARARGS, NULL},
  {"_assign", (PyCFunction)session_assign, METH_VARARGS, NULL},
  {"_run", (PyCFunction)session_run, METH_VARARGS, NULL},
  {"_run_for", (PyCFunction)session_run_for, METH_VARARGS, NULL},
  {"_call", (PyCFunction)session_call, METH_VARARGS, NULL},
  {"_step", (PyCFunction)core_session_step, METH_VARARGS, NULL},
  {"_resize", (PyCFunction)session_resize, METH_VARARGS, NULL},
  {"_allocate", (PyCFunction)session_allocate, METH_VARARGS, NULL},
  {"_capture", (PyCFunction)session_capture, METH_VARARGS, NULL},
  {"_memory", (PyCFunction)session_memory, METH_NOARGS, NULL},
  {"_unsupported", (PyCFunction)session_unsupported, METH_NOARGS, NULL},
  {"_fork", (PyCFunction)session_fork, METH_NOARGS, NULL},
  {"_close", (PyCFunction)session_close, METH_NOARGS, NULL},
  {"_details", (PyCFunction)core_session_details, METH_VARARGS, NULL},
  {"_op_details", (PyCFunction)core_session_op_details, METH_VARARGS, NULL},
  {"_state_count", (PyCFunction)core_session_state_count, METH_NOARGS, NULL},
  {"_state_info", (PyCFunction)core_session_state_info, METH_VARARGS, NULL},
  {"_find_state", (PyCFunction)core_session_find_state, METH_VARARGS, NULL},
  {"_state_read", (PyCFunction)core_session_state_read, METH_VARARGS, NULL},
  {"_state_write", (PyCFunction)core_session_state_write, METH_VARARGS, NULL},
  {"_reset", (PyCFunction)core_session_reset, METH_NOARGS, NULL},
  {"_reset_state_tensors", (PyCFunction)core_session_reset_state_tensors, METH_NOARGS, NULL},
  {"_share_state", (PyCFunction)core_session_share_state, METH_VARARGS, NULL},
  {NULL},
};

static PyGetSetDef getset[] = {
  {"_model", session_get_model, NULL, "The opened model.", NULL},
  {NULL},
};

static PyType_Slot slots[] = {
  {Py_tp_new, PyType_GenericNew},
  {Py_tp_init, session_init},
  {Py_tp_dealloc, session_dealloc},
  {Py_tp_methods, methods},
  {Py_tp_getset, getset},
  {Py_tp_doc, "One execution of a model. Calls from several threads wait for each other."},
  {0, NULL},
};

PyType_Spec core_session_spec = {
  .name = "unflow._core.Session",
  .basicsize = sizeof(core_session),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = slots,
};
