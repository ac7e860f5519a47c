# SPDX-License-Identifier: Apache-2.0
"""tf.math, tf.nn ...: modules whose functions are made from _table.py when they are asked for."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from importlib import import_module

_entries = {}  # "math.sin": ("Op", [params]) or the name of a module


def _read():
    from ._table import TEXT

    for line in TEXT.splitlines():
        if not line or line.startswith("#"):
            continue
        if " -> " in line:
            names, module = line.split(" -> ")
            what = module.strip()
        else:
            names, spec = line.split(" = ", 1)
            op, *params = spec.split(" ")
            what = (op, params)
        for name in names.split():
            if name != "=":
                _entries[name] = what
    from ._dtypes import _ALL

    _entries.update(("dtypes." + name, "_dtypes") for name in _ALL)


def _param(text):
    """(Python's name, the op's name, default or inspect._empty)"""
    text, equals, default = text.partition("=")
    name, colon, target = text.partition(":")
    value = ast.literal_eval(default) if equals else inspect.Parameter.empty
    return name, target if colon else name, value


def _one_op(path, op, params):
    """The function that a line of the table describes."""
    from . import _ops

    short = path.rpartition(".")[2]
    rows = [_param(p) for p in params]
    try:
        sig = _ops.signature(op)
    except KeyError:
        raise AttributeError(f"unflow has no {path!r}: TensorFlow's op {op} is not in its table") from None
    places = {a.name: i for i, a in enumerate(sig.args)}
    inputs = [(places[target], i) for i, (_, target, _) in enumerate(rows) if target in places]
    inputs = [i for _, i in sorted(inputs)]
    attrs = [(i, target, default) for i, (_, target, default) in enumerate(rows) if target not in places]
    names = [name for name, _, _ in rows]
    defaults = [default for _, _, default in rows]
    required = sum(d is inspect.Parameter.empty for d in defaults)
    single = _ops.apply
    result = (lambda r: r) if sig.single or not sig.outs else _ops.structured(sig)

    def call(*args, name=None, **kwargs):
        if len(args) < len(names) or kwargs:
            if len(args) > len(names):
                raise TypeError(f"{short}() takes at most {len(names)} arguments, found {len(args)}")
            values = [*args, *defaults[len(args):]]
            for key, value in kwargs.items():
                if key not in names:
                    raise TypeError(f"{short}() got an unexpected keyword argument {key!r}")
                if names.index(key) < len(args):
                    raise TypeError(f"{short}() got multiple values for argument {key!r}")
                values[names.index(key)] = value
            if any(v is inspect.Parameter.empty for v in values[:required]):
                missing = [n for n, v in zip(names, values) if v is inspect.Parameter.empty]
                raise TypeError(f"{short}() missing required arguments: {', '.join(missing)}")
        elif len(args) == len(names) + 1:
            values, name = args[:-1], args[-1]
        else:
            values = args
            if len(args) > len(names):
                raise TypeError(f"{short}() takes at most {len(names)} arguments, found {len(args)}")
        given = None
        if attrs:
            given = {t: values[i] for i, t, d in attrs if values[i] is not d and values[i] is not None}
        return result(single(op, [values[i] for i in inputs], given, name))

    call.__name__ = call.__qualname__ = short
    call.__module__ = "unflow." + path.rpartition(".")[0] if "." in path else "unflow"
    call.__doc__ = f"TensorFlow's op {op}: {', '.join(names)}."
    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=d)
                  for n, _, d in rows]
    try:
        call.__signature__ = inspect.Signature(
            [*parameters, inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)])
    except ValueError:
        pass
    return call


def lookup(path):
    """The function or class at tf.<path>; AttributeError."""
    if not _entries:
        _read()
    what = _entries.get(path)
    if isinstance(what, tuple):
        return _one_op(path, *what)
    if what is not None:
        module = import_module("." + what, "unflow")
        short = path.rpartition(".")[2]
        found = getattr(module, "BY_PATH", {}).get(path) or getattr(module, short, None)
        if found is not None:
            return found
    if any(name.startswith(path + ".") for name in _entries):
        return namespace(path)
    raise AttributeError(_missing(path))


def _missing(path):
    import difflib

    near = difflib.get_close_matches(path, list(_entries), 3)
    short = path.rpartition(".")[2]
    near = near or [n for n in _entries if n.rpartition(".")[2] == short][:3]
    hint = f"; near it: {', '.join('tf.' + n for n in near)}" if near else ""
    return (f"unflow has no {path!r}: it is not among the parts of TensorFlow that unflow offers{hint}; "
            f"a single op can be called as tf.raw_ops.<Op> if `dir(tf.raw_ops)` has it")


class Namespace(types.ModuleType):
    """tf.math and its like."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = lookup(f"{self._path}.{name}")
        setattr(self, name, value)
        return value

    def __dir__(self):
        if not _entries:
            _read()
        start = self._path + "."
        return sorted({n[len(start):].split(".")[0] for n in _entries if n.startswith(start)})


def namespace(path):
    """The module object for tf.<path>."""
    full = "unflow." + path
    if full not in sys.modules:
        module = Namespace(full, f"tf.{path}")
        module._path = path
        sys.modules[full] = module
    return sys.modules[full]


def names():
    """What the table has at the top."""
    if not _entries:
        _read()
    return {n.split(".")[0] for n in _entries}
