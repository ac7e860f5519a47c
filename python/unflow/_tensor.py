# SPDX-License-Identifier: Apache-2.0
"""What a tensor of a model is in Python: a name for a value, read on demand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import _core
from .errors import FailedPreconditionError, InvalidArgumentError, OpError


class Quantization(NamedTuple):
    """real = scale * (q - zero_point).

    ``scales`` (float32) and ``zero_points`` (int64) are 1-D: one element for the
    whole tensor, or one for each index of dimension ``axis``. With ``block_size``
    above 0 there is one for each block along the last dimension, row by row.
    """

    scales: np.ndarray
    zero_points: np.ndarray
    axis: int = 0
    block_size: int = 0

    def __repr__(self):
        if len(self.scales) == 1:
            return f"Quantization(scale={self.scales[0]:g}, zero_point={self.zero_points[0]})"
        where = f"block_size={self.block_size}" if self.block_size else f"axis={self.axis}"
        return f"Quantization({len(self.scales)} scales, {where})"


class Sparse(NamedTuple):
    """A sparse constant as the file stores it, in TACO's format.

    The dimensions and, after them, the insides of blocks (block b cuts dimension
    ``block_map[b]``) are the levels of a tree, from the root down as ``traversal_order``
    says. ``dim_metadata`` has a dictionary a level, as LiteRT's: format 0 (dense) and
    dense_size, or format 1 (compressed), array_segments and array_indices. ``values`` are
    the leaves in order. All arrays are 1-D, the lists int32.
    """

    traversal_order: np.ndarray
    block_map: np.ndarray
    dim_metadata: list
    values: np.ndarray

    def __repr__(self):
        return f"Sparse({len(self.values)} {self.values.dtype} values, {len(self.dim_metadata)} levels)"


def dequantize(array, quantization, out=None):
    """The real numbers of a quantized array, as float32 of the same shape.

    array: integers (or float16, bfloat16) of any shape, not changed.
    quantization: a Quantization, a (scale, zero_point) pair of numbers or 1-D
    arrays, LiteRT's ``quantization_parameters`` dictionary, or None: just cast.
    out: a C-contiguous float32 array of that shape to fill and return, apart from array's
    memory; None: a new one. Filling one again saves the time that new memory takes.
    Raises WrongTypeError for strings and complex numbers, InvalidArgumentError
    when the scales or out do not fit the shape.
    """
    axis = block = 0
    if quantization is None:
        scales, zero_points = (), ()
    elif isinstance(quantization, dict):
        scales, zero_points = quantization["scales"], quantization["zero_points"]
        axis = quantization.get("quantized_dimension", 0)
        block = quantization.get("block_size", 0)
    else:
        scales, zero_points, *rest = quantization
        axis, block = (*rest, 0, 0)[:2]
    scales = np.atleast_1d(np.asarray(scales, np.float32))
    zero_points = np.atleast_1d(np.asarray(zero_points, np.int64))
    if len(zero_points) == 0 and len(scales) > 0:
        zero_points = np.zeros(len(scales), np.int64)
    elif len(zero_points) == 1 and len(scales) > 1:
        zero_points = np.repeat(zero_points, len(scales))
    return _core.dequantize(np.asarray(array), None, scales, zero_points, int(axis), int(block), out)


class ArrayLike:
    """NumPy's protocols over a method ``numpy()``."""

    __slots__ = ()

    def _array(self):
        """The value, without a copy where that can be."""
        return self.numpy()

    def __array__(self, dtype=None, copy=None):
        """As NumPy 2 asks: copy=False raises ValueError when a copy is needed."""
        array = self._array()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(
                    f"expected dtype {array.dtype} for a view of {self!r}, found "
                    f"{np.dtype(dtype)}; allow a copy"
                )
            return array.astype(dtype)
        if copy:
            return array.copy()
        if copy is False and array.base is None and array.size > 0:
            raise ValueError(f"{self!r} has no memory of NumPy's layout to view; allow a copy")
        return array

    def __dlpack__(self, **options):
        array = self._array()
        try:
            return array.__dlpack__(**options)
        except BufferError:  # a consumer that cannot be told "read-only" gets a copy
            if options.get("copy") is False:
                raise
            options.pop("copy", None)
            return array.copy().__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)  # CPU

    def __buffer__(self, flags):
        return memoryview(self._array())

    def __len__(self):
        shape = self.shape
        if not shape:
            raise TypeError("len() of a tensor of rank 0 or unknown shape")
        return shape[0]

    def __getitem__(self, key):
        return self._array()[key]

    def __iter__(self):
        return iter(self._array())

    def __float__(self):
        return float(self._array())

    def __int__(self):
        return int(self._array())

    def __bool__(self):
        return bool(self._array())

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


