# SPDX-License-Identifier: Apache-2.0
"""tf.compat.v1.get_variable, variable_scope and the initializers of version 1."""

from __future__ import annotations

import contextlib
import enum
import math

import numpy as np

from . import _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._graph import GraphKeys, get_default_graph
from ._graph_variable import _root, variable_v1


class _Reuse(enum.Enum):
    AUTO_REUSE = 1

    def __repr__(self):
        return "_ReuseMode.AUTO_REUSE"


AUTO_REUSE = _Reuse.AUTO_REUSE


def _refuse(what, value):
    if value is not None:
        raise NotImplementedError(f"unflow has no {what} of variables; leave it out")


# ---- initializers ----


class Initializer:
    """A function of shape and dtype that gives the first value of a variable."""

    dtype = as_dtype("float32")

    def get_config(self):
        """Its arguments."""
        return {k: v for k, v in vars(self).items()}

    @classmethod
    def from_config(cls, config):
        """The initializer with these arguments."""
        return cls(**config)


class Zeros(Initializer):
    """Zeros."""

    def __init__(self, dtype="float32"):
        self.dtype = as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return _constant(shape, 0, dtype or self.dtype, "zeros")


class Ones(Initializer):
    """Ones."""

    def __init__(self, dtype="float32"):
        self.dtype = as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return _constant(shape, 1, dtype or self.dtype, "ones")


def _constant(shape, value, dtype, name):
    dtype = as_dtype(dtype)
    sizes = TensorShape(shape).as_list()
    graph = _mode.graph_for(())
    if dtype.name == "string":
        array = np.full(sizes, b"", object)
    elif dtype.name == "bool":
        array = np.full(sizes, bool(value))
    else:
        array = np.full(sizes, value).astype(dtype.as_numpy_dtype)
    return _ops.convert(array, dtype, name=name, graph=graph)


class Identity(Initializer):
    """A matrix with one number on its diagonal."""

    def __init__(self, gain=1.0, dtype="float32"):
        self.gain, self.dtype = gain, as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        sizes, dtype = TensorShape(shape).as_list(), as_dtype(dtype or self.dtype)
        if len(sizes) != 2:
            raise ValueError(f"expected the shape of a matrix, found {sizes}")
        return _ops.convert(self.gain * np.eye(*sizes, dtype=dtype.as_numpy_dtype), dtype, name="eye",
                            graph=_mode.graph_for(()))


class Constant(Initializer):
    """One value everywhere, or an array."""

    def __init__(self, value=0, dtype="float32", verify_shape=False):
        self.value, self.dtype, self.verify_shape = value, as_dtype(dtype), verify_shape

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        from ._convert import constant

        return constant(self.value, as_dtype(dtype or self.dtype), shape)


def _seeds(seed):
    graph = _mode.graph_for(())
    if graph is not None:
        return graph._random_seeds(seed)
    from ._random import get_seed

    return get_seed(seed)


@contextlib.contextmanager
def _scope(name):
    graph = _mode.graph_for(())
    if graph is None:
        yield ""
    else:
        with graph.name_scope(name) as scope:
            yield scope


def _random(kind, shape, first, second, dtype, seed, name):
    """uniform between first and second, or (truncated) normal of that mean and deviation."""
    dtype = as_dtype(dtype)
    graph = _mode.graph_for(())
    words = ("min", "max") if kind == "RandomUniform" else ("mean", "stddev")
    with _scope(name) as scope:
        sizes = _ops.convert(np.array(TensorShape(shape).as_list(), np.int32), name="shape", graph=graph)
        a = _ops.convert(first, dtype, name=words[0], graph=graph)
        b = _ops.convert(second, dtype, name=words[1], graph=graph)
        seed, seed2 = _seeds(seed)
        raw = _ops.apply(kind, [sizes], {"dtype": dtype, "seed": seed, "seed2": seed2})
        if kind == "RandomUniform":
            scale = _ops.apply("Sub", [b, a], None, "sub")
        else:
            scale = b
        return _ops.apply("AddV2", [_ops.apply("Mul", [raw, scale], None, "mul"), a], None,
                          scope or name)


