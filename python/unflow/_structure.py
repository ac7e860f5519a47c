# SPDX-License-Identifier: Apache-2.0
"""StructuredValue messages of SavedModels (signatures of functions) as plain values with specs."""

from __future__ import annotations

from collections import namedtuple

from ._dtypes import as_dtype
from ._nodes import make_ndarray, shape_of
from ._specs import RaggedTensorSpec, SparseTensorSpec, TensorSpec, TypeSpec


class UnknownSpec(TypeSpec):
    """The spec of a kind of value that unflow does not have."""

    def __init__(self, name, components=1):
        self.name, self.components = name, components

    def __repr__(self):
        return f"{self.name}(...)"


def _type_spec(proto):
    cls = type(proto)
    kind = proto.type_spec_class
    state = plain(proto.type_state) if proto.HasField("type_state") else ()
    if kind == cls.SPARSE_TENSOR_SPEC:
        return SparseTensorSpec(*state)
    if kind == cls.RAGGED_TENSOR_SPEC:
        shape, dtype, rank, splits = state[:4]
        return RaggedTensorSpec(shape, dtype, rank, splits)
    return UnknownSpec(proto.type_spec_class_name or cls.TypeSpecClass.Name(kind),
                       proto.num_flat_components or 1)


def plain(proto):
    """The value that a StructuredValue stands for."""
    which = proto.WhichOneof("kind")
    if which in (None, "none_value"):
        return None
    value = getattr(proto, which)
    if which == "tensor_shape_value":
        return shape_of(value)
    if which == "tensor_dtype_value":
        return as_dtype(value)
    if which in ("tensor_spec_value", "bounded_tensor_spec_value"):
        return TensorSpec(shape_of(value.shape), as_dtype(value.dtype), value.name or None)
    if which == "type_spec_value":
        return _type_spec(value)
    if which == "list_value":
        return [plain(v) for v in value.values]
    if which == "tuple_value":
        return tuple(plain(v) for v in value.values)
    if which == "dict_value":
        return {key: plain(value.fields[key]) for key in sorted(value.fields)}
    if which == "named_tuple_value":
        pairs = [(p.key, plain(p.value)) for p in value.values]
        return namedtuple(value.name, [k for k, _ in pairs])(*(v for _, v in pairs))
    if which in ("tensor_value", "numpy_value"):
        return make_ndarray(value)
    return value
