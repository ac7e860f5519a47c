# SPDX-License-Identifier: Apache-2.0
"""Python values as tensors: tf.constant, tf.convert_to_tensor, tf.cast, by TensorFlow's rules."""

from __future__ import annotations

import numpy as np

from . import _core, _mode, _ops
from ._dtypes import TensorShape, as_dtype

EagerTensor = _core.EagerTensor


_QUICK = frozenset((int, float, bool, list, tuple, np.ndarray))


def _leaf(value):
    """The first element of nested lists."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _is_typed(leaf):
    return isinstance(leaf, (np.ndarray, np.generic)) or hasattr(leaf, "__array__")


def _has_tensors(value):
    if isinstance(value, (list, tuple)):
        return any(_has_tensors(v) for v in value)
    return isinstance(value, _core.Operand) or hasattr(value, "_as_tensor")


def _has_symbolic(value):
    return _mode.symbolic_graph([value]) is not None


def _unsupported(value):
    return ValueError(f"Attempt to convert a value ({value!r}) with an unsupported type "
                      f"({type(value)!r}) to a Tensor.")


def _cannot(value, dtype):
    return TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {_ops.type_text(dtype)}")


def _strings(array):
    """Text as an object array of bytes."""
    out = np.empty(array.shape, object)
    for at in np.ndindex(array.shape):
        item = array[at]
        if isinstance(item, str):
            item = item.encode()
        if not isinstance(item, bytes):
            raise TypeError(f"expected str or bytes in a string tensor, found {item!r}")
        out[at] = item
    return out


def _leaves(value):
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)
    else:
        yield value


def _plain_array(value):
    """An array of a Python value, with TensorFlow's dtype for it."""
    leaf = _leaf(value)
    if isinstance(value, (list, tuple)):
        leaves = list(_leaves(value))
        for kind in leaves:
            if kind is None or isinstance(kind, (dict, set)):
                if kind is None and any(k is not None for k in leaves):
                    raise ValueError("Can't convert Python sequence with mixed types to Tensor.")
                raise _unsupported(kind)
        kinds = {type(v) for v in leaves}
        if bool in kinds and len(kinds) > 1 and not any(_is_typed(v) for v in leaves):
            raise ValueError("Can't convert Python sequence with mixed types to Tensor.")
        if (str in kinds or bytes in kinds) and kinds - {str, bytes} and not any(
                _is_typed(v) for v in leaves):
            raise ValueError("Can't convert Python sequence with mixed types to Tensor.")
    try:
        array = np.array(value)
    except ValueError:
        raise ValueError("Can't convert non-rectangular Python sequence to Tensor.") from None
    except OverflowError:
        raise ValueError("Can't convert Python sequence with out-of-range integer to Tensor.") from None
    if array.dtype.kind in "OSU":
        if array.dtype.kind == "O" and array.size and not isinstance(
                array.reshape(-1)[0], (str, bytes)):
            found = array.reshape(-1)[0]
            if isinstance(found, int):
                raise ValueError("Can't convert Python sequence with out-of-range integer to Tensor.")
            if isinstance(found, (list, tuple)):
                raise ValueError("Can't convert non-rectangular Python sequence to Tensor.")
            raise _unsupported(found)
        return _strings(np.array(value, object))
    if _is_typed(leaf):
        return array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    if array.dtype.kind in "iu":
        if array.size == 0:
            return array.astype(np.float32 if isinstance(value, (list, tuple)) else np.int32)
        if array.min() >= -(2**31) and array.max() < 2**31:
            return array.astype(np.int32)
    return array


def _fits(dtype, array):
    """TensorFlow casts an array of this dtype to that one without being asked."""
    kind = array.dtype.kind if array.dtype.kind in "iufcbOSU" else "f"
    if dtype.is_integer:
        return kind in "iu"
    if dtype.is_floating:
        return kind in "iuf"
    if dtype.is_complex:
        return kind in "iufc"
    if dtype.is_quantized:
        return kind in "iu"
    if dtype.name == "bool":
        return kind == "b"
    return dtype.name == "string" and kind in "OSU"


