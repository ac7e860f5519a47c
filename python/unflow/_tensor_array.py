# SPDX-License-Identifier: Apache-2.0
"""TensorArray, map_fn, scan and folds in a graph: lists of tensors that loops carry as variants."""

from __future__ import annotations

from . import _nest
from ._control import TensorArray
from ._dtypes import TensorShape, as_dtype
from ._functions import shape, tensor
from ._graph_control import while_loop
from ._ops import apply as _apply


class GraphTensorArray(TensorArray):
    """A TensorArray whose list is a tensor of a graph; write() gives a new one."""

    def __init__(self, dtype, size=None, dynamic_size=None, clear_after_read=None, tensor_array_name=None,
                 handle=None, flow=None, infer_shape=True, element_shape=None, colocate_with_first_write_call=True,
                 name=None):
        self.dtype, self.dynamic_size = as_dtype(dtype), bool(dynamic_size)
        self._infer, self.handle = infer_shape, None
        self._known = [TensorShape(element_shape)]  # shared with the arrays made of this one
        if flow is None:
            flow = _apply("TensorListReserve", [self._dims(), tensor(0 if size is None else size, "int32")],
                          {"element_dtype": self.dtype}, name or "TensorArrayV2")
        self.flow = flow

    element_shape = property(lambda self: self._known[0])

    def _dims(self):
        """The shape of elements, as ops on lists take it."""
        known = self._known[0]
        return tensor(-1 if known.rank is None else [-1 if d is None else d for d in known.as_list()], "int32")

    def _with_flow(self, flow):
        """The same with another list."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.flow = flow
        return made

    def _learn(self, found):
        if self._infer:
            if not self._known[0].is_compatible_with(found):
                raise ValueError(f"Incompatible shape for value ({found}), expected ({self._known[0]})")
            self._known[0] = self._known[0].merge_with(found)

    def identity(self):
        return self._with_flow(_apply("Identity", [self.flow]))

    def write(self, index, value, name=None):
        """value at index."""
        value = tensor(value, None if hasattr(value, "dtype") else self.dtype)
        if value.dtype != self.dtype:
            raise ValueError(f"TensorArray dtype is {self.dtype.name}, found {value.dtype.name}")
        self._learn(value.shape)
        return self._with_flow(_apply("TensorListSetItem", [self.flow, tensor(index, "int32"), value],
                                      {"resize_if_index_out_of_bounds": self.dynamic_size}, name))

    def _shaped(self, result, rows=()):
        if self._known[0].rank is not None:
            result.set_shape([*rows, *self._known[0].as_list()])
        return result

    def read(self, index, name=None):
        """The tensor at index."""
        return self._shaped(_apply("TensorListGetItem", [self.flow, tensor(index, "int32"), self._dims()],
                                   {"element_dtype": self.dtype}, name))

    def stack(self, name=None):
        """All as one tensor."""
        return self._shaped(_apply("TensorListStack", [self.flow, self._dims()],
                                   {"element_dtype": self.dtype, "num_elements": -1}, name), [None])

    def gather(self, indices, name=None):
        return self._shaped(_apply("TensorListGather", [self.flow, tensor(indices, "int32"), self._dims()],
                                   {"element_dtype": self.dtype}, name), [None])

    def concat(self, name=None):
        known = self._known[0].as_list() if self._known[0].rank else []
        dims = tensor([-1 if d is None else d for d in [None, *known[1:]]] if known else -1, "int32")
        return _apply("TensorListConcatV2", [self.flow, dims, tensor([], "int64")],
                      {"element_dtype": self.dtype}, name)[0]

    def unstack(self, value, name=None):
        """The rows of value."""
        value = tensor(value, None if hasattr(value, "dtype") else self.dtype)
        if value.shape.rank is not None:
            self._learn(value.shape[1:])
        return self._with_flow(_apply("TensorListFromTensor", [value, self._dims()], None, name))

    def scatter(self, indices, value, name=None):
        value = tensor(value, None if hasattr(value, "dtype") else self.dtype)
        return self._with_flow(_apply("TensorListScatterIntoExistingList",
                                      [self.flow, value, tensor(indices, "int32")], None, name))

    def split(self, value, lengths, name=None):
        value = tensor(value, None if hasattr(value, "dtype") else self.dtype)
        self._infer = False
        return self._with_flow(_apply("TensorListSplit", [value, self._dims(), tensor(lengths, "int64")], None, name))

    def size(self, name=None):
        return _apply("TensorListLength", [self.flow], None, name)

    def close(self, name=None):
        """Nothing is to be done."""


def _rows(elems):
    """(how many, or None; the same as a tensor; an array for each leaf)"""
    flat = [tensor(e) for e in _nest.flatten(elems)]
    n = flat[0].shape[0]
    count = shape(flat[0])[0] if n is None else tensor(n)
    return n, count, [GraphTensorArray(e.dtype, flow=False).unstack(e) for e in flat]


def map_fn(fn, elems, signature):
    """fn of each row, stacked."""
    n, count, inputs = _rows(elems)
    kinds = [as_dtype(getattr(s, "dtype", s)) for s in _nest.flatten(elems if signature is None else signature)]
    if signature is None:
        kinds = [a.dtype for a in inputs]
    outputs = [GraphTensorArray(k, count) for k in kinds]

    def body(i, arrays):
        found = _nest.flatten(fn(_nest.pack_sequence_as(elems, [a.read(i) for a in inputs])))
        return i + 1, [a.write(i, v) for a, v in zip(arrays, found)]

    _, outputs = while_loop(lambda i, _: i < count, body, [tensor(0), outputs])
    return _stacked(outputs, n, elems if signature is None else signature)


def _stacked(arrays, n, structure):
    stacked = [a.stack() for a in arrays]
    for s in stacked:
        if s.shape.rank is not None:
            s.set_shape([n, *s.shape.as_list()[1:]])
    return _nest.pack_sequence_as(structure, stacked)


def walk(fn, elems, initializer, backward, keep):
    """The last state of fn(state, row) over the rows; with keep, all of them stacked."""
    n, count, inputs = _rows(elems)

    def row(i):
        return _nest.pack_sequence_as(elems, [a.read(i) for a in inputs])

    first = 0 if initializer is not None else 1
    like = elems if initializer is None else initializer
    state = [tensor(s) for s in _nest.flatten(row(count - 1 if backward else 0) if first else initializer)]
    arrays = [GraphTensorArray(s.dtype, count) for s in state] if keep else []
    if keep and first:
        arrays = [a.write(count - 1 if backward else 0, s) for a, s in zip(arrays, state)]

    def body(step, state, arrays):
        i = count - 1 - step if backward else step
        found = [tensor(s) for s in _nest.flatten(fn(_nest.pack_sequence_as(like, state), row(i)))]
        return step + 1, found, [a.write(i, s) for a, s in zip(arrays, found)]

    _, state, arrays = while_loop(lambda step, *_: step < count, body, [tensor(first), state, arrays])
    return _stacked(arrays, n, like) if keep else _nest.pack_sequence_as(like, state)
