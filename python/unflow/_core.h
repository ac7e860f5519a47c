/* SPDX-License-Identifier: Apache-2.0
 *
 * _core.h: front door of the Python extension unflow._core.
 *
 * The extension sees unflow.h, Python's limited API and NumPy's C API, nothing
 * else of the library. Its types are thin: core_model holds a uf_model,
 * core_session a uf_session and a lock, core_builder a uf_builder. What users
 * see (mappings, Tensor, Interpreter, tf.Variable) is Python on top.
 *
 *   py_error.c    a uf_error becomes an exception of unflow.errors
 *   py_array.c    uf_tensor to NumPy array; quantization parameters
 *   py_input.c    a value of Python as a uf_tensor
 *   py_model.c    what is in the file
 *   py_session.c  run, read and assign; the Interpreter's hot path
 *   py_step.c     one step of a TensorFlow graph's model
 *   py_state.c    variables, tables and state tensors of a session
 *   py_details.c  LiteRT's dictionaries about tensors
 *   py_builder.c  graphs made call by call
 *   py_source.c   named arrays of checkpoints, graphs, archives
 *   py_custom.c   custom ops that are Python functions
 *   py_writer.c   arrays to checkpoints and archives
 *   py_eager.h    eager mode: tensors, operators, ops one by one (three files)
 *   _core.c       the module
 *
 * Threads: a uf_session may be used by one thread at a time, so every call
 * into one goes between core_enter and core_leave. Python code that runs in
 * between, which only a custom op's is, gets an error when it comes back to the
 * same session, for it would wait for itself.
 */
#ifndef UNFLOW_CORE_H
#define UNFLOW_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pythread.h>

#include <stdbool.h>
#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_24_API_VERSION
#define NPY_TARGET_VERSION NPY_1_24_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL unflow_array_api
#ifndef CORE_IMPORTS_ARRAY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "unflow.h"

/* Per module (and so per interpreter). Objects keep a plain pointer to it:
 * their type keeps the module alive. */
typedef struct core_state {
  PyObject *errors;                        /* unflow.errors, imported at the first error */
  bool ml_asked;                           /* ml_dtypes was looked for */
  PyArray_Descr *ml_descr[UF_DTYPE_COUNT]; /* its dtypes; NULL: not there */
  bool in_ml[UF_DTYPE_COUNT];              /* it may have one of that name */
  int npy_type[UF_DTYPE_COUNT];            /* NumPy's own that holds the values */
  PyTypeObject *model_type, *session_type, *builder_type, *source_type;
  struct core_eager *eager;                /* py_eager.h */
} core_state;

core_state *core_state_of(PyObject *module);
/* The state when object is exactly a core_model; else NULL with TypeError set. */
core_state *core_state_of_model(PyObject *object);

/* Work on more bytes than this is done without the GIL. */
#define CORE_BIG ((size_t)1 << 20)

/* ---- errors (py_error.c) ---- */

/* A uf_error is 2 KiB; zeroing all of it would cost more than the calls. */
#define CORE_ERROR(name) \
  uf_error name;         \
  name.status = UF_OK;   \
  name.message[0] = 0

/* What was not found, so that NotFoundError is also a FileNotFoundError or a KeyError. */
typedef enum core_what { CORE_ANY, CORE_FILE, CORE_NAME } core_what;

/* Both return NULL, with the exception set. */
PyObject *core_raise(core_state *state, const uf_error *error, core_what what);
PyObject *core_fail(core_state *state, uf_status status, const char *format, ...)
    UF_PRINTF(3, 4);

/* Text of the library as str; bytes that are not UTF-8 as surrogates. */
PyObject *core_text(const char *text);
/* A tuple of n such. */
PyObject *core_text_tuple(const char *const *texts, int32_t n);
/* str as text for the library; *keep_out is to be released after use. NULL: TypeError set. */
const char *core_text_of(PyObject *object, PyObject **keep_out);

/* ---- arrays (py_array.c) ---- */

enum {
  CORE_VIEW = 0,
  CORE_COPY = 1,  /* a writable array of its own */
  CORE_LITE = 2,  /* int4, uint4, int2 as int8 and uint8, as LiteRT has them */
  CORE_OWN = 4,   /* the tensor's memory is nobody else's: a writable array over it */
  CORE_RAW = 8,   /* bits where NumPy has no dtype: uint16 and uint8, packed ones in one row */
};

/* Reads the table of dtypes; before anything else. False: a Python exception is set. */
bool core_dtypes_set_up(core_state *state);
/* ml_dtypes is installed and has it. */
bool core_has_ml(core_state *state, uf_dtype dtype);
/* The array for a tensor, which is released in any case. */
PyObject *core_array(core_state *state, uf_tensor *tensor, int how);
/* A writable view of live memory; released in any case. */
PyObject *core_array_live(core_state *state, uf_tensor *tensor);
/* Zeros of that dtype and shape, with an array dtype as core_array gives. */
PyObject *core_array_zeros(core_state *state, const uf_tensor *shape);
/* The NumPy dtype that core_array gives for a uf_dtype; new reference. */
PyArray_Descr *core_descr(core_state *state, uf_dtype dtype, int how);
PyObject *core_int32_array(const int32_t *values, int64_t n);
/* {traversal_order, block_map, dim_metadata} as LiteRT has them; {} for NULL. */
PyObject *core_sparsity(const uf_sparsity *sparsity);
/* (1, 2, 3), None for rank -1. */
PyObject *core_shape_tuple(int32_t rank, const int64_t *dims);
bool core_same_shape(const uf_tensor *a, const uf_tensor *b);
/* INVALID_ARGUMENT: `name` has the shape of `now`, not that of `found`. */
void core_shape_error(uf_error *error, const char *name, const uf_tensor *now,
                      const uf_tensor *found);
