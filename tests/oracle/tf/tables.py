# SPDX-License-Identifier: Apache-2.0
"""Hash tables. The order of an export is not defined: keys and values are compared as sets of pairs.
(TensorFlow exports a dense table with its free buckets, unflow only what is in it.)"""
import itertools
import os
import tempfile

import numpy as np

from tf_case import Chain, R

names = (f"table_{i}" for i in itertools.count())
FOLDER = os.path.join(tempfile.gettempdir(), "unflow_tables")

ROUNDS = 2


def pairs(want, got, _inputs):
    def items(keys, values):
        return sorted(zip(map(repr, keys.tolist()), map(repr, values.tolist())))
    for k in range(0, len(want), 2):
        if want[k].dtype != got[k].dtype or want[k + 1].dtype != got[k + 1].dtype or want[k].shape != got[k].shape:
            return f"expected {want[k].dtype} {want[k].shape}, found {got[k].dtype} {got[k].shape}"
        if items(want[k], want[k + 1]) != items(got[k], got[k + 1]):
            return f"expected {items(want[k], want[k + 1])}, found {items(got[k], got[k + 1])}"
    return ""


def values(rng, dtype, shape, low=0, high=50):
    x = rng.integers(low, high, shape)
    if dtype == "string":
        return np.array([b"s%d" % i for i in x.reshape(-1)] + [None], object)[:-1].reshape(shape)
    return x.astype(dtype)


def distinct(rng, dtype, n):
    x = rng.permutation(100)[:n]
    return np.array([b"s%d" % i for i in x] + [None], object)[:-1] if dtype == "string" else x.astype(dtype)


PAIRS = [("string", "int64"), ("string", "int32"), ("string", "float32"), ("string", "string"), ("int64", "string"), ("int64", "int64"),
         ("int64", "float32"), ("int32", "int32"), ("int32", "float32"), ("int64", "float64"), ("string", "float64")]
MUTABLE = [p for p in PAIRS if p not in (("string", "string"),)] + [("string", "bool")]


def static_tables(rng):
    for key, value in PAIRS:
        handle = ("t", "HashTableV2", [], {"key_dtype": key, "value_dtype": value, "shared_name": next(names)})
        keys, vals = distinct(rng, key, 9), values(rng, value, (9,))
        query = values(rng, key, (3, 4), 0, 100)
        query[0] = keys[:4]
        fallback = values(rng, value, ())
        fill = (None, "InitializeTableV2", [R("t"), keys, vals])
        yield Chain([handle, fill, ("f", "LookupTableFindV2", [R("t"), query, fallback]), ("n", "LookupTableSizeV2", [R("t")]),
                     ("g", "LookupTableFindV2", [R("t"), query[1:2, 1], fallback])], ["f", "n", "g"])
        yield Chain([handle[:3] + ({**handle[3], "shared_name": next(names)},), fill,
                     (["k", "v"], "LookupTableExportV2", [R("t")], {"Tkeys": key, "Tvalues": value})], ["k", "v"], check=pairs)
    def fresh(key="string", value="int64"):
        return ("t", "HashTableV2", [], {"key_dtype": key, "value_dtype": value, "shared_name": next(names)})
    words, ids = np.array([b"a", b"b"], object), np.array([1, 2], "i8")
    yield Chain([fresh(), ("f", "LookupTableFindV2", [R("t"), words, np.array(-1, "i8")])], ["f"])
    yield Chain([fresh(), ("n", "LookupTableSizeV2", [R("t")])], ["n"])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, ids]), (None, "InitializeTableV2", [R("t"), words, ids + 1]),
                 ("f", "LookupTableFindV2", [R("t"), words, np.array(-1, "i8")])], ["f"])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, ids]), (None, "InitializeTableV2", [R("t"), words[:1], ids[:1]])], [])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), np.array([b"a", b"a"], object), ids])], [])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), np.array([b"a", b"a"], object), np.array([3, 3], "i8")]),
                 ("n", "LookupTableSizeV2", [R("t")])], ["n"])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, np.array([1, 2, 3], "i8")])], [])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, words])], [])
    yield Chain([fresh(), (None, "LookupTableInsertV2", [R("t"), words, ids])], [])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, ids]), (None, "LookupTableRemoveV2", [R("t"), words])], [])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, ids]), ("f", "LookupTableFindV2", [R("t"), ids, ids[:1].reshape(())])], ["f"])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words[:0], ids[:0]]), ("n", "LookupTableSizeV2", [R("t")]),
                 ("f", "LookupTableFindV2", [R("t"), words, np.array(-1, "i8")])], ["n", "f"])
    for op in ("AnonymousHashTable",):
        for key, value in PAIRS:
            keys, vals = distinct(rng, key, 5), values(rng, value, (5,))
            yield Chain([("t", op, [], {"key_dtype": key, "value_dtype": value}), (None, "InitializeTableV2", [R("t"), keys, vals]),
                         ("f", "LookupTableFindV2", [R("t"), keys[::-1].copy(), vals[:1].reshape(())])], ["f"])


