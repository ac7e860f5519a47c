/* SPDX-License-Identifier: Apache-2.0
 *
 * py_operators.c: Operand, which has Python's operators, and tf.Tensor.
 *
 * Two tensors of one dtype, or a tensor and a number that its dtype holds, are
 * computed here at once. Everything else (variables, symbolic tensors, arrays,
 * what must be refused) is left to the function that unflow._ops puts into
 * Operand._operator.
 */
#include "py_eager.h"

static const char *const op_names[CORE_OPERATOR_COUNT] = {
#define X(name, op) op,
  CORE_OPERATORS(X)
#undef X
};
static const char *const words[CORE_OPERATOR_COUNT] = {
  "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
  "lt", "le", "eq", "ne", "gt", "ge", "neg", "abs", "invert",
};

static bool is_float(uf_dtype dtype) {
  return dtype == UF_FLOAT32 || dtype == UF_FLOAT64 || dtype == UF_FLOAT16 ||
         dtype == UF_BFLOAT16;
}
static bool is_complex(uf_dtype dtype) { return dtype == UF_COMPLEX64 || dtype == UF_COMPLEX128; }
static bool is_int(uf_dtype dtype) {
  return (dtype >= UF_INT8 && dtype <= UF_INT64) || (dtype >= UF_UINT8 && dtype <= UF_UINT64);
}

/* The op that `which` is for this dtype, NULL: the slow way knows. */
static const char *op_for(int which, uf_dtype dtype) {
  bool number = is_float(dtype) || is_int(dtype) || is_complex(dtype);
  switch (which) {
    case CORE_TRUEDIV: return is_float(dtype) || is_complex(dtype) ? "RealDiv" : NULL;
    case CORE_FLOORDIV: case CORE_MOD: case CORE_LT: case CORE_LE: case CORE_GT: case CORE_GE:
    case CORE_ABS:
      return is_float(dtype) || is_int(dtype) ? op_names[which] : NULL;
    case CORE_AND:
      return dtype == UF_BOOL ? "LogicalAnd" : is_int(dtype) ? "BitwiseAnd" : NULL;
    case CORE_OR: return dtype == UF_BOOL ? "LogicalOr" : is_int(dtype) ? "BitwiseOr" : NULL;
    case CORE_XOR: return is_int(dtype) ? "BitwiseXor" : NULL;
    case CORE_INVERT: return dtype == UF_BOOL ? "LogicalNot" : is_int(dtype) ? "Invert" : NULL;
    case CORE_EQ: case CORE_NE:
      return number || dtype == UF_BOOL || dtype == UF_STRING ? op_names[which] : NULL;
    case CORE_MATMUL: return NULL; /* ranks decide which op it is */
    default: return number ? op_names[which] : NULL;
  }
}

/* The prepared op, made at its first use. NULL: none, without an exception. */
static uf_op *fast_op(core_state *state, int which, uf_dtype dtype, int32_t n_inputs) {
  core_eager *eager = state->eager;
  if (eager->fast[which][dtype] != NULL) return eager->fast[which][dtype];
  const char *name = op_for(which, dtype);
  if (name == NULL || !core_eager_enter(state)) return NULL;
  uf_attr attr = {.name = "incompatible_shape_error", .kind = UF_ATTR_BOOL, .i = 0};
  int32_t n_attrs = which == CORE_EQ || which == CORE_NE;
  uf_dtype dtypes[2] = {dtype, dtype};
  uf_op *op = NULL;
  CORE_ERROR(error);
  if (uf_op_create(eager->context, name, "", &attr, n_attrs, dtypes, n_inputs, &op, &error) ==
      UF_OK)
    eager->fast[which][dtype] = op;
  core_eager_leave(state);
  return eager->fast[which][dtype];
}

/* Operand._operator(word, a, b), which unflow._ops sets. */
static PyObject *slow(PyObject *operand, int which, PyObject *a, PyObject *b) {
  PyObject *function = PyObject_GetAttrString((PyObject *)Py_TYPE(operand), "_operator");
  if (function == NULL || function == Py_None) {
    Py_XDECREF(function);
    PyErr_Clear();
    PyObject *module = PyImport_ImportModule("unflow._ops");
    if (module == NULL) return NULL;
    function = PyObject_GetAttrString(module, "operator");
    Py_DECREF(module);
    if (function == NULL) return NULL;
  }
  PyObject *result = PyObject_CallFunction(function, "sOO", words[which], a, b);
  Py_DECREF(function);
  return result;
}

static bool is_operand(PyObject *object);

