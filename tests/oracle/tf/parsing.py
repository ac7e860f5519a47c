# SPDX-License-Identifier: Apache-2.0
"""Examples."""
import struct

import numpy as np

from tf_case import Case


def varint(n):
    n &= 2**64 - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def feature(values, packed=True):
    """None: of no kind; else a list of bytes, floats or ints."""
    if values is None:
        return b""
    kind, values = values
    if kind == "s":
        return field(1, b"".join(field(1, v) for v in values))
    if kind == "f":
        raw = [struct.pack("<f", v) for v in values]
        return field(2, field(1, b"".join(raw)) if packed else b"".join(b"\x0d" + r for r in raw))
    raw = [varint(int(v)) for v in values]
    return field(3, field(1, b"".join(raw)) if packed else b"".join(b"\x08" + r for r in raw))


def features(named, packed=True):
    return b"".join(field(1, field(1, k) + field(2, feature(v, packed))) for k, v in named)


def example(named, packed=True):
    return field(1, features(named, packed))


def sequence(context, lists):
    body = b"".join(field(1, field(1, k) + field(2, b"".join(field(1, feature(f)) for f in frames))) for k, frames in lists)
    return field(1, features(context)) + field(2, body)


def obj(*values):
    return np.array(list(values) + [None], object)[:-1]


KINDS = {"s": "string", "f": "float32", "i": "int64"}


def values(rng, kind, n):
    x = rng.integers(-50, 50, n)
    return kind, [b"v%d" % v for v in x] if kind == "s" else [float(v) / 4 for v in x] if kind == "f" else [int(v) for v in x]


def array(kind, x):
    return obj(*x) if kind == "s" else np.array(x, "f4" if kind == "f" else "i8")


def random_examples(rng, n, missing):
    out = []
    for _ in range(n):
        named = [(b"dense_" + k.encode(), values(rng, k, 2)) for k in "sfi" if not missing or rng.integers(3)]
        named += [(b"any_" + k.encode(), values(rng, k, 2 * int(rng.integers(0, 4)))) for k in "sfi" if rng.integers(4)]
        named += [(b"unused", values(rng, "i", 3))]
        rng.shuffle(named)
        out.append(example([(bytes(k), v) for k, v in named], bool(rng.integers(2))))
    return obj(*out)


