# SPDX-License-Identifier: Apache-2.0
"""tf.SparseTensor and tf.RaggedTensor: tensors made of several, and the functions on them."""

from __future__ import annotations

import numpy as np

from . import _core, _ops
from ._convert import cast
from ._dtypes import TensorShape, as_dtype
from ._functions import concat as _concat
from ._functions import get_static_value, tensor

_apply = _ops.apply


def _arithmetic(cls, names):
    from ._ops import operator

    for word in names:
        def left(self, other, _word=word):
            return self._elementwise(_word, self, other)

        def right(self, other, _word=word):
            return self._elementwise(_word, other, self)

        setattr(cls, f"__{word}__", left)
        if word not in ("lt", "le", "gt", "ge", "eq", "ne"):
            setattr(cls, f"__r{word}__", right)
    return operator


class SparseTensor:
    """The values that are not zero, and where they are."""

    _composite = True

    def __init__(self, indices, values, dense_shape):
        self.indices = tensor(indices, "int64", name="indices")
        self.values = tensor(values, name="values")
        self.dense_shape = tensor(dense_shape, "int64", name="dense_shape")
        self.indices.shape.with_rank(2)
        self.values.shape.with_rank(1)
        self.dense_shape.shape.with_rank(1)

    dtype = property(lambda self: self.values.dtype)
    op = property(lambda self: self.values.op)
    graph = property(lambda self: self.values.graph)
    __array_priority__ = 100

    @property
    def shape(self):
        known = get_static_value(self.dense_shape)
        return TensorShape([None] * self.dense_shape.shape[0] if known is None else known.tolist())

    def get_shape(self):
        return self.shape

    def _feed_components(self, value):
        """Its tensors with the parts of a value for a feed."""
        indices, values, dense_shape = value if isinstance(value, tuple) else (
            value.indices, value.values, value.dense_shape)
        return [(self.indices, indices), (self.values, values), (self.dense_shape, dense_shape)]

    @property
    def _type_spec(self):
        from ._specs import SparseTensorSpec

        return SparseTensorSpec(self.shape, self.dtype)

    def _as_tensor(self, dtype=None, name=None):
        raise TypeError(f"Failed to convert elements of {self} to Tensor. Consider casting elements to a "
                        f"supported type. See https://www.tensorflow.org/api_docs/python/tf/dtypes for "
                        f"supported TF dtypes.")

    @classmethod
    def from_value(cls, value):
        return value if isinstance(value, SparseTensor) else cls(value.indices, value.values, value.dense_shape)

    def with_values(self, new_values):
        return SparseTensor(self.indices, new_values, self.dense_shape)

    _with_values = with_values

    def _leaf_values(self):
        return self.values

    def _elementwise(self, word, a, b):
        if word == "add":
            return add(a, b)
        other = b if a is self else a
        if word == "mul":
            values = _apply("SparseDenseCwiseMul", [self.indices, self.values, self.dense_shape,
                                                    tensor(other, self.dtype)])
        elif word == "truediv" and a is self:
            values = _apply("SparseDenseCwiseDiv", [self.indices, self.values, self.dense_shape,
                                                    tensor(other, self.dtype)])
        else:
            return NotImplemented
        return self.with_values(values)

    def _expand_dims(self, axis):
        return expand_dims(self, axis)

    def __neg__(self):
        return self.with_values(-self.values)

    def __str__(self):
        return (f"SparseTensor(indices={self.indices!s}, values={self.values!s}, "
                f"dense_shape={self.dense_shape!s})")

    __repr__ = __str__


_arithmetic(SparseTensor, ("add", "mul", "truediv"))


def _parts(sp):
    return [sp.indices, sp.values, sp.dense_shape]


def from_dense(tensor_, name=None):
    x = tensor(tensor_)
    zero = tensor("" if x.dtype.name == "string" else False if x.dtype.is_bool else 0, x.dtype)
    where = _apply("Where", [_apply("NotEqual", [x, zero])])
    return SparseTensor(where, _apply("GatherNd", [x, where]), _apply("Shape", [x], {"out_type": "int64"}))


