# SPDX-License-Identifier: Apache-2.0
"""shape.py: ops that move data without looking at it."""

import itertools

import numpy as np

from onenode import Node, Arg, const, i32, numbers, quant, words

# The element sizes, each by at least one dtype.
TYPES = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16"]
TRANSPOSED = TYPES[:-1]  # what TRANSPOSE takes


def shape_of(rng, rank, low=1, high=5):
    return tuple(int(n) for n in rng.integers(low, high, rank, endpoint=True))


# ---- views and shapes ------------------------------------------------------------------------------------------------

def reshape(rng):
    node = Node("RESHAPE", "ReshapeOptions")
    plans = [((2, 3, 4), (6, 4)), ((2, 3, 4), (-1,)), ((2, 3, 4), (4, -1, 2)), ((24,), (2, 3, 4)), ((1,), ()), ((), (1, 1)),
             ((0, 3), (3, -1)), ((0, 3), (0, 7)), ((0, 3), (-1, 3)), ((2, 0, 5), (-1, 0)), ((1, 2, 3, 4, 5), (5, 4, 3, 2, 1))]
    for i, (a, b) in enumerate(plans):
        x = numbers(rng, "float32", a)
        yield node.case(f"input_{i}", [x, i32(*b)], ["float32"], {"newShape": list(b)})
        yield node.case(f"options_{i}", [x], ["float32"], {"newShape": list(b)})
    for t in TYPES + ["complex64"]:
        yield node.case(f"type_{t}", [numbers(rng, t, (2, 6)), i32(3, 4)], [t])
    yield node.case("old_scalar", [numbers(rng, "float32", (1,))], ["float32"], {"newShape": [0]})
    yield node.case("dynamic", [numbers(rng, "float32", (2, 6)), np.array([4, -1], np.int32)], ["float32"])
    yield node.case("shape_scalar", [numbers(rng, "float32", (2, 6)), const(np.int32(12))], ["float32"], {"newShape": [12]})
    yield node.case("string", [words(rng, (2, 3)), i32(3, 2)], ["string"], {"newShape": [3, 2]})


def views(rng):
    node = Node("SQUEEZE", "SqueezeOptions")
    for i, (shape, dims) in enumerate([((1, 2, 1, 3), []), ((1, 2, 1, 3), [0]), ((1, 2, 1, 3), [-2]), ((1, 2, 1, 3), [0, 2]),
                                       ((1, 1), []), ((1,), [0]), ((), []), ((1, 0, 1), [2]), ((1, 2, 1), [0, 0])]):
        yield node.case(f"{i}", [numbers(rng, "float32", shape)], ["float32"], {"squeezeDims": dims})
    yield node.case("int8", [quant(numbers(rng, "int8", (1, 4)), 0.5, 3)], ["int8"], {"squeezeDims": []}, quant=(0.5, 3))
    node = Node("EXPAND_DIMS", "ExpandDimsOptions")
    for shape in [(), (3,), (2, 3), (2, 3, 4)]:
        for axis in range(-len(shape) - 1, len(shape) + 1):
            yield node.case(f"{len(shape)}_{axis}", [numbers(rng, "float32", shape), const(np.int32(axis))], ["float32"])
    yield node.case("dynamic", [numbers(rng, "int32", (2, 3)), np.array([1], np.int32)], ["int32"])
    yield node.case("int64_axis", [numbers(rng, "int16", (2, 3)), const(np.int64(-1))], ["int16"])
    for i, shape in enumerate([(), (0,), (3,), (2, 0, 4), (1, 2, 3, 4, 5, 6)]):
        x = numbers(rng, "float32", shape)
        for t, code in (("int32", 2), ("int64", 4)) if shape else ():  # the oracle refuses the shape of a scalar
            yield Node("SHAPE", "ShapeOptions").case(f"{t}_{i}", [x], [t], {"outType": code})
        yield Node("RANK", "RankOptions").case(f"{i}", [x], ["int32"])


# ---- order -------------------------------------------------------------------------------------------------------------

