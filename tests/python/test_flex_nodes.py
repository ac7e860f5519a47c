# SPDX-License-Identifier: Apache-2.0
"""Ops of TensorFlow inside .tflite files: what is taken, and what is refused in which words."""

import numpy as np
import pytest
import unflow
from unflow.lite import Interpreter

modelgen = pytest.importorskip("modelgen")
flexbuffers = pytest.importorskip("flatbuffers.flexbuffers")

FLOAT, INT32, STRING = 1, 3, 7


def varint(n):
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def message(*fields):
    """A protobuf message of (number, bytes or int)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def node_def(op, attrs=(), name="n"):
    """attrs: [(name, AttrValue as bytes)]."""
    return message((1, name.encode()), (2, op.encode()), *((5, message((1, k.encode()), (2, v))) for k, v in attrs))


def type_attr(code):
    return message((6, code))


def options(op, node):
    builder = flexbuffers.Builder()
    with builder.Vector():
        for text in (op.encode(), node):
            builder._WriteBlob(text, append_zero=True, type_=flexbuffers.Type.STRING)
    return bytes(builder.Finish())


def model(op, custom, inputs=("float32",), outputs=("float32",), shape=(2, 2), omit=False):
    """x0 ... -> op -> y0 ...; and x0 + x0 -> z beside it."""
    g = modelgen.ModelGen()
    xs = [g.tensor(f"x{i}", dtype, shape) for i, dtype in enumerate(inputs)]
    ys = [g.tensor(f"y{i}", dtype, shape) for i, dtype in enumerate(outputs)]
    z = g.tensor("z", "float32", shape)
    g.op("CUSTOM", [-1] if omit else xs, ys, custom=op, custom_options=custom)
    g.op("ADD", [xs[0], xs[0]], [z], "AddOptions")
    g.inputs(xs)
    g.outputs([*ys, z])
    return g.build()


def inverse(**kwargs):
    return model("FlexMatrixInverse", options("MatrixInverse", node_def("MatrixInverse", [("T", type_attr(FLOAT))])), **kwargs)


def test_runs():
    x = np.array([[2, 0], [1, 4]], np.float32)
    interpreter = Interpreter(model_content=inverse())
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, x)
    interpreter.invoke()
    np.testing.assert_allclose(interpreter.get_tensor(1), np.linalg.inv(x), rtol=1e-6)
    np.testing.assert_array_equal(interpreter.get_tensor(2), x + x)
    opened = unflow.open(inverse())
    assert opened.run(x0=x)["y0"].shape == (2, 2)
    assert not opened.unsupported


def test_defaults_come_from_the_signature():
    """adjoint is left out, as files may leave out what has its default."""
    given = node_def("MatrixInverse", [("T", type_attr(FLOAT)), ("adjoint", message((5, 1)))])
    x = np.array([[1, 2], [3, 5]], np.float32)
    for custom, want in ((options("MatrixInverse", given), np.linalg.inv(x.T)), (None, np.linalg.inv(x))):
        data = model("FlexMatrixInverse", custom) if custom else inverse()
        np.testing.assert_allclose(unflow.open(data).run(x0=x)["y0"], want, rtol=1e-5)


def test_options_as_a_blob():
    """What a FlexBuffer calls a blob is taken, too."""
    custom = bytes(flexbuffers.Dumps(["MatrixInverse", node_def("MatrixInverse", [("T", type_attr(FLOAT))])]))
    assert unflow.open(model("FlexMatrixInverse", custom)).run(x0=np.eye(2, dtype=np.float32))["y0"].tolist() == [[1, 0], [0, 1]]


def test_an_outputs_dtype_is_the_ops():
    """The file says float32 of what is a string."""
    node = node_def("AsString", [("T", type_attr(FLOAT))])
    opened = unflow.open(model("FlexAsString", options("AsString", node)))
    assert opened.run(x0=np.zeros((2, 2), np.float32))["y0"].tolist() == [[b"0.000000"] * 2] * 2


INPUTS = "expected 1 inputs (input:$T), found 2"
REFUSED = [
    ("no options", dict(op="FlexMatrixInverse", custom=None), "expected options that hold the node of a TensorFlow op, found 0 other bytes; convert the model again"),
    ("a map", dict(op="FlexMatrixInverse", custom=modelgen.flex({"a": 1})), "expected options that hold the node of a TensorFlow op, found 12 other bytes; convert the model again"),
    ("damaged", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", b"\x0a\x7f")), "expected the node of a TensorFlow op, found damaged bytes; convert the model again"),
    ("damaged attribute", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", message((2, b"MatrixInverse"), (5, b"\x0a\x7f")))),
     "expected a node's attribute, found damaged bytes; convert the model again"),
    ("no such op", dict(op="FlexNoSuchOp", custom=options("NoSuchOp", node_def("NoSuchOp"))),
     "expected an op of TensorFlow that this library has, found 'NoSuchOp'; register an op 'FlexNoSuchOp' of your own (uf_op_register, custom_ops= in Python)"),
    ("no attribute", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", node_def("MatrixInverse"))), "expected an attribute 'T', found none"),
    ("too many inputs", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", node_def("MatrixInverse", [("T", type_attr(FLOAT))])), inputs=("float32", "float32")), INPUTS),
    ("too many outputs", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", node_def("MatrixInverse", [("T", type_attr(FLOAT))])), outputs=("float32", "float32")),
     "expected 1 outputs (output:$T), found 2"),
    ("omitted", dict(op="FlexMatrixInverse", custom=options("MatrixInverse", node_def("MatrixInverse", [("T", type_attr(FLOAT))])), omit=True),
     "expected a value for input 0, found it omitted"),
    ("references", dict(op="FlexVariableV2", custom=options("VariableV2", node_def("VariableV2", [("dtype", type_attr(FLOAT)), ("shape", message((7, b"")))])), inputs=("float32",)),
     "expected 0 inputs (), found 1"),
    ("branches", dict(op="FlexSwitch", custom=options("Switch", node_def("Switch", [("T", type_attr(FLOAT))])), inputs=("float32", "bool"), outputs=("float32", "float32")),
     "expected an op that gives all its outputs, found 'Switch', control flow of TensorFlow 1; convert the model again with control flow version 2"),
    ("functions", dict(op="FlexPartitionedCall", custom=options("PartitionedCall", node_def("PartitionedCall", [
        ("f", message((10, message((1, b"body"))))), ("Tin", message((1, message((6, 1))))), ("Tout", message((1, message((6, 1)))))]))),
     "expected a function 'body' in the graph's library, found none of that name (or one whose types its callers decide)"),
]


@pytest.mark.parametrize("what,how,words", REFUSED, ids=[r[0] for r in REFUSED])
def test_refused_and_the_rest_runs(what, how, words):
    data = model(**how)
    opened = unflow.open(data)
    (line,) = opened.unsupported
    assert line.startswith(f"op #0 {how['op']} (custom) 'y0': {words}"), line
    interpreter = Interpreter(model_content=data)
    for refuses in (interpreter.allocate_tensors, interpreter.invoke):
        with pytest.raises(unflow.errors.OpError) as error:
            refuses()
        assert words in str(error.value)
        interpreter.set_tensor(0, np.ones((2, 2), np.float32))
    last = interpreter.get_output_details()[-1]["index"]
    assert interpreter.get_tensor(last).tolist() == [[2, 2], [2, 2]]


def test_references_of_version_1():
    custom = options("VariableV2", node_def("VariableV2", [("dtype", type_attr(FLOAT)), ("shape", message((7, b"")))]))
    g = modelgen.ModelGen()
    y = g.tensor("y", "float32", ())
    g.op("CUSTOM", [], [y], custom="FlexVariableV2", custom_options=custom)
    g.inputs([])
    g.outputs([y])
    assert "expected an op on values, found one on references to variables of TensorFlow 1" in unflow.open(g.build()).unsupported[0]


def test_another_dtype_than_the_node_says():
    data = inverse(inputs=("int32",))
    with pytest.raises(unflow.errors.OpError, match=r"op #0 FlexMatrixInverse 'y0': expected input 0 of dtype float32, found 'x0' int32"):
        unflow.open(data).run(x0=np.ones((2, 2), np.int32))


def test_a_constant_that_repeats_one_value_is_bounded():
    """TensorProto {dtype float, shape (1 << 28), one value}: a gigabyte of thirty bytes."""
    shape = message((2, message((1, 1 << 28))))
    tensor = message((1, FLOAT), (2, shape), (5, b"\0\0\x80\x3f"))
    node = node_def("Const", [("dtype", type_attr(FLOAT)), ("value", message((8, tensor)))])
    with pytest.raises(unflow.errors.ResourceExhaustedError, match="the file is damaged or made to harm"):
        unflow.open(model("FlexConst", options("Const", node)))


# ---- TensorFlow's ops under their own names, as TFLite's kernels for them have them ----------------

def chain(steps, feeds, results):
    """steps: (op, inputs, [(output, dtype)], options); values of `results` for feeds {name: array}."""
    g, at = modelgen.ModelGen(), {}
    for name, x in feeds.items():
        at[name] = g.tensor(name, x.dtype.name, x.shape)
    for op, inputs, outputs, custom in steps:
        at.update({name: g.tensor(name, dtype, ()) for name, dtype in outputs})
        g.op("CUSTOM", [at[i] for i in inputs], [at[name] for name, _ in outputs], custom=op, custom_options=custom)
    g.inputs([at[name] for name in feeds])
    g.outputs([at[name] for name in results])
    opened = unflow.open(g.build())
    assert not opened.unsupported, opened.unsupported
    out = opened.run(**feeds)
    return [np.asarray(out[name]) for name in results]


def test_lists_of_tensors():
    x, y = np.arange(3, dtype=np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)
    shape, one, two, n = np.array([3], np.int32), np.int32(1), np.int32(2), np.array(3, np.int32)
    v = "variant"
    steps = [("TensorListReserve", ["shape", "n"], [("a", v)], np.int32(0).tobytes()), ("TensorListSetItem", ["a", "one", "x"], [("b", v)], b""),
             ("TensorListStack", ["b", "shape"], [("stacked", "float32")], b""), ("TensorListLength", ["b"], [("length", "int32")], b""),
             ("TensorListPushBack", ["b", "x"], [("c", v)], b""), ("TensorListLength", ["c"], [("longer", "int32")], b""),
             ("TensorListPopBack", ["c", "shape"], [("d", v), ("popped", "float32")], b""),
             ("TensorListFromTensor", ["y", "shape"], [("e", v)], b""), ("TensorListGetItem", ["e", "one", "shape"], [("got", "float32")], b""),
             ("TensorListElementShape", ["e"], [("element_shape", "int32")], b""), ("VariantAddN", ["e", "e"], [("f", v)], b""),
             ("TensorListStack", ["f", "shape"], [("doubled", "float32")], b""), ("VariantZerosLike", ["e"], [("z", v)], b""),
             ("TensorListStack", ["z", "shape"], [("zeros", "float32")], b"")]
    feeds = {"x": x, "y": y, "shape": shape, "n": n, "one": np.array(1, np.int32)}
    names = ["stacked", "length", "longer", "popped", "got", "element_shape", "doubled", "zeros"]
    got = dict(zip(names, chain(steps, feeds, names)))
    np.testing.assert_array_equal(got["stacked"], [0 * x, x, 0 * x])
    assert (got["length"], got["longer"], got["length"].dtype) == (3, 4, np.int32)
    np.testing.assert_array_equal(got["popped"], x)
    np.testing.assert_array_equal(got["got"], y[1])
    np.testing.assert_array_equal(got["element_shape"], [3])
    np.testing.assert_array_equal(got["doubled"], 2 * y)
    np.testing.assert_array_equal(got["zeros"], 0 * y)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("a,b,want", [([2, 3], [2, 3], ([], [])), ([2, 1, 3], [3], ([1], [0, 1])), ([1], [4, 1], ([0, 1], [1])), ([], [2], ([0], []))])
def test_broadcast_gradient_args(dtype, a, b, want):
    got = chain([("BroadcastGradientArgs", ["a", "b"], [("p", dtype), ("q", dtype)], b"")], {"a": np.array(a, dtype), "b": np.array(b, dtype)}, ["p", "q"])
    assert [g.tolist() for g in got] == list(want) and got[0].dtype.name == dtype


def test_parse_example():
    """Options as those of Flex ops."""
    feature = message((1, message((1, b"f"), (2, message((2, message((1, b"\0\0\x80\x3f\0\0\0\x40"))))))))
    example = message((1, feature))
    attrs = [("Nsparse", message((3, 0))), ("Ndense", message((3, 1))), ("sparse_types", message((1, b""))), ("Tdense", message((1, message((6, b"\x01"))))),
             ("dense_shapes", message((1, message((7, message((2, message((1, 2)))))))))]
    custom = options("ParseExample", node_def("ParseExample", attrs))
    feeds = {"serialized": np.array([example, example], object), "names": np.array([], object), "keys": np.array(b"f", object),
             "defaults": np.array([], np.float32)}
    g, at = modelgen.ModelGen(), {}
    for name, x in feeds.items():
        at[name] = g.tensor(name, "string" if x.dtype == object else x.dtype.name, x.shape)
    y = g.tensor("y", "float32", ())
    g.op("CUSTOM", [at[name] for name in feeds], [y], custom="ParseExample", custom_options=custom)
    g.inputs(list(at.values()))
    g.outputs([y])
    opened = unflow.open(g.build())
    assert not opened.unsupported, opened.unsupported
    assert opened.run(**feeds)["y"].tolist() == [[1, 2], [1, 2]]


def test_a_list_without_a_dtype():
    g = modelgen.ModelGen()
    shape, n, y = g.constant("shape", "int32", [1]), g.tensor("n", "int32", ()), g.tensor("y", "variant", ())
    g.op("CUSTOM", [shape, n], [y], custom="TensorListReserve", custom_options=b"")
    g.inputs([n])
    g.outputs([y])
    assert "expected options with the dtype of a list's elements, found none" in unflow.open(g.build()).unsupported[0]


@pytest.mark.parametrize("paths", [1, 2, 3])
@pytest.mark.parametrize("merge", [False, True])
def test_ctc_beam_search(paths, merge):
    """TFLite's op beside TensorFlow's, whose integers are int64."""
    rng = np.random.default_rng(paths)
    x, lengths = rng.standard_normal((7, 3, 5)).astype(np.float32) * 2, np.array([7, 4, 5], np.int32)
    outputs = 3 * paths + 1
    flex = options("CTCBeamSearchDecoder", node_def("CTCBeamSearchDecoder", [
        ("T", type_attr(FLOAT)), ("beam_width", message((3, 10))), ("top_paths", message((3, paths))), ("merge_repeated", message((5, int(merge))))]))
    ours = modelgen.flex({"beam_width": 10, "top_paths": paths, "merge_repeated": merge})
    names = [f"y{i}" for i in range(outputs)]
    wide = [(n, "int64" if i + 1 < outputs else "float32") for i, n in enumerate(names)]
    narrow = [(n, d.replace("64", "32") if d == "int64" else d) for n, d in wide]
    want = chain([("FlexCTCBeamSearchDecoder", ["x", "lengths"], wide, flex)], {"x": x, "lengths": lengths}, names)
    got = chain([("CTCBeamSearchDecoder", ["x", "lengths"], narrow, ours)], {"x": x, "lengths": lengths}, names)
    for a, b in zip(want, got):
        np.testing.assert_array_equal(a, b)
        assert b.dtype == (np.int32 if a.dtype == np.int64 else np.float32)