def to_dense(sp_input, default_value=None, validate_indices=True, name=None):
    of = sp_input.dtype
    if default_value is None:
        default_value = "" if of.name == "string" else False if of.is_bool else 0
    return _apply("SparseToDense", [sp_input.indices, sp_input.dense_shape, sp_input.values,
                                    tensor(default_value, of)], {"validate_indices": validate_indices}, name)


def reorder(sp_input, name=None):
    indices, values = _apply("SparseReorder", _parts(sp_input), None, name)
    return SparseTensor(indices, values, sp_input.dense_shape)


def reset_shape(sp_input, new_shape=None):
    if new_shape is None:
        top = _apply("Max", [sp_input.indices, tensor([0])])
        new_shape = top + tensor(1, "int64")
    return SparseTensor(sp_input.indices, sp_input.values, tensor(new_shape, "int64"))


def reshape(sp_input, shape, name=None):
    indices, dims = _apply("SparseReshape", [sp_input.indices, sp_input.dense_shape, tensor(shape, "int64")])
    return SparseTensor(indices, sp_input.values, dims)


def slice(sp_input, start, size, name=None):
    return SparseTensor(*_apply("SparseSlice", [*_parts(sp_input), tensor(start, "int64"), tensor(size, "int64")]))


def concat(axis, sp_inputs, expand_nonconcat_dims=False, name=None):
    if not isinstance(sp_inputs, (list, tuple)):
        sp_inputs = [sp_inputs]
    axis = axis % sp_inputs[0].shape.rank
    return SparseTensor(*_apply("SparseConcat", [[s.indices for s in sp_inputs], [s.values for s in sp_inputs],
                                                 [s.dense_shape for s in sp_inputs]], {"concat_dim": axis}))


def split(sp_input=None, num_split=None, axis=None, name=None):
    flat = _apply("SparseSplit", [tensor(axis, "int64"), *_parts(sp_input)], {"num_split": num_split})
    return [SparseTensor(flat[i], flat[num_split + i], flat[2 * num_split + i]) for i in range(num_split)]


def add(a, b, threshold=0):
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        real = a.dtype.real_dtype
        return SparseTensor(*_apply("SparseAdd", [*_parts(a), *_parts(b), tensor(threshold, real)]))
    if not isinstance(a, SparseTensor):
        a, b = b, a
    return _apply("SparseTensorDenseAdd", [*_parts(a), tensor(b, a.dtype)])


def sparse_dense_matmul(sp_a, b, adjoint_a=False, adjoint_b=False, name=None):
    if not isinstance(sp_a, SparseTensor):
        from ._functions import transpose

        return transpose(sparse_dense_matmul(b, sp_a, not adjoint_b, not adjoint_a))
    return _apply("SparseTensorDenseMatMul", [*_parts(sp_a), b], {"adjoint_a": adjoint_a, "adjoint_b": adjoint_b})


def retain(sp_input, to_retain):
    where = _apply("Reshape", [_apply("Where", [to_retain]), [-1]])
    return SparseTensor(_apply("GatherV2", [sp_input.indices, where, 0]),
                        _apply("GatherV2", [sp_input.values, where, 0]), sp_input.dense_shape)


def fill_empty_rows(sp_input, default_value, name=None):
    indices, values, empty, _ = _apply("SparseFillEmptyRows", [*_parts(sp_input), tensor(default_value, sp_input.dtype)])
    return SparseTensor(indices, values, sp_input.dense_shape), empty


def _reduce(op):
    def function(sp_input, axis=None, keepdims=None, output_is_sparse=False, name=None):
        if axis is None:
            axis = list(range(sp_input.shape.rank))
        return _apply(op, [*_parts(sp_input), tensor(axis, "int32")], {"keep_dims": bool(keepdims)})

    return function


reduce_sum, reduce_max = _reduce("SparseReduceSum"), _reduce("SparseReduceMax")


def transpose(sp_input, perm=None, name=None):
    n = sp_input.shape.rank
    perm = list(range(n))[::-1] if perm is None else list(perm)
    return reorder(SparseTensor(_apply("GatherV2", [sp_input.indices, perm, 1]), sp_input.values,
                                _apply("GatherV2", [sp_input.dense_shape, perm, 0])))


