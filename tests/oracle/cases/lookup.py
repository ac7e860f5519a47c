# SPDX-License-Identifier: Apache-2.0
"""lookup.py: rows of tables, hashes, n-grams, the largest of a row, distinct values, buckets."""

import numpy as np

from case import Case, Close
from modelgen import ModelGen, type_code
from onenode import Arg, Node, const, i32, numbers, quant, words, text

DIFFERS = {
    "EMBEDDING_LOOKUP": "Rows of packed int4 and int2 tables that begin inside a byte are read from there; the reference reads them "
                        "from the beginning of that byte.",
    "TOPK_V2": "A NaN counts as less than every number, as in LiteRT 2.3; in TensorFlow's kernels the order of elements decides.",
    "UNIQUE": "All NaNs are one value.",
    "LSH_PROJECTION": "With 32 bits a hash, hash i of a sparse projection begins at i * 2^32, which is 0, not at i.",
}


def tables(rng):
    node = Node("HASHTABLE_LOOKUP")
    for i, (t, shape) in enumerate([("float32", (5, 3)), ("float32", (5,)), ("int8", (7, 2, 3)), ("uint8", (1, 4)), ("int16", (33, 1)), ("int32", (6, 5)),
                                    ("int64", (4, 2)), ("bool", (5, 2)), ("float64", (3, 3)), ("float16", (9, 2)), ("float32", (3, 0)), ("complex64", (3, 2))]):
        keys = np.unique(rng.integers(-9, 40, 4 * shape[0]))[:shape[0]].astype(np.int32)
        keys = np.arange(shape[0], dtype=np.int32) * 3 - 4 if len(keys) < shape[0] else keys
        ids = np.concatenate([rng.choice(keys, 4), rng.integers(-12, 45, 5)]).astype(np.int32)
        yield node.case(f"{i}_{t}", [ids, keys, numbers(rng, t, shape)], [t, "uint8"])
        yield node.case(f"{i}_{t}_constant", [ids, const(keys), const(numbers(rng, t, shape))], [t, "uint8"])
    ids = np.array([3, -3, 4, 5, 12, 3], np.int32)
    yield node.case("strings", [ids, i32(-3, 3, 5, 7, 12), words(rng, (5,))], ["string", "uint8"])
    yield node.case("constant_strings", [ids, i32(-3, 3, 5), const(text(b"a", b"", b"ccc"))], ["string", "uint8"])
    yield node.case("equal_keys", [ids, i32(3, 3, 3, 4, 4, 12), numbers(rng, "int32", (6, 2))], ["int32", "uint8"])
    yield node.case("unsorted_keys", [ids, i32(12, 3, 7, -3, 5), numbers(rng, "int32", (5, 2))], ["int32", "uint8"])
    yield node.case("no_ids", [np.zeros(0, np.int32), i32(1, 2), numbers(rng, "float32", (2, 3))], ["float32", "uint8"])
    yield node.case("quantized", [ids, i32(3, 4), quant(numbers(rng, "int8", (2, 3)), 0.3, 5)], ["int8", "uint8"], quant=(0.3, 5))


def hashes(rng):
    node = Node("LSH_PROJECTION", "LSHProjectionOptions")
    for i, (seeds, t, items) in enumerate([((3, 2), "int32", (5,)), ((2, 8), "int32", (4, 2)), ((4, 1), "int64", (3,)), ((1, 31), "float32", (7, 3)),
                                           ((2, 16), "int8", (9, 5)), ((3, 4), "uint8", (1, 17)), ((2, 3), "int16", (33,)), ((5, 3), "bool", (6, 2)),
                                           ((2, 5), "int32", (2, 3, 7)), ((1, 4), "float64", (3, 9)), ((0, 4), "int32", (3,)), ((3, 4), "int32", (3, 0))]):
        for kind, code in (("sparse", 1), ("dense", 2)):
            seed = rng.standard_normal(seeds).astype(np.float32)
            args = [seed, numbers(rng, t, items)]
            yield node.case(f"{i}_{kind}", args, ["int32"], {"type": code})
            yield node.case(f"{i}_{kind}_weights", args + [rng.standard_normal(items[0]).astype(np.float32)], ["int32"], {"type": code})
    for i, shape in enumerate([(3,), (1,), (4, 2), (17,)]):  # the bytes of a tensor of strings, cut into equal pieces
        args = [rng.standard_normal((3, 4)).astype(np.float32), words(rng, shape)]
        yield node.case(f"strings_{i}", args + ([rng.standard_normal(shape[0]).astype(np.float32)] if i % 2 else []), ["int32"], {"type": 1 + i % 2})
    yield node.case("constant_strings", [rng.standard_normal((3, 4)).astype(np.float32), const(text(b"ab", b"", b"c"))], ["int32"], {"type": 2})
    yield node.case("bits_32", [rng.standard_normal((1, 32)).astype(np.float32), numbers(rng, "int32", (6,))], ["int32"], {"type": 1})


