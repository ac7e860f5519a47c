# SPDX-License-Identifier: Apache-2.0
"""state.py: what variables and hash tables must refuse."""

import numpy as np

from case import Refusal
from changed import case_file
from modelgen import ModelGen


def variables(make):
    x = np.array([1, 2], np.float32)
    yield Refusal("assign_handle_shape", "ASSIGN_VARIABLE", handles((2,)), [np.zeros(2, np.int32), x], "A1")
    g = ModelGen()
    xt = g.tensor("x", "float32", (2,))
    v = make.handle(g, "v")
    make.assign(g, v, xt)
    y = make.read(g, v, "int32", (2,))
    g.inputs([xt])
    g.outputs([y])
    yield Refusal("read_another_dtype", "READ_VARIABLE", g.build(), [x], "A3", when="invoke")
    g = ModelGen()
    g.inputs([])
    g.outputs([make.read(g, make.handle(g, "lost"), "float32", (2,))])
    yield Refusal("never_assigned", "READ_VARIABLE", g.build(), [], "A4", when="invoke")
    g = ModelGen()
    h = make.make_table(g, 5, "string", "int64")
    g.inputs([])
    g.outputs([make.read(g, h, "float32", (2,))])
    yield Refusal("read_a_table", "READ_VARIABLE", g.build(), [], "A5", when="invoke")
    g = ModelGen()
    h, n = make.handle(g, "v"), g.tensor("n", "int64", (1,))
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield Refusal("size_of_a_variable", "HASHTABLE_SIZE", g.build(), [], "A6", when="invoke")
    g = ModelGen()
    v, h = make.handle(g, "table_5"), make.make_table(g, 5, "string", "int64")
    g.inputs([])
    g.outputs([v, h])
    yield Refusal("one_name_two_kinds", "HASHTABLE", g.build(), [], "A7")


def handles(shape):
    """A handle of another shape, from outside."""
    g = ModelGen()
    h, x = g.tensor("h", "resource", shape), g.tensor("x", "float32", (2,))
    g.op("ASSIGN_VARIABLE", [h, x], [], "AssignVariableOptions")
    g.inputs([h, x])
    g.outputs([x])
    return g.build()


def tables(make):
    ask, words, numbers = np.array([2, 9], np.int64), make.strings(b"one", b"two"), np.array([1, 2], np.int64)

    def bad(name, op, message, model, when="allocate", feeds=None, lenient=""):
        return Refusal(f"table_{name}", op, model, [ask] if feeds is None else feeds, message, when, lenient)

    yield bad("key_dtype", "HASHTABLE", "B1", make.table(np.ones(2, np.float32), words, "float32", "string",
                                                         np.ones(2, np.float32), make.strings(b"?"), False),
              feeds=[np.ones(2, np.float32)])
    yield bad("empty", "HASHTABLE_FIND", "B2", make.table(numbers, words, "int64", "string", ask, make.strings(b"?"), False), "invoke")
    yield bad("values", "HASHTABLE_IMPORT", "B3", make.table(np.array([1, 2, 3], np.int64), words, "int64", "string", ask,
                                                             make.strings(b"?")), "invoke")
    yield bad("no_default", "HASHTABLE_FIND", "B4", make.table(numbers, words, "int64", "string", ask, np.zeros(0, object)), "invoke")
    yield bad("default_dtype", "HASHTABLE_FIND", "B5", found(make, numbers, words, "int64", "int64"), "allocate")
    yield bad("other_keys", "HASHTABLE_FIND", "B6", found(make, numbers, words, "string", "int64"), "invoke", [words])
    yield bad("other_import", "HASHTABLE_IMPORT", "B7", found(make, words, numbers, "int64", "string"), "invoke")
    g = ModelGen()
    first, second, n = make.make_table(g, 5, "string", "int64"), make.make_table(g, 5, "int64", "string"), g.tensor("n", "int64", (1,))
    g.op("HASHTABLE_SIZE", [first], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield bad("made_twice", "HASHTABLE", "B8", g.build(), "allocate", [])
    g = ModelGen()
    h, n = make.make_table(g, 5, "string", "int64"), g.tensor("n", "int32", (1,))
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield bad("size_dtype", "HASHTABLE_SIZE", "B9", g.build(), "allocate", [])


def found(make, keys, values, key_dtype, value_dtype):
    """A table from int64 to string, filled with keys and values, asked by key_dtype for value_dtype."""
    g = ModelGen()
    make.call_once(g, 1)
    x = g.tensor("x", key_dtype, (2,))
    y = g.tensor("y", value_dtype if (key_dtype, value_dtype) != ("int64", "int64") else "string", (2,))
    default = make.strings(b"?") if value_dtype == "string" else np.array([0], np.int64)
    h = make.make_table(g, 1, "int64", "string")
    g.op("HASHTABLE_FIND", [h, x, g.constant("default", value_dtype, default)], [y], "HashtableFindOptions")
    g.inputs([x])
    g.outputs([y])
    g.new_graph("init")
    kind = {np.dtype(np.int64): "int64"}.get(keys.dtype, "string")
    make.fill(g, make.make_table(g, 1, "int64", "string"), keys, values, kind, "string" if kind == "int64" else "int64")
    return g.build()


def refusals(rng):
    make = case_file("state")
    yield from variables(make)
    yield from tables(make)
