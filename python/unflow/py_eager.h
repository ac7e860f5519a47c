/* SPDX-License-Identifier: Apache-2.0
 *
 * py_eager.h: what the files of eager mode share.
 *
 *   py_eager.c      EagerTensor: a tensor that is there already
 *   py_operators.c  Operand and Tensor, which have Python's operators
 *   py_execute.c    one op by name: attributes, and the memory of prepared ops
 *
 * All ops of a process run in one uf_context, which one thread uses at a time:
 * between core_eager_enter and core_eager_leave no Python code runs.
 */
#ifndef UNFLOW_PY_EAGER_H
#define UNFLOW_PY_EAGER_H

#include "_core.h"

typedef struct core_tensor {
  PyObject_HEAD
  core_state *state;
  uf_tensor tensor;  /* owns a reference to its buf */
  PyObject *shape;   /* the TensorShape, once asked for */
  PyObject *weak;    /* weak references */
  PyObject *dict;    /* attributes that programs give it */
} core_tensor;

/* The operators of Python, each with the TensorFlow op that it is for equal dtypes. */
#define CORE_OPERATORS(X)                                                       \
  X(ADD, "AddV2") X(SUB, "Sub") X(MUL, "Mul") X(TRUEDIV, "RealDiv")             \
  X(FLOORDIV, "FloorDiv") X(MOD, "FloorMod") X(POW, "Pow") X(MATMUL, "MatMul")  \
  X(AND, "") X(OR, "") X(XOR, "")                                               \
  X(LT, "Less") X(LE, "LessEqual") X(EQ, "Equal") X(NE, "NotEqual")             \
  X(GT, "Greater") X(GE, "GreaterEqual")                                        \
  X(NEG, "Neg") X(ABS, "Abs") X(INVERT, "")
enum {
#define X(name, op) CORE_##name,
  CORE_OPERATORS(X)
#undef X
  CORE_OPERATOR_COUNT
};

typedef struct core_known_op { /* of the memory of prepared ops */
  uint64_t hash;
  char *key;                   /* NULL: free */
  size_t key_size;
  uf_op *op;
} core_known_op;

struct core_eager {
  uf_context *context;         /* NULL before the first op */
  int n_threads;               /* of the context; 0: as many as processors */
  PyThread_type_lock lock;
  core_known_op *known;        /* a hash table, a power of two of places */
  size_t n_known, n_places;
  uint32_t generation;         /* how often all were forgotten */
  uf_op *fast[CORE_OPERATOR_COUNT][UF_DTYPE_COUNT];
  PyObject *dtypes[UF_DTYPE_COUNT]; /* tf.DType of each */
  PyObject *dtype_class, *shape_class, *scalar;
  PyTypeObject *operand_type, *tensor_type, *eager_type;
  allocfunc alloc;             /* of EagerTensor */
};
typedef struct core_eager core_eager;

int core_eager_set_up(PyObject *module);
void core_eager_clear(core_state *state);
int core_eager_visit(core_state *state, visitproc visit, void *arg);

/* false: exception set. */
bool core_eager_enter(core_state *state);
void core_eager_leave(core_state *state);

/* Exactly an EagerTensor. */
bool core_is_eager(PyObject *object);
/* An EagerTensor that takes the tensor over, also when it fails. */
PyObject *core_tensor_wrap(core_state *state, uf_tensor *tensor);
/* An EagerTensor of a Python value; want UF_INVALID: the dtype that it has. NULL: exception. */
PyObject *core_tensor_of(core_state *state, PyObject *value, uf_dtype want);
/* The dtype of a tf.DType (or a name); UF_INVALID with an exception set. */
uf_dtype core_dtype_of(core_state *state, PyObject *object);
/* The tf.DType, borrowed; NULL: exception set. */
PyObject *core_dtype_object(core_state *state, uf_dtype dtype);
/* A number as an element of that dtype, 16 bytes at most; false (no exception): it is none of
 * that dtype's without loss. */
bool core_number(PyObject *value, uf_dtype dtype, void *out);

/* Runs a prepared op on tensors; what it gives goes to out. false: exception set. */
bool core_run(core_state *state, uf_op *op, const uf_tensor *const *inputs, int32_t n_inputs,
              uf_tensor *out, const char *name);

/* What the attributes of one op borrow from. */
enum { CORE_MAX_ATTRS = 64 };
typedef struct core_attrs {
  uf_attr attrs[CORE_MAX_ATTRS];
  int32_t n;
  PyObject *keep; /* a list of objects */
  void *memory[CORE_MAX_ATTRS];
  core_input inputs[CORE_MAX_ATTRS];
} core_attrs;
/* A dict of plain values, by the op's signature. Drop it in any case. false: exception set. */
bool core_attrs_take(core_state *state, const char *op, PyObject *dict, core_attrs *all);
void core_attrs_drop(core_attrs *all);

PyObject *core_tensor_make(PyObject *module, PyObject *args);
PyObject *core_tensor_quick(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *core_execute(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *core_tf_op(PyObject *module, PyObject *args);
PyObject *core_forget_ops(PyObject *module, PyObject *args);
PyObject *core_share_context(PyObject *module, PyObject *args);
PyObject *core_share_threads(PyObject *module, PyObject *args);
PyObject *core_set_threads(PyObject *module, PyObject *args);

extern PyType_Spec core_operand_spec, core_tensor_spec, core_eager_spec;

#endif
