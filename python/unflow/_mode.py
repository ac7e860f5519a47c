# SPDX-License-Identifier: Apache-2.0
"""Whether a call computes at once or adds to a graph."""

from __future__ import annotations

import threading


class _Stacks(threading.local):
    def __init__(self):
        self.graphs = []  # of `with graph.as_default()`; None: eager inside of a graph
        self.sessions = []
        self.scopes = []  # eager name scopes, each with its outer ones before it


stacks = _Stacks()
_eager = True


def executing_eagerly():
    """True where a call computes at once instead of adding to a graph."""
    graphs = stacks.graphs
    return graphs[-1] is None if graphs else _eager


def enable_eager_execution(config=None, device_policy=None, execution_mode=None):
    """From now on calls outside of a graph compute at once (the default)."""
    global _eager
    _eager = True


def disable_eager_execution():
    """From now on calls add to the default graph."""
    global _eager
    _eager = False


def graph_for(inputs=()):
    """The graph that a call with these inputs adds to; None where it computes at once."""
    graphs = stacks.graphs
    if graphs:
        if graphs[-1] is not None:
            return graphs[-1]
    elif not _eager:
        from ._graph import get_default_graph

        return get_default_graph()
    return symbolic_graph(inputs)


def symbolic_graph(inputs):
    """The graph of the first symbolic tensor among the inputs and their lists, or None."""
    for value in inputs:
        if isinstance(value, (list, tuple)):
            graph = symbolic_graph(value)
            if graph is not None:
                return graph
        elif getattr(value, "_symbolic", False):
            return value.graph
    return None
