# SPDX-License-Identifier: Apache-2.0
"""lookup.py: what lookups, hashes, segments and searches must refuse."""

import numpy as np

from onenode import Arg, Node, const, i32, quant, text


def tables(rng):
    node = Node("HASHTABLE_LOOKUP")
    ids, keys, values = np.zeros(2, np.int32), i32(1, 2, 3), np.zeros((3, 2), np.float32)
    yield node.refusal("keys", [ids, i32(1, 2), values], ["float32", "uint8"], "expected a key for each of 3 rows of values, found 2 keys")
    yield node.refusal("ids_rank", [ids.reshape(2, 1), keys, values], ["float32", "uint8"], "expected a tensor of rank 1, found 'x0' int32 (2, 1)")
    yield node.refusal("ids_dtype", [ids.astype(np.int64), keys, values], ["float32", "uint8"], "expected input 0 of dtype int32, found 'x0' int64 (2,)")
    yield node.refusal("hits", [ids, keys, values], ["float32", "int8"], "expected output 1 of dtype uint8, found 'y1' int8 (shape not known yet)")
    yield node.refusal("values_dtype", [ids, keys, values], ["int32", "uint8"],
                       "expected equal dtypes, found 'x2' float32 (3, 2) and 'y0' int32 (shape not known yet)")
    node = Node("LSH_PROJECTION", "LSHProjectionOptions")
    seeds, items = np.zeros((2, 4), np.float32), np.zeros((3, 2), np.int32)
    for code in (0, 3):
        yield node.refusal(f"type_{code}", [seeds, items], ["int32"], f"expected projection type 1 (SPARSE) or 2 (DENSE), found {code}", {"type": code})
    yield node.refusal("bits", [np.zeros((2, 33), np.float32), items], ["int32"], "expected at most 32 bits a hash, found 33", {"type": 1})
    yield node.refusal("no_items", [seeds, const(np.zeros((0, 2), np.int32))], ["int32"],
                       "expected one item or more, of strings or numbers of whole bytes, found 'x1' int32 (0, 2)", {"type": 1})
    yield node.refusal("weights", [seeds, items, np.zeros(2, np.float32)], ["int32"], "expected a weight for each of 3 items, found 2", {"type": 1})
    yield node.refusal("seeds", [seeds.astype(np.int32), items], ["int32"], "expected input 0 of dtype float32, found 'x0' int32 (2, 4)", {"type": 1},
                       lenient="the reference takes the bits for floats")
    node = Node("SKIP_GRAM", "SkipGramOptions")
    yield node.refusal("nothing", [const(text())], ["string"], "expected a sentence, found 'x0' string (0,)", {"ngramSize": 1},
                       lenient="the reference reads beyond its input")
    yield node.refusal("dtype", [np.zeros(2, np.int32)], ["string"], "expected input 0 of dtype string, found 'x0' int32 (2,)", {"ngramSize": 1})


def searches(rng):
    node = Node("TOPK_V2", "TopKV2Options")
    x = np.zeros((2, 5), np.float32)
    yield node.refusal("k", [x, const(np.int32(6))], ["float32", "int32"], "expected k from 0 up to the last extent 5, found 6")
    yield node.refusal("k_at_invoke", [x, np.array(6, np.int32)], ["float32", "int32"], "expected k from 0 up to the last extent 5, found 6", when="invoke")
    yield node.refusal("ks", [x, i32(1, 2)], ["float32", "int32"], "expected 1 value(s) in 'x1' int32 (2,), found 2")
    yield node.refusal("indices", [np.zeros((1, 32768), np.int8), const(np.int32(2))], ["int8", "int16"], "expected rows whose indices fit int16, found 32768 entries",
                       lenient="LiteRT refuses it, too; TensorFlow's kernel lets the indices wrap around")
    yield node.refusal("scalar", [np.float32(1), const(np.int32(1))], ["float32", "int32"], "expected a tensor of rank 1 to 8, found 'x0' float32 ()")
    yield node.refusal("dtype", [x.astype(bool), const(np.int32(1))], ["bool", "int32"],
                       "expected input 0 of dtype float32 or int8 or uint8 or int16 or int32 or int64 or float64 or float16 or bfloat16 or uint16 or uint32 or uint64, "
                       "found 'x0' bool (2, 5)")
    node = Node("UNIQUE", "UniqueOptions")
    yield node.refusal("rank", [x], ["float32", "int32"], "expected a tensor of rank 1, found 'x0' float32 (2, 5)", {"idxOutType": 2})
    yield node.refusal("dtype", [x[0].astype(bool)], ["bool", "int32"],
                       "expected input 0 of dtype float32 or int8 or uint8 or int16 or int32 or int64, found 'x0' bool (5,)", {"idxOutType": 2})
    node = Node("BUCKETIZE", "BucketizeOptions")
    yield node.refusal("order", [x], ["int32"], "expected boundaries in ascending order, found 0.5 after 2", {"boundaries": [1.0, 2.0, 0.5]})
    yield node.refusal("dtype", [x.astype(np.int8)], ["int32"], "expected input 0 of dtype float32 or float64 or int32 or int64, found 'x0' int8 (2, 5)",
                       {"boundaries": [1.0]})


