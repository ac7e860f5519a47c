# SPDX-License-Identifier: Apache-2.0
"""tf.TensorSpec, tf.IndexedSlices and what else describes tensors."""

from __future__ import annotations

from . import _core, _ops
from ._dtypes import TensorShape, as_dtype


class TypeSpec:
    """What a function takes."""

    def __ne__(self, other):
        return not self == other


class TensorSpec(TypeSpec):
    """Shape and dtype (and a name) of a tensor to be."""

    __slots__ = ("shape", "dtype", "name")

    def __init__(self, shape, dtype="float32", name=None):
        self.shape, self.dtype, self.name = TensorShape(shape), as_dtype(dtype), name

    @classmethod
    def from_spec(cls, spec, name=None):
        return cls(spec.shape, spec.dtype, name or spec.name)

    @classmethod
    def from_tensor(cls, tensor, name=None):
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, other):
        other = other if isinstance(other, (TensorSpec, _core.Operand)) else _ops.convert(other)
        return self.dtype == other.dtype and self.shape.is_compatible_with(other.shape)

    def is_subtype_of(self, other):
        return isinstance(other, TensorSpec) and self.dtype == other.dtype and (
            self.shape.is_subtype_of(other.shape))

    def most_specific_compatible_type(self, other):
        return TensorSpec(self.shape.most_specific_compatible_shape(other.shape), self.dtype, self.name)

    def __eq__(self, other):
        return isinstance(other, TensorSpec) and (self.shape, self.dtype, self.name) == (
            other.shape, other.dtype, other.name)

    def __hash__(self):
        return hash((self.shape, self.dtype))

    def __reduce__(self):
        return TensorSpec, (self.shape, self.dtype, self.name)

    def __repr__(self):
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


class SparseTensorSpec(TypeSpec):
    """Shape and dtype of a SparseTensor."""

    def __init__(self, shape=None, dtype="float32"):
        self.shape, self.dtype = TensorShape(shape), as_dtype(dtype)

    def __eq__(self, other):
        return type(other) is SparseTensorSpec and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self):
        return hash((self.shape, self.dtype))

    def __repr__(self):
        return f"SparseTensorSpec({self.shape!r}, {self.dtype!r})"


class RaggedTensorSpec(TypeSpec):
    """Shape and dtype of a RaggedTensor."""

    def __init__(self, shape=None, dtype="float32", ragged_rank=None, row_splits_dtype="int64",
                 flat_values_spec=None):
        self.shape, self.dtype = TensorShape(shape), as_dtype(dtype)
        self.row_splits_dtype = as_dtype(row_splits_dtype)
        self.ragged_rank = self.shape.rank - 1 if ragged_rank is None else ragged_rank

    def __eq__(self, other):
        return type(other) is RaggedTensorSpec and repr(self) == repr(other)

    def __hash__(self):
        return hash(repr(self))

    def __repr__(self):
        return (f"RaggedTensorSpec({self.shape!r}, {self.dtype!r}, {self.ragged_rank}, "
                f"{self.row_splits_dtype!r})")


class IndexedSlices:
    """Some rows of a tensor: values and at which indices they stand."""

    def __init__(self, values, indices, dense_shape=None):
        self.values, self.indices, self.dense_shape = values, indices, dense_shape

    dtype = property(lambda self: self.values.dtype)
    device = property(lambda self: self.values.device)
    name = property(lambda self: self.values.name)

    @property
    def shape(self):
        from ._functions import get_static_value

        found = None if self.dense_shape is None else get_static_value(self.dense_shape)
        return TensorShape(None if found is None else found.tolist())

    def _as_tensor(self, dtype=None, name=None):
        if self.dense_shape is None:
            raise ValueError("Tensor conversion requested for IndexedSlices for argument without "
                             "`dense_shape`.")
        return _ops.apply("UnsortedSegmentSum", [self.values, self.indices, self.dense_shape[0]])

    def __neg__(self):
        return IndexedSlices(-self.values, self.indices, self.dense_shape)

    def __str__(self):
        tail = "" if self.dense_shape is None else f", dense_shape={self.dense_shape!s}"
        return f"IndexedSlices(indices={self.indices!s}, values={self.values!s}{tail})"


def type_spec_from_value(value):
    """The spec of a value."""
    if hasattr(value, "_type_spec"):
        return value._type_spec
    return TensorSpec.from_tensor(value if isinstance(value, _core.Operand) else _ops.convert(value))
