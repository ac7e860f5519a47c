# SPDX-License-Identifier: Apache-2.0
"""What tf.compat.v1 has for graphs at its top: placeholders, scopes, collections, settings."""

from __future__ import annotations

import contextlib

import numpy as np

from . import _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._graph import get_default_graph


def placeholder(dtype, shape=None, name=None):
    """A tensor whose value each run is to be given by feed_dict."""
    if _mode.executing_eagerly():
        raise RuntimeError("tf.placeholder() is not compatible with eager execution.")
    return _ops.apply("Placeholder", [], {"dtype": as_dtype(dtype), "shape": TensorShape(shape)}, name)


def placeholder_with_default(input, shape, name=None):
    """The input, unless feed_dict gives another value."""
    return _ops.apply("PlaceholderWithDefault", [input], {"shape": TensorShape(shape)}, name)


def sparse_placeholder(dtype, shape=None, name=None):
    """A sparse tensor whose three parts each run is to be given by feed_dict."""
    from ._composite import SparseTensor

    shape = TensorShape(shape)
    prefix = name + "/" if name else ""
    dense, count = None, shape.rank
    if shape.is_fully_defined():
        dense = placeholder_with_default(np.array(shape.as_list(), np.int64), [count], prefix + "shape")
    return SparseTensor(
        values=placeholder(dtype, [None], prefix + "values"),
        indices=placeholder("int64", [None, count], prefix + "indices"),
        dense_shape=placeholder("int64", [count], prefix + "shape") if dense is None else dense)


def where(condition, x=None, y=None, name=None):
    """x where the condition holds, else y; or where it holds. A condition of one dimension chooses rows."""
    if x is None or y is None:
        from ._functions import where as found

        return found(condition, x, y, name)
    return _ops.apply("Select", [condition, x, y], None, name)


def div(x, y, name=None):
    """x / y, rounded down where they are integers."""
    x = _ops.convert(x, getattr(y, "dtype", None))
    y = _ops.convert(y, x.dtype)
    return _ops.apply("RealDiv" if x.dtype.is_floating or x.dtype.is_complex else "FloorDiv", [x, y], None, name)


def _caster(dtype):
    def function(x, name=None):
        from ._convert import cast

        return cast(x, dtype, name)

    return function


to_float, to_double, to_int32, to_int64, to_bfloat16 = map(
    _caster, ("float32", "float64", "int32", "int64", "bfloat16"))


def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    """A tensor of the default value with other values at some places."""
    values = _ops.convert(sparse_values)
    default = _ops.convert(default_value, values.dtype)
    return _ops.apply("SparseToDense", [sparse_indices, output_shape, values, default],
                      {"validate_indices": validate_indices}, name)


def setdiff1d(x, y, index_dtype="int32", name=None):
    """The elements of x that are not in y, and where they are."""
    return _ops.apply("ListDiff", [x, y], {"out_idx": as_dtype(index_dtype)}, name)


def arg_max(input, dimension, output_type="int64", name=None):
    return _ops.apply("ArgMax", [input, dimension], {"output_type": as_dtype(output_type)}, name)


def arg_min(input, dimension, output_type="int64", name=None):
    return _ops.apply("ArgMin", [input, dimension], {"output_type": as_dtype(output_type)}, name)


def string_split(source=None, sep=None, skip_empty=True, delimiter=None, result_type="SparseTensor",
                 input=None, name=None):
    """The words of each string, sparse; every letter of the delimiter parts words."""
    from ._composite import SparseTensor

    if result_type != "SparseTensor":
        raise NotImplementedError("unflow's v1.string_split gives SparseTensor; use tf.strings.split")
    delimiter = delimiter if delimiter is not None else " " if sep is None else sep
    return SparseTensor(*_ops.apply("StringSplit", [source if input is None else input, delimiter],
                                    {"skip_empty": skip_empty}, name))


