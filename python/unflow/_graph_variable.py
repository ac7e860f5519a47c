# SPDX-License-Identifier: Apache-2.0
"""Variables of a graph: handles (VarHandleOp) and, as version 1 had them, references (VariableV2).

Both are initialised by running an op, and a Session keeps their values.
"""

from __future__ import annotations

import contextlib

from . import _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._graph import GraphKeys, Tensor, _session_for, get_default_graph
from ._variable import Variable, VariableAggregation, VariableSynchronization

_use_resource = True  # what v1.Variable and get_variable make where nobody says


def enable_resource_variables():
    """v1.Variable and get_variable make resource variables (the default)."""
    global _use_resource
    _use_resource = True


def disable_resource_variables():
    """v1.Variable and get_variable make reference variables."""
    global _use_resource
    _use_resource = False


def resource_variables_enabled():
    """What v1.Variable and get_variable make where nobody says."""
    return _use_resource


def _root(graph):
    """The graph that variables of a function's body belong to."""
    while graph.outer_graph is not None:
        graph = graph.outer_graph
    return graph


@contextlib.contextmanager
def _lifted():
    """Variables are made outside of the function being built."""
    graph = get_default_graph()
    with contextlib.ExitStack() as stack:
        root = _root(graph)
        if root is not graph:
            stack.enter_context(root.as_default())
        stack.enter_context(root.control_dependencies(None))
        yield root


