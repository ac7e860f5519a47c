/* SPDX-License-Identifier: Apache-2.0
 *
 * _core.c: the extension module unflow._core.
 */
#define CORE_IMPORTS_ARRAY
#include "py_eager.h"

static struct PyModuleDef core_module;

core_state *core_state_of(PyObject *module) { return PyModule_GetState(module); }

core_state *core_state_of_model(PyObject *object) {
  PyObject *module = PyType_GetModule(Py_TYPE(object)); /* borrowed */
  if (module != NULL && PyModule_GetDef(module) == &core_module) {
    core_state *state = PyModule_GetState(module);
    if (state != NULL && Py_TYPE(object) == state->model_type) return state;
  }
  PyErr_SetString(PyExc_TypeError, "expected an unflow._core.Model");
  return NULL;
}

static PyObject *core_version(PyObject *module, PyObject *unused) {
  return core_text(uf_version());
}

static PyObject *core_isa(PyObject *module, PyObject *unused) { return core_text(uf_isa()); }

/* ops(): [(name, TFLite builtin code or -1, TensorFlow names)]. */
static PyObject *core_ops(PyObject *module, PyObject *unused) {
  PyObject *list = PyList_New(0);
  const char *name, *tf_names;
  int32_t code;
  for (int32_t i = 0; list != NULL && (name = uf_op_name(i, &code, &tf_names)) != NULL; i++) {
    PyObject *row = Py_BuildValue("sis", name, code, tf_names != NULL ? tf_names : "");
    if (row == NULL || PyList_Append(list, row) < 0) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static PyMethodDef functions[] = {
  {"open_path", core_open_path, METH_VARARGS, "open_path(path) -> Model"},
  {"open_buffer", core_open_buffer, METH_VARARGS, "open_buffer(buffer, name) -> Model"},
  {"source_open", core_source_open, METH_VARARGS, "source_open(path) -> Source"},
  {"source_open_fs", core_source_open_fs, METH_VARARGS, "source_open_fs(path, fs) -> Source"},
  {"source_open_buffer", core_source_open_buffer, METH_VARARGS,
   "source_open_buffer(buffer, name=None) -> Source"},
  {"write_checkpoint", core_write_checkpoint, METH_VARARGS,
   "write_checkpoint(prefix, pairs, shards)"},
  {"dequantize", core_dequantize, METH_VARARGS,
   "dequantize(array, dtype, scales, zero_points, axis, block_size, out) -> float32 array"},
  {"np_dtype", core_np_dtype, METH_VARARGS, "np_dtype(name) -> numpy.dtype"},
  {"dtypes", core_dtypes, METH_NOARGS,
   "dtypes() -> list of (name, bits, TFLite's number, TensorFlow's, NumPy's name, in ml_dtypes)"},
  {"tensor", core_tensor_make, METH_VARARGS, "tensor(value, dtype=None) -> EagerTensor"},
  {"quick", (PyCFunction)(void (*)(void))core_tensor_quick, METH_FASTCALL,
   "quick(value, dtype) -> EagerTensor or None"},
  {"execute", (PyCFunction)(void (*)(void))core_execute, METH_FASTCALL,
   "execute(op, inputs, attrs=None) -> EagerTensor, list or None"},
  {"tf_op", core_tf_op, METH_VARARGS, "tf_op(name) -> (inputs, outputs, attrs, stateful, runs)"},
  {"forget_ops", core_forget_ops, METH_NOARGS, "forget_ops(): prepared ops and their states"},
  {"share_threads", core_share_threads, METH_VARARGS, "share_threads(session)"},
  {"set_threads", core_set_threads, METH_VARARGS, "set_threads(n) -> bool: of ops; False: too late"},
  {"share_context", core_share_context, METH_VARARGS, "share_context(session)"},
  {"version", core_version, METH_NOARGS, "version() -> str"},
  {"isa", core_isa, METH_NOARGS, "isa() -> str: whose kernels run"},
  {"ops", core_ops, METH_NOARGS, "ops() -> list of (name, code, TensorFlow names)"},
  {NULL},
};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  if (type != NULL && PyModule_AddType(module, type) < 0) Py_CLEAR(type);
  return type;
}

static int import_numpy(void) {
  import_array1(-1);
  return 0;
}

static int core_exec(PyObject *module) {
  core_state *state = PyModule_GetState(module);
  if (import_numpy() < 0 || !core_dtypes_set_up(state)) return -1;
  if ((state->model_type = add_type(module, &core_model_spec)) == NULL) return -1;
  if ((state->session_type = add_type(module, &core_session_spec)) == NULL) return -1;
  if ((state->builder_type = add_type(module, &core_builder_spec)) == NULL) return -1;
  if ((state->source_type = add_type(module, &core_source_spec)) == NULL) return -1;
  return core_eager_set_up(module);
}

static int core_clear(PyObject *module) {
  core_state *state = PyModule_GetState(module);
  if (state == NULL) return 0;
  Py_CLEAR(state->errors);
  Py_CLEAR(state->model_type);
  Py_CLEAR(state->session_type);
  Py_CLEAR(state->builder_type);
  Py_CLEAR(state->source_type);
  for (int i = 0; i < UF_DTYPE_COUNT; i++) Py_CLEAR(state->ml_descr[i]);
  core_eager_clear(state);
  return 0;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
  core_state *state = PyModule_GetState(module);
  if (state == NULL) return 0;
  Py_VISIT(state->errors);
  Py_VISIT(state->model_type);
  Py_VISIT(state->session_type);
  Py_VISIT(state->builder_type);
  Py_VISIT(state->source_type);
  return core_eager_visit(state, visit, arg);
}

static void core_free(void *module) { core_clear(module); }

static PyModuleDef_Slot slots[] = {
  {Py_mod_exec, core_exec},
  {0, NULL},
};

static struct PyModuleDef core_module = {
  PyModuleDef_HEAD_INIT,
  .m_name = "unflow._core",
  .m_doc = "The C side of the unflow package.",
  .m_size = sizeof(core_state),
  .m_methods = functions,
  .m_slots = slots,
  .m_traverse = core_traverse,
  .m_clear = core_clear,
  .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void); /* Python declares no prototype */
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_module); }
