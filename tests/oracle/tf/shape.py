# SPDX-License-Identifier: Apache-2.0
"""Shapes, views, joining and cutting, movement; and the values that the other families of movement use."""
import ml_dtypes
import numpy as np

from tf_case import Case, Q

BF16 = ml_dtypes.bfloat16
INTS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
FLOATS = ["f2", BF16, "f4", "f8"]
NUMBERS = INTS + FLOATS + ["c8", "c16"]
PLAIN = NUMBERS + ["?", "S"]
QUANTIZED = ["qint8", "quint8", "qint32"]
ANY = PLAIN + QUANTIZED
HALVES = {"f2": (1e-2, 1e-2), BF16: (5e-2, 5e-2)}  # where values are added up in another order


def dims(rng, low=0, high=4, zero=0.1):
    """A shape: extents 1 to 5, one in ten 0."""
    return [0 if rng.random() < zero else int(rng.integers(1, 6)) for _ in range(int(rng.integers(low, high + 1)))]


def val(rng, dtype, shape, special=False):
    """Random values of a dtype; quantized ones as Q, strings as bytes."""
    shape = tuple(int(n) for n in shape)
    if isinstance(dtype, str) and dtype.startswith("q"):
        plain = {"qint8": "i1", "quint8": "u1", "qint32": "i4"}[dtype]
        return Q(val(rng, plain, shape), dtype)
    if dtype == "S":
        x = np.empty(shape, object)
        for i in np.ndindex(*shape):
            x[i] = bytes(rng.integers(97, 123, int(rng.integers(0, 4))).astype("u1"))
        return x
    kind = np.dtype(dtype)
    if kind == bool:
        return np.asarray(rng.random(shape) < 0.5)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        low, high = (info.min, info.max) if special else (max(info.min, -9), 10)
        return np.asarray(rng.integers(low, high, shape, dtype=kind, endpoint=special))
    if kind.kind == "c":
        return np.asarray(rng.normal(0, 2, shape) + 1j * rng.normal(0, 2, shape)).astype(kind)
    x = np.asarray(rng.normal(0, 3, shape)).astype(kind)
    if special and x.size:
        x = np.where(rng.random(shape) < 0.15, np.array(rng.choice([np.inf, -np.inf, np.nan, 0.0, -0.0])).astype(kind), x)
    return x


def pick(rng, values):
    return values[int(rng.integers(0, len(values)))]


def index(rng):
    return pick(rng, ["i4", "i8"])


