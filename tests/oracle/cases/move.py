# SPDX-License-Identifier: Apache-2.0
"""move.py: ops that move values, with every dtype that a tensor can have, and what NumPy makes of the same arrays.

specs() yields (case, expected arrays). The run compares the cases that the reference kernels take with them; all of
them, also of dtypes and ranks that only unflow takes, are compared with NumPy's in tests/python/test_move_formulas.py.
"""

import dataclasses
import itertools
import re

import ml_dtypes
import numpy as np

from onenode import Node, Arg, const, i32, numbers, words

DIFFERS = {
    "TRANSPOSE": "All dtypes, a permutation of int64 too; a permutation that names a dimension twice is refused.",
    "REVERSE_V2": "Axes that are no neighbours are taken too, and all dtypes.",
    "SLICE": "A negative begin, with which the reference reads before its input, is refused.",
    "FILL": "Strings come out as the value, where the reference returns freed memory.",
    "ONE_HOT": "Indices of int64 are compared as such: the reference cuts them to 32 bits.",
    "RANGE": "Distances of integers beyond their type are counted right; float64, float16 and bfloat16 are taken too.",
    "REVERSE_SEQUENCE": "All dtypes. Every length must be from 0 to the extent: the reference looks at the first alone.",
    "BROADCAST_TO": "All dtypes, int4 and strings too: the reference copies int4 as if each had a byte of its own.",
    "CONCATENATION": "All dtypes; scalars need not be constants.",
    "ROLL": "A custom op that no resolver of TensorFlow's Python package has; compared with NumPy.",
}

SUB_BYTE = ["int4", "uint4", "int2"]
NUMBERS = ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
           "uint64", "bool", "complex64", "complex128"]
WHOLE = NUMBERS + ["string"]
ALL = WHOLE + SUB_BYTE
# Where the oracle is wrong or dies (an older library than LiteRT in the first two): compared with NumPy alone.
WRONG = re.compile(r"uint4|int2$|int2_dynamic|broadcast_to_(int4|bfloat16)|transpose_rank_0|transpose_rank_._int64|fill_string|"
                   r"range_int(32|64)_[01]|one_hot_beyond|reverse_v2_rank_0|offset_._dynamic")
# Neither engine can be fed these: they are constants of the file.
CONSTANT = set(SUB_BYTE) | {"bfloat16"}


def value(rng, t, shape):
    """A random array that stands for a tensor of dtype t."""
    if t == "string":
        return words(rng, shape)
    if t == "bfloat16":
        return rng.standard_normal(shape).astype(np.float32).astype(ml_dtypes.bfloat16)
    if t in SUB_BYTE:
        low, high = {"int4": (-8, 8), "uint4": (0, 16), "int2": (-2, 2)}[t]
        return np.asarray(rng.integers(low, high, shape), np.uint8 if t == "uint4" else np.int8)
    return numbers(rng, t, shape)


def arg(t, array, constant=False):
    return Arg(array, constant or t in CONSTANT, t)


def zero_of(t, array):
    return b"" if t == "string" else np.zeros((), array.dtype)[()]


class Maker:
    """Makes the spec of one op."""

    def __init__(self, op, options=None, version=1, prefix=""):
        self.node = Node(op, options, version, prefix)

    def __call__(self, name, inputs, t, expected, values=None, out=None, **more):
        """t: dtype of all outputs, in the file `out`."""
        expected = expected if isinstance(expected, list) else [expected]
        expected = [np.asarray(e) for e in expected]
        case = self.node.case(name, inputs, [out or t] * len(expected), values, **more)
        return dataclasses.replace(case, op=self.node.op), expected


def box(rng, shape):
    """A random part of a shape: begin, size."""
    begin = [int(rng.integers(0, n, endpoint=True)) for n in shape]
    return begin, [int(rng.integers(0, n - b, endpoint=True)) for n, b in zip(shape, begin)]


# ---- views ---------------------------------------------------------------------------------------------------------------

