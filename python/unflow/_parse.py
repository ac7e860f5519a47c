# SPDX-License-Identifier: Apache-2.0
"""tf.io.parse_example and its features."""

from __future__ import annotations

import collections

import numpy as np

from . import _ops
from ._dtypes import as_dtype
from ._functions import tensor

_apply = _ops.apply


class FixedLenFeature(collections.namedtuple("FixedLenFeature", "shape dtype default_value")):
    def __new__(cls, shape, dtype, default_value=None):
        return super().__new__(cls, shape, as_dtype(dtype), default_value)


class VarLenFeature(collections.namedtuple("VarLenFeature", "dtype")):
    def __new__(cls, dtype):
        return super().__new__(cls, as_dtype(dtype))


class FixedLenSequenceFeature(collections.namedtuple("FixedLenSequenceFeature",
                                                     "shape dtype allow_missing default_value")):
    def __new__(cls, shape, dtype, allow_missing=False, default_value=None):
        return super().__new__(cls, shape, as_dtype(dtype), allow_missing, default_value)


class SparseFeature(collections.namedtuple("SparseFeature", "index_key value_key dtype size already_sorted")):
    def __new__(cls, index_key, value_key, dtype, size, already_sorted=False):
        return super().__new__(cls, index_key, value_key, as_dtype(dtype), size, already_sorted)


class RaggedFeature(collections.namedtuple("RaggedFeature", "dtype value_key partitions row_splits_dtype validate")):
    def __new__(cls, dtype, value_key=None, partitions=(), row_splits_dtype="int32", validate=False):
        if partitions:
            raise NotImplementedError("unflow parses RaggedFeature without partitions only")
        return super().__new__(cls, as_dtype(dtype), value_key, partitions, as_dtype(row_splits_dtype), validate)


def _zero(dtype):
    return "" if dtype.name == "string" else 0


def parse_example(serialized, features, example_names=None, name=None):
    """The features of serialized tf.train.Example messages, a dict of tensors."""
    from ._composite import RaggedTensor, SparseTensor

    if not features:
        raise ValueError(f"Argument `features` cannot be None or falsy. Got {features}")
    serialized = tensor(serialized, "string")
    sparse, dense, ragged = [], [], []
    for key in sorted(features):
        kind = features[key]
        (sparse if isinstance(kind, VarLenFeature) else ragged if isinstance(kind, RaggedFeature) else
         dense).append(key)
        if isinstance(kind, SparseFeature):
            raise NotImplementedError("unflow parses FixedLen, FixedLenSequence, VarLen and Ragged features")
    defaults, shapes = [], []
    for key in dense:
        feature = features[key]
        shape = [feature.shape] if isinstance(feature.shape, int) else list(feature.shape)
        if isinstance(feature, FixedLenSequenceFeature):
            shapes.append([None, *shape])
            defaults.append(tensor(_zero(feature.dtype) if feature.default_value is None else feature.default_value,
                                   feature.dtype))
        elif feature.default_value is None:
            shapes.append(shape)
            defaults.append(tensor(np.zeros(0, object if feature.dtype.name == "string" else
                                            feature.dtype.as_numpy_dtype), feature.dtype))
        else:
            shapes.append(shape)
            default = tensor(feature.default_value, feature.dtype)
            defaults.append(_apply("BroadcastTo", [default, np.array(shape, np.int32)])
                            if default.shape.rank == 0 and shape else _apply("Reshape", [default, np.array(shape, np.int32)]))
    texts = lambda keys: tensor(np.array(list(keys), object))  # noqa: E731
    empty = tensor(np.zeros(0, object), "string")
    out = _apply("ParseExampleV2", [serialized, empty, texts(sparse) if sparse else empty,
                                    texts(dense) if dense else empty,
                                    texts(features[k].value_key or k for k in ragged) if ragged else empty,
                                    defaults], {
        "num_sparse": len(sparse), "sparse_types": [features[k].dtype for k in sparse],
        "ragged_value_types": [features[k].dtype for k in ragged],
        "ragged_split_types": [features[k].row_splits_dtype for k in ragged], "dense_shapes": shapes,
        "Tdense": [features[k].dtype for k in dense]}, name)
    n, found, at = len(sparse), {}, 3 * len(sparse) + len(dense)
    for i, key in enumerate(sparse):
        found[key] = SparseTensor(out[i], out[n + i], out[2 * n + i])
    for i, key in enumerate(dense):
        found[key] = out[3 * n + i]
    for i, key in enumerate(ragged):
        values, splits = out[at + i], out[at + len(ragged) + i]
        found[key] = RaggedTensor(values, splits) if serialized.shape.rank else values
    return {key: found[key] for key in features}


def parse_single_example(serialized, features, example_names=None, name=None):
    """The features of one serialized tf.train.Example message."""
    return parse_example(tensor(serialized, "string"), features)
