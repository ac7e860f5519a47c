# SPDX-License-Identifier: Apache-2.0
"""Evaluates eager_snippets.py with one of the libraries and prints what came out, as JSON.

    python eager_worker.py tensorflow|unflow
"""

import json
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same kernels on every processor
import eager_snippets  # noqa: E402


def example():
    """Two tf.train.Example messages, byte by byte."""
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    def feature(key, kind, content):
        return field(1, field(1, key) + field(2, field(kind, content)))

    ints = feature(b"a", 3, field(1, bytes([1, 2])))
    text = feature(b"b", 1, field(1, b"xy") + field(1, b"z"))
    return [field(1, ints + text), field(1, feature(b"a", 3, field(1, bytes([3, 4]))))]


def described(value, tf):
    """A value as JSON knows it: tensors with dtype, shape and elements."""
    if isinstance(value, tf.Tensor) or isinstance(value, tf.Variable):
        array = value.numpy() if value.dtype.name != "variant" else "variant"
        return ["tensor", value.dtype.name, list(value.shape), elements(np.asarray(array))]
    if hasattr(value, "dense_shape") and hasattr(value, "indices") and hasattr(value, "get_shape"):
        return ["sparse", *(described(p, tf) for p in (value.indices, value.values, value.dense_shape))]
    if hasattr(value, "row_splits"):
        return ["ragged", described(value.values, tf), described(value.row_splits, tf)]
    if isinstance(value, (np.ndarray, np.generic)):
        return ["array", str(value.dtype), list(value.shape), elements(np.asarray(value))]
    if isinstance(value, tf.TensorShape):
        return ["shape", repr(value)]
    if isinstance(value, dict):
        return ["dict", {str(k): described(v, tf) for k, v in value.items()}]
    if isinstance(value, (list, tuple)):
        return ["list", [described(v, tf) for v in value]]
    if value is None or isinstance(value, (bool, int, float, str)):
        return ["plain", value]
    if isinstance(value, bytes):
        return ["bytes", value.decode("latin-1")]
    return ["text", repr(value)]


def elements(array):
    if array.dtype.kind in "OSU":
        return [x.decode("latin-1") if isinstance(x, bytes) else str(x) for x in array.reshape(-1).tolist()]
    if array.dtype.kind == "c":
        return [[x.real, x.imag] for x in array.reshape(-1).tolist()]
    if array.dtype.kind in "iub":
        return array.reshape(-1).tolist()
    return array.reshape(-1).astype(np.float64).tolist()


def lines(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def main(library):
    tf = __import__(library)
    names = {"tf": tf, "np": np, "C": tf.constant, "V": tf.Variable, "EXAMPLE": example()}
    out = []
    for kind, text in (("value", eager_snippets.VALUES), ("text", eager_snippets.TEXTS),
                       ("error", eager_snippets.ERRORS)):
        for line in lines(text):
            names["X"] = tf.constant([[1, 2, 3], [4, 5, 6]])
            try:
                found = eval(line, dict(names))
                found = described(found, tf) if kind == "value" else ["text", repr(found), str(found)]
            except Exception as error:  # every one is a result
                message = str(error)
                found = ["error", type(error).__name__, message]
            out.append([kind, line, found])
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
