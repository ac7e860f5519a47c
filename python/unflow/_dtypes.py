# SPDX-License-Identifier: Apache-2.0
"""tf.DType and tf.TensorShape."""

from __future__ import annotations

import math

import numpy as np

from . import _core


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
            return _core.np_dtype(self.name).type
        return self._numpy

    is_floating = property(lambda self: self.name.startswith(("float", "bfloat")))
    is_quantized = property(lambda self: self.name.startswith(("qint", "quint")))
    is_complex = property(lambda self: self.name.startswith("complex"))
    is_bool = property(lambda self: self.name == "bool")
    is_integer = property(lambda self: self.name.startswith(("int", "uint")))
    is_unsigned = property(lambda self: self.name.startswith("uint"))
    base_dtype = property(lambda self: self)
    is_numeric = property(lambda self: self.name not in ("resource", "variant", "string", "bool"))

    @property
    def real_dtype(self):
        """Of a complex dtype, that of its parts."""
        return as_dtype({"complex64": "float32", "complex128": "float64"}.get(self.name, self.name))

    @property
    def limits(self):
        """(smallest, largest)."""
        return self.min, self.max

    def is_compatible_with(self, other):
        return as_dtype(other) == self

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


# The one table is in unflow.h; here are its rows. A class of NumPy's own, or None: that of ml_dtypes is better.
_ALL = {name: DType(name, enum, None if in_ml_dtypes else np.dtype(numpy_name).type)
        for name, _bits, _tflite, enum, numpy_name, in_ml_dtypes in _core.dtypes()}
_ALL["half"] = _ALL["float16"]
_ALL["double"] = _ALL["float64"]


BY_PATH = {"dtypes." + name: dtype for name, dtype in _ALL.items()}


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
    if value is float:
        return _ALL["float32"]
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
    """A shape: sizes, None where one is unknown. ``TensorShape(None)``: not even the rank."""

    def __new__(cls, dims=()):
        if dims is None:
            self = super().__new__(cls)
            self._unknown = True
            return self
        if isinstance(dims, TensorShape):
            return dims
        if type(dims) is not tuple or not all(type(d) is int and d >= 0 for d in dims):
            if isinstance(dims, (str, bytes)):
                raise TypeError(f"expected sizes, found {dims!r}")
            dims = _sizes(dims)
        return super().__new__(cls, dims)

    _unknown = False

    @property
    def rank(self):
        """Number of dimensions; None when it is not known."""
        return None if self._unknown else tuple.__len__(self)

    ndims = rank

    @property
    def dims(self):
        return None if self._unknown else list(tuple.__iter__(self))

    def __len__(self):
        if self._unknown:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return tuple.__len__(self)

    def __iter__(self):
        if self._unknown:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return tuple.__iter__(self)

    def __bool__(self):
        return not self._unknown

    def __getitem__(self, key):
        if self._unknown:
            if not isinstance(key, slice):
                return None
            stop = key.stop if key.stop is not None else -1
            start = key.start or 0
            known = key.stop is not None and start >= 0 and stop >= 0 and key.step in (None, 1)
            return TensorShape([None] * max(0, stop - start) if known else None)
        found = tuple.__getitem__(self, key)
        return TensorShape(found) if isinstance(key, slice) else found

    def __eq__(self, other):
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        return self._unknown == other._unknown and tuple.__eq__(self, other)

    def __ne__(self, other):
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self):
        return hash((self._unknown, tuple(tuple.__iter__(self))))

    def __add__(self, other):
        return self.concatenate(other)

    def __radd__(self, other):
        return as_shape(other).concatenate(self)

    def __reduce__(self):
        return TensorShape, (self.dims,)

    def as_list(self):
        """The sizes as a list."""
        if self._unknown:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(tuple.__iter__(self))

    def is_fully_defined(self):
        """Every size is known."""
        return not self._unknown and not any(d is None for d in tuple.__iter__(self))

    def num_elements(self):
        """Their product, or None."""
        return math.prod(self) if self.is_fully_defined() else None

    def concatenate(self, other):
        """The sizes of both, one after the other."""
        other = as_shape(other)
        if self._unknown or other._unknown:
            return TensorShape(None)
        return TensorShape([*self, *other])

    def is_compatible_with(self, other):
        """Both can be the shape of one tensor."""
        other = as_shape(other)
        if self._unknown or other._unknown:
            return True
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other))

    def is_subtype_of(self, other):
        """What has this shape has other, too."""
        other = as_shape(other)
        if other._unknown:
            return True
        return not self._unknown and len(self) == len(other) and all(
            b is None or a == b for a, b in zip(self, other))

    def merge_with(self, other):
        """What both know together; ValueError."""
        other = as_shape(other)
        if self._unknown:
            return other
        if other._unknown:
            return self
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are not compatible")
        return TensorShape([a if a is not None else b for a, b in zip(self, other)])

    def most_specific_compatible_shape(self, other):
        """What is true of both."""
        other = as_shape(other)
        if self._unknown or other._unknown or len(self) != len(other):
            return TensorShape(None)
        return TensorShape([a if a == b else None for a, b in zip(self, other)])

    def assert_is_compatible_with(self, other):
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {as_shape(other)} are incompatible")

    def assert_same_rank(self, other):
        if self.rank is not None and as_shape(other).rank not in (None, self.rank):
            raise ValueError(f"Shapes {self} and {as_shape(other)} must have the same rank")

    def assert_has_rank(self, rank):
        if self.rank not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_is_fully_defined(self):
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def with_rank(self, rank):
        """This shape, which has that rank; ValueError."""
        if self.rank not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")
        return TensorShape([None] * rank) if self._unknown else self

    def with_rank_at_least(self, rank):
        if self.rank is not None and self.rank < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank):
        if self.rank is not None and self.rank > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def __repr__(self):
        return "TensorShape(None)" if self._unknown else f"TensorShape({self.as_list()})"

    def __str__(self):
        if self._unknown:
            return "<unknown>"
        return f"({', '.join(map(str, self))}{',' if len(self) == 1 else ''})"


def _sizes(dims):
    """Sizes of one or several ints, or of a TensorShapeProto."""
    if hasattr(dims, "unknown_rank") and hasattr(dims, "dim"):
        return [d.size for d in dims.dim]
    try:
        dims = [dims] if not hasattr(dims, "__iter__") else list(dims)
    except TypeError:
        dims = [dims]
    sizes = []
    for d in dims:
        value = getattr(d, "value", d) if not isinstance(d, int) else d
        if value is not None:
            try:
                value = value.__index__()
            except AttributeError:
                raise TypeError(f"Dimension value must be integer or None or have an __index__ "
                                f"method, got value '{value!r}' with type '{type(value)!r}'") from None
            if value < 0:
                raise ValueError(f"Dimension {value} must be >= 0")
        sizes.append(value)
    return sizes


def as_shape(value):
    """A TensorShape of what stands for one."""
    return value if isinstance(value, TensorShape) else TensorShape(value)