def mutable_tables(rng):
    for op in ("MutableHashTableV2", "AnonymousMutableHashTable"):
        for key, value in MUTABLE:
            attrs = {"key_dtype": key, "value_dtype": value}
            if op[0] == "M":
                attrs["shared_name"] = next(names)
            steps = [("t", op, [], attrs)]
            for _ in range(4):
                n = int(rng.integers(0, 12))
                steps.append((None, "LookupTableInsertV2", [R("t"), values(rng, key, (n,)), values(rng, value, (n,), 0, 2 if value == "bool" else 50)]))
                steps.append((None, "LookupTableRemoveV2", [R("t"), values(rng, key, (5,))]))
            fallback = values(rng, value, (), 0, 1)
            steps += [("f", "LookupTableFindV2", [R("t"), values(rng, key, (4, 6)), fallback]), ("n", "LookupTableSizeV2", [R("t")])]
            yield Chain(steps, ["f", "n"])
            if op[0] == "M":
                attrs = {**attrs, "shared_name": next(names)}
            yield Chain([("t", op, [], attrs), *steps[1:], (["k", "v"], "LookupTableExportV2", [R("t")], {"Tkeys": key, "Tvalues": value})],
                        ["k", "v"], check=pairs)
    def fresh(**more):
        return ("t", "MutableHashTableV2", [], {"key_dtype": "string", "value_dtype": "int64", "shared_name": next(names), **more})
    words, ids = np.array([b"a", b"b"], object), np.array([1, 2], "i8")
    yield Chain([fresh(), (None, "LookupTableImportV2", [R("t"), words, ids]), (None, "LookupTableImportV2", [R("t"), words[:1], ids[1:]]),
                 (["k", "v"], "LookupTableExportV2", [R("t")], {"Tkeys": "string", "Tvalues": "int64"})], ["k", "v"], check=pairs)
    for n in range(10):
        yield Chain([fresh(), (None, "LookupTableImportV2", [R("t"), distinct(rng, "string", n), np.arange(n)]),
                     (None, "LookupTableInsertV2", [R("t"), distinct(rng, "string", n), np.arange(n) + 100]),
                     ("n", "LookupTableSizeV2", [R("t")]), (["k", "v"], "LookupTableExportV2", [R("t")], {"Tkeys": "string", "Tvalues": "int64"})],
                    ["k", "v"], check=pairs)
    yield Chain([fresh(), (["k", "v"], "LookupTableExportV2", [R("t")], {"Tkeys": "string", "Tvalues": "int64"})], ["k", "v"])
    yield Chain([fresh(), (None, "InitializeTableV2", [R("t"), words, ids])], [])
    yield Chain([fresh(), ("f", "LookupTableFindV2", [R("t"), words, np.array([7, 8], "i8")])], ["f"])
    yield Chain([fresh(), (None, "LookupTableInsertV2", [R("t"), words, ids[:1]])], [])
    yield Chain([fresh(), (None, "LookupTableInsertV2", [R("t"), ids, ids])], [])
    for op in ("MutableHashTableOfTensorsV2", "AnonymousMutableHashTableOfTensors"):
        for shape in ([], [2], [2, 3], [0], [1], [5], [7]):
            attrs = {"key_dtype": "int64", "value_dtype": "float32", "value_shape": shape}
            if op[0] == "M":
                attrs["shared_name"] = next(names)
            keys = distinct(rng, "int64", 6)
            if len(shape) > 1:
                yield Chain([("t", op, [], attrs)], [])
                continue
            yield Chain([("t", op, [], attrs), (None, "LookupTableInsertV2", [R("t"), keys, values(rng, "float32", (6, *shape))]),
                         (None, "LookupTableRemoveV2", [R("t"), keys[:2]]),
                         ("f", "LookupTableFindV2", [R("t"), distinct(rng, "int64", 20), np.full(shape, -1, "f4")]),
                         ("n", "LookupTableSizeV2", [R("t")])], ["f", "n"])
    for op in ("MutableDenseHashTableV2", "AnonymousMutableDenseHashTable"):
        for key, value, shape in (("int64", "float32", []), ("int64", "int64", [2]), ("string", "int64", []), ("int32", "int32", [1, 2]),
                                  ("string", "string", [])):
            attrs = {"key_dtype": key, "value_dtype": value, "value_shape": shape, "initial_num_buckets": 32}
            if op[0] == "M":
                attrs["shared_name"] = next(names)
            special = [np.array(b"empty", object), np.array(b"gone", object)] if key == "string" else [np.array(-1, key), np.array(-2, key)]
            keys = distinct(rng, key, 8)
            steps = [("t", op, special, attrs), (None, "LookupTableInsertV2", [R("t"), keys, values(rng, value, (8, *shape))]),
                     (None, "LookupTableRemoveV2", [R("t"), keys[2:4]])]
            yield Chain([*steps, ("f", "LookupTableFindV2", [R("t"), keys, values(rng, value, shape)]), ("n", "LookupTableSizeV2", [R("t")])],
                        ["f", "n"])
            again = {**attrs, "shared_name": next(names)} if op[0] == "M" else attrs
            yield Chain([("t", op, special, again), (None, "LookupTableInsertV2", [R("t"), special[0].reshape(1), values(rng, value, (1, *shape))])], [])
            again = {**attrs, "shared_name": next(names)} if op[0] == "M" else attrs
            yield Chain([("t", op, special, again), ("f", "LookupTableFindV2", [R("t"), special[1].reshape(1), values(rng, value, shape)])], ["f"])
    attrs = {"key_dtype": "int64", "value_dtype": "int64", "shared_name": next(names)}
    keys = np.array([[1, 2], [3, 4], [5, 6]], "i8")
    yield Chain([("t", "MutableDenseHashTableV2", [np.array([0, 0], "i8"), np.array([0, 1], "i8")], attrs),
                 (None, "LookupTableInsertV2", [R("t"), keys, np.array([1, 2, 3], "i8")]),
                 ("f", "LookupTableFindV2", [R("t"), np.array([[3, 4], [9, 9], [1, 2]], "i8"), np.array(-1, "i8")]),
                 ("n", "LookupTableSizeV2", [R("t")])], ["f", "n"])


