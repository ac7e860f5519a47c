# SPDX-License-Identifier: Apache-2.0
"""tf.debugging: assertions, in eager mode. tf.print."""

from __future__ import annotations

import sys

import numpy as np

from . import _core, _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._functions import tensor


def _invalid(text):
    from .errors import InvalidArgumentError

    return InvalidArgumentError(None, None, text)


def Assert(condition, data, summarize=None, name=None):
    """InvalidArgumentError, showing data, unless condition holds."""
    if _mode.graph_for((condition, data)) is not None:
        return _ops.apply("Assert", [condition, list(data)], {"summarize": summarize or 3}, name)
    if not bool(condition):
        shown = "\n".join(str(tensor(d).numpy()) if not isinstance(d, str) else d for d in data)
        raise _invalid(f"Expected '{condition}' to be true. Summarized data: {shown}")
    return None


def _binary(word, sign, holds):
    def check(x, y, message=None, summarize=None, name=None):
        graph = _mode.graph_for((x, y))
        x = tensor(x, hint=_ops.dtype_of(y))
        y = tensor(y, hint=x.dtype)
        if graph is not None:
            from ._functions import reduce_all

            return Assert(reduce_all(holds(x, y)), [message or f"assert_{word}", x, y], summarize, name)
        fine = holds(x.numpy_array(), y.numpy_array())
        if not np.all(fine):
            raise _invalid(_difference(word, sign, x.numpy_array(), y.numpy_array(), ~np.asarray(fine), message,
                                       3 if summarize is None else summarize))
        return None

    check.__name__ = "assert_" + word
    return check


def _difference(word, sign, x, y, wrong, message, n):
    lines = [message] if message else []
    lines.append(f"Condition x {sign} y did not hold.")
    if word == "equal" and x.shape == y.shape:
        count = min(n, int(wrong.sum()))
        lines += [f"Indices of first {count} different values:", str(np.argwhere(wrong)[:n]),
                  "Corresponding x values:", str(x[wrong][:n]), "Corresponding y values:", str(y[wrong][:n])]
    for name, array in (("x", x), ("y", y)):
        lines += [f"First {min(array.size, n)} elements of {name}:", str(array.reshape(-1)[:n])]
    return "\n".join(lines)


assert_equal = _binary("equal", "==", lambda a, b: a == b)
assert_none_equal = _binary("none_equal", "!=", lambda a, b: a != b)
assert_less = _binary("less", "<", lambda a, b: a < b)
assert_less_equal = _binary("less_equal", "<=", lambda a, b: a <= b)
assert_greater = _binary("greater", ">", lambda a, b: a > b)
assert_greater_equal = _binary("greater_equal", ">=", lambda a, b: a >= b)


def _sign(word, check):
    def function(x, message=None, summarize=None, name=None):
        x = tensor(x)
        return check(x, tensor(0, x.dtype), message, summarize, name)

    function.__name__ = "assert_" + word
    return function


assert_positive, assert_negative = _sign("positive", assert_greater), _sign("negative", assert_less)
assert_non_negative = _sign("non_negative", assert_greater_equal)
assert_non_positive = _sign("non_positive", assert_less_equal)


def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    x = tensor(x)
    y = tensor(y, x.dtype)
    eps = 10 * float(np.finfo(x.dtype.as_numpy_dtype).eps)
    rtol, atol = eps if rtol is None else rtol, eps if atol is None else atol
    a, b = x.numpy_array(), y.numpy_array()
    if not np.all(np.abs(a - b) <= atol + rtol * np.abs(b)):
        raise _invalid(f"{message or ''}\nx and y not equal to tolerance rtol = {rtol}, atol = {atol}\n"
                       f"x: {a}\ny: {b}")


def _rank(word, holds):
    def check(x, rank, message=None, name=None):
        x = tensor(x)
        wanted = rank if isinstance(rank, (tuple, list)) else int(rank)
        if x.shape.rank is not None and not holds(x.shape.rank, wanted):
            raise ValueError(f"{message or ''}. Tensor {x} must have rank {word}{wanted}.  Received rank "
                             f"{x.shape.rank}, shape {x.shape}")

    return check


assert_rank = _rank("", lambda a, b: a == b)
assert_rank_at_least = _rank("at least ", lambda a, b: a >= b)
assert_rank_in = _rank("in ", lambda a, b: a in b)