def _row(key, value):
    from html import escape

    return f"<tr><th style='text-align:left'>{escape(key)}</th><td>{escape(str(value))}</td></tr>"


class Tensor(ArrayLike):
    """One tensor of a model: constant, input, output, intermediate, state or handle.

    Nothing is read before ``numpy()`` (or ``np.asarray``). Two reads may give
    different values, as the model has run in between; an array that was read
    never changes.
    """

    __slots__ = ("_session", "_info", "graph", "index", "__weakref__")

    def __init__(self, session, graph, index):
        self._session = session
        self._info = session._model.value(graph, index)
        self.graph = graph
        self.index = index

    name = property(lambda self: self._info[0], doc="Its name in the file, '' if it has none.")
    type = property(lambda self: self._info[1],
                    doc="The dtype's name in the file: 'float32', 'int4', 'resource' ...")
    kind = property(lambda self: self._info[2], doc="'constant', 'activation' or 'state'.")
    shape_signature = property(lambda self: self._info[4],
                               doc="The shape in the file with -1 where it may change.")
    producer = property(lambda self: self._info[6], doc="Index of the node that makes it, or -1.")
    is_sparse = property(lambda self: self._info[7], doc="Stored sparse (and read dense).")

    @property
    def sparse(self):
        """What the file stores of a sparse constant, a Sparse; None for others."""
        parts = self._session._model.sparse(self.graph, self.index)
        return None if parts is None else Sparse(**parts[0], values=parts[1])

    @property
    def quantization(self):
        """A Quantization, or None."""
        return None if self._info[5] is None else Quantization(*self._info[5])

    @property
    def shape(self):
        """The shape it has now, a tuple; None when only a run can tell."""
        if self.type == "resource":
            try:
                return self.numpy().shape
            except FailedPreconditionError:
                return None
        try:
            return self._session._shape(self.graph, self.index)[1]
        except OpError:
            return self._info[3]

    @property
    def ndim(self):
        """Number of dimensions, or None."""
        shape = self.shape
        return None if shape is None else len(shape)

    @property
    def dtype(self):
        """The dtype of the array that numpy() gives."""
        if self.type in ("resource", "variant"):
            return self.numpy().dtype
        return _core.np_dtype(self.type)

    def numpy(self, copy=False, *, raw=False, dequantize=False):
        """Its current value as an array, of shape ``shape``.

        A read-only view that keeps its memory alive by itself, also after the
        model is closed; with copy=True a writable array of its own. A resource
        gives the value of its variable, a string tensor an object array of
        bytes. Quantized values are as they are; dequantize=True is dequantize().

        What NumPy has no dtype for is of ml_dtypes where that is installed, else
        bfloat16 and float8 as float32, int4 and int2 as int8, uint4 as uint8:
        the values, always. raw=True gives the bits instead: of bfloat16 as
        uint16, of float8 as uint8, of packed integers all bytes in a row.

        Raises FailedPreconditionError when nothing ran yet that makes the value,
        or for a variable that was never assigned.
        """
        if raw and dequantize:
            raise InvalidArgumentError(None, None, "expected raw or dequantize, found both; they are opposites")
        if dequantize:
            return self.dequantize()
        return self._session._read(self.graph, self.index, copy, raw)

    def dequantize(self):
        """Its value as float32 real numbers, a new array."""
        return dequantize(self.numpy(), self.quantization)

    def assign(self, value, resize=False):
        """Copies value into an input, a state tensor, or the variable behind a resource.

        The dtype must be that of the tensor (numbers and lists of Python take
        it); an input takes the shape of the value, others keep theirs, but a
        variable may get another one with resize=True. Raises WrongTypeError or
        InvalidArgumentError naming both sides.
        """
        self._session._assign(self.graph, self.index, value, resize)

    def __repr__(self):
        return f"<unflow tensor {self.index} {self.name!r} {self.type} {self._info[3]} {self.kind}>"

    def _repr_html_(self):
        rows = [_row("tensor", f"{self.index} {self.name}"), _row("dtype", self.type),
                _row("shape", self.shape), _row("kind", self.kind)]
        if self.quantization is not None:
            rows.append(_row("quantization", self.quantization))
        try:
            rows.append(_row("value", np.array2string(self.numpy(), threshold=16, edgeitems=3)))
        except OpError as error:
            rows.append(_row("value", error))
        return f"<table>{''.join(rows)}</table>"


