# SPDX-License-Identifier: Apache-2.0
"""tf.Graph and tf.compat.v1.Session.

A Graph adds its nodes to a C builder at once; a Session runs, of a snapshot of
it, what the fetches need. When the graph has grown the session takes a new
snapshot and keeps its variables.
"""

from __future__ import annotations

import contextlib
import re

from . import _core
from ._dtypes import TensorShape, as_dtype
from ._mode import stacks as _stacks
from .errors import OpError, UnimplementedError


_default = None  # the graph of all threads, made on demand


class GraphKeys:
    """Names of a graph's collections."""

    GLOBAL_VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"


class Operation:
    """A node of a graph."""

    def __init__(self, graph, node, name, type, inputs, controls):
        self.graph = graph
        self.name = name
        self.type = type
        self.inputs = tuple(inputs)
        self.control_inputs = list(controls)
        self.outputs = []
        self._node = node

    @property
    def node_def(self):
        """The node in words."""
        inputs = [t.name for t in self.inputs] + ["^" + c.name for c in self.control_inputs]
        return "\n".join([f'name: "{self.name}"', f'op: "{self.type}"',
                          *(f'input: "{i}"' for i in inputs)])

    def run(self, feed_dict=None, session=None):
        """Runs it in the session, or in the default one."""
        _session_for(self.graph, session, "run").run(self, feed_dict)

    def __repr__(self):
        return f"<tf.Operation {self.name!r} type={self.type}>"

    __str__ = node_def.fget


class Tensor(_core.Tensor):
    """An output of a node: a value to be. A Session gives it as a NumPy array."""

    _symbolic = True
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, op, value, dtype, shape):
        self.op = op
        self.graph = op.graph
        self.value_index = len(op.outputs)
        self.dtype = dtype
        self.shape = None if shape is None else TensorShape(shape)
        self.name = f"{op.name}:{self.value_index}"
        self._value = value
        op.outputs.append(self)

    def get_shape(self):
        """Its shape."""
        return self.shape

    def eval(self, feed_dict=None, session=None):
        """Its value, a NumPy array, in the session or the default one."""
        return _session_for(self.graph, session, "eval").run(self, feed_dict)

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. "
            f"Run it in a Session."
        )

    def __iter__(self):
        raise TypeError(f"the symbolic tensor {self.name} has no values to iterate over")

    def __bool__(self):
        raise TypeError(f"the symbolic tensor {self.name} has no truth value; run it in a Session")

    def __repr__(self):
        return f"<tf.Tensor {self.name!r} shape={self.shape} dtype={self.dtype.name}>"

    def __str__(self):
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'