class name_scope:
    """In the block, names of new nodes begin with name/."""

    def __init__(self, name, default_name=None, values=None):
        if not (default_name is None or isinstance(default_name, str)):
            raise TypeError(f"`default_name` type ({type(default_name)}) is not a string type. You "
                            f"likely meant to pass this into the `values` kwarg.")
        self._given = name
        self.name = default_name if name is None else name
        self._values = values

    def __enter__(self):
        graph = _mode.graph_for(self._values or ())
        if graph is None:
            self._context = contextlib.nullcontext(f"{self.name}/" if self.name else "")
            return self._context.__enter__()
        if self.name is None and self._values is not None:
            raise ValueError(f"At least one of name ({self._given}) and default_name must be provided.")
        self._stack = contextlib.ExitStack()
        self._context = self._stack
        if not _mode.stacks.graphs or _mode.stacks.graphs[-1] is not graph:
            self._stack.enter_context(graph.as_default())
        return self._stack.enter_context(graph.name_scope(self.name))

    def __exit__(self, *exc):
        self._context.__exit__(*exc)
        return False


def op_scope(values, name, default_name=None):
    """The old form of name_scope."""
    return name_scope(name, default_name, values)


def device(device_name_or_function):
    """``get_default_graph().device(...)``; in eager mode there is one device."""
    if _mode.executing_eagerly():
        return contextlib.nullcontext()
    return get_default_graph().device(device_name_or_function)


def colocate_with(op, ignore_existing=False):
    """Placement has no effect on values."""
    return contextlib.nullcontext()


def container(container_name):
    """``get_default_graph().container(...)``."""
    return get_default_graph().container(container_name)


def add_to_collection(name, value):
    """Appends value to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names, value):
    """Appends value to collections of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key, scope=None):
    """A collection of the default graph, a list."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    """The list of a collection of the default graph itself."""
    return get_default_graph().get_collection_ref(key)


def set_random_seed(seed):
    """The graph's seed: random ops without one of their own repeat from session to session."""
    if _mode.executing_eagerly():
        from unflow import random

        random.set_seed(seed)
    else:
        get_default_graph().seed = seed


def get_seed(op_seed):
    """(seed, seed2) of a random op made now."""
    return get_default_graph()._random_seeds(op_seed)


def gradients(*args, **kwargs):
    raise NotImplementedError("unflow computes no gradients: tf.gradients is not there; gradient ops in "
                              "graphs that were saved run")


# ---- settings ----


class _Settings:
    """Values by name; those that have no effect on results are kept and not used."""

    _known = ()

    def __init__(self, **values):
        for name, value in values.items():
            if name not in self._known:
                raise ValueError(f'Protocol message {type(self).__name__} has no "{name}" field.')
            setattr(self, name, value)


class GPUOptions(_Settings):
    """Memory of GPUs, of which unflow uses none."""

    _known = ("per_process_gpu_memory_fraction", "allow_growth", "visible_device_list")


class ConfigProto(_Settings):
    """Settings of a Session: intra_op_parallelism_threads is the number of threads; the others
    are about devices and placement, on which values do not depend."""

    _known = ("device_count", "intra_op_parallelism_threads", "inter_op_parallelism_threads",
              "use_per_session_threads", "allow_soft_placement", "log_device_placement",
              "gpu_options", "graph_options", "isolate_session_state")

    def __init__(self, **values):
        self.gpu_options = GPUOptions()
        self.device_count = {}
        self.intra_op_parallelism_threads = 0
        super().__init__(**values)


class RunOptions(_Settings):
    """Settings of one run that its values do not depend on. A time limit is refused, since runs
    have none."""

    _known = ("trace_level", "inter_op_thread_pool", "output_partition_graphs")

    def __setattr__(self, name, value):
        if name == "timeout_in_ms":
            raise NotImplementedError("expected a run without a time limit, found timeout_in_ms: "
                                      "unflow's runs have none")
        super().__setattr__(name, value)

    def __init__(self, **values):
        if "timeout_in_ms" in values:
            self.timeout_in_ms = values["timeout_in_ms"]
        super().__init__(**values)


class RunMetadata(_Settings):
    """What a traced run gives: unflow traces none."""


class _Logging:
    DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50

    def __getattr__(self, name):
        import logging as python_logging

        logger = python_logging.getLogger("tensorflow")
        if name == "set_verbosity":
            return logger.setLevel
        if name == "get_verbosity":
            return lambda: logger.level
        found = {"warn": "warning", "fatal": "critical"}.get(name, name)
        if found in ("debug", "info", "warning", "error", "critical", "log"):
            return getattr(logger, found)
        raise AttributeError(f"unflow has no logging.{name}")


logging = _Logging()