static bool broadcast(const uf_tensor *a, const uf_tensor *b) {
  for (int32_t i = 1; i <= a->rank && i <= b->rank; i++) {
    int64_t x = a->dims[a->rank - i], y = b->dims[b->rank - i];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}

static PyObject *binary(int which, PyObject *a, PyObject *b) {
  bool a_eager = core_is_eager(a), b_eager = core_is_eager(b);
  if (a_eager || b_eager) {
    core_tensor *known = (core_tensor *)(a_eager ? a : b);
    core_state *state = known->state;
    uf_dtype dtype = known->tensor.dtype;
    uf_tensor number;
    union { double d[2]; int64_t i; } memory;
    const uf_tensor *inputs[2] = {&known->tensor, &known->tensor};
    bool fits = a_eager && b_eager && ((core_tensor *)b)->tensor.dtype == dtype;
    if (fits) {
      inputs[1] = &((core_tensor *)b)->tensor;
    } else if (a_eager != b_eager && core_number(a_eager ? b : a, dtype, &memory)) {
      memset(&number, 0, sizeof(number));
      number.dtype = dtype;
      number.data = &memory;
      number.size = (size_t)uf_dtype_bits(dtype) / 8;
      inputs[a_eager ? 1 : 0] = &number;
      fits = true;
    }
    if ((which == CORE_EQ || which == CORE_NE) && !broadcast(inputs[0], inputs[1])) fits = false;
    uf_op *op = fits ? fast_op(state, which, dtype, 2) : NULL;
    if (op != NULL) {
      uf_tensor out;
      if (!core_run(state, op, inputs, 2, &out, op_for(which, dtype))) return NULL;
      return core_tensor_wrap(state, &out);
    }
    if (PyErr_Occurred()) return NULL;
  }
  return slow(is_operand(a) ? a : b, which, a, b);
}

static PyObject *unary(int which, PyObject *a) {
  if (core_is_eager(a)) {
    core_tensor *known = (core_tensor *)a;
    uf_op *op = fast_op(known->state, which, known->tensor.dtype, 1);
    if (op != NULL) {
      const uf_tensor *inputs[1] = {&known->tensor};
      uf_tensor out;
      if (!core_run(known->state, op, inputs, 1, &out, op_for(which, known->tensor.dtype)))
        return NULL;
      return core_tensor_wrap(known->state, &out);
    }
    if (PyErr_Occurred()) return NULL;
  }
  return slow(a, which, a, Py_None);
}

#define BINARY(function, which) \
  static PyObject *function(PyObject *a, PyObject *b) { return binary(which, a, b); }
BINARY(op_add, CORE_ADD)
BINARY(op_sub, CORE_SUB)
BINARY(op_mul, CORE_MUL)
BINARY(op_truediv, CORE_TRUEDIV)
BINARY(op_floordiv, CORE_FLOORDIV)
BINARY(op_mod, CORE_MOD)
BINARY(op_matmul, CORE_MATMUL)
BINARY(op_and, CORE_AND)
BINARY(op_or, CORE_OR)
BINARY(op_xor, CORE_XOR)
static PyObject *op_pow(PyObject *a, PyObject *b, PyObject *modulo) {
  if (modulo == Py_None) return binary(CORE_POW, a, b);
  Py_RETURN_NOTIMPLEMENTED;
}
static PyObject *op_neg(PyObject *a) { return unary(CORE_NEG, a); }
static PyObject *op_abs(PyObject *a) { return unary(CORE_ABS, a); }
static PyObject *op_invert(PyObject *a) { return unary(CORE_INVERT, a); }
static PyObject *op_compare(PyObject *a, PyObject *b, int how) {
  static const int which[] = {[Py_LT] = CORE_LT, [Py_LE] = CORE_LE, [Py_EQ] = CORE_EQ,
                              [Py_NE] = CORE_NE, [Py_GT] = CORE_GT, [Py_GE] = CORE_GE};
  if (b == Py_None && (how == Py_EQ || how == Py_NE)) return PyBool_FromLong(how == Py_NE);
  return binary(which[how], a, b);
}

static Py_hash_t op_hash(PyObject *self) {
  PyErr_SetString(PyExc_TypeError,
                  "Tensor is unhashable. Instead, use tensor.ref() as the key.");
  return -1;
}

/* Two bases of one layout: whether an object is an operand shows in the slot it inherited. */
static bool is_operand(PyObject *object) {
  return PyType_GetSlot(Py_TYPE(object), Py_nb_matrix_multiply) == (void *)op_matmul;
}

static PyType_Slot operand_slots[] = {
  {Py_nb_add, op_add}, {Py_nb_subtract, op_sub}, {Py_nb_multiply, op_mul},
  {Py_nb_true_divide, op_truediv}, {Py_nb_floor_divide, op_floordiv},
  {Py_nb_remainder, op_mod}, {Py_nb_power, op_pow}, {Py_nb_matrix_multiply, op_matmul},
  {Py_nb_and, op_and}, {Py_nb_or, op_or}, {Py_nb_xor, op_xor},
  {Py_nb_negative, op_neg}, {Py_nb_absolute, op_abs}, {Py_nb_invert, op_invert},
  {Py_tp_richcompare, op_compare}, {Py_tp_hash, op_hash},
  {Py_tp_doc, "What has TensorFlow's operators: tensors and variables."},
  {0, NULL},
};
PyType_Spec core_operand_spec = {
  .name = "unflow._core.Operand",
  .basicsize = sizeof(PyObject),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = operand_slots,
};

/* richcompare and hash are inherited together, or not at all. */
static PyType_Slot tensor_slots[] = {
  {Py_tp_richcompare, op_compare}, {Py_tp_hash, op_hash},
  {Py_tp_doc, "A tensor: a value (EagerTensor), or one to be (of a tf.Graph)."},
  {0, NULL},
};
PyType_Spec core_tensor_spec = {
  .name = "unflow.Tensor",
  .basicsize = sizeof(PyObject),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = tensor_slots,
};
