# SPDX-License-Identifier: Apache-2.0
"""tf.Variable, tf.constant and the switch between eager and graph mode.

In a graph a variable is VarHandleOp, AssignVariableOp and ReadVariableOp nodes.
Outside of one it is the same handle in a graph of its own, whose session holds
the value: one resource store serves both.
"""

from __future__ import annotations

import numpy as np

from . import _core
from ._dtypes import TensorShape, as_dtype
from ._graph import (
    Graph,
    GraphKeys,
    Operation,
    Tensor,
    _session_for,
    _stacks,
    get_default_graph,
)

_eager = True


def executing_eagerly():
    """True where a call computes at once instead of adding to a graph."""
    return _eager and not _stacks.graphs


def enable_eager_execution(config=None, device_policy=None, execution_mode=None):
    """From now on calls outside of a graph compute at once (the default)."""
    global _eager
    _eager = True


def disable_eager_execution():
    """From now on calls add to the default graph."""
    global _eager
    _eager = False


# ---- values ----


def _leaf(value):
    """The first element of nested lists."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _is_typed(leaf):
    return isinstance(leaf, (np.ndarray, np.generic)) or hasattr(leaf, "__array__")


def _strings(array):
    """Text as an object array of bytes."""
    out = np.empty(array.shape, object)
    for at in np.ndindex(array.shape):
        item = array[at]
        if isinstance(item, str):
            item = item.encode()
        if not isinstance(item, bytes):
            raise TypeError(f"expected str or bytes in a string tensor, found {item!r}")
        out[at] = item
    return out


def _default_array(value):
    """An array with TensorFlow's dtype for a Python value: int32 (int64 where the values
    do not fit), float32, complex128, bool, string."""
    array = np.array(value)
    if array.dtype.kind in "OSU":
        return _strings(np.array(value, object))
    if _is_typed(_leaf(value)):
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and (array.size == 0 or (
            array.min() >= -(2**31) and array.max() < 2**31)):
        return array.astype(np.float32 if array.size == 0 and value == [] else np.int32)
    return array


def _array(value, dtype=None, shape=None):
    """(array, DType) of a value, converted as tf.constant does."""
    if isinstance(value, (EagerTensor, EagerVariable)):
        if dtype is not None and dtype != value.dtype:
            raise ValueError(f"Tensor conversion requested dtype {dtype.name} for Tensor with "
                             f"dtype {value.dtype.name}: {value!r}")
        return value.numpy_array(), value.dtype
    array = _default_array(value)
    if dtype is not None and as_dtype(array.dtype) != dtype:
        typed = _is_typed(_leaf(value))
        lossy = (dtype.is_integer and array.dtype.kind not in "iub") or (
            array.dtype.kind == "O") or (dtype == as_dtype("string")) or (
            dtype.is_bool and array.dtype.kind != "b") or (
            not dtype.is_complex and array.dtype.kind == "c")
        if lossy and not (typed and array.dtype.kind in "iufcb") and array.size:
            raise TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {dtype.name}")
        target = dtype.as_numpy_dtype
        array = array.astype(target) if typed else np.array(value, target)
    found = dtype if dtype is not None else as_dtype(array.dtype)
    if shape is not None:
        shape = tuple(shape)
        array = np.full(shape, array.reshape(-1)[0]) if array.size == 1 else array.reshape(shape)
    return np.ascontiguousarray(array).reshape(array.shape), found


def _scalar(array):
    return array[()] if array.ndim == 0 else array


def _shown(array):
    """As repr shows values: those of several lines begin on a line of their own."""
    text = repr(_scalar(array))
    return "\n" + text if "\n" in text else text


class EagerTensor:
    """A value computed already. numpy() gives it."""

    def __init__(self, array, dtype):
        self._array = array
        self.dtype = dtype
        self.shape = TensorShape(array.shape)

    def numpy_array(self):
        """The array itself, also for rank 0."""
        return self._array

    def numpy(self):
        """A copy as a NumPy array; a NumPy scalar for rank 0, bytes for a string."""
        return _scalar(self._array.copy())

    def get_shape(self):
        """Its shape."""
        return self.shape

    def eval(self, feed_dict=None, session=None):
        raise NotImplementedError(
            "eval is not supported when eager execution is enabled, is .numpy() what you're "
            "looking for?")

    ndim = property(lambda self: self._array.ndim)

    def __array__(self, dtype=None, copy=None):
        array = self._array if dtype is None else self._array.astype(dtype, copy=False)
        return array if copy is False else array.copy()

    def __len__(self):
        return len(self._array)

    def __getitem__(self, key):
        return EagerTensor(np.asarray(self._array[key]), self.dtype)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __float__(self):
        return float(self._array)

    def __int__(self):
        return int(self._array)

    def __bool__(self):
        return bool(self._array)

    __index__ = __int__

    def __repr__(self):
        return (f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, "
                f"numpy={_shown(self._array)}>")

    def __str__(self):
        return f"tf.Tensor({_scalar(self._array)}, shape={self.shape}, dtype={self.dtype.name})"


def constant(value, dtype=None, shape=None, name="Const"):
    """A tensor with this value: computed already in eager mode, a Const node in a graph.

    value: a number, text, nested lists or an array. Python integers become int32 (int64
    where they do not fit) and floats float32 unless dtype says otherwise; a value that
    the dtype cannot hold raises TypeError. shape: repeats one number, or reshapes."""
    dtype = None if dtype is None else as_dtype(dtype)
    if isinstance(value, Tensor):
        return value
    array, dtype = _array(value, dtype, shape)
    if executing_eagerly():
        return EagerTensor(array.copy(), dtype)
    return get_default_graph()._constant(array, dtype, name)


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """value as a tensor; tensors and variables stay what they are or are read."""
    if isinstance(value, Tensor):
        if dtype is not None and as_dtype(dtype) != value.dtype:
            raise ValueError(f"Tensor conversion requested dtype {as_dtype(dtype).name} for "
                             f"Tensor with dtype {value.dtype.name}: {value!r}")
        return value
    if isinstance(value, Variable):
        return value.value()
    return constant(value, dtype, name=name or "Const")


def is_tensor(value):
    """value is a tensor or a variable."""
    return isinstance(value, (Tensor, EagerTensor, Variable))


def identity(input, name=None):
    """The same value: an Identity node in a graph."""
    if isinstance(input, EagerVariable):
        return input.value()
    if executing_eagerly() and not isinstance(input, (Tensor, Variable)):
        return constant(input)
    tensor = convert_to_tensor(input)
    return tensor.graph._add("Identity", name or "Identity", [tensor],
                             attrs={"T": ("dtype", tensor.dtype.name)},
                             outputs=[(tensor.dtype, tensor.shape)]).outputs[0]


def group(*inputs, name=None):
    """A NoOp that runs after all of these; None in eager mode."""
    if executing_eagerly():
        return None
    graph = get_default_graph()
    elements = [graph.as_graph_element(i) for i in inputs if i is not None]
    controls = [e if isinstance(e, Operation) else e.op for e in elements]
    return graph._add("NoOp", name or ("group_deps" if inputs else "NoOp"), controls=controls)


def no_op(name=None):
    """A node that does nothing; None in eager mode."""
    return None if executing_eagerly() else get_default_graph()._add("NoOp", name or "NoOp")


# ---- variables ----


class Variable:
    """A value that outlives a run.

    initial_value: a number, lists, an array, a tensor, or a function that gives
    one. dtype: as in tf.constant. name: made unique in the graph.
    """

    def __new__(cls, *args, **kwargs):
        if cls is Variable:
            cls = EagerVariable if executing_eagerly() else GraphVariable
        return super().__new__(cls)

    def __init__(self, initial_value=None, trainable=None, validate_shape=True,
                 caching_device=None, name=None, variable_def=None, dtype=None,
                 import_scope=None, constraint=None, synchronization=None, aggregation=None,
                 shape=None):
        if initial_value is None:
            raise ValueError("expected an initial_value, found None")
        if callable(initial_value):
            initial_value = initial_value()
        self.trainable = True if trainable is None else bool(trainable)
        self._set_up(initial_value, None if dtype is None else as_dtype(dtype), name or "Variable")

    def get_shape(self):
        """Its shape."""
        return self.shape


def _check_assign(variable, array):
    if tuple(array.shape) != tuple(variable.shape):
        raise ValueError(
            f"Cannot assign value to variable '{variable.name}': expected shape {variable.shape}, "
            f"found {TensorShape(array.shape)}")


class EagerVariable(Variable):
    """A variable outside of a graph: numpy() reads it, assign() writes it."""

    def _set_up(self, value, dtype, name):
        array, self.dtype = _array(value, dtype)
        self.shape = TensorShape(array.shape)
        self.name = name + ":0"
        builder = _core.Builder()
        attrs = {"dtype": ("dtype", self.dtype.name), "shape": ("shape", array.shape),
                 "shared_name": ("string", name), "container": ("string", "")}
        builder.add("VarHandleOp", name, [], [], attrs)
        self._store = _core.Session(builder.model())  # the variable is its state 0
        self._store._state_write(0, None, array, False)

    def numpy_array(self):
        """The value as an array, also for rank 0: a read-only view that stays as it is."""
        return self._store._state_read(0)

    def numpy(self):
        """A copy of the value as a NumPy array; a NumPy scalar for rank 0."""
        return _scalar(self._store._state_read(0).copy())

    def value(self):
        """The value as a tensor."""
        return EagerTensor(self.numpy_array(), self.dtype)

    read_value = value

    def assign(self, value, use_locking=None, name=None, read_value=True):
        """Gives it another value of the same shape and dtype."""
        array, _ = _array(value, self.dtype)
        _check_assign(self, array)
        self._store._state_write(0, None, array, False)
        return self

    def assign_add(self, delta, use_locking=None, name=None, read_value=True):
        """Adds to it."""
        array, _ = _array(delta, self.dtype)
        return self.assign(self.numpy_array() + array)

    def assign_sub(self, delta, use_locking=None, name=None, read_value=True):
        """Subtracts from it."""
        array, _ = _array(delta, self.dtype)
        return self.assign(self.numpy_array() - array)

    def eval(self, session=None):
        raise RuntimeError("This operation is not supported when eager execution is enabled.")

    @property
    def initializer(self):
        raise RuntimeError("This operation is not supported when eager execution is enabled.")

    def __array__(self, dtype=None, copy=None):
        array = self.numpy_array() if copy is False else self.numpy_array().copy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self):
        return len(self.numpy_array())

    def __getitem__(self, key):
        return self.value()[key]

    def __float__(self):
        return float(self.numpy_array())

    def __int__(self):
        return int(self.numpy_array())

    def __bool__(self):
        return bool(self.numpy_array())

    def __repr__(self):
        return (f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, "
                f"numpy={_shown(self.numpy_array())}>")


class GraphVariable(Variable):
    """A variable of a graph: run its initializer, then fetch it."""

    def _set_up(self, value, dtype, name):
        graph = get_default_graph()
        if isinstance(value, GraphVariable):
            value = value.value()
        symbolic = isinstance(value, Tensor)
        if symbolic and dtype is not None and dtype != value.dtype:
            raise ValueError(f"Tensor conversion requested dtype {dtype.name} for Tensor with "
                             f"dtype {value.dtype.name}: {value!r}")
        if not symbolic:
            array, dtype = _array(value, dtype)
        self.graph = graph
        unique = graph.unique_name(name)
        if not symbolic:
            value = graph._constant(array, dtype, f"{unique}/Initializer/initial_value")
        self.dtype, self.shape = value.dtype, value.shape
        self.name = unique + ":0"
        self.initial_value = value
        attrs = {"dtype": ("dtype", self.dtype.name), "shape": ("shape", self.shape),
                 "shared_name": ("string", unique), "container": ("string", "")}
        self.op = graph._add("VarHandleOp", unique, attrs=attrs, outputs=[("resource", ())],
                             exact=True)
        self.handle = self.op.outputs[0]
        self.initializer = self._assign_op(value, f"{unique}/Assign")
        self._snapshot = self._read_op(f"{unique}/Read/ReadVariableOp")
        graph.add_to_collection(GraphKeys.GLOBAL_VARIABLES, self)
        if self.trainable:
            graph.add_to_collection(GraphKeys.TRAINABLE_VARIABLES, self)

    def _assign_op(self, value, name, controls=()):
        return self.graph._add("AssignVariableOp", name, [self.handle, value], controls,
                               attrs={"dtype": ("dtype", self.dtype.name)})

    def _read_op(self, name, controls=()):
        return self.graph._add("ReadVariableOp", name, [self.handle], controls,
                               attrs={"dtype": ("dtype", self.dtype.name)},
                               outputs=[(self.dtype, self.shape)]).outputs[0]

    def _as_graph_element(self):
        return self._snapshot

    def value(self):
        """A tensor that reads it."""
        return self._read_op("ReadVariableOp")

    def read_value(self):
        """A tensor that reads it."""
        return identity(self._read_op("Read/ReadVariableOp"))

    def assign(self, value, use_locking=None, name=None, read_value=True):
        """A tensor that assigns value when it is run, and has it then."""
        if not isinstance(value, Tensor):
            array, _ = _array(value, self.dtype)
            _check_assign(self, array)
            value = self.graph._constant(array, self.dtype, "Const")
        elif value.dtype != self.dtype:
            raise ValueError(f"Tensor conversion requested dtype {self.dtype.name} for Tensor "
                             f"with dtype {value.dtype.name}: {value!r}")
        assign_op = self._assign_op(value, name or "AssignVariableOp")
        return self._read_op("ReadVariableOp", [assign_op]) if read_value else assign_op

    def load(self, value, session=None):
        """Assigns value in the session."""
        _session_for(self.graph, session, "load").run(self.assign(value, read_value=False))

    def eval(self, session=None):
        """Its value, a NumPy array, in the session or the default one."""
        return _session_for(self.graph, session, "eval").run(self)

    def numpy(self):
        raise NotImplementedError("numpy() is only available when eager execution is enabled.")

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert the variable {self.name} of a graph to a numpy array. Run it in a "
            f"Session.")

    def __repr__(self):
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}>"


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """``ref.assign(value)``."""
    return ref.assign(value)


def global_variables(scope=None):
    """All variables of the default graph."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)


def variables_initializer(var_list, name="init"):
    """An op that runs the initializers of these variables; None in eager mode."""
    if executing_eagerly():
        return None
    return get_default_graph()._add("NoOp", name, controls=[v.initializer for v in var_list])


def global_variables_initializer():
    """An op that gives every variable of the default graph its initial value."""
    return variables_initializer(global_variables())


__all__ = ["Graph", "Variable", "constant"]
