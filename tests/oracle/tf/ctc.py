# SPDX-License-Identifier: Apache-2.0
"""Decoders and loss of connectionist temporal classification; edit distance."""
import numpy as np

from tf_case import Case


def sparse(rng, rows, top, empty=True, dtype="i4"):
    """Random labels of a batch: indices, values, shape."""
    lengths = rng.integers(0 if empty else 1, 6, rows)
    indices = np.array([[b, t] for b in range(rows) for t in range(lengths[b])], "i8").reshape(-1, 2)
    values = rng.integers(0, top, len(indices)).astype(dtype)
    return indices, values, np.array([rows, max(lengths, default=0)], "i8")


def cases(rng):
    for i in range(16):
        t, b, c = int(rng.integers(1, 9)), int(rng.integers(1, 4)), int(rng.integers(2, 7))
        dtype = ["f4", "f8"][i % 2]
        x, n = rng.normal(0, 2, (t, b, c)).astype(dtype), rng.integers(0, t + 1, b).astype("i4")
        merge = {"merge_repeated": bool(rng.integers(2))}
        yield Case("CTCGreedyDecoder", [x, n], {**merge, "blank_index": int(rng.integers(-c, c))})
        n = np.maximum(n, min(3, t))
        width = int(rng.integers(1, 12))
        yield Case("CTCBeamSearchDecoder", [x, n], {**merge, "beam_width": width, "top_paths": 1}, (1e-4, 1e-5))
        yield Case("CTCBeamSearchDecoder", [x, n], {**merge, "beam_width": 20, "top_paths": min(3, c)}, (1e-4, 1e-5))
        yield Case("CTCBeamSearchDecoder", [x, n], {**merge, "beam_width": 100, "top_paths": min(2, c)}, (1e-4, 1e-5))
    for i in range(24):
        t, b, c = int(rng.integers(6, 13)), int(rng.integers(1, 4)), int(rng.integers(3, 7))
        x = rng.normal(0, 2, (t, b, c)).astype(["f4", "f8"][i % 2])
        indices, values, _ = sparse(rng, b, c - 1, empty=False)
        n = rng.integers(5, t + 1, b).astype("i4")
        yield Case("CTCLoss", [x, indices, values, n],
                   {"preprocess_collapse_repeated": bool(rng.integers(2)), "ctc_merge_repeated": bool(rng.integers(2)),
                    "ignore_longer_outputs_than_inputs": bool(rng.integers(2))}, (1e-4, 1e-4))
    x, n = np.zeros((3, 1, 3), "f4"), np.array([3], "i4")
    labels = [np.array([[0, 0], [0, 1], [0, 2], [0, 3]], "i8"), np.zeros(4, "i4")]
    yield Case("CTCLoss", [x, *labels, n])
    yield Case("CTCLoss", [x, *labels, n], {"ignore_longer_outputs_than_inputs": True})
    yield Case("CTCLoss", [x, labels[0][:2], np.zeros(2, "i4"), n])
    yield Case("CTCLoss", [x, labels[0][:2], np.array([2, 0], "i4"), n])
    yield Case("CTCLoss", [x, labels[0][:2], np.array([-1, 0], "i4"), n])
    yield Case("CTCLoss", [x, labels[0][:0], np.zeros(0, "i4"), n])
    yield Case("CTCLoss", [x, labels[0][:2], np.zeros(2, "i4"), n + 1])
    yield Case("CTCGreedyDecoder", [x, n + 1])
    yield Case("CTCGreedyDecoder", [x, np.array([1, 1], "i4")])
    yield Case("CTCGreedyDecoder", [x, n], {"blank_index": 3})
    yield Case("CTCBeamSearchDecoder", [x, n], {"beam_width": 2, "top_paths": 3})
    for i in range(14):
        rows = int(rng.integers(1, 6))
        dtype = ["i4", "i8", "f4", "u1"][i % 4]
        h, t = sparse(rng, rows, 4, dtype=dtype), sparse(rng, int(rng.integers(1, 6)), 4, dtype=dtype)
        for normalize in (True, False):
            yield Case("EditDistance", [*h, *t], {"normalize": normalize})
    words = np.array([b"a", b"bc", b"a", b"x"], object)
    three = [np.array([[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]], "i8"), words, np.array([2, 2, 2], "i8")]
    yield Case("EditDistance", [*three, three[0], words[::-1].copy(), three[2]])
    yield Case("EditDistance", [h[0] + 9, *h[1:], *t])
