# SPDX-License-Identifier: Apache-2.0
"""tf.DType and tf.TensorShape."""

from __future__ import annotations

import numpy as np


class DType:
    """A TensorFlow dtype: ``tf.float32`` and so on. Equal to its name and to the
    NumPy dtype that its arrays have."""

    __slots__ = ("name", "as_datatype_enum", "_numpy")

    def __init__(self, name, enum, numpy_class):
        self.name = name
        self.as_datatype_enum = enum
        self._numpy = numpy_class

    @property
    def as_numpy_dtype(self):
        """The class of NumPy's scalars: ``numpy.float32``; ``numpy.object_`` for strings.

        bfloat16 and the 4-bit integers are those of ml_dtypes where it is
        installed; else float32, int8 and uint8."""
        if self._numpy is None:
            from . import _core

            return _core.np_dtype(self.name).type
        return self._numpy

    is_floating = property(lambda self: self.name.startswith(("float", "bfloat")))
    is_quantized = property(lambda self: self.name.startswith(("qint", "quint")))
    is_complex = property(lambda self: self.name.startswith("complex"))
    is_bool = property(lambda self: self.name == "bool")
    is_integer = property(lambda self: self.name.startswith(("int", "uint")))
    is_unsigned = property(lambda self: self.name.startswith("uint"))
    is_numpy_compatible = property(lambda self: self.name not in ("resource", "variant"))

    @property
    def size(self):
        """Bytes of an element."""
        return np.dtype(self.as_numpy_dtype).itemsize

    @property
    def min(self):
        """The smallest value."""
        kind = np.iinfo if self.is_integer else np.finfo
        return kind(self.as_numpy_dtype).min

    @property
    def max(self):
        """The largest value."""
        kind = np.iinfo if self.is_integer else np.finfo
        return kind(self.as_numpy_dtype).max

    def __eq__(self, other):
        if isinstance(other, DType):
            return self.name == other.name
        try:
            return as_dtype(other).name == self.name
        except TypeError:
            return NotImplemented

    def __hash__(self):
        return hash(self.name)

    def __reduce__(self):
        return as_dtype, (self.name,)

    def __repr__(self):
        return f"tf.{self.name}"

    def __str__(self):
        return f"<dtype: {self.name!r}>"


_ALL = {
    name: DType(name, enum, numpy_class)
    for name, enum, numpy_class in (
        ("float32", 1, np.float32), ("float64", 2, np.float64), ("int32", 3, np.int32),
        ("uint8", 4, np.uint8), ("int16", 5, np.int16), ("int8", 6, np.int8),
        ("string", 7, np.object_), ("complex64", 8, np.complex64), ("int64", 9, np.int64),
        ("bool", 10, np.bool_), ("bfloat16", 14, None), ("uint16", 17, np.uint16),
        ("complex128", 18, np.complex128), ("float16", 19, np.float16),
        ("resource", 20, np.object_), ("variant", 21, np.object_), ("uint32", 22, np.uint32),
        ("uint64", 23, np.uint64), ("int4", 29, None), ("uint4", 30, None),
        ("qint8", 11, np.int8), ("quint8", 12, np.uint8), ("qint32", 13, np.int32),
        ("qint16", 15, np.int16), ("quint16", 16, np.uint16), ("float8_e5m2", 24, None),
        ("float8_e4m3fn", 25, None), ("float8_e4m3fnuz", 26, None),
        ("float8_e4m3b11fnuz", 27, None), ("float8_e5m2fnuz", 28, None), ("int2", 31, None),
        ("uint2", 32, None), ("float4_e2m1fn", 33, None),
    )
}
_ALL["half"] = _ALL["float16"]
_ALL["double"] = _ALL["float64"]


def by_name(name):
    """The DType of that name; KeyError."""
    return _ALL[name]


def as_dtype(value):
    """The DType for a DType, a name, a DataType number, or anything NumPy takes as a
    dtype. TypeError when there is none."""
    if isinstance(value, DType):
        return value
    if isinstance(value, str) and value in _ALL:
        return _ALL[value]
    if isinstance(value, int) and not isinstance(value, bool):
        for dtype in _ALL.values():
            if dtype.as_datatype_enum == value:
                return dtype
    try:
        numpy_dtype = np.dtype(value) if value is not None else None
    except TypeError:
        numpy_dtype = None
    if numpy_dtype is not None:
        if numpy_dtype.kind in "OSUT":
            return _ALL["string"]
        if numpy_dtype.name in _ALL:
            return _ALL[numpy_dtype.name]
    raise TypeError(f"Cannot convert {value!r} to a TensorFlow DType")


class TensorShape(tuple):
    """A shape: a tuple of ints and, where a size is unknown, None."""

    def __new__(cls, dims=()):
        return super().__new__(cls, dims)

    @property
    def rank(self):
        """Number of dimensions."""
        return len(self)

    ndims = rank
    dims = property(lambda self: list(self))

    def as_list(self):
        """The sizes as a list."""
        return list(self)

    def is_fully_defined(self):
        """Every size is known."""
        return None not in self

    def num_elements(self):
        """Their product, or None."""
        return int(np.prod(self)) if self.is_fully_defined() else None

    def __repr__(self):
        return f"TensorShape({list(self)})"

    def __str__(self):
        return f"({', '.join(map(str, self))}{',' if len(self) == 1 else ''})"