class GraphVariable(Variable):
    """A variable of a graph: run its initializer, then fetch it."""

    graph = op = initializer = initial_value = None  # set in _set_up
    _in_graph_mode = True
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def __init__(self, initial_value=None, trainable=None, collections=None, validate_shape=True,
                 caching_device=None, name=None, variable_def=None, dtype=None,
                 expected_shape=None, import_scope=None, constraint=None, use_resource=None,
                 synchronization=VariableSynchronization.AUTO,
                 aggregation=VariableAggregation.NONE, shape=None, **more):
        if more:
            raise TypeError(f"Variable got unexpected arguments {sorted(more)}")
        self.synchronization, self.aggregation = synchronization, aggregation
        self.constraint = constraint
        self._save_slice_info = None
        if variable_def is not None:
            self._from_def(variable_def, import_scope)
            return
        if initial_value is None:
            raise ValueError("The `initial_value` arg to `tf.Variable` must be specified except when "
                             "you are not providing a `variable_def`. You provided neither.")
        self.trainable = True if trainable is None else bool(trainable)
        with _lifted() as graph:
            self.graph = graph
            self._make(initial_value, None if dtype is None else as_dtype(dtype), name,
                       None if shape is None else TensorShape(shape), validate_shape)
            if collections is None:
                collections = [GraphKeys.GLOBAL_VARIABLES]
            if self.trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
                collections = [*collections, GraphKeys.TRAINABLE_VARIABLES]
            graph.add_to_collections(collections, self)

    def _initial(self, value, dtype):
        """The value that it begins with, in the scope Initializer."""
        if callable(value):
            with self.graph.name_scope("Initializer"):
                value = value()
                if not isinstance(value, Tensor):
                    value = _ops.convert(value, dtype, name="initial_value", graph=self.graph)
            if dtype is not None and value.dtype != dtype:
                raise _ops._wrong_dtype(value, dtype)
            return value
        with self.graph.name_scope("Initializer"):
            return _ops.convert(value, dtype, name="initial_value", graph=self.graph)

    def _make(self, value, dtype, name, shape, validate_shape):
        graph = self.graph
        with graph.name_scope(name or "Variable") as scope:
            value = self.initial_value = self._initial(value, dtype)
            self.dtype = value.dtype
            self._shape = shape if shape is not None else (
                value.shape if validate_shape else TensorShape(None))
            self._shared_name = scope[:-1]
            self.op = graph.add_op("VarHandleOp", [], {
                "dtype": self.dtype, "shape": self._shape, "shared_name": scope[:-1],
                "container": getattr(graph, "_container", "")}, scope)
            self.handle = self.op.outputs[0]
            self.name = scope[:-1] + ":0"
            with graph.name_scope("IsInitialized"):
                self._is_initialized = _ops.apply("VarIsInitializedOp", [self.handle])
            self.initializer = self._assigned(value, "Assign")
            with graph.name_scope("Read"):
                self._snapshot = self._read()

    shape = property(lambda self: self._shape)

    def _assigned(self, value, name):
        return self.graph.add_op("AssignVariableOp", [self.handle, value],
                                 {"dtype": self.dtype}, name)

    def _read(self):
        tensor = _ops.apply("ReadVariableOp", [self.handle], {"dtype": self.dtype})
        if self._shape.rank is not None and not tensor.shape.is_fully_defined():
            tensor.set_shape(self._shape)
        return tensor

    def _as_graph_element(self):
        return self._snapshot

    def _as_tensor(self, dtype=None, name=None):
        return self.value()

    def value(self):
        """A tensor that reads it."""
        return self._read()

    def read_value(self, *unused):
        """A tensor that reads it."""
        graph = get_default_graph()
        with graph.name_scope("Read"):
            value = self._read()
        return _ops.apply("Identity", [value])

    def initialized_value(self):
        """Its value, or the initial one before it is initialised."""
        from ._graph_control import cond

        return cond(self._is_initialized, self.read_value, lambda: self.initial_value)

    def is_initialized(self, name=None):
        """A tensor: whether it has a value."""
        return _ops.apply("VarIsInitializedOp", [self.handle], None, name)

    def _after(self, done, read_value):
        if not read_value:
            return done
        with get_default_graph().control_dependencies([done]):
            tensor = self._read()
        tensor.variable = self
        return tensor

    def _converted(self, value):
        return _ops.convert(value, self.dtype, graph=get_default_graph())

    def load(self, value, session=None):
        """Assigns value in the session."""
        session = _session_for(self.graph, session, "run")
        session.run(self.initializer, {self.initializer.inputs[1]: value})

    def eval(self, session=None):
        """Its value, a NumPy array, in the session or the default one."""
        return _session_for(self.graph, session, "eval").run(self)

    def numpy(self):
        raise NotImplementedError("numpy() is only available when eager execution is enabled.")

    def numpy_array(self):
        return self.numpy()

    # ---- as messages ----

    def to_proto(self, export_scope=None):
        """Its VariableDef."""
        from ._proto import VariableDef

        proto = VariableDef(
            variable_name=self.name, initializer_name=self.initializer.name,
            snapshot_name=self._snapshot.name, is_resource=self._is_resource,
            trainable=self.trainable)
        if self.initial_value is not None:
            proto.initial_value_name = self.initial_value.name
        return proto

    _is_resource = True

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """The variable that a VariableDef tells of, in the default graph."""
        cls = GraphVariable if variable_def.is_resource else RefVariable
        return cls(variable_def=variable_def, import_scope=import_scope)

    def _from_def(self, proto, scope):
        graph = self.graph = get_default_graph()

        def element(name):
            return graph.as_graph_element(f"{scope}/{name}" if scope else name)

        target = element(proto.variable_name)
        self.op = target.op if isinstance(target, Tensor) else target
        self.handle = self.op.outputs[0]
        self.name = self.op.name + ":0"
        self.initializer = element(proto.initializer_name)
        self._snapshot = element(proto.snapshot_name)
        self.initial_value = element(proto.initial_value_name) if proto.initial_value_name else None
        self.trainable = bool(proto.trainable)
        attrs = graph._builder.attrs(self.op._node)
        self.dtype = as_dtype(attrs["dtype"][1])
        dims = attrs["shape"][1]
        self._shape = TensorShape(None) if dims is None else TensorShape(
            [None if d < 0 else d for d in dims])
        self._shared_name = self.op.name
        if proto.HasField("save_slice_info_def"):
            self._save_slice_info = proto.save_slice_info_def

    # ---- as a value of Python ----

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert the variable {self.name} of a graph to a numpy array. Run it in a "
            f"Session.")

    def __len__(self):
        raise TypeError(f"the variable {self.name} of a graph has no len(); use its shape")

    def __iter__(self):
        raise TypeError("'Variable' object is not iterable.")

    def __bool__(self):
        raise TypeError(f"the variable {self.name} of a graph has no truth value; run it in a "
                        f"Session")

    __float__ = __int__ = __complex__ = __index__ = __bool__

    def __deepcopy__(self, memo):
        raise NotImplementedError("__deepcopy__() is only available when eager execution is enabled.")

    def __repr__(self):
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self._dtype_text()}>"

    __str__ = __repr__

    def _dtype_text(self):
        return self.dtype.name


