# SPDX-License-Identifier: Apache-2.0
"""Variables of a graph: VarHandleOp, AssignVariableOp and ReadVariableOp nodes."""

from __future__ import annotations

from ._convert import array_of as _array
from ._convert import convert_to_tensor
from ._dtypes import TensorShape
from ._graph import GraphKeys, Operation, Tensor, _session_for, get_default_graph
from ._mode import (  # noqa: F401
    disable_eager_execution,
    enable_eager_execution,
    executing_eagerly,
)
from ._variable import Variable


def _check_assign(variable, array):
    if tuple(array.shape) != tuple(variable.shape):
        raise ValueError(
            f"Cannot assign value to variable '{variable.name}': expected shape {variable.shape}, "
            f"found {TensorShape(array.shape)}")


def identity(input, name=None):
    """The same value: an Identity node in a graph."""
    if not getattr(input, "_symbolic", False) and executing_eagerly():
        return convert_to_tensor(input)
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


class GraphVariable(Variable):
    """A variable of a graph: run its initializer, then fetch it."""

    graph = op = initializer = initial_value = None  # set in _set_up
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _set_up(self, value, dtype, name, shape, more):
        name = name or "Variable"
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

    def _as_tensor(self, dtype=None, name=None):
        return self.value()

    def value(self):
        """A tensor that reads it."""
        return self._read_op("ReadVariableOp")

    def read_value(self, *unused):
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