def grams(rng):
    node = Node("SKIP_GRAM", "SkipGramOptions")
    sentences = [b"the quick brown fox jumps over it", b"one", b"", b"a  b\tc\nd", b" lead and trail ", b"  x", b" ", b"trail ", b"a b c d e f g",
                 b"\xc3\xa4 \xe2\x82\xac\x0b.\x0c,\rz"]
    for i, sentence in enumerate(sentences):
        for size, skip, shorter in ((1, 0, False), (2, 0, False), (2, 1, True), (3, 2, False), (3, 1, True), (4, 9, True)):
            yield node.case(f"{i}_{size}_{skip}_{int(shorter)}", [text(sentence)], ["string"],
                            {"ngramSize": size, "maxSkipSize": skip, "includeAllNgrams": shorter})
    for size, skip in ((0, 1), (-1, 1), (2, -1), (1, -1), (9, 0)):
        yield node.case(f"odd_{size}_{skip}", [text(sentences[0])], ["string"], {"ngramSize": size, "maxSkipSize": skip, "includeAllNgrams": True})
    yield node.case("second_element", [text(b"a b", b"c d e")], ["string"], {"ngramSize": 2, "maxSkipSize": 0, "includeAllNgrams": False})
    yield node.case("constant", [const(text(b"a b c"))], ["string"], {"ngramSize": 2, "maxSkipSize": 1, "includeAllNgrams": True})


def top(rng):
    node = Node("TOPK_V2", "TopKV2Options", version=3)
    plans = [((7,), 1), ((7,), 7), ((3, 5), 5), ((2, 3, 17), 16), ((33,), 32), ((2, 2, 2, 9), 3), ((1, 2, 1, 2, 5), 2), ((1, 300), 299)]
    for i, (shape, k) in enumerate(plans):
        for j, t in enumerate(("float32", "int8", "uint8", "int16", "int32", "int64")):
            x = numbers(rng, t, shape)
            if (i + j) % 2:
                x = np.round(x) if t == "float32" else (x % 3).astype(t)
            kt, it = ("int32", "int16")[(i + j) % 3 == 0], ("int32", "int16")[(i + j) % 2]
            yield node.case(f"{i}_{t}", [x, const(np.array(k, kt))], [t, it])
    yield node.case("vector_k", [numbers(rng, "float32", (2, 6)), const(np.array([3], np.int32))], ["float32", "int32"])
    yield node.case("dynamic_int16", [numbers(rng, "int8", (2, 6)), np.array(4, np.int16)], ["int8", "int16"])
    yield node.case("quantized", [quant(numbers(rng, "int8", (2, 6)), 0.1, 3), const(np.int32(4))], ["int8", "int32"], quant=(0.1, 3))
    x = np.array([[np.inf, -np.inf, np.finfo(np.float32).max, 1e-45, -1e-45, 0, -0.0, 5]], np.float32)
    yield node.case("limits", [x, const(np.int32(8))], ["float32", "int32"])
    x = np.array([[np.iinfo(np.int64).min, 2**62, -1, np.iinfo(np.int64).max, 0]], np.int64)
    yield node.case("int64_limits", [x, const(np.int32(5))], ["int64", "int32"])


def distinct(rng):
    node = Node("UNIQUE", "UniqueOptions")
    for i, n in enumerate((1, 2, 3, 7, 33, 500)):
        for t in ("float32", "int8", "uint8", "int16", "int32", "int64"):
            x = numbers(rng, t, (n,)) if i % 2 else rng.integers(0, n, n).astype(t)
            k = ("int32", "int64")[i % 2]
            yield node.case(f"{n}_{t}", [x], [t, k], {"idxOutType": type_code(k)})
    yield node.case("equal", [np.full(9, 4, np.int64)], ["int64", "int32"], {"idxOutType": 2})
    yield node.case("constant", [const(np.array([3, 1, 3], np.int32))], ["int32", "int32"], {"idxOutType": 2})
    yield node.case("infinite", [np.array([np.inf, 1, -np.inf, np.inf, -1e-45, 1e-45], np.float32)], ["float32", "int64"], {"idxOutType": 4})


def buckets(rng):
    node = Node("BUCKETIZE", "BucketizeOptions")
    bounds = [[0.0], [-1.5, 0.0, 0.0, 2.0], [1.0, 5.0, 100.0], list(np.arange(-20, 20, 0.5)), [-np.inf, 0.0, np.inf], [0.1, 0.2, 0.3]]
    for i, shape in enumerate([(), (1,), (7,), (3, 5), (2, 0), (2, 3, 4, 1, 2)]):
        for t in ("float32", "float64", "int32", "int64"):
            x = (rng.standard_normal(shape) * 9).astype(t)
            yield node.case(f"{i}_{t}", [x], ["int32"], {"boundaries": bounds[i]})
    for t in ("int32", "int64"):  # integers are compared as float32
        x = np.array([2**24, 2**24 + 1, np.iinfo(t).max, np.iinfo(t).min, -2**24 - 1], t)
        yield node.case(f"large_{t}", [x], ["int32"], {"boundaries": [-2.0**24, 2.0**24, 2.0**31]})
    x = np.array([0.1, np.float32(0.1), 0.3, np.float32(0.3), np.inf, -np.inf])
    yield node.case("double", [x], ["int32"], {"boundaries": [0.1, 0.2, 0.3]})
    yield node.case("nan", [np.array([np.nan, 1], np.float32)], ["int32"], {"boundaries": [0.0, 2.0]})
    yield node.case("other_dtype", [np.array([3, 1], np.int32)], ["int64"], {"boundaries": [0.0, 2.0]})