class RefVariable(GraphVariable):
    """A variable as version 1 had them: VariableV2, whose output refers to the value."""

    _is_resource = False

    def _make(self, value, dtype, name, shape, validate_shape):
        graph = self.graph
        with graph.name_scope(name or "Variable") as scope:
            made = callable(value)
            if made:
                value = self._initial(value, dtype)
            else:
                value = _ops.convert(value, dtype, name="initial_value", graph=graph)
            self.initial_value = value
            self.dtype = value.dtype
            self._shape = value.shape if validate_shape else TensorShape(None)
            self.op = graph.add_op("VariableV2", [], {
                "dtype": self.dtype, "shape": self._shape, "shared_name": "",
                "container": getattr(graph, "_container", "")}, scope)
            self.handle = self.op.outputs[0]
            self._shared_name = scope[:-1]
            self.name = scope[:-1] + ":0"
            self.initializer = graph.add_op("Assign", [self.handle, value],
                                            {"validate_shape": validate_shape}, "Assign")
            self._snapshot = graph.add_op("Identity", [self.handle], None, "read").outputs[0]

    def _ref(self):
        return self.handle

    def _as_graph_element(self):
        return self.handle

    def value(self):
        """A tensor that reads it."""
        return self._snapshot

    def read_value(self, *unused):
        """A tensor that reads it, when it is run."""
        return _ops.apply("Identity", [self.handle], None, "read")

    def is_initialized(self, name=None):
        """A tensor: whether it has a value."""
        return _ops.apply("IsVariableInitialized", [self.handle], None, name)

    @property
    def _is_initialized(self):
        return self.is_initialized()

    def _changed(self, op, inputs, name, read_value, **attrs):
        tensor = _ops.apply(op, [self.handle, *inputs], attrs, name)
        return tensor if read_value else tensor.op

    def assign(self, value, use_locking=False, name=None, read_value=True, validate_shape=True):
        """A tensor that gives it another value when it is run."""
        return self._changed("Assign", [self._converted(value)], name, read_value,
                             use_locking=bool(use_locking), validate_shape=validate_shape)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """A tensor that adds to it when it is run."""
        return self._changed("AssignAdd", [self._converted(delta)], name, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """A tensor that subtracts from it when it is run."""
        return self._changed("AssignSub", [self._converted(delta)], name, read_value)

    def count_up_to(self, limit):
        """Adds one, up to limit; the value before. OutOfRangeError."""
        return _ops.apply("CountUpTo", [self.handle], {"limit": limit})

    def _dtype_text(self):
        return self.dtype.name + "_ref"


def _scatter(word):
    def method(self, sparse_delta, use_locking=False, name=None):
        return self._changed("Scatter" + word, [sparse_delta.indices, self._converted(
            sparse_delta.values)], name, True)

    return method


for _word in ("Add", "Sub", "Update", "Max", "Min", "Mul", "Div"):
    setattr(RefVariable, "scatter_" + _word.lower(), _scatter(_word))


def variable_v1(initial_value=None, trainable=None, collections=None, validate_shape=True,
                caching_device=None, name=None, variable_def=None, dtype=None, expected_shape=None,
                import_scope=None, constraint=None, use_resource=None, **more):
    """v1.Variable: a resource variable, or with use_resource=False one of references."""
    if _mode.executing_eagerly():
        return Variable(initial_value, trainable=trainable, name=name, dtype=dtype,
                        constraint=constraint, **more)
    resource = _use_resource if use_resource is None else use_resource
    if variable_def is not None:
        resource = variable_def.is_resource
    cls = GraphVariable if resource else RefVariable
    return cls(initial_value, trainable, collections, validate_shape, caching_device, name,
               variable_def, dtype, expected_shape, import_scope, constraint, **more)


# ---- functions of v1 on variables ----


def _is_ref(ref):
    return isinstance(ref, RefVariable) or getattr(ref, "_is_ref", False)


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """Gives ref another value; a tensor of it."""
    if isinstance(ref, Tensor):
        return _ops.apply("Assign", [ref, value], {
            "validate_shape": validate_shape is not False}, name)
    if isinstance(ref, RefVariable):
        return ref.assign(value, name=name, validate_shape=validate_shape is not False)
    return ref.assign(value, name=name)


def assign_add(ref, value, use_locking=None, name=None):
    """Adds to ref; a tensor of it."""
    if isinstance(ref, Tensor):
        return _ops.apply("AssignAdd", [ref, value], None, name)
    return ref.assign_add(value, name=name)


def assign_sub(ref, value, use_locking=None, name=None):
    """Subtracts from ref; a tensor of it."""
    if isinstance(ref, Tensor):
        return _ops.apply("AssignSub", [ref, value], None, name)
    return ref.assign_sub(value, name=name)


def _scatter_function(word, nd):
    op = ("ScatterNd" if nd else "Scatter") + word

    def function(ref, indices, updates, use_locking=True, name=None):
        if _is_ref(ref):
            ref = getattr(ref, "handle", ref)
            return _ops.apply(op, [ref, indices, updates], None, name)
        done = _ops.apply("Resource" + op, [ref.handle, indices, _ops.convert(
            updates, ref.dtype, graph=_mode.graph_for((ref.handle, updates)))],
            None if nd else {"dtype": ref.dtype}, name)
        return ref._after(done, True)

    function.__name__ = ("scatter_nd_" if nd else "scatter_") + word.lower()
    function.__doc__ = f"{op} on a variable; a tensor of its value afterwards."
    return function


scatter_add, scatter_sub, scatter_update, scatter_max, scatter_min, scatter_mul, scatter_div = (
    _scatter_function(w, False) for w in ("Add", "Sub", "Update", "Max", "Min", "Mul", "Div"))
scatter_nd_add, scatter_nd_sub, scatter_nd_update = (
    _scatter_function(w, True) for w in ("Add", "Sub", "Update"))


def _collection(key, scope):
    return get_default_graph().get_collection(key, scope)


def global_variables(scope=None):
    """All variables of the default graph."""
    return _collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope=None):
    """Variables in the collection LOCAL_VARIABLES."""
    return _collection(GraphKeys.LOCAL_VARIABLES, scope)