def array_of(value, dtype=None):
    """(array, DType) of a value that holds no tensors."""
    if value is None:
        raise _unsupported(value)
    if isinstance(value, np.ndarray) and dtype is None and value.dtype.kind in "iufcb":
        return value, as_dtype(value.dtype)
    array = _plain_array(value)
    found = as_dtype(array.dtype)
    if dtype is None or found == dtype:
        return array, found
    typed = _is_typed(_leaf(value))
    if not (_fits(dtype, array) or (typed and array.dtype.kind in "iufb" and dtype.name != "string")) \
            and (array.size or typed):
        raise _cannot(value, dtype)
    if dtype.name == "string":
        return _strings(np.array(value, object)), dtype
    target = _core.np_dtype(dtype.name)
    if typed or array.dtype.kind in "iu":  # integers that do not fit lose their high bits
        with np.errstate(over="ignore", invalid="ignore"):
            return array.astype(target), dtype
    try:
        with np.errstate(over="ignore"):
            return np.array(value, target), dtype
    except OverflowError:
        raise _cannot(value, dtype) from None


def _packed(value, dtype, graph):
    """Lists with tensors inside, as TensorFlow packs them."""
    if not isinstance(value, (list, tuple)):
        return _ops.convert(value, dtype, graph=graph)
    if dtype is None:
        dtype = next((d for d in map(_ops.dtype_of, _leaves(value)) if d is not None), None)
    return _ops.apply("Pack", [[_packed(v, dtype, graph) for v in value]], {"axis": 0}, "packed")


def eager(value, dtype=None, dtype_hint=None, name=None):
    """value as an EagerTensor; tensors keep what they are."""
    if type(value) in _QUICK and (dtype_hint is None or dtype is not None):
        tensor = _core.quick(value, dtype)
        if tensor is not None:
            return tensor
    if dtype is not None:
        dtype = as_dtype(dtype)
    if type(value) is EagerTensor:
        if dtype is not None and value.dtype != dtype:
            raise _ops._wrong_dtype(value, dtype)
        return value
    own = getattr(value, "_as_tensor", None)
    if own is not None:
        tensor = own(dtype, name)
        if dtype is not None and tensor.dtype != dtype:
            raise _ops._wrong_dtype(tensor, dtype)
        return tensor
    if dtype_hint is not None and dtype is None:
        try:
            return eager(value, dtype_hint)
        except (TypeError, ValueError):
            pass
    return _slow(value, dtype)


def _slow(value, dtype):
    if isinstance(value, (list, tuple)) and _has_tensors(value):
        return _packed(value, dtype, None)
    if isinstance(value, TensorShape):
        if not value.is_fully_defined():
            raise ValueError(f"Cannot convert a partially known TensorShape {value} to a Tensor.")
        value = np.array(value.as_list(), np.int32 if dtype is None else dtype.as_numpy_dtype)
    convert = getattr(value, "__tf_tensor__", None)
    if convert is not None:
        return convert(dtype)
    array, dtype = array_of(value, dtype)
    return _core.tensor(array, dtype)


def symbolic(graph, value, dtype=None, dtype_hint=None, name=None):
    """value as a tensor of the graph: itself, or a Const node."""
    if dtype is not None:
        dtype = as_dtype(dtype)
    if getattr(value, "_symbolic", False):
        if dtype is not None and value.dtype != dtype:
            raise _ops._wrong_dtype(value, dtype)
        if value.graph is not graph:
            return graph.capture(value) if hasattr(graph, "capture") else _foreign(value)
        return value
    own = getattr(value, "_as_tensor", None)
    if own is not None:
        tensor = own(dtype, name)
        if getattr(tensor, "_symbolic", False):
            return symbolic(graph, tensor, dtype)
        value = tensor
    if type(value) is EagerTensor:
        if dtype is not None and value.dtype != dtype:
            raise _ops._wrong_dtype(value, dtype)
        return constant_node(graph, value.numpy_array(), value.dtype, name)
    if dtype_hint is not None and dtype is None:
        try:
            return symbolic(graph, value, dtype_hint, None, name)
        except (TypeError, ValueError):
            pass
    if isinstance(value, (list, tuple)) and _has_tensors(value):
        return _packed(value, dtype, graph)
    if isinstance(value, TensorShape):
        value = np.array(value.as_list(), np.int32)
    array, dtype = array_of(value, dtype)
    return constant_node(graph, array, dtype, name)