def assert_scalar(tensor_, message=None, name=None):
    x = tensor(tensor_)
    if x.shape.rank not in (None, 0):
        raise ValueError(f"{message or ''}Expected scalar shape, saw shape: {x.shape}.")
    return x


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """Each tensor has the sizes; equal letters stand for equal sizes."""
    pairs = shapes.items() if isinstance(shapes, dict) else shapes
    known = {}
    for value, wanted in pairs:
        x = tensor(value)
        wanted = tuple(wanted) if not isinstance(wanted, int) else (wanted,)
        if Ellipsis in wanted or "..." in wanted:
            continue
        if x.shape.rank != len(wanted):
            raise ValueError(f"{message or ''}.  Specified by tensor {x} rank {len(wanted)}.  Tensor {x} must "
                             f"have rank {len(wanted)}.  Received rank {x.shape.rank}, shape {x.shape}")
        for size, symbol in zip(x.shape, wanted):
            if symbol is None or size is None:
                continue
            expected = symbol if isinstance(symbol, int) else known.setdefault(symbol, size)
            if expected != size:
                raise ValueError(f"{message or ''}.  Tensor {x} dimension must have size {expected}.  Received "
                                 f"size {size}, shape {x.shape}")


def assert_type(tensor, tf_type, message=None, name=None):
    if tensor.dtype != as_dtype(tf_type):
        raise TypeError(f"{message or 'tensor'} must be of type {as_dtype(tf_type)!r}; got {tensor.dtype!r}")


def assert_integer(x, message=None, name=None):
    x = tensor(x)
    if not x.dtype.is_integer:
        raise TypeError(f"{message or ''}Expected \"x\" to be integer type.  Found: {x.dtype!r}")


def is_numeric_tensor(tensor):
    return isinstance(tensor, _core.Operand) and tensor.dtype.is_numeric


def check_numerics(tensor, message, name=None):
    return _ops.apply("CheckNumerics", [tensor], {"message": message}, name)


def assert_all_finite(x, message, name=None):
    return check_numerics(x, message)


def ensure_shape(x, shape, name=None):
    """x, which has that shape; InvalidArgumentError."""
    return _ops.apply("EnsureShape", [x], {"shape": TensorShape(shape)}, name)


def _brief(array, n):
    """An array as tf.print shows it: n elements at both ends."""
    if isinstance(array, bytes):  # an element of an array of strings
        return array.decode("utf-8", "replace")
    if array.ndim == 0:
        item = array[()]
        return item.decode("utf-8", "replace") if isinstance(item, bytes) else _number(item)
    size = len(array)
    if n == -1 or size <= 2 * n:
        parts = [_brief(a, n) for a in array]
        ends = parts, []
    else:
        ends = [_brief(a, n) for a in array[:n]], [_brief(a, n) for a in array[-n:]]
    if array.ndim == 1:
        if array.dtype.kind == "O":
            ends = [[f'"{p}"' for p in e] for e in ends]
        return "[" + " ".join([*ends[0], *(["..."] + ends[1] if ends[1] else [])]) + "]"
    gap = "\n" * (array.ndim - 1) + " "
    ends = [[p.replace("\n", "\n ") for p in e] for e in ends]
    return "[" + gap.join([*ends[0], *(["..."] + ends[1] if ends[1] else [])]) + "]"


def _number(item):
    if isinstance(item, (np.bool_, bool)):
        return "1" if item else "0"
    if isinstance(item, (np.floating, float)):
        text = f"{float(item):.9g}" if item.dtype == np.float32 else f"{float(item):.17g}"
        if item.dtype == np.float32:  # the shortest that reads back
            for digits in range(1, 10):
                short = f"{float(item):.{digits}g}"
                if np.float32(short) == item:
                    return short
        return text if item != item else repr(float(item)) if item.dtype != np.float32 and "." not in text \
            and "e" not in text and float(item) != int(item) else text
    return str(item)


def _shown(value, n):
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {_shown(v, n)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, (list, tuple)):
        ends = "[]" if isinstance(value, list) else "()"
        return ends[0] + ", ".join(_quoted(v, n) for v in value) + ends[1]
    if isinstance(value, _core.Operand) or isinstance(value, np.ndarray):
        return _brief(tensor(value).numpy_array(), n)
    return str(value)


def _key(key):
    return f"'{key}'" if isinstance(key, str) else str(key)


def _quoted(value, n):
    return f"'{value}'" if isinstance(value, str) else _shown(value, n)


def print(*inputs, output_stream=None, summarize=3, sep=" ", end="\n", name=None):
    """Prints tensors and all else, to stderr."""
    text = sep.join(_shown(i, summarize) for i in inputs) + end
    stream = sys.stderr if output_stream is None else output_stream
    if isinstance(stream, str) and stream.startswith("file://"):
        with open(stream[7:], "a") as file:
            file.write(text)
        return
    stream = {"stdout": sys.stdout, "stderr": sys.stderr}.get(stream, stream) if isinstance(stream, str) else stream
    stream.write(text)