class RandomUniform(Initializer):
    """Uniform between minval and maxval."""

    def __init__(self, minval=0.0, maxval=None, seed=None, dtype="float32"):
        self.minval, self.seed, self.dtype = minval, seed, as_dtype(dtype)
        self.maxval = 1.0 if maxval is None else maxval

    def __call__(self, shape, dtype=None, partition_info=None):
        return _random("RandomUniform", shape, self.minval, self.maxval, dtype or self.dtype,
                       self.seed, "random_uniform")


class RandomNormal(Initializer):
    """Normal with that mean and deviation."""

    _op, _name = "RandomStandardNormal", "random_normal"

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype="float32"):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return _random(self._op, shape, self.mean, self.stddev, dtype or self.dtype, self.seed,
                       self._name)


class TruncatedNormal(RandomNormal):
    """Normal, values beyond two deviations drawn again."""

    _op, _name = "TruncatedNormal", "truncated_normal"


class VarianceScaling(Initializer):
    """Random values whose variance goes with the shape (He, Glorot)."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None,
                 dtype="float32"):
        if scale <= 0:
            raise ValueError(f"Argument `scale` must be a positive float. Received: {scale}")
        self.scale, self.mode, self.distribution = scale, mode, distribution.lower()
        self.seed, self.dtype = seed, as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        fan_in, fan_out = _fans(TensorShape(shape).as_list())
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        scale = self.scale / max(1.0, fan)
        dtype = dtype or self.dtype
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return _random("RandomUniform", shape, -limit, limit, dtype, self.seed, "random_uniform")
        truncated = self.distribution in ("normal", "truncated_normal")
        # the deviation of a standard normal cut off at two
        deviation = math.sqrt(scale) / (0.87962566103423978 if truncated else 1)
        return _random("TruncatedNormal" if truncated else "RandomStandardNormal", shape, 0.0,
                       deviation, dtype, self.seed,
                       "truncated_normal" if truncated else "random_normal")


def _fans(shape):
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    return shape[-2] * field, shape[-1] * field


class GlorotUniform(VarianceScaling):
    """Uniform, by fan-in and fan-out."""

    def __init__(self, seed=None, dtype="float32"):
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class GlorotNormal(VarianceScaling):
    """Truncated normal, by fan-in and fan-out."""

    def __init__(self, seed=None, dtype="float32"):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


# ---- scopes ----


class VariableScope:
    """The current scope of get_variable: a name, whether variables are reused, defaults."""

    def __init__(self, reuse, name="", initializer=None, dtype="float32", use_resource=None,
                 name_scope="", constraint=None):
        self._name, self._reuse = name, reuse
        self.initializer, self.dtype, self.use_resource = initializer, as_dtype(dtype), use_resource
        self._name_scope, self.constraint = name_scope, constraint

    name = property(lambda self: self._name)
    reuse = property(lambda self: self._reuse)
    original_name_scope = property(lambda self: self._name_scope)

    def reuse_variables(self):
        """From now on variables of the scope must be there already."""
        self._reuse = True

    def set_initializer(self, initializer):
        """The initializer where get_variable is given none."""
        self.initializer = initializer

    def set_dtype(self, dtype):
        """The dtype where get_variable is given none."""
        self.dtype = as_dtype(dtype)

    def set_use_resource(self, use_resource):
        """What kind of variables get_variable makes."""
        self.use_resource = use_resource

    def _key(self, collection):
        return get_default_graph().get_collection(collection, self._name + "/" if self._name else None)

    def global_variables(self):
        """Variables whose names begin with the scope's."""
        return self._key(GraphKeys.GLOBAL_VARIABLES)

    def trainable_variables(self):
        """Trainable variables whose names begin with the scope's."""
        return self._key(GraphKeys.TRAINABLE_VARIABLES)

    def local_variables(self):
        """Local variables whose names begin with the scope's."""
        return self._key(GraphKeys.LOCAL_VARIABLES)

    def get_collection(self, name):
        """What the collection has of the scope."""
        return self._key(name)


class _Store:
    """Of one graph: variables by name, the current scope, how often scopes were opened."""

    def __init__(self):
        self.variables = {}
        self.scope = VariableScope(False)
        self.counts = {}


