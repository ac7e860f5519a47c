# SPDX-License-Identifier: Apache-2.0
"""Messages: what generated classes of protobuf do, these do."""

import copy
import pickle

import numpy as np
import pytest
import unflow as tf
from unflow import _proto as P
from unflow._proto_text import MessageToString, Parse

GraphDef, NodeDef, AttrValue = P.GraphDef, P.NodeDef, P.AttrValue


def graph():
    g = GraphDef()
    n = g.node.add(name="a", op="Const", input=["x", "^y"])
    n.attr["dtype"].type = 1
    n.attr["value"].tensor.float_val.extend([1.5, -2])
    n.attr["l"].list.i.extend([1, -1, 2**40])
    g.versions.producer = 22
    g.library.function.add().signature.name = "f"
    return g


def test_fields_and_presence():
    g = graph()
    assert g.HasField("versions") and g.HasField("library") and not GraphDef().HasField("versions")
    empty = GraphDef()
    assert empty.versions.producer == 0 and not empty.HasField("versions")
    empty.versions.producer = 0
    assert empty.HasField("versions")
    value = AttrValue(i=3)
    assert value.WhichOneof("value") == "i"
    value.s = b"x"
    assert value.WhichOneof("value") == "s" and value.i == 0 and not value.HasField("i")
    value.ClearField("value")
    assert value.WhichOneof("value") is None
    value.list.SetInParent()
    assert value.WhichOneof("value") == "list" and value.HasField("list")
    assert value.tensor.dtype == 0 and value.WhichOneof("value") == "list"
    value.tensor.tensor_shape.dim.add(size=2)
    assert value.WhichOneof("value") == "tensor"
    assert [f.name for f, _ in g.ListFields()] == ["node", "library", "versions"]


def test_wrong_values():
    n = NodeDef()
    for name, value, error in (("name", 3, TypeError), ("nothing", 3, AttributeError),
                               ("attr", {}, AttributeError), ("input", [], AttributeError)):
        with pytest.raises(error):
            setattr(n, name, value)
    with pytest.raises(ValueError):
        P.VersionDef(producer=2**31)
    with pytest.raises(ValueError):
        NodeDef(nothing=1)
    with pytest.raises(ValueError):
        n.HasField("name")
    with pytest.raises(ValueError):
        n.attr["x"] = AttrValue()
    with pytest.raises(TypeError):
        n.CopyFrom(GraphDef())
    with pytest.raises(TypeError):
        n.input.append(3)


def test_bytes_and_copies():
    g = graph()
    data = g.SerializeToString()
    assert GraphDef.FromString(data) == g and g.ByteSize() == len(data)
    assert GraphDef.FromString(data).SerializeToString() == data
    assert copy.deepcopy(g) == g and pickle.loads(pickle.dumps(g)) == g
    other = GraphDef()
    other.CopyFrom(g)
    other.node[0].name = "b"
    assert g.node[0].name == "a" and other != g
    other.MergeFrom(g)
    assert [n.name for n in other.node] == ["b", "a"] and other.versions.producer == 22
    del other.node[0]
    other.node.extend(g.node)
    other.node.append(g.node[0])
    assert len(other.node) == 3 and other.node[-1].attr["l"].list.i[2] == 2**40
    assert GraphDef.FromString(data + b"\xf8\x06\x07").SerializeToString().endswith(b"\xf8\x06\x07")


@pytest.mark.parametrize("data", [
    b"\x0a", b"\x0a\x05ab", b"\x00", b"\x0b", b"\x22\x03\x0a\xff\x01", b"\xff" * 11, b"\x07", b"\x25\x01"])
def test_damaged_bytes(data):
    with pytest.raises(P.DecodeError):
        GraphDef.FromString(data)


def test_text():
    g = graph()
    text = str(g)
    assert 'name: "a"' in text and "type: DT_FLOAT" in text and "float_val: 1.5" in text
    assert Parse(text, GraphDef()) == g == Parse(MessageToString(g).encode(), GraphDef())
    loose = """# words
      node < name: 'a' op: "C" "onst", input: ["x", "y"]; attr { key: 'k' value { f: -1e3 } }
             attr { key: "b" value { s: "\\001\\x41\\n\\303\\251" } } attr {key: "t" value {type: 1}} >"""
    n = Parse(loose, GraphDef()).node[0]
    assert (n.op, list(n.input), n.attr["k"].f) == ("Const", ["x", "y"], -1000)
    assert n.attr["b"].s == b"\x01A\n\xc3\xa9" and n.attr["t"].type == 1
    for bad in ("node {", "nothing: 1", "node { name: 3 }", 'node { name "a" }', "node: \x01",
                "versions { producer: x }", "node { attr { kez: 1 } }"):
        with pytest.raises(P.DecodeError, match="line 1"):
            Parse(bad, GraphDef())


def test_enums_and_tensors():
    assert P.DataType.Name(1) == "DT_FLOAT" and P.DataType.Value("DT_INT64") == 9
    assert P.SaverDef.V2 == 2 and P.AttrValue.ListValue(i=[1]).i == [1]
    assert AttrValue(type=tf.float32).type == 1
    for array in (np.arange(6.0).reshape(2, 3), np.array(["a", "b"], object), np.int8(3), np.zeros((0, 2))):
        proto = tf.make_tensor_proto(array)
        assert tf.make_ndarray(proto).tolist() == np.asarray(array).tolist() or array.dtype == object
    filled = P.TensorProto(dtype=3, int_val=[7])
    filled.tensor_shape.dim.add(size=3)
    assert tf.make_ndarray(filled).tolist() == [7, 7, 7]
    with pytest.raises(ValueError):
        tf.make_tensor_proto([1, 2, 3], shape=[2])