def views(rng):
    reshape, squeeze, expand = Maker("RESHAPE", "ReshapeOptions"), Maker("SQUEEZE", "SqueezeOptions"), Maker("EXPAND_DIMS", "ExpandDimsOptions")
    for t in ALL:
        x = value(rng, t, (3, 1, 5))
        yield reshape(t, [arg(t, x), i32(5, -1)], t, x.reshape(5, 3), {"newShape": [5, 3]})
        yield squeeze(t, [arg(t, x)], t, x.reshape(3, 5), {"squeezeDims": [1]})
        axis = int(rng.integers(-4, 4))
        yield expand(t, [arg(t, x), const(np.int32(axis))], t, np.expand_dims(x, axis))
        yield expand(f"{t}_dynamic", [arg(t, x), np.array([axis], np.int64)], t, np.expand_dims(x, axis))
    x = numbers(rng, "float32", (2, 1, 3))
    for rank in range(9):
        dims = (2,) * min(rank, 1) + (1,) * (rank - 2) + ((3,) if rank > 1 else ())
        y = x if rank > 1 else x.reshape(-1)[:2 ** rank]
        yield reshape(f"rank_{rank}", [y, i32(*dims)], "float32", y.reshape(dims), {"newShape": list(dims)})
        yield reshape(f"rank_{rank}_dynamic", [y, np.array(dims, np.int32)], "float32", y.reshape(dims))
        yield squeeze(f"rank_{rank}", [y.reshape(dims)], "float32", y.reshape(dims).squeeze(), {"squeezeDims": []})
    yield reshape("as_int32", [x, i32(6)], "int32", x.reshape(6).view(np.int32), {"newShape": [6]})
    yield squeeze("as_uint32", [x], "uint32", x.reshape(2, 3).view(np.uint32), {"squeezeDims": [1]})
    yield expand("other_dtype", [x, const(np.int32(0))], "float32", x[None], out="int32")


def shapes(rng):
    shape, rank = Maker("SHAPE", "ShapeOptions"), Maker("RANK", "RankOptions")
    for t in WHOLE:
        x = value(rng, t, (3, 1, 5))
        yield shape(t, [arg(t, x)], "int64", np.array(x.shape), {"outType": 4})
        yield rank(t, [arg(t, x)], "int32", np.int32(3))
    for n in range(9):
        x = np.zeros((2,) * n, np.float32)
        yield shape(f"rank_{n}", [x], "int32", np.full(n, 2, np.int32), {"outType": 2})
        yield rank(f"rank_{n}", [x], "int32", np.int32(n))
    yield shape("other_dtype", [np.zeros((0, 7), np.float32)], "int64", np.array([0, 7]), {"outType": 4}, out="int32")


# ---- order ---------------------------------------------------------------------------------------------------------------