def _store():
    graph = _root(get_default_graph())
    store = graph.__dict__.get("_variable_store")
    if store is None:
        store = graph._variable_store = _Store()
    return store


def get_variable_scope():
    """The current VariableScope."""
    return _store().scope


def _unique_scope(store, prefix):
    name = f"{store.scope.name}/{prefix}" if store.scope.name else prefix
    if store.counts.get(name, 0) == 0:
        return prefix
    i = 1
    while store.counts.get(f"{name}_{i}", 0) > 0:
        i += 1
    return f"{prefix}_{i}"


class variable_scope:
    """In the block, get_variable's names begin with the scope's, and those of ops, too."""

    def __init__(self, name_or_scope, default_name=None, values=None, initializer=None,
                 regularizer=None, caching_device=None, partitioner=None, custom_getter=None,
                 reuse=None, dtype=None, use_resource=None, constraint=None,
                 auxiliary_name_scope=True):
        for what, value in (("regularizer", regularizer), ("partitioner", partitioner),
                            ("custom_getter", custom_getter)):
            _refuse(what, value)
        if name_or_scope is None and default_name is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        self._given, self._default = name_or_scope, default_name
        self._initializer, self._reuse, self._dtype = initializer, reuse, dtype
        self._use_resource, self._constraint = use_resource, constraint
        self._auxiliary = auxiliary_name_scope

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        try:
            return self._open()
        except BaseException:
            self._stack.close()
            raise

    def _open(self):
        store = _store()
        graph = get_default_graph()
        old = store.scope
        if self._given is None:
            name, words, base = _unique_scope(store, self._default), self._default, old
        elif isinstance(self._given, str):
            name = words = self._given
            base = old
        elif isinstance(self._given, VariableScope):
            base, name = self._given, None
            words = base.name.split("/")[-1]
        else:
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        scope = ""
        if self._auxiliary and words:
            scope = self._stack.enter_context(graph.name_scope(words))
        full = base.name if name is None else f"{old.name}/{name}" if old.name else name
        reuse = self._reuse if self._reuse is not None else base.reuse
        if base is old and old.reuse and reuse is not AUTO_REUSE:
            reuse = reuse or old.reuse
        new = VariableScope(
            reuse, full, self._initializer or base.initializer, self._dtype or base.dtype,
            base.use_resource if self._use_resource is None else self._use_resource,
            base.original_name_scope if name is None else scope, self._constraint or base.constraint)
        store.counts[full] = store.counts.get(full, 0) + 1
        kept = {k: v for k, v in store.counts.items() if k.startswith(full + "/")}
        for key in kept:
            store.counts[key] = 0
        store.scope = new

        def back():
            store.scope = old
            if name is not None or base is not old:
                for key in [k for k in store.counts if k.startswith(full + "/")]:
                    store.counts[key] = 0

        self._stack.callback(back)
        return new

    def __exit__(self, *exc):
        self._stack.close()
        return False

    def __call__(self, function):
        def scoped(*args, **kwargs):
            with variable_scope(self._given, self._default, reuse=self._reuse,
                                initializer=self._initializer, dtype=self._dtype):
                return function(*args, **kwargs)

        return scoped


def variable_op_scope(values, name_or_scope, default_name=None, **more):
    """The old form of variable_scope."""
    return variable_scope(name_or_scope, default_name, values, **more)