class Graph:
    """Nodes, added call by call under ``with graph.as_default()``."""

    def __init__(self):
        self._builder = _core.Builder()
        self._operations = []
        self._by_name = {}
        self._names = {}  # lower case: how often it was asked for
        self._controls = []
        self._collections = {}

    # names, as TensorFlow makes them

    def unique_name(self, name, mark_as_used=True):
        """name, or name_1, name_2 ... when it is taken."""
        count = self._names.get(name.lower(), 0)
        if mark_as_used:
            self._names[name.lower()] = count + 1
        unique = name
        while count > 0 and unique.lower() in self._names:
            unique = f"{name}_{count}"
            if unique.lower() not in self._names:
                break
            count += 1
        if mark_as_used and unique != name:
            self._names[name.lower()] = count + 1
            self._names[unique.lower()] = 1
        return unique

    # nodes

    def _add(self, type, name, inputs=(), controls=(), attrs=None, outputs=(), exact=False):
        """A new node. outputs: (dtype name, shape or None) of each output."""
        name = name if exact else self.unique_name(name)
        every = [*controls, *(c for block in self._controls for c in block if c not in controls)]
        node, value = self._builder.add(type, name, [t._value for t in inputs],
                                        [c._node for c in every], attrs or {})
        op = Operation(self, node, name, type, inputs, every)
        for i, (dtype, shape) in enumerate(outputs):
            Tensor(op, value + i, as_dtype(dtype), shape)
        self._operations.append(op)
        self._by_name[name] = op
        return op

    def _constant(self, array, dtype, name, exact=False):
        attrs = {"value": ("tensor", array), "dtype": ("dtype", dtype.name)}
        return self._add("Const", name, attrs=attrs, outputs=[(dtype, array.shape)],
                         exact=exact).outputs[0]

    def get_operations(self):
        """All nodes, in the order in which they were added."""
        return list(self._operations)

    def get_operation_by_name(self, name):
        """The node of that name; KeyError."""
        if name not in self._by_name:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return self._by_name[name]

    def get_tensor_by_name(self, name):
        """The tensor ``node:i``; KeyError, ValueError."""
        node, colon, index = name.rpartition(":")
        if not colon or not index.isdigit():
            raise ValueError(
                f"expected a tensor name of the form 'op:index', found {name!r}")
        op = self.get_operation_by_name(node)
        if int(index) >= len(op.outputs):
            raise KeyError(f"The name {name!r} refers to a Tensor which does not exist.")
        return op.outputs[int(index)]

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation for itself, its name, or a variable."""
        if isinstance(obj, str):
            return self.get_tensor_by_name(obj) if ":" in obj else self.get_operation_by_name(obj)
        convert = getattr(obj, "_as_graph_element", None)
        found = convert() if convert is not None else obj
        if not isinstance(found, (Tensor, Operation)):
            raise TypeError(f"Can not convert a {type(obj).__name__} into a Tensor or Operation.")
        if found.graph is not self:
            raise ValueError(f"{found!r} is not an element of this graph.")
        return found

    # contexts and collections

    @contextlib.contextmanager
    def as_default(self):
        """In the block, new nodes go into this graph."""
        _stacks.graphs.append(self)
        try:
            yield self
        finally:
            _stacks.graphs.remove(self)

    @contextlib.contextmanager
    def control_dependencies(self, control_inputs):
        """Nodes made in the block run after these."""
        ops = [getattr(self.as_graph_element(c), "op", None) or self.as_graph_element(c)
               for c in control_inputs or ()]
        self._controls.append(ops)
        try:
            yield
        finally:
            self._controls.pop()

    def add_to_collection(self, name, value):
        """Appends value to the collection of that name."""
        self._collections.setdefault(name, []).append(value)

    def get_collection(self, name, scope=None):
        """The collection of that name, a list."""
        return list(self._collections.get(name, ()))


def get_default_graph():
    """The graph that new nodes go into."""
    global _default
    if _stacks.graphs:
        return _stacks.graphs[-1]
    if _default is None:
        _default = Graph()
    return _default


def reset_default_graph():
    """Forgets the nodes of the default graph."""
    global _default
    _default = None


def control_dependencies(control_inputs):
    """``get_default_graph().control_dependencies(...)``."""
    return get_default_graph().control_dependencies(control_inputs)


def get_default_session():
    """The session of the innermost ``with``, or None."""
    return _stacks.sessions[-1] if _stacks.sessions else None


def _session_for(graph, session, what):
    session = session or get_default_session()
    if session is None:
        raise ValueError(
            f"expected a session for `{what}()`, found no default one; use `with sess:` or "
            f"pass session=")
    if session.graph is not graph:
        raise ValueError(
            "expected a session of the graph of this tensor, found one of another graph; make it "
            "by Session(graph=...)")
    return session


class Session:
    """Runs a graph, and keeps its variables from run to run."""

    def __init__(self, target="", graph=None, config=None):
        if target:
            raise UnimplementedError(None, None, f"expected no target (unflow runs in this "
                                     f"process), found {target!r}")
        self.graph = graph if graph is not None else get_default_graph()
        self._core = None
        self._seen = -1  # number of nodes in the snapshot
        self._closed = False

    def _session(self):
        """The C session over all nodes there are now."""
        n = len(self.graph._operations)
        if self._core is None or n != self._seen:
            session = _core.Session(self.graph._builder.model())
            if self._core is not None:
                session._share_state(self._core)
            self._core, self._seen = session, n
        return self._core

    def _element(self, fetch):
        try:
            return self.graph.as_graph_element(fetch)
        except TypeError as error:
            raise TypeError(f"Argument `fetch` = {fetch} has invalid type "
                            f"\"{type(fetch).__name__}\" must be a string or Tensor. ({error})"
                            ) from None
        except (ValueError, KeyError) as error:
            reason = error.args[0] if error.args else error
            raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. "
                             f"({reason})") from None

    def _collect(self, fetches, found):
        """The structure of fetches with elements in place of names; they go into found."""
        if isinstance(fetches, dict):
            return {key: self._collect(value, found) for key, value in fetches.items()}
        if isinstance(fetches, tuple) and hasattr(fetches, "_fields"):
            return type(fetches)(*(self._collect(f, found) for f in fetches))
        if isinstance(fetches, (list, tuple)):
            return type(fetches)(self._collect(f, found) for f in fetches)
        element = self._element(fetches)
        found.append(element)
        return element

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Computes the fetches and what they need, once, in one step.

        fetches: a Tensor, Operation or Variable, its name, or lists, tuples and
        dicts of them. Returns the same structure with a NumPy array (a NumPy
        scalar for rank 0) for each tensor and None for each operation. Raises
        FailedPreconditionError for a variable that was not initialised, and
        whatever else goes wrong with the op's name.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if feed_dict:
            raise UnimplementedError(None, None, "expected no feed_dict (unflow has no "
                                     "placeholders yet), found one")
        found = []
        structure = self._collect(fetches, found)
        values = [e._value for e in found if isinstance(e, Tensor)]
        nodes = [e._node for e in found if isinstance(e, Operation)]
        session = self._session()
        try:
            session._run_for(0, values, nodes)
            results = {v: session._read(0, v, True) for v in values}
        except OpError as error:
            error.op = error.op or self._failed_op(error.message)
            error.node_def = error.node_def or getattr(error.op, "node_def", None)
            raise
        return _filled(structure, results)

    def _failed_op(self, message):
        match = re.search(r"op #(\d+) ", message)
        index = int(match.group(1)) if match else -1
        return next((op for op in self.graph._operations if op._node == index), None)

    @contextlib.contextmanager
    def as_default(self):
        """In the block, ``eval()`` and ``run()`` of tensors and ops use this session."""
        _stacks.sessions.append(self)
        try:
            yield self
        finally:
            _stacks.sessions.remove(self)

    def close(self):
        """Forgets the variables. The session cannot be used any more."""
        self._closed = True
        if self._core is not None:
            self._core._close()

    def __enter__(self):
        _stacks.sessions.append(self)
        _stacks.graphs.append(self.graph)
        return self

    def __exit__(self, *exc):
        _stacks.graphs.remove(self.graph)
        _stacks.sessions.remove(self)
        self.close()


def _filled(structure, results):
    if isinstance(structure, dict):
        return {key: _filled(value, results) for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_filled(s, results) for s in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_filled(s, results) for s in structure)
    if isinstance(structure, Operation):
        return None
    array = results[structure._value]
    return array[()] if array.ndim == 0 else array
