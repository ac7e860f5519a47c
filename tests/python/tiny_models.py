# SPDX-License-Identifier: Apache-2.0
"""Small models for the Python tests, as bytes."""

import numpy as np
from modelgen import ModelGen


def add(dtype="float32", shape=(2, 3), signature=None):
    """y = t + x with t = x + x (so that t is an intermediate); x may be resized."""
    g = ModelGen("a small model")
    x = g.tensor("x", dtype, shape, shape_signature=signature)
    t = g.tensor("t", dtype, shape, shape_signature=signature)
    y = g.tensor("y", dtype, shape, shape_signature=signature)
    g.op("ADD", [x, x], [t], "AddOptions")
    g.op("ADD", [t, x], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


def article():
    """What the first article calls my_model.tflite: float32 in, float32 out."""
    return add()


def quantized():
    """my_quantized_model.tflite: y = x + x in uint8, with scale and zero point."""
    g = ModelGen()
    x = g.tensor("x", "uint8", (1, 4), scale=0.5, zero=128)
    y = g.tensor("y", "uint8", (1, 4), scale=1.0, zero=100)
    g.op("ADD", [x, x], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    return g.build()


def _handle(g, name, shape=()):
    handle = g.tensor(name, "resource", shape)
    g.op("VAR_HANDLE", [], [handle], "VarHandleOptions", {"container": "", "sharedName": name})
    return handle


def variables(shape=(3,)):
    """Two signatures over variables w (initialised to [1, 2, 3] once) and b (never):

    assign(v): b = v, returns v + v; read(): returns w, reading it; sum(x): w + x, and w = w + x.
    """
    g = ModelGen("variables")
    # graph 0: sum
    x = g.tensor("x", "float32", shape)
    g.op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": 1})
    w = _handle(g, "w")
    _handle(g, "b")
    value = g.tensor("w_value", "float32", shape)
    total = g.tensor("total", "float32", shape)
    g.op("READ_VARIABLE", [w], [value], "ReadVariableOptions")
    g.op("ADD", [value, x], [total], "AddOptions")
    g.op("ASSIGN_VARIABLE", [w, total], [], "AssignVariableOptions")
    g.inputs([x])
    g.outputs([total])
    g.signature("sum", {"x": x}, {"total": total})
    # graph 1: the initialiser
    g.new_graph("init")
    w = _handle(g, "w")
    first = g.constant("first", "float32", np.arange(1, 4, dtype=np.float32))
    g.op("ASSIGN_VARIABLE", [w, first], [], "AssignVariableOptions")
    g.inputs([])
    g.outputs([])
    # graph 2: assign
    g.new_graph("assign")
    v = g.tensor("v", "float32", shape)
    b = _handle(g, "b")
    g.op("ASSIGN_VARIABLE", [b, v], [], "AssignVariableOptions")
    twice = g.tensor("twice", "float32", shape)
    g.op("ADD", [v, v], [twice], "AddOptions")
    g.inputs([v])
    g.outputs([twice])
    g.signature("assign", {"v": v}, {"twice": twice})
    return g.build()


def never_assigned():
    """Reads the variable "lost", which nothing assigns."""
    g = ModelGen()
    lost = _handle(g, "lost")
    y = g.tensor("y", "float32", (2,))
    g.op("READ_VARIABLE", [lost], [y], "ReadVariableOptions")
    g.inputs([])
    g.outputs([y])
    return g.build()


def constants():
    """A constant of each dtype, named after it, and one that is quantized per channel."""
    g = ModelGen()
    x = g.tensor("x", "float32", (1,))
    values = {
        "float32": np.array([[1.5, -2]], np.float32), "float16": np.array([0.5, 65504]),
        "float64": np.array([1e300]), "int8": np.array([-128, 127]), "uint8": np.array([0, 255]),
        "int16": np.array([-32768, 5]), "uint16": np.array([65535]), "int32": np.array([-7, 7]),
        "uint32": np.array([2**32 - 1]), "int64": np.array([-(2**62)]),
        "uint64": np.array([2**63], np.uint64), "bool": np.array([True, False]),
        "complex64": np.array([1 + 2j]), "complex128": np.array([3 - 4j]),
        "int4": np.array([[-8, 7, 3]]), "uint4": np.array([0, 15, 9]),
        "int2": np.array([-2, 1, 0, -1, 1]), "bfloat16": np.array([1.5, -3], np.float32),
        "string": np.array([b"a", b"", b"caf\xc3\xa9"], object),
    }
    for dtype, value in values.items():
        g.tensor(dtype, dtype, np.shape(value), data=value)
    g.tensor("channels", "int8", (2, 3), data=np.array([[1, 2, 3], [4, 5, 6]]), scale=[0.5, 2.0],
             zero=[0, 1], axis=0)
    y = g.tensor("y", "float32", (1,))
    g.op("ADD", [x, x], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    g.metadata("min_runtime_version", b"1.0\0")
    return g.build(), values


def strings():
    """The output is the input, which is of strings."""
    g = ModelGen()
    x = g.tensor("x", "string", (3,))
    y = g.tensor("y", "string", (3,))
    g.op("RESHAPE", [x, g.constant("shape", "int32", np.array([3]))], [y], "ReshapeOptions",
         {"newShape": [3]})
    g.inputs([x])
    g.outputs([y])
    return g.build()


def unknown_op():
    """y = x + x runs; z = Mystery(x) cannot."""
    g = ModelGen()
    x = g.tensor("x", "float32", (2,))
    y = g.tensor("y", "float32", (2,))
    z = g.tensor("z", "float32", (2,))
    g.op("ADD", [x, x], [y], "AddOptions")
    g.op("CUSTOM", [x], [z], custom="Mystery", custom_options=b"")
    g.inputs([x])
    g.outputs([y, z])
    return g.build()


def unknown_type():
    """y = x * x runs; d = EXP(c) of a complex c cannot."""
    g = ModelGen()
    x, y = (g.tensor(name, "float32", (2,)) for name in "xy")
    c, d = (g.tensor(name, "complex64", (2,)) for name in "cd")
    g.op("MUL", [x, x], [y], "MulOptions")
    g.op("EXP", [c], [d])
    g.inputs([x, c])
    g.outputs([y, d])
    return g.build()


def duplicate_names():
    """Two tensors named t and one without a name."""
    g = ModelGen()
    a = g.tensor("t", "float32", (2,))
    b = g.tensor("t", "float32", (2,))
    c = g.tensor("", "float32", (2,))
    g.op("ADD", [a, a], [b], "AddOptions")
    g.op("ADD", [b, b], [c], "AddOptions")
    g.inputs([a])
    g.outputs([c])
    return g.build()


def table():
    """y = the int64 that a table of strings has for x, or -1: a -> 1, b -> 2."""
    g = ModelGen()
    options = {"tableId": 7, "keyDtype": 5, "valueDtype": 4}
    x = g.tensor("x", "string", (3,))
    y = g.tensor("y", "int64", (3,))
    g.op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": 1})
    handle = g.tensor("table", "resource", (1,))
    g.op("HASHTABLE", [], [handle], "HashtableOptions", options)
    missing = g.constant("missing", "int64", np.array(-1))
    g.op("HASHTABLE_FIND", [handle, x, missing], [y], "HashtableFindOptions")
    g.inputs([x])
    g.outputs([y])
    g.new_graph("init")
    handle = g.tensor("table", "resource", (1,))
    g.op("HASHTABLE", [], [handle], "HashtableOptions", options)
    keys = g.tensor("keys", "string", (2,), data=["a", "b"])
    values = g.constant("values", "int64", np.array([1, 2]))
    g.op("HASHTABLE_IMPORT", [handle, keys, values], [], "HashtableImportOptions")
    g.inputs([])
    g.outputs([])
    return g.build()


def branch_reads():
    """read(c): either branch of an IF returns variable w, whose shape is what set(v) gave it."""
    g = ModelGen("branch_reads")
    c = g.tensor("c", "bool", ())
    y = g.tensor("y", "float32", ())
    g.op("IF", [c], [y], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    g.inputs([c])
    g.outputs([y])
    g.signature("read", {"c": c}, {"y": y})
    for name in ("then", "else"):
        g.new_graph(name)
        value = g.tensor("value", "float32", ())
        g.op("READ_VARIABLE", [_handle(g, "w")], [value], "ReadVariableOptions")
        g.inputs([])
        g.outputs([value])
    g.new_graph("set")
    v = g.tensor("v", "float32", (3,), shape_signature=(-1,))
    g.op("ASSIGN_VARIABLE", [_handle(g, "w"), v], [], "AssignVariableOptions")
    g.inputs([v])
    g.outputs([])
    g.signature("set", {"v": v}, {})
    return g.build()
