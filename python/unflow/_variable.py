# SPDX-License-Identifier: Apache-2.0
"""tf.Variable: a value that outlives a run.

A variable is a handle, and all that it does is an op on that handle, in both
modes. Outside of a graph it is made and assigned at once; what a variable of a
graph is in addition (initializer, collections) is in _graph_variable.py.
"""

from __future__ import annotations

from . import _core, _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._slicing import getitem, strided_assign
from ._tensors import numpy_text

_live = {}  # shared names of eager variables: how often they were taken
_NO_EAGER = "This operation is not supported when eager execution is enabled."


class VariableSynchronization:
    AUTO, NONE, ON_WRITE, ON_READ = range(4)


class VariableAggregation:
    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = range(4)


class _SavedSlice:
    """v[...]: the tensor, which can also be assigned to."""

    def __init__(self, variable, key):
        self._variable, self._key = variable, key

    def assign(self, value, use_locking=None, name=None, read_value=True):
        """Writes value into that part of the variable."""
        done = strided_assign(self._variable, self._key, value)
        return self._variable._after(done, read_value)


def _sliced(variable, key):
    """variable[key], a tensor with an assign of its own."""
    from ._slicing import _is_mask

    tensor = getitem(variable.value(), key)
    if _is_mask(key):
        return tensor
    tensor.assign = _SavedSlice(variable, key).assign
    return tensor