def text_files(rng):
    os.makedirs(FOLDER, exist_ok=True)
    files = {"plain": b"alpha\nbeta\r\ngamma", "columns": b"a\t1\t2.5\nb\t2\t3\nc\t-3\t1e3\n", "comma": b"x,10\ny,20\n", "empty": b"",
             "blank": b"a\n\nb\n", "bad": b"a\tx\n", "twice": b"a\t1\na\t2\n", "same": b"a\t1\na\t1\n", "cr": b"a\rb\n"}
    for name, content in files.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(content)
    for name, key, value, k, v, more in (
            ("plain", "string", "int64", -2, -1, {}), ("plain", "int64", "string", -1, -2, {}), ("plain", "string", "int64", -2, -1, {"vocab_size": 2}),
            ("plain", "string", "int64", -2, -1, {"vocab_size": 3}), ("plain", "string", "int64", -2, -1, {"vocab_size": 4}),
            ("plain", "string", "int64", -2, -1, {"offset": 10}), ("plain", "int64", "string", -1, -2, {"offset": -5}),
            ("columns", "string", "int64", 0, 1, {}), ("columns", "string", "float32", 0, 2, {}), ("columns", "string", "int64", 0, -1, {}),
            ("columns", "string", "string", 0, -2, {}), ("columns", "string", "int64", 0, 3, {}), ("columns", "int64", "string", 1, 0, {}),
            ("columns", "string", "float64", 0, 2, {}), ("columns", "string", "int32", 0, 1, {}), ("columns", "int64", "float32", 1, 2, {}),
            ("comma", "string", "int64", 0, 1, {"delimiter": ","}), ("comma", "string", "int64", 0, 1, {"delimiter": ",,"}),
            ("empty", "string", "int64", -2, -1, {}), ("blank", "string", "int64", -2, -1, {}), ("blank", "string", "int64", 0, -1, {}),
            ("bad", "string", "int64", 0, 1, {}), ("twice", "string", "int64", 0, 1, {}), ("same", "string", "int64", 0, 1, {}),
            ("cr", "string", "int64", -2, -1, {}), ("missing", "string", "int64", -2, -1, {}), ("plain", "string", "int32", -2, -1, {}),
            ("plain", "int64", "int64", -2, -1, {}), ("plain", "string", "int64", -3, -1, {})):
        table = {"key_dtype": key, "value_dtype": value, "shared_name": next(names)}
        path = np.array(os.path.join(FOLDER, name).encode(), object)
        keys = {"string": np.array([b"alpha", b"beta", b"gamma", b"a", b"b", b"c", b"x", b"ab", b"", b"beta\r"], object),
                "int64": np.arange(-5, 13)}[key]
        fallback = np.array(b"none", object) if value == "string" else np.array(-1, value)
        yield Chain([("t", "HashTableV2", [], table),
                     (None, "InitializeTableFromTextFileV2", [R("t"), path], {"key_index": k, "value_index": v, **more}),
                     ("f", "LookupTableFindV2", [R("t"), keys, fallback]), ("n", "LookupTableSizeV2", [R("t")])], ["f", "n"])


def cases(rng):
    yield from static_tables(rng)
    yield from mutable_tables(rng)
    yield from text_files(rng)
    path = np.array(os.path.join(FOLDER, "columns").encode(), object)
    for i in range(11):
        table = {"key_dtype": "string", "value_dtype": "int64", "shared_name": next(names)}
        words = np.array([b"a", b"b", b"c", b"d"], object)[i % 3:]
        fill = ((None, "InitializeTable", [R("t"), words, np.arange(len(words)) * i]) if i % 2 else
                (None, "InitializeTableFromTextFile", [R("t"), path], {"key_index": 0, "value_index": 1}))
        yield Chain([("t", "HashTable", [], table), fill, ("f", "LookupTableFind", [R("t"), words[::-1].copy(), np.array(-1, "i8")]),
                     ("n", "LookupTableSize", [R("t")])], ["f", "n"], graph=True)