def cases(rng):
    none = {"s": obj(), "f": np.zeros(0, "f4"), "i": np.zeros(0, "i8")}
    for i in range(12):
        missing = bool(i % 2)
        data = random_examples(rng, int(rng.integers(1, 6)), missing)
        keys = [k for k in "sfi" if i < 3 or rng.integers(2)] or ["i"]
        types = [KINDS[k] for k in keys]
        sparse = obj(*[b"any_" + k.encode() for k in keys])
        dense = obj(*[b"dense_" + k.encode() for k in keys])
        defaults = [array(k, values(rng, k, 2)[1]) if missing else none[k] for k in keys]
        shapes = [[2]] * len(keys)
        yield Case("ParseExample", [data, obj(), [np.array(s, object) for s in sparse], [np.array(s, object) for s in dense], defaults],
                   {"sparse_types": types, "dense_shapes": shapes})
        both = {"num_sparse": len(keys), "sparse_types": types, "ragged_value_types": types,
                "ragged_split_types": [["int32", "int64"][j % 2] for j in range(len(keys))], "dense_shapes": shapes}
        ragged = obj(*[b"any_" + k.encode() for k in keys])
        yield Case("ParseExampleV2", [data, obj(), obj(*[b"x" + s for s in sparse]), dense, ragged, defaults], both)
        yield Case("ParseExampleV2", [data, obj(), sparse, dense, obj(), defaults],
                   {**both, "ragged_value_types": [], "ragged_split_types": []})
        yield Case("ParseExampleV2", [data[:1].reshape(()), obj(), sparse, dense, obj(), defaults],
                   {**both, "ragged_value_types": [], "ragged_split_types": []})
        yield Case("ParseExampleV2", [data[:1].reshape(()), obj(), obj(), dense, ragged, defaults], {**both, "num_sparse": 0, "sparse_types": []})
        yield Case("ParseSingleExample", [data[:1].reshape(()), defaults],
                   {"num_sparse": len(keys), "sparse_keys": list(sparse), "dense_keys": list(dense), "sparse_types": types, "dense_shapes": shapes})
        ones = [array(k, values(rng, k, 1)[1]).reshape(()) for k in keys]
        yield Case("ParseExampleV2", [data, obj(), obj(), sparse, obj(), ones],
                   {"num_sparse": 0, "sparse_types": [], "ragged_value_types": [], "ragged_split_types": [], "dense_shapes": [[-1, 2]] * len(keys)})
        yield Case("ParseExample", [data, obj(), [], [np.array(s, object) for s in sparse], ones],
                   {"sparse_types": [], "dense_shapes": [[-1]] * len(keys)})
        yield Case("ParseSingleExample", [data[:1].reshape(()), ones],
                   {"num_sparse": 0, "sparse_keys": [], "dense_keys": list(sparse), "sparse_types": [], "dense_shapes": [[-1, 2]] * len(keys)})
    simple = {"num_sparse": 0, "sparse_types": [], "ragged_value_types": [], "ragged_split_types": []}

    def one(data, default, shape, **more):
        return Case("ParseExampleV2", [obj(*data), obj(), obj(), obj(b"a"), obj(), [default]], {**simple, "dense_shapes": [shape], **more})
    good = example([(b"a", ("i", [1, 2]))])
    yield one([good], none["i"], [2])
    yield one([good], none["i"], [3])
    yield one([good], none["f"], [2])
    yield one([good, example([])], none["i"], [2])
    yield one([good, example([(b"a", None)])], np.array([8, 9], "i8"), [2])
    yield one([good], np.array([8, 9, 10], "i8"), [2])
    yield one([example([(b"a", ("i", [1, 2])), (b"a", ("i", [3, 4]))])], none["i"], [2])
    yield one([b"\x07"], none["i"], [2])
    yield one([b"garbage"], np.array([8, 9], "i8"), [2])
    yield one([good[:-1]], none["i"], [2])
    yield one([], none["i"], [2])
    yield one([good], np.array([1, 2], "i8"), [-1])
    yield one([good], np.array(1, "i8"), [-1, 3])
    yield Case("ParseExampleV2", [obj(good), obj(b"n1", b"n2"), obj(), obj(b"a"), obj(), [none["i"]]], {**simple, "dense_shapes": [[2]]})
    yield Case("ParseExampleV2", [obj(good), obj(b"n1"), obj(), obj(b"a", b"b"), obj(), [none["i"]]], {**simple, "dense_shapes": [[2]]})
    yield Case("ParseExample", [np.array(good, object), obj(), [], [np.array(b"a", object)], [none["i"]]], {"sparse_types": [], "dense_shapes": [[2]]})
    for i in range(12):
        kinds = "sfi" if i < 2 else [k for k in "sfi" if rng.integers(2)] or ["f"]
        context = [(b"cs" + k.encode(), values(rng, k, int(rng.integers(0, 4)))) for k in kinds if i % 3]
        context += [(b"cd" + k.encode(), values(rng, k, 2)) for k in kinds]
        frames = int(rng.integers(0, 4))
        lists = [(b"ls" + k.encode(), [values(rng, k, int(rng.integers(0, 3))) for _ in range(frames)]) for k in kinds]
        if i % 4 != 3:
            lists += [(b"ld" + k.encode(), [values(rng, k, 2) for _ in range(frames)]) for k in kinds]
        types = [KINDS[k] for k in kinds]

        def keys(prefix):
            return [np.array(prefix + k.encode(), object) for k in kinds]
        empty = obj(*[b"ld" + k.encode() for k in kinds]) if i % 2 else obj()
        attrs = {"context_sparse_types": types, "Tcontext_dense": types, "feature_list_dense_types": types,
                 "context_dense_shapes": [[2]] * len(kinds), "feature_list_sparse_types": types, "feature_list_dense_shapes": [[2]] * len(kinds)}
        yield Case("ParseSingleSequenceExample", [np.array(sequence(context, lists), object), empty, keys(b"cs"), keys(b"cd"), keys(b"ls"), keys(b"ld"),
                                                  [none[k] for k in kinds], np.array(b"name", object)], attrs)
