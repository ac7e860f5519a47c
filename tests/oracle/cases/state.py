# SPDX-License-Identifier: Apache-2.0
"""Variables, hash tables, control flow, composites: what calls graphs or outlives a run."""

import numpy as np
from case import Case
from modelgen import ModelGen, type_code

DIFFERS = {
    "READ_VARIABLE": "Where the file says a shape of rank 1 and more for the value, LiteRT copies as many bytes as that takes, "
        "whatever the variable holds. unflow gives the variable's own shape.",
}


def handle(g, name, container="", shape=()):
    out = g.tensor(f"handle_{name}_{len(g.graph.tensors)}", "resource", shape)
    g.op("VAR_HANDLE", [], [out], "VarHandleOptions", {"container": container, "sharedName": name})
    return out


def call_once(g, graph):
    g.op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": graph})


def read(g, variable, dtype, shape, name="value"):
    out = g.tensor(f"{name}_{len(g.graph.tensors)}", dtype, shape)
    g.op("READ_VARIABLE", [variable], [out], "ReadVariableOptions")
    return out


def assign(g, variable, value):
    g.op("ASSIGN_VARIABLE", [variable, value], [], "AssignVariableOptions")


def binary(g, op, a, b, dtype, shape):
    out = g.tensor(f"{op.lower()}_{len(g.graph.tensors)}", dtype, shape)
    options = {"LESS": "LessOptions", "ADD": "AddOptions", "MUL": "MulOptions", "SUB": "SubOptions"}[op]
    g.op(op, [a, b], [out], options)
    return out


def graph(g, name):
    index = g.new_graph(name)
    return index


def accumulator(dtype, first, x, **kwargs):
    """y = v + x; v = y; v starts as `first` by CALL_ONCE."""
    g = ModelGen()
    xt = g.tensor("x", dtype, x.shape)
    call_once(g, 1)
    v = handle(g, "v", **kwargs)
    y = binary(g, "ADD", read(g, v, dtype, x.shape), xt, dtype, x.shape)
    assign(g, v, y)
    g.inputs([xt])
    g.outputs([y])
    graph(g, "init")
    assign(g, handle(g, "v", **kwargs), g.constant("first", dtype, first))
    return g.build()


def passing(dtype, x, quant=None):
    """v = x; y = v, for dtypes that ADD has not."""
    g = ModelGen()
    scale, zero = quant or (None, None)
    xt = g.tensor("x", dtype, x.shape, scale=scale, zero=zero)
    v = handle(g, "v")
    assign(g, v, xt)
    y = g.tensor("y", dtype, x.shape, scale=scale, zero=zero)
    g.op("READ_VARIABLE", [v], [y], "ReadVariableOptions")
    g.inputs([xt])
    g.outputs([y])
    return g.build()


def variables(rng):
    for dtype in ("float32", "int32", "int64"):
        first, x = np.arange(1, 4).astype(dtype), np.array([10, 20, 30], dtype)
        for op in ("READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"):
            yield Case(f"accumulate_{op.lower()}_{dtype}", op, accumulator(dtype, first, x), [x], steps=3)
    x = np.array(2.5, np.float32)
    yield Case("accumulate_scalar", "READ_VARIABLE", accumulator("float32", np.float32(1), x), [x], steps=2)
    x = np.zeros((0, 3), np.float32)
    yield Case("accumulate_empty", "READ_VARIABLE", accumulator("float32", x, x), [x], steps=2)
    x = np.ones(3, np.float32)
    yield Case("container", "VAR_HANDLE", accumulator("float32", x, x, container="box"), [x], steps=2)
    for dtype, x in (("float32", rng.normal(size=(2, 2, 2)).astype(np.float32)), ("int8", np.array([-3, 4], np.int8)),
                     ("bool", np.array([True, False])), ("float64", np.array([1e300])), ("int16", np.array([-9], np.int16)),
                     ("uint8", np.array([3, 250], np.uint8)), ("string", np.array([b"a", b"", b"xyz"], object)),
                     ("float16", np.array([1.5], np.float16)), ("complex64", np.array([1 + 2j], np.complex64))):
        yield Case(f"pass_{dtype}", "ASSIGN_VARIABLE", passing(dtype, x), [x], steps=2)
    yield Case("pass_int8_quantized", "ASSIGN_VARIABLE", passing("int8", np.array([1, 2], np.int8), (0.5, 3)),
               [np.array([-7, 7], np.int8)])
    yield from several_variables()
    yield from shapes_of_variables()