class Variable(ArrayLike):
    """A value that outlives a run: a resource variable or an is_variable tensor."""

    __slots__ = ("_session", "_state", "__weakref__")

    def __init__(self, session, state):
        self._session = session
        self._state = state

    def _field(self, i):
        return self._session._state_info(self._state)[i]

    name = property(lambda self: self._field(0), doc="Its shared name, or the tensor's name.")
    container = property(lambda self: self._field(1), doc="'' mostly.")
    kind = property(lambda self: self._field(2), doc="'variable' or 'tensor'.")
    type = property(lambda self: self._field(3), doc="The dtype's name in the file.")
    initialized = property(lambda self: self._field(5), doc="It has a value.")
    shape = property(lambda self: self._field(6), doc="A tuple; None while unknown.")

    @property
    def ndim(self):
        """Number of dimensions, or None."""
        return None if self.shape is None else len(self.shape)

    @property
    def quantization(self):
        """A Quantization, or None (resource variables have none)."""
        graph, value = self._session._state_info(self._state)[7:9]
        if value < 0:
            return None
        quant = self._session._model.value(graph, value)[5]
        return None if quant is None else Quantization(*quant)

    @property
    def dtype(self):
        """The dtype of the array that numpy() gives."""
        return _core.np_dtype(self.type) if self.type != "invalid" else self.numpy().dtype

    def numpy(self, copy=False, *, raw=False, dequantize=False):
        """Its value now: a read-only view that stays as it is, or a copy. raw and
        dequantize: as for a Tensor.

        Raises FailedPreconditionError, with its name, when never assigned.
        """
        if raw and dequantize:
            raise InvalidArgumentError(None, None, "expected raw or dequantize, found both; they are opposites")
        if dequantize:
            return self.dequantize()
        array = self._session._state_read(self._state, False, raw)
        return array.copy() if copy else array

    def dequantize(self):
        """Its value as float32 real numbers, a new array."""
        return dequantize(self.numpy(), self.quantization)

    def assign(self, value, resize=False):
        """Copies value into it. WrongTypeError or InvalidArgumentError when dtype or
        shape are not the variable's; with resize=True a variable takes any shape."""
        self._session._state_write(self._state, None, value, resize)

    def __repr__(self):
        name, _, kind, dtype, _, initialized, shape = self._session._state_info(self._state)[:7]
        rest = "" if initialized else " not assigned"
        what = "variable" if kind == "variable" else "state tensor"
        return f"<unflow {what} {name!r} {dtype} {shape}{rest}>"

    def _repr_html_(self):
        rows = [_row(self.kind, self.name), _row("dtype", self.type), _row("shape", self.shape)]
        if self.initialized:
            rows.append(_row("value", np.array2string(self.numpy(), threshold=16, edgeitems=3)))
        return f"<table>{''.join(rows)}</table>"


class Table:
    """A hash table: keys()[i] has values()[i]. ``dict(table)`` works."""

    __slots__ = ("_session", "_state", "__weakref__")

    def __init__(self, session, state):
        self._session = session
        self._state = state

    @property
    def name(self):
        """Its shared name."""
        return self._session._state_info(self._state)[0]

    @property
    def initialized(self):
        """It was filled."""
        return self._session._state_info(self._state)[5]

    def keys(self):
        """1-D array of the keys; bytes for strings."""
        return self._session._state_read(self._state, True)

    def values(self):
        """Array of the values, in the order of the keys."""
        return self._session._state_read(self._state)

    def items(self):
        """Pairs of key and value."""
        return zip(self.keys().tolist(), self.values())

    def assign(self, keys, values):
        """Replaces the content."""
        self._session._state_write(self._state, keys, values, True)

    def to_dict(self):
        """The content as a dictionary of Python values."""
        return dict(zip(self.keys().tolist(), self.values().tolist()))

    def __len__(self):
        return len(self.keys())

    def __iter__(self):
        return iter(self.keys().tolist())

    def __getitem__(self, key):
        wanted = key.encode() if isinstance(key, str) else key
        found = np.flatnonzero(self.keys() == wanted)
        if len(found) == 0:
            raise KeyError(key)
        return self.values()[found[0]]

    def __contains__(self, key):
        wanted = key.encode() if isinstance(key, str) else key
        return bool(np.any(self.keys() == wanted))

    def __repr__(self):
        name, _, _, dtype, key_dtype, *_ = self._session._state_info(self._state)
        return f"<unflow table {name!r} {key_dtype} to {dtype}>"