def mask(a, mask_indices, name=None):
    from ._specs import IndexedSlices

    keep, _ = _apply("ListDiff", [a.indices, tensor(mask_indices, a.indices.dtype)])
    at = _apply("ListDiff", [a.indices, tensor(mask_indices, a.indices.dtype)])[1]
    return IndexedSlices(_apply("GatherV2", [a.values, at, 0]), keep, a.dense_shape)


def to_indicator(sp_input, vocab_size, name=None):
    dims = np.array([*sp_input.shape.as_list()[:-1], vocab_size], np.int64)
    rows = sp_input.indices[:, :-1]
    last = _apply("ExpandDims", [cast(sp_input.values, "int64"), 1])
    ones = _apply("OnesLike", [cast(sp_input.values, "bool")])
    return _apply("SparseToDense", [_concat([rows, last], 1), dims, ones, False], {"validate_indices": False})


def map_values(op, *args, **kwargs):
    first = next(a for a in [*args, *kwargs.values()] if isinstance(a, SparseTensor))
    bare = [a.values if isinstance(a, SparseTensor) else a for a in args]
    named = {k: v.values if isinstance(v, SparseTensor) else v for k, v in kwargs.items()}
    return first.with_values(op(*bare, **named))


def softmax(sp_input, name=None):
    return sp_input.with_values(_apply("SparseSoftmax", _parts(sp_input)))


def expand_dims(sp_input, axis=None, name=None):
    n = sp_input.shape.rank
    axis = (-1 if axis is None else axis) % (n + 1)
    dims = sp_input.shape.as_list()
    return reshape(sp_input, [*dims[:axis], 1, *dims[axis:]])


def eye(num_rows, num_columns=None, dtype="float32", name=None):
    columns = num_rows if num_columns is None else num_columns
    at = np.arange(min(num_rows, columns), dtype=np.int64)
    return SparseTensor(np.stack([at, at], 1), tensor(np.ones(len(at)), as_dtype(dtype)), [num_rows, columns])


def _segment(op):
    def function(data, indices, segment_ids, num_segments=None, name=None, sparse_gradient=False):
        if num_segments is None:
            return _apply(op, [data, indices, segment_ids], None, name)
        return _apply(op + "WithNumSegments", [data, indices, segment_ids, num_segments], None, name)

    return function


segment_sum, segment_mean = _segment("SparseSegmentSum"), _segment("SparseSegmentMean")
segment_sqrt_n = _segment("SparseSegmentSqrtN")


def edit_distance(hypothesis, truth, normalize=True, name="edit_distance"):
    return _apply("EditDistance", [*_parts(hypothesis), *_parts(truth)], {"normalize": normalize}, name)


# ---- ragged ----


