/* SPDX-License-Identifier: Apache-2.0
 *
 * py_writer.c: arrays to files: checkpoints, and sources to .npz, .npy and .safetensors.
 */
#include "_core.h"

/* ---- checkpoints ---- */

/* One (name, value) pair into the writer. False: exception set. */
static bool add_pair(core_state *state, uf_checkpoint_writer *writer, PyObject *pair) {
  PyObject *name, *value, *keep;
  if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "OO", &name, &value)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "expected (name, value) pairs");
    return false;
  }
  const char *text = core_text_of(name, &keep);
  if (text == NULL) return false;
  core_input input;
  bool good = core_input_take(state, value, UF_INVALID, false, &input);
  if (good) {
    CORE_ERROR(error);
    uf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = uf_checkpoint_add(writer, text, &input.tensor, &error);
    Py_END_ALLOW_THREADS
    core_input_drop(&input);
    good = status == UF_OK;
    if (!good) core_raise(state, &error, CORE_ANY);
  }
  Py_DECREF(keep);
  return good;
}

/* write_checkpoint(prefix, pairs, shards): pairs is an iterable of (name, value), taken one
 * after the other. All files appear, or none. */
PyObject *core_write_checkpoint(PyObject *module, PyObject *args) {
  core_state *state = core_state_of(module);
  PyObject *path, *pairs;
  int shards;
  if (!PyArg_ParseTuple(args, "O&Oi", PyUnicode_FSConverter, &path, &pairs, &shards)) return NULL;
  CORE_ERROR(error);
  uf_checkpoint_writer *writer = NULL;
  PyObject *iterator = PyObject_GetIter(pairs), *pair;
  if (iterator == NULL) goto failed;
  if (uf_checkpoint_create(PyBytes_AsString(path), shards, &writer, &error) != UF_OK) {
    core_raise(state, &error, CORE_FILE);
    goto failed;
  }
  while ((pair = PyIter_Next(iterator)) != NULL) {
    bool good = add_pair(state, writer, pair);
    Py_DECREF(pair);
    if (!good) goto failed;
  }
  if (PyErr_Occurred()) goto failed;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_checkpoint_finish(writer, &error);
  Py_END_ALLOW_THREADS
  writer = NULL; /* freed, either way */
  if (status != UF_OK) {
    core_raise(state, &error, CORE_FILE);
    goto failed;
  }
  Py_DECREF(iterator);
  Py_DECREF(path);
  Py_RETURN_NONE;
failed:
  uf_checkpoint_abandon(writer);
  Py_XDECREF(iterator);
  Py_DECREF(path);
  return NULL;
}

/* ---- extraction ---- */

typedef struct progress {
  PyObject *call;   /* NULL: nobody wants to know */
  bool raised;      /* it did; the exception waits in what follows */
  PyObject *type, *value, *trace;
} progress;

static bool on_progress(void *context, uint64_t done, uint64_t total) {
  progress *p = context;
  PyGILState_STATE gil = PyGILState_Ensure();
  bool go_on = PyErr_CheckSignals() == 0;
  PyObject *result = NULL;
  if (go_on && p->call != NULL)
    result = PyObject_CallFunction(p->call, "KK", (unsigned long long)done,
                                   (unsigned long long)total);
  if (PyErr_Occurred()) {
    PyErr_Fetch(&p->type, &p->value, &p->trace);
    p->raised = true;
    go_on = false;
  }
  Py_XDECREF(result);
  PyGILState_Release(gil);
  return go_on;
}

/* What an item borrows from Python and owns. */
typedef struct item_keep {
  PyObject *name;
  int32_t axes[UF_MAX_RANK];
} item_keep;

/* (name, key, dtype or None, dequantize, axes or None). False: exception set. */
static bool take_item(core_source *source, PyObject *tuple, uf_output_item *item, item_keep *keep) {
  PyObject *name, *key, *axes;
  const char *dtype;
  int dequantize;
  if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "OOzpO", &name, &key, &dtype, &dequantize, &axes)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "expected a tuple for each array");
    return false;
  }
  item->name = core_text_of(name, &keep->name);
  if (item->name == NULL) return false;
  item->entry = core_source_find(source, key);
  if (item->entry == NULL) return false;
  item->dequantize = dequantize;
  if (dtype != NULL && (item->dtype = uf_dtype_from_name(dtype)) == UF_INVALID) {
    core_fail(source->state, UF_INVALID_ARGUMENT, "expected the name of a dtype, found '%s'", dtype);
    return false;
  }
  if (axes == Py_None) return true;
  int64_t wide[UF_MAX_RANK];
  int32_t rank = core_dims_of(source->state, axes, UF_MAX_RANK, wide);
  if (rank < 0) return false;
  if (rank != item->entry->rank) {
    core_fail(source->state, UF_INVALID_ARGUMENT, "'%s': expected %d axes, found %d", item->name,
              (int)item->entry->rank, (int)rank);
    return false;
  }
  for (int32_t i = 0; i < rank; i++) keep->axes[i] = wide[i] < 0 || wide[i] > rank ? -1 : (int32_t)wide[i];
  item->axes = keep->axes;
  return true;
}

static bool run_extract(core_source *self, const uf_output_item *items, size_t n, const char *path,
                        const uf_output_options *options) {
  CORE_ERROR(error);
  progress *p = options->progress_context;
  uf_status status;
  Py_BEGIN_ALLOW_THREADS
  status = uf_extract(self->source, items, n, path, options, &error);
  Py_END_ALLOW_THREADS
  if (status == UF_OK) return true;
  if (p->raised) PyErr_Restore(p->type, p->value, p->trace);
  else core_raise(self->state, &error, CORE_ANY);
  return false;
}

/* extract(items, path, format or None, level, verify, threads, progress or None). */
PyObject *core_source_extract(core_source *self, PyObject *args) {
  PyObject *sequence, *path, *call, *result = NULL;
  const char *format;
  int level, verify, threads;
  if (!PyArg_ParseTuple(args, "OO&zipiO", &sequence, PyUnicode_FSConverter, &path, &format, &level,
                        &verify, &threads, &call))
    return NULL;
  Py_ssize_t n = PySequence_Size(sequence), taken = 0;
  progress p = {.call = call != Py_None ? call : NULL};
  uf_output_options options = {.struct_size = sizeof(options), .format = format, .level = level,
                               .verify = verify != 0, .n_threads = threads,
                               .progress = on_progress, .progress_context = &p};
  uf_output_item *items = n >= 0 ? PyMem_Calloc((size_t)n + 1, sizeof(*items)) : NULL;
  item_keep *keeps = n >= 0 ? PyMem_Calloc((size_t)n + 1, sizeof(*keeps)) : NULL;
  bool good = items != NULL && keeps != NULL;
  if (!good && !PyErr_Occurred()) PyErr_NoMemory();
  for (; good && taken < n; taken++) {
    PyObject *tuple = PySequence_GetItem(sequence, taken);
    good = tuple != NULL && take_item(self, tuple, &items[taken], &keeps[taken]);
    Py_XDECREF(tuple);
  }
  if (good && run_extract(self, items, (size_t)n, PyBytes_AsString(path), &options)) {
    result = Py_None;
    Py_INCREF(result);
  }
  for (Py_ssize_t i = 0; keeps != NULL && i < n; i++) Py_XDECREF(keeps[i].name);
  PyMem_Free(items);
  PyMem_Free(keeps);
  Py_DECREF(path);
  return result;
}