def trainable_variables(scope=None):
    """Variables in the collection TRAINABLE_VARIABLES."""
    return _collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def model_variables(scope=None):
    """Variables in the collection MODEL_VARIABLES."""
    return _collection(GraphKeys.MODEL_VARIABLES, scope)


def moving_average_variables(scope=None):
    """Variables in the collection MOVING_AVERAGE_VARIABLES."""
    return _collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def all_variables():
    """The old name of global_variables."""
    return global_variables()


def _no_op(name, controls):
    if _mode.executing_eagerly():
        return None
    return get_default_graph().add_op("NoOp", [], None, name, controls)


def variables_initializer(var_list, name="init"):
    """An op that runs the initializers of these variables; None in eager mode."""
    return None if _mode.executing_eagerly() else _no_op(name, [v.initializer for v in var_list])


def global_variables_initializer():
    """An op that gives every variable of the default graph its initial value."""
    return None if _mode.executing_eagerly() else variables_initializer(global_variables())


def local_variables_initializer():
    """As global_variables_initializer, for LOCAL_VARIABLES."""
    return None if _mode.executing_eagerly() else variables_initializer(local_variables())


def tables_initializer(name="init_all_tables"):
    """An op that runs the initializers of all tables."""
    if _mode.executing_eagerly():
        return None
    found = _collection(GraphKeys.TABLE_INITIALIZERS, None)
    return _no_op(name, [getattr(f, "op", f) for f in found])


def is_variable_initialized(variable):
    """A tensor: whether it has a value."""
    return variable.is_initialized()


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """A string tensor: names of variables without a value."""
    if var_list is None:
        var_list = global_variables() + local_variables()
    graph = get_default_graph()
    with graph.name_scope(name):
        if not var_list:
            return _ops.convert([], as_dtype("string"), graph=graph)
        known = _ops.apply("Pack", [[v.is_initialized() for v in var_list]], {"axis": 0})
        names = _ops.convert([v.op.name for v in var_list], as_dtype("string"), graph=graph)
        places = _ops.apply("Where", [_ops.apply("LogicalNot", [known])])
        rows = _ops.apply("Reshape", [places, [-1]])
        return _ops.apply("GatherV2", [names, rows, 0], {"batch_dims": 0})