class RaggedTensor:
    """Rows of different lengths: all values in a row, and where each row ends."""

    _composite = True
    __array_priority__ = 100

    def __init__(self, values, row_splits):
        self._values, self._splits = values, row_splits

    # made from

    @classmethod
    def from_row_splits(cls, values, row_splits, name=None, validate=True):
        splits = _splits(row_splits)
        found = splits.numpy()
        if validate and (len(found) == 0 or found[0] != 0 or (np.diff(found) < 0).any()):
            raise _invalid("Arguments to from_row_splits do not form a valid RaggedTensor")
        return cls(_values(values), splits)

    @classmethod
    def from_row_lengths(cls, values, row_lengths, name=None, validate=True):
        lengths = _splits(row_lengths)
        return cls(_values(values), _concat([tensor([0], lengths.dtype), _apply("Cumsum", [lengths, 0])], 0))

    @classmethod
    def from_value_rowids(cls, values, value_rowids, nrows=None, name=None, validate=True):
        ids = _splits(value_rowids)
        count = ids.numpy()
        n = int(nrows) if nrows is not None else int(count[-1]) + 1 if len(count) else 0
        splits = np.concatenate([[0], np.cumsum(np.bincount(count, minlength=n))])
        return cls(_values(values), tensor(splits.astype(count.dtype), ids.dtype))

    @classmethod
    def from_row_starts(cls, values, row_starts, name=None, validate=True):
        values, starts = _values(values), _splits(row_starts)
        return cls(values, _concat([starts, tensor([_length(values)], starts.dtype)], 0))

    @classmethod
    def from_row_limits(cls, values, row_limits, name=None, validate=True):
        limits = _splits(row_limits)
        return cls(_values(values), _concat([tensor([0], limits.dtype), limits], 0))

    @classmethod
    def from_uniform_row_length(cls, values, uniform_row_length, nrows=None, validate=True, name=None):
        values, n = _values(values), int(uniform_row_length)
        rows = int(nrows) if nrows is not None else _length(values) // n if n else 0
        made = cls(values, tensor(np.arange(rows + 1, dtype=np.int64) * n))
        made._uniform = n
        return made

    @classmethod
    def from_nested_row_splits(cls, flat_values, nested_row_splits, name=None, validate=True):
        values = flat_values
        for splits in reversed(list(nested_row_splits)):
            values = cls.from_row_splits(values, splits, validate=validate)
        return values

    @classmethod
    def from_nested_row_lengths(cls, flat_values, nested_row_lengths, name=None, validate=True):
        values = flat_values
        for lengths in reversed(list(nested_row_lengths)):
            values = cls.from_row_lengths(values, lengths)
        return values

    @classmethod
    def from_tensor(cls, tensor_, lengths=None, padding=None, ragged_rank=1, name=None, row_splits_dtype="int64"):
        x = tensor(tensor_)
        dtype = as_dtype(row_splits_dtype).as_numpy_dtype
        dims = x.shape.as_list()
        if ragged_rank > 1:
            inner = cls.from_tensor(_apply("Reshape", [x, [-1, *dims[2:]]]), ragged_rank=ragged_rank - 1,
                                    row_splits_dtype=row_splits_dtype)
            return cls(inner, tensor(np.arange(dims[0] + 1, dtype=dtype) * dims[1]))
        flat = _apply("Reshape", [x, np.array([dims[0] * dims[1], *dims[2:]], np.int32)])
        if padding is not None:
            same = x.numpy_array() == tensor(padding, x.dtype).numpy_array()
            if same.ndim > 2:
                same = same.reshape(dims[0], dims[1], -1).all(-1)
            lengths = dims[1] - np.cumprod(same[:, ::-1], 1).sum(1)
        if lengths is None:
            return cls(flat, tensor(np.arange(dims[0] + 1, dtype=dtype) * dims[1]))
        lengths = np.minimum(np.asarray(tensor(lengths).numpy()), dims[1])
        keep = (np.arange(dims[1])[None] < lengths[:, None]).reshape(-1)
        picked = _apply("GatherV2", [flat, np.flatnonzero(keep), 0])
        return cls.from_row_lengths(picked, lengths.astype(dtype))

    @classmethod
    def from_sparse(cls, st_input, name=None, row_splits_dtype="int64"):
        rows = cast(st_input.indices[:, 0], row_splits_dtype)
        return cls.from_value_rowids(st_input.values, rows, nrows=st_input.dense_shape[0])

    # what it is

    _uniform = None
    values = property(lambda self: self._values)
    row_splits = property(lambda self: self._splits)
    dtype = property(lambda self: self._values.dtype)
    ragged_rank = property(lambda self: 1 + (self._values.ragged_rank if isinstance(self._values, RaggedTensor) else 0))
    uniform_row_length = property(lambda self: None if self._uniform is None else tensor(self._uniform, "int64"))

    @property
    def flat_values(self):
        values = self._values
        return values.flat_values if isinstance(values, RaggedTensor) else values

    @property
    def nested_row_splits(self):
        inner = self._values.nested_row_splits if isinstance(self._values, RaggedTensor) else ()
        return (self._splits, *inner)

    @property
    def shape(self):
        return TensorShape([self._splits.shape[0] - 1, self._uniform, *self._values.shape.as_list()[1:]])

    def get_shape(self):
        return self.shape

    @property
    def _type_spec(self):
        from ._specs import RaggedTensorSpec

        return RaggedTensorSpec(self.shape, self.dtype, self.ragged_rank, self._splits.dtype)

    def _as_tensor(self, dtype=None, name=None):
        raise TypeError(f"TypeError: object of type 'RaggedTensor' has no len() (a RaggedTensor is not a "
                        f"tensor; use to_tensor()): {self!r}")

    def _with_flat(self, flat):
        inner = self._values._with_flat(flat) if isinstance(self._values, RaggedTensor) else flat
        made = RaggedTensor(inner, self._splits)
        made._uniform = self._uniform
        return made

    def with_flat_values(self, new_values):
        return self._with_flat(tensor(new_values))

    def with_values(self, new_values):
        return RaggedTensor(_values(new_values), self._splits)

    _with_values = with_flat_values

    def _leaf_values(self):
        return self.flat_values

    def nrows(self, out_type=None, name=None):
        return tensor(self._splits.shape[0] - 1, out_type or self._splits.dtype)

    def row_starts(self, name=None):
        return self._splits[:-1]

    def row_limits(self, name=None):
        return self._splits[1:]

    def row_lengths(self, axis=1, name=None):
        if axis == 1:
            return self._splits[1:] - self._splits[:-1]
        return self.with_values(self._values.row_lengths(axis - 1))

    def nested_row_lengths(self, name=None):
        return tuple(s[1:] - s[:-1] for s in self.nested_row_splits)

    def value_rowids(self, name=None):
        lengths = np.diff(self._splits.numpy())
        return tensor(np.repeat(np.arange(len(lengths)), lengths), self._splits.dtype)

    def nested_value_rowids(self, name=None):
        inner = self._values.nested_value_rowids() if isinstance(self._values, RaggedTensor) else ()
        return (self.value_rowids(), *inner)

    def bounding_shape(self, axis=None, name=None, out_type=None):
        lengths = np.diff(self._splits.numpy())
        inner = self._values.bounding_shape().numpy()[1:] if isinstance(self._values, RaggedTensor) else (
            np.array(self._values.shape.as_list()[1:]))
        whole = tensor(np.array([len(lengths), lengths.max(initial=0), *inner]), out_type or self._splits.dtype)
        return whole if axis is None else whole[axis]

    def to_list(self):
        splits = self._splits.numpy().tolist()
        inner = self._values.to_list() if isinstance(self._values, RaggedTensor) else self._values.numpy().tolist()
        return [inner[a:b] for a, b in zip(splits, splits[1:])]

    def numpy(self):
        """Rows of equal lengths as one array, others as an object array of arrays."""
        splits = self._splits.numpy()
        inner = self._values.numpy()
        rows = [inner[a:b] for a, b in zip(splits, splits[1:])]
        if not rows:
            return np.zeros((0, 0), object if self.dtype.name == "string" else inner.dtype)
        if all(len(r) == len(rows[0]) and getattr(r, "dtype", None) != object for r in rows):
            return np.stack(rows)
        out = np.empty(len(rows), object)
        for i, row in enumerate(rows):
            out[i] = row
        return out

    def to_tensor(self, default_value=None, name=None, shape=None):
        """With default_value where rows are shorter."""
        dims = self.bounding_shape().numpy().tolist()
        if shape is not None:
            wanted = TensorShape(shape).as_list()
            dims = [d if w is None else w for d, w in zip(dims, wanted)]
        if default_value is None:
            default_value = "" if self.dtype.name == "string" else False if self.dtype.is_bool else 0
        out = np.full(dims, tensor(default_value, self.dtype).numpy_array()[()],
                      self.flat_values.numpy_array().dtype)
        _fill(out, self)
        return tensor(out, self.dtype)

    def to_sparse(self, name=None):
        at = []
        _places(self, (), at)
        indices = np.array(at, np.int64).reshape(len(at), self.shape.rank)
        flat = _apply("Reshape", [self.flat_values, [-1]])
        return SparseTensor(indices, flat, cast(self.bounding_shape(), "int64"))

    def _join_rows(self, axis, separator, name):
        if isinstance(self._values, RaggedTensor) or axis not in (1, -1):
            raise NotImplementedError("unflow joins the strings of a ragged tensor along its rows only")
        return _apply("UnsortedSegmentJoin", [self._values, self.value_rowids(), self.nrows()],
                      {"separator": separator}, name)

    def __len__(self):
        return int(self._splits.shape[0] - 1)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        first, rest = keys[0], keys[1:]
        if isinstance(first, (int, np.integer)) or isinstance(first, _core.Operand):
            i, n = int(first), len(self)
            if not -n <= i < n:
                raise _invalid(f"slice index {i} of dimension 0 out of bounds.")
            splits = self._splits.numpy()
            part = self._values[int(splits[i % n]):int(splits[i % n + 1])]
            return part[rest] if rest else part
        if first is Ellipsis or (isinstance(first, builtin_slice)):
            rows = list(range(len(self)))[first if isinstance(first, builtin_slice) else builtin_slice(None)]
            whole = rows == list(range(len(self)))
            found = self if whole else _gather_rows(self, rows)
            if not rest:
                return found
            if isinstance(rest[0], builtin_slice) and len(rest) == 1:
                splits = found._splits.numpy()
                kept = [list(range(a, b))[rest[0]] for a, b in zip(splits, splits[1:])]
                flat = [i for k in kept for i in k]
                values = _gather_rows(found._values, flat) if isinstance(found._values, RaggedTensor) else (
                    _apply("GatherV2", [found._values, np.array(flat, np.int64), 0]))
                return RaggedTensor.from_row_lengths(values, np.array([len(k) for k in kept], splits.dtype))
            if isinstance(rest[0], builtin_slice) and rest[0] == builtin_slice(None):
                return RaggedTensor(found._values[(builtin_slice(None), *rest[1:])], found._splits)
            raise ValueError("Cannot index into an inner ragged dimension.")
        raise TypeError(f"expected an integer or a slice as a ragged index, found {first!r}")

    # functions

    def _elementwise(self, word, a, b):
        bare = [x.flat_values if isinstance(x, RaggedTensor) else x for x in (a, b)]
        for i, x in enumerate((a, b)):
            if not isinstance(x, RaggedTensor) and np.ndim(bare[i]) == 2:  # a column, one for each row
                bare[i] = _apply("GatherV2", [_apply("Reshape", [tensor(x, self.dtype), [-1]]), self.value_rowids(), 0])
        x, y = bare
        if not isinstance(x, _core.Operand):
            x = tensor(x, y.dtype)
        return self._with_flat(_ops.operator(word, x, y))

    def _reduce(self, op, axis, keepdims):
        if axis is None:
            from . import _functions

            return _apply(op, [self.flat_values, np.arange(self.flat_values.shape.rank)], {"keep_dims": False})
        axis = int(axis) % self.shape.rank
        if axis == 1:
            ids, n = self.value_rowids(), len(self)
            values = self._values
            if op == "Mean":
                total = _apply("UnsortedSegmentSum", [values, ids, n])
                count = cast(self.row_lengths(), values.dtype)
                return total / _apply("Reshape", [count, [-1] + [1] * (total.shape.rank - 1)])
            if op in ("All", "Any"):
                found = _apply({"All": "UnsortedSegmentMin", "Any": "UnsortedSegmentMax"}[op],
                               [cast(values, "int32"), ids, n])
                return found > 0
            return _apply("UnsortedSegment" + op, [values, ids, n])
        if axis == 0:
            dense = self.to_tensor()
            if op == "Sum":
                return _apply("Sum", [dense, tensor([0])])
            raise NotImplementedError(f"unflow reduces ragged tensors over rows by sum only, not {op}")
        return RaggedTensor(self._values._reduce(op, axis - 1, keepdims), self._splits) if isinstance(
            self._values, RaggedTensor) else RaggedTensor(
                _apply(op, [self._values, tensor([axis - 1])], {"keep_dims": keepdims}), self._splits)

    @staticmethod
    def _gather(params, indices, axis, batch_dims):
        return _gather_rows(params, [int(i) for i in tensor(indices).numpy()])

    @staticmethod
    def _gathered_from(params, indices, axis, batch_dims):
        return indices._with_flat(_apply("GatherV2", [params, indices.flat_values, axis or 0]))

    def __str__(self):
        return f"<tf.RaggedTensor {_text(self)}>"

    __repr__ = __str__

    @staticmethod
    def _concat(values, axis):
        rows = [v if isinstance(v, RaggedTensor) else RaggedTensor.from_tensor(v) for v in values]
        if axis == 0:
            lengths = np.concatenate([np.diff(r._splits.numpy()) for r in rows])
            return RaggedTensor.from_row_lengths(_concat([r._values for r in rows], 0), lengths)
        lists = [r.to_list() for r in rows]
        return constant([[x for part in parts for x in part] for parts in zip(*lists)], rows[0].dtype)

    @staticmethod
    def _stack(values, axis):
        return stack(values, axis)