/* Ints of a Python sequence into out, of which there are at most max; their
 * number, or -1 with the exception set. */
int32_t core_dims_of(core_state *state, PyObject *sequence, int32_t max, int64_t *out);

/* A converter for PyArg_ParseTuple's O&: any integer as an int32_t; one that does
 * not fit becomes an index that no graph has. */
int core_index(PyObject *object, void *out);

/* A value of Python as a tensor that borrows from it. */
typedef struct core_input {
  uf_tensor tensor;
  PyObject *keep;  /* the array */
  void *memory;    /* packed or converted elements */
} core_input;

/* want: the dtype it is for, or UF_INVALID: whatever it is. lenient: plain
 * Python numbers and lists take the wanted dtype when nothing is lost. Arrays
 * keep their dtype: that it fits is for the library to check. */
bool core_input_take(core_state *state, PyObject *value, uf_dtype want, bool lenient,
                     core_input *out);
void core_input_drop(core_input *input);

/* (scales, zero_points, axis, block_size) or None. */
PyObject *core_quant_tuple(const uf_quant *quant);

PyObject *core_dequantize(PyObject *module, PyObject *args);
PyObject *core_np_dtype(PyObject *module, PyObject *args);
PyObject *core_dtypes(PyObject *module, PyObject *unused);

/* ---- types ---- */

typedef struct core_model {
  PyObject_HEAD
  core_state *state;
  uf_model *model;
} core_model;

typedef struct core_session {
  PyObject_HEAD
  core_state *state;
  uf_session *session;     /* NULL: closed */
  PyObject *model;         /* core_model */
  PyThread_type_lock lock;
  unsigned long owner;     /* the thread that has the lock; 0: none */
  bool run_failed;         /* the last run did, so outputs hold nothing */
} core_session;

typedef struct core_builder {
  PyObject_HEAD
  core_state *state;
  uf_builder *builder;
  PyObject *owner;         /* the core_builder whose function it is the body of; NULL: none */
} core_builder;

typedef struct core_source {
  PyObject_HEAD
  core_state *state;
  uf_source *source;
} core_source;

/* The entry of that name; NULL: exception set. */
const uf_entry *core_source_find(core_source *self, PyObject *name);
PyObject *core_source_extract(core_source *self, PyObject *args);
PyObject *core_write_checkpoint(PyObject *module, PyObject *args);

extern PyType_Spec core_source_spec, core_model_spec, core_session_spec, core_builder_spec;

/* Takes over the model, also when it fails. */
PyObject *core_model_wrap(core_state *state, uf_model *model);
PyObject *core_open_path(PyObject *module, PyObject *args);
PyObject *core_open_buffer(PyObject *module, PyObject *args);
/* Memory that cannot change is shared, with a reference to its object; the rest is
 * copied. NULL: exception set. */
uf_buf *core_buf_of(PyObject *object);
PyObject *core_source_open(PyObject *module, PyObject *args);
PyObject *core_source_open_fs(PyObject *module, PyObject *args);
PyObject *core_source_open_buffer(PyObject *module, PyObject *args);

/* Waits for the session. false: it is closed (exception set). */
bool core_enter(core_session *self);
void core_leave(core_session *self);
uf_model *core_session_model(const core_session *self);
/* The value is an input or output of its graph, so reading it costs nothing. */
bool core_is_output(const core_session *self, int32_t graph, int32_t value);

/* custom ops (py_custom.c): {name: callable} or None as a set of ops, NULL for None; false: exception set. */
bool core_ops_of(PyObject *module, PyObject *functions, uf_ops **out);
/* Raises the exception of a Python function that the error is of; false: it is of none. */
bool core_custom_raise(const uf_error *error);

/* Methods of Session that live in other files than its table. */
PyObject *core_session_step(core_session *self, PyObject *args);
PyObject *core_session_details(core_session *self, PyObject *args);
PyObject *core_session_op_details(core_session *self, PyObject *args);
PyObject *core_session_state_count(core_session *self, PyObject *unused);
PyObject *core_session_state_info(core_session *self, PyObject *args);
PyObject *core_session_find_state(core_session *self, PyObject *args);
PyObject *core_session_state_read(core_session *self, PyObject *args);
PyObject *core_session_state_write(core_session *self, PyObject *args);
PyObject *core_session_reset(core_session *self, PyObject *unused);
PyObject *core_session_reset_state_tensors(core_session *self, PyObject *unused);
PyObject *core_session_share_state(core_session *self, PyObject *args);

#endif
