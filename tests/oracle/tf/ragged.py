# SPDX-License-Identifier: Apache-2.0
"""ragged.py: ragged tensors as nested row splits and flat values."""

import numpy as np
from tf_case import Case, Chain, R

from variable import values

ANY = ["float32", "float64", "int8", "int32", "int64", "bool", "string", "uint8"]


def splits(rng, rows, kind="int64"):
    return np.concatenate([[0], np.cumsum(rng.integers(0, 4, rows))]).astype(kind)


def nested(rng, levels, kind="int64"):
    out, rows = [], int(rng.integers(1, 6))
    for _ in range(levels):
        out.append(splits(rng, rows, kind))
        rows = int(out[-1][-1])
    return out, rows


def variants(rng):
    for n, dtype in enumerate(ANY * 3):
        kind = ["int32", "int64"][n % 2]
        levels = n % 4
        s, rows = nested(rng, levels, kind)
        v = values(rng, dtype, (rows,) + [(), (2,)][n % 2])
        for batched in (False, True):
            out = levels if not batched or levels else 1
            names = [f"s{k}" for k in range(out)] + ["x"]
            encode = ("v", "RaggedTensorToVariant", [s, v], {"batched_input": batched, "Tsplits": kind, "RAGGED_RANK": levels})
            decode = (names, "RaggedTensorFromVariant", [R("v")], {"input_ragged_rank": -1 if n % 3 else out - batched, "output_ragged_rank": out,
                                                                "Tvalues": dtype, "Tsplits": kind})
            if not (batched and levels == 0):
                yield Chain([encode, decode], names)
    f = "float32"
    yield Chain([("v", "RaggedTensorToVariant", [[np.array([0, 2])], values(rng, f, (2,))], {"batched_input": True, "RAGGED_RANK": 1}),
                 (["a", "b", "x"], "RaggedTensorFromVariant", [R("v")], {"input_ragged_rank": 1, "output_ragged_rank": 2, "Tvalues": f})], ["x"])
    yield Case("RaggedTensorToVariant", [[np.array([0, 3])], values(rng, f, (2,))], {"batched_input": True, "RAGGED_RANK": 1})


def cases(rng):
    yield from variants(rng)
    for n, dtype in enumerate(["int32", "int64", "float32", "float64"] * 5):
        rows = int(rng.integers(0, 5))
        shape = [(rows,) if rng.integers(3) else () for _ in range(3)]
        start, limit = values(rng, dtype, shape[0]), values(rng, dtype, shape[1])
        delta = values(rng, dtype, shape[2], True)
        delta = np.where(np.abs(delta) < 0.5, delta.dtype.type(1), delta).astype(delta.dtype)
        yield Case("RaggedRange", [start, limit, delta], {"Tsplits": ["int32", "int64"][n % 2]})
    yield Case("RaggedRange", [np.array([1, 2], "int32"), np.array(5, "int32"), np.array(0, "int32")])
    yield Case("RaggedRange", [np.array([1, 2], "int32"), np.array([5], "int32"), np.array(1, "int32")])
    for n, dtype in enumerate(ANY * 3):
        kind = ["int32", "int64"][n % 2]
        s, rows = nested(rng, 1 + n % 3, kind)
        v = values(rng, dtype, (rows,) + [(), (2,), (0,), (2, 2)][n % 4])
        yield Case("RaggedTensorToSparse", [s, v])
        indices = rng.integers(0, len(s[0]) - 1, [(3,), (0,), (2, 2), (1,)][n % 4]).astype(["int32", "int64"][n // 2 % 2])
        yield Case("RaggedGather", [s, v, indices], {"OUTPUT_RAGGED_RANK": len(s) + indices.ndim - 1})
        default = values(rng, dtype, [(), v.shape[1:]][n % 2])
        full = np.array(-1, "int64") if n % 3 == 0 else np.array([-1] * (len(s) + v.ndim), "int64")
        types = ["ROW_SPLITS"] * len(s)
        yield Case("RaggedTensorToTensor", [full, v, default, s], {"row_partition_types": types})
        if n % 3 and v.ndim == 1:
            size = rng.integers(0, 4, len(s) + 1)
            yield Case("RaggedTensorToTensor", [size.astype("int64"), v, default, s], {"row_partition_types": types})
        ids = [np.array(len(s[0]) - 1, kind)] + [np.repeat(np.arange(len(x) - 1), np.diff(x)).astype(kind) for x in s]
        yield Case("RaggedTensorToTensor", [full, v, default, ids], {"row_partition_types": ["FIRST_DIM_SIZE"] + ["VALUE_ROWIDS"] * len(s)})
        rowids = np.sort(rng.integers(0, 6, 5)).astype("int64")
        yield Case("RaggedFillEmptyRows", [rowids, values(rng, dtype, (5,)), np.array(7, "int64"), values(rng, dtype, ())])
    f = "float32"
    yield Case("RaggedTensorToSparse", [[np.array([0, 2, 1])], values(rng, f, (1,))])
    yield Case("RaggedTensorToSparse", [[np.array([1, 2])], values(rng, f, (2,))])
    yield Case("RaggedTensorToSparse", [[np.array([0, 3])], values(rng, f, (2,))])
    yield Case("RaggedGather", [[np.array([0, 2])], values(rng, f, (2,)), np.array([1])], {"OUTPUT_RAGGED_RANK": 1})
    yield Case("RaggedGather", [[np.array([0, 2])], values(rng, f, (2,)), np.array([-1])], {"OUTPUT_RAGGED_RANK": 1})
