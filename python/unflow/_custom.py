# SPDX-License-Identifier: Apache-2.0
"""Custom ops of TFLite models that are Python functions on NumPy arrays.

A function takes the inputs in order, as read-only arrays (None: an input left out), and the op's options as keyword
arguments: the entries of the map that they mostly are, the attributes of an op of TensorFlow ("Flex..." names), or, when
they are neither, all of them as ``options=`` bytes. It returns an array for each output.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import _flexbuffer
from .errors import InvalidArgumentError

NAME = "_unflow_custom_op"


def custom_op(name):
    """Marks a function as the custom op of that name, for ``custom_op_registerers``.

    >>> @unflow.lite.custom_op("Scale")
    ... def scale(x, factor=1.0):
    ...     return x * np.float32(factor)
    """
    def mark(function):
        setattr(function, NAME, name)
        return function
    return mark


def attributes(op, options):
    """The options of a node as keyword arguments."""
    if not options:
        return {}
    try:
        value = _flexbuffer.loads(options)
    except ValueError:
        return {"options": options}
    if isinstance(value, dict):
        return value
    if op.startswith("Flex") and isinstance(value, list) and len(value) == 2:
        node = value[1].encode("utf-8", "surrogateescape") if isinstance(value[1], str) else value[1]
        if isinstance(node, bytes):
            from . import _nodes
            from ._proto import DecodeError, NodeDef
            try:
                return {k: _nodes.plain_attr(v) for k, v in NodeDef.FromString(node).attr.items() if not k.startswith("_")}
            except DecodeError:
                pass
    return {"options": options}


def _bound(function):
    """What the C side calls."""
    known = {}

    def call(inputs, options, n_outputs, op, version):
        if options not in known:
            known[options] = attributes(op, options)
        result = function(*inputs, **known[options])
        if result is None and n_outputs == 0:
            return ()
        if n_outputs == 1 and not isinstance(result, tuple):
            return (result,)
        if not isinstance(result, (tuple, list)) or len(result) != n_outputs:
            found = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
            raise InvalidArgumentError(None, None, f"expected a tuple of {n_outputs} arrays from the function, found {found}")
        return tuple(result)

    return call


def functions_of(ops):
    """{name: function} or a list of functions marked by custom_op, as _core takes them; None for none."""
    if not ops:
        return None
    if not isinstance(ops, Mapping):
        named = {}
        for function in [ops] if callable(ops) else ops:
            name = getattr(function, NAME, None)
            if name is None:
                raise InvalidArgumentError(
                    None, None, f"expected functions marked by unflow.lite.custom_op(name), found {function!r}; a registerer in C "
                    f"goes with uf_op_register")
            named[name] = function
        ops = named
    for name, function in ops.items():
        if not isinstance(name, str) or not callable(function):
            raise InvalidArgumentError(None, None, f"expected custom ops as names and functions, found {name!r}: {function!r}")
    return {name: _bound(function) for name, function in ops.items()}