def transpose(rng):
    node = Node("TRANSPOSE", "TransposeOptions")
    for rank in range(1, 5):
        for perm in itertools.permutations(range(rank)):
            x = numbers(rng, rng.choice(TRANSPOSED), shape_of(rng, rank))
            yield node.case("p" + "".join(map(str, perm)), [x, i32(*perm)], [x.dtype.name])
    for i, (shape, perm) in enumerate([((3, 4, 5, 2, 3), (4, 1, 3, 0, 2)), ((2, 3, 2, 2, 2, 3), (5, 0, 4, 1, 3, 2)),
                                       ((33, 65), (1, 0)), ((2, 37, 19), (0, 2, 1)), ((17, 3, 18), (2, 1, 0)),
                                       ((1, 40, 50, 3), (0, 3, 1, 2)), ((1, 3, 40, 50), (0, 2, 3, 1)),
                                       ((0, 3), (1, 0)), ((2, 3), (-1, -2)), ((1, 1, 1), (2, 0, 1)), ((5, 1, 7), (2, 1, 0))]):
        for t in ("float32", "int8", "int16", "int64"):
            yield node.case(f"{i}_{t}", [numbers(rng, t, shape), i32(*perm)], [t])
    yield node.case("dynamic", [numbers(rng, "float32", (2, 3, 4)), np.array([2, 0, 1], np.int32)], ["float32"])
    x = rng.integers(-8, 8, (4, 6)).astype(np.int8)
    yield node.case("int4", [Arg(x, True, "int4"), i32(1, 0)], ["int4"])


def reverse(rng):
    node = Node("REVERSE_V2", "ReverseV2Options")
    for i, (shape, axes) in enumerate([((5,), [0]), ((2, 3), [1]), ((2, 3), [0, 1]), ((2, 3, 4), [1, 2]), ((2, 3, 4), [-1]),
                                       ((2, 5, 4), [0]), ((3, 2, 2, 4), [1]), ((3, 2, 2, 4), [0, 1, 2, 3])]):
        t = TYPES[i]
        yield node.case(f"{i}", [numbers(rng, t, shape), i32(*axes)], [t])
    yield node.case("dynamic", [numbers(rng, "float32", (3, 4)), np.array([0], np.int32)], ["float32"])
    node = Node("REVERSE_SEQUENCE", "ReverseSequenceOptions")
    for i, (shape, seq, batch) in enumerate([((3, 5), 1, 0), ((5, 3), 0, 1), ((2, 4, 3), 1, 0), ((4, 2, 3), 0, 1),
                                             ((2, 3, 5, 2), 2, 0), ((5, 3, 2, 2), 0, 2), ((2, 3, 4), 2, 1)]):
        for t in ("int32", "int64"):
            lengths = rng.integers(0, shape[seq], shape[batch], endpoint=True).astype(t)
            dtype = ["float32", "uint8", "int16", "int32", "int64"][i % 5]
            yield node.case(f"{i}_{t}", [numbers(rng, dtype, shape), lengths], [dtype], {"seqDim": seq, "batchDim": batch})


# ---- side by side ----------------------------------------------------------------------------------------------------------

def concat(rng):
    node = Node("CONCATENATION", "ConcatenationOptions")
    for rank in range(1, 5):
        for axis in range(-rank, rank):
            t = TYPES[(rank * 5 + axis) % len(TYPES)]
            base = list(shape_of(rng, rank, 1, 4))
            parts = []
            for n in rng.integers(0, 4, rng.integers(1, 4, endpoint=True)):
                base[axis] = int(n)
                parts.append(numbers(rng, t, base))
            yield node.case(f"r{rank}_{axis}", parts, [t], {"axis": axis})
    yield node.case("scalars", [const(np.float32(1.5)), const(np.float32(2.5)), const(np.float32(-1))], ["float32"], {"axis": 0})
    yield node.case("constants", [const(numbers(rng, "int32", (2, 2))), const(numbers(rng, "int32", (2, 3)))], ["int32"],
                    {"axis": 1})
    yield node.case("mixed", [const(numbers(rng, "int64", (2, 2))), numbers(rng, "int64", (1, 2))], ["int64"], {"axis": 0})
    for i in range(8):
        parts = [quant(numbers(rng, "uint8", (2, int(n), 3)), float(s), int(z)) for n, s, z in
                 zip(rng.integers(1, 5, 3), rng.uniform(0.01, 3, 3), rng.integers(0, 256, 3))]
        parts[1].scale, parts[1].zero = 0.5, 100
        yield node.case(f"requantize_{i}", parts, ["uint8"], {"axis": 1}, quant=(0.5, 100) if i % 2 else (1.7, 20))
    yield node.case("all_values", [quant(np.arange(256, dtype=np.uint8), 0.1, 128), quant(np.arange(256, dtype=np.uint8), 0.7, 3)],
                    ["uint8"], {"axis": 0}, quant=(0.2, 120))
    yield node.case("int8_quantized", [quant(numbers(rng, "int8", (2, 2)), 0.5, 3), quant(numbers(rng, "int8", (2, 1)), 0.5, 3)],
                    ["int8"], {"axis": 1}, quant=(0.5, 3))
    yield node.case("int16_scales", [quant(numbers(rng, "int16", (2,)), 0.5, 0), quant(numbers(rng, "int16", (3,)), 0.25, 0)],
                    ["int16"], {"axis": 0}, quant=(0.5, 0))