def several_variables():
    a, b = np.array([1, 2], np.float32), np.array([5, 7], np.float32)
    g = ModelGen()
    x, y = g.tensor("x", "float32", (2,)), g.tensor("y", "float32", (2,))
    first, second, again = handle(g, "a"), handle(g, "b"), handle(g, "a")
    assign(g, first, x)
    assign(g, second, y)
    one, two = read(g, again, "float32", (2,)), read(g, second, "float32", (2,))
    assign(g, again, two)  # a swap, so that the order of reads and writes shows
    assign(g, second, one)
    g.inputs([x, y])
    g.outputs([one, two, read(g, first, "float32", (2,)), read(g, second, "float32", (2,))])
    yield Case("swap_two", "ASSIGN_VARIABLE", g.build(), [a, b], steps=2)
    g = ModelGen()
    x = g.tensor("x", "float32", (2,))
    v = handle(g, "v")
    assign(g, v, x)
    before = read(g, v, "float32", (2,))
    assign(g, v, binary(g, "MUL", x, x, "float32", (2,)))
    g.inputs([x])
    g.outputs([before, read(g, v, "float32", (2,))])
    yield Case("read_write_read", "READ_VARIABLE", g.build(), [b], steps=2)
    g = ModelGen()
    v = handle(g, "lost")
    g.inputs([])
    g.outputs([read(g, v, "float32", (2,))])
    yield Case("never_assigned", "READ_VARIABLE", g.build(), [])


def shapes_of_variables():
    g = ModelGen()
    x = g.tensor("x", "float32", (2,), shape_signature=(-1,))
    v = handle(g, "v")
    assign(g, v, x)
    y = g.tensor("y", "float32", ())  # rank 0 in the file: only then do the reference kernels look at the variable's shape
    g.op("READ_VARIABLE", [v], [y], "ReadVariableOptions")
    g.inputs([x])
    g.outputs([y])
    model = g.build()
    for n in (1, 2, 5):
        yield Case(f"shape_of_{n}", "READ_VARIABLE", model, [np.arange(n, dtype=np.float32)], steps=2)


def more_variables(rng):
    """Every other dtype, a variable that changes its dtype, names that are one only with their container."""
    from onenode import numbers
    for dtype in ("uint16", "uint32", "uint64", "complex128", "int16", "uint8"):
        x = numbers(rng, dtype, (3, 2))
        yield Case(f"hold_{dtype}", "READ_VARIABLE", passing(dtype, x), [x], steps=2)
    for dtype in ("string", "bool"):
        x = np.array([[b"a", b"bc"], [b"", b"d"]], object) if dtype == "string" else np.eye(3, dtype=bool)
        yield Case(f"hold_{dtype}", "ASSIGN_VARIABLE", passing(dtype, x), [x], steps=2)
    g = ModelGen()
    x, y = g.tensor("x", "float32", (2,)), g.tensor("y", "int32", (3,))
    v = handle(g, "v")
    assign(g, v, x)
    first = read(g, v, "float32", (2,))
    assign(g, v, y)
    g.inputs([x, y])
    g.outputs([first, read(g, v, "int32", (3,))])
    yield Case("another_dtype", "ASSIGN_VARIABLE", g.build(), [np.array([1, 2], np.float32), np.array([3, 4, 5], np.int32)], steps=3)
    g = ModelGen()
    x, y = g.tensor("x", "float32", (2,)), g.tensor("y", "float32", (2,))
    boxes = [handle(g, "v", container=c) for c in ("", "a", "b")]
    for box, value in zip(boxes, (x, y, binary(g, "ADD", x, y, "float32", (2,)))):
        assign(g, box, value)
    g.inputs([x, y])
    g.outputs([read(g, handle(g, "v", container=c), "float32", (2,)) for c in ("b", "", "a")])
    yield Case("containers", "VAR_HANDLE", g.build(), [np.array([1, 2], np.float32), np.array([3, 5], np.float32)], steps=2)
    for shape in ((), (1,)):
        x = np.array([3, 4], np.float32)
        yield Case(f"handle_shape_{len(shape)}", "VAR_HANDLE", accumulator("float32", x, x, shape=shape), [x], steps=2)


