# SPDX-License-Identifier: Apache-2.0
"""strided.py: STRIDED_SLICE with every mask, in all combinations that the reference kernels give a value for."""

import numpy as np

from onenode import Node, const, i32, numbers

DIFFERS = {"STRIDED_SLICE": "All dtypes, begin, end and strides of int64 too. An index beyond the last entry is refused: the reference "
                            "leaves its output as it was. With `offset` and an ellipsis, sizes are those of the dimensions meant."}
TYPES = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16"]
NODE = Node("STRIDED_SLICE", "StridedSliceOptions")


def spec(rng, rank):
    """(shape, begin, end, strides, masks) of a random slice of at most 5 dimensions before any are dropped."""
    shape = tuple(int(n) for n in rng.integers(1, 6, rank))
    ellipsis = int(rng.integers(0, rank + 1)) if rng.random() < 0.5 else -1
    # Dimensions with an entry of their own. An ellipsis that stands for none takes one in the reference all the same.
    covered = int(rng.integers(0, rank)) if ellipsis >= 0 else int(rng.integers(1, rank, endpoint=True))
    ellipsis = min(ellipsis, covered)
    added = int(rng.integers(0, 6 - rank))
    kinds = ["entry"] * covered
    if ellipsis >= 0:
        kinds.insert(ellipsis, "ellipsis")
    for _ in range(added):
        kinds.insert(int(rng.integers(0, len(kinds), endpoint=True)), "new")
    begin, end, strides = [], [], []
    masks = dict.fromkeys(("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask"), 0)
    d = 0
    for i, kind in enumerate(kinds):
        n, bit = shape[min(d, rank - 1)], 1 << i
        b, e, s = int(rng.integers(-n - 1, n + 2)), int(rng.integers(-n - 1, n + 2)), int(rng.choice([1, 1, 2, 3, -1, -2]))
        if kind == "ellipsis":
            masks["ellipsisMask"] |= bit
            d += rank - covered
            if rng.random() < 0.3:
                masks["newAxisMask"] |= bit  # does not count
            if rng.random() < 0.3:
                masks["shrinkAxisMask"] |= bit  # nor does this
        elif kind == "new":
            masks["newAxisMask"] |= bit
            if rng.random() < 0.3:
                masks["beginMask"] |= bit
        else:
            d += 1
            if rng.random() < 0.3:
                b, s = int(rng.integers(-n, n)), 1
                masks["shrinkAxisMask"] |= bit
            for name in ("beginMask", "endMask"):
                if rng.random() < 0.3:
                    masks[name] |= bit
        begin.append(b)
        end.append(e)
        strides.append(s)
    return shape, begin, end, strides, masks


def numpy_index(begin, end, strides, masks):
    """The same slice as NumPy writes it."""
    out = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        on = {name: mask >> i & 1 for name, mask in masks.items()}
        if on["ellipsisMask"]:
            out.append(Ellipsis)
        elif on["newAxisMask"]:
            out.append(None)
        elif on["shrinkAxisMask"]:
            out.append(0 if on["beginMask"] else b)
        else:
            out.append(slice(None if on["beginMask"] else b, None if on["endMask"] else e, s))
    return tuple(out)


def masked(rng):
    """Random slices and what NumPy makes of them."""
    for rank in range(1, 5):
        for i in range(60):
            shape, begin, end, strides, masks = spec(rng, rank)
            if not begin:
                continue
            x = numbers(rng, TYPES[i % len(TYPES)], shape)
            mark = i32 if i % 4 else (lambda *v: np.array(v, np.int32))
            case = NODE.case(f"r{rank}_{i}", [x] + [mark(*v) for v in (begin, end, strides)], [x.dtype.name], masks)
            yield case, [x[numpy_index(begin, end, strides, masks)]]


def others(rng):
    for rank in range(1, 5):
        for i in range(12):
            shape = tuple(int(n) for n in rng.integers(1, 7, rank))
            begin = [int(rng.integers(0, n)) for n in shape]
            length = [int(rng.integers(1, n - b, endpoint=True)) for n, b in zip(shape, begin)]
            strides = [int(rng.integers(1, 4)) for _ in shape]
            begin = [b - n if rng.random() < 0.3 else b for n, b in zip(shape, begin)]
            x = numbers(rng, TYPES[i % len(TYPES)], shape)
            yield NODE.case(f"offset_r{rank}_{i}", [x, i32(*begin), i32(*length), i32(*strides)], [x.dtype.name], {"offset": True})
    x = numbers(rng, "int32", (4, 5))
    for i, extreme in enumerate([2**31 - 1, -2**31, 2**31 - 2]):
        for stride in (1, -1, 2**30, -2**31 + 1):
            yield NODE.case(f"extreme_{i}_{stride}", [x, i32(extreme, 1), i32(-extreme - 1, 4), i32(stride, 1)], ["int32"], {})
            yield NODE.case(f"extreme_{i}_{stride}_end", [x, i32(1, 1), i32(extreme, 4), i32(stride, 1)], ["int32"], {})
    yield NODE.case("int64", [x] + [const(np.array(v)) for v in ((1, 0), (4, 5), (2, 3))], ["int32"], {})
    yield NODE.case("empty", [x[:0], i32(0, 1), i32(9, 4), i32(1, 1)], ["int32"], {})
    yield NODE.case("scalar", [np.array(7, np.int32), i32(0), i32(1), i32(1)], ["int32"], {"newAxisMask": 1})


def specs(rng):
    yield from masked(rng)


def cases(rng):
    for case, _ in specs(rng):
        yield case
    yield from others(rng)