def pack(rng):
    node = Node("PACK", "PackOptions")
    for rank in range(0, 4):
        for axis in range(-rank - 1, rank + 1):
            t = ["float32", "uint8", "int8", "int16", "int32", "int64"][(rank + axis) % 6]
            shape = shape_of(rng, rank, 1, 4)
            n = int(rng.integers(1, 4, endpoint=True))
            yield node.case(f"r{rank}_{axis}", [numbers(rng, t, shape) for _ in range(n)], [t], {"axis": axis, "valuesCount": n})
    yield node.case("empty", [numbers(rng, "float32", (0, 2)) for _ in range(2)], ["float32"], {"axis": 1, "valuesCount": 2})
    node = Node("UNPACK", "UnpackOptions")
    for rank in range(1, 5):
        for axis in range(-rank, rank):
            t = ["float32", "uint8", "int8", "int16", "int32", "bool"][(rank + axis) % 6]
            shape = shape_of(rng, rank, 1, 4)
            yield node.case(f"r{rank}_{axis}", [numbers(rng, t, shape)], [t] * shape[axis], {"axis": axis, "num": shape[axis]})


def split(rng):
    node = Node("SPLIT", "SplitOptions")
    for rank in range(1, 5):
        for axis in range(-rank, rank):
            t = ["float32", "uint8", "int8", "int16", "int32", "int64"][(rank + axis) % 6]
            n = int(rng.integers(1, 4, endpoint=True))
            shape = list(shape_of(rng, rank, 1, 4))
            shape[axis] *= n
            yield node.case(f"r{rank}_{axis}", [const(np.int32(axis)), numbers(rng, t, shape)], [t] * n, {"numSplits": n})
    yield node.case("dynamic", [np.array(1, np.int32), numbers(rng, "float32", (2, 6))], ["float32"] * 3, {"numSplits": 3})
    node = Node("SPLIT_V", "SplitVOptions")
    for i, (shape, sizes, axis) in enumerate([((6,), [1, 2, 3], 0), ((2, 5), [2, -1], 1), ((2, 5), [0, 5], 1), ((4, 3), [4], 0),
                                              ((2, 3, 7), [3, -1, 1], 2), ((2, 3, 4, 5), [1, 2], 1), ((5, 2), [-1, 0, 1], 0)]):
        for size_type in ("int32", "int64"):
            t = ["float32", "uint8", "int8", "int16", "int32", "int64", "float32"][i]
            yield node.case(f"{i}_{size_type}", [numbers(rng, t, shape), const(np.array(sizes, size_type)), const(np.int32(axis))],
                            [t] * len(sizes), {"numSplits": len(sizes)})
    yield node.case("dynamic", [numbers(rng, "float32", (2, 6)), np.array([2, 3, 1], np.int32), np.array(1, np.int32)],
                    ["float32"] * 3, {"numSplits": 3})


# ---- parts -----------------------------------------------------------------------------------------------------------------