def cases(rng):
    for dtype in ANY:
        x = val(rng, dtype, dims(rng))
        yield Case("Shape", [x], {"out_type": pick(rng, ["int32", "int64"])})
        yield Case("ShapeN", [[val(rng, dtype, dims(rng)) for _ in range(int(rng.integers(1, 4)))]])
        yield Case("Size", [x], {"out_type": pick(rng, ["int32", "int64"])})
        yield Case("Rank", [x])
        if dtype not in QUANTIZED:
            yield Case("DeepCopy", [x])
    for dtype in ANY:
        shape = dims(rng, 1)
        x, n = val(rng, dtype, shape), int(np.prod(shape))
        new = pick(rng, [[-1], [n], [1, n], [-1, 1] if n else [n, 1], shape[::-1], [1] + shape])
        yield Case("Reshape", [x, np.array(new, index(rng))])
        shape = [int(pick(rng, [1, 1, 3])) for _ in range(int(rng.integers(0, 5)))]
        ones = [i for i, k in enumerate(shape) if k == 1 and rng.random() < 0.7]
        yield Case("Squeeze", [val(rng, dtype, shape)], {"squeeze_dims": [i - len(shape) if rng.random() < 0.5 else i for i in ones]})
        rank = len(shape)
        yield Case("ExpandDims", [val(rng, dtype, shape), np.array(rng.integers(-rank - 1, rank + 1), index(rng))])
    x = np.ones((2, 3), "f4")
    for new in ([4], [-1, -1], [-2, 3], [-1, 4], [[6]], 6):
        yield Case("Reshape", [x, np.array(new, "i4")])
    yield Case("Reshape", [np.ones((0, 3), "f4"), np.array([-1, 0], "i4")])
    yield Case("Reshape", [np.ones((0, 3), "f4"), np.array([-1, 3], "i4")])
    yield Case("Reshape", [np.ones((0, 3), "f4"), np.array([0, -1], "i8")])
    yield Case("Squeeze", [x], {"squeeze_dims": [0]})
    yield Case("Squeeze", [x], {"squeeze_dims": [2]})
    yield Case("ExpandDims", [x, np.array(3, "i4")])
    yield Case("ExpandDims", [x, np.array(-4, "i4")])
    # joining, cutting
    for dtype in ANY:
        shape = dims(rng, 0, 3)
        rank = len(shape)
        n = int(rng.integers(1, 5))
        yield Case("Pack", [[val(rng, dtype, shape) for _ in range(n)]], {"axis": int(rng.integers(-rank - 1, rank + 1))})
        shape = dims(rng, 1, 4)
        rank = len(shape)
        axis = int(rng.integers(0, rank))
        if dtype not in QUANTIZED:
            yield Case("Unpack", [val(rng, dtype, shape)], {"num": shape[axis], "axis": axis - pick(rng, [0, rank])})
        parts = [val(rng, dtype, shape[:axis] + [int(rng.integers(0, 5))] + shape[axis + 1:]) for _ in range(n)]
        yield Case("ConcatV2", [parts + parts[-1:], np.array(axis - pick(rng, [0, rank]), index(rng))])
        yield Case("Concat", [np.array(axis, "i4"), parts + parts[:1]])
        pieces = int(rng.integers(1, 4))
        shape[axis] = pieces * int(rng.integers(0, 4))
        yield Case("Split", [np.array(axis - pick(rng, [0, rank]), "i4"), val(rng, dtype, shape)], {"num_split": pieces})
        sizes = [int(k) for k in rng.integers(0, 4, pieces)]
        shape[axis] = sum(sizes)
        if rng.random() < 0.5 and pieces > 1:
            sizes[int(rng.integers(0, pieces))] = -1
        if dtype not in QUANTIZED or dtype == "qint32":
            yield Case("SplitV", [val(rng, dtype, shape), np.array(sizes, index(rng)), np.array(axis - pick(rng, [0, rank]), "i4")],
                       {"num_split": pieces})
    yield Case("Pack", [[np.ones(2, "f4"), np.ones(3, "f4")]])
    yield Case("Pack", [[np.ones(2, "f4")]], {"axis": 2})
    yield Case("Unpack", [np.ones((2, 3), "f4")], {"num": 3, "axis": 0})
    yield Case("Unpack", [np.float32(1)], {"num": 1, "axis": 0})
    yield Case("ConcatV2", [[np.float32(1), np.float32(2)], np.array(0, "i4")])
    yield Case("ConcatV2", [[np.ones((2, 3), "f4"), np.ones((3, 3), "f4")], np.array(1, "i4")])
    yield Case("ConcatV2", [[np.ones((2, 3), "f4"), np.ones(3, "f4")], np.array(0, "i4")])
    yield Case("ConcatV2", [[np.ones((2, 3), "f4"), np.ones((2, 3), "f4")], np.array(2, "i4")])
    yield Case("Split", [np.array(0, "i4"), np.ones(5, "f4")], {"num_split": 2})
    yield Case("Split", [np.array(1, "i4"), np.ones(4, "f4")], {"num_split": 2})
    for sizes in ([2, 2], [-1, -1], [3, -2], [6, -1]):
        yield Case("SplitV", [np.ones(5, "f4"), np.array(sizes, "i4"), np.array(0, "i4")], {"num_split": 2})
    for dtype in ("i4", "i8") * 6:
        rank = int(rng.integers(1, 4))
        axis = int(rng.integers(0, rank))
        shapes = [np.array(rng.integers(0, 5, rank)) for _ in range(int(rng.integers(2, 5)))]
        for one in shapes[1:]:
            if rng.random() < 0.9:
                one[:] = np.where(np.arange(rank) == axis, one, shapes[0])
        yield Case("ConcatOffset", [np.array(axis - pick(rng, [0, rank]), "i4"), [s.astype("i4") for s in shapes]])
    # order
    for dtype in ANY + PLAIN:
        shape = dims(rng, 0, 6, 0.04)
        rank = len(shape)
        perm = np.array(rng.permutation(rank), index(rng))
        yield Case("Transpose", [val(rng, dtype, shape), perm])
        yield Case("ConjugateTranspose", [val(rng, dtype, shape), perm])
        shape = dims(rng, 1, 4)
        rank = len(shape)
        axes = [int(a) - rank * int(rng.integers(0, 2)) for a in rng.permutation(rank)[:int(rng.integers(0, rank + 1))]]
        if dtype not in QUANTIZED:
            yield Case("ReverseV2", [val(rng, dtype, shape), np.array(axes, index(rng))])
            yield Case("Reverse", [val(rng, dtype, [max(n, 1) for n in shape]), rng.random(rank) < 0.5])
            n = int(rng.integers(0, 4))
            axes = rng.integers(-rank, rank, n).astype(index(rng))
            yield Case("Roll", [val(rng, dtype, shape), rng.integers(-12, 12, n).astype(index(rng)), axes])
        shape = dims(rng, 2, 4, 0)
        rank = len(shape)
        seq, batch = (int(a) for a in rng.permutation(rank)[:2])
        if dtype not in QUANTIZED:
            yield Case("ReverseSequence", [val(rng, dtype, shape), rng.integers(0, shape[seq] + 1, shape[batch]).astype(index(rng))],
                       {"seq_dim": seq, "batch_dim": batch})
    x = np.ones((2, 3), "f4")
    for perm in ([0], [0, 0], [0, 2], [-1, 0]):
        yield Case("Transpose", [x, np.array(perm, "i4")])
    for axes in ([0, 0], [2], [-3], [0, -2]):
        yield Case("ReverseV2", [x, np.array(axes, "i4")])
    yield Case("Reverse", [x, np.array([True])])
    yield Case("Roll", [x, np.array([1], "i4"), np.array([2], "i4")])
    yield Case("Roll", [x, np.array([1, 2], "i4"), np.array([1], "i4")])
    yield Case("Roll", [x, np.array(1, "i4"), np.array(1, "i4")])
    yield Case("Roll", [np.float32(3), np.array(1, "i4"), np.array(0, "i4")])
    for lengths, attrs in (([1, 4], {"seq_dim": 1}), ([-1, 0], {"seq_dim": 1}), ([1], {"seq_dim": 1}), ([1, 1, 1], {"seq_dim": 0, "batch_dim": 1}),
                           ([1, 1], {"seq_dim": 0, "batch_dim": 0})):
        yield Case("ReverseSequence", [x, np.array(lengths, "i8")], attrs)
    # more out of less
    for dtype in ANY:
        shape = dims(rng, 0, 3)
        if dtype not in QUANTIZED:
            yield Case("Tile", [val(rng, dtype, shape), rng.integers(0, 4, len(shape)).astype(index(rng))])
            small = [pick(rng, [1, n]) for n in shape]
            small = small[int(rng.integers(0, len(small) + 1)):]
            yield Case("BroadcastTo", [val(rng, dtype, small), np.array(shape, index(rng))])
        yield Case("Fill", [np.array(dims(rng), index(rng)), val(rng, dtype, [])])
        if dtype not in QUANTIZED:
            shape = dims(rng, 0, 3)
            depth = int(rng.integers(0, 5))
            yield Case("OneHot", [rng.integers(-2, depth + 2, shape).astype(pick(rng, ["i4", "i8", "i1"])), np.array(depth, "i4"),
                                  val(rng, dtype, []), val(rng, dtype, [])], {"axis": int(rng.integers(-1, len(shape) + 1))})
        pad = rng.integers(0, 4, (len(shape), 2)).astype(index(rng))
        yield Case("Pad", [val(rng, dtype, shape), pad])
        yield Case("PadV2", [val(rng, dtype, shape), pad, val(rng, dtype, [])])
        shape = dims(rng, 1, 4, 0)
        mode = pick(rng, ["REFLECT", "SYMMETRIC"])
        most = [n - (mode == "REFLECT") for n in shape]
        pad = np.array([[rng.integers(0, m + 1), rng.integers(0, m + 1)] for m in most], index(rng)).reshape(-1, 2)
        yield Case("MirrorPad", [val(rng, dtype, shape), pad], {"mode": mode})
        if dtype in NUMBERS:
            padded = [n + int(a) + int(b) for n, (a, b) in zip(shape, pad)]
            yield Case("MirrorPadGrad", [val(rng, dtype, padded), pad], {"mode": mode}, tolerance=HALVES.get(dtype))
    x = np.ones((2, 3), "f4")
    yield Case("Tile", [x, np.array([1], "i4")])
    yield Case("Tile", [x, np.array([1, -1], "i4")])
    yield Case("BroadcastTo", [x, np.array([4, 3], "i4")])
    yield Case("BroadcastTo", [x, np.array([3], "i4")])
    yield Case("Fill", [np.array([2, -1], "i4"), np.float32(1)])
    yield Case("Fill", [np.array([[2]], "i4"), np.float32(1)])
    yield Case("Fill", [np.array([2], "i4"), np.ones(2, "f4")])
    yield Case("OneHot", [np.array([1]), np.array(-1, "i4"), np.float32(1), np.float32(0)])
    yield Case("OneHot", [np.array([1]), np.array(2, "i4"), np.float32(1), np.float32(0)], {"axis": 2})
    for pad in ([[1, 1]], [[1, 1], [-1, 0]], [[0, 0], [4, 0]]):
        yield Case("Pad", [x, np.array(pad, "i4")])
        yield Case("MirrorPad", [x, np.array(pad, "i4")], {"mode": "REFLECT"})
    for _ in range(14):
        a, b = dims(rng, 0, 4), dims(rng, 0, 4)
        b = [pick(rng, [1, a[-1 - i] if i < len(a) else n]) for i, n in enumerate(b)][::-1]
        kind = index(rng)
        yield Case("BroadcastArgs", [np.array(a, kind), np.array(b, kind)])
    yield Case("BroadcastArgs", [np.array([2, 3], "i4"), np.array([2], "i4")])
    for dtype in ("f4", "f8", "i4", "i8", "f2", BF16) * 4:
        start, delta = rng.integers(-9, 9), int(pick(rng, [-3, -2, -1, 1, 2, 5]))
        limit = start + delta * rng.integers(0, 20) + (rng.random() if dtype not in ("i4", "i8") else 0) * np.sign(delta)
        yield Case("Range", [np.array(v).astype(dtype) for v in (start, limit, delta * (1 if dtype in ("i4", "i8") else 0.3))], tolerance="exact")
        yield Case("LinSpace", [np.array(v).astype("f8" if dtype == "f8" else "f4") for v in rng.normal(0, 9, 2)]
                   + [np.array(rng.integers(1, 30), index(rng))])
    for bad in ((0, 5, 0), (0, 5, -1), (5, 0, 1)):
        yield Case("Range", [np.array(v, "i4") for v in bad])
        yield Case("Range", [np.array(v, "f4") for v in bad])
    yield Case("LinSpace", [np.float32(0), np.float32(1), np.array(0, "i4")])
    for n in (0, 1, 2, 7, 30) * 2:
        yield Case("InvertPermutation", [np.array(rng.permutation(n), index(rng))])
    for bad in ([0, 0], [0, 2], [-1, 0], [[0, 1]]):
        yield Case("InvertPermutation", [np.array(bad, "i4")])
    for dtype in ("float32", "float64", "int32", "string", "bool", "complex64", "int8", "float16", "bfloat16", "uint8"):
        yield Case("Empty", [np.array(dims(rng), "i4")], {"dtype": dtype, "init": True})
    # blocks
    for dtype in (NUMBERS + ["?", "S"]) * 2:
        block = int(rng.integers(2, 4))
        b, h, w, c = (int(n) for n in rng.integers(1, 4, 4))
        yield Case("SpaceToDepth", [val(rng, dtype, [b, h * block, w * block, c])], {"block_size": block})
        yield Case("DepthToSpace", [val(rng, dtype, [b, h, w, c * block * block])], {"block_size": block})
        pads = rng.integers(0, block + 1, (2, 2))
        size = [h * block, w * block]
        inner = [max(s - int(p.sum()), 0) for s, p in zip(size, pads)]
        pads[:, 1] = [s - i - p[0] if s >= p[0] else 0 for s, i, p in zip(size, inner, pads)]
        pads = np.maximum(pads, 0)
        yield Case("SpaceToBatch", [val(rng, dtype, [b, *inner, c]), pads.astype(index(rng))], {"block_size": block})
        yield Case("BatchToSpace", [val(rng, dtype, [b * block * block, h, w, c]), np.minimum(pads, 1).astype(index(rng))],
                   {"block_size": block})
        n = int(rng.integers(1, 4))
        blocks, small = rng.integers(1, 4, n), rng.integers(1, 4, n)
        crops = np.array([[rng.integers(0, 2), rng.integers(0, 2)] for _ in range(n)])
        rest = [int(k) for k in rng.integers(1, 4, int(rng.integers(0, 3)))]
        yield Case("BatchToSpaceND", [val(rng, dtype, [b * int(np.prod(blocks)), *small, *rest]), blocks.astype(index(rng)),
                                      crops.astype(index(rng))])
        outer = [int(max(s * k - cr.sum(), 0)) for s, k, cr in zip(small, blocks, crops)]
        yield Case("SpaceToBatchND", [val(rng, dtype, [b, *outer, *rest]), blocks.astype(index(rng)), crops.astype(index(rng))])
    yield Case("SpaceToDepth", [np.ones((1, 3, 4, 1), "f4")], {"block_size": 2})
    yield Case("DepthToSpace", [np.ones((1, 3, 4, 3), "f4")], {"block_size": 2})
    yield Case("SpaceToBatchND", [np.ones((1, 3, 4, 1), "f4"), np.array([2, 2], "i4"), np.zeros((2, 2), "i4")])
    yield Case("BatchToSpaceND", [np.ones((3, 3, 4, 1), "f4"), np.array([2, 2], "i4"), np.zeros((2, 2), "i4")])
    yield Case("BatchToSpaceND", [np.ones((4, 1, 1, 1), "f4"), np.array([2, 2], "i4"), np.full((2, 2), 3, "i4")])
    for dtype in [d for d in NUMBERS if d not in ("c8", "c16")] * 2:
        k, s, r = ([1, *(int(n) for n in rng.integers(1, 4, 2)), 1] for _ in range(3))
        yield Case("ExtractImagePatches", [val(rng, dtype, [2, *(int(n) for n in rng.integers(5, 9, 2)), int(rng.integers(1, 4))])],
                   {"ksizes": k, "strides": s, "rates": r, "padding": pick(rng, ["SAME", "VALID"])})
