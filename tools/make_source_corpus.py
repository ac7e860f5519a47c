#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzzers of sources into fuzz/corpus: bundle, slices, graphdef, safetensors.

Each is small and uses one corner of its format. They are committed, so this is run only when the set changes; it needs
nothing but tests/python/tables.py. The first letter of a checkpoint's seed is explained in fuzz/anysource.h.

    tools/make_source_corpus.py [folder]
"""

import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))
import tables as t  # noqa: E402

FLOAT, STRING, INT64, BFLOAT16, INT4 = 1, 7, 9, 14, 29
F6 = struct.pack("<6f", *range(6))
GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"


# ---- layouts --------------------------------------------------------------------


def as_pairs(pairs, data=b""):
    body = b"".join(struct.pack("<HH", len(k), len(v)) + k + v for k, v in pairs)
    return b"P" + body + struct.pack("<HH", 0xFFFF, 0) + data


def as_block(block, kind=0, data=b""):
    return b"B" + struct.pack("<BH", kind, len(block)) + block + data


def as_file(table, data=b""):
    return b"R" + struct.pack("<H", len(table)) + table + data


# ---- checkpoints, V2 ----------------------------------------------------------------


def object_graph():
    def child(to, name):
        return (1, 2, [(1, 0, to), (2, 2, name)])

    def value(name, key):
        return (2, 2, [(1, 2, b"VARIABLE_VALUE"), (2, 2, name), (3, 2, key)])

    nodes = [[child(1, b"w"), child(1, b"again"), child(2, b"optimizer"), child(0, b"me"), child(4, b"a.b/c")],
             [value(b"dense/w", b"w/.ATTRIBUTES/VARIABLE_VALUE")],
             [(3, 2, [(1, 0, 1), (2, 2, b"m"), (3, 0, 3)]), child(1, b"_w")],
             [value(b"", b"w/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE")],
             [child(0, b"up"), child(1, b"w")]]
    return t.message([(1, 2, node) for node in nodes])


def plain():
    return t.bundle([(b"a", FLOAT, [2, 3], F6), (b"a/Adam", FLOAT, [2, 3], F6), (b"b", INT64, [], b"\1" * 8),
                     (b"a/ExponentialMovingAverage", FLOAT, [2, 3], F6), (b"global_step", INT64, [], b"\2" * 8),
                     (b"h", BFLOAT16, [3], F6[:6]), (b"i4", INT4, [3], b"\1\xff\7"), (b"none", FLOAT, [0, 5], b"")])


def with_entry(**fields):
    pairs, data = t.bundle([(b"a", FLOAT, [2, 3], F6)])
    return as_pairs([pairs[0], (b"a", t.entry(**fields))], data)


def sliced(parts):
    return as_pairs(*t.bundle([(b"a", FLOAT, [2, 3], parts)]))


def bundles():
    pairs, data = plain()
    graph = t.bundle([(GRAPH, STRING, [], [object_graph()]), (b"w/.ATTRIBUTES/VARIABLE_VALUE", FLOAT, [2, 3], F6),
                      (b"w/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", FLOAT, [2, 3], F6)])
    block = t.block_of(pairs, 2)
    yield "plain", as_pairs(pairs, data)
    yield "file", as_file(t.write_table(pairs, 3), data)
    yield "block", as_block(block, 0, data)
    yield "snappy", as_block(t.snappy_literal(block), 1, data)
    yield "bomb", as_block(t.snappy_run(0, 20_000, 2**32 - 1), 1)
    yield "strings", as_pairs(*t.bundle([(b"s", STRING, [3], [b"", b"\0x", b"long" * 50]), (b"e", STRING, [0], [])]))
    yield "objects", as_pairs(*graph)
    yield "big_endian", as_pairs([(b"", t.header(1, 1)), *pairs[1:]], data)
    yield "slices", sliced([([(0, 1), None], F6[:12]), ([(1, 1), None], F6[12:])])
    yield "slices_overlap", sliced([([(0, 1), None], F6[:12]), ([(0, 2), (0, 1)], F6[:8])])
    yield "slices_missing", sliced([([(0, 1), None], F6[:12])])
    yield "overflow", with_entry(dims=[2**62, 2**62], size=24)
    yield "negative", with_entry(dims=[-1, 3], size=24, offset=-8, shard=-1)
    yield "far", with_entry(dims=[2, 3], size=2**63 - 1, offset=2**62)
    yield "deep", with_entry(dims=[1] * 300, size=24)
    yield "shards", as_pairs([(b"", t.header(2**31 - 1)), *pairs[1:]], data)


# ---- V1 --------------------------------------------------------------------------------


def slices():
    halves = (b"a", FLOAT, [2, 3], [([(0, 1), None], t.v1_floats([0, 1, 2])), ([(1, 1), None], t.v1_floats([3, 4, 5]))])
    whole = (b"b", FLOAT, [3], [([None], t.v1_floats([1, 2, 3]))])
    words = (b"s", STRING, [2], [([None], [(1, 0, STRING), (8, 2, b"one"), (8, 2, b"\0")])])
    ints = (b"i", INT64, [3], [([None], [(1, 0, INT64), (10, 2, b"\1\2" + t.varint(-1))])])
    pairs = t.v1_pairs([halves, whole, words, ints])
    block = t.block_of(pairs)
    yield "pairs", as_pairs(pairs)
    yield "file", as_file(t.write_table(pairs, 2, t.snappy_literal))
    yield "snappy", as_block(t.snappy_literal(block), 1)
    yield "bomb", as_block(t.snappy_run(1, 30_000, 2**31), 1)
    overlap = (b"a", FLOAT, [2], [([(0, 2)], t.v1_floats([1, 2])), ([(1, 1)], t.v1_floats([3]))])
    yield "overlap", as_pairs(t.v1_pairs([overlap]))
    yield "missing", as_pairs([pairs[0], pairs[-1]])
    huge = (b"a", FLOAT, [2**40, 2**40], [([None, None], t.v1_floats([1]))])
    yield "overflow", as_pairs(t.v1_pairs([huge]))
    short = (b"a", FLOAT, [4], [([None], t.v1_floats([1, 2]))])
    yield "short", as_pairs(t.v1_pairs([short]))


# ---- graphs ------------------------------------------------------------------------------


def attr(name, value):
    return (5, 2, [(1, 2, name), (2, 2, value)])


def const(name, dtype, dims, *content):
    tensor = [(1, 0, dtype), (2, 2, t.shape(dims)), *content]
    return [(1, 2, name), (2, 2, b"Const"), attr(b"dtype", [(6, 0, dtype)]), attr(b"value", [(8, 2, tensor)])]


def graph_message():
    kinds = [(1, 2, b"made"), (2, 2, b"Op"), (3, 2, b"x"), (3, 2, b"^y"), (4, 2, b"/cpu:0"), attr(b"s", [(2, 2, b"\0t")]),
             attr(b"i", [(3, 0, -1)]), attr(b"f", [(4, 5, 0x3F800000)]), attr(b"b", [(5, 0, 1)]),
             attr(b"shape", [(7, 2, [*t.shape([2, -1]), (3, 0, 0)])]), attr(b"unknown", [(7, 2, [(3, 0, 1)])]),
             attr(b"func", [(10, 2, [(1, 2, b"f")])]), attr(b"holder", [(9, 2, b"T")]),
             attr(b"list", [(1, 2, [(2, 2, b"a"), (2, 2, b"b")])]), attr(b"ints", [(1, 2, [(3, 2, b"\1\2\3")])]),
             attr(b"empty", [(1, 2, [])])]
    nodes = [const(b"content", FLOAT, [2, 3], (4, 2, F6)), const(b"splat", FLOAT, [1000], (5, 2, F6[4:8])),
             const(b"ints", 3, [4], (7, 2, b"\1\2")), const(b"words", STRING, [2], (8, 2, b"a"), (8, 2, b"")),
             const(b"i4", INT4, [3], (4, 2, b"\1\2\3")), const(b"huge", FLOAT, [2**40], (5, 2, F6[4:8])), kinds]
    function = [(1, 2, [(1, 2, b"fun")]), (3, 2, const(b"inner", INT64, [], (10, 0, 7)))]
    return [*((1, 2, node) for node in nodes), (2, 2, [(1, 2, function)]), (4, 2, [(1, 0, 1000)])]


TEXT = b"""# words
node { name: "a" op: 'Const' device: "" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } dim: < size: 2 > }
    tensor_content: "\\000\\000\\200?\\x00\\x00\\x00@" "\\000\\000\\200?\\000\\000\\000@" } } } }