def slices(rng):
    # The oracle of TensorFlow 2.21 stops at 5 dimensions; more are in tests/unit/test_move.c.
    node = Node("SLICE", "SliceOptions")
    for rank in range(1, 6):
        for i in range(6):
            shape = shape_of(rng, rank, 1, 6 if rank < 5 else 3)
            begin = [int(rng.integers(0, n, endpoint=i == 5)) for n in shape]
            size = [int(rng.integers(0 if i == 4 else 1, n - b, endpoint=True)) if n > b else 0 for n, b in zip(shape, begin)]
            size = [-1 if rng.random() < 0.25 else n for n in size]
            t, k = TYPES[(i + rank) % len(TYPES)], ("int32", "int64")[i % 2]
            args = [np.array(begin, k), np.array(size, k)]
            yield node.case(f"r{rank}_{i}", [numbers(rng, t, shape)] + [const(a) for a in args], [t])
            if i < 2:
                yield node.case(f"r{rank}_{i}_dynamic", [numbers(rng, t, shape)] + args, [t])
    yield node.case("strings", [words(rng, (3, 4)), i32(1, 0), i32(2, 3)], ["string"])
    x = rng.integers(-8, 8, (4, 6)).astype(np.int8)
    yield node.case("int4", [Arg(x, True, "int4"), i32(1, 1), i32(2, 4)], ["int4"])


def strided(rng):
    node = Node("STRIDED_SLICE", "StridedSliceOptions")

    def make(name, x, begin, end, strides, dynamic=False, **masks):
        mark = (lambda a: a) if dynamic else const
        return node.case(name, [x] + [mark(np.array(v, np.int32).reshape(-1)) for v in (begin, end, strides)], [x.dtype.name],
                         masks)

    for rank in range(1, 5):
        for i in range(24):
            shape = shape_of(rng, rank, 1, 6)
            n = int(rng.integers(1, rank, endpoint=True)) if i % 3 == 0 else rank
            strides = [int(rng.choice([1, 1, 2, 3, -1, -2])) for _ in range(n)]
            begin = [int(rng.integers(-s - 1, s + 1, endpoint=True)) for s in shape[:n]]
            end = [int(rng.integers(-s - 1, s + 1, endpoint=True)) for s in shape[:n]]
            masks = {"beginMask": int(rng.integers(0, 1 << n)), "endMask": int(rng.integers(0, 1 << n))}
            t = TYPES[i % len(TYPES)]
            yield make(f"r{rank}_{i}", numbers(rng, t, shape), begin, end, strides, **masks)
    x = numbers(rng, "float32", (3, 4, 5))
    for bits in range(1, 8):  # shrink every set of dimensions
        yield make(f"shrink_{bits}", x, [1, -1, 2], [2, 4, 3], [1, 1, 1], shrinkAxisMask=bits)
    specs = [
        ("tail", [1], [2], [1], {}), ("head_ellipsis", [0, 1], [0, 2], [1, 1], {"ellipsisMask": 1}),
        ("ellipsis_only", [0], [0], [1], {"ellipsisMask": 1}), ("mid_ellipsis", [1, 0, 1], [2, 0, 4], [1, 1, 2], {"ellipsisMask": 2}),
        ("ellipsis_shrink", [1, 0, -1], [2, 0, 5], [1, 1, 1], {"ellipsisMask": 2, "shrinkAxisMask": 5}),
        ("new_first", [0, 1], [0, 3], [1, 1], {"newAxisMask": 1}), ("new_last", [0, 0, 0, 0], [3, 4, 5, 0], [1, 1, 1, 1], {"newAxisMask": 8}),
        ("new_two", [0, 0, 1], [0, 0, 3], [1, 1, 1], {"newAxisMask": 3}),
        ("ellipsis_new", [0, 0], [0, 0], [1, 1], {"ellipsisMask": 1, "newAxisMask": 2}),
        ("new_ellipsis", [0, 0, 1], [0, 0, 3], [1, 1, 1], {"newAxisMask": 1, "ellipsisMask": 2}),
        ("both_bits", [0, 1], [0, 3], [1, 1], {"newAxisMask": 1, "ellipsisMask": 1}),
        ("new_and_shrink", [0, 1, 0], [0, 2, 4], [1, 1, 1], {"newAxisMask": 1, "shrinkAxisMask": 2}),
        ("masks_shrink", [1, 1], [2, 2], [1, 1], {"beginMask": 1, "endMask": 2, "shrinkAxisMask": 2}),
        ("far", [-100, -100, -100], [100, 100, 100], [1, 2, 3], {}), ("backwards", [100, 100, 100], [-100, -100, -100], [-1, -2, -3], {}),
    ]
    for name, begin, end, strides, masks in specs:
        yield make(name, x, begin, end, strides, **masks)
        yield make(name + "_dynamic", x, begin, end, strides, True, **masks)
    yield make("offset", x, [1, 0, 2], [2, 3, 3], [1, 1, 1], offset=True)
    yield make("empty_input", numbers(rng, "float32", (0, 3)), [0, 1], [5, 3], [1, 1])
    yield make("bool", numbers(rng, "bool", (4, 3)), [0, 0], [4, 3], [2, 1])
    yield node.case("strings", [words(rng, (4, 3)), i32(0, 1), i32(4, 3), i32(2, 1)], ["string"], {})
    yield make("rank5", numbers(rng, "int8", (2, 3, 2, 3, 4)), [0, 2, 0, 1, 0], [2, 0, 2, 3, 4], [1, -1, 1, 1, 3])


