# SPDX-License-Identifier: Apache-2.0
"""Functions that add nodes in a graph and have nothing to wait for in eager mode."""

from __future__ import annotations

from . import _ops
from ._convert import convert_to_tensor
from ._graph import Operation, get_default_graph
from ._graph_variable import (  # noqa: F401
    GraphVariable,
    assign,
    global_variables,
    global_variables_initializer,
    variables_initializer,
)
from ._mode import (  # noqa: F401
    disable_eager_execution,
    enable_eager_execution,
    executing_eagerly,
    graph_for,
)


def identity(input, name=None):
    """The same value: an Identity node in a graph."""
    if graph_for((input,)) is None:
        return convert_to_tensor(input)
    return _ops.apply("Identity", [input], None, name)


def group(*inputs, name=None):
    """A NoOp that runs after all of these; None in eager mode."""
    if executing_eagerly():
        return None
    graph = get_default_graph()
    elements = [graph.as_graph_element(i) for i in inputs if i is not None]
    controls = [e if isinstance(e, Operation) else e.op for e in elements]
    return graph.add_op("NoOp", [], None, name or ("group_deps" if inputs else "NoOp"), controls)


def no_op(name=None):
    """A node that does nothing; None in eager mode."""
    return None if executing_eagerly() else get_default_graph().add_op("NoOp", [], None, name)


def tuple_(tensors, name=None, control_inputs=None):
    """The tensors, each of which waits for all of them (tf.tuple)."""
    if executing_eagerly():
        return list(tensors)
    graph = get_default_graph()
    with graph.name_scope(name or "tuple"):
        every = [graph.as_graph_element(t) for t in [*tensors, *(control_inputs or ())] if t is not None]
        gate = group(*every)
        with graph.control_dependencies([gate]):
            return [None if t is None else _ops.apply("Identity", [t], None, "control_dependency")
                    for t in tensors]
