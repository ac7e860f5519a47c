# SPDX-License-Identifier: Apache-2.0
"""state.py: what variables and hash tables must refuse."""

import numpy as np

from case import Refusal
from changed import case_file
from modelgen import ModelGen


def variables(make):
    x = np.array([1, 2], np.float32)
    yield Refusal("assign_handle_shape", "ASSIGN_VARIABLE", handles((2,)), [np.zeros(2, np.int32), x],
                  "expected a handle of one element, found 'h' resource (2,)")
    g = ModelGen()
    xt = g.tensor("x", "float32", (2,))
    v = make.handle(g, "v")
    make.assign(g, v, xt)
    y = make.read(g, v, "int32", (2,))
    g.inputs([xt])
    g.outputs([y])
    yield Refusal("read_another_dtype", "READ_VARIABLE", g.build(), [x],
                  "expected variable 'v' of dtype int32 as output 'value_2' is, found float32", when="invoke")
    g = ModelGen()
    g.inputs([])
    g.outputs([make.read(g, make.handle(g, "lost"), "float32", (2,))])
    yield Refusal("never_assigned", "READ_VARIABLE", g.build(), [],
                  "Error while reading resource variable lost from Container: localhost. This could mean that the "
                  "variable was uninitialized: expected variable 'lost' to have a value, found it never assigned; "
                  "run what initialises it, or assign it", when="invoke")
    g = ModelGen()
    h = make.make_table(g, 5, "string", "int64")
    g.inputs([])
    g.outputs([make.read(g, h, "float32", (2,))])
    yield Refusal("read_a_table", "READ_VARIABLE", g.build(), [],
                  "expected a handle of a variable in 'table_0', found one of the other kind", when="allocate")
    g = ModelGen()
    h, n = make.handle(g, "v"), g.tensor("n", "int64", (1,))
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield Refusal("size_of_a_variable", "HASHTABLE_SIZE", g.build(), [],
                  "expected a handle of a table in 'handle_v_0', found one of the other kind", when="invoke")
    g = ModelGen()
    v, h = make.handle(g, "table_5"), make.make_table(g, 5, "string", "int64")
    g.inputs([])
    g.outputs([v, h])
    yield Refusal("one_name_two_kinds", "HASHTABLE", g.build(), [],
                  "expected 'table_5' to name one kind of resource, found a variable and a table")


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

    floats = np.ones(2, np.float32)
    yield bad("key_dtype", "HASHTABLE",
              "expected a table from strings or integers to strings or "
              "numbers, found one from type 0 to type 5",
              make.table(floats, words, "float32", "string", floats, make.strings(b"?"), False), feeds=[floats],
              when="invoke")
    yield bad("empty", "HASHTABLE_FIND",
              "expected table 'table_1' to be filled, found it empty; run "
              "what initialises it", make.table(numbers, words, "int64", "string", ask, make.strings(b"?"), False),
              "invoke")
    three = np.array([1, 2, 3], np.int64)
    yield bad("values", "HASHTABLE_IMPORT",
              "expected keys and "
              "values of one shape, found 'keys' int64 (3,) and 'values' string (2,)",
              make.table(three, words, "int64", "string", ask, make.strings(b"?")), "invoke")
    yield bad("no_default", "HASHTABLE_FIND",
              "expected a default of 1 elements, found 0",
              make.table(numbers, words, "int64", "string", ask, np.zeros(0, object)), "invoke")
    yield bad("default_dtype", "HASHTABLE_FIND",
              "expected equal dtypes, found 'default' int64 (1,) and 'y' "
              "string (shape not known yet)", found(make, numbers, words, "int64", "int64"), when="invoke")
    yield bad("other_keys", "HASHTABLE_FIND",
              "expected int64 keys and string values for table 'table_1', "
              "found string and int64", found(make, numbers, words, "string", "int64"), "invoke", [words])
    yield bad("other_import", "HASHTABLE_IMPORT",
              "expected int64 keys "
              "and string values for table 'table_1', found string and int64",
              found(make, words, numbers, "int64", "string"), "invoke")
    g = ModelGen()
    first, second, n = make.make_table(g, 5, "string", "int64"), make.make_table(g, 5, "int64", "string"), g.tensor("n",
                                       "int64", (1,))
    g.op("HASHTABLE_SIZE", [first], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield bad("made_twice", "HASHTABLE",
              "expected table 'table_5' from string to int64, as it was made, found int64 to string", g.build(),
              "allocate", [], lenient="the reference keeps the first, and refuses what does not fit it when it is used")
    g = ModelGen()
    h, n = make.make_table(g, 5, "string", "int64"), g.tensor("n", "int32", (1,))
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    yield bad("size_dtype", "HASHTABLE_SIZE", "expected output 0 of dtype int64, found 'n' int32 (shape not known yet)",
              g.build(), "invoke", [])


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