def update_slice(rng):
    node = Node("DYNAMIC_UPDATE_SLICE", "DynamicUpdateSliceOptions")
    for rank in range(1, 5):
        for i in range(4):
            shape = shape_of(rng, rank, 1, 6)
            part = tuple(int(rng.integers(0 if i == 3 else 1, n, endpoint=True)) for n in shape)
            start = rng.integers(-2, 7, rank).astype(("int32", "int64")[i % 2])
            t = ["float32", "int8", "int32", "int64", "bool"][(rank + i) % 5]
            yield node.case(f"r{rank}_{i}", [numbers(rng, t, shape), numbers(rng, t, part), start], [t])
    yield node.case("whole", [numbers(rng, "float32", (2, 3)), numbers(rng, "float32", (2, 3)), i32(1, 1)], ["float32"])


# ---- around ----------------------------------------------------------------------------------------------------------------

def pad(rng):
    for rank in range(1, 6):
        for i in range(8):
            shape = shape_of(rng, rank, 1, 4)
            pads = rng.integers(0, 3, (rank, 2))
            pads[rng.random(rank) < 0.4] = 0
            t = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16"][i]
            k = ["int32", "int64", "int8", "int16"][i % 4]
            x = numbers(rng, t, shape)
            yield Node("PAD", "PadOptions").case(f"r{rank}_{i}", [x, const(pads.astype(k))], [t])
            if t != "float16":
                yield Node("PADV2", "PadV2Options").case(f"r{rank}_{i}", [x, const(pads.astype("int32")), const(numbers(rng, t, ()))], [t])
    image = np.array([[0, 0], [1, 2], [2, 1], [0, 0]], np.int32)
    for t, zero in (("int8", -7), ("uint8", 131), ("int16", 0)):
        x = quant(numbers(rng, t, (2, 3, 4, 5)), 0.25, zero)
        yield Node("PAD", "PadOptions").case(f"quant_{t}", [x, const(image)], [t], quant=(0.25, zero))
        yield Node("PADV2", "PadV2Options").case(f"quant_{t}", [x, const(image), quant(numbers(rng, t, (1,)), 0.25, zero, True)], [t],
                                                 quant=(0.25, zero))
        yield Node("PAD", "PadOptions").case(f"quant3_{t}", [quant(numbers(rng, t, (2, 3)), 0.25, zero), const(np.array([[1, 0], [0, 2]], np.int32))], [t], quant=(0.25, zero))
    x = numbers(rng, "float32", (2, 3))
    yield Node("PAD", "PadOptions").case("dynamic", [x, np.array([[1, 0], [0, 2]], np.int32)], ["float32"])
    yield Node("PADV2", "PadV2Options").case("dynamic", [x, np.array([[1, 0], [0, 2]], np.int32), np.array(3, np.float32)], ["float32"])
    yield Node("PAD", "PadOptions").case("empty", [numbers(rng, "float32", (0, 3)), const(np.array([[1, 1], [0, 2]], np.int32))], ["float32"])
    for mode in (0, 1):
        node = Node("MIRROR_PAD", "MirrorPadOptions", prefix=f"mirror_pad_{('reflect', 'symmetric')[mode]}")
        for rank in range(1, 5):
            for i in range(5):
                shape = shape_of(rng, rank, 1, 4)
                pads = np.array([[int(rng.integers(0, n - (1 - mode), endpoint=True)) for _ in range(2)] for n in shape])
                pads[rng.random(rank) < 0.3] = 0
                t = ["float32", "int8", "uint8", "int16", "int64"][i]
                yield node.case(f"r{rank}_{i}", [numbers(rng, t, shape), const(pads.astype(("int32", "int64")[i % 2]))], [t], {"mode": mode})
        yield node.case("dynamic", [numbers(rng, "int32", (3, 4)), np.array([[1, 2], [0, 3]], np.int32)], ["int32"], {"mode": mode})
    node = Node("DILATE", "DilateOptions")
    for i, (shape, dilations) in enumerate([((4,), [2]), ((2, 3), [1, 3]), ((2, 3), [2, 1]), ((2, 3, 2), [3, 2, 2]), ((3, 1, 2), [1, 1, 1]),
                                            ((1, 1), [4, 5]), ((2, 2, 3, 2), [2, 1, 2, 1])]):
        t = TYPES[i]
        yield node.case(f"{i}", [numbers(rng, t, shape), i32(*dilations), const(numbers(rng, t, ()))], [t])
    yield node.case("dynamic", [numbers(rng, "float32", (2, 3)), np.array([2, 3], np.int32), np.array(7, np.float32)], ["float32"])