def _foreign(value):
    raise ValueError(f"{value!r} is not an element of this graph.")


def constant_node(graph, array, dtype, name=None):
    """A Const node."""
    if not hasattr(graph, "add_op"):
        return graph._constant(array, dtype, name or "Const")
    with graph.name_scope(name or "Const") as scope:
        return graph.add_op("Const", [], {"value": array, "dtype": dtype}, scope).outputs[0]


# ---- what tf has of it ----


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """A tensor with this value: computed already in eager mode, a Const node in a graph.

    value: a number, text, nested lists or an array. Python integers become int32 (int64
    where they do not fit) and floats float32 unless dtype says otherwise; a value that
    the dtype cannot hold raises TypeError. shape: repeats one number, or reshapes."""
    dtype = None if dtype is None else as_dtype(dtype)
    graph = _mode.graph_for((value,))
    if graph is not None and getattr(value, "_symbolic", False):
        return value
    if type(value) is EagerTensor:
        if dtype is not None and value.dtype != dtype:
            raise _ops._wrong_dtype(value, dtype)
        if graph is None and shape is None:
            return value
        value = value.numpy_array()
    if graph is None and shape is None:
        return eager(value, dtype)
    if isinstance(value, (list, tuple)) and _has_tensors(value):
        tensor = _packed(value, dtype, graph)
        return tensor if shape is None else _ops.apply("Reshape", [tensor, list(shape)])
    array, dtype = array_of(value, dtype)
    if shape is not None:
        array = _shaped(array, TensorShape(shape), graph is None)
    return _core.tensor(array, dtype) if graph is None else constant_node(graph, array, dtype, name)


def _shaped(array, shape, is_eager):
    n = shape.num_elements()
    if array.shape == tuple(shape):
        return array
    if array.size == n:
        return array.reshape(tuple(shape))
    if array.size == 1:
        return np.full(tuple(shape), array.reshape(-1)[0], array.dtype)
    if is_eager:
        raise TypeError(f"Eager execution of tf.constant with unsupported shape. Tensor "
                        f"{array} (converted from {array.tolist()!r}) has {array.size} elements, but "
                        f"got `shape` {shape} with {n} elements).")
    if array.size < n and array.size:  # as v1 does: the last value goes on
        flat = np.full(n, array.reshape(-1)[-1], array.dtype)
        flat[:array.size] = array.reshape(-1)
        return flat.reshape(tuple(shape))
    raise ValueError(f"Too many elements provided. Takes at most {n}, but got {array.size}")


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None, preferred_dtype=None,
                      as_ref=False):
    """value as a tensor; tensors and variables stay what they are or are read."""
    dtype_hint = dtype_hint if dtype_hint is not None else preferred_dtype
    return _ops.convert(value, None if dtype is None else as_dtype(dtype), dtype_hint, name,
                        _mode.graph_for((value,)))


def cast(x, dtype, name=None):
    """x with another dtype; the values change as C's do."""
    dtype = as_dtype(dtype)
    composite = getattr(x, "_with_values", None)
    if composite is not None:
        return composite(cast(x.values, dtype))
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        x = np.array(x.tolist())
    x = convert_to_tensor(x, name="x")
    if x.dtype == dtype:
        return x
    return _ops.apply("Cast", [x], {"DstT": dtype}, name or "Cast")


def is_tensor(value):
    """value is a tensor or a variable."""
    return isinstance(value, _core.Operand) or hasattr(value, "_type_spec")