builtin_slice = __builtins__["slice"] if isinstance(__builtins__, dict) else __builtins__.slice
_arithmetic(RaggedTensor, ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge",
                           "eq", "ne", "and", "or", "xor"))
RaggedTensor.__neg__ = lambda self: self._with_flat(-self.flat_values)
RaggedTensor.__abs__ = lambda self: self._with_flat(abs(self.flat_values))
RaggedTensor.__invert__ = lambda self: self._with_flat(~self.flat_values)
RaggedTensor.__hash__ = object.__hash__


def _invalid(text):
    from .errors import InvalidArgumentError

    return InvalidArgumentError(None, None, text)


def _values(values):
    return values if isinstance(values, RaggedTensor) else tensor(values)


def _length(values):
    return len(values) if isinstance(values, RaggedTensor) else int(values.shape[0])


def _splits(value):
    if isinstance(value, (list, tuple, range)):
        return tensor(np.array(list(value), np.int64))
    found = tensor(value)
    return found if found.dtype.name in ("int32", "int64") else cast(found, "int64")


def _fill(out, ragged):
    splits = ragged._splits.numpy()
    inner = ragged._values if isinstance(ragged._values, RaggedTensor) else ragged._values.numpy()
    for i, (a, b) in enumerate(zip(splits, splits[1:])):
        if i >= len(out):
            return
        if isinstance(inner, RaggedTensor):
            part = inner[int(a):int(b)]
            _fill(out[i], part)
        else:
            n = min(b - a, out.shape[1])
            out[i, :n] = inner[a:a + n]