# ---- more from less ------------------------------------------------------------------------------------------------------------

def repeat(rng):
    node = Node("TILE", "TileOptions")
    for rank in range(0, 5):
        for i in range(5):
            shape, times = shape_of(rng, rank, 1, 4), rng.integers(0 if i == 4 else 1, 4, rank)
            t = ["float32", "int8", "uint8", "int32", "int64", "bool"][(rank + i) % 6]
            yield node.case(f"r{rank}_{i}", [numbers(rng, t, shape), const(times.astype(("int32", "int64")[i % 2]))], [t])
    yield node.case("dynamic", [numbers(rng, "float32", (2, 3)), np.array([2, 1], np.int32)], ["float32"])
    yield node.case("strings", [words(rng, (2, 3)), i32(2, 2)], ["string"])
    node = Node("BROADCAST_TO", "BroadcastToOptions", version=2)
    for i, (a, b) in enumerate([((), (3,)), ((1,), (4,)), ((3,), (2, 3)), ((2, 1), (2, 5)), ((1, 3), (4, 3)), ((2, 1, 3), (2, 4, 3)),
                                ((1, 1), (3, 2)), ((2, 3), (2, 3)), ((3, 1), (2, 2, 3, 4)), ((1, 2, 1, 3, 1), (2, 2, 2, 3, 2)), ((1,), (0,)),
                                ((2, 1, 2, 1, 2, 1), (2, 3, 2, 2, 2, 2))]):
        t = TYPES[i % len(TYPES)]
        yield node.case(f"{i}", [numbers(rng, t, a), const(np.array(b, ("int32", "int64")[i % 2]))], [t])
    yield node.case("dynamic", [numbers(rng, "float32", (2, 1)), np.array([3, 2, 4], np.int32)], ["float32"])
    node = Node("BROADCAST_ARGS")
    for i, (a, b) in enumerate([([2, 3], [1, 3]), ([1], [4, 5]), ([], [2]), ([3, 1, 5], [4, 1]), ([], []), ([2, 1], [2, 0])]):
        t = ("int32", "int64")[i % 2]
        yield node.case(f"{i}", [np.array(a, t), np.array(b, t)], [t])
        yield node.case(f"{i}_const", [const(np.array(a, t)), const(np.array(b, t))], [t])
    node = Node("FILL", "FillOptions")
    for i, dims in enumerate([[], [3], [2, 3], [0, 4], [1, 2, 3, 4], [700, 3]]):
        for t in ("float32", "int64", "int8", "bool", "int16"):
            yield node.case(f"{i}_{t}", [const(np.array(dims, ("int32", "int64")[i % 2])), numbers(rng, t, ())], [t])
    yield node.case("dynamic", [np.array([2, 3], np.int32), numbers(rng, "int32", ())], ["int32"])
    yield node.case("string", [i32(2, 2), const(words(rng, ()))], ["string"])


def ranges(rng):
    node = Node("RANGE", "RangeOptions")
    for t in ("int32", "int64", "float32"):
        for i, (a, b, c) in enumerate([(0, 5, 1), (5, 0, -1), (2, 11, 3), (10, -3, -4), (-5, 100, 7)]):
            args = [np.array(v, t) for v in (a, b, c)]
            yield node.case(f"{t}_{i}", args, [t])
            yield node.case(f"{t}_{i}_const", [const(v) for v in args], [t])
    for i, (a, b, c) in enumerate([(0, 1, 0.1), (1, -1, -0.3), (0.5, 100, 0.7), (0, 1e3, 3.3)]):
        yield node.case(f"fraction_{i}", [np.array(v, np.float32) for v in (a, b, c)], ["float32"])