node { name: "b" op: "Const" input: "a" input: ["c", "^d"] attr { key: "value" value { tensor { dtype: DT_INT32
  tensor_shape { dim { size: 3 } } int_val: [1, -2, 0x10] } } } attr { key: "l" value { list { f: [1.5, -inf, nan, 1e-3f]
  b: true s: "x" } } } }
library { function { signature { name: "f" } node_def { name: "n" op: "NoOp" } } }
versions { producer: 5 }
"""


def graphs():
    graph = graph_message()
    yield "graph.pb", t.message(graph)
    meta = [(1, 2, [(4, 2, b"serve"), (5, 2, b"1.0")]), (2, 2, graph), (3, 2, [(1, 2, b"save/Const:0")])]
    yield "meta.pb", t.message(meta)
    yield "saved_model.pb", t.message([(1, 0, 1), (2, 2, meta), (2, 2, meta)])
    yield "graph.pbtxt", TEXT


# ---- archives ----------------------------------------------------------------------------


def safetensors(fields, data):
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text + data


def archives():
    def place(dtype, shape, a, b):
        return {"dtype": dtype, "shape": shape, "data_offsets": [a, b]}

    yield "two", safetensors({"__metadata__": {"format": "np"}, "a": place("F32", [2, 3], 0, 24),
                              "b\u00e9\"\\": place("BF16", [], 24, 26)}, F6 + b"\0\1")
    yield "empty", safetensors({}, b"")
    yield "overlap", safetensors({"a": place("F32", [6], 0, 24), "b": place("I64", [2], 8, 24)}, F6)
    yield "beyond", safetensors({"a": place("U8", [2**40], 0, 2**40)}, F6)
    yield "backwards", safetensors({"a": place("I32", [1], 8, 4), "b": place("F64", [-1], 0, 8)}, F6)
    yield "deep", struct.pack("<Q", 600) + b'{"a":' + b"[" * 590 + b"]]]]}"


FOLDERS = {"bundle": (bundles, ".ckpt"), "slices": (slices, ".ckpt"), "graphdef": (graphs, ""),
           "safetensors": (archives, ".safetensors")}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "fuzz" / "corpus"
    for name, (make, ending) in FOLDERS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed, data in make():
            (folder / name / (seed + ending)).write_bytes(data)
            print(f"{name}/{seed}: {len(data)} bytes")


if __name__ == "__main__":
    main()