def _default_initializer(name, dtype):
    if dtype.is_floating:
        return GlorotUniform()
    if dtype.is_integer or dtype.is_unsigned or dtype.is_bool or dtype.name == "string":
        return Zeros(dtype)
    raise ValueError(f"An initializer for variable {name} of {dtype} is required")


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None,
                 collections=None, caching_device=None, partitioner=None, validate_shape=True,
                 use_resource=None, custom_getter=None, constraint=None, synchronization=0,
                 aggregation=0):
    """The variable of that name in the current variable_scope: made, or the one that is there,
    as the scope's reuse says. ValueError when it should not, or should, be there."""
    for what, value in (("regularizer", regularizer), ("partitioner", partitioner),
                        ("custom_getter", custom_getter)):
        _refuse(what, value)
    store = _store()
    scope = store.scope
    full = f"{scope.name}/{name}" if scope.name else name
    given_dtype = dtype
    dtype = as_dtype(dtype if dtype is not None else scope.dtype)
    initializer = initializer if initializer is not None else scope.initializer
    use_resource = use_resource if use_resource is not None else scope.use_resource
    if full in store.variables:
        return _reused(store, scope, full, shape, given_dtype)
    if scope.reuse is True:
        raise ValueError(f"Variable {full} does not exist, or was not created with "
                         f"tf.get_variable(). Did you mean to set reuse=tf.AUTO_REUSE in VarScope?")
    initial = _initial_of(full, shape, dtype, given_dtype, initializer)
    graph = get_default_graph()
    with graph.name_scope(None):
        variable = variable_v1(initial, trainable, collections, validate_shape, None, full,
                               dtype=None if not callable(initial) else dtype,
                               constraint=constraint, use_resource=use_resource)
    store.variables[full] = variable
    return variable


def _initial_of(full, shape, dtype, given_dtype, initializer):
    """A value, or a function that gives one."""
    shape = None if shape is None else TensorShape(shape)
    if initializer is None:
        initializer = _default_initializer(full, dtype)
    if isinstance(initializer, type):
        initializer = initializer(dtype=dtype)
    if not callable(initializer):
        from ._convert import array_of

        if shape is not None and shape.rank is not None:
            raise ValueError("If initializer is a constant, do not specify shape.")
        if getattr(initializer, "_symbolic", False):
            return initializer
        array, _ = array_of(initializer, as_dtype(given_dtype) if given_dtype is not None else None)
        return array
    if shape is None or not shape.is_fully_defined():
        raise ValueError(f"Shape of a new variable ({full}) must be fully defined, but instead was "
                         f"{'<unknown>' if shape is None else shape}.")
    if not isinstance(initializer, Initializer):
        import inspect

        takes = inspect.signature(initializer).parameters
        if not takes:
            return initializer
        if "dtype" not in takes:
            return lambda: initializer(shape.as_list())
    return lambda: initializer(shape.as_list(), dtype=dtype)


def _reused(store, scope, full, shape, dtype):
    if scope.reuse is False or scope.reuse is None:
        raise ValueError(f"Variable {full} already exists, disallowed. Did you mean to set reuse=True "
                         f"or reuse=tf.AUTO_REUSE in VarScope?")
    found = store.variables[full]
    if shape is not None and not TensorShape(shape).is_compatible_with(found.shape):
        raise ValueError(f"Trying to share variable {full}, but specified shape {TensorShape(shape)} "
                         f"and found shape {found.shape}.")
    if dtype is not None and as_dtype(dtype) != found.dtype:
        raise ValueError(f"Trying to share variable {full}, but specified dtype {as_dtype(dtype).name} "
                         f"and found dtype {found.dtype.name}.")
    return found


def get_local_variable(name, shape=None, **more):
    """As get_variable, in the collection LOCAL_VARIABLES and not trainable."""
    more["collections"] = [GraphKeys.LOCAL_VARIABLES, *(more.get("collections") or ())]
    return get_variable(name, shape, trainable=False, **more)


# ---- the global step ----


def get_global_step(graph=None):
    """The variable global_step, or None."""
    graph = graph or get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) == 1:
        return found[0]
    for variable in graph.get_collection(GraphKeys.GLOBAL_VARIABLES):
        if variable.name == "global_step:0":
            return variable
    return None


def create_global_step(graph=None):
    """Makes the variable global_step; ValueError when there is one."""
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.as_default(), graph.name_scope(None):
        return get_variable(GraphKeys.GLOBAL_STEP, [], "int64", Zeros("int64"), trainable=False,
                            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP])


def get_or_create_global_step(graph=None):
    """The variable global_step, made when it is not there."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def global_step(sess, global_step_tensor):
    """The global step as an int."""
    return int(sess.run(global_step_tensor))


BY_PATH = {"zeros_initializer": Zeros, "ones_initializer": Ones, "constant_initializer": Constant}