def one_hot(rng):
    node = Node("ONE_HOT", "OneHotOptions")
    for i, shape in enumerate([(), (4,), (2, 3), (2, 2, 3), (0, 2)]):
        for axis in range(-1, len(shape) + 1):
            t = ["float32", "int32", "int64", "int8", "uint8", "bool"][(i + axis) % 6]
            indices = rng.integers(-1, 5, shape).astype(("int32", "int64")[i % 2])
            yield node.case(f"{i}_{axis}", [indices, const(np.int32(4)), const(numbers(rng, t, ())), const(numbers(rng, t, ()))], [t],
                            {"axis": axis})
    yield node.case("dynamic", [np.array([0, 2], np.int32), np.array(3, np.int32), np.array(1, np.float32), np.array(0, np.float32)],
                    ["float32"], {"axis": -1})
    yield node.case("depth_0", [np.array([0, 2], np.int32), const(np.int32(0)), const(np.float32(1)), const(np.float32(0))],
                    ["float32"], {"axis": -1})


# ---- blocks -----------------------------------------------------------------------------------------------------------------------

def space(rng):
    for i, (shape, block) in enumerate([((1, 2, 2, 1), 2), ((2, 4, 6, 3), 2), ((1, 3, 3, 2), 3), ((2, 2, 2, 4), 1), ((1, 8, 4, 5), 4)]):
        for t in ("float32", "uint8", "int8", "int32", "int64"):
            x = numbers(rng, t, shape)
            deep = (shape[0], shape[1] // block, shape[2] // block, shape[3] * block * block)
            yield Node("SPACE_TO_DEPTH", "SpaceToDepthOptions").case(f"{i}_{t}", [x], [t], {"blockSize": block}, shapes=[deep])
            yield Node("DEPTH_TO_SPACE", "DepthToSpaceOptions").case(f"{i}_{t}", [x.reshape(deep)], [t], {"blockSize": block}, shapes=[shape])
    to_batch, to_space = Node("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions"), Node("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions")
    plans = [((1, 4, 4, 1), (2, 2), ((0, 0), (0, 0))), ((2, 3, 5, 2), (2, 3), ((1, 0), (0, 1))), ((1, 4, 6, 3), (1, 2), ((0, 0), (2, 2))),
             ((3, 5, 2, 1), (3, 1), ((2, 2), (0, 0))), ((2, 4, 3), (2,), ((0, 0),)), ((1, 5, 2), (3,), ((2, 2),)), ((1, 2, 2, 1), (4, 4), ((1, 1), (2, 0))),
             ((1, 1, 1, 2), (3, 2), ((4, 4), (3, 4)))]
    for i, (shape, block, pads) in enumerate(plans):
        for t, zero in (("float32", None), ("int8", -5), ("uint8", 77), ("int32", None), ("int64", None)):
            x = numbers(rng, t, shape)
            q = None if zero is None else (0.5, zero)
            arg = x if zero is None else quant(x, 0.5, zero)
            yield to_batch.case(f"{i}_{t}", [arg, i32(*block), const(np.array(pads, np.int32))], [t], quant=q)
            padded = [n + a + b for n, (a, b) in zip(shape[1:-1], pads)]
            small = (shape[0] * int(np.prod(block)),) + tuple(n // b for n, b in zip(padded, block)) + shape[-1:]
            y = numbers(rng, t, small)
            arg = y if zero is None else quant(y, 0.5, zero)
            yield to_space.case(f"{i}_{t}", [arg, i32(*block), const(np.array(pads, np.int32))], [t], quant=q)
    x = numbers(rng, "float32", (1, 4, 4, 1))
    yield to_batch.case("dynamic", [x, np.array([2, 2], np.int32), np.zeros((2, 2), np.int32)], ["float32"])
    yield to_space.case("dynamic", [numbers(rng, "float32", (4, 2, 2, 3)), np.array([2, 2], np.int32), np.zeros((2, 2), np.int32)], ["float32"])


def cases(rng):
    for family in (reshape, views, transpose, reverse, concat, pack, split, slices, strided, update_slice, pad, repeat, ranges, one_hot, space):
        yield from family(rng)