def _places(value, before, out):
    if isinstance(value, RaggedTensor):
        for i, row in enumerate(value):
            _places(row, (*before, i), out)
    else:
        out += [(*before, *at) for at in np.ndindex(*value.shape.as_list())]


def _gather_rows(ragged, rows):
    if not isinstance(ragged, RaggedTensor):
        return _apply("GatherV2", [ragged, np.array(rows, np.int64), 0])
    splits = ragged._splits.numpy()
    flat = [i for r in rows for i in range(splits[r], splits[r + 1])]
    lengths = np.array([splits[r + 1] - splits[r] for r in rows], splits.dtype)
    return RaggedTensor.from_row_lengths(_gather_rows(ragged._values, flat), lengths)


def _text(ragged):
    """As TensorFlow prints it: by NumPy, which breaks lines, with commas at all depths."""
    def words(value):
        if not isinstance(value, np.ndarray):
            return str(value)
        return np.array2string(value, separator=", ") if value.size else repr(value.tolist())

    with np.printoptions(formatter={"all": words}):
        return words(ragged.numpy())


# tf.ragged


def constant(pylist, dtype=None, ragged_rank=None, inner_shape=None, name=None, row_splits_dtype="int64"):
    """A RaggedTensor of nested lists."""
    def depth(value):
        if isinstance(value, np.ndarray):
            return value.ndim
        if isinstance(value, (list, tuple)):
            return 1 + max((depth(v) for v in value), default=0)
        return 0

    if not isinstance(pylist, (list, tuple, np.ndarray)):
        return tensor(pylist, dtype)
    n = depth(pylist)
    rank = ragged_rank if ragged_rank is not None else max(1 if n > 1 else 0, n - 1 - (
        len(inner_shape) if inner_shape is not None else 0))
    if n <= 1 and not ragged_rank:
        return tensor(list(pylist), dtype)
    splits, values = [], list(pylist)
    kind = as_dtype(row_splits_dtype).as_numpy_dtype
    for _ in range(rank):
        for v in values:
            if not isinstance(v, (list, tuple, np.ndarray)):
                raise ValueError("all scalar values must have the same nesting depth")
        splits.append(np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype(kind))
        values = [x for v in values for x in v]
    if ragged_rank is None and any(isinstance(v, (list, tuple)) for v in values):
        raise ValueError("all scalar values must have the same nesting depth")
    flat = tensor(values, dtype) if len(values) else tensor(np.zeros(0), dtype or "float32")
    for s in reversed(splits):
        flat = RaggedTensor(flat, tensor(s))
    return flat


