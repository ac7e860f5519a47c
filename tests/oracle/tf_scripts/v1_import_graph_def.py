# SPDX-License-Identifier: Apache-2.0
"""as_graph_def, import_graph_def, files of graphs."""

import tensorflow as tf

v1 = tf.compat.v1
with tf.Graph().as_default() as graph:
    x = v1.placeholder(tf.float32, [None, 2], name="x")
    w = tf.constant([[1.0], [2.0]], name="w")
    tf.identity(tf.nn.relu(tf.matmul(x, w, name="product")), name="y")
    definition = graph.as_graph_def()
print([(node.name, node.op) for node in definition.node])
print(definition.node[2].input, definition.node[0].attr["dtype"].type == tf.float32.as_datatype_enum)
data = definition.SerializeToString()
again = v1.GraphDef()
again.ParseFromString(data)
print(len(again.node), again.node[1].name, again == definition)
tf.io.write_graph(graph, "folder", "graph.pb", as_text=False)
with tf.io.gfile.GFile("folder/graph.pb", "rb") as source:
    from_file = v1.GraphDef.FromString(source.read())
with tf.Graph().as_default() as other:
    found = tf.import_graph_def(from_file, return_elements=["y:0", "product"], name="copy")
    print(found[0].name, found[1].name, found[1].type)
    with v1.Session() as session:
        print(session.run("copy/y:0", {"copy/x:0": [[3.0, 4.0], [-1.0, -1.0]]}))
with tf.Graph().as_default():
    fresh = tf.constant([[10.0, 20.0]])
    y, = tf.import_graph_def(again, input_map={"x": fresh}, return_elements=["y:0"], name="")
    print(y.name, [op.name for op in v1.get_default_graph().get_operations()])
    with v1.Session() as session:
        print(session.run(y))
    try:
        tf.import_graph_def(again, return_elements=["none:0"])
    except ValueError as error:
        print(type(error).__name__)
array = tf.make_ndarray(definition.node[1].attr["value"].tensor)
print(array.tolist(), array.dtype)
