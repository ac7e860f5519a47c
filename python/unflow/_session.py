# SPDX-License-Identifier: Apache-2.0
"""tf.compat.v1.Session: runs of a graph what the fetches need.

Each set of fetches and feeds becomes a model of its own, made at its first run and kept; all of a
session's models share its variables, tables and random states.
"""

from __future__ import annotations

import contextlib
import re
from collections import namedtuple

import numpy as np

from . import _core
from ._graph import Graph, Operation, Tensor, _pop, _stacks, get_default_graph
from .errors import OpError, UnimplementedError

_MAX_STEPS = 256  # kept at a time


SparseTensorValue = namedtuple("SparseTensorValue", "indices values dense_shape")


class _Plan:
    """How to run one set of fetches: values to ask for, and where each goes."""

    def __init__(self, session, fetches):
        self.session = session
        self.values, self.nodes = [], []
        self.places = {}
        self.structure = self._collect(fetches)

    def _element(self, fetch):
        graph = self.session.graph
        try:
            return graph.as_graph_element(fetch)
        except TypeError as error:
            raise TypeError(f"Argument `fetch` = {fetch} has invalid type "
                            f'"{type(fetch).__name__}" must be a string or Tensor. ({error})'
                            ) from None
        except ValueError as error:
            raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. "
                             f"({error})") from None
        except KeyError as error:
            raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. "
                             f"({error})") from None

    def _sparse(self, fetch):
        parts = fetch.indices, fetch.values, fetch.dense_shape
        return SparseTensorValue, [(None, self._collect(part)) for part in parts]

    def _collect(self, fetch):
        """The structure with places of values in place of what they are fetched by."""
        if fetch is None:
            raise TypeError("Argument `fetch` = None has invalid type \"NoneType\". Cannot be None")
        if isinstance(fetch, dict):
            return type(fetch), [(k, self._collect(v)) for k, v in fetch.items()]
        if isinstance(fetch, tuple) and hasattr(fetch, "_fields"):
            return type(fetch), [(k, self._collect(v)) for k, v in zip(fetch._fields, fetch)]
        if isinstance(fetch, (list, tuple)):
            return type(fetch), [self._collect(v) for v in fetch]
        if hasattr(fetch, "dense_shape") and hasattr(fetch, "_composite"):
            return self._sparse(fetch)
        components = getattr(fetch, "_fetch_components", None)
        if components is not None:
            parts, rebuild = components()
            return rebuild, [self._collect(v) for v in parts]
        element = self._element(fetch)
        if isinstance(element, Operation):
            self.nodes.append(element._node)
            return None
        if element._is_ref:
            element = self._referred(element)
        if element._value not in self.places:
            self.places[element._value] = len(self.values)
            self.values.append(element._value)
        return self.places[element._value]

    def _referred(self, tensor):
        """The variable that a reference (of Assign and its kin) refers to: read after the step, in
        which the op is run."""
        at = tensor
        while at.op.type not in ("VariableV2", "Variable", "TemporaryVariable"):
            if not at.op._inputs:
                return tensor
            at = at.op.inputs[0]
            if not at._is_ref:
                return tensor
        if at is not tensor:
            self.nodes.append(tensor.op._node)
        return at

    def filled(self, structure, results):
        """The structure with arrays in their places."""
        if structure is None:
            return None
        if isinstance(structure, int):
            array = results[structure]
            return array[()] if array.ndim == 0 else array
        kind, items = structure
        if isinstance(kind, type) and issubclass(kind, dict):
            pairs = [(k, self.filled(v, results)) for k, v in items]
            return kind(pairs) if kind is not dict else dict(pairs)
        if isinstance(kind, type) and hasattr(kind, "_fields"):
            return kind(*(self.filled(v, results) for _, v in items))
        if not isinstance(kind, type) or not issubclass(kind, (list, tuple)):
            return kind(*(self.filled(v, results) for v in items))
        return kind([self.filled(v, results) for v in items])


