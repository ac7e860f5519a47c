# SPDX-License-Identifier: Apache-2.0
"""tf.raw_ops: every op that unflow can run, made from its signature. Keyword arguments only."""

from __future__ import annotations

import re

from . import _core, _ops


# what the functions of raw_ops call arguments that have another name in the op
_RENAMED = {
    **dict.fromkeys(("All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"),
                    {"reduction_indices": "axis"}),
    "ExpandDims": {"dim": "axis"}, "Select": {"t": "x", "e": "y"}, "Split": {"split_dim": "axis"},
    "SplitV": {"split_dim": "axis"}, "Squeeze": {"squeeze_dims": "axis"}, "Where": {"input": "condition"},
}


def _snake(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _make(sig):
    op = sig.op
    inputs = [a.name for a in sig.args]
    inferred = {a.type_attr or "" for a in sig.args} | {a.number_attr for a in sig.args} | {
        a.list_attr for a in sig.args}
    attrs = [a for a in sig.attrs if a not in inferred]
    names = {k: _RENAMED.get(op, {}).get(k, k) for k in [*inputs, *sig.attrs]}
    back = {v: k for k, v in names.items()}
    keys = [*(names[k] for k in [*inputs, *attrs]), "name"]
    result = (lambda r: r) if sig.single or not sig.outs else _ops.structured(sig)

    def call(*args, name=None, **kwargs):
        if args:
            raise TypeError(f"{_snake(op)} only takes keyword args (possible keys: {keys}). Please pass "
                            f"these args as kwargs instead.")
        values = []
        kwargs = {back.get(k, k): v for k, v in kwargs.items()}
        for key in inputs:
            if key not in kwargs:
                raise TypeError(f"{_snake(op)}() missing required argument '{names[key]}'")
            values.append(kwargs.pop(key))
        for key in kwargs:
            if key not in sig.attrs:
                raise TypeError(f"{_snake(op)}() got an unexpected keyword argument '{key}'")
        for key in attrs:
            if sig.attrs[key].required and key not in kwargs:
                raise TypeError(f"{_snake(op)}() missing required argument '{key}'")
        given = {k: _ops._plain_attr(sig.attrs[k].kind, k, v) for k, v in kwargs.items() if v is not None}
        return result(_ops.apply(op, values, given or None, name))

    call.__name__ = call.__qualname__ = op
    call.__module__ = __name__
    call.__doc__ = f"TensorFlow's op {op}, by keywords: {', '.join(keys)}."
    return call


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        sig = _ops.signature(name)
    except KeyError:
        import difflib

        near = difflib.get_close_matches(name, __dir__(), 3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise AttributeError(f"tf.raw_ops has no {name!r}: TensorFlow has no such op{hint}") from None
    if not sig.runs:
        raise AttributeError(f"unflow cannot run TensorFlow's op {name}; dir(tf.raw_ops) lists those that "
                             f"it can")
    globals()[name] = found = _make(sig)
    return found


def __dir__():
    found, i = [], 0
    while (row := _core.tf_op(i)) is not None:
        if row[5]:
            found.append(row[0])
        i += 1
    return found
