# SPDX-License-Identifier: Apache-2.0
"""tf.Graph, its operations and tensors.

A Graph is a face over a C builder, which holds the nodes, knows what each op takes and gives and
infers shapes. Operations and Tensors are made when somebody asks for them, so that a graph read
from a file costs little. What TensorFlow keeps in Python is kept here: unique names and name
scopes, collections, control dependencies, devices.
"""

from __future__ import annotations

import contextlib
import re

from . import _core, _mode
from ._dtypes import TensorShape, as_dtype
from .errors import InvalidArgumentError

_stacks = _mode.stacks
_default = None  # the graph of all threads, made on demand
_OP_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_SCOPE_NAME = re.compile(r"[A-Za-z0-9_.\\/>-]*")


_SHAPED = ("Const", "Placeholder", "PlaceholderWithDefault", "VariableV2")


class GraphKeys:
    """Names of a graph's collections."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVEABLE_OBJECTS = "saveable_objects"
    SAVERS = "savers"
    GLOBAL_STEP = "global_step"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    SUMMARY_OP = "summary_op"
    TRAIN_OP = "train_op"
    EVAL_STEP = "eval_step"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"


class Operation:
    """A node of a graph."""

    def __init__(self, graph, node):
        (self.type, self.name, self._device, self._inputs, self._controls, self._first, self._n,
         self._runs) = graph._builder.node(node)
        self.graph = graph
        self._node = node
        self._outputs = None

    @property
    def inputs(self):
        """Its inputs, Tensors."""
        return tuple(self.graph._tensor(v) for v in self._record()[3])

    def _record(self):
        return self.graph._builder.node(self._node)

    @property
    def control_inputs(self):
        """Operations that run before it."""
        return [self.graph._operation(c) for c in self._controls]

    @property
    def outputs(self):
        """Its outputs, Tensors."""
        if self._outputs is None:
            self._outputs = [self.graph._tensor(self._first + i) for i in range(self._n)]
        return self._outputs

    @property
    def device(self):
        """The device it was placed on, "" where none was said."""
        return self.graph._devices.get(self._node, self._device)

    @property
    def node_def(self):
        """Its NodeDef."""
        from ._nodes import node_def

        return node_def(self)

    @property
    def op_def(self):
        """What its kind of op takes and gives: an OpDef."""
        from ._nodes import op_def

        return op_def(self.type)

    def get_attr(self, name):
        """The value of an attribute; ValueError when it has none of that name."""
        from ._nodes import attr_object

        found = self.graph._builder.attrs(self._node).get(name)
        if found is None:
            raise ValueError(f"Operation {self.name!r} has no attr named {name!r}.")
        return attr_object(*found)

    def values(self):
        """Its outputs, a tuple."""
        return tuple(self.outputs)

    def colocation_groups(self):
        """Names of what it is to be placed with."""
        found = self.graph._builder.attrs(self._node).get("_class")
        return found[1] if found else [b"loc:@" + self.name.encode()]

    def run(self, feed_dict=None, session=None):
        """Runs it in the session, or in the default one."""
        _session_for(self.graph, session, "run").run(self, feed_dict)

    def __repr__(self):
        return f"<tf.Operation {self.name!r} type={self.type}>"

    def __str__(self):
        return str(self.node_def)


def _known(shape):
    return TensorShape(None) if shape is None else TensorShape(
        [None if d is None or d < 0 else d for d in shape])


class Tensor(_core.Tensor):
    """An output of a node: a value to be. A Session gives it as a NumPy array."""

    _symbolic = True

    def __init__(self, graph, value):
        node, self.value_index, dtype, self._is_ref, _ = graph._builder.value(value)
        self.graph = graph
        self.op = graph._operation(node)
        self.dtype = as_dtype(dtype)
        self.name = f"{self.op.name}:{self.value_index}"
        self._value = value

    @property
    def shape(self):
        """Its shape, as far as it is known."""
        return _known(self.graph._builder.value(self._value)[4])

    def get_shape(self):
        """Its shape, as far as it is known."""
        return self.shape

    @property
    def ndim(self):
        """Number of dimensions, None where it is not known."""
        return self.shape.rank

    def set_shape(self, shape):
        """Says more of its shape; ValueError when that contradicts what is known."""
        shape = TensorShape(shape)
        if shape.rank is None:
            return
        known = self.shape
        if not known.is_compatible_with(shape):
            raise ValueError(f"Dimensions of {known} and {shape} are not compatible")
        self.graph._builder.set_shape(self._value, [-1 if d is None else d for d in shape.as_list()])

    @property
    def device(self):
        """The device of its op."""
        return self.op.device

    def consumers(self):
        """Operations that take it."""
        return [op for op in self.graph.get_operations() if self._value in op._record()[3]]

    def eval(self, feed_dict=None, session=None):
        """Its value, a NumPy array, in the session or the default one."""
        return _session_for(self.graph, session, "eval").run(self, feed_dict)

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. "
            f"Run it in a Session.")

    def __len__(self):
        raise TypeError(f"len is not well defined for a symbolic Tensor ({self.name}). Please call "
                        f"`x.shape` rather than `len(x)` for shape information.")

    def __iter__(self):
        raise TypeError(f"Iterating over a symbolic `tf.Tensor` ({self.name}) is not allowed: it has "
                        f"no values before it is run.")

    def __bool__(self):
        from .errors import OperatorNotAllowedInGraphError

        raise OperatorNotAllowedInGraphError(f"Using a symbolic `tf.Tensor` ({self.name}) as a Python `bool` is not "
                        f"allowed: run it in a Session, or use tf.cond.")

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    def __repr__(self):
        return f"<tf.Tensor {self.name!r} shape={self.shape} dtype={self._dtype_text()}>"

    def __str__(self):
        shape = "" if self.shape.rank is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self._dtype_text()})'

    def _dtype_text(self):
        return self.dtype.name + ("_ref" if self._is_ref else "")


class _Controls:
    """One `with graph.control_dependencies(...)`."""

    def __init__(self, ops):
        self.ops, self.seen = ops, set()


class Graph:
    """Nodes, added call by call under ``with graph.as_default()``."""

    building_function = False
    outer_graph = None

    def __init__(self):
        self._builder = _core.Builder()
        self._ops = []  # by node; None until asked for
        self._tensors = {}  # by value
        self._names = {}  # lower case: how often it was asked for
        self._scope = ""
        self._controls = []
        self._collections = {}
        self._devices = {}  # of nodes made here
        self._device_stack = []
        self._functions = {}  # name: FunctionDef
        self._finalized = False
        self._initializers = {}
        self.seed = None
        self._unseeded = 0

    # ---- names, as TensorFlow makes them ----

    def unique_name(self, name, mark_as_used=True):
        """name in the current scope, or name_1, name_2 ... when it is taken."""
        if self._scope:
            name = f"{self._scope}/{name}"
        key = name.lower()
        count = self._names.get(key, 0)
        if mark_as_used:
            self._names[key] = count + 1
        if count > 0:
            base = key
            while key in self._names:
                key = f"{base}_{count}"
                count += 1
            if mark_as_used:
                self._names[base] = count
                self._names[key] = 1
            name = f"{name}_{count - 1}"
        return name

    def _claim(self, name):
        """Marks the name of a node that came with it as taken, and its scopes."""
        parts = name.lower().split("/")
        for i in range(1, len(parts) + 1):
            self._names.setdefault("/".join(parts[:i]), 1)

    @contextlib.contextmanager
    def name_scope(self, name):
        """In the block, names of new nodes begin with name/."""
        if isinstance(name, bytes):
            name = name.decode()
        if name:
            if not isinstance(name, str):
                raise TypeError(f"`name` type must be `str`, found {type(name).__name__}")
            pattern = _SCOPE_NAME if self._scope else _OP_NAME
            if not pattern.fullmatch(name):
                raise ValueError(f"'{name}' is not a valid {'' if self._scope else 'root '}scope "
                                 f"name. A {'' if self._scope else 'root '}scope name has to match "
                                 f"the following pattern: ^{pattern.pattern}$")
        before = self._scope
        if not name:
            scope = ""
        elif name.endswith("/"):
            scope = name.rstrip("/") if name != "/" else ""
        else:
            scope = self.unique_name(name)
        self._scope = scope
        try:
            yield scope + "/" if scope else ""
        finally:
            self._scope = before

    def get_name_scope(self):
        """The current name scope, without the / behind it."""
        return self._scope

    # ---- nodes ----

    def add_op(self, op, inputs, attrs=None, name=None, controls=()):
        """A new node. inputs: tensors, one after the other; attrs: plain values, of which those
        that inputs tell or that have a default may be left out; name: made unique, but for one
        that ends with /, which is what it is. Returns the Operation."""
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        name = name or op
        if name.endswith("/"):
            name = name[:-1]
            self._claim(name)
        else:
            name = self.unique_name(name)
        if not _OP_NAME.fullmatch(name):
            raise ValueError(f"'{name}' is not a valid node name. A node name has to match the "
                             f"following pattern: ^{_OP_NAME.pattern}$")
        inputs = [t if t.graph is self else self.capture(t) for t in inputs]
        every = self._controls_for({t.op._node for t in inputs}, [c._node for c in controls])
        try:
            node, _ = self._builder.add(op, name, [t._value for t in inputs], every, attrs or {})
        except InvalidArgumentError as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(str(error)) from None
        if self._device_stack:
            device = self._device_for(op, name)
            if device:
                self._devices[node] = device
        for block in self._controls:
            block.seen.add(node)
        made = self._operation(node)
        if op in _SHAPED:
            self._declared_shape(op, made, attrs)
        return made

    def _declared_shape(self, op, made, attrs):
        """The shape that a source's attributes tell."""
        tensor = made.outputs[0]
        if tensor.shape.rank is not None:
            return
        if op == "Const":
            value = attrs["value"]
            tensor.set_shape(getattr(value, "shape", ()))
        elif attrs.get("shape") is not None:
            tensor.set_shape(attrs["shape"])

    def create_op(self, op_type, inputs, dtypes=None, input_types=None, name=None, attrs=None,
                  op_def=None, compute_shapes=True, compute_device=True):
        """A new Operation; attrs: {name: AttrValue}."""
        from ._nodes import plain_attr

        return self.add_op(op_type, list(inputs), {k: plain_attr(v) for k, v in (attrs or {}).items()},
                           name)

    def capture(self, tensor, name=None):
        """A tensor of another graph: refused."""
        raise ValueError(f"{tensor!r} must be from the same graph as the other inputs of the "
                         f"operation.")

    def _controls_for(self, inputs, given):
        every = list(given)
        for block in self._controls:
            if block.seen & inputs:
                continue  # an input was made in the block, so it has run after these already
            every += [c for c in block.ops if c not in inputs and c not in every]
        return every

    def _constant(self, array, dtype, name, exact=False):
        return self.add_op("Const", [], {"value": array, "dtype": dtype},
                           name + "/" if exact else name).outputs[0]

    def _sync(self):
        n = self._builder.count()
        if len(self._ops) < n:
            self._ops += [None] * (n - len(self._ops))
        return n

    def _operation(self, node):
        if node >= len(self._ops):
            self._sync()
        op = self._ops[node]
        if op is None:
            op = self._ops[node] = Operation(self, node)
        return op

    def _tensor(self, value):
        tensor = self._tensors.get(value)
        if tensor is None:
            tensor = self._tensors[value] = Tensor(self, value)
        return tensor

    def get_operations(self):
        """All nodes, in the order in which they were added."""
        return [self._operation(i) for i in range(self._sync())]

    @property
    def version(self):
        """Number of nodes."""
        return self._builder.count()

    # ---- elements by name ----

    def get_operation_by_name(self, name):
        """The node of that name; KeyError."""
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_tensor=False)

    def get_tensor_by_name(self, name):
        """The tensor ``node:i``; KeyError, ValueError."""
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_operation=False)

    def _find(self, name):
        node = self._builder.find(name)
        return None if node < 0 else self._operation(node)

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation for itself, its name, or a variable."""
        types = " or ".join(["Tensor"] * allow_tensor + ["Operation"] * allow_operation)
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, bytes):
            obj = obj.decode()
        if isinstance(obj, str):
            return self._by_name(obj, allow_tensor, allow_operation, types)
        if isinstance(obj, Tensor) and allow_tensor or isinstance(obj, Operation) and allow_operation:
            if obj.graph is not self:
                raise ValueError(f"{'Tensor' if isinstance(obj, Tensor) else 'Operation'} {obj!r} is "
                                 f"not an element of this graph.")
            return obj
        raise TypeError(f"Can not convert a {type(obj).__name__} into a {types}.")

    def _by_name(self, name, allow_tensor, allow_operation, types):
        if ":" in name and allow_tensor:
            op_name, _, index = name.partition(":")
            if not index.isdigit():
                raise ValueError(f"The name {name!r} looks a like a Tensor name, but is not a valid "
                                 f"one. Tensor names must be of the form "
                                 f'"<op_name>:<output_index>".')
            op = self._find(op_name)
            if op is None:
                raise KeyError(f"The name {name!r} refers to a Tensor which does not exist. The "
                               f"operation, {op_name!r}, does not exist in the graph.")
            if int(index) >= op._n:
                raise KeyError(f"The name {name!r} refers to a Tensor which does not exist. The "
                               f"operation, {op_name!r}, exists but only has {op._n} outputs.")
            return op.outputs[int(index)]
        if ":" in name:
            raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a {types}.")
        op = self._find(name)
        if not allow_operation:
            kind = "refers to an Operation" if op else "looks like an (invalid) Operation name"
            raise ValueError(f"The name {name!r} {kind}, not a {types}. Tensor names must be of the "
                             f'form "<op_name>:<output_index>".')
        if op is None:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return op

    def is_feedable(self, tensor):
        """Any tensor may be fed."""
        return True

    def is_fetchable(self, element):
        """Any tensor or operation may be fetched."""
        return True

    # ---- contexts and collections ----

    @contextlib.contextmanager
    def as_default(self):
        """In the block, new nodes go into this graph."""
        _stacks.graphs.append(self)
        try:
            yield self
        finally:
            _pop(_stacks.graphs, self)

    @contextlib.contextmanager
    def control_dependencies(self, control_inputs):
        """Nodes made in the block run after these; None: after nothing said outside."""
        if control_inputs is None:
            before, self._controls = self._controls, []
            try:
                yield
            finally:
                self._controls = before
            return
        nodes = []
        for control in control_inputs:
            if control is None:
                continue
            element = control if isinstance(control, Operation) else self.as_graph_element(control)
            nodes.append(getattr(element, "op", element)._node)
        self._controls.append(_Controls(nodes))
        try:
            yield
        finally:
            self._controls.pop()

    @contextlib.contextmanager
    def device(self, device_name_or_function):
        """In the block, nodes are marked for that device. Values do not depend on it."""
        self._device_stack.append(device_name_or_function)
        try:
            yield
        finally:
            self._device_stack.pop()

    def _device_for(self, op, name):
        from ._nodes import merged_device

        return merged_device(self._device_stack, op, name)

    @contextlib.contextmanager
    def colocate_with(self, op, ignore_existing=False):
        """Placement has no effect on values."""
        yield

    @contextlib.contextmanager
    def container(self, container_name):
        """In the block, variables belong to that container."""
        before = getattr(self, "_container", "")
        self._container = container_name
        try:
            yield self._container
        finally:
            self._container = before

    def add_to_collection(self, name, value):
        """Appends value to the collection of that name."""
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names, value):
        """Appends value to each of these collections."""
        for name in dict.fromkeys([names] if isinstance(names, str) else names or ()):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name):
        """The list of the collection itself."""
        return self._collections.setdefault(name, [])

    def get_collection(self, name, scope=None):
        """The collection of that name, a list; with scope, what has a name that matches it."""
        found = list(self._collections.get(name, ()))
        if scope is None:
            return found
        matches = re.compile(scope)
        return [v for v in found if hasattr(v, "name") and matches.match(v.name)]

    def get_all_collection_keys(self):
        """Names of all collections."""
        return [k for k in self._collections if isinstance(k, str)]

    collections = property(get_all_collection_keys)

    def clear_collection(self, name):
        """Forgets the collection."""
        self._collections.pop(name, None)

    def finalize(self):
        """No nodes can be added any more."""
        self._finalized = True

    finalized = property(lambda self: self._finalized)

    def _unsafe_unfinalize(self):
        self._finalized = False

    def prevent_feeding(self, tensor):
        raise NotImplementedError("unflow has no Graph.prevent_feeding")

    # ---- as messages ----

    def as_graph_def(self, from_version=None, add_shapes=False, use_pybind11_proto=False):
        """The graph as a GraphDef, which TensorFlow can import."""
        from ._nodes import graph_def

        return graph_def(self, from_version or 0, add_shapes)

    @property
    def graph_def_versions(self):
        """The VersionDef of as_graph_def."""
        from ._nodes import versions

        return versions()

    def _random_seeds(self, op_seed):
        """(seed, seed2) of a random op, as TensorFlow derives them."""
        if op_seed is None and self.seed is None:
            return 0, 0
        if op_seed is None:
            op_seed = self._unseeded  # counts random ops without a seed of their own
            self._unseeded += 1
        seed = 87654321 if self.seed is None else self.seed
        if seed == 0 and op_seed == 0:
            return 0, 2**31 - 1
        return int(seed) % 2**31, int(op_seed) % 2**31


def _pop(stack, item):
    """Removes the last one of these."""
    for i in range(len(stack) - 1, -1, -1):
        if stack[i] is item:
            del stack[i]
            return


def get_default_graph():
    """The graph that new nodes go into."""
    global _default
    for graph in reversed(_stacks.graphs):
        if graph is not None:
            return graph
    if _default is None:
        _default = Graph()
    return _default


def reset_default_graph():
    """Forgets the nodes of the default graph."""
    global _default
    if _stacks.graphs:
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs. If you "
                             "need a cleared graph, exit the nesting and create a new graph.")
    _default = None


def control_dependencies(control_inputs):
    """``get_default_graph().control_dependencies(...)``; in eager mode nothing waits."""
    if _mode.executing_eagerly():
        return contextlib.nullcontext()
    return get_default_graph().control_dependencies(control_inputs)


def get_default_session():
    """The session of the innermost ``with``, or None."""
    return _stacks.sessions[-1] if _stacks.sessions else None


def _session_for(graph, session, what):
    thing = "tensor" if what == "eval" else "operation"
    doing = "evaluate tensor" if what == "eval" else "execute operation"
    session = session or get_default_session()
    if session is None:
        raise ValueError(
            f"Cannot {doing} using `{what}()`: No default session is registered. Use `with "
            f"sess.as_default()` or pass an explicit session to `{what}(session=sess)`")
    if session.graph is not graph:
        raise ValueError(
            f"Cannot use the given session to {doing}: the {thing}'s graph is different from the "
            f"session's graph.")
    return session


def __getattr__(name):
    if name in ("Session", "InteractiveSession"):
        from . import _session

        return getattr(_session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