class Variable(_core.Operand):
    """A value that outlives a run.

    initial_value: a number, lists, an array, a tensor, or a function that gives
    one. dtype: as in tf.constant. name: made unique in a graph. shape: what it may
    be assigned, where that is more than the shape of initial_value.
    """

    SaveSliceInfo = None
    _tensor_dtype = None

    def __new__(cls, *args, **kwargs):
        if cls is Variable and not _mode.executing_eagerly():
            from ._eager import GraphVariable

            cls = GraphVariable
        return super().__new__(cls)

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None,
                 name=None, variable_def=None, dtype=None, import_scope=None, constraint=None,
                 synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE,
                 shape=None, experimental_enable_variable_lifting=True, **more):
        if initial_value is None and variable_def is None:
            raise ValueError("The `initial_value` arg to `tf.Variable` must be specified except when you "
                             "are not providing a `variable_def`. You provided neither.")
        if callable(initial_value):
            initial_value = initial_value()
        if constraint is not None and not callable(constraint):
            raise ValueError(f"Argument `constraint` must be None or a callable. a callable. Got a "
                             f"{type(constraint)}:  {constraint}")
        self.trainable = True if trainable is None else bool(trainable)
        self.constraint = constraint
        self.synchronization, self.aggregation = synchronization, aggregation
        self._set_up(initial_value, None if dtype is None else as_dtype(dtype), name,
                     None if shape is None else TensorShape(shape), more)

    def _set_up(self, value, dtype, name, shape, more):
        value = _ops.convert(value, dtype, name="initial_value")
        self._declare(name, value.dtype, value.shape if shape is None else shape)
        self.assign(value, read_value=False)

    def _declare(self, name, dtype, shape):
        """An eager handle, without a value yet."""
        full = "/".join([*_mode.stacks.scopes[-1:], name or "Variable"]) if not (
            name or "").endswith("/") else name[:-1]
        self.dtype, self.shape = dtype, shape
        self._shared_name = full
        taken = _live.get(full, 0)
        _live[full] = taken + 1
        shared = f"{full}_{taken}" if taken else full
        self.handle = _core.execute("VarHandleOp", (), {
            "dtype": dtype, "shape": shape, "shared_name": shared, "container": ""})
        self.handle._owner = _Owner(self.handle._alias())
        self.name = full + ":0"

    # ---- what it is ----

    _in_graph_mode = False
    _unique_id = property(lambda self: f"{self._shared_name}_{id(self)}")
    device = property(lambda self: "/job:localhost/replica:0/task:0/device:CPU:0")
    ndim = property(lambda self: self.shape.rank)
    op = property(lambda self: self.handle.op)
    graph = property(lambda self: self.handle.graph)
    create = property(lambda self: _refuse())
    initializer = None
    initial_value = property(lambda self: _refuse())

    def get_shape(self):
        """Its shape."""
        return self.shape

    def set_shape(self, shape):
        """Makes the declared shape more precise."""
        self.shape = self.shape.merge_with(shape)

    def numpy(self):
        """A copy of the value as a NumPy array; a NumPy scalar for rank 0."""
        return self.handle.numpy()

    def numpy_array(self):
        """The value as a read-only array, also for rank 0; it stays as it is."""
        return self.handle.numpy_array()

    def value(self):
        """The value as a tensor."""
        return self.handle._value()

    def read_value(self, *unused):
        """The value as a tensor."""
        return self.value()

    def read_value_no_copy(self):
        return self.value()

    def is_initialized(self, name=None):
        """Whether it has been assigned."""
        return _ops.apply("VarIsInitializedOp", [self.handle], None, name)

    def _as_tensor(self, dtype=None, name=None):
        return self.value()

    def eval(self, session=None):
        raise RuntimeError(_NO_EAGER)

    def experimental_ref(self):
        return self.ref()

    # ---- assignment ----

    def _after(self, done, read_value):
        """What an assignment gives: the variable as it is now, or the operation."""
        return _unread(self) if read_value else done

    def _converted(self, value):
        return _ops.convert(value, self.dtype, graph=_mode.graph_for((self.handle, value)))

    def assign(self, value, use_locking=None, name=None, read_value=True):
        """Gives it another value of the same dtype and a shape that fits."""
        value = self._converted(value)
        if not self.shape.is_compatible_with(value.shape):
            raise ValueError(f"Cannot assign value to variable ' {self.name}': Shape mismatch.The variable "
                             f"shape {self.shape}, and the assigned value shape {value.shape} are "
                             f"incompatible.")
        return self._after(_ops.apply("AssignVariableOp", [self.handle, value], None, name), read_value)

    def assign_add(self, delta, use_locking=None, name=None, read_value=True):
        """Adds to it."""
        done = _ops.apply("AssignAddVariableOp", [self.handle, self._converted(delta)], None, name)
        return self._after(done, read_value)

    def assign_sub(self, delta, use_locking=None, name=None, read_value=True):
        """Subtracts from it."""
        done = _ops.apply("AssignSubVariableOp", [self.handle, self._converted(delta)], None, name)
        return self._after(done, read_value)

    def load(self, value, session=None):
        """Gives it a value."""
        self.assign(value)

    def count_up_to(self, limit):
        """Adds one, up to limit; the value before. OutOfRangeError."""
        return _ops.apply("ResourceCountUpTo", [self.handle], {"limit": limit, "T": self.dtype})

    # ---- parts ----

    def sparse_read(self, indices, name=None):
        """The rows at indices."""
        return _ops.apply("ResourceGather", [self.handle, indices], {"dtype": self.dtype},
                          name or "Gather")

    def gather_nd(self, indices, name=None):
        """The slices that indices address."""
        return _ops.apply("ResourceGatherNd", [self.handle, indices], {"dtype": self.dtype},
                          name or "GatherNd")

    def batch_scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Rows of each batch become those of the delta."""
        from . import _functions

        return self._after(_functions.batch_scatter_update(self, sparse_delta), True)

    def to_proto(self, export_scope=None):
        raise RuntimeError(_NO_EAGER)

    def __getitem__(self, key):
        return _sliced(self, key)

    # ---- as a value of Python ----

    def __array__(self, dtype=None, copy=None):
        return self.handle.__array__(dtype, copy)

    def __len__(self):
        return len(self.value())

    def __iter__(self):
        return iter(self.value())

    def __float__(self):
        return float(self.value())

    def __int__(self):
        return int(self.value())

    def __bool__(self):
        return bool(self.value())

    def __complex__(self):
        return complex(self.value())

    def __index__(self):
        return self.value().__index__()

    def __hash__(self):
        raise TypeError(f"Variable is unhashable. Instead, use variable.ref() as the key. (Variable: "
                        f"{self!r})")

    __eq__ = _core.Operand.__eq__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        copied = Variable(self.value(), trainable=self.trainable, constraint=self.constraint,
                          name=self._shared_name, dtype=self.dtype, shape=self.shape)
        memo[id(self)] = copied
        return copied

    def __reduce__(self):
        return _rebuilt, (self.numpy(), self.trainable, self._shared_name, self.dtype.name)

    def __repr__(self):
        try:
            text = numpy_text(self.value(), True)
        except Exception:
            text = "<unavailable>"
        return (f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, numpy={text}>")

    __str__ = __repr__


def _refuse():
    raise RuntimeError(_NO_EAGER)


def _rebuilt(value, trainable, name, dtype):
    return Variable(value, trainable=trainable, name=name, dtype=dtype)


class _Owner:
    """Lets the store forget a variable when nobody has it any more."""

    __slots__ = ("handle",)

    def __init__(self, handle):
        self.handle = handle

    def __del__(self):
        try:
            _core.execute("DestroyResourceOp", (self.handle,), {"ignore_lookup_error": True})
        except Exception:  # the interpreter is about to end
            pass


class UninitializedVariable(Variable):
    """A variable that has no value yet (what restoring makes)."""

    def __init__(self, trainable=None, name=None, dtype=None, shape=None, **more):
        self.trainable = True if trainable is None else bool(trainable)
        self.constraint = None
        self.synchronization, self.aggregation = (VariableSynchronization.AUTO,
                                                  VariableAggregation.NONE)
        self._declare(name, as_dtype(dtype), TensorShape(shape))


def _unread(variable):
    """The same variable, as an assignment gives it back."""
    if getattr(variable, "_unread", False):
        return variable
    other = _core.Operand.__new__(type(variable))
    other.__dict__.update(variable.__dict__)
    other.name, other._unread, other._whole = "UnreadVariable", True, variable
    return other


def _scatter(word, op, what):
    def method(self, sparse_delta, use_locking=False, name=None):
        if not hasattr(sparse_delta, "indices"):
            raise TypeError(f"Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: "
                            f"{sparse_delta}")
        done = _ops.apply(op, [self.handle, sparse_delta.indices, _ops.convert(
            sparse_delta.values, self.dtype, graph=_mode.graph_for((self.handle,)))],
            {"dtype": self.dtype}, name)
        return self._after(done, True)

    method.__name__ = word
    method.__doc__ = f"{what} the rows that an IndexedSlices has."
    return method


def _scatter_nd(word, op, what):
    def method(self, indices, updates, name=None):
        done = _ops.apply(op, [self.handle, indices, _ops.convert(
            updates, self.dtype, graph=_mode.graph_for((self.handle, updates)))], None, name)
        return self._after(done, True)

    method.__name__ = word
    method.__doc__ = f"{what} the slices that indices address."
    return method


for _word, _op, _what in (
        ("add", "Add", "Adds to"), ("sub", "Sub", "Subtracts from"), ("update", "Update", "Replaces"),
        ("max", "Max", "Takes the maximum with"), ("min", "Min", "Takes the minimum with"),
        ("mul", "Mul", "Multiplies"), ("div", "Div", "Divides")):
    setattr(Variable, "scatter_" + _word, _scatter("scatter_" + _word, "ResourceScatter" + _op, _what))
    if _word not in ("mul", "div"):
        setattr(Variable, "scatter_nd_" + _word,
                _scatter_nd("scatter_nd_" + _word, "ResourceScatterNd" + _op, _what))