def in_branches():
    """A variable that a branch or a loop assigns and the graph reads, and the other way round."""
    for flag in (True, False):
        g = ModelGen()
        c, x = g.tensor("c", "bool", ()), g.tensor("x", "float32", (2,))
        call_once(g, 3)
        assign(g, handle(g, "in"), x)
        y = g.tensor("y", "float32", (2,))
        g.op("IF", [c, x], [y], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
        g.inputs([c, x])
        g.outputs([y, read(g, handle(g, "out"), "float32", (2,))])
        for op in ("ADD", "MUL"):
            graph(g, op)
            x = g.tensor("x", "float32", (2,))
            old, new = read(g, handle(g, "out"), "float32", (2,)), read(g, handle(g, "in"), "float32", (2,))
            total = binary(g, op, old, new, "float32", (2,))
            assign(g, handle(g, "out"), total)
            g.inputs([x])
            g.outputs([binary(g, "SUB", total, x, "float32", (2,))])
        graph(g, "init")
        assign(g, handle(g, "out"), g.constant("first", "float32", np.array([2, 3], np.float32)))
        yield Case(f"branch_variable_{flag}", "ASSIGN_VARIABLE", g.build(), [np.array(flag), np.array([5, 7], np.float32)], steps=3)


def initialised_once():
    """Two CALL_ONCE of one graph, and an initialiser of two variables."""
    g = ModelGen()
    x = g.tensor("x", "int32", (1,))
    call_once(g, 1)
    call_once(g, 1)
    a, b = handle(g, "a"), handle(g, "b")
    total = binary(g, "ADD", read(g, a, "int32", (1,)), read(g, b, "int32", (1,)), "int32", (1,))
    y = binary(g, "ADD", total, x, "int32", (1,))
    assign(g, b, y)
    g.inputs([x])
    g.outputs([y])
    graph(g, "init")
    assign(g, handle(g, "a"), g.constant("ca", "int32", np.array([3], np.int32)))
    assign(g, handle(g, "b"), g.constant("cb", "int32", np.array([40], np.int32)))
    yield Case("call_once_twice", "CALL_ONCE", g.build(), [np.array([100], np.int32)], steps=3)


def table(keys, values, key_dtype, value_dtype, query, default, import_first=True, table_id=1):
    g = ModelGen()
    x = g.tensor("x", key_dtype, query.shape)

    def make():
        h = g.tensor("table", "resource", ())
        g.op("HASHTABLE", [], [h], "HashtableOptions",
             {"tableId": table_id, "keyDtype": type_code(key_dtype), "valueDtype": type_code(value_dtype)})
        return h

    if import_first:
        call_once(g, 1)
    h = make()
    y = g.tensor("y", value_dtype, query.shape)
    g.op("HASHTABLE_FIND", [h, x, g.constant("default", value_dtype, default)], [y], "HashtableFindOptions")
    n = g.tensor("n", "int64", (1,))
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([x])
    g.outputs([y, n])
    graph(g, "init")
    h = make()
    g.op("HASHTABLE_IMPORT", [h, g.constant("keys", key_dtype, keys), g.constant("values", value_dtype, values)], [],
         "HashtableImportOptions")
    return g.build()


def strings(*items):
    return np.array(list(items), object)


def tables():
    words, numbers = strings(b"one", b"two", b"", b"three"), np.array([1, 2, 0, 3], np.int64)
    ask_n, ask_w = np.array([[2, 9], [0, 3]], np.int64), strings(b"two", b"none", b"")
    for op in ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE"):
        name = op.lower()
        yield Case(f"{name}_int64_string", op, table(numbers, words, "int64", "string", ask_n, strings(b"?")), [ask_n],
                   steps=2)
        yield Case(f"{name}_string_int64", op,
                   table(words, numbers, "string", "int64", ask_w, np.array([-1], np.int64)), [ask_w], steps=2)
    yield Case("find_in_empty", "HASHTABLE_FIND",
               table(words, numbers, "string", "int64", ask_w, np.array([-1], np.int64), False), [ask_w])
    none = np.zeros(0, np.int64)
    yield Case("find_nothing", "HASHTABLE_FIND", table(numbers, words, "int64", "string", none, strings(b"?")), [none])
    yield Case("find_scalar_default", "HASHTABLE_FIND",
               table(numbers, words, "int64", "string", ask_n, np.array(b"?", object)), [ask_n])


def find(g, h, x, shape, value_dtype, default):
    y = g.tensor(f"found_{len(g.graph.tensors)}", value_dtype, shape)
    g.op("HASHTABLE_FIND", [h, x, g.constant(f"default_{len(g.graph.tensors)}", value_dtype, default)], [y],
         "HashtableFindOptions")
    return y


def make_table(g, table_id, key_dtype, value_dtype, shape=()):
    h = g.tensor(f"table_{len(g.graph.tensors)}", "resource", shape)
    g.op("HASHTABLE", [], [h], "HashtableOptions",
         {"tableId": table_id, "keyDtype": type_code(key_dtype), "valueDtype": type_code(value_dtype)})
    return h


def fill(g, h, keys, values, key_dtype, value_dtype):
    n = len(g.graph.tensors)
    g.op("HASHTABLE_IMPORT", [h, g.constant(f"keys_{n}", key_dtype, keys), g.constant(f"values_{n}", value_dtype, values)], [],
         "HashtableImportOptions")


def more_tables(rng):
    """Keys that repeat, imports of several dimensions and of nothing, a second import, two tables, larger ones."""
    ask = np.array([[7, 8, 9], [-1, 7, 2 ** 40]], np.int64)
    for name, keys, values in (
            ("repeated", [7, 8, 7], [b"first", b"x", b"second"]), ("matrix", [[7, -1], [2 ** 40, 3]], [[b"a", b""], [b"cc", b"d"]]),
            ("extremes", [-(2 ** 63), 2 ** 63 - 1], [b"low", b"high"])):
        yield Case(f"import_{name}", "HASHTABLE_IMPORT",
                   table(np.array(keys, np.int64), np.array(values, object), "int64", "string", ask, strings(b"none")), [ask], steps=2)
    yield Case("import_nothing", "HASHTABLE_IMPORT",
               table(np.zeros(0, np.int64), np.zeros(0, object), "int64", "string", ask, strings(b"none")), [ask])
    keys = rng.permutation(700).astype(np.int64) * 97 - 9000
    values = np.array([b"w%d" % (k % 91) for k in keys], object)
    ask = rng.choice(np.concatenate([keys, keys + 1]), (5, 7, 3))
    yield Case("find_many", "HASHTABLE_FIND", table(keys, values, "int64", "string", ask, strings(b"?", b"not this")), [ask])
    ask = np.array([[b"w1", b"\0", b""], [b"w\0", b"w", b"W"]], object)
    yield Case("find_bytes", "HASHTABLE_FIND",
               table(strings(b"w", b"w\0", b"", b"\0"), np.array([1, 2, 3, 4], np.int64), "string", "int64", ask,
                     np.array([-7], np.int64)), [ask], steps=2)
    yield Case("find_default_each", "HASHTABLE_FIND",  # only the first default counts
               table(strings(b"w"), np.array([1], np.int64), "string", "int64", ask.reshape(-1), np.arange(6).astype(np.int64)),
               [ask.reshape(-1)])
    yield Case("find_default_scalar", "HASHTABLE_FIND",
               table(strings(b"w"), np.array([1], np.int64), "string", "int64", ask, np.array(5, np.int64)), [ask])
    g = ModelGen()
    x = g.tensor("x", "string", (2,))
    call_once(g, 1)
    first, second = make_table(g, 4, "string", "int64"), make_table(g, 9, "int64", "string", (1,))
    number = find(g, first, x, (2,), "int64", np.array([0], np.int64))
    g.inputs([x])
    g.outputs([number, find(g, second, number, (2,), "string", strings(b"?"))])
    graph(g, "init")
    fill(g, make_table(g, 4, "string", "int64"), strings(b"a", b"b"), np.array([5, 6], np.int64), "string", "int64")
    fill(g, make_table(g, 9, "int64", "string"), np.array([6, 0], np.int64), strings(b"six", b"zero"), "int64", "string")
    fill(g, make_table(g, 9, "int64", "string"), np.array([5], np.int64), strings(b"too late"), "int64", "string")
    yield Case("two_tables", "HASHTABLE", g.build(), [strings(b"b", b"c")], steps=2)
    yield Case("two_tables_other", "HASHTABLE_SIZE", g.build(), [strings(b"a", b"b")], steps=2)


def table_in_branch():
    g = ModelGen()
    c, x = g.tensor("c", "bool", ()), g.tensor("x", "int64", (2,))
    call_once(g, 3)
    y = g.tensor("y", "string", (2,))
    g.op("IF", [c, x], [y], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    g.inputs([c, x])
    g.outputs([y])
    for k in range(2):
        graph(g, f"branch_{k}")
        x = g.tensor("x", "int64", (2,))
        g.inputs([x])
        g.outputs([find(g, make_table(g, 1, "int64", "string"), x, (2,), "string", strings(b"none %d" % k))])
    graph(g, "init")
    fill(g, make_table(g, 1, "int64", "string"), np.array([1, 2], np.int64), strings(b"one", b"two"), "int64", "string")
    for flag in (True, False):
        yield Case(f"table_in_branch_{flag}", "HASHTABLE_FIND", g.build(), [np.array(flag), np.array([2, 3], np.int64)], steps=2)


def conditionals(rng):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    g = ModelGen()
    c, xt = g.tensor("c", "bool", ()), g.tensor("x", "float32", (2, 3))
    y, z = g.tensor("y", "float32", (2, 3)), g.tensor("z", "float32", (2, 3))
    g.op("IF", [c, xt], [y, z], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    g.inputs([c, xt])
    g.outputs([y, z])
    for op in ("ADD", "MUL"):
        graph(g, op)
        xt = g.tensor("x", "float32", (2, 3))
        g.inputs([xt])
        g.outputs([binary(g, op, xt, xt, "float32", (2, 3)), xt])
    model = g.build()
    for flag in (True, False):
        yield Case(f"if_{flag}", "IF", model, [np.array(flag), x], steps=2)
        yield Case(f"if_resized_{flag}", "IF", model, [np.array(flag), x[:, :2]], steps=2)
        yield Case(f"if_vector_{flag}", "IF", model, [np.array([flag]), x])
        yield Case(f"if_shapes_{flag}", "IF", branches_of_two_shapes(), [np.array(flag), x])
        yield Case(f"if_assigns_{flag}", "IF", branch_that_assigns(), [np.array(flag), x[0]], steps=3)


def branches_of_two_shapes():
    g = ModelGen()
    c, xt, y = g.tensor("c", "bool", ()), g.tensor("x", "float32", (2, 3)), g.tensor("y", "float32", (6,))
    g.op("IF", [c, xt], [y], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    z = binary(g, "ADD", y, y, "float32", (6,))
    g.inputs([c, xt])
    g.outputs([z])
    for shape in ((6,), (3, 2)):
        graph(g, f"to_{len(shape)}")
        xt, y = g.tensor("x", "float32", (2, 3)), g.tensor("y", "float32", shape)
        g.op("RESHAPE", [xt, g.constant("s", "int32", np.array(shape))], [y], "ReshapeOptions", {"newShape": list(shape)})
        g.inputs([xt])
        g.outputs([y])
    return g.build()


def branch_that_assigns():
    """if c: v += x; the output is v."""
    g = ModelGen()
    c, x = g.tensor("c", "bool", ()), g.tensor("x", "float32", (3,))
    call_once(g, 3)
    done = g.tensor("done", "float32", (3,))
    g.op("IF", [c, x], [done], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    v = handle(g, "v")
    y = read(g, v, "float32", (3,))
    g.inputs([c, x])
    g.outputs([done, y])
    graph(g, "then")
    x = g.tensor("x", "float32", (3,))
    v = handle(g, "v")
    y = binary(g, "ADD", read(g, v, "float32", (3,)), x, "float32", (3,))
    assign(g, v, y)
    g.inputs([x])
    g.outputs([y])
    graph(g, "else")
    x = g.tensor("x", "float32", (3,))
    g.inputs([x])
    g.outputs([binary(g, "SUB", x, x, "float32", (3,))])
    graph(g, "init")
    assign(g, handle(g, "v"), g.constant("first", "float32", np.array([1, 2, 3], np.float32)))
    return g.build()


def loop(limit, growing=False):
    """while i < limit: i += 1; x = x + x, or x = [x, x]."""
    g = ModelGen()
    i, x = g.tensor("i", "int32", ()), g.tensor("x", "float32", (2,))
    io, xo = g.tensor("io", "int32", ()), g.tensor("xo", "float32", (2,))
    g.op("WHILE", [i, x], [io, xo], "WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2})
    g.inputs([i, x])
    g.outputs([io, xo])
    graph(g, "cond")
    i, x = g.tensor("i", "int32", ()), g.tensor("x", "float32", (2,))
    g.inputs([i, x])
    g.outputs([binary(g, "LESS", i, g.constant("n", "int32", np.int32(limit)), "bool", ())])
    graph(g, "body")
    i, x = g.tensor("i", "int32", ()), g.tensor("x", "float32", (2,))
    i2 = binary(g, "ADD", i, g.constant("one", "int32", np.int32(1)), "int32", ())
    if growing:
        x2 = g.tensor("x2", "float32", (4,))
        g.op("CONCATENATION", [x, x], [x2], "ConcatenationOptions", {"axis": 0})
    else:
        x2 = binary(g, "ADD", x, x, "float32", (2,))
    g.inputs([i, x])
    g.outputs([i2, x2])
    return g.build()


def swapping_loop():
    """while i < 5: i, a, b = i + 1, b + b, a + a.

    Not plain b, a: the reference kernels copy outputs that are inputs one after the other, and lose one.
    """
    g = ModelGen()
    names = ("i", "a", "b")
    dtypes, shapes = ("int32", "float32", "float32"), ((), (2,), (2,))

    def ports():
        return [g.tensor(n, d, s) for n, d, s in zip(names, dtypes, shapes)]

    ins = ports()
    outs = [g.tensor(n + "o", d, s) for n, d, s in zip(names, dtypes, shapes)]
    g.op("WHILE", ins, outs, "WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2})
    g.inputs(ins)
    g.outputs(outs)
    graph(g, "cond")
    ins = ports()
    g.inputs(ins)
    g.outputs([binary(g, "LESS", ins[0], g.constant("n", "int32", np.int32(5)), "bool", ())])
    graph(g, "body")
    ins = ports()
    g.inputs(ins)
    g.outputs([binary(g, "ADD", ins[0], g.constant("one", "int32", np.int32(1)), "int32", ()),
               binary(g, "ADD", ins[2], ins[2], "float32", (2,)), binary(g, "ADD", ins[1], ins[1], "float32", (2,))])
    return g.build()


def loops():
    x = np.array([1, -2], np.float32)
    for start in (0, 3, 4, 5, 9):
        yield Case(f"while_from_{start}", "WHILE", loop(5), [np.int32(start).reshape(()), x], steps=2)
        yield Case(f"while_growing_from_{start}", "WHILE", loop(5, True), [np.int32(start).reshape(()), x], steps=2)
    yield Case("while_resized", "WHILE", loop(3), [np.int32(0).reshape(()), np.arange(4, dtype=np.float32)], steps=2)
    for start in (0, 1):
        yield Case(f"while_swap_{start}", "WHILE", swapping_loop(), [np.int32(start).reshape(()), x, x * 3], steps=2)


def calls():
    """y = f(x) = x * x + x by CALL and by STABLEHLO_COMPOSITE."""
    x = np.array([1, -2, 3], np.float32)
    for op, options, values in (("CALL", "CallOptions", {"subgraph": 1}),
                                ("STABLEHLO_COMPOSITE", "StableHLOCompositeOptions",
                                 {"name": "my.square", "decompositionSubgraphIndex": 1, "version": 1})):
        g = ModelGen()
        xt, y = g.tensor("x", "float32", (3,)), g.tensor("y", "float32", (3,))
        g.op(op, [xt], [y], options, values)
        z = binary(g, "ADD", y, xt, "float32", (3,))
        g.inputs([xt])
        g.outputs([z])
        graph(g, "called")
        xt = g.tensor("x", "float32", (3,))
        g.inputs([xt])
        g.outputs([binary(g, "ADD", binary(g, "MUL", xt, xt, "float32", (3,)), xt, "float32", (3,))])
        yield Case(op.lower(), op, g.build(), [x], steps=2)


def signatures():
    """Variables are one for all signatures of a model."""
    g = ModelGen()
    x = g.tensor("x", "float32", (2,))
    v = handle(g, "v")
    assign(g, v, x)
    g.inputs([x])
    same = binary(g, "ADD", x, x, "float32", (2,))
    g.outputs([same])
    g.signature("put", {"x": x}, {"twice": same})
    graph(g, "get")
    value = read(g, handle(g, "v"), "float32", (2,))
    y = binary(g, "ADD", value, g.constant("zero", "float32", np.zeros(2, np.float32)), "float32", (2,))
    g.inputs([])
    g.outputs([y])
    g.signature("get", {}, {"v": y})
    a, b = np.array([1, 2], np.float32), np.array([-5, 8], np.float32)
    yield Case("signatures_share", "VAR_HANDLE", g.build(),
               calls=[("put", {"x": a}), ("get", {}), ("put", {"x": b}), ("get", {}), ("get", {})])


def signatures_of_tables():
    """One signature fills, another finds."""
    g = ModelGen()
    h, n = make_table(g, 3, "string", "int64"), g.tensor("n", "int64", (1,))
    fill(g, h, strings(b"a", b"b"), np.array([1, 2], np.int64), "string", "int64")
    g.op("HASHTABLE_SIZE", [h], [n], "HashtableSizeOptions")
    g.inputs([])
    g.outputs([n])
    g.signature("fill", {}, {"n": n})
    graph(g, "ask")
    x = g.tensor("x", "string", (2,))
    y = find(g, make_table(g, 3, "string", "int64"), x, (2,), "int64", np.array([-1], np.int64))
    g.inputs([x])
    g.outputs([y])
    g.signature("find", {"x": x}, {"y": y})
    yield Case("signatures_of_tables", "HASHTABLE", g.build(),
               calls=[("fill", {}), ("find", {"x": strings(b"b", b"?")}), ("fill", {}), ("find", {"x": strings(b"a", b"a")})])


def cases(rng):
    yield from variables(rng)
    yield from more_variables(rng)
    yield from in_branches()
    yield from more_tables(rng)
    yield from table_in_branch()
    yield from signatures_of_tables()
    yield from initialised_once()
    yield from tables()
    yield from conditionals(rng)
    yield from loops()
    yield from calls()
    yield from signatures()