def segments(rng):
    node = Node("SEGMENT_SUM", "SegmentSumOptions")
    x = np.zeros((3, 2), np.float32)
    for i, (ids, found, at) in enumerate([((1, 1, 2), 1, 0), ((0, 2, 2), 2, 1), ((0, 1, 0), 0, 2), ((-1, 0, 1), -1, 0)]):
        yield node.refusal(f"order_{i}", [x, np.array(ids, np.int32)], ["float32"],
                           f"expected segment ids that begin at 0 and go up by 0 or 1, found {found} at position {at}", when="invoke",
                           lenient="" if i == 2 else "LiteRT refuses it, too; TensorFlow's kernel leaves gaps, or writes in front of its output")
    yield node.refusal("ids", [x, i32(0, 0)], ["float32"], "expected a segment id for each of 3 rows, found 2")
    yield node.refusal("dtype", [x.astype(np.int64), i32(0, 0, 1)], ["int64"], "expected input 0 of dtype float32 or int32, found 'x0' int64 (3, 2)")
    node = Node("UNSORTED_SEGMENT_SUM", "UnsortedSegmentSumOptions")
    yield node.refusal("prefix", [x, np.zeros((2,), np.int32), const(np.int32(2))], ["float32"],
                       "expected segment ids over the first dimensions of (3, 2), found (2,)")
    yield node.refusal("rank", [x, np.zeros((3, 2, 1), np.int32), const(np.int32(2))], ["float32"],
                       "expected segment ids over the first dimensions of (3, 2), found (3, 2, 1)")
    yield node.refusal("segments", [x, i32(0, 0, 0), const(np.int32(-1))], ["float32"], "expected 0 or more segments, found -1")
    yield node.refusal("id", [x, np.array([0, -1, 2], np.int32), const(np.int32(2))], ["float32"], "expected segment ids below 2, found 2 at position 2", when="invoke")
    yield node.refusal("rank_9", [np.zeros((1,) * 8, np.float32), const(np.int32(0)), const(np.int32(1))], ["float32"],
                       "expected output 'y0' of at most 8 dimensions, found 9",
                       lenient="no tensor here has more than 8 dimensions")
    yield node.refusal("dtype", [x.astype(bool), i32(0, 0, 0), const(np.int32(1))], ["bool"], "expected a dtype that this op joins, found 'x0' bool (3, 2)")


def embeddings(rng):
    node = Node("EMBEDDING_LOOKUP", version=3)
    ids, table = np.array([1, 0], np.int32), np.zeros((3, 4), np.int8)
    for i in (3, -1):
        yield node.refusal(f"id_{i}", [np.array([0, i], np.int32), const(table)], ["int8"], f"expected ids in [0, 3) (rows of the table), found {i} at position 1", when="invoke")
    yield node.refusal("no_scale", [ids, const(table)], ["float32"], "expected a quantized table for a float output, found no scale on 'x1'",
                       lenient="the reference multiplies by a scale of 0")
    yield node.refusal("zero_point", [ids, quant(table, 0.1, 3, True)], ["float32"], "expected zero point 0 of the table, found 3")
    yield node.refusal("axis", [ids, Arg(table, True, "", [0.1] * 4, [0] * 4, 1)], ["float32"],
                       "expected one scale, one a row or one a block of the table, found 4 along axis 1")
    yield node.refusal("dtypes", [ids, const(table)], ["int16"], "expected equal dtypes, found 'x1' int8 (3, 4) and 'y0' int16 (shape not known yet)",
                       lenient="the reference copies bytes of one dtype into a tensor of another")
    yield node.refusal("half_table", [ids, const(table.astype(np.float16))], ["float32"],
                       "expected input 1 of dtype int8 or uint8 or int4 or int2, found 'x1' float16 (3, 4)", lenient="the reference takes halves for bytes")
    yield node.refusal("rank", [ids, const(table[0])], ["int8"], "expected a tensor of rank 2 to 8, found 'x1' int8 (4,)")
    node = Node("EMBEDDING_LOOKUP_SPARSE", "EmbeddingLookupSparseOptions")
    where, table = np.array([[0, 0], [1, 1]], np.int32), np.zeros((3, 4), np.float32)
    weights = np.ones(2, np.float32)
    yield node.refusal("combiner", [ids, where, i32(2, 2), weights, table], ["float32"], "expected combiner 0 (SUM), 1 (MEAN) or 2 (SQRTN), found 3", {"combiner": 3},
                       lenient="the reference takes combiners that it does not know for sums")
    yield node.refusal("weights", [ids, where, i32(2, 2), weights[:1], table], ["float32"], "expected a coordinate and a weight for each of 2 ids, found 2 coordinates of 2 numbers, "
                       "1 weights and a dense shape of 2")
    yield node.refusal("no_coordinates", [ids, const(np.zeros((2, 0), np.int32)), const(np.zeros(0, np.int32)), weights, table], ["float32"],
                       "expected coordinates of 1 to 8 numbers, found 0",
                       lenient="the reference makes an output of one dimension less than a row has")
    yield node.refusal("coordinate", [ids, where * 2, i32(2, 2), weights, table], ["float32"],
                       "expected coordinates in [0, 2) for dimension 0, found 2 in coordinate 1", when="invoke", lenient="the reference leaves out what lies outside")
    yield node.refusal("id", [ids + 2, where, i32(2, 2), weights, table], ["float32"], "expected ids in [0, 3) (rows of the table), found 3 at position 0", when="invoke")
    yield node.refusal("table", [ids, where, i32(2, 2), weights, table.astype(np.int8)], ["float32"], "expected input 4 of dtype float32, found 'x4' int8 (3, 4)",
                       lenient="the reference takes any table for floats")


def refusals(rng):
    for part in (tables, searches, segments, embeddings):
        yield from part(rng)