def stack(values, axis=0, name=None):
    values = [v if isinstance(v, RaggedTensor) else tensor(v) for v in values]
    if axis != 0:
        raise NotImplementedError(f"unflow stacks ragged tensors along axis 0 only, found axis {axis}")
    lengths = [_length(v) for v in values]
    if any(isinstance(v, RaggedTensor) for v in values):
        inner = RaggedTensor._concat(values, 0)
    else:
        inner = _concat(values, 0)
    return RaggedTensor.from_row_lengths(inner, np.array(lengths, np.int64))


def range_(starts, limits=None, deltas=1, dtype=None, name=None, row_splits_dtype="int64"):
    if limits is None:
        starts, limits = 0, starts
    parts = [tensor(p, dtype) for p in (starts, limits, deltas)]
    kind = parts[1].dtype if isinstance(limits, _core.Operand) else parts[0].dtype
    splits, values = _apply("RaggedRange", [cast(p, kind) for p in parts], {"Tsplits": row_splits_dtype})
    return RaggedTensor(values, splits)


def boolean_mask(data, mask, name=None):
    rows, keep = data.to_list() if isinstance(data, RaggedTensor) else tensor(data).numpy().tolist(), (
        mask.to_list() if isinstance(mask, RaggedTensor) else tensor(mask).numpy().tolist())
    if keep and isinstance(keep[0], bool):
        return _gather_rows(data, [i for i, k in enumerate(keep) if k])
    return constant([[v for v, k in zip(r, ks) if k] for r, ks in zip(rows, keep)], data.dtype, ragged_rank=1)