class _Step:
    """A model that computes certain values and nodes from certain feeds."""

    def __init__(self, session, feeds, values, nodes):
        model = session.graph._builder.model(feeds, values, nodes)
        self.core = _core.Session(model, session._threads)
        if session._first is None:
            session._first = self.core
            if not session._threads:
                _core.share_threads(self.core)
        else:
            self.core._share_state(session._first)


def _key_of(fetches):
    """What remembers a simple fetch: itself, or a tuple of such; None for all else."""
    if isinstance(fetches, (Tensor, Operation, str)):
        return fetches
    if type(fetches) in (list, tuple) and all(isinstance(f, (Tensor, Operation, str))
                                              for f in fetches):
        return (type(fetches), *fetches)
    return fetches if getattr(fetches, "_as_graph_element", None) is not None else None


class BaseSession:
    """What Session and InteractiveSession share."""

    def __init__(self, target="", graph=None, config=None):
        if target:
            raise UnimplementedError(None, None, f"expected no target (unflow runs in this "
                                     f"process), found {target!r}")
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"Argument `graph` must be a tf.Graph, but got \"{type(graph).__name__}\"")
        self.graph = graph if graph is not None else get_default_graph()
        self._threads = int(getattr(config, "intra_op_parallelism_threads", 0) or 0)
        self._first = None
        self._steps = {}
        self._plans = {}
        self._closed = False

    graph_def = property(lambda self: self.graph.as_graph_def())
    sess_str = property(lambda self: b"")

    def _plan(self, fetches):
        key = _key_of(fetches)
        try:
            plan = self._plans.get(key) if key is not None else None
        except TypeError:
            key = plan = None
        if plan is None:
            plan = _Plan(self, fetches)
            if key is not None:
                if len(self._plans) >= _MAX_STEPS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan

    def _step(self, feeds, values, nodes):
        key = (tuple(feeds), tuple(values), tuple(nodes))
        step = self._steps.get(key)
        if step is None:
            if len(self._steps) >= _MAX_STEPS:
                del self._steps[next(iter(self._steps))]
            step = self._steps[key] = _Step(self, *key)
        return step

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Computes the fetches and what they need, once, in one step.

        fetches: a Tensor, Operation or Variable, its name, or lists, tuples, named tuples and
        dicts of them. feed_dict: values that take the place of these tensors. Returns the same
        structure with a NumPy array (a NumPy scalar for rank 0) for each tensor and None for
        each operation. Raises FailedPreconditionError for a variable that was not initialised,
        and whatever else goes wrong with the op's name.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if run_metadata is not None:
            raise UnimplementedError(None, None, "unflow gives no run_metadata")
        if self.graph.version == 0:
            raise RuntimeError("The Session graph is empty. Add operations to the graph before "
                               "calling run().")
        plan = self._plan(fetches)
        feeds, given = self._feeds(feed_dict) if feed_dict else ((), ())
        return plan.filled(plan.structure, self._run(feeds, given, plan.values, plan.nodes))

    def _run(self, feeds, given, values, nodes):
        try:
            return self._step(feeds, values, nodes).core._step(given, False)
        except OpError as error:
            error.op = error.op or self._failed_op(error.message)
            error.node_def = error.node_def or getattr(error.op, "node_def", None)
            raise

    def _feeds(self, feed_dict):
        """(values that are fed, arrays), sorted by value."""
        if not isinstance(feed_dict, dict) and not hasattr(feed_dict, "items"):
            raise TypeError(f"The feed_dict argument should be a dict, found {feed_dict!r}")
        found = {}
        for key, value in feed_dict.items():
            components = getattr(key, "_feed_components", None)
            pairs = [(key, value)] if components is None else components(value)
            for tensor, item in pairs:
                tensor = self._feed_key(tensor)
                if tensor._value in found:
                    raise ValueError(f"The value for {tensor!r} is fed twice")
                found[tensor._value] = self._feed_value(tensor, item)
        feeds = sorted(found)
        return feeds, [found[v] for v in feeds]

    def _feed_key(self, key):
        try:
            return self.graph.as_graph_element(key, allow_operation=False)
        except (TypeError, ValueError, KeyError) as error:
            reason = error.args[0] if error.args else error
            raise TypeError(f"Cannot interpret feed_dict key as Tensor: {reason}") from None

    def _feed_value(self, tensor, value):
        if getattr(value, "_symbolic", False):
            raise TypeError("The value of a feed cannot be a tf.Tensor object. Acceptable feed "
                            "values include Python scalars, strings, lists, numpy ndarrays, or "
                            f"TensorHandles. For reference, the tensor object was {tensor} which "
                            f"was passed to the argument `feed_dict` with key {tensor}.")
        if tensor.dtype.name in ("resource", "variant"):
            return value
        if hasattr(value, "numpy_array"):
            value = value.numpy_array()
        array = _fed_array(tensor, value)
        if not tensor.shape.is_compatible_with(array.shape):
            raise ValueError(f"Cannot feed value of shape {array.shape} for Tensor {tensor.name}, "
                             f"which has shape {tensor.shape}")
        return array

    def _failed_op(self, message):
        for name in re.findall(r"(?:node |')'?([\w./>-]+)'", message):
            node = self.graph._builder.find(name)
            if node >= 0:
                return self.graph._operation(node)
        return None

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function of the values of feed_list that runs these fetches."""
        plan = _Plan(self, fetches)
        tensors = [self._feed_key(t) for t in feed_list or ()]
        feeds = [t._value for t in tensors]

        def call(*values):
            if len(values) != len(tensors):
                raise TypeError(f"Expected {len(tensors)} arguments, found {len(values)}")
            if self._closed:
                raise RuntimeError("Attempted to use a closed Session.")
            given = [self._feed_value(t, v) for t, v in zip(tensors, values)]
            return plan.filled(plan.structure, self._run(feeds, given, plan.values, plan.nodes))

        return call

    def partial_run(self, handle, fetches, feed_dict=None):
        raise UnimplementedError(None, None, "unflow has no Session.partial_run; use run")

    def partial_run_setup(self, fetches, feeds=None):
        raise UnimplementedError(None, None, "unflow has no Session.partial_run_setup; use run")

    def list_devices(self):
        raise UnimplementedError(None, None, "unflow has no devices but this processor")

    @contextlib.contextmanager
    def as_default(self):
        """In the block, ``eval()`` and ``run()`` of tensors and ops use this session."""
        _stacks.sessions.append(self)
        try:
            yield self
        finally:
            _pop(_stacks.sessions, self)

    def close(self):
        """Forgets the variables. The session cannot be used any more."""
        self._closed = True
        for step in self._steps.values():
            step.core._close()
        self._steps, self._plans, self._first = {}, {}, None


def _fed_array(tensor, value):
    """value as an array of the tensor's dtype; numbers are converted as NumPy does."""
    dtype = tensor.dtype
    if dtype.name == "string":
        from ._convert import array_of

        return array_of(value, dtype)[0]
    target = _core.np_dtype(dtype.name)
    if isinstance(value, np.ndarray) and value.dtype == target:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and target.kind in "iu":
        limits = np.iinfo(target)
        if not limits.min <= value <= limits.max:
            raise TypeError(f"Type of feed value {value} with type {type(value)} is not compatible "
                            f"with Tensor type {target.type}. Try explicitly setting the type of "
                            f"the feed tensor to a larger type (e.g. int64).")
    return np.asarray(value, dtype=target)


class Session(BaseSession):
    """Runs a graph, and keeps its variables from run to run."""

    def __enter__(self):
        _stacks.sessions.append(self)
        _stacks.graphs.append(self.graph)
        return self

    def __exit__(self, *exc):
        _pop(_stacks.graphs, self.graph)
        _pop(_stacks.sessions, self)
        self.close()

    @staticmethod
    def reset(target, containers=None, config=None):
        raise UnimplementedError(None, None, "unflow has no Session.reset: variables belong to "
                                 "their session")


class InteractiveSession(BaseSession):
    """A Session that is the default one from its making to close()."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        _stacks.sessions.append(self)
        self._explicit = graph is not None
        if self._explicit:
            _stacks.graphs.append(graph)

    def close(self):
        """Forgets the variables, and is no longer the default."""
        super().close()
        _pop(_stacks.sessions, self)
        if self._explicit:
            _pop(_stacks.graphs, self.graph)
            self._explicit = False