def embedding(rng):
    node = Node("EMBEDDING_LOOKUP", version=4)
    ids = np.array([2, 0, 4, 4, 1], np.int32)
    for t in ("float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"):
        for i, shape in enumerate([(5, 3), (6, 2, 4), (5, 33), (7, 2, 1, 3, 2), (5, 0)]):
            x = rng.integers(0, 1 << 16, shape).astype(np.uint16) if t == "bfloat16" else numbers(rng, t, shape)
            yield node.case(f"{i}_{t}", [ids, Arg(x, True, t)], [t])
    yield node.case("no_ids", [np.zeros(0, np.int32), const(numbers(rng, "float32", (5, 3)))], ["float32"])
    yield node.case("given_table", [ids, numbers(rng, "float32", (5, 3))], ["float32"])
    yield node.case("quantized_rows", [ids, quant(numbers(rng, "int8", (5, 4)), 0.2, 3, True)], ["int8"], quant=(0.2, 3))
    for t, least, most in (("int8", -128, 127), ("uint8", 0, 255), ("int4", -8, 7), ("int2", -2, 1)):
        for i, shape in enumerate([(5, 8), (5, 4, 4), (6, 2, 3, 4), (5, 36)]):
            x = rng.integers(least, most + 1, shape).astype("uint8" if t == "uint8" else "int8")
            scales = rng.uniform(0.001, 2, shape[0]).astype(np.float32)
            yield node.case(f"hybrid_{t}_{i}", [ids, Arg(x, True, t, 0.037, 0)], ["float32"])
            yield node.case(f"rows_{t}_{i}", [ids, Arg(x, True, t, scales, np.zeros(shape[0], int))], ["float32"])
            yield node.case(f"half_{t}_{i}", [ids, Arg(x, True, t, scales if i % 2 else 0.37, np.zeros(shape[0], int) if i % 2 else 0)], ["float16"])
    for i, (t, columns, block) in enumerate([("int4", 64, 32), ("int4", 32, 32), ("int4", 128, 64)]):
        for out in ("float32", "float16"):
            g = ModelGen()
            table = rng.integers(-8, 8, (5, columns)) if t == "int4" else rng.integers(-2, 2, (5, columns))
            scale = g.constant("scale", "float16", rng.uniform(0.01, 1, (5, columns // block)).astype(np.float16))
            x, y = g.tensor("ids", "int32", (5,)), g.tensor("y", out, (5, columns))
            w = g.tensor("table", t, (5, columns), data=table.astype(np.int8), block=(scale, -1, block))
            g.op("EMBEDDING_LOOKUP", [x, w], [y], version=5)
            g.inputs([x])
            g.outputs([y])
            yield Case(f"blocks_{i}_{out}", op="EMBEDDING_LOOKUP", model=g.build(), inputs=[ids])


def sparse_embedding(rng):
    node = Node("EMBEDDING_LOOKUP_SPARSE", "EmbeddingLookupSparseOptions")
    for combiner in range(3):
        for i, (dense, n, shape) in enumerate([([3, 4], 7, (5, 3)), ([1, 4], 2, (5, 1)), ([4, 2], 0, (5, 3)), ([2, 2, 3], 6, (4, 2, 2)), ([6], 5, (5, 3)),
                                               ([5, 7], 12, (9, 17)), ([2, 1, 2, 3], 5, (3, 2))]):
            where = np.unique(np.stack([rng.integers(0, d, n) for d in dense], -1).reshape(n, len(dense)), axis=0).astype(np.int32)
            args = [rng.integers(0, shape[0], len(where)).astype(np.int32), where, np.array(dense, np.int32),
                    rng.uniform(0.1, 2, len(where)).astype(np.float32), numbers(rng, "float32", shape)]
            yield node.case(f"{combiner}_{i}", args, ["float32"], {"combiner": combiner}, tol=Close(1e-6, 1e-7))
        again = np.array([[1, 0], [0, 0], [1, 1]], np.int32)  # a row that comes again is divided again
        args = [np.array([0, 1, 2], np.int32), again, i32(2, 2), np.array([2, 0.5, 1], np.float32), const(numbers(rng, "float32", (3, 4)))]
        yield node.case(f"{combiner}_again", args, ["float32"], {"combiner": combiner}, tol=Close(1e-6, 1e-7))
        args[3] = np.array([0, 0.5, -1], np.float32)
        yield node.case(f"{combiner}_zero_weight", args, ["float32"], {"combiner": combiner}, tol=Close(1e-6, 1e-7))


def cases(rng):
    for family in (tables, hashes, grams, top, distinct, buckets, embedding, sparse_embedding):
        yield from family(rng)
