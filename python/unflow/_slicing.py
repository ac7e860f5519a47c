# SPDX-License-Identifier: Apache-2.0
"""t[...] and v[...].assign(): Python's indices as StridedSlice takes them."""

from __future__ import annotations

import numpy as np

from . import _core, _mode, _ops


def _bad(index):
    return TypeError(
        f"Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar "
        f"tf.int32/tf.int64 tensors are valid indices, got {index!r}")


def _check(index):
    if isinstance(index, (bool, np.bool_)):
        raise _bad(index)
    if isinstance(index, (int, np.integer)):
        return
    dtype = _ops.dtype_of(index)
    if dtype is None and hasattr(index, "dtype"):
        dtype = index.dtype
    name = getattr(dtype, "name", None)
    integer = ("int16", "int32", "int64") if isinstance(index, _core.Operand) else (
        "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    if name not in integer or len(index.shape) != 0:
        raise _bad(index)


def spec_of(key):
    """(begin, end, strides, attributes) of an index; TypeError."""
    begin, end, strides = [], [], []
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0, "new_axis_mask": 0,
             "ellipsis_mask": 0}
    for i, s in enumerate(key if isinstance(key, (list, tuple)) else (key,)):
        bit = 1 << i
        if isinstance(s, slice):
            for part in (s.start, s.stop, s.step):
                if part is not None:
                    _check(part)
            begin.append(0 if s.start is None else s.start)
            end.append(0 if s.stop is None else s.stop)
            strides.append(1 if s.step is None else s.step)
            masks["begin_mask"] |= bit * (s.start is None)
            masks["end_mask"] |= bit * (s.stop is None)
            continue
        if s is Ellipsis or s is None:
            begin.append(0)
            end.append(0)
            masks["ellipsis_mask" if s is Ellipsis else "new_axis_mask"] |= bit
        else:
            _check(s)
            begin.append(s)
            end.append(s + 1)
            masks["shrink_axis_mask"] |= bit
        strides.append(1)
    return begin, end, strides, masks


def _indices(parts):
    """A list of ints and scalar tensors as one tensor: int64 where one of them is."""
    if not any(isinstance(p, _core.Operand) for p in parts):
        wide = any(isinstance(p, np.int64) or not -2**31 <= p < 2**31 for p in parts)
        return np.array([int(p) for p in parts], np.int64) if wide else [int(p) for p in parts] or (
            np.zeros(0, np.int32))
    wide = any(_ops.dtype_of(p) is not None and _ops.dtype_of(p).name == "int64" for p in parts)
    from ._convert import cast

    dtype = "int64" if wide else "int32"
    return _ops.apply("Pack", [[cast(p, dtype) for p in parts]], {"axis": 0}, "strided_slice/stack")


def _is_mask(key):
    dtype = getattr(key, "dtype", None)
    return dtype is not None and getattr(dtype, "name", None) == "bool" and hasattr(key, "shape")


def getitem(tensor, key):
    """tensor[key]."""
    if _is_mask(key):
        from ._functions import boolean_mask

        return boolean_mask(tensor, key)
    if isinstance(key, list) and any(isinstance(k, (list, tuple)) for k in key):
        raise _bad(key)
    begin, end, strides, masks = spec_of(key)
    return _ops.apply("StridedSlice", [tensor, *_same(begin, end, strides)], masks, "strided_slice")


def _same(*lists):
    parts = [_indices(p) for p in lists]
    names = ["int32" if isinstance(p, list) else p.dtype.name for p in parts]
    if "int64" in names and len(set(names)) > 1:
        from ._convert import cast

        parts = [cast(p, "int64") if isinstance(p, _core.Operand) else np.array(p, np.int64) for p in parts]
    return parts


def strided_assign(variable, key, value):
    """variable[key].assign(value)."""
    begin, end, strides, masks = spec_of(key)
    value = _ops.convert(value, variable.dtype, graph=_mode.graph_for((variable.handle, value)))
    return _ops.apply("ResourceStridedSliceAssign",
                      [variable.handle, *_same(begin, end, strides), value], masks,
                      "ResourceStridedSliceAssign")
