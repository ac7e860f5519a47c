# SPDX-License-Identifier: Apache-2.0
"""Tensors and summaries as messages."""
import numpy as np

from tf_case import Case, Chain, R


def cases(rng):
    for dtype in ("f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "i8", "u4", "u8"):
        for shape in ((), (3,), (2, 2), (0,)):
            values = rng.integers(0, 100, shape).astype(dtype)
            tags = np.array([b"tag%d" % i for i in range(values.size)] + [None], object)[:-1].reshape(shape)
            yield Case("ScalarSummary", [tags, values])
            yield Case("HistogramSummary", [np.array(b"h", object), (values * 37).astype(dtype) if dtype[0] != "f" else (values - 50) / 7.0])
    yield Case("ScalarSummary", [np.array(b"", object), np.array(0, "f4")])
    yield Case("ScalarSummary", [np.array([b"a", b"b"], object), np.array([1], "f4")])
    yield Case("ScalarSummary", [np.array(b"nan", object), np.array(np.nan, "f4")])
    for values in ([1e30, -1e30, 0, 1e-13, -1e-13], [0, 0, 0], [np.nan], [np.inf], list(rng.normal(size=500)), [1e-12, 1.1e-12, -1e-12], []):
        yield Case("HistogramSummary", [np.array(b"values", object), np.array(values, "f8")])
    yield Case("HistogramSummary", [np.array([b"a"], object), np.array([1], "f4")])
    tensors = [rng.normal(size=(2, 3)).astype("f4"), np.arange(4), np.array([b"a", b"", b"\xff" * 200], object), np.array(True), np.zeros((0, 2), "i4"),
               np.array(b"scalar", object), np.array([1 + 2j], "c8"), np.zeros((1, 1, 1), "u2"), np.array(5, "u8"), rng.normal(size=(300,)), np.zeros(2, "f2")]
    metadata = b"\x0a\x08\x0a\x06images\x12\x03abc"
    for t in tensors:
        yield Case("SerializeTensor", [t])
        yield Case("TensorSummaryV2", [np.array(b"tag", object), t, np.array(metadata, object)])
        yield Chain([("s", "SerializeTensor", [t]), ("t", "ParseTensor", [R("s")], {"out_type": "string" if t.dtype == object else t.dtype.name})], ["t"])
    yield Case("TensorSummaryV2", [np.array(b"", object), tensors[0], np.array(b"", object)])
    yield Chain([("s", "SerializeTensor", [tensors[0]]), ("t", "ParseTensor", [R("s")], {"out_type": "int32"})], ["t"])
    for bad in (b"", b"\xff", b"\x08\x03"):
        yield Case("ParseTensor", [np.array(bad, object)], {"out_type": "float32"})
    yield Case("ParseTensor", [np.array([b"a", b"b"], object)], {"out_type": "float32"})
    for i in range(10):
        steps, values = [], []
        for k in range(1 + i % 4):
            steps.append((f"s{k}", "ScalarSummary", [np.array(b"t%d" % (k if i != 7 else k % 2), object), np.array(k, "f4")]))
            values.append(R(f"s{k}"))
        yield Chain([*steps, ("m", "MergeSummary", [values])], ["m"])
    yield Case("MergeSummary", [[np.array(b"\xff\xff", object)]])
    yield Case("MergeSummary", [[np.array(b"", object), np.array(b"\n\x03\n\x01a", object)]])