def map_flat_values(op, *args, **kwargs):
    first = next(a for a in [*args, *kwargs.values()] if isinstance(a, RaggedTensor))
    bare = [a.flat_values if isinstance(a, RaggedTensor) else a for a in args]
    named = {k: v.flat_values if isinstance(v, RaggedTensor) else v for k, v in kwargs.items()}
    return first.with_flat_values(op(*bare, **named))


# tf.sets


def _set(operation):
    def function(a, b, aminusb=True, validate_indices=True):
        if not aminusb and operation == "a-b":
            a, b = b, a
        if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
            return SparseTensor(*_apply("SparseToSparseSetOperation", [*_parts(a), *_parts(b)], {
                "set_operation": operation, "validate_indices": validate_indices}))
        if isinstance(b, SparseTensor):
            return SparseTensor(*_apply("DenseToSparseSetOperation", [a, *_parts(b)], {
                "set_operation": operation, "validate_indices": validate_indices}))
        return SparseTensor(*_apply("DenseToDenseSetOperation", [a, tensor(b, tensor(a).dtype)], {
            "set_operation": operation, "validate_indices": validate_indices}))

    return function


def _set_size(a, validate_indices=True):
    return _apply("SetSize", _parts(a), {"validate_indices": validate_indices})


BY_PATH = {"ragged.range": range_, "ragged.stack": stack, "sets.intersection": _set("intersection"),
           "sets.union": _set("union"), "sets.difference": _set("a-b"), "sets.size": _set_size,
           "ragged.boolean_mask": boolean_mask}