def orders(rng):
    transpose, reverse = Maker("TRANSPOSE", "TransposeOptions"), Maker("REVERSE_V2", "ReverseV2Options")
    sequence, roll = Maker("REVERSE_SEQUENCE", "ReverseSequenceOptions"), Maker("ROLL", prefix="roll")
    for t in ALL:
        x = value(rng, t, (3, 5, 7))
        yield transpose(t, [arg(t, x), i32(2, 0, 1)], t, x.transpose(2, 0, 1))
        yield reverse(t, [arg(t, x), i32(1, -1)], t, x[:, ::-1, ::-1])
        n = rng.integers(0, 7, 3, endpoint=True)
        y = x.copy()
        for b in range(3):
            y[b, :, :n[b]] = x[b, :, :n[b]][:, ::-1]
        yield sequence(t, [arg(t, x), n.astype(np.int32)], t, y, {"seqDim": 2, "batchDim": 0})
        if t not in ("float16", "bfloat16"):
            yield roll(t, [arg(t, x), np.array([-2, 9], np.int32), i32(1, -1)], t, np.roll(x, (-2, 9), (1, 2)), custom=("Roll", b""))
    for rank in range(9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank))
        x, perm = numbers(rng, "int16", shape), [int(n) for n in rng.permutation(rank)]
        yield transpose(f"rank_{rank}", [x, i32(*perm)], "int16", x.transpose(perm))
        yield transpose(f"rank_{rank}_int64", [x, np.array(perm, np.int64).reshape(-1) - rank], "int16", x.transpose(perm))
        axes = sorted(int(n) for n in rng.permutation(rank)[:rank // 2 + 1])
        yield reverse(f"rank_{rank}", [x, i32(*axes)], "int16", np.flip(x, axes))
    x = numbers(rng, "float32", (4, 33, 17))
    for i, shift in enumerate([0, 1, -1, 17, 40, -1000000007]):
        yield roll(f"shift_{i}", [x, const(np.int64(shift)), const(np.int64(2))], "float32", np.roll(x, shift, 2), custom=("Roll", b""))
    yield roll("same_axis", [x, i32(3, 4), i32(1, 1)], "float32", np.roll(x, 7, 1), custom=("Roll", b""))
    yield roll("no_axis", [x, i32(), i32()], "float32", x, custom=("Roll", b""))
    yield roll("empty", [x[:0], i32(3, 1), i32(0, 1)], "float32", x[:0], custom=("Roll", b""))


# ---- side by side ----------------------------------------------------------------------------------------------------------

def pieces(rng):
    concat, pack, unpack = Maker("CONCATENATION", "ConcatenationOptions"), Maker("PACK", "PackOptions"), Maker("UNPACK", "UnpackOptions")
    split, split_v = Maker("SPLIT", "SplitOptions"), Maker("SPLIT_V", "SplitVOptions")
    for t in ALL:
        parts = [value(rng, t, (3, n, 3)) for n in (1, 5, 2, 0)]
        yield concat(t, [arg(t, p) for p in parts], t, np.concatenate(parts, 1), {"axis": 1})
        yield concat(f"{t}_last", [arg(t, p.reshape(3, -1)) for p in parts], t, np.concatenate([p.reshape(3, -1) for p in parts], 1),
                     {"axis": -1})
        yield concat(f"{t}_one", [arg(t, parts[1])], t, parts[1], {"axis": 0})
        parts = [value(rng, t, (3, 5)) for _ in range(3)]
        yield pack(t, [arg(t, p) for p in parts], t, np.stack(parts, 1), {"axis": 1, "valuesCount": 3})
        x = value(rng, t, (3, 5, 3))
        yield unpack(t, [arg(t, x)], t, [x[:, i] for i in range(5)], {"axis": -2, "num": 5})
        x = value(rng, t, (3, 9, 3))
        yield split(t, [const(np.int32(-2)), arg(t, x)], t, np.split(x, 3, 1), {"numSplits": 3})
        yield split_v(t, [arg(t, x), i32(1, -1, 3), const(np.int32(1))], t, np.split(x, (1, 6), 1), {"numSplits": 3})
    for rank in range(1, 9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank))
        axis = int(rng.integers(-rank, rank))
        parts = [numbers(rng, "int8", shape) for _ in range(3)]
        whole = np.concatenate(parts, axis)
        yield concat(f"rank_{rank}", parts, "int8", whole, {"axis": axis})
        yield split(f"rank_{rank}", [const(np.int32(axis)), whole], "int8", parts, {"numSplits": 3})
        yield split(f"rank_{rank}_dynamic", [np.int32(axis).reshape(()), whole], "int8", parts, {"numSplits": 3})
        sizes = [whole.shape[axis] - 1, 1]
        cut = np.split(whole, sizes[:1], axis)
        yield split_v(f"rank_{rank}", [whole, const(np.array(sizes, np.int64)), const(np.int32(axis))], "int8", cut, {"numSplits": 2})
        yield split_v(f"rank_{rank}_dynamic", [whole, np.array(sizes, np.int32), np.int32(axis).reshape(())], "int8", cut, {"numSplits": 2})
        yield unpack(f"rank_{rank}", [whole], "int8", [np.take(whole, i, axis) for i in range(whole.shape[axis])],
                     {"axis": axis, "num": whole.shape[axis]})
        if rank < 8:
            yield pack(f"rank_{rank}", parts, "int8", np.stack(parts, axis), {"axis": axis, "valuesCount": 3})
    x = numbers(rng, "float32", (2, 0, 3))
    yield concat("empty", [x, x], "float32", np.concatenate([x, x], 2), {"axis": 2})
    yield split("empty", [const(np.int32(1)), x], "float32", [x, x], {"numSplits": 2})
    yield split_v("empty_part", [numbers(rng, "float32", (2, 4)) * 0, i32(0, 4, 0), const(np.int32(1))], "float32",
                  [np.zeros((2, 0), np.float32), np.zeros((2, 4), np.float32), np.zeros((2, 0), np.float32)], {"numSplits": 3})
    y = numbers(rng, "float32", (2, 4))
    yield split("other_dtype", [const(np.int32(1)), y], "float32", np.split(y, 2, 1), {"numSplits": 2}, out="int32")
    yield split_v("other_dtype", [y, i32(1, 3), const(np.int32(1))], "float32", np.split(y, (1,), 1), {"numSplits": 2}, out="int32")
    yield concat("many", [y] * 40, "float32", np.concatenate([y] * 40, 0), {"axis": 0})


def requantized(q, scale, zero, out_scale, out_zero):
    """uint8 values of one quantization in another, in float32 as the reference kernels do."""
    factor = np.float32(scale) * (np.float32(1) / np.float32(out_scale))
    real = (q.astype(np.float32) * factor + np.float32(-zero) * factor).astype(np.float64)
    return np.clip(np.copysign(np.floor(np.abs(real) + 0.5), real) + out_zero, 0, 255).astype(np.uint8)


def requantize(rng):
    """CONCATENATION of uint8, the one that rescales: zero points at the ends, factors from tiny to huge."""
    concat = Maker("CONCATENATION", "ConcatenationOptions")
    every = np.arange(256, dtype=np.uint8)
    params = [(0.5, 0), (0.5, 255), (1e-4, 128), (300.0, 3), (0.013, 77), (1.0, 255)]
    for i, (scale, zero) in enumerate(params):
        inputs = [Arg(every, scale=s, zero=z) for s, z in params]
        wanted = [requantized(every, s, z, scale, zero) if (s, z) != (scale, zero) else every for s, z in params]
        yield concat(f"requantize_{i}", inputs, "uint8", np.concatenate(wanted), {"axis": 0}, quant=(scale, zero))
        columns = [Arg(every.reshape(-1, 1), scale=s, zero=z) for s, z in params]
        yield concat(f"requantize_{i}_columns", columns, "uint8", np.stack(wanted, 1), {"axis": -1}, quant=(scale, zero))


# ---- parts -----------------------------------------------------------------------------------------------------------------

def parts(rng):
    slice_, strided = Maker("SLICE", "SliceOptions"), Maker("STRIDED_SLICE", "StridedSliceOptions")
    update = Maker("DYNAMIC_UPDATE_SLICE", "DynamicUpdateSliceOptions")
    for t in ALL:
        x = value(rng, t, (3, 5, 7))
        yield slice_(t, [arg(t, x), i32(1, 0, 3), i32(2, 5, -1)], t, x[1:3, :, 3:])
        yield slice_(f"{t}_dynamic", [arg(t, x), np.array([0, 1, 1]), np.array([3, 3, 5])], t, x[:, 1:4, 1:6])
        yield strided(t, [arg(t, x), i32(2, 0, 1), i32(0, 5, 7), i32(-1, 2, 3)], t, x[2:0:-1, 0:5:2, 1:7:3], {})
        yield strided(f"{t}_shrink", [arg(t, x), i32(1, 0, -1), i32(2, 5, 0), i32(1, 1, 1)], t, x[1, :, -1], {"shrinkAxisMask": 5})
        u = value(rng, t, (2, 3, 5))
        y = x.copy()
        y[1:, 2:, 2:] = u
        yield update(t, [arg(t, x), arg(t, u), np.array([1, 9, 2], np.int32)], t, y)
        yield update(f"{t}_whole", [arg(t, x), arg(t, y), np.array([1, 2, 3])], t, y)
    for rank in range(1, 9):
        for i in range(3):
            shape = tuple(int(n) for n in rng.integers(1, 5, rank)) if rank < 6 else tuple(int(n) for n in rng.integers(1, 3, rank))
            x = numbers(rng, ("float32", "uint8", "int64")[i], shape)
            begin, size = box(rng, shape)
            cut = tuple(slice(b, b + n) for b, n in zip(begin, size))
            k = np.int32 if i else np.int64
            yield slice_(f"rank_{rank}_{i}", [x, const(np.array(begin, k)), const(np.array(size, k))], x.dtype.name, x[cut])
            yield strided(f"rank_{rank}_{i}", [x, i32(*begin), i32(*(b + n for b, n in zip(begin, size))), i32(*([1] * rank))],
                          x.dtype.name, x[cut], {})
            u, y = numbers(rng, x.dtype.name, size), x.copy()
            y[cut] = u
            yield update(f"rank_{rank}_{i}", [x, u, np.array(begin, k)], x.dtype.name, y)
    x = numbers(rng, "float32", (6, 7))
    for i, (begin, length, stride) in enumerate([((1, 2), (3, 4), (1, 1)), ((0, 0), (6, 7), (2, 3)), ((5, 6), (1, 1), (1, 1)),
                                                 ((2, 3), (2, 3), (1, 2))]):
        cut = tuple(slice(b, b + n, s) for b, n, s in zip(begin, length, stride))
        yield strided(f"offset_{i}", [x, i32(*begin), i32(*length), i32(*stride)], "float32", x[cut], {"offset": True})
        yield strided(f"offset_{i}_dynamic", [x, np.array(begin, np.int32), np.array(length, np.int32), i32(*stride)], "float32", x[cut],
                      {"offset": True})
    x3 = x.reshape(6, 7, 1)
    for i, begin in enumerate([(-7, 0, 0), (-100, 6, 0), (5, -7, -1), (-6, -100, 0)]):
        at = tuple(max(b + n, 0) if b < 0 else b for b, n in zip(begin, x3.shape))
        yield strided(f"index_{i}", [x3, i32(*begin), i32(0, 0, 0), i32(1, 2, 3)], "float32", x3[at], {"shrinkAxisMask": 7})
    yield update("scalar", [np.array(1, np.float32), np.array(2, np.float32), np.zeros(0, np.int32)], "float32", np.float32(2))
    yield update("empty", [x, x[:0], np.array([3, 0], np.int32)], "float32", x)
    yield update("extremes", [x, x[:2, :2], np.array([-2**63, 2**63 - 1])], "float32",
                 np.block([[x[:2, :5], x[:2, :2]], [x[2:]]]))
    yield update("other_dtype", [x, x[:1], np.array([3, 0], np.int32)], "float32", np.concatenate([x[:3], x[:1], x[4:]]), out="int32")


# ---- around ----------------------------------------------------------------------------------------------------------------

def pad_with(x, pads, fill):
    out = np.full([n + a + b for n, (a, b) in zip(x.shape, pads)], fill, x.dtype)
    out[tuple(slice(a, a + n) for n, (a, b) in zip(x.shape, pads))] = x
    return out


def around(rng):
    pad, padv2, mirror = Maker("PAD", "PadOptions"), Maker("PADV2", "PadV2Options"), Maker("MIRROR_PAD", "MirrorPadOptions")
    dilate = Maker("DILATE", "DilateOptions")
    pads = np.array([[1, 0], [0, 2], [3, 1]], np.int32)
    for t in WHOLE:
        x, v = value(rng, t, (3, 2, 5)), value(rng, t, ())
        yield pad(t, [arg(t, x), const(pads)], t, pad_with(x, pads, zero_of(t, x)))
        yield padv2(t, [arg(t, x), const(pads), arg(t, np.asarray(v))], t, pad_with(x, pads, np.asarray(v)[()]))
        for mode, how in enumerate(("reflect", "symmetric")):
            at = [np.pad(np.arange(n), p, how) for n, p in zip(x.shape, [[1, 0], [0, 1], [3, 1]])]
            yield mirror(f"{t}_{how}", [arg(t, x), const(np.array([[1, 0], [0, 1], [3, 1]], np.int32))], t, x[np.ix_(*at)], {"mode": mode})
        y = np.full((5, 2, 13), np.asarray(v)[()], x.dtype)
        y[::2, :, ::3] = x
        yield dilate(t, [arg(t, x), i32(2, 1, 3), arg(t, np.asarray(v))], t, y)
    for rank in range(9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank)) if rank < 6 else (1, 2, 1, 2, 1, 2, 1, 2)[:rank]
        p = rng.integers(0, 3, (rank, 2)) if rank < 6 else rng.integers(0, 2, (rank, 2))
        x = numbers(rng, "float32", shape)
        for k in ("int32", "int64", "int16", "int8", "bool"):
            q = p != 0 if k == "bool" else p
            yield pad(f"rank_{rank}_{k}", [x, const(q.astype(k))], "float32", pad_with(x, q.astype(int), 0))
        yield padv2(f"rank_{rank}", [x, p.astype(np.int32), np.float32(2.5).reshape(())], "float32", pad_with(x, p, 2.5))
        if rank:
            d = rng.integers(1, 4, rank) if rank < 6 else rng.integers(1, 3, rank)
            y = np.full([(n - 1) * m + 1 for n, m in zip(shape, d)], 7, np.float32)
            y[tuple(slice(None, None, int(m)) for m in d)] = x
            yield dilate(f"rank_{rank}", [x, const(d.astype(np.int32)), const(np.float32(7))], "float32", y)
            yield dilate(f"rank_{rank}_dynamic", [x, d.astype(np.int32), np.float32(7).reshape(1)], "float32", y)
    x = numbers(rng, "float32", (2, 3))
    some = np.array([[1, 0], [0, 2]], np.int32)
    yield padv2("no_value", [x, const(some)], "float32", pad_with(x, some, 0))
    yield padv2("omitted_value", [x, const(some), None], "float32", pad_with(x, some, 0))
    yield pad("with_value", [x, const(some), const(np.float32(4))], "float32", pad_with(x, some, 4))
    yield dilate("first_of_two", [x, i32(2, 1), const(np.array([7, 8], np.float32))], "float32",
                 np.stack([x[0], np.full(3, 7, np.float32), x[1]]))
    yield dilate("empty", [x[:, :0], i32(2, 3), const(np.float32(7))], "float32", np.zeros((3, 0), np.float32))
    for t, low, high in (("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767), ("int32", -5, 5)):
        for zero in (low, high):
            x = numbers(rng, t, (2, 3))
            fill = zero if t != "int32" else 0
            q = Arg(x, scale=0.5, zero=zero)
            yield pad(f"zero_point_{t}_{zero}", [q, const(some)], t, pad_with(x, some, fill), quant=(0.5, zero))
            yield pad(f"zero_point_{t}_{zero}_of_output", [x, const(some)], t, pad_with(x, some, zero if t == "uint8" else 0), quant=(0.5, zero))


# ---- more from less --------------------------------------------------------------------------------------------------------

def repeats(rng):
    tile, broadcast, fill = Maker("TILE", "TileOptions"), Maker("BROADCAST_TO", "BroadcastToOptions", 2), Maker("FILL", "FillOptions")
    for t in ALL:
        x = value(rng, t, (3, 1, 5))
        yield tile(t, [arg(t, x), i32(1, 3, 2)], t, np.tile(x, (1, 3, 2)))
        yield broadcast(t, [arg(t, x), i32(2, 3, 4, 5)], t, np.broadcast_to(x, (2, 3, 4, 5)))
        v = np.asarray(value(rng, t, ()))
        if t not in SUB_BYTE:
            yield fill(t, [i32(3, 5), arg(t, v)], t, np.full((3, 5), v[()], v.dtype))
            yield fill(f"{t}_dynamic", [np.array([17], np.int64), arg(t, v)], t, np.full(17, v[()], v.dtype))
            yield fill(f"{t}_constant", [i32(2, 3), arg(t, v, True)], t, np.full((2, 3), v[()], v.dtype))
    for rank in range(9):
        shape = tuple(int(n) for n in rng.integers(1, 4, rank)) if rank < 6 else (1, 2, 1, 1, 2, 1, 2, 1)[:rank]
        x, times = numbers(rng, "float32", shape), [int(n) for n in rng.integers(1, 3, rank)]
        yield tile(f"rank_{rank}", [x, const(np.array(times, np.int32))], "float32", np.tile(x, times) if rank else x)
        yield tile(f"rank_{rank}_int64", [x, np.array(times, np.int64)], "float32", np.tile(x, times) if rank else x)
        thin = x[tuple(slice(0, 1) if rng.random() < 0.5 else slice(None) for _ in shape)]
        yield broadcast(f"rank_{rank}", [thin, const(np.array(shape, np.int64))], "float32", np.broadcast_to(thin, shape))
        yield broadcast(f"rank_{rank}_dynamic", [thin, np.array(shape, np.int32)], "float32", np.broadcast_to(thin, shape))
        yield fill(f"rank_{rank}", [const(np.array(shape, np.int32)), np.float32(3).reshape(())], "float32", np.full(shape, 3, np.float32))
    yield fill("other_dtype", [i32(2), np.float32(3).reshape(())], "float32", np.full(2, 3, np.float32), out="int32")
    yield tile("strings_empty", [words(rng, (2, 2)), i32(0, 2)], "string", words(rng, (0, 4)))
    yield broadcast("zero", [numbers(rng, "float32", (1, 3)), i32(0, 3)], "float32", np.zeros((0, 3), np.float32))


def ranges(rng):
    make = Maker("RANGE", "RangeOptions")
    spans = {"int32": [(-2**31, 2**31 - 1, 2**31 - 1), (2**31 - 1, -2**31, -2**31), (5, 5, 3), (0, 1, 100), (7, -7, -5)],
             "int64": [(-2**63, 2**63 - 1, 2**62), (2**63 - 1, -2**63, -2**63), (2**40, 2**40 + 7, 2), (0, 0, -1), (7, -7, -5)],
             "float64": [(0, 1, 0.1), (1, -1, -0.25), (0, 0, 1)], "float16": [(0, 5, 0.5), (3, -3, -1)], "bfloat16": [(0, 4, 0.5)]}
    for t, rows in spans.items():
        for i, row in enumerate(rows):
            a, b, c = row
            n = -(-abs(b - a) // abs(c)) if t.startswith("int") else int(np.ceil(abs((b - a) / c)))
            dtype = ml_dtypes.bfloat16 if t == "bfloat16" else t
            expected = np.array([a + k * c for k in range(int(n))], dtype)
            yield make(f"{t}_{i}", [arg(t, np.array(v, dtype)) for v in row], t, expected)
            yield make(f"{t}_{i}_constant", [arg(t, np.array(v, dtype), True) for v in row], t, expected)
    yield make("other_dtype", [np.array(v, np.int32) for v in (0, 5, 2)], "int32", np.array([0, 2, 4], np.int32), out="float32")


def one_hot(rng):
    make = Maker("ONE_HOT", "OneHotOptions")
    at = np.array([[0, 3, 7], [-1, 2, 1]])
    for t in WHOLE:
        on, off = (np.asarray(value(rng, t, ())) for _ in range(2))
        for k in ("int32", "int64", "int8"):
            y = np.full((2, 4, 3), off[()], off.dtype)
            for i, j in itertools.product(range(2), range(3)):
                if 0 <= at[i, j] < 4:
                    y[i, at[i, j], j] = on[()]
            yield make(f"{t}_{k}", [at.astype(k), const(np.int32(4)), arg(t, on), arg(t, off)], t, y, {"axis": 1})
    large = np.array([2**32, 2**32 + 1, 1])
    yield make("beyond_int32", [large, const(np.int32(2)), const(np.float32(1)), const(np.float32(0))], "float32",
               np.array([[0, 0], [0, 0], [0, 1]], np.float32), {"axis": -1})
    yield make("other_dtype", [np.array([1], np.int32), const(np.int32(2)), const(np.float32(1)), const(np.float32(0))], "float32",
               np.array([[0, 1]], np.float32), {"axis": -1}, out="int8")
    for rank in range(8):
        indices = rng.integers(0, 3, (2,) * rank).astype(np.int32)
        for axis in {-1, 0, rank}:
            y = np.moveaxis(np.eye(3, dtype=np.float32)[indices], -1, axis)
            yield make(f"rank_{rank}_{axis}", [indices, np.array([3], np.int32), np.float32(1).reshape(()), np.float32(0).reshape(1)],
                       "float32", y, {"axis": axis})


# ---- blocks ----------------------------------------------------------------------------------------------------------------

def blocks(rng):
    deep, wide = Maker("SPACE_TO_DEPTH", "SpaceToDepthOptions"), Maker("DEPTH_TO_SPACE", "DepthToSpaceOptions")
    to_batch, to_space = Maker("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions"), Maker("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions")

    def deepen(x, b):
        n, h, w, c = x.shape
        return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)

    def batched(x, block, pads, fill):
        x = pad_with(x, [(0, 0)] + list(pads) + [(0, 0)] * (x.ndim - 1 - len(block)), fill)
        n = len(block)
        split = [x.shape[0]]
        for size, b in zip(x.shape[1:], block):
            split += [size // b, b]
        rest = x.shape[n + 1:]
        y = x.reshape(split + list(rest))
        order = [2 * i + 2 for i in range(n)] + [0] + [2 * i + 1 for i in range(n)] + list(range(2 * n + 1, y.ndim))
        return y.transpose(order).reshape([-1] + [size // b for size, b in zip(x.shape[1:], block)] + list(rest))

    for t in ALL:
        x = value(rng, t, (2, 4, 6, 3))
        yield deep(t, [arg(t, x)], t, deepen(x, 2), {"blockSize": 2}, shapes=[(2, 2, 3, 12)])
        yield wide(t, [arg(t, deepen(x, 2))], t, x, {"blockSize": 2}, shapes=[(2, 4, 6, 3)])
        if t in SUB_BYTE:
            continue
        y = batched(x, (2, 3), ((1, 1), (2, 1)), zero_of(t, x))
        yield to_batch(t, [arg(t, x), i32(2, 3), const(np.array([[1, 1], [2, 1]], np.int32))], t, y)
        yield to_space(t, [arg(t, y), i32(2, 3), const(np.array([[1, 1], [2, 1]], np.int32))], t, x)
    x = numbers(rng, "float32", (2, 3, 4, 5, 2))
    pads = ((1, 2), (0, 0), (3, 0))
    y = batched(x, (2, 2, 4), pads, 0)
    yield to_batch("three", [x, i32(2, 2, 4), const(np.array(pads, np.int32))], "float32", y)
    yield to_space("three", [y, i32(2, 2, 4), const(np.array(pads, np.int32))], "float32", x)
    for t, zero in (("int8", -128), ("uint8", 255), ("int16", 0), ("int32", 9)):
        x = numbers(rng, t, (1, 3, 2, 1))
        q = Arg(x, scale=0.5, zero=zero)
        yield to_batch(f"zero_point_{t}", [q, i32(2, 2), const(np.array([[1, 0], [0, 2]], np.int32))], t,
                       batched(x, (2, 2), ((1, 0), (0, 2)), zero if t != "int32" else 0), quant=(0.5, zero))


def specs(rng):
    for family in (views, shapes, orders, pieces, requantize, parts, around, repeats, ranges, one_hot, blocks):
        yield from family(rng)


def cases(rng):
    for case, _ in specs(rng):
        if not WRONG.search(case.name):
            yield case
